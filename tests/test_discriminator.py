"""The best discriminator, the value of the game, estimates from scores, and training against two fixed sources."""

import inspect
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan.data import mixture_1d
from course_gan.discriminator import (
    fit_discriminator,
    game_value,
    js_from_scores,
    optimal_discriminator,
    value_on_grid,
)
from course_gan.divergences import gaussian_density, js, on_grid

P = torch.tensor([0.36, 0.48, 0.16], dtype=torch.float64)
Q = torch.full((3,), 1 / 3, dtype=torch.float64)
X = torch.linspace(-9, 10, 1901, dtype=torch.float64)


def random_pair(seed: int) -> tuple[Tensor, Tensor, Tensor]:
    draw = torch.Generator().manual_seed(seed)
    p, q = torch.softmax(3 * torch.randn(2, 7, generator=draw, dtype=torch.float64), -1)
    return p, q, torch.sigmoid(3 * torch.randn(7, generator=draw, dtype=torch.float64))


def test_best_discriminator_of_the_worked_pair() -> None:
    expected = torch.tensor([0.519231, 0.590164, 0.324324], dtype=torch.float64)
    assert_close(optimal_discriminator(P, Q), expected, atol=5e-7, rtol=0)
    assert float(game_value(optimal_discriminator(P, Q), P, Q)) == pytest.approx(-1.3413746, abs=5e-8)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=50, deadline=None)
def test_no_discriminator_has_a_larger_value_and_the_largest_is_twice_js_less_log_4(seed: int) -> None:
    p, q, d = random_pair(seed)
    best = game_value(optimal_discriminator(p, q), p, q)
    assert game_value(d, p, q) <= best + 1e-12
    assert_close(best, 2 * js(p, q) - math.log(4), atol=1e-12, rtol=0)


def test_best_discriminator_where_one_or_both_densities_are_zero() -> None:
    p, q = torch.tensor([0.5, 0.0, 0.0, 1e-40]), torch.tensor([0.0, 0.5, 0.0, 1e-40])
    assert_close(optimal_discriminator(p, q), torch.tensor([1.0, 0.0, 0.5, 0.5]))
    assert_close(optimal_discriminator(p, q, prior=0.25)[2:], torch.tensor([0.25, 0.25]))


def test_share_of_real_samples_shifts_the_score_by_its_log_odds() -> None:
    p, q, _ = random_pair(1)
    shifted = torch.sigmoid((p / q).log() + math.log(3))
    assert_close(optimal_discriminator(p, q, prior=0.75), shifted)


@pytest.mark.parametrize("prior", [0.0, 1.0, -1.0])
def test_prior_outside_of_the_unit_interval_is_refused(prior: float) -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        optimal_discriminator(P, Q, prior=prior)


def test_value_of_one_half_is_minus_log_4_and_of_sure_mistakes_minus_infinity() -> None:
    assert_close(game_value(torch.full_like(P, 0.5), P, Q), torch.tensor(-math.log(4)).double())
    assert game_value(torch.tensor([0.0, 0.5, 0.5]).double(), P, Q) == -math.inf
    left, right = torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0])
    assert game_value(left, left, right) == 0  # sure, and right


def test_value_refuses_scores() -> None:
    with pytest.raises(ValueError, match=r"torch.sigmoid\(scores\)"):
        game_value(torch.tensor([2.0, 0.0, -1.0]).double(), P, Q)


def test_value_on_a_grid_is_largest_for_the_log_ratio_and_has_the_gradient_of_the_formula() -> None:
    p, q = gaussian_density(X, 0.0, 1.0), gaussian_density(X, 1.0, 1.0)
    best = value_on_grid(0.5 - X, p, q, X)
    assert float(best) == pytest.approx(-1.1634514, abs=5e-8)
    assert_close(best, 2 * on_grid("jensen-shannon", p, q, X) - math.log(4), atol=1e-12, rtol=0)
    scores = torch.sin(X).requires_grad_()
    value = value_on_grid(scores, p, q, X)
    assert value < best
    (slope,) = torch.autograd.grad(value, scores)
    d = torch.sigmoid(scores.detach())
    assert_close(slope[1:-1], 0.01 * (p * (1 - d) - q * d)[1:-1], atol=1e-12, rtol=0)


def test_value_on_a_grid_takes_huge_scores_but_no_infinite_ones() -> None:
    p, q = gaussian_density(X, 0.0, 1.0), gaussian_density(X, 1.0, 1.0)
    assert value_on_grid(1000 * (0.5 - X), p, q, X).isfinite()
    with pytest.raises(ValueError, match="finite raw scores"):
        value_on_grid(X / 0, p, q, X)


def test_estimate_from_scores_averages_each_side_by_itself_and_never_overflows() -> None:
    real, fake = torch.tensor([0.0, 2.0]), torch.tensor([-1.0, 0.0, 1.0])
    value = torch.sigmoid(real).log().mean() + (1 - torch.sigmoid(fake)).log().mean()
    assert_close(js_from_scores(real, fake), (value + math.log(4)) / 2)
    assert_close(js_from_scores(torch.tensor([1e4]), torch.tensor([-1e4])), torch.tensor(math.log(2)))
    assert_close(js_from_scores(torch.tensor([-1e4]), torch.tensor([-1e4])), torch.tensor(math.log(2) - 5e3))


def test_estimate_of_several_critics_is_that_of_each() -> None:
    draw = torch.Generator().manual_seed(0)
    real, fake = torch.randn(5, 3, generator=draw), torch.randn(9, 3, generator=draw)
    alone = torch.stack([js_from_scores(real[:, k], fake[:, k]) for k in range(3)])
    assert_close(js_from_scores(real, fake), alone)
    with pytest.raises(ValueError, match=r"squeeze\(1\)"):
        inspect.unwrap(js_from_scores)(real, fake[:, 0])


def critic() -> nn.Module:
    return nn.Sequential(nn.Linear(1, 1), nn.Flatten(0))


def test_linear_critic_finds_the_linear_score_of_two_bells() -> None:
    torch.manual_seed(0)
    model, draw = critic(), torch.Generator().manual_seed(0)
    p, q = mixture_1d([1.0], [0.0], [1.0]), mixture_1d([1.0], [1.0], [1.0])
    fit_discriminator(model, p, q, steps=400, rate=0.1, generator=draw)
    slope, offset = (float(w.detach()) for w in model.parameters())
    assert slope == pytest.approx(-1, abs=0.1)  # log p - log q = 1/2 - x
    assert offset == pytest.approx(0.5, abs=0.1)


def test_training_leaves_a_network_that_makes_the_fakes_alone_and_is_repeatable() -> None:
    generator = nn.Linear(1, 1)
    before = [w.clone() for w in generator.parameters()]

    def fakes(n: int, draw: torch.Generator | None) -> Tensor:
        return generator(torch.randn(n, 1, generator=draw))

    def losses() -> Tensor:
        torch.manual_seed(0)
        draw = torch.Generator().manual_seed(1)
        return fit_discriminator(critic(), mixture_1d([1.0], [3.0], [1.0]), fakes, steps=5, generator=draw)

    assert_close(losses(), losses(), atol=0, rtol=0)
    assert all(w.grad is None for w in generator.parameters())
    assert all(a.equal(b) for a, b in zip(before, generator.parameters()))


def test_a_tensor_is_all_there_is_and_watch_sees_the_steps() -> None:
    seen: list[int] = []
    rows = torch.arange(6.0)[:, None]
    few = fit_discriminator(critic(), rows, -rows, steps=4, batch=3, every=2, watch=seen.append)
    assert seen == [0, 2, 4]
    assert few.shape == (4,)
    torch.manual_seed(0)
    model = critic()
    loss = fit_discriminator(model, rows, -rows, steps=1, batch=100, rate=1e-9)
    with torch.no_grad():
        expected = math.log(4) - 2 * js_from_scores(model(rows), model(-rows))
    assert_close(loss[0], expected, atol=1e-5, rtol=0)  # all rows, each once
