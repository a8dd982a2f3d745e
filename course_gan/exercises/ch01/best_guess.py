"""Exercise: the frame that squared error wants, and what is left of the error."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.core import Case, Exercise, Misconception

SINGLE, DOUBLE = torch.float32, torch.float64


def best_guess(frames: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
    """The guess of least expected squared error, and that error.

    frames is a tensor of shape (k, pixels): k frames that may come next.
    probabilities is a tensor of shape (k,): how likely each is; they sum to one.
    The squared error of a guess is its squared distance to the frame that comes,
    summed over the pixels; its expectation weighs each frame by its probability.
    Return the pair (guess, expected error), tensors of shape (pixels,) and ().
    """
    guess = probabilities @ frames
    return guess, _expected(frames, probabilities, guess)


def _expected(frames: Tensor, probabilities: Tensor, guess: Tensor) -> Tensor:
    return probabilities @ (frames - guess).square().sum(-1)


def by_loop(frames: Tensor, probabilities: Tensor) -> tuple[list[float], float]:
    k, pixels = frames.shape
    guess = [sum(float(probabilities[i] * frames[i, j]) for i in range(k)) for j in range(pixels)]
    error = sum(
        float(probabilities[i]) * (float(frames[i, j]) - guess[j]) ** 2 for i in range(k) for j in range(pixels)
    )
    return guess, error


def by_variances(frames: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
    weights, wide = probabilities.double()[:, None], frames.double()
    mean = (weights * wide).sum(0)
    return mean, (weights * (wide - mean) ** 2).sum(0).sum()


def cases(generator: torch.Generator) -> list[Case]:
    def frames(k: int, pixels: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (2 * torch.rand(k, pixels, generator=generator, dtype=DOUBLE) - 1).to(dtype)

    def chances(k: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        weight = torch.rand(k, generator=generator, dtype=DOUBLE) + torch.arange(1, k + 1)
        return (weight / weight.sum()).to(dtype)

    fair = torch.full((2,), 0.5, dtype=DOUBLE)
    return [
        Case((frames(2, 4), fair), "two frames of four pixels, equally likely"),
        Case((frames(2, 6), chances(2)), "two frames, one likelier than the other"),
        Case((frames(5, 9), chances(5)), "five frames of nine pixels"),
        Case((frames(4, 16, SINGLE), chances(4, SINGLE)), "four frames in float32"),
        Case((frames(1, 3), torch.ones(1, dtype=DOUBLE)), "only one frame can come"),
        Case((frames(3, 5), torch.tensor([0.75, 0.25, 0.0], dtype=DOUBLE)), "three frames, one of them impossible"),
    ]


def _guessing(pick: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    """Another guess, with its own expected error."""

    def function(frames: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        guess = pick(frames, probabilities)
        return guess, _expected(frames, probabilities, guess)

    return function


def _scored(error: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    """The right guess with another error."""

    def function(frames: Tensor, probabilities: Tensor) -> tuple[Tensor, Tensor]:
        guess = probabilities @ frames
        return guess, error(frames, probabilities, guess)

    return function


MISCONCEPTIONS = (
    Misconception(
        "plain mean",
        _guessing(lambda frames, p: frames.mean(0)),
        "You averaged the frames as if they were equally likely; weigh each by its probability.",
    ),
    Misconception(
        "most likely frame",
        _guessing(lambda frames, p: frames[p.argmax()]),
        "You named the most likely frame.  It looks right, but squared error punishes large misses so hard that a "
        "compromise between all frames costs less: their mean, weighed by the probabilities.",
    ),
    Misconception(
        "middle of the range",
        _guessing(lambda frames, p: (frames.amin(0) + frames.amax(0)) / 2),
        "You took the middle between the least and the greatest value of each pixel; that is best for the worst case, "
        "and pays no heed to the probabilities.  Take the weighed mean.",
    ),
    Misconception(
        "weighed and averaged",
        _guessing(lambda frames, p: (p[:, None] * frames).mean(0)),
        "You weighed the frames and then took a mean, which divides by their number once more; the probabilities sum "
        "to one already, so add the weighed frames up.",
    ),
    Misconception(
        "mean over the pixels",
        _scored(lambda frames, p, g: p @ (frames - g).square().mean(-1)),
        "Your guess is right, but its error is a mean over the pixels; sum over them, and weigh the frames.",
    ),
    Misconception(
        "frames not weighed in the error",
        _scored(lambda frames, p, g: (frames - g).square().sum(-1).mean()),
        "Your guess is right, but in its error all frames count alike; weigh each squared distance by the probability "
        "of its frame.",
    ),
    Misconception(
        "distance not squared",
        _scored(lambda frames, p, g: p @ (frames - g).norm(dim=-1)),
        "Your guess is right, but you took the distance itself; the squared one is wanted.",
    ),
    Misconception(
        "absolute values",
        _scored(lambda frames, p, g: p @ (frames - g).abs().sum(-1)),
        "Your guess is right, but its error sums absolute values; square the differences.",
    ),
    Misconception(
        "summed over the frames",
        _scored(lambda frames, p, g: (frames - g).square().sum()),
        "Your guess is right, but its error is the sum over all frames; it is an expectation: weigh each frame by its "
        "probability.",
    ),
    Misconception(
        "plain mean, plain error",
        lambda frames, p: (frames.mean(0), (frames - frames.mean(0)).square().sum(-1).mean()),
        "You left out the probabilities, in the guess and in its error; weigh each frame by its own, both times.",
    ),
    Misconception(
        "middle frame",
        _guessing(lambda frames, p: frames.median(0).values),
        "You took a median of each pixel, which absolute error wants; squared error wants the weighed mean.",
    ),
    Misconception(
        "sum of the frames",
        _guessing(lambda frames, p: frames.sum(0)),
        "You added up the frames without weights; weigh each by its probability.",
    ),
    Misconception(
        "error of each pixel",
        _scored(lambda frames, p, g: p @ (frames - g).square()),
        "Your error has an entry for each pixel; one number is wanted: sum over the pixels, too.",
    ),
    Misconception(
        "distance of each frame",
        _scored(lambda frames, p, g: (frames - g).square().sum(-1)),
        "You returned the squared distance of each frame; their mean, weighed by the probabilities, is wanted.",
    ),
    Misconception(
        "guess not taken off",
        _scored(lambda frames, p, g: p @ frames.square().sum(-1)),
        "Your error is the mean of the squared frames themselves; take the guess off before you square.",
    ),
    Misconception(
        "weights squared",
        _scored(lambda frames, p, g: (p[:, None] * (frames - g)).square().sum()),
        "You multiplied by the probability before you squared, so that it is squared as well; square first.",
    ),
    Misconception(
        "frames weighed before the difference",
        _scored(lambda frames, p, g: (p[:, None] * frames - g).square().sum()),
        "You compared the guess with frames that are weighed already; compare it with the frames as they are, square, "
        "and weigh then.",
    ),
    Misconception(
        "sum squared",
        _scored(lambda frames, p, g: p @ (frames - g).sum(-1).square()),
        "Your guess is right, but its error squares the sum of the differences, in which they cancel; square each.",
    ),
    Misconception(
        "root of the error",
        _scored(lambda frames, p, g: (p @ (frames - g).square().sum(-1)).sqrt()),
        "You took a root at the end; the expected squared error itself is wanted.",
    ),
    Misconception(
        "plain variance",
        _scored(lambda frames, p, g: frames.var(0, correction=0).sum()),
        "Your error is the variance of frames that are equally likely; weigh each squared distance by the probability "
        "of its frame.",
    ),
    Misconception(
        "error of the mean",
        _scored(lambda frames, p, g: (p @ frames - g).square().sum()),
        "You compared the guess with the mean of the frames, which is the guess itself, so that nothing is left; "
        "compare it with each frame first, square, and average then.",
    ),
)

EXERCISE = Exercise(
    id="best-guess",
    chapter="01-why-generate",
    title="The frame that squared error wants",
    points=2,
    reference=best_guess,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_variances),
)
