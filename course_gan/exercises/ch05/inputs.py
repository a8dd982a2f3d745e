"""What the exercises of this chapter share: price lists, their ends, scores, and two small networks made of numbers."""

from collections.abc import Callable
from math import inf, log
from typing import NamedTuple

import torch
from torch import Tensor, nn

SINGLE, DOUBLE = torch.float32, torch.float64


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


def scores(generator: torch.Generator, n: int, low: float, high: float, dtype: torch.dtype = DOUBLE) -> Tensor:
    """n random raw scores between two numbers."""
    return (low + (high - low) * torch.rand(n, generator=generator, dtype=DOUBLE)).to(dtype)


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
    return torch.tensor([float(parameter.requires_grad) for module in modules for parameter in module.parameters()])
