"""Seeded inputs that the exercises of this chapter share, and a way to write an answer for one row only."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.core import ROUNDINGS_PER_TERM, Case, Outputs, rounding

SINGLE, DOUBLE = torch.float32, torch.float64


def distribution(generator: torch.Generator, *shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
    """Random distributions over the last axis; no entry is more than 20 times another one."""
    weight = 0.05 + 0.95 * torch.rand(*shape, generator=generator, dtype=DOUBLE)
    return (weight / weight.sum(-1, keepdim=True)).to(dtype)


def pairs(generator: torch.Generator) -> list[Case]:
    """Pairs of discrete distributions, the plain ones first."""

    def draw(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return distribution(generator, *shape, dtype=dtype)

    def padded(left: Tensor, right: Tensor) -> Tensor:
        return torch.cat([left, right], -1)

    def rare(probability: float) -> Tensor:
        return torch.cat([draw(3) * (1 - probability), torch.tensor([probability], dtype=DOUBLE)])

    third = torch.full((3,), 1 / 3, dtype=DOUBLE)
    three, zero, two_zeros = draw(3), torch.zeros(1, dtype=DOUBLE), torch.zeros(2, dtype=DOUBLE)
    zero_first, zero_last = padded(zero, draw(3)), padded(draw(3), zero)
    both = padded(zero, padded(zero, draw(2)))
    return [
        Case((torch.tensor([0.36, 0.48, 0.16], dtype=DOUBLE), third), "the lecture's p and q"),
        Case((draw(5), draw(5)), "two distributions over five outcomes"),
        Case((draw(20, dtype=SINGLE), draw(20, dtype=SINGLE)), "twenty outcomes in float32"),
        Case((three, three.clone()), "two equal distributions"),
        Case((draw(3, 4, 5), draw(3, 4, 5)), "a batch of shape (3, 4) over five outcomes"),
        Case((draw(1, 4), draw(1, 4)), "a batch of one row"),
        Case((draw(6, 7, dtype=SINGLE), draw(6, 7, dtype=SINGLE)), "six rows in float32"),
        Case((rare(1e-3), rare(1e-12)), "an outcome that is rare under p, and all but impossible under q"),
        Case((padded(draw(3), zero), draw(4)), "an outcome that p never shows"),
        Case((padded(zero, draw(3)), padded(zero, draw(3))), "an outcome that neither shows"),
        Case((draw(4), padded(draw(3), zero)), "an outcome that q never shows"),
        Case((padded(draw(2), two_zeros), padded(two_zeros, draw(2))), "no outcome in common"),
        Case(
            (torch.stack([draw(4), zero_last, zero_first]), torch.stack([draw(4), draw(4), both])), "zeros in some rows"
        ),
    ]


def row_by_row(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """A function of one row made into one of a batch; several results come back stacked along the first axis."""

    def over_rows(*inputs: Tensor) -> Tensor:
        batch, dtype = inputs[-1].shape[:-1], inputs[-1].dtype
        rows = zip(*(x.reshape(-1, x.shape[-1]) for x in inputs))
        results = torch.tensor([function(*(row.tolist() for row in pair)) for pair in rows], dtype=dtype)
        return results.movedim(0, -1).reshape((*results.shape[1:], *batch))

    over_rows.__name__ = function.__name__
    return over_rows


def rounding_of_logarithms(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """Where the inputs are logarithms: one of size L is itself rounded by L x epsilon, and so are their differences."""
    return rounding(inputs, expected, size=max(1.0, *(float(x.abs().max()) for x in inputs)))


def once_in_single(allowed: Sequence[Tensor], expected: Outputs) -> tuple[Tensor, ...]:
    """The allowed errors, and one float32 rounding on top: of √n or log 4 made by torch, or of a search's end."""
    unit = ROUNDINGS_PER_TERM * torch.finfo(SINGLE).eps
    return tuple(a + unit * e.abs().clamp(min=1.0) for a, e in zip(allowed, expected))
