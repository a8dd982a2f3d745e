"""The figures of chapter 4 show what their captions claim."""

import math
from collections.abc import Callable

import matplotlib.pyplot as plt
import pytest
import torch
from matplotlib.figure import Figure

from course_gan import plots
from course_gan.divergences import gaussian_density

pytestmark = pytest.mark.usefixtures("styled_figures")

P, Q = torch.tensor([0.36, 0.48, 0.16]).double(), torch.full((3,), 1 / 3).double()
X = torch.linspace(-4, 5, 91, dtype=torch.float64)
EDGES = torch.linspace(-4, 4, 41, dtype=torch.float64)
MASS = torch.full((40,), 1 / 40, dtype=torch.float64)
SHOT = plots.Snapshot("(a)", MASS.flip(0), torch.full_like(MASS, 0.4), X[::10], X[::10] / 2)
TABLE = torch.tensor([[0.6, 0.7], [0.2, 0.3]])

FIGURES: dict[str, tuple[Callable[..., Figure], int]] = {
    "shares_of_outcomes": (lambda **o: plots.shares_of_outcomes(P, Q, **o), 2),
    "value_at_a_point": (lambda **o: plots.value_at_a_point([(0.36, 1 / 3), (0.3, 0.0), (0.0, 0.2)], **o), 1),
    "trained_discriminators": (
        lambda **o: plots.trained_discriminators(
            X, gaussian_density(X, 0.0, 1.0), gaussian_density(X, 1.0, 1.0), torch.sigmoid(0.5 - X)[:, None], **o
        ),
        2,
    ),
    "four_panels": (lambda **o: plots.four_panels(EDGES, MASS, [SHOT] * 4, **o), 4),
    "js_estimates": (
        lambda **o: plots.js_estimates({"n": ((10, 100), TABLE, -TABLE), "units": ((0, 4), TABLE, -TABLE)}, 0.1, **o),
        2,
    ),
}
DRAWN = {*FIGURES, "Snapshot"}  # what this file tests


@pytest.mark.parametrize("name", FIGURES)
def test_figure_fits_a_phone_and_draws_without_a_warning(name: str) -> None:
    draw, count = FIGURES[name]
    figure = draw()
    figure.canvas.draw()
    assert len(figure.axes) == count
    assert figure.get_size_inches()[0] <= 5.6


@pytest.mark.parametrize("name", FIGURES)
def test_figure_can_be_drawn_on_given_axes(name: str) -> None:
    draw, count = FIGURES[name]
    figure, axes = plt.subplots(1, count, squeeze=False)
    given = axes[0, 0] if count == 1 else list(axes[0])
    assert draw(axes=given) is figure
    assert all(ax.has_data() for ax in axes[0])


def test_shares_settle_near_the_best_discriminator() -> None:
    _, bottom = plots.shares_of_outcomes(P, Q, rounds=40_000).axes
    dots = [float(line.get_ydata()[0]) for line in bottom.lines if line.get_label() == "_share"]
    # The standard error of the smallest group, of ten thousand rounds, is 0.005.
    assert dots == pytest.approx((P / (P + Q)).tolist(), abs=0.02)


def test_top_of_each_curve_is_marked() -> None:
    (ax,) = plots.value_at_a_point([(0.36, 1 / 3), (0.3, 0.0)]).axes
    curves, dots = ax.lines[::2], ax.lines[1::2]
    for curve, dot in zip(curves, dots, strict=True):
        assert float(dot.get_ydata()[0]) >= max(curve.get_ydata())
    assert [float(dot.get_xdata()[0]) for dot in dots] == pytest.approx([0.36 / (0.36 + 1 / 3), 1.0])


def test_panels_draw_the_best_discriminator_of_the_samples_and_lines_from_z_to_x() -> None:
    ax = plots.four_panels(EDGES, MASS, [SHOT] * 4).axes[0]
    best = next(line for line in ax.lines if line.get_label() == "best $D^*$")
    assert torch.as_tensor(best.get_ydata()).allclose(torch.full((40,), 0.5).double())
    maps = [line for line in ax.lines if line.get_label() == "_map"]
    assert len(maps) == len(X[::10])
    assert all(line.get_xdata()[0] == pytest.approx(2 * line.get_xdata()[1]) for line in maps)


def test_estimates_show_medians_the_truth_and_log_2() -> None:
    top, _ = FIGURES["js_estimates"][0]().axes
    lines = {line.get_label(): line.get_ydata() for line in top.lines}
    assert list(lines["training samples"]) == pytest.approx(TABLE.median(1).values.tolist())
    assert lines["the truth"][0] == 0.1
    assert lines[r"$\log 2$"][0] == math.log(2)
