"""Gaussians in any dimension: the divergences between two of them that have a closed form, by Cholesky factors."""

import math

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import gaussian_moments, require
from course_gan.numerics import safe_sqrt


def kl_multivariate_gaussian(
    mean_p: Float[Tensor, "*#batch d"],
    cov_p: Float[Tensor, "*#batch d d"],
    mean_q: Float[Tensor, "*#batch d"],
    cov_q: Float[Tensor, "*#batch d d"],
) -> Float[Tensor, "*_batch"]:
    r"""KL of $p = N(\mu_p, \Sigma_p)$ from $q = N(\mu_q, \Sigma_q)$ in $d$ dimensions.

    $$\mathrm{KL}(p \| q) = \frac12 \left( \mathrm{tr}(\Sigma_q^{-1} \Sigma_p)
      + (\mu_q - \mu_p)^\top \Sigma_q^{-1} (\mu_q - \mu_p) - d + \log \frac{\det \Sigma_q}{\det \Sigma_p} \right)$$

    Means (*batch, d), covariances (*batch, d, d), symmetric and positive definite.  No inverse and no determinant is
    formed: with Cholesky factors $\Sigma = L L^\top$ the trace is $\|L_q^{-1} L_p\|_F^2$.

    Reference: Duchi, Derivations for linear algebra and optimization, 2007.

    >>> zero, unit = torch.zeros(2), torch.eye(2)
    >>> kl_multivariate_gaussian(zero, unit, torch.tensor([1.0, 0.0]), unit)
    tensor(0.5000)
    """
    dtype, (mean_p, cov_p, mean_q, cov_q) = gaussian_moments(mean_p=mean_p, cov_p=cov_p, mean_q=mean_q, cov_q=cov_q)
    root_p, root_q = _cholesky("cov_p", cov_p), _cholesky("cov_q", cov_q)
    trace: Tensor = torch.linalg.solve_triangular(root_q, root_p, upper=False).square().sum((-2, -1))
    shift = _squared_length(root_q, mean_q - mean_p)
    return ((trace + shift - mean_p.shape[-1] + _log_det(root_q) - _log_det(root_p)) / 2).to(dtype)


def squared_hellinger_multivariate_gaussian(
    mean_p: Float[Tensor, "*#batch d"],
    cov_p: Float[Tensor, "*#batch d d"],
    mean_q: Float[Tensor, "*#batch d"],
    cov_q: Float[Tensor, "*#batch d d"],
) -> Float[Tensor, "*_batch"]:
    r"""Squared Hellinger distance between $N(\mu_p, \Sigma_p)$ and $N(\mu_q, \Sigma_q)$ in $d$ dimensions.

    $$H^2 = 1 - \frac{\det(\Sigma_p)^{1/4} \det(\Sigma_q)^{1/4}}{\det(\Sigma)^{1/2}}
      \exp\left(-\frac18 (\mu_p - \mu_q)^\top \Sigma^{-1} (\mu_p - \mu_q)\right), \quad
      \Sigma = \frac{\Sigma_p + \Sigma_q}{2}$$

    Shapes as for `kl_multivariate_gaussian`.
    Reference: Pardo, Statistical Inference Based on Divergence Measures, 2006, p. 51.

    >>> zero, unit = torch.zeros(2), torch.eye(2)
    >>> squared_hellinger_multivariate_gaussian(zero, unit, torch.tensor([1.0, 0.0]), unit)
    tensor(0.1175)
    """
    dtype, (mean_p, cov_p, mean_q, cov_q) = gaussian_moments(mean_p=mean_p, cov_p=cov_p, mean_q=mean_q, cov_q=cov_q)
    root_p, root_q = _cholesky("cov_p", cov_p), _cholesky("cov_q", cov_q)
    root: Tensor = torch.linalg.cholesky((cov_p + cov_q) / 2)
    shift = _squared_length(root, mean_q - mean_p)
    return -torch.expm1((_log_det(root_p) + _log_det(root_q)) / 4 - _log_det(root) / 2 - shift / 8).to(dtype)


def pearson_multivariate_gaussian(
    mean_p: Float[Tensor, "*#batch d"],
    cov_p: Float[Tensor, "*#batch d d"],
    mean_q: Float[Tensor, "*#batch d"],
    cov_q: Float[Tensor, "*#batch d d"],
) -> Float[Tensor, "*_batch"]:
    r"""Pearson's chi-squared of $p = N(\mu_p, \Sigma_p)$ from $q = N(\mu_q, \Sigma_q)$ in $d$ dimensions.

    $$\chi^2(p \| q) = \frac{\det \Sigma_q}{\det(\Sigma_p)^{1/2} \det(\Sigma)^{1/2}}
      \exp\left((\mu_p - \mu_q)^\top \Sigma^{-1} (\mu_p - \mu_q)\right) - 1, \quad
      \Sigma = 2 \Sigma_q - \Sigma_p$$

    if $\Sigma$ is positive definite, and infinity otherwise: where p is twice as wide as q in some direction, or
    wider, p²/q does not fall.  Shapes as for `kl_multivariate_gaussian`.

    >>> zero, unit = torch.zeros(2), torch.eye(2)
    >>> pearson_multivariate_gaussian(zero, unit, torch.tensor([1.0, 0.0]), unit)
    tensor(1.7183)
    >>> pearson_multivariate_gaussian(zero, 2 * unit, zero, unit)
    tensor(inf)
    """
    dtype, (mean_p, cov_p, mean_q, cov_q) = gaussian_moments(mean_p=mean_p, cov_p=cov_p, mean_q=mean_q, cov_q=cov_q)
    root_p, root_q = _cholesky("cov_p", cov_p), _cholesky("cov_q", cov_q)
    _, failed = torch.linalg.cholesky_ex(2 * cov_q - cov_p)
    finite = failed == 0
    # An identity in place of what has no root, before and after: a NaN in the branch not taken spoils the gradient.
    identity = torch.eye(cov_q.shape[-1], dtype=cov_q.dtype, device=cov_q.device)
    root: Tensor = torch.linalg.cholesky(torch.where(finite[..., None, None], 2 * cov_q - cov_p, identity))
    shift = torch.where(finite, _squared_length(root, mean_p - mean_q), 0)
    log_plus_one = _log_det(root_q) - (_log_det(root_p) + _log_det(root)) / 2 + shift
    return torch.where(finite, torch.expm1(torch.where(finite, log_plus_one, 0)), torch.inf).to(dtype)


def total_variation_multivariate_gaussian(
    mean_p: Float[Tensor, "*#batch d"], mean_q: Float[Tensor, "*#batch d"], cov: Float[Tensor, "*#batch d d"]
) -> Float[Tensor, "*_batch"]:
    r"""Total variation between $N(\mu_p, \Sigma)$ and $N(\mu_q, \Sigma)$, which share their covariance.

    $$\mathrm{TV} = 2 \Phi(\Delta / 2) - 1, \quad \Delta^2 = (\mu_p - \mu_q)^\top \Sigma^{-1} (\mu_p - \mu_q)$$

    Along the line between the means, whitened, it is the case of one dimension.  For two different covariances there
    is a closed form in one dimension only, `total_variation_gaussian`.  Shapes as for `kl_multivariate_gaussian`.

    >>> total_variation_multivariate_gaussian(torch.zeros(2), torch.tensor([1.0, 0.0]), torch.eye(2))
    tensor(0.3829)
    """
    dtype, (mean_p, mean_q, cov) = gaussian_moments(mean_p=mean_p, mean_q=mean_q, cov=cov)
    distance = safe_sqrt(_squared_length(_cholesky("cov", cov), mean_p - mean_q))
    return torch.erf(distance / math.sqrt(8)).to(dtype)


def _cholesky(name: str, cov: Tensor) -> Tensor:
    """Lower Cholesky factor of a covariance, or a ValueError that says why there is none."""
    asymmetry = cov - cov.mT
    allowed = 100 * torch.finfo(cov.dtype).eps * cov.abs().amax((-2, -1), keepdim=True)
    wanted = f"wanted a symmetric covariance. Average it: ({name} + {name}.mT) / 2"
    require(f"{name} - {name}.mT", asymmetry, asymmetry.abs() <= allowed, wanted)
    root: Tensor
    root, failed = torch.linalg.cholesky_ex(cov)
    wanted = "wanted 0, a positive definite covariance. Variances belong on its diagonal; a singular one needs + 1e-6 I"
    require(f"the order of the first leading minor of {name} that is not positive", failed, failed == 0, wanted)
    return root


def _squared_length(root: Tensor, vector: Tensor) -> Tensor:
    r"""$v^\top \Sigma^{-1} v$ for $\Sigma = L L^\top$ with `root` L."""
    whitened: Tensor = torch.linalg.solve_triangular(root, vector[..., None], upper=False)
    return whitened.square().sum((-2, -1))


def _log_det(root: Tensor) -> Tensor:
    r"""$\log \det \Sigma$ for $\Sigma = L L^\top$ with `root` L."""
    return 2 * root.diagonal(dim1=-2, dim2=-1).log().sum(-1)
