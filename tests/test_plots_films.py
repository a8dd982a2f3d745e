"""Training films: small, the same each time, without network, readable without script, and true to their frames."""

import base64
import io
import math
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.testing import assert_close

from course_gan import plots
from course_gan.plots.film_page import LETTERS

ANGLES = torch.arange(8) * (2 * math.pi / 8)
CENTERS = torch.stack([ANGLES.cos(), ANGLES.sin()], 1)
REAL = CENTERS.repeat(50, 1) + 0.03 * torch.randn(400, 2, generator=torch.Generator().manual_seed(0))
FRAMES = [t * CENTERS[:6].repeat(80, 1) + 0.01 for t in torch.linspace(0, 1, 30)]
IMAGES = [torch.full((4, 1, 3, 5), t) for t in (-1.0, 0.0, 1.0)]


@pytest.fixture(autouse=True)
def _figures_are_closed() -> Iterator[None]:
    yield
    plt.close("all")


def scatter() -> plots.Film:
    return plots.film(FRAMES, real=REAL, steps=range(0, 3000, 100), centers=CENTERS, radius=0.1)


class Page(HTMLParser):
    """The elements of a page, in order, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open, f"never closed: {self.open}"

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))
        if tag not in ("input", "meta"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str, **wanted: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag and all(a.get(k.rstrip("_")) == v for k, v in wanted.items())]


def decode(code: str) -> Tensor:
    """What the script makes of a frame, written down a second time."""
    digits = [LETTERS.index(letter) for letter in code]
    return torch.tensor([64 * a + b for a, b in zip(digits[::2], digits[1::2], strict=True)]).reshape(-1, 2)


def test_thirty_frames_of_a_scatter_are_small_and_the_same_bytes_each_time() -> None:
    html = scatter()._repr_html_()
    assert len(html.encode()) < 300_000
    assert html == scatter()._repr_html_()
    assert html == html.encode("ascii", "xmlcharrefreplace").decode() or "\N{BLACK CIRCLE}" in html


def test_nothing_is_fetched_and_no_ids_can_clash() -> None:
    for film in (scatter(), plots.film(IMAGES)):
        html = film._repr_html_()
        for _, attributes in Page(html).elements:
            assert "id" not in attributes
            for name in ("src", "href", "xlink:href"):
                assert (attributes.get(name) or "data:").startswith("data:")
        assert not re.search(r"url\(|@import|fetch\(|https?://(?!www\.w3\.org/2000/svg)", html)


def test_frames_hold_the_points_of_their_moment() -> None:
    extent = (-1.5, 1.5, -1, 2)
    film = plots.film(FRAMES, real=REAL, extent=extent)
    (figure,) = Page(film._repr_html_()).all("figure")
    codes = str(figure["data-frames"]).split(" ")
    assert len(codes) == 30
    for code, frame in zip(codes, FRAMES, strict=True):
        at = decode(code).double() * 3 / 1023
        expected = torch.stack([frame[:400, 0] + 1.5, 2 - frame[:400, 1]], 1).double()
        assert_close(at, expected, atol=1.01 * 1.5 / 1023, rtol=0)  # half a step of the grid


def test_points_outside_of_the_extent_are_left_out_and_not_moved_to_its_border() -> None:
    film = plots.film([torch.tensor([[0.5, 0.5], [3.0, 0.5]])], extent=(0, 1, 0, 1))
    (figure,) = Page(film._repr_html_()).all("figure")
    assert len(decode(str(figure["data-frames"]))) == 1


def test_controls_have_names_and_the_picture_an_alternative_text() -> None:
    page = Page(scatter()._repr_html_())
    (slider,) = page.all("input", type="range")
    assert slider["aria-label"]
    assert slider["aria-valuetext"] == "step 2900"
    assert slider["max"] == "29"
    assert len(page.all("button", type="button")) == 1
    (picture,) = page.all("svg", role="img")
    assert picture["aria-label"] == scatter().alt
    (strip,) = page.all("div", role="img")
    assert strip["aria-label"] == scatter().alt
    assert len(page.all("svg", **{"aria-hidden": "true"})) == 6


def test_words_count_modes_at_first_and_at_last() -> None:
    alt = scatter().alt
    assert alt.startswith("Film of 30 frames from step 0 to step 2900: 480 fake samples as crosses among 400 real")
    assert alt.endswith("They reach 0 of 8 modes at first and 6 at last.")
    assert repr(scatter()) == alt


def test_without_script_in_print_and_for_less_motion_the_stills_are_shown() -> None:
    style = re.search(r"<style>(.*?)</style>", scatter()._repr_html_(), re.DOTALL)
    assert style is not None
    rules = style.group(1)
    assert ".course-film-stage,.course-film-controls{display:none}" in rules  # until the script has run
    reduced = re.search(r"@media \(prefers-reduced-motion:reduce\)\{(.*?)\}\}", rules, re.DOTALL)
    paper = re.search(r"@media print\{(.*?)\}\n(?!\.)", rules, re.DOTALL)
    assert reduced is not None
    assert paper is not None
    assert ".course-film-strip{display:grid" in reduced.group(1)
    assert "button{display:none" in reduced.group(1)
    assert ".course-film-strip{display:grid" in paper.group(1)


def test_still_has_six_frames_from_the_first_to_the_last_and_the_words_of_the_film() -> None:
    film = scatter()
    axes = film.still.axes
    assert [ax.get_title() for ax in axes][:: len(axes) - 1] == ["step 0", "step 2900"]
    assert len(axes) == 6
    assert_close(torch.as_tensor(axes[-1].lines[1].get_xydata()).float(), FRAMES[-1][:400])
    assert film.alt in plots.alt_text(film.still)
    film.still.canvas.draw()


@pytest.mark.parametrize("count", [1, 2, 4, 5])
def test_short_films_have_as_many_stills_as_frames(count: int) -> None:
    film = plots.film(FRAMES[:count])
    assert len([ax for ax in film.still.axes if ax.has_data()]) == count
    assert len(Page(film._repr_html_()).all("svg")) == 1 + count
    film.still.canvas.draw()


def pixels(address: str | None) -> Tensor:
    assert address is not None
    head, code = address.split(",")
    assert head == "data:image/png;base64"
    return torch.from_numpy(np.asarray(Image.open(io.BytesIO(base64.b64decode(code)))).copy())


def test_images_are_stacked_in_one_picture_that_the_script_moves() -> None:
    page = Page(plots.film(IMAGES, columns=2)._repr_html_())
    (stage,) = (image for image in page.all("image") if "data-marks" in image)
    sheet = pixels(stage["href"])
    assert sheet.shape == (3 * 7, 11)  # two rows of 3 and a line between them, two columns of 5 and a line
    assert sheet[:, 0].tolist() == [0, 0, 0, 128, 0, 0, 0] + [128] * 7 + [255, 255, 255, 128, 255, 255, 255]
    (figure,) = page.all("figure")
    assert figure["data-frames"] == "0 -7 -14"
    stills = [image for image in page.all("image") if "data-marks" not in image]
    assert [int(pixels(still["href"])[0, 0]) for still in stills] == [0, 128, 255]


def test_images_in_color_keep_their_colors_and_all_films_of_images_are_small() -> None:
    red = torch.tensor([1.0, -1.0, -1.0])[:, None, None].expand(1, 3, 2, 2)
    stage = Page(plots.film([red, red])._repr_html_()).all("image")[0]
    assert pixels(stage["href"])[0, 0].tolist() == [255, 0, 0]
    noise = torch.rand(30, 36, 1, 8, 8, generator=torch.Generator().manual_seed(0)) * 2 - 1
    film = plots.film(noise)
    assert len(film._repr_html_()) < 300_000
    assert "36 images of 8×8 pixels; mean brightness 50% at first, 50% at last." in film.alt
    film.still.canvas.draw()


def test_steps_are_named_as_asked_and_cannot_break_out_of_the_page() -> None:
    evil = '"><script>alert(1)</script>'
    html = plots.film(FRAMES[:2], steps=["start", evil])._repr_html_()
    assert "<script>alert" not in html
    assert Page(html).all("figure")[0]["data-steps"] == f"start|{evil}"
    assert plots.film(FRAMES[:2], steps=torch.tensor([0, 50])).steps == ["step 0", "step 50"]
    assert plots.film(FRAMES[:2]).steps == ["frame 1", "frame 2"]


def test_a_film_is_saved_as_a_page_of_its_own(tmp_path: Path) -> None:
    scatter().save(tmp_path / "film.html")
    text = (tmp_path / "film.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>")
    assert scatter()._repr_html_() in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"frames": []}, "frames are empty"),
        ({"frames": [torch.zeros(3)]}, r"frame 0 has shape \(3,\)"),
        ({"frames": [torch.zeros(3, 2), torch.zeros(3, 3)]}, r"frame 1 has shape \(3, 3\)"),
        ({"frames": [torch.full((3, 2), math.nan)]}, "not finite"),
        ({"frames": [torch.zeros(1, 1, 2, 2), torch.zeros(2, 1, 2, 2)]}, "different shapes"),
        ({"frames": [torch.full((1, 1, 2, 2), 7.0)]}, "wanted values in"),
        ({"frames": [torch.zeros(1, 1, 2, 2)], "columns": 0}, "columns is 0"),
        ({"frames": FRAMES[:2], "steps": [1]}, "1 steps for 2 frames"),
        ({"frames": FRAMES[:2], "steps": ["a", "b|c"]}, "without it"),
        ({"frames": FRAMES[:2], "seconds": 0.0}, "seconds is 0"),
        ({"frames": FRAMES[:2], "limit": 0}, "limit is 0"),
        ({"frames": FRAMES[:2], "real": torch.zeros(3)}, "real has shape"),
        ({"frames": FRAMES[:2], "extent": (1, 0, 0, 1)}, "left < right"),
        ({"frames": FRAMES[:2], "centers": CENTERS}, "radius is None"),
    ],
)
def test_wrong_films_are_refused(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        plots.film(**arguments)
