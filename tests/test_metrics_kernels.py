"""KID and MMD: closed forms, a double loop, unbiasedness, memory, and p-values that hold what they say."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel, rbf_kernel
from torch import Tensor
from torch.testing import assert_close

from course_gan.metrics import distances, kid, kid_of_subsets, mmd, mmd_squared, mmd_test
from course_gan.metrics.kernels import median_distance
from course_gan.metrics.mmd import permutation_p_value


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed), dtype=torch.float64)


def off_diagonal_mean(matrix: np.ndarray) -> float:
    n = len(matrix)
    return float((matrix.sum() - np.trace(matrix)) / (n * (n - 1)))


# ---------------------------------------------------------------- KID


@pytest.mark.parametrize(("n", "m", "d"), [(2, 2, 1), (30, 17, 5), (40, 60, 30)])
def test_kid_agrees_with_scikit_learns_kernel(n: int, m: int, d: int) -> None:
    x, y = normal(n, d, 0), normal(m, d, 1) + 0.3
    xx, yy, xy = (polynomial_kernel(a, b, degree=3, gamma=1 / d, coef0=1) for a, b in ((x, x), (y, y), (x, y)))
    assert_close(kid(x, y).item(), off_diagonal_mean(xx) + off_diagonal_mean(yy) - 2 * xy.mean(), rtol=1e-10, atol=0)


def test_kid_of_two_points_each_by_hand() -> None:
    # d = 1: k(x, y) = (xy + 1)³.  k(0, 1) = 1, k(2, 3) = 343; between: 1, 1, 27, 64.
    value = kid(torch.tensor([[0.0], [1.0]]), torch.tensor([[2.0], [3.0]]))
    assert value.item() == 1 + 343 - 2 * (1 + 1 + 27 + 64) / 4


def test_kid_is_22_between_shifted_gaussians() -> None:
    """E (xx'+1)³ = 3·E x² E x'² + 1 and so on: 4 + 26 − 2·4 = 22 for N(0, 1) and N(1, 1)."""
    values = torch.stack([kid(normal(500, 1, s), normal(500, 1, s + 1000) + 1) for s in range(40)])
    assert abs(values.mean().item() - 22) < 4 * (values.std() / 40**0.5).item()
    assert values.std() / 40**0.5 < 1.5


def test_kid_is_unbiased_and_so_may_be_negative() -> None:
    values = torch.stack([kid(normal(20, 3, s), normal(20, 3, s + 1000)) for s in range(200)])
    assert (values < 0).double().mean() > 0.3
    assert abs(values.mean().item()) < 4 * (values.std() / 200**0.5).item()
    x = normal(20, 3)
    assert kid(x, x) < 0  # pairs with itself count on one side only


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 20), st.integers(2, 20), st.integers(1, 20))
def test_kid_is_symmetric_and_invariant(seed: int, n: int, m: int, d: int) -> None:
    x, y = normal(n, d, seed), normal(m, d, seed + 1)
    value = kid(x, y)
    assert_close(kid(y, x), value, rtol=1e-9, atol=1e-9)
    assert_close(kid(x.flip(0), y), value, rtol=1e-9, atol=1e-9)
    turn = torch.linalg.qr(normal(d, d, seed))[0]
    assert_close(kid(x @ turn, y @ turn), value, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("measure", [kid, mmd_squared, mmd])
def test_blocks_change_nothing(measure, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    for d in (2, 30):
        x, y = normal(23, d, 0), normal(31, d, 1)
        whole = measure(x, y)
        monkeypatch.setattr(distances, "BLOCK", 100)
        assert_close(measure(x, y), whole, rtol=1e-11, atol=1e-13)
        monkeypatch.undo()


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_dtypes(dtype: torch.dtype) -> None:
    x, y = normal(30, 4, 0).to(dtype), (normal(40, 4, 1) + 1).to(dtype)
    for measure in (kid, mmd_squared, mmd):
        value = measure(x, y)
        assert value.dtype == dtype
        assert value.shape == ()
        assert_close(value.double(), measure(x.double(), y.double()), rtol=torch.finfo(dtype).eps, atol=0)


def test_subsets_have_the_mean_of_the_whole_and_an_error_that_covers_the_truth() -> None:
    """The standard error of papers, s / √subsets, says nothing about the samples at hand; ours covers 22."""
    covered, naive, runs = 0, 0, 60
    for seed in range(runs):
        x, y = normal(400, 1, seed), normal(400, 1, seed + 1000) + 1
        found = kid_of_subsets(x, y, subsets=30, size=100, generator=seeded(seed))
        spread = found.standard_error.item() / (1 / 30 + 100 / 300) ** 0.5
        covered += abs(found.value.item() - 22) < 2 * found.standard_error.item()
        naive += abs(found.value.item() - 22) < 2 * spread / 30**0.5
    # A 95 % interval; KID's tail is long, so that 53 of 60 do.  The naive one holds 4 of 10.
    assert covered >= 50
    assert naive <= 40


def test_standard_error_of_subsets_formula() -> None:
    x, y = normal(60, 2, 0), normal(50, 2, 1) + 1
    found = kid_of_subsets(x, y, subsets=8, size=10, generator=seeded(4))
    draw, values = seeded(4), []
    for _ in range(8):
        rows = [a[torch.randperm(len(a), generator=draw)[:10]] for a in (x, y)]
        values.append(kid(*rows))
    stacked = torch.stack(values)
    assert_close(found.value, stacked.mean())
    assert_close(found.standard_error, stacked.std() * math.sqrt(1 / 8 + 10 / 40))
    again = kid_of_subsets(x, y, subsets=8, size=10, generator=seeded(4))
    assert again.value == found.value
    assert kid_of_subsets(x, y, subsets=2, size=10).value.isfinite()


def test_default_subsets_are_100_of_1000() -> None:
    x = normal(1100, 1, 0)
    found = kid_of_subsets(x, x + 1, generator=seeded())
    by_hand = kid_of_subsets(x, x + 1, subsets=100, size=1000, generator=seeded())
    assert found.value == by_hand.value


# ---------------------------------------------------------------- MMD


@pytest.mark.parametrize("unbiased", [True, False])
@pytest.mark.parametrize("d", [1, 40])
def test_mmd_agrees_with_scikit_learns_kernel(unbiased: bool, d: int) -> None:
    x, y, bandwidth = normal(30, d, 0), normal(20, d, 1) + 1, 0.7 * d**0.5
    xx, yy, xy = (rbf_kernel(a, b, gamma=1 / (2 * bandwidth**2)) for a, b in ((x, x), (y, y), (x, y)))
    mean = off_diagonal_mean if unbiased else np.mean
    expected = float(mean(xx) + mean(yy) - 2 * xy.mean())
    assert_close(mmd_squared(x, y, bandwidth, unbiased=unbiased).item(), expected, rtol=1e-9, atol=1e-12)


def test_mmd_between_gaussians_closed_form() -> None:
    """E k(x, x') = σ / √(σ² + 2), and times exp(−m² / (2(σ² + 2))) between N(0, 1) and N(m, 1)."""
    sigma, shift = 1.5, 2.0
    inside = sigma / math.sqrt(sigma**2 + 2)
    exact = 2 * inside * (1 - math.exp(-(shift**2) / (2 * (sigma**2 + 2))))
    values = torch.stack([mmd_squared(normal(300, 1, s), normal(300, 1, s + 99) + shift, sigma) for s in range(20)])
    assert abs(values.mean().item() - exact) < 4 * (values.std() / 20**0.5).item()
    assert values.std() / 20**0.5 < 0.02


def test_mmd_is_the_root_of_the_biased_square() -> None:
    x, y = normal(30, 2, 0), normal(30, 2, 1) + 1
    assert_close(mmd(x, y, 1.0) ** 2, mmd_squared(x, y, 1.0, unbiased=False), rtol=1e-12, atol=0)
    assert_close(mmd(x, y, kernel="cubic") ** 2, mmd_squared(x, y, kernel="cubic", unbiased=False), rtol=1e-12, atol=0)
    assert all(mmd(z, z.flip(0)).item() < 1e-7 for z in (normal(9, 3, seed) for seed in range(20)))  # no NaN either
    assert_close(mmd_squared(x, y, kernel="cubic"), kid(x, y), rtol=1e-12, atol=0)


def test_unbiased_mmd_is_negative_half_of_the_time_and_zero_on_average() -> None:
    values = torch.stack([mmd_squared(normal(30, 2, s), normal(30, 2, s + 1000), 1.0) for s in range(200)])
    assert 0.4 < (values < 0).double().mean() < 0.8
    assert abs(values.mean().item()) < 4 * (values.std() / 200**0.5).item()
    biased = mmd_squared(normal(30, 2, 0), normal(30, 2, 1), 1.0, unbiased=False)
    assert biased > 0.01


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(2, 20), st.integers(2, 20), st.integers(1, 20))
def test_mmd_is_symmetric_and_invariant(seed: int, n: int, m: int, d: int) -> None:
    x, y = normal(n, d, seed), normal(m, d, seed + 1)
    value = mmd_squared(x, y)
    assert_close(mmd_squared(y, x), value, rtol=1e-8, atol=1e-10)
    turn, shift = torch.linalg.qr(normal(d, d, seed))[0], 100.0
    assert_close(mmd_squared(x @ turn + shift, (y @ turn + shift).flip(0)), value, rtol=1e-8, atol=1e-10)
    assert_close(mmd_squared(1e-3 * x, 1e-3 * y), value, rtol=1e-8, atol=1e-10)  # the median moves along
    assert -1e-12 <= mmd_squared(x, y, unbiased=False).item() <= 2


def test_median_distance_is_over_pairs_of_different_rows() -> None:
    x, y = torch.tensor([[0.0], [1.0]]), torch.tensor([[3.0], [7.0]])
    assert median_distance(x, y) == 3.0  # of 1, 2, 3, 4, 6, 7 the lower middle one
    large = normal(5000, 2, 0)
    pairs = torch.pdist(large[:1500])
    assert_close(median_distance(large, normal(100, 2, 1)), pairs.median().item(), rtol=0.05, atol=0)


def test_mmd_test_statistic_is_the_unbiased_square() -> None:
    x, y = normal(30, 3, 0), normal(20, 3, 1)
    for kernel, bandwidth in (("gaussian", None), ("gaussian", 2), ("cubic", None)):
        found = mmd_test(x, y, bandwidth, kernel=kernel, permutations=3, generator=seeded())
        assert_close(found.statistic, mmd_squared(x, y, bandwidth, kernel=kernel), rtol=1e-9, atol=1e-12)
    assert mmd_test(x.float(), y.float(), permutations=1).statistic.dtype == torch.float32


def test_mmd_test_permutes_as_a_plain_loop_does(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(8, 2, 0), normal(6, 2, 1) + 0.5
    pooled, draw = torch.cat([x, y]), seeded(7)
    observed, larger = mmd_squared(x, y, 1.0), 0
    for _ in range(99):
        order = torch.randperm(14, generator=draw)
        larger += int(mmd_squared(pooled[order < 8], pooled[order >= 8], 1.0) >= observed)
    expected = (1 + larger) / 100
    assert mmd_test(x, y, 1.0, permutations=99, generator=seeded(7)).p_value == expected
    monkeypatch.setattr(distances, "BLOCK", 30)
    assert mmd_test(x, y, 1.0, permutations=99, generator=seeded(7)).p_value == expected


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_permuted_values_that_equal_the_observed_one_but_for_rounding_count(scale: float) -> None:
    statistics = scale * torch.tensor([1, 1 - 1e-12, 1 + 1e-12, 1 - 1e-8], dtype=torch.float64)
    assert permutation_p_value(statistics) == 3 / 4


def test_permutation_p_value_is_never_zero() -> None:
    x = normal(50, 2, 0)
    assert mmd_test(x, x + 100, generator=seeded()).p_value == 1 / 201  # of 200 permutations, unless said
    assert mmd_test(x, x + 100, permutations=19, generator=seeded()).p_value == 1 / 20
    same = torch.zeros(5, 1)
    assert mmd_test(same, same, 1.0, permutations=19, generator=seeded()).p_value == 1.0


@pytest.mark.parametrize(("n", "m"), [(20, 20), (15, 35)])
def test_mmd_test_is_calibrated(n: int, m: int) -> None:
    """Under the null hypothesis p ≤ α with probability α: 200 seeds, within 3 standard deviations."""
    p = [
        mmd_test(normal(n, 2, s), normal(m, 2, s + 5000), permutations=99, generator=seeded(s)).p_value
        for s in range(200)
    ]
    for level in (0.05, 0.2, 0.5):
        share = sum(value <= level for value in p) / 200
        assert abs(share - level) < 3 * math.sqrt(level * (1 - level) / 200)


def test_mmd_test_has_power() -> None:
    p = [
        mmd_test(normal(60, 2, s), 1.6 * normal(60, 2, s + 5000), permutations=99, generator=seeded(s)).p_value
        for s in range(20)
    ]
    assert sum(value <= 0.05 for value in p) >= 15
