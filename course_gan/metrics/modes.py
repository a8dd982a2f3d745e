"""Modes of a known mixture: how many a generator finds, how cleanly, how evenly, and what a perfect one scores."""

import math

import torch
from jaxtyping import Float, Integer
from torch import Tensor

from course_gan.inputs import require, require_count, require_positive
from course_gan.metrics.checks import as_double, two_samples
from course_gan.metrics.distances import nearest
from course_gan.numerics import power_of_two

WITHIN = 3.0
WHOLE = (torch.uint8, torch.int8, torch.uint16, torch.int16, torch.uint32, torch.int32, torch.int64)


def modes(
    samples: Float[Tensor, "n d"],
    centers: Float[Tensor, "modes d"],
    std: int | float | Float[Tensor, ""],
    *,
    within: int | float = WITHIN,
) -> tuple[int, float]:
    """The number of modes captured, and the share of samples of high quality.

    A sample (n, d) is of high quality if it lies within 3 standard deviations `std` of its nearest center (modes, d).
    A mode is captured if it is the nearest of at least one sample of high quality.
    Papers use 2500 samples, and `within` = 10 in 1200 dimensions.  A share above `high_quality_ceiling(d)` means that
    the samples are too tight, not that they are too good.

    References: Srivastava et al., VEEGAN, 2017, §4.1; Lin et al., PacGAN, 2018, §4.1.

    >>> samples = torch.tensor([[0.0], [0.2], [0.9], [4.9], [5.6]])
    >>> modes(samples, centers=torch.tensor([[0.0], [1.0], [5.0]]), std=0.1)
    (3, 0.8)
    """
    samples, centers = two_samples(samples=samples, centers=centers)
    spread, within = _number("std", std), _number("within", within)
    # In a unit near the standard deviation, a power of two and so exact, whose square neither overflows nor vanishes.
    unit = power_of_two(spread)
    radius = within * (spread / unit)
    squares, closest = nearest(as_double(samples) / unit, as_double(centers) / unit)
    good = squares[:, 0] <= radius * radius
    return len(torch.unique(closest[good])), good.double().mean().item()


def high_quality_ceiling(d: int, within: int | float = WITHIN) -> float:
    r"""The share of high quality of a perfect generator: $P(\chi^2_d \le 3^2)$, in 2 dimensions $1 - e^{-4.5}$.

    For well separated modes in d dimensions.

    >>> round(high_quality_ceiling(2), 6)
    0.988891
    """
    require_count("d", d)
    within = _number("within", within)
    halves = torch.tensor([d / 2, within**2 / 2], dtype=torch.float64)
    return float(torch.special.gammainc(halves[0], halves[1]))


def mode_histogram_kl(labels: Integer[Tensor, " n"], classes: int) -> float:
    r"""$\mathrm{KL}(\hat p \| \text{uniform})$ of the histogram of labels (n,), each one of 0 … classes - 1; in nats.

    The labels are the modes that n samples fall in, by a classifier say.  It depends on n even for a perfect
    generator, see `mode_histogram_floor`: compare only values at equal n.
    Reference: Srivastava et al., VEEGAN, 2017, §4.2 (Stacked MNIST).

    >>> round(mode_histogram_kl(torch.tensor([0, 0, 1, 1]), classes=4), 6)  # log 2
    0.693147
    """
    labels = _labels(labels, classes)
    share = labels.bincount(minlength=classes).double() / len(labels)
    return max(0.0, float(torch.special.xlogy(share, share * classes).sum()))  # rounding may end at -1e-16


def modes_hit(labels: Integer[Tensor, " n"], classes: int) -> int:
    """The number of different labels among labels (n,), each one of 0 … classes - 1.

    >>> modes_hit(torch.tensor([0, 0, 3]), classes=4)
    2
    """
    return len(torch.unique(_labels(labels, classes)))


def mode_histogram_floor(classes: int, n: int) -> float:
    r"""What `mode_histogram_kl` reads, on average, for n samples of a perfect generator: $\frac{K - 1}{2 n}$.

    To first order in 1/n (2n times the KL is about $\chi^2_{K-1}$), which wants n well above the number K of classes.
    Reference: Paninski, Estimation of entropy and mutual information, 2003, §3.

    >>> round(mode_histogram_floor(1000, 26_000), 6)
    0.019212
    """
    require_count("classes", classes)
    require_count("n", n)
    return (classes - 1) / (2 * n)


def expected_modes_hit(classes: int, n: int) -> float:
    r"""How many of K equally probable modes n samples hit on average: $K \bigl(1 - (1 - 1/K)^n\bigr)$.

    >>> round(expected_modes_hit(1000, 2500), 2)
    918.02
    """
    require_count("classes", classes)
    require_count("n", n)
    # As written, 1 - 1/K has lost the digits of 1/K where K is large.
    return -classes * math.expm1(n * math.log1p(-1 / classes)) if classes > 1 else 1.0


def _number(name: str, value: object) -> float:
    """A number above 0, plain or in a tensor of one entry."""
    if not isinstance(value, int | float) and not (isinstance(value, Tensor) and value.numel() == 1):
        given = f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise TypeError(f"{name} is {given}; wanted one number, the same for all modes.")
    require_positive(name, float(value))
    return float(value)


def _labels(labels: object, classes: int) -> Tensor:
    require_count("classes", classes)
    if not isinstance(labels, Tensor) or labels.dtype not in WHOLE:
        given = f"dtype {labels.dtype}" if isinstance(labels, Tensor) else f"type {type(labels).__name__}"
        raise TypeError(f"labels have {given}; wanted a tensor of whole numbers. From logits by logits.argmax(-1).")
    if labels.ndim != 1 or len(labels) == 0:
        raise ValueError(f"labels have shape {tuple(labels.shape)}; wanted (n,), one label a sample.")
    labels = labels.long()  # in a byte, `classes` would be another number
    require("labels", labels, (labels >= 0) & (labels < classes), f"wanted labels from 0 to {classes - 1}")
    return labels
