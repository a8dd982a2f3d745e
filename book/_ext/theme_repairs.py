"""Sphinx extension: mend what the theme and its companions get wrong on every page, as the browser tests found it."""

from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

REPLACEMENTS = {
    # The items of a list must be list items, for screen readers to count them.
    ' role="doc-biblioentry"': ' role="listitem"',
    # A name that differs from the words one sees; without it the words are the name.
    ' aria-label="Toggle hidden content"': "",
}


def disconnect_thebe(app: Sphinx) -> None:
    """Take out sphinx-thebe, which Jupyter Book always loads: its script is there twice, an error on every page."""
    for event, listeners in list(app.events.listeners.items()):
        for listener in list(listeners):
            # Its style sheet is linked already, so the listener that provides the file stays.
            if listener.handler.__module__ == "sphinx_thebe" and event != "builder-inited":
                app.disconnect(listener.id)


def mend_body(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: nodes.document | None) -> None:
    """Correct the attributes that hide a thing's name or role."""
    for wrong, right in REPLACEMENTS.items():
        if "body" in context:
            context["body"] = context["body"].replace(wrong, right)


def write_every_page(app: Sphinx, env: BuildEnvironment) -> set[str]:
    """Write all pages where one has changed: a new citation renumbers the anchors that other pages link to."""
    return set(env.found_docs)


def setup(app: Sphinx) -> dict[str, Any]:
    disconnect_thebe(app)
    app.connect("html-page-context", mend_body)
    app.connect("env-updated", write_every_page)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
