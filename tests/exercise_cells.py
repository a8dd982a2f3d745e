"""The cells of an exercise in its chapter, for the tests."""

import ast
import re
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import jupytext

from course_gan.chapters import find
from course_gan.exercises import Exercise

GATE = re.compile(r"^```\{(exercise|solution)-(start|end)\}(.*?)^```$", re.MULTILINE | re.DOTALL)
NAME = re.compile(r":label: (\S+)|^ (\S+)$", re.MULTILINE)


@dataclass
class Cells:
    """What a chapter holds for one exercise; `markdown` is the text of its box, `words` that of its solution."""

    markdown: str = ""
    words: str = ""
    gates: list[str] = field(default_factory=list)
    stub: list[str] = field(default_factory=list)
    solution: list[str] = field(default_factory=list)
    check: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)  # solution cells that do not stand between the gates


@cache
def cells_of(chapter: str) -> dict[str, Cells]:
    """The exercises of a chapter by label."""
    found: dict[str, Cells] = {}
    current, inside = Cells(), ""
    for cell in jupytext.read(find(chapter).path).cells:
        if cell.cell_type == "code":
            for tag in {"stub", "solution", "check"} & set(cell.metadata.get("tags", [])):
                getattr(current, tag).append(cell.source)
                if tag == "solution" and inside != "solution":
                    current.outside.append(cell.source)
            continue
        end = 0
        for gate in GATE.finditer(cell.source):
            _add(current, inside, cell.source[end : gate.start()])
            kind, place, rest = gate.groups()
            if kind == "exercise" and place == "start":
                current = found.setdefault(NAME.search(rest).expand(r"\1"), Cells())
            inside, end = (kind if place == "start" else ""), gate.end()
            current.gates.append(gate.group())
        _add(current, inside, cell.source[end:])
    return found


def _add(cells: Cells, inside: str, text: str) -> None:
    if inside == "exercise":
        cells.markdown += text
    elif inside == "solution":
        cells.words += text


@cache
def _imports(chapter: str) -> str:
    """The import statements of a chapter: all that a stub or a solution may rely on."""
    lines = []
    for cell in jupytext.read(find(chapter).path).cells:
        if cell.cell_type == "code":
            lines += [ast.unparse(s) for s in ast.parse(cell.source).body if isinstance(s, ast.Import | ast.ImportFrom)]
    return "\n".join(lines)


def run_in_chapter(exercise: Exercise, sources: list[str]) -> dict[str, Any]:
    """The names that these cells define, after the chapter's imports."""
    names: dict[str, Any] = {}
    exec(_imports(exercise.chapter), names)
    for source in sources:
        exec(source, names)
    return names


def imported_names(chapter: str) -> set[str]:
    """The names that a chapter's own cells use from their imports."""
    body = ast.parse(_imports(chapter)).body
    return {alias.asname or alias.name for statement in body for alias in statement.names}
