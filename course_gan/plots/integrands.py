"""Figures that show a divergence as an area: what each point x adds to KL and to JS."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.divergences import gaussian_density, integrand, on_grid
from course_gan.plots.style import GRAY, M_LINE, P_LINE, Q_LINE, panels, shade_signed

Gaussian = tuple[float, float]  # mean, standard deviation

SYMBOLS = {"kl": r"KL$(P\,\|\,Q)$", "reverse-kl": r"KL$(Q\,\|\,P)$", "jensen-shannon": r"JS$(P,\,Q)$"}


def _area(name: str, p: Gaussian, q: Gaussian) -> float:
    """The divergence, by a grid so wide and fine that it is true to all printed digits."""
    x = torch.linspace(min(p[0] - 9 * p[1], q[0] - 9 * q[1]), max(p[0] + 9 * p[1], q[0] + 9 * q[1]), 4001).double()
    return float(on_grid(name, gaussian_density(x, *p), gaussian_density(x, *q), x))


def _label_area(ax: Axes, name: str, p: Gaussian, q: Gaussian, x: Tensor, heights: Tensor) -> None:
    """Write what the area is into the upper corner that is farther from the peak of the curve."""
    right = float(x[heights.argmax()]) < float(x[0] + x[-1]) / 2
    position, side = (0.98, "right") if right else (0.02, "left")
    ax.text(position, 0.97, f"{SYMBOLS[name]} = {_area(name, p, q):.4f}", ha=side, va="top", transform=ax.transAxes)


def kl_point_by_point(
    p: Gaussian = (0.0, 1.0),
    q: Gaussian = (1.0, 1.0),
    points: Sequence[float] = (-1.0, 0.5, 2.0),
    window: tuple[float, float] = (-4.0, 5.0),
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Above the densities p and q; below p log(p/q) and q log(q/p): their shaded areas are KL in both directions."""
    x = torch.linspace(*window, 271, dtype=torch.float64)
    density_p, density_q = gaussian_density(x, *p), gaussian_density(x, *q)
    figure, grid = panels(3, 1, 5.6, axes, sharex=True, gridspec_kw={"height_ratios": [1.1, 1, 1]})
    grid[0].plot(x, density_p, label="$p$", **P_LINE)
    grid[0].plot(x, density_q, label="$q$", **Q_LINE)
    grid[0].set(xlim=window, ylim=(0, None), ylabel="density")
    grid[0].legend(loc="upper right")
    curves = [(grid[0], density_p), (grid[0], density_q)]
    for ax, name, formula in (
        (grid[1], "kl", r"$p\,\log\,\dfrac{p}{q}$"),
        (grid[2], "reverse-kl", r"$q\,\log\,\dfrac{q}{p}$"),
    ):
        heights = integrand(name, density_p, density_q)
        shade_signed(ax, x, heights)
        ax.plot(x, heights, color="black", linewidth=1.4)
        ax.set_ylabel(formula)
        _label_area(ax, name, p, q, x, heights)
        curves.append((ax, heights))
    grid[2].set_xlabel("$x$")
    _follow(points, x, curves)
    return figure


def _follow(points: Sequence[float], x: Tensor, curves: Sequence[tuple[Axes, Tensor]]) -> None:
    """Mark the same few x on every curve, to be compared from panel to panel, and name them a, b, c."""
    for letter, point in zip("abcdefgh", points):
        nearest = int((x - point).abs().argmin())
        for ax, y in curves:
            ax.axvline(point, color=GRAY, linewidth=0.8, linestyle=":", zorder=0)
            ax.plot(point, float(y[nearest]), "o", color="black", markersize=4.5)
        top = curves[0][0]
        top.annotate(letter, (point, 1.0), xycoords=("data", "axes fraction"), ha="center", va="bottom")


def kl_small_multiples(
    p: Gaussian = (0.0, 1.0),
    qs: Sequence[Gaussian] = ((1.0, 1.0), (2.0, 1.0), (1.0, 0.5), (1.0, 2.0)),
    window: tuple[float, float] = (-4.0, 8.0),
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """A row for each q: on the left the integrand of KL(P‖Q), on the right that of KL(Q‖P), over thin densities."""
    x = torch.linspace(*window, 241, dtype=torch.float64)
    density_p = gaussian_density(x, *p)
    figure, grid = panels(len(qs), 2, 1.8 * len(qs), axes, sharex=True, sharey=True)
    for row, (mean, std) in enumerate(qs):
        density_q = gaussian_density(x, mean, std)
        for ax, name in zip(grid[2 * row : 2 * row + 2], ("kl", "reverse-kl"), strict=True):
            ax.plot(x, density_p, linewidth=1.1, **P_LINE)
            ax.plot(x, density_q, linewidth=1.1, **Q_LINE)
            heights = integrand(name, density_p, density_q)
            shade_signed(ax, x, heights)
            _label_area(ax, name, p, (mean, std), x, heights)
        grid[2 * row].set_title(f"$q$: mean {mean:g}, std {std:g}", loc="left")
    grid[0].set(xlim=window, xticks=[-4, 0, 4, 8])
    for ax, formula in zip(grid[-2:], (r"$p\,\log(p/q)$", r"$q\,\log(q/p)$"), strict=True):
        ax.set_xlabel(f"$x$\n{formula}")
    return figure


def js_through_the_middle(
    p: Gaussian = (0.0, 1.0),
    q: Gaussian = (1.0, 1.0),
    window: tuple[float, float] = (-4.0, 5.0),
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Above p, q and their mean m; below the two halves of JS and their sum, whose shaded area is JS."""
    x = torch.linspace(*window, 271, dtype=torch.float64)
    density_p, density_q = gaussian_density(x, *p), gaussian_density(x, *q)
    middle = (density_p + density_q) / 2
    figure, (top, bottom) = panels(2, 1, 4.8, axes, sharex=True)
    top.plot(x, density_p, label="$p$", **P_LINE)
    top.plot(x, density_q, label="$q$", **Q_LINE)
    top.plot(x, middle, label="$m$", **M_LINE)
    top.set(xlim=window, ylim=(0, None), ylabel="density")
    top.legend(loc="upper right")
    shade_signed(bottom, x, integrand("jensen-shannon", density_p, density_q))
    bottom.collections[0].set_label(f"sum: area = {SYMBOLS['jensen-shannon']} = {_area('jensen-shannon', p, q):.4f}")
    bottom.plot(x, integrand("kl", density_p, middle) / 2, label=r"$\frac{1}{2}\,p\,\log(p/m)$", **P_LINE)
    bottom.plot(x, integrand("kl", density_q, middle) / 2, label=r"$\frac{1}{2}\,q\,\log(q/m)$", **Q_LINE)
    bottom.set(xlabel="$x$", ylabel="what $x$ adds")
    bottom.legend(loc="upper left", bbox_to_anchor=(0.0, -0.24))
    return figure
