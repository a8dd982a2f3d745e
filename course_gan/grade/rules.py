"""The rules of an assignment, and how its submissions were run, in words: the same on every page that states them."""

from collections.abc import Sequence

from course_gan.grade.model import Assignment, Graded, Status, Task
from course_gan.grade.text import counted, duration, moment, of_possible, one_line, percent

# A symbol and words for each outcome, so that none is told by color alone.
SYMBOLS: dict[Status, str] = {
    "right": "✓",
    "partly right": "◐",
    "not yet": "✗",
    "not written": "○",
    "missing": "–",
    "failed": "!",
    "stopped": "!",
    "not graded": "?",
}

# For a mark that comes without sentences of its own, or whose sentences are not shown.
MEANINGS: dict[Status, str] = {
    "right": "The answer is right in all cases.",
    "partly right": "The answer is right in some of the cases, but not in all.",
    "not yet": "The answer is not right yet.",
    "not written": "The function is still the one that was handed out.",
    "missing": "The notebook does not hold the function of this exercise.",
    "failed": "The function ended in an error.",
    "stopped": "The function was stopped: it used more time or memory than there was.",
    "not graded": "This exercise could not be graded.",
}

FAILURES: tuple[Status, ...] = ("failed", "stopped", "not graded")  # nothing came that could be judged


def isolated(box: str) -> bool:
    """Whether the submissions ran in a box; what is not said counts as not done."""
    return bool(box.strip()) and not any(word in box.lower() for word in ("not isolated", "unsafe", "none"))


def box_rule(box: str) -> str:
    """How the submissions were run."""
    if isolated(box):
        return f"Each submission ran in a box of its own ({one_line(box)}), away from this machine's files and network."
    return (
        "The submissions ran without a box (`--unsafe`): each could read and change this machine's files, "
        "use the network, and tamper with these marks."
    )


def late_rule(assignment: Assignment) -> str:
    """What coming late costs."""
    late = assignment.late
    if assignment.due is None:
        return "There was no deadline, so nothing counts as late."
    grace = f"  Up to {duration(late.grace)} later still counts as on time." if late.grace else ""
    due = f"Due {moment(assignment.due)}.{grace}"
    if late.most_days <= 0:
        return f"{due}  A late submission earns nothing."
    if late.per_day <= 0:
        return (
            f"{due}  Being late costs nothing for {counted(late.most_days, 'day')}, and all of the points after that."
        )
    each = f"Each day begun after that costs {percent(late.per_day)} of the points"
    return f"{due}  {each}; more than {counted(late.most_days, 'day')} late costs all of them."


def partial_rule(assignment: Assignment) -> str:
    """What an answer earns that is not right in all cases."""
    if assignment.partial <= 0:
        return "Only an answer that is right in all cases earns points."
    return (
        "An answer that is right in all cases earns all points of its exercise; one that is right in at least half of "
        f"the cases, but not in all, earns that share of {percent(assignment.partial)} of them, rounded down to a "
        "quarter of a point; any other earns nothing."
    )


def trials_rule(assignment: Assignment) -> str:
    """With which inputs the answers were tried."""
    sets = counted(assignment.trials, "secret set")
    return f"Each answer was tried in every case of its exercise, with {sets} of inputs."


def duplicates_rule(graded: Sequence[Graded]) -> str:
    """What became of a student's further files, which the notes of the submission tell."""
    noted = sum(bool(one.submission.notes) for one in graded)
    how = (
        f"  {counted(noted, 'submission')} {'has' if noted == 1 else 'have'} a note on how it was chosen."
        if noted
        else ""
    )
    return f"Of each student one file is graded.{how}"


def late_cost(assignment: Assignment, one: Graded) -> str:
    """What one student's lateness was, and what it cost."""
    submitted = one.submission.submitted
    if assignment.due is None:
        return ""
    came = f"Handed in {moment(submitted, assignment.due)}" if submitted else "It is not known when this was handed in"
    if one.late_days <= 0 and one.deduction <= 0:
        return f"{came}, on time." if submitted else f"{came}; it counts as on time."
    days = f"{came}: {counted(one.late_days, 'day')} late, counting each day begun"
    return f"{days}. This costs {counted(one.deduction, 'point')}."


def variant_rule(task: Task) -> str:
    """What this assignment asks for beyond the book's exercise; never the number behind it."""
    return one_line(task.variant.text) if task.variant is not None else ""


def score(one: Graded, assignment: Assignment) -> str:
    """Such as "7.5 of 10 points"."""
    return of_possible(one.total, assignment.possible)
