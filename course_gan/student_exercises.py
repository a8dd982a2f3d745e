"""The exercises of a chapter one by one, as a learner may see them: text, stub and check, to be put together anew."""

from dataclasses import dataclass, field, replace

from nbformat import NotebookNode

from course_gan.chapters import Chapter
from course_gan.myst.fences import Block, Directive
from course_gan.student import markdown_cells, opened


@dataclass
class Part:
    """One exercise out of its chapter: its text as Markdown cells, and the sources of its stub and its check.

    `chapter` is its chapter's number, linked to where the chapter can be read.
    """

    chapter: str = ""
    text: list[NotebookNode] = field(default_factory=list)
    stub: str = ""
    check: str = ""


def exercise_parts(chapter: Chapter) -> dict[str, Part]:
    """The exercises of a chapter by id, without hints and solutions; references say of which chapter they speak."""
    sources, context = opened(chapter)
    address = context.address_of(chapter.id)
    link = f"[chapter {chapter.number}]({address})" if address else f"chapter {chapter.number}"
    context = replace(context, elsewhere=f" of {link}")
    parts: dict[str, Part] = {}
    current, inside = Part(), False
    for cell, blocks in sources:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code":
            current.stub = cell.source if "stub" in tags else current.stub
            current.check = cell.source if "check" in tags else current.check
            continue
        box: list[Block] = []
        for block in blocks:
            gate = block.name if isinstance(block, Directive) else ""
            if isinstance(block, Directive) and gate == "exercise-start":
                current, inside, box = parts.setdefault(block.label, Part(link)), True, []
            elif gate == "exercise-end":
                current.text += markdown_cells(box, context)
                inside, box = False, []
            elif inside:
                box.append(block)
        if inside:
            raise ValueError(f"{chapter.path}: an exercise-start has no exercise-end in the same piece of text.")
    return parts
