r"""Figures of the best discriminator: as a share, as a maximum, beside trained ones, in a game, and from samples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.discriminator import optimal_discriminator
from course_gan.plots.style import BLUE, GRAY, GREEN, M_LINE, P_LINE, PURPLE, Q_LINE, VERMILLION, panels

D_LINE: dict[str, Any] = {"color": GREEN, "linestyle": "-"}
BEST_LINE: dict[str, Any] = {"color": "black", "linestyle": (0, (1, 1.2)), "linewidth": 2.0}


def shares_of_outcomes(
    p: Tensor, q: Tensor, rounds: int = 2000, seed: int = 0, axes: Sequence[Axes] | None = None
) -> Figure:
    """Above, how often each outcome came from p and from q in so many rounds; below, the share of p, and p/(p + q)."""
    figure, (top, bottom) = panels(2, 1, 4.6, axes, sharex=True)
    draw = torch.Generator().manual_seed(seed)
    coin = torch.rand(rounds, generator=draw) < 0.5
    from_p = torch.multinomial(p, rounds, replacement=True, generator=draw)
    from_q = torch.multinomial(q, rounds, replacement=True, generator=draw)
    real, fake = (torch.bincount(x, minlength=len(p)).tolist() for x in (from_p[coin], from_q[~coin]))
    places = list(range(len(p)))
    top.bar(places, real, width=0.6, color=BLUE, alpha=0.85, label="real")
    top.bar(places, fake, bottom=real, width=0.6, facecolor="none", edgecolor=VERMILLION, hatch="////", label="fake")
    top.set(ylabel="rounds")
    top.set_ylim(0, 1.3 * max(a + b for a, b in zip(real, fake)))
    top.legend(loc="upper right", ncols=2)
    for place, best, a, b in zip(places, optimal_discriminator(p, q).tolist(), real, fake):
        bottom.hlines(best, place - 0.3, place + 0.3, color="black", linewidth=2.4, label="_best")
        bottom.plot(place, a / (a + b), "o", color=BLUE, markersize=8, label="_share")
        bottom.annotate(f"{best:.3f}", (place + 0.33, best), va="center")
    bottom.axhline(0.5, color=GRAY, linewidth=0.9, linestyle=(0, (2, 3)))
    bottom.plot([], [], "o", color=BLUE, markersize=8, label="share of real rounds")
    bottom.plot([], [], color="black", linewidth=2.4, label="$p/(p+q)$")
    bottom.set(ylim=(0, 1), xlim=(-0.6, len(p) - 0.2), xticks=places, xlabel="number of heads", ylabel="share of real")
    bottom.legend(loc="lower left", ncols=2)
    return figure


def value_at_a_point(pairs: Sequence[tuple[float | int, float | int]], axes: Axes | None = None) -> Figure:
    """The curves u -> a log u + b log(1 - u) for pairs (a, b), each with its top marked at a/(a + b)."""
    figure, (ax,) = panels(1, 1, 3.3, axes)
    u = torch.linspace(0, 1, 401, dtype=torch.float64)
    lines: tuple[dict[str, Any], ...] = (P_LINE, Q_LINE, M_LINE, {"color": PURPLE, "linestyle": (0, (1, 1))})
    marked: list[float] = []
    for (a, b), line in zip(pairs, lines):
        curve = torch.xlogy(torch.tensor(a).double(), u) + torch.special.xlog1py(torch.tensor(b).double(), -u)
        ax.plot(u, curve, label=f"$a={a:.2g},\\ b={b:.2g}$", **line)
        best = a / (a + b)
        top = (a * math.log(best) if a else 0.0) + (b * math.log(1 - best) if b else 0.0)
        ax.plot(best, top, "o", color=line["color"], markersize=8)
        below = any(abs(best - earlier) < 0.1 for earlier in marked)  # two tops side by side: one label each way
        ax.annotate(f"{best:.3f}", (best, top), (0, -17 if below else 7), textcoords="offset points", ha="center")
        marked.append(best)
    ax.set(xlim=(-0.03, 1.03), ylim=(-1.6, 0.15), xlabel="$u$, what $D$ says", ylabel=r"$a\log u+b\log(1-u)$")
    ax.legend(loc="lower center")
    return figure


def trained_discriminators(
    x: Tensor, p: Tensor, q: Tensor, trained: Tensor, axes: Sequence[Axes] | None = None
) -> Figure:
    """Above the densities p and q at the points x; below p/(p + q), and what trained critics (points, k) say."""
    figure, (top, bottom) = panels(2, 1, 4.6, axes, sharex=True, gridspec_kw={"height_ratios": [1, 1.4]})
    top.plot(x, p, label="$p$", **P_LINE)
    top.plot(x, q, label="$q$", **Q_LINE)
    top.set(ylabel="density", ylim=(0, 1.25 * float(torch.maximum(p, q).max())))
    top.legend(loc="upper right", ncols=2)
    for k in range(trained.shape[1]):
        bottom.plot(x, trained[:, k], color=GREEN, linewidth=1.0, alpha=0.8, label="trained" if k == 0 else None)
    bottom.plot(x, optimal_discriminator(p, q), label="$D^*=p/(p+q)$", **BEST_LINE)
    bottom.set(ylim=(-0.04, 1.32), yticks=[0, 0.5, 1], xlim=(float(x[0]), float(x[-1])), xlabel="$x$", ylabel="$D(x)$")
    bottom.legend(loc="upper right", ncols=2)
    return figure


@dataclass(frozen=True)
class Snapshot:
    """One moment of a game on the line: the mass of the samples on the cells, D on their centers, G(z) at some z."""

    title: str
    fake: Tensor  # mass on each cell
    d: Tensor  # what the discriminator says at each center
    z: Tensor  # a few values of the noise, increasing
    x: Tensor  # their images


def four_panels(
    edges: Tensor,
    real: Tensor,
    snapshots: Sequence[Snapshot],
    *,
    extent: tuple[float | int, float | int] = (-3, 3),
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Four moments of a game on the line: data, samples, D and D*, and below them lines from z to G(z).

    `real` (cells,) is the mass of the data on the cells between `edges`, as that of the samples in a snapshot, and
    `extent` is the part of the line that is drawn.
    """
    figure, grid = panels(2, 2, 6.6, axes, sharex=True, sharey=True)
    width, centers = edges.diff(), (edges[1:] + edges[:-1]) / 2
    left, right = extent
    for ax, shot in zip(grid, snapshots, strict=True):
        ax.plot(centers, real / width, label="data $p$", **P_LINE)
        ax.plot(centers, (shot.fake / width), label="samples $q$", **{**Q_LINE, "linewidth": 1.6})
        best = optimal_discriminator(real, shot.fake)
        seen = real + shot.fake > 1e-6  # elsewhere there is nothing to be right about
        ax.plot(centers, torch.where(seen, best, torch.nan), label="best $D^*$", **{**BEST_LINE, "linewidth": 1.4})
        ax.plot(centers, shot.d, label="$D$", **D_LINE)
        for z, x in zip(shot.z.tolist(), shot.x.tolist()):
            if left <= x <= right:
                ax.plot([z, x], [-0.95, -0.2], color=GRAY, linewidth=0.8, label="_map")
        for height, name in ((-0.95, "$z$"), (-0.2, "$x$")):
            ax.plot([left, right], [height, height], color="black", linewidth=0.8, label="_axis")
            ax.annotate(name, (left, height), (2, 3), textcoords="offset points")
        ax.set_title(shot.title, loc="left")
        ax.set(xlim=(left, right), ylim=(-1.0, 1.3), yticks=[0, 0.5, 1])
        ax.spines["bottom"].set_visible(False)
        ax.tick_params(axis="x", length=0)
    handles, labels = grid[0].get_legend_handles_labels()
    if axes is None:
        figure.legend(handles, labels, loc="outside upper center", ncols=4, columnspacing=1.0, handlelength=2.0)
    return figure


def js_estimates(
    over: Mapping[str, tuple[Sequence[float | int], Tensor, Tensor]],
    truth: float | int,
    axes: Sequence[Axes] | None = None,
) -> Figure:
    """Estimates of JS on the training samples and on fresh ones, one panel for each thing that is varied.

    `over` maps the name of the horizontal axis to its values (k,) and two tables (k, runs): the estimates on the
    samples that the critic was trained on, and on fresh ones.  Lines are medians, bands the whole range over the runs.
    """
    figure, grid = panels(len(over), 1, 2.9 * len(over), axes, sharey=True)
    for ax, (name, (values, known, fresh)) in zip(grid, over.items(), strict=True):
        places = [math.log2(value) if value > 0 else -1.0 for value in values]
        for table, line, marker, label in (
            (known, P_LINE, "o", "training samples"),
            (fresh, Q_LINE, "s", "fresh samples"),
        ):
            ax.plot(places, table.median(1).values, marker=marker, label=label, **line)
            ax.fill_between(places, table.amin(1), table.amax(1), color=line["color"], alpha=0.2, linewidth=0)
        ax.axhline(truth, label="the truth", **{**M_LINE, "linewidth": 1.4})
        ax.axhline(math.log(2), color="black", linewidth=1.2, linestyle=(0, (1, 1.2)), label=r"$\log 2$")
        ax.set_xticks(places, [f"{value:g}" for value in values])
        ax.set(xlabel=name, ylabel="estimate of JS")
    grid[0].legend(loc="upper center", bbox_to_anchor=(0.5, 1.35), ncols=2)
    return figure
