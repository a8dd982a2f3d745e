"""Exercise: the best discriminator when real and fake samples are not equally many."""

from math import exp, log, log2
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import once_in_single, rounding_of_logarithms
from course_gan.exercises.ch04.inputs import log_densities
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs


def best_with_shares(log_p: Tensor, log_q: Tensor, real: int, fake: int) -> Tensor:
    """The best D for a loss that is one mean over real and fake samples.

    log_p and log_q are tensors of one shape: the log densities of real and of
    fake samples at the same points, any finite numbers; they may be as low as
    -1000.
    The loss is one mean of cross-entropies over the whole batch, of `real` real
    and `fake` fake samples: two whole numbers above zero.
    Return a tensor of that shape: the probability of "real" at each point.
    """
    return torch.sigmoid(log_p - log_q + log(real / fake))


def by_largest(log_p: Tensor, log_q: Tensor, real: int, fake: int) -> Tensor:
    largest = torch.maximum(log_p, log_q)
    a, b = real * (log_p - largest).exp(), fake * (log_q - largest).exp()
    return a / (a + b)


def by_logaddexp(log_p: Tensor, log_q: Tensor, real: int, fake: int) -> Any:
    a, b = log_p.double().numpy() + np.log(real), log_q.double().numpy() + np.log(fake)
    return np.exp(a - np.logaddexp(a, b))


def by_loop(log_p: Tensor, log_q: Tensor, real: int, fake: int) -> Tensor:
    pairs = zip(log_p.flatten().tolist(), log_q.flatten().tolist())
    values = [real / (real + fake * exp(b - a)) for a, b in pairs]
    return torch.tensor(values, dtype=log_p.dtype).reshape(log_p.shape)


def with_a_constant_of_torch(log_p: Tensor, log_q: Tensor, real: int, fake: int) -> Tensor:
    return torch.sigmoid(log_p - log_q + torch.logit(torch.tensor(real / (real + fake))))


def cases(generator: torch.Generator) -> list[Case]:
    counts = ((1, 3), (6, 2), (64, 32), (5, 5), (1, 1), (10, 30), (100, 1))
    plain = log_densities(generator)
    return [
        Case((*case.inputs, *pair), f"{case.label}, {pair[0]} real and {pair[1]} fake")
        for case, pair in zip(plain, counts, strict=True)
    ]


def of_log_densities(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """The rounding of the log densities; besides, log(real / fake) may come from `torch.tensor(...)`, in float32."""
    return once_in_single(rounding_of_logarithms(inputs[:2], expected), expected)


def _posterior(d: Tensor, real: int, fake: int) -> Tensor:
    return d * real / (real + fake)


MISCONCEPTIONS = (
    Misconception(
        "equal shares",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q),
        "This is the best D for equally many of both; the rarer kind is less likely: weight p and q with the numbers.",
    ),
    Misconception(
        "shares exchanged",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q - log(real / fake)),
        "You exchanged the shares: many real samples make “real” more likely, so p is weighted with their number.",
    ),
    Misconception(
        "logarithm missing",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q + real / fake),
        "You added the ratio real / fake to the score; the score is a logarithm, so add the logarithm of the ratio.",
    ),
    Misconception(
        "share in place of the odds",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q + log(real / (real + fake))),
        "You added the logarithm of the share of real samples; it is the odds that count, real / fake.",
    ),
    Misconception(
        "not normalized",
        lambda log_p, log_q, real, fake: _posterior(torch.sigmoid(log_p - log_q), real, fake),
        "You multiplied D by the share of real samples; weight both densities before you divide, so that the "
        "probabilities of “real” and “fake” sum to one.",
    ),
    Misconception(
        "odds times D",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q) * real / fake,
        "You multiplied D by real / fake; the odds D / (1 - D) are multiplied by it, not D.",
    ),
    Misconception(
        "fake",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_q - log_p - log(real / fake)),
        "This is the probability of “fake”; the numerator belongs to the real samples.",
    ),
    Misconception(
        "numerator only",
        lambda log_p, log_q, real, fake: (
            real / (real + fake) * torch.sigmoid(log_p - log_q) + fake / (real + fake) * torch.sigmoid(log_q - log_p)
        ),
        "You mixed p/(p + q) and q/(p + q) by the shares; it is the densities that are weighted, before dividing: "
        "real p / (real p + fake q).",
    ),
    Misconception(
        "densities formed",
        lambda log_p, log_q, real, fake: real * log_p.exp() / (real * log_p.exp() + fake * log_q.exp()),
        "You formed the densities first, and where both underflow to zero 0 / 0 is NaN; only the difference of the "
        "logarithms is needed, and log(real / fake).",
    ),
    Misconception(
        "score",
        lambda log_p, log_q, real, fake: log_p - log_q + log(real / fake),
        "This is the best score; the probability is the logistic function of it.",
    ),
    Misconception(
        "times the score",
        lambda log_p, log_q, real, fake: torch.sigmoid((log_p - log_q) * real / fake),
        "You multiplied the score by real / fake; its logarithm is added to the score.",
    ),
    Misconception(
        "share added",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q + real / (real + fake)),
        "You added the share of real samples to the score; the score is a logarithm, and takes that of the odds, "
        "log(real / fake).",
    ),
    Misconception(
        "logarithms multiplied",
        lambda log_p, log_q, real, fake: torch.sigmoid(real * log_p - fake * log_q),
        "You multiplied the logarithms with the numbers of samples; it is the densities that are multiplied, and their "
        "logarithms get log real and log fake added.",
    ),
    Misconception(
        "logarithms weighted by the shares",
        lambda log_p, log_q, real, fake: torch.sigmoid((real * log_p - fake * log_q) / (real + fake)),
        "You weighted the logarithms with the shares; it is the densities that are weighted, and their logarithms get "
        "the logarithm of the share added.",
    ),
    Misconception(
        "odds returned",
        lambda log_p, log_q, real, fake: (log_p - log_q).exp() * real / fake,
        "These are the odds of “real”, real p / (fake q); the probability is odds / (1 + odds).",
    ),
    Misconception(
        "correction outside",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q) + log(real / fake),
        "You added log(real / fake) to the probability; add it to the score, before the logistic function.",
    ),
    Misconception(
        "number of real samples only",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q + log(real)),
        "You weighted p with the number of real samples and left q alone; q has the weight of the fake ones.",
    ),
    Misconception(
        "numerator weighted only",
        lambda log_p, log_q, real, fake: real * torch.sigmoid(log_p - log_q),
        "You weighted the numerator only; the denominator is real p + fake q.",
    ),
    Misconception(
        "samples ignored",
        lambda log_p, log_q, real, fake: torch.full_like(log_p, real / (real + fake)),
        "This is the share of real samples, whatever the sample; that is right only where p = q.",
    ),
    Misconception(
        "the share where both vanish",
        lambda log_p, log_q, real, fake: (real * log_p.exp() / (real * log_p.exp() + fake * log_q.exp())).nan_to_num(
            real / (real + fake)
        ),
        "Where both densities underflow to zero you give the share of the real samples, by a clamp or in place of NaN; "
        "the difference of the two logarithms still knows which of them is larger.",
    ),
    Misconception(
        "base 2",
        lambda log_p, log_q, real, fake: torch.sigmoid(log_p - log_q + log2(real / fake)),
        "You added the base-2 logarithm of real / fake to natural ones; use `math.log`.",
    ),
)

EXERCISE = Exercise(
    id="unequal-shares",
    chapter="04-optimal-discriminator",
    title="More fakes than real samples",
    points=2,
    reference=best_with_shares,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_largest, by_logaddexp, by_loop, with_a_constant_of_torch),
    tolerance=of_log_densities,
)
