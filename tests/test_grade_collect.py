import errno
import hashlib
import os
import shutil
import socket
import stat
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_gan.grade import submission_files
from course_gan.grade.collect import collect
from course_gan.grade.student_names import caseless, printable
from tests.submission_folders import NOON, archive, file, gathered, text


@pytest.fixture
def handed_in(tmp_path: Path) -> Path:
    folder = tmp_path / "handed-in"
    folder.mkdir()
    return folder


# Whose is it?


def test_a_file_is_its_students(handed_in: Path) -> None:
    file(handed_in / "bob.md", "Bob's")
    file(handed_in / "alice.ipynb", "Alice's")
    file(handed_in / "Carol.IPYNB", "Carol's")
    rows = gathered(handed_in)
    assert list(rows) == ["Carol", "alice", "bob"]
    assert text(rows["alice"]) == "Alice's"
    assert rows["bob"].path == handed_in.parent / "workspace" / "003.md"
    assert rows["Carol"].path == handed_in.parent / "workspace" / "001.ipynb"
    assert rows["alice"].source == "alice.ipynb"
    assert rows["alice"].digest == hashlib.sha256(b"Alice's").hexdigest()
    assert rows["alice"].notes == ()


@pytest.mark.parametrize("inside", ["hw1.ipynb", "work/hw1.ipynb", "a/b/c/d/e/hw1.ipynb"])
def test_a_folder_is_its_students(handed_in: Path, inside: str) -> None:
    file(handed_in / "alice" / inside, "Alice's")
    rows = gathered(handed_in)
    assert list(rows) == ["alice"]
    assert text(rows["alice"]) == "Alice's"
    assert rows["alice"].source == f"alice/{inside}"


def test_a_notebook_too_deep_is_not_lost_without_a_word(handed_in: Path) -> None:
    file(handed_in / "alice" / "a/b/c/d/e/f/hw1.ipynb")
    assert gathered(handed_in)["alice"].problem == "no notebook in it (found: a)"


def test_what_tools_leave_behind_is_nobodys(handed_in: Path) -> None:
    for name in ("README.md", ".DS_Store", "__MACOSX/alice.ipynb", ".git/x.ipynb", "._bob.ipynb", "README"):
        file(handed_in / name)
    file(handed_in / "alice" / "hw1.ipynb", "Alice's", hour=1)
    file(handed_in / "alice" / "hw1.backup-20250301-120000.ipynb", "her backup")
    file(handed_in / "alice" / ".ipynb_checkpoints" / "hw1-checkpoint.ipynb", "her checkpoint")
    file(handed_in / "alice" / "ReadMe.md", "her README")
    rows = gathered(handed_in)
    assert list(rows) == ["alice"]
    assert text(rows["alice"]) == "Alice's"
    assert rows["alice"].notes == ()


@pytest.mark.parametrize("options", [{"name": "hw1"}, {"notebook": "hw1.ipynb"}, {"name": "HW1"}])
def test_the_assignments_name_in_front_is_taken_off_if_it_is_known(handed_in: Path, options: dict[str, str]) -> None:
    file(handed_in / "hw1-alice" / "hw1.ipynb")
    file(handed_in / "hw1-ann-marie" / "hw1.ipynb")
    file(handed_in / "hw10-bob" / "hw1.ipynb")
    assert list(gathered(handed_in)) == ["hw1-alice", "hw1-ann-marie", "hw10-bob"]
    assert list(gathered(handed_in, **options)) == ["alice", "ann-marie", "hw10-bob"]


def test_a_classroom_export_in_its_folder(handed_in: Path) -> None:
    file(handed_in / "hw1-submissions" / "hw1-alice" / "hw1.ipynb")
    file(handed_in / "hw1-submissions" / "hw1-bob" / "hw1.ipynb")
    rows = gathered(handed_in, name="hw1")
    assert list(rows) == ["alice", "bob"]
    assert rows["bob"].source == "hw1-submissions/hw1-bob/hw1.ipynb"
    assert list(gathered(handed_in)) == ["hw1-alice", "hw1-bob"]


def test_a_folder_of_students_is_opened_and_a_student_with_two_folders_is_not(handed_in: Path) -> None:
    file(handed_in / "class" / "alice" / "hw1.ipynb")
    file(handed_in / "class" / "bob" / "hw1.ipynb")
    assert list(gathered(handed_in)) == ["alice", "bob"]
    file(handed_in / "carol" / "one" / "hw1.ipynb")
    file(handed_in / "carol" / "two" / "hw1.ipynb")
    assert list(gathered(handed_in)) == ["carol", "class"]


def test_a_student_cannot_call_a_folder_submissions_and_hand_in_for_others(handed_in: Path) -> None:
    file(handed_in / "bob" / "hw1.ipynb", "Bob's", hour=1)
    file(handed_in / "eve-submissions" / "bob" / "hw1.ipynb", "Eve's", hour=23)
    rows = gathered(handed_in, name="hw1")
    assert list(rows) == ["bob", "eve-submissions"]
    assert text(rows["bob"]) == "Bob's"


def test_moodles_folders_and_files(handed_in: Path) -> None:
    file(handed_in / "Alice Smith_12345_assignsubmission_file_" / "x.ipynb", "the first Alice's")
    file(handed_in / "Alice Smith_12346_assignsubmission_file_" / "x.ipynb", "the second Alice's")
    file(handed_in / "Bob_B_7_assignsubmission_file_x.ipynb")
    file(handed_in / "Carol_8_assignsubmission_onlinetext_" / "onlinetext.html")
    rows = gathered(handed_in)
    assert list(rows) == ["Alice Smith_12345", "Alice Smith_12346", "Bob_B_7", "Carol_8"]
    assert text(rows["Alice Smith_12346"]) == "the second Alice's"
    assert rows["Carol_8"].problem == "no notebook in it (found: onlinetext.html)"


def test_canvas_files(handed_in: Path) -> None:
    file(handed_in / "smithalice_12345_67890_hw1.ipynb", "Alice's", hour=1)
    file(handed_in / "smithalice_12345_67899_scratch.ipynb", "her scratch paper", hour=2)
    file(handed_in / "smithalice_12399_67891_hw1-2.ipynb", "the other Alice's")
    file(handed_in / "brownbob_LATE_9_10_my_hw_1.ipynb")
    rows = gathered(handed_in, notebook="hw1.ipynb")
    assert list(rows) == ["brownbob_9", "smithalice_12345", "smithalice_12399"]
    assert rows["brownbob_9"].notes == ("marked as late by Canvas",)
    assert text(rows["smithalice_12345"]) == "Alice's"
    (note,) = rows["smithalice_12345"].notes
    assert note.startswith("the one file named hw1.ipynb of 2 files: ")


def test_canvas_says_again_by_a_number_behind_the_name(handed_in: Path) -> None:
    file(handed_in / "smithalice_1_2_hw1-1.ipynb", "again", hour=1)
    file(handed_in / "smithalice_1_3_other.ipynb", "other", hour=2)
    assert text(gathered(handed_in, notebook="hw1.ipynb")["smithalice_1"]) == "again"


def test_layouts_may_be_mixed(handed_in: Path) -> None:
    file(handed_in / "alice.ipynb")
    file(handed_in / "bob" / "work" / "hw1.md")
    file(handed_in / "hw1-submissions" / "hw1-carol" / "hw1.ipynb")
    file(handed_in / "Dan_4_assignsubmission_file_" / "x.ipynb")
    file(handed_in / "smitheve_5_6_hw1.ipynb")
    archive(handed_in / "frank.zip", ("hw1.ipynb", "Frank's"))
    rows = gathered(handed_in, name="hw1")
    assert list(rows) == ["Dan_4", "alice", "bob", "carol", "frank", "smitheve_5"]
    assert not any(row.problem for row in rows.values())


def test_a_single_notebook(handed_in: Path) -> None:
    file(handed_in / "alice.ipynb", "Alice's")
    file(handed_in / "bob.ipynb")
    rows = collect(handed_in / "alice.ipynb", workspace=handed_in.parent / "w")
    assert [row.student for row in rows] == ["alice"]
    assert text(rows[0]) == "Alice's"


# Which file counts?


def test_the_file_named_as_the_handout_counts(handed_in: Path) -> None:
    file(handed_in / "alice" / "work" / "HW1.ipynb", "named", hour=1)
    file(handed_in / "alice" / "later.ipynb", "later", hour=5)
    row = gathered(handed_in, notebook="hw1.ipynb")["alice"]
    assert text(row) == "named"
    assert row.notes == ("the one file named hw1.ipynb of 2 files: alice/later.ipynb, alice/work/HW1.ipynb",)


def test_else_the_latest_counts_and_of_equals_the_first_by_name(handed_in: Path) -> None:
    for name, hour in {"a": 1, "c": 5, "b": 5}.items():
        file(handed_in / "alice" / f"{name}.ipynb", name, hour)
    row = gathered(handed_in, notebook="hw1.ipynb")["alice"]
    assert text(row) == "b"
    assert row.submitted == NOON.replace(hour=5)
    assert row.notes == ("the latest of 3 files: alice/a.ipynb, alice/b.ipynb, alice/c.ipynb",)


def test_notes_beside_a_notebook_do_not_count(handed_in: Path) -> None:
    file(handed_in / "alice" / "hw1.ipynb", "Alice's", hour=1)
    file(handed_in / "alice" / "notes.md", "notes", hour=9)
    row = gathered(handed_in)["alice"]
    assert text(row) == "Alice's"
    assert row.notes == ("the one file with .ipynb of 2 files: alice/hw1.ipynb, alice/notes.md",)


def test_equal_files_of_two_students_are_both_graded_and_named(handed_in: Path) -> None:
    file(handed_in / "alice.ipynb", "same")
    file(handed_in / "bob" / "x.ipynb", "same")
    file(handed_in / "carol.ipynb", "another")
    rows = gathered(handed_in)
    assert rows["alice"].private == ("the same bytes as bob",)
    assert rows["bob"].private == ("the same bytes as alice",)
    assert rows["carol"].notes == ()
    for n in range(10):
        file(handed_in / f"z{n}.ipynb", "same")
    assert gathered(handed_in)["z9"].private == ("the same bytes as alice, bob, z0, z1, z2 and 6 more",)


@pytest.mark.parametrize("other", ["ALICE", "alice"])
def test_the_same_student_twice_has_the_latest_count(handed_in: Path, other: str) -> None:
    file(handed_in / "Alice.ipynb", "early", hour=1)
    file(handed_in / other / "hw1.ipynb", "late", hour=2)
    rows = gathered(handed_in)
    assert list(rows) == [min("Alice", other)]
    (row,) = rows.values()
    assert text(row) == "late"
    assert any(note.startswith("the same student 2 times, the latest counts: ") for note in row.notes)
    file(handed_in / "Alice.ipynb", "later", hour=3)
    (row,) = gathered(handed_in).values()
    assert text(row) == "later"


def test_accents_encoded_otherwise_are_the_same_student(handed_in: Path) -> None:
    file(handed_in / unicodedata.normalize("NFC", "Zoë.ipynb"), "early", hour=1)
    file(handed_in / unicodedata.normalize("NFD", "ZOË.ipynb"), "late", hour=2)
    (row,) = gathered(handed_in).values()
    assert text(row) == "late"


def test_an_unusable_file_does_not_push_out_a_usable_one(handed_in: Path) -> None:
    file(handed_in / "alice.ipynb", "Alice's", hour=1)
    (handed_in / "ALICE").mkdir()
    file(handed_in / "bob" / "hw1.ipynb", "Bob's", hour=1)
    (handed_in / "bob" / "zzz.ipynb").symlink_to("hw1.ipynb")
    rows = gathered(handed_in, notebook="zzz.ipynb")
    assert text(rows["ALICE"]) == "Alice's"
    assert "not counted: ALICE: no notebook in it (found: nothing)" in rows["ALICE"].notes
    assert text(rows["bob"]) == "Bob's"
    assert any("zzz.ipynb: it is a symbolic link" in note for note in rows["bob"].notes)


# When was it handed in?


def test_the_table_of_times_wins_and_says_what_it_lacks(handed_in: Path, tmp_path: Path) -> None:
    for student in ("alice", "bob", "carol"):
        file(handed_in / f"{student}.ipynb", hour=3)
    times = file(
        handed_in / "times.csv",
        "\ufeffStudent,submitted,remark\nAlice,2025-03-01T23:30:00+01:00,\n\n bob ,2025-03-02 10:00,x\n",
    )
    rows = gathered(handed_in, times=times)
    assert list(rows) == ["alice", "bob", "carol"]
    assert rows["alice"].submitted == datetime(2025, 3, 1, 22, 30, tzinfo=UTC)
    assert rows["alice"].notes == ()
    assert rows["bob"].submitted == datetime(2025, 3, 2, 10, tzinfo=UTC)
    assert rows["bob"].notes == ("its time in times.csv has no zone: read as UTC",)
    assert rows["carol"].submitted == NOON.replace(hour=3)
    assert rows["carol"].notes == ("no time in times.csv: taken from the file",)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (
            "student,submitted\nalice,2025-03-01T10:00Z\nmallory,2025-03-01T10:00Z\n",
            "line 3: there is no submission of",
        ),
        ("student,submitted\n\nalice,yesterday\n", "line 3: 'yesterday' is no day"),
        ("student,submitted\nalice,\n", "line 2: '' is no day"),
        ("student,submitted\nalice,2025-03-01\n", "line 2: '2025-03-01' is no day with a time of day"),
        ("student,submitted\nalice,0001-01-01T00:00+05:00\n", "line 2: "),
        ("student,submitted\nalice\n", "line 2: as many cells"),
        ("student,submitted\n,2025-03-01T10:00Z\n", "line 2: the student is missing"),
        (
            "student,submitted\nalice,2025-03-01T10:00Z\nALICE,2025-03-01T11:00Z\n",
            "line 3: 'ALICE' has a time in line 2",
        ),
        ('student,submitted\n"a\nb",2025-03-01T10:00Z\nbob,x\n', "line 4: 'x'"),
        ("student;submitted\nalice;2025-03-01T10:00Z\n", "line 1: the columns are"),
        ('student,submitted\n"alice,2025\n', "line 2: "),
        ("", "is empty"),
    ],
)
def test_an_unreadable_table_of_times_names_the_line(handed_in: Path, tmp_path: Path, table: str, says: str) -> None:
    file(handed_in / "alice.ipynb")
    times = tmp_path / "times.csv"
    times.write_text(table, encoding="utf-8")
    with pytest.raises(ValueError, match=r"times\.csv") as caught:
        gathered(handed_in, times=times)
    assert says in str(caught.value)


def test_a_table_of_times_that_is_no_text(handed_in: Path, tmp_path: Path) -> None:
    file(handed_in / "alice.ipynb")
    (tmp_path / "times.csv").write_bytes(b"student,submitted\n\xff")
    with pytest.raises(ValueError, match="no text in UTF-8"):
        gathered(handed_in, times=tmp_path / "times.csv")
    with pytest.raises(ValueError, match="No such file"):
        gathered(handed_in, times=tmp_path / "absent.csv")


# Nothing hostile hurts.


def test_links_are_never_followed(handed_in: Path, tmp_path: Path) -> None:
    secret = file(tmp_path / "secret" / "solution.ipynb", "the solution")
    (handed_in / "eve.ipynb").symlink_to(secret)
    (handed_in / "mallory").symlink_to(secret.parent)
    (handed_in / "nobody.ipynb").symlink_to("absent")
    (handed_in / "loop").symlink_to("loop")
    for student in ("oscar", "peggy", "quentin"):
        (handed_in / student).mkdir()
    (handed_in / "oscar" / "hw1.ipynb").symlink_to(secret)
    (handed_in / "peggy" / "work").symlink_to(secret.parent)
    (handed_in / "quentin" / "hw1.zip").symlink_to(archive(tmp_path / "s.zip", ("hw1.ipynb", "the solution")))
    file(handed_in / "alice.ipynb")
    rows = gathered(handed_in)
    assert not rows.pop("alice").problem
    assert len(rows) == 7
    for row in rows.values():
        assert "symbolic link" in row.problem, row


def test_pipes_and_sockets_are_never_opened(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    os.mkfifo(handed_in / "eve.ipynb")
    (handed_in / "mallory").mkdir()
    os.mkfifo(handed_in / "mallory" / "hw1.ipynb")
    monkeypatch.chdir(handed_in)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("oscar.ipynb")
        opened = []
        system = os.open
        monkeypatch.setattr(os, "open", lambda path, *rest, **more: opened.append(path) or system(path, *rest, **more))
        rows = gathered(handed_in)
    assert [row.problem for row in rows.values()] == [submission_files.NO_FILE] * 3
    assert not [path for path in opened if str(path).endswith(".ipynb")]


@pytest.mark.parametrize("swap", ["link", "pipe", "folder", "gone", "grown"])
def test_a_file_swapped_after_it_was_looked_at(
    handed_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, swap: str
) -> None:
    target = file(handed_in / "eve.ipynb")
    file(handed_in / "fred.ipynb")
    system = os.open

    def swapping(path: object, *rest: object, **more: object) -> int:
        if path == "eve.ipynb":
            target.unlink()
            if swap == "link":
                target.symlink_to(file(tmp_path / "solution.ipynb"))
            elif swap == "pipe":
                os.mkfifo(target)
                assert isinstance(rest[0], int)
                assert rest[0] & os.O_NONBLOCK, "this would wait forever"
            elif swap == "folder":
                target.mkdir()
            elif swap == "grown":
                target.touch()
                os.truncate(target, 10**12)
        return system(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", swapping)
    rows = gathered(handed_in)
    wanted = {"link": "symbolic link", "pipe": "a pipe", "folder": "a pipe", "gone": "No such file", "grown": "20 MB"}
    assert wanted[swap] in rows["eve"].problem
    assert not rows["fred"].problem


def test_a_file_that_grows_while_it_is_read_does_not_fill_the_memory(
    handed_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = os.stat(file(tmp_path / "small"))
    os.truncate(file(handed_in / "eve.ipynb"), 10**13)
    found = submission_files.Found(("eve.ipynb",), "file")
    monkeypatch.setattr(os, "fstat", lambda descriptor: small)
    with pytest.raises(submission_files.Unusable, match="more than the 20 MB"):
        submission_files.Folder(handed_in).read(found)


def test_a_folder_swapped_for_a_link_after_it_was_looked_at(
    handed_in: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(handed_in / "eve" / "hw1.ipynb")
    file(tmp_path / "secret" / "hw1.ipynb", "the solution")
    read = submission_files.Folder.read

    def swapping(folder: submission_files.Folder, found: submission_files.Found) -> bytes:
        shutil.rmtree(handed_in / "eve")
        (handed_in / "eve").symlink_to(tmp_path / "secret")
        return read(folder, found)

    monkeypatch.setattr(submission_files.Folder, "read", swapping)
    assert "cannot be opened" in gathered(handed_in)["eve"].problem


def test_a_submission_changed_later_does_not_change_the_copy(handed_in: Path) -> None:
    source = file(handed_in / "alice.ipynb", "handed in")
    row = gathered(handed_in)["alice"]
    source.write_text("changed")
    assert text(row) == "handed in"
    shutil.rmtree(handed_in)
    assert text(row) == "handed in"


def test_a_file_that_is_too_large(handed_in: Path) -> None:
    for student, size in {"alice": 20 * 10**6, "eve": 20 * 10**6 + 1, "mallory": 10**13}.items():
        os.truncate(file(handed_in / f"{student}.ipynb"), size)
    rows = gathered(handed_in)
    assert rows["alice"].path is not None
    assert rows["alice"].path.stat().st_size == 20 * 10**6
    assert "more than the 20 MB" in rows["eve"].problem
    assert "more than the 20 MB" in rows["mallory"].problem


def test_too_many_files_and_folders(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("submission_files", "candidates"):
        monkeypatch.setattr(f"course_gan.grade.{module}.MOST_FILES", 9)
    for n in range(10):
        file(handed_in / "eve" / f"{n}.txt")
        (handed_in / "mallory" / f"{n % 2}" / f"{n}").mkdir(parents=True)
    file(handed_in / "alice.ipynb")
    rows = gathered(handed_in)
    assert rows["eve"].problem == rows["mallory"].problem == "it holds more than 9 files"
    assert not rows["alice"].problem


def test_what_holds_no_notebook_says_what_it_holds(handed_in: Path) -> None:
    (handed_in / "alice").mkdir()
    for name in ("a.py", "b.pdf", ".git/config", "hw1.backup-20250301-120000.ipynb"):
        file(handed_in / "bob" / name)
    file(handed_in / "carol.pdf")
    rows = gathered(handed_in)
    assert rows["alice"].problem == "no notebook in it (found: nothing)"
    assert rows["bob"].problem == "no notebook in it (found: .git, a.py, b.pdf, hw1.backup-20250301-120000.ipynb)"
    assert rows["carol"].problem.startswith("it is no notebook: wanted is a file .ipynb or .md")


def test_the_reasons_of_many_files_are_cut_short(handed_in: Path) -> None:
    file(handed_in / "bob.ipynb")
    for n in range(20):
        (handed_in / "alice" / f"{n}").mkdir(parents=True)
        (handed_in / "alice" / f"{n}" / "hw1.ipynb").symlink_to("absent")
    assert gathered(handed_in, notebook="hw1.ipynb")["alice"].problem.endswith(" and 17 more")
    file(handed_in / "alice" / "other.ipynb", "Alice's")
    row = gathered(handed_in, notebook="hw1.ipynb")["alice"]
    assert text(row) == "Alice's"
    assert row.notes[-1] == "not counted: 17 more"


def test_what_may_not_be_read_says_so(handed_in: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's answer is played, as the tests may run as root, to whom nothing is forbidden."""
    for name in ("alice.ipynb", "bob/hw1.ipynb", "carol.ipynb", "dan/work/hw1.ipynb"):
        file(handed_in / name)
    system = os.open

    def forbidding(path: object, *rest: object, **more: object) -> int:
        if path in ("alice.ipynb", "bob", "work"):
            raise PermissionError(errno.EACCES, "Permission denied")
        return system(path, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", forbidding)
    rows = gathered(handed_in)
    assert rows["alice"].problem == "it cannot be opened: Permission denied"
    assert rows["bob"].problem == "it cannot be opened: Permission denied"
    assert "work (it cannot be opened: Permission denied)" in rows["dan"].problem
    assert not rows["carol"].problem


def test_a_time_beyond_the_calendar_is_no_time(handed_in: Path) -> None:
    os.utime(file(handed_in / "alice.ipynb"), ns=(0, 2**62))
    os.utime(file(handed_in / "bob.ipynb"), ns=(0, -(10**9)))
    rows = gathered(handed_in)
    assert rows["alice"].submitted == datetime(2116, 2, 20, 23, 53, 38, 427387, tzinfo=UTC)
    assert rows["bob"].submitted == datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)
    assert submission_files._time(10**30) is None


HOSTILE = {
    "=cmd()": "=cmd()",
    "a\nb": r"a\nb",
    "a\x1b[2Jb": r"a\x1b[2Jb",
    "\u202egnp": r"\u202egnp",
    "a\u200bb": r"a\u200bb",
    "\u3164": r"\u3164",
    "back\\slash": r"back\\slash",
    "..": r"\x2e\x2e",
    " alice ": r"\x20alice\x20",
    os.fsdecode(b"caf\xe9"): r"caf\udce9",
    "x" * 249: "x" * 249,
    "Zoë Müller-Łuk": "Zoë Müller-Łuk",
    "李雷": "李雷",
    "محمد": "محمد",
}


def test_hostile_names_are_shown_and_kept_apart(handed_in: Path) -> None:
    for name in HOSTILE:
        file(handed_in / f"{name}.ipynb", ascii(name))
    rows = gathered(handed_in)
    assert list(rows) == sorted(HOSTILE.values())
    for name, shown in HOSTILE.items():
        assert text(rows[shown]) == ascii(name)
        assert rows[shown].source.isprintable()
    copies = sorted(path.name for path in (handed_in.parent / "workspace").iterdir())
    assert copies == [f"{n:03d}.ipynb" for n in range(1, len(HOSTILE) + 1)]


NAMES = st.text(st.characters() | st.sampled_from("aA\\/ .\n\u202e\udc85\x85…\u0301"), max_size=300)


@settings(max_examples=300, deadline=None)
@given(NAMES, NAMES)
def test_names_are_printable_stable_and_unique(one: str, two: str) -> None:
    shown = printable(one)
    assert shown
    assert shown.isprintable()
    assert "/" not in shown
    assert shown == shown.strip()
    assert printable(one) == shown
    shown.encode("utf-8")
    if one != two and one.strip() and two.strip():
        assert printable(two) != shown
    assert caseless(unicodedata.normalize("NFD", one)) == caseless(unicodedata.normalize("NFC", one))


def test_a_name_of_an_archive_may_be_endless() -> None:
    shown = printable("x" * 60_000)
    assert len(shown) < 255
    assert shown != printable("x" * 60_001)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=40), max_size=6, unique=True))
def test_students_of_a_folder_are_unique_and_stable(
    tmp_path_factory: pytest.TempPathFactory, names: list[bytes]
) -> None:
    folder = tmp_path_factory.mktemp("class") / "handed-in"
    file(folder / "alice.ipynb")
    for name in names:
        cleaned = name.replace(b"/", b"|").replace(b"\0", b"0")
        (Path(os.fsdecode(os.fsencode(folder) + b"/" + cleaned + b".ipynb"))).write_bytes(cleaned)
    rows = gathered(folder)
    assert all(student.isprintable() for student in rows)
    assert gathered(folder) == rows


# The workspace.


def test_copies_are_private_and_the_same_on_a_second_run(handed_in: Path) -> None:
    file(handed_in / "alice.ipynb", "Alice's")
    (handed_in / "bob").mkdir()
    file(handed_in / "carol.md")
    rows = gathered(handed_in)
    workspace = handed_in.parent / "workspace"
    assert sorted(path.name for path in workspace.iterdir()) == ["001.ipynb", "003.md"]
    assert stat.S_IMODE(workspace.stat().st_mode) == 0o700
    for path in workspace.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    (workspace / "001.ipynb").write_text("left by a killed run")
    (workspace / "001.ipynb.partial").write_text("left by a killed run")
    assert gathered(handed_in) == rows
    assert text(rows["alice"]) == "Alice's"
    assert sorted(path.name for path in workspace.iterdir()) == ["001.ipynb", "003.md"]


def test_a_copy_is_never_written_through_a_link(handed_in: Path, tmp_path: Path) -> None:
    file(handed_in / "alice.ipynb", "Alice's")
    treasure = file(tmp_path / "treasure", "treasure")
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    for name in ("001.ipynb", "001.ipynb.partial"):
        (workspace / name).symlink_to(treasure)
    row = gathered(handed_in)["alice"]
    assert treasure.read_text() == "treasure"
    assert row.path is not None
    assert not row.path.is_symlink()


def test_a_workspace_that_cannot_be(handed_in: Path, tmp_path: Path) -> None:
    file(handed_in / "alice.ipynb")
    with pytest.raises(ValueError, match="lies in the submissions"):
        collect(handed_in, workspace=handed_in / "workspace")
    with pytest.raises(ValueError, match="cannot be made"):
        collect(handed_in, workspace=file(tmp_path / "taken"))
    (tmp_path / "w" / "001.ipynb" / "x").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"001\.ipynb cannot be written"):
        collect(handed_in, workspace=tmp_path / "w")


# What is no folder of submissions.


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda path: None, "There is no file or folder"),
        (lambda path: path.mkdir(), "There are no submissions in"),
        (lambda path: file(path / "README.md"), "There are no submissions in"),
        (lambda path: file(path / "class-submissions" / ".DS_Store"), "There are no submissions in"),
        (lambda path: file(path), "is neither a notebook nor an archive"),
        (os.mkfifo, "There is no file or folder"),
    ],
)
def test_what_is_no_folder_of_submissions_is_refused(tmp_path: Path, make, says: str) -> None:
    make(tmp_path / "given")
    with pytest.raises(ValueError, match="Give the folder with the submissions") as caught:
        collect(tmp_path / "given", workspace=tmp_path / "workspace")
    assert says in str(caught.value)
    assert not (tmp_path / "workspace").exists()
