"""Exercise: the density ratio that a critic's raw scores stand for."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE, scores
from course_gan.exercises.core import Case, Exercise, Misconception
from course_gan.fdiv import F_DIVERGENCES


def density_ratio(v: Tensor, name: str) -> Tensor:
    """The ratio p/q that raw scores v stand for, if the critic is the best one.

    The critic was trained for the row `name`: "kl", "reverse-kl", "pearson",
    "squared-hellinger", "jensen-shannon" or "gan", with the table's activation
    g_f.
    v is a tensor of any shape, with entries between -1 and 1.
    Return a tensor of that shape.
    """
    ratios: dict[str, Callable[[Tensor], Tensor]] = {
        "kl": lambda v: (v - 1).exp(),
        "reverse-kl": torch.exp,
        "pearson": lambda v: 1 + v / 2,
        "squared-hellinger": lambda v: (2 * v).exp(),
        "jensen-shannon": torch.exp,
        "gan": torch.exp,
    }
    return ratios[name](v)


def by_slope_of_the_conjugate(v: Tensor, name: str) -> Tensor:
    row = F_DIVERGENCES[name]
    t = row.activation(v.double()).detach().requires_grad_()
    (slope,) = torch.autograd.grad(row.conjugate(t).sum(), t)
    return slope


def by_solving(v: Tensor, name: str) -> Tensor:
    """Bisection for f'(u) = g_f(v)."""
    row, t = F_DIVERGENCES[name], F_DIVERGENCES[name].activation(v.double())
    low, high = torch.full_like(t, 1e-3), torch.full_like(t, 1e2)
    for _ in range(80):
        middle = (low * high).sqrt()
        below = row.derivative(middle) < t
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low * high).sqrt()


def cases(generator: torch.Generator) -> list[Case]:
    names = ("pearson", "kl", "reverse-kl", "squared-hellinger", "jensen-shannon", "gan")
    # Away from 0 and below log 2: there every wrong answer below is a number of its own.
    return [
        Case((scores(generator, 5, -0.95, -0.1, SINGLE if name == "kl" else DOUBLE), name), f"scores of {name}")
        for name in names
    ] + [Case((scores(generator, 6, 0.1, 0.6).reshape(2, 3), "jensen-shannon"), "scores of shape (2, 3)")]


INVERSES: dict[str, Callable[[Tensor], Tensor]] = {
    "kl": lambda t: (t - 1).exp(),
    "reverse-kl": lambda t: -1 / t,
    "pearson": lambda t: 1 + t / 2,
    "squared-hellinger": lambda t: (1 - t) ** -2,
    "jensen-shannon": lambda t: t.exp() / (2 - t.exp()),
    "gan": lambda t: t.exp() / (1 - t.exp()),
}

MISCONCEPTIONS = (
    Misconception(
        "no activation",
        lambda v, name: INVERSES[name](v),
        "You solved f'(u) = v; the critic's function is T = g_f(v), so solve f'(u) = g_f(v).",
    ),
    Misconception(
        "always the exponential",
        lambda v, name: v.exp(),
        "You took exp(v) for every row; that is right where v is the logarithm of the ratio (reverse-kl, "
        "jensen-shannon, gan), and the other rows have another f'.",
    ),
    Misconception(
        "turned over",
        lambda v, name: 1 / density_ratio(v, name),
        "This is q/p; wanted is p/q, which is large where the score is.",
    ),
    Misconception(
        "logarithm",
        lambda v, name: density_ratio(v, name).log(),
        "This is the logarithm of the ratio; wanted is the ratio.",
    ),
    Misconception(
        "probability",
        lambda v, name: density_ratio(v, name) / (1 + density_ratio(v, name)),
        "This is p/(p + q), the probability of being real; wanted is the ratio p/q.",
    ),
    Misconception(
        "T itself",
        lambda v, name: F_DIVERGENCES[name].activation(v),
        "You returned T = g_f(v); it equals f'(p/q), and you still have to solve for p/q.",
    ),
    Misconception(
        "conjugate",
        lambda v, name: F_DIVERGENCES[name].conjugate_of_activation(v),
        "You returned `f*(T)`; the ratio is the slope of `f*` at T.",
    ),
    Misconception(
        "f' of the score",
        lambda v, name: F_DIVERGENCES[name].derivative(v.exp()),
        "You applied f' where its inverse is wanted: T = f'(u) is known, and u is asked for.",
    ),
)

EXERCISE = Exercise(
    id="ratio-from-scores",
    chapter="05-f-gan",
    title="What a critic knows",
    points=3,
    reference=density_ratio,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_slope_of_the_conjugate, by_solving),
)
