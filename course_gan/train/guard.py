"""What stops a run, before it begins or while it goes on: unusable arguments, NaN, and Ctrl-C."""

import signal
import threading
from collections.abc import Iterable
from pathlib import Path
from types import FrameType, TracebackType
from typing import Literal

import torch
from torch import Tensor

from course_gan.train.distributed import rank, world
from course_gan.train.optimizers import all_finite
from course_gan.train.state import State

ADVICE = (
    "Try a lower critic_rate and generator_rate, a penalty on the critic's slope or a smaller weight of it, "
    "precision='float32', or data scaled into [-1, 1]"
)


class Diverged(ArithmeticError):
    """A loss or a weight is NaN or infinite; `step` and `quantity` say since when, and which."""

    def __init__(self, step: int, quantity: str, what: str, last_good: Path | None) -> None:
        where = f"The last good checkpoint is {last_good}" if last_good else "There is no checkpoint of this run"
        super().__init__(f"{what}; the run is stopped. {where}. {ADVICE}.")
        self.step, self.quantity = step, quantity


def require_finite(state: State, read: dict[str, Tensor], last_good: Path | None) -> None:
    """Raise `Diverged` unless all losses since the last tick, and all weights and buffers of now, are finite."""
    bad = state.terms.first_not_finite(read)
    if bad is not None:
        step, name, value = bad
        raise Diverged(step, name, f"{name} became {value} in step {step}", last_good)
    tensors = {name: value for name, value in state.objective.state_dict().items() if value.is_floating_point()}
    if tensors and not all_finite(list(tensors.values())):  # the host waits for the device here
        name = next(name for name, value in tensors.items() if not value.isfinite().all())
        what = f"{name} holds NaN or infinity after step {state.steps}, while the losses before were finite"
        raise Diverged(state.steps, name, what, last_good)


class Interruption:
    """Ctrl-C, within the `with`: the first one sets `requested`, the second one interrupts at once.

    Signals reach the main thread only; in another thread, or where Ctrl-C is ignored, nothing is changed.
    """

    def __init__(self) -> None:
        self.requested = False
        self._installed = False

    def __enter__(self) -> "Interruption":
        self._before = signal.getsignal(signal.SIGINT)
        main = threading.current_thread() is threading.main_thread()
        if main and self._before not in (None, signal.SIG_IGN):
            signal.signal(signal.SIGINT, self._handle)
            self._installed = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._installed:
            signal.signal(signal.SIGINT, self._before)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def agreed(self, device: torch.device, tick: bool) -> bool:
        """Whether to stop now.  Several processes stop together, at a tick, or those that go on would wait forever."""
        if world() == 1:
            return self.requested
        if not tick:
            return False
        anyone = torch.tensor(float(self.requested), device=device)
        torch.distributed.all_reduce(anyone)
        return bool(anyone > 0)  # the host waits for the device here


def require_usable(
    batches: object, device: torch.device, folder: object, resume: bool | Literal["auto"], tensorboard: bool
) -> None:
    """Refuse, before any work, what could only fail later."""
    if device.type == "cuda" and not torch.cuda.is_available():
        raise ValueError(f"device is {str(device)!r}, but torch sees no GPU here; use Settings(device='cpu').")
    if resume not in (True, False, "auto"):
        raise ValueError(f"resume is {resume!r}; wanted True, False or 'auto'.")
    if folder is None and (resume or tensorboard):
        raise ValueError(f"{'resume' if resume else 'tensorboard'} needs a folder; pass run(..., folder=...).")
    if isinstance(batches, Tensor) or not isinstance(batches, Iterable):
        raise TypeError(
            f"The batches are a {type(batches).__name__}; wanted an endless iterator of batches. "
            "Pass data.Batches(…, size=settings.batch, seed=settings.seed)."
        )
    if folder is not None and not (hasattr(batches, "state_dict") and hasattr(batches, "load_state_dict")):
        raise TypeError(
            f"The batches are a {type(batches).__name__}, which cannot say where it is; a checkpoint needs "
            "state_dict() and load_state_dict(). Use data.Batches, or train without a folder."
        )
    there = getattr(batches, "device", device)
    if isinstance(there, torch.device) and there.type != device.type:
        raise ValueError(f"The batches are on {there} and the run is on {device}; wanted one device for both.")
    if getattr(batches, "world", world()) != world() or getattr(batches, "rank", rank()) != rank():
        raise ValueError(
            f"The batches are those of process {getattr(batches, 'rank', '?')} of {getattr(batches, 'world', '?')}, "
            f"and this is process {rank()} of {world()}. Make them with rank=distributed.rank(), "
            "world=distributed.world()."
        )
