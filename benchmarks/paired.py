"""Timing in pairs: A B A B …, and the ratio pair by pair, so that a machine whose speed drifts does not matter."""

import gc
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


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


def seconds(run: Callable[[], object]) -> float:
    """How long one call takes; the garbage of the one before does not count."""
    gc.collect()
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def compare(ours: Callable[[], object], other: Callable[[], object], pairs: int = 7, warmup: int = 1) -> Ratio:
    """Run both `warmup` times off the clock, then `pairs` times in turn; every second pair the other one goes first."""
    for _ in range(warmup):
        ours()
        other()
    times = []
    for pair in range(pairs):
        if pair % 2:
            slow = seconds(other)
            times.append((seconds(ours), slow))
        else:
            fast = seconds(ours)
            times.append((fast, seconds(other)))
    ratios = [slow / fast for fast, slow in times]
    return Ratio(
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        statistics.median(fast for fast, _ in times),
        statistics.median(slow for _, slow in times),
        pairs,
    )
