"""MyST inside a line of text as plain Markdown: roles, references, citations, formulas, links."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from course_gan.myst import tex
from course_gan.myst.references import Target, Work

# In the order in which they are tried at each place: what is code or a formula is looked at by no later rule.
TOKEN = re.compile(
    r"""
    (?P<escaped>\\[$`{}\\\[\]])
    | \{(?P<role>[a-zA-Z][\w:.+-]*)\}(?P<tick>`+)(?P<text>.+?)(?<!`)(?P=tick)(?!`)
    | (?P<code>(?P<ticks>`+)(?!`).+?(?<!`)(?P=ticks)(?!`))
    | (?P<display>\$\$(?P<formula>.+?)\$\$(?:[ \t]*\((?P<label>[^)\s]+)\))?)
    | (?P<bare>\\begin\{(?P<env>equation|align|alignat|gather|multline)(?P<star>\*?)\}.+?\\end\{(?P=env)(?P=star)\})
    | \$(?P<inline>(?=\S)(?:\\.|[^$\\\n]|\n(?![ \t]*\n))+?(?<=\S))\$(?!\d)
    | (?P<bang>!?)\[(?P<words>(?:[^\[\]\n]|\n(?![ \t]*\n))*)\]\((?P<link>[^()\s]*)\)(?P<attributes>\{[^}\n]*\})?
    """,
    re.VERBOSE | re.DOTALL,
)
EXPLICIT = re.compile(r"^(?P<words>.*?)\s*<(?P<label>[^<>]+)>$", re.DOTALL)


@dataclass
class Context:
    """What the text of one chapter is read with."""

    chapter: Path
    targets: Mapping[str, Target] = field(default_factory=dict)
    works: Mapping[str, Work] = field(default_factory=dict)
    macros: Mapping[str, tex.Macro] = field(default_factory=dict)
    title_of: Callable[[str], str] = lambda page: page
    address_of: Callable[[str], str] = lambda page: ""
    # Behind each reference into its own chapter, where the text is taken out of it: " of [chapter 3](address)".
    elsewhere: str = ""
    own: frozenset[str] = frozenset()  # the labels of the chapter itself
    # Pictures that travel inside of the notebook: name -> bytes.
    pictures: dict[str, bytes] = field(default_factory=dict)


def plain(text: str, context: Context) -> str:
    """The text with all that only MyST understands written out."""
    out, position = [], 0
    for token in TOKEN.finditer(text):
        out += [text[position : token.start()], _token(token, context)]
        position = token.end()
    return "".join([*out, text[position:]])


def _token(token: re.Match[str], context: Context) -> str:
    if token["role"]:
        return _role(token["role"], token["text"].strip(), context)
    if token["display"]:
        return _display(token, context)
    if token["bare"]:
        return tex.display(tex.expand(token["bare"], context.macros), "", _indent(token))
    if token["inline"]:
        return f"${tex.expand(token['inline'], context.macros)}$"
    if token["link"] is not None:
        return _link(token, context)
    return token[0]


def _indent(token: re.Match[str]) -> str:
    line = token.string[: token.start()].rsplit("\n", 1)[-1]
    return line if not line.strip() else ""


def _display(token: re.Match[str], context: Context) -> str:
    formula = tex.expand(token["formula"], context.macros)
    target = context.targets.get(token["label"] or "")
    return tex.display(formula, target.number if target else "", _indent(token))


def _link(token: re.Match[str], context: Context) -> str:
    """Links within the book become words (and an address, where the book has one); outside links stay."""
    words, link = plain(token["words"], context), token["link"]
    if token["bang"]:
        return picture(link, words, context)
    if re.match(r"[a-z]+:", link):
        return f"[{words or link}]({link})"
    label = link.removeprefix("#")
    if label in context.targets:
        return words or reference(label, context)
    page = link.split("#")[0]
    words = words or (context.title_of(page) if page else label)
    address = context.address_of(page) if page else ""
    return f"[{words}]({address})" if address else words


def picture(link: str, alt: str, context: Context) -> str:
    """A picture that lies beside the chapter travels inside of the notebook; others are linked to or described."""
    if re.match(r"https?:", link):
        return f"![{alt}]({link})"
    file = context.chapter.parent / link
    if not file.is_file():
        return f"*(Picture: {alt})*" if alt else ""
    context.pictures[file.name] = file.read_bytes()
    return f"![{alt}](attachment:{file.name})"


def reference(label: str, context: Context) -> str:
    """How a reference to a label of the book reads; for one that nobody has, the label itself, as words."""
    target = context.targets.get(label)
    if target is None:
        return label.replace("-", " ").replace("_", " ")
    title = f" “{target.title}”" if context.elsewhere and target.number and target.title else ""
    return plain(target.name + title, context) + (context.elsewhere if label in context.own else "")


def _role(role: str, text: str, context: Context) -> str:
    short = role.split(":")[-1]
    if role == "cite" or role.startswith("cite:"):
        return _citation(role, text, context)
    if short == "eq":
        target = context.targets.get(text)
        if not target:
            return "(the formula)"
        where = context.elsewhere if text in context.own else ""
        return f"formula ({target.number}){where}" if context.elsewhere else f"({target.number})"
    if short == "math":
        return f"${tex.expand(text, context.macros)}$"
    explicit = EXPLICIT.match(text)
    words, label = (explicit["words"], explicit["label"]) if explicit else ("", text)
    if short == "doc":
        return _link_to_page(words, label, context)
    if short in ("ref", "numref"):
        return _numbered(words, label, context) if words else reference(label, context)
    if short in ("func", "class", "mod", "meth", "attr", "data", "obj", "code", "file", "samp", "command", "program"):
        return f"`{words or label}`"
    tags = {"sub": "sub", "sup": "sup", "subscript": "sub", "superscript": "sup", "kbd": "kbd"}
    return f"<{tags[short]}>{text}</{tags[short]}>" if short in tags else words or text


def _numbered(words: str, label: str, context: Context) -> str:
    target = context.targets.get(label)
    number = target.number if target else ""
    return plain(re.sub(r"%s|\{number\}", number, words), context)


def _link_to_page(words: str, page: str, context: Context) -> str:
    words = words or context.title_of(page)
    address = context.address_of(page)
    return f"[{words}]({address})" if address else words


def _citation(role: str, text: str, context: Context) -> str:
    """Author and year, linked to where the work can be read; the key where the bibliography does not know it."""
    cited = []
    for key in (part.strip() for part in text.split(",")):
        work = context.works.get(key)
        words = work.short if work else key
        if work and role in ("cite:t", "cite:alt:t"):
            words = f"{work.authors} ({work.year})"
        cited.append(f"[{words}]({work.address})" if work and work.address else words)
    together = "; ".join(cited)
    return together if role.startswith("cite:t") else f"[{together}]"
