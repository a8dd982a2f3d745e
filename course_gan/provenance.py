"""Where a result comes from: machine, versions, commit and time, and files that are whole at every moment.

What is written says nothing about who ran it: no user, host or folder.
"""

import hashlib
import json
import math
import os
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import torch

import course_gan
from course_gan.files import write_atomically

PACKAGE = Path(course_gan.__file__).resolve().parent
# The packages whose versions can change a number.
PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pot", "scikit-learn")
PATIENCE = 10.0  # seconds for git, which may wait for a slow disk


def collect(device: torch.device | str = "cpu") -> dict[str, object]:
    """What a result has to name besides its settings: device, versions, commit and time (UTC), as JSON can hold it.

    >>> sorted(collect())
    ['code', 'device', 'python', 'source', 'system', 'time', 'versions']
    """
    return {
        "device": describe(device),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "versions": versions(),
        "code": commit(),
        "source": source(),
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe(device: torch.device | str = "cpu") -> dict[str, object]:
    """The kind of a device ("cpu" or "cuda"), its name, and the cores or the memory that it has."""
    device = torch.device(device)
    if device.type == "cuda":
        found = torch.cuda.get_device_properties(device)
        about = {"gigabytes": round(found.total_memory / 2**30, 1), "cuda": torch.version.cuda}
        return {"kind": "cuda", "name": found.name, **about, "processor": processor()}
    name = processor() if device.type == "cpu" else device.type
    return {"kind": device.type, "name": name, "cores": cores()}


def processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> str:
    """The name of the processor as Linux gives it, elsewhere as Python does; never empty."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return next(filter(None, [*names, platform.processor(), platform.machine()]), "unknown")


def cores() -> int:
    """How many cores this process may use, which in a container can be fewer than the machine has."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def versions() -> dict[str, str]:
    """The versions of this package and of those it computes with; a package that is not installed is left out."""
    found = {"course_gan": course_gan.__version__}
    for name in PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit(folder: Path = PACKAGE) -> dict[str, object] | None:
    """The commit that the package in `folder` is checked out at, and whether its files differ from it; else None.

    None stands for an installed package as well, although it may lie within somebody's repository: that one's commit
    would say nothing about the package.  Only the package's own files make it "dirty", not the results beside them.
    """
    if _git(folder, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    head, changes = _git(folder, "rev-parse", "HEAD"), _git(folder, "status", "--porcelain", "--", ".")
    return None if head is None or changes is None else {"commit": head, "dirty": bool(changes)}


def source(folder: Path = PACKAGE) -> str:
    """A digest of the package's code and recipes: equal for equal files, checked out or installed, committed or not."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.suffix in (".py", ".toml")):
        name = file.relative_to(folder).as_posix()
        if not name.startswith("_book/"):  # the chapters that travel with an installed package
            content = file.read_bytes().replace(b"\r\n", b"\n")
            digest.update(f"{name}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def _git(folder: Path, *arguments: str) -> str | None:
    """What git says, or None: without git, outside a checkout, or where git refuses a folder of another owner."""
    # A hook that runs this sets GIT_DIR and the like to its own repository; asking must not lock anybody's index.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment["GIT_OPTIONAL_LOCKS"] = "0"
    try:
        command = ["git", "-C", str(folder), *arguments]
        said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True, env=environment)
    except (OSError, subprocess.SubprocessError):
        return None
    return said.stdout.strip()


def in_checkout() -> Path | None:
    """The folder of the course's checkout, if this package runs from one: it has the book beside it."""
    root = PACKAGE.parent
    return root if (root / "pyproject.toml").is_file() and (root / "book").is_dir() else None


def encode(value: object) -> object:
    """`value` as JSON can hold it: what is not finite becomes "nan", "inf" or "-inf", which JSON has no numbers for.

    >>> encode({"loss": float("nan"), "modes": [8, 7]})
    {'loss': 'nan', 'modes': [8, 7]}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): encode(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [encode(entry) for entry in value]
    return value


def decode(value: object) -> object:
    """The inverse of `encode`: the strings "nan", "inf" and "-inf" are numbers again (tuples remain lists)."""
    if isinstance(value, str) and value in ("nan", "inf", "-inf"):
        return float(value)
    if isinstance(value, dict):
        return {key: decode(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [decode(entry) for entry in value]
    return value


def write_json(path: Path, value: object) -> None:
    """Write `value` as strict JSON (see `encode`); a reader finds the old file or the new one, never half of one."""
    write_text(path, json.dumps(encode(value), indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a file in UTF-8, all or nothing."""
    write_atomically(path, lambda file: file.write(text.encode()), many=True)
