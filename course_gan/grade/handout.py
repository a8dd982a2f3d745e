"""The folder that an instructor hands out: what it says about itself, and how it comes onto the disk, whole or not."""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from course_gan import __version__
from course_gan.chapters import book_config, package_source
from course_gan.grade.choice import can_vary, fit_together
from course_gan.grade.model import LatePolicy
from course_gan.grade.tables import Table, quoted, read_table

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
PUBLIC_FILE = "assignment.toml"


@dataclass(frozen=True)
class Handout:
    """All that students may know of an assignment; the scale of a variant, the seed and the limits are not here.

    `variants` are the texts of those exercises that ask for something else than the book.  `source` is what pip
    installs: the very version of the course that the assignment was written with.
    """

    name: str
    title: str
    exercises: tuple[str, ...]
    due: datetime | None = None
    late: LatePolicy = field(default_factory=LatePolicy)
    variants: Mapping[str, str] = field(default_factory=dict)
    course: str = __version__
    source: str = field(default_factory=lambda: package_source(book_config(), f"v{__version__}"))

    def __post_init__(self) -> None:
        if not NAME.fullmatch(self.name):
            raise ValueError(
                f"The name {self.name!r} cannot be that of a folder, a notebook and a job everywhere; wanted are up to "
                "60 letters, digits, - and _, such as week-3."
            )
        for text in (self.title, *self.variants.values()):
            if not text.strip() or not text.isprintable():
                raise ValueError(f"{text!r} cannot be a title or the text of a variant; wanted is one line of text.")
        fit_together(self.exercises)
        for exercise in self.variants:
            can_vary(exercise, self.exercises)

    @property
    def notebook(self) -> str:
        """The name of the file that a student works in and hands in."""
        return f"{self.name}.ipynb"


def public_text(handout: Handout) -> str:
    """The text of `assignment.toml`."""
    late = handout.late
    due = [f"due = {handout.due.isoformat()}"] if handout.due else []
    lines = [
        "# What this assignment consists of.  Everything in this file is public; how it is graded stands elsewhere.",
        f"name = {quoted(handout.name)}",
        f"title = {quoted(handout.title)}",
        *due,
        f"exercises = [{', '.join(quoted(exercise) for exercise in handout.exercises)}]",
        "",
        "[course]",
        f"version = {quoted(handout.course)}",
        f"source = {quoted(handout.source)}",
        "",
        *late_lines(late),
    ]
    if handout.variants:
        lines += ["", "# These exercises ask for something else than the book does."]
        lines += ["[variants]", *(f"{exercise} = {quoted(text)}" for exercise, text in handout.variants.items())]
    return "\n".join(lines) + "\n"


def late_lines(late: LatePolicy) -> list[str]:
    """The rule for late work as a table of TOML."""
    return [
        "[late]",
        f"grace_minutes = {late.grace.total_seconds() / 60:g}",
        f"per_day = {late.per_day:g}",
        f"most_days = {late.most_days}",
    ]


def late_policy(table: Table) -> LatePolicy:
    """The rule for late work that a table of TOML states; the defaults for what it leaves out."""
    usual = LatePolicy()
    late = LatePolicy(
        timedelta(minutes=table.number("grace_minutes", usual.grace.total_seconds() / 60, most=10_000)),
        table.number("per_day", usual.per_day, most=1),
        table.whole("most_days", usual.most_days, most=1000),
    )
    table.only_known()
    return late


def read_handout(folder: Path) -> Handout:
    """What the `assignment.toml` in a folder says."""
    file = folder / PUBLIC_FILE
    if not file.is_file():
        raise ValueError(f"There is no file {file}. Give the folder that `course-gan assignment new` wrote.")
    table = read_table(file)
    course, variants = table.table("course", required=True), table.table("variants")
    handout = Handout(
        name=table.text("name"),
        title=table.text("title"),
        exercises=table.texts("exercises"),
        due=table.moment("due")[0],
        late=late_policy(table.table("late")),
        variants={exercise: variants.text(exercise) for exercise in variants.values},
        course=course.text("version"),
        source=course.text("source"),
    )
    for read in (course, variants, table):
        read.only_known()
    return handout


def taken(folder: Path) -> bool:
    """Whether there is anything of this name that an assignment would replace; an empty folder is nothing."""
    return os.path.lexists(folder) and not (folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()))


def write_folder(folder: Path, files: Mapping[str, str], backup: Path | None = None) -> None:
    """Write all files, or none: they are written beside, and the folder takes its place in one step.

    What stands in its place goes to `backup`; without one there must be nothing.
    """
    part = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}-", suffix=".part"))
        for name, text in files.items():
            (part / name).parent.mkdir(parents=True, exist_ok=True)
            (part / name).write_text(text, encoding="utf-8", newline="\n")
        part.chmod(0o755)  # a temporary folder is for its owner alone
        _put(part, folder, backup)
    except OSError as error:
        raise ValueError(f"{folder} cannot be written: {error.strerror or error}. Give another --out.") from error
    finally:
        if part is not None:
            shutil.rmtree(part, ignore_errors=True)


def _put(part: Path, folder: Path, backup: Path | None) -> None:
    if backup is not None and taken(folder):
        os.rename(folder, backup)
    elif folder.is_dir():
        folder.rmdir()  # an empty one; any other makes this fail, and nothing is lost
    try:
        os.rename(part, folder)
    except OSError:
        if backup is not None and not os.path.lexists(folder):
            os.rename(backup, folder)
        raise


def backup_of(folder: Path, now: datetime) -> Path:
    """A name beside the folder with the time in it that nothing has."""
    for count in range(1, 1000):
        again = f"-{count}" if count > 1 else ""
        backup = folder.with_name(f"{folder.name}.backup-{now:%Y%m%d-%H%M%S}{again}")
        if not os.path.lexists(backup):
            return backup
    raise ValueError(f"{folder.parent} holds a thousand backups of this second. Move them away.")
