"""A film of a generator on the line: its map as it bends, and beside it where its samples lie."""

from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from torch import Tensor

from course_gan.inputs import require_positive
from course_gan.plots.description import counted, number
from course_gan.plots.film_frames import sheet
from course_gan.plots.films import Film
from course_gan.plots.inputs import Number, drawable
from course_gan.plots.style import P_LINE, Q_LINE

WIDTH, HEIGHT = 290, 290  # of the map, in units of the drawing
TOP, EDGE, GAP, FOOT = 6, 36, 14, 44  # above it, to its left, to the density, and below
BESIDE = 140  # the width of the density
REACH = 3.0  # the map is drawn from -3 to 3
TICKS = (-2, 0, 2)
KNOTS, BINS = 121, 40
MARKED = (-1.6, -0.8, 0.0, 0.8, 1.6)
# They read on white and on black: what is in an image does not follow the colors of the page.
EXACT, LEARNED, GROUND = "#2b8cc8", "#D55E00", "#808080"


def push_forward_film(
    z: Tensor,
    moments: Sequence[Tensor],
    exact: Tensor,
    x: Tensor,
    density: Tensor,
    *,
    steps: Sequence[int | str],
    seconds: Number = 8,
) -> Film:
    """A film of a generator on the line as it learns: its map, and turned by a quarter beside it the density it makes.

    `moments` are the images (n,) of the points `z` (n,), which increase and are equally likely, `exact` (n,) are the
    images that they should have, and `density` (m,) at `x` (m,), which increases, is the density wanted.  What lies
    beyond the ends of `x` is cut off.  Five points of noise are marked, on the map and among the samples.
    """
    if not moments or len(moments) != len(steps):
        raise ValueError(f"there are {len(steps)} steps for {len(moments)} moments; wanted one each, and at least one.")
    require_positive("seconds", float(seconds))
    z, exact, x, density = (drawable(n, v) for n, v in (("z", z), ("exact", exact), ("x", x), ("density", density)))
    made = [drawable(f"moment {k}", moment) for k, moment in enumerate(moments)]
    for name, images in [("exact", exact), *((f"moment {k}", moment) for k, moment in enumerate(made))]:
        if images.shape != z.shape or z.ndim != 1 or not images.isfinite().all():
            raise ValueError(
                f"{name} has shape {tuple(images.shape)} and z {tuple(z.shape)}; wanted finite images (n,) of z (n,)."
            )
    if x.shape != density.shape or x.ndim != 1 or not (x.diff() > 0).all() or not (z.diff() > 0).all():
        raise ValueError("x and density have different shapes, or x or z does not increase; wanted curves over both.")
    names = [step if isinstance(step, str) else f"step {step:g}" for step in steps]
    gaps = [number(float((moment - exact).abs().mean())) for moment in (made[0], made[-1])]
    ends = [f"from {number(float(m.quantile(0.05)))} to {number(float(m.quantile(0.95)))}" for m in (made[0], made[-1])]
    alt = (
        f"Film of {counted(len(made), 'frame')} from {names[0]} to {names[-1]}: the learned map, dashed, beside the "
        "exact one, and the histogram of its samples beside the density wanted. "
        f"The maps differ by {gaps[0]} on average at first and by {gaps[1]} at last; nine tenths of the samples lie "
        f"{ends[0]} at first and {ends[1]} at last."
    )
    return Film(_Lines(z, made, exact, x, density), names, alt, float(seconds))


class _Lines:
    """The frames, each a map with a density beside it, as one tall drawing of which the stage shows one at a time."""

    key = (
        "<b>—</b> exact map and density wanted, <i>- -</i> learned map and histogram of its samples; "
        "● five points of noise, and where they go"
    )

    def __init__(self, z: Tensor, made: list[Tensor], exact: Tensor, x: Tensor, density: Tensor) -> None:
        self.size = EDGE + WIDTH + GAP + BESIDE, TOP + HEIGHT + FOOT
        self.made, self.x, self.density = made, x, density
        self.bottom, self.top = float(x[0]), float(x[-1])
        self.highest = 1.6 * float(density.max())
        ticks = torch.linspace(-REACH, REACH, KNOTS, dtype=z.dtype)
        self.knots = torch.searchsorted(z, ticks).clamp(max=len(z) - 1)
        self.marks = torch.searchsorted(z, torch.tensor(MARKED, dtype=z.dtype)).clamp(max=len(z) - 1)
        self.z, self.exact = z, exact
        self.edges = torch.linspace(self.bottom, self.top, BINS + 1)

    def _across(self, z: Tensor) -> Tensor:
        return EDGE + (z.double() + REACH) / (2 * REACH) * WIDTH

    def _aside(self, density: Tensor) -> Tensor:
        return EDGE + WIDTH + GAP + density.double().clamp(max=self.highest) / self.highest * BESIDE

    def _down(self, x: Tensor) -> Tensor:
        return TOP + (self.top - x.double()) / (self.top - self.bottom) * HEIGHT

    def _map(self, images: Tensor) -> tuple[Tensor, Tensor]:
        return self._across(self.z[self.knots]), self._down(images[self.knots])

    def _steps(self, k: int) -> tuple[Tensor, Tensor]:
        """The outline of the histogram, turned by a quarter: right to its height, up to the next edge, and so on."""
        inside = torch.histogram(self.made[k].float().contiguous(), self.edges).hist / len(self.z)
        heights = self._aside(inside / self.edges.diff())
        zero = self._aside(torch.zeros(1))
        across = torch.cat([zero, heights.repeat_interleave(2), zero])
        return across, self._down(self.edges.repeat_interleave(2))

    def _wanted(self) -> tuple[Tensor, Tensor]:
        even = torch.linspace(self.bottom, self.top, KNOTS, dtype=self.x.dtype)
        near = torch.searchsorted(self.x, even).clamp(max=len(self.x) - 1)
        return self._aside(self.density[near]), self._down(self.x[near])

    def ground(self) -> str:
        """What is the same in every frame: both boxes, the exact map and the density wanted."""
        aside, foot = EDGE + WIDTH + GAP, TOP + HEIGHT
        ticks = torch.tensor(TICKS, dtype=torch.float64)
        labels = [(f"{x:.0f}", foot + 18, tick) for x, tick in zip(self._across(ticks).tolist(), TICKS, strict=True)]
        inside = [tick for tick in TICKS if self.bottom <= tick <= self.top]
        heights = self._down(torch.tensor(inside, dtype=torch.float64)).tolist()
        labels += [(str(EDGE - 15), round(y) + 5, tick) for y, tick in zip(heights, inside, strict=True)]
        words = [
            (EDGE + WIDTH // 2, foot + 37, "z"),
            (aside + BESIDE // 2, foot + 18, "density of x"),
            (EDGE - 15, TOP + 14, "x"),
            *((at, y, str(tick).replace("-", "−")) for at, y, tick in labels),
        ]
        texts = "".join(f'<text x="{at}" y="{y}">{word}</text>' for at, y, word in words)
        return (
            f'<path fill="none" stroke="{GROUND}" stroke-width="1.5" '
            f'd="M{EDGE} {TOP}V{foot}H{EDGE + WIDTH}M{aside} {TOP}V{foot}H{aside + BESIDE}"/>'
            f'<g fill="{GROUND}" font-family="sans-serif" font-size="16" text-anchor="middle">{texts}</g>'
            f'<path fill="none" stroke="{EXACT}" stroke-width="2.5" '
            f'd="{_path(*self._map(self.exact))}{_path(*self._wanted())}"/>'
        )

    def frame(self, k: int) -> str:
        at, images = self._across(self.z[self.marks]), self._down(self.made[k][self.marks])
        dots = "".join(
            f"M{x:.0f} {y:.0f}h0M{EDGE + WIDTH + GAP} {y:.0f}h0"
            for x, y in torch.stack([at, images], 1).tolist()
            if TOP <= y <= TOP + HEIGHT
        )
        return (
            f'<path fill="{LEARNED}" fill-opacity=".25" stroke="{LEARNED}" stroke-width="1" '
            f'd="{_path(*self._steps(k))}"/>'
            f'<path fill="none" stroke="{LEARNED}" stroke-width="3" stroke-dasharray="9 4" '
            f'd="{_path(*self._map(self.made[k]))}"/>'
            f'<path fill="none" stroke="{GROUND}" stroke-width="11" stroke-linecap="round" d="{dots}"/>'
        )

    def stage(self) -> str:
        frames = [f'<use href="#g"/>{self.frame(k)}' for k in range(len(self.made))]
        return sheet(frames, self.size, f'<g id="g">{self.ground()}</g>')

    def still(self, k: int) -> str:
        return self.ground() + self.frame(k)

    def data(self, k: int) -> str:
        return str(-k * self.size[1])

    def draw(self, ax: Axes, k: int) -> None:
        for curve in (self._map(self.exact), self._wanted()):
            ax.plot(*curve, **P_LINE)
        ax.plot(*self._map(self.made[k]), **Q_LINE)
        ax.fill(*self._steps(k), facecolor="none", edgecolor=LEARNED, hatch="////", linewidth=0.8)
        at, images = self._across(self.z[self.marks]), self._down(self.made[k][self.marks])
        ax.plot(at, images, "o", color="black", markersize=4)
        ax.set(xlim=(EDGE, self.size[0]), ylim=(TOP + HEIGHT, TOP))


def _path(across: Tensor, down: Tensor) -> str:
    """A line through points, in tenths of a unit, with gaps where it is above or below the drawing."""
    parts, pen = [], "M"
    for x, y in torch.stack([across, down], 1).tolist():
        if TOP - 0.05 <= y <= TOP + HEIGHT + 0.05:
            parts.append(f"{pen}{round(x, 1):g} {round(y, 1):g}")
            pen = "L"
        else:
            pen = "M"
    return "".join(parts)
