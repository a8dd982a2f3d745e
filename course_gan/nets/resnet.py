r"""Residual networks of WGAN-GP and SNGAN: a chain of `UpBlock`s, a chain of `DownBlock`s.

All maps have the same width, as on CIFAR-10 in both papers.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.inputs import choose
from course_gan.nets.checks import HALVINGS, require_counts, require_event, require_latent, require_size
from course_gan.nets.initialization import he_, spared
from course_gan.nets.layout import unflatten_map
from course_gan.nets.minibatch import minibatch_layer
from course_gan.nets.normalization import IMAGE_NORMS, generator_norm, modulated
from course_gan.nets.residual import DownBlock, UpBlock
from course_gan.penalties import spectral_norm_
from course_gan.piecewise import relu

__all__ = ["ResNetCritic", "ResNetGenerator"]


def residual_(network: nn.Module, rng: torch.Generator | None) -> nn.Module:
    """He's weights where a ReLU stands in front, gain 1 where none does: the skips, the first layer and the last."""
    he_(network, rng=rng)
    for name, layer in network.named_modules():
        if name.endswith("skip") or name in ("project", "last"):
            he_(layer, 1.0, rng=rng)
    return network


class ResNetGenerator(nn.Module):
    r"""From z (n, latent) to images (n, channels, size, size) in [-1, 1]: a linear map, `UpBlock`s, a last convolution.

    `norm` is "batch", "none", "layer", "instance", "virtual" or "self-modulated".

    Parameters: `(latent + 1) * start**2 * width + ups * (19 * width**2 + 2 * shifts(norm) * width) + (norm != "none")
    * shifts(norm) * width + (9 * width + 1) * channels` = 561,409 for `ResNetGenerator(28)`; a self-modulated layer
    has its own count.
    Initialization: `he_`; gain 1 for the first and last layers and the skips, biases 0, scales 1.

    Reference: Gulrajani et al., Improved training of Wasserstein GANs, 2017, appendix (residual networks).

    >>> ResNetGenerator(28)(torch.randn(5, 128)).shape
    torch.Size([5, 1, 28, 28])
    """

    def __init__(
        self,
        size: int = 28,
        channels: int = 1,
        latent: int = 128,
        width: int = 64,
        *,
        norm: str = "batch",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(channels=channels, latent=latent, width=width)
        self.start, self.ups = require_size(size)
        self.size, self.channels, self.latent, self.width, self.norm = size, channels, latent, width, norm

        def norms(channels: int) -> nn.Module:
            return generator_norm(norm, channels, latent)

        with spared(rng):
            self.project = nn.Linear(latent, width * self.start**2)
            self.blocks = nn.ModuleList(
                UpBlock(width, width, None if norm == "none" else norms) for _ in range(self.ups)
            )
            self.norm_last = norms(width)
            self.last = nn.Conv2d(width, channels, kernel_size=3, padding=1)
        residual_(self, rng)

    def forward(
        self, z: Float[Tensor, "n {self.latent}"]
    ) -> Float[Tensor, "n {self.channels} {self.size} {self.size}"]:
        shape = (self.width, self.start, self.start)
        h = unflatten_map(self.project(require_latent(z, self.latent)), shape, self.last)
        for block in self.blocks:
            h = block(h, z)
        return torch.tanh(self.last(torch.relu(modulated(self.norm_last, h, z))))


class ResNetCritic(nn.Module):
    r"""From images (n, channels, size, size) to raw scores (n,): `DownBlock`s, two more at one size, mean, linear map.

    28 goes down to 7×7, 32 and 64 to 8×8.  `norm` is "none" (the default: WGAN-GP), "layer", "instance",
    "batch", "virtual" or "spectral".  `minibatch` ("none", "std", "discrimination") compares the samples of a batch
    before the last layer.

    Parameters: `19 * width**2 * (blocks - 1) + 9 * width**2 + 10 * channels * width + shifts(norm) * width *
    (2 * blocks - (norm not in ("none", "spectral"))) + width + 1` = 271,553 for `ResNetCritic(28)`.
    Initialization: `he_`; gain 1 for the skips and the last layer, biases 0, scales 1.

    Reference: Gulrajani et al., Improved training of Wasserstein GANs, 2017, appendix (residual networks); Miyato
    et al., Spectral normalization for GANs, 2018, appendix (residual networks).

    >>> ResNetCritic(28)(torch.randn(5, 1, 28, 28)).shape
    torch.Size([5])
    """

    def __init__(
        self,
        size: int = 28,
        channels: int = 1,
        width: int = 64,
        *,
        norm: str = "none",
        minibatch: str = "none",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(channels=channels, width=width)
        require_size(size)
        self.size, self.channels, self.width, self.norm = size, channels, width, norm
        halvings = HALVINGS[size]
        self.blocks = halvings + 2
        norms = None if norm in ("none", "spectral") else choose(IMAGE_NORMS, norm, "normalization")
        with spared(rng):
            first = DownBlock(channels, width, norms, first=True)
            rest = (DownBlock(width, width, norms, down=i < halvings) for i in range(1, self.blocks))
            self.body = nn.Sequential(first, *rest)
            self.minibatch, features = minibatch_layer(minibatch, width, rng)
            self.last = nn.Linear(features, 1)
        residual_(self, rng)
        if norm == "spectral":
            spectral_norm_(self)

    def forward(self, x: Float[Tensor, "n {self.channels} {self.size} {self.size}"]) -> Float[Tensor, " n"]:
        h = relu(self.body(require_event(x, (self.channels, self.size, self.size))))
        scores: Tensor = self.last(self.minibatch(h.mean((2, 3)))).squeeze(1)
        return scores
