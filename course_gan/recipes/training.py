"""Trains a recipe for one seed, in a folder of its own, and writes down what came out.

The folder of a seed holds `checkpoint.pt` (to go on from), `history.csv` (a row a tick), `samples.png`, and, once the
training is over, `summary.json`: scores, settings and provenance.  A classifier has `classifier.pt` and the summary.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from course_gan import provenance, train
from course_gan.metrics import save_classifier, train_classifier
from course_gan.recipes.assembly import Objective, build, source
from course_gan.recipes.pictures import draw_samples
from course_gan.recipes.schema import Recipe
from course_gan.recipes.scores import Scores, score
from course_gan.recipes.sources import Source
from course_gan.train.distributed import rank
from course_gan.train.settings import as_plain


@dataclass(frozen=True)
class Summary:
    """What became of one seed; an interrupted one has no scores yet."""

    seed: int
    scores: Scores
    steps: int
    seconds: float
    interrupted: bool = False


def train_seed(
    recipe: Recipe,
    seed: int,
    folder: Path,
    *,
    device: torch.device | str = "cpu",
    resume: bool = False,
    progress: bool = True,
    rows: Source | None = None,
) -> Summary:
    """Train one seed of a recipe in `folder`; with `resume` go on where that was left, if it was begun at all."""
    rows = rows or source(recipe)
    if recipe.objective == "classifier":
        return _train_classifier(recipe, rows, seed, folder, device)
    objective, batches, settings = build(recipe, seed, device, rows=rows)
    how: Literal["auto", False] = "auto" if resume else False
    run = train.run(objective, batches, settings, folder=folder, resume=how, progress=progress)
    summary = Summary(seed, {}, run.steps, run.seconds, run.interrupted)
    if rank() == 0:
        run.history.save(folder / "history.csv")
        if not run.interrupted:
            players = players_of(objective, run.average)
            summary = Summary(seed, score(recipe, rows, players), run.steps, run.seconds)
            draw_samples(rows, players, folder / "samples.png")
            _write(recipe, summary, as_plain(settings), folder, device)
    return summary


def players_of(objective: Objective, average: nn.Module | None = None) -> dict[str, nn.Module]:
    """The networks to judge, by name; the generator is the averaged one, if there is one."""
    if isinstance(objective, train.CycleGAN):
        return {"to_b": average or objective.to_b, "to_a": objective.to_a}
    players = {"generator": average or objective.generator}
    return {**players, "encoder": objective.encoder} if isinstance(objective, train.BiGAN) else players


def _train_classifier(recipe: Recipe, rows: Source, seed: int, folder: Path, device: torch.device | str) -> Summary:
    """A classifier whose features the metrics can compare; its score is the accuracy on images it has not seen."""
    assert isinstance(rows.rows, tuple)
    settings, start = recipe.sized(torch.device(device).type), time.monotonic()
    classifier = train_classifier(*rows.rows, seed=seed, device=device, **settings)
    save_classifier(classifier, folder / "classifier.pt")
    seconds = time.monotonic() - start
    summary = Summary(seed, {"accuracy": classifier.test_accuracy}, settings["epochs"], seconds)
    _write(recipe, summary, settings, folder, device)
    return summary


def _write(
    recipe: Recipe, summary: Summary, settings: dict[str, Any], folder: Path, device: torch.device | str
) -> None:
    about: dict[str, object] = {"recipe": recipe.name, "seed": summary.seed, "scores": summary.scores}
    about["fingerprint"] = recipe.fingerprint(torch.device(device).type)
    about |= {"steps": summary.steps, "seconds": round(summary.seconds, 3), "settings": settings}
    provenance.write_json(folder / "summary.json", about | {"provenance": provenance.collect(device)})
