"""grades.csv is read back as it was meant, by programs, and harms nobody who opens it in a spreadsheet."""

import csv
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from course_gan.grade.model import Graded, Task
from course_gan.grade.report import write_reports
from course_gan.grade.rows import rows_of
from course_gan.grade.table import as_meant, grades_csv, harmless
from tests.grade_samples import ARABIC, ASSIGNMENT, FORMULA, SCRIPT, marks, sample_class, student

DANGEROUS = re.compile(r"[\s'\"\u200b-\u200d\u2060]*[=+\-@＝＋－＠\t\r]")


def table(*graded: Graded) -> list[dict[str, str]]:
    content = grades_csv(ASSIGNMENT, rows_of(ASSIGNMENT, graded)).decode("utf-8-sig")
    return list(csv.DictReader(content.splitlines(), strict=True))


def test_one_row_a_student_and_one_column_an_exercise(tmp_path: Path) -> None:
    write_reports(tmp_path, ASSIGNMENT, sample_class(), box="bubblewrap")
    with (tmp_path / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file, strict=True))
    assert len(rows) == 12
    assert list(rows[0]) == [
        "student", "kl-divergence", "js-divergence", "total-variation", "kl-gaussian", "closest-gaussian",
        "earned", "deduction", "total", "possible", "late_days", "submitted", "file", "feedback", "note",
    ]  # fmt: skip
    dana = next(row for row in rows if row["student"] == "Dana Novák")
    assert dana | {"feedback": ""} == {
        "student": "Dana Novák", "kl-divergence": "2", "js-divergence": "2", "total-variation": "0",
        "kl-gaussian": "2", "closest-gaussian": "3", "earned": "9", "deduction": "1.8", "total": "7.2",
        "possible": "10", "late_days": "2", "submitted": "2026-03-03T01:59:00Z",
        "file": "Dana Novák/02-divergences.ipynb", "feedback": "", "note": "",
    }  # fmt: skip
    assert all((tmp_path / row["feedback"]).is_file() for row in rows)
    assert {as_meant(row["student"]) for row in rows} >= {ARABIC, FORMULA, SCRIPT}


def test_file_is_what_a_spreadsheet_and_rfc_4180_expect() -> None:
    content = grades_csv(ASSIGNMENT, rows_of(ASSIGNMENT, sample_class()))
    assert content.startswith(b"\xef\xbb\xbfstudent,")
    assert content.endswith(b"\r\n")
    assert content.count(b"\n") == content.count(b"\r\n") == 13


@pytest.mark.parametrize(
    "name",
    [
        FORMULA,
        "+1",
        "-2+3",
        "@SUM(A1)",
        "'=1",
        '"=1"',
        '" =1',
        "''+x",
        "＝1",
        "\u200b=1",
        "\u00a0=1",
        "x;=cmd()|'/C calc'!A0",
    ],
)
def test_no_cell_begins_a_formula(name: str) -> None:
    hostile = Graded(student(name, source=f"{name}/a.ipynb", notes=(name,)), marks("right"), reason=name)
    (row,) = table(hostile)
    for cell in row.values():
        assert not any(DANGEROUS.match(part) and not part.startswith("'") for part in cell.split(";")), cell
    assert as_meant(row["student"]) == name.replace("\u00a0", "").strip()
    assert as_meant(row["file"]) == f"{name}/a.ipynb".replace("\u00a0", "").strip()


def test_tab_and_line_ends_never_get_into_a_cell() -> None:
    (row,) = table(Graded(student("\t=1\r\n=2\n@x"), marks("right"), reason="one\ntwo\x1b[31m\r\n\r\nthree\x00"))
    assert row["student"] == "'=1 =2 @x"
    assert row["note"] == "one two three"


@given(
    st.text(alphabet=st.sampled_from(list("=+-@＝'\" ;,x\n")) | st.characters(exclude_categories=["Cs"]), max_size=12)
)
def test_marking_a_formula_is_undone_by_reading(text: str) -> None:
    assert as_meant(harmless(text)) == text
    assert all(part.startswith("'") or not DANGEROUS.match(part) for part in harmless(text).split(";"))


def test_plain_names_stay_as_they_are() -> None:
    for name in ("O'Brien, Pat", 'Ann "A" Lee', "'Abd al-Rahman", "Jean-Luc", "x = 1"):
        assert harmless(name) == as_meant(name) == name


def test_a_submission_that_could_not_be_run_has_a_row_with_its_reason() -> None:
    (row,) = table(Graded(student("A", problem="Not a notebook."), (), reason="Not a notebook."))
    assert row["note"] == "Not a notebook."
    assert [row[task.exercise] for task in ASSIGNMENT.tasks] == ["0"] * 5
    assert (row["total"], row["possible"]) == ("0", "10")


def test_half_points_are_written_with_a_point() -> None:
    halves = replace(ASSIGNMENT, tasks=(Task("kl-divergence", 0.5), Task("js-divergence", 0.25)))
    earned = [replace(mark, points=0.5) for mark in marks("right")]
    content = grades_csv(halves, rows_of(halves, [Graded(student("A"), tuple(earned))])).decode("utf-8-sig")
    assert next(csv.DictReader(content.splitlines()))["possible"] == "0.75"
    assert content.splitlines()[1].startswith("A,0.5,0,0.5,0,0.5,0.75,0,")


def test_a_class_without_submissions_is_a_heading() -> None:
    assert table() == []
    assert len(grades_csv(ASSIGNMENT, []).splitlines()) == 1
