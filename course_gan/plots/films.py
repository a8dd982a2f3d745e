"""Training films: the samples of a generator as it learns, to play, to step through, or as a strip of stills."""

from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.inputs import require_count, require_positive
from course_gan.plots import film_page
from course_gan.plots.description import box, counted, describe, modes_reached
from course_gan.plots.film_frames import Images, Pictures, Points
from course_gan.plots.inputs import Extent, Number, around, check_extent, plane
from course_gan.plots.style import panels

STILLS = 6


class Film:
    """A film in a notebook or on a page (`_repr_html_`); `.still` is a figure of six of its frames, `.alt` its words.

    A reader plays it by a button and steps through it by a slider, both usable by keyboard.  It never starts by itself.
    """

    def __init__(self, pictures: Pictures, steps: list[str], alt: str, seconds: float) -> None:
        self.pictures, self.steps, self.alt, self.seconds = pictures, steps, alt, seconds

    def __repr__(self) -> str:
        return self.alt

    def _repr_html_(self) -> str:
        count = len(self.steps)
        return film_page.fragment(
            size=self.pictures.size,
            stage=self.pictures.stage(),
            stills=[(self.steps[k], self.pictures.still(k)) for k in self._chosen()],
            frames=[self.pictures.data(k) for k in range(count)],
            steps=self.steps,
            key=self.pictures.key,
            alt=self.alt,
            pause=round(1000 * self.seconds / count),
        )

    def save(self, path: str | Path) -> None:
        """Write the film as a page of its own, which needs no other file."""
        Path(path).write_text(film_page.page(self._repr_html_(), "Training film"), encoding="utf-8")

    def _chosen(self) -> list[int]:
        """Frames evenly spread over the film, the first and the last among them."""
        count = len(self.steps)
        return torch.linspace(0, count - 1, min(STILLS, count)).round().int().tolist()

    @property
    def still(self) -> Figure:
        """Six frames of the film (or as many as there are), for paper."""
        chosen = self._chosen()
        columns = min(3, len(chosen))
        rows = -(-len(chosen) // columns)
        figure, grid = panels(rows, columns, 2.1 * rows, None)
        for ax, k in zip(grid, chosen, strict=False):
            self.pictures.draw(ax, k)
            ax.set(title=self.steps[k], xticks=[], yticks=[])
        for ax in grid[len(chosen) :]:
            ax.set_axis_off()
        return describe(figure, f"Stills at {', '.join(self.steps[k] for k in chosen)}. {self.alt}")


def film(
    frames: Tensor | Sequence[Tensor],
    *,
    real: Tensor | None = None,
    steps: Sequence[int | str] | Tensor | None = None,
    centers: Tensor | None = None,
    radius: Number | None = None,
    extent: Extent | None = None,
    limit: int = 400,
    columns: int | None = None,
    seconds: Number = 6,
) -> Film:
    """A film of what a generator made as it trained.

    `frames` are, per moment, points in the plane (n, 2), drawn as crosses over the dots of `real` (m, 2); or images
    (n, 1 or 3, h, w) in [-1, 1], drawn in `columns`.  `steps` name the moments ("step 300" for the number 300).
    Of points at most `limit` a frame are drawn, the first ones, which keeps a film of 30 frames near 120 kB.
    With `centers` (k, 2) and a `radius` the alt text says how many modes the first and the last frame reach.
    """
    moments = list(frames)
    if not moments:
        raise ValueError("frames are empty; wanted at least one tensor (n, 2) of points or (n, c, h, w) of images.")
    require_positive("seconds", float(seconds))
    require_count("limit", limit)
    names = _names(steps, len(moments))
    when = f"Film of {counted(len(moments), 'frame')} from {names[0]} to {names[-1]}"
    if moments[0].ndim == 4:
        sheets = Images(moments, columns)
        return Film(sheets, names, f"{when}: {sheets.alt}", float(seconds))
    clouds = [plane(f"frame {k}", moment) for k, moment in enumerate(moments)]
    reals = None if real is None else plane("real", real)
    alt = f"{when}: {counted(len(clouds[-1]), 'fake sample')} as crosses"
    if reals is not None:
        alt += f" among {counted(len(reals), 'real sample')} as dots, {box(reals)}"
    alt += f". At first the fakes lie {box(clouds[0])}, at last {box(clouds[-1])}."
    if centers is not None:
        if radius is None or not radius > 0:
            raise ValueError(f"radius is {radius}; wanted how far from a center still counts, above 0.")
        first, last = (
            modes_reached(cloud, plane("centers", centers), float(radius)) for cloud in (clouds[0], clouds[-1])
        )
        alt += f" They reach {first} of {len(centers)} modes at first and {last} at last."
    shown = [cloud[:limit] for cloud in clouds]
    extent = around(*clouds, *([] if reals is None else [reals])) if extent is None else check_extent(extent)
    return Film(Points(shown, None if reals is None else reals[:limit], extent), names, alt, float(seconds))


def _names(steps: Sequence[int | str] | Tensor | None, count: int) -> list[str]:
    if steps is None:
        return [f"frame {k + 1}" for k in range(count)]
    given = steps.tolist() if isinstance(steps, Tensor) else list(steps)
    if len(given) != count:
        raise ValueError(f"there are {len(given)} steps for {count} frames; wanted one a frame.")
    names = [step if isinstance(step, str) else f"step {step:g}" for step in given]
    if any("|" in name for name in names):
        raise ValueError("a step's name holds the character |; wanted names without it.")
    return names
