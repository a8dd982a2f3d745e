"""Small players made of plain tensors, and what is seen of them after a step of training; no reference is in here."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

Step = Callable[..., object]


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
    return torch.tensor([asking, sum(part.training for part in module.modules())], dtype=torch.float64)


def optimizer_of(module: nn.Module, rate: float) -> Optimizer:
    """Gradient descent with half the rate for biases, which tells it from one that the learner makes."""
    weights = [parameter for parameter in module.parameters() if parameter.ndim > 1]
    biases = [parameter for parameter in module.parameters() if parameter.ndim == 1]
    groups: list[dict[str, Any]] = [{"params": weights}, {"params": biases, "lr": rate / 2}]
    return SGD(groups, lr=rate)


def _gradient(parameter: nn.Parameter) -> Tensor:
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad.detach()


def observe_critic_step(
    function: Step, real: Tensor, z: Tensor, generator_weight: Tensor, critic_weights: Tensor, rate: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The critic's weights, the generator's weights and gradients after one call, and whether it can learn."""
    generator, critic = players(generator_weight, critic_weights)
    plant_gradients(critic)
    function(generator, critic, optimizer_of(critic, rate), real, z)
    return weights_of(critic), weights_of(generator), gradients_of(generator), learning(generator)


def observe_generator_step(
    function: Step, z: Tensor, generator_weight: Tensor, critic_weights: Tensor, rate: float
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The generator's weights, the critic's weights, the critic's gradients, and whether it can go on learning."""
    generator, critic = players(generator_weight, critic_weights)
    plant_gradients(generator)
    function(generator, critic, optimizer_of(generator, rate), z)
    return weights_of(generator), weights_of(critic), gradients_of(critic), learning(critic)


def observe_training_step(
    function: Step,
    reals: Tensor,
    noises: Tensor,
    generator_weight: Tensor,
    critic_weights: Tensor,
    critic_rate: float,
    generator_rate: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The critic's weights and the generator's after one call, and how many parameters of either ask for gradients."""
    generator, critic = players(generator_weight, critic_weights)
    plant_gradients(generator)
    plant_gradients(critic)
    optimizers = optimizer_of(generator, generator_rate), optimizer_of(critic, critic_rate)
    function(generator, critic, *optimizers, reals, noises)
    return weights_of(critic), weights_of(generator), learning(critic)[0], learning(generator)[0]
