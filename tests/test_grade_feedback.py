"""A student's page shows what the assignment lets it show, to everybody, and runs nothing that a student wrote."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest

from course_gan.grade.collect import collect
from course_gan.grade.feedback import feedback_page, page_names
from course_gan.grade.model import Assignment, Graded, Mark, Task
from course_gan.grade.rows import rows_of
from tests.grade_html import Page, complaints
from tests.grade_samples import ARABIC, ASSIGNMENT, FORMULA, SCRIPT, mark, marks, sample_class, student

HOSTILE = (
    "</title></style><script>alert(1)</script><img src=x onerror=alert(1)>\"' onload='x' `</code><b>` &lt;b&gt; ]]>"
)


def page_of(graded: Graded, assignment: Assignment = ASSIGNMENT) -> Page:
    (row,) = rows_of(assignment, [graded])
    return Page(feedback_page(assignment, graded, row.marks))


def of(name: str, **options: Any) -> Page:
    (graded,) = [one for one in sample_class() if one.submission.student == name]
    return page_of(graded, replace(ASSIGNMENT, **options))


@pytest.mark.parametrize("graded", sample_class(), ids=lambda graded: graded.submission.student)
@pytest.mark.parametrize("feedback", ["full", "sentences", "verdict"])
def test_every_page_is_whole_offline_and_in_order(graded: Graded, feedback: Any) -> None:
    assert complaints(page_of(graded, replace(ASSIGNMENT, feedback=feedback))) == []


def test_page_shows_the_total_the_outcomes_and_the_mistake() -> None:
    page = of("Bruno Silva")
    text = page.text()
    assert "7 of 10 points" in text
    assert "Handed in 2026-03-01 18:59 UTC+01:00, on time." in text
    assert "partly right · 1 of 2 points · right in 7 of 12 cases" in text
    assert "You used the base-2 logarithm" in text
    assert "First wrong case: “the lecture's p and q”." in text
    assert "In this assignment: Give the divergence in bits." in text
    assert "course-gan check NOTEBOOK.ipynb" in text
    assert [code.text for code in page.all("code")][:1] == ["torch.log"]


def test_page_says_what_was_late_and_what_it_cost() -> None:
    text = of("Dana Novák").text()
    assert "7.2 of 10 points" in text
    assert "2026-03-03 02:59 UTC+01:00: 2 days late, counting each day begun. This costs 1.8 points." in text
    assert "Earned 9 Taken off for being late −1.8 Total 7.2 of 10" in text


def test_page_does_not_name_who_handed_in_the_same_file(tmp_path: Path) -> None:
    for name in ("ada", "zoe"):
        (tmp_path / "class" / name).mkdir(parents=True)
        (tmp_path / "class" / name / "hw.ipynb").write_text("the same")
        (tmp_path / "class" / name / "old.ipynb").write_text("old")
    ada, _ = collect(tmp_path / "class", workspace=tmp_path / "copies", notebook="hw.ipynb")
    assert any("zoe" in note for note in ada.private)
    text = page_of(Graded(ada, ())).text()
    assert "zoe" not in text
    assert "the one file named hw.ipynb of 2 files" in text


def test_no_more_is_taken_off_than_was_earned() -> None:
    graded = Graded(student("A"), marks("right"), late_days=9, deduction=10.0)
    assert "Earned 2 Taken off for being late −2 Total 0 of 10" in page_of(graded).text()


def test_hidden_numbers_are_shown_only_with_full_feedback() -> None:
    assert "0.91629073" in of("Chen Wei", feedback="full").text()
    assert "0.91629073" not in of("Chen Wei").source


def test_who_else_handed_in_the_same_file_is_for_the_instructor_alone() -> None:
    copied = Graded(student("A", private=("the same bytes as somebody else",)), marks("right"))
    (row,) = rows_of(ASSIGNMENT, [copied])
    assert "the same bytes as somebody else" in row.notes
    assert "somebody else" not in page_of(copied).source


def test_a_verdict_says_nothing_but_outcome_and_points() -> None:
    page = of("Chen Wei", feedback="verdict")
    assert "✗ not yet · 0 of 2 points" in page.text()
    for hidden in ("0.91629073", "First wrong case", "base-2", "no known mistake", "cases ·", " of 12"):
        assert hidden not in page.source
    for one in next(one for one in sample_class() if one.submission.student == "Chen Wei").marks:
        assert one.case is None or one.case not in page.source


def test_scale_of_a_variant_is_kept_back() -> None:
    assert "1.44" not in of("Amara Okafor", feedback="full").source


def test_whoever_has_all_right_has_nothing_to_do() -> None:
    text = of("Amara Okafor").text()
    assert "10 of 10 points" in text
    assert "Nothing is left to do" in text


def test_a_submission_that_could_not_be_run_says_why_and_what_to_do() -> None:
    assert "its JSON ends in line 3" in of(SCRIPT).text()
    text = of("Farid Rahimi").text()
    assert "The notebook was stopped after 60 seconds, in the cell while True: step()." in text
    assert "restart the kernel and run all cells" in text


@pytest.mark.parametrize("name", [SCRIPT, FORMULA, ARABIC, "Grace 🎓 Hopper-Lee"])
def test_a_name_is_text_and_keeps_its_direction_to_itself(name: str) -> None:
    page = of(name)
    assert page.all("bdi")[0].text == name
    assert page.text("title") == f"\u2068{name}\u2069 – Sheet 2: divergences"
    assert page.text("h1") == f"Feedback for {name}"


def test_marks_that_turn_the_text_around_are_taken_out_of_a_name() -> None:
    page = page_of(Graded(student("abc\u202e\u2069xyz"), marks("right")))
    assert page.all("bdi")[0].text == "abcxyz"


def test_nothing_that_comes_from_outside_becomes_html() -> None:
    told = Mark(
        "unknown",
        HOSTILE,
        "not yet",
        0.0,
        2.0,
        sentences=(HOSTILE, "    " + HOSTILE),
        misconception=HOSTILE,
        case=HOSTILE,
        details=HOSTILE,
    )
    from_outside = student(HOSTILE, source=HOSTILE, problem=HOSTILE, notes=(HOSTILE,))
    page = page_of(
        Graded(from_outside, (told,), reason=HOSTILE, notes=(HOSTILE,)),
        replace(ASSIGNMENT, title=HOSTILE, feedback="full", tasks=(Task("unknown", 2.0),)),
    )
    assert complaints(page) == []
    assert page.all("b") == page.all("img") == []
    assert page.text().count("alert(1)") >= 16


def test_control_characters_do_not_reach_the_page() -> None:
    told = mark(ASSIGNMENT.tasks[0], "failed", sentences=("It \x1b[31mraised\x1b[0m\x00\x07 an error.",))
    page = page_of(Graded(student("A\x00\x1bB"), (told,), reason="Stopped\x08.\x1b[2J"))
    assert "It raised an error." in page.text()
    assert not [c for c in page.source if (ord(c) < 32 and c != "\n") or 127 <= ord(c) < 160]


def test_what_is_indented_in_a_sentence_stays_as_it_stands() -> None:
    told = mark(ASSIGNMENT.tasks[0], "failed", sentences=("It raised:\n\n    first `line`\n      second < third",))
    page = page_of(Graded(student("A"), (told,)))
    assert page.text("pre") == "first `line` second < third"
    assert page.all("pre")[0].text == "first `line`\n  second < third"


def test_a_name_of_200_letters_still_has_a_page() -> None:
    name = "x" * 200
    assert complaints(page_of(Graded(student(name), marks("right")))) == []
    assert len(page_names([name])[0]) < 64


NAMES = [
    "anna", "Anna", "ANNA", "ánna", "anna ", "an na", "an-na", "an.na", "../../etc/passwd", "..", ".", "", "/", "a/b",
    "a\\b", "con", "NUL", "com1", "aux.html", "index", "a\x00b", "half \udc80", ARABIC, "ليلى", "🎓", "x" * 40,
    "x" * 41, "x" * 200, "-", "--help", "a:b", "a*b", "anna-0123456789ab", "end.", "same", "same", "same", "same-2",
]  # fmt: skip


def test_names_of_pages_are_safe_on_every_file_system_and_unique() -> None:
    names = page_names(NAMES)
    assert len(set(names)) == len(NAMES)
    for name in names:
        stem = name.removesuffix(".html")
        assert set(stem) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
        assert stem.strip("-") == stem != ""
        assert stem not in ("con", "nul", "com1", "aux")
        assert PureWindowsPath(name).name == name


def test_a_plain_name_is_the_name_of_its_page() -> None:
    assert page_names(["anna", "anna-lee2"]) == ["anna.html", "anna-lee2.html"]


@pytest.mark.parametrize("others", [[], ["Zoe"], ["anna", "ANNA"]])
def test_name_of_a_page_does_not_depend_on_the_rest_of_the_class(others: Sequence[str]) -> None:
    assert page_names(["Anna", *others])[0] == page_names(["Anna"])[0]
