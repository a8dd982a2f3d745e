"""Writing a file so that whoever reads it finds the old contents or the new ones, also after a crash."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO


def write_atomically(path: Path, write: Callable[[BinaryIO], object], *, many: bool = False) -> None:
    """Let `write` fill a file beside `path`, and put it in its place only when it lies on the disk as a whole.

    The file beside it is `path` with `.partial` behind its name, so that what a killed process leaves is overwritten
    next time.  Where `many` processes may write the same file, each has one of its own, and the last to finish wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    own = f".{os.getpid()}" if many else ""
    partial = path.with_name(f"{path.name}{own}.partial")  # the same folder: a rename across disks would be a copy
    try:
        with partial.open("wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())  # without it a power cut may leave the new name with no contents
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Let the rename itself reach the disk, where a folder can be opened (not on Windows)."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
