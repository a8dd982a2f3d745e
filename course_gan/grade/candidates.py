"""Which file counts, where a student handed in several?

The one named as the notebook that was handed out; else the only notebook; else the latest, and of equally late ones
the first by name.  A text `.md` counts only where there is no `.ipynb`: a folder may well hold notes.
An archive is opened where there is no `.ipynb` beside it, and archives inside that one stay closed.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial

from course_gan.grade.archives import Archive, refuse_flood
from course_gan.grade.layouts import SUFFIXES, Entry, ignored, original_name, suffix
from course_gan.grade.student_names import caseless, listed, printable
from course_gan.grade.submission_files import DEEPEST, MOST_FILES, Found, Tree, Unusable

MOST_ARCHIVES = 3  # of one student
NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Candidate:
    """A file that may be the one to grade.

    `handed_in` is the time of what the platform received: inside a student's own archive the student sets the clock.
    """

    name: str
    source: str
    found: Found
    handed_in: Found
    read: Callable[[], bytes]


@dataclass
class Choice:
    """The candidates of one entry, the one that counts first, and what is to be said about them."""

    candidates: list[Candidate] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problem: str = ""

    @property
    def time(self) -> datetime:
        """When the first candidate that looks sound was handed in."""
        sound = [candidate for candidate in self.candidates if not candidate.found.problem] or self.candidates
        return (sound[0].handed_in.modified if sound else None) or NEVER


def choose(tree: Tree, entry: Entry, notebook: str) -> Choice:
    """Rank the notebooks of an entry."""
    try:
        return _choose(tree, entry, notebook)
    except Unusable as reason:
        return Choice(problem=str(reason))


def _choose(tree: Tree, entry: Entry, notebook: str) -> Choice:
    files = files_of(tree, entry)
    candidates = [_loose(tree, found) for found in files if found.kind == "file" and suffix(found.name) in SUFFIXES]
    reasons = []
    if not any(_settles(candidate, notebook) for candidate in candidates):
        archives = [found for found in files if found.kind == "file" and suffix(found.name) == ".zip"]
        for found in sorted(archives, key=lambda found: (_latest_first(found.modified), found.parts))[:MOST_ARCHIVES]:
            try:
                candidates += _packed(tree, found)
            except Unusable as reason:
                reasons.append(f"{path(found)}: {reason}" if len(files) > 1 else str(reason))
    if not candidates:
        return Choice(problem="; ".join(reasons) or _nothing(tree, files))
    return _ranked(candidates, notebook, reasons)


def files_of(tree: Tree, entry: Entry) -> list[Found]:
    """All files and folders of an entry that are not ignored; `Unusable` if that is too much."""
    files: list[Found] = []
    for found in _walk(tree, entry.found, DEEPEST + 1):
        files.append(found)
        if len(files) > MOST_FILES:
            raise Unusable(f"it holds more than {MOST_FILES:,} files")
    if isinstance(tree, Archive) and len(files) > 1:  # a single file has limits of its own
        refuse_flood(files)
    return files


def path(found: Found) -> str:
    """The path of a file, fit to be shown."""
    return "/".join(map(printable, found.parts))


def _walk(tree: Tree, level: list[Found], depth: int) -> Iterator[Found]:
    for found in level:
        inner: list[Found] = []
        if found.kind == "folder" and depth:
            try:
                inner = [deeper for deeper in tree.contents(found.parts) if not ignored(deeper)]
            except Unusable as reason:
                found = replace(found, problem=str(reason))
        yield found
        yield from _walk(tree, inner, depth - 1)


def _loose(tree: Tree, found: Found) -> Candidate:
    return Candidate(original_name(found), path(found), found, found, partial(tree.read, found))


def _packed(tree: Tree, outer: Found) -> list[Candidate]:
    """The notebooks in a student's own archive, which is opened again for reading: to keep it would cost memory."""
    archive = _open(tree, outer)
    files = files_of(archive, Entry("", "", [found for found in archive.contents(()) if not ignored(found)]))
    inside = [found for found in files if found.kind == "file" and suffix(found.name) in SUFFIXES]
    if not inside:
        raise Unusable(f"no notebook in it (found: {_names(archive.contents(()))})")
    return [
        Candidate(found.name, f"{path(outer)}/{path(found)}", found, outer, partial(_read_packed, tree, outer, found))
        for found in inside
    ]


def _read_packed(tree: Tree, outer: Found, found: Found) -> bytes:
    return _open(tree, outer).read(found)


def _open(tree: Tree, outer: Found) -> Archive:
    return Archive(io.BytesIO(tree.read(outer)))


def _settles(candidate: Candidate, notebook: str) -> bool:
    return not candidate.found.problem and (suffix(candidate.name) == ".ipynb" or _is(candidate, notebook))


def _is(candidate: Candidate, notebook: str) -> bool:
    return caseless(candidate.name) == caseless(notebook)


def _ranked(candidates: list[Candidate], notebook: str, reasons: list[str]) -> Choice:
    def rank(candidate: Candidate) -> tuple[bool, bool, float, tuple[str, ...]]:
        is_text = suffix(candidate.name) != ".ipynb"
        found = candidate.found
        return not _is(candidate, notebook), is_text, _latest_first(found.modified), found.parts

    ranked = sorted(candidates, key=rank)
    notes = [f"not counted: {reason}" for reason in reasons]
    if len(ranked) > 1:
        pool = [candidate for candidate in ranked if rank(candidate)[:2] == rank(ranked[0])[:2]]
        kind = ""
        if len(pool) < len(ranked):
            kind = f" named {notebook}" if _is(ranked[0], notebook) else " with .ipynb"
        rule = (
            f"the latest of {len(pool)} files{kind}" if len(pool) > 1 else f"the one file{kind} of {len(ranked)} files"
        )
        among = pool if len(pool) > 1 else ranked
        notes.insert(0, f"{rule}: {listed(sorted(candidate.source for candidate in among))}")
    return Choice(ranked, notes)


def _latest_first(time: datetime | None) -> float:
    return -(time or NEVER).timestamp()


def _nothing(tree: Tree, files: list[Found]) -> str:
    first = files[0]
    if first.problem:
        return first.problem
    if first.kind == "file" and len(files) == 1:
        return "it is no notebook: wanted is a file .ipynb or .md, or a .zip with one in it"
    everything = files if first.kind == "file" else tree.contents(first.parts)
    closed = [found for found in files[1:] if found.kind == "folder" and found.problem]
    return f"no notebook in it (found: {_names([*everything, *closed])})"


def _names(found: list[Found]) -> str:
    shown = [f"{printable(one.name)} ({one.problem})" if one.problem else printable(one.name) for one in found]
    return listed(shown) or "nothing"
