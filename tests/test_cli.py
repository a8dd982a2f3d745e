"""The command line: it never overwrites work, judges notebooks of any state, and shows no traceback for a mistake."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from course_gan import __version__, chapters, console, run_notebook
from course_gan.cli import app
from course_gan.data import sets as datasets
from course_gan.notebook_check import Report, Row, find_checks

HEAD = "import torch\nfrom course_gan.check import check"
RIGHT_KL = "def kl_divergence(p, q):\n    return (torch.special.xlogy(p, p) - torch.special.xlogy(p, q)).sum(-1)"
CHECK_KL = 'check("kl-divergence", kl_divergence)'


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder, as in a pipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)

    def call(*arguments, **options):
        return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)

    return call


def plant(path: Path, *cells: str, **metadata: object) -> Path:
    sources = [nbformat.v4.new_code_cell(cell) for cell in cells]
    nbformat.write(nbformat.v4.new_notebook(cells=sources, metadata=metadata), path)
    return path


# --- the command itself ------------------------------------------------------------------------------------------


def test_the_module_runs_as_a_command_quickly_and_without_torch():
    # An idle machine needs 0.4 s; what would take seconds is not imported.
    code = "import sys, course_gan.cli; assert not {'torch', 'jupytext', 'nbclient', 'yaml', 'rich'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    shown = subprocess.run([sys.executable, "-m", "course_gan", "--help"], capture_output=True, text=True, check=True)
    assert "course-gan start 2" in shown.stdout
    assert shown.stderr == ""


@pytest.mark.parametrize("command", ["chapters", "start", "check", "data", "train", "reproduce", "assignment"])
def test_every_help_page_shows_an_example(run, command):
    for option in ("--help", "-h"):
        shown = run(command, option)
        assert shown.exit_code == 0
        assert f"\n    course-gan {command}" in shown.stdout


def test_the_version_is_the_packages(run):
    assert run("--version").stdout == f"course-gan {__version__}\n"


def test_names_reserved_for_later_are_no_commands_yet(run):
    for name in ("grade",):
        assert run(name).exit_code == 2


def test_an_output_that_cannot_show_every_character_still_works():
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "NO_COLOR": "1"}
    shown = subprocess.run(
        [sys.executable, "-m", "course_gan", "data"], env=environment, capture_output=True, check=True
    )
    assert b"MNIST" in shown.stdout
    assert b"\x1b" not in shown.stdout


# --- chapters ----------------------------------------------------------------------------------------------------


def test_chapters_lists_what_can_be_started_one_row_a_line(run):
    shown = run("chapters")
    assert shown.exit_code == 0
    chapter = chapters.find("2")
    row = next(line for line in shown.stdout.split("\n") if line.startswith("2 "))
    for part in (chapter.title, "ready", f"{chapter.minutes} min", *chapter.lectures):
        assert part in row
    cards = chapters.exercise_cards(chapter)
    if cards:
        assert f"{len(cards)} ({sum(card.points for card in cards)} points)" in row
    assert "course-gan start" in shown.stdout


# --- start -------------------------------------------------------------------------------------------------------


def test_start_writes_a_valid_notebook_and_says_what_to_do_next(run, tmp_path):
    shown = run("start", "divergences", "new/folder")
    assert shown.exit_code == 0
    target = Path("new/folder/02-divergences.ipynb")
    nbformat.validate(nbformat.read(tmp_path / target, as_version=4))
    assert f'jupyter lab "{target}"' in shown.stdout
    assert f'course-gan check "{target}"' in shown.stdout
    assert [path.name for path in (tmp_path / "new/folder").iterdir()] == ["02-divergences.ipynb"]


def test_start_refuses_to_overwrite_work(run, tmp_path):
    work = tmp_path / "02-divergences.ipynb"
    work.write_text("my work", encoding="utf-8")
    refused = run("start", "2")
    assert refused.exit_code == 1
    assert "--force" in refused.stderr
    assert work.read_text(encoding="utf-8") == "my work"
    assert list(tmp_path.iterdir()) == [work]


def test_start_with_force_keeps_a_backup_of_each_earlier_state(run, tmp_path):
    work = tmp_path / "02-divergences.ipynb"
    for state in ("first", "second", "third"):
        work.write_text(state, encoding="utf-8")
        shown = run("start", "2", "--force")
        assert shown.exit_code == 0
        assert "Kept your earlier notebook as 02-divergences.backup-" in shown.stdout
    backups = [path.read_text(encoding="utf-8") for path in tmp_path.glob("*.backup-*.ipynb")]
    assert sorted(backups) == ["first", "second", "third"]
    nbformat.validate(nbformat.read(work, as_version=4))
    assert len(list(tmp_path.iterdir())) == 4


@pytest.mark.parametrize(("answer", "code", "files"), [("y\n", 0, 2), ("n\n", 1, 1), ("\n", 1, 1)])
def test_start_asks_somebody_who_is_there_and_keeps_a_backup_even_then(run, tmp_path, monkeypatch, answer, code, files):
    work = tmp_path / "02-divergences.ipynb"
    work.write_text("my work", encoding="utf-8")
    monkeypatch.setattr(console, "interactive", lambda: True)
    assert run("start", "2", input=answer).exit_code == code
    assert len(list(tmp_path.iterdir())) == files
    assert "my work" in [path.read_text(encoding="utf-8") for path in tmp_path.iterdir()]


def test_start_leaves_the_earlier_notebook_whole_when_writing_fails(run, tmp_path, monkeypatch):
    work = tmp_path / "02-divergences.ipynb"
    work.write_text("my work", encoding="utf-8")

    def full(part, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    shown = run("start", "2", "--force")
    assert shown.exit_code == 2
    assert "No space left on device" in shown.stderr
    assert work.read_text(encoding="utf-8") == "my work"
    assert not list(tmp_path.glob("*.part"))
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("99",), "02-divergences"),
        (("2", "a-file"), "a-file is a file"),
        (("2", "mine.ipynb"), "name of a file"),
        (("2", "a-file/below"), "cannot be written"),
    ],
)
def test_start_names_a_mistake_without_a_traceback(run, tmp_path, arguments, complaint):
    (tmp_path / "a-file").write_text("x", encoding="utf-8")
    shown = run("start", *arguments)
    assert shown.exit_code == 2
    assert complaint in shown.stderr
    assert isinstance(shown.exception, SystemExit)
    assert [path.name for path in tmp_path.iterdir()] == ["a-file"]


# --- check -------------------------------------------------------------------------------------------------------


def test_check_judges_each_exercise_whatever_becomes_of_the_others(run, tmp_path):
    notebook = plant(
        tmp_path / "mixed.ipynb",
        *(HEAD, RIGHT_KL, CHECK_KL, "def kl_divergence(p, q):\n    return 'redefined further down'"),
        *(
            "def js(p, q):\n    raise NotImplementedError('your turn')",
            '%matplotlib inline\ncheck("js-divergence", js)',
        ),
        *("def tv(p, q):\n    return (p - q).abs().sum(-1)", 'print("!")\ncheck("total-variation", tv)'),
        *("1 / 0", 'check("closest-gaussian", never_defined)', 'check("no-such-exercise", tv)'),
        *("def endless(*inputs):\n    while True:\n        pass", 'check("kl-gaussian", endless)'),
        *("while True:\n    pass", 'import torch)\ncheck("kl-from-logits", tv)'),
    )
    before = notebook.read_bytes()
    shown = run("check", "mixed.ipynb", "--timeout", 3, "--json")
    assert shown.exit_code == 1
    assert notebook.read_bytes() == before
    result = json.loads(shown.stdout)
    rows = {row["exercise"]: row for row in result["exercises"]}
    assert {name: row["status"] for name, row in rows.items()} == {
        "kl-divergence": "passed",
        "js-divergence": "not started",
        "total-variation": "wrong",
        "closest-gaussian": "wrong",
        "no-such-exercise": "wrong",
        "kl-gaussian": "stopped",
        "kl-from-logits": "wrong",
    }
    assert "½" in rows["total-variation"]["sentence"]
    assert "expected" in rows["total-variation"]["message"]
    assert "never_defined" in rows["closest-gaussian"]["sentence"]
    assert "kl-divergence" in rows["no-such-exercise"]["sentence"]
    assert "3 s" in rows["kl-gaussian"]["sentence"]
    assert not result["passed"]
    assert (result["points"], rows["kl-divergence"]["points"]) == (2, 2)
    notes = "\n".join(result["notes"])
    assert "Code cell 9 (`1 / 0`) raised ZeroDivisionError" in notes
    assert "Code cell 14 (`while True:`) was stopped after 3 s" in notes
    assert "Code cell 15 (`import torch)`) raised SyntaxError" in notes


def test_check_blames_the_cell_that_calls_exit_and_tells_a_syntax_error_by_its_line(run, tmp_path):
    broken, reads = "def f(p, q:\n    return p", "def g(p, q):\n    return input('?')"
    cells = ["exit()", broken, reads, 'check("js-divergence", g)', RIGHT_KL, CHECK_KL, "x = input('name')"]
    plant(tmp_path / "odd.ipynb", HEAD, *cells)
    shown = run("check", "odd.ipynb", "--json")
    result = json.loads(shown.stdout)
    rows = {row["exercise"]: row for row in result["exercises"]}
    assert rows["kl-divergence"]["status"] == "passed"
    assert "(line 2 of the cell: return input('?'))" in rows["js-divergence"]["sentence"]
    assert "leave `input()` out" in rows["js-divergence"]["sentence"]
    assert "not written yet" not in rows["js-divergence"]["sentence"]
    notes = result["notes"]
    assert notes[0].startswith("Code cell 2 (`exit()`) raised SystemExit")
    assert notes[1].endswith("(line 1 of the cell).")
    assert not notes[2].endswith("..")


def test_check_prints_a_table_and_returns_zero_if_all_is_right(run, tmp_path):
    plant(tmp_path / "right.ipynb", HEAD, RIGHT_KL, CHECK_KL)
    shown = run("check", "right.ipynb")
    assert shown.exit_code == 0
    row = next(line for line in shown.stdout.split("\n") if "KL from its definition" in line)
    assert row.startswith("✓ right")
    assert "2/2" in row
    assert "1 of 1 exercises right, 2 of 2 points." in shown.stdout


def test_check_reads_a_text_notebook_in_its_own_folder_and_reports_a_dead_kernel(run, tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "beside.txt").write_text("x", encoding="utf-8")
    cells = [
        f"{HEAD}\nopen('beside.txt').close()\n{RIGHT_KL}",
        CHECK_KL,
        "import os\nos._exit(1)",
        'check("total-variation", kl_divergence)',
    ]
    head = "---\njupytext:\n  text_representation:\n    extension: .md\n    format_name: myst\n"
    text = head + "kernelspec:\n  name: a-kernel-that-nobody-has\n  display_name: x\n---\n"
    text += "".join(f"\n```{{code-cell}} ipython3\n{cell}\n```\n" for cell in cells)
    (tmp_path / "sub" / "dies.md").write_text(text, encoding="utf-8")
    start = time.monotonic()
    shown = run("check", "sub/dies.md", "--timeout", 1000)
    assert time.monotonic() - start < 300  # a dead kernel is noticed, not waited for
    assert shown.exit_code == 1
    assert "✓ right" in shown.stdout
    assert "? not run" in shown.stdout
    assert "Code cell 3 (`import os`) ended the kernel" in shown.stdout


def test_check_gives_up_a_kernel_that_cannot_be_interrupted(run, tmp_path, monkeypatch):
    monkeypatch.setattr(run_notebook, "PATIENCE", 0.5)
    ignore = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\nwhile True:\n    pass"
    plant(tmp_path / "stubborn.ipynb", ignore, CHECK_KL)
    shown = run("check", "stubborn.ipynb", "--timeout", 0.5)
    assert shown.exit_code == 1
    assert "could not be interrupted" in shown.stdout


def test_check_misses_the_check_cells_that_a_learner_deleted(run, tmp_path, monkeypatch):
    cards = [chapters.Card("kl-divergence", "KL", 5, 2), chapters.Card("total-variation", "TV", 5, 1)]
    monkeypatch.setattr("course_gan.notebook_check.exercise_cards", lambda chapter: cards)
    lost = run_notebook.Run([run_notebook.CellRun()], lost_in=0, why="ended the kernel")
    monkeypatch.setattr("course_gan.notebook_check.run_cells", lambda *arguments: lost)
    plant(tmp_path / "part.ipynb", CHECK_KL, course_gan={"chapter": "02-divergences"})
    shown = run("check", "part.ipynb")
    assert shown.exit_code == 1
    assert "? no check  0/1     TV" in shown.stdout
    assert "? not run   0/2     KL" in shown.stdout
    assert "Your function ended the kernel." in shown.stdout


def test_a_report_fits_on_a_screen_of_eighty_columns(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    row = Row("a", "wrong", "A sentence that is much longer than what is left of a line. " * 3, "A title", 0, 2)
    console.report(Report([row, Row("b", "passed", "Right.", "Another title", 1, 1)], ["A note."]))
    lines = capsys.readouterr().out.split("\n")
    assert max(len(line) for line in lines) <= 80
    assert lines[1].startswith("✗ not yet  0/2     A title")
    assert lines[2].startswith(" " * 19 + "A sentence that is")
    assert "1 of 2 exercises right, 1 of 3 points." in lines
    assert "A note." in lines


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("missing.ipynb", None, "course-gan start"),
        ("broken.ipynb", b"{not json", "cannot be read as a notebook"),
        ("empty.ipynb", b"", "cannot be read as a notebook"),
        ("list.ipynb", b"[]", "cannot be read as a notebook"),
        ("other.ipynb", b'{"a": 1}', "cannot be read as a notebook"),
        ("binary.md", b"\xff\xfe\x00", "cannot be read as a notebook"),
        ("sheet.xlsx", b"x", "no notebook"),
        ("plain.md", b"# Text only\n", "no check cells"),
    ],
)
def test_check_says_why_a_file_cannot_be_checked(run, tmp_path, name, content, complaint):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    shown = run("check", name)
    assert shown.exit_code == 2
    assert complaint in shown.stderr
    assert name in shown.stderr
    assert isinstance(shown.exception, SystemExit)


def test_check_without_check_cells_says_what_to_do(run, tmp_path):
    plant(tmp_path / "bare.ipynb", "x = 1")
    shown = run("check", "bare.ipynb")
    assert shown.exit_code == 2
    assert "no check cells" in shown.stderr
    assert "course-gan start" in shown.stderr


@pytest.mark.parametrize(
    ("source", "checks", "nothing_else"),
    [
        ('check("a-b", f)', [("a-b", "f")], True),
        ("check('a', lambda p, q: p)  # mine\ncheck('b', g)", [("a", "lambda p, q: p"), ("b", "g")], True),
        ("from course_gan import check\ncheck.check('a', f)", [("a", "f")], False),
        ("result = check('a', f)", [("a", "f")], False),
        ("%time check('a', f)", [], False),
        ("!ls\ncheck('a', f)", [("a", "f")], False),
        ("check('a', f)\nx = (", [("a", "f")], False),
        ("check(name, f)\ncheck('a')\nprint('check(\"a\", f)')", [], False),
        ("", [], True),
    ],
)
def test_check_calls_are_found_in_any_cell(source, checks, nothing_else):
    assert find_checks(source) == (checks, nothing_else)


# --- data --------------------------------------------------------------------------------------------------------


def test_data_says_what_is_present_and_how_to_get_the_rest(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_GAN_DATA", str(tmp_path / "sets"))
    shown = run("data")
    assert shown.exit_code == 0
    assert f"Looked in {tmp_path / 'sets'}, which does not exist yet" in shown.stdout
    for name in datasets.SETS:
        row = next(line for line in shown.stdout.split("\n") if line.startswith(f"{name} "))
        assert "absent" in row
        assert f"course-gan data --download {name}" in row


def test_data_that_cannot_be_downloaded_says_which_files_to_put_where(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_GAN_DATA", str(tmp_path))

    def fetch(loader, folder):
        raise OSError("no network")

    monkeypatch.setattr(datasets, "_fetch", fetch)
    shown = run("data", "--download", "mnist")
    assert shown.exit_code == 1
    assert "no network" in shown.stderr
    assert str(tmp_path / "MNIST" / "raw" / "train-images-idx3-ubyte") in shown.stderr
    assert run("data", "--download", "imagenet").exit_code == 2
