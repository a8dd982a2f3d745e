"""Sinkhorn: its bias in closed form, its marginals, agreement with POT, tiny temperatures, refusal to stop early."""

import inspect
import math

import hypothesis.strategies as st
import ot
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor
from torch.testing import assert_close

from course_gan.transport import cost_matrix, optimal_plan, sinkhorn

SEARCH = settings(deadline=None, derandomize=True, max_examples=25)
COST = torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64)
raw = inspect.unwrap(sinkhorn)


def cloud(n: int, seed: int = 0) -> Tensor:
    return torch.randn(n, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("epsilon", [10, 1.0, 0.5, 0.1, 0.02])
def test_bias_of_two_points_is_the_closed_form(epsilon: float) -> None:
    value = (sinkhorn(COST, epsilon) * COST).sum()
    assert_close(value, torch.tensor(1 / (1 + math.exp(1 / epsilon)), dtype=torch.float64), rtol=1e-9, atol=0)


@pytest.mark.parametrize("epsilon", [1e-3, 1e-5, 1e-7])
def test_tiny_epsilon_neither_overflows_nor_divides_by_zero(epsilon: float) -> None:
    plan = sinkhorn(COST, epsilon)
    assert_close(plan, torch.eye(2, dtype=torch.float64) / 2)


def test_naive_scaling_breaks_where_the_log_domain_does_not() -> None:
    kernel = torch.exp(-COST.add(1) / 1e-3)
    assert (1 / (kernel @ torch.ones(2, dtype=torch.float64))).isinf().any()
    assert sinkhorn(COST + 1, 1e-3).isfinite().all()


@SEARCH
@given(n=st.integers(1, 8), m=st.integers(1, 8), seed=st.integers(0, 99), epsilon=st.sampled_from([0.3, 1.0, 5.0]))
def test_plan_is_that_of_pot_with_its_marginals(n: int, m: int, seed: int, epsilon: float) -> None:
    cost = cost_matrix(cloud(n, seed), cloud(m, seed + 1))
    a, b = (torch.softmax(cloud(k, seed + 2)[:, 0], 0) for k in (n, m))
    plan = sinkhorn(cost, epsilon, a, b)
    assert_close(plan.sum(0), b, rtol=1e-12, atol=1e-14)
    assert float((plan.sum(1) - a).abs().sum()) < 1e-9
    theirs = ot.sinkhorn(a, b, cost, epsilon, method="sinkhorn_log", stopThr=1e-12, numItermax=100_000)
    assert_close(plan, theirs, rtol=0, atol=1e-8)


@SEARCH
@given(seed=st.integers(0, 99))
def test_value_is_above_the_least_cost_and_sinks_to_it_with_epsilon(seed: int) -> None:
    cost = cost_matrix(cloud(6, seed), cloud(6, seed + 1))
    least = float((optimal_plan(cost) * cost).sum())
    values = [float((sinkhorn(cost, epsilon, tolerance=1e-9) * cost).sum()) for epsilon in (1.0, 0.1, 0.01)]
    assert values[0] >= values[1] - 1e-8
    assert values[1] >= values[2] - 1e-8
    assert least - 1e-7 <= values[2] <= least + 0.01 * math.log(6) + 1e-7  # entropy is at most log n


def test_large_epsilon_forgets_the_cost() -> None:
    a = torch.tensor([0.2, 0.8], dtype=torch.float64)
    assert_close(sinkhorn(COST, 1e8, a), a[:, None].expand(2, 2) / 2, rtol=1e-7, atol=0)


def test_points_without_weight_get_nothing() -> None:
    a = torch.tensor([0.0, 0.25, 0.75], dtype=torch.float64)
    for epsilon in (0.5, 1e-4):
        plan = sinkhorn(cost_matrix(cloud(3), cloud(2, 1)), epsilon, a)
        assert_close(plan[0], torch.zeros(2, dtype=torch.float64))
        assert_close(plan.sum(1), a)
        plan = sinkhorn(cost_matrix(cloud(5), cloud(3, 1)), epsilon, None, a)
        assert_close(plan[:, 0], torch.zeros(5, dtype=torch.float64))
        assert_close(plan.sum(0), a)


def test_not_converged_is_an_error_that_says_by_how_much() -> None:
    cost = cost_matrix(cloud(20), cloud(20, 1))
    with pytest.raises(RuntimeError, match=r"after 9 iterations the row sums miss a by .*Raise epsilon \(now 0.001\)"):
        sinkhorn(cost, 1e-3, iterations=9)


def test_tolerance_is_what_the_rows_may_miss() -> None:
    cost = cost_matrix(cloud(10), cloud(10, 1))
    loose, tight = sinkhorn(cost, 0.05, tolerance=1e-2), sinkhorn(cost, 0.05, tolerance=1e-10)
    misses = [float((plan.sum(1) - 0.1).abs().sum()) for plan in (loose, tight)]
    assert 1e-10 < misses[0] < 1e-2
    assert misses[1] < 1e-10


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32])
def test_dtype_comes_back_and_float64_is_inside(dtype: torch.dtype) -> None:
    plan = sinkhorn(COST.to(dtype), 0.1)
    assert plan.dtype == dtype
    assert_close(plan.double(), sinkhorn(COST, 0.1), rtol=torch.finfo(dtype).eps, atol=1e-7)


def test_no_gradient_flows_through_the_plan() -> None:
    assert not sinkhorn(COST.clone().requires_grad_(), 1.0).requires_grad


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"epsilon": 0.0}, "epsilon is 0; wanted a finite number above 0"),
        ({"epsilon": math.nan}, "epsilon is nan"),
        ({"tolerance": 0.0}, "tolerance is 0"),
        ({"iterations": 0}, "iterations is 0"),
        ({"cost": torch.zeros(3)}, "wanted \\(n, m\\)"),
        ({"cost": COST / 0}, "wanted finite costs"),
        ({"a": torch.tensor([0.5, 0.6])}, "the sum of a is 1.1"),
        ({"b": torch.tensor([-0.5, 1.5])}, r"b\[0\] is -0.5"),
    ],
)
def test_bad_input_is_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        raw(**{"cost": COST, "epsilon": 1.0, **arguments})


@pytest.mark.parametrize("epsilon", [1e-1, 1e-3, 1e-5])
@pytest.mark.parametrize("weightless", [False, True])
def test_small_epsilon_on_scattered_points_converges_and_ends_at_the_exact_plan(
    epsilon: float, weightless: bool
) -> None:
    """The plain iteration would need some 1 / epsilon rounds, more than there are; one column may weigh nothing."""
    cost = cost_matrix(cloud(30), cloud(40, 1))
    a, b = torch.softmax(cloud(30, 2)[:, 0], 0), torch.ones(40, dtype=torch.float64)
    b[0] = 0.0 if weightless else 1.0
    b = b / b.sum()
    plan = sinkhorn(cost, epsilon, a, b)
    assert float((plan.sum(1) - a).abs().sum()) < 1e-9
    above = float(((plan - optimal_plan(cost, a, b)) * cost).sum())
    assert -1e-7 <= above <= epsilon * math.log(40)
