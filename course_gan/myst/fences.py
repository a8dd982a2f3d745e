"""Splits MyST Markdown into prose, plain code blocks and directives, with their options and nesting."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import yaml  # type: ignore[import-untyped]

OPENING = re.compile(r"^(?P<indent>[ \t]*)(?P<mark>`{3,}|~{3,}|:{3,})(?P<info>[^`]*)$")
DIRECTIVE = re.compile(r"^\{(?P<name>[\w:.+-]+)\}[ \t]*(?P<argument>.*)$")
OPTION = re.compile(r"^:(?P<key>[\w-]+):[ \t]*(?P<value>.*)$")

# The body of these is not Markdown, so it is left as it stands.
VERBATIM = frozenset(
    (
        *("code", "code-block", "code-cell", "sourcecode", "literalinclude", "raw", "eval-rst", "math", "image"),
        *("csv-table", "list-table", "toctree", "tableofcontents", "bibliography"),
    )
)


@dataclass
class Prose:
    """Lines of Markdown outside every fence."""

    lines: list[str]


@dataclass
class Code:
    """A fenced block without a directive, fence lines included."""

    lines: list[str]


@dataclass
class Directive:
    """One `{name} argument`, its options, and its body: as lines, and parsed unless the body is no Markdown.

    `number` is set when the references of a chapter are counted, such as "4.2"; it is empty where there is none.
    """

    name: str
    argument: str
    options: dict[str, str]
    body: list[str]
    indent: str = ""
    blocks: list["Block"] = field(default_factory=list)
    number: str = ""

    @property
    def label(self) -> str:
        """The name by which other places refer to this directive, or the empty string."""
        return self.options.get("label") or self.options.get("name") or ""


Block = Prose | Code | Directive


def parse(text: str) -> list[Block]:
    """The blocks of a piece of Markdown, in order; directives hold theirs in `blocks`."""
    blocks: list[Block] = []
    lines = text.split("\n") if text else []
    while lines:
        opening = OPENING.match(lines[0])
        if opening:
            inside, lines = _until_closed(lines[1:], opening["mark"])
            blocks.append(_fenced(opening, inside))
        elif blocks and isinstance(blocks[-1], Prose):
            blocks[-1].lines.append(lines.pop(0))
        else:
            blocks.append(Prose([lines.pop(0)]))
    return blocks


def walk(blocks: list[Block]) -> Iterator[Block]:
    """Every block, those inside of directives too, in the order of the text."""
    for block in blocks:
        yield block
        if isinstance(block, Directive):
            yield from walk(block.blocks)


def without(blocks: list[Block], unwanted: Callable[[Directive], bool]) -> list[Block]:
    """The same blocks less the directives that are unwanted, at any depth."""
    kept = [block for block in blocks if not (isinstance(block, Directive) and unwanted(block))]
    for block in kept:
        if isinstance(block, Directive):
            block.blocks = without(block.blocks, unwanted)
    return kept


def _until_closed(lines: list[str], mark: str) -> tuple[list[str], list[str]]:
    """The lines up to the closing fence, and those after it.  As in Markdown, the end of the text closes all."""
    closing = re.compile(rf"^[ \t]*{re.escape(mark[0])}{{{len(mark)},}}[ \t]*$")
    for n, line in enumerate(lines):
        if closing.match(line):
            return lines[:n], lines[n + 1 :]
    return lines, []


def _fenced(opening: re.Match[str], inside: list[str]) -> Block:
    indent = opening["indent"]
    inside = [line.removeprefix(indent) for line in inside]
    directive = DIRECTIVE.match(opening["info"].strip())
    if directive is None and opening["mark"].startswith(":"):
        # A colon fence without a name is a box around Markdown.
        return Directive("", "", {}, inside, indent, parse("\n".join(inside)))
    if directive is None:
        mark = opening["mark"]
        return Code([indent + line for line in [mark + opening["info"], *inside, mark]])
    options, body = _options(inside)
    name = directive["name"]
    blocks = [] if name in VERBATIM else parse("\n".join(body))
    return Directive(name, directive["argument"].strip(), options, body, indent, blocks)


def _options(inside: list[str]) -> tuple[dict[str, str], list[str]]:
    """The options at the head of a directive, written as `:key: value` lines or as a YAML block between `---`."""
    options: dict[str, str] = {}
    body = list(inside)
    if body and body[0].strip() == "---" and "---" in [line.strip() for line in body[1:]]:
        end = [line.strip() for line in body].index("---", 1)
        found = yaml.safe_load("\n".join(body[1:end])) or {}
        options = {str(key): str(value) for key, value in found.items()}
        body = body[end + 1 :]
    else:
        while body and (option := OPTION.match(body[0])):
            options[option["key"]] = option["value"].strip()
            body.pop(0)
    while body and not body[0].strip():
        body.pop(0)
    while body and not body[-1].strip():
        body.pop()
    return options, body
