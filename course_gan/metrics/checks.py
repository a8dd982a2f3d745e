"""What the metrics accept, on top of `course_gan.inputs`: two sets of feature rows, and the float64 they compute in."""

import torch
from torch import Tensor

from course_gan.inputs import require_rows


def without_graph(value: Tensor) -> Tensor:
    """`value` detached, as metrics judge and do not train; and not on Apple's GPU, which has no float64."""
    value = value.detach()
    return value.cpu() if value.device.type == "mps" else value


def as_double(value: Tensor) -> Tensor:
    """`value` in float64, which keeps the digits of long sums; detached."""
    return without_graph(value).double()


def like(value: Tensor, *given: Tensor) -> Tensor:
    """A float64 result in the dtype and on the device of the tensors that were `given`."""
    dtype = given[0].dtype
    for other in given[1:]:
        dtype = torch.promote_types(dtype, other.dtype)
    return value.to(dtype).to(given[0].device)


def two_samples(least: int = 1, **given: object) -> tuple[Tensor, Tensor]:
    """Two (named) sets of rows, (n, d) and (m, d): finite, as wide as each other, on one device."""
    (first_name, first_value), (second_name, second_value) = given.items()
    first, second = require_rows(first_name, first_value, least), require_rows(second_name, second_value, least)
    if first.shape[1] != second.shape[1]:
        raise ValueError(
            f"{first_name} has shape {tuple(first.shape)} and {second_name} {tuple(second.shape)}; wanted (n, d) and "
            "(m, d), as many features a row. Take both from one extractor."
        )
    if first.device != second.device:
        raise ValueError(
            f"{first_name} is on {first.device} and {second_name} on {second.device}; wanted one device. "
            f"Pass {second_name}.to({first_name}.device)."
        )
    return first, second
