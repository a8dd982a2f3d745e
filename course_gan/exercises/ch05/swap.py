"""Exercise: the function whose divergence has its two arguments exchanged."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.ch05.harness import call_swapped
from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE, scores
from course_gan.exercises.core import Case, Exercise, Misconception

Function = Callable[[Tensor], Tensor]


def swapped(f: Function) -> Function:
    """The function f° for which D_f°(P||Q) = D_f(Q||P), f°(u) = u f(1/u).

    f takes a tensor of positive ratios u and returns a tensor of the same
    shape.
    Return a function that does the same.
    """
    return lambda u: u * f(1 / u)


def by_def(f: Function) -> Function:
    def inner(u: Tensor) -> Tensor:
        ratio = u.reciprocal()
        return f(ratio) / ratio

    return inner


def by_loop(f: Function) -> Function:
    return lambda u: torch.stack([x * f(1 / x) for x in u])


def cases(generator: torch.Generator) -> list[Case]:
    def ratios(n: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return scores(generator, n, -1.5, 1.5, DOUBLE).exp().to(dtype)

    return [
        Case((name, ratios(6, SINGLE if name == "neyman" else DOUBLE)), f"the f of {name}")
        for name in ("kl", "reverse-kl", "pearson", "neyman", "jensen-shannon")
    ]


def _wrong(change: Callable[[Function, Tensor], Any]) -> Callable[[Function], Any]:
    return lambda f: lambda u: change(f, u)


MISCONCEPTIONS = (
    Misconception(
        "no factor u",
        _wrong(lambda f, u: f(1 / u)),
        "You returned f(1/u) without the factor u: with the ratio turned over, the weight changes from q to p = q u.",
    ),
    Misconception(
        "ratio not turned over",
        _wrong(lambda f, u: u * f(u)),
        "You multiplied by u but did not turn the ratio over: q/p is 1/u, so it is f(1/u) that gets the factor u.",
    ),
    Misconception(
        "divided by u",
        _wrong(lambda f, u: f(1 / u) / u),
        "You divided by u; the weight p of D_f(Q||P) is q times u, so multiply.",
    ),
    Misconception(
        "f itself",
        _wrong(lambda f, u: f(u)),
        "You returned f itself, right for symmetric divergences only; turn the ratio over, and multiply by u.",
    ),
    Misconception(
        "minus",
        _wrong(lambda f, u: -f(u)),
        "You changed the sign of f; to exchange P and Q is to turn the ratio over, and q, the weight, becomes p.",
    ),
    Misconception(
        "f over u",
        _wrong(lambda f, u: f(u) / u),
        "You returned f(u)/u, the price for an order instead of that for a loaf; wanted is u f(1/u).",
    ),
    Misconception(
        "one over f",
        _wrong(lambda f, u: 1 / f(u)),
        "You returned 1/f(u); it is the ratio, the argument of f, that is turned over.",
    ),
    Misconception(
        "u squared",
        _wrong(lambda f, u: u**2 * f(1 / u)),
        "You multiplied by u twice; the weight p of D_f(Q||P) is q times u, once.",
    ),
)

EXERCISE = Exercise(
    id="swap-f",
    chapter="05-f-gan",
    title="P and Q exchanged",
    points=1,
    reference=swapped,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_def, by_loop),
    call=call_swapped,
)
