r"""The best discriminator of two distributions, the value of the game there, and training to come near to it.

$V(D) = E_p[\log D] + E_q[\log(1 - D)]$ is largest at $D^* = p/(p + q)$, where it is $2\,\mathrm{JS}(p, q) - \log 4$.
A discriminator is given by its probabilities D, or by its scores S, with $D = \sigma(S)$ and $S^* = \log(p/q)$.

Reference: Goodfellow et al., Generative adversarial nets, 2014, §4.1.
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import softplus

from course_gan.data.toy import Sampler
from course_gan.inputs import (
    at_least_single,
    densities_on_grid,
    distributions,
    nonnegative_pair,
    require,
    require_count,
    require_positive,
    require_same_axis,
    require_tensor,
)
from course_gan.losses import get

__all__ = ["fit_discriminator", "game_value", "js_from_scores", "optimal_discriminator", "value_on_grid"]

Source = Tensor | Sampler
Watch = Callable[[int], object]


def optimal_discriminator(
    p: Float[Tensor, "*#batch points"], q: Float[Tensor, "*#batch points"], prior: float | int = 0.5
) -> Float[Tensor, "*_batch points"]:
    r"""$D^*(x) = \frac{\pi p(x)}{\pi p(x) + (1 - \pi) q(x)}$: how likely x is real if a share π of all samples is.

    `p` and `q` are probabilities or densities.  Where both are 0 any value is right, and this one is π.
    From log densities it is `torch.sigmoid(log_p - log_q)`, for π = ½, which cannot underflow.

    >>> optimal_discriminator(torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3]))
    tensor([0.5192, 0.5902, 0.3243])
    """
    if not 0 < prior < 1:
        raise ValueError(f"prior is {prior:g}; wanted the share of real samples, between 0 and 1.")
    p, q = nonnegative_pair(p, q)
    dtype = torch.promote_types(p.dtype, q.dtype)
    real, fake = prior * at_least_single(p), (1 - prior) * at_least_single(q)
    largest = torch.maximum(real, fake)  # divided out, so that two tiny densities do not add up to less than they are
    nowhere = largest == 0
    real, fake = (torch.where(nowhere, 1, part) / torch.where(nowhere, 1, largest) for part in (real, fake))
    return torch.where(nowhere, prior, real / (real + fake)).to(dtype)


def game_value(
    d: Float[Tensor, "*#batch outcomes"], p: Float[Tensor, "*#batch outcomes"], q: Float[Tensor, "*#batch outcomes"]
) -> Float[Tensor, "*_batch"]:
    r"""$V(D) = \sum_x p(x) \log D(x) + q(x) \log(1 - D(x))$, for any D in [0, 1], with $0 \log 0 = 0$.

    `p` and `q` are distributions over the last axis, `d` the probabilities that a discriminator gives to "real".
    -inf if D excludes something that happens.

    >>> p, q = torch.tensor([0.36, 0.48, 0.16]), torch.tensor([1 / 3, 1 / 3, 1 / 3])
    >>> game_value(optimal_discriminator(p, q), p, q)
    tensor(-1.3414)
    """
    p, q = distributions(p, q)
    d = require_tensor("d", d)
    require_same_axis("d", d, "p", p)
    require("d", d, (d >= 0) & (d <= 1), "wanted probabilities. Scores become them by torch.sigmoid(scores)")
    dtype = torch.promote_types(d.dtype, torch.promote_types(p.dtype, q.dtype))
    d, p, q = (at_least_single(value) for value in (d, p, q))
    total: Tensor = (torch.xlogy(p, d) + torch.special.xlog1py(q, -d)).sum(-1)
    return total.to(dtype)


def value_on_grid(
    scores: Float[Tensor, "*#batch points"],
    p: Float[Tensor, "*#batch points"],
    q: Float[Tensor, "*#batch points"],
    x: Float[Tensor, "*#batch points"],
) -> Float[Tensor, "*_batch"]:
    r"""$V(\sigma(S)) = \int p \log\sigma(S) + q \log\sigma(-S)\,dx$ by the trapezoid rule, for densities on a grid.

    `scores` are finite raw scores S at the points `x`, which increase.  With $S = \log p - \log q$ this is the largest
    value there is.

    >>> x = torch.linspace(-8, 9, 1001)
    >>> p, q = (torch.exp(-((x - mean) ** 2) / 2) / math.sqrt(2 * math.pi) for mean in (0, 1))
    >>> value_on_grid(0.5 - x, p, q, x)
    tensor(-1.1635)
    """
    p, q, x, dtype = densities_on_grid(p, q, x)
    scores = require_tensor("scores", scores)
    require_same_axis("scores", scores, "x", x)
    require("scores", scores, scores.isfinite(), "wanted finite raw scores")
    scores = at_least_single(scores)
    return torch.trapezoid(-p * softplus(-scores) - q * softplus(scores), x).to(dtype)


def js_from_scores(real: Float[Tensor, "n *critics"], fake: Float[Tensor, "m *critics"]) -> Float[Tensor, "*critics"]:
    r"""The divergence that a discriminator vouches for, $\frac12(\hat V + \log 4)$, from raw scores of samples.

    $\hat V$ is the mean of log D over the real samples, along the first axis, plus that of log(1 - D) over the fake
    ones; further axes are those of several critics.  For samples that the discriminator was not trained on, the
    expectation is at most JS(p, q); for those it was trained on it is not.

    >>> js_from_scores(torch.tensor([1.0, 3.0]), torch.tensor([-2.0, -2.0]))
    tensor(0.5392)
    """
    real, fake = require_tensor("real", real), require_tensor("fake", fake)
    if min(real.ndim, fake.ndim) == 0 or real.shape[1:] != fake.shape[1:]:
        raise ValueError(
            f"real has shape {tuple(real.shape)} and fake {tuple(fake.shape)}; wanted scores (n, …) and (m, …) that "
            "differ in the number of samples at most. A critic that ends in (n, 1) takes .squeeze(1) on both."
        )
    dtype = torch.promote_types(real.dtype, fake.dtype)
    real, fake = at_least_single(real), at_least_single(fake)
    return ((math.log(4) - softplus(-real).mean(0) - softplus(fake).mean(0)) / 2).to(dtype)


def fit_discriminator(
    critic: nn.Module,
    real: Source,
    fake: Source,
    *,
    steps: int,
    batch: int = 256,
    rate: float | int = 1e-3,
    generator: torch.Generator | None = None,
    watch: Watch | None = None,
    every: int = 100,
) -> Float[Tensor, " steps"]:
    r"""Train a critic to tell `real` from `fake`, which both stay as they are: the inner maximum of the game.

    Each of the two is a sampler, which gives fresh samples forever, or a tensor of all the samples there are; then a
    batch is drawn from its rows anew at each step.  Adam descends -V, its rate falling to 0 along a line, so that the
    end is calm.  `watch(step)` is called before the first step and after each `every` steps.  Returns -V by batch.

    >>> critic = nn.Sequential(nn.Linear(1, 1), nn.Flatten(0))
    >>> draw = torch.Generator().manual_seed(0)
    >>> loss = fit_discriminator(critic, torch.ones(9, 1), -torch.ones(9, 1), steps=50, rate=0.1, generator=draw)
    >>> bool(loss[-1] < 0.2)
    True
    """
    require_count("steps", steps)
    require_count("batch", batch)
    require_count("every", every)
    require_positive("rate", rate)
    loss = get("minimax")
    optimizer = torch.optim.Adam(critic.parameters(), lr=rate, betas=(0.9, 0.99), fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 1 / steps, steps)
    losses = []
    if watch is not None:
        watch(0)
    for step in range(1, steps + 1):
        with torch.no_grad():  # a sampler that is a network is not trained here
            x, y = _rows(real, batch, generator), _rows(fake, batch, generator)
        value = loss.critic(critic(x), critic(y))
        optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        losses.append(value.detach())
        if watch is not None and step % every == 0:
            watch(step)
    return torch.stack(losses)


def _rows(source: Source, batch: int, generator: torch.Generator | None) -> Tensor:
    """Fresh samples, or rows of those that there are: all of them if the batch holds as many."""
    if not isinstance(source, Tensor):
        return source(batch, generator)
    if batch >= len(source):
        return source
    return source[torch.randint(len(source), (batch,), generator=generator)]
