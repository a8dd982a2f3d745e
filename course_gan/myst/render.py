"""MyST Markdown as plain Markdown: what each directive of the book looks like in a notebook program without MyST."""

import re
from collections.abc import Callable

from course_gan.myst import tex
from course_gan.myst.fences import Block, Code, Directive, Prose
from course_gan.myst.include import included
from course_gan.myst.inline import Context, picture, plain
from course_gan.myst.references import NUMBERED_PROOFS, TARGET

Renderer = Callable[[Directive, Context], str]
DROPPED_LINE = re.compile(r"^[ \t]*(%.*|\{[.#][^}]*\}[ \t]*)$")


def render(blocks: list[Block], context: Context) -> str:
    """The blocks of one piece of the chapter as plain Markdown."""
    parts = []
    for block in blocks:
        if isinstance(block, Code):
            parts.append("\n".join(block.lines))
        elif isinstance(block, Prose):
            parts.append(_prose(block, context))
        else:
            text = DIRECTIVES.get(block.name, _body)(block, context)
            parts.append(_indented(text, block.indent))
    return "\n\n".join(part for part in (part.strip("\n") for part in parts) if part.strip())


def _prose(prose: Prose, context: Context) -> str:
    lines = [line for line in prose.lines if not TARGET.match(line.strip()) and not DROPPED_LINE.match(line)]
    return plain(re.sub(r"\n{3,}", "\n\n", "\n".join(lines)), context)


def _body(directive: Directive, context: Context) -> str:
    """A directive that means nothing special here: its title in bold, and what is inside."""
    title = f"**{plain(directive.argument, context)}**\n\n" if directive.blocks and directive.argument else ""
    return title + (render(directive.blocks, context) if directive.blocks else "")


def _indented(text: str, indent: str) -> str:
    return "\n".join(indent + line if line else line for line in text.split("\n"))


def _quote(text: str) -> str:
    lines = tex.on_one_line(text).split("\n")
    return "\n".join(f"> {line}".rstrip() for line in lines)


def _nothing(directive: Directive, context: Context) -> str:
    return ""


def _math(directive: Directive, context: Context) -> str:
    formula = "\n".join(filter(None, [directive.argument, *directive.body]))
    target = context.targets.get(directive.label)
    return tex.display(tex.expand(formula, context.macros), target.number if target else "")


def _theorem(directive: Directive, context: Context) -> str:
    kind = directive.name.removeprefix("prf:").capitalize()
    number = f" {directive.number}" if directive.number else ""
    title = f" ({plain(directive.argument, context)})" if directive.argument else ""
    # Quoted, because nothing else would show where the statement ends.
    return _quote(_after(f"**{kind}{number}{title}.**", render(directive.blocks, context)))


def _proof(directive: Directive, context: Context) -> str:
    text = _after("*Proof.*", render(directive.blocks, context))
    # The end mark stands behind the last word, but not behind a formula, a list or a block.
    last = text.rsplit("\n", 1)[-1]
    return text + ("\n\n∎" if re.match(r"\s*(\$\$|```|>|[-*+] |\d+\. |\||<)", last) else " ∎")


def _after(head: str, text: str) -> str:
    """A run-in head before a text; on a line of its own where the text starts with a block."""
    return f"{head} {text}" if re.match(r"(?!\d+\. |\* )[^$\s>|<`#-]|\$[^$]|`[^`]", text) else f"{head}\n\n{text}"


def _admonition(directive: Directive, context: Context) -> str:
    given = plain(directive.argument, context)
    word = "" if directive.name in ("admonition", "topic", "sidebar", "margin") else directive.name.capitalize()
    word = "See also" if word == "Seealso" else word
    title = f"{word}: {given}" if word and given else word or given
    text = render(directive.blocks, context)
    return _quote(f"**{title}**\n\n{text}" if title else text)


def _dropdown(directive: Directive, context: Context) -> str:
    title = plain(directive.argument, context) or "Details"
    # The blank lines make the inside Markdown again; a formula on one line is safe there in every program.
    inside = tex.on_one_line(render(directive.blocks, context))
    return f"<details>\n<summary>{title}</summary>\n\n{inside}\n\n</details>"


def _exercise(directive: Directive, context: Context) -> str:
    title = plain(directive.argument, context)
    if not title:
        return _body(directive, context)
    return f"### {f'Exercise {directive.number}'.strip()}: {title}\n\n{render(directive.blocks, context)}"


def _figure(directive: Directive, context: Context) -> str:
    shown = picture(directive.argument, directive.options.get("alt", ""), context)
    if directive.name == "image":
        return shown
    return f"{shown}\n\n{caption(directive.number, render(directive.blocks, context))}"


def caption(number: str, text: str) -> str:
    """The line under a figure, in italics."""
    words = " ".join(text.split())
    return f"*Figure {number}. {words}*" if words else f"*Figure {number}.*"


def _code(directive: Directive, context: Context) -> str:
    language = directive.argument.split()[-1] if directive.argument else "python"
    return _fenced_code("\n".join(directive.body), language.replace("ipython3", "python"))


def _fenced_code(code: str, language: str) -> str:
    longest = max((len(ticks) for ticks in re.findall(r"`{3,}", code)), default=2)
    fence = "`" * (longest + 1)
    return f"{fence}{language}\n{code.strip(chr(10))}\n{fence}"


def _include(directive: Directive, context: Context) -> str:
    code, language = included(directive, context.chapter)
    return _fenced_code(code, language)


def _list_table(directive: Directive, context: Context) -> str:
    """A table of nested lists: rows `* - a`, further cells `  - b`."""
    rows: list[list[str]] = []
    for line in directive.body:
        if row := re.match(r"^[*-][ \t]+-[ \t]*(.*)$", line):
            rows.append([row[1]])
        elif rows and (cell := re.match(r"^[ \t]+-[ \t]*(.*)$", line)):
            rows[-1].append(cell[1])
        elif rows and line.strip():
            rows[-1][-1] += f" {line.strip()}"
    written = ["| " + " | ".join(plain(cell, context) for cell in row) + " |" for row in rows]
    if not written:
        return ""
    title = f"**{plain(directive.argument, context)}**\n\n" if directive.argument else ""
    return title + "\n".join([written[0], "|" + " --- |" * len(rows[0]), *written[1:]])


# What is not listed keeps its title and what is inside.
DIRECTIVES: dict[str, Renderer] = {
    "admonition": _admonition,
    "attention": _admonition,
    "caution": _admonition,
    "danger": _admonition,
    "error": _admonition,
    "important": _admonition,
    "margin": _admonition,
    "note": _admonition,
    "seealso": _admonition,
    "sidebar": _admonition,
    "tip": _admonition,
    "topic": _admonition,
    "warning": _admonition,
    "dropdown": _dropdown,
    "exercise": _exercise,
    "exercise-start": _exercise,
    "figure": _figure,
    "image": _figure,
    "math": _math,
    "prf:proof": _proof,
    **{f"prf:{kind}": _theorem for kind in NUMBERED_PROOFS},
    "code": _code,
    "code-block": _code,
    "code-cell": _code,
    "sourcecode": _code,
    "literalinclude": _include,
    "list-table": _list_table,
    "bibliography": _nothing,
    "contents": _nothing,
    "exercise-end": _nothing,
    "index": _nothing,
    "only": _nothing,
    "raw": _nothing,
    "solution-end": _nothing,
    "tableofcontents": _nothing,
    "toctree": _nothing,
}
