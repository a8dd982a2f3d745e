"""The table of f-divergences: each row against the definitions, against mpmath, and against `divergences`."""

import dataclasses
import doctest
import inspect
import math
from collections.abc import Callable

import hypothesis.strategies as st
import mpmath
import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.testing import assert_close

from course_gan import divergences, fdiv
from course_gan.fdiv import F_DIVERGENCES, FDivergence, alpha

ALPHAS = {f"alpha:{a:g}": alpha(a) for a in (-2.5, -1, 0, 0.3, 0.5, 0.9, 1, 1.1, 2, 3)}
EVERY = {**F_DIVERGENCES, **ALPHAS}
SMOOTH = [name for name in EVERY if name != "total-variation"]
P = torch.tensor([0.36, 0.48, 0.16], dtype=torch.float64)
Q = torch.full((3,), 1 / 3, dtype=torch.float64)
ROUNDED = 5.1e-8  # the published numbers have seven digits
U = torch.logspace(-3, 3, 61, dtype=torch.float64)
SEARCH = settings(deadline=None, derandomize=True, max_examples=30)
rows = pytest.mark.parametrize("name", EVERY)
smooth_rows = pytest.mark.parametrize("name", SMOOTH)


def number(value: float) -> Tensor:
    return torch.tensor(value, dtype=torch.float64)


def equal(value: Tensor, expected: float, tolerance: float = ROUNDED) -> None:
    assert_close(value, torch.tensor(expected, dtype=value.dtype), rtol=0, atol=tolerance)


# The generators as printed in the paper, in 40 digits: what everything here is measured against.
def _alpha_printed(a: float) -> Callable:
    if a == 0:
        return lambda u: -mpmath.log(u) + u - 1
    if a == 1:
        return lambda u: u * mpmath.log(u) - (u - 1)
    return lambda u: (u**a - 1 - a * (u - 1)) / (mpmath.mpf(a) * (a - 1))


PRINTED: dict[str, Callable] = {
    "kl": lambda u: u * mpmath.log(u),
    "reverse-kl": lambda u: -mpmath.log(u),
    "pearson": lambda u: (u - 1) ** 2,
    "neyman": lambda u: (1 - u) ** 2 / u,
    "squared-hellinger": lambda u: (mpmath.sqrt(u) - 1) ** 2,
    "jensen-shannon": lambda u: u * mpmath.log(u) - (u + 1) * mpmath.log((1 + u) / 2),
    "gan": lambda u: u * mpmath.log(u) - (u + 1) * mpmath.log(u + 1),
    "jeffrey": lambda u: (u - 1) * mpmath.log(u),
    "total-variation": lambda u: abs(u - 1) / 2,
    **{name: _alpha_printed(float(name.removeprefix("alpha:"))) for name in ALPHAS},
}


def printed(name: str, u: Tensor, order: int = 0) -> Tensor:
    with mpmath.workdps(60):
        at = [mpmath.mpf(x) for x in u.tolist()]
        values = [
            mpmath.diff(PRINTED[name], x, order, h=x * mpmath.mpf(10) ** -20) if order else PRINTED[name](x) for x in at
        ]
        return torch.tensor([float(value) for value in values], dtype=torch.float64)


def test_the_examples_in_the_docstrings_give_what_they_show() -> None:
    result = doctest.testmod(fdiv)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_table_has_the_nine_promised_rows_under_their_own_names() -> None:
    promised = "kl reverse-kl pearson neyman squared-hellinger jensen-shannon gan jeffrey total-variation"
    assert set(F_DIVERGENCES) == set(promised.split())
    assert all(divergence.name == name for name, divergence in EVERY.items())


def test_the_shared_table_cannot_be_changed_by_accident() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        F_DIVERGENCES["kl"].name = "mine"
    with pytest.raises(dataclasses.FrozenInstanceError):
        F_DIVERGENCES["kl"].row.domain = (0.0, 1.0)


# ---------------------------------------------------------------- f and its derivative


@rows
def test_f_is_the_printed_generator(name: str) -> None:
    assert_close(EVERY[name].f(U), printed(name, U), rtol=1e-12, atol=1e-14)


@smooth_rows
def test_the_derivative_is_that_of_the_printed_generator(name: str) -> None:
    assert_close(EVERY[name].derivative(U), printed(name, U, order=1), rtol=1e-12, atol=1e-14)


@rows
def test_the_derivative_is_what_autograd_makes_of_f(name: str) -> None:
    u = U.clone().requires_grad_()
    (slope,) = torch.autograd.grad(EVERY[name].f(u).sum(), u)
    assert_close(slope, EVERY[name].derivative(U), rtol=1e-9, atol=1e-12)


@rows
def test_f_is_convex_and_its_derivative_rises(name: str) -> None:
    slope = EVERY[name].derivative(U)
    steps = slope.diff()
    assert bool((steps >= 0).all() if name == "total-variation" else (steps > 0).all())


@pytest.mark.parametrize("name", [name for name in SMOOTH if name not in ("kl", "reverse-kl", "gan")])
@pytest.mark.parametrize("gap", [1e-4, 1e-7])
def test_near_one_the_derivative_keeps_its_digits(name: str, gap: float) -> None:
    u = number(1 + gap)[None]
    assert_close(EVERY[name].derivative(u), printed(name, u, order=1), rtol=1e-9, atol=0)


@pytest.mark.parametrize("name", ["pearson", "neyman", "squared-hellinger", "jeffrey", "jensen-shannon"])
def test_near_one_f_keeps_its_digits(name: str) -> None:
    u = number(1 + 1e-6)[None]
    assert_close(EVERY[name].f(u), printed(name, u), rtol=1e-5, atol=0)


@rows
def test_f_vanishes_at_one_but_in_the_gan_row(name: str) -> None:
    equal(EVERY[name].f(number(1.0)), -math.log(4) if name == "gan" else 0.0, 1e-15)


THRESHOLDS = {"kl": 1.0, "reverse-kl": -1.0, "gan": -math.log(2)}


@rows
def test_the_threshold_is_the_slope_at_one(name: str) -> None:
    assert EVERY[name].threshold == pytest.approx(THRESHOLDS.get(name, 0.0), abs=1e-15)


LIMITS = {  # f(0), f'(inf)
    "kl": (0, math.inf),
    "reverse-kl": (math.inf, 0),
    "pearson": (1, math.inf),
    "neyman": (math.inf, 1),
    "squared-hellinger": (1, 1),
    "jensen-shannon": (math.log(2), math.log(2)),
    "gan": (0, 0),
    "jeffrey": (math.inf, math.inf),
    "total-variation": (0.5, 0.5),
    "alpha:-2.5": (math.inf, 1 / 3.5),
    "alpha:0": (math.inf, 1),
    "alpha:0.5": (2, 2),
    "alpha:1": (1, math.inf),
    "alpha:3": (1 / 3, math.inf),
}


@pytest.mark.parametrize("name", LIMITS)
def test_zero_and_infinite_ratios_give_the_limits(name: str) -> None:
    at_zero, slope = LIMITS[name]
    equal(EVERY[name].f(number(0.0)), at_zero, 1e-15)
    equal(EVERY[name].derivative(number(math.inf)), slope, 1e-15)
    # and f* takes the slope at infinity, the upper end of dom f*, for the largest critic value
    assert EVERY[name].domain[1] == pytest.approx(slope)


@pytest.mark.parametrize("name", [name for name in EVERY if name != "total-variation"])
def test_the_slope_at_zero_is_minus_infinity_or_finite_as_f_has_it(name: str) -> None:
    finite = {"pearson": -2.0, "alpha:1.1": -10.0, "alpha:2": -1.0, "alpha:3": -0.5}
    equal(EVERY[name].derivative(number(0.0)), finite.get(name, -math.inf), 1e-12)
    if name in finite:
        u = number(0.0).requires_grad_()
        (slope,) = torch.autograd.grad(EVERY[name].f(u), u)
        equal(slope, finite[name], 1e-12)


@rows
def test_a_ratio_without_end_is_no_nan_in_float32(name: str) -> None:
    u = torch.tensor([0.0, 1e-38, 1e-20, 1e20, 3e38])
    value, slope = EVERY[name].f(u), EVERY[name].derivative(u)
    assert not bool(value.isnan().any() | slope.isnan().any())
    wanted = printed(name, u[1:].double()).float()
    assert_close(value[1:], wanted, rtol=1e-4, atol=1e-6)


# ---------------------------------------------------------------- the conjugate


@smooth_rows
def test_the_conjugate_at_a_slope_is_u_slope_minus_f(name: str) -> None:
    divergence, slope = EVERY[name], EVERY[name].derivative(U)
    wanted = U * slope - divergence.f(U)
    assert_close(divergence.conjugate(slope), wanted, rtol=1e-9, atol=1e-9)


@smooth_rows
def test_the_conjugate_at_the_slope_at_zero_is_minus_f_of_zero(name: str) -> None:
    zero, divergence = number(0.0), EVERY[name]
    assert_close(divergence.conjugate(divergence.derivative(zero)), -divergence.f(zero), rtol=1e-14, atol=1e-15)


@smooth_rows
def test_the_derivative_of_the_conjugate_is_the_inverse_of_the_slope(name: str) -> None:
    divergence = EVERY[name]
    u = torch.logspace(-2, 2, 41, dtype=torch.float64)
    t = divergence.derivative(u).requires_grad_()
    (inverse,) = torch.autograd.grad(divergence.conjugate(t).sum(), t)
    assert_close(inverse, u, rtol=1e-8, atol=0)


@rows
def test_the_conjugate_is_the_largest_gap_between_a_line_and_f(name: str) -> None:
    divergence = EVERY[name]
    lower, upper = divergence.domain
    t = torch.linspace(max(lower, -1.5), min(upper - 0.05, 1.5) if name != "total-variation" else 0.5, 13).double()
    t = t[t >= divergence.derivative(number(1e-3))]  # where the supremum lies on the grid of u below
    u = torch.logspace(-4, 6, 60_001, dtype=torch.float64)
    f = divergence.f(u)
    best = torch.stack([(u * slope - f).max() for slope in t])
    assert len(t) > 4
    assert_close(divergence.conjugate(t), best, rtol=1e-5, atol=1e-4)


@rows
@pytest.mark.parametrize("u", [0.2, 1.7])
def test_the_conjugate_of_the_conjugate_is_f(name: str, u: float) -> None:
    divergence = EVERY[name]
    lower, upper = divergence.domain
    t = torch.linspace(max(lower, -100), min(upper, 20), 1_200_001, dtype=torch.float64)
    conjugate = divergence.conjugate(t)
    equal((u * t - conjugate).max(), printed(name, number(u)[None]).item(), 1e-6)


@pytest.mark.parametrize(
    ("name", "t", "expected"),
    [
        ("kl", 0, 0.3678794),
        ("reverse-kl", -2, -1.6931472),
        ("pearson", 1, 1.25),
        ("neyman", 0.75, 1),
        ("squared-hellinger", 0.5, 1),
        ("jensen-shannon", 0.5, 1.0461753),
        ("gan", -1, 0.4586751),
        ("jeffrey", 0, 0),
        ("jeffrey", 1, 1.3303661),
        ("total-variation", -0.5, -0.5),
        ("total-variation", 0.5, 0.5),
        ("neyman", 1, 2),
        ("alpha:2", -3, 1.5),
    ],
)
def test_known_values_of_the_conjugate(name: str, t: float, expected: float) -> None:
    equal(EVERY[name].conjugate(number(t)), expected)


@pytest.mark.parametrize(("name", "expected"), [("kl", 0.9020680), ("jensen-shannon", 0.0917856)])
def test_known_values_of_f(name: str, expected: float) -> None:
    equal(F_DIVERGENCES[name].f(number(1.7)), expected)


DOMAINS = {
    "kl": (-math.inf, math.inf),
    "reverse-kl": (-math.inf, 0),
    "pearson": (-math.inf, math.inf),
    "neyman": (-math.inf, 1),
    "squared-hellinger": (-math.inf, 1),
    "jensen-shannon": (-math.inf, math.log(2)),
    "gan": (-math.inf, 0),
    "jeffrey": (-math.inf, math.inf),
    "total-variation": (-0.5, 0.5),
    "alpha:-2.5": (-math.inf, 1 / 3.5),
    "alpha:0.5": (-math.inf, 2),
    "alpha:1": (-math.inf, math.inf),
    "alpha:2": (-math.inf, math.inf),
}
CLOSED = ["neyman", "total-variation", "alpha:-2.5"]


@pytest.mark.parametrize("name", DOMAINS)
def test_outside_its_domain_the_conjugate_is_infinite_and_inside_finite(name: str) -> None:
    divergence, (lower, upper) = EVERY[name], DOMAINS[name]
    assert divergence.domain == pytest.approx((lower, upper))
    t = torch.tensor([-3e38, -100.0, -1.0, 0.0, 0.5, 0.69, 1.0, 2.0, 80.0, 3e38], dtype=torch.float64)
    value = divergence.conjugate(t)
    assert not bool(value.isnan().any())
    assert bool((value[(t < lower) | (t > upper)] == math.inf).all())
    assert bool(value[(t > lower) & (t < upper) & (t.abs() < 1e3)].isfinite().all())
    if upper < math.inf:
        assert bool(divergence.conjugate(number(divergence.domain[1])).isfinite()) == (name in CLOSED)


@rows
def test_the_conjugate_is_nan_for_nan_only(name: str) -> None:
    lower, upper = EVERY[name].domain
    t = torch.tensor([-math.inf, lower, upper, math.inf, math.nan]).requires_grad_()
    value = EVERY[name].conjugate(t)
    assert value.isnan().tolist() == [False] * 4 + [True]
    assert upper == math.inf or value[3] == math.inf
    inside_out = torch.tensor([-1e4, 1e4]).requires_grad_()
    outside = (inside_out.detach() < lower) | (inside_out.detach() > upper)
    (slope,) = torch.autograd.grad(EVERY[name].conjugate(inside_out).sum(), inside_out)
    assert bool((slope[outside] == 0).all())
    assert not bool(slope.isnan().any())


@pytest.mark.parametrize("t", [-1e6, -50.0, -3.0, -1e-6, 0.0, 0.5, 1.0, 4.0, 40.0, 41.0, 80.0])
def test_jeffreys_conjugate_is_the_one_of_lamberts_w(t: float) -> None:
    with mpmath.workdps(60):
        x = mpmath.mpf(t)
        # W(e^{1-t}) by the equation w + log w = 1 - t where e^{1-t} is out of range even for mpmath's lambertw
        start = 1 - x - mpmath.log(abs(1 - x) + 1)
        w = (
            mpmath.lambertw(mpmath.exp(1 - x))
            if t > -1e3
            else mpmath.findroot(lambda w: w + mpmath.log(w) - 1 + x, start)
        )
        expected = float(mpmath.re(w + 1 / w + x - 2))
    assert_close(F_DIVERGENCES["jeffrey"].conjugate(number(t)), number(expected), rtol=1e-14, atol=1e-17)
    assert_close(F_DIVERGENCES["jeffrey"].conjugate(torch.tensor(t)), torch.tensor(expected), rtol=1e-5, atol=1e-12)


def test_jeffreys_conjugate_agrees_with_scipy_in_the_middle() -> None:
    t = np.linspace(-20, 20, 401)
    w = scipy.special.lambertw(np.exp(1 - t)).real
    ours = F_DIVERGENCES["jeffrey"].conjugate(torch.from_numpy(t))
    assert_close(ours, torch.from_numpy(w + 1 / w + t - 2), rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("t", [-40.0, -5.0, -0.7, -0.69, -1e-3, -1e-10])
def test_the_gan_conjugate_keeps_its_digits_at_both_ends(t: float) -> None:
    """At -40 log(1 - e^t) has lost e^t beside 1, at -1e-10 the difference has lost its digits."""
    with mpmath.workdps(60):
        expected = float(-mpmath.log1p(-mpmath.exp(mpmath.mpf(t))))
    assert_close(F_DIVERGENCES["gan"].conjugate(number(t)), number(expected), rtol=1e-14, atol=0)


@pytest.mark.parametrize(
    ("name", "t", "slope"), [("total-variation", -0.5, 1.0), ("total-variation", 0.5, 1.0), ("neyman", 1.0, math.inf)]
)
def test_an_end_that_belongs_to_the_domain_has_the_slope_of_the_formula(name: str, t: float, slope: float) -> None:
    end = number(t).requires_grad_()
    assert torch.autograd.grad(F_DIVERGENCES[name].conjugate(end), end)[0] == slope


@pytest.mark.parametrize("a", [-1.0, 0.5, 1.1, 3.0])
@pytest.mark.parametrize("t", [1e-10, -1e-10, 0.1])
def test_near_zero_the_conjugate_of_alpha_keeps_its_digits(a: float, t: float) -> None:
    with mpmath.workdps(60):
        k = mpmath.mpf(a) - 1
        expected = float(((1 + k * mpmath.mpf(t)) ** (mpmath.mpf(a) / k) - 1) / mpmath.mpf(a))
    assert_close(alpha(a).conjugate(number(t)), number(expected), rtol=1e-13, atol=0)


@pytest.mark.parametrize("a", [-3.0, -1.0, -0.6])
def test_for_negative_a_the_end_of_the_domain_belongs_to_it(a: float) -> None:
    """There the base of the power is 0, so that f*(1/(1-a)) = -1/a; these ends are exact in floating point."""
    end = number(1 / (1 - a)).requires_grad_()
    value = alpha(a).conjugate(end)
    assert_close(value.detach(), number(-1 / a), rtol=1e-15, atol=0)
    assert not bool(torch.autograd.grad(value, end)[0].isnan())
    assert alpha(a).conjugate(end.detach() + 1e-9) == math.inf


@rows
def test_gradients_of_conjugate_and_activations_are_finite_differences_twice(name: str) -> None:
    divergence = EVERY[name]
    v = torch.tensor([-2.0, -0.7, 0.3, 1.1], dtype=torch.float64)
    t = divergence.activation(v).requires_grad_()
    v = v.requires_grad_()
    for function, at in (
        (divergence.conjugate, t),
        (divergence.activation, v),
        (divergence.conjugate_of_activation, v),
    ):
        assert torch.autograd.gradcheck(function, (at.detach().requires_grad_(),))
        assert torch.autograd.gradgradcheck(function, (at.detach().requires_grad_(),))


# ---------------------------------------------------------------- the activation


@rows
def test_the_activation_lands_in_the_domain_and_rises(name: str) -> None:
    divergence = EVERY[name]
    v = torch.linspace(-15, 15, 301, dtype=torch.float64)
    t = divergence.activation(v)
    lower, upper = divergence.domain
    assert bool((t.diff() > 0).all())
    assert bool(((t > lower) & (t < upper)).all())


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("kl", lambda v: v),
        ("reverse-kl", lambda v: -math.exp(-v)),
        ("pearson", lambda v: v),
        ("neyman", lambda v: 1 - math.exp(-v)),
        ("squared-hellinger", lambda v: 1 - math.exp(-v)),
        ("jensen-shannon", lambda v: math.log(2) - math.log(1 + math.exp(-v))),
        ("gan", lambda v: -math.log(1 + math.exp(-v))),
        ("jeffrey", lambda v: v),
        ("total-variation", lambda v: math.tanh(v) / 2),
        ("alpha:0.5", lambda v: 2 - math.log(1 + math.exp(-v))),
        ("alpha:2", lambda v: v),
    ],
)
def test_the_activation_is_the_printed_one(name: str, formula: Callable[[float], float]) -> None:
    for v in (-3.0, 0.0, 0.8, 4.0):
        equal(EVERY[name].activation(number(v)), formula(v), 1e-14)


@rows
def test_the_composed_form_is_the_conjugate_of_the_activation(name: str) -> None:
    divergence = EVERY[name]
    v = torch.linspace(-12, 8, 81, dtype=torch.float64)
    assert_close(
        divergence.conjugate_of_activation(v), divergence.conjugate(divergence.activation(v)), rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize(
    ("name", "v", "expected"),
    [
        ("reverse-kl", 100.0, 99.0),
        ("neyman", 100.0, 2.0),
        ("squared-hellinger", 50.0, math.exp(50.0)),
        ("jensen-shannon", 100.0, 100 - math.log(2)),
        ("gan", 100.0, 100.0),
        ("total-variation", 100.0, 0.5),
        ("alpha:0.5", 40.0, 2 * (2 * math.exp(40.0) - 1)),
        ("alpha:0", 100.0, 100.0),
        ("alpha:-1", 100.0, 1.0),
    ],
)
def test_the_composed_form_is_right_in_float32_where_the_activation_has_rounded(
    name, v: float, expected: float
) -> None:
    at = torch.tensor(v).requires_grad_()
    value = EVERY[name].conjugate_of_activation(at)
    assert_close(value.detach(), torch.tensor(expected), rtol=2e-5, atol=1e-6)
    (slope,) = torch.autograd.grad(value, at)
    assert bool(slope.isfinite())


# ---------------------------------------------------------------- divergences and bounds


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("kl", 0.0852996),
        ("reverse-kl", 0.0974550),
        ("pearson", 0.1568000),
        ("neyman", 0.2345679),
        ("squared-hellinger", 0.0452995),
        ("jensen-shannon", 0.0449197),
        ("gan", -1.3413746),
        ("jeffrey", 0.1827546),
        ("total-variation", 0.1733333),
        ("alpha:2", 0.0784000),
        ("alpha:0.5", 0.0905989),
    ],
)
def test_the_worked_example_and_the_bound_at_its_optimal_critic(name: str, expected: float) -> None:
    divergence = EVERY[name]
    equal(divergence.divergence(P, Q), expected)
    best = divergence.optimal_critic(P, Q)
    bound = (P * best).sum() - (Q * divergence.conjugate(best)).sum()
    assert_close(bound, divergence.divergence(P, Q), rtol=1e-12, atol=1e-13)


def test_the_divergences_of_the_paper_are_those_of_the_other_module_up_to_the_stated_factors() -> None:
    f = {name: divergence.divergence(P, Q) for name, divergence in EVERY.items()}
    js, kl, reverse = divergences.js(P, Q), divergences.kl(P, Q), divergences.kl(Q, P)
    for value, expected in (
        (f["kl"], kl),
        (f["reverse-kl"], reverse),
        (f["jeffrey"], kl + reverse),
        (f["jensen-shannon"], 2 * js),
        (f["gan"], 2 * js - math.log(4)),
        (f["squared-hellinger"], 2 * divergences.squared_hellinger(P, Q)),
        (f["total-variation"], divergences.total_variation(P, Q)),
        (f["pearson"], divergences.pearson(P, Q)),
        (f["neyman"], divergences.pearson(Q, P)),
        (f["alpha:2"], divergences.pearson(P, Q) / 2),
        (f["alpha:-1"], divergences.pearson(Q, P) / 2),
        (f["alpha:0.5"], 4 * divergences.squared_hellinger(P, Q)),
        (f["alpha:1"], kl),
        (f["alpha:0"], reverse),
    ):
        assert_close(value, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("a", [0.0, 1.0])
def test_alpha_is_continuous_where_its_formula_is_zero_by_zero(a: float) -> None:
    u, t = U[20:40], torch.linspace(-1, 0.5, 7, dtype=torch.float64)
    for near in (alpha(a - 1e-9), alpha(a + 1e-9)):
        assert_close(near.f(u), alpha(a).f(u), rtol=1e-6, atol=1e-8)
        assert_close(near.derivative(u), alpha(a).derivative(u), rtol=1e-6, atol=1e-8)
        assert_close(near.conjugate(t), alpha(a).conjugate(t), rtol=1e-6, atol=1e-8)


def test_alpha_of_a_is_alpha_of_one_minus_a_the_other_way_round() -> None:
    for a in (-2.5, 0.0, 0.3):
        assert_close(alpha(a).divergence(P, Q), alpha(1 - a).divergence(Q, P), rtol=1e-12, atol=0)


def test_disjoint_supports_and_zeros_take_the_limits() -> None:
    p, q = torch.tensor([0.5, 0.5, 0.0, 0.0]).double(), torch.tensor([0.0, 0.5, 0.5, 0.0]).double()
    for name, (at_zero, slope) in LIMITS.items():
        shared = 0.5 * (-math.log(4) if name == "gan" else 0.0)
        equal(EVERY[name].divergence(p, q), 0.5 * slope + 0.5 * at_zero + shared, 1e-14)
    equal(F_DIVERGENCES["gan"].divergence(p[[0, 2]] * 2, q[[0, 2]] * 2), 0.0, 0)  # V(D*) = 0 on disjoint supports


@rows
def test_an_outcome_that_neither_has_adds_nothing(name: str) -> None:
    zero = torch.zeros(1, dtype=torch.float64)
    wanted = EVERY[name].divergence(P, Q)
    assert_close(EVERY[name].divergence(torch.cat([P, zero]), torch.cat([Q, zero])), wanted, rtol=1e-15, atol=0)


def test_an_infinite_jeffrey_divergence_is_a_constant() -> None:
    for at in ((number(0.5), number(0.0)), (number(0.0), number(0.5))):
        p, q = (value.requires_grad_() for value in at)
        value = F_DIVERGENCES["jeffrey"].row.perspective(p, q)
        assert value == math.inf
        assert torch.autograd.grad(value, (p, q)) == (0, 0)


@rows
def test_the_optimal_critic_has_its_limits_at_zeros(name: str) -> None:
    p, q = torch.tensor([0.5, 0.5, 0.0, 0.0]).double(), torch.tensor([0.0, 0.5, 0.5, 0.0]).double()
    divergence = EVERY[name]
    critic = divergence.optimal_critic(p, q)
    ends = torch.stack([divergence.derivative(number(u)) for u in (math.inf, 1.0, 0.0, 1.0)])
    assert_close(critic, ends, rtol=0, atol=0)
    assert not bool(critic.isnan().any())


@rows
def test_gradients_at_outcomes_that_one_side_lacks_are_those_of_the_limits(name: str) -> None:
    """q f(p/q) is p f'(inf) at q = 0 and q f(0) at p = 0: where these are finite, so are both gradients."""
    divergence = EVERY[name]
    slope, at_zero = divergence.derivative(number(math.inf)), divergence.f(number(0.0))
    for p, q, limit in ((0.5, 0.0, slope), (0.0, 0.5, at_zero)):
        given = number(p).requires_grad_(), number(q).requires_grad_()
        by_p, by_q = torch.autograd.grad(divergence.row.perspective(*given), given)
        if limit.isfinite() and name != "gan":  # whose gradient at q = 0 is -log(1 + q/p), in p, and so on
            assert_close(by_p if p else by_q, limit, rtol=0, atol=1e-12)
            assert bool(by_p.isfinite() & by_q.isfinite())


weight = st.floats(0.01, 1.0)


@rows
@SEARCH
@given(
    p=st.lists(weight, min_size=4, max_size=4),
    q=st.lists(weight, min_size=4, max_size=4),
    v=st.lists(st.floats(-30, 30), min_size=4, max_size=4),
)
def test_no_critic_exceeds_the_divergence(name: str, p: list[float], q: list[float], v: list[float]) -> None:
    divergence = EVERY[name]
    x, y, raw = (torch.tensor(values, dtype=torch.float64) for values in (p, q, v))
    x, y = x / x.sum(), y / y.sum()
    bound = (x * divergence.activation(raw)).sum() - (y * divergence.conjugate_of_activation(raw)).sum()
    whole = divergence.divergence(x, y)
    assert bound <= whole + 1e-12 * (1 + whole.abs() + bound.abs())


@rows
@SEARCH
@given(p=st.lists(weight, min_size=4, max_size=4), q=st.lists(weight, min_size=4, max_size=4))
def test_a_divergence_is_not_negative_and_zero_between_equals(name: str, p: list[float], q: list[float]) -> None:
    divergence = EVERY[name]
    x, y = (torch.tensor(values, dtype=torch.float64) for values in (p, q))
    x, y = x / x.sum(), y / y.sum()
    floor = -math.log(4) if name == "gan" else 0.0
    assert divergence.divergence(x, y) >= floor - 1e-14
    equal(divergence.divergence(x, x), floor, 1e-15)


def test_the_lower_bound_from_raw_outputs_is_its_definition() -> None:
    generator = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(n, 1, 2, generator=generator, dtype=torch.float64) for n in (5, 7))
    for divergence in EVERY.values():
        wanted = divergence.activation(real).mean() - divergence.conjugate(divergence.activation(fake)).mean()
        assert_close(divergence.lower_bound(real, fake), wanted, rtol=1e-12, atol=1e-13)


@smooth_rows
def test_training_raw_outputs_on_samples_reaches_the_divergence(name: str) -> None:
    # On the outcomes of a discrete pair, the best table of raw outputs, found by an optimizer that knows no theory.
    divergence = EVERY[name]

    def minus_bound(v: np.ndarray) -> tuple[float, np.ndarray]:
        raw = torch.tensor(v, requires_grad=True)
        bound = (P * divergence.activation(raw)).sum() - (Q * divergence.conjugate_of_activation(raw)).sum()
        (slope,) = torch.autograd.grad(-bound, raw)
        return -bound.item(), slope.numpy()

    found = scipy.optimize.minimize(minus_bound, np.full(3, 0.1), jac=True, method="BFGS", options={"gtol": 1e-9})
    equal(-number(found.fun), divergence.divergence(P, Q).item(), 1e-8)


# ---------------------------------------------------------------- the univariate setting of the paper


def test_on_a_grid_it_is_the_integral_of_the_other_module() -> None:
    x = torch.linspace(-9, 10, 2001, dtype=torch.float64)
    p = divergences.gaussian_density(x, 0.0, 1.0)
    q = divergences.gaussian_density(x, 1.0, 1.0)
    for name in ("kl", "reverse-kl", "total-variation", "pearson"):
        assert_close(F_DIVERGENCES[name].on_grid(p, q, x), divergences.on_grid(name, p, q, x), rtol=1e-12, atol=1e-14)
    equal(F_DIVERGENCES["jensen-shannon"].on_grid(p, q, x), 2 * 0.1114215, 1e-7)
    equal(F_DIVERGENCES["gan"].on_grid(p, q, x), -1.1634514)


@pytest.mark.parametrize(
    ("name", "expected", "mean", "std"),
    [
        ("kl", 0.288093, 1.010000, 1.830444),
        ("reverse-kl", 0.250673, 1.584093, 1.629423),
        ("jensen-shannon", 0.129827, 1.312515, 1.752473),
        ("jeffrey", 0.579101, 1.324916, 1.702270),
        ("pearson", 0.661622, 0.566320, 1.926751),
        ("neyman", 0.407191, 1.828559, 1.517051),
        ("squared-hellinger", 0.136575, 1.317500, 1.731561),
        ("total-variation", 0.241060, 1.339818, 1.878233),
    ],
)
def test_the_univariate_experiment_of_the_paper(name: str, expected: float, mean: float, std: float) -> None:
    x = torch.linspace(-14, 16, 20_001, dtype=torch.float64)
    density = divergences.gaussian_density
    p = 0.33 * density(x, -1.0, 0.25) + 0.67 * density(x, 2.0, math.sqrt(2))

    def value(mean: float, std: float) -> float:
        return F_DIVERGENCES[name].on_grid(p, density(x, mean, std), x).item()

    assert value(mean, std) == pytest.approx(expected, abs=1e-6)
    for neighbor in ((mean + 0.02, std), (mean - 0.02, std), (mean, std + 0.02), (mean, std - 0.02)):
        assert value(*neighbor) > expected - 1e-6


# ---------------------------------------------------------------- dtypes, shapes, bad input


@rows
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_every_float_dtype_stays_and_half_precision_computes_in_single(name: str, dtype: torch.dtype) -> None:
    divergence = EVERY[name]
    v = torch.tensor([[-1.5, 0.0], [0.25, 1.5]], dtype=dtype)
    u = torch.tensor([0.25, 1.0, 3.0], dtype=dtype)
    tolerance = torch.finfo(dtype).eps
    for function, at in (
        (divergence.f, u),
        (divergence.derivative, u),
        (divergence.activation, v),
        (divergence.conjugate_of_activation, v),
        (divergence.conjugate, -u / 8),
    ):
        value = function(at)
        assert value.dtype == dtype
        assert value.shape == at.shape
        assert_close(value, function(at.double()).to(dtype), rtol=16 * tolerance, atol=1e-6)
        assert_close(value, function(at.float()).to(dtype), rtol=0, atol=0)  # rounded once, at the end
    for value in (divergence.divergence(P.to(dtype), P.to(dtype)), divergence.lower_bound(v, v)):
        assert value.dtype == dtype
        assert value.shape == ()


def test_batches_broadcast_as_in_the_other_module() -> None:
    p, q = torch.stack([P, Q]), torch.stack([Q, P])[:, None]
    table = F_DIVERGENCES["kl"].divergence(p, q)
    assert table.shape == (2, 2)
    assert_close(table[0, 0], divergences.kl(P, Q))
    assert F_DIVERGENCES["kl"].optimal_critic(p, q).shape == (2, 2, 3)


ROW = F_DIVERGENCES["kl"]
HALVES = torch.tensor([0.5, 0.5])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: inspect.unwrap(FDivergence.f)(ROW, torch.tensor([1.0, -1.0])),
            ValueError,
            r"u\[1\] is -1; wanted ratios",
        ),
        (lambda: inspect.unwrap(FDivergence.f)(ROW, torch.tensor(math.inf)), ValueError, r"u is inf; .* finite"),
        (lambda: inspect.unwrap(FDivergence.f)(ROW, 1.0), TypeError, r"u is a float; .* torch\.as_tensor\(u\)"),
        (lambda: inspect.unwrap(FDivergence.derivative)(ROW, torch.tensor([-1.0])), ValueError, r"u\[0\] is -1"),
        (lambda: inspect.unwrap(FDivergence.derivative)(ROW, torch.tensor([math.nan])), ValueError, r"u\[0\] is nan"),
        (lambda: inspect.unwrap(FDivergence.conjugate)(ROW, torch.tensor([1])), ValueError, "t has dtype torch.int64"),
        (lambda: inspect.unwrap(FDivergence.activation)(ROW, None), TypeError, "v is a NoneType"),
        (lambda: inspect.unwrap(FDivergence.divergence)(ROW, 2 * HALVES, HALVES), ValueError, "the sum of p is 2"),
        (
            lambda: inspect.unwrap(FDivergence.divergence)(ROW, HALVES, P.float()),
            ValueError,
            r"p has shape \(2,\) and q",
        ),
        (lambda: inspect.unwrap(FDivergence.optimal_critic)(ROW, -HALVES, HALVES), ValueError, r"p\[0\] is -0.5"),
        (lambda: inspect.unwrap(FDivergence.lower_bound)(ROW, HALVES, None), TypeError, "v_fake is a NoneType"),
        (
            lambda: inspect.unwrap(FDivergence.on_grid)(ROW, HALVES, HALVES, HALVES),
            ValueError,
            r"x\[1\] is 0\.5; .* increase along the last axis",
        ),
        (
            lambda: inspect.unwrap(FDivergence.on_grid)(ROW, torch.ones(2), HALVES, torch.tensor([0.0, 1.0])),
            ValueError,
            r"the integral of q over the grid is 0\.5; wanted 1",
        ),
        (
            lambda: inspect.unwrap(FDivergence.on_grid)(ROW, HALVES, HALVES, torch.tensor([0.0, 1.0, 2.0])),
            ValueError,
            r"x has shape \(3,\) and p \(2,\)",
        ),
        (lambda: alpha(math.nan), ValueError, "a is nan; wanted a finite number"),
        (lambda: alpha(-math.inf), ValueError, "a is -inf"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


# ---------------------------------------------------------------- traps: what others got wrong


def test_trap_reverse_kl_activation_without_its_minus() -> None:
    v = torch.linspace(-2, 2, 9, dtype=torch.float64)
    wrong = v.exp()  # exp(v) for -exp(-v): positive, outside t < 0
    assert bool((F_DIVERGENCES["reverse-kl"].conjugate(wrong) == math.inf).all())
    falling = -v.exp()  # the variant with one minus too few: in the domain, but large where the critic says fake
    assert bool((falling.diff() < 0).all())
    right = F_DIVERGENCES["reverse-kl"].activation(v)
    assert bool((right < 0).all() & (right.diff() > 0).all())


@pytest.mark.parametrize("name", ["total-variation", "jensen-shannon", "squared-hellinger"])
def test_trap_conjugate_of_the_raw_output(name: str) -> None:
    divergence = F_DIVERGENCES[name]
    # The raw outputs whose activation is the optimal critic; total variation has its optimum at v = ±inf, so 20 do.
    best = divergence.optimal_critic(P, Q)
    raw = {
        "total-variation": 20 * best.sign(),
        "jensen-shannon": -torch.log(2 * (-best).exp() - 1),
        "squared-hellinger": -(1 - best).log(),
    }[name]
    assert_close(divergence.activation(raw), best, rtol=1e-12, atol=1e-14)
    right = (P * divergence.activation(raw)).sum() - (Q * divergence.conjugate_of_activation(raw)).sum()
    wrong = (P * divergence.activation(raw)).sum() - (Q * divergence.conjugate(raw)).sum()
    assert_close(right, divergence.divergence(P, Q), rtol=1e-12, atol=1e-13)
    assert not bool((wrong - right).abs() < 1e-3)


@pytest.mark.parametrize("a", [0.5, 0.0, -1.0])
def test_alpha_composed_has_its_gradient_at_every_score(a: float) -> None:
    """Where one formula takes over from another the gradient was 0: at 20, for a clamp there has none."""
    v = torch.tensor([-20.0, 0.0, 19.99, 20.0, 20.01, 39.99, 40.0, 40.01], dtype=torch.float64, requires_grad=True)
    (found,) = torch.autograd.grad(alpha(a).conjugate_of_activation(v).sum(), v)
    with mpmath.workdps(60):
        # d f*(g(v)) / dv = (f*)'(t) g'(v), and (f*)'(t) = ((1 - a) softplus(-v))^(1/(a-1)).
        expected = [
            ((1 - mpmath.mpf(a)) * mpmath.log1p(mpmath.exp(-x))) ** (1 / (mpmath.mpf(a) - 1)) / (1 + mpmath.exp(x))
            for x in v.tolist()
        ]
    assert_close(found, torch.tensor([float(x) for x in expected], dtype=torch.float64), rtol=1e-12, atol=1e-15)


def test_alpha_composed_beyond_the_largest_number_has_no_nan_for_a_gradient() -> None:
    v = torch.tensor([30.0, 100.0, 1000.0], requires_grad=True)
    (gradient,) = torch.autograd.grad(alpha(0.9).conjugate_of_activation(v).sum(), v)
    assert (gradient == math.inf).all()
