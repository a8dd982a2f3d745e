"""The seed that no student knows, and what is made from it: the seeds of the cases, the same for the whole class."""

import hashlib
import os
from pathlib import Path

SHORTEST = 8


def read(path: Path) -> str:
    """The secret in a file; `ValueError` if there is none that could not be guessed."""
    if not path.is_file():
        raise ValueError(
            f"There is no seed file {path}. `course-gan assignment rubric` writes one; or write one of your own: "
            "python -c 'import secrets; print(secrets.token_hex(32))' > seed.txt"
        )
    if path.stat().st_size > 4096:
        raise ValueError(f"{path} is too large for a seed file: wanted is one line with a long random number.")
    secret = path.read_text(encoding="utf-8", errors="replace").strip()
    if len(secret) < SHORTEST:
        raise ValueError(f"The seed in {path} has {len(secret)} characters, so it could be guessed: use 8 or more.")
    return secret


def open_to_others(path: Path) -> bool:
    """Whether other users of this machine can read the file."""
    return os.name == "posix" and bool(path.stat().st_mode & 0o044)


def seeds(secret: str, assignment: str, exercise: str, trials: int) -> list[int]:
    """The seeds of an exercise's cases: whoever knows one of them knows no other."""
    parts = [hashlib.sha256("\0".join([secret, assignment, exercise, str(n)]).encode()) for n in range(trials)]
    return [int.from_bytes(part.digest()[:7], "big") for part in parts]
