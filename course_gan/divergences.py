r"""Divergences between two distributions: of discrete outcomes, of densities on a grid, from samples, of Gaussians.

The formulas stand once, point by point, in `INTEGRANDS`.  The divergence of discrete distributions is the sum of its
integrand over the last axis, the divergence of densities the integral.  All are in nats (natural logarithm).
With the generators of the f-GAN paper, squared Hellinger and Jensen-Shannon come out twice as large as here.

Where p is 0 an outcome contributes $0 \log 0 = 0$, and its gradient is set to 0: the derivative of $p \log p$ there is
infinite, and an outcome outside the support is to stay outside.  Results keep the dtype; half precision computes in
float32.  A distribution that does not sum to one, a negative entry, NaN or a wrong shape raises ValueError.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.gaussians import (
    gaussian_density,
    gaussian_log_density,
    kl_gaussian,
    mixture_log_density,
    pearson_gaussian,
    squared_hellinger_gaussian,
    total_variation_gaussian,
)
from course_gan.inputs import (
    at_least_single,
    choose,
    densities_on_grid,
    distributions,
    nonnegative_pair,
)
from course_gan.multivariate import (
    kl_multivariate_gaussian,
    pearson_multivariate_gaussian,
    squared_hellinger_multivariate_gaussian,
    total_variation_multivariate_gaussian,
)
from course_gan.numerics import log_ratio, safe_sqrt
from course_gan.sampling import Estimate, from_samples

__all__ = [
    "INTEGRANDS",
    "Estimate",
    "from_samples",
    "gaussian_density",
    "gaussian_log_density",
    "integrand",
    "js",
    "kl",
    "kl_gaussian",
    "kl_multivariate_gaussian",
    "mixture_log_density",
    "on_grid",
    "pearson",
    "pearson_gaussian",
    "pearson_multivariate_gaussian",
    "reverse_kl",
    "squared_hellinger",
    "squared_hellinger_gaussian",
    "squared_hellinger_multivariate_gaussian",
    "total_variation",
    "total_variation_gaussian",
    "total_variation_multivariate_gaussian",
]


# p log(p / q), and not p log(p / q) - p + q, which sums to the same and is nowhere negative: the book draws the signed
# integrand, whose area is the divergence, and the gradient is the one of the formula.  The price is that KL between
# nearly equal float32 distributions is right to about 1e-7 (the rounding of their sums), and may fall that far below 0.
def _kl(p: Tensor, q: Tensor) -> Tensor:
    return p * log_ratio(p, q)


# Half of p log(p / m) + q log(q / m), with m = (p + q) / 2.  The difference is handed over because p + q has already
# rounded it away where p ≈ q; taking the two terms together outcome by outcome keeps the sum from cancelling.
def _jensen_shannon(p: Tensor, q: Tensor) -> Tensor:
    return (p * log_ratio(2 * p, p + q, p - q) + q * log_ratio(2 * q, p + q, q - p)) / 2


# The sum of squares, and not 1 - sum sqrt(p q): that one subtracts from 1 a number near 1 when p ≈ q, and is left with
# rounding (float32: nothing below 1e-7), while the squares are exact to a few digits and never negative.
def _squared_hellinger(p: Tensor, q: Tensor) -> Tensor:
    return (safe_sqrt(p) - safe_sqrt(q)).square() / 2


# The product of two small numbers, and not the square of one over q: the square underflows first.
def _pearson(p: Tensor, q: Tensor) -> Tensor:
    equal = p == q  # also p = q = 0, an outcome that neither has
    return torch.where(equal, 0, (p - q) * ((p - q) / torch.where(equal, 1, q)))


INTEGRANDS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "kl": _kl,
    "reverse-kl": lambda p, q: _kl(q, p),
    "jensen-shannon": _jensen_shannon,
    "total-variation": lambda p, q: (p - q).abs() / 2,
    "squared-hellinger": _squared_hellinger,
    "pearson": _pearson,
}


def integrand(
    name: str, p: Float[Tensor, "*#batch points"], q: Float[Tensor, "*#batch points"]
) -> Float[Tensor, "*_batch points"]:
    r"""What the divergence `name` sums or integrates, point by point: $p \log(p/q)$ for `"kl"`, and so on.

    `name` is one of `"kl"`, `"reverse-kl"`, `"jensen-shannon"`, `"total-variation"`, `"squared-hellinger"`,
    `"pearson"`.  `p` and `q` are probabilities or densities, (*batch, points); they need not sum to one.

    >>> integrand("kl", torch.tensor([0.5, 0.5, 0.0]), torch.tensor([0.25, 0.5, 0.25]))
    tensor([0.3466, 0.0000, 0.0000])
    """
    formula = choose(INTEGRANDS, name)
    p, q = nonnegative_pair(p, q)
    return formula(at_least_single(p), at_least_single(q)).to(torch.promote_types(p.dtype, q.dtype))


def _summed(name: str, p: object, q: object) -> Tensor:
    p, q = distributions(p, q)
    total = INTEGRANDS[name](at_least_single(p), at_least_single(q)).sum(-1)
    return total.to(torch.promote_types(p.dtype, q.dtype))


def kl(p: Float[Tensor, "*#batch outcomes"], q: Float[Tensor, "*#batch outcomes"]) -> Float[Tensor, "*_batch"]:
    r"""Kullback-Leibler divergence, $\mathrm{KL}(p \| q) = \sum_x p(x) \log \frac{p(x)}{q(x)}$.

    `p` and `q` are distributions over the last axis, (*batch, outcomes), and their batch axes broadcast.
    Infinite if q is 0 where p is not.  Exactly 0 for p equal to q; for nearly equal ones the rounding of their sums,
    up to outcomes · eps, may make it fall below 0.

    Reference: Kullback and Leibler, On information and sufficiency, 1951; Cover and Thomas, §2.3.

    >>> kl(torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3]))
    tensor(0.0853)
    """
    return _summed("kl", p, q)


def reverse_kl(p: Float[Tensor, "*#batch outcomes"], q: Float[Tensor, "*#batch outcomes"]) -> Float[Tensor, "*_batch"]:
    r"""Kullback-Leibler divergence the other way round, $\mathrm{KL}(q \| p) = \sum_x q(x) \log \frac{q(x)}{p(x)}$.

    Shapes as for `kl`.  Infinite if p is 0 where q is not.

    >>> reverse_kl(torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3]))
    tensor(0.0975)
    """
    return _summed("reverse-kl", p, q)


def js(p: Float[Tensor, "*#batch outcomes"], q: Float[Tensor, "*#batch outcomes"]) -> Float[Tensor, "*_batch"]:
    r"""Jensen-Shannon divergence, $\frac12 \mathrm{KL}(p \| m) + \frac12 \mathrm{KL}(q \| m)$ with $m = \frac{p+q}2$.

    Shapes as for `kl`.  Symmetric, at most log 2, and log 2 only for disjoint supports; its root is a metric.
    Between two Gaussians it has no closed form, as m is no Gaussian: use `on_grid` or `from_samples`.

    Reference: Lin, Divergence measures based on the Shannon entropy, 1991; Endres and Schindelin, 2003 (the metric).

    >>> js(torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0]))
    tensor(0.6931)
    """
    return _summed("jensen-shannon", p, q)


def total_variation(
    p: Float[Tensor, "*#batch outcomes"], q: Float[Tensor, "*#batch outcomes"]
) -> Float[Tensor, "*_batch"]:
    r"""Total variation distance, $\frac12 \sum_x |p(x) - q(x)|$: the largest gap in probability that an event can show.

    Shapes as for `kl`.  Between 0 and 1.  Reference: Tsybakov, Introduction to Nonparametric Estimation, §2.4.

    >>> total_variation(torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3]))
    tensor(0.1733)
    """
    return _summed("total-variation", p, q)


def squared_hellinger(
    p: Float[Tensor, "*#batch outcomes"], q: Float[Tensor, "*#batch outcomes"]
) -> Float[Tensor, "*_batch"]:
    r"""Squared Hellinger distance, $\frac12 \sum_x (\sqrt{p(x)} - \sqrt{q(x)})^2 = 1 - \sum_x \sqrt{p(x) q(x)}$.

    Shapes as for `kl`.  Between 0 and 1.  Reference: Tsybakov, Introduction to Nonparametric Estimation, §2.4.

    >>> squared_hellinger(torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3]))
    tensor(0.0226)
    """
    return _summed("squared-hellinger", p, q)


def pearson(p: Float[Tensor, "*#batch outcomes"], q: Float[Tensor, "*#batch outcomes"]) -> Float[Tensor, "*_batch"]:
    r"""Pearson's chi-squared divergence, $\chi^2(p \| q) = \sum_x \frac{(p(x) - q(x))^2}{q(x)}$.

    Shapes as for `kl`.  Infinite if q is 0 where p is not.
    Reference: Tsybakov, Introduction to Nonparametric Estimation, §2.4.

    >>> pearson(torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3]))
    tensor(0.1568)
    """
    return _summed("pearson", p, q)


def on_grid(
    name: str,
    p: Float[Tensor, "*#batch points"],
    q: Float[Tensor, "*#batch points"],
    x: Float[Tensor, "*#batch points"],
) -> Float[Tensor, "*_batch"]:
    r"""Divergence `name` between two densities given on a grid: the integral of its integrand by the trapezoid rule.

    `p` and `q` are densities at the points `x`, (*batch, points), which increase along the last axis and need not be
    evenly spaced; the names are those of `integrand`.  Each density has to integrate to 1 within 1e-3.
    A density that underflows to 0 in a tail where the other one does not makes KL infinite; in float64 a Gaussian does
    so beyond 38 standard deviations.  `from_samples` takes log-densities, and the Gaussians have closed forms.

    >>> x = torch.linspace(-8, 9, 1001)
    >>> p, q = gaussian_density(x, 0.0, 1.0), gaussian_density(x, 1.0, 1.0)
    >>> on_grid("jensen-shannon", p, q, x)
    tensor(0.1114)
    """
    formula = choose(INTEGRANDS, name)
    p, q, x, dtype = densities_on_grid(p, q, x)
    return torch.trapezoid(formula(p, q), x).to(dtype)
