"""The toys have the modes, sizes and distributions that the papers give them."""

import inspect
import math
import pickle

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn import datasets
from torch.testing import assert_close

from course_gan.data import Mixture, f_gan_mixture, grid, mixture_1d, ring, swiss_roll, two_moons

N = 20_000


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_trap_ring_endpoint():
    """`linspace(0, 2π, 8)` has its last center on the first: seven modes, one of double weight."""
    wrong = torch.linspace(0, 2 * math.pi, 8, dtype=torch.float64)
    wrong = torch.stack([wrong.cos(), wrong.sin()], -1)
    ours = ring(8, dtype=torch.float64).centers
    assert (torch.cdist(wrong, wrong) < 1e-9).sum() == 8 + 2  # each with itself, and the first with the last
    assert (torch.cdist(ours, ours) < 1e-9).sum() == 8
    neighbors = (ours - ours.roll(1, 0)).norm(dim=1)
    assert_close(neighbors, torch.full((8,), 2 * math.sin(math.pi / 8), dtype=torch.float64))
    counts = torch.bincount(ring(8).sample_with_modes(N, seeded())[1], minlength=8)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


@pytest.mark.parametrize("modes", [1, 2, 3, 8, 100])
def test_ring_lies_on_the_circle_and_starts_at_the_angle_zero(modes):
    centers = ring(modes, 2.5, dtype=torch.float64).centers
    assert_close(centers.norm(dim=1), torch.full((modes,), 2.5, dtype=torch.float64))
    assert_close(centers[0], torch.tensor([2.5, 0.0], dtype=torch.float64))
    angles = torch.atan2(centers[:, 1], centers[:, 0]) % (2 * math.pi)
    assert_close(angles, 2 * math.pi * torch.arange(modes, dtype=torch.float64) / modes)


def test_ring_has_the_moments_of_a_ring():
    """Covariance (r²/2 + σ²) I, for three modes or more."""
    for modes in (3, 8):
        mixture = ring(modes, 2.0, 0.02, dtype=torch.float64)
        assert_close(mixture.covariance, (2 + 0.0004) * torch.eye(2, dtype=torch.float64))


def test_grid_of_25_is_pacgans():
    centers = {tuple(center) for center in grid(5, 2.0, 0.05).centers.tolist()}
    assert centers == {(float(x), float(y)) for x in (-4, -2, 0, 2, 4) for y in (-4, -2, 0, 2, 4)}
    counts = torch.bincount(grid().sample_with_modes(N, seeded())[1], minlength=25)
    assert stats.chisquare(counts.numpy()).pvalue > 1e-3


def test_grid_of_even_side_has_no_center_in_the_origin():
    assert_close(grid(4, 1.0).centers.unique(), torch.tensor([-1.5, -0.5, 0.5, 1.5]))
    assert_close(grid(1).centers, torch.zeros(1, 2))


def test_the_settings_of_wgan_gp_are_arguments():
    eight, twenty_five = ring(8, 2.0, 0.02).scaled(1 / 1.414), grid(5, 2.0, 0.05).scaled(1 / 2.828)
    assert_close(eight.centers.norm(dim=1), torch.full((8,), 2 / 1.414))
    assert eight.std == pytest.approx(0.02 / 1.414)
    assert_close(twenty_five.centers.abs().max(), torch.tensor(4 / 2.828))
    assert twenty_five.std == pytest.approx(0.05 / 2.828)


@pytest.mark.parametrize("mixture", [ring(), grid()], ids=["ring", "grid"])
def test_a_perfect_sampler_reaches_the_ceiling_of_high_quality_samples(mixture):
    """Within three standard deviations of a mode in the plane: 1 - exp(-9/2) = 98.889 %."""
    x, component = mixture.sample_with_modes(N, seeded(1))
    good = ((x - mixture.centers[component]).norm(dim=1) < 3 * mixture.std).double().mean().item()
    ceiling = 1 - math.exp(-4.5)
    assert abs(good - ceiling) < 4 * math.sqrt(ceiling * (1 - ceiling) / N)


def test_trap_f_gan_weights_swapped():
    """0.67 belongs to the wide component: only then has the mixture the paper's optimum for KL, 1.01 and 1.830444."""
    ours = f_gan_mixture(dtype=torch.float64)
    wrong = mixture_1d([0.67, 0.33], [-1.0, 2.0], [0.25, math.sqrt(2)], dtype=torch.float64)
    assert_close(ours.mean.item(), 1.01, rtol=1e-12, atol=0)
    assert_close(ours.covariance.sqrt().item(), 1.830444, rtol=0, atol=5e-7)
    assert_close(wrong.mean.item(), -0.01, rtol=1e-9, atol=0)

    def p(x):
        return 0.33 * stats.norm.pdf(x, -1, math.sqrt(0.0625)) + 0.67 * stats.norm.pdf(x, 2, math.sqrt(2))

    x = np.linspace(-3, 6, 50)
    assert_close(ours.log_prob(torch.from_numpy(x)[:, None]).exp().numpy(), p(x))
    assert integrate.quad(lambda t: t * p(t), -12, 14, points=[-1.0])[0] == pytest.approx(ours.mean.item(), abs=1e-6)


def test_mixture_1d_takes_lists_and_tensors_alike_and_weights_of_a_tenth():
    means = [float(k) for k in range(10)]
    listed = mixture_1d([0.1] * 10, means, [0.5] * 10)
    given = mixture_1d(torch.full((10,), 0.1), torch.tensor(means), torch.full((10,), 0.5))
    assert_close(listed.sample(20, seeded()), given.sample(20, seeded()))
    assert listed.centers.dtype == torch.float32


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_weights_keep_their_digits_where_points_have_fewer(dtype):
    assert mixture_1d([0.1] * 10, [0.0] * 10, [1.0] * 10, dtype=dtype).weights.tolist() == [0.1] * 10


def test_swiss_roll_without_noise_is_the_spiral_with_a_uniform_parameter():
    x = swiss_roll(0.0, 1.0)(N, seeded()).double()
    t = x.norm(dim=1)
    assert_close(x, t[:, None] * torch.stack([t.cos(), t.sin()], 1), rtol=0, atol=2e-4)  # t ≈ 14 in float32
    assert stats.kstest(t.numpy(), stats.uniform(1.5 * math.pi, 3 * math.pi).cdf).pvalue > 1e-3


def test_swiss_roll_has_the_distribution_of_scikit_learns():
    ours = swiss_roll(0.25, 1 / 7.5)(N, seeded()).numpy()
    theirs = datasets.make_swiss_roll(N, noise=0.25, random_state=0)[0][:, [0, 2]] / 7.5
    for direction in ([1, 0], [0, 1], [1, 1], [1, -1]):
        assert stats.ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-3
    assert stats.ks_2samp(np.linalg.norm(ours, axis=1), np.linalg.norm(theirs, axis=1)).pvalue > 1e-3


def test_swiss_roll_noise_is_in_units_before_scaling():
    clean, noisy = swiss_roll(0.0, 0.1)(N, seeded()), swiss_roll(0.5, 0.1)(N, seeded())
    assert stats.kstest(((noisy - clean) / 0.05).flatten().numpy(), "norm").pvalue > 1e-3


def test_two_moons_without_noise_are_two_half_circles_of_equal_weight():
    x = two_moons(0.0)(N, seeded()).double()
    on_upper = ((x.norm(dim=1) - 1).abs() < 1e-5) & (x[:, 1] > -1e-5)
    moved = x - torch.tensor([1.0, 0.5], dtype=torch.float64)
    on_lower = ((moved.norm(dim=1) - 1).abs() < 1e-5) & (moved[:, 1] < 1e-5)
    assert (on_upper | on_lower).all()
    assert stats.binomtest(int(on_upper.sum()), N).pvalue > 1e-3
    angles = torch.atan2(x[on_upper, 1], x[on_upper, 0]).numpy()
    assert stats.kstest(angles, stats.uniform(0, math.pi).cdf).pvalue > 1e-3
    angles = torch.atan2(-moved[on_lower, 1], -moved[on_lower, 0]).numpy()
    assert stats.kstest(angles, stats.uniform(0, math.pi).cdf).pvalue > 1e-3


def test_two_moons_have_the_distribution_of_scikit_learns():
    ours = two_moons(0.1)(N, seeded()).numpy()
    theirs = datasets.make_moons(N, noise=0.1, random_state=0)[0]
    for direction in ([1, 0], [0, 1], [1, 1], [1, -1]):
        assert stats.ks_2samp(ours @ direction, theirs @ direction).pvalue > 1e-3


def test_two_moons_noise_does_not_depend_on_the_place():
    clean, noisy = two_moons(0.0)(N, seeded()), two_moons(0.3)(N, seeded())
    z = ((noisy - clean) / 0.3).double()
    assert stats.kstest(z.flatten().numpy(), "norm").pvalue > 1e-3
    assert abs(stats.pearsonr(z[:, 0], clean[:, 0]).statistic) < 4 / N**0.5


@pytest.mark.parametrize("sampler", [ring(), grid(), swiss_roll(), two_moons(), f_gan_mixture()])
def test_samplers_are_seeded_alone_by_their_generator_and_travel_between_processes(sampler):
    before = torch.get_rng_state()
    first = sampler(7, seeded(2))
    assert_close(pickle.loads(pickle.dumps(sampler))(7, seeded(2)), first, rtol=0, atol=0)
    assert_close(torch.get_rng_state(), before, rtol=0, atol=0)
    assert not torch.equal(sampler(7, seeded(3)), first)
    assert first.shape[0] == 7
    assert first.dtype == torch.float32
    assert sampler(3, None).shape == sampler(3).shape == first[:3].shape
    assert sampler(0).shape == (0, first.shape[1])


def test_whole_numbers_are_numbers():
    assert_close(ring(4, 2, 1).centers, ring(4, 2.0, 1.0).centers)
    assert_close(grid(3, 2, 1).scaled(2).centers, grid(3, 4.0).centers)
    assert_close(swiss_roll(0, 1)(5, seeded()), swiss_roll(0.0, 1.0)(5, seeded()))
    assert_close(two_moons(0)(5, seeded()), two_moons(0.0)(5, seeded()))
    assert_close(
        Mixture(torch.zeros(1, 1), 2).log_prob(torch.zeros(1)), Mixture(torch.zeros(1, 1), 2.0).log_prob(torch.zeros(1))
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ring(0), "modes is 0"),
        (lambda: ring(8, 0.0), "radius is 0"),
        (lambda: ring(8, 1.0, 0.0), "std is 0"),
        (lambda: grid(0), "side is 0"),
        (lambda: grid(5, -1.0), "spacing is -1"),
        (lambda: swiss_roll(-0.1), "noise is -0.1"),
        (lambda: swiss_roll(0.1, 0.0), "scale is 0"),
        (lambda: two_moons(math.inf), "noise is inf"),
        (lambda: two_moons()(-1), "n is -1"),
        (lambda: inspect.unwrap(mixture_1d)([1.0], [0.0, 1.0], [1.0, 1.0]), r"shapes \(1,\), \(2,\) and \(2,\)"),
        (lambda: mixture_1d([0.5, 0.4], [0.0, 1.0], [1.0, 1.0]), "sum of weights is 0.9"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
