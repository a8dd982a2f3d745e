"""Exercise: several futures of each of several pasts."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.ch01.harness import call_many_futures
from course_gan.exercises.core import ROUNDINGS_PER_TERM, Case, Exercise, Misconception, Outputs, coarsest

SINGLE, DOUBLE = torch.float32, torch.float64
Generator = Callable[[Tensor, Tensor], Tensor]


def many_futures(generator: Generator, z: Tensor, told: Tensor) -> Tensor:
    """Futures of n pasts, k of each: that of past i for the noise z[i, j].

    generator(z, told) takes rows: z of shape (rows, latent) and told of shape
    (rows, known), as many of one as of the other, and makes (rows, pixels).
    z is a tensor of shape (n, k, latent), told of shape (n, known).
    Return a tensor of shape (n, k, pixels).
    """
    n, k, _ = z.shape
    made = generator(z.flatten(0, 1), told.repeat_interleave(k, 0))
    return made.reshape(n, k, -1)


def past_by_past(generator: Generator, z: Tensor, told: Tensor) -> Tensor:
    return torch.stack([generator(z[i], told[i].expand(z.shape[1], -1)) for i in range(len(told))])


def draw_by_draw(generator: Generator, z: Tensor, told: Tensor) -> Tensor:
    return torch.stack([generator(z[:, j], told) for j in range(z.shape[1])], 1)


def cases(generator: torch.Generator) -> list[Case]:
    def scene(n: int, k: int, latent: int, known: int, pixels: int, dtype: torch.dtype = DOUBLE) -> tuple[Tensor, ...]:
        shapes = ((n, k, latent), (n, known), (7, latent + known), (pixels, 7))
        return tuple(torch.randn(*shape, generator=generator, dtype=DOUBLE).to(dtype) for shape in shapes)

    return [
        Case(scene(3, 4, 2, 3, 5), "three pasts, four futures of each"),
        Case(scene(4, 4, 1, 2, 3), "as many futures as pasts"),
        Case(scene(2, 5, 3, 4, 6, SINGLE), "float32"),
        Case(scene(5, 2, 2, 2, 4), "five pasts, two futures of each"),
        Case(scene(1, 6, 2, 3, 4), "a single past"),
        Case(scene(4, 1, 2, 3, 4), "a single future of each past"),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> list[Tensor]:
    """Two layers of at most 7 terms each, of the size of the weights."""
    *_, hidden, output = inputs
    size = float(hidden.abs().sum(1).max() + 1) * float(output.abs().sum(1).max() + 1)
    unit = ROUNDINGS_PER_TERM * torch.finfo(coarsest(inputs)).eps
    return [torch.full_like(e, unit * size * 4) for e in expected]


def _rows(generator: Generator, z: Tensor, told: Tensor) -> Tensor:
    """As the reference, for z of any number of rows."""
    return many_futures(generator, z, told)


def _own_noise(generator: Generator, z: Tensor, told: Tensor) -> Tensor:
    return many_futures(generator, torch.randn(z.shape, dtype=z.dtype), told)


def _tiled(generator: Generator, z: Tensor, told: Tensor) -> Tensor:
    n, k, _ = z.shape
    return generator(z.flatten(0, 1), told.repeat(k, 1)).reshape(n, k, -1)


def _other_way(generator: Generator, z: Tensor, told: Tensor) -> Tensor:
    n, k, _ = z.shape
    made = generator(z.transpose(0, 1).flatten(0, 1), told.repeat(k, 1))
    return made.reshape(n, k, -1)


MISCONCEPTIONS = (
    Misconception(
        "pasts tiled",
        _tiled,
        "The rows of z and told do not belong together: flattened, z runs through all draws of past 0 first, while "
        "`repeat` runs through all pasts.  Use `repeat_interleave(k, 0)`, which gives each past k times in a row.",
    ),
    Misconception(
        "reshaped where it should be transposed",
        _other_way,
        "Your rows run through all pasts for the first draw, then for the second; a reshape to (n, k, …) reads them as "
        "if they ran through all draws of one past.  Make it (k, n, …) and exchange the two axes.",
    ),
    Misconception(
        "noise by draws, pasts by pasts",
        lambda g, z, told: _rows(g, z.transpose(0, 1).reshape(z.shape), told),
        "You exchanged the axes of z before you flattened it, so its rows run through all pasts for the first draw; "
        "the rows of told run through all draws of past 0.  Flatten z as it is.",
    ),
    Misconception(
        "rows not taken apart",
        lambda g, z, told: _rows(g, z, told).flatten(0, 1),
        "Your futures are right, but they stand in one long list of n · k rows: reshape it to (n, k, pixels).",
    ),
    Misconception(
        "last past only",
        lambda g, z, told: _rows(g, z, told[-1:].expand_as(told)),
        "All your futures are those of the last past; past i is told[i].",
    ),
    Misconception(
        "mean past",
        lambda g, z, told: _rows(g, z, told.mean(0, keepdim=True).expand_as(told)),
        "You averaged over the pasts before the generator saw them; past i is told[i].",
    ),
    Misconception(
        "first draw only",
        lambda g, z, told: _rows(g, z, told)[:, 0],
        "You made one future of each past; there are k draws of noise for each: (n, k, pixels).",
    ),
    Misconception(
        "same noise for each draw",
        lambda g, z, told: _rows(g, z[:, :1].expand_as(z), told),
        "All futures of a past are alike: you used one z for all its draws.  Draw j takes z[:, j].",
    ),
    Misconception(
        "same noise for each past",
        lambda g, z, told: _rows(g, z[:1].expand_as(z), told),
        "You used the noise of the first past for all pasts; past i takes z[i].",
    ),
    Misconception(
        "no noise",
        lambda g, z, told: _rows(g, torch.zeros_like(z), told),
        "Your futures do not depend on z: the generator got zeros in its place.",
    ),
    Misconception(
        "noise of one's own",
        _own_noise,
        "You drew noise of your own; the function is given z, so that its caller can have the same futures again.",
    ),
    Misconception(
        "averaged",
        lambda g, z, told: _rows(g, z, told).mean(1),
        "You averaged over the futures, which makes a ghost of them; return each of them.",
    ),
    Misconception(
        "mean noise",
        lambda g, z, told: _rows(g, z.mean(1, keepdim=True).expand_as(z), told),
        "You averaged the noise before the generator saw it; each draw has a z of its own.",
    ),
    Misconception(
        "first past only",
        lambda g, z, told: _rows(g, z, told[:1].expand_as(told)),
        "All your futures are those of the first past; past i is told[i].",
    ),
    Misconception(
        "draws first",
        lambda g, z, told: _rows(g, z, told).transpose(0, 1),
        "Your first axis is that of the draws; the shape is (n, k, pixels), pasts first.",
    ),
)

EXERCISE = Exercise(
    id="many-futures",
    chapter="01-why-generate",
    title="Several futures of each past",
    points=2,
    reference=many_futures,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(past_by_past, draw_by_draw),
    call=call_many_futures,
    tolerance=tolerance,
)
