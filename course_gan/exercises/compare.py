"""One answer beside the expected one: which entries are right, and which is the first that is not."""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from course_gan.exercises.core import Case, Outputs, same

Place = tuple[int, tuple[int, ...]]  # which output, and which entry of it


@dataclass(frozen=True)
class Comparison:
    """What came and what was expected in one case, with the error that rounding in `dtype` excuses."""

    case: Case
    actual: Outputs
    expected: Outputs
    allowed: Outputs
    dtype: torch.dtype
    answer_dtype: torch.dtype

    @cached_property
    def fits(self) -> bool:
        """Whether number and shapes of the outputs are the expected ones."""
        return [a.shape for a in self.actual] == [e.shape for e in self.expected]

    @cached_property
    def right_outputs(self) -> tuple[bool, ...]:
        """For each output whether it is right; only where shapes fit."""
        return tuple(bool(same(*triple).all()) for triple in self.triples)

    @property
    def triples(self) -> list[tuple[Tensor, Tensor, Tensor]]:
        """(actual, expected, allowed error) of each output."""
        return list(zip(self.actual, self.expected, self.allowed))

    @cached_property
    def right(self) -> bool:
        """Whether everything fits."""
        return self.fits and all(self.right_outputs)

    def place(self) -> Place | None:
        """The first wrong entry; None if shapes differ."""
        if not self.fits or self.right:
            return None
        which = self.right_outputs.index(False)
        wrong = ~same(*self.triples[which])
        return which, tuple(int(i) for i in wrong.nonzero()[0])


def alike(actual: Outputs, other: Outputs, allowed: Outputs) -> bool:
    """Whether two wrong answers are the same one: here NaN equals NaN."""
    if [a.shape for a in actual] != [o.shape for o in other]:
        return False
    pairs = zip(actual, other, allowed)
    return all(bool((same(a, o, tol) | (a.isnan() & o.isnan())).all()) for a, o, tol in pairs)
