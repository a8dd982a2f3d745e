"""What a training run minimizes: two players, the critic's side and the generator's, and the terms of their losses."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from course_gan.inputs import choose, require_count, require_positive
from course_gan.losses import Loss
from course_gan.losses import get as get_loss
from course_gan.penalties import PENALTIES

# Data alone, or data and what belongs to it row by row, such as labels.
Batch: TypeAlias = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class Penalty:
    r"""A penalty on the critic's slope: `weight` times the entry `name` of `course_gan.penalties.PENALTIES`.

    With `every` = k it is lazy: it enters each k-th critic update only, from the first on, with `weight` · k, so that
    it weighs the same in the long run.  Reference: Karras et al., Analyzing and improving the image quality of
    StyleGAN, 2020, §3.1 (lazy regularization).

    >>> Penalty("gradient-penalty", 10.0)
    Penalty(name='gradient-penalty', weight=10.0, every=1)
    """

    name: str
    weight: float
    every: int = 1

    def __post_init__(self) -> None:
        """Refuse an unknown name and numbers that mean nothing."""
        choose(PENALTIES, self.name, "penalty")
        require_positive("weight", self.weight, zero=True)
        require_count("every", self.every)

    def due(self, step: int) -> bool:
        """Whether it enters critic update number `step`, counted from 0 over the whole run."""
        return step % self.every == 0


class Objective(nn.Module, ABC):
    """A game of two players.  `critics` and `generators` are the modules of each side; the rest says what they want.

    A subclass gives the terms of each side's loss by name; the loss is their sum, to be minimized.  `rng` is where the
    noise and the penalties draw from (None: torch's global generator); `fresh_noise` False announces that the
    generator's step will get the noise of the critic's last one.  `run` sets both.
    """

    rng: torch.Generator | None = None
    fresh_noise: bool = True
    compiled: tuple[str, ...] = ("critic_terms", "generator_terms")  # the methods that `compile_losses` compiles

    @property
    @abstractmethod
    def critics(self) -> Sequence[nn.Module]:
        """The modules that the critic's step updates."""

    @property
    @abstractmethod
    def generators(self) -> Sequence[nn.Module]:
        """The modules that the generator's step updates; the first is the one that is averaged (EMA)."""

    @property
    def players(self) -> tuple[Sequence[nn.Module], Sequence[nn.Module]]:
        """Both sides: the critic's modules, the generator's modules."""
        return self.critics, self.generators

    @abstractmethod
    def noise(self, batch: Batch) -> Tensor | None:
        """Fresh noise, a row for each row of the batch; None for a game without noise."""

    @abstractmethod
    def critic_terms(self, batch: Batch, noise: Tensor | None, step: int) -> dict[str, Tensor]:
        """The terms of the critic's loss in critic update number `step`; nothing here reaches the generator."""

    @abstractmethod
    def generator_terms(self, batch: Batch, noise: Tensor | None) -> dict[str, Tensor]:
        """The terms of the generator's loss; the critic is an opponent that does not move."""

    def critic_loss(self, batch: Batch, noise: Tensor | None, step: int = 0) -> Tensor:
        """What the critic minimizes, a scalar."""
        return total(self.critic_terms(batch, noise, step))

    def generator_loss(self, batch: Batch, noise: Tensor | None) -> Tensor:
        """What the generator minimizes, a scalar."""
        return total(self.generator_terms(batch, noise))

    def compile_losses(self) -> None:
        """From here on, run what computes the losses compiled; the noise is drawn outside."""
        for name in self.compiled:
            if name not in vars(self):  # not a second time
                setattr(self, name, torch.compile(getattr(self, name)))

    def describe(self) -> dict[str, str]:
        """What a checkpoint has to agree on besides the settings: the kind of game, its loss and its weights."""
        return {"objective": type(self).__name__}


def total(terms: dict[str, Tensor]) -> Tensor:
    """The sum of the terms: one loss, for one backward pass."""
    first, *others = terms.values()
    for term in others:
        first = first + term
    return first


def name_of(loss: Loss) -> str:
    """The loss as a checkpoint names it: with its coding, such as smoothed labels, which makes it another loss."""
    return f"{loss.name}, {loss.coding}" if loss.coding else loss.name


def resolve(loss: Loss | str) -> Loss:
    """The loss itself, or the one of that name."""
    return get_loss(loss) if isinstance(loss, str) else loss


def parts(batch: Batch) -> tuple[Tensor, tuple[Tensor, ...]]:
    """The data of a batch, and what comes with it: () or (labels,)."""
    if isinstance(batch, Tensor):
        return batch, ()
    data, *rest = batch
    return data, tuple(rest)


def normal(batch: Batch, latent: int, rng: torch.Generator | None) -> Tensor:
    r"""Noise $z \sim N(0, I)$, (n, latent), where and in what precision the batch's data are."""
    data, _ = parts(batch)
    dtype = data.dtype if data.is_floating_point() else torch.get_default_dtype()
    return torch.randn(len(data), latent, generator=rng, device=data.device, dtype=dtype)


def latent_of(generator: nn.Module) -> int:
    """How many numbers of noise the generator takes, or what to do when it does not say."""
    latent = getattr(generator, "latent", None)
    if isinstance(latent, bool) or not isinstance(latent, int) or latent < 1:
        raise ValueError(
            f"{type(generator).__name__}.latent is {latent!r}; wanted the number of entries of its noise. "
            "Set it: generator.latent = 64, say."
        )
    return latent


def full_precision(scores: Tensor) -> Tensor:
    """Scores of a network under autocast, as float32 for the loss; float64 stays float64."""
    return scores.float() if scores.dtype in (torch.float16, torch.bfloat16) else scores
