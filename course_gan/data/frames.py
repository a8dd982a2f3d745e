r"""A film with two right endings: a walker comes to a fork, and goes left or right with probability ½.

Who must name one next frame, and pays for the squared error, names the average of both: a ghost, half a walker on
either side (Mathieu, Couprie and LeCun, Deep multi-scale video prediction beyond mean square error, 2016).
Everything here is known in closed form, so that ghosts can be counted.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from course_gan.inputs import at_least_single, require, require_count, require_floats

WALL, FLOOR, WALKER = -0.4, -1.0, 1.0
VERDICTS = ("left", "right", "ghost", "neither")


class Futures(NamedTuple):
    """What has been seen, what comes next, and on which side: 0 for left, 1 for right."""

    past: Float[Tensor, "n frames size size"]
    next: Float[Tensor, "n 1 size size"]
    direction: Int64[Tensor, " n"]


def two_futures(
    n: int, generator: torch.Generator | None = None, *, size: int = 16, past: int = 3, left: float | int = 0.5
) -> Futures:
    r"""Draw n short films: `past` frames (n, past, size, size) of the walker coming up to the fork, and the next one.

    Gray values: walls -0.4, floor -1, walker 1.  The fork lies in one of a few places, which the past shows;
    the side, drawn with probability `left` for left, it does not show.  `two_futures` is a sampler for `Batches`.

    >>> past, next_frame, direction = two_futures(5, torch.Generator().manual_seed(0))
    >>> past.shape, next_frame.shape, bool(((direction == 0) | (direction == 1)).all())
    (torch.Size([5, 3, 16, 16]), torch.Size([5, 1, 16, 16]), True)
    """
    require_count("n", n, least=0)
    require_count("size", size, least=16)
    require_count("past", past)
    _require_probability(left)
    device = "cpu" if generator is None else generator.device
    unit, (rows, columns) = size / 16, _places(size)
    row = torch.randint(*rows, (n,), generator=generator, device=device)
    column = torch.randint(*columns, (n,), generator=generator, device=device)
    direction = (torch.rand(n, generator=generator, device=device) >= left).long()
    maze = _maze(row, column, size)
    # The last frame of the past has the walker in the fork; earlier ones have him below it, evenly spaced.
    steps = [8 * unit * k / max(past - 1, 1) for k in reversed(range(past))]
    seen = torch.cat([_with_walker(maze, row + step, column) for step in steps], 1)
    side = torch.where(direction == 0, -5 * unit, 5 * unit)
    return Futures(seen, _with_walker(maze, row, column + side), direction)


def both_futures(
    past: Float[Tensor, "n frames size size"],
) -> tuple[Float[Tensor, "n 1 size size"], Float[Tensor, "n 1 size size"]]:
    r"""The two next frames that can follow `past`: the one with the walker on the left, the one on the right."""
    _, left, right = _endings(past)
    return left.to(past.dtype), right.to(past.dtype)


def conditional_mean(
    past: Float[Tensor, "n frames size size"], left: float | int = 0.5
) -> Float[Tensor, "n 1 size size"]:
    r"""$E[\text{next} \mid \text{past}] = p\,x_\text{left} + (1 - p)\,x_\text{right}$: what least squares aims at.

    >>> past = two_futures(1, torch.Generator().manual_seed(0)).past
    >>> VERDICTS[int(verdict(conditional_mean(past), past))]
    'ghost'
    """
    _require_probability(left)
    x_left, x_right = both_futures(past)
    return left * x_left + (1 - left) * x_right


def sides(
    prediction: Float[Tensor, "n 1 size size"], past: Float[Tensor, "n frames size size"]
) -> Float[Tensor, "n 2"]:
    r"""How much of a walker a predicted frame shows on the left and on the right, (n, 2): (1, 0) is all on the left.

    With e the empty maze, and $w = x_\text{left} - e$ the walker alone, the share on the left is the coefficient of the
    projection $\langle \text{prediction} - e, w \rangle / \langle w, w \rangle$.  The two walkers do not touch, so
    a frame $e + a\,w_\text{left} + b\,w_\text{right}$ has exactly the shares (a, b).
    """
    empty, *endings = _endings(past)
    prediction = require_floats("prediction", prediction)
    if prediction.shape != empty.shape:
        raise ValueError(
            f"prediction has shape {tuple(prediction.shape)}; wanted {tuple(empty.shape)}, one frame for each past."
        )
    seen = at_least_single(prediction) - empty
    walkers = [ending - empty for ending in endings]
    shares = [(seen * walker).sum((1, 2, 3)) / walker.square().sum((1, 2, 3)) for walker in walkers]
    return torch.stack(shares, 1).to(prediction.dtype)


def ghost(prediction: Float[Tensor, "n 1 size size"], past: Float[Tensor, "n frames size size"]) -> Float[Tensor, " n"]:
    r"""$2 \min(a, b)$, cut to [0, 1], with the shares (a, b) of `sides`: 0 for a right frame, 1 for the average."""
    return (2 * sides(prediction, past).amin(1)).clamp(0, 1)


def verdict(
    prediction: Float[Tensor, "n 1 size size"], past: Float[Tensor, "n frames size size"], tolerance: float | int = 0.25
) -> Int64[Tensor, " n"]:
    r"""What each predicted frame shows, (n,), as an index into `VERDICTS`.

    0 "left" and 1 "right": the shares are (1, 0) or (0, 1) within `tolerance`; 2 "ghost": both are above it;
    3 "neither": anything else, such as an empty maze.
    """
    if not 0 < tolerance < 0.5:
        raise ValueError(f"tolerance is {tolerance:g}; wanted a number between 0 and 0.5.")
    a, b = sides(prediction, past).unbind(1)
    whole_a, whole_b = (a - 1).abs() <= tolerance, (b - 1).abs() <= tolerance
    none_a, none_b = a.abs() <= tolerance, b.abs() <= tolerance
    found = torch.full_like(a, 3, dtype=torch.int64)
    found[(a > tolerance) & (b > tolerance)] = 2
    found[none_a & whole_b] = 1
    found[whole_a & none_b] = 0
    return found


def _require_probability(left: float | int) -> None:
    if not 0 <= left <= 1:
        raise ValueError(f"left is {left:g}; wanted a probability, between 0 and 1.")


def _places(size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """From where to where (exclusive) the fork's row and column lie, so that all walkers stay inside the frame."""
    unit = size / 16
    return (round(3 * unit), round(5 * unit) + 1), (round(7 * unit), round(8 * unit) + 1)


def _endings(past: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The empty maze and the two next frames, found from the last frame of the past, which shows the fork."""
    past = require_floats("past", past)
    if past.ndim != 4 or past.shape[-1] != past.shape[-2] or past.shape[-1] < 16 or past.shape[1] == 0:
        raise ValueError(f"past has shape {tuple(past.shape)}; wanted (n, frames, size, size) from two_futures.")
    last, size = at_least_single(past[:, -1]), past.shape[-1]
    ticks = torch.arange(size, dtype=last.dtype, device=last.device)
    figure = (last > 0).to(last.dtype)  # the bright pixels; they lie evenly around a whole row and column
    total = figure.sum((1, 2))
    wanted = "wanted some, the walker's. Pass a past from two_futures, in its gray values from -1 to 1"
    require("the number of bright pixels in the last frame of past", total, total > 0, wanted)
    row, column = (figure.sum(2) @ ticks / total).round(), (figure.sum(1) @ ticks / total).round()
    maze, reach = _maze(row, column, size), 5 * size / 16
    return maze, _with_walker(maze, row, column - reach), _with_walker(maze, row, column + reach)


def _maze(row: Tensor, column: Tensor, size: int) -> Tensor:
    """The empty maze (n, 1, size, size): a corridor from below that ends in one from side to side."""
    y, x, unit = *_pixels(size, row), size / 16
    row, column = row[:, None, None, None], column[:, None, None, None]
    across = _inside(2 * unit - (y - row).abs()) * _inside(7 * unit - (x - column).abs())
    up = _inside(2 * unit - (x - column).abs()) * (y >= row)
    return WALL + (FLOOR - WALL) * torch.maximum(across, up)


def _with_walker(maze: Tensor, row: Tensor, column: Tensor) -> Tensor:
    """The maze with the walker, a disc, at (row, column), both (n,)."""
    y, x, unit = *_pixels(maze.shape[-1], maze), maze.shape[-1] / 16
    distance = torch.hypot(y - row[:, None, None, None], x - column[:, None, None, None])
    return torch.lerp(maze, torch.full_like(maze, WALKER), _inside(1.75 * unit - distance))


def _pixels(size: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Row and column of every pixel, (size, 1) and (1, size)."""
    dtype = like.dtype if like.is_floating_point() else torch.float32
    ticks = torch.arange(size, dtype=dtype, device=like.device)
    return ticks[:, None], ticks[None, :]


def _inside(depth: Tensor) -> Tensor:
    """The share of a pixel inside an edge that lies `depth` pixels beyond its center: 0, 1, or between at the edge."""
    return (depth + 0.5).clamp(0, 1)
