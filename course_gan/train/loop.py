"""The loop around the step: ticks, checkpoints, resuming, and stopping well."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias

import torch
from torch import nn

from course_gan.train import randomness
from course_gan.train.checkpoint import LAST, architecture, load_checkpoint, require_same_run, save_checkpoint
from course_gan.train.distributed import assert_same, broadcast_, rank, world
from course_gan.train.folder import held
from course_gan.train.guard import Interruption, require_finite, require_usable
from course_gan.train.history import History
from course_gan.train.objective import Batch, Objective
from course_gan.train.progress import progress_for
from course_gan.train.settings import Settings, as_plain
from course_gan.train.state import State
from course_gan.train.step import step
from course_gan.train.tensorboard import Board


@dataclass
class Run:
    """What `run` returns, and what `watch` sees while it goes on."""

    objective: Objective
    settings: Settings
    average: nn.Module | None = None  # the generator with averaged weights, in evaluation mode
    history: History = field(default_factory=History)
    steps: int = 0
    seconds: float = 0.0  # of training, over all resumptions
    interrupted: bool = False
    folder: Path | None = None


Watch: TypeAlias = Callable[[int, Run], Mapping[str, float] | None]


def run(
    objective: Objective,
    batches: Iterable[Batch],
    settings: Settings,
    *,
    folder: str | Path | None = None,
    resume: bool | Literal["auto"] = False,
    progress: bool = True,
    watch: Watch | None = None,
    tensorboard: bool = False,
) -> Run:
    """Train: `settings.steps` times `step`, on the device and from the seed of the settings.

    The history gets a row every `settings.tick` steps: the means of the loss terms, and what `watch(step, run)`
    returns, if anything.  `watch` may draw random numbers and switch to evaluation mode; the run goes on as if it had
    not.

    With a `folder`, every `settings.checkpoint` steps and at the end a checkpoint and `history.csv` are written there,
    and `batches` has to have `state_dict` and `load_state_dict`, as `data.Batches` has.  No other run may write there
    meanwhile.  `resume=True` goes on from the
    folder's checkpoint, "auto" does so if there is one, False starts afresh and writes over what is there.  On the CPU
    a run that was interrupted and resumed equals one that was not, bit for bit.

    Ctrl-C stops after the step at hand, with a checkpoint if there is a folder, and `interrupted` set in what is
    returned; a second one stops at once.  NaN or infinity in a loss or a weight raises `Diverged`.

    The same seed gives the same run: torch's global generators are seeded here, and left as they were found.  The
    weights that the networks start with are not the run's business: seed before you build them.
    Under `torchrun`, every process calls this after `distributed.setup()`; process 0 writes, and shows the progress.
    """
    device, place = torch.device(settings.device), Path(folder) if folder is not None else None
    require_usable(batches, device, folder, resume, tensorboard)
    if (size := getattr(batches, "size", settings.batch)) != settings.batch:  # what is written down would be wrong
        wanted = "wanted one size for both. Make them with data.Batches(…, size=settings.batch)."
        raise ValueError(f"The batches have {size} rows each and settings.batch is {settings.batch}; {wanted}")
    with randomness.kept(device), held(place), Interruption() as stop:
        torch.manual_seed(randomness.seed_for("layers", settings.seed, rank()))
        session = _Session(objective, batches, settings, place, watch)
        if resume:
            session.resume(missing_ok=resume == "auto")
        session.train(stop, Board(session.folder if tensorboard and rank() == 0 else None), progress and rank() == 0)
    return session.run


class _Session:
    """One call of `run`: the state, and what is done with it at a tick, at a checkpoint and at the end."""

    def __init__(
        self, objective: Objective, batches: Any, settings: Settings, folder: Path | None, watch: Watch | None
    ) -> None:
        self.device, self.settings, self.folder, self.watch = torch.device(settings.device), settings, folder, watch
        self.batches = batches
        convolutional = any(isinstance(module, nn.Conv2d | nn.ConvTranspose2d) for module in objective.modules())
        objective.to(self.device).train()
        if convolutional:
            objective.to(memory_format=torch.channels_last)
        broadcast_(objective)
        if settings.compile:
            objective.compile_losses()
        self.state = State(objective, settings)
        average = self.state.average.average if self.state.average is not None else None
        self.run = Run(objective, settings, average, folder=folder)
        self.described = {**objective.describe(), "processes": str(world())}
        self.last_good: Path | None = None
        self._since = time.perf_counter()

    def train(self, stop: Interruption, board: Board, show: bool) -> None:
        """The loop."""
        state, settings, stream = self.state, self.settings, iter(self.batches)
        shown = progress_for(settings.steps, state.steps, show)
        self._since = time.perf_counter()
        try:
            while state.steps < settings.steps and not self.run.interrupted:
                step(state, stream)
                at_tick = state.steps % settings.tick == 0
                if at_tick:
                    self.tick(board)
                self.run.interrupted = stop.agreed(self.device, at_tick) and state.steps < settings.steps
                over = self.run.interrupted or state.steps == settings.steps
                if self.folder is not None and (over or state.steps % settings.checkpoint == 0):
                    self.save(self.folder)
                shown.update(state.steps, self.run.history.last)
            if state.terms:  # a last row for the steps since the last tick; the checkpoint leaves it to whoever goes on
                self.tick(board)
        except StopIteration:
            raise ValueError(
                f"The batches ended in step {state.steps + 1} of {settings.steps}; wanted an iterator without end. "
                "Use data.Batches, or itertools.cycle."
            ) from None
        finally:
            shown.close(state.steps, self.run.history.last)
            board.close()
        self._clock()
        if self.folder is not None and rank() == 0:
            self.run.history.save(self.folder / "history.csv")

    def tick(self, board: Board) -> None:
        """Read the statistics, check them, ask `watch`, and add a row to the history."""
        self._clock()
        read = self.state.terms.read()
        require_finite(self.state, read, self.last_good)
        row = self.state.terms.means(read)
        self.state.terms.clear()
        if self.watch is not None:
            with randomness.kept(self.device):
                seen = self.watch(self.state.steps, self.run) or {}
            if clash := row.keys() & seen.keys():
                raise ValueError(
                    f"watch returned {', '.join(sorted(clash))}, a term of the loss; give it another name."
                )
            row.update(seen)
            self.run.objective.train()
        self.run.history.append(self.state.steps, row)
        board.write(self.state.steps, row)

    def save(self, folder: Path) -> None:
        """Write a checkpoint, if all numbers are finite and all processes agree about the weights."""
        require_finite(self.state, self.state.terms.read(), self.last_good)
        assert_same(self.run.objective.parameters())
        self._clock()
        ranks = _gathered(
            {
                "random": randomness.get_state(self.state.rng, self.device),
                "batches": self.batches.state_dict(),
                "buffers": dict(self.run.objective.named_buffers()) if world() > 1 else {},
                "terms": self.state.terms.state_dict(),
            }
        )
        if rank() > 0:
            return
        contents = {
            "settings": as_plain(self.settings),
            "described": self.described,
            "architecture": architecture(self.run.objective),
            "state": self.state.state_dict(),
            "ranks": ranks,
            "history": self.run.history.state_dict(),
            "seconds": self.run.seconds,
        }
        self.last_good = save_checkpoint(folder, contents)
        self.run.history.save(folder / "history.csv")

    def resume(self, missing_ok: bool) -> None:
        """Put everything back to where the folder's checkpoint was written."""
        assert self.folder is not None
        path = self.folder / LAST
        if missing_ok and not path.exists():
            return
        contents = load_checkpoint(path)
        require_same_run(contents, self.settings, self.described, self.run.objective, path)
        mine = contents["ranks"][rank()]
        self.state.load_state_dict(contents["state"])
        self.state.terms.load_state_dict(mine["terms"], self.settings.device)
        self.run.objective.load_state_dict(mine["buffers"], strict=False)
        self.batches.load_state_dict(mine["batches"])
        self.run.history.load_state_dict(contents["history"])
        self.run.steps, self.run.seconds, self.last_good = self.state.steps, contents["seconds"], path
        randomness.set_state(self.state.rng, self.device, mine["random"])

    def _clock(self) -> None:
        now = time.perf_counter()
        self.run.seconds += now - self._since
        self.run.steps, self._since = self.state.steps, now


def _gathered(mine: dict[str, Any]) -> list[dict[str, Any]]:
    """What every process has, in the order of the ranks."""
    everyone = [mine] * world()
    if world() > 1:
        torch.distributed.all_gather_object(everyone, mine)
    return everyone
