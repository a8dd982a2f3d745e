"""The folder of a run: there before the first step, and one run's alone until its end."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from course_gan.train.distributed import rank

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]


@contextmanager
def held(folder: Path | None) -> Iterator[None]:
    """Make the folder, and keep other runs out of it: two would write over each other's checkpoints.

    What cannot be written to raises OSError now, not at the first checkpoint.  The system lets go of the folder
    whenever the process ends, however it does; nothing is left in it.
    """
    if folder is None or rank() > 0:
        yield
        return
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(
                f"Another run is writing to {folder} at this moment. Wait for its end, or take another folder."
            ) from None
        except OSError:  # a file system without locks
            pass
        yield
    finally:
        os.close(descriptor)
