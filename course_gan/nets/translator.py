r"""CycleGAN's networks: a translator from images to images of the same size, and a critic that judges patches."""

from itertools import pairwise
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.inputs import choose
from course_gan.nets.checks import require_channels, require_counts
from course_gan.nets.initialization import initialize_, spared
from course_gan.nets.normalization import IMAGE_NORMS, normalization, plain
from course_gan.penalties import spectral_norm_
from course_gan.piecewise import LeakyReLU

__all__ = ["PatchCritic", "ResidualBlock", "Translator"]


class ResidualBlock(nn.Module):
    r"""$x + \mathrm{norm}(\mathrm{conv}(\phi(\mathrm{norm}(\mathrm{conv}(x)))))$: 3×3, reflected borders, one size.

    φ is ReLU and the norm that of instances.  (n, channels, h, w) with h and w of at least 2.

    Parameters: `18 * channels**2` = 73,728 for `ResidualBlock(64)` (no bias: the norm would subtract it).
    Initialization: torch's; `Translator` draws anew.

    Reference: Johnson, Alahi and Fei-Fei, Perceptual losses, 2016, supplement; Zhu et al., CycleGAN, 2017, appendix.

    >>> ResidualBlock(4)(torch.randn(2, 4, 7, 7)).shape
    torch.Size([2, 4, 7, 7])
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        require_counts(channels=channels)
        self.channels = channels
        self.layers = nn.Sequential(
            *_convolution(channels, channels, 3),
            nn.ReLU(),
            *_convolution(channels, channels, 3),
        )

    def forward(self, x: Float[Tensor, "n {self.channels} h w"]) -> Float[Tensor, "n {self.channels} h w"]:
        x = require_channels(x, self.channels)
        if min(x.shape[2:]) < 2:
            raise ValueError(f"x has shape {tuple(x.shape)}; wanted a height and a width of at least 2, to reflect.")
        change: Tensor = self.layers(x)
        return x + change


class Translator(nn.Module):
    r"""From images (n, channels, h, w) to images of the same shape in [-1, 1]; h and w multiples of 4, at least 8.

    A 7×7 convolution, two that halve the sides and double the width, residual blocks, two that double the sides, a
    7×7 convolution and tanh.  Instance normalization, borders reflected.  The sides are doubled by nearest neighbor and
    a 3×3 convolution: the transposed one of the paper, kernel 3 and stride 2, builds in a checkerboard.

    Parameters: `98 * channels * width + (9 * (2 + 8 + 8 + 2) + 288 * blocks) * width**2 + channels` = 1,072,193
    for `Translator()`.
    Initialization: `initialize_`, N(0, 0.02²), bias 0.

    Reference: Zhu, Park, Isola and Efros, Unpaired image-to-image translation using cycle-consistent adversarial
    networks, 2017, appendix (width 64 and 6 or 9 blocks there); Ulyanov et al., Instance normalization, 2016.

    >>> Translator()(torch.randn(2, 1, 28, 36)).shape
    torch.Size([2, 1, 28, 36])
    """

    def __init__(
        self, channels: int = 1, width: int = 32, blocks: int = 3, *, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        require_counts(channels=channels, width=width)
        require_counts(least=0, blocks=blocks)
        self.channels, self.width, self.blocks = channels, width, blocks
        with spared(rng):
            self.layers = nn.Sequential(
                *(*_convolution(channels, width, 7), nn.ReLU()),
                *(*_convolution(width, 2 * width, 3, stride=2), nn.ReLU()),
                *(*_convolution(2 * width, 4 * width, 3, stride=2), nn.ReLU()),
                *(ResidualBlock(4 * width) for _ in range(blocks)),
                *(nn.Upsample(scale_factor=2), *_convolution(4 * width, 2 * width, 3), nn.ReLU()),
                *(nn.Upsample(scale_factor=2), *_convolution(2 * width, width, 3), nn.ReLU()),
                nn.Conv2d(width, channels, kernel_size=7, padding=3, padding_mode="reflect"),
            )
        initialize_(self, rng=rng)

    def forward(self, x: Float[Tensor, "n {self.channels} h w"]) -> Float[Tensor, "n {self.channels} h w"]:
        x = require_channels(x, self.channels)
        if any(side % 4 or side < 8 for side in x.shape[2:]):
            raise ValueError(
                f"x has shape {tuple(x.shape)}; wanted a height and a width that are multiples of 4 and at least 8. "
                "Pad or crop the images."
            )
        return torch.tanh(self.layers(x))


def _convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> tuple[nn.Module, nn.Module]:
    """A convolution with reflected borders that keeps the sides (or divides them by the stride), and its norm."""
    convolution = nn.Conv2d(
        inputs, outputs, kernel, stride=stride, padding=kernel // 2, padding_mode="reflect", bias=False
    )
    return convolution, nn.InstanceNorm2d(outputs)


class PatchCritic(nn.Module):
    r"""From images (n, channels, h, w) to a map of raw scores (n, 1, h', w'): each score judges one patch.

    `layers` convolutions 4×4 of stride 2, one of stride 1 and a last one to one channel; leaky ReLU of slope 0.2;
    `norm` ("instance", "none", "batch", "layer", "virtual", "spectral") after all but the first and the last.  The side
    of a patch, `receptive_field`, is that of the convolutions; a norm over pixels lets the rest of the image in through
    its mean and variance.

    | layers | receptive field | h' of 28 | h' of 64 |
    |---|---|---|---|
    | 1 | 16 | 12 | 30 |
    | 2 | 34 | 5 | 14 |
    | 3 | 70 | 1 | 6 |

    Parameters: `sum(16 * a * b for a, b in pairwise([channels, *widths])) + widths[0] + shifts(norm) *
    sum(widths[1:]) + 16 * widths[-1] + 1` = 692,769 for `PatchCritic()`.
    Initialization: `initialize_`, N(0, 0.02²), scales N(1, 0.02²), biases 0.

    Reference: Isola, Zhu, Zhou and Efros, Image-to-image translation with conditional adversarial networks, 2017,
    §3.2.2 and §6.1.2; Zhu, Park, Isola and Efros, CycleGAN, 2017, appendix (width 64 there).

    >>> critic = PatchCritic(3)
    >>> critic.receptive_field, critic(torch.randn(2, 3, 64, 64)).shape
    (70, torch.Size([2, 1, 6, 6]))
    """

    def __init__(
        self,
        channels: int = 1,
        width: int = 32,
        layers: int = 3,
        *,
        norm: str = "instance",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(channels=channels, width=width, layers=layers)
        added = plain(norm)
        choose(IMAGE_NORMS, added, "normalization")
        self.channels, self.norm = channels, norm
        self.widths = [width * min(2**i, 8) for i in range(layers + 1)]  # at most eight times the first
        strides = [2] * layers + [1]
        with spared(rng):
            self.layers = nn.Sequential()
            for i, (a, b) in enumerate(pairwise([channels, *self.widths])):
                named = added if i else "none"
                self.layers.append(nn.Conv2d(a, b, 4, stride=strides[i], padding=1, bias=named == "none"))
                self.layers.append(normalization(IMAGE_NORMS, named, b))
                self.layers.append(LeakyReLU(0.2))
            self.layers.append(nn.Conv2d(self.widths[-1], 1, 4, padding=1))
        initialize_(self, rng=rng)
        if norm == "spectral":
            spectral_norm_(self)
        self.least = self._least_side()

    @property
    def receptive_field(self) -> int:
        """The side of the patch that one score sees, walking back from it: r becomes (r - 1) · stride + kernel."""
        field = 1
        for layer in reversed(self._convolutions()):
            field = (field - 1) * layer.stride[0] + layer.kernel_size[0]
        return field

    def forward(self, x: Float[Tensor, "n {self.channels} h w"]) -> Float[Tensor, "n 1 _ _"]:
        x = require_channels(x, self.channels)
        if min(x.shape[2:]) < self.least:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; wanted sides of at least {self.least}. "
                "Take fewer layers or larger images."
            )
        scores: Tensor = self.layers(x)
        return scores

    def _convolutions(self) -> list[nn.Conv2d]:
        return [layer for layer in self.layers if isinstance(layer, nn.Conv2d)]

    def _least_side(self) -> int:
        """The smallest image: one score, and before it a map of 2×2, where a variance exists.  Backwards as above."""
        side = 2
        for layer in reversed(self._convolutions()[:-1]):
            side = (side - 1) * layer.stride[0] + layer.kernel_size[0] - 2 * cast(int, layer.padding[0])
        return side
