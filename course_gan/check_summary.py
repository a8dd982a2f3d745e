"""The result of `course-gan check` as Markdown, for the page that a workflow shows of a run.

What a learner's code said stands in it, so that every text is made harmless: no markup, no link, no mention, and a
length that the page accepts.
"""

import re
import unicodedata
from pathlib import Path

from course_gan import console
from course_gan.notebook_check import Report, Row

LARGEST = 1024 * 1024  # bytes that GitHub takes as the summary of a step; of a larger one it shows nothing
LONGEST_CELL, LONGEST_NOTE = 300, 300
RESERVED = 1000  # bytes for what stands behind the table
FORGEABLE = (
    "This is feedback and no mark: it is made where the notebook runs, so that the notebook could forge it. "
    "Marks come from other inputs, elsewhere."
)
GAP = "\u200b"  # has no width; what stands on its two sides is no address and no mention any more


def of_report(name: str, report: Report) -> str:
    """A table with a row for each exercise, and what else the run showed."""
    right = sum(row.status == "passed" for row in report.rows)
    points, possible = sum(row.points for row in report.rows), sum(row.possible for row in report.rows)
    lines = [
        f"## {harmless(name, 100)}",
        "",
        f"**{right} of {len(report.rows)} exercises right, {points} of {possible} points.**",
        "",
        "| Exercise | Result | What to do next |",
        "| --- | --- | --- |",
        *(_line(row) for row in report.rows),
        "",
        *(f"- {harmless(note, LONGEST_NOTE)}" for note in report.notes),
    ]
    return _finished(lines)


def of_failure(name: str, reason: str) -> str:
    """What there is to say of a notebook that could not be run at all."""
    return _finished([f"## {harmless(name, 100)}", "", f"Not checked: {harmless(reason, LONGEST_NOTE)}"])


def can_take(file: Path, notebook: Path) -> None:
    """Refuse a file that the summary would spoil."""
    if file.suffix in (".ipynb", ".py", ".toml") or file.resolve() == notebook.resolve() or file.is_dir():
        raise ValueError(f"The summary cannot be appended to {file}; give a Markdown file such as summary.md.")


def append(file: Path, text: str) -> None:
    """Write the text behind what the file holds, as far as there is room."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        room = LARGEST - (file.stat().st_size if file.exists() else 0)
        with file.open("a", encoding="utf-8", newline="\n") as stream:
            stream.write(_fitting(text, room))
    except OSError as error:
        raise ValueError(f"{file} cannot be written: {error.strerror or error}.") from error


def harmless(text: str, longest: int) -> str:
    """One line of plain text that Markdown and HTML leave as it is, in a cell of a table too."""
    kept = "".join(c if unicodedata.category(c)[0] not in "CZ" else " " for c in text[: 4 * longest])
    kept = " ".join(kept.split())
    kept = kept if len(kept) <= longest else kept[: longest - 1] + "…"
    kept = re.sub(r"(?<=@)(?=\w)|(?<=#)(?=\d)|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=mailto:)", GAP, kept, flags=re.IGNORECASE)
    kept = kept.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~$])", r"\\\1", kept)


def _line(row: Row) -> str:
    title = harmless(row.title or row.exercise, 100)
    result = f"{console.RESULTS[row.status]}, {row.points}/{row.possible}"
    after = "Nothing: it is done." if row.status == "passed" else harmless(row.sentence, LONGEST_CELL)
    return f"| {title} | {result} | {after} |"


def _finished(lines: list[str]) -> str:
    """The lines with the remark at the end; where they are too many, the last ones are left out and counted."""
    room = LARGEST - RESERVED
    for number, line in enumerate(lines):
        room -= len(line.encode()) + 1
        if room < 0:
            lines = [*lines[:number], "", f"… and {len(lines) - number} more lines."]
            break
    return "\n".join([*lines, "", FORGEABLE, ""]).replace("\n\n\n", "\n\n") + "\n"


def _fitting(text: str, room: int) -> str:
    """As many whole lines of the text as there is room for."""
    kept = ""
    for line in text.splitlines(keepends=True):
        room -= len(line.encode())
        if room < 0:
            break
        kept += line
    return kept
