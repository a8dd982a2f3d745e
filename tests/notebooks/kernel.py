"""A kernel that runs a chapter: this environment's Python, whose death is seen at once and whose time is limited."""

import os
import re
import signal
import tempfile
import time
from collections import deque
from pathlib import Path
from queue import Empty
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel, start_new_kernel

GRACE = 5.0  # seconds that an interrupted cell has to stop; nbval's own number
POLL = 0.2  # seconds between two looks at whether the kernel still lives


def environment(root: Path, threads: int, scale: str, ipython: Path) -> dict[str, str]:
    """Return the environment variables of a kernel.

    - The package is the one in `root`, whose fingerprint is taken, even where another copy is installed.
    - Figures go into the notebook, even where the shell asks for another matplotlib backend.
    - The user's own IPython start-up files and history stay out.
    - pytest's variables stay out: seeing them, ipykernel would no longer catch what C code and subprocesses write.
    """
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    path = os.pathsep.join(filter(None, [str(root), kept.get("PYTHONPATH")]))
    return kept | {
        "PYTHONPATH": path,
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "IPYTHONDIR": str(ipython),
        "COURSE_GAN_SCALE": scale,
    }


class Kernel(RunningKernel):
    """nbval's kernel, with three differences.

    It polls, so a dead kernel is seen at once and not at the end of the time limit.  It reads what a cell prints while
    the cell runs, so a chatty cell loses nothing.  No message is waited for beyond `deadline`.
    """

    def __init__(self, folder: Path, root: Path, threads: int, scale: str, startup_timeout: float) -> None:
        """Start a kernel in `folder`; the arguments are those of `environment`."""
        self.waiting: deque[dict[str, Any]] = deque()
        self.messages: list[dict[str, Any]] = []
        self.request = ""
        self.deadline = float("inf")
        self.scratch = tempfile.TemporaryDirectory(prefix="chapter-kernel-")
        self.log = Path(self.scratch.name, "stderr").open("wb+")  # noqa: SIM115 (closed by stop)
        try:
            self.km, self.kc = start_new_kernel(
                startup_timeout=startup_timeout,
                kernel_name=CURRENT_ENV_KERNEL_NAME,
                stderr=self.log,
                cwd=str(folder),
                env=environment(root, threads, scale, Path(self.scratch.name, "ipython")),
            )
            self._ensure_iopub_up()
        except BaseException:
            self.stop()
            raise

    def execute_cell_input(self, cell_input: str, allow_stdin: bool | None = None) -> str:
        """Send a cell; unlike nbval, into the history, so that `_` and the numbers of outputs are a notebook's."""
        self.messages = []
        self.request = self.kc.execute(cell_input, store_history=True, allow_stdin=allow_stdin, stop_on_error=False)
        return self.request

    def get_message(self, stream: str, timeout: float | None = None) -> dict[str, Any]:
        """Return the next message; raise Empty when none came in time, RuntimeError when the kernel has died."""
        # The deadline is of the cell, not of the message: one that goes on printing would never let the queue run dry.
        end = min(self.deadline, time.monotonic() + (float("inf") if timeout is None else timeout))
        while (left := end - time.monotonic()) > 0:
            try:
                if stream == "iopub" and self.waiting:
                    message = self.waiting.popleft()
                else:
                    message = super().get_message(stream, timeout=min(POLL, left))
            except Empty:
                if not self.is_alive():
                    raise RuntimeError(self.obituary()) from None
                if stream == "shell":
                    self._read_ahead()
                continue
            if stream == "iopub" and message["parent_header"].get("msg_id") == self.request:
                self.messages.append(message)
            return message
        raise Empty

    def _read_ahead(self) -> None:
        """Take what the running cell has sent so far: the socket holds a thousand messages, then drops them."""
        end = time.monotonic() + POLL
        while time.monotonic() < end:
            try:
                self.waiting.append(super().get_message("iopub", timeout=0))
            except Empty:
                return

    def obituary(self) -> str:
        """Say that the kernel died, of what, and what it wrote last."""
        status = self.km.provisioner.process.poll() if self.km.has_kernel else None
        if status is None:
            cause = "its process is gone"
        elif status < 0:
            cause = f"signal {signal.Signals(-status).name}"
            cause += "; out of memory?" if -status == signal.SIGKILL else ""
        else:
            cause = f"exit status {status}; os._exit?"
        self.log.seek(0)
        last = self.log.read().decode(errors="replace").strip()[-2000:]
        return f"The kernel died ({cause})." + (f"  It wrote last:\n{last}" if last else "")

    def ask(self, expression: str) -> str:
        """Evaluate an expression in the kernel and return its repr."""
        request = self.kc.execute("", silent=True, user_expressions={"answer": expression})
        self.deadline = time.monotonic() + 60
        while True:
            message = self.get_message("shell", timeout=60)
            if message["parent_header"].get("msg_id") == request:
                answer = message["content"]["user_expressions"]["answer"]
                if answer["status"] != "ok":
                    raise RuntimeError(f"{expression!r} failed in the kernel: {answer['ename']}: {answer['evalue']}")
                return answer["data"]["text/plain"]

    def queued(self) -> float:
        """Return the seconds that the kernel has spent waiting for a free core."""
        return queued_seconds(self.km.provisioner.pid)

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return hasattr(self, "km") and self.km.is_alive()

    def stop(self) -> None:
        """End the kernel, whether it lives or not, and close everything; twice does no harm."""
        if hasattr(self, "km"):
            super().stop()
        self.log.close()
        self.scratch.cleanup()


def queued_seconds(pid: int) -> float:
    """Return the seconds that the main thread of a process was ready to run while other programs had the cores.

    Linux counts them (time asleep is not among them); elsewhere the answer is 0.
    """
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[1]) / 1e9
    except (OSError, IndexError):
        return 0.0


def outputs(messages: list[dict[str, Any]]) -> list[NotebookNode]:
    """Return a cell's outputs in the order they came, as a notebook stores them.

    (nbval joins all of a cell's text, which puts what was printed after a figure before it.)
    """
    result: list[NotebookNode] = []
    for message in messages:
        if message["msg_type"] in {"clear_output", "update_display_data"}:
            raise ValueError(
                f"The cell redraws its output ({message['msg_type']}), and a page shows one state: display the last one"
            )
        if message["msg_type"] not in {"stream", "display_data", "execute_result", "error"}:
            continue
        output = nbformat.v4.output_from_msg(message)
        last = result[-1] if result else None
        if output.output_type == "stream" and last and last.get("name") == output.name:
            last.text += output.text
        else:
            result.append(output)
    for output in result:
        if output.output_type == "stream":  # a progress bar overwrites its line: keep what is seen at the end
            output.text = re.sub(r"^.*\r(?=[^\n])", "", output.text, flags=re.MULTILINE)
    return result
