"""Two players that are told something, as rows of any shape: the networks of chapter 1, which see a film so far."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_gan.nets import MLP


class ToldGenerator(nn.Module):
    r"""From z (n, latent) and what is given (n, *given) to samples (n, *shape) in [-1, 1].

    An MLP of the sum $W_z z + W_c c$, each with the weights of a first layer of its own: in one layer of both, the few
    entries of z would drown in the many of c, and the generator would learn to do without z.

    >>> ToldGenerator(4, (1, 16, 16), (3, 16, 16))(torch.randn(2, 4), torch.randn(2, 3, 16, 16)).shape
    torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        given: Sequence[int],
        hidden: Sequence[int] = (256, 256),
        *,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.latent, self.shape = latent, tuple(shape)
        self.of_z = MLP((latent, hidden[0]), rng=rng)
        self.of_told = MLP((math.prod(given), hidden[0]), rng=rng)
        self.layers = MLP((*hidden, math.prod(shape)), output="tanh", rng=rng)

    def forward(self, z: Tensor, told: Tensor) -> Tensor:
        x: Tensor = self.layers(torch.relu(self.of_z(z) + self.of_told(told.flatten(1))))
        return x.reshape(-1, *self.shape)


class ToldCritic(nn.Module):
    r"""From samples (n, *shape) and what is given (n, *given) to raw scores (n,): an MLP of both together.

    >>> ToldCritic((1, 16, 16), (3, 16, 16))(torch.randn(2, 1, 16, 16), torch.randn(2, 3, 16, 16)).shape
    torch.Size([2])
    """

    def __init__(
        self,
        shape: Sequence[int],
        given: Sequence[int],
        hidden: Sequence[int] = (256, 256),
        *,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.layers = MLP((math.prod(shape) + math.prod(given), *hidden, 1), "leaky-relu", rng=rng)

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        scores: Tensor = self.layers(torch.cat([x.flatten(1), told.flatten(1)], 1))
        return scores.squeeze(1)
