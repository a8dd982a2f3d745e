"""What a submission's cells leave behind: each is run as Jupyter would, and an author's own machine costs nothing."""

import json
import linecache
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import course_gan.check
from course_gan.grade import stand_in
from course_gan.grade.cells import code_cells, without_magics
from course_gan.grade.notebook import Notebook
from tests.grade_class import notebook


class Ran(Notebook):
    """A notebook of these cells that was run in this process, and what there is to see of it."""

    def __init__(self, *cells: str, seconds: float = 30.0, skip: set[int] | None = None) -> None:
        self.told: list[int] = []
        super().__init__(self.told.append)
        until = time.monotonic() + seconds
        self.found = self.run(notebook(*cells), "ada.ipynb", until, seconds, skip or set())

    def __getitem__(self, name: str) -> Any:
        return self.module.__dict__[name]


@pytest.fixture(autouse=True)
def process_as_before(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Running a notebook takes over the process, which in the box is its own."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    monkeypatch.setitem(sys.modules, "course_gan.check", stand_in)
    monkeypatch.setattr(course_gan, "check", stand_in)
    monkeypatch.setattr(stand_in, "given", {})
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.chdir(tmp_path)
    ring = signal.getsignal(signal.SIGALRM)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, ring)
    for name in [name for name in linecache.cache if name.startswith("<cell ")]:
        del linecache.cache[name]


CHECK = "from course_gan.check import check\n"


# Order


def test_a_cell_may_use_what_a_later_one_defines() -> None:
    ran = Ran("y = f(2)", "def f(x):\n    return x + 1")
    assert ran["y"] == 3
    assert ran.found == []
    assert ran.told == [1, 2, 1]


def test_a_cell_that_went_well_is_run_once() -> None:
    ran = Ran("log = []", "log.append(1)", "log.append(2)\nlater()", "log.append(3)", "def later(): log.append(4)")
    assert ran["log"].count(1) == ran["log"].count(3) == ran["log"].count(4) == 1


def test_a_cell_whose_only_trouble_is_a_missing_package_is_run_once() -> None:
    ran = Ran("log = []", "log.append(1)\nimport no_such_package\nlog.append(2)")
    assert ran["log"] == [1, 2]
    assert ran.found == [[2, "raised ModuleNotFoundError: No module named 'no_such_package'"]]


def test_an_old_draft_in_a_cell_that_fails_does_not_come_back() -> None:
    old = "def f(x):\n    return 'old'\ncheck('f', f)\ng = 'old'\nassert False"
    ran = Ran(CHECK, old, "def f(x):\n    return 'new'\ncheck('f', f)")
    assert ran["f"](0) == ran.answers("f", "f")[0](0) == "new"
    assert ran["g"] == "old"


def test_what_a_failed_cell_defines_the_second_time_replaces_what_stands_above_it() -> None:
    ran = Ran(
        "def f(x):\n    return 'stub'", "@decorator\ndef f(x):\n    return 'new'", "def decorator(f):\n    return f"
    )
    assert ran["f"](0) == "new"


def test_a_cell_that_fails_for_good_still_defines_what_stands_below_the_failure() -> None:
    ran = Ran("a = 1\n1 / 0\nopen('/home/ada/data.csv')\ndef f(x):\n    return x")
    assert ran["f"](3) == 3
    assert ran.found == [[1, "raised ZeroDivisionError: division by zero"]]


@pytest.mark.parametrize("end", ["raise RuntimeError('the rest is old')", "import sys\nsys.exit()", "exit()"])
def test_a_cell_that_is_ended_on_purpose_is_ended(end: str) -> None:
    assert Ran(f"x = 'new'\n{end}\nx = 'old'")["x"] == "new"


def test_a_cell_that_is_no_python_harms_no_other() -> None:
    ran = Ran("x = (", "y = 2")
    assert ran["y"] == 2
    assert [number for number, _ in ran.found] == [1]
    assert "SyntaxError" in ran.found[0][1]


def test_an_exception_that_cannot_be_shown_is_named() -> None:
    ran = Ran("class Odd(Exception):\n    def __str__(self):\n        return 1 / 0", "raise Odd", "z = 3")
    assert ran.found == [[2, "raised Odd."]]
    assert ran["z"] == 3


def test_a_cell_that_takes_too_long_is_stopped_and_not_tried_again() -> None:
    ran = Ran("import time", "time.sleep(60)", "x = 1", seconds=0.1)  # no cell has less than a second
    assert ran.found == [[2, "was stopped after 1 s."]]
    assert ran.told == [1, 2, 3]
    assert ran["x"] == 1


def test_a_cell_that_is_stopped_still_defines_what_stands_below() -> None:
    ran = Ran("import time", "time.sleep(60)\nx = f(1)\ndef f(x):\n    return x\ntime.sleep(60)", seconds=0.1)
    assert ran.found == [[2, "was stopped after 1 s."]]
    assert ran["f"](4) == 4
    assert "x" not in ran.module.__dict__


def test_cells_that_are_left_out_are_noted() -> None:
    ran = Ran("x = 1", "y = 2", skip={1})
    assert "x" not in ran.module.__dict__
    assert ran.found[0][0] == 1
    assert "left out" in ran.found[0][1]
    assert ran["y"] == 2


# What was handed in


def test_the_last_function_given_to_check_is_the_answer_then_the_one_of_its_name() -> None:
    ran = Ran(CHECK + "def f(x): return 1\ndef mine(x): return 2\ncheck('f', f)\ncheck('f', mine)")
    assert ran.answers("f", "f") == [ran["mine"], ran["f"]]
    assert ran.answers("another", "f") == [ran["f"]]
    assert ran.answers("another", "g") == []


def test_a_function_given_under_its_own_name_is_asked_once() -> None:
    ran = Ran(CHECK + "def f(x): return 1\ncheck('f', f)\ng = None")
    assert ran.answers("f", "f") == [ran["f"]]
    assert ran.answers("g", "g") == []


# As in Jupyter


def test_future_annotations_hold_from_there_on() -> None:
    ran = Ran("from __future__ import annotations\ndef f(x: Undefined): return x", "def g(y: Undefined): return y")
    assert ran.found == []
    assert ran["g"].__annotations__ == {"y": "Undefined"}


def test_annotations_are_evaluated_without_it() -> None:
    assert "NameError" in Ran("def f(x: Undefined): return x").found[0][1]


def test_await_and_what_belongs_to_it_work_at_the_top() -> None:
    cell = """
import asyncio
async def f(x):
    await asyncio.sleep(0)
    return x
y = await f(3)
assert await asyncio.gather(f(1), f(2)) == [1, 2]
z = [x async for x in agen()]
"""
    ran = Ran("async def agen():\n    yield 1", cell)
    assert ran.found == []
    assert (ran["y"], ran["z"]) == (3, [1])


def test_the_notebook_is_the_main_module() -> None:
    ran = Ran(
        "if __name__ == '__main__':\n    x = 1",
        "import pickle\nclass Point: pass\ncopy = pickle.loads(pickle.dumps(Point()))",
        "import inspect\ndef f(x):\n    return x  # a comment\nsource = inspect.getsource(f)",
    )
    assert ran.found == []
    assert type(ran["copy"]) is ran["Point"]
    assert "a comment" in ran["source"]


def test_a_module_that_a_cell_writes_can_be_imported() -> None:
    text = "x = 'it''s'\n\ndef f():\n    return '%s' % x\n"
    ran = Ran(
        f"%%writefile written_by_ada.py\n{text}", "%%writefile -a written_by_ada.py\ny = 2", "import written_by_ada"
    )
    assert ran.found == []
    assert (ran["written_by_ada"].f(), ran["written_by_ada"].y) == ("its", 2)
    del sys.modules["written_by_ada"]


def test_progress_bars_for_notebooks_need_no_widgets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "tqdm.notebook", raising=False)
    ran = Ran(
        "from tqdm.notebook import tqdm, trange\nimport tqdm.notebook as t", "x = list(tqdm(trange(3)))", "t.tqdm([])"
    )
    assert ran.found == []
    assert ran["x"] == [0, 1, 2]


def test_the_rest_of_the_package_is_named_as_absent() -> None:
    ran = Ran("import course_gan.not_in_the_box\nx = 1")
    assert "of course_gan only course_gan.check is" in ran.found[0][1]
    assert ran["x"] == 1


# Magics


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("import os\n!ls -la\n", "import os\npass\n"),
        ("if True:\n    !ls\nelse:\n    %cd ..", "if True:\n    pass\nelse:\n    pass"),
        ("for f in x:\n    !cat {f} | wc\n    y = f", "for f in x:\n    pass\n    y = f"),
        ("!pip install a \\\n    b\nx = 1", "pass\n\nx = 1"),
        ("pip install torch", "pass"),
        ("%timeit f(x)\ny = 1", "pass\ny = 1"),
        ("%time y = f(x)", "y = f(x)"),
        ("y = %time f(x)", "y = f(x)"),
        ("files = !ls *.py\nx = 1", "files = []\nx = 1"),
        ("a.b = %sql select", "a.b = None"),
        ("torch.where?\nx = 1", "pass\nx = 1"),
        ("f??", "pass"),
        ("?f\n??f", "pass\npass"),
        ("torch.*norm*?", "pass"),
        ("!echo don't (\nx = 1", "pass\nx = 1"),
        ("!echo (\nx = [1]\ny = ']'", "pass\nx = [1]\ny = ']'"),
        ("    x = 1\n    y = 2", "x = 1\ny = 2"),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%capture out\n%%time\nx = 1", "\n\npass\nx = 1"),
        ("%%bash\nls", ""),
        ("%%html\n<b>", ""),
        ("%%time", ""),
        ("%%writefile", ""),
    ],
)
def test_what_only_jupyter_understands_is_taken_out(source: str, wanted: str) -> None:
    assert without_magics(source) == wanted


@pytest.mark.parametrize(
    "source",
    [
        "x = (7\n % 3)",
        "x = (7\n    % 3)\n# why?\n",
        "text = '''\n!no command\n%no magic\nwho?\n'''",
        "x = 5 \\\n% 3",
        "print('a?')  # really?",
        "a = b = 1\nassert a != b",
    ],
)
def test_plain_python_stays_as_it_is_also_beside_magics(source: str) -> None:
    assert without_magics(source) == source
    assert without_magics(source + "\n!ls") == source + "\npass"
    assert without_magics("%matplotlib inline\n" + source) == "pass\n" + source


@pytest.mark.parametrize("source", ["x = (", "!ls\nx = )", "def f(:\n    pass\n%cd", "\ud800", "\x00"])
def test_what_is_neither_python_nor_jupyters_is_left_to_fail(source: str) -> None:
    with pytest.raises((SyntaxError, ValueError)):
        compile(without_magics(source), "cell", "exec")


# Files


def test_sources_are_read_from_every_format() -> None:
    lines: dict[str, Any] = {"cells": [{"cell_type": "code", "source": ["x = 1\n", "y = 2"]}, {"cell_type": "raw"}]}
    old = {"worksheets": [{"cells": [{"cell_type": "code", "input": "x = 1"}]}, {"cells": [{"cell_type": "heading"}]}]}
    text = b"# T\n\n```{code-cell} ipython3\n:tags: [check]\n\nx = 1\n```\n\n```{code-cell}\n!ls\n```\n"
    assert code_cells(json.dumps(lines).encode(), "a.ipynb") == ["x = 1\ny = 2"]
    assert code_cells(b"\xef\xbb\xbf" + json.dumps(old).encode(), "a.ipynb") == ["x = 1"]
    assert code_cells(text, "a.md") == ["x = 1", "!ls"]
    assert code_cells(b"\xef\xbb\xbf" + text.replace(b"\n", b"\r\n"), "a.md") == ["x = 1", "!ls"]
    assert code_cells(b"# T\n\n```python\nx = 1\n```\n", "a.md") == ["x = 1"]
