"""The commands `course-gan train` and `course-gan reproduce`: their options, and what is refused before they start."""

from pathlib import Path
from typing import Annotated

import typer

from course_gan import console

# As in `course_gan.cli`: torch is imported when a command runs.
DONE, NOT_YET, UNUSABLE = 0, 1, console.UNUSABLE
TRAIN_EXAMPLES = """
Examples:
  course-gan train --list
  course-gan train ring
  course-gan train wgan-gp-grid --seeds 3 --steps 500
  course-gan train digits --set generator.hidden=[64,64] --set batch=32
  course-gan train ring --resume
"""
REPRODUCE_EXAMPLES = """
Examples:
  course-gan reproduce --list
  course-gan reproduce fid-bias
  course-gan reproduce ring-modes --seeds 4 --jobs 2
  course-gan reproduce ring-modes --device cuda --out my-results
"""


def train(
    recipe: Annotated[str, typer.Argument(help="A recipe's name, or a file of your own (mine.toml).")] = "",
    steps: Annotated[int | None, typer.Option(min=1, help="Steps of the generator.")] = None,
    seeds: Annotated[str, typer.Option(metavar="K|LIST", help="How many (3), or which (4,7 or 5-8).")] = "1",
    device: Annotated[str, typer.Option(help="cpu or cuda; by default as COURSE_GAN_SCALE says.")] = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on where each seed was left.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Start again where there is a run already.")] = False,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write; by default runs/RECIPE.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe.")] = None,
    compiled: Annotated[bool, typer.Option("--compile", help="Compile the losses; for long runs.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show no progress.")] = False,
    listed: Annotated[bool, typer.Option("--list", help="List the recipes.")] = False,
) -> None:
    """Train the experiment of a chapter, for one seed or several.

    DIR gets one folder a seed, such as runs/ring/seed-0, with checkpoint.pt (to go on from), history.csv (the losses),
    samples.png (what the generator makes) and summary.json (scores, settings, and where they come from). Ctrl-C stops
    after the step at hand; what was done is kept, and --resume goes on exactly where it was.

    Several processes train together by torchrun, each with batches of the recipe's size:
    torchrun --nproc-per-node 2 -m course_gan train ring

    The exit code is 0 if all seeds were trained, 1 if one diverged, 2 if the call cannot be used, 130 after Ctrl-C.
    """
    from course_gan.recipes import command

    if listed or not recipe:
        console.table(command.HEADINGS, console.or_fail(command.table))
        typer.echo("\nTo train one: course-gan train ring")
        raise typer.Exit(DONE if listed else UNUSABLE)
    flags = {"--steps": steps, "--seeds": seeds, "--device": device, "--out": out, "--set": settings}
    again = console.command("train", recipe, flags | {"--compile": compiled, "--quiet": quiet, "--resume": True})
    changes = {"steps": steps} if steps else {}
    plan = console.or_fail(
        command.plan, recipe, settings or [], changes | ({"compile": True} if compiled else {}), seeds, device, out
    )
    if not resume and not force and (taken := plan.taken()):
        kept = f"{taken} holds a run already, so it is left as it is."
        console.fail(f"{kept} Go on with --resume, start again with --force, or give another --out.", NOT_YET)
    raise typer.Exit(command.run(plan, again, resume=resume, progress=not quiet, afresh=force and not resume))


def reproduce(
    name: Annotated[str, typer.Argument(help="A reproduction's name.")] = "",
    seeds: Annotated[str, typer.Option(metavar="K|LIST", help="How many (3), or which (4,7 or 5-8).")] = "",
    device: Annotated[str, typer.Option(help="cpu or cuda; by default as COURSE_GAN_SCALE says.")] = "",
    jobs: Annotated[int | None, typer.Option(min=1, help="Processes; by default one a core.")] = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Where to write NAME.json.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change a setting.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="List the reproductions.")] = False,
) -> None:
    """Run a published experiment again, for several seeds, and compare.

    NAME.json gets the values of each seed, settings, versions, machine, commit and time, beside the published numbers
    with their source. By default it is written to book/results in a checkout of the course, else to results; a
    reproduction whose settings were changed never goes to the book. After Ctrl-C, the same command goes on.

    The exit code is 0 if all claims hold, 1 if one does not, 2 if the call cannot be used, 130 after Ctrl-C.
    """
    from course_gan.reproductions import command

    if listed or not name:
        console.table(command.HEADINGS, command.table())
        typer.echo("\nTo run one: course-gan reproduce fid-bias")
        raise typer.Exit(DONE if listed else UNUSABLE)
    flags = {"--seeds": seeds, "--device": device, "--jobs": jobs, "--out": out, "--set": settings}
    again = console.command("reproduce", name, flags)
    raise typer.Exit(command.run(name, settings or [], seeds, device, jobs, out, again))
