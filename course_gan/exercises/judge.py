"""From a learner's function to a verdict: `observe` runs it, `judge` compares what came with the reference.

The two halves are apart so that they can run in two processes: `observe` needs the learner's function, the harness and
plain inputs, `judge` needs the reference and what came back.
"""

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.answers import UnusableAnswer, answer_dtype, normalize, through_single
from course_gan.exercises.compare import Comparison
from course_gan.exercises.core import Case, Exercise, cast, coarsest, repeatable
from course_gan.exercises.diagnosis import diagnose
from course_gan.exercises.failures import NOTHING_RETURNED, unfit_for_call
from course_gan.exercises.observe import Outcome, observe_call
from course_gan.exercises.render import given, input_names, labels, values
from course_gan.exercises.result import Result


def evaluate(exercise: Exercise, function: object, seed: int = 0) -> Result:
    """Judge a function on the cases of one seed, without printing; only KeyboardInterrupt gets out."""
    if not callable(function):
        return Result(False, _not_callable(exercise, function), exercise.id)
    cases = exercise.seeded_cases(seed)
    misfit = unfit_for_call(function, exercise.reference.__name__, wanted_names(exercise))
    if misfit:
        return Result(False, misfit, exercise.id)
    return judge(exercise, cases, [observe(exercise, function, case) for case in cases])


def observe(exercise: Exercise, function: Any, case: Case) -> Outcome:
    """Call the function through the exercise's harness on its own copy of the inputs of a case."""
    return observe_call(exercise.call, function, case.inputs)


def wanted_names(exercise: Exercise) -> list[str]:
    """What the function is called with."""
    return list(inspect.signature(exercise.reference).parameters)


def judge(exercise: Exercise, cases: Sequence[Case], outcomes: Sequence[Outcome]) -> Result:
    """Compare the outcomes with the reference, and say of the first that is wrong what to do about it."""
    for case, outcome in zip(cases, outcomes):
        if outcome.unwritten:
            return Result(False, "Not written yet: replace the line that raises NotImplementedError.", exercise.id)
        if outcome.problem:
            return _failed(exercise, case, outcome.problem)
        if outcome.answer is None:
            return _failed(exercise, case, NOTHING_RETURNED)
    comparisons = []
    for case, outcome in zip(cases, outcomes):
        try:
            comparisons.append(compare(exercise, case, outcome.answer))
        except UnusableAnswer as error:
            return _failed(exercise, case, str(error))
    wrong = [c for c in comparisons if not c.right]
    changed = next(((c, o.changed) for c, o in zip(cases, outcomes) if o.changed), None)
    note = _changes_input(exercise, *changed) if changed else ""
    if wrong:
        found = diagnose(exercise, comparisons)
        sentences = (*[note] * bool(note), *found.sentences)
        message = "\n\n".join([_describe(exercise, wrong, comparisons), *sentences])
        return Result(False, message, exercise.id, wrong[0].case.label, found.misconception, sentences=sentences)
    if changed:
        sentence = note + "  The values it returns are right."
        return Result(False, sentence, exercise.id, changed[0].label, sentences=(sentence,))
    points = f"{exercise.points} point{'s' * (exercise.points != 1)}"
    return Result(True, f"Right in all {len(cases)} cases: {points}.", exercise.id, points=exercise.points)


def compare(exercise: Exercise, case: Case, answer: Any) -> Comparison:
    """One answer beside the reference's, which is computed in float64 from the very same numbers.

    The tolerance follows the coarsest dtype that the answer went through; but rounding to half precision on the way
    out is the learner's own doing, so an answer counts as float32 at the coarsest.
    """
    expected = reference_outputs(exercise, case)
    actual = _readable(answer, len(expected))
    if isinstance(answer, tuple | list) and len(answer) == len(expected) == 1 and expected[0].ndim > actual[0].ndim:
        actual = (actual[0].unsqueeze(0),)  # the list of rows of a batch of one row, not a tuple of one result
    returned = torch.float32 if (kind := answer_dtype(answer)) == torch.float64 and through_single(actual) else kind
    dtype = max(coarsest(case.inputs), min(returned, torch.float32, key=_epsilon), key=_epsilon)
    allowed = exercise.allowed_error(cast(case.inputs, dtype), expected)
    return Comparison(case, actual, expected, allowed, dtype, returned)


def _readable(answer: Any, count: int) -> tuple[Tensor, ...]:
    try:
        return normalize(answer, count)
    except UnusableAnswer:
        raise
    except Exception as error:  # an object of the learner's own that pretends to be an array or a tensor
        raise UnusableAnswer(f"What it returned could not be read ({type(error).__name__}): return a tensor.") from None


def reference_outputs(exercise: Exercise, case: Case) -> tuple[Tensor, ...]:
    """The right answer in float64; one output unless the reference (or the harness) returns a tuple."""
    with repeatable():
        answer = exercise.call(exercise.reference, *cast(case.inputs, torch.float64))
    return normalize(answer, len(answer) if isinstance(answer, tuple) else 1)


def _epsilon(dtype: torch.dtype) -> float:
    return torch.finfo(dtype).eps


def _failed(exercise: Exercise, case: Case, problem: str) -> Result:
    message = f"In the case “{case.label}”:\n\n{given(exercise, case)}\n\n{problem}"
    return Result(False, message, exercise.id, case.label, sentences=(problem,))


def _describe(exercise: Exercise, wrong: Sequence[Comparison], all_of_them: Sequence[Comparison]) -> str:
    first, right = wrong[0], len(all_of_them) - len(wrong)
    place = first.place()
    others = (
        "all cases are wrong"
        if right == 0
        else f"{right} of {len(all_of_them)} cases {'is' if right == 1 else 'are'} right"
    )
    if len(wrong) > 1 and right:
        others += f"; wrong are {labels(wrong)}"
    index, batch = (place[1], first.expected[place[0]].shape) if place else ((), None)
    shown = given(exercise, first.case, index, batch) + "\n" + values(exercise, first, place)
    return f"In the case “{first.case.label}” ({others}):\n\n{shown}"


def _changes_input(exercise: Exercise, case: Case, changed: tuple[int, ...]) -> str:
    names = " and ".join(input_names(exercise)[i] for i in changed)
    return (
        f"Your function changes its input {names} (in the case “{case.label}”), so the caller's tensor is no longer "
        "what it was.  Make a new tensor: `x = x / 2` where you have `x /= 2`, and no methods that end in `_`."
    )


def _not_callable(exercise: Exercise, value: object) -> str:
    name = exercise.reference.__name__
    return (
        f"Pass the function itself, without calling it: check({exercise.id!r}, {name}).  "
        f"What came was not a function but an object of type {type(value).__name__}."
    )
