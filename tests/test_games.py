"""The games: fields against their potentials, Jacobians against differences, and every factor that theory promises."""

import cmath
import doctest
import importlib
import inspect
import math
from collections.abc import Callable

import numpy as np
import pytest
import scipy.integrate
import torch
from torch import Tensor
from torch.testing import assert_close

from course_gan import games
from course_gan.games import (
    DYNAMICS,
    FIELDS,
    Game,
    alternating,
    bilinear,
    consensus,
    dirac_minimax,
    dirac_non_saturating,
    dirac_wgan,
    dirac_wgan_gp,
    eigenvalues,
    extragradient,
    growth_factor,
    implicit,
    instance_noise,
    momentum,
    optimistic,
    r1,
    r2,
    simultaneous,
    trajectory,
)

START = torch.tensor([1.0, 1.0], dtype=torch.float64)
ROUNDED = 5.1e-8
fields = pytest.mark.parametrize("name", FIELDS)


def equal(value: Tensor | float, expected: float, tolerance: float = ROUNDED) -> None:
    assert float(value) == pytest.approx(expected, abs=tolerance, rel=0)


def radius(path: Tensor) -> Tensor:
    return path.norm(dim=-1)


def random_points(*shape: int) -> Tensor:
    return 1.5 * torch.randn(*shape, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("module", ["games", "games.analysis", "games.fields", "games.dynamics"])
def test_the_examples_in_the_docstrings_give_what_they_show(module: str) -> None:
    found = importlib.import_module(f"course_gan.{module}")
    result = doctest.testmod(found)
    assert result.failed == 0
    assert result.attempted > 0 or module in ("games.fields", "games.dynamics")


def test_what_is_exported_is_there_and_documented() -> None:
    assert all(getattr(games, name).__doc__ for name in games.__all__)
    assert all(game.name == name for name, game in FIELDS.items())


# ---------------------------------------------------------------- the fields


def f(t: Tensor) -> Tensor:
    return torch.nn.functional.logsigmoid(t)


def gaussian_mean(function: Callable[[Tensor], Tensor], std: float) -> Tensor:
    """By a dense grid, and not by the quadrature that the package takes."""
    e = torch.linspace(-10, 10, 4001, dtype=torch.float64)
    return torch.trapezoid(function(std * e) * (-(e**2) / 2).exp() / math.sqrt(2 * math.pi), e)


def minimax(theta: Tensor, psi: Tensor) -> Tensor:
    return f(psi * theta) + f(torch.zeros_like(psi))


# (what the generator descends, what the critic ascends), written from the losses
POTENTIALS: dict[str, tuple[Callable, Callable]] = {
    "bilinear": (lambda x, y: x * y, lambda x, y: x * y),
    "minimax": (minimax, minimax),
    "non-saturating": (lambda t, p: -f(-p * t), minimax),
    "wgan": (lambda t, p: p * t, lambda t, p: p * t),
    "wgan-clipped": (lambda t, p: p * t, lambda t, p: p * t),
    "wgan-gp": (lambda t, p: p * t, lambda t, p: p * t - 0.35 * (p.abs() - 1) ** 2),
    "r1": (minimax, lambda t, p: minimax(t, p) - 0.15 * p**2),
    "r2": (minimax, lambda t, p: minimax(t, p) - 0.15 * p**2),
    "non-saturating-r1": (lambda t, p: -f(-p * t), lambda t, p: minimax(t, p) - 0.15 * p**2),
    "instance-noise": (
        lambda t, p: gaussian_mean(lambda e: f(p * (t + e)), 0.7),
        lambda t, p: gaussian_mean(lambda e: f(p * (t + e)) + f(-p * e), 0.7),
    ),
}


@pytest.mark.parametrize("name", POTENTIALS)
def test_the_field_is_descent_of_the_generator_and_ascent_of_the_critic(name: str) -> None:
    down, up = POTENTIALS[name]
    for point in random_points(6):
        theta, psi = point.unbind()
        wanted = torch.stack([-torch.func.grad(down, 0)(theta, psi), torch.func.grad(up, 1)(theta, psi)])
        assert_close(FIELDS[name](point), wanted, rtol=1e-10, atol=1e-12)


def test_consensus_adds_the_descent_of_half_the_squared_field() -> None:
    for game in (dirac_minimax(), dirac_non_saturating(), bilinear()):
        for point in random_points(4):
            gradient = torch.func.grad(lambda x, game=game: (game(x) ** 2).sum() / 2)(point)
            assert_close(consensus(game, 0.6)(point), game(point) - 0.6 * gradient, rtol=1e-12, atol=1e-14)


def test_trap_consensus_gradient_with_an_extra_half() -> None:
    point = torch.tensor([0.7, -1.1], dtype=torch.float64)
    theta, psi = point.tolist()
    slope = 1 / (1 + math.exp(theta * psi))
    curve = -slope * (1 - slope)
    wrong = 0.5 * slope * curve * psi * (theta**2 + psi**2) + slope**2 * theta
    equal(wrong, 0.465289, 5e-7)
    ours = (dirac_minimax()(point) - consensus(dirac_minimax(), 1.0)(point))[0]
    equal(ours, 0.603538, 1e-6)  # published from differences


@fields
def test_a_field_at_many_points_is_the_field_at_each(name: str) -> None:
    points, game = random_points(3, 4), FIELDS[name]
    many, matrices = game(points), game.jacobian(points)
    assert many.shape == (3, 4, 2)
    assert matrices.shape == (3, 4, 2, 2)
    assert_close(many[1, 2], game(points[1, 2]), rtol=1e-13, atol=1e-15)
    assert_close(matrices[1, 2], game.jacobian(points[1, 2]), rtol=1e-13, atol=1e-15)


@fields
def test_the_jacobian_is_finite_differences(name: str) -> None:
    game, h = FIELDS[name], 1e-5
    for point in random_points(4):
        columns = [(game(point + h * e) - game(point - h * e)) / (2 * h) for e in torch.eye(2, dtype=torch.float64)]
        assert_close(game.jacobian(point), torch.stack(columns, dim=-1), rtol=1e-7, atol=1e-8)


@fields
def test_the_origin_is_an_equilibrium(name: str) -> None:
    assert_close(FIELDS[name](torch.zeros(2).double()), torch.zeros(2).double(), rtol=0, atol=1e-15)


def test_fields_keep_the_dtype() -> None:
    for game in FIELDS.values():
        assert game(random_points(2).float()).dtype == torch.float32


# ---------------------------------------------------------------- eigenvalues at the equilibrium


def pair(real: float, imaginary: float) -> list[complex]:
    return [complex(real, -imaginary), complex(real, imaginary)]


@pytest.mark.parametrize(
    ("game", "expected"),
    [
        (bilinear(), pair(0, 1)),
        (dirac_minimax(), pair(0, 0.5)),
        (dirac_non_saturating(), pair(0, 0.5)),
        (dirac_wgan(), pair(0, 1)),
        (r1(dirac_minimax(), 0.3), pair(-0.15, 0.476970)),
        (r1(dirac_minimax(), 2.0), [-1.866025, -0.133975]),
        (r2(dirac_minimax(), 0.3), pair(-0.15, 0.476970)),
        (r1(dirac_non_saturating(), 0.3), pair(-0.15, 0.476970)),
        (instance_noise(0.7), pair(-0.1225, 0.484762)),
        (consensus(dirac_minimax(), 1.0), pair(-0.25, 0.5)),
        (consensus(bilinear(), 0.5), pair(-0.5, 1.0)),
    ],
)
def test_eigenvalues_at_the_equilibrium(game: Game, expected: list[complex]) -> None:
    assert_close(eigenvalues(game), torch.tensor(expected, dtype=torch.complex128), rtol=0, atol=5.1e-7)


@pytest.mark.parametrize("game", [r1(dirac_minimax(), 1.0), instance_noise(math.sqrt(2))])
def test_at_the_critical_strength_both_eigenvalues_meet(game: Game) -> None:
    # A double root: rounding of 1e-16 in the matrix moves it by 1e-8.
    assert_close(eigenvalues(game), torch.full((2,), -0.5, dtype=torch.complex128), rtol=0, atol=1e-7)


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9, 1.3, 2.5])
def test_the_closed_forms_of_the_eigenvalues(strength: float) -> None:
    slope, curve = 0.5, -0.25
    noise = curve * strength**2
    for game, middle in ((r1(dirac_minimax(), strength), -strength / 2), (instance_noise(strength), noise)):
        root = cmath.sqrt(middle**2 - slope**2)
        wanted = sorted([middle - root, middle + root], key=lambda z: (z.imag, z.real))
        assert_close(eigenvalues(game), torch.tensor(wanted, dtype=torch.complex128), rtol=0, atol=1e-12)


def test_eigenvalues_elsewhere_are_those_of_the_jacobian_there() -> None:
    point = torch.tensor([0.7, -1.1], dtype=torch.float64)
    wanted = np.linalg.eigvals(dirac_minimax().jacobian(point).numpy())
    ours = eigenvalues(dirac_minimax(), point).numpy()
    np.testing.assert_allclose(np.sort_complex(ours), np.sort_complex(wanted), rtol=1e-12)


# ---------------------------------------------------------------- growth factors


@pytest.mark.parametrize(
    ("dynamics", "expected"),
    [
        (simultaneous(), 1.0049876),
        (alternating(), 1.0),
        (alternating(critic_first=True), 1.0),
        (extragradient(), 0.9950377),
        (implicit(), 0.9950372),
        (optimistic(), 0.9949362),
        (momentum(-0.5, alternate=True), 0.9985178),
        (momentum(-0.5), 1.0007430),
        (momentum(0.0), 1.0049876),
    ],
)
def test_growth_factors_of_the_bilinear_game(dynamics: games.Dynamics, expected: float) -> None:
    equal(growth_factor(bilinear(), dynamics, 0.1), expected)


@pytest.mark.parametrize("h", [0.05, 0.3])
def test_growth_factors_in_closed_form(h: float) -> None:
    game = bilinear()
    equal(growth_factor(game, simultaneous(), h), math.sqrt(1 + h**2), 1e-14)
    equal(growth_factor(game, extragradient(), h), math.sqrt(1 - h**2 + h**4), 1e-14)
    equal(growth_factor(game, implicit(), h), 1 / math.sqrt(1 + h**2), 1e-13)
    # optimistic: z² - (1 + 2ih) z + ih = 0
    root = cmath.sqrt((1 + 2j * h) ** 2 - 4j * h)
    equal(growth_factor(game, optimistic(), h), max(abs(1 + 2j * h + root), abs(1 + 2j * h - root)) / 2, 1e-13)


@fields
def test_a_simultaneous_step_multiplies_by_one_plus_step_times_eigenvalue(name: str) -> None:
    wanted = (1 + 0.2 * eigenvalues(FIELDS[name])).abs().max()
    equal(growth_factor(FIELDS[name], simultaneous(), 0.2), wanted.item(), 1e-13)


def test_r1_is_stable_up_to_the_step_that_theory_gives() -> None:
    game = r1(dirac_minimax(), 0.3)
    equal(growth_factor(game, simultaneous(), 0.2), 0.974679, 5e-7)
    limit = 0.3 / 0.25
    assert growth_factor(game, simultaneous(), limit - 1e-3) < 1 < growth_factor(game, simultaneous(), limit + 1e-3)
    equal(growth_factor(game, simultaneous(), limit), 1.0, 1e-12)


def test_an_alternating_turn_has_determinant_one_and_turns_by_a_known_angle() -> None:
    eta = 0.1
    turn = torch.func.jacrev(lambda x: alternating().step(bilinear(), x, eta))(torch.zeros(2).double())
    equal(torch.linalg.det(turn), 1.0, 1e-14)
    equal(turn.trace(), 2 - eta**2, 1e-14)
    equal(torch.linalg.eigvals(turn).angle().max(), 0.1000417, ROUNDED)


def test_more_critic_steps_are_more_steps_of_the_critic() -> None:
    eta, n = 0.1, 5
    turn = torch.func.jacrev(lambda x: alternating(n).step(bilinear(), x, eta))(torch.zeros(2).double())
    wanted = torch.tensor([[1.0, -eta], [n * eta, 1 - n * eta**2]], dtype=torch.float64)
    assert_close(turn, wanted, rtol=0, atol=1e-14)


# ---------------------------------------------------------------- paths


def test_bilinear_paths_after_a_hundred_steps() -> None:
    game = bilinear()
    equal(radius(trajectory(game, simultaneous(), START, 0.1, 100))[-1] / math.sqrt(2), 1.6446318)
    equal(radius(trajectory(game, extragradient(), START, 0.1, 100))[-1] / math.sqrt(2), 0.608069, 5e-7)
    squares = radius(trajectory(game, simultaneous(), START, 0.1, 20)) ** 2
    assert_close(squares[1:] / squares[:-1], torch.full((20,), 1.01, dtype=torch.float64), rtol=1e-13, atol=0)


def test_alternating_steps_of_the_bilinear_game_stay_on_an_ellipse() -> None:
    path = trajectory(bilinear(), alternating(), START, 0.1, 2000)
    x, y = path.unbind(-1)
    assert_close(x**2 + y**2 - 0.1 * x * y, torch.full((2001,), 1.9, dtype=torch.float64), rtol=0, atol=1e-10)
    equal(radius(path).min(), 1.345185, 1e-4)
    assert radius(path).min() >= 1.345185 - 5e-7
    assert radius(path).max() <= 1.414214 + 5e-7
    # entered at its other half, the ellipse is the mirror image
    x, y = trajectory(bilinear(), alternating(critic_first=True), START, 0.1, 200).unbind(-1)
    assert_close(x**2 + y**2 + 0.1 * x * y, torch.full((201,), 2.1, dtype=torch.float64), rtol=0, atol=1e-11)


def test_a_simultaneous_step_of_the_minimax_game_grows_by_the_exact_identity() -> None:
    path = trajectory(dirac_minimax(), simultaneous(), START, 0.2, 50)
    squares, u = radius(path) ** 2, path.prod(-1)
    assert_close(squares[1:], squares[:-1] * (1 + 0.04 * torch.sigmoid(-u[:-1]) ** 2), rtol=1e-12, atol=0)
    equal(squares[1] / squares[0], 1.002893180, 5e-10)


@pytest.mark.parametrize(
    ("name", "together", "in_turn", "tolerance"),
    [
        ("minimax", 3.096949, 1.421019, 5.1e-7),
        ("non-saturating", 0.640207, 0.283923, 5.1e-7),
        ("wgan", 25635.97, 1.397863, 5.1e-3),
        ("r1", 3e-6, 0.0, 1e-6),
        ("consensus", 0.0, 0.0, 1e-6),
    ],
)
def test_radius_after_five_hundred_steps(name: str, together: float, in_turn: float, tolerance: float) -> None:
    equal(radius(trajectory(FIELDS[name], simultaneous(), START, 0.2, 500))[-1], together, tolerance)
    equal(radius(trajectory(FIELDS[name], alternating(), START, 0.2, 500))[-1], in_turn, min(tolerance, 1e-6))


def test_critical_r1_has_arrived_after_five_hundred_steps() -> None:
    for dynamics in (simultaneous(), alternating()):
        assert radius(trajectory(r1(dirac_minimax(), 1.0), dynamics, START, 0.2, 500))[-1] < 1e-6


def test_wgan_with_clipping_or_penalty_never_arrives() -> None:
    clipped = trajectory(FIELDS["wgan-clipped"], simultaneous(), START, 0.2, 3000)
    assert clipped[1:, 1].abs().max() <= 1.0
    last = radius(clipped[-1000:])
    equal(last.min(), 1.000, 5e-4)
    equal(last.max(), 1.272, 5e-4)
    last = radius(trajectory(FIELDS["wgan-gp"], simultaneous(), START, 0.2, 3000)[-1000:])
    equal(last.min(), 1.620, 5e-4)
    equal(last.max(), 1.965, 5e-4)


@pytest.mark.parametrize("dynamics", DYNAMICS.values(), ids=lambda dynamics: dynamics.name)
def test_weight_clipping_holds_after_every_step_of_every_method(dynamics: games.Dynamics) -> None:
    start = torch.tensor([1.0, 0.3], dtype=torch.float64)
    path = trajectory(dirac_wgan(clip=0.5), dynamics, start, 0.2, 40)
    assert path[:, 1].abs().max() == 0.5  # reached, and never passed
    assert dirac_wgan().clip is None


@pytest.mark.parametrize(("h", "low", "high", "steps"), [(0.2, 0.389, 0.409, 2000), (0.02, 0.0399, 0.0401, 6000)])
def test_the_non_saturating_game_settles_on_a_circle_of_its_step_size(h, low: float, high: float, steps: int) -> None:
    start = START * math.sqrt(h)  # near the cycle r² = 2h, to arrive soon
    squares = radius(trajectory(dirac_non_saturating(), simultaneous(), start, h, steps)[-500:]) ** 2
    assert low - 5e-4 <= squares.min() <= squares.max() <= high + 5e-4


def flow(game: Game, start: list[float], time: float) -> np.ndarray:
    field = lambda _, x: game(torch.from_numpy(x)).numpy()  # noqa: E731
    return scipy.integrate.solve_ivp(field, (0, time), start, rtol=1e-7, atol=1e-9).y[:, -1]


def test_the_continuous_non_saturating_game_comes_in_as_one_over_the_root_of_time() -> None:
    end = flow(dirac_non_saturating(), [1.0, 1.0], 200.0)
    equal(math.hypot(*end) / math.sqrt(8 / 200), 1.0, 0.1)
    # d(r²)/dt = -2u tanh(u/2), at any point
    points = random_points(5)
    rate, u = 2 * (points * dirac_non_saturating()(points)).sum(-1), points.prod(-1)
    assert_close(rate, -2 * u * torch.tanh(u / 2), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", ["minimax", "r1", "consensus", "instance-noise", "non-saturating-r1"])
@pytest.mark.parametrize("dynamics", DYNAMICS.values(), ids=lambda dynamics: dynamics.name)
def test_small_steps_of_every_method_follow_the_flow(name: str, dynamics: games.Dynamics) -> None:
    h, time = 0.02, 0.6
    # a momentum β goes 1/(1 - β) times as far with each step
    pace = 1 / 1.5 if "momentum" in dynamics.name else 1.0
    path = trajectory(FIELDS[name], dynamics, START, h / pace, round(time / h))
    assert_close(path[-1], torch.from_numpy(flow(FIELDS[name], [1.0, 1.0], time)), rtol=0, atol=0.02)


def test_momentum_remembers_the_last_steps() -> None:
    game, beta, h = dirac_minimax(), -0.3, 0.2
    x, velocity = START, torch.zeros(2).double()
    for _ in range(3):
        velocity = beta * velocity + game(x)
        x = x + h * velocity
    assert_close(trajectory(game, momentum(beta), START, h, 3)[-1], x, rtol=1e-14, atol=0)
    theta, psi, m_theta, m_psi = 1.0, 1.0, 0.0, 0.0
    for _ in range(3):
        m_theta = beta * m_theta - psi / (1 + math.exp(theta * psi))
        theta += h * m_theta
        m_psi = beta * m_psi + theta / (1 + math.exp(theta * psi))
        psi += h * m_psi
    wanted = torch.tensor([theta, psi], dtype=torch.float64)
    assert_close(trajectory(game, momentum(beta, alternate=True), START, h, 3)[-1], wanted, rtol=1e-14, atol=0)


def test_optimism_starts_with_a_plain_step_and_then_corrects_it() -> None:
    game, h = dirac_minimax(), 0.2
    first = START + h * game(START)
    second = first + 2 * h * game(first) - h * game(START)
    path = trajectory(game, optimistic(), START, h, 2)
    assert_close(path, torch.stack([START, first, second]), rtol=1e-14, atol=0)


def test_extragradient_looks_ahead_within_the_clipped_weights() -> None:
    game, start = dirac_wgan(clip=0.5), torch.tensor([1.0, 0.45], dtype=torch.float64)
    ahead = torch.tensor([1 - 0.2 * 0.45, 0.5], dtype=torch.float64)  # 0.45 + 0.2 is beyond the bound
    wanted = torch.tensor([1 - 0.2 * ahead[1], 0.5], dtype=torch.float64)
    assert_close(trajectory(game, extragradient(), start, 0.2, 1)[-1], wanted, rtol=1e-14, atol=0)


def test_an_implicit_step_solves_its_equation() -> None:
    for game in (dirac_minimax(), FIELDS["consensus"], FIELDS["instance-noise"]):
        points = random_points(5)
        after = implicit().step(game, points, 0.5)
        assert_close(after, points + 0.5 * game(after), rtol=1e-12, atol=1e-12)


def test_a_trajectory_starts_at_its_start_in_float64_and_takes_many_starts() -> None:
    starts = random_points(3, 2)
    for dynamics in DYNAMICS.values():
        path = trajectory(FIELDS["minimax"], dynamics, starts.float(), 0.1, 4)
        assert path.shape == (5, 3, 2, 2)
        assert path.dtype == torch.float64
        assert_close(path[0], starts.float().double(), rtol=0, atol=0)
        alone = trajectory(FIELDS["minimax"], dynamics, starts[1, 1].float(), 0.1, 4)
        assert_close(path[:, 1, 1], alone, rtol=1e-12, atol=1e-14)
    assert trajectory(bilinear(), simultaneous(), START, 0.1, 0).shape == (1, 2)


# ---------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: inspect.unwrap(Game.__call__)(bilinear(), torch.zeros(3)),
            ValueError,
            r"points has shape \(3,\); .*\(θ, ψ\)",
        ),
        (lambda: inspect.unwrap(Game.__call__)(bilinear(), torch.tensor(1.0)), ValueError, r"points has shape \(\)"),
        (lambda: inspect.unwrap(Game.__call__)(bilinear(), (1.0, 1.0)), TypeError, "points is a tuple"),
        (
            lambda: inspect.unwrap(Game.jacobian)(bilinear(), torch.zeros(2, 3)),
            ValueError,
            r"points has shape \(2, 3\)",
        ),
        (lambda: trajectory(bilinear(), simultaneous(), START, 0.0, 5), ValueError, "step is 0; wanted"),
        (lambda: trajectory(bilinear(), simultaneous(), START, 0.1, -1), ValueError, "steps is -1; wanted a whole"),
        (
            lambda: trajectory(bilinear(), simultaneous(), START / 0, 0.1, 5),
            ValueError,
            r"start\[0\] is inf; wanted finite",
        ),
        (
            lambda: inspect.unwrap(trajectory)(bilinear(), simultaneous(), START[:1], 0.1, 5),
            ValueError,
            r"shape \(1,\)",
        ),
        (lambda: inspect.unwrap(trajectory)(bilinear(), simultaneous(), [1, 1], 0.1, 5), TypeError, "start is a list"),
        (lambda: growth_factor(bilinear(), simultaneous(), 0.1, START), ValueError, "wanted 0, an equilibrium"),
        (lambda: growth_factor(bilinear(), simultaneous(), -0.1), ValueError, "step is -0.1"),
        (lambda: r1(dirac_minimax(), -1.0), ValueError, "weight is -1; wanted a finite number above 0"),
        (lambda: consensus(dirac_minimax(), 0.0), ValueError, "weight is 0"),
        (lambda: dirac_wgan_gp(-1.0), ValueError, "weight is -1"),
        (lambda: dirac_wgan(clip=0.0), ValueError, "clip is 0"),
        (lambda: instance_noise(0.0), ValueError, "std is 0"),
        (lambda: instance_noise(0.7, 0), ValueError, "nodes is 0; wanted a whole number"),
        (lambda: instance_noise(0.7, 400), ValueError, "nodes is 400; wanted at most 300"),
        (lambda: dirac_wgan_gp(1.0, math.nan), ValueError, "target is nan"),
        (lambda: momentum(math.nan), ValueError, "beta is nan; wanted a finite number"),
        (lambda: inspect.unwrap(momentum)(None), ValueError, "beta is None"),
        (
            lambda: inspect.unwrap(eigenvalues)(bilinear(), torch.zeros(3, 2)),
            ValueError,
            r"point has shape \(3, 2\); wanted \(2,\), one point",
        ),
        (
            lambda: inspect.unwrap(growth_factor)(bilinear(), simultaneous(), 0.1, torch.zeros(3, 2)),
            ValueError,
            r"point has shape \(3, 2\)",
        ),
        (lambda: alternating(0), ValueError, "critic_steps is 0; wanted a whole number"),
        (lambda: implicit(0), ValueError, "iterations is 0"),
    ],
)
def test_bad_input_is_named(call: Callable[[], object], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_names_of_games_say_what_was_added() -> None:
    assert r2(dirac_non_saturating(), 1.0).name == "non-saturating-r2"
    assert consensus(bilinear(), 1.0).name == "bilinear-consensus"
    assert r1(dirac_wgan(clip=0.5), 1.0).clip == 0.5


def test_a_point_that_requires_a_gradient_is_a_point() -> None:
    point = torch.zeros(2, requires_grad=True)
    assert growth_factor(bilinear(), simultaneous(), 0.1, point) == growth_factor(bilinear(), simultaneous(), 0.1)
    assert not eigenvalues(bilinear(), point).requires_grad


def test_many_nodes_of_the_noise_are_the_same_expectation() -> None:
    few, many = instance_noise(0.7), instance_noise(0.7, 300)
    assert_close(few(START), many(START))
