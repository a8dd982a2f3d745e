r"""Figures of a critic over the plane: its scores as a landscape, their gradients, the probability it gives to real."""

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.plots.clouds import mark_samples
from course_gan.plots.description import describe, number, span
from course_gan.plots.inputs import Critic, Extent, Quiet, around, check_extent, lattice, plane
from course_gan.plots.style import panels


def critic_landscape(
    critic: Critic,
    extent: Extent | None = None,
    *,
    real: Tensor | None = None,
    fake: Tensor | None = None,
    arrows: bool = True,
    cells: int = 80,
    axes: Axes | None = None,
) -> Figure:
    """Scores of `critic` over the plane as filled contours: the darker the more real.

    `critic` takes points (n, 2) and gives scores (n,).  `real` (n, 2) and `fake` (m, 2) are marked, and at up to 60
    fakes `arrows` point where the generator's loss pushes them: uphill.  Without `extent`, (left, right, bottom, top),
    the figure holds all points.  The critic is looked at in evaluation mode, and left as it was.
    """
    clouds, extent = _clouds(real, fake, extent)
    figure, (ax,) = panels(1, 1, 4.0, axes)
    across, up, points = lattice(extent, cells)
    with Quiet(critic) as quiet:
        scores = _finite(quiet.scores(points), "scores")
        slopes = quiet.gradients(clouds["fake"]) if arrows and "fake" in clouds else None
    _fill(figure, ax, across, up, scores, "score")
    _mark(ax, clouds, extent)
    top = points[int(scores.argmax())]
    text = (
        f"Contour map of a critic's scores, {span(scores)}, over {_window(extent)}; "
        f"highest near ({number(float(top[0]))}, {number(float(top[1]))})."
    )
    text += _scores_text(clouds, critic)
    if slopes is not None:
        text += " " + _arrows(ax, clouds["fake"][:60], slopes[:60], extent)
    return describe(figure, text, add=axes is not None)


def gradient_field(
    critic: Critic, extent: Extent, *, real: Tensor | None = None, cells: int = 17, axes: Axes | None = None
) -> Figure:
    """The gradient of the scores on a grid: arrows point where a fake standing there would be pushed.

    Arrows show the direction, and their color the length of the gradient, on the scale beside the figure.
    """
    clouds, extent = _clouds(real, None, extent)
    figure, (ax,) = panels(1, 1, 4.0, axes)
    _, _, points = lattice(extent, cells)
    with Quiet(critic) as quiet:
        slopes = _finite(quiet.gradients(points), "gradients")
    length = slopes.norm(dim=1)
    unit = slopes / length.clamp(min=1e-12)[:, None]
    step = (extent[1] - extent[0]) / (cells - 1)
    longest = float(length.amax()) + 1e-12
    drawn = ax.quiver(
        *points.T.numpy(), *(0.8 * step * unit).T.numpy(), length.numpy(),
        angles="xy", scale_units="xy", scale=1, pivot="mid", cmap="Blues", clim=(-0.6 * longest, longest), width=0.006,
    )  # fmt: skip
    figure.colorbar(drawn, ax=ax, label="length of the gradient", shrink=0.8).ax.set_ylim(0, longest)
    _mark(ax, clouds, extent)
    text = (
        f"Arrows of a critic's gradient on a grid over {_window(extent)}; its length reaches {span(length)}, "
        f"median {number(float(length.median()))}."
    )
    return describe(figure, text, add=axes is not None)


def decision_surface(
    critic: Critic,
    extent: Extent | None = None,
    *,
    real: Tensor | None = None,
    fake: Tensor | None = None,
    cells: int = 80,
    axes: Axes | None = None,
) -> Figure:
    r"""The probability $\sigma(\text{score})$ that a discriminator gives to "real", and its border at one half.

    Arguments as for `critic_landscape`.
    """
    clouds, extent = _clouds(real, fake, extent)
    figure, (ax,) = panels(1, 1, 4.0, axes)
    across, up, points = lattice(extent, cells)
    with Quiet(critic) as quiet:
        scores = _finite(quiet.scores(points), "scores")
        right = {name: quiet.scores(cloud) for name, cloud in clouds.items()}
    chance = scores.sigmoid()
    levels = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1]
    image = chance.reshape(cells, cells).numpy()
    filled = ax.contourf(across, up, image, levels=levels, cmap="RdBu", vmin=-0.6, vmax=1.6)
    figure.colorbar(filled, ax=ax, label=r"$\sigma$(score)", shrink=0.8, ticks=levels[::2])
    if float(scores.amin()) < 0 < float(scores.amax()):
        # From the scores themselves, as probabilities saturate.
        ax.contour(across, up, scores.reshape(cells, cells).numpy(), levels=[0.0], colors="black", linewidths=1.6)
    _mark(ax, clouds, extent)
    share = float((scores > 0).double().mean())
    text = (
        f"Map of the probability that a discriminator gives to real over {_window(extent)}, {span(chance)}; "
        f"above one half on {share:.0%} of the area."
    )
    for name, sign in (("real", 1), ("fake", -1)):
        if name in right:
            text += f" It is right on {float((sign * right[name] > 0).double().mean()):.0%} of the {name} samples."
    return describe(figure, text, add=axes is not None)


def _clouds(real: Tensor | None, fake: Tensor | None, extent: Extent | None) -> tuple[dict[str, Tensor], Extent]:
    """The points given, ready to draw, and the extent asked for or the one around them."""
    given = (("real", real), ("fake", fake))
    clouds = {name: plane(name, cloud) for name, cloud in given if cloud is not None}
    if extent is None and not clouds:
        raise ValueError("neither extent nor samples are given; wanted extent=(left, right, bottom, top) or samples.")
    return clouds, around(*clouds.values()) if extent is None else check_extent(extent)


def _finite(values: Tensor, what: str) -> Tensor:
    if not values.isfinite().all():
        raise ValueError(
            f"the critic's {what} are not all finite; wanted numbers that can be drawn. Did training fail?"
        )
    return values


def _fill(figure: Figure, ax: Axes, across: Tensor, up: Tensor, scores: Tensor, label: str) -> None:
    low, high = float(scores.amin()), float(scores.amax())
    if high - low <= 1e-9 * max(1.0, abs(high)):  # a flat critic, too, has a picture: one color
        low, high = low - 0.5, high + 0.5
    pad = 1e-6 * (high - low)  # rounding must not leave the extremes uncolored
    levels = torch.linspace(low - pad, high + pad, 13, dtype=torch.float64).tolist()
    image = scores.reshape(len(up), len(across)).numpy()
    filled = ax.contourf(across, up, image, levels=levels, cmap="Greys", vmax=2 * high - low)  # up to a middle gray
    figure.colorbar(filled, ax=ax, label=label, shrink=0.8, format="%.3g")


def _mark(ax: Axes, clouds: dict[str, Tensor], extent: Extent) -> None:
    mark_samples(ax, clouds.get("real"), clouds.get("fake"))
    left, right, bottom, top = extent
    ax.set(aspect="equal", xlim=(left, right), ylim=(bottom, top), xlabel="$x_1$", ylabel="$x_2$")
    if clouds:
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2, markerscale=2.5, handletextpad=0.2)


def _arrows(ax: Axes, fakes: Tensor, slopes: Tensor, extent: Extent) -> str:
    """Arrows uphill at the fakes, the longest an eighth of the figure; and a sentence on them."""
    longest = float(_finite(slopes, "gradients").norm(dim=1).amax())
    reach = 0.125 * (extent[1] - extent[0]) / max(longest, 1e-12)
    ax.quiver(
        *fakes.T.numpy(), *(reach * slopes).T.numpy(),
        angles="xy", scale_units="xy", scale=1, color="black", width=0.006, zorder=3,
    )  # fmt: skip
    mean = slopes.mean(0)
    return (
        f"Arrows at {len(fakes)} fakes point uphill, on average along "
        f"({number(float(mean[0]))}, {number(float(mean[1]))}); the longest gradient is {number(longest)}."
    )


def _scores_text(clouds: dict[str, Tensor], critic: Critic) -> str:
    with Quiet(critic) as quiet:
        means = [f"{name} {number(float(quiet.scores(cloud).mean()))}" for name, cloud in clouds.items()]
    return f" Mean score: {', '.join(means)}." if means else ""


def _window(extent: Extent) -> str:
    left, right, bottom, top = (number(side) for side in extent)
    return f"{left} to {right} across and {bottom} to {top} up"
