"""On the built pages everything that is numbered has its chapter's number, the same as in the student notebook."""

import re
from pathlib import Path

import pytest

from course_gan.chapters import Chapter, all_chapters
from course_gan.student import targets

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "_build" / "html" / "book"
CHAPTERS = all_chapters(ROOT / "book")

if not (PAGES / "index.html").is_file():
    pytest.skip("there is no book in _build/html: build it with `make html`", allow_module_level=True)


def printed_number(page: str, label: str) -> str:
    """What stands first in the box, caption or margin of the thing with this label."""
    found = re.search(rf'id="(?:equation-)?{re.escape(label)}".*?class="(?:caption-number|eqno)">([^<]*)<', page, re.S)
    return found[1].strip() if found else "nothing"


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda one: one.id)
def test_page_and_student_notebook_have_the_same_numbers_by_chapter(chapter: Chapter) -> None:
    page = (PAGES / f"{chapter.id}.html").read_text(encoding="utf-8")
    wanted = {label: one for label, one in targets(chapter).items() if one.number}
    assert {one.kind for one in wanted.values()} >= {"Proposition", "Figure", "Exercise", "Equation"}
    assert all(re.fullmatch(rf"{chapter.number}\.[1-9]\d*", one.number) for one in wanted.values())
    names = {label: f"({one.number})" if one.kind == "Equation" else one.name for label, one in wanted.items()}
    assert {label: printed_number(page, label) for label in wanted} == names


def test_reference_to_another_chapter_has_that_chapters_number() -> None:
    """Chapter 4 leans on Gibbs' inequality, a proposition of chapter 2."""
    page = (PAGES / "04-optimal-discriminator.html").read_text(encoding="utf-8")
    link = re.search(r'href="02-divergences\.html#prop-gibbs">(?:<[^>]*>)*([^<]*)<', page)
    assert link is not None
    assert re.fullmatch(r"Proposition 2\.\d+", link[1])
