"""Inputs, answers and expected values as short plain text."""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.compare import Comparison, Place
from course_gan.exercises.core import Case, Exercise, call_directly

MOST_ENTRIES = 8


def input_names(exercise: Exercise) -> list[str]:
    """What the inputs are called: the reference's parameters, or the harness's behind the function."""
    if exercise.call is call_directly:
        return list(inspect.signature(exercise.reference).parameters)
    return list(inspect.signature(exercise.call).parameters)[1:]


def given(exercise: Exercise, case: Case, index: tuple[int, ...] = (), batch: torch.Size | None = None) -> str:
    """The inputs of a case; of those that have the batch axes of the output only the part behind the entry `index`."""
    rows = []
    for name, value in zip(input_names(exercise), case.inputs):
        if index and isinstance(value, Tensor) and value.shape[: len(index)] == batch:
            rows.append((f"{name}[{', '.join(map(str, index))}]", short(value[index])))
        else:
            rows.append((name, short(value)))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"    {name.ljust(width)} = {text}" for name, text in rows)


def output_name(exercise: Exercise, which: int) -> str:
    """What an output is called within a sentence."""
    return exercise.outputs[which] if exercise.outputs else f"output {which + 1}"


def values(exercise: Exercise, comparison: Comparison, place: Place | None) -> str:
    """What came and what was expected: one entry at `place`, or the shapes where they differ."""
    came_from = "your function returns"
    if place is None:
        came, wanted = _shapes(comparison.actual), _shapes(comparison.expected)
    else:
        which, index = place
        pair = comparison.actual[which][index].item(), comparison.expected[which][index].item()
        came, wanted = told_apart(*pair)
        if exercise.outputs:  # the function returns nothing: its effect is seen in one of these numbers
            came_from = f"{exercise.outputs[which]}, one of them"
        elif len(comparison.expected) > 1:
            came, wanted = f"{came}  (output {which + 1})", f"{wanted}  (output {which + 1})"
    return f"    {came_from}  {came}\n    {'expected'.ljust(len(came_from))}  {wanted}"


def _shapes(outputs: tuple[Tensor, ...]) -> str:
    shown = [_with_shape(output) for output in outputs]
    return shown[0] if len(shown) == 1 else f"{len(shown)} outputs: " + "; ".join(shown)


def _with_shape(output: Tensor) -> str:
    if output.ndim == 0:
        return f"one number, {number(output.item())}"
    return f"shape {tuple(output.shape)}: {_nested(output)}"


def labels(comparisons: Sequence[Comparison], most: int = 3) -> str:
    """The labels of some cases, the first few of them if they are many."""
    names = [f"“{c.case.label}”" for c in comparisons[:most]]
    rest = len(comparisons) - len(names)
    return ", ".join(names) + (f" and {rest} more" if rest else "")


def told_apart(a: float, b: float) -> tuple[str, str]:
    """Two numbers with as many digits as it takes to see that they differ."""
    for digits in range(6, 18):
        if number(a, digits) != number(b, digits):
            break
    return number(a, digits), number(b, digits)


def number(value: Any, digits: int = 6) -> str:
    """A number in few digits, integers without a point."""
    return f"{value + 0:.{digits}g}"  # no minus before a zero


def short(value: Any) -> str:
    """One input on one line; long tensors keep their ends."""
    if isinstance(value, Tensor):
        if value.ndim == 0:
            return number(value.item())
        suffix = "" if value.ndim == 1 and len(value) <= MOST_ENTRIES else f"   (shape {tuple(value.shape)})"
        return _nested(value) + suffix
    return number(value) if isinstance(value, float) else repr(value)


def _nested(tensor: Tensor, most: int = MOST_ENTRIES) -> str:
    if tensor.ndim == 0:
        return number(tensor.item(), 4)
    if tensor.ndim > 1:
        inner = _nested(tensor[0], MOST_ENTRIES // 2) if len(tensor) else ""
        return f"[{inner}{', …' if len(tensor) > 1 else ''}]"
    entries = [number(x, 4) for x in tensor[:most].tolist()]
    return f"[{', '.join(entries)}{', …' if len(tensor) > most else ''}]"
