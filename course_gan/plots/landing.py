"""The picture of the landing page: a ring of eight modes, and what the two directions of KL make of it."""

import math
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from torch import Tensor

from course_gan.fit import Fit, fit_gaussian
from course_gan.plots.style import GREEN, VERMILLION, panels

MODES, RADIUS, SPREAD = 8, 2.0, 0.25


def ring_log_density(points: Tensor) -> Tensor:
    """Log density at `points` (n, 2) of eight round Gaussians, equally spaced on a circle."""
    angle = torch.arange(MODES, dtype=points.dtype) * (2 * math.pi / MODES)
    centers = RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1)
    squared = torch.cdist(points, centers).square() / SPREAD**2
    return torch.logsumexp(-squared / 2, dim=1) - math.log(2 * math.pi * SPREAD**2 * MODES)


def ring_fits(starts: int = 16, cells: int = 101) -> tuple[Fit, list[Fit]]:
    """The Gaussian that KL fits to the ring, and those that reverse KL fits from starts on a circle around it."""
    side = torch.linspace(-5, 5, cells, dtype=torch.float64)
    points = torch.cartesian_prod(side, side)
    volume = float(side[1] - side[0]) ** 2
    covering = fit_gaussian("kl", ring_log_density, points, volume, torch.zeros(2), std=1.0)
    angle = (torch.arange(starts) + 0.3) * (2 * math.pi / starts)
    means = 1.1 * torch.stack([angle.cos(), angle.sin()], dim=1)
    seeking = [fit_gaussian("reverse-kl", ring_log_density, points, volume, mean, std=0.7) for mean in means]
    return covering, seeking


def _circle(fit: Fit, **style: Any) -> Circle:
    """The circle two standard deviations around the mean."""
    return Circle((float(fit.mean[0]), float(fit.mean[1])), 2 * float(fit.std), fill=False, **style)


def cover(ax: Axes | None = None, starts: int = 16) -> Figure:
    """Eight modes as contours; the one wide Gaussian of KL(P‖Q); the paths and ends of KL(Q‖P) from many starts."""
    covering, seeking = ring_fits(starts)
    side = torch.linspace(-3.6, 3.6, 241, dtype=torch.float64)
    density = ring_log_density(torch.cartesian_prod(side, side)).exp().reshape(len(side), len(side)).T
    figure, (ax,) = panels(1, 1, 4.6, ax)
    levels = density.max() * torch.tensor([0.02, 0.15, 0.35, 0.6, 0.85, 1.01])
    ax.contourf(side, side, density, levels=levels.tolist(), cmap="Blues", vmin=-0.3 * float(density.max()))
    for fit in seeking:
        ax.plot(fit.path[:, 0], fit.path[:, 1], color=VERMILLION, linewidth=1.1)
        ax.plot(*fit.path[0, :2], "o", color=VERMILLION, markersize=3.5)
        ax.add_patch(_circle(fit, color=VERMILLION, linewidth=1.6))
    ax.add_patch(_circle(covering, color=GREEN, linewidth=2.2, linestyle="--"))
    ax.text(0, 0, f"KL$(Q\\,\\|\\,P)$\n{starts} starts,\none mode each", color=VERMILLION, ha="center", va="center")
    top = 2.05 * float(covering.std)
    ax.text(0, top, r"KL$(P\,\|\,Q)$: covers all, and the hole", color=GREEN, ha="center", va="bottom")
    ax.set(aspect="equal", xlim=(-3.1, 3.1), ylim=(-3.0, 3.4))
    ax.set_axis_off()
    return figure
