"""What the book numbers has its chapter's number in front, on the pages, in references and in the student notebooks."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from chapter_numbers import by_chapter, chapter_number

from course_gan.chapters import read
from course_gan.student import student_notebook
from tests.notebooks.planted import FRONT_MATTER

EXTENSIONS = "myst_parser,sphinx_proof,sphinx_exercise,chapter_numbers"
CONFIG = f"extensions = {EXTENSIONS.split(',')}\nmyst_enable_extensions = ['dollarmath']\n"
CONFIG += "numfig_format = {'figure': 'Figure %s'}\nroot_doc = 'index'\n"
INDEX = """
# The book

```{figure} a.png
:name: fig-cover

The cover.
```

```{toctree}
before
02-first
04-second
after
```
"""
OTHER = """
# No chapter

```{figure} a.png
:name: fig-NAME

A picture.
```
"""
CHAPTER = """
# Chapter NAME

```{figure} a.png
:name: fig-NAME

A picture.
```

```{prf:lemma}
:label: lem-NAME

A lemma.
```

```{prf:theorem} First
:label: thm-NAME-first

A theorem.
```

```{prf:theorem} Second
:label: thm-NAME

A theorem.
```

$$
a = b
$$ (eq-NAME)

```{exercise-start} Title
:label: ex-NAME
```
Do it.
```{exercise-end}
```

```{solution-start} ex-NAME
```
A formula of the solution:

$$
b = a
$$ (eq-NAME-solution)

```{solution-end}
```

$$
c = d
$$ (eq-NAME-last)
"""
REFERENCES = """
See: {prf:ref}`thm-one`; {prf:ref}`lem-two`; {numref}`fig-one`; {numref}`panel %s <fig-two>`;
{eq}`eq-one`; {eq}`eq-two-last`; {ref}`ex-one`; {ref}`ex-two`.
"""
SEEN = "See: Theorem 2.2; Lemma 4.1; Figure 2.1; panel 4.1; (2.1); (4.3); Exercise 2.1; Exercise 4.1."


class Words(HTMLParser):
    """The text of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def handle_data(self, data: str) -> None:
        self.parts.append(data)


def words(page: str) -> str:
    parser = Words()
    parser.feed(page)
    return " ".join("".join(parser.parts).split())


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small book: a cover, two chapters and a page on either side of them."""
    book: Path = tmp_path_factory.mktemp("numbers") / "book"
    book.mkdir()
    (book / "conf.py").write_text(CONFIG, encoding="utf-8")
    (book / "a.png").write_bytes(b"\x89PNG")
    (book / "index.md").write_text(INDEX, encoding="utf-8")
    for name in ("before", "after"):
        (book / f"{name}.md").write_text(OTHER.replace("NAME", name), encoding="utf-8")
    for file, name in (("02-first", "one"), ("04-second", "two")):
        text = FRONT_MATTER + CHAPTER.replace("NAME", name) + REFERENCES
        (book / f"{file}.md").write_text(text, encoding="utf-8")
    return book


@pytest.fixture(scope="module")
def html(source: Path) -> Path:
    folder = source.parent / "html"
    extensions = Path(__file__).parents[2] / "book" / "_ext"
    environment = os.environ | {"PYTHONPATH": str(extensions)}
    command = [sys.executable, "-m", "sphinx", "-W", "-n", "-q", "-b", "html", str(source), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


def test_the_number_of_a_chapter_is_that_in_the_name_of_its_file() -> None:
    assert chapter_number("book/04-optimal-discriminator") == (4,)
    assert chapter_number("12-measuring") == (12,)
    assert chapter_number("book/library") == chapter_number("book/2024-news") == ()


def test_each_kind_is_counted_from_one_in_each_chapter_in_the_order_of_the_text() -> None:
    through_the_book = {
        "index": {"figure": {"cover": (1,)}},
        "book/02-a": {"figure": {"y": (10,), "x": (9,)}, "theorem": {"t": (1,)}},
        "book/03-b": {"figure": {"z": (11,)}, "theorem": {"u": (2,)}},
        "book/after": {"figure": {"w": (12,)}},
    }
    assert by_chapter(through_the_book) == {
        "index": {"figure": {"cover": (1,)}},
        "book/02-a": {"figure": {"x": (2, 1), "y": (2, 2)}, "theorem": {"t": (2, 1)}},
        "book/03-b": {"figure": {"z": (3, 1)}, "theorem": {"u": (3, 1)}},
        "book/after": {"figure": {"w": (2,)}},
    }
    assert by_chapter(by_chapter(through_the_book)) == by_chapter(through_the_book)


@pytest.mark.parametrize("page", ["02-first", "04-second"])
def test_references_on_a_page_have_the_numbers_of_the_chapters_they_point_to(html: Path, page: str) -> None:
    assert SEEN in words((html / f"{page}.html").read_text(encoding="utf-8"))


def test_things_on_a_page_have_the_numbers_that_references_to_them_have(html: Path) -> None:
    page = (html / "04-second.html").read_text(encoding="utf-8")
    for head in ("Lemma 4.1", "Theorem 4.1 (First)", "Theorem 4.2 (Second)", "Exercise 4.1 (Title)", "Figure 4.1"):
        assert head in words(page)
    assert re.findall(r'class="eqno">\(([^)]*)\)<', page) == ["4.1", "4.2", "4.3"]


def test_pages_that_are_no_chapters_share_one_count(html: Path) -> None:
    for page, number in (("index", 1), ("before", 2), ("after", 3)):
        assert f"Figure {number}" in words((html / f"{page}.html").read_text(encoding="utf-8"))


@pytest.mark.parametrize("page", ["02-first", "04-second"])
def test_student_notebook_has_the_numbers_of_the_page(source: Path, page: str) -> None:
    cells = student_notebook(read(source / f"{page}.md")).cells
    text = " ".join(" ".join(cell.source for cell in cells).split())
    assert SEEN in text
    number = int(page[:2])
    assert f"**Theorem {number}.2 (Second).**" in text
    assert f"### Exercise {number}.1: Title" in text
    assert re.findall(r"\\tag\{(.*?)\}", text) == [f"{number}.1", f"{number}.3"]  # the solution is left out
