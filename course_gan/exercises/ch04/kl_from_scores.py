"""Exercise: both directions of KL from the scores of a good critic."""

from math import log
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from course_gan.exercises.ch04.inputs import scores
from course_gan.exercises.core import Exercise, Misconception, Outputs, rounding


def kl_both_ways(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """KL(P || Q) and KL(Q || P) in nats, from the scores of an optimal critic.

    real is a tensor of shape (..., n), the raw scores of n samples of P, and
    fake one of shape (..., m), those of m samples of Q.  Each score is log(p /
    q) at its sample; scores may be as large as ±1000.
    Return the pair (KL(P || Q), KL(Q || P)), two tensors of shape (...): plain
    means, which may be negative.
    """
    return real.mean(-1), -fake.mean(-1)


def by_log_probabilities(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    def log_odds(score: Tensor) -> Tensor:
        return logsigmoid(score) - logsigmoid(-score)

    return log_odds(real).mean(-1), log_odds(-fake).mean(-1)


def by_numpy(real: Tensor, fake: Tensor) -> Any:
    return np.average(real.numpy(), axis=-1), -np.average(fake.numpy(), axis=-1)


def by_loop(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    def means(scores: Tensor) -> Tensor:
        rows = scores.reshape(-1, scores.shape[-1]).tolist()
        return torch.tensor([sum(row) / len(row) for row in rows], dtype=scores.dtype).reshape(scores.shape[:-1])

    return means(real), -means(fake)


def of_the_scores(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """The terms are the scores, and those of opposite signs cancel: the rounding is that of the largest."""
    return rounding(inputs, expected, size=max(1.0, *(float(x.abs().max()) for x in inputs)))


MISCONCEPTIONS = (
    Misconception(
        "minus missing",
        lambda real, fake: (real.mean(-1), fake.mean(-1)),
        "The reverse direction lacks its minus sign: KL(Q || P) is the mean of log(q / p), which is minus the score.",
    ),
    Misconception(
        "both on real samples",
        lambda real, fake: (real.mean(-1), -real.mean(-1)),
        "You averaged over the real samples both times; KL(Q || P) is an expectation under Q: use the fake ones.",
    ),
    Misconception(
        "both on fake samples",
        lambda real, fake: (fake.mean(-1), -fake.mean(-1)),
        "You averaged over the fake samples both times; KL(P || Q) is an expectation under P: use the real ones.",
    ),
    Misconception(
        "samples exchanged",
        lambda real, fake: (fake.mean(-1), -real.mean(-1)),
        "You exchanged the samples: KL(P || Q) is the mean of log(p / q) over samples of P.",
    ),
    Misconception(
        "directions exchanged",
        lambda real, fake: (-fake.mean(-1), real.mean(-1)),
        "You returned the two directions in the wrong order: the first is KL(P || Q), from the real samples.",
    ),
    Misconception(
        "log D",
        lambda real, fake: (logsigmoid(real).mean(-1), -logsigmoid(fake).mean(-1)),
        "You averaged log D, which is log(p / (p + q)); the score itself is log(p / q): no logistic function here.",
    ),
    Misconception(
        "log D and log(1 - D)",
        lambda real, fake: (logsigmoid(real).mean(-1), logsigmoid(-fake).mean(-1)),
        "These are the two terms of the value V; the divergences are means of the scores themselves, log(p / q).",
    ),
    Misconception(
        "halves of JS",
        lambda real, fake: (log(2) + logsigmoid(real).mean(-1), log(2) + logsigmoid(-fake).mean(-1)),
        "These are KL(P || M) and KL(Q || M) with the mixture M, the halves of JS; wanted are P and Q directly.",
    ),
    Misconception(
        "ratio",
        lambda real, fake: (real.exp().mean(-1), (-fake).exp().mean(-1)),
        "You averaged the density ratio p / q; KL is the mean of its logarithm, and that is the score as it comes.",
    ),
    Misconception(
        "cut off",
        lambda real, fake: (real.mean(-1).clamp(min=0), (-fake.mean(-1)).clamp(min=0)),
        "You cut negative estimates off at zero; a divergence is not negative, but its estimate may be.",
    ),
    Misconception(
        "absolute values",
        lambda real, fake: (real.abs().mean(-1), fake.abs().mean(-1)),
        "You averaged the absolute scores; points where the other density is larger count negative.",
    ),
    Misconception(
        "sum",
        lambda real, fake: (real.sum(-1), -fake.sum(-1)),
        "You summed the scores; an expectation is estimated by their mean.",
    ),
    Misconception(
        "their sum",
        lambda real, fake: (real.mean(-1) - fake.mean(-1), real.mean(-1) - fake.mean(-1)),
        "You added both directions up, which is Jeffreys' divergence; return them one by one.",
    ),
    Misconception(
        "whole batch",
        lambda real, fake: (real.mean(), -fake.mean()),
        "You averaged over the whole batch of critics; average over the last axis only, `dim=-1`.",
    ),
    Misconception(
        "through probabilities",
        lambda real, fake: (
            (real.sigmoid() / (1 - real.sigmoid())).log().mean(-1),
            -(fake.sigmoid() / (1 - fake.sigmoid())).log().mean(-1),
        ),
        "You went from the score to D and back, and for large scores D rounds to 0 or 1, so that log(D / (1 - D)) is "
        "infinite; that logarithm is the score itself.",
    ),
    Misconception(
        "logarithm of the mean ratio",
        lambda real, fake: (real.exp().mean(-1).log(), (-fake).exp().mean(-1).log()),
        "You took the logarithm of the mean ratio; KL is the mean of the logarithm, which is lower.",
    ),
    Misconception(
        "both from all samples",
        lambda real, fake: (torch.cat([real, fake], -1).mean(-1), -torch.cat([real, fake], -1).mean(-1)),
        "You averaged over real and fake samples together; each direction is an expectation under one of the two.",
    ),
    Misconception(
        "differences",
        lambda real, fake: (real.mean(-1) - fake.mean(-1), fake.mean(-1) - real.mean(-1)),
        "You subtracted the two means, as in a Wasserstein critic; each direction of KL is one of them alone.",
    ),
    Misconception(
        "one number of samples for both",
        lambda real, fake: (real.mean(-1), -fake.sum(-1) / real.shape[-1]),
        "You divided the sum over the fakes by the number of real samples; it is a mean over the fakes.",
    ),
    Misconception(
        "weighted with D",
        lambda real, fake: ((real.sigmoid() * real).mean(-1), -((-fake).sigmoid() * fake).mean(-1)),
        "You weighted the scores with D; the samples are drawn from P and from Q already, so plain means are right.",
    ),
    Misconception(
        "weighted with the ratio",
        lambda real, fake: ((real.exp() * real).mean(-1), ((-fake).exp() * -fake).mean(-1)),
        "You weighted the scores with the density ratio; the samples are drawn from P and from Q already, so plain "
        "means are right.",
    ),
    Misconception(
        "medians",
        lambda real, fake: (real.median(-1).values, -fake.median(-1).values),
        "You took the median of the scores; an expectation is estimated by their mean.",
    ),
    Misconception(
        "probabilities averaged",
        lambda real, fake: (real.sigmoid().mean(-1), (-fake).sigmoid().mean(-1)),
        "You averaged the probabilities D and 1 - D; KL averages log(p / q), and that is the score as it comes.",
    ),
)

EXERCISE = Exercise(
    id="kl-from-scores",
    chapter="04-optimal-discriminator",
    title="KL without densities",
    points=2,
    reference=kl_both_ways,
    cases=scores,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_log_probabilities, by_numpy, by_loop),
    tolerance=of_the_scores,
)
