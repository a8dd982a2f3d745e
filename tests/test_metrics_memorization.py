"""Memorization: copies planted and found, an honest generator acquitted, SciPy's Mann-Whitney test, ties."""

import itertools
import math

import pytest
import scipy.stats
import torch
from torch import Tensor
from torch.testing import assert_close

from course_gan.metrics import memorization
from course_gan.metrics.memorization import all_below_probability, mann_whitney


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def to_train(points: Tensor, train: Tensor) -> Tensor:
    return torch.cdist(points, train).min(1).values


@pytest.mark.parametrize("d", [2, 40])
def test_agrees_with_scipys_mann_whitney(d: int) -> None:
    train, generated, held_out = normal(80, d, 0), 0.9 * normal(50, d, 1), normal(70, d, 2)
    found = memorization(train, generated, held_out)
    g, h = to_train(generated, train), to_train(held_out, train)
    reference = scipy.stats.mannwhitneyu(g, h, alternative="less", method="asymptotic")
    assert_close(found.closer, 1 - reference.statistic / (50 * 70), rtol=1e-12, atol=0)
    assert_close(found.p_value, float(reference.pvalue), rtol=1e-9, atol=0)
    assert found.copied == (g < h.min()).double().mean().item()


@pytest.mark.parametrize("values", [4, 2])
def test_ties_count_half_and_narrow_the_variance(values: int) -> None:
    draw = torch.Generator().manual_seed(0)
    a, b = torch.randint(values, (40,), generator=draw), torch.randint(values, (25,), generator=draw)
    share, z = mann_whitney(a.double(), b.double())
    reference = scipy.stats.mannwhitneyu(b, a, alternative="greater", method="asymptotic")
    assert_close(share, reference.statistic / 1000, rtol=1e-12, atol=0)
    assert_close(math.erfc(z / 2**0.5) / 2, float(reference.pvalue), rtol=1e-9, atol=0)
    assert mann_whitney(torch.zeros(3), torch.zeros(4)) == (0.5, 0.0)


def test_probability_that_so_many_undercut_all_held_out_by_enumeration() -> None:
    m, ell = 4, 3
    first = [sum(1 for _ in itertools.takewhile(lambda i: i < m, order)) for order in itertools.permutations(range(7))]
    for count in range(m + 1):
        share = sum(leading >= count for leading in first) / math.factorial(7)
        assert_close(all_below_probability(count, m, ell), share, rtol=1e-12, atol=0)


def test_a_copying_generator_is_found() -> None:
    train = normal(300, 4, 0)
    copies = train[torch.randperm(300, generator=torch.Generator().manual_seed(1))[:200]]
    found = memorization(train, copies, normal(200, 4, 2))
    assert found.closer == 1
    assert found.copied == 1
    assert found.p_value < 1e-30
    assert found.copied_p_value < 1e-30
    near = memorization(train, copies + 1e-3 * normal(200, 4, 3), normal(200, 4, 2))
    assert near.closer > 0.99


def test_a_few_copies_among_bad_samples_are_found_by_the_smallest_distances() -> None:
    """Samples far from all data pull `closer` below ½ and hide the copies; `copied` does not average."""
    train = normal(300, 4, 0)
    generated = torch.cat([train[:10], 3 * normal(190, 4, 1)])
    found = memorization(train, generated, normal(200, 4, 2))
    assert found.closer < 0.4
    assert found.p_value > 0.9
    assert found.copied >= 10 / 200
    assert found.copied_p_value < 0.01


def test_an_honest_generator_is_acquitted_at_the_rate_promised() -> None:
    p, copied, closer = [], [], []
    for seed in range(200):
        train, generated, held_out = (normal(60, 2, 3 * seed + i) for i in range(3))
        found = memorization(train, generated, held_out[:50])
        p.append(found.p_value)
        copied.append(found.copied_p_value)
        closer.append(found.closer)
    for level in (0.05, 0.2, 0.5):
        allowed = 3 * math.sqrt(level * (1 - level) / 200)
        assert abs(sum(value <= level for value in p) / 200 - level) < allowed
        assert sum(value <= level for value in copied) / 200 < level + allowed
    assert abs(sum(closer) / 200 - 0.5) < 4 * math.sqrt(111 / (12 * 60 * 50) / 200)


def test_it_is_held_out_that_sets_the_measure() -> None:
    """A generator that spreads as the data do is honest however dense the training set is."""
    for n in (20, 5000):
        assert 0.35 < memorization(normal(n, 2, 0), normal(200, 2, 1), normal(200, 2, 2)).closer < 0.65


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_dtypes(dtype: torch.dtype) -> None:
    given = [normal(40, 20, seed).to(dtype) for seed in range(3)]
    assert memorization(*given) == memorization(*(value.double() for value in given))


@pytest.mark.parametrize("d", [2, 40])
def test_copies_of_both_kinds_tie(d: int) -> None:
    """Held-out samples that are in the training set as well: their distance is 0 as the copies' is, and ties."""
    train = normal(50, d) + 1000
    found = memorization(train, train[:20], train[20:50])
    assert found == (0.5, pytest.approx(0.5), 0.0, 1.0)


def test_a_difference_within_rounding_is_a_tie_and_a_larger_one_is_not() -> None:
    """Squared distances are right to about 1e-9: 1e-9 closer than all held-out ones is no copy, 1e-7 closer is."""
    train, held_out = torch.zeros(1, 1).double(), torch.ones(1, 1).double()
    assert memorization(train, held_out * (1 - 1e-9), held_out).copied == 0
    assert memorization(train, held_out * (1 - 1e-7), held_out).copied == 1


def test_the_fewest_values_that_can_be_compared() -> None:
    a, b = torch.tensor([0.0]).double(), torch.tensor([1.0, 2.0]).double()
    reference = scipy.stats.mannwhitneyu(b, a, alternative="greater", method="asymptotic")
    share, z = mann_whitney(a, b)
    assert share == 1
    assert_close(math.erfc(z / 2**0.5) / 2, float(reference.pvalue), rtol=1e-9, atol=0)


def test_permuting_rows_changes_nothing() -> None:
    given = [normal(40, 3, seed) for seed in range(3)]
    assert memorization(*given) == memorization(*(value.flip(0) for value in given))
