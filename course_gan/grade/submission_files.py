"""Reads a folder that others filled, without following a link and without opening what is no plain file.

A name that was looked at may be another file by the time it is opened.  So each part of a path is opened below the
descriptor of the part before it, links are refused by the system call itself, and the open file is looked at again.
Whoever deletes or changes a submission while it is read gets a row with a reason, and harms nobody else's.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

MB = 10**6
LARGEST = 20 * MB  # of a submitted file
MOST_FILES = 20_000  # of one student
DEEPEST = 5  # folders below the student's own
LINK = "it is a symbolic link, and links are not followed: hand in the file itself"
NO_FILE = "it is no plain file, but a pipe, a socket or a device"


class Unusable(Exception):
    """Something handed in that cannot be used; the message says why, as the end of a sentence."""


@dataclass(frozen=True)
class Found:
    """One thing in a folder or an archive; `problem` says why it is not to be opened, if so.

    `zoned` says whether the time is known with its zone; an archive may hold the clock on a wall somewhere.
    """

    parts: tuple[str, ...]
    kind: Literal["file", "folder"]
    size: int = 0
    modified: datetime | None = None
    zoned: bool = True
    problem: str = ""

    @property
    def name(self) -> str:
        """Its own name, without the folders that it lies in."""
        return self.parts[-1]


@runtime_checkable  # the tests check annotations while running
class Tree(Protocol):
    """A folder on the disk or in an archive; both functions raise `Unusable`."""

    def contents(self, folder: tuple[str, ...]) -> list[Found]:
        """What lies in a folder, sorted by name."""

    def read(self, found: Found) -> bytes:
        """The bytes of a file, `LARGEST` at most."""


def too_large(size: int) -> str:
    """The problem with a file of so many bytes, if there is one."""
    if size <= LARGEST:
        return ""
    return f"it has {size / MB:.1f} MB, more than the {LARGEST // MB} MB that a submission may have"


class Folder:
    """A folder on the disk, as a `Tree`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def contents(self, folder: tuple[str, ...]) -> list[Found]:
        """What lies in a folder, sorted by name; nothing in it is opened."""
        with _reasons(), self._opened(folder) as descriptor, os.scandir(descriptor) as entries:
            some = list(islice(entries, MOST_FILES + 1))
            if len(some) > MOST_FILES:
                raise Unusable(f"it holds more than {MOST_FILES:,} files")
            return [_look(folder, entry) for entry in sorted(some, key=lambda entry: entry.name)]

    def read(self, found: Found) -> bytes:
        """The bytes of a file that is a plain file at this moment, and not too large."""
        if found.problem:
            raise Unusable(found.problem)
        # O_NONBLOCK: a pipe that took the file's place would otherwise wait for somebody to write.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
        with _reasons(), self._opened(found.parts[:-1]) as folder:
            descriptor = os.open(found.name, flags, dir_fd=folder)
            try:
                status = os.fstat(descriptor)
                if not stat.S_ISREG(status.st_mode):
                    raise Unusable(NO_FILE)
                with open(descriptor, "rb", closefd=False) as file:
                    # One byte more than allowed: a file may grow after its size was asked for.
                    data = b"" if too_large(status.st_size) else file.read(LARGEST + 1)
            finally:
                os.close(descriptor)
        if problem := too_large(max(status.st_size, len(data))):
            raise Unusable(problem)
        return data

    @contextmanager
    def _opened(self, folder: tuple[str, ...]) -> Iterator[int]:
        descriptor = os.open(self.root, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for part in folder:
                inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


def _look(folder: tuple[str, ...], entry: os.DirEntry[str]) -> Found:
    parts = (*folder, entry.name)
    try:
        status = entry.stat(follow_symlinks=False)
    except OSError as error:
        return Found(parts, "file", problem=_reason(error))
    if stat.S_ISDIR(status.st_mode):
        return Found(parts, "folder")
    problem = ""
    if stat.S_ISLNK(status.st_mode):
        problem = LINK
    elif not stat.S_ISREG(status.st_mode):
        problem = NO_FILE
    return Found(parts, "file", status.st_size, _time(status.st_mtime_ns), True, problem or too_large(status.st_size))


def _time(nanoseconds: int) -> datetime | None:
    try:
        return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:  # a file may claim to be from the year 30 000
        return None


@contextmanager
def _reasons() -> Iterator[None]:
    """Turn what the system says into the reason of a row."""
    try:
        yield
    except OSError as error:
        raise Unusable(_reason(error)) from error


def _reason(error: OSError) -> str:
    return LINK if error.errno == errno.ELOOP else f"it cannot be opened: {error.strerror or error}"
