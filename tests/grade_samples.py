"""A class of twelve invented students with all kinds of outcomes, for tests of the reports and to look at."""

from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any

from course_gan.exercises import EXERCISES
from course_gan.grade.model import Assignment, Graded, LatePolicy, Mark, Status, Submission, Task, Variant

DUE = datetime(2026, 3, 1, 23, 59, tzinfo=timezone(timedelta(hours=1)))

ASSIGNMENT = Assignment(
    name="sheet-2",
    title="Sheet 2: divergences",
    tasks=(
        Task("kl-divergence", 2.0),
        Task("js-divergence", 2.0, Variant(1.4426950408889634, "Give the divergence in bits.")),
        Task("total-variation", 1.0),
        Task("kl-gaussian", 2.0),
        Task("closest-gaussian", 3.0),
    ),
    due=DUE,
    late=LatePolicy(timedelta(minutes=15), 0.1, 7),
)

FORMULA = "=cmd()|' /C calc'!A0"
SCRIPT = "<script>alert(1)</script>"
ARABIC = "ليلى حداد"


def student(name: str, submitted: datetime | None = DUE - timedelta(hours=5), **options: Any) -> Submission:
    """A submission whose file is the student's name."""
    options = {
        "source": f"{name}/02-divergences.ipynb",
        "digest": sha256(name.encode("utf-8", "surrogatepass")).hexdigest(),
    } | options
    return Submission(name, path=None, submitted=submitted, **options)


def mark(task: Task, status: Status, mistake: int | None = None, **options: Any) -> Mark:
    """A mark as the grader makes it; `mistake` is the position of a misconception of the exercise."""
    exercise = EXERCISES[task.exercise]
    share = {"right": 1.0, "partly right": 0.5}.get(status, 0.0)
    ran = status in ("right", "partly right", "not yet")
    found: dict[str, Any] = {"cases": 12 if ran else 0, "right": {1.0: 12, 0.5: 7}.get(share, 1) if ran else 0}
    if status == "right":
        found["sentences"] = ("Right in all 12 cases.",)
    elif ran:
        found |= {
            "case": exercise.seeded_cases(0)[0].label,
            "details": "    p        = [0.25, 0.75]\n    came     = 0.91629073\n    expected = 1.0986123",
            "sentences": ("The numbers are finite, but wrong; no known mistake gives them.",),
        }
    if mistake is not None:
        known = exercise.misconceptions[mistake]
        found |= {"misconception": known.name, "sentences": (known.sentence,)}
    return Mark(task.exercise, exercise.title, status, share * task.points, task.points, **{**found, **options})


def marks(*outcomes: Status | tuple[Status, int]) -> tuple[Mark, ...]:
    """One mark for each task of the assignment."""
    told = [(outcome,) if isinstance(outcome, str) else outcome for outcome in outcomes]
    return tuple(mark(task, *one) for task, one in zip(ASSIGNMENT.tasks, told))


def failing(status: Status, *sentences: str) -> tuple[Mark, ...]:
    """The same failure in every exercise."""
    return tuple(mark(task, status, sentences=sentences) for task in ASSIGNMENT.tasks)


def sample_class() -> list[Graded]:
    """All twelve."""
    return [
        Graded(student("Amara Okafor"), marks(*["right"] * 5)),
        Graded(student("Bruno Silva"), marks(("not yet", 0), "right", "right", ("partly right", 1), "right")),
        Graded(student("Chen Wei"), marks(("not yet", 0), ("not yet", 1), "right", "not yet", ("not yet", 0))),
        Graded(
            student("Dana Novák", DUE + timedelta(days=1, hours=3)),
            marks("right", "right", ("not yet", 0), "right", "right"),
            late_days=2,
            deduction=1.8,
        ),
        Graded(
            student("Émile Dubois", notes=("The latest of 3 files was graded.",)),
            marks("right", ("partly right", 0), "right", "not written", "not written"),
        ),
        Graded(student(ARABIC), marks("right", ("not yet", 0), "right", ("not yet", 1), "right")),
        Graded(
            student("Farid Rahimi"),
            failing("stopped", "This was not reached: the notebook was stopped before."),
            reason="The notebook was stopped after 60 seconds, in the cell `while True: step()`.",
        ),
        Graded(
            student(FORMULA),
            marks("right", ("not yet", 0), "right", "missing", ("not yet", 0)),
        ),
        Graded(
            student(SCRIPT, problem="The file is not a notebook: its JSON ends in line 3."),
            failing("not graded"),
        ),
        Graded(
            student("Grace 🎓 Hopper-Lee"),
            (
                *marks("right", "right", "right"),
                mark(ASSIGNMENT.tasks[3], "failed", sentences=("It raised `ZeroDivisionError`.",)),
                mark(ASSIGNMENT.tasks[4], "right"),
            ),
        ),
        Graded(
            student("Hana Sato", DUE + timedelta(days=9)),
            marks("right", "right", "right", "right", "partly right"),
            late_days=9,
            deduction=8.5,
        ),
        Graded(student("Ivo Marin", None), marks("not written", "not written", "right", "not written", "missing")),
    ]


CLASS_NOTES = ("These 2 files are identical: Chen Wei/02-divergences.ipynb, Farid Rahimi/02-divergences.ipynb.",)
