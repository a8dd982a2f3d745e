r"""Kernels $k(x, y)$ between rows, and sums of them over all pairs, a block at a time."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from course_gan.inputs import require_positive
from course_gan.metrics.checks import as_double
from course_gan.metrics.distances import row_blocks, squared_distances
from course_gan.numerics import power_of_two, unit_of

Kernel = Callable[[Tensor, Tensor], Tensor]
MEDIAN_OF = 2000  # rows whose pairwise distances are sorted for a median


def cubic(x: Tensor, y: Tensor) -> Tensor:
    r"""The kernel of KID, $k(x, y) = (x \cdot y / d + 1)^3$, for rows x (n, d) and y (m, d), as (n, m)."""
    return torch.addmm(x.new_ones(()), x, y.T, alpha=1 / x.shape[1]).pow_(3)  # in place: the blocks are large


def gaussian(bandwidth: int | float) -> Kernel:
    r"""The kernel $k(x, y) = \exp(-\|x - y\|^2 / 2 \sigma^2)$ with $\sigma$ = `bandwidth`."""
    width = float(bandwidth)
    require_positive("bandwidth", width)
    unit = power_of_two(width)  # exact, and the square of no bandwidth overflows or vanishes
    return lambda x, y: torch.exp(squared_distances(x / unit, y / unit) / (-2 * (width / unit) ** 2))


def median_distance(x: Tensor, y: Tensor) -> float:
    """The median distance between two different rows of x and y pooled (every so many of them beyond `MEDIAN_OF`).

    Of an even number of pairs it is the lower of the middle two, as Tensor.median is; numpy.median is their mean.
    """
    pooled = torch.cat([as_double(x), as_double(y)])
    pooled = pooled[:: -(-len(pooled) // MEDIAN_OF)]
    above = torch.ones(len(pooled), len(pooled), dtype=torch.bool, device=pooled.device).triu(1)
    unit = unit_of(pooled)
    median = unit * squared_distances(pooled / unit, pooled / unit)[above].median().sqrt().item()
    if median == 0:
        raise ValueError(
            "the median distance between the samples is 0, more than half of all pairs being equal; wanted a bandwidth "
            "above 0. Pass bandwidth=..."
        )
    return median


class Means(NamedTuple):
    """Means of k(x, x'), of k(y, y') and of k(x, y) over pairs."""

    xx: Tensor
    yy: Tensor
    xy: Tensor


def pair_means(kernel: Kernel, x: Tensor, y: Tensor, *, unbiased: bool = True) -> Means:
    """Means of `kernel` over pairs of float64 rows x (n, d) and y (m, d); `unbiased` leaves out a row with itself."""
    means = Means(_within(kernel, x, unbiased), _within(kernel, y, unbiased), _between(kernel, x, y))
    require_finite(torch.stack(means), x, y)
    return means


def require_finite(sums: Tensor, *rows: Tensor) -> None:
    """Raise if the kernel was too large for float64, as infinities less infinities would be told as NaN."""
    if not sums.isfinite().all():  # the host waits for the device here
        largest = max(part.abs().max().item() for part in rows)
        raise ValueError(
            f"the kernel overflows for features as large as {largest:g}; wanted features whose sixth power float64 "
            "holds. Divide all of them by one number."
        )


def _within(kernel: Kernel, x: Tensor, unbiased: bool) -> Tensor:
    n, total, diagonal = len(x), x.new_zeros(()), x.new_zeros(())
    for rows in row_blocks(n, n):
        block = kernel(x[rows], x[rows.start :])  # the kernel is symmetric: what lies right of the square counts twice
        width = len(block)
        total += block[:, :width].sum() + 2 * block[:, width:].sum()
        diagonal += block.diagonal().sum()
    return (total - diagonal) / (n * (n - 1)) if unbiased else total / n**2


def _between(kernel: Kernel, x: Tensor, y: Tensor) -> Tensor:
    total = x.new_zeros(())
    for rows in row_blocks(len(x), len(y)):
        total += kernel(x[rows], y).sum()
    return total / (len(x) * len(y))
