"""Exercise: both losses of the row jensen-shannon, for scores of any size."""

from collections.abc import Callable
from math import log
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, softplus

from course_gan.exercises.ch02.inputs import once_in_single
from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE, scores
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding

LOG2 = log(2)
Pair = tuple[Tensor, Tensor]


def jensen_shannon_losses(v_real: Tensor, v_fake: Tensor) -> Pair:
    """What critic and generator minimize in the row jensen-shannon.

    T = log 2 - log(1 + exp(-v)) and f*(t) = -log(2 - exp(t)).  The critic's
    loss is minus the bound, mean T(real) - mean f*(T(fake)); the generator's
    loss is the part of the bound that depends on the fakes.
    v_real and v_fake are tensors of shape (n,) and (m,): raw scores, which may
    be as large as ±1000.
    Return the pair (critic's loss, generator's loss), two finite tensors of
    shape ().
    """
    on_fakes = softplus(v_fake).mean() - LOG2
    return softplus(-v_real).mean() - LOG2 + on_fakes, -on_fakes


def by_logsigmoid(v_real: Tensor, v_fake: Tensor) -> Pair:
    real, fake = LOG2 + logsigmoid(v_real), -LOG2 - logsigmoid(-v_fake)
    return -(real.mean() - fake.mean()), -fake.mean()


def by_cross_entropy(v_real: Tensor, v_fake: Tensor) -> Pair:
    loss = torch.nn.functional.binary_cross_entropy_with_logits
    on_real, on_fake = loss(v_real, torch.ones_like(v_real)), loss(v_fake, torch.zeros_like(v_fake))
    return on_real + on_fake - 2 * LOG2, LOG2 - on_fake


def by_logaddexp(v_real: Tensor, v_fake: Tensor) -> Pair:
    zero = torch.zeros((), dtype=v_real.dtype)
    fake = torch.logaddexp(zero, v_fake).mean() - LOG2
    return torch.logaddexp(zero, -v_real).mean() - LOG2 + fake, -fake


def with_a_constant_of_torch(v_real: Tensor, v_fake: Tensor) -> Pair:
    log2 = torch.log(torch.tensor(2.0))
    fake = softplus(v_fake).mean() - log2
    return fake - (log2 - softplus(-v_real)).mean(), -fake


def cases(generator: torch.Generator) -> list[Case]:
    def draw(n: int, size: float, dtype: torch.dtype = DOUBLE) -> Tensor:
        return scores(generator, n, -size, size, dtype)

    sure, unsure = torch.tensor([1000.0, 800.0], dtype=DOUBLE), torch.zeros(2, dtype=DOUBLE)
    return [
        Case((draw(4, 2.0), draw(4, 2.0)), "four scores each"),
        Case((draw(7, 3.0), draw(5, 3.0)), "seven real scores and five fake ones"),
        Case((draw(6, 3.0, SINGLE), draw(6, 3.0, SINGLE)), "six and six in float32"),
        Case((unsure, unsure.clone()), "a critic that knows nothing"),
        Case((sure, -sure), "a critic that is sure and right"),
        Case((-sure, sure), "a critic that is sure and wrong"),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """A softplus is rounded in units of its argument; and log 2 may come from `torch.tensor(2.0)`, in float32."""
    size = max(1.0, *(float(v.abs().max()) for v in inputs))
    return once_in_single(rounding(inputs, expected, size=size), expected)


def _naive(v_real: Tensor, v_fake: Tensor) -> Pair:
    real, fake = (LOG2 - torch.log(1 + torch.exp(-v)) for v in (v_real, v_fake))
    on_fakes = -torch.log(2 - torch.exp(fake))
    return -(real.mean() - on_fakes.mean()), -on_fakes.mean()


def _wrong(change: Callable[[Tensor, Tensor, Tensor, Tensor], Pair]) -> Callable[..., Pair]:
    """A wrong answer made from the scores and the two right losses."""
    return lambda v_real, v_fake: change(v_real, v_fake, *jensen_shannon_losses(v_real, v_fake))


MISCONCEPTIONS = (
    Misconception(
        "overflow",
        _naive,
        "For scores in the hundreds exp overflows, or 2 - exp(T) rounds to 0.  Simplify first: 2 - exp(T) is "
        "2/(1 + exp(v)), so `f*(T)` is softplus(v) - log 2, and T is log 2 - softplus(-v).",
    ),
    Misconception(
        "bound in place of the loss",
        _wrong(lambda r, f, critic, generator: (-critic, generator)),
        "Your first result is the bound; the critic maximizes it, so its loss is minus the bound.",
    ),
    Misconception(
        "generator with the critic",
        _wrong(lambda r, f, critic, generator: (critic, -generator)),
        "Your second result has the wrong sign: the generator minimizes the bound, of which -mean `f*(T(fake))` is its "
        "part.",
    ),
    Misconception(
        "both signs",
        _wrong(lambda r, f, critic, generator: (-critic, -generator)),
        "Both signs are wrong: the critic minimizes minus the bound, the generator the bound.",
    ),
    Misconception(
        "non-saturating",
        _wrong(lambda r, f, critic, generator: (critic, softplus(-f).mean() - LOG2)),
        "Your second result is -mean T(fake), the heuristic that does not saturate; wanted is the generator's part of "
        "the bound, -mean `f*(T(fake))`.",
    ),
    Misconception(
        "row gan",
        _wrong(lambda r, f, critic, generator: (critic + 2 * LOG2, generator - LOG2)),
        "The log 2 is missing in T and in `f*(T)`: these are the losses of the row gan, which differ by a constant.",
    ),
    Misconception(
        "halved",
        _wrong(lambda r, f, critic, generator: (critic / 2, generator / 2)),
        "You halved both, as for the Jensen-Shannon divergence of chapter 2; this row is twice that.",
    ),
    Misconception(
        "real and fake exchanged",
        lambda r, f: jensen_shannon_losses(f, r),
        "Real and fake are exchanged: T is averaged over the real scores, `f*(T)` over the fake ones.",
    ),
    Misconception(
        "whole bound for the generator",
        _wrong(lambda r, f, critic, generator: (critic, -critic)),
        "Your second result is the whole bound; its first part, mean T(real), does not depend on the fakes: leave it "
        "out.",
    ),
    Misconception(
        "no conjugate",
        _wrong(lambda r, f, critic, generator: (softplus(-r).mean() - softplus(-f).mean(), softplus(-f).mean() - LOG2)),
        "You subtracted mean T over the fakes; the bound subtracts mean `f*(T)`.",
    ),
    Misconception(
        "sums",
        _wrong(
            lambda r, f, critic, generator: (
                (softplus(-r) - LOG2).sum() + (softplus(f) - LOG2).sum(),
                -(softplus(f) - LOG2).sum(),
            )
        ),
        "You summed over the batch; take means, so that the losses do not grow with it.",
    ),
    Misconception(
        "activation upside down",
        lambda r, f: jensen_shannon_losses(-r, -f),
        "The scores have the wrong sign throughout: T = log 2 - log(1 + exp(-v)) grows with v, so it is "
        "log 2 - softplus(-v).",
    ),
    Misconception(
        "sign in T",
        _wrong(lambda r, f, critic, generator: (softplus(r).mean() - LOG2 - generator, generator)),
        "Over the real scores you have softplus(v) where T has softplus(-v): T = log 2 - softplus(-v).",
    ),
    Misconception(
        "sign in the conjugate",
        _wrong(
            lambda r, f, critic, generator: (
                softplus(-r).mean() + softplus(-f).mean() - 2 * LOG2,
                LOG2 - softplus(-f).mean(),
            )
        ),
        "Over the fakes you have softplus(-v) where `f*(T)` has softplus(v): it is softplus(v) - log 2.",
    ),
    Misconception(
        "sign in the generator's conjugate",
        _wrong(lambda r, f, critic, generator: (critic, LOG2 - softplus(-f).mean())),
        "Your second result has softplus(-v) where `f*(T)` has softplus(v).",
    ),
    Misconception(
        "conjugate subtracted from the loss",
        _wrong(lambda r, f, critic, generator: (softplus(-r).mean() - LOG2 + generator, generator)),
        "In your first result the mean of `f*(T)` over the fakes has the wrong sign: the bound subtracts it, and the "
        "loss is minus the bound.",
    ),
    Misconception(
        "generator on the real scores",
        _wrong(lambda r, f, critic, generator: (critic, LOG2 - softplus(r).mean())),
        "Your second result is made of the real scores; the generator makes the fakes.",
    ),
    Misconception(
        "non-saturating, row gan",
        _wrong(lambda r, f, critic, generator: (critic, softplus(-f).mean())),
        "Your second result is the non-saturating loss of the row gan, -mean log D; wanted is the generator's part of "
        "the bound, -mean `f*(T(fake))`.",
    ),
    Misconception(
        "sum for the critic",
        _wrong(lambda r, f, critic, generator: ((softplus(-r) - LOG2).sum() + (softplus(f) - LOG2).sum(), generator)),
        "Your first result is a sum over the batch; take the mean of each of its two parts.",
    ),
    Misconception(
        "as many fakes as real scores",
        _wrong(
            lambda r, f, critic, generator: (
                (softplus(-r)[: len(f)] + softplus(f)[: len(r)] - 2 * LOG2).mean(),
                generator,
            )
        ),
        "In your first result scores are left out where the groups differ in size; use all, and a mean for each group.",
    ),
    Misconception(
        "sigmoid of the scores",
        lambda r, f: jensen_shannon_losses(r.sigmoid(), f.sigmoid()),
        "You put a sigmoid on the scores first; T and `f*` take them as they are.",
    ),
    Misconception(
        "relu",
        _wrong(
            lambda r, f, critic, generator: (
                (-r).clamp(min=0).mean() + f.clamp(min=0).mean() - 2 * LOG2,
                LOG2 - f.clamp(min=0).mean(),
            )
        ),
        "You took max(0, x) for log(1 + exp(x)); near 0 they differ: `softplus`, not `relu`.",
    ),
)

EXERCISE = Exercise(
    id="js-losses",
    chapter="05-f-gan",
    title="Two losses that do not overflow",
    points=3,
    reference=jensen_shannon_losses,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_logsigmoid, by_cross_entropy, by_logaddexp, with_a_constant_of_torch),
    tolerance=tolerance,
)
