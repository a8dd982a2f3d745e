"""Monte Carlo estimates: unbiased, with an honest standard error, and refusing what gives neither."""

import inspect
import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from course_gan.divergences import (
    INTEGRANDS,
    Estimate,
    from_samples,
    gaussian_density,
    gaussian_log_density,
    kl_multivariate_gaussian,
    on_grid,
)
from course_gan.sampling import TERMS

SHIFT, WIDTH = 0.6, 1.25  # q = N(0.6, 1.25²) has wider tails than p = N(0, 1), so that Pearson's variance is finite


def log_p(x: Tensor) -> Tensor:
    return gaussian_log_density(x, 0.0, 1.0)


def log_q(x: Tensor) -> Tensor:
    return gaussian_log_density(x, SHIFT, WIDTH)


def draw(n: int, seed: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    z = torch.randn(2, n, generator=generator, dtype=torch.float64)
    return {"x_p": z[0], "x_q": SHIFT + WIDTH * z[1]}


def exact(name: str) -> Tensor:
    x = torch.linspace(-25, 25, 20001, dtype=torch.float64)
    return on_grid(name, gaussian_density(x, 0.0, 1.0), gaussian_density(x, SHIFT, WIDTH), x)


def estimate(name: str, n: int, seed: int) -> Estimate:
    samples = draw(n, seed)
    return from_samples(name, log_p, log_q, **{side: samples[side] for side in TERMS[name]})


def test_every_divergence_can_be_estimated() -> None:
    assert list(TERMS) == list(INTEGRANDS)


@pytest.mark.parametrize("name", list(TERMS))
def test_estimates_lie_within_their_standard_errors(name: str) -> None:
    results = [estimate(name, 4000, seed) for seed in range(20)]
    scores = torch.stack([(value - exact(name)) / error for value, error in results])
    # Each score is about standard normal: beyond 4 once in 16 000, and the mean of 20 beyond 0.9 as rarely.
    assert int((scores.abs() < 4).sum()) == 20
    assert scores.mean().abs() < 0.9
    assert int((scores.abs() < 1).sum()) >= 7


@pytest.mark.parametrize("name", list(TERMS))
def test_the_standard_error_is_the_spread_over_repetitions(name: str) -> None:
    results = [estimate(name, 500, seed) for seed in range(400)]
    spread = torch.stack([value for value, _ in results]).std()
    claimed = torch.stack([error for _, error in results]).mean()
    assert_close(claimed, spread, rtol=0.25 if name == "pearson" else 0.12, atol=0)


def test_the_standard_error_of_js_adds_both_halves() -> None:
    samples = draw(6, 0)
    few = from_samples("jensen-shannon", log_p, log_q, x_p=samples["x_p"], x_q=samples["x_q"][:3])
    halves = []
    for x, mine, other in ((samples["x_p"], log_p, log_q), (samples["x_q"][:3], log_q, log_p)):
        halves.append(torch.log(2 * mine(x).exp() / (mine(x).exp() + other(x).exp())) / 2)
    assert_close(few.value, halves[0].mean() + halves[1].mean())
    assert_close(few.standard_error, (halves[0].var() / 6 + halves[1].var() / 3).sqrt())


def test_the_standard_error_of_two_samples() -> None:
    # r = 1 and 3: mean 2, sample variance 2 (not 1), so the error of the mean is 1.
    value, error = from_samples("kl", lambda x: x, torch.zeros_like, x_p=torch.tensor([1.0, 3.0]))
    assert_close(value, torch.tensor(2.0))
    assert_close(error, torch.tensor(1.0))


@pytest.mark.parametrize("name", list(TERMS))
def test_equal_densities_give_zero_without_error(name: str) -> None:
    samples = draw(10, 0)
    value, error = from_samples(name, log_p, log_p, **samples)
    assert_close(torch.stack([value, error]), torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-15)


def test_disjoint_supports_are_bounded_where_the_divergence_is() -> None:
    def log_box(start: float) -> Callable[[Tensor], Tensor]:
        return lambda x: torch.where((x >= start) & (x < start + 1), 0.0, -math.inf)

    samples = {"x_p": torch.linspace(0, 0.9, 10), "x_q": torch.linspace(5, 5.9, 10)}
    expected = {"jensen-shannon": math.log(2), "total-variation": 1.0, "squared-hellinger": 1.0, "pearson": 1.0}
    for name, value in expected.items():
        result = from_samples(name, log_box(0), log_box(5), **samples)
        assert_close(torch.stack(result), torch.tensor([value, 0.0]), msg=name)
    value, error = from_samples("kl", log_box(0), log_box(5), **samples)
    assert value == math.inf
    assert error.isnan()


def test_far_tails_neither_overflow_nor_underflow() -> None:
    far = {"x_p": torch.tensor([0.0, 0.1]), "x_q": torch.tensor([1e3, 1e3 + 0.1])}
    result = from_samples("jensen-shannon", log_p, lambda x: gaussian_log_density(x, 1e3, 1.0), **far)
    assert_close(result.value, torch.tensor(math.log(2)))


def test_samples_may_be_points_in_the_plane() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(4000, 2, generator=generator, dtype=torch.float64)
    mean = torch.tensor([1.0, -0.5], dtype=torch.float64)
    value, error = from_samples(
        "kl", lambda x: log_p(x).sum(-1), lambda x: gaussian_log_density(x, mean, 1.0).sum(-1), x_p=x
    )
    zero, unit = torch.zeros_like(mean), torch.eye(2, dtype=torch.float64)
    assert (value - kl_multivariate_gaussian(zero, unit, mean, unit)).abs() < 4 * error


def test_dtypes_are_kept_and_half_precision_is_averaged_in_single() -> None:
    x = draw(1000, 0)["x_p"]
    assert from_samples("kl", log_p, log_q, x_p=x.float()).value.dtype == torch.float32
    half = from_samples("kl", log_p, log_q, x_p=x.half())
    assert half.value.dtype == torch.float32
    assert_close(half.value.double(), from_samples("kl", log_p, log_q, x_p=x).value, rtol=0.02, atol=0)


X = torch.tensor([0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("name", "samples", "error", "message"),
    [
        ("kl", {"x_q": X}, ValueError, r"'kl' is a mean over x_p, and x_p is missing\. Pass samples of p as x_p="),
        ("reverse-kl", {"x_p": X}, ValueError, r"'reverse-kl' is a mean over x_q, and x_q is missing"),
        ("jensen-shannon", {"x_p": X}, ValueError, r"mean over x_p and x_q, and x_q is missing\. Pass samples of q"),
        (
            "jensen-shannon",
            {},
            ValueError,
            r"x_p and x_q is missing\. Pass samples of p as x_p=\.\.\. and samples of q",
        ),
        ("total-variation", {"x_q": X}, ValueError, r"mean over x_p,"),
        ("squared-hellinger", {"x_q": X}, ValueError, r"mean over x_p,"),
        ("pearson", {"x_p": X}, ValueError, r"mean over x_q,"),
        ("JS", {"x_p": X}, ValueError, r"'JS' is not a divergence here; wanted one of kl, reverse-kl"),
        ("kl", {"x_p": X[:1]}, ValueError, r"x_p has shape \(1,\); wanted at least two samples .* standard error"),
        ("kl", {"x_p": X[0]}, ValueError, r"x_p has shape \(\); wanted at least two samples"),
        ("kl", {"x_p": [0.1, 0.2]}, TypeError, r"x_p is a list; .* Pass torch\.as_tensor\(x_p\)"),
        ("kl", {"x_p": X[:, None]}, ValueError, r"log_p\(x_p\) has shape \(3, 1\); wanted \(3,\), one log-density"),
    ],
)
def test_bad_samples_are_named(name: str, samples: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        inspect.unwrap(from_samples)(name, log_p, log_q, **samples)


@pytest.mark.parametrize(
    ("p_value", "q_value", "message"),
    [
        (
            -math.inf,
            0.0,
            r"log_p\(x_p\)\[0\] is -inf; wanted finite numbers, as x_p is drawn from p\. Are the samples swapp",
        ),
        (math.nan, 0.0, r"log_p\(x_p\)\[0\] is nan"),
        (0.0, math.inf, r"log_q\(x_p\)\[0\] is inf; wanted log-densities, finite or -inf"),
        (0.0, math.nan, r"log_q\(x_p\)\[0\] is nan"),
    ],
)
def test_bad_log_densities_are_named(p_value: float, q_value: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        from_samples("kl", lambda x: torch.full_like(x, p_value), lambda x: torch.full_like(x, q_value), x_p=X)


def test_a_log_density_that_returns_no_tensor_is_named() -> None:
    with pytest.raises(TypeError, match=r"log_q\(x_p\) is a float"):
        inspect.unwrap(from_samples)("kl", log_p, lambda x: 0.0, x_p=X)
