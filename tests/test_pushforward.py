"""The exact generator on the line, the density of what a generator makes, and the mass between two sets."""

import inspect
import math

import pytest
import torch
from torch.special import log_ndtr, ndtr
from torch.testing import assert_close

from course_gan.gaussians import gaussian_log_density, mixture_log_density
from course_gan.pushforward import (
    least_gap_mass,
    mixture_generator,
    mixture_generator_slope,
    normal_log_density,
    pushed_log_density,
)

HUMPS = torch.tensor([[0.3, 0.7], [-2.0, 1.0], [0.5, 0.8]], dtype=torch.float64)
Z = torch.linspace(-6, 6, 241, dtype=torch.float64)


def test_mixture_generator_takes_the_normal_to_the_mixture() -> None:
    weights, means, stds = HUMPS
    x = mixture_generator(Z, *HUMPS)
    cdf = (weights * ndtr((x[:, None] - means) / stds)).sum(-1)
    assert_close(cdf, ndtr(Z), atol=1e-14, rtol=0)
    assert bool((x.diff() > 0).all())


def test_mixture_generator_keeps_its_digits_in_both_tails() -> None:
    weights, means, stds = HUMPS
    far = torch.tensor([-12.0, -9.0, 9.0, 12.0], dtype=torch.float64)
    x = mixture_generator(far, *HUMPS)
    sign = -far.sign()
    log_tail = (weights.log() + log_ndtr(sign[:, None] * (x[:, None] - means) / stds)).logsumexp(-1)
    assert_close(log_tail, log_ndtr(-far.abs()), atol=0, rtol=1e-12)


def test_mixture_generator_of_one_component_is_linear() -> None:
    one = torch.tensor([[1.0], [3.0], [2.0]], dtype=torch.float64)
    assert_close(mixture_generator(Z, *one), 3 + 2 * Z, atol=1e-12, rtol=0)


def test_mixture_generator_keeps_shape_and_dtype() -> None:
    z = torch.randn(3, 4, generator=torch.Generator().manual_seed(0))
    x = mixture_generator(z, *HUMPS.float())
    assert (x.shape, x.dtype) == (z.shape, z.dtype)
    assert_close(x, mixture_generator(z.double(), *HUMPS.float().double()).float())


def test_slope_is_the_derivative_and_steepest_in_the_valley() -> None:
    slope = mixture_generator_slope(Z, *HUMPS)
    x = mixture_generator(Z, *HUMPS)
    h = 1e-5
    by_differences = (mixture_generator(Z + h, *HUMPS) - mixture_generator(Z - h, *HUMPS)) / (2 * h)
    assert_close(slope, by_differences, atol=0, rtol=1e-5)
    assert -1.5 < float(x[slope.argmax()]) < -0.5


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda w, m, s: (2 * w, m, s), "wanted 1"),
        (lambda w, m, s: (w, m, -s), "above zero"),
        (
            lambda w, m, s: (w - torch.tensor([1.0, -1.0, *[0.0] * (len(w) - 2)]), m, s),
            r"weights\[0\] is -.*no negative",
        ),
        (lambda w, m, s: (w, m / 0, s), r"means\[0\] is -?inf; wanted finite"),
    ],
)
def test_mixture_generator_refuses_what_is_no_mixture(change: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mixture_generator(Z, *change(*HUMPS))  # type: ignore[operator]


def test_noise_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match=r"z\[1\] is nan; wanted finite numbers"):
        mixture_generator(torch.tensor([0.0, math.nan]), *HUMPS)


def test_pushed_density_of_the_exact_generator_is_that_of_the_mixture() -> None:
    # The map is found by bisection, which autograd cannot see through; so put its slope into a straight line.
    for z in Z[::24]:
        x, slope = mixture_generator(z, *HUMPS), mixture_generator_slope(z, *HUMPS)
        made, log_density = pushed_log_density(lambda at, x=x, s=slope, z=z: x + s * (at - z), z.reshape(1, 1))
        assert_close(made[0, 0], x)
        assert_close(log_density[0], mixture_log_density(x, *HUMPS), atol=1e-10, rtol=0)


def test_pushed_density_of_a_linear_map_is_gaussian_whatever_its_orientation() -> None:
    matrix = torch.tensor([[1.0, 2.0], [3.0, -1.0]], dtype=torch.float64)  # determinant -7
    z = torch.randn(5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    x, log_density = pushed_log_density(lambda z: z @ matrix.T + 1, z)
    normal = torch.distributions.MultivariateNormal(torch.ones(2).double(), matrix @ matrix.T)
    assert_close(x, z @ matrix.T + 1)
    assert_close(log_density, normal.log_prob(x), atol=1e-12, rtol=0)


def test_pushed_density_leaves_no_gradient_in_a_network() -> None:
    network = torch.nn.Linear(2, 2)
    _, log_density = pushed_log_density(network, torch.zeros(3, 2))
    assert not log_density.requires_grad
    assert all(parameter.grad is None for parameter in network.parameters())


def test_other_shapes_are_refused_where_no_types_are_checked() -> None:
    weights, means, stds = HUMPS
    with pytest.raises(ValueError, match="one entry a component"):
        inspect.unwrap(mixture_generator)(Z, weights, means[:1], stds)
    with pytest.raises(ValueError, match=r"wanted \(n, d\)"):
        inspect.unwrap(pushed_log_density)(lambda z: z, torch.zeros(3))


def test_pushed_density_refuses_a_generator_that_changes_the_dimension() -> None:
    with pytest.raises(ValueError, match="as many numbers as z has"):
        pushed_log_density(lambda z: z[:, :1], torch.zeros(3, 2))


def test_normal_log_density_adds_up_over_the_entries() -> None:
    z = torch.randn(4, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    assert_close(normal_log_density(z), gaussian_log_density(z, 0.0, 1.0).sum(-1), atol=1e-13, rtol=0)


def test_gap_mass_is_attained_by_a_ramp() -> None:
    for steepness in (0.5, 1.0, 7.0):
        a = ndtr(torch.tensor(-1 / (2 * steepness), dtype=torch.float64))
        assert_close(least_gap_mass(a, 1.0, steepness), 1 - 2 * a, atol=1e-14, rtol=0)


def test_gap_mass_vanishes_with_the_distance_and_with_steepness() -> None:
    assert least_gap_mass(0.3, 0.0, 2.0) == pytest.approx(0, abs=1e-7)
    assert float(least_gap_mass(0.3, 1.0, 1e9)) < 1e-6
    assert least_gap_mass(0.3, math.inf, math.inf) == pytest.approx(0, abs=1e-7)


def test_gap_mass_of_half_precision_is_computed_in_single() -> None:
    half = least_gap_mass(torch.tensor([0.1, 0.5]).half(), 1.0, 1.0)
    assert_close(half, least_gap_mass(torch.tensor([0.1, 0.5]), 1.0, 1.0).half(), atol=1e-3, rtol=0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((0.0, 1.0, 1.0), "between 0 and 1"), ((0.5, -1.0, 1.0), "distance"), ((0.5, 1.0, 0.0), "steepness")],
)
def test_gap_mass_refuses_what_means_nothing(arguments: tuple[float, float, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        least_gap_mass(*arguments)


def test_gap_mass_bounds_what_lies_between_in_a_few_dimensions() -> None:
    # G(z) = |z| has slope 1; A is the ball of radius 1, B what is beyond 2.
    z = torch.randn(200_000, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    radius = z.norm(dim=1)
    a = (radius <= 1).double().mean()
    between = ((radius > 1) & (radius < 2)).double().mean()
    assert float(between) > float(least_gap_mass(a, 1.0, 1.0)) - 5 / math.sqrt(200_000)
