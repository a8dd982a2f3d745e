"""Closed forms between Gaussians: against integration, SciPy's matrix root, singular covariances, near equality."""

import inspect
import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from scipy.integrate import quad
from scipy.linalg import sqrtm
from scipy.stats import norm
from torch import Tensor
from torch.testing import assert_close

from course_gan.transport import wasserstein, wasserstein_gaussian, wasserstein_multivariate_gaussian

SEARCH = settings(deadline=None, derandomize=True, max_examples=40)
raw, raw_multivariate = inspect.unwrap(wasserstein_gaussian), inspect.unwrap(wasserstein_multivariate_gaussian)
number, scale = st.floats(-5, 5), st.one_of(st.just(0.0), st.floats(0.01, 5))


def double(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@pytest.mark.parametrize(
    ("q", "w1"), [((1.0, 1.0), 1.0), ((0.0, 2.0), math.sqrt(2 / math.pi)), ((1.0, 2.0), 1.1666309), ((0.0, 1.0), 0.0)]
)
def test_w1_of_the_table(q: tuple[float, float], w1: float) -> None:
    assert_close(wasserstein_gaussian(0.0, 1.0, *q, p=1), double(w1), rtol=0, atol=1e-7)


def test_w2_of_the_table_is_the_root_of_two() -> None:
    assert_close(wasserstein_gaussian(0.0, 1.0, 1.0, 2.0), double(math.sqrt(2)))


@SEARCH
@given(mu_p=number, sigma_p=scale, mu_q=number, sigma_q=scale)
def test_closed_forms_are_the_integrals_over_quantiles(
    mu_p: float, sigma_p: float, mu_q: float, sigma_q: float
) -> None:
    m, s = mu_p - mu_q, sigma_p - sigma_q
    kink = [-m / s] if abs(s) > abs(m) / 8 and s != 0 else None
    w1 = quad(lambda z: abs(m + s * z) * norm.pdf(z), -9, 9, points=kink)[0]
    w2 = math.sqrt(quad(lambda z: (m + s * z) ** 2 * norm.pdf(z), -9, 9)[0])
    assert float(wasserstein_gaussian(mu_p, sigma_p, mu_q, sigma_q, p=1)) == pytest.approx(w1, rel=1e-6, abs=1e-8)
    assert float(wasserstein_gaussian(mu_p, sigma_p, mu_q, sigma_q, p=2)) == pytest.approx(w2, rel=1e-6, abs=1e-8)
    assert w1 <= w2 + 1e-9


@pytest.mark.parametrize("p", [1, 2])
def test_one_dimension_broadcasts_differentiates_and_keeps_dtype(p: int) -> None:
    value = wasserstein_gaussian(torch.zeros(3, 1), 1.0, torch.ones(2), torch.tensor([1.0, 2.0]), p)
    assert value.shape == (3, 2)
    assert wasserstein_gaussian(torch.zeros(1).half(), 1.0, 1.0, 3.0, p).dtype == torch.float16
    given = tuple(double(v).requires_grad_() for v in (0.3, 1.0, -0.4, 2.0))
    assert torch.autograd.gradcheck(lambda *v: wasserstein_gaussian(*v, p), given)
    # Equal spreads (W1) and equal Gaussians (W2) are corners of the formulas.
    mu, sigma = double(0.0).requires_grad_(), double(1.0).requires_grad_()
    gradients = torch.autograd.grad(wasserstein_gaussian(mu, sigma, double(0.0), double(1.0), p), (mu, sigma))
    assert all(gradient.isfinite() for gradient in gradients)


def test_w2_in_one_dimension_neither_overflows_nor_underflows() -> None:
    assert_close(wasserstein_gaussian(torch.tensor(3e30), 4e30, 0.0, 0.0), torch.tensor(5e30))
    assert_close(wasserstein_gaussian(torch.tensor(3e-30), 4e-30, 0.0, 0.0), torch.tensor(5e-30), rtol=1e-6, atol=0)


def moments(d: int, seed: int, rank: int | None = None) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    root = torch.randn(d, rank or d, dtype=torch.float64, generator=generator)
    return torch.randn(d, dtype=torch.float64, generator=generator), root @ root.T


def test_frechet_distance_of_the_table() -> None:
    p = double([0, 0]), double([[2, 0.5], [0.5, 1]])
    q = double([1, -1]), double([[1, -0.3], [-0.3, 2]])
    assert_close(wasserstein_multivariate_gaussian(*p, *q).square(), double(2.5754259), rtol=0, atol=1e-7)


@SEARCH
@given(d=st.integers(1, 6), seed=st.integers(0, 999))
def test_many_dimensions_are_those_of_the_matrix_root(d: int, seed: int) -> None:
    (mean_p, cov_p), (mean_q, cov_q) = moments(d, seed), moments(d, seed + 1)
    root = sqrtm(cov_p.numpy())
    cross = torch.from_numpy(sqrtm(root @ cov_q.numpy() @ root).real)
    squared = (mean_p - mean_q).square().sum() + (cov_p + cov_q - 2 * cross).trace()
    value = wasserstein_multivariate_gaussian(mean_p, cov_p, mean_q, cov_q)
    assert_close(value.square(), squared, rtol=1e-7, atol=1e-7)
    assert_close(value, wasserstein_multivariate_gaussian(mean_q, cov_q, mean_p, cov_p), rtol=1e-9, atol=1e-9)


def test_commuting_covariances_are_axes_by_themselves() -> None:
    a, b, gap = double([4, 1, 0]), double([1, 9, 0]), double([1, 2, 3])
    axes = wasserstein_gaussian(gap, a.sqrt(), double([0, 0, 0]), b.sqrt())
    value = wasserstein_multivariate_gaussian(gap, a.diag(), torch.zeros(3).double(), b.diag())
    assert_close(value, axes.norm())


@pytest.mark.parametrize("ranks", [(1, 1), (1, 3), (2, 1), (3, 2)])
def test_singular_covariances_obey_the_triangle_and_the_trace_formula(ranks: tuple[int, int]) -> None:
    (mean_p, cov_p), (mean_q, cov_q) = moments(3, 0, ranks[0]), moments(3, 1, ranks[1])
    # tr (A½ B A½)½ is the sum of the roots of the eigenvalues of A B.
    cross = torch.linalg.eigvals(cov_p @ cov_q).real.clamp(min=0).sqrt().sum()
    squared = (mean_p - mean_q).square().sum() + cov_p.trace() + cov_q.trace() - 2 * cross
    value = wasserstein_multivariate_gaussian(mean_p, cov_p, mean_q, cov_q)
    assert_close(value.square(), squared, rtol=1e-6, atol=1e-6)  # the root of an eigenvalue of 1e-16 is 1e-8


def test_two_points_are_gaussians_without_spread() -> None:
    zero = torch.zeros(2, 2).double()
    assert_close(wasserstein_multivariate_gaussian(double([0, 0]), zero, double([3, 4]), zero), double(5.0))


@pytest.mark.parametrize("gap", [1e-3, 1e-6, 1e-9])
def test_near_covariances_keep_their_digits(gap: float) -> None:
    _, cov = moments(5, 0)
    zero = torch.zeros(5).double()
    value = wasserstein_multivariate_gaussian(zero, cov, zero, cov * (1 + gap) ** 2)
    assert_close(value, gap * cov.trace().sqrt(), rtol=1e-5, atol=1e-14)
    lossy = (cov.trace() * (1 + (1 + gap) ** 2 - 2 * (1 + gap))).abs().sqrt()
    if gap < 1e-8:
        assert abs(float(lossy / value) - 1) > 0.01  # what the difference of the traces would make of it


def test_equal_gaussians_are_at_distance_zero() -> None:
    mean, cov = moments(20, 3)
    assert float(wasserstein_multivariate_gaussian(mean, cov, mean, cov)) < 1e-12


def test_it_is_below_the_cost_of_any_map_and_samples_come_near() -> None:
    (mean_p, cov_p), (mean_q, cov_q) = moments(2, 4), moments(2, 5)
    z = torch.randn(600, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x = mean_p + z @ torch.linalg.cholesky(cov_p).T
    y = mean_q + z.flip(0) @ torch.linalg.cholesky(cov_q).T
    exact = float(wasserstein_multivariate_gaussian(mean_p, cov_p, mean_q, cov_q))
    assert float(wasserstein(x, y)) == pytest.approx(exact, rel=0.1)  # 600 samples show a mean to 4 %


def test_batches_broadcast_and_half_precision_comes_back() -> None:
    mean, cov = moments(3, 0)
    means = torch.stack([mean, mean + 1, mean + 2])
    value = wasserstein_multivariate_gaussian(means, cov, mean, cov.expand(3, 3, 3))
    assert_close(value, math.sqrt(3) * double([0, 1, 2]), rtol=1e-12, atol=1e-12)
    half = [t.bfloat16() for t in (torch.zeros(2), torch.eye(2), torch.ones(2), torch.eye(2))]
    assert wasserstein_multivariate_gaussian(*half).dtype == torch.bfloat16


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_rounding_is_measured_by_the_size_of_the_covariance(scale: float) -> None:
    mean, cov = torch.zeros(3).double(), scale * moments(3, 0, 1)[1]
    smallest = torch.linalg.eigvalsh(cov)[0]
    noise = 1e-15 * scale * double([[0, 1, 0], [0, 0, 0], [0, 0, 0]])  # a few units in the last place
    assert float(wasserstein_multivariate_gaussian(mean, cov + noise, mean, cov)) < 1e-6 * math.sqrt(scale)
    assert abs(float(smallest)) < 1e-14 * scale  # of either sign: its eigenvalues are rounding
    with pytest.raises(ValueError, match="wanted a symmetric covariance"):
        wasserstein_multivariate_gaussian(mean, cov + 1e9 * noise, mean, cov)
    with pytest.raises(ValueError, match="eigenvalue of cov_q"):
        wasserstein_multivariate_gaussian(mean, cov, mean, cov - 1e-6 * scale * torch.eye(3).double())


EYE, ZERO = torch.eye(2), torch.zeros(2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, -1.0, 0.0, 1.0), "sigma_p is -1; wanted finite numbers, and standard deviations of at least 0"),
        ((0.0, 1.0, math.nan, 1.0), "mu_q is nan"),
        ((0.0, 1.0, 0.0, 1.0, 3), "p is 3; wanted 1 or 2"),
        ((0.0, 1.0, 0.0, 1.0, "2"), "p is '2'; wanted 1 or 2"),
        ((torch.zeros(2), 1.0, torch.zeros(3), 1.0), r"mu_p \(2,\), .*; wanted batch axes that broadcast"),
        ((torch.zeros(2, device="meta"), 1.0, 0.0, 1.0), "mu_p is on the meta device"),
        ((torch.tensor([0]), 1.0, 0.0, 1.0), "floating-point"),
    ],
)
def test_bad_gaussians_are_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        raw(*arguments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((ZERO, EYE, ZERO, torch.eye(3)), r"cov_q has shape \(3, 3\)"),
        ((torch.tensor(0.0), EYE, ZERO, EYE), r"\(\*batch, d\)"),
        ((ZERO, -EYE, ZERO, EYE), "eigenvalue of cov_p.* is -1"),
        ((ZERO, torch.tensor([[1.0, 0.5], [0.0, 1.0]]), ZERO, EYE), "wanted a symmetric covariance"),
        ((ZERO, EYE, ZERO + math.inf, EYE), r"mean_q\[0\] is inf"),
        ((ZERO.expand(3, 2), EYE, ZERO.expand(4, 2), EYE), r"mean_p \(3, 2\), .*; wanted batch axes that broadcast"),
        ((ZERO, EYE.expand(3, 2, 2), ZERO.expand(4, 2), EYE), r"cov_p \(3, 2, 2\), .*broadcast"),
    ],
)
def test_bad_moments_are_refused(arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        raw_multivariate(*arguments)


@pytest.mark.parametrize("p", [torch.eye(2), 2 * torch.eye(2), torch.tensor([[2.0, 0.5], [0.5, 1.0]])])
@pytest.mark.parametrize("q", [torch.eye(2), torch.tensor([[1.0, -0.3], [-0.3, 2.0]])])
def test_the_gradient_is_finite_where_eigenvalues_are_equal(p: Tensor, q: Tensor) -> None:
    """With A = P^½, d W2² / dP = I - A^-1 (A Q A)^½ A^-1: eigenvectors of equal eigenvalues had a NaN for it."""
    p, q, zero = p.double(), q.double(), torch.zeros(2).double()
    covs = p.clone().requires_grad_(), q.clone().requires_grad_()
    slope_p, slope_q = torch.autograd.grad(raw_multivariate(zero, covs[0], zero + 1, covs[1]).square(), covs)
    for one, other, slope in ((p, q, slope_p), (q, p, slope_q)):
        a = torch.from_numpy(sqrtm(one.numpy()).real)
        root = torch.from_numpy(sqrtm((a @ other @ a).numpy()).real)
        assert_close(
            (slope + slope.mT) / 2, torch.eye(2).double() - a.inverse() @ root @ a.inverse(), atol=1e-6, rtol=0
        )
    means = zero.clone().requires_grad_()
    for other in (p, q):
        (slope,) = torch.autograd.grad(raw_multivariate(means, other, zero, other), means)
        assert slope.isfinite().all()
