"""The value of the game as an area, and the two losses of the generator side by side."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from course_gan.plots.description import describe, number
from course_gan.plots.style import BLUE, GREEN, M_LINE, P_LINE, Q_LINE, VERMILLION, panels


def value_as_area(x: Tensor, p: Tensor, q: Tensor, score: Tensor, axes: Sequence[Axes] | None = None) -> Figure:
    r"""Above p, q and $D = \sigma(\text{score})$ over x; below the two halves of the value, $p\log D$ and $q\log(1-D)$.

    All four are tensors (n,); densities p of the data and q of the generator's samples.
    """
    figure, (top, bottom) = panels(2, 1, 4.9, axes, sharex=axes is None)
    top.plot(x, p, label="$p_{data}$", **P_LINE)
    top.plot(x, q, label="$p_G$", **Q_LINE)
    top.plot(x, score.sigmoid(), label="$D$", **M_LINE)
    top.set(ylim=(0, 1.02), ylabel="density, probability")
    top.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3)
    halves = p * logsigmoid(score), -q * softplus(score)
    areas = [float(torch.trapezoid(half, x)) for half in halves]
    bottom.fill_between(
        x, halves[0], color=BLUE, alpha=0.45, linewidth=0, label=f"$p_{{data}}\\,\\log D$: {areas[0]:.3f}"
    )
    bottom.fill_between(
        x, halves[1], facecolor="none", edgecolor=VERMILLION, hatch="//////", linewidth=0,
        label=f"$p_G\\,\\log(1-D)$: {areas[1]:.3f}",
    )  # fmt: skip
    bottom.axhline(0, color="black", linewidth=0.8)
    bottom.set(xlabel="$x$", ylabel="part of the value", ylim=(1.5 * min(float(half.min()) for half in halves), 0.004))
    bottom.legend(loc="lower center", ncols=2, columnspacing=1.0, handlelength=1.4)
    return describe(
        figure,
        f"Above, two densities and the curve of a discriminator. Below, two areas under zero: {number(areas[0])} from "
        f"the real side and {number(areas[1])} from the fake side.",
        add=axes is not None,
    )


def generator_losses(score: float = -10.0, axes: Sequence[Axes] | None = None) -> Figure:
    """Saturating and non-saturating loss over D, and how steeply each falls over the score, on a logarithmic axis.

    The slopes at `score` are marked.
    """
    figure, (top, bottom) = panels(2, 1, 5.6, axes)
    chance = torch.linspace(0.002, 0.998, 499, dtype=torch.float64)
    scores = torch.linspace(-14, 6, 401, dtype=torch.float64)
    at = torch.tensor(score, dtype=torch.float64)
    lines = {"saturating, $\\log(1-D)$": Q_LINE, "non-saturating, $-\\log D$": {"color": GREEN, "linestyle": "-"}}
    losses = (1 - chance).log(), -chance.log()
    slopes, marks = (scores.sigmoid(), (-scores).sigmoid()), (float(at.sigmoid()), float((-at).sigmoid()))
    for (label, line), loss, slope, mark in zip(lines.items(), losses, slopes, marks):
        top.plot(chance, loss, label=label, **line)
        bottom.plot(scores, slope, label=label, **line)
        bottom.plot(float(at), mark, "o", color=line["color"], markersize=6)
        above = mark > 0.5
        bottom.annotate(
            f"{mark:.3g}" if not above else f"{mark:.5f}", (float(at), mark), xytext=(6, -13 if above else -4),
            textcoords="offset points",
        )  # fmt: skip
    top.axhline(0, color="black", linewidth=0.8)
    top.set(xlabel="$D(G(z))$, the probability that the fake is real", ylabel="loss", ylim=(-6.3, 6.3))
    top.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=1)
    bottom.set(yscale="log", xlabel="score $\\ell(G(z))$", ylabel="size of the slope", ylim=(5e-7, 3))
    return describe(
        figure,
        "Above, two falling curves over the probability that a fake is real: the saturating loss starts flat at 0 and "
        "plunges at the right end, the non-saturating one starts very high and steep and ends flat at 0. Below, the "
        f"sizes of their slopes over the score: at {number(score)} they are {number(marks[0])} and {number(marks[1])}, "
        "they cross at one half for score 0, and then change roles.",
        add=axes is not None,
    )
