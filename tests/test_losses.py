"""The losses: their formulas, optima and gradients, extreme scores, shapes, and the mistakes that others made."""

import dataclasses
import doctest
import inspect
import itertools
import math
import subprocess
import sys
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.testing import assert_close

from course_gan import losses
from course_gan.fdiv import F_DIVERGENCES, alpha
from course_gan.losses import LOSSES, Loss, get, least_squares

P = torch.tensor([0.36, 0.48, 0.16], dtype=torch.float64)
Q = torch.full((3,), 1 / 3, dtype=torch.float64)
# The same two distributions as batches of 75 outcomes each.
REAL = torch.tensor([0] * 27 + [1] * 36 + [2] * 12)
FAKE = torch.tensor([0] * 25 + [1] * 25 + [2] * 25)
ROUNDED = 5.1e-8
NAMES = [*LOSSES, "f-gan:alpha:0.5", "f-gan:alpha:2"]
every = pytest.mark.parametrize("name", NAMES)
unpaired = pytest.mark.parametrize("name", [name for name in NAMES if name != "relativistic"])


def equal(value: Tensor, expected: float, tolerance: float = ROUNDED) -> None:
    assert_close(value, torch.tensor(expected, dtype=value.dtype), rtol=0, atol=tolerance)


def scores(n: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slope(function: Callable[[Tensor], Tensor], at: Tensor | float) -> Tensor:
    at = torch.as_tensor(at).clone().requires_grad_()
    return torch.autograd.grad(function(at).sum(), at)[0]


def generator_slope(name: str, score: float, dtype: torch.dtype = torch.float64) -> Tensor:
    return slope(lambda s: get(name).generator(s, torch.zeros_like(s)), torch.tensor([score], dtype=dtype))


def best_table(critic: Callable[[Tensor, Tensor], Tensor], width: float = 6.0) -> Tensor:
    """The scores of the three outcomes that minimize a critic's loss, each by a grid: the losses add over outcomes."""
    grid = torch.linspace(-width, width, 48_001, dtype=torch.float64)
    # critic((n,), (m,)) is a mean over real plus a mean over fake: two scores apart give the two terms of each outcome.
    zero = torch.zeros((), dtype=torch.float64)
    at_real = torch.func.vmap(lambda s: critic(s[None], zero[None]))(grid)
    at_fake = torch.func.vmap(lambda s: critic(zero[None], s[None]))(grid)
    return torch.stack([grid[(p * at_real + q * at_fake).argmin()] for p, q in zip(P, Q)])


def test_the_examples_in_the_docstrings_give_what_they_show() -> None:
    result = doctest.testmod(losses)
    assert result.attempted > 0
    assert result.failed == 0


def test_the_promised_names_are_there() -> None:
    promised = {"minimax", "non-saturating", "least-squares", "hinge", "wasserstein", "relativistic"}
    assert set(LOSSES) == promised | {f"f-gan:{name}" for name in F_DIVERGENCES}
    assert all(get(name).name == name for name in NAMES)


def test_the_shared_table_cannot_be_changed_by_accident() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        LOSSES["hinge"].paired = True


@pytest.mark.parametrize(
    ("loss", "coding"),
    [
        (get("minimax"), ""),
        (get("minimax", smoothing=0.1), "smoothing 0.1"),
        (get("non-saturating"), ""),
        (get("non-saturating", smoothing=0.25), "smoothing 0.25"),
        (get("least-squares"), ""),
        (get("least-squares", smoothing=0.1), "a 0, b 0.9, c 1"),
        (least_squares(-1, 1, 0), "a -1, b 1, c 0"),
        (least_squares(1), "a 1, b 1, c 1"),
    ],
)
def test_the_coding_tells_losses_of_one_name_apart(loss: Loss, coding: str) -> None:
    assert loss.coding == coding


# ---------------------------------------------------------------- formulas


def naive(name: str, real: list[float], fake: list[float]) -> tuple[float, float]:
    """Critic's and generator's loss as printed, with sigmoid and logarithm, one number after the other."""
    D = lambda s: 1 / (1 + math.exp(-s))  # noqa: E731
    mean = lambda values: sum(values) / len(values)  # noqa: E731
    if name in ("minimax", "non-saturating"):
        critic = -mean([math.log(D(s)) for s in real]) - mean([math.log(1 - D(s)) for s in fake])
        if name == "minimax":
            return critic, mean([math.log(1 - D(s)) for s in fake])
        return critic, -mean([math.log(D(s)) for s in fake])
    if name == "least-squares":
        return (mean([(s - 1) ** 2 for s in real]) + mean([s**2 for s in fake])) / 2, mean(
            [(s - 1) ** 2 for s in fake]
        ) / 2
    if name == "hinge":
        return mean([max(0.0, 1 - s) for s in real]) + mean([max(0.0, 1 + s) for s in fake]), -mean(fake)
    if name == "wasserstein":
        return mean(fake) - mean(real), -mean(fake)
    if name == "relativistic":
        pairs = list(zip(real, fake))
        return -mean([math.log(D(r - f)) for r, f in pairs]), -mean([math.log(D(f - r)) for r, f in pairs])
    row = alpha(float(name[12:])) if name.startswith("f-gan:alpha:") else F_DIVERGENCES[name.removeprefix("f-gan:")]
    T = lambda s: row.activation(torch.tensor(s, dtype=torch.float64))  # noqa: E731
    conjugate = mean([row.conjugate(T(s)).item() for s in fake])
    return conjugate - mean([T(s).item() for s in real]), -conjugate


@every
@pytest.mark.parametrize("shape", [(), (1,), (1, 2, 2)])
def test_a_loss_is_its_formula(name: str, shape: tuple[int, ...]) -> None:
    real, fake = scores(6, *shape), scores(6, *shape, seed=1)
    critic, generator = naive(name, real.flatten().tolist(), fake.flatten().tolist())
    equal(get(name).critic(real, fake), critic, 1e-12)
    equal(get(name).generator(fake, real), generator, 1e-12)


@unpaired
def test_batches_of_real_and_fake_may_differ_in_size(name: str) -> None:
    real, fake = scores(4), scores(7, seed=1)
    critic, generator = naive(name, real.tolist(), fake.tolist())
    equal(get(name).critic(real, fake), critic, 1e-12)
    equal(get(name).generator(fake, real), generator, 1e-12)


@every
def test_the_order_of_the_batch_does_not_matter(name: str) -> None:
    real, fake = scores(16), scores(16, seed=1)
    order = torch.randperm(16, generator=torch.Generator().manual_seed(2))
    # A paired loss sees pairs: its batch is permuted pair by pair.
    other = order if name == "relativistic" else order.flip(0)
    loss = get(name)
    assert_close(loss.critic(real[order], fake[other]), loss.critic(real, fake), rtol=1e-13, atol=0)
    assert_close(loss.generator(fake[other], real[order]), loss.generator(fake, real), rtol=1e-13, atol=0)


@every
def test_the_critic_wants_real_up_and_fake_down_and_the_generator_fake_up(name: str) -> None:
    real, fake, loss = 0.3 * scores(8), 0.3 * scores(8, seed=1), get(name)
    assert bool((slope(lambda s: loss.critic(s, fake), real) < 0).all())
    assert bool((slope(lambda s: loss.generator(s, real), fake) < 0).all())
    # The critic's loss falls with lower fake scores; least squares on its side of 0, where it wants them to be.
    above = fake.abs() + 0.1
    assert bool((slope(lambda s: loss.critic(real, s), above) > 0).all())


@every
def test_gradients_are_finite_differences(name: str) -> None:
    real, fake, loss = scores(4), scores(4, seed=1), get(name)
    real, fake = real.requires_grad_(), fake.requires_grad_()
    assert torch.autograd.gradcheck(loss.critic, (real, fake))
    assert torch.autograd.gradcheck(loss.generator, (fake, real))


@pytest.mark.parametrize("name", [name for name in NAMES if name not in ("hinge", "wasserstein")])
def test_second_gradients_are_finite_differences(name: str) -> None:
    real, fake = scores(3).requires_grad_(), scores(3, seed=1).requires_grad_()
    assert torch.autograd.gradgradcheck(get(name).critic, (real, fake))


# ---------------------------------------------------------------- what the critic learns


@pytest.mark.parametrize(
    ("name", "expected", "tolerance"),
    [
        ("minimax", (P / Q).log(), 2e-4),
        ("non-saturating", (P / Q).log(), 2e-4),
        ("least-squares", P / (P + Q), 2e-4),
        ("hinge", (P - Q).sign(), 2e-4),
        ("f-gan:gan", (P / Q).log(), 2e-4),
    ],
)
def test_the_best_critic_on_a_discrete_pair_is_the_known_one(name: str, expected: Tensor, tolerance: float) -> None:
    assert_close(best_table(get(name).critic), expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("name", [name for name in NAMES if name.startswith("f-gan:")])
def test_the_best_f_gan_critic_is_the_slope_at_the_ratio_and_its_loss_minus_the_divergence(name: str) -> None:
    row = alpha(float(name[12:])) if name.startswith("f-gan:alpha:") else F_DIVERGENCES[name.removeprefix("f-gan:")]
    raw = best_table(get(name).critic)
    # Total variation wants |v| as large as the grid allows: tanh(6) / 2 is 6e-6 from the end.
    assert_close(row.activation(raw), row.optimal_critic(P, Q), rtol=0, atol=1e-3)
    equal(get(name).critic(raw[REAL], raw[FAKE]), -row.divergence(P, Q).item(), 1e-5)


def test_the_optimal_discriminator_and_the_value_of_the_game() -> None:
    logits = (P / Q).log()
    assert_close(logits.sigmoid(), torch.tensor([0.519231, 0.590164, 0.324324]).double(), rtol=0, atol=5.1e-7)
    equal(get("minimax").critic(logits[REAL], logits[FAKE]), 1.3413746)


def test_the_minimum_of_hinge_is_twice_the_shared_mass() -> None:
    critic = (P - Q).sign()
    equal(get("hinge").critic(critic[REAL], critic[FAKE]), 1.6533333)


def test_least_squares_with_codes_minus_one_one_zero_measures_pearson() -> None:
    loss = least_squares(-1, 1, 0)
    critic = best_table(loss.critic)
    assert_close(critic, (P - Q) / (P + Q), rtol=0, atol=2e-4)
    critic = (P - Q) / (P + Q)
    # 2 C(G) of the paper holds the real side too, which the generator cannot change
    both = loss.generator(critic[FAKE], critic[REAL]) + loss.generator(critic[REAL], critic[FAKE])
    equal(2 * both, 0.0883746)


def test_the_value_of_the_relativistic_pair() -> None:
    critic = (P / Q).log()
    real, fake = critic[REAL].repeat_interleave(75), critic[FAKE].repeat(75)  # every pair once
    equal(math.log(2) - get("relativistic").critic(real, fake), 0.0439304)


def test_one_sided_smoothing_moves_the_optimum_of_the_real_side_only() -> None:
    half = torch.full((3,), 1 / 3, dtype=torch.float64)
    for name in ("minimax", "non-saturating"):
        smooth = get(name, smoothing=0.1)
        best = best_table(smooth.critic)
        assert_close(best.sigmoid(), 0.9 * P / (P + Q), rtol=0, atol=1e-4)
        # at p = q, D = .45, and a score that says so is the minimum
        score = torch.logit(0.45 * torch.ones(3).double())
        equal(slope(lambda s, smooth=smooth: smooth.critic(s, s), score).abs().max(), 0.0, 1e-15)
        assert smooth.generator(half, half) == get(name).generator(half, half)
    assert_close(best_table(get("least-squares", smoothing=0.1).critic), 0.9 * P / (P + Q), rtol=0, atol=2e-4)
    # with other codes the label moves towards that of fake: (1 - s) b + s a
    assert least_squares(1, 3, 3, smoothing=0.5).critic(torch.tensor([2.0]), torch.tensor([1.0])) == 0
    assert_close(best_table(least_squares(-1, 1, 0, 0.1).critic), (0.8 * P - Q) / (P + Q), rtol=0, atol=2e-4)


# ---------------------------------------------------------------- gradients where it matters


def test_at_logit_minus_ten_the_saturating_gradient_is_dead_and_the_other_is_not() -> None:
    equal(generator_slope("minimax", -10.0)[0], -4.53978687e-5, 1e-13)
    equal(generator_slope("non-saturating", -10.0)[0], -0.9999546021, 1e-10)


OVERFLOWS = {  # name -> the scores at which the value itself is beyond float32, for (critic on real, on fake)
    "f-gan:kl": ({}, {100.0}),
    "f-gan:reverse-kl": ({-100.0}, {}),
    "f-gan:neyman": ({-100.0}, {}),
    "f-gan:squared-hellinger": ({-100.0}, {100.0}),
    "f-gan:jeffrey": ({}, {100.0}),
    "f-gan:alpha:0.5": ({}, {100.0}),
}


@every
@pytest.mark.parametrize("score", [-100.0, 100.0])
def test_value_and_gradient_are_finite_at_a_hundred_in_float32_unless_the_value_overflows(name, score: float) -> None:
    at, zero, loss = torch.tensor([score]), torch.zeros(1), get(name)
    bad_real, bad_fake = OVERFLOWS.get(name, ({}, {}))
    for function, bad in (
        (lambda s: loss.critic(s, zero), bad_real),
        (lambda s: loss.critic(zero, s), bad_fake),
        (lambda s: loss.generator(s, zero), bad_fake),
    ):
        assert not bool(function(at).isnan())
        if score not in bad:
            double = function(at.double())
            assert_close(function(at), double.float(), rtol=1e-5, atol=1e-6)
            assert bool(slope(function, at).isfinite().all())
            assert_close(slope(function, at), slope(function, at.double()).float(), rtol=1e-4, atol=1e-6)


def test_f_gan_with_the_gan_generator_is_minimax() -> None:
    real, fake = torch.tensor([-100.0, -3.0, 0.0, 2.0, 100.0]), torch.tensor([100.0, 1.0, 0.5, -4.0, -100.0])
    ours, same = get("f-gan:gan"), get("minimax")
    for one, other, at in (
        (lambda s: ours.critic(s, fake), lambda s: same.critic(s, fake), real),
        (lambda s: ours.critic(real, s), lambda s: same.critic(real, s), fake),
        (lambda s: ours.generator(s, real), lambda s: same.generator(s, real), fake),
    ):
        assert_close(one(at), other(at), rtol=1e-6, atol=0)
        assert bool(one(at).isfinite() & slope(one, at).isfinite().all())
        assert_close(slope(one, at), slope(other, at))


@every
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_every_float_dtype_stays_and_half_precision_computes_in_single(name: str, dtype: torch.dtype) -> None:
    real, fake, loss = scores(64).to(dtype), scores(64, seed=1).to(dtype), get(name)
    for value, exact in (
        (loss.critic(real, fake), loss.critic(real.double(), fake.double())),
        (loss.generator(fake, real), loss.generator(fake.double(), real.double())),
    ):
        assert value.dtype == dtype
        assert value.shape == ()
        assert_close(value, exact.to(dtype), rtol=max(torch.finfo(dtype).eps, 2e-6), atol=1e-6)


def test_half_precision_squares_in_single() -> None:
    real, fake = torch.tensor([1.0]).half(), torch.tensor([300.0]).half()
    assert get("least-squares").critic(real, fake) == 45_000  # 300² is beyond float16, its half is not


def test_mixed_dtypes_promote() -> None:
    assert get("hinge").critic(torch.zeros(2).bfloat16(), torch.zeros(3)).dtype == torch.float32


def test_every_loss_compiles_as_one_graph() -> None:
    # In a process of its own: there no hook wraps the functions, as in a reader's training.
    code = f"""
import torch
from course_gan.losses import get
real, fake = torch.linspace(-2, 2, 8), torch.linspace(-1, 3, 8)
for name in {NAMES}:
    loss = get(name)
    both = lambda real, fake: loss.critic(real, fake) + 2 * loss.generator(fake, real)
    torch.compiler.reset()
    a, b = (x.clone().requires_grad_() for x in (real, fake))
    one, other = torch.compile(both, fullgraph=True, backend="eager")(a, b), both(a, b)
    torch.testing.assert_close(one, other)
    torch.testing.assert_close(torch.autograd.grad(one, (a, b)), torch.autograd.grad(other, (a, b)))
print("compiled", len({NAMES}))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.stdout == f"compiled {len(NAMES)}\n", result.stderr


# ---------------------------------------------------------------- bad input


@every
@pytest.mark.parametrize(
    ("real", "fake"),
    [((4, 1), (4,)), ((4,), (4, 1)), ((4, 1, 2, 2), (4, 1, 2, 1)), ((), (4,)), ((4,), ())],
)
def test_shapes_that_would_broadcast_are_refused(name: str, real: tuple[int, ...], fake: tuple[int, ...]) -> None:
    x, y, loss = torch.zeros(real), torch.zeros(fake), get(name)
    with pytest.raises(ValueError, match=r"real has shape .* and fake has shape .*; wanted scores \(n, \.\.\.\)"):
        inspect.unwrap(Loss.critic)(loss, x, y)
    with pytest.raises(ValueError, match=r"fake has shape .* and real has shape .*squeeze\(1\)"):
        inspect.unwrap(Loss.generator)(loss, y, x)


def test_a_paired_loss_refuses_batches_of_different_size() -> None:
    with pytest.raises(ValueError, match=r"real has shape \(4,\) and fake has shape \(3,\); .* of one shape"):
        get("relativistic").critic(torch.zeros(4), torch.zeros(3))
    with pytest.raises(ValueError, match="of one shape"):
        get("relativistic").generator(torch.zeros(1), torch.zeros(4))
    with pytest.raises(ValueError, match="of one shape"):  # of which only the last axes agree
        get("relativistic").critic(torch.zeros(4, 1), torch.zeros(1, 1))


@pytest.mark.parametrize(
    ("real", "error", "message"),
    [
        ([0.0], TypeError, r"real is a list; .* Pass torch\.as_tensor\(real\)"),
        (torch.zeros(2, dtype=torch.int64), ValueError, "real has dtype torch.int64"),
        (torch.zeros(0), ValueError, r"real has shape \(0,\), without entries"),
    ],
)
def test_bad_scores_are_named(real: object, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        inspect.unwrap(Loss.critic)(get("minimax"), real, torch.zeros(2))


def test_a_name_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="None is not a loss here; wanted one of minimax"):
        inspect.unwrap(get)(None)


@pytest.mark.parametrize(
    ("name", "smoothing", "message"),
    [
        ("ragan", 0.0, "'ragan' is not a loss here; wanted one of minimax, non-saturating, least-squares, hinge, wass"),
        ("f-gan:foo", 0.0, "'f-gan:foo' is not a loss here; .*f-gan:kl"),
        ("f-gan:alpha:x", 0.0, "'f-gan:alpha:x' is not a loss here; wanted f-gan:alpha:A with a finite number A"),
        ("f-gan:alpha:inf", 0.0, "f-gan:alpha:A with a finite number"),
        ("minimax", 1.0, "smoothing is 1; wanted at least 0 and below 1"),
        ("minimax", -0.1, "smoothing is -0.1; wanted"),
        ("minimax", math.nan, "smoothing is nan; wanted"),
        ("hinge", 0.1, "smoothing is 0.1, but 'hinge' has no labels to smooth; .* minimax, non-saturating, least-sq"),
        ("f-gan:alpha:2", 0.1, "'f-gan:alpha:2' has no labels"),
    ],
)
def test_bad_names_and_smoothing_are_refused(name: str, smoothing: float, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        get(name, smoothing=smoothing)


# ---------------------------------------------------------------- traps: what others got wrong


def test_trap_wasserstein_critic_that_is_hinge() -> None:
    real, fake = torch.tensor([3.0, 2.0]), torch.tensor([-3.0, -2.0])  # beyond the margin, where hinge stops
    wrong = lambda r, f: torch.relu(1 - r).mean() + torch.relu(1 + f).mean()  # noqa: E731
    assert slope(lambda s: wrong(s, fake), real).tolist() == [0.0, 0.0]
    assert slope(lambda s: get("wasserstein").critic(s, fake), real).tolist() == [-0.5, -0.5]
    equal(get("wasserstein").critic(real, fake), -5.0, 0)


def test_trap_relativistic_generator_overwritten() -> None:
    real, fake = scores(8) + 1, scores(8, seed=1)
    overwritten = torch.nn.functional.softplus(-fake).mean()  # the plain loss, written over the relativistic one
    ours = get("relativistic").generator(fake, real)
    assert (ours - overwritten).abs() > 0.05
    # ours looks at real, and is the critic's with the sides exchanged
    assert_close(ours, get("relativistic").critic(fake, real))
    assert bool((slope(lambda s: get("relativistic").generator(fake, s), real) > 0).all())


def test_trap_relativistic_averaged_on_the_wrong_side() -> None:
    softplus = torch.nn.functional.softplus
    real, fake = torch.tensor([4.0, -1.0]).double(), torch.tensor([2.0, -2.0]).double()
    averaged = (softplus(real.mean() - real) + softplus(fake - real.mean())).mean() / 2
    wrong = (
        softplus(fake.mean() - real) + softplus(fake.mean() - real)
    ).mean() / 2  # mean(fake) - real, for the mirror
    ours = get("relativistic").critic(real, fake)
    by_hand = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))) / 2  # the pairs 4 > 2 and -1 > -2
    equal(ours, by_hand, 1e-14)
    for other in (averaged, wrong):
        assert (ours - other).abs() > 0.1
    # the wrong average gives every fake the same gradient, however bad it is; pairs tell them apart
    same = slope(lambda s: softplus(s.mean() - real).mean(), fake)
    assert same[0] == same[1]
    own = slope(lambda s: get("relativistic").critic(real, s), fake)
    assert (own[0] - own[1]).abs() > 0.05


def test_trap_broadcast_of_a_column_against_a_row() -> None:
    real, fake = torch.arange(8.0)[:, None], torch.arange(8.0)
    assert (fake - real).shape == (8, 8)  # without a word
    wrong = torch.nn.functional.softplus(fake - real).mean()
    right = get("relativistic").critic(real.squeeze(1), fake)
    equal(right, math.log(2), 1e-6)
    assert (wrong - right).abs() > 0.5
    with pytest.raises(ValueError, match=r"\(8, 1\) and fake has shape \(8,\)"):
        inspect.unwrap(Loss.critic)(get("relativistic"), real, fake)


def test_trap_cross_entropy_on_a_sigmoid() -> None:
    bce = torch.nn.functional.binary_cross_entropy
    wrong = slope(lambda s: bce(s.sigmoid(), torch.ones_like(s)), torch.tensor([-50.0]))
    assert wrong.abs() < 1e-8
    equal(generator_slope("non-saturating", -50.0, torch.float32)[0], -1.0, 1e-6)


def test_trap_small_number_inside_the_logarithm() -> None:
    wrong = slope(lambda s: -(s.sigmoid() + 1e-8).log(), torch.tensor([-20.0]))
    equal(wrong[0], -0.17, 0.005)
    equal(generator_slope("non-saturating", -20.0, torch.float32)[0], -1.0, 1e-6)


def test_trap_two_names_for_one_loss() -> None:
    real, fake = torch.tensor([-3.0, 0.5, 4.0]), torch.tensor([-4.0, 0.0, 2.0])
    slopes = {
        name: torch.cat(
            [
                slope(lambda s, n=name: get(n).critic(s, fake), real),
                slope(lambda s, n=name: get(n).generator(s, real), fake),
            ]
        )
        for name in NAMES
    }
    # f-GAN's GAN row is the minimax game by design, and its Jensen-Shannon row the same up to the constant log 4.
    same = set(itertools.combinations(["minimax", "f-gan:jensen-shannon", "f-gan:gan"], 2))
    for one, other in itertools.combinations(NAMES, 2):
        if (one, other) not in same:
            assert not torch.allclose(slopes[one], slopes[other], atol=1e-4), f"{one} is {other}"


@every
def test_trap_wrong_sign_for_the_generator(name: str) -> None:
    fake, real = torch.tensor([-0.3, 0.1], dtype=torch.float64), torch.tensor([0.2, 0.4], dtype=torch.float64)
    step = -0.1 * slope(lambda s: get(name).generator(s, real), fake)  # descent on the generator's loss
    assert bool((step > 0).all())  # lifts the scores of what it made


def test_trap_conjugate_of_the_raw_score() -> None:
    real, fake = scores(16), scores(16, seed=1)
    for name in ("total-variation", "jensen-shannon", "squared-hellinger"):
        row = F_DIVERGENCES[name]
        wrong = row.conjugate(fake).mean() - row.activation(real).mean()
        assert not bool((wrong - get(f"f-gan:{name}").critic(real, fake)).abs() < 0.05)
