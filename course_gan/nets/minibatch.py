r"""Layers that let a critic compare samples within the batch, so that a generator with one answer is found out.

Scores then depend on the whole batch on purpose, in training and in evaluation.  Both layers are made of ordinary
tensor operations from input to output: gradients reach every sample through its own row and through the others.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.inputs import at_least_single, require_positive, require_tensor
from course_gan.nets.checks import require_channels, require_counts
from course_gan.nets.initialization import normal_

__all__ = ["MinibatchDiscrimination", "MinibatchStd"]


class MinibatchDiscrimination(nn.Module):
    r"""Append to each sample how close the others are: $o(x_i)_b = \sum_j \exp(-\| M_{i,b} - M_{j,b} \|_1)$.

    Features f are (n, features), $M_i = f(x_i) T$ is a matrix of `kernels` rows and `dims` columns, and the result
    is (n, features + kernels).  The sum includes j = i, as printed in the paper, so each o lies between 1 and n.
    Needs n² · kernels · dims numbers.

    Parameters: `features * kernels * dims` = 128,000 for `MinibatchDiscrimination(512)`.
    Initialization: T is N(0, s²) with $s = 1 / (\mathrm{dims} \sqrt{\mathrm{features}})$, so that for features of unit
    variance the distances are near 1, where the exponential is neither flat nor 0.

    Reference: Salimans et al., Improved techniques for training GANs, 2016, §3.2.

    >>> layer = MinibatchDiscrimination(3, kernels=2)
    >>> layer(torch.ones(4, 3))[:, 3:]  # four equal samples: each counts four
    tensor([[4., 4.],
            [4., 4.],
            [4., 4.],
            [4., 4.]], grad_fn=<SliceBackward0>)
    """

    def __init__(self, features: int, kernels: int = 50, dims: int = 5, *, rng: torch.Generator | None = None) -> None:
        super().__init__()
        require_counts(features=features, kernels=kernels, dims=dims)
        self.features, self.kernels, self.dims = features, kernels, dims
        self.projection = nn.Parameter(torch.empty(features, kernels, dims))
        with torch.no_grad():
            normal_(self.projection, 1 / (dims * math.sqrt(features)), rng)

    def forward(self, x: Float[Tensor, "n {self.features}"]) -> Float[Tensor, "n {self.features}+{self.kernels}"]:
        x = require_channels(x, self.features, dims=2)
        m = at_least_single(x @ self.projection.flatten(1)).view(-1, self.kernels, self.dims)
        distance = (m[:, None] - m[None]).abs().sum(-1)  # (n, n, kernels)
        closeness = (-distance).exp().sum(1)
        return torch.cat([x, closeness.to(x.dtype)], dim=1)


class MinibatchStd(nn.Module):
    r"""Append one channel that says how much the samples of a group differ: their standard deviation, averaged.

    x is (n, c) or (n, c, h, w), and the result has one channel more.  For each feature and pixel the standard deviation
    over the group (divided by the group's size, not by one less), then its mean over features and pixels, repeated
    for the whole group: $s = \frac{1}{chw} \sum_{c,h,w} \sqrt{\mathrm{Var}_i\, x_{i,c,h,w} + \epsilon}$, i over the
    group.  The ε under the root keeps the gradient finite where all samples are equal.

    `group` is how many samples are compared; None takes the whole batch, as in the text of the paper; the authors' code
    takes 4.  A batch smaller than the group is one group; otherwise its size has to be a multiple of `group`.  Members
    of a group are n / group apart, as in that code.

    Parameters: `0` = 0 for `MinibatchStd()`.  Initialization: nothing to draw.

    Reference: Karras, Aila, Laine and Lehtinen, Progressive growing of GANs, 2018, §3.

    >>> MinibatchStd()(torch.tensor([[1.0, 5.0], [3.0, 5.0]]))[:, 2]  # deviations 1 and 0 (the root of ε)
    tensor([0.5001, 0.5001])
    """

    def __init__(self, group: int | None = None, eps: float = 1e-8) -> None:
        super().__init__()
        if group is not None:
            require_counts(least=2, group=group)
        require_positive("eps", eps)
        self.group, self.eps = group, eps

    def forward(self, x: Float[Tensor, "n c *pixels"]) -> Float[Tensor, "n c+1 *pixels"]:
        x = require_tensor("x", x)
        if x.ndim not in (2, 4):
            raise ValueError(f"x has shape {tuple(x.shape)}; wanted (n, features) or (n, channels, height, width).")
        n = len(x)
        group = n if self.group is None else min(self.group, n)
        if n % group:
            raise ValueError(
                f"x has {n} samples, which do not divide into groups of {group}; wanted a multiple of {group}. "
                "Change the batch size, drop the last batch, or pass group=None."
            )
        groups = at_least_single(x).reshape(group, n // group, -1)
        variance = groups.var(0, correction=0)
        spread = (variance + self.eps).sqrt().mean(-1).repeat(group)  # group after group in the order of the samples
        channel = spread.to(x.dtype).view(-1, *(1,) * (x.ndim - 1)).expand(n, 1, *x.shape[2:])
        return torch.cat([x, channel], dim=1)

    def extra_repr(self) -> str:
        return f"group={self.group}"


MINIBATCH = ("none", "std", "discrimination")


def minibatch_layer(name: str, features: int, rng: torch.Generator | None) -> tuple[nn.Module, int]:
    """The layer before the last of a critic, by name, and the number of features that come out of it."""
    if name not in MINIBATCH:
        raise ValueError(f"{name!r} is not a minibatch layer here; wanted one of {', '.join(MINIBATCH)}.")
    if name == "std":
        return MinibatchStd(), features + 1
    if name == "discrimination":
        layer = MinibatchDiscrimination(features, rng=rng)
        return layer, features + layer.kernels
    return nn.Identity(), features
