"""Small networks made of plain tensors, and the calls of the exercises that need them; no reference is in here."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD

STEPS = 3  # the second step shows gradients that were left over, the third one that they are taken anew each time


def linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """A linear layer with these weights, of their own dtype."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, dtype=weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


class Told(nn.Module):
    """x = V tanh(W [z, c]): row by row, z (n, latent) and c (n, known) become (n, pixels)."""

    def __init__(self, hidden: Tensor, output: Tensor, latent: int) -> None:
        super().__init__()
        self.hidden, self.output, self.latent = linear(hidden), linear(output), latent

    def forward(self, z: Tensor, told: Tensor) -> Tensor:
        known = self.hidden.in_features - self.latent
        if z.ndim != 2 or told.ndim != 2 or z.shape[1] != self.latent or told.shape[1] != known or len(z) != len(told):
            raise ValueError(
                f"the generator got z of shape {tuple(z.shape)} and told of shape {tuple(told.shape)}; wanted "
                f"(rows, {self.latent}) and (rows, {known}), with as many rows in both."
            )
        x: Tensor = self.output(torch.tanh(self.hidden(torch.cat([z, told], 1))))
        return x


class Bend(nn.Module):
    """x = A (z + tanh z), one-to-one if A is: z (n, d) becomes (n, d)."""

    def __init__(self, matrix: Tensor) -> None:
        super().__init__()
        self.matrix = linear(matrix)

    def forward(self, z: Tensor) -> Tensor:
        if z.ndim != 2 or z.shape[1] != self.matrix.in_features:
            raise ValueError(
                f"the generator got z of shape {tuple(z.shape)}; wanted (rows, {self.matrix.in_features})."
            )
        x: Tensor = self.matrix(z + torch.tanh(z))
        return x


def call_many_futures(
    function: Callable[..., Any], z: Tensor, told: Tensor, hidden_weights: Tensor, output_weights: Tensor
) -> Any:
    """Build the generator from its weights, and let the function call it."""
    network = Told(hidden_weights, output_weights, z.shape[-1])
    return function(network, z, told)


def call_generator_density(function: Callable[..., Any], z: Tensor, matrix: Tensor) -> Any:
    """The generator A (z + tanh z) for this matrix A."""
    return function(Bend(matrix), z)


def call_regression_step(
    function: Callable[..., Any],
    past: Tensor,
    following: Tensor,
    hidden_weights: Tensor,
    hidden_bias: Tensor,
    output_weights: Tensor,
    rate: float,
) -> tuple[Any, ...]:
    """Train a small network for three steps, a third of the rows each; returns the losses and what it guesses then."""
    network = nn.Sequential(linear(hidden_weights, hidden_bias), nn.Tanh(), linear(output_weights))
    optimizer = SGD(network.parameters(), lr=rate, momentum=0.5)  # its memory tells it from one made anew each time
    parts = zip(past.chunk(STEPS), following.chunk(STEPS), strict=True)
    losses = [function(network, optimizer, *part) for part in parts]
    if any(loss is None for loss in losses):
        return None  # type: ignore[return-value]
    with torch.no_grad():
        weights = torch.cat([parameter.flatten() for parameter in network.parameters()])
    return (*losses, weights)
