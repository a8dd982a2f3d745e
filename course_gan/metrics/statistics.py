"""Mean and covariance of features that come a batch at a time, in float64."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_rows
from course_gan.metrics.checks import without_graph

ROWS = 1024  # of a large batch, as many at a time become float64, so that they stay near the processor


class FeatureStatistics:
    r"""Accumulates batches (n, d) into the mean and the covariance (over n - 1) of all rows seen.

    A batch of m rows with mean $\nu$ and scatter $T = \sum_i (x_i - \nu)(x_i - \nu)^\top$ joins n rows with mean $\mu$
    and scatter S by

    $$\mu \leftarrow \mu + \frac{m}{n + m} (\nu - \mu), \quad
      S \leftarrow S + T + \frac{n m}{n + m} (\nu - \mu)(\nu - \mu)^\top.$$

    Sums of $x x^\top$, from which $n \mu \mu^\top$ is subtracted at the end, lose the covariance where the mean is
    large: in float32 at once, in float64 with means $10^7$ times the spread.

    Reference: Chan, Golub and LeVeque, Algorithms for computing the sample variance, 1983.

    >>> statistics = FeatureStatistics()
    >>> for batch in torch.tensor([[[0.0], [1.0]], [[2.0], [5.0]]]):
    ...     statistics = statistics.update(batch)
    >>> statistics.count, statistics.mean, statistics.cov
    (4, tensor([2.], dtype=torch.float64), tensor([[4.6667]], dtype=torch.float64))
    """

    def __init__(self) -> None:
        self.count = 0
        self._mean: Tensor | None = None
        self._scatter: Tensor | None = None

    def update(self, batch: Float[Tensor, "n d"]) -> "FeatureStatistics":
        """Take in a batch of features, (n, d), of any size; returns itself."""
        batch = require_rows("batch", batch)
        if self._mean is not None and batch.shape[1:] != self._mean.shape:
            raise ValueError(
                f"batch has shape {tuple(batch.shape)} after batches with {len(self._mean)} features; wanted as many."
            )
        for rows in torch.split(batch, ROWS):
            rows = without_graph(rows).to(torch.float64, copy=True)  # ours, to be centered in place
            mean = rows.mean(0)
            rows -= mean
            self._join(len(rows), mean, rows.T @ rows)
        return self

    def merge(self, other: "FeatureStatistics") -> "FeatureStatistics":
        """Take in what another one has seen, on another process say; returns itself."""
        if not isinstance(other, FeatureStatistics):
            raise TypeError(f"other is a {type(other).__name__}; wanted FeatureStatistics. Features go to update.")
        if other._mean is not None and other._scatter is not None:
            if self._mean is not None and other._mean.shape != self._mean.shape:
                raise ValueError(
                    f"the other statistics have {len(other._mean)} features; wanted {len(self._mean)} as here."
                )
            self._join(other.count, other._mean, other._scatter)
        return self

    def _join(self, count: int, mean: Tensor, scatter: Tensor) -> None:
        if self._mean is None or self._scatter is None:
            self.count, self._mean, self._scatter = count, mean.clone(), scatter.clone()
            return
        total = self.count + count
        shift = mean - self._mean
        self._scatter = self._scatter + scatter + torch.outer(shift, shift) * (self.count * count / total)
        self._mean = self._mean + shift * (count / total)
        self.count = total

    @property
    def mean(self) -> Float[Tensor, " d"]:
        """The mean of all rows seen, (d,), in float64."""
        if self._mean is None:
            raise ValueError("no rows were seen yet; wanted at least one. Call update first.")
        return self._mean

    @property
    def cov(self) -> Float[Tensor, "d d"]:
        """The covariance of all rows seen, (d, d), over count - 1, in float64."""
        if self._scatter is None or self.count < 2:
            raise ValueError(f"{self.count} rows were seen; wanted at least two, as one shows no spread.")
        return self._scatter / (self.count - 1)


def feature_statistics(x: Float[Tensor, "n d"]) -> tuple[Float[Tensor, " d"], Float[Tensor, "d d"]]:
    """The mean (d,) and the covariance (d, d) over n - 1 of features (n, d), in float64, for `frechet_distance`.

    >>> feature_statistics(torch.tensor([[0.0], [2.0]]))
    (tensor([1.], dtype=torch.float64), tensor([[2.]], dtype=torch.float64))
    """
    statistics = FeatureStatistics().update(require_rows("x", x, 2))
    return statistics.mean, statistics.cov
