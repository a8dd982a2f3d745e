"""`check("kl-divergence", my_function)`: is it right, and if not, which mistake was it?"""

from dataclasses import replace
from typing import Any

from course_gan import exercises
from course_gan.exercises.judge import evaluate
from course_gan.exercises.result import Result, notebook_shell, show

__all__ = ["Result", "check", "evaluate"]

SEED = 0


def check(exercise_id: Any, function: Any) -> Result:
    """Check a function against the exercise with this id: show the verdict, and return it.

    Nothing is raised, whatever the function does; only an interrupt from the keyboard gets through.
    """
    result = _verdict(exercise_id, function)
    show(result)
    shell = notebook_shell()
    return result if shell is None else replace(result, shown_in=shell.execution_count)


def _verdict(exercise_id: Any, function: Any) -> Result:
    name = exercise_id if isinstance(exercise_id, str) else "check"
    if not isinstance(exercise_id, str):
        wanted = 'the name of the exercise comes first, then the function: check("kl-divergence", kl_divergence)'
        return Result(False, f"The first argument is of type {type(exercise_id).__name__}, but {wanted}.", name)
    try:
        exercise = exercises.get(exercise_id)
    except ValueError as error:
        return Result(False, str(error), name)
    try:
        return evaluate(exercise, function, SEED)
    except Exception as error:
        return Result(
            False, f"The check itself failed, which is our mistake, not yours ({type(error).__name__}: {error}).", name
        )
