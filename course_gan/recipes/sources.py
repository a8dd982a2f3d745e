"""What a recipe can be trained on: for each name under `[data]`, where the batches come from and how samples look."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from course_gan import data
from course_gan.data import Mixture

Drawn = Tensor | tuple[Tensor, ...]


@dataclass(frozen=True)
class Source:
    """A source for `data.Batches`, with the shape of one sample and what else the networks have to fit.

    `given` is the shape of what the generator is told besides z, `mixture` the density where it is known.  With `pairs`
    the rows are those of two domains, unpaired, and the pairs are withheld from training.
    """

    rows: Drawn | Callable[[int, torch.Generator | None], Drawn]
    shape: tuple[int, ...]
    classes: int = 10
    given: tuple[int, ...] = ()
    mixture: Mixture | None = None
    pairs: tuple[Tensor, Tensor] | None = None

    def real(self, n: int, generator: torch.Generator) -> Drawn:
        """n rows to compare generated ones with: drawn anew, or picked from the set (all of it, if it is smaller)."""
        if callable(self.rows):
            return self.rows(n, generator)
        columns = (self.rows,) if isinstance(self.rows, Tensor) else self.rows
        picked = torch.randperm(len(columns[0]), generator=generator)[:n]
        rows = tuple(column[picked] for column in columns)
        return rows[0] if isinstance(self.rows, Tensor) else rows


def _mixture(mixture: Mixture) -> Source:
    return Source(mixture, (mixture.centers.shape[1],), mixture=mixture)


def ring(modes: int = 8, radius: float = 1.0, std: float = 0.01, scale: float = 1.0) -> Source:
    """Eight Gaussians on a circle."""
    return _mixture(data.ring(modes, radius, std).scaled(scale))


def grid(side: int = 5, spacing: float = 2.0, std: float = 0.05, scale: float = 1.0) -> Source:
    """25 Gaussians on a square grid."""
    return _mixture(data.grid(side, spacing, std).scaled(scale))


def mixture_1d(weights: Sequence[float], means: Sequence[float], stds: Sequence[float]) -> Source:
    """Gaussians on the line."""
    return _mixture(data.mixture_1d(weights, means, stds))


def swiss_roll(noise: float = 0.25) -> Source:
    """A spiral in the plane."""
    return Source(data.swiss_roll(noise), (2,))


def two_moons(noise: float = 0.1) -> Source:
    """Two half circles."""
    return Source(data.two_moons(noise), (2,))


def two_futures(size: int = 16, past: int = 3) -> Source:
    """The next frame of a film that can go on in two ways, given the last frames."""
    return Source(partial(_futures, size=size, past=past), (1, size, size), given=(past, size, size))


def _futures(n: int, generator: torch.Generator | None, *, size: int, past: int) -> Drawn:
    film = data.two_futures(n, generator, size=size, past=past)
    return film.next, film.past


def digits(labels: bool = False) -> Source:
    """scikit-learn's handwritten digits, 8×8."""
    images, classes = data.digits()
    return Source((images, classes) if labels else images, (1, 8, 8))


def glyphs(size: int = 28, labels: bool = False) -> Source:
    """Drawn signs of ten classes, without end."""
    return Source(partial(_glyphs, size=size, labels=labels), (1, size, size))


def _glyphs(n: int, generator: torch.Generator | None, *, size: int, labels: bool) -> Drawn:
    images, classes = data.glyphs(n, generator, size=size)
    return (images, classes) if labels else images


def real_set(set: str, labels: bool = False) -> Source:
    """A real image set: see `course-gan data`."""
    images, classes = data.load(set)
    return Source((images, classes) if labels else images, tuple(images.shape[1:]), int(classes.max()) + 1)


def stacked_digits() -> Source:
    """Three of scikit-learn's digits, one a color: 1000 modes, nearly equally likely."""
    images, labels = data.digits()
    return Source(partial(_without_modes, images=images, labels=labels), (3, 8, 8))


def stacked_mnist() -> Source:
    """Three of MNIST's digits, one a color: 1000 modes, nearly equally likely."""
    images, labels = data.load("MNIST")
    return Source(partial(_without_modes, images=images, labels=labels), (3, 28, 28))


def _without_modes(n: int, generator: torch.Generator | None, *, images: Tensor, labels: Tensor) -> Tensor:
    return data.stacked_mnist(n, generator, images=images, labels=labels)[0]


def stripes(n: int = 1000, pairs: int = 200, size: int = 32) -> Source:
    """Plain shapes and striped ones, unpaired; the pairs are withheld."""
    drawn = data.stripes(n, pairs, size=size)
    held = (drawn.pairs_plain, drawn.pairs_striped)
    return Source((drawn.plain, drawn.striped), (1, size, size), pairs=held)


SOURCES: dict[str, Callable[..., Source]] = {
    "ring": ring,
    "grid": grid,
    "mixture-1d": mixture_1d,
    "swiss-roll": swiss_roll,
    "two-moons": two_moons,
    "two-futures": two_futures,
    "digits": digits,
    "glyphs": glyphs,
    "real-set": real_set,
    "stacked-digits": stacked_digits,
    "stacked-mnist": stacked_mnist,
    "stripes": stripes,
}
