"""Exercise: the guess that absolute error wants."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.core import Case, Exercise, Misconception

SINGLE, DOUBLE = torch.float32, torch.float64


def absolute_guess(values: Tensor, probabilities: Tensor) -> Tensor:
    """The guess a of least expected absolute error, the sum of p_i |y_i - a|.

    values is a tensor of shape (..., k): the k numbers y_i, in any order.
    probabilities is a tensor of the same shape; each row sums to one, and no
    group of values has exactly one half together, so the best guess is unique.
    Return a tensor of shape (...), one guess for each row.
    """
    ordered, order = values.sort(-1)
    reached = probabilities.gather(-1, order).cumsum(-1) >= 0.5
    first = reached.to(torch.int64).argmax(-1, keepdim=True)
    return ordered.gather(-1, first).squeeze(-1)


def by_trying_all(values: Tensor, probabilities: Tensor) -> Tensor:
    # The best guess is one of the values: between them the error is linear.
    v, p = values.double(), probabilities.double()
    errors = (p[..., None, :] * (v[..., None, :] - v[..., :, None]).abs()).sum(-1)
    return v.gather(-1, errors.argmin(-1, keepdim=True)).squeeze(-1)


def by_loop(values: Tensor, probabilities: Tensor) -> Tensor:
    rows = zip(values.reshape(-1, values.shape[-1]).tolist(), probabilities.reshape(-1, values.shape[-1]).tolist())
    found = []
    for row, chances in rows:
        below, ordered = 0.0, sorted(zip(row, chances))
        while below < 0.5:
            guess, chance = ordered.pop(0)
            below += chance
        found.append(guess)
    return torch.tensor(found, dtype=values.dtype).reshape(values.shape[:-1])


def cases(generator: torch.Generator) -> list[Case]:
    def rows(*shape: int, dtype: torch.dtype = DOUBLE, lead: float = 0.0) -> tuple[Tensor, Tensor]:
        values = 4 * torch.rand(*shape, generator=generator, dtype=DOUBLE) - 2
        while True:  # away from ties, so that every right answer is the same
            weight = 0.2 + torch.rand(*shape, generator=generator, dtype=DOUBLE)
            weight[..., 0] += lead
            chances = weight / weight.sum(-1, keepdim=True)
            below = chances.gather(-1, values.argsort(-1)).cumsum(-1)
            if bool(((below - 0.5).abs() > 1e-3).all()):
                return values.to(dtype), chances.to(dtype)

    fork = torch.tensor([-1.0, 1.0], dtype=DOUBLE)
    return [
        Case((fork, torch.tensor([0.6, 0.4], dtype=DOUBLE)), "a pixel of the fork: dark six times in ten"),
        Case((fork, torch.tensor([0.3, 0.7], dtype=DOUBLE)), "a pixel of the fork: bright seven times in ten"),
        Case(
            (torch.tensor([2.0, -1.0, 0.5], dtype=DOUBLE), torch.tensor([0.495, 0.497, 0.008], dtype=DOUBLE)),
            "nearly one half at either end",
        ),
        Case(rows(5), "five values"),
        Case(rows(7, dtype=SINGLE), "seven values in float32"),
        Case(rows(6, 9), "six rows of nine values"),
        Case(rows(2, 3, 5), "a batch of shape (2, 3) of five values"),
        Case(rows(4, 6, lead=8.0), "four rows in which one value is likelier than all others together"),
    ]


def _picked(pick: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    return lambda values, probabilities: pick(values.double(), probabilities.double())


def _reached(v: Tensor, p: Tensor, further: int) -> Tensor:
    """The value so many places behind the one at which half is reached, within the row."""
    ordered, order = v.sort(-1)
    place = (p.gather(-1, order).cumsum(-1) < 0.5).sum(-1, keepdim=True) + further
    return ordered.gather(-1, place.clamp(0, v.shape[-1] - 1)).squeeze(-1)


def _interpolated(v: Tensor, p: Tensor) -> Tensor:
    """Linear between the values, each of which stands in the middle of its own probability."""
    ordered, order = v.sort(-1)
    weight = p.gather(-1, order)
    middle = weight.cumsum(-1) - weight / 2
    right = (middle < 0.5).sum(-1, keepdim=True).clamp(1, v.shape[-1] - 1)
    start, end = middle.gather(-1, right - 1), middle.gather(-1, right)
    part = (0.5 - start) / (end - start)
    return ((1 - part) * ordered.gather(-1, right - 1) + part * ordered.gather(-1, right)).squeeze(-1)


def _by_likelihood(v: Tensor, p: Tensor) -> Tensor:
    likely = p.sort(-1)
    place = (likely.values.cumsum(-1) < 0.5).sum(-1, keepdim=True)
    return v.gather(-1, likely.indices.gather(-1, place)).squeeze(-1)


MISCONCEPTIONS = (
    Misconception(
        "mean",
        _picked(lambda v, p: (p * v).sum(-1)),
        "You took the mean, which squared error wants; absolute error wants the median: as much probability below it "
        "as above it.",
    ),
    Misconception(
        "plain median",
        _picked(lambda v, p: v.median(-1).values),
        "You took the middle one of the values as if they were equally likely; go through the sorted values and add up "
        "their probabilities until half is reached.",
    ),
    Misconception(
        "most likely",
        _picked(lambda v, p: v.gather(-1, p.argmax(-1, keepdim=True)).squeeze(-1)),
        "You took the most likely value; that is right only where it has more than half of the probability.",
    ),
    Misconception(
        "probabilities not sorted along",
        _picked(lambda v, p: v.sort(-1).values.gather(-1, (p.cumsum(-1) > 0.5).long().argmax(-1, True)).squeeze(-1)),
        "You sorted the values but not the probabilities that belong to them; `sort` gives the order along with the "
        "values: take the probabilities in that order.",
    ),
    Misconception(
        "not sorted",
        _picked(lambda v, p: v.gather(-1, (p.cumsum(-1) > 0.5).long().argmax(-1, True)).squeeze(-1)),
        "You added up the probabilities in the order in which the values came; sort the values first.",
    ),
    Misconception(
        "last below",
        _picked(
            lambda v, p: (
                v.sort(-1)
                .values.gather(
                    -1, ((p.gather(-1, v.argsort(-1)).cumsum(-1) < 0.5).sum(-1, keepdim=True) - 1).clamp(min=0)
                )
                .squeeze(-1)
            )
        ),
        "You stopped one value too early, at the last one below which and at which there is less than half of the "
        "probability; the guess is the first at which half is reached.",
    ),
    Misconception(
        "one too far",
        _picked(lambda v, p: _reached(v, p, 1)),
        "You went one value too far: the guess is the first value at which half of the probability is reached, itself "
        "counted in.",
    ),
    Misconception(
        "mean of two neighbors",
        _picked(lambda v, p: (_reached(v, p, 0) + _reached(v, p, -1)) / 2),
        "You took the middle between two values; that is usual if both are equally good, but here the best one is "
        "unique: the first at which half of the probability is reached.",
    ),
    Misconception(
        "middle of the range",
        _picked(lambda v, p: (v.amin(-1) + v.amax(-1)) / 2),
        "You took the middle between the least and the greatest value, which pays no heed to the probabilities.",
    ),
    Misconception(
        "median of an array",
        _picked(lambda v, p: v.quantile(0.5, -1)),
        "You took the plain median, with the mean of the two in the middle; the values are not equally likely: sort, "
        "and add up the probabilities until half is reached.",
    ),
    Misconception(
        "interpolated",
        _picked(_interpolated),
        "You went between two values in proportion to their probabilities; the least expected absolute error is at one "
        "of the values.",
    ),
    Misconception(
        "probabilities sorted",
        _picked(_by_likelihood),
        "You sorted by the probabilities; sort by the values, and take the probabilities along.",
    ),
    Misconception(
        "place in the sorted row",
        _picked(lambda v, p: v.gather(-1, by_position(v, p).long()[..., None]).squeeze(-1)),
        "You found the right place in the sorted row, but looked it up in the row as it came; take the value from the "
        "sorted one.",
    ),
    Misconception(
        "not added up",
        _picked(lambda v, p: v.gather(-1, (p >= 0.5).long().argmax(-1, True)).squeeze(-1)),
        "You looked for a single value that has half of the probability; add them up along the sorted row.",
    ),
    Misconception(
        "least error",
        _picked(lambda v, p: (p[..., None, :] * (v[..., None, :] - v[..., :, None]).abs()).sum(-1).amin(-1)),
        "You returned the least error itself; wanted is the guess that has it.",
    ),
    Misconception(
        "position",
        _picked(lambda v, p: by_position(v, p)),
        "You returned a position in the row; wanted is the value that stands there.",
    ),
)


def by_position(v: Tensor, p: Tensor) -> Tensor:
    """The position of the median among the sorted values."""
    return (p.gather(-1, v.argsort(-1)).cumsum(-1) > 0.5).long().argmax(-1).double()


EXERCISE = Exercise(
    id="absolute-guess",
    chapter="01-why-generate",
    title="The number that absolute error wants",
    points=2,
    reference=absolute_guess,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_trying_all, by_loop),
)
