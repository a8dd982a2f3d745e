"""One box at work: started, asked, watched, and ended, whatever happens inside."""

import contextlib
import ctypes
import os
import platform
import secrets
import signal
import subprocess
import threading
import time
from pathlib import Path

from course_gan.grade import wire
from course_gan.grade.box import Kind
from course_gan.grade.cgroup import NAME, Group
from course_gan.grade.model import Limits

START_SECONDS = 120.0  # importing torch on a busy machine
WATCH_SECONDS = 0.1
KEYCTL = {"x86_64": 250, "aarch64": 219}  # the number of the system call; the C library has no name for it
JOIN_SESSION_KEYRING = 1


class Ended(Exception):
    """The box gave no answer, and is closed; the message says why and completes "your code ..."."""


class NotStarted(RuntimeError):
    """There is no box, by no fault of the submission: nothing of it has been run yet."""


class Session:
    """The worker in its box.  Closing it ends all that runs inside."""

    def __init__(self, kind: Kind, library: Path, limits: Limits, cpu_seconds: int) -> None:
        command = kind.command(library, limits, cpu_seconds)
        self.limits, self.why = limits, ""
        self.ending = kind.end(command)
        self.group = Group(f"{NAME}{secrets.token_hex(8)}", limits)
        self.running: int | None = None  # the cell that is being run
        forget_keys()
        self.process = subprocess.Popen(
            self.group.around(command),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.writer, self.reader = self.process.stdin.fileno(), self.process.stdout.fileno()
        os.set_blocking(self.writer, False)
        self.watching = threading.Thread(target=self._watch, daemon=True)
        self.watching.start()
        try:
            ready = self._read(time.monotonic() + START_SECONDS).head.get("ready")
        except Ended as error:
            raise NotStarted(f"a box {error} before anything was run in it") from None
        if not ready:
            self.close()
            raise NotStarted("a box did not begin as agreed")

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def ask(self, request: wire.Message, seconds: float) -> wire.Message:
        """The answer to a request; `Ended` if none comes in time, or none that can be read."""
        deadline = time.monotonic() + seconds
        try:
            wire.write(self.writer, request, deadline)
        except (wire.Closed, TimeoutError, OSError):
            raise self._ended("ended the process, or keeps it busy from outside of its function") from None
        while "running" in (answer := self._read(deadline)).head:
            place = answer.head["running"]
            self.running = place if type(place) is int else None
        return answer

    @staticmethod
    def clock() -> float:
        """Seconds, as the deadlines count them."""
        return time.monotonic()

    def close(self) -> None:
        """End the box and everything in it."""
        self._kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            with contextlib.suppress(OSError):
                if stream is not None:
                    stream.close()
        self.group.close()

    def _kill(self) -> None:
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            if self.ending:
                subprocess.run(self.ending, capture_output=True, stdin=subprocess.DEVNULL)

    def _read(self, deadline: float) -> wire.Message:
        try:
            return wire.read(self.reader, deadline)
        except TimeoutError:
            raise self._ended("was stopped: it took too long") from None
        except wire.Garbled:
            raise self._ended("sent something else than an answer") from None
        except (wire.Closed, OSError):
            raise self._ended(self._last_words()) from None

    def _ended(self, why: str) -> Ended:
        self.close()
        return Ended(self.why or why)

    def _last_words(self) -> str:
        try:
            code = self.process.wait(5)
        except subprocess.TimeoutExpired:
            return "closed the connection"
        if code in (-signal.SIGKILL, 128 + signal.SIGKILL):
            return "was ended by the system (memory, or processor time)"
        if code in (-signal.SIGXCPU, 128 + signal.SIGXCPU):
            return "was stopped: it took too much processor time"
        crashes = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGFPE, signal.SIGILL)
        if any(code in (-number, 128 + number) for number in crashes):
            return "crashed Python"
        return "ended the process (a call such as exit)"

    def _watch(self) -> None:
        """End the box if all its processes together use too much: limits of the system hold for each alone."""
        while self.process.poll() is None:
            memory, count = usage(self.process.pid)
            if memory > self.limits.memory_mb << 20:
                self.why = f"was stopped: it used more than {self.limits.memory_mb} MB of memory"
            elif count > self.limits.processes + 4:  # bubblewrap's own
                self.why = f"was stopped: it started more than {self.limits.processes} processes"
            if self.why:
                self._kill()
                return
            time.sleep(WATCH_SECONDS)


def forget_keys() -> None:
    """Give this thread, and what it starts, a new and empty session keyring, where the kernel has such.

    No namespace parts keyrings: in the one of the login a box could leave what the next one reads.
    """
    number = KEYCTL.get(platform.machine()) if platform.system() == "Linux" else None
    if number is not None:
        ctypes.CDLL(None).syscall(number, JOIN_SESSION_KEYRING, None)


def usage(root: int) -> tuple[int, int]:
    """Resident bytes and number of threads of a process and all below it (0, 0 where there is no /proc)."""
    memory = count = 0
    todo = [root]
    while todo:
        process = todo.pop()
        try:
            for task in os.listdir(f"/proc/{process}/task"):
                count += 1
                with open(f"/proc/{process}/task/{task}/children", encoding="ascii") as children:
                    todo += map(int, children.read().split())
            with open(f"/proc/{process}/status", encoding="utf-8", errors="replace") as lines:
                # Without RssFile: libraries are shared by all boxes.  Memory that processes share counts for each.
                own = [line for line in lines if line.startswith(("RssAnon:", "RssShmem:"))]
            memory += sum(int(line.split()[1]) << 10 for line in own)
        except OSError:  # it has ended meanwhile
            continue
    return memory, count
