"""A chapter is executed when what it depends on has changed, and only then; the book shows that execution."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
import runs
from jupyter_cache import get_cache

from tests.notebooks.planted import Project, code

FIGURE = """```{code-cell} ipython3
---
mystnb:
  figure:
    caption: An old caption
    name: fig-planted
---
import matplotlib.pyplot as plt
plt.plot([0, 1]);
```
"""
COUNT = "import course_gan\nprint('the value is', course_gan.VALUE)\nwith open('../executed', 'a') as file:\n    "
COUNT += "_ = file.write('1')"


def record(chapter: str = "one", fingerprint: str = "none", **changes: object) -> runs.Record:
    plain = runs.Record(
        chapter=chapter,
        fingerprint=fingerprint,
        seconds=20.6,
        cells=[20.6],
        scale="cpu",
        device="cpu",
        machine="2 CPU cores, x86_64",
        threads=2,
        python="3.11",
        torch="2",
        course_gan="0",
        versions={},
        finished="2026-11-21T12:00:00+00:00",
    )
    return dataclasses.replace(plain, **changes)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A planted project with one chapter, `one`."""
    monkeypatch.delenv("COURSE_GAN_SCALE", raising=False)
    made = Project(tmp_path / "project")
    made.chapter("one", "Some prose.\n", code(COUNT), FIGURE)
    return made


def store(project: Project, outputs: str, fingerprint: str | None = None) -> None:
    """Store a run of chapter `one` that printed `outputs`, without executing anything."""
    chapter = project.root / "book/one.md"
    notebook = runs.read_notebook(chapter)
    notebook.metadata["language_info"] = {"name": "python"}
    for cell in runs.code_cells(notebook):
        cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=outputs)]
    runs.store(notebook, record(fingerprint=fingerprint or runs.fingerprint(chapter, project.root)), project.root)


def cached(project: Project) -> list[str]:
    """Return what the first cell of each notebook in the book's cache printed."""
    cache = get_cache(project.root / "_build/.jupyter_cache")
    bundles = [cache.get_cache_bundle(entry.pk) for entry in cache.list_cache_records()]
    cache.db.dispose()
    return [bundle.nb.cells[0].outputs[0].text for bundle in bundles]


CHANGES = {
    "a source of the package": ("course_gan/__init__.py", "VALUE = 1", "VALUE = 2"),
    "a pinned version": ("constraints.txt", "torch==1", "torch==2"),
    "a code cell": ("book/one.md", "'the value is'", "'the value was'"),
    "a result the chapter may read": ("book/results/table.json", "1", "2"),
    "an exception that is expected": (
        "book/one.md",
        "ipython3\nimport",
        "ipython3\n:tags: [raises-exception]\n\nimport",
    ),
    "the kernel": ("book/one.md", "name: python3", "name: python4"),
}
NO_CHANGES = {
    "prose": ("book/one.md", "Some prose.", "Other prose."),
    "a heading and the minutes": ("book/one.md", "minutes: 5", "minutes: 6"),
    "a caption": ("book/one.md", "An old caption", "A new caption"),
    "a tag that only concerns the page": ("book/one.md", "ipython3\nimport", "ipython3\n:tags: [hide-input]\n\nimport"),
    "a test": ("tests/test_it.py", "1", "2"),
    "compiled code": ("course_gan/__pycache__/it.pyc", "1", "2"),
}


@pytest.fixture
def complete(project: Project) -> Project:
    """The planted project, with all the files that the changes above edit."""
    (project.root / "course_gan/__pycache__").mkdir()
    for name in ("book/results/table.json", "tests/test_it.py", "course_gan/__pycache__/it.pyc"):
        project.write(name, "1")
    return project


@pytest.mark.parametrize("change", CHANGES)
def test_the_fingerprint_changes_with(complete: Project, change: str) -> None:
    before = runs.fingerprint(complete.root / "book/one.md", complete.root)
    complete.edit(*CHANGES[change])
    assert runs.fingerprint(complete.root / "book/one.md", complete.root) != before


@pytest.mark.parametrize("change", NO_CHANGES)
def test_the_fingerprint_does_not_change_with(complete: Project, change: str) -> None:
    before = runs.fingerprint(complete.root / "book/one.md", complete.root)
    complete.edit(*NO_CHANGES[change])
    assert runs.fingerprint(complete.root / "book/one.md", complete.root) == before


def test_the_fingerprint_sees_a_new_module_and_a_renamed_one(project: Project) -> None:
    chapter, seen = project.root / "book/one.md", set()
    seen.add(runs.fingerprint(chapter, project.root))
    project.write("course_gan/new.py", "")
    seen.add(runs.fingerprint(chapter, project.root))
    (project.root / "course_gan/new.py").rename(project.root / "course_gan/newer.py")
    seen.add(runs.fingerprint(chapter, project.root))
    assert len(seen) == 3


def test_the_fingerprint_depends_on_the_scale_and_not_on_the_folder(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = runs.fingerprint(project.root / "book/one.md", project.root)
    elsewhere = shutil.copytree(project.root, tmp_path / "elsewhere")
    assert runs.fingerprint(elsewhere / "book/one.md", elsewhere) == before
    monkeypatch.setenv("COURSE_GAN_SCALE", "cpu")
    assert runs.fingerprint(project.root / "book/one.md", project.root) == before
    monkeypatch.setenv("COURSE_GAN_SCALE", "gpu")
    assert runs.fingerprint(project.root / "book/one.md", project.root) != before


def test_an_unknown_scale_is_refused_and_an_empty_one_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_GAN_SCALE", "")
    assert runs.scale() == "cpu"
    monkeypatch.setenv("COURSE_GAN_SCALE", "tpu")
    with pytest.raises(ValueError, match=r"'tpu'.*'cpu' or 'gpu'"):
        runs.scale()


def test_a_run_is_fresh_until_the_package_changes(project: Project) -> None:
    chapter = project.root / "book/one.md"
    assert runs.fresh_record(chapter, project.root) is None
    store(project, "a run")
    assert runs.fresh_record(chapter, project.root) == runs.read_record("one", project.root)
    project.edit("course_gan/__init__.py", "1", "2")
    assert runs.fresh_record(chapter, project.root) is None


def test_half_a_run_is_no_run(project: Project) -> None:
    store(project, "a run")
    whole = runs.record_path("one", project.root).read_text()
    assert runs.read_record("one", project.root) == record(fingerprint=json.loads(whole)["fingerprint"])
    runs.record_path("one", project.root).write_text(whole[:100])
    assert runs.read_record("one", project.root) is None
    runs.record_path("one", project.root).write_text('{"chapter": "one"}')
    assert runs.read_record("one", project.root) is None
    runs.record_path("one", project.root).write_text(whole)
    runs.notebook_path("one", project.root).unlink()
    assert runs.read_record("one", project.root) is None


def test_storing_leaves_no_other_files(project: Project) -> None:
    store(project, "a run")
    store(project, "another run")
    assert sorted(path.name for path in (project.root / "_build/runs").iterdir()) == ["one.ipynb", "one.json"]


def test_an_interrupted_store_does_not_pair_the_old_record_with_the_new_notebook(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, "a run")

    def full(source: str, target: Path) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="no space left"):
        store(project, "another run")
    assert runs.read_record("one", project.root) is None
    assert [path.name for path in (project.root / "_build/runs").iterdir()] == ["one.ipynb"]


def test_the_cache_holds_the_newest_run_of_the_same_cells(project: Project) -> None:
    store(project, "with the old package")
    assert runs.fill_cache(project.root) == []
    project.edit("course_gan/__init__.py", "1", "2")
    store(project, "with the new package")
    assert runs.fill_cache(project.root) == []
    assert cached(project) == ["with the new package"]


def test_the_cache_does_not_serve_a_run_of_an_older_package(project: Project) -> None:
    store(project, "with the old package")
    runs.fill_cache(project.root)
    assert cached(project) == ["with the old package"]
    project.edit("course_gan/__init__.py", "1", "2")
    assert runs.fill_cache(project.root) == [project.root / "book/one.md"]
    assert cached(project) == []
    assert sorted(path.name for path in (project.root / "_build").iterdir()) == [".jupyter_cache", "runs"]


def test_the_cache_names_no_path_of_this_machine(project: Project) -> None:
    store(project, "a run")
    runs.fill_cache(project.root)
    cache = get_cache(project.root / "_build/.jupyter_cache")
    assert [entry.uri for entry in cache.list_cache_records()] == ["book/one.md"]
    cache.db.dispose()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "runs in 21 s on two CPU cores"),
        ({"threads": 1}, "runs in 21 s on one CPU core"),
        ({"threads": 64, "seconds": 0.02}, "runs in 1 s on 64 CPU cores"),
        ({"device": "NVIDIA H200", "seconds": 840.0}, "runs in 14 min on one NVIDIA H200"),
    ],
)
def test_the_sentence_says_time_and_place(changes: dict[str, object], sentence: str) -> None:
    assert record(**changes).sentence() == sentence


def build(root: Path, project: Project) -> str:
    """Build the book at scale gpu with Jupyter Book and return what it said."""
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", ".", "-W", "-n", "--keep-going"]
    environment = project.environment(COURSE_GAN_SCALE="gpu")
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_one_execution_serves_the_tests_and_the_book_elsewhere(project: Project, tmp_path: Path) -> None:
    """From end to end: pytest, pytest again, prose and captions edited, the book built in another folder."""
    project.write("_toc.yml", "format: jb-book\nroot: book/one\n")
    settings = {
        "title": "Planted",
        "only_build_toc_files": True,
        "execute": {"execute_notebooks": "cache", "raise_on_error": True},
    }
    project.write("_config.yml", json.dumps(settings))
    executed = project.root / "executed"

    first = project.pytest("book", COURSE_GAN_SCALE="gpu")
    assert set(first.results("one").values()) == {"passed"}, first.output
    assert executed.read_text() == "1"

    project.edit("book/one.md", "Some prose.", "Quite other prose.")
    project.edit("book/one.md", "An old caption", "A new caption")
    second = project.pytest("book", COURSE_GAN_SCALE="gpu")
    ((name, result),) = second.results("one").items()
    assert re.fullmatch(r"up to date, ran in 1 s on .* CPU cores?, \d{4}-\d\d-\d\d", name)
    assert (result, executed.read_text()) == ("passed", "1")

    elsewhere = shutil.copytree(project.root, tmp_path / "another folder")
    said = build(elsewhere, project)
    assert "Using cached notebook" in said
    assert "Executing notebook" not in said
    assert (elsewhere / "executed").read_text() == "1"
    page = (elsewhere / "_build/html/book/one.html").read_text()
    assert "the value is 1" in page
    assert "A new caption" in page
    assert "Quite other prose." in page

    project.edit("course_gan/__init__.py", "VALUE = 1", "VALUE = 2")
    third = project.pytest("book", COURSE_GAN_SCALE="gpu")
    assert set(third.results("one")) == {"Cell 1", "Cell 2", "time budget"}
    assert executed.read_text() == "11"
    assert cached(project) == ["the value is 2\n"]

    assert "Cell 1" in project.pytest("book", "--rerun-chapters", COURSE_GAN_SCALE="gpu").results("one")
    assert executed.read_text() == "111"
