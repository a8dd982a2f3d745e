"""One code cell of a chapter as a test: nbval runs it, and what nbval lets pass is caught here."""

import difflib
import re
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import runs
from nbformat import NotebookNode
from nbval.plugin import IPyNbCell, NbCellError, find_comment_markers, find_metadata_tags

from tests.notebooks.kernel import GRACE, outputs

PAGE_TAGS = {
    *("hide-cell", "hide-input", "hide-output", "remove-cell", "remove-input", "remove-output", "remove-stdout"),
    *("remove-stderr", "scroll-output", "full-width", "margin", "popout", "picture", "thebe-init"),
}
EXERCISE_TAGS = {"stub", "solution", "check"}
TAGS = sorted(PAGE_TAGS | EXERCISE_TAGS | runs.EXECUTION_TAGS)


def options_of(cell: NotebookNode) -> dict[str, bool]:
    """Return nbval's options of a cell; raise ValueError for a tag or comment that would not do what it says."""
    tags = cell.metadata.get("tags", [])
    options: dict[str, bool] = defaultdict(bool, find_metadata_tags(cell.metadata))
    options.update(find_comment_markers(cell.source))
    if options["check"]:
        raise ValueError("no output is stored, so NBVAL_CHECK_OUTPUT would check nothing; write an assert")
    if options["skip"] or "skip-execution" in tags:
        raise ValueError("a skipped cell would be shown untested; make it a plain ```python block, or let it run")
    for tag in tags:
        if tag not in TAGS:
            near = difflib.get_close_matches(tag, TAGS, n=1)
            raise ValueError(
                f"the tag {tag!r} is unknown and would do nothing{f'; is it {near[0]!r}?' if near else '.'}  "
                f"Known are {', '.join(TAGS)} (tests/notebooks/cell.py)"
            )
    return options


def first_line(cell: NotebookNode) -> str:
    """Return what a cell begins with, comments and blank lines left out."""
    lines = [line.strip() for line in cell.source.splitlines() if line.strip() and not line.strip().startswith("#")]
    return lines[0] if lines else "(empty)"


class Cell(IPyNbCell):
    """A code cell; `line` is where it begins in the chapter's source."""

    def __init__(self, name: str, parent: Any, cell_num: int, cell: NotebookNode, line: int) -> None:
        super().__init__(name, parent, cell_num, cell, options_of(cell))
        self.line = line

    def setup(self) -> None:
        self.parent.skip_if_broken()

    def runtest(self) -> None:
        start, queued = time.perf_counter(), self.parent.kernel.queued()
        try:
            self.run_checked()
        except Exception:
            self.parent.broken = self.cell_num
            raise
        # What other programs took from the kernel is not the chapter's time.
        self.parent.seconds.append(time.perf_counter() - start - (self.parent.kernel.queued() - queued))

    def run_checked(self) -> None:
        """Run the cell and keep its outputs; raise NbCellError unless all is as it should be."""
        kernel, timeout = self.parent.kernel, self.config.option.nbval_cell_timeout
        if len(self.parent.seconds) != self.cell_num - 1:
            self.raise_cell_error(
                "The cells before this one did not run in this process: "
                "name the whole chapter, and give `--dist loadfile` with `-n`"
            )
        if not kernel.is_alive():
            self.raise_cell_error(f"{kernel.obituary()}  (After the cell before this one.)")
        kernel.deadline = time.monotonic() + timeout + GRACE
        try:
            super().runtest()
            self.cell.outputs = outputs(kernel.messages)
        except (RuntimeError, ValueError) as error:
            self.raise_cell_error(str(error))
        if self.parent.timed_out:
            self.raise_cell_error(f"Timeout of {timeout:g} seconds exceeded (the cell caught the interrupt)")
        raised = any(output.output_type == "error" for output in self.cell.outputs)
        if self.options["check_exception"] and not raised:
            self.raise_cell_error("The cell is tagged raises-exception, and nothing was raised")
        self.cell.execution_count = self.cell_num

    def stop(self) -> None:
        """End the kernel; nbval calls this where an interrupted cell does not come to rest."""
        self.parent.kernel.stop()

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, self.line - 1, f"{self.path.name}, cell {self.cell_num}"

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> Any:
        """Name the chapter, the cell and its line, and show the source and the traceback."""
        error = excinfo.value
        if not isinstance(error, NbCellError):
            return super(IPyNbCell, self).repr_failure(excinfo)
        source = "\n".join(f"    {line}" for line in error.source.splitlines())
        text = f"{self.path.name}, code cell {self.cell_num} (line {self.line}): {error}\n\n{source}\n"
        text += error.inner_traceback or ""
        has_colors = self.config.get_terminal_writer().hasmarkup
        return text if has_colors else re.sub(r"\x1b\[[0-9;]*m", "", text)
