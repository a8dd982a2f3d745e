"""Follows book/grading.md as a new instructor would: its commands run, in order, and print and write what it shows."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from course_gan.grade.assignment import load
from course_gan.grade.model import Assignment, Feedback, Limits, Status
from course_gan.grade.submission_times import read_times
from tests.grade_class import need_box
from tests.grade_hostile import HOSTILE

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "book" / "grading.md").read_text(encoding="utf-8")
FILES = ROOT / "book" / "_static" / "grading"
BLOCK = re.compile(
    r"^```(\{code-block\} )?(\w+)\n(?::caption: ([^\n]+)\n\n)?(.*?)^```$(\n\n```text\n(.*?)^```$)?", re.M | re.S
)


@dataclass(frozen=True)
class Block:
    """A block of the guide; `shown` is what stands in the block below it, if that is the output of this one."""

    language: str
    caption: str
    text: str
    shown: str | None


BLOCKS = [
    Block(m[2], m[3] or "", m[4], m[6] if m[2] == "bash" else None)
    for m in BLOCK.finditer(GUIDE)
    if m[1] or m[2] != "text"
]


def block(caption: str) -> str:
    """The text of the one block with this caption."""
    (found,) = [one.text for one in BLOCKS if one.caption == caption]
    return found


def commands(word: str) -> list[Block]:
    """The blocks of commands that name this word."""
    return [one for one in BLOCKS if one.language == "bash" and word in one.text]


def shell(script: str, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """A script in bash, with the command `course-gan` of this very checkout."""
    tools = folder / ".tools"
    if not tools.is_dir():
        tools.mkdir()
        (tools / "course-gan").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m course_gan "$@"\n')
        (tools / "course-gan").chmod(0o755)
    variables = {"PATH": f"{tools}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "COLUMNS": "80"} | variables
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=os.environ | variables,
        capture_output=True,
        text=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def follow(one: Block, folder: Path) -> None:
    """Run the commands of a block, and compare what they print with what the guide shows."""
    done = shell(one.text, folder)
    assert done.returncode == 0, f"{one.text}\n{done.stdout}{done.stderr}"
    if one.shown is not None:
        # The address holds the version, which changes with each release.
        printed = re.sub(r"(?<=install the course from )\S+@\S+$", "git+…", done.stdout, flags=re.M)
        assert printed.strip() == one.shown.strip()


def fill_in(notebook: Path, answers: str) -> None:
    """Write functions into the cells of a notebook that hold their stubs."""
    content = json.loads(notebook.read_text(encoding="utf-8"))
    for answer in re.findall(r"^def .*?(?=^def |\Z)", answers, re.M | re.S):
        head = answer.split("\n")[0]
        (cell,) = [cell for cell in content["cells"] if "".join(cell["source"]).startswith(head)]
        cell["source"] = answer.rstrip()
    notebook.write_text(json.dumps(content), encoding="utf-8")


def reports(folder: Path) -> dict[str, bytes]:
    """All that a run wrote for people, without what it goes on from."""
    files = [path for path in folder.rglob("*") if path.is_file() and "work" not in path.relative_to(folder).parts]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an instructor who has followed the guide until the class of three is graded."""
    need_box()
    folder = tmp_path_factory.mktemp("course")
    new, *_ = commands("assignment new")
    rubric, *_ = commands("assignment rubric")
    (copy,) = commands("mkdir")
    grade, *_ = commands("course-gan grade")
    for one in (new, rubric, copy):
        follow(one, folder)
    for student in ("ada", "ben"):
        fill_in(folder / "submissions" / student / "week-2.ipynb", block("Ada's answers"))
    fill_in(folder / "submissions" / "ben" / "week-2.ipynb", block("Ben's last answer"))
    (folder / "private" / "times.csv").write_text(block("private/times.csv"), encoding="utf-8")
    follow(grade, folder)
    return folder


def test_every_command_of_the_guide_is_followed_here() -> None:
    followed = ["new", "rubric", "cp", "check", "grade", "new … rubric", "grade --merge"]
    assert len(commands("")) == len(followed)
    assert sum(one.shown is not None for one in BLOCKS) == 4
    assert [len(commands(f"assignment {word}")) for word in ("new", "rubric")] == [2, 2]


def test_what_is_handed_out_is_what_the_guide_lists(course: Path) -> None:
    listed = set(
        re.findall(r"`([^`]+)`", GUIDE[GUIDE.index("| file in `week-2/`") : GUIDE.index("No solution and no")])
    )
    written = {str(path.relative_to(course / "week-2")) for path in (course / "week-2").rglob("*") if path.is_file()}
    assert listed - {"week-2/"} == written - {".gitignore"}


def test_the_marks_are_those_of_the_guide(course: Path) -> None:
    (shown,) = re.findall(r"^```\{csv-table\}\n.*?\n\n(.*?)^```$", GUIDE, re.M | re.S)
    written = (course / "marks" / "grades.csv").read_text(encoding="utf-8-sig")
    assert written.replace("\r\n", "\n") == shown
    (row,) = [row for row in csv.DictReader(shown.splitlines()) if row["student"] == "ben"]
    assert (row["late_days"], row["deduction"], row["total"]) == ("1", "0.3", "2.7")
    folders = re.findall(r"^submissions/.*$", GUIDE, re.M)
    assert all((course / path).is_file() for path in folders)
    assert len(folders) == 3
    section = GUIDE[GUIDE.index("## Grade\n") : GUIDE.index("### What each outcome means")]
    named = set(re.findall(r"^\*\*`([^`]+)`\*\*", section, re.M))
    assert named == {"grades.csv", "feedback/", "class.html", "results.json", "work/"}
    assert all((course / "marks" / name).exists() for name in named)


def test_a_students_own_check_writes_the_summary_of_the_guide(course: Path) -> None:
    (check,) = commands("course-gan check")
    done = shell(check.text, course)
    assert done.returncode == 1, done.stderr  # not all is right
    assert (course / "summary.md").read_text(encoding="utf-8").strip() == block("summary.md").strip()


def test_a_variant_is_made_as_the_guide_says(course: Path) -> None:
    *_, both = commands("assignment new")
    follow(both, course)
    grading = course / "private" / "week-2-bits-grading.toml"
    wanted = block("private/week-2-bits-grading.toml")
    (scale,) = re.findall(r"^scale = .*$", wanted, re.M)
    edited = re.sub(r"^scale = 1\.0 .*$", scale, grading.read_text(encoding="utf-8"), flags=re.M)
    assert wanted.strip() in edited
    grading.write_text(edited, encoding="utf-8")
    variant = load(grading).tasks[0].variant
    assert variant is not None
    assert 0.6931471805599453 * variant.scale == pytest.approx(1, abs=1e-15)


def test_parts_are_graded_and_put_together_as_the_guide_says(course: Path) -> None:
    written = reports(course / "marks")
    script = (FILES / "grade.slurm").read_text(encoding="utf-8")
    assert re.findall(r"^#SBATCH --array=1-8$", script, re.M)
    for part in ("1", "2"):
        numbers = {"SLURM_ARRAY_TASK_ID": part, "SLURM_ARRAY_TASK_COUNT": "2", "SLURM_CPUS_PER_TASK": "2"}
        done = shell(script, course, **numbers)
        assert done.returncode == 0, done.stderr
        assert f"part {part} of 2" in done.stdout
    shutil.rmtree(course / "marks")
    (merge,) = commands("--merge")
    follow(merge, course)
    assert reports(course / "marks") == written

    # The last step on GitHub, with these parts, and with the class in an archive: nothing is run again.
    shutil.make_archive(str(course / "submissions"), "zip", course / "submissions")
    shutil.rmtree(course / "marks")
    (step,) = [step for step in steps("whole") if "SEED" in step.get("env", {})]
    seed = (course / "private" / "week-2.seed").read_text().strip()
    kept = {file.name for file in course.glob("parts/*/work/marks/*")}
    done = shell(step["run"], course, SEED=seed, RUNNER_TEMP=str(course), RULES=workflow()["env"]["RULES"])
    assert done.returncode == 0, done.stderr
    assert reports(course / "marks") == written
    assert {file.name for file in (course / "marks" / "work" / "marks").iterdir()} == kept


def test_times_of_cloned_repositories_are_found_as_the_guide_says(tmp_path: Path) -> None:
    (script,) = [one.text for one in BLOCKS if one.language == "sh" and "git" in one.text]
    (tmp_path / "private").mkdir()
    moments = {"ada": "2026-12-01T18:00:00+01:00", "ben": "2026-12-02T10:00:00+01:00"}
    git = "git -c user.name=x -c user.email=x@example.org -c commit.gpgsign=false"
    for student, moment in moments.items():
        folder = tmp_path / "week-2-submissions" / f"week-2-{student}"
        folder.mkdir(parents=True)
        commit = f"git init --quiet && {git} commit --quiet --allow-empty --message x"
        assert shell(commit, folder, GIT_COMMITTER_DATE=moment).returncode == 0
    assert shell(script, tmp_path).returncode == 0
    found = read_times(tmp_path / "private" / "times.csv")
    assert {student: row.time.timestamp() for student, row in found.items()} == {
        student: datetime.fromisoformat(moment).timestamp() for student, moment in moments.items()
    }


def workflow() -> dict[str, Any]:
    """The workflow of the guide, as GitHub reads it."""
    found: dict[str, Any] = yaml.safe_load((FILES / "grade-matrix.yml").read_text(encoding="utf-8"))
    return found


def steps(job: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow()["jobs"][job]["steps"]
    return found


def test_the_workflow_has_a_seed_only_where_it_grades_and_may_only_read() -> None:
    found = workflow()
    assert found["permissions"] == {"contents": "read"}
    assert found[True] == {"workflow_dispatch": None}  # "on", for YAML
    assert set(found["jobs"]) == {"part", "whole"}
    assert found["jobs"]["whole"]["needs"] == "part"
    for job in found["jobs"]:
        grading = [step for step in steps(job) if "course-gan grade" in step.get("run", "")]
        assert [step for step in steps(job) if "secrets" in str(step)] == grading
        assert len(grading) == 1
        assert "umask 077" in grading[0]["run"]
        for step in steps(job):
            assert subprocess.run(["bash", "-n", "-c", step.get("run", "")], check=False).returncode == 0
    numbers = found["jobs"]["part"]["strategy"]["matrix"]["shard"]
    assert numbers == list(range(1, len(numbers) + 1))
    (part,) = [step for step in steps("part") if "SHARD" in step.get("env", {})]
    assert part["env"]["SHARD"] == "${{ matrix.shard }}/${{ strategy.job-total }}"
    assert '--shard "$SHARD"' in part["run"]


def test_the_tables_name_every_outcome_limit_and_kind_of_feedback() -> None:
    first = re.findall(r"^\| `?\"?([^|`\"]+?)\"?`? \|", GUIDE, re.M)
    assert set(get_args(Status)) <= set(first)
    assert set(get_args(Feedback)) <= set(first)
    usual = Assignment("x", "x", ()).limits
    for name in Limits.__dataclass_fields__:
        assert f"| `{name}` | {getattr(usual, name):g} |" in GUIDE
    assert len(HOSTILE) > 50  # as the guide says


def test_the_pictures_are_small_and_there() -> None:
    pictures = re.findall(r"\{figure\} _static/grading/(\S+)", GUIDE)
    assert pictures == ["feedback.png", "class.png"]
    assert all(1000 < (FILES / name).stat().st_size < 120_000 for name in pictures)
