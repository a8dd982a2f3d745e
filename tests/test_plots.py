"""The book's figures: each returns a Figure with the curves and areas that its caption claims, and draws quietly."""

import io
import os
import subprocess
import sys
from collections.abc import Callable

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure

from course_gan import plots
from course_gan.divergences import gaussian_density, js, kl, kl_gaussian, mixture_log_density
from course_gan.fit import Fit, fit_gaussian
from course_gan.plots import style
from course_gan.plots.landing import MODES, RADIUS, ring_fits, ring_log_density
from tests.test_plots_discriminators import DRAWN as DISCRIMINATORS
from tests.test_plots_fgan import FIGURES as FGAN
from tests.test_plots_game import GAME
from tests.test_plots_generators import FIGURES as GENERATORS
from tests.test_plots_training import TRAINING

pytestmark = pytest.mark.usefixtures("styled_figures")

P = torch.tensor([0.36, 0.48, 0.16], dtype=torch.float64)
Q = torch.full((3,), 1 / 3, dtype=torch.float64)
GRID = torch.linspace(-12, 12, 601, dtype=torch.float64)


def log_two_bumps(points: torch.Tensor) -> torch.Tensor:
    weights, means, stds = torch.tensor([[0.3, 0.7], [-2.0, 2.0], [0.6, 0.6]], dtype=torch.float64)
    return mixture_log_density(points[:, 0], weights, means, stds)


def fit_two_bumps(name: str) -> list[Fit]:
    starts = torch.tensor([[-3.0], [2.5], [3.0]], dtype=torch.float64)
    return [fit_gaussian(name, log_two_bumps, GRID[:, None], 0.04, start, std=1.0) for start in starts]


def covering_and_seeking(axes: list[Axes] | None = None) -> Figure:
    target = log_two_bumps(GRID[:, None]).exp()
    return plots.covering_and_seeking(GRID, target, fit_two_bumps("kl"), fit_two_bumps("reverse-kl"), axes=axes)


def excess_surprise(axes: list[Axes] | None = None) -> Figure:
    return plots.excess_surprise(P, Q, axes=axes)


FIGURES: dict[str, tuple[Callable[..., Figure], int]] = {
    "excess_surprise": (excess_surprise, 2),
    "kl_point_by_point": (plots.kl_point_by_point, 3),
    "kl_small_multiples": (plots.kl_small_multiples, 8),
    "js_through_the_middle": (plots.js_through_the_middle, 2),
    "covering_and_seeking": (covering_and_seeking, 2),
    "moving_boxes": (plots.moving_boxes, 2),
    **FGAN,
}


def signed_area(ax: Axes) -> float:
    """Area of the shaded polygons of a panel (shoelace formula), those below zero counted negative."""
    total = 0.0
    for collection in ax.collections:
        vertices = torch.as_tensor(collection.get_paths()[0].vertices)
        x, y = vertices[:, 0], vertices[:, 1]
        area = float((x * y.roll(-1) - y * x.roll(-1)).sum().abs() / 2)
        total += area if float(y.mean()) > 0 else -area
    return total


def test_every_figure_of_the_package_is_tested() -> None:
    tested = {*FIGURES, *GENERATORS, *TRAINING, *GAME, *DISCRIMINATORS}
    assert set(plots.__all__) == {
        *tested,
        "cover",
        "push_forward_film",
        "use_style",
    }  # the film has a module of tests of its own


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_returned_fits_a_phone_and_draws_without_a_warning(name: str) -> None:
    draw, panels = FIGURES[name]
    figure = draw()
    assert isinstance(figure, Figure)
    assert len(figure.axes) == panels
    assert figure.get_size_inches()[0] <= 5.6
    figure.canvas.draw()


@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_drawn_on_given_axes(name: str) -> None:
    draw, panels = FIGURES[name]
    figure, grid = plt.subplots(1, panels, squeeze=False)
    axes = list(grid[0])
    assert draw(axes=axes if panels > 1 else axes[0]) is figure
    assert all(ax.has_data() for ax in axes)


def test_wrong_number_of_axes_is_refused_with_both_numbers() -> None:
    _, ax = plt.subplots()
    with pytest.raises(ValueError, match=r"has 3 panels, but 1 axes were given"):
        plots.kl_point_by_point(axes=[ax])


@pytest.mark.parametrize("q", [(1.0, 1.0), (0.5, 0.7)])
def test_shaded_areas_of_kl_point_by_point_are_kl_in_both_directions(q: tuple[float, float]) -> None:
    _, forward, backward = plots.kl_point_by_point(q=q).axes
    assert signed_area(forward) == pytest.approx(float(kl_gaussian(0.0, 1.0, *q)), abs=1e-3)
    assert signed_area(backward) == pytest.approx(float(kl_gaussian(*q, 0.0, 1.0)), abs=1e-3)


def test_shaded_areas_of_the_small_multiples_are_kl_and_so_are_the_printed_numbers() -> None:
    qs = ((1.0, 1.0), (2.0, 1.0), (1.0, 0.5))
    axes = plots.kl_small_multiples(qs=qs).axes
    for row, q in enumerate(qs):
        forward, backward = kl_gaussian(0.0, 1.0, *q), kl_gaussian(*q, 0.0, 1.0)
        for ax, value in ((axes[2 * row], float(forward)), (axes[2 * row + 1], float(backward))):
            # The window cuts the left tail of p at -4, where log(p/q) can be as large as 42 (for std 0.5).
            assert signed_area(ax) == pytest.approx(value, abs=2e-3)
            assert ax.texts[0].get_text().endswith(f"= {value:.4f}")


def test_shaded_area_of_js_is_js_and_the_two_halves_add_up_to_it_in_every_point() -> None:
    top, bottom = plots.js_through_the_middle().axes
    assert signed_area(bottom) == pytest.approx(0.1114215, abs=1e-3)
    p, q, m = (torch.as_tensor(line.get_ydata()) for line in top.lines)
    torch.testing.assert_close(m, (p + q) / 2)
    first, second = (torch.as_tensor(line.get_ydata()) for line in bottom.lines if len(line.get_ydata()) > 2)
    assert (first + second).min() > -1e-15
    shaded = torch.as_tensor(bottom.collections[0].get_paths()[0].vertices[:, 1])
    assert float(shaded.max()) == pytest.approx(float((first + second).max()), abs=1e-12)


def test_sign_of_an_area_shows_without_color() -> None:
    _, forward, _ = plots.kl_point_by_point().axes
    positive, negative = forward.collections
    assert positive.get_hatch() is None
    assert negative.get_hatch()


def test_distributions_differ_in_dashes_as_well_as_in_color() -> None:
    lines = (style.P_LINE, style.Q_LINE, style.M_LINE)
    assert len({str(line["linestyle"]) for line in lines}) == len(lines)
    assert len({to_rgba(line["color"]) for line in lines}) == len(lines)


def test_running_mean_of_excess_surprise_ends_near_kl_in_both_directions() -> None:
    _, bottom = excess_surprise().axes
    curves = [line for line in bottom.lines if len(line.get_ydata()) > 2]
    for curve, (truth, model) in zip(curves, ((P, Q), (Q, P)), strict=True):
        excess = (truth / model).log()
        error = float(((truth * excess**2).sum() - kl(truth, model) ** 2).sqrt()) / len(curve.get_ydata()) ** 0.5
        assert abs(float(curve.get_ydata()[-1]) - float(kl(truth, model))) < 4 * error  # four standard errors


def test_moving_boxes_show_js_saturated_and_kl_infinite_except_at_zero() -> None:
    _, bottom = plots.moving_boxes().axes
    lines = {line.get_label(): line for line in bottom.lines}
    t, values = (torch.as_tensor(data) for data in lines["JS"].get_data())
    log_2 = js(torch.tensor([1.0, 0.0]).double(), torch.tensor([0.0, 1.0]).double())
    torch.testing.assert_close(values, log_2 * t.double().abs().clamp(max=1))
    t, heights = (torch.as_tensor(data) for data in lines["KL"].get_data())
    assert heights[t.abs() > 0.1].isfinite().all()
    assert heights[t == 0].isnan().all()
    dots = [
        (float(line.get_xdata()[0]), float(line.get_ydata()[0])) for line in bottom.lines if len(line.get_xdata()) == 1
    ]
    assert sorted(dots) == [(0.0, 0.0), (0.0, 1.0)]


def test_covering_and_seeking_draws_one_curve_an_optimum_and_counts_the_starts() -> None:
    above, below = covering_and_seeking().axes
    assert [text.get_text() for text in above.texts] == ["3 of 3 starts"]
    assert [text.get_text() for text in below.texts] == ["1 of 3 starts", "2 of 3 starts"]
    fitted = torch.as_tensor(above.lines[1].get_ydata())
    std = (0.6**2 + 4 - 0.8**2) ** 0.5  # the moments of the mixture; the figure rounds to two digits
    torch.testing.assert_close(fitted, gaussian_density(GRID, 0.8, std), atol=2e-3, rtol=0)


def test_ring_density_integrates_to_one() -> None:
    side = torch.linspace(-5, 5, 201, dtype=torch.float64)
    density = ring_log_density(torch.cartesian_prod(side, side)).exp()
    assert float(density.sum() * (side[1] - side[0]) ** 2) == pytest.approx(1, abs=1e-6)


def test_cover_shows_every_mode_found_by_some_start_and_one_gaussian_that_covers_all() -> None:
    covering, seeking = ring_fits()
    assert len(seeking) >= 12
    torch.testing.assert_close(covering.mean, torch.zeros(2, dtype=torch.float64), atol=1e-3, rtol=0)
    assert float(covering.std) == pytest.approx((RADIUS**2 / 2 + 0.25**2) ** 0.5, abs=1e-2)
    ends = torch.stack([fit.mean for fit in seeking])
    torch.testing.assert_close(ends.norm(dim=1), torch.full((len(ends),), RADIUS).double(), atol=0.05, rtol=0)
    modes = torch.atan2(ends[:, 1], ends[:, 0]).mul(MODES / (2 * torch.pi)).round().long() % MODES
    assert set(modes.tolist()) == set(range(MODES))


def test_cover_draws_one_circle_a_fit_on_the_given_axes() -> None:
    figure, ax = plt.subplots()
    assert plots.cover(ax, starts=8) is figure
    assert len(ax.patches) == 8 + 1
    figure.canvas.draw()


def test_figures_are_transparent_so_that_the_page_can_be_dark() -> None:
    figure = plots.moving_boxes()
    assert to_rgba(figure.get_facecolor())[3] == 0
    assert all(to_rgba(ax.get_facecolor())[3] == 0 for ax in figure.axes)


def test_figures_in_a_notebook_are_svg_without_a_date(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(style, "get_ipython", object)
    monkeypatch.setattr(
        "matplotlib_inline.backend_inline.set_matplotlib_formats",
        lambda *formats, **options: asked.append((*formats, options)),
    )
    plots.use_style()
    assert asked == [("svg", {"metadata": {"Date": None}})]


def test_same_figure_gives_the_same_bytes() -> None:
    def svg() -> bytes:
        file = io.BytesIO()
        plots.kl_point_by_point().savefig(file, format="svg", metadata={"Date": None})
        return file.getvalue()

    assert svg() == svg()


def test_plots_can_be_imported_and_drawn_without_a_display() -> None:
    code = "from course_gan import plots; plots.use_style(); plots.moving_boxes().canvas.draw()"
    hidden = {"DISPLAY", "WAYLAND_DISPLAY", "MPLBACKEND"}
    environment = {key: value for key, value in os.environ.items() if key not in hidden}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
