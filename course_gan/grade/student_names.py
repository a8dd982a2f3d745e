"""The names of students as files and folders give them: made fit to be shown, and compared.

A name comes from whoever made the file, so it may hold anything: line ends, marks that turn the writing direction,
bytes that are no text.  What a reader could not see is written as a Python escape, and a backslash doubled, so that
two different names never look the same; nothing is left out.
The result is for eyes and tables.  It is no name for a file, and a table for a spreadsheet must still guard against
names such as `=cmd()`.
"""

import hashlib
import unicodedata

LONGEST = 255  # characters; more than a file system allows, but not more than an archive does
# Letters, marks and symbols that count as printable and show nothing.
INVISIBLE = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0") | frozenset(
    map(chr, [*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0)])
)


def printable(name: str) -> str:
    """The name with everything that cannot be seen written as an escape; the same for the same name, always."""
    if len(name) > LONGEST:
        digest = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()
        name = f"{name[:200]}…{digest[:12]}"
    only_dots = not name.strip(".")
    last = len(name) - 1
    shown = (_escape(c) if only_dots or _hidden(c, at_end=n in (0, last)) else c for n, c in enumerate(name))
    return "".join(shown) or "(no name)"


def caseless(name: str) -> str:
    """Equal for names that differ only in upper and lower case, or in how accents are encoded."""
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", name).casefold())


def listed(names: list[str], most: int = 5) -> str:
    """The first few names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _hidden(character: str, *, at_end: bool) -> bool:
    if character == " ":
        return at_end
    return character in "/\\" or character in INVISIBLE or not character.isprintable()


def _escape(character: str) -> str:
    escaped = character.encode("unicode_escape").decode("ascii")
    return escaped if escaped != character else f"\\x{ord(character):02x}"
