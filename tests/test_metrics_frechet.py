"""Fréchet distance, feature statistics and the extrapolated FID: closed forms, SciPy's root, ranks, dtypes, bias."""

import inspect
import math

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from course_gan.metrics import (
    FeatureStatistics,
    feature_statistics,
    fid,
    fid_infinity,
    frechet_bias,
    frechet_distance,
)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def features(n: int, d: int, seed: int = 0) -> Tensor:
    """Correlated float64 features of unequal scales, off the origin."""
    draw = seeded(seed)
    mix = torch.randn(d, d, generator=draw, dtype=torch.float64) * torch.logspace(0, -2, d, dtype=torch.float64)
    return torch.randn(n, d, generator=draw, dtype=torch.float64) @ mix + torch.randn(d, generator=draw).double()


def by_scipy(x: Tensor, y: Tensor) -> float:
    """The formula with numpy's moments and SciPy's general matrix root, for covariances of full rank."""
    (m1, c1), (m2, c2) = ((np.mean(a, 0), np.atleast_2d(np.cov(a, rowvar=False))) for a in (x.numpy(), y.numpy()))
    root = scipy.linalg.sqrtm(c1 @ c2)
    return float(((m1 - m2) ** 2).sum() + np.trace(c1 + c2 - 2 * root.real))


# ---------------------------------------------------------------- closed forms and independent software


def test_closed_form_of_two_correlated_gaussians() -> None:
    a, b = torch.tensor([[2, 0.5], [0.5, 1]]).double(), torch.tensor([[1, -0.3], [-0.3, 2]]).double()
    trace_of_root = math.sqrt(torch.trace(a @ b).item() + 2 * math.sqrt(torch.linalg.det(a @ b).item()))
    value = frechet_distance(torch.zeros(2).double(), a, torch.tensor([1.0, -1.0]).double(), b)
    assert_close(value.item(), 2 + 3 + 3 - 2 * trace_of_root, rtol=1e-12, atol=0)
    assert_close(value.item(), 2.5754259, rtol=0, atol=5e-8)


def test_rectified_gaussians_of_the_kid_paper() -> None:
    def relu_moments(mean: float) -> tuple[Tensor, Tensor]:
        density, below = math.exp(-(mean**2) / 2) / math.sqrt(2 * math.pi), math.erfc(mean / math.sqrt(2)) / 2
        first = density + mean * (1 - below)
        second = mean * density + (1 + mean**2) * (1 - below)
        ones = torch.ones(64, dtype=torch.float64)  # of 2048 equal coordinates; the distance adds up over them
        return first * ones, torch.diag((second - first**2) * ones)

    value = frechet_distance(*relu_moments(0.0), *relu_moments(1.0))
    assert_close(value.item() * 2048 / 64, 1123.0447, rtol=0, atol=5e-5)


@pytest.mark.parametrize("d", [1, 2, 7, 40])
def test_fid_agrees_with_scipy(d: int) -> None:
    x, y = features(300, d, 0), features(200, d, 1)
    assert_close(fid(x, y).item(), by_scipy(x, y), rtol=1e-9, atol=1e-9)
    assert_close(frechet_distance(*feature_statistics(x), *feature_statistics(y)), fid(x, y), rtol=1e-12, atol=0)


def test_commuting_covariances_reduce_to_standard_deviations() -> None:
    s, t = torch.tensor([3.0, 0.0, 1e-3, 1e3]).double(), torch.tensor([1.0, 2.0, 1.0, 0.0]).double()
    value = frechet_distance(torch.zeros(4).double(), s.square().diag(), torch.ones(4).double(), t.square().diag())
    assert_close(value, 4 + (s - t).square().sum(), rtol=1e-12, atol=0)


# ---------------------------------------------------------------- ranks


@pytest.mark.parametrize(("n", "m", "d"), [(5, 7, 20), (5, 100, 20), (100, 5, 20), (2, 2, 50), (20, 21, 20), (2, 2, 1)])
def test_fewer_samples_than_features(n: int, m: int, d: int) -> None:
    x, y = features(n, d, 0), features(m, d, 1)
    # The same trace by eigenvalues of the covariances' product, which are real and not negative but for rounding.
    (m1, c1), (m2, c2) = ((a.mean(0), np.cov(a.numpy(), rowvar=False).reshape(d, d)) for a in (x, y))
    roots = np.sqrt(np.clip(np.linalg.eigvals(c1 @ c2).real, 0, None))
    expected = (m1 - m2).square().sum().item() + np.trace(c1) + np.trace(c2) - 2 * roots.sum()
    # An eigenvalue that is rounding, 1e-16, adds its root, 1e-8, to the expected value; to ours it adds nothing.
    assert_close(fid(x, y).item(), expected, rtol=0, atol=d * 1e-7 * (np.trace(c1) + np.trace(c2)))
    assert_close(frechet_distance(*feature_statistics(x), *feature_statistics(y)), fid(x, y), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("n", "d"), [(10, 64), (64, 64), (65, 64), (2000, 64)])
def test_a_set_is_at_distance_zero_from_itself_at_every_rank(n: int, d: int) -> None:
    x = features(n, d)
    scale = x.var(0).sum().item()
    assert 0 <= fid(x, x).item() <= 1e-12 * scale
    assert 0 <= frechet_distance(*feature_statistics(x), *feature_statistics(x)).item() <= 1e-12 * scale


def test_constant_features_have_no_covariance() -> None:
    x, y = torch.ones(10, 3), torch.ones(12, 3) * 3
    assert fid(x, y).item() == 12
    assert frechet_distance(torch.zeros(3), torch.zeros(3, 3), torch.ones(3), torch.eye(3)).item() == 6


def test_a_singular_covariance_in_float32_is_accepted() -> None:
    x = features(20, 50).float()
    cov = torch.from_numpy(np.cov(x.numpy(), rowvar=False)).float()  # eigenvalues down to -1e-7 of the largest
    assert torch.linalg.eigvalsh(cov.double()).min() < 0
    value = frechet_distance(x.mean(0), cov, x.mean(0), cov)
    assert 0 <= value.item() <= 1e-6 * cov.trace().item()


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_rounding_is_measured_by_the_size_of_the_covariance(scale: float) -> None:
    x = math.sqrt(scale) * features(20, 50).float()
    cov, mean = torch.from_numpy(np.cov(x.numpy(), rowvar=False)).float().double(), x.mean(0).double()
    assert torch.linalg.eigvalsh(cov).min() < -1e-9 * scale  # as it was once in float32
    assert 0 <= frechet_distance(mean, cov, mean, cov).item() <= 1e-6 * cov.trace().item()
    noise = 1e-15 * scale * torch.eye(50).double().roll(1, 0)  # a few units in the last place, on one side only
    assert 0 <= frechet_distance(mean, cov + noise, mean, cov).item() <= 1e-6 * cov.trace().item()
    with pytest.raises(ValueError, match="wanted a symmetric covariance"):
        frechet_distance(mean, cov + 1e9 * noise, mean, cov)
    with pytest.raises(ValueError, match="least eigenvalue of cov2"):
        frechet_distance(mean, cov, mean, cov - 1e-3 * cov.abs().max() * torch.eye(50).double())


def test_each_covariance_may_be_off_by_the_rounding_of_its_own_dtype() -> None:
    """[[1, c], [c, 1]] with c a unit in the last place of bfloat16 above 1 has the eigenvalue -2^-7."""
    mean, eye = torch.zeros(2), torch.eye(2)
    cov = torch.tensor([[1, 1 + 2**-7], [1 + 2**-7, 1]])
    for moments in ((mean, cov.bfloat16(), mean, eye), (mean, eye, mean, cov.bfloat16())):
        # Of the eigenvalues 2 + 2^-7 and 0 the second is cut to 0: (sqrt(2 + 2^-7) - 1)² + 1.
        assert_close(frechet_distance(*moments).item(), (math.sqrt(2 + 2**-7) - 1) ** 2 + 1, rtol=1e-6, atol=0)
    for moments in ((mean.bfloat16(), cov, mean, eye), (mean, eye, mean.bfloat16(), cov)):
        with pytest.raises(ValueError, match="least eigenvalue of cov"):
            frechet_distance(*moments)


# ---------------------------------------------------------------- properties


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10**6), st.integers(2, 30), st.integers(2, 30), st.integers(1, 12))
def test_symmetric_and_invariant(seed: int, n: int, m: int, d: int) -> None:
    x, y = features(n, d, seed), features(m, d, seed + 1)
    value, allowed = fid(x, y), {"rtol": 1e-8, "atol": 1e-8}
    assert value >= 0
    assert_close(fid(y, x), value, **allowed)
    draw = seeded(seed)
    assert_close(fid(x[torch.randperm(n, generator=draw)], y), value, **allowed)
    turn = torch.linalg.qr(torch.randn(d, d, generator=draw, dtype=torch.float64))[0]
    shift = torch.randn(d, generator=draw).double()
    assert_close(fid(x @ turn + shift, y @ turn + shift), value, **allowed)
    assert_close(fid(3 * x, 3 * y), 9 * value, **allowed)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.integers(1, 5), st.floats(-1e6, 1e6))
def test_batches_of_any_size_add_up_to_numpys_covariance(sizes: list[int], d: int, offset: float) -> None:
    x = features(sum(sizes) + 1, d) + offset
    statistics = FeatureStatistics()
    for batch in x.split([*sizes, 1]):
        assert statistics.update(batch) is statistics
    assert statistics.count == len(x)
    assert_close(statistics.mean, x.mean(0), rtol=1e-12, atol=1e-12)
    expected = torch.from_numpy(np.cov(x.numpy(), rowvar=False).reshape(d, d))
    assert_close(statistics.cov, expected, rtol=1e-8, atol=1e-9 * (1 + abs(offset) * 1e-6))


def test_statistics_merge_as_processes_do() -> None:
    x = features(100, 4)
    parts = [FeatureStatistics().update(part) for part in x.split([10, 60, 30])]
    merged = FeatureStatistics().merge(FeatureStatistics()).merge(parts[0]).merge(parts[1]).merge(parts[2])
    assert merged.count == 100
    assert_close(merged.mean, x.mean(0), rtol=1e-12, atol=1e-12)
    assert_close(merged.cov, x.T.cov(), rtol=1e-12, atol=1e-12)
    assert parts[0].count == 10, "the first one lent its numbers, not itself"
    assert_close(parts[0].cov, x[:10].T.cov(), rtol=1e-12, atol=1e-12)


def test_a_large_batch_goes_in_pieces() -> None:
    x = torch.randn(9001, 3, generator=seeded())
    mean, cov = feature_statistics(x)
    assert mean.dtype == cov.dtype == torch.float64
    assert_close(cov, x.double().T.cov(), rtol=1e-12, atol=1e-14)


# ---------------------------------------------------------------- dtypes


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("n", [50, 5])
def test_dtype_is_kept_and_only_the_last_rounding_is_felt(dtype: torch.dtype, n: int) -> None:
    x, y = features(n, 8, 0).to(dtype), features(60, 8, 1).to(dtype)
    value = fid(x, y)
    assert value.dtype == dtype
    assert value.shape == ()
    assert_close(value.double(), fid(x.double(), y.double()), rtol=torch.finfo(dtype).eps, atol=0)
    assert fid(x, y.double()).dtype == torch.float64


def test_the_default_dtype_changes_nothing() -> None:
    x = features(30, 4)
    torch.set_default_dtype(torch.float64)
    try:
        wide = fid(x.float(), x.float() + 1)
    finally:
        torch.set_default_dtype(torch.float32)
    assert_close(wide, fid(x.float(), x.float() + 1), rtol=0, atol=0)


def test_no_graph_is_built() -> None:
    x = features(30, 4).requires_grad_()
    assert not fid(x, x).requires_grad


# ---------------------------------------------------------------- traps


def test_trap_fid_with_few_samples() -> None:
    """A perfect generator does not score 0: the bias is d/N + d(d+1)/(4N), and it is tested, not hidden."""
    d = 64
    ideal = torch.zeros(d).double(), torch.eye(d).double()
    for n in (1000, 4000):
        runs = [frechet_distance(*feature_statistics(torch.randn(n, d, generator=seeded(s))), *ideal) for s in range(5)]
        # The paper trial has 1.100 for 1.104 at N = 1000; the next order is d/N of it, 2 % at 4000, 6 % at 1000.
        assert_close(torch.stack(runs).mean().item(), frechet_bias(d, n), rtol=0.06, atol=0)
    both = fid(torch.randn(4000, d, generator=seeded(8)), torch.randn(4000, d, generator=seeded(9)))
    assert_close(both.item(), 2 * frechet_bias(d, 4000), rtol=0.06, atol=0)
    assert frechet_bias(64, 2000) == pytest.approx(0.552)


def test_trap_fid_root_is_complex_or_imaginary() -> None:
    """SciPy's general root of a singular product is complex, and may be far off; `disp` is gone from SciPy 1.18."""
    x, y = features(30, 64, 0), features(30, 64, 1)
    (m1, c1), (m2, c2) = feature_statistics(x), feature_statistics(y)
    wrong = scipy.linalg.sqrtm((c1 @ c2).numpy())
    ours = frechet_distance(m1, c1, m2, c2)
    assert np.iscomplexobj(wrong)
    assert np.abs(np.asarray(wrong).imag).max() > 1e-9
    assert not ours.is_complex()
    naive = ((m1 - m2).square().sum() + (c1 + c2).trace()).item() - 2 * np.trace(wrong).real
    assert abs(naive - fid(x, y).item()) > 100 * abs(ours.item() - fid(x, y).item())
    source = inspect.getsource(inspect.getmodule(inspect.unwrap(fid)))  # type: ignore[arg-type]
    assert "sqrtm" not in source


@pytest.mark.parametrize("offset", [1e4, 1e8])
def test_trap_fid_in_float32_sums(offset: float) -> None:
    """Sums of x xᵀ minus n μ μᵀ: lost in float32 with a mean of 1e4, in float64 with one of 1e8."""
    dtype = torch.float32 if offset == 1e4 else torch.float64
    x = (torch.randn(5000, 3, generator=seeded(), dtype=torch.float64) + offset).to(dtype)
    wrong = (x.T @ x - len(x) * torch.outer(x.mean(0), x.mean(0))) / (len(x) - 1)
    right = x.double().sub(offset).T.cov()
    assert (wrong.double() - right).abs().max() > 0.05
    statistics = FeatureStatistics()
    for batch in x.split(700):
        statistics.update(batch)
    assert_close(statistics.cov, right, rtol=1e-6, atol=1e-6)
    assert_close(fid(x, x + 2).item(), 12.0, rtol=2e-3 if dtype == torch.float32 else 1e-6, atol=0)


def test_trap_covariance_over_n_instead_of_n_minus_one() -> None:
    x = torch.tensor([[0.0], [2.0]])
    assert_close(feature_statistics(x)[1].item(), 2.0)
    # Standard deviations √2 (over n - 1) and 0; over n it would be 1 and 0.
    assert_close(fid(x, torch.ones(2, 1)).item(), 2.0)
    assert_close(
        fid(features(3, 1), torch.zeros(3, 1).double()).item(),
        features(3, 1).square().sum().item() / 3
        + features(3, 1).var(0).item()
        - features(3, 1).var(0, correction=0).item(),
    )


# ---------------------------------------------------------------- extrapolation


def test_fid_infinity_removes_the_bias_of_the_generated_samples() -> None:
    d, runs = 16, []
    real = torch.randn(40_000, d, generator=seeded(100))
    for seed in range(6):
        generated = torch.randn(3000, d, generator=seeded(seed))
        found = fid_infinity(real, generated, points=10, smallest=300, generator=seeded(seed))
        assert found.sizes == list(range(300, 3001, 300))
        assert_close(found.values[-1], fid(real, generated), rtol=1e-5, atol=0)
        runs.append([found.slope.item(), found.value.item(), found.values[-1].item()])
    slope, value, plain = torch.tensor(runs).mean(0).tolist()
    # The slope is the d + d(d+1)/4 of the bias; one pool's luck moves it by a fifth, the mean of six by a tenth.
    assert_close(slope, frechet_bias(d, 1), rtol=0.25, atol=0)
    assert plain > 0.02
    assert abs(value) < plain / 3


def test_fid_infinity_is_the_least_squares_line() -> None:
    x, y = features(400, 3, 0), features(300, 3, 1)
    found = fid_infinity(x, y, points=6, generator=seeded())
    slope, value = np.polyfit([1 / size for size in found.sizes], found.values.numpy(), 1)
    assert_close([found.slope.item(), found.value.item()], [slope, value], rtol=1e-9, atol=0)
    assert found.value.dtype == torch.float64


def test_fid_infinity_depends_on_its_generator_alone() -> None:
    x, y = features(100, 3, 0).float(), features(100, 3, 1).float()
    torch.manual_seed(1)
    first, state = fid_infinity(x, y, generator=seeded(5)), torch.get_rng_state()
    second = fid_infinity(x, y, generator=seeded(5))
    assert torch.equal(torch.get_rng_state(), state)
    assert first.value == second.value
    assert first.value.dtype == torch.float32
    assert first.value != fid_infinity(x, y, generator=seeded(6)).value
    assert fid_infinity(x, y).value.isfinite()


def test_fid_infinity_starts_above_the_number_of_features() -> None:
    x = features(200, 40)
    assert fid_infinity(x, x, points=3, generator=seeded()).sizes == [80, 140, 200]
    assert fid_infinity(x[:, :2], x[:, :2], points=3, generator=seeded()).sizes == [20, 110, 200]


def test_fid_infinity_by_default_begins_at_half_where_there_are_few_samples() -> None:
    x = features(100, 40)
    assert fid_infinity(x, x, points=2, generator=seeded()).sizes == [50, 100]
    fewest = features(3, 1)
    assert fid_infinity(fewest[:2], fewest, points=2, generator=seeded()).sizes == [2, 3]
    assert fid_infinity(fewest[:2], fewest, points=2, smallest=2, generator=seeded()).sizes == [2, 3]


@pytest.mark.parametrize(("d", "n", "name"), [(0, 5, "d"), (4, 0, "n"), (4, -1, "n")])
def test_the_bias_is_that_of_some_samples_and_features(d: int, n: int, name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} is {d if name == 'd' else n}; wanted a whole number of at least 1"):
        frechet_bias(d, n)
