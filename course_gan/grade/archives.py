"""Looks into zip archives that others made, and unpacks single files of them into memory.

Nothing is ever written under a name that an archive gives, so a path that leads out of it leads nowhere; it is
reported all the same.  The limits, and who bears them:

- one file: 20 MB, and no more than 200 times what it takes in the archive (from 1 MB on);
- one student: 25 MB and 20 000 files, in an archive of the whole class and in one's own archive alike;
- the whole class: 100 000 files, and, beyond 500 MB in all, no more than 200 times the size of the archive.

Who is over a limit gets a row with that reason.  An archive as a whole is refused only where it cannot be read at all,
or where no single student is to blame.
"""

import re
import stat
import struct
import zipfile
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BufferedReader, BytesIO

from course_gan.grade.student_names import printable
from course_gan.grade.submission_files import LARGEST, LINK, MB, MOST_FILES, NO_FILE, Found, Unusable, too_large

MOST_OF_STUDENT = 25 * MB
MOST_OF_CLASS = 500 * MB
MOST_FILES_OF_CLASS = 100_000
RATIO = 200
DIRECTORY_HEADER = b"PK\x01\x02"
# zipfile unpacks these two piece by piece; with the others a few kilobytes could fill the memory at once.
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED = 0x1 | 0x40
DEEPEST_PATH = 12


class Archive:
    """A zip archive, as a `Tree`."""

    def __init__(self, file: BufferedReader | BytesIO, most: int = MOST_FILES) -> None:
        """Read the table of contents; `Unusable` where that cannot be done, or has more than `most` lines."""
        if _headers(file) > most:
            raise Unusable(f"the archive holds more than {most:,} files")
        try:
            self._zip = zipfile.ZipFile(file)
        except Exception as error:  # whatever is in the file
            raise Unusable(f"the archive cannot be read: {_brief(error)}") from error
        self._members: dict[tuple[str, ...], zipfile.ZipInfo] = {}
        self._folders: dict[tuple[str, ...], dict[tuple[str, str], Found]] = {(): {}}
        for member in self._zip.infolist():
            self._add(member)

    def contents(self, folder: tuple[str, ...]) -> list[Found]:
        """What lies in a folder of the archive, sorted by name."""
        return [found for _, found in sorted(self._folders.get(folder, {}).items())]

    def read(self, found: Found) -> bytes:
        """The bytes of a file; never more than it says, nor more than is allowed."""
        if found.problem:
            raise Unusable(found.problem)
        try:
            with self._zip.open(self._members[found.parts]) as file:
                return file.read(LARGEST + 1)  # zipfile compares the length and the checksum with what was promised
        except Exception as error:  # zipfile, zlib and struct have a dozen words for broken
            raise Unusable(f"it cannot be unpacked: {_brief(error)}") from error

    def _add(self, member: zipfile.ZipInfo) -> None:
        parts, problem = _place(member.filename)
        if not parts:  # the folder "./" itself
            return
        for end in range(1, len(parts)):
            self._folders[parts[: end - 1]].setdefault((parts[end - 1], "folder"), Found(parts[:end], "folder"))
            self._folders.setdefault(parts[:end], {})
        siblings = self._folders[parts[:-1]]
        if not problem and member.is_dir():
            siblings.setdefault((parts[-1], "folder"), Found(parts, "folder"))
            self._folders.setdefault(parts, {})
            return
        if (parts[-1], "file") in siblings:
            problem = "it is in the archive twice: which of the two counts?"
        modified, zoned = _time(member)
        problem = problem or _problem(member)
        siblings[parts[-1], "file"] = Found(parts, "file", member.file_size, modified, zoned, problem)
        self._members[parts] = member


def refuse_flood(files: Iterable[Found]) -> None:
    """`Unusable` where the files of one student, unpacked, are more than the limit."""
    total = sum(found.size for found in files)
    if total > MOST_OF_STUDENT:
        limit = f"more than the {MOST_OF_STUDENT // MB} MB that one student may have in an archive"
        raise Unusable(f"unpacked it has {total / MB:.1f} MB, {limit}")


def most_bytes(size: int) -> int:
    """How many bytes the files of a class may have in an archive of this size."""
    return max(MOST_OF_CLASS, RATIO * size)


def _headers(file: BufferedReader | BytesIO) -> int:
    """At least the number of files: each has such a header.

    The number that the archive itself states may be a lie, and zipfile fills the memory before one can count.
    """
    count, tail = 0, b""
    file.seek(0)
    while chunk := file.read(MB):
        count += (tail + chunk).count(DIRECTORY_HEADER)
        tail = chunk[-3:]
    file.seek(0)
    return count


def _brief(error: Exception) -> str:
    return printable(" ".join(str(error).split())[:120]) if str(error) else type(error).__name__


def _place(name: str) -> tuple[tuple[str, ...], str]:
    """The parts of a path; where it is none, the good ones in front, then the rest as one name, and what is wrong."""
    parts = [part for part in re.split(r"[/\\]", name.rstrip("/")) if part != "."]
    for n, part in enumerate(parts):
        if part in ("", "..") or (n == 0 and re.match("[A-Za-z]:", part)):
            return (*parts[:n], "/".join(parts[n:])), "its path leads out of the archive, or nowhere"
    if len(parts) > DEEPEST_PATH:
        return (*parts[:2], "/".join(parts[2:])), f"it lies more than {DEEPEST_PATH} folders deep"
    return tuple(parts), "its path has backslashes: zip it again with another program" if "\\" in name else ""


def _problem(member: zipfile.ZipInfo) -> str:
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind == stat.S_IFLNK:
        return LINK
    if kind not in (0, stat.S_IFREG):
        return NO_FILE
    if member.flag_bits & ENCRYPTED:
        return "it is encrypted, and nobody told the password: zip it without one"
    if member.compress_type not in METHODS:
        return f"it is compressed in an unusual way ({member.compress_type}): zip it with the usual one"
    if member.file_size > max(MB, RATIO * member.compress_size):
        return f"{member.compress_size:,} bytes claim to hold {member.file_size / MB:,.1f} MB, as only a zip bomb does"
    return too_large(member.file_size)


def _time(member: zipfile.ZipInfo) -> tuple[datetime | None, bool]:
    """The time of a file, and whether its zone is known: most archives also hold the seconds since 1970."""
    extra = member.extra
    while len(extra) >= 4:
        tag, length = struct.unpack_from("<HH", extra)
        field, extra = extra[4 : 4 + length], extra[4 + length :]
        if tag == 0x5455 and len(field) >= 5 and field[0] & 1:
            return datetime.fromtimestamp(struct.unpack_from("<i", field, 1)[0], UTC), True
    try:
        return datetime(*member.date_time, tzinfo=UTC), False
    except ValueError:  # the 0th of January
        return None, False
