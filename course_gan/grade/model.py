"""What grading talks about: an assignment and its rules, a submission, the mark of an exercise, a graded submission."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

Feedback = Literal["full", "sentences", "verdict"]
Status = Literal["right", "partly right", "not yet", "not written", "missing", "failed", "stopped", "not graded"]


@dataclass(frozen=True)
class Variant:
    """A private twist of an exercise: the graded function returns `scale` times what the book's exercise asks for."""

    scale: float
    text: str  # what the student notebook says about it, such as "Give the divergence in bits"


@dataclass(frozen=True)
class Task:
    """One exercise of an assignment, and what it is worth there."""

    exercise: str
    points: float
    variant: Variant | None = None


@dataclass(frozen=True)
class LatePolicy:
    """What being late costs: after the grace a share of the points for each day begun, and after `most_days` all."""

    grace: timedelta = timedelta(minutes=15)
    per_day: float = 0.1
    most_days: int = 7


@dataclass(frozen=True)
class Limits:
    """What one submission may use."""

    notebook_seconds: float = 60.0  # all cells of the notebook together
    exercise_seconds: float = 20.0  # all cases of one exercise together
    memory_mb: int = 3000
    processes: int = 32  # threads count
    disk_mb: int = 64


@dataclass(frozen=True)
class Assignment:
    """The instructor's side of an assignment; the secret seed is kept apart from it.

    `partial` is the share of its points that an answer can earn which is right in at least half of the cases, but not
    in all.  `trials` is the number of secret seeds, each with all cases of the exercise.
    """

    name: str
    title: str
    tasks: tuple[Task, ...]
    due: datetime | None = None
    late: LatePolicy = field(default_factory=LatePolicy)
    partial: float = 0.5
    trials: int = 2
    feedback: Feedback = "sentences"
    limits: Limits = field(default_factory=Limits)

    @property
    def possible(self) -> float:
        """All points there are."""
        return sum((task.points for task in self.tasks), 0.0)


@dataclass(frozen=True)
class Submission:
    """The file of one student that is graded.

    `student` is the name of the file or folder, as it was found.  `source` is the path below the folder of submissions,
    for the reports.  `problem` says why there is nothing to run, if so.  `notes` say what rule was applied: "the latest
    of 3 files".
    """

    student: str
    source: str
    path: Path | None
    submitted: datetime | None = None
    problem: str = ""
    notes: tuple[str, ...] = ()
    digest: str = ""  # sha256 of the file's bytes
    private: tuple[str, ...] = ()  # notes that name other students, for the instructor alone


@dataclass(frozen=True)
class Mark:
    """What became of one exercise of one submission.

    `sentences` are for the student and hold no hidden number; `details` (the inputs of the first wrong case, what came
    and what was expected) are shown only where the assignment's feedback is "full".
    """

    exercise: str
    title: str
    status: Status
    points: float
    possible: float
    right: int = 0  # cases
    cases: int = 0
    sentences: tuple[str, ...] = ()
    misconception: str | None = None
    case: str | None = None  # the label of the first wrong case
    details: str = ""


@dataclass(frozen=True)
class Graded:
    """One submission with its marks; `reason` says why it could not be run, or not to its end."""

    submission: Submission
    marks: tuple[Mark, ...]
    reason: str = ""
    late_days: int = 0
    deduction: float = 0.0  # points taken off for being late
    notes: tuple[str, ...] = ()
    ours: bool = False  # the grader failed and not the submission, so that the next run tries again

    @property
    def earned(self) -> float:
        """Points before the deduction."""
        return sum((mark.points for mark in self.marks), 0.0)

    @property
    def total(self) -> float:
        """Points after the deduction."""
        return round(max(0.0, self.earned - self.deduction), 2)
