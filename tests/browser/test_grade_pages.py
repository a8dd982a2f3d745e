"""The pages of a graded class in Chromium, in light and in dark, at a desk and on a phone."""

from dataclasses import replace
from typing import Any

import pytest

from course_gan.grade.report import write_reports
from tests.browser.test_browser import barriers, errors, look_at, requests
from tests.grade_samples import ASSIGNMENT, CLASS_NOTES, sample_class, student


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict[str, Any]]]:
    """What the browser saw of the class page and of the pages of students, one with a name of 200 letters."""
    out = tmp_path_factory.mktemp("graded")
    long = replace(sample_class()[2], submission=student("W" * 200))
    graded = [*sample_class(), long]
    write_reports(out, replace(ASSIGNMENT, feedback="full"), graded, box="NOT ISOLATED (--unsafe)", notes=CLASS_NOTES)
    pages: dict[str, list[dict[str, Any]]] = look_at(out, out / "report.json")["pages"]
    assert len(pages) == 14
    return pages


def test_no_page_asks_for_anything_or_fails(seen: dict[str, list[dict[str, Any]]]) -> None:
    assert [found for views in seen.values() for view in views for found in requests(view) + errors(view)] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_no_page_has_a_serious_barrier(seen: dict[str, list[dict[str, Any]]], theme: str) -> None:
    views = [view for views in seen.values() for view in views if view["theme"] == theme]
    assert len(views) == 14
    assert [found for view in views for found in barriers(view)] == []


def test_no_page_scrolls_sideways_on_a_phone(seen: dict[str, list[dict[str, Any]]]) -> None:
    assert {name: view["wide"] for name, views in seen.items() for view in views if view["wide"]} == {}


def test_names_and_problems_are_closed_when_the_class_page_opens(seen: dict[str, list[dict[str, Any]]]) -> None:
    assert seen["class.html"][0]["open"] == []
