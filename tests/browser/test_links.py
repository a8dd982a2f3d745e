"""Every link within the built book leads to a page, and to an anchor that the page has."""

from pathlib import Path

import pytest

from tests.browser.links import broken_links

HTML = Path(__file__).parents[2] / "_build" / "html"
PLANTED = """<!doctype html>
<html lang="en"><head><title>Planted defects</title></head><body><div id="here"></div>
<a href="#nowhere">no anchor</a> <a href="missing.html">no file</a> <a href="#here">fine</a>
</body></html>
"""


def test_every_internal_link_resolves() -> None:
    if not (HTML / "book" / "index.html").is_file():
        pytest.skip("there is no book in _build/html: build it with `make html`")
    assert {page: links for page, links in broken_links(HTML).items() if links} == {}


def test_planted_broken_links_are_seen(tmp_path: Path) -> None:
    (tmp_path / "defects.html").write_text(PLANTED, encoding="utf-8")
    assert broken_links(tmp_path) == {
        "defects.html": ["#nowhere: the page has no such anchor", "missing.html: there is no such file"]
    }
