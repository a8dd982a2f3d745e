"""Euclidean distances between many rows: a block at a time, and right where they are small."""

from collections.abc import Iterator

import torch
from torch import Tensor

from course_gan.numerics import unit_of

BLOCK = 2**21  # entries of one block of distances: 16 MB in float64, however many rows there are
DIRECT = 16  # up to this many features, differences cost no more than a matrix product
CANCELLED = 1e-6  # a squared distance this far below the squared lengths has lost six of its sixteen digits
TIE = 1e-8  # squared distances are right to about 1e-9, so that those within 1e-8 of each other count as equal


def in_one_unit(*sets: Tensor) -> list[Tensor]:
    """Rows divided by `unit_of` all of them."""
    unit = unit_of(*sets)
    return list(sets) if unit == 1 else [rows / unit for rows in sets]


def row_blocks(rows: int, columns: int) -> Iterator[slice]:
    """Slices of the rows of a (rows, columns) matrix that cut it into blocks of at most `BLOCK` entries."""
    step = max(1, BLOCK // columns)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    r"""$\|x_i - y_j\|^2$ for float64 rows x (n, d) and y (m, d), as (n, m).  Exactly 0 for equal rows.

    In many dimensions by $\|x\|^2 + \|y\|^2 - 2 x \cdot y$, a matrix product, and so twenty times as fast as by
    differences.  That subtracts large numbers to find a small one: copies would lie $10^{-8}$ apart, or an imaginary
    distance.  So the rows are centered first, and what cancelled is computed again, by differences.
    """
    if x.shape[1] <= DIRECT:
        return torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()
    center = y.mean(0)
    near_x, near_y = x - center, y - center
    lengths = near_x.square().sum(1)[:, None] + near_y.square().sum(1)
    squares = torch.addmm(lengths, near_x, near_y.T, alpha=-2)
    rows, columns = (squares <= lengths.mul_(CANCELLED)).nonzero().unbind(1)  # the host waits for the device here
    for part in row_blocks(len(rows), x.shape[1]):
        squares[rows[part], columns[part]] = (x[rows[part]] - y[columns[part]]).square().sum(1)
    return squares


def nearest(x: Tensor, y: Tensor, k: int = 1, *, same: bool = False) -> tuple[Tensor, Tensor]:
    """The k smallest squared distances from each row of x to the rows of y, ascending, and whose they are: both (n, k).

    With `same`, y is x, and a row is no neighbor of itself (but a copy of it is, at distance 0).
    """
    found = []
    for rows in row_blocks(len(x), len(y)):
        squares = squared_distances(x[rows], y)
        if same:
            here = torch.arange(rows.start, rows.stop, device=x.device)
            squares[here - rows.start, here] = torch.inf
        # The minimum is ten times as fast as the list of the one smallest.
        found.append(tuple(squares.min(1, keepdim=True) if k == 1 else squares.topk(k, dim=1, largest=False)))
    return torch.cat([values for values, _ in found]), torch.cat([indices for _, indices in found])
