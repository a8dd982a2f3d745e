r"""The f-divergences of the f-GAN paper: $D_f(P \| Q) = \sum_x q(x) f(p(x)/q(x))$, and the lower bound a critic learns.

For every function T with values in dom f*, $D_f(P \| Q) \ge E_P[T] - E_Q[f^*(T)]$, with equality at $T^* = f'(p/q)$.
A critic gives any number v, large for real; the activation $T = g_f(v)$ brings it into dom f*.

    name               f(u)                               f*(t)                dom f*         g_f(v)            f'(1)
    kl                 u log u                            exp(t - 1)           R              v                 1
    reverse-kl         -log u                             -1 - log(-t)         t < 0          -exp(-v)          -1
    pearson            (u - 1)²                           t²/4 + t             R              v                 0
    neyman             (1 - u)²/u                         2 - 2 sqrt(1 - t)    t <= 1         1 - exp(-v)       0
    squared-hellinger  (sqrt u - 1)²                      t/(1 - t)            t < 1          1 - exp(-v)       0
    jensen-shannon     u log u - (u+1) log((1+u)/2)       -log(2 - exp t)      t < log 2      log 2 - s(-v)     0
    gan                u log u - (u+1) log(u+1)           -log(1 - exp t)      t < 0          -s(-v)            -log 2
    jeffrey            (u - 1) log u                      w + 1/w + t - 2      R              v                 0
    total-variation    |u - 1|/2                          t                    |t| <= 1/2     tanh(v)/2         0
    alpha:a            (u^a - 1 - a(u-1))/(a(a-1))        see `alpha`          see `alpha`    see `alpha`       0

Here s(x) = log(1 + exp x) and w = W(exp(1 - t)) with Lambert's W.
With these generators `squared-hellinger` and `jensen-shannon` are **twice** the functions `squared_hellinger` and `js`
of `course_gan.divergences`, and `gan` is 2 JS - log 4.

f* is that of the table, i.e. of f continued to u < 0 by its formula.  The supremum over u >= 0 alone would be the
constant -f(0) left of f'(0) (Pearson: -1 for t < -2; total variation: -1/2 for t < -1/2).  That is a function below
the one here, so the bound holds with either.

Reference: Nowozin, Cseke and Tomioka, f-GAN, 2016, §2 and tables 1, 2, 5, 6.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.fdiv_alpha import alpha_row
from course_gan.fdiv_rows import ROWS, Elementwise, Row
from course_gan.inputs import (
    at_least_single,
    densities_on_grid,
    distributions,
    nonnegative_pair,
    require,
    require_tensor,
)

__all__ = ["F_DIVERGENCES", "FDivergence", "alpha"]


def _elementwise(name: str, formula: Elementwise, x: object) -> Tensor:
    x = require_tensor(name, x)
    return formula(at_least_single(x)).to(x.dtype)


@dataclass(frozen=True)
class FDivergence:
    """One f-divergence: a row of the table in the module's docstring.

    The methods on u, t or v work elementwise on tensors of any shape and floating dtype and keep both; half precision
    computes in float32.

    >>> F_DIVERGENCES["gan"].conjugate(torch.tensor([-1.0, 0.0]))
    tensor([0.4587,    inf])
    """

    name: str
    row: Row

    @property
    def domain(self) -> tuple[float, float]:
        """Lower and upper end of dom f*.

        A finite end belongs to dom f* where f* is finite there: for total variation (both ends), neyman, and alpha
        with a < 0.  The other ends are open, and f* is +inf there.
        """
        return self.row.domain

    @property
    def threshold(self) -> float:
        """f'(1), the value of T* where p = q: the critic holds x for real if T(x) is above it."""
        return float(self.row.derivative(torch.ones((), dtype=torch.float64)))

    def f(self, u: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """The generator f(u) of ratios u = p/q, finite and >= 0; f(0) is the limit, +inf for some rows."""
        u = require_tensor("u", u)
        require("u", u, (u >= 0) & u.isfinite(), "wanted ratios p/q, finite and none negative")
        return _elementwise("u", lambda u: self.row.perspective(u, torch.ones_like(u)), u)

    def derivative(self, u: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """f'(u), for u from 0 to +inf, both included as limits; 0 at the kink of total variation."""
        u = require_tensor("u", u)
        require("u", u, u >= 0, "wanted ratios p/q, none negative")
        return _elementwise("u", self.row.derivative, u)

    def conjugate(self, t: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        r"""The convex conjugate $f^*(t) = \sup_u (ut - f(u))$; +inf outside dom f*, with gradient 0 there.

        Its derivative is the inverse of f'.  Takes T = activation(v), never the critic's raw output v.
        """
        return _elementwise("t", self._conjugate, t)

    def _conjugate(self, t: Tensor) -> Tensor:
        lower, upper = self.domain
        outside = (t < lower) | (t > upper)  # false for NaN, which stays NaN
        # A point of every domain takes the place of those outside: the gradient of the branch not taken would be NaN
        # otherwise.  No clamp: its gradient at the end itself, which may belong to the domain, is 0.
        return torch.where(outside, torch.inf, self.row.conjugate(torch.where(outside, -0.25, t)))

    def activation(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """g_f(v), increasing, from all numbers into dom f*.  For large |v| rounding reaches the end of dom f*."""
        return _elementwise("v", self.row.activation, v)

    def conjugate_of_activation(self, v: Float[Tensor, "*shape"]) -> Float[Tensor, "*shape"]:
        """f*(g_f(v)), simplified by hand: finite wherever its value is, also where g_f(v) has rounded to an end."""
        return _elementwise("v", self.row.composed, v)

    def divergence(
        self, p: Float[Tensor, "*#batch outcomes"], q: Float[Tensor, "*#batch outcomes"]
    ) -> Float[Tensor, "*_batch"]:
        r"""$\sum_x q(x) f(p(x)/q(x))$ over the last axis, of distributions (*batch, outcomes); batch axes broadcast.

        Where q = 0 the term is its limit $p f'(\infty)$, where p = 0 it is q f(0): both may be +inf.

        >>> p, q = torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3])
        >>> F_DIVERGENCES["kl"].divergence(p, q)
        tensor(0.0853)
        """
        p, q = distributions(p, q)
        total = self.row.perspective(at_least_single(p), at_least_single(q)).sum(-1)
        return total.to(torch.promote_types(p.dtype, q.dtype))

    def on_grid(
        self,
        p: Float[Tensor, "*#batch points"],
        q: Float[Tensor, "*#batch points"],
        x: Float[Tensor, "*#batch points"],
    ) -> Float[Tensor, "*_batch"]:
        r"""$\int q f(p/q) dx$ by the trapezoid rule, of densities at the points x, (*batch, points), which increase.

        Each density has to integrate to 1 within 1e-3, as in `course_gan.divergences.on_grid`.
        """
        p, q, x, dtype = densities_on_grid(p, q, x)
        return torch.trapezoid(self.row.perspective(p, q), x).to(dtype)

    def optimal_critic(
        self, p: Float[Tensor, "*#shape points"], q: Float[Tensor, "*#shape points"]
    ) -> Float[Tensor, "*_shape points"]:
        r"""$T^*(x) = f'(p(x)/q(x))$, at which the bound equals the divergence; p, q are probabilities or densities.

        Its limits where p or q is 0, and the threshold f'(1) where both are: there no critic sees anything.
        """
        p, q = nonnegative_pair(p, q)
        dtype = torch.promote_types(p.dtype, q.dtype)
        p, q = torch.broadcast_tensors(at_least_single(p), at_least_single(q))  # type: ignore[no-untyped-call]
        ratio = torch.where((p == 0) & (q == 0), 1, p / q)
        return self.row.derivative(ratio).to(dtype)

    def lower_bound(self, v_real: Float[Tensor, "n *shape"], v_fake: Float[Tensor, "m *shape"]) -> Float[Tensor, ""]:
        r"""The bound $F = \mathrm{mean}\, T(v_\text{real}) - \mathrm{mean}\, f^*(T(v_\text{fake}))$ from raw outputs v.

        In expectation at most the divergence, whatever the critic; on a finite sample it may lie above it.
        """
        v_real, v_fake = require_tensor("v_real", v_real), require_tensor("v_fake", v_fake)
        dtype = torch.promote_types(v_real.dtype, v_fake.dtype)
        v_real, v_fake = at_least_single(v_real), at_least_single(v_fake)
        return (self.row.activation(v_real).mean() - self.row.composed(v_fake).mean()).to(dtype)


F_DIVERGENCES: dict[str, FDivergence] = {name: FDivergence(name, row) for name, row in ROWS.items()}


def alpha(a: int | float) -> FDivergence:
    r"""Amari's family, $f(u) = \frac{u^a - 1 - a(u-1)}{a(a-1)}$ with $f^*(t) = \frac{(1 + (a-1)t)^{a/(a-1)} - 1}{a}$.

    For a < 1, dom f* ends at 1/(1-a) (which belongs to it for a < 0), and $g_f(v) = 1/(1-a) - \log(1 + e^{-v})$.
    For a >= 1, dom f* is R and g_f(v) = v; the power is that of $|1 + (a-1)t|$, so that it exists for every t.

    Every finite a is allowed.  At a = 1 and a = 0 the formulas are 0/0 and their limits take their place:
    f(u) = u log u - (u - 1) with f* = e^t - 1 at a = 1, and -log u + (u - 1) with f* = -log(1 - t) at a = 0: the
    divergences are `kl` and `reverse-kl`, while f' and T* are those of a generator with f'(1) = 0.
    alpha(2) is half of `pearson`, alpha(-1) half of `neyman`, alpha(1/2) twice `squared-hellinger`.

    Reference: Nowozin, Cseke and Tomioka, f-GAN, 2016, table 5; Amari, Information Geometry, 2016, §3.

    >>> p, q = torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3])
    >>> alpha(2).divergence(p, q)
    tensor(0.0784)
    """
    a = float(a)
    if not abs(a) < float("inf"):
        raise ValueError(f"a is {a}; wanted a finite number, such as 0.5.")
    return FDivergence("alpha:" + repr(a).removesuffix(".0"), alpha_row(a))
