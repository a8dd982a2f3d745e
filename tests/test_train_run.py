"""The loop: it trains, stops well, and goes on exactly where it was."""

import copy
import inspect
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan import data, train
from course_gan.train import guard, loop
from tests.train_parts import Generator, Rows, bigan, cyclegan, gan, same, settings, weights

Make = Callable[[int], tuple[train.Objective, Any, train.Settings]]


@pytest.fixture(autouse=True)
def heed_ctrl_c() -> Iterator[None]:
    """Python's own handler, also where the tests run in the background of a shell that has Ctrl-C ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupting(Rows):
    """Batches that press Ctrl-C at one draw, as often as told."""

    at, times = 0, 1

    def __next__(self) -> Any:
        batch = super().__next__()
        if self.drawn == self.at:
            for _ in range(self.times):
                signal.raise_signal(signal.SIGINT)
        return batch


def interrupting(at: int, **kind: int) -> Interrupting:
    batches = Interrupting(**kind)
    batches.at = at
    return batches


RUNS: dict[str, tuple[Callable[[int], train.Objective], dict[str, int], dict[str, Any]]] = {
    "gan": (
        lambda seed: gan(seed=seed, norm=True, dropout=0.3),
        {},
        {"ema": 0.9, "schedule": "cosine"},
    ),
    "conditional": (lambda seed: gan("hinge", seed=seed, classes=3, dropout=0.3), {"classes": 3}, {"optimizer": "sgd"}),
    "wgan-gp": (
        lambda seed: gan("wasserstein", [train.Penalty("gradient-penalty", 10.0)], seed),
        {},
        {"critic_steps": 5, "ema": 0.99},
    ),
    "lazy": (
        lambda seed: gan("wasserstein", [train.Penalty("one-sided", 1.0, every=3), train.Penalty("r1", 1.0, 4)], seed),
        {},
        {"critic_steps": 5, "optimizer": "rmsprop", "schedule": "linear"},
    ),
    "clipped": (
        lambda seed: gan("wasserstein", seed=seed),
        {},
        {"clip": 0.05, "optimizer": "rmsprop", "fresh_noise": False},
    ),
    "bigan": (lambda seed: bigan(seed=seed), {}, {"ema": 0.9}),
    "cyclegan": (lambda seed: cyclegan(seed, identity=0.5), {"parts": 2}, {"ema": 0.9}),
}


@pytest.mark.parametrize("name", RUNS)
@pytest.mark.parametrize("stop", [3, 8])  # inside a tick, and inside a lazy period
def test_interrupted_and_resumed_equals_uninterrupted(name: str, stop: int, tmp_path: Path) -> None:
    make, kind, others = RUNS[name]
    chosen = settings(13, tick=5, checkpoint=4, **others)
    whole = train.run(make(0), Rows(**kind), chosen, folder=tmp_path / "whole", progress=False)
    at = (stop - 1) * chosen.critic_steps + 1
    first = train.run(make(0), interrupting(at, **kind), chosen, folder=tmp_path / "cut", progress=False)
    assert (first.interrupted, first.steps) == (True, stop)
    # From other first weights and other random numbers, so that all that is the same has been restored.
    torch.manual_seed(99)
    second = train.run(make(7), Rows(**kind), chosen, folder=tmp_path / "cut", resume=True, progress=False)
    assert (second.interrupted, second.steps, whole.interrupted, whole.steps) == (False, 13, False, 13)

    ours, theirs = (train.load_checkpoint(tmp_path / folder) for folder in ("cut", "whole"))
    assert ours.pop("seconds") > 0 < theirs.pop("seconds")
    for part in theirs:  # weights, buffers, average, optimizers, counts, history, batches, random numbers, settings
        assert same(ours[part], theirs[part]), part
    assert same(second.history.state_dict(), whole.history.state_dict())
    assert (tmp_path / "cut" / "history.csv").read_text() == (tmp_path / "whole" / "history.csv").read_text()
    if whole.average is not None:
        assert same(weights(second.average), weights(whole.average))


def test_resuming_works_with_the_batches_of_the_package(tmp_path: Path) -> None:
    def batches() -> data.Batches:
        return data.Batches(torch.arange(40.0).view(20, 2), 6, seed=1)

    chosen = settings(10)
    whole = train.run(gan(), batches(), chosen, progress=False)
    train.run(gan(), batches(), settings(4), folder=tmp_path, progress=False)
    rest = train.run(gan(seed=3), batches(), chosen, folder=tmp_path, resume=True, progress=False)
    assert same(weights(rest.objective), weights(whole.objective))


def test_more_steps_go_on_as_if_they_had_been_asked_for_at_once(tmp_path: Path) -> None:
    whole = train.run(gan(), Rows(), settings(12, tick=5), progress=False)
    train.run(gan(), Rows(), settings(7, tick=5), folder=tmp_path, progress=False)
    more = train.run(gan(seed=5), Rows(), settings(12, tick=5), folder=tmp_path, resume=True, progress=False)
    assert same(weights(more.objective), weights(whole.objective))
    assert same(more.history.state_dict(), whole.history.state_dict())
    assert more.history["step"].tolist() == [5, 10, 12]


def test_a_finished_run_that_is_resumed_is_still_finished(tmp_path: Path) -> None:
    first = train.run(gan(), Rows(), settings(7, tick=5), folder=tmp_path, progress=False)
    again = train.run(gan(seed=5), Rows(), settings(7, tick=5), folder=tmp_path, resume="auto", progress=False)
    assert again.steps == 7
    assert same(again.history.state_dict(), first.history.state_dict())
    assert same(weights(again.objective), weights(first.objective))


def test_seconds_are_those_of_training_over_all_resumptions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr(loop, "time", clock)

    class Slow(Rows):
        """Batches that take a second each, and an hour to be set up again."""

        def __next__(self) -> Any:
            clock.now += 1
            return super().__next__()

        def load_state_dict(self, state: dict[str, int]) -> None:
            clock.now += 3600
            super().load_state_dict(state)

    first = train.run(gan(), Slow(), settings(4, checkpoint=3), folder=tmp_path, progress=False)
    assert (first.seconds, train.load_checkpoint(tmp_path)["seconds"]) == (4, 4)
    assert train.load_checkpoint(tmp_path / "checkpoint-previous.pt")["seconds"] == 3
    resumed = train.run(gan(), Slow(), settings(10), folder=tmp_path, resume=True, progress=False)
    assert (resumed.seconds, train.load_checkpoint(tmp_path)["seconds"]) == (10, 10)


def test_resume_without_a_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no checkpoint .*resume='auto'"):
        train.run(gan(), Rows(), settings(2), folder=tmp_path, resume=True, progress=False)
    assert train.run(gan(), Rows(), settings(2), folder=tmp_path, resume="auto", progress=False).steps == 2
    fresh = train.run(gan(), Rows(), settings(2), folder=tmp_path, progress=False)  # False writes over what is there
    assert fresh.history["step"].tolist() == [2]


def test_trap_comparison_instead_of_assignment_on_resume(tmp_path: Path) -> None:
    train.run(gan(), Rows(), settings(3, ema=0.9), folder=tmp_path, progress=False)
    batches, seen = Rows(), []
    run = train.run(
        gan(seed=9), batches, settings(4, ema=0.9, tick=1), folder=tmp_path / "none", progress=False
    )  # where nothing is restored
    with pytest.raises(ValueError, match="tick: 100 in the checkpoint, 1 now"):
        train.run(gan(seed=9), Rows(), settings(4, ema=0.9, tick=1), folder=tmp_path, resume=True, progress=False)
    batches = Rows()
    watch = lambda step, run: seen.append((step, batches.drawn)) or {}  # noqa: E731
    resumed = train.run(
        gan(seed=9), batches, settings(4, ema=0.9), folder=tmp_path, resume=True, progress=False, watch=watch
    )
    assert seen == [(4, 4)]  # one more step, with the fourth batch: counts and batches were really set
    assert not same(weights(resumed.objective), weights(run.objective))


def test_trap_checkpoint_key_read_by_another_name(tmp_path: Path) -> None:
    train.run(gan(), Rows(), settings(3, critic_steps=2), folder=tmp_path, progress=False)
    saved = train.load_checkpoint(tmp_path)
    assert (saved["state"]["steps"], saved["state"]["critic_updates"]) == (3, 6)
    path = train.save_checkpoint(tmp_path, {**saved, "state": {**saved["state"], "steps": 2}})
    assert path == tmp_path / "checkpoint.pt"
    rows = Rows()
    run = train.run(gan(), rows, settings(3, critic_steps=2), folder=tmp_path, resume=True, progress=False)
    assert (run.steps, rows.drawn) == (3, 8)  # what is read is what was written: one step was left to do


def test_trap_loop_that_returns_in_its_first_pass() -> None:
    rows = Rows()
    run = train.run(gan(), rows, settings(7, critic_steps=3, tick=2), progress=False)
    assert (run.steps, rows.drawn) == (7, 21)
    assert run.history["step"].tolist() == [2, 4, 6, 7]


def test_history_holds_the_means_of_the_terms() -> None:
    objective = gan("wasserstein", [train.Penalty("r1", 2.0, every=4)])
    seen: list[dict[str, Tensor]] = []
    inner = objective.critic_terms
    objective.critic_terms = lambda *inputs: seen.append(inner(*inputs)) or seen[-1]
    run = train.run(objective, Rows(), settings(5, critic_steps=3, tick=2), progress=False)
    losses = torch.stack([terms["critic_loss"] for terms in seen]).detach().double()
    assert_close(run.history["critic_loss"], torch.stack([losses[:6].mean(), losses[6:12].mean(), losses[12:].mean()]))
    r1 = torch.tensor([terms["r1"].item() if "r1" in terms else 0.0 for terms in seen], dtype=torch.float64)
    assert_close(run.history["r1"], torch.stack([r1[:6].mean(), r1[6:12].mean(), r1[12:].mean()]))
    assert list(run.history) == ["step", "critic_loss", "r1", "generator_loss"]


def test_same_seed_same_run_and_another_seed_another_one() -> None:
    def final(seed: int) -> dict[str, Tensor]:
        objective = gan(dropout=0.5)
        torch.seed()  # dropout is to draw from the run's seed, whatever the global generator was at before
        return weights(train.run(objective, Rows(), settings(4, seed=seed), progress=False).objective)

    assert same(final(1), final(1))
    assert not same(final(1), final(2))


def test_run_leaves_the_global_random_numbers_as_they_were() -> None:
    objective = gan(dropout=0.5)
    torch.manual_seed(5)
    expected = torch.randn(3)
    torch.manual_seed(5)
    train.run(objective, Rows(), settings(3), progress=False)
    assert torch.equal(torch.randn(3), expected)


def test_trap_noise_that_is_the_data() -> None:
    state = train.State(gan(), settings(seed=0))
    toy = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))  # as a sampler seeded by 0 draws
    assert not torch.equal(state.objective.noise(torch.zeros(6, 2)), toy)


def test_watching_does_not_change_the_run() -> None:
    seen: list[tuple[int, int, bool]] = []

    def watch(step: int, run: train.Run) -> dict[str, float]:
        torch.randn(100)
        run.objective.eval()
        seen.append((step, run.steps, run.average is not None))
        return {"drawn": float(step)}

    chosen = settings(6, tick=2, ema=0.9)
    plain = train.run(gan(dropout=0.5), Rows(), chosen, progress=False)
    watched = train.run(gan(dropout=0.5), Rows(), chosen, progress=False, watch=watch)
    assert same(weights(plain.objective), weights(watched.objective))
    assert seen == [(2, 2, True), (4, 4, True), (6, 6, True)]
    assert watched.history["drawn"].tolist() == [2, 4, 6]
    assert "drawn" not in plain.history


def test_average_of_a_short_run_is_near_its_weights() -> None:
    run = train.run(gan(), Rows(), settings(60, ema=0.999), progress=False)
    live, first = run.objective.generator, gan().generator
    for name, value in run.average.named_parameters():
        assert (value - live.get_parameter(name)).norm() < 0.7 * (value - first.get_parameter(name)).norm(), name


class Poisoned(Rows):
    """Batches of which one holds NaN."""

    at = 9

    def __next__(self) -> Any:
        batch = super().__next__()
        return batch * torch.nan if self.drawn == self.at else batch


@pytest.mark.parametrize("checkpoint", [4, 5])  # found by the tick (at 10), and by the checkpoint before it
def test_nan_stops_the_run_and_says_where(checkpoint: int, tmp_path: Path) -> None:
    train.run(gan(), Rows(), settings(4, tick=10, checkpoint=checkpoint), folder=tmp_path, progress=False)
    good = (tmp_path / "checkpoint.pt").read_bytes()
    chosen = settings(30, tick=10, checkpoint=20 if checkpoint == 4 else checkpoint)
    batches = Poisoned()
    batches.at = 5 if checkpoint == 5 else 9
    with pytest.raises(train.Diverged, match="critic_loss became nan in step") as caught:
        train.run(gan(), batches, chosen, folder=tmp_path, resume=True, progress=False)
    assert (caught.value.step, caught.value.quantity) == (batches.at, "critic_loss")
    assert f"The last good checkpoint is {tmp_path / 'checkpoint.pt'}" in str(caught.value)
    assert "critic_rate" in str(caught.value)
    assert (tmp_path / "checkpoint.pt").read_bytes() == good


def test_nan_in_a_weight_is_found_though_the_losses_were_finite() -> None:
    objective, updates = gan(), []

    def poison(gradient: Tensor) -> Tensor:
        updates.append(1)
        return gradient * torch.inf if len(updates) == 5 else gradient

    objective.generator.layers[0].weight.register_hook(poison)
    with pytest.raises(
        train.Diverged, match=r"generator\.layers\.0\.weight holds NaN or infinity after step 5"
    ) as caught:
        train.run(objective, Rows(), settings(20, tick=5), progress=False)
    assert "There is no checkpoint of this run" in str(caught.value)


def test_nan_in_a_running_statistic_is_found_though_all_weights_are_finite() -> None:
    objective = gan(norm=True)

    def poison(step: int, run: train.Run) -> None:
        objective.generator.layers[1].running_mean[0] = torch.inf

    with pytest.raises(train.Diverged, match=r"generator\.layers\.1\.running_mean holds NaN or infinity after step 4"):
        train.run(objective, Rows(), settings(6, tick=2), progress=False, watch=poison)


def test_nan_in_the_generators_loss_is_found_and_told_with_its_step() -> None:
    objective, calls = gan(), []
    inner = objective.generator_terms

    def terms(batch: Tensor, noise: Tensor) -> dict[str, Tensor]:
        calls.append(1)
        return {name: value * (torch.nan if len(calls) == 3 else 1) for name, value in inner(batch, noise).items()}

    objective.generator_terms = terms
    with pytest.raises(train.Diverged) as caught:
        train.run(objective, Rows(), settings(9, critic_steps=2), progress=False)
    assert (caught.value.step, caught.value.quantity) == (3, "generator_loss")


def test_infinite_loss_is_found_with_several_updates_a_step() -> None:
    objective = gan("wasserstein", [train.Penalty("r1", 1.0, every=2)])
    inner = objective.critic_terms

    def terms(batch: Tensor, noise: Tensor, step: int) -> dict[str, Tensor]:
        return {
            name: value * (torch.inf if step == 10 and name == "r1" else 1)
            for name, value in inner(batch, noise, step).items()
        }

    objective.critic_terms = terms
    with pytest.raises(train.Diverged) as caught:
        train.run(objective, Rows(), settings(9, critic_steps=3), progress=False)
    assert (caught.value.step, caught.value.quantity) == (4, "r1")


def test_ctrl_c_stops_after_the_step_and_gives_the_handler_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    run = train.run(gan(), interrupting(4, size=6), settings(9, critic_steps=2), progress=False)
    assert (run.interrupted, run.steps) == (True, 2)
    assert run.history["step"].tolist() == [2]  # what was read until then is not lost
    assert signal.getsignal(signal.SIGINT) is before


def test_second_ctrl_c_stops_at_once() -> None:
    batches = interrupting(4)
    batches.times = 2
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        train.run(gan(), batches, settings(9), progress=False)
    assert batches.drawn == 4
    assert signal.getsignal(signal.SIGINT) is before


def test_ctrl_c_in_the_last_step_is_no_interruption() -> None:
    assert not train.run(gan(), interrupting(3), settings(3), progress=False).interrupted


def test_other_threads_leave_the_handler_alone() -> None:
    results: list[Any] = []

    def work() -> None:
        before = signal.getsignal(signal.SIGINT)
        run = train.run(
            gan(),
            Rows(),
            settings(2),
            progress=False,
            watch=lambda *_: {"same": float(signal.getsignal(signal.SIGINT) is before)},
        )
        results.append((run.steps, run.history["same"].tolist()))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert results == [(2, [1.0])]


def test_ignored_ctrl_c_stays_ignored() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        assert not train.run(gan(), interrupting(2), settings(3), progress=False).interrupted
        assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_batches_that_end_are_named() -> None:
    with pytest.raises(ValueError, match="ended in step 3 of 5"):
        train.run(gan(), [torch.randn(6, 2)] * 2, settings(5), progress=False)


def test_what_could_only_fail_later_is_refused_at_once(tmp_path: Path) -> None:
    def refused(error: type[Exception], match: str, batches: Any = None, chosen: Any = None, **others: Any) -> None:
        with pytest.raises(error, match=match):
            train.run(gan(), batches or Rows(), chosen or settings(2), progress=False, **others)

    refused(TypeError, "state_dict", [torch.randn(6, 2)], folder=tmp_path)
    refused(TypeError, "state_dict", OneWay([torch.randn(6, 2)]), folder=tmp_path)
    refused(ValueError, "resume needs a folder", resume=True)
    refused(ValueError, "tensorboard needs a folder", tensorboard=True)
    if not torch.cuda.is_available():
        refused(ValueError, "no GPU", chosen=settings(2, device="cuda"))
    elsewhere = Rows()
    elsewhere.device = torch.device("meta")
    refused(ValueError, "one device", elsewhere)
    sharded = Rows()
    # Too many processes, another one's slice, and both.
    for sharded.world, sharded.rank in ((2, 0), (1, 1), (2, 1)):
        refused(ValueError, rf"process {sharded.rank} of {sharded.world}, and this is process 0 of 1", sharded)
    larger = Rows(size=8)
    larger.size = 8  # as `data.Batches` says it
    refused(ValueError, r"batches have 8 rows each and settings\.batch is 6; wanted one size", larger)


def test_convolutions_are_laid_out_channels_last_and_resume_so(tmp_path: Path) -> None:
    class Pictures(nn.Sequential):
        latent = 2

    def make() -> train.GAN:
        generator = Pictures(nn.Linear(2, 8), nn.Unflatten(1, (2, 2, 2)), nn.ConvTranspose2d(2, 3, 2))
        critic = nn.Sequential(nn.Conv2d(3, 4, 2), nn.LeakyReLU(0.2), nn.Conv2d(4, 1, 2), nn.Flatten(0))
        return train.GAN(generator, critic, "hinge", [train.Penalty("r1", 1.0)])

    def batches() -> data.Batches:
        return data.Batches(torch.randn(24, 3, 3, 3, generator=torch.Generator().manual_seed(0)), 6)

    torch.manual_seed(0)
    objective = make()
    other = copy.deepcopy(objective)
    whole = train.run(objective, batches(), settings(6, ema=0.9), folder=tmp_path / "whole", progress=False)
    assert objective.critic[2].weight.is_contiguous(memory_format=torch.channels_last)
    train.run(other, batches(), settings(3, ema=0.9), folder=tmp_path, progress=False)
    resumed = train.run(make(), batches(), settings(6, ema=0.9), folder=tmp_path, resume=True, progress=False)
    assert same(weights(resumed.objective), weights(whole.objective))


def test_compile_compiles_both_losses_once(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(torch, "compile", lambda function: compiled.append(function.__name__) or function)
    for make in (gan, bigan, cyclegan):
        compiled.clear()
        objective = make()
        for _ in range(2):
            train.run(objective, Rows(parts=2 if make is cyclegan else 1), settings(1, compile=True), progress=False)
        assert sorted(name.strip("_") for name in compiled) == ["critic_terms", "generator_terms"]


def test_tensorboard_is_asked_for_and_missing_or_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(ModuleNotFoundError, match="pip install tensorboard"):
        train.run(gan(), Rows(), settings(2), folder=tmp_path, tensorboard=True, progress=False)
    written: list[Any] = []

    class SummaryWriter:
        def __init__(self, folder: str) -> None:
            written.append(folder)

        def add_scalar(self, name: str, value: float, step: int) -> None:
            written.append((name, step))

        def close(self) -> None:
            written.append("closed")

    fake = ModuleType("torch.utils.tensorboard")
    fake.SummaryWriter = SummaryWriter
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", fake)
    train.run(gan(), Rows(), settings(2, tick=1), folder=tmp_path, tensorboard=True, progress=False)
    rows = [(name, step) for step in (1, 2) for name in ("critic_loss", "generator_loss")]
    assert written == [str(tmp_path / "tensorboard"), *rows, "closed"]


def test_diverged_is_an_arithmetic_error_with_advice() -> None:
    assert issubclass(guard.Diverged, ArithmeticError)


def test_generator_stays_what_it_is_after_the_run() -> None:
    generator = Generator()
    objective = train.GAN(generator, gan().critic, "hinge")
    assert train.run(objective, Rows(), settings(2), progress=False).objective.generator is generator
    assert all(value.requires_grad for value in objective.parameters())


def test_batches_of_the_wrong_kind_are_told_what_to_be() -> None:
    for wrong in (torch.randn(20, 2), data.ring()):
        with pytest.raises(TypeError, match=r"wanted an endless iterator.*data\.Batches"):
            inspect.unwrap(train.run)(gan(), wrong, settings(2), progress=False)


def test_a_watch_may_return_nothing_but_no_term_of_the_loss() -> None:
    assert "critic_loss" in train.run(gan(), Rows(), settings(2, tick=1), watch=lambda *_: None, progress=False).history
    with pytest.raises(ValueError, match="watch returned critic_loss"):
        train.run(gan(), Rows(), settings(2, tick=1), watch=lambda *_: {"critic_loss": 0.0}, progress=False)


def test_two_runs_in_one_folder_are_refused_and_the_first_goes_on(tmp_path: Path) -> None:
    complaints = []

    def second(step: int, _: train.Run) -> dict[str, float]:
        with pytest.raises(ValueError, match="Another run is writing to") as caught:
            train.run(gan(), Rows(), settings(1), folder=tmp_path, progress=False)
        complaints.append(caught.value)
        return {}

    first = train.run(gan(), Rows(), settings(2, tick=1), folder=tmp_path, watch=second, progress=False)
    assert (first.steps, len(complaints)) == (2, 2)
    # Afterwards the folder is free, also after a run that was stopped by an error.
    with pytest.raises(ValueError, match="ended in step 1"):
        train.run(gan(), Endless([]), settings(4), folder=tmp_path, progress=False)
    assert train.run(gan(), Rows(), settings(4, tick=1), folder=tmp_path, resume=True, progress=False).steps == 4


class OneWay(list[Tensor]):
    """Batches that say where they are, and cannot go there."""

    def state_dict(self) -> dict[str, int]:
        return {}


class Endless(OneWay):
    """Batches that end at once, in spite of their name."""

    def load_state_dict(self, state: dict[str, int]) -> None:
        pass


def test_a_folder_that_cannot_be_written_is_refused_before_the_first_step(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("here")
    rows = Rows()
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match="file"):
            train.run(gan(), rows, settings(2), folder=folder, progress=False)
    assert rows.drawn == 0
