"""Exercise: maximum likelihood is minimum KL."""

from collections.abc import Callable
from math import inf, log
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE, distribution, row_by_row
from course_gan.exercises.core import Case, Exercise, Misconception


def negative_log_likelihood(counts: Tensor, model: Tensor) -> tuple[Tensor, Tensor]:
    """Average negative log-likelihood under the model, and the least possible.

    counts is a tensor of whole numbers of shape (..., outcomes): how often each
    outcome was seen.
    model is a tensor of the same shape: the model's probability of each outcome.
    An outcome that was never seen contributes nothing; one that was seen although
    the model calls it impossible makes the first result infinite.
    Return the pair (under the model, least that any model can reach), in nats per
    observation: two tensors of shape (...).
    """
    seen = counts.to(model.dtype)
    frequency = seen / seen.sum(-1, keepdim=True)
    return -torch.xlogy(frequency, model).sum(-1), -torch.xlogy(frequency, frequency).sum(-1)


@row_by_row
def by_loop(counts: list[int], model: list[float]) -> tuple[float, float]:
    total, likelihood, best = sum(counts), 0.0, 0.0
    for n, q in zip(counts, model):
        if n > 0:
            likelihood -= n * log(q) if q > 0 else -inf
            best -= n * log(n / total)
    return likelihood / total, best / total


def by_masked_sums(counts: Tensor, model: Tensor) -> tuple[Tensor, Tensor]:
    n = counts.double()
    total = n.sum(-1)
    nothing = n == 0
    best = total.log() - (n * n.masked_fill(nothing, 1).log()).sum(-1) / total
    return -(n * model.double().masked_fill(nothing, 1).log()).sum(-1) / total, best


def cases(generator: torch.Generator) -> list[Case]:
    def counts(*shape: int) -> Tensor:
        return torch.randint(1, 40, shape, generator=generator)

    def model(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return distribution(generator, *shape, dtype=dtype)

    zero = torch.zeros(1, dtype=DOUBLE)
    unseen = torch.cat([counts(3), torch.zeros(1, dtype=torch.int64)])
    fitting = counts(4)
    return [
        Case((torch.tensor([7, 3]), torch.tensor([0.5, 0.5], dtype=DOUBLE)), "seven heads, three tails, a fair coin"),
        Case((counts(5), model(5)), "five outcomes, each seen"),
        Case((fitting, fitting / fitting.sum().double()), "the model with the frequencies of the data"),
        Case((counts(12), model(12, dtype=SINGLE)), "twelve outcomes, a model in float32"),
        Case((counts(2, 3, 4), model(2, 3, 4)), "a batch of shape (2, 3) over four outcomes"),
        Case((counts(1, 3), model(1, 3)), "a batch of one row"),
        Case((torch.tensor([0, 12, 0]), model(3)), "always the same outcome"),
        Case((unseen, model(4)), "an outcome never seen"),
        Case((unseen, torch.cat([model(3), zero])), "an outcome never seen and impossible under the model"),
        Case((counts(4), torch.cat([model(3), zero])), "an outcome seen but impossible under the model"),
    ]


def _wrong(change: Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]) -> Callable[..., Any]:
    """A wrong answer made from the frequencies f, the model q and the two right results."""

    def function(counts: Tensor, model: Tensor) -> tuple[Tensor, Tensor]:
        seen = counts.to(model.dtype)
        return change(seen / seen.sum(-1, keepdim=True), model, *negative_log_likelihood(counts, model))

    return function


def _not_averaged(counts: Tensor, model: Tensor) -> tuple[Tensor, Tensor]:
    likelihood, best = negative_log_likelihood(counts, model)
    return likelihood * counts.sum(-1), best * counts.sum(-1)


MISCONCEPTIONS = (
    Misconception(
        "not averaged",
        _not_averaged,
        "You summed over all observations; divide by their number, so that more data does not mean a larger loss.",
    ),
    Misconception(
        "first not averaged",
        lambda counts, model: (_not_averaged(counts, model)[0], negative_log_likelihood(counts, model)[1]),
        "Your first result is the total over all observations; divide it by their number N, then it can be compared "
        "with the second.",
    ),
    Misconception(
        "wrong sign",
        _wrong(lambda f, q, likelihood, best: (-likelihood, -best)),
        "You returned log-likelihoods; the negative ones are wanted, which are never below zero.",
    ),
    Misconception(
        "base 2",
        _wrong(lambda f, q, likelihood, best: (likelihood / log(2), best / log(2))),
        "You used the base-2 logarithm, so your likelihoods are in bits; use the natural logarithm.",
    ),
    Misconception(
        "zero times log zero",
        _wrong(lambda f, q, likelihood, best: (-(f * q.log()).sum(-1), -(f * f.log()).sum(-1))),
        "An outcome that was never seen has frequency 0, and 0 · log 0 became NaN; its term is zero: use "
        "`torch.special.xlogy`, or `torch.where`.",
    ),
    Misconception(
        "each outcome once",
        _wrong(lambda f, q, likelihood, best: (-q.log().mean(-1), best)),
        "You averaged -log q over the outcomes, each counted once; weight each outcome with how often it was seen.",
    ),
    Misconception(
        "weighted by the model",
        _wrong(lambda f, q, likelihood, best: (-torch.xlogy(q, q).sum(-1), best)),
        "You weighted -log q with the model's own probabilities, which gives the entropy of the model and ignores "
        "the data; the weights are the frequencies.",
    ),
    Misconception(
        "logarithm of the average",
        _wrong(lambda f, q, likelihood, best: (-(f * q).sum(-1).log(), best)),
        "You took the logarithm of an average probability; average the logarithms: independent observations "
        "multiply, so their logarithms add.",
    ),
    Misconception(
        "entropy of the model",
        _wrong(lambda f, q, likelihood, best: (likelihood, -torch.xlogy(q, q).sum(-1))),
        "Your second result is the entropy of the model; the least any model can reach does not depend on this "
        "model: put the best one, which has the frequencies of the data, in place of it.",
    ),
    Misconception(
        "divergence",
        _wrong(lambda f, q, likelihood, best: (likelihood, likelihood - best)),
        "Your second result is KL(data || model), by which this model misses the best one; the value of the best "
        "one is wanted: the entropy of the frequencies.",
    ),
    Misconception(
        "uniform",
        _wrong(lambda f, q, likelihood, best: (likelihood, torch.full_like(best, log(f.shape[-1])))),
        "Your second result is log of the number of outcomes, what a uniform model pays; the best model has the "
        "frequencies of the data and pays their entropy.",
    ),
    Misconception(
        "zero",
        _wrong(lambda f, q, likelihood, best: (likelihood, torch.zeros_like(best))),
        "Zero is the least that KL can reach, not the negative log-likelihood: data with several outcomes cannot be "
        "predicted with certainty.  The best model has the frequencies of the data.",
    ),
    Misconception(
        "divided by the outcomes",
        lambda counts, model: (-torch.xlogy(counts, model).mean(-1), negative_log_likelihood(counts, model)[1]),
        "You divided the first result by the number of outcomes; divide by that of observations, the sum of counts.",
    ),
    Misconception(
        "divergence first",
        _wrong(lambda f, q, likelihood, best: (likelihood - best, best)),
        "Your first result is KL(data || model) already; the negative log-likelihood of the model is wanted, which "
        "exceeds it by the second result.",
    ),
    Misconception(
        "second not averaged",
        lambda counts, model: (negative_log_likelihood(counts, model)[0], _not_averaged(counts, model)[1]),
        "Your second result is the total over all observations; divide it by their number N.",
    ),
    Misconception(
        "weights exchanged",
        _wrong(lambda f, q, likelihood, best: (-torch.xlogy(q, f).sum(-1), best)),
        "You weighted log frequency with the model; it is the other way round, -Σ frequency · log q.",
    ),
    Misconception(
        "model twice",
        _wrong(lambda f, q, likelihood, best: (likelihood, likelihood)),
        "Both results are those of the given model; the second is that of the best model, whatever was given.",
    ),
    Misconception(
        "the best model itself",
        _wrong(lambda f, q, likelihood, best: (likelihood, f)),
        "Your second result is the best model, that is, its probabilities; wanted is its negative log-likelihood.",
    ),
)

EXERCISE = Exercise(
    id="maximum-likelihood",
    chapter="02-divergences",
    title="Maximum likelihood is minimum KL",
    points=3,
    reference=negative_log_likelihood,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_masked_sums),
)
