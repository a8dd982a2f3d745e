"""Penalties: closed forms, finite differences, what a critic may be, and the mistakes that others made."""

import inspect
import math
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.testing import assert_close

from course_gan.input_gradients import _is_compiled, _modules_in, _nodes
from course_gan.penalties import PENALTIES, gradient_norms, gradient_penalty, input_gradients, interpolate, r1, r2

NAMES = list(PENALTIES)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def pairs(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    real, fake = torch.randn(2, *shape, generator=seeded(seed), dtype=torch.float64).to(dtype)
    return real, fake + 1


def filled(module: nn.Module, seed: int = 0, dtype: torch.dtype = torch.float64) -> nn.Module:
    """The module with weights that depend on the seed alone."""
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) / max(1, parameter[0].numel()) ** 0.5)
    return module.to(dtype)


def mlp(activation: nn.Module, inputs: int = 3) -> nn.Module:
    return filled(nn.Sequential(nn.Linear(inputs, 6), activation, nn.Linear(6, 6), activation, nn.Linear(6, 1)))


def image_critic(channels: int, normalization: nn.Module | None = None) -> nn.Module:
    first, second = nn.Conv2d(channels, 4, 3, stride=2, padding=1), nn.Linear(4 * 4 * 4, 1)
    return filled(nn.Sequential(first, normalization or nn.Identity(), nn.Tanh(), nn.Flatten(), second, nn.Flatten(0)))


# An implementation in other words: one sample at a time, autograd.grad, a root of a sum.
def slopes_one_by_one(critic: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    norms = []
    for sample in x:
        point = sample[None].clone().requires_grad_()
        (gradient,) = torch.autograd.grad(critic(point).sum(), point, create_graph=True)
        norms.append((gradient * gradient).sum().sqrt())
    return torch.stack(norms)


def in_other_words(name: str, critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, seed: int) -> Tensor:
    alpha = torch.rand(len(real), generator=seeded(seed), dtype=real.dtype).reshape(-1, *[1] * (real.ndim - 1))
    points = {"r1": real, "r2": fake}.get(name, fake + alpha * (real - fake))
    norms = slopes_one_by_one(critic, points.detach())
    if name in ("r1", "r2"):
        return 0.5 * (norms**2).mean()
    return ((norms - 1).clamp(min=0) ** 2 if name == "one-sided" else (norms - 1) ** 2).mean()


# ---------------------------------------------------------------- closed forms


def test_a_linear_critic_has_its_slope_everywhere() -> None:
    w = torch.tensor([3.0, 4.0], dtype=torch.float64, requires_grad=True)
    real, fake = pairs(8, 2)
    critic = lambda x: x @ w  # noqa: E731
    values = {name: PENALTIES[name](critic, real, fake, None) for name in NAMES}
    assert {name: round(value.item(), 12) for name, value in values.items()} == {
        "gradient-penalty": 16,  # (5 - 1)²
        "one-sided": 16,
        "r1": 12.5,  # ½ 5²; with γ = 10 it is 125
        "r2": 12.5,
    }
    (gradient,) = torch.autograd.grad(values["gradient-penalty"], w)
    assert_close(gradient, torch.tensor([4.8, 6.4], dtype=torch.float64))  # 2 (|w| - 1) w / |w|
    (gradient,) = torch.autograd.grad(values["r1"], w)
    assert_close(gradient, w.detach())


@pytest.mark.parametrize(("slope", "two_sided", "one_sided"), [(0.5, 0.25, 0.0), (1.0, 0.0, 0.0), (3.0, 4.0, 4.0)])
def test_one_sided_leaves_small_slopes_alone(slope: float, two_sided: float, one_sided: float) -> None:
    w = torch.tensor([slope], requires_grad=True)
    real, fake = pairs(4, 1, dtype=torch.float32)
    value = gradient_penalty(lambda x: x @ w, real, fake, one_sided=True)
    assert value.item() == one_sided
    assert torch.autograd.grad(value, w)[0].item() == (2 * (slope - 1) if slope > 1 else 0)
    assert gradient_penalty(lambda x: x @ w, real, fake).item() == two_sided


@pytest.mark.parametrize(("weight", "slope"), [(10.0, 1.1), (0.1, 11.0), (1.0, 2.0)])
def test_the_linear_critic_of_wgan_gp_ends_above_slope_one(weight: float, slope: float) -> None:
    """w* = 1 + Δ / 2λ for means Δ = 2 apart: there the gradient of the whole critic loss vanishes."""
    w = torch.tensor([slope], dtype=torch.float64, requires_grad=True)
    real, fake = (torch.full((16, 1), mean, dtype=torch.float64) for mean in (2.0, 0.0))
    loss = (fake @ w).mean() - (real @ w).mean() + weight * gradient_penalty(lambda x: x @ w, real, fake)
    (gradient,) = torch.autograd.grad(loss, w)
    assert_close(gradient, torch.zeros(1, dtype=torch.float64), rtol=0, atol=1e-12)


def test_a_quadratic_critic() -> None:
    """D(x) = a ‖x‖² / 2 has slope a ‖x‖."""
    a = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    real, fake = pairs(6, 2, 3, 4)

    def critic(x: Tensor) -> Tensor:
        return a * x.square().flatten(1).sum(1) / 2

    assert_close(r1(critic, real), 0.5 * 0.49 * real.square().sum() / 6)
    assert_close(r2(critic, fake), 0.5 * 0.49 * fake.square().sum() / 6)
    alpha = torch.rand(6, 1, 1, 1, generator=seeded(5), dtype=torch.float64)
    lengths = (alpha * real + (1 - alpha) * fake).flatten(1).norm(dim=1)
    value = gradient_penalty(critic, real, fake, generator=seeded(5))
    assert_close(value, (0.7 * lengths - 1).square().mean())
    assert_close(torch.autograd.grad(value, a)[0], (2 * (0.7 * lengths - 1) * lengths).mean())


@pytest.mark.parametrize("target", [0.0, 0.5, 2, 7.0])
def test_the_target_replaces_the_one(target: float) -> None:
    real, fake = pairs(4, 2)
    w = torch.tensor([3.0, 4.0], dtype=torch.float64)
    assert gradient_penalty(lambda x: x @ w, real, fake, target=target).item() == (5 - target) ** 2
    one_sided = gradient_penalty(lambda x: x @ w, real, fake, target=target, one_sided=True)
    assert one_sided.item() == max(0, 5 - target) ** 2


# ---------------------------------------------------------------- gradients with respect to the critic's weights


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("activation", [nn.Tanh(), nn.LeakyReLU(0.2)], ids=["tanh", "leaky-relu"])
def test_the_gradient_of_the_whole_loss_agrees_with_finite_differences(name: str, activation: nn.Module) -> None:
    module, (real, fake) = mlp(activation), pairs(5, 3)
    names, weights = zip(*module.named_parameters())

    def loss(*values: Tensor) -> Tensor:
        def critic(x: Tensor) -> Tensor:
            return functional_call(module, dict(zip(names, values)), x)

        return critic(fake).mean() - critic(real).mean() + 10 * PENALTIES[name](critic, real, fake, seeded(1))

    assert torch.autograd.gradcheck(loss, weights, eps=1e-6, atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_input_gradients_agree_with_finite_differences_of_the_scores(name: str) -> None:
    """No derivative by torch at all: slopes from differences of scores, one entry of one sample at a time."""
    critic, (real, fake) = mlp(nn.Tanh()), pairs(4, 3)
    points = {"r1": real, "r2": fake}.get(name, interpolate(real, fake, seeded(2)))
    step = 1e-5
    with torch.no_grad():
        columns = [(critic(points + step * e) - critic(points - step * e))[:, 0] / (2 * step) for e in torch.eye(3)]
    norms = torch.stack(columns, 1).norm(dim=1)
    excess = norms - 1 if name == "gradient-penalty" else (norms - 1).clamp(min=0)
    expected = norms.square().mean() / 2 if name in ("r1", "r2") else excess.square().mean()
    assert_close(PENALTIES[name](critic, real, fake, seeded(2)), expected, rtol=1e-7, atol=1e-9, check_dtype=False)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("channels", [1, 2, 3, 5])
def test_values_and_gradients_agree_with_one_sample_at_a_time(name: str, channels: int) -> None:
    critic, (real, fake) = image_critic(channels), pairs(6, channels, 8, 8)
    weights = list(critic.parameters())
    value, expected = (
        PENALTIES[name](critic, real, fake, seeded(3)),
        in_other_words(name, critic, real, fake, seed=3),
    )
    assert_close(value, expected)
    mine, theirs = (torch.autograd.grad(v, weights, allow_unused=True) for v in (value, expected))
    assert mine[-1] is None  # the last bias shifts all scores alike
    assert_close(mine[:-1], theirs[:-1])


def test_the_graph_goes_to_the_weights_and_not_to_the_samples() -> None:
    real, fake = (points.requires_grad_() for points in pairs(4, 3))
    critic = mlp(nn.Tanh())
    sum(PENALTIES[name](critic, real, fake, None) for name in NAMES).backward()
    assert real.grad is None
    assert fake.grad is None
    assert critic[0].weight.grad.abs().max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_a_transform_does_not_reach_the_samples_either(name: str) -> None:
    real, fake = pairs(4, 3)
    critic = lambda x: x.square().sum(1)  # noqa: E731
    slope = torch.func.grad(lambda scale: PENALTIES[name](critic, scale * real, scale * fake, seeded()))
    assert slope(torch.ones((), dtype=torch.float64)) == 0


@pytest.mark.parametrize("name", NAMES)
def test_trap_fakes_not_detached(name: str) -> None:
    generator, critic = filled(nn.Linear(2, 3)), mlp(nn.Tanh())
    fake = generator(torch.randn(4, 2, generator=seeded(), dtype=torch.float64))
    PENALTIES[name](critic, torch.zeros_like(fake), fake, None).backward()
    assert generator.weight.grad is None
    # The wrong variant, a penalty at points that carry the generator's graph, reaches the generator.
    (inner,) = torch.autograd.grad(critic(fake).sum(), fake, create_graph=True)
    inner.square().sum().backward()
    assert generator.weight.grad.abs().max() > 0


def test_without_recording_the_value_is_the_same() -> None:
    critic, (real, fake) = mlp(nn.Tanh()), pairs(4, 3)
    expected = gradient_penalty(critic, real, fake, generator=seeded())
    with torch.no_grad():
        value = gradient_penalty(critic, real, fake, generator=seeded())
        slopes = input_gradients(critic, real)
    assert not value.requires_grad
    assert not slopes.requires_grad  # nor do they keep the activations of the critic alive
    assert_close(slopes, input_gradients(critic, real).detach())
    assert_close(value, expected.detach())


# ---------------------------------------------------------------- traps: the norm


def wrong_norm_cases() -> tuple[nn.Module, Tensor, Tensor]:
    real, fake = pairs(6, 3, 8, 8)
    return image_critic(3), real, interpolate(real, fake, seeded(4))


def test_trap_norm_over_channels_only() -> None:
    critic, _, points = wrong_norm_cases()
    gradients = torch.func.grad(lambda x: critic(x).sum())(points)
    wrong = (gradients.norm(2, dim=1) - 1).square().mean()
    right = (slopes_one_by_one(critic, points) - 1).square().mean()
    assert (wrong - right).abs() > 0.1
    # r -> r and fake -> r puts every point of the segment on r
    assert_close(gradient_penalty(critic, points, points), right)
    assert_close(gradient_norms(critic, points), slopes_one_by_one(critic, points))


def test_trap_one_norm_for_the_whole_batch() -> None:
    critic, _, points = wrong_norm_cases()
    wrong = (torch.func.grad(lambda x: critic(x).sum())(points).norm(2) - 1).square()
    right = (slopes_one_by_one(critic, points) - 1).square().mean()
    assert (wrong / right - 1).abs() > 0.2
    assert_close(gradient_penalty(critic, points, points), right)


def test_the_penalty_is_a_mean_over_samples() -> None:
    critic, _, points = wrong_norm_cases()
    doubled = torch.cat([points, points])
    assert_close(gradient_penalty(critic, doubled, doubled), gradient_penalty(critic, points, points))
    assert_close(r1(critic, doubled), r1(critic, points))


@pytest.mark.parametrize("name", NAMES)
def test_trap_root_at_zero(name: str) -> None:
    """A critic without slope: the root of a sum of squares has gradient NaN there, and a shifted root a wrong norm."""
    w = torch.zeros(3, requires_grad=True)
    real, fake = pairs(4, 3, dtype=torch.float32)
    value = PENALTIES[name](lambda x: x @ w, real, fake, None)
    assert value.item() == (1.0 if name == "gradient-penalty" else 0.0)
    assert_close(torch.autograd.grad(value, w)[0], torch.zeros(3), rtol=0, atol=0)
    wrong = ((w.square().sum().sqrt() - 1) ** 2).mean()
    assert torch.autograd.grad(wrong, w)[0].isnan().all()


def test_no_epsilon_pulls_the_norm() -> None:
    w = torch.tensor([1e-3], dtype=torch.float64)
    wrong = (w.square().sum() + 1e-4).sqrt()
    assert wrong > 0.01
    assert_close(gradient_norms(lambda x: x @ w, torch.zeros(2, 1).double()), w.expand(2), rtol=1e-14, atol=0)


def test_trap_r1_without_its_half() -> None:
    critic, real, points = wrong_norm_cases()
    squared = slopes_one_by_one(critic, real).square().mean()
    assert_close(r1(critic, real), squared / 2)
    assert_close(r2(critic, points), slopes_one_by_one(critic, points).square().mean() / 2)
    assert (r1(critic, real) - squared).abs() > 0.1 * squared


def test_trap_three_channels_hard_coded() -> None:
    for shape in [(5,), (5, 2), (5, 1, 8, 8), (5, 3, 4, 6), (5, 4, 1, 2, 3), (1, 7)]:
        real, fake = pairs(*shape)
        value = gradient_penalty(lambda x: x.reshape(len(x), -1).sum(1), real, fake)
        entries = math.prod(shape[1:])
        assert_close(value.item(), (math.sqrt(entries) - 1) ** 2, msg=str(shape))


# ---------------------------------------------------------------- traps: where the points lie


def weights_of_real(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    """The α of each entry, seen through a real batch of ones and a fake batch of zeros."""
    return interpolate(torch.ones(shape), torch.zeros(shape), seeded(seed))


def test_trap_alpha_for_the_whole_batch() -> None:
    alpha = weights_of_real((512, 1))
    assert alpha.unique().numel() > 500
    one_for_all = torch.rand(1, generator=seeded()).expand(512, 1)
    assert one_for_all.unique().numel() == 1


def test_trap_alpha_per_pixel() -> None:
    alpha = weights_of_real((64, 3, 4, 4)).flatten(1)
    assert_close(alpha, alpha[:, :1].expand_as(alpha), rtol=0, atol=0)
    per_pixel = torch.rand(64, 48, generator=seeded())
    assert (per_pixel - per_pixel[:, :1]).abs().max() > 0.5


def test_trap_alpha_normal() -> None:
    alpha = weights_of_real((4096, 1)).flatten()
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    # Kolmogorov-Smirnov distance to U[0, 1]: beyond 1.95 / √n once in a thousand seeds, and this one is fixed.
    steps = torch.arange(4096) / 4096
    assert (alpha.sort().values - steps).abs().max() < 1.95 / 64
    normal = torch.randn(4096, generator=seeded())
    assert ((normal < 0) | (normal > 1)).float().mean() > 0.6


def test_trap_penalty_on_real_samples_only() -> None:
    """A critic that is steep at real samples, flat at fake ones and in between has slopes of all sizes."""
    real, fake = torch.ones(256, 1), torch.zeros(256, 1)

    def critic(x: Tensor) -> Tensor:
        return x.square().sum(1)

    values = gradient_penalty(critic, real, fake, target=0.0, generator=seeded())
    at_real, at_fake = (gradient_penalty(critic, x, x, target=0.0) for x in (real, fake))
    assert at_real.item() == 4.0
    assert at_fake.item() == 0.0
    assert_close(values, torch.tensor(4 / 3), rtol=0.15, atol=0)  # E (2α)², standard error 5 %


def test_points_lie_on_the_segment_and_alpha_weighs_the_real_sample() -> None:
    real, fake = pairs(8, 2, 3)
    alpha = torch.rand(8, 1, 1, generator=seeded(9), dtype=torch.float64)
    assert_close(interpolate(real, fake, seeded(9)), alpha * real + (1 - alpha) * fake)


def test_a_generator_repeats_the_points_and_spares_the_global_stream() -> None:
    real, fake = pairs(8, 2)
    before = torch.random.get_rng_state()
    first, again, other = (interpolate(real, fake, seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not torch.equal(interpolate(real, fake), interpolate(real, fake))  # the global stream moves on


# ---------------------------------------------------------------- what a critic may be


@pytest.mark.parametrize("name", NAMES)
def test_scores_may_be_n_or_n_1_or_patches(name: str) -> None:
    real, fake = pairs(3, 2, 8, 8)
    body = filled(nn.Conv2d(2, 1, 3, padding=1))
    patches = PENALTIES[name](body, real, fake, seeded())
    assert body(real).shape == (3, 1, 8, 8)
    flat = PENALTIES[name](lambda x: body(x).flatten(1).sum(1), real, fake, seeded())
    column = PENALTIES[name](lambda x: body(x).flatten(1).sum(1, keepdim=True), real, fake, seeded())
    assert_close(patches, flat)
    assert_close(column, flat)


def test_a_conditional_critic_is_a_lambda() -> None:
    table, (real, _) = filled(nn.Embedding(3, 4)), pairs(6, 4)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    value = r1(lambda x: (x * table(labels)).sum(1), real)
    assert_close(value, table.weight.square().sum(1).mean() / 2)
    value.backward()
    assert_close(table.weight.grad, table.weight.detach() / 3)


def test_dropout_drops_in_training_and_not_in_evaluation() -> None:
    critic = filled(nn.Sequential(nn.Linear(3, 64), nn.Tanh(), nn.Dropout(0.5), nn.Linear(64, 1)))
    real, _ = pairs(4, 3)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        first, second = r1(critic, real), r1(critic, real)
    assert not torch.equal(first, second)
    first.backward()
    assert critic[0].weight.grad.isfinite().all()
    critic.eval()
    assert torch.equal(r1(critic, real), r1(critic, real))


def test_a_penalty_is_one_power_iteration_of_a_spectral_norm() -> None:
    layer = nn.utils.parametrizations.spectral_norm(filled(nn.Linear(6, 5)))
    norm, weight = layer.parametrizations.weight[0], layer.parametrizations.weight.original.detach()
    start = torch.ones(6, dtype=torch.float64) / math.sqrt(6)
    norm._v.copy_(start)
    r1(lambda x: layer(x).sum(1), pairs(4, 6)[0]).backward()
    u = nn.functional.normalize(weight @ start, dim=0)
    assert_close(norm._u, u)
    assert_close(norm._v, nn.functional.normalize(weight.T @ u, dim=0))
    assert layer.parametrizations.weight.original.grad.abs().max() > 0
    layer.eval()
    before = norm._u.clone()
    r1(lambda x: layer(x).sum(1), pairs(4, 6)[0])
    assert torch.equal(norm._u, before)


def test_layer_and_instance_and_group_normalization_are_fine() -> None:
    real, _ = pairs(5, 2, 8, 8)
    for normalization in (nn.InstanceNorm2d(4, affine=True), nn.GroupNorm(2, 4), nn.LayerNorm([4, 4, 4])):
        critic = image_critic(2, normalization)
        assert_close(gradient_penalty(critic, real, real), in_other_words("gradient-penalty", critic, real, real, 0))


# ---------------------------------------------------------------- traps: batch norm, autocast


def test_trap_batch_norm() -> None:
    critic, (real, fake) = image_critic(2, nn.BatchNorm2d(4)), pairs(6, 2, 8, 8)
    # In training mode a sample's score moves with the other samples, so that there is no gradient per sample.
    moved = torch.cat([real[:1], 5 * real[1:]])
    assert (critic(real)[0] - critic(moved)[0]).abs() > 0.01
    for name in NAMES:
        with pytest.raises(ValueError, match=r"contains 1 BatchNorm2d.*no gradient of its own.*critic\.eval\(\)"):
            PENALTIES[name](critic, real, fake, None)
        with pytest.raises(ValueError, match="contains 1 BatchNorm2d"):
            PENALTIES[name](lambda x: critic(x), real, fake, None)

        with pytest.raises(ValueError, match="contains 1 BatchNorm2d"):
            PENALTIES[name](partial(critic), real, fake, None)

        def hidden(scale: Tensor, name: str = name, within: tuple[nn.Module] = (critic,)) -> Tensor:
            return PENALTIES[name](lambda x: within[0](x), scale * real, fake, None)

        with pytest.raises(ValueError, match=r"changes one of its buffers.*Batch normalization in training mode"):
            torch.func.grad(hidden)(torch.ones((), dtype=torch.float64))
    critic.eval()
    for name in NAMES:
        assert_close(
            PENALTIES[name](critic, real, fake, seeded(1)),
            in_other_words(name, critic, real, fake, 1),
            rtol=1e-9,
            atol=0,
        )


def test_batch_norm_without_running_statistics_mixes_samples_in_evaluation_too() -> None:
    critic = nn.Sequential(nn.BatchNorm1d(3, track_running_stats=False), nn.Linear(3, 1)).double().eval()
    real = pairs(6, 3)[0]
    for form in (critic, critic.forward, partial(critic)):
        with pytest.raises(ValueError, match="contains 0 BatchNorm1d"):
            r1(form, real)
        with pytest.raises(ValueError, match="contains 0 BatchNorm1d"):  # where no graph shows it, nor a buffer
            torch.func.grad(lambda scale, form=form: r1(form, scale * real))(torch.ones((), dtype=torch.float64))


LAYER_OF_THE_MODULE = nn.BatchNorm1d(2)


def test_batch_norm_is_seen_in_what_a_function_names() -> None:
    with pytest.raises(ValueError, match="contains only BatchNorm1d"):
        r1(lambda x: LAYER_OF_THE_MODULE(x).sum(1), pairs(6, 2)[0])

    game = nn.ModuleDict({"critic": nn.Linear(2, 1), "generator": nn.BatchNorm1d(2)}).double()
    r1(lambda x: game.critic(x), pairs(6, 2)[0])  # the generator's is none of the critic's business
    with pytest.raises(ValueError, match="contains only BatchNorm1d"):
        r1(lambda x: game.generator(x).sum(1), pairs(6, 2)[0])

    def critic(x: Tensor) -> Tensor:
        return x.sum(1) if x.ndim > 1 else later

    assert r1(critic, pairs(6, 2)[0]) == 1  # its cell for `later` is empty
    later = None


class Scorer:
    """A critic that is no module, though it holds one."""

    def __init__(self, *modules: nn.Module) -> None:
        self.modules = modules

    def __call__(self, x: Tensor) -> Tensor:
        for module in self.modules:
            x = module(x)
        return x

    def score(self, x: Tensor) -> Tensor:
        return self(x)


def by_function(x: Tensor) -> Tensor:
    return nn.functional.batch_norm(x, None, None, training=True).square().sum(1)


def behind_a_closure(critic: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    return lambda x: critic(x)


def test_batch_norm_is_found_wherever_it_hides() -> None:
    body, head = (nn.Sequential(layer).double() for layer in (nn.BatchNorm1d(3), nn.Linear(3, 1)))
    whole = nn.Sequential(body, head)
    hidden = {
        "partial": partial(whole),
        "method of a module": whole.forward,
        "object": Scorer(body, head),
        "method of an object": Scorer(body, head).score,
        "first of two modules with equal names": lambda x: head(body(x)),
        "function within a function": behind_a_closure(lambda x: whole(x)),
        "functional": by_function,
    }
    for critic in hidden.values():
        for samples in (6, 2):  # two are the fewest that can be mixed
            with pytest.raises(ValueError, match="Batch normalization in training mode mixes them"):
                r1(critic, pairs(samples, 3)[0])
    whole.eval()
    for name, critic in hidden.items():
        if name != "functional":
            assert_close(r1(critic, pairs(6, 3)[0]), r1(whole, pairs(6, 3)[0]), rtol=0, atol=0)


def test_batch_norm_that_the_samples_do_not_pass_is_no_matter() -> None:
    x, norm = pairs(6, 3)[0], nn.BatchNorm1d(3).double()
    label = norm(pairs(6, 3, seed=1)[0])  # of other rows, with a graph of its own
    expected = (slopes_one_by_one(lambda x: x.square().sum(1), x).square()).mean() / 2
    assert_close(r1(lambda x: x.square().sum(1) + label.sum(1), x), expected)
    images = pairs(6, 3, 4, 4)[0]
    instance_norm = nn.functional.instance_norm  # which calls the same kernel, over a single row
    assert r1(lambda x: instance_norm(x).pow(3).sum((1, 2, 3)), images) > 0


def test_inference_mode_shows_the_value_and_not_zero() -> None:
    critic, (x, _) = mlp(nn.Tanh()), pairs(6, 3)
    with torch.inference_mode():
        value, made_there = r1(critic, x), x.clone()
        also = r1(critic, made_there)
    expected = r1(critic, x)
    assert expected > 0.001
    for found in (value, also, r1(critic, made_there)):
        assert_close(found, expected, rtol=0, atol=0)
    weight = critic[0].weight
    (of_made_there,) = torch.autograd.grad(r1(critic, made_there), weight)
    assert_close(of_made_there, torch.autograd.grad(expected, weight)[0], rtol=0, atol=0)


def test_a_critic_may_begin_and_end_in_place_and_the_samples_stay() -> None:
    x = pairs(6, 3)[0]
    kept = x.clone()
    inside = mlp(nn.Tanh())
    tame, wild = (nn.Sequential(nn.LeakyReLU(0.2, place), inside, nn.Softplus(), nn.ReLU(place)) for place in (0, 1))
    assert_close(r1(wild, x), r1(tame, x), rtol=0, atol=0)
    assert_close(torch.func.vmap(lambda row: r1(wild, row[None]))(x).mean(), r1(tame, x))
    assert_close(x, kept, rtol=0, atol=0)


def test_a_compiled_critic_is_noticed_before_it_is_called() -> None:
    """Found only in its graph, it would be called a second time: dropout and spectral norms would move on twice."""
    module, in_place = mlp(nn.Tanh()), mlp(nn.Tanh())
    in_place.compile(backend="eager")
    within = nn.Sequential(torch.compile(module))
    for critic in (torch.compile(module), torch.compile(linear), in_place, within, lambda x: within(x)):
        assert _is_compiled(critic, list(_modules_in(critic)))
    assert not _is_compiled(module, list(_modules_in(module)))
    assert not _is_compiled(linear, [])


@pytest.mark.parametrize("case", ["function", "forward"])
def test_compiled_code_is_found_within_a_critic(case: str) -> None:
    """Compiled code has no second derivative in plain autograd, and raised when the penalty was differentiated."""
    inside, x = mlp(nn.Tanh()), pairs(6, 3)[0]
    compiled = torch.compile(lambda x: inside(x), backend="aot_eager")

    class Decorated(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return compiled(x)

    critic = Decorated() if case == "forward" else lambda x: compiled(x)
    expected = r1(inside, x)
    value = r1(critic, x)
    assert_close(value, expected)
    weight = inside[0].weight
    assert_close(torch.autograd.grad(value, weight)[0], torch.autograd.grad(expected, weight)[0])


def test_compiled_code_that_the_samples_do_not_pass_is_no_matter() -> None:
    """A second call would let dropout and spectral norms move on twice."""
    weight, x, calls = torch.ones(3, dtype=torch.float64, requires_grad=True), pairs(6, 3)[0], []
    compiled = torch.compile(lambda weight: weight.square().sum(), backend="aot_eager")

    def critic(x: Tensor) -> Tensor:
        calls.append(len(x))
        return x.sum(1) * 2 + compiled(weight)

    assert_close(r1(critic, x).item(), 6.0)
    assert calls == [6]


def test_each_operation_of_a_critic_is_looked_at_once() -> None:
    """Each residual block doubles the number of ways back: a critic of 40 blocks has 2^40."""
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(40):
        y = y + y.tanh()
    nodes = list(islice(_nodes(y.grad_fn), 1000))
    assert len(nodes) == len(set(nodes)) == 81  # two a block, and the leaf


@pytest.mark.parametrize("name", NAMES)
def test_the_gradient_is_the_same_within_a_transform_to_the_last_bit(name: str) -> None:
    critic, (real, fake) = image_critic(3, nn.GroupNorm(2, 4)), pairs(6, 3, 8, 8)
    weights = dict(critic.named_parameters())

    def penalty(weights: dict[str, Tensor]) -> Tensor:
        return PENALTIES[name](lambda x: functional_call(critic, weights, x), real, fake, seeded())

    transformed, value = torch.func.grad_and_value(penalty)(weights)
    plain = penalty(weights)
    torch.testing.assert_close(plain, value, rtol=0, atol=0)
    gradients = torch.autograd.grad(plain, list(weights.values()), allow_unused=True, materialize_grads=True)
    for ours, theirs in zip(gradients, transformed.values(), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-14)


def test_a_constant_critic_is_flat_and_without_gradients_there_is_no_graph() -> None:
    real = pairs(6, 2)[0]
    assert r1(lambda x: torch.ones(len(x)), real) == 0
    weight = torch.ones(6, dtype=real.dtype, requires_grad=True)
    assert r1(lambda x: weight, real) == 0  # it depends on something, but not on x
    scale = torch.ones((), dtype=real.dtype, requires_grad=True)
    with torch.no_grad():
        value = r1(lambda x: scale * x.sum(1), real)
    assert value == 1
    assert not value.requires_grad


def test_batch_norm_without_running_statistics_is_refused_in_evaluation_too() -> None:
    critic = image_critic(2, nn.BatchNorm2d(4, track_running_stats=False)).eval()
    with pytest.raises(ValueError, match="Batch normalization"):
        r1(critic, pairs(6, 2, 8, 8)[0])
    with pytest.raises(ValueError, match="contains only BatchNorm1d"):
        r1(nn.BatchNorm1d(2), pairs(6, 2)[0])


@pytest.mark.parametrize("name", NAMES)
def test_trap_penalty_inside_autocast(name: str) -> None:
    critic = mlp(nn.Tanh()).float()
    real, fake = pairs(16, 3, dtype=torch.float32)
    expected = PENALTIES[name](critic, real, fake, seeded())
    with torch.autocast("cpu", torch.bfloat16):
        assert critic(real).dtype == torch.bfloat16
        value = PENALTIES[name](critic, real, fake, seeded())
        assert critic(real).dtype == torch.bfloat16  # autocast goes on afterwards
        (inner,) = torch.autograd.grad(critic(real.requires_grad_()).sum(), real)
    assert value.dtype == torch.float32
    assert_close(value, expected, rtol=0, atol=0)
    mine, theirs = (torch.autograd.grad(v, list(critic.parameters())[:-1]) for v in (value, expected))
    assert_close(mine, theirs, rtol=0, atol=0)
    # The wrong variant has three digits.
    wrong = inner.square().sum(1).mean() / 2
    assert (wrong / r1(critic, real) - 1).abs() > 1e-4


def test_half_precision_samples_under_autocast_meet_the_weights_in_single() -> None:
    critic, (real, _) = mlp(nn.Tanh()).float(), pairs(16, 3, dtype=torch.bfloat16)
    with torch.autocast("cpu", torch.bfloat16):
        value = r1(critic, real)
    assert_close(value, r1(critic, real.float()), rtol=0, atol=0)


# ---------------------------------------------------------------- dtypes, devices, layouts


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_every_dtype_is_kept(name: str, dtype: torch.dtype) -> None:
    critic, (real, fake) = mlp(nn.Tanh()), pairs(16, 3)
    expected = PENALTIES[name](critic, real.to(dtype).double(), fake.to(dtype).double(), seeded())
    value = PENALTIES[name](critic.to(dtype), real.to(dtype), fake.to(dtype), seeded())
    assert value.dtype == dtype
    # float64 draws other α than float32: the mean of 16 moves by up to a fifth.
    tolerance = 0.5 if dtype != torch.float64 and name in ("gradient-penalty", "one-sided") else 8
    tolerance = tolerance if tolerance < 1 else 8 * torch.finfo(dtype).eps
    assert_close(value.double(), expected, rtol=tolerance, atol=1e-3 if dtype != torch.float64 else 0)


def test_half_precision_does_not_overflow_in_the_sum_of_squares() -> None:
    w = torch.full((4,), 150.0, dtype=torch.float16)  # slope 300; its square, 90 000, is beyond float16
    real = torch.zeros(2, 4, dtype=torch.float16)
    norms = gradient_norms(lambda x: x @ w, real)
    assert (norms.tolist(), norms.dtype) == ([300, 300], torch.float16)
    assert gradient_penalty(lambda x: x @ w, real, real, target=100).item() == 40_000
    assert r1(lambda x: x @ w, real).item() == 44_992  # 45 000 rounded to float16


def test_half_precision_does_not_round_the_norm_to_its_target() -> None:
    w = torch.tensor([1.0, 0.0625], dtype=torch.bfloat16)  # slope 1.00195, which bfloat16 would round to 1
    real = torch.zeros(2, 2, dtype=torch.bfloat16)
    value = gradient_penalty(lambda x: x @ w, real, real)
    assert_close(value.double().item(), (math.sqrt(1 + 0.0625**2) - 1) ** 2, rtol=4e-3, atol=0)


def test_memory_format_and_strides_do_not_matter() -> None:
    critic, (real, fake) = image_critic(3), pairs(6, 3, 8, 8)
    expected = gradient_penalty(critic, real, fake, generator=seeded())
    last = (points.to(memory_format=torch.channels_last) for points in (real, fake))
    assert_close(gradient_penalty(critic, *last, generator=seeded()), expected)
    strided = (points.repeat_interleave(2, 0)[::2] for points in (real, fake))
    assert_close(gradient_penalty(critic, *strided, generator=seeded()), expected)


@pytest.mark.parametrize("name", NAMES)
def test_the_host_never_waits_for_the_device(name: str) -> None:
    """On the meta device there are no values: whatever reads one on the host raises."""
    critic, (real, fake) = image_critic(3).to("meta"), (points.to("meta") for points in pairs(6, 3, 8, 8))
    value = PENALTIES[name](critic, real, fake, None)
    assert value.device.type == "meta"
    value.backward()


# ---------------------------------------------------------------- torch.compile


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What compile_worker.py found, in a process of its own: compiled code has no place for the checks of shapes."""
    file = tmp_path_factory.mktemp("compiled") / "result.pt"
    root = Path(__file__).parents[1]
    path = os.pathsep.join(path for path in (os.environ.get("PYTHONPATH"), str(root)) if path)
    command = [sys.executable, str(root / "tests" / "compile_worker.py"), str(file)]
    run = subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, timeout=300)
    assert run.returncode == 0, run.stderr
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("case", [*NAMES, "flat", "spectral norm", "autocast"])
def test_trap_compiled_critic_silently_without_penalty(compiled: dict[str, Any], case: str) -> None:
    """The whole loss in one graph: value and gradients are the eager ones, and the penalty's share is not zero."""
    value, gradients = compiled[case]["compiled"]
    expected, expected_gradients = compiled[case]["eager"]
    assert_close(value, expected)
    assert_close(gradients, expected_gradients)
    _, without = compiled[case]["without penalty"]
    if case == "flat":  # a critic of zero weights: subgradient 0, and no NaN
        assert all(gradient.isfinite().all() for gradient in gradients)
    else:
        assert (gradients[0] - without[0]).abs().max() > 1e-3


def test_a_compiled_critic_takes_part_in_an_eager_penalty(compiled: dict[str, Any]) -> None:
    assert_close(compiled["compiled critic"]["compiled"], compiled["compiled critic"]["eager"])


# ---------------------------------------------------------------- bad input


def linear(x: Tensor) -> Tensor:
    return x.flatten(1).sum(1)


BAD_PAIRS = {
    "shape": (torch.zeros(4, 2), torch.zeros(3, 2), r"real is \(4, 2\), .* fake \(3, 2\).*Cut the larger batch"),
    "event": (torch.zeros(4, 1), torch.zeros(4, 2), r"real is \(4, 1\)"),
    "dtype": (torch.zeros(4, 2), torch.zeros(4, 2).double(), r"torch\.float64.*fake\.to\(real\)"),
    "device": (torch.zeros(4, 2), torch.zeros(4, 2, device="meta"), "on meta; wanted one shape, dtype and device"),
    "integers": (torch.zeros(4, 2).byte(), torch.zeros(4, 2).byte(), "real has dtype torch.uint8"),
    "empty": (torch.zeros(0, 2), torch.zeros(0, 2), "without entries"),
    "number": (torch.tensor(1.0), torch.tensor(1.0), r"real is a single number.*real\[None\]"),
}


@pytest.mark.parametrize("case", BAD_PAIRS)
def test_real_and_fake_have_to_match(case: str) -> None:
    real, fake, message = BAD_PAIRS[case]
    for function in (interpolate, lambda real, fake: inspect.unwrap(gradient_penalty)(linear, real, fake)):
        with pytest.raises(ValueError, match=message):
            inspect.unwrap(function)(real, fake)


@pytest.mark.parametrize("function", [r1, r2, gradient_norms, input_gradients])
def test_what_is_no_batch_is_refused_by_name(function: Callable[..., Tensor]) -> None:
    name = {"r1": "real", "r2": "fake"}.get(function.__name__, "x")
    with pytest.raises(ValueError, match=f"{name} is a single number"):
        inspect.unwrap(function)(linear, torch.tensor(1.0))
    with pytest.raises(TypeError, match=f"{name} is a list"):
        inspect.unwrap(function)(linear, [[1.0]])


@pytest.mark.parametrize("target", [-1.0, math.nan, math.inf])
def test_the_target_has_to_be_a_slope(target: float) -> None:
    with pytest.raises(ValueError, match="target is"):
        gradient_penalty(linear, torch.zeros(2, 1), torch.zeros(2, 1), target=target)


@pytest.mark.parametrize(
    ("critic", "shape"),
    [
        (lambda x: x.mean(), r"\(\)"),
        (lambda x: x.sum(1)[None], r"\(1, 4\)"),
        (lambda x: x[:2].sum(1), r"\(2,\)"),
        (lambda x: torch.cat([x, x]).sum(1), r"\(8,\)"),
    ],
    ids=["mean", "row", "fewer", "more"],
)
def test_a_critic_has_to_score_each_sample(critic: Callable[[Tensor], Tensor], shape: str) -> None:
    with pytest.raises(ValueError, match=rf"scores of shape {shape} for 4 samples; wanted \(4,\), \(4, 1\)"):
        r1(critic, torch.zeros(4, 3))


def test_a_critic_has_to_return_a_tensor() -> None:
    with pytest.raises(TypeError, match="returned a tuple; wanted a tensor of scores"):
        r1(lambda x: (x, x), torch.zeros(4, 3))


def test_the_critics_own_errors_come_through() -> None:
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        r1(nn.Linear(2, 1), torch.zeros(4, 3))
    calls = []

    def failing(x: Tensor) -> Tensor:
        calls.append(len(x))
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError, match="out of memory"):
        r1(failing, torch.zeros(4, 3))
    assert calls == [4]  # not tried again: that is for critics that begin in place
