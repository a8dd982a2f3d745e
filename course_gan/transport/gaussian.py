r"""Wasserstein distances between Gaussians, where they have a closed form."""

import math
from functools import reduce
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import at_least_single, gaussian_moments, require, require_broadcast, require_tensor
from course_gan.numerics import safe_sqrt

Number: TypeAlias = Float[Tensor, "..."] | float | int


def wasserstein_gaussian(
    mu_p: Number, sigma_p: Number, mu_q: Number, sigma_q: Number, p: int | float = 2
) -> Float[Tensor, "..."]:
    r"""$W_1$ or $W_2$ between $N(\mu_p, \sigma_p^2)$ and $N(\mu_q, \sigma_q^2)$, elementwise: not the square.

    The plan sorts, so it carries $\mu_p + \sigma_p Z$ to $\mu_q + \sigma_q Z$, and with $m = \mu_p - \mu_q$,
    $s = |\sigma_p - \sigma_q|$

    $$W_2 = \sqrt{m^2 + s^2}, \qquad
      W_1 = E|m + s Z| = s \sqrt{\tfrac{2}{\pi}} \, e^{-m^2 / 2 s^2} + m \, \mathrm{erf}\frac{m}{s \sqrt 2}.$$

    The arguments are tensors that broadcast or numbers (numbers alone give float64); standard deviations, and 0 is a
    point.  `p` is 1 or 2.

    Reference: Peyré and Cuturi, Computational Optimal Transport, 2019, remarks 2.30 and 2.31; $W_1$ is the mean of a
    folded normal (Leone, Nelson and Nottingham, 1961).

    >>> wasserstein_gaussian(0.0, 1.0, 1.0, torch.tensor([1.0, 2.0]), p=1)
    tensor([1.0000, 1.1666])
    """
    if p not in (1, 2):
        raise ValueError(f"p is {p!r}; wanted 1 or 2. For another p take wasserstein_1d of quantiles or samples.")
    dtype, (mu_p, sigma_p, mu_q, sigma_q) = _numbers(mu_p=mu_p, sigma_p=sigma_p, mu_q=mu_q, sigma_q=sigma_q)
    m, s = (mu_p - mu_q).abs(), (sigma_p - sigma_q).abs()
    if p == 2:
        # In units of the larger, whose square could overflow.
        unit = torch.maximum(m, s).detach()
        unit = torch.where(unit > 0, unit, 1)
        return (unit * safe_sqrt((m / unit).square() + (s / unit).square())).to(dtype)
    # `where` before and after: for s = 0 the gradient of the branch that is not taken would be NaN.
    spread = s > 0
    ratio = m / torch.where(spread, s, 1)
    folded = s * math.sqrt(2 / math.pi) * torch.exp(-ratio.square() / 2) + m * torch.erf(ratio / math.sqrt(2))
    return torch.where(spread, folded, m).to(dtype)


def wasserstein_multivariate_gaussian(
    mean_p: Float[Tensor, "*#batch d"],
    cov_p: Float[Tensor, "*#batch d d"],
    mean_q: Float[Tensor, "*#batch d"],
    cov_q: Float[Tensor, "*#batch d d"],
) -> Float[Tensor, "*_batch"]:
    r"""$W_2$ between $N(\mu_p, \Sigma_p)$ and $N(\mu_q, \Sigma_q)$ in $d$ dimensions; its square is what FID computes.

    $$W_2^2 = |\mu_p - \mu_q|^2
      + \mathrm{tr}\left(\Sigma_p + \Sigma_q - 2 (\Sigma_p^{1/2} \Sigma_q \Sigma_p^{1/2})^{1/2}\right)$$

    Means (*batch, d), covariances (*batch, d, d), symmetric, eigenvalues at least 0 (singular ones are welcome).
    The trace is $\min_U \|\Sigma_p^{1/2} - \Sigma_q^{1/2} U\|_F^2$ over rotations U.  It is computed so, with roots by
    eigenvalues and U by singular values, because the difference of traces is left with rounding when the two are close.
    Differentiable once: U is held, by the envelope theorem, so that equal eigenvalues do no harm; where the two
    Gaussians are equal, the gradient of the means is 0.

    Reference: Dowson and Landau, The Fréchet distance between multivariate normal distributions, 1982; Bhatia, Jain
    and Lim, On the Bures-Wasserstein distance between positive definite matrices, 2019 (the minimum over rotations).

    >>> zero = torch.zeros(2)
    >>> wide = torch.diag(torch.tensor([25.0, 1.0]))
    >>> wasserstein_multivariate_gaussian(zero, torch.eye(2), torch.tensor([3.0, 0.0]), wide)
    tensor(5.)
    """
    dtype, (mean_p, cov_p, mean_q, cov_q) = gaussian_moments(mean_p=mean_p, cov_p=cov_p, mean_q=mean_q, cov_q=cov_q)
    root_p, root_q = _root("cov_p", cov_p), _root("cov_q", cov_q)
    left, _, right = torch.linalg.svd((root_q.mT @ root_p).detach())
    apart = torch.linalg.matrix_norm(root_p - root_q @ (left @ right))
    between = torch.linalg.vector_norm(mean_p - mean_q, dim=-1)
    # `where` before and after: hypot has no gradient where both are 0.
    moved = (between > 0) | (apart > 0)
    distance = torch.hypot(torch.where(moved, between, 1), torch.where(moved, apart, 1))
    return torch.where(moved, distance, 0).to(dtype)


def _root(name: str, cov: Tensor) -> Tensor:
    """A matrix R with R R^T = cov, a covariance, whose eigenvalues may be 0 but not negative beyond rounding.

    The symmetric one; but Cholesky's where a gradient is to flow, as eigenvectors of equal eigenvalues have none.
    """
    size = cov.abs().amax((-2, -1), keepdim=True)
    rounding = 100 * cov.shape[-1] * torch.finfo(cov.dtype).eps
    asymmetry = cov - cov.mT
    wanted = f"wanted a symmetric covariance. Average it: ({name} + {name}.mT) / 2"
    require(f"{name} - {name}.mT", asymmetry, asymmetry.abs() <= rounding * size, wanted)
    definite = torch.linalg.cholesky_ex(cov.detach())[1] == 0
    values, vectors = torch.linalg.eigh(cov.detach() if definite.all() else cov)
    wanted = "wanted none below 0, as variances are not. Are these covariances, and not correlations or precisions?"
    require(f"eigenvalue of {name}, ", values, values >= -rounding * size[..., 0], wanted)
    root: Tensor = (vectors * values.clamp(min=0).sqrt()[..., None, :]) @ vectors.mT
    if not cov.requires_grad:
        return root
    chosen = definite[..., None, None]
    factor = torch.linalg.cholesky(torch.where(chosen, cov, torch.eye(cov.shape[-1]).to(cov)))
    return torch.where(chosen, factor, root)


def _numbers(**given: object) -> tuple[torch.dtype, list[Tensor]]:
    """The dtype of the result, and the checked numbers to compute with; those named sigma are not negative."""
    tensors = {name: require_tensor(name, v) for name, v in given.items() if not isinstance(v, int | float)}
    example = next(iter(tensors.values()), torch.zeros((), dtype=torch.float64))
    dtype = reduce(torch.promote_types, (v.dtype for v in tensors.values()), example.dtype)
    checked = []
    for name, value in given.items():
        tensor = tensors[name] if name in tensors else torch.tensor(value, dtype=dtype, device=example.device)
        least = 0 if name.startswith("sigma") else -torch.inf
        wanted = "wanted finite numbers, and standard deviations of at least 0"
        require(name, tensor, tensor.isfinite() & (tensor >= least), wanted)
        checked.append(at_least_single(tensor.to(dtype)))
    require_broadcast(dict(zip(given, checked)))
    return dtype, checked
