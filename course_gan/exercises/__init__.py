"""All exercises of the course, by id: `EXERCISES` is a dict one can read."""

from difflib import get_close_matches

from course_gan.exercises import ch01, ch02, ch03, ch04, ch05
from course_gan.exercises.core import Case, Exercise, Misconception

__all__ = ["EXERCISES", "Case", "Exercise", "Misconception", "get"]

CHAPTERS = (ch01, ch02, ch03, ch04, ch05)
EXERCISES: dict[str, Exercise] = {exercise.id: exercise for chapter in CHAPTERS for exercise in chapter.EXERCISES}


def get(exercise_id: str) -> Exercise:
    """The exercise with this id, or `ValueError` with the ids there are."""
    if exercise_id in EXERCISES:
        return EXERCISES[exercise_id]
    near = get_close_matches(exercise_id, EXERCISES, n=1)
    guess = f"Did you mean {near[0]!r}?  " if near else ""
    raise ValueError(f"There is no exercise {exercise_id!r}.  {guess}The exercises are: {', '.join(EXERCISES)}.")
