"""From a folder or an archive of submissions to one file for each student, copied to where nobody else can change it.

Nothing is lost and nobody is harmed: what cannot be used becomes a row with its reason, links are never followed, and
nothing but plain files is opened.  `layouts` says whose a file is, `candidates` which one counts, `archives` what the
limits are.
"""

import hashlib
import os
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from course_gan.grade.candidates import Candidate, Choice, choose, path
from course_gan.grade.layouts import Entry, entries, suffix
from course_gan.grade.model import SAME_BYTES, Submission
from course_gan.grade.student_names import caseless, listed, printable
from course_gan.grade.submission_files import Tree, Unusable
from course_gan.grade.submission_source import opened, prepare, refuse_bomb
from course_gan.grade.submission_times import ZONELESS, read_times, refuse_unknown, with_time

MOST_TRIES = 10  # to read a student's files: ten thousand broken ones would take hours
MOST_REASONS = 3


def collect(
    folder_or_zip: Path, *, workspace: Path, times: Path | None = None, notebook: str = "", name: str = ""
) -> list[Submission]:
    """One submission for each student, sorted by student; its file is a private copy in `workspace`.

    `notebook` is the file that was handed out, such as hw1.ipynb, and `name` the assignment's.

    The time of a submission is that of the table `times`; else that in the archive, read as UTC where it has no zone;
    else that of the file's last change.  Copying a folder sets that anew, unless by `cp -p`, `rsync -t` or an archive.

    The same name in another case, or with accents encoded otherwise, is the same student: the latest counts.
    The path itself may be a link, as it is the instructor's; no link below it is followed.
    """
    table = read_times(times) if times else {}
    with opened(folder_or_zip, name, times) as (tree, tops, size):
        stem = notebook[: len(notebook) - len(suffix(notebook))]
        handed_in = entries(tops, [prefix for prefix in (name, stem) if prefix])
        refuse_bomb(folder_or_zip, tree, handed_in, size)
        students = _by_student(handed_in)
        names = {student: [entry.student for entry in group] for student, group in students.items()}
        if times:
            refuse_unknown(times, table, names)
        prepare(workspace, folder_or_zip)
        rows = []
        for number, (student, group) in enumerate(students.items(), start=1):
            row = _submission(tree, student, group, notebook, workspace / f"{number:03d}")
            rows.append(with_time(row, names[student], table, times) if times else row)
    return _naming_copies(rows)


def _submission(tree: Tree, student: str, handed_in: list[Entry], notebook: str, target: Path) -> Submission:
    """Copy the first of a student's files that can be read."""
    choices = [(entry, choose(tree, entry, notebook)) for entry in handed_in]
    choices.sort(key=lambda pair: (bool(pair[1].candidates), pair[1].time), reverse=True)  # equal ones stay by name
    failed = [(_source(entry), choice.problem) for entry, choice in choices if choice.problem]
    tries = 0
    for entry, choice in choices:
        for candidate in choice.candidates:
            tries += not candidate.found.problem
            if tries > MOST_TRIES:
                break
            try:
                data = candidate.read()
            except Unusable as reason:
                failed.append((candidate.source, str(reason)))
                continue
            file = target.with_suffix(suffix(candidate.name))
            _put(file, data)
            notes = _notes(choices, entry, choice, candidate, failed)
            digest = hashlib.sha256(data).hexdigest()
            return Submission(student, candidate.source, file, candidate.handed_in.modified, "", notes, digest)
    entry, choice = choices[0]
    problem = (
        failed[0][1] if len(failed) == 1 else listed([f"{source}: {reason}" for source, reason in failed], MOST_REASONS)
    )
    submitted = choice.candidates[0].handed_in if choice.candidates else entry.found[0]
    return Submission(student, _source(entry), None, submitted.modified, problem, _marked_late(entry))


def _notes(
    choices: list[tuple[Entry, Choice]],
    entry: Entry,
    choice: Choice,
    candidate: Candidate,
    failed: list[tuple[str, str]],
) -> tuple[str, ...]:
    """Which rules were applied."""
    notes = [*choice.notes, *_marked_late(entry)]
    if len(choices) > 1:
        sources = listed(sorted(_source(one) for one, _ in choices))
        notes.insert(0, f"the same student {len(choices)} times, the latest counts: {sources}")
    notes += [f"not counted: {source}: {reason}" for source, reason in failed[:MOST_REASONS]]
    if len(failed) > MOST_REASONS:
        notes.append(f"not counted: {len(failed) - MOST_REASONS} more")
    if not candidate.handed_in.zoned:
        notes.append(ZONELESS)
    return tuple(notes)


def _marked_late(entry: Entry) -> tuple[str, ...]:
    return ("marked as late by Canvas",) if entry.late else ()


def _source(entry: Entry) -> str:
    return path(entry.found[0])


def _by_student(handed_in: list[Entry]) -> dict[str, list[Entry]]:
    """What each student handed in, by the name to show, sorted."""
    groups: dict[str, list[Entry]] = defaultdict(list)
    for entry in sorted(handed_in, key=lambda entry: entry.found[0].parts):
        groups[caseless(printable(entry.student))].append(entry)
    students = {min(printable(entry.student) for entry in group): group for group in groups.values()}
    return dict(sorted(students.items()))


def _naming_copies(rows: list[Submission]) -> list[Submission]:
    """Say who else handed in the same bytes; all are graded."""
    same: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.digest:
            same[row.digest].append(row.student)
    named = []
    for row in rows:
        others = len(same[row.digest]) - 1 if row.digest else 0
        if others:
            first = [student for student in same[row.digest][:6] if student != row.student][:5]
            more = f" and {others - len(first)} more" if others > len(first) else ""
            row = replace(row, notes=(*row.notes, f"{SAME_BYTES} {', '.join(first)}{more}"))
        named.append(row)
    return named


def _put(file: Path, data: bytes) -> None:
    """Write a file that only the instructor can read, in the place of whatever had the name, never through a link."""
    partial = file.with_name(f"{file.name}.partial")
    try:
        partial.unlink(missing_ok=True)
        with open(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as stream:
            stream.write(data)
        os.replace(partial, file)
    except OSError as error:
        reason = error.strerror or error
        raise ValueError(f"{file} cannot be written: {reason}. Make room there, or give another folder.") from error
