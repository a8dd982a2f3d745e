"""Every page of the built book, opened in Chromium from its file: nothing loaded, nothing broken, nobody left out.

Where the book, or a program that is needed to look at it, is missing, all tests are skipped, with one line.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from image_alt import complaint

from tests.browser.links import html_pages

ROOT = Path(__file__).parents[2]
HTML = ROOT / "_build" / "html"
TOOLS = ("playwright-core", "axe-core", "mathjax")
CHAPTER, WORD = "book/02-divergences.html", "Pinsker"

NODE, CHROMIUM = shutil.which("node"), os.environ.get("CHROMIUM") or shutil.which("chromium")


def what_is_missing() -> str:
    """Say what these tests cannot do without and how to get it; the empty string where all is there."""
    if not (HTML / "book" / "index.html").is_file():
        return f"there is no book in {HTML.relative_to(ROOT)}: build it with `make html`"
    if NODE is None:
        return "the browser tests need node: make setup brings one"
    if CHROMIUM is None:
        return "the browser tests need chromium: sudo apt install chromium, or set CHROMIUM to the program"
    missing = [name for name in TOOLS if not (ROOT / "node_modules" / name).is_dir()]
    return f"the browser tests need {', '.join(missing)}: npm install --ignore-scripts" if missing else ""


if reason := what_is_missing():
    pytest.skip(reason, allow_module_level=True)

PAGES = [path.relative_to(HTML).as_posix() for path in html_pages(HTML)]
every_page = pytest.mark.parametrize("page", PAGES)


def look_at(folder: Path, report: Path, word: str = "") -> dict[str, Any]:
    """Open every page of `folder` and return what was seen."""
    command = [NODE, str(Path(__file__).with_name("pages.mjs")), str(folder), CHROMIUM, str(report), word]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, f"the browser could not be driven:\n{done.stderr}"
    result: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return result


@pytest.fixture(scope="session")
def book(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the browser saw of the whole book, in light and in dark."""
    return look_at(HTML, tmp_path_factory.mktemp("browser") / "report.json", WORD)


def views(book: dict[str, Any], page: str) -> list[dict[str, Any]]:
    """The page in light and in dark; a page that only sends the reader on has no views."""
    seen: list[dict[str, Any]] = book["pages"].get(page, [])
    if not seen:
        assert "refresh" in (HTML / page).read_text(encoding="utf-8").lower(), f"{page} was not opened"
    return seen


def requests(view: dict[str, Any]) -> list[str]:
    return list(view["requests"])


def errors(view: dict[str, Any]) -> list[str]:
    return list(view["errors"])


def maths_errors(view: dict[str, Any]) -> list[str]:
    return [*view["maths"], *(f"not typeset: {html}" for html in view["untypeset"])]


def undescribed_images(view: dict[str, Any]) -> list[str]:
    return [image["html"] for image in view["images"] if complaint(image["alt"])]


def barriers(view: dict[str, Any]) -> list[str]:
    """What axe-core calls serious or critical."""
    serious = [one for one in view["violations"] if one["impact"] in ("serious", "critical")]
    return sorted({f"{one['id']}: {one['html']}\n{one['summary']}" for one in serious})


@every_page
def test_page_makes_no_network_request(book: dict[str, Any], page: str) -> None:
    assert [found for view in views(book, page) for found in requests(view)] == []


@every_page
def test_page_reports_no_error(book: dict[str, Any], page: str) -> None:
    assert [found for view in views(book, page) for found in errors(view)] == []


@every_page
def test_every_formula_is_typeset(book: dict[str, Any], page: str) -> None:
    assert [found for view in views(book, page) for found in maths_errors(view)] == []


@every_page
def test_every_image_is_described(book: dict[str, Any], page: str) -> None:
    assert [found for view in views(book, page) for found in undescribed_images(view)] == []


@every_page
def test_page_does_not_scroll_sideways_on_a_phone(book: dict[str, Any], page: str) -> None:
    assert [found for view in views(book, page) for found in view["wide"]] == []


@pytest.mark.parametrize("theme", ["light", "dark"])
@every_page
def test_page_has_no_serious_barrier(book: dict[str, Any], page: str, theme: str) -> None:
    found = [barrier for view in views(book, page) if view["theme"] == theme for barrier in barriers(view)]
    assert found == [], "\n".join(found)


@every_page
def test_hints_and_solutions_are_closed(book: dict[str, Any], page: str) -> None:
    assert [found for view in views(book, page) for found in view["open"]] == []


@every_page
def test_page_is_shown_in_both_themes(book: dict[str, Any], page: str) -> None:
    seen = views(book, page)
    assert [view["shown"] for view in seen] == [view["theme"] for view in seen]
    assert len(seen) in (0, 2)


def test_chapter_has_exercises_with_solutions(book: dict[str, Any]) -> None:
    view = book["pages"][CHAPTER][0]
    assert view["exercises"] >= 6
    assert view["solutions"] == view["exercises"]


def test_search_finds_a_word_of_chapter_2(book: dict[str, Any]) -> None:
    assert any("02-divergences.html" in address for address in book["found"]), book["found"]


PLANTED = """<!doctype html>
<html lang="en" data-theme="light"><head><meta charset="utf-8"><title>Planted defects</title>
<script>window.MathJax = {{tex: {{packages: {{'[-]': ['noundefined']}}}}}};</script>
<script defer src="{mathjax}"></script></head>
<body><main><h1>Planted</h1>
<img src="http://example.invalid/x.png" alt="A picture from another machine, well described">
<img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="x.png">
<p class="math">\\(\\undefinedmacro{{x}}\\)</p>
<div id="broad" style="width: 1000px">wide</div>
<p style="color: #bbb; background: #fff">This text is hardly there at all.</p>
<details open><summary>Hint</summary>An open hint.</details>
<script>console.error("planted error"); throw new Error("planted exception");</script>
</main></body></html>
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    mathjax = (ROOT / "node_modules" / "mathjax" / "es5" / "tex-svg-full.js").as_uri()
    (folder / "defects.html").write_text(PLANTED.format(mathjax=mathjax), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def planted_view(planted: Path) -> dict[str, Any]:
    view: dict[str, Any] = look_at(planted, planted / "report.json")["pages"]["defects.html"][0]
    return view


def test_planted_request_is_seen(planted_view: dict[str, Any]) -> None:
    assert requests(planted_view) == ["http://example.invalid/x.png"]


def test_planted_errors_are_seen(planted_view: dict[str, Any]) -> None:
    assert "planted error" in errors(planted_view)
    assert "Error: planted exception" in errors(planted_view)


def test_planted_maths_error_is_seen(planted_view: dict[str, Any]) -> None:
    assert any("undefinedmacro" in found for found in maths_errors(planted_view))


def test_planted_file_name_as_description_is_seen(planted_view: dict[str, Any]) -> None:
    (found,) = undescribed_images(planted_view)
    assert 'alt="x.png"' in found


def test_planted_broad_element_is_named(planted_view: dict[str, Any]) -> None:
    (found,) = planted_view["wide"]
    assert '<div id="broad"' in found


def test_planted_faint_text_is_seen(planted_view: dict[str, Any]) -> None:
    assert any("color-contrast" in found and "hardly there" in found for found in barriers(planted_view))


def test_planted_open_hint_is_seen(planted_view: dict[str, Any]) -> None:
    (found,) = planted_view["open"]
    assert "An open hint." in found
