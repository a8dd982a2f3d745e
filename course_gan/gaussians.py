r"""Gaussians in one dimension: log-densities, and the divergences between two of them that have a closed form.

The Jensen-Shannon divergence between two Gaussians has none, because their mixture is no Gaussian: use
`course_gan.divergences.on_grid` or `from_samples`.

The arguments are tensors that broadcast, or Python numbers (numbers alone give float64).
The scale is a standard deviation, never a variance.
"""

import math
from functools import reduce
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import at_least_single, require, require_same_axis, require_sums_to_one, require_tensor
from course_gan.numerics import log_ratio

Number: TypeAlias = Float[Tensor, "..."] | float | int


def kl_gaussian(mu_p: Number, sigma_p: Number, mu_q: Number, sigma_q: Number) -> Float[Tensor, "..."]:
    r"""KL of $p = N(\mu_p, \sigma_p^2)$ from $q = N(\mu_q, \sigma_q^2)$, elementwise.

    $$\mathrm{KL}(p \| q) = \log \frac{\sigma_q}{\sigma_p}
      + \frac{\sigma_p^2 + (\mu_p - \mu_q)^2}{2 \sigma_q^2} - \frac12$$

    Reference: Bishop, Pattern Recognition and Machine Learning, 2006, exercise 1.30.

    >>> kl_gaussian(0.0, 1.0, 1.0, torch.tensor([1.0, 2.0]))
    tensor([0.5000, 0.4431])
    """
    dtype, (mu_p, sigma_p, mu_q, sigma_q) = _scalars(mu_p=mu_p, sigma_p=sigma_p, mu_q=mu_q, sigma_q=sigma_q)
    # Divided before squaring, which overflows later.
    scale, shift = sigma_p / sigma_q, (mu_p - mu_q) / sigma_q
    return (-scale.log() + (scale.square() + shift.square()) / 2 - 0.5).to(dtype)


def squared_hellinger_gaussian(mu_p: Number, sigma_p: Number, mu_q: Number, sigma_q: Number) -> Float[Tensor, "..."]:
    r"""Squared Hellinger distance between $N(\mu_p, \sigma_p^2)$ and $N(\mu_q, \sigma_q^2)$, elementwise.

    $$H^2 = 1 - \sqrt{\frac{2 \sigma_p \sigma_q}{\sigma_p^2 + \sigma_q^2}}
      \exp\left(-\frac{(\mu_p - \mu_q)^2}{4 (\sigma_p^2 + \sigma_q^2)}\right)$$

    Reference: Pardo, Statistical Inference Based on Divergence Measures, 2006, p. 51.

    >>> squared_hellinger_gaussian(0.0, 1.0, 1.0, torch.tensor([1.0, 2.0]))
    tensor([0.1175, 0.1492])
    """
    dtype, (mu_p, sigma_p, mu_q, sigma_q) = _scalars(mu_p=mu_p, sigma_p=sigma_p, mu_q=mu_q, sigma_q=sigma_q)
    variances = sigma_p.square() + sigma_q.square()
    # 2 σ_p σ_q - (σ_p² + σ_q²) = -(σ_p - σ_q)², which keeps its digits where the two are nearly equal.
    log_scale = log_ratio(2 * sigma_p * sigma_q, variances, -(sigma_p - sigma_q).square())
    return -torch.expm1(log_scale / 2 - (mu_p - mu_q).square() / (4 * variances)).to(dtype)


def pearson_gaussian(mu_p: Number, sigma_p: Number, mu_q: Number, sigma_q: Number) -> Float[Tensor, "..."]:
    r"""Pearson's chi-squared divergence of $N(\mu_p, \sigma_p^2)$ from $N(\mu_q, \sigma_q^2)$, elementwise.

    $$\chi^2(p \| q) = \int \frac{p^2}{q} - 1
      = \frac{\sigma_q^2}{\sigma_p \sqrt{2 \sigma_q^2 - \sigma_p^2}}
        \exp\left(\frac{(\mu_p - \mu_q)^2}{2 \sigma_q^2 - \sigma_p^2}\right) - 1,$$

    by completing the square in $p^2/q$, whose exponent has the curvature $2/\sigma_p^2 - 1/\sigma_q^2$; where that is
    not positive, $2 \sigma_q^2 \le \sigma_p^2$, the integral is infinite.

    Reference: Nielsen and Nock, On the chi square and higher-order chi distances, 2014.

    >>> pearson_gaussian(torch.tensor([1.0, 0.0]), torch.tensor([1.0, 1.5]), 0.0, 1.0)
    tensor([1.7183,    inf])
    """
    dtype, (mu_p, sigma_p, mu_q, sigma_q) = _scalars(mu_p=mu_p, sigma_p=sigma_p, mu_q=mu_q, sigma_q=sigma_q)
    ratio = (sigma_p / sigma_q).square()
    finite = ratio < 2
    ratio = torch.where(finite, ratio, 1)
    # In units of σ_q; ratio (2 - ratio) - 1 = -(1 - ratio)² keeps its digits where the widths are nearly equal.
    log_factor = -log_ratio(ratio * (2 - ratio), torch.ones_like(ratio), -(1 - ratio).square()) / 2
    value = torch.expm1(log_factor + ((mu_p - mu_q) / sigma_q).square() / (2 - ratio))
    return torch.where(finite, value, torch.inf).to(dtype)


def total_variation_gaussian(mu_p: Number, sigma_p: Number, mu_q: Number, sigma_q: Number) -> Float[Tensor, "..."]:
    r"""Total variation distance between $N(\mu_p, \sigma_p^2)$ and $N(\mu_q, \sigma_q^2)$, elementwise.

    The narrower density is the larger one between the two points $a < b$ where they cross, so
    $$\mathrm{TV} = \left| P([a, b]) - Q([a, b]) \right|, \quad P([a, b])
      = \Phi\left(\frac{b - \mu_p}{\sigma_p}\right) - \Phi\left(\frac{a - \mu_p}{\sigma_p}\right);$$
    for equal widths one of them is infinite, and TV is $2 \Phi(|\mu_p - \mu_q| / 2\sigma) - 1$.
    The gradient holds a and b fixed, which is exact: moving a point where the densities are equal changes nothing.

    Reference: Tsybakov, Introduction to Nonparametric Estimation, 2009, §2.4 (TV as the gap on the set p > q).

    >>> total_variation_gaussian(0.0, 1.0, 1.0, torch.tensor([1.0, 2.0]))
    tensor([0.3829, 0.3901])
    """
    dtype, (mu_p, sigma_p, mu_q, sigma_q) = _scalars(mu_p=mu_p, sigma_p=sigma_p, mu_q=mu_q, sigma_q=sigma_q)
    a, b = _crossings(mu_p.detach(), sigma_p.detach(), mu_q.detach(), sigma_q.detach())

    def probability(mu: Tensor, sigma: Tensor) -> Tensor:
        below_b: Tensor = torch.special.ndtr((b - mu) / sigma)
        below_a: Tensor = torch.special.ndtr((a - mu) / sigma)
        return below_b - below_a

    return (probability(mu_p, sigma_p) - probability(mu_q, sigma_q)).abs().to(dtype)


def _crossings(mu_p: Tensor, sigma_p: Tensor, mu_q: Tensor, sigma_q: Tensor) -> tuple[Tensor, Tensor]:
    r"""The ends of the interval on which the narrower of two Gaussians has the larger density.

    Shifted, scaled and mirrored, the narrower one is N(0, 1) and the wider one N(m, s²) with m >= 0.  They cross where
    $(s^2 - 1) x^2 + 2 m x - (m^2 + 2 s^2 \log s) = 0$.
    """
    p_is_wider = sigma_p > sigma_q
    center, width = torch.where(p_is_wider, mu_q, mu_p), torch.where(p_is_wider, sigma_q, sigma_p)
    other, other_width = torch.where(p_is_wider, mu_p, mu_q), torch.where(p_is_wider, sigma_p, sigma_q)
    m, excess = (other - center).abs() / width, (other_width - width) / width
    s, log_s, quadratic = 1 + excess, excess.log1p(), excess * (2 + excess)  # quadratic = s² - 1
    # The root without cancellation first, and the other one from their product: both survive s -> 1.
    root = m + s * (m.square() + 2 * quadratic * log_s).sqrt()
    near = (m.square() + 2 * s.square() * log_s) / torch.where(root > 0, root, 1)
    # For s = 1 the far crossing is at -inf (0 / 0 if the Gaussians are equal).  Beyond a thousand standard deviations
    # of the narrower one neither has any probability left, and a finite end keeps the gradient finite.
    far = (-root / quadratic).nan_to_num(nan=0.0).clamp(min=-1e3)
    direction = torch.where(other < center, -width, width)
    ends = center + direction * near, center + direction * far
    return torch.minimum(*ends), torch.maximum(*ends)


def gaussian_log_density(x: Number, mean: Number, std: Number) -> Float[Tensor, "..."]:
    r"""$\log N(x; \mu, \sigma^2) = -\frac{(x - \mu)^2}{2 \sigma^2} - \log \sigma - \frac12 \log 2\pi$, elementwise.

    >>> gaussian_log_density(torch.tensor([0.0, 40.0]), 0.0, 1.0)
    tensor([  -0.9189, -800.9189])
    """
    dtype, (x, mean, std) = _scalars(x=x, mean=mean, std=std)
    return (-((x - mean) / std).square() / 2 - std.log() - math.log(2 * math.pi) / 2).to(dtype)


def gaussian_density(x: Number, mean: Number, std: Number) -> Float[Tensor, "..."]:
    r"""$N(x; \mu, \sigma^2) = \frac{1}{\sqrt{2\pi} \sigma} \exp(-\frac{(x - \mu)^2}{2 \sigma^2})$, elementwise.

    Far out it underflows to 0 (float32: beyond 14 standard deviations), where the log-density does not.

    >>> gaussian_density(torch.tensor([0.0, 40.0]), 0.0, 1.0)
    tensor([0.3989, 0.0000])
    """
    return gaussian_log_density(x, mean, std).exp()


def mixture_log_density(
    x: Float[Tensor, "*batch"],
    weights: Float[Tensor, " components"],
    means: Float[Tensor, " components"],
    stds: Float[Tensor, " components"],
) -> Float[Tensor, "*batch"]:
    r"""$\log \sum_k w_k N(x; \mu_k, \sigma_k^2)$ at every entry of `x`, by log-sum-exp.

    Weights, means and standard deviations are (components,); the weights sum to one.

    >>> half = torch.tensor([0.5, 0.5])
    >>> mixture_log_density(torch.tensor([0.0, 100.0]), half, torch.tensor([-1.0, 1.0]), torch.tensor([1.0, 1.0]))
    tensor([-1.4189e+00, -4.9021e+03])
    """
    weights = require_tensor("weights", weights)
    require("weights", weights, weights >= 0, "wanted no negative weight")
    require_sums_to_one("weights", weights)
    for name, value in (("means", means), ("stds", stds)):
        require_same_axis(name, require_tensor(name, value), "weights", weights)
    x = require_tensor("x", x)
    components = gaussian_log_density(x[..., None], means, stds)
    return torch.logsumexp(at_least_single(weights).log() + components, dim=-1).to(components.dtype)


def _scalars(**given: object) -> tuple[torch.dtype, list[Tensor]]:
    """The dtype of the result, and the checked arguments to compute with; those named sigma or std are positive."""
    tensors = {name: require_tensor(name, v) for name, v in given.items() if not isinstance(v, int | float)}
    example = next(iter(tensors.values()), torch.zeros((), dtype=torch.float64))
    dtype, device = reduce(torch.promote_types, (v.dtype for v in tensors.values()), example.dtype), example.device
    checked = []
    for name, value in given.items():
        tensor = tensors[name] if name in tensors else torch.tensor(value, dtype=dtype, device=device)
        if name.startswith(("sigma", "std")):
            wanted = "wanted positive finite standard deviations. The square root of a variance, exp of a log_std"
            require(name, tensor, tensor.isfinite() & (tensor > 0), wanted)
        else:
            require(name, tensor, tensor.isfinite(), "wanted finite numbers")
        checked.append(at_least_single(tensor.to(dtype)))
    return dtype, checked
