"""The reports of a graded class: a table, results for programs, a page for each student, a page for the class.

A file is written as a whole or not at all, and not touched where it would stay the same.  `grades.csv` comes last:
where it is new, all else is.
"""

from collections.abc import Sequence
from pathlib import Path

from course_gan.files import write_atomically
from course_gan.grade.class_page import class_page
from course_gan.grade.feedback import feedback_page
from course_gan.grade.model import Assignment, Graded
from course_gan.grade.pages import MARKER
from course_gan.grade.results import results_json
from course_gan.grade.rows import rows_of
from course_gan.grade.table import grades_csv


def write_reports(
    out: Path, assignment: Assignment, graded: Sequence[Graded], *, box: str, notes: Sequence[str] = ()
) -> None:
    """Write grades.csv, results.json, class.html and feedback/*.html into the folder `out`.

    `box` says how the submissions were run, such as "bubblewrap", or "NOT ISOLATED (--unsafe)".  `notes` are on the
    class as a whole, such as which files are identical.  Pages of students who are gone are removed; files of others
    in `out` are left alone.
    """
    if out.exists() and not out.is_dir():
        raise ValueError(f"The reports go into a folder, but {out} is a file: give a folder, or remove the file.")
    rows = rows_of(assignment, graded)
    pages = out / "feedback"
    for row in rows:
        _write(pages / row.page, feedback_page(assignment, row.graded, row.marks).encode())
    _write(out / "results.json", results_json(assignment, rows, box, notes))
    _write(out / "class.html", class_page(assignment, rows, box, notes).encode())
    _write(out / "grades.csv", grades_csv(assignment, rows))
    _remove_stale(pages, {row.page for row in rows})


def _write(path: Path, content: bytes) -> None:
    if not path.is_symlink() and path.is_file() and path.read_bytes() == content:
        return
    write_atomically(path, lambda file: file.write(content))


def _remove_stale(pages: Path, current: set[str]) -> None:
    """Remove our own pages that nobody has anymore, and what a killed run left of one."""
    for path in sorted([*pages.glob("*.html"), *pages.glob("*.html.partial")]):
        if path.name not in current and not path.is_symlink() and path.is_file() and _ours(path):
            path.unlink()


def _ours(path: Path) -> bool:
    with path.open("rb") as file:
        return MARKER.encode() in file.read(400)
