"""Programs that the tests of training start as processes of their own: `python -m tests.train_worker NAME FOLDER`."""

import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from course_gan import train
from course_gan.train import distributed
from course_gan.train.objective import Batch
from tests.train_parts import Rows, gan, settings


def kills(folder: Path) -> None:
    """Kill a training run twenty times, and read its checkpoint each time: a line "step, whether amid a write"."""
    numbers = random.Random(0)
    # All that a run imports, and the first checkpoint, before the children fork off.
    train.run(gan(norm=True), Rows(), settings(2, checkpoint=1), folder=folder / "first", progress=False)
    for trial in range(20):
        child = os.fork()  # from a process that has imported torch already
        if child == 0:
            try:
                forever = settings(10**9, checkpoint=1, tick=10, ema=0.9, critic_steps=2)
                train.run(gan(norm=True), Rows(), forever, folder=folder, resume="auto", progress=False)
            finally:
                os._exit(1)
        partial, deadline = folder / "checkpoint.pt.partial", time.monotonic() + 20
        while not (folder / "checkpoint.pt").exists() and time.monotonic() < deadline:
            time.sleep(0.001)
        time.sleep(numbers.uniform(0.02, 0.25))
        while trial % 2 and not partial.exists() and time.monotonic() < deadline:
            pass  # every other time wait for the moment in which a checkpoint is being written
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        # A reader that knows nothing of this package has to find it whole, too.
        plain = torch.load(folder / "checkpoint.pt", weights_only=True)
        assert plain["state"]["steps"] == train.load_checkpoint(folder)["state"]["steps"]
        train.load_checkpoint(folder / "checkpoint-previous.pt")
        print(plain["state"]["steps"], partial.exists(), flush=True)


def compiled(folder: Path) -> None:
    """Print the largest difference between losses and gradients, compiled and not, relative to the largest of all.

    The graphs are those of the default compiler; that its last stage is left out saves a minute.
    """
    torch.compile = partial(torch.compile, backend="aot_eager")
    for name, make in {
        "wgan-gp": lambda: gan("wasserstein", [train.Penalty("gradient-penalty", 10.0), train.Penalty("r1", 1.0, 2)]),
    }.items():
        results = []
        for compiles in (False, True):
            objective, batch = make(), next(Rows())
            if compiles:
                objective.compile_losses()
            objective.rng = torch.Generator().manual_seed(0)
            found: list[Tensor] = []
            losses = (
                objective.critic_loss(batch, objective.noise(batch)),
                objective.generator_loss(batch, objective.noise(batch)),
            )
            for loss, side in zip(losses, objective.players, strict=True):
                found.append(loss.detach())
                found += torch.autograd.grad(loss, [p for module in side for p in module.parameters()])
            results.append(found)
        worst = max(float((a - b).abs().max()) for a, b in zip(*results, strict=True))
        print(name, worst / max(float(a.abs().max()) for a in results[0]), flush=True)


class Sliced(train.GAN):
    """A GAN whose noise is, on each rank, its slice of the noise of the joined batch."""

    draws = 0

    def noise(self, batch: Batch) -> Tensor:
        self.draws += 1
        random = torch.Generator().manual_seed(self.draws)
        joined = torch.randn(6, 3, generator=random)
        return joined.chunk(distributed.world())[distributed.rank()]


class Shard(Rows):
    """The rank's slice of the rows of the joined batch."""

    def __init__(self) -> None:
        super().__init__(size=6)
        self.world, self.rank = distributed.world(), distributed.rank()

    def __next__(self) -> Tensor:
        return super().__next__().chunk(self.world)[self.rank]


def sliced() -> train.GAN:
    """The same players on every rank, and R1 every second time."""
    players = gan(seed=distributed.rank())  # ranks start apart: rank 0 tells the others
    return Sliced(players.generator, players.critic, "non-saturating", [train.Penalty("r1", 2.0, every=2)])


SLICED = settings(20, batch=3, optimizer="sgd", critic_steps=2, tick=10, checkpoint=10, ema=0.9)


def processes(folder: Path) -> None:
    """Train as one of several processes, be interrupted, resume, and save what this rank has at the end."""
    distributed.setup("gloo")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # also where a shell in the background ignores Ctrl-C
    if distributed.rank() > 0:
        blocked = folder / "all"
        replace = os.replace  # what puts every file in its place
        os.replace = lambda *_: sys.exit("a rank other than 0 has written")
    whole = train.run(sliced(), Shard(), SLICED, folder=folder / "all", progress=True)
    mixed = gan("wasserstein", [train.Penalty("gradient-penalty", 1.0)], norm=True, dropout=0.2)
    other = train.run(mixed, Shard(), SLICED, folder=folder / "mixed", progress=False)

    class Pressed(Shard):
        def __next__(self) -> Tensor:
            if self.drawn == 14 and self.rank == 1:  # on one rank only, in step 8
                signal.raise_signal(signal.SIGINT)
            return super().__next__()

    def again() -> train.GAN:
        return gan("wasserstein", [train.Penalty("gradient-penalty", 1.0)], norm=True, dropout=0.2)

    cut = train.run(again(), Pressed(), SLICED, folder=folder / "cut", progress=False)
    assert (cut.interrupted, cut.steps) == (True, 10), (cut.interrupted, cut.steps)
    resumed = train.run(again(), Shard(), SLICED, folder=folder / "cut", resume=True, progress=False)
    if distributed.rank() > 0:
        os.replace = replace
        assert blocked.exists()
    parts = {
        "whole": dict(whole.objective.state_dict()),
        "history": whole.history.state_dict(),
        "other": dict(other.objective.state_dict()),
        "resumed": dict(resumed.objective.state_dict()),
    }
    torch.save(parts, folder / f"rank{distributed.rank()}.pt")
    distributed.cleanup()


if __name__ == "__main__":
    {"kills": kills, "compiled": compiled, "processes": processes}[sys.argv[1]](Path(sys.argv[2]))
