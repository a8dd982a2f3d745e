"""What NaN, infinities and absurdly large numbers at the wrong places say about the mistake."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from course_gan.exercises.compare import Comparison
from course_gan.exercises.render import labels

NAN_FROM_ZERO = (
    "NaN came where a number is expected: in floating point 0 · log 0 = 0 · (-inf) is NaN, and so is 0/0; treat "
    "entries that are zero apart, with `torch.where` or `torch.special.xlogy`."
)
NAN = (
    "NaN came where a number is expected: it comes from inf - inf, 0 · inf, 0/0, or the logarithm or root of a "
    "negative number."
)
INFINITY = (
    "An infinity came where a finite number is expected: a division by zero, the logarithm of zero, or an `exp` that "
    "overflows."
)
LARGEST = (
    "The largest number there is came where another one is expected: that is what `nan_to_num` puts in the place of an "
    "infinity.  Replace NaN only where it may be replaced, with `torch.where`."
)
MISSING_INFINITY = (
    "A finite number came where the right answer is infinite: was a small number added, a value clamped, or an entry "
    "left out that counts?"
)

TESTS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    NAN: lambda a, e: a.isnan(),
    INFINITY: lambda a, e: a.isinf() & e.isfinite(),
    LARGEST: lambda a, e: a.isfinite() & (a.abs() >= 0.99 * torch.finfo(torch.float32).max),
    MISSING_INFINITY: lambda a, e: e.isinf() & a.isfinite(),
}


def not_finite(comparisons: Sequence[Comparison], which: int) -> str:
    """One sentence about output `which`: NaN or infinities that should not be there or are missing; else empty."""
    for sentence, test in TESTS.items():
        where = [c for c in comparisons if bool(test(c.actual[which], c.expected[which]).any())]
        if where:
            text = NAN_FROM_ZERO if sentence is NAN and _from_zeros(where) else sentence
            return text if len(where) == len(comparisons) else f"In {labels(where)}: {text}"
    return ""


def _from_zeros(where: Sequence[Comparison]) -> bool:
    """Whether zeros among probabilities (no input is negative) are what these cases share, and no infinity is right."""
    zeros = all(any(bool((x == 0).any()) for x in _vectors(c)) for c in where)
    probabilities = all(bool((x >= 0).all()) for c in where for x in _vectors(c))
    return zeros and probabilities and any(bool(e.isfinite().all()) for c in where for e in [torch.cat(_flat(c))])


def _vectors(comparison: Comparison) -> list[Tensor]:
    return [x for x in comparison.case.inputs if isinstance(x, Tensor) and x.ndim]


def _flat(comparison: Comparison) -> list[Tensor]:
    return [output.flatten() for output in comparison.expected]
