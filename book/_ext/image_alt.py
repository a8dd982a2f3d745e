"""Sphinx extension: every image says in words what one sees, or the build warns (and warnings are errors)."""

import re
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

SHORTEST = 20
FILE_NAME = re.compile(r"\S+\.(png|svg|jpe?g|gif|webp|pdf)", re.IGNORECASE)


def complaint(alt: str | None) -> str | None:
    """What is wrong with this alternative text, or None."""
    if alt is None or not alt.strip():
        return "has no alternative text"
    if FILE_NAME.fullmatch(alt.strip()):
        return f"has a file name for its alternative text: {alt!r}"
    if len(alt.strip()) < SHORTEST:
        return f"has an alternative text of {len(alt.strip())} characters, {SHORTEST} at least are wanted: {alt!r}"
    return None


def check_images(app: Sphinx, doctree: nodes.document) -> None:
    """Warn of each image that a reader who cannot see it would miss."""
    for image in doctree.findall(nodes.image):
        wrong = complaint(image.get("alt"))
        if wrong:
            where = image if image.line or image.source else (app.env.docname, None)
            advice = (
                "write `alt:` under `mystnb: {image: …}` of the cell, or in the brackets of ![…](…): what does one see?"
            )
            logger.warning("an image %s; %s", wrong, advice, location=where, type="course", subtype="alt")


def setup(app: Sphinx) -> dict[str, Any]:
    app.connect("doctree-read", check_images)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
