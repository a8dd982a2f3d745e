"""Exercise: the gradient that a generator gets from the best discriminator."""

from math import exp
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE
from course_gan.exercises.ch04.inputs import normal
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding


def frozen_gradient(theta: Tensor, z: Tensor) -> Tensor:
    """Derivative by theta of the mean of log(1 - D(theta + z)), D held fixed.

    The data are N(0, 1) and the generator shifts its noise, x = theta + z, so
    that its samples are N(theta, 1).  D is the best discriminator of these two,
    and it stays as it is while the generator moves.
    theta is a tensor of shape (), and z one of shape (n,): the noise.
    Return a tensor of shape ().
    """
    x = theta + z
    return theta * torch.sigmoid(theta**2 / 2 - theta * x).mean()


def _scores(x: Tensor, theta: Tensor) -> Tensor:
    """log N(x; 0, 1) - log N(x; theta, 1)."""
    return ((x - theta).square() - x.square()) / 2


def by_autograd(theta: Tensor, z: Tensor) -> Tensor:
    leaf = theta.detach().clone().requires_grad_()
    loss = -softplus(_scores(leaf + z, theta.detach())).mean()
    (slope,) = torch.autograd.grad(loss, leaf)
    return slope


def by_numpy(theta: Tensor, z: Tensor) -> Any:
    t, x = theta.double().item(), theta.double().item() + z.double().numpy()
    return np.mean(t / (1 + np.exp(t * x - t**2 / 2)))


def by_loop(theta: Tensor, z: Tensor) -> float:
    t, total = theta.item(), 0.0
    for value in z.tolist():
        d = 1 / (1 + exp(t * (t + value) - t**2 / 2))
        total -= d * -t  # the slope of log(1 - sigmoid(s)) is -sigmoid(s), that of the score is -theta
    return total / len(z)


def cases(generator: torch.Generator) -> list[Case]:
    def case(theta: float, n: int, label: str, dtype: torch.dtype = DOUBLE) -> Case:
        return Case((torch.tensor(theta, dtype=dtype), normal(generator, n, dtype=dtype)), label)

    return [
        case(1.0, 200, "a shift of one"),
        case(-2.0, 50, "a shift to the left"),
        case(0.5, 7, "a small shift, seven samples"),
        case(0.0, 5, "no shift"),
        case(4.0, 300, "a large shift"),
        case(1.5, 20, "twenty samples in float32", SINGLE),
        case(2.5, 1, "a single sample"),
    ]


def of_the_scores(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """A score is a difference of squares of numbers below 10, whose rounding passes on to the logistic function."""
    return rounding(inputs, expected, size=50.0)


def _slope(loss: Any) -> Any:
    """The derivative of another loss, a function of (theta that moves, theta that D knows, z), by the first one."""

    def function(theta: Tensor, z: Tensor) -> Tensor:
        leaf = theta.detach().clone().requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad(loss(leaf, theta.detach(), z), leaf)
        return slope

    return function


MISCONCEPTIONS = (
    Misconception(
        "not fixed",
        _slope(lambda leaf, theta, z: -softplus(_scores(leaf + z, leaf)).mean()),
        "You differentiated through the theta that D was made with, too; D stays as it is while the generator moves: "
        "detach it there.",
    ),
    Misconception(
        "uphill",
        lambda theta, z: -frozen_gradient(theta, z),
        "Your sign is that of a step downhill; the derivative itself is wanted.",
    ),
    Misconception(
        "non-saturating",
        _slope(lambda leaf, theta, z: softplus(-_scores(leaf + z, theta)).mean()),
        "This is the derivative of -log D, the non-saturating loss; here it is log(1 - D).",
    ),
    Misconception(
        "log D",
        _slope(lambda leaf, theta, z: -softplus(-_scores(leaf + z, theta)).mean()),
        "This is the derivative of log D at the fakes, or of log(1 - D) for a D with its labels exchanged; they enter "
        "by log(1 - D), with the score log p - log q, where p = N(0, 1) are the data.",
    ),
    Misconception(
        "half",
        lambda theta, z: frozen_gradient(theta, z) / 2,
        "This is the derivative of the Jensen-Shannon divergence itself (from these samples); that of the value is "
        "twice as large.",
    ),
    Misconception(
        "sum",
        lambda theta, z: frozen_gradient(theta, z) * len(z),
        "You summed over the samples; the mean is wanted.",
    ),
    Misconception(
        "only through D",
        _slope(lambda leaf, theta, z: -softplus(_scores(theta + z, leaf)).mean()),
        "You differentiated by the theta that D was made with, and held the samples fixed; it is the other way round.",
    ),
    Misconception(
        "1 - D, no logarithm",
        _slope(lambda leaf, theta, z: torch.sigmoid(-_scores(leaf + z, theta)).mean()),
        "You differentiated the mean of 1 - D; its logarithm is in the value.",
    ),
    Misconception(
        "noise in place of samples",
        lambda theta, z: theta * torch.sigmoid(theta**2 / 2 - theta * z).mean(),
        "You asked D about the noise z; D sees samples, x = theta + z.",
    ),
    Misconception(
        "slope of the score missing",
        lambda theta, z: -torch.sigmoid(theta**2 / 2 - theta * (theta + z)).mean(),
        "This is the mean of -D, the slope of log(1 - D) with respect to the score; that of the score with respect to "
        "x, which is -theta, is missing.",
    ),
    Misconception(
        "D alone",
        lambda theta, z: torch.sigmoid(theta**2 / 2 - theta * (theta + z)).mean(),
        "This is the mean of D at the fakes; the slope of log(1 - D) is -D times that of the score, which is -theta.",
    ),
    Misconception(
        "value",
        lambda theta, z: -softplus(theta**2 / 2 - theta * (theta + z)).mean(),
        "This is the mean of log(1 - D) itself; its derivative with respect to theta is wanted.",
    ),
    Misconception(
        "one sample in place of all",
        lambda theta, z: theta * torch.sigmoid(theta**2 / 2 - theta * (theta + z).mean()),
        "You averaged the samples before you asked D about them; ask about each, and average the slopes.",
    ),
    Misconception(
        "half missing in the score",
        _slope(lambda leaf, theta, z: -softplus(2 * _scores(leaf + z, theta)).mean()),
        "Your score is twice as large as it should be: a Gaussian's log density is -x²/2, with the ½.",
    ),
    Misconception(
        "constant missing in the score",
        lambda theta, z: theta * torch.sigmoid(-theta * (theta + z)).mean(),
        "Your score is -theta x; the constant theta²/2 of ((x - theta)² - x²)/2 is missing.",
    ),
    Misconception(
        "sigmoid twice",
        _slope(lambda leaf, theta, z: -softplus(torch.sigmoid(_scores(leaf + z, theta))).mean()),
        "You put a sigmoid on the score and then used a formula for scores: one of the two is enough.",
    ),
    Misconception(
        "ratio in place of D",
        lambda theta, z: theta * (theta**2 / 2 - theta * (theta + z)).exp().mean(),
        "You used the ratio p / q where D = p / (p + q) belongs: it is the logistic function of the score, not exp.",
    ),
    Misconception(
        "no shift of x",
        _slope(lambda leaf, theta, z: -softplus(_scores(leaf * z, theta)).mean()),
        "You multiplied the noise by theta; the generator adds it, x = theta + z.",
    ),
)

EXERCISE = Exercise(
    id="frozen-gradient",
    chapter="04-optimal-discriminator",
    title="What the best discriminator teaches",
    points=4,
    reference=frozen_gradient,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_autograd, by_numpy, by_loop),
    tolerance=of_the_scores,
)
