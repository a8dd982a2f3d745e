"""The sources of the book, without building it: what Sphinx would not notice."""

import json
import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
PAGES = sorted(BOOK.glob("*.md"))
CONFIG = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
MACROS = CONFIG["sphinx"]["config"]["mathjax3_config"]["tex"]["macros"]

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def test_every_page_is_in_the_table_of_contents() -> None:
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text(encoding="utf-8"))
    listed = [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]
    assert sorted(listed) == [f"book/{page.stem}" for page in PAGES]


@pytest.mark.parametrize("macro", MACROS)
def test_macro_is_explained_on_the_notation_page(macro: str) -> None:
    cell = re.compile(rf"\| `\\{macro}[ {{`]")
    assert cell.search(text_of(BOOK / "notation.md")), f"\\{macro} is missing from the table of macros"


def test_notation_page_explains_no_other_macro() -> None:
    explained = re.findall(r"\| `\\(\w+)", text_of(BOOK / "notation.md"))
    assert sorted(explained) == sorted(MACROS)


@every_page
def test_macros_with_arguments_get_them(page: Path) -> None:
    # \KL(p, q) is typeset without an error, as nonsense.
    taking = "|".join(name for name, value in MACROS.items() if isinstance(value, list))
    text = re.sub(r"`[^`\n]*`", "", text_of(page))
    assert re.findall(rf"\\(?:{taking})\b(?!\{{)[^\n]{{0,20}}", text) == []


def swallowing_lines(text: str) -> list[str]:
    """Lines meant to open a fence that open none, for their rest holds a backtick: what follows is swallowed."""
    return re.findall(r"^[ \t>]*`{3,}[^`\n]+`.*", text, re.MULTILINE)


@every_page
def test_no_fence_of_backticks_has_a_backtick_behind_it(page: Path) -> None:
    assert swallowing_lines(text_of(page)) == [], "use a fence of colons, or move the role into the text"


def test_the_search_for_such_fences_finds_them_alone() -> None:
    assert swallowing_lines("a\n```{prf:theorem} {cite}`x`\n") == ["```{prf:theorem} {cite}`x`"]
    assert swallowing_lines("````{note} Title\n```python\n```\n````\n:::{note} {cite}`x`\n``a`` and `b`\n") == []


@every_page
def test_page_does_not_repeat_the_address_of_the_repository(page: Path) -> None:
    assert CONFIG["repository"]["url"] not in text_of(page), "write {{ project }}: _config.yml alone has the address"


@every_page
def test_page_holds_no_outputs_and_no_leftovers(page: Path) -> None:
    assert not re.search(r"TODO|FIXME|XXX|lorem ipsum|data:image", text_of(page), re.IGNORECASE)


def test_every_reference_of_the_bibliography_is_cited() -> None:
    keys = re.findall(r"^@\w+\{(\w+),", text_of(BOOK / "references.bib"), re.MULTILINE)
    cited = {
        key
        for page in PAGES
        for keys in re.findall(r"\{cite[:\w]*\}`([^`]+)`", text_of(page))
        for key in keys.split(",")
    }
    assert len(keys) == len(set(keys))
    assert sorted(set(keys) - {key.strip() for key in cited}) == []


def test_npm_packages_are_pinned_exactly() -> None:
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    pins = {**package["dependencies"], **package["devDependencies"]}
    assert set(pins) == {"mathjax", "playwright-core", "axe-core"}
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in pins.values())
    assert package["private"] is True


def test_mathjax_is_a_local_file() -> None:
    config = CONFIG["sphinx"]["config"]
    assert not re.match(r"\w+:|//", config["mathjax_path"])
    assert "noundefined" in config["mathjax3_config"]["tex"]["packages"]["[-]"]


@pytest.mark.parametrize("name", ["course.css", "course.js"])
def test_static_files_load_nothing(name: str) -> None:
    assert not re.search(r"https?:|//\w+\.|@import|url\(|fetch\(|import\(", text_of(BOOK / "_static" / name))
