"""Exercise: concatenation, then one layer, is a sum of two layers."""

from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.core import Case, Exercise, Misconception

SINGLE, DOUBLE = torch.float32, torch.float64


def one_layer(weight_z: Tensor, bias_z: Tensor, weight_c: Tensor, bias_c: Tensor) -> tuple[Tensor, Tensor]:
    """Weight and bias of one layer that does to [z, c] what two do to z and c.

    The two layers are summed: (weight_z @ z + bias_z) + (weight_c @ c + bias_c).
    The one layer gets z and c behind each other, in this order, as one vector.
    weight_z is a tensor of shape (hidden, latent), weight_c of (hidden, known);
    bias_z and bias_c are tensors of shape (hidden,).
    Return the pair (weight, bias), of shapes (hidden, latent + known), (hidden,).
    """
    return torch.cat([weight_z, weight_c], 1), bias_z + bias_c


def column_by_column(
    weight_z: Tensor, bias_z: Tensor, weight_c: Tensor, bias_c: Tensor
) -> tuple[list[list[float]], list[float]]:
    rows = [a + b for a, b in zip(weight_z.tolist(), weight_c.tolist())]
    return rows, [a + b for a, b in zip(bias_z.tolist(), bias_c.tolist())]


def by_probing(weight_z: Tensor, bias_z: Tensor, weight_c: Tensor, bias_c: Tensor) -> tuple[Tensor, Tensor]:
    latent, known = weight_z.shape[1], weight_c.shape[1]

    def both(v: Tensor) -> Tensor:
        z, c = v[:, :latent].double(), v[:, latent:].double()
        return (z @ weight_z.double().T + bias_z.double()) + (c @ weight_c.double().T + bias_c.double())

    bias = both(torch.zeros(1, latent + known))[0]
    return (both(torch.eye(latent + known)) - bias).T, bias


def cases(generator: torch.Generator) -> list[Case]:
    def layers(hidden: int, latent: int, known: int, dtype: torch.dtype = DOUBLE) -> tuple[Tensor, ...]:
        shapes = ((hidden, latent), (hidden,), (hidden, known), (hidden,))
        return tuple(torch.randn(*shape, generator=generator, dtype=DOUBLE).to(dtype) for shape in shapes)

    return [
        Case(layers(3, 2, 4), "three hidden units, two numbers of noise, four known ones"),
        Case(layers(5, 1, 3), "one number of noise"),
        Case(layers(4, 4, 4), "as many hidden units as inputs on either side"),
        Case(layers(6, 2, 9, SINGLE), "float32"),
    ]


def _with(weight: Any, bias: Any) -> Any:
    """A wrong answer made from the four parts."""
    return lambda wz, bz, wc, bc: (weight(wz, wc), bias(bz, bc))


def _weight(wz: Tensor, wc: Tensor) -> Tensor:
    return torch.cat([wz, wc], 1)


def _bias(bz: Tensor, bc: Tensor) -> Tensor:
    return bz + bc


MISCONCEPTIONS = (
    Misconception(
        "other order",
        _with(lambda wz, wc: torch.cat([wc, wz], 1), _bias),
        "Your weight takes c first and z second; the vector is [z, c], so the columns of weight_z come first.",
    ),
    Misconception(
        "mean of the biases",
        _with(_weight, lambda bz, bc: (bz + bc) / 2),
        "You averaged the two biases; the outputs of the two layers are added, so their biases are, too.",
    ),
    Misconception(
        "bias of z only",
        _with(_weight, lambda bz, bc: bz),
        "Your bias is that of the layer of z alone; the bias of the layer of c is added to it.",
    ),
    Misconception(
        "bias of c only",
        _with(_weight, lambda bz, bc: bc),
        "Your bias is that of the layer of c alone; the bias of the layer of z is added to it.",
    ),
    Misconception(
        "biases behind each other",
        _with(_weight, lambda bz, bc: torch.cat([bz, bc])),
        "You put the biases behind each other like the weights; but a bias belongs to the output, which has the same "
        "hidden units in both layers: add them.",
    ),
    Misconception(
        "transposed",
        _with(lambda wz, wc: _weight(wz, wc).T, _bias),
        "Your weight has a row an input; torch keeps a row an output: (hidden, latent + known).",
    ),
    Misconception(
        "weights halved",
        _with(lambda wz, wc: _weight(wz, wc) / 2, _bias),
        "You halved the weights; nothing is averaged here: each input meets its own columns only.",
    ),
    Misconception(
        "no noise",
        _with(lambda wz, wc: torch.cat([torch.zeros_like(wz), wc], 1), _bias),
        "The columns of z are zero in your weight, so this layer ignores the noise.",
    ),
)

EXERCISE = Exercise(
    id="one-layer",
    chapter="01-why-generate",
    title="Two layers in one",
    points=1,
    reference=one_layer,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(column_by_column, by_probing),
)
