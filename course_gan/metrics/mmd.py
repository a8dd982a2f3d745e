r"""Maximum mean discrepancy: how far apart a kernel sees two sets of samples, and a test whether that is chance.

$$\mathrm{MMD}^2 = E[k(x, x')] + E[k(y, y')] - 2 E[k(x, y)]$$

Reference: Gretton et al., A kernel two-sample test, 2012.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_count
from course_gan.metrics.checks import as_double, like, two_samples
from course_gan.metrics.distances import row_blocks
from course_gan.metrics.kernels import Kernel, cubic, gaussian, median_distance, pair_means, require_finite

PERMUTATIONS = 200


class Discrepancy(NamedTuple):
    """A statistic, and how probable one at least as large is if both samples come from one distribution."""

    statistic: Float[Tensor, ""]
    p_value: float


def mmd_squared(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    bandwidth: int | float | None = None,
    *,
    kernel: str = "gaussian",
    unbiased: bool = True,
) -> Float[Tensor, ""]:
    r"""Estimate of $\mathrm{MMD}^2$, the square, from samples (n, d) and (m, d); the means run over pairs.

    `kernel` is `"gaussian"`, $\exp(-\|x - y\|^2 / 2 \sigma^2)$ with $\sigma$ = `bandwidth`, by default the median
    distance between two of the pooled samples, or `"cubic"`, $(x \cdot y / d + 1)^3$, without a bandwidth.
    The `unbiased` estimate leaves out the pairs of a sample with itself, and may be negative: around 0 it has to be,
    to be 0 on average.  The other one, §2.2's $\mathrm{MMD}_b^2$, keeps them, is never negative, and too large.

    At least two samples each.  Computed in float64 and in constant memory, returned in the inputs' dtype.
    Reference: Gretton et al., A kernel two-sample test, 2012, Lemma 6.

    >>> x = torch.tensor([[0.0], [2.0]])
    >>> mmd_squared(x, x, 1.0), mmd_squared(x, x, 1.0, unbiased=False)
    (tensor(-0.8647), tensor(0.))
    """
    return _estimate(x, y, bandwidth, kernel, unbiased)


def mmd(
    x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], bandwidth: int | float | None = None, *, kernel: str = "gaussian"
) -> Float[Tensor, ""]:
    r"""The distance $\mathrm{MMD}_b$ itself: the root of the estimate that is never negative, see `mmd_squared`.

    Of two samples of one distribution, n each, it is not 0: with the Gaussian kernel, $E[\mathrm{MMD}_b^2] < 2 / n$.

    >>> x = torch.tensor([[0.0], [2.0]])
    >>> mmd(x, x + 1, 1.0)
    tensor(0.4690)
    """
    return _estimate(x, y, bandwidth, kernel, unbiased=False).clamp(min=0).sqrt()


def mmd_test(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    bandwidth: int | float | None = None,
    *,
    kernel: str = "gaussian",
    permutations: int = PERMUTATIONS,
    generator: torch.Generator | None = None,
) -> Discrepancy:
    r"""Are x and y samples of one distribution?  The unbiased $\mathrm{MMD}^2$ with a p-value by permutation.

    If they are, any division of the pooled samples into n and m was as probable as the one we saw.  With b of the B
    random ones giving as large a value, $p = (1 + b) / (1 + B)$, which is valid for every n and never 0.

    Reference: Phipson and Smyth, Permutation p-values should never be zero, 2010.

    >>> draw = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(100, 2, generator=draw), torch.randn(100, 2, generator=draw)
    >>> mmd_test(x, y + 1, generator=draw).p_value == 1 / 201
    True
    """
    x, y = two_samples(least=2, x=x, y=y)
    require_count("permutations", permutations)
    pooled = torch.cat([as_double(x), as_double(y)])
    members = permuted_members(len(x), len(pooled), permutations, generator, pooled)
    statistics = _divided(_kernel(kernel, bandwidth, x, y), pooled, members)
    return Discrepancy(like(statistics[0], x, y), permutation_p_value(statistics))


def permuted_members(n: int, total: int, permutations: int, generator: torch.Generator | None, on: Tensor) -> Tensor:
    """Columns (total, 1 + permutations) of 0 and 1 with n ones each: first the first n rows, then random ones."""
    device = generator.device if generator else "cpu"
    orders = [torch.arange(total, device=device)]
    orders += [torch.randperm(total, generator=generator, device=device) for _ in range(permutations)]
    return torch.stack([order < n for order in orders], dim=1).to(on)


def permutation_p_value(statistics: Tensor) -> float:
    """(1 + b) / (1 + B) for the observed statistic, which stands first, and B permuted ones."""
    observed = statistics[0]
    # Divisions that differ only in which of two equal samples is whose give equal values, but for rounding.
    as_large = statistics[1:] >= observed - 1e-10 * observed.abs()
    return (1 + int(as_large.sum())) / len(statistics)


def _estimate(given_x: object, given_y: object, bandwidth: int | float | None, kernel: str, unbiased: bool) -> Tensor:
    x, y = two_samples(least=2, x=given_x, y=given_y)
    means = pair_means(_kernel(kernel, bandwidth, x, y), as_double(x), as_double(y), unbiased=unbiased)
    return like(means.xx + means.yy - 2 * means.xy, x, y)


def _divided(kernel: Kernel, pooled: Tensor, members: Tensor) -> Tensor:
    """The unbiased MMD² of each division of the pooled rows, a column of `members` each, in one pass."""
    xx = pooled.new_zeros(members.shape[1])
    row_sums, diagonals = [], []
    for rows in row_blocks(len(pooled), len(pooled)):
        block = kernel(pooled[rows], pooled)
        xx += (members[rows] * (block @ members)).sum(0)
        row_sums.append(block.sum(1))
        diagonals.append(block.diagonal(rows.start))
    row_sum, diagonal = torch.cat(row_sums), torch.cat(diagonals)
    require_finite(row_sum, pooled)
    n, m = members[:, 0].sum(), len(members) - members[:, 0].sum()
    xy = row_sum @ members - xx  # what is not within x
    yy = row_sum.sum() - xx - 2 * xy
    diagonal_x = diagonal @ members
    diagonal_y = diagonal.sum() - diagonal_x
    return (xx - diagonal_x) / (n * (n - 1)) + (yy - diagonal_y) / (m * (m - 1)) - 2 * xy / (n * m)


def _kernel(name: str, bandwidth: int | float | None, x: Tensor, y: Tensor) -> Kernel:
    if name == "gaussian":
        return gaussian(median_distance(x, y) if bandwidth is None else bandwidth)
    if name != "cubic":
        raise ValueError(f"{name!r} is not a kernel here; wanted one of gaussian, cubic.")
    if bandwidth is not None:
        raise ValueError(f"bandwidth is {bandwidth:g} for the cubic kernel; wanted none, as it has no bandwidth.")
    return cubic
