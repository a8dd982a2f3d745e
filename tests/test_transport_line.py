"""Wasserstein distances on the line: against SciPy and POT, the laws of a distance, gradients, and bad input."""

import inspect
import itertools
import math

import hypothesis.strategies as st
import ot
import pytest
import torch
from hypothesis import given, settings
from scipy.stats import wasserstein_distance
from torch import Tensor
from torch.testing import assert_close

from course_gan.transport import wasserstein_1d, wasserstein_gaussian

SEARCH = settings(deadline=None, derandomize=True, max_examples=30)
raw = inspect.unwrap(wasserstein_1d)

# Whole numbers among them, so that points tie within a pile and between the two.
point = st.one_of(st.integers(-3, 3).map(float), st.floats(-100, 100, allow_subnormal=False))
exponent = st.sampled_from([1, 1.5, 2, 3, 7.5])


def double(values: list[float]) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


@st.composite
def piles(draw: st.DrawFn, count: int = 2) -> list[tuple[Tensor, Tensor]]:
    """Points and weights, some of them zero."""
    made = []
    for _ in range(count):
        n = draw(st.integers(1, 9))
        x = double(draw(st.lists(point, min_size=n, max_size=n)))
        w = double(draw(st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0]), min_size=n, max_size=n)))
        w[0] += 0.2
        made.append((x, w / w.sum()))
    return made


def distance(pile: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], p: float) -> Tensor:
    return wasserstein_1d(pile[0], other[0], p, pile[1], other[1])


def by_program(pile: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor], p: float) -> float:
    """The same by POT's linear program, which knows nothing of sorting."""
    gaps = (pile[0][:, None] - other[0]).abs().numpy()
    unit = gaps.max() or 1.0
    return float(unit * ot.emd2(pile[1].numpy(), other[1].numpy(), (gaps / unit) ** p) ** (1 / p))


def test_quantile_coupling_of_three_points() -> None:
    assert_close(wasserstein_1d(double([0, 1, 3]), double([8, 5, 6])), double([5])[0])


def test_w1_of_the_running_example_on_three_outcomes() -> None:
    at = double([0, 1, 2])
    value = wasserstein_1d(at, at, 1, double([0.36, 0.48, 0.16]), torch.full((3,), 1 / 3, dtype=torch.float64))
    assert_close(value, double([0.2])[0])


@pytest.mark.parametrize(("mean", "std", "w1"), [(1, 1, 1.0), (0, 2, math.sqrt(2 / math.pi)), (1, 2, 1.1666309)])
def test_quantiles_of_gaussians_give_the_closed_form(mean: float, std: float, w1: float) -> None:
    # Midpoint quantiles: the tails beyond 1/(2n) are cut, which costs less than 1e-4 at n = 100 000.
    z = torch.special.ndtri((torch.arange(100_000, dtype=torch.float64) + 0.5) / 100_000)
    value = wasserstein_1d(z, mean + std * z)
    assert_close(value, double([w1])[0], atol=1e-4, rtol=0)
    assert_close(value, wasserstein_gaussian(0.0, 1.0, float(mean), float(std), p=1), atol=1e-4, rtol=0)


def test_trap_w_p_returned_as_its_power() -> None:
    x, y = double([0, 0, 0]), double([2, 2, 2])
    for p in (1, 2, 3, 10):
        wrong = ((x.sort().values - y.sort().values).abs() ** p).mean()
        assert_close(wrong, double([2.0**p])[0])
        assert_close(wasserstein_1d(x, y, p), double([2.0])[0])  # moved by 2, whatever p
        if p > 1:
            assert_close(
                torch.as_tensor(ot.wasserstein_1d(x.numpy(), y.numpy(), p=p)), wrong
            )  # POT's own function returns the power


@SEARCH
@given(pair=piles())
def test_w1_is_that_of_scipy(pair: list[tuple[Tensor, Tensor]]) -> None:
    (x, u), (y, v) = pair
    assert_close(float(distance(*pair, 1)), wasserstein_distance(x, y, u, v), rtol=1e-12, atol=1e-12)
    assert_close(float(wasserstein_1d(x, y)), wasserstein_distance(x, y), rtol=1e-12, atol=1e-12)


@SEARCH
@given(pair=piles(), p=exponent)
def test_any_p_is_that_of_the_linear_program(pair: list[tuple[Tensor, Tensor]], p: float) -> None:
    # The program stops at costs within 1e-13 or so; a root makes 1e-13 of a zero into 1e-13 ** (1 / p).
    unit = float((pair[0][0][:, None] - pair[1][0]).abs().max())
    slack = unit * (1e-13 ** (1 / p)) + 1e-9
    assert_close(float(distance(*pair, p)), by_program(*pair, p), rtol=1e-9, atol=slack)


@SEARCH
@given(pair=piles(), p=exponent)
def test_unweighted_piles_are_those_of_equal_weights(pair: list[tuple[Tensor, Tensor]], p: float) -> None:
    (x, _), (y, _) = pair
    equal = distance(*((z, torch.full_like(z, 1 / len(z))) for z in (x, y)), p)
    assert_close(wasserstein_1d(x, y, p), equal, rtol=1e-9, atol=1e-9)


@SEARCH
@given(three=piles(count=3), p=exponent)
def test_it_is_a_distance(three: list[tuple[Tensor, Tensor]], p: float) -> None:
    a, b, c = three
    ab, ba, bc, ac = (float(distance(*pair, p)) for pair in ((a, b), (b, a), (b, c), (a, c)))
    assert float(distance(a, (a[0].flip(0), a[1].flip(0)), p)) <= 1e-9  # the order of points means nothing
    assert ab >= 0
    assert ab == pytest.approx(ba, rel=1e-9, abs=1e-9)
    assert ac <= ab + bc + 1e-9 * (1 + ab + bc)


@SEARCH
@given(pair=piles(), p=exponent, shift=st.floats(-50, 50), factor=st.floats(-5, 5))
def test_translation_and_scale(pair: list[tuple[Tensor, Tensor]], p: float, shift: float, factor: float) -> None:
    (x, u), (y, v) = pair
    base = float(distance((x, u), (y, v), p))
    assert float(distance((x + shift, u), (y + shift, v), p)) == pytest.approx(base, rel=1e-9, abs=1e-9)
    assert float(distance((factor * x, u), (factor * y, v), p)) == pytest.approx(abs(factor) * base, rel=1e-7, abs=1e-9)
    assert float(distance((x, u), (x + shift, u), p)) == pytest.approx(abs(shift), rel=1e-9, abs=1e-9)


@SEARCH
@given(pair=piles())
def test_it_grows_with_p_up_to_the_largest_displacement(pair: list[tuple[Tensor, Tensor]]) -> None:
    values = [float(distance(*pair, p)) for p in (1, 1.5, 2, 4, 16, math.inf)]
    assert all(a <= b * (1 + 1e-9) + 1e-9 for a, b in itertools.pairwise(values))


def test_infinite_p_is_the_longest_way_of_the_sorted_plan() -> None:
    assert_close(wasserstein_1d(double([0, 10]), double([11, 3]), math.inf), double([3])[0])
    # The far point has no weight, so it goes nowhere.
    assert_close(wasserstein_1d(double([0, 99]), double([1]), math.inf, double([1, 0])), double([1])[0])


def test_a_point_split_in_ten_is_at_distance_zero_for_large_p() -> None:
    # Ten tenths add up to 1 - 1e-16; the tenth root of that rounding would be a distance of 0.025.
    x, y = double([0] * 10 + [1]), double([0, 1])
    weights = double([0.05] * 10 + [0.5])
    assert float(wasserstein_1d(x, y, 10, weights, double([0.5, 0.5]))) == 0


def test_a_far_point_without_weight_does_not_count() -> None:
    x, weights = double([1e-200, 1.0]), double([1, 0])
    assert_close(wasserstein_1d(x, double([0]), 2, weights), double(1e-200).squeeze(), rtol=1e-12, atol=0)


def test_large_distances_do_not_overflow_their_powers() -> None:
    x = torch.tensor([0.0, 1e30])
    assert_close(wasserstein_1d(x, x + 1e30, 4), torch.tensor(1e30))
    assert_close(wasserstein_1d(x * 1e-60 + 1e-30, x * 1e-60, 4).double(), double([1e-30])[0], rtol=1e-5, atol=0)


@pytest.mark.parametrize("p", [1, 2, 3.5])
@pytest.mark.parametrize("sizes", [(5, 5), (4, 7)])
def test_gradients_are_those_of_finite_differences(p: float, sizes: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    x, y = (torch.randn(n, dtype=torch.float64, generator=generator).requires_grad_() for n in sizes)
    assert torch.autograd.gradcheck(lambda a, b: wasserstein_1d(a, b, p), (x, y))
    weights = torch.softmax(torch.randn(sizes[0], dtype=torch.float64, generator=generator), 0)
    assert torch.autograd.gradcheck(lambda a, b: wasserstein_1d(a, b, p, weights), (x, y))


@pytest.mark.parametrize("p", [1, 2, 3])
@pytest.mark.parametrize("size", [2, 4])
def test_gradient_at_distance_zero_is_finite(p: int, size: int) -> None:
    x = double([0, 1]).requires_grad_()
    y = double([0, 1]).repeat(size // 2)
    value = wasserstein_1d(x, y, p)
    value.backward()
    assert value.item() == 0
    assert x.grad is not None
    assert x.grad.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("sizes", [(3, 3), (3, 2)])
def test_dtype_of_the_points_comes_back(dtype: torch.dtype, sizes: tuple[int, int]) -> None:
    x, y = torch.arange(float(sizes[0])).to(dtype), torch.arange(float(sizes[1])).to(dtype) + 4
    for p in (1, 2):
        value = wasserstein_1d(x, y, p)
        assert value.dtype == dtype
        assert_close(float(value), float(wasserstein_1d(x.double(), y.double(), p)), rtol=1e-2, atol=0)


def test_a_distance_that_float32_cannot_hold_is_infinite() -> None:
    assert float(wasserstein_1d(torch.tensor([3e38]), torch.tensor([-3e38]))) == math.inf


def test_many_float32_points_of_unequal_number_keep_their_digits() -> None:
    # Running sums of a million float32 masses would be off by 1e-3.
    x = torch.linspace(0, 1, 1_000_000)
    y = torch.linspace(0, 1, 999_999) + 1e-4
    assert_close(float(wasserstein_1d(x, y)), wasserstein_distance(x.double(), y.double()), rtol=1e-6, atol=0)


GOOD = double([0.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": torch.tensor([])}, "without entries"),
        ({"x": torch.zeros(2, 1).double()}, "wanted \\(n,\\)"),
        ({"y": torch.tensor(0.0)}, "wanted \\(n,\\)"),
        ({"x": torch.tensor([0, 1])}, "wanted a floating-point tensor"),
        ({"x": double([0, math.nan])}, r"x\[1\] is nan"),
        ({"y": double([math.inf, 0])}, r"y\[0\] is inf"),
        ({"y": double([math.inf, 0, 1])}, r"y\[0\] is inf"),
        ({"p": 0.5}, "p is 0.5; wanted an exponent of at least 1"),
        ({"p": math.nan}, "p is nan"),
        ({"x_weights": double([0.5, 0.4])}, "the sum of x_weights is 0.9"),
        ({"y_weights": double([1.5, -0.5])}, r"y_weights\[1\] is -0.5"),
        ({"y_weights": double([math.nan, 1])}, r"y_weights\[0\] is nan"),
        ({"x_weights": double([1.0])}, "one weight for each point"),
        ({"x_weights": torch.tensor([1, 0])}, "floating-point"),
        ({"x": torch.zeros(2, device="meta", dtype=torch.float64)}, "wanted one device"),
        ({"x_weights": torch.ones(2, device="meta", dtype=torch.float64) / 2}, "wanted one device"),
    ],
)
def test_bad_input_is_refused_with_what_was_given(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        raw(**{"x": GOOD, "y": GOOD, **arguments})


def test_a_list_is_refused_by_its_type() -> None:
    with pytest.raises(TypeError, match="x is a list"):
        raw([0.0], GOOD)


def test_weights_rounded_to_their_dtype_are_welcome() -> None:
    weights = torch.full((3,), 1 / 3).bfloat16()
    assert_close(wasserstein_1d(GOOD, double([0, 1, 2]), 1, None, weights), double([0.5])[0], rtol=1e-6, atol=0)


def test_inputs_are_left_as_they_were() -> None:
    x, y = double([3, 1]), double([2, 0, 1])
    before = x.clone(), y.clone()
    wasserstein_1d(x, y, 2)
    assert_close((x, y), before)


def test_the_largest_displacement_is_that_of_what_is_carried() -> None:
    """Levels at which both piles end a point make pieces without mass, which have no say."""
    x, y, half = torch.tensor([0.0, 0.2]), torch.tensor([0.1, 0.3]), torch.tensor([0.5, 0.5])
    assert_close(wasserstein_1d(x, y, math.inf, half, half), torch.tensor(0.1))
