"""Exercise: the convex conjugate as a maximum over a grid."""

from typing import Any

import numpy as np
import torch
from torch import Tensor

from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE, scores
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding


def conjugate(u: Tensor, f: Tensor, t: Tensor) -> Tensor:
    """The conjugate f*(t), the largest u t - f(u) over the points of a grid.

    u is a tensor of shape (n,), the points, and f of the same shape, the values
    f(u) there, which may be +inf (not all).
    t is a tensor of slopes, of any shape.
    Return a tensor of the shape of t.
    """
    return (t[..., None] * u - f).amax(-1)


def by_loop(u: Tensor, f: Tensor, t: Tensor) -> Tensor:
    return torch.stack([(slope * u - f).max() for slope in t.flatten()]).reshape(t.shape)


def by_numpy(u: Tensor, f: Tensor, t: Tensor) -> Any:
    return np.max(np.multiply.outer(t.numpy(), u.numpy()) - f.numpy(), axis=-1)


def by_minimum(u: Tensor, f: Tensor, t: Tensor) -> Tensor:
    return -(f - torch.einsum("...,n->...n", t, u)).min(-1).values


def cases(generator: torch.Generator) -> list[Case]:
    def slopes(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        size = int(np.prod(shape))
        return scores(generator, size, -2.0, 3.0, dtype).reshape(shape)

    grid = torch.linspace(0, 4, 81, dtype=DOUBLE)
    coarse = torch.linspace(0, 3, 13, dtype=SINGLE)
    entropy = torch.special.xlogy(grid, grid)
    dented = (grid - 0.5) ** 2 * (grid - 2) ** 2
    steep = torch.tensor([-3.0, 7.0], dtype=DOUBLE)  # beyond the slopes of (u - 1)² at both ends of the grid
    shallow = torch.tensor([0.05], dtype=DOUBLE)  # the first valley has a largest value of its own, not the largest
    jump = torch.where(grid <= 2, (grid - 1) ** 2, torch.inf)
    return [
        Case((grid, entropy, slopes(5)), "u log u, five slopes"),
        Case((grid, (grid - 1) ** 2, torch.cat([steep, slopes(79)])), "(u - 1)², as many slopes as points"),
        Case((coarse, (coarse - 1) ** 2, slopes(4, dtype=SINGLE)), "(u - 1)² on a coarse grid in float32"),
        Case((grid, dented, torch.cat([shallow, slopes(5)]).reshape(2, 3)), "two valleys, slopes of shape (2, 3)"),
        Case((grid, jump, slopes(4)), "(u - 1)² up to 2, and +inf beyond"),
        Case((grid, 1000 * jump, 1000 * slopes(4)), "1000 (u - 1)² up to 2, and +inf beyond"),
        Case((grid, entropy, slopes(1)[0]), "a single slope"),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """The two terms of the difference are rounded before they cancel."""
    u, f, t = inputs
    finite = f[f.isfinite()]
    return rounding(inputs, expected, size=max(1.0, float(u.abs().max() * t.abs().max() + finite.abs().max())))


def _table(u: Tensor, f: Tensor, t: Tensor) -> Tensor:
    return t[..., None] * u - f


def _with_inf(u: Tensor, f: Tensor, t: Tensor) -> Tensor:
    at = _table(u, f, t).argmax(-1)
    return u[at]


def _first_summit(u: Tensor, f: Tensor, t: Tensor) -> Tensor:
    summits = []
    for row in _table(u, f, t).reshape(-1, len(u)):
        falls = (row[1:] < row[:-1]).nonzero()
        summits.append(row[int(falls[0])] if len(falls) else row[-1])
    return torch.stack(summits).reshape(t.shape)


MISCONCEPTIONS = (
    Misconception(
        "smallest",
        lambda u, f, t: _table(u, f, t).amin(-1),
        "You took the smallest u t - f(u) instead of the largest.",
    ),
    Misconception(
        "sign",
        lambda u, f, t: (f - t[..., None] * u).amax(-1),
        "You took the largest f(u) - u t, the difference the wrong way round: it is u t - f(u).",
    ),
    Misconception(
        "negative",
        lambda u, f, t: -conjugate(u, f, t),
        "You returned -`f*(t)`, the height at which the supporting line meets the axis; `f*(t)` has the other sign.",
    ),
    Misconception(
        "place",
        _with_inf,
        "You returned the u of the maximum, which is the slope of `f*` at t; wanted is the maximum itself.",
    ),
    Misconception(
        "sum of both",
        lambda u, f, t: (t[..., None] * u + f).amax(-1),
        "You added f(u); it is subtracted: u t - f(u).",
    ),
    Misconception(
        "no product",
        lambda u, f, t: (t[..., None] - f).amax(-1),
        "The factor u is missing: t is a slope, so the line through the origin is u t.",
    ),
    Misconception(
        "average",
        lambda u, f, t: _table(u, f, t).mean(-1),
        "You averaged over the grid; take the maximum over it.",
    ),
    Misconception(
        "one for all slopes",
        lambda u, f, t: _table(u, f, t).max().expand(t.shape),
        "You took one maximum over everything; each slope t has its own, over the points u: `.amax(-1)` if u is the "
        "last axis.",
    ),
    Misconception(
        "maximum of each alone",
        lambda u, f, t: (t[..., None] * u).amax(-1) - f.min(),
        "You took the largest u t and the smallest f(u) apart; they belong to one and the same point.",
    ),
    Misconception(
        "infinity for free",
        lambda u, f, t: (t[..., None] * u - torch.where(f.isinf(), 0, f)).amax(-1),
        "You put 0 in the place of f = +inf, which makes these points free; they are out of reach, and u t - inf = "
        "-inf is never the largest, without any help.",
    ),
    Misconception(
        "infinity cut off",
        lambda u, f, t: (t[..., None] * u - f.clamp(max=100.0)).amax(-1),
        "You cut f off, so that points where it is larger, or +inf, come within reach of a steep slope; u t - inf = "
        "-inf is never the largest, without any help.",
    ),
    Misconception(
        "first point left out",
        lambda u, f, t: (t[..., None] * u - f)[..., 1:].amax(-1),
        "You left out the first point of the grid, which is the best one for a slope that is low enough.",
    ),
    Misconception(
        "last point left out",
        lambda u, f, t: (t[..., None] * u - f)[..., :-1].amax(-1),
        "You left out the last point of the grid, which is the best one for a slope that is steep enough.",
    ),
    Misconception(
        "both ends left out",
        lambda u, f, t: (t[..., None] * u - f)[..., 1:-1].amax(-1),
        "You left out both ends of the grid, which are the best points for the lowest and the steepest slopes.",
    ),
    Misconception(
        "number of the place",
        lambda u, f, t: _table(u, f, t).argmax(-1),
        "You returned the index of the best point; wanted is the value u t - f(u) there: `amax`, not `argmax`.",
    ),
    Misconception(
        "f times t",
        lambda u, f, t: (t[..., None] * (u - f)).amax(-1),
        "You multiplied f(u) by t as well; the slope multiplies u alone.",
    ),
    Misconception(
        "slope of the other sign",
        lambda u, f, t: (-t[..., None] * u - f).amax(-1),
        "This is `f*(-t)`: u t comes with a plus.",
    ),
    Misconception(
        "first summit",
        _first_summit,
        "You stopped at the first point that is better than its neighbors; where f has two valleys the other one may "
        "be better still: compare all points.",
    ),
)

EXERCISE = Exercise(
    id="conjugate-by-sup",
    chapter="05-f-gan",
    title="A conjugate on a grid",
    points=2,
    reference=conjugate,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_numpy, by_minimum),
    tolerance=tolerance,
)
