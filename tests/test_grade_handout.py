"""What is handed out holds no solution and no secret, and an honest student gets by with what is in it."""

import ast
import inspect
import json
import re
import textwrap
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from course_gan.chapters import find
from course_gan.check import evaluate
from course_gan.exercises import EXERCISES, Exercise
from course_gan.grade.dates import in_words, late_rule
from course_gan.grade.handout import Handout, backup_of, public_text, read_handout, taken, write_folder
from course_gan.grade.handout_files import files, readme, requirement
from course_gan.grade.handout_notebook import GO_ON_FROM, IMPORTS, assignment_notebook, card_of, with_variant
from course_gan.grade.model import LatePolicy
from course_gan.notebook_check import find_checks
from tests.exercise_cells import cells_of
from tests.test_student import leftovers

DUE = datetime.fromisoformat("2026-12-01T23:59+01:00")
VARIANT = 'Give the divergence in bits, not nats: divide by $\\log 2$, and say "why".'
each_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)


def handout(*exercises: str, **changes: object) -> Handout:
    return Handout(exercises=exercises, **({"name": "week-1", "title": "Week 1", "due": DUE} | changes))


def code_cells(notebook: nbformat.NotebookNode, tag: str) -> list[str]:
    return [cell.source for cell in notebook.cells if tag in cell.metadata.get("tags", [])]


def solution_of(exercise: Exercise) -> str:
    """The chapter's own cell that defines the function."""
    name = exercise.reference.__name__
    return next(source for source in cells_of(exercise.chapter)[exercise.id].solution if f"def {name}(" in source)


def lines_of(*sources: str) -> set[str]:
    """The lines that say something."""
    return {line.strip() for source in sources for line in source.split("\n") if len(line.strip()) > 12}


def secret_lines(exercise: Exercise) -> set[str]:
    """The lines of all right answers, of hints and of the words of a solution, less those that anybody may see."""
    cells = cells_of(exercise.chapter)[exercise.id]
    hints = re.findall(r"```\{dropdown\} Hint\n(.*?)```", cells.markdown, flags=re.DOTALL)
    answers = [inspect.getsource(answer) for answer in (exercise.reference, *exercise.alternatives)]
    shown = lines_of(cells.markdown.split("```{dropdown} Hint")[0], *cells.stub, *cells.check, IMPORTS)
    docstring = lines_of(textwrap.dedent(exercise.reference.__doc__ or ""))
    signatures = {line for answer in answers for line in lines_of(answer) if line.startswith("def ")}
    return lines_of(*cells.solution, cells.words, *hints, *answers) - shown - docstring - signatures


@each_exercise
def test_an_honest_students_notebook_works_on_its_own(exercise: Exercise) -> None:
    """Imports as they stand, the published solution in the stub's place, and nothing else of the chapter."""
    notebook = assignment_notebook(handout(exercise.id))
    names: dict[str, object] = {}
    for cell in notebook.cells[2:]:
        if cell.cell_type == "code" and "check" not in cell.metadata.get("tags", []):
            source = solution_of(exercise) if "stub" in cell.metadata.get("tags", []) else cell.source
            exec(source, names)
    [(checked, function)] = find_checks(code_cells(notebook, "check")[0])[0]
    assert checked == exercise.id
    result = evaluate(exercise, names[function])
    assert result.passed, result.message


@each_exercise
def test_nothing_that_is_handed_out_gives_an_answer_away(exercise: Exercise) -> None:
    secret = secret_lines(exercise)
    assert secret
    for name, text in files(handout(exercise.id)).items():
        sources = [cell["source"] for cell in json.loads(text)["cells"]] if name.endswith(".ipynb") else [text]
        joined = "\n".join(source if isinstance(source, str) else "".join(source) for source in sources)
        assert lines_of(joined) & secret == set(), name
        for word in ("misconception", "reference", "course_gan.exercises", "seed ="):
            assert word not in joined, name


@each_exercise
def test_the_text_is_plain_markdown_and_says_where_it_comes_from(exercise: Exercise) -> None:
    notebook = assignment_notebook(handout(exercise.id))
    nbformat.validate(notebook)
    text = "\n\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert leftovers(text) == []
    chapter = find(exercise.chapter)
    assert f"## Exercise 1: {exercise.title}\n\n*From [chapter {chapter.number}](http" in text
    assert f"· {exercise.points} point" in text
    # A number means something only beside its chapter.
    for found in re.finditer(r"\b(?:Proposition|Theorem|Corollary|Figure|Exercise|formula) \(?\d+(?:\.\d+)?\)?", text):
        rest = text[found.end() : found.end() + 80]
        assert rest.startswith(":") or re.match(r"(?: “[^”]*”)? of \[chapter", rest), found[0] + rest
    for cell in notebook.cells:
        if cell.cell_type == "code" and "install" not in cell.source:
            assert max(map(len, cell.source.split("\n"))) <= 82


def test_a_reference_names_number_title_and_chapter() -> None:
    text = assignment_notebook(handout("closest-gaussian", "generator-losses", "kl-from-logits")).cells
    joined = "\n".join(cell.source for cell in text)
    assert re.search(
        r"Theorem 2\.\d+ “KL matches moments” of \[chapter 2\]\(https?://[^)]*02-divergences\.md\)", joined
    )
    assert re.search(r"both losses of formula \(3\.\d+\) of \[chapter 3\]", joined)
    assert r"\KL" not in joined


def test_exercises_that_go_on_from_another_say_so_only_where_it_is_missing() -> None:
    alone = assignment_notebook(handout("training-step"))
    together = assignment_notebook(handout("critic-step", "generator-step", "training-step"))
    remark = "“The critic's step” and “The generator's step”, which are not part of this assignment"
    assert sum(remark in cell.source for cell in alone.cells) == 1
    assert not any("not part of this assignment" in cell.source for cell in together.cells)
    assert set(GO_ON_FROM) | {other for others in GO_ON_FROM.values() for other in others} <= set(EXERCISES)


def test_the_notebook_has_one_setup_one_import_and_a_stub_and_a_check_for_each_exercise() -> None:
    notebook = assignment_notebook(handout("kl-divergence", "critic-loss"))
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert "%pip install" in code[0]
    assert "@v" in code[0]
    assert code[1] == f"{IMPORTS}\n\nfrom course_gan.check import check"
    assert [ast.parse(cell).body[0].name for cell in code[2::2]] == ["kl_divergence", "critic_loss"]
    assert code[3::2] == ['check("kl-divergence", kl_divergence)', 'check("critic-loss", critic_loss)']
    assert notebook.metadata.course_gan.exercises == ["kl-divergence", "critic-loss"]
    first = notebook.cells[0].source
    for said in (
        "# Week 1",
        "**Due Tuesday, December 1, 2026, 23:59 (UTC+01:00).**",
        "`course-gan check week-1.ipynb`",
    ):
        assert said in first
    assert "2 exercises · 4 points" in first


def test_the_same_assignment_is_the_same_bytes() -> None:
    assert files(handout("kl-divergence", "critic-loss")) == files(handout("kl-divergence", "critic-loss"))


def test_a_variant_stands_above_and_in_the_stub_and_has_no_check() -> None:
    notebook = assignment_notebook(handout("kl-divergence", "critic-loss", variants={"kl-divergence": VARIANT}))
    assert sum(f"> **In this assignment:** {VARIANT}" in cell.source for cell in notebook.cells) == 1
    stubs, checks = code_cells(notebook, "stub"), code_cells(notebook, "check")
    names: dict[str, object] = {}
    exec(stubs[0], names)
    assert VARIANT in " ".join(names["kl_divergence"].__doc__.split())
    assert "In this assignment" not in stubs[1]
    assert [find_checks(check)[0][0][0] for check in checks] == ["critic-loss"]
    assert notebook.metadata.course_gan.graded_only == ["kl-divergence"]
    assert "| 1 | KL from its definition | 2 | graded only |" in readme(
        handout("kl-divergence", variants={"kl-divergence": VARIANT})
    )


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1))
def test_a_stub_with_a_variant_stays_valid_whatever_the_text(text: str) -> None:
    for stub in (
        'def f(x):\n    """One line."""\n    raise E',
        'def f(x):\n    """Two.\n\n    Lines.\n    """\n    raise E',
    ):
        names: dict[str, object] = {}
        exec(with_variant(stub, text), names)
        assert " ".join(text.split()) in " ".join(names["f"].__doc__.split())


@pytest.mark.parametrize(
    ("exercises", "changes", "complaint"),
    [
        (("kl-divergense",), {}, "Did you mean 'kl-divergence'"),
        (("kl-divergence", "kl-divergence"), {}, "named twice"),
        (("critic-loss",), {"variants": {"kl-divergence": "x"}}, "not in this assignment"),
        (("critic-step",), {"variants": {"critic-step": "x"}}, "can have no variant"),
        (("critic-loss",), {"variants": {"critic-loss": "two\nlines"}}, "one line of text"),
        (("critic-loss",), {"title": "a\nb"}, "one line of text"),
    ],
)
def test_what_cannot_be_an_assignment_is_refused_with_the_reason(exercises, changes, complaint) -> None:
    with pytest.raises(ValueError, match=complaint):
        handout(*exercises, **changes)


@pytest.mark.parametrize("name", ["", "../week", "a b", "-x", ".x", "a/b", "week.1", "w" * 61, "a\n"])
def test_a_name_that_is_no_plain_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="wanted are up to 60 letters"):
        Handout(name, "T", ("kl-divergence",))


# --- files beside the notebook -----------------------------------------------------------------------------------


def test_the_workflows_run_the_check_and_have_no_rights_and_no_secrets() -> None:
    texts = files(handout("kl-divergence"))
    github, gitlab = texts[".github/workflows/check.yml"], texts[".gitlab-ci.yml"]
    workflow = yaml.safe_load(github)
    # YAML 1.1 reads the key `on` as true.
    assert set(workflow[True]) == {"push", "workflow_dispatch"}
    assert workflow["permissions"] == {"contents": "read"}
    assert workflow["concurrency"]["cancel-in-progress"] is True
    job = workflow["jobs"]["check"]
    assert job["timeout-minutes"] == 20
    assert job["steps"][0]["with"] == {"persist-credentials": False}
    assert all("@v" in step["uses"] for step in job["steps"] if "uses" in step)
    assert job["steps"][1]["with"]["cache"] == "pip"
    assert job["steps"][-1]["run"] == 'course-gan check week-1.ipynb --summary "$GITHUB_STEP_SUMMARY"'
    pipeline = yaml.safe_load(gitlab)["check"]
    assert pipeline["script"][-1] == "course-gan check week-1.ipynb --summary summary.md"
    assert pipeline["artifacts"]["when"] == "always"
    assert pipeline["artifacts"]["paths"] == ["summary.md"]
    for text in (github, gitlab):
        assert not re.search(r"secrets\.\w|secrets\[", text)
        assert "token" not in text
        assert "pull_request" not in text


def test_the_package_is_installed_at_the_version_that_wrote_the_assignment() -> None:
    texts = files(handout("kl-divergence", source="git+https://example.org/course@v1"))
    assert texts["requirements.txt"] == "course-gan @ git+https://example.org/course@v1\n"
    assert '%pip install --quiet "git+https://example.org/course@v1"' in json.dumps(texts["week-1.ipynb"]).replace(
        '\\\\\\"', '"'
    )
    assert requirement("course-gan==0.1.0") == "course-gan==0.1.0"


def test_the_readme_states_the_due_date_the_rule_and_what_the_workflow_is_worth() -> None:
    text = readme(handout("kl-divergence", "critic-loss"))
    for said in ("Due Tuesday, December 1, 2026, 23:59 (UTC+01:00)", "Up to 15 minutes late costs nothing"):
        assert said in text
    assert (
        "Your marks come from secret inputs, in a box, after the due date.\nThe workflow gives feedback only." in text
    )
    assert f"{card_of('kl-divergence').points} | yes |" in text
    assert not re.search(r"\{\w+\}", text)


@pytest.mark.parametrize(
    ("late", "words"),
    [
        (
            LatePolicy(),
            "Up to 15 minutes late costs nothing; each day begun after that takes 10 % off the points. More",
        ),
        (LatePolicy(most_days=0), "Up to 15 minutes late costs nothing; after that there are no points."),
        (LatePolicy(per_day=1.0), "after that there are no points."),
        (LatePolicy(per_day=0.0), "nor do the days after it. More than 7 days late, there are no points."),
        (LatePolicy(most_days=1, per_day=0.125), "takes 12.5 % off the points. More than 1 day late"),
    ],
)
def test_the_rule_for_late_work_is_said_in_words(late: LatePolicy, words: str) -> None:
    assert words in late_rule(late)


def test_a_due_date_is_in_words_in_every_locale() -> None:
    assert in_words(datetime(2027, 1, 3, 8, 5, tzinfo=UTC)) == "Sunday, January 3, 2027, 08:05 (UTC)"


# --- on the disk -------------------------------------------------------------------------------------------------


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    wanted = handout(
        *("kl-divergence", "critic-loss"),
        title='A "title" with \\ and ü 𝛼',
        variants={"kl-divergence": VARIANT},
        late=LatePolicy(per_day=0.25, most_days=3),
    )
    (tmp_path / "assignment.toml").write_text(public_text(wanted), encoding="utf-8")
    assert read_handout(tmp_path) == wanted
    assert "scale" not in public_text(wanted)
    assert "seed" not in public_text(wanted)


def test_a_folder_that_is_none_of_ours_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no file .*assignment\.toml"):
        read_handout(tmp_path)
    (tmp_path / "assignment.toml").write_text("name = 3\n", encoding="utf-8")
    with pytest.raises(ValueError, match="is missing"):
        read_handout(tmp_path)


def test_a_folder_is_written_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "week-1"
    folder.mkdir()
    assert not taken(folder)
    write_folder(folder, {"a/b.txt": "1"})
    assert (folder / "a" / "b.txt").read_text(encoding="utf-8") == "1"
    assert taken(folder)
    with pytest.raises(ValueError, match="cannot be written"):
        write_folder(folder, {"c.txt": "2"})
    backup = backup_of(folder, datetime(2026, 1, 2, 3, 4, 5))
    write = Path.write_text

    def full(path: Path, text: str, **options: str) -> int:
        if path.name == "last.txt":
            raise OSError(28, "No space left on device")
        return write(path, text, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(ValueError, match="No space left"):
        write_folder(folder, {"first.txt": "2", "last.txt": "3"}, backup)
    assert [path.name for path in tmp_path.iterdir()] == ["week-1"]
    assert [path.name for path in folder.iterdir()] == ["a"]
    write_folder(folder, {"first.txt": "2"}, backup)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["week-1", "week-1.backup-20260102-030405"]
    assert (backup / "a" / "b.txt").exists()
    assert [path.name for path in folder.iterdir()] == ["first.txt"]
    assert backup_of(folder, datetime(2026, 1, 2, 3, 4, 5)).name == "week-1.backup-20260102-030405-2"
