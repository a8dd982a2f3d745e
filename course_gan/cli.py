"""The command `course-gan`: chapters to work through, answers to check, experiments to run, image sets to keep."""

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from course_gan import __version__, cli_assignment, cli_grade, cli_training, console

# What a command needs is imported when it runs: `--help` must not wait for anything.
app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
RIGHT, NOT_YET, UNUSABLE = 0, 1, console.UNUSABLE


def main() -> None:
    """Run the command line; where an output cannot show a character it shows a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    app(prog_name="course-gan")


def _examples(text: str) -> str:
    """Examples for the end of a help page; the mark keeps its lines apart."""
    return f"\b{text}"


def _version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"course-gan {__version__}")
        raise typer.Exit
    return wanted


@app.callback(
    epilog=_examples("""
Examples:
  course-gan chapters                      which chapters there are
  course-gan start 2                       write 02-divergences.ipynb here, to work in
  course-gan check 02-divergences.ipynb    see how your answers do
  course-gan train ring                    train a GAN on eight Gaussians
""")
)
def _course_gan(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show version.")] = False,
) -> None:
    """Work through the course on generative adversarial networks."""


@app.command(
    epilog=_examples("""
Example:
  course-gan chapters
""")
)
def chapters() -> None:
    """List the chapters, with their exercises."""
    from course_gan.chapters import all_chapters, exercise_cards, planned

    rows = {number: [str(number), title, "planned", "", "", ""] for number, title in planned().items()}
    written = console.or_fail(all_chapters)
    for chapter in written:
        cards = exercise_cards(chapter)
        exercises = f"{len(cards)} ({sum(card.points for card in cards)} points)" if cards else "none"
        about = ["ready", f"{chapter.minutes} min", exercises, " ".join(chapter.lectures)]
        rows[chapter.number] = [str(chapter.number), chapter.title, *about]
    headings = ["chapter", "title", "state", "to read", "exercises", "lecture items"]
    console.table(headings, [row for _, row in sorted(rows.items())])
    typer.echo(f"\nTo work through one: course-gan start {written[0].number}")


@app.command(
    epilog=_examples("""
Examples:
  course-gan start 2
  course-gan start divergences my-course
  course-gan start 2 --force
""")
)
def start(
    chapter: Annotated[str, typer.Argument(help="A number or a name: 2, 02-divergences, divergences.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Where to write it; here by default.")] = Path(),
    force: Annotated[bool, typer.Option("--force", help="Replace an earlier notebook; a backup is kept.")] = False,
) -> None:
    """Write a chapter as a notebook, without solutions.

    Your work is never overwritten: if the file exists you are asked, and a backup is kept beside it.
    """
    from course_gan import start as files
    from course_gan.chapters import find

    found = console.or_fail(find, chapter)
    target = console.or_fail(files.target, found, folder)
    if files.taken(target) and not force:
        question = f"{target} exists. Replace it? A backup of your work is kept beside it."
        if not (console.interactive() and typer.confirm(question, err=True)):
            kept = f"{target} exists and may hold your work, so it is left as it is."
            console.fail(f"{kept} Give another folder, or use --force, which keeps a backup beside it.", NOT_YET)
    backup = console.or_fail(files.write, found, target)
    if backup:
        typer.echo(f"Kept your earlier notebook as {backup}")
    typer.echo(f"Wrote {target}\n")
    typer.echo(f'Open it:   jupyter lab "{target}"   (or open the file in VS Code)')
    typer.echo(f'Check it:  course-gan check "{target}"')


@app.command(
    epilog=_examples("""
Examples:
  course-gan check 02-divergences.ipynb
  course-gan check 02-divergences.ipynb --timeout 300
  course-gan check 02-divergences.ipynb --json > result.json
  course-gan check week-3.ipynb --summary summary.md
""")
)
def check(
    notebook: Annotated[Path, typer.Argument(help="Your notebook: an .ipynb file, or a MyST .md file.")],
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds that one cell may take.")] = 120.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
    summary: Annotated[Path | None, typer.Option(metavar="FILE", help="Append a table in Markdown to it.")] = None,
) -> None:
    """Run your notebook and say how each exercise does.

    It runs from top to bottom in a kernel of its own; the file is not changed. A cell that raises does not keep the
    others from running. This is for you, not for marks: it can be fooled by whoever wants to fool it.

    The exit code is 0 if all exercises are right, 1 if not, 2 if the file cannot be checked.
    """
    from course_gan import check_summary
    from course_gan.notebook_check import check_notebook

    if summary is not None:
        console.or_fail(check_summary.can_take, summary, notebook)
    try:
        found = check_notebook(notebook, timeout, console.progress)
    except ValueError as error:
        if summary is not None:
            console.or_fail(check_summary.append, summary, check_summary.of_failure(notebook.name, str(error)))
        console.fail(str(error), UNUSABLE)
    finally:
        console.progress(0, 0)
    if as_json:
        typer.echo(json.dumps(found.as_dict(), indent=2, ensure_ascii=False))
    else:
        console.report(found)
    if summary is not None:
        console.or_fail(check_summary.append, summary, check_summary.of_report(notebook.name, found))
    raise typer.Exit(RIGHT if found.passed else NOT_YET)


@app.command(
    epilog=_examples("""
Examples:
  course-gan data
  course-gan data --download MNIST
""")
)
def data(
    download: Annotated[str, typer.Option("--download", metavar="NAME", help="Get this set.")] = "",
) -> None:
    """Say which image sets are present, where, and how to get them. No chapter needs one.

    They are looked for in the folder COURSE_GAN_DATA if that is set, else in course-gan in your cache folder.
    """
    from course_gan.data import sets as datasets

    folder = datasets.root()
    if download:
        image_set = console.or_fail(datasets.find, download)
        typer.echo(f"Getting {image_set.name}, about {image_set.megabytes} MB …", err=True)
        try:
            found = datasets.get(image_set, folder)
        except datasets.NotObtained as error:
            console.fail(str(error), NOT_YET)
        typer.echo(f"{image_set.name} is in {found.where}")
        return
    rows = []
    for image_set in datasets.SETS.values():
        found = datasets.status(image_set, folder)
        advice = str(found.where) if found.present else f"course-gan data --download {image_set.name}"
        rows.append([image_set.name, found.state, f"{image_set.megabytes} MB", advice])
    typer.echo(f"Looked in {folder}" + ("" if folder.is_dir() else ", which does not exist yet") + "\n")
    console.table(["set", "state", "size", "where, or how to get it"], rows)
    typer.echo(f"\nTo use another folder, set the environment variable {datasets.VARIABLE}.")


app.command(epilog=_examples(cli_training.TRAIN_EXAMPLES))(cli_training.train)
app.command(epilog=_examples(cli_training.REPRODUCE_EXAMPLES))(cli_training.reproduce)
app.add_typer(cli_assignment.app, name="assignment")
app.command(epilog=_examples(cli_grade.GRADE_EXAMPLES))(cli_grade.grade)
