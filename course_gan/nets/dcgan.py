r"""DCGAN: strided convolutions in place of pooling, no fully connected hidden layers, batch normalization in both nets.

All kernels that change the resolution are 4×4 with stride 2 and padding 1.  The stride divides the kernel, so every
pixel of a transposed convolution receives the same number of contributions, and no checkerboard is built in (Odena,
Dumoulin and Olah, Deconvolution and checkerboard artifacts, 2016).

| size | maps of the generator, top to bottom | widths, in units of `width` |
|---|---|---|
| 28 | 7, 14, 28 | 2, 1 |
| 32 | 4, 8, 16, 32 | 4, 2, 1 |
| 64 | 4, 8, 16, 32, 64 | 8, 4, 2, 1 |
"""

from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.nets.checks import require_counts, require_event, require_latent, require_size
from course_gan.nets.initialization import initialize_, spared
from course_gan.nets.layout import linear_of_map, unflatten_map
from course_gan.nets.minibatch import minibatch_layer
from course_gan.nets.normalization import IMAGE_NORMS, generator_norm, modulated, normalization, plain
from course_gan.penalties import spectral_norm_
from course_gan.piecewise import leaky_relu

__all__ = ["DCGANCritic", "DCGANGenerator"]


class DCGANGenerator(nn.Module):
    r"""From z (n, latent) to images (n, channels, size, size) in [-1, 1]: project, then double the side repeatedly.

    A linear map makes the first map (a transposed convolution on one pixel, written as what it is); then
    normalization, ReLU and a transposed convolution for each doubling; tanh at the end.  `norm` is "batch", "none",
    "layer", "instance", "virtual" or "self-modulated".

    Parameters: `latent * start**2 * widths[0] + sum(16 * a * b for a, b in pairwise([*widths, channels])) +
    shifts(norm) * sum(widths) + channels` = 759,681 for `DCGANGenerator(28)`, except that the first map has as many
    biases as numbers if norm is "none", and a self-modulated layer has its own count.
    Initialization: `initialize_`, N(0, 0.02²), scales N(1, 0.02²), biases 0.

    Reference: Radford, Metz and Chintala, Unsupervised representation learning with DCGANs, 2016, §3.

    >>> DCGANGenerator(28)(torch.randn(5, 100)).shape
    torch.Size([5, 1, 28, 28])
    """

    def __init__(
        self,
        size: int = 28,
        channels: int = 1,
        latent: int = 100,
        width: int = 64,
        *,
        norm: str = "batch",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(channels=channels, latent=latent, width=width)
        self.start, doublings = require_size(size)
        self.size, self.channels, self.latent, self.norm = size, channels, latent, norm
        self.widths = [width * 2**i for i in reversed(range(doublings))]
        with spared(rng):
            self.norms = nn.ModuleList(generator_norm(norm, width, latent) for width in self.widths)
            self.project = nn.Linear(latent, self.widths[0] * self.start**2, bias=norm == "none")
            self.ups = nn.ModuleList(
                nn.ConvTranspose2d(a, b, kernel_size=4, stride=2, padding=1, bias=norm == "none" or i == doublings)
                for i, (a, b) in enumerate(pairwise([*self.widths, channels]), 1)
            )
        initialize_(self, rng=rng)

    def forward(
        self, z: Float[Tensor, "n {self.latent}"]
    ) -> Float[Tensor, "n {self.channels} {self.size} {self.size}"]:
        shape = (self.widths[0], self.start, self.start)
        h = unflatten_map(self.project(require_latent(z, self.latent)), shape, self.ups[0])
        for norm, up in zip(self.norms, self.ups):
            h = up(torch.relu(modulated(norm, h, z)))
        return torch.tanh(h)


class DCGANCritic(nn.Module):
    r"""From images (n, channels, size, size) to raw scores (n,): halve the side until the generator's first map.

    Convolution, normalization (none after the first layer) and leaky ReLU of slope 0.2 for each halving; then a linear
    map of what is left (a convolution over the whole map).  `norm` is "batch", "none", "layer", "instance", "virtual"
    or "spectral"; take one that does not mix samples when the loss has a gradient penalty.  `minibatch` ("none",
    "std", "discrimination") compares the samples of a batch before the last layer.

    Parameters: `sum(16 * a * b for a, b in pairwise([channels, *widths])) + widths[0] + shifts(norm) *
    sum(widths[1:]) + widths[-1] * start**2 + 1` = 138,689 for `DCGANCritic(28)`.
    Initialization: `initialize_`, N(0, 0.02²), scales N(1, 0.02²), biases 0.

    Reference: Radford, Metz and Chintala, Unsupervised representation learning with DCGANs, 2016, §3.

    >>> DCGANCritic(28)(torch.randn(5, 1, 28, 28)).shape
    torch.Size([5])
    """

    def __init__(
        self,
        size: int = 28,
        channels: int = 1,
        width: int = 64,
        *,
        norm: str = "batch",
        minibatch: str = "none",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(channels=channels, width=width)
        self.start, halvings = require_size(size)
        self.size, self.channels, self.norm = size, channels, norm
        self.widths = [width * 2**i for i in range(halvings)]
        added = plain(norm)
        with spared(rng):
            self.downs = nn.ModuleList(
                nn.Conv2d(a, b, kernel_size=4, stride=2, padding=1, bias=added == "none" or i == 0)
                for i, (a, b) in enumerate(pairwise([channels, *self.widths]))
            )
            self.norms = nn.ModuleList(
                normalization(IMAGE_NORMS, added if i else "none", width) for i, width in enumerate(self.widths)
            )
            self.minibatch, features = minibatch_layer(minibatch, self.widths[-1] * self.start**2, rng)
            self.last = nn.Linear(features, 1)
        initialize_(self, rng=rng)
        if norm == "spectral":
            spectral_norm_(self)

    def forward(self, x: Float[Tensor, "n {self.channels} {self.size} {self.size}"]) -> Float[Tensor, " n"]:
        h = require_event(x, (self.channels, self.size, self.size))
        for down, norm in zip(self.downs, self.norms):
            h = leaky_relu(norm(down(h)), 0.2)
        if isinstance(self.minibatch, nn.Identity):
            return linear_of_map(self.last, h).squeeze(1)
        scores: Tensor = self.last(self.minibatch(h.flatten(1))).squeeze(1)
        return scores
