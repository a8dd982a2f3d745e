r"""How many samples look real (precision, density), and how much of reality they reach (recall, coverage).

Around each point of a set lies a ball up to its k-th nearest neighbor in that set; together the balls of the real
points estimate where real points are, those of the fake ones where fake ones are.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_count
from course_gan.metrics.checks import as_double, like, two_samples
from course_gan.metrics.distances import TIE, in_one_unit, nearest, row_blocks, squared_distances


class PrecisionRecall(NamedTuple):
    """Share of fakes in a ball of real points, and of real points in a ball of fakes."""

    precision: Float[Tensor, ""]
    recall: Float[Tensor, ""]


class DensityCoverage(NamedTuple):
    """Mean number of real points' balls that a fake lies in, over k; share of real points whose ball holds a fake."""

    density: Float[Tensor, ""]
    coverage: Float[Tensor, ""]


def precision_recall(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 3) -> PrecisionRecall:
    r"""Improved precision and recall of fake features (m, d) against real ones (n, d).

    $$\text{precision} = \frac1m \sum_j \max_i 1\bigl[\|y_j - x_i\| \le r_k(x_i)\bigr], \quad
      \text{recall} = \frac1n \sum_i \max_j 1\bigl[\|x_i - y_j\| \le r_k(y_j)\bigr]$$

    $r_k(x)$ is the distance from x to its k-th nearest neighbor in its own set, itself not counted.
    A generator that invents has low precision, one that drops modes low recall; swapping the arguments swaps them.
    One fake outlier makes a ball that covers everything: see `density_coverage`.

    More than k points each.  0-d tensors in the inputs' dtype; memory does not grow with n · m.
    Reference: Kynkäänniemi et al., Improved precision and recall metric for assessing generative models, 2019, §2.

    >>> real = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    >>> fake = torch.tensor([[0.5], [1.5], [2.5], [1.0], [100.0]])
    >>> precision_recall(real, fake[:4], k=1)
    PrecisionRecall(precision=tensor(1.), recall=tensor(0.5000))
    """
    real, fake = _checked(real, fake, k)
    x, y = in_one_unit(as_double(real), as_double(fake))
    reach_of_real, reach_of_fake = _reach(x, k), _reach(y, k)
    precise, recalled = [], torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for rows in row_blocks(len(y), len(x)):
        squares = squared_distances(y[rows], x)
        precise.append((squares <= reach_of_real).any(1))
        recalled |= (squares <= reach_of_fake[rows, None]).any(0)
    precision, recall = torch.cat(precise).double().mean(), recalled.double().mean()
    return PrecisionRecall(like(precision, real, fake), like(recall, real, fake))


def density_coverage(real: Float[Tensor, "n d"], fake: Float[Tensor, "m d"], k: int = 5) -> DensityCoverage:
    r"""Density and coverage of fake features (m, d) against real ones (n, d); the balls are those of real points only.

    $$\text{density} = \frac{1}{k m} \sum_j \sum_i 1\bigl[\|y_j - x_i\| \le r_k(x_i)\bigr], \quad
      \text{coverage} = \frac1n \sum_i \max_j 1\bigl[\|y_j - x_i\| \le r_k(x_i)\bigr]$$

    For a perfect generator the density is 1 on average (it may be above), and the coverage
    $1 - \frac{(n-1) \cdots (n-k)}{(n+m-1) \cdots (n+m-k)}$, about $1 - 2^{-k}$ for n = m.

    More than k real points.  0-d tensors in the inputs' dtype; memory does not grow with n · m.
    Reference: Naeem et al., Reliable fidelity and diversity metrics for generative models, 2020, §3 and Lemma 2.

    >>> real = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0], [12.0]])
    >>> density_coverage(real, torch.tensor([[1.0], [1.0], [30.0]]), k=1)
    DensityCoverage(density=tensor(2.), coverage=tensor(0.5000))
    """
    real, fake = _checked(real, fake, k, balls_of_fake=False)
    x, y = in_one_unit(as_double(real), as_double(fake))
    reach = _reach(x, k)
    inside, covered = x.new_zeros(()), torch.zeros(len(x), dtype=torch.bool, device=x.device)
    for rows in row_blocks(len(y), len(x)):
        within = squared_distances(y[rows], x) <= reach
        inside += within.sum()
        covered |= within.any(0)
    return DensityCoverage(like(inside / (k * len(y)), real, fake), like(covered.double().mean(), real, fake))


def _reach(centers: Tensor, k: int) -> Tensor:
    """The squared distance from each row to its k-th nearest other row; what ties with it lies within."""
    return nearest(centers, centers, k, same=True)[0][:, -1] * (1 + TIE)


def _checked(real: object, fake: object, k: object, balls_of_fake: bool = True) -> tuple[Tensor, Tensor]:
    real, fake = two_samples(real=real, fake=fake)
    require_count("k", k)
    for name, points in (("real", real), ("fake", fake)) if balls_of_fake else (("real", real),):
        if isinstance(k, int) and k >= len(points):
            raise ValueError(
                f"k is {k} and {name} has shape {tuple(points.shape)}; wanted more rows than k, as a point has its "
                "k-th neighbor among the others. Pass more samples or a smaller k."
            )
    return real, fake
