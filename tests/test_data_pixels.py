"""Bytes and numbers in [-1, 1] are two spellings of the same pixels."""

import inspect

import pytest
import torch
from torch.testing import assert_close

from course_gan.data import to_float, to_uint8

BYTES = torch.arange(256, dtype=torch.uint8)


@pytest.mark.parametrize("dtype", [torch.float16, torch.float32, torch.float64])
def test_every_byte_comes_back(dtype):
    assert_close(to_uint8(to_float(BYTES, dtype)), BYTES, rtol=0, atol=0)


def test_bfloat16_comes_back_within_its_three_digits():
    there = to_float(BYTES, torch.bfloat16)
    assert there.dtype == torch.bfloat16
    assert_close(to_uint8(there).float(), BYTES.float(), rtol=0, atol=0.5 * 2**-8 * 127.5 + 0.5)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_is_rounded_once_from_the_exact_value(dtype):
    """Computed in half precision, half of the gray values near 0 are off by more than the rounding of their number."""
    assert_close(to_float(BYTES, dtype), to_float(BYTES, torch.float64).to(dtype), rtol=0, atol=0)


def test_the_ends_are_exactly_minus_one_and_one_and_steps_are_even():
    x = to_float(BYTES, torch.float64)
    assert (x[0], x[-1]) == (-1, 1)
    assert_close(x.diff(), torch.full((255,), 2 / 255, dtype=torch.float64))
    assert to_float(BYTES).dtype == torch.float32


def test_trap_pixels_truncated_instead_of_rounded():
    """`(255 * (x + 1) / 2).byte()` loses a step in many pixels that were bytes, and wraps beyond the range."""
    x = to_float(BYTES)
    wrong = (255 * (x + 1) / 2).byte()
    assert (wrong != BYTES).sum() > 0
    assert (to_uint8(x) == BYTES).all()
    assert to_uint8(torch.tensor([-1.0 + 1.9 / 255])).item() == 1  # 0.95 of a byte
    assert to_uint8(torch.tensor([-7.0, 7.0, 1.01])).tolist() == [0, 255, 255]


def test_the_images_given_are_not_changed():
    images, x = BYTES.clone(), torch.linspace(-1, 1, 5)
    to_float(images)
    to_uint8(x)
    assert_close(images, BYTES)
    assert_close(x, torch.linspace(-1, 1, 5), rtol=0, atol=0)


def test_other_types_are_refused():
    for bad in (torch.zeros(2), torch.zeros(2, dtype=torch.int64)):
        with pytest.raises(TypeError, match="wanted uint8"):
            inspect.unwrap(to_float)(bad)
    with pytest.raises(TypeError, match="wanted a floating-point dtype"):
        to_float(BYTES, torch.int64)
    with pytest.raises(TypeError, match="wanted floating-point images"):
        inspect.unwrap(to_uint8)(BYTES)
    with pytest.raises(TypeError, match="wanted a floating-point dtype"):
        inspect.unwrap(to_float)(BYTES, "float32")
    for function in (to_float, to_uint8):
        with pytest.raises(TypeError, match="The images are a list; wanted a tensor"):
            inspect.unwrap(function)([0.0])


def test_a_pixel_that_is_no_number_is_refused_instead_of_made_black():
    with pytest.raises(ValueError, match=r"images\[1\] is nan"):
        to_uint8(torch.tensor([0.0, torch.nan]))
    assert to_uint8(torch.tensor([torch.inf, -torch.inf])).tolist() == [255, 0]
