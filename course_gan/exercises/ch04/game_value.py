"""Exercise: the value of the game for a given discriminator."""

from math import inf, log, log1p

import torch
from torch import Tensor

from course_gan import discriminator
from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE, distribution, row_by_row
from course_gan.exercises.core import Case, Exercise, Misconception


def value_of_the_game(d: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """V(D), the sum over the outcomes of p log D + q log(1 - D), for any D.

    d, p and q are tensors of one shape (..., outcomes): the probability of
    "real" that the discriminator gives to each outcome, and the distributions
    of real and of fake samples.  All may hold zeros, and d ones.
    A source that never makes an outcome adds nothing there; a discriminator
    that is sure and wrong about one that happens makes V minus infinity.
    Return a tensor of shape (...), one number for each row.
    """
    return discriminator.game_value(d, p, q)


@row_by_row
def by_loop(d: list[float], p: list[float], q: list[float]) -> float:
    total = 0.0
    for u, a, b in zip(d, p, q):
        if a > 0:
            total += a * log(u) if u > 0 else -inf
        if b > 0:
            total += b * log1p(-u) if u < 1 else -inf
    return total


def by_masks(d: Tensor, p: Tensor, q: Tensor) -> Tensor:
    return torch.where(p > 0, p * d.log(), 0).sum(-1) + torch.where(q > 0, q * torch.log1p(-d), 0).sum(-1)


def by_leaving_nan_out(d: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """Right, as 0 · log 0 is the only NaN there can be, and the other term of such an outcome is zero."""
    return (p * d.log() + q * (1 - d).log()).nansum(-1)


def cases(generator: torch.Generator) -> list[Case]:
    def draw(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return distribution(generator, *shape, dtype=dtype)

    def guess(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (0.05 + 0.9 * torch.rand(*shape, generator=generator, dtype=DOUBLE)).to(dtype)

    def numbers(*values: float) -> Tensor:
        return torch.tensor(values, dtype=DOUBLE)

    p, q = numbers(0.36, 0.48, 0.16), torch.full((3,), 1 / 3, dtype=DOUBLE)
    zero = torch.zeros(1, dtype=DOUBLE)
    left, right = torch.cat([draw(3), zero]), torch.cat([zero, draw(3)])
    ends = torch.cat([zero + 1, guess(2), zero])
    return [
        Case((p / (p + q), p, q), "the best discriminator of the bent coin"),
        Case((guess(3), p, q), "another discriminator of the bent coin"),
        Case((guess(5), draw(5), draw(5)), "five outcomes"),
        Case((torch.full((4,), 0.5, dtype=DOUBLE), draw(4), draw(4)), "a discriminator that says one half"),
        Case((guess(8, dtype=SINGLE), draw(8, dtype=SINGLE), draw(8, dtype=SINGLE)), "eight outcomes in float32"),
        Case((guess(2, 3, 4), draw(2, 3, 4), draw(2, 3, 4)), "a batch of shape (2, 3) over four outcomes"),
        Case((guess(4), left, right), "outcomes that one of the two never makes"),
        Case((ends, left, right), "a discriminator that is sure, and right, at both ends"),
        Case((ends, right, left), "a discriminator that is sure, and wrong, at both ends"),
        Case((torch.cat([zero, guess(3)]), draw(4), draw(4)), "a discriminator that is sure, and wrong, once"),
    ]


MISCONCEPTIONS = (
    Misconception(
        "zero times log zero",
        lambda d, p, q: (p * d.log() + q * (1 - d).log()).sum(-1),
        "Where a source never makes an outcome, 0 · log 0 became NaN; the term is zero: use `torch.special.xlogy`, or "
        "`torch.where`.",
    ),
    Misconception(
        "labels exchanged",
        lambda d, p, q: (torch.xlogy(p, 1 - d) + torch.xlogy(q, d)).sum(-1),
        "You rewarded D for calling fakes real: log D goes with the real distribution p, and log(1 - D) with q.",
    ),
    Misconception(
        "loss",
        lambda d, p, q: -discriminator.game_value(d, p, q),
        "This is -V, the loss that D minimizes; the value itself is wanted, which is never above zero.",
    ),
    Misconception(
        "average of the two",
        lambda d, p, q: discriminator.game_value(d, p, q) / 2,
        "You averaged the two terms, as a cross-entropy over a mixed batch does; V is their sum.",
    ),
    Misconception(
        "base 2",
        lambda d, p, q: discriminator.game_value(d, p, q) / log(2),
        "You used the base-2 logarithm, so your value is in bits; use the natural logarithm.",
    ),
    Misconception(
        "real only",
        lambda d, p, q: torch.xlogy(p, d).sum(-1),
        "Only the real term is there; add that of the fakes, q log(1 - D).",
    ),
    Misconception(
        "fake only",
        lambda d, p, q: torch.xlogy(q, 1 - d).sum(-1),
        "Only the term of the fakes is there; add that of the real samples, p log D.",
    ),
    Misconception(
        "log D twice",
        lambda d, p, q: (torch.xlogy(p, d) + torch.xlogy(q, d)).sum(-1),
        "You took log D for both; a fake counts by the probability of “fake”, log(1 - D).",
    ),
    Misconception(
        "difference",
        lambda d, p, q: (torch.xlogy(p, d) - torch.xlogy(q, 1 - d)).sum(-1),
        "You subtracted the term of the fakes; V is a sum: D gains at fakes as at real ones.",
    ),
    Misconception(
        "weights missing",
        lambda d, p, q: (d.log() + (1 - d).log()).sum(-1),
        "You counted each outcome once; weight log D with how often a real sample is x, and log(1 - D) with q.",
    ),
    Misconception(
        "logarithm of the mean",
        lambda d, p, q: (p * d).sum(-1).log() + (q * (1 - d)).sum(-1).log(),
        "You took the logarithm of the mean probability; V is the mean of the logarithms, which is lower.",
    ),
    Misconception(
        "mean over outcomes",
        lambda d, p, q: (torch.xlogy(p, d) + torch.xlogy(q, 1 - d)).mean(-1),
        "You took `.mean()` over the outcomes; p and q are weights that sum to one already: use `.sum()`.",
    ),
    Misconception(
        "whole batch",
        lambda d, p, q: (torch.xlogy(p, d) + torch.xlogy(q, 1 - d)).sum(),
        "You summed over the whole batch; sum over the last axis only, `dim=-1`.",
    ),
    Misconception(
        "sigmoid of a probability",
        lambda d, p, q: discriminator.game_value(torch.sigmoid(d), p, q),
        "You put a sigmoid on D, which is a probability already; only raw scores want one.",
    ),
    Misconception(
        "infinity replaced",
        lambda d, p, q: ((p * d.log()).nan_to_num() + (q * (1 - d).log()).nan_to_num()).sum(-1),
        "`nan_to_num` makes -infinity a finite number, unless told otherwise (`neginf=-math.inf`): whoever is sure and "
        "wrong pays without limit.  `torch.special.xlogy` needs no repair.",
    ),
    Misconception(
        "1 - p for q",
        lambda d, p, q: (torch.xlogy(p, d) + torch.xlogy(1 - p, 1 - d)).sum(-1),
        "You weighted log(1 - D) with 1 - p, as the binary cross-entropy with the target p does; its weight is q, a "
        "distribution of its own.",
    ),
    Misconception(
        "1 - log D",
        lambda d, p, q: (torch.xlogy(p, d) + torch.where(q > 0, q * (1 - d.log()), 0)).sum(-1),
        "You wrote 1 - log D where log(1 - D) is meant.",
    ),
    Misconception(
        "1 - D, no logarithm",
        lambda d, p, q: (torch.xlogy(p, d) + q * (1 - d)).sum(-1),
        "The logarithm of the second term is missing: it is q log(1 - D), and you have q (1 - D).",
    ),
    Misconception(
        "xlogy the wrong way round",
        lambda d, p, q: (torch.xlogy(d, p) + torch.xlogy(1 - d, q)).sum(-1),
        "You took D log p; it is the logarithm of D that is weighted with p: `xlogy(p, d)`, the weight first.",
    ),
    Misconception(
        "always the best D",
        lambda d, p, q: (torch.xlogy(p, p / (p + q)) + torch.xlogy(q, q / (p + q))).sum(-1),
        "This is the value of the best discriminator, p / (p + q); take the D that is given.",
    ),
)

EXERCISE = Exercise(
    id="outcome-value",
    chapter="04-optimal-discriminator",
    title="The value, outcome by outcome",
    points=2,
    reference=value_of_the_game,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_masks, by_leaving_nan_out),
)
