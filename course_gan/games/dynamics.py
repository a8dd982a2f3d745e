r"""Ways to follow a vector field $v$ in steps of size h, from what is trained with to what theory asks for.

A method maps a state to the next one.  The state is a tensor (..., 2) of points (θ, ψ), or (..., 4) with a memory
behind the point: the last point, or the momentum of both players.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from course_gan.games.fields import Game
from course_gan.inputs import require_count

Step = Callable[[Game, Tensor, float], Tensor]


@dataclass(frozen=True)
class Dynamics:
    """A method: `step(game, state, h)` gives the next state, `begin(points)` the first one."""

    name: str
    step: Step
    begin: Callable[[Tensor], Tensor] = lambda points: points


def _clipped(game: Game, points: Tensor) -> Tensor:
    return torch.stack([points[..., 0], game.project(points[..., 1])], dim=-1)


def simultaneous() -> Dynamics:
    """x + h v(x), both players at once.  An eigenvalue λ of the field makes a factor |1 + hλ|: a rotation grows."""
    return Dynamics("simultaneous", lambda game, x, h: _clipped(game, x + h * game(x)))


def alternating(critic_steps: int = 1, critic_first: bool = False) -> Dynamics:
    """One step of the generator and `critic_steps` of the critic, each from where the other one has gone.

    `critic_first` is the order of a training loop; the cycle is the same, entered at its other half.
    """
    require_count("critic_steps", critic_steps)

    def generator(game: Game, x: Tensor, h: float) -> Tensor:
        return torch.stack([x[..., 0] + h * game(x)[..., 0], x[..., 1]], dim=-1)

    def critic(game: Game, x: Tensor, h: float) -> Tensor:
        for _ in range(critic_steps):
            x = torch.stack([x[..., 0], game.project(x[..., 1] + h * game(x)[..., 1])], dim=-1)
        return x

    first, second = (critic, generator) if critic_first else (generator, critic)
    return Dynamics("alternating", lambda game, x, h: second(game, first(game, x, h), h))


def extragradient() -> Dynamics:
    """x + h v(x + h v(x)): look ahead, then step from here by what is seen there.

    Reference: Korpelevich, The extragradient method, 1976; Gidel et al., A variational inequality perspective, 2019.
    """
    return Dynamics("extragradient", lambda game, x, h: _clipped(game, x + h * game(_clipped(game, x + h * game(x)))))


def optimistic() -> Dynamics:
    """x + 2h v(x) - h v(x_last): extragradient with one evaluation a step; the first step is a plain one.

    Reference: Daskalakis, Ilyas, Syrgkanis and Zeng, Training GANs with optimism, 2018, §2.
    """

    def step(game: Game, state: Tensor, h: float) -> Tensor:
        x, last = state[..., :2], state[..., 2:]
        return torch.cat([_clipped(game, x + 2 * h * game(x) - h * game(last)), x], dim=-1)

    return Dynamics("optimistic", step, lambda points: torch.cat([points, points], dim=-1))


def momentum(beta: int | float, alternate: bool = False) -> Dynamics:
    """m <- βm + v(x), x <- x + hm; with `alternate` the generator first, then the critic from the new θ.

    A negative β brakes, and makes alternating steps converge on the bilinear game.
    Reference: Gidel et al., Negative momentum for improved game dynamics, 2019, §4 and 5.
    """
    given: object = beta
    if not isinstance(given, int | float) or not math.isfinite(given):
        raise ValueError(f"beta is {beta!r}; wanted a finite number, such as -0.5.")

    def both(game: Game, state: Tensor, h: float) -> Tensor:
        x, m = state[..., :2], state[..., 2:]
        m = beta * m + game(x)
        return torch.cat([_clipped(game, x + h * m), m], dim=-1)

    def in_turn(game: Game, state: Tensor, h: float) -> Tensor:
        theta, psi, m_theta, m_psi = state.unbind(-1)
        m_theta = beta * m_theta + game(torch.stack([theta, psi], dim=-1))[..., 0]
        theta = theta + h * m_theta
        m_psi = beta * m_psi + game(torch.stack([theta, psi], dim=-1))[..., 1]
        return torch.stack([theta, game.project(psi + h * m_psi), m_theta, m_psi], dim=-1)

    name = "alternating momentum" if alternate else "momentum"
    return Dynamics(
        name, in_turn if alternate else both, lambda points: torch.cat([points, torch.zeros_like(points)], dim=-1)
    )


def implicit(iterations: int = 10) -> Dynamics:
    """The x' that solves x' = x + h v(x'), by Newton's method: a rotation shrinks by 1/sqrt(1 + h²)."""
    require_count("iterations", iterations)

    def step(game: Game, x: Tensor, h: float) -> Tensor:
        identity = torch.eye(2, dtype=x.dtype, device=x.device)
        y = x
        for _ in range(iterations):
            residual = y - x - h * game(y)
            y = y - torch.linalg.solve(identity - h * game.jacobian(y), residual[..., None])[..., 0]
        return _clipped(game, y)

    return Dynamics("implicit", step)


DYNAMICS: dict[str, Dynamics] = {
    "simultaneous": simultaneous(),
    "alternating": alternating(),
    "extragradient": extragradient(),
    "optimistic": optimistic(),
    "momentum": momentum(-0.5),
    "alternating-momentum": momentum(-0.5, alternate=True),
    "implicit": implicit(),
}
