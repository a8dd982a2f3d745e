"""What `course-gan train` does: plan, train seed after seed, report, and say how to go on."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import typer

from course_gan import console, recipes
from course_gan.data.sets import NotObtained
from course_gan.experiments import mean_interval
from course_gan.recipes.assembly import source
from course_gan.train import Diverged
from course_gan.train.distributed import cleanup, rank, setup, world
from course_gan.train.folder import held

HEADINGS = ["recipe", "chapter", "steps (cpu, gpu)", "what it is"]
DONE, NOT_ALL = 0, 1
RUN = ("checkpoint.pt", "summary.json")  # a folder with one of these holds a run
FILES = (*RUN, "checkpoint-previous.pt", "history.csv", "samples.png", "classifier.pt")


@dataclass(frozen=True)
class Plan:
    """A recipe, checked, and where, on what and for which seeds it is to be trained."""

    recipe: recipes.Recipe
    seeds: list[int]
    device: torch.device
    out: Path

    def folder(self, seed: int) -> Path:
        """The folder of a seed."""
        return self.out / f"seed-{seed}"

    def taken(self) -> Path | None:
        """The first folder that holds a run already."""
        files = [self.folder(seed) / name for seed in self.seeds for name in RUN]
        return next((file.parent for file in files if file.exists()), None)

    def clear(self) -> None:
        """Delete what earlier runs have left, or a run that is stopped early would go on from theirs."""
        for folder in filter(Path.is_dir, map(self.folder, self.seeds)):
            with held(folder):
                for name in FILES if rank() == 0 else ():
                    (folder / name).unlink(missing_ok=True)


def table() -> list[list[str]]:
    """A row for each recipe."""
    found = [recipes.load(name) for name in recipes.names()]
    return [[one.name, str(one.chapter), ", ".join(_lengths(one)), one.title] for one in found]


def _lengths(recipe: recipes.Recipe) -> list[str]:
    sizes = [recipe.sized(kind) for kind in ("cpu", "cuda")]
    return [f"{size['steps']}" if "steps" in size else f"{size['epochs']} epochs" for size in sizes]


def plan(
    name: str, settings: Sequence[str], changes: dict[str, Any], seeds: str, device: str, out: Path | None
) -> Plan:
    """Everything that can be wrong with a call is found here, before anything is trained."""
    recipe = recipes.load(name, dict(map(recipes.change, settings)) | changes)
    out = out or Path("runs") / recipe.name
    if out.exists() and not out.is_dir():
        raise ValueError(f"{out} is a file, not a folder. Give the folder that the run shall be written to.")
    chosen = console.device(device)
    if launched() > 1:
        if recipe.objective == "classifier":
            raise ValueError(f"{name} trains a classifier, which one process does alone. Start it without torchrun.")
        chosen = setup("gloo" if chosen.type == "cpu" else "nccl")
    return Plan(recipe, console.seeds(seeds), chosen, out)


def expectation(recipe: recipes.Recipe, kind: str) -> str:
    """What one should see if this run, on a device of this kind, is the one that was measured; else, that it is not."""
    measured = recipe.measured
    if measured is None:
        return f"No scores are recorded of this recipe, which says: {recipe.see}"
    # Several processes have a larger batch together.
    if recipe.fingerprint(kind) == measured.recipe and world() == 1:
        return f"You should see: {recipe.see}"
    return (
        "This run differs from those that were measured, in its settings, device or number of processes, so it may "
        f"show something else. Those, on {measured.device}, showed: {recipe.see}"
    )


def launched() -> int:
    """How many processes torchrun has started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def run(plan: Plan, again: str, resume: bool, progress: bool, afresh: bool = False) -> int:
    """Train all seeds, one after another; the exit code.  Under torchrun all processes train each seed together."""
    if world() > 1:  # it has to go on with as many
        here = os.environ.get("LOCAL_WORLD_SIZE", str(world()))
        again = f"torchrun --nproc-per-node {here} -m {again.replace('course-gan', 'course_gan', 1)}"
    try:
        return _run(plan, again, resume, progress, afresh)
    finally:
        cleanup()


def _run(plan: Plan, again: str, resume: bool, progress: bool, afresh: bool) -> int:
    _say(f"{plan.recipe.title}. {expectation(plan.recipe, plan.device.type)}")
    done: list[recipes.Summary] = []
    failed = False
    try:
        rows = console.or_fail(source, plan.recipe)
        if afresh:
            console.or_fail(plan.clear)
        for seed in plan.seeds:
            try:
                summary = console.or_fail(
                    recipes.train_seed,
                    plan.recipe,
                    seed,
                    plan.folder(seed),
                    device=plan.device,
                    resume=resume,
                    progress=progress,
                    rows=rows,
                )
            except Diverged as error:
                _say(f"course-gan: seed {seed}: {error}", err=True)
                failed = True
                continue
            if summary.interrupted:
                raise KeyboardInterrupt
            done.append(summary)
    except NotObtained as error:
        console.fail(str(error), console.UNUSABLE)
    except OSError as error:
        console.fail(f"{plan.out} cannot be written: {error.strerror or error}. Give another --out.", console.UNUSABLE)
    except KeyboardInterrupt:
        _report(plan, done)
        _say(f"\nStopped. What was done is kept in {plan.out}. To go on:\n  {again}", err=True)
        return console.STOPPED
    _report(plan, done)
    return NOT_ALL if failed else DONE


def _say(text: str, err: bool = False) -> None:
    """Of several processes the first one speaks."""
    if rank() == 0:
        typer.echo(text, err=err)


def _report(plan: Plan, done: Sequence[recipes.Summary]) -> None:
    """A row a seed, and below them the means with their intervals."""
    if not done or rank() > 0:
        return
    names = list(done[0].scores)
    rows = [
        [str(one.seed), str(one.steps), f"{one.seconds:.1f} s", *(console.number(one.scores[name]) for name in names)]
        for one in done
    ]
    typer.echo()
    console.table(["seed", "steps", "time", *names], rows)
    if len(done) > 1:
        typer.echo()
        for name in names:
            typer.echo(f"{name}: {mean_interval([float(one.scores[name]) for one in done])}")
    typer.echo(f"\nWritten to {plan.out}, a folder a seed: samples.png shows what was learned.")
