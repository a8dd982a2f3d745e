r"""What holds a critic back: gradient penalties (two-sided, one-sided, R1, R2), weight clipping, spectral norm.

A penalty is a number to be added to the critic's loss, times a weight of the caller's choice:
`loss.critic(real, fake) + 10 * gradient_penalty(critic, real, fake)`.  The whole loss, penalty included, compiles with
`fullgraph=True`, and its gradient with respect to the critic's weights is the same, compiled or not.

A critic is any function of a batch (n, *event), a module or `lambda x: critic(x, labels)`.  Its scores are (n,), (n, 1)
or a patch critic's (n, 1, h, w); a sample's score is then the *sum* of its patches, and so is its gradient.
The gradient of one sample has to depend on this sample alone.  Batch normalization in training mode mixes the samples
and is refused; minibatch statistics do so too, in a way that cannot be seen from outside.

One penalty calls the critic once, in its present mode: dropout drops, and each spectral norm in training mode makes one
more power iteration, as in any other call.  The points are detached: no gradient reaches the generator.  Under autocast
the penalty switches it off and computes in float32.  Results have the dtype of the points (half precision under
autocast: float32).  Nothing here makes the host wait for the device.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.input_gradients import Critic, gradient_norms, input_gradients, require_samples, row_norms
from course_gan.inputs import at_least_single, require_positive
from course_gan.lipschitz import clip_weights_, spectral_norm_
from course_gan.operator_norms import circular_operator_norm, operator_norm

__all__ = [
    "PENALTIES",
    "Critic",
    "Penalty",
    "circular_operator_norm",
    "clip_weights_",
    "gradient_norms",
    "gradient_penalty",
    "input_gradients",
    "interpolate",
    "operator_norm",
    "r1",
    "r2",
    "spectral_norm_",
]

Penalty: TypeAlias = Callable[[Critic, Tensor, Tensor, torch.Generator | None], Tensor]


def gradient_penalty(
    critic: Critic,
    real: Float[Tensor, "n *event"],
    fake: Float[Tensor, "n *event"],
    *,
    target: float | int = 1.0,
    one_sided: bool = False,
    generator: torch.Generator | None = None,
) -> Float[Tensor, ""]:
    r"""Gradient penalty, $\mathbb E_{\hat x} (\|\nabla_{\hat x} D(\hat x)\|_2 - 1)^2$ between real and fake samples.

    The points $\hat x$ are those of `interpolate`, one on each segment from a real sample to a fake one.  The norm is
    over all that belongs to one sample: channels, rows and columns together.  `target` replaces the 1, and `one_sided`
    punishes only what exceeds it, $\max(0, \|\nabla\| - 1)^2$ (WGAN-LP): a critic of the Wasserstein distance has slope
    at *most* 1.  Where the gradient vanishes the norm has no derivative; 0 is taken, and nothing is NaN.

    The norm settles above 1, as the penalty has to hold against the loss: a linear critic between means Δ apart, with
    weight λ, ends at slope $1 + \Delta / 2\lambda$.
    Inside `torch.compile` pass no `generator`, which cannot be traced, or draw the points outside by `interpolate` and
    penalize `gradient_norms(critic, points)`.

    Reference: Gulrajani et al., Improved Training of Wasserstein GANs, 2017, eq. 3 and Algorithm 1;
    Petzka, Fischer, Lukovnikov, On the Regularization of Wasserstein GANs, 2018 (one-sided).

    >>> w = torch.tensor([3.0, 4.0])
    >>> gradient_penalty(lambda x: x @ w, torch.zeros(8, 2), torch.ones(8, 2))
    tensor(16.)
    """
    require_positive("target", float(target), zero=True)
    real, fake = _require_pair(real, fake)
    gradients = input_gradients(critic, interpolate(real, fake, generator))
    excess = row_norms(gradients) - target
    return (excess.relu() if one_sided else excess).square().mean().to(gradients.dtype)


def r1(critic: Critic, real: Float[Tensor, "n *event"]) -> Float[Tensor, ""]:
    r"""R1, $\frac12 \mathbb E_{x \sim p} \|\nabla D(x)\|_2^2$: the critic is to be flat on real samples.

    This is the penalty for γ = 1; multiply it by γ.  (Some code leaves the ½ out, so that its 10 is γ = 20.)
    Reference: Mescheder, Geiger, Nowozin, Which Training Methods for GANs do actually Converge?, 2018, section 4.1.

    >>> w = torch.tensor([3.0, 4.0])
    >>> r1(lambda x: x @ w, torch.zeros(8, 2))
    tensor(12.5000)
    """
    return _half_mean_square(input_gradients(critic, require_samples("real", real)))


def r2(critic: Critic, fake: Float[Tensor, "n *event"]) -> Float[Tensor, ""]:
    r"""R2, $\frac12 \mathbb E_{x \sim q} \|\nabla D(x)\|_2^2$: the critic is to be flat on fake samples.

    This is the penalty for γ = 1; multiply it by γ.
    Reference: Mescheder, Geiger, Nowozin, Which Training Methods for GANs do actually Converge?, 2018, section 4.1.

    >>> w = torch.tensor([3.0, 4.0])
    >>> r2(lambda x: x @ w, torch.zeros(8, 2))
    tensor(12.5000)
    """
    return _half_mean_square(input_gradients(critic, require_samples("fake", fake)))


def _half_mean_square(gradients: Tensor) -> Tensor:
    return (at_least_single(gradients).square().sum(1).mean() / 2).to(gradients.dtype)


# What training can ask for by name, all called alike; the weights multiply outside.
PENALTIES: dict[str, Penalty] = {
    "gradient-penalty": lambda critic, real, fake, generator: gradient_penalty(critic, real, fake, generator=generator),
    "one-sided": lambda critic, real, fake, generator: gradient_penalty(
        critic, real, fake, one_sided=True, generator=generator
    ),
    "r1": lambda critic, real, fake, generator: r1(critic, real),
    "r2": lambda critic, real, fake, generator: r2(critic, fake),
}


def interpolate(
    real: Float[Tensor, "n *event"], fake: Float[Tensor, "n *event"], generator: torch.Generator | None = None
) -> Float[Tensor, "n *event"]:
    r"""Points between, $\hat x = \alpha x + (1 - \alpha) \tilde x$ with one $\alpha \sim U[0, 1)$ for each sample.

    `real` x and `fake` $\tilde x$ have one shape; the result is detached from both.  All entries of a sample share its
    α, so that $\hat x$ lies on the segment between the two.
    Reference: Gulrajani et al., Improved Training of Wasserstein GANs, 2017, Algorithm 1.

    >>> interpolate(torch.zeros(2, 3), torch.ones(2, 3), torch.Generator().manual_seed(0))
    tensor([[0.5037, 0.5037, 0.5037],
            [0.2318, 0.2318, 0.2318]])
    """
    real, fake = _require_pair(real, fake)
    x, x_fake = at_least_single(real), at_least_single(fake)
    alpha = torch.rand(len(x), *(1 for _ in x.shape[1:]), dtype=x.dtype, device=x.device, generator=generator)
    return torch.lerp(x_fake, x, alpha).to(real.dtype)


def _require_pair(real: object, fake: object) -> tuple[Tensor, Tensor]:
    """Return two batches, detached, that differ in their values alone."""
    real, fake = require_samples("real", real), require_samples("fake", fake)
    if (real.shape, real.dtype, real.device) != (fake.shape, fake.dtype, fake.device):
        raise ValueError(
            f"real is {tuple(real.shape)}, {real.dtype} on {real.device}, and fake {tuple(fake.shape)}, {fake.dtype} "
            f"on {fake.device}; wanted one shape, dtype and device, a fake sample for each real one. "
            "Cut the larger batch, or convert: fake.to(real)."
        )
    return real, fake
