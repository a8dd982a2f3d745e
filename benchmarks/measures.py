"""Metrics and distances against the libraries that people use."""

import numpy as np
import scipy.stats
import torch
from torch import Tensor, nn

from benchmarks.paired import Ratio, compare
from course_gan.metrics import fid
from course_gan.transport import wasserstein_1d


class Passed(nn.Module):
    """The feature extractor for features that are there already."""

    num_features = 512

    def forward(self, features: Tensor) -> Tensor:
        """The features."""
        return features


def frechet(n: int = 10_000, d: int = 512, pairs: int = 7) -> Ratio:
    """The Fréchet distance of two sets of features (n, d), against torchmetrics, which also sums in float64."""
    from torchmetrics.image.fid import FrechetInceptionDistance

    rng = torch.Generator().manual_seed(0)
    mixed = torch.randn(d, d, generator=rng) / d**0.5
    x = torch.randn(n, d, generator=rng)
    y = torch.randn(n, d, generator=rng) @ mixed + 0.1

    def theirs() -> Tensor:
        metric = FrechetInceptionDistance(feature=Passed(), normalize=True)
        metric.set_dtype(torch.float64)
        metric.update(x, real=True)
        metric.update(y, real=False)
        return metric.compute()

    torch.testing.assert_close(fid(x, y).double(), theirs().double(), rtol=1e-3, atol=1e-3)
    return compare(lambda: fid(x, y), theirs, pairs)


def wasserstein(n: int, m: int | None = None, pairs: int = 15) -> Ratio:
    """W1 between n and m numbers, against scipy."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(n, generator=rng, dtype=torch.float64)
    y = torch.randn(m or n, generator=rng, dtype=torch.float64) + 1
    x_numpy, y_numpy = x.numpy(), y.numpy()
    np.testing.assert_allclose(wasserstein_1d(x, y), scipy.stats.wasserstein_distance(x_numpy, y_numpy), rtol=1e-9)
    repeats = max(1, 100_000 // n)

    def ours() -> None:
        for _ in range(repeats):
            wasserstein_1d(x, y)

    def theirs() -> None:
        for _ in range(repeats):
            scipy.stats.wasserstein_distance(x_numpy, y_numpy)

    return compare(ours, theirs, pairs)
