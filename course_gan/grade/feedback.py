"""The page that one student gets back: points, what was right, which mistake it was, and what to do next.

How much a page tells is the assignment's `feedback`: "verdict" shows outcomes and points, "sentences" adds what went
wrong in words that hold no hidden number, "full" adds the inputs and numbers of the first wrong case.
"""

import hashlib
import re
import unicodedata
from collections.abc import Sequence

from course_gan.grade.model import Assignment, Graded, Mark
from course_gan.grade.pages import blocks, escaped, name, page, verbatim, with_code
from course_gan.grade.rules import MEANINGS, SYMBOLS, late_cost, late_rule, partial_rule, variant_rule
from course_gan.grade.text import counted, number, of_possible, one_line

LONGEST_NAME = 40  # letters of a student's name in the name of the page
_PLAIN = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_HASHED = re.compile(r".*-[0-9a-f]{12}(-[0-9]+)?")
_RESERVED = {"con", "prn", "aux", "nul", "index", *(f"{port}{i}" for port in ("com", "lpt") for i in range(10))}

STYLE = """
.sum{font-size:2.4rem;font-weight:700;line-height:1.15;margin:.3rem 0;font-variant-numeric:tabular-nums}
.sum span{font-size:1.1rem;font-weight:400;color:var(--faint)}
.verdict{font-weight:600;margin:.1rem 0 .5rem}
.verdict .faint{font-weight:400}
"""


def page_names(students: Sequence[str]) -> list[str]:
    """A file name for the page of each student: lower-case letters, digits and hyphens, different for all of them.

    A name that is not such a word already gets a piece of its hash, so that no two fall together.
    """
    names: list[str] = []
    taken: set[str] = set()
    for student in students:
        stem = first = _stem(student)
        again = 1
        while stem in taken:
            again += 1
            stem = f"{first}-{again}"
        taken.add(stem)
        names.append(f"{stem}.html")
    return names


def _stem(student: str) -> str:
    plain = _PLAIN.fullmatch(student) and not _HASHED.fullmatch(student) and student not in _RESERVED
    if plain and len(student) <= LONGEST_NAME:
        return student
    ascii_only = unicodedata.normalize("NFKD", student).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9]+", "-", ascii_only)[:LONGEST_NAME].strip("-") or "student"
    return f"{slug}-{hashlib.sha256(student.encode('utf-8', 'surrogatepass')).hexdigest()[:12]}"


def feedback_page(assignment: Assignment, one: Graded, marks: Sequence[Mark]) -> str:
    """The whole page; `marks` has one for each task, in their order."""
    student = one_line(one.submission.student)
    problem = one.reason or one.submission.problem
    parts = [
        f'<p class="above">{with_code(assignment.title)}</p>\n<h1>Feedback for {name(student)}</h1>',
        _summary(assignment, one),
        _problem(problem) if problem else "",
        _table(assignment, one, marks),
        "<h2>Exercise by exercise</h2>",
        *(_exercise(assignment, i, mark) for i, mark in enumerate(marks)),
        _next(marks, bool(problem)),
        _rules(assignment),
    ]
    # The isolates do for the title what <bdi> does in the page.
    title = f"\u2068{student}\u2069"
    return page(f"{title} – {one_line(assignment.title)}", "\n".join(part for part in parts if part), STYLE)


def _problem(problem: str) -> str:
    heading = "<p><strong>This could not be graded as it should.</strong></p>"
    return f'<div class="warning">\n{heading}\n{blocks(problem)}\n</div>'


def _summary(assignment: Assignment, one: Graded) -> str:
    late = late_cost(assignment, one)
    # Without `private`: who else handed in the same file is nothing that students should read about each other.
    notes = [*one.submission.notes, *one.notes]
    lines = [f"<p>{escaped(late)}</p>"] if late else []
    lines += [f'<p class="faint">{with_code(note)}</p>' for note in notes]
    file = f'<p class="faint">Graded file: {name(one.submission.source)}</p>' if one.submission.source else ""
    total = f"{number(one.total)} <span>of {counted(assignment.possible, 'point')}</span>"
    return f'<div class="card">\n<p class="sum">{total}</p>\n{"".join(lines)}{file}\n</div>'


def _table(assignment: Assignment, one: Graded, marks: Sequence[Mark]) -> str:
    rows = [
        f'<tr><th scope="row"><a href="#exercise-{i + 1}">{with_code(mark.title)}</a></th>'
        f'<td class="whole">{_verdict(mark)}</td>'
        f'<td class="right">{number(mark.points)} of {number(mark.possible)}</td></tr>'
        for i, mark in enumerate(marks)
    ]
    if one.deduction > 0:
        rows.append(_sum_row("Earned", number(one.earned)))
        rows.append(_sum_row("Taken off for being late", f"−{number(min(one.deduction, one.earned))}"))
    rows.append(_sum_row("Total", f"{number(one.total)} of {number(assignment.possible)}", "total"))
    return (
        '<h2>Points</h2>\n<table>\n<caption>Outcome and points of each exercise</caption>\n<thead><tr><th scope="col">'
        'Exercise</th><th scope="col">Outcome</th><th scope="col" class="right">Points</th></tr></thead>\n<tbody>\n'
        + "\n".join(rows)
        + "\n</tbody>\n</table>"
    )


def _sum_row(what: str, points: str, kind: str = "") -> str:
    attribute = f' class="{kind}"' if kind else ""
    return f'<tr{attribute}><th scope="row" colspan="2">{what}</th><td class="right">{points}</td></tr>'


def _verdict(mark: Mark) -> str:
    return f'<span class="mark" aria-hidden="true">{SYMBOLS[mark.status]}</span> {mark.status}'


def _exercise(assignment: Assignment, i: int, mark: Mark) -> str:
    variant = variant_rule(assignment.tasks[i])
    lines = [
        f'<section class="card" aria-labelledby="exercise-{i + 1}">',
        f'<h3 id="exercise-{i + 1}">{with_code(mark.title)}</h3>',
        f'<p class="verdict">{_verdict(mark)} <span class="faint">· {of_possible(mark.points, mark.possible)}'
        f"{_cases(assignment, mark)}</span></p>",
        f"<p>In this assignment: {with_code(variant)}</p>" if variant else "",
        *_explanation(assignment, mark),
        "</section>",
    ]
    return "\n".join(line for line in lines if line)


def _cases(assignment: Assignment, mark: Mark) -> str:
    if assignment.feedback == "verdict" or not mark.cases:
        return ""
    return f" · right in {mark.right} of {counted(mark.cases, 'case')}"


def _explanation(assignment: Assignment, mark: Mark) -> list[str]:
    if assignment.feedback == "verdict":
        return [f"<p>{MEANINGS[mark.status]}</p>"]
    lines = [blocks(sentence) for sentence in mark.sentences] or [f"<p>{MEANINGS[mark.status]}</p>"]
    if mark.case and mark.status != "right":
        lines.append(f'<p class="faint">First wrong case: “{with_code(mark.case)}”.</p>')
    if mark.details and assignment.feedback == "full":
        lines.append(f"<h4>The first wrong case in numbers</h4>\n{verbatim(mark.details)}")
    return lines


def _next(marks: Sequence[Mark], problem: bool) -> str:
    if not problem and all(mark.status == "right" for mark in marks):
        return "<h2>What to do next</h2>\n<p>Nothing is left to do: every answer is right.</p>"
    first = (
        "<p>First let your notebook run from its first cell to its last: restart the kernel and run all cells.</p>\n"
        if problem
        else ""
    )
    return (
        f"<h2>What to do next</h2>\n{first}<p>Run <code>course-gan check NOTEBOOK.ipynb</code> on your own notebook. "
        "It tries every exercise with public inputs, and shows for the first wrong case what your function returned "
        "and what was expected.</p>"
    )


def _rules(assignment: Assignment) -> str:
    return f"<h2>The rules</h2>\n<p>{escaped(partial_rule(assignment))}</p>\n<p>{escaped(late_rule(assignment))}</p>"
