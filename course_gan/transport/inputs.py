"""What the functions of transport accept, and the mean of powers that they share."""

import torch
from torch import Tensor

from course_gan.inputs import require, require_sums_to_one, require_tensor


def accurate(value: Tensor) -> Tensor:
    """`value` in float64, in which masses of many atoms still add up to one; float32 where a device has no float64."""
    if value.dtype == torch.float64:
        return value
    return value.to(torch.float32 if value.device.type == "mps" else torch.float64)


def require_exponent(p: object) -> None:
    """Raise unless p is at least 1 (infinity included): below 1 the formula is no distance."""
    if not isinstance(p, int | float):
        raise TypeError(f"p is a {type(p).__name__}; wanted a number, an exponent of at least 1.")
    if not p >= 1:
        raise ValueError(f"p is {p:g}; wanted an exponent of at least 1, math.inf for the largest displacement.")


def require_same_device(**tensors: Tensor | None) -> None:
    """Raise unless all tensors are on one device, naming those that are not."""
    given = {name: value.device for name, value in tensors.items() if value is not None}
    if len(set(given.values())) > 1:
        places = ", ".join(f"{name} on {device}" for name, device in given.items())
        raise ValueError(f"{places}; wanted one device. Pass each of them .to(the same device).")


def probabilities(name: str, value: object, count: int, like: Tensor) -> Tensor:
    """Weights (count,) on the device of `like`, made to sum to one as exactly as float64 can; equal ones for None."""
    if value is None:
        return torch.full_like(accurate(like.detach().reshape(-1)[:1]).expand(count), 1 / count)
    value = require_tensor(name, value)
    if value.shape != (count,):
        raise ValueError(f"{name} has shape {tuple(value.shape)}; wanted ({count},), one weight for each point.")
    if value.device != like.device:
        require_same_device(**{name: value, "the points or costs": like})
    masses = accurate(value)
    least, total = float(masses.amin()), float(masses.sum())  # the host waits for the device here
    if not (least >= 0 and abs(total - 1) <= 1e-6):  # whatever is wrong shows in these two; now find and name it
        require(name, value, value.isfinite() & (value >= 0), "wanted finite weights, none negative")
        require_sums_to_one(name, value)
    return masses / total


def require_cost(cost: object) -> Tensor:
    """Return `cost` if it is a matrix (n, m) of finite numbers."""
    cost = require_tensor("cost", cost)
    if cost.ndim != 2:
        raise ValueError(
            f"cost has shape {tuple(cost.shape)}; wanted (n, m), what it costs to carry from i to j. "
            "Points become costs by cost_matrix(x, y)."
        )
    require("cost", cost, cost.isfinite(), "wanted finite costs; a large one forbids a route")
    return cost


def power_mean(gaps: Tensor, mass: Tensor, p: int | float) -> Tensor:
    r"""$(\sum_k m_k g_k^p)^{1/p}$ of gaps $g_k \ge 0$ with `mass` m, the largest gap with mass for p = ∞.

    In units of the largest gap, so that no power overflows; where all gaps are 0 the gradient is 0 and not NaN.
    """
    if p == torch.inf:
        return torch.where(mass > 0, gaps, 0).amax()
    if p == 1:
        return (mass * gaps).sum()
    gaps = torch.where(mass > 0, gaps, 0)  # before the power, which could make 0 · ∞ of a far point without mass
    largest = gaps.detach().amax()
    moved = largest > 0
    unit = torch.where(moved, largest, 1)
    total = (mass * (gaps / unit).pow(p)).sum()
    return largest * torch.where(moved, total, 1).pow(1 / p)
