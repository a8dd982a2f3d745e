"""Figures of samples: a cloud of fakes on a cloud of real points, or two histograms on the line."""

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from course_gan.inputs import require_count
from course_gan.plots.description import box, counted, describe, modes_reached, number, span
from course_gan.plots.inputs import Extent, Number, around, check_extent, drawable, plane
from course_gan.plots.style import BLUE, Q_LINE, VERMILLION, panels


def samples(
    real: Tensor,
    fake: Tensor | None = None,
    *,
    centers: Tensor | None = None,
    radius: Number | None = None,
    extent: Extent | tuple[Number, Number] | None = None,
    names: tuple[str, str] = ("real", "fake"),
    bins: int = 60,
    axes: Axes | None = None,
) -> Figure:
    """Real samples as blue dots and fakes as vermillion crosses, or on the line as two histograms.

    `real` is (n, 2), (n, 1) or (n,), and `fake` (m, …) alike.  With `centers` (k, 2) and a `radius` the centers are
    circled, and the alt text counts those that have a fake within the radius.
    `extent` is (left, right, bottom, top), or (left, right) on the line.
    """
    real = drawable("real", real)
    if real.ndim == 1 or (real.ndim == 2 and real.shape[1] == 1):
        return _on_the_line(real, fake, extent, names, bins, axes)
    real, fakes = plane("real", real), None if fake is None else plane("fake", fake)
    figure, (ax,) = panels(1, 1, 4.2, axes)
    mark_samples(ax, real, fakes, names)
    text = f"Scatter plot of {counted(len(real), f'{names[0]} sample')}, {box(real)}"
    if fakes is not None:
        text += f", and of {counted(len(fakes), f'{names[1]} sample')} as crosses, {box(fakes)}"
    text += "."
    if centers is not None:
        text += " " + _circle_modes(ax, plane("centers", centers), radius, (real if fakes is None else fakes), names)
    left, right, bottom, top = around(real, *([] if fakes is None else [fakes])) if extent is None else _box_of(extent)
    ax.set(aspect="equal", xlim=(left, right), ylim=(bottom, top), xlabel="$x_1$", ylabel="$x_2$")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, markerscale=2.5, handletextpad=0.2)
    return describe(figure, text, add=axes is not None)


def mark_samples(ax: Axes, real: Tensor | None, fake: Tensor | None, names: tuple[str, str] = ("real", "fake")) -> None:
    """Dots for real points and crosses for fakes, so that they differ without color, too."""
    if real is not None:
        ax.plot(real[:, 0], real[:, 1], ".", color=BLUE, markersize=3.5, alpha=0.55, label=names[0], linestyle="none")
    if fake is not None:
        ax.plot(fake[:, 0], fake[:, 1], "x", color=VERMILLION, markersize=3.5, alpha=0.8, label=names[1])


def _box_of(extent: Extent | tuple[Number, Number]) -> Extent:
    if len(extent) != 4:
        raise ValueError(f"extent is {extent}; wanted (left, right, bottom, top) for samples in the plane.")
    return check_extent(extent)


def _circle_modes(ax: Axes, centers: Tensor, radius: Number | None, points: Tensor, names: tuple[str, str]) -> str:
    if radius is None or not radius > 0:
        raise ValueError(
            f"radius is {radius}; wanted how far from a center still counts, such as 3 standard deviations."
        )
    for center in centers.tolist():
        ax.add_patch(Circle((center[0], center[1]), radius, fill=False, linewidth=1.0, zorder=3))
    reached = modes_reached(points, centers, radius)
    return f"{reached} of {counted(len(centers), 'mode')} have a sample within {radius:.3g} of the center."


def _on_the_line(
    real: Tensor,
    fake: Tensor | None,
    extent: Extent | tuple[Number, Number] | None,
    names: tuple[str, str],
    bins: int,
    axes: Axes | None,
) -> Figure:
    require_count("bins", bins)
    piles = {names[0]: real.flatten().double()}
    if fake is not None:
        fakes = drawable("fake", fake)
        if fakes.ndim != 1 and fakes.shape[1:] != (1,):
            raise ValueError(f"fake has shape {tuple(fakes.shape)} beside real on the line; wanted (m,) or (m, 1).")
        piles[names[1]] = fakes.flatten().double()
    for name, pile in piles.items():
        if not pile.isfinite().all():
            raise ValueError(f"{name} has entries that are not finite; wanted samples that can be drawn.")
    both = torch.cat(list(piles.values()))
    low, high = (float(both.amin()), float(both.amax())) if extent is None else (float(extent[0]), float(extent[1]))
    if not low < high:
        low, high = low - 0.5, high + 0.5
    figure, (ax,) = panels(1, 1, 3.0, axes)
    edges = torch.linspace(low, high, bins + 1, dtype=torch.float64)
    width = (high - low) / bins
    for (name, pile), fill in zip(piles.items(), (True, False), strict=False):
        heights = torch.histogram(pile, edges).hist / (len(pile) * width)
        if fill:
            ax.stairs(heights.numpy(), edges.numpy(), fill=True, color=BLUE, alpha=0.45, label=name)
        else:
            ax.stairs(heights.numpy(), edges.numpy(), label=name, linewidth=1.8, **Q_LINE)
    ax.set(xlim=(low, high), ylim=(0, None), xlabel="$x$", ylabel="density")
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    parts = " and ".join(f"{counted(len(pile), f'{name} sample')}, {span(pile)}" for name, pile in piles.items())
    middle = ", ".join(f"{name} mean {number(float(pile.mean()))}" for name, pile in piles.items())
    return describe(figure, f"Histogram of {parts}; {middle}.", add=axes is not None)
