"""The folder of reports: same class, same bytes; a killed run leaves whole files; nobody else's file is touched."""

import json
import os
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from course_gan.grade.model import Graded
from course_gan.grade.report import write_reports
from tests.grade_html import complaints, read
from tests.grade_samples import ASSIGNMENT, CLASS_NOTES, marks, sample_class, student


def write(out: Path, graded: list[Graded], **options: Any) -> None:
    write_reports(out, ASSIGNMENT, graded, **({"box": "bubblewrap", "notes": CLASS_NOTES} | options))


def contents(out: Path) -> dict[str, bytes]:
    return {path.relative_to(out).as_posix(): path.read_bytes() for path in sorted(out.rglob("*")) if path.is_file()}


def test_all_reports_are_there(tmp_path: Path) -> None:
    write(tmp_path, sample_class())
    names = list(contents(tmp_path))
    assert [name for name in names if "/" not in name] == ["class.html", "grades.csv", "results.json"]
    assert len([name for name in names if name.startswith("feedback/") and name.endswith(".html")]) == 12
    assert len(names) == 15


def test_same_class_gives_the_same_bytes_in_any_order(tmp_path: Path) -> None:
    write(tmp_path / "a", sample_class())
    write(tmp_path / "b", sample_class()[::-1])
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_a_file_that_stays_the_same_is_not_touched(tmp_path: Path) -> None:
    write(tmp_path, sample_class())
    for path in tmp_path.rglob("*.*"):
        os.utime(path, (1, 1))
    write(tmp_path, [replace(one, notes=("x",)) if i == 0 else one for i, one in enumerate(sample_class())])
    touched = {path.name for path in tmp_path.rglob("*.*") if path.stat().st_mtime > 1}
    assert touched == {"grades.csv", "results.json", "class.html", "amara-okafor-c74c64e3d8a3.html"}


@pytest.mark.parametrize("done", range(16))
def test_wherever_a_run_is_killed_each_file_is_the_old_or_the_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, done: int
) -> None:
    old = [replace(one, notes=("old",)) for one in sample_class()]
    write(tmp_path / "old", old)
    write(tmp_path / "new", sample_class())
    write(tmp_path / "out", old)
    written = 0
    rename = os.replace

    def killed(source: Path, target: Path) -> None:
        nonlocal written
        if written == done:
            raise KeyboardInterrupt
        written += 1
        rename(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", killed)
        if done < 15:
            with pytest.raises(KeyboardInterrupt):
                write(tmp_path / "out", sample_class())
        else:
            write(tmp_path / "out", sample_class())
    left, before, after = (contents(tmp_path / name) for name in ("out", "old", "new"))
    assert all(left[name] in (before[name], after[name]) for name in left)
    assert sum(left[name] == after[name] for name in left) == done
    if left["grades.csv"] == after["grades.csv"]:
        assert left == after
    write(tmp_path / "out", sample_class())
    assert contents(tmp_path / "out") == after


def test_pages_of_students_who_are_gone_are_removed_and_nothing_else(tmp_path: Path) -> None:
    write(tmp_path, [*sample_class(), Graded(student("zoe"), marks("right"))])
    (tmp_path / "feedback" / "gone.html.partial").write_bytes((tmp_path / "feedback" / "zoe.html").read_bytes()[:900])
    foreign = {
        "feedback/index.html": "<!doctype html><p>mine</p>",
        "feedback/notes.txt": "mine",
        "feedback/other.html.partial": "mine",
        "old.html": (tmp_path / "class.html").read_text(encoding="utf-8"),
    }
    for name, text in foreign.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "feedback" / "folder.html").mkdir()
    (tmp_path / "feedback" / "link.html").symlink_to(tmp_path / "old.html")
    write(tmp_path, sample_class())
    left = contents(tmp_path)
    assert "feedback/zoe.html" not in left
    assert "feedback/gone.html.partial" not in left
    assert {name: left[name].decode() for name in foreign} == foreign
    assert (tmp_path / "feedback" / "folder.html").is_dir()
    assert (tmp_path / "feedback" / "link.html").is_symlink()


def test_a_link_in_the_place_of_a_report_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine", encoding="utf-8")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "grades.csv").symlink_to(tmp_path / "mine.txt")
    write(tmp_path / "out", sample_class())
    assert (tmp_path / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert not (tmp_path / "out" / "grades.csv").is_symlink()


def test_a_file_in_the_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine", encoding="utf-8")
    with pytest.raises(ValueError, match=r"go into a folder, but .*out is a file"):
        write(tmp_path / "out", [])


def test_a_class_without_submissions_has_its_reports(tmp_path: Path) -> None:
    write(tmp_path, [])
    assert list(contents(tmp_path)) == ["class.html", "grades.csv", "results.json"]
    assert json.loads((tmp_path / "results.json").read_text(encoding="utf-8"))["students"] == []


def test_a_class_of_500_has_a_page_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # waiting for the disk takes most of the time
    graded = [
        replace(one, submission=replace(one.submission, student=f"{one.submission.student} {i}"))
        for i in range(42)
        for one in sample_class()
    ]
    write(tmp_path, graded[:500])
    assert len(list((tmp_path / "feedback").iterdir())) == 500
    assert len((tmp_path / "grades.csv").read_bytes().splitlines()) == 501
    assert complaints(read(tmp_path / "class.html")) == []


def test_two_students_of_the_same_name_both_get_their_own_page(tmp_path: Path) -> None:
    twins = [Graded(student("Kim", source=f"{group}/Kim.ipynb"), marks(*["right"] * i)) for i, group in enumerate("ab")]
    write(tmp_path, twins)
    pages = {read(path).text() for path in (tmp_path / "feedback").iterdir()}
    assert {"a/Kim.ipynb" in page for page in pages} == {True, False}
    assert len(pages) == 2


@pytest.mark.skipif(not hasattr(time, "tzset"), reason="the time zone of a process cannot be changed here")
def test_time_zone_of_the_machine_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for zone in ("UTC", "Asia/Tokyo"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        naive = replace(sample_class()[0], submission=student("A", datetime(2026, 3, 1, 12)))
        write(tmp_path / zone, [*sample_class(), naive])
    monkeypatch.undo()
    time.tzset()
    assert contents(tmp_path / "UTC") == contents(tmp_path / "Asia" / "Tokyo")
