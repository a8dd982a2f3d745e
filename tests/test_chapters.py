"""The chapters are found by any of their names, and a chapter that says too little about itself is refused."""

from pathlib import Path

import pytest

from course_gan import chapters
from tests.notebooks.planted import FRONT_MATTER


@pytest.fixture
def book(tmp_path: Path) -> Path:
    for stem, title in (("02-divergences", "Divergences"), ("10-architectures", "Architectures")):
        (tmp_path / f"{stem}.md").write_text(f"{FRONT_MATTER}\n# {title}\n\nText.\n", encoding="utf-8")
    (tmp_path / "glossary.md").write_text("# Glossary\n", encoding="utf-8")
    return tmp_path


def test_all_chapters_are_found_in_order_and_other_pages_are_not(book):
    assert [chapter.id for chapter in chapters.all_chapters(book)] == ["02-divergences", "10-architectures"]


@pytest.mark.parametrize("name", ["2", "02", "02-divergences", "divergences", "Divergences", "02-divergences.md"])
def test_a_chapter_answers_to_each_of_its_names(book, name):
    found = chapters.find(name, book)
    assert found == chapters.Chapter(
        id="02-divergences",
        number=2,
        title="Divergences",
        lectures=("A1", "B2"),
        minutes=5,
        path=book / "02-divergences.md",
    )


@pytest.mark.parametrize("name", ["1", "3", "diver", "glossary", ""])
def test_an_unknown_chapter_lists_those_that_exist(book, name):
    with pytest.raises(ValueError, match=r"02-divergences, 10-architectures"):
        chapters.find(name, book)


@pytest.mark.parametrize("key", ["jupytext", "kernelspec", "lectures", "minutes"])
def test_a_missing_key_of_the_front_matter_is_named_with_its_file(book, key):
    lines = FRONT_MATTER.split("\n")
    start = next(n for n, line in enumerate(lines) if line.strip().startswith(f"{key}:"))
    end = next(
        n for n in range(start + 1, len(lines)) if len(lines[n]) - len(lines[n].lstrip()) <= lines[start].find(key)
    )
    broken = book / "03-broken.md"
    broken.write_text("\n".join(lines[:start] + lines[end:]) + "\n# Broken\n", encoding="utf-8")
    with pytest.raises(ValueError, match=rf"03-broken\.md: .*{key}"):
        chapters.read(broken)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("# No front matter\n", "no front matter"),
        ("---\na: [1\n---\n# T\n", "not valid YAML"),
        ("---\n- a\n---\n# T\n", "holds no keys"),
        (FRONT_MATTER + "\nNo title.\n", "no title"),
        (FRONT_MATTER + "\n```python\n# a comment\n```\n", "no title"),
        (FRONT_MATTER.replace("[A1, B2]", "A1") + "# T\n", r"course\.lectures"),
        (FRONT_MATTER.replace("minutes: 5", "minutes: long") + "# T\n", r"course\.minutes"),
    ],
)
def test_a_malformed_chapter_is_refused_with_its_file_and_the_fault(book, text, complaint):
    broken = book / "04-broken.md"
    broken.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=rf"(?s)04-broken\.md.*{complaint}"):
        chapters.read(broken)


def test_the_cards_of_exercises_are_read_from_their_boxes(book):
    path = book / "02-divergences.md"
    box = (
        "```{exercise-start} KL from its definition\n:label: kl-divergence\n```\n●○○ · 5 minutes · 2 points\n\nText.\n"
    )
    path.write_text(path.read_text(encoding="utf-8") + box + "```{exercise-end}\n```\n", encoding="utf-8")
    cards = chapters.exercise_cards(chapters.read(path))
    assert cards == [chapters.Card("kl-divergence", "KL from its definition", 5, 2)]


def test_without_any_chapter_the_places_that_were_searched_are_named(monkeypatch, tmp_path):
    monkeypatch.setattr(chapters, "PACKAGE", tmp_path / "course_gan")
    with pytest.raises(ValueError, match="_book"):
        chapters.book_folder()


def test_the_chapters_of_a_wheel_are_found_inside_of_the_package(monkeypatch, book, tmp_path):
    installed = tmp_path / "site-packages" / "course_gan"
    (installed / "_book").mkdir(parents=True)
    (installed / "_book" / "02-divergences.md").write_bytes((book / "02-divergences.md").read_bytes())
    monkeypatch.setattr(chapters, "PACKAGE", installed)
    assert chapters.find("2").path == installed / "_book" / "02-divergences.md"


def test_every_chapter_of_the_book_can_be_read():
    for chapter in chapters.all_chapters():
        assert chapter.title
        assert chapter.minutes > 0
        assert chapter.number == int(chapter.id[:2])
        assert chapters.planned()[chapter.number] == chapter.title


def test_the_boxes_of_the_book_promise_the_points_that_the_exercises_give():
    from course_gan.exercises import EXERCISES

    for chapter in chapters.all_chapters():
        for card in chapters.exercise_cards(chapter):
            assert card.id in EXERCISES
            assert (card.title, card.points) == (EXERCISES[card.id].title, EXERCISES[card.id].points)
            assert card.minutes > 0
