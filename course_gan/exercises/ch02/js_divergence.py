"""Exercise: the Jensen-Shannon divergence."""

from math import log

import torch
from torch import Tensor

from course_gan import divergences
from course_gan.exercises.ch02.inputs import pairs, row_by_row
from course_gan.exercises.core import Exercise, Misconception


def js_divergence(p: Tensor, q: Tensor) -> Tensor:
    """Jensen-Shannon divergence in nats, over the last axis.

    It is the average of KL(p || m) and KL(q || m), where m = (p + q) / 2.
    p and q are tensors of one shape (..., outcomes); each row sums to one.
    They may hold zeros; the result is finite all the same.
    Return a tensor of shape (...), one number for each row.
    """
    return divergences.js(p, q)


def kl(p: Tensor, q: Tensor) -> Tensor:
    """The sum of p log(p / q), also where the arguments do not sum to one, as in the wrong answers below."""
    return (torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)


@row_by_row
def by_loop(p: list[float], q: list[float]) -> float:
    total = 0.0
    for a, b in zip(p, q):
        for x in (a, b):
            if x > 0:
                total += 0.5 * x * log(2 * x / (a + b))
    return total


def by_entropies(p: Tensor, q: Tensor) -> Tensor:
    p, q = p.double(), q.double()
    return _entropy((p + q) / 2) - (_entropy(p) + _entropy(q)) / 2


def by_kl(p: Tensor, q: Tensor) -> Tensor:
    m = (p + q) / 2
    return (kl(p, m) + kl(q, m)) / 2


def _geometric(p: Tensor, q: Tensor, normalized: bool) -> Tensor:
    m = ((p.log() + q.log()) / 2).exp()
    m = m / m.sum(-1, keepdim=True) if normalized else m
    return (kl(p, m) + kl(q, m)) / 2


def _naive(p: Tensor, q: Tensor) -> Tensor:
    m = (p + q) / 2
    return (_terms(p, m) + _terms(q, m)).sum(-1) / 2


def _terms(p: Tensor, m: Tensor) -> Tensor:
    """NaN where p is zero."""
    return p * (p / m).log()


def _entropy(r: Tensor) -> Tensor:
    return -torch.xlogy(r, r).sum(-1)


MISCONCEPTIONS = (
    Misconception(
        "entropies not halved",
        lambda p, q: _entropy((p + q) / 2) - _entropy(p) - _entropy(q),
        "You subtracted the sum of both entropies from that of m; subtract their average, (H(p) + H(q)) / 2.",
    ),
    Misconception(
        "entropy of m",
        lambda p, q: _entropy((p + q) / 2),
        "You returned the entropy of m; the divergence is what it exceeds the average entropy of p and q by.",
    ),
    Misconception(
        "no half",
        lambda p, q: 2 * by_kl(p, q),
        "You added KL(p || m) and KL(q || m); the Jensen-Shannon divergence is their average, half of that.  (The "
        "f-GAN paper's generator leaves out the ½ too; here it belongs to the definition.)",
    ),
    Misconception(
        "m from logarithms",
        lambda p, q: _geometric(p, q, normalized=False),
        "You formed m by averaging logarithms, which makes it √(p q): a geometric mean.  Average the probabilities "
        "themselves, m = (p + q) / 2.",
    ),
    Misconception(
        "normalized geometric mean",
        lambda p, q: _geometric(p, q, normalized=True),
        "You used the normalized geometric mean of p and q for m; use the arithmetic mean, (p + q) / 2, which is the "
        "distribution of a fair choice between the two.",
    ),
    Misconception(
        "without m",
        lambda p, q: (kl(p, q) + kl(q, p)) / 2,
        "You averaged KL(p || q) and KL(q || p), which is half of the Jeffreys divergence; compare both with the "
        "mixture m = (p + q) / 2, not with each other.",
    ),
    Misconception(
        "one side",
        lambda p, q: kl(p, (p + q) / 2),
        "You computed KL(p || m) only; the other half is KL(q || m), and the result is their average.",
    ),
    Misconception(
        "m is the sum",
        lambda p, q: (kl(p, p + q) + kl(q, p + q)) / 2,
        "You used m = p + q, which sums to two, so every logarithm is too small by log 2; halve it: m = (p + q) / 2.",
    ),
    Misconception(
        "from m",
        lambda p, q: (kl((p + q) / 2, p) + kl((p + q) / 2, q)) / 2,
        "You computed KL(m || p) and KL(m || q); m is the second argument: KL(p || m) and KL(q || m), which cannot "
        "become infinite.",
    ),
    Misconception(
        "base 2",
        lambda p, q: by_kl(p, q) / log(2),
        "You used the base-2 logarithm, so your largest value is 1; in nats the largest Jensen-Shannon divergence is "
        "log 2.",
    ),
    Misconception(
        "zero times log zero",
        _naive,
        "Where p or q is zero, 0 · log 0 became NaN; these terms are zero: use `torch.where`, or "
        "`torch.special.xlogy`, in both halves.",
    ),
    Misconception(
        "distance",
        lambda p, q: by_kl(p, q).clamp(min=0).sqrt(),
        "You took the square root: that is the Jensen-Shannon distance (a metric); the divergence is its square.",
    ),
    Misconception(
        "whole batch",
        lambda p, q: by_kl(p, q).sum(),
        "You added up the Jensen-Shannon divergences of the whole batch; sum over the last axis only, `dim=-1`.",
    ),
    Misconception(
        "Jeffreys",
        lambda p, q: kl(p, q) + kl(q, p),
        "You added KL(p || q) and KL(q || p), which is the Jeffreys divergence; compare p and q with m = (p + q) / 2.",
    ),
    Misconception(
        "no m at all",
        lambda p, q: kl(p, q),
        "You returned KL(p || q); compare p with m = (p + q) / 2, then q with m, and average the two.",
    ),
    Misconception(
        "other side",
        lambda p, q: kl(q, (p + q) / 2),
        "You computed KL(q || m) only; average it with KL(p || m).",
    ),
    Misconception(
        "half of one side",
        lambda p, q: kl(p, (p + q) / 2) + kl(q, (p + q) / 2) / 2,
        "Only the second of the two divergences is halved: put their sum in parentheses before you divide by 2.",
    ),
    Misconception(
        "precedence",
        lambda p, q: (kl(p, p + q / 2) + kl(q, p + q / 2)) / 2,
        "Your m is p + q / 2, where only q is halved: write (p + q) / 2.",
    ),
    Misconception(
        "both halves",
        lambda p, q: torch.stack([kl(p, (p + q) / 2), kl(q, (p + q) / 2)]),
        "You returned KL(p || m) and KL(q || m) as two results; return their average.",
    ),
    Misconception(
        "both dropped",
        lambda p, q: torch.nan_to_num(_terms(p, (p + q) / 2) + _terms(q, (p + q) / 2)).sum(-1) / 2,
        "Where one of p and q is zero you dropped the other one's term too; only the term with the zero in front is "
        "zero: treat the two halves apart.",
    ),
)

EXERCISE = Exercise(
    id="js-divergence",
    chapter="02-divergences",
    title="Jensen–Shannon through the mixture",
    points=2,
    reference=js_divergence,
    cases=pairs,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_entropies, by_kl),
)
