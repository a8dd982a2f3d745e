"""Relations between wrong numbers and the right ones: a factor, an offset, a function."""

from collections.abc import Callable
from math import log

from torch import Tensor

from course_gan.exercises.core import same
from course_gan.exercises.render import number

Triple = tuple[Tensor, Tensor, Tensor]  # actual, expected, allowed error: the entries of all cases in one row

# Factors between a wrong value and the right one, as they complete "every value is ...".
CONSTANTS: dict[float, str] = {
    -1.0: "the right one with the wrong sign (a factor of -1)",
    2.0: "twice the right one (a factor of 2)",
    -2.0: "-2 times the right one: check the sign and the factors",
    0.5: "half the right one (a factor of ½)",
    -0.5: "-½ times the right one: check the sign and the factors",
    4.0: "four times the right one (a factor of 4)",
    0.25: "a quarter of the right one (a factor of ¼)",
    1 / log(2): "1/log 2 = 1.4427 times the right one: that is a base-2 logarithm, the natural one is wanted",
    -1 / log(2): "-1/log 2 times the right one: a base-2 logarithm (the natural one is wanted) and the wrong sign",
    1 / log(10): "1/log 10 = 0.4343 times the right one: that is a base-10 logarithm, the natural one is wanted",
    log(2): "log 2 = 0.6931 times the right one: a change of base that is not wanted, or has the wrong direction",
    log(10): "log 10 = 2.3026 times the right one: a change of base that is not wanted, or has the wrong direction",
}

# Differences between a wrong value and the right one.
OFFSETS: dict[float, str] = {
    1.0: "1",
    0.5: "½",
    2.0: "2",
    log(2): "log 2 = 0.6931",
    2 * log(2): "log 4 = 1.3863",
    0.5 * log(2): "½ log 2 = 0.3466",
}

FUNCTIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "the exponential of the right one: is an `exp` too many there, or a `log` missing?": lambda e: e.exp(),
    "the exponential of minus the right one: is an `exp` too many there, or a `log` missing?": lambda e: (-e).exp(),
    "the logarithm of the right one: is a `log` too many there?": lambda e: e.log(),
    "the square of the right one: is a square too many there, or a root missing?": lambda e: e.square(),
    "the square root of the right one: is a root too many there, or a square missing?": lambda e: e.abs().sqrt(),
    "the absolute value of the right one": lambda e: e.abs(),
    "one minus the right one": lambda e: 1 - e,
    "one over the right one": lambda e: 1 / e,
    "the right one cut off at zero": lambda e: e.clamp(min=0),
    "the right one cut off at one": lambda e: e.clamp(max=1),
}


def relation(triple: Triple) -> str:
    """A sentence if all wrong values are one function of the right ones, otherwise empty."""
    if not _telling(triple):
        return ""
    return _factor(triple) or _offset(triple) or _function(triple) or _constant(triple)


def _telling(triple: Triple) -> bool:
    """Whether there are values enough, and different enough, to see a relation in them."""
    _, expected, allowed = triple
    large = expected[expected.abs() > 100 * allowed]
    return len(large) > 2 and bool((large.max() - large.min()) > 1e-3)


def follows(actual: Tensor, other: Tensor, allowed: Tensor, scale: float = 1.0) -> bool:
    """Whether the values are, up to rounding, the others, which came from scaling by `scale`."""
    return bool(same(actual, other, 4 * max(1.0, abs(scale)) * allowed).all())


def _factor(triple: Triple) -> str:
    actual, expected, allowed = triple
    top = int(expected.abs().argmax())
    factor = float(actual[top] / expected[top])
    for known, sentence in CONSTANTS.items():
        if follows(actual, known * expected, allowed, known):
            return f"Every value is {sentence}."
    # A factor of zero, or of almost one, is another story.
    if abs(factor) > 1e-6 and abs(factor - 1) > 1e-3 and follows(actual, factor * expected, allowed, factor):
        return f"Every value is {number(factor)} times the right one: look for a constant factor."
    return ""


def _offset(triple: Triple) -> str:
    actual, expected, allowed = triple
    offset = float((actual - expected).median())
    if not follows(actual, expected + offset, allowed, offset) or abs(offset) <= float(allowed.max()):
        return ""
    size = next((name for c, name in OFFSETS.items() if abs(abs(offset) - c) < 1e-4), number(abs(offset)))
    return f"Every value is too {'large' if offset > 0 else 'small'} by {size}: a constant is missing or too much."


def _function(triple: Triple) -> str:
    actual, expected, allowed = triple
    for sentence, function in FUNCTIONS.items():
        value = function(expected)
        changes = not follows(value, expected, allowed)  # the absolute value of positive numbers explains nothing
        if changes and follows(actual, value, allowed, float(value.nan_to_num(posinf=1.0).abs().max())):
            return f"Every value is {sentence.rstrip('.')}" + ("" if sentence.endswith("?") else ".")
    return ""


def _constant(triple: Triple) -> str:
    actual, _, allowed = triple
    if follows(actual, actual[:1].expand_as(actual), allowed):
        return f"Your function gives {number(float(actual[0]))} in all cases: does the answer use the inputs?"
    return ""
