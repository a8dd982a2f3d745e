"""What `course-gan train` does: plan, train seed after seed, report, and say how to go on."""

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

HEADINGS = ["recipe", "chapter", "steps (cpu, gpu)", "what it is"]
DONE, NOT_ALL = 0, 1


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
        files = [self.folder(seed) / name for seed in self.seeds for name in ("checkpoint.pt", "summary.json")]
        return next((file.parent for file in files if file.exists()), None)


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
    return Plan(recipe, console.seeds(seeds), console.device(device), out)


def run(plan: Plan, again: str, resume: bool, progress: bool) -> int:
    """Train all seeds, one after another; the exit code."""
    typer.echo(f"{plan.recipe.title}. You should see: {plan.recipe.see}")
    done: list[recipes.Summary] = []
    failed = False
    try:
        rows = console.or_fail(source, plan.recipe)
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
                typer.echo(f"course-gan: seed {seed}: {error}", err=True)
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
        typer.echo(f"\nStopped. What was done is kept in {plan.out}. To go on:\n  {again}", err=True)
        return console.STOPPED
    _report(plan, done)
    return NOT_ALL if failed else DONE


def _report(plan: Plan, done: Sequence[recipes.Summary]) -> None:
    """A row a seed, and below them the means with their intervals."""
    if not done:
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
