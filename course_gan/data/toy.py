r"""The toy distributions of the literature: rings and grids of Gaussians, mixtures on the line, Swiss roll, two moons.

Each returns a sampler: a callable `(n, generator) -> points (n, d)`.  The settings of the papers are arguments:

| paper | call |
|---|---|
| PacGAN (Lin et al. 2018), VEEGAN (Srivastava et al. 2017) | `ring(8, 1.0, 0.01)` and `grid(5, 2.0, 0.05)` |
| WGAN-GP (Gulrajani et al. 2017, Fig. 1; the scalings are in its code) | `ring(8, 2.0, 0.02).scaled(1 / 1.414)`, |
| | `grid(5, 2.0, 0.05).scaled(1 / 2.828)` and `swiss_roll(0.25, 1 / 7.5)` |
| BourGAN (Xiao et al. 2018; its code gives the variance .01) | `grid(5, 2.0, 0.1)` |
| f-GAN (Nowozin et al. 2016, §2.5) | `f_gan_mixture()` |
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.data.mixture import Mixture
from course_gan.inputs import require_count, require_positive

Sampler: TypeAlias = Callable[[int, torch.Generator | None], Tensor]


def ring(
    modes: int = 8, radius: float | int = 1.0, std: float | int = 0.01, *, dtype: torch.dtype = torch.float32
) -> Mixture:
    r"""Equal Gaussians on a circle, with centers $r (\cos \frac{2\pi k}{K}, \sin \frac{2\pi k}{K})$, k = 0, …, K-1.

    The angle 2π is left out: it is the angle 0 again.  `linspace(0, 2π, 8)` includes it, so a widely copied notebook
    draws seven modes, one of them twice as heavy.

    >>> ring(4).centers.round(decimals=3).abs()
    tensor([[1., 0.],
            [0., 1.],
            [1., 0.],
            [0., 1.]])
    """
    require_count("modes", modes)
    require_positive("radius", float(radius))
    angles = torch.arange(modes, dtype=torch.float64) * (2 * math.pi / modes)
    return Mixture((radius * torch.stack([angles.cos(), angles.sin()], -1)).to(dtype), float(std))


def grid(
    side: int = 5, spacing: float | int = 2.0, std: float | int = 0.05, *, dtype: torch.dtype = torch.float32
) -> Mixture:
    r"""Equal Gaussians on a square grid of side² centers around the origin, `spacing` apart.

    >>> grid(2).centers
    tensor([[-1., -1.],
            [-1.,  1.],
            [ 1., -1.],
            [ 1.,  1.]])
    """
    require_count("side", side)
    require_positive("spacing", float(spacing))
    ticks = (torch.arange(side, dtype=torch.float64) - (side - 1) / 2) * spacing
    return Mixture(torch.cartesian_prod(ticks, ticks).to(dtype), float(std))


def mixture_1d(
    weights: Sequence[float] | Float[Tensor, " k"],
    means: Sequence[float] | Float[Tensor, " k"],
    stds: Sequence[float] | Float[Tensor, " k"],
    *,
    dtype: torch.dtype = torch.float32,
) -> Mixture:
    r"""$p(x) = \sum_k w_k N(x; \mu_k, \sigma_k^2)$ on the line; its points are (n, 1).

    >>> mixture_1d([0.25, 0.75], [-1.0, 1.0], [0.5, 0.5]).mean
    tensor([0.5000])
    """
    w, mu, sigma = (torch.as_tensor(value, dtype=torch.float64) for value in (weights, means, stds))
    if not w.shape == mu.shape == sigma.shape or w.ndim != 1:
        raise ValueError(
            f"weights, means and stds have shapes {tuple(w.shape)}, {tuple(mu.shape)} and {tuple(sigma.shape)}; "
            "wanted three lists of the same length, one entry a component."
        )
    # The weights stay in float64: as float32 a list such as [0.1] * 10 need not sum to one.
    return Mixture(mu[:, None].to(dtype), sigma.to(dtype), w)


def f_gan_mixture(*, dtype: torch.dtype = torch.float32) -> Mixture:
    r"""The target of f-GAN's experiment on the line: $0.33\, N(-1, 0.0625) + 0.67\, N(2, 2)$, in variances.

    The weight 0.67 is that of the wide component, as the optimum for KL shows: it has the moments of the mixture,
    mean 1.01 and standard deviation 1.830444.

    Reference: Nowozin, Cseke and Tomioka, f-GAN, 2016, §2.5.

    >>> f_gan_mixture(dtype=torch.float64).covariance.sqrt()
    tensor([[1.8304]], dtype=torch.float64)
    """
    return mixture_1d([0.33, 0.67], [-1.0, 2.0], [0.25, math.sqrt(2)], dtype=dtype)


def swiss_roll(noise: float | int = 0.25, scale: float | int = 1 / 7.5) -> Sampler:
    r"""A spiral in the plane, $x = s \left( t (\cos t, \sin t) + \sigma z \right)$ with $t \sim U(1.5\pi, 4.5\pi)$.

    `noise` is $\sigma$, in the units before scaling, and `scale` is s.  This is scikit-learn's `make_swiss_roll` seen
    from its end (columns 0 and 2); the defaults are those of the toy figures of WGAN-GP, and reach out to about 1.9.

    >>> swiss_roll()(1000, torch.Generator().manual_seed(0)).norm(dim=1).max() < 2
    tensor(True)
    """
    require_positive("noise", float(noise), zero=True)
    require_positive("scale", float(scale))
    return partial(_swiss_roll, noise=float(noise), scale=float(scale))


def two_moons(noise: float | int = 0.1) -> Sampler:
    r"""Two half circles, interleaved: $(\cos a, \sin a)$ or $(1 - \cos a, \frac12 - \sin a)$, each with probability ½.

    The angle a is uniform on $[0, \pi]$, and Gaussian noise of standard deviation `noise` is added.  scikit-learn's
    `make_moons` lays n/2 points evenly on each half circle; here every point is drawn by itself.

    >>> two_moons(0.0)(4, torch.Generator().manual_seed(0)).shape
    torch.Size([4, 2])
    """
    require_positive("noise", float(noise), zero=True)
    return partial(_two_moons, noise=float(noise))


def _swiss_roll(n: int, generator: torch.Generator | None = None, *, noise: float, scale: float) -> Tensor:
    u, z = _uniform_and_normal(n, generator)
    t = 1.5 * math.pi * (1 + 2 * u)
    return scale * (t * torch.cat([t.cos(), t.sin()], 1) + noise * z)


def _two_moons(n: int, generator: torch.Generator | None = None, *, noise: float) -> Tensor:
    u, z = _uniform_and_normal(n, generator)
    # One uniform number is both the coin and the angle: below ½ the upper moon, above it the lower one.
    upper, angle = u < 0.5, 2 * math.pi * torch.where(u < 0.5, u, u - 0.5)
    moons = torch.where(
        upper,
        torch.cat([angle.cos(), angle.sin()], 1),
        torch.cat([1 - angle.cos(), 0.5 - angle.sin()], 1),
    )
    return moons + noise * z


def _uniform_and_normal(n: int, generator: torch.Generator | None) -> tuple[Tensor, Tensor]:
    """Uniform numbers (n, 1) and normal numbers (n, 2), on the device of the generator."""
    require_count("n", n, least=0)
    device = "cpu" if generator is None else generator.device
    u = torch.rand(n, 1, generator=generator, device=device)
    return u, torch.randn(n, 2, generator=generator, device=device)
