"""Exercise: activation, conjugate and bound of the row reverse-kl, from raw scores."""

from math import exp
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE, scores
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding


def reverse_kl_bound(v_real: Tensor, v_fake: Tensor) -> Tensor:
    """The lower bound of KL(Q||P) that a critic with these raw scores gives.

    It is the mean of T over the real scores less the mean of f*(T) over the
    fake ones, where T = -exp(-v) and f*(t) = -1 - log(-t).
    v_real and v_fake are tensors of shape (n,) and (m,); between -3 and 3.
    Return a tensor of shape (), one number.
    """
    return -(-v_real).exp().mean() - (v_fake - 1).mean()


def step_by_step(v_real: Tensor, v_fake: Tensor) -> Tensor:
    def activation(v: Tensor) -> Tensor:
        return -torch.exp(-v)

    return activation(v_real).mean() - (-1 - torch.log(-activation(v_fake))).mean()


def by_loop(v_real: Tensor, v_fake: Tensor) -> float:
    real = sum(-exp(-v) for v in v_real.tolist()) / len(v_real)
    fake = sum(v - 1 for v in v_fake.tolist()) / len(v_fake)
    return float(real - fake)


def cases(generator: torch.Generator) -> list[Case]:
    def draw(n: int, low: float = -2.5, high: float = 2.5, dtype: torch.dtype = DOUBLE) -> Tensor:
        return scores(generator, n, low, high, dtype)

    return [
        Case((draw(4, 0.5), draw(4, -2.5, -0.5)), "a critic that is right everywhere"),
        Case((draw(7), draw(5)), "seven real scores and five fake ones"),
        Case((draw(6, dtype=SINGLE), draw(6, dtype=SINGLE)), "six and six in float32"),
        Case((draw(3, -2.5, -0.5), draw(8, 0.5)), "a critic that is wrong everywhere"),
        Case((draw(1), draw(1)), "one score each"),
        Case((draw(2, -2.5, -0.5), draw(3, -2.5, -0.5)), "negative scores only"),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """The terms are as large as exp(2.5)."""
    return rounding(inputs, expected, size=exp(2.5))


def _conjugate(t: Tensor) -> Tensor:
    return -1 - torch.log(-t)


MISCONCEPTIONS = (
    Misconception(
        "conjugate of the raw score",
        lambda r, f: -(-r).exp().mean() - _conjugate(f).mean(),
        "You applied `f*` to the raw scores; it takes T = g_f(v), the activation's output.  Scores above 0 are outside "
        "of its domain, which is why log(-v) is not a number.",
    ),
    Misconception(
        "activation upside down",
        lambda r, f: -r.exp().mean() - _conjugate(-f.exp()).mean(),
        "Your activation is -exp(v), which decreases; with -exp(-v) a high score means real.",
    ),
    Misconception(
        "minus missing in the activation",
        lambda r, f: (-r).exp().mean() - _conjugate((-f).exp()).mean(),
        "The first minus of the activation is missing: T = -exp(-v) has to be negative, or log(-T) is not a number.",
    ),
    Misconception(
        "real and fake exchanged",
        lambda r, f: reverse_kl_bound(f, r),
        "Real and fake are exchanged: mean T belongs to v_real, and mean `f*(T)` to v_fake.",
    ),
    Misconception(
        "critic's loss",
        lambda r, f: -reverse_kl_bound(r, f),
        "This is minus the bound, the loss that a critic minimizes; the bound itself is wanted.",
    ),
    Misconception(
        "no conjugate",
        lambda r, f: -(-r).exp().mean() + (-f).exp().mean(),
        "You subtracted the mean of T over the fakes; subtract the mean of `f*(T)`.",
    ),
    Misconception(
        "conjugate added",
        lambda r, f: -(-r).exp().mean() + (f - 1).mean(),
        "The mean of `f*(T)` over the fakes came with the wrong sign: subtract it, and `f*(t)` is -1 - log(-t).",
    ),
    Misconception(
        "no activation on the real side",
        lambda r, f: r.mean() - (f - 1).mean(),
        "The real scores go through the activation, too: it is the mean of T = -exp(-v), not of v.",
    ),
    Misconception(
        "conjugate on both sides",
        lambda r, f: (r - 1).mean() - (f - 1).mean(),
        "You applied `f*` on both sides; over the real scores T itself is averaged.",
    ),
    Misconception(
        "sums",
        lambda r, f: -(-r).exp().sum() - (f - 1).sum(),
        "You summed; take means, so that the estimate does not grow with the batch.",
    ),
    Misconception(
        "f in place of its conjugate",
        lambda r, f: -(-r).exp().mean() + (-f).exp().log().mean(),
        "The -1 of the conjugate is missing, or you took f(u) = -log u for it: `f*(t)` = -1 - log(-t).",
    ),
    Misconception(
        "activation of the mean",
        lambda r, f: -(-r.mean()).exp() - (f - 1).mean(),
        "You averaged the scores and then applied the activation; it goes first, score by score, and then the mean.",
    ),
    Misconception(
        "one mean over both",
        lambda r, f: torch.cat([-(-r).exp(), 1 - f]).mean(),
        "You averaged the terms of real and fake scores together; each group has a mean of its own.",
    ),
    Misconception(
        "as many fakes as real scores",
        lambda r, f: (-(-r).exp()[: len(f)] - (f - 1)[: len(r)]).mean(),
        "You left scores out where the groups differ in size (as `zip` does); use all, and a mean for each group.",
    ),
    Misconception(
        "one number of scores for both",
        lambda r, f: -(-r).exp().mean() - (f - 1).sum() / len(r),
        "You divided the sum over the fakes by the number of real scores; it is a mean over the fakes.",
    ),
    Misconception(
        "activation upside down on the fakes",
        lambda r, f: -(-r).exp().mean() - _conjugate(-f.exp()).mean(),
        "On the side of the fakes your activation is -exp(v); it is -exp(-v) on both sides.",
    ),
    Misconception(
        "one with the wrong sign",
        lambda r, f: -(-r).exp().mean() - (f + 1).mean(),
        "The constant in the conjugate has the wrong sign: `f*(t)` = -1 - log(-t).",
    ),
)

EXERCISE = Exercise(
    id="reverse-kl-bound",
    chapter="05-f-gan",
    title="From scores to a bound",
    points=2,
    reference=reverse_kl_bound,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(step_by_step, by_loop),
    tolerance=tolerance,
)
