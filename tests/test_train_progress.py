"""Progress: the right kind of line in the right place, and nothing where nobody asked."""

import io
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from course_gan import train
from course_gan.train import progress
from tests.train_parts import Rows, gan, settings


class Stream(io.StringIO):
    """Standard error that is, or is not, a terminal."""

    terminal = False

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def stream(monkeypatch: pytest.MonkeyPatch) -> Stream:
    new = Stream()
    # Not sys.stderr itself: that is pytest's, who puts its own there between this fixture and the test.
    monkeypatch.setattr(progress, "sys", SimpleNamespace(stderr=new, modules=sys.modules))
    return new


def run(**others: Any) -> train.Run:
    return train.run(gan(), Rows(), settings(4, tick=2), **others)


def test_no_progress_when_not_wanted(stream: Stream) -> None:
    stream.terminal = True
    run(progress=False)
    assert stream.getvalue() == ""
    assert type(progress.progress_for(3, 0, False)) is progress.Progress


def test_terminal_shows_a_bar_that_ends_full(stream: Stream) -> None:
    stream.terminal = True
    run()
    assert "100%" in stream.getvalue()
    assert "4/4" in stream.getvalue()
    assert "critic_loss" in stream.getvalue()


def test_terminal_moves_at_intervals(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    stream.terminal = True
    monkeypatch.setattr(progress.Terminal, "interval", 0.0)
    bar = progress.Terminal(5, 1)
    bar.update(3, {"loss": 1.0})
    assert bar._bar.n == 3
    monkeypatch.setattr(progress.Terminal, "interval", 1e9)
    bar.update(4, {})
    assert bar._bar.n == 3
    bar.close(5, {})
    assert bar._bar.n == 5


def test_log_is_silent_in_a_short_run(stream: Stream) -> None:
    run()
    assert stream.getvalue() == ""


def test_log_writes_whole_lines_without_control_characters(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress.Log, "interval", 0.0)
    run()
    lines = stream.getvalue().splitlines()
    assert len(lines) == 5  # each step, and the end
    assert lines[0].startswith("step 1 of 4, ")
    assert lines[0].endswith("s left")
    assert lines[-1].startswith("step 4 of 4, ")
    assert "critic_loss" in lines[-1]
    assert stream.getvalue().replace("\n", "").isprintable()


def test_log_waits_half_a_minute(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(progress, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    log = progress.Log(100, 10)
    for now, done in ((129.0, 40), (131.0, 41), (140.0, 50), (162.0, 72)):
        clock[0] = now
        log.update(done, {"loss": 0.5})
    assert stream.getvalue().splitlines() == [
        "step 41 of 100, 1 steps/s, 59 s left, loss 0.5",
        "step 72 of 100, 1 steps/s, 28 s left, loss 0.5",
    ]


def test_notebook_updates_one_output_and_leaves_no_stream(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import IPython.display

    shown: list[tuple[str, str]] = []

    class Handle:
        def update(self, content: dict[str, str], raw: bool) -> None:
            assert raw
            shown.append(("update", content["text/plain"]))

    def display(content: dict[str, str], raw: bool, display_id: bool) -> Handle:
        assert raw
        assert display_id
        shown.append(("display", content["text/plain"]))
        return Handle()

    monkeypatch.setattr(IPython.display, "display", display)
    monkeypatch.setattr(sys.modules["IPython"], "get_ipython", lambda: SimpleNamespace(kernel=object()))
    monkeypatch.setattr(progress.Notebook, "interval", 0.0)
    run()
    assert [kind for kind, _ in shown] == ["display", *["update"] * 5]
    assert shown[0][1] == "step 0 of 4"
    assert shown[-1][1].startswith("step 4 of 4")
    assert stream.getvalue() == ""
    assert capsys.readouterr().out == ""


def test_ipython_in_a_terminal_is_no_notebook(monkeypatch: pytest.MonkeyPatch, stream: Stream) -> None:
    import IPython

    monkeypatch.setattr(IPython, "get_ipython", lambda: SimpleNamespace())
    assert type(progress.progress_for(1, 0, True)) is progress.Log
    monkeypatch.delitem(sys.modules, "IPython")
    assert type(progress.progress_for(1, 0, True)) is progress.Log
    monkeypatch.setattr(progress.sys, "stderr", None)  # as under pythonw
    assert type(progress.progress_for(1, 0, True)) is progress.Log


def test_progress_ends_also_when_the_run_fails(stream: Stream) -> None:
    stream.terminal = True
    with pytest.raises(ValueError, match="ended"):
        train.run(gan(), [next(Rows())], settings(4))
    assert stream.getvalue().endswith("\n")  # the bar is closed, and the next line begins at its start
