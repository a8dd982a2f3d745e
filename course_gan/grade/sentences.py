"""What students may read of a judgement: sentences that carry no hidden number, and no word of the submission's own."""

import builtins
import functools
import re
from collections.abc import Collection, Sequence

from torch import Tensor

from course_gan.exercises.core import Case, Exercise
from course_gan.exercises.failures import ASYNC, HINTS, YIELDS

# What a sentence may say of a number without giving away one that is hidden: those of well-known constants.
TELLING = re.compile(r"\d\.\d|\de[+-]?\d|\d{4}")

UNUSABLE = ("It returned", "One of the things", "What it returned", "What the notebook")

# Sentences that are of use without the number they hold: what to look for in them, and what to put there.
WITHOUT_NUMBERS = (
    (re.compile(r"(?<=Close, but the error) of \S+ (is more than rounding explains) \([^)]*\)"), r" \1"),
    (re.compile(r"(?<=very value is) \S+ times the right one(?=: look for)"), " the same multiple of the right one"),
    (re.compile(r"(?<=very value is) too (?:large|small) by [\w.+-]+"), " off by the same number"),
)
# Numbers that the submission is free to choose: with them it could send the inputs out, three digits at a time.
CHOSEN = (
    (re.compile(r"(?<=Your function gives )(?!-?\d in )\S+"), "one and the same number"),
    (re.compile(r"(?<=Your function returns )\d{2,}(?= outputs)"), "too many"),
    (re.compile(r"(?<=very value is )-?\d{2,}(?= times the right one: look for)"), "the same number of"),
    (re.compile(r"(?<=very value is too )((?:large|small) by) \d{2,}(?=:)"), r"\1 the same number"),
)
SHAPE = re.compile(r"\(\d+,[\d, ]*\)")


def safe(
    exercise: Exercise, cases: Sequence[Case], sentences: Sequence[str], problems: Collection[str]
) -> tuple[str, ...]:
    """The sentences that hold no hidden number, and of what the submission itself said only the kind.

    An exception's text, the name of a class, or the size of an axis could carry the secret inputs out; and a problem
    that the box reports may be anything, for the worker in there is the submission's to rewrite.
    """
    known = {m.sentence for m in exercise.misconceptions}
    kept = []
    for sentence in sentences:
        if sentence in problems or sentence.startswith(UNUSABLE):
            kept.append(_problem(sentence))
        elif any(text in sentence for text in known):
            kept.append(sentence)
        else:
            plain = _plain(cases, sentence)
            plain = _replaced(WITHOUT_NUMBERS, plain) if TELLING.search(plain) else plain
            kept += [plain] * (not TELLING.search(plain))
    return tuple(kept)


def _problem(sentence: str) -> str:
    if raised := re.match(r"Your function raised (\w+)", sentence):
        return _raised(raised[1], sentence)
    if sentence.startswith(UNUSABLE):
        return "It returned something that is not made of real numbers: return a tensor."
    if sentence.startswith("Your function takes the parameters"):
        return "Your function takes other parameters than the task says: keep its first line as it was given."
    return sentence if sentence in (YIELDS, ASYNC) else "Your function could not be called as the task says."


def _plain(cases: Sequence[Case], sentence: str) -> str:
    """The sentence without numbers that only the submission can have chosen; sizes of the inputs are none."""
    shapes = [tuple(x.shape) for case in cases for x in case.inputs if isinstance(x, Tensor)]
    sizes, axes = {1, *(size for shape in shapes for size in shape)}, max(map(len, shapes), default=0) + 1

    def fitting(shape: re.Match[str]) -> str:
        found = [int(size) for size in re.findall(r"\d+", shape[0])]
        return shape[0] if len(found) <= axes and sizes.issuperset(found) else "(another one)"

    return SHAPE.sub(fitting, _replaced(CHOSEN, sentence))


def _replaced(ways: Sequence[tuple[re.Pattern[str], str]], sentence: str) -> str:
    return functools.reduce(lambda text, way: way[0].sub(way[1], text), ways, sentence)


def _raised(name: str, sentence: str) -> str:
    kind = getattr(builtins, name, None)
    builtin = isinstance(kind, type) and issubclass(kind, BaseException)
    said = f"Your function raised {name}." if builtin else "Your function raised an exception."
    hints = [hint for signs, hint in HINTS if any(sign in sentence for sign in signs)]
    return " ".join([said, *hints[:1]])  # all of them together would be a code
