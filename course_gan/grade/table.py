"""`grades.csv`: one row a student, for a spreadsheet, a gradebook or a mail merge.

The file begins with the byte order mark of UTF-8: Excel takes a file without it for one of the local 8-bit code page
and garbles names, and pandas skips it (with Python's `csv`, open the file as "utf-8-sig").
"""

import csv
import io
import re
from collections.abc import Sequence

from course_gan.grade.model import Assignment
from course_gan.grade.rows import Row
from course_gan.grade.text import iso, number, one_line

LONGEST = 500  # characters of a cell

# A spreadsheet takes a cell for a formula that begins like this, some also behind quotes and spaces.  A semicolon
# begins a new cell where the local list separator is one.
_FORMULA = r"(?=[\s'\"\u200b-\u200d\u2060]*[=+\-@＝＋－＠\t\r])"
_BEFORE = re.compile(r"(^|;)" + _FORMULA)
_MARKED = re.compile(r"(^|;)'" + _FORMULA)


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs: an apostrophe goes before what could begin a formula."""
    return _BEFORE.sub(r"\1'", text)


def as_meant(cell: str) -> str:
    """The text that `harmless` made the cell from."""
    return _MARKED.sub(r"\1", cell)


def grades_csv(assignment: Assignment, rows: Sequence[Row]) -> bytes:
    """The whole table, as RFC 4180 has it: commas, quotes where needed, lines that end in CR LF."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(harmless(one_line(heading)) for heading in _headings(assignment))
    writer.writerows(_cells(assignment, row) for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _headings(assignment: Assignment) -> list[str]:
    exercises = [task.exercise for task in assignment.tasks]
    sums = ["earned", "deduction", "total", "possible"]
    return ["student", *exercises, *sums, "late_days", "submitted", "file", "feedback", "note"]


def _cells(assignment: Assignment, row: Row) -> list[str]:
    one = row.graded
    points = [*(mark.points for mark in row.marks), one.earned, one.deduction, one.total, assignment.possible]
    return [
        harmless(row.student),
        *map(number, points),
        str(one.late_days),
        iso(one.submission.submitted),
        harmless(one_line(one.submission.source, LONGEST)),
        f"feedback/{row.page}",
        harmless(one_line("; ".join([*row.problems, *row.notes]), LONGEST)),
    ]
