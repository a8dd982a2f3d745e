"""Sphinx extension: a page shows the outputs of a run of the code as it is now, or the build stops."""

from pathlib import Path
from typing import Any

import runs
from filelock import Timeout
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util import logging

logger = logging.getLogger(__name__)


def one_at_a_time(app: Sphinx) -> None:
    """Let no other process write the cache and the pages until this build has ended."""
    lock = runs.build_lock(Path(app.srcdir))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        logger.info("another build of this book is running: waiting for its end")
        lock.acquire()


def release(app: Sphinx, error: Exception | None) -> None:
    """Let the next one build."""
    runs.build_lock(Path(app.srcdir)).release()


def require_fresh_runs(app: Sphinx) -> None:
    """Fill the cache from the stored runs; refuse a notebook whose run is missing or older than its code."""
    root = Path(app.srcdir)
    stale = [path.stem for path in runs.fill_cache(root)]
    if stale:
        raise ExtensionError(
            f"no run of the present code for {', '.join(stale)}: run `make chapters` (or: python -m pytest book), "
            "then build again"
        )


def setup(app: Sphinx) -> dict[str, Any]:
    # Before myst-nb opens the cache.
    app.connect("builder-inited", one_at_a_time, priority=90)
    app.connect("builder-inited", require_fresh_runs, priority=100)
    app.connect("build-finished", release, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
