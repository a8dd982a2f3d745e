"""Exercise: the Kullback-Leibler divergence of discrete distributions."""

from math import inf, log

import torch
from torch import Tensor

from course_gan import divergences
from course_gan.exercises.ch02.inputs import pairs, row_by_row
from course_gan.exercises.core import Exercise, Misconception


def kl_divergence(p: Tensor, q: Tensor) -> Tensor:
    """KL(p || q) in nats, the sum of p log(p / q) over the last axis.

    p and q are tensors of one shape (..., outcomes); each row sums to one.
    An outcome with p = 0 contributes nothing; where p > 0 and q = 0 the
    divergence is infinite.
    Return a tensor of shape (...), one number for each row.
    """
    return divergences.kl(p, q)


@row_by_row
def by_loop(p: list[float], q: list[float]) -> float:
    total = 0.0
    for a, b in zip(p, q):
        if a > 0:
            total += a * log(a / b) if b > 0 else inf
    return total


def by_xlogy(p: Tensor, q: Tensor) -> Tensor:
    return torch.xlogy(p, p).sum(-1) - torch.xlogy(p, q).sum(-1)


def by_mask_in_double(p: Tensor, q: Tensor) -> Tensor:
    p, q = p.double(), q.double()
    terms = torch.zeros_like(p)
    terms[p > 0] = p[p > 0] * (p[p > 0] / q[p > 0]).log()
    return terms.sum(-1)


def _zero_safe(weight: Tensor, p: Tensor, q: Tensor) -> Tensor:
    """weight x log(p / q), zero where p is."""
    return torch.where(p > 0, weight * (p.log() - q.log()), 0)


MISCONCEPTIONS = (
    Misconception(
        "base 2",
        lambda p, q: by_xlogy(p, q) / log(2),
        "You used the base-2 logarithm, which measures in bits; this course measures in nats: use the natural "
        "logarithm, `torch.log`.",
    ),
    Misconception(
        "swapped",
        lambda p, q: by_xlogy(q, p),
        "You computed KL(q || p): the two arguments are swapped.  KL weights with its first argument and divides by "
        "its second.",
    ),
    Misconception(
        "zero times log zero",
        lambda p, q: (p * (p / q).log()).sum(-1),
        "Your formula is right, but where p = 0 floating point makes 0 · log 0 = 0 · (-inf) = NaN; the term is zero "
        "there: use `torch.where`, or `torch.special.xlogy`.",
    ),
    Misconception(
        "no weight",
        lambda p, q: (p / q).log().sum(-1),
        "You summed the log-ratios log(p / q) without their weight p; KL is their average under p.",
    ),
    Misconception(
        "weight q",
        lambda p, q: _zero_safe(q, p, q).sum(-1),
        "You weighted log(p / q) with q; the average is taken under p, so that an outcome counts as often as p shows "
        "it.",
    ),
    Misconception(
        "mean",
        lambda p, q: _zero_safe(p, p, q).mean(-1),
        "You averaged the terms over the outcomes; the weights p are the average already, so sum the terms.",
    ),
    Misconception(
        "whole batch",
        lambda p, q: _zero_safe(p, p, q).sum(),
        "You summed over the whole batch of divergences; sum over the last axis only, `dim=-1`, so that each row gets "
        "its own.",
    ),
    Misconception(
        "cross-entropy",
        lambda p, q: -torch.xlogy(p, q).sum(-1),
        "You computed the cross-entropy -Σ p log q; KL is what it exceeds the entropy of p by: add Σ p log p.",
    ),
    Misconception(
        "no logarithm",
        lambda p, q: torch.where(p > 0, p * (p / q), 0).sum(-1),
        "You summed p · (p / q) without the logarithm of the ratio.",
    ),
    Misconception(
        "zero in q skipped",
        lambda p, q: torch.where((p > 0) & (q > 0), p * (p / q).log(), 0).sum(-1),
        "You left out the outcomes with q = 0 even where p > 0; there p shows what q calls impossible, and the "
        "divergence is infinite.  Only the outcomes with p = 0 contribute nothing.",
    ),
    Misconception(
        "absolute terms",
        lambda p, q: torch.where(p > 0, p * (p / q).log().abs(), 0).sum(-1),
        "You took absolute values of the terms; some terms are negative (where p < q) and belong into the sum with "
        "their sign.",
    ),
    Misconception(
        "entropy",
        lambda p, q: -torch.xlogy(p, p).sum(-1),
        "You computed the entropy of p, -Σ p log p, in which q does not occur: KL compares the two, Σ p log(p / q).",
    ),
    Misconception(
        "quotient of logarithms",
        lambda p, q: torch.where(p > 0, p * (p.log() / q.log()), 0).sum(-1),
        "You divided the logarithms, log p / log q; wanted is the logarithm of the quotient, which is log p - log q.",
    ),
    Misconception(
        "both directions",
        lambda p, q: by_xlogy(p, q) + by_xlogy(q, p),
        "You added KL(p || q) and KL(q || p); only the first is wanted, which is not symmetric.",
    ),
    Misconception(
        "Jensen-Shannon",
        lambda p, q: (by_xlogy(p, (p + q) / 2) + by_xlogy(q, (p + q) / 2)) / 2,
        "You compared p and q with their mixture, which gives the Jensen-Shannon divergence; KL compares p with q.",
    ),
    Misconception(
        "infinite where q is zero",
        lambda p, q: torch.where((q == 0).any(-1), inf, by_xlogy(p, q)),
        "You made the divergence infinite wherever q = 0; it is infinite only if p > 0 there.",
    ),
    Misconception(
        "NaN where both are zero",
        lambda p, q: torch.xlogy(p, p / q).sum(-1),
        "Where p = q = 0 your result is NaN: 0/0 is NaN before a logarithm or `xlogy` sees it, and so is 0 · log q.  "
        "`xlogy(p, p) - xlogy(p, q)` is zero there, and `torch.where` can make it so.",
    ),
    Misconception(
        "softmax first",
        lambda p, q: by_xlogy(p.softmax(-1), q.softmax(-1)),
        "You applied a softmax, but p and q are probabilities already: a second one makes them more alike.",
    ),
    Misconception(
        "log1p",
        lambda p, q: torch.where(p > 0, p * (p / q).log1p(), 0).sum(-1),
        "`log1p(x)` is log(1 + x); use `log`.",
    ),
    Misconception(
        "mean of everything",
        lambda p, q: _zero_safe(p, p, q).mean(),
        "You averaged over all entries of the batch; sum over the last axis only, `.sum(-1)`.",
    ),
)

EXERCISE = Exercise(
    id="kl-divergence",
    chapter="02-divergences",
    title="KL from its definition",
    points=2,
    reference=kl_divergence,
    cases=pairs,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_xlogy, by_mask_in_double),
)
