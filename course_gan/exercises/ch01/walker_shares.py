"""Exercise: how much of a walker a frame shows on either side."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding

SINGLE, DOUBLE = torch.float32, torch.float64


def walker_shares(frames: Tensor, empty: Tensor, left: Tensor, right: Tensor) -> Tensor:
    """How much of a walker each frame shows on the left and on the right.

    The four are tensors of shape (n, pixels): predicted frames, the empty maze of
    each, and the maze with the walker on the left, and on the right.
    The two walkers share no pixel.  A frame that is the empty maze plus a times
    the left walker plus b times the right walker has the shares a and b; any
    other one has those of the frame of this kind that is nearest to it.
    Return a tensor of shape (n, 2), the shares (a, b) of each frame, any numbers.
    """
    seen = frames - empty
    walkers = torch.stack([left - empty, right - empty], 1)
    return (seen[:, None] * walkers).sum(-1) / walkers.square().sum(-1)


def by_least_squares(frames: Tensor, empty: Tensor, left: Tensor, right: Tensor) -> Tensor:
    found = []
    for frame, e, a, b in zip(*(x.double() for x in (frames, empty, left, right))):
        walkers = torch.stack([a - e, b - e], 1)
        found.append(torch.linalg.lstsq(walkers, (frame - e)[:, None]).solution[:, 0])
    return torch.stack(found)


def by_loop(frames: Tensor, empty: Tensor, left: Tensor, right: Tensor) -> list[list[float]]:
    rows = []
    for frame, e, *ends in zip(*(x.tolist() for x in (frames, empty, left, right))):
        shares = []
        for end in ends:
            above = sum((x - y) * (w - y) for x, y, w in zip(frame, e, end))
            shares.append(above / sum((w - y) ** 2 for y, w in zip(e, end)))
        rows.append(shares)
    return rows


def cases(generator: torch.Generator) -> list[Case]:
    def maze(n: int, pixels: int, dtype: torch.dtype = DOUBLE) -> tuple[Tensor, ...]:
        """Empty mazes with floors and walls, and the two walkers in the first and in the last third."""
        empty = torch.where(torch.rand(n, pixels, generator=generator) < 0.4, -0.4, -1.0).double()
        third = pixels // 3
        a, b = torch.zeros_like(empty), torch.zeros_like(empty)
        a[:, :third] = 0.5 + torch.rand(n, third, generator=generator, dtype=DOUBLE)
        b[:, -third:] = 0.8 + torch.rand(n, third, generator=generator, dtype=DOUBLE)
        return tuple(x.to(dtype) for x in (empty, empty + a, empty + b))

    def mixed(a: Tensor, b: Tensor, scenes: tuple[Tensor, ...], noise: float = 0.0) -> tuple[Tensor, ...]:
        empty, left, right = (x.double() for x in scenes)
        frames = empty + a[:, None] * (left - empty) + b[:, None] * (right - empty)
        frames = frames + noise * torch.randn(frames.shape, generator=generator, dtype=DOUBLE)
        return (frames.to(scenes[0].dtype), *scenes)

    def weights(n: int) -> Tensor:
        return torch.rand(n, generator=generator, dtype=DOUBLE)

    one, zero, half = torch.ones(2, dtype=DOUBLE), torch.zeros(2, dtype=DOUBLE), torch.full((2,), 0.5, dtype=DOUBLE)
    return [
        Case(mixed(one, zero, maze(2, 12)), "a walker on the left"),
        Case(mixed(half, half, maze(2, 12)), "half a walker on either side"),
        Case(mixed(weights(4), weights(4), maze(4, 15)), "some of a walker on either side"),
        Case(mixed(-0.2 - weights(4), 1.2 + weights(4), maze(4, 15)), "one walker too dark, one too bright"),
        Case(mixed(weights(5), weights(5), maze(5, 18), 0.2), "frames with noise on all pixels"),
        Case(mixed(weights(3), weights(3), maze(3, 12, SINGLE), 0.1), "float32"),
        Case(mixed(weights(1), weights(1), maze(1, 9), 0.1), "a single frame"),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """Sums over the pixels: the roundings of as many terms as a frame has pixels, of the size of the whole sum."""
    return rounding(inputs, expected, size=float(inputs[0].shape[1]))


Wrong = Callable[[Tensor, Tensor, Tensor, Tensor], Any]


def _product(f: Tensor, w: Tensor) -> Tensor:
    return (f * w).sum(-1)


def _pair(share: Callable[[Tensor, Tensor, Tensor], Tensor]) -> Wrong:
    """The wrong share, for each of both ends, from the frame, the empty maze and the end."""
    return lambda frames, empty, left, right: torch.stack([share(frames, empty, x) for x in (left, right)], -1)


MISCONCEPTIONS = (
    Misconception(
        "empty maze not taken off",
        _pair(lambda f, e, x: _product(f, x) / _product(x, x)),
        "You compared whole frames, in which most pixels are maze; take the empty maze off the frame and off the ends "
        "first, so that only walkers are left.",
    ),
    Misconception(
        "empty maze taken off the ends only",
        _pair(lambda f, e, x: _product(f, x - e) / _product(x - e, x - e)),
        "You took the empty maze off the ends, but not off the frame; an empty frame would not have the shares 0.",
    ),
    Misconception(
        "not divided",
        _pair(lambda f, e, x: _product(f - e, x - e)),
        "You did not divide: the product of a walker with itself is not 1.  Divide by its squared norm.",
    ),
    Misconception(
        "divided by the norm",
        _pair(lambda f, e, x: _product(f - e, x - e) / (x - e).norm(dim=-1)),
        "You divided by the norm of the walker; it is its square that makes a whole walker count 1.",
    ),
    Misconception(
        "cosine",
        _pair(lambda f, e, x: _product(f - e, x - e) / (x - e).norm(dim=-1) / (f - e).norm(dim=-1)),
        "You took the cosine of the angle, which divides by the norm of the frame as well, so half a walker looks like "
        "a whole one.  Divide by the squared norm of the walker.",
    ),
    Misconception(
        "right before left",
        lambda f, e, left, right: walker_shares(f, e, right, left),
        "Your columns are exchanged: the left share comes first.",
    ),
    Misconception(
        "over the whole batch",
        _pair(lambda f, e, x: (((f - e) * (x - e)).sum() / (x - e).square().sum()).expand(len(f))),
        "You summed over all frames; each frame has shares of its own: sum over the last axis.",
    ),
    Misconception(
        "shares that sum to one",
        lambda f, e, left, right: (s := walker_shares(f, e, left, right)) / s.sum(-1, keepdim=True),
        "You made the shares sum to one; an empty frame has none, and a ghost may have more: leave them as they are.",
    ),
    Misconception(
        "mean brightness",
        _pair(lambda f, e, x: (f - e).sum(-1) / (x - e).sum(-1)),
        "You compared sums of brightness over the whole frame, which cannot tell left from right; multiply with the "
        "walker before you sum.",
    ),
    Misconception(
        "cut off",
        lambda *given: walker_shares(*given).clamp(0, 1),
        "You cut the shares off at 0 and 1; a frame may be darker than the maze or brighter than a walker: leave them "
        "as they are.",
    ),
    Misconception(
        "absolute values",
        lambda *given: walker_shares(*given).abs(),
        "You took absolute values; where a frame is darker than the empty maze, its share is negative.",
    ),
    Misconception(
        "a row for each side",
        lambda *given: walker_shares(*given).T,
        "You have a row for each side; wanted is a row for each frame, (n, 2): stack along the last axis.",
    ),
    Misconception(
        "divided by the frame",
        _pair(lambda f, e, x: _product(f - e, x - e) / _product(f - e, f - e)),
        "You divided by the squared norm of the frame; divide by that of the walker, which makes a whole "
        "walker count 1.",
    ),
    Misconception(
        "brightness where the walker is",
        _pair(lambda f, e, x: ((f - e) * (x != e)).sum(-1) / (x - e).sum(-1)),
        "You compared sums of brightness over the walker's pixels; that is right for clean frames, but the nearest "
        "frame in the sense of squares gives bright pixels more weight: multiply with the walker before you sum.",
    ),
    Misconception(
        "mean of ratios",
        _pair(lambda f, e, x: torch.where(x == e, torch.nan, (f - e) / (x - e)).nanmean(-1)),
        "You averaged the ratios of single pixels; that is right for clean frames, but the nearest frame in the sense "
        "of squares gives bright pixels more weight: sum the products, and divide by the sum of squares.",
    ),
    Misconception(
        "empty maze taken off the frames only",
        _pair(lambda f, e, x: _product(f - e, x) / _product(x, x)),
        "You took the empty maze off the frame, but not off the ends; the walker alone is x - e.",
    ),
    Misconception(
        "first walker for all",
        _pair(lambda f, e, x: _product(f - e, (x - e)[:1]) / _product(x - e, x - e)[:1]),
        "You used the walker of the first row for all frames; each frame has a maze and walkers of its own.",
    ),
    Misconception(
        "nearer end",
        _pair(lambda f, e, x: 1 - (f - x).norm(dim=-1) / (x - e).norm(dim=-1)),
        "You measured how near the frame is to each end; that is no share: project the frame on the walker.",
    ),
)

EXERCISE = Exercise(
    id="walker-shares",
    chapter="01-why-generate",
    title="Half a walker on either side",
    points=3,
    reference=walker_shares,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_least_squares, by_loop),
    tolerance=tolerance,
)
