"""Exact plans and potentials: against POT and SciPy's solvers, marginals, strong duality, slackness, bad input."""

import inspect
import math
import subprocess
import sys
import warnings
from collections.abc import Callable

import hypothesis.strategies as st
import ot
import pytest
import torch
from hypothesis import given, settings
from scipy.optimize import linear_sum_assignment, linprog
from torch import Tensor
from torch.testing import assert_close

from course_gan.transport import cost_matrix, dual_potentials, optimal_plan, wasserstein, wasserstein_1d

SEARCH = settings(deadline=None, derandomize=True, max_examples=40)
raw_plan, raw_potentials = inspect.unwrap(optimal_plan), inspect.unwrap(dual_potentials)
raw_cost, raw_wasserstein = inspect.unwrap(cost_matrix), inspect.unwrap(wasserstein)


def double(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def cloud(n: int, d: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(n, d, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Tensor, Tensor, Tensor]:
    """Costs of any sign with ties, and weights of which some are 0."""
    n, m = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    entry = st.one_of(st.integers(-2, 4).map(float), st.floats(-50, 50, allow_subnormal=False))
    cost = double(draw(st.lists(entry, min_size=n * m, max_size=n * m))).reshape(n, m)
    sides = []
    for k in (n, m):
        w = double(draw(st.lists(st.sampled_from([0.0, 0.0, 0.1, 1.0, 2.5]), min_size=k, max_size=k)))
        w[draw(st.integers(0, k - 1))] += 0.3
        sides.append(w / w.sum())
    return cost, sides[0], sides[1]


def by_highs(cost: Tensor, a: Tensor, b: Tensor) -> float:
    """The least cost by SciPy's linear programming."""
    n, m = cost.shape
    rows = torch.eye(n).repeat_interleave(m, 1)
    columns = torch.eye(m).repeat(1, n)
    done = linprog(cost.flatten().numpy(), A_eq=torch.cat([rows, columns]).numpy(), b_eq=torch.cat([a, b]).numpy())
    assert done.success
    return float(done.fun)


@SEARCH
@given(problem=problems())
def test_plan_has_the_marginals_and_the_least_cost(problem: tuple[Tensor, Tensor, Tensor]) -> None:
    cost, a, b = problem
    plan = optimal_plan(cost, a, b)
    assert (plan >= 0).all()
    assert_close(plan.sum(1), a, rtol=0, atol=1e-15)
    assert_close(plan.sum(0), b, rtol=0, atol=1e-15)
    assert float((plan * cost).sum()) == pytest.approx(by_highs(cost, a, b), rel=1e-9, abs=1e-9)


@SEARCH
@given(problem=problems())
def test_strong_duality_and_complementary_slackness(problem: tuple[Tensor, Tensor, Tensor]) -> None:
    cost, a, b = problem
    plan, (f, g) = optimal_plan(cost, a, b), dual_potentials(cost, a, b)
    slack = cost - f[:, None] - g
    size = float(cost.abs().max()) + 1
    assert float(slack.min()) >= -1e-12 * size  # f_i + g_j ≤ c_ij, also where a weight is 0
    assert float(a @ f + b @ g) == pytest.approx(float((plan * cost).sum()), abs=1e-10 * size)
    assert float((plan * slack).sum()) == pytest.approx(0, abs=1e-10 * size)
    assert float(f.sum()) == pytest.approx(0, abs=1e-10 * size)


@SEARCH
@given(problem=problems())
def test_potentials_without_weight_are_as_large_as_allowed(problem: tuple[Tensor, Tensor, Tensor]) -> None:
    cost, a, b = problem
    f, g = dual_potentials(cost, a, b)
    assert_close(f, (cost - g).amin(1), rtol=1e-10, atol=1e-10)
    allowed = torch.where((a > 0)[:, None], cost - f[:, None], torch.inf).amin(0)
    assert float((g - allowed).abs().max()) <= 1e-9 * float(cost.abs().max() + 1)


def test_equal_numbers_of_equal_weights_are_an_assignment() -> None:
    cost = cost_matrix(cloud(60), cloud(60, seed=1))
    plan = optimal_plan(cost)
    rows, columns = linear_sum_assignment(cost)
    assert_close(60 * plan[rows, columns], torch.ones(60, dtype=torch.float64))


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
@pytest.mark.parametrize("offset", [0.0, 3.0, -30.0])
def test_units_and_a_common_cost_change_no_plan(scale: float, offset: float) -> None:
    cost = cost_matrix(cloud(12), cloud(15, seed=1))
    assert_close(optimal_plan(scale * (cost + offset)), optimal_plan(cost), rtol=0, atol=1e-12)
    f, g = dual_potentials(scale * (cost + offset))
    assert_close(f / scale, dual_potentials(cost)[0], rtol=1e-8, atol=1e-8)
    assert_close(f.mean() + g.mean(), scale * (offset + (optimal_plan(cost) * cost).sum()), rtol=1e-9, atol=0)


def test_all_costs_equal_is_no_division_by_zero() -> None:
    cost = torch.full((3, 2), 4.0, dtype=torch.float64)
    plan, (f, g) = optimal_plan(cost), dual_potentials(cost)
    assert_close((plan.sum(), f[:, None] + g), (double(1.0), cost))


def test_potentials_for_distances_are_a_critic_of_slope_one() -> None:
    x, y = cloud(30), cloud(30, seed=1) + 2
    f, g = dual_potentials(cost_matrix(x, y, 1))
    slope = (f[:, None] - f).abs() / torch.cdist(x, x).fill_diagonal_(1)
    assert float(slope.max()) <= 1 + 1e-9
    assert_close(f.mean() + g.mean(), wasserstein(x, y, 1), rtol=1e-9, atol=0)


def test_wide_ranges_of_weight_are_carried_exactly() -> None:
    a = torch.logspace(-18, 0, 10, dtype=torch.float64)
    a = a / a.sum()
    plan = optimal_plan(cost_matrix(cloud(10), cloud(7, seed=1)), a)
    assert_close(plan.sum(1), a, rtol=1e-6, atol=1e-17)
    assert_close(plan.sum(0), torch.full((7,), 1 / 7, dtype=torch.float64), rtol=0, atol=1e-15)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
def test_dtype_of_the_costs_comes_back(dtype: torch.dtype) -> None:
    cost = double([[0, 1, 2], [3, 1, 0]]).to(dtype)
    plan, (f, g) = optimal_plan(cost), dual_potentials(cost)
    assert {plan.dtype, f.dtype, g.dtype} == {dtype}
    wanted = double([[1 / 3, 1 / 6, 0], [0, 1 / 6, 1 / 3]])
    assert_close(plan.double(), wanted, rtol=torch.finfo(dtype).eps, atol=0)


def test_not_reaching_the_optimum_is_an_error_and_not_a_warning(capfd: pytest.CaptureFixture[str]) -> None:
    cost = cost_matrix(cloud(50), cloud(50, seed=1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for solve in (optimal_plan, dual_potentials):
            with pytest.raises(RuntimeError, match=r"within 3 iterations.*Raise iterations"):
                solve(cost, iterations=3)
    captured = capfd.readouterr()
    assert captured.out == captured.err == ""


def test_potentials_that_do_not_reach_the_least_cost_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    solve = ot.emd

    def spoiled(*arguments: object, **options: object) -> object:
        plan, log = solve(*arguments, **options)
        return plan, {**log, "u": 0 * log["u"]}

    monkeypatch.setattr(ot, "emd", spoiled)
    with pytest.raises(RuntimeError, match="the potentials fall short of the least cost by"):
        dual_potentials(cost_matrix(cloud(9), cloud(9, seed=1)))


def test_what_the_solver_says_of_a_row_without_weight_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    cost, a = cost_matrix(cloud(4), cloud(3, seed=1)), double([0.0, 0.5, 0.25, 0.25])
    wanted, solve = dual_potentials(cost, a), ot.emd

    def careless(*arguments: object, **options: object) -> object:
        plan, log = solve(*arguments, **options)
        return plan, {**log, "u": log["u"] + [1e3, 0, 0, 0]}

    monkeypatch.setattr(ot, "emd", careless)
    assert_close(dual_potentials(cost, a), wanted)


def test_least_cost_differentiates_through_the_costs() -> None:
    cost = cost_matrix(cloud(6), cloud(6, seed=1)).requires_grad_()
    plan = optimal_plan(cost)
    assert not plan.requires_grad
    assert torch.autograd.gradcheck(lambda c: (optimal_plan(c) * c).sum(), (cost,))


def test_importing_transport_does_not_import_the_solver() -> None:
    code = "import sys, course_gan.transport; assert 'ot' not in sys.modules"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr


# Costs and distances of points


@pytest.mark.parametrize("p", [1, 1.5, 2, 3])
def test_costs_are_powers_of_euclidean_distances(p: float) -> None:
    x, y = cloud(40, 3), cloud(50, 3, seed=1)
    wanted = (x[:, None] - y).square().sum(-1).sqrt() ** p
    assert_close(cost_matrix(x, y, p), wanted, rtol=1e-12, atol=0)


def test_near_points_far_from_zero_keep_their_distance() -> None:
    x = 1000 + cloud(40).float()
    exact = (x[:, None].double() - x).norm(dim=2)
    assert_close(cost_matrix(x, x, 1), exact.float(), rtol=1e-6, atol=0)
    lossy = torch.cdist(x, x, compute_mode="use_mm_for_euclid_dist")
    assert float((lossy - exact).abs().max()) > 1e-2  # what the other form makes of them


@SEARCH
@given(p=st.sampled_from([1, 1.5, 2, 5]), n=st.integers(1, 8), m=st.integers(1, 8), seed=st.integers(0, 99))
def test_on_the_line_it_is_wasserstein_1d(p: float, n: int, m: int, seed: int) -> None:
    x, y = cloud(n, 1, seed), cloud(m, 1, seed + 1)
    a, b = torch.softmax(cloud(n, 1, seed + 2)[:, 0], 0), torch.softmax(cloud(m, 1, seed + 3)[:, 0], 0)
    assert_close(wasserstein(x, y, p), wasserstein_1d(x[:, 0], y[:, 0], p), rtol=1e-7, atol=1e-7)
    weighted = wasserstein_1d(x[:, 0], y[:, 0], p, a, b)
    assert_close(wasserstein(x, y, p, a, b), weighted, rtol=1e-7, atol=1e-7)


@SEARCH
@given(p=st.sampled_from([1, 2, 3.5]), sizes=st.tuples(*[st.integers(1, 6)] * 3), d=st.integers(1, 4))
def test_wasserstein_is_a_distance_that_moves_with_the_points(p: float, sizes: tuple[int, ...], d: int) -> None:
    x, y, z = (cloud(n, d, seed) for seed, n in enumerate(sizes))
    xy, yx, yz, xz = (float(wasserstein(*pair, p)) for pair in ((x, y), (y, x), (y, z), (x, z)))
    assert xy == pytest.approx(yx, rel=1e-9)
    assert xz <= xy + yz + 1e-9
    assert float(wasserstein(x, x.flip(0), p)) == pytest.approx(0, abs=1e-4)
    shift = torch.arange(1.0, d + 1, dtype=torch.float64)
    assert float(wasserstein(x, x + shift, p)) == pytest.approx(float(shift.norm()), rel=1e-9)
    assert float(wasserstein(-3 * x + shift, -3 * y + shift, p)) == pytest.approx(3 * xy, rel=1e-9, abs=1e-9)
    rotation = torch.linalg.qr(cloud(d, d, 9)).Q
    assert float(wasserstein(x @ rotation, y @ rotation, p)) == pytest.approx(xy, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("theta", [0.0, 0.3, -2.0])
def test_parallel_lines_are_as_far_apart_as_they_look(theta: float) -> None:
    heights = torch.linspace(0, 1, 50, dtype=torch.float64)
    line = torch.stack([torch.zeros(50, dtype=torch.float64), heights], 1)
    for p in (1, 2):
        assert_close(wasserstein(line, line + double([theta, 0]), p), double(abs(theta)))


def test_trap_w_p_of_points_returned_as_its_power() -> None:
    x, y = double([[0, 0], [0, 1]]), double([[3, 1], [3, 0]])
    wrong = (optimal_plan(cost_matrix(x, y, 2)) * cost_matrix(x, y, 2)).sum()
    assert_close(wrong, double(9.0))
    assert_close(wasserstein(x, y, 2), double(3.0))
    assert_close(wasserstein(x, y), wasserstein(x, y, 2))


def test_wasserstein_has_the_gradient_of_finite_differences_and_none_at_zero() -> None:
    x, y = cloud(5).requires_grad_(), cloud(7, seed=1).requires_grad_()
    for p in (1, 2, 3):
        assert torch.autograd.gradcheck(lambda a, b, p=p: wasserstein(a, b, p), (x, y))
        (slope,) = torch.autograd.grad(wasserstein(x, x.detach(), p), x)
        assert_close(slope, torch.zeros_like(slope))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_wasserstein_returns_the_dtype_of_the_points(dtype: torch.dtype) -> None:
    x, y = double([[0, 0], [0, 1]]).to(dtype), double([[3, 1], [3, 0]]).to(dtype)
    assert_close(wasserstein(x, y), torch.tensor(3, dtype=dtype))
    assert cost_matrix(x, y).dtype == dtype


def test_the_exponent_is_two_unless_said() -> None:
    assert_close(cost_matrix(double([[0.0]]), double([[3.0]])), double([[9.0]]))
    # Half of the mass moves by 2: W_2 is the root of 4 / 2.
    assert_close(wasserstein(double([[0.0], [0.0]]), double([[0.0], [2.0]])), double(math.sqrt(2)))


@pytest.mark.parametrize("p", [1, 2, 50])
def test_points_that_all_coincide_are_at_distance_zero(p: int) -> None:
    x, y = (torch.full((n, 2), 3.0, dtype=torch.float64, requires_grad=True) for n in (5, 7))
    distance = wasserstein(x, y, p)
    assert distance == 0
    assert all(bool((slope == 0).all()) for slope in torch.autograd.grad(distance, (x, y)))


def test_high_powers_of_large_distances_do_not_overflow() -> None:
    x = torch.tensor([[0.0], [1e10]])
    assert_close(wasserstein(x, x + 1e10, 8), torch.tensor(1e10))


COST, HALF = double([[0, 1], [1, 0]]), double([0.5, 0.5])


@pytest.mark.parametrize("solve", [raw_plan, raw_potentials])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(2),), r"cost has shape \(2,\); wanted \(n, m\)"),
        ((torch.zeros(2, 2, 2),), "wanted \\(n, m\\)"),
        ((torch.zeros(0, 2),), "without entries"),
        ((torch.zeros(2, 2, dtype=torch.int64),), "floating-point"),
        ((double([[0, math.nan], [1, 0]]),), r"cost\[0, 1\] is nan"),
        ((double([[0, math.inf], [1, 0]]),), "a large one forbids a route"),
        ((COST, double([0.5, 0.4])), "the sum of a is 0.9"),
        ((COST, None, double([1.5, -0.5])), r"b\[1\] is -0.5"),
        ((COST, double([1.0, 1.0])), "the sum of a is 2"),
        ((COST, double([0.0, 0.5])), "the sum of a is 0.5"),
        ((COST, double([0.0, 0.0])), "the sum of a is 0"),
        ((COST, double([0.5, 0.25, 0.25])), r"a has shape \(3,\); wanted \(2,\)"),
        ((COST, double([1.0])), r"a has shape \(1,\); wanted \(2,\)"),
        ((COST, None, HALF[None]), r"b has shape \(1, 2\)"),
        ((COST, None, double([math.nan, 1])), r"b\[0\] is nan"),
    ],
)
def test_bad_costs_and_weights_are_refused(solve: object, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        solve(*arguments)


@pytest.mark.parametrize("function", [raw_cost, raw_wasserstein])
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((torch.zeros(3), torch.zeros(3, 1)), r"x has shape \(3,\)"),
        ((torch.zeros(3, 2), torch.zeros(5, 1)), "x has 2 columns and y 1; wanted points of one dimension"),
        ((torch.zeros(3, 1), torch.zeros(5, 2)), "x has 1 columns and y 2"),
        ((torch.zeros(0, 2), torch.zeros(3, 2)), "without entries"),
        ((torch.tensor([[math.nan]]), torch.zeros(1, 1)), "wanted finite numbers"),
        ((torch.zeros(1, 1), torch.zeros(1, 1), 0.9), "at least 1"),
        ((torch.zeros(1, 1), torch.zeros(1, 1), math.inf), "no linear program"),
    ],
)
def test_bad_points_are_refused(function: object, arguments: tuple[object, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        function(*arguments)


def test_points_on_two_devices_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from course_gan.transport.inputs import require_same_device

    with pytest.raises(ValueError, match="x on cpu, y on meta; wanted one device"):
        require_same_device(x=torch.zeros(1), y=torch.zeros(1, device="meta"), z=None)


@pytest.mark.parametrize("scale", [1.0, 1e-6])
@pytest.mark.parametrize("p", [8, 20, 50, 200])
def test_wasserstein_of_a_large_exponent_sees_small_distances_beside_large_ones(p: int, scale: float) -> None:
    """(1 / 1000)^20 is nothing to the solver beside 1: the plan then was any plan, 40 percent too long for p = 50."""
    for seed in range(6):
        x, y = cloud(5 + seed, 1, seed), cloud(8, 1, seed + 100)
        x[0], y[0] = 1000, 1000.5
        x, y = scale * x, scale * y
        assert_close(raw_wasserstein(x, y, p), wasserstein_1d(x[:, 0], y[:, 0], p), rtol=1e-9, atol=0)


def test_an_exponent_is_a_number() -> None:
    with pytest.raises(TypeError, match="p is a str; wanted a number"):
        raw_wasserstein(cloud(3), cloud(3), "2")


@pytest.mark.parametrize(
    ("dtype", "unit"),
    [(torch.float32, 1e-30), (torch.float32, 1e30), (torch.float64, 1e-300), (torch.float64, 1e200)],
)
def test_distances_go_with_the_unit_however_large_or_small(dtype: torch.dtype, unit: float) -> None:
    x, y = cloud(6, 2, 0).to(dtype), cloud(7, 2, 1).to(dtype)
    for p in (1, 2, 5):
        assert_close(wasserstein(x * unit, y * unit, p) / unit, wasserstein(x, y, p), rtol=1e-5, atol=0)
    assert_close(cost_matrix(x * unit, y * unit, 1) / unit, cost_matrix(x, y, 1), rtol=1e-5, atol=0)
    given = (x * unit).requires_grad_()
    (slope,) = torch.autograd.grad(wasserstein(given, y * unit), given)
    plain = x.clone().requires_grad_()
    assert_close(slope, torch.autograd.grad(wasserstein(plain, y), plain)[0], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("solve", [raw_plan, raw_potentials])
def test_no_iterations_are_no_plan(solve: Callable[..., object]) -> None:
    """The solver would return zeros, and say nothing."""
    for iterations in (0, -1):
        with pytest.raises(ValueError, match=r"iterations is .*; wanted a whole number of at least 1"):
            solve(COST, iterations=iterations)
