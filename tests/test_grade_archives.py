import io
import random
import stat
import struct
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from course_gan.grade import archives
from course_gan.grade.archives import Archive
from course_gan.grade.submission_files import LINK, NO_FILE, Unusable
from course_gan.grade.submission_times import ZONELESS
from tests.submission_folders import NOON, archive, file, gathered, member, text

NOISE = random.Random(0).randbytes(10**6)


def packed(*members: tuple[str | zipfile.ZipInfo, str | bytes], folder: Path) -> bytes:
    path = archive(folder / "packed.zip", *members)
    data = path.read_bytes()
    path.unlink()
    return data


# Honest archives.


@pytest.mark.parametrize(
    ("names", "students"),
    [
        (["alice.ipynb", "bob.md"], ["alice", "bob"]),
        (["alice/hw1.ipynb", "bob/work/hw1.ipynb", "__MACOSX/alice/._hw1.ipynb", "README.md"], ["alice", "bob"]),
        (["class/alice.ipynb", "class/bob.ipynb"], ["alice", "bob"]),
        (["hw1-submissions/hw1-alice/hw1.ipynb", "hw1-submissions/hw1-bob/hw1.ipynb"], ["alice", "bob"]),
        (["class/hw1-submissions/hw1-alice/hw1.ipynb"], ["alice"]),
        (["export/alice/hw1.ipynb", "export/bob/hw1.ipynb"], ["alice", "bob"]),
        (["A B_1_assignsubmission_file_/x.ipynb", "A B_2_assignsubmission_file_/x.ipynb"], ["A B_1", "A B_2"]),
        (["ab_1_2_hw1.ipynb", "ab_LATE_3_4_hw1.ipynb"], ["ab_1", "ab_3"]),
        (["./", "./alice/hw1.ipynb", "bob/", "bob/hw1.ipynb"], ["alice", "bob"]),
    ],
)
def test_a_class_in_an_archive(tmp_path: Path, names: list[str], students: list[str]) -> None:
    rows = gathered(archive(tmp_path / "class.zip", *((name, name) for name in names)), name="hw1")
    assert list(rows) == students
    for row in rows.values():
        assert text(row).removeprefix("./") == row.source
        assert row.submitted == NOON
        assert ZONELESS in row.notes


def test_an_archive_may_know_its_zone(tmp_path: Path) -> None:
    known = member("alice.ipynb")
    known.extra = struct.pack("<HHBi", 0x5455, 5, 1, int(NOON.replace(hour=7).timestamp()))
    cut = member("bob.ipynb")
    cut.extra = struct.pack("<HHB", 0x5455, 1, 1)
    never = member("carol.ipynb")
    never.date_time = (1980, 0, 0, 0, 0, 0)
    rows = gathered(archive(tmp_path / "class.zip", (known, "a"), (cut, "b"), (never, "c")))
    assert rows["alice"].submitted == NOON.replace(hour=7)
    assert rows["alice"].notes == ()
    assert rows["bob"].submitted == NOON
    assert rows["carol"].submitted is None
    assert text(rows["carol"]) == "c"


@pytest.mark.parametrize("name", ["alice.zip", "alice/work.zip", "alice/deep/work.ZIP"])
@pytest.mark.parametrize("in_class_archive", [False, True])
def test_a_student_may_hand_in_an_archive(tmp_path: Path, name: str, in_class_archive: bool) -> None:
    own = packed((member("hw/hw1.ipynb", hour=23), "Alice's"), (member("hw/old.ipynb", hour=1), "old"), folder=tmp_path)
    if in_class_archive:
        handed_in = archive(tmp_path / "class.zip", (member(name, hour=12), own), ("bob.ipynb", "Bob's"))
    else:
        handed_in = tmp_path / "class"
        file(handed_in / name).write_bytes(own)
        file(handed_in / "bob.ipynb")
    row = gathered(handed_in)["alice"]
    assert text(row) == "Alice's"
    assert row.source == f"{name}/hw/hw1.ipynb"
    assert f"the latest of 2 files: {name}/hw/hw1.ipynb, {name}/hw/old.ipynb" in row.notes


def test_the_clock_in_a_students_own_archive_is_not_the_time_of_submission(tmp_path: Path) -> None:
    own = packed((member("hw1.ipynb", hour=1), "Eve's"), folder=tmp_path)
    rows = gathered(archive(tmp_path / "class.zip", (member("eve.zip", hour=23), own), ("bob.ipynb", "Bob's")))
    assert rows["eve"].submitted == NOON.replace(hour=23)


def test_an_archive_beside_a_notebook_stays_closed(tmp_path: Path) -> None:
    own = packed(("hw1.ipynb", "in the archive"), folder=tmp_path)
    rows = gathered(
        archive(tmp_path / "c.zip", ("a/x.ipynb", "beside"), ("a/y.zip", own), ("b/n.md", "n"), ("b/y.zip", own))
    )
    assert text(rows["a"]) == "beside"
    assert text(rows["b"]) == "in the archive"


def test_archives_in_a_students_archive_stay_closed(tmp_path: Path) -> None:
    inner = packed(("hw1.ipynb", "Eve's"), folder=tmp_path)
    outer = packed(("inner.zip", inner), folder=tmp_path)
    rows = gathered(archive(tmp_path / "class.zip", ("eve.zip", outer)))
    assert rows["eve"].problem == "no notebook in it (found: inner.zip)"


# Hostile ones.


@pytest.mark.parametrize(
    ("name", "student"),
    [
        ("../evil.ipynb", r"..\x2fevil"),
        ("../../../../tmp/evil.ipynb", r"..\x2f..\x2f..\x2f..\x2ftmp\x2fevil"),
        ("/etc/evil.ipynb", r"\x2fetc\x2fevil"),
        ("C:/evil.ipynb", r"C:\x2fevil"),
        ("C:evil.ipynb", "C:evil"),
        (r"\\server\evil.ipynb", r"\x2f\x2fserver\x2fevil"),
        ("eve/../../evil.ipynb", "eve"),
        ("eve/../alice/hw1.ipynb", "eve"),
        (r"eve\..\alice\hw1.ipynb", "eve"),
        (r"eve\hw1.ipynb", "eve"),
        ("eve//hw1.ipynb", "eve"),
        ("eve/" + "x/" * 12 + "hw1.ipynb", "eve"),
    ],
)
def test_a_path_that_leads_elsewhere_is_a_row_with_its_reason(tmp_path: Path, name: str, student: str) -> None:
    given = archive(tmp_path / "in" / "class.zip", ("alice/hw1.ipynb", "Alice's"), (name, "evil"))
    rows = gathered(given)
    assert set(rows) == {"alice", student}
    assert text(rows["alice"]) == "Alice's"
    assert rows["alice"].notes == (ZONELESS,)
    assert any(word in rows[student].problem for word in ("leads out", "backslashes", "folders deep"))
    written = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file())
    number = sorted(rows).index("alice") + 1
    assert written == ["in/class.zip", f"in/workspace/{number:03d}.ipynb"]


def encrypted(folder: Path, name: str) -> Path:
    path = archive(folder / "class.zip", (name, "secret"), ("alice.ipynb", "Alice's"))
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(archives.DIRECTORY_HEADER) + 8] |= 1
    path.write_bytes(data)
    return path


def squeezed(name: str) -> zipfile.ZipInfo:
    line = member(name)
    line.compress_type = zipfile.ZIP_LZMA
    return line


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda f: archive(f / "c.zip", (member("eve.ipynb", mode=stat.S_IFLNK | 0o777), "/etc/passwd")), LINK),
        (lambda f: archive(f / "c.zip", (member("eve/hw1.ipynb", mode=stat.S_IFLNK | 0o777), "/etc/passwd")), LINK),
        (lambda f: archive(f / "c.zip", (member("eve.ipynb", mode=stat.S_IFIFO | 0o777), "")), NO_FILE),
        (lambda f: encrypted(f, "eve.ipynb"), "it is encrypted"),
        (lambda f: archive(f / "c.zip", (squeezed("eve.ipynb"), "x")), "compressed in an unusual way (14)"),
        (lambda f: archive(f / "c.zip", ("eve.ipynb", bytes(10**7))), "as only a zip bomb does"),
        (lambda f: archive(f / "c.zip", ("eve.ipynb", NOISE * 21)), "more than the 20 MB"),
        (lambda f: archive(f / "c.zip", ("eve/hw1.ipynb", "x"), *((f"eve/{n}", NOISE * 9) for n in "abc")), "25 MB"),
    ],
)
def test_a_hostile_entry_is_a_row_with_its_reason(tmp_path: Path, make, says: str) -> None:
    path = make(tmp_path)
    with zipfile.ZipFile(path, "a") as more:
        more.writestr(member("bob.ipynb"), "Bob's")
    rows = gathered(path)
    assert says in rows["eve"].problem
    assert text(rows["bob"]) == "Bob's"
    assert list((tmp_path / "workspace").glob("*")) == [rows["bob"].path] or "alice" in rows


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_path_twice_in_an_archive(tmp_path: Path) -> None:
    rows = gathered(archive(tmp_path / "c.zip", ("eve.ipynb", "one"), ("eve.ipynb", "two"), ("bob.ipynb", "Bob's")))
    assert rows["eve"].problem == "it is in the archive twice: which of the two counts?"
    assert text(rows["bob"]) == "Bob's"


def test_a_size_that_is_a_lie_is_found_out(tmp_path: Path) -> None:
    path = archive(tmp_path / "c.zip", ("eve.ipynb", bytes(10**7)), ("bob.ipynb", "Bob's"))
    data = bytearray(path.read_bytes())
    at = data.index(archives.DIRECTORY_HEADER) + 24
    data[at : at + 4] = struct.pack("<I", 1000)
    path.write_bytes(data)
    rows = gathered(path)
    assert "cannot be unpacked" in rows["eve"].problem
    assert text(rows["bob"]) == "Bob's"


def test_damage_in_one_file_leaves_the_others(tmp_path: Path) -> None:
    path = archive(tmp_path / "c.zip", ("eve.ipynb", NOISE[:1000]), ("bob.ipynb", "Bob's"))
    data = bytearray(path.read_bytes())
    data[300] ^= 0xFF
    path.write_bytes(data)
    rows = gathered(path)
    assert "cannot be unpacked" in rows["eve"].problem
    assert text(rows["bob"]) == "Bob's"


def test_broken_files_without_end_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = bytearray(packed(*((f"{n:02d}.ipynb", "notebook") for n in range(30)), folder=tmp_path))
    for _ in range(30):  # the checksum of each is wrong
        at = own.index(archives.DIRECTORY_HEADER)
        own[at : at + 4] = b"DONE"
        own[at + 16] ^= 0xFF
    given = archive(tmp_path / "c.zip", ("eve.zip", bytes(own).replace(b"DONE", archives.DIRECTORY_HEADER)))
    tried = []
    read = Archive.read
    monkeypatch.setattr(Archive, "read", lambda self, found: tried.append(found.name) or read(self, found))
    problem = gathered(given)["eve"].problem
    assert len([name for name in tried if name.endswith(".ipynb")]) == 10
    assert problem.startswith("eve.zip/00.ipynb: it cannot be unpacked: Bad CRC-32")
    assert problem.endswith(" and 7 more")


@pytest.mark.parametrize("in_class_archive", [False, True])
def test_a_students_archive_that_is_none(tmp_path: Path, in_class_archive: bool) -> None:
    if in_class_archive:
        given = archive(tmp_path / "class.zip", ("eve.zip", "no zip at all"), ("bob.ipynb", "Bob's"))
    else:
        given = tmp_path / "class"
        file(given / "eve.zip", "no zip at all")
        file(given / "bob.ipynb", "Bob's")
    rows = gathered(given)
    assert rows["eve"].problem == "the archive cannot be read: File is not a zip file"
    assert text(rows["bob"]) == "Bob's"


def test_a_students_archive_has_the_limits_of_a_student(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flood = packed(*((f"{n}.ipynb", bytes(9 * 10**5)) for n in range(30)), folder=tmp_path)
    bomb = packed(("hw1.ipynb", bytes(10**7)), folder=tmp_path)
    crowd = packed(*((f"{n}", "") for n in range(20_001)), folder=tmp_path)
    rows = gathered(
        archive(tmp_path / "c.zip", ("a.zip", flood), ("b.zip", bomb), ("c.zip", crowd), ("bob.ipynb", "Bob's"))
    )
    assert "more than the 25 MB" in rows["a"].problem
    assert "zip bomb" in rows["b"].problem
    assert rows["c"].problem == "the archive holds more than 20,000 files"
    assert text(rows["bob"]) == "Bob's"


def test_a_crowd_of_files_is_counted_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive may state a small number and hold many; the headers cannot lie, wherever they lie."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as writing:
        for n in range(30):
            writing.writestr(f"{n}", "")
    data = bytearray(made.getvalue())
    end = data.rindex(b"PK\x05\x06")
    data[end + 8 : end + 12] = struct.pack("<HH", 1, 1)
    monkeypatch.setattr(archives, "MB", 7)  # so that headers lie across the pieces read
    monkeypatch.setattr(zipfile, "ZipFile", None)
    with pytest.raises(Unusable, match="more than 29 files"):
        Archive(io.BytesIO(data), most=29)


def test_a_class_that_is_a_bomb_altogether_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MOST_OF_CLASS", 10**6)
    path = archive(tmp_path / "c.zip", *((f"{n}.ipynb", bytes(9 * 10**5)) for n in range(2)))
    with pytest.raises(ValueError, match="as only a zip bomb does"):
        gathered(path)
    # One student alone is to blame here, and has a row.
    path = archive(tmp_path / "c.zip", ("eve.ipynb", bytes(10**8)), ("bob.ipynb", bytes(9 * 10**5)))
    assert not gathered(path)["bob"].problem


@pytest.mark.parametrize("data", [b"", b"no zip at all", b"PK\x05\x06" + bytes(17)])
def test_a_class_archive_that_is_none_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "class.zip").write_bytes(data)
    with pytest.raises(ValueError, match=r"class\.zip cannot be read: the archive cannot be read"):
        gathered(tmp_path / "class.zip")
    archive(tmp_path / "class.zip")
    with pytest.raises(ValueError, match="There are no submissions"):
        gathered(tmp_path / "class.zip")


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_damage_whatever_crashes_the_reader(data: st.DataObject) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as writing:
        for name in ("alice.ipynb", "bob/hw1.ipynb", "bob/"):
            line = member(name)
            line.extra = struct.pack("<HHBi", 0x5455, 5, 1, 10**9)
            writing.writestr(line, "" if name.endswith("/") else "text" * 50)
    damaged = bytearray(made.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    reasons = []
    try:
        tree = Archive(io.BytesIO(damaged))
    except Unusable as reason:
        reasons.append(str(reason))
    else:
        for found in (found for found in tree.contents(()) if found.kind == "file"):
            try:
                assert len(tree.read(found)) <= 200
            except Unusable as reason:
                reasons.append(str(reason))
    assert all(reason and reason.isprintable() for reason in reasons)


def test_a_time_of_an_archive_is_aware(tmp_path: Path) -> None:
    (row,) = gathered(archive(tmp_path / "c.zip", (member("alice.ipynb", hour=9), "x"))).values()
    assert row.submitted == datetime(2025, 3, 1, 9, tzinfo=UTC)
