"""The figure of two boxes moved apart: KL jumps to infinity at once, JS climbs to log 2 and stays."""

import math
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from course_gan.divergences import js, kl
from course_gan.plots.style import BLUE, M_LINE, P_LINE, Q_LINE, VERMILLION, panels

CELLS = 100  # a box of width 1 is so many equal cells


def moving_boxes(axes: Sequence[Axes] | None = None) -> Figure:
    """Above two uniform distributions of width 1, one moved by t; below KL and JS as functions of t."""
    figure, (top, bottom) = panels(2, 1, 4.4, axes, gridspec_kw={"height_ratios": [1, 2.2]})
    top.fill_between([0, 1], 1, facecolor=BLUE, alpha=0.3)
    top.step([0, 0, 1, 1], [0, 1, 1, 0], label="$p$", **P_LINE)
    top.fill_between([0.6, 1.6], 1, facecolor="none", edgecolor=VERMILLION, hatch="///", linewidth=0)
    top.step([0.6, 0.6, 1.6, 1.6], [0, 1, 1, 0], label="$q$", **Q_LINE)
    top.annotate("", (0.6, 1.15), (0.0, 1.15), arrowprops={"arrowstyle": "->", "shrinkA": 0, "shrinkB": 0})
    top.text(0.3, 1.2, "$t$", ha="center", va="bottom")
    top.set(xlim=(-2.0, 3.0), ylim=(0, 1.7), yticks=[], xlabel="$x$")
    top.spines["left"].set_visible(False)
    top.legend(loc="upper right")

    shifts = torch.arange(-2 * CELLS, 2 * CELLS + 1)
    still = torch.zeros(5 * CELLS, dtype=torch.float64)
    still[2 * CELLS : 3 * CELLS] = 1 / CELLS
    moved = torch.stack([still.roll(int(shift)) for shift in shifts])
    t, forward = shifts / CELLS, kl(still, moved)
    # Infinity is drawn as a line of its own, broken at t = 0, where KL is 0.
    ceiling = torch.where(forward.isinf() & (t.abs() > 0.05), 1.0, torch.nan)
    bottom.plot(t, ceiling, label="KL", **P_LINE)
    bottom.plot(0, 1, "o", markerfacecolor="none", markeredgewidth=1.6, color=BLUE, markersize=7)
    bottom.plot(t[forward.isfinite()], forward[forward.isfinite()], "o", color=BLUE, markersize=7)
    bottom.plot(t, js(still, moved), label="JS", **M_LINE)
    bottom.set(xlim=(-2, 2), ylim=(-0.06, 1.1), xlabel="shift $t$", ylabel="divergence")
    bottom.set_xticks([-2, -1, 0, 1, 2])
    bottom.set_yticks([0, 0.2, 0.4, math.log(2), 1], ["0", "0.2", "0.4", r"$\log 2$", r"$\infty$"])
    bottom.legend(loc="lower right")
    return figure
