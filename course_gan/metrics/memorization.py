"""Does a generator repeat its training samples?  Its distances to them beside those of samples held out."""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.metrics.checks import as_double, two_samples
from course_gan.metrics.distances import TIE, in_one_unit, nearest


class Memorization(NamedTuple):
    """Two views of the distances to the training set: all of them, and the smallest."""

    closer: float
    """Probability that a generated sample lies closer to the training set than a held-out one: ½ is honest."""
    p_value: float
    """How probable so large a `closer` is for an honest generator (Mann-Whitney, normal approximation)."""
    copied: float
    """Share of generated samples closer to the training set than every held-out one."""
    copied_p_value: float
    """How probable so large a `copied` is for an honest generator (exact)."""


def memorization(
    train: Float[Tensor, "n d"], generated: Float[Tensor, "m d"], held_out: Float[Tensor, "l d"]
) -> Memorization:
    r"""Compare the distances of generated and of held-out samples to their nearest training sample.

    An honest generator's samples (m, d) and the held-out ones (l, d) are samples of one distribution, none of which
    the training set (n, d) has influenced: then their distances $g_i$ and $h_j$ are exchangeable, and

    $$\text{closer} = \frac1{m l} \sum_{i, j} \Bigl(1[g_i < h_j] + \tfrac12 1[g_i = h_j]\Bigr)$$

    is ½ on average.  Its z-score, with the sign turned, is the statistic $C_T$ of data copying (without that paper's
    cells).  It falls below ½ for samples far from all data, and bad samples so hide copies among them; `copied` finds
    them: that c of the m or more undercut all l has the probability $\prod_{i < c} \frac{m - i}{m + l - i}$.

    References: Meehan, Chaudhuri and Dasgupta, A non-parametric test to detect data-copying in generative models, 2020,
    §3; Mann and Whitney, 1947.

    >>> draw = torch.Generator().manual_seed(0)
    >>> train, honest, held_out = (torch.randn(500, 4, generator=draw) for _ in range(3))
    >>> copies = torch.cat([train[:50], honest[50:]])
    >>> found = memorization(train, copies, held_out)
    >>> found.copied, found.copied_p_value < 1e-9, 0.5 < found.closer < 0.6
    (0.108, True, True)
    """
    train, generated = two_samples(train=train, generated=generated)
    train, held_out = two_samples(train=train, held_out=held_out)
    rows, *others = in_one_unit(*(as_double(points) for points in (train, generated, held_out)))
    of_generated, of_held_out = (nearest(points, rows)[0][:, 0] for points in others)
    closer, z = mann_whitney(of_generated, of_held_out)
    below = int((of_generated < of_held_out.min() * (1 - TIE)).sum())
    m, ell = len(generated), len(held_out)
    return Memorization(closer, math.erfc(z / math.sqrt(2)) / 2, below / m, all_below_probability(below, m, ell))


def mann_whitney(a: Tensor, b: Tensor) -> tuple[float, float]:
    """The probability that a value of a (m,) is below one of b (l,), ties half, and its z-score without a difference.

    The variance is corrected for ties, and for continuity by half a step.
    """
    m, ell = len(a), len(b)
    ordered, total = b.sort().values, m + ell
    u = (ell - torch.searchsorted(ordered, a, right=True) + ell - torch.searchsorted(ordered, a)).sum().item() / 2
    ties = torch.unique(torch.cat([a, b]), return_counts=True)[1].double()
    tied = (ties**3 - ties).sum().item() / (total * (total - 1))
    variance = m * ell / 12 * (total + 1 - tied)
    z = (u - m * ell / 2 - 0.5) / math.sqrt(variance) if variance > 0 else 0.0
    return u / (m * ell), z


def all_below_probability(count: int, m: int, ell: int) -> float:
    """The probability that `count` of m or more are below all l others, if all m + l are exchangeable."""
    return math.exp(sum(math.log((m - i) / (m + ell - i)) for i in range(count)))
