"""A planted project for the tests of the collector: chapters, a package, and pytest over them in its own process."""

import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
FRONT_MATTER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
course:
  lectures: [A1, B2]
  minutes: 5
---
"""


def code(source: str, *tags: str) -> str:
    """Return a code cell of a chapter."""
    option = f":tags: [{', '.join(tags)}]\n\n" if tags else ""
    return f"```{{code-cell}} ipython3\n{option}{source.strip()}\n```\n"


@dataclass(frozen=True)
class Outcome:
    """What became of one item: "passed", "failed", "skipped" or "error" (not collected), its text and its time."""

    result: str
    text: str
    seconds: float


@dataclass(frozen=True)
class Session:
    """What pytest said over the planted project."""

    items: dict[tuple[str, str], Outcome]  # by chapter and item: ("failing", "Cell 2")
    output: str

    def results(self, chapter: str) -> dict[str, str]:
        return {item: outcome.result for (name, item), outcome in self.items.items() if name == chapter}


class Project:
    """A folder with what the collector looks at: book/, course_gan/, constraints.txt."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for folder in ("book/results", "course_gan", "tests"):
            (root / folder).mkdir(parents=True)
        self.write("pytest.ini", "[pytest]\naddopts = --strict-config\nfilterwarnings = error\n")
        self.write("course_gan/__init__.py", "VALUE = 1\n")
        self.write("constraints.txt", "torch==1\n")

    def write(self, name: str, text: str) -> None:
        (self.root / name).write_text(text, encoding="utf-8")

    def edit(self, name: str, old: str, new: str) -> None:
        text = (self.root / name).read_text(encoding="utf-8")
        assert old in text
        self.write(name, text.replace(old, new))

    def chapter(self, stem: str, *parts: str) -> Path:
        self.write(f"book/{stem}.md", FRONT_MATTER + f"\n# {stem.capitalize()}\n\n" + "\n".join(parts))
        return self.root / "book" / f"{stem}.md"

    def environment(self, **variables: str) -> dict[str, str]:
        """Return the environment of a process run here: the plugin is importable, pytest's own variables are gone."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "COURSE_GAN_"))}
        return kept | {"PYTHONPATH": f"{REPOSITORY}{os.pathsep}{REPOSITORY / 'book' / '_ext'}"} | variables

    def pytest(self, *arguments: str, **variables: str) -> Session:
        """Run pytest with the collector over `book`, in a process of its own."""
        report = self.root / "report.xml"
        report.unlink(missing_ok=True)
        plugin = ["-p", "tests.notebooks.collector", "-p", "no:cacheprovider", f"--junitxml={report}"]
        command = [sys.executable, "-m", "pytest", *plugin, *(arguments or ["book"])]
        done = subprocess.run(
            command, cwd=self.root, env=self.environment(**variables), capture_output=True, text=True, timeout=300
        )
        output = done.stdout + done.stderr
        assert report.exists(), output
        return Session(dict(map(read, ElementTree.parse(report).iter("testcase"))), output)


def read(case: ElementTree.Element) -> tuple[tuple[str, str], Outcome]:
    """Return one test case of a JUnit report."""
    where = re.search(r"book\.([\w-]+)\.md", f"{case.get('classname')} {case.get('name')}")
    result, text = "passed", ""
    for child in case:
        if child.tag in {"failure", "error", "skipped"}:
            result = {"failure": "failed", "error": "error", "skipped": "skipped"}[child.tag]
            text = f"{child.get('message')}\n{child.text}"
    return (where[1] if where else "", str(case.get("name"))), Outcome(result, text, float(case.get("time", 0)))
