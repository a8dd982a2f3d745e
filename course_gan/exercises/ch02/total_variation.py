"""Exercise: the total variation distance."""

from typing import Any

import numpy as np
from torch import Tensor

from course_gan import divergences
from course_gan.exercises.ch02.inputs import pairs, row_by_row
from course_gan.exercises.core import Exercise, Misconception


def tv_distance(p: Tensor, q: Tensor) -> Tensor:
    """Total variation distance: half the sum of |p - q| over the last axis.

    p and q are tensors of one shape (..., outcomes); each row sums to one.
    Return a tensor of shape (...), one number for each row.
    """
    return divergences.total_variation(p, q)


@row_by_row
def by_loop(p: list[float], q: list[float]) -> float:
    total = 0.0
    for a, b in zip(p, q):
        total += max(a - b, 0.0)
    return total


def by_numpy(p: Tensor, q: Tensor) -> Any:
    return 1.0 - np.minimum(p.double().numpy(), q.double().numpy()).sum(axis=-1)


MISCONCEPTIONS = (
    Misconception(
        "no half",
        lambda p, q: (p - q).abs().sum(-1),
        "You summed |p - q| without the factor ½: whatever mass p has too much in one place it lacks in another, and "
        "the sum counts it twice.",
    ),
    Misconception(
        "no absolute value",
        lambda p, q: (p - q).sum(-1) / 2,
        "You summed p - q without the absolute value: both sum to one, so the differences always cancel to zero.",
    ),
    Misconception(
        "largest difference",
        lambda p, q: (p - q).abs().amax(-1),
        "You took the largest difference of a single outcome; total variation is the largest difference over all "
        "sets of outcomes, which is half the sum of |p - q|.",
    ),
    Misconception(
        "squares",
        lambda p, q: (p - q).square().sum(-1) / 2,
        "You squared the differences; total variation sums their absolute values.",
    ),
    Misconception(
        "euclidean",
        lambda p, q: (p - q).norm(dim=-1),
        "You took the Euclidean norm of p - q; total variation is half of the sum of absolute values (the 1-norm).",
    ),
    Misconception(
        "mean",
        lambda p, q: (p - q).abs().mean(-1) / 2,
        "You averaged over the outcomes; sum over them, or the distance shrinks whenever an outcome is added that "
        "never happens.",
    ),
    Misconception(
        "whole batch",
        lambda p, q: (p - q).abs().sum() / 2,
        "You summed over the whole batch; sum over the last axis only, `dim=-1`, so that each pair of rows gets its "
        "own distance.",
    ),
    Misconception(
        "signed maximum",
        lambda p, q: (p - q).amax(-1),
        "You took the largest p - q of a single outcome; total variation adds up p - q over all outcomes where it is "
        "positive, which is half the sum of |p - q|.",
    ),
    Misconception(
        "last outcome left out",
        lambda p, q: (p - q)[..., :-1].abs().sum(-1) / 2,
        "The last outcome is left out: `range(n)` ends at n - 1 by itself, so the loop must go up to n.",
    ),
    Misconception(
        "softmax first",
        lambda p, q: (p.softmax(-1) - q.softmax(-1)).abs().sum(-1) / 2,
        "You applied a softmax to p and q, but they are probabilities already: take them as they are.",
    ),
)

EXERCISE = Exercise(
    id="total-variation",
    chapter="02-divergences",
    title="Total variation from its definition",
    points=1,
    reference=tv_distance,
    cases=pairs,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_numpy),
)
