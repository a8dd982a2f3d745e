r"""Wasserstein distances on the line, where sorting solves the transport problem."""

import math
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import at_least_single, require, require_tensor
from course_gan.numerics import argsort, ascending
from course_gan.transport.inputs import (
    accurate,
    power_mean,
    probabilities,
    require_exponent,
    require_same_device,
)


def wasserstein_1d(
    x: Float[Tensor, " n"],
    y: Float[Tensor, " m"],
    p: int | float = 1,
    x_weights: Float[Tensor, " n"] | None = None,
    y_weights: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, ""]:
    r"""$W_p$ between two piles of points on the line: the distance itself, not its p-th power.

    $$W_p^p = \int_0^1 |F^{-1}(t) - G^{-1}(t)|^p \, dt, \qquad W_1 = \int |F(z) - G(z)| \, dz$$

    `x` is (n,), `y` is (m,); the weights, (n,) and (m,), sum to one and default to equal ones; any p >= 1, math.inf
    included.  The plan sorts: it carries the lowest point of one pile to the lowest of the other.  Differentiable in
    `x` and `y`; where a point of one meets a point of the other, the gradient is one of the subgradients.

    Reference: Peyré and Cuturi, Computational Optimal Transport, 2019, remark 2.30.

    >>> wasserstein_1d(torch.tensor([0.0, 1.0, 3.0]), torch.tensor([8.0, 5.0, 6.0]))
    tensor(5.)
    >>> wasserstein_1d(torch.tensor([0.0, 2.0]), torch.tensor([0.0]), p=2)  # the root of (0 + 4) / 2
    tensor(1.4142)
    """
    x, y = _points("x", x), _points("y", y)
    require_exponent(p)
    if x.device != y.device:
        require_same_device(x=x, y=y)
    if x_weights is not None or y_weights is not None:
        u, v = probabilities("x_weights", x_weights, len(x), x), probabilities("y_weights", y_weights, len(y), y)
        distance = _weighted_piles(accurate(x), accurate(y), u, v, p)
    elif len(x) == len(y):
        distance = _equal_piles(at_least_single(x), at_least_single(y), p)
    else:
        distance = _unequal_piles(accurate(x), accurate(y), p)
    # A NaN or an infinity among the points makes the distance one, so it is looked for only then: at n = 100 two
    # searches would cost as much as the sorting.
    if not math.isfinite(distance.item()):  # the host waits for the device here
        for name, value in (("x", x), ("y", y)):
            require(name, value, value.isfinite(), "wanted finite numbers")
    dtype = torch.promote_types(x.dtype, y.dtype)
    return distance if distance.dtype == dtype else distance.to(dtype)


def _points(name: str, value: object) -> Tensor:
    value = require_tensor(name, value)
    if value.ndim != 1:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}; wanted (n,), numbers on a line. A column becomes them by "
            f"{name}.flatten(); points in more dimensions have course_gan.transport.wasserstein."
        )
    return value


def _equal_piles(x: Tensor, y: Tensor, p: int | float) -> Tensor:
    """Equally many points of equal weight: the k-th lowest goes to the k-th lowest."""
    x, y = ascending(x), ascending(y)
    if p == 1:
        return (x - y).abs().mean()
    gaps = (x - y).abs()
    return power_mean(gaps, torch.full_like(gaps, 1 / len(gaps)), p)


def _unequal_piles(x: Tensor, y: Tensor, p: int | float) -> Tensor:
    """Points of equal weight in each pile: where the plan cuts them depends on how many there are, and on no more."""
    i, j, mass = _cuts(len(x), len(y))
    if x.device.type != "cpu":
        i, j, mass = i.to(x.device), j.to(x.device), mass.to(x)  # an mps device has no float64
    gaps = ascending(x).index_select(0, i) - ascending(y).index_select(0, j)  # by [i] it takes three times as long
    return torch.dot(gaps.abs(), mass) if p == 1 else power_mean(gaps.abs(), mass, p)


def _cuts(n: int, m: int) -> tuple[Tensor, Tensor, Tensor]:
    """The k-th piece goes from point i_k of n to point j_k of m and is mass_k of the whole; kept if it is short."""
    return (_kept_cuts if n + m <= 10_000 else _kept_cuts.__wrapped__)(n, m)


@lru_cache(maxsize=16)
def _kept_cuts(n: int, m: int) -> tuple[Tensor, Tensor, Tensor]:
    # In units of 1 / (n m) all levels are whole numbers, without rounding.
    levels = np.sort(np.concatenate([np.arange(0, n * m, m), np.arange(0, n * m + 1, n)]))
    parts = levels[:-1] // m, levels[:-1] // n, np.diff(levels) / (n * m)
    i, j, mass = map(torch.from_numpy, parts)
    return i, j, mass


def _weighted_piles(x: Tensor, y: Tensor, u: Tensor, v: Tensor, p: int | float) -> Tensor:
    """Points `x` of weights `u` against `y` of weights `v`."""
    if p == 1:
        # Between two neighbors of the merged points, |F - G| is constant.
        points, masses = torch.cat([x, y]), torch.cat([u, -v])
        order = argsort(points)
        points, masses = points.index_select(0, order), masses.index_select(0, order)
        return torch.dot(masses.cumsum(0)[:-1].abs(), points[1:] - points[:-1])
    order_x, order_y = argsort(x), argsort(y)
    x, filled_x = x[order_x], u[order_x].cumsum(0)
    y, filled_y = y[order_y], v[order_y].cumsum(0)
    # Between two neighboring levels t, both quantile functions are constant.
    levels = ascending(torch.cat([filled_x.new_zeros(1), filled_x, filled_y]))
    mass = levels.diff()
    # What rounding makes of two equal levels is no mass: a root of 1e-16 would be a visible distance.
    mass = torch.where(mass > len(mass) * torch.finfo(mass.dtype).eps, mass, 0)
    start = levels[:-1].contiguous()
    i = torch.searchsorted(filled_x, start, right=True).clamp(max=len(x) - 1)
    j = torch.searchsorted(filled_y, start, right=True).clamp(max=len(y) - 1)
    return power_mean((x[i] - y[j]).abs(), mass, p)
