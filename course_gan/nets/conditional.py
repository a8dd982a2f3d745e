"""Fully connected networks that are given a class: the generator by concatenation, the critic by projection."""

from collections.abc import Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_gan.nets.checks import (
    require_counts,
    require_event,
    require_labels,
    require_latent,
    require_shape,
    require_sizes,
    volume,
)
from course_gan.nets.initialization import he_, initialize_, spared
from course_gan.nets.mlp import MLP
from course_gan.nets.normalization import plain
from course_gan.penalties import spectral_norm_

__all__ = ["ConditionalGenerator", "ProjectionCritic"]


class ConditionalGenerator(nn.Module):
    r"""From z (n, latent) and labels (n,) to samples (n, *shape): G([z, e_y]), the class as a learned vector beside z.

    `output`, `activation` and `norm` as for `MLPGenerator`.

    Parameters: `classes * embedding + count((latent + embedding, *hidden, volume(shape)), norm)` = 733,264 for
    `ConditionalGenerator(100, (1, 28, 28))`, where count is that of `MLP`.
    Initialization: embedding N(0, 1), as z itself; the rest that of `MLP`.

    Reference: Mirza and Osindero, Conditional generative adversarial nets, 2014, §3.2.

    >>> ConditionalGenerator(100, (1, 28, 28))(torch.randn(3, 100), torch.tensor([0, 1, 9])).shape
    torch.Size([3, 1, 28, 28])
    """

    def __init__(
        self,
        latent: int = 2,
        shape: Sequence[int] = (2,),
        hidden: Sequence[int] = (512, 512),
        *,
        classes: int = 10,
        embedding: int = 32,
        activation: str = "relu",
        norm: str = "none",
        output: str | None = None,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(latent=latent, classes=classes, embedding=embedding)
        self.latent, self.shape, self.hidden = latent, require_shape(shape), require_sizes(hidden)
        self.classes, self.embedding, self.norm = classes, embedding, norm
        output = output or ("linear" if len(self.shape) == 1 else "tanh")
        with spared(rng):
            self.embed = nn.Embedding(classes, embedding)
        initialize_(self.embed, 1.0, rng=rng)
        sizes = (latent + embedding, *self.hidden, volume(self.shape))
        self.layers = MLP(sizes, activation, norm=norm, output=output, rng=rng)

    def forward(
        self, z: Float[Tensor, "n {self.latent}"], labels: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n ..."]:
        z = require_latent(z, self.latent)
        embedded = self.embed(require_labels(labels, len(z), self.classes))
        x: Tensor = self.layers(torch.cat([z, embedded], dim=1))
        return x.view(-1, *self.shape)


class ProjectionCritic(nn.Module):
    r"""From samples (n, *shape) and labels (n,) to raw scores (n,): $D(x, y) = v_y^T \phi(x) + \psi(\phi(x))$.

    φ is the last hidden layer of an `MLP` and ψ linear.  At the optimum the second term is the log-ratio of the
    marginals of x, and the first that of p(y | x).  `norm` as for `MLPCritic`; "spectral" includes the embedding.

    Parameters: `classes * hidden[-1] + count((volume(shape), *hidden, 1), norm)` = 670,209 for
    `ProjectionCritic((1, 28, 28))`, where count is that of `MLP`.
    Initialization: that of `MLP`; v_y by `he_` with gain 1.

    Reference: Miyato and Koyama, cGANs with projection discriminator, 2018, §3.

    >>> ProjectionCritic((2,))(torch.randn(3, 2), torch.tensor([0, 1, 9])).shape
    torch.Size([3])
    """

    def __init__(
        self,
        shape: Sequence[int] = (2,),
        hidden: Sequence[int] = (512, 512),
        *,
        classes: int = 10,
        activation: str = "leaky-relu",
        norm: str = "none",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(classes=classes)
        self.shape, self.hidden, self.norm = require_shape(shape), require_sizes(hidden), norm
        self.classes = classes
        sizes = (volume(self.shape), *self.hidden, 1)
        self.layers = MLP(sizes, activation, norm=plain(norm), rng=rng)
        with spared(rng):
            self.embed = nn.Embedding(classes, sizes[-2])
        he_(self.embed, 1.0, rng=rng)
        if norm == "spectral":
            spectral_norm_(self)

    def forward(self, x: Float[Tensor, "n ..."], labels: Int[Tensor, " n"] | None = None) -> Float[Tensor, " n"]:
        x = require_event(x, self.shape)
        v = self.embed(require_labels(labels, len(x), self.classes))
        h = self.layers.features(x.flatten(1))
        scores: Tensor = self.layers.last(h).squeeze(1) + (v * h).sum(1)
        return scores
