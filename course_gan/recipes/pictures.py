"""A picture of what a trained recipe makes: points beside real ones, or a grid of images."""

from pathlib import Path

import torch
from torch import Tensor, nn

from course_gan.recipes.scores import floats, generate
from course_gan.recipes.sources import Source


def draw_samples(rows: Source, players: dict[str, nn.Module], file: Path) -> None:
    """Write samples of the generator in `players`, or translations of withheld images, as a PNG."""
    # A figure of its own and not pyplot's: no window, no backend, nothing left over.
    from matplotlib.figure import Figure

    from course_gan.plots import image_grid, samples

    figure = Figure(figsize=(5.0, 5.0), layout="constrained")
    axes, draw = figure.subplots(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        if rows.pairs is not None:
            image_grid(_there_and_back(rows, players), columns=8, axes=axes)
        elif len(rows.shape) == 3:
            image_grid(_images(rows, players["generator"], draw), columns=8, axes=axes)
        else:
            real = rows.real(500, draw)
            assert isinstance(real, Tensor)
            samples(real, generate(players["generator"], 500, draw), axes=axes)
    file.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(file, dpi=150, facecolor="white")


def _images(rows: Source, generator: nn.Module, draw: torch.Generator) -> Tensor:
    real = rows.real(32, draw)
    told = () if isinstance(real, Tensor) else real[1:]
    return generate(generator, 32, draw, *told).clamp(-1, 1)


def _there_and_back(rows: Source, players: dict[str, nn.Module]) -> Tensor:
    """Withheld images of either domain, in the first and third row, and their translations below them."""
    assert rows.pairs is not None
    where = next(players["to_b"].parameters()).device
    a, b = (floats(images[:8]) for images in rows.pairs)
    return torch.cat([a, players["to_b"](a.to(where)).cpu(), b, players["to_a"](b.to(where)).cpu()]).clamp(-1, 1)
