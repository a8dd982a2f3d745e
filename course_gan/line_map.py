r"""Where a generator on the line puts its noise, also if it folds: the mass of G(z) on each cell of a grid.

Between two neighboring values of z the map counts as straight, so the mass between them spreads evenly from the one
image to the other.  That is exact as the values lie closer and closer, and needs no density, which a map that turns
around does not have: where it turns, the density of G(z) is infinite, but the mass of a cell is not.
"""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.special import ndtr

from course_gan.inputs import require, require_count, require_positive, require_tensor

__all__ = ["mass_on_cells", "noise_line"]


def noise_line(n: int = 2001, end: float | int = 4.5) -> tuple[Float[Tensor, " n"], Float[Tensor, " intervals"]]:
    """Values of z, evenly from -end to end, and the mass of N(0, 1) between neighbors, which sums to one.

    What lies beyond, 7e-6 for 4.5, is given to the intervals in proportion.

    >>> z, mass = noise_line(3)
    >>> z, mass
    (tensor([-4.5000,  0.0000,  4.5000], dtype=torch.float64), tensor([0.5000, 0.5000], dtype=torch.float64))
    """
    require_count("n", n, least=2)
    require_positive("end", float(end))
    z = torch.linspace(-float(end), float(end), n, dtype=torch.float64)
    mass = ndtr(z).diff()
    return z, mass / mass.sum()


def mass_on_cells(
    x: Float[Tensor, " n"], mass: Float[Tensor, " intervals"], edges: Float[Tensor, " e"]
) -> Float[Tensor, " cells"]:
    """How much of the mass falls on each cell between `edges`, which increase; what falls outside is left out.

    `x` (n,) are the images of n values of z in their order, and `mass` (n - 1,) is what lies between neighbors.

    >>> mass_on_cells(torch.tensor([0.0, 2.0, 1.0]), torch.tensor([0.5, 0.5]), torch.tensor([0.0, 1.0, 2.0]))
    tensor([0.2500, 0.7500])
    """
    x, mass, edges = (require_tensor(*pair) for pair in (("x", x), ("mass", mass), ("edges", edges)))
    if x.ndim != 1 or mass.shape != (len(x) - 1,):
        raise ValueError(
            f"x has shape {tuple(x.shape)} and mass {tuple(mass.shape)}; wanted (n,) and (n - 1,): the images of n "
            "values of z, and what lies between neighbors."
        )
    if edges.ndim != 1:
        raise ValueError(f"edges has shape {tuple(edges.shape)}; wanted (e,), the ends of the cells.")
    require("x", x, x.isfinite(), "wanted finite numbers")
    rising = torch.cat([edges[:1].isfinite(), edges.diff() > 0])
    require("edges", edges, rising, "wanted numbers that increase. Sort them")
    low, high = torch.minimum(x[1:], x[:-1]), torch.maximum(x[1:], x[:-1])
    length = high - low
    flat = length == 0  # both ends in one point, which lies below an edge or not
    share = (edges[:, None] - low) / torch.where(flat, 1, length)
    below = torch.where(flat, (edges[:, None] > low).to(x.dtype), share.clamp(0, 1)) @ mass
    return below.diff().clamp(min=0)
