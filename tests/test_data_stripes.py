"""Plain and striped shapes: no shape is in two sets, the withheld pairs are pairs, and the same seed gives the same."""

import itertools

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from course_gan.data import stripes

BRIGHT = (torch.arange(32) % 4 < 2)[:, None].expand(32, 32)


@pytest.fixture(scope="module")
def domains():
    return stripes(400, 200, seed=1)


def test_shapes_counts_and_range(domains):
    assert [tuple(part.shape) for part in domains] == [(400, 1, 32, 32)] * 2 + [(200, 1, 32, 32)] * 2
    for part in domains:
        assert part.dtype == torch.float32
        assert part.min() == -1
        assert 0.9 < part.max() <= 1
        assert (part.flatten(1).amax(1) >= 0.5).all()
    assert stripes(2, 0).pairs_plain.shape == (0, 1, 32, 32)
    assert stripes(2, 1, size=48).plain.shape == (2, 1, 48, 48)


def test_a_striped_image_is_the_plain_one_in_bright_rows_and_dark_in_the_others(domains):
    plain, striped = domains.pairs_plain[:, 0], domains.pairs_striped[:, 0]
    assert_close(striped[:, BRIGHT], plain[:, BRIGHT], rtol=0, atol=0)
    fill = plain.amax((1, 2), keepdim=True)
    coverage = (plain + 1) / (fill + 1)
    assert_close(striped[:, ~BRIGHT], (-1 + 0.5 * coverage)[:, ~BRIGHT], rtol=0, atol=1e-6)
    assert ((striped - plain).abs().amax((1, 2)) > 0.9).all()  # every shape is tall enough to show a stripe


def test_the_training_sets_are_of_their_domain(domains):
    def dark(images):
        """Pixels that are dark although they lie within a shape: between two bright ones of their column."""
        return ((images[:, 0] + 0.5).abs() < 1e-6).flatten(1).sum(1)

    assert (dark(domains.striped) > 10).all()
    assert (dark(domains.plain) < 5).all()


def test_no_shape_is_in_two_sets(domains):
    """Two images show the same shape if they agree in the bright rows; plain and striped ones alike."""
    parts = [part[:, 0][:, BRIGHT] for part in (domains.plain, domains.striped, domains.pairs_plain)]
    everything = torch.cat(parts)
    distance = torch.cdist(everything, everything).fill_diagonal_(torch.inf)
    assert distance.min() > 0.05
    assert (torch.cdist(parts[2], domains.pairs_striped[:, 0][:, BRIGHT]).argmin(1) == torch.arange(200)).all()


def test_the_kinds_come_equally_often_in_both_domains_and_the_domains_differ_in_nothing_but_stripes():
    domains = stripes(1500, 0, seed=2)
    plain, striped = (part[:, 0][:, BRIGHT] for part in (domains.plain, domains.striped))
    for measure in (lambda x: x.amax(1), lambda x: (x > 0).float().mean(1), lambda x: x.std(1)):
        assert stats.ks_2samp(measure(plain).numpy(), measure(striped).numpy()).pvalue > 1e-3
    # A disc, a square and a triangle fill different shares of the square around them.
    ink = (domains.plain[:, 0] > 0).numpy()
    kinds = [0, 0, 0]
    for mask in ink:
        rows, columns = np.nonzero(mask)
        points = np.stack([rows, columns]) - [[rows.mean()], [columns.mean()]]
        reach = np.hypot(*points).max()
        share = mask.sum() / (np.pi * (reach + 0.5) ** 2)  # 1 for a disc, 2/π for a square, 0.41 for a triangle
        kinds[int(np.abs(np.array([0.41, 2 / np.pi, 1.0]) - share).argmin())] += 1
    assert stats.chisquare(kinds).pvalue > 1e-3


def test_place_size_brightness_and_angle_vary_over_their_range_and_on_their_own():
    plain = stripes(1500, 0, seed=4).plain[:, 0]
    brightness = plain.amax((1, 2))
    coverage = (plain + 1) / (brightness[:, None, None] + 1)
    area = coverage.sum((1, 2))
    ticks = (torch.arange(32) + 0.5) / 32
    x, y = ((coverage * at).sum((1, 2)) / area for at in (ticks, ticks[:, None]))
    for value, low, high in ((brightness, 0.5, 1.0), (x, 0.4, 0.6), (y, 0.4, 0.6)):
        assert stats.kstest(((value - low) / (high - low)).numpy(), "uniform").pvalue > 1e-3
    for one, other in itertools.combinations((brightness, x, y, area), 2):
        assert abs(stats.pearsonr(one, other).statistic) < 4 / 1500**0.5
    # The s-th power of the points around the center turns s times as far as a polygon of s sides; a disc has no angle.
    points = torch.complex(*torch.broadcast_tensors(ticks - x[:, None, None], (ticks - y[:, None])[:, :, None]))
    for corners in (3, 4):
        power = (coverage * points**corners).sum((1, 2)) / (coverage * points.abs() ** corners).sum((1, 2))
        turned = power[power.abs() > 0.1].angle() / (2 * np.pi) + 0.5
        assert 400 < len(turned) < 600
        assert stats.kstest(turned.numpy(), "uniform").pvalue > 1e-3


def test_shapes_lie_inside_the_image():
    for part in stripes(1000, 0, seed=3)[:2]:
        border = torch.cat([part[..., 0, :], part[..., -1, :], part[..., :, 0], part[..., :, -1]], -1)
        assert (border == -1).all()


def test_the_same_arguments_give_the_same_images_and_other_seeds_others(domains):
    before = torch.get_rng_state()
    for a, b in zip(stripes(400, 200, seed=1), domains):
        assert_close(a, b, rtol=0, atol=0)
    assert_close(torch.get_rng_state(), before)
    other = stripes(400, 200, seed=2)
    assert all(not torch.equal(a, b) for a, b in zip(other, domains))
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(domains[2:], 2))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n": 0}, "n is 0"),
        ({"pairs": -1}, "pairs is -1"),
        ({"size": 8}, "size is 8"),
        ({"seed": -1}, "seed is -1"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        stripes(**arguments)
