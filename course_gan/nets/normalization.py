r"""Normalizations by name, and batch normalization whose gain and bias depend on something: a class, or z itself.

Batch normalization takes mean and variance of each channel over batch and pixels,
$y = \gamma \frac{x - \mu}{\sqrt{\sigma^2 + \epsilon}} + \beta$, so that in training mode the output of a sample depends
on the whole batch: a penalty on the critic's gradient, meant per sample, is then no longer what its formula says.
`"layer"` and `"instance"` normalize each sample by itself and do not mix.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.inputs import choose
from course_gan.nets.checks import require_channels, require_counts, require_event, require_one_each
from course_gan.nets.initialization import he_, spared
from course_gan.nets.virtual import VirtualBatchNorm

__all__ = ["IMAGE_NORMS", "POINT_NORMS", "ConditionalBatchNorm", "SelfModulatedBatchNorm"]

# Arguments by name: BatchNorm2d(n, 0.8) would set eps, a Keras momentum ported by position.
IMAGE_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda channels: nn.Identity(),
    "batch": lambda channels: nn.BatchNorm2d(channels),
    "layer": lambda channels: nn.GroupNorm(num_groups=1, num_channels=channels),
    "instance": lambda channels: nn.InstanceNorm2d(channels),
    "virtual": lambda channels: VirtualBatchNorm(channels),
}
POINT_NORMS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda features: nn.Identity(),
    "batch": lambda features: nn.BatchNorm1d(features),
    "layer": lambda features: nn.LayerNorm(features),
    "virtual": lambda features: VirtualBatchNorm(features),
}


def normalization(table: dict[str, Callable[[int], nn.Module]], name: str, channels: int) -> nn.Module:
    """The layer `name` of a table, for that many channels."""
    return choose(table, name, "normalization")(channels)


def plain(name: str) -> str:
    """The layers that a critic's `norm` asks for: "spectral" changes weights and adds none."""
    return "none" if name == "spectral" else name


def shifts(name: str) -> int:
    """Parameters for each channel of a layer so normalized: gain and bias, or only a bias, or none.

    A layer in front of a normalization has no bias: the mean is subtracted, and the bias would get no gradient.
    """
    return {"none": 1, "spectral": 1, "instance": 0}.get(name, 2)


class ConditionalBatchNorm(nn.Module):
    r"""Batch normalization with gain $1 + U c$ and bias $V c$, linear in a condition c: a class embedding, z, or both.

    c is (n, condition).  For classes, embed the labels first; BigGAN shares one embedding among all layers and appends
    a chunk of z.

    Parameters: `2 * channels * condition` = 8,192 for `ConditionalBatchNorm(64, 64)`.
    Initialization: U and V by `he_` with gain 0.02 (the networks of the package draw them anew).

    Reference: de Vries et al., Modulating early visual processing by language, 2017, §3; Brock, Donahue and Simonyan,
    BigGAN, 2019, §3 and Appendix B.

    >>> ConditionalBatchNorm(8, 5)(torch.randn(4, 8, 7, 7), torch.randn(4, 5)).shape
    torch.Size([4, 8, 7, 7])
    """

    def __init__(self, channels: int, condition: int, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        require_counts(channels=channels, condition=condition)
        self.channels, self.condition = channels, condition
        with spared(rng):
            self.normalize = nn.BatchNorm2d(channels, affine=False)
            self.gain = nn.Linear(condition, channels, bias=False)
            self.bias = nn.Linear(condition, channels, bias=False)
        he_(self, 0.02, rng=rng)

    def forward(
        self, x: Float[Tensor, "n {self.channels} h w"], condition: Float[Tensor, "n {self.condition}"]
    ) -> Float[Tensor, "n {self.channels} h w"]:
        x = require_channels(x, self.channels)
        condition = require_event(condition, (self.condition,), "condition")
        require_one_each(x, condition, "condition")
        gain, bias = self.gain(condition)[..., None, None], self.bias(condition)[..., None, None]
        result: Tensor = (1 + gain) * self.normalize(x) + bias
        return result


class SelfModulatedBatchNorm(nn.Module):
    r"""Batch normalization with gain $1 + U h$ and bias $V h$, where $h = \max(0, A z + b)$: z enters at every layer.

    z is (n, latent), and h has `hidden` units.  No labels are needed.  U and V have biases of their own.

    Parameters: `hidden * (latent + 1) + 2 * channels * (hidden + 1)` = 7,456 for `SelfModulatedBatchNorm(64, 100)`.
    Initialization: A by `he_`; U and V so small (gain 0.02) that the layer begins as plain batch normalization.

    Reference: Chen, Lucic, Houlsby and Gelly, On self modulation for generative adversarial networks, 2019, §2
    (gain there without the 1, which is here so that small weights mean a small change; 32 hidden units as there).

    >>> SelfModulatedBatchNorm(8, 100)(torch.randn(4, 8, 7, 7), torch.randn(4, 100)).shape
    torch.Size([4, 8, 7, 7])
    """

    def __init__(self, channels: int, latent: int, hidden: int = 32, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        require_counts(channels=channels, latent=latent, hidden=hidden)
        self.channels, self.latent, self.hidden = channels, latent, hidden
        with spared(rng):
            self.normalize = nn.BatchNorm2d(channels, affine=False)
            self.embed = nn.Linear(latent, hidden)
            self.gain, self.bias = nn.Linear(hidden, channels), nn.Linear(hidden, channels)
        he_(self.embed, rng=rng)
        he_(self.gain, 0.02, rng=rng)
        he_(self.bias, 0.02, rng=rng)

    def forward(
        self, x: Float[Tensor, "n {self.channels} h w"], z: Float[Tensor, "n {self.latent}"]
    ) -> Float[Tensor, "n {self.channels} h w"]:
        x, z = require_channels(x, self.channels), require_event(z, (self.latent,), "z")
        require_one_each(x, z, "z")
        h = torch.relu(self.embed(z))
        gain, bias = self.gain(h)[..., None, None], self.bias(h)[..., None, None]
        result: Tensor = (1 + gain) * self.normalize(x) + bias
        return result


def generator_norm(name: str, channels: int, latent: int) -> nn.Module:
    """The layer `name` for a generator: those for images, and `"self-modulated"`."""
    table = IMAGE_NORMS | {"self-modulated": lambda channels: SelfModulatedBatchNorm(channels, latent)}
    return normalization(table, name, channels)


def modulated(norm: nn.Module, x: Tensor, condition: Tensor | None) -> Tensor:
    """Normalize `x`; a layer that depends on a condition (z, a class) is shown it."""
    conditional = isinstance(norm, ConditionalBatchNorm | SelfModulatedBatchNorm)
    normalized: Tensor = norm(x, condition) if conditional else norm(x)
    return normalized
