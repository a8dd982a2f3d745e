"""A grid of images, each pixel a square."""

import math
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.inputs import require_count, require_tensor
from course_gan.plots.description import counted, describe
from course_gan.plots.inputs import drawable
from course_gan.plots.style import BETWEEN, NARROW, panels


def tile(images: Tensor, columns: int, gap: int = 1) -> Tensor:
    """Images (n, c, h, w) in [-1, 1] side by side as one picture (rows, columns, 3) in [0, 1], on middle gray."""
    images = drawable("images", images)
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(
            f"images have shape {tuple(images.shape)}; wanted (n, 1, h, w) in gray or (n, 3, h, w) in color. "
            "Images without a channel axis get it by images[:, None]."
        )
    if not ((images >= -1.001) & (images <= 1.001)).all():  # also refuses NaN
        low, high = images.amin(), images.amax()
        raise ValueError(
            f"images reach from {low:.3g} to {high:.3g}; wanted values in [-1, 1]. "
            "From [0, 1] they get there by 2 * images - 1."
        )
    n, _, height, width = images.shape
    rows = math.ceil(n / columns)
    sheet = torch.full((rows * (height + gap) - gap, columns * (width + gap) - gap, 3), 0.5)
    for k, image in enumerate(images.float()):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        sheet[top : top + height, left : left + width] = (image.permute(1, 2, 0) + 1).div(2).clamp(0, 1)
    return sheet


def image_grid(
    images: Tensor,
    *,
    columns: int | None = None,
    labels: Sequence[object] | Tensor | None = None,
    name: str = "image",
    axes: Axes | None = None,
) -> Figure:
    """Images (n, 1 or 3, h, w) in [-1, 1] in rows, enlarged without blur, each with its label under it if given.

    Pictures must not be turned over in the dark: give the book's cell the tag `picture`.
    """
    images = require_tensor("images", images)
    count = len(images) if images.ndim > 0 else 1
    columns = min(count, math.ceil(math.sqrt(count))) if columns is None else columns
    require_count("columns", columns)
    # Room for a line of small print, 0.18 inches, in pixels of the images.
    gap = 1 if labels is None else math.ceil(0.18 / NARROW * columns * (images.shape[3] + 1))
    sheet = tile(images, columns, gap)
    _, channels, height, width = images.shape
    figure, (ax,) = panels(1, 1, NARROW * (sheet.shape[0] + gap) / sheet.shape[1] + 0.1, axes)
    if labels is None:
        ax.imshow(sheet.numpy(), interpolation="nearest", vmin=0, vmax=1)
    else:
        captions = [str(label) for label in (labels.tolist() if isinstance(labels, Tensor) else labels)]
        if len(captions) != count:
            raise ValueError(f"there are {len(captions)} labels for {count} images; wanted one a image.")
        _with_captions(ax, images, captions, columns, gap)
    ax.set_axis_off()
    kind = "gray" if channels == 1 else "color"
    rows = math.ceil(count / columns)
    shape = f"{height} by {width} pixels in {counted(rows, 'row')} of {columns}"
    text = f"Grid of {counted(count, f'{kind} {name}')} of {shape}"
    means = drawable("images", images).float().mean((1, 2, 3)).add(1).div(2)
    text += f"; their mean brightness is {float(means.mean()):.0%}"
    if count > 1:
        spread = drawable("images", images).float().std(0, correction=0).mean() / 2
        text += f", and a pixel differs among them by {float(spread):.0%} (standard deviation)"
    if labels is not None:
        text += f"; labels in order: {', '.join(captions)}"
    return describe(figure, text + ".", add=axes is not None)


def _with_captions(ax: Axes, images: Tensor, captions: list[str], columns: int, gap: int) -> None:
    """Each image by itself on clear ground, with room below for its caption."""
    height, width = images.shape[2:]
    for k, caption in enumerate(captions):
        top, left = k // columns * (height + gap), k % columns * (width + gap)
        picture = tile(images[k : k + 1], 1).numpy()
        ax.imshow(picture, interpolation="nearest", vmin=0, vmax=1, extent=(left, left + width, top + height, top))
        middle, below = left + width / 2, top + height + 0.08 * gap
        ax.text(middle, below, caption, color=BETWEEN, ha="center", va="top", fontsize=8.5, in_layout=False)
    rows = math.ceil(len(captions) / columns)
    ax.set(xlim=(0, columns * (width + gap) - gap), ylim=(rows * (height + gap), 0), aspect="equal")
