r"""Translation between two domains without pairs: two translators, two critics, and the way there and back."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from course_gan.inputs import require_positive
from course_gan.losses import Loss
from course_gan.train.objective import Batch, Objective, full_precision, name_of, parts, resolve


class CycleGAN(Objective):
    r"""Translators $F: A \to B$ (`to_b`) and $G: B \to A$ (`to_a`), each against a critic of its target domain.

    $$L(F, G) = L_{gan}(F, D_B) + L_{gan}(G, D_A)
      + \lambda \bigl( E_a|G(F(a)) - a|_1 + E_b|F(G(b)) - b|_1 \bigr)
      + \mu \bigl( E_b|F(b) - b|_1 + E_a|G(a) - a|_1 \bigr).$$

    λ is `cycle`, μ is `identity` (0: that term is left out); |·|₁ is the mean over the entries.  A batch is a pair
    (a, b) of images of either domain that do not belong together.  Our least-squares loss has Mao's factor ½ for
    either player, so λ = 10 weighs here like 20 in the authors' code, where only the critic's loss is halved.

    Reference: Zhu et al., Unpaired image-to-image translation using cycle-consistent adversarial networks, 2017,
    §3 and §5.2 (identity); their buffer of earlier fakes is left out.
    """

    def __init__(
        self,
        to_b: nn.Module,
        to_a: nn.Module,
        critic_a: nn.Module,
        critic_b: nn.Module,
        loss: Loss | str = "least-squares",
        *,
        cycle: float = 10.0,
        identity: float = 0.0,
    ) -> None:
        super().__init__()
        require_positive("cycle", cycle, zero=True)
        require_positive("identity", identity, zero=True)
        self.to_b, self.to_a, self.critic_a, self.critic_b = to_b, to_a, critic_a, critic_b
        self.loss, self.cycle, self.identity = resolve(loss), cycle, identity

    @property
    def critics(self) -> Sequence[nn.Module]:
        """The critics of A and of B."""
        return self.critic_a, self.critic_b

    @property
    def generators(self) -> Sequence[nn.Module]:
        """Both translators, A to B first."""
        return self.to_b, self.to_a

    def noise(self, batch: Batch) -> None:
        """No noise: a translator's input is an image."""

    def critic_terms(self, batch: Batch, noise: Tensor | None, step: int) -> dict[str, Tensor]:
        """Tell a from G(b), and b from F(a), while no translator is trained."""
        a, b = self._pair(batch)
        with torch.no_grad():
            fake_a, fake_b = self.to_a(b), self.to_b(a)
        return {
            "critic_loss": self.loss.critic(_scores(self.critic_a, a), _scores(self.critic_a, fake_a))
            + self.loss.critic(_scores(self.critic_b, b), _scores(self.critic_b, fake_b))
        }

    def generator_terms(self, batch: Batch, noise: Tensor | None) -> dict[str, Tensor]:
        """Fool both critics, come back to where one started, and leave alone what is there already."""
        a, b = self._pair(batch)
        fake_a, fake_b = self.to_a(b), self.to_b(a)
        terms = {
            "generator_loss": self._fool(self.critic_a, fake_a, a) + self._fool(self.critic_b, fake_b, b),
            "cycle": self.cycle * (l1_loss(self.to_a(fake_b), a) + l1_loss(self.to_b(fake_a), b)),
        }
        if self.identity:
            terms["identity"] = self.identity * (l1_loss(self.to_a(a), a) + l1_loss(self.to_b(b), b))
        return terms

    def _fool(self, critic: nn.Module, fake: Tensor, real: Tensor) -> Tensor:
        return self.loss.generator(_scores(critic, fake), _scores(critic, real))

    def _pair(self, batch: Batch) -> tuple[Tensor, Tensor]:
        a, rest = parts(batch)
        if len(rest) != 1:
            raise ValueError(f"The batch has {1 + len(rest)} parts; wanted two, (a, b): images of either domain.")
        return a, rest[0]

    def describe(self) -> dict[str, str]:
        """The loss and the two weights."""
        weights = {"cycle": f"{self.cycle:g}", "identity": f"{self.identity:g}"}
        return {**super().describe(), "loss": name_of(self.loss), **weights}


def _scores(critic: nn.Module, images: Tensor) -> Tensor:
    return full_precision(critic(images))
