"""Exercise: the Jensen-Shannon divergence that a critic's scores vouch for."""

from math import exp, log, log1p
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, logsigmoid, softplus

from course_gan.exercises.ch02.inputs import once_in_single
from course_gan.exercises.ch04.inputs import scores
from course_gan.exercises.core import Exercise, Misconception, Outputs, rounding


def jsd_estimate(real: Tensor, fake: Tensor) -> Tensor:
    """Estimate of the Jensen-Shannon divergence from raw scores, in nats.

    real is a tensor of shape (..., n), the scores of n real samples, and fake
    one of shape (..., m), those of m fake ones; D is the logistic function of a
    score.
    Scores may be as large as ±1000.  The estimate may be negative: leave it so.
    Return a tensor of shape (...).
    """
    return (log(4) - softplus(-real).mean(-1) - softplus(fake).mean(-1)) / 2


def by_cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    rows = [(one.reshape(-1, one.shape[-1]), label) for one, label in ((real, 1.0), (fake, 0.0))]
    losses = [
        torch.stack([binary_cross_entropy_with_logits(row, torch.full_like(row, label)) for row in table])
        for table, label in rows
    ]
    return log(2) - ((losses[0] + losses[1]) / 2).reshape(real.shape[:-1])


def by_numpy(real: Tensor, fake: Tensor) -> Any:
    a, b = real.double().numpy(), fake.double().numpy()
    return np.log(2) - (np.logaddexp(0, -a).mean(-1) + np.logaddexp(0, b).mean(-1)) / 2


def by_loop(real: Tensor, fake: Tensor) -> Tensor:
    def log_sigmoid(score: float) -> float:
        return -log1p(exp(-score)) if score > 0 else score - log1p(exp(score))

    def mean(values: list[float], sign: int) -> float:
        return sum(log_sigmoid(sign * value) for value in values) / len(values)

    rows = zip(real.reshape(-1, real.shape[-1]).tolist(), fake.reshape(-1, fake.shape[-1]).tolist())
    results = [(mean(a, 1) + mean(b, -1) + log(4)) / 2 for a, b in rows]
    return torch.tensor(results, dtype=real.dtype).reshape(real.shape[:-1])


def with_a_constant_of_torch(real: Tensor, fake: Tensor) -> Tensor:
    return (torch.tensor(4.0).log() + logsigmoid(real).mean(-1) + logsigmoid(-fake).mean(-1)) / 2


def of_the_estimate(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """The rounding of the sums; besides, log 4 may have come from `torch.tensor(4.0)`, which is float32."""
    return once_in_single(rounding(inputs, expected), expected)


def _pooled(real: Tensor, fake: Tensor) -> Tensor:
    terms = torch.cat([logsigmoid(real), logsigmoid(-fake)], -1)
    return log(2) + terms.mean(-1)


MISCONCEPTIONS = (
    Misconception(
        "probabilities formed",
        lambda real, fake: (torch.sigmoid(real).log().mean(-1) + (1 - torch.sigmoid(fake)).log().mean(-1) + log(4)) / 2,
        "For large scores a sigmoid rounds to 0 or 1 and its logarithm is -infinity, and log(1 + exp(x)) overflows: "
        "log D is `logsigmoid(score)`, and log(1 - D) is `logsigmoid(-score)`.",
    ),
    Misconception(
        "not halved",
        lambda real, fake: 2 * jsd_estimate(real, fake),
        "This is V + log 4, which is twice the divergence: at the best D the value V is 2 JS - log 4.",
    ),
    Misconception(
        "value",
        lambda real, fake: 2 * jsd_estimate(real, fake) - log(4),
        "This is the value V of the game; solve V = 2 JS - log 4 for JS.",
    ),
    Misconception(
        "loss",
        lambda real, fake: log(4) - 2 * jsd_estimate(real, fake),
        "This is the critic's loss, -V; the divergence is (V + log 4) / 2.",
    ),
    Misconception(
        "log 2 inside",
        lambda real, fake: jsd_estimate(real, fake) - log(2) / 2,
        "You added log 2 to V before halving; it is log 4, once log 2 for each of the two terms.",
    ),
    Misconception(
        "log 4 outside",
        lambda real, fake: jsd_estimate(real, fake) + log(2),
        "You halved V and then added log 4; the half is for both: (V + log 4) / 2.",
    ),
    Misconception(
        "pooled",
        _pooled,
        "You averaged over all samples together; average real and fake ones separately, or the larger group counts "
        "for more.",
    ),
    Misconception(
        "labels exchanged",
        lambda real, fake: jsd_estimate(-real, -fake),
        "You exchanged the labels: real samples enter by log D, fake ones by log(1 - D).",
    ),
    Misconception(
        "fakes called real",
        lambda real, fake: (logsigmoid(real).mean(-1) + logsigmoid(fake).mean(-1) + log(4)) / 2,
        "You took log D at the fakes as well; they enter by log(1 - D), which is `logsigmoid(-score)`.",
    ),
    Misconception(
        "sigmoid twice",
        lambda real, fake: jsd_estimate(torch.sigmoid(real), torch.sigmoid(fake)),
        "You put a sigmoid on the scores and then used a formula for scores: one of the two is enough.",
    ),
    Misconception(
        "cut off",
        lambda real, fake: jsd_estimate(real, fake).clamp(min=0),
        "You cut negative estimates off at zero; leave them: they say that the critic does worse than one half would.",
    ),
    Misconception(
        "bits",
        lambda real, fake: jsd_estimate(real, fake) / log(2),
        "Your estimate is in bits; use the natural logarithm.",
    ),
    Misconception(
        "sum over samples",
        lambda real, fake: (log(4) + logsigmoid(real).sum(-1) + logsigmoid(-fake).sum(-1)) / 2,
        "You summed over the samples; V is made of means, which do not grow with the number of samples.",
    ),
    Misconception(
        "real only",
        lambda real, fake: log(2) + logsigmoid(real).mean(-1),
        "Only the real samples are in it: this is KL(p || mixture) at best; the fakes give the other half.",
    ),
    Misconception(
        "whole batch",
        lambda real, fake: (log(4) - softplus(-real).mean() - softplus(fake).mean()) / 2,
        "You averaged over all critics together; each has an estimate of its own: average over `dim=-1` only.",
    ),
    Misconception(
        "sign of the real term",
        lambda real, fake: (log(4) - softplus(real).mean(-1) - softplus(fake).mean(-1)) / 2,
        "You took log(1 - D) at the real samples as well; they enter by log D, which is `-softplus(-score)`.",
    ),
    Misconception(
        "fakes only",
        lambda real, fake: log(2) - softplus(fake).mean(-1),
        "Only the fakes are in it: this is KL(q || mixture) at best; the real samples give the other half.",
    ),
    Misconception(
        "terms subtracted",
        lambda real, fake: (log(4) - softplus(-real).mean(-1) + softplus(fake).mean(-1)) / 2,
        "You subtracted the term of the fakes; V is a sum: log D at real samples plus log(1 - D) at fake ones.",
    ),
    Misconception(
        "losses added",
        lambda real, fake: (log(4) + softplus(-real).mean(-1) + softplus(fake).mean(-1)) / 2,
        "You added the losses to log 4; V is minus their sum, and the higher the loss the smaller the divergence.",
    ),
    Misconception(
        "one number of samples for both",
        lambda real, fake: (log(4) - softplus(-real).mean(-1) - softplus(fake).sum(-1) / real.shape[-1]) / 2,
        "You divided the sum over the fakes by the number of real samples; each group has a size of its own.",
    ),
    Misconception(
        "logarithm of the mean",
        lambda real, fake: (log(4) + real.sigmoid().mean(-1).log() + (-fake).sigmoid().mean(-1).log()) / 2,
        "You took the logarithm of the mean probability; it is the mean of the logarithms.",
    ),
    Misconception(
        "1 - log D",
        lambda real, fake: (log(4) + logsigmoid(real).mean(-1) + (1 - logsigmoid(fake)).mean(-1)) / 2,
        "You wrote 1 - log D where log(1 - D) is meant, which is `logsigmoid(-score)`.",
    ),
    Misconception(
        "no logarithm",
        lambda real, fake: (log(4) + real.sigmoid().mean(-1) + (-fake).sigmoid().mean(-1)) / 2,
        "You averaged D and 1 - D themselves; V averages their logarithms.",
    ),
    Misconception(
        "raw scores",
        lambda real, fake: (log(4) + real.mean(-1) - fake.mean(-1)) / 2,
        "You averaged the raw scores; V averages log D and log(1 - D), with D the logistic function of the score.",
    ),
    Misconception(
        "log 4 subtracted",
        lambda real, fake: jsd_estimate(real, fake) - log(4),
        "You subtracted log 4; V = 2 JS - log 4, so V + log 4 is 2 JS.",
    ),
)

EXERCISE = Exercise(
    id="jsd-estimate",
    chapter="04-optimal-discriminator",
    title="A divergence from a classifier",
    points=2,
    reference=jsd_estimate,
    cases=scores,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_cross_entropy, by_numpy, by_loop, with_a_constant_of_torch),
    tolerance=of_the_estimate,
)
