"""Sphinx extension: a page shows the outputs of a run of the code as it is now, or the build stops."""

from pathlib import Path
from typing import Any

import runs
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError


def require_fresh_runs(app: Sphinx) -> None:
    """Fill the cache from the stored runs; refuse a notebook whose run is missing or older than its code."""
    root = Path(app.srcdir)
    stale = [path.stem for path in runs.fill_cache(root)]
    if stale:
        raise ExtensionError(
            f"no run of the present code for {', '.join(stale)}: run `make chapters`, then build again"
        )


def setup(app: Sphinx) -> dict[str, Any]:
    # Before myst-nb opens the cache.
    app.connect("builder-inited", require_fresh_runs, priority=100)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
