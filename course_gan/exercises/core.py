"""What an exercise is, how its function is called, and when two answers count as equal."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

Outputs = tuple[Tensor, ...]

# Each term of a sum passes through a few roundings (a quotient, a logarithm, a product, the addition).
ROUNDINGS_PER_TERM = 8


def call_directly(function: Callable[..., Any], *inputs: Any) -> Any:
    """The harness of an exercise whose function takes plain inputs and whose outputs are what it returns."""
    return function(*inputs)


@dataclass(frozen=True)
class Case:
    """One call of the learner's function.

    The inputs are tensors, floats, ints, strings and bools only, so that they can be handed to another process as
    plain arrays.  The label is shown to the learner and completes "in the case ...": "two equal distributions".
    """

    inputs: tuple[Any, ...]
    label: str


@dataclass(frozen=True)
class Misconception:
    """A named wrong answer, and the sentences that tell a learner who gave it what was done and what to do instead."""

    name: str
    function: Callable[..., Any]
    sentence: str


@dataclass(frozen=True)
class Exercise:
    """One exercise; `reference.__name__` is the name that the learner's function has in the chapter.

    `call` is the harness, called as `call(function, *case.inputs)`: it builds networks and optimizers from plain
    inputs, lets the function act on them and returns what is to be compared.  It holds no reference and stands in a
    module `harness` that holds none either.  `parts` names what it returns where the learner's function does not
    return these things itself.  `tolerance` takes the inputs of a case and the tuple of expected outputs, and gives the
    allowed absolute error of each output.
    """

    id: str
    chapter: str
    title: str
    points: int
    reference: Callable[..., Any]
    cases: Callable[[torch.Generator], list[Case]]
    misconceptions: tuple[Misconception, ...]
    alternatives: tuple[Callable[..., Any], ...] = field(repr=False)
    call: Callable[..., Any] = call_directly
    parts: tuple[str, ...] = ()  # what the outputs of a harness are called: "the critic's weights"
    tolerance: Callable[[tuple[Any, ...], Outputs], Sequence[Tensor | float]] | None = None

    def seeded_cases(self, seed: int) -> list[Case]:
        """The cases of one seed; every call makes new tensors."""
        return self.cases(torch.Generator().manual_seed(seed))

    def allowed_error(self, inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
        """The allowed absolute error of each expected output, elementwise."""
        allowed = (self.tolerance or rounding)(inputs, expected)
        return tuple(torch.as_tensor(a, dtype=torch.float64).expand_as(e) for a, e in zip(allowed, expected))


@contextmanager
def repeatable() -> Iterator[None]:
    """Random numbers drawn inside are the same in every run, and the caller's stay as they were."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        yield


def rounding(inputs: tuple[Any, ...], expected: Outputs, size: float = 1.0) -> tuple[Tensor, ...]:
    """The rounding error of a sum: roundings per term x terms x machine epsilon x max(size, |expected|).

    Epsilon is that of the coarsest dtype among the inputs, and the number of terms behind one expected number is at
    most the size of the largest input divided by the number of outputs.  `size` is that of the terms.
    """
    largest = max((x.numel() for x in inputs if isinstance(x, Tensor)), default=1)
    unit = ROUNDINGS_PER_TERM * torch.finfo(coarsest(inputs)).eps
    return tuple(unit * max(1.0, largest / max(1, e.numel())) * e.abs().clamp(min=size) for e in expected)


def coarsest(inputs: tuple[Any, ...]) -> torch.dtype:
    """The float dtype with the largest epsilon among the inputs.

    A whole number counts as float32, which a quotient of whole numbers is by default.
    """
    dtypes = {x.dtype if x.is_floating_point() else torch.float32 for x in inputs if isinstance(x, Tensor)}
    return max(dtypes or {torch.float32}, key=lambda dtype: torch.finfo(dtype).eps)


def cast(inputs: tuple[Any, ...], dtype: torch.dtype) -> tuple[Any, ...]:
    """Copies of the inputs, with float tensors in `dtype`."""
    return tuple(
        x.detach().to(dtype, copy=True) if isinstance(x, Tensor) and x.is_floating_point() else copied(x)
        for x in inputs
    )


def copied(value: Any) -> Any:
    """A copy of one input that shares no memory with it."""
    return value.detach().clone() if isinstance(value, Tensor) else value


def same(actual: Tensor, expected: Tensor, allowed: Tensor | float) -> Tensor:
    """Elementwise: within the allowed error, or the same infinity.  NaN equals nothing."""
    infinite = actual.isinf() | expected.isinf()
    return torch.where(infinite, actual == expected, (actual - expected).abs() <= allowed)
