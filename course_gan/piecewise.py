r"""ReLU and leaky ReLU that save their second derivative, which is 0, where a gradient is differentiated once more.

$\phi(x)$ is $x$ for $x > 0$ and $sx$ elsewhere: linear on either side, so that $\phi'' = 0$ wherever there is one.
Autograd does not know.  When a penalty on the critic's slope is differentiated, every activation sends zeros back
through all the layers before it: one more backward pass, for nothing.  Between `constant_slopes()` and its end, φ' is
a constant and nothing is sent.  All numbers are the same, whichever way.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["LeakyReLU", "ReLU", "constant_slopes", "leaky_relu", "relu"]

_constant = False  # a thread that sees another one's value computes the same numbers


@contextmanager
def constant_slopes() -> Iterator[None]:
    """Let the derivatives of these activations be constants."""
    global _constant
    before, _constant = _constant, True
    try:
        yield
    finally:
        _constant = before


def relu(x: Tensor) -> Tensor:
    r"""$\max(x, 0)$."""
    return _Bent.apply(x, 0.0) if _constant else torch.relu(x)


def leaky_relu(x: Tensor, slope: float) -> Tensor:
    r"""$x$ where $x > 0$, $s x$ elsewhere."""
    return _Bent.apply(x, slope) if _constant else functional.leaky_relu(x, slope)


class ReLU(nn.ReLU):
    """`relu` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return relu(x)


class LeakyReLU(nn.LeakyReLU):
    """`leaky_relu` as a layer."""

    def forward(self, x: Tensor) -> Tensor:
        return leaky_relu(x, self.negative_slope)


class _Bent(torch.autograd.Function):
    """Both of them, by their slope on the left."""

    generate_vmap_rule = True  # for a critic that maps over its samples itself

    @staticmethod
    def forward(x: Tensor, slope: float) -> Tensor:
        return functional.leaky_relu(x, slope) if slope else torch.relu(x)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: Tensor) -> None:
        ctx.save_for_backward(inputs[0])
        ctx.slope = inputs[1]

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        (x,) = ctx.saved_tensors
        return torch.ops.aten.leaky_relu_backward(gradient, x.detach(), ctx.slope, False), None  # detached: a constant
