"""A control group for each box, where this user may make one: the kernel's own limit on memory and processes."""

import contextlib
import os
import time
from pathlib import Path

from course_gan.grade.model import Limits

ROOT = Path("/sys/fs/cgroup")
# For version 2 of control groups, and for the two hierarchies of version 1: where, and which file takes which limit.
HIERARCHIES = (
    ("", {"memory.max": "memory", "memory.swap.max": "none", "pids.max": "processes"}),
    ("memory", {"memory.limit_in_bytes": "memory"}),
    ("pids", {"pids.max": "processes"}),
)
NAME = "course-gan-"  # how the names of all groups begin
JUST_MADE = 60.0  # seconds in which a group may still wait for its first process
SHARED_MB = 1500  # pages of libraries count for the group that touched them first


class Group:
    """The control groups of one box; without any where none can be made."""

    def __init__(self, name: str, limits: Limits) -> None:
        numbers = {"memory": (limits.memory_mb + SHARED_MB) << 20, "processes": limits.processes + 8, "none": 0}
        self.folders = [folder for place, files in HIERARCHIES for folder in _make(ROOT / place, name, files, numbers)]

    def __bool__(self) -> bool:
        return bool(self.folders)

    def around(self, command: list[str]) -> list[str]:
        """The command, which first puts itself into the groups."""
        if not self.folders:
            return command
        lists = [str(folder / "cgroup.procs") for folder in self.folders]
        script = 'n=$1; shift; while [ "$n" -gt 0 ]; do echo $$ > "$1" || exit 125; shift; n=$((n-1)); done; exec "$@"'
        return ["sh", "-c", script, "sh", str(len(lists)), *lists, *command]

    def close(self) -> None:
        """Remove the groups, which have no processes any more, or will have none in a moment."""
        for folder in self.folders:
            for _ in range(250):
                try:
                    folder.rmdir()
                    break
                except FileNotFoundError:
                    break
                except OSError:
                    time.sleep(0.02)


def sweep() -> None:
    """Remove the groups of boxes whose grader was killed; the kernel keeps those that have processes."""
    for place, _ in HIERARCHIES:
        for folder in (ROOT / place).glob(f"{NAME}*"):
            with contextlib.suppress(OSError):
                if time.time() - folder.stat().st_mtime > JUST_MADE:
                    folder.rmdir()


def _make(parent: Path, name: str, files: dict[str, str], numbers: dict[str, int]) -> list[Path]:
    """The group below `parent` with its limits, if there can be one."""
    if not (parent / "cgroup.procs").is_file() or not os.access(parent, os.W_OK):
        return []
    folder = parent / name
    try:
        folder.mkdir()
    except OSError:
        return []
    try:
        for file, what in files.items():
            if file != "memory.swap.max" or (folder / file).exists():
                (folder / file).write_text(str(numbers[what]), encoding="ascii")
    except OSError:  # a controller that is not handed on to groups below
        with contextlib.suppress(OSError):
            folder.rmdir()
        return []
    return [folder]
