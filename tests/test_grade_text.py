"""Text from submissions is made fit for a report, and the rules are said in words."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from course_gan.grade import rules
from course_gan.grade.model import Graded, LatePolicy
from course_gan.grade.text import clean, counted, duration, iso, moment, number, one_line
from tests.grade_samples import ASSIGNMENT, DUE, marks, student


@pytest.mark.parametrize(
    ("dirty", "kept"),
    [
        ("a\x00b\x07c\x7f\x9b", "abc"),
        ("\x1b[31mred\x1b[0m \x1b]0;title\x07text", "red text"),
        ("one\r\ntwo\u2028three\x0bfour", "one\ntwo\nthree\nfour"),
        ("abc\u202egnp.exe\u2066x\u2069", "abcgnp.exex"),
        ("half \udc80 name", "half \ufffd name"),
        ("👩‍🎓 ليلى", "👩‍🎓 ليلى"),
    ],
)
def test_what_is_invisible_is_taken_out_and_what_is_text_stays(dirty: str, kept: str) -> None:
    assert clean(dirty) == kept


def test_a_message_that_fills_megabytes_is_cut() -> None:
    assert clean("x" * 10_000_000, 100) == "x" * 99 + "…"
    assert clean("x" * 100, 100) == "x" * 100


def test_one_line_has_no_line_end_of_any_kind() -> None:
    assert one_line(" a\nb\r\nc\u2029d\x85e\x0cf\tg ") == "a b c d e f g"


@pytest.mark.parametrize(
    ("value", "written"),
    [(2.0, "2"), (0.5, "0.5"), (7.125, "7.12"), (1 / 3, "0.33"), (-0.0, "0"), (-1e-9, "0"), (100, "100")],
)
def test_numbers_have_a_point_and_at_most_two_decimals(value: float | int, written: str) -> None:
    assert number(value) == written


def test_nouns_follow_their_number() -> None:
    assert [counted(n, "point") for n in (0, 1, 1.5, 2)] == ["0 points", "1 point", "1.5 points", "2 points"]


def test_moments_name_their_zone() -> None:
    assert moment(DUE) == "2026-03-01 23:59 UTC+01:00"
    assert moment(datetime(2026, 3, 1, 23, tzinfo=UTC), DUE) == "2026-03-02 00:00 UTC+01:00"
    assert iso(DUE) == "2026-03-01T22:59:00Z"
    assert iso(None) == ""


def test_a_time_without_a_zone_counts_as_utc_on_every_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    assert iso(datetime(2026, 3, 1, 12)) == "2026-03-01T12:00:00Z"


def test_durations_are_said_in_hours_and_minutes() -> None:
    said = [duration(timedelta(minutes=m)) for m in (0, 1, 15, 60, 90, 1500)]
    assert said == ["0 minutes", "1 minute", "15 minutes", "1 hour", "1 hour 30 minutes", "25 hours"]


@pytest.mark.parametrize(
    ("policy", "said"),
    [
        (LatePolicy(), "Up to 15 minutes later still counts as on time.  Each day begun after that costs 10 % of"),
        (
            LatePolicy(timedelta(0), 0.125, 1),
            "+01:00.  Each day begun after that costs 12.5 % of the points; more than 1 day ",
        ),
        (LatePolicy(per_day=0.0), "Being late costs nothing for 7 days"),
        (LatePolicy(most_days=0), "A late submission earns nothing."),
    ],
)
def test_late_policy_is_said_as_it_is(policy: LatePolicy, said: str) -> None:
    assert said in rules.late_rule(replace(ASSIGNMENT, late=policy))


def test_no_deadline_means_nobody_is_late() -> None:
    assignment = replace(ASSIGNMENT, due=None)
    assert "nothing counts as late" in rules.late_rule(assignment)
    assert rules.late_cost(assignment, Graded(student("A"), marks())) == ""


def test_partial_credit_is_said_as_it_is() -> None:
    assert "earns that share of 50 % of them, rounded down to a quarter of a point" in rules.partial_rule(ASSIGNMENT)
    assert rules.partial_rule(replace(ASSIGNMENT, partial=0.0)).startswith("Only an answer that is right in all cases")


@pytest.mark.parametrize("box", ["NOT ISOLATED (--unsafe)", "", " ", "none", "unsafe"])
def test_what_is_not_known_to_be_a_box_counts_as_none(box: str) -> None:
    assert not rules.isolated(box)
    assert "without a box" in rules.box_rule(box)


@pytest.mark.parametrize("box", ["bubblewrap", "container"])
def test_a_box_is_named(box: str) -> None:
    assert rules.isolated(box)
    assert f"({box})" in rules.box_rule(box)
