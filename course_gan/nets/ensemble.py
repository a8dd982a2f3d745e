r"""Several small networks of the same sizes that train side by side, each on its own samples, in one pass.

For networks as small as those of the toys almost all the time goes into starting operations, so that ten of them at
once take hardly longer than one.  They share nothing: the loss is a mean over all of them, so the gradient of each is
its own, divided by their number, which Adam does not notice.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.data.toy import Sampler
from course_gan.inputs import require_tensor
from course_gan.nets.checks import require_counts, require_latent
from course_gan.nets.mlp import MLP

__all__ = ["CriticEnsemble", "GeneratorEnsemble", "MLPEnsemble", "for_each"]


class MLPEnsemble(nn.Module):
    r"""`members` networks $h_{l+1} = \phi(W_l h_l + b_l)$ of the given sizes: (n, members, sizes[0]) to (…, sizes[-1]).

    Each starts as an `MLP` of its own.  An input (n, 1, sizes[0]) is the same for all members.

    >>> MLPEnsemble(8, (2, 64, 1))(torch.randn(5, 8, 2)).shape
    torch.Size([5, 8, 1])
    """

    def __init__(
        self, members: int, sizes: Sequence[int], activation: str = "tanh", *, rng: torch.Generator | None = None
    ) -> None:
        super().__init__()
        require_counts(members=members)
        alone = [MLP(sizes, activation, rng=rng) for _ in range(members)]
        layers = [[part for part in one.modules() if isinstance(part, nn.Linear)] for one in alone]
        self.members, self.sizes = members, tuple(sizes)
        self.activations = nn.ModuleList(part for part in alone[0].hidden if not isinstance(part, nn.Linear))
        self.weights = nn.ParameterList(
            torch.stack([layer.weight.detach().T for layer in level]) for level in zip(*layers)
        )
        self.biases = nn.ParameterList(
            torch.stack([layer.bias.detach() for layer in level])[:, None] for level in zip(*layers)
        )

    def forward(self, x: Float[Tensor, "n _members d"]) -> Float[Tensor, "n members k"]:
        x = require_tensor("x", x)
        if x.ndim != 3 or x.shape[1] not in (1, self.members) or x.shape[2] != self.sizes[0]:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; wanted (n, {self.members}, {self.sizes[0]}), or (n, 1, "
                f"{self.sizes[0]}) for samples that all members see."
            )
        h = x.transpose(0, 1).expand(self.members, -1, -1)
        for weight, bias, activation in zip(self.weights, self.biases, [*self.activations, nn.Identity()]):
            h = activation(torch.baddbmm(bias, h, weight))
        return h.transpose(0, 1)


class CriticEnsemble(MLPEnsemble):
    """Critics side by side: from (n, members, d) to raw scores (n, members).

    >>> CriticEnsemble(8, 2, (64,))(torch.randn(5, 8, 2)).shape
    torch.Size([5, 8])
    """

    def __init__(
        self,
        members: int,
        d: int = 1,
        hidden: Sequence[int] = (64, 64),
        activation: str = "tanh",
        *,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__(members, (d, *hidden, 1), activation, rng=rng)

    def forward(self, x: Float[Tensor, "n _members d"]) -> Float[Tensor, "n members"]:
        return super().forward(x).squeeze(2)


class GeneratorEnsemble(MLPEnsemble):
    """Generators side by side: from z (n, members · latent), as `train.GAN` draws it, to samples (n, members, d).

    >>> GeneratorEnsemble(8, 1, 2, (64,))(torch.randn(5, 8)).shape
    torch.Size([5, 8, 2])
    """

    def __init__(
        self,
        members: int,
        latent: int = 1,
        d: int = 1,
        hidden: Sequence[int] = (64, 64),
        activation: str = "tanh",
        *,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__(members, (latent, *hidden, d), activation, rng=rng)
        self.latent = members * latent

    def forward(self, z: Float[Tensor, "n latents"]) -> Float[Tensor, "n members d"]:
        z = require_latent(z, self.latent)  # else rows of another length would be cut up into another number of them
        return super().forward(z.reshape(-1, self.members, self.sizes[0]))


def for_each(sampler: Sampler, members: int) -> Sampler:
    """The sampler of points (n, d) made into one of (n, members, d): every member gets samples of its own.

    >>> for_each(lambda n, generator: torch.zeros(n, 2), 8)(5, None).shape
    torch.Size([5, 8, 2])
    """
    require_counts(members=members)

    def drawn(n: int, generator: torch.Generator | None = None) -> Tensor:
        points = sampler(n * members, generator)
        return points.reshape(n, members, *points.shape[1:])

    return drawn
