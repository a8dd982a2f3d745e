"""Closed forms between Gaussians against known numbers, quadrature, torch.distributions and finite differences."""

import inspect
import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.integrate
import scipy.stats
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence
from torch.testing import assert_close

from course_gan.divergences import (
    gaussian_density,
    gaussian_log_density,
    kl_gaussian,
    kl_multivariate_gaussian,
    mixture_log_density,
    pearson_gaussian,
    pearson_multivariate_gaussian,
    squared_hellinger_gaussian,
    squared_hellinger_multivariate_gaussian,
    total_variation_gaussian,
    total_variation_multivariate_gaussian,
)

CLOSED = [kl_gaussian, squared_hellinger_gaussian, total_variation_gaussian, pearson_gaussian]
Closed = Callable[..., Tensor]
ROUNDED = 5.1e-8


def equal(value: Tensor, expected: float, tolerance: float) -> None:
    assert_close(value, torch.tensor(expected, dtype=value.dtype), rtol=0, atol=tolerance)


@pytest.mark.parametrize(
    ("divergence", "arguments", "expected"),
    [
        (kl_gaussian, (0, 1, 1, 2), 0.4431472),
        (kl_gaussian, (1, 2, 0, 1), 1.3068528),
        (kl_gaussian, (0, 1, 1, 1), 0.5),
        (total_variation_gaussian, (0, 1, 1, 1), 0.3829249),
        (squared_hellinger_gaussian, (0, 1, 1, 1), 0.1175031),
        (squared_hellinger_gaussian, (0, 1, 1, 2), 0.1491945),
        (pearson_gaussian, (1, 1, 0, 1), 1.7182818),
    ],
)
def test_known_values(divergence: Closed, arguments: tuple[int, ...], expected: float) -> None:
    value = divergence(*arguments)
    assert value.dtype == torch.float64
    equal(value, expected, ROUNDED)


def integral(divergence: Closed, mu_p: float, sigma_p: float, mu_q: float, sigma_q: float) -> float:
    p, q = scipy.stats.norm(mu_p, sigma_p), scipy.stats.norm(mu_q, sigma_q)
    integrands = {
        kl_gaussian: lambda x: p.pdf(x) * (p.logpdf(x) - q.logpdf(x)),
        squared_hellinger_gaussian: lambda x: (p.pdf(x) ** 0.5 - q.pdf(x) ** 0.5) ** 2 / 2,
        total_variation_gaussian: lambda x: abs(p.pdf(x) - q.pdf(x)) / 2,
        pearson_gaussian: lambda x: math.exp(2 * p.logpdf(x) - q.logpdf(x)) - 2 * p.pdf(x) + q.pdf(x),
    }
    ends = np.linspace(-30, 30, 61)
    return sum(
        scipy.integrate.quad(integrands[divergence], a, b, epsabs=1e-11, epsrel=1e-11, limit=200)[0]
        for a, b in itertools.pairwise(ends)
    )


@pytest.mark.parametrize("divergence", CLOSED)
@pytest.mark.parametrize(
    "arguments",
    [(0.3, 1.0, -0.4, 1.0), (0.0, 1.0, 1.5, 1.3), (1.0, 1.2, 0.0, 0.9), (0.5, 0.8, 0.5, 1.4), (-1.0, 0.5, 1.0, 0.51)],
)
def test_closed_forms_agree_with_quadrature(divergence: Closed, arguments: tuple[float, ...]) -> None:
    expected = integral(divergence, *arguments)
    assert_close(divergence(*arguments).item(), expected, rtol=1e-8, atol=1e-9)


def test_kl_agrees_with_torch_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    mu_p, mu_q = torch.randn(2, 50, generator=generator, dtype=torch.float64)
    sigma_p, sigma_q = torch.randn(2, 50, generator=generator, dtype=torch.float64).exp()
    expected = kl_divergence(Normal(mu_p, sigma_p), Normal(mu_q, sigma_q))
    assert_close(kl_gaussian(mu_p, sigma_p, mu_q, sigma_q), expected, rtol=1e-12, atol=1e-14)


def test_pearson_is_infinite_from_the_double_variance_on() -> None:
    sigma_p = torch.tensor([1.4, 1.4142, 1.41422, 1.5, 5.0], dtype=torch.float64)
    value = pearson_gaussian(0.0, sigma_p, 0.0, 1.0)
    assert value.isfinite().tolist() == [True, True, False, False, False]
    assert value[1] > 100


@pytest.mark.parametrize("divergence", CLOSED)
def test_equal_gaussians_do_not_diverge(divergence: Closed) -> None:
    mu, sigma = torch.tensor([0.0, 3.0, -1e3]), torch.tensor([1.0, 0.1, 10.0])
    assert_close(divergence(mu, sigma, mu, sigma), torch.zeros(3), rtol=0, atol=0)


@pytest.mark.parametrize("divergence", CLOSED)
@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    shift=st.floats(-5, 5),
    log_sigmas=st.tuples(st.floats(-2, 2), st.floats(-2, 2)),
    offset=st.floats(-3, 3),
    unit=st.floats(0.1, 10),
)
def test_units_and_origin_do_not_matter(
    divergence: Closed, shift: float, log_sigmas: tuple[float, float], offset: float, unit: float
) -> None:
    sigma_p, sigma_q = map(math.exp, log_sigmas)
    value = divergence(0.0, sigma_p, shift, sigma_q)
    assert value >= -1e-15
    moved = divergence(offset, unit * sigma_p, offset + unit * shift, unit * sigma_q)
    mirrored = divergence(shift, sigma_p, 0.0, sigma_q)
    if value < 1e6:  # beyond, Pearson's exponential magnifies the rounding of its exponent
        assert_close(moved, value, rtol=1e-8, atol=1e-12)
    assert_close(mirrored, value, rtol=1e-12, atol=1e-15)


@settings(deadline=None, derandomize=True, max_examples=100)
@given(shift=st.floats(0, 8), log_sigma=st.floats(-3, 3))
def test_symmetry_pinsker_and_hellinger_bounds(shift: float, log_sigma: float) -> None:
    pair, swapped = (0.0, 1.0, shift, math.exp(log_sigma)), (shift, math.exp(log_sigma), 0.0, 1.0)
    tv, hellinger = total_variation_gaussian(*pair), squared_hellinger_gaussian(*pair)
    assert_close(tv, total_variation_gaussian(*swapped), rtol=1e-9, atol=1e-14)
    assert_close(hellinger, squared_hellinger_gaussian(*swapped), rtol=1e-9, atol=1e-14)
    assert hellinger <= tv + 1e-14
    assert tv <= (2 * hellinger).sqrt() + 1e-14
    assert tv <= 1
    assert 2 * tv**2 <= kl_gaussian(*pair) + 1e-14
    assert kl_gaussian(*pair) <= pearson_gaussian(*pair).log1p() + 1e-12


@pytest.mark.parametrize("gap", [1e-2, 1e-4, 1e-8, 1e-12, 1e-15])
@pytest.mark.parametrize("shift", [0.0, 0.5])
def test_total_variation_is_continuous_where_the_widths_become_equal(gap: float, shift: float) -> None:
    limit = math.erf(shift / math.sqrt(8))
    for sigma_q in (1 + gap, 1 / (1 + gap)):
        # TV changes by at most the TV of the widening, and that is below its gap.
        equal(total_variation_gaussian(0.0, 1.0, shift, sigma_q), limit, gap)


def test_total_variation_of_extreme_pairs() -> None:
    equal(total_variation_gaussian(0.0, 1.0, 50.0, 1.0), 1.0, 1e-15)
    equal(total_variation_gaussian(0.0, 1e-6, 0.0, 1e6), 1.0, 1e-9)
    equal(total_variation_gaussian(3.0, 1.0, 3.0, 1e3), integral_of_widths(1e3), 1e-9)
    for pair in ((0.0, 1e-20, 0.0, 1.0), (0.0, 1.0, 0.0, 1e-20)):
        equal(total_variation_gaussian(*pair), 1.0, 1e-15)
    float32 = total_variation_gaussian(torch.tensor(0.0), torch.tensor(1.0), torch.tensor(1.0), torch.tensor(1.0))
    equal(float32, 0.38292492, 2e-7)


def integral_of_widths(s: float) -> float:
    """TV of N(0, 1) and N(0, s²), crossing at ±x with x² = 2 s² log s / (s² - 1)."""
    x = math.sqrt(2 * s**2 * math.log(s) / (s**2 - 1))
    return 2 * (scipy.stats.norm.cdf(x) - scipy.stats.norm.cdf(x / s))


@pytest.mark.parametrize("divergence", [squared_hellinger_gaussian, pearson_gaussian])
def test_float32_keeps_its_digits_between_nearly_equal_gaussians(divergence: Closed) -> None:
    near = (torch.tensor(0.0), torch.tensor(1.0), torch.tensor(1e-3), torch.tensor(1.001))
    expected = divergence(*(value.double() for value in near))
    assert_close(divergence(*near).double(), expected, rtol=1e-3, atol=0)
    wide = (torch.tensor(0.0), torch.tensor(1e-4), torch.tensor(0.0), torch.tensor(1.0))
    assert_close(divergence(*wide).double(), divergence(*(v.double() for v in wide)), rtol=1e-5, atol=0)


@pytest.mark.parametrize("divergence", CLOSED)
def test_closed_forms_broadcast_and_keep_the_dtype(divergence: Closed) -> None:
    mu, sigma = torch.tensor([[0.0], [1.0]]), torch.tensor([1.0, 1.1, 1.2])
    table = divergence(mu, sigma, 0.5, 1.0)
    assert table.shape == (2, 3)
    assert table.dtype == torch.float32
    assert_close(table[1, 2].double(), divergence(1.0, 1.2, 0.5, 1.0), rtol=1e-5, atol=1e-7)
    for dtype in (torch.float16, torch.bfloat16):
        half = divergence(mu.to(dtype), sigma.to(dtype), 0.5, 1.0)
        assert half.dtype == dtype
        exact = divergence(mu.to(dtype).double(), sigma.to(dtype).double(), 0.5, 1.0)
        assert_close(half.double(), exact, rtol=torch.finfo(dtype).eps, atol=1e-6)
    assert divergence(mu, sigma.double(), 0.5, 1.0).dtype == torch.float64


@pytest.mark.parametrize("divergence", CLOSED)
@pytest.mark.parametrize("sigmas", [(1.0, 1.0), (1.0, 1.3), (1.1, 0.9)])
def test_gradients_of_the_closed_forms(divergence: Closed, sigmas: tuple[float, float]) -> None:
    values = (0.2, sigmas[0], 1.0, sigmas[1])
    arguments = [torch.tensor(v, dtype=torch.float64, requires_grad=True) for v in values]
    # Where the widths are equal, the second derivative of TV jumps, and finite differences see 1e-6 of it.
    assert torch.autograd.gradcheck(divergence, arguments, atol=2e-6)


def test_gradient_stays_finite_where_pearson_is_infinite() -> None:
    sigma_p = torch.tensor([1.0, 2.0, 1e30], requires_grad=True)  # the last one overflows when squared
    pearson_gaussian(1.0, sigma_p, 0.0, 1.0)[0].backward()
    assert sigma_p.grad is not None
    assert bool(sigma_p.grad.isfinite().all())


def test_gradient_of_total_variation_is_zero_between_equals() -> None:
    mu = torch.zeros(1, requires_grad=True)
    total_variation_gaussian(mu, 1.0, 0.0, 1.0).sum().backward()
    assert_close(mu.grad, torch.zeros(1))


@pytest.mark.parametrize("divergence", CLOSED)
@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (
            (0.0, 0.0, 0.0, 1.0),
            ValueError,
            r"sigma_p is 0; wanted positive finite standard deviations.*exp of a log_std",
        ),
        ((0.0, 1.0, 0.0, torch.tensor([1.0, -2.0])), ValueError, r"sigma_q\[1\] is -2"),
        ((0.0, math.nan, 0.0, 1.0), ValueError, "sigma_p is nan"),
        ((0.0, 1.0, 0.0, math.inf), ValueError, "sigma_q is inf"),
        ((math.inf, 1.0, 0.0, 1.0), ValueError, "mu_p is inf; wanted finite numbers"),
        ((0.0, 1.0, torch.tensor([1, 2]), 1.0), ValueError, r"mu_q has dtype torch\.int64"),
        (([0.0], 1.0, 0.0, 1.0), TypeError, r"mu_p is a list; .* Pass torch\.as_tensor\(mu_p\)"),
    ],
)
def test_bad_parameters_are_named(
    divergence: Closed, arguments: tuple[object, ...], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        inspect.unwrap(divergence)(*arguments)


# ---------------------------------------------------------------- any dimension

MULTIVARIATE = [kl_multivariate_gaussian, squared_hellinger_multivariate_gaussian]


def moments(*batch: int, d: int = 3, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    mean_p, mean_q = torch.randn(2, *batch, d, generator=generator, dtype=torch.float64)
    a, b = torch.randn(2, *batch, d, d, generator=generator, dtype=torch.float64)
    unit = torch.eye(d, dtype=torch.float64)
    return mean_p, a @ a.mT + unit, mean_q, b @ b.mT + unit


def test_multivariate_kl_agrees_with_torch_distributions() -> None:
    mean_p, cov_p, mean_q, cov_q = moments(4)
    expected = kl_divergence(MultivariateNormal(mean_p, cov_p), MultivariateNormal(mean_q, cov_q))
    assert_close(kl_multivariate_gaussian(mean_p, cov_p, mean_q, cov_q), expected, rtol=1e-10, atol=1e-12)


def test_multivariate_hellinger_agrees_with_quadrature() -> None:
    arguments = moments(d=2, seed=1)
    p, q = MultivariateNormal(*arguments[:2]), MultivariateNormal(*arguments[2:])
    side = torch.linspace(-25, 25, 501, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    overlap = ((p.log_prob(grid) + q.log_prob(grid)) / 2).exp().sum() * 0.1**2
    assert_close(squared_hellinger_multivariate_gaussian(*arguments), 1 - overlap, rtol=0, atol=1e-9)


def test_in_one_dimension_the_multivariate_forms_are_the_scalar_ones() -> None:
    mean_p, var_p, mean_q, var_q = (torch.tensor([[v]], dtype=torch.float64) for v in (0.3, 0.5, -1.0, 2.0))
    scalars = (0.3, math.sqrt(0.5), -1.0, math.sqrt(2.0))
    for multivariate, scalar in zip(MULTIVARIATE, (kl_gaussian, squared_hellinger_gaussian)):
        value = multivariate(mean_p[0], var_p, mean_q[0], var_q)
        assert_close(value, scalar(*scalars), rtol=1e-12, atol=0)


def test_independent_coordinates_add_kl_and_multiply_overlap() -> None:
    mean_p, mean_q = torch.tensor([0.0, 1.0]).double(), torch.tensor([0.5, -1.0]).double()
    std_p, std_q = torch.tensor([1.0, 2.0]).double(), torch.tensor([0.7, 1.5]).double()
    arguments = (mean_p, std_p.square().diag(), mean_q, std_q.square().diag())
    assert_close(kl_multivariate_gaussian(*arguments), kl_gaussian(mean_p, std_p, mean_q, std_q).sum())
    overlap = 1 - squared_hellinger_gaussian(mean_p, std_p, mean_q, std_q)
    assert_close(squared_hellinger_multivariate_gaussian(*arguments), 1 - overlap.prod())


def wider(*batch: int, d: int = 3, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Moments for which Pearson's divergence is finite: cov_q exceeds half of cov_p."""
    mean_p, cov_p, mean_q, cov_q = moments(*batch, d=d, seed=seed)
    return mean_p, cov_p, mean_q, cov_p / 2 + cov_q


def test_multivariate_pearson_agrees_with_quadrature() -> None:
    arguments = wider(d=2, seed=1)
    p, q = MultivariateNormal(*arguments[:2]), MultivariateNormal(*arguments[2:])
    side = torch.linspace(-40, 40, 801, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    plus_one = (2 * p.log_prob(grid) - q.log_prob(grid)).exp().sum() * 0.1**2
    assert_close(pearson_multivariate_gaussian(*arguments), plus_one - 1, rtol=1e-9, atol=0)


def test_multivariate_pearson_in_one_dimension_is_the_scalar_one() -> None:
    mean_p, var_p, mean_q, var_q = (torch.tensor([[v]], dtype=torch.float64) for v in (0.3, 0.5, -1.0, 2.0))
    value = pearson_multivariate_gaussian(mean_p[0], var_p, mean_q[0], var_q)
    assert_close(value, pearson_gaussian(0.3, math.sqrt(0.5), -1.0, math.sqrt(2.0)), rtol=1e-12, atol=0)


def test_multivariate_pearson_is_infinite_where_p_is_too_wide_in_one_direction() -> None:
    mean_p, _, mean_q, _ = wider(d=2)
    eye = torch.eye(2, dtype=torch.float64)
    wide = torch.tensor([[0.5, 0.0], [0.0, 2.0]], dtype=torch.float64)  # twice as wide in the second direction only
    batch = torch.stack([wide, eye])
    value = pearson_multivariate_gaussian(mean_p, batch, mean_q, eye)
    assert value[0] == math.inf
    assert value[1].isfinite()
    # and the finite one of a batch keeps its gradient beside an infinite one
    cov_q = eye.clone().requires_grad_()
    pearson_multivariate_gaussian(mean_p, batch, mean_q, cov_q)[1].backward()
    alone = eye.clone().requires_grad_()
    pearson_multivariate_gaussian(mean_p, eye, mean_q, alone).backward()
    assert_close(cov_q.grad, alone.grad)


def test_multivariate_pearson_is_exactly_zero_for_equal_gaussians_and_has_a_gradient() -> None:
    mean_p, cov_p, _, _ = wider(4)
    zero = pearson_multivariate_gaussian(mean_p, cov_p, mean_p, cov_p)
    assert_close(zero, torch.zeros_like(zero), rtol=0, atol=1e-14)
    arguments = tuple(value.requires_grad_() for value in wider(d=2))

    def of_symmetric(mean_p: Tensor, cov_p: Tensor, mean_q: Tensor, cov_q: Tensor) -> Tensor:
        return pearson_multivariate_gaussian(mean_p, (cov_p + cov_p.mT) / 2, mean_q, (cov_q + cov_q.mT) / 2)

    assert torch.autograd.gradcheck(of_symmetric, arguments)


def test_multivariate_total_variation_of_a_shift_agrees_with_quadrature() -> None:
    mean_p, cov, mean_q, _ = moments(d=2, seed=1)
    p, q = MultivariateNormal(mean_p, cov), MultivariateNormal(mean_q, cov)
    side = torch.linspace(-25, 25, 2001, dtype=torch.float64)
    grid = torch.cartesian_prod(side, side)
    expected = (p.log_prob(grid).exp() - q.log_prob(grid).exp()).abs().sum() / 2 * 0.025**2
    # the absolute value has a kink along a line, where the sum is exact to the square of the spacing only
    assert_close(total_variation_multivariate_gaussian(mean_p, mean_q, cov), expected, rtol=0, atol=1e-5)


def test_multivariate_total_variation_along_an_axis_is_the_scalar_one() -> None:
    zero, shift = torch.zeros(3, dtype=torch.float64), torch.tensor([0.0, 1.5, 0.0], dtype=torch.float64)
    cov = torch.tensor([1.0, 4.0, 9.0], dtype=torch.float64).diag()
    value = total_variation_multivariate_gaussian(zero, shift, cov)
    assert_close(value, total_variation_gaussian(0.0, 2.0, 1.5, 2.0), rtol=1e-12, atol=0)
    leaf = zero.clone().requires_grad_()
    total_variation_multivariate_gaussian(leaf, zero, cov).backward()
    assert_close(leaf.grad, zero)  # finite at equality, where the distance has a corner


@pytest.mark.parametrize("divergence", MULTIVARIATE)
def test_an_invertible_map_changes_nothing(divergence: Closed) -> None:
    mean_p, cov_p, mean_q, cov_q = moments()
    a = torch.tensor([[2.0, 1.0, 0.0], [0.0, 1.0, -1.0], [0.5, 0.0, 3.0]], dtype=torch.float64)
    moved = [mean_p @ a.mT + 1, a @ cov_p @ a.mT, mean_q @ a.mT + 1, a @ cov_q @ a.mT]
    assert_close(divergence(*moved), divergence(mean_p, cov_p, mean_q, cov_q), rtol=1e-10, atol=0)


@pytest.mark.parametrize("divergence", MULTIVARIATE)
def test_multivariate_forms_broadcast_and_keep_the_dtype(divergence: Closed) -> None:
    mean_p, cov_p, mean_q, cov_q = moments(4)
    table = divergence(mean_p[:, None], cov_p[:, None], mean_q, cov_q)
    assert table.shape == (4, 4)
    assert_close(table.diagonal(), divergence(mean_p, cov_p, mean_q, cov_q))
    assert_close(table[1, 0], divergence(mean_p[1], cov_p[1], mean_q[0], cov_q[0]))
    half = divergence(mean_p.half(), cov_p.half(), mean_q.half(), cov_q.half())
    assert half.dtype == torch.float16
    assert_close(half.double(), table.diagonal(), rtol=2e-2, atol=1e-2)
    zero = divergence(mean_p, cov_p, mean_p, cov_p)
    assert_close(zero, torch.zeros_like(zero), rtol=0, atol=1e-14)


@pytest.mark.parametrize("divergence", MULTIVARIATE)
def test_gradients_of_the_multivariate_forms(divergence: Closed) -> None:
    mean_p, cov_p, mean_q, cov_q = (value.requires_grad_() for value in moments(d=2))

    def of_symmetric(mean_p: Tensor, cov_p: Tensor, mean_q: Tensor, cov_q: Tensor) -> Tensor:
        return divergence(mean_p, (cov_p + cov_p.mT) / 2, mean_q, (cov_q + cov_q.mT) / 2)

    assert torch.autograd.gradcheck(of_symmetric, (mean_p, cov_p, mean_q, cov_q))


@pytest.mark.parametrize("divergence", MULTIVARIATE)
@pytest.mark.parametrize(
    ("position", "value", "error", "message"),
    [
        (1, torch.tensor([[1.0, 0.5], [0.0, 1.0]]), ValueError, r"cov_p - cov_p\.mT\[0, 1\] is 0\.5; .* symmetric cov"),
        (
            3,
            torch.tensor([[1.0, 2.0], [2.0, 1.0]]),
            ValueError,
            r"minor of cov_q that is not positive is 2; .* positive def",
        ),
        (1, torch.zeros(2, 2), ValueError, r"minor of cov_p that is not positive is 1"),
        (3, torch.ones(2), ValueError, r"cov_q has shape \(2,\) beside mean_p of shape \(2,\); wanted means"),
        (1, torch.eye(3), ValueError, r"cov_p has shape \(3, 3\)"),
        (2, torch.zeros(3), ValueError, r"mean_q has shape \(3,\)"),
        (0, torch.tensor(1.0), ValueError, r"mean_p has shape \(\)"),
        (2, torch.tensor([0.0, math.nan]), ValueError, r"mean_q\[1\] is nan"),
        (1, [[1.0]], TypeError, r"cov_p is a list"),
    ],
)
def test_bad_moments_are_named(
    divergence: Closed, position: int, value: object, error: type[Exception], message: str
) -> None:
    arguments: list[object] = [torch.zeros(2), torch.eye(2), torch.zeros(2), torch.eye(2)]
    arguments[position] = value
    with pytest.raises(error, match=message):
        inspect.unwrap(divergence)(*arguments)


# ---------------------------------------------------------------- densities


def test_densities_agree_with_torch_distributions() -> None:
    x = torch.linspace(-5, 5, 101, dtype=torch.float64)
    normal = Normal(torch.tensor(0.5, dtype=torch.float64), torch.tensor(2.0, dtype=torch.float64))
    assert_close(gaussian_log_density(x, 0.5, 2.0), normal.log_prob(x), rtol=1e-12, atol=1e-12)
    assert_close(gaussian_density(x, 0.5, 2.0), torch.from_numpy(scipy.stats.norm.pdf(x.numpy(), 0.5, 2.0)))


def test_log_density_does_not_underflow_where_the_density_does() -> None:
    x = torch.tensor([20.0])
    assert gaussian_density(x, 0.0, 1.0) == 0
    assert_close(gaussian_log_density(x, 0.0, 1.0), torch.tensor([-200 - math.log(2 * math.pi) / 2]))


def test_mixture_agrees_with_the_sum_of_its_densities_and_survives_its_underflow() -> None:
    weights, means, stds = (
        torch.tensor(v, dtype=torch.float64) for v in ([0.33, 0.67, 0.0], [-1.0, 2.0, 9.0], [0.25, 2**0.5, 1.0])
    )
    x = torch.linspace(-6, 8, 29, dtype=torch.float64).reshape(29, 1)
    expected = sum(w * gaussian_density(x, m, s) for w, m, s in zip(weights, means, stds))
    value = mixture_log_density(x, weights, means, stds)
    assert value.shape == (29, 1)
    assert_close(value, torch.as_tensor(expected).log(), rtol=1e-12, atol=1e-12)
    assert mixture_log_density(torch.tensor([1e4]).double(), weights, means, stds).isfinite()


def test_a_mixture_of_one_is_its_component() -> None:
    one = torch.ones(1)
    assert_close(
        mixture_log_density(torch.tensor(0.3), one, 2 * one, 3 * one), gaussian_log_density(0.3, 2.0, 3.0).float()
    )


@pytest.mark.parametrize(
    ("weights", "means", "stds", "message"),
    [
        ([0.5, 0.6], [0.0, 1.0], [1.0, 1.0], r"the sum of weights is 1\.1; .* weights / weights\.sum"),
        ([1.5, -0.5], [0.0, 1.0], [1.0, 1.0], r"weights\[1\] is -0\.5; wanted no negative weight"),
        ([0.5, 0.5], [0.0], [1.0, 1.0], r"means has shape \(1,\) and weights \(2,\)"),
        ([0.5, 0.5], [0.0, 1.0], [1.0, 0.0], r"std\[1\] is 0"),
    ],
)
def test_bad_mixtures_are_named(weights: list[float], means: list[float], stds: list[float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(mixture_log_density)(torch.zeros(3), *map(torch.tensor, (weights, means, stds)))
