r"""Two-player games as vector fields: the point (θ, ψ) of generator and critic, and the way each of them wants to go.

The Dirac-GAN is the smallest GAN: the data are the single point 0, the generator makes the single point θ, the critic
is linear with slope ψ.  Both players move along $L(\theta, \psi) = f(\psi\theta) + f(0)$ with
$f(t) = -\log(1 + e^{-t})$: the generator down, the critic up; they meet at (0, 0).
As in the paper the critic's output ψx is large for *fake*: the score of `course_gan.losses`, large for real, is -ψx.

Reference: Mescheder, Geiger and Nowozin, Which training methods for GANs do actually converge?, 2018, §2 and 3.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_count, require_positive, require_tensor

MOST_NODES = 300
Velocity = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Game:
    """A vector field of two players, (θ, ψ) -> the directions (θ', ψ') in which they go; elementwise.

    `clip` is the bound c of weight clipping: after each step of the critic, ψ is put back into [-c, c].
    """

    name: str
    velocity: Velocity
    clip: int | float | None = None

    def __call__(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
        """The field at points (θ, ψ), any number of them: (*batch, 2) -> (*batch, 2)."""
        points = require_points("points", points)
        return torch.stack(self.velocity(points[..., 0], points[..., 1]), dim=-1)

    def jacobian(self, points: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2 2"]:
        r"""$\partial(\theta', \psi') / \partial(\theta, \psi)$, by automatic differentiation: exact to rounding."""
        flat = require_points("points", points).reshape(-1, 2)
        matrices: Tensor = torch.func.vmap(torch.func.jacrev(self.__call__))(flat)
        return matrices.reshape(*points.shape, 2)

    def project(self, psi: Tensor) -> Tensor:
        """ψ after weight clipping; ψ itself where there is none."""
        return psi if self.clip is None else psi.clamp(-self.clip, self.clip)


def require_points(name: str, points: object) -> Tensor:
    """Return `points` if it is a tensor of points (θ, ψ), (..., 2)."""
    points = require_tensor(name, points)
    if points.ndim == 0 or points.shape[-1] != 2:
        raise ValueError(
            f"{name} has shape {tuple(points.shape)}; wanted (..., 2), each point (θ, ψ). "
            "Pass torch.stack([theta, psi], dim=-1)."
        )
    return points


def bilinear() -> Game:
    r"""$\min_x \max_y xy$: $x' = -y,\; y' = x$, a rotation."""
    return Game("bilinear", lambda x, y: (-y, x))


def dirac_minimax() -> Game:
    r"""$\theta' = -\psi f'(\theta\psi),\; \psi' = \theta f'(\theta\psi)$ with $f'(t) = \sigma(-t)$."""
    return Game("minimax", lambda theta, psi: (-psi * _slope(theta * psi), theta * _slope(theta * psi)))


def dirac_non_saturating() -> Game:
    r"""The generator maximizes $f(-\psi\theta)$: $\theta' = -\psi f'(-\theta\psi),\; \psi' = \theta f'(\theta\psi)$.

    $\frac{d}{dt}(\theta^2 + \psi^2) = -2u\tanh\frac u2$ with u = θψ: it comes in, ever more slowly, as sqrt(8/t).
    """
    return Game("non-saturating", lambda theta, psi: (-psi * _slope(-theta * psi), theta * _slope(theta * psi)))


def _slope(t: Tensor) -> Tensor:
    """f'(t) = 1 / (1 + e^t), with f'(0) = 1/2 and f''(0) = -1/4."""
    return torch.sigmoid(-t)


def dirac_wgan(clip: int | float | None = None) -> Game:
    r"""$L = \psi\theta$: $\theta' = -\psi,\; \psi' = \theta$, the rotation again; `clip` keeps ψ in [-clip, clip]."""
    if clip is not None:
        require_positive("clip", clip)
    return Game("wgan" if clip is None else "wgan-clipped", lambda theta, psi: (-psi, theta), clip)


def dirac_wgan_gp(weight: int | float, target: int | float = 1) -> Game:
    r"""$\theta' = -\psi,\; \psi' = \theta - \gamma\,\mathrm{sign}(\psi)(|\psi| - g)$.

    The critic pays $\frac\gamma2(|\psi| - g)^2$ for its slope ψ, which is the same at every point.
    γ is the `weight` and g the `target`; the λ of the WGAN-GP paper is γ/2.  The equilibrium (0, 0) is a kink.
    """
    require_positive("weight", weight)
    require_positive("target", target, zero=True)
    return Game("wgan-gp", lambda theta, psi: (-psi, theta - weight * psi.sign() * (psi.abs() - target)))


def r1(game: Game, weight: int | float) -> Game:
    r"""Add R1 to a Dirac-GAN: the critic's slope at real is ψ, so $-\frac\gamma2\psi^2$, and $\psi' - \gamma\psi$."""
    require_positive("weight", weight)

    def velocity(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        theta_dot, psi_dot = game.velocity(theta, psi)
        return theta_dot, psi_dot - weight * psi

    return Game("r1" if game.name == "minimax" else f"{game.name}-r1", velocity, game.clip)


def r2(game: Game, weight: int | float) -> Game:
    """Add R2: the slope at fake is ψ as well, as the critic is linear, so in a Dirac-GAN the field is that of R1."""
    regularized = r1(game, weight)
    return Game(regularized.name.removesuffix("r1") + "r2", regularized.velocity, game.clip)


def instance_noise(std: int | float, nodes: int = 64) -> Game:
    r"""The minimax Dirac-GAN with noise on both sides: $L = E[f(\psi(\theta + s\epsilon))] + E[f(-\psi s\epsilon)]$.

    $\epsilon \sim N(0, 1)$ and s is `std`; the expectation is taken by Gauss-Hermite quadrature with `nodes` points.
    """
    require_positive("std", std)
    require_count("nodes", nodes)
    if nodes > MOST_NODES:
        raise ValueError(f"nodes is {nodes}; wanted at most {MOST_NODES}, beyond which NumPy's weights overflow.")
    points, weights = np.polynomial.hermite_e.hermegauss(nodes)
    noise = torch.from_numpy(std * points)
    share = torch.from_numpy(weights / math.sqrt(2 * math.pi))

    def velocity(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        e, w = noise.to(theta), share.to(theta)
        fake, real = theta[..., None] + e, e
        at_fake, at_real = _slope(psi[..., None] * fake), _slope(-psi[..., None] * real)
        return -(w * at_fake * psi[..., None]).sum(-1), (w * (at_fake * fake - at_real * real)).sum(-1)

    return Game("instance-noise", velocity)


def consensus(game: Game, weight: int | float) -> Game:
    r"""Follow $v - \gamma \nabla \frac12\|v\|^2 = v - \gamma J^\top v$: both players also shorten the field itself.

    For the minimax Dirac-GAN $\frac12\|v\|^2 = \frac12 f'(u)^2(\theta^2 + \psi^2)$ with u = θψ; its derivative by θ is
    $f'(u) f''(u) \psi (\theta^2 + \psi^2) + f'(u)^2 \theta$.
    Reference: Mescheder, Nowozin and Geiger, The numerics of GANs, 2017, §4.
    """
    require_positive("weight", weight)

    def half_square(theta: Tensor, psi: Tensor) -> Tensor:
        # A sum over the points, each of which has its own part: its gradient is the gradient at each point.
        return sum((part.square().sum() / 2 for part in game.velocity(theta, psi)), torch.zeros_like(theta).sum())

    def velocity(theta: Tensor, psi: Tensor) -> tuple[Tensor, Tensor]:
        (theta_dot, psi_dot), gradient = game.velocity(theta, psi), torch.func.grad(half_square, (0, 1))(theta, psi)
        return theta_dot - weight * gradient[0], psi_dot - weight * gradient[1]

    return Game("consensus" if game.name == "minimax" else f"{game.name}-consensus", velocity, game.clip)


# The methods of the paper's figures, with their strengths.
FIELDS: dict[str, Game] = {
    "bilinear": bilinear(),
    "minimax": dirac_minimax(),
    "non-saturating": dirac_non_saturating(),
    "wgan": dirac_wgan(),
    "wgan-clipped": dirac_wgan(clip=1.0),
    "wgan-gp": dirac_wgan_gp(weight=0.7),
    "r1": r1(dirac_minimax(), 0.3),
    "r2": r2(dirac_minimax(), 0.3),
    "non-saturating-r1": r1(dirac_non_saturating(), 0.3),
    "instance-noise": instance_noise(0.7),
    "consensus": consensus(dirac_minimax(), 1.0),
}
