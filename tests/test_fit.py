"""One Gaussian fitted to a mixture: known optima, covering and seeking, far starts, the path, bad input."""

import inspect
import math
import time

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from course_gan.divergences import (
    gaussian_log_density,
    kl_gaussian,
    mixture_log_density,
    pearson_gaussian,
    squared_hellinger_gaussian,
    total_variation_gaussian,
)
from course_gan.fit import LOSSES, STRIDE, Fit, fit_gaussian

WEIGHTS, MEANS, STDS = (torch.tensor(v, dtype=torch.float64) for v in ([0.33, 0.67], [-1.0, 2.0], [0.25, 2**0.5]))
X = torch.linspace(-14, 16, 4000, dtype=torch.float64)[:, None]
CELL = 30 / 3999

# Dense quadrature and Nelder-Mead from several starts: divergence, mean, standard deviation.
OPTIMA = {
    "kl": (0.288093, 1.010000, 1.830444),
    "reverse-kl": (0.250673, 1.584093, 1.629423),
    "jensen-shannon": (0.129827 / 2, 1.312515, 1.752473),
    "squared-hellinger": (0.136575 / 2, 1.317500, 1.731561),
    "pearson": (0.661622, 0.566320, 1.926751),
}


def target(points: Tensor) -> Tensor:
    return mixture_log_density(points[:, 0], WEIGHTS, MEANS, STDS)


def fit(name: str, mean: float, std: float, **more: int) -> Fit:
    return fit_gaussian(name, target, X, CELL, torch.tensor([mean], dtype=torch.float64), std, **more)


def check(result: Fit, value: float, mean: float, std: float, tolerance: float) -> None:
    found = torch.stack([result.value, result.mean[0], result.std])
    assert_close(found, torch.tensor([value, mean, std], dtype=torch.float64), rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", list(OPTIMA))
@pytest.mark.parametrize("start", [(0.0, 1.0), (-8.0, 5.0)])
def test_the_optimum_is_the_known_one(name: str, start: tuple[float, float]) -> None:
    before = time.perf_counter()
    result = fit(name, *start)
    assert time.perf_counter() - before < 10  # it takes 0.1 s; the limit is for a busy machine
    check(result, *OPTIMA[name], tolerance=1e-6)


def test_total_variation_is_found_up_to_the_kinks_of_its_integrand() -> None:
    check(fit("total-variation", 0.0, 1.0), 0.241060, 1.339818, 1.878233, tolerance=2e-3)
    assert_close(fit("total-variation", 0.0, 1.0).value.item(), 0.241060, rtol=0, atol=1e-6)


def test_kl_matches_the_moments() -> None:
    mean = (WEIGHTS * MEANS).sum()
    variance = (WEIGHTS * (STDS.square() + MEANS.square())).sum() - mean.square()
    result = fit("kl", 3.0, 0.5)
    assert_close(result.mean[0], mean, rtol=0, atol=1e-7)
    assert_close(result.std, variance.sqrt(), rtol=0, atol=1e-7)


def test_reverse_kl_has_a_second_minimum_on_the_narrow_mode() -> None:
    check(fit("reverse-kl", -1.0, 0.3), 0.993098, -0.958245, 0.308472, tolerance=1e-6)


def test_the_order_of_the_divergences_from_covering_to_seeking() -> None:
    results = [fit(name, 0.0, 1.0) for name in ("pearson", "kl", "jensen-shannon", "reverse-kl")]
    means, stds = [r.mean.item() for r in results], [r.std.item() for r in results]
    assert means == sorted(means)
    assert stds == sorted(stds, reverse=True)


@pytest.mark.parametrize("name", ["kl", "reverse-kl", "jensen-shannon", "squared-hellinger", "pearson"])
def test_a_far_and_narrow_start_still_arrives(name: str) -> None:
    assert target(torch.tensor([[9.0]])).exp() < 1e-5
    check(fit(name, 9.0, 0.3), *OPTIMA[name], tolerance=1e-6)


@pytest.mark.parametrize("name", list(LOSSES))
def test_densities_that_underflow_make_no_nan(name: str) -> None:
    result = fit(name, -13.0, 0.05)  # the target's density at a distance of 250 of these standard deviations is 0
    assert bool(result.path.isfinite().all())
    assert bool(result.value.isfinite())


def test_js_stays_where_nothing_overlaps() -> None:
    result = fit("jensen-shannon", -13.0, 0.05)
    assert_close(result.value.item(), math.log(2), rtol=0, atol=1e-12)
    assert_close(result.mean, torch.tensor([-13.0], dtype=torch.float64), rtol=0, atol=1e-3)


@pytest.mark.parametrize("name", list(LOSSES))
def test_the_path_goes_downhill_in_short_steps_and_ends_in_the_result(name: str) -> None:
    result = fit(name, -4.0, 1.0, steps=70)
    assert result.path.shape == (71, 2)
    assert_close(result.path[0], torch.tensor([-4.0, 1.0], dtype=torch.float64))
    assert torch.equal(result.path[-1, :-1], result.mean)
    assert torch.equal(result.path[-1, -1], result.std)
    moves = result.path.diff(dim=0)
    assert bool((moves[:, 0].abs() / result.path[:-1, 1] <= STRIDE + 1e-9).all())
    assert bool((result.path[:, 1].log().diff().abs() <= STRIDE + 1e-9).all())
    log_p = target(X).log_softmax(0)
    values = [LOSSES[name](log_p, gaussian_log_density(X[:, 0], m, s).log_softmax(0)) for m, s in result.path]
    assert bool((torch.stack(values).diff() <= 1e-12).all())
    assert int((moves.abs().sum(1) > 0).sum()) > 5


def test_few_steps_end_on_the_way() -> None:
    three, whole = fit("kl", -4.0, 1.0, steps=3), fit("kl", -4.0, 1.0)
    assert three.path.shape == (4, 2)
    assert_close(three.path, whole.path[:4])
    nowhere = fit("kl", -4.0, 1.0, steps=0)
    assert_close(nowhere.path, torch.tensor([[-4.0, 1.0]], dtype=torch.float64))
    assert_close(nowhere.std.item(), 1.0)


def test_near_the_optimum_the_steps_are_those_of_newton() -> None:
    result = fit("kl", 0.0, 1.0, steps=9)  # the digits double with each of the last few
    assert_close(result.mean.item(), 1.01, rtol=0, atol=1e-8)


def test_a_fit_is_deterministic_and_in_float64() -> None:
    seen = []

    def recording(points: Tensor) -> Tensor:
        seen.append(points.dtype)
        return target(points)

    first, second = (fit_gaussian("kl", recording, X.float(), CELL, torch.zeros(1), 1.0) for _ in range(2))
    assert set(seen) == {torch.float64}
    assert all(value.dtype == torch.float64 for value in first)
    assert all(torch.equal(a, b) for a, b in zip(first, second))


@pytest.mark.parametrize("name", list(LOSSES))
def test_the_value_is_the_divergence_in_its_own_units(name: str) -> None:
    pair = (0.3, 1.2, -0.5, 1.5)
    expected = {
        "kl": kl_gaussian(*pair),
        "reverse-kl": kl_gaussian(*pair[2:], *pair[:2]),
        "total-variation": total_variation_gaussian(*pair),
        "squared-hellinger": squared_hellinger_gaussian(*pair),
        "pearson": pearson_gaussian(*pair),
        "jensen-shannon": torch.tensor(0.0),
    }[name]
    start = torch.tensor([-0.5], dtype=torch.float64)
    at_start = fit_gaussian(name, lambda x: gaussian_log_density(x[:, 0], 0.3, 1.2), X, CELL, start, 1.5, steps=0)
    if name != "jensen-shannon":
        assert_close(at_start.value, expected, rtol=0, atol=1e-6)
    found = fit_gaussian(name, lambda x: gaussian_log_density(x[:, 0], 0.3, 1.2), X, CELL, start, 1.5)
    check(found, 0.0, 0.3, 1.2, tolerance=5e-3 if name == "total-variation" else 1e-6)


# ---------------------------------------------------------------- two dimensions

SIDE = torch.linspace(-7, 7, 80, dtype=torch.float64)
PLANE = torch.cartesian_prod(SIDE, SIDE)
AREA = (14 / 79) ** 2
ANGLES = torch.arange(8, dtype=torch.float64) * math.tau / 8
CENTERS = 2 * torch.stack([ANGLES.cos(), ANGLES.sin()], dim=1)


def ring(points: Tensor) -> Tensor:
    """Eight modes of width 0.25 on a circle of radius two."""
    squares = (points[:, None] - CENTERS).square().sum(-1)
    return torch.logsumexp(-squares / (2 * 0.25**2), dim=1) - math.log(8 * math.tau * 0.25**2)


def test_kl_covers_the_ring() -> None:
    result = fit_gaussian("kl", ring, PLANE, AREA, torch.tensor([1.0, 0.3]), 0.5)
    assert_close(result.mean, torch.zeros(2, dtype=torch.float64), rtol=0, atol=1e-6)
    # Half of E|x|² = 2² + 2 · 0.25²: the one number that an isotropic Gaussian matches (its tail ends at 7).
    assert_close(result.std.item(), math.sqrt((4 + 2 * 0.25**2) / 2), rtol=0, atol=1e-4)


def test_reverse_kl_seeks_a_mode_from_every_side() -> None:
    reached = set()
    for angle in ANGLES + 0.15:
        start = 3 * torch.stack([angle.cos(), angle.sin()])
        result = fit_gaussian("reverse-kl", ring, PLANE, AREA, start, 0.5)
        distance = (result.mean - CENTERS).norm(dim=1)
        reached.add(int(distance.argmin()))
        assert distance.min() < 0.01
        assert_close(result.std.item(), 0.25, rtol=0.02, atol=0)
        # A single mode of eight, matched: KL = log 8, a little less for the neighbors' tails.
        assert math.log(8) - 0.01 < result.value < math.log(8)
    assert len(reached) == 8


# ---------------------------------------------------------------- bad input

GOOD = {"name": "kl", "log_target": target, "points": X, "volume": CELL, "mean": torch.zeros(1), "std": 1.0, "steps": 5}


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"name": "KL"}, ValueError, r"'KL' is not a divergence here; wanted one of kl, reverse-kl"),
        ({"points": X[:, 0]}, ValueError, r"points has shape \(4000,\) and mean \(1,\); .* points\[:, None\]"),
        ({"mean": torch.zeros(2)}, ValueError, r"points has shape \(4000, 1\) and mean \(2,\)"),
        ({"mean": [0.0]}, TypeError, r"mean is a list; .* torch\.as_tensor\(mean\)"),
        ({"mean": torch.tensor([math.nan])}, ValueError, r"mean\[0\] is nan"),
        ({"points": torch.where(X > 15, math.inf, X)}, ValueError, r"points\[\d+, 0\] is inf"),
        ({"std": 0.0}, ValueError, r"std 0\.0"),
        ({"std": math.nan}, ValueError, r"std nan"),
        ({"volume": -1.0}, ValueError, r"volume is -1\.0"),
        ({"steps": -1}, ValueError, r"steps -1; wanted positive numbers and steps >= 0"),
        (
            {"log_target": lambda x: target(x)[:, None]},
            ValueError,
            r"has shape \(4000, 1\); wanted \(4000,\), one number",
        ),
        ({"log_target": lambda x: 0.0}, TypeError, r"log_target\(points\) is a float"),
        ({"log_target": lambda x: target(x) - math.inf}, ValueError, r"log_target\(points\)\[0\] is -inf; .*clamp"),
        ({"log_target": lambda x: target(x) + 0.01}, ValueError, r"integral of the target over the grid is 1\.01"),
        ({"volume": 2 * CELL}, ValueError, r"integral of the target .* check the volume"),
        ({"mean": torch.tensor([15.9]), "steps": 0}, ValueError, r"integral of the fitted Gaussian .* Widen or refine"),
        ({"std": 1e-4, "steps": 0}, ValueError, r"integral of the fitted Gaussian .* std 0\.0001"),
    ],
)
def test_bad_input_is_named(change: dict, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        inspect.unwrap(fit_gaussian)(**(GOOD | change))
