"""The frames of a training film, of points or of images: as SVG, as data for its script, and by matplotlib."""

import base64
import io
from collections.abc import Sequence
from typing import Protocol, runtime_checkable
from urllib.parse import quote

import torch
from matplotlib.axes import Axes
from PIL import Image
from torch import Tensor

from course_gan.inputs import require_count
from course_gan.plots import film_page
from course_gan.plots.clouds import mark_samples
from course_gan.plots.description import counted
from course_gan.plots.images import tile
from course_gan.plots.inputs import Extent


@runtime_checkable
class Pictures(Protocol):
    """What a film is made of: the same picture of each frame as SVG, as data for the script, and by matplotlib."""

    size: tuple[int, int]
    key: str

    def stage(self) -> str: ...
    def still(self, k: int) -> str: ...
    def data(self, k: int) -> str: ...
    def draw(self, ax: Axes, k: int) -> None: ...


def sheet(frames: Sequence[str], size: tuple[int, int], shared: str) -> str:
    """One image that holds all frames, one below the other; the film's script moves it.  `shared` is what they use."""
    width, height = size
    tall = height * len(frames)
    parts = "".join(
        f'<svg y="{k * height}" width="{width}" height="{height}" viewBox="0 0 {width} {height}">{frame}</svg>'
        for k, frame in enumerate(frames)
    )
    drawing = (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{tall}" viewBox="0 0 {width} {tall}">'
        f"<defs>{shared}</defs>{parts}</svg>"
    )
    # Quoted only where a URL must be: a third shorter than base64.
    code = quote(drawing.replace('"', "'"), safe=" '()*+,-./:;=@_~")
    return f'<image data-marks href="data:image/svg+xml,{code}" width="{width}" height="{tall}" y="0"/>'


class Points:
    """Frames of points in the plane, in whole numbers from 0 to 1023 across the longer side of the extent."""

    def __init__(self, clouds: list[Tensor], real: Tensor | None, extent: Extent) -> None:
        self.clouds, self.real, self.extent = clouds, real, extent
        left, right, bottom, top = extent
        self.unit = 1023 / max(right - left, top - bottom)
        self.size = round((right - left) * self.unit) + 1, round((top - bottom) * self.unit) + 1
        self.key = ("" if real is None else "<b>●</b> real, ") + "<i>×</i> fake"
        dots = "" if real is None else "".join(f"M{x} {y}h0" for x, y in self._whole(real))
        self.ground = f'<path class="course-film-real" d="{dots}"/>' if dots else ""
        self.ground += f'<rect class="course-film-box" width="{self.size[0]}" height="{self.size[1]}"/>'

    def _whole(self, points: Tensor) -> list[list[int]]:
        """Columns from the left and rows from the top; what lies outside of the extent is left out."""
        left, _, _, top = self.extent
        across = (points[:, 0].double() - left) * self.unit
        down = (top - points[:, 1].double()) * self.unit
        at = torch.stack([across, down], dim=1)
        inside = ((at >= 0) & (at <= torch.tensor(self.size) - 1)).all(dim=1)
        whole: list[list[int]] = at[inside].round().int().tolist()
        return whole

    def stage(self) -> str:
        return f'{self.ground}<path data-marks class="course-film-fake" d=""/>'

    def still(self, k: int) -> str:
        crosses = "".join(f"M{x - 8} {y - 8}l16 16m0-16l-16 16" for x, y in self._whole(self.clouds[k]))
        return f'{self.ground}<path class="course-film-fake" d="{crosses}"/>'

    def data(self, k: int) -> str:
        numbers = [number for point in self._whole(self.clouds[k]) for number in point]
        return "".join(film_page.LETTERS[n // 64] + film_page.LETTERS[n % 64] for n in numbers)

    def draw(self, ax: Axes, k: int) -> None:
        mark_samples(ax, self.real, self.clouds[k])
        left, right, bottom, top = self.extent
        ax.set(aspect="equal", xlim=(left, right), ylim=(bottom, top))


class Images:
    """Frames of images: one picture that holds all frames, of which the stage shows one."""

    key = ""

    def __init__(self, moments: list[Tensor], columns: int | None) -> None:
        if any(moment.shape != moments[0].shape for moment in moments):
            raise ValueError("the frames have images of different shapes or numbers; wanted the same in each.")
        count = len(moments[0])
        require_count("columns", 1 if columns is None else columns)
        across = min(count, round(count**0.5) if columns is None else columns)
        self.sheets = [tile(moment, across) for moment in moments]
        self.size = self.sheets[0].shape[1], self.sheets[0].shape[0]
        light = [f"{float(moment.float().mean() + 1) / 2:.0%}" for moment in (moments[0], moments[-1])]
        shape = "×".join(map(str, moments[0].shape[2:]))
        self.alt = (
            f"{counted(count, 'image')} of {shape} pixels; mean brightness {light[0]} at first, {light[1]} at last."
        )

    def _picture(self, pixels: Tensor, mark: str = "") -> str:
        file = io.BytesIO()
        levels = pixels.mul(255).round().byte().numpy()
        gray = bool((levels[..., :1] == levels).all())  # a third of the bytes
        Image.fromarray(levels[..., 0] if gray else levels).save(file, format="png", optimize=True)
        code = base64.b64encode(file.getvalue()).decode()
        height, width = pixels.shape[:2]
        return f'<image {mark}href="data:image/png;base64,{code}" width="{width}" height="{height}" y="0"/>'

    def stage(self) -> str:
        return self._picture(torch.cat(self.sheets), "data-marks ")

    def still(self, k: int) -> str:
        return self._picture(self.sheets[k])

    def data(self, k: int) -> str:
        return str(-k * self.size[1])

    def draw(self, ax: Axes, k: int) -> None:
        ax.imshow(self.sheets[k].numpy(), interpolation="nearest", vmin=0, vmax=1)
