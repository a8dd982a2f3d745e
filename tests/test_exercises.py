"""What every exercise must fulfil: these tests run over all of them, so a new exercise is tested by being there."""

import inspect
import re
from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from typing import Any

import pytest
import torch
from torch import Tensor

from course_gan.chapters import all_chapters, exercise_cards, find
from course_gan.check import evaluate
from course_gan.exercises import CHAPTERS, EXERCISES, Case, Exercise, Misconception, get
from course_gan.exercises.answers import normalize
from course_gan.exercises.compare import alike
from course_gan.exercises.core import cast
from course_gan.exercises.judge import reference_outputs
from course_gan.student import student_notebook
from tests.exercise_cells import cells_of, imported_names, run_in_chapter

SEEDS = range(5)

each_exercise = pytest.mark.parametrize("exercise", EXERCISES.values(), ids=EXERCISES)
each_misconception = pytest.mark.parametrize(
    ("exercise", "misconception"),
    [pytest.param(e, m, id=f"{e.id}: {m.name}") for e in EXERCISES.values() for m in e.misconceptions],
)
each_answer = pytest.mark.parametrize(
    ("exercise", "answer"),
    [
        pytest.param(e, answer, id=f"{e.id}: {answer.__name__}")
        for e in EXERCISES.values()
        for answer in (e.reference, *e.alternatives)
    ],
)


def in_dtype(exercise: Exercise, dtype: torch.dtype) -> Exercise:
    """The same exercise with all float inputs in `dtype`."""
    return replace(
        exercise,
        cases=lambda generator: [Case(cast(case.inputs, dtype), case.label) for case in exercise.cases(generator)],
    )


@each_answer
def test_right_answers_pass_however_they_are_written(exercise: Exercise, answer: Callable[..., Any]) -> None:
    for seed in SEEDS:
        result = evaluate(exercise, answer, seed)
        assert result.passed, result.message
        assert result.points == exercise.points


@each_answer
def test_right_answers_pass_with_float32_inputs(exercise: Exercise, answer: Callable[..., Any]) -> None:
    for seed in SEEDS:
        result = evaluate(in_dtype(exercise, torch.float32), answer, seed)
        assert result.passed, result.message


@each_misconception
def test_misconception_fails_with_its_own_sentence(exercise: Exercise, misconception: Misconception) -> None:
    for seed in SEEDS:
        result = evaluate(exercise, misconception.function, seed)
        assert not result.passed
        assert result.points == 0
        assert result.misconception == misconception.name, result.message
        assert misconception.sentence in result.message


def test_no_two_exercises_share_an_id() -> None:
    ids = [exercise.id for chapter in CHAPTERS for exercise in chapter.EXERCISES]
    assert sorted(EXERCISES) == sorted(ids)


def test_no_two_exercises_ask_for_functions_of_one_name() -> None:
    """In one notebook the second would replace the first."""
    names = [exercise.reference.__name__ for exercise in EXERCISES.values()]
    assert len(set(names)) == len(names)


@each_exercise
def test_misconceptions_differ_from_each_other(exercise: Exercise) -> None:
    cases = exercise.seeded_cases(0)
    counts = [len(reference_outputs(exercise, case)) for case in cases]
    inputs = [cast(case.inputs, torch.float64) for case in cases]
    outputs = {
        m.name: [normalize(exercise.call(m.function, *i), count) for i, count in zip(inputs, counts)]
        for m in exercise.misconceptions
    }
    assert len(outputs) == len(exercise.misconceptions) >= 3
    for one, other in combinations(outputs, 2):
        equal = [
            alike(a, b, exercise.allowed_error(case.inputs, a))
            for a, b, case in zip(outputs[one], outputs[other], cases)
        ]
        assert not all(equal), f"{one} and {other} cannot be told apart"


@each_exercise
def test_sentences_say_something(exercise: Exercise) -> None:
    for misconception in exercise.misconceptions:
        sentence = misconception.sentence
        assert len(sentence) >= 30
        assert sentence.endswith((".", ".)"))
        assert "*" not in re.sub("`[^`]+`", "", sentence)  # a terminal would show the stars of an emphasis
    sentences = [m.sentence for e in EXERCISES.values() for m in e.misconceptions]
    assert len(set(sentences)) == len(sentences)


@each_exercise
def test_reference_gives_no_nan(exercise: Exercise) -> None:
    for seed in SEEDS:
        for case in exercise.seeded_cases(seed):
            for output in reference_outputs(exercise, case):
                assert not output.isnan().any(), case.label


@each_exercise
def test_cases_are_plain_seeded_and_in_both_precisions(exercise: Exercise) -> None:
    first, again, other = exercise.seeded_cases(1), exercise.seeded_cases(1), exercise.seeded_cases(2)
    tensors = [[x for case in cases for x in case.inputs if isinstance(x, Tensor)] for cases in (first, again, other)]
    assert all(isinstance(x, Tensor | float | int | str | bool) for case in first for x in case.inputs)
    assert all(a.equal(b) for a, b in zip(tensors[0], tensors[1]))
    assert not all(a.equal(b) for a, b in zip(tensors[0], tensors[2]))
    assert {torch.float32, torch.float64} <= {x.dtype for x in tensors[0]}
    labels = [case.label for case in first]
    assert len(set(labels)) == len(labels)


@each_exercise
def test_exercise_is_worth_points_and_has_two_other_right_answers(exercise: Exercise) -> None:
    assert exercise.points > 0
    assert len(exercise.alternatives) >= 2
    assert EXERCISES[exercise.id] is exercise is get(exercise.id)


def test_unknown_exercise_is_answered_with_the_ids() -> None:
    with pytest.raises(ValueError, match=r"Did you mean 'kl-divergence'\?.*total-variation, kl-divergence"):
        get("kl-divergance")


# The chapters


def test_chapters_and_package_have_the_same_exercises() -> None:
    announced = [(card.id, chapter.id) for chapter in all_chapters() for card in exercise_cards(chapter)]
    assert sorted(announced) == sorted((e.id, e.chapter) for e in EXERCISES.values())


@each_exercise
def test_box_announces_title_and_points_of_the_package(exercise: Exercise) -> None:
    card = next(card for card in exercise_cards(find(exercise.chapter)) if card.id == exercise.id)
    assert (card.title, card.points) == (exercise.title, exercise.points)
    assert card.minutes > 0
    assert re.match(r"\s*[●○]{3} · ", cells_of(exercise.chapter)[exercise.id].markdown)


@each_exercise
def test_stub_fails_and_says_that_nothing_is_written_yet(exercise: Exercise) -> None:
    (stub,) = cells_of(exercise.chapter)[exercise.id].stub
    result = evaluate(exercise, run_in_chapter(exercise, [stub])[exercise.reference.__name__])
    assert not result.passed
    assert "Not written yet" in result.message


@each_exercise
def test_stub_has_signature_and_docstring_of_the_reference(exercise: Exercise) -> None:
    (source,) = cells_of(exercise.chapter)[exercise.id].stub
    stub = run_in_chapter(exercise, [source])[exercise.reference.__name__]

    def bare(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
        return [(p.name, p.default, p.kind) for p in inspect.signature(function).parameters.values()]

    assert bare(stub) == bare(exercise.reference)
    assert inspect.getdoc(stub) == inspect.getdoc(exercise.reference)


@each_exercise
def test_code_of_an_exercise_fits_the_box_on_the_page(exercise: Exercise) -> None:
    cells = cells_of(exercise.chapter)[exercise.id]
    for source in (*cells.stub, *cells.solution):
        assert max(len(line) for line in source.splitlines()) <= 82


@each_exercise
def test_stub_does_not_hide_a_name_that_the_chapter_imports(exercise: Exercise) -> None:
    assert exercise.reference.__name__ not in imported_names(exercise.chapter)


@each_exercise
def test_solution_of_the_chapter_passes(exercise: Exercise) -> None:
    cells = cells_of(exercise.chapter)[exercise.id]
    names = run_in_chapter(exercise, [*cells.stub, *cells.solution])
    result = evaluate(exercise, names[exercise.reference.__name__])
    assert result.passed, result.message


@each_exercise
def test_check_cell_checks_this_exercise_and_nothing_else(exercise: Exercise) -> None:
    name = exercise.reference.__name__
    assert cells_of(exercise.chapter)[exercise.id].check == [f'check("{exercise.id}", {name})']


@each_exercise
def test_hint_and_solution_are_folded_away(exercise: Exercise) -> None:
    cells = cells_of(exercise.chapter)[exercise.id]
    assert [gate.split("}")[0].removeprefix("```{") for gate in cells.gates] == [
        "exercise-start",
        "exercise-end",
        "solution-start",
        "solution-end",
    ]
    assert re.fullmatch(rf"```\{{solution-start\}} {exercise.id}\n:class: dropdown\n```", cells.gates[2])
    assert len(re.findall(r"^```\{dropdown\} Hint$", cells.markdown, re.MULTILINE)) == 1
    assert ":open:" not in cells.markdown
    assert cells.solution
    assert not cells.outside
    assert cells.words.strip()


@each_exercise
def test_student_notebook_has_stub_and_check_but_no_hint_and_no_solution(exercise: Exercise) -> None:
    cells = cells_of(exercise.chapter)[exercise.id]
    notebook = student_notebook(find(exercise.chapter))
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    assert cells.stub[0] in code
    assert cells.check[0] in code
    assert not set(cells.solution) & set(code)
    text = "\n".join(cell.source for cell in notebook.cells)
    hidden = re.search(r"\{dropdown\} Hint\n(.*?)\n```", cells.markdown, re.DOTALL)
    for line in (*hidden[1].splitlines(), *cells.words.splitlines()):
        assert not line.strip() or line not in text
    for line in cells.solution[0].splitlines()[1:]:
        assert len(line.strip()) < 20 or line not in text
