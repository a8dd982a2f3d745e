"""The verdict on one function, and how it looks in a terminal and in a notebook."""

import html
import re
import shutil
import sys
import textwrap
from dataclasses import dataclass
from typing import Any

WIDEST = 88
VERBATIM = "    "  # lines of a message that begin like this show values or code

# Colors are inherited, so that the contrast is that of the page's own text, on light and on dark ground.
BOX = "border: 1px solid currentColor; border-left-width: 0.4em; padding: 0.5em 1em; overflow-wrap: anywhere"
PLAIN = "background: none; border: 0; box-shadow: none; color: inherit; padding: 0"


@dataclass(frozen=True)
class Result:
    """The verdict on one function; `message` is plain text for the learner.

    `case` is the label of the first wrong case and `misconception` the name of the known wrong answer that was given,
    if it was one.  `points` are those earned.
    """

    passed: bool
    message: str
    exercise: str
    case: str | None = None
    misconception: str | None = None
    points: int = 0
    sentences: tuple[str, ...] = ()  # of the message, those that say what is wrong, without the inputs of the case
    shown_in: int | None = None  # the notebook cell (its execution count) that has displayed it already

    @property
    def heading(self) -> str:
        """One line: the exercise and its verdict."""
        return f"✓ {self.exercise}: passed" if self.passed else f"✗ {self.exercise}: not yet"

    def __repr__(self) -> str:
        return f"<{self.exercise}: {'passed' if self.passed else 'not yet'}>"

    def _ipython_display_(self) -> None:
        """Displayed by the check, it is not displayed once more as the value of the same cell."""
        shell = notebook_shell()
        if shell is None or self.shown_in != shell.execution_count:
            show(self)


def notebook_shell() -> Any:
    """The running IPython shell (of a notebook or a terminal), or None."""
    ipython = sys.modules.get("IPython")
    return ipython.get_ipython() if ipython is not None else None


def show(result: Result) -> None:
    """Display a result in a notebook, print it elsewhere."""
    if notebook_shell() is not None:
        from IPython.display import display  # IPython runs already

        display({"text/plain": as_text(result), "text/html": as_html(result)}, raw=True)  # type: ignore[no-untyped-call]
        return
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    width = min(WIDEST, max(40, shutil.get_terminal_size((WIDEST, 24)).columns))
    print(as_text(result, width).encode(encoding, errors="replace").decode(encoding))


def as_text(result: Result, width: int = WIDEST) -> str:
    """The heading and the message, wrapped for a terminal."""
    lines = []
    for line in result.message.splitlines():
        hanging = "      " if line.startswith(VERBATIM) else "  "
        wrapped = textwrap.wrap(
            "  " + line, width, subsequent_indent=hanging, break_on_hyphens=False, replace_whitespace=False
        )
        lines.extend(wrapped or [""])
    return "\n".join([result.heading, "", *lines])


def as_html(result: Result) -> str:
    """The same text as a box that takes its colors from the page and needs nothing from outside."""
    kind = "passed" if result.passed else "not-yet"
    parts = [f"<p><strong>{html.escape(result.heading)}</strong></p>"]
    parts.extend(_block(block) for block in re.split(r"\n{2,}", result.message) if block.strip())
    return f'<div class="course-check course-check-{kind}" role="status" style="{BOX}">{"".join(parts)}</div>'


def _block(block: str) -> str:
    text = html.escape(block)
    if block.startswith(VERBATIM):
        return f'<pre style="{PLAIN}; white-space: pre-wrap">{textwrap.dedent(text)}</pre>'
    return "<p>" + re.sub(r"`([^`\n]+)`", rf'<code style="{PLAIN}">\1</code>', text) + "</p>"
