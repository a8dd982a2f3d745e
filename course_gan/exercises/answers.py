"""What a learner's function may return, turned into float64 tensors, or into a message if it cannot be."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from course_gan.exercises.core import Outputs

# No exercise asks for more: a function that returns more numbers is wrong, and must not fill the memory.
MOST_NUMBERS = 1_000_000


class UnusableAnswer(TypeError):
    """An answer that is not made of real numbers; the message is for the learner."""


def normalize(answer: Any, count: int = 1) -> Outputs:
    """Whatever a learner may return, as a tuple of detached float64 tensors on the CPU.

    `count` is the number of outputs wanted.  It decides what a sequence means: several outputs if more than one is
    wanted, the rows of a single tensor otherwise.  The length of the result may still differ from `count`.
    """
    if type(answer).__module__ == "torch.return_types":
        kind = type(answer).__name__
        raise UnusableAnswer(f"It returned all that `{kind}` gives, values and indices: pick one, `.values`.")
    if isinstance(answer, tuple | list) and (count > 1 or len(answer) == 1):
        return tuple(_tensor(part) for part in answer)
    single = _tensor(answer)
    if count > 1 and single.ndim > 0 and len(single) == count:
        return single.unbind()
    return (single,)


def through_single(outputs: Outputs) -> bool:
    """Whether all numbers are exactly those of float32: a float64 answer that was rounded to float32 on its way."""
    return all(bool((output.float().double() == output)[output.isfinite()].all()) for output in outputs)


def answer_dtype(answer: Any) -> torch.dtype:
    """The coarsest float dtype in an answer; float64 for Python numbers, integers and anything else."""
    if isinstance(answer, np.ndarray | np.generic):
        return {"float16": torch.float16, "float32": torch.float32}.get(str(answer.dtype), torch.float64)
    if isinstance(answer, Tensor) and answer.is_floating_point():
        return answer.dtype
    if isinstance(answer, tuple | list) and answer:
        return max((answer_dtype(part) for part in answer[:64]), key=lambda dtype: torch.finfo(dtype).eps)
    return torch.float64


def _tensor(value: Any) -> Tensor:
    """One output as a float64 tensor, or `UnusableAnswer` with a message for the learner."""
    if isinstance(value, Tensor):
        return _real(value, f"a tensor of dtype {value.dtype}")
    if isinstance(value, np.ndarray | np.generic):
        return _real_array(np.asarray(value))
    if isinstance(value, bool):
        raise UnusableAnswer(f"It returned the truth value {value}, but numbers are wanted.")
    if isinstance(value, int | float):
        return _number(value)
    if isinstance(value, tuple | list):
        return _stacked(value)
    raise UnusableAnswer(_unusable(value))


def _real(tensor: Tensor, what: str) -> Tensor:
    if tensor.numel() > MOST_NUMBERS:
        raise UnusableAnswer(
            f"It returned {tensor.numel():,} numbers, in the shape {tuple(tensor.shape)}: far too many."
        )
    if tensor.is_complex() or tensor.dtype == torch.bool:
        kind = "complex numbers" if tensor.is_complex() else "truth values"
        raise UnusableAnswer(f"It returned {what}: {kind}, but real numbers are wanted.")
    if tensor.layout != torch.strided:
        tensor = tensor.to_dense()
    return tensor.detach().to("cpu", torch.float64).clone()


def _real_array(array: NDArray[Any]) -> Tensor:
    what = f"a NumPy array of dtype {array.dtype}"
    if array.dtype.kind not in "fiubc":
        raise UnusableAnswer(f"It returned {what}, but real numbers are wanted.")
    wide = {"f": np.float64, "i": np.int64, "u": np.float64, "b": np.bool_, "c": np.complex128}[array.dtype.kind]
    if array.size > MOST_NUMBERS:
        raise UnusableAnswer(f"It returned {array.size:,} numbers (shape {array.shape}): far too many.")
    return _real(torch.from_numpy(np.array(array, dtype=wide)), what)


def _number(value: float | int) -> Tensor:
    try:
        return torch.tensor(float(value), dtype=torch.float64)
    except OverflowError:
        raise UnusableAnswer("It returned a whole number that is too large for a float.") from None


def _stacked(parts: "Sequence[Any]") -> Tensor:
    if len(parts) > MOST_NUMBERS:
        raise UnusableAnswer(f"It returned a sequence of {len(parts):,} entries: far too many.")
    rows = [_tensor(part) for part in parts]
    if len({row.shape for row in rows}) > 1:
        shapes = ", ".join(str(tuple(row.shape)) for row in rows[:4])
        raise UnusableAnswer(f"It returned a {type(parts).__name__} whose entries differ in shape: {shapes}.")
    return torch.stack(rows) if rows else torch.empty(0, dtype=torch.float64)


def _unusable(value: Any) -> str:
    kind = type(value).__name__
    if value is None:
        return "One of the things that it returned is None: was a value forgotten?"
    if isinstance(value, str | bytes):
        return f"It returned text ({kind}), but numbers are wanted: leave formatting and printing to the caller."
    if isinstance(value, dict | set | frozenset):
        return f"It returned a {kind}, but a tensor (or a tuple of tensors) is wanted."
    if hasattr(value, "__next__"):
        return f"It returned a {kind} that has not been run: write `return`, not `yield`, and no bare generator."
    if callable(value):
        return f"It returned a function or class ({kind}), not its result: are parentheses missing?"
    return f"It returned an object of type {kind}, but a tensor (or a number, or a tuple of them) is wanted."


def sendable(answer: Any) -> Any:
    """The answer made of tensors, numbers, None and tuples or lists of these, for another process to read.

    What `normalize` would refuse for its kind is refused here, with the same message.
    """
    if type(answer).__module__ == "torch.return_types":
        return normalize(answer)
    if isinstance(answer, Tensor):
        if answer.numel() > MOST_NUMBERS:
            return _real(answer, "a tensor")
        return answer.to_dense() if answer.layout != torch.strided else answer
    if isinstance(answer, np.ndarray | np.generic):
        array = np.asarray(answer)
        normalized = _real_array(array)  # refuses what is not made of real numbers
        return torch.from_numpy(np.array(array)) if array.dtype.kind == "f" and array.dtype.itemsize < 8 else normalized
    if isinstance(answer, tuple | list):
        if len(answer) > MOST_NUMBERS:
            return _stacked(answer)
        kind: Any = tuple if isinstance(answer, tuple) else list
        return kind(sendable(part) for part in answer)
    if answer is None or isinstance(answer, bool | float):
        return answer
    if isinstance(answer, int):
        return float(_number(answer))
    raise UnusableAnswer(_unusable(answer))
