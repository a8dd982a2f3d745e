"""What the figures accept: points in the plane, extents, critics; and what they turn them into."""

from collections.abc import Callable
from itertools import chain

import torch
from torch import Tensor, nn

from course_gan.inputs import require_count, require_tensor

Number = int | float
Extent = tuple[Number, Number, Number, Number]  # left, right, bottom, top
Critic = Callable[[Tensor], object]  # what it returns is checked


def drawable(name: str, value: object) -> Tensor:
    """A tensor that matplotlib can take: detached, on the host, in at least single precision."""
    value = require_tensor(name, value).detach().cpu()  # the host waits for the device here
    return value.float() if value.dtype in (torch.float16, torch.bfloat16) else value


def plane(name: str, value: object) -> Tensor:
    """Finite points in the plane (n, 2), ready to draw."""
    points = drawable(name, value)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"{name} has shape {tuple(points.shape)}; wanted (n, 2), points in the plane.")
    if not points.isfinite().all():
        raise ValueError(f"{name} has entries that are not finite; wanted points that can be drawn. Did training fail?")
    return points


def check_extent(extent: Extent) -> Extent:
    """Raise unless `extent` is (left, right, bottom, top) with left < right and bottom < top."""
    if not (extent[0] < extent[1] and extent[2] < extent[3]):
        raise ValueError(f"extent is {extent}; wanted (left, right, bottom, top) with left < right and bottom < top.")
    return extent


def around(*clouds: Tensor, margin: Number = 0.08) -> Extent:
    """The smallest box around all points, widened by a margin, so wide at least that it is a box."""
    points = torch.cat([cloud.double() for cloud in clouds])
    low, high = points.amin(0), points.amax(0)
    pad = margin * (high - low).amax().clamp(min=1e-6 + 1e-3 * float(points.abs().amax()))
    (left, bottom), (right, top) = (low - pad).tolist(), (high + pad).tolist()
    return left, right, bottom, top


def lattice(extent: Extent, cells: int) -> tuple[Tensor, Tensor, Tensor]:
    """The ticks across (cells,), those up (cells,), and their crossings (cells · cells, 2), row by row from below."""
    require_count("cells", cells, least=2)
    left, right, bottom, top = check_extent(extent)
    across = torch.linspace(left, right, cells, dtype=torch.float64)
    up = torch.linspace(bottom, top, cells, dtype=torch.float64)
    points = torch.stack([across.repeat(cells), up.repeat_interleave(cells)], dim=1)
    return across, up, points


class Quiet:
    """A critic that is only looked at: in evaluation mode meanwhile, so that no statistics or generators move."""

    def __init__(self, critic: Critic) -> None:
        self.critic = critic
        self.modules = list(critic.modules()) if isinstance(critic, nn.Module) else []

    def __enter__(self) -> "Quiet":
        self.modes = [module.training for module in self.modules]
        for module in self.modules:
            module.training = False
        return self

    def __exit__(self, *_: object) -> None:
        for module, mode in zip(self.modules, self.modes, strict=True):
            module.training = mode

    def _scores(self, points: Tensor) -> Tensor:
        scores = self.critic(points)
        if not isinstance(scores, Tensor) or scores.shape != points.shape[:1]:
            got = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
            raise ValueError(
                f"the critic made {got} of {tuple(points.shape)}; wanted scores ({len(points)},), one a point. "
                "A column becomes them by .squeeze(1)."
            )
        return scores

    def _like_its_weights(self, points: Tensor) -> Tensor:
        weights = chain.from_iterable(module.parameters(recurse=False) for module in self.modules)
        example = next(weights, torch.empty(0))
        return points.to(example)

    def scores(self, points: Tensor) -> Tensor:
        """Scores (n,) of points (n, 2), in float64 on the host."""
        with torch.no_grad():
            parts = [self._scores(self._like_its_weights(part)) for part in torch.split(points, 8192)]
        return torch.cat(parts).double().cpu()

    def gradients(self, points: Tensor) -> Tensor:
        """Gradients (n, 2) of the scores with respect to the points; no parameter's .grad is touched."""
        with torch.enable_grad():
            inputs = self._like_its_weights(points.detach()).requires_grad_()
            (slopes,) = torch.autograd.grad(self._scores(inputs).sum(), inputs, materialize_grads=True)
        return slopes.double().cpu()
