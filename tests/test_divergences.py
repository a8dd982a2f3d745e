"""Values of the discrete divergences and of densities on a grid, against known numbers and independent software."""

import doctest
import importlib
import math

import numpy as np
import pytest
import scipy.integrate
import scipy.spatial.distance
import scipy.special
import scipy.stats
import torch
from torch import Tensor
from torch.testing import assert_close

from course_gan import divergences
from course_gan.divergences import (
    INTEGRANDS,
    gaussian_density,
    integrand,
    js,
    kl,
    kl_gaussian,
    on_grid,
    pearson,
    pearson_gaussian,
    reverse_kl,
    squared_hellinger,
    squared_hellinger_gaussian,
    total_variation,
    total_variation_gaussian,
)

DISCRETE = {
    "kl": kl,
    "reverse-kl": reverse_kl,
    "jensen-shannon": js,
    "total-variation": total_variation,
    "squared-hellinger": squared_hellinger,
    "pearson": pearson,
}
P = torch.tensor([0.36, 0.48, 0.16], dtype=torch.float64)
Q = torch.full((3,), 1 / 3, dtype=torch.float64)
ROUNDED = 5.1e-8  # the numbers of the lecture are rounded to seven digits


def equal(value: Tensor, expected: float, tolerance: float) -> None:
    assert_close(value, torch.tensor(expected, dtype=value.dtype), rtol=0, atol=tolerance)


def two_distributions(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    p, q = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)


@pytest.mark.parametrize("module", ["divergences", "gaussians", "multivariate", "sampling", "fit"])
def test_the_examples_in_the_docstrings_give_what_they_show(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"course_gan.{module}"))
    assert result.attempted > 0
    assert result.failed == 0


def test_every_promised_name_is_exported() -> None:
    gaussian = ["kl", "squared_hellinger", "total_variation", "pearson"]
    promised = [
        *[function.__name__ for function in DISCRETE.values()],
        *[f"{name}_gaussian" for name in gaussian],
        *[f"{name}_multivariate_gaussian" for name in gaussian[:2]],
        *["integrand", "on_grid", "from_samples"],
        *["gaussian_log_density", "gaussian_density", "mixture_log_density"],
    ]
    assert promised[:6] == ["kl", "reverse_kl", "js", "total_variation", "squared_hellinger", "pearson"]
    assert set(promised) <= set(divergences.__all__)
    assert all(getattr(divergences, name).__doc__ for name in promised)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kl", 0.0852996),
        ("reverse-kl", 0.0974550),
        ("jensen-shannon", 0.0224599),
        ("total-variation", 0.1733333),
        ("squared-hellinger", 0.0226497),
        ("pearson", 0.1568000),
    ],
)
def test_the_worked_example_of_the_lecture(name: str, expected: float) -> None:
    equal(DISCRETE[name](P, Q), expected, ROUNDED)


def test_jeffreys_divergence_is_the_sum_of_both_directions() -> None:
    equal(kl(P, Q) + reverse_kl(P, Q), 0.1827546, ROUNDED)


def test_neyman_is_pearson_the_other_way_round() -> None:
    equal(pearson(Q, P), 0.2345679, ROUNDED)


def test_divergences_are_in_nats_and_a_bit_is_log_two_of_them() -> None:
    equal(js(P, Q) / math.log(2), 0.0324027, ROUNDED)


def test_the_value_of_the_minimax_game_is_two_js_minus_log_four() -> None:
    optimal = P / (P + Q)
    value = (P * optimal.log() + Q * (1 - optimal).log()).sum()
    assert_close(value, 2 * js(P, Q) - math.log(4))
    equal(value, -1.3413746, ROUNDED)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kl", math.inf),
        ("reverse-kl", math.inf),
        ("jensen-shannon", math.log(2)),
        ("total-variation", 1.0),
        ("squared-hellinger", 1.0),
        ("pearson", math.inf),
    ],
)
def test_disjoint_supports(name: str, expected: float) -> None:
    p = torch.tensor([0.3, 0.7, 0.0, 0.0], dtype=torch.float64)
    equal(DISCRETE[name](p, p.flip(0)), expected, 1e-15)


def test_support_missing_on_one_side_is_infinite_in_one_direction_only() -> None:
    p, q = torch.tensor([0.5, 0.5, 0.0]).double(), torch.tensor([0.25, 0.5, 0.25]).double()
    equal(kl(p, q), 0.5 * math.log(2), 1e-15)
    equal(reverse_kl(p, q), math.inf, 0)
    equal(pearson(p, q), 0.25 + 0.25, 1e-15)
    equal(pearson(q, p), math.inf, 0)
    equal(js(p, q), float(scipy.spatial.distance.jensenshannon(p, q)) ** 2, 1e-15)


def test_agrees_with_scipy() -> None:
    p, q = two_distributions(50, 7)
    numpy_p, numpy_q = p.numpy(), q.numpy()
    expected = {
        "kl": scipy.special.rel_entr(numpy_p, numpy_q).sum(-1),
        "reverse-kl": scipy.special.rel_entr(numpy_q, numpy_p).sum(-1),
        "jensen-shannon": scipy.spatial.distance.jensenshannon(numpy_p, numpy_q, axis=-1) ** 2,
        "total-variation": scipy.spatial.distance.cdist(numpy_p, numpy_q, "cityblock").diagonal() / 2,
        "squared-hellinger": scipy.spatial.distance.cdist(np.sqrt(numpy_p), np.sqrt(numpy_q)).diagonal() ** 2 / 2,
        "pearson": scipy.stats.chisquare(numpy_p, numpy_q, axis=-1).statistic,
    }
    for name, values in expected.items():
        assert_close(DISCRETE[name](p, q), torch.from_numpy(np.array(values)), rtol=1e-12, atol=1e-15, msg=name)


@pytest.mark.parametrize("name", list(INTEGRANDS))
def test_a_divergence_is_the_sum_of_its_integrand(name: str) -> None:
    p, q = two_distributions(4, 6)
    assert_close(integrand(name, p, q).sum(-1), DISCRETE[name](p, q))


def test_the_integrand_of_kl_is_signed_and_zero_where_p_is_zero() -> None:
    p, q = torch.tensor([0.0, 0.1, 0.9, 0.0]), torch.tensor([0.5, 0.3, 0.2, 0.0])
    expected = torch.tensor([0.0, 0.1 * math.log(1 / 3), 0.9 * math.log(4.5), 0.0])
    assert_close(integrand("kl", p, q), expected)
    assert_close(integrand("reverse-kl", q, p), expected)


def test_an_integrand_takes_densities_above_one() -> None:
    assert_close(integrand("pearson", torch.tensor([4.0]), torch.tensor([2.0])), torch.tensor([2.0]))


# ---------------------------------------------------------------- densities on a grid

GRID = torch.linspace(-20, 22, 8001, dtype=torch.float64)


@pytest.mark.parametrize(("shift", "expected"), [(0.5, 0.0303113), (1, 0.1114215), (2, 0.3368308), (4, 0.6327202)])
def test_js_between_shifted_gaussians(shift: float, expected: float) -> None:
    p, q = gaussian_density(GRID, 0.0, 1.0), gaussian_density(GRID, float(shift), 1.0)
    equal(on_grid("jensen-shannon", p, q, GRID), expected, ROUNDED)
    equal(on_grid("jensen-shannon", q, p, GRID), expected, ROUNDED)


def test_js_between_distant_gaussians_is_almost_log_two() -> None:
    p, q = gaussian_density(GRID, 0.0, 1.0), gaussian_density(GRID, 8.0, 1.0)
    value = on_grid("jensen-shannon", p, q, GRID)
    equal(value, 0.6930536, ROUNDED)
    assert value < math.log(2)


def test_the_value_of_the_game_between_gaussians_one_apart() -> None:
    p, q = gaussian_density(GRID, 0.0, 1.0), gaussian_density(GRID, 1.0, 1.0)
    equal(2 * on_grid("jensen-shannon", p, q, GRID) - math.log(4), -1.1634514, 1.1e-7)


@pytest.mark.parametrize("sigma_q", [0.8, 1.0, 2.0])
def test_grid_agrees_with_the_closed_forms(sigma_q: float) -> None:
    p, q = gaussian_density(GRID, 0.0, 1.0), gaussian_density(GRID, 1.0, sigma_q)
    equal(on_grid("kl", p, q, GRID), kl_gaussian(0.0, 1.0, 1.0, sigma_q).item(), 1e-9)
    equal(on_grid("reverse-kl", p, q, GRID), kl_gaussian(1.0, sigma_q, 0.0, 1.0).item(), 1e-9)
    equal(on_grid("squared-hellinger", p, q, GRID), squared_hellinger_gaussian(0.0, 1.0, 1.0, sigma_q).item(), 1e-9)
    equal(on_grid("pearson", p, q, GRID), pearson_gaussian(0.0, 1.0, 1.0, sigma_q).item(), 1e-9)
    # The integrand of total variation has kinks, and the trapezoid rule an error of the square of the spacing.
    equal(on_grid("total-variation", p, q, GRID), total_variation_gaussian(0.0, 1.0, 1.0, sigma_q).item(), 1e-5)


@pytest.mark.parametrize("name", list(INTEGRANDS))
def test_grid_agrees_with_adaptive_quadrature(name: str) -> None:
    p, q = scipy.stats.logistic(0.0, 0.6), scipy.stats.norm(0.5, 1.6)
    x = torch.linspace(-14, 15, 20001, dtype=torch.float64)
    formula = {
        "kl": lambda t: scipy.special.rel_entr(p.pdf(t), q.pdf(t)),
        "reverse-kl": lambda t: scipy.special.rel_entr(q.pdf(t), p.pdf(t)),
        "jensen-shannon": lambda t: sum(
            scipy.special.rel_entr(d.pdf(t), (p.pdf(t) + q.pdf(t)) / 2) / 2 for d in (p, q)
        ),
        "total-variation": lambda t: abs(p.pdf(t) - q.pdf(t)) / 2,
        "squared-hellinger": lambda t: (p.pdf(t) ** 0.5 - q.pdf(t) ** 0.5) ** 2 / 2,
        "pearson": lambda t: (p.pdf(t) - q.pdf(t)) ** 2 / q.pdf(t),
    }[name]
    pieces = zip([-14, -5, -2, 0, 2, 5], [-5, -2, 0, 2, 5, 15])
    expected = sum(scipy.integrate.quad(formula, a, b, epsabs=1e-10, limit=200)[0] for a, b in pieces)
    value = on_grid(name, torch.from_numpy(p.pdf(x.numpy())), torch.from_numpy(q.pdf(x.numpy())), x)
    equal(value, expected, 1e-6)


def test_an_uneven_grid_gives_the_same_integral() -> None:
    uneven = 13 * torch.linspace(-1, 1, 8001, dtype=torch.float64).pow(3)
    p, q = gaussian_density(uneven, 0.0, 1.0), gaussian_density(uneven, 1.0, 1.0)
    equal(on_grid("kl", p, q, uneven), 0.5, 1e-6)


def test_grids_broadcast_over_the_batch() -> None:
    shifts = torch.tensor([[0.5], [1.0], [2.0]], dtype=torch.float64)
    p, q = gaussian_density(GRID, 0.0, 1.0), gaussian_density(GRID, shifts, 1.0)
    expected = shifts[:, 0].square() / 2
    assert_close(on_grid("kl", p, q, GRID), expected)
    scales = torch.tensor([[1.0], [2.0], [3.0]], dtype=torch.float64)  # one grid each: KL does not change with units
    assert_close(on_grid("kl", p / scales, q / scales, GRID * scales), expected)


def test_density_that_underflows_makes_kl_infinite_where_the_closed_form_is_finite() -> None:
    x = torch.linspace(-8, 8, 2001)
    p, q = gaussian_density(x, 0.0, 1.0), gaussian_density(x, 0.0, 0.1)
    equal(on_grid("kl", p, q, x), math.inf, 0)
    equal(kl_gaussian(0.0, 1.0, 0.0, 0.1), 99 / 2 - math.log(10), 1e-12)
