"""The notebook of an assignment: an introduction, the imports, and each exercise with its stub and its check."""

import ast
import re
import textwrap
from collections.abc import Sequence
from functools import cache
from typing import Any

import nbformat
from nbformat import NotebookNode

from course_gan.chapters import Card, Chapter, all_chapters, exercise_cards, find
from course_gan.exercises import get
from course_gan.grade.dates import in_words
from course_gan.grade.handout import Handout
from course_gan.student import notebook_of, setup_cell
from course_gan.student_exercises import Part, exercise_parts

# The same in every assignment, so that the imports do not tell what a solution needs; the tests see to it that the
# chapters' own solutions get by with them.
IMPORTS = "import math\n\nimport torch\nfrom torch import Tensor, nn\nfrom torch.nn.functional import softplus"
IMPORT_CHECK = "from course_gan.check import check"
ALLOWED_WHILE_GRADING = ("numpy", "scipy", "torch")
# The text of these exercises goes on from that of others.
GO_ON_FROM = {
    "critic-loss": ("game-value",),
    "generator-losses": ("critic-loss",),
    "generator-step": ("critic-step",),
    "training-step": ("critic-step", "generator-step"),
    "unequal-shares": ("best-discriminator",),
    "f-gan-generator-step": ("f-gan-critic-step",),
}
WIDEST = 82  # of a line of code in a notebook
# Untyped.
new: Any = nbformat.v4


def assignment_notebook(handout: Handout) -> NotebookNode:
    """The student notebook of an assignment, the same bytes on each run."""
    checked = [exercise for exercise in handout.exercises if exercise not in handout.variants]
    imports = f"{IMPORTS}\n\n{IMPORT_CHECK}" if checked else IMPORTS
    cells = [new.new_markdown_cell(_introduction(handout)), setup_cell(handout.source), new.new_code_cell(imports)]
    for number, exercise in enumerate(handout.exercises, start=1):
        cells += _exercise(handout, number, exercise)
    about = {"assignment": handout.name, "exercises": checked, "graded_only": list(handout.variants)}
    return notebook_of(cells, handout.name, about)


@cache
def card_of(exercise: str) -> Card:
    """The title, minutes and points of an exercise as its chapter announces them."""
    return next(card for card in exercise_cards(find(get(exercise).chapter)) if card.id == exercise)


def totals(exercises: Sequence[str]) -> str:
    """How much there is to do: "3 exercises · 6 points · about 30 minutes"."""
    cards = [card_of(exercise) for exercise in exercises]
    points, minutes = sum(card.points for card in cards), sum(card.minutes for card in cards)
    parts = [f"{len(cards)} exercise{'s' * (len(cards) != 1)}", f"{points} point{'s' * (points != 1)}"]
    return " · ".join([*parts, f"about {minutes} minutes"])


def allowed() -> str:
    """What can be imported while grading, in words."""
    return f"{', '.join(ALLOWED_WHILE_GRADING[:-1])} and {ALLOWED_WHILE_GRADING[-1]}"


def _introduction(handout: Handout) -> str:
    due = f"**Due {in_words(handout.due)}.**\n" if handout.due else ""
    numbers = sorted({_chapter(exercise).number for exercise in handout.exercises})
    chapters = f"chapter {numbers[0]}" if len(numbers) == 1 else f"chapters {', '.join(map(str, numbers))}"
    return f"""# {handout.title}

{due}{totals(handout.exercises)}

Each exercise asks for one function.

1. Write it into the cell that raises `NotImplementedError`, in the place of that line.
   Keep the name and the arguments of the function; cells with helper functions of your own are welcome.
2. Run the check cell below it.
   It says at once whether the function is right and, if not, which mistake it is.
3. Save the notebook under its name, `{handout.notebook}`, and hand it in as the README says.
   `course-gan check {handout.notebook}` checks all exercises at once.

The checks are feedback; your marks come later, from inputs that nobody has seen.
For these the notebook is run from top to bottom in a box without a network.
There only Python's own library, {allowed()} can be imported, and of `course_gan` only `course_gan.check`:
write the formulas yourself.

The exercises are from {chapters} of the course.
`course-gan start {numbers[0]}` writes chapter {numbers[0]} as a notebook, with the numbers of theorems and formulas
that an exercise may refer to."""


def _exercise(handout: Handout, number: int, exercise: str) -> list[NotebookNode]:
    part, variant = _parts()[exercise], handout.variants.get(exercise, "")
    text = [new.new_markdown_cell(cell.source) for cell in part.text]
    for cell, original in zip(text, part.text):
        if "attachments" in original:
            cell.attachments = original.attachments
    heading = f"## Exercise {number}: {card_of(exercise).title}\n\n{_origin(exercise, handout.exercises)}"
    text[0].source = f"{heading}\n\n{text[0].source}"
    stub = part.stub
    if variant:
        text[-1].source += (
            f"\n\n> **In this assignment:** {variant}\n>\n"
            "> This differs from the book, so there is no check cell below; the exercise is graded all the same."
        )
        stub = with_variant(stub, variant)
    cells = [*text, new.new_code_cell(stub, metadata={"tags": ["stub"]})]
    if not variant:
        cells.append(new.new_code_cell(part.check, metadata={"tags": ["check"]}))
    return cells


def _origin(exercise: str, ids: Sequence[str]) -> str:
    """Where the exercise stands in the course, and which exercise is missing that its text goes on from."""
    line = f"*From {_parts()[exercise].chapter}, {_chapter(exercise).title}.*"
    missing = [f"“{card_of(other).title}”" for other in GO_ON_FROM.get(exercise, ()) if other not in ids]
    if not missing:
        return line
    there = "which is not part of this assignment" if len(missing) == 1 else "which are not part of this assignment"
    return f"{line}\n*There it follows {' and '.join(missing)}, {there} and not needed for it.*"


def with_variant(stub: str, text: str) -> str:
    """The stub with what the variant asks for at the end of its docstring."""
    function = next(node for node in ast.parse(stub).body if isinstance(node, ast.FunctionDef))
    lines, docstring = stub.split("\n"), function.body[0]
    assert docstring.end_lineno is not None
    last = docstring.end_lineno - 1
    inside = text.replace("\\", "\\\\").replace('"', '\\"')
    wrapped = textwrap.wrap(f"In this assignment: {inside}", WIDEST - 4, break_long_words=False, break_on_hyphens=False)
    added = textwrap.indent("\n".join(wrapped), "    ").split("\n")
    before = re.sub(r'\s*"""$', "", lines[last])
    return "\n".join([*lines[:last], *([before] if before.strip() else []), *added, '    """', *lines[last + 1 :]])


def _chapter(exercise: str) -> Chapter:
    return find(get(exercise).chapter)


@cache
def _parts() -> dict[str, Part]:
    return {exercise: part for chapter in all_chapters() for exercise, part in exercise_parts(chapter).items()}
