"""Modes captured, share of high quality, and what a perfect sampler scores: SciPy, simulation, planted failures."""

import inspect
import math
from fractions import Fraction

import pytest
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from course_gan.metrics import (
    expected_modes_hit,
    high_quality_ceiling,
    mode_histogram_floor,
    mode_histogram_kl,
    modes,
    modes_hit,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ring(radius: float = 1.0) -> Tensor:
    angles = torch.arange(8).double() * math.pi / 4
    return radius * torch.stack([angles.cos(), angles.sin()], 1)


def perfect(n: int, std: float, seed: int = 0) -> Tensor:
    draw = seeded(seed)
    chosen = torch.randint(8, (n,), generator=draw)
    return ring()[chosen] + std * torch.randn(n, 2, generator=draw, dtype=torch.float64)


def test_a_perfect_generator_reaches_the_ceiling_and_not_more() -> None:
    captured, share = modes(perfect(100_000, 0.01), ring(), 0.01)
    ceiling = high_quality_ceiling(2)
    assert captured == 8
    assert abs(share - ceiling) < 4 * math.sqrt(ceiling * (1 - ceiling) / 100_000)


def test_a_share_above_the_ceiling_means_too_tight() -> None:
    assert modes(perfect(2500, 0.005), ring(), 0.01)[1] > high_quality_ceiling(2) + 0.01


def test_modes_dropped_are_not_captured() -> None:
    samples = ring()[:3].repeat(10, 1)
    assert modes(samples, ring(), 0.01) == (3, 1.0)


def test_a_mode_is_captured_by_high_quality_samples_only() -> None:
    samples = torch.cat([ring()[:1], ring()[4:5] * 1.05])  # the second lies 5 standard deviations out
    assert modes(samples, ring(), 0.01) == (1, 0.5)
    assert modes(ring(3.0), ring(), 0.01) == (0, 0.0)


def test_one_sample_of_high_quality_captures() -> None:
    samples = torch.cat([ring()[:1].repeat(999, 1), ring()[5:6]])
    assert modes(samples, ring(), 0.01)[0] == 2


@pytest.mark.parametrize("d", [1, 2, 5, 50])
def test_within_three_standard_deviations_of_the_euclidean_distance(d: int) -> None:
    centers = torch.zeros(1, d).double()
    out = torch.ones(d).double() / d**0.5
    samples = torch.stack([2.999 * 0.2 * out, 3.001 * 0.2 * out])
    assert modes(samples, centers, 0.2) == (1, 0.5)
    assert modes(samples, centers, 0.2, within=2) == (0, 0.0)
    assert modes(samples, centers, torch.tensor(0.2), within=10) == (1, 1.0)


def test_the_border_belongs_to_the_high_quality_region() -> None:
    assert modes(torch.tensor([[3.0]]), torch.tensor([[0.0]]), 1) == (1, 1.0)


def test_the_nearest_mode_counts_not_any() -> None:
    centers = torch.tensor([[0.0], [1.0]])
    assert modes(torch.tensor([[0.4]]), centers, 1) == (1, 1.0)  # within 3 of both, captured one


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(1, 40), st.integers(1, 6), st.integers(1, 4))
def test_invariant(seed: int, n: int, k: int, d: int) -> None:
    draw = seeded(seed)
    samples, centers = torch.randn(n, d, generator=draw).double(), torch.randn(k, d, generator=draw).double()
    found = modes(samples, centers, 0.2)
    assert modes(samples.flip(0), centers.flip(0), 0.2) == found
    assert modes(4 * samples, 4 * centers, 0.8) == found
    assert modes(samples.repeat(2, 1), centers, 0.2) == found


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_dtypes_and_plain_results(dtype: torch.dtype) -> None:
    captured, share = modes(ring().to(dtype), ring().to(dtype), 0.01)
    assert (captured, share) == (8, 1.0)
    assert type(captured) is int
    assert type(share) is float


# ---------------------------------------------------------------- ceilings and floors


@pytest.mark.parametrize("d", [1, 2, 3, 10, 1200])
def test_ceiling_is_chi_squared(d: int) -> None:
    assert_close(high_quality_ceiling(d), float(scipy.stats.chi2.cdf(9, d)), rtol=1e-9, atol=1e-300)
    assert_close(high_quality_ceiling(d, 10), float(scipy.stats.chi2.cdf(100, d)), rtol=1e-9, atol=1e-300)


def test_ceiling_in_the_plane() -> None:
    assert_close(high_quality_ceiling(2), 1 - math.exp(-4.5), rtol=1e-12, atol=0)
    assert_close(high_quality_ceiling(2), 0.9888910, rtol=0, atol=5e-8)


def test_histogram_kl_closed_forms() -> None:
    assert mode_histogram_kl(torch.arange(10), 10) == 0
    assert_close(mode_histogram_kl(torch.zeros(5, dtype=torch.int64), 1000), math.log(1000), rtol=1e-12, atol=0)
    labels = torch.tensor([0] * 9 + [1])
    exact = float(scipy.stats.entropy([0.9, 0.1, 0], [1 / 3] * 3))
    assert_close(mode_histogram_kl(labels, 3), exact, rtol=1e-12, atol=0)
    assert type(mode_histogram_kl(labels.to(torch.uint8), 3)) is float


def test_histogram_floor_is_what_a_perfect_sampler_scores() -> None:
    runs = torch.tensor([mode_histogram_kl(torch.randint(100, (2600,), generator=seeded(s)), 100) for s in range(200)])
    floor = mode_histogram_floor(100, 2600)
    assert_close(runs.mean().item(), floor, rtol=0.03, atol=0)  # error of the mean 1 %, next order 2 %
    assert_close(mode_histogram_floor(1000, 26_000), 0.0192115, rtol=0, atol=5e-8)


def test_expected_modes_hit() -> None:
    assert_close(expected_modes_hit(1000, 2500), 918.02, rtol=0, atol=5e-3)
    assert_close(expected_modes_hit(1000, 10_000), 999.95, rtol=0, atol=5e-3)
    assert expected_modes_hit(7, 1) == pytest.approx(1)
    assert expected_modes_hit(2, 2) == pytest.approx(1.5)  # two throws of a coin show both sides in half of the cases
    hits = [modes_hit(torch.randint(1000, (2500,), generator=seeded(s)), 1000) for s in range(50)]
    assert abs(sum(hits) / 50 - 918.02) < 4 * 7.4 / 50**0.5  # the standard deviation of one count is 7.4


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int8, torch.int16, torch.int32])
def test_labels_of_short_whole_numbers_know_a_thousand_classes(dtype: torch.dtype) -> None:
    labels = torch.arange(120)
    assert inspect.unwrap(modes_hit)(labels.to(dtype), 1000) == 120
    short = inspect.unwrap(mode_histogram_kl)(labels.to(dtype), 1000)
    assert short == mode_histogram_kl(labels, 1000)
    with pytest.raises(ValueError, match=r"labels\[0\] is 100; wanted labels from 0 to 99"):
        inspect.unwrap(modes_hit)(torch.tensor([100], dtype=dtype), 100)


def test_modes_hit() -> None:
    assert modes_hit(torch.tensor([3, 3, 0]), 4) == 2


def test_expected_modes_keep_their_digits_when_there_are_many() -> None:
    classes, n = 10**12, 10
    exact = classes * (1 - (1 - Fraction(1, classes)) ** n)
    assert_close(expected_modes_hit(classes, n), float(exact), rtol=1e-14, atol=0)
    assert expected_modes_hit(1, 3) == 1


def test_the_kl_of_a_uniform_histogram_is_not_below_zero() -> None:
    assert all(mode_histogram_kl(torch.arange(k), k) >= 0 for k in range(1, 60))  # at 49 rounding made it -1e-16
