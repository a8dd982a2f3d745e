"""Run the chapters (MyST text notebooks) under nbval: `pytest book`, or `pytest book/02-divergences.md`.

No option is needed.  What passes here is what the book shows: a chapter that passed is stored by `runs.py` and is not
executed again until something it depends on changes (or `--rerun-chapters` is given).  The gaps of nbval are closed: a
cell that swallows the interrupt of the time limit fails, a dead kernel is seen at once, a tag that would check nothing
is refused, after a failed cell the rest of its chapter is skipped.
"""

import datetime
import importlib
import importlib.metadata
import os
import platform
import sys
from ast import literal_eval
from collections.abc import Iterator
from pathlib import Path

import pytest
import runs
from nbval.plugin import IPyNbFile

from tests.notebooks.cell import Cell, first_line, options_of
from tests.notebooks.kernel import Kernel

CELL_TIMEOUT = 600.0
PACKAGES = ("numpy", "torchvision", "matplotlib", "scipy", "scikit-learn", "ipykernel", "nbval", "jupyter-book")
# The name of the GPU if the chapter used it; asked without importing torch into a chapter that does not need it.
DEVICE = (
    "(lambda torch: torch.cuda.get_device_name() if torch is not None and torch.cuda.is_initialized() else 'cpu')"
    "(__import__('sys').modules.get('torch'))"
)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chapters", "the book's chapters")
    group.addoption("--rerun-chapters", action="store_true", help="execute chapters even if their last run is fresh")
    parser.addini("chapter_seconds", "longest time a chapter may take at scale cpu", default="60")


def pytest_configure(config: pytest.Config) -> None:
    # Only nbval's own default (2000) is an int here: argparse makes a float of whatever was asked for.
    if isinstance(config.option.nbval_cell_timeout, int):
        config.option.nbval_cell_timeout = CELL_TIMEOUT
    try:
        runs.scale()
    except ValueError as error:
        raise pytest.UsageError(str(error)) from error
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(CacheFiller(config.rootpath))


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return True if collection_path == config.rootpath / "_build" else None  # copies of the chapters lie there


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if file_path.suffix == ".md" and runs.is_notebook(file_path):
        return Chapter.from_parent(parent, path=file_path)
    return None


class CacheFiller:
    """At the end of the session, and in one process only, hand the stored runs to the book's cache."""

    def __init__(self, root: Path) -> None:
        self.root, self.wanted = root, False

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.wanted |= any(name == "stored run" for name, _ in report.user_properties)

    def pytest_sessionfinish(self) -> None:
        if self.wanted:
            with runs.build_lock(self.root):
                runs.fill_cache(self.root)


class Chapter(IPyNbFile):
    """A chapter: one item per code cell, then one that looks at the time and stores the run; or one, if it is fresh."""

    broken: int | None = None  # the number of the first cell that failed
    fresh: runs.Record | None = None  # the record of the stored run, if nothing changed since
    kernel: Kernel | None = None

    @property
    def root(self) -> Path:
        return self.config.rootpath

    @property
    def is_stored(self) -> bool:
        """Tell whether the book shows this notebook; only then its run is kept."""
        return self.path.parent == self.root / "book"

    def collect(self) -> Iterator[pytest.Item]:
        try:
            self.nb = runs.read_notebook(self.path)
        except ValueError as error:
            raise self.CollectError(str(error)) from error
        self.fingerprint = runs.fingerprint(self.path, self.root)
        self.seconds: list[float] = []
        lines = [line for cell, line in zip(self.nb.cells, self.nb.metadata["source_map"]) if cell.cell_type == "code"]
        cells = list(enumerate(zip(runs.code_cells(self.nb), lines), start=1))
        for number, (cell, line) in cells:
            try:
                options_of(cell)
            except ValueError as error:
                raise self.CollectError(f"{self.path.name}, code cell {number} (line {line}): {error}") from error
        if self.is_stored and not self.config.getoption("rerun_chapters"):
            self.fresh = runs.fresh_record(self.path, self.root)
        if self.fresh:
            name = f"up to date, ran in {self.fresh.duration()} on {self.fresh.place()}, {self.fresh.day()}"
            yield UpToDate.from_parent(self, name=name)
            return
        for number, (cell, line) in cells:
            yield Cell.from_parent(self, name=f"Cell {number}", cell_num=number, cell=cell, line=line)
        yield Finish.from_parent(self, name="time budget")

    def setup(self) -> None:
        if self.fresh:
            return
        # What this says on stderr (fonts are looked for, no folder can be written to) must not get into a chapter.
        importlib.import_module("matplotlib.font_manager")
        workers = getattr(self.config, "workerinput", {}).get("workercount", 1)
        self.threads = max(1, cores() // workers)
        timeout = self.config.option.nbval_kernel_startup_timeout
        self.kernel = Kernel(self.path.parent, self.root, self.threads, runs.scale(), timeout)

    def teardown(self) -> None:
        if self.kernel is not None:
            self.kernel.stop()

    def skip_if_broken(self) -> None:
        if self.broken is not None:
            pytest.skip(f"cell {self.broken} of this chapter failed")

    def record(self) -> runs.Record:
        """Return the record of the run that has just ended; its kernel still lives."""
        installed = {name: version(name) for name in PACKAGES}
        return runs.Record(
            chapter=self.path.stem,
            fingerprint=self.fingerprint,
            seconds=round(sum(self.seconds), 3),
            cells=[round(seconds, 3) for seconds in self.seconds],
            scale=runs.scale(),
            device=literal_eval(self.kernel.ask(DEVICE)),
            machine=f"{cores()} CPU core{'' if cores() == 1 else 's'}, {platform.machine()}",
            threads=self.threads,
            python=platform.python_version(),
            torch=version("torch") or "not installed",
            course_gan=version("course-gan") or "not installed",
            versions={name: number for name, number in installed.items() if number},
            finished=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        )

    def check_time(self, record: runs.Record) -> None:
        """Fail if a chapter took too long at scale cpu, and name its slowest cells."""
        limit = float(self.config.getini("chapter_seconds"))
        if record.scale != "cpu" or record.seconds <= limit:
            return
        cells = enumerate(zip(record.cells, runs.code_cells(self.nb)), start=1)
        slowest = sorted(cells, key=lambda entry: entry[1][0], reverse=True)[:3]
        listed = "".join(f"  {took:7.1f} s  cell {number}: {first_line(cell)}\n" for number, (took, cell) in slowest)
        pytest.fail(
            f"{self.path.name} took {record.seconds:.1f} s on {record.place()}; at scale cpu it may take {limit:g} s.  "
            f"Its slowest cells:\n{listed}Make them smaller, or move the work to a reproduction.",
            pytrace=False,
        )


class Finish(pytest.Item):
    """The end of a chapter: it took no longer than it may, and its run is stored."""

    def setup(self) -> None:
        self.parent.skip_if_broken()

    def runtest(self) -> None:
        chapter = self.parent
        if len(chapter.seconds) != len(runs.code_cells(chapter.nb)):
            pytest.fail("not all cells of this chapter ran in this process: name the whole chapter", pytrace=False)
        if not chapter.kernel.is_alive():
            pytest.fail(f"{chapter.kernel.obituary()}  (After the last cell.)", pytrace=False)
        record = chapter.record()
        chapter.check_time(record)
        if not chapter.is_stored:
            return
        if runs.fingerprint(chapter.path, chapter.root) != chapter.fingerprint:
            pytest.fail("the chapter, or what it depends on, was edited while it ran: run it again", pytrace=False)
        del chapter.nb.metadata["source_map"]
        chapter.nb.metadata["language_info"] = {
            "name": "python",
            "version": record.python,
            "mimetype": "text/x-python",
            "file_extension": ".py",
            "pygments_lexer": "ipython3",
            "nbconvert_exporter": "python",
            "codemirror_mode": {"name": "ipython", "version": sys.version_info[0]},
        }
        runs.store(chapter.nb, record, chapter.root)
        self.user_properties.append(("stored run", record.chapter))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}, {self.name}"


class UpToDate(pytest.Item):
    """Stands for a chapter whose stored run is fresh."""

    def runtest(self) -> None:
        self.parent.check_time(self.parent.fresh)
        self.user_properties.append(("stored run", self.parent.fresh.chapter))

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}, {self.name}"


def cores() -> int:
    """Return the number of CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def version(package: str) -> str | None:
    """Return the installed version of a package, None where it is not installed."""
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
