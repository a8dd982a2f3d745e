"""What was measured while training: one line per method, the median over seeds, and the band between quantiles."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor

from course_gan.plots.description import counted, describe, number
from course_gan.plots.inputs import drawable
from course_gan.plots.style import BLUE, GRAY, GREEN, ORANGE, PURPLE, SKY, VERMILLION, panels

Runs = Tensor | Sequence[Tensor] | Mapping[int, Tensor]

LINES: list[dict[str, Any]] = [
    {"color": color, "linestyle": dashes}
    for color, dashes in zip(
        (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, GRAY),
        ("-", (0, (5, 2)), (0, (6, 2, 1, 2)), (0, (1, 1)), (0, (3, 1, 1, 1, 1, 1)), (0, (8, 3)), (0, (2, 3))),
        strict=True,
    )
]


def histories(
    runs: Runs | Mapping[str, Runs],
    steps: Tensor | None = None,
    *,
    name: str = "value",
    interval: int | float = 0.8,
    log: bool = False,
    axes: Axes | None = None,
) -> Figure:
    """The median over seeds at each step, and the band that holds the middle `interval` of the seeds.

    `runs` maps a label to its runs, or is the runs of one method: a tensor (steps,) or (seeds, steps), a list of
    tensors (steps,), or a dict from seed to tensor.  A shorter run counts as missing beyond its end; NaN and infinity
    are missing, too, and a step at which all seeds are missing is a gap in the line.  `interval` 1 is the whole range.
    `steps` are the places (steps,) on the x axis.
    """
    if not 0 <= interval <= 1:
        raise ValueError(f"interval is {interval:g}; wanted the share of seeds in the band, from 0 to 1.")
    methods = _methods(runs, name)
    longest = max(rows.shape[1] for rows in methods.values())
    places = torch.arange(longest).double() if steps is None else drawable("steps", torch.as_tensor(steps).double())
    if places.shape != (longest,):
        raise ValueError(f"steps have shape {tuple(places.shape)}; wanted ({longest},), one place an entry of a run.")
    figure, (ax,) = panels(1, 1, 3.2, axes)
    sentences = []
    for (label, rows), line in zip(methods.items(), (LINES * len(methods))[: len(methods)], strict=True):
        at = places[: rows.shape[1]]
        tail = (1 - interval) / 2
        low, middle, high = torch.nanquantile(rows, torch.tensor([tail, 0.5, 1 - tail]).double(), dim=0)
        ax.plot(at, middle, label=label, **line)
        alone = _alone(middle)
        ax.plot(at[alone], middle[alone], ".", color=line["color"])
        if len(rows) > 1:
            ax.fill_between(at, low, high, color=line["color"], alpha=0.2, linewidth=0)
        sentences.append(_sentence(label, rows, at, middle, low, high, interval))
    ax.set(xlabel="step", ylabel=name, **({"yscale": "log"} if log else {}))
    if len(methods) > 1:
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=2)
    return describe(figure, f"Lines of {name} while training. " + " ".join(sentences), add=axes is not None)


def _methods(runs: Runs | Mapping[str, Runs], name: str) -> dict[str, Tensor]:
    """Label to runs (seeds, steps), whatever form they were given in; missing entries are NaN."""
    if isinstance(runs, Mapping):
        if not runs:
            raise ValueError("runs are empty; wanted at least one run.")
        if all(isinstance(key, str) for key in runs):
            return {str(label): _rows(str(label), one) for label, one in runs.items()}
        return {name: _rows(name, list(runs.values()))}
    return {name: _rows(name, runs)}


def _rows(label: str, runs: object) -> Tensor:
    if isinstance(runs, Mapping):
        runs = list(runs.values())
    if isinstance(runs, Sequence):
        rows = [drawable(label, run) for run in runs]
        if not rows or any(row.ndim != 1 for row in rows):
            shapes = ", ".join(str(tuple(row.shape)) for row in rows) or "nothing"
            raise ValueError(f"the runs of {label} have shapes {shapes}; wanted tensors (steps,), one a seed.")
        table = torch.nn.utils.rnn.pad_sequence([row.double() for row in rows], True, torch.nan)
    else:
        table = drawable(label, runs).double()
        table = table[None] if table.ndim == 1 else table
    if table.ndim != 2:
        raise ValueError(f"the runs of {label} have shape {tuple(table.shape)}; wanted (steps,) or (seeds, steps).")
    table = torch.where(table.isfinite(), table, torch.nan)
    if table.isnan().all():
        raise ValueError(f"the runs of {label} have no finite entry; wanted something to draw. Did training fail?")
    return table


def _alone(line: Tensor) -> Tensor:
    """Where an entry stands between two gaps, so that a line would not show it."""
    gap = torch.nn.functional.pad(line.isnan(), (1, 1), value=True)
    return ~gap[1:-1] & gap[:-2] & gap[2:]


def _sentence(
    label: str, rows: Tensor, at: Tensor, middle: Tensor, low: Tensor, high: Tensor, interval: int | float
) -> str:
    """From where to where the median goes, how wide the band is at the end, and how much is missing."""
    seen = (~middle.isnan()).nonzero()[:, 0]
    first, last = int(seen[0]), int(seen[-1])
    start, end = float(middle[first]), float(middle[last])
    verb = "stays at" if start == end else "rises to" if end > start else "falls to"
    text = (
        f"{label}, median of {counted(len(rows), 'seed')}: from {number(start)} at step {number(float(at[first]))} it "
        f"{verb} {number(end)} at step {number(float(at[last]))}"
    )
    if len(rows) > 1:
        text += f", where the middle {interval:.0%} of seeds reach from {number(float(low[last]))} to "
        text += number(float(high[last]))
    missing = int(rows.isnan().sum())
    return text + (
        f"; {counted(missing, 'entry')} missing."
        if missing == 1
        else f"; {missing} entries missing."
        if missing
        else "."
    )
