"""Exercise: KL between two softmax distributions, without overflow."""

from math import exp, inf, log

import torch
from torch import Tensor

from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE, rounding_of_logarithms, row_by_row
from course_gan.exercises.core import Case, Exercise, Misconception


def kl_from_logits(a: Tensor, b: Tensor) -> Tensor:
    """KL(softmax(a) || softmax(b)) in nats over the last axis.

    a and b are tensors of one shape (..., outcomes): logits, any finite numbers,
    which may be as large as ±1000.
    Return a tensor of shape (...) of finite numbers, one for each row.
    """
    log_p, log_q = a.log_softmax(-1), b.log_softmax(-1)
    return (log_p.exp() * (log_p - log_q)).sum(-1)


@row_by_row
def by_loop(a: list[float], b: list[float]) -> float:
    def log_softmax(logits: list[float]) -> list[float]:
        largest = max(logits)
        normalizer = largest + log(sum(exp(x - largest) for x in logits))
        return [x - normalizer for x in logits]

    return sum(exp(x) * (x - y) for x, y in zip(log_softmax(a), log_softmax(b)))


def by_logsumexp(a: Tensor, b: Tensor) -> Tensor:
    p = a.softmax(-1)
    return (p * (a - b)).sum(-1) - a.logsumexp(-1) + b.logsumexp(-1)


def by_torch_loss(a: Tensor, b: Tensor) -> Tensor:
    log_p, log_q = a.double().log_softmax(-1), b.double().log_softmax(-1)
    return torch.nn.functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)


def cases(generator: torch.Generator) -> list[Case]:
    def draw(*shape: int, scale: float = 1.0, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (scale * torch.randn(*shape, generator=generator, dtype=DOUBLE)).to(dtype)

    a, b = draw(4), draw(4)
    first = torch.tensor([1000.0, 0.0, -1000.0], dtype=DOUBLE)
    rows = torch.tensor([[0.0], [-900.0], [900.0]], dtype=DOUBLE)
    return [
        Case((torch.tensor([0.0, 1.0], dtype=DOUBLE), torch.tensor([1.0, 0.0], dtype=DOUBLE)), "two small logits"),
        Case((a, b), "four logits"),
        Case((a, a + 3), "logits that differ by a constant"),
        Case((draw(10, dtype=SINGLE), draw(10, dtype=SINGLE)), "ten logits in float32"),
        Case((draw(2, 3, 4), draw(2, 3, 4)), "a batch of shape (2, 3) over four outcomes"),
        Case((draw(1, 3), draw(1, 3)), "a batch of one row"),
        Case((first, torch.tensor([0.0, 900.0, -200.0], dtype=DOUBLE)), "logits up to ±1000"),
        Case((first.float(), first.flip(0).float()), "logits of ±1000 in float32"),
        Case((rows + draw(3, 4), rows.flip(0) + draw(3, 4)), "rows of very different size"),
        Case((draw(40), draw(40)), "forty logits"),
    ]


def _kl(log_p: Tensor, log_q: Tensor) -> Tensor:
    return (log_p.exp() * (log_p - log_q)).sum(-1)


def _plain(logits: Tensor) -> Tensor:
    return logits.exp() / logits.exp().sum(-1, keepdim=True)


def _guarded(size: float, add: bool) -> Misconception:
    def guarded(a: Tensor, b: Tensor) -> Tensor:
        p, q = a.softmax(-1), b.softmax(-1)
        return (p * ((p + size) / (q + size) if add else p.clamp(min=size) / q.clamp(min=size)).log()).sum(-1)

    done = f"added {size:g} to the probabilities" if add else f"clamped the probabilities at {size:g}"
    return Misconception(
        f"{'added' if add else 'clamped at'} {size:g}",
        guarded,
        f"You {done}: no NaN, but the divergence of far-apart logits is cut off at about {-log(size):.0f} nats.  Work "
        "with log-probabilities, which need no guard.",
    )


def _shared_shift(a: Tensor, b: Tensor) -> Tensor:
    shift = torch.maximum(a.amax(-1, keepdim=True), b.amax(-1, keepdim=True))
    a, b = a - shift, b - shift
    return _kl(a - a.exp().sum(-1, keepdim=True).log(), b - b.exp().sum(-1, keepdim=True).log())


def _unshifted(logits: Tensor) -> Tensor:
    return logits - logits.exp().sum(-1, keepdim=True).log()


def _underflows(a: Tensor, b: Tensor) -> Tensor:
    return ((a.softmax(-1) > 0) & (b.softmax(-1) == 0)).any(-1)


def _one_shift(logits: Tensor) -> Tensor:
    shifted = logits - logits.max()
    return shifted - shifted.exp().sum(-1, keepdim=True).log()


MISCONCEPTIONS = (
    Misconception(
        "logarithm of softmax",
        lambda a, b: (a.softmax(-1) * (a.softmax(-1).log() - b.softmax(-1).log())).sum(-1),
        "You took the logarithm of a softmax: for large logits a probability underflows to 0, its logarithm is -inf, "
        "and 0 · (-inf) is NaN.  Compute log-probabilities directly: a - logsumexp(a), or `log_softmax`.",
    ),
    Misconception(
        "plain exponentials",
        lambda a, b: (_plain(a) * (_plain(a) / _plain(b)).log()).sum(-1),
        "You exponentiated the logits as they are: exp(1000) overflows to infinity.  Subtract the largest logit "
        "first, or use `log_softmax`.",
    ),
    *(_guarded(size, add) for size in (1e-6, 1e-8, 1e-10, 1e-12) for add in (True, False)),
    Misconception(
        "normalizers left out",
        lambda a, b: (a.softmax(-1) * (a - b)).sum(-1),
        "You used the differences of logits a - b as differences of log-probabilities; each log-probability is its "
        "logit minus logsumexp over the row.",
    ),
    Misconception(
        "shifted but not normalized",
        lambda a, b: _kl(a - a.amax(-1, keepdim=True), b - b.amax(-1, keepdim=True)),
        "You subtracted the largest logit but did not normalize: the exponentials do not sum to one.  Subtract "
        "log Σ exp as well.",
    ),
    Misconception(
        "one shift for the batch",
        lambda a, b: _kl(_one_shift(a), _one_shift(b)),
        "You subtracted the largest logit of the whole batch; rows far below it underflow.  Take the maximum of each "
        "row: `amax(-1, keepdim=True)`.",
    ),
    Misconception(
        "one shift for both",
        _shared_shift,
        "You subtracted the same number from a and from b; when one of them lies far below the other, all its "
        "exponentials underflow.  Subtract from each its own largest logit.",
    ),
    Misconception(
        "swapped",
        lambda a, b: _kl(b.log_softmax(-1), a.log_softmax(-1)),
        "You computed KL(softmax(b) || softmax(a)); the expectation is under softmax(a).  Beware that "
        "`torch.nn.functional.kl_div` takes log q first.",
    ),
    Misconception(
        "whole batch",
        lambda a, b: _kl(a.log_softmax(-1), b.log_softmax(-1)).sum(),
        "You summed over all rows; give each row of logits its own divergence by summing over `dim=-1`.",
    ),
    Misconception(
        "first axis",
        lambda a, b: (a.log_softmax(0).exp() * (a.log_softmax(0) - b.log_softmax(0))).sum(-1),
        "Your softmax normalizes over the first axis; the outcomes are on the last one: `dim=-1`.",
    ),
    Misconception(
        "infinite where q underflows",
        lambda a, b: torch.where(_underflows(a, b), inf, _kl(a.log_softmax(-1), b.log_softmax(-1))),
        "Where softmax(b) underflows to 0 your result is infinite (`torch.distributions` and `xlogy` do that too); the "
        "true log-probability is finite: compute it from the logits, `log_softmax`.",
    ),
    Misconception(
        "logarithm of plain sums",
        lambda a, b: _kl(_unshifted(a), _unshifted(b)),
        "Your Σ exp overflows: exp(1000) is infinite.  Take the largest logit of the row out, or use `logsumexp`.",
    ),
    Misconception(
        "weight q",
        lambda a, b: (b.softmax(-1) * (a.log_softmax(-1) - b.log_softmax(-1))).sum(-1),
        "You weighted log p - log q with softmax(b); the average is taken under p, softmax(a).",
    ),
    Misconception(
        "no weight",
        lambda a, b: (a.log_softmax(-1) - b.log_softmax(-1)).sum(-1),
        "You summed log p - log q without the weight p = softmax(a).",
    ),
    Misconception(
        "logarithms as weights",
        lambda a, b: (a.log_softmax(-1) * (a.log_softmax(-1) - b.log_softmax(-1))).sum(-1),
        "You weighted with log p; the weight is p itself, `log_p.exp()`.",
    ),
    Misconception(
        "softmax twice",
        lambda a, b: _kl(a.softmax(-1).log_softmax(-1), b.softmax(-1).log_softmax(-1)),
        "You applied a softmax to a softmax; once is enough: `log_softmax` takes the logits.",
    ),
    Misconception(
        "cross-entropy",
        lambda a, b: -(a.softmax(-1) * b.log_softmax(-1)).sum(-1),
        "You computed the cross-entropy -Σ p log q; KL is less by the entropy of p: add Σ p log p.",
    ),
    Misconception(
        "sigmoid",
        lambda a, b: torch.where(b.sigmoid() > 0, a.sigmoid() * (a.sigmoid() / b.sigmoid()).log(), 0).sum(-1),
        "You made probabilities with `sigmoid`, each by itself, and they do not sum to one: use softmax.",
    ),
)

EXERCISE = Exercise(
    id="kl-from-logits",
    chapter="02-divergences",
    title="KL from logits, without overflow",
    points=4,
    reference=kl_from_logits,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_logsumexp, by_torch_loss),
    tolerance=rounding_of_logarithms,
)
