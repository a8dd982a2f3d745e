"""Stacked-MNIST: three independent digits, one a channel, whose labels are the digits of the mode."""

import inspect

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from course_gan.data import Batches, digits, sets, stacked_mnist, stacked_sampler

# Ten images that say their label: image k is k everywhere.
IMAGES = torch.arange(10, dtype=torch.uint8).view(10, 1, 1, 1).expand(10, 1, 4, 4).contiguous()
LABELS = torch.arange(10)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_trap_stacked_label_order():
    """The mode is 100a + 10b + c of the channels in their order; the reverse order gives other modes."""
    images, modes = stacked_mnist(500, seeded(), images=IMAGES, labels=LABELS)
    a, b, c = images[:, :, 0, 0].long().unbind(1)
    assert_close(modes, 100 * a + 10 * b + c, rtol=0, atol=0)
    assert (modes != 100 * c + 10 * b + a).any()
    assert images.dtype == torch.uint8
    assert modes.dtype == torch.int64


def test_channels_are_independent_and_all_thousand_modes_are_equally_likely():
    modes = stacked_mnist(50_000, seeded(1), images=IMAGES, labels=LABELS)[1]
    counts = torch.bincount(modes, minlength=1000)
    assert len(counts) == 1000
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_a_pixel_stays_in_its_place():
    x = torch.rand(20, 1, 5, 6, generator=seeded())
    images, modes = stacked_mnist(30, seeded(), images=x, labels=torch.arange(20) % 10)
    assert images.shape == (30, 3, 5, 6)
    for image, mode in zip(images, modes):
        for channel, digit in zip(image, (int(mode) // 100, int(mode) // 10 % 10, int(mode) % 10)):
            assert any(torch.equal(channel, x[k, 0]) for k in (digit, digit + 10))


@pytest.mark.parametrize(("size", "before", "after"), [(4, 0, 0), (8, 2, 2), (7, 1, 2)])
def test_frames_are_black_and_the_digit_is_in_the_middle(size, before, after):
    for images, black in ((IMAGES + 1, 0), (IMAGES / 10, -1)):
        framed, _ = stacked_mnist(20, seeded(), images=images, labels=LABELS, size=size)
        plain, _ = stacked_mnist(20, seeded(), images=images, labels=LABELS)
        assert framed.shape == (20, 3, size, size)
        assert_close(framed[:, :, before : size - after, before : size - after], plain, rtol=0, atol=0)
        assert (framed == black).sum() == 20 * 3 * (size**2 - 16)


def test_an_image_that_is_not_square_is_in_the_middle_both_ways():
    images = torch.ones(10, 1, 2, 5, dtype=torch.uint8)
    framed, _ = stacked_mnist(1, seeded(), images=images, labels=LABELS, size=8)
    expected = torch.zeros(1, 3, 8, 8, dtype=torch.uint8)
    expected[:, :, 3:5, 1:6] = 1
    assert_close(framed, expected, rtol=0, atol=0)


def test_scikit_learns_digits_are_an_offline_stand_in():
    images, labels = digits()
    stacked, modes = stacked_mnist(100, seeded(), images=images, labels=labels)
    assert stacked.shape == (100, 3, 8, 8)
    assert stacked.dtype == torch.float32
    assert stacked.min() == -1
    assert modes.max() < 1000


def test_the_sampler_is_a_source_of_batches_and_seeded():
    sampler = stacked_sampler(IMAGES, LABELS, 8)
    x, modes = next(Batches(sampler, 5))
    assert (x.shape, x.dtype, modes.shape) == ((5, 3, 8, 8), torch.float32, (5,))
    before = torch.get_rng_state()
    first, again, other = sampler(5, seeded()), sampler(5, seeded()), sampler(5, seeded(1))
    assert_close(first[1], again[1], rtol=0, atol=0)
    assert not torch.equal(first[1], other[1])
    assert_close(torch.get_rng_state(), before)
    assert stacked_mnist(0, images=IMAGES, labels=LABELS)[0].shape == (0, 3, 4, 4)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"images": IMAGES}, "Only one of images and labels"),
        ({"labels": LABELS}, "Only one of images and labels"),
        ({"images": IMAGES, "labels": LABELS[:9]}, r"labels \(9,\)"),
        ({"images": IMAGES[:, 0], "labels": LABELS}, r"images\[:, None\]"),
        ({"images": IMAGES.expand(10, 3, 4, 4), "labels": LABELS}, "gray images"),
        ({"images": IMAGES[:0], "labels": LABELS[:0]}, r"\(0, 1, 4, 4\)"),
        ({"images": IMAGES, "labels": LABELS, "size": 3}, "size is 3; wanted at least 4"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(stacked_mnist)(2, **arguments)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int32, torch.int64])
def test_modes_of_short_whole_numbers_do_not_wrap_around(dtype):
    modes = inspect.unwrap(stacked_mnist)(500, seeded(), images=IMAGES, labels=LABELS.to(dtype))[1]
    assert modes.dtype == torch.int64
    assert_close(modes, stacked_mnist(500, seeded(), images=IMAGES, labels=LABELS)[1])
    assert modes.max() > 900


def test_lists_and_labels_with_fractions_are_refused_with_what_to_do():
    for images, labels in ((IMAGES, LABELS.float()), (IMAGES, LABELS.tolist()), ([0.0], LABELS)):
        with pytest.raises(TypeError, match=r"labels .*; wanted two tensors, the labels of whole numbers. Pass"):
            inspect.unwrap(stacked_mnist)(2, images=images, labels=labels)
    with pytest.raises(ValueError, match=r"size is 32\.0; wanted a whole number"):
        inspect.unwrap(stacked_mnist)(2, images=IMAGES, labels=LABELS, size=32.0)


def test_without_mnist_the_error_says_which_files_to_put_where(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_GAN_DATA", str(tmp_path))
    with pytest.raises(sets.NotObtained, match="train-images-idx3-ubyte"):
        stacked_mnist(2)


def test_stacked_real_mnist():
    if not sets.status(sets.find("MNIST"), sets.root()).present:
        pytest.skip("MNIST is not present; set COURSE_GAN_DATA to the folder that holds MNIST/raw")
    images, modes = stacked_mnist(64, seeded(), size=32)
    assert images.shape == (64, 3, 32, 32)
    assert images.dtype == torch.uint8
    assert modes.unique().numel() > 50
    assert (images[:, :, :2] == 0).all()
    assert (images.flatten(2).amax(2) > 200).all()
