"""From what a submission's function returned to its mark."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import floor
from typing import Any

from torch import Tensor

from course_gan import exercises
from course_gan.exercises.answers import UnusableAnswer
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, call_directly, rounding
from course_gan.exercises.judge import compare, judge, wanted_names
from course_gan.exercises.observe import Outcome
from course_gan.grade import secret as secrets_of
from course_gan.grade.model import Assignment, Mark, Task, Variant
from course_gan.grade.sentences import safe

STEP = 0.25  # partial points are rounded down to a multiple of this
UNFINISHED = 0.5  # the share of right cases below which there are none


@dataclass(frozen=True)
class Question:
    """One exercise as it is asked in this assignment: with its variant, and the cases of all secret seeds."""

    task: Task
    exercise: Exercise
    cases: tuple[Case, ...]

    @property
    def harness(self) -> list[str]:
        """Module and name of the harness, which the box must show; two empty texts where there is none."""
        call = self.exercise.call
        return ["", ""] if call is call_directly else [call.__module__, call.__qualname__]

    @property
    def wanted(self) -> list[str]:
        """What the function is called with."""
        return wanted_names(self.exercise)


def questions(assignment: Assignment, secret: str) -> list[Question]:
    """All exercises of an assignment with their secret cases."""
    return [_question(assignment, secret, task) for task in assignment.tasks]


def _question(assignment: Assignment, secret: str, task: Task) -> Question:
    exercise = exercises.get(task.exercise)
    if task.variant is not None:
        exercise = varied(exercise, task.variant)
    seeds = secrets_of.seeds(secret, assignment.name, task.exercise, assignment.trials)
    return Question(task, exercise, tuple(case for seed in seeds for case in exercise.seeded_cases(seed)))


def varied(exercise: Exercise, variant: Variant) -> Exercise:
    """The exercise whose right answer is `scale` times the book's, whose own answer is then a known mistake."""
    if exercise.call is not call_directly:
        raise ValueError(f"{exercise.id} has a harness, whose outputs cannot be scaled: give it no variant.")
    size = max(1.0, abs(variant.scale))

    def scaled(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def inner(*inputs: Any) -> Any:
            outputs = function(*inputs)
            return tuple(variant.scale * o for o in outputs) if isinstance(outputs, tuple) else variant.scale * outputs

        return inner

    def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> list[Tensor]:
        plain = tuple(e / variant.scale for e in expected)
        return [size * torch_of(a) for a in (exercise.tolerance or rounding)(inputs, plain)]

    public = Misconception(
        "the exercise of the book",
        exercise.reference,
        f"That is the answer to the exercise of the book; this assignment asks for something else: {variant.text}",
    )
    known = tuple(replace(m, function=scaled(m.function)) for m in exercise.misconceptions)
    return replace(exercise, reference=scaled(exercise.reference), misconceptions=(public, *known), tolerance=tolerance)


def torch_of(value: Tensor | float) -> Tensor:
    """A tolerance as a tensor."""
    import torch

    return torch.as_tensor(value, dtype=torch.float64)


def mark(question: Question, outcomes: Sequence[Outcome], assignment: Assignment) -> Mark:
    """The mark for the outcomes of all cases."""
    exercise, task = question.exercise, question.task
    result = judge(exercise, question.cases, outcomes)
    given = Mark(exercise.id, exercise.title, "not yet", 0.0, task.points, cases=len(question.cases))
    if result.passed:
        return replace(given, status="right", points=task.points, right=given.cases)
    if any(outcome.unwritten for outcome in outcomes):
        return replace(given, status="not written", sentences=("The function is not written yet.",))
    right = sum(_is_right(exercise, case, outcome) for case, outcome in zip(question.cases, outcomes))
    points = partial_points(right, given.cases, task.points * assignment.partial)
    return replace(
        given,
        status="partly right" if points else "not yet",
        points=points,
        right=right,
        sentences=safe(exercise, question.cases, result.sentences, {outcome.problem for outcome in outcomes}),
        misconception=result.misconception,
        case=result.case,
        details=result.message,
    )


def partial_points(right: int, cases: int, most: float) -> float:
    """What an answer earns that is right in some of the cases only; nothing below half of them."""
    share = right / cases if cases else 0.0
    return floor(most * share / STEP) * STEP if share >= UNFINISHED else 0.0


def unmarked(task: Task, status: Any, sentence: str) -> Mark:
    """The mark of an exercise that gave no answers to judge."""
    title = exercises.get(task.exercise).title
    return Mark(task.exercise, title, status, 0.0, task.points, sentences=(sentence,))


def _is_right(exercise: Exercise, case: Case, outcome: Outcome) -> bool:
    if outcome.problem or outcome.unwritten or outcome.changed or outcome.answer is None:
        return False
    try:
        return compare(exercise, case, outcome.answer).right
    except UnusableAnswer:
        return False
