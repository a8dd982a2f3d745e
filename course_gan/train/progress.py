"""One line that says how far a run is: in a notebook, on a terminal, or now and then in a log file."""

import math
import sys
import time
from collections.abc import Mapping
from typing import Any


class Progress:
    """Shows nothing; the others say where they show.  `update` is called after every step, so it has to be quick."""

    interval = math.inf  # seconds between two lines

    def __init__(self, steps: int, done: int = 0) -> None:
        self.steps, self.first = steps, done
        self.start = self.shown = time.monotonic()

    def update(self, done: int, values: Mapping[str, float]) -> None:
        """Say that `done` steps are done, and the last values known, if it is time to."""
        now = time.monotonic()
        if now - self.shown >= self.interval:
            self.shown = now
            self.show(self.line(done, values, now))

    def show(self, line: str) -> None:
        """Show one line."""

    def close(self, done: int, values: Mapping[str, float]) -> None:
        """Show how it ended."""

    def line(self, done: int, values: Mapping[str, float], now: float) -> str:
        """The line itself, such as "step 1200 of 5000, 240 steps/s, 16 s left, critic_loss 0.693"."""
        rate = (done - self.first) / max(now - self.start, 1e-9)
        left = f", {(self.steps - done) / rate:.0f} s left" if rate > 0 and done < self.steps else ""
        numbers = "".join(f", {name} {value:.4g}" for name, value in values.items())
        return f"step {done} of {self.steps}, {rate:.3g} steps/s{left}{numbers}"


class Log(Progress):
    """A line every half a minute, for a file: no control characters, and nothing from a run that is over by then."""

    interval = 30.0

    def show(self, line: str) -> None:
        """Write the line to standard error."""
        print(line, file=sys.stderr, flush=True)

    def close(self, done: int, values: Mapping[str, float]) -> None:
        """End with a line, if there was one before."""
        if self.shown > self.start:
            self.show(self.line(done, values, time.monotonic()))


class Notebook(Progress):
    """One output of the cell, updated in place: no stream, as checks of notebooks take standard error for failure."""

    interval = 0.5

    def __init__(self, steps: int, done: int = 0) -> None:
        super().__init__(steps, done)
        from IPython.display import display

        self._handle: Any = display({"text/plain": f"step {done} of {steps}"}, raw=True, display_id=True)  # type: ignore[no-untyped-call]

    def show(self, line: str) -> None:
        """Replace the line."""
        self._handle.update({"text/plain": line}, raw=True)

    def close(self, done: int, values: Mapping[str, float]) -> None:
        """Leave the last line as the output."""
        self.show(self.line(done, values, time.monotonic()))


class Terminal(Progress):
    """tqdm's bar on standard error."""

    interval = 0.2

    def __init__(self, steps: int, done: int = 0) -> None:
        super().__init__(steps, done)
        from tqdm import tqdm

        self._bar = tqdm(total=steps, initial=done, unit="step", dynamic_ncols=True, file=sys.stderr)

    def update(self, done: int, values: Mapping[str, float]) -> None:
        """Move the bar, if it is time to."""
        now = time.monotonic()
        if now - self.shown >= self.interval:
            self.shown = now
            self._move(done, values)

    def _move(self, done: int, values: Mapping[str, float]) -> None:
        self._bar.set_postfix_str(", ".join(f"{name} {value:.4g}" for name, value in values.items()), refresh=False)
        self._bar.update(done - self._bar.n)

    def close(self, done: int, values: Mapping[str, float]) -> None:
        """Leave the bar as it is at the end."""
        self._move(done, values)
        self._bar.close()


def progress_for(steps: int, done: int, wanted: bool) -> Progress:
    """What shows the progress here: nothing unless `wanted`, else whatever the output can show."""
    if not wanted:
        return Progress(steps, done)
    kind = Notebook if _in_notebook() else Terminal if sys.stderr is not None and sys.stderr.isatty() else Log
    return kind(steps, done)


def _in_notebook() -> bool:
    """Whether a Jupyter kernel runs this (and not plain IPython in a terminal)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return getattr(shell, "kernel", None) is not None
