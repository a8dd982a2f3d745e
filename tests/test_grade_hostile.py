"""Hostile submissions: no points, no leak, and the run goes on unharmed."""

import platform
import resource
import subprocess
from dataclasses import asdict
from pathlib import Path

import pytest

from course_gan.grade import submission
from course_gan.grade.session import Session, forget_keys
from tests.grade_class import KL, SECRET, TV, graded, grader, marks, notebook
from tests.grade_hostile import HOSTILE

BEFORE = {path: path.stat().st_mtime_ns for path in (Path(__file__), Path(__file__).parent)}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_submission_gets_nothing_and_harms_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COURSE_GAN_TOKEN", "LEAK of the environment")
    seed = tmp_path / "seed.txt"
    seed.write_text(SECRET)
    found = graded(tmp_path, notebook(*HOSTILE[name], TV))
    by_exercise = {mark.exercise: mark for mark in found.marks}
    assert by_exercise["kl-divergence"].points == 0, by_exercise["kl-divergence"]
    assert "LEAK" not in str([asdict(mark) | {"details": ""} for mark in found.marks])
    assert SECRET not in str(asdict(found))
    assert "LEAK" not in str(found.notes)
    assert not any("BufferError" in sentence for sentence in by_exercise["kl-divergence"].sentences)
    assert by_exercise["kl-divergence"].status != "not graded" or found.reason
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3 << 20  # KiB: nobody fills the grader's own memory
    assert seed.read_text() == SECRET
    assert {path: path.stat().st_mtime_ns for path in BEFORE} == BEFORE
    assert all(mark.sentences for mark in found.marks if mark.status not in ("right", "not graded"))


INSIDE = [name for name, cells in HOSTILE.items() if len(cells) == 1 and "def kl_divergence" in cells[0]]


@pytest.mark.parametrize(
    "name", ["exit code nought", "crash", "an endless loop", "memory", "fork bomb", "stopped by itself"]
)
def test_what_one_function_does_leaves_the_others_their_points(name: str, tmp_path: Path) -> None:
    assert name in INSIDE
    found = marks(tmp_path, *HOSTILE[name], TV)
    assert found["kl-divergence"].status in ("failed", "stopped")
    assert found["total-variation"].status == "right"


def test_cells_that_end_the_process_are_left_out_and_the_rest_is_graded(tmp_path: Path) -> None:
    found = graded(tmp_path, notebook("import os\nos._exit(1)", KL, TV))
    assert found.total == 4
    assert "Code cell 1" in found.notes[0]


def test_a_notebook_that_ends_every_process_is_given_up_with_a_reason(tmp_path: Path) -> None:
    found = graded(tmp_path, notebook(*["import os\nos._exit(1)"] * 6, KL))
    assert "ended the process" in found.reason
    assert {mark.status for mark in found.marks} == {"not graded"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"cells": 3}',
        b'{"cells": [{"cell_type": "code", "source": 5}]}',
        b"null",
    ],
    ids=["empty", "cut off", "binary", "deep", "cells a number", "source a number", "null"],
)
def test_a_file_that_is_no_notebook_has_a_reason(tmp_path: Path, data: bytes) -> None:
    found = graded(tmp_path, data)
    assert "cannot be read as a notebook" in found.reason
    assert found.total == 0


def test_nothing_of_a_box_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sessions: list[Session] = []

    class Recorded(Session):
        def __init__(self, *args: object) -> None:
            sessions.append(self)
            super().__init__(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(submission, "Session", Recorded)
    graded(tmp_path, notebook(*HOSTILE["children that stay"], TV))
    assert sessions
    for session in sessions:
        assert session.process.poll() is not None
        assert not any(folder.exists() for folder in session.group.folders)
        # bubblewrap ends every process in its namespace with it: none has its command line any more
        listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        assert str(grader().library) not in listed


KEYS = "import ctypes\nlibc = ctypes.CDLL(None)\nheld = ctypes.create_string_buffer(99)\n"
KEPT = """
def kl_divergence(p, q):
    return libc.syscall(248, b"user", b"course-gan", b"LEAK", 4, ctypes.c_int(-3))
"""
FOUND = """
if (key := libc.syscall(249, b"user", b"course-gan", None, 0)) > 0:
    libc.syscall(250, 11, key, held, 99, 0)
raise ValueError(f"found: {held.value}")
"""


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers of the system calls are those of x86_64")
def test_what_one_box_puts_into_the_kernels_keyring_no_other_finds(tmp_path: Path) -> None:
    forget_keys()  # as after a login: there is a keyring that all boxes could share
    graded(tmp_path, notebook(KEYS, KEPT))
    assert graded(tmp_path, notebook(KEYS, FOUND)).notes == ("Code cell 2 raised ValueError: found: b''",)


def test_notes_on_cells_are_those_of_the_first_box_which_saw_no_inputs(tmp_path: Path) -> None:
    here = "import os\nraise ValueError(len(os.listdir('/box')))"
    found = graded(tmp_path, notebook(here, "def kl_divergence(p, q):\n    os._exit(1)", TV))
    assert found.notes == ("Code cell 1 raised ValueError: 1",)
