"""What a box shows and what it lacks, and how each kind of box is started."""

import ast
import mmap
import os
import subprocess
import sys
from pathlib import Path

import pytest

from course_gan.chapters import PACKAGE
from course_gan.exercises import EXERCISES
from course_gan.exercises.core import call_directly
from course_gan.grade import box
from course_gan.grade.cgroup import Group, sweep
from course_gan.grade.model import Limits
from course_gan.grade.session import usage
from tests.grade_class import TV, marks

HARMLESS = ("torch", "numpy", "jupytext", "tqdm")  # beside Python's own modules


def imported(path: Path) -> set[str]:
    """The modules that a file imports, at its top or inside of functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {str(node.module)} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    box.write_library(folder)
    return folder


def test_what_the_box_shows_imports_nothing_that_it_does_not_show(library: Path) -> None:
    shown = {
        ".".join(path.relative_to(library).with_suffix("").parts).removesuffix(".__init__")
        for path in library.rglob("*.py")
    }
    for path in library.rglob("*.py"):
        for name in imported(path):
            if name.startswith("course_gan"):
                assert name in shown or name.rpartition(".")[0] in shown, f"{path.name} imports {name}"
            else:
                assert name.partition(".")[0] in {*sys.stdlib_module_names, *HARMLESS}, f"{path.name} imports {name}"


def test_a_python_below_tmp_is_not_covered_by_the_boxs_own_tmp(library: Path) -> None:
    command = box.bubblewrap(library, Limits(), 10)
    tmp = next(n for n, part in enumerate(command) if command[n : n + 2] == ["--tmpfs", "/tmp"])
    assert command[tmp - 2 : tmp] == ["--size", str(Limits().disk_mb << 20)]
    assert tmp < command.index("--ro-bind")


def test_no_reference_misconception_or_solution_is_in_the_box(library: Path) -> None:
    text = "\n".join(path.read_text(encoding="utf-8") for path in library.rglob("*.py"))
    for exercise in EXERCISES.values():
        assert f"def {exercise.reference.__name__}(" not in text
        assert f'"{exercise.id}"' not in text
        for misconception in exercise.misconceptions:
            assert misconception.sentence[:60] not in text
    assert "Misconception(" not in text


def test_each_harness_is_in_the_box(library: Path) -> None:
    for exercise in EXERCISES.values():
        if exercise.call is not call_directly:
            file = library.joinpath(*exercise.call.__module__.split(".")).with_suffix(".py")
            assert file.is_file(), f"the harness of {exercise.id} belongs into a module harness.py"
            assert f"def {exercise.call.__qualname__}(" in file.read_text(encoding="utf-8")


def test_inside_only_check_can_be_imported_and_the_reason_is_told(tmp_path: Path) -> None:
    look = "import os, course_gan\nroot = sorted(os.listdir('/'))\nseen = sorted(os.environ)\n"
    report = """
def kl_divergence(p, q):
    raise ValueError(f"{root} {seen} {os.getcwd()} {os.getuid()} {os.listdir('/proc')}")
"""
    found = marks(tmp_path, "from course_gan.divergences import kl", look + report)["kl-divergence"]
    told = found.details
    folders = {"bin", "box", "dev", "etc", "lib", "lib64", "proc", "tmp", "usr"}
    top = {place.parts[1] for place in box.python_places()}
    assert set(ast.literal_eval(told[told.index("['") : told.index("']") + 2])) <= folders | top | {"lib32"}
    for name in ("SECRET", "COURSE_GAN", "PYTEST", "VIRTUAL_ENV"):
        assert name not in told


def test_what_fails_to_be_imported_is_noted_and_the_rest_of_the_cell_counts(tmp_path: Path) -> None:
    cell = f"from course_gan import divergences\nimport no_such_module\n{TV}"
    assert marks(tmp_path, cell)["total-variation"].status == "right"


def test_a_machine_without_any_box_is_refused_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box.shutil, "which", lambda name: None)
    with pytest.raises(ValueError, match=r"no box.*apt install bubblewrap.*--unsafe"):
        box.choose()
    assert "unsafe" in box.choose(unsafe=True).name


def test_where_user_namespaces_are_forbidden_a_container_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(box, "_works", lambda command, probe=True: command[0] == "podman")
    kind = box.choose()
    assert kind.name == "container (podman)"
    command = kind.command(Path("/somewhere"), Limits(memory_mb=1000, processes=9), 60)
    text = " ".join(command)
    for wanted in ("--network none", "--read-only", "--cap-drop ALL", "no-new-privileges", "--pids-limit 9"):
        assert wanted in text
    assert "/somewhere:/box:ro" in command
    assert not any(part.endswith(":rw") for part in command)
    assert kind.end(command) == ["podman", "kill", command[command.index("--name") + 1]]
    assert kind.command(Path("/somewhere"), Limits(), 60) != kind.command(Path("/somewhere"), Limits(), 60)


def test_a_box_that_does_not_work_is_not_chosen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("bwrap", "docker", "podman"):
        script = tmp_path / name
        script.write_text("#!/bin/sh\necho 'No permissions to create new namespace' >&2\nexit 1\n")
        script.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="user namespaces are forbidden"):
        box.choose()


def test_answers_that_lie_in_a_folder_which_is_shown_are_covered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    package = tmp_path / "usr" / "course_gan"
    for folder in (package, tmp_path / "usr" / "book", tmp_path / "usr" / "tests"):
        folder.mkdir(parents=True)
    (tmp_path / "usr" / "_toc.yml").touch()
    monkeypatch.setattr(box, "PACKAGE", package)
    monkeypatch.setattr(box, "SYSTEM", (str(tmp_path / "usr"),))
    command = box.bubblewrap(Path("/somewhere"), Limits(), 60)
    covered = [command[n + 1] for n, part in enumerate(command) if part == "--tmpfs" and command[n + 1] != "/tmp"]
    assert {str(package), str(tmp_path / "usr" / "book"), str(tmp_path / "usr" / "tests")} <= set(covered)
    shown = command.index(str(tmp_path / "usr"))
    assert all(command.index(place) > shown for place in covered)


def test_an_environment_below_the_temporary_folder_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(box, "python_places", lambda: [Path("/tmp/somewhere/.venv")])
    command = box.bubblewrap(Path("/somewhere"), Limits(), 60)
    mounts = [command[n + 1] for n, part in enumerate(command) if part in ("--tmpfs", "--ro-bind")]
    assert mounts.index("/tmp") < mounts.index("/tmp/somewhere/.venv")


def test_every_folder_in_memory_has_a_size() -> None:
    command = box.bubblewrap(Path("/somewhere"), Limits(disk_mb=3), 60)
    sizes = {command[n + 1]: command[n - 2 : n] for n, part in enumerate(command) if part == "--tmpfs"}
    for place in ("/tmp", "/dev/shm"):
        assert sizes[place] == ["--size", str(3 << 20)]


def test_every_link_to_this_python_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "python").touch()
    (tmp_path / "middle").symlink_to("real/python")
    (tmp_path / "python").symlink_to("middle")
    monkeypatch.setattr(box.sys, "executable", str(tmp_path / "python"))
    assert {tmp_path / "middle", tmp_path / "real" / "python"} <= set(box.python_places())


def test_a_group_puts_a_command_into_itself_and_goes_away() -> None:
    group = Group("course-gan-test-group", Limits(processes=5))
    command = group.around(["cat", "/proc/self/cgroup"])
    seen = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert seen.count("course-gan-test-group") == len(group.folders)
    group.close()
    assert not any(folder.exists() for folder in group.folders)


def test_groups_that_a_killed_run_left_are_swept_away_and_those_at_work_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    left, used = (Group(f"course-gan-test-{which}", Limits()) for which in ("left", "used"))
    with subprocess.Popen(used.around(["sh", "-c", "echo; exec sleep 60"]), stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        sweep()
        assert all(folder.exists() for folder in left.folders)  # it may be waiting for its first process
        monkeypatch.setattr("course_gan.grade.cgroup.JUST_MADE", -1.0)
        sweep()
        assert not any(folder.exists() for folder in left.folders)
        assert all(folder.exists() for folder in used.folders)
        process.kill()
    used.close()


def test_a_group_limits_the_number_of_processes() -> None:
    group = Group("course-gan-test-pids", Limits(processes=5))
    if not any((folder / "pids.max").exists() for folder in group.folders):
        group.close()
        return  # this user may not make groups: nothing is promised
    script = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do sleep 5 & done; kill $(jobs -p)"
    told = subprocess.run(group.around(["bash", "-c", script]), capture_output=True, text=True)
    group.close()
    assert "Resource temporarily unavailable" in told.stderr


def test_usage_counts_a_process_and_its_children() -> None:
    memory, count = usage(os.getpid())
    with subprocess.Popen(["sh", "-c", "sleep 20 & wait"]) as child:
        more = usage(os.getpid())
        child.kill()
    assert more[1] >= count + 1
    assert memory > 1 << 20
    assert usage(2**22 + 1) == (0, 0)
    assert PACKAGE.is_dir()


def test_usage_counts_memory_that_processes_share() -> None:
    before = usage(os.getpid())[0]
    shared = mmap.mmap(-1, 64 << 20, mmap.MAP_SHARED)
    shared.write(b"x" * (64 << 20))
    assert usage(os.getpid())[0] - before > 60 << 20
    shared.close()
