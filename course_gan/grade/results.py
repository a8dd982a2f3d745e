"""`results.json`: all that the other reports show, for programs.

It holds no seed and no scale of a variant, and the numbers of hidden cases only where the assignment's feedback shows
them to students as well.  A student's name stands there exactly as it was found.
"""

import json
from collections.abc import Sequence
from typing import Any

from course_gan.grade.model import Assignment, Mark, Task
from course_gan.grade.rows import Row
from course_gan.grade.rules import isolated
from course_gan.grade.text import clean, iso, one_line

SCHEMA = 1  # changes when the meaning of a field does, not when a field is added


def results_json(assignment: Assignment, rows: Sequence[Row], box: str, notes: Sequence[str]) -> bytes:
    """The whole file, with sorted keys, in ASCII: a name that is no valid text survives too."""
    content = {
        "schema": SCHEMA,
        "assignment": _assignment(assignment),
        "box": one_line(box),
        "isolated": isolated(box),
        "notes": [one_line(note) for note in notes],
        "students": [_student(assignment, row) for row in rows],
    }
    return (json.dumps(content, sort_keys=True, indent=1, allow_nan=False) + "\n").encode("ascii")


def _assignment(assignment: Assignment) -> dict[str, Any]:
    late = assignment.late
    return {
        "name": assignment.name,
        "title": assignment.title,
        "tasks": [_task(task) for task in assignment.tasks],
        "possible": round(assignment.possible, 2),
        "due": iso(assignment.due) or None,
        "late": {
            "grace_minutes": round(late.grace.total_seconds() / 60, 2),
            "per_day": late.per_day,
            "most_days": late.most_days,
        },
        "partial": assignment.partial,
        "trials": assignment.trials,
        "feedback": assignment.feedback,
    }


def _task(task: Task) -> dict[str, Any]:
    variant = one_line(task.variant.text) if task.variant is not None else None
    return {"exercise": task.exercise, "points": task.points, "variant": variant}


def _student(assignment: Assignment, row: Row) -> dict[str, Any]:
    one = row.graded
    return {
        "student": one.submission.student,
        "file": one.submission.source,
        "digest": one.submission.digest,
        "submitted": iso(one.submission.submitted) or None,
        "problem": one_line(one.submission.problem),
        "reason": one_line(one.reason),
        "notes": list(row.notes),
        "feedback": f"feedback/{row.page}",
        "earned": round(one.earned, 2),
        "deduction": round(one.deduction, 2),
        "total": one.total,
        "late_days": one.late_days,
        "marks": [_mark(assignment, mark) for mark in row.marks],
    }


def _mark(assignment: Assignment, mark: Mark) -> dict[str, Any]:
    shown = {"details": clean(mark.details)} if assignment.feedback == "full" else {}
    return {
        "exercise": mark.exercise,
        "title": mark.title,
        "status": mark.status,
        "points": round(mark.points, 2),
        "possible": round(mark.possible, 2),
        "right": mark.right,
        "cases": mark.cases,
        "sentences": [clean(sentence) for sentence in mark.sentences],
        "misconception": mark.misconception,
        "case": mark.case,
        **shown,
    }
