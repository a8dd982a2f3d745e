"""Runs one experiment for many seeds, in as many processes as there are cores, with the same results as in one."""

import os
import pickle
import random
import sys
import time
import traceback
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from course_gan import provenance
from course_gan.experiments.outcomes import Failure, Outcomes, Value
from course_gan.inputs import require_count

Experiment = Callable[[int], Mapping[str, Any]]
# Two results of one experiment belong together if all of this is the same: the time may differ, the machine's load too.
SAME = ("source", "versions", "python", "system", "device")


class SeedsFailed(RuntimeError):
    """One or more seeds raised.  `outcomes` holds the values of the others, and all tracebacks."""

    def __init__(self, outcomes: Outcomes) -> None:
        self.outcomes = outcomes
        seed, failure = next(iter(outcomes.failures.items()))
        failed = f"{len(outcomes.failures)} of {len(outcomes.seeds)} seeds failed: {list(outcomes.failures)}."
        super().__init__(f"{failed} Seed {seed} raised {failure.error}\n\n{failure.traceback}")


def over_seeds(
    function: Experiment,
    seeds: int | Iterable[int],
    *,
    jobs: int | None = None,
    settings: Mapping[str, Any] | None = None,
    name: str | None = None,
    device: torch.device | str = "cpu",
    errors: Literal["raise", "record"] = "raise",
    progress: bool = True,
    keep: str | Path | None = None,
) -> Outcomes:
    """Call `function(seed)` for every seed, which gives a dict of numbers, yes-or-no values, or curves (lists).

    `seeds` are whole numbers, or k for 0 … k-1.  They run in `jobs` processes (default: one a core), each with one
    torch thread; `jobs=1` stays in this process.  The values do not depend on `jobs`: each call starts with the random
    states of torch, NumPy and Python set from its seed, and those of this process are as before afterwards.

    `settings` are recorded with the outcomes (default: the keywords of a `functools.partial`), as are `name` (default:
    the function's) and `device`, on which `function` computes.  A seed that raises does not stop the others; at the end
    `SeedsFailed` is raised, or with `errors="record"` the failures are recorded.  Ctrl-C ends all processes.  With
    `keep`, a file, each finished run is saved there at once, and a run that is there already, of the same code and
    settings, is not run again.

    >>> over_seeds(lambda seed: {"square": seed**2}, 3, jobs=1).mean_interval("square").estimate
    1.6666666666666667
    """
    wanted = _seeds(seeds)
    if errors not in ("raise", "record"):
        raise ValueError(f"errors is {errors!r}; wanted 'raise' or 'record'.")
    if jobs is not None:
        require_count("jobs", jobs)
    keywords = function.keywords if isinstance(function, partial) else {}
    outcomes = Outcomes(
        name=name or _name(function),
        runs={},
        settings=dict(keywords if settings is None else settings),
        provenance=provenance.collect(device),  # now: while the seeds run, somebody may edit the code
    )
    outcomes = _continue(outcomes, wanted, Path(keep)) if keep else outcomes
    missing = [seed for seed in wanted if seed not in outcomes.runs]
    show = _show if progress and sys.stderr.isatty() else _silent
    started, before = time.monotonic(), outcomes.seconds
    with closing(_results(function, missing, min(jobs or provenance.cores(), len(missing)))) as results:
        show(len(outcomes.runs), len(wanted))
        for seed, values, failure in results:
            outcomes = _with(outcomes, seed, values, failure, before + time.monotonic() - started)
            show(len(outcomes.seeds), len(wanted))
            if keep and failure is None:
                outcomes.save(keep)
        show(0, 0)
    if outcomes.failures and errors == "raise":
        raise SeedsFailed(outcomes)
    return outcomes


class _Result(NamedTuple):
    seed: int
    values: dict[str, Value]
    failure: Failure | None


def _results(function: Experiment, seeds: Sequence[int], jobs: int) -> Generator[_Result]:
    """The results, in the order in which they come."""
    if jobs <= 1:
        yield from (_run(function, seed) for seed in seeds)
        return
    import joblib

    # No more threads than cores, and no arguments in files: they would arrive read-only.
    with joblib.parallel_config(backend="loky", inner_max_num_threads=1):
        pool = joblib.Parallel(n_jobs=jobs, batch_size=1, max_nbytes=None, return_as="generator_unordered")
        try:
            yield from pool(joblib.delayed(_run)(function, seed) for seed in seeds)
        except pickle.PicklingError as error:
            raise ValueError(
                f"The experiment cannot be sent to other processes ({error}). Make it a function that uses only what "
                "it is given (no open file, no lock, no generator), or pass jobs=1."
            ) from error


def _run(function: Experiment, seed: int) -> _Result:
    """One call, in whichever process."""
    try:
        with _alone(seed):
            return _Result(seed, _plain(function(seed)), None)
    except Exception as error:
        return _Result(seed, {}, _failure(error))


def _failure(error: Exception) -> Failure:
    """What was raised, without this module's own line and without the names of this machine's folders."""
    frames = error.__traceback__.tb_next if error.__traceback__ else None
    text = "".join(traceback.format_exception(type(error), error, frames))
    for folder in (provenance.PACKAGE.parent, Path(sys.prefix), Path.cwd(), Path.home()):
        if folder != folder.parent:  # a root is no name
            text = text.replace(f"{folder}{os.sep}", "")
    return Failure("".join(traceback.format_exception_only(error)).strip(), text)


@contextmanager
def _alone(seed: int) -> Iterator[None]:
    """One thread and random states of its own: more threads add in another order, other states draw other numbers."""
    threads, numpy_state, python_state = torch.get_num_threads(), np.random.get_state(), random.getstate()  # noqa: NPY002
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_initialized() else []  # type: ignore[no-untyped-call]
    try:
        with torch.random.fork_rng(devices):
            torch.set_num_threads(1)
            torch.manual_seed(seed)
            np.random.seed(seed)  # noqa: NPY002  (for functions that use NumPy's global state)
            random.seed(seed)
            yield
    finally:
        torch.set_num_threads(threads)
        np.random.set_state(numpy_state)  # noqa: NPY002
        random.setstate(python_state)


def _plain(values: object) -> dict[str, Value]:
    """A run's values as Python's own numbers, which any process and any file can hold."""
    if not isinstance(values, Mapping):
        raise TypeError(f"The experiment returned a {type(values).__name__}; wanted a dict such as {{'modes': 8}}.")
    return {_key(key): _value(key, value) for key, value in values.items()}


def _key(key: object) -> str:
    if not isinstance(key, str):
        raise TypeError(f"The experiment returned the key {key!r}; wanted names (strings).")
    return key


def _value(key: str, value: object) -> Value:
    # Tensors and arrays alike; the host waits for the device here, once a run.
    if hasattr(value, "tolist"):
        value = value.tolist()
    if isinstance(value, list | tuple) and all(isinstance(entry, bool | int | float) for entry in value):
        return [float(entry) for entry in value]
    if isinstance(value, bool | int | float):
        return value
    kind = type(value).__name__
    raise TypeError(f"The experiment returned {key!r} as {kind}; wanted a number, yes or no, or a list of numbers.")


def _with(outcomes: Outcomes, seed: int, values: dict[str, Value], failure: Failure | None, seconds: float) -> Outcomes:
    """The outcomes with one run more."""
    others = next(iter(outcomes.runs.items()), None)
    if failure is None and others and set(others[1]) != set(values):
        raise ValueError(
            f"Seed {seed} returned {sorted(values)} and seed {others[0]} {sorted(others[1])}; wanted the same names "
            "from every seed. Return math.nan for a number that a run does not have."
        )
    runs = dict(outcomes.runs) if failure else {**outcomes.runs, seed: values}
    failures = {**outcomes.failures, seed: failure} if failure else dict(outcomes.failures)
    runs, failures = dict(sorted(runs.items())), dict(sorted(failures.items()))
    return replace(outcomes, runs=runs, failures=failures, seconds=round(seconds, 3))


def _continue(outcomes: Outcomes, seeds: Sequence[int], keep: Path) -> Outcomes:
    """The outcomes with what an interrupted call has left in `keep`, if that is of the same code and settings."""
    if not keep.exists():
        return outcomes
    earlier = Outcomes.load(keep)
    told = provenance.decode(provenance.encode(outcomes.settings))  # as a file tells them: tuples are lists
    same = (earlier.name, earlier.settings) == (outcomes.name, told)
    if not same or any(earlier.provenance.get(key) != outcomes.provenance[key] for key in SAME):
        return outcomes
    runs = {seed: values for seed, values in earlier.runs.items() if seed in seeds}
    return replace(outcomes, runs=runs, seconds=earlier.seconds)


def _seeds(seeds: object) -> list[int]:
    if isinstance(seeds, int) and not isinstance(seeds, bool):
        require_count("seeds", seeds)
        return list(range(seeds))
    wanted = list(seeds) if isinstance(seeds, Iterable) else [seeds]
    good = [seed for seed in wanted if isinstance(seed, int) and not isinstance(seed, bool) and 0 <= seed < 2**32]
    if not wanted or len(good) < len(wanted) or len(set(good)) < len(good):
        raise ValueError(f"seeds is {wanted}; wanted whole numbers from 0 to 2**32 - 1, at least one, each only once.")
    return sorted(good)


def _name(function: Experiment) -> str:
    inner = function.func if isinstance(function, partial) else function
    return getattr(inner, "__name__", type(inner).__name__)


def _show(done: int, of: int) -> None:
    """One line on a screen that says how far the seeds are; `_show(0, 0)` wipes it out."""
    text = f"{done} of {of} seeds done …" if of else ""
    sys.stderr.write(f"\r{text:<40}" + ("" if of else "\r"))
    sys.stderr.flush()


def _silent(done: int, of: int) -> None:
    """In a notebook or a log: nothing."""
