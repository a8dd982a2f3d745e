"""Exercise: gradient ascent on the value of the game, in the scores."""

from math import exp
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE, distribution
from course_gan.exercises.ch04.inputs import normal
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding


def ascend_value(scores: Tensor, p: Tensor, q: Tensor, rate: float, steps: int) -> Tensor:
    """Scores after some steps of gradient ascent on the value of the game.

    scores, p and q are tensors of shape (outcomes,): the discriminator's score
    of each outcome, and the distributions of real and of fake samples.  D is
    the logistic function of the score, and V the sum of p log D + q log(1 - D).
    In each of `steps` steps every score moves by rate times the derivative of V
    with respect to it.
    Return the new scores, a tensor of shape (outcomes,).
    """
    for _ in range(steps):
        scores = scores + rate * (p * torch.sigmoid(-scores) - q * torch.sigmoid(scores))
    return scores


def by_autograd(scores: Tensor, p: Tensor, q: Tensor, rate: float, steps: int) -> Tensor:
    leaf = scores.detach().clone().requires_grad_()
    optimizer = torch.optim.SGD([leaf], lr=rate, maximize=True)
    for _ in range(steps):
        optimizer.zero_grad()
        value = p @ torch.nn.functional.logsigmoid(leaf) + q @ torch.nn.functional.logsigmoid(-leaf)
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return leaf


def by_residual(scores: Tensor, p: Tensor, q: Tensor, rate: float, steps: int) -> Tensor:
    result = scores.clone()
    for _ in range(steps):
        result += rate * (p - (p + q) * result.sigmoid())
    return result


def by_loop(scores: Tensor, p: Tensor, q: Tensor, rate: float, steps: int) -> Tensor:
    result = scores.tolist()
    for i, (a, b) in enumerate(zip(p.tolist(), q.tolist())):
        for _ in range(steps):
            d = 1 / (1 + exp(-result[i]))
            result[i] += rate * (a * (1 - d) - b * d)
    return torch.tensor(result, dtype=scores.dtype)


def cases(generator: torch.Generator) -> list[Case]:
    def draw(n: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return distribution(generator, n, dtype=dtype)

    def start(n: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return normal(generator, n, scale=1.5, dtype=dtype)

    p, q = torch.tensor([0.36, 0.48, 0.16], dtype=DOUBLE), torch.full((3,), 1 / 3, dtype=DOUBLE)
    zero = torch.zeros(2, dtype=DOUBLE)
    left, right = torch.cat([draw(2), zero]), torch.cat([zero, draw(2)])
    return [
        Case((torch.zeros(3, dtype=DOUBLE), p, q, 0.5, 1), "one step from zero on the bent coin"),
        Case((start(3), p, q, 0.5, 1), "one step from elsewhere"),
        Case((start(5), draw(5), draw(5), 0.3, 4), "four steps, five outcomes"),
        Case((start(6, SINGLE), draw(6, SINGLE), draw(6, SINGLE), 1.0, 10), "ten steps in float32"),
        Case((start(4), left, right, 2.0, 20), "twenty steps, no outcome in common"),
        Case((start(3), p, q, 1.0, 0), "no step at all"),
    ]


def of_all_steps(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """Each step adds its own rounding, and none is made larger: V is concave, and the rates are below 2."""
    steps = inputs[-1]
    return tuple((1 + steps) * allowed for allowed in rounding(inputs, expected))


def _wrong(slope: Any) -> Any:
    """Ascent along another slope, a function of (scores, D, p, q)."""

    def function(scores: Tensor, p: Tensor, q: Tensor, rate: float, steps: int) -> Tensor:
        for _ in range(steps):
            scores = scores + rate * slope(scores, torch.sigmoid(scores), p, q)
        return scores

    return function


def _once(scores: Tensor, p: Tensor, q: Tensor, rate: float, steps: int) -> Tensor:
    return scores + rate * steps * (p * torch.sigmoid(-scores) - q * torch.sigmoid(scores))


def _gradients_kept(scores: Tensor, p: Tensor, q: Tensor, rate: float, steps: int) -> Tensor:
    total = torch.zeros_like(scores)
    for _ in range(steps):
        total = total + p * torch.sigmoid(-scores) - q * torch.sigmoid(scores)
        scores = scores + rate * total
    return scores


def _table_of_probabilities(scores: Tensor, p: Tensor, q: Tensor, rate: float, steps: int) -> Tensor:
    d = torch.sigmoid(scores)
    for _ in range(steps):
        d = d + rate * (p * (1 - d) - q * d)
    return torch.logit(d)


MISCONCEPTIONS = (
    Misconception(
        "descent",
        _wrong(lambda s, d, p, q: q * d - p * (1 - d)),
        "Your scores go downhill: the discriminator makes V large, so add the derivative.",
    ),
    Misconception(
        "derivative with respect to D",
        _wrong(lambda s, d, p, q: p / d - q / (1 - d)),
        "This is the derivative with respect to D; that with respect to the score has the factor D(1 - D), which "
        "leaves p (1 - D) - q D.",
    ),
    Misconception(
        "factor twice",
        _wrong(lambda s, d, p, q: d * (1 - d) * (p * (1 - d) - q * d)),
        "The factor D(1 - D) is in p (1 - D) - q D already: it was applied twice.",
    ),
    Misconception(
        "labels exchanged",
        _wrong(lambda s, d, p, q: q * (1 - d) - p * d),
        "You exchanged real and fake: p pulls the score up, with weight 1 - D, and q pulls it down, with weight D.",
    ),
    Misconception(
        "weights D and 1 - D exchanged",
        _wrong(lambda s, d, p, q: p * d - q * (1 - d)),
        "You exchanged D and 1 - D: where D is sure already there is little to gain, so log D has the slope 1 - D.",
    ),
    Misconception(
        "real only",
        _wrong(lambda s, d, p, q: p * (1 - d)),
        "The fakes are missing: without - q D every score rises forever.",
    ),
    Misconception(
        "fake only",
        _wrong(lambda s, d, p, q: -q * d),
        "The real samples are missing: without p (1 - D) every score falls forever.",
    ),
    Misconception(
        "not weighted",
        _wrong(lambda s, d, p, q: (1 - d) - d),
        "You left out p and q: how often an outcome is real or fake is what the discriminator has to learn.",
    ),
    Misconception(
        "target of one half",
        _wrong(lambda s, d, p, q: (p + q) * (0.5 - d)),
        "Your D goes to one half everywhere; its target is p / (p + q), as the slope p - (p + q) D says.",
    ),
    Misconception(
        "difference of the densities",
        _wrong(lambda s, d, p, q: p - q),
        "You added p - q whatever D says, and never arrive; the slope is p (1 - D) - q D, which is zero at p/(p + q).",
    ),
    Misconception(
        "one large step",
        _once,
        "You took one step, `steps` times as long; the slope has to be computed anew after each step.",
    ),
    Misconception(
        "a single step",
        lambda s, p, q, rate, steps: _once(s, p, q, rate, min(1, steps)),
        "You took one step only; repeat it `steps` times.",
    ),
    Misconception(
        "rate missing",
        lambda s, p, q, rate, steps: ascend_value(s, p, q, 1.0, steps),
        "The rate is missing: each step is rate times the slope.",
    ),
    Misconception(
        "probabilities",
        lambda s, p, q, rate, steps: torch.sigmoid(ascend_value(s, p, q, rate, steps)),
        "You returned D; the scores are wanted, before the logistic function.",
    ),
    Misconception(
        "gradients kept",
        _gradients_kept,
        "The gradients of earlier steps are still in the later ones: `backward()` adds to `.grad`, so set it to zero "
        "before each step.",
    ),
    Misconception(
        "mean over outcomes",
        lambda s, p, q, rate, steps: ascend_value(s, p, q, rate / len(s), steps),
        "Your steps are too short, by the number of outcomes: V is the sum over the outcomes, not their mean (p and q "
        "are the weights).",
    ),
    Misconception(
        "half the slope",
        lambda s, p, q, rate, steps: ascend_value(s, p, q, rate / 2, steps),
        "Your steps are half as long as they should be: V is the sum of its two terms, not their average.",
    ),
    Misconception(
        "one step too many",
        lambda s, p, q, rate, steps: ascend_value(s, p, q, rate, steps + 1),
        "You took one step too many: `range(steps)` has `steps` rounds.",
    ),
    Misconception(
        "one step too few",
        lambda s, p, q, rate, steps: ascend_value(s, p, q, rate, max(0, steps - 1)),
        "You took one step too few: `range(steps)` has `steps` rounds, `range(1, steps)` one less.",
    ),
    Misconception(
        "one slope for all",
        _wrong(lambda s, d, p, q: (p * (1 - d) - q * d).sum()),
        "You moved all scores by the sum of the slopes; each score has a slope of its own, p (1 - D) - q D at its "
        "outcome.",
    ),
    Misconception(
        "terms added",
        _wrong(lambda s, d, p, q: p * (1 - d) + q * d),
        "The sign of the fakes is wrong: log(1 - D) falls where the score rises, so its slope is -D.",
    ),
    Misconception(
        "no logistic function",
        _wrong(lambda s, d, p, q: p * (1 - s) - q * s),
        "You put the scores where D belongs; D is the logistic function of the score.",
    ),
    Misconception(
        "sigmoid twice",
        _wrong(lambda s, d, p, q: p * (1 - d.sigmoid()) - q * d.sigmoid()),
        "You applied the logistic function twice; D is that of the score itself.",
    ),
    Misconception(
        "slope not weighted",
        _wrong(lambda s, d, p, q: torch.where(p + q > 0, p / (p + q), 0.5) - d),
        "You moved by p / (p + q) - D, which points the right way; but the slope is p - (p + q) D, small where there "
        "are few samples.",
    ),
    Misconception(
        "factor missing at p",
        _wrong(lambda s, d, p, q: p - q * d),
        "The factor 1 - D is missing at p: the slope of log D with respect to the score is 1 - D.",
    ),
    Misconception(
        "D at both",
        _wrong(lambda s, d, p, q: (p - q) * d),
        "You gave both terms the factor D; the real one has 1 - D: where D is sure already there is little to gain.",
    ),
    Misconception(
        "1 - D at both",
        _wrong(lambda s, d, p, q: (p - q) * (1 - d)),
        "You gave both terms the factor 1 - D; that of the fakes is D: they push hardest where they are called real.",
    ),
    Misconception(
        "table of probabilities",
        _table_of_probabilities,
        "You moved D by the slope and went back to scores at the end; it is the scores that move.",
    ),
    Misconception(
        "from zero",
        lambda s, p, q, rate, steps: ascend_value(torch.zeros_like(s), p, q, rate, steps),
        "You began at zero; begin at the scores that are given.",
    ),
)

EXERCISE = Exercise(
    id="ascend-value",
    chapter="04-optimal-discriminator",
    title="Climbing to the best discriminator",
    points=3,
    reference=ascend_value,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_autograd, by_residual, by_loop),
    tolerance=of_all_steps,
)
