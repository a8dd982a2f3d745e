"""What a game does: the path it takes under a method, and the eigenvalues that foretell it near an equilibrium."""

import torch
from jaxtyping import Complex, Float
from torch import Tensor

from course_gan.games.dynamics import Dynamics
from course_gan.games.fields import Game, require_points
from course_gan.inputs import require, require_count, require_positive


def trajectory(
    game: Game, dynamics: Dynamics, start: Float[Tensor, "*batch 2"], step: int | float, steps: int
) -> Float[Tensor, "points *batch 2"]:
    """The points (θ, ψ) after 0, 1, ..., `steps` steps of size `step`, from `start` on: (steps + 1, *batch, 2).

    In float64.  `start` may hold many points, which are followed side by side.
    """
    require_positive("step", step)
    require_count("steps", steps, least=0)
    points = _points("start", start)
    state = dynamics.begin(points)
    path = [points]
    for _ in range(steps):
        state = dynamics.step(game, state, step)
        path.append(state[..., :2])
    return torch.stack(path)


def eigenvalues(game: Game, point: Float[Tensor, "2"] | None = None) -> Complex[Tensor, "2"]:
    """The eigenvalues of the field's Jacobian at `point` (by default the equilibrium (0, 0)), by rising imaginary part.

    In continuous time an equilibrium attracts if their real parts are negative; purely imaginary ones go round.
    They say nothing at a kink, such as (0, 0) of `dirac_wgan_gp`, where the field has no Jacobian.

    >>> from course_gan.games.fields import dirac_minimax, r1
    >>> eigenvalues(r1(dirac_minimax(), 1.0)).real  # the critical strength: both meet at -1/2
    tensor([-0.5000, -0.5000], dtype=torch.float64)
    """
    where = _one_point(point)
    values = torch.linalg.eigvals(game.jacobian(where)).tolist()
    return torch.tensor(sorted(values, key=lambda value: (value.imag, value.real)), dtype=torch.complex128)


def growth_factor(game: Game, dynamics: Dynamics, step: int | float, point: Float[Tensor, "2"] | None = None) -> float:
    """The factor a step by which small distances from the equilibrium `point`, by default (0, 0), grow or shrink.

    It is the largest modulus of an eigenvalue of the update's Jacobian, over the whole state, memory included; for
    alternating steps a step is a whole turn of both.
    """
    require_positive("step", step)
    where = _one_point(point)
    require("the field at point", game(where).abs(), game(where).abs() < 1e-9, "wanted 0, an equilibrium")
    state = dynamics.begin(where)
    update = torch.func.jacrev(lambda s: dynamics.step(game, s, step))(state)
    return float(torch.linalg.eigvals(update).abs().max())


def _one_point(point: object) -> Tensor:
    where = _points("point", torch.zeros(2) if point is None else point).detach()
    if where.ndim != 1:
        raise ValueError(
            f"point has shape {tuple(where.shape)}; wanted (2,), one point (θ, ψ). Take one after another."
        )
    return where


def _points(name: str, points: object) -> Tensor:
    points = require_points(name, points).double()
    require(name, points, points.isfinite(), "wanted finite numbers (θ, ψ)")
    return points
