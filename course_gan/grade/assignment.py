"""The instructor's file of an assignment: points, variants, limits, read with every value looked at."""

from pathlib import Path
from typing import cast, get_args

from course_gan.exercises import get
from course_gan.grade.choice import can_vary, fit_together
from course_gan.grade.handout import NAME, late_policy
from course_gan.grade.model import Assignment, Feedback, Limits, Task, Variant
from course_gan.grade.tables import Table, read_table

LEAST_MEMORY_MB = 500  # torch alone needs more than half of this


def load(path: Path) -> Assignment:
    """The assignment in a grading file; `ValueError` names the key that cannot be used, and what is wanted there."""
    return load_with_remarks(path)[0]


def load_with_remarks(path: Path) -> tuple[Assignment, tuple[str, ...]]:
    """The assignment in a grading file, and what its author should know about how the file was understood."""
    table = read_table(path)
    if "course" in table.values:
        raise ValueError(
            f"{path} is the public file that is handed out. Wanted is the grading file that "
            "`course-gan assignment rubric` writes from it."
        )
    name = table.text("name")
    if not NAME.fullmatch(name):
        raise table.wrong("name", "up to 60 letters, digits, - and _, as in the notebook's name")
    due, remark = table.moment("due")
    usual = Assignment(name, name, ())
    assignment = Assignment(
        name=name,
        title=table.text("title", name),
        tasks=_tasks(table.table("exercises", required=True)),
        due=due,
        late=late_policy(table.table("late")),
        partial=table.number("partial", usual.partial, most=1),
        trials=table.whole("trials", usual.trials, least=1, most=100),
        feedback=cast(Feedback, table.choice("feedback", get_args(Feedback), usual.feedback)),
        limits=_limits(table.table("limits")),
    )
    table.only_known()
    if not assignment.possible:
        raise ValueError(f"{path.name}: no exercise has points. Give at least one of them some.")
    return assignment, (remark,) if remark else ()


def _tasks(table: Table) -> tuple[Task, ...]:
    ids = list(table.values)
    try:
        fit_together(ids)
    except ValueError as error:
        raise ValueError(f"{table.where.rstrip('.')}: {error}") from None
    if not ids:
        raise ValueError(f"{table.where.rstrip('.')}: there is no exercise. Write a table [exercises.kl-divergence].")
    return tuple(_task(exercise, table.table(exercise)) for exercise in ids)


def _task(exercise: str, table: Table) -> Task:
    points = table.number("points", float(get(exercise).points), most=1e6)
    variant = _variant(exercise, table.table("variant")) if "variant" in table.values else None
    table.known.add("variant")
    table.only_known()
    return Task(exercise, points, variant)


def _variant(exercise: str, table: Table) -> Variant:
    try:
        can_vary(exercise, [exercise])
    except ValueError as error:
        raise ValueError(f"{table.where.rstrip('.')}: {error}") from None
    scale, text = table.number("scale", None, least=-1e6, most=1e6), table.text("text")
    table.only_known()
    if abs(scale) < 1e-6:
        raise table.wrong("scale", "a number that is not (almost) zero: what right answers are multiplied by")
    if scale == 1:
        raise table.wrong(
            "scale", "what the variant multiplies the book's answer by; at 1 the published solution is right"
        )
    return Variant(scale, text)


def _limits(table: Table) -> Limits:
    usual = Limits()
    limits = Limits(
        notebook_seconds=table.number("notebook_seconds", usual.notebook_seconds, least=1, most=86_400),
        exercise_seconds=table.number("exercise_seconds", usual.exercise_seconds, least=1, most=86_400),
        memory_mb=table.whole("memory_mb", usual.memory_mb, least=LEAST_MEMORY_MB),
        processes=table.whole("processes", usual.processes, least=1, most=100_000),
        disk_mb=table.whole("disk_mb", usual.disk_mb, least=1),
    )
    table.only_known()
    return limits
