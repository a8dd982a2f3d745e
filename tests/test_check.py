"""The check must never raise at a learner, must accept right answers in any form, and must say what is wrong."""

import json
import math
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import nbformat
import numpy as np
import pytest
import torch
from nbclient import NotebookClient
from torch import Tensor, nn
from torch.nn.functional import softplus

from course_gan.check import check, evaluate
from course_gan.exercises import Case, Exercise, Misconception, get
from course_gan.exercises.core import call_directly, rounding
from course_gan.exercises.judge import Outcome, judge, observe
from course_gan.exercises.result import Result, as_html, as_text

KL, TV, GAUSSIAN = get("kl-divergence"), get("total-variation"), get("kl-gaussian")
NLL = get("maximum-likelihood")
CLOSEST, SAMPLES, LOGITS = get("closest-gaussian"), get("kl-from-samples"), get("kl-from-logits")


def kl(p: Tensor, q: Tensor) -> Tensor:
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


def tv(p: Tensor, q: Tensor) -> Tensor:
    return (p - q).abs().sum(-1) / 2


class AlwaysEqual:
    """Compares equal to anything, as a forged answer would."""

    def __eq__(self, other: object) -> bool:
        return True

    __hash__ = None  # type: ignore[assignment]


class Unprintable(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no text")


def raising(error: BaseException) -> Callable[..., Any]:
    def function(p: Tensor, q: Tensor) -> Tensor:
        raise error

    return function


def generator_function(p: Tensor, q: Tensor) -> Iterator[Tensor]:
    yield kl(p, q)


async def coroutine_function(p: Tensor, q: Tensor) -> Tensor:
    return kl(p, q)


def endless(p: Tensor, q: Tensor) -> Any:
    return endless(p, q)


# What is accepted


@pytest.mark.parametrize(
    "form",
    [
        lambda p, q: tv(p, q),
        lambda p, q: tv(p, q).float(),
        lambda p, q: tv(p, q).requires_grad_(),
        lambda p, q: tv(p, q).numpy(),
        lambda p, q: tv(p, q).numpy().astype(np.float32),
        lambda p, q: tv(p, q).tolist(),
        lambda p, q: (tv(p, q),),
        lambda p, q: tv(p, q).to_sparse() if tv(p, q).ndim else tv(p, q),
    ],
    ids=["tensor", "float32", "requires_grad", "numpy", "numpy float32", "python numbers", "1-tuple", "sparse"],
)
def test_right_answer_passes_in_any_form(form: Callable[..., Any]) -> None:
    result = evaluate(TV, form)
    assert result.passed, result.message


@pytest.mark.parametrize("form", [tuple, list, torch.stack], ids=["tuple", "list", "one tensor"])
def test_several_outputs_pass_as_tuple_list_or_stacked(form: Callable[..., Any]) -> None:
    def answer(x: Tensor, mass: Tensor) -> Any:
        mean = (mass * x).sum()
        return form((mean, (mass * (x - mean) ** 2).sum().sqrt()))

    assert evaluate(CLOSEST, answer).passed


def test_printing_inside_the_function_and_unusual_callables_are_fine(capsys: pytest.CaptureFixture[str]) -> None:
    class Function:
        def __call__(self, *inputs: Tensor) -> Tensor:
            print("thinking")
            return tv(*inputs)

    assert evaluate(TV, Function()).passed
    assert "thinking" in capsys.readouterr().out


def test_infinity_is_right_where_expected_and_nan_never() -> None:
    assert evaluate(KL, kl).passed
    assert not evaluate(KL, lambda p, q: torch.where(kl(p, q).isinf(), math.nan, kl(p, q))).passed
    assert not evaluate(KL, lambda p, q: torch.where(kl(p, q).isinf(), -math.inf, kl(p, q))).passed


def test_answer_that_went_through_float32_is_right_in_float64_too() -> None:
    assert evaluate(KL, lambda p, q: kl(p.float(), q.float()).double()).passed
    assert evaluate(TV, lambda p, q: torch.tensor(tv(p, q).tolist()).to(p.dtype)).passed
    assert evaluate(SAMPLES, lambda a, b: ((a - b).mean(-1), (a - b).std(-1) / torch.tensor(a.shape[-1]).sqrt())).passed


def test_a_search_for_the_closest_gaussian_is_right_where_it_has_converged() -> None:
    def search(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
        x, mass = x.double(), mass.double()
        place = torch.zeros(2, dtype=torch.float64, requires_grad=True)  # the mean, and the logarithm of std
        optimizer = torch.optim.LBFGS(
            [place], max_iter=500, tolerance_grad=1e-12, tolerance_change=1e-15, line_search_fn="strong_wolfe"
        )

        def loss() -> Tensor:
            optimizer.zero_grad()
            value = (mass * (((x - place[0]) / place[1].exp()) ** 2 / 2 + place[1])).sum()
            value.backward()
            return value

        optimizer.step(loss)
        return place[0].detach(), place[1].detach().exp()

    assert evaluate(CLOSEST, search).passed


@pytest.mark.parametrize("wrong", [torch.squeeze, lambda x: x.reshape(-1)], ids=["squeeze", "flatten"])
def test_a_batch_of_one_row_and_one_of_two_axes_must_keep_their_shape(wrong: Callable[[Tensor], Tensor]) -> None:
    assert not evaluate(TV, lambda p, q: wrong(tv(p, q))).passed
    assert not evaluate(LOGITS, lambda a, b: wrong(LOGITS.reference(a, b))).passed
    assert not evaluate(GAUSSIAN, lambda a, b, c, d: wrong(kl_of_gaussians(a, b, c, d))).passed


@pytest.mark.parametrize(
    ("exercise", "nearly"),
    [
        (KL, lambda p, q: kl(p, q.clamp(min=1e-300)) + (math.inf if ((q == 0) & (p > 0)).any() else 0)),
        (KL, lambda p, q: torch.where(p > 0.01, p * (p / q).log(), 0).sum(-1)),
        (GAUSSIAN, lambda a, b, c, d: kl_of_gaussians(a, b.clamp(min=0.1), c, d)),
        (SAMPLES, lambda a, b: ((a - b).mean(-1).clamp(min=0), SAMPLES.reference(a, b)[1])),
        (SAMPLES, lambda a, b: (SAMPLES.reference(a, b)[0], 1.0001 * SAMPLES.reference(a, b)[1])),
        (CLOSEST, lambda x, mass: (CLOSEST.reference(x, mass)[0] + 1e-5, CLOSEST.reference(x, mass)[1])),
        (LOGITS, lambda a, b: LOGITS.reference(a[..., :10], b[..., :10])),
    ],
    ids=[
        *("one infinity for the batch", "rare outcomes dropped", "spread clamped", "estimate clamped"),
        *("error off by a ten-thousandth", "mean off by a little", "ten outcomes only"),
    ],
)
def test_nearly_right_answers_fail_on_every_seed(exercise: Exercise, nearly: Callable[..., Any]) -> None:
    assert not any(evaluate(exercise, nearly, seed).passed for seed in range(10))


def test_float32_rounding_is_excused_but_a_small_mistake_is_not() -> None:
    assert evaluate(KL, lambda p, q: kl(p.float(), q.float())).passed
    assert not evaluate(KL, lambda p, q: kl(p, q) * (1 + 1e-6)).passed
    assert not evaluate(KL, lambda p, q: kl(p, q) + 1e-9).passed


def test_tolerance_grows_with_terms_and_with_epsilon() -> None:
    expected = (torch.tensor(0.5, dtype=torch.float64),)
    ten, hundred = ((torch.zeros(n, dtype=torch.float64),) for n in (10, 100))
    assert rounding(hundred, expected)[0] == 10 * rounding(ten, expected)[0]
    ratio = rounding((ten[0].float(),), expected)[0] / rounding(ten, expected)[0]
    assert ratio == torch.finfo(torch.float32).eps / torch.finfo(torch.float64).eps


def test_each_call_gets_its_own_inputs_and_random_numbers_of_the_caller_stay() -> None:
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    evaluate(KL, lambda p, q: kl(p, q) + torch.rand(()))
    assert torch.random.get_rng_state().equal(before)


# What goes wrong with the function itself


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (raising(ZeroDivisionError("division by zero")), ["ZeroDivisionError", "division by zero", "raise error"]),
        (raising(Unprintable()), ["Unprintable", "cannot be shown"]),
        (raising(SystemExit(1)), ["SystemExit", "must not end the program"]),
        (raising(NotImplementedError()), ["Not written yet"]),
        (raising(ValueError("x" * 10_000)), ["ValueError", "…"]),
        (endless, ["RecursionError", "call itself"]),
        (lambda p, q: None, ["returned nothing", "`return`"]),
        (lambda p, q: (None, None), ["None"]),
        (lambda p: p, ["parameters (p)", "kl_divergence(p, q)"]),
        (lambda p, q, r: p, ["parameters (p, q, r)"]),
        (generator_function, ["`yield`", "`return`"]),
        (coroutine_function, ["`async`"]),
        (lambda p, q: (x for x in [1.0]), ["generator"]),
        (lambda p, q: math.log(p / q), ["`torch.log`", "math.log(p / q)"]),
        (lambda p, q: p.sum(-1) if p > 0 else q, ["torch.where"]),
        (lambda p, q: "0.085", ["text", "numbers are wanted"]),
        (lambda p, q: {"kl": 0.085}, ["dict"]),
        (lambda p, q: True, ["truth value"]),
        (lambda p, q: p > q, ["truth values"]),
        (lambda p, q: np.array(["a"]), ["NumPy array of dtype"]),
        (lambda p, q: np.array([object()]), ["NumPy array of dtype object"]),
        (lambda p, q: torch.complex(p, q).sum(-1), ["complex"]),
        (lambda p, q: 1j, ["complex"]),
        (lambda p, q: kl, ["parentheses"]),
        (lambda p, q: AlwaysEqual(), ["AlwaysEqual"]),
        (lambda p, q: 10**400, ["too large"]),
        (lambda p, q: torch.zeros(1).expand(10**9), ["1,000,000,000 numbers"]),
        (lambda p, q: [[1.0], [1.0, 2.0]], ["differ in shape"]),
        (lambda p, q: [], ["(0,)"]),
        (lambda p, q: 10**12, ["expected"]),
        (lambda p, q: p.sum(-1).long(), ["expected"]),
    ],
)
def test_check_survives_and_explains(function: Any, words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    result = check("kl-divergence", function)
    assert not result.passed
    assert result.points == 0
    for word in words:
        assert word in result.message
    assert "kl-divergence: not yet" in capsys.readouterr().out


def unwritten(p: Tensor, q: Tensor) -> Tensor:
    raise NotImplementedError("your turn")


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (unwritten, "Not written yet: replace the line"),
        (lambda p, q: unwritten(p, q) / 2, "It calls `unwritten`, which is not written yet"),
        (lambda p, q: (p ^ 2).sum(-1), "A power is written `**`"),
        (lambda p, q: p - p.max(-1), "use `amax`, `amin`"),
        (lambda p, q: (p * p.log).sum(-1), "parentheses of a call"),
        (lambda p, q: math.exp(1000), "709"),
        (lambda p, q: [a * math.log(a) for a in [0.0]], "treat zeros apart"),
        (lambda p, q: [a > 0 for a in p.tolist()] if p.ndim == 1 else p.tolist() * 0.5, "truth value"),
        (lambda p, q: [] if p.ndim == 1 else [a > 0 for a in p.tolist()], "The list of a batch holds lists"),
        (lambda p, q: torch.ones(2, dtype=torch.int64).div_(2), "Whole numbers cannot hold fractions"),
        (lambda p, q: (p - q).sort(-1), "`sort` gives, values and indices"),
    ],
)
def test_unwritten_helpers_and_common_errors_are_told_apart(function: Any, words: str) -> None:
    assert words in evaluate(KL, function).message


def test_interrupt_from_the_keyboard_gets_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        check("kl-divergence", raising(KeyboardInterrupt()))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("kl-divergence", 0.0853), ["without calling it", "check('kl-divergence', kl_divergence)", "float"]),
        (("kl-divergenze", kl), ["no exercise 'kl-divergenze'", "Did you mean 'kl-divergence'?"]),
        ((kl, "kl-divergence"), ["name of the exercise comes first"]),
        ((None, None), ["name of the exercise comes first"]),
    ],
)
def test_check_explains_wrong_arguments(arguments: tuple[Any, Any], words: list[str]) -> None:
    result = check(*arguments)
    assert not result.passed
    for word in words:
        assert word in result.message


def test_changed_input_is_reported_even_if_the_values_are_right() -> None:
    def changing(p: Tensor, q: Tensor) -> Tensor:
        p -= q
        return p.abs().sum(-1) / 2

    result = evaluate(TV, changing)
    assert not result.passed
    assert "changes its input p" in result.message
    assert "values it returns are right" in result.message


def test_changed_input_is_reported_beside_wrong_values() -> None:
    result = evaluate(KL, lambda p, q: (p * (p.add_(1e-9) / q.add_(1e-9)).log()).sum(-1))
    assert "changes its input p and q" in result.message
    assert "expected" in result.message


def test_changed_shape_of_an_input_is_reported() -> None:
    result = evaluate(TV, lambda p, q: tv(p.unsqueeze_(0), q)[0])
    assert "changes its input p" in result.message


# What goes wrong with the values


@pytest.mark.parametrize(
    ("exercise", "function", "words"),
    [
        (KL, lambda p, q: kl(p, q) / math.log(10), ["base-10 logarithm"]),
        (KL, lambda p, q: -kl(p, q), ["wrong sign"]),
        (KL, lambda p, q: 3 * kl(p, q), ["3 times the right one"]),
        (KL, lambda p, q: (1 + 1e-10) * kl(p, q), ["Close, but the error"]),  # and no factor of 1
        (KL, lambda p, q: kl(p, q) + 0.25, ["too large by 0.25"]),
        (KL, lambda p, q: kl(p, q).exp(), ["exponential of the right one"]),
        (KL, lambda p, q: kl(p, q).abs().sqrt(), ["square root of the right one"]),
        (KL, lambda p, q: kl(p, q).unsqueeze(-1), ["keepdim"]),
        (KL, lambda p, q: torch.where(p > 0, p * (p / q).log(), 0), ["not been summed"]),
        (KL, lambda p, q: kl(p, q).mT if p.ndim > 2 else kl(p, q), ["transposed"]),
        (KL, lambda p, q: kl(p, q).mean(), ["averaged over the whole batch"]),
        (KL, lambda p, q: torch.where(p > 0, p * (p / q).log(), 0).sum(0), ["`dim=-1` where you have `dim=0`"]),
        (KL, lambda p, q: kl(p, q).flip(0) if p.ndim > 1 else kl(p, q), ["wrong order"]),
        (KL, lambda p, q: kl(p, q).half(), ["Close", "torch.float16"]),
        (KL, lambda p, q: (p * ((p + 1e-10) / (q + 1e-10)).log()).sum(-1), ["infinite", "small number added"]),
        (KL, lambda p, q: kl(p, q).nan_to_num(posinf=1e3), ["“an outcome that q never shows”", "infinite"]),
        (KL, lambda p, q: torch.where(p > 0, p.square() * (p / q).log(), 0).sum(-1), ["Right is only", "by hand"]),
        (TV, lambda p, q: torch.full(p.shape[:-1], 0.25), ["0.25 in all cases"]),
        (TV, lambda p, q: torch.minimum(p, q).sum(-1), ["one minus the right one"]),
        (TV, lambda p, q: (p - q).abs().sum(), ["whole batch", "a factor of 2"]),
        (TV, lambda p, q: (p - q).max(-1), ["`max` gives", "`.values`"]),
        (TV, lambda p, q: (tv(p, q), tv(p, q)), ["shape"]),
        (GAUSSIAN, lambda a, b, c, d: kl_of_gaussians(a, b, c, d) + 1, ["too large by 1"]),
        (GAUSSIAN, lambda a, b, c, d: kl_of_gaussians(a, d, c, b), ["p and q swapped"]),
        (GAUSSIAN, lambda a, b, c, d: (kl_of_gaussians(a, b, c, d) - 3).sqrt(), ["NaN", "root of a negative number"]),
        (CLOSEST, lambda x, mass: std_and_mean(x, mass), ["another order than the task says"]),
        (CLOSEST, lambda x, mass: (mass * x).sum(), ["a tuple of 2 is wanted"]),
        (SAMPLES, lambda a, b: ((a - b).mean(-1), 0 * (a - b).mean(-1) + 7), ["Output 1 is right"]),
        (SAMPLES, lambda a, b: (a - b).mean(-1), ["1 output", "tuple of 2"]),
        (LOGITS, lambda a, b: kl(a.softmax(-1), b.softmax(-1).clamp(min=1e-30)), ["Only", "“logits"]),
        (LOGITS, lambda a, b: LOGITS.reference(a, b).half(), ["Close", "torch.float16"]),
        (KL, lambda p, q: (p * (p / q).log()).nan_to_num().sum(-1), ["`nan_to_num` puts"]),
        (KL, lambda p, q: (p.exp() * q).sum(-1), ["Look first at “the lecture's p and q”", "infinite"]),
        (TV, lambda p, q: (p - q).abs().mean(), ["In “a batch", "are wrong too"]),
        (NLL, lambda n, q: nll(n, q, n.sum()), ["Only “a batch of shape (2, 3)", "the last axis alone"]),
        (NLL, lambda n, q: (nll(n, q)[0], nll(n, q)[0] - (nll(n, q)[0] - nll(n, q)[1])), ["inf - inf"]),
        (GAUSSIAN, lambda a, b, c, d: b.log() / b.log() + a * 0, ["NaN", "root of a negative number"]),
        (SAMPLES, lambda a, b: (0 * (a - b).mean(-1) + 5, (a - b).std(-1)), ["Output 1: ", "Output 2: "]),
    ],
)
def test_novel_wrong_answer_gets_a_hint_from_its_numbers(
    exercise: Exercise, function: Callable[..., Any], words: list[str]
) -> None:
    result = evaluate(exercise, function)
    assert not result.passed
    for word in words:
        assert word in result.message


@pytest.mark.parametrize(
    ("id", "function", "words"),
    [
        ("best-guess", lambda f, p: (p @ (f - p @ f).square().sum(1), p @ f), ["in another order than the task says"]),
        (
            "many-futures",
            lambda g, z, told: get("many-futures").reference(g, z, told).squeeze(),
            ["an axis is missing", "“a single past”"],
        ),
        ("generator-losses", lambda s: (-softplus(s), softplus(-s)), ["2 came, whose mean is right"]),
        (
            "one-layer",
            lambda wz, bz, wc, bc: (torch.cat([wc, wz], 1).T, bz),
            ["shape should be (3, 6), but it is (6, 3)."],
        ),
        ("critic-loss", lambda r, f: -sum((x.sigmoid() + 1e-6).log().mean() for x in (r, -f)), ["Close in", "far off"]),
        (
            "generator-density",
            lambda g, z: get("generator-density").reference(g, z)[:, None] + 0 * z,
            ["In “in the plane”: The last"],
        ),
    ],
)
def test_hint_about_a_shape_or_a_small_error_is_true_of_the_answer(
    id: str, function: Callable[..., Any], words: list[str]
) -> None:
    message = evaluate(get(id), function).message
    for word in words:
        assert word in message


def test_what_a_harness_looks_at_is_called_by_its_name() -> None:
    exercise = get("generator-step")
    left = exercise.parts[3]
    message = evaluate(
        exercise, lambda g, c, o, z: (exercise.reference(g, c, o, z), c[0].requires_grad_(False))
    ).message
    assert f"{left}, entry [0]:  2\n    expected:  4" in message
    assert f"Right in all cases: {'; '.join(exercise.parts[:3])}." in message
    assert "your function returns" not in message


def test_a_factor_of_almost_one_is_not_called_a_factor() -> None:
    assert "times the right one" not in evaluate(KL, lambda p, q: kl(p, q) * (1 + 1e-9)).message


@pytest.mark.parametrize(
    ("id", "function", "words"),
    [
        ("critic-step", lambda g, c, o, x, z: softplus(c(x).detach()).mean().backward(), "does not reach"),
        ("critic-step", lambda g, c, o, x, z: softplus(c(x)).backward(), "starts from one number"),
        ("one-layer", lambda wz, bz, wc, bc: torch.cat([wz, wc]), "`cat` joins along one axis"),
        ("generator-density", lambda g, z: z - torch.linalg.slogdet(z[:, :, None]), "`.logabsdet`"),
    ],
)
def test_error_of_autograd_or_of_shapes_is_explained(id: str, function: Callable[..., Any], words: str) -> None:
    assert words in evaluate(get(id), function).message


def kl_of_gaussians(a: Tensor, b: Tensor, c: Tensor, d: Tensor) -> Tensor:
    return (d / b).log() + (b**2 + (a - c) ** 2) / (2 * d**2) - 0.5


def nll(counts: Tensor, model: Tensor, total: Tensor | None = None) -> tuple[Tensor, Tensor]:
    seen = counts / (counts.sum(-1, keepdim=True) if total is None else total)
    return -torch.xlogy(seen, model).sum(-1), -torch.xlogy(seen, seen).sum(-1)


def test_output_that_is_right_keeps_its_praise_beside_one_that_is_not() -> None:
    message = evaluate(CLOSEST, lambda x, mass: ((mass * x).sum(), x.max())).message
    assert "Output 1 is right in all cases." in message
    assert "Output 2: No case is right yet." in message


def test_a_terminal_of_eighty_columns_is_not_exceeded(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    check("kl-divergence", lambda p, q: (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(0))
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= 80


def std_and_mean(x: Tensor, mass: Tensor) -> tuple[Tensor, Tensor]:
    mean = (mass * x).sum()
    return (mass * (x - mean) ** 2).sum().sqrt(), mean


def test_inputs_taken_in_another_order_are_recognized_without_a_misconception() -> None:
    toy = replace(STEP, reference=lambda a, b, c: a / b + c, misconceptions=(), call=call_directly, cases=three_numbers)
    message = evaluate(toy, lambda a, b, c: c / a + b).message
    assert "inputs in another order, (c, a, b)" in message


def three_numbers(generator: torch.Generator) -> list[Case]:
    return [Case(tuple(torch.rand(3, 4, generator=generator)), f"case {n}") for n in range(3)]


def test_two_known_mistakes_at_once_are_both_named() -> None:
    result = evaluate(KL, lambda p, q: (p * (p / q).log()).sum())
    assert result.misconception == "zero times log zero"
    sentences = {m.name: m.sentence for m in KL.misconceptions}
    assert sentences["zero times log zero"] in result.message
    assert sentences["whole batch"] in result.message


def test_known_mistake_with_a_wrong_factor_is_named_with_the_factor() -> None:
    result = evaluate(KL, lambda p, q: kl(q, p) / math.log(2))
    assert result.misconception == "swapped"
    assert "base-2 logarithm" in result.message


def test_message_names_case_inputs_value_and_expectation() -> None:
    result = evaluate(KL, lambda p, q: kl(q, p))
    assert result.case == "the lecture's p and q"
    for text in ("“the lecture's p and q”", "p = [0.36, 0.48, 0.16]", "0.097455", "0.0852996"):
        assert text in result.message


def test_message_shows_the_wrong_row_of_a_batch() -> None:
    def third_row_doubled(p: Tensor, q: Tensor) -> Tensor:
        value = kl(p, q)
        return value * torch.tensor([1.0, 1, 2, 1, 1, 1]) if value.shape == (6,) else value

    result = evaluate(KL, third_row_doubled)
    row = next(c for c in KL.seeded_cases(0) if c.label == result.case).inputs[0][2]
    assert f"p[2] = [{row[0]:.4g}, " in result.message
    assert "12 of 13 cases are right" in result.message


# A function that acts on networks: the harness builds them from plain inputs and observes what the step did


def trained_weight(step: Callable[..., Any], weight: Tensor, real: Tensor, fake: Tensor, rate: float) -> Tensor:
    """Build a linear critic, let the learner's step act on it twice, and return its weights."""
    critic = nn.Linear(weight.shape[-1], 1, bias=False, dtype=weight.dtype)
    critic.weight.data = weight.clone()
    optimizer = torch.optim.SGD(critic.parameters(), lr=rate)
    for _ in range(2):
        step(critic, optimizer, real, fake)
    return critic.weight


def critic_step(critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor) -> None:
    optimizer.zero_grad()
    (critic(fake).mean() - critic(real).mean()).backward()
    optimizer.step()


def by_functional_gradient(critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor) -> None:
    (weight,) = critic.parameters()
    (weight.grad,) = torch.autograd.grad(critic(fake).mean() - critic(real).mean(), weight)
    optimizer.step()


def by_hand(critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor) -> None:
    with torch.no_grad():
        for weight in critic.parameters():
            weight += optimizer.param_groups[0]["lr"] * (real.mean(0) - fake.mean(0))


def wrong_step(sign: float = 1.0, reduce: str = "mean", clear: bool = True, act: bool = True) -> Callable[..., None]:
    def step(critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor) -> None:
        if clear:
            optimizer.zero_grad()
        (sign * (getattr(critic(fake), reduce)() - getattr(critic(real), reduce)())).backward()
        if act:
            optimizer.step()

    return step


def step_cases(generator: torch.Generator) -> list[Case]:
    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    sizes = {"two dimensions": (2, 4), "five dimensions": (5, 8)}
    return [Case((draw(1, d), draw(n, d), draw(n, d), 0.1), label) for label, (d, n) in sizes.items()]


STEP = Exercise(
    id="toy-step",
    chapter="00-toy",
    title="One step of a critic",
    points=1,
    reference=critic_step,
    cases=step_cases,
    misconceptions=(
        Misconception("sign", wrong_step(sign=-1.0), "Your critic scores fakes higher than reals: flip the sign."),
        Misconception("sum", wrong_step(reduce="sum"), "You summed the scores of the batch: take their mean instead."),
        Misconception("gradients kept", wrong_step(clear=False), "Gradients of the last step were added: clear them."),
        Misconception("no step", wrong_step(act=False), "The optimizer never made its step: call `optimizer.step()`."),
    ),
    alternatives=(by_functional_gradient, by_hand),
    call=trained_weight,
)


@pytest.mark.parametrize("answer", [STEP.reference, *STEP.alternatives])
def test_training_step_is_checked_by_the_weights_it_leaves(answer: Callable[..., Any]) -> None:
    result = evaluate(STEP, answer)
    assert result.passed, result.message


@pytest.mark.parametrize("misconception", STEP.misconceptions, ids=lambda m: m.name)
def test_misconceptions_about_a_training_step_are_told_apart(misconception: Misconception) -> None:
    for seed in range(10):
        result = evaluate(STEP, misconception.function, seed)
        assert result.misconception == misconception.name
        assert misconception.sentence in result.message


def test_training_step_that_raises_is_explained_with_its_line_and_the_names_of_the_inputs() -> None:
    def step(critic: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, fake: Tensor) -> None:
        critic.score(real)

    message = evaluate(STEP, step).message
    for word in ("AttributeError", "critic.score(real)", "weight =", "rate   = 0.1"):
        assert word in message


# The two halves in two processes: plain arrays cross, references stay


def test_outcomes_made_of_plain_arrays_are_judged_like_the_function_itself() -> None:
    swapped = next(m.function for m in KL.misconceptions if m.name == "swapped")
    for function, name in ((KL.reference, None), (swapped, "swapped")):
        cases = KL.seeded_cases(5)
        outcomes = [Outcome(answer=np.asarray(observe(KL, function, case).answer)) for case in cases]
        assert judge(KL, cases, outcomes).misconception == name
        assert judge(KL, cases, outcomes) == evaluate(KL, function, 5)


# How it looks


def test_text_is_wrapped_and_says_the_verdict_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    check("total-variation", tv)
    out = capsys.readouterr().out
    assert out.startswith("✓ total-variation: passed\n")
    check("kl-divergence", lambda p, q: (p * (p / q).log()).sum())
    out = capsys.readouterr().out
    assert out.startswith("✗ kl-divergence: not yet\n")
    assert max(len(line) for line in out.splitlines()) <= 88


def test_html_shows_the_same_text_escaped_and_without_colors_of_its_own() -> None:
    result = Result(False, "He wrote `<b>`:\n\n    x = <script>alert(1)</script>\n    y = 2", "kl-divergence")
    page = as_html(result)
    assert 'class="course-check course-check-not-yet"' in page
    assert "<script>" not in page
    assert "<b>" not in page
    assert "x = &lt;script&gt;alert(1)&lt;/script&gt;\ny = 2" in page
    assert "currentColor" in page
    assert "#" not in page
    assert "http" not in page
    assert "not yet" in as_text(result)


def test_result_has_a_short_repr() -> None:
    assert repr(evaluate(TV, tv)) == "<total-variation: passed>"


def test_terminal_without_the_signs_gets_the_words() -> None:
    code = "from course_gan.check import check; check('total-variation', lambda p, q: (p - q).abs().sum(-1) / 2)"
    environment = {"PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, check=True)
    assert b"total-variation: passed" in done.stdout


def test_notebook_shows_a_verdict_once_and_again_when_asked() -> None:
    cells = [
        "from course_gan.check import check\ndef f(p, q):\n    return (p - q).abs().sum(-1) / 2",
        "check('total-variation', f)",
        "result = check('total-variation', lambda p, q: p.nothing)",
        "result",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    outputs = [cell.outputs for cell in notebook.cells]
    assert [len(o) for o in outputs] == [0, 1, 1, 1]
    assert "✓ total-variation: passed" in outputs[1][0].data["text/plain"]
    assert "course-check-passed" in outputs[1][0].data["text/html"]
    assert "p.nothing" in outputs[2][0].data["text/html"]
    assert "course-check-not-yet" in outputs[3][0].data["text/html"]
    assert "/" + "tmp" not in json.dumps([dict(o[0]) for o in outputs[1:]])


def steps_of_the_critic_with(rate: float) -> Callable[..., None]:
    def step(critic: nn.Module, generator: nn.Module, optimizer: Any, real: Tensor, z: Tensor) -> None:
        optimizer.param_groups[0]["lr"] = rate
        get("f-gan-critic-step").reference(critic, generator, optimizer, real, z)

    return step


def test_what_a_step_leaves_behind_is_called_by_its_name() -> None:
    message = evaluate(get("f-gan-critic-step"), steps_of_the_critic_with(0.01)).message
    assert "the critic's parameters, entry [0]: " in message
    assert "Right in all cases: the generator's parameters; the generator's gradients" in message
    assert "utput" not in message
    assert "returns" not in message


def test_wrong_parameters_are_named_for_a_function_behind_a_harness_too() -> None:
    message = evaluate(get("swap-f"), lambda f, u: u * f(1 / u)).message
    assert "but it is called with 1: swapped(f)" in message


@pytest.mark.parametrize(
    ("exercise", "wrong", "words"),
    [
        ("best-discriminator", lambda p, q: torch.sigmoid(p - q).mean(), "give one number for each entry"),
        ("best-discriminator", lambda p, q: (torch.sigmoid(p - q),) * 2, "an axis of length 2 too many in front"),
        ("frozen-gradient", lambda t, z: t * torch.sigmoid(-(t**2) / 2 - t * z), "whose mean is right: average them"),
        (
            "ratio-from-scores",
            lambda v, name: get("ratio-from-scores").reference(v, name) + 3 * (name == "gan"),
            "In “scores of gan”: Every value is too large by 3",
        ),
        (
            "best-discriminator",
            lambda p, q: p.exp() / (p.exp() + q.exp() + 1e-9),
            "far off in “densities too small for floating point”: was a small number added",
        ),
        ("swap-f", lambda f: f(torch.ones(1)), "return it without calling it"),
    ],
)
def test_hint_fits_what_the_exercise_asks_for(exercise: str, wrong: Callable[..., Any], words: str) -> None:
    assert words in evaluate(get(exercise), wrong).message
