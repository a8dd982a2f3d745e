"""Several processes equal one on the joined batch; and compiled equals not compiled."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch
from torch.testing import assert_close

from course_gan import train
from tests.train_parts import same
from tests.train_worker import SLICED, Shard, sliced

ROOT = Path(__file__).parent.parent


def start(name: str, folder: Path, **variables: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1", **variables}
    command = [sys.executable, "-m", "tests.train_worker", name, str(folder)]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finished(process: subprocess.Popen[str]) -> tuple[str, str]:
    try:
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 0, err
    return out, err


def two_ranks(folder: Path) -> list[tuple[str, str]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    where = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    ranks = [start("processes", folder, RANK=str(rank), LOCAL_RANK=str(rank), **where) for rank in range(2)]
    return [finished(rank) for rank in ranks]


def test_two_processes_train_as_one_on_the_joined_batch(tmp_path: Path) -> None:
    outputs = two_ranks(tmp_path)
    first, second = (torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in range(2))
    # The players have no batch statistics: every number is the same on both ranks, to the last bit.
    for part in ("whole", "history"):
        assert same(first[part], second[part]), part
    parameters = [name for name in first["other"] if "running" not in name]
    assert all(torch.equal(first["other"][name], second["other"][name]) for name in parameters)
    assert any(not torch.equal(first["other"][name], second["other"][name]) for name in first["other"])
    for rank in (first, second):  # interrupted together, and resumed with each rank's own random numbers and buffers
        assert same(rank["resumed"], rank["other"])
    assert outputs[1] == ("", "")  # rank 1 says nothing (and the worker forbids it to write)
    assert {path.name for path in (tmp_path / "all").iterdir()} == {
        *("checkpoint.pt", "checkpoint-previous.pt", "history.csv"),
    }

    whole: Any = train.run(sliced(), Shard(), SLICED, progress=False)
    # The mean of two means for a mean of all: a few roundings in each of 60 updates.
    assert_close(first["whole"], dict(whole.objective.state_dict()), rtol=1e-4, atol=1e-6)
    for name, column in whole.history.state_dict().items():
        assert_close(torch.tensor(first["history"][name]), torch.tensor(column), rtol=1e-4, atol=1e-6)


def test_compiled_losses_and_gradients_equal_those_that_are_not(tmp_path: Path) -> None:
    out, _ = finished(start("compiled", tmp_path))
    worst = {name: float(value) for name, value in (line.split() for line in out.splitlines())}
    assert worst.keys() == {"wgan-gp"}
    assert all(value < 1e-5 for value in worst.values()), worst
