"""Runs the code cells of a submission inside of the box, forgiving what only concerns the author's own machine."""

import __future__

import ast
import inspect
import linecache
import os
import signal
import sys
import time
import types
from collections.abc import Callable
from typing import Any

from course_gan.grade.cells import code_cells, without_magics

ABSENT = "%s is not there while grading: of course_gan only course_gan.check is. Write the formula yourself."
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)
FUTURES = __future__.annotations.compiler_flag


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
        from course_gan import check

        self.tell = tell
        self.module = types.ModuleType("__main__")
        self.given: dict[str, Any] = check.given  # type: ignore[attr-defined]  # the stand-in of this name
        self.problems: dict[int, str] = {}
        self.flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT

    def answers(self, exercise: str, name: str) -> list[Any]:
        """The function that was last given to `check` for this exercise, and the one of this name; those there are."""
        given, named = self.given.get(exercise), self.module.__dict__.get(name)
        return [f for f in (given, None if named is given else named) if f is not None]

    def run(self, data: bytes, name: str, until: float, cell_seconds: float, skip: set[int]) -> list[list[Any]]:
        """Run all cells in order, and once more those that raised: a cell may use what a later one defines.

        Returns what went wrong, as (number of the cell, sentence).
        """
        sys.modules["__main__"] = self.module
        sys.meta_path.append(OnlyCheck())
        sys.path.append(os.getcwd())  # modules that a cell writes
        signal.signal(signal.SIGALRM, _ring)
        if b"tqdm.notebook" in data:
            _plain_progress_bars()
        cells = dict(enumerate(code_cells(data, name), start=1))
        for number in skip:
            cells.pop(number, None)
            self.problems[number] = "ended the process or could not be stopped; it was left out."
        again, bound = [], {}
        for number, source in cells.items():
            before = self._bindings()
            if not self._cell(number, source, until, cell_seconds, last=False):
                again.append(number)
            bound.update({key: number for key, value in self._bindings().items() if before.get(key, self) is not value})
        for number in again:
            before = self._bindings()
            self._cell(number, cells[number], until, cell_seconds, last=True)
            for (kind, key), value in before.items():
                if bound.get((kind, key), 0) > number:  # an old draft must not come back over its better successor
                    self._places()[kind][key] = value
        return [[number, sentence] for number, sentence in sorted(self.problems.items())]

    def _places(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self.module.__dict__, self.given

    def _bindings(self) -> dict[tuple[int, str], Any]:
        return {(kind, key): value for kind, names in enumerate(self._places()) for key, value in names.items()}

    def _cell(self, number: int, source: str, until: float, seconds: float, *, last: bool) -> bool:
        """Run one cell; whether it should not be tried again."""
        self.tell(number)
        self.problems.pop(number, None)
        limit = max(1.0, min(seconds, until - time.monotonic()))
        signal.setitimer(signal.ITIMER_REAL, limit, 1.0)  # once more each second, for cells that catch everything
        try:
            return self._statements(number, source, last)
        except CellTimeout:
            self.problems[number] = f"was stopped after {limit:.0f} s."
            return True
        except BaseException as error:
            self.problems[number] = _sentence(error)
            return False
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _statements(self, number: int, source: str, last: bool) -> bool:
        """Run the statements of a cell up to the first that raises; the last time all of them.

        A path that exists on the author's machine only, or a package, must not cost a function that is defined below.
        What failed for good, and need not be tried again, is noted.
        """
        file = f"<cell {number}>"
        source = without_magics(source)
        linecache.cache[file] = (len(source), None, source.splitlines(keepends=True), file)
        stopped: CellTimeout | None = None
        for statement in ast.parse(source, file).body:
            if stopped is not None and not isinstance(statement, DEFINITIONS):
                continue
            try:
                self._statement(statement, file)
            except CellTimeout as error:  # a training run, say: what is defined below it takes no time
                if stopped is not None:
                    raise
                stopped = error
            except Exception as error:
                lasting = isinstance(statement, ast.Import | ast.ImportFrom) and isinstance(error, ImportError)
                if not lasting and (not last or isinstance(statement, ast.Raise)):
                    raise
                self.problems.setdefault(number, _sentence(error))
        if stopped is not None:
            raise stopped
        return True

    def _statement(self, statement: ast.stmt, file: str) -> None:
        """Run one statement; `from __future__` holds from there on, and `await` works, as in Jupyter."""
        code = compile(ast.Module([statement], []), file, "exec", self.flags, dont_inherit=True)
        self.flags |= code.co_flags & FUTURES
        result = eval(code, self.module.__dict__)
        if code.co_flags & inspect.CO_COROUTINE:
            import asyncio

            asyncio.run(result)


def _sentence(error: BaseException) -> str:
    try:
        text = " ".join(str(error).split())[:200]
    except Exception:  # an exception class of the submission can fail at being shown
        text = ""
    return f"raised {type(error).__name__}: {text}" if text else f"raised {type(error).__name__}."


def _plain_progress_bars() -> None:
    """Bars made of characters where a notebook would show widgets, which need a browser and a package more."""
    try:
        import tqdm
    except ImportError:
        return
    sys.modules["tqdm.notebook"] = tqdm


def _ring(number: int, frame: Any) -> None:
    raise CellTimeout
