r"""How much a linear layer stretches at most: its operator norm, its largest singular value.

A linear map stretches by at most its operator norm σ.  Composition multiplies the bounds: a stack of layers with norms
$\sigma_1, \dots, \sigma_L$ and 1-Lipschitz activations (ReLU, LeakyReLU, tanh) has Lipschitz constant at most
$\prod_i \sigma_i$.  A residual block x + F(x) has at most 1 + Lip(F), so 2 when F has 1.
For a convolution the norm is that of the map between images, which is not the norm of its kernel as a matrix.
"""

import copy
import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, eigsh
from torch import Tensor, nn

from course_gan.inputs import at_least_single, require, require_count, require_tensor

__all__ = ["circular_operator_norm", "operator_norm"]

# Up to this many inputs the matrix itself is written out; the iteration needs more than a handful of them.
DENSE = 64


def operator_norm(layer: nn.Module, input_shape: Sequence[int]) -> float:
    r"""Operator norm of a layer as it is applied, $\max_{x \ne 0} \|A x\| / \|x\|$, for inputs of `input_shape`.

    `layer` is a linear layer or convolution, or any affine map between batches (its bias does not count), with its own
    stride, padding and padding mode; `input_shape` is the shape of one input without the batch axis, (c, h, w).
    For measuring, not for training: in float64 on the CPU, from the matrix for small inputs, else by Lanczos iteration
    on $A^\top A$.  The layer itself is not touched; a spectral norm is measured as it is in eval mode.

    >>> layer = nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular")
    >>> layer.weight.data = torch.tensor([[[1.0, 2.0, 1.0]]])
    >>> round(operator_norm(layer, (1, 8)), 6)
    4.0
    """
    if not isinstance(layer, nn.Module):
        raise TypeError(f"layer is a {type(layer).__name__}; wanted a module, such as nn.Conv2d.")
    if not isinstance(input_shape, Sequence):
        raise TypeError(f"input_shape is {input_shape!r}; wanted the lengths of one input. Pass ({input_shape},).")
    shape = tuple(input_shape)
    for length in shape:
        require_count("a length of input_shape", length)
    linear = _linear_part(layer, shape)
    size = math.prod(shape)
    if size <= DENSE:
        return float(torch.linalg.matrix_norm(linear(torch.eye(size, dtype=torch.float64).reshape(size, *shape)), 2))
    start = torch.randn(1, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    if not linear(start).any():
        return 0.0
    transpose = torch.func.vjp(linear, torch.zeros_like(start))[1]

    def gram(vector: NDArray[np.float64]) -> NDArray[np.float64]:
        image = linear(torch.as_tensor(vector, dtype=torch.float64).reshape(1, *shape))
        return np.asarray(transpose(image)[0].flatten())

    operator = LinearOperator((size, size), matvec=gram, dtype=np.float64)
    largest = eigsh(operator, k=1, which="LA", v0=start.flatten().numpy(), return_eigenvectors=False)
    return math.sqrt(largest[0])


def _linear_part(layer: nn.Module, shape: tuple[int, ...]) -> Callable[[Tensor], Tensor]:
    """The map x -> layer(x) - layer(0) in float64, from (n, *shape) to rows; refused if it is not linear."""
    copied = copy.deepcopy(layer).to("cpu", torch.float64).eval().requires_grad_(False)
    zero = torch.zeros(1, *shape, dtype=torch.float64)
    try:
        offset = copied(zero)
    except RuntimeError as error:
        raise ValueError(
            f"{type(layer).__name__} does not take an input of shape {shape}: {error}. Pass the shape of one input "
            "without the batch axis, (channels, height, width) for images."
        ) from error

    def linear(x: Tensor) -> Tensor:
        rows: Tensor = (copied(x) - offset).flatten(1)
        return rows

    x = torch.randn(1, *shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    value, turned = linear(x), linear(-2 * x)
    require(f"what {type(layer).__name__} gives", value, value.isfinite(), "wanted finite numbers. Look at its weights")
    if not torch.allclose(turned, -2 * value, rtol=1e-9, atol=1e-9 * float(value.abs().max())):
        raise ValueError(
            f"{type(layer).__name__} is not affine, so it has no operator norm; wanted a linear layer or convolution, "
            "without activation. Measure the layers one by one and multiply, or use gradient_norms for a lower bound."
        )
    return linear


def circular_operator_norm(
    kernel: Float[Tensor, "channels_out channels_in *lengths"], size: int | Sequence[int]
) -> Float[Tensor, ""]:
    r"""Operator norm of a circular convolution of stride 1, $\max_\omega \sigma(\hat K(\omega))$, exactly.

    The Fourier transform turns the convolution into one matrix (channels_out, channels_in) for each frequency ω of the
    grid, the transform of the kernel, and the largest of all their singular values is the norm.  `kernel` is the weight
    of a convolution, `size` the extent of the signal or image, a number for all axes or one for each, at least that of
    the kernel.  Differentiable.

    Reference: Sedghi, Gupta, Long, The Singular Values of Convolutional Layers, 2019, Theorem 6.

    >>> circular_operator_norm(torch.tensor([[[1.0, 2.0, 1.0]]]), 8)
    tensor(4.)
    """
    kernel = require_tensor("kernel", kernel)
    axes = kernel.ndim - 2
    if axes < 1:
        raise ValueError(
            f"kernel has shape {tuple(kernel.shape)}; wanted (channels_out, channels_in, length), or two lengths for "
            "images: the weight of a convolution."
        )
    require("kernel", kernel, kernel.isfinite(), "wanted finite numbers")
    lengths = tuple(size) if isinstance(size, Sequence) else (size,) * axes
    for length in lengths:
        require_count("a length of size", length)
    if len(lengths) != axes or any(length < taps for length, taps in zip(lengths, kernel.shape[2:])):
        raise ValueError(
            f"size is {size} for a kernel of {tuple(kernel.shape[2:])}; wanted one length for each of its {axes} axes, "
            "at least as long as the kernel."
        )
    transform = torch.fft.fftn(at_least_single(kernel), s=lengths, dim=tuple(range(2, kernel.ndim)))
    matrices = transform.flatten(2).movedim(2, 0)
    largest: Tensor = torch.linalg.matrix_norm(matrices, 2).amax()
    return largest.to(kernel.dtype)
