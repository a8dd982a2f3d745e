"""Makes folders and archives of submissions for the tests, honest and hostile ones."""

import os
import stat
import zipfile
from datetime import UTC, datetime
from pathlib import Path

from course_gan.grade.collect import collect
from course_gan.grade.model import Submission

NOON = datetime(2025, 3, 1, 12, tzinfo=UTC)


def file(path: Path, text: str = "", hour: int = 12) -> Path:
    """A file with a text of its own, unless given, last changed at this hour of the first of March."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        text or f"text of {path.name!r} in {path.parent.name!r}", encoding="utf-8", errors="surrogateescape"
    )
    seconds = NOON.replace(hour=hour).timestamp()
    os.utime(path, (seconds, seconds))
    return path


def member(name: str, hour: int = 12, mode: int = stat.S_IFREG | 0o644) -> zipfile.ZipInfo:
    """A line of an archive's table of contents."""
    info = zipfile.ZipInfo("name", (2025, 3, 1, hour, 0, 0))
    info.filename = name  # as it stands: the constructor would mend some
    info.external_attr = mode << 16
    info.create_system = 3
    info.compress_type = zipfile.ZIP_DEFLATED
    return info


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, str | bytes]) -> Path:
    """An archive of (name or line of contents, text)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as made:
        for name, text in members:
            made.writestr(member(name) if isinstance(name, str) else name, text)
    return path


def gathered(given: Path, **options: object) -> dict[str, Submission]:
    """The submissions by student; none is lost to two having the same name."""
    rows = collect(given, workspace=given.parent / "workspace", **options)  # type: ignore[arg-type]
    by_student = {row.student: row for row in rows}
    assert len(by_student) == len(rows)
    assert list(by_student) == sorted(by_student)
    for row in rows:
        assert (row.path is None) == bool(row.problem), row
        assert (row.path is None) == (not row.digest), row
        assert row.submitted is None or row.submitted.utcoffset() == NOON.utcoffset()
    return by_student


def text(row: Submission) -> str:
    """What the private copy holds."""
    assert row.path is not None, row.problem
    return row.path.read_text(encoding="utf-8")
