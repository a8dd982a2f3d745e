"""What the tests of grading share: notebooks made of cells, and a grader with small limits."""

import json
import tempfile
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from course_gan.grade import box
from course_gan.grade.marking import questions
from course_gan.grade.model import Assignment, Graded, Limits, Mark, Submission, Task
from course_gan.grade.submission import Grader

SECRET = "the secret of the tests 5309"
TASKS = (Task("kl-divergence", 2.0), Task("total-variation", 2.0))
LIMITS = Limits(notebook_seconds=9.0, exercise_seconds=4.0, memory_mb=1200, processes=24, disk_mb=16)
HOMEWORK = Assignment("hw1", "Homework 1", TASKS, limits=LIMITS)
KL = "import torch\ndef kl_divergence(p, q):\n    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)"
TV = "import torch\ndef tv_distance(p, q):\n    return (p - q).abs().sum(-1) / 2"


def notebook(*cells: str) -> bytes:
    """The bytes of an `.ipynb` file with these code cells."""
    made = [
        {"cell_type": "code", "source": cell, "metadata": {}, "outputs": [], "id": str(n)}
        for n, cell in enumerate(cells)
    ]
    return json.dumps({"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


@cache
def _why_no_box() -> str:
    try:
        box.choose()
    except ValueError as error:
        return str(error)
    return ""


def need_box() -> None:
    """Skip the test, which counts as a failure in CI, on a machine that has nothing to run submissions in."""
    if why := _why_no_box():
        pytest.skip(why)


@cache
def grader(assignment: Assignment = HOMEWORK) -> Grader:
    """A grader in the best box there is on this machine."""
    need_box()
    library = Path(tempfile.mkdtemp(prefix="course-gan-test-"))
    box.write_library(library)
    return Grader(assignment, questions(assignment, SECRET), box.choose(), library)


def graded(folder: Path, data: bytes, assignment: Assignment = HOMEWORK, name: str = "ada.ipynb") -> Graded:
    """A notebook with its marks."""
    path = folder / name
    path.write_bytes(data)
    return grader(assignment).grade(Submission("ada", name, path))


def marks(folder: Path, *cells: str, assignment: Assignment = HOMEWORK) -> dict[str, Mark]:
    """The marks for a notebook of these cells, by exercise."""
    found = graded(folder, notebook(*cells), assignment)
    assert not found.reason, found.reason
    return {mark.exercise: mark for mark in found.marks}


def generous(assignment: Assignment = HOMEWORK) -> Assignment:
    """The assignment with limits for busy machines, where nothing is meant to reach them."""
    return replace(assignment, limits=Limits())
