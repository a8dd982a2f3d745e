"""The class page counts right, names nobody outside of its last section, and warns where marks may be forged."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from course_gan.grade.charts import bins, divided_bar, histogram
from course_gan.grade.class_page import class_page
from course_gan.grade.model import Assignment, Graded, Task
from course_gan.grade.rows import rows_of
from tests.grade_html import Page, complaints
from tests.grade_samples import ASSIGNMENT, CLASS_NOTES, DUE, SCRIPT, marks, sample_class, student


def page_of(
    graded: Sequence[Graded],
    assignment: Assignment = ASSIGNMENT,
    box: str = "bubblewrap",
    notes: Sequence[str] = CLASS_NOTES,
) -> Page:
    return Page(class_page(assignment, rows_of(assignment, graded), box, notes))


def cards(page: Page) -> list[str]:
    """The text of each exercise's card."""
    return [" ".join(section.text.split()) for section in page.all("section")]


def test_page_is_whole_offline_and_in_order() -> None:
    assert complaints(page_of(sample_class())) == []


def test_page_counts_the_class() -> None:
    facts = page_of(sample_class()).text("dl")
    assert facts == "submissions 12 points possible 10 mean 3.93 median 3.5 late 2 with a problem 2"


def test_outcomes_and_mistakes_of_an_exercise_are_counted() -> None:
    first = cards(page_of(sample_class()))[0]
    assert "On average 1.17 of 2 points" in first
    assert "right 7 (58 %)" in first
    assert "stopped 1 (8 %)" in first
    assert "2 students You used the base-2 logarithm" in first


def test_commonest_mistake_comes_first() -> None:
    second = cards(page_of(sample_class()))[1]
    assert second.index("3 students You subtracted the sum of both entropies") < second.index("1 student You returned")


def test_wrong_answers_without_a_known_mistake_are_counted_too() -> None:
    assert "1 wrong answer is none of the known mistakes." in cards(page_of(sample_class()))[3]


def test_of_many_mistakes_only_the_commonest_are_shown() -> None:
    exercise = [Graded(student(f"S{i}"), marks(("not yet", i))) for i in range(8)]
    card = cards(page_of(exercise))[0]
    assert card.count("1 student ") == 5
    assert "3 further mistakes made more rarely" in card


def test_a_mistake_that_the_exercise_no_longer_knows_is_told_as_it_was_told() -> None:
    (kl,) = marks(("not yet", 0))
    old = replace(kl, misconception="an old one", sentences=("You did what one did then.",))
    assert "1 student You did what one did then." in cards(page_of([Graded(student("A"), (old,))]))[0]


def test_names_stand_only_in_the_closed_last_section() -> None:
    page = page_of(sample_class())
    public, private = page.source.split("<h2>With names</h2>")
    for graded in sample_class():
        assert graded.submission.student not in public
        assert graded.submission.source not in public
    for named in ("Farid Rahimi", "Dana Novák", "Émile Dubois", "Chen Wei/02-divergences.ipynb", "&lt;script&gt;"):
        assert named in private
    assert "Amara Okafor" not in private
    assert private.count("<details>") == 1
    assert "<details open" not in page.source


def test_what_could_not_be_run_stands_there_with_its_reason() -> None:
    text = page_of(sample_class()).text()
    assert f"{SCRIPT} The file is not a notebook: its JSON ends in line 3." in text
    assert "Farid Rahimi The notebook was stopped after 60 seconds" in text
    assert "Dana Novák 2 days, 1.8 points off" in text


@pytest.mark.parametrize("box", ["NOT ISOLATED (--unsafe)", ""])
def test_marks_that_may_be_forged_are_warned_of_before_anything_else(box: str) -> None:
    page = page_of(sample_class(), box=box)
    assert complaints(page) == []
    assert page.text().index("Not isolated: do not rely on these marks.") < page.text().index("submissions 12")


def test_a_box_needs_no_warning_and_is_named_among_the_rules() -> None:
    text = page_of(sample_class(), box="container").text()
    assert "Not isolated" not in text
    assert "Each submission ran in a box of its own (container)" in text


def test_rules_are_those_of_the_assignment() -> None:
    text = page_of(sample_class(), replace(ASSIGNMENT, partial=0.25, trials=3, feedback="verdict", due=None)).text()
    assert "earns that share of 25 % of them" in text
    assert "3 secret sets of inputs" in text
    assert "Students see outcomes and points only." in text
    assert "There was no deadline" in text
    assert "1 submission has a note on how it was chosen" in text


def test_scale_of_a_variant_is_kept_back() -> None:
    assert "1.44269" not in page_of(sample_class()).source


def test_a_class_without_submissions_has_a_page() -> None:
    page = page_of([], notes=())
    assert complaints(page) == []
    assert "No submission was graded." in page.text()
    assert page.all("svg") == []
    assert cards(page)[0] == "KL from its definition 2 points"


def test_a_class_of_one_has_a_page() -> None:
    page = page_of([Graded(student("A"), marks(*["right"] * 5))], notes=())
    assert complaints(page) == []
    assert "right 1 (100 %)" in page.text()
    assert "Nothing to report: every submission was run, none was late." in page.text()


def test_notes_of_a_class_are_text() -> None:
    assert complaints(page_of(sample_class(), notes=("<script>x</script>", "a `<b>` c\x1b[0m"))) == []


@pytest.mark.parametrize(
    ("possible", "totals", "expected"),
    [
        (2.0, [0, 0.5, 1, 2, 2], {0.0: 1, 0.5: 1, 1.0: 1, 2.0: 2}),
        (10.0, [0, 9.99, 10, 3.5], {0.0: 1, 9.0: 1, 10.0: 1, 3.0: 1}),
        (0.5, [0.5, 0.15, 0.3], {0.5: 1, 0.15: 1, 0.3: 1}),
        (7.5, [7.5, 7.2], {7.0: 2}),
        (0.0, [0.0], {0.0: 1}),
        (1e6, [1e6, 1.0], {1e6: 1, 0.0: 1}),
    ],
)
def test_each_total_is_counted_in_its_bar(
    possible: float, totals: list[float | int], expected: dict[float | int, int]
) -> None:
    bars = bins(totals, possible)
    assert {low: count for low, count in bars if count} == expected
    assert len(bars) <= 11


def test_bars_are_as_high_as_their_counts() -> None:
    picture = histogram([("0", 2), ("1", 0), ("2", 4)], "T <", "D &", "k")
    assert re.findall(r'height="(\d+)"/>', picture) == ["75", "150"]
    assert "T &lt;" in picture
    assert "D &amp;" in picture


def test_parts_of_a_divided_bar_fill_it() -> None:
    page = page_of(sample_class())
    for picture in re.findall(r'<svg height="30".*?</svg>', page.source):
        widths = [float(width) for width in re.findall(r'width="([\d.]+)%"', picture)]
        assert sum(widths) == pytest.approx(100, abs=0.01)
    assert divided_bar([], "T", "D", "k").count("<rect") == 0


def test_every_plot_has_a_title_and_says_its_numbers() -> None:
    page = page_of(sample_class())
    plots = [one for one in page.all("svg") if one.attributes.get("role") == "img"]
    assert len(plots) == 6
    assert "By points: 3 students from 0, 2 students from 1, 1 student from 3" in plots[0].text
    assert "Outcomes of KL from its definition" in plots[1].text
    assert all(one.attributes.get("aria-hidden") == "true" for one in page.all("svg") if one not in plots)


def test_order_of_grading_changes_nothing() -> None:
    graded = sample_class()
    assert page_of(graded[::-1]).source == page_of(graded).source


def test_an_exercise_that_the_course_no_longer_has_is_called_by_its_id() -> None:
    assignment = replace(ASSIGNMENT, tasks=(Task("gone-exercise", 1.0),), due=DUE)
    page = page_of([Graded(student("A"), ())], assignment)
    assert cards(page)[0].startswith("gone-exercise On average 0 of 1 point")
