r"""BigGAN in small: z is split over the blocks, a shared class embedding enters every block, the critic projects.

Of the original, the self-attention layer, spectral norm in the generator and orthogonal regularization are left out;
blocks, conditioning, initialization and the critic's spectral norm are there.
"""

from itertools import pairwise

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_gan.nets.checks import HALVINGS, require_counts, require_event, require_labels, require_latent, require_size
from course_gan.nets.initialization import orthogonal_, spared
from course_gan.nets.layout import unflatten_map
from course_gan.nets.normalization import ConditionalBatchNorm
from course_gan.nets.residual import DownBlock, UpBlock
from course_gan.penalties import spectral_norm_
from course_gan.piecewise import relu

__all__ = ["BigGANBlock", "BigGANCritic", "BigGANGenerator"]


class BigGANBlock(UpBlock):
    r"""An `UpBlock` whose two normalizations are `ConditionalBatchNorm`s of one condition: the class and a chunk of z.

    (n, inputs, h, w) and the condition (n, condition) give (n, outputs, 2h, 2w).

    Parameters: `10 * inputs * outputs + 9 * outputs**2 + 2 * (inputs + outputs) * condition` = 39,680 for
    `BigGANBlock(64, 32, 52)`.  Initialization: torch's for the convolutions; `BigGANGenerator` draws anew.

    Reference: Brock, Donahue and Simonyan, Large scale GAN training for high fidelity natural image synthesis, 2019,
    Appendix B, figure 15.

    >>> BigGANBlock(8, 4, 5)(torch.randn(2, 8, 7, 7), torch.randn(2, 5)).shape
    torch.Size([2, 4, 14, 14])
    """

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        require_counts(condition=condition)
        super().__init__(inputs, outputs, lambda channels: ConditionalBatchNorm(channels, condition))
        self.condition = condition


class BigGANGenerator(nn.Module):
    r"""From z (n, latent) and labels (n,) to images (n, channels, size, size) in [-1, 1].

    z is cut into one chunk for the first linear map and one for each block: `latent` has to be a multiple of the number
    of blocks + 1 (3 for size 28, 4 for 32, 5 for 64).  A chunk and the class embedding, shared by all blocks, are the
    condition of the block.  The widths halve from block to block down to `width`.

    Parameters: `(chunk + 1) * start**2 * widths[0] + classes * embedding + sum(10 * a * b + 9 * b**2 + 2 * (a + b)
    * condition for a, b in pairwise(widths)) + 2 * width + (9 * width + 1) * channels` = 310,817
    for `BigGANGenerator(28)`.
    Initialization: `orthogonal_`, biases 0.

    Reference: Brock, Donahue and Simonyan, Large scale GAN training for high fidelity natural image synthesis, 2019,
    §3.1 and Appendices B and C.

    >>> BigGANGenerator(28, width=4)(torch.randn(5, 60), torch.tensor([0, 1, 2, 3, 9])).shape
    torch.Size([5, 1, 28, 28])
    """

    def __init__(
        self,
        size: int = 28,
        channels: int = 1,
        latent: int = 60,
        width: int = 32,
        *,
        classes: int = 10,
        embedding: int = 32,
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(channels=channels, latent=latent, width=width, classes=classes, embedding=embedding)
        self.start, blocks = require_size(size)
        if latent % (blocks + 1):
            raise ValueError(
                f"latent is {latent}; wanted a multiple of {blocks + 1} for size {size}: one chunk for the first map "
                f"and one for each of the {blocks} blocks. 60 suits every size."
            )
        self.size, self.channels, self.latent, self.width = size, channels, latent, width
        self.classes, self.embedding, self.chunk = classes, embedding, latent // (blocks + 1)
        self.condition = embedding + self.chunk
        self.widths = [width * 2**i for i in reversed(range(blocks + 1))]
        with spared(rng):
            self.embed = nn.Embedding(classes, embedding)
            self.project = nn.Linear(self.chunk, self.widths[0] * self.start**2)
            self.blocks = nn.ModuleList(BigGANBlock(a, b, self.condition) for a, b in pairwise(self.widths))
            self.norm_last = nn.BatchNorm2d(width)
            self.last = nn.Conv2d(width, channels, kernel_size=3, padding=1)
        orthogonal_(self, rng=rng)

    def forward(
        self, z: Float[Tensor, "n {self.latent}"], labels: Int[Tensor, " n"] | None = None
    ) -> Float[Tensor, "n {self.channels} {self.size} {self.size}"]:
        first, *chunks = torch.split(require_latent(z, self.latent), self.chunk, dim=1)
        shared = self.embed(require_labels(labels, len(z), self.classes))
        h = unflatten_map(self.project(first), (self.widths[0], self.start, self.start), self.last)
        for block, chunk in zip(self.blocks, chunks):
            h = block(h, torch.cat([shared, chunk], dim=1))
        return torch.tanh(self.last(torch.relu(self.norm_last(h))))


class BigGANCritic(nn.Module):
    r"""From images (n, channels, size, size) and labels (n,) to raw scores (n,): $w^T h + b + v_y^T h$.

    h is the sum over pixels of what `DownBlock`s leave; v_y is the projection of Miyato and Koyama.  28 goes down to
    7×7, 32 and 64 to 8×8, one more block follows at that size.  `norm` is "spectral" or "none"; spectral
    norm includes the embedding.

    Parameters: `sum(10 * a * b + 9 * b**2 + 2 * b for a, b in pairwise([channels, *widths])) + (classes + 1) *
    widths[-1] + 1` = 145,729 for `BigGANCritic(28)`.
    Initialization: `orthogonal_`, biases 0.

    Reference: Brock, Donahue and Simonyan, Large scale GAN training for high fidelity natural image synthesis, 2019,
    Appendix B; Miyato and Koyama, cGANs with projection discriminator, 2018, §3.

    >>> BigGANCritic(28, width=4)(torch.randn(5, 1, 28, 28), torch.tensor([0, 1, 2, 3, 9])).shape
    torch.Size([5])
    """

    def __init__(
        self,
        size: int = 28,
        channels: int = 1,
        width: int = 32,
        *,
        classes: int = 10,
        norm: str = "spectral",
        rng: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        require_counts(channels=channels, width=width, classes=classes)
        require_size(size)
        if norm not in ("spectral", "none"):
            raise ValueError(f'{norm!r} is not a normalization here; wanted "spectral" or "none".')
        self.size, self.channels, self.width, self.classes = size, channels, width, classes
        halvings = HALVINGS[size]
        self.widths = [width * 2**i for i in range(halvings)] + [width * 2 ** (halvings - 1)]
        with spared(rng):
            self.body = nn.Sequential(
                *(
                    DownBlock(a, b, down=i < halvings, first=i == 0)
                    for i, (a, b) in enumerate(pairwise([channels, *self.widths]))
                )
            )
            self.last = nn.Linear(self.widths[-1], 1)
            self.embed = nn.Embedding(classes, self.widths[-1])
        orthogonal_(self, rng=rng)
        if norm == "spectral":
            spectral_norm_(self)

    def forward(
        self,
        x: Float[Tensor, "n {self.channels} {self.size} {self.size}"],
        labels: Int[Tensor, " n"] | None = None,
    ) -> Float[Tensor, " n"]:
        x = require_event(x, (self.channels, self.size, self.size))
        labels = require_labels(labels, len(x), self.classes)
        h = relu(self.body(x)).sum((2, 3))
        scores: Tensor = self.last(h).squeeze(1) + (self.embed(labels) * h).sum(1)
        return scores
