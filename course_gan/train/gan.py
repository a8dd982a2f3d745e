r"""The adversarial game of a generator and a critic, with or without labels, for every loss and penalty."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from course_gan.losses import Loss
from course_gan.penalties import PENALTIES
from course_gan.train.objective import (
    Batch,
    Objective,
    Penalty,
    full_precision,
    latent_of,
    name_of,
    normal,
    parts,
    resolve,
)
from course_gan.train.probes import rows_are_independent


class GAN(Objective):
    r"""A generator $x = G(z)$ against a critic's scores $D(x)$; with a batch (x, labels), $G(z, y)$ and $D(x, y)$.

    The critic minimizes `loss.critic(D(x), D(G(z)))` plus its penalties, the generator `loss.generator(D(G(z)), D(x))`.
    `loss` is an entry of `course_gan.losses` or its name.  A conditional generator makes samples of the labels of the
    batch.  The generator's step uses the last batch of the critic's steps, where it needs data at all.

    References: Goodfellow et al., Generative adversarial nets, 2014, Algorithm 1; Gulrajani et al., Improved training
    of Wasserstein GANs, 2017, Algorithm 1; Mirza and Osindero, Conditional generative adversarial nets, 2014.
    """

    compiled = ("_critic_terms", "_generator_terms")  # without the question to the critic, and what is due

    def __init__(
        self, generator: nn.Module, critic: nn.Module, loss: Loss | str, penalties: Sequence[Penalty] = ()
    ) -> None:
        super().__init__()
        self.generator, self.critic = generator, critic
        self.loss, self.penalties, self.latent = resolve(loss), tuple(penalties), latent_of(generator)
        for given in self.penalties:
            if not isinstance(given, Penalty):
                raise TypeError(f"A penalty is {given!r}; wanted a Penalty, such as Penalty('r1', weight=1.0).")
        names = [penalty.name for penalty in self.penalties]
        if len(set(names)) < len(names):
            raise ValueError(f"The penalties are {', '.join(names)}; wanted each once. Add up the weights.")
        self.made: tuple[Tensor | None, Tensor] | None = None  # noise, and fakes with their graph, if they are kept
        self.joint: bool | None = None  # may the critic take real and fake in one pass?  Found out at the first batch

    @property
    def critics(self) -> Sequence[nn.Module]:
        """The critic."""
        return (self.critic,)

    @property
    def generators(self) -> Sequence[nn.Module]:
        """The generator."""
        return (self.generator,)

    def noise(self, batch: Batch) -> Tensor:
        """Fresh z from N(0, I), (n, latent)."""
        return normal(batch, self.latent, self.rng)

    def critic_terms(self, batch: Batch, noise: Tensor | None, step: int) -> dict[str, Tensor]:
        """The critic's loss, and weight · every · penalty for each penalty that is due."""
        real, labels = parts(batch)
        if self.joint is None:
            self.joint = rows_are_independent(self.critic, real, labels)
        due, fake = tuple(penalty.due(step) for penalty in self.penalties), None
        if not self.fresh_noise:
            fake = self.generator(noise, *labels)
            self.made = noise, fake
        return self._critic_terms(real, labels, noise, fake, due)

    def _critic_terms(
        self, real: Tensor, labels: tuple[Tensor, ...], noise: Tensor | None, made: Tensor | None, due: tuple[bool, ...]
    ) -> dict[str, Tensor]:
        with torch.no_grad():  # the generator is not trained here: its graph is not even built
            fake = self.generator(noise, *labels) if made is None else made.detach()
        terms = {"critic_loss": self.loss.critic(*self._scores(real, fake, labels))}
        for penalty, now in zip(self.penalties, due, strict=True):
            if now:  # in the same loss and backward pass; weight · every, as it enters each `every`-th time only
                value = PENALTIES[penalty.name](self._critic_of(labels), real, fake.to(real.dtype), self.rng)
                terms[penalty.name] = penalty.weight * penalty.every * value
        return terms

    def _critic_of(self, labels: tuple[Tensor, ...]) -> Callable[[Tensor], Tensor]:
        """The critic as a function of x alone, of which a penalty takes the slope."""
        critic = self.critic
        return (lambda x: critic(x, *labels)) if labels else critic

    def generator_terms(self, batch: Batch, noise: Tensor | None) -> dict[str, Tensor]:
        """The generator's loss."""
        real, labels = parts(batch)
        made, self.made = self.made, None
        return self._generator_terms(real, labels, noise, made[1] if made is not None and made[0] is noise else None)

    def _generator_terms(
        self, real: Tensor, labels: tuple[Tensor, ...], noise: Tensor | None, made: Tensor | None
    ) -> dict[str, Tensor]:
        fake = self.generator(noise, *labels) if made is None else made
        fake_scores = full_precision(self.critic(fake, *labels))
        real_scores = full_precision(self.critic(real, *labels)) if self.loss.paired else fake_scores
        return {"generator_loss": self.loss.generator(fake_scores, real_scores)}

    def _scores(self, real: Tensor, fake: Tensor, labels: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        """D(x) and D(G(z)): in one pass where no row's score depends on the other rows, which is faster."""
        if not self.joint:
            return full_precision(self.critic(real, *labels)), full_precision(self.critic(fake, *labels))
        both = self.critic(torch.cat([real, fake]), *(torch.cat([label, label]) for label in labels))
        return full_precision(both[: len(real)]), full_precision(both[len(real) :])

    def describe(self) -> dict[str, str]:
        """The loss, and each penalty with its weight."""
        penalties = "; ".join(f"{one.weight:g} {one.name} every {one.every}" for one in self.penalties)
        return {**super().describe(), "loss": name_of(self.loss), "penalties": penalties or "none"}
