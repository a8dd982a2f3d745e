r"""The bidirectional game: a generator and an encoder against a critic of pairs (x, z)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from course_gan.losses import Loss
from course_gan.train.objective import Batch, Objective, full_precision, latent_of, name_of, normal, parts, resolve


class BiGAN(Objective):
    r"""Generator G and encoder E, together, against a critic of pairs: $(x, E(x))$ is real, $(G(z), z)$ is fake.

    $$\min_{G, E} \max_D \; E_x[\log D(x, E(x))] + E_z[\log(1 - D(G(z), z))].$$

    The critic minimizes `loss.critic(real pairs, fake pairs)`.  G and E minimize the same with the labels flipped,
    `loss.critic(fake pairs, real pairs)`: *both* pairs enter, for the real one is what E makes.  Where the two players
    of the loss are exact opponents (minimax, Wasserstein, every f-GAN) they minimize the value itself, the formula
    above.  At the optimum E inverts G.

    `critic(x, z)` returns scores (n,), `encoder(x)` returns (n, latent).
    Reference: Donahue, Krähenbühl and Darrell, Adversarial feature learning, 2017, §3 and §3.4 (flipped labels).
    """

    def __init__(self, generator: nn.Module, encoder: nn.Module, critic: nn.Module, loss: Loss | str) -> None:
        super().__init__()
        self.generator, self.encoder, self.critic = generator, encoder, critic
        self.loss, self.latent = resolve(loss), latent_of(generator)

    @property
    def critics(self) -> Sequence[nn.Module]:
        """The critic of pairs."""
        return (self.critic,)

    @property
    def generators(self) -> Sequence[nn.Module]:
        """Generator and encoder: one player, updated in one step."""
        return self.generator, self.encoder

    def noise(self, batch: Batch) -> Tensor:
        """Fresh z from N(0, I), (n, latent)."""
        return normal(batch, self.latent, self.rng)

    def critic_terms(self, batch: Batch, noise: Tensor | None, step: int) -> dict[str, Tensor]:
        """Tell (x, E(x)) from (G(z), z), while neither E nor G is trained."""
        real, _ = parts(batch)
        with torch.no_grad():
            fake, code = self.generator(noise), self.encoder(real)
        return {"critic_loss": self.loss.critic(*self._scores(real, code, fake, noise))}

    def generator_terms(self, batch: Batch, noise: Tensor | None) -> dict[str, Tensor]:
        """Make the critic take either pair for the other."""
        real, _ = parts(batch)
        real_pairs, fake_pairs = self._scores(real, self.encoder(real), self.generator(noise), noise)
        if self.loss.name in ("minimax", "wasserstein") or self.loss.name.startswith("f-gan:"):
            return {"generator_loss": -self.loss.critic(real_pairs, fake_pairs)}
        return {"generator_loss": self.loss.critic(fake_pairs, real_pairs)}

    def _scores(self, real: Tensor, code: Tensor, fake: Tensor, noise: Tensor | None) -> tuple[Tensor, Tensor]:
        return full_precision(self.critic(real, code)), full_precision(self.critic(fake, noise))

    def describe(self) -> dict[str, str]:
        """The loss."""
        return {**super().describe(), "loss": name_of(self.loss)}
