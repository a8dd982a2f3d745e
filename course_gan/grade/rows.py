"""A class in order: one row a student, with one mark for each task, and the name of the feedback page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from course_gan.exercises import EXERCISES
from course_gan.grade.feedback import page_names
from course_gan.grade.model import Assignment, Graded, Mark
from course_gan.grade.text import one_line


@dataclass(frozen=True)
class Row:
    """One student of the reports."""

    graded: Graded
    marks: tuple[Mark, ...]  # one for each task of the assignment, in its order
    page: str  # the file below feedback/

    @property
    def student(self) -> str:
        """The name as it was found, in one line."""
        return one_line(self.graded.submission.student)

    @property
    def problems(self) -> tuple[str, ...]:
        """Why the submission could not be run, or not to its end."""
        reasons = (one_line(reason) for reason in (self.graded.submission.problem, self.graded.reason))
        return tuple(dict.fromkeys(reason for reason in reasons if reason))

    @property
    def notes(self) -> tuple[str, ...]:
        """The rules that were applied to this student, and what only the instructor may read."""
        notes = (
            one_line(note)
            for note in (*self.graded.submission.notes, *self.graded.submission.private, *self.graded.notes)
        )
        return tuple(dict.fromkeys(note for note in notes if note))


def rows_of(assignment: Assignment, graded: Sequence[Graded]) -> list[Row]:
    """The rows, by name, so that the order in which submissions were graded changes nothing."""
    known = titles(assignment, graded)
    ordered = sorted(graded, key=_by_name)
    pages = page_names([one.submission.student for one in ordered])
    return [Row(one, _in_order(assignment, one, known), page) for one, page in zip(ordered, pages)]


def titles(assignment: Assignment, graded: Sequence[Graded]) -> dict[str, str]:
    """The title of each exercise: the book's, or what a mark calls it, or else its id."""
    said = {mark.exercise: mark.title for one in sorted(graded, key=_by_name) for mark in one.marks if mark.title}
    said |= {task.exercise: EXERCISES[task.exercise].title for task in assignment.tasks if task.exercise in EXERCISES}
    return {task.exercise: said.get(task.exercise) or task.exercise for task in assignment.tasks}


def _by_name(one: Graded) -> tuple[str, str, str]:
    return (one.submission.student.casefold(), one.submission.student, one.submission.source)


def _in_order(assignment: Assignment, one: Graded, known: dict[str, str]) -> tuple[Mark, ...]:
    found = {mark.exercise: mark for mark in one.marks}
    return tuple(
        replace(found[task.exercise], title=known[task.exercise])
        if task.exercise in found
        else Mark(task.exercise, known[task.exercise], "not graded", 0.0, task.points)
        for task in assignment.tasks
    )
