"""Figures of two players' dynamics: the vector field of their updates, and the paths that methods take in it."""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.plots.description import counted, describe, number, span
from course_gan.plots.inputs import Extent, around, check_extent, drawable, lattice
from course_gan.plots.seeds import LINES
from course_gan.plots.style import GRAY, panels

NAMES = (r"generator $\theta$", r"critic $\psi$")


def vector_field(
    field: Callable[[Tensor], object],
    extent: Extent = (-2.0, 2.0, -2.0, 2.0),
    *,
    cells: int = 15,
    names: tuple[str, str] = NAMES,
    axes: Axes | None = None,
) -> Figure:
    """Arrows of the velocities `field`, from points (n, 2) to velocities (n, 2), on a grid over `extent`.

    Arrows are as long as the velocity, the longest a little more than one cell of the grid.
    """
    figure, (ax,) = panels(1, 1, 4.2, axes)
    speed = _draw_field(ax, field, check_extent(extent), cells)
    _frame(ax, extent, names)
    left, right, bottom, top = (number(side) for side in extent)
    text = (
        f"Arrows of a vector field on a grid of {cells} by {cells} over {left} to {right} across and "
        f"{bottom} to {top} up; speeds reach {span(speed)}."
    )
    return describe(figure, text, add=axes is not None)


def trajectories(
    paths: Mapping[str, Tensor],
    *,
    field: Callable[[Tensor], object] | None = None,
    equilibrium: tuple[int | float, int | float] | None = (0.0, 0.0),
    extent: Extent | None = None,
    cells: int = 15,
    names: tuple[str, str] = NAMES,
    axes: Axes | None = None,
) -> Figure:
    """The paths (steps, 2) of several methods from their starts, over the arrows of `field` if it is given.

    A dot marks the start of a path, a square its end, a star the `equilibrium`.  What leaves `extent` is cut off.
    """
    if not paths:
        raise ValueError("paths are empty; wanted at least one, a dict from label to a tensor (steps, 2).")
    tracks = {label: _track(label, path) for label, path in paths.items()}
    center = torch.zeros(0, 2) if equilibrium is None else torch.tensor([equilibrium])
    extent = around(*tracks.values(), center) if extent is None else check_extent(extent)
    figure, (ax,) = panels(1, 1, 4.4, axes)
    if field is not None:
        _draw_field(ax, field, extent, cells)
    sentences = []
    for (label, track), line in zip(tracks.items(), (LINES * len(tracks))[: len(tracks)], strict=True):
        ax.plot(track[:, 0], track[:, 1], label=label, linewidth=1.5, **line)
        ax.plot(*track[0], "o", color=line["color"], markersize=5)
        ax.plot(*track[-1], "s", color=line["color"], markersize=5)
        sentences.append(_journey(label, track, equilibrium))
    if equilibrium is not None:
        ax.plot(*equilibrium, "*", color="black", markersize=11)
    _frame(ax, extent, names)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    over = " over the arrows of their vector field" if field is not None else ""
    text = f"{counted(len(tracks), 'path')} of two players{over}. " + " ".join(sentences)
    return describe(figure, text, add=axes is not None)


def _track(label: str, path: object) -> Tensor:
    track = drawable(f"the path {label!r}", path).double()
    if track.ndim != 2 or track.shape[1] != 2:
        raise ValueError(f"the path {label!r} has shape {tuple(track.shape)}; wanted (steps, 2).")
    lost = (~track.isfinite().all(1)).nonzero()[:, 0]
    if len(lost) == 0:
        return track
    if int(lost[0]) == 0:
        raise ValueError(f"the path {label!r} starts at {track[0].tolist()}; wanted a finite start.")
    return track[: int(lost[0])]  # what diverges is drawn as far as it is finite


def _draw_field(ax: Axes, field: Callable[[Tensor], object], extent: Extent, cells: int) -> Tensor:
    _, _, points = lattice(extent, cells)
    velocity = field(points)
    if not isinstance(velocity, Tensor) or velocity.shape != points.shape:
        got = tuple(velocity.shape) if isinstance(velocity, Tensor) else type(velocity).__name__
        raise ValueError(f"the field made {got} of {tuple(points.shape)}; wanted velocities {tuple(points.shape)}.")
    velocity = drawable("the velocities", velocity).double()
    if not velocity.isfinite().all():
        raise ValueError("the field has velocities that are not finite; wanted ones that can be drawn.")
    speed: Tensor = velocity.norm(dim=1)
    step = (extent[1] - extent[0]) / (cells - 1)
    arrow = velocity * (1.2 * step / speed.amax().clamp(min=1e-12))
    options: dict[str, Any] = {"angles": "xy", "scale_units": "xy", "scale": 1, "color": GRAY, "width": 0.004}
    ax.quiver(*points.T.numpy(), *arrow.T.numpy(), **options)
    return speed


def _frame(ax: Axes, extent: Extent, names: tuple[str, str]) -> None:
    left, right, bottom, top = extent
    ax.set(aspect="equal", xlim=(left, right), ylim=(bottom, top), xlabel=names[0], ylabel=names[1])


def _journey(label: str, track: Tensor, equilibrium: tuple[int | float, int | float] | None) -> str:
    steps = counted(len(track) - 1, "step")
    if equilibrium is None:
        x, y = track[-1].tolist()
        return f"{label}: after {steps} at ({number(x)}, {number(y)})."
    away = (track - torch.tensor(equilibrium, dtype=torch.float64)).norm(dim=1)
    start, end = float(away[0]), float(away[-1])
    verb = (
        "keeps its distance of" if abs(end - start) <= 1e-3 * start else "moves away to" if end > start else "comes to"
    )
    return f"{label}: from distance {number(start)} of the equilibrium it {verb} {number(end)} in {steps}."
