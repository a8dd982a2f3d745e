"""What the divergences take and refuse: dtypes, batches, gradients, accuracy, and every message about bad input."""

import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from course_gan.divergences import (
    INTEGRANDS,
    integrand,
    js,
    kl,
    on_grid,
    pearson,
    reverse_kl,
    squared_hellinger,
    total_variation,
)
from course_gan.inputs import require_tensor
from course_gan.numerics import log_ratio, safe_sqrt

ALL = [kl, reverse_kl, js, total_variation, squared_hellinger, pearson]
Divergence = Callable[[Tensor, Tensor], Tensor]


def two_distributions(*shape: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    p, q = (torch.rand(shape, generator=generator, dtype=torch.float64) for _ in range(2))
    return p / p.sum(-1, keepdim=True), q / q.sum(-1, keepdim=True)


# ---------------------------------------------------------------- shapes and dtypes


@pytest.mark.parametrize("divergence", ALL)
def test_a_batch_is_its_rows(divergence: Divergence) -> None:
    p, q = two_distributions(2, 3, 5)
    batch = divergence(p, q)
    assert batch.shape == (2, 3)
    rows = torch.stack([torch.stack([divergence(p[i, j], q[i, j]) for j in range(3)]) for i in range(2)])
    assert_close(batch, rows, rtol=1e-13, atol=0)


@pytest.mark.parametrize("divergence", ALL)
def test_batch_axes_broadcast(divergence: Divergence) -> None:
    p, q = two_distributions(3, 1, 5)[0], two_distributions(4, 5)[1]
    table = divergence(p, q)
    assert table.shape == (3, 4)
    assert_close(table[2, 1], divergence(p[2, 0], q[1]))


@pytest.mark.parametrize("divergence", ALL)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_every_float_dtype_keeps_its_dtype_and_its_accuracy(divergence: Divergence, dtype: torch.dtype) -> None:
    p, q = (row.to(dtype) for row in two_distributions(5))
    value = divergence(p, q)
    assert value.dtype == dtype
    exact = torch.stack([integrand_of(divergence, p.double(), q.double())])[0]
    # Half precision computes in float32, so that only the last rounding is left; KL feels the rounding of its sums.
    assert_close(value.double(), exact, rtol=torch.finfo(dtype).eps, atol=1e-7)


def integrand_of(divergence: Divergence, p: Tensor, q: Tensor) -> Tensor:
    name = dict(zip(ALL, INTEGRANDS))[divergence]
    return integrand(name, p, q).sum(-1)


def test_mixed_dtypes_give_the_wider_one() -> None:
    p, q = two_distributions(5)
    assert kl(p.float() / p.float().sum(), q).dtype == torch.float64
    assert integrand("kl", p.half(), q.float()).dtype == torch.float32
    x = torch.linspace(0, 1, 11)
    assert on_grid("kl", torch.ones(11), torch.ones(11).double(), x).dtype == torch.float64


def test_one_outcome_is_certain_and_nothing_differs() -> None:
    for divergence in ALL:
        assert_close(divergence(torch.ones(3, 1), torch.ones(3, 1)), torch.zeros(3), rtol=0, atol=0)


@pytest.mark.parametrize("divergence", ALL)
def test_inputs_are_left_alone(divergence: Divergence) -> None:
    p, q = two_distributions(5)
    kept = p.clone(), q.clone()
    divergence(p, q)
    assert torch.equal(p, kept[0])
    assert torch.equal(q, kept[1])


def test_rounding_of_half_precision_is_no_reason_to_refuse() -> None:
    third = torch.full((3,), 1 / 3)
    assert third.bfloat16().float().sum() > 1 + 1e-3
    for dtype in (torch.float16, torch.bfloat16):
        assert kl(third.to(dtype), third.to(dtype)) == 0


def test_a_sum_within_a_millionth_of_one_is_accepted_and_two_millionths_are_not() -> None:
    half = torch.tensor([0.5, 0.5], dtype=torch.float64)
    assert kl(half * (1 + 0.9e-6), half) < 1e-5
    with pytest.raises(ValueError, match="sum of p"):
        kl(half * (1 + 2e-6), half)
    with pytest.raises(ValueError, match="sum of q"):
        kl(half, half * (1 - 2e-6))


# ---------------------------------------------------------------- accuracy


@pytest.mark.parametrize("step", [1e-2, 1e-3, 1e-4])
def test_float32_keeps_its_digits_between_nearly_equal_distributions(step: float) -> None:
    generator = torch.Generator().manual_seed(1)
    p, _ = two_distributions(200)
    q = p * (1 + step * torch.randn(200, generator=generator, dtype=torch.float64))
    p, q = p.float(), (q / q.sum()).float()
    p, q = p / p.sum(), q / q.sum()
    for divergence in (js, squared_hellinger, pearson, total_variation):
        exact = integrand_of(divergence, p.double(), q.double())
        # An error of eps in a difference of size step, where 1 - sum sqrt(p q) has one of eps / step².
        assert_close(divergence(p, q).double(), exact, rtol=1e-6 + 1e-7 / step, atol=0)
    # The integrand of KL cancels in the sum, so its error is absolute.
    assert_close(kl(p, q).double(), integrand_of(kl, p.double(), q.double()), rtol=0, atol=1e-7 * step)


def test_no_float32_divergence_falls_below_zero_by_more_than_its_rounding() -> None:
    for seed in range(200):
        p, q = two_distributions(10, seed=seed)
        q = p + 1e-6 * (q - p)
        p, q = (row.float() / row.float().sum() for row in (p, q))
        for divergence in ALL:
            assert divergence(p, q) >= -10 * torch.finfo(torch.float32).eps, divergence.__name__
        for divergence in (total_variation, squared_hellinger, pearson):
            assert divergence(p, q) >= 0, divergence.__name__


def test_quotients_that_overflow_or_underflow_do_no_harm() -> None:
    tiny = 1e-39  # below the smallest normal float32; 0.5 / tiny overflows
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([tiny, 1.0])
    assert_close(kl(p, q), torch.tensor(0.5 * math.log(0.5 / tiny) + 0.5 * math.log(0.5)), rtol=1e-5, atol=0)
    assert_close(kl(q, p), torch.tensor(math.log(2)))
    smallest = torch.tensor([1.4e-45, 1.0])  # halving it gives 0, so that p / m would be 1 / 0
    for value in (
        js(smallest, torch.tensor([0.0, 1.0])),
        kl(smallest, smallest),
        js(smallest, torch.tensor([1.0, 0.0])),
    ):
        assert value.isfinite()


@pytest.mark.parametrize("exponent", [-200, -30, -8, -3, 0])
def test_log_ratio_against_high_precision(exponent: int) -> None:
    # log1p of the exact float64 difference is the reference near 1, the difference of logarithms far from it.
    b = torch.tensor([0.3, 0.7, 0.11], dtype=torch.float64)
    a = b * (1 + 10.0**exponent)
    expected = torch.tensor([math.log1p((x - y) / y) for x, y in zip(a.tolist(), b.tolist())], dtype=torch.float64)
    assert_close(log_ratio(a, b), expected, rtol=1e-14, atol=0)
    far = torch.tensor([10.0**exponent], dtype=torch.float64)
    expected_far = torch.tensor([exponent * math.log(10) - math.log(0.3)], dtype=torch.float64)
    assert_close(log_ratio(far, b[:1]), expected_far, rtol=1e-14, atol=0)
    assert_close(log_ratio(b[:1], far), -expected_far, rtol=1e-14, atol=0)


def test_log_ratio_keeps_its_digits_at_every_ratio() -> None:
    ratios = torch.logspace(-6, 6, 601, dtype=torch.float64)
    a, b = (0.3 * ratios).float(), torch.full((601,), 0.3)
    assert_close(log_ratio(a, b).double(), (a.double() / b.double()).log(), rtol=5e-7, atol=0)


# ---------------------------------------------------------------- gradients


def spread(logits: Tensor) -> Tensor:
    """A distribution with a zero between its outcomes, as a function that gradcheck may vary."""
    probabilities = torch.softmax(logits, -1)
    return torch.cat([probabilities[:2], torch.zeros(1, dtype=logits.dtype), probabilities[2:]])


@pytest.mark.parametrize("divergence", ALL)
def test_gradients_agree_with_finite_differences(divergence: Divergence) -> None:
    generator = torch.Generator().manual_seed(3)
    a, b = (torch.randn(5, generator=generator, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda a, b: divergence(torch.softmax(a, -1), torch.softmax(b, -1)), (a, b))
    assert torch.autograd.gradcheck(lambda a, b: divergence(spread(a), spread(b)), (a, b))


@pytest.mark.parametrize("divergence", [kl, js, total_variation, squared_hellinger, pearson])
def test_gradients_agree_with_finite_differences_where_only_p_is_zero(divergence: Divergence) -> None:
    generator = torch.Generator().manual_seed(4)
    a = torch.randn(3, generator=generator, dtype=torch.float64, requires_grad=True)
    b = torch.randn(4, generator=generator, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: divergence(spread(a), torch.softmax(b, -1)), (a, b))


@pytest.mark.parametrize("name", list(INTEGRANDS))
@pytest.mark.parametrize("near", [True, False])
def test_pointwise_gradients_agree_with_finite_differences(name: str, near: bool) -> None:
    p = torch.tensor([0.2, 0.5, 0.9], dtype=torch.float64, requires_grad=True)
    q = (p.detach() * torch.tensor([1.2, 0.8, 1.01] if near else [7.0, 0.1, 3.0])).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda p, q: integrand(name, p, q), (p, q))


@pytest.mark.parametrize("divergence", ALL)
def test_gradients_are_finite_where_p_or_both_are_zero(divergence: Divergence) -> None:
    p = torch.tensor([0.0, 0.4, 0.6, 0.0], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([0.0, 0.3, 0.6, 0.1], dtype=torch.float64, requires_grad=True)
    if divergence is reverse_kl:
        p, q = q, p  # finite where q is zero, not where p is
    divergence(p, q).backward()
    assert p.grad is not None
    assert q.grad is not None
    assert bool(p.grad.isfinite().all())
    assert bool(q.grad.isfinite().all())
    assert p.grad[1] != 0
    assert q.grad[1] != 0


def test_gradient_of_kl_is_the_one_of_the_formula() -> None:
    p = torch.tensor([0.36, 0.48, 0.16, 0.0], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([0.3, 0.3, 0.3, 0.1], dtype=torch.float64, requires_grad=True)
    kl(p, q).backward()
    expected = (p.detach() / q.detach()).log() + 1
    expected[3] = 0  # the convention of the module: an outcome outside the support stays outside
    assert_close(p.grad, expected)
    assert_close(q.grad, -(p / q).detach())


def test_gradients_survive_a_certain_outcome() -> None:
    # p = 0 against q = 1: log1p(-1) = -inf must not reach the gradient.
    p = torch.tensor([0.0, 1.0], dtype=torch.float64, requires_grad=True)
    q = torch.tensor([1.0, 0.0], dtype=torch.float64, requires_grad=True)
    js(p, q).backward()
    assert_close(js(p, q).item(), math.log(2))
    assert p.grad is not None
    assert bool(p.grad.isfinite().all())


def test_safe_sqrt_is_the_square_root_with_a_gradient_of_zero_at_zero() -> None:
    x = torch.tensor([0.0, 4.0], requires_grad=True)
    root = safe_sqrt(x)
    assert_close(root, torch.tensor([0.0, 2.0]))
    root.sum().backward()
    assert_close(x.grad, torch.tensor([0.0, 0.25]))


# ---------------------------------------------------------------- bad input: what the messages say

GOOD = torch.tensor([0.5, 0.5])


@pytest.mark.parametrize("divergence", ALL)
@pytest.mark.parametrize(
    ("p", "q", "error", "message"),
    [
        ([0.5, 0.5], GOOD, TypeError, r"p is a list; wanted a floating-point tensor\. Pass torch\.as_tensor\(p\)"),
        (GOOD, np.array([0.5, 0.5]), TypeError, r"q is a ndarray; .* Pass torch\.as_tensor\(q\)"),
        (None, GOOD, TypeError, "p is a NoneType"),
        (torch.tensor([1, 0]), GOOD, ValueError, r"p has dtype torch\.int64; .*p / p\.sum\(-1, keepdim=True\)"),
        (GOOD, torch.tensor([True, False]), ValueError, r"q has dtype torch\.bool"),
        (GOOD, torch.tensor([0.5, 0.5]).to(torch.complex64), ValueError, r"q has dtype torch\.complex64"),
        (torch.zeros(3, 0), torch.zeros(3, 0), ValueError, r"p has shape \(3, 0\), without entries"),
        (torch.tensor(1.0), torch.tensor(1.0), ValueError, r"p has shape \(\) and q \(\)"),
        (torch.ones(1), GOOD, ValueError, r"p has shape \(1,\) and q \(2,\); wanted the same number of entries"),
        (GOOD, torch.ones(4, 1), ValueError, r"p has shape \(2,\) and q \(4, 1\)"),
        (GOOD, torch.full((3,), 1 / 3), ValueError, r"p has shape \(2,\) and q \(3,\)"),
        (GOOD.expand(3, 2), GOOD.expand(4, 2), ValueError, r"\(3, 2\) and q \(4, 2\); .* batch axes before it"),
        (torch.tensor([[0.5, 0.5], [1.5, -0.5]]), GOOD, ValueError, r"p\[1, 1\] is -0\.5; .*torch\.softmax"),
        (GOOD, torch.tensor([math.nan, 1.0]), ValueError, r"q\[0\] is nan; wanted finite numbers, none negative"),
        (torch.tensor([math.inf, 0.0]), GOOD, ValueError, r"p\[0\] is inf"),
        (torch.tensor([0.5, 0.6]), GOOD, ValueError, r"the sum of p is 1\.1; .*\(2,\)\. Divide: p / p\.sum\(-1, keep"),
        (GOOD, torch.tensor([[0.5, 0.5], [2, 6]]), ValueError, r"the sum of q\[1\] is 8; wanted 1 within 1e-06"),
        (torch.full((3,), 0.3).bfloat16(), torch.full((3,), 0.3).bfloat16(), ValueError, r"sum of p is 0\.9"),
        (GOOD, torch.empty(2, device="meta"), ValueError, r"p is on cpu and q on meta; .* q\.to\(p\.device\)"),
    ],
)
def test_bad_input_is_named(divergence: Divergence, p: object, q: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        inspect.unwrap(divergence)(p, q)


def test_names_in_the_messages_are_those_of_the_caller() -> None:
    with pytest.raises(ValueError, match=r"the sum of p is 2"):
        reverse_kl(2 * GOOD, GOOD)


@pytest.mark.parametrize("shape", [(3,), (1,), (4, 1)])
def test_shapes_are_checked_while_testing(shape: tuple[int, ...]) -> None:
    with pytest.raises(Exception, match="Type-check error"):
        kl(GOOD, torch.ones(shape) / shape[-1])


def test_unknown_names_list_the_known_ones() -> None:
    x = torch.linspace(0, 1, 3)
    for call in (lambda: integrand("KL", GOOD, GOOD), lambda: on_grid("KL", x, x, x)):
        with pytest.raises(ValueError, match="'KL' is not a divergence here; wanted one of kl, reverse-kl, jensen-sha"):
            call()


@pytest.mark.parametrize(
    ("p", "q", "message"),
    [
        (torch.tensor([-1.0, 1.0]), GOOD, r"p\[0\] is -1"),
        (GOOD, torch.ones(3), r"p has shape \(2,\) and q \(3,\)"),
        (GOOD, torch.tensor([1, 2]), r"q has dtype torch\.int64"),
    ],
)
def test_integrands_refuse_what_is_no_density(p: Tensor, q: Tensor, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        inspect.unwrap(integrand)("kl", p, q)


ONES = torch.ones(5)
UNIT = torch.linspace(0, 1, 5)


@pytest.mark.parametrize(
    ("p", "q", "x", "error", "message"),
    [
        (ONES, ONES, UNIT.flip(0), ValueError, r"x\[1\] is 0\.75; .* increase along the last axis\. Sort x"),
        (ONES, ONES, torch.tensor([0, 0.3, 0.3, 0.6, 1]), ValueError, r"x\[2\] is 0\.3"),
        (ONES, ONES, torch.tensor([math.nan, 0.3, 0.4, 0.6, 1]), ValueError, r"x\[0\] is nan"),
        (ONES, ONES, torch.tensor([0, 0.3, math.nan, 0.6, 1]), ValueError, r"x\[2\] is nan"),
        (ONES, ONES, UNIT[:4], ValueError, r"x has shape \(4,\) and p \(5,\)"),
        (ONES, ONES, UNIT[:1], ValueError, r"x has shape \(1,\) and p \(5,\)"),
        (ONES, ONES, [0, 1], TypeError, r"x is a list; .* Pass torch\.as_tensor\(x\)"),
        (ONES, ONES[:3], UNIT, ValueError, r"p has shape \(5,\) and q \(3,\)"),
        (-ONES, ONES, UNIT, ValueError, r"p\[0\] is -1"),
        (1.002 * ONES, ONES, UNIT, ValueError, r"the integral of p over the grid is 1\.002; .* Widen the grid"),
        (
            ONES,
            torch.stack([ONES, ONES / 2]),
            UNIT,
            ValueError,
            r"the integral of q over the grid\[1\] is 0\.5; wanted 1",
        ),
        (ONES[:1], ONES[:1], UNIT[:1], ValueError, r"the integral of p over the grid is 0"),
    ],
)
def test_bad_grids_are_named(p: object, q: object, x: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        inspect.unwrap(on_grid)("kl", p, q, x)


def test_densities_may_miss_a_thousandth_of_their_mass() -> None:
    assert on_grid("total-variation", 1.0009 * ONES, 0.9991 * ONES, UNIT) < 1e-3


def test_half_precision_grids_compute_in_single() -> None:
    value = on_grid("kl", (2 * UNIT).half(), ONES.half(), UNIT.half())
    assert value.dtype == torch.float16
    assert_close(value.float(), on_grid("kl", 2 * UNIT, ONES, UNIT), rtol=1e-3, atol=0)


def test_require_tensor_hands_a_good_tensor_through() -> None:
    assert require_tensor("p", GOOD) is GOOD
