"""Where the chapters of the book are, and what each says about itself: title, lectures, minutes, exercises."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from course_gan.myst.fences import Directive, Prose, parse, walk

PACKAGE = Path(__file__).resolve().parent
CHAPTER_FILES = "[0-9][0-9]-*.md"
REQUIRED = ("jupytext", "kernelspec", "course", "course.lectures", "course.minutes")


@dataclass(frozen=True)
class Chapter:
    """One chapter; its id is the stem of its file, such as `02-divergences`."""

    id: str
    number: int
    title: str
    lectures: tuple[str, ...]
    minutes: int
    path: Path


@dataclass(frozen=True)
class Card:
    """What the chapter says about one exercise; the id is also its id in `course_gan.exercises`."""

    id: str
    title: str
    minutes: int
    points: int


def book_folder() -> Path:
    """The folder with the chapters: `book/` of a checkout, else the copy that is installed with the package."""
    places = (PACKAGE.parent / "book", PACKAGE / "_book")
    for place in places:
        if any(place.glob(CHAPTER_FILES)):
            return place
    looked = " and ".join(str(place) for place in places)
    raise ValueError(
        f"No chapters found: looked for files such as 02-divergences.md in {looked}. Install course-gan again."
    )


def all_chapters(folder: Path | None = None) -> list[Chapter]:
    """All chapters in order."""
    return [read(path) for path in sorted((folder or book_folder()).glob(CHAPTER_FILES))]


def planned(folder: Path | None = None) -> dict[int, str]:
    """Number and title of the chapters that the course's plan knows, written or not."""
    plan = (folder or book_folder()) / "_data" / "syllabus.yml"
    found = yaml.safe_load(plan.read_text(encoding="utf-8")) if plan.is_file() else {}
    return {int(number): str(entry["title"]) for number, entry in (found.get("chapters") or {}).items()}


def find(name: str, folder: Path | None = None) -> Chapter:
    """The chapter meant by "2", "02", "02-divergences" or "divergences"; else `ValueError` with the chapters' names."""
    paths = sorted((folder or book_folder()).glob(CHAPTER_FILES))
    wanted = name.strip().lower().removesuffix(".md").removesuffix(".ipynb")
    for path in paths:
        number, _, rest = path.stem.partition("-")
        if wanted in (path.stem.lower(), rest.lower()) or (wanted.isdecimal() and int(wanted) == int(number)):
            return read(path)
    there = ", ".join(path.stem for path in paths) or "none"
    raise ValueError(f"There is no chapter {name!r}. The chapters are: {there}. A number will do, too.")


def read(path: Path) -> Chapter:
    """The chapter in one file; `ValueError` names the file and what is missing in its front matter."""
    text = path.read_text(encoding="utf-8")
    matter = front_matter(text, path)
    for key in REQUIRED:
        _require(matter, key, path)
    course = matter["course"]
    lectures, minutes = course["lectures"], course["minutes"]
    if not isinstance(lectures, list):
        raise ValueError(f"{path}: course.lectures in the front matter is {lectures!r}; write a list such as [A1, A2].")
    if not isinstance(minutes, int):
        raise ValueError(f"{path}: course.minutes in the front matter is {minutes!r}; write a whole number.")
    number = re.match(r"\d+", path.stem)
    return Chapter(
        id=path.stem,
        number=int(number[0]) if number else 0,
        title=_title(text, path),
        lectures=tuple(str(item) for item in lectures),
        minutes=minutes,
        path=path,
    )


def front_matter(text: str, path: Path) -> dict[str, Any]:
    """The YAML between the first two lines `---`."""
    found = re.match(r"---[ \t]*\n(.*?\n)---[ \t]*(\n|$)", text, flags=re.DOTALL)
    if found is None:
        raise ValueError(f"{path}: no front matter. The file must begin with a block between two lines `---`.")
    try:
        matter = yaml.safe_load(found[1])
    except yaml.YAMLError as error:
        raise ValueError(f"{path}: the front matter is not valid YAML: {error}") from error
    if not isinstance(matter, dict):
        raise ValueError(f"{path}: the front matter holds no keys; wanted are {', '.join(REQUIRED)}.")
    return matter


def exercise_cards(chapter: Chapter) -> list[Card]:
    """The exercises of a chapter as their boxes announce them: "●○○ · 5 minutes · 2 points"."""
    blocks = walk(parse(chapter.path.read_text(encoding="utf-8")))
    cards, announced = [], None
    for block in blocks:
        if isinstance(block, Directive) and block.name == "exercise-start":
            announced = block
        elif announced is not None and isinstance(block, Prose):
            text = "\n".join(block.lines)
            counts = [re.search(rf"(\d+) {word}", text) for word in ("minute", "point")]
            minutes, points = (int(count[1]) if count else 0 for count in counts)
            cards.append(Card(announced.label, announced.argument, minutes, points))
            announced = None
    return cards


@cache
def book_config(folder: Path | None = None) -> dict[str, Any]:
    """The book's `_config.yml`, from the checkout or from the wheel; empty where it does not travel along."""
    folder = folder or book_folder()
    for place in (folder.parent / "_config.yml", folder / "_config.yml"):
        if place.is_file():
            config = yaml.safe_load(place.read_text(encoding="utf-8"))
            return config if isinstance(config, dict) else {}
    return {}


def setting(config: Mapping[str, Any], keys: str) -> Any:
    """A value deep inside of a configuration, such as `setting(config, "repository.url")`; None if it is not there."""
    value: Any = config
    for key in keys.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def package_source(config: Mapping[str, Any], ref: str = "") -> str:
    """Where pip finds the package: in the repository, at a tag or commit if one is given, else on the index.

    A package on its index would do as well, but the repository always has the version of the chapters.
    """
    if repository := setting(config, "repository.url"):
        return f"git+{repository}@{ref}" if ref else f"git+{repository}"
    return f"course-gan=={ref.removeprefix('v')}" if ref else "course-gan"


def _require(matter: dict[str, Any], key: str, path: Path) -> None:
    if setting(matter, key) is None:
        raise ValueError(f"{path}: the front matter has no `{key}`. Copy the front matter of another chapter.")


def _title(text: str, path: Path) -> str:
    for block in parse(text):
        if isinstance(block, Prose):
            for line in block.lines:
                if line.startswith("# "):
                    return line[2:].strip()
    raise ValueError(f"{path}: the chapter has no title. Write a line such as `# Divergences` after the front matter.")
