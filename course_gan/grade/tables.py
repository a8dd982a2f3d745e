"""TOML files that people edit: every value read with its range, unknown keys refused by name, and values written."""

import json
import math
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from difflib import get_close_matches
from pathlib import Path
from typing import Any

DATE_AND_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}")
WANTED_TIME = "a date and a time with the zone, such as 2026-12-01T23:59:00+01:00"
Number = int | float


@dataclass
class Table:
    """One table of a file; `where` begins each complaint: "week-1-grading.toml: exercises.kl-divergence."."""

    values: Mapping[str, Any]
    where: str
    known: set[str] = field(default_factory=set)

    def text(self, key: str, default: str | None = None) -> str:
        """A line of text that is not empty."""
        value = self._get(key, default)
        if not isinstance(value, str) or not value.strip() or not value.isprintable():
            raise self.wrong(key, "one line of text")
        return value

    def choice(self, key: str, choices: Collection[str], default: str) -> str:
        """One of a few words."""
        value = self._get(key, default)
        if not isinstance(value, str) or value not in choices:
            raise self.wrong(key, " or ".join(json.dumps(choice) for choice in choices))
        return value

    def number(self, key: str, default: float | None, least: Number = 0, most: Number = math.inf) -> float:
        """A number in a range."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
            raise self.wrong(key, f"a number {_range(least, most)}")
        if math.isinf(value):
            raise self.wrong(key, "a finite number")
        return float(value)

    def whole(self, key: str, default: int, least: int = 0, most: Number = math.inf) -> int:
        """A whole number in a range."""
        value = self._get(key, default)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(key, f"a whole number {_range(least, most)}")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._get(key, None)
        if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value):
            raise self.wrong(key, 'a list of texts, such as ["kl-divergence", "critic-loss"]')
        return tuple(value)

    def table(self, key: str, *, required: bool = False) -> "Table":
        """A table inside of this one, empty if it is not there."""
        value = self._get(key, None if required else {})
        if not isinstance(value, Mapping):
            raise self.wrong(key, "a table")
        return Table(value, f"{self.where}{key}.")

    def moment(self, key: str) -> tuple[datetime | None, str]:
        """A date with its time, None if it is not there; and a remark where its zone had to be guessed."""
        if key not in self.values:
            self.known.add(key)
            return None, ""
        value = self._get(key, None)
        if isinstance(value, date) and not isinstance(value, datetime):
            raise self.wrong(key, WANTED_TIME)
        try:
            when, remark = with_zone(value) if isinstance(value, datetime) else moment(str(value))
        except ValueError:
            raise self.wrong(key, WANTED_TIME) from None
        return when, f"{self.where}{key}: {remark}" if remark else ""

    def only_known(self) -> None:
        """Refuse keys that nobody asked for: a typing error must not silently mean the default."""
        for key in self.values:
            if key not in self.known:
                near = get_close_matches(key, self.known, n=1)
                guess = f"Did you mean {near[0]!r}? " if near else ""
                raise ValueError(f"{self.where}{key} means nothing. {guess}Known are: {', '.join(sorted(self.known))}.")

    def wrong(self, key: str, wanted: str) -> ValueError:
        """The complaint about one value."""
        return ValueError(f"{self.where}{key} is {_short(self.values.get(key))}; wanted is {wanted}.")

    def _get(self, key: str, default: Any) -> Any:
        self.known.add(key)
        if key not in self.values and default is None:
            raise ValueError(f"{self.where}{key} is missing.")
        return self.values.get(key, default)


def read_table(path: Path) -> Table:
    """The table of a whole TOML file; `ValueError` names the file, and the line where it is no TOML."""
    try:
        return Table(tomllib.loads(path.read_text(encoding="utf-8-sig")), f"{path.name}: ")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror or error}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not valid TOML: {error}.") from error


def moment(text: str) -> tuple[datetime, str]:
    """The date and time in a text, and a remark where its zone had to be guessed."""
    try:
        if not DATE_AND_TIME.match(text.strip()):
            raise ValueError
        return with_zone(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise ValueError(f"{text!r} is no point in time; wanted is {WANTED_TIME}.") from None


def with_zone(when: datetime) -> tuple[datetime, str]:
    """The same time, in UTC if it has no zone, and a remark if so."""
    if when.tzinfo is not None:
        return when, ""
    return when.replace(tzinfo=UTC), f"{when.isoformat(timespec='minutes')} has no zone, so it is taken as UTC."


def quoted(text: str) -> str:
    """A text as TOML has it, which is how JSON has it, but for one character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _range(least: Number, most: Number) -> str:
    return f"from {least:g}" + (f" to {most:g}" if most < math.inf else " on")


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "…"
