"""The source code that a chapter shows: whole files, one function of them, or a range of lines."""

import ast
from collections.abc import Mapping
from pathlib import Path

import course_gan
from course_gan.myst.fences import Directive

PACKAGE = Path(course_gan.__file__).parent


def included(directive: Directive, chapter: Path) -> tuple[str, str]:
    """The lines that a `literalinclude` of this chapter asks for, and their language.

    Files of the package are found wherever it is installed; others lie where the chapter says.
    """
    given = Path(directive.argument)
    inside = given.parts[given.parts.index(PACKAGE.name) + 1 :] if PACKAGE.name in given.parts else None
    file = PACKAGE.joinpath(*inside) if inside else chapter.parent / given
    if not file.is_file():
        raise ValueError(f"{chapter.name} includes {directive.argument}, but there is no file {file}.")
    source = file.read_text(encoding="utf-8")
    if name := directive.options.get("pyobject"):
        source = _object_source(source, name, file)
    if span := directive.options.get("lines"):
        source = _lines(source, span)
    try:
        source = _between(source, directive.options)
    except ValueError as error:
        raise ValueError(f"{chapter.name} includes lines of {directive.argument}: {error}") from None
    return source, directive.options.get("language", "python" if file.suffix == ".py" else "")


def _object_source(source: str, name: str, file: Path) -> str:
    nodes: list[ast.stmt] = ast.parse(source).body
    found: ast.stmt | None = None
    for part in name.split("."):
        found = next((node for node in nodes if getattr(node, "name", None) == part), None)
        if found is None:
            raise ValueError(f"There is no function or class {name!r} in {file}.")
        nodes = getattr(found, "body", [])
    decorated = [decorator.lineno for decorator in getattr(found, "decorator_list", [])]
    first, last = min([found.lineno, *decorated]), found.end_lineno  # type: ignore[union-attr]
    return "\n".join(source.split("\n")[first - 1 : last])


def _lines(source: str, span: str) -> str:
    """The lines named as in "3-8, 12"."""
    lines, chosen = source.split("\n"), []
    for part in span.split(","):
        first, dash, last = part.strip().partition("-")
        chosen += lines[int(first) - 1 : int(last) if last else len(lines) if dash else int(first)]
    return "\n".join(chosen)


def _between(source: str, options: Mapping[str, str]) -> str:
    """From the first line with the text of `start-at` (or behind that of `start-after`) to that of `end-at`."""
    lines = source.split("\n")
    for key, beyond in (("start-at", 0), ("start-after", 1)):
        if text := options.get(key):
            lines = lines[_line_with(text, lines) + beyond :]
    for key, beyond in (("end-at", 1), ("end-before", 0)):
        if text := options.get(key):
            lines = lines[: _line_with(text, lines) + beyond]
    return "\n".join(lines)


def _line_with(text: str, lines: list[str]) -> int:
    for number, line in enumerate(lines):
        if text in line:
            return number
    raise ValueError(f"the text {text!r} is not in that file.")
