"""The book's own Sphinx extensions: what they refuse, and where their links point."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import chapter_header
import fresh_runs
import local_mathjax
import pytest
import runs
from image_alt import complaint
from sphinx.errors import ExtensionError


@pytest.mark.parametrize(
    "alt", [None, "", "   ", "plot.png", "ab6f6fbe7d7c1.svg", "../images/a-long-file-name.jpeg", "A plot."]
)
def test_alternative_text_that_says_nothing_is_refused(alt: str | None) -> None:
    assert complaint(alt) is not None


def test_alternative_text_that_describes_is_accepted() -> None:
    assert complaint("Two bell curves, one of them moved to the right.") is None


def test_build_stops_where_a_run_is_stale(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runs, "fill_cache", lambda root: [root / "book" / "02-divergences.md"])
    with pytest.raises(ExtensionError, match="02-divergences: run `make chapters`"):
        fresh_runs.require_fresh_runs(SimpleNamespace(srcdir=str(tmp_path)))


def test_build_goes_on_where_every_run_is_fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    filled = []
    monkeypatch.setattr(runs, "fill_cache", lambda root: filled.append(root) or [])
    fresh_runs.require_fresh_runs(SimpleNamespace(srcdir=str(tmp_path)))
    assert filled == [tmp_path]


def test_a_second_build_waits_for_the_first(tmp_path: Path) -> None:
    app = SimpleNamespace(srcdir=str(tmp_path))
    fresh_runs.one_at_a_time(app)
    program = (
        "import sys, pathlib, runs; runs.build_lock(pathlib.Path(sys.argv[1])).acquire(timeout=float(sys.argv[2]))"
    )
    other = [sys.executable, "-c", program, str(tmp_path)]
    environment = os.environ | {"PYTHONPATH": str(Path(runs.__file__).parent)}
    done = subprocess.run([*other, "0"], env=environment, capture_output=True, text=True, check=False)
    assert "filelock._error.Timeout" in done.stderr
    waiting = subprocess.Popen([*other, "60"], env=environment)
    fresh_runs.release(app, None)
    assert waiting.wait() == 0


def test_build_without_mathjax_says_how_to_get_it(tmp_path: Path) -> None:
    with pytest.raises(ExtensionError, match="npm install --ignore-scripts"):
        local_mathjax.provide_mathjax(SimpleNamespace(srcdir=str(tmp_path)), SimpleNamespace())


def test_mathjax_is_put_where_the_pages_look_for_it(tmp_path: Path) -> None:
    bundle = tmp_path / local_mathjax.BUNDLE
    bundle.parent.mkdir(parents=True)
    bundle.write_text("// formulas", encoding="utf-8")
    local_mathjax.provide_mathjax(SimpleNamespace(srcdir=str(tmp_path)), SimpleNamespace())
    assert (tmp_path / "_build/assets/mathjax/tex-svg-full.js").read_text(encoding="utf-8") == "// formulas"


def test_cloud_buttons_open_the_student_notebook_of_the_release_branch() -> None:
    addresses = chapter_header.launch_addresses("https://github.com/someone/something", "02-divergences.ipynb")
    assert addresses == {
        "Open in Colab": "https://colab.research.google.com/github/someone/something/blob/notebooks/02-divergences.ipynb",
        "Open in Binder": "https://mybinder.org/v2/gh/someone/something/notebooks?labpath=02-divergences.ipynb",
    }
