"""A whole class from the command line: all are graded whatever some of them do, and nothing done is done again."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from course_gan.cli import app
from course_gan.grade import classroom
from course_gan.grade.model import Graded, Submission
from course_gan.grade.submission import Grader
from tests.grade_class import KL, TV, need_box, notebook

GRADING = """
name = "hw1"
title = "Homework 1"
due = "2026-11-01T12:00:00Z"

[exercises.kl-divergence]
points = 2

[exercises.total-variation]
points = 2

[limits]
notebook_seconds = 9
exercise_seconds = 4
memory_mb = 1200
"""
DUE = 1793534400  # 2026-11-01T12:00:00Z
LOOP = "def kl_divergence(p, q):\n    while True:\n        pass"


@pytest.fixture
def lesson(tmp_path: Path) -> Path:
    """A folder with a class: everything right, one of two right, an endless loop, a link, no notebook."""
    need_box()
    handed = tmp_path / "submissions"
    handed.mkdir()
    for name, cells in {"ada": (KL, TV), "bob": (TV,), "eve": (LOOP, TV)}.items():
        (handed / f"{name}.ipynb").write_bytes(notebook(*cells))
        os.utime(handed / f"{name}.ipynb", (DUE - 3600, DUE - 3600))
    os.utime(handed / "bob.ipynb", (DUE + 86400, DUE + 86400))
    (handed / "mallory.ipynb").symlink_to("/etc/passwd")
    (handed / "zoe.ipynb").write_text("no notebook")
    os.utime(handed / "zoe.ipynb", (DUE - 3600, DUE - 3600))
    (tmp_path / "grading.toml").write_text(GRADING)
    (tmp_path / "seed.txt").write_text("a seed that nobody knows")
    (tmp_path / "seed.txt").chmod(0o600)
    return tmp_path


def command(lesson: Path, *more: str, out: str = "marks") -> list[str]:
    parts = ["grade", "submissions", "--assignment", "grading.toml", "--seed-file", "seed.txt", "--out", out, *more]
    return [str(lesson / part) if (lesson / part).exists() and part != "grade" else part for part in parts]


def grade(lesson: Path, *more: str, out: str = "marks") -> Any:
    here = Path.cwd()
    os.chdir(lesson)
    try:
        return CliRunner().invoke(app, command(lesson, *more, out=out))
    finally:
        os.chdir(here)


def contents(folder: Path) -> dict[str, bytes]:
    """The reports, without the marks kept on the way."""
    files = [path for path in folder.rglob("*") if path.is_file() and "work" not in path.relative_to(folder).parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def rows(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "grades.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def right_for_all(self: Grader, submission: Submission) -> Graded:
    """In the place of a box, where the box does not matter."""
    from course_gan.grade.marking import unmarked

    return Graded(submission, tuple(unmarked(q.task, "missing", "Not there.") for q in self.questions))


def test_a_class_is_graded_whatever_some_of_them_do(lesson: Path) -> None:
    told = grade(lesson, "--jobs", "2")
    assert told.exit_code == 0, told.output
    found = rows(lesson / "marks")
    totals = {student: float(row["total"]) for student, row in found.items()}
    assert totals == {"ada": 4.0, "bob": 1.8, "eve": 2.0, "mallory": 0.0, "zoe": 0.0}
    assert found["bob"]["late_days"] == "1"
    assert "symbolic link" in found["mallory"]["note"]
    assert "cannot be read as a notebook" in found["zoe"]["note"]
    written = contents(lesson / "marks")
    assert {"grades.csv", "results.json", "class.html"} <= set(written)
    assert sum(name.startswith("feedback/") for name in written) == 5
    assert json.loads(written["results.json"])
    assert not any(b"a seed that nobody knows" in data for data in written.values())
    assert not any(str(lesson).encode() in data for data in written.values())

    # Once more: the same bytes, and no submission is run again.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Grader, "grade", lambda self, one: pytest.fail(f"{one.student} was run again"))
        again = grade(lesson)
    assert again.exit_code == 0, again.output
    assert contents(lesson / "marks") == written

    # In two parts, elsewhere, and put together: the same bytes.
    for part in ("1/2", "2/2"):
        told = grade(lesson, "--shard", part, out=f"part{part[0]}")
        assert told.exit_code == 0, told.output
        assert not (lesson / f"part{part[0]}" / "grades.csv").exists()
    assert grade(lesson, "--merge", "part1", "--merge", "part2", out="whole").exit_code == 0
    assert contents(lesson / "whole") == written


def test_a_run_that_is_killed_goes_on_where_it_was(lesson: Path) -> None:
    arguments = [sys.executable, "-m", "course_gan", *command(lesson, "--jobs", "1")]
    with subprocess.Popen(arguments, cwd=lesson, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        kept = lesson / "marks" / "work" / "marks"
        until = time.monotonic() + 300
        while not (kept.is_dir() and any(kept.glob("*.json"))) and time.monotonic() < until:
            assert running.poll() is None
            time.sleep(0.05)
        running.send_signal(signal.SIGKILL)
    before = {file: file.stat().st_mtime_ns for file in kept.glob("*.json")}
    assert 1 <= len(before) < 5
    assert not (lesson / "marks" / "grades.csv").exists()
    told = grade(lesson)
    assert told.exit_code == 0, told.output
    assert {file: file.stat().st_mtime_ns for file in before} == before
    assert {student: row["total"] for student, row in rows(lesson / "marks").items()}["ada"] == "4"


def test_reports_among_the_submissions_are_refused_before_they_become_one(lesson: Path) -> None:
    result = grade(lesson, out="submissions/marks")
    assert result.exit_code == 2
    assert "lies in the submissions" in result.output
    assert not (lesson / "submissions" / "marks").exists()


@pytest.mark.parametrize(
    "where", ["course_gan.grade.store.write_atomically", "course_gan.grade.report.write_atomically"]
)
def test_a_full_disk_is_said_to_be_full_and_the_same_command_goes_on(
    lesson: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(Grader, "grade", right_for_all)

    def full(path: Path, *rest: object, **more: object) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as disk:
        disk.setattr(where, full)
        result = grade(lesson)
    assert result.exit_code == 2
    assert "No space left on device" in result.output
    assert "goes on" in result.output
    assert grade(lesson).exit_code == 0
    assert len(rows(lesson / "marks")) == 5


def test_our_own_mistake_is_said_to_be_ours_and_the_others_are_graded(
    lesson: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails_for_ada(self: Grader, submission: Submission) -> Graded:
        if submission.student == "ada":
            raise RuntimeError("a bug of ours")
        return right_for_all(self, submission)

    monkeypatch.setattr(Grader, "grade", fails_for_ada)
    assert grade(lesson).exit_code == 0
    assert "The grader itself failed" in rows(lesson / "marks")["ada"]["note"]
    assert len(rows(lesson / "marks")) == 5
    # It is tried again by the next run, the others are not.
    again: list[str] = []
    monkeypatch.setattr(Grader, "grade", lambda self, one: again.append(one.student) or right_for_all(self, one))
    assert grade(lesson).exit_code == 0
    assert again == ["ada"]
    assert "failed" not in rows(lesson / "marks")["ada"]["note"]


def test_a_box_that_does_not_start_is_no_fault_of_the_student(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom.box, "write_library", lambda folder: None)  # so that there is no worker
    assert grade(lesson).exit_code == 0
    assert "before anything was run in it" in rows(lesson / "marks")["ada"]["note"]
    monkeypatch.undo()
    assert grade(lesson).exit_code == 0
    assert rows(lesson / "marks")["ada"]["total"] == "4"


def test_parts_graded_at_once_into_one_folder_do_not_meet(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[set[Path]] = []

    def told(self: Grader, submission: Submission) -> Graded:
        kept.append(set(lesson.glob("marks/work/files*/*")))
        return right_for_all(self, submission)

    monkeypatch.setattr(Grader, "grade", told)
    for part in ("1/2", "2/2"):
        assert grade(lesson, "--shard", part).exit_code == 0
    assert len(kept[-1] - kept[0]) == len(kept[0]) > 0  # the second part has copies of its own
    monkeypatch.setattr(Grader, "grade", lambda self, one: pytest.fail(f"{one.student} was run again"))
    assert grade(lesson).exit_code == 0
    assert len(rows(lesson / "marks")) == 5


def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(self: Grader, submission: Submission) -> Graded:
        if submission.student == "eve":
            raise KeyboardInterrupt
        return right_for_all(self, submission)

    monkeypatch.setattr(Grader, "grade", interrupted)
    told = grade(lesson, "--jobs", "1")
    assert told.exit_code == 130
    assert "goes on from here" in told.output
    assert len(list((lesson / "marks" / "work" / "marks").glob("*.json"))) == 2


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--shard", "3/2"], "--shard"),
        (["--shard", "x"], "--shard"),
        (["--seed-file", "nowhere.txt"], "no seed file"),
        (["--assignment", "nowhere.toml"], "nowhere.toml"),
        (["--merge", "nowhere"], "holds no marks"),
    ],
)
def test_a_call_that_cannot_be_used_says_what_to_do(lesson: Path, arguments: list[str], told: str) -> None:
    found = grade(lesson, *arguments)
    assert found.exit_code == 2, found.output
    assert told in found.output
    assert "Traceback" not in found.output


def test_without_a_box_nothing_is_run_unless_it_is_written_out(lesson: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(classroom.box, "_works", lambda command, probe=True: False)
    monkeypatch.setattr(Grader, "grade", right_for_all)
    refused = grade(lesson)
    assert refused.exit_code == 2
    assert "no box" in refused.output
    assert grade(lesson, "--unsafe").exit_code == 0
    page = (lesson / "marks" / "class.html").read_text(encoding="utf-8")
    assert "unsafe" in page
