"""Where a result comes from: told without failing anywhere, truthfully, and without telling on the user."""

import getpass
import json
import math
import os
import socket
import subprocess
from pathlib import Path

import pytest
import torch

from course_gan import __version__, provenance


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with a package in it, and a second folder beside it that is not the package's."""
    monkeypatch.setattr(provenance, "PACKAGE", tmp_path / "repo" / "course_gan")
    package = tmp_path / "repo" / "course_gan"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("x = 1\n", encoding="utf-8")
    git(package.parent, "init", "-q")
    git(package.parent, "add", ".")
    git(package.parent, "commit", "-q", "-m", "first")
    return package


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    run = subprocess.run(["git", *who, "-C", str(folder), *arguments], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_what_is_collected_survives_json_and_names_neither_user_nor_host_nor_folder():
    found = provenance.collect()
    text = json.dumps(found)
    assert json.loads(text) == found
    assert found["versions"]["course_gan"] == __version__
    assert found["versions"]["torch"] == torch.__version__.partition("+")[0] or torch.__version__.startswith(
        found["versions"]["torch"]
    )
    assert found["device"]["kind"] == "cpu"
    assert found["device"]["name"]
    assert str(Path.cwd()) not in text
    assert socket.gethostname() not in text
    if len(getpass.getuser()) > 4:  # a short name could be part of any word
        assert getpass.getuser() not in text


def test_the_time_is_utc():
    from datetime import UTC, datetime

    told = datetime.fromisoformat(provenance.collect()["time"])
    assert told.utcoffset().total_seconds() == 0
    assert abs((datetime.now(UTC) - told).total_seconds()) < 60


def test_a_gpu_is_named_with_its_memory(monkeypatch):
    class Found:
        name, total_memory = "NVIDIA Test", 80 * 2**30

    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: Found())
    told = provenance.describe("cuda:0")
    assert (told["kind"], told["name"], told["gigabytes"]) == ("cuda", "NVIDIA Test", 80.0)
    assert provenance.describe("meta")["name"] == "meta"


def test_the_processor_has_a_name_everywhere(tmp_path, monkeypatch):
    (tmp_path / "cpuinfo").write_text("processor : 0\nmodel name : A Chip 3000\n", encoding="utf-8")
    assert provenance.processor(tmp_path / "cpuinfo") == "A Chip 3000"
    monkeypatch.setattr("platform.processor", lambda: "")
    monkeypatch.setattr("platform.machine", lambda: "")
    assert provenance.processor(tmp_path / "none") == "unknown"


def test_cores_are_those_the_process_may_use(monkeypatch):
    if hasattr(os, "sched_getaffinity"):
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3})
        assert provenance.cores() == 1
        monkeypatch.delattr(os, "sched_getaffinity")
    assert provenance.cores() == (os.cpu_count() or 1)


def test_a_package_that_is_missing_is_left_out(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("torch", "no-such-package"))
    assert set(provenance.versions()) == {"course_gan", "torch"}


def test_the_commit_is_the_heads_and_dirty_only_by_the_packages_own_files(checkout):
    clean = {"commit": git(checkout, "rev-parse", "HEAD"), "dirty": False}
    assert provenance.commit(checkout) == clean
    (checkout.parent / "results.json").write_text("{}", encoding="utf-8")
    assert provenance.commit(checkout) == clean  # a result beside the package does not make it another package
    (checkout / "new.py").write_text("", encoding="utf-8")
    assert provenance.commit(checkout)["dirty"]
    (checkout / "new.py").unlink()
    (checkout / "__init__.py").write_text("x = 2\n", encoding="utf-8")
    assert provenance.commit(checkout)["dirty"]


def test_the_commit_is_not_that_of_a_repository_around_an_installed_package(checkout):
    (checkout.parent / ".gitignore").write_text(".venv\n", encoding="utf-8")
    installed = checkout.parent / ".venv" / "course_gan"
    installed.mkdir(parents=True)
    (installed / "__init__.py").write_text("", encoding="utf-8")
    assert provenance.commit(installed) is None


def test_the_commit_is_the_packages_own_while_a_hook_of_another_repository_runs(checkout, tmp_path, monkeypatch):
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q")
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(other))
    assert provenance.commit(checkout) is not None


@pytest.mark.parametrize("failure", [FileNotFoundError("git"), subprocess.TimeoutExpired("git", 10)])
def test_without_git_there_is_no_commit_and_no_error(monkeypatch, failure):
    def run(*arguments, **options):
        raise failure

    monkeypatch.setattr(subprocess, "run", run)
    assert provenance.commit() is None
    assert provenance.collect()["code"] is None


def test_the_digest_of_the_source_follows_code_and_recipes_only(tmp_path):
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    first = provenance.source(tmp_path)
    (tmp_path / "a.pyc").write_bytes(b"compiled")
    (tmp_path / "_book").mkdir()
    (tmp_path / "_book" / "c.py").write_bytes(b"chapter")
    assert provenance.source(tmp_path) == first
    (tmp_path / "a.py").write_bytes(b"x = 1\r\n")  # as a checkout on Windows has it
    assert provenance.source(tmp_path) == first
    (tmp_path / "b.toml").write_bytes(b"")
    second = provenance.source(tmp_path)
    (tmp_path / "a.py").write_bytes(b"x = 2\n")
    assert len({first, second, provenance.source(tmp_path)}) == 3


def test_the_checkout_is_found_only_where_there_is_one(checkout):
    assert provenance.in_checkout() is None
    (checkout.parent / "pyproject.toml").touch()
    (checkout.parent / "book").mkdir()
    assert provenance.in_checkout() == checkout.parent


def test_numbers_that_json_lacks_survive_as_strings(tmp_path):
    value = {"a": [1, 2.5, float("inf")], "b": {"c": float("-inf"), "d": True}, "e": float("nan"), "f": None}
    provenance.write_json(tmp_path / "x.json", value)
    strict = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"), parse_constant=pytest.fail)
    back = provenance.decode(strict)
    assert math.isnan(back.pop("e"))
    assert back == {"a": [1, 2.5, math.inf], "b": {"c": -math.inf, "d": True}, "f": None}
    assert isinstance(back["a"][0], int)
    assert back["b"]["d"] is True
    assert provenance.encode((1, "text")) == [1, "text"]


def test_a_file_is_whole_at_every_moment(tmp_path, monkeypatch):
    target = tmp_path / "new" / "result.json"
    provenance.write_json(target, {"a": 1})
    before = target.read_bytes()

    def full(part, path):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", full)
        with pytest.raises(OSError, match="No space"):
            provenance.write_json(target, {"a": 2})
    with pytest.raises(TypeError):
        provenance.write_json(target, {"a": object()})
    assert target.read_bytes() == before
    assert [path.name for path in target.parent.iterdir()] == ["result.json"]
