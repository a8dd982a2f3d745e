"""What the exercises of this chapter share: precisions and raw scores."""

import torch
from torch import Tensor

SINGLE, DOUBLE = torch.float32, torch.float64


def scores(generator: torch.Generator, n: int, low: float, high: float, dtype: torch.dtype = DOUBLE) -> Tensor:
    """n random raw scores between two numbers."""
    return (low + (high - low) * torch.rand(n, generator=generator, dtype=DOUBLE)).to(dtype)
