"""How the command line talks: tables, progress, and errors without tracebacks, on screens and into pipes."""

import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, NoReturn, ParamSpec, TypeVar

import typer

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from course_gan.notebook_check import Report

P = ParamSpec("P")
T = TypeVar("T")
UNUSABLE, STOPPED = 2, 130  # 128 + SIGINT, as shells have it
MOST_SEEDS = 1_000_000
RESULTS = {
    "passed": "✓ right",
    "wrong": "✗ not yet",
    "not started": "– not started",
    "stopped": "✗ stopped",
    "not run": "? not run",
    "no check": "? no check",
}
COLORS = {"passed": "green", "wrong": "red", "stopped": "red"}
# Wide enough for every sentence, so that a program that reads the output finds one row in one line.
PIPE_WIDTH = 1000


def fail(message: str, code: int) -> NoReturn:
    """End the command with a message and an exit code."""
    typer.echo(f"course-gan: {message}", err=True)
    raise typer.Exit(code)


def or_fail(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function whose `ValueError` is meant for the user."""
    try:
        return function(*args, **kwargs)
    except ValueError as error:
        fail(str(error), UNUSABLE)


def seeds(text: str) -> list[int]:
    """The seeds that an option names: "3" for 0, 1, 2; "4,7" for these two; "5-8" for four; "7," for this one."""
    first, last = 0, -1
    if re.fullmatch(r"\d+", text):
        last = int(text) - 1
    elif ends := re.fullmatch(r"(\d+)-(\d+)", text):
        first, last = int(ends[1]), int(ends[2])
    if last - first < MOST_SEEDS:  # a typing error must not fill the memory
        parts = [part.strip() for part in text.split(",") if part.strip()]
        listed = [int(part) for part in parts] if "," in text and all(part.isdigit() for part in parts) else []
        found = sorted({*range(first, last + 1), *listed})
        if found and found[-1] < 2**32:
            return found
    raise ValueError(f"--seeds is {text!r}; wanted how many (3 for 0, 1, 2), or which (4,7 or 5-8, or 7, for one).")


def device(name: str) -> "torch.device":
    """The device that an option names, which must exist; without a name, that of COURSE_GAN_SCALE."""
    import torch

    from course_gan import scale

    try:
        chosen = torch.device(name) if name else scale.device()
    except RuntimeError as error:
        raise ValueError(f"{str(error).splitlines()[0]}. Wanted --device cpu or --device cuda.") from None
    if chosen.type not in ("cpu", "cuda") or (chosen.type == "cuda" and not _has_gpu(chosen)):
        raise ValueError(f"There is no device {name!r} here that torch can use; wanted --device cpu, or cuda on a GPU.")
    return chosen


def _has_gpu(device: "torch.device") -> bool:
    import torch

    return torch.cuda.is_available() and (device.index or 0) < torch.cuda.device_count()


def command(name: str, argument: str, options: Mapping[str, object]) -> str:
    """A call of this command line as one would type it; an option that is False, None or empty is left out."""
    words = ["course-gan", name, argument]
    for option, value in options.items():
        for one in value if isinstance(value, list) else [value]:
            if one is not None and one is not False and one != "":
                words += [option] if one is True else [option, str(one)]
    return shlex.join(words)


def number(value: float | int | bool) -> str:
    """A score as a table shows it: whole numbers whole, others to three digits, yes and no in words."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) if isinstance(value, int) else f"{value:.3g}"


def interactive() -> bool:
    """Whether there is somebody who can answer a question."""
    return sys.stdin is not None and sys.stdin.isatty()


def table(headings: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[str] = ()) -> None:
    """A table without lines; on a screen it is as wide as that, in a pipe each row is one line."""
    from rich.table import Table
    from rich.text import Text

    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        last = heading == headings[-1]
        shown.add_column(heading, overflow="fold", no_wrap=not last, ratio=1 if last else None)
    for number, row in enumerate(rows):
        style = styles[number] if styles else ""
        shown.add_row(*(Text(cell, style="" if column else style) for column, cell in enumerate(row)))
    console = _console()
    # On a narrow screen rich would leave out columns without a word; the screen may break the lines instead.
    widths = [max(map(len, cells)) for cells in zip(headings, *rows)]
    console.width = max(console.width, sum(widths[:-1]) + 2 * len(widths) + min(widths[-1], 10))
    with console.capture() as written:
        console.print(shown)
    lines = [line.rstrip() for line in written.get().split("\n")]
    typer.echo("\n".join(lines).rstrip())


def report(found: "Report") -> None:
    """The result of `course-gan check`: a table, the sum of points, and what went wrong on the way."""
    rows = [
        [RESULTS[row.status], f"{row.points}/{row.possible}", row.title or row.exercise, row.sentence]
        for row in found.rows
    ]
    headings = ["result", "points", "exercise", "what to know"]
    if not _is_pipe():  # too narrow for four columns: the sentence stands below its exercise
        rows = [[*row[:2], f"{row[2]}\n{row[3]}\n"] for row in rows]
        headings = headings[:3]
    table(headings, rows, [COLORS.get(row.status, "") for row in found.rows])
    right = sum(row.status == "passed" for row in found.rows)
    points, possible = sum(row.points for row in found.rows), sum(row.possible for row in found.rows)
    typer.echo(f"\n{right} of {len(found.rows)} exercises right, {points} of {possible} points.")
    for note in found.notes:
        typer.echo(note)
    if any(row.status == "wrong" for row in found.rows):
        typer.echo("Run the check cell in the notebook to see the case and the numbers.")


def progress(done: int, of: int) -> None:
    """One line that says how far a run is, on a screen only; `progress(0, 0)` wipes it out."""
    if sys.stderr.isatty():
        text = f"Running cell {done} of {of} …" if of else ""
        sys.stderr.write(f"\r{text:<40}" + ("" if of else "\r"))
        sys.stderr.flush()


def _console() -> "Console":
    from rich.console import Console

    # Rich's own choice in a pipe is 80 columns.
    return Console(width=PIPE_WIDTH if _is_pipe() else None, highlight=False, markup=False, emoji=False)


def _is_pipe() -> bool:
    """Whether the output goes to a file or a program, and nobody asked for a width."""
    return (sys.stdout is None or not sys.stdout.isatty()) and "COLUMNS" not in os.environ
