"""The figures of the game: the board, the value as an area, the generator's losses, and films of the landscape."""

import re
from collections.abc import Callable
from urllib.parse import unquote
from xml.etree import ElementTree

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor
from torch.testing import assert_close

from course_gan import plots
from course_gan.divergences import gaussian_density

pytestmark = pytest.mark.usefixtures("styled_figures")

GRID = torch.linspace(-4, 6, 2001, dtype=torch.float64)
P, Q = gaussian_density(GRID, 0.0, 1.0), gaussian_density(GRID, 2.0, 1.0)
REAL = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
FAKE = torch.tensor([[2.0, 2.0], [3.0, 2.0], [2.0, 3.0]])
EXTENT = (-1, 4, -1, 4)


def area(axes: list[Axes] | None = None) -> Figure:
    return plots.value_as_area(GRID, P, Q, score=2 - 2 * GRID, axes=axes)


FIGURES: dict[str, tuple[Callable[..., Figure], int]] = {
    "game_board": (plots.game_board, 2),
    "value_as_area": (area, 2),
    "generator_losses": (plots.generator_losses, 2),
}
GAME = {*FIGURES, "landscape_film"}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_fits_a_phone_draws_on_given_axes_and_says_what_it_shows(name: str) -> None:
    draw, panels = FIGURES[name]
    figure = draw()
    assert len(figure.axes) == panels
    assert figure.get_size_inches()[0] <= 5.6
    figure.canvas.draw()
    assert len(plots.alt_text(figure).split()) > 20
    own, axes = plt.subplots(panels, 1)
    assert draw(axes=list(axes)) is own


def texts(ax: Axes) -> list[str]:
    return [text.get_text() for text in ax.texts]


def test_board_shows_who_learns_and_who_is_frozen() -> None:
    critics, generators = plots.game_board().axes
    assert texts(critics).index("frozen") < texts(critics).index("learns")  # generator first, critic second
    assert texts(generators).index("learns") < texts(generators).index("frozen")
    assert any("real" in text for text in texts(critics))
    assert not any("real" in text for text in texts(generators))  # no data in the generator's step


def test_areas_are_the_two_terms_of_the_value() -> None:
    _, bottom = area().axes
    labels = bottom.get_legend_handles_labels()[1]
    score = 2 - 2 * GRID
    real = torch.trapezoid(P * score.sigmoid().log(), GRID)
    fake = torch.trapezoid(Q * (1 - score.sigmoid()).log(), GRID)
    for label, term in zip(labels, (real, fake)):
        assert float(label.rsplit(" ", 1)[1]) == pytest.approx(float(term), abs=6e-4)


def test_slopes_at_minus_ten_are_marked() -> None:
    _, bottom = plots.generator_losses().axes
    assert texts(bottom) == ["4.54e-05", "0.99995"]
    marks = [line.get_xydata()[0].tolist() for line in bottom.lines if line.get_marker() == "o"]
    expected = torch.tensor([[-10.0, 4.5397868e-5], [-10.0, 0.9999546]], dtype=torch.float64)
    assert_close(torch.tensor(marks, dtype=torch.float64), expected, atol=1e-7, rtol=1e-6)


def tilted(points: Tensor) -> Tensor:
    """A linear critic, highest to the lower left."""
    return -3 * points[:, 0] - 4 * points[:, 1]


def film(**options: object) -> plots.Film:
    moments = [(tilted, FAKE), (tilted, FAKE - 1), (lambda points: 0 * points[:, 0], FAKE - 2)]
    return plots.landscape_film(moments, real=REAL, steps=[1, 2, "end"], extent=EXTENT, **options)


def sheet(shown: plots.Film) -> ElementTree.Element:
    (code,) = re.findall(r'href="data:image/svg\+xml,([^"]*)"', shown._repr_html_())
    return ElementTree.fromstring(unquote(code))


def test_film_is_one_tall_drawing_of_all_frames() -> None:
    shown = film()
    width, height = shown.pictures.size
    page = shown._repr_html_()
    assert f'data-frames="0 -{height} -{2 * height}"' in page
    assert 'data-steps="step 1|step 2|end"' in page
    frames = sheet(shown).findall("{http://www.w3.org/2000/svg}svg")
    assert [frame.get("y") for frame in frames] == ["0", str(height), str(2 * height)]
    assert {frame.get("viewBox") for frame in frames} == {f"0 0 {width} {height}"}
    assert not re.search(r"(src|href)=.(?!data:|#)", unquote(page).replace("xmlns", ""))


def test_arrows_start_at_the_fakes_and_point_where_the_score_rises() -> None:
    shown = film()
    arrows = re.findall(r"M(\d+) (\d+)L(\d+) (\d+)l", shown.pictures.still(0))
    assert len(arrows) == len(FAKE)
    for (x, y, to_x, to_y), fake in zip(arrows, FAKE):
        unit = shown.pictures.size[0] / 5
        assert (int(x), int(y)) == (round((float(fake[0]) + 1) * unit), round((4 - float(fake[1])) * unit))
        push = torch.tensor([int(to_x) - int(x), int(y) - int(to_y)], dtype=torch.float64)  # rows count downwards
        assert float(push.norm()) == pytest.approx(shown.pictures.size[0] / 8, abs=1.5)
        assert_close(push / push.norm(), torch.tensor([-0.6, -0.8], dtype=torch.float64), atol=0.03, rtol=0)
    assert not re.search(r"L\d+ \d+l", shown.pictures.still(2))  # a flat critic pushes nobody


def test_ground_is_darkest_where_the_score_is_highest() -> None:
    shown = film()
    assert shown.pictures.still(0).count("fill-rule") == 6
    corner = re.findall(r'fill="#a5a5a5" fill-rule="evenodd" d="([^"]*)"', shown.pictures.still(0))
    numbers = [tuple(map(int, pair)) for pair in re.findall(r"[ML](\d+) (\d+)", corner[0])]
    width, height = shown.pictures.size
    assert (0, height) in numbers  # the lower left corner
    assert all(x < width / 2 and y > height / 2 for x, y in numbers)


def test_film_draws_at_most_as_much_as_asked_and_its_still_and_alt_text_say_what_is_there() -> None:
    many = film(dots=2, arrows=1)
    assert many.pictures.still(0).count("h0") == 2
    assert len(re.findall(r"L\d+ \d+l", many.pictures.still(0))) == 1
    assert len(many.still.axes) == 3
    assert "Film of 3 frames from step 1 to end" in many.alt
    assert plots.alt_text(many.still).endswith(many.alt)
    assert "5 at" not in many.alt.split("span")[0]


def test_film_refuses_what_it_cannot_draw() -> None:
    with pytest.raises(ValueError, match="there are 1 steps for 2 moments"):
        plots.landscape_film([(tilted, FAKE)] * 2, real=REAL, steps=[1])
    with pytest.raises(ValueError, match="not finite"):
        plots.landscape_film([(lambda x: x[:, 0] / 0, FAKE)], real=REAL, steps=[1])
    with pytest.raises(ValueError, match="wanted \\(n, 2\\)"):
        plots.landscape_film([(tilted, FAKE[:, :1])], real=REAL, steps=[1])
