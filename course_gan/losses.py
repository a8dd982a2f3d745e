r"""GAN losses: a loss is two functions of raw scores, `critic(real, fake)` and `generator(fake, real)`, both minimized.

A score is any number, large for real; no sigmoid comes before a loss.  $D = \sigma(\text{score})$ where a formula below
says D, and log D is taken as -softplus(-score): `log(sigmoid(score))` is -inf, and has no gradient, at -100.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import relu, softplus

from course_gan.fdiv import F_DIVERGENCES, FDivergence, alpha
from course_gan.inputs import at_least_single, choose, require_tensor

__all__ = ["LOSSES", "Loss", "get", "least_squares"]

Formula = Callable[[Tensor, Tensor], Tensor]


@dataclass(frozen=True)
class Loss:
    """Two functions of raw scores, each a scalar to be minimized, in the dtype of the scores.

    Scores are (n, ...): one for each image, or a map of them for each.  `real` and `fake` may differ in n, unless the
    loss is `paired`, but in nothing else: (n, 1) against (n,) would broadcast to (n, n) in a paired loss.
    Half precision computes in float32.  Only shapes are checked, never values, so that nothing waits for the device.
    """

    name: str
    critic_formula: Formula  # of (real, fake)
    generator_formula: Formula  # of (fake, real)
    paired: bool = False
    coding: str = ""  # the labels of a loss that has some: part of which loss this is

    def critic(self, real: Float[Tensor, "n *shape"], fake: Float[Tensor, "m *shape"]) -> Float[Tensor, ""]:
        """The critic's loss: low when real scores are high and fake ones low."""
        return self._apply(self.critic_formula, real=real, fake=fake)

    def generator(self, fake: Float[Tensor, "m *shape"], real: Float[Tensor, "n *shape"]) -> Float[Tensor, ""]:
        """The generator's loss: low when fake scores are high.  Only a paired loss looks at `real`."""
        return self._apply(self.generator_formula, fake=fake, real=real)

    def _apply(self, formula: Formula, **scores: object) -> Tensor:
        first, second = (require_tensor(name, value) for name, value in scores.items())
        alike = 0 if self.paired else 1  # the first axis that must agree
        if min(first.ndim, second.ndim) == 0 or first.shape[alike:] != second.shape[alike:]:
            shapes = " and ".join(f"{name} has shape {tuple(x.shape)}" for name, x in zip(scores, (first, second)))
            raise ValueError(
                f"{shapes}; wanted scores (n, ...) {'of one shape' if self.paired else 'that differ in n at most'}. "
                "A critic that ends in (n, 1) takes .squeeze(1) on both."
            )
        dtype = torch.promote_types(first.dtype, second.dtype)
        return formula(at_least_single(first), at_least_single(second)).to(dtype)


def _cross_entropy(real: Tensor, fake: Tensor, smoothing: int | float) -> Tensor:
    # -(1 - s) log D - s log(1 - D) at real, as softplus(x) = x + softplus(-x)
    return (softplus(-real) + smoothing * real).mean() + softplus(fake).mean()


def minimax(smoothing: int | float = 0.0) -> Loss:
    r"""The game of the first paper: critic $-E[\log D(x)] - E[\log(1 - D(G(z)))]$, generator $E[\log(1 - D(G(z)))]$.

    The generator's gradient dies where the critic is sure: -4.5e-5 at a score of -10.  With smoothing s the critic is
    told 1 - s at real, and its optimum is D = (1 - s) p/(p + q).
    Reference: Goodfellow et al., Generative adversarial nets, 2014, eq. 1; Salimans et al., Improved techniques, 2016,
    §3.4 (smoothing of the real side only).
    """
    return Loss(
        "minimax",
        lambda real, fake: _cross_entropy(real, fake, smoothing),
        lambda fake, real: -softplus(fake).mean(),
        coding=f"smoothing {smoothing:g}" if smoothing else "",
    )


def non_saturating(smoothing: int | float = 0.0) -> Loss:
    r"""The critic of `minimax`, and a generator that minimizes $-E[\log D(G(z))]$: its gradient is -1 at low scores.

    Reference: Goodfellow et al., Generative adversarial nets, 2014, §3.
    """
    return Loss(
        "non-saturating",
        lambda real, fake: _cross_entropy(real, fake, smoothing),
        lambda fake, real: softplus(-fake).mean(),
        coding=f"smoothing {smoothing:g}" if smoothing else "",
    )


def least_squares(a: int | float = 0, b: int | float = 1, c: int | float = 1, smoothing: int | float = 0.0) -> Loss:
    r"""Critic $\frac12 E[(D(x) - b)^2] + \frac12 E[(D(G(z)) - a)^2]$, generator $\frac12 E[(D(G(z)) - c)^2]$.

    D is the raw score here.  The optimal critic is (bp + aq)/(p + q).  The coding (a, b, c) = (0, 1, 1) is eq. 9 of the
    paper; (-1, 1, 0) is eq. 8, which minimizes a Pearson divergence.  Smoothing s moves b to (1 - s)b + sa.
    Reference: Mao et al., Least squares generative adversarial networks, 2017, §3.
    """
    target = (1 - smoothing) * b + smoothing * a
    return Loss(
        "least-squares",
        lambda real, fake: ((real - target).square().mean() + (fake - a).square().mean()) / 2,
        lambda fake, real: (fake - c).square().mean() / 2,
        coding="" if (a, target, c) == (0, 1, 1) else f"a {a:g}, b {target:g}, c {c:g}",
    )


def hinge() -> Loss:
    r"""Critic $E[\max(0, 1 - D(x))] + E[\max(0, 1 + D(G(z)))]$, generator $-E[D(G(z))]$.

    The optimal critic is sign(p - q), and its loss 2(1 - TV(p, q)).
    Reference: Lim and Ye, Geometric GAN, 2017; Miyato et al., Spectral normalization, 2018, eq. 16 and 17.
    """
    return Loss(
        "hinge", lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean(), lambda fake, real: -fake.mean()
    )


def wasserstein() -> Loss:
    r"""Critic $E[D(G(z))] - E[D(x)]$, generator $-E[D(G(z))]$: no margin, so the critic needs a Lipschitz constraint.

    Reference: Arjovsky, Chintala and Bottou, Wasserstein GAN, 2017, algorithm 1.
    """
    return Loss("wasserstein", lambda real, fake: fake.mean() - real.mean(), lambda fake, real: -fake.mean())


def relativistic() -> Loss:
    r"""Critic $-E[\log\sigma(D(x) - D(G(z)))]$, generator the same with the two exchanged; a real for each fake.

    The pairs are the rows of the batch; no average is taken before the sigmoid (that is the *averaged* variant).
    Reference: Jolicoeur-Martineau, The relativistic discriminator, 2019, eq. 5 and 6; Huang et al., The GAN is dead;
    long live the GAN!, 2024, §2.
    """
    return Loss(
        "relativistic",
        lambda real, fake: softplus(fake - real).mean(),
        lambda fake, real: softplus(real - fake).mean(),
        paired=True,
    )


def f_gan(divergence: FDivergence) -> Loss:
    r"""Critic $-(E[T(x)] - E[f^*(T(G(z)))])$ with $T = g_f(\text{score})$, generator $-E[f^*(T(G(z)))]$.

    The critic maximizes the lower bound of $D_f(P \| Q)$, the generator minimizes it.
    `f-gan:gan` is `minimax`, and `f-gan:jensen-shannon` differs from it by the constant log 4 only.
    Scores of ±100 overflow float32 where the value itself does: exp(100) in `kl`, `reverse-kl`, `neyman`,
    `squared-hellinger`, `jeffrey` and some `alpha`.
    Reference: Nowozin, Cseke and Tomioka, f-GAN, 2016, §2.3 and 3.1.
    """
    return Loss(
        f"f-gan:{divergence.name}",
        lambda real, fake: -divergence.lower_bound(real, fake),
        lambda fake, real: -divergence.conjugate_of_activation(fake).mean(),
    )


LOSSES: dict[str, Loss] = {
    "minimax": minimax(),
    "non-saturating": non_saturating(),
    "least-squares": least_squares(),
    "hinge": hinge(),
    "wasserstein": wasserstein(),
    "relativistic": relativistic(),
    **{f"f-gan:{name}": f_gan(divergence) for name, divergence in F_DIVERGENCES.items()},
}
SMOOTHED: dict[str, Callable[[float], Loss]] = {
    "minimax": minimax,
    "non-saturating": non_saturating,
    "least-squares": lambda smoothing: least_squares(smoothing=smoothing),
}


def get(name: str, *, smoothing: int | float = 0.0) -> Loss:
    """The loss `name`: one of `LOSSES`, or f-gan:alpha:A for a number A, as in "f-gan:alpha:0.5".

    `smoothing` s in [0, 1) makes the real label 1 - s, in the three losses that have labels.

    >>> get("non-saturating").generator(torch.tensor([0.0]), torch.tensor([0.0]))
    tensor(0.6931)
    """
    if not 0 <= smoothing < 1:
        raise ValueError(f"smoothing is {smoothing:g}; wanted at least 0 and below 1, such as 0.1.")
    loss = f_gan(_alpha_of(name)) if str(name).startswith("f-gan:alpha:") else choose(LOSSES, name, "loss")
    if smoothing == 0:
        return loss
    if name not in SMOOTHED:
        raise ValueError(
            f"smoothing is {smoothing:g}, but {name!r} has no labels to smooth; wanted 0, or one of "
            f"{', '.join(SMOOTHED)}."
        )
    return SMOOTHED[name](smoothing)


def _alpha_of(name: str) -> FDivergence:
    number = name.removeprefix("f-gan:alpha:")
    try:
        return alpha(float(number))
    except ValueError as error:
        raise ValueError(f"{name!r} is not a loss here; wanted f-gan:alpha:A with a finite number A.") from error
