"""Strings of students and programs made fit for a report: nothing invisible, nothing endless, one way to write numbers.

Names and messages come from submissions, so any of them may hold control characters, escape sequences of a terminal,
or marks that turn the direction of the text around them.
"""

import re
import unicodedata
from datetime import UTC, datetime, timedelta

LONGEST = 2000  # characters of one message; a submission may fill megabytes

_TERMINAL = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
# Embeddings, overrides and isolates: with them a name could turn around, or climb out of, the line it stands in.
_TURNING = {*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C, 0xFEFF}


def clean(text: str, most: int = LONGEST) -> str:
    """The text in whole lines: no control characters but line ends, no terminal sequences, at most `most` characters.

    A code point that no file can hold (half of a surrogate pair, from a file name that is not UTF-8) becomes U+FFFD.
    """
    text = _TERMINAL.sub("", text[: 4 * most]).replace("\r\n", "\n").replace("\t", " ")
    text = re.sub("[\r\v\f\x1c-\x1e\x85\u2028\u2029]", "\n", text)
    text = "".join(kept for kept in map(_kept, text) if kept)
    return text if len(text) <= most else text[: most - 1].rstrip() + "…"


def one_line(text: str, most: int = LONGEST) -> str:
    """The cleaned text with every run of spaces and line ends as one space."""
    return " ".join(clean(text, most).split())


def _kept(character: str) -> str:
    if character == "\n":
        return character
    if unicodedata.category(character) == "Cs":
        return "\ufffd"
    return "" if unicodedata.category(character) == "Cc" or ord(character) in _TURNING else character


def number(value: float | int) -> str:
    """At most two decimals, a point before them, and no minus before a zero."""
    return f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def percent(share: float | int) -> str:
    """A share of 1 in percent, at most one decimal."""
    return f"{round(100 * share, 1) + 0.0:.1f}".removesuffix(".0") + " %"


def counted(count: float | int, one: str, many: str = "") -> str:
    """The number with its noun: "1 point", "1.5 points"."""
    return f"{number(count)} {one if count == 1 else many or one + 's'}"


def of_possible(points: float | int, possible: float | int) -> str:
    """Such as "1.5 of 2 points"."""
    return f"{number(points)} of {counted(possible, 'point')}"


def iso(when: datetime | None) -> str:
    """The moment in UTC, such as 2026-03-01T22:59:00Z; empty without one.  A time without a zone counts as UTC."""
    return "" if when is None else _aware(when).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment(when: datetime, like: datetime | None = None) -> str:
    """The moment as people read it, in its own time zone or in that of `like`, which is named."""
    local = _aware(when).astimezone(_aware(like or when).tzinfo)
    minutes = int((local.utcoffset() or timedelta()).total_seconds()) // 60
    zone = f"UTC{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}" if minutes else "UTC"
    return f"{local:%Y-%m-%d %H:%M} {zone}"


def duration(length: timedelta) -> str:
    """Such as "15 minutes", "2 hours", "1 hour 30 minutes"."""
    minutes = round(length.total_seconds() / 60)
    hours, rest = divmod(minutes, 60)
    parts = [counted(hours, "hour")] * bool(hours) + [counted(rest, "minute")] * bool(rest)
    return " ".join(parts) or "0 minutes"


def _aware(when: datetime) -> datetime:
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
