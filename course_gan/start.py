"""Writes student notebooks, so that nothing a learner wrote is ever lost."""

import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from course_gan.chapters import Chapter


def target(chapter: Chapter, folder: Path) -> Path:
    """The file that a chapter is written to in this folder; `ValueError` if there can be none."""
    if folder.suffix == ".ipynb":
        raise ValueError(f"{folder} is the name of a file. Give the folder only; the notebook is {chapter.id}.ipynb.")
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder} is a file, not a folder. Give the folder that the notebook shall be written to.")
    return folder / f"{chapter.id}.ipynb"


def taken(file: Path) -> bool:
    """Whether there is anything of this name, a broken link included."""
    return os.path.lexists(file)


def write(chapter: Chapter, file: Path) -> Path | None:
    """Write the student notebook; gives the backup of what was there, if anything.

    The file is complete at every moment: the notebook is written beside it and then takes its place.
    """
    from course_gan.student import student_notebook, write_text

    text = write_text(student_notebook(chapter))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        backup = _back_up(file) if taken(file) else None
        handle, part = tempfile.mkstemp(dir=file.parent, prefix=f".{file.stem}-", suffix=".part")
        try:
            with open(handle, "w", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
            shutil.copymode(file, part) if file.is_file() else os.chmod(part, 0o666 & ~_umask())
            os.replace(part, file)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ValueError(f"{file} cannot be written: {error.strerror or error}. Give another folder.") from error
    return backup


def _back_up(file: Path) -> Path:
    """Copy a file to a name with the time in it that no earlier backup has."""
    stamp = f"{datetime.now():%Y%m%d-%H%M%S}"
    for count in range(1, 1000):
        again = f"-{count}" if count > 1 else ""
        backup = file.with_name(f"{file.stem}.backup-{stamp}{again}{file.suffix}")
        try:
            backup.open("xb").close()
        except FileExistsError:
            continue
        shutil.copy2(file, backup)
        return backup
    raise OSError(f"{file.parent} holds a thousand backups of this second")


def _umask() -> int:
    """The permissions that new files of this user lack (there is no way to ask without setting)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
