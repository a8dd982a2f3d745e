"""The commands `course-gan assignment new` and `course-gan assignment rubric`: what is handed out, and what is kept."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from course_gan import console

if TYPE_CHECKING:
    from course_gan.grade.handout import Handout

# As in `course_gan.cli`: torch is imported when a command runs.
NOT_YET = 1
EXAMPLES = """
Examples:
  course-gan assignment new week-3 --chapters 3 --due 2026-12-01T23:59+01:00
  course-gan assignment rubric week-3 --out ../private/week-3-grading.toml
"""
NEW_EXAMPLES = """
Examples:
  course-gan assignment new week-2 --exercises kl-divergence,critic-loss --due 2026-12-01T23:59+01:00
  course-gan assignment new week-3 --chapters 3 --due 2026-12-08T23:59Z --title "Week 3: the game"
  course-gan assignment new week-2 --exercises kl-divergence,total-variation --due 2026-12-01T23:59+01:00
    --variant kl-divergence="Give the divergence in bits, not nats: divide by log 2."
"""
RUBRIC_EXAMPLES = """
Examples:
  course-gan assignment rubric week-2
  course-gan assignment rubric week-2 --out ../private/week-2-grading.toml
"""
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode=None,
    help="Write an assignment: what students get, and what you keep to grade it.",
    epilog=f"\b{EXAMPLES}",
)


@app.command(epilog=f"\b{NEW_EXAMPLES}")
def new(
    name: Annotated[str, typer.Argument(help="The name of the folder and of the notebook, such as week-3.")],
    due: Annotated[str, typer.Option(metavar="TIME", help="With the zone: 2026-12-01T23:59+01:00.")],
    exercises: Annotated[list[str] | None, typer.Option(metavar="ID,…", help="Exercises; may be repeated.")] = None,
    chapters: Annotated[list[str] | None, typer.Option(metavar="N,…", help="All exercises of these chapters.")] = None,
    title: Annotated[str, typer.Option(help="What students read; by default the name.")] = "",
    variant: Annotated[
        list[str] | None, typer.Option(metavar="ID=TEXT", help="Ask for something else than the book; may be repeated.")
    ] = None,
    grace: Annotated[float, typer.Option(min=0, metavar="MINUTES", help="How late is not late yet.")] = 15,
    per_day: Annotated[float, typer.Option(min=0, max=1, help="Share of the points that a day late costs.")] = 0.1,
    most_days: Annotated[int, typer.Option(min=0, help="After so many days there are no points.")] = 7,
    ref: Annotated[str, typer.Option(help="Tag or commit of the course; by default this version's tag.")] = "",
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to put the folder; here by default.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier folder; a backup is kept.")] = False,
) -> None:
    """Write a folder to hand out: a notebook, a README, and workflows that check each push.

    Nothing in it is a solution or a secret. Put it into a repository of its own (a template, for a classroom), or hand
    out the notebook alone. An exercise with a variant is graded, but not checked: the book's answer is not its answer.
    """
    handout, remark = console.or_fail(
        _plan, name, due, _split(exercises), _split(chapters), title, variant or [], (grace, per_day, most_days), ref
    )
    from course_gan.grade import handout as folders
    from course_gan.grade.handout_files import files

    folder, backup = out / handout.name, None
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        console.fail(f"{folder} is a file or a link, not a folder. Give another name, or another --out.", NOT_YET)
    if folders.taken(folder):
        if not force:
            kept = f"{folder} exists and may hold work, so it is left as it is."
            console.fail(f"{kept} Give another name, or use --force, which keeps a backup beside it.", NOT_YET)
        backup = console.or_fail(folders.backup_of, folder, datetime.now())
    texts = console.or_fail(files, handout)
    console.or_fail(folders.write_folder, folder, texts, backup)
    if remark:
        typer.echo(remark)
    if backup is not None:
        typer.echo(f"Kept the earlier folder as {backup}" + (" (its .git, too)" if (backup / ".git").exists() else ""))
    typer.echo(f"Wrote {folder}: {', '.join(texts)}")
    typer.echo(f"Students install the course from {handout.source}")
    typer.echo(f'\nHand it out, and write your side of it:  course-gan assignment rubric "{folder}"')


@app.command(epilog=f"\b{RUBRIC_EXAMPLES}")
def rubric(
    folder: Annotated[Path, typer.Argument(help="The folder that `course-gan assignment new` wrote.")],
    out: Annotated[Path | None, typer.Option(metavar="FILE", help="By default NAME-grading.toml, here.")] = None,
    seed_file: Annotated[Path | None, typer.Option(metavar="FILE", help="By default NAME.seed, beside it.")] = None,
) -> None:
    """Write your side of an assignment: points, rules and limits to edit, and a secret seed.

    Both are for your eyes only, so they are never written into the folder that is handed out, nor into its repository;
    and they are never overwritten, for marks may rest on them.
    """
    from course_gan.grade import rubric as private
    from course_gan.grade.handout import read_handout

    handout = console.or_fail(read_handout, folder)
    grading = out or Path(f"{handout.name}-grading.toml")
    seed = seed_file or grading.with_name(f"{handout.name}.seed")
    for file in (grading, seed):
        console.or_fail(private.keep_apart, folder, file)
    console.or_fail(private.write_private, grading, private.grading_text(handout), seed)
    typer.echo(f"Wrote {grading} and {seed}: keep both out of every repository that students can see.")
    if handout.variants:
        typer.echo(f"Set the scale of each variant in {grading.name}: {', '.join(handout.variants)}.")
    typer.echo("\nWhen the submissions are there, grade them:")
    typer.echo(f'  course-gan grade SUBMISSIONS --assignment "{grading}" \\\n    --seed-file "{seed}" --out marks')


def _split(given: list[str] | None) -> list[str]:
    return [part.strip() for text in given or [] for part in text.split(",") if part.strip()]


def _plan(
    name: str,
    due: str,
    exercises: list[str],
    chapters: list[str],
    title: str,
    variant: list[str],
    late: tuple[float, float, int],
    ref: str,
) -> "tuple[Handout, str]":
    """What is to be handed out, and a remark on how the due date was understood."""
    from datetime import timedelta

    from course_gan import __version__
    from course_gan.chapters import book_config, package_source
    from course_gan.grade.choice import chosen
    from course_gan.grade.handout import Handout
    from course_gan.grade.model import LatePolicy
    from course_gan.grade.tables import moment

    when, remark = moment(due)
    grace, per_day, most_days = late
    handout = Handout(
        name=name,
        title=title or name,
        exercises=chosen(exercises, chapters),
        due=when,
        late=LatePolicy(timedelta(minutes=grace), per_day, most_days),
        variants=_variants(variant),
        source=package_source(book_config(), ref or f"v{__version__}"),
    )
    return handout, remark


def _variants(given: list[str]) -> dict[str, str]:
    variants = {}
    for text in given:
        exercise, equals, words = (part.strip() for part in text.partition("="))
        if not (exercise and equals and words):
            raise ValueError(f'--variant is {text!r}; wanted is ID=TEXT, such as kl-divergence="Give it in bits."')
        if exercise in variants:
            raise ValueError(f"There are two variants of {exercise!r}; give one.")
        variants[exercise] = words
    return variants
