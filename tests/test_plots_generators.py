"""The figures of chapter 1: drawn on new or given axes, saying what they show, refusing what they cannot draw."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure
from torch.special import ndtri
from torch.testing import assert_close

from course_gan import plots
from course_gan.gaussians import gaussian_density, mixture_log_density
from course_gan.pushforward import mixture_generator

pytestmark = pytest.mark.usefixtures("styled_figures")

HUMPS = torch.tensor([[0.35, 0.65], [-1.5, 1.5], [0.5, 0.5]], dtype=torch.float64)
GRID = torch.linspace(-3, 3, 301, dtype=torch.float64)
EXACT = mixture_generator(GRID, *HUMPS)
DENSITY = mixture_log_density(EXACT, *HUMPS).exp()
EQUAL = ndtri((torch.arange(200, dtype=torch.float64) + 0.5) / 200)
WANTED = mixture_generator(EQUAL, *HUMPS)
SHARES = torch.tensor([[0.4, 0.4, 0.15, 0.05], [0.5, 0.5, 0.0, 0.0]])


def frames(**options: object) -> Figure:
    made = {"step 0": 0.1 * EQUAL, "step 9": WANTED}
    return plots.push_forward_frames(EQUAL, made, WANTED, EXACT, DENSITY, **options)  # type: ignore[arg-type]


def shares(**options: object) -> Figure:
    return plots.futures_shares({"z": SHARES, "coin": SHARES[1:]}, **options)  # type: ignore[arg-type]


FIGURES: dict[str, tuple[Callable[..., Figure], int]] = {
    "push_forward": (lambda **o: plots.push_forward(GRID, EXACT, DENSITY, **o), 4),
    "push_forward_frames": (frames, 4),
    "futures_shares": (shares, 1),
    "futures_grid": (
        lambda **o: plots.futures_grid([[torch.zeros(1, 16, 16)] * 3] * 2, ["now", "left", "right"], **o),
        1,
    ),
}


@pytest.mark.parametrize("name", FIGURES)
def test_figure_draws_on_new_and_on_given_axes_and_says_what_it_shows(name: str) -> None:
    draw, panels = FIGURES[name]
    figure = draw()
    assert len(figure.axes) == panels
    assert figure.get_size_inches()[0] <= 5.6
    figure.canvas.draw()
    assert len(plots.alt_text(figure)) > 60
    host, axes = plt.subplots(1, panels, squeeze=False)
    assert draw(axes=axes[0, 0] if panels == 1 else list(axes.flat)) is host


def test_slices_of_noise_and_of_samples_have_equal_mass() -> None:
    figure = plots.push_forward(GRID, EXACT, DENSITY)
    beside, _, _, below = figure.axes

    def area(collection: object) -> float:
        vertices = torch.as_tensor(collection.get_paths()[0].vertices)  # type: ignore[attr-defined]
        x, y = vertices[:, 0], vertices[:, 1]
        return float((x * y.roll(-1) - y * x.roll(-1)).sum().abs() / 2)

    # Inner slices; the outermost ones lose their tails.  A slice may lose a cell of the grid, 0.02 wide and 0.4 high.
    for under, aside in list(zip(below.collections, beside.collections, strict=True))[1:-1]:
        assert area(under) == pytest.approx(0.1, abs=0.009)
        assert area(aside) == pytest.approx(0.1, abs=0.02)


def test_frames_mark_the_same_five_points_of_noise() -> None:
    figure = frames()
    first, last = figure.axes[0], figure.axes[2]
    marks = [next(line for line in ax.lines if line.get_marker() == "o") for ax in (first, last)]
    assert_close(torch.as_tensor(marks[0].get_xdata()), torch.as_tensor(marks[1].get_xdata()))
    assert len(marks[0].get_xdata()) == 5


def test_bars_of_a_run_end_at_one() -> None:
    figure = shares()
    (ax,) = figure.axes
    ends = {}
    for bar in ax.patches:
        ends[round(bar.get_y(), 3)] = bar.get_x() + bar.get_width()
    assert len(ends) == 3
    assert all(end == pytest.approx(1, abs=1e-6) for end in ends.values())
    hatches = {bar.get_hatch() for bar in ax.patches}
    assert len(hatches) == 4  # told apart without color


def test_frames_of_a_column_have_its_label() -> None:
    figure = plots.futures_grid([[torch.zeros(1, 16, 16)] * 2] * 2, ["now", "left"])
    assert [text.get_text() for text in figure.axes[0].texts] == ["now", "left", "now", "left"]


def test_figures_refuse_what_they_cannot_draw() -> None:
    with pytest.raises(ValueError, match="z increasing"):
        plots.push_forward(GRID.flip(0), EXACT, DENSITY)
    with pytest.raises(ValueError, match="frames is empty"):
        plots.push_forward_frames(EQUAL, {}, WANTED, EXACT, DENSITY)
    with pytest.raises(ValueError, match="wanted that of z"):
        plots.push_forward_frames(EQUAL, {"step 0": WANTED[:5]}, WANTED, EXACT, DENSITY)
    with pytest.raises(ValueError, match="as many frames"):
        plots.futures_grid([[torch.zeros(1, 16, 16)]], ["now", "left"])
    with pytest.raises(ValueError, match="sum to one"):
        plots.futures_shares({"z": SHARES[:, :3]})


def test_density_beside_the_map_is_that_of_the_samples() -> None:
    figure = plots.push_forward(GRID, EXACT, DENSITY)
    beside, middle, _, below = figure.axes
    assert_close(torch.as_tensor(beside.lines[0].get_xdata()), DENSITY)
    assert_close(torch.as_tensor(middle.lines[0].get_ydata()), EXACT)
    assert_close(torch.as_tensor(below.lines[0].get_ydata()), gaussian_density(GRID, 0.0, 1.0))
