"""Exercise: the Gaussian that maximum likelihood (forward KL) fits."""

from math import sqrt
from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE, distribution, once_in_single
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding


def closest_gaussian(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the Gaussian N closest to P.

    It minimizes -Σ mass log N(x), the part of KL(P || N) that depends on N.
    x is a tensor of shape (points,): the points of a grid.
    mass is a tensor of the same shape: P's probability of each point, in all one.
    Return the pair (mean, standard deviation), two tensors of shape ().
    """
    mean = (mass * x).sum()
    return mean, (mass * (x - mean).square()).sum().sqrt()


def by_loop(x: Tensor, mass: Tensor) -> tuple[float, float]:
    points = list(zip(x.tolist(), mass.tolist()))
    mean = sum(m * a for a, m in points)
    return mean, sqrt(sum(m * (a - mean) ** 2 for a, m in points))


def by_moments(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    first, second = mass @ x, mass @ x**2
    return first, (second - first**2).sqrt()


def by_numpy(x: Tensor, mass: Tensor) -> tuple[Any, Any]:
    mean = np.average(x.numpy(), weights=mass.numpy())
    return mean, np.sqrt(np.average((x.numpy() - mean) ** 2, weights=mass.numpy()))


def cases(generator: torch.Generator) -> list[Case]:
    def between(low: float, high: float) -> float:
        return low + (high - low) * torch.rand((), generator=generator).item()

    def modes(x: Tensor, *parts: tuple[float, float, float]) -> Tensor:
        """A mixture of bumps (weight, center, width) on the grid x."""
        weight = torch.stack([w / s * torch.exp(-(((x - c) / s) ** 2) / 2) for w, c, s in parts]).sum(0)
        return weight / weight.sum()

    grid = torch.linspace(-4, 6, 101, dtype=DOUBLE)  # not around zero, where mistakes cancel
    coarse = torch.linspace(-5, 7, 61, dtype=DOUBLE)
    uneven = torch.sort(6 * torch.rand(9, generator=generator, dtype=DOUBLE) - 1).values
    few, weights = torch.tensor([0.0, 1.0, 2.0], dtype=DOUBLE), torch.tensor([0.25, 0.25, 0.5], dtype=DOUBLE)
    single = modes(coarse, (0.3, -1.0, 0.6), (0.7, between(2.0, 3.0), 0.8)).to(SINGLE)
    return [
        Case((few, weights), "three points"),
        Case((grid, modes(grid, (1.0, between(-1.0, 1.0), between(0.5, 1.0)))), "one bump"),
        Case((grid, modes(grid, (0.5, -1.5, 0.5), (0.5, 3.5, 0.5))), "two equal modes"),
        Case((grid, modes(grid, (between(0.2, 0.4), -2.0, 0.4), (0.7, 2.0, 0.7))), "two unequal modes"),
        Case((uneven, distribution(generator, 9)), "nine uneven points"),
        Case((coarse.to(SINGLE), single), "two modes in float32"),
    ]


def searched(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """One rounding in float32 more: who searches for the minimum in place of calculating it comes no closer."""
    return once_in_single(rounding(inputs, expected), expected)


def _mean_and_variance(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = closest_gaussian(x, mass)
    return mean, std.square()


def _mode(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    center = x[mass.argmax()]
    return center, (mass * (x - center).square()).sum().sqrt()


def _peak(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    return x[mass.argmax()], closest_gaussian(x, mass)[1]


def _absolute(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    mean, _ = closest_gaussian(x, mass)
    return mean, (mass * (x - mean).abs()).sum()


def _uncentered(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    return (mass * x).sum(), (mass * x.square()).sum().sqrt()


def _unweighted_spread(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    mean = (mass * x).sum()
    return mean, (x - mean).square().mean().sqrt()


def _around_the_grid(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    return (mass * x).sum(), (mass * (x - x.mean()).square()).sum().sqrt()


def _corrected(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    mean, std = closest_gaussian(x, mass)
    return mean, std * sqrt(len(x) / (len(x) - 1))


MISCONCEPTIONS = (
    Misconception(
        "around the middle of the grid",
        _around_the_grid,
        "You measured the deviations from `x.mean()`, the middle of the grid; measure them from the weighted mean "
        "that you return.",
    ),
    Misconception(
        "n - 1",
        _corrected,
        "You corrected the variance by n/(n - 1); that is for samples.  Here P is given exactly, and the weights sum "
        "to one: nothing is to be corrected.",
    ),
    Misconception(
        "unweighted",
        lambda x, mass: (x.mean(), x.std(correction=0)),
        "You took mean and standard deviation of the grid and left out the probabilities; weight each point with its "
        "mass.",
    ),
    Misconception(
        "unweighted, corrected",
        lambda x, mass: (x.mean(), x.std()),
        "You took `x.mean()` and `x.std()`: these treat the grid as a sample; each point has its own probability, "
        "`mass`, to be weighted with.",
    ),
    Misconception(
        "unweighted spread",
        _unweighted_spread,
        "Your mean is weighted, but in the standard deviation each point counts alike; weight the squared deviations "
        "with the masses too.",
    ),
    Misconception(
        "variance",
        _mean_and_variance,
        "Your second result is the variance; the standard deviation is its square root.",
    ),
    Misconception(
        "around the mode",
        _mode,
        "You put the Gaussian on the highest mode; that is what the reverse KL likes.  KL(P || N) matches the mean "
        "and the variance of P, and so covers all modes.",
    ),
    Misconception(
        "mode for mean",
        _peak,
        "Your mean is the place of the highest probability; KL(P || N) is smallest at the mean of P, even if P is "
        "small there.",
    ),
    Misconception(
        "not centered",
        _uncentered,
        "Your standard deviation is √E[x²]; subtract the mean before squaring, √E[(x - mean)²].",
    ),
    Misconception(
        "absolute deviation",
        _absolute,
        "Your second result is the mean absolute deviation; minimizing KL asks for the root of the mean squared "
        "deviation.",
    ),
    Misconception(
        "mean of products",
        lambda x, mass: ((mass * x).mean(), (mass * (x - (mass * x).mean()).square()).mean().sqrt()),
        "You used `.mean()` on products with the masses, which divides by the number of points as well; the masses "
        "sum to one already: use `.sum()`.",
    ),
    Misconception(
        "mean not weighted",
        lambda x, mass: (x.mean(), closest_gaussian(x, mass)[1]),
        "Your mean is that of the grid, `x.mean()`; weight each point with its probability, `(mass * x).sum()`.",
    ),
    Misconception(
        "spread of the grid",
        lambda x, mass: (closest_gaussian(x, mass)[0], x.std()),
        "Your mean is weighted, but `x.std()` counts each point alike; weight the squared deviations with the masses.",
    ),
    Misconception(
        "mean not squared",
        lambda x, mass: ((mass * x).sum(), ((mass * x.square()).sum() - (mass * x).sum()).sqrt()),
        "You subtracted the mean from E[x²]; the variance is E[x²] - E[x]²: square the mean.",
    ),
    Misconception(
        "roots added",
        lambda x, mass: ((mass * x).sum(), (mass * (x - (mass * x).sum()).square()).sqrt().sum()),
        "You took the root of each term; sum the terms first, then take one root.",
    ),
    Misconception(
        "mass squared",
        lambda x, mass: ((mass * x).sum(), (mass * (x - (mass * x).sum())).square().sum().sqrt()),
        "You squared the mass together with the deviation; only the deviation is squared: mass · (x - mean)².",
    ),
)

EXERCISE = Exercise(
    id="closest-gaussian",
    chapter="02-divergences",
    title="The Gaussian that covers",
    points=2,
    reference=closest_gaussian,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_moments, by_numpy),
    tolerance=searched,
)
