"""What the public functions accept: the checks, and messages that say what was given, what is wanted, what to do.

The checks read values on the host, so on a GPU every public call waits for the device a few times.
Their arguments are typed `object` on purpose: it is they who find out what was given.
"""

import math
from collections.abc import Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

Entry = TypeVar("Entry")


def choose(table: Mapping[str, Entry], name: object, kind: str = "divergence") -> Entry:
    """The entry of a table of divergences (or of another `kind`), or a ValueError that lists the names there are."""
    if not isinstance(name, str) or name not in table:
        article = "an" if kind[0] in "aeiou" else "a"
        raise ValueError(f"{name!r} is not {article} {kind} here; wanted one of {', '.join(table)}.")
    return table[name]


def require_floats(name: str, value: object) -> Tensor:
    """Return `value` if it is a floating-point tensor, without entries perhaps, otherwise say what to pass."""
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} is a {type(value).__name__}; wanted a floating-point tensor. Pass torch.as_tensor({name})."
        )
    if not value.is_floating_point():
        raise ValueError(
            f"{name} has dtype {value.dtype}; wanted a floating-point tensor. Pass {_as_floats(name, value)}."
        )
    return value


def _as_floats(name: str, value: Tensor) -> str:
    if value.dtype == torch.uint8:
        return f"course_gan.data.to_float({name}) if these are pixels, else {name}.double()"
    return f"{name}.double(), and counts as {name} / {name}.sum(-1, keepdim=True)"


def require_tensor(name: str, value: object) -> Tensor:
    """Return `value` if it is a floating-point tensor with at least one entry, otherwise say what to pass."""
    value = require_floats(name, value)
    if value.numel() == 0:
        raise ValueError(f"{name} has shape {tuple(value.shape)}, without entries; wanted at least one entry.")
    return value


def require(name: str, value: Tensor, good: Tensor, wanted: str) -> None:
    """Raise where `good` is False, showing the first such entry of `value` and what is `wanted` instead."""
    require_numbers(name, value)
    if not good.all():  # the host waits for the device here
        index = tuple((~good).nonzero()[0].tolist())
        place = f"[{', '.join(map(str, index))}]" if index else ""
        raise ValueError(f"{name}{place} is {value[index].item():g}; {wanted}.")


def require_numbers(name: str, value: Tensor) -> None:
    """Raise if `value` lies on the meta device."""
    if value.is_meta:
        raise ValueError(
            f"{name} is on the meta device, which knows shapes and no numbers; wanted a tensor that holds numbers. "
            "Make it on the CPU or on a GPU."
        )


def at_least_single(value: Tensor) -> Tensor:
    """Half precision as float32: three digits are enough to store a probability, not to take its logarithm."""
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value


def nonnegative_pair(p: object, q: object) -> tuple[Tensor, Tensor]:
    """Two tensors of finite nonnegative numbers over the same last axis, on one device, whose batch axes broadcast."""
    p, q = require_tensor("p", p), require_tensor("q", q)
    if p.device != q.device:
        raise ValueError(f"p is on {p.device} and q on {q.device}; wanted one device. Pass q.to(p.device).")
    require_same_axis("p", p, "q", q)
    for name, value in (("p", p), ("q", q)):
        wanted = "wanted finite numbers, none negative. Logits become probabilities by torch.softmax(logits, -1)"
        require(name, value, value.isfinite() & (value >= 0), wanted)
    return p, q


def densities_on_grid(p: object, q: object, x: object) -> tuple[Tensor, Tensor, Tensor, torch.dtype]:
    """Two densities at the points `x`, which increase; each integrates to 1 within 1e-3.

    Returned in at least single precision, with the dtype that a result is to have.
    """
    p, q = nonnegative_pair(p, q)
    x = require_tensor("x", x)
    require_same_axis("x", x, "p", p)
    dtype = torch.promote_types(p.dtype, q.dtype)
    p, q, x = at_least_single(p), at_least_single(q), at_least_single(x)
    rising = torch.cat([x[..., :1].isfinite(), x.diff() > 0], dim=-1)
    require("x", x, rising, "wanted numbers that increase along the last axis. Sort x, and p and q with it")
    for label, density in (("p", p), ("q", q)):
        mass = torch.trapezoid(density, x)
        wanted = "wanted 1 within 1e-3. Widen the grid, or refine it"
        require(f"the integral of {label} over the grid", mass, (mass - 1).abs() <= 1e-3, wanted)
    return p, q, x, dtype


def gaussian_moments(**given: object) -> tuple[torch.dtype, list[Tensor]]:
    """The dtype of the result, and checked means (*batch, d) and covariances (*batch, d, d) to compute with."""
    tensors = {name: require_tensor(name, value) for name, value in given.items()}
    mean = tensors["mean_p"]
    dtype = mean.dtype
    for name, tensor in tensors.items():
        wanted = mean.shape[-1:] if name.startswith("mean") else 2 * mean.shape[-1:]
        if mean.ndim == 0 or tensor.shape[-len(wanted) :] != wanted:
            raise ValueError(
                f"{name} has shape {tuple(tensor.shape)} beside mean_p of shape {tuple(mean.shape)}; "
                "wanted means of shape (*batch, d) and covariances of shape (*batch, d, d)."
            )
        require(name, tensor, tensor.isfinite(), "wanted finite numbers")
        dtype = torch.promote_types(dtype, tensor.dtype)
    batches = [tensor.shape[: -1 if name.startswith("mean") else -2] for name, tensor in tensors.items()]
    require_broadcast(tensors, batches)
    return dtype, [at_least_single(tensor.to(dtype)) for tensor in tensors.values()]


def require_broadcast(tensors: Mapping[str, Tensor], shapes: Sequence[Sequence[int]] | None = None) -> None:
    """Raise unless the tensors are on one device, and their `shapes` (or those given, of batches) broadcast."""
    if len({tensor.device for tensor in tensors.values()}) > 1:
        places = ", ".join(f"{name} on {tensor.device}" for name, tensor in tensors.items())
        raise ValueError(f"{places}; wanted one device. Pass each of them .to(the same device).")
    try:
        torch.broadcast_shapes(*(shapes or [tensor.shape for tensor in tensors.values()]))  # type: ignore[no-untyped-call]
    except RuntimeError:
        given = ", ".join(f"{name} {tuple(tensor.shape)}" for name, tensor in tensors.items())
        raise ValueError(
            f"the shapes are {given}; wanted batch axes that broadcast. Index or unsqueeze them."
        ) from None


def require_same_axis(name: str, value: Tensor, other_name: str, other: Tensor) -> None:
    """Refuse tensors that do not share their last axis: one outcome against many is a forgotten axis, no broadcast."""
    same = value.ndim > 0 and other.ndim > 0 and value.shape[-1] == other.shape[-1]
    try:
        torch.broadcast_shapes(value.shape, other.shape)  # type: ignore[no-untyped-call]
    except RuntimeError:
        same = False
    if not same:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)} and {other_name} {tuple(other.shape)}; wanted the same number of "
            "entries on the last axis, and batch axes before it that broadcast. Index or unsqueeze the batch axes."
        )


def distributions(p: object, q: object) -> tuple[Tensor, Tensor]:
    """Two tensors of distributions over the same outcomes: nonnegative, each summing to one over the last axis."""
    p, q = nonnegative_pair(p, q)
    require_sums_to_one("p", p)
    require_sums_to_one("q", q)
    return p, q


def require_sums_to_one(name: str, p: Tensor) -> None:
    """Raise unless `p` sums to one over its last axis, within 1e-6 or what its dtype can hold."""
    # Rounding every entry moves a sum of one by up to eps / 2: 4e-3 for bfloat16, so 1e-6 cannot be asked of it.
    tolerance = max(1e-6, torch.finfo(p.dtype).eps)
    total = at_least_single(p).sum(-1)
    wanted = (
        f"wanted 1 within {tolerance:.0e} over the last axis of shape {tuple(p.shape)}. "
        f"Divide: {name} / {name}.sum(-1, keepdim=True)"
    )
    require(f"the sum of {name}", total, (total - 1).abs() <= tolerance, wanted)


def require_rows(name: str, value: object, least: int = 1) -> Tensor:
    """Return `value` if it is a tensor of finite numbers (n, d) with at least `least` rows."""
    value = require_tensor(name, value)
    if value.ndim != 2 or len(value) < least:
        raise ValueError(
            f"{name} has shape {tuple(value.shape)}; wanted (n, d), one row a sample, at least {least} of them. "
            f"Images become rows by {name}.flatten(1), numbers by {name}[:, None]."
        )
    require_numbers(name, value)
    # One sum instead of a look at each number: it is finite only if all of them are.  (All may be finite and the sum
    # too large; so what is not finite is searched for.)  The host waits for the device here.
    if not math.isfinite(value.detach().sum(dtype=_widest(value))):
        require(name, value, value.isfinite(), "wanted finite numbers")
    return value


def _widest(value: Tensor) -> torch.dtype:
    return torch.float32 if value.device.type == "mps" else torch.float64  # Apple's GPU has no float64


def require_positive(name: str, number: float | int, zero: bool = False) -> None:
    """Raise unless `number` is finite and above 0, or 0 itself where `zero` is allowed."""
    if not (math.isfinite(number) and (number > 0 or (zero and number == 0))):
        raise ValueError(f"{name} is {number:g}; wanted a finite number {'of at least' if zero else 'above'} 0.")


def require_count(name: str, number: object, least: int = 1) -> None:
    """Raise unless `number` is a whole number of at least `least`."""
    if isinstance(number, bool) or not isinstance(number, int) or number < least:
        raise ValueError(f"{name} is {number!r}; wanted a whole number of at least {least}.")
