"""Which exercises can stand in one assignment, and which of them can have a private variant."""

from collections.abc import Collection, Sequence

from course_gan.chapters import exercise_cards, find
from course_gan.exercises import EXERCISES, get
from course_gan.exercises.core import call_directly


def chosen(named: Sequence[str], chapters: Sequence[str]) -> tuple[str, ...]:
    """The exercises that are named, then those of the chapters that are not among them."""
    ids = list(named)
    for chapter in chapters:
        cards = exercise_cards(find(chapter))
        if not cards:
            raise ValueError(f"Chapter {chapter} has no exercises.")
        ids += [card.id for card in cards if card.id not in ids]
    if not ids:
        raise ValueError(
            "An assignment needs exercises: give --exercises kl-divergence,critic-loss or --chapters 2,3. "
            f"The exercises are: {', '.join(EXERCISES)}."
        )
    fit_together(ids)
    return tuple(ids)


def fit_together(ids: Sequence[str]) -> None:
    """Refuse exercises that do not exist or are named twice."""
    for exercise in ids:
        get(exercise)
        if ids.count(exercise) > 1:
            raise ValueError(f"The exercise {exercise!r} is named twice; once will do.")


def can_vary(exercise: str, ids: Collection[str]) -> None:
    """Refuse a variant of an exercise that is not in the assignment, or whose results cannot be scaled."""
    if exercise not in ids:
        raise ValueError(f"There is a variant of {exercise!r}, which is not in this assignment.")
    if get(exercise).call is not call_directly:
        raise ValueError(
            f"The exercise {exercise!r} can have no variant: what is judged is not what the function returns, but what "
            "it does with the networks or functions that it is given. Vary another exercise."
        )
