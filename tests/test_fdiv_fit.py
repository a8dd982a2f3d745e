"""The nearest Gaussian by every f-divergence: against moments, symmetry and known optima."""

import inspect
import math

import pytest
import torch
from torch.testing import assert_close

from course_gan import data
from course_gan.fdiv import F_DIVERGENCES
from course_gan.fdiv_fit import best_gaussian, mass_outside
from course_gan.reproductions.fgan_univariate import OPTIMA

LINE = torch.linspace(-12, 16, 5601, dtype=torch.float64)[:, None]
BUMPS = data.mixture_1d([0.33, 0.67], [-1.0, 2.0], [0.25, math.sqrt(2)])


@pytest.mark.parametrize("name", OPTIMA)
def test_on_the_line_it_finds_the_known_optima(name):
    best = best_gaussian(F_DIVERGENCES[name], BUMPS.log_prob, LINE, 0.005, torch.ones(1), 2.0)
    known = OPTIMA[name]
    found = (float(best.divergence), float(best.mean), float(best.covariance) ** 0.5)
    # The known ones have six digits, and the mixture's parameters are in float32.
    assert_close(torch.tensor(found), torch.tensor((known.divergence, known.mean, known.std)), atol=2e-6, rtol=0)


def tilted() -> torch.distributions.MultivariateNormal:
    covariance = torch.tensor([[1.0, 0.6], [0.6, 0.8]], dtype=torch.float64)
    return torch.distributions.MultivariateNormal(torch.tensor([0.5, -0.3], dtype=torch.float64), covariance)


@pytest.mark.parametrize("name", [name for name in F_DIVERGENCES if name != "total-variation"])
def test_in_the_plane_it_finds_a_gaussian_again(name):
    side = torch.linspace(-6, 6, 97, dtype=torch.float64)
    plane, truth = torch.cartesian_prod(side, side), tilted()
    best = best_gaussian(
        F_DIVERGENCES[name], truth.log_prob, plane, float((side[1] - side[0]) ** 2), torch.zeros(2), 1.2
    )
    assert_close(best.mean, truth.mean, atol=1e-4, rtol=0)
    assert_close(best.covariance, truth.covariance_matrix, atol=1e-4, rtol=0)
    assert_close(best.divergence, F_DIVERGENCES[name].f(torch.ones((), dtype=torch.float64)), atol=1e-8, rtol=0)


def test_what_is_no_grid_or_no_density_is_refused():
    kl = F_DIVERGENCES["kl"]
    with pytest.raises(ValueError, match="wanted positive numbers"):
        best_gaussian(kl, BUMPS.log_prob, LINE, 0.005, torch.ones(1), 0.0)
    with pytest.raises(ValueError, match="integral of the target"):
        best_gaussian(kl, BUMPS.log_prob, LINE, 0.01, torch.ones(1), 1.0)


def test_mass_outside_counts_the_cells_beyond_the_level():
    p = torch.tensor([0.6, 0.3, 0.1, 0.0], dtype=torch.float64)
    q = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    assert float(mass_outside(p, q, level=0.5)) == pytest.approx(0.9)
    assert float(mass_outside(p, q, level=0.85)) == pytest.approx(0.7)
    assert float(mass_outside(p, q, level=0.95)) == pytest.approx(0.4)
    assert float(mass_outside(p, p, level=0.95)) == 0


def test_mass_outside_is_of_one_pair_of_distributions():
    rows = torch.full((2, 2), 0.5)
    with pytest.raises(ValueError, match=r"p has shape \(2, 2\) and q \(2, 2\); wanted \(n,\) both"):
        inspect.unwrap(mass_outside)(rows, rows)
    for level in (0.0, 1.0, 2.0, math.nan):
        with pytest.raises(ValueError, match=r"level is .*; wanted a share between 0 and 1"):
            mass_outside(rows[0], rows[0], level)
