"""Exercise: the gradient that reaches a linear generator, by the chain rule."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from course_gan.exercises.ch03.inputs import DOUBLE, SINGLE
from course_gan.exercises.core import Case, Exercise, Misconception


def generator_gradient(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    """Gradient of the non-saturating loss for the generator G(z) = A z + b.

    z is a tensor of shape (n, k): the noise behind n fakes.
    scores is a tensor of shape (n,): the critic's scores of these fakes.
    slopes is a tensor of shape (n, d): the gradient of the score with respect to
    the fake, at each fake.
    Return the pair (gradient for A, of shape (d, k); for b, of shape (d,)) of the
    mean of -log D over the fakes.
    """
    pushes = -torch.sigmoid(-scores)[:, None] * slopes
    return pushes.T @ z / len(z), pushes.mean(0)


def by_loop(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    n, k, d = len(z), z.shape[1], slopes.shape[1]
    for_weight, for_bias = z.new_zeros(d, k), z.new_zeros(d)
    for one, score, slope in zip(z, scores, slopes):
        push = -(1 - score.sigmoid()) * slope
        for_weight += torch.outer(push, one) / n
        for_bias += push / n
    return for_weight, for_bias


def by_autograd(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    """With a critic that is linear near each fake: its score there and its slope are those given."""
    weight = z.new_zeros(slopes.shape[1], z.shape[1]).requires_grad_()
    bias = z.new_zeros(slopes.shape[1]).requires_grad_()
    moved = z @ weight.T + bias
    loss = softplus(-(scores + (slopes * moved).sum(1))).mean()
    return torch.autograd.grad(loss, (weight, bias))  # type: ignore[return-value]


def by_einsum(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    weights = (scores.sigmoid() - 1) / len(z)
    return torch.einsum("n,nd,nk->dk", weights, slopes, z), torch.einsum("n,nd->d", weights, slopes)


def cases(generator: torch.Generator) -> list[Case]:
    def draw(n: int, k: int, d: int, shift: float = 0.0, dtype: torch.dtype = DOUBLE) -> tuple[Tensor, Tensor, Tensor]:
        z, slopes = (torch.randn(n, size, generator=generator, dtype=DOUBLE) for size in (k, d))
        scores = shift + 2 * torch.randn(n, generator=generator, dtype=DOUBLE)
        return z.to(dtype), scores.to(dtype), slopes.to(dtype)

    return [
        Case(draw(1, 2, 3), "one fake in space"),
        Case(draw(6, 3, 2), "six fakes in the plane, three numbers of noise"),
        Case(draw(10, 2, 5, -4.0), "ten fakes in five dimensions that are caught"),
        Case(draw(8, 4, 3, 3.0), "eight fakes that are believed"),
        Case(draw(12, 2, 2, dtype=SINGLE), "twelve fakes in float32"),
    ]


def _with_weights(weights: Tensor, z: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    pushes = weights[:, None] * slopes
    return pushes.T @ z / len(z), pushes.mean(0)


def _transposed(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    for_weight, for_bias = generator_gradient(z, scores, slopes)
    return for_weight.T, for_bias


def _sums(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    for_weight, for_bias = generator_gradient(z, scores, slopes)
    return len(z) * for_weight, len(z) * for_bias


def _means_multiplied(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    for_bias = -(-scores).sigmoid().mean() * slopes.mean(0)
    return torch.outer(for_bias, z.mean(0)), for_bias


def _bias_summed(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    for_weight, for_bias = generator_gradient(z, scores, slopes)
    return for_weight, len(z) * for_bias


def _other_bias(bias: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    """The right gradient for A, and another one for b, from the weights and the slopes."""

    def function(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
        return generator_gradient(z, scores, slopes)[0], bias(-(-scores).sigmoid(), slopes)

    return function


def _weight_summed(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    for_weight, for_bias = generator_gradient(z, scores, slopes)
    return len(z) * for_weight, for_bias


def _mean_noise(z: Tensor, scores: Tensor, slopes: Tensor) -> tuple[Tensor, Tensor]:
    for_bias = generator_gradient(z, scores, slopes)[1]
    return torch.outer(for_bias, z.mean(0)), for_bias


MISCONCEPTIONS = (
    Misconception(
        "saturating",
        lambda z, scores, slopes: _with_weights(-scores.sigmoid(), z, slopes),
        "You weighted each fake with -D, which belongs to the saturating loss log(1 - D); the slope of -log D with "
        "respect to the score is -(1 - D).",
    ),
    Misconception(
        "uphill",
        lambda z, scores, slopes: _with_weights((-scores).sigmoid(), z, slopes),
        "The sign is the wrong one: this is the gradient of log D; the loss is -log D, which falls as the score rises.",
    ),
    Misconception(
        "unweighted",
        lambda z, scores, slopes: _with_weights(-torch.ones_like(scores), z, slopes),
        "You took the mean of the slopes as they are; each fake counts with the slope of its loss, -(1 - D).",
    ),
    Misconception(
        "gradient of D",
        lambda z, scores, slopes: _with_weights(-scores.sigmoid() * (-scores).sigmoid(), z, slopes),
        "You weighted with D(1 - D), the slope of the sigmoid: that is the gradient of -D.  The logarithm divides it "
        "by D, and 1 - D is left.",
    ),
    Misconception(
        "logarithm without its inside",
        lambda z, scores, slopes: _with_weights(-1 / scores.sigmoid(), z, slopes),
        "You weighted with 1/D, the derivative of the logarithm; by the chain rule that of its inside, D(1 - D), comes "
        "as a factor, which leaves 1 - D.",
    ),
    Misconception(
        "loss as weight",
        lambda z, scores, slopes: _with_weights(-softplus(-scores), z, slopes),
        "You weighted with the loss of each fake, log D; the chain rule takes its slope, -(1 - D).",
    ),
    Misconception(
        "scores as weight",
        lambda z, scores, slopes: _with_weights(-scores, z, slopes),
        "You weighted with the raw scores; by the chain rule the weight is the slope of the loss at the score, "
        "-(1 - D).",
    ),
    Misconception(
        "sums",
        _sums,
        "You summed over the fakes; the loss is a mean, so divide by their number.",
    ),
    Misconception(
        "means multiplied",
        _means_multiplied,
        "You multiplied means; each fake's weight belongs to its own slope and its own z, so multiply first and "
        "average then.",
    ),
    Misconception(
        "transposed",
        _transposed,
        "The gradient for A has the shape (k, d): it is transposed.  Its entry (i, j) is the mean of weight · slope_i "
        "· z_j.",
    ),
    Misconception(
        "noise forgotten",
        lambda z, scores, slopes: _with_weights(-(-scores).sigmoid(), torch.ones_like(z), slopes),
        "The noise is missing in the gradient for A: moving A by one unit moves the fake by z.",
    ),
    Misconception(
        "bias summed",
        _bias_summed,
        "The gradient for b is a sum over the fakes; it is a mean, like that for A.",
    ),
    Misconception(
        "the critic's",
        lambda z, scores, slopes: _with_weights(scores.sigmoid(), z, slopes),
        "You took the slope of the critic's loss, D: that is what the fakes leave in the generator if they are not "
        "detached in the critic's step.  The generator's weight is -(1 - D).",
    ),
    Misconception(
        "bias without the weights",
        _other_bias(lambda weights, slopes: slopes.mean(0)),
        "Your gradient for b is the mean of the bare slopes; each counts with its weight, -(1 - D), as in that for A.",
    ),
    Misconception(
        "bias with a bare minus",
        _other_bias(lambda weights, slopes: -slopes.mean(0)),
        "Your gradient for b has the minus, but not the factor 1 - D of each fake.",
    ),
    Misconception(
        "bias from means",
        _other_bias(lambda weights, slopes: weights.mean() * slopes.mean(0)),
        "Your gradient for b multiplies two means; multiply each slope by its own weight first, and average then.",
    ),
    Misconception(
        "bias of each fake",
        _other_bias(lambda weights, slopes: weights[:, None] * slopes),
        "Your gradient for b has a row for each fake; take the mean over the fakes, `mean(0)`.",
    ),
    Misconception(
        "weight summed",
        _weight_summed,
        "Your gradient for A is a sum over the fakes; the loss is a mean, so divide by their number.",
    ),
    Misconception(
        "mean noise",
        _mean_noise,
        "You multiplied the mean push by the mean noise; each push belongs to its own z: multiply first, and average "
        "then.",
    ),
    Misconception(
        "scores taken for probabilities",
        lambda z, scores, slopes: _with_weights(scores - 1, z, slopes),
        "You put the score in the place of D; the probability is its sigmoid.",
    ),
    Misconception(
        "divided by D once too often",
        lambda z, scores, slopes: _with_weights(-(-scores).exp(), z, slopes),
        "You weighted with (1 - D)/D; the logarithm's 1/D and the sigmoid's D(1 - D) leave 1 - D.",
    ),
)

EXERCISE = Exercise(
    id="generator-gradient",
    chapter="03-minimax-game",
    title="The gradient by hand",
    points=3,
    reference=generator_gradient,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_autograd, by_einsum),
)
