r"""The three players of BiGAN: G makes x from z, E finds z for x, and D judges pairs, (x, E(x)) against (G(z), z)."""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.nets.checks import require_counts, require_event, require_latent, require_shape, require_sizes, volume
from course_gan.nets.mlp import MLP, MLPGenerator

__all__ = ["BiGANCritic", "BiGANEncoder", "BiGANGenerator"]


class BiGANGenerator(MLPGenerator):
    r"""G: z (n, latent) to x (n, *shape); an `MLPGenerator` with batch normalization.

    Parameters: `count((latent, *hidden, volume(shape)), norm)` = 691,984 for `BiGANGenerator()`, where count is that
    of `MLP`.  Initialization: that of `MLP`.

    Reference: Donahue, Krähenbühl and Darrell, Adversarial feature learning, 2017, §4, permutation-invariant MNIST
    (1024-1024 there).

    >>> BiGANGenerator()(torch.randn(3, 50)).shape
    torch.Size([3, 1, 28, 28])
    """

    def __init__(
        self,
        latent: int = 50,
        shape: Sequence[int] = (1, 28, 28),
        hidden: Sequence[int] = (512, 512),
        *,
        activation: str = "relu",
        norm: str = "batch",
        output: str | None = None,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__(latent, shape, hidden, activation=activation, norm=norm, output=output, rng=rng)


class BiGANEncoder(nn.Module):
    r"""E: x (n, *shape) to z (n, latent), unbounded.  `features` gives the last hidden layer, which the paper scores.

    Parameters: `count((volume(shape), *hidden, latent), norm)` = 691,250 for `BiGANEncoder()`, where count is that of
    `MLP`.  Initialization: that of `MLP`.

    Reference: Donahue, Krähenbühl and Darrell, Adversarial feature learning, 2017, §3 and §4.

    >>> BiGANEncoder()(torch.randn(3, 1, 28, 28)).shape
    torch.Size([3, 50])
    """

    def __init__(
        self,
        latent: int = 50,
        shape: Sequence[int] = (1, 28, 28),
        hidden: Sequence[int] = (512, 512),
        *,
        activation: str = "leaky-relu",
        norm: str = "batch",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(latent=latent)
        self.latent, self.shape, self.hidden = latent, require_shape(shape), require_sizes(hidden)
        self.norm = norm
        self.layers = MLP((volume(self.shape), *self.hidden, latent), activation, norm=norm, rng=rng)

    def features(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n features"]:
        """The last hidden layer, (n, hidden[-1])."""
        return self.layers.features(require_event(x, self.shape).flatten(1))

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n {self.latent}"]:
        z: Tensor = self.layers.last(self.features(x))
        return z


class BiGANCritic(nn.Module):
    r"""D: pairs x (n, *shape) and z (n, latent) to raw scores (n,), from the first layer on of both together.

    Parameters: `count((volume(shape) + latent, *hidden, 1), norm)` = 690,689 for `BiGANCritic()`, where count is that
    of `MLP`.  Initialization: that of `MLP`.

    Reference: Donahue, Krähenbühl and Darrell, Adversarial feature learning, 2017, §3.

    >>> BiGANCritic()(torch.randn(3, 1, 28, 28), torch.randn(3, 50)).shape
    torch.Size([3])
    """

    def __init__(
        self,
        latent: int = 50,
        shape: Sequence[int] = (1, 28, 28),
        hidden: Sequence[int] = (512, 512),
        *,
        activation: str = "leaky-relu",
        norm: str = "none",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(latent=latent)
        self.latent, self.shape, self.hidden = latent, require_shape(shape), require_sizes(hidden)
        self.norm = norm
        self.layers = MLP((volume(self.shape) + latent, *self.hidden, 1), activation, norm=norm, rng=rng)

    def forward(self, x: Float[Tensor, "n ..."], z: Float[Tensor, "n {self.latent}"]) -> Float[Tensor, " n"]:
        x, z = require_event(x, self.shape), require_latent(z, self.latent)
        if len(x) != len(z):
            raise ValueError(f"x has {len(x)} samples and z {len(z)}; wanted pairs, one z for each x.")
        scores: Tensor = self.layers(torch.cat([x.flatten(1), z], dim=1)).squeeze(1)
        return scores
