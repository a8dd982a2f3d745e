r"""Mixtures of isotropic Gaussians: drawn from, and with the density known, so that a generator can be judged."""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from course_gan.inputs import (
    at_least_single,
    require,
    require_count,
    require_floats,
    require_positive,
    require_sums_to_one,
)


@dataclass(frozen=True, eq=False)
class Mixture:
    r"""$p(x) = \sum_k w_k N(x; \mu_k, \sigma_k^2 I)$ over points x of d numbers.

    Parameters:
        centers: $\mu$, (k, d); the mixture draws points of this dtype, on this device.
        std: $\sigma$, one number for all components or one each, (k,). A standard deviation, never a variance.
        weights: w, (k,), summing to one; by default all equal.

    A mixture is itself a sampler: `mixture(n, generator)` is `mixture.sample(n, generator)`.

    >>> coin = Mixture(torch.tensor([[-1.0], [1.0]]), std=0.1)
    >>> coin.sample(3, torch.Generator().manual_seed(0)).shape
    torch.Size([3, 1])
    >>> coin.log_prob(torch.tensor([[1.0], [0.0]]))
    tensor([  0.6905, -48.6164])
    """

    centers: Float[Tensor, "k d"]
    std: Float[Tensor, " k"] | float | int
    weights: Float[Tensor, " k"] | None = None

    def __post_init__(self) -> None:
        given: object = self.centers
        if not isinstance(given, Tensor) or not given.is_floating_point():
            raise TypeError("centers must be a floating-point tensor (k, d). Pass torch.tensor([[0.0, 1.0], …]).")
        centers = self.centers
        if centers.ndim != 2 or 0 in centers.shape:
            raise ValueError(
                f"centers has shape {tuple(centers.shape)}; wanted (k, d), one row a mode. "
                "Centers on the line become rows by centers[:, None]."
            )
        require("centers", centers, centers.isfinite(), "wanted finite numbers")
        if isinstance(self.std, Tensor):
            self._require_one_each("std", self.std)
            require("std", self.std, self.std.isfinite() & (self.std > 0), "wanted finite numbers above 0")
        elif isinstance(self.std, int | float):
            require_positive("std", self.std)
        else:
            raise TypeError(
                f"std is a {type(self.std).__name__}; wanted a number, or a tensor (k,). Pass torch.tensor(std)."
            )
        if self.weights is not None:
            self._require_one_each("weights", self.weights)
            require("weights", self.weights, self.weights >= 0, "wanted no negative weight")
            require_sums_to_one("weights", self.weights)

    def _require_one_each(self, name: str, given: object) -> None:
        k, value = len(self.centers), require_floats(name, given)
        if value.shape != (k,) or value.device != self.centers.device:
            raise ValueError(
                f"{name} is a {value.dtype} tensor of shape {tuple(value.shape)} on {value.device}; wanted floating "
                f"point, shape ({k},), one entry for each row of centers, on {self.centers.device}."
            )

    @property
    def modes(self) -> int:
        """The number of components, k."""
        return len(self.centers)

    @property
    def stds(self) -> Float[Tensor, " k"]:
        """The standard deviation of every component, (k,)."""
        if isinstance(self.std, Tensor):
            return self.std.to(self.centers.dtype)
        return self.centers.new_full((self.modes,), self.std)

    @property
    def probabilities(self) -> Float[Tensor, " k"]:
        """The weight of every component, (k,), also where all are equal."""
        if self.weights is None:
            return self.centers.new_full((self.modes,), 1 / self.modes)
        return self.weights.to(self.centers.dtype)

    @property
    def mean(self) -> Float[Tensor, " d"]:
        r"""$\sum_k w_k \mu_k$."""
        return self.probabilities @ self.centers

    @property
    def covariance(self) -> Float[Tensor, "d d"]:
        r"""$\sum_k w_k \left( \sigma_k^2 I + (\mu_k - \mu)(\mu_k - \mu)^T \right)$, with $\mu$ the mean."""
        w, shifts = self.probabilities, self.centers - self.mean
        identity = torch.eye(self.centers.shape[1], dtype=w.dtype, device=w.device)
        return (w @ self.stds.square()) * identity + (w[:, None] * shifts).T @ shifts

    def sample(self, n: int, generator: torch.Generator | None = None) -> Float[Tensor, "{n} d"]:
        """Draw n points, (n, d)."""
        return self.sample_with_modes(n, generator)[0]

    def __call__(self, n: int, generator: torch.Generator | None = None) -> Float[Tensor, "{n} d"]:
        """`sample`, so that a mixture stands wherever a sampler is wanted."""
        return self.sample(n, generator)

    def sample_with_modes(
        self, n: int, generator: torch.Generator | None = None
    ) -> tuple[Float[Tensor, "{n} d"], Int64[Tensor, " {n}"]]:
        r"""Draw n points, (n, d), and the component of each, (n,): $k \sim w$, then $x = \mu_k + \sigma_k z$.

        The random numbers are drawn on the device of the generator: with one on the CPU the points are the same on
        every device.
        """
        require_count("n", n, least=0)
        device, dtype = self.centers.device, self.centers.dtype
        source = device if generator is None else generator.device
        # Components first, as quantiles of uniform numbers in float64: exact weights, and no wait for the device
        # (but for unequal weights that lie on another one than the generator).
        u = torch.rand(n, generator=generator, device=source, dtype=torch.float64)
        weights = torch.ones(self.modes, device=source) if self.weights is None else self.weights.to(source)
        edges = weights.double().cumsum(0)
        component = torch.searchsorted(edges / edges[-1], u, right=True).clamp(max=self.modes - 1).to(device)
        single = torch.promote_types(dtype, torch.float32)
        z = torch.randn(n, self.centers.shape[1], generator=generator, device=source, dtype=single).to(device)
        x = self.centers[component].to(single) + self.stds[component, None].to(single) * z
        return x.to(dtype), component

    def log_prob(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch"]:
        r"""$\log p(x) = \log \sum_k w_k N(x; \mu_k, \sigma_k^2 I)$, by log-sum-exp, for points (*batch, d)."""
        return torch.logsumexp(self._log_joint(require_floats("x", x)), -1).to(x.dtype)

    def posterior(self, x: Float[Tensor, "*batch d"]) -> Float[Tensor, "*batch k"]:
        r"""$p(k \mid x)$, (*batch, k): how likely each component has made the point."""
        return torch.softmax(self._log_joint(require_floats("x", x)), -1).to(x.dtype)

    def _log_joint(self, x: Tensor) -> Tensor:
        r"""$\log w_k - \frac{\|x - \mu_k\|^2}{2 \sigma_k^2} - d \log \sigma_k - \frac d2 \log 2\pi$, (*batch, k)."""
        d = self.centers.shape[1]
        if x.ndim == 0 or x.shape[-1] != d:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; wanted (…, {d}), points of {d} numbers. "
                "Numbers on the line become points by x[:, None]."
            )
        x = at_least_single(x)
        stds, weights = at_least_single(self.stds), at_least_single(self.probabilities)
        # Differences, not |x|² - 2 x·μ + |μ|²: far from the origin that one cancels.
        distances = ((x[..., None, :] - at_least_single(self.centers)) / stds[:, None]).square().sum(-1)
        return weights.log() - distances / 2 - d * (stds.log() + math.log(2 * math.pi) / 2)

    def scaled(self, factor: float | int) -> "Mixture":
        """The mixture of `factor` times the points."""
        require_positive("factor", float(factor))
        return Mixture(self.centers * factor, self.std * factor, self.weights)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "Mixture":
        """The same mixture on another device, or drawing points of another dtype."""
        std = self.std.to(device, dtype) if isinstance(self.std, Tensor) else self.std
        weights = None if self.weights is None else self.weights.to(device)
        return Mixture(self.centers.to(device, dtype), std, weights)
