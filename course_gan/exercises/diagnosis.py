"""Which mistake was it?  First the known wrong answers of the exercise, then what the numbers alone show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from course_gan.exercises.answers import normalize
from course_gan.exercises.compare import Comparison, alike
from course_gan.exercises.core import Exercise, Misconception, Outputs, cast, repeatable
from course_gan.exercises.hints import generic_hints, whole_hint
from course_gan.exercises.patterns import CONSTANTS
from course_gan.exercises.render import labels


@dataclass(frozen=True)
class Diagnosis:
    """Sentences for the learner, and the name of the misconception if a known one explains the outputs."""

    sentences: list[str]
    misconception: str | None = None


def diagnose(exercise: Exercise, comparisons: Sequence[Comparison]) -> Diagnosis:
    """Explain wrong outputs by one known mistake, by two at once, by one in some of the cases, or by their numbers."""
    failing = [i for i, c in enumerate(comparisons) if not c.right]
    suspects = [Suspect(exercise, m, comparisons) for m in exercise.misconceptions]
    for s in suspects:
        if all(s.hits(i) for i in failing) and s.explains_what_is_right():
            return Diagnosis([s.misconception.sentence], s.misconception.name)
    suspects = [s for s in suspects if s.explains_what_is_right()]
    if whole := whole_hint(exercise, comparisons):
        return Diagnosis([whole])
    for s in suspects:
        for factor, name in CONSTANTS.items():
            if all(s.hits(i, factor) for i in failing):
                first = f"Two things together would explain these numbers.  {s.misconception.sentence}"
                return Diagnosis([first, f"Besides, every value is {name}."], s.misconception.name)
    return _cover(suspects, frozenset(failing), comparisons) or Diagnosis(generic_hints(exercise, comparisons))


class Suspect:
    """A misconception beside the learner's outputs, case by case (a case is meant by its position)."""

    def __init__(self, exercise: Exercise, misconception: Misconception, comparisons: Sequence[Comparison]) -> None:
        self.exercise, self.misconception, self.comparisons = exercise, misconception, comparisons
        self.known: dict[tuple[int, torch.dtype], Outputs | None] = {}

    def hits(self, i: int, factor: float = 1.0) -> bool:
        """Whether in case `i` the learner gave what the misconception gives, times the factor.

        Rounding decides where a wrong answer overflows, so it is tried in the dtype of the inputs and in float64.
        """
        comparison = self.comparisons[i]
        inputs = cast(comparison.case.inputs, comparison.dtype)
        for outputs in self._versions(i):
            scaled = tuple(factor * output for output in outputs)
            allowed = tuple(a.nan_to_num(nan=0.0) for a in self.exercise.allowed_error(inputs, scaled))
            if alike(comparison.actual, scaled, allowed):
                return True
        return False

    def explains_what_is_right(self) -> bool:
        """Whether the misconception is right wherever the learner is: otherwise it was not made."""
        right = [(i, c) for i, c in enumerate(self.comparisons) if c.right]
        return all(any(alike(v, c.expected, c.allowed) for v in self._versions(i)) for i, c in right)

    def _versions(self, i: int) -> Iterator[Outputs]:
        for dtype in dict.fromkeys((self.comparisons[i].dtype, torch.float64)):
            if (i, dtype) not in self.known:
                self.known[i, dtype] = self._run(self.comparisons[i], dtype)
            outputs = self.known[i, dtype]
            if outputs is not None:
                yield outputs

    def _run(self, comparison: Comparison, dtype: torch.dtype) -> Outputs | None:
        with repeatable():
            try:
                answer = self.exercise.call(self.misconception.function, *cast(comparison.case.inputs, dtype))
                return normalize(answer, len(comparison.expected))
            except Exception:  # where the wrong answer fails, the learner's answer is another one
                return None


def _cover(suspects: list[Suspect], failing: frozenset[int], comparisons: Sequence[Comparison]) -> Diagnosis | None:
    """Several mistakes, each seen in its own cases: name the one seen most, then the one that explains the rest."""
    found = {m: frozenset(i for i in failing if s.hits(i)) for s in suspects for m in [s.misconception]}
    first = max(found, key=lambda m: len(found[m]), default=None)
    if first is None or 3 * len(found[first]) < len(failing):
        return None
    rest = failing - found[first]
    second = max(found, key=lambda m: len(found[m] & rest))
    parts = [(found[first], first.sentence), (found[second] & rest, second.sentence)]
    sentences = [f"In {_labels(which, comparisons)}: {sentence}" for which, sentence in parts if which]
    rest -= found[second]
    if 3 * len(rest) > len(failing):  # what little was found may be chance
        return None
    if rest:
        sentences.append(f"Something else is wrong in {_labels(rest, comparisons)}.")
    return Diagnosis(sentences, first.name)


def _labels(which: frozenset[int], comparisons: Sequence[Comparison]) -> str:
    return labels([comparisons[i] for i in sorted(which)])
