"""Runs the code cells of a submission inside of the box, forgiving what only concerns the author's own machine."""

import ast
import json
import linecache
import re
import signal
import sys
import time
import types
from collections.abc import Callable
from typing import Any

CELL_MAGICS_THAT_RUN_THE_CELL = ("time", "timeit", "capture", "prun", "memit", "mprun")
MAGIC = re.compile(r"^(\s*)(?:[%!?].*|(\w+)\s*=\s*[%!].*|.*[\w)\]]\?{1,2}\s*)$")
ABSENT = "%s is not there while grading: of course_gan only course_gan.check is. Write the formula yourself."


class CellTimeout(BaseException):
    """A cell has taken its time; not an Exception, so that `except Exception` does not keep it going."""


class OnlyCheck:
    """Says why the rest of the package cannot be imported."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Asked last, so for modules that nobody else knows."""
        if name.partition(".")[0] == "course_gan":
            raise ImportError(ABSENT % name, name=name)


class Notebook:
    """The names that a submission's cells define, and what it handed to `check`."""

    def __init__(self, tell: Callable[[int], object]) -> None:
        self.tell = tell
        self.module = types.ModuleType("__main__")
        self.problems: dict[int, str] = {}

    def answer(self, exercise: str, name: str) -> Any:
        """The function that was last given to `check` for this exercise, else the one of this name, else None."""
        from course_gan import check

        given: dict[str, Any] = check.given  # type: ignore[attr-defined]  # the stand-in of this name
        return given.get(exercise, self.module.__dict__.get(name))

    def run(self, data: bytes, name: str, until: float, cell_seconds: float, skip: set[int]) -> list[list[Any]]:
        """Run all cells in order, and once more those that raised: a cell may use what a later one defines.

        Returns what went wrong, as (number of the cell, sentence).
        """
        sys.modules["__main__"] = self.module
        sys.meta_path.append(OnlyCheck())
        signal.signal(signal.SIGALRM, _ring)
        cells = dict(enumerate(code_cells(data, name), start=1))
        for number in skip:
            cells.pop(number, None)
            self.problems[number] = "ended the process or could not be stopped; it was left out."
        again = [n for n, source in cells.items() if not self._cell(n, source, until, cell_seconds)]
        for number in again:
            self._cell(number, cells[number], until, cell_seconds)
        return [[number, sentence] for number, sentence in sorted(self.problems.items())]

    def _cell(self, number: int, source: str, until: float, seconds: float) -> bool:
        """Run one cell; whether it should not be tried again."""
        self.tell(number)
        self.problems.pop(number, None)
        limit = max(1.0, min(seconds, until - time.monotonic()))
        signal.setitimer(signal.ITIMER_REAL, limit, 1.0)  # once more each second, for cells that catch everything
        try:
            self._statements(number, source)
        except CellTimeout:
            self.problems[number] = f"was stopped after {limit:.0f} s."
            return True
        except BaseException as error:
            self.problems[number] = f"raised {type(error).__name__}: {' '.join(str(error).split())[:200]}"
            return False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        return True

    def _statements(self, number: int, source: str) -> None:
        """Imports that fail do not keep the rest of the cell from running."""
        file = f"<cell {number}>"
        source = without_magics(source)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        failed: ImportError | None = None
        for statement in ast.parse(source, file).body:
            code = compile(ast.Module([statement], []), file, "exec", dont_inherit=True)
            try:
                exec(code, self.module.__dict__)
            except ImportError as error:
                if not isinstance(statement, ast.Import | ast.ImportFrom):
                    raise
                failed = failed or error
        if failed is not None:
            raise failed


def code_cells(data: bytes, name: str) -> list[str]:
    """The sources of the code cells of a notebook file, by the ending of its name."""
    if not name.endswith(".ipynb"):
        import jupytext

        found = jupytext.reads(data.decode("utf-8-sig"), fmt="md" if name.endswith(".md") else "py")
        return [cell.source for cell in found.cells if cell.cell_type == "code"]
    notebook = json.loads(data.decode("utf-8-sig"))
    cells = notebook["cells"] if "cells" in notebook else notebook["worksheets"][0]["cells"]
    sources = [cell.get("source", cell.get("input", "")) for cell in cells if cell.get("cell_type") == "code"]
    return [source if isinstance(source, str) else "".join(source) for source in sources]


def without_magics(source: str) -> str:
    """The cell as plain Python: magics, shell escapes and questions out, the body of `%%time` and its like kept."""
    if cell_magic := re.match(r"\s*%%(\w+)[^\n]*\n?", source):
        if cell_magic[1] not in CELL_MAGICS_THAT_RUN_THE_CELL:
            return ""
        source = "\n" + source[cell_magic.end() :]
    try:
        ast.parse(source)
        return source  # a line that begins with % may be the rest of a sum, or of a text
    except SyntaxError:
        return "\n".join(_plain(line) for line in source.split("\n"))


def _plain(line: str) -> str:
    magic = MAGIC.match(line)
    if magic is None:
        return line
    return f"{magic[1]}{magic[2]} = None" if magic[2] else f"{magic[1]}pass"


def _ring(number: int, frame: Any) -> None:
    raise CellTimeout
