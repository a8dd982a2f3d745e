"""Honest submissions get what they deserve, however they are written: all points, or those for what is right."""

from pathlib import Path

import pytest

from tests.grade_class import graded
from tests.grade_honest import FIVE, FIVE_EXERCISES, HONEST, PARTIAL, partial

TRIALS = FIVE_EXERCISES.trials


@pytest.mark.parametrize("name", HONEST)
def test_honest_submission_has_all_points_and_no_note_that_worries(name: str, tmp_path: Path) -> None:
    honest = HONEST[name]
    found = graded(tmp_path, honest.data, FIVE_EXERCISES, honest.name)
    assert found.reason == ""
    assert {mark.exercise: mark.status for mark in found.marks} == dict.fromkeys(FIVE, "right"), found.marks
    assert found.total == FIVE_EXERCISES.possible
    assert len(found.notes) == len(honest.notes), found.notes
    for note, wanted in zip(found.notes, honest.notes):
        assert wanted in note


@pytest.mark.parametrize("name", PARTIAL)
def test_partial_submission_has_the_points_for_what_is_right(name: str, tmp_path: Path) -> None:
    found = graded(tmp_path, partial(name), FIVE_EXERCISES)
    assert found.reason == ""
    flaws = PARTIAL[name]
    for mark in found.marks:
        if mark.exercise not in flaws:
            assert (mark.status, mark.points) == ("right", mark.possible), mark
            continue
        flaw = flaws[mark.exercise]
        assert (mark.status, mark.points, mark.misconception) == (flaw.status, flaw.points, flaw.misconception), mark
        assert mark.right == TRIALS * flaw.right
        assert any(flaw.said in sentence for sentence in mark.sentences), mark.sentences
    assert found.total == FIVE_EXERCISES.possible - sum(2.0 - flaw.points for flaw in flaws.values())
