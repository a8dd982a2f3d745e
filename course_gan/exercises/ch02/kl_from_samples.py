"""Exercise: a Monte Carlo estimate of KL with its standard error."""

from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE, once_in_single, rounding_of_logarithms, row_by_row
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs


def kl_from_samples(log_p: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor]:
    """Monte Carlo estimate of KL(p || q) in nats, and its standard error.

    log_p and log_q are tensors of one shape (..., n): the log-densities of p and
    q at the same n samples, which were drawn from p.
    The standard error is the standard deviation of the n terms (with n - 1 in its
    denominator) over √n.
    Return the pair (estimate, standard error), two tensors of shape (...).
    """
    terms = log_p - log_q
    return terms.mean(-1), terms.std(-1) / sqrt(terms.shape[-1])


@row_by_row
def by_loop(log_p: list[float], log_q: list[float]) -> tuple[float, float]:
    n, mean, squares = 0, 0.0, 0.0
    for a, b in zip(log_p, log_q):  # Welford: one pass, no difference of two large numbers
        n += 1
        step = (a - b) - mean
        mean += step / n
        squares += step * ((a - b) - mean)
    return mean, sqrt(squares / (n - 1) / n)


def by_numpy(log_p: Tensor, log_q: Tensor) -> tuple[Any, Any]:
    terms = log_p.double().numpy() - log_q.double().numpy()
    return terms.mean(axis=-1), np.sqrt(terms.var(axis=-1, ddof=1) / terms.shape[-1])


def by_sums(log_p: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor]:
    n = log_p.shape[-1]
    terms = log_p - log_q
    mean = terms.sum(-1, keepdim=True) / n
    return mean.squeeze(-1), ((terms - mean).square().sum(-1) / (n * (n - 1))).sqrt()


def cases(generator: torch.Generator) -> list[Case]:
    def gaussians(*shape: int, mu: float = 1.0, sigma: float = 1.5, dimension: int = 1) -> tuple[Tensor, Tensor]:
        """Log-densities of N(0, I) and N(mu, sigma² I) at samples of the first."""
        x = torch.randn(*shape, dimension, generator=generator, dtype=DOUBLE)
        constant = torch.tensor(2 * torch.pi, dtype=DOUBLE).log() / 2
        log_p = (-(x**2) / 2 - constant).sum(-1)
        log_q = (-(((x - mu) / sigma) ** 2) / 2 - constant - torch.tensor(sigma, dtype=DOUBLE).log()).sum(-1)
        return log_p, log_q

    single = tuple(x.to(SINGLE) for x in gaussians(20))
    log_p, _ = gaussians(7)
    return [
        Case(gaussians(5), "five samples"),
        Case(gaussians(60, mu=0.5), "sixty samples"),
        Case(single, "twenty samples in float32"),
        Case(gaussians(3, 8), "three estimates from eight samples each"),
        Case(gaussians(2, 3, 6), "a batch of shape (2, 3), six samples each"),
        Case(gaussians(1, 4), "a batch of one row"),
        Case(gaussians(9, mu=0.2, sigma=1.1, dimension=900), "densities so small that exp(log p) is zero"),
        Case((log_p, log_p.clone()), "p and q equal"),
        Case((log_p, log_p + torch.rand(7, generator=generator) - 0.2), "an estimate below zero"),
    ]


def with_root(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """One rounding in float32 more: √n of a whole-number tensor n is float32."""
    return once_in_single(rounding_of_logarithms(inputs, expected), expected)


def _spread(log_p: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor, int]:
    terms = log_p - log_q
    return terms.mean(-1), terms.std(-1), terms.shape[-1]


def _moments(terms: Tensor) -> tuple[Tensor, Tensor]:
    return terms.mean(-1), terms.std(-1) / sqrt(terms.shape[-1])


def _weighted_sum(log_p: Tensor, log_q: Tensor) -> tuple[Tensor, Tensor]:
    return (log_p.exp() * (log_p - log_q)).sum(-1), kl_from_samples(log_p, log_q)[1]


MISCONCEPTIONS = (
    Misconception(
        "standard deviation",
        lambda p, q: _spread(p, q)[:2],
        "Your second result is the standard deviation of one term; the standard error of their mean is smaller by "
        "√n: divide by the root of the number of samples.",
    ),
    Misconception(
        "divided by n",
        lambda p, q: (_spread(p, q)[0], _spread(p, q)[1] / _spread(p, q)[2]),
        "You divided the standard deviation by n; the error of a mean falls with √n, not with n.",
    ),
    Misconception(
        "variance of the mean",
        lambda p, q: (_spread(p, q)[0], _spread(p, q)[1].square() / _spread(p, q)[2]),
        "Your second result is the variance of the estimate; the standard error is its square root.",
    ),
    Misconception(
        "population",
        lambda p, q: (_spread(p, q)[0], (p - q).std(-1, correction=0) / sqrt(_spread(p, q)[2])),
        "Your standard deviation has n in its denominator; the mean was estimated from the same samples, so it is "
        "n - 1 (torch's default, `ddof=1` in NumPy).",
    ),
    Misconception(
        "corrected twice",
        lambda p, q: (_spread(p, q)[0], _spread(p, q)[1] / sqrt(_spread(p, q)[2] - 1)),
        "You divided by √(n - 1), but `std` has n - 1 in its denominator already; divide it by √n.",
    ),
    Misconception(
        "length of the first axis",
        lambda p, q: (_spread(p, q)[0], _spread(p, q)[1] / sqrt(len(p))),
        "You divided by the root of `len(log_p)`, which is the length of the first axis; the samples lie along the "
        "last one: `log_p.shape[-1]`.",
    ),
    Misconception(
        "wrong sign",
        lambda p, q: kl_from_samples(q, p),
        "Your terms are log q - log p; KL(p || q) averages log p - log q over samples of p.",
    ),
    Misconception(
        "weighted again",
        lambda p, q: _moments(p.exp() * (p - q)),
        "You weighted the terms with p once more; the samples come from p, so frequent places are in there more "
        "often already: a plain mean is the average under p.",
    ),
    Misconception(
        "weighted sum",
        _weighted_sum,
        "You summed p · (log p - log q) as for discrete outcomes; over samples of p the estimate is the plain mean "
        "of log p - log q.",
    ),
    Misconception(
        "sum",
        lambda p, q: ((p - q).sum(-1), _spread(p, q)[1] * sqrt(_spread(p, q)[2])),
        "You summed the terms; the estimate is their mean, and the standard error that of the mean.",
    ),
    Misconception(
        "sum with the right error",
        lambda p, q: ((p - q).sum(-1), kl_from_samples(p, q)[1]),
        "Your first result is the sum of the n terms; an expectation is estimated by their mean.",
    ),
    Misconception(
        "quotient of logarithms",
        lambda p, q: _moments(p / q),
        "You divided the log-densities; the logarithm of a quotient is their difference, log p - log q.",
    ),
    Misconception(
        "logarithm of the mean",
        lambda p, q: ((p - q).exp().mean(-1).log(), kl_from_samples(p, q)[1]),
        "You took the logarithm of the mean ratio p/q; KL is the mean of the logarithm, and by Jensen's inequality "
        "that is less.",
    ),
    Misconception(
        "variance over root n",
        lambda p, q: (_spread(p, q)[0], _spread(p, q)[1].square() / sqrt(_spread(p, q)[2])),
        "You divided the variance by √n; take its square root first: the standard deviation over √n.",
    ),
    Misconception(
        "independent",
        lambda p, q: (_spread(p, q)[0], ((p.var(-1) + q.var(-1)) / p.shape[-1]).sqrt()),
        "You added the variances of log p and log q as if they were independent; they are taken at the same samples: "
        "use the standard deviation of their difference.",
    ),
    Misconception(
        "spread of log p",
        lambda p, q: (_spread(p, q)[0], p.std(-1) / sqrt(p.shape[-1])),
        "You took the standard deviation of log p; the terms that are averaged are log p - log q.",
    ),
    Misconception(
        "exponentials",
        lambda p, q: _moments((p.exp() / q.exp()).log()),
        "You exponentiated the log-densities: exp(-1000) is 0, and 0/0 is NaN.  Their difference is the logarithm of "
        "the ratio already.",
    ),
    Misconception(
        "absolute values",
        lambda p, q: _moments((p - q).abs()),
        "You took absolute values of the terms; some are negative, and they belong into the mean with their sign.",
    ),
    Misconception(
        "median",
        lambda p, q: ((p - q).median(-1).values, kl_from_samples(p, q)[1]),
        "You took the median of the terms; an expectation is estimated by their mean.",
    ),
)

EXERCISE = Exercise(
    id="kl-from-samples",
    chapter="02-divergences",
    title="KL from samples, with its error",
    points=3,
    reference=kl_from_samples,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_numpy, by_sums),
    tolerance=with_root,
)
