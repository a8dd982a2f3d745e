r"""What a generator makes of its noise: the exact map on the line, the density of G(z), and how much falls in a gap.

The noise is $z \sim N(0, I)$ throughout, with the density φ and, on the line, the distribution function Φ.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.special import log_ndtr, ndtr, ndtri

from course_gan.gaussians import mixture_log_density
from course_gan.inputs import at_least_single, require, require_sums_to_one, require_tensor

HALVINGS = 80  # of a bracket: more than the bits of a double, for brackets that reach around zero


def mixture_generator(
    z: Float[Tensor, "*shape"], weights: Float[Tensor, " k"], means: Float[Tensor, " k"], stds: Float[Tensor, " k"]
) -> Float[Tensor, "*shape"]:
    r"""$G(z) = F^{-1}(\Phi(z))$, the increasing map from a normal z to the mixture $\sum_k w_k N(\mu_k, \sigma_k^2)$.

    $F(x) = \sum_k w_k \Phi((x - \mu_k)/\sigma_k)$ has no inverse in closed form, so G is found by bisection between the
    least and the greatest $\mu_k + \sigma_k z$.  Beyond the median the two survival functions are compared, as 1 - Φ
    keeps its digits where Φ is almost one.  No gradient flows through it; `mixture_generator_slope` has the slope.

    >>> weights, means, stds = torch.tensor([[0.5, 0.5], [-2.0, 2.0], [1.0, 1.0]])
    >>> mixture_generator(torch.tensor([0.0]), weights, means, stds).abs()
    tensor([0.])
    """
    noise = at_least_single(require_tensor("z", z))
    at = noise.detach().double()
    given = {"weights": weights, "means": means, "stds": stds}
    w, mu, sigma = (require_tensor(name, value).detach().double() for name, value in given.items())
    if not w.shape == mu.shape == sigma.shape or w.ndim != 1:
        raise ValueError(
            f"weights, means and stds have shapes {tuple(w.shape)}, {tuple(mu.shape)} and {tuple(sigma.shape)}; "
            "wanted three tensors (k,), one entry a component."
        )
    require("weights", w, w >= 0, "wanted no negative weight")
    require_sums_to_one("weights", weights)
    require("stds", sigma, sigma > 0, "wanted standard deviations above zero")
    require("means", mu, mu.isfinite(), "wanted finite numbers")
    require("z", at, at.isfinite(), "wanted finite numbers")
    sign = torch.where(at > 0, -1.0, 1.0).double()
    target = log_ndtr(sign * at)  # log Φ(z) below the median, log(1 - Φ(z)) above
    ends = mu + sigma * at[..., None]
    low, high = ends.amin(-1), ends.amax(-1)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        log_tail = (w.log() + log_ndtr(sign[..., None] * (middle[..., None] - mu) / sigma)).logsumexp(-1)
        left_of = sign * (log_tail - target) < 0  # F(middle) < Φ(z)
        low, high = torch.where(left_of, middle, low), torch.where(left_of, high, middle)
    return ((low + high) / 2).to(noise.dtype)


def mixture_generator_slope(
    z: Float[Tensor, "*shape"], weights: Float[Tensor, " k"], means: Float[Tensor, " k"], stds: Float[Tensor, " k"]
) -> Float[Tensor, "*shape"]:
    r"""$G'(z) = \varphi(z) / p(G(z))$ of `mixture_generator`: steep where data are rare and noise is not.

    >>> z = torch.tensor([-1.0, 0.0, 1.0])
    >>> mixture_generator_slope(z, torch.ones(1), torch.zeros(1), torch.full((1,), 3.0))
    tensor([3., 3., 3.])
    """
    x = mixture_generator(z, weights, means, stds)
    slope: Tensor = (normal_log_density(z[..., None]) - mixture_log_density(x, weights, means, stds)).exp()
    return slope


def pushed_log_density(
    generator: Callable[[Tensor], Tensor], z: Float[Tensor, "n d"]
) -> tuple[Float[Tensor, "n d"], Float[Tensor, " n"]]:
    r"""The points $x = G(z)$, (n, d), and the log-density of the generator's samples there, (n,).

    $\log p_G(x) = \log \varphi(z) - \log |\det DG(z)|$, for a generator that is one-to-one from $R^d$ to $R^d$ and
    differentiable; -> +inf where the determinant is zero.  The matrices DG (d, d) are made by automatic
    differentiation, a row of `z` at a time, so that it suits few dimensions only.

    >>> x, log_density = pushed_log_density(lambda z: 2 * z + 1, torch.zeros(1, 1))
    >>> bool(torch.isclose(log_density[0].exp(), torch.tensor(0.5 / math.sqrt(2 * math.pi))))
    True
    """
    z = at_least_single(require_tensor("z", z))
    if z.ndim != 2:
        raise ValueError(f"z has shape {tuple(z.shape)}; wanted (n, d). Numbers on the line become rows by z[:, None].")

    def one(row: Tensor) -> Tensor:
        made = generator(row[None])[0]
        if made.shape != row.shape:
            raise ValueError(
                f"the generator makes {tuple(made.shape)} of {tuple(row.shape)}; wanted as many numbers as z has, "
                "for a density by change of variables."
            )
        return made

    slopes = torch.func.vmap(torch.func.jacrev(one))(z)
    with torch.no_grad():
        x = generator(z)
    return x, normal_log_density(z) - torch.linalg.slogdet(slopes.detach()).logabsdet


def normal_log_density(z: Float[Tensor, "*n d"]) -> Float[Tensor, "*n"]:
    r"""$\log \varphi(z) = -\frac12 \lVert z \rVert^2 - \frac d2 \log 2\pi$ of $z \sim N(0, I)$."""
    density: Tensor = -z.square().sum(-1) / 2 - z.shape[-1] * math.log(2 * math.pi) / 2
    return density


def least_gap_mass(mass: Float[Tensor, "*shape"] | float, distance: float, steepness: float) -> Float[Tensor, "*shape"]:
    r"""$\Phi(\Phi^{-1}(a) + \delta/L) - a$: at least so much of the samples of a generator lies between two sets.

    `mass` a is what the generator puts on the first set, `distance` δ how far the second one is away, `steepness` L a
    bound on $\lVert G(z) - G(z') \rVert / \lVert z - z' \rVert$.  Nothing is negative: 0 for an L without end.
    Reference: Borell, The Brunn-Minkowski inequality in Gauss space, 1975 (for noise of any dimension).

    >>> least_gap_mass(0.5, distance=1.0, steepness=1.0)
    tensor(0.3413)
    """
    given = torch.as_tensor(mass)
    a = at_least_single(given) if given.is_floating_point() else given.to(torch.get_default_dtype())
    require("mass", a, (a > 0) & (a < 1), "wanted probabilities between 0 and 1")
    if not (distance >= 0 and steepness > 0):
        raise ValueError(f"distance is {distance:g} and steepness {steepness:g}; wanted distance >= 0, steepness > 0.")
    gap: Tensor = ndtr(ndtri(a) + (0 if steepness == math.inf else distance / steepness)) - a
    return gap.to(given.dtype)
