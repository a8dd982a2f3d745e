"""The board of the game: what flows where in each of the two steps, and how far the gradient comes back."""

from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from course_gan.plots.description import describe
from course_gan.plots.style import BLUE, GRAY, VERMILLION, panels

FORTH: dict[str, Any] = {"arrowstyle": "-|>", "color": "black", "linewidth": 1.3, "shrinkA": 0, "shrinkB": 0}
BACK: dict[str, Any] = {"color": VERMILLION, "linestyle": (0, (4, 2)), "linewidth": 1.8}


def game_board(axes: Sequence[Axes] | None = None) -> Figure:
    """Both steps as a flow of boxes: solid arrows for the samples, dashed ones for the gradient on its way back."""
    figure, (top, bottom) = panels(2, 1, 4.9, axes)
    for ax, title, learner in (
        (top, "1. The critic's step: the generator stands still", "critic"),
        (bottom, "2. The generator's step: the critic stands still", "generator"),
    ):
        ax.set(xlim=(0, 10), ylim=(-0.35, 3.3))
        ax.set_axis_off()
        ax.set_title(title, loc="left")
        _label(ax, 0.35, 1.0, "noise\n$z$")
        _box(ax, 1.5, 1.0, "generator\n$G$", learner == "generator")
        _label(ax, 5.05, 1.0, "fake\n$G(z)$")
        _box(ax, 6.1, 1.0 if learner == "generator" else 1.5, "critic\n$\\ell$", learner == "critic")
        middle = 1.0 if learner == "generator" else 1.5
        _label(ax, 9.45, middle, "score\n$\\ell(x)$")
        _arrow(ax, (0.75, 1.0), (1.5, 1.0), FORTH)
        _arrow(ax, (3.7, 1.0), (4.5, 1.0), FORTH)
        _arrow(ax, (5.6, 1.0), (6.1, middle - 0.25 if learner == "critic" else 1.0), FORTH)
        _arrow(ax, (8.3, middle), (8.95, middle), FORTH)
    _label(top, 5.05, 2.35, "real\n$x$")
    _arrow(top, (5.45, 2.3), (6.1, 1.85), FORTH)
    _way_back(top, [(9.4, 0.95), (9.4, 0.2), (7.2, 0.2), (7.2, 0.8)])
    _way_back(bottom, [(9.4, 0.45), (9.4, -0.2), (7.2, -0.2), (2.6, -0.2), (2.6, 0.3)])
    return describe(
        figure,
        "Two diagrams. Above, the critic's step: noise z goes through the generator to a fake, the fake and a real "
        "sample x go into the critic, which gives a score; a dashed arrow leads from the score back to the critic, "
        "which learns. Below, the generator's step: noise, generator, fake, critic, score in a row; the dashed arrow "
        "leads from the score back through the critic to the generator, which learns.",
        add=axes is not None,
    )


def _box(ax: Axes, left: float, middle: float, text: str, learns: bool) -> None:
    """A network; one that learns has a thick frame and says so, one that stands still is hatched gray."""
    look: dict[str, Any] = (
        {"edgecolor": BLUE, "linewidth": 2.6} if learns else {"edgecolor": GRAY, "linewidth": 1.2, "linestyle": ":"}
    )
    ax.add_patch(
        FancyBboxPatch(
            (left, middle - 0.65), 2.2, 1.3, boxstyle="round,pad=0,rounding_size=0.15", facecolor="none", **look
        )
    )
    ax.text(left + 1.1, middle, text, ha="center", va="center")
    ax.text(left + 1.1, middle + 0.8, "learns" if learns else "frozen", ha="center", va="bottom", fontsize=9.5)


def _label(ax: Axes, x: float, y: float, text: str) -> None:
    ax.text(x, y, text, ha="center", va="center")


def _arrow(ax: Axes, start: tuple[float, float], end: tuple[float, float], look: dict[str, Any]) -> None:
    ax.annotate("", xy=end, xytext=start, arrowprops=look)


def _way_back(ax: Axes, corners: list[tuple[float, float]]) -> None:
    """A dashed line through the corners, with the head of an arrow at its end."""
    across, up = zip(*corners, strict=True)
    ax.plot(across, up, **BACK)
    head = {**FORTH, "color": VERMILLION}
    (x, y), (_, before) = corners[-1], corners[-2]
    _arrow(ax, (x, y - 0.4 * (y - before)), (x, y), head)
