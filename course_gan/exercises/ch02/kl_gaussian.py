"""Exercise: KL between two Gaussians in closed form."""

from math import log

import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from course_gan import divergences
from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE
from course_gan.exercises.core import Case, Exercise, Misconception


def gaussian_kl(mu_p: Tensor, sigma_p: Tensor, mu_q: Tensor, sigma_q: Tensor) -> Tensor:
    """KL(N(mu_p, sigma_p²) || N(mu_q, sigma_q²)) in nats, entry by entry.

    The arguments are four tensors of one shape: means, and standard deviations
    (not variances), which are positive.
    Return a tensor of that shape.
    """
    return divergences.kl_gaussian(mu_p, sigma_p, mu_q, sigma_q)


def by_ratio(mu_p: Tensor, sigma_p: Tensor, mu_q: Tensor, sigma_q: Tensor) -> Tensor:
    r = (sigma_p / sigma_q) ** 2
    return 0.5 * (r - 1 - r.log() + ((mu_p - mu_q) / sigma_q) ** 2)


def by_loop(mu_p: Tensor, sigma_p: Tensor, mu_q: Tensor, sigma_q: Tensor) -> Tensor:
    rows = zip(*(x.reshape(-1).tolist() for x in (mu_p, sigma_p, mu_q, sigma_q)))
    values = [log(d / b) + (b * b + (a - c) ** 2) / (2 * d * d) - 0.5 for a, b, c, d in rows]
    return torch.tensor(values, dtype=DOUBLE).reshape(mu_p.shape)


def by_torch_distributions(mu_p: Tensor, sigma_p: Tensor, mu_q: Tensor, sigma_q: Tensor) -> Tensor:
    return kl_divergence(Normal(mu_p, sigma_p), Normal(mu_q, sigma_q))


def cases(generator: torch.Generator) -> list[Case]:
    def numbers(low: float, high: float, *shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (low + (high - low) * torch.rand(*shape, generator=generator, dtype=DOUBLE)).to(dtype)

    def draw(*shape: int, dtype: torch.dtype = DOUBLE) -> tuple[Tensor, ...]:
        mu_p, mu_q = numbers(-2.0, 2.0, *shape, dtype=dtype), numbers(-2.0, 2.0, *shape, dtype=dtype)
        return mu_p, numbers(0.4, 2.5, *shape, dtype=dtype), mu_q, numbers(0.4, 2.5, *shape, dtype=dtype)

    def known(*values: float) -> tuple[Tensor, ...]:
        return tuple(torch.tensor(value, dtype=DOUBLE) for value in values)

    mu, sigma, _, _ = draw(4)
    return [
        Case(known(0.0, 1.0, 1.0, 1.0), "N(0, 1) against N(1, 1)"),
        Case(known(0.0, 1.0, 1.0, 2.0), "standard deviations 1 and 2"),
        Case(draw(6), "six pairs at once"),
        Case(draw(8, dtype=SINGLE), "eight pairs in float32"),
        Case(draw(1), "one pair in a tensor of shape (1,)"),
        Case(known(30.0, 0.05, -20.0, 3.0), "a very narrow p, far from q"),
        Case(draw(2, 3), "pairs in a tensor of shape (2, 3)"),
        Case((mu, numbers(0.4, 0.8, 4), mu.clone(), numbers(1.6, 2.5, 4)), "equal means, p narrower than q"),
        Case((mu, sigma, numbers(-2.0, 2.0, 4), sigma.clone()), "equal standard deviations"),
        Case((mu, sigma, mu.clone(), sigma.clone()), "equal Gaussians"),
    ]


def _formula(mu_p: Tensor, sigma_p: Tensor, mu_q: Tensor, sigma_q: Tensor) -> tuple[Tensor, Tensor]:
    """The two parts of the formula that depend on the arguments: logarithm, and quadratic term."""
    return (sigma_q / sigma_p).log(), (sigma_p**2 + (mu_p - mu_q) ** 2) / (2 * sigma_q**2)


MISCONCEPTIONS = (
    Misconception(
        "variance as standard deviation",
        lambda m, s, n, t: by_ratio(m, s.sqrt(), n, t.sqrt()),
        "You treated sigma as a variance; the arguments are standard deviations, so square them where the formula "
        "has σ².",
    ),
    Misconception(
        "no minus half",
        lambda m, s, n, t: sum(_formula(m, s, n, t)),
        "The -½ is missing: without it two equal Gaussians would be ½ apart.",
    ),
    Misconception(
        "swapped",
        lambda m, s, n, t: by_ratio(n, t, m, s),
        "You computed KL(q || p), p and q swapped: the expectation is under p, so it is q's standard deviation that "
        "stands in the denominator.",
    ),
    Misconception(
        "logarithm of variances",
        lambda m, s, n, t: 2 * _formula(m, s, n, t)[0] + _formula(m, s, n, t)[1] - 0.5,
        "You took the logarithm of the ratio of the variances in full; either halve it, or use the standard "
        "deviations: log(σ_q / σ_p).",
    ),
    Misconception(
        "logarithm upside down",
        lambda m, s, n, t: _formula(m, s, n, t)[1] - _formula(m, s, n, t)[0] - 0.5,
        "The ratio inside the logarithm is upside down: it is log(σ_q / σ_p), positive when q is the wider one.",
    ),
    Misconception(
        "mean not squared",
        lambda m, s, n, t: (t / s).log() + (s**2 + (m - n).abs()) / (2 * t**2) - 0.5,
        "You did not square the difference of the means; it enters as (μ_p - μ_q)².",
    ),
    Misconception(
        "means ignored",
        lambda m, s, n, t: (t / s).log() + s**2 / (2 * t**2) - 0.5,
        "The difference of the means is missing: add (μ_p - μ_q)² to σ_p² in the numerator.",
    ),
    Misconception(
        "no half in the quadratic term",
        lambda m, s, n, t: _formula(m, s, n, t)[0] + 2 * _formula(m, s, n, t)[1] - 0.5,
        "The quadratic term lost its ½: the denominator is 2 σ_q², not σ_q².",
    ),
    Misconception(
        "precedence",
        lambda m, s, n, t: (t / s).log() + (s**2 + (m - n) ** 2) / 2 * t**2 - 0.5,
        "You wrote `/ 2 * sigma_q**2`, which divides by 2 and then multiplies; the whole product 2 σ_q² belongs into "
        "the denominator: put it in parentheses.",
    ),
    Misconception(
        "spread of p ignored",
        lambda m, s, n, t: (t / s).log() + (m - n) ** 2 / (2 * t**2) - 0.5,
        "σ_p² is missing in the numerator: the mean of (x - μ_q)² under p is σ_p² + (μ_p - μ_q)².",
    ),
    Misconception(
        "means first",
        lambda m, s, n, t: _formula(m, n, s, t)[0] + _formula(m, n, s, t)[1] - 0.5,
        "Your parameters are in the order μ_p, μ_q, σ_p, σ_q; the function is called with mean and standard deviation "
        "of p first, then those of q.",
    ),
    Misconception(
        "denominator not squared",
        lambda m, s, n, t: (t / s).log() + (s**2 + (m - n) ** 2) / (2 * t) - 0.5,
        "The denominator is 2 σ_q², with the square; you divided by 2 σ_q.",
    ),
    Misconception(
        "base 2",
        lambda m, s, n, t: _formula(m, s, n, t)[0] / log(2) + _formula(m, s, n, t)[1] - 0.5,
        "You used the base-2 logarithm; take the natural one, `torch.log`.",
    ),
    Misconception(
        "base 10",
        lambda m, s, n, t: _formula(m, s, n, t)[0] / log(10) + _formula(m, s, n, t)[1] - 0.5,
        "You used the base-10 logarithm; take the natural one, `torch.log`.",
    ),
    Misconception(
        "everything halved",
        lambda m, s, n, t: _formula(m, s, n, t)[0] / 2 + _formula(m, s, n, t)[1] - 0.5,
        "You halved the logarithm of the standard deviations too; the ½ belongs to the logarithm of the variances.",
    ),
    Misconception(
        "sum of means",
        lambda m, s, n, t: _formula(m, s, -n, t)[0] + _formula(m, s, -n, t)[1] - 0.5,
        "You added the means; it is their difference that is squared, (μ_p - μ_q)².",
    ),
    Misconception(
        "difference of squares",
        lambda m, s, n, t: (t / s).log() + (s**2 + m**2 - n**2) / (2 * t**2) - 0.5,
        "You squared the means and subtracted then; subtract first: (μ_p - μ_q)².",
    ),
    Misconception(
        "divided by the spread of p",
        lambda m, s, n, t: (t / s).log() + (s**2 + (m - n) ** 2) / (2 * s**2) - 0.5,
        "The denominator has σ_q, not σ_p: deviations are measured in the standard deviation of q.",
    ),
    Misconception(
        "spread of q in the numerator",
        lambda m, s, n, t: (t / s).log() + (t**2 + (m - n) ** 2) / (2 * t**2) - 0.5,
        "The numerator has σ_p², not σ_q²: x is drawn from p.",
    ),
    Misconception(
        "spread of p not squared",
        lambda m, s, n, t: (t / s).log() + (s + (m - n) ** 2) / (2 * t**2) - 0.5,
        "You did not square σ_p in the numerator: it enters as a variance, σ_p².",
    ),
    Misconception(
        "two squared",
        lambda m, s, n, t: (t / s).log() + (s**2 + (m - n) ** 2) / (2 * t) ** 2 - 0.5,
        "You squared the whole of 2 σ_q, which makes 4 σ_q²; only σ_q is squared: `2 * sigma_q**2`.",
    ),
    Misconception(
        "numerator without parentheses",
        lambda m, s, n, t: (t / s).log() + s**2 + (m - n) ** 2 / (2 * t**2) - 0.5,
        "Only (μ_p - μ_q)² is divided; put the sum σ_p² + (μ_p - μ_q)² in parentheses before you divide it.",
    ),
    Misconception(
        "standard deviation as variance",
        lambda m, s, n, t: by_ratio(m, s**2, n, t**2),
        "You squared sigma where a standard deviation is wanted: `Normal(mu, sigma)` takes sigma as it is.",
    ),
)

EXERCISE = Exercise(
    id="kl-gaussian",
    chapter="02-divergences",
    title="KL between two Gaussians",
    points=2,
    reference=gaussian_kl,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_ratio, by_loop, by_torch_distributions),
)
