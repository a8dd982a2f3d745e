"""Keeps the marks of each submission as soon as they are there, so that a run that was cut off can go on."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from course_gan import __version__
from course_gan.chapters import PACKAGE
from course_gan.files import write_atomically
from course_gan.grade.model import Assignment, Graded, LatePolicy, Mark, Submission

MARKED = "marks"


class Store:
    """One small file for each graded submission, named after all that its marks depend on."""

    def __init__(self, folder: Path, assignment: Assignment, secret: str, kind: str) -> None:
        self.folder = folder / MARKED
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # These change the pages, or what is taken off the marks, but not the marks.
        marking = replace(assignment, title="", feedback="full", due=None, late=LatePolicy())
        rules = json.dumps(asdict(marking), sort_keys=True, default=str)
        self.circumstances = _digest(__version__, _code(), rules, secret, kind)

    def find(self, submission: Submission) -> Graded | None:
        """What is known of this very submission; None if nothing, or if the file is damaged."""
        try:
            found = json.loads(self._file(submission).read_text(encoding="utf-8"))
            marks = tuple(_mark(entry) for entry in found["marks"])
            return Graded(submission, marks, found["reason"], notes=tuple(found["notes"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, graded: Graded) -> None:
        """Write the marks of one submission."""
        found: dict[str, Any] = asdict(replace(graded, submission=Submission("", "", None)))
        del found["submission"]
        text = json.dumps(found, sort_keys=True)
        write_atomically(self._file(graded.submission), lambda file: file.write(text.encode()), many=True)

    def take(self, other: Path) -> int:
        """Copy what another run has marked, such as one shard of the class; returns how many files that were."""
        folder = other / MARKED
        if not folder.is_dir():
            raise ValueError(f"{other} holds no marks: wanted is the folder that --out named in the other run.")
        count = 0
        for file in sorted(folder.glob("*.json")):
            data = file.read_bytes()
            target = self.folder / file.name
            if not target.exists():
                write_atomically(target, lambda part, data=data: part.write(data))  # type: ignore[misc]
            count += 1
        return count

    def _file(self, submission: Submission) -> Path:
        parts = (submission.student, submission.source, submission.digest, submission.problem)
        return self.folder / f"{_digest(self.circumstances, *parts)}.json"


def _mark(entry: dict[str, Any]) -> Mark:
    return Mark(**{**entry, "sentences": tuple(entry["sentences"])})


def _code() -> str:
    """A digest of the code that marks depend on, so that another version of it marks anew."""
    files = [*(PACKAGE / "grade").glob("*.py"), *(PACKAGE / "exercises").rglob("*.py")]
    return _digest(*_contents(sorted(files)))


def _contents(files: list[Path]) -> Iterator[str]:
    for file in files:
        yield f"{file.relative_to(PACKAGE)}\n{file.read_text(encoding='utf-8')}"


def _digest(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogateescape")).hexdigest()
