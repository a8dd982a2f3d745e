"""Exercise: the density of a generator's samples."""

from collections.abc import Callable
from math import log, pi
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.ch01.harness import call_generator_density
from course_gan.exercises.core import ROUNDINGS_PER_TERM, Case, Exercise, Misconception, Outputs, coarsest

SINGLE, DOUBLE = torch.float32, torch.float64
Generator = Callable[[Tensor], Tensor]


def generator_density(generator: Generator, z: Tensor) -> Tensor:
    """Log-density of a generator's samples, where the rows of z come to lie.

    generator takes rows, z of shape (rows, d), and makes (rows, d); each row of
    the result depends on its own row of z only, one-to-one and smoothly.
    Noise is normal: each entry of z is N(0, 1), independent of the others.
    z is a tensor of shape (n, d).
    Return a tensor of shape (n,): log p_G at the points generator(z).
    """
    slopes = _slopes(generator, z)
    log_density: Tensor = _log_normal(z) - torch.linalg.slogdet(slopes).logabsdet
    return log_density


def _slopes(generator: Generator, z: Tensor) -> Tensor:
    """The matrices of derivatives (n, d, d): row i holds those of output i."""
    inputs = z.detach().requires_grad_()
    outputs = generator(inputs)
    rows = [torch.autograd.grad(outputs[:, i].sum(), inputs, retain_graph=True)[0] for i in range(z.shape[1])]
    return torch.stack(rows, 1)


def _log_normal(z: Tensor) -> Tensor:
    return -z.square().sum(1) / 2 - z.shape[1] * log(2 * pi) / 2


def row_by_row(generator: Generator, z: Tensor) -> list[float]:
    found = []
    for row in z:
        matrix = torch.autograd.functional.jacobian(lambda one: generator(one[None])[0], row)  # type: ignore[no-untyped-call]
        normal = torch.distributions.Normal(0.0, 1.0)
        density = normal.log_prob(row.double()).sum()  # type: ignore[no-untyped-call]
        found.append(float(density - torch.linalg.det(matrix.double()).abs().log()))
    return found


def by_func(generator: Generator, z: Tensor) -> Tensor:
    matrices = torch.func.vmap(torch.func.jacrev(lambda one: generator(one[None])[0]))(z)
    # |det J| is the root of det(J Jᵀ), which is never negative
    log_stretch: Tensor = torch.linalg.svdvals(matrices).log().sum(-1)
    return _log_normal(z) - log_stretch


def cases(generator: torch.Generator) -> list[Case]:
    def scene(
        n: int, d: int, dtype: torch.dtype = DOUBLE, flip: bool = False, scale: float = 1.0
    ) -> tuple[Tensor, Tensor]:
        """A matrix with singular values between 1.5 and 3 times the scale, its determinant of the sign asked for."""
        left, right = (torch.linalg.qr(torch.randn(d, d, generator=generator, dtype=DOUBLE)).Q for _ in range(2))
        matrix = left @ (1.5 + 1.5 * torch.rand(d, generator=generator, dtype=DOUBLE)).diag() @ right
        if bool(torch.linalg.det(matrix) < 0) != flip:
            matrix[0] = -matrix[0]
        return torch.randn(n, d, generator=generator, dtype=DOUBLE).to(dtype), (scale * matrix).to(dtype)

    return [
        Case(scene(5, 1), "on the line, an increasing map"),
        Case(scene(5, 1, flip=True), "on the line, a decreasing map"),
        Case(scene(6, 2), "in the plane"),
        Case(scene(6, 2, flip=True), "in the plane, turned over"),
        Case(scene(4, 3), "in space"),
        Case(scene(6, 2, scale=0.1), "in the plane, a map that shrinks"),
        Case(scene(6, 2, SINGLE), "float32"),
        Case(scene(1, 2), "a single point"),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> list[Tensor]:
    """Roundings of the logarithm of a determinant of numbers below 10: d² terms, and those of |z|²."""
    z, matrix = inputs
    unit = ROUNDINGS_PER_TERM * torch.finfo(coarsest(inputs)).eps
    size = 10.0 + float(z.square().sum(1).max())
    return [torch.full_like(e, unit * size * (1 + matrix.numel())) for e in expected]


def _wrong(change: Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    """A wrong answer from z, x = G(z), log φ(z) and the matrices of derivatives."""

    def function(generator: Generator, z: Tensor) -> Tensor:
        slopes = _slopes(generator, z)
        with torch.no_grad():
            return change(z, generator(z), _log_normal(z), slopes)

    return function


def _log_det(slopes: Tensor) -> Tensor:
    log_det: Tensor = torch.linalg.slogdet(slopes).logabsdet
    return log_det


MISCONCEPTIONS = (
    Misconception(
        "multiplied",
        _wrong(lambda z, x, log_phi, s: log_phi + _log_det(s)),
        "You multiplied by the determinant; where the generator stretches, the same mass covers more room, so the "
        "density is divided by it: subtract its logarithm.",
    ),
    Misconception(
        "noise's density",
        _wrong(lambda z, x, log_phi, s: log_phi),
        "You returned the density of z at z; the generator stretches room, so log |det| of its derivatives has to be "
        "subtracted.",
    ),
    Misconception(
        "noise's density at x",
        _wrong(lambda z, x, log_phi, s: _log_normal(x)),
        "You put x = G(z) into the density of the noise; put z in, and subtract log |det| of the derivatives.",
    ),
    Misconception(
        "both at x",
        _wrong(lambda z, x, log_phi, s: _log_normal(x) - _log_det(s)),
        "The determinant is right, but the density of the noise is taken at x = G(z); take it at z, from where x came.",
    ),
    Misconception(
        "no absolute value",
        _wrong(lambda z, x, log_phi, s: log_phi - torch.linalg.det(s).log()),
        "The determinant is negative where the map turns over, and its logarithm is NaN: take its absolute value, or "
        "`torch.linalg.slogdet`.",
    ),
    Misconception(
        "squared determinant",
        _wrong(lambda z, x, log_phi, s: log_phi - 2 * _log_det(s)),
        "You subtracted the logarithm of the squared determinant, such as that of J Jᵀ; take half of it.",
    ),
    Misconception(
        "not a logarithm",
        _wrong(lambda z, x, log_phi, s: (log_phi - _log_det(s)).exp()),
        "You returned the density; its logarithm is wanted.",
    ),
    Misconception(
        "determinant not in logarithms",
        _wrong(lambda z, x, log_phi, s: log_phi - torch.linalg.det(s).abs()),
        "You subtracted the determinant itself from a logarithm; subtract log |det|.",
    ),
    Misconception(
        "constant of one dimension",
        _wrong(lambda z, x, log_phi, s: log_phi + (z.shape[1] - 1) * log(2 * pi) / 2 - _log_det(s)),
        "Right on the line, wrong in the plane: each dimension brings its own ½ log 2π.",
    ),
    Misconception(
        "no constant",
        _wrong(lambda z, x, log_phi, s: -z.square().sum(1) / 2 - _log_det(s)),
        "The constant of the normal density is missing: ½ log 2π for each dimension.",
    ),
    Misconception(
        "constant without its half",
        _wrong(lambda z, x, log_phi, s: -z.square().sum(1) / 2 - z.shape[1] * log(2 * pi) - _log_det(s)),
        "Your constant is twice too large: each dimension brings ½ log 2π, the logarithm of √(2π).",
    ),
    Misconception(
        "square without its half",
        _wrong(lambda z, x, log_phi, s: log_phi - z.square().sum(1) / 2 - _log_det(s)),
        "The exponent of the normal density is -z²/2; your square lacks the ½.",
    ),
    Misconception(
        "square with a plus",
        _wrong(lambda z, x, log_phi, s: log_phi + z.square().sum(1) - _log_det(s)),
        "The exponent of the normal density is -z²/2; yours has a plus, so that it grows away from the middle.",
    ),
    Misconception(
        "norm not squared",
        _wrong(lambda z, x, log_phi, s: log_phi + (z.square().sum(1) - z.norm(dim=1)) / 2 - _log_det(s)),
        "The exponent of the normal density has the squared norm of z; yours has the norm.",
    ),
    Misconception(
        "mean over the dimensions",
        _wrong(lambda z, x, log_phi, s: log_phi / z.shape[1] - _log_det(s)),
        "You averaged the logarithms over the dimensions; independent entries multiply their densities, so add the "
        "logarithms up.",
    ),
    Misconception(
        "stretch only counted",
        _wrong(lambda z, x, log_phi, s: log_phi - _log_det(s).clamp(min=0)),
        "You cut the logarithm of the determinant off at 0; where the generator shrinks room, it is negative, and the "
        "density grows.",
    ),
    Misconception(
        "sign of the determinant",
        _wrong(lambda z, x, log_phi, s: log_phi - torch.linalg.slogdet(s).sign),
        "You subtracted the sign of the determinant, which `slogdet` gives first; the logarithm is the second, "
        "`.logabsdet`.",
    ),
    Misconception(
        "logarithm times sign",
        _wrong(lambda z, x, log_phi, s: log_phi - torch.linalg.slogdet(s).sign * _log_det(s)),
        "You multiplied the logarithm by the sign of the determinant; the sign does not matter: `.logabsdet` alone.",
    ),
    Misconception(
        "slopes of the sum",
        _wrong(lambda z, x, log_phi, s: log_phi - s.sum(1).abs().log().sum(1)),
        "You took the gradient of the sum of the outputs, in which they are mixed up; take that of each output by "
        "itself, and put them into a matrix.",
    ),
    Misconception(
        "one determinant for all",
        _wrong(lambda z, x, log_phi, s: log_phi - _log_det(s)[0]),
        "You used the determinant at the first point for all points; the generator bends, so each point has its own.",
    ),
    Misconception(
        "diagonal only",
        _wrong(lambda z, x, log_phi, s: log_phi - s.diagonal(dim1=1, dim2=2).abs().log().sum(1)),
        "You multiplied the slopes dx_i/dz_i alone; the map mixes its inputs, so the determinant of the whole matrix "
        "is needed.",
    ),
    Misconception(
        "whole batch",
        _wrong(lambda z, x, log_phi, s: (log_phi - _log_det(s)).mean().expand(len(z))),
        "You returned one number for all rows; each point has a density of its own.",
    ),
)

EXERCISE = Exercise(
    id="generator-density",
    chapter="01-why-generate",
    title="The density of what a generator makes",
    points=4,
    reference=generator_density,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(row_by_row, by_func),
    call=call_generator_density,
    tolerance=tolerance,
)
