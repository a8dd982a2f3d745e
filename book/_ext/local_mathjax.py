"""Sphinx extension: put the pinned MathJax of node_modules beside the book, so that formulas need no network."""

from pathlib import Path
from shutil import copyfile
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ExtensionError

# One file with every TeX extension in it: with the smaller bundles a single autoloaded macro stops all formulas.
BUNDLE = Path("node_modules/mathjax/es5/tex-svg-full.js")
# Generated files that belong to the output's _static; named in html_static_path of _config.yml.
ASSETS = Path("_build/assets")


def provide_mathjax(app: Sphinx, config: Config) -> None:
    """Copy the bundle to _build/assets/mathjax, or stop and say which command fetches it."""
    root = Path(app.srcdir)
    if not (root / BUNDLE).is_file():
        raise ExtensionError(f"{BUNDLE} is missing, so formulas could not be shown: run npm install --ignore-scripts")
    target = root / ASSETS / "mathjax" / BUNDLE.name
    target.parent.mkdir(parents=True, exist_ok=True)
    copyfile(root / BUNDLE, target)


def setup(app: Sphinx) -> dict[str, Any]:
    # Before Sphinx looks whether the folders of html_static_path exist (priority 800).
    app.connect("config-inited", provide_mathjax, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
