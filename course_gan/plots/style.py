"""One style for every figure of the book: colors, line styles, the shading of signed areas."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
from IPython.core.getipython import get_ipython
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

# The palette of Okabe and Ito, which people of all kinds of color vision can tell apart.
BLUE, VERMILLION, GREEN, PURPLE, SKY, ORANGE, GRAY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#E69F00",
    "#7F7F7F",
)

# Reads on white and on black, for words on pictures: those are not turned over in the dark, nor is what is beside them.
BETWEEN = "#757575"

# A distribution keeps its color and its dashes through the whole book, so that no figure depends on color alone.
P_LINE: dict[str, Any] = {"color": BLUE, "linestyle": "-"}
Q_LINE: dict[str, Any] = {"color": VERMILLION, "linestyle": (0, (5, 2))}
M_LINE: dict[str, Any] = {"color": GREEN, "linestyle": (0, (6, 2, 1, 2))}

NARROW, WIDE = 4.6, 5.6  # inches: one panel, two panels side by side

STYLE: dict[str, Any] = {
    "font.size": 11,
    "axes.titlesize": 11,
    "axes.labelsize": 11,
    "legend.fontsize": 10.5,
    "legend.frameon": False,
    "legend.handlelength": 2.4,
    "lines.linewidth": 2.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "hatch.linewidth": 0.8,
    # Transparent, so that the page's own background shows; the page inverts the picture in dark mode.
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    # The same figure gives the same bytes.
    "svg.hashsalt": "course-gan",
}


def use_style() -> None:
    """Set the book's style for matplotlib, and in a notebook draw figures as SVG."""
    matplotlib.style.use(STYLE)
    if get_ipython() is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats

        set_matplotlib_formats("svg", metadata={"Date": None})  # type: ignore[no-untyped-call]


def panels(
    rows: int, columns: int, height: float, axes: Axes | Sequence[Axes] | None = None, **options: Any
) -> tuple[Figure, list[Axes]]:
    """Rows times columns panels: those given in `axes`, or new ones in a figure that fits a phone."""
    if axes is None:
        size = (WIDE if columns > 1 else NARROW, height)
        figure, grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained", **options)
        return figure, list(grid.flat)
    given = [axes] if isinstance(axes, Axes) else list(axes)
    if len(given) != rows * columns:
        raise ValueError(
            f"this figure has {rows * columns} panels, but {len(given)} axes were given: pass {rows * columns}"
        )
    figure = given[0].get_figure(root=True)
    assert figure is not None, "axes that were removed from their figure cannot be drawn on"
    return figure, given


def shade_signed(ax: Axes, x: Tensor, y: Tensor) -> None:
    """Fill between `y` and 0: plain where y > 0, hatched where y < 0, so that the sign shows without color."""
    ax.fill_between(x, y.clamp(min=0), color=SKY, alpha=0.55, linewidth=0, label="_positive")
    ax.fill_between(
        x, y.clamp(max=0), facecolor="none", edgecolor=VERMILLION, hatch="//////", linewidth=0, label="_negative"
    )
    ax.axhline(0, color="black", linewidth=0.8)
