"""Grades one submission: boxes are started and asked until each exercise has its answers or a reason why not."""

import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from math import ceil
from pathlib import Path
from typing import Any

from course_gan.exercises.observe import Outcome
from course_gan.grade import wire
from course_gan.grade.box import Kind
from course_gan.grade.marking import Question, mark, unmarked
from course_gan.grade.model import Assignment, Graded, LatePolicy, Mark, Submission
from course_gan.grade.session import Ended, Session

MOST_LEFT_OUT = 3  # cells that end the process: after so many the submission is given up
PATIENCE = 10.0  # seconds between a cell's limit, which can be caught, and the end of the box, which cannot
MOST_OF_ANSWERS = 32 << 20  # bytes of the answers to one exercise, which are all in memory when they are judged
TOO_MANY = "It returned far too many numbers."
JUDGING = threading.Lock()  # judging seeds torch's one generator


class Unreadable(Exception):
    """The file is no notebook."""


class Grader:
    """All that the submissions of a class have in common."""

    def __init__(self, assignment: Assignment, questions: Sequence[Question], kind: Kind, library: Path) -> None:
        self.assignment, self.questions, self.kind, self.library = assignment, questions, kind, library
        limits = assignment.limits
        self.cpu_seconds = ceil(2 * limits.notebook_seconds + limits.exercise_seconds * len(questions) + 60)

    def grade(self, submission: Submission) -> Graded:
        """The marks of one submission; whatever it does, there is a result."""
        if submission.problem or submission.path is None:
            return self._ungraded(submission, submission.problem or "There is no file.")
        try:
            marks, notes = self._marks(submission)
        except Unreadable as error:
            return self._ungraded(submission, str(error))
        except Ended as error:
            return self._ungraded(submission, f"The notebook {error}.")
        return Graded(submission, marks, notes=notes)

    def _ungraded(self, submission: Submission, reason: str) -> Graded:
        sentence = "Nothing could be graded; the reason is given above."
        marks = tuple(unmarked(question.task, "not graded", sentence) for question in self.questions)
        return Graded(submission, marks, reason)

    def _marks(self, submission: Submission) -> tuple[tuple[Mark, ...], tuple[str, ...]]:
        assert submission.path is not None
        data = submission.path.read_bytes()
        marks: dict[str, Mark] = {}
        left_out: set[int] = set()
        problems: list[str] | None = None
        todo = list(self.questions)
        while todo:
            with Session(self.kind, self.library, self.assignment.limits, self.cpu_seconds) as session:
                try:
                    told = self._run(session, data, submission.path.name, left_out)
                except Ended:
                    place = session.running
                    if place is None or place in left_out or len(left_out) >= MOST_LEFT_OUT:
                        raise
                    left_out.add(place)
                    continue
                if problems is None:  # later boxes follow one that saw inputs: what they say might be those
                    problems = told
                todo = self._ask(session, todo, marks)
        return tuple(marks[q.task.exercise] for q in self.questions), tuple(problems or ())

    def _run(self, session: Session, data: bytes, name: str, left_out: set[int]) -> list[str]:
        limits = self.assignment.limits
        head = {
            "do": "run",
            "name": name,
            "seconds": limits.notebook_seconds,
            "cell_seconds": limits.notebook_seconds / 3,
            "skip": sorted(left_out),
        }
        request = wire.Message(head, bytearray(data))
        reply = session.ask(request, 2 * limits.notebook_seconds + PATIENCE).head
        if "failed" in reply:
            raise Unreadable(
                "The file cannot be read as a notebook: open it in JupyterLab, save it again, and hand it in once more."
            )
        done = reply.get("done")
        found = done.get("problems") if isinstance(done, dict) else None
        pairs = [p for p in found if isinstance(p, list) and len(p) == 2] if isinstance(found, list) else []
        return [f"Code cell {number} {text}"[:300] for number, text in pairs[:20]]

    def _ask(self, session: Session, todo: list[Question], marks: dict[str, Mark]) -> list[Question]:
        """Ask the questions in turn; returns those that are left if the box ended."""
        for place, question in enumerate(todo):
            task = question.task
            try:
                outcomes = self._outcomes(session, question)
            except Ended as error:
                status = "stopped" if "stopped" in str(error) else "failed"
                marks[task.exercise] = unmarked(task, status, f"Your code {error}.")
                return todo[place + 1 :]
            if outcomes is None:
                sentence = f"There is no function {question.exercise.reference.__name__} in the notebook."
                marks[task.exercise] = unmarked(task, "missing", sentence)
                continue
            with JUDGING:
                marks[task.exercise] = self._mark(question, outcomes)
        return []

    def _mark(self, question: Question, outcomes: list[Outcome]) -> Mark:
        try:
            return mark(question, outcomes, self.assignment)
        except Exception as error:  # an answer that nobody thought of must not cost the other exercises' points
            told = f"What it returned could not be judged ({type(error).__name__})."
            return unmarked(
                question.task, "not graded", f"{told}  If it is a tensor as the task says, tell your teacher."
            )

    def _outcomes(self, session: Session, question: Question) -> list[Outcome] | None:
        left, room = self.assignment.limits.exercise_seconds, MOST_OF_ANSWERS
        outcomes = []
        for case in question.cases:
            request = wire.Message({})
            request.head = {
                "do": "call",
                "exercise": question.task.exercise,
                "name": question.exercise.reference.__name__,
                "wanted": question.wanted,
                "harness": question.harness,
                "inputs": [request.put(value) for value in case.inputs],
            }
            started = session.clock()
            reply = session.ask(request, max(0.1, left))
            left -= session.clock() - started
            told = reply.head.get("done")
            if isinstance(told, dict) and told.get("missing") is True:
                return None
            room -= len(reply.body)
            outcomes.append(_outcome(reply, told, len(case.inputs)) if room >= 0 else Outcome(problem=TOO_MANY))
        return outcomes


def _outcome(reply: wire.Message, told: Any, inputs: int) -> Outcome:
    """What the box said of one case; whatever it is, it is no more than an answer to be judged."""
    if not isinstance(told, dict):
        return Outcome(problem="Your function raised an exception that cannot be caught.")
    problem, changed = told.get("problem"), told.get("changed")
    if told.get("unwritten") is True:
        return Outcome(unwritten=True, problem="Not written yet.")
    if isinstance(problem, str) and problem:
        return Outcome(problem=problem[:2000])
    places = [n for n in changed if type(n) is int and 0 <= n < inputs] if isinstance(changed, list) else []
    try:
        return Outcome(answer=reply.get(told.get("answer")), changed=tuple(places))
    except wire.Garbled:
        return Outcome(problem="It returned something that cannot be read: return a tensor.")


def with_deduction(graded: Graded, due: datetime | None, late: LatePolicy) -> Graded:
    """The same marks with what being late costs."""
    submitted = graded.submission.submitted
    if due is None or submitted is None or submitted <= due + late.grace:
        return graded
    days = ceil((submitted - due - late.grace) / timedelta(days=1))
    share = 1.0 if days > late.most_days else min(1.0, late.per_day * days)
    return replace(graded, late_days=days, deduction=round(share * graded.earned, 2))
