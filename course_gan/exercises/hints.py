"""Hints for wrong answers that nobody foresaw, from the numbers alone."""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.answers import normalize
from course_gan.exercises.compare import Comparison, alike
from course_gan.exercises.core import Exercise, cast, same
from course_gan.exercises.infinities import not_finite
from course_gan.exercises.patterns import CONSTANTS, Triple, follows, relation
from course_gan.exercises.render import input_names, labels, number, output_names
from course_gan.exercises.shapes import RIGHT_BUT, shape_hint

LARGE = 1e37  # what is larger stands for an infinity


def whole_hint(exercise: Exercise, comparisons: Sequence[Comparison]) -> str:
    """A sentence if all outputs in all cases are the right ones times a well-known factor, or for another order."""
    if _outputs_permuted(comparisons):
        return "The values are right, but they are returned in another order than the task says."
    if not all(c.fits for c in comparisons):
        return ""
    for factor, sentence in CONSTANTS.items():
        if all(follows(a, factor * e, tol, factor) for c in comparisons for a, e, tol in c.triples):
            return f"Every value is {sentence}."
    return _other_order(exercise, comparisons)


def generic_hints(exercise: Exercise, comparisons: Sequence[Comparison]) -> list[str]:
    """What shapes and numbers say about a wrong answer; never empty."""
    misfits = [(c, shape_hint(c)) for c in comparisons if not c.fits]
    # Where a row has one entry only, wrong terms can look right: another case tells more.
    telling = [pair for pair in misfits if not pair[1].startswith(RIGHT_BUT)] or misfits
    misfit, said = telling[0] if telling else (None, "")
    fitting = [c for c in comparisons if c.fits]
    wrong = [c for c in fitting if not c.right]
    hints = [] if misfit is None else [said if misfit is misfits[0][0] else f"In {labels([misfit])}: {said}"]
    if misfit and wrong:
        hints = [f"In {labels([misfit])}: {said}", f"The numbers in {labels(wrong)} are wrong too."]
    if not wrong:
        return hints
    outputs = range(len(fitting[0].expected))
    right = [which for which in outputs if all(c.right_outputs[which] for c in fitting)]
    hints.extend(_right_outputs(exercise, right) if not misfit else [])
    found = {
        which: _of_one_output(fitting, which) or [_which_are_right(fitting, which)] * (not misfit)
        for which in outputs
        if which not in right
    }
    if len(found) == len(outputs) and all(hint == found[0] for hint in found.values()):
        return hints + found[0]  # the same of each output: say it once
    owners: dict[str, list[int]] = {}
    for which, texts in found.items():
        for text in texts:
            owners.setdefault(text, []).append(which)
    return hints + [f"{output_names(exercise, which)}: {text}" for text, which in owners.items()]


def _right_outputs(exercise: Exercise, right: Sequence[int]) -> list[str]:
    if exercise.parts and right:
        return [f"Right in all cases: {'; '.join(exercise.parts[which] for which in right)}."]
    return [f"Output {which + 1} is right in all cases." for which in right]


def _which_are_right(comparisons: Sequence[Comparison], which: int) -> str:
    """What to say when nothing else can be said."""
    right = [c for c in comparisons if c.right_outputs[which]]
    wrong = [c for c in comparisons if not c.right_outputs[which]]
    if right and not any(map(_is_batch, right)) and all(map(_is_batch, wrong)):
        return (
            f"Only {labels(wrong)} went wrong, where the inputs are a batch of rows: is there a sum, a mean, a maximum "
            "or a length over all entries, or over the first axis, that belongs to the last axis alone?"
        )
    if len(right) >= len(wrong):
        return f"Only {labels(wrong)} went wrong: what is there that the other cases do not have?"
    said = f"Right is only {labels(right)}." if right else "No case is right yet."
    return f"{said}  Work the case {labels(wrong[:1])} out by hand, print the terms inside your function, and compare."


def _is_batch(comparison: Comparison) -> bool:
    """Whether the inputs are rows, each with a number of its own in the output."""
    axes = max((x.ndim for x in comparison.case.inputs if isinstance(x, Tensor)), default=0)
    return any(axes > output.ndim and output.numel() > 1 for output in comparison.expected)


def _of_one_output(comparisons: Sequence[Comparison], which: int) -> list[str]:
    triples = [c.triples[which] for c in comparisons]
    row = tuple(torch.cat([part.flatten() for part in parts]) for parts in zip(*triples))
    infinite = [hint for hint in [not_finite(comparisons, which)] if hint]
    finite = row[0].isfinite() & row[1].isfinite() & (row[0].abs() < LARGE)
    triple = (row[0][finite], row[1][finite], row[2][finite])
    if bool(same(*triple).all()):
        return infinite
    found = relation(triple) or _factor_of_size(comparisons, which) or _order(comparisons, which)
    found = found or _close(comparisons, which, triple)
    found = found or _in_the_wrong_cases(comparisons, which) or _partly_close(comparisons, which)
    if infinite and not found:
        return [hint for hint in [_wrong_where_finite(comparisons, which)] if hint] + infinite
    return [*infinite, found] if found else infinite


def _in_the_wrong_cases(comparisons: Sequence[Comparison], which: int) -> str:
    """What a relation says of the wrong cases alone."""
    wrong = [c for c in comparisons if not c.right_outputs[which]]
    if not all(bool((c.actual[which].isfinite() & c.expected[which].isfinite()).all()) for c in wrong):
        return ""
    row = [torch.cat([part.flatten() for part in parts]) for parts in zip(*(c.triples[which] for c in wrong))]
    if found := relation((row[0], row[1], row[2])):
        return f"In {labels(wrong)}: {found}"
    return ""


def _wrong_where_finite(comparisons: Sequence[Comparison], which: int) -> str:
    """Where most of the plain cases are far off, these come first; NaN and infinities can wait."""
    plain = [c for c in comparisons if bool((c.actual[which].isfinite() & c.expected[which].isfinite()).all())]
    off = [c for c in plain if not _is_close(*c.triples[which])]
    if 2 * len(off) <= len(plain):
        return ""
    return (
        f"Look first at {labels(off[:1])}, which is wrong without any NaN or infinity: work it out by hand, print the "
        "terms inside your function, and compare."
    )


def _is_close(actual: Tensor, expected: Tensor, allowed: Tensor) -> bool:
    wrong = ~same(actual, expected, allowed)
    return bool(((actual - expected).abs()[wrong] <= 1e-2 * expected[wrong].abs().clamp(min=1e-2)).all())


def _factor_of_size(comparisons: Sequence[Comparison], which: int) -> str:
    """Factors that change with the size of the case: the number of entries in a row, or of rows."""
    sizes: dict[str, Callable[[Comparison], float]] = {
        "n, the length of the last axis: was a sum taken where a mean is wanted?": lambda c: _length(c),
        "1/n, n the length of the last axis: was a mean taken where a sum is wanted?": lambda c: 1 / _length(c),
        "√n, n the length of the last axis": lambda c: _length(c) ** 0.5,
        "1/√n, n the length of the last axis: was a mean taken under a root?": lambda c: _length(c) ** -0.5,
        "n - 1, n the length of the last axis": lambda c: _length(c) - 1,
        "1/(n - 1), n the length of the last axis": lambda c: 1 / max(1, _length(c) - 1),
        "2/n, n the length of the last axis: was a mean taken where a sum is wanted?": lambda c: 2 / _length(c),
        "n/(n - 1), n the length of the last axis": lambda c: _length(c) / max(1, _length(c) - 1),
        "1/batch, the number of rows: was a mean over the batch taken?": lambda c: (
            1 / max(1, c.expected[which].numel())
        ),
    }
    if len({_length(c) for c in comparisons}) < 2:
        return ""
    for name, size in sizes.items():
        if all(follows(a, size(c) * e, tol, float(size(c))) for c in comparisons for a, e, tol in [c.triples[which]]):
            return f"Every value is the right one times {name}" + ("" if name.endswith("?") else ".")
    return ""


def _length(comparison: Comparison) -> int:
    return next((x.shape[-1] for x in comparison.case.inputs if isinstance(x, Tensor) and x.ndim), 1)


def _order(comparisons: Sequence[Comparison], which: int) -> str:
    """The right values at wrong places, or one value for all rows."""
    wrong = [c.triples[which] for c in comparisons if not c.right_outputs[which]]
    if all(a.numel() > 1 and follows(a.flatten().sort()[0], e.flatten().sort()[0], tol.max()) for a, e, tol in wrong):
        return "The right values came in a wrong order: look at the axes, a transpose or a reshape."
    if all(a.numel() > 1 and follows(a, e.sum().expand_as(e), tol, float(e.numel())) for a, e, tol in wrong):
        return "Each row got the sum over the whole batch: sum over the last axis only, `dim=-1`."
    return ""


def _close(comparisons: Sequence[Comparison], which: int, triple: Triple) -> str:
    """Almost right."""
    actual, expected, allowed = triple
    if not _is_close(*triple):
        return ""
    error = (actual - expected).abs()
    worst = int((error / allowed).argmax())
    said = (
        f"Close, but the error of {number(float(error[worst]), 2)} is more than rounding explains "
        f"({number(float(allowed[worst]), 2)})"
    )
    coarse = next((c.answer_dtype for c in comparisons if torch.finfo(c.answer_dtype).eps > 1e-5), None)
    if coarse is not None:
        return f"{said}: the answer has dtype {coarse}; keep the dtype of the inputs."
    return (
        f"{said}: was a small number added, a value clamped or rounded, a float32 number mixed in, a search ended, or "
        "a difference taken of two large numbers?"
    )


def _partly_close(comparisons: Sequence[Comparison], which: int) -> str:
    """Almost right in some cases, far off in others."""
    wrong = [c for c in comparisons if not c.right_outputs[which] and bool(c.actual[which].isfinite().all())]
    close = [c for c in wrong if _is_close(*c.triples[which])]
    far = [c for c in wrong if not _is_close(*c.triples[which])]
    if not (close and far) or len(close) < len(far):
        return ""
    return (
        f"Close in {labels(close)}, but more wrong than rounding explains, and far off in {labels(far)}: was a small "
        "number added, or a value cut off or rounded?"
    )


def _other_order(exercise: Exercise, comparisons: Sequence[Comparison]) -> str:
    """Whether the outputs are the right ones for the inputs in another order."""
    names = input_names(exercise)
    orders = list(permutations(range(len(names))))[1:] if len(names) <= 4 else []
    for order in orders:
        if all(_fits_order(exercise, comparison, order) for comparison in comparisons):
            called = ", ".join(names[i] for i in order)
            return f"The values are those for the inputs in another order, ({called}): are arguments swapped?"
    return ""


def _fits_order(exercise: Exercise, comparison: Comparison, order: tuple[int, ...]) -> bool:
    inputs: tuple[Any, ...] = cast(comparison.case.inputs, torch.float64)
    try:
        answer = exercise.call(exercise.reference, *(inputs[i] for i in order))
        other = normalize(answer, len(comparison.expected))
    except Exception:  # the other order need not make sense
        return False
    allowed = exercise.allowed_error(cast(comparison.case.inputs, comparison.dtype), other)
    return alike(comparison.actual, other, tuple(4 * a.nan_to_num(nan=0.0) for a in allowed))


def _outputs_permuted(comparisons: Sequence[Comparison]) -> bool:
    count = len(comparisons[0].expected)
    if any(len(c.actual) != count for c in comparisons):
        return False
    for order in permutations(range(count)):
        if order != tuple(range(count)) and all(
            alike(tuple(c.actual[i] for i in order), c.expected, c.allowed) for c in comparisons
        ):
            return True
    return False
