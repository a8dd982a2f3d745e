"""BiGAN and CycleGAN: who is real, who is fake, who is updated; and when a critic may take both in one pass."""

import inspect

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, softplus
from torch.testing import assert_close

from course_gan import nets, train
from course_gan.train.probes import rows_are_independent
from tests.train_parts import Critic, Generator, Rows, bigan, cyclegan, gan, same, settings, weights


def scores(game: train.BiGAN, x: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
    """D(x, E(x)) and D(G(z), z)."""
    return game.critic(x, game.encoder(x)), game.critic(game.generator(z), z)


def test_bigan_critic_takes_encoded_data_for_real() -> None:
    game, x, z = bigan(), next(Rows()), torch.randn(6, 3)
    real, fake = scores(game, x, z)
    assert_close(game.critic_loss(x, z), (softplus(-real) + softplus(fake)).mean())


def test_bigan_generator_and_encoder_flip_both_labels() -> None:
    game, x, z = bigan(), next(Rows()), torch.randn(6, 3)
    real, fake = scores(game, x, z)
    assert_close(game.generator_loss(x, z), (softplus(real) + softplus(-fake)).mean())


@pytest.mark.parametrize("loss", ["minimax", "wasserstein", "f-gan:pearson"])
def test_bigan_of_exact_opponents_is_a_game_of_sum_zero(loss: str) -> None:
    game, x, z = bigan(loss), next(Rows()), torch.randn(6, 3)
    assert_close(game.generator_loss(x, z), -game.critic_loss(x, z))


def test_bigan_value_is_that_of_the_paper() -> None:
    game, x, z = bigan("minimax"), next(Rows()), torch.randn(6, 3)
    real, fake = scores(game, x, z)
    value = torch.sigmoid(real).log().mean() + (1 - torch.sigmoid(fake)).log().mean()
    assert_close(game.generator_loss(x, z), value)


def test_trap_bigan_encoder_with_the_generators_labels() -> None:
    game, x, z = bigan(), next(Rows()), torch.randn(6, 3)
    encoder = list(game.encoder.parameters())
    got = torch.autograd.grad(game.generator_loss(x, z), encoder)
    real, _ = scores(game, x, z)
    right = torch.autograd.grad(softplus(real).mean(), encoder, retain_graph=True)  # (x, E(x)) is to be taken for fake
    wrong = torch.autograd.grad(softplus(-real).mean(), encoder)  # unflipped: E would help the critic
    unflipped_fake_only = [torch.zeros_like(one) for one in right]  # the real pair left out: E would learn nothing
    assert_close(got, right)
    for mistake in (wrong, unflipped_fake_only):
        assert not torch.allclose(got[0], mistake[0])


def test_trap_bigan_generator_stepped_inside_the_critics_step() -> None:
    game, x = bigan(), next(Rows())
    game.critic_loss(x, game.noise(x)).backward()
    assert all(value.grad is None for side in game.generators for value in side.parameters())
    state = train.State(bigan(), settings(critic_steps=4, ema=0.9))
    updates: list[str] = []
    for name, player in (("critic", state.critic), ("generator", state.generator)):
        player.optimizer.register_step_post_hook(lambda *_, name=name: updates.append(name))
    train.step(state, Rows())
    assert updates == ["critic"] * 4 + ["generator"]


def test_bigan_updates_generator_and_encoder_in_one_step() -> None:
    game = bigan()
    before = weights(game)
    train.step(train.State(game, settings(critic_rate=0.0)), Rows())
    moved = {name.split(".")[0] for name, value in game.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {"generator", "encoder"}


def test_cyclegan_losses_written_out() -> None:
    game, (a, b) = cyclegan(cycle=3.0, identity=2.0), next(Rows(parts=2))
    fake_a, fake_b = game.to_a(b), game.to_b(a)
    half = 0.5
    critic = half * ((game.critic_a(a) - 1) ** 2).mean() + half * (game.critic_a(fake_a) ** 2).mean()
    critic = critic + half * ((game.critic_b(b) - 1) ** 2).mean() + half * (game.critic_b(fake_b) ** 2).mean()
    assert_close(game.critic_loss((a, b), None), critic)
    terms = game.generator_terms((a, b), None)
    fooled = half * ((game.critic_a(fake_a) - 1) ** 2).mean() + half * ((game.critic_b(fake_b) - 1) ** 2).mean()
    assert_close(terms["generator_loss"], fooled)
    assert_close(terms["cycle"], 3 * (l1_loss(game.to_a(fake_b), a) + l1_loss(game.to_b(fake_a), b)))
    assert_close(terms["identity"], 2 * (l1_loss(game.to_a(a), a) + l1_loss(game.to_b(b), b)))
    assert_close(game.generator_loss((a, b), None), sum(terms.values()))


def test_cyclegan_leaves_out_the_identity_and_trains_its_four_networks() -> None:
    game = cyclegan()
    before, pair = weights(game), next(Rows(parts=2))
    assert set(game.generator_terms(pair, None)) == {"generator_loss", "cycle"}
    train.step(train.State(game, settings()), Rows(parts=2))
    moved = {name.split(".")[0] for name, value in game.named_parameters() if not torch.equal(value, before[name])}
    assert moved == {"to_a", "to_b", "critic_a", "critic_b"}


def test_cyclegan_translators_are_not_trained_by_the_critics_loss() -> None:
    game, pair = cyclegan(), next(Rows(parts=2))
    game.critic_loss(pair, None).backward()
    assert all(value.grad is None for side in game.generators for value in side.parameters())


def test_cyclegan_refuses_a_batch_that_is_no_pair_and_weights_that_mean_nothing() -> None:
    for wrong in (torch.zeros(2, 2), (torch.zeros(2, 2),) * 3):
        with pytest.raises(ValueError, match="two"):
            cyclegan().critic_loss(wrong, None)
    for weight in ("cycle", "identity"):
        with pytest.raises(ValueError, match=weight):
            cyclegan(**{weight: -1.0})


def test_players_are_both_sides() -> None:
    game = bigan()
    assert game.players == ((game.critic,), (game.generator, game.encoder))
    pair = cyclegan()
    assert pair.players == ((pair.critic_a, pair.critic_b), (pair.to_b, pair.to_a))


class MinibatchStd(nn.Module):
    """The mean deviation over the batch, with a detached gradient, as one more column."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, x.std(0).mean().detach().expand(len(x), 1)], dim=1)


ALONE = {
    "mlp": lambda: Critic(),
    "dropout": lambda: Critic(dropout=0.5),
    "layer norm": lambda: nn.Sequential(nn.Linear(2, 8), nn.LayerNorm(8), nn.Linear(8, 1), nn.Flatten(0)),
    "spectral norm": lambda: nn.Sequential(nn.utils.parametrizations.spectral_norm(nn.Linear(2, 1)), nn.Flatten(0)),
    "batch norm, eval": lambda: Critic(norm=True).eval(),
}
TOGETHER = {
    "batch norm": lambda: Critic(norm=True),
    "minibatch deviation": lambda: nn.Sequential(MinibatchStd(), nn.Linear(3, 1), nn.Flatten(0)),
    "minibatch discrimination": lambda: nn.Sequential(nn.Linear(2, 4), nets.MinibatchDiscrimination(4, 3, 2)),
    "minibatch std": lambda: nn.Sequential(nn.Unflatten(1, (2, 1, 1)), nets.MinibatchStd(), nn.Flatten()),
}


@pytest.mark.parametrize("name", [*ALONE, *TOGETHER])
def test_rows_that_see_each_other_are_not_scored_with_fakes(name: str) -> None:
    torch.manual_seed(0)
    critic = {**ALONE, **TOGETHER}[name]()
    before, random = weights(critic), torch.get_rng_state()
    assert rows_are_independent(critic, torch.randn(5, 2)) == (name in ALONE)
    after = weights(critic)
    assert all(torch.equal(value, after[key]) for key, value in before.items())  # the question left no trace
    torch.randn(5, 2)
    now = torch.get_rng_state()
    torch.set_rng_state(random)
    torch.randn(5, 2), torch.randn(5, 2)
    assert torch.equal(torch.get_rng_state(), now)


@pytest.mark.parametrize("norm", [False, True])
def test_one_pass_gives_the_scores_of_two(norm: bool) -> None:
    objective = gan(critic_norm=norm, classes=3)
    x, labels = next(Rows(classes=3))
    z = torch.randn(6, 3)
    two = objective.critic(x, labels), objective.critic(objective.generator(z, labels), labels)
    assert_close(objective.critic_loss((x, labels), z), (softplus(-two[0]) + softplus(two[1])).mean())
    assert objective.joint is not norm
    objective.joint = True
    # The wrong variant: with batch normalization one pass gives other scores.
    one, other = objective.critic_loss((x, labels), z), (softplus(-two[0]) + softplus(two[1])).mean()
    assert torch.allclose(one, other, rtol=1e-4) is not norm


def test_the_average_is_that_of_the_first_generator() -> None:
    pairs, domains = bigan(), cyclegan()
    for objective, first in ((pairs, pairs.generator), (domains, domains.to_b)):
        average = train.State(objective, settings(ema=0.9)).average
        assert same(weights(average.average), weights(first))


def test_loss_may_be_given_by_name_or_as_itself() -> None:
    from course_gan import losses

    by_name, itself = gan("hinge"), train.GAN(Generator(), Critic(), losses.get("hinge"))
    assert by_name.loss == itself.loss
    with pytest.raises(ValueError, match="hinge"):
        gan("hinges")


class Starting(nn.Module):
    """A critic with batch normalization that does not show at the start: a weight of 0 hides it."""

    def __init__(self, hides: str) -> None:
        super().__init__()
        self.linear, self.norm, self.last = nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Linear(8, 1)
        nn.init.zeros_({"scale": self.norm, "last": self.last}[hides].weight)

    def forward(self, x: Tensor) -> Tensor:
        h = self.linear(x)
        return self.last(h + self.norm(h)).squeeze(1)


@pytest.mark.parametrize("hides", ["scale", "last"])
def test_batch_normalization_behind_a_weight_of_zero_is_never_scored_jointly(hides: str) -> None:
    objective = train.GAN(Generator(), Starting(hides), "hinge")
    train.run(objective, Rows(), settings(2), progress=False)
    assert objective.joint is False


def test_batch_normalization_in_evaluation_mixes_rows_only_without_running_statistics() -> None:
    for tracked in (True, False):
        critic = Starting("last")
        critic.norm = nn.BatchNorm1d(8, track_running_stats=tracked)
        nn.init.zeros_(critic.norm.weight)
        nn.init.ones_(critic.last.weight)
        assert rows_are_independent(critic.eval(), next(Rows())) is tracked


def test_a_critic_that_scores_all_alike_is_asked_again() -> None:
    class Mixing(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.scale = nn.Parameter(torch.zeros(()))

        def forward(self, x: Tensor) -> Tensor:
            return self.scale * (x - x.mean(0)).sum(1)

    objective = train.GAN(Generator(), Mixing(), "hinge")
    objective.critic_loss(next(Rows()), torch.randn(6, 3))
    assert objective.joint is None
    nn.init.ones_(objective.critic.scale)
    objective.critic_loss(next(Rows()), torch.randn(6, 3))
    assert objective.joint is False


def test_penalties_are_penalties() -> None:
    with pytest.raises(TypeError, match="wanted a Penalty"):
        inspect.unwrap(train.GAN.__init__)(train.GAN.__new__(train.GAN), Generator(), nn.Linear(2, 1), "hinge", ["r1"])
