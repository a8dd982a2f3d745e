r"""The Gaussian of the least f-divergence from a target, on a grid: what a generator $x = \mu + Lz$ would ideally find.

`course_gan.fit` does this for the divergences of chapter 2 and a round Gaussian; here every f-divergence and every
covariance will do.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.fdiv import FDivergence
from course_gan.inputs import distributions, require, require_tensor


class BestGaussian(NamedTuple):
    """The least divergence found from this start, and the Gaussian that has it: mean (d,) and covariance (d, d)."""

    divergence: Float[Tensor, ""]
    mean: Float[Tensor, " d"]
    covariance: Float[Tensor, "d d"]


def best_gaussian(
    divergence: FDivergence,
    log_target: Callable[[Tensor], Tensor],
    points: Float[Tensor, "n d"],
    volume: float,
    mean: Float[Tensor, " d"],
    std: float,
) -> BestGaussian:
    r"""Minimize $D_f(P \| N(\mu, \Sigma))$ over $\mu$ and $\Sigma$, from the start $(\mu, \sigma^2 I)$.

    Target and Gaussian become distributions over the cells of the grid, so the divergence is a sum.  The minimum is
    searched by L-BFGS in $\mu$ and the Cholesky factor of $\Sigma$, with the logarithm of its diagonal: it is the
    minimum of the valley in which the start lies, and there may be several.

    Parameters:
        divergence: an entry of `F_DIVERGENCES`, or `alpha(a)`.
        log_target: function of points (n, d) to the log-density (n,) of the target.
        points: (n, d), the centers of the grid's cells; float64 is used whatever is given.
        volume: the size of one cell.
        mean, std: the start, (d,) and a positive number.  Where it hardly touches the target some divergences are
            flat or overflow; begin rather too wide than too narrow.

    Reference: Nocedal and Wright, Numerical optimization, 2006, §7.2 (L-BFGS).

    >>> from course_gan import data
    >>> from course_gan.fdiv import F_DIVERGENCES
    >>> x = torch.linspace(-10, 10, 401)[:, None]
    >>> coin = data.mixture_1d([0.5, 0.5], [-1.0, 1.0], [0.5, 0.5])
    >>> best = best_gaussian(F_DIVERGENCES["kl"], coin.log_prob, x, 0.05, torch.zeros(1), 1.0)
    >>> print(f"{best.mean.abs().item():.3f} {best.covariance.item():.3f}")
    0.000 1.250
    """
    points, start = _start(points, volume, mean, std)
    d = points.shape[1]
    log_p = log_target(points).double()
    mass = log_p.logsumexp(0).exp() * volume
    wanted = "wanted 1 within 1e-3. Widen the grid, refine it, or check the volume of a cell"
    require("the integral of the target over the grid", mass, (mass - 1).abs() <= 1e-3, wanted)
    p = log_p.softmax(0)
    theta = start.clone().requires_grad_()
    at_equality = divergence.f(torch.ones((), dtype=p.dtype))  # 0, but -log 4 for "gan"
    search = torch.optim.LBFGS(
        [theta], max_iter=200, tolerance_grad=1e-10, tolerance_change=1e-14, line_search_fn="strong_wolfe"
    )

    def value() -> Tensor:
        return divergence.row.perspective(p, _log_cells(theta, points, d).exp()).sum()

    def closure() -> float:
        search.zero_grad()
        # The logarithm has the same minima, and far from them, where Neyman's divergence is 1e13, slopes to follow.
        loss = torch.log1p((value() - at_equality).clamp(min=-0.5))
        loss.backward()  # type: ignore[no-untyped-call]
        return float(loss.detach())

    search.step(closure)  # type: ignore[no-untyped-call]
    with torch.no_grad():
        least = value()
        require("the least divergence", least, least.isfinite(), "wanted a number: begin with a wider Gaussian")
        factor = _cholesky(theta, d)
    return BestGaussian(least, theta.detach()[:d], factor @ factor.mT)


def mass_outside(p: Float[Tensor, " n"], q: Float[Tensor, " n"], level: float = 0.99) -> Float[Tensor, ""]:
    """How much of q lies outside of the fewest cells that hold `level` of p; both are distributions over the cells.

    With data p and model q it is what the model *invents*; with the two exchanged, what it *misses*.

    >>> mass_outside(torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.25, 0.5]))
    tensor(0.5000)
    """
    p, q = distributions(p, q)
    if p.ndim != 1 or q.ndim != 1:
        raise ValueError(
            f"p has shape {tuple(p.shape)} and q {tuple(q.shape)}; wanted (n,) both. Take rows one by one."
        )
    if not 0 < level < 1:
        raise ValueError(f"level is {level:g}; wanted a share between 0 and 1, such as 0.99.")
    heights, order = p.sort(descending=True)
    inside = heights.cumsum(0) - heights < level  # without a cell the level is not reached yet
    return q[order[~inside]].sum()


def _start(points: object, volume: float, mean: object, std: float) -> tuple[Tensor, Tensor]:
    """Points (n, d) and the parameters: mean, logarithms of the diagonal of L, and what is below it."""
    points, mean = require_tensor("points", points).double(), require_tensor("mean", mean).double()
    if points.ndim != 2 or mean.shape != points.shape[1:]:
        raise ValueError(
            f"points has shape {tuple(points.shape)} and mean {tuple(mean.shape)}; wanted (n, d) and (d,). "
            "A grid in one dimension is points[:, None]."
        )
    if not (volume > 0 and std > 0):
        raise ValueError(f"volume is {volume}, std {std}; wanted positive numbers.")
    d = points.shape[1]
    below = d * (d - 1) // 2
    return points, torch.cat([mean, points.new_full((d,), math.log(std)), points.new_zeros(below)])


def _cholesky(theta: Tensor, d: int) -> Tensor:
    lower = torch.zeros(d, d, dtype=theta.dtype)
    row, column = torch.tril_indices(d, d, -1)
    lower = lower.index_put((row, column), theta[2 * d :])
    factor: Tensor = lower + theta[d : 2 * d].exp().diag()
    return factor


def _log_cells(theta: Tensor, points: Tensor, d: int) -> Tensor:
    """Log-probabilities of the cells under the Gaussian: they sum to one, so nothing is won by leaving the grid."""
    z = torch.linalg.solve_triangular(_cholesky(theta, d), (points - theta[:d]).mT, upper=False)
    log_q: Tensor = (-z.square().sum(0) / 2).log_softmax(0)
    return log_q
