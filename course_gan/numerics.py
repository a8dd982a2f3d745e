"""Logarithm of a ratio and square root, accurate where the plain expression is not, a unit for squares, and sorting."""

import math

import numpy as np
import torch
from torch import Tensor


def log_ratio(a: Tensor, b: Tensor, difference: Tensor | None = None) -> Tensor:
    """log(a / b) of nonnegative tensors; 0 where a = 0, so that 0 · log 0 = 0; +inf where only b = 0.

    Each of three expressions fails somewhere: log(a / b) overflows with the quotient, log a - log b has lost its digits
    when a ≈ b, and log1p((a - b) / b) has lost them when a is far below b.  So the third one within a factor of two,
    where floating point forms a - b exactly (Sterbenz' lemma), and the second one elsewhere.
    Pass `difference` where a - b is known better than the rounded a and b tell.
    """
    # `where` before and after: the gradient through the branch that is not taken would otherwise be 0 · inf = NaN.
    support = a > 0
    difference = torch.where(support, a - b if difference is None else difference, 0)
    a, b = torch.where(support, a, 1), torch.where(support, b, 1)
    near = (a < 2 * b) & (b < 2 * a)
    excess = torch.where(near, difference, 0) / torch.where(near, b, 1)
    return torch.where(near, excess.log1p(), a.log() - b.log())


def safe_sqrt(p: Tensor) -> Tensor:
    """Square root with gradient 0 at zero, where it would be infinite."""
    support = p > 0
    return torch.where(support, torch.where(support, p, 1).sqrt(), 0)


def unit_of(*sets: Tensor, beyond: float = 1e60) -> float:
    """A power of two near the largest entry of these rows, if it is so far from 1 that squares overflow or vanish.

    That is above `beyond` or below its inverse: 1e60 suits float64, 1e10 float32.  To divide by it is exact: who is
    near to whom, and every share that counts it, stay as they are.
    """
    # The host waits for the device here.  The ends of the range, as `abs` would copy all rows.
    largest = max(abs(end) for rows in sets for end in torch.stack(rows.aminmax()).tolist())
    return 1.0 if largest == 0 or 1 / beyond < largest < beyond else power_of_two(largest)


def power_of_two(value: float) -> float:
    """The largest power of two that is not above a positive number."""
    return 2.0 ** (math.frexp(value)[1] - 1)


def ascending(x: Tensor) -> Tensor:
    """The numbers of x (n,) in ascending order, NaN last; differentiable."""
    numbers = None if x.requires_grad else _numpy(x)
    if numbers is None:
        return x.index_select(0, argsort(x))
    numbers = numbers.copy()
    numbers.sort()  # of the array itself: `np.sort` comes to the same by a longer way
    return torch.from_numpy(numbers)


def argsort(x: Tensor) -> Tensor:
    """The permutation that puts x (n,) in ascending order, NaN last.

    On a processor NumPy sorts: with vector instructions, from some hundred numbers on many times faster than torch.
    """
    numbers = _numpy(x)
    return x.detach().argsort() if numbers is None else torch.from_numpy(np.argsort(numbers))


def _numpy(x: Tensor) -> np.ndarray | None:
    """The same memory for NumPy; None where it sees nothing: another device, bfloat16, the stand-ins of a transform."""
    if x.device.type != "cpu":
        return None
    try:
        return x.detach().numpy() if x.requires_grad else x.numpy()
    except (RuntimeError, TypeError):
        return None
