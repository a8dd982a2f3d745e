"""Small networks that the harnesses of this chapter build from plain tensors."""

import torch
from torch import Tensor, nn


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
