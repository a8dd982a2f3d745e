r"""How the weights of a network are drawn, and how many there are.

The three ways to draw are functions over a whole network, which the constructors of this package *call*.  They draw
from `rng` where one is given, on its device and in float32, so that a seed gives the same network on every device;
otherwise from torch's global generator.  Biases become 0 in all three.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from course_gan.inputs import require_positive

__all__ = ["count_parameters", "he_", "initialize_", "orthogonal_"]


def initialize_(module: nn.Module, std: float = 0.02, *, rng: torch.Generator | None = None) -> nn.Module:
    r"""Draw the weights as DCGAN does: linear, convolution and embedding N(0, std²), normalization scales N(1, std²).

    The mean of the scales is 1: with the N(0, std²) of some copies, a normalized layer starts by erasing its input.
    Works in place, through the parametrization of a spectral norm as well, and returns the module.

    Reference: Radford, Metz and Chintala, Unsupervised representation learning with DCGANs, 2016, §4.

    >>> layer = initialize_(nn.Linear(1000, 1000), rng=torch.Generator().manual_seed(0))
    >>> layer.weight.std()
    tensor(0.0200, grad_fn=<StdBackward0>)
    """
    require_positive("std", std)
    return _draw(module, lambda weight: normal_(weight, std, rng), lambda scale: normal_(scale, std, rng, mean=1.0))


def he_(module: nn.Module, gain: float = math.sqrt(2), *, rng: torch.Generator | None = None) -> nn.Module:
    r"""Draw the weights from $N(0, \mathrm{gain}^2 / \mathrm{fan\ in})$; normalization scales become 1.

    With the gain √2 a ReLU layer keeps the mean square of its input; 5/3 suits tanh (`nn.init.calculate_gain`).
    The fan-in of a convolution is channels · kernel area, that of an embedding its own width.

    Reference: He, Zhang, Ren and Sun, Delving deep into rectifiers, 2015, §2.2.

    >>> layer = he_(nn.Linear(800, 1000), rng=torch.Generator().manual_seed(0))  # sqrt(2 / 800) is 0.05
    >>> layer.weight.std()
    tensor(0.0500, grad_fn=<StdBackward0>)
    """
    require_positive("gain", gain)
    return _draw(module, lambda weight: normal_(weight, gain / math.sqrt(weight[0].numel()), rng), nn.init.ones_)


def orthogonal_(module: nn.Module, gain: float = 1.0, *, rng: torch.Generator | None = None) -> nn.Module:
    r"""Draw the weights with orthonormal rows or columns, times `gain`: $W W^T = \mathrm{gain}^2 I$ if W is wide.

    A convolution counts as the matrix (outputs, inputs · kernel area).  Normalization scales become 1.

    Reference: Saxe, McClelland and Ganguli, Exact solutions to the nonlinear dynamics of learning in deep linear
    networks, 2014; Brock, Donahue and Simonyan, BigGAN, 2019, Appendix C (all weights of both players).

    >>> layer = orthogonal_(nn.Linear(3, 2), rng=torch.Generator().manual_seed(0))
    >>> torch.allclose(layer.weight @ layer.weight.T, torch.eye(2), atol=1e-6)
    True
    """
    require_positive("gain", gain)

    def draw(weight: Tensor) -> None:
        shape, device = (len(weight), weight[0].numel()), rng.device if rng else weight.device
        matrix = torch.empty(shape, dtype=torch.float32, device=device)
        weight.copy_(nn.init.orthogonal_(matrix, gain, rng).view_as(weight))

    return _draw(module, draw, nn.init.ones_)


def count_parameters(module: nn.Module) -> int:
    """How many numbers there are to train.

    >>> count_parameters(nn.Linear(784, 512))
    401920
    """
    return sum(parameter.numel() for parameter in module.parameters() if parameter.requires_grad)


_NORMALIZATIONS = ("BatchNorm", "GroupNorm", "LayerNorm", "InstanceNorm", "VirtualBatchNorm")


@torch.no_grad()
def _draw(module: nn.Module, weights: Callable[[Tensor], object], scales: Callable[[Tensor], object]) -> nn.Module:
    """Fill what each layer holds: its weight by kind, its bias by zeros.  The order of the layers fixes the draw."""
    for layer in module.modules():
        weight, bias = _stored(layer, "weight"), _stored(layer, "bias")
        if weight is None or weight.is_meta:  # the meta device has shapes and no numbers
            continue
        if isinstance(layer, nn.Linear | nn.Embedding | nn.modules.conv._ConvNd):
            weights(weight)
        elif type(layer).__name__.startswith(_NORMALIZATIONS):
            scales(weight)
        else:
            continue
        if bias is not None:
            bias.zero_()
    return module


def _stored(layer: nn.Module, name: str) -> Tensor | None:
    """The parameter itself: under a parametrization `layer.weight` is computed afresh, and drawing into it is lost."""
    parameters = dict(layer.named_parameters())
    return parameters.get(f"parametrizations.{name}.original", layer._parameters.get(name))


def normal_(tensor: Tensor, std: float, rng: torch.Generator | None, mean: float = 0.0) -> None:
    """Fill a tensor from N(mean, std²): drawn in float32 where the generator lives, then copied."""
    drawn = torch.empty(tensor.shape, dtype=torch.float32, device=rng.device if rng else tensor.device)
    tensor.copy_(drawn.normal_(mean, std, generator=rng))


@contextmanager
def spared(rng: torch.Generator | None) -> Iterator[None]:
    """Build layers within: torch draws their first weights from the global generator, which is put back for an `rng`.

    Those first weights are then drawn anew from `rng`, so that the network depends on it alone, and nothing else on
    the network.
    """
    device = torch.get_default_device()
    with torch.random.fork_rng([device] if device.type == "cuda" else [], enabled=rng is not None):
        yield
