"""The notebook that a learner works in: the chapter without hints and solutions, for any notebook program."""

import base64
import mimetypes
import re
from functools import cache
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from course_gan.chapters import Chapter, all_chapters, book_config, package_source, read, setting
from course_gan.myst import tex
from course_gan.myst.fences import Block, Directive, parse, without
from course_gan.myst.inline import Context, plain
from course_gan.myst.references import Numbering, Target, read_bibliography
from course_gan.myst.render import caption, render

HIDING_TAGS = frozenset(["hide-input", "hide-cell", "remove-input", "remove-cell"])
# Untyped.
new: Any = nbformat.v4
Source = tuple[NotebookNode, list[Block]]  # a cell, and its Markdown parsed
PAGE_TAGS = HIDING_TAGS | {"hide-output", "remove-output", "picture", "full-width", "margin"}


def student_notebook(chapter: Chapter | Path | str) -> NotebookNode:
    """The student notebook of a chapter, the same bytes on each run.

    Left out are hints, everything between the gates of a solution, and cells tagged `solution`; stubs and checks stay.
    """
    if not isinstance(chapter, Chapter):
        chapter = read(Path(chapter))
    sources, context = opened(chapter)
    cells: list[NotebookNode] = []
    for source, blocks in sources:
        cells += _code_cells(source, context) if source.cell_type == "code" else markdown_cells(blocks, context)
    return notebook_of(_with_introduction(cells, chapter), chapter.id, {"chapter": chapter.id})


def notebook_of(cells: list[NotebookNode], name: str, about: dict[str, Any]) -> NotebookNode:
    """A notebook of these cells, with ids made from the name; `about` is what `course-gan check` reads of it."""
    for n, cell in enumerate(cells):
        cell.id = f"{name}-{n:03d}"[-64:]
    metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "course_gan": about,
    }
    notebook: NotebookNode = new.new_notebook(cells=cells, metadata=metadata)
    return notebook


def write_text(notebook: NotebookNode) -> str:
    """The text of an `.ipynb` file."""
    return str(new.nbjson.writes(notebook)).rstrip("\n") + "\n"


def _is_hint_or_solution(directive: Directive) -> bool:
    if directive.name in ("hint", "solution"):
        return True
    boxes = ("dropdown", "admonition", "tip", "note")
    return directive.name in boxes and bool(re.match(r"(hint|solution)s?\b", directive.argument, re.IGNORECASE))


def opened(chapter: Chapter) -> tuple[list[Source], Context]:
    """The cells of a chapter that a learner may see, and what its text refers to."""
    sources = _read(chapter.path.read_text(encoding="utf-8"))
    # Counted before anything is left out, so that the numbers are those of the page.
    context = _context(chapter, _numbering(sources, chapter))
    return _without_solutions(sources), context


def _read(text: str) -> list[Source]:
    """The cells of a chapter, Markdown parsed."""
    cells = jupytext.reads(text, fmt="md:myst").cells
    return [(cell, parse(cell.source) if cell.cell_type == "markdown" else []) for cell in cells]


def _without_solutions(sources: list[Source]) -> list[Source]:
    """The cells that a learner may see.  The gates of a solution may stand in different cells."""
    kept = []
    inside = False
    for cell, parsed in sources:
        blocks: list[Block] = []
        if cell.cell_type == "markdown":
            for block in parsed:
                name = block.name if isinstance(block, Directive) else ""
                inside = name == "solution-start" or (inside and name != "solution-end")
                if not inside and name != "solution-end":
                    blocks.append(block)
            blocks = without(blocks, _is_hint_or_solution)
        elif inside or "solution" in cell.metadata.get("tags", []):
            continue
        kept.append((cell, blocks))
    if inside:
        raise ValueError("A solution-start has no solution-end after it, so the rest of the chapter would be left out.")
    return kept


def _numbering(sources: list[Source], chapter: Chapter) -> Numbering:
    """Number all that the chapter numbers: its directives, and the figures of its code cells."""
    numbering = Numbering(f"{chapter.number}." if chapter.number else "")
    for cell, blocks in sources:
        numbering.read(blocks)
        if figure := setting(cell.metadata, "mystnb.figure"):
            cell.metadata["number"] = numbering.figure(figure.get("name", ""), figure.get("caption", ""))
    return numbering


def targets(chapter: Chapter) -> dict[str, Target]:
    """What can be referred to in a chapter, by label."""
    return _targets(chapter, chapter.path.read_text(encoding="utf-8"))


@cache  # every chapter asks for all of them
def _targets(chapter: Chapter, text: str) -> dict[str, Target]:
    return _numbering(_read(text), chapter).targets


def _context(chapter: Chapter, numbering: Numbering) -> Context:
    """Numbers, titles, cited works and macros that the text of this chapter refers to."""
    others: dict[str, Target] = {}
    for other in all_chapters(chapter.path.parent):
        others |= targets(other)
    folder = chapter.path.parent
    config = book_config(folder)
    macros = setting(config, "sphinx.config.mathjax3_config.tex.macros") or {}

    def file_of(page: str) -> Path:
        return folder / (page if page.endswith((".md", ".ipynb")) else f"{page}.md")

    def title_of(page: str) -> str:
        file = file_of(page)
        title = re.search(r"^# (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE) if file.is_file() else None
        return title[1].strip() if title else page

    def address_of(page: str) -> str:
        file, repository = file_of(page), setting(config, "repository.url")
        branch = setting(config, "repository.branch") or "main"
        return f"{repository}/blob/{branch}/book/{file.name}" if repository and file.is_file() else ""

    return Context(
        chapter=chapter.path,
        targets=others | numbering.targets,
        own=frozenset(numbering.targets),
        works=read_bibliography(folder / "references.bib"),
        macros=tex.macros_from(macros),
        title_of=title_of,
        address_of=address_of,
    )


def markdown_cells(blocks: list[Block], context: Context) -> list[NotebookNode]:
    """One cell for each heading, so that a notebook program can fold and outline the text."""
    cells = []
    for text in _split_at_headings(render(blocks, context)):
        cell = new.new_markdown_cell(text)
        used = {name: data for name, data in context.pictures.items() if f"attachment:{name}" in text}
        if used:
            cell.attachments = {name: _attachment(name, data) for name, data in used.items()}
        cells.append(cell)
    context.pictures.clear()
    return cells


def _attachment(name: str, data: bytes) -> dict[str, str]:
    kind = mimetypes.guess_type(name)[0] or "image/png"
    return {kind: base64.b64encode(data).decode("ascii")}


def _split_at_headings(text: str) -> list[str]:
    parts, fence = [""], ""
    for line in text.split("\n"):
        mark = re.match(r"[ \t]*(`{3,}|~{3,})", line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip() == fence:
            fence = ""
        if not fence and re.match(r"#{1,3} ", line):
            parts.append("")
        parts[-1] += line + "\n"
    return [part.strip("\n") for part in parts if part.strip()]


def _code_cells(source: NotebookNode, context: Context) -> list[NotebookNode]:
    """The cell without what only the page needs, and its caption in a Markdown cell below."""
    tags = list(source.metadata.get("tags", []))
    metadata: dict[str, Any] = {}
    if kept := [tag for tag in tags if tag not in PAGE_TAGS]:
        metadata["tags"] = kept
    if HIDING_TAGS & set(tags):
        metadata["jupyter"] = {"source_hidden": True}
    cells = [new.new_code_cell(source.source, metadata=metadata)]
    if figure := setting(source.metadata, "mystnb.figure"):
        words = plain(str(figure.get("caption", "")), context)
        cells.append(new.new_markdown_cell(caption(source.metadata["number"], words)))
    return cells


def _with_introduction(cells: list[NotebookNode], chapter: Chapter) -> list[NotebookNode]:
    """What this file is and how it is checked, under the title; then a cell that installs the package if need be."""
    repository = setting(book_config(chapter.path.parent), "repository.url")
    book = setting(book_config(chapter.path.parent), "html.baseurl") or repository
    course = f"[the course]({book})" if book else "the course"
    note = (
        f"> This is your copy of chapter {chapter.number} of {course}: the text, and a place for your answer to each "
        "exercise.\n"
        "> The page in the book has a hint and a solution for each, folded away until you open them.\n"
        "> Run the cells in order; the cell below each exercise tells you at once how your answer does.\n"
        f"> To check all of them at once, save this file and type `course-gan check {chapter.id}.ipynb` in a terminal."
    )
    title, _, rest = cells[0].source.partition("\n")
    cells[0].source = f"{title}\n\n{note}\n{rest}".rstrip("\n")
    setup = setup_cell(package_source(book_config(chapter.path.parent)))
    first_code = next((n for n, cell in enumerate(cells) if cell.cell_type == "code"), len(cells))
    return [*cells[:first_code], setup, *cells[first_code:]]


def setup_cell(source: str) -> NotebookNode:
    """The cell that installs the package from there if need be."""
    cell: NotebookNode = new.new_code_cell(
        "# The package of the course. This installs it where it is missing, as on Colab, and does nothing elsewhere.\n"
        f'try:\n    import course_gan\nexcept ImportError:\n    %pip install --quiet "{source}"'
    )
    return cell
