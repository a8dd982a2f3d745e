"""Whose is it?  Reads the student from the names that learning platforms give to files and folders.

Each entry of the folder of submissions is looked at by itself, so layouts may be mixed:

- `alice.ipynb`, `alice.md`, `alice.zip`, or a folder `alice` with anything in it: the student is `alice`;
- `hw1-alice`, where `hw1` is the name of the assignment or of its notebook (GitHub Classroom): `alice`;
- `Alice Smith_12345_assignsubmission_file_`, and with the file's name behind it (Moodle): `Alice Smith_12345`;
- `smithalice_12345_67890_hw1.ipynb`, and `smithalice_LATE_12345_67890_hw1.ipynb` (Canvas): `smithalice_12345`.

The number of a person stays, so that two Alices remain two.

A folder is not a student's, but holds the class, if it is called `NAME-submissions` after the assignment; or if it is
alone and its name ends with "submissions", or is that of the archive around it, or it holds no notebook of its own but
at least two folders that do.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from course_gan.grade.student_names import caseless
from course_gan.grade.submission_files import Found, Tree, Unusable

SUFFIXES = (".ipynb", ".md")  # what counts as a notebook
MOODLE = re.compile(r"(.+?_[0-9]+)_assignsubmission_(?:file|onlinetext)_?(.*)", re.DOTALL)
CANVAS = re.compile(r"([^_]+)_(LATE_)?([0-9]+)_([0-9]+)_(.+)", re.DOTALL)
CANVAS_AGAIN = re.compile(r"-[0-9]+(?=\.[^.]+$)")
IGNORED = {
    *(".git", ".github", ".gitignore", ".gitattributes", ".gitkeep", ".ipynb_checkpoints", ".venv", "__pycache__"),
    *("__macosx", ".ds_store", "thumbs.db", "desktop.ini", "node_modules"),
}


@dataclass
class Entry:
    """What a student handed in once: one file or folder, or several files that Canvas gave the same number."""

    student: str
    name: str
    found: list[Found] = field(default_factory=list)
    late: bool = False


def suffix(name: str) -> str:
    """The ending of a file's name, in small letters."""
    _, dot, ending = name.rpartition(".")
    return f".{ending.lower()}" if dot else ""


def ignored(found: Found) -> bool:
    """Whether it is what tools leave behind: no student's, and no notebook to grade."""
    name = found.name.lower()
    if name in IGNORED or name.startswith("._"):
        return True
    if found.kind == "folder":
        return False
    backup = ".backup-" in name and suffix(name) in SUFFIXES  # `course-gan start` writes these
    return backup or name in ("readme", "readme.md", "readme.txt", "readme.rst", "readme.ipynb")


def entries(tops: Sequence[Found], prefixes: Sequence[str]) -> list[Entry]:
    """What was handed in, by the names of the files and folders; `prefixes` are names of the assignment."""
    made: dict[str, Entry] = {}
    for found in tops:
        student, late, canvas = _student(found, prefixes)
        key = f"canvas/{student}" if canvas else f"own/{found.kind}/{found.name}"
        entry = made.setdefault(key, Entry(student, found.name))
        entry.found.append(found)
        entry.late = entry.late or late
    return list(made.values())


def original_name(found: Found) -> str:
    """The name that the student gave to the file, without what the platform put around it."""
    if match := CANVAS.fullmatch(found.name):
        return CANVAS_AGAIN.sub("", match[5])
    match = MOODLE.fullmatch(found.name)
    return match[2] if match and match[2] else found.name


def unwrap(tree: Tree, tops: list[Found], name: str, around: str) -> list[Found]:
    """The entries of the class, where they lie in a folder inside; `around` is the name of the archive, if any."""
    for guess in (True, False):  # an archive `class.zip` may hold `class/hw1-submissions/hw1-alice`
        alone = len(tops) == 1
        inner: list[Found] = []
        for found in tops:
            if found.kind == "folder" and _holds_class(tree, found, name, around, alone=alone, guess=guess):
                inner += visible(tree, found.parts)
            else:
                inner.append(found)
        tops = inner
    return tops


def visible(tree: Tree, folder: tuple[str, ...]) -> list[Found]:
    """What lies in a folder, without what is ignored."""
    return [found for found in tree.contents(folder) if not ignored(found)]


def _student(found: Found, prefixes: Sequence[str]) -> tuple[str, bool, bool]:
    """The student, whether Canvas marks the file late, and whether it is a file of Canvas."""
    if match := MOODLE.fullmatch(found.name):
        return match[1], False, False
    if found.kind == "file" and (match := CANVAS.fullmatch(found.name)):
        return f"{match[1]}_{match[3]}", bool(match[2]), True
    stem = found.name
    if found.kind == "file" and suffix(stem):
        stem = stem[: -len(suffix(stem))]
    for prefix in prefixes:
        front, rest = stem[: len(prefix) + 1], stem[len(prefix) + 1 :]
        if prefix and rest and caseless(front) == caseless(f"{prefix}-"):
            return rest, False, False
    return stem, False, False


def _holds_class(tree: Tree, found: Found, name: str, around: str, *, alone: bool, guess: bool) -> bool:
    if MOODLE.fullmatch(found.name):
        return False
    if name and caseless(found.name) == caseless(f"{name}-submissions"):
        return True
    if not alone:
        return False
    if found.name.lower().endswith("submissions") or (guess and around and found.name == around):
        return True
    return guess and _holds_students(tree, found)


def _holds_students(tree: Tree, folder: Found) -> bool:
    try:
        inner = visible(tree, folder.parts)
        if any(found.kind == "file" and suffix(found.name) in (*SUFFIXES, ".zip") for found in inner):
            return False
        holding = [
            found
            for found in inner
            if found.kind == "folder"
            and any(suffix(deeper.name) in SUFFIXES for deeper in visible(tree, found.parts) if deeper.kind == "file")
        ]
    except Unusable:
        return False
    return len(holding) >= 2
