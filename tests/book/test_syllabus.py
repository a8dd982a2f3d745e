"""The plan of the course: no item of the lectures is forgotten, and the list of what is missing only shrinks."""

from functools import cache
from pathlib import Path

import pytest
from course_tables import course_plan, lecture_map, read_syllabus

from course_gan.chapters import all_chapters

ROOT = Path(__file__).parents[2]
UNCOVERED = Path(__file__).with_name("uncovered.txt")
# How many items each of the five lectures has.
LECTURES = {"A": 19, "B": 14, "C": 8, "D": 12, "E": 13}
ITEMS = [f"{letter}{number}" for letter, count in LECTURES.items() for number in range(1, count + 1)]


@cache
def covered() -> set[str]:
    return {item for chapter in all_chapters(ROOT / "book") for item in chapter.lectures}


def excused() -> set[str]:
    return set(UNCOVERED.read_text(encoding="utf-8").split())


def complaint(item: str, covered: set[str], excused: set[str]) -> str:
    if item in covered and item in excused:
        return f"{item} has a chapter now; remove it from tests/book/uncovered.txt: the list may only shrink"
    if item not in covered and item not in excused:
        return f"no chapter covers {item}, which one did before: name it in the chapter's front matter again"
    return ""


def test_syllabus_has_each_item_of_the_lectures_once() -> None:
    ids = [item_id for item in read_syllabus(ROOT)["items"] for item_id in item["ids"]]
    assert sorted(ids) == sorted(ITEMS)


def test_syllabus_plans_every_item_for_a_chapter_that_is_planned() -> None:
    syllabus = read_syllabus(ROOT)
    assert list(syllabus["chapters"]) == list(range(1, 16))
    for item in syllabus["items"]:
        assert item["chapters"], f"{item['ids']} is planned for no chapter"
        assert set(item["chapters"]) <= set(syllabus["chapters"])


@pytest.mark.parametrize("item", ITEMS)
def test_item_is_covered_or_listed_as_missing(item: str) -> None:
    assert complaint(item, covered(), excused()) == ""


def test_list_of_missing_items_names_only_items() -> None:
    assert excused() <= set(ITEMS)


def test_both_ways_to_break_the_list_are_noticed() -> None:
    assert "may only shrink" in complaint("A1", {"A1"}, {"A1"})
    assert "no chapter covers A1" in complaint("A1", set(), set())
    assert complaint("A1", {"A1"}, set()) == complaint("A1", set(), {"A1"}) == ""


def test_chapters_cover_only_items_that_exist_and_are_planned_for_them() -> None:
    planned = {item_id: item["chapters"] for item in read_syllabus(ROOT)["items"] for item_id in item["ids"]}
    for chapter in all_chapters(ROOT / "book"):
        for item in chapter.lectures:
            assert chapter.number in planned.get(item, []), f"{chapter.id} covers {item}, the syllabus does not say so"


def test_lecture_map_has_a_row_with_an_anchor_for_each_item() -> None:
    text = "\n".join(lecture_map(ROOT))
    for item in ITEMS:
        assert text.count(f"[{item}]{{#lecture-{item.lower()}}}") == 1


def test_lecture_map_links_what_is_written_and_says_what_is_not() -> None:
    rows = {line.split("]")[0].removeprefix("| ["): line for line in lecture_map(ROOT) if line.startswith("| [")}
    assert set(rows) == set(ITEMS)
    for item, line in rows.items():
        assert ("not yet written" in line) == (item not in covered())
        assert (".md)" in line) == (item in covered())


def test_plan_says_of_each_chapter_whether_it_exists() -> None:
    written = {chapter.number for chapter in all_chapters(ROOT / "book")}
    headings = [line for line in course_plan(ROOT) if line[0].isdigit()]
    assert len(headings) == 15
    for number, line in enumerate(headings, start=1):
        assert ("finished" in line) == (number in written)
        assert ("not yet written" in line) == (number not in written)
