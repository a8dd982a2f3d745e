"""Runs the code cells of a notebook one after another, with a time limit for each and an eye on the kernel's life."""

import asyncio
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

# Imports can take long on a busy or slow machine; interrupted half-way they leave broken modules behind.
IMPORT_LIMIT = 300.0
# A kernel that has not answered an interrupt after this time (a cell that catches KeyboardInterrupt) is given up.
PATIENCE = 5.0


@dataclass
class CellRun:
    """What became of one cell; `outputs` are as in an `.ipynb` file."""

    state: Literal["done", "stopped", "not run"] = "not run"
    outputs: list[Any] = field(default_factory=list)

    @property
    def error(self) -> str:
        """The exception that the cell raised, as "NameError: name 'x' is not defined", or the empty string."""
        errors = [output for output in self.outputs if output["output_type"] == "error"]
        text = f"{errors[0]['ename']}: {errors[0]['evalue']}".strip(": ") if errors else ""
        # A cell's file has a name that says nothing to its author.
        return re.sub(r"\((?:<.*?>|\d+\.py), line (\d+)\)$", r"(line \1 of the cell)", text)


@dataclass
class Run:
    """The runs of all cells, and, where the kernel was lost, in which cell (counted from 0) and why."""

    cells: list[CellRun]
    lost_in: int | None = None
    why: str = ""


def run_cells(
    sources: Sequence[str],
    folder: Path,
    limit: float,
    progress: Callable[[int], None] = lambda number: None,
    imports: str = "",
) -> Run:
    """Run the cells in a new kernel of this Python, in `folder`.  A cell that raises does not keep others from running.

    A cell that takes longer than `limit` seconds is interrupted.  `progress` is told the number of each cell.  The code
    in `imports` is run first, so that no cell is charged for the time that it takes.
    """
    return asyncio.run(_run(sources, folder, limit, progress, imports))


async def _run(
    sources: Sequence[str], folder: Path, limit: float, progress: Callable[[int], None], imports: str
) -> Run:
    client = _client([*sources, imports], folder)
    run = Run([CellRun() for _ in sources])
    # The kernel's own warnings are not the learner's.
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    async with client.async_setup_kernel(cleanup_kc=True, **silent):
        if error := (await _run_cell(client, len(sources), IMPORT_LIMIT)).error:
            raise RuntimeError(f"The kernel cannot import what it needs: {error}")
        for number in range(len(sources)):
            progress(number)
            try:
                run.cells[number] = await _run_cell(client, number, limit)
            except _KernelLost as lost:
                run.lost_in, run.why = number, str(lost)
                await client.km.shutdown_kernel(now=True)
                break
    return run


class _KernelLost(Exception):
    """There is no kernel any more that the next cell could run in."""


async def _run_cell(client: Any, number: int, limit: float) -> CellRun:
    from nbclient.exceptions import DeadKernelError

    cell = client.nb.cells[number]
    running = asyncio.ensure_future(client.async_execute_cell(cell, number))
    state: Literal["done", "stopped"] = "done"
    finished, _ = await asyncio.wait({running}, timeout=limit)
    if not finished:
        state = "stopped"
        await client.km.interrupt_kernel()
        finished, _ = await asyncio.wait({running}, timeout=PATIENCE)
    if not finished:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        raise _KernelLost(f"ran longer than {limit:g} s and could not be interrupted")
    try:
        await running
    except DeadKernelError:
        raise _KernelLost("ended the kernel (out of memory, a crash, or a call such as os._exit)") from None
    return CellRun(state, list(cell.outputs))


def _client(sources: Sequence[str], folder: Path) -> Any:
    # Imported here, because starting the command line must not wait for it.
    import nbformat
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager
    from nbclient import NotebookClient

    class ThisPython(KernelSpecManager):
        """Whatever kernels are installed under which names: wanted is this very Python, which has the package."""

        def get_kernel_spec(self, kernel_name: str) -> Any:
            argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
            return KernelSpec(argv=argv, display_name="Python 3", language="python")

    new: Any = nbformat.v4  # untyped
    notebook = new.new_notebook(cells=[new.new_code_cell(source) for source in sources])
    manager = AsyncKernelManager(kernel_name="python3", kernel_spec_manager=ThisPython())
    resources = {"metadata": {"path": str(folder)}}
    return NotebookClient(notebook, km=manager, allow_errors=True, timeout=None, resources=resources)
