r"""Images without end: ten signs drawn with a round pen, each time in another place, size, slant and thickness.

They are drawn by their geometry, not taken from a file, so that there are as many as wanted and a label is never wrong.
The rendering is plain tensor arithmetic over the whole batch, and runs wherever the tensors are.
"""

import math

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from course_gan.inputs import require_count, require_floats

# The strokes of each sign: segments (x0, y0, x1, y1) in the square [-1, 1]², y downwards.  At most four of them.
STROKES: dict[str, tuple[tuple[float, float, float, float], ...]] = {
    "bar": ((0, -1, 0, 1),),
    "plus": ((0, -1, 0, 1), (-1, 0, 1, 0)),
    "cross": ((-0.8, -0.9, 0.8, 0.9), (-0.8, 0.9, 0.8, -0.9)),
    "tee": ((-0.9, -0.9, 0.9, -0.9), (0, -0.9, 0, 1)),
    "ell": ((-0.6, -1, -0.6, 0.9), (-0.6, 0.9, 0.8, 0.9)),
    "vee": ((-0.8, -0.9, 0, 0.9), (0, 0.9, 0.8, -0.9)),
    "zed": ((-0.8, -0.9, 0.8, -0.9), (0.8, -0.9, -0.8, 0.9), (-0.8, 0.9, 0.8, 0.9)),
    "triangle": ((0, -0.9, 0.9, 0.8), (0.9, 0.8, -0.9, 0.8), (-0.9, 0.8, 0, -0.9)),
    "square": ((-0.8, -0.8, 0.8, -0.8), (0.8, -0.8, 0.8, 0.8), (0.8, 0.8, -0.8, 0.8), (-0.8, 0.8, -0.8, -0.8)),
    "aitch": ((-0.7, -0.9, -0.7, 0.9), (0.7, -0.9, 0.7, 0.9), (-0.7, 0, 0.7, 0)),
}
GLYPHS = tuple(STROKES)
CHUNK = 128  # images drawn at a time: what they need in between stays in the cache of the processor


def glyphs(
    n: int,
    generator: torch.Generator | None = None,
    *,
    size: int = 16,
    labels: Int64[Tensor, " {n}"] | None = None,
    variation: float | int = 1.0,
    device: torch.device | str | None = None,
) -> tuple[Float[Tensor, "{n} 1 {size} {size}"], Int64[Tensor, " {n}"]]:
    r"""Draw n images (n, 1, size, size) in [-1, 1], sign 1 on background -1, and their labels 0…9, (n,).

    `labels` asks for certain signs (`GLYPHS` names them); without, each is equally likely.  `variation` scales all
    that varies, from 0 (ten images, always the same) to 1.  The numbers are drawn where the generator is, the images
    on `device`, by default there too.  `glyphs` is a sampler for `Batches`.

    >>> images, labels = glyphs(6, torch.Generator().manual_seed(0), size=28)
    >>> images.shape, GLYPHS[labels[0]] in STROKES
    (torch.Size([6, 1, 28, 28]), True)
    """
    require_count("n", n, least=0)
    require_count("size", size, least=8)
    if not 0 <= variation <= 1:
        raise ValueError(f"variation is {variation:g}; wanted a number from 0 to 1.")
    source = torch.device("cpu") if generator is None else generator.device
    target = source if device is None else torch.device(device)
    if labels is None:
        labels = torch.randint(len(GLYPHS), (n,), generator=generator, device=source)
    elif not isinstance(labels, Tensor):
        raise TypeError(f"labels is a {type(labels).__name__}; wanted a tensor. Pass torch.as_tensor(labels).")
    elif labels.shape != (n,) or labels.dtype != torch.int64:
        raise ValueError(f"labels has shape {tuple(labels.shape)} and dtype {labels.dtype}; wanted ({n},) of int64.")
    elif n > 0 and not 0 <= int(labels.min()) <= int(labels.max()) < len(GLYPHS):  # the host waits for the device here
        raise ValueError(f"labels go from {labels.min()} to {labels.max()}; wanted 0…9, for {', '.join(GLYPHS)}.")
    u = ((2 * torch.rand(n, 6, generator=generator, device=source) - 1) * variation).to(target)
    labels = labels.to(target)
    strokes = _place(_table(target)[labels], u)
    pen = 0.17 + 0.06 * u[:, 5]
    return draw_strokes(strokes, pen, size), labels


def draw_strokes(
    strokes: Float[Tensor, "n segments 2 2"], pen: Float[Tensor, " n"], size: int
) -> Float[Tensor, "n 1 {size} {size}"]:
    r"""Images (n, 1, size, size) of segments from `strokes[:, :, 0]` to `strokes[:, :, 1]`, (x, y) in [-1, 1]².

    A point is black if it is nearer than the radius of the pen to one of the segments.  A pixel at distance $\delta$
    from the edge, in pixels, is covered by $\mathrm{clip}(\frac12 - \delta, 0, 1)$: exact for an edge along the rows
    or columns, nearly so for others; no jagged edges, and the image changes smoothly with the strokes.

    >>> draw_strokes(torch.tensor([[[[-2.0, 0.0], [2.0, 0.0]]]]), torch.tensor([0.5]), 8)[0, 0, :, 0]
    tensor([-1., -1.,  1.,  1.,  1.,  1., -1., -1.])
    """
    require_count("size", size)
    strokes, pen = require_floats("strokes", strokes), require_floats("pen", pen)
    if strokes.ndim != 4 or strokes.shape[2:] != (2, 2) or strokes.shape[1] == 0 or pen.shape != strokes.shape[:1]:
        raise ValueError(
            f"strokes has shape {tuple(strokes.shape)} and pen {tuple(pen.shape)}; "
            "wanted (n, segments, 2, 2), two points (x, y) a segment, and (n,)."
        )
    centers = (torch.arange(size, dtype=strokes.dtype, device=strokes.device) + 0.5) * (2 / size) - 1
    images = strokes.new_empty(len(strokes), 1, size, size)
    for at in range(0, len(strokes), CHUNK):
        part = slice(at, at + CHUNK)
        distance = _distance(strokes[part], centers) - pen[part, None, None]
        images[part, 0] = distance.mul_(-size / 2).add_(0.5).clamp_(0, 1).mul_(2).sub_(1)
    return images


def _distance(strokes: Tensor, centers: Tensor) -> Tensor:
    r"""Distance from each pixel (y, x) to the nearest segment, (n, size, size).

    In the frame of a segment with midpoint m, half length h and direction d a point p lies $t = (p - m) \cdot d$ along
    and $s = (p - m) \times d$ beside it, and is $\sqrt{s^2 + \max(|t| - h, 0)^2}$ away.
    """
    middle = (strokes[:, :, 1] + strokes[:, :, 0]) / 2
    half = (strokes[:, :, 1] - strokes[:, :, 0]) / 2
    h = torch.linalg.vector_norm(half, dim=-1)
    # A segment without length is a dot, whichever way it points.
    unit = torch.where(h > 0, h, 1)
    dx, dy = torch.where(h > 0, half[..., 0] / unit, 1), half[..., 1] / unit
    nearest: Tensor | None = None
    for k in range(strokes.shape[1]):  # one after the other, so that only one (n, size, size) is alive
        cx, cy = dx[:, k, None, None], dy[:, k, None, None]
        x = (centers - middle[:, k, 0, None])[:, None, :]
        y = (centers - middle[:, k, 1, None])[:, :, None]
        beyond = (x * cx + y * cy).abs_().sub_(h[:, k, None, None]).clamp_(min=0)
        beside = x * cy - y * cx
        square = beyond.square().addcmul_(beside, beside)
        if nearest is None:
            nearest = square
        elif square.requires_grad:  # autograd needs both of the two
            nearest = torch.minimum(nearest, square)
        else:
            torch.minimum(nearest, square, out=nearest)
    assert nearest is not None
    # On the segment itself the root would have the slope ∞, and 0 · ∞ is no gradient.
    return nearest.clamp(min=torch.finfo(nearest.dtype).tiny).sqrt()


def _place(strokes: Tensor, u: Tensor) -> Tensor:
    """Slant, turn, scale and shift the strokes (n, segments, 2, 2) by the uniform numbers u in [-1, 1], (n, 6)."""
    slant, angle, size = 0.25 * u[:, 0], math.radians(12) * u[:, 1], 0.57 + 0.1 * u[:, 2]
    c, s = size * angle.cos(), size * angle.sin()
    # turn · slant, as [[c, -s], [s, c]] [[1, -slant], [0, 1]]: positive slants lean to the right, as y goes down
    matrix = torch.stack([c, -slant * c - s, s, c - slant * s], -1).view(-1, 1, 2, 2)
    shift = 0.15 * u[:, 3:5]
    return strokes @ matrix.transpose(-1, -2) + shift[:, None, None, :]


def _table(device: torch.device) -> Tensor:
    """The strokes of all signs, (10, 4, 2, 2); those with fewer repeat their last one, which changes no pixel."""
    rows = [[*lines, *[lines[-1]] * (4 - len(lines))] for lines in STROKES.values()]
    return torch.tensor(rows, dtype=torch.float32, device=device).view(len(rows), 4, 2, 2)
