"""Reads when each student handed in, from a table `student,submitted` of the instructor.

The time of a file is that of its last change at best, and that of the last copy at worst.
Where marks depend on it, the learning platform knows better, and says so in this table.
"""

import csv
import io
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from course_gan.grade.model import Submission
from course_gan.grade.student_names import caseless, listed, printable

WANTED = 'Wanted is a table with the first line "student,submitted" and times such as 2025-03-01T23:59:00+01:00.'

ZONELESS = "the archive's time has no zone: read as UTC"


@dataclass(frozen=True)
class HandedIn:
    """One line of the table; a time without zone was read as UTC."""

    line: int
    student: str
    time: datetime
    zoned: bool


def read_times(path: Path) -> dict[str, HandedIn]:
    """The times, by the caseless name of the student; `ValueError` names the line that cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise ValueError(f"The table of times {path} cannot be read: {reason}. {WANTED}") from error
    table: dict[str, HandedIn] = {}
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    columns: list[str] = []
    line = 1
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if not columns:
                columns = _columns(path, cells)
            elif any(cells):
                _add(table, path, line, dict(zip(columns, cells)), complete=len(cells) == len(columns))
            line = reader.line_num + 1
    except csv.Error as error:
        raise ValueError(f"{path}, line {line}: {error}. {WANTED}") from error
    if not columns:
        raise ValueError(f"{path} is empty. {WANTED}")
    return table


def refuse_unknown(path: Path, table: dict[str, HandedIn], students: dict[str, list[str]]) -> None:
    """`ValueError` for the first line about somebody who handed in nothing; `students` are all spellings by student."""
    known = {caseless(name) for student, names in students.items() for name in (student, *names)}
    for key, row in table.items():
        if key not in known:
            raise ValueError(
                f"{path}, line {row.line}: there is no submission of {row.student!r}. Correct the name, or "
                f"delete the line. There are submissions of {listed(list(students), most=10)}."
            )


def with_time(row: Submission, names: list[str], table: dict[str, HandedIn], path: Path) -> Submission:
    """The submission with the time that the table gives, or a note that it gives none; `names` are all spellings."""
    keys = [caseless(name) for name in (row.student, *names)]
    known = next((table[key] for key in keys if key in table), None)
    if known is None:
        return replace(row, notes=(*row.notes, f"no time in {printable(path.name)}: taken from the file"))
    notes = tuple(note for note in row.notes if note != ZONELESS)
    if not known.zoned:
        notes += (f"its time in {printable(path.name)} has no zone: read as UTC",)
    return replace(row, submitted=known.time, notes=notes)


def _columns(path: Path, cells: list[str]) -> list[str]:
    columns = [cell.lower() for cell in cells]
    if columns.count("student") != 1 or columns.count("submitted") != 1:
        raise ValueError(f"{path}, line 1: the columns are {printable(', '.join(cells))}. {WANTED}")
    return columns


def _add(table: dict[str, HandedIn], path: Path, line: int, row: dict[str, str], *, complete: bool) -> None:
    if not complete:
        raise ValueError(f"{path}, line {line}: as many cells are wanted as the first line has. {WANTED}")
    student, submitted = row["student"], row["submitted"]
    key = caseless(student)
    if not student:
        raise ValueError(f"{path}, line {line}: the student is missing. {WANTED}")
    if key in table:
        raise ValueError(f"{path}, line {line}: {student!r} has a time in line {table[key].line} already. Delete one.")
    try:
        if len(submitted) <= len("2025-03-01"):
            raise ValueError("no time of day")
        time = datetime.fromisoformat(submitted)
        table[key] = HandedIn(line, student, _utc(time), time.tzinfo is not None)
    except (ValueError, OverflowError):
        raise ValueError(f"{path}, line {line}: {submitted!r} is no day with a time of day. {WANTED}") from None


def _utc(time: datetime) -> datetime:
    return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
