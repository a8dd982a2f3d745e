"""The figure of the first story: what a wrong model costs per round, bar by bar and round by round."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.divergences import kl
from course_gan.plots.style import BLUE, P_LINE, Q_LINE, VERMILLION, panels


def excess_surprise(
    p: Tensor, q: Tensor, rounds: int = 3000, seed: int = 0, axes: Sequence[Axes] | None = None
) -> Figure:
    """Above p and q as bars; below the running means of log(p/q) over draws from p, of log(q/p) over draws from q."""
    figure, (top, bottom) = panels(2, 1, 4.8, axes, gridspec_kw={"height_ratios": [1, 1.5]})
    outcomes = torch.arange(len(p))
    top.bar((outcomes - 0.2).tolist(), p.tolist(), width=0.38, color=BLUE, alpha=0.85, label="$p$")
    top.bar(
        (outcomes + 0.2).tolist(),
        q.tolist(),
        width=0.38,
        facecolor="none",
        edgecolor=VERMILLION,
        hatch="////",
        label="$q$",
    )
    top.set(xticks=outcomes.tolist(), xlabel="number of heads", ylabel="probability")
    top.legend(loc="upper right", ncols=2, bbox_to_anchor=(1.0, 1.15))
    generator = torch.Generator().manual_seed(seed)
    count = torch.arange(1, rounds + 1)
    for truth, model, line, label in (
        (p, q, P_LINE, "truth $p$, model $q$"),
        (q, p, Q_LINE, "truth $q$, model $p$"),
    ):
        draws = torch.multinomial(truth, rounds, replacement=True, generator=generator)
        cost = float(kl(truth, model))
        excess = (truth / model).log()[draws].cumsum(0) / count
        bottom.semilogx(count, excess, label=f"{label}: {cost:.4f}", linewidth=1.4, **line)
        bottom.axhline(cost, linewidth=0.9, **line)
    bottom.set(xlim=(10, rounds), ylim=(-0.05, 0.25), xlabel="rounds played", ylabel="mean excess surprise")
    bottom.legend(loc="upper right")
    return figure
