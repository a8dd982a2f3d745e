"""What the networks accept.  The checks read shapes and dtypes only: values lie on the device, and reading them waits.

Their arguments are typed `object` on purpose, as in `course_gan.inputs`.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from course_gan.inputs import require_count, require_tensor

# By the side of the image: where a generator starts, the side of its first map and how often it doubles ...
SIZES = {28: (7, 2), 32: (4, 3), 64: (4, 4)}
# ... and how often a residual critic halves the side, down to 7 or 8.
HALVINGS = {28: 2, 32: 2, 64: 3}


def require_latent(z: object, latent: int) -> Tensor:
    """Return `z` if it is (n, latent), otherwise say how to draw one."""
    z = require_tensor("z", z)
    if z.ndim != 2 or z.shape[1] != latent:
        raise ValueError(
            f"z has shape {tuple(z.shape)}; wanted (n, {latent}), one row a sample. Draw torch.randn(n, {latent})."
        )
    return z


def require_event(x: object, shape: Sequence[int], name: str = "x") -> Tensor:
    """Return `x` if it is (n, *shape): points as (n, d), images as (n, channels, height, width)."""
    x = require_tensor(name, x)
    if tuple(x.shape[1:]) != tuple(shape) or x.ndim == 0:
        wanted = ", ".join(["n", *map(str, shape)])
        raise ValueError(
            f"{name} has shape {tuple(x.shape)}; wanted ({wanted}). Reshape it, resize it, or build the network for "
            "the shape that your data has."
        )
    return x


def require_one_each(x: Tensor, other: Tensor, name: str) -> None:
    """Raise unless there is one row of `other` for each sample: a single one would be that of all of them."""
    if len(other) != len(x):
        raise ValueError(f"x has {len(x)} samples and {name} {len(other)}; wanted one row of {name} for each sample.")


def require_channels(x: object, channels: int, dims: int = 4, name: str = "x") -> Tensor:
    """Return `x` if it is (n, channels, height, width); for `dims` 2 the two sides are missing."""
    x = require_tensor(name, x)
    if x.ndim != dims or x.shape[1] != channels:
        wanted = f"(n, {channels}, height, width)" if dims == 4 else f"(n, {channels})"
        raise ValueError(f"{name} has shape {tuple(x.shape)}; wanted {wanted}. The channels are axis 1.")
    return x


def require_labels(labels: object, n: int, classes: int) -> Tensor:
    """Return `labels` if there is one class number a sample, as an index.  Their range is not read."""
    hint = f"Pass class numbers 0 to {classes - 1} as torch.int64, shape ({n},)"
    if labels is None:
        raise ValueError(f"labels are missing, and this network is conditional. {hint}.")
    if not isinstance(labels, Tensor):
        raise TypeError(f"labels is a {type(labels).__name__}; wanted a tensor. {hint}.")
    if labels.dtype not in (torch.int64, torch.int32):
        raise ValueError(f"labels have dtype {labels.dtype}; wanted whole numbers. {hint}: labels.long().")
    if labels.shape != (n,):
        raise ValueError(f"labels have shape {tuple(labels.shape)}; wanted one for each of the {n} samples. {hint}.")
    return labels


def require_counts(least: int = 1, **numbers: object) -> None:
    """Raise unless each of the named numbers is a whole number of at least `least`."""
    for name, number in numbers.items():
        require_count(name, number, least)


def require_shape(shape: object, name: str = "shape") -> tuple[int, ...]:
    """The shape of one sample as a tuple; a bare number is refused, as (2,) and 2 are easily mixed up."""
    if not isinstance(shape, Sequence) or isinstance(shape, str) or len(shape) == 0:
        raise ValueError(f"{name} is {shape!r}; wanted a tuple, (2,) for points in the plane, (1, 28, 28) for images.")
    for side in shape:
        require_count(f"a side of {name}", side)
    return tuple(shape)


def require_sizes(sizes: object, name: str = "hidden") -> tuple[int, ...]:
    """Widths of layers as a tuple; an empty one is allowed, a linear map."""
    if not isinstance(sizes, Sequence) or isinstance(sizes, str):
        raise ValueError(f"{name} is {sizes!r}; wanted a tuple of widths, such as (512, 512).")
    for size in sizes:
        require_count(f"a width in {name}", size)
    return tuple(sizes)


def require_size(size: object) -> tuple[int, int]:
    """Where the maps of an image network start for images of this side: the side of the first, and the doublings."""
    if not isinstance(size, int) or size not in SIZES:
        raise ValueError(f"size is {size!r}; wanted one of {', '.join(map(str, SIZES))}. Pad or resize the images.")
    return SIZES[size]


def volume(shape: Sequence[int]) -> int:
    """How many numbers one sample has."""
    return math.prod(shape)
