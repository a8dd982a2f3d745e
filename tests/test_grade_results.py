"""results.json holds what the other reports show, and nothing that must stay hidden."""

import json
from dataclasses import replace
from typing import Any

from course_gan.grade.model import Assignment, Graded
from course_gan.grade.results import results_json
from course_gan.grade.rows import rows_of
from tests.grade_samples import ASSIGNMENT, CLASS_NOTES, marks, sample_class, student


def results(graded: list[Graded], assignment: Assignment = ASSIGNMENT, box: str = "bubblewrap") -> dict[str, Any]:
    content: dict[str, Any] = json.loads(results_json(assignment, rows_of(assignment, graded), box, CLASS_NOTES))
    return content


def test_every_student_has_every_mark() -> None:
    content = results(sample_class())
    assert content["schema"] == 1
    assert content["notes"] == list(CLASS_NOTES)
    assert len(content["students"]) == 12
    assert all(len(one["marks"]) == 5 for one in content["students"])
    bruno = next(one for one in content["students"] if one["student"] == "Bruno Silva")
    assert (bruno["earned"], bruno["total"], bruno["late_days"]) == (7.0, 7.0, 0)
    assert bruno["marks"][3]["misconception"]
    assert {key: bruno["marks"][3][key] for key in ("status", "right", "cases", "points")} == {
        "status": "partly right", "right": 7, "cases": 12, "points": 1.0,
    }  # fmt: skip


def test_keys_are_sorted_so_that_two_runs_can_be_compared() -> None:
    text = results_json(ASSIGNMENT, rows_of(ASSIGNMENT, sample_class()), "bubblewrap", ()).decode()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1) + "\n"


def test_running_without_a_box_is_recorded() -> None:
    assert results([])["isolated"] is True
    assert results([], box="NOT ISOLATED (--unsafe)")["isolated"] is False


def test_scale_of_a_variant_is_kept_back() -> None:
    text = json.dumps(results(sample_class()))
    assert "Give the divergence in bits." in text
    assert "1.44269" not in text
    assert "seed" not in text


def test_hidden_numbers_stand_there_only_with_full_feedback() -> None:
    assert "0.91629073" not in json.dumps(results(sample_class()))
    assert "0.91629073" in json.dumps(results(sample_class(), replace(ASSIGNMENT, feedback="full")))


def test_a_name_survives_exactly_as_it_was_found() -> None:
    name = "a\nb\udc80\u202e="
    (one,) = results([Graded(student(name), marks("right"))])["students"]
    assert one["student"] == name
