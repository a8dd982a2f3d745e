r"""Fully connected networks: $h_{l+1} = \phi(W_l h_l + b_l)$, the last layer without φ.  512-512 is the lecture's."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.inputs import choose
from course_gan.nets.checks import require_counts, require_event, require_latent, require_shape, require_sizes, volume
from course_gan.nets.initialization import he_, spared
from course_gan.nets.minibatch import minibatch_layer
from course_gan.nets.normalization import POINT_NORMS, normalization, plain, shifts
from course_gan.penalties import spectral_norm_
from course_gan.piecewise import LeakyReLU, ReLU

__all__ = ["MLP", "MLPCritic", "MLPGenerator"]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": ReLU,
    "leaky-relu": lambda: LeakyReLU(0.2),
    "tanh": nn.Tanh,
    "softplus": nn.Softplus,
}
OUTPUTS: dict[str, Callable[[], nn.Module]] = {"linear": nn.Identity, "tanh": nn.Tanh}
GAINS = {"relu": math.sqrt(2), "leaky-relu": math.sqrt(2 / (1 + 0.2**2)), "tanh": 5 / 3, "softplus": math.sqrt(2)}


class MLP(nn.Module):
    r"""A chain of linear layers of the given sizes, with the activation between them, and `output` after the last.

    (n, sizes[0]) becomes (n, sizes[-1]).  `norm` ("none", "batch", "layer", "virtual") stands before each activation; a
    layer in front of it has no bias.  `features` gives the last hidden layer.

    Parameters: `sum((a + 1) * b for a, b in pairwise(sizes)) + (shifts(norm) - 1) * sum(sizes[1:-1])` = 407,050
    for `MLP((784, 512, 10))`.
    Initialization: `he_` with the gain of the activation, 1 for the last layer; biases 0.

    Reference: Goodfellow, Bengio and Courville, Deep learning, 2016, §6.

    >>> MLP((784, 512, 10))(torch.randn(5, 784)).shape
    torch.Size([5, 10])
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str = "relu",
        *,
        norm: str = "none",
        output: str = "linear",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.sizes, self.norm = require_sizes(sizes, "sizes"), norm
        if len(self.sizes) < 2:
            raise ValueError(f"sizes is {tuple(sizes)}; wanted at least two, of the input and the output.")
        gain, act = choose(GAINS, activation, "activation"), choose(ACTIVATIONS, activation, "activation")
        choose(POINT_NORMS, norm, "normalization")
        with spared(rng):
            hidden = nn.Sequential()
            for a, b in pairwise(self.sizes[:-1]):
                hidden.append(nn.Linear(a, b, bias=norm == "none"))
                if norm != "none":
                    hidden.append(normalization(POINT_NORMS, norm, b))
                hidden.append(act())
            self.hidden, self.last = hidden, nn.Linear(self.sizes[-2], self.sizes[-1])
            self.output = choose(OUTPUTS, output, "output")()
        he_(self.hidden, gain, rng=rng)
        he_(self.last, 1.0, rng=rng)

    def features(self, x: Float[Tensor, "n {self.sizes[0]}"]) -> Float[Tensor, "n {self.sizes[-2]}"]:
        """The last hidden layer, after its activation."""
        hidden: Tensor = self.hidden(require_event(x, self.sizes[:1]))
        return hidden

    def forward(self, x: Float[Tensor, "n {self.sizes[0]}"]) -> Float[Tensor, "n {self.sizes[-1]}"]:
        result: Tensor = self.output(self.last(self.features(x)))
        return result


class MLPGenerator(nn.Module):
    r"""From z (n, latent) through the hidden layers to samples (n, *shape): points (2,) or images (1, 28, 28).

    `output` "tanh" ends in [-1, 1], for images; "linear" is unbounded, for points in the plane.  Without a word it is
    "tanh" for images and "linear" for points.

    Parameters: `count((latent, *hidden, volume(shape)), norm)` = 716,560 for `MLPGenerator(100, (1, 28, 28))`,
    where count is that of `MLP`.
    Initialization: that of `MLP`.

    Reference: Goodfellow et al., Generative adversarial nets, 2014, §5 (fully connected, on MNIST).

    >>> MLPGenerator(100, (1, 28, 28))(torch.randn(5, 100)).shape
    torch.Size([5, 1, 28, 28])
    """

    def __init__(
        self,
        latent: int = 2,
        shape: Sequence[int] = (2,),
        hidden: Sequence[int] = (512, 512),
        *,
        activation: str = "relu",
        norm: str = "none",
        output: str | None = None,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(latent=latent)
        self.latent, self.shape, self.hidden = latent, require_shape(shape), require_sizes(hidden)
        self.norm = norm
        output = output or ("linear" if len(self.shape) == 1 else "tanh")
        sizes = (latent, *self.hidden, volume(self.shape))
        self.layers = MLP(sizes, activation, norm=norm, output=output, rng=rng)

    def forward(self, z: Float[Tensor, "n {self.latent}"]) -> Float[Tensor, "n ..."]:
        x: Tensor = self.layers(require_latent(z, self.latent))
        return x.view(-1, *self.shape)


class MLPCritic(nn.Module):
    r"""From samples (n, *shape) through the hidden layers to raw scores (n,).

    `norm` "spectral" divides each weight by its largest singular value (torch's parametrization; u and v are buffers,
    frozen in evaluation).  `minibatch` ("none", "std", "discrimination") compares the samples of a batch before the
    last layer.

    Parameters: `count((volume(shape), *hidden, 1), norm)` = 665,089 for `MLPCritic((1, 28, 28))`, where count is that
    of `MLP`; minibatch "std" adds 1, "discrimination" its own and one for each kernel.
    Initialization: that of `MLP`.

    Reference: Goodfellow et al., Generative adversarial nets, 2014, §5.

    >>> MLPCritic((1, 28, 28))(torch.randn(5, 1, 28, 28)).shape
    torch.Size([5])
    """

    def __init__(
        self,
        shape: Sequence[int] = (2,),
        hidden: Sequence[int] = (512, 512),
        *,
        activation: str = "leaky-relu",
        norm: str = "none",
        minibatch: str = "none",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.shape, self.hidden, self.norm = require_shape(shape), require_sizes(hidden), norm
        sizes = (volume(self.shape), *self.hidden, 1)
        layers = MLP(sizes, activation, norm=plain(norm), rng=rng)
        self.body, self.last = layers.hidden, layers.last
        self.minibatch, features = minibatch_layer(minibatch, sizes[-2], rng)
        if features != sizes[-2]:
            with spared(rng):
                self.last = nn.Linear(features, 1)
            he_(self.last, 1.0, rng=rng)
        if norm == "spectral":
            spectral_norm_(self)

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, " n"]:
        features = self.minibatch(self.body(require_event(x, self.shape).flatten(1)))
        scores: Tensor = self.last(features).squeeze(1)
        return scores


def count(sizes: Sequence[int], norm: str = "none") -> int:
    """The parameters of an `MLP` of these sizes: each layer a weight matrix, and biases or what the norm has.

    >>> count((2, 512, 512, 1))
    264705
    """
    layers = sum((a + 1) * b for a, b in pairwise(sizes))
    return layers + (shifts(norm) - 1) * sum(sizes[1:-1])
