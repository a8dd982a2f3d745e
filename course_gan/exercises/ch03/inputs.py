"""Seeded inputs that the exercises of this chapter share, and the small players on which training steps are tried."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from course_gan.exercises.core import Case, Outputs, rounding

SINGLE, DOUBLE = torch.float32, torch.float64
Step = Callable[..., object]


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


def players(generator_weight: Tensor, critic_weights: Tensor) -> tuple[nn.Module, nn.Module]:
    """A linear generator of weight (d, k), and a critic of one hidden layer; `critic_weights` (h, d + 1) holds both."""
    d, k = generator_weight.shape
    hidden = len(critic_weights)
    generator, first, last = nn.Linear(k, d), nn.Linear(d, hidden), nn.Linear(hidden, 1)
    with torch.no_grad():
        for layer, weight in (
            (generator, generator_weight),
            (first, critic_weights[:, :d]),
            (last, critic_weights[:, d:].T),
        ):
            layer.to(generator_weight.dtype)
            layer.weight.copy_(weight)
            layer.bias.zero_()
    return generator, nn.Sequential(first, nn.Tanh(), last, nn.Flatten(0))


def plant_gradients(module: nn.Module) -> None:
    """Leave gradients in a module as an earlier step would have: all of them ½."""
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 0.5)


def weights_of(module: nn.Module) -> Tensor:
    """All weights in one row."""
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def gradients_of(module: nn.Module) -> Tensor:
    """All gradients in one row; none counts as zero."""
    return torch.cat([_gradient(parameter).flatten() for parameter in module.parameters()])


def learning(module: nn.Module) -> Tensor:
    """How many of the parameters ask for a gradient, and how many of the layers are in training mode."""
    asking = sum(parameter.requires_grad for parameter in module.parameters())
    # In double precision: the coarsest of the outputs decides which errors are excused as rounding.
    return torch.tensor([asking, sum(part.training for part in module.modules())], dtype=DOUBLE)


def optimizer_of(module: nn.Module, rate: float) -> Optimizer:
    """Gradient descent with half the rate for biases, which tells it from one that the learner makes."""
    weights = [parameter for parameter in module.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in module.parameters() if parameter.ndim == 1]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": biases, "lr": rate / 2}]
    return SGD(groups, lr=rate)


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()


def draw_players(generator: torch.Generator, dtype: torch.dtype, sure: float = 1.0) -> tuple[Tensor, Tensor]:
    """Weights for `players`: points in the plane from three numbers of noise, four hidden units."""
    generator_weight = torch.randn(2, 3, generator=generator, dtype=DOUBLE)
    critic_weights = torch.randn(4, 3, generator=generator, dtype=DOUBLE)
    critic_weights[:, 2] *= sure
    return generator_weight.to(dtype), critic_weights.to(dtype)


def each_parameter(*modules: nn.Module) -> Iterable[nn.Parameter]:
    """The parameters of all modules, one after another."""
    return [parameter for module in modules for parameter in module.parameters()]
