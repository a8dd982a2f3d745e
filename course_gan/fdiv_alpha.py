r"""The formulas of the family alpha(a), continuous in a, as $f_a'(u) = \ln_{a-1} u = (u^{a-1} - 1)/(a-1)$ is.

`course_gan.fdiv.alpha` is the public name.
"""

import math

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from course_gan.fdiv_rows import REALS, Row, at_the_edges
from course_gan.numerics import log_ratio


def _deformed_log(k: float, s: Tensor) -> Tensor:
    """ln_k of e^s: (e^{ks} - 1) / k, and its limit s at k = 0."""
    return torch.expm1(k * s) / k if k else s


def alpha_row(a: float) -> Row:
    r"""The row of Amari's family; with $\ln_k u = (u^k - 1)/k$, and $\ln_0 = \log$, all of it is continuous in a.

    $f(u) = (u \ln_{a-1} u - (u - 1))/a$ and $f'(u) = \ln_{a-1} u$, so $u = (1 + (a-1)t)^{1/(a-1)}$ solves $f'(u) = t$,
    and $f^*(t) = \ln_a u$.  As $q f_a(p/q) = p f_{1-a}(q/p)$, the rows with a < 1/2 are those of 1 - a seen from q.
    """
    f_at_zero = 1 / a if a > 0 else math.inf
    slope_at_infinity = 1 / (1 - a) if a < 1 else math.inf
    slope_at_zero = 1 / (1 - a) if a > 1 else 0.0  # f'(0); where it is infinite the gradient is 0, as in `divergences`

    def perspective(p: Tensor, q: Tensor) -> Tensor:
        inside = (p > 0) & (q > 0)
        x, y = torch.where(inside, p, 1), torch.where(inside, q, 1)
        x, y, b = (x, y, a) if a >= 0.5 else (y, x, 1 - a)
        value = (x * _deformed_log(b - 1, log_ratio(x, y)) - (x - y)) / b
        edges = at_the_edges(p, q, f_at_zero, slope_at_infinity) + slope_at_zero * p  # the last for its gradient
        return torch.where(inside, value, edges)

    # The formula of the table, (|1 + (a-1)t|^{a/(a-1)} - 1) / a, is taken by its logarithm where the power is near 1.
    def conjugate_above_one(t: Tensor) -> Tensor:
        excess, power = (a - 1) * t, a / (a - 1)
        near = excess.abs() < 0.5
        small = torch.expm1(power * torch.log1p(torch.where(near, excess, 0)))
        large = torch.where(near, 1, 1 + excess).abs() ** power - 1
        return torch.where(near, small, large) / a

    def conjugate_below_one(t: Tensor) -> Tensor:
        base = (a - 1) * t
        end = base <= -1  # where f* is -1/a for a < 0, and infinite otherwise
        value = _deformed_log(a, torch.log1p(torch.where(end, 0, base)) / (a - 1))
        return torch.where(end, -1 / a if a < 0 else math.inf, value)

    # 1 + (a-1)t = (1 - a) softplus(-v) for t = 1/(1-a) - softplus(-v).  For large v softplus(-v) = e^{-v}, which is 0
    # in floating point long before its logarithm -v is out of reach; the difference is e^{-v}/2, below rounding at 40.
    def composed_below_one(v: Tensor) -> Tensor:
        tail = v > 40
        log_softplus = torch.where(tail, -v, softplus(-torch.where(tail, 0, v)).log())
        return _deformed_log(a, (math.log(1 - a) + log_softplus) / (a - 1))

    def derivative(u: Tensor) -> Tensor:
        return _deformed_log(a - 1, u.log())

    if a < 1:
        return Row(
            perspective,
            derivative,
            conjugate_below_one,
            (-math.inf, 1 / (1 - a)),
            lambda v: 1 / (1 - a) + logsigmoid(v),
            composed_below_one,
        )
    conjugate = torch.expm1 if a == 1 else conjugate_above_one
    return Row(perspective, derivative, conjugate, REALS, lambda v: v, conjugate)
