"""Price lists, two small networks made of numbers, and what is seen of them after a step; no reference is in here."""

from collections.abc import Callable
from math import inf, log
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

Function = Callable[[Tensor], Tensor]
CriticStep = Callable[[nn.Module, nn.Module, Optimizer, Tensor, Tensor], None]
GeneratorStep = Callable[[nn.Module, nn.Module, Optimizer, Optimizer, Tensor], None]


class Prices(NamedTuple):
    """A convex f for ratios u > 0, with its limits f(0) and f'(infinity)."""

    f: Callable[[Tensor], Tensor]
    at_zero: float
    slope_at_infinity: float


PRICES = {
    "kl": Prices(lambda u: u * u.log(), 0.0, inf),
    "reverse-kl": Prices(lambda u: -u.log(), inf, 0.0),
    "pearson": Prices(lambda u: (u - 1) ** 2, 1.0, inf),
    "neyman": Prices(lambda u: (1 - u) ** 2 / u, inf, 1.0),
    "squared-hellinger": Prices(lambda u: (u.sqrt() - 1) ** 2, 1.0, 1.0),
    "jensen-shannon": Prices(lambda u: u * u.log() - (u + 1) * ((1 + u) / 2).log(), log(2), log(2)),
}


def linear(weight: Tensor, bias: Tensor) -> nn.Linear:
    """A linear layer of the given numbers."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], dtype=weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
        layer.bias.copy_(bias)
    return layer


def players(
    critic_weight: Tensor, critic_bias: Tensor, generator_weight: Tensor, generator_bias: Tensor
) -> tuple[nn.Module, nn.Module]:
    """A critic (n, d) -> (n,) and a generator (n, latent) -> (n, d), both linear."""
    critic = nn.Sequential(linear(critic_weight, critic_bias), nn.Flatten(0))
    return critic, linear(generator_weight, generator_bias)


def numbers(module: nn.Module) -> Tensor:
    """All parameters in one row."""
    return torch.cat([parameter.detach().flatten() for parameter in module.parameters()])


def gradients(module: nn.Module) -> Tensor:
    """All gradients in one row, 0 where there is none."""
    parts = [torch.zeros_like(p) if p.grad is None else p.grad for p in module.parameters()]
    return torch.cat([part.flatten() for part in parts])


def trainable(*modules: nn.Module) -> Tensor:
    """For each parameter 1 if it requires a gradient: 0 if it was frozen and left so."""
    return torch.tensor(
        [float(parameter.requires_grad) for module in modules for parameter in module.parameters()], dtype=torch.float64
    )


def observe_critic_step(
    function: CriticStep,
    critic_weight: Tensor,
    critic_bias: Tensor,
    generator_weight: Tensor,
    generator_bias: Tensor,
    real: Tensor,
    z: Tensor,
    rate: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The critic's parameters after the step, the generator's, their gradients, and which can still be trained."""
    critic, generator = players(critic_weight, critic_bias, generator_weight, generator_bias)
    optimizer = SGD(critic.parameters(), lr=rate)
    for parameter in critic.parameters():
        parameter.grad = torch.ones_like(parameter)  # left over from the generator's step
    function(critic, generator, optimizer, real, z)
    return numbers(critic), numbers(generator), gradients(generator), trainable(critic, generator)


def observe_generator_step(
    function: GeneratorStep,
    critic_weight: Tensor,
    critic_bias: Tensor,
    generator_weight: Tensor,
    generator_bias: Tensor,
    z: Tensor,
    rate: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The generator's parameters after the step, the critic's, and which of them can still be trained."""
    critic, generator = players(critic_weight, critic_bias, generator_weight, generator_bias)
    optimizers = SGD(critic.parameters(), lr=2 * rate), SGD(generator.parameters(), lr=rate)
    for parameter in (*critic.parameters(), *generator.parameters()):
        parameter.grad = torch.ones_like(parameter)  # left over from before
    function(critic, generator, *optimizers, z)
    return numbers(generator), numbers(critic), trainable(critic, generator)


def call_f_divergence(function: Callable[..., Any], f: str, p: Tensor, q: Tensor) -> Any:
    """The learner's divergence, by a price list and its two ends."""
    return function(*PRICES[f], p, q)


def call_swapped(function: Callable[[Function], Function], f: str, u: Tensor) -> Tensor:
    """The learner's f° of a price list, at the ratios u."""
    return function(PRICES[f].f)(u)
