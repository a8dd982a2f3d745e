"""Marks follow from what came out of the box alone: points, partial points, sentences that give nothing hidden away."""

import math
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import torch

from course_gan import exercises
from course_gan.exercises.core import Exercise
from course_gan.exercises.judge import observe
from course_gan.exercises.observe import Outcome
from course_gan.grade import secret as secrets_of
from course_gan.grade.marking import STEP, Question, mark, partial_points, questions, varied
from course_gan.grade.model import Assignment, Graded, LatePolicy, Mark, Submission, Task, Variant
from course_gan.grade.submission import with_deduction

KL = exercises.get("kl-divergence")
HOMEWORK = Assignment("hw", "Homework", (Task("kl-divergence", 4.0),))
BITS = Variant(1 / math.log(2), "Give it in bits.")


def marked(function: Any, assignment: Assignment = HOMEWORK, exercise: Exercise = KL) -> Mark:
    """The mark for a function, without a box."""
    (question,) = questions(assignment, "a long secret")
    outcomes = [observe(exercise, function, case) for case in question.cases]
    return mark(question, outcomes, assignment)


def known(name: str) -> Any:
    return next(m for m in KL.misconceptions if m.name == name)


def test_the_right_answer_has_all_points_and_nothing_to_say() -> None:
    found = marked(KL.reference)
    assert (found.status, found.points, found.possible, found.right) == ("right", 4.0, 4.0, found.cases)
    assert found.sentences == ()
    assert found.details == ""


def test_a_known_mistake_is_named_with_its_sentence() -> None:
    found = marked(known("swapped").function)
    assert found.misconception == "swapped"
    assert known("swapped").sentence in found.sentences
    assert found.case
    assert found.status == "not yet"


def test_an_answer_right_in_most_cases_has_part_of_the_points() -> None:
    found = marked(known("zero in q skipped").function)
    assert found.status == "partly right"
    assert found.cases / 2 <= found.right < found.cases
    assert found.points == math.floor(4 * 0.5 * found.right / found.cases / STEP) * STEP > 0


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda right: 1.5 * right, "Every value is the same multiple of the right one"),
        (lambda right: right + 0.25, "Every value is off by the same number"),
        (lambda right: right - 0.25, "Every value is off by the same number"),
        (lambda right: right * (1 + 1e-10), "Close, but the error is more than rounding explains: was a small"),
    ],
)
def test_a_sentence_loses_its_number_and_not_its_sense(wrong: Any, said: str) -> None:
    found = marked(lambda p, q: wrong(KL.reference(p, q)))
    assert found.sentences[0].startswith(said)
    assert not re.search(r"\d\.\d|e-\d|\d{4}", found.sentences[0])


def test_partial_points_can_be_turned_off() -> None:
    found = marked(known("zero in q skipped").function, replace(HOMEWORK, partial=0.0))
    assert (found.status, found.points) == ("not yet", 0.0)
    assert found.right > 0


@pytest.mark.parametrize(
    ("right", "cases", "most", "points"),
    [(10, 10, 2.0, 2.0), (5, 10, 2.0, 1.0), (4, 10, 2.0, 0.0), (9, 10, 1.0, 0.75), (0, 10, 2.0, 0.0), (0, 0, 2.0, 0.0)],
)
def test_partial_points_begin_at_half_of_the_cases(right: int, cases: int, most: float, points: float) -> None:
    assert partial_points(right, cases, most) == points


def test_a_stub_is_not_written_and_earns_nothing() -> None:
    def kl_divergence(p: Any, q: Any) -> Any:
        raise NotImplementedError("your turn")

    found = marked(kl_divergence)
    assert (found.status, found.points) == ("not written", 0.0)


def test_an_answer_that_raises_in_some_cases_keeps_the_others() -> None:
    def picky(p: Any, q: Any) -> Any:
        if (p == 0).any():
            raise ValueError(f"zeros: {p.tolist()}")
        return KL.reference(p, q)

    found = marked(picky)
    assert 0 < found.right < found.cases
    assert found.sentences[0].startswith("Your function raised ValueError.")
    assert "[" not in found.sentences[0]
    assert "zeros: [" in found.details


def test_a_function_that_changes_its_input_has_no_right_case() -> None:
    def destructive(p: Any, q: Any) -> Any:
        answer = KL.reference(p, q)
        p.zero_()
        return answer

    found = marked(destructive)
    assert (found.points, found.right) == (0.0, 0)
    assert "changes its input" in found.sentences[0]


@pytest.mark.parametrize(
    "sentence",
    [
        "Your function raised ValueError: 0.36123",
        "Your function raised Secret36123: x",
        "It returned an object of type T0_36123, but a tensor is wanted.",
        "Your function takes the parameters (a0_36123), but it is called with 2: f(p, q).  Keep the first line.",
        "What the notebook gives is not a function but an object of type N36123.",
    ],
)
def test_what_the_submission_says_of_itself_is_not_repeated(sentence: str) -> None:
    (question,) = questions(HOMEWORK, "a long secret")
    found = mark(question, [Outcome(problem=sentence)] * len(question.cases), HOMEWORK)
    assert found.sentences
    assert "36123" not in " ".join(found.sentences)
    assert "36123" in found.details


def test_no_hidden_number_is_in_a_sentence() -> None:
    for function in (lambda p, q: KL.reference(p, q) + 0.0123, lambda p, q: 1.37 * KL.reference(p, q)):
        found = marked(function)
        assert not any("0123" in s or "1.37" in s for s in found.sentences)
        assert "expected" in found.details


def test_cases_follow_from_the_secret_and_differ_with_it() -> None:
    (one,), (same,), (other,) = (questions(HOMEWORK, words) for words in ("secret one", "secret one", "secret two"))
    drawn = [[x for case in q.cases for x in case.inputs] for q in (one, same, other)]
    assert all(a.equal(b) for a, b in zip(drawn[0], drawn[1]))
    assert not all(a.shape == b.shape and a.equal(b) for a, b in zip(drawn[0], drawn[2]))
    assert len(one.cases) == HOMEWORK.trials * len(KL.seeded_cases(0))


def test_seeds_differ_by_everything_they_are_made_from() -> None:
    made = [
        *secrets_of.seeds("secret", "hw1", "kl", 3),
        *secrets_of.seeds("secret", "hw1", "js", 3),
        *secrets_of.seeds("secret", "hw2", "kl", 3),
        *secrets_of.seeds("Secret", "hw1", "kl", 3),
    ]
    assert len(set(made)) == 12
    assert all(0 <= seed < 2**63 for seed in made)


def test_a_variant_wants_its_own_answer_and_knows_that_of_the_book() -> None:
    assignment = replace(HOMEWORK, tasks=(Task("kl-divergence", 4.0, BITS),))
    assert marked(lambda p, q: KL.reference(p, q) / math.log(2), assignment).status == "right"
    public = marked(KL.reference, assignment)
    assert public.misconception == "the exercise of the book"
    assert "Give it in bits." in public.sentences[0]
    assert public.points == 0
    swapped = marked(lambda p, q: KL.reference(q, p) / math.log(2), assignment)
    assert swapped.misconception == "swapped"


def test_a_variant_scales_each_of_several_outputs() -> None:
    exercise = exercises.get("closest-gaussian")
    twice = varied(exercise, Variant(2.0, "Give twice each."))
    case = exercise.seeded_cases(0)[0]
    for one, other in zip(exercise.reference(*case.inputs), twice.reference(*case.inputs)):
        assert torch.equal(2 * one, other)


def test_a_step_of_training_has_no_variant() -> None:
    with pytest.raises(ValueError, match="critic-step has a harness"):
        varied(exercises.get("critic-step"), BITS)


def test_a_question_says_what_the_function_is_called_with() -> None:
    (question,) = questions(HOMEWORK, "a long secret")
    assert question.wanted == ["p", "q"]
    assert question.harness == ["", ""]
    step = Question(Task("critic-step", 1.0), exercises.get("critic-step"), ())
    assert step.wanted == ["generator", "critic", "optimizer", "real", "z"]
    assert step.harness == ["course_gan.exercises.ch03.harness", "observe_critic_step"]


def test_a_secret_must_be_there_long_and_private(tmp_path: Any) -> None:
    file = tmp_path / "seed.txt"
    with pytest.raises(ValueError, match="There is no seed file"):
        secrets_of.read(file)
    file.write_text("1234\n")
    with pytest.raises(ValueError, match="4 characters"):
        secrets_of.read(file)
    file.write_text("x" * 5000)
    with pytest.raises(ValueError, match="too large"):
        secrets_of.read(file)
    file.write_text(" 12345678 \n")
    assert secrets_of.read(file) == "12345678"
    file.chmod(0o644)
    assert secrets_of.open_to_others(file)
    file.chmod(0o600)
    assert not secrets_of.open_to_others(file)


@pytest.mark.parametrize(
    ("late", "days", "deduction"),
    [
        (timedelta(days=-3), 0, 0.0),
        (timedelta(minutes=15), 0, 0.0),
        (timedelta(minutes=15, seconds=1), 1, 0.6),
        (timedelta(days=1, minutes=15), 1, 0.6),
        (timedelta(days=1, minutes=16), 2, 1.2),
        (timedelta(days=4, minutes=15), 4, 2.4),
        (timedelta(days=4, minutes=16), 5, 3.0),
    ],
)
def test_each_day_begun_after_the_grace_costs_its_share(late: timedelta, days: int, deduction: float) -> None:
    due = datetime(2026, 12, 1, tzinfo=UTC)
    marks = (Mark("a", "A", "right", 2.0, 2.0), Mark("b", "B", "partly right", 1.0, 2.0))
    graded = Graded(Submission("ada", "ada.ipynb", None, due + late), marks)
    found = with_deduction(graded, due, LatePolicy(timedelta(minutes=15), 0.2, 4))
    assert (found.late_days, found.deduction) == (days, pytest.approx(deduction))
    assert found.total == pytest.approx(3.0 - deduction)


def test_nothing_is_late_without_a_deadline_or_a_time() -> None:
    due = datetime(2026, 12, 1, tzinfo=UTC)
    for submitted, deadline in ((None, due), (due + timedelta(days=30), None)):
        graded = Graded(Submission("ada", "ada.ipynb", None, submitted), (Mark("a", "A", "right", 2.0, 2.0),))
        assert with_deduction(graded, deadline, LatePolicy()) == graded


def told(*outcomes: Outcome) -> str:
    """All sentences of a mark for the same outcomes again and again."""
    (question,) = questions(HOMEWORK, "a long secret")
    count = len(question.cases)
    return " ".join(mark(question, (list(outcomes) * count)[:count], HOMEWORK).sentences)


@pytest.mark.parametrize(
    "problem", ["LEAK", "LEAK " + KL.misconceptions[0].sentence, "Your function is `async` LEAK", "In “zeros”: LEAK"]
)
def test_a_problem_in_the_boxs_own_words_is_not_repeated(problem: str) -> None:
    assert told(Outcome(problem=problem)) == "Your function could not be called as the task says."


def test_of_an_error_no_more_than_its_kind_and_one_hint_is_told() -> None:
    one = told(Outcome(problem="Your function raised ValueError: second time"))
    more = told(Outcome(problem="Your function raised ValueError: second time, math range error, bitwise_xor"))
    assert more == one
    assert "graph" in one


@pytest.mark.parametrize(
    "answer",
    [torch.full((), 537.0), torch.zeros(0, 537), torch.zeros([1, 2] * 6), [torch.zeros(()), torch.zeros(537)]],
    ids=["a constant", "a size", "many axes", "a list"],
)
def test_numbers_that_only_the_submission_can_have_chosen_are_left_out(answer: Any) -> None:
    (question,) = questions(HOMEWORK, "a long secret")
    shapes = (
        [answer.expand(case.inputs[0].shape[:-1]) if answer.ndim == 0 else answer for case in question.cases]
        if (isinstance(answer, torch.Tensor))
        else [answer] * len(question.cases)
    )
    said = " ".join(mark(question, [Outcome(answer=a) for a in shapes], HOMEWORK).sentences)
    assert said
    assert "537" not in said
    assert "1, 2, 1, 2" not in said


def test_harmless_shapes_and_numbers_are_still_told() -> None:
    assert "gives 0 in all cases" in marked(lambda p, q: torch.zeros(p.shape[:-1])).sentences[-1]
    assert "the shape is (3,)" in marked(lambda p, q: p.log() - q.log()).sentences[0]
