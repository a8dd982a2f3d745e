"""The runs of the chapters: one execution serves the tests and the book, and this module keeps it.

`pytest book` executes a chapter and stores two files: `_build/runs/<stem>.ipynb`, the executed notebook, and
`_build/runs/<stem>.json`, the record of the run (time, machine, versions).  They are the truth.  The jupyter-cache that
the book reads is derived from them by `fill_cache`, so a run made in another folder, on another machine or by one of
several processes is as good as a run made here.  No Sphinx and no torch is imported.
"""

import copy
import dataclasses
import datetime
import hashlib
import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import nbformat
from filelock import BaseFileLock, FileLock
from nbformat import NotebookNode

# Tags that change what an execution does; all other tags only change the page.
EXECUTION_TAGS = frozenset({"raises-exception", "nbval-raises-exception"})
NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve")


@dataclasses.dataclass(frozen=True)
class Record:
    """What a run leaves behind, beside the executed notebook."""

    chapter: str
    fingerprint: str
    seconds: float
    cells: list[float]  # seconds of each code cell, in order
    scale: str
    device: str  # "cpu", or the name of the GPU the chapter used
    machine: str
    threads: int
    python: str
    torch: str
    course_gan: str
    versions: dict[str, str]
    finished: str  # ISO 8601, UTC

    def duration(self) -> str:
        """Return the time as a reader says it: "21 s", "14 min"."""
        return f"{max(1, round(self.seconds))} s" if self.seconds < 119.5 else f"{round(self.seconds / 60)} min"

    def place(self) -> str:
        """Return what the chapter ran on: "two CPU cores", or the GPU.

        The threads are named, not the machine's cores: of two chapters run side by side each has half of them.
        """
        if self.device != "cpu":
            return f"one {self.device}"
        count = NUMBERS[self.threads] if self.threads < len(NUMBERS) else str(self.threads)
        return f"{count} CPU core{'' if self.threads == 1 else 's'}"

    def sentence(self) -> str:
        """Return "runs in 21 s on two CPU cores"."""
        return f"runs in {self.duration()} on {self.place()}"

    def day(self) -> str:
        """Return the date of the run, "2026-11-21"."""
        return datetime.datetime.fromisoformat(self.finished).date().isoformat()


def scale() -> str:
    """Return the scale at which chapters run here: "cpu" unless COURSE_GAN_SCALE says "gpu"."""
    name = os.environ.get("COURSE_GAN_SCALE") or "cpu"
    if name not in ("cpu", "gpu"):
        raise ValueError(f"COURSE_GAN_SCALE is {name!r}; set it to 'cpu' or 'gpu', or unset it")
    return name


def is_notebook(path: Path) -> bool:
    """Tell whether a Markdown file is a notebook: its front matter has `jupytext:`."""
    text = path.read_text(encoding="utf-8")
    return text.startswith("---") and bool(re.search(r"^jupytext:", text.split("\n---", 1)[0], re.MULTILINE))


def chapters(root: Path) -> list[Path]:
    """Return the notebooks of `book/`, in order."""
    return sorted(path for path in (root / "book").glob("*.md") if is_notebook(path))


def read_notebook(path: Path) -> NotebookNode:
    """Read a chapter with the reader of the book itself, so that the tests run exactly the cells the book shows."""
    from myst_nb.core.read import (
        MystMetadataParsingError,
        is_myst_markdown_notebook,
        read_myst_markdown_notebook,
    )
    from myst_parser.config.main import MdParserConfig

    text = path.read_text(encoding="utf-8")
    if not is_myst_markdown_notebook(text):
        raise ValueError(
            f"{path.name}: the front matter names jupytext, but is not valid YAML with `format_name: myst`; "
            "copy the front matter of another chapter"
        )
    # The block syntax of the book: without it a cell inside `:::` would count as a cell here, and not in the book.
    config = MdParserConfig(enable_extensions={"amsmath", "colon_fence", "deflist", "dollarmath"})
    try:
        notebook = read_myst_markdown_notebook(text, config=config, add_source_map=True, path=path)
    except (MystMetadataParsingError, nbformat.ValidationError) as error:
        raise ValueError(f"{path.name}: the options of a code cell are not as they should be: {error}") from error
    cells = {line for cell, line in zip(notebook.cells, notebook.metadata["source_map"]) if cell.cell_type == "code"}
    for line, written in enumerate(text.splitlines(), start=1):
        if re.match(r"[ \t>]*(`{3,}|~{3,}|:{3,})\{code-cell\}", written) and line not in cells:
            raise ValueError(
                f"{path.name}, line {line}: this code cell would not be executed, for it is inside something else: "
                "a directive, a list, a quotation, or a fence above it that is not closed (or whose first line has a `)"
            )
    return notebook


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """Return the code cells of a notebook, in order."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def _inputs(root: Path) -> Iterator[Path]:
    """Yield the files that change what a chapter computes: the package, the results it reads, the pinned versions."""
    for path in sorted((root / "course_gan").rglob("*")):
        parts = path.relative_to(root).parts
        if path.is_file() and "__pycache__" not in parts and not any(part.startswith(".") for part in parts):
            yield path
    yield from sorted((root / "book" / "results").glob("*.json"))
    if (root / "constraints.txt").exists():
        yield root / "constraints.txt"


def fingerprint(chapter: Path, root: Path) -> str:
    """Return a hash of all that an execution of the chapter depends on, and of nothing else.

    In it: code cells, kernel, the package, pinned versions, results the chapter reads, scale.
    Not in it: prose, captions and other metadata of the page, tests, the folder the checkout lies in.
    """
    digest = hashlib.sha256()

    def add(name: str, content: bytes) -> None:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)

    notebook = read_notebook(chapter)
    add("kernel", json.dumps(notebook.metadata.get("kernelspec"), sort_keys=True).encode())
    for cell in code_cells(notebook):
        add("cell", cell.source.encode())
        add("tags", " ".join(sorted(EXECUTION_TAGS.intersection(cell.metadata.get("tags", [])))).encode())
    for path in _inputs(root):
        add(path.relative_to(root).as_posix(), path.read_bytes())
    add("scale", scale().encode())
    return digest.hexdigest()


def notebook_path(stem: str, root: Path) -> Path:
    """Return where the executed notebook of a chapter lies."""
    return root / "_build" / "runs" / f"{stem}.ipynb"


def record_path(stem: str, root: Path) -> Path:
    """Return where the record of a chapter's run lies; a page that shows the run depends on this file."""
    return root / "_build" / "runs" / f"{stem}.json"


def read_record(stem: str, root: Path) -> Record | None:
    """Return the record of a chapter's last run, or None where there is no complete one."""
    if not notebook_path(stem, root).exists():
        return None
    try:
        return Record(**json.loads(record_path(stem, root).read_text(encoding="utf-8")))
    except (FileNotFoundError, json.JSONDecodeError, TypeError):
        return None  # a record of an older form, or cut off: the chapter runs again, which repairs it


def fresh_record(chapter: Path, root: Path) -> Record | None:
    """Return the record of the stored run if that is what an execution now would give, else None."""
    record = read_record(chapter.stem, root)
    return record if record and record.fingerprint == fingerprint(chapter, root) else None


@cache
def build_lock(root: Path) -> BaseFileLock:
    """Return the lock of the book's cache and pages: one process at a time writes them.  It falls with its holder."""
    (root / "_build").mkdir(exist_ok=True)
    return FileLock(root / "_build" / ".lock")


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def store(notebook: NotebookNode, record: Record, root: Path) -> None:
    """Keep a run: the executed notebook and its record."""
    # The record is what makes a run count: it goes first and comes last, so that it never belongs to another notebook.
    record_path(record.chapter, root).unlink(missing_ok=True)
    _write(notebook_path(record.chapter, root), nbformat.writes(notebook))
    _write(record_path(record.chapter, root), json.dumps(dataclasses.asdict(record), indent=2) + "\n")


def _with_outputs(chapter: Path, root: Path) -> NotebookNode:
    """Return the chapter as it is written now (captions, alt texts, tags) with the outputs of its stored run."""
    notebook = read_notebook(chapter)
    executed = nbformat.read(notebook_path(chapter.stem, root), as_version=4)
    for cell, done in zip(code_cells(notebook), code_cells(executed), strict=True):
        cell.outputs, cell.execution_count = copy.deepcopy(done.outputs), done.execution_count
    notebook.metadata["language_info"] = executed.metadata["language_info"]  # how the page colors the code
    return notebook


def fill_cache(root: Path) -> list[Path]:
    """Make the jupyter-cache of the book hold the fresh runs and nothing else; return the chapters without one.

    The cache finds a notebook by its code cells (with their metadata) alone, so it would serve the outputs of an older
    `course_gan`, and would miss a cell whose caption was edited.  Written anew from the stored runs it does neither.
    pytest does this at its end, in its controlling process, and Sphinx at its beginning; who calls holds `build_lock`.
    """
    from jupyter_cache import get_cache
    from jupyter_cache.base import CacheBundleIn

    folder = root / "_build" / ".jupyter_cache"
    stale = []
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".jupyter_cache-") as scratch:
        cache = get_cache(Path(scratch) / "new")
        for chapter in chapters(root):
            record = fresh_record(chapter, root)
            if record is None:
                stale.append(chapter)
                continue
            bundle = CacheBundleIn(
                _with_outputs(chapter, root),
                chapter.relative_to(root).as_posix(),  # no path of this machine
                data={"execution_seconds": record.seconds},
            )
            cache.cache_notebook_bundle(bundle, check_validity=False, overwrite=True)
        cache.db.dispose()
        if folder.exists():
            shutil.move(folder, Path(scratch) / "old")
        (Path(scratch) / "new").rename(folder)
    return stale
