"""What a figure shows, in words: set by the functions that draw, read by the book, written into saved files."""

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import torch
from matplotlib.figure import Figure
from torch import Tensor

_ATTRIBUTE = "_course_gan_description"


def describe(figure: Figure, text: str, *, add: bool = False) -> Figure:
    """Say in `text` what one sees in `figure`, in place of what was said before or after it (`add`); returns it."""
    if not text.strip():
        raise ValueError("the description is empty; wanted a sentence that says what one sees in the figure.")
    before = getattr(figure, _ATTRIBUTE, "") if add else ""
    setattr(figure, _ATTRIBUTE, f"{before} {text}".strip())
    return figure


def alt_text(figure: Figure) -> str:
    """What `describe` said of the figure, for a reader who does not see it."""
    text = getattr(figure, _ATTRIBUTE, "")
    if not text:
        raise ValueError("this figure has no description; say what one sees by describe(figure, text).")
    return str(text)


def save(figure: Figure, file: str | Path | io.IOBase, format: str | None = None, **options: Any) -> None:
    """Save a described figure as SVG or PNG with its description inside; the same figure gives the same bytes."""
    if format is None:
        format = Path(file).suffix[1:] if isinstance(file, str | Path) else "svg"
    text = alt_text(figure)
    metadata: Mapping[str, str | None] = {"Title": text, "Description": text}
    if format == "svg":
        metadata = {**metadata, "Date": None}  # the title becomes the <title> that screen readers speak
    elif format == "png":
        metadata = {**metadata, "Software": None}
    else:
        raise ValueError(f"format is {format!r}; wanted svg or png. For others call figure.savefig.")
    with matplotlib.rc_context({"svg.hashsalt": "course-gan"}):
        target: Any = file  # matplotlib knows of fewer files than Python
        figure.savefig(target, format=format, metadata=metadata, **options)


def number(value: int | float) -> str:
    """A number as a sentence wants it: three digits, and a minus sign that is spoken."""
    return "0" if abs(value) < 1e-12 else f"{value:.3g}".replace("-", "−")


def span(values: Tensor) -> str:
    """From where to where `values` reach."""
    return f"from {number(float(values.amin()))} to {number(float(values.amax()))}"


def box(points: Tensor) -> str:
    """Where points in the plane lie."""
    return f"{span(points[:, 0])} across and {span(points[:, 1])} up"


def counted(count: int, noun: str) -> str:
    """1 sample, 2 samples."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def modes_reached(points: Tensor, centers: Tensor, radius: int | float) -> int:
    """How many centers have a point within `radius`."""
    distances = torch.cdist(points.double(), centers.to(points.device).double())
    return int((distances <= radius).any(dim=0).sum())
