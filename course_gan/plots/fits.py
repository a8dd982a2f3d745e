"""The figure of one Gaussian fitted to two bumps: KL covers both, reverse KL settles on one."""

from collections import Counter
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.divergences import gaussian_density
from course_gan.fit import Fit
from course_gan.plots.style import GRAY, P_LINE, Q_LINE, panels


def covering_and_seeking(
    x: Tensor, target: Tensor, covering: Sequence[Fit], seeking: Sequence[Fit], axes: Sequence[Axes] | None = None
) -> Figure:
    """Above the Gaussians that KL(P‖Q) fitted to the density `target`, below those of KL(Q‖P), with their counts."""
    figure, grid = panels(2, 1, 4.8, axes, sharex=True, sharey=True)
    for ax, fits, title in (
        (grid[0], covering, r"smallest KL$(P\,\|\,Q)$: covers"),
        (grid[1], seeking, r"smallest KL$(Q\,\|\,P)$: seeks"),
    ):
        ax.fill_between(x, target, color=GRAY, alpha=0.3, linewidth=0)
        ax.plot(x, target, label="$p$", **P_LINE)
        # Fits that agree to two digits are one curve, with a count.
        ends = Counter((round(float(fit.mean), 2), round(float(fit.std), 2)) for fit in fits)
        for number, ((mean, std), count) in enumerate(sorted(ends.items())):
            density = gaussian_density(x, mean, std)
            ax.plot(x, density, label="$q$" if number == 0 else None, **Q_LINE)
            # The count stands above the curve, and above the target where that is higher.
            top = float(torch.maximum(density, target)[(x - mean).abs() < 2].max())
            label = f"{count} of {len(fits)} starts"
            ax.annotate(label, (mean, top), (0, 4), textcoords="offset points", ha="center")
        ax.set_title(title, loc="left")
        ax.set_ylabel("density")
    visible = x[target > 1e-6 * target.max()]
    grid[0].set_xlim(float(visible[0]) - 1, float(visible[-1]) + 1)
    grid[0].set_ylim(0, 1.15 * grid[0].get_ylim()[1])
    grid[0].legend(loc="upper right", ncols=2)
    grid[1].set_xlabel("$x$")
    return figure
