r"""Residual blocks: a correction is added to a resized copy of the input.

Up-sampling repeats pixels (nearest neighbor), down-sampling averages 2×2 of them; no strided convolution, hence no
checkerboard.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from course_gan.nets.checks import require_channels, require_counts
from course_gan.nets.normalization import IMAGE_NORMS, modulated
from course_gan.piecewise import relu

__all__ = ["DownBlock", "UpBlock"]


def double(x: Tensor) -> Tensor:
    """Each pixel becomes 2×2 equal ones."""
    return interpolate(x, scale_factor=2.0, mode="nearest")


class UpBlock(nn.Module):
    r"""$\mathrm{skip}(x) + \mathrm{conv}(\phi(\mathrm{conv}(\mathrm{up}(\phi(x)))))$ with φ = ReLU after the norm.

    (n, inputs, h, w) becomes (n, outputs, 2h, 2w).  The skip is a 1×1 convolution, taken before the doubling: the two
    commute, and so it costs a quarter.  `norms` makes a normalization for a number of channels, and then no
    convolution has a bias, which the norms would subtract; what they need besides x (z, a class) is the `condition`.

    Parameters: `10 * inputs * outputs + 9 * outputs**2 + 2 * outputs` = 77,952 for `UpBlock(64, 64)`; with
    normalizations theirs in place of the last term.  Initialization: torch's; the networks draw anew.

    Reference: Gulrajani et al., Improved training of Wasserstein GANs, 2017, appendix (residual networks).

    >>> UpBlock(8, 4)(torch.randn(5, 8, 7, 7)).shape
    torch.Size([5, 4, 14, 14])
    """

    def __init__(self, inputs: int, outputs: int, norms: Callable[[int], nn.Module] | None = None) -> None:
        super().__init__()
        require_counts(inputs=inputs, outputs=outputs)
        self.inputs, self.outputs = inputs, outputs
        biased, norms = norms is None, norms or IMAGE_NORMS["none"]
        self.norm1, self.norm2 = norms(inputs), norms(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=biased)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=biased)
        self.skip = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)  # the bias of conv2 does for both

    def forward(
        self, x: Float[Tensor, "n {self.inputs} h w"], condition: Float[Tensor, "n _"] | None = None
    ) -> Float[Tensor, "n {self.outputs} 2*h 2*w"]:
        x = require_channels(x, self.inputs)
        h = self.conv1(double(torch.relu(modulated(self.norm1, x, condition))))
        h = self.conv2(torch.relu(modulated(self.norm2, h, condition)))
        sum_: Tensor = h + double(self.skip(x))
        return sum_


class DownBlock(nn.Module):
    r"""$\mathrm{skip}(x) + \mathrm{down}(\mathrm{conv}(\phi(\mathrm{conv}(\phi(x)))))$ with φ = ReLU after the norm.

    (n, inputs, h, w) becomes (n, outputs, h/2, w/2), or keeps its sides if `down` is False.  The `first` block of a
    critic does without the inner φ and the norm before the first convolution: an image is no activation.  The skip is a
    1×1 convolution after the averaging (the two commute).

    Parameters: `10 * inputs * outputs + 9 * outputs**2 + 2 * outputs` = 77,952 for `DownBlock(64, 64)`; with
    normalizations theirs in place of the last term.  Initialization: torch's; the networks draw anew.

    Reference: Gulrajani et al., Improved training of Wasserstein GANs, 2017, appendix (residual networks); Miyato
    et al., Spectral normalization for GANs, 2018, appendix (residual networks).

    >>> DownBlock(4, 8)(torch.randn(5, 4, 14, 14)).shape
    torch.Size([5, 8, 7, 7])
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        norms: Callable[[int], nn.Module] | None = None,
        *,
        down: bool = True,
        first: bool = False,
    ) -> None:
        super().__init__()
        require_counts(inputs=inputs, outputs=outputs)
        self.inputs, self.outputs, self.down, self.first = inputs, outputs, down, first
        biased, norms = norms is None, norms or IMAGE_NORMS["none"]
        self.norm1, self.norm2 = nn.Identity() if first else norms(inputs), norms(outputs)
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, padding=1, bias=biased)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=biased)
        self.skip = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)  # the bias of conv2 does for both

    def forward(self, x: Float[Tensor, "n {self.inputs} h w"]) -> Float[Tensor, "n {self.outputs} _ _"]:
        x = require_channels(x, self.inputs)
        if self.down and (x.shape[2] % 2 or x.shape[3] % 2):
            raise ValueError(f"x has shape {tuple(x.shape)}; wanted even sides, which can be halved. Pad or crop it.")
        h = x if self.first else relu(self.norm1(x))
        h = self.conv2(relu(self.norm2(self.conv1(h))))
        if self.down:
            h, x = avg_pool2d(h, kernel_size=2), avg_pool2d(x, kernel_size=2)
        skipped: Tensor = self.skip(x)
        return h + skipped
