"""The instructor's file: what stands in it is understood or refused by name, and secrets stay out of the handout."""

import math
import os
import re
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from course_gan.grade.assignment import load, load_with_remarks
from course_gan.grade.handout import Handout, public_text
from course_gan.grade.model import Assignment, LatePolicy, Limits, Task, Variant
from course_gan.grade.rubric import grading_text, keep_apart, write_private
from course_gan.grade.tables import moment

DUE = datetime.fromisoformat("2026-12-01T23:59+01:00")
HANDOUT = Handout("week-1", 'The "first"', ("kl-divergence", "critic-step"), DUE, LatePolicy(per_day=0.2))


def written(folder: Path, text: str) -> Path:
    path = folder / "week-1-grading.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_the_command_writes_is_what_is_loaded(tmp_path: Path) -> None:
    assert load(written(tmp_path, grading_text(HANDOUT))) == Assignment(
        name="week-1",
        title='The "first"',
        tasks=(Task("kl-divergence", 2.0), Task("critic-step", 3.0)),
        due=DUE,
        late=LatePolicy(timedelta(minutes=15), 0.2, 7),
        limits=Limits(),
    )


def test_the_example_of_a_variant_can_be_used_as_it_stands(tmp_path: Path) -> None:
    text = grading_text(HANDOUT)
    example = re.search(r"# (\[exercises\.kl-divergence\.variant\])\n# (scale = .*)\n# (text = .*)\n", text)
    assert example is not None
    placed = text.replace(
        "[exercises.kl-divergence]\npoints = 2\n",
        "[exercises.kl-divergence]\npoints = 2\n" + "\n".join(example.groups()) + "\n",
    )
    variant = load(written(tmp_path, placed)).tasks[0].variant
    assert variant is not None
    assert variant.scale == pytest.approx(1 / math.log(2), rel=1e-15)
    assert "bits" in variant.text


def test_every_setting_is_read(tmp_path: Path) -> None:
    text = """
name = "week-1"
due = "2026-12-01T23:59+01:00"
partial = 0.25
trials = 3
feedback = "verdict"
[late]
grace_minutes = 0
per_day = 1
most_days = 0
[limits]
notebook_seconds = 10
exercise_seconds = 5.5
memory_mb = 2000
processes = 8
disk_mb = 1
[exercises.kl-divergence]
points = 2.5
[exercises.kl-divergence.variant]
scale = -2
text = "Minus twice."
[exercises.total-variation]
"""
    assert load(written(tmp_path, text)) == Assignment(
        name="week-1",
        title="week-1",
        tasks=(Task("kl-divergence", 2.5, Variant(-2.0, "Minus twice.")), Task("total-variation", 1.0)),
        due=DUE,
        late=LatePolicy(timedelta(0), 1.0, 0),
        partial=0.25,
        trials=3,
        feedback="verdict",
        limits=Limits(10.0, 5.5, 2000, 8, 1),
    )


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("partial =", "partal =", r"partal means nothing\. Did you mean 'partial'"),
        ("memory_mb", "memory", r"limits\.memory means nothing\. Did you mean 'memory_mb'"),
        ("per_day", "per_dya", r"late\.per_dya means nothing\. Did you mean 'per_day'"),
        ("points = 2", "point = 2", r"exercises\.kl-divergence\.point means nothing\. Did you mean 'points'"),
        ("points = 2", "points = -2", r"exercises\.kl-divergence\.points is -2; wanted is a number from 0"),
        ("points = 2", 'points = "2"', r"points is '2'; wanted is a number"),
        ("points = 2", "points = true", r"points is True; wanted is a number"),
        ("points = 2", "points = nan", r"points is nan"),
        ("points = 2", "points = inf", r"points is inf"),
        ("trials = 2", "trials = 0", r"trials is 0; wanted is a whole number from 1"),
        ("trials = 2", "trials = 2.0", r"trials is 2\.0; wanted is a whole number"),
        ("partial = 0.5", "partial = 50", r"partial is 50; wanted is a number from 0 to 1"),
        ('"sentences"\n', '"loud"\n', r'feedback is \'loud\'; wanted is "full" or "sentences" or "verdict"'),
        ("kl-divergence]", "kl-divergense]", r"exercises: There is no exercise 'kl-divergense'.*'kl-divergence'"),
        ("critic-step]", "kl-divergence]", r"not valid TOML: .*line"),
        ('name = "week-1"', 'name = "../x"', r"name is '\.\./x'"),
        ('name = "week-1"', "", r"name is missing"),
        ("[limits]", "[limits", r"not valid TOML"),
        ("T23:59:00+01:00", "", r"due is .*wanted is a date and a time"),
        ("2026-12-01T23:59:00+01:00", '"soon"', r"due is 'soon'; wanted is a date and a time"),
        ("memory_mb = 3000", "memory_mb = 3", r"memory_mb is 3; wanted is a whole number from 500"),
        ("per_day = 0.2", "per_day = 2", r"late\.per_day is 2; wanted is a number from 0 to 1"),
        ("points = 3", "variant = 3", r"variant is 3; wanted is a table"),
        ("points = 3", "[exercises.critic-step.variant]\nscale = 2\ntext = 'x'", r"'critic-step' can have no variant"),
        ("points = 2", "[exercises.kl-divergence.variant]\nscale = 1.0\ntext = 'x'", r"variant\.scale is 1\.0"),
        ("points = 2", "[exercises.kl-divergence.variant]\nscale = 0\ntext = 'x'", r"variant\.scale is 0"),
        ("points = 2", "[exercises.kl-divergence.variant]\nscale = 2", r"variant\.text is missing"),
        ("points = 2", "[exercises.kl-divergence.variant]\ntext = 'x'", r"variant\.scale is missing"),
    ],
)
def test_what_cannot_be_understood_is_refused_by_its_key(tmp_path: Path, old: str, new: str, complaint: str) -> None:
    text = grading_text(HANDOUT)
    assert old in text
    with pytest.raises(ValueError, match=complaint):
        load(written(tmp_path, text.replace(old, new, 1)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ('name = "a"\n', "exercises is missing"),
        ('name = "a"\n[exercises]\n', "there is no exercise"),
        ('name = "a"\nexercises = ["kl-divergence"]\n', "wanted is a table"),
        ('name = "a"\n[exercises.kl-divergence]\npoints = 0\n', "no exercise has points"),
    ],
)
def test_a_file_without_anything_to_grade_is_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        load(written(tmp_path, text))


def test_a_file_that_is_not_there_or_is_the_public_one_is_told_from_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="cannot be read"):
        load(tmp_path / "nothing.toml")
    with pytest.raises(ValueError, match="public file"):
        load(written(tmp_path, public_text(HANDOUT)))
    (tmp_path / "week-1-grading.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="not valid TOML"):
        load(tmp_path / "week-1-grading.toml")


def test_a_due_date_without_a_zone_is_utc_and_that_is_said(tmp_path: Path) -> None:
    text = grading_text(HANDOUT).replace("+01:00", "")
    assignment, remarks = load_with_remarks(written(tmp_path, text))
    assert assignment.due == datetime(2026, 12, 1, 23, 59, tzinfo=UTC)
    assert len(remarks) == 1
    assert "taken as UTC" in remarks[0]
    assert moment("2026-12-01 23:59")[1] != ""
    assert moment("2026-12-01T23:59Z") == (datetime(2026, 12, 1, 23, 59, tzinfo=UTC), "")


@pytest.mark.parametrize("text", ["", "2026-12-01", "tomorrow", "2026-13-01T00:00", "23:59", "2026-W49-1"])
def test_what_is_no_point_in_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="no point in time"):
        moment(text)


def test_a_variants_scale_must_be_set_before_the_file_can_be_used(tmp_path: Path) -> None:
    text = grading_text(Handout("w", "W", ("kl-divergence",), variants={"kl-divergence": 'In "bits".'}))
    with pytest.raises(ValueError, match=r"scale is 1\.0"):
        load(written(tmp_path, text))
    task = load(written(tmp_path, text.replace("scale = 1.0", "scale = 1.4427"))).tasks[0]
    assert task.variant == Variant(1.4427, 'In "bits".')


# --- secrets -----------------------------------------------------------------------------------------------------


def test_secrets_are_kept_out_of_the_handout_and_of_its_repository(tmp_path: Path) -> None:
    folder = tmp_path / "course" / "week-1"
    folder.mkdir(parents=True)
    (tmp_path / "link").symlink_to(folder)
    keep_apart(folder, tmp_path / "course" / "g.toml")
    for place in (
        folder / "g.toml",
        folder / "new" / "g.toml",
        tmp_path / "link" / "g.toml",
        folder / ".." / "week-1" / "g",
    ):
        with pytest.raises(ValueError, match="which is handed out"):
            keep_apart(folder, place)
    (tmp_path / "course" / ".git").mkdir()
    for place in (tmp_path / "course" / "g.toml", tmp_path / "course" / "private" / "g.toml"):
        with pytest.raises(ValueError, match="git repository"):
            keep_apart(folder, place)
    keep_apart(folder, tmp_path / "g.toml")
    (folder / ".git").mkdir()  # a repository of its own
    keep_apart(folder, tmp_path / "course" / "g.toml")


def test_the_seed_is_random_for_its_owner_only_and_never_overwritten(tmp_path: Path) -> None:
    seeds = []
    for name in ("a", "b"):
        grading, seed = tmp_path / name / "g.toml", tmp_path / name / "g.seed"
        write_private(grading, "text\n", seed)
        assert re.fullmatch(r"[0-9a-f]{64}\n", seed.read_text(encoding="utf-8"))
        assert grading.read_text(encoding="utf-8") == "text\n"
        seeds.append(seed.read_bytes())
        if os.name == "posix":
            assert {stat.S_IMODE(path.stat().st_mode) for path in (grading, seed)} == {0o600}
    assert seeds[0] != seeds[1]
    for grading, seed in (("a/new.toml", "a/g.seed"), ("a/g.toml", "a/new.seed")):
        with pytest.raises(ValueError, match=r"g\.(seed|toml) exists"):
            write_private(tmp_path / grading, "x", tmp_path / seed)
    with pytest.raises(ValueError, match="Give two names"):
        write_private(tmp_path / "c", "x", tmp_path / "c")
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["g.seed", "g.toml"]
    assert (tmp_path / "a" / "g.seed").read_bytes() == seeds[0]


def test_a_seed_without_its_rubric_does_not_stay_behind(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be written"):
        write_private(tmp_path / "file" / "g.toml", "x", tmp_path / "g.seed")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
