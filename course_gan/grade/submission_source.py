"""Opens what the instructor gives: a folder, an archive or a single notebook; and refuses what is none of these."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from course_gan.grade.archives import MOST_FILES_OF_CLASS, Archive, most_bytes
from course_gan.grade.candidates import files_of
from course_gan.grade.layouts import SUFFIXES, Entry, suffix, unwrap, visible
from course_gan.grade.submission_files import MB, Folder, Found, Tree, Unusable

T = TypeVar("T")
WANTED = "Give the folder with the submissions, a .zip of it, or a single notebook .ipynb or .md."


@contextmanager
def opened(given: Path, name: str, times: Path | None) -> Iterator[tuple[Tree, list[Found], int]]:
    """The tree, its entries, and the bytes of the archive (0 for a folder); `ValueError` where there is no entry."""
    if given.is_dir():
        folder = Folder(given)
        tops = [found for found in _or_refuse(given, lambda: visible(folder, ())) if not _is_table(given, found, times)]
        yield folder, _entries(given, folder, tops, name), 0
    elif not given.is_file():
        raise ValueError(f"There is no file or folder {given}. {WANTED}")
    elif suffix(given.name) == ".zip":
        with _or_refuse(given, lambda: given.open("rb")) as file:
            archive = _or_refuse(given, lambda: Archive(file, MOST_FILES_OF_CLASS))
            size = os.fstat(file.fileno()).st_size
            yield archive, _entries(given, archive, visible(archive, ()), name), size
    elif suffix(given.name) in SUFFIXES:
        folder = Folder(given.parent)
        yield folder, [found for found in _or_refuse(given, lambda: folder.contents(())) if found.name == given.name], 0
    else:
        raise ValueError(f"{given} is neither a notebook nor an archive. {WANTED}")


def refuse_inside(workspace: Path, given: Path) -> None:
    """`ValueError` for a workspace among the submissions, where it would become one."""
    inside, outside = workspace.resolve(), given.resolve()
    if inside.is_relative_to(outside):
        raise ValueError(f"The workspace {workspace} lies in the submissions {given}. Give a folder elsewhere.")


def prepare(workspace: Path, given: Path) -> None:
    """Make the folder for the copies; `ValueError` where there can be none."""
    refuse_inside(workspace, given)
    try:
        workspace.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"The workspace {workspace} cannot be made: {reason}. Give another folder.") from error


def refuse_bomb(given: Path, tree: Tree, handed_in: list[Entry], size: int) -> None:
    """`ValueError` where the files of all students have many more bytes than an archive of this size honestly holds."""
    if not isinstance(tree, Archive):
        return
    total = 0
    for entry in handed_in:
        try:
            total += sum(file.size for file in files_of(tree, entry) if not file.problem)
        except Unusable:  # this student's row will say so
            continue
    if total > most_bytes(size):
        claim = f"its {size / MB:.1f} MB claim to hold {total / MB:,.0f} MB, as only a zip bomb does"
        raise ValueError(f"{given} is not unpacked: {claim}. Ask who made it.")


def _entries(given: Path, tree: Tree, tops: list[Found], name: str) -> list[Found]:
    around = given.name[:-4] if isinstance(tree, Archive) else ""
    found = _or_refuse(given, lambda: unwrap(tree, tops, name, around))
    if not found:
        raise ValueError(f"There are no submissions in {given}. {WANTED}")
    return found


def _is_table(folder: Path, found: Found, times: Path | None) -> bool:
    """Whether this is the table of times, which may lie beside the submissions."""
    return times is not None and times.parent.resolve() / times.name == folder.resolve() / found.name


def _or_refuse(given: Path, function: Callable[[], T]) -> T:
    try:
        return function()
    except (Unusable, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise ValueError(f"{given} cannot be read: {reason}. {WANTED}") from error
