"""What a wrong number of outputs, or a wrong shape, says about the mistake."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_gan.exercises.compare import Comparison
from course_gan.exercises.core import same

RIGHT_BUT = "The values are right, but"  # how a hint begins where only the shape is wrong


def shape_hint(comparison: Comparison) -> str:
    """One sentence about the first output whose shape is not the expected one."""
    wanted, came = len(comparison.expected), len(comparison.actual)
    if wanted != came:
        things = "one tensor is" if wanted == 1 else f"a tuple of {wanted} is"
        return f"Your function returns {came} output{'s' * (came != 1)}, but {things} wanted: see the docstring."
    triple = next(t for t in comparison.triples if t[0].shape != t[1].shape)
    actual, expected, allowed = triple
    found = _known(actual, expected, allowed.max() if allowed.numel() else torch.tensor(0.0), comparison)
    rows = {tuple(x.shape[:-1]) for x in comparison.case.inputs if isinstance(x, Tensor) and x.ndim}
    reduce = ": reduce over the last axis only (`dim=-1`) and keep the axes before it" * (tuple(expected.shape) in rows)
    if not reduce and _entry_by_entry(comparison, expected):
        reduce = ": one number for each entry is wanted, so no axis is summed or averaged over"
    return found or f"The shape should be {_named(expected)}, but it is {_named(actual)}{reduce}."


def _entry_by_entry(comparison: Comparison, expected: Tensor) -> bool:
    """Whether the output has a number for each entry of the inputs."""
    shapes = [x.shape for x in comparison.case.inputs if isinstance(x, Tensor)]
    return bool(expected.ndim) and any(shape == expected.shape for shape in shapes)


def _known(actual: Tensor, expected: Tensor, allowed: Tensor, comparison: Comparison) -> str:
    """Shapes that betray the mistake: each test looks at the values too where they can confirm it."""
    inputs = {tuple(x.shape) for x in comparison.case.inputs if isinstance(x, Tensor) and x.ndim}
    batch = any(shape[:-1] == tuple(expected.shape) for shape in inputs)  # one result for each row of an input

    def equal(a: Tensor, e: Tensor) -> bool:
        return a.shape == e.shape and bool(same(a, e, 8 * max(1, a.numel()) * allowed).all())

    if actual.numel() == expected.numel() and equal(actual.reshape(-1), expected.reshape(-1)):
        said = f"{RIGHT_BUT} the shape is {_named(actual)} in place of {_named(expected)}"
        if actual.ndim > expected.ndim:
            return f"{said}: drop `keepdim=True` (or the extra axis)."
        return f"{said}: an axis is missing; `reshape` brings it back." if actual.ndim < expected.ndim else f"{said}."
    if actual.ndim == 2 and actual.shape == expected.shape[::-1] and equal(actual.T, expected):
        return f"{RIGHT_BUT} transposed: rows and columns are exchanged."
    if expected.ndim == 0 and actual.ndim == 1 and equal(actual.mean(), expected):
        return f"One number is wanted, and {len(actual)} came, whose mean is right: average them."
    each_entry = _entry_by_entry(comparison, expected)
    if actual.numel() == 1 and expected.numel() > 1 and (batch or each_entry):
        return _one_number(actual.reshape(()), expected, equal, each_entry)
    if actual.ndim > expected.ndim and actual.shape[1:] == expected.shape and tuple(actual.shape) not in inputs:
        return (
            f"There is an axis of length {len(actual)} too many in front, the shape is {_named(actual)} in place of "
            f"{_named(expected)}: were several results returned where one is wanted?"
        )
    if tuple(actual.shape) in inputs and actual.shape[:-1] == expected.shape:
        if equal(actual.sum(-1), expected):
            return "The terms are right, but they have not been summed: sum over the last axis, `dim=-1`."
        if equal(actual.mean(-1), expected) and not equal(actual[..., 0], expected):
            return "The terms are right, but they have not been averaged: take the mean over the last axis, `dim=-1`."
        return f"The last axis is still there, the shape is {_named(actual)}: sum or average over it, `dim=-1`."
    if expected.ndim and batch and any(tuple(actual.shape) == shape[1:] for shape in inputs if len(shape) > 1):
        return "The first axis was summed over, but the last one is meant: `dim=-1` where you have `dim=0`."
    return ""


def _one_number(actual: Tensor, expected: Tensor, equal: Callable[[Tensor, Tensor], bool], each_entry: bool) -> str:
    ask = "give one number for each row, by reducing over the last axis only, `dim=-1`"
    if each_entry:
        ask = "give one number for each entry, and reduce over no axis"
    if equal(actual, expected.sum()):
        return f"You summed over the whole batch: {ask}."
    if equal(actual, expected.mean()):
        return f"You averaged over the whole batch: {ask}."
    return f"There is one number for the whole batch: {ask}."


def _named(tensor: Tensor) -> str:
    return str(tuple(tensor.shape)) if tensor.ndim else "() (one number)"
