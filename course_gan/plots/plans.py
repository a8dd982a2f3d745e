"""Figures of a transport plan: who goes where, between piles on the line, points in the plane, or as a matrix."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.plots.description import counted, describe, number
from course_gan.plots.inputs import around, drawable, plane
from course_gan.plots.style import BLUE, GRAY, VERMILLION, panels


def transport_plan(
    x: Tensor, y: Tensor, plan: Tensor, *, names: tuple[str, str] = ("real", "fake"), axes: Axes | None = None
) -> Figure:
    """Where `plan` (n, m) carries the mass at `x` (n, d) to, among the points `y` (m, d), in one or two dimensions.

    On the line the piles of `x` stand above and those of `y` hang below, as high as they hold mass; in the plane
    points are as large as they hold mass.  The width of a line is the mass that goes along it.
    """
    plan = _plan(plan)
    x, y = drawable("x", x), drawable("y", y)
    x, y = (x[:, None] if x.ndim == 1 else x), (y[:, None] if y.ndim == 1 else y)
    if x.ndim != 2 or x.shape[1] > 2 or y.shape[1:] != x.shape[1:] or plan.shape != (len(x), len(y)):
        raise ValueError(
            f"x has shape {tuple(x.shape)}, y {tuple(y.shape)} and plan {tuple(plan.shape)}; "
            "wanted x (n, 1) or (n, 2), y (m, 1) or (m, 2) alike, and plan (n, m)."
        )
    draw = _between_piles if x.shape[1] == 1 else _between_points
    figure, (ax,) = panels(1, 1, 3.0 if x.shape[1] == 1 else 4.2, axes)
    draw(ax, x, y, plan, names)
    ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    routes = int((plan > 1e-12).sum())
    length = torch.cdist(x.double(), y.double())
    text = (
        f"Transport plan from {counted(len(x), f'{names[0]} point')} to {counted(len(y), f'{names[1]} point')} along "
        f"{counted(routes, 'route')}; the mean way is {number(float((plan * length).sum() / plan.sum()))}, "
        f"the longest {number(float(length[plan > 1e-12].amax()))}."
    )
    return describe(figure, text, add=axes is not None)


def transport_matrix(
    plan: Tensor, *, names: tuple[str, str] = ("real", "fake"), axes: Sequence[Axes] | None = None
) -> Figure:
    """The plan (n, m) as a matrix of squares, with its row sums to the left and its column sums above.

    Three panels: the column sums, the row sums, the matrix.
    """
    plan = _plan(plan)
    n, m = plan.shape
    if axes is None:
        figure, grid = panels(2, 2, 4.2, None, gridspec_kw={"height_ratios": [1, 4], "width_ratios": [1, 4]})
        grid[0].remove()
        above, left, middle = grid[1:]
    else:
        figure, (above, left, middle) = panels(3, 1, 4.2, axes)
    above.bar(range(m), plan.sum(0).tolist(), width=1.0, facecolor="none", edgecolor=VERMILLION, hatch="////")
    left.barh(range(n), plan.sum(1).tolist(), height=1.0, color=BLUE, alpha=0.85)
    middle.imshow(plan.numpy(), cmap="Greys", vmin=0, interpolation="nearest", aspect="auto")
    above.set(title=names[1], xticks=[], xlim=(-0.5, m - 0.5))
    left.set(ylabel=names[0], yticks=[], ylim=(n - 0.5, -0.5), xlim=(float(plan.sum(1).amax()) * 1.05, 0))
    middle.set(xticks=[0, m - 1] if m > 1 else [0], yticks=[0, n - 1] if n > 1 else [0])
    middle.yaxis.tick_right()
    routes = int((plan > 1e-12).sum())
    text = (
        f"Transport plan as a matrix of {n} by {m}: {routes} of its {n * m} entries are above 0, the largest "
        f"{number(float(plan.amax()))}. Row sums {_levels(plan.sum(1))}, column sums {_levels(plan.sum(0))}."
    )
    return describe(figure, text, add=axes is not None)


def _levels(sums: Tensor) -> str:
    low, high = float(sums.amin()), float(sums.amax())
    return f"all {number(low)}" if high - low <= 1e-6 * high else f"from {number(low)} to {number(high)}"


def _plan(plan: Tensor) -> Tensor:
    plan = drawable("plan", plan).double()
    if plan.ndim != 2 or not (plan.isfinite() & (plan >= 0)).all() or not plan.sum() > 0:
        raise ValueError(f"plan has shape {tuple(plan.shape)}; wanted (n, m), masses that are not negative nor all 0.")
    return plan


def _routes(plan: Tensor, widest: float) -> tuple[Tensor, Tensor]:
    """Pairs (k, 2) of indices between which something goes, and how wide each line is to be."""
    pairs = (plan > 1e-12).nonzero()
    mass = plan[pairs[:, 0], pairs[:, 1]]
    return pairs, (widest * mass / mass.amax()).clamp(min=0.3)


def _between_piles(ax: Axes, x: Tensor, y: Tensor, plan: Tensor, names: tuple[str, str]) -> None:
    """Bars up for `x` from a line, bars down for `y` from a lower line, and ribbons between the two lines."""
    both = torch.cat([x, y])
    reach = float(both.amax() - both.amin()) or 1.0
    width = 0.5 * reach / max(len(x), len(y), 10)
    tallest = float(torch.cat([plan.sum(1), plan.sum(0)]).amax())
    upper, lower = 0.5, -0.5  # the ribbons run between these two heights; a full bar is 1 high
    ax.bar(x[:, 0].tolist(), (plan.sum(1) / tallest).tolist(), width, bottom=upper, color=BLUE, label=names[0])
    ax.bar(
        y[:, 0].tolist(), (-plan.sum(0) / tallest).tolist(), width, bottom=lower,
        facecolor="none", edgecolor=VERMILLION, hatch="////", label=names[1],
    )  # fmt: skip
    pairs, widths = _routes(plan, 4.0)
    ends = [[(float(x[i, 0]), upper), (float(y[j, 0]), lower)] for i, j in pairs.tolist()]
    ax.add_collection(LineCollection(ends, linewidths=widths.tolist(), colors=GRAY, alpha=0.6))
    low, high = float(both.amin()), float(both.amax())
    ax.set(xlim=(low - 0.06 * reach, high + 0.06 * reach), ylim=(-1.6, 1.6), yticks=[], xlabel="$x$")
    ax.spines["left"].set_visible(False)


def _between_points(ax: Axes, x: Tensor, y: Tensor, plan: Tensor, names: tuple[str, str]) -> None:
    x, y = plane("x", x), plane("y", y)
    pairs, widths = _routes(plan, 1.8)
    ends = torch.stack([x[pairs[:, 0]].double(), y[pairs[:, 1]].double()], dim=1)
    ax.add_collection(LineCollection(list(ends.numpy()), linewidths=widths.tolist(), colors=GRAY, alpha=0.6))
    sizes = [30 * side / side.amax() for side in (plan.sum(1), plan.sum(0))]
    ax.scatter(x[:, 0], x[:, 1], sizes[0], color=BLUE, marker="o", label=names[0], zorder=2)
    ax.scatter(y[:, 0], y[:, 1], sizes[1], color=VERMILLION, marker="x", label=names[1], zorder=2)
    left, right, bottom, top = around(x, y)
    ax.set(aspect="equal", xlim=(left, right), ylim=(bottom, top), xlabel="$x_1$", ylabel="$x_2$")
