r"""The formulas of the f-divergences, row by row: $q f(p/q)$, $f'$, $f^*$, $g_f$, $f^*(g_f(v))$, in stable forms.

`course_gan.fdiv` makes the public objects of them.  Everything here is elementwise and knows nothing of validation.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from course_gan.numerics import log_ratio, safe_sqrt

Elementwise = Callable[[Tensor], Tensor]
REALS = (-math.inf, math.inf)


@dataclass(frozen=True)
class Row:
    """One row of the table.  `conjugate` is asked inside the closed `domain` only; at an open end it gives +inf."""

    perspective: Callable[[Tensor, Tensor], Tensor]  # (p, q) -> q f(p/q); f(u) is perspective(u, 1)
    derivative: Elementwise  # f'(u), for u from 0 to +inf with both ends
    conjugate: Elementwise  # f*(t)
    domain: tuple[float, float]  # dom f*
    activation: Elementwise  # g_f(v), increasing, from all numbers into dom f*
    composed: Elementwise  # f*(g_f(v)), simplified by hand: see the comment at each row


def _finite(value: Tensor) -> Tensor:
    """Infinity as the largest number, halved so that a sum does not overflow; spares the quotients inf / inf."""
    largest = torch.finfo(value.dtype).max / 2
    return value.clamp(-largest, largest)


def at_the_edges(p: Tensor, q: Tensor, f_at_zero: float, slope_at_infinity: float) -> Tensor:
    """q f(p/q) where p or q is 0, by its limits: q f(0) at p = 0, p f'(inf) at q = 0, and 0 at p = q = 0."""
    # An infinite limit is a constant: as a factor it would make NaN of the gradient where it is not taken.
    only_p = slope_at_infinity if math.isinf(slope_at_infinity) else p * slope_at_infinity
    only_q = f_at_zero if math.isinf(f_at_zero) else q * f_at_zero
    return torch.where(p > 0, only_p, torch.where(q > 0, only_q, 0))


def _kullback_leibler(p: Tensor, q: Tensor) -> Tensor:
    return p * log_ratio(p, q)


# The product of two small numbers, and not the square of one over q: the square underflows first.
def _pearson(p: Tensor, q: Tensor) -> Tensor:
    equal = p == q  # also p = q = 0, an outcome that neither has
    return torch.where(equal, 0, (p - q) * ((p - q) / torch.where(equal, 1, q)))


# m is the mean of p and q, written so that p = 3e38 does not overflow; the differences p - m and q - m are handed over,
# as m has already rounded them away where p ≈ q.
def _jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    half_gap = (p - q) / 2
    m = torch.maximum(p, q) - half_gap.abs()
    return p * log_ratio(p, m, half_gap) + q * log_ratio(q, m, -half_gap)


def _gan(p: Tensor, q: Tensor) -> Tensor:
    return p * log_ratio(p, p + q, -q) + q * log_ratio(q, p + q, -p)


def _jeffrey(p: Tensor, q: Tensor) -> Tensor:
    inside = (p > 0) & (q > 0)
    a, b = torch.where(inside, p, 1), torch.where(inside, q, 1)
    return torch.where(inside, (a - b) * log_ratio(a, b), at_the_edges(p, q, math.inf, math.inf))


def _jeffrey_log_ratio(t: Tensor) -> Tensor:
    r"""The solution $s$ of $f'(e^s) = s + 1 - e^{-s} = t$: minus the logarithm of Lambert's $W(e^{1-t})$.

    With y = -s the equation is y + (e^y - 1) + t = 0, increasing and convex in y: Newton's method, started right of the
    root, comes down on it, and six steps leave rounding only.  W itself is never formed: it would under- or overflow.
    Reference: Corless, Gonnet, Hare, Jeffrey and Knuth, On the Lambert W function, 1996.
    """
    tail = t > 40  # e^{-s} is below rounding, and s = t - 1
    inner = _finite(torch.where(tail, 0, t))
    fixed = inner.detach()
    y = torch.where(fixed > 0, -fixed / 2, torch.log1p(-fixed.clamp(max=0)))
    for _ in range(4):
        y = y - (y + torch.expm1(y) + fixed) / (1 + y.exp())
    # A Newton step that sees t doubles the number of right derivatives, plus one: so first, second and third by two.
    for _ in range(2):
        y = y - (y + torch.expm1(y) + inner) / (1 + y.exp())
    return torch.where(tail, t - 1, torch.where(t == -math.inf, t, -y))


# f*(t) = t u - f(u) at u = 1 / W(e^{1-t}); the equation for u turns W + 1/W + t - 2 into u - 1 + log u, whose two
# parts have one sign.  The sum as printed cancels: at t = -1e6 in float32 nothing of it is left.
def _jeffrey_conjugate(t: Tensor) -> Tensor:
    s = _jeffrey_log_ratio(t)
    return torch.expm1(s) + s


# -log(1 - e^t).  Each form is accurate on its side of -log 2 (Maechler, Accurately computing log(1 - exp(-|a|)), 2012).
def _gan_conjugate(t: Tensor) -> Tensor:
    near = t > -math.log(2)
    return -torch.where(
        near, (-torch.expm1(torch.where(near, t, -1))).log(), torch.log1p(-torch.where(near, -1, t).exp())
    )


ROWS: dict[str, Row] = {
    "kl": Row(
        perspective=_kullback_leibler,
        derivative=lambda u: 1 + u.log(),
        conjugate=lambda t: (t - 1).exp(),
        domain=REALS,
        activation=lambda v: v,
        composed=lambda v: (v - 1).exp(),
    ),
    "reverse-kl": Row(
        perspective=lambda p, q: _kullback_leibler(q, p),
        derivative=lambda u: -1 / u,
        conjugate=lambda t: -1 - (-t).log(),
        domain=(-math.inf, 0.0),
        activation=lambda v: -(-v).exp(),
        composed=lambda v: v - 1,  # -1 - log(e^{-v})
    ),
    "pearson": Row(
        perspective=_pearson,
        derivative=lambda u: 2 * (u - 1),
        conjugate=lambda t: t * (t / 4 + 1),
        domain=REALS,
        activation=lambda v: v,
        composed=lambda v: v * (v / 4 + 1),
    ),
    "neyman": Row(
        perspective=lambda p, q: _pearson(q, p),
        derivative=lambda u: (_finite(u) - 1) / _finite(u) * (1 + 1 / u),  # 1 - 1/u², exact near 1
        conjugate=lambda t: 2 * t / (1 + (1 - _finite(t)).sqrt()),  # 2 - 2 sqrt(1 - t), exact near 0
        domain=(-math.inf, 1.0),
        activation=lambda v: -torch.expm1(-v),
        composed=lambda v: -2 * torch.expm1(-v / 2),  # 1 - t = e^{-v}, so 2 - 2 e^{-v/2}
    ),
    "squared-hellinger": Row(
        perspective=lambda p, q: (safe_sqrt(p) - safe_sqrt(q)).square(),
        derivative=lambda u: (_finite(u) - 1) / (_finite(u) + _finite(u).sqrt()),  # 1 - 1/sqrt(u), exact near 1
        conjugate=lambda t: _finite(t) / (1 - _finite(t)),
        domain=(-math.inf, 1.0),
        activation=lambda v: -torch.expm1(-v),
        composed=torch.expm1,  # (1 - e^{-v}) / e^{-v}
    ),
    "jensen-shannon": Row(
        perspective=_jensen_shannon,
        derivative=lambda u: -torch.log1p((1 - _finite(u)) / (2 * _finite(u))),  # log(2u / (1 + u)), exact near 1
        conjugate=lambda t: -torch.log1p(-torch.expm1(t).clamp(max=1)),  # 2 - e^t = 1 - (e^t - 1)
        domain=(-math.inf, math.log(2)),
        activation=lambda v: math.log(2) + logsigmoid(v),
        composed=lambda v: softplus(v) - math.log(2),  # 2 - e^t = 2 - 2 sigmoid(v) = 2 sigmoid(-v)
    ),
    "gan": Row(
        perspective=_gan,
        derivative=lambda u: -torch.log1p(1 / u),
        conjugate=_gan_conjugate,
        domain=(-math.inf, 0.0),
        activation=logsigmoid,
        composed=softplus,  # 1 - e^t = 1 - sigmoid(v) = sigmoid(-v)
    ),
    "jeffrey": Row(
        perspective=_jeffrey,
        derivative=lambda u: u.log() + (_finite(u) - 1) / _finite(u),
        conjugate=_jeffrey_conjugate,
        domain=REALS,
        activation=lambda v: v,
        composed=_jeffrey_conjugate,
    ),
    "total-variation": Row(
        perspective=lambda p, q: (p - q).abs() / 2,
        derivative=lambda u: torch.sign(u - 1) / 2,  # at the kink u = 1 the middle of all slopes
        conjugate=lambda t: t,
        domain=(-0.5, 0.5),
        activation=lambda v: v.tanh() / 2,
        composed=lambda v: v.tanh() / 2,
    ),
}
