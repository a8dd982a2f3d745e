"""The figures of training: drawn quietly on new or given axes, showing what was asked, and saying what they show."""

import inspect
import io
import math
import re
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.colors import to_rgb, to_rgba
from matplotlib.contour import QuadContourSet
from matplotlib.figure import Figure
from matplotlib.patches import Circle
from matplotlib.quiver import Quiver
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan import plots
from course_gan.transport import cost_matrix, optimal_plan

pytestmark = pytest.mark.usefixtures("styled_figures")

ANGLES = torch.arange(8) * (2 * math.pi / 8)
CENTERS = torch.stack([ANGLES.cos(), ANGLES.sin()], 1)
PLAN = torch.tensor([[0.25, 0.25], [0.0, 0.5]])


def ring(n: int, modes: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return CENTERS[torch.arange(n) % modes] + 0.02 * torch.randn(n, 2, generator=generator)


REAL, FAKE = ring(80, 8), ring(30, 3, 1)


def slope(points: Tensor) -> Tensor:
    """A linear critic, whose gradient is (3, -4) everywhere."""
    return 3 * points[:, 0] - 4 * points[:, 1]


def turn(points: Tensor) -> Tensor:
    return torch.stack([-points[:, 1], points[:, 0]], 1)


BOX = (-2, 2, -2, 2)
FIGURES: dict[str, tuple[Callable[..., Figure], int]] = {
    "samples": (lambda **o: plots.samples(REAL, FAKE, centers=CENTERS, radius=0.1, **o), 1),
    "samples_line": (lambda **o: plots.samples(REAL[:, 0], FAKE[:, :1], **o), 1),
    "image_grid": (lambda **o: plots.image_grid(torch.zeros(5, 1, 4, 4), **o), 1),
    "image_grid_labels": (lambda **o: plots.image_grid(torch.zeros(5, 3, 4, 6), labels=range(5), columns=2, **o), 1),
    "critic_landscape": (lambda **o: plots.critic_landscape(slope, real=REAL, fake=FAKE, **o), 1),
    "gradient_field": (lambda **o: plots.gradient_field(slope, BOX, real=REAL, **o), 1),
    "decision_surface": (lambda **o: plots.decision_surface(slope, BOX, real=REAL, fake=FAKE, **o), 1),
    "histories": (lambda **o: plots.histories({"a": torch.rand(3, 9), "b": torch.rand(9)}, **o), 1),
    "transport_plan_line": (lambda **o: plots.transport_plan(torch.arange(2.0), torch.arange(2.0) + 3, PLAN, **o), 1),
    "transport_plan": (lambda **o: plots.transport_plan(REAL[:2], FAKE[:2], PLAN, **o), 1),
    "transport_matrix": (lambda **o: plots.transport_matrix(PLAN, **o), 3),
    "vector_field": (lambda **o: plots.vector_field(turn, **o), 1),
    "trajectories": (
        lambda **o: plots.trajectories({"a": torch.rand(9, 2), "b": torch.rand(5, 2)}, field=turn, **o),
        1,
    ),
}


DRAWN = {name.removesuffix("_line").removesuffix("_labels") for name in FIGURES}
TRAINING = {*DRAWN, "Film", "film", "alt_text", "describe", "save"}  # what this file and test_plots_films.py test


def refuses(function: Callable[..., object], *arguments: object, match: str, **options: object) -> None:
    with pytest.raises(ValueError, match=match):
        inspect.unwrap(function)(*arguments, **options)


@pytest.mark.parametrize("name", FIGURES)
def test_figure_fits_a_phone_draws_quietly_is_transparent_and_says_what_it_shows(name: str) -> None:
    draw, count = FIGURES[name]
    figure = draw()
    figure.canvas.draw()
    assert figure.get_size_inches()[0] <= 5.6
    assert len([ax for ax in figure.axes if ax.get_label() != "<colorbar>"]) == count
    assert to_rgba(figure.get_facecolor())[3] == 0
    text = plots.alt_text(figure)
    assert len(text) > 40
    assert text.endswith(".")
    assert "nan" not in text


@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_drawn_on_given_axes_and_adds_its_words_to_those_there(name: str) -> None:
    draw, count = FIGURES[name]
    figure, grid = plt.subplots(1, count + 1, squeeze=False)
    plots.describe(figure, "What was there.")
    axes = list(grid[0][:count])
    assert draw(axes=axes[0] if count == 1 else axes) is figure
    assert all(ax.has_data() for ax in axes)
    assert plots.alt_text(figure).startswith("What was there. ")


@pytest.mark.parametrize("name", FIGURES)
def test_same_figure_gives_the_same_bytes_with_its_words_inside(name: str) -> None:
    torch.manual_seed(0)
    draw, _ = FIGURES[name]

    def svg() -> bytes:
        torch.manual_seed(0)
        file = io.BytesIO()
        plots.save(draw(), file)
        return file.getvalue()

    first = svg()
    assert first == svg()
    assert b"<dc:description>" in first
    title = re.search(rb"<title>(.*?)</title>", first, re.DOTALL)
    assert title is not None
    assert len(title.group(1)) > 40


def test_description_is_replaced_or_added_to_and_missing_or_empty_ones_are_refused() -> None:
    figure = plt.figure()
    refuses(plots.alt_text, figure, match="no description")
    refuses(plots.describe, figure, "  ", match="empty")
    assert plots.describe(figure, "One.") is figure
    plots.describe(figure, "Two.", add=True)
    assert plots.alt_text(figure) == "One. Two."
    plots.describe(figure, "Three.")
    assert plots.alt_text(figure) == "Three."


def test_png_and_svg_are_saved_by_the_name_of_the_file_and_others_refused(tmp_path: Path) -> None:
    figure = plots.describe(plt.figure(), "An empty figure.")
    plots.save(figure, tmp_path / "a.png")
    assert b"An empty figure." in (tmp_path / "a.png").read_bytes()
    plots.save(figure, str(tmp_path / "a.svg"))
    assert "An empty figure." in (tmp_path / "a.svg").read_text()
    plots.save(figure, tmp_path / "b", "png")
    assert (tmp_path / "b").read_bytes() == (tmp_path / "a.png").read_bytes()
    refuses(plots.save, figure, tmp_path / "a.pdf", match="wanted svg or png")


# Samples


def test_samples_count_the_modes_that_a_fake_reaches_and_circle_all() -> None:
    figure = plots.samples(REAL, FAKE, centers=CENTERS, radius=0.1)
    assert "3 of 8 modes have a sample within 0.1" in plots.alt_text(figure)
    assert "80 real samples" in plots.alt_text(figure)
    assert len([patch for patch in figure.axes[0].patches if isinstance(patch, Circle)]) == 8
    reals, fakes = figure.axes[0].lines
    assert_close(torch.as_tensor(fakes.get_xydata()).float(), FAKE)
    assert reals.get_marker() != fakes.get_marker()


def test_histograms_are_densities_of_all_samples() -> None:
    figure = plots.samples(torch.tensor([0.0, 0.0, 1.0, 4.0]), torch.tensor([[2.0], [2.5]]), bins=8)
    real, fake = figure.axes[0].patches
    for stairs in (real, fake):
        heights, edges, _ = stairs.get_data()
        assert float((torch.as_tensor(heights) * torch.as_tensor(edges).diff()).sum()) == pytest.approx(1)
    assert "4 real samples, from 0 to 4" in plots.alt_text(figure)
    assert "real mean 1.25, fake mean 2.25" in plots.alt_text(figure)


def test_equal_numbers_on_the_line_and_only_reals_can_be_drawn() -> None:
    plots.samples(torch.ones(5), extent=(0, 2)).canvas.draw()
    plots.samples(torch.ones(5)).canvas.draw()
    plots.samples(torch.ones(5, 2)).canvas.draw()
    text = plots.alt_text(plots.samples(REAL.half(), extent=BOX, centers=CENTERS, radius=0.2))
    assert "8 of 8 modes" in text


def test_samples_of_wrong_shape_are_refused() -> None:
    refuses(plots.samples, torch.zeros(3, 3), match=r"real has shape \(3, 3\); wanted \(n, 2\)")
    refuses(plots.samples, REAL, torch.zeros(3), match="fake has shape")
    refuses(plots.samples, torch.zeros(3), torch.zeros(3, 2), match="beside real on the line")
    refuses(plots.samples, REAL * math.nan, match="not finite")
    refuses(plots.samples, torch.tensor([0, math.inf]), match="not finite")
    refuses(plots.samples, REAL, centers=CENTERS, match="radius is None")
    refuses(plots.samples, REAL, extent=(0, 1), match="wanted \\(left, right, bottom, top\\)")
    refuses(plots.samples, REAL, extent=(1, 0, 0, 1), match="left < right")
    refuses(plots.samples, torch.zeros(3), bins=0, match="bins is 0")


# Images


def drawn_pixels(figure: Figure) -> Tensor:
    return torch.as_tensor(figure.axes[0].images[0].get_array())


def test_images_stand_row_by_row_with_their_channels_and_gray_between() -> None:
    images = torch.stack([torch.full((3, 2, 2), -1.0), torch.full((3, 2, 2), 1.0), torch.full((3, 2, 2), 0.0)])
    images[1, 1] = -1  # no green
    sheet = drawn_pixels(plots.image_grid(images, columns=2))
    assert sheet.shape == (5, 5, 3)
    assert_close(sheet[0, 0], torch.zeros(3))
    assert_close(sheet[0, 3], torch.tensor([1.0, 0.0, 1.0]))
    assert_close(sheet[3, 0], torch.full((3,), 0.5))
    assert_close(sheet[:, 2], torch.full((5, 3), 0.5))


def test_rows_of_an_image_run_downward_and_are_not_turned() -> None:
    image = torch.tensor([[[[-1.0, 1.0], [-1.0, -1.0]]]])
    figure = plots.image_grid(image)
    assert_close(drawn_pixels(figure)[..., 0], torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    assert figure.axes[0].yaxis_inverted()
    assert figure.axes[0].images[0].get_interpolation() == "nearest"
    assert "1 gray image of 2 by 2 pixels" in plots.alt_text(figure)


def test_labels_stand_in_the_figure_and_in_its_words() -> None:
    figure = plots.image_grid(torch.zeros(3, 1, 4, 4), labels=torch.tensor([7, 1, 9]))
    assert [text.get_text() for text in figure.axes[0].texts] == ["7", "1", "9"]
    assert len(figure.axes[0].images) == 3
    assert "labels in order: 7, 1, 9." in plots.alt_text(figure)


def test_labels_of_pictures_read_on_white_and_on_black() -> None:
    figure = plots.image_grid(torch.zeros(2, 1, 4, 4), labels=["now", "left"])
    assert len(figure.axes[0].texts) == 2
    for text in figure.axes[0].texts:
        (level,) = set(to_rgb(text.get_color()))
        luminance = ((level + 0.055) / 1.055) ** 2.4
        assert (1 + 0.05) / (luminance + 0.05) > 4
        assert (luminance + 0.05) / 0.05 > 4


def test_images_of_wrong_shape_or_range_are_refused() -> None:
    refuses(plots.image_grid, torch.zeros(4, 8, 8), match=r"wanted \(n, 1, h, w\)")
    refuses(plots.image_grid, torch.zeros(4, 2, 8, 8), match="in gray or")
    refuses(plots.image_grid, torch.tensor(0.0), match="in gray or")
    refuses(plots.image_grid, torch.full((1, 1, 2, 2), 200.0), match="wanted values in \\[-1, 1\\]")
    refuses(plots.image_grid, torch.full((1, 1, 2, 2), math.nan), match="wanted values in")
    refuses(plots.image_grid, torch.zeros(2, 1, 2, 2), labels=[1], match="1 labels for 2 images")
    refuses(plots.image_grid, torch.zeros(2, 1, 2, 2), columns=0, match="columns is 0")
    refuses(plots.image_grid, torch.zeros(2, 1, 2, 2, dtype=torch.uint8), match="floating-point")


# Critics


def quivers(figure: Figure) -> list[Quiver]:
    return [artist for artist in figure.axes[0].collections if isinstance(artist, Quiver)]


def test_arrows_at_fakes_point_uphill_along_the_gradient() -> None:
    (arrows,) = quivers(plots.critic_landscape(slope, fake=FAKE))
    assert_close(torch.as_tensor(arrows.get_offsets()).float(), FAKE)
    assert_close(torch.as_tensor(arrows.V / arrows.U), torch.full((30,), -4 / 3).double())
    assert (arrows.U > 0).all()


def test_landscape_has_the_scores_of_the_right_places() -> None:
    figure = plots.critic_landscape(lambda x: x[:, 0] + 10 * x[:, 1], (0, 1, 0, 2))
    text = plots.alt_text(figure)
    assert "scores, from 0 to 21, over 0 to 1 across and 0 to 2 up; highest near (1, 2)." in text
    contours = next(artist for artist in figure.axes[0].collections if isinstance(artist, QuadContourSet))
    lines = torch.cat([torch.as_tensor(path.vertices) for path in contours.get_paths()])
    values = lines[:, 0] + 10 * lines[:, 1]
    at_levels = (values[:, None] - torch.as_tensor(contours.levels)).abs().amin(1) < 1e-5
    border = ((lines == 0) | (lines == torch.tensor([1.0, 2.0]))).any(1)
    assert (at_levels | border).all()


def test_gradient_field_shows_unit_directions_and_lengths_by_color() -> None:
    (arrows,) = quivers(plots.gradient_field(slope, (-1, 1, -1, 1), cells=5))
    assert_close(torch.as_tensor(arrows.get_array()).double(), torch.full((25,), 5.0).double())
    assert_close(torch.as_tensor(arrows.U / arrows.V).double(), torch.full((25,), -0.75).double())
    assert (arrows.U > 0).all()


def test_decision_border_is_where_the_score_is_zero() -> None:
    figure = plots.decision_surface(lambda x: 50 * (x[:, 0] - 0.25), (0, 1, 0, 1), real=torch.tensor([[0.5, 0.5]]))
    border = figure.axes[0].collections[1]
    vertices = torch.cat([torch.as_tensor(path.vertices) for path in border.get_paths()])
    assert_close(vertices[:, 0], torch.full((len(vertices),), 0.25).double(), atol=1e-6, rtol=0)
    assert "above one half on 75% of the area. It is right on 100% of the real samples." in plots.alt_text(figure)


def test_border_is_drawn_where_probabilities_saturate_and_not_where_there_is_none() -> None:
    steep = plots.decision_surface(lambda x: 1e6 * x[:, 0], BOX)
    assert len(steep.axes[0].collections) == 2
    assert len(plots.decision_surface(lambda x: x[:, 0] + 9, BOX).axes[0].collections) == 1


def test_flat_critic_has_a_picture() -> None:
    flat = plots.critic_landscape(lambda x: 0 * x[:, 0] + 3, BOX, fake=FAKE)
    flat.canvas.draw()
    plots.gradient_field(lambda x: torch.ones(len(x), requires_grad=True), BOX).canvas.draw()
    assert "from 3 to 3" in plots.alt_text(flat)


class Critic(nn.Module):
    """A critic that notices being trained: normalization statistics, dropout, gradients."""

    def __init__(self) -> None:
        super().__init__()
        layers = [
            nn.Linear(2, 8),
            nn.BatchNorm1d(8),
            nn.Dropout(),
            nn.utils.parametrizations.spectral_norm(nn.Linear(8, 1)),
        ]
        self.layers = nn.Sequential(*layers).double()
        self.layers[2].eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x).squeeze(1)


@pytest.mark.parametrize("draw", [plots.critic_landscape, plots.decision_surface, plots.gradient_field])
def test_looking_at_a_critic_changes_nothing_in_it(draw: Callable[..., Figure]) -> None:
    critic = Critic()
    before = {name: value.clone() for name, value in critic.state_dict().items()}
    random, modes = torch.get_rng_state(), [module.training for module in critic.modules()]
    draw(critic, BOX, real=REAL)
    assert_close(dict(critic.state_dict()), before, rtol=0, atol=0)
    assert_close(torch.get_rng_state(), random)
    assert [module.training for module in critic.modules()] == modes
    assert all(parameter.grad is None for parameter in critic.parameters())


def test_critic_is_left_as_it_was_even_if_it_fails() -> None:
    critic = nn.Linear(2, 1)
    refuses(plots.critic_landscape, critic, BOX, match=r"the critic made \(6400, 1\) of \(6400, 2\)")
    assert critic.training


def test_critic_figures_refuse_what_they_cannot_draw() -> None:
    refuses(plots.critic_landscape, slope, match="neither extent nor samples")
    refuses(plots.critic_landscape, slope, (0, 0, 1, 1), match="left < right")
    refuses(plots.critic_landscape, slope, real=torch.zeros(3), match="wanted \\(n, 2\\)")
    refuses(plots.critic_landscape, lambda x: x[:, 0] / 0, BOX, match="scores are not all finite")
    refuses(plots.gradient_field, lambda x: x[:, 0].abs().sqrt() * math.inf, BOX, match="gradients are not all finite")
    refuses(plots.decision_surface, lambda x: 3.0, BOX, match="the critic made float")
    refuses(plots.critic_landscape, slope, BOX, cells=1, match="cells is 1")


# Histories


def test_line_is_the_median_over_seeds_and_the_band_its_quantiles() -> None:
    runs = torch.arange(11.0)[:, None] * torch.tensor([1.0, 2.0])
    figure = plots.histories(runs, torch.tensor([0, 100]), name="loss", interval=0.8)
    (line,) = (line for line in figure.axes[0].lines if len(line.get_ydata()))
    assert_close(torch.as_tensor(line.get_ydata()), torch.tensor([5.0, 10.0]).double())
    band = torch.as_tensor(figure.axes[0].collections[0].get_paths()[0].vertices)
    assert_close(band[band[:, 0] == 100, 1].unique(), torch.tensor([2.0, 18.0]).double())
    assert "loss, median of 11 seeds: from 5 at step 0 it rises to 10 at step 100" in plots.alt_text(figure)
    assert "the middle 80% of seeds reach from 2 to 18." in plots.alt_text(figure)


def test_one_seed_has_a_line_and_no_band() -> None:
    figure = plots.histories({0: torch.tensor([1.0, 1.0])})
    assert not figure.axes[0].collections
    assert "median of 1 seed: from 1 at step 0 it stays at 1" in plots.alt_text(figure)


def test_missing_entries_are_gaps_and_lone_ones_are_dots() -> None:
    nan = math.nan
    figure = plots.histories(torch.tensor([[1, nan, 2, nan, math.inf, 4, 5], [3, nan, nan, nan, nan, 4, 5]]))
    line, dots = figure.axes[0].lines
    assert_close(torch.as_tensor(line.get_ydata()), torch.tensor([2, nan, 2, nan, nan, 4, 5]).double(), equal_nan=True)
    assert list(dots.get_xdata()) == [0, 2]
    assert "7 entries missing." in plots.alt_text(figure)
    figure.canvas.draw()


def test_runs_come_in_many_forms() -> None:
    row = torch.tensor([1.0, 2.0])
    for runs in (row, row[None], [row, row], {0: row, 1: row}, {"a": [row, row[:1]], "b": {3: row}}):
        figure = plots.histories(runs)
        assert_close(torch.as_tensor(figure.axes[0].lines[0].get_ydata()), row.double())
    assert "1 entry missing." in plots.alt_text(figure)
    assert plots.histories(row, log=True).axes[0].get_yscale() == "log"
    many = plots.histories({str(k): row.half() for k in range(9)})
    styles = {(line.get_color(), str(line.get_linestyle())) for line in many.axes[0].lines[:14:2]}
    assert len(styles) == 7


def test_histories_of_wrong_shape_are_refused() -> None:
    refuses(plots.histories, {}, match="runs are empty")
    refuses(plots.histories, [], match="nothing")
    refuses(plots.histories, torch.zeros(2, 2, 2), match=r"\(steps,\) or \(seeds, steps\)")
    refuses(plots.histories, [torch.zeros(2, 2)], match="one a seed")
    refuses(plots.histories, torch.full((3,), math.nan), match="no finite entry")
    refuses(plots.histories, torch.zeros(3), torch.zeros(4), match="one place an entry")
    refuses(plots.histories, torch.zeros(3), interval=1.5, match="interval is 1.5")


# Transport plans


def test_routes_join_what_the_plan_joins_as_wide_as_their_mass() -> None:
    x, y = torch.tensor([[0.0, 0.0], [1.0, 0.0]]), torch.tensor([[0.0, 3.0], [1.0, 2.0]])
    figure = plots.transport_plan(x, y, PLAN)
    routes = figure.axes[0].collections[0]
    ends = [[tuple(end) for end in segment] for segment in routes.get_segments()]
    assert ends == [[(0, 0), (0, 3)], [(0, 0), (1, 2)], [(1, 0), (1, 2)]]
    widths = routes.get_linewidths()
    assert widths[2] == pytest.approx(2 * widths[0])
    mean = 0.25 * 3 + 0.25 * math.sqrt(5) + 0.5 * 2
    assert f"along 3 routes; the mean way is {mean:.3g}, the longest 3." in plots.alt_text(figure)


def test_piles_on_the_line_are_as_high_as_they_hold_mass() -> None:
    x, y = torch.tensor([0.0, 1.0]), torch.tensor([[2.0], [3.0]])
    figure = plots.transport_plan(x, y, optimal_plan(cost_matrix(x[:, None], y), torch.tensor([0.25, 0.75])))
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx([1 / 3, 1, -2 / 3, -2 / 3])


def test_matrix_shows_the_plan_and_its_sums() -> None:
    figure = plots.transport_matrix(PLAN)
    above, left, middle = figure.axes
    assert_close(torch.as_tensor(middle.images[0].get_array()), PLAN.double())
    assert [bar.get_height() for bar in above.patches] == pytest.approx([0.25, 0.75])
    assert [bar.get_width() for bar in left.patches] == pytest.approx([0.5, 0.5])
    assert "3 of its 4 entries are above 0" in plots.alt_text(figure)
    assert "Row sums all 0.5, column sums from 0.25 to 0.75." in plots.alt_text(figure)
    plots.transport_matrix(torch.ones(1, 1)).canvas.draw()


def test_plans_of_wrong_shape_are_refused() -> None:
    refuses(plots.transport_plan, torch.zeros(2), torch.zeros(3), PLAN, match="wanted x \\(n, 1\\)")
    refuses(plots.transport_plan, torch.zeros(2, 3), torch.zeros(2, 3), PLAN, match="wanted x")
    refuses(plots.transport_plan, torch.zeros(2, 2), torch.zeros(2, 1), PLAN, match="wanted x")
    refuses(plots.transport_matrix, -PLAN, match="not negative")
    refuses(plots.transport_matrix, 0 * PLAN, match="nor all 0")
    refuses(plots.transport_matrix, PLAN[0], match="wanted \\(n, m\\)")
    refuses(plots.transport_matrix, PLAN * math.nan, match="not negative")


# Dynamics


def test_arrows_of_a_field_are_its_velocities_at_the_grid() -> None:
    (arrows,) = quivers(plots.vector_field(turn, (-1, 1, -1, 1), cells=3))
    at = torch.as_tensor(arrows.get_offsets()).double()
    velocity = torch.stack([torch.as_tensor(arrows.U), torch.as_tensor(arrows.V)], 1).double()
    longest = turn(at).norm(dim=1).amax()
    assert_close(velocity, turn(at) * (velocity.norm(dim=1).amax() / longest))
    assert float(velocity.norm(dim=1).amax()) == pytest.approx(1.2)  # the grid's step is 1


def test_paths_run_from_dot_to_square_and_their_words_say_whether_they_leave() -> None:
    angle = torch.linspace(0, 6, 61)[:, None]
    circle = torch.cat([angle.cos(), angle.sin()], 1)
    paths = {"round": circle, "out": circle * (1 + angle), "in": circle / (1 + angle)}
    figure = plots.trajectories(paths)
    text = plots.alt_text(figure)
    assert "round: from distance 1 of the equilibrium it keeps its distance of 1 in 60 steps." in text
    assert "out: from distance 1 of the equilibrium it moves away to 7 in 60 steps." in text
    assert "in: from distance 1 of the equilibrium it comes to 0.143 in 60 steps." in text
    assert "vector field" not in text
    drawn = [line for line in figure.axes[0].lines if len(line.get_xdata()) > 1]
    assert_close(torch.as_tensor(drawn[1].get_xydata()), (circle * (1 + angle)).double())
    assert len({str(line.get_linestyle()) for line in figure.axes[0].lines[::3]}) >= 3


def test_path_that_diverges_is_drawn_as_far_as_it_is_finite() -> None:
    path = torch.tensor([[1.0, 0.0], [2.0, 0.0], [math.inf, 0.0], [math.nan, 1.0]])
    figure = plots.trajectories({"a": path}, equilibrium=None, extent=(-3, 3, -3, 3))
    assert len(figure.axes[0].lines[0].get_xdata()) == 2
    assert "a: after 1 step at (2, 0)." in plots.alt_text(figure)


def test_dynamics_of_wrong_shape_are_refused() -> None:
    refuses(plots.trajectories, {}, match="paths are empty")
    refuses(plots.trajectories, {"a": torch.zeros(3)}, match="wanted \\(steps, 2\\)")
    refuses(plots.trajectories, {"a": torch.full((3, 2), math.nan)}, match="wanted a finite start")
    refuses(plots.vector_field, lambda x: x[:, 0], match="the field made")
    refuses(plots.vector_field, lambda x: None, match="the field made NoneType")
    refuses(plots.vector_field, lambda x: x / 0, match="not finite")
    refuses(plots.vector_field, turn, (0, 1, 1, 0), match="bottom < top")
