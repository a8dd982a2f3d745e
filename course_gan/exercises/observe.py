"""The half of a check that runs the learner's code: a function, a harness and plain inputs are all it needs.

It knows no reference, so it can run where the learner's code must not see one.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from course_gan.exercises.core import copied, repeatable
from course_gan.exercises.failures import explain, is_stub


@dataclass(frozen=True)
class Outcome:
    """What one call of the learner's function led to: an answer, or a problem in words."""

    answer: Any = None
    problem: str = ""
    unwritten: bool = False  # the stub's NotImplementedError
    changed: tuple[int, ...] = ()  # positions of the inputs that the function changed


def observe_call(call: Callable[..., Any], function: Any, given: tuple[Any, ...]) -> Outcome:
    """Call the function through the harness on its own copy of the inputs."""
    inputs = tuple(copied(value) for value in given)
    with repeatable():
        try:
            answer = call(function, *inputs)
        except (Exception, SystemExit) as error:
            return Outcome(problem=explain(error, function), unwritten=is_stub(error, function))
    changed = [i for i, pair in enumerate(zip(inputs, given)) if not _unchanged(*pair)]
    return Outcome(answer=answer, changed=tuple(changed))


def _unchanged(now: Any, before: Any) -> bool:
    if not isinstance(before, Tensor):
        return True
    return bool(now.shape == before.shape and now.dtype == before.dtype and now.equal(before))
