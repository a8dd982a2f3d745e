"""Settings of a training run: plain values in one frozen record, checked when it is made."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, Literal

from course_gan.inputs import require_count, require_positive

OPTIMIZERS = ("adam", "rmsprop", "sgd")
SCHEDULES = ("constant", "linear", "cosine")
PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Settings:
    """How to train.  A step is one update of the generator and `critic_steps` updates of the critic before it.

    `batch` is the number of rows of a batch, as the batches were made with (every process has that many).
    `fresh_noise` False trains the generator on the fakes that the critic has just been trained on, as PyTorch's DCGAN
    example does: a pass of the generator less, and its batch normalization sees one batch a step, not two.
    `betas` are Adam's; RMSProp takes the second as its smoothing, SGD the first as its momentum.
    `schedule` multiplies both rates: "constant" by 1, "linear" and "cosine" by a factor that falls to 0 at `steps`.
    `ema` is the decay of the generator's moving average (None: no average), `clip` the bound on the critic's weights.
    `precision` "bfloat16" runs the networks under autocast; weights, losses and penalties stay in float32.
    `compile` compiles the two losses: worth its minute where a run is long.
    Statistics are read every `tick` steps; with a folder, a checkpoint is written every `checkpoint` steps.

    The defaults are those of Radford, Metz and Chintala, Unsupervised representation learning with DCGANs, 2016, §4;
    Gulrajani et al., Improved training of Wasserstein GANs, 2017, Algorithm 1, has critic_steps=5, both rates 1e-4 and
    betas=(0.0, 0.9).

    >>> Settings(steps=1000, batch=64, critic_steps=5, betas=(0.0, 0.9)).critic_rate
    0.0002
    """

    steps: int
    batch: int = 64
    critic_steps: int = 1
    fresh_noise: bool = True
    optimizer: Literal["adam", "rmsprop", "sgd"] = "adam"
    critic_rate: float | int = 2e-4
    generator_rate: float | int = 2e-4
    betas: tuple[float, float] | list[float] = (0.5, 0.999)  # a list, as a recipe's file has it, becomes a tuple
    schedule: Literal["constant", "linear", "cosine"] = "constant"
    ema: float | int | None = None
    clip: float | int | None = None
    seed: int = 0
    device: str = "cpu"
    precision: Literal["float32", "bfloat16"] = "float32"
    compile: bool = False
    tick: int = 100
    checkpoint: int = 1000

    def __post_init__(self) -> None:
        """Refuse what could not be trained with, and say what to write instead."""
        for name in ("steps", "batch", "critic_steps", "tick", "checkpoint"):
            require_count(name, getattr(self, name))
        require_count("seed", self.seed, 0)
        _require_one_of("optimizer", self.optimizer, OPTIMIZERS)
        _require_one_of("schedule", self.schedule, SCHEDULES)
        _require_one_of("precision", self.precision, PRECISIONS)
        for name in ("critic_rate", "generator_rate"):
            require_positive(name, getattr(self, name), zero=True)
        if self.clip is not None:
            require_positive("clip", self.clip)
        object.__setattr__(self, "betas", tuple(map(_plain, self.betas)))
        object.__setattr__(self, "device", str(self.device))
        for name in ("critic_rate", "generator_rate", "ema", "clip"):
            object.__setattr__(self, name, _plain(getattr(self, name)))
        if len(self.betas) != 2 or not all(_is_decay(beta) for beta in self.betas):
            raise ValueError(f"betas is {self.betas!r}; wanted two numbers of [0, 1), such as (0.5, 0.999).")
        if self.ema is not None and not _is_decay(self.ema):
            raise ValueError(f"ema is {self.ema!r}; wanted a decay of [0, 1), such as 0.999, or None for no average.")


def differences(saved: dict[str, object], current: Settings) -> list[str]:
    """Name each setting in which a checkpoint differs from `current`, with both values.

    How often to write a checkpoint is free.  `steps` may grow where the schedule is constant (train on); with another
    schedule the rates of all the steps so far depend on it.
    """
    wanted = as_plain(current)
    found = []
    for name in sorted(saved.keys() | wanted.keys()):
        old, new = saved.get(name, "absent"), wanted.get(name, "absent")
        longer = name == "steps" and current.schedule == "constant" and isinstance(old, int) and current.steps >= old
        if old != new and name != "checkpoint" and not longer:
            found.append(f"{name}: {old!r} in the checkpoint, {new!r} now")
    return found


def as_plain(settings: Settings) -> dict[str, object]:
    """The settings as numbers, strings and lists, which a checkpoint and a JSON file can hold."""
    return {**dataclasses.asdict(settings), "betas": list(settings.betas)}


def _plain(value: Any) -> Any:
    """Python's own number: NumPy's float64 is a float by its class, but a checkpoint that holds one is not plain."""
    return value if value is None or type(value) is int else float(value)


def _is_decay(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value < 1


def _require_one_of(name: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} is {value!r}; wanted one of {', '.join(allowed)}.")
