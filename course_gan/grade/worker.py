"""What runs inside of the box: it executes a submission's cells, and calls its functions on the inputs that come in.

Everything here is in the hands of the submission.  It holds no reference, no seed and no points, and whoever takes it
over can only send other outputs, which are then judged outside.
"""

import builtins
import os
import resource
import signal
import sys
import time
from pathlib import Path
from typing import Any

LIBRARY = Path(__file__).resolve().parents[2]


def main() -> None:
    """Serve requests until nobody sends any."""
    reader, writer = _take_streams()
    memory_mb, cpu_seconds, processes, file_mb = map(int, sys.argv[1:5])
    sys.path.insert(0, str(LIBRARY))
    import torch

    from course_gan.grade import wire

    torch.set_num_threads(1)
    _limit(memory_mb, cpu_seconds, processes, file_mb)
    _furnish()
    from course_gan.grade.notebook import Notebook

    notebook = Notebook(lambda place: wire.write(writer, wire.Message({"running": place})))
    wire.write(writer, wire.Message({"ready": True}))
    while True:
        try:
            request = wire.read(reader)
        except wire.Closed:
            return
        reply = wire.Message({})
        try:
            kind = request.head["do"]
            reply.head["done"] = _run(notebook, request) if kind == "run" else _call(notebook, request, reply)
        except BaseException as error:  # what the submission did to this process shows here
            reply = wire.Message({"failed": f"{type(error).__name__}: {error}"[:500]})
        wire.write(writer, reply)


def _take_streams() -> tuple[int, int]:
    """The two pipes under other numbers; what the submission prints goes nowhere, and it has nothing to read."""
    reader, writer = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(nothing, descriptor)
    return reader, writer


def _limit(memory_mb: int, cpu_seconds: int, processes: int, file_mb: int) -> None:
    """Limits for good.  Memory is counted from here on, because libraries map far more than they use."""
    with open("/proc/self/statm", encoding="ascii") as numbers:
        mapped = int(numbers.read().split()[0]) * resource.getpagesize()
    for name, size in (
        (resource.RLIMIT_AS, mapped + (memory_mb << 20)),
        (resource.RLIMIT_CPU, cpu_seconds),
        (resource.RLIMIT_NPROC, processes),
        (resource.RLIMIT_FSIZE, file_mb << 20),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_CORE, 0),
    ):
        hard = resource.getrlimit(name)[1]
        size = size if hard == resource.RLIM_INFINITY else min(size, hard)
        resource.setrlimit(name, (size, size))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a file that grows too large is an error, not the end


class Nothing:
    """Has every attribute, takes every call, and does nothing."""

    def __getattr__(self, name: str) -> "Nothing":
        if name.startswith("__"):
            raise AttributeError(name)
        return Nothing()

    def __call__(self, *args: object, **kwargs: object) -> None:
        """As of a method that only shows something."""

    def __contains__(self, item: object) -> bool:
        return False


def _furnish() -> None:
    """What a cell expects of a notebook: `display` and `get_ipython`, which here do nothing."""
    names: Any = builtins
    names.display = names.get_ipython = lambda *args, **kwargs: Nothing()


def _run(notebook: Any, request: Any) -> dict[str, Any]:
    head = request.head
    until = time.monotonic() + head["seconds"]
    problems = notebook.run(bytes(request.body), head["name"], until, head["cell_seconds"], set(head["skip"]))
    return {"problems": problems[:50]}


def _call(notebook: Any, request: Any, reply: Any) -> dict[str, Any]:
    head = request.head
    functions = notebook.answers(head["exercise"], head["name"])
    if not functions:
        return {"missing": True}
    told = [_observed(functions[0], request, reply)]
    if told[0].get("unwritten") and len(functions) > 1:  # the stub was checked, and the function is written below
        told.append(_observed(functions[1], request, reply))
    return told[-1]


def _observed(function: Any, request: Any, reply: Any) -> dict[str, Any]:
    from importlib import import_module

    from course_gan.exercises.answers import UnusableAnswer, sendable
    from course_gan.exercises.core import call_directly
    from course_gan.exercises.failures import unfit_for_call
    from course_gan.exercises.observe import observe_call

    head = request.head
    if not callable(function):
        return {
            "problem": f"What the notebook gives is not a function but an object of type {type(function).__name__}."
        }
    if misfit := unfit_for_call(function, head["name"], head["wanted"]):
        return {"problem": misfit}
    module, name = head["harness"]
    call = getattr(import_module(module), name) if name else call_directly
    outcome = observe_call(call, function, tuple(request.get(node) for node in head["inputs"]))
    told = {"problem": outcome.problem, "unwritten": outcome.unwritten, "changed": list(outcome.changed)}
    if not outcome.problem:
        try:
            told["answer"] = reply.put(sendable(outcome.answer))
        except UnusableAnswer as error:
            told["problem"] = str(error)
    return told


if __name__ == "__main__":
    main()
