"""The box that a submission runs in: bubblewrap, or a container without network, or (only if told so) nothing.

What it shows: Python, its packages and the system's libraries, all read-only, and the few modules of this package that
are listed in `SHOWN`.  What it lacks: network, other processes, the home folder, environment variables, every folder
with submissions, references, seeds or reports.
"""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from course_gan.chapters import PACKAGE
from course_gan.grade.cgroup import SHARED_MB
from course_gan.grade.model import Limits

# The modules that exist inside of the box, and the file each is made of.  None knows a right answer: tests see to it.
SHOWN = {
    "__init__.py": "__init__.py",
    "check.py": "grade/stand_in.py",
    "grade/__init__.py": "grade/__init__.py",
    "grade/worker.py": "grade/worker.py",
    "grade/notebook.py": "grade/notebook.py",
    "grade/cells.py": "grade/cells.py",
    "grade/wire.py": "grade/wire.py",
    "exercises/answers.py": "exercises/answers.py",
    "exercises/core.py": "exercises/core.py",
    "exercises/failures.py": "exercises/failures.py",
    "exercises/observe.py": "exercises/observe.py",
}
EMPTY = ("exercises/__init__.py",)
HARNESSES = "exercises/ch*/harness.py"
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/alternatives", "/etc/fonts")
WORKER = "/box/course_gan/grade/worker.py"
ENVIRONMENT = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/tmp",
    "USER": "student",
    "LANG": "C.UTF-8",
    "PYTHONHASHSEED": "0",
    "PYTHONDONTWRITEBYTECODE": "1",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "Agg",
    "MPLCONFIGDIR": "/tmp",
    "TORCH_COMPILE_DISABLE": "1",  # `torch.compile` gives the function back: compiling it takes minutes, or fails
}
CHECKOUT = ("book", "tests")  # hold solutions, too
IMAGE = "busybox"  # any small image will do: what is run comes from this machine, read-only


@dataclass(frozen=True)
class Kind:
    """A way to run a submission: its name in reports, and the command that starts the worker for some limits."""

    name: str
    command: Callable[[Path, Limits, int], list[str]]

    def end(self, command: list[str]) -> list[str]:
        """What ends a box that was started by this command, where killing the command does not; mostly nothing."""
        return [command[0], "kill", command[command.index("--name") + 1]] if "--name" in command else []


def write_library(folder: Path) -> None:
    """Fill a folder with the modules that exist inside of the box."""
    package = folder / "course_gan"
    shown = dict(SHOWN) | {
        str(harness.relative_to(PACKAGE)): str(harness.relative_to(PACKAGE)) for harness in PACKAGE.glob(HARNESSES)
    }
    for name, source in shown.items():
        target = package / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(PACKAGE / source, target)
    chapters = [f"{Path(name).parent}/__init__.py" for name in shown if name.endswith("/harness.py")]
    for name in (*EMPTY, *chapters):
        (package / name).write_text("", encoding="utf-8")
    for path in [folder, *folder.rglob("*")]:  # readable for whoever the box runs as, whatever the umask
        path.chmod(0o755 if path.is_dir() else 0o644)


def python_places() -> list[Path]:
    """What a box must show of this Python, and no more: the environment, what it was made from, and links to them."""
    system = [Path(place) for place in SYSTEM]
    prefixes = [Path(sys.prefix), Path(sys.base_prefix)]
    folders = {form for prefix in prefixes for form in (prefix.absolute(), prefix.resolve())}
    found = {f for f in folders if f != Path("/") and not any(f.is_relative_to(s) for s in system)}
    link = Path(sys.executable).absolute()
    while link.is_symlink():
        link = Path(os.path.normpath(link.parent / os.readlink(link)))
        if not any(link.is_relative_to(place) for place in (*system, *found)):
            found.add(link)
    return sorted(found)


def _hidden() -> list[Path]:
    """Folders with answers that lie inside of what is shown: where the package is installed and not only linked."""
    shown = [*map(Path, SYSTEM), *python_places()]
    answers = [PACKAGE, *(PACKAGE.parent / name for name in CHECKOUT if (PACKAGE.parent / "_toc.yml").is_file())]
    return [a for a in answers if a.is_dir() and any(a.is_relative_to(place) for place in shown)]


def bubblewrap(library: Path, limits: Limits, cpu_seconds: int) -> list[str]:
    """The worker in namespaces of its own, by bubblewrap."""
    # Its first process keeps the environment that it was started with, for all inside to read.
    command = ["env", "-i", f"PATH={os.environ.get('PATH', os.defpath)}", "bwrap"]
    command += ["--unshare-all", "--unshare-user", "--disable-userns", "--die-with-parent", "--new-session"]
    command += ["--cap-drop", "ALL", "--uid", "65534", "--gid", "65534", "--hostname", "box", "--clearenv"]
    # Before the binds, which may lie below it.
    command += ["--size", str(limits.disk_mb << 20), "--tmpfs", "/tmp", "--chdir", "/tmp"]
    for place in SYSTEM:
        if os.path.islink(place):
            command += ["--symlink", os.readlink(place), place]
        elif os.path.exists(place):
            command += ["--ro-bind", place, place]
    for folder in python_places():
        command += ["--ro-bind", str(folder), str(folder)]
    for folder in _hidden():
        command += ["--tmpfs", str(folder), "--remount-ro", str(folder)]
    command += ["--ro-bind", str(library), "/box"]
    # Settings of the whole machine lie below /proc/sys, and inside of a box that root started they belong to its user.
    command += ["--proc", "/proc", "--remount-ro", "/proc", "--dev", "/dev", "--remount-ro", "/dev"]
    # What `multiprocessing`, and with it the workers of a DataLoader, cannot do without.
    command += ["--size", str(limits.disk_mb << 20), "--tmpfs", "/dev/shm", "--remount-ro", "/"]
    for name, value in ENVIRONMENT.items():
        command += ["--setenv", name, value]
    return [*command, "--", *_worker(WORKER, limits, cpu_seconds)]


def container(engine: str) -> Callable[[Path, Limits, int], list[str]]:
    """The worker in a container that shows the same folders and has no network; for docker and podman."""

    def command(library: Path, limits: Limits, cpu_seconds: int) -> list[str]:
        memory = f"{limits.memory_mb + SHARED_MB}m"
        name = f"course-gan-{secrets.token_hex(8)}"
        parts = [engine, "run", "--name", name, "--rm", "--interactive", "--network", "none"]
        parts += ["--read-only", "--user", "65534:65534"]
        parts += ["--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", str(limits.processes)]
        parts += ["--memory", memory, "--memory-swap", memory, "--workdir", "/tmp", "--hostname", "box"]
        parts += ["--tmpfs", f"/tmp:rw,size={limits.disk_mb}m,mode=1777", "--log-driver", "none"]
        shown = [place for place in SYSTEM if os.path.exists(place)]
        for place in [*shown, *map(str, python_places())]:
            parts += ["--volume", f"{place}:{place}:ro"]
        for folder in _hidden():
            parts += ["--tmpfs", f"{folder}:ro,size=1m"]
        parts += ["--volume", f"{library}:/box:ro"]
        for name, value in ENVIRONMENT.items():
            parts += ["--env", f"{name}={value}"]
        return [*parts, IMAGE, *_worker(WORKER, limits, cpu_seconds)]

    return command


def unprotected(library: Path, limits: Limits, cpu_seconds: int) -> list[str]:
    """The worker as a plain process with limits, which can read and write whatever this user can."""
    environment = [f"{name}={value}" for name, value in ENVIRONMENT.items()]
    worker = str(library / "course_gan" / "grade" / "worker.py")
    return ["env", "-i", *environment, *_worker(worker, limits, cpu_seconds)]


def _worker(path: str, limits: Limits, cpu_seconds: int) -> list[str]:
    numbers = (limits.memory_mb, cpu_seconds, limits.processes, limits.disk_mb)
    return [sys.executable, "-I", path, *map(str, numbers)]


def choose(*, unsafe: bool = False) -> Kind:
    """The best way there is on this machine; `ValueError` says what to install where there is none."""
    if shutil.which("bwrap") and _works(bubblewrap(PACKAGE, Limits(), 10)):
        return Kind("bubblewrap", bubblewrap)
    for engine in ("docker", "podman"):
        if shutil.which(engine) and _works([engine, "run", "--rm", "--network", "none", IMAGE, "true"], probe=False):
            return Kind(f"container ({engine})", container(engine))
    if unsafe:
        return Kind("none (--unsafe)", unprotected)
    raise ValueError(
        "There is no box to run submissions in: bubblewrap is not installed, or user namespaces are forbidden here, "
        f"and there is no container engine with the image {IMAGE} either.  Install bubblewrap (on Debian and Ubuntu: "
        "sudo apt install bubblewrap; on Ubuntu 24.04 and later also: sudo sysctl "
        "kernel.apparmor_restrict_unprivileged_userns=0), or Docker or Podman.  --unsafe runs submissions without any "
        "box: they can then read and change whatever you can."
    )


def _works(command: list[str], probe: bool = True) -> bool:
    if probe:
        command = [*command[: command.index("--")], "--", sys.executable, "-I", "-c", ""]
    try:
        return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False
