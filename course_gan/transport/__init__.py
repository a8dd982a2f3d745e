r"""Optimal transport: Wasserstein distances on the line, exact plans and their duals, Sinkhorn, and Gaussians.

$W_p(P, Q) = (\min_\pi E_\pi |x - y|^p)^{1/p}$ over the plans $\pi$ with marginals P and Q.  Every function that is
called a distance returns $W_p$ itself, never its p-th power.

Reference: Peyré and Cuturi, Computational Optimal Transport, 2019.
"""

from course_gan.transport.entropic import sinkhorn
from course_gan.transport.exact import cost_matrix, dual_potentials, optimal_plan, wasserstein
from course_gan.transport.gaussian import wasserstein_gaussian, wasserstein_multivariate_gaussian
from course_gan.transport.line import wasserstein_1d

__all__ = [
    "cost_matrix",
    "dual_potentials",
    "optimal_plan",
    "sinkhorn",
    "wasserstein",
    "wasserstein_1d",
    "wasserstein_gaussian",
    "wasserstein_multivariate_gaussian",
]
