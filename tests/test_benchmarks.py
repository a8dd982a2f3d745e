"""The benchmarks: the tables say what was measured, the pairs are counted right, and the plain loop really trains."""

import copy
import json
import time
from functools import partial
from itertools import count
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from benchmarks import paired, table
from benchmarks.plain import Pictures, PlainGAN, PlainWGANGP, Points, dcgan_networks, endless, mlp_networks
from benchmarks.training import picture_networks, toy_networks
from course_gan import train

FOLDER = Path(table.__file__).parent


def test_the_readme_shows_the_measured_figures_and_no_others() -> None:
    results = json.loads((FOLDER / "results.json").read_text())
    text = (FOLDER / "README.md").read_text()
    shown = text.partition(table.BEGIN)[2].partition(table.END)[0].strip()
    assert shown == table.tables(results)


def test_a_readme_without_the_marks_is_refused(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text("no marks")
    with pytest.raises(ValueError, match="begin: made by"):
        table.write(readme, {})
    assert readme.read_text() == "no marks"


def test_a_ratio_is_how_many_times_longer_the_other_one_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(paired.time, "perf_counter", lambda: now)
    slow = count(2)

    def ours() -> None:
        nonlocal now
        now += 1

    def other() -> None:
        nonlocal now
        now += next(slow)

    found = paired.compare(ours, other, pairs=3, warmup=1)
    assert (found.median, found.least, found.largest) == (4, 3, 5)  # the warm-up took 2
    assert (found.ours, found.other, found.pairs) == (1, 4, 3)


@pytest.mark.parametrize("fresh_noise", [True, False])
@pytest.mark.parametrize("plain", [PlainGAN, PlainWGANGP])
def test_the_plain_loop_trains_both_players_and_averages(plain: type[PlainGAN], fresh_noise: bool) -> None:
    torch.manual_seed(0)
    generator, critic = mlp_networks()
    before = copy.deepcopy((generator, critic))
    loop = plain(generator, critic, 2, endless(Points(torch.randn(64, 2)), 16), fresh_noise)
    passes: list[int] = []
    generator.register_forward_hook(lambda *_: passes.append(1))
    loop.run(3)
    assert len(passes) == 3 * (plain.critic_steps + fresh_noise)
    assert len(loop.critic_losses) == 3 * plain.critic_steps
    assert len(loop.generator_losses) == 3
    for old, new in zip(before, (generator, critic), strict=True):
        # All weights move.  (The critic's last bias need not: it drops out of a difference of scores.)
        pairs = zip(old.parameters(), new.parameters(), strict=True)
        assert all(not torch.equal(a, b) for a, b in pairs if a.ndim > 1)
    a, b, c = (next(net.parameters()) for net in (before[0], loop.average, generator))
    assert 0 < (b - a).abs().max() < (c - a).abs().max()


def test_the_pictures_of_the_plain_loop_are_those_of_the_fast_one() -> None:
    from course_gan.data import Batches

    stored = torch.arange(256, dtype=torch.uint8).repeat(4).reshape(1, 1, 32, 32)
    assert_close(Pictures(stored)[0], next(Batches(stored, 1))[0])


DCGAN_ORDER = (
    "project.weight norms.0.weight norms.0.bias ups.0.weight norms.1.weight norms.1.bias ups.1.weight ups.1.bias",
    "downs.0.weight downs.0.bias downs.1.weight norms.1.weight norms.1.bias last.weight last.bias",
)


def test_both_sides_have_the_same_networks() -> None:
    torch.manual_seed(0)
    for plain, ours, latent in ((mlp_networks(), toy_networks(), 2), (dcgan_networks(), picture_networks(), 100)):
        for theirs, mine, order in zip(plain, ours, DCGAN_ORDER, strict=True):
            named = dict(mine.named_parameters())
            names = order.split() if latent == 100 else list(named)
            assert sorted(names) == sorted(named)
            with torch.no_grad():
                for target, name in zip(theirs.parameters(), names, strict=True):
                    value = named[name].T if name == "project.weight" else named[name]
                    target.copy_(value.reshape(target.shape))
        z = torch.randn(8, latent)
        fakes = [generator(z) for generator in (plain[0], ours[0])]
        assert_close(*fakes)
        assert_close(plain[1](fakes[0]), ours[1](fakes[0]))


def test_both_loops_train_by_the_same_losses() -> None:
    torch.manual_seed(0)
    generator, critic = toy_networks()
    real, z = torch.randn(16, 2), torch.randn(16, 2)
    for plain, loss in ((PlainGAN, "non-saturating"), (PlainWGANGP, "wasserstein")):
        loop = plain(generator, critic, 2, iter(()))
        penalties = [train.Penalty("gradient-penalty", 10.0)] if plain is PlainWGANGP else []
        objective = train.GAN(generator, critic, loss, penalties)
        for seed in range(2):
            torch.manual_seed(seed)
            found = objective.critic_loss(real, z)
            torch.manual_seed(seed)
            assert_close(loop.critic_loss(real, generator(z).detach()), found)
        assert_close(loop.generator_loss(generator(z)), objective.generator_loss(real, z))


def sleeping(duration: float) -> paired.Run:
    return partial(time.sleep, duration)


def failing() -> paired.Run:
    raise ValueError("this side cannot be made")


def test_sides_in_processes_of_their_own_take_turns() -> None:
    found = paired.compare_apart(partial(sleeping, 0.01), partial(sleeping, 0.2), pairs=2)
    assert found.ours >= 0.01
    assert found.other >= 0.2
    assert found.pairs == 2


def test_a_side_that_fails_ends_the_comparison(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(RuntimeError, match="its error stands above"):
        paired.compare_apart(failing, partial(sleeping, 0.01))
    assert "this side cannot be made" in capfd.readouterr().err
