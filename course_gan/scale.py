"""How large the experiments are: small enough for a laptop, or the full ones on a GPU (`COURSE_GAN_SCALE`)."""

import os
from typing import Literal, TypeVar, cast

import torch

Scale = Literal["cpu", "gpu"]
Value = TypeVar("Value")


def scale() -> Scale:
    """Return the scale at which the experiments run: "cpu" unless the variable COURSE_GAN_SCALE says "gpu"."""
    name = os.environ.get("COURSE_GAN_SCALE") or "cpu"
    if name not in ("cpu", "gpu"):
        raise ValueError(
            f"COURSE_GAN_SCALE is {name!r}; set it to 'cpu' (laptop) or 'gpu' (full experiments), or unset it"
        )
    return cast(Scale, name)


def by_scale(*, cpu: Value, gpu: Value) -> Value:
    """Return the setting for the current scale.

    >>> by_scale(cpu=1_000, gpu=100_000) in (1_000, 100_000)
    True
    """
    return gpu if scale() == "gpu" else cpu


def device() -> torch.device:
    """Return where the experiments run: the GPU at scale "gpu", which must then exist, and the CPU otherwise."""
    if scale() == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise RuntimeError(
            "COURSE_GAN_SCALE is 'gpu', but torch sees no GPU here; unset it to run the laptop's experiments"
        )
    return torch.device("cuda")
