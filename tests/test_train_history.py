"""The history: rows in, columns out, files that give back the very same numbers."""

import json
import math
import random
from pathlib import Path

import pytest
import torch

from course_gan.files import write_atomically
from course_gan.train import History
from tests.train_parts import same


def example() -> History:
    history, numbers = History(), random.Random(0)
    for step in range(1, 30):
        values = {"critic_loss": numbers.gauss(0, 1) * 10.0 ** numbers.randint(-300, 300), 'a, "b"': math.pi}
        history.append(step * 7, values if step > 3 else {"critic_loss": -0.0})
    history.append(1000, {"modes": math.inf, "critic_loss": -math.inf})
    return history


def test_columns_are_tensors_and_what_is_missing_is_nan() -> None:
    history = History()
    history.append(1, {"a": 1.0})
    history.append(3, {"b": 2.0})
    assert list(history) == ["step", "a", "b"]
    assert len(history) == 3
    assert history["step"].tolist() == [1, 3]
    assert history["step"].dtype == torch.int64
    assert same(history["a"].tolist(), [1.0, math.nan])
    assert same(history["b"], torch.tensor([math.nan, 2.0], dtype=torch.float64)) or history["b"][1] == 2
    assert same(history.last, {"a": math.nan, "b": 2.0})
    assert History().last == {}


@pytest.mark.parametrize("name", ["run.csv", "run.json"])
def test_files_give_back_the_very_same_numbers(name: str, tmp_path: Path) -> None:
    history = example()
    history.save(tmp_path / name)
    read = History.load(tmp_path / name)
    assert same(read.state_dict(), history.state_dict())
    assert math.copysign(1, read["critic_loss"][0]) == -1  # minus zero, too
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_json_is_what_other_programs_read(tmp_path: Path) -> None:
    example().save(str(tmp_path / "run.json"))
    text = (tmp_path / "run.json").read_text()
    json.loads(text, parse_constant=lambda constant: pytest.fail(f"{constant} is not JSON"))


def test_empty_history_can_be_saved(tmp_path: Path) -> None:
    for name in ("run.csv", "run.json"):
        History().save(tmp_path / name)
        assert list(History.load(tmp_path / name)) == ["step"]


def test_rows_and_columns_that_cannot_be_are_refused(tmp_path: Path) -> None:
    history = example()
    with pytest.raises(ValueError, match="later step"):
        history.append(1000, {})
    with pytest.raises(ValueError, match="another name"):
        history.append(1001, {"step": 1.0})
    with pytest.raises(KeyError, match="critic_loss"):
        history["critic"]
    with pytest.raises(ValueError, match=r"\.csv or \.json"):
        history.save(tmp_path / "run.txt")
    with pytest.raises(ValueError, match="rows each"):
        history.load_state_dict({"step": [1], "a": [1.0, 2.0], "b": [1.0]})
    assert len(history["step"]) == 30


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_atomically(path, lambda file: file.write(b"old"))

    def fail(file: object) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_put_in_place_only_when_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    calls: list[str] = []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda number: (calls.append("fsync"), fsync(number))[1])
    monkeypatch.setattr(os, "replace", lambda old, new: (calls.append("replace"), replace(old, new))[1])
    write_atomically(tmp_path / "deep" / "file", lambda file: file.write(b"new"))
    assert calls == ["fsync", "replace", "fsync"]  # the contents, the name, the folder
    assert (tmp_path / "deep" / "file").read_bytes() == b"new"
