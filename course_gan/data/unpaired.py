r"""Batches of two domains at once, in which no row of the one belongs to a row of the other."""

from collections.abc import Iterator

import torch

from course_gan.data.batches import Batch, Batches, Source
from course_gan.data.seeds import key
from course_gan.inputs import require_count


class Unpaired:
    r"""Batches of two domains that belong together as a whole, not row by row: a tuple (from a, from b).

    `a` and `b` are sources of `Batches`, of any two lengths; each has an order and a length of epoch of its own.
    For CycleGAN, whose training sets have no pairs.

    >>> batches = Unpaired(torch.zeros(10, 1), torch.ones(7, 1), size=2)
    >>> [tuple(x.shape) for x in next(batches)]
    [(2, 1), (2, 1)]
    """

    def __init__(
        self,
        a: Source,
        b: Source,
        size: int,
        *,
        seed: int = 0,
        device: torch.device | str = "cpu",
        rank: int = 0,
        world: int = 1,
        channels_last: bool = False,
    ) -> None:
        require_count("seed", seed, least=0)
        # Two seeds: with one, sets of the same length would come in the same order, and so in pairs.
        self.a, self.b = (
            Batches(
                source,
                size,
                seed=key(seed, domain),
                device=device,
                rank=rank,
                world=world,
                channels_last=channels_last,
            )
            for source, domain in ((a, "a"), (b, "b"))
        )
        self.size, self.seed, self.rank, self.world, self.device = size, seed, rank, world, self.a.device

    @property
    def step(self) -> int:
        """How many batches have been handed out."""
        return self.a.step

    def __iter__(self) -> Iterator[tuple[Batch, Batch]]:
        return self

    def __next__(self) -> tuple[Batch, Batch]:
        return next(self.a), next(self.b)

    def state_dict(self) -> dict[str, int]:
        """The states of the two, as plain numbers."""
        return {f"{name}.{entry}": value for name in "ab" for entry, value in getattr(self, name).state_dict().items()}

    def load_state_dict(self, state: dict[str, int]) -> None:
        """Go on where `state` was taken; a state of other batches is refused, and nothing is changed."""
        parts = [{entry[2:]: state[entry] for entry in state if entry.startswith(f"{name}.")} for name in "ab"]
        before = self.a.state_dict()
        self.a.load_state_dict(parts[0])
        try:
            self.b.load_state_dict(parts[1])
        except ValueError:
            self.a.load_state_dict(before)
            raise
