r"""Two domains without pairs, for CycleGAN: plain shapes, and striped ones; and true pairs, held back to score with.

To stripe a shape is a function of the plain image, and so is to wipe the stripes off, so there is one right answer
either way.  Kind, place, size, angle and brightness of a shape are what a translation has to keep.
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_count

BACKGROUND, DARK = -1.0, -0.5
SIDES = (3, 4, 0)  # the kinds: triangle, square, disc
PERIOD = 4  # rows, two bright and two dark


class Stripes(NamedTuple):
    """Images in [-1, 1]: two training sets of different shapes, and pairs, where row i is twice the same shape."""

    plain: Float[Tensor, "n 1 size size"]
    striped: Float[Tensor, "n 1 size size"]
    pairs_plain: Float[Tensor, "pairs 1 size size"]
    pairs_striped: Float[Tensor, "pairs 1 size size"]


def stripes(n: int = 1000, pairs: int = 200, *, size: int = 32, seed: int = 0) -> Stripes:
    r"""Draw n plain and n striped shapes, all different, and `pairs` more, each plain and striped.

    The background is -1, a shape between 0.5 and 1; in the striped domain every second pair of its rows is -0.5,
    counted from the top of the image.  The same arguments give the same images.

    >>> domains = stripes(n=8, pairs=2)
    >>> domains.plain.shape, domains.pairs_striped.shape
    (torch.Size([8, 1, 32, 32]), torch.Size([2, 1, 32, 32]))
    """
    require_count("n", n)
    require_count("pairs", pairs, least=0)
    require_count("size", size, least=16)
    require_count("seed", seed, least=0)
    generator = torch.Generator().manual_seed(seed)
    # One draw for all, cut into three: no shape is in two of the sets.
    coverage, brightness = _shapes(2 * n + pairs, size, generator)
    covers, lights = ((part[:n], part[n : 2 * n], part[2 * n :]) for part in (coverage, brightness))
    return Stripes(
        _paint(covers[0], lights[0], striped=False),
        _paint(covers[1], lights[1], striped=True),
        _paint(covers[2], lights[2], striped=False),
        _paint(covers[2], lights[2], striped=True),
    )


def _paint(coverage: Tensor, brightness: Tensor, striped: bool) -> Tensor:
    """The image of shapes that cover each pixel to a share in [0, 1]."""
    fill = brightness[:, None, None, None].expand_as(coverage)
    if striped:
        row = torch.arange(coverage.shape[-2])[:, None]
        fill = torch.where(row % PERIOD < PERIOD // 2, fill, DARK)
    return BACKGROUND + coverage * (fill - BACKGROUND)


def _shapes(n: int, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    r"""Coverage (n, 1, size, size) and brightness (n,) of random shapes.

    A regular polygon is where $\max_i (p - c) \cdot d_i \le r$ over the directions $d_i$ of its sides, a disc where
    $\|p - c\| \le r$.
    """
    kind = torch.randint(len(SIDES), (n,), generator=generator)
    u = torch.rand(n, 5, generator=generator)
    ticks = torch.arange(size, dtype=torch.float32) + 0.5
    # A triangle with the inner radius of a square looks larger and reaches twice as far out; so it gets a smaller one.
    radius = size * (0.16 + 0.08 * u[:, 0]) * torch.tensor([0.75, 1.0, 1.1])[kind]
    x, y = (ticks - size * (0.4 + 0.2 * u[:, axis, None]) for axis in (1, 2))
    x, y = x[:, None, :], y[:, :, None]
    beyond = torch.empty(n, size, size)
    for index, sides in enumerate(SIDES):
        mine = kind == index
        if sides == 0:
            beyond[mine] = torch.hypot(x[mine], y[mine])
            continue
        turns = 2 * math.pi / sides * (u[mine, 3, None] + torch.arange(sides))
        c, s = turns.cos()[:, :, None, None], turns.sin()[:, :, None, None]
        beyond[mine] = (x[mine, None] * c + y[mine, None] * s).amax(1)
    coverage = (radius[:, None, None] - beyond + 0.5).clamp(0, 1)
    return coverage[:, None], 0.5 + 0.5 * u[:, 4]
