"""What README and CONTRIBUTING (and the workflows) name is there: the picture, commands, files, links."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from matplotlib.testing.compare import compare_images

from course_gan import plots

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "CONTRIBUTING.md")
TARGETS = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
# Made by the commands, or the part of a name that is to be filled in.
NOT_IN_GIT = re.compile(r"_build/|\.venv/|.*NN")


def code_of(text: str) -> str:
    """The code spans and code blocks of a page, without their comments."""
    code = re.findall(r"^```.*?^```|`[^`\n]+`", text, re.MULTILINE | re.DOTALL)
    return re.sub(r"  +#.*", "", "\n".join(code))


def make_targets(code: str) -> set[str]:
    return {target for targets in re.findall(r"\bmake((?: [a-z]+)+)", code) for target in targets.split()}


@pytest.mark.parametrize("page", PAGES)
def test_every_make_target_that_is_named_exists(page: str) -> None:
    named = make_targets(code_of((ROOT / page).read_text(encoding="utf-8")))
    assert named
    assert named <= TARGETS


@pytest.mark.parametrize(
    "file", [".ci/run", *(f".github/workflows/{name}.yml" for name in ("tests", "release", "gpu"))]
)
def test_every_make_target_that_a_machine_calls_exists(file: str) -> None:
    named = make_targets(re.sub(r"#.*", "", (ROOT / file).read_text(encoding="utf-8")))
    assert named
    assert named <= TARGETS


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_to_a_file(page: str) -> None:
    links = re.findall(r"\]\(([^)#]+)", (ROOT / page).read_text(encoding="utf-8"))
    inside = [link for link in links if not re.match(r"\w+:", link)]
    assert [link for link in inside if not (ROOT / link).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_every_file_that_is_named_exists(page: str) -> None:
    text = re.sub(r"^```.*?^```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    words = {word for span in re.findall(r"`([^`\n]+)`", text) for word in span.split()}
    files = {word for word in words if re.fullmatch(r"\.?[\w-][\w./-]*(/|\.(py|md|yml|txt|png|toml))", word)}
    files = {file for file in files if not NOT_IN_GIT.match(file)}
    assert files
    assert [file for file in files if not any((ROOT / folder / file).exists() for folder in ("", "book"))] == []


def test_the_picture_of_the_readme_is_what_the_package_draws_today(tmp_path: Path) -> None:
    with plt.rc_context():
        plots.use_style()
        figure = plots.cover()
        figure.savefig(tmp_path / "cover.png", dpi=120, facecolor="white")
        plt.close(figure)
    # Other versions of matplotlib smooth edges differently; without one of the 16 paths the difference is 20.
    difference = compare_images(str(ROOT / "book/_static/cover.png"), str(tmp_path / "cover.png"), tol=2)
    assert difference is None, difference
