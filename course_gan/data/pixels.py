r"""Pixels on disk are whole numbers 0…255, pixels in a network are numbers in [-1, 1]: there and back."""

import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from course_gan.inputs import require


def to_float(images: UInt8[Tensor, "*shape"], dtype: torch.dtype = torch.float32) -> Float[Tensor, "*shape"]:
    r"""$x = u / 127.5 - 1$, so that 0 becomes -1 and 255 becomes 1, on the device of the images.

    >>> to_float(torch.tensor([0, 51, 255], dtype=torch.uint8))
    tensor([-1.0000, -0.6000,  1.0000])
    """
    _require_tensor(images)
    if images.dtype != torch.uint8:
        raise TypeError(f"The images have dtype {images.dtype}; wanted uint8, 0…255. Pass images.to(torch.uint8).")
    given: object = dtype
    if not isinstance(given, torch.dtype) or not given.is_floating_point:
        raise TypeError(f"dtype is {dtype}; wanted a floating-point dtype, such as torch.float32.")
    wide = torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype
    return images.to(wide).div_(127.5).sub_(1).to(dtype)


def to_uint8(images: Float[Tensor, "*shape"]) -> UInt8[Tensor, "*shape"]:
    r"""$u = \mathrm{round}(127.5\,(x + 1))$, with what lies outside [-1, 1] cut off: the inverse of `to_float`.

    Rounded, not truncated: `(255 * x).byte()` makes every image darker by half a step, and a float32 image that came
    from bytes does not come back (traps of this kind move published FID values; Parmar, Zhang and Zhu, On aliased
    resizing and surprising subtleties in GAN evaluation, 2022).

    >>> to_uint8(torch.tensor([-1.0, -0.6, 1.0, 3.0]))
    tensor([  0,  51, 255, 255], dtype=torch.uint8)
    """
    _require_tensor(images)
    if not images.is_floating_point():
        raise TypeError(f"The images have dtype {images.dtype}; wanted floating-point images in [-1, 1].")
    require("images", images, ~images.isnan(), "wanted numbers, of which none is a byte otherwise")
    wide = images.float() if images.dtype in (torch.float16, torch.bfloat16) else images
    return ((wide + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)


def _require_tensor(images: object) -> None:
    if not isinstance(images, Tensor):
        raise TypeError(f"The images are a {type(images).__name__}; wanted a tensor. Pass torch.as_tensor(images).")
