"""Grades a class: submissions side by side, each kept as soon as it is done, then all the reports."""

import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from course_gan.grade import box, cgroup, secret
from course_gan.grade.collect import collect
from course_gan.grade.marking import questions, unmarked
from course_gan.grade.model import Assignment, Graded, Submission
from course_gan.grade.report import write_reports
from course_gan.grade.store import Store
from course_gan.grade.submission import Grader, with_deduction
from course_gan.grade.submission_source import refuse_inside

WORK = "work"  # below the folder of the reports: copies of the notebooks, and the marks kept so far


@dataclass(frozen=True)
class Order:
    """What `course-gan grade` was asked to do."""

    submissions: Path
    assignment: Assignment
    seed_file: Path
    out: Path
    jobs: int = 1
    times: Path | None = None
    shard: tuple[int, int] = (1, 1)
    merge: tuple[Path, ...] = ()
    unsafe: bool = False


def grade_class(order: Order, progress: Callable[[int, int], None] = lambda done, of: None) -> list[Graded]:
    """The marks of all submissions, or of one shard of them; reports are written for a whole class only."""
    words = secret.read(order.seed_file)
    kind = box.choose(unsafe=order.unsafe)
    asked = questions(order.assignment, words)
    cgroup.sweep()
    work = order.out / WORK
    refuse_inside(work, order.submissions)  # before anything is made there
    with _writing(order.out):
        work.mkdir(parents=True, exist_ok=True, mode=0o700)
    found = collect(
        order.submissions,
        workspace=work / _copies(order.shard),
        times=order.times,
        notebook=f"{order.assignment.name}.ipynb",
        name=order.assignment.name,
    )
    mine = part(found, order.shard)
    with _writing(order.out):
        store = Store(work, order.assignment, words, kind.name)
        for other in order.merge:
            store.take(other / WORK)
    with tempfile.TemporaryDirectory(prefix="course-gan-") as folder:
        library = Path(folder)
        box.write_library(library)
        marked = _grade_all(Grader(order.assignment, asked, kind, library), mine, store, order.jobs, progress)
    graded = [with_deduction(one, order.assignment.due, order.assignment.late) for one in marked]
    if order.shard == (1, 1):
        notes = _notes(order)
        with _writing(order.out):
            write_reports(order.out, order.assignment, graded, box=kind.name, notes=notes)
    return graded


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Say what is wrong with the folder of the reports, such as a full disk, and that nothing is lost."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(
            f"{error.filename or out} cannot be written: {reason}. Mend that, or give another --out; the same command "
            "then goes on from the marks kept so far."
        ) from error


def part(found: Sequence[Submission], shard: tuple[int, int]) -> list[Submission]:
    """Every n-th submission, beginning with the i-th, for the shard i of n."""
    number, of = shard
    return list(found[number - 1 :: of])


def _copies(shard: tuple[int, int]) -> str:
    """The folder of the copies, one for each shard: all may be graded at the same time into one folder."""
    return "files" if shard == (1, 1) else f"files-{shard[0]}-of-{shard[1]}"


def _grade_all(
    grader: Grader, found: list[Submission], store: Store, jobs: int, progress: Callable[[int, int], None]
) -> list[Graded]:
    known = {n: graded for n, submission in enumerate(found) if (graded := store.find(submission)) is not None}
    progress(len(known), len(found))
    waiting = [n for n in range(len(found)) if n not in known]
    running: dict[Future[Graded], int] = {}
    pool = ThreadPoolExecutor(jobs)
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                number = waiting.pop(0)
                running[pool.submit(_grade_one, grader, found[number])] = number
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                number = running.pop(done)
                known[number] = done.result()
                if not known[number].ours:
                    with _writing(store.folder):
                        store.keep(known[number])
                progress(len(known), len(found))
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return [known[n] for n in range(len(found))]


def _grade_one(grader: Grader, submission: Submission) -> Graded:
    """Whatever goes wrong with one submission, the others are graded."""
    try:
        return grader.grade(submission)
    except Exception as error:  # our own mistake: say so, for it is not the student's
        reason = (
            f"The grader itself failed ({type(error).__name__}: {error}); run the same command again, "
            "or grade this one by hand."
        )
        marks = tuple(unmarked(q.task, "not graded", "Not graded, by no fault of yours.") for q in grader.questions)
        return Graded(submission, marks, reason, ours=True)


def _notes(order: Order) -> list[str]:
    notes = []
    if secret.open_to_others(order.seed_file):
        notes.append("Other users of this machine can read the seed file: chmod 600 makes it private.")
    return notes
