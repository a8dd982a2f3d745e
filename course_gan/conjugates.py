r"""The convex conjugate of any function that is known on a grid: $f^*(t) = \max_u (ut - f(u))$.

Applied twice it gives $f^{**}$, the largest convex function below f: the lower edge of the convex hull of its graph.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require, require_tensor


def conjugate_on_grid(
    u: Float[Tensor, " n"], f: Float[Tensor, " n"], t: Float[Tensor, "*shape"]
) -> Float[Tensor, "*shape"]:
    r"""$\max_i (u_i t - f_i)$ for every t: the conjugate of f, if f is +inf off the points u.

    It is at most the conjugate of the function that was sampled, and misses it by at most $f''(u) h^2 / 8$ where the
    best u lies inside of the grid, whose points are h apart.  `f` may be +inf at some points, not at all.
    Reference: Rockafellar, Convex analysis, 1970, §12.

    >>> u = torch.tensor([0.0, 1.0, 2.0])
    >>> conjugate_on_grid(u, u**2, torch.tensor([-1.0, 2.0]))
    tensor([0., 1.])
    """
    u, f, t = require_tensor("u", u), require_tensor("f", f), require_tensor("t", t)
    if u.ndim != 1 or u.shape != f.shape or len(u) == 0:
        raise ValueError(
            f"u has shape {tuple(u.shape)} and f {tuple(f.shape)}; wanted (n,) both, a value f for every point u."
        )
    require("u", u, u.isfinite(), "wanted finite points")
    require("f", f, f > -torch.inf, "wanted numbers or +inf")
    require("t", t, t.isfinite(), "wanted finite slopes")
    if not bool((f < torch.inf).any()):
        raise ValueError("f is +inf at every point; wanted a number at one at least.")
    return (u * t[..., None] - f).amax(-1)


def biconjugate_on_grid(
    u: Float[Tensor, " n"], f: Float[Tensor, " n"], slopes: Float[Tensor, " m"]
) -> Float[Tensor, " n"]:
    r"""$f^{**}(u) = \max_t (ut - f^*(t))$ over the slopes t: nowhere above f, and equal to f where f is convex.

    Equal up to what the grid of slopes misses: the right slope at u has to lie near one of them.

    >>> u = torch.linspace(-1, 1, 5)
    >>> biconjugate_on_grid(u, (u**2 - 1) ** 2, torch.linspace(-1, 1, 3))
    tensor([0., 0., 0., 0., 0.])
    """
    slopes = require_tensor("slopes", slopes)
    return conjugate_on_grid(slopes, conjugate_on_grid(u, f, slopes), require_tensor("u", u))
