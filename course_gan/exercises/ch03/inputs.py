"""Seeded inputs that the exercises of this chapter share, and the small players on which training steps are tried."""

from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.core import Case, Outputs, rounding

SINGLE, DOUBLE = torch.float32, torch.float64


def score_pairs(generator: torch.Generator) -> list[Case]:
    """Scores of real samples and of fakes, the plain ones first; their numbers differ in some cases."""

    def draw(n: int, shift: float = 0.0, scale: float = 2.0, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (shift + scale * torch.randn(n, generator=generator, dtype=DOUBLE)).to(dtype)

    misplaced = torch.tensor([6.0, -7.0, 9.0], dtype=DOUBLE), torch.tensor([-8.0, 5.5, 7.5], dtype=DOUBLE)
    sure = torch.tensor([-200.0, 40.0, 250.0], dtype=DOUBLE)
    return [
        Case((torch.tensor([1.0, 2.0], dtype=DOUBLE), torch.tensor([-1.0, 0.5], dtype=DOUBLE)), "two of each kind"),
        Case((draw(1), draw(1)), "one of each kind"),
        Case((draw(8, 1.0), draw(8, -1.0)), "eight of each kind"),
        Case((draw(5, 1.0), draw(12, -2.0)), "five real, twelve fake"),
        Case((draw(9, 2.0, dtype=SINGLE), draw(4, dtype=SINGLE)), "nine real, four fake, in float32"),
        Case(misplaced, "a critic that is sure, but not very"),
        Case((sure, torch.tensor([300.0, -60.0, -220.0], dtype=DOUBLE)), "a critic that is very sure"),
        Case((sure.to(SINGLE), -sure.to(SINGLE)), "a critic that is very sure, in float32"),
    ]


def of_the_terms(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """The rounding error of a mean whose terms are as large as the largest input."""
    return rounding(inputs, expected, size=max([1.0, *(float(x.abs().max()) for x in inputs if isinstance(x, Tensor))]))


def draw_players(generator: torch.Generator, dtype: torch.dtype, sure: float = 1.0) -> tuple[Tensor, Tensor]:
    """Weights for `players`: points in the plane from three numbers of noise, four hidden units."""
    generator_weight = torch.randn(2, 3, generator=generator, dtype=DOUBLE)
    critic_weights = torch.randn(4, 3, generator=generator, dtype=DOUBLE)
    critic_weights[:, 2] *= sure
    return generator_weight.to(dtype), critic_weights.to(dtype)
