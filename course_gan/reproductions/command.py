"""What `course-gan reproduce` does: run, write the file beside the published numbers, and report the claims."""

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from course_gan import console, provenance
from course_gan.experiments import Outcomes, SeedsFailed
from course_gan.recipes import change, nearest
from course_gan.reproductions import REPRODUCTIONS, Reproduction, document
from course_gan.reproductions import reproduce as run_reproduction
from course_gan.reproductions.core import summary

HEADINGS = ["reproduction", "seeds", "takes", "what it is"]
ALL_HOLD, NOT_ALL = 0, 1


def table() -> list[list[str]]:
    """A row for each reproduction."""
    return [[name, str(one.seeds), one.takes, one.title] for name, one in REPRODUCTIONS.items()]


def run(
    name: str, settings: Sequence[str], seeds: str, device: str, jobs: int | None, out: Path | None, again: str
) -> int:
    """Run one, and write it; the exit code."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        console.fail("A reproduction starts its own processes. Call it without torchrun; see --jobs.", console.UNUSABLE)
    changes = dict(console.or_fail(change, text) for text in settings)
    reproduction = console.or_fail(_find, name)
    chosen = console.or_fail(console.seeds, seeds) if seeds else None
    where = console.or_fail(console.device, device)
    folder = out or _folder(changed=bool(changes))
    file, kept = folder / f"{name}.json", folder / f"{name}.unfinished.json"
    try:
        outcomes = console.or_fail(
            run_reproduction, name, reproduction, chosen, device=where, jobs=jobs, changes=changes, keep=kept
        )
        provenance.write_json(file, document(reproduction, outcomes))
        kept.unlink(missing_ok=True)
    except SeedsFailed as error:
        console.fail(str(error), NOT_ALL)
    except OSError as error:
        console.fail(f"{file} cannot be written: {error.strerror or error}. Give another --out.", console.UNUSABLE)
    except KeyboardInterrupt:
        done = f"{len(Outcomes.load(kept).runs)} seeds are kept in {kept}" if kept.exists() else "No seed was finished"
        typer.echo(f"\nStopped. {done}. To go on:\n  {again}", err=True)
        return console.STOPPED
    return _report(reproduction, outcomes, file)


def _find(name: str) -> Reproduction:
    if name not in REPRODUCTIONS:
        raise ValueError(nearest(name, REPRODUCTIONS, "reproduction"))
    return REPRODUCTIONS[name]


def _folder(changed: bool) -> Path:
    """Where the book reads its results, if there is a book; what was changed is nobody's reproduction."""
    checkout = provenance.in_checkout()
    return checkout / "book" / "results" if checkout and not changed else Path("results")


def _report(reproduction: Reproduction, outcomes: Outcomes, file: Path) -> int:
    typer.echo(f"{reproduction.title}\n{reproduction.citation}\n")
    console.table(["value", "over the seeds"], [[key, one["text"]] for key, one in summary(outcomes).items()])
    if reproduction.published:
        typer.echo()
        rows = [[one.what, str(one.value), one.source] for one in reproduction.published]
        console.table(["published", "value", "source"], rows)
    typer.echo(f"\n{reproduction.note}\n" if reproduction.note else "")
    claims = reproduction.check(outcomes)
    for claim in claims:
        typer.echo(f"{'✓' if claim.holds else '✗'} {claim.text}")
    typer.echo(f"\n{outcomes.seconds:.1f} s for {len(outcomes.seeds)} seeds. Written to {file}")
    return ALL_HOLD if all(claim.holds for claim in claims) else NOT_ALL
