"""Checks all exercises of a learner's notebook: finds its check cells, runs it, and judges the functions they name.

This is for learners.  It runs in the learner's own process, so a result can be forged, and no mark should rest on it.
"""

import ast
import re
import secrets
import warnings
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from course_gan.chapters import Card, all_chapters, exercise_cards, find, setting
from course_gan.harvest import MIME
from course_gan.run_notebook import CellRun, Run, run_cells

CHECK_CALL = re.compile(r"""\bcheck\(\s*["']([\w-]+)["']\s*,\s*(\w+)""")
Status = Literal["passed", "wrong", "not started", "stopped", "not run", "no check"]


class UnusableNotebook(ValueError):
    """A file that cannot be checked; the message says why and what to do."""


@dataclass(frozen=True)
class Row:
    """The verdict on one exercise; `points` are those earned, `message` is what the check cell prints."""

    exercise: str
    status: Status
    sentence: str
    title: str = ""
    points: int = 0
    possible: int = 0
    message: str = ""


@dataclass(frozen=True)
class Report:
    """The verdicts on all exercises of a notebook, and what else the learner should know about its run."""

    rows: list[Row]
    notes: list[str]

    @property
    def passed(self) -> bool:
        """Whether every exercise is right."""
        return all(row.status == "passed" for row in self.rows)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        points, possible = sum(row.points for row in self.rows), sum(row.possible for row in self.rows)
        rows = [asdict(row) for row in self.rows]
        return {"passed": self.passed, "points": points, "possible": possible, "exercises": rows, "notes": self.notes}


@dataclass
class _Plan:
    """The cells to run: the learner's, numbered from 1, and ours, each with the id of the exercise it judges."""

    sources: list[str] = field(default_factory=list)
    owners: list[int | str] = field(default_factory=list)


def check_notebook(path: Path, limit: float, progress: Callable[[int, int], None] = lambda done, of: None) -> Report:
    """Run the notebook with `limit` seconds for each cell, and judge the functions that its check cells name."""
    notebook = read_notebook(path)
    nonce = secrets.token_hex(8)
    plan = _plan([cell.source for cell in notebook.cells if cell.cell_type == "code"], nonce)
    ids = [owner for owner in plan.owners if isinstance(owner, str)]
    graded_only = _listed(notebook, "graded_only")
    if not ids and not graded_only:
        raise UnusableNotebook(
            f'{path.name} has no check cells, that is, no calls such as check("kl-divergence", kl_divergence). '
            "Is it the notebook that `course-gan start` wrote? If the cells were deleted, run `course-gan start` in "
            "another folder and copy them from there."
        )
    count = len(plan.sources)
    imports = "import course_gan.check, course_gan.harvest as _; _.keep_kernel(); del _, course_gan"
    run = run_cells(plan.sources, path.resolve().parent, limit, lambda n: progress(n + 1, count), imports)
    cards = {card.id: card for chapter in all_chapters() for card in exercise_cards(chapter)}
    # An exercise that is checked twice counts as it stood last.
    rows = {owner: _row(owner, n, run, nonce, limit, cards) for n, owner in enumerate(plan.owners) if owner in ids}
    for card in _cards_of(notebook, cards):
        missing = Row(card.id, "no check", "Its check cell is not in this notebook.", card.title, 0, card.points)
        rows.setdefault(card.id, missing)
    notes = [f"“{exercise}” is graded, but cannot be checked here." for exercise in graded_only]
    return Report(list(rows.values()), [*_notes(plan, run, limit), *notes])


def read_notebook(path: Path) -> Any:
    """The notebook in an `.ipynb` file, or in a text file that jupytext knows."""
    import jupytext

    if not path.is_file():
        raise UnusableNotebook(f"There is no file {path}. Write one with `course-gan start CHAPTER`.")
    if path.suffix not in (".ipynb", ".md", ".py"):
        raise UnusableNotebook(f"{path.name} is no notebook: wanted is a file .ipynb, or a text notebook .md.")
    try:
        with warnings.catch_warnings():  # cells without ids, written by older programs, are no trouble here
            warnings.simplefilter("ignore")
            notebook = jupytext.read(path)
            [cell.source for cell in notebook.cells]
    except Exception as error:  # whatever is in the file: JSON that is none, no notebook, no text
        reason = " ".join(str(error).split())[:160]
        raise UnusableNotebook(
            f"{path.name} cannot be read as a notebook ({type(error).__name__}: {reason}). Open it in JupyterLab and "
            "save it again, or start afresh with `course-gan start`."
        ) from error
    return notebook


def find_checks(source: str) -> tuple[list[tuple[str, str]], bool]:
    """The calls `check("id", function)` in a cell, as (id, source of the function), and whether it holds only those."""
    from IPython.core import inputtransformer2

    magics: Any = inputtransformer2.TransformerManager  # untyped
    try:
        body = ast.parse(magics().transform_cell(source)).body
    except SyntaxError:  # the cell will raise when it is run; what it means to check is plain all the same
        return CHECK_CALL.findall(source), False
    calls = [node for statement in body for node in ast.walk(statement) if _is_check(node)]
    checks = [(call.args[0].value, ast.unparse(call.args[1])) for call in calls]  # type: ignore[attr-defined]
    return checks, all(isinstance(statement, ast.Expr) and _is_check(statement.value) for statement in body)


def _is_check(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or len(node.args) < 2:
        return False
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    return name == "check" and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str)


def _plan(sources: list[str], nonce: str) -> _Plan:
    """The learner's cells, with ours in the place of check cells: a name may mean another function further down."""
    plan = _Plan()
    for number, source in enumerate(sources, start=1):
        checks, nothing_else = find_checks(source)
        if not (checks and nothing_else):
            plan.sources.append(source)
            plan.owners.append(number)
        for exercise, function in checks:
            harvest = '__import__("course_gan.harvest", fromlist=["harvest"]).harvest'
            plan.sources.append(f"{harvest}({exercise!r}, lambda: ({function}), {nonce!r})")
            plan.owners.append(exercise)
    return plan


def _row(owner: Any, n: int, run: Run, nonce: str, limit: float, cards: dict[str, Card]) -> Row:
    cell, card = run.cells[n], cards.get(owner, Card(owner, "", 0, 0))
    if cell.state == "done" and (found := _harvested(cell, nonce)):
        return Row(exercise=owner, **found)
    status: Status = "wrong"
    sentence = cell.error
    if cell.state == "stopped":
        status, sentence = "stopped", f"Stopped after {limit:g} s: does a loop never end?"
    elif cell.state == "not run":
        status, sentence = "not run", "The kernel was lost before its turn came."
        if n == run.lost_in:
            sentence = f"Your function {run.why}."
    return Row(owner, status, sentence, card.title, 0, card.points)


def _harvested(cell: CellRun, nonce: str) -> dict[str, Any]:
    for output in cell.outputs:
        bundle = output.get("data", {}).get(MIME, {})
        if bundle.get("nonce") == nonce:
            return dict(bundle["row"])
    return {}


def _cards_of(notebook: Any, cards: dict[str, Card]) -> list[Card]:
    """The exercises of the chapter or assignment that the notebook says it is; none if it says nothing."""
    chapter = setting(notebook.metadata, "course_gan.chapter")
    found: list[Card] = []
    with suppress(ValueError):  # a chapter of another version of the course
        found = exercise_cards(find(chapter)) if chapter else []
    return found + [cards[exercise] for exercise in _listed(notebook, "exercises") if exercise in cards]


def _listed(notebook: Any, key: str) -> list[str]:
    """A list of exercises in the notebook's metadata, which a learner's program may have changed."""
    value = setting(notebook.metadata, f"course_gan.{key}")
    return [text for text in value if isinstance(text, str)] if isinstance(value, list) else []


def _notes(plan: _Plan, run: Run, limit: float) -> list[str]:
    notes = []
    for n, (owner, cell) in enumerate(zip(plan.owners, run.cells)):
        if isinstance(owner, str):
            continue
        first = next((line.strip() for line in plan.sources[n].split("\n") if line.strip()), "")
        where = f"Code cell {owner} (`{first[:50]}`)"
        if n == run.lost_in:
            notes.append(f"{where} {run.why}; nothing after it was run.")
        elif cell.state == "stopped":
            notes.append(f"{where} was stopped after {limit:g} s.")
        elif cell.error:
            notes.append(f"{where} raised {cell.error.rstrip('.')}.")
    return notes
