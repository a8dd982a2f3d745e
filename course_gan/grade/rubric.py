"""The instructor's side of an assignment: the file of points and rules, and the seed, both outside of the handout."""

import os
import secrets
from pathlib import Path

from course_gan.exercises import EXERCISES, get
from course_gan.exercises.core import call_directly
from course_gan.grade.handout import Handout, late_lines
from course_gan.grade.model import Assignment, Limits
from course_gan.grade.tables import quoted

SEED_BYTES = 32


def grading_text(handout: Handout) -> str:
    """The text of `NAME-grading.toml`, with every setting in it and what it means."""
    usual, limits = Assignment(handout.name, handout.title, ()), Limits()
    due = f"due = {handout.due.isoformat()}" if handout.due else "# due = 2026-12-01T23:59:00+01:00"
    lines = [
        f"# How the assignment {handout.name!r} is graded.",
        "# Keep this file and the seed to yourself: out of the folder that is handed out, and out of its repository.",
        f"name = {quoted(handout.name)}",
        f"title = {quoted(handout.title)}",
        "# With the zone; without one it is taken as UTC.",
        due,
        "",
        "# A function that is right in at least half of the cases, but not in all, earns that share of this share of",
        "# the points, rounded down to a quarter of a point; with 0 it earns nothing.",
        f"partial = {usual.partial:g}",
        "# How many secret seeds there are, each with all cases of an exercise.",
        f"trials = {usual.trials}",
        '# What students read: "verdict" (right or not), "sentences" (also which mistake it was), "full" (also inputs',
        "# and expected values of a wrong case, which are then no secret any more).",
        f"feedback = {quoted(usual.feedback)}",
        "",
        "# After the grace each day begun costs this share of the points, and after most_days all of them.",
        "# The README that was handed out states this rule.",
        *late_lines(handout.late),
        "",
        "# What one submission may use.",
        "[limits]",
        f"notebook_seconds = {limits.notebook_seconds:g}  # all cells together",
        f"exercise_seconds = {limits.exercise_seconds:g}  # all cases of one exercise",
        f"memory_mb = {limits.memory_mb}",
        f"processes = {limits.processes}  # threads count",
        f"disk_mb = {limits.disk_mb}",
        "",
        "# The points are those of the course, which the notebook states, too.",
    ]
    for exercise in handout.exercises:
        lines += [f"[exercises.{exercise}]", f"points = {get(exercise).points}"]
        if text := handout.variants.get(exercise):
            lines += [
                f"[exercises.{exercise}.variant]",
                "scale = 1.0  # set it: what the variant multiplies the book's answer by",
                f"text = {quoted(text)}",
            ]
        lines.append("")
    return "\n".join([*lines, *_example(handout)]) + "\n"


def _example(handout: Handout) -> list[str]:
    """How a variant is written, for whoever did not ask for one."""
    if handout.variants:
        return ["# Change a text here and in the notebook together."]
    can = [exercise for exercise in handout.exercises if get(exercise).call is call_directly]
    example = (can or [e for e in EXERCISES if get(e).call is call_directly])[0]
    return [
        "# The published solution of an exercise passes.  A variant asks for a multiple of it; hand it out by",
        f'# course-gan assignment new … --variant {example}="Give the result in bits, not nats: divide by log 2."',
        "# whose place here is behind the points of its exercise:",
        f"# [exercises.{example}.variant]",
        "# scale = 1.4426950408889634  # 1 / log 2",
        '# text = "Give the result in bits, not nats: divide by log 2."',
    ]


def keep_apart(folder: Path, file: Path) -> None:
    """Refuse a place for a secret that is handed out with the folder, or pushed with it."""
    home, place = folder.resolve(), file.resolve().parent
    if place == home or home in place.parents:
        raise ValueError(
            f"{file} would lie in {folder}, which is handed out. Give a place outside of it: --out and --seed-file."
        )
    repository = _repository(home)
    if repository is not None and _repository(place) == repository:
        raise ValueError(
            f"{file} would lie in the git repository {repository}, to which {folder} belongs: one `git add` too many, "
            "and students have it. Give a place outside of the repository: --out and --seed-file."
        )


def _repository(folder: Path) -> Path | None:
    return next((place for place in (folder, *folder.parents) if (place / ".git").exists()), None)


def write_private(grading: Path, text: str, seed: Path) -> None:
    """Write both files for their owner only; neither must exist, for marks may rest on what is in them."""
    if grading.resolve() == seed.resolve():
        raise ValueError(f"{grading} cannot hold both the rubric and the seed. Give two names.")
    for file in (grading, seed):
        if os.path.lexists(file):
            raise ValueError(f"{file} exists, and marks may rest on it, so it is left as it is. Give another name.")
    written: list[Path] = []
    try:
        for file, content in ((seed, f"{secrets.token_hex(SEED_BYTES)}\n"), (grading, text)):
            file.parent.mkdir(parents=True, exist_ok=True)
            _write_new(file, content, written)
    except OSError as error:
        for file in written:
            file.unlink(missing_ok=True)
        raise ValueError(f"{error.filename or grading} cannot be written: {error.strerror or error}.") from error


def _write_new(file: Path, content: str, written: list[Path]) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    written.append(file)
    with open(descriptor, "w", encoding="utf-8", newline="\n") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
