"""Marks are kept as soon as they are there, and found again only for the very same submission and rules."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from course_gan.grade.model import Graded, LatePolicy, Mark, Submission
from course_gan.grade.store import MARKED, Store
from tests.grade_class import HOMEWORK

ADA = Submission("ada", "ada.ipynb", Path("files/0.ipynb"), datetime(2026, 11, 1, tzinfo=UTC), digest="d1")
MARK = Mark("kl-divergence", "KL", "not yet", 0.0, 2.0, 3, 26, ("Swap them.",), "swapped", "a case", "details\n\x00é")
GRADED = Graded(ADA, (MARK, replace(MARK, exercise="total-variation")), "a reason", notes=("a note",))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, HOMEWORK, "secret 1", "bubblewrap")


def test_what_is_kept_is_found_as_it_was(store: Store, tmp_path: Path) -> None:
    assert store.find(ADA) is None
    store.keep(GRADED)
    assert store.find(ADA) == GRADED
    assert Store(tmp_path, HOMEWORK, "secret 1", "bubblewrap").find(ADA) == GRADED


@pytest.mark.parametrize(
    "other",
    [
        replace(ADA, digest="d2"),
        replace(ADA, student="eve"),
        replace(ADA, source="x/ada.ipynb"),
        replace(ADA, problem="gone"),
    ],
    ids=["contents", "student", "place", "problem"],
)
def test_another_submission_is_marked_anew(store: Store, other: Submission) -> None:
    store.keep(GRADED)
    assert store.find(other) is None


def test_other_rules_seeds_and_boxes_mark_anew(store: Store, tmp_path: Path) -> None:
    store.keep(GRADED)
    assert Store(tmp_path, replace(HOMEWORK, partial=0.25), "secret 1", "bubblewrap").find(ADA) is None
    assert Store(tmp_path, HOMEWORK, "secret 2", "bubblewrap").find(ADA) is None
    assert Store(tmp_path, HOMEWORK, "secret 1", "none (--unsafe)").find(ADA) is None


def test_what_only_the_pages_show_marks_nothing_anew(store: Store, tmp_path: Path) -> None:
    store.keep(GRADED)
    shown = replace(HOMEWORK, title="Another title", feedback="verdict")
    assert Store(tmp_path, shown, "secret 1", "bubblewrap").find(ADA) == GRADED


def test_another_time_or_deadline_keeps_the_marks(store: Store, tmp_path: Path) -> None:
    store.keep(GRADED)
    later = replace(ADA, submitted=datetime(2026, 11, 2, tzinfo=UTC))
    moved = replace(HOMEWORK, due=datetime(2026, 11, 1, tzinfo=UTC), late=LatePolicy(per_day=0.5))
    assert Store(tmp_path, moved, "secret 1", "bubblewrap").find(later) == replace(GRADED, submission=later)


def test_other_code_marks_anew(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.keep(GRADED)
    monkeypatch.setattr("course_gan.grade.store._code", lambda: "another version")
    assert Store(tmp_path, HOMEWORK, "secret 1", "bubblewrap").find(ADA) is None


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"marks": 3}', '{"marks": [{"x": 1}]}'])
def test_a_damaged_file_is_as_good_as_none(store: Store, tmp_path: Path, damage: str) -> None:
    store.keep(GRADED)
    (file,) = (tmp_path / MARKED).iterdir()
    file.write_text(damage)
    assert store.find(ADA) is None


def test_marks_of_another_run_are_taken_over(store: Store, tmp_path: Path) -> None:
    store.keep(GRADED)
    other = Store(tmp_path / "other", HOMEWORK, "secret 1", "bubblewrap")
    assert other.take(tmp_path) == 1
    assert other.find(ADA) == GRADED
    with pytest.raises(ValueError, match="holds no marks"):
        other.take(tmp_path / "nowhere")


def test_the_secret_is_not_in_what_is_kept(store: Store, tmp_path: Path) -> None:
    store.keep(GRADED)
    (file,) = (tmp_path / MARKED).iterdir()
    assert "secret 1" not in file.read_text() + file.name
