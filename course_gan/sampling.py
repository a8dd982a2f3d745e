r"""Divergences from samples: Monte Carlo averages of functions of the log-ratio $r = \log p(x) - \log q(x)$."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import softplus

from course_gan.inputs import at_least_single, choose, require, require_tensor


class Estimate(NamedTuple):
    """A Monte Carlo estimate, and the standard deviation it would show over many repetitions."""

    value: Float[Tensor, ""]
    standard_error: Float[Tensor, ""]


# What is averaged, as a function of r, and over whose samples.
# Total variation and squared Hellinger could be averaged over either side or both.  Over p their terms are (1 - q/p)⁺,
# between 0 and 1, and 1 - sqrt(q/p), whose variance is at most 1 as the mean of q/p is at most 1; and neither misses
# what q has outside the support of p, as the mean of |1 - q/p| / 2 or (1 - sqrt(q/p))² / 2 over p would.
# Pearson's terms (p/q - 1)² are taken over q.  Over p they would be (p - q)² / (p q), without end where p is small.
# Their variance holds the fourth moment of p/q: where p has the wider tails it is infinite, rare samples carry the
# estimate, and the standard error is too small in the runs in which they are missing.
TERMS: dict[str, dict[str, Callable[[Tensor], Tensor]]] = {
    "kl": {"x_p": lambda r: r},
    "reverse-kl": {"x_q": lambda r: -r},
    # log(p / m) = log 2 - log(1 + q/p), with softplus as the stable log(1 + exp)
    "jensen-shannon": {
        "x_p": lambda r: (math.log(2) - softplus(-r)) / 2,
        "x_q": lambda r: (math.log(2) - softplus(r)) / 2,
    },
    "total-variation": {"x_p": lambda r: -torch.expm1(-r).clamp(max=0)},
    "squared-hellinger": {"x_p": lambda r: -torch.expm1(-r / 2)},
    "pearson": {"x_q": lambda r: torch.expm1(r).square()},
}


def from_samples(
    name: str,
    log_p: Callable[[Tensor], Tensor],
    log_q: Callable[[Tensor], Tensor],
    x_p: Float[Tensor, "n_p *shape"] | None = None,
    x_q: Float[Tensor, "n_q *shape"] | None = None,
) -> Estimate:
    r"""Estimate a divergence by a mean over samples, e.g. $\mathrm{KL}(p \| q) = E_p[r] \approx \frac1n \sum_i r(x_i)$.

    Parameters:
        name: `"kl"`, `"total-variation"`, `"squared-hellinger"` average over `x_p`; `"reverse-kl"` and `"pearson"`
            over `x_q`; `"jensen-shannon"` over both.
        log_p, log_q: functions from samples (n, *shape) to log-densities (n,); -inf where a density is 0.
        x_p, x_q: samples from p, (n_p, *shape), and from q, (n_q, *shape); at least two each.

    Returns an `Estimate`: the value, which may be negative, and its standard error, from the sample variance over n
    (for Jensen-Shannon the two halves' variances add).  If a sample of p lies where q is 0, KL is inf and its standard
    error nan.

    >>> from course_gan.gaussians import gaussian_log_density
    >>> x = torch.randn(100_000, generator=torch.Generator().manual_seed(0))
    >>> estimate = from_samples(
    ...     "kl", lambda x: gaussian_log_density(x, 0.0, 1.0), lambda x: gaussian_log_density(x, 1.0, 1.0), x_p=x
    ... )
    >>> bool((estimate.value - 0.5).abs() < 4 * estimate.standard_error)
    True
    """
    terms = choose(TERMS, name)
    samples = {"x_p": x_p, "x_q": x_q}
    missing = [side for side in terms if samples[side] is None]
    if missing:
        raise ValueError(
            f"{name!r} is a mean over {' and '.join(terms)}, and {' and '.join(missing)} is missing. "
            f"Pass {' and '.join(f'samples of {side[-1]} as {side}=...' for side in missing)}."
        )
    values = [term(_log_ratio_at(side, samples[side], log_p, log_q)) for side, term in terms.items()]
    means = torch.stack([value.mean() for value in values])
    variances = torch.stack([value.var(correction=1) / len(value) for value in values])
    return Estimate(means.sum(), variances.sum().sqrt())


def _log_ratio_at(side: str, x: object, log_p: Callable[[Tensor], Tensor], log_q: Callable[[Tensor], Tensor]) -> Tensor:
    """log p - log q at the samples `x`, which come from p if `side` is "x_p" and from q if it is "x_q"."""
    x = require_tensor(side, x)
    if x.ndim == 0 or len(x) < 2:
        raise ValueError(
            f"{side} has shape {tuple(x.shape)}; wanted at least two samples on the first axis, "
            "as one shows no spread and gives no standard error."
        )
    logs = []
    for name, log_density in (("log_p", log_p), ("log_q", log_q)):
        value = require_tensor(f"{name}({side})", log_density(x))
        if value.shape != x.shape[:1]:
            raise ValueError(
                f"{name}({side}) has shape {tuple(value.shape)}; wanted ({len(x)},), one log-density a sample."
            )
        if name[-1] == side[-1]:
            wanted = f"wanted finite numbers, as {side} is drawn from {side[-1]}. Are the samples swapped?"
            require(f"{name}({side})", value, value.isfinite(), wanted)
        else:
            require(f"{name}({side})", value, value < torch.inf, "wanted log-densities, finite or -inf")
        logs.append(at_least_single(value))
    return logs[0] - logs[1]
