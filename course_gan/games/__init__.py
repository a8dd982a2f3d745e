"""Two-player games small enough to draw: vector fields, the ways to follow them, and what their Jacobians foretell.

The smallest models of what goes wrong when a GAN is trained: gradient descent of both players circles around the
equilibrium, or away from it, and regularizers or other updates bring it in.

>>> import torch
>>> from course_gan.games import FIELDS, growth_factor, simultaneous, trajectory
>>> start = torch.tensor([1.0, 1.0], dtype=torch.float64)
>>> path = trajectory(FIELDS["bilinear"], simultaneous(), start, step=0.1, steps=100)
>>> path.shape, f"{path[-1].norm() / path[0].norm():.4f}"  # it should fall, and grows by sqrt(1 + 0.1²) a step
(torch.Size([101, 2]), '1.6446')
>>> round(growth_factor(FIELDS["bilinear"], simultaneous(), step=0.1), 7)
1.0049876
"""

from course_gan.games.analysis import eigenvalues, growth_factor, trajectory
from course_gan.games.dynamics import (
    DYNAMICS,
    Dynamics,
    alternating,
    extragradient,
    implicit,
    momentum,
    optimistic,
    simultaneous,
)
from course_gan.games.fields import (
    FIELDS,
    Game,
    bilinear,
    consensus,
    dirac_minimax,
    dirac_non_saturating,
    dirac_wgan,
    dirac_wgan_gp,
    instance_noise,
    r1,
    r2,
)

__all__ = [
    "DYNAMICS",
    "FIELDS",
    "Dynamics",
    "Game",
    "alternating",
    "bilinear",
    "consensus",
    "dirac_minimax",
    "dirac_non_saturating",
    "dirac_wgan",
    "dirac_wgan_gp",
    "eigenvalues",
    "extragradient",
    "growth_factor",
    "implicit",
    "instance_noise",
    "momentum",
    "optimistic",
    "r1",
    "r2",
    "simultaneous",
    "trajectory",
]
