r"""Formulas for notebook programs: the book's macros written out, display formulas with their alignment and number.

The pages of the book tell MathJax about macros such as `\KL`, and Sphinx wraps formulas of several lines.  A notebook
that is opened elsewhere has neither, so both are done here, in the text.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

MACRO_NAME = re.compile(r"\\(?:[a-zA-Z]+|.)", re.DOTALL)
ENVIRONMENTS = {"align": "aligned", "alignat": "aligned", "gather": "gathered", "multline": "gathered"}
DEEPEST = 20


@dataclass(frozen=True)
class Macro:
    """One macro of MathJax's configuration: text, number of arguments, and a default for the first one if optional."""

    text: str
    arguments: int = 0
    default: str | None = None


def macros_from(config: Mapping[str, Any]) -> dict[str, Macro]:
    """MathJax's `macros` table (`name: text` or `name: [text, arguments, default]`) as a dict by name."""
    macros = {}
    for name, value in config.items():
        parts = value if isinstance(value, list) else [value]
        default = str(parts[2]) if len(parts) > 2 else None
        macros[name] = Macro(str(parts[0]), int(parts[1]) if len(parts) > 1 else 0, default)
    return macros


def expand(formula: str, macros: Mapping[str, Macro], depth: int = 0) -> str:
    """The formula with every macro of the table written out, arguments and macros in macros included."""
    if depth > DEEPEST:
        raise ValueError(f"The macros in the formula {formula!r} call one another without end.")
    out, position = "", 0
    while position < len(formula):
        command = MACRO_NAME.match(formula, position)
        if command is None:
            out += formula[position]
            position += 1
            continue
        position = command.end()
        macro = macros.get(command[0][1:])
        if macro is None:
            out = _joined(out, command[0])
            continue
        arguments, position = _arguments(formula, position, macro)
        # A function as replacement: the text is full of backslashes that are no escapes.
        text = re.sub(r"#(\d)", lambda m, a=arguments: _spaced(a, m), macro.text)  # type: ignore[misc]
        out = _joined(out, expand(text, macros, depth + 1))
        if re.search(r"\\[a-zA-Z]+$", out) and formula[position : position + 1].isalpha():
            out += " "
    return out


def display(formula: str, number: str = "", indent: str = "") -> str:
    """A display formula between `$$`, aligned as Sphinx aligns it, with its number as a tag."""
    body = _plain_environment(re.sub(r"(?<!\\)%.*", "", formula))
    lines = [line.strip() for line in body.split("\n") if line.strip()]
    if re.search(r"\\\\|(?<!\\)&", _outside_environments(body)):
        lines = ["\\begin{aligned}", *lines, "\\end{aligned}"]
    if number:
        lines[-1] += rf" \tag{{{number}}}"
    return f"\n{indent}".join(["$$", *lines, "$$"])


def on_one_line(text: str) -> str:
    """The text with each display formula on a line of its own: inside a quote the marks `>` would get into it."""
    return re.sub(r"\$\$\s*\n(.+?)\n\s*\$\$", lambda m: f"$${' '.join(m[1].split())}$$", text, flags=re.DOTALL)


def _plain_environment(formula: str) -> str:
    """Inside `$$`, `equation` has no meaning, and environments that are displays themselves need their inner forms."""
    body = re.sub(r"\\(begin|end)\{equation\*?\}", "", formula).strip()
    for outer, inner in ENVIRONMENTS.items():
        body = re.sub(rf"\\(begin|end)\{{{outer}\*?\}}", rf"\\\1{{{inner}}}", body)
    return body


def _outside_environments(formula: str) -> str:
    r"""The formula less all that stands between a `\begin` and its `\end`."""
    innermost = re.compile(r"\\begin\{(\w+\*?)\}(?:(?!\\begin).)*?\\end\{\1\}", re.DOTALL)
    while innermost.search(formula):
        formula = innermost.sub("", formula)
    return formula


def _arguments(formula: str, position: int, macro: Macro) -> tuple[list[str], int]:
    """The arguments that follow a macro, and where the formula goes on."""
    found = []
    wanted = macro.arguments
    if macro.default is not None and wanted:
        optional = re.compile(r"\s*\[([^\]]*)\]").match(formula, position)
        found.append(optional[1] if optional else macro.default)
        position = optional.end() if optional else position
        wanted -= 1
    for _ in range(wanted):
        position += len(formula[position:]) - len(formula[position:].lstrip())
        argument, position = _one_argument(formula, position)
        found.append(argument)
    return found, position


def _one_argument(formula: str, position: int) -> tuple[str, int]:
    """A group in braces (without them), one command, or one character."""
    if formula[position : position + 1] != "{":
        token = MACRO_NAME.match(formula, position)
        end = token.end() if token else position + 1
        return formula[position:end], end
    depth, end = 0, position
    for brace in re.finditer(r"\\.|[{}]", formula[position:]):
        depth += {"{": 1, "}": -1}.get(brace[0], 0)
        if depth == 0:
            end = position + brace.end()
            return formula[position + 1 : end - 1], end
    raise ValueError(f"A brace is never closed in the formula {formula!r}.")


def _spaced(arguments: list[str], place: re.Match[str]) -> str:
    """One argument for its place `#n`, kept apart from a command that stands right before it."""
    argument = arguments[int(place[1]) - 1]
    before = place.string[: place.start()]
    return f" {argument}" if re.search(r"\\[a-zA-Z]+$", before) and argument[:1].isalpha() else argument


def _joined(before: str, after: str) -> str:
    """Two pieces of a formula, with a space where a command would otherwise swallow the letter behind it."""
    return f"{before} {after}" if re.search(r"\\[a-zA-Z]+$", before) and after[:1].isalpha() else before + after
