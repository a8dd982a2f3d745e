"""The step is the algorithm: against plain loops written out, and against the mistakes that such loops make."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.testing import assert_close
from torch.utils._python_dispatch import TorchDispatchMode

from course_gan import penalties, train
from course_gan.train.objective import Batch, total
from tests.train_parts import Generator, Rows, bigan, cyclegan, gan, settings, weights


def trained(objective: train.Objective, batches: Iterator[Batch], chosen: train.Settings) -> train.State:
    state = train.State(objective, chosen)
    for _ in range(chosen.steps):
        train.step(state, batches)
    return state


def noise_of(chosen: train.Settings) -> torch.Generator:
    """The generator that a run with these settings draws its noise from."""
    return train.State(gan(), chosen).rng


@pytest.mark.parametrize("optimizer", ["adam", "rmsprop", "sgd"])
@pytest.mark.parametrize("critic_norm", [False, True])
def test_step_is_the_plain_loop(optimizer: str, critic_norm: bool) -> None:
    chosen = settings(5, critic_steps=2, optimizer=optimizer)
    ours = gan(norm=True, critic_norm=critic_norm)
    trained(ours, Rows(), chosen)

    plain, random, rows = gan(norm=True, critic_norm=critic_norm), noise_of(chosen), Rows()
    make = {
        "adam": lambda p: torch.optim.Adam(p, 1e-2, betas=(0.5, 0.999)),
        "rmsprop": lambda p: torch.optim.RMSprop(p, 1e-2, alpha=0.999),
        "sgd": lambda p: torch.optim.SGD(p, 1e-2, momentum=0.5),
    }[optimizer]
    on_critic, on_generator = make(plain.critic.parameters()), make(plain.generator.parameters())
    for _ in range(5):
        for _ in range(2):
            x = next(rows)
            fake = plain.generator(torch.randn(6, 3, generator=random)).detach()
            on_critic.zero_grad()
            (softplus(-plain.critic(x)).mean() + softplus(plain.critic(fake)).mean()).backward()
            on_critic.step()
        on_generator.zero_grad()
        softplus(-plain.critic(plain.generator(torch.randn(6, 3, generator=random)))).mean().backward()
        on_generator.step()
    # Sums in another order: a few roundings of float32 in each of the 15 updates.
    assert_close(weights(ours), weights(plain), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("classes", [0, 4])
def test_without_fresh_noise_one_pass_of_the_generator_serves_both_steps(classes: int) -> None:
    chosen = settings(4, critic_steps=2, fresh_noise=False, optimizer="sgd", ema=0.9)
    ours = gan(norm=True, critic_norm=True, classes=classes)
    passes: list[int] = []
    ours.generator.register_forward_hook(lambda *_: passes.append(1))
    state = trained(ours, Rows(classes=classes), chosen)
    assert len(passes) == 4 * 2  # none of its own for the generator's step

    plain, random, rows = gan(norm=True, critic_norm=True, classes=classes), noise_of(chosen), Rows(classes=classes)
    on_critic = torch.optim.SGD(plain.critic.parameters(), 1e-2, momentum=0.5)
    on_generator = torch.optim.SGD(plain.generator.parameters(), 1e-2, momentum=0.5)
    for _ in range(4):
        for _ in range(2):
            batch = next(rows)
            x, *labels = batch if classes else (batch,)
            fake = plain.generator(torch.randn(6, 3, generator=random), *labels)
            on_critic.zero_grad()
            real_loss = softplus(-plain.critic(x, *labels)).mean()
            (real_loss + softplus(plain.critic(fake.detach(), *labels)).mean()).backward()
            on_critic.step()
        on_generator.zero_grad()
        softplus(-plain.critic(fake, *labels)).mean().backward()
        on_generator.step()
    assert_close(weights(ours), weights(plain), rtol=1e-4, atol=1e-5)
    assert_close(dict(ours.generator.named_buffers()), dict(plain.generator.named_buffers()))
    assert torch.equal(state.rng.get_state(), random.get_state())
    copy.deepcopy(ours)  # nothing with a graph is left in it


def test_kept_fakes_serve_no_other_noise() -> None:
    objective, batch = gan(), next(Rows())
    objective.fresh_noise = False
    first, second = torch.randn(6, 3), torch.randn(6, 3)
    expected = objective.generator_loss(batch, second)
    objective.critic_loss(batch, first)
    assert_close(objective.generator_loss(batch, second), expected)
    assert objective.made is None


@pytest.mark.parametrize("make", [bigan, cyclegan])
def test_other_games_keep_the_noise_of_the_critics_step(make: Any) -> None:
    objective, seen = make(), []
    for name in ("critic_terms", "generator_terms"):
        method = getattr(objective, name)

        def spy(batch: Batch, noise: Tensor | None, *rest: int, method: Any = method) -> dict[str, Tensor]:
            seen.append(noise)
            return method(batch, noise, *rest)

        setattr(objective, name, spy)
    trained(objective, Rows(parts=2 if make is cyclegan else 1), settings(2, fresh_noise=False))
    assert seen[0] is seen[1]
    assert seen[2] is seen[3]
    assert seen[0] is None or seen[0] is not seen[2]


def test_conditional_players_get_the_labels_of_the_batch() -> None:
    objective = gan(classes=4)
    seen: list[Tensor] = []
    objective.generator.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[1]))
    trained(objective, Rows(classes=4), settings(1))
    labels = next(Rows(classes=4))[1]
    assert len(seen) == 2
    assert all(torch.equal(one, labels) for one in seen)


def test_relativistic_generator_sees_the_real_scores() -> None:
    objective = gan("relativistic")
    batch, z = next(Rows()), torch.randn(6, 3)
    real, fake = objective.critic(batch), objective.critic(objective.generator(z))
    assert_close(objective.generator_loss(batch, z), softplus(real - fake).mean())


def test_only_the_side_at_work_moves() -> None:
    objective = gan()
    state, before = train.State(objective, settings(generator_rate=0.0)), weights(objective)
    train.step(state, Rows())
    assert_close(weights(objective.generator), {k[10:]: v for k, v in before.items() if k.startswith("generator.")})
    assert not torch.equal(objective.critic.layers[0].weight, before["critic.layers.0.weight"])


def test_critic_is_frozen_in_the_generators_step_and_thawed_after_it() -> None:
    objective = gan()
    seen: list[tuple[bool, bool]] = []
    weight = objective.critic.layers[0].weight
    objective.critic.register_forward_hook(lambda module, i, o: seen.append((weight.requires_grad, o.requires_grad)))
    state = train.State(objective, settings())
    train.step(state, Rows())
    # The critic's own step first (its question about the rows included), then the generator's.
    assert seen[-1] == (False, True)
    assert seen[-2][0]
    assert weight.requires_grad


def test_an_error_in_the_generators_step_leaves_the_critic_trainable() -> None:
    objective = gan()
    objective.generator.register_forward_hook(lambda module, i, o: 1 / 0 if torch.is_grad_enabled() else None)
    with pytest.raises(ZeroDivisionError):
        train.step(train.State(objective, settings()), Rows())
    assert all(value.requires_grad for value in objective.critic.parameters())


def test_what_the_user_froze_stays_frozen() -> None:
    objective = gan()
    fixed = objective.critic.layers[0].weight.requires_grad_(False)
    before = fixed.clone()
    trained(objective, Rows(), settings(3))
    assert not fixed.requires_grad
    assert torch.equal(fixed, before)


def test_a_generator_without_parameters_leaves_the_critic_to_learn() -> None:
    class Fixed(nn.Module):
        latent = 2

        def forward(self, z: Tensor) -> Tensor:
            return z

    objective = gan()
    game = train.GAN(Fixed(), objective.critic, "wasserstein")
    before = weights(objective.critic)
    assert trained(game, Rows(), settings(2)).steps == 2
    assert not torch.equal(before["layers.0.weight"], objective.critic.layers[0].weight)


class NoWaiting(TorchDispatchMode):
    """Fails where a value of a tensor is asked for on the host."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        assert func not in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.equal.default), func
        assert "cpu" not in str((kwargs or {}).get("device", "meta")) or func != torch.ops.aten._to_copy.default
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize("make", [lambda: gan("wasserstein", [train.Penalty("r1", 1.0)]), bigan, cyclegan])
def test_step_never_waits_for_the_device(make: Any) -> None:
    objective = make()
    batches = Rows(parts=2 if isinstance(objective, train.CycleGAN) else 1)
    state = train.State(objective, settings(ema=0.9, clip=0.1, critic_steps=2, schedule="cosine"))
    train.step(state, batches)  # the first step asks the critic about its rows, once
    with NoWaiting():
        train.step(state, batches)
        with pytest.raises(AssertionError):
            torch.ones(1).item()


def test_schedule_is_a_function_of_the_step() -> None:
    objective = gan()
    state = train.State(objective, settings(4, schedule="linear", critic_rate=1.0, generator_rate=0.5))
    seen = []
    for _ in range(4):
        train.step(state, Rows())
        seen.append([player.optimizer.param_groups[0]["lr"] for player in (state.critic, state.generator)])
    assert seen == [[1.0, 0.5], [0.75, 0.375], [0.5, 0.25], [0.25, 0.125]]


def test_trap_fakes_not_detached() -> None:
    objective = gan()
    batch = next(Rows())
    objective.critic_loss(batch, objective.noise(batch)).backward()
    assert all(value.grad is None for value in objective.generator.parameters())
    assert any(value.grad is not None for value in objective.critic.parameters())
    wrong = softplus(objective.critic(objective.generator(objective.noise(batch)))).mean()
    wrong.backward()  # a graph into the generator: a third more work, and gradients that are not its own
    assert all(value.grad is not None for value in objective.generator.parameters())


def gradients_at_updates(player: Any) -> list[list[Tensor]]:
    """A list that grows by the gradients that each update of the player starts from."""
    seen: list[list[Tensor]] = []
    player.optimizer.register_step_pre_hook(lambda *_: seen.append([p.grad.clone() for p in player.parameters]))
    return seen


def test_trap_leftover_critic_gradients() -> None:
    chosen = settings(2, critic_rate=0.0, generator_rate=0.0)
    objective, random = gan(), noise_of(settings(2))
    state = train.State(objective, chosen)
    seen = gradients_at_updates(state.critic)
    rows, draws = Rows(), []
    for _ in range(2):
        draws += [torch.randn(6, 3, generator=random) for _ in range(2)]
        train.step(state, rows)
    batches = [next(fresh) for fresh in [Rows()] for _ in range(2)]
    parameters = list(objective.critic.parameters())
    right = torch.autograd.grad(objective.critic_loss(batches[1], draws[2]), parameters)
    assert_close(seen[1], list(right))
    leftover = torch.autograd.grad(objective.generator_loss(batches[0], draws[1]), parameters)
    wrong = [one + other for one, other in zip(right, leftover, strict=True)]
    assert not torch.allclose(seen[1][0], wrong[0])


def test_trap_critic_graph_reused_after_its_step() -> None:
    objective = gan()
    state = train.State(objective, settings(1, generator_rate=0.0))
    seen = gradients_at_updates(state.generator)
    old, random = weights(objective.critic), noise_of(settings())
    train.step(state, Rows())
    _, z = (torch.randn(6, 3, generator=random) for _ in range(2))
    parameters = list(objective.generator.parameters())
    right = torch.autograd.grad(objective.generator_loss(next(Rows()), z), parameters)
    assert_close(seen[0], list(right))  # by the critic as it is after its step
    objective.critic.load_state_dict(old)
    wrong = torch.autograd.grad(objective.generator_loss(next(Rows()), z), parameters)
    assert not torch.allclose(seen[0][0], wrong[0])


def test_trap_penalty_in_its_own_optimizer_step() -> None:
    objective = gan("wasserstein", [train.Penalty("r1", 3.0)])
    state = train.State(objective, settings(1, optimizer="sgd", betas=(0.0, 0.9)))
    seen = gradients_at_updates(state.critic)
    before = weights(objective.critic)
    train.step(state, Rows())
    assert len(seen) == 1  # one update, by one gradient, of the sum

    def two_updates() -> nn.Module:
        critic = gan("wasserstein").critic
        critic.load_state_dict(before)
        generator, x = gan("wasserstein").generator, next(Rows())
        fake = generator(torch.randn(6, 3, generator=noise_of(settings()))).detach()
        sgd = torch.optim.SGD(critic.parameters(), 1e-2)
        for loss in (lambda: critic(fake).mean() - critic(x).mean(), lambda: 3 * penalties.r1(critic, x)):
            sgd.zero_grad()
            loss().backward()
            sgd.step()
        return critic

    assert not torch.allclose(two_updates().layers[0].weight, objective.critic.layers[0].weight, rtol=1e-5, atol=1e-6)


def test_trap_weights_clipped_before_the_step() -> None:
    objective = gan("wasserstein")
    trained(objective, Rows(), settings(3, clip=0.01, optimizer="rmsprop"))
    assert all(bool((value.abs() <= 0.01).all()) for value in objective.critic.parameters())
    assert any(bool((value.abs() > 0.01).any()) for value in objective.generator.parameters())
    # Before it, the step leaves the box again.
    wrong = gan("wasserstein")
    state = train.State(wrong, settings(3, optimizer="rmsprop"))
    for _ in range(3):
        penalties.clip_weights_(wrong.critic, 0.01)
        train.step(state, Rows())
    assert any(bool((value.abs() > 0.01).any()) for value in wrong.critic.parameters())


def test_clipping_holds_every_critic_of_a_game() -> None:
    objective = cyclegan()
    trained(objective, Rows(parts=2), settings(2, clip=0.01))
    for critic in (objective.critic_a, objective.critic_b):
        assert all(bool((value.abs() <= 0.01).all()) for value in critic.parameters())


def test_trap_critic_steps_counted_by_the_batch_index_of_an_epoch() -> None:
    rows = Rows()
    state = trained(gan(), rows, settings(9, critic_steps=5))
    assert (state.steps, state.critic_updates, rows.drawn) == (9, 45, 45)
    # By the index in an epoch of 7 batches, the generator is updated at 0 and 5: twice in 7, and not once in 5.
    wrong = sum(index % 5 == 0 for epoch in range(45 // 7) for index in range(7))
    assert wrong != 45 // 5


def test_trap_lazy_penalty_without_its_factor() -> None:
    batch, z = next(Rows()), torch.randn(6, 3)
    lazy = gan("wasserstein", [train.Penalty("r1", 2.0, every=4)])
    plain = gan("wasserstein", [train.Penalty("r1", 2.0)])
    over_four = [lazy.critic_terms(batch, z, step).get("r1", torch.tensor(0.0)) for step in range(4)]
    assert_close(sum(over_four), 4 * plain.critic_terms(batch, z, 0)["r1"])
    wrong = 2.0 * penalties.r1(lazy.critic, batch)  # a quarter of the penalty that was asked for
    assert not torch.allclose(wrong, sum(over_four))


def test_lazy_penalties_count_critic_updates_over_the_whole_run() -> None:
    objective = gan("wasserstein", [train.Penalty("r1", 1.0, every=4), train.Penalty("r2", 1.0, every=3)])
    due: list[tuple[int, set[str]]] = []
    inner = objective.critic_terms

    def spy(batch: Batch, noise: Tensor | None, step: int) -> dict[str, Tensor]:
        terms = inner(batch, noise, step)
        due.append((step, set(terms) - {"critic_loss"}))
        return terms

    objective.critic_terms = spy
    trained(objective, Rows(), settings(3, critic_steps=3))
    expected = [{name for name, k in (("r1", 4), ("r2", 3)) if step % k == 0} for step in range(9)]
    assert due == list(enumerate(expected))


def test_penalty_is_of_the_critic_with_the_labels() -> None:
    objective = gan("wasserstein", [train.Penalty("r1", 2.0)], classes=4)
    x, labels = next(Rows(classes=4))
    value = objective.critic_terms((x, labels), torch.randn(6, 3), 0)["r1"]
    assert_close(value, 2 * penalties.r1(lambda x: objective.critic(x, labels), x))


def test_penalty_draws_from_the_runs_own_generator() -> None:
    objective = gan("wasserstein", [train.Penalty("gradient-penalty", 2.0)])
    objective.rng = torch.Generator().manual_seed(3)
    x, z = next(Rows()), torch.randn(6, 3)
    value = objective.critic_terms(x, z, 0)["gradient-penalty"]
    fake, random = objective.generator(z).detach(), torch.Generator().manual_seed(3)
    assert_close(value, 2 * penalties.gradient_penalty(objective.critic, x, fake, generator=random))


def test_trap_penalty_inside_autocast() -> None:
    objective = gan("wasserstein", [train.Penalty("r1", 1.0)])
    x, z = next(Rows()), torch.randn(6, 3)
    seen: list[torch.dtype] = []
    objective.critic.layers[0].register_forward_hook(lambda module, i, output: seen.append(output.dtype))
    exact = objective.critic_terms(x, z, 0)["r1"]
    seen.clear()
    with torch.autocast("cpu", torch.bfloat16):
        terms = objective.critic_terms(x, z, 0)
        wrong = objective.critic(x.requires_grad_())
        wrong = torch.autograd.grad(wrong.sum(), x)[0].square().sum(1).mean() / 2
    assert seen[:2] == [torch.bfloat16, torch.float32]  # the scores, then the penalty
    assert_close(terms["r1"], exact, rtol=0, atol=0)
    assert not torch.equal(wrong, exact)
    assert {value.dtype for value in terms.values()} == {torch.float32}


def test_bfloat16_keeps_weights_losses_and_statistics_in_float32() -> None:
    objective = gan("non-saturating", [train.Penalty("gradient-penalty", 1.0)])
    state = trained(objective, Rows(), settings(3, precision="bfloat16"))
    assert {value.dtype for value in objective.state_dict().values()} == {torch.float32}
    plain = gan("non-saturating", [train.Penalty("gradient-penalty", 1.0)])
    trained(plain, Rows(), settings(3))
    moved = plain.critic.layers[0].weight - gan().critic.layers[0].weight
    difference = plain.critic.layers[0].weight - objective.critic.layers[0].weight
    assert 0 < difference.abs().max() < moved.abs().max()  # another precision, and the same direction
    assert {value.dtype for value in state.terms.read().values()} == {torch.float64}


def test_bfloat16_holds_for_the_networks_in_both_steps() -> None:
    objective, seen = gan(), []
    for player in (objective.generator, objective.critic):
        player.layers[0].register_forward_hook(lambda module, i, o: seen.append((o.dtype, o.requires_grad)))
    train.step(train.State(objective, settings(1, precision="bfloat16")), Rows())
    assert len(seen) >= 4  # fakes and their scores, in the critic's step and in the generator's
    assert seen[-2:] == [(torch.bfloat16, True)] * 2
    assert {dtype for dtype, _ in seen} == {torch.bfloat16}


def test_statistics_hold_no_graph() -> None:
    """With its graph, each value would keep the activations of its step alive until the next tick."""
    state = trained(gan("wasserstein", [train.Penalty("r1", 1.0)]), Rows(), settings(3))
    kept = state.terms.state_dict()["values"]
    assert kept.keys() == {"critic_loss", "r1", "generator_loss"}
    assert not any(values.requires_grad for values in kept.values())


def test_float64_stays_float64() -> None:
    objective = gan("non-saturating", [train.Penalty("gradient-penalty", 1.0)], dtype=torch.float64)
    x = next(Rows()).double()
    z = objective.noise(x)
    assert z.dtype == torch.float64
    assert total(objective.critic_terms(x, z, 0)).dtype == torch.float64


def test_noise_is_fresh_normal_and_as_long_as_the_batch() -> None:
    objective = gan()
    objective.rng = torch.Generator().manual_seed(0)
    first, second = (objective.noise(torch.zeros(2000, 2)) for _ in range(2))
    assert first.shape == (2000, 3)
    assert not torch.equal(first, second)
    # 6000 numbers: the mean has deviation 0.013, the standard deviation 0.009; five of each.
    assert abs(float(first.mean())) < 0.065
    assert abs(float(first.std()) - 1) < 0.046


def test_noise_of_integer_data_is_floating_point() -> None:
    assert gan().noise(torch.zeros(4, 2, dtype=torch.int64)).dtype == torch.float32


def test_a_generator_that_does_not_say_its_latent_is_refused() -> None:
    for wrong in (None, 0, True, 2.0):
        generator = Generator()
        generator.latent = wrong
        with pytest.raises(ValueError, match="latent"):
            train.GAN(generator, gan().critic, "hinge")


def test_penalties_are_checked() -> None:
    with pytest.raises(ValueError, match=r"gradient-penalty, one-sided, r1, r2"):
        train.Penalty("r3", 1.0)
    for wrong in ({"weight": -1.0}, {"weight": float("nan")}, {"every": 0}):
        with pytest.raises(ValueError, match="wanted"):
            train.Penalty(**{"name": "r1", "weight": 1.0, **wrong})
    with pytest.raises(ValueError, match="once"):
        gan("hinge", [train.Penalty("r1", 1.0), train.Penalty("r1", 2.0)])
