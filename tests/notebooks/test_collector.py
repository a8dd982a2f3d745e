"""The collector, shown planted chapters: what is wrong with each must be found, and said."""

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.notebooks.collector import cores, pytest_configure
from tests.notebooks.kernel import queued_seconds
from tests.notebooks.planted import Project, Session, code

LOOP = "import time\nwhile True:\n    time.sleep(0.02)"
SWALLOW = f"try:\n    {LOOP.replace(chr(10), chr(10) + '    ')}\nexcept KeyboardInterrupt:\n    print('stopped early')"
# Ignores every interrupt, and prints all the time, so that there is always a message to read.
STUBBORN = "import time\nwhile True:\n    try:\n        print('x' * 100, flush=True)\n        time.sleep(0.001)\n"
STUBBORN += "    except KeyboardInterrupt:\n        pass"
RIGHT = """
import os, sys
from pathlib import Path
import course_gan
assert Path.cwd() == Path({book!r}), Path.cwd()
assert Path(course_gan.__file__).parent.parent == Path({root!r}), course_gan.__file__
assert sys.executable == {python!r}, sys.executable
assert os.environ["OMP_NUM_THREADS"] == os.environ["MKL_NUM_THREADS"] == "{threads}"
assert os.environ["COURSE_GAN_SCALE"] == "cpu"
assert not [name for name in os.environ if name.startswith("PYTEST_")]
"""
FIGURE = """
import os, warnings
print("first")
os.system("echo from a subprocess")
import matplotlib.pyplot as plt
plt.plot([0, 1])
plt.show()
warnings.warn("a warning the page must not lose")
print("done 10 %\\rdone 100 %")
"""


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Session, Path]:
    """One session over many chapters, each with one thing wrong (and one with nothing), in two processes."""
    root = tmp_path_factory.mktemp("planted")
    project = Project(root)
    threads = max(1, cores() // 2)
    right = RIGHT.format(book=str(root / "book"), root=str(root), python=sys.executable, threads=threads)
    project.chapter("right", code(right), code("1 / 0", "raises-exception"), code(FIGURE), code("6 * 7"))
    project.chapter("failing", code("x = 1"), "Text.\n", code("assert x == 2, 'planted message'"), code("x"))
    kill = code("import os, time\nos.kill(os.getpid(), 9)\ntime.sleep(60)")
    project.chapter("killed", code("'the first item is charged for the kernel to start'"), kill, code("1"))
    project.chapter("left", code("import os\nos._exit(3)"), code("1"))
    project.chapter("calm", code("print('nothing is raised')", "raises-exception"), code("1"))
    project.chapter("redrawing", code("from IPython.display import clear_output\nclear_output()"))
    session = project.pytest("book", "-n", "2", "--dist", "loadfile", MPLBACKEND="agg")
    return session, root


@pytest.fixture(scope="module")
def endless(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session over chapters that do not end, with a time limit of two seconds a cell."""
    project = Project(tmp_path_factory.mktemp("endless"))
    project.chapter("endless", code(LOOP), code("1"))
    project.chapter("swallowing", code(SWALLOW), code("1"))
    project.chapter("announced", code(LOOP, "raises-exception"))
    project.chapter("stubborn", code(STUBBORN), code("1"))
    return project.pytest("book", "-n", "3", "--dist", "loadfile", "--nbval-cell-timeout=2")


@pytest.fixture(scope="module")
def hurried(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """A session over a slow chapter and a single cell, with little time for a chapter and the default for a cell."""
    project = Project(tmp_path_factory.mktemp("hurried"))
    project.write("conftest.py", "def pytest_unconfigure(config):\n    print(config.option.nbval_cell_timeout)\n")
    project.chapter("slow", code("1"), code("import time\n# a comment\ntime.sleep(0.6)"))
    project.chapter("single", code("x = 1"), code("x"))
    return project.pytest("-s", "-o", "chapter_seconds=0.3", "book/slow.md", "book/single.md::Cell 2")


REFUSED = {
    "comment": (code("x = 1") + "\n" + code("# NBVAL_CHECK_OUTPUT\nx"), "NBVAL_CHECK_OUTPUT would check nothing"),
    "tag": (code("1") + "\n" + code("1", "nbval-check-output"), "NBVAL_CHECK_OUTPUT would check nothing"),
    "skip": (code("1") + "\n" + code("1", "skip-execution"), "shown untested"),
    "nbval-skip": (code("1") + "\n" + code("1", "nbval-skip"), "shown untested"),
    "slip": (code("1") + "\n" + code("1", "hide_input"), "is it 'hide-input'"),
}


@pytest.fixture(scope="module")
def refused(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """What pytest collects of chapters with cells that would not do what they say."""
    project = Project(tmp_path_factory.mktemp("refused"))
    for stem, (text, _) in REFUSED.items():
        project.chapter(stem, text)
    project.chapter("nested", code("1"), "````{note}\n" + code("assert False") + "````\n")
    # A backtick in the first line: no fence opens, so the closing one opens, and takes the next cell with it.
    project.chapter("swallowed", "````{note} See {cite}`it`\nText.\n````\n", code("assert False"))
    project.chapter("no-list", "```{code-cell} ipython3\n:tags: stub\n\n1\n```\n")
    project.write("book/plain.md", "# A page that is no notebook\n\n```python\nassert False\n```\n")
    project.write("book/broken.md", "---\njupytext: {text_representation: [format_name: myst\n---\n\n" + code("1"))
    return project.pytest("book", "--collect-only")


def test_a_right_chapter_passes_in_its_folder_with_this_python_and_this_package(
    planted: tuple[Session, Path],
) -> None:
    session, _ = planted
    items = ["Cell 1", "Cell 2", "Cell 3", "Cell 4", "time budget"]
    assert session.results("right") == dict.fromkeys(items, "passed"), session.output


def test_a_right_chapter_is_stored_with_outputs_in_order_and_nothing_lost(planted: tuple[Session, Path]) -> None:
    _, root = planted
    cells = json.loads((root / "_build/runs/right.ipynb").read_text())["cells"]
    done = [cell["outputs"] for cell in cells if cell["cell_type"] == "code"]
    assert done[1][0]["ename"] == "ZeroDivisionError"
    first, figure, *rest = done[2]
    assert first["text"] == ["first\n", "from a subprocess\n"]
    assert "image/png" in figure["data"]
    text = {output["name"]: "".join(output["text"]) for output in rest}
    assert text["stdout"] == "done 100 %\n", "of a line that is written over, the last state is kept"
    assert "UserWarning: a warning the page must not lose" in text["stderr"]
    assert (done[3][0]["data"]["text/plain"], done[3][0]["execution_count"]) == (["42"], 4)


def test_a_record_says_what_ran_where(planted: tuple[Session, Path]) -> None:
    _, root = planted
    record = json.loads((root / "_build/runs/right.json").read_text())
    assert record["threads"] == max(1, cores() // 2)
    assert (record["scale"], record["device"], len(record["cells"])) == ("cpu", "cpu", 4)
    assert record["seconds"] == pytest.approx(sum(record["cells"]), abs=0.01)
    assert record["versions"]["numpy"]


def test_only_passed_chapters_are_stored(planted: tuple[Session, Path]) -> None:
    _, root = planted
    assert sorted(path.name for path in (root / "_build/runs").iterdir()) == ["right.ipynb", "right.json"]


def test_a_failing_assert_names_chapter_cell_line_and_source(planted: tuple[Session, Path]) -> None:
    session, _ = planted
    text = session.items["failing", "Cell 2"].text
    assert session.items["failing", "Cell 2"].result == "failed"
    assert re.search(r"failing\.md, code cell 2 \(line 23\)", text), text
    assert "    assert x == 2, 'planted message'" in text
    assert "AssertionError: planted message" in text
    assert "\x1b[" not in text
    assert "#x1B" not in text


def test_after_a_failure_the_rest_of_the_chapter_is_skipped(planted: tuple[Session, Path]) -> None:
    session, _ = planted
    expected = {"Cell 1": "passed", "Cell 2": "failed", "Cell 3": "skipped", "time budget": "skipped"}
    assert session.results("failing") == expected
    assert "cell 2 of this chapter failed" in session.items["failing", "Cell 3"].text


def test_a_killed_kernel_is_found_within_seconds_and_named(planted: tuple[Session, Path]) -> None:
    session, _ = planted
    outcome = session.items["killed", "Cell 2"]
    assert outcome.result == "failed"
    assert "killed.md, code cell 2" in outcome.text
    assert "The kernel died (signal SIGKILL; out of memory?)" in outcome.text
    assert outcome.seconds < 30, "the time limit of a cell is 600 s"


def test_a_cell_that_ends_its_own_kernel_fails(planted: tuple[Session, Path]) -> None:
    session, _ = planted
    assert session.results("left") == {"Cell 1": "failed", "Cell 2": "skipped", "time budget": "skipped"}
    assert "The kernel died (exit status 3; os._exit?)" in session.items["left", "Cell 1"].text


def test_raises_exception_fails_where_nothing_is_raised(planted: tuple[Session, Path]) -> None:
    session, _ = planted
    assert session.results("calm") == {"Cell 1": "failed", "Cell 2": "skipped", "time budget": "skipped"}
    assert "tagged raises-exception, and nothing was raised" in session.items["calm", "Cell 1"].text


def test_a_cell_that_redraws_its_output_fails(planted: tuple[Session, Path]) -> None:
    session, _ = planted
    assert session.results("redrawing") == {"Cell 1": "failed", "time budget": "skipped"}
    assert "clear_output" in session.items["redrawing", "Cell 1"].text


def test_a_slow_chapter_fails_as_its_own_item_and_names_its_slowest_cell(hurried: Session) -> None:
    assert hurried.results("slow") == {"Cell 1": "passed", "Cell 2": "passed", "time budget": "failed"}
    text = hurried.items["slow", "time budget"].text
    assert re.search(r"slow\.md took [\d.]+ s on .* CPU cores?; at scale cpu it may take 0\.3 s", text), text
    assert re.search(r"slowest cells:\s+[\d.]+ s  cell 2: import time", text), text


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how long a process waited for a core")
def test_the_time_that_other_programs_took_is_known() -> None:
    busy = "import os, time\nos.sched_setaffinity(0, {int(input())})\nend = time.monotonic() + 0.5\n"
    busy += "while time.monotonic() < end:\n    pass\nprint('done', flush=True)\ninput()"
    pipe = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
    both = [subprocess.Popen([sys.executable, "-c", busy], **pipe) for _ in range(2)]
    for process in both:  # on one core, of which each can have half
        process.stdin.write(f"{min(os.sched_getaffinity(0))}\n")
    assert [process.stdout.readline() for process in both] == ["done\n"] * 2
    queued = [queued_seconds(process.pid) for process in both]
    assert sum(queued) > 0.2
    time.sleep(0.3)
    later = [queued_seconds(process.pid) for process in both]
    assert sum(later) - sum(queued) < 0.1, "a process that sleeps waits for no core"
    for process in both:
        process.communicate("\n")


def test_a_process_that_is_gone_waited_for_nothing() -> None:
    assert queued_seconds(2**22 + 1) == 0


def test_an_unknown_scale_ends_pytest_with_a_sentence(pytestconfig: pytest.Config, monkeypatch) -> None:
    monkeypatch.setenv("COURSE_GAN_SCALE", "tpu")
    with pytest.raises(pytest.UsageError, match="COURSE_GAN_SCALE is 'tpu'"):
        pytest_configure(pytestconfig)


def test_a_single_cell_says_that_the_whole_chapter_is_wanted(hurried: Session) -> None:
    assert hurried.results("single") == {"Cell 2": "failed"}
    assert "name the whole chapter" in hurried.items["single", "Cell 2"].text


def test_a_cell_may_take_ten_minutes_unless_told_otherwise(hurried: Session) -> None:
    assert "\n600.0\n" in hurried.output


def test_an_endless_loop_fails_at_the_time_limit(endless: Session) -> None:
    assert endless.results("endless") == {"Cell 1": "failed", "Cell 2": "skipped", "time budget": "skipped"}
    text = endless.items["endless", "Cell 1"].text
    assert "Timeout of 2 seconds exceeded" in text
    assert "endless.md, code cell 1" in text
    assert "KeyboardInterrupt" in text
    assert endless.items["endless", "Cell 1"].seconds < 60


def test_a_cell_that_swallows_the_interrupt_fails(endless: Session) -> None:
    assert endless.results("swallowing") == {"Cell 1": "failed", "Cell 2": "skipped", "time budget": "skipped"}
    assert "Timeout of 2 seconds exceeded (the cell caught the interrupt)" in endless.items["swallowing", "Cell 1"].text


def test_the_time_limit_is_not_the_exception_that_was_announced(endless: Session) -> None:
    assert endless.results("announced") == {"Cell 1": "failed", "time budget": "skipped"}
    assert "Timeout of 2 seconds exceeded" in endless.items["announced", "Cell 1"].text


def test_a_cell_that_cannot_be_interrupted_and_goes_on_printing_fails(endless: Session) -> None:
    outcome = endless.items["stubborn", "Cell 1"]
    assert outcome.result == "failed"
    assert "Failed to interrupt" in outcome.text
    assert outcome.seconds < 60


@pytest.mark.parametrize("chapter", REFUSED)
def test_a_cell_that_would_not_do_what_it_says_is_refused(refused: Session, chapter: str) -> None:
    (outcome,) = [outcome for (name, _), outcome in refused.items.items() if name == chapter]
    assert outcome.result == "error"
    assert f"{chapter}.md, code cell 2 (line 21)" in outcome.text, outcome.text
    assert REFUSED[chapter][1] in outcome.text


def test_a_cell_inside_a_directive_is_refused(refused: Session) -> None:
    assert "nested.md, line 22: this code cell would not be executed" in refused.output


def test_a_cell_swallowed_by_a_fence_that_was_none_is_refused(refused: Session) -> None:
    assert "swallowed.md, line 21: this code cell would not be executed" in refused.output


def test_tags_that_are_no_list_are_refused(refused: Session) -> None:
    assert "no-list.md: the options of a code cell are not as they should be: 'stub' is not of type" in refused.output


def test_front_matter_that_cannot_be_read_is_refused(refused: Session) -> None:
    assert "broken.md: the front matter names jupytext, but is not valid YAML" in refused.output


def test_a_page_that_is_no_notebook_is_not_collected(refused: Session) -> None:
    assert "plain.md" not in refused.output


def test_two_chapters_run_at_the_same_time(tmp_path: Path) -> None:
    project = Project(tmp_path)
    wait = """
import time
from pathlib import Path
Path("{mine}").touch()
end = time.monotonic() + 60
while not Path("{other}").exists():
    assert time.monotonic() < end, "the other chapter is not running"
    time.sleep(0.05)
"""
    project.chapter("one", code(wait.format(mine="one.here", other="two.here")))
    project.chapter("two", code(wait.format(mine="two.here", other="one.here")))
    session = project.pytest("book", "-n", "2", "--dist", "loadfile")
    assert session.results("one") == session.results("two") == {"Cell 1": "passed", "time budget": "passed"}
    threads = [json.loads((tmp_path / f"_build/runs/{stem}.json").read_text())["threads"] for stem in ("one", "two")]
    assert threads == [max(1, cores() // 2)] * 2
    cached = list((tmp_path / "_build/.jupyter_cache/executed").glob("*/base.ipynb"))
    assert len(cached) == 2, "both processes' runs are in the book's cache"
