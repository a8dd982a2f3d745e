"""What came out of the runs, seed by seed, where it comes from, and how often a claim holds."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from course_gan.experiments.intervals import Interval, Share, mean_interval, median_interval
from course_gan.inputs import choose
from course_gan.provenance import decode, write_json

# What one run says of itself: numbers, yes or no, and curves.
Value = bool | int | float | list[float]


@dataclass(frozen=True)
class Failure:
    """A run that raised: the exception in one line, and the text of its traceback."""

    error: str
    traceback: str


@dataclass(frozen=True)
class Outcomes:
    """The values of each seed, in ascending order of the seeds, and all that is needed to get them again.

    `runs` maps a seed to its values, `failures` a seed to what it raised.  `settings` are those of the experiment;
    `seconds` is how long all seeds took together, `provenance` what `course_gan.provenance.collect` found.
    """

    name: str
    runs: dict[int, dict[str, Value]]
    failures: dict[int, Failure] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    seconds: float = 0.0
    provenance: dict[str, Any] = field(default_factory=dict)

    @property
    def seeds(self) -> list[int]:
        """All seeds that were run, those that failed included, in ascending order."""
        return sorted({*self.runs, *self.failures})

    @property
    def keys(self) -> list[str]:
        """The names of the values, which all runs share."""
        return list(next(iter(self.runs.values()), {}))

    def __getitem__(self, key: str) -> list[Any]:
        """The values of one name, in the order of the seeds; a failed run has none."""
        choose(dict.fromkeys(self.keys), key, "value")
        return [run[key] for run in self.runs.values()]

    def share(self, claim: str | Callable[[dict[str, Value]], object], level: float = 0.95) -> Share:
        """In how many runs a claim holds: the name of a yes-or-no value, or a function of a run's values.

        A run that failed counts as a run in which the claim does not hold.

        >>> print(Outcomes("ring", {0: {"modes": 8}, 1: {"modes": 7}}).share(lambda run: run["modes"] == 8))
        1 of 2 (9–91 %)
        """
        if isinstance(claim, str):
            values = self[claim]
            for value in values:
                if not isinstance(value, bool):
                    raise ValueError(
                        f"{claim!r} holds {value!r}, which is not yes or no. "
                        f"Say when the claim holds: share(lambda run: run[{claim!r}] > …)."
                    )
        else:
            values = [bool(claim(run)) for run in self.runs.values()]
        return Share(sum(values), len(self.seeds), level)

    def mean_interval(self, key: str, level: float = 0.95) -> Interval:
        """The mean of a number over the seeds that did not fail, with Student's interval."""
        return mean_interval(self._numbers(key), level)

    def median_interval(self, key: str, level: float = 0.95) -> Interval:
        """The median of a number over the seeds that did not fail, with an interval of order statistics."""
        return median_interval(self._numbers(key), level)

    def _numbers(self, key: str) -> list[float]:
        values = self[key]
        if any(isinstance(value, list) for value in values):
            raise ValueError(f"{key!r} holds curves; wanted one number a run. Pick one point of each curve first.")
        return [float(value) for value in values]

    def as_dict(self) -> dict[str, Any]:
        """What `save` writes, as dicts and lists."""
        rows = [{"seed": seed, "values": values} for seed, values in self.runs.items()]
        failed = [{"seed": seed, **asdict(failure)} for seed, failure in self.failures.items()]
        about = {"name": self.name, "settings": self.settings, "seeds": self.seeds}
        return {**about, "runs": rows, "failures": failed, "seconds": self.seconds, "provenance": self.provenance}

    def save(self, path: str | Path) -> None:
        """Write everything as JSON, whole or not at all; NaN and infinities become the strings "nan", "inf", "-inf"."""
        write_json(Path(path), self.as_dict())

    @classmethod
    def load(cls, path: str | Path) -> "Outcomes":
        """Read what `save` wrote: equal to what was saved, up to tuples in the settings, which are lists in JSON."""
        return cls.from_dict(_read(Path(path)), str(path))

    @classmethod
    def from_dict(cls, found: Mapping[str, Any], where: str = "this") -> "Outcomes":
        """The inverse of `as_dict`."""
        try:
            runs = {row["seed"]: row["values"] for row in found["runs"]}
            failures = {row["seed"]: Failure(row["error"], row["traceback"]) for row in found["failures"]}
            about = {key: found[key] for key in ("name", "settings", "seconds", "provenance")}
        except (KeyError, TypeError) as error:
            raise ValueError(
                f"{where} holds no outcomes ({error!r}); wanted a file that Outcomes.save wrote."
            ) from None
        return cls(runs=runs, failures=failures, **about)


def load(path: str | Path) -> Outcomes:
    """Read what `Outcomes.save` wrote."""
    return Outcomes.load(path)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        found = decode(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise ValueError(f"There is no file {path}; wanted one that Outcomes.save wrote.") from None
    except ValueError as error:
        raise ValueError(f"{path} is no JSON ({error}); wanted a file that Outcomes.save wrote.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{path} holds a {type(found).__name__}; wanted a file that Outcomes.save wrote.")
    return found
