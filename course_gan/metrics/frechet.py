r"""Fréchet distance between two Gaussians, as they are or fitted to features; FID where these are Inception's.

$$d^2 = \|\mu_1 - \mu_2\|^2 + \mathrm{tr}\bigl(\Sigma_1 + \Sigma_2 - 2 (\Sigma_1 \Sigma_2)^{1/2}\bigr)$$

The trace of the root is the sum of the singular values of $A^\top B$, for any $A A^\top = \Sigma_1$ and
$B B^\top = \Sigma_2$: $A^\top \Sigma_2 A$ has the eigenvalues of $\Sigma_1 \Sigma_2$.  Singular values are real and not
negative, whatever the rank; a general matrix root is neither safe nor fast (it is complex where rounding made an
eigenvalue negative).  With more features than samples the centered samples themselves are such an A.

References: Dowson and Landau, The Fréchet distance between multivariate normal distributions, 1982;
Heusel et al., GANs trained by a two time-scale update rule, 2017, §3 (the FID).
"""

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require, require_count, require_tensor
from course_gan.metrics.checks import as_double, like, two_samples
from course_gan.metrics.statistics import FeatureStatistics
from course_gan.numerics import unit_of


def frechet_distance(
    mu1: Float[Tensor, " d"], cov1: Float[Tensor, "d d"], mu2: Float[Tensor, " d"], cov2: Float[Tensor, "d d"]
) -> Float[Tensor, ""]:
    r"""Squared Fréchet (2-Wasserstein) distance between $N(\mu_1, \Sigma_1)$ and $N(\mu_2, \Sigma_2)$.

    Means (d,), covariances (d, d), symmetric, positive semidefinite: they may be singular.  It is the *square* of a
    distance, as everybody reports it.  Computed in float64, returned in the inputs' dtype.

    >>> mean, cov = torch.zeros(2), torch.tensor([[2.0, 0.5], [0.5, 1.0]])
    >>> frechet_distance(mean, cov, torch.tensor([1.0, -1.0]), torch.tensor([[1.0, -0.3], [-0.3, 2.0]]))
    tensor(2.5754)
    """
    given = _moments(mu1=mu1, cov1=cov1, mu2=mu2, cov2=cov2)
    mean1, sigma1, mean2, sigma2 = (as_double(value) for value in given)
    root1 = _root("cov1", sigma1, torch.finfo(given[1].dtype).eps)
    root2 = _root("cov2", sigma2, torch.finfo(given[3].dtype).eps)
    return like(from_roots(mean1, root1, mean2, root2), *given)


def fid(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, ""]:
    r"""Squared Fréchet distance between Gaussians fitted to two sets of features, (n, d) and (m, d).

    This is the FID of papers only if the features are the 2048 of Inception (`metrics.inception`); of other features
    it is a Fréchet distance, and to be called so.  The estimate is too large, by an amount that depends on n and on
    the distributions (see `frechet_bias`): compare only values at equal n and m, or use `fid_infinity`.

    At least two rows each; fewer rows than features are allowed (and the bias is then large).  Computed in float64
    with covariances over n - 1, returned in the inputs' dtype: float16 ends at 65504.

    >>> x = torch.randn(1000, 4, generator=torch.Generator().manual_seed(0))
    >>> fid(x, x + 2)
    tensor(16.)
    """
    x, y = two_samples(least=2, x=x, y=y)
    unit = unit_of(x, y)  # beyond 1e154 the covariances themselves would overflow
    rows = (x, y) if unit == 1 else (as_double(x) / unit, as_double(y) / unit)
    return like(from_roots(*fitted(rows[0]), *fitted(rows[1])) * unit * unit, x, y)


def frechet_bias(d: int, n: int) -> float:
    r"""What `fid` reads for n samples of $N(0, I_d)$ against the true moments: $\frac dn + \frac{d(d+1)}{4n}$.

    The first term is the error of the mean, the second that of the covariance, to first order in 1/n (it wants n well
    above d).  Against another n samples, twice that.

    >>> frechet_bias(64, 1000)
    1.104
    """
    require_count("d", d)
    require_count("n", n)
    return d / n + d * (d + 1) / (4 * n)


def from_roots(mean1: Tensor, root1: Tensor, mean2: Tensor, root2: Tensor) -> Tensor:
    """The squared distance between Gaussians with covariances root @ root.T."""
    overlap = torch.linalg.svdvals(root1.T @ root2).sum()
    spread = root1.square().sum() + root2.square().sum() - 2 * overlap
    squared: Tensor = (mean1 - mean2).square().sum() + spread.clamp(min=0)  # rounding alone makes the spread negative
    return squared


def fitted(x: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of rows (n, d), and a root of their covariance, as narrow as the rows allow."""
    if len(x) <= x.shape[1]:
        rows = as_double(x)
        return rows.mean(0), ((rows - rows.mean(0)) / (len(x) - 1) ** 0.5).T
    statistics = FeatureStatistics().update(x)
    return statistics.mean, _root("the covariance", statistics.cov)


def _root(name: str, cov: Tensor, eps: float = 0) -> Tensor:
    r"""A matrix A with $A A^\top$ = `cov`, rounded to `eps`: a Cholesky factor, or by eigenvalues if it is singular."""
    root: Tensor
    root, failed = torch.linalg.cholesky_ex(cov)
    rounding = cov.diagonal().max() * len(cov) * torch.finfo(cov.dtype).eps
    if not failed and root.diagonal().square().min() > 100 * rounding:  # the host waits for the device here
        return root
    values, vectors = torch.linalg.eigh(cov)
    # Rounding moves eigenvalues by up to d · eps of the largest entry, and most covariances were once in float32.
    allowed = -max(len(cov) * eps, 1e-5) * cov.abs().max()
    require(
        f"the least eigenvalue of {name}",
        values.min(),
        values.min() >= allowed,
        "wanted a covariance, whose eigenvalues are not negative. Variances belong on its diagonal",
    )
    # Eigenvalues that are rounding would each add the root of rounding, 1e-8, to the trace.
    root = vectors * values.where(values > rounding, 0).sqrt()
    return root


def _moments(**given: object) -> list[Tensor]:
    """Checked means (d,) and symmetric covariances (d, d)."""
    tensors = {name: require_tensor(name, value) for name, value in given.items()}
    d = tensors["mu1"].shape[-1:]
    for name, tensor in tensors.items():
        wanted = d if name.startswith("mu") else 2 * d
        if len(d) == 0 or tensor.shape != wanted:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)} beside mu1 of shape {tuple(tensors['mu1'].shape)}; wanted "
                "means (d,) and covariances (d, d), of one Gaussian each. numpy.cov needs rowvar=False."
            )
        if tensor.device != tensors["mu1"].device:
            raise ValueError(f"{name} is on {tensor.device} and mu1 on {tensors['mu1'].device}; wanted one device.")
        require(name, tensor, tensor.isfinite(), "wanted finite numbers")
        if name.startswith("cov"):
            asymmetry = as_double(tensor - tensor.T).abs()
            allowed = 100 * torch.finfo(tensor.dtype).eps * as_double(tensor).abs().max()
            advice = f"wanted a symmetric covariance. Average it: ({name} + {name}.T) / 2"
            require(f"|{name} - {name}.T|", asymmetry, asymmetry <= allowed, advice)
    return list(tensors.values())
