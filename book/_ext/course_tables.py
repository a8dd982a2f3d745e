"""Sphinx extension: the tables made from the chapters, their runs and the syllabus: plan, lecture map, how it ran."""

from pathlib import Path
from typing import Any, TypedDict

import runs
import yaml
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from course_gan.chapters import all_chapters

SYLLABUS = Path("book/_data/syllabus.yml")


class Item(TypedDict):
    """One row of the syllabus: the items of the lectures that teach the same thing, and the chapters planned for it."""

    ids: list[str]
    chapters: list[int]
    text: str


class Plan(TypedDict):
    """A chapter as planned."""

    title: str
    promise: str


class Syllabus(TypedDict):
    """The file book/_data/syllabus.yml."""

    lectures: dict[str, str]
    chapters: dict[int, Plan]
    items: list[Item]


def read_syllabus(root: Path) -> Syllabus:
    """Read the syllabus of the checkout at `root`."""
    syllabus: Syllabus = yaml.safe_load((root / SYLLABUS).read_text(encoding="utf-8"))
    return syllabus


def covered(root: Path) -> dict[str, list[str]]:
    """For each lecture item, the links to the finished chapters that name it in their front matter."""
    found: dict[str, list[str]] = {}
    for chapter in all_chapters(root / "book"):
        for item in chapter.lectures:
            found.setdefault(item, []).append(f"[{chapter.number} · {chapter.title}](/book/{chapter.id}.md)")
    return found


def row(*cells: str) -> str:
    """One row of a Markdown table."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def lecture_map(root: Path) -> list[str]:
    """A table for each lecture: item, what is taught, and the chapter, finished or planned."""
    syllabus, finished, lines = read_syllabus(root), covered(root), []
    for letter, name in syllabus["lectures"].items():
        rows = [(item_id, item) for item in syllabus["items"] for item_id in item["ids"] if item_id[0] == letter]
        lines += [
            f"## Lecture {letter}: {name}",
            "",
            row("item", "what is taught", "chapter"),
            row("---", "---", "---"),
        ]
        for item_id, item in sorted(rows, key=lambda pair: int(pair[0][1:])):
            planned = [f"{number}, not yet written" for number in item["chapters"]]
            where = "; ".join(finished.get(item_id, planned))
            lines.append(row(f"[{item_id}]{{#lecture-{item_id.lower()}}}", item["text"], where))
        lines.append("")
    return lines


def course_plan(root: Path) -> list[str]:
    """The planned chapters; those that exist are links."""
    written, lines = {chapter.number: chapter for chapter in all_chapters(root / "book")}, []
    for number, plan in read_syllabus(root)["chapters"].items():
        if number in written:
            heading = f"**[{plan['title']}](/book/{written[number].id}.md)** – finished."
        else:
            heading = f"**{plan['title']}** – not yet written."
        lines += [f"{number}. {heading}", f"   {plan['promise']}"]
    return lines


def how_it_ran(root: Path) -> list[str]:
    """One row for each chapter: how long its last run took, on what, and with which versions."""
    lines = [row("chapter", "seconds", "on", "threads", "scale", "date"), row("---", "--:", "---", "--:", "---", "---")]
    versions = []
    for chapter in all_chapters(root / "book"):
        record = runs.read_record(chapter.id, root)
        if record is None:
            lines.append(row(chapter.title, "not run", "–", "–", "–", "–"))
            continue
        device = record.machine if record.device == "cpu" else f"{record.device}; {record.machine}"
        day = record.day()
        link = f"[{chapter.number} · {chapter.title}](/book/{chapter.id}.md)"
        lines.append(row(link, f"{record.seconds:.1f}", device, str(record.threads), record.scale, day))
        used = {"Python": record.python, "torch": record.torch, "course_gan": record.course_gan, **record.versions}
        versions.append((link, ", ".join(f"{name} {version}" for name, version in used.items())))
    lines += ["", row("chapter", "versions"), row("---", "---"), *(row(*pair) for pair in versions)]
    return lines


TABLES = {"lecture-map": lecture_map, "course-plan": course_plan, "how-it-ran": how_it_ran}


class CourseTable(SphinxDirective):
    """The directive `{lecture-map}`, `{course-plan}` or `{how-it-ran}`: no argument, no content."""

    def run(self) -> list[nodes.Node]:
        lines = TABLES[self.name](Path(self.env.srcdir))
        self.env.note_dependency(str(SYLLABUS))
        # Other documents decide what stands here: read this page again at every build (it is small).
        self.env.note_reread()
        node = nodes.Element()
        node.document = self.state.document
        self.state.nested_parse(StringList(lines, source=self.get_source_info()[0]), self.content_offset, node)
        return node.children


def setup(app: Sphinx) -> dict[str, Any]:
    for name in TABLES:
        app.add_directive(name, CourseTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
