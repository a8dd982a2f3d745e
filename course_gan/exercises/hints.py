"""Hints for wrong answers that nobody foresaw, from the numbers alone."""

from collections.abc import Callable, Sequence
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.answers import normalize
from course_gan.exercises.compare import Comparison, alike
from course_gan.exercises.core import Exercise, cast, same
from course_gan.exercises.patterns import CONSTANTS, Triple, follows, relation
from course_gan.exercises.render import input_names, labels, number
from course_gan.exercises.shapes import shape_hint

NAN_FROM_ZERO = (
    "NaN came where a number is expected: in floating point 0 · log 0 = 0 · (-inf) is NaN, and so is 0/0; treat "
    "entries that are zero apart, with `torch.where` or `torch.special.xlogy`."
)
NAN = (
    "NaN came where a number is expected: it comes from inf - inf, 0 · inf, 0/0, or the logarithm or root of a "
    "negative number."
)
INFINITY = (
    "An infinity came where a finite number is expected: a division by zero, the logarithm of zero, or an `exp` that "
    "overflows."
)
MISSING_INFINITY = (
    "A finite number came where the right answer is infinite: was a small number added, a value clamped, or an entry "
    "left out that counts?"
)


def whole_hint(exercise: Exercise, comparisons: Sequence[Comparison]) -> str:
    """A sentence if all outputs in all cases are the right ones times a well-known factor, or for another order."""
    if not all(c.fits for c in comparisons):
        return ""
    for factor, sentence in CONSTANTS.items():
        if all(follows(a, factor * e, tol, factor) for c in comparisons for a, e, tol in c.triples):
            return f"Every value is {sentence}."
    return _other_order(exercise, comparisons)


def generic_hints(exercise: Exercise, comparisons: Sequence[Comparison]) -> list[str]:
    """What shapes and numbers say about a wrong answer; never empty."""
    misfit = next((c for c in comparisons if not c.fits), None)
    hints = [shape_hint(misfit)] if misfit else []
    fitting = [c for c in comparisons if c.fits]
    if all(c.right for c in fitting):
        return hints
    outputs = range(len(fitting[0].expected))
    for which in outputs:
        if not _always_right(fitting, which):
            name = f"Output {which + 1}: " if len(outputs) > 1 else ""
            hints.extend(name + hint for hint in _of_one_output(fitting, which))
    if len(outputs) > 1:
        hints = [f"Output {i + 1} is right in all cases." for i in outputs if _always_right(fitting, i)] + hints
    if any(not hint.endswith("right in all cases.") for hint in hints):
        return hints
    return [*hints, _which_are_right(comparisons)]


def _which_are_right(comparisons: Sequence[Comparison]) -> str:
    """What to say when nothing else can be said."""
    right, wrong = [c for c in comparisons if c.right], [c for c in comparisons if not c.right]
    if len(right) >= len(wrong):
        return f"Only {labels(wrong)} went wrong: what is there that the other cases do not have?"
    which = f"Right is only {labels(right)}." if right else "No case is right yet."
    return f"{which}  Work the case above out by hand, print the terms inside your function, and compare."


def _always_right(comparisons: Sequence[Comparison], which: int) -> bool:
    return all(c.right_outputs[which] for c in comparisons)


def _of_one_output(comparisons: Sequence[Comparison], which: int) -> list[str]:
    triples = [c.triples[which] for c in comparisons]
    row = tuple(torch.cat([part.flatten() for part in parts]) for parts in zip(*triples))
    infinite = _not_finite(comparisons, which)
    finite = row[0].isfinite() & row[1].isfinite()
    triple = (row[0][finite], row[1][finite], row[2][finite])
    if bool(same(*triple).all()):
        return infinite
    found = relation(triple) or _factor_of_size(comparisons, which) or _order(comparisons, which)
    found = found or ("" if infinite else _close(comparisons, which, triple))
    return [*infinite, found] if found else infinite


def _not_finite(comparisons: Sequence[Comparison], which: int) -> list[str]:
    """NaN and infinities that should not be there, or are missing, and in which cases."""
    tests: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
        NAN: lambda a, e: a.isnan(),
        INFINITY: lambda a, e: a.isinf() & e.isfinite(),
        MISSING_INFINITY: lambda a, e: e.isinf() & a.isfinite(),
    }
    hints = []
    for sentence, test in tests.items():
        where = [c for c in comparisons if bool(test(c.actual[which], c.expected[which]).any())]
        if where:
            zeros = all(any(isinstance(x, Tensor) and bool((x == 0).any()) for x in c.case.inputs) for c in where)
            text = NAN_FROM_ZERO if sentence is NAN and zeros else sentence
            hints.append(text if len(where) == len(comparisons) else f"In {labels(where)}: {text}")
    return hints[:1]


def _factor_of_size(comparisons: Sequence[Comparison], which: int) -> str:
    """Factors that change with the size of the case: the number of entries in a row, or of rows."""
    sizes: dict[str, Callable[[Comparison], float]] = {
        "n, the length of the last axis: was a sum taken where a mean is wanted?": lambda c: _length(c),
        "1/n, n the length of the last axis: was a mean taken where a sum is wanted?": lambda c: 1 / _length(c),
        "√n, n the length of the last axis": lambda c: _length(c) ** 0.5,
        "1/√n, n the length of the last axis": lambda c: _length(c) ** -0.5,
        "n - 1, n the length of the last axis": lambda c: _length(c) - 1,
        "1/(n - 1), n the length of the last axis": lambda c: 1 / max(1, _length(c) - 1),
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
    wrong = ~same(*triple)
    error = (actual - expected).abs()
    if not bool((error[wrong] <= 1e-2 * expected[wrong].abs().clamp(min=1e-2)).all()):
        return ""
    worst = int((error / allowed).argmax())
    said = (
        f"Close, but the error of {number(float(error[worst]), 2)} is more than rounding explains "
        f"({number(float(allowed[worst]), 2)})"
    )
    coarse = next((c.answer_dtype for c in comparisons if torch.finfo(c.answer_dtype).eps > 1e-5), None)
    if coarse is not None:
        return f"{said}: the answer has dtype {coarse}; keep the dtype of the inputs."
    return f"{said}: was a small number added, a value clamped, or a difference taken of two large numbers?"


def _other_order(exercise: Exercise, comparisons: Sequence[Comparison]) -> str:
    """Whether the outputs are the right ones for the inputs in another order, or are themselves in another order."""
    names = input_names(exercise)
    orders = list(permutations(range(len(names))))[1:] if len(names) <= 4 else []
    for order in orders:
        if all(_fits_order(exercise, comparison, order) for comparison in comparisons):
            called = ", ".join(names[i] for i in order)
            return f"The values are those for the inputs in another order, ({called}): are arguments swapped?"
    if _outputs_permuted(comparisons):
        return "The values are right, but they are returned in another order than the task says."
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
    for order in permutations(range(count)):
        if order != tuple(range(count)) and all(
            alike(tuple(c.actual[i] for i in order), c.expected, c.allowed) for c in comparisons
        ):
            return True
    return False
