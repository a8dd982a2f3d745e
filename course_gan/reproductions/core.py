"""What a reproduction is: a published experiment that is run again, for seeds, and compared in claims one can check."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch

from course_gan.experiments import Outcomes, over_seeds


@dataclass(frozen=True)
class Published:
    """A number that somebody has printed: of what, how much, and where it stands."""

    what: str
    value: float | int | str
    source: str


@dataclass(frozen=True)
class Claim:
    """A sentence about the outcomes, and whether it holds."""

    text: str
    holds: bool


@dataclass(frozen=True)
class Reproduction:
    """One experiment.  `function(seed, device=…, **settings)` gives its numbers, `check` what they show.

    `settings` are those on a CPU, `gpu` what differs on a GPU, `seeds` how many runs there are, `takes` how long on two
    cores.  `note` says, honestly, in what it differs from what was published.
    """

    title: str
    citation: str
    function: Callable[..., Mapping[str, Any]]
    seeds: int
    takes: str
    check: Callable[[Outcomes], Sequence[Claim]]
    published: tuple[Published, ...] = ()
    note: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    gpu: Mapping[str, Any] = field(default_factory=dict)

    def sized(self, device: torch.device | str = "cpu") -> dict[str, Any]:
        """The settings on this device."""
        return {**self.settings, **(self.gpu if torch.device(device).type == "cuda" else {})}


def reproduce(
    name: str,
    reproduction: Reproduction,
    seeds: Sequence[int] | None = None,
    *,
    device: torch.device | str = "cpu",
    jobs: int | None = None,
    changes: Mapping[str, Any] | None = None,
    keep: Path | None = None,
    progress: bool = True,
) -> Outcomes:
    """Run it for all its seeds; on a GPU one after another, as they would only share it."""
    settings = {**reproduction.sized(device), **(changes or {})}
    if unknown := settings.keys() - reproduction.settings.keys():
        known = ", ".join(reproduction.settings) or "none"
        raise ValueError(f"{name} has no setting {', '.join(sorted(unknown))}; its settings are: {known}.")
    run = partial(reproduction.function, device=str(device), **settings)
    jobs = 1 if jobs is None and torch.device(device).type == "cuda" else jobs
    chosen = reproduction.seeds if seeds is None else seeds
    about: dict[str, Any] = {"name": name, "settings": settings, "device": device}
    return over_seeds(run, chosen, jobs=jobs, keep=keep, progress=progress, **about)


def document(reproduction: Reproduction, outcomes: Outcomes) -> dict[str, Any]:
    """What is written to NAME.json: the outcomes, what they show, and what was published."""
    about = {key: getattr(reproduction, key) for key in ("title", "citation", "note")}
    return {
        **about,
        "claims": [asdict(claim) for claim in reproduction.check(outcomes)],
        "published": [asdict(one) for one in reproduction.published],
        "summary": summary(outcomes),
        **outcomes.as_dict(),
    }


def summary(outcomes: Outcomes) -> dict[str, dict[str, Any]]:
    """Each value over the seeds: a share of the runs for yes or no, mean and median with intervals for a number."""
    found: dict[str, dict[str, Any]] = {}
    for key in outcomes.keys:
        values = outcomes[key]
        if all(isinstance(value, bool) for value in values):
            share = outcomes.share(key)
            found[key] = {**asdict(share), "low": share.low, "high": share.high, "text": str(share)}
        elif not any(isinstance(value, list) for value in values):
            mean, median = outcomes.mean_interval(key), outcomes.median_interval(key)
            found[key] = {"mean": asdict(mean), "median": asdict(median), "text": str(mean)}
    return found
