"""Exercise: the f-divergence of two discrete distributions, edges included."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import distribution
from course_gan.exercises.ch05.harness import call_f_divergence
from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE
from course_gan.exercises.core import Case, Exercise, Misconception

Function = Callable[[Tensor], Tensor]


def f_divergence(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
    """D_f(P||Q), the sum of q f(p/q) over the last axis, with its limits at zero.

    f takes a tensor of positive ratios.  at_zero is f(0), what p = 0 costs per
    unit of q; slope_at_infinity is what q = 0 costs per unit of p; both may be
    infinite.
    An outcome that neither has costs nothing.
    p and q are tensors of one shape (..., outcomes); each row sums to one.
    Return a tensor of shape (...), one number for each row.
    """
    return _terms(f, at_zero, slope_at_infinity, p, q).sum(-1)


def _terms(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
    both = (p > 0) & (q > 0)
    inside = torch.where(both, q, 1) * f(torch.where(both, p, 1) / torch.where(both, q, 1))
    only_q = torch.where(q > 0, torch.where(q > 0, q, 1) * at_zero, 0)
    only_p = torch.where(p > 0, torch.where(p > 0, p, 1) * slope_at_infinity, 0)
    return torch.where(both, inside, torch.where(p > 0, only_p, only_q))


def by_loop(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
    rows = []
    for a, b in zip(p.reshape(-1, p.shape[-1]), q.reshape(-1, q.shape[-1])):
        total = torch.zeros((), dtype=p.dtype)
        for x, y in zip(a, b):
            if x > 0 and y > 0:
                total = total + y * f(x / y)
            elif x > 0:
                total = total + x * slope_at_infinity
            elif y > 0:
                total = total + y * at_zero
        rows.append(total)
    return torch.stack(rows).reshape(p.shape[:-1])


def by_masks(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
    value = torch.zeros_like(p)
    both, alone, unwanted = (p > 0) & (q > 0), (p > 0) & (q == 0), (p == 0) & (q > 0)
    value[both] = q[both] * f(p[both] / q[both])
    value[alone] = p[alone] * slope_at_infinity
    value[unwanted] = q[unwanted] * at_zero
    return value.sum(-1)


def cases(generator: torch.Generator) -> list[Case]:
    def draw(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return distribution(generator, *shape, dtype=dtype)

    zero = torch.zeros(1, dtype=DOUBLE)
    last, first = torch.cat([draw(3), zero]), torch.cat([zero, draw(3)])
    third = torch.full((3,), 1 / 3, dtype=DOUBLE)
    return [
        Case(("kl", torch.tensor([0.36, 0.48, 0.16], dtype=DOUBLE), third), "KL of the lecture's p and q"),
        Case(("pearson", draw(5), draw(5)), "Pearson, five outcomes"),
        Case(("reverse-kl", draw(6, dtype=SINGLE), draw(6, dtype=SINGLE)), "reverse KL in float32"),
        Case(("jensen-shannon", draw(2, 3, 4), draw(2, 3, 4)), "Jensen-Shannon, a batch of shape (2, 3)"),
        Case(("squared-hellinger", draw(4), last), "Hellinger, an outcome that q never shows"),
        Case(("pearson", first, draw(4)), "Pearson, an outcome that p never shows"),
        Case(("reverse-kl", draw(4), last), "reverse KL, an outcome that q never shows"),
        Case(("kl", draw(4), last), "KL, an outcome that q never shows"),
        Case(("neyman", first, draw(4)), "Neyman, an outcome that p never shows"),
        Case(("neyman", draw(4), first), "Neyman, an outcome that q never shows"),
        Case(("jensen-shannon", torch.cat([last, zero]), torch.cat([first, zero])), "an outcome that neither shows"),
        Case(("kl", *(torch.cat([zero, draw(3)]) for _ in range(2))), "KL, an outcome that neither shows"),
        Case(
            ("reverse-kl", *(torch.cat([draw(2), zero]) for _ in range(2))), "reverse KL, an outcome that neither shows"
        ),
    ]


def _wrong(change: Callable[[Function, Tensor, Tensor], Tensor]) -> Callable[..., Tensor]:
    """A wrong formula for outcomes that both have, with the right edges."""

    def function(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
        both = (p > 0) & (q > 0)
        inside = change(f, torch.where(both, p, 1), torch.where(both, q, 1))
        return torch.where(both, inside, _terms(f, at_zero, slope_at_infinity, p, q)).sum(-1)

    return function


def _sum(first: Tensor, *others: Tensor) -> Tensor:
    return sum((other.sum(-1) for other in others), first.sum(-1))


def _inside(f: Function, p: Tensor, q: Tensor) -> Tensor:
    """The terms of the outcomes that both have, and zeros."""
    both = (p > 0) & (q > 0)
    return torch.where(both, q * f(torch.where(both, p, 1) / torch.where(both, q, 1)), 0)


def _masked_products(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
    return _sum(_inside(f, p, q), (q == 0) * p * slope_at_infinity, (p == 0) * q * at_zero)


def _always_priced(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
    only_p, only_q = torch.where(q == 0, p, 0).sum(-1), torch.where(p == 0, q, 0).sum(-1)
    return _inside(f, p, q).sum(-1) + only_p * slope_at_infinity + only_q * at_zero


def _neither_priced(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
    terms = torch.where(p == 0, q * at_zero, _inside(f, p, q))
    return torch.where(q == 0, p * slope_at_infinity, terms).sum(-1)


def _prices_alone(f: Function, at_zero: float, slope_at_infinity: float, p: Tensor, q: Tensor) -> Tensor:
    terms = torch.where((p == 0) & (q > 0), at_zero, _inside(f, p, q))
    return torch.where((q == 0) & (p > 0), slope_at_infinity, terms).sum(-1)


MISCONCEPTIONS = (
    Misconception(
        "edge of q left out",
        lambda f, zero, slope, p, q: _terms(f, zero, 0.0, p, q).sum(-1),
        "Outcomes with q = 0 < p are left out; each unit of p there costs f'(∞), the argument slope_at_infinity. "
        "Without it a divergence can become negative.",
    ),
    Misconception(
        "edge of p left out",
        lambda f, zero, slope, p, q: _terms(f, 0.0, slope, p, q).sum(-1),
        "Outcomes with p = 0 < q are left out; each unit of q there costs f(0), the argument at_zero.",
    ),
    Misconception(
        "both edges left out",
        lambda f, zero, slope, p, q: _terms(f, 0.0, 0.0, p, q).sum(-1),
        "You summed over the outcomes that both have; where p = 0 a unit of q costs at_zero, where q = 0 a unit of p "
        "costs slope_at_infinity.",
    ),
    Misconception(
        "ends exchanged",
        lambda f, zero, slope, p, q: _terms(f, slope, zero, p, q).sum(-1),
        "You exchanged the two ends: at_zero, f(0), is for p = 0, where the ratio p/q is 0; slope_at_infinity is for "
        "q = 0.",
    ),
    Misconception(
        "no care at zero",
        lambda f, zero, slope, p, q: (q * f(p / q)).sum(-1),
        "The formula q f(p/q) became NaN or wrong at a zero: take the limits that are given, q · at_zero where p = 0, "
        "p · slope_at_infinity where q = 0, and nothing where both are 0.",
    ),
    Misconception(
        "weighted by p",
        _wrong(lambda f, p, q: p * f(p / q)),
        "You weighted f(p/q) with p; the weight is q.  With f(u) = u log u it is the factor u inside of f that turns q "
        "into p.",
    ),
    Misconception(
        "ratio turned over",
        _wrong(lambda f, p, q: q * f(q / p)),
        "You took the ratio q/p; it is p/q.",
    ),
    Misconception(
        "arguments exchanged",
        lambda f, zero, slope, p, q: _terms(f, zero, slope, q, p).sum(-1),
        "This is D_f(Q||P): p and q are exchanged, in the weight as well as in the ratio.",
    ),
    Misconception(
        "mean",
        lambda f, zero, slope, p, q: _terms(f, zero, slope, p, q).mean(-1),
        "You averaged over the outcomes; sum them: the weights q sum to one already.",
    ),
    Misconception(
        "whole batch",
        lambda f, zero, slope, p, q: _terms(f, zero, slope, p, q).sum(),
        "You summed over the whole batch; sum over the last axis only, `dim=-1`: each row has a divergence of its own.",
    ),
    Misconception(
        "NaN dropped",
        lambda f, zero, slope, p, q: (q * f(p / q)).nansum(-1),
        "You dropped NaN, by `nansum` or `nan_to_num`; but where p or q is zero the term has a limit, and a price that "
        "is given: q · at_zero, or p · slope_at_infinity.",
    ),
    Misconception(
        "infinite price times a mask",
        _masked_products,
        "You multiplied a price by a mask; where the price is infinite and the mask says no, inf · 0 is NaN.  Choose "
        "with `torch.where`, or write only into the entries that are meant.",
    ),
    Misconception(
        "infinite price times no mass",
        _always_priced,
        "You multiplied an infinite price by a mass that is zero, and inf · 0 is NaN: where there is nothing to pay "
        "for, nothing is paid, whatever the price.",
    ),
    Misconception(
        "neither priced",
        _neither_priced,
        "Where p and q are both zero you still multiply by a price, and 0 · inf is NaN; such an outcome costs nothing.",
    ),
    Misconception(
        "price alone",
        _prices_alone,
        "You added the price itself; it is for one unit: q · at_zero where p = 0, and p · slope_at_infinity where "
        "q = 0.",
    ),
    Misconception(
        "not weighted",
        _wrong(lambda f, p, q: f(p / q)),
        "You summed f(p/q) without a weight; each outcome counts with q.",
    ),
)

EXERCISE = Exercise(
    id="f-divergence",
    chapter="05-f-gan",
    title="An f-divergence, edges included",
    points=2,
    reference=f_divergence,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_masks),
    call=call_f_divergence,
)
