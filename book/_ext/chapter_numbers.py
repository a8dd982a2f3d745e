"""Sphinx extension: number theorems, figures, exercises and formulas by chapter: "Theorem 4.2", "Figure 4.3".

Sphinx numbers by chapter only where the headings have numbers too, and counts chapters by their place in the table of
contents.  Here the chapter's number is the one in its file's name, and no heading changes.
`course_gan.myst.references` numbers the student notebooks alike.
"""

import posixpath
import re
from typing import Any

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

# Of one page: kind ("figure", "theorem", "displaymath", …) -> id -> the parts of its number.
Numbers = dict[str, dict[str, tuple[int, ...]]]


def chapter_number(docname: str) -> tuple[int, ...]:
    """(4,) for book/04-optimal-discriminator, () for a page that is no chapter."""
    found = re.match(r"(\d\d)-", posixpath.basename(docname))
    return (int(found[1]),) if found else ()


def by_chapter(pages: dict[str, Numbers]) -> dict[str, Numbers]:
    """The numbers of all pages, from 1 in each chapter; pages that are no chapters share one count, without prefix."""
    counts: dict[tuple[tuple[int, ...], str], int] = {}
    numbered: dict[str, Numbers] = {}
    for page, kinds in pages.items():
        chapter = chapter_number(page)
        for kind, numbers in kinds.items():
            new = numbered.setdefault(page, {}).setdefault(kind, {})
            for target in sorted(numbers, key=lambda one: numbers[one]):  # in the order of the text
                counts[chapter, kind] = counts.get((chapter, kind), 0) + 1
                new[target] = (*chapter, counts[chapter, kind])
    return numbered


def number_by_chapter(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Replace the numbers that Sphinx has just given; titles and references are written from this table alone."""
    env.toc_fignumbers = by_chapter(env.toc_fignumbers)
    return []  # Sphinx has found already which pages must be written anew


def setup(app: Sphinx) -> dict[str, Any]:
    # Sphinx's own collector gives its numbers at the same event, with priority 500.
    app.connect("env-get-updated", number_by_chapter, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
