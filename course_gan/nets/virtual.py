r"""Virtual batch normalization: each sample is normalized by a fixed reference batch and itself.

Its neighbors in the batch do not matter.  With the R rows of the reference and one row more, the sample x, mean and
variance are those of R + 1 rows: with $s = \frac{1}{R + 1}$ and the gap $\delta = \mu_x - \mu_R$,
$\mu = \mu_R + s \delta$ and $\sigma^2 = (1 - s)(\sigma_R^2 + s \delta^2) + s \sigma_x^2$.
The paper's code averages x and x² instead, which is the same number until rounding: far from 0 the squares cancel.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.inputs import at_least_single, require_count, require_positive, require_tensor
from course_gan.nets.checks import require_event

__all__ = ["VirtualBatch", "VirtualBatchNorm"]


class VirtualBatchNorm(nn.Module):
    r"""Normalize each sample by the statistics of a reference batch joined with the sample alone.

    x is (n, channels) or (n, channels, h, w).  The reference is fixed once: at construction, or by the first batch
    that the layer sees (not inside a penalty, which must not change buffers).  Its mean, variance and row count are
    buffers, saved with the weights.

    Deep in a network the stored statistics are those of the activations *at that time*, and grow stale as the layers
    below learn.  Wrap the network in `VirtualBatch`, which sends the reference along in every pass.

    Parameters: `2 * channels` = 128 for `VirtualBatchNorm(64)`.  Initialization: gain 1, bias 0.

    Reference: Salimans et al., Improved techniques for training GANs, 2016, §3.5.

    >>> layer = VirtualBatchNorm(1, reference=torch.tensor([[-1.0], [1.0], [0.0]]))
    >>> layer(torch.tensor([[2.0], [0.0]])).T  # 2 joins -1, 1, 0: mean 1/2, variance 5/4
    tensor([[1.3416, 0.0000]], grad_fn=<PermuteBackward0>)
    """

    mean: Tensor
    variance: Tensor
    count: Tensor

    def __init__(self, channels: int, reference: Tensor | None = None, eps: float = 1e-5) -> None:
        super().__init__()
        require_count("channels", channels)
        require_positive("eps", eps)
        self.channels, self.eps, self.rows = channels, eps, 0
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.zeros(channels))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))
        self._fixed = False  # known on the host to be fixed, so that forward need not ask the device again
        self.register_load_state_dict_post_hook(_ask_again)  # type: ignore[no-untyped-call]
        if reference is not None:
            self._fix(self._checked(reference))

    def forward(self, x: Float[Tensor, "n {self.channels} *pixels"]) -> Float[Tensor, "n {self.channels} *pixels"]:
        x = self._checked(x)
        if self.rows:  # inside `VirtualBatch` the reference travels along as the first rows
            reference, x = x[: self.rows], x[self.rows :]
            mean, variance = _moments(reference)
            own = self._normalize(reference, mean, variance)
            return torch.cat([own, self._joined(x, mean, variance, self.rows)])
        if not self._fixed:
            self._fix(x)
        return self._joined(x, self.mean, self.variance, self.count)

    def extra_repr(self) -> str:
        return f"{self.channels}, eps={self.eps}"

    @torch.no_grad()
    def _fix(self, x: Tensor) -> None:
        """Keep the statistics of `x`, unless some were kept before and came with the state of another layer."""
        if not x.is_meta and not self.count.item():  # the CPU waits for the device here, at the first call only
            mean, variance = _moments(x)
            self.mean.copy_(mean)
            self.variance.copy_(variance)
            self.count.fill_(len(x))
        self._fixed = True

    def _joined(self, x: Tensor, mean: Tensor, variance: Tensor, rows: int | Tensor) -> Tensor:
        """Normalize each sample by the `rows` reference rows and itself."""
        wide, pixels = at_least_single(x), tuple(range(2, x.ndim))
        own_mean = wide.mean(pixels) if pixels else wide
        own_variance = wide.var(pixels, correction=0) if pixels else torch.zeros_like(wide)
        share, gap = 1 / (rows + 1), own_mean - mean
        joint_variance = (1 - share) * (variance + share * gap.square()) + share * own_variance
        return self._normalize(x, mean + share * gap, joint_variance)

    def _normalize(self, x: Tensor, mean: Tensor, variance: Tensor) -> Tensor:
        """(x - mean) / sqrt(variance + eps), then gain and bias; mean and variance are (channels,) or (n, channels)."""
        shape = (-1, self.channels, *(1,) * (x.ndim - 2))
        scale = self.weight * (variance + self.eps).rsqrt()
        result = (at_least_single(x) - mean.view(shape)) * scale.view(shape) + self.bias.view(shape)
        return result.to(x.dtype)

    def _checked(self, x: object) -> Tensor:
        x = require_tensor("x", x)
        if x.ndim not in (2, 4) or x.shape[1] != self.channels:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; wanted (n, {self.channels}) or (n, {self.channels}, height, width)."
            )
        if len(x) <= self.rows:
            raise ValueError(f"x has {len(x)} rows; wanted more than the {self.rows} of the reference before them.")
        return x


class VirtualBatch(nn.Module):
    """A network with `VirtualBatchNorm` layers, whose reference batch passes through with every batch.

    x is what the network takes, (n, ...), and `reference` the same, (R, ...), kept in a buffer: latent vectors for a
    generator, data for a critic.  At each layer the reference is normalized by itself and every sample by the reference
    and itself, with the weights of the moment, and gradients flow through both.  The price is R rows more in each pass,
    and that the network is from then on called through its wrapper only.

    Parameters: those of the network.  Initialization: that of the network.

    Reference: Salimans et al., Improved techniques for training GANs, 2016, §3.5.

    >>> from course_gan.nets import MLPGenerator
    >>> net = VirtualBatch(MLPGenerator(8, (2,), norm="virtual"), torch.randn(64, 8))
    >>> net(torch.randn(5, 8)).shape
    torch.Size([5, 2])
    """

    reference: Tensor

    def __init__(self, network: nn.Module, reference: Tensor) -> None:
        super().__init__()
        reference = require_tensor("reference", reference)
        layers = [layer for layer in network.modules() if isinstance(layer, VirtualBatchNorm)]
        if reference.ndim < 2:
            raise ValueError(f"reference has shape {tuple(reference.shape)}; wanted (R, ...), what the network takes.")
        if not layers or len(reference) < 2:
            raise ValueError(
                f"the network has {len(layers)} VirtualBatchNorm layers and the reference {len(reference)} rows; "
                'wanted at least one layer and two rows. Build the network with norm="virtual".'
            )
        self.network, self.latent = network, getattr(network, "latent", None)
        self.register_buffer("reference", reference.detach().clone())
        for layer in layers:
            layer.rows = len(reference)

    def forward(self, x: Float[Tensor, "n ..."]) -> Float[Tensor, "n ..."]:
        x = require_event(x, self.reference.shape[1:])
        output: Tensor = self.network(torch.cat([self.reference.to(x.dtype), x]))
        return output[len(self.reference) :]


def _moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of each channel over the rows and the pixels."""
    wide, rest = at_least_single(x), (0, *range(2, x.ndim))
    return wide.mean(rest), wide.var(rest, correction=0)


def _ask_again(layer: nn.Module, keys: Any) -> None:
    """After loading a state the device has to be asked once whether it holds a reference."""
    layer._fixed = False  # type: ignore[assignment]
