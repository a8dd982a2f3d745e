r"""Three ways to put noise into a generator that is told the past of a film, and what its frames show, past by past.

The generator of the recipe adds up a layer of z and a layer of what it is told.  Here are its relatives, one that puts
both behind each other into one layer, and one whose noise is a row of coins.
"""

import math
from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_gan.data import VERDICTS, verdict
from course_gan.inputs import require_count
from course_gan.nets import MLP
from course_gan.recipes.futures import ToldGenerator


class JoinedGenerator(nn.Module):
    r"""From z (n, latent) and what is given (n, *given) to samples (n, *shape) in [-1, 1]: an MLP of [l z, c].

    The first layer has one weight matrix $W = (W_z, W_c)$ for both, drawn as one: with few entries of z among many of c
    the sum $W_z z + W_c c$ begins with little of z in it.  The `loudness` l can make up for that.

    >>> JoinedGenerator(4, (1, 16, 16), (3, 16, 16))(torch.randn(2, 4), torch.randn(2, 3, 16, 16)).shape
    torch.Size([2, 1, 16, 16])
    """

    def __init__(
        self,
        latent: int,
        shape: Sequence[int],
        given: Sequence[int],
        hidden: Sequence[int] = (256, 256),
        *,
        loudness: float | int = 1.0,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        self.latent, self.shape, self.loudness = latent, tuple(shape), loudness
        sizes = (latent + math.prod(given), *hidden, math.prod(shape))
        self.layers = MLP(sizes, output="tanh", rng=rng)

    def forward(self, z: Tensor, told: Tensor) -> Tensor:
        x: Tensor = self.layers(torch.cat([self.loudness * z, told.flatten(1)], 1))
        return x.reshape(-1, *self.shape)


class CoinGenerator(ToldGenerator):
    r"""A `ToldGenerator` whose noise is coins: it sees only the signs of z, each -1 or 1 with probability ½.

    >>> toss = CoinGenerator(1, (1, 16, 16), (1, 16, 16))
    >>> past = torch.zeros(2, 1, 16, 16)
    >>> bool((toss(torch.tensor([[0.2], [3.0]]), past).diff(dim=0) == 0).all())
    True
    """

    def forward(self, z: Tensor, told: Tensor) -> Tensor:
        return super().forward(torch.where(z < 0, -1.0, 1.0).to(z.dtype), told)


def shares_by_past(
    generator: Callable[[Tensor, Tensor], Tensor],
    pasts: Float[Tensor, "m frames size size"],
    z: Float[Tensor, "draws latent"],
) -> Float[Tensor, "m 4"]:
    r"""How the frames drawn for each past divide into left, right, ghosts and neither, (m, 4); each row sums to one.

    Every past is shown with every row of `z`.  The columns are those of `course_gan.data.VERDICTS`.

    >>> from course_gan.data import conditional_mean, two_futures
    >>> pasts = two_futures(2, torch.Generator().manual_seed(0)).past
    >>> shares_by_past(lambda z, past: conditional_mean(past), pasts, torch.zeros(3, 1))
    tensor([[0., 0., 1., 0.],
            [0., 0., 1., 0.]])
    """
    require_count("the number of draws", len(z))
    rows = []
    for past in pasts:
        told = past.expand(len(z), *past.shape)
        with torch.no_grad():
            found = verdict(generator(z, told), told)
        rows.append(found.bincount(minlength=len(VERDICTS)) / len(z))
    return torch.stack(rows)
