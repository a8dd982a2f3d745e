r"""Batches without a DataLoader: the data lies on the device, and a batch is a few rows of it, picked by index.

For a set that fits into memory this is about ten times as fast as collecting items one by one, and it makes the order
a function of three numbers, (seed, step, rank): no state hides in a worker, and a run can go on exactly where it was.
"""

from collections.abc import Callable, Iterator
from typing import TypeAlias

import torch
from torch import Tensor

from course_gan.data.pixels import to_float
from course_gan.data.seeds import key, spread
from course_gan.inputs import require_count

Batch: TypeAlias = Tensor | tuple[Tensor, ...]
Source: TypeAlias = Tensor | tuple[Tensor, ...] | list[Tensor] | Callable[[int, torch.Generator], Batch]


class Batches:
    r"""An endless iterator of batches, the same for the same seed, on every machine.

    Parameters:
        source: where the rows come from.
            A tensor (N, …) or a tuple of tensors with the same N, such as (images, labels): in every epoch each row is
            used once, in an order of its own, and the N mod (size · world) rows left at its end are dropped.
            Or a sampler `(n, generator) -> Tensor or tuple of tensors`, such as a `Mixture` or `glyphs`: each batch is
            drawn anew, by a generator on the CPU; it must draw from that one alone, or a resumed run differs.
        size: the rows of a batch, in this process.
        seed: what the order, or the drawing, depends on.
        device: where the data is kept and the batches are.
        rank, world: the number of this process among all processes, on all machines, and how many there are.
            Each gets other rows; with the same `size · world` their union is the same for every world.
        channels_last: lay images (n, c, h, w) out with the channels last, as convolutions like it.

    A batch is a tensor, or a tuple of tensors.  uint8 pixels stay uint8 in memory and become floats in [-1, 1] a batch
    at a time; everything else is passed as it is.  Nothing here waits for the device, except once an epoch for a new
    order (to copy it there).

    >>> batches = Batches((torch.arange(6.0), torch.arange(6)), size=3, seed=0)
    >>> x, labels = next(batches)
    >>> x.shape, bool((x == labels).all())
    (torch.Size([3]), True)
    """

    def __init__(
        self,
        source: Source,
        size: int,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world: int = 1,
        channels_last: bool = False,
    ) -> None:
        require_count("size", size)
        require_count("seed", seed, least=0)
        require_count("world", world)
        require_count("rank", rank, least=0)
        if rank >= world:
            raise ValueError(
                f"rank is {rank} and world is {world}; wanted a rank below world. It is the number among the "
                "processes of all machines (RANK), not the one on this machine (LOCAL_RANK)."
            )
        self.size, self.seed, self.rank, self.world = size, seed, rank, world
        self.device, self.channels_last = torch.device(device), channels_last
        self.step = 0
        self._sampler: Callable[[int, torch.Generator], Batch] | None = None
        self._tensors: tuple[Tensor, ...] = ()
        self._order, self._order_of = torch.empty(0, dtype=torch.int64), -1
        self._bare = isinstance(source, Tensor)
        if isinstance(source, Tensor | tuple | list):
            self._tensors = _resident((source,) if isinstance(source, Tensor) else tuple(source), self.device)
            if self.rows < size * world:
                most = self.rows // world
                hint = f"Make size at most {most}" if most else f"It has too few for {world} process(es)"
                raise ValueError(
                    f"The source has {self.rows} rows, and one step takes {size} for each of {world} process(es); "
                    f"wanted at least {size * world}. {hint}."
                )
        elif callable(source):
            self._sampler = source
        else:
            raise TypeError(
                f"The source is a {type(source).__name__}; wanted a tensor (N, …), a tuple of such tensors, "
                "or a sampler (n, generator) -> tensor."
            )
        self._generator = torch.Generator()
        self._key = key(seed, "rows" if self._sampler is None else "sampler")

    @property
    def rows(self) -> int:
        """The rows of the source, N; 0 for a sampler, which has no end."""
        return len(self._tensors[0]) if self._tensors else 0

    @property
    def steps_per_epoch(self) -> int:
        """How many batches use every row once, ⌊N / (size · world)⌋; 0 for a sampler."""
        return self.rows // (self.size * self.world)

    @property
    def epoch(self) -> int:
        """How many epochs have been handed out whole; 0 for a sampler."""
        return self.step // self.steps_per_epoch if self._tensors else 0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        batch = self._drawn() if self._sampler is not None else self._picked()
        self.step += 1
        ready = tuple(self._ready(tensor) for tensor in batch)
        return ready[0] if self._bare else ready

    def _picked(self) -> tuple[Tensor, ...]:
        """The rows of this step and rank: of the epoch's order, `size · world` a step, `size` of them for each rank."""
        epoch, within = divmod(self.step, self.steps_per_epoch)
        if epoch != self._order_of:
            self._generator.manual_seed(spread(self._key + epoch))
            # Drawn on the CPU, so that the order is the same on every device; copied there once an epoch.
            self._order = torch.randperm(self.rows, generator=self._generator).to(self.device)
            self._order_of = epoch
        start = (within * self.world + self.rank) * self.size
        index = self._order[start : start + self.size]
        return tuple(tensor.index_select(0, index) for tensor in self._tensors)

    def _drawn(self) -> tuple[Tensor, ...]:
        """A fresh batch of the sampler, from a generator that is seeded by step and rank alone."""
        assert self._sampler is not None
        self._generator.manual_seed(spread(self._key + self.step * self.world + self.rank))
        drawn = self._sampler(self.size, self._generator)
        self._bare = isinstance(drawn, Tensor)
        entries: tuple[object, ...] = tuple(drawn) if isinstance(drawn, tuple | list) else (drawn,)
        for entry in entries or (drawn,):
            if not isinstance(entry, Tensor) or entry.ndim == 0 or len(entry) != self.size:
                given = f"shape {tuple(entry.shape)}" if isinstance(entry, Tensor) else f"a {type(entry).__name__}"
                raise ValueError(
                    f"The sampler was asked for {self.size} rows and gave {given}; wanted a tensor ({self.size}, …), "
                    "or a tuple of such tensors."
                )
        # Detached: a sampler that is a network of its own must not be trained, nor hold its graph.
        return tuple(
            tensor.detach().to(self.device, non_blocking=True) for tensor in entries if isinstance(tensor, Tensor)
        )

    def _ready(self, tensor: Tensor) -> Tensor:
        if tensor.dtype == torch.uint8 and tensor.ndim > 1:
            tensor = to_float(tensor)
        if self.channels_last and tensor.ndim == 4:
            tensor = tensor.contiguous(memory_format=torch.channels_last)
        return tensor

    def state_dict(self) -> dict[str, int]:
        """Plain numbers, the same for every rank: how many batches were handed out, and what fixes their order."""
        return {"step": self.step, **self._settings()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where `state` was taken, in the middle of an epoch or not; a state of other batches is refused.

        The settings that must agree are the seed, the rows N of the source, and the rows of a step over all processes.
        So a run of two processes can go on as one with batches twice as large; with a sampler `world` must agree too.
        """
        mine = self._settings()
        missing = [key for key in ("step", *mine) if key not in state]
        if missing:
            raise ValueError(f"The state has no {', '.join(missing)}; wanted what Batches.state_dict() returned.")
        other = [f"{key} is {state[key]} there and {mine[key]} here" for key in mine if state[key] != mine[key]]
        if other:
            raise ValueError(
                f"This is the state of other batches: {'; '.join(other)}. "
                "Make the Batches with the source, size and seed of the run that is to go on."
            )
        require_count("step", state["step"], least=0)
        self.step = state["step"]

    def _settings(self) -> dict[str, int]:
        world = 0 if self._sampler is None else self.world
        return {"seed": self.seed, "rows": self.rows, "rows_per_step": self.size * self.world, "sampler_world": world}


def _resident(tensors: tuple[object, ...], device: torch.device) -> tuple[Tensor, ...]:
    """The tensors of a source on the device, checked: at least one, of the same number of rows."""
    for tensor in tensors:
        if not isinstance(tensor, Tensor):
            raise TypeError(f"The source holds a {type(tensor).__name__}; wanted tensors. Pass torch.as_tensor(…).")
        if tensor.dtype == torch.uint8 and tensor.ndim == 3:
            raise ValueError(
                f"The source has uint8 images of shape {tuple(tensor.shape)}; wanted (n, channels, height, width). "
                "Pass images[:, None] for gray images."
            )
    shapes = [tuple(tensor.shape) for tensor in tensors if isinstance(tensor, Tensor)]
    if not shapes or any(not shape or shape[0] != shapes[0][:1][0] for shape in shapes):
        raise ValueError(f"The source has shapes {shapes}; wanted tensors with the same number of rows, (N, …).")
    return tuple(tensor.detach().to(device) for tensor in tensors if isinstance(tensor, Tensor))
