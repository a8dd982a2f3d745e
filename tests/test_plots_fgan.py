"""The figures of chapter 5 draw what their captions say."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse
from torch.testing import assert_close

from course_gan import plots
from course_gan.divergences import gaussian_density
from course_gan.fdiv import F_DIVERGENCES

pytestmark = pytest.mark.usefixtures("styled_figures")

X = torch.linspace(-4, 6, 101, dtype=torch.float64)
P, Q = gaussian_density(X, 0.0, 1.0), gaussian_density(X, 1.0, 1.5)
SIDE = torch.linspace(-3, 3, 21, dtype=torch.float64)
PLANE = torch.cartesian_prod(SIDE, SIDE)
TWO = {
    "kl": (torch.zeros(2, dtype=torch.float64), torch.diag(torch.tensor([4.0, 1.0], dtype=torch.float64))),
    "pearson": (torch.ones(2, dtype=torch.float64), torch.eye(2, dtype=torch.float64)),
}
GAUSSIANS = {"kl": (0.0, 1.0), "pearson": (1.0, 2.0)}
FIGURES: dict[str, tuple[Callable[..., Figure], int]] = {
    "price_lists": (lambda **o: plots.price_lists([F_DIVERGENCES["kl"], F_DIVERGENCES["pearson"]], **o), 1),
    "supporting_lines": (lambda **o: plots.supporting_lines(F_DIVERGENCES["kl"], (0.2, 1.0), **o), 2),
    "hull": (lambda **o: plots.hull(X, X**2, X**2 - 1, **o), 1),
    "learned_critics": (lambda **o: plots.learned_critics(X, P, Q, {"kl": (P, Q)}, **o), 2),
    "misled": (lambda **o: plots.misled(X, P, Q, {"a": X[:3], "b": X[3:5]}, **o), 1),
    "gaussians_on_the_line": (lambda **o: plots.gaussians_on_the_line(X, P, GAUSSIANS, **o), 2),
    "gaussians_in_the_plane": (
        lambda **o: plots.gaussians_in_the_plane(PLANE, (-PLANE.square().sum(1)).exp(), dict(TWO, x=TWO["kl"]), **o),
        3,
    ),
}


def test_price_lists_touch_zero_at_one_and_are_scaled_alike() -> None:
    (ax,) = FIGURES["price_lists"][0]().axes
    for line in ax.lines[:2]:
        exponent, price = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
        middle = int(np.abs(exponent).argmin())
        assert abs(price[middle]) < 1e-12
        step = 2 ** exponent[middle - 1] - 1
        assert price[middle - 1] == pytest.approx(step**2 / 2, rel=0.05)  # curvature 1
    kl, pearson = (np.asarray(line.get_ydata()) for line in ax.lines[:2])
    u = 1 / 64
    assert kl[0] == pytest.approx(u * np.log(u) - (u - 1))
    assert pearson[0] == pytest.approx((u - 1) ** 2 / 2)


def test_supporting_lines_lie_below_and_touch() -> None:
    left, right = FIGURES["supporting_lines"][0]().axes
    curve = np.asarray(left.lines[0].get_ydata())
    straight = [np.asarray(line.get_ydata()) for line in left.lines[1:] if len(np.asarray(line.get_ydata())) > 1]
    assert len(straight) == 2
    for line in straight:
        assert 0 <= (curve - line).min() < 1e-3
    heights = [float(np.asarray(line.get_ydata())[0]) for line in right.lines[:2]]
    assert heights == pytest.approx([float(np.exp(-0.8)), 1.0])


def test_ellipses_hold_99_percent() -> None:
    figure = FIGURES["gaussians_in_the_plane"][0]()
    (ellipse,) = (patch for patch in figure.axes[0].patches if isinstance(patch, Ellipse))
    radius = (-2 * np.log(0.01)) ** 0.5
    assert ellipse.width == pytest.approx(2 * radius * 2)
    assert ellipse.height == pytest.approx(2 * radius)
    assert abs(ellipse.angle) % 180 == pytest.approx(0, abs=1e-9)


def test_gaussians_on_the_line_draw_one_thin_line_a_seed() -> None:
    figure = plots.gaussians_on_the_line(X, P, GAUSSIANS, {"kl": [(0.1, 1.0), (0.2, 1.0)], "pearson": []})
    first, second = figure.axes
    assert [len(first.lines), len(second.lines)] == [3, 1]
    assert_close(torch.as_tensor(first.lines[2].get_ydata()), gaussian_density(X, 0.0, 1.0))


def test_hull_hatches_between_f_and_its_hull() -> None:
    (ax,) = FIGURES["hull"][0]().axes
    assert ax.collections[0].get_hatch() == "////"


def test_marks_of_the_misled_lie_below_the_curves() -> None:
    (ax,) = FIGURES["misled"][0]().axes
    assert [line.get_label() for line in ax.lines] == ["divergence", "bound of affine critics", "a", "b"]
    assert max(float(np.max(line.get_ydata())) for line in ax.lines[2:]) < 0


def test_learned_critics_have_a_panel_each() -> None:
    assert [ax.get_title(loc="left") for ax in FIGURES["learned_critics"][0]().axes] == ["", "kl"]
