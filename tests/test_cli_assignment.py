"""`course-gan assignment` from the command line, and the summary that `course-gan check` writes for a workflow."""

import json
import shlex
from pathlib import Path

import nbformat
import pytest
from markdown_it import MarkdownIt
from typer.testing import CliRunner

from course_gan import check_summary, cli_assignment
from course_gan.check_summary import LARGEST, append, harmless, of_failure, of_report
from course_gan.cli import app
from course_gan.grade.assignment import load
from course_gan.grade.handout import read_handout
from course_gan.notebook_check import Report, Row

DUE = ("--due", "2026-12-01T23:59+01:00")
TWO = ("--exercises", "kl-divergence,critic-loss")
GIVEN = {"kl_divergence": "    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(-1)"}


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder, as in a pipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments):
        shown = CliRunner().invoke(app, [str(argument) for argument in arguments])
        assert shown.exception is None or isinstance(shown.exception, SystemExit), shown.exception
        return shown

    return call


def test_a_new_assignment_is_a_folder_and_its_rubric_lies_outside(run, tmp_path):
    shown = run("assignment", "new", "week-1", *TWO, *DUE, "--title", "Week 1", "--per-day", 0.2)
    assert shown.exit_code == 0, shown.stderr
    assert 'course-gan assignment rubric "week-1"' in shown.stdout
    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()} == {
        f"week-1/{name}"
        for name in (
            *("week-1.ipynb", "assignment.toml", "README.md", "requirements.txt", ".gitignore"),
            *(".github/workflows/check.yml", ".gitlab-ci.yml"),
        )
    }
    assert (tmp_path / "week-1").stat().st_mode & 0o055 == 0o055
    shown = run("assignment", "rubric", "week-1")
    assert shown.exit_code == 0, shown.stderr
    assert "keep both out" in shown.stdout
    assert '--assignment "week-1-grading.toml" \\\n    --seed-file "week-1.seed" --out marks\n' in shown.stdout
    assignment = load(tmp_path / "week-1-grading.toml")
    assert [task.exercise for task in assignment.tasks] == ["kl-divergence", "critic-loss"]
    assert (assignment.title, assignment.late.per_day, assignment.due.isoformat()) == (
        *("Week 1", 0.2),
        "2026-12-01T23:59:00+01:00",
    )
    seed = (tmp_path / "week-1.seed").read_text(encoding="utf-8").strip()
    handed_out = [path for path in (tmp_path / "week-1").rglob("*") if path.is_file()]
    assert not any(seed in path.read_text(encoding="utf-8") for path in handed_out)
    again = run("assignment", "rubric", "week-1")
    assert again.exit_code == 2
    assert "exists, and marks may rest on it" in again.stderr
    assert (tmp_path / "week-1.seed").read_text(encoding="utf-8").strip() == seed


def test_work_is_never_overwritten_and_force_keeps_a_backup(run, tmp_path):
    arguments = ("assignment", "new", "week-1", "--exercises", "kl-divergence", "--exercises", "critic-loss", *DUE)
    assert run(*arguments).exit_code == 0
    mine = tmp_path / "week-1" / "mine.txt"
    mine.write_text("mine", encoding="utf-8")
    (tmp_path / "week-1" / ".git").mkdir()
    refused = run(*arguments)
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert mine.read_text(encoding="utf-8") == "mine"
    shown = run(*arguments, "--force")
    assert shown.exit_code == 0, shown.stderr
    assert "its .git, too" in shown.stdout
    [backup] = tmp_path.glob("week-1.backup-*")
    assert (backup / "mine.txt").read_text(encoding="utf-8") == "mine"
    assert not mine.exists()
    assert not list(tmp_path.glob(".*.part"))


def test_chapters_add_their_exercises_and_a_remark_says_how_the_date_was_read(run, tmp_path):
    chapters = ("--chapters", "2", "--exercises", "kl-divergence", "--out", "sub", "--due", "2026-12-01T23:59")
    shown = run("assignment", "new", "two", *chapters)
    assert shown.exit_code == 0, shown.stderr
    assert "taken as UTC" in shown.stdout
    exercises = read_handout(tmp_path / "sub" / "two").exercises
    assert exercises[:2] == ("kl-divergence", "total-variation")
    assert len(exercises) == len(set(exercises)) == 8


def test_a_variants_text_is_public_and_its_scale_is_asked_for(run, tmp_path):
    variant = ("--variant", "kl-divergence=Give it in bits = divide by log 2.")
    assert run("assignment", "new", "v", *TWO, *DUE, *variant).exit_code == 0
    shown = run("assignment", "rubric", "v", "--out", "private/v.toml", "--seed-file", "private/s")
    assert shown.exit_code == 0, shown.stderr
    assert "Set the scale" in shown.stdout
    with pytest.raises(ValueError, match=r"scale is 1\.0"):
        load(tmp_path / "private" / "v.toml")
    assert (tmp_path / "private" / "s").exists()
    assert read_handout(tmp_path / "v").variants == {"kl-divergence": "Give it in bits = divide by log 2."}


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("new", "w", *DUE), "An assignment needs exercises"),
        (("new", "w", *DUE, "--exercises", "kl"), "no exercise 'kl'"),
        (("new", "w", *DUE, "--chapters", "99"), "no chapter '99'"),
        (("new", "../w", *DUE, *TWO), "wanted are up to 60 letters"),
        (("new", "w", "--due", "soon", *TWO), "no point in time"),
        (("new", "w", *DUE, *TWO, "--variant", "bits"), "wanted is ID=TEXT"),
        (("new", "w", *DUE, *TWO, "--variant", "kl-divergence=a", "--variant", "kl-divergence=b"), "two variants"),
        (("new", "w", *DUE, *TWO, "--out", "a-file"), "cannot be written"),
        (("rubric", "nothing"), "assignment new"),
    ],
)
def test_a_mistake_is_told_and_leaves_nothing_behind(run, tmp_path, arguments, complaint):
    (tmp_path / "a-file").write_text("", encoding="utf-8")
    shown = run("assignment", *arguments)
    assert shown.exit_code == 2
    assert complaint in shown.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"]


def test_a_link_in_the_place_of_the_folder_is_left_alone(run, tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "w").symlink_to(tmp_path / "real")
    shown = run("assignment", "new", "w", *DUE, *TWO, "--force")
    assert shown.exit_code == 1
    assert "a file or a link" in shown.stderr
    assert list((tmp_path / "real").iterdir()) == []


def test_a_rubric_inside_of_the_handout_is_refused(run, tmp_path):
    assert run("assignment", "new", "w", *DUE, *TWO).exit_code == 0
    for options in (("--out", "w/g.toml"), ("--seed-file", "w/seed")):
        shown = run("assignment", "rubric", "w", *options)
        assert shown.exit_code == 2
        assert "which is handed out" in shown.stderr
    (tmp_path / ".git").mkdir()
    shown = run("assignment", "rubric", "w")
    assert shown.exit_code == 2
    assert "git repository" in shown.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == [".git", "w"]


@pytest.mark.parametrize(
    ("command", "examples"), [("new", cli_assignment.NEW_EXAMPLES), ("rubric", cli_assignment.RUBRIC_EXAMPLES)]
)
def test_the_examples_use_options_that_there_are(run, command, examples):
    shown = run("assignment", command, "--help")
    assert f"\n    course-gan assignment {command} week-2" in shown.stdout
    words = [word for line in examples.strip().split("\n")[1:] for word in shlex.split(line)]
    assert [word for word in words if word.startswith("--") and word not in shown.stdout] == []


# --- the summary of a check --------------------------------------------------------------------------------------


def test_an_untouched_assignment_runs_and_its_summary_says_what_is_left(run, tmp_path):
    """In a kernel, from top to bottom: one function written, one stub, one that has no check."""
    three = ("--exercises", "kl-divergence,critic-loss,total-variation")
    assert run("assignment", "new", "w", *DUE, *three, "--variant", "total-variation=Twice.").exit_code == 0
    path = tmp_path / "w" / "w.ipynb"
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "def kl_divergence" in cell.source:
            cell.source = cell.source.replace('    raise NotImplementedError("your turn")', GIVEN["kl_divergence"])
    nbformat.write(notebook, path)
    (tmp_path / "summary.md").write_text("Before.\n", encoding="utf-8")
    shown = run("check", path, "--summary", "summary.md", "--json")
    assert shown.exit_code == 1
    result = json.loads(shown.stdout)
    assert {row["exercise"]: row["status"] for row in result["exercises"]} == {
        "kl-divergence": "passed",
        "critic-loss": "not started",
    }
    assert result["notes"] == ["“total-variation” is graded, but cannot be checked here."]
    summary = (tmp_path / "summary.md").read_text(encoding="utf-8")
    assert summary.startswith("Before.\n## w.ipynb\n\n**1 of 2 exercises right, 2 of 4 points.**\n\n| Exercise |")
    assert "| KL from its definition | ✓ right, 2/2 | Nothing: it is done. |" in summary
    assert "| – not started, 0/2 | Not written yet: replace the line" in summary
    assert "- “total-variation” is graded" in summary
    assert "This is feedback and no mark" in summary


def test_a_notebook_that_cannot_be_run_has_a_summary_too(run, tmp_path):
    (tmp_path / "n.ipynb").write_text("{", encoding="utf-8")
    assert run("check", "n.ipynb", "--summary", "s.md").exit_code == 2
    assert "Not checked: n.ipynb cannot be read as a notebook" in (tmp_path / "s.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["n.ipynb", "other.ipynb", "n.py", "folder"])
def test_the_summary_never_goes_into_the_notebook(run, tmp_path, name):
    (tmp_path / "n.ipynb").write_text("{", encoding="utf-8")
    (tmp_path / "folder").mkdir()
    shown = run("check", "n.ipynb", "--summary", name)
    assert shown.exit_code == 2
    assert "give a Markdown file" in shown.stderr
    assert (tmp_path / "n.ipynb").read_text(encoding="utf-8") == "{"


@pytest.mark.parametrize(
    "hostile",
    [
        "a | b |\n| c |",
        "<script>alert(1)</script><!-- ",
        "[click](https://example.org) ![x](http://example.org/p.png)",
        "`code` ``more``",
        "@everyone and #12, mail a@example.org or www.example.org",
        "~~~\n# heading\n```",
        "\x1b[31mred\x1b[0m \u202egnp.exe \u2028 \x00",
        "**bold** __under__ $x$ &lt; \\",
    ],
)
def test_what_a_learners_code_says_cannot_write_markup_into_the_summary(hostile):
    row = Row(hostile, "wrong", hostile, "", 0, 2)
    text = of_report(f"{hostile}.ipynb", Report([row], [f"Code cell 1 (`{hostile}`) raised."]))
    lines = text.split("\n")
    assert len(lines) == len(of_report("x", Report([Row("x", "wrong", "x")], ["x"])).split("\n"))
    for line in lines:
        bare = line.replace("\\\\", "")
        for mark in ("<", ">", "@e", "#1", "://", "www.", "\x1b", "\u202e", "\x00"):
            assert mark not in bare
        unescaped = [bare[i] for i in range(len(bare)) if bare[i] in "`*_[]~$" and (i == 0 or bare[i - 1] != "\\")]
        assert unescaped in ([], ["*"] * 4)  # the line with the points is bold
        if line.startswith("|") and "---" not in line:
            assert sum(bare[i] == "|" and (i == 0 or bare[i - 1] != "\\") for i in range(len(bare))) == 4
    page = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    tokens = {token.type for block in page for token in [block, *(block.children or [])]}
    assert not tokens & {"link_open", "image", "html_inline", "html_block", "code_inline", "fence", "em_open", "s_open"}
    assert sum(token.type == "td_open" for token in page) == 3


def test_plain_sentences_stay_readable():
    assert harmless("You took a / b (not 1/2): use a @ b.", 300) == "You took a / b (not 1/2): use a @ b."
    assert harmless("x" * 400, 300) == "x" * 299 + "…"


def test_a_summary_is_never_larger_than_the_page_accepts(tmp_path):
    row = Row("an-exercise", "wrong", "é" * 400, "T" * 90, 0, 1)
    text = of_report("n.ipynb", Report([row] * 5000, ["note"]))
    assert len(text.encode()) <= LARGEST
    assert "more lines." in text
    assert "This is feedback" in text
    file = tmp_path / "s.md"
    append(file, text)
    append(file, text)
    assert file.stat().st_size <= LARGEST
    assert file.read_text(encoding="utf-8").endswith("\n")


def test_a_file_that_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(ValueError, match="cannot be written"):
        append(tmp_path / "file" / "s.md", of_failure("n.ipynb", "reason"))
    assert check_summary.FORGEABLE in of_failure("n.ipynb", "reason")


def test_a_check_cell_that_is_missing_from_an_assignment_is_missed(run, tmp_path, monkeypatch):
    cells = [nbformat.v4.new_code_cell('check("critic-loss", f)')]
    about = {"exercises": ["critic-loss", "kl-divergence", "no-such", 3], "graded_only": "x"}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"course_gan": about}), tmp_path / "n.ipynb")
    from course_gan import run_notebook

    lost = run_notebook.Run([run_notebook.CellRun()], lost_in=0, why="ended the kernel")
    monkeypatch.setattr("course_gan.notebook_check.run_cells", lambda *arguments: lost)
    shown = run("check", "n.ipynb", "--json")
    rows = {row["exercise"]: row["status"] for row in json.loads(shown.stdout)["exercises"]}
    assert rows == {"critic-loss": "not run", "kl-divergence": "no check"}


def test_an_assignment_of_variants_alone_can_be_checked_all_the_same(run, tmp_path):
    cells = [nbformat.v4.new_code_cell("1 / 0")]
    about = {"exercises": [], "graded_only": ["kl-divergence"]}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"course_gan": about}), tmp_path / "n.ipynb")
    shown = run("check", "n.ipynb", "--json")
    notes = json.loads(shown.stdout)["notes"]
    assert "ZeroDivisionError" in notes[0]
    assert "kl-divergence" in notes[1]


def test_the_readme_of_a_handout_names_files_that_are_in_it(run, tmp_path):
    assert run("assignment", "new", "w", *DUE, *TWO).exit_code == 0
    text = (tmp_path / "w" / "README.md").read_text(encoding="utf-8")
    for name in ("w.ipynb", "requirements.txt"):
        assert name in text
        assert Path(tmp_path / "w" / name).is_file()
