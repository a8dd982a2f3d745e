"""One Gaussian fitted to a density by minimizing a divergence: which one decides between covering and seeking modes.

Target and Gaussian are evaluated on the same grid and become distributions over its cells, so the divergence is a sum.
It is formed from log-probabilities: from a far start, where every density underflows to zero, there is still a slope.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import choose, require, require_tensor

STRIDE = 0.25  # the longest step: the mean moves by a quarter of a standard deviation, or log(std) by a quarter


class Fit(NamedTuple):
    """The fitted Gaussian, its divergence from the target, and the path: a row (mean, std) a step, the start first."""

    mean: Float[Tensor, " d"]
    std: Float[Tensor, ""]
    value: Float[Tensor, ""]
    path: Float[Tensor, "rows columns"]


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum()


def _jensen_shannon(log_p: Tensor, log_q: Tensor) -> Tensor:
    # logsumexp of a pair, not logaddexp: the second derivative of that one is NaN where its arguments lie far apart.
    log_m = torch.stack([log_p, log_q]).logsumexp(0) - math.log(2)
    return (_kl(log_p, log_m) + _kl(log_q, log_m)) / 2


# What is minimized, given log-probabilities.  Three divergences are flat or overflow far from the target; the loss is
# then a rising function of the divergence that is neither, and DIVERGENCE_OF_LOSS takes it back.
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "kl": _kl,
    "reverse-kl": lambda log_p, log_q: _kl(log_q, log_p),
    "jensen-shannon": _jensen_shannon,
    "total-variation": lambda log_p, log_q: -torch.minimum(log_p, log_q).logsumexp(0),  # -log(1 - TV)
    "squared-hellinger": lambda log_p, log_q: -((log_p + log_q) / 2).logsumexp(0),  # -log(1 - H²)
    "pearson": lambda log_p, log_q: (2 * log_p - log_q).logsumexp(0),  # log(1 + χ²)
}
DIVERGENCE_OF_LOSS: dict[str, Callable[[Tensor], Tensor]] = {
    "total-variation": lambda loss: -torch.expm1(-loss),
    "squared-hellinger": lambda loss: -torch.expm1(-loss),
    "pearson": torch.expm1,
}


def fit_gaussian(
    name: str,
    log_target: Callable[[Tensor], Tensor],
    points: Float[Tensor, "n d"],
    volume: float,
    mean: Float[Tensor, " d"],
    std: float,
    steps: int = 100,
) -> Fit:
    r"""Fit $q = N(\mu, \sigma^2 I)$ to a target $p$ by minimizing the divergence `name` over $\mu$ and $\log\sigma$.

    `"kl"` minimizes $\mathrm{KL}(p \| q)$, which is maximum likelihood and gives $q$ the mean and the spread of $p$;
    `"reverse-kl"` minimizes $\mathrm{KL}(q \| p)$, whose minima sit near single modes if these lie far apart.  The
    other names are those of `course_gan.divergences`.  Newton's method in $d + 1$ numbers, with the curvature taken
    positive and short steps, none of which goes uphill: as a rule a start leads to the minimum of its own valley.

    Parameters:
        log_target: function of points (n, d) to the log-density (n,) of the target, finite everywhere.
        points: (n, d), the centers of the grid's cells; float64 is used whatever is given.
        volume: the size of one cell (the spacing in one dimension, the area in two).
        mean, std: where to start, (d,) and a positive number.
        steps: the most steps taken; the path has steps + 1 rows, and rests in its last point once it has converged.

    Returns a `Fit`: mean (d,), std (), value (), path (steps + 1, d + 1) with the columns mean and std.

    The result is exact up to what lies outside the grid; only for total variation, whose integrand has kinks, the
    position is known no better than the spacing.  From a start that does not touch the target the Jensen-Shannon
    divergence is log 2 to the last digit, flat, and the fit stays where it is: a generator has the same trouble.

    Example:
        >>> import torch
        >>> from course_gan.divergences import gaussian_log_density
        >>> x = torch.linspace(-10, 10, 401)[:, None]
        >>> fit = fit_gaussian("kl", lambda x: gaussian_log_density(x[:, 0], 1.0, 2.0), x, 0.05, torch.zeros(1), 1.0)
        >>> print(f"{fit.mean.item():.3f} {fit.std:.3f} {fit.value.abs():.3f}")
        1.000 2.000 0.000

    References: Bishop, Pattern Recognition and Machine Learning, 2006, §10.1.2 (the two directions);
    Dauphin et al., Identifying and attacking the saddle point problem, 2014 (Newton with positive curvature).
    """
    loss_of = choose(LOSSES, name)
    points, start = _checked(points, volume, mean, std, steps)
    log_p = _on_cells(_checked_target(log_target(points), points, volume))

    def loss(theta: Tensor) -> Tensor:
        return loss_of(log_p, _on_cells(_log_gaussian(theta, points)))

    path = [start]
    while len(path) <= steps and (len(path) < 2 or not torch.equal(path[-1], path[-2])):  # the host waits here
        path.append(_descend(loss, path[-1]))
    theta = path[-1]
    path += [theta] * (steps + 1 - len(path))
    _require_inside(theta, points, volume)
    value = DIVERGENCE_OF_LOSS.get(name, torch.clone)(loss(theta))
    rows = torch.stack(path)
    return Fit(theta[:-1], theta[-1].exp(), value, torch.cat([rows[:, :-1], rows[:, -1:].exp()], dim=1))


def _descend(loss: Callable[[Tensor], Tensor], theta: Tensor) -> Tensor:
    """One Newton step, never longer than STRIDE and never uphill; `theta` itself where no step goes down."""
    # In units of the present standard deviation, so that STRIDE means the same for wide and narrow Gaussians.
    unit = torch.cat([theta[-1:].exp().expand(len(theta) - 1), torch.ones_like(theta[-1:])])
    gradient = torch.func.grad(loss)
    slope: Tensor = unit * gradient(theta)
    # Reverse mode twice: torch.func.hessian uses forward mode, which imports the deprecated torch.jit.script.
    hessian = unit[:, None] * torch.func.jacrev(gradient)(theta) * unit
    curvature, axes = torch.linalg.eigh((hessian + hessian.mT) / 2)
    step: Tensor = -axes @ ((axes.mT @ slope) / curvature.abs().clamp(min=1e-12))
    step = unit * step * (STRIDE / step.norm()).clamp(max=1)  # STRIDE / 0 is inf, and clamped to 1
    here = loss(theta)
    for _ in range(30):
        if loss(theta + step) < here:  # the host waits here
            return theta + step
        step = step / 2
    return theta


def _log_gaussian(theta: Tensor, points: Tensor) -> Tensor:
    """Log-density of N(mean, std²) at the points (n, d), without its constant; theta is (mean, log std)."""
    return -((points - theta[:-1]) / theta[-1].exp()).square().sum(-1) / 2


def _on_cells(log_density: Tensor) -> Tensor:
    """Log-probabilities of the cells: they sum to one, so nothing is won by leaving the grid."""
    return log_density.log_softmax(0)


def _checked(points: object, volume: float, mean: object, std: float, steps: int) -> tuple[Tensor, Tensor]:
    """Points (n, d) and start (d + 1,) in float64, or a ValueError."""
    points, mean = require_tensor("points", points), require_tensor("mean", mean)
    if points.ndim != 2 or mean.shape != points.shape[1:]:
        raise ValueError(
            f"points has shape {tuple(points.shape)} and mean {tuple(mean.shape)}; wanted (n, d) and (d,). "
            "A grid in one dimension is points[:, None]."
        )
    if not (volume > 0 and std > 0 and steps >= 0):
        raise ValueError(f"volume is {volume}, std {std}, steps {steps}; wanted positive numbers and steps >= 0.")
    require("points", points, points.isfinite(), "wanted finite coordinates")
    require("mean", mean, mean.isfinite(), "wanted finite coordinates")
    log_std = torch.tensor([math.log(std)], dtype=torch.float64, device=points.device)
    return points.double(), torch.cat([mean.to(points.device).double(), log_std])


def _checked_target(log_p: object, points: Tensor, volume: float) -> Tensor:
    """The target's log-density (n,), or a ValueError: finite, and integrating to one on the grid."""
    log_p = require_tensor("log_target(points)", log_p)
    if log_p.shape != points.shape[:1]:
        raise ValueError(
            f"log_target(points) has shape {tuple(log_p.shape)}; wanted ({len(points)},), one number a point."
        )
    require("log_target(points)", log_p, log_p.isfinite(), "wanted finite log-densities. Floor them: .clamp(min=-1e4)")
    mass = log_p.double().logsumexp(0).exp() * volume
    wanted = "wanted 1 within 1e-3. Widen the grid, refine it, or check the volume of a cell"
    require("the integral of the target over the grid", mass, (mass - 1).abs() <= 1e-3, wanted)
    return log_p.double()


def _require_inside(theta: Tensor, points: Tensor, volume: float) -> None:
    """Refuse a result that the grid cannot show: a Gaussian partly outside it, or narrower than its cells."""
    d = points.shape[1]
    log_constant = d * (theta[-1] + math.log(2 * math.pi) / 2)
    mass = (_log_gaussian(theta, points) - log_constant).logsumexp(0).exp() * volume
    wanted = f"wanted 1 within 1e-2 for mean {theta[:-1].tolist()}, std {theta[-1].exp():g}. Widen or refine the grid"
    require("the integral of the fitted Gaussian over the grid", mass, (mass - 1).abs() <= 1e-2, wanted)
