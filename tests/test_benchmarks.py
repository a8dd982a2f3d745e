"""The benchmarks: the tables say what was measured, the pairs are counted right, and the plain loop really trains."""

import copy
import json
from itertools import count
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from benchmarks import paired, table
from benchmarks.plain import Pictures, PlainGAN, PlainWGANGP, Points, endless
from benchmarks.training import picture_networks, toy_networks

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


@pytest.mark.parametrize("plain", [PlainGAN, PlainWGANGP])
def test_the_plain_loop_trains_both_players_and_averages(plain: type[PlainGAN]) -> None:
    torch.manual_seed(0)
    generator, critic = toy_networks()
    before = copy.deepcopy((generator, critic))
    loop = plain(generator, critic, endless(Points(torch.randn(64, 2)), 16))
    loop.run(3)
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


def test_both_sides_of_the_picture_benchmark_fit_together() -> None:
    generator, critic = picture_networks()
    assert critic(generator(torch.randn(2, generator.latent))).shape == (2,)
