"""Checkpoints: whole or not there, plain data, of this run and no other."""

import inspect
import os
import pickle
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from course_gan import losses, train
from course_gan.train import checkpoint
from tests.train_parts import Rows, bigan, cyclegan, gan, same, settings

ROOT = Path(__file__).parent.parent


def run(folder: Path, objective: train.Objective | None = None, resume: bool = False, **others: Any) -> train.Run:
    chosen = settings(**{"steps": 3, "ema": 0.9, **others})
    return train.run(objective or gan(), Rows(), chosen, folder=folder, resume=resume, progress=False)


def test_checkpoint_is_plain_data_and_holds_everything(tmp_path: Path) -> None:
    run(tmp_path)
    contents = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert set(contents) == {
        *("format", "settings", "described", "architecture", "state", "ranks", "history", "seconds"),
    }
    assert set(contents["state"]) == {"steps", "critic_updates", "objective", "optimizers", "average"}
    assert set(contents["ranks"][0]) == {"random", "batches", "buffers", "terms"}
    assert contents["architecture"]["critic.layers.0.weight"] == "(8, 2) float32"


def test_saved_and_loaded_are_equal(tmp_path: Path) -> None:
    contents = {"tensor": torch.randn(3), "list": [1, 2.5, None], "nested": {"name": "x"}}
    path = train.save_checkpoint(tmp_path / "new", contents)
    loaded = train.load_checkpoint(path)
    assert loaded.pop("format") == checkpoint.FORMAT
    assert same(loaded, contents)


def test_the_last_two_checkpoints_are_kept(tmp_path: Path) -> None:
    for number in range(4):
        train.save_checkpoint(tmp_path, {"number": number})
    assert train.load_checkpoint(tmp_path)["number"] == 3
    assert train.load_checkpoint(tmp_path / "checkpoint-previous.pt")["number"] == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_a_crash_between_the_two_names_of_a_checkpoint_leaves_nothing_in_the_way(tmp_path: Path) -> None:
    path = train.save_checkpoint(tmp_path, {"step": 1})
    (tmp_path / "checkpoint-previous.pt.partial").hardlink_to(
        path
    )  # what such a crash leaves: a second name of the last
    train.save_checkpoint(tmp_path, {"step": 2})
    found = [train.load_checkpoint(tmp_path / name)["step"] for name in (checkpoint.PREVIOUS, checkpoint.LAST)]
    assert found == [1, 2]
    assert {file.name for file in tmp_path.iterdir()} == {checkpoint.PREVIOUS, checkpoint.LAST}


def test_a_file_system_without_links_keeps_the_last_two_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def link(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", link)
    test_the_last_two_checkpoints_are_kept(tmp_path)


@pytest.mark.parametrize("call", ["save", "fsync", "replace"])
def test_a_write_that_fails_anywhere_leaves_the_last_one(
    call: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (1, 2):
        train.save_checkpoint(tmp_path, {"number": number})

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(torch if call == "save" else os, call, fail)
    with pytest.raises(OSError, match="disk full"):
        train.save_checkpoint(tmp_path, {"number": 3})
    monkeypatch.undo()
    assert train.load_checkpoint(tmp_path)["number"] == 2
    assert train.load_checkpoint(tmp_path / "checkpoint-previous.pt")["number"] in (1, 2)


def test_truncated_anywhere_it_is_refused_with_the_way_out(tmp_path: Path) -> None:
    run(tmp_path, checkpoint=1)
    path = tmp_path / "checkpoint.pt"
    whole = path.read_bytes()
    for size in (0, 1, 100, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(ValueError, match=r"checkpoint\.pt cannot be read; .*checkpoint-previous\.pt: rename"):
            run(tmp_path, resume=True)
    (tmp_path / "checkpoint-previous.pt").rename(path)  # as the message says
    assert run(tmp_path, resume=True).steps == 3
    (tmp_path / "checkpoint-previous.pt").unlink(missing_ok=True)
    path.write_bytes(whole[:100])
    with pytest.raises(ValueError, match="delete it and start again"):
        run(tmp_path, resume=True)


def test_one_flipped_bit_in_a_weight_is_found(tmp_path: Path) -> None:
    path = train.save_checkpoint(tmp_path, {"weights": torch.arange(1000.0)})
    damaged = bytearray(path.read_bytes())
    place = damaged.index(torch.arange(500.0, 504.0).numpy().tobytes())
    damaged[place] ^= 1
    path.write_bytes(damaged)
    assert torch.load(path, weights_only=True)["weights"][500] != 500  # torch alone does not see it
    with pytest.raises(ValueError, match=r"cannot be read.*checksum"):
        train.load_checkpoint(path)


def test_what_is_no_checkpoint_of_a_run_is_refused(tmp_path: Path) -> None:
    for other in ({"steps": 3}, [1, 2], {"format": "another"}):
        torch.save(other, tmp_path / "checkpoint.pt")
        with pytest.raises(ValueError, match="no checkpoint of a run"):
            train.load_checkpoint(tmp_path)


class Loss:
    """An object, as some libraries put into their checkpoints."""

    def __reduce__(self) -> Any:
        return os.mkdir, (os.environ["TRAP_FOLDER"],)


def test_trap_pickled_objects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRAP_FOLDER", str(tmp_path / "executed"))
    torch.save({"format": checkpoint.FORMAT, "loss": Loss()}, tmp_path / "checkpoint.pt")
    with pytest.raises(ValueError, match="cannot be read"):
        train.load_checkpoint(tmp_path)
    assert not (tmp_path / "executed").exists()
    with zipfile.ZipFile(tmp_path / "checkpoint.pt") as archive:  # the wrong variant runs what the file says
        pickle.loads(archive.read("checkpoint/data.pkl"))
    assert (tmp_path / "executed").exists()


def test_resume_refuses_other_settings_and_names_each(tmp_path: Path) -> None:
    run(tmp_path)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    with pytest.raises(ValueError, match="another run") as caught:
        run(tmp_path, resume=True, seed=4, critic_rate=0.5, steps=2)
    for line in (
        "critic_rate: 0.01 in the checkpoint, 0.5 now",
        "seed: 0 in the checkpoint, 4 now",
        "steps: 3 in the checkpoint, 2 now",
    ):
        assert line in str(caught.value)
    assert "generator_rate" not in str(caught.value)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before


def test_resume_refuses_another_number_of_processes(tmp_path: Path) -> None:
    run(tmp_path)
    contents = train.load_checkpoint(tmp_path)
    contents["described"]["processes"] = "2"  # as if two had written it: the batches of a step were twice as large
    train.save_checkpoint(tmp_path, contents)
    with pytest.raises(ValueError, match="processes: 2 in the checkpoint, 1 now"):
        run(tmp_path, resume=True)


def test_resume_refuses_other_weights_of_cycle_and_identity(tmp_path: Path) -> None:
    def translators(resume: bool, **others: float) -> None:
        game = cyclegan(**{"cycle": 10.0, "identity": 0.5, **others})
        train.run(game, Rows(parts=2), settings(1), folder=tmp_path, resume=resume, progress=False)

    translators(resume=False)
    for others, line in (
        ({"cycle": 5.0}, "cycle: 10 in .*, 5 now"),
        ({"identity": 1.0}, r"identity: 0\.5 in .*, 1 now"),
    ):
        with pytest.raises(ValueError, match=line):
            translators(resume=True, **others)


def test_resume_refuses_another_game_and_other_networks(tmp_path: Path) -> None:
    run(tmp_path)
    wide = gan()
    wide.critic.layers[0] = nn.Linear(2, 16)
    for objective, lines in (
        (gan("hinge"), ["loss: non-saturating in the checkpoint, hinge now"]),
        (gan(penalties=[train.Penalty("r1", 2.0)]), ["penalties: none in the checkpoint, 2 r1 every 1 now"]),
        (wide, ["critic.layers.0.weight: (8, 2) float32 in the checkpoint, (16, 2) float32 now"]),
        (gan(classes=3), ["generator.label.weight: absent in the checkpoint, (3, 3) float32 now"]),
        (gan(dtype=torch.float64), ["generator.layers.0.weight: (8, 3) float32 in the checkpoint, (8, 3) float64 now"]),
    ):
        with pytest.raises(ValueError, match="another run") as caught:
            run(tmp_path, objective, resume=True)
        assert all(line in str(caught.value) for line in lines)


def test_a_long_list_of_differences_is_cut(tmp_path: Path) -> None:
    run(tmp_path)
    other = gan()
    other.critic.more = nn.ParameterList(nn.Parameter(torch.zeros(1)) for _ in range(30))
    with pytest.raises(ValueError, match="and 10 more"):
        run(tmp_path, other, resume=True)


def test_resume_refuses_batches_of_another_kind(tmp_path: Path) -> None:
    from course_gan import data

    def batches(seed: int) -> data.Batches:
        return data.Batches(torch.randn(20, 2), 6, seed=seed)

    train.run(gan(), batches(0), settings(2), folder=tmp_path, progress=False)
    with pytest.raises(ValueError, match="seed"):
        train.run(gan(), batches(1), settings(3), folder=tmp_path, resume=True, progress=False)


def test_kill_at_any_moment_leaves_a_readable_checkpoint() -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    # In memory where that can be had: a killed process, unlike a power cut, loses nothing that it has written.
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        command = [sys.executable, "-m", "tests.train_worker", "kills", folder]
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    lines = [line.split() for line in done.stdout.splitlines()]
    steps = [int(step) for step, _ in lines]
    assert len(steps) == 20
    assert steps == sorted(steps)  # each run went on from the last checkpoint of the one before
    assert steps[-1] > 20
    assert sum(amid == "True" for _, amid in lines) >= 3  # some were killed while they wrote


def test_what_could_not_be_read_back_is_not_written(tmp_path: Path) -> None:
    save = inspect.unwrap(train.save_checkpoint)
    save(tmp_path, {"number": 1})
    for wrong in (np.float64(1.0), np.int64(1), nn.Linear(1, 1), {1}):
        with pytest.raises(
            TypeError, match=r"the checkpoint, 'ranks', 'batches', holds a .*no checkpoint can give back"
        ):
            save(tmp_path, {"ranks": [{"batches": wrong}]})
    assert train.load_checkpoint(tmp_path)["number"] == 1


def test_resume_refuses_weights_that_are_frozen_now(tmp_path: Path) -> None:
    run(tmp_path)
    other = gan()
    other.generator.layers[0].weight.requires_grad_(False)
    with pytest.raises(
        ValueError, match=r"generator\.layers\.0\.weight: .* float32 in the checkpoint, .* float32 frozen now"
    ):
        train.run(other, Rows(), settings(4), folder=tmp_path, resume=True, progress=False)


def test_a_smoothed_loss_is_another_loss_to_a_checkpoint(tmp_path: Path) -> None:
    for name in ("minimax", "non-saturating", "least-squares"):
        for objective in (gan(name), bigan(name), cyclegan()):
            objective.loss = losses.get(name)
            assert objective.describe()["loss"] == name
            objective.loss = losses.get(name, smoothing=0.1)
            assert objective.describe()["loss"].startswith(f"{name}, ")
            assert "0.9" in objective.describe()["loss"] or "0.1" in objective.describe()["loss"]
    assert losses.least_squares(-1, 1, 0).coding != losses.least_squares().coding == ""
    run(tmp_path)
    other = gan()
    other.loss = losses.get("non-saturating", smoothing=0.1)
    with pytest.raises(ValueError, match=r"non-saturating in the checkpoint, non-saturating, smoothing 0\.1 now"):
        train.run(other, Rows(), settings(4), folder=tmp_path, resume=True, progress=False)


def test_a_full_disk_is_an_error_of_the_system_and_leaves_the_last_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    train.save_checkpoint(tmp_path, {"number": 1})
    opened = Path.open
    monkeypatch.setattr(Path, "open", lambda path, mode: opened(Path("/dev/full"), mode))
    with pytest.raises(OSError, match="No space left"):
        train.save_checkpoint(tmp_path, {"number": torch.zeros(100_000)})
    monkeypatch.undo()
    assert train.load_checkpoint(tmp_path)["number"] == 1
