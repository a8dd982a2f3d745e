r"""Kernel distance between features: KID where these are Inception's.

$$\mathrm{KID} = \mathrm{MMD}^2 \text{ with } k(x, y) = \left(\frac{x \cdot y}{d} + 1\right)^3$$

Reference: Bińkowski et al., Demystifying MMD GANs, 2018, §4.
"""

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_count
from course_gan.metrics.checks import as_double, like, two_samples
from course_gan.metrics.kernels import cubic, pair_means
from course_gan.sampling import Estimate


def kid(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"]) -> Float[Tensor, ""]:
    r"""Unbiased estimate of $\mathrm{MMD}^2$ with the cubic kernel, from all pairs of features (n, d) and (m, d).

    $$\frac{1}{n (n-1)} \sum_{i \ne j} k(x_i, x_j) + \frac{1}{m (m-1)} \sum_{i \ne j} k(y_i, y_j)
      - \frac{2}{n m} \sum_{i, j} k(x_i, y_j)$$

    Unlike FID it does not depend on n and m on average, and so may be negative for good generators.
    It is the KID of papers only if the features are the 2048 of Inception.  At least two rows each.  Computed in
    float64 and constant memory, returned in the inputs' dtype; for more than 10 000 rows `kid_of_subsets` is faster.

    >>> draw = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(3000, 1, generator=draw), torch.randn(3000, 1, generator=draw) + 1
    >>> bool((kid(x, y) - 22).abs() < 4)  # 22 for N(0, 1) and N(1, 1)
    True
    """
    x, y = two_samples(least=2, x=x, y=y)
    return like(_kid(x, y), x, y)


def kid_of_subsets(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    *,
    subsets: int = 100,
    size: int = 1000,
    generator: torch.Generator | None = None,
) -> Estimate:
    r"""The mean of `kid` over random subsets of `size` rows of x and of y, as papers report it; and its standard error.

    Each subset is drawn without replacement, the subsets overlap.  With s the standard deviation over the k subsets,

    $$\text{standard error} = s \sqrt{\frac1k + \frac{\text{size}}{\min(n, m) - \text{size}}}.$$

    The second term is the delete-d jackknife's: it stands for the samples at hand being no others, which no number
    of subsets makes up for; $s / \sqrt k$ alone, or s itself, says nothing about it.  It is too large, if anything,
    where x and y come from one distribution.

    References: Bińkowski et al., Demystifying MMD GANs, 2018, §4; Shao and Wu, A general theory for jackknife variance
    estimation, 1989.

    >>> draw = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(3000, 1, generator=draw), torch.randn(3000, 1, generator=draw) + 1
    >>> value, standard_error = kid_of_subsets(x, y, subsets=20, size=500, generator=draw)
    >>> bool((value - 22).abs() < 3 * standard_error)
    True
    """
    x, y = two_samples(least=2, x=x, y=y)
    require_count("subsets", subsets, 2)
    require_count("size", size, 2)
    rows = min(len(x), len(y))
    if size >= rows:
        raise ValueError(
            f"size is {size} beside {len(x)} rows of x and {len(y)} of y; wanted subsets smaller than both. "
            f"Pass size={rows // 2}, say, or take kid(x, y), which uses all rows."
        )
    values = torch.stack([_kid(_subset(x, size, generator), _subset(y, size, generator)) for _ in range(subsets)])
    error = values.std(correction=1) * (1 / subsets + size / (rows - size)) ** 0.5
    return Estimate(like(values.mean(), x, y), like(error, x, y))


def _kid(x: Tensor, y: Tensor) -> Tensor:
    means = pair_means(cubic, as_double(x), as_double(y))
    return means.xx + means.yy - 2 * means.xy


def _subset(x: Tensor, size: int, generator: torch.Generator | None) -> Tensor:
    # Drawn on the generator's device, so that one seed means one subset wherever the features are.
    order = torch.randperm(len(x), generator=generator, device=generator.device if generator else None)
    return x[order[:size].to(x.device)]
