"""The figures of chapter 5: price lists, supporting lines, hulls, and the Gaussians that each divergence prefers."""

import math
from collections.abc import Mapping, Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from torch import Tensor

from course_gan.divergences import gaussian_density
from course_gan.fdiv import FDivergence
from course_gan.plots.seeds import LINES
from course_gan.plots.style import GRAY, M_LINE, P_LINE, Q_LINE, panels


def price_lists(divergences: Sequence[FDivergence], axes: Axes | None = None) -> Figure:
    r"""What a ratio u = p/q costs, per unit of the larger one of p and q: f(u) left of 1, f(u)/u right of it.

    Each f is normalized to f(1) = f'(1) = 0 and f''(1) = 1, so the lists differ by taste only.
    """
    exponent = torch.linspace(-6, 6, 481, dtype=torch.float64)
    u = 2**exponent
    figure, (ax,) = panels(1, 1, 3.6, axes)
    for divergence, line in zip(divergences, (LINES * len(divergences))[: len(divergences)], strict=True):
        ax.plot(exponent, _normalized(divergence, u) / u.clamp(min=1), label=divergence.name, **line)
    ax.axvline(0, color=GRAY, linewidth=0.8, linestyle=":", zorder=0)
    ax.set(xlim=(-6, 6), ylim=(0, 4), xlabel="ratio $u = p/q$", ylabel="price per unit")
    ax.set_xticks([-6, -4, -2, 0, 2, 4, 6], ["1/64", "1/16", "1/4", "1", "4", "16", "64"])
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    ax.set_title("$q$ too large", loc="left")
    ax.set_title("$q$ too small", loc="right")
    return figure


def _normalized(divergence: FDivergence, u: Tensor) -> Tensor:
    """f less its tangent at 1, over its curvature there."""
    one = torch.ones((), dtype=u.dtype, requires_grad=True)
    (curvature,) = torch.autograd.grad(divergence.derivative(one), one)
    tangent = divergence.f(one.detach()) + divergence.threshold * (u - 1)
    return (divergence.f(u) - tangent) / curvature


def supporting_lines(
    divergence: FDivergence, slopes: Sequence[float], end: float = 3.0, axes: Sequence[Axes] | None = None
) -> Figure:
    """Left f with its line of each slope t, which meets the axis at -f*(t); right f* with these t marked."""
    figure, (left, right) = panels(1, 2, 3.2, axes)
    u = torch.linspace(0, end, 301, dtype=torch.float64)
    values = divergence.f(u)
    left.plot(u, values, label="$f(u)$", **P_LINE)
    t = torch.tensor(slopes, dtype=torch.float64)
    heights = divergence.conjugate(t)
    markers = "osD^v"
    for slope, height, marker in zip(t.tolist(), heights.tolist(), markers, strict=False):
        left.plot(u, u * slope - height, linewidth=1.2, color=Q_LINE["color"], linestyle=Q_LINE["linestyle"])
        left.plot(0, -height, marker, color="black", markersize=5, clip_on=False, zorder=3)
        right.plot(slope, height, marker, color="black", markersize=5, zorder=3)
    spread = float(values[values.isfinite()].max() - values.min())
    left.set(xlim=(0, end), ylim=(float(min(values.min(), (-heights).min())) - 0.1 * spread, float(values.max())))
    margin = 0.6 * float(t.max() - t.min())
    along = torch.linspace(float(t.min()) - margin, float(t.max()) + margin / 3, 301, dtype=torch.float64)
    right.plot(along, divergence.conjugate(along), **M_LINE)
    left.set_title("$f(u)$, and lines of slope $t$", loc="left")
    right.set_title("$f^*(t)$", loc="left")
    left.set_xlabel("$u$")
    right.set_xlabel("$t$")
    return figure


def hull(u: Tensor, f: Tensor, biconjugate: Tensor, axes: Axes | None = None) -> Figure:
    """A function that is not convex, and f** below it: a rope pulled tight under the graph."""
    figure, (ax,) = panels(1, 1, 3.0, axes)
    ax.plot(u, f, label="$f$", **P_LINE)
    ax.plot(u, biconjugate, label="$f^{**}$", **Q_LINE)
    ax.fill_between(u, biconjugate, f, facecolor="none", edgecolor=GRAY, hatch="////", linewidth=0)
    hump = float((f - biconjugate).max())
    ax.set(xlim=(float(u[0]), float(u[-1])), ylim=(float(biconjugate.min()) - 0.3 * hump, 3 * hump), xlabel="$u$")
    ax.legend(loc="upper center")
    return figure


def learned_critics(
    x: Tensor, p: Tensor, q: Tensor, critics: Mapping[str, tuple[Tensor, Tensor]], axes: Sequence[Axes] | None = None
) -> Figure:
    """Above the densities; below, for each name, the optimal critic f'(p/q) and the learned one."""
    figure, grid = panels(1 + len(critics), 1, 1.6 * (1 + len(critics)) + 0.4, axes, sharex=True)
    grid[0].plot(x, p, label="$p$", **P_LINE)
    grid[0].plot(x, q, label="$q$", **Q_LINE)
    grid[0].set(ylabel="density", ylim=(0, None), xlim=(float(x[0]), float(x[-1])))
    grid[0].legend(loc="upper right")
    for ax, (name, (best, learned)) in zip(grid[1:], critics.items(), strict=True):
        ax.plot(x, best, color="black", linewidth=1.2, label="$f\\,'(p/q)$")
        ax.plot(x, learned, label="learned $T$", **M_LINE)
        ax.set_title(name, loc="left")
    grid[-1].legend(loc="lower right")
    grid[-1].set_xlabel("$x$")
    return figure


def misled(
    widths: Tensor, truth: Tensor, bound: Tensor, reached: Mapping[str, Tensor], axes: Axes | None = None
) -> Figure:
    """The divergence and its lower bound over the width of Q, and where generators had come to, run by run."""
    figure, (ax,) = panels(1, 1, 3.4, axes)
    ax.plot(widths, truth, label="divergence", **P_LINE)
    ax.plot(widths, bound, label="bound of affine critics", **Q_LINE)
    for marker, (name, places) in zip("x|", reached.items(), strict=True):
        level = torch.full_like(places, -0.06 if marker == "|" else -0.14)
        ax.plot(places, level, marker, color="black", markersize=8, label=name, clip_on=False)
    ax.set(xlabel="width $s$ of the generator", ylim=(-0.2, None), ylabel="nats")
    ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.2))
    return figure


Gaussian = tuple[float, float]


def gaussians_on_the_line(
    x: Tensor,
    p: Tensor,
    best: Mapping[str, Gaussian],
    found: Mapping[str, Sequence[Gaussian]] | None = None,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """A panel for each divergence: the target, the Gaussian nearest to it, and thin lines for those found by training.

    `best` maps a name to (mean, standard deviation), `found` a name to one pair for each seed.
    """
    figure, grid = panels(len(best), 1, 1.15 * len(best) + 0.6, axes, sharex=True, sharey=True)
    for ax, (name, (mean, std)) in zip(grid, best.items(), strict=True):
        ax.fill_between(x, p, color=GRAY, alpha=0.3, linewidth=0, label="$p$")
        for number, (m, s) in enumerate((found or {}).get(name, [])):
            label = "found, a line a seed" if number == 0 else None
            ax.plot(x, gaussian_density(x, m, s), color="black", linewidth=0.7, label=label)
        ax.plot(x, gaussian_density(x, mean, std), label="nearest Gaussian", **Q_LINE)
        ax.text(0.98, 0.92, name, ha="right", va="top", transform=ax.transAxes)
        ax.set_ylim(0, 1.1 * float(p.max()))
    grid[0].set_xlim(float(x[0]), float(x[-1]))
    grid[-1].set_xlabel("$x$")
    grid[-1].legend(loc="upper center", bbox_to_anchor=(0.5, -0.55))
    return figure


def gaussians_in_the_plane(
    points: Tensor, p: Tensor, best: Mapping[str, tuple[Tensor, Tensor]], axes: Sequence[Axes] | None = None
) -> Figure:
    """A panel for each divergence: contours of the target, and the ellipse that holds 99 % of the nearest Gaussian.

    `points` (n, 2) is a square grid with the density `p` (n,), `best` maps a name to (mean, covariance).
    """
    columns = 3
    rows = math.ceil(len(best) / columns)
    side = math.isqrt(len(points))
    x, y, heights = (values.reshape(side, side) for values in (points[:, 0], points[:, 1], p))
    figure, grid = panels(rows, columns, 2.05 * rows, axes, sharex=True, sharey=True)
    for ax, (name, (mean, covariance)) in zip(grid, best.items(), strict=False):
        ax.contourf(x, y, heights, levels=[0.03 * float(p.max()), math.inf], colors=[P_LINE["color"]], alpha=0.35)
        variances, directions = torch.linalg.eigh(covariance)
        angle = math.degrees(math.atan2(float(directions[1, 1]), float(directions[0, 1])))
        long, short = (2 * math.sqrt(-2 * math.log(0.01) * float(v)) for v in (variances[1], variances[0]))
        edge = {"edgecolor": Q_LINE["color"], "linestyle": Q_LINE["linestyle"], "linewidth": 2}
        ax.add_patch(Ellipse((float(mean[0]), float(mean[1])), long, short, angle=angle, facecolor="none", **edge))
        ax.set_title(name, fontsize=9.5)
        ax.set_aspect("equal")
        ax.set(xticks=[], yticks=[], xlim=(float(x.min()), float(x.max())), ylim=(float(y.min()), float(y.max())))
    for ax in grid[len(best) :]:
        ax.set_axis_off()
    return figure
