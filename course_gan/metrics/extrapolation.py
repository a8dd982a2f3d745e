"""The Fréchet distance that infinitely many samples would show, from how it falls with their number."""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_count
from course_gan.metrics.checks import like, two_samples
from course_gan.metrics.frechet import fitted, from_roots


class Extrapolation(NamedTuple):
    """A line through points (1 / size, value): its value at 0, its slope, and the points themselves."""

    value: Float[Tensor, ""]
    slope: Float[Tensor, ""]
    sizes: list[int]
    values: Float[Tensor, " points"]


def fid_infinity(
    real: Float[Tensor, "n d"],
    generated: Float[Tensor, "m d"],
    *,
    points: int = 15,
    smallest: int | None = None,
    generator: torch.Generator | None = None,
) -> Extrapolation:
    r"""The intercept of the line $\mathrm{FID}_N = \mathrm{FID}_\infty + c / N$, fitted by least squares.

    `fid` is computed between `real`, all of it, and `points` random subsets of `generated`, whose sizes lie evenly
    between `smallest` (default a tenth, and above d where there are that many) and all of it.
    The bias falls as 1/N once N is well above d: `smallest` belongs there.  It removes the bias that comes from
    `generated`; that from `real` stays, so keep to one set of real samples.

    Reference: Chong and Forsyth, Effectively unbiased FID and Inception Score and where to find them, 2020, §3.

    >>> from course_gan.metrics import fid
    >>> draw = torch.Generator().manual_seed(0)
    >>> real, generated = torch.randn(20_000, 8, generator=draw), torch.randn(2000, 8, generator=draw)
    >>> found = fid_infinity(real, generated, generator=draw)
    >>> bool(found.value.abs() < 0.3 * fid(real, generated[:200]))
    True
    """
    real, generated = two_samples(least=2, real=real, generated=generated)
    require_count("points", points, 2)
    n, d = generated.shape
    smallest = max(n // 10, min(2 * d, n // 2), 2) if smallest is None else smallest
    require_count("smallest", smallest, 2)
    if smallest > n - points + 1:
        raise ValueError(
            f"smallest is {smallest} beside {n} generated samples and {points} points; wanted as many different "
            "sizes as points. Generate more samples, or ask for a smaller one or fewer points."
        )
    sizes = [round(smallest + (n - smallest) * i / (points - 1)) for i in range(points)]
    mean, root = fitted(real)
    values = []
    for size in sizes:
        # Drawn on the generator's device, so that one seed means one subset on every device.
        chosen = torch.randperm(n, generator=generator, device=generator.device if generator else None)[:size]
        values.append(from_roots(mean, root, *fitted(generated[chosen.to(generated.device)])))
    curve = torch.stack(values)
    inverse = 1 / torch.tensor(sizes, dtype=curve.dtype, device=curve.device)
    centered = inverse - inverse.mean()
    slope = centered @ curve / centered.square().sum()
    value = curve.mean() - slope * inverse.mean()
    value, slope, curve = (like(found, real, generated) for found in (value, slope, curve))
    return Extrapolation(value, slope, sizes, curve)
