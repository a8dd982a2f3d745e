"""The film of a generator on the line: true to its maps, small, the same each time, refusing what it cannot draw."""

import re
from urllib.parse import unquote

import matplotlib.pyplot as plt
import pytest
import torch
from torch import Tensor
from torch.special import ndtri
from torch.testing import assert_close

from course_gan import plots
from course_gan.gaussians import mixture_log_density
from course_gan.plots.line_films import BESIDE, EDGE, GAP, HEIGHT, TOP, WIDTH
from course_gan.pushforward import mixture_generator

HUMPS = torch.tensor([[0.35, 0.65], [-1.5, 1.5], [0.5, 0.5]], dtype=torch.float64)
EXACT_AT = torch.linspace(-3, 3, 301, dtype=torch.float64)
X = mixture_generator(EXACT_AT, *HUMPS)
DENSITY = mixture_log_density(X, *HUMPS).exp()
EQUAL = ndtri((torch.arange(1000, dtype=torch.float64) + 0.5) / 1000)
WANTED = mixture_generator(EQUAL, *HUMPS)
MOMENTS = [EQUAL, WANTED]
BROAD = torch.linspace(-4, 4, 200, dtype=torch.float64)


def film(moments: list[Tensor] = MOMENTS, **changes: object) -> plots.Film:
    arguments = {"z": EQUAL, "exact": WANTED, "x": X, "density": DENSITY, "steps": range(len(moments)), **changes}
    return plots.push_forward_film(moments=moments, **arguments)  # type: ignore[arg-type]


def curves(still: str) -> list[Tensor]:
    """The points of each path: the two boxes, the exact curves, the histogram, the learned map, the marks."""
    found = re.findall(r' d="([^"]*)"', still)
    return [torch.tensor([[float(n) for n in p.split()] for p in re.findall(r"[\d.]+ [\d.]+", path)]) for path in found]


def test_fifty_frames_are_small_and_the_same_bytes_each_time() -> None:
    many = [torch.lerp(EQUAL, WANTED, k / 50) for k in range(51)]
    html = film(many)._repr_html_()
    assert len(html.encode()) < 300_000
    assert html == film(many)._repr_html_()


def test_learned_map_lies_on_the_exact_one_when_it_is_exact() -> None:
    _, exact, _, learned, _ = curves(film().pictures.still(1))
    assert_close(learned, exact[: len(learned)])
    _, exact, _, learned, _ = curves(film().pictures.still(0))
    assert (learned - exact[: len(learned)]).abs().max() > 20


def test_map_of_a_straight_line_is_straight_and_the_higher_x_the_higher_up() -> None:
    # z itself, with x from -4 to 4: from (-3, -3) at the lower left to (3, 3) at the upper right.
    flat = film([EQUAL], x=BROAD, density=torch.full_like(BROAD, 0.1)).pictures.still(0)
    _, _, _, learned, _ = curves(flat)
    across = (learned[:, 0] - EDGE) / WIDTH * 6 - 3
    up = 4 - (learned[:, 1] - TOP) / HEIGHT * 8
    assert_close(across, up, atol=0.01, rtol=0)  # tenths of units, of 290 for 6 and for 8


def test_histogram_has_area_one_in_units_of_the_density() -> None:
    density = torch.full_like(BROAD, 0.3)
    _, _, outline, _, _ = curves(film([EQUAL], x=BROAD, density=density).pictures.still(0))
    heights = (outline[:, 0] - (EDGE + WIDTH + GAP)) / BESIDE * 1.6 * 0.3
    x = 4 - (outline[:, 1] - TOP) / HEIGHT * 8
    assert float(torch.trapezoid(heights, x)) == pytest.approx(1, abs=0.02)


def test_what_lies_beyond_the_data_is_left_out_and_not_moved_to_the_border() -> None:
    _, _, _, learned, marks = curves(film([10 * EQUAL, WANTED]).pictures.still(0))
    assert learned[:, 1].min() > TOP
    assert learned[:, 1].max() < TOP + HEIGHT
    assert len(marks) == 2  # only z = 0 has its image there


def test_marks_are_carried_from_the_map_to_the_samples_at_their_height() -> None:
    marks = curves(film().pictures.still(1))[-1]
    assert len(marks) == 10
    assert_close(marks[::2, 1], marks[1::2, 1])
    assert (marks[1::2, 0] == EDGE + WIDTH + GAP).all()
    assert (marks[::2, 0].diff() > 0).all()
    assert (marks[::2, 1].diff() <= 0).all()


def test_stage_holds_every_frame_one_below_the_other() -> None:
    pictures = film().pictures
    sheet = unquote(pictures.stage())
    _, height = pictures.size
    assert [pictures.data(k) for k in range(2)] == ["0", str(-height)]
    for k in range(2):
        assert f"<svg y='{k * height}'" in sheet
        assert pictures.frame(k).replace('"', "'") in sheet  # type: ignore[attr-defined]


def test_words_say_how_far_the_maps_are_apart_at_first_and_at_last() -> None:
    made = film()
    assert made.alt.startswith("Film of 2 frames from step 0 to step 1: the learned map")
    assert "at first and by 0 at last" in made.alt
    figure = made.still
    assert made.alt in plots.alt_text(figure)
    figure.canvas.draw()
    plt.close(figure)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"steps": [1]}, "1 steps for 2 moments"),
        ({"exact": WANTED[:5]}, "exact has shape"),
        ({"moments": [EQUAL, EQUAL[:5]]}, "moment 1 has shape"),
        ({"moments": [EQUAL, EQUAL / 0]}, "finite"),
        ({"x": X.flip(0)}, "does not increase"),
        ({"z": EQUAL.flip(0)}, "does not increase"),
        ({"density": DENSITY[:5]}, "different shapes"),
        ({"seconds": 0}, "seconds is 0"),
    ],
)
def test_wrong_films_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        film(**changes)  # type: ignore[arg-type]
