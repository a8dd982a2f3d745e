r"""Stacked-MNIST: three random digits, one in each color channel, so that there are 1000 modes to cover.

Reference: Metz, Poole, Pfau and Sohl-Dickstein, Unrolled generative adversarial networks, 2017, §3.3.1.
"""

from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor
from torch.nn.functional import pad

from course_gan.data import sets
from course_gan.data.images import load
from course_gan.inputs import require_count

Images = UInt8[Tensor, "N 1 h w"] | Float[Tensor, "N 1 h w"]


def stacked_mnist(
    n: int,
    generator: torch.Generator | None = None,
    *,
    images: Images | None = None,
    labels: Int64[Tensor, " N"] | None = None,
    size: int | None = None,
) -> tuple[UInt8[Tensor, "{n} 3 height width"] | Float[Tensor, "{n} 3 height width"], Int64[Tensor, " {n}"]]:
    r"""Draw n images (n, 3, size, size) and their modes 100a + 10b + c, for the digits (a, b, c) in the channels.

    The digits are drawn uniformly, with replacement, from `images` (N, 1, h, w) with `labels` 0…9, (N,): by default
    MNIST's training set, as uint8; the modes are then nearly, not exactly, equally likely.  Without any file,
    `stacked_mnist(n, generator, images=x, labels=y)` with `x, y = digits()` does the same in 8×8.
    `size` frames the images in black: 32 for the networks that halve five times; the digits are not resized.

    >>> from course_gan.data.digits import digits
    >>> x, y = digits()
    >>> stacked, modes = stacked_mnist(4, torch.Generator().manual_seed(0), images=x, labels=y)
    >>> stacked.shape, modes
    (torch.Size([4, 3, 8, 8]), tensor([618, 485, 536, 582]))
    """
    require_count("n", n, least=0)
    if (images is None) != (labels is None):
        raise ValueError("Only one of images and labels was given; wanted both, or neither for MNIST.")
    if images is None or labels is None:
        images, labels = _mnist(sets.root())
    pair: tuple[object, object] = images, labels
    if not isinstance(pair[0], Tensor) or not isinstance(pair[1], Tensor) or pair[1].is_floating_point():
        given = pair[1].dtype if isinstance(pair[1], Tensor) else type(pair[1]).__name__
        raise TypeError(
            f"images is a {type(images).__name__} and labels {given}; wanted two tensors, the labels of whole numbers. "
            "Pass torch.as_tensor(images) and torch.as_tensor(labels).long()."
        )
    if size is not None:
        require_count("size", size)
    if images.ndim != 4 or images.shape[1] != 1 or labels.shape != images.shape[:1] or len(images) == 0:
        raise ValueError(
            f"images has shape {tuple(images.shape)} and labels {tuple(labels.shape)}; wanted gray images "
            "(N, 1, h, w) and labels (N,). Pass images[:, None] if the channel is missing."
        )
    source = images.device if generator is None else generator.device
    rows = torch.randint(len(images), (n, 3), generator=generator, device=source).to(images.device)
    stacked = images[:, 0][rows]
    digits = labels.to(images.device)[rows].long()  # in a byte 100 · 9 would be 132
    modes = 100 * digits[:, 0] + 10 * digits[:, 1] + digits[:, 2]
    return (stacked if size is None else _framed(stacked, size)), modes


def stacked_sampler(
    images: Images, labels: Int64[Tensor, " N"], size: int | None = None
) -> Callable[[int, torch.Generator | None], tuple[Tensor, Tensor]]:
    """`stacked_mnist` of these digits as a sampler `(n, generator) -> (images, modes)` for `Batches`."""
    return partial(stacked_mnist, images=images, labels=labels, size=size)


def _framed(images: Tensor, size: int) -> Tensor:
    """The images in the middle of a black square; black is 0 for bytes and -1 for floats."""
    height, width = images.shape[-2:]
    if size < max(height, width):
        raise ValueError(f"size is {size}; wanted at least {max(height, width)}, as the digits are not made smaller.")
    top, left = (size - height) // 2, (size - width) // 2
    black = 0 if images.dtype == torch.uint8 else -1
    return pad(images, (left, size - width - left, top, size - height - top), value=black)


@cache
def _mnist(root: Path) -> tuple[Tensor, Tensor]:
    """MNIST's training set, read once."""
    return load("MNIST", folder=root)
