"""Films of a GAN in the plane: samples, the critic's landscape, and the push on each fake."""

from collections.abc import Iterable, Sequence
from typing import Any

import torch
from contourpy import FillType, contour_generator
from matplotlib.axes import Axes
from torch import Tensor

from course_gan.inputs import require_count, require_positive
from course_gan.plots.clouds import mark_samples
from course_gan.plots.description import counted, number
from course_gan.plots.film_frames import sheet
from course_gan.plots.films import Film
from course_gan.plots.inputs import Critic, Extent, Number, Quiet, around, check_extent, lattice, plane
from course_gan.plots.style import BLUE, VERMILLION

SIDE = 480  # of a frame, in units of its drawing
LEVELS = 7
# The darker the more real; light enough for dots, crosses and arrows to stand out from it.
SHADES = ("#ffffff", "#f1f1f1", "#e3e3e3", "#d4d4d4", "#c5c5c5", "#b5b5b5", "#a5a5a5")


def landscape_film(
    moments: Sequence[tuple[Critic, Tensor]],
    *,
    real: Tensor,
    steps: Sequence[int | str],
    extent: Extent | None = None,
    dots: int = 100,
    arrows: int = 40,
    cells: int = 40,
    seconds: Number = 8,
) -> Film:
    """A film of moments (critic, fakes): dots are real, crosses fake, gray the score, arrows the push on each fake.

    A critic takes points (n, 2) and gives scores (n,); hand in a copy of it for every moment.  The darker the ground,
    the higher the score, in each frame from the lowest to the highest score of that frame.  An arrow shows the
    gradient of the score at a fake, where the generator's loss wants it to go; the longest arrow of a frame is an
    eighth of its width.  At most `dots` real points and fakes are drawn, and `arrows` arrows.
    """
    if not moments or len(moments) != len(steps):
        raise ValueError(f"there are {len(steps)} steps for {len(moments)} moments; wanted one each, and at least one.")
    require_positive("seconds", float(seconds))
    require_count("dots", dots)
    require_count("arrows", arrows)
    reals = plane("real", real)
    clouds = [plane(f"the fakes of moment {k}", fakes) for k, (_, fakes) in enumerate(moments)]
    extent = around(reals, *clouds) if extent is None else check_extent(extent)
    names = [step if isinstance(step, str) else f"step {step:g}" for step in steps]
    frames = [
        _Frame(critic, cloud, extent, dots, arrows, cells)
        for (critic, _), cloud in zip(moments, clouds, strict=True)
    ]  # fmt: skip
    distances = [float((cloud.mean(0) - reals.mean(0)).norm()) for cloud in (clouds[0], clouds[-1])]
    spans = [float(frame.top - frame.bottom) for frame in (frames[0], frames[-1])]
    alt = (
        f"Film of {counted(len(frames), 'frame')} from {names[0]} to {names[-1]}: real samples as dots, fakes as "
        "crosses with arrows that point to higher scores, on the gray landscape of the critic's scores. "
        f"The mean of the fakes is {number(distances[0])} away from that of the data at first and "
        f"{number(distances[1])} at last; the scores span {number(spans[0])} at first and {number(spans[1])} at last."
    )
    return Film(Landscapes(frames, reals[:dots], extent), names, alt, float(seconds))


class Landscapes:
    """The frames as one tall drawing, of which the stage shows one frame at a time."""

    key = (
        "<b>●</b> real, <i>×</i> fake, arrows: where the critic's score rises; the darker the ground, the higher the "
        "score"
    )

    def __init__(self, frames: list["_Frame"], real: Tensor, extent: Extent) -> None:
        self.frames, self.real, self.extent = frames, real, extent
        left, right, bottom, top = extent
        unit = SIDE / max(right - left, top - bottom)
        self.size = round((right - left) * unit), round((top - bottom) * unit)
        self.dots = "".join(f"M{x} {y}h0" for x, y in _whole(real, extent, self.size))

    def stage(self) -> str:
        dots = f'<path id="r" fill="none" stroke="{BLUE}" stroke-width="7" stroke-linecap="round" d="{self.dots}"/>'
        return sheet([f'{f.ground(self)}<use href="#r"/>{f.marks(self)}' for f in self.frames], self.size, dots)

    def still(self, k: int) -> str:
        dots = f'<path fill="none" stroke="{BLUE}" stroke-width="7" stroke-linecap="round" d="{self.dots}"/>'
        return f"{self.frames[k].ground(self)}{dots}{self.frames[k].marks(self)}"

    def data(self, k: int) -> str:
        return str(-k * self.size[1])

    def draw(self, ax: Axes, k: int) -> None:
        frame, (left, right, bottom, top) = self.frames[k], self.extent
        ax.contourf(frame.across, frame.up, frame.scores, levels=frame.levels, colors=SHADES)
        mark_samples(ax, self.real, frame.fakes)
        ax.quiver(
            *frame.starts.T.numpy(), *frame.pushes.T.numpy(),
            angles="xy", scale_units="xy", scale=1, color="black", width=0.008, zorder=3,
        )  # fmt: skip
        ax.set(aspect="equal", xlim=(left, right), ylim=(bottom, top))


class _Frame:
    """One moment: the critic's scores on a grid, the fakes, and the arrows at the first of them."""

    def __init__(self, critic: Critic, fakes: Tensor, extent: Extent, dots: int, arrows: int, cells: int) -> None:
        self.fakes, self.starts = fakes[:dots].double(), fakes[:arrows].double()
        self.across, self.up, points = lattice(extent, cells)
        with Quiet(critic) as quiet:
            self.scores = quiet.scores(points).reshape(cells, cells)
            slopes = quiet.gradients(self.starts)
        if not (self.scores.isfinite().all() and slopes.isfinite().all()):
            raise ValueError("the critic's scores or slopes are not finite; wanted numbers that can be drawn.")
        self.bottom, self.top = float(self.scores.amin()), float(self.scores.amax())
        pad = 1e-6 * (self.top - self.bottom) + 1e-9 * max(1.0, abs(self.top))
        self.levels = torch.linspace(self.bottom - pad, self.top + pad, LEVELS + 1, dtype=torch.float64).tolist()
        longest = float(slopes.norm(dim=1).amax())
        self.pushes = slopes * (0.125 * (extent[1] - extent[0]) / max(longest, 1e-12))

    def ground(self, film: Landscapes) -> str:
        """The landscape, from the lowest level up: each shade a path on top of the last."""
        contours = contour_generator(
            self.across.numpy(), self.up.numpy(), self.scores.numpy(), fill_type=FillType.OuterCode
        )
        parts = [f'<rect width="{film.size[0]}" height="{film.size[1]}" fill="{SHADES[0]}"/>']
        for level, shade in zip(self.levels[1:-1], SHADES[1:], strict=True):
            filled: Any = contours.filled(level, self.levels[-1])  # outlines, and what each of their points is for
            path = "".join(
                _outline(torch.as_tensor(points), codes.tolist(), film.extent, film.size)
                for points, codes in zip(*filled, strict=True)
            )
            if path:
                parts.append(f'<path fill="{shade}" fill-rule="evenodd" d="{path}"/>')
        return "".join(parts)

    def marks(self, film: Landscapes) -> str:
        """Crosses at the fakes, and the arrows."""
        crosses = "".join(f"M{x - 4} {y - 4}l8 8m0-8l-8 8" for x, y in _whole(self.fakes, film.extent, film.size))
        ends = _whole(self.starts + self.pushes, film.extent, film.size, keep=True)
        starts = _whole(self.starts, film.extent, film.size, keep=True)
        arrows = "".join(_arrow(*start, *end) for start, end in zip(starts, ends, strict=True))
        return (
            f'<path fill="none" stroke="{VERMILLION}" stroke-width="2.5" d="{crosses}"/>'
            f'<path fill="none" stroke="#000" stroke-width="2" stroke-linejoin="round" d="{arrows}"/>'
        )


def _whole(points: Tensor, extent: Extent, size: tuple[int, int], keep: bool = False) -> list[list[int]]:
    """Columns from the left and rows from the top; what lies outside is left out, unless it is to be kept."""
    left, right, bottom, top = extent
    across = (points[:, 0].double() - left) / (right - left) * size[0]
    down = (top - points[:, 1].double()) / (top - bottom) * size[1]
    at = torch.stack([across, down], dim=1)
    if not keep:
        at = at[((at >= 0) & (at <= torch.tensor(size))).all(dim=1)]
    whole: list[list[int]] = at.round().int().tolist()
    return whole


def _outline(points: Tensor, codes: Iterable[int], extent: Extent, size: tuple[int, int]) -> str:
    """A polygon with its holes; contourpy's code 1 begins an outline."""
    parts = []
    for (x, y), code in zip(_whole(points, extent, size, keep=True), codes, strict=True):
        parts.append(f"{'M' if code == 1 else 'L'}{x} {y}")
    return "".join(parts) + ("Z" if parts else "")


def _arrow(x: int, y: int, to_x: int, to_y: int) -> str:
    """A line with two barbs; none where it would be shorter than two units."""
    along = torch.tensor([to_x - x, to_y - y], dtype=torch.float64)
    length = float(along.norm())
    if length < 2:
        return ""
    unit = along / length
    barb = min(8.0, 0.45 * length)
    normal = torch.stack([-unit[1], unit[0]])
    ends = [(-barb * unit + side * 0.5 * barb * normal).round().int().tolist() for side in (1, -1)]
    (ax, ay), (bx, by) = ends
    return f"M{x} {y}L{to_x} {to_y}l{ax} {ay}M{to_x} {to_y}l{bx} {by}"
