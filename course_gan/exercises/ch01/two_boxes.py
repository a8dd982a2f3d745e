"""Exercise: the increasing generator of two boxes."""

from collections.abc import Callable
from math import erf, sqrt
from typing import Any

import torch
from torch import Tensor

from course_gan.exercises.core import Case, Exercise, Misconception

SINGLE, DOUBLE = torch.float32, torch.float64


def two_boxes(z: Tensor, left: Tensor) -> Tensor:
    """The increasing generator that makes two boxes of normal noise.

    It turns z ~ N(0, 1) into samples that are uniform on [-2, -1] with
    probability left, and uniform on [1, 2] with probability 1 - left.
    z is a tensor of any shape, left a tensor of shape () between 0 and 1.
    Return a tensor of the shape of z, the sample that each z becomes.
    """
    u = torch.special.ndtr(z)
    return torch.where(u < left, -2 + u / left, 1 + (u - left) / (1 - left))


def by_loop(z: Tensor, left: Tensor) -> Tensor:
    made, w = [], float(left)
    for value in z.flatten().tolist():
        u = (1 + erf(value / sqrt(2))) / 2
        made.append(u / w - 2 if u < w else 2 - (1 - u) / (1 - w))
    return torch.tensor(made, dtype=z.dtype).reshape(z.shape)


def by_threshold(z: Tensor, left: Tensor) -> Tensor:
    normal = torch.distributions.Normal(torch.zeros((), dtype=DOUBLE), torch.ones((), dtype=DOUBLE))
    at, w = z.double(), left.double()
    u = normal.cdf(at)  # type: ignore[no-untyped-call]
    goes_left = at < normal.icdf(w)  # type: ignore[no-untyped-call]
    inside = torch.where(goes_left, u / w, (u - w) / (1 - w))
    return inside + torch.where(goes_left, -2.0, 1.0)


def tolerance(inputs: tuple[Any, ...], expected: tuple[Tensor, ...]) -> list[float]:
    """Φ is known to about 8 roundings of numbers below 1, and is divided by `left` or by 1 - left."""
    z, left = inputs
    epsilon = max(torch.finfo(z.dtype).eps, torch.finfo(left.dtype).eps)
    return [16 * epsilon / min(float(left), 1 - float(left))]


def cases(generator: torch.Generator) -> list[Case]:
    def noise(*shape: int, left: float, dtype: torch.dtype = DOUBLE) -> tuple[Tensor, Tensor]:
        jump = torch.special.ndtri(torch.tensor(left, dtype=DOUBLE))
        z = torch.randn(*shape, generator=generator, dtype=DOUBLE).clamp(-3, 3)
        z = torch.where((z - jump).abs() < 1e-3, jump + 0.1, z)  # not at the jump, where rounding decides
        return z.to(dtype), torch.tensor(left, dtype=dtype)

    return [
        Case(noise(20, left=0.5), "two equal boxes"),
        Case(noise(20, left=0.3), "three of ten on the left"),
        Case(noise(20, left=0.8), "eight of ten on the left"),
        Case(noise(4, 5, left=0.25), "a batch of shape (4, 5)"),
        Case(noise(12, left=0.6, dtype=SINGLE), "float32"),
        Case((torch.tensor(0.4, dtype=DOUBLE), torch.tensor(0.5, dtype=DOUBLE)), "a single number"),
    ]


def _of(made: Callable[[Tensor, Tensor], Tensor]) -> Callable[..., Any]:
    """A wrong generator from u = Φ(z) and the probability of the left box."""
    return lambda z, left: made(torch.special.ndtr(z), left)


def _boxes(u: Tensor, w: Tensor) -> Tensor:
    return torch.where(u < w, -2 + u / w, 1 + (u - w) / (1 - w))


MISCONCEPTIONS = (
    Misconception(
        "bell in place of Φ",
        lambda z, left: _boxes((-z.square() / 2).exp() / sqrt(2 * torch.pi), left),
        "You took the density φ of the normal distribution; what makes z uniform is its distribution function Φ, the "
        "area to the left of z.",
    ),
    Misconception(
        "sigmoid in place of Φ",
        lambda z, left: _boxes(z.sigmoid(), left),
        "You squashed z with a sigmoid; that makes logistic noise uniform, not normal noise.  Use Φ, "
        "`torch.special.ndtr`.",
    ),
    Misconception(
        "z in place of Φ",
        lambda z, left: _boxes(z, left),
        "You used z as if it were uniform on [0, 1]; make it uniform first: Φ(z), `torch.special.ndtr(z)`.",
    ),
    Misconception(
        "inverse in place of Φ",
        lambda z, left: _boxes(torch.special.ndtri(z.sigmoid().clamp(1e-6, 1 - 1e-6)), left),
        "You applied the inverse of Φ; from z to a uniform number leads Φ itself, `torch.special.ndtr`.",
    ),
    Misconception(
        "weights exchanged",
        _of(lambda u, w: _boxes(u, 1 - w)),
        "Your left box gets the probability 1 - left; it is the other way round.",
    ),
    Misconception(
        "not stretched",
        _of(lambda u, w: torch.where(u < w, -2 + u, 1 + u - w)),
        "You moved the pieces of [0, 1] but did not stretch them: the u below `left` fill only [-2, -2 + left].  "
        "Divide by the length of the piece.",
    ),
    Misconception(
        "second piece from zero",
        _of(lambda u, w: torch.where(u < w, -2 + u / w, 1 + u / (1 - w))),
        "On the right you divided u itself; the piece starts at u = left, so subtract that first: (u - left) / "
        "(1 - left).",
    ),
    Misconception(
        "second piece by left",
        _of(lambda u, w: torch.where(u < w, -2 + u / w, 1 + (u - w) / w)),
        "On the right you divided by left; that piece of [0, 1] has the length 1 - left.",
    ),
    Misconception(
        "sign of z decides",
        lambda z, left: torch.where(z < 0, -2 + 2 * torch.special.ndtr(z), 1 + 2 * (torch.special.ndtr(z) - 0.5)),
        "Your generator goes left for z < 0, which happens half of the time; it has to go left where Φ(z) < left.",
    ),
    Misconception(
        "threshold on z",
        lambda z, left: torch.where(
            z < left,
            -2 + torch.special.ndtr(z) / left,
            1 + (torch.special.ndtr(z) - left) / (1 - left),
        ),
        "You compared z itself with `left`; compare Φ(z), which is uniform, so that it is below `left` with that "
        "probability.",
    ),
    Misconception(
        "decreasing",
        _of(lambda u, w: _boxes(1 - u, w)),
        "Your generator has the right distribution, but it is decreasing: large z go left.  The increasing one is "
        "wanted, of which there is only one.",
    ),
    Misconception(
        "erf without the root",
        lambda z, left: _boxes((1 + torch.erf(z)) / 2, left),
        "Your Φ is that of a variable of variance ½: Φ(z) = (1 + erf(z/√2))/2, so divide z by √2; or take "
        "`torch.special.ndtr`.",
    ),
    Misconception(
        "erf not moved",
        lambda z, left: _boxes(torch.erf(z / sqrt(2)), left),
        "The error function runs from -1 to 1; Φ(z) = (1 + erf(z/√2))/2 runs from 0 to 1.",
    ),
    Misconception(
        "erf halved but not moved",
        lambda z, left: _boxes(torch.erf(z / sqrt(2)) / 2, left),
        "Half of the error function runs from -½ to ½; the ½ that makes it run from 0 to 1 is missing.",
    ),
    Misconception(
        "boxes exchanged",
        _of(lambda u, w: torch.where(u < w, 1 + u / w, -2 + (u - w) / (1 - w))),
        "Your generator sends small u to the right box and large u to the left one; the increasing one keeps them in "
        "order.",
    ),
    Misconception(
        "condition turned round",
        _of(lambda u, w: torch.where(u > w, -2 + u / w, 1 + (u - w) / (1 - w))),
        "The condition is the wrong way round: to the left box go the u that are below `left`.",
    ),
    Misconception(
        "left box from -1",
        _of(lambda u, w: torch.where(u < w, -1 + u / w, 1 + (u - w) / (1 - w))),
        "Your left box is [-1, 0]; u/left runs from 0 to 1, so start at -2.",
    ),
    Misconception(
        "left box not moved",
        _of(lambda u, w: torch.where(u < w, u / w, 1 + (u - w) / (1 - w))),
        "Your left box is [0, 1]; move it to [-2, -1].",
    ),
    Misconception(
        "right box from 2",
        _of(lambda u, w: torch.where(u < w, -2 + u / w, 2 + (u - w) / (1 - w))),
        "Your right box is [2, 3]; (u - left)/(1 - left) runs from 0 to 1, so start at 1.",
    ),
    Misconception(
        "left box turned over",
        _of(lambda u, w: torch.where(u < w, -1 - u / w, 1 + (u - w) / (1 - w))),
        "In the left box your generator falls from -1 to -2; the increasing one rises from -2 to -1.",
    ),
    Misconception(
        "right box turned over",
        _of(lambda u, w: torch.where(u < w, -2 + u / w, 2 - (u - w) / (1 - w))),
        "In the right box your generator falls from 2 to 1; the increasing one rises from 1 to 2.",
    ),
    Misconception(
        "multiplied",
        _of(lambda u, w: torch.where(u < w, -2 + u * w, 1 + (u - w) * (1 - w))),
        "You multiplied by the lengths of the pieces, which shrinks them; divide, so that each gets the length one.",
    ),
    Misconception(
        "neither stretched nor moved",
        _of(lambda u, w: torch.where(u < w, -2 + u, 1 + u)),
        "You chose the box by u and added u as it is: neither box is filled.  Move each piece of [0, 1] so that it "
        "starts at 0, and stretch it to length one.",
    ),
    Misconception(
        "split at zero",
        lambda z, left: torch.where(
            z < 0, -2 + torch.special.ndtr(z) / left, 1 + (torch.special.ndtr(z) - left) / (1 - left)
        ),
        "Your generator goes left where z < 0; it has to go left where Φ(z) < left.",
    ),
    Misconception(
        "one long box",
        _of(lambda u, w: -2 + 4 * u + 0 * w),
        "Your generator fills everything between -2 and 2; nothing may come between -1 and 1.",
    ),
    Misconception(
        "average of the boxes",
        _of(lambda u, w: w * (-2 + u) + (1 - w) * (1 + u)),
        "You averaged the two boxes, which gives one box between them: a ghost.  Choose one of the two for each z.",
    ),
)

EXERCISE = Exercise(
    id="two-boxes",
    chapter="01-why-generate",
    title="A generator of two boxes",
    points=3,
    reference=two_boxes,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_threshold),
    tolerance=tolerance,
)
