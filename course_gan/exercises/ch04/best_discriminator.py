"""Exercise: the optimal discriminator, from log densities."""

from math import exp
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import rounding_of_logarithms
from course_gan.exercises.ch04.inputs import log_densities
from course_gan.exercises.core import Exercise, Misconception


def best_discriminator(log_p: Tensor, log_q: Tensor) -> Tensor:
    """The best discriminator's probability of "real", p / (p + q), at each point.

    log_p and log_q are tensors of one shape: the log densities of real and of
    fake samples at the same points, any finite numbers; they may be as low as
    -1000.
    Return a tensor of that shape.
    """
    return torch.sigmoid(log_p - log_q)


def by_largest(log_p: Tensor, log_q: Tensor) -> Tensor:
    largest = torch.maximum(log_p, log_q)
    p, q = (log_p - largest).exp(), (log_q - largest).exp()
    return p / (p + q)


def by_logaddexp(log_p: Tensor, log_q: Tensor) -> Any:
    a, b = log_p.double().numpy(), log_q.double().numpy()
    return np.exp(a - np.logaddexp(a, b))


def by_loop(log_p: Tensor, log_q: Tensor) -> Tensor:
    pairs = zip(log_p.flatten().tolist(), log_q.flatten().tolist())
    return torch.tensor([1 / (1 + exp(b - a)) for a, b in pairs], dtype=log_p.dtype).reshape(log_p.shape)


MISCONCEPTIONS = (
    Misconception(
        "swapped",
        lambda log_p, log_q: torch.sigmoid(log_q - log_p),
        "This is q / (p + q), the probability of “fake”: the numerator belongs to the real samples, p.",
    ),
    Misconception(
        "ratio",
        lambda log_p, log_q: (log_p - log_q).exp(),
        "This is the density ratio p / q, which has no upper limit; the probability is the share p / (p + q).",
    ),
    Misconception(
        "score",
        lambda log_p, log_q: log_p - log_q,
        "This is the best score, log p - log q, any real number; the probability is the logistic function of it.",
    ),
    Misconception(
        "densities formed",
        lambda log_p, log_q: log_p.exp() / (log_p.exp() + log_q.exp()),
        "You formed the densities first, and where both underflow to zero 0 / 0 is NaN; only the difference of the "
        "logarithms is needed.",
    ),
    Misconception(
        "share of logarithms",
        lambda log_p, log_q: log_p / (log_p + log_q),
        "You took the share of the logarithms, log p / (log p + log q); it is the densities whose share is wanted.",
    ),
    Misconception(
        "logistic of the densities",
        lambda log_p, log_q: torch.sigmoid(log_p.exp() - log_q.exp()),
        "You took the logistic function of p - q; it wants the difference of the logarithms, log p - log q.",
    ),
    Misconception(
        "logarithm",
        lambda log_p, log_q: torch.nn.functional.logsigmoid(log_p - log_q),
        "This is log D, the logarithm of the probability; return D itself: `sigmoid`, not `logsigmoid`.",
    ),
    Misconception(
        "against the mixture",
        lambda log_p, log_q: 2 * torch.sigmoid(log_p - log_q),
        "You divided by the mixture (p + q) / 2; the share of p is p / (p + q), without the ½, or it could exceed one.",
    ),
    Misconception(
        "decision",
        lambda log_p, log_q: (log_p > log_q).to(log_p.dtype),
        "You decided for the more likely side; that is the best guess, but the discriminator gives its probability.",
    ),
    Misconception(
        "softmax over the points",
        lambda log_p, log_q: (log_p - log_q).softmax(-1),
        "You normalized over the points, by a softmax; at each point the two sources compete, real and fake, and "
        "D need not sum to one over x.",
    ),
    Misconception(
        "real alone",
        lambda log_p, log_q: torch.sigmoid(log_p),
        "You took the logistic function of log p alone; how likely “real” is depends on q too: log p - log q.",
    ),
    Misconception(
        "product",
        lambda log_p, log_q: torch.sigmoid(log_p) * torch.sigmoid(-log_q),
        "You applied the logistic function to each density by itself; it takes their difference, log p - log q.",
    ),
    Misconception(
        "one half where both vanish",
        lambda log_p, log_q: (log_p.exp() / (log_p.exp() + log_q.exp())).nan_to_num(0.5),
        "Where both densities underflow to zero you say one half, by a clamp, by a small number added, or in place of "
        "NaN; the difference of the two logarithms still knows which of them is larger, and by how much.",
    ),
    Misconception(
        "zero where both vanish",
        lambda log_p, log_q: (log_p.exp() / (log_p.exp() + log_q.exp())).nan_to_num(0.0),
        "Where both densities underflow to zero you say zero, by a small number added to the denominator, or in place "
        "of NaN; the difference of the two logarithms still knows which of them is larger, and by how much.",
    ),
    Misconception(
        "sigmoid twice",
        lambda log_p, log_q: torch.sigmoid(torch.sigmoid(log_p - log_q)),
        "You applied the logistic function twice; once makes a probability of the score, log p - log q.",
    ),
    Misconception(
        "sigmoid of the ratio",
        lambda log_p, log_q: torch.sigmoid((log_p - log_q).exp()),
        "You took the logistic function of the ratio p / q; it wants the logarithm of the ratio, log p - log q.",
    ),
    Misconception(
        "exp missing",
        lambda log_p, log_q: 1 / (1 + (log_q - log_p)),
        "You put the difference of the logarithms where q / p belongs in 1 / (1 + q/p): the `exp` is missing.",
    ),
    Misconception(
        "each with its own maximum",
        lambda log_p, log_q: torch.sigmoid((log_p - log_p.max()) - (log_q - log_q.max())),
        "You subtracted the largest entry from each logarithm, a number of its own for p and for q; what is subtracted "
        "has to be the same for both, or the ratio changes.",
    ),
)

EXERCISE = Exercise(
    id="best-discriminator",
    chapter="04-optimal-discriminator",
    title="The best discriminator",
    points=1,
    reference=best_discriminator,
    cases=log_densities,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_largest, by_logaddexp, by_loop),
    tolerance=rounding_of_logarithms,
)
