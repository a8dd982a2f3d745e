"""`course-gan train` and `course-gan reproduce`: they run, say what is wrong without a traceback, and lose nothing."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from course_gan import console, provenance, recipes
from course_gan.cli import app
from course_gan.experiments import Outcomes
from course_gan.recipes import command, scores
from course_gan.reproductions import REPRODUCTIONS
from course_gan.train import Diverged, load_checkpoint

TINY = ("--steps", "3", "--set", "batch=8", "--quiet")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a command in an empty folder, as in a pipe."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COLUMNS", raising=False)
    monkeypatch.delenv("COURSE_GAN_SCALE", raising=False)
    monkeypatch.setattr(scores, "POINTS", 500)

    def call(*arguments, **options):
        shown = CliRunner().invoke(app, [str(argument) for argument in arguments], **options)
        assert shown.exception is None or isinstance(shown.exception, SystemExit), shown.exception
        return shown

    return call


@pytest.mark.parametrize("name", ["train", "reproduce"])
def test_help_pages_show_examples_of_recipes_that_there_are(run, name):
    shown = run(name, "--help")
    assert shown.exit_code == 0
    lines = re.findall(rf"\n    course-gan ({name} .*)", shown.stdout)
    assert len(lines) >= 4
    known = [*recipes.names(), *REPRODUCTIONS, "--list"]
    assert all(shlex.split(line)[1] in known for line in lines)
    for line in lines:  # every option of an example is an option
        for word in shlex.split(line)[2:]:
            assert not word.startswith("--") or word in shown.stdout


# --- train -------------------------------------------------------------------------------------------------------


def test_the_list_has_a_row_for_each_recipe(run):
    shown = run("train", "--list")
    assert shown.exit_code == 0
    rows = {line.split()[0] for line in shown.stdout.split("\n") if line.strip()}
    assert set(recipes.names()) <= rows
    without = run("train")
    assert (without.exit_code, without.stdout) == (2, shown.stdout)


def test_train_writes_a_folder_a_seed_and_reports_the_scores(run, tmp_path):
    shown = run("train", "ring", "--seeds", "2", *TINY)
    assert shown.exit_code == 0
    for seed in (0, 1):
        folder = tmp_path / "runs" / "ring" / f"seed-{seed}"
        assert {"checkpoint.pt", "history.csv", "samples.png", "summary.json"} <= {x.name for x in folder.iterdir()}
        assert json.loads((folder / "summary.json").read_text(encoding="utf-8"))["settings"]["batch"] == 8
    rows = [line.split() for line in shown.stdout.split("\n") if re.match(r"[01] +3 ", line)]
    assert [row[0] for row in rows] == ["0", "1"]
    assert "high quality" in shown.stdout
    assert re.search(r"modes: .* \(.* to .*, 2 runs\)", shown.stdout)
    assert str(Path("runs/ring")) in shown.stdout
    assert shown.stderr == ""


def test_train_promises_what_was_measured_only_of_the_run_that_was_measured(run, tmp_path, monkeypatch):
    monkeypatch.setattr(recipes, "train_seed", lambda *_, **__: recipes.Summary(0, {"modes": 8}, 3, 1.0))
    ring = recipes.load("ring")
    as_it_is = run("train", "ring").stdout
    assert f"You should see: {ring.see}" in as_it_is
    assert run("train", "ring", "--steps", str(ring.settings["steps"]), "--seeds", "5-6").stdout.startswith(
        as_it_is.split("\n")[0]
    )
    for change in (("--steps", "5"), ("--set", "critic.hidden=[7]"), ("--set", "loss=hinge")):
        shown = run("train", "ring", *change).stdout
        assert "You should see" not in shown
        assert "differs from those that were measured, in its settings, device or number of processes" in shown
        assert f"on cpu, showed: {ring.see}" in shown
    whole = (recipes.schema.FOLDER / "ring.toml").read_text(encoding="utf-8")
    (tmp_path / "changed.toml").write_text(whole.replace("std = 0.01", "std = 0.02"), encoding="utf-8")
    assert "differs from those" in run("train", "changed.toml").stdout
    (tmp_path / "unmeasured.toml").write_text(whole.partition("\n[measured]")[0], encoding="utf-8")
    unmeasured = run("train", "unmeasured.toml").stdout
    assert "No scores are recorded of this recipe" in unmeasured
    assert "You should see" not in unmeasured


def test_another_device_or_several_processes_make_another_run_than_the_one_measured(monkeypatch):
    ring = recipes.load("ring")
    assert command.expectation(ring, "cpu").startswith("You should see")
    assert "differs" in command.expectation(ring, "cuda")
    monkeypatch.setattr(command, "world", lambda: 2)
    assert "differs" in command.expectation(ring, "cpu")


def test_a_run_is_never_overwritten_unless_one_says_so(run, tmp_path):
    assert run("train", "ring", *TINY).exit_code == 0
    checkpoint = tmp_path / "runs" / "ring" / "seed-0" / "checkpoint.pt"
    before = checkpoint.read_bytes()
    refused = run("train", "ring", *TINY)
    assert refused.exit_code == 1
    assert "--resume" in refused.stderr
    assert checkpoint.read_bytes() == before
    assert run("train", "ring", *TINY, "--force").exit_code == 0
    assert run("train", "ring", *TINY, "--out", "elsewhere").exit_code == 0
    assert (tmp_path / "elsewhere" / "seed-0" / "summary.json").is_file()
    assert run("train", "ring", "--seeds", "1,2", *TINY).exit_code == 0  # other seeds are in nobody's way


def test_resume_goes_on_with_every_seed_and_equals_a_run_in_one_go(run, tmp_path):
    options = ("--set", "batch=8", "--quiet", "--seeds", "2")
    assert run("train", "ring", *options, "--steps", "6", "--out", "whole").exit_code == 0
    assert run("train", "ring", *options, "--steps", "3", "--out", "parts").exit_code == 0
    assert run("train", "ring", *options, "--steps", "6", "--out", "parts", "--resume").exit_code == 0
    for seed in (0, 1):
        whole, parts = (tmp_path / name / f"seed-{seed}" for name in ("whole", "parts"))
        assert (whole / "history.csv").read_text() == (parts / "history.csv").read_text()
        first, second = (json.loads((folder / "summary.json").read_text()) for folder in (whole, parts))
        assert first["scores"] == second["scores"]
    other = run("train", "ring", "--set", "batch=16", "--quiet", "--steps", "6", "--out", "parts", "--resume")
    assert other.exit_code == 2
    assert "batch: 8 in the checkpoint, 16 now" in other.stderr


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("rnig",), "Did you mean 'ring'?"),
        (("nothing-like-it",), "wgan-gp-grid"),
        (("ring", "--set", "generator.hiden=[3]"), "Did you mean 'hidden'?"),
        (("ring", "--set", "batch"), "wanted key=value"),
        (("ring", "--set", "loss=hing"), "non-saturating"),
        (("ring", "--set", "generator.activation=swish"), "leaky-relu"),
        (("ring", "--seeds", "many"), "wanted how many"),
        (("ring", "--seeds", "0"), "wanted how many"),
        (("ring", "--device", "tpu"), "--device cpu"),
        (("ring", "--device", "no such thing"), "--device cpu"),
        (("ring", "--out", "a-file"), "is a file, not a folder"),
        (("ring", "--out", "a-file/below"), "cannot be written"),
        (("mine.toml",), "There is no file mine.toml"),
        (("ring", "--steps", "0"), "--steps"),
    ],
)
def test_train_names_a_mistake_without_a_traceback(run, tmp_path, arguments, complaint):
    (tmp_path / "a-file").write_text("x", encoding="utf-8")
    shown = run("train", *arguments, *(() if "--steps" in arguments else TINY))
    assert shown.exit_code == 2
    assert complaint in shown.stderr
    assert "Traceback" not in shown.output
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["a-file"]


def test_a_set_that_is_absent_says_which_files_to_put_where(run, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_GAN_DATA", str(tmp_path / "empty"))
    shown = run("train", "dcgan-mnist", *TINY)
    assert shown.exit_code == 2
    assert "train-images-idx3-ubyte" in shown.stderr


def test_a_gpu_that_is_not_there_is_an_error_and_no_slow_surprise(run, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no device 'cuda'" in run("train", "ring", "--device", "cuda").stderr
    monkeypatch.setenv("COURSE_GAN_SCALE", "gpu")
    shown = run("train", "ring")
    assert shown.exit_code == 2
    assert "COURSE_GAN_SCALE" in shown.stderr


def test_a_seed_that_diverges_stops_no_other(run, monkeypatch):
    real = recipes.train_seed

    def unlucky(recipe, seed, folder, **options):
        if seed == 0:
            raise Diverged(2, "critic_loss", "critic_loss became nan in step 2", None)
        return real(recipe, seed, folder, **options)

    monkeypatch.setattr(recipes, "train_seed", unlucky)
    shown = run("train", "ring", "--seeds", "2", *TINY)
    assert shown.exit_code == 1
    assert "seed 0: critic_loss became nan" in shown.stderr
    assert re.search(r"\n1 +3 ", shown.stdout)


def test_a_recipe_of_ones_own_and_compiled_settings_are_taken(run, tmp_path, monkeypatch):
    text = (recipes.schema.FOLDER / "ring.toml").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    seen = []
    summary = recipes.Summary(0, {"modes": 8}, 3, 1.0)
    monkeypatch.setattr(recipes, "train_seed", lambda recipe, *rest, **options: seen.append(recipe) or summary)
    assert run("train", "mine.toml", "--compile", "--steps", "5", "--set", "critic.hidden=[7]").exit_code == 0
    assert (seen[0].name, seen[0].settings["compile"], seen[0].settings["steps"]) == ("mine", True, 5)
    assert list(seen[0].critic["hidden"]) == [7]


def wait_for(condition, seconds=180):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def start(folder: Path, *arguments: str) -> subprocess.Popen:
    environment = os.environ | {"PYTHONPATH": str(provenance.PACKAGE.parent), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "course_gan", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Who starts the tests in the background has Ctrl-C ignored, and a child would inherit that.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(command, cwd=folder, env=environment, start_new_session=True, preexec_fn=heed, **pipes)


def test_ctrl_c_keeps_what_was_done_and_says_how_to_go_on(tmp_path):
    options = ["--set", "batch=8", "--set", "checkpoint=5", "--out", "here", "--quiet"]
    running = start(tmp_path, "train", "ring", "--steps", "1000000", *options)
    try:
        wait_for(lambda: (tmp_path / "here" / "seed-0" / "checkpoint.pt").exists() or running.poll() is not None)
        os.killpg(running.pid, signal.SIGINT)
        _, errors = running.communicate(timeout=60)
    finally:  # it would go on for a million steps
        running.kill()
    assert running.returncode == 130
    assert "Traceback" not in errors
    again = errors.strip().split("\n")[-1].strip()
    assert again.startswith("course-gan train ring ")
    assert {"--resume", "--steps", "1000000", "here", "batch=8"} <= set(shlex.split(again))
    assert load_checkpoint(tmp_path / "here" / "seed-0")["state"]["steps"] >= 5
    assert (tmp_path / "here" / "seed-0" / "history.csv").is_file()


def test_the_command_to_go_on_goes_on(run, monkeypatch, tmp_path):
    real, interrupted = recipes.train_seed, recipes.Summary(1, {}, 2, 0.1, interrupted=True)
    with monkeypatch.context() as patch:
        patch.setattr(recipes, "train_seed", lambda r, s, f, **o: interrupted if s == 1 else real(r, s, f, **o))
        shown = run("train", "ring", "--seeds", "3", "--out", "with space", *TINY)
    assert shown.exit_code == 130
    assert re.search(r"\n0 +3 ", shown.stdout)  # the seed that was finished is reported
    again = shlex.split(shown.stderr.strip().split("\n")[-1])
    assert run(*again[1:]).exit_code == 0
    assert len(list((tmp_path / "with space").glob("seed-*/summary.json"))) == 3


# --- reproduce ---------------------------------------------------------------------------------------------------


def test_the_list_has_a_row_for_each_reproduction(run):
    shown = run("reproduce", "--list")
    assert shown.exit_code == 0
    for name, one in REPRODUCTIONS.items():
        assert f"{name} " in shown.stdout
        assert one.title in shown.stdout
    assert run("reproduce").exit_code == 2


def test_reproduce_writes_the_numbers_beside_those_published(run, tmp_path):
    shown = run("reproduce", "fid-bias", "--seeds", "3", "--jobs", "1", "--out", "here")
    assert shown.exit_code == 0, shown.output
    found = json.loads((tmp_path / "here" / "fid-bias.json").read_text(encoding="utf-8"))
    assert found["seeds"] == [0, 1, 2]
    assert all(claim["holds"] for claim in found["claims"])
    assert found["published"][0]["value"] == 7.8
    assert Outcomes.load(tmp_path / "here" / "fid-bias.json").seeds == [0, 1, 2]
    assert shown.stdout.count("✓") == len(found["claims"])
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["fid-bias.json"]


def test_results_go_to_the_book_only_in_a_checkout_and_only_unchanged(run, tmp_path, monkeypatch):
    root = tmp_path / "checkout"
    (root / "book").mkdir(parents=True)
    monkeypatch.setattr(provenance, "in_checkout", lambda: root)
    changed = ("--set", "sizes=[500,1000]")
    assert run("reproduce", "fid-bias", "--seeds", "2", "--jobs", "1", *changed).exit_code in (0, 1)
    assert (tmp_path / "results" / "fid-bias.json").is_file()
    assert not (root / "book" / "results").exists()
    small = {**REPRODUCTIONS["fid-bias"].settings, "sizes": (500,)}
    monkeypatch.setitem(REPRODUCTIONS, "fid-bias", replace_settings("fid-bias", small))
    run("reproduce", "fid-bias", "--seeds", "2", "--jobs", "1")
    assert (root / "book" / "results" / "fid-bias.json").is_file()
    monkeypatch.setattr(provenance, "in_checkout", lambda: None)
    (tmp_path / "results" / "fid-bias.json").unlink()
    run("reproduce", "fid-bias", "--seeds", "2", "--jobs", "1")
    assert (tmp_path / "results" / "fid-bias.json").is_file()


def replace_settings(name, settings):
    from dataclasses import replace

    return replace(REPRODUCTIONS[name], settings=settings)


def test_a_claim_that_does_not_hold_is_shown_and_is_the_exit_code(run):
    shown = run("reproduce", "dirac-gan", "--set", "steps=2", "--out", ".")
    assert shown.exit_code == 1
    assert "✗ R1" in shown.stdout
    assert "✓ All eigenvalues" in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("fid",), "Did you mean 'fid-bias'?"),
        (("nothing",), "ring-modes"),
        (("fid-bias", "--set", "size=3"), "its settings are: dimensions, sizes"),
        (("fid-bias", "--seeds", "x"), "wanted how many"),
        (("fid-bias", "--device", "cuda:99"), "no device"),
        (("fid-bias", "--out", "a-file", "--seeds", "1", "--set", "sizes=[100]"), "cannot be written"),
    ],
)
def test_reproduce_names_a_mistake_without_a_traceback(run, tmp_path, arguments, complaint):
    (tmp_path / "a-file").write_text("x", encoding="utf-8")
    shown = run("reproduce", *arguments)
    assert shown.exit_code == 2
    assert complaint in shown.stderr


def test_a_seed_that_fails_is_told_with_its_traceback(run):
    shown = run("reproduce", "fid-bias", "--seeds", "1", "--set", "sizes=['x']")
    assert shown.exit_code == 1
    assert "1 of 1 seeds failed" in shown.stderr


def test_an_interrupted_reproduction_goes_on_with_the_same_command(run, tmp_path, monkeypatch):
    one = REPRODUCTIONS["fid-bias"]
    calls = []

    def interrupted(seed, **options):
        calls.append(seed)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return {"n=10: fid": 1.0, "n=10: closed form": 1.0}

    from dataclasses import replace

    monkeypatch.setitem(REPRODUCTIONS, "fid-bias", replace(one, function=interrupted))
    shown = run("reproduce", "fid-bias", "--seeds", "4", "--jobs", "1", "--out", "here")
    assert shown.exit_code == 130
    assert "2 seeds are kept in here" in shown.stderr
    again = shlex.split(shown.stderr.strip().split("\n")[-1])
    assert again == ["course-gan", "reproduce", "fid-bias", "--seeds", "4", "--jobs", "1", "--out", "here"]
    assert run(*again[1:]).exit_code == 0
    assert calls == [0, 1, 2, 2, 3]
    assert [path.name for path in (tmp_path / "here").iterdir()] == ["fid-bias.json"]


# --- the console -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"), [("3", [0, 1, 2]), ("4,7", [4, 7]), ("7,", [7]), ("5-8", [5, 6, 7, 8]), ("2,1,2", [1, 2])]
)
def test_seeds_are_how_many_or_which(text, expected):
    assert console.seeds(text) == expected


@pytest.mark.parametrize("text", ["", "0", "-1", "a", "3-1", "1,-2", "1.5", "99999999999", "4294967296,"])
def test_what_names_no_seeds_is_refused(text):
    with pytest.raises(ValueError, match="wanted how many"):
        console.seeds(text)


def test_numbers_are_short_and_whole_ones_whole():
    assert [console.number(value) for value in (8, 0.123456, True, 12345.678, float("nan"))] == [
        *("8", "0.123", "yes", "1.23e+04", "nan")
    ]


def test_a_command_is_told_as_one_would_type_it():
    options = {
        "--seeds": "3",
        "--set": ["a=[1, 2]", "b=3"],
        "--out": None,
        "--quiet": False,
        "--resume": True,
        "--x": "",
    }
    told = console.command("train", "ring", options)
    assert told == "course-gan train ring --seeds 3 --set 'a=[1, 2]' --set b=3 --resume"


def test_the_device_is_that_of_the_scale_unless_one_says_so(monkeypatch):
    monkeypatch.delenv("COURSE_GAN_SCALE", raising=False)
    assert console.device("") == console.device("cpu") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert console.device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(ValueError, match="no device 'cuda:2'"):
        console.device("cuda:2")
    with pytest.raises(ValueError, match="--device cpu"):
        console.device("meta")


def test_starting_again_leaves_nothing_to_go_on_from_by_mistake(run, tmp_path, monkeypatch):
    assert run("train", "ring", *TINY, "--seeds", "2").exit_code == 0

    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(recipes, "train_seed", stopped)  # before the first checkpoint
    assert run("train", "ring", *TINY, "--seeds", "2", "--force").exit_code == 130
    assert [file.name for file in (tmp_path / "runs").rglob("*") if file.is_file()] == []


def test_several_processes_train_a_recipe_together_and_the_first_one_speaks(tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    root = str(Path(__file__).parent.parent)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "course_gan", "train", "ring", *TINY, "--device", "cpu"],
            cwd=tmp_path,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": root, **where, "RANK": rank, "LOCAL_RANK": rank},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in "01"
    ]
    try:
        (first, error), second = (process.communicate(timeout=300) for process in started)
    finally:
        for process in started:
            process.kill()
    assert [process.returncode for process in started] == [0, 0], error
    assert "high quality" in first
    assert second == ("", "")
    assert load_checkpoint(tmp_path / "runs" / "ring" / "seed-0")["described"]["processes"] == "2"


def test_what_cannot_be_done_by_several_processes_is_refused(run, monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    for arguments in (("train", "digits-classifier"), ("reproduce", "fid-bias")):
        shown = run(*arguments)
        assert shown.exit_code == 2
        assert "without torchrun" in shown.stderr


def test_a_narrow_screen_loses_no_column(run, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    shown = run("train", "--list").stdout
    assert all(word in shown for word in ("conditional-digits", "steps (cpu, gpu)", "what it is"))
