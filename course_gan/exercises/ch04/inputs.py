"""Seeded inputs that the exercises of this chapter share."""

import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE
from course_gan.exercises.core import Case


def normal(generator: torch.Generator, *shape: int, scale: float = 1.0, dtype: torch.dtype = DOUBLE) -> Tensor:
    """Random numbers of N(0, scale²)."""
    return (scale * torch.randn(*shape, generator=generator, dtype=DOUBLE)).to(dtype)


def log_densities(generator: torch.Generator) -> list[Case]:
    """Pairs of log densities at the same points, the plain ones first."""

    def draw(*shape: int, scale: float = 1.0, shift: float = 0.0, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (normal(generator, *shape, scale=scale) + shift).to(dtype)

    p = torch.tensor([0.36, 0.48, 0.16], dtype=DOUBLE)
    q = torch.full((3,), 1 / 3, dtype=DOUBLE)
    spike = draw(4, shift=2.0)  # densities may be above one
    far, single = draw(5, scale=2.0, shift=-1000.0), draw(7, shift=-2.0, dtype=SINGLE)
    return [
        Case((p.log(), q.log()), "the bent coin against three equal outcomes"),
        Case((draw(6, shift=-1.0), draw(6, shift=-1.0)), "six points"),
        Case((spike, draw(4, shift=1.0)), "densities above one"),
        Case((draw(2, 3, shift=-1.0), draw(2, 3, shift=-2.0)), "points in a table of shape (2, 3)"),
        Case((draw(1, shift=-1.0), draw(1, shift=-1.0)), "a single point"),
        Case((single, draw(7, shift=-2.0, dtype=SINGLE)), "seven points in float32"),
        Case((far, far + draw(5)), "densities too small for floating point"),
    ]


def scores(generator: torch.Generator) -> list[Case]:
    """Pairs (scores of real samples, scores of fake samples), real ones higher on average."""

    def draw(shift: float, *shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (normal(generator, *shape, scale=1.5) + shift).to(dtype)

    zeros = torch.zeros(3, dtype=DOUBLE)
    large = torch.tensor([900.0, -800.0, 1000.0], dtype=DOUBLE)  # exp overflows beyond 709
    sure = torch.tensor([40.0, 900.0], dtype=DOUBLE)
    return [
        Case((draw(1.0, 6), draw(-1.0, 6)), "six real and six fake samples"),
        Case((draw(2.0, 5), draw(-1.5, 9)), "five real and nine fake samples"),
        Case((draw(0.5, 40, dtype=SINGLE), draw(-0.5, 30, dtype=SINGLE)), "forty and thirty samples in float32"),
        Case((zeros, zeros[:2].clone()), "a critic that cannot tell"),
        Case((draw(-2.0, 4), draw(1.0, 7)), "a critic that has it the wrong way round"),
        Case((draw(1.0, 3, 4), draw(-1.0, 3, 5)), "a batch of three critics"),
        Case((large, -large[:2] + draw(0.0, 2)), "a critic that is very sure, and at times wrong"),
        Case((sure, -sure.repeat(2) + draw(0.0, 4)), "a critic that is very sure, and right"),
    ]
