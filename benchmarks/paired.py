"""Timing in pairs: A B A B …, and the ratio pair by pair, so that a machine whose speed drifts does not matter."""

import gc
import multiprocessing
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TypeAlias

Run: TypeAlias = Callable[[], object]


@dataclass(frozen=True)
class Ratio:
    """How many times longer the other one took: median, least and largest of the pairs; and the median seconds."""

    median: float
    least: float
    largest: float
    ours: float
    other: float
    pairs: int

    def __str__(self) -> str:
        """As it stands in the table."""
        return f"{self.median:.2f}× ({self.least:.2f}–{self.largest:.2f})"


def seconds(run: Run) -> float:
    """How long one call takes; the garbage of the one before does not count."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(ours: Run, other: Run, pairs: int = 7, warmup: int = 1) -> Ratio:
    """Run both `warmup` times off the clock, then `pairs` times in turn; every second pair the other one goes first."""
    return _in_turn(lambda: seconds(ours), lambda: seconds(other), pairs, warmup)


def compare_apart(ours: Callable[[], Run], other: Callable[[], Run], pairs: int = 7, warmup: int = 1) -> Ratio:
    """`compare`, each side in a process of its own, where `ours()` and `other()` make what is to be run.

    In one process the two would share a heap, and each would have the operating system clear anew the memory that the
    other has given back: thousands of page faults a step, which neither has when it runs alone.
    """
    with _Apart(ours) as first, _Apart(other) as second:
        return _in_turn(first.seconds, second.seconds, pairs, warmup)


def _in_turn(ours: Callable[[], float], other: Callable[[], float], pairs: int, warmup: int) -> Ratio:
    """The ratio from two functions that run a side once and say how long it took."""
    for _ in range(warmup):
        ours()
        other()
    times = []
    for pair in range(pairs):
        if pair % 2:
            slow = other()
            times.append((ours(), slow))
        else:
            fast = ours()
            times.append((fast, other()))
    ratios = [slow / fast for fast, slow in times]
    return Ratio(
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        statistics.median(fast for fast, _ in times),
        statistics.median(slow for _, slow in times),
        pairs,
    )


class _Apart:
    """A process that makes something to run, and runs it whenever it is asked to."""

    def __init__(self, make: Callable[[], Run]) -> None:
        fresh = multiprocessing.get_context("spawn")
        self.connection, theirs = fresh.Pipe()
        self.process = fresh.Process(target=_serve, args=(make, theirs), daemon=True)
        self.process.start()
        theirs.close()

    def seconds(self) -> float:
        """Run once there; the seconds it took."""
        try:
            self.connection.send(True)
            return float(self.connection.recv())
        except (EOFError, OSError):
            raise RuntimeError("One side of the comparison has stopped; its error stands above.") from None

    def __enter__(self) -> "_Apart":
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()  # upon which the process ends
        self.process.join()


def _serve(make: Callable[[], Run], connection: Connection) -> None:
    """What the process does."""
    run = make()
    while True:
        try:
            connection.recv()
        except EOFError:
            return
        connection.send(seconds(run))
