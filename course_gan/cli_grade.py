"""The command `course-gan grade`: its options, and how a run is shown."""

import os
from pathlib import Path
from typing import Annotated

import typer

from course_gan import console

# As in `course_gan.cli`: torch is imported when a command runs.
GRADE_EXAMPLES = """
Examples:
  course-gan grade submissions --assignment week-2-grading.toml --seed-file week-2.seed --out marks
  course-gan grade class.zip --assignment week-2-grading.toml --seed-file week-2.seed --out marks --jobs 8
  course-gan grade submissions --assignment week-2-grading.toml --seed-file week-2.seed --out part1 --shard 1/4
  course-gan grade submissions --assignment week-2-grading.toml --seed-file week-2.seed --out marks --merge part1
"""


def grade(
    submissions: Annotated[Path, typer.Argument(help="A folder of notebooks or of students' folders, or a .zip.")],
    assignment: Annotated[Path, typer.Option("--assignment", metavar="FILE", help="The grading file.")],
    seed_file: Annotated[Path, typer.Option("--seed-file", metavar="FILE", help="The secret seed.")],
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where the reports go.")],
    jobs: Annotated[
        int | None, typer.Option("--jobs", min=1, max=256, help="Submissions at a time; by default one a core.")
    ] = None,
    times: Annotated[Path | None, typer.Option("--times", metavar="CSV", help="When each was submitted.")] = None,
    shard: Annotated[str, typer.Option("--shard", metavar="I/N", help="Grade the I-th of N parts, no reports.")] = "",
    merge: Annotated[list[Path] | None, typer.Option("--merge", metavar="DIR", help="--out of another part.")] = None,
    unsafe: Annotated[bool, typer.Option("--unsafe", help="Run submissions without any box. Read the guide.")] = False,
) -> None:
    """Grade a class: run each submission in a box, and write marks, feedback pages and a class page.

    DIR gets grades.csv, results.json, class.html and feedback/, one page a student; work/ holds copies of the
    notebooks and the marks so far. A run that was cut off goes on where it was when the same command is given again.

    Submissions run in bubblewrap, or in a container without network; where there is neither, nothing is run.

    The exit code is 0 if all submissions have marks (0 points included), 2 if the call cannot be used, 130 after
    Ctrl-C.
    """
    from tqdm import tqdm

    from course_gan.grade.assignment import load_with_remarks
    from course_gan.grade.classroom import Order, grade_class

    part = console.or_fail(_shard, shard)
    rules, remarks = console.or_fail(load_with_remarks, assignment)
    for remark in remarks:
        typer.echo(remark, err=True)
    order = Order(
        submissions=submissions,
        assignment=rules,
        seed_file=seed_file,
        out=out,
        jobs=jobs or _cores(),
        times=times,
        shard=part,
        merge=tuple(merge or ()),
        unsafe=unsafe,
    )
    with tqdm(total=None, unit=" submissions", dynamic_ncols=True, disable=None) as bar:

        def show(done: int, of: int) -> None:
            if bar.total is None:
                bar.initial = done
                bar.reset(of)
            bar.update(done - bar.n)

        try:
            graded = console.or_fail(grade_class, order, show)
        except KeyboardInterrupt:
            bar.close()
            typer.echo("Stopped. The marks so far are kept: the same command goes on from here.", err=True)
            raise typer.Exit(console.STOPPED) from None
    _summary(order.out, graded, part)


def _cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _shard(text: str) -> tuple[int, int]:
    """The part that --shard names."""
    number, _, of = text.partition("/")
    if not text:
        return 1, 1
    if number.isdecimal() and of.isdecimal() and 1 <= int(number) <= int(of) <= 100_000:
        return int(number), int(of)
    raise ValueError(f"--shard is {text!r}; wanted is 2/4 for the second of four parts.")


def _summary(out: Path, graded: list, part: tuple[int, int]) -> None:  # type: ignore[type-arg]
    failed = [one for one in graded if one.reason]
    typer.echo(f"Graded {len(graded)} submissions" + (f", part {part[0]} of {part[1]}" if part != (1, 1) else "") + ".")
    for one in failed[:10]:
        typer.echo(f"  {one.submission.student}: {one.reason}")
    if len(failed) > 10:
        typer.echo(f"  and {len(failed) - 10} more that could not be run")
    if part == (1, 1):
        typer.echo(f"\nMarks:     {out / 'grades.csv'}\nThe class: {out / 'class.html'}\nFeedback:  {out / 'feedback'}")
    else:
        typer.echo(f"\nThe reports come from a run without --shard, with --merge {out} for each part.")
