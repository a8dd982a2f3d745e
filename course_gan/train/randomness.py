"""Random numbers of a run: where they come from, and how they are kept."""

from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b

import torch
from torch import Tensor


def seed_for(purpose: str, seed: int, rank: int) -> int:
    """A seed for one purpose in one process, another one than `seed` itself, with which the data may be drawn.

    With one seed for both, the noise would be the very numbers that the samples of a toy are made of.
    """
    return int.from_bytes(blake2b(f"{purpose}/{seed}/{rank}".encode(), digest_size=4).digest())


@contextmanager
def kept(device: torch.device) -> Iterator[None]:
    """Leave torch's global generators, of the CPU and of the device, as they were: what happens inside has no trace."""
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        yield


def get_state(generator: torch.Generator, device: torch.device) -> dict[str, Tensor]:
    """The states of the run's own generator and of torch's global ones (dropout and layers draw from these)."""
    state = {"noise": generator.get_state(), "cpu": torch.get_rng_state()}
    return {**state, "cuda": torch.cuda.get_rng_state(device)} if device.type == "cuda" else state


def set_state(generator: torch.Generator, device: torch.device, state: dict[str, Tensor]) -> None:
    """Go on from what `get_state` returned."""
    generator.set_state(state["noise"])
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state["cuda"], device)
