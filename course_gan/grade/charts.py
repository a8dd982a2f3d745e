"""The plots of the class page, drawn as SVG by hand: text keeps its size on a phone, colors follow light and dark.

Widths are in percent and heights in pixels, so that a plot is as wide as its page.  Every plot has a title and a
description, and its numbers stand beside it as text.
"""

import html
import math
from collections.abc import Sequence
from dataclasses import dataclass

BAR_HEIGHT = 150  # pixels of the highest bar of a histogram
STEPS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0)
MOST_BARS = 11  # what a phone has room for


@dataclass(frozen=True)
class Part:
    """One piece of a divided bar."""

    label: str
    symbol: str
    color: str
    count: int


def step_for(possible: float | int) -> float:
    """The width of the bars for totals from 0 to `possible`: a round number, with at most eleven bars."""
    return next((step for step in STEPS if possible / step < MOST_BARS), max(possible, 1.0))


def bins(totals: Sequence[float | int], possible: float | int) -> list[tuple[float, int]]:
    """The lower end of each bar and the number of totals from there up to the next; the last bar has no upper end."""
    step = step_for(possible)
    most = math.floor(possible / step + 1e-9)
    counts = [0] * (most + 1)
    for total in totals:
        counts[min(most, max(0, math.floor(total / step + 1e-9)))] += 1
    return [(round(i * step, 2), count) for i, count in enumerate(counts)]


def histogram(bars: Sequence[tuple[str, int]], title: str, description: str, key: str) -> str:
    """Upright bars with their count above and their label below; `key` makes the ids of this plot."""
    highest = max((count for _, count in bars), default=0) or 1
    width = 100 / max(1, len(bars))
    base = BAR_HEIGHT + 22
    pieces = []
    for i, (label, count) in enumerate(bars):
        middle, height = f"{(i + 0.5) * width:.3f}%", round(BAR_HEIGHT * count / highest)
        if count:
            left = f"{(i + 0.1) * width:.3f}%"
            pieces.append(
                f'<rect class="bar" x="{left}" y="{base - height}" width="{0.8 * width:.3f}%" height="{height}"/>'
                f'<text x="{middle}" y="{base - height - 6}" text-anchor="middle">{count}</text>'
            )
        pieces.append(f'<text x="{middle}" y="{base + 19}" text-anchor="middle">{html.escape(label)}</text>')
    pieces.append(f'<line class="axis" x1="0" y1="{base}" x2="100%" y2="{base}"/>')
    return _svg(base + 28, title, description, key, pieces)


def divided_bar(parts: Sequence[Part], title: str, description: str, key: str) -> str:
    """One lying bar, divided in the ratio of the counts; symbols tell its parts apart where color does not."""
    total = sum(part.count for part in parts) or 1
    pieces, left = [], 0.0
    for part in parts:
        width = 100 * part.count / total
        if width:
            pieces.append(
                f'<rect class="part" x="{left:.3f}%" y="1" width="{width:.3f}%" height="28" fill="{part.color}"/>'
            )
        if width >= 5:
            middle = f"{left + width / 2:.3f}%"
            pieces.append(f'<text class="on" x="{middle}" y="20" text-anchor="middle">{part.symbol}</text>')
        left += width
    return _svg(30, title, description, key, pieces)


def small_bar(share: float | int) -> str:
    """A bar inside a table's cell, beside the number that it shows."""
    return (
        '<svg class="small" height="14" aria-hidden="true" focusable="false">'
        f'<rect class="bar" width="{100 * share:.3f}%" height="14"/></svg>'
    )


def _svg(height: int, title: str, description: str, key: str, pieces: Sequence[str]) -> str:
    return (
        f'<svg height="{height}" role="img" aria-labelledby="{key}-title {key}-text">'
        f'<title id="{key}-title">{html.escape(title)}</title><desc id="{key}-text">{html.escape(description)}</desc>'
        + "".join(pieces)
        + "</svg>"
    )
