"""What the references of a chapter point at: numbers of theorems, figures and formulas, titles, and cited works."""

import re
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from course_gan.myst.fences import Block, Directive, Prose, walk

TARGET = re.compile(r"^\(([^)\s]+)\)=[ \t]*$")
HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t#]*$")
LABELED_FORMULA = re.compile(r"\$\$[ \t]*\(([^)\s]+)\)")
NUMBERED_PROOFS = frozenset(
    (
        *(
            "theorem",
            "lemma",
            "proposition",
            "corollary",
            "conjecture",
            "axiom",
            "assumption",
            "definition",
            "notation",
        ),
        *("example", "remark", "observation", "property", "criterion", "algorithm"),
    )
)


@dataclass(frozen=True)
class Target:
    """One thing that can be referred to: what it is called, its number as printed, its title."""

    kind: str
    number: str
    title: str

    @property
    def name(self) -> str:
        """How a reference to it reads: "Theorem 4.2", "Exercise 4.1", or the title of a section."""
        return f"{self.kind} {self.number}" if self.number else self.title or self.kind


@dataclass
class Numbering:
    """Counts what the book numbers, in the order of the text, each kind from 1 in each chapter.

    `prefix` is the chapter's number and a point.  The pages are numbered alike by book/_ext/chapter_numbers.py.
    """

    prefix: str = ""
    targets: dict[str, Target] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)

    def next(self, kind: str) -> str:
        """The next number of one kind, as printed."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return f"{self.prefix}{self.counts[kind]}"

    def name(self, labels: list[str], kind: str, number: str, title: str) -> None:
        """Make these labels, and those that stood in front as `(label)=`, point at one thing."""
        for label in [*labels, *self.waiting]:
            self.targets[label] = Target(kind, number, title)
        self.waiting.clear()

    def figure(self, label: str, caption: str) -> str:
        """Count a figure; gives its number as printed."""
        number = self.next("Figure")
        self.name([label] if label else [], "Figure", number, caption)
        return number

    def read(self, blocks: list[Block]) -> None:
        """Count everything in the blocks of one piece of Markdown, and set the numbers of its directives."""
        for block in walk(blocks):
            if isinstance(block, Directive):
                self._directive(block)
            elif isinstance(block, Prose):
                self._prose(block)

    def _prose(self, prose: Prose) -> None:
        for line in prose.lines:
            if target := TARGET.match(line.strip()):
                self.waiting.append(target[1])
            elif heading := HEADING.match(line):
                self.name([slug(heading[2])], "", "", heading[2])
            for formula in LABELED_FORMULA.finditer(line):
                self.name([formula[1]], "Equation", self.next("Equation"), "")

    def _directive(self, directive: Directive) -> None:
        kind, titled = _kind(directive)
        numbered = kind and not (kind == "Equation" and not directive.label) and "nonumber" not in directive.options
        directive.number = self.next(kind) if numbered else ""
        title = directive.argument if titled or not kind else ""
        if directive.label or kind:
            self.name([directive.label] if directive.label else [], kind, directive.number, title)


def slug(heading: str) -> str:
    """The anchor that Markdown programs give to a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def _kind(directive: Directive) -> tuple[str, bool]:
    """Under which word a directive is counted ("" for not at all), and whether its argument is a title."""
    kind = directive.name.removeprefix("prf:")
    if directive.name.startswith("prf:") and kind in NUMBERED_PROOFS:
        return kind.capitalize(), True
    kinds = {"exercise": "Exercise", "exercise-start": "Exercise", "math": "Equation", "figure": "Figure"}
    tables = {"table": "Table", "list-table": "Table", "csv-table": "Table"}
    return (kinds | tables).get(directive.name, ""), directive.name != "figure"


@dataclass(frozen=True)
class Work:
    """A cited work, as far as a reader of a notebook needs it."""

    authors: str
    year: str
    address: str

    @property
    def short(self) -> str:
        """Author and year."""
        return f"{self.authors} {self.year}".strip()


def read_bibliography(path: Path) -> dict[str, Work]:
    """The works of a BibTeX file by key; none if there is no such file."""
    if not path.is_file():
        return {}
    works = {}
    for entry in re.split(r"^@", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        if head := re.match(r"\w+\s*\{\s*([^,\s]+)\s*,", entry):
            year = (re.search(r"\d{4}", _bib_field(entry, "year") or _bib_field(entry, "date")) or [""])[0]
            authors = _short_authors(_bib_field(entry, "author") or _bib_field(entry, "editor"))
            works[head[1]] = Work(authors or head[1], year, _address(entry))
    return works


def _bib_field(entry: str, name: str) -> str:
    """The value of one field: between braces (which may nest), quotation marks, or bare."""
    start = re.search(rf"(?:^|[,\s]){name}\s*=\s*", entry, flags=re.IGNORECASE)
    if start is None:
        return ""
    rest = entry[start.end() :]
    if rest[:1] not in ("{", '"'):
        bare = re.match(r"\w+", rest)
        return bare[0] if bare else ""
    closing = "}" if rest[0] == "{" else '"'
    depth = 0
    for end, character in enumerate(rest):
        depth += {"{": 1, "}": -1}.get(character, 0)
        if depth == 0 and end and character == closing:
            return rest[1:end]
    return ""


def _short_authors(authors: str) -> str:
    """The family names: one, two joined by "and", or the first and "et al."."""
    people = [person.strip() for person in re.split(r"\s+and\s+", _plain_letters(authors)) if person.strip()]
    families = [person.split(",")[0] if "," in person else person.split()[-1] for person in people]
    if len(families) > 2:
        return f"{families[0]} et al."
    return " and ".join(families)


def _plain_letters(text: str) -> str:
    """TeX's accents as letters, without braces and line breaks."""
    marks = {'"': "\u0308", "'": "\u0301", "`": "\u0300", "^": "\u0302", "~": "\u0303", "c": "\u0327", "v": "\u030c"}
    letters = {"ss": "ß", "o": "ø", "O": "Ø", "l": "ł", "L": "Ł", "aa": "å", "ae": "æ", "i": "i"}
    text = re.sub(r"\\(ss|aa|ae|[oOlLi])(?![a-zA-Z])\s*", lambda m: letters[m[1]], text)
    text = re.sub(
        r"""\\(["'`^~]|[cv](?=[{\s]))\s*\{?([a-zA-Z])\}?""",
        lambda m: unicodedata.normalize("NFC", m[2] + marks[m[1]]),
        text,
    )
    return " ".join(text.replace("{", "").replace("}", "").replace("~", " ").split())


def _address(entry: str) -> str:
    """Where the work can be read: its url, else its DOI, else arXiv."""
    if url := _bib_field(entry, "url"):
        return url.replace("\\", "")
    if doi := _bib_field(entry, "doi"):
        return f"https://doi.org/{doi}"
    eprint = _bib_field(entry, "eprint")
    return f"https://arxiv.org/abs/{eprint}" if eprint else ""
