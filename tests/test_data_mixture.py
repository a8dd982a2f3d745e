"""Mixtures draw what their density says: moments, frequencies and quantiles against closed forms and scipy."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from course_gan.data import Mixture, mixture_1d, ring

N = 40_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def uneven() -> Mixture:
    """Three components that differ in everything, in the plane."""
    centers = torch.tensor([[0.0, 0.0], [3.0, -1.0], [-2.0, 2.0]], dtype=torch.float64)
    weights = torch.tensor([0.2, 0.5, 0.3], dtype=torch.float64)
    return Mixture(centers, torch.tensor([0.5, 1.0, 0.1], dtype=torch.float64), weights)


def density(mixture: Mixture, x: np.ndarray) -> np.ndarray:
    parts = zip(mixture.probabilities, mixture.centers, mixture.stds)
    return sum(float(w) * stats.multivariate_normal(c.numpy(), float(s) ** 2).pdf(x) for w, c, s in parts)


def test_log_prob_is_scipys(uneven):
    x = torch.randn(50, 2, dtype=torch.float64, generator=seeded()) * 3
    assert_close(uneven.log_prob(x).exp(), torch.from_numpy(density(uneven, x.numpy())), rtol=1e-10, atol=1e-300)


def test_log_prob_integrates_to_one_on_a_grid(uneven):
    ticks = torch.arange(-8, 10, 0.02, dtype=torch.float64)
    points = torch.cartesian_prod(ticks, ticks)
    assert_close(
        uneven.log_prob(points).exp().sum() * 0.02**2, torch.tensor(1.0, dtype=torch.float64), rtol=1e-8, atol=0
    )


def test_log_prob_takes_any_batch_shape_and_survives_the_far_tail():
    mixture = ring(8, 1.0, 0.01)
    x = torch.tensor([[[1.0, 0.0], [100.0, 0.0]]])
    log_p = mixture.log_prob(x)
    assert log_p.shape == (1, 2)
    # 99 away at std 0.01 only the nearest mode counts: log(1/8) - log(2π 1e-4) - 99² / 2e-4
    assert_close(log_p[0, 1].item(), -np.log(8) - np.log(2 * np.pi * 1e-4) - 99**2 / 2e-4, rtol=1e-5, atol=0)


def test_log_prob_keeps_its_digits_far_from_the_origin():
    """Squares expanded as |x|² - 2 x·μ + |μ|² would be off by whole units here, in float32."""
    near, far = mixture_1d([1.0], [0.0], [0.5]), mixture_1d([1.0], [4096.0], [0.5])
    x = torch.tensor([[0.25], [1.0]])
    assert_close(far.log_prob(x + 4096), near.log_prob(x))


def test_posterior_is_bayes_rule(uneven):
    x = torch.randn(20, 2, dtype=torch.float64, generator=seeded()) * 2
    joint = torch.stack(
        [
            w * Mixture(c[None], s[None]).log_prob(x).exp()
            for w, c, s in zip(uneven.weights, uneven.centers, uneven.std)
        ],
        -1,
    )
    assert_close(uneven.posterior(x), joint / joint.sum(-1, keepdim=True))


def test_samples_have_the_mean_and_covariance_of_the_closed_form(uneven):
    x = uneven.sample(N, seeded())
    errors = (uneven.covariance.diag() / N).sqrt()
    assert ((x.mean(0) - uneven.mean).abs() < 4 * errors).all()
    centered = x - uneven.mean
    products = centered[:, :, None] * centered[:, None, :]
    assert ((products.mean(0) - uneven.covariance).abs() < 4 * products.std(0) / N**0.5).all()


def test_covariance_is_that_of_an_integral(uneven):
    ticks = torch.arange(-8, 10, 0.02, dtype=torch.float64)
    points = torch.cartesian_prod(ticks, ticks)
    p = uneven.log_prob(points).exp() * 0.02**2
    mean = p @ points
    assert_close(uneven.mean, mean, rtol=0, atol=1e-6)
    assert_close(uneven.covariance, (p[:, None] * (points - mean)).T @ (points - mean), rtol=0, atol=1e-5)


def test_components_come_with_their_weights(uneven):
    component = uneven.sample_with_modes(N, seeded())[1]
    counts = torch.bincount(component, minlength=3).numpy()
    assert stats.chisquare(counts, uneven.weights.numpy() * N).pvalue > 1e-3


def test_the_component_told_is_the_one_drawn(uneven):
    x, component = uneven.sample_with_modes(N, seeded(1))
    for k in range(3):
        z = (x[component == k] - uneven.centers[k]) / uneven.stds[k]
        assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 1e-3


def test_the_coordinates_of_a_point_are_independent(uneven):
    x, component = uneven.sample_with_modes(N, seeded())
    z = (x - uneven.centers[component]) / uneven.stds[component, None]
    assert abs(stats.pearsonr(z[:, 0], z[:, 1]).statistic) < 4 / N**0.5


def test_a_mixture_on_the_line_has_scipys_distribution_function():
    mixture = mixture_1d([0.3, 0.7], [-1.0, 2.0], [0.25, 1.5], dtype=torch.float64)
    x = mixture.sample(N, seeded(1))
    assert x.shape == (N, 1)

    def cdf(t):
        return 0.3 * stats.norm.cdf(t, -1, 0.25) + 0.7 * stats.norm.cdf(t, 2, 1.5)

    assert stats.kstest(x[:, 0].numpy(), cdf).pvalue > 1e-3


def test_a_component_without_weight_is_never_drawn():
    mixture = mixture_1d([0.0, 1.0, 0.0], [-5.0, 0.0, 5.0], [0.1, 0.1, 0.1])
    assert (mixture.sample_with_modes(10_000, seeded())[1] == 1).all()
    assert mixture.log_prob(torch.zeros(1, 1)).isfinite().all()


def test_what_rounded_weights_lack_to_one_is_given_to_no_component_in_particular():
    """In bfloat16, 0.5 + 0.496 is as good as one; the rest must not fall to the last component, which has weight 0."""
    weights = torch.tensor([0.5, 0.496, 0.0], dtype=torch.bfloat16)
    component = Mixture(torch.zeros(3, 1), 1.0, weights).sample_with_modes(N, seeded())[1]
    assert component.max() == 1


def test_components_are_quantiles_of_uniform_numbers_in_double_precision():
    """In single precision there are 2^24 numbers, too few for the weights of many components to be exact."""
    u = torch.rand(1000, generator=seeded(), dtype=torch.float64)
    for modes in (7, 1000):
        component = Mixture(torch.zeros(modes, 1), 1.0).sample_with_modes(1000, seeded())[1]
        assert_close(component, (u * modes).long(), rtol=0, atol=0)


def test_the_same_generator_gives_the_same_points_and_no_global_state_is_touched(uneven):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again = uneven(10, seeded(3)), uneven.sample(10, seeded(3))
    assert_close(first, again, rtol=0, atol=0)
    assert_close(torch.get_rng_state(), before, rtol=0, atol=0)
    assert not torch.equal(first, uneven(10, seeded(4)))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_points_and_densities_keep_the_dtype(dtype):
    mixture = ring(8, 1.0, 0.1, dtype=dtype)
    x = mixture.sample(100, seeded())
    assert x.dtype == mixture.log_prob(x).dtype == mixture.posterior(x).dtype == mixture.mean.dtype == dtype
    exact = ring(8, 1.0, 0.1, dtype=torch.float64).log_prob(x.double())
    # Half precision stores the centers and stds with 8 or 11 bits: a relative error eps in 1/σ² (x - μ)²
    tolerance = 40 * torch.finfo(dtype).eps
    assert_close(mixture.log_prob(x).double(), exact, rtol=tolerance, atol=tolerance * 10)


def test_scaled_is_the_distribution_of_the_scaled_points(uneven):
    half = uneven.scaled(0.5)
    x = uneven.sample(5, seeded())
    assert_close(half.log_prob(x / 2), uneven.log_prob(x) + 2 * np.log(2))
    assert_close(half.sample(5, seeded()), x / 2)
    assert ring(std=0.02).scaled(1 / 1.414).std == pytest.approx(0.02 / 1.414)


def test_to_changes_dtype_of_points_and_nothing_else(uneven):
    single = uneven.to(dtype=torch.float32)
    assert single.sample(3, seeded()).dtype == torch.float32
    assert_close(single.probabilities.double(), uneven.weights)
    assert ring().to("cpu", torch.float64).log_prob(torch.zeros(1, 2, dtype=torch.float64)).dtype == torch.float64


def test_mixtures_can_be_copied_and_sent_to_other_processes(uneven):
    for other in (copy.deepcopy(uneven), pickle.loads(pickle.dumps(uneven))):
        assert_close(other.sample(4, seeded()), uneven.sample(4, seeded()), rtol=0, atol=0)


def test_no_points_at_all_are_an_empty_tensor():
    assert ring().sample(0).shape == (0, 2)


CENTERS = torch.zeros(3, 2)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((CENTERS.long(), 1.0), TypeError, "floating-point tensor"),
        (([[0.0, 1.0]], 1.0), TypeError, "floating-point tensor"),
        ((torch.zeros(3), 1.0), ValueError, r"centers\[:, None\]"),
        ((torch.zeros(0, 2), 1.0), ValueError, r"\(0, 2\)"),
        ((torch.tensor([[0.0, torch.nan]]), 1.0), ValueError, r"centers\[0, 1\] is nan"),
        ((CENTERS, 0.0), ValueError, "std is 0; wanted a finite number above 0"),
        ((CENTERS, -1.0), ValueError, "std is -1"),
        ((CENTERS, [1.0, 1.0, 1.0]), TypeError, r"std is a list; wanted a number, or a tensor \(k,\)"),
        ((CENTERS, 1.0, [0.5, 0.5, 0.0]), TypeError, "weights is a list"),
        ((CENTERS, torch.tensor([1.0, 0.0, 1.0])), ValueError, r"std\[1\] is 0"),
        ((CENTERS, torch.ones(2)), ValueError, r"shape \(2,\).*wanted.*\(3,\)"),
        ((CENTERS, 1.0, torch.ones(3)), ValueError, "the sum of weights is 3"),
        ((CENTERS, 1.0, torch.tensor([1.5, -0.5, 0.0])), ValueError, r"weights\[1\] is -0.5"),
        ((CENTERS, 1.0, torch.tensor([0.5, 0.5])), ValueError, r"\(3,\)"),
    ],
)
def test_a_mixture_that_is_none_is_refused(arguments, error, message):
    mixture = object.__new__(Mixture)  # past the checks of shapes that only the tests make
    for name, value in zip(("centers", "std", "weights"), (*arguments, None)):
        object.__setattr__(mixture, name, value)
    with pytest.raises(error, match=message):
        inspect.unwrap(Mixture.__post_init__)(mixture)


def test_points_of_another_dimension_are_refused():
    log_prob = inspect.unwrap(Mixture.log_prob)
    for x in (torch.zeros(5, 3), torch.zeros(5), torch.tensor(0.0)):
        with pytest.raises(ValueError, match=r"wanted \(…, 2\)"):
            log_prob(ring(), x)
    with pytest.raises(ValueError, match="n is -1"):
        ring().sample(-1)
    with pytest.raises(ValueError, match="factor is 0"):
        ring().scaled(0.0)


def test_points_of_whole_numbers_are_refused_instead_of_rounding_the_density_to_them():
    for function in (Mixture.log_prob, Mixture.posterior):
        with pytest.raises(ValueError, match="x has dtype"):
            inspect.unwrap(function)(ring(), torch.tensor([[1, 0]]))
        with pytest.raises(TypeError, match="x is a list"):
            inspect.unwrap(function)(ring(), [[1.0, 0.0]])
    assert inspect.unwrap(Mixture.log_prob)(ring(), torch.zeros(0, 2)).shape == (0,)
