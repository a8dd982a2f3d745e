"""Two-sample tests by classifying: can anyone tell the one set of samples from the other?"""

from itertools import pairwise
from typing import Literal, NamedTuple

import torch
from jaxtyping import Float
from scipy.stats import binom
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from course_gan.inputs import require_count
from course_gan.metrics.checks import as_double, two_samples
from course_gan.metrics.distances import in_one_unit, nearest
from course_gan.metrics.mmd import PERMUTATIONS, permuted_members

Alternative = Literal["greater", "less"]


class Accuracy(NamedTuple):
    """The share told right, and how probable one as extreme is if both samples come from one distribution."""

    accuracy: float
    p_value: float


def nearest_neighbor_test(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    *,
    alternative: Alternative = "greater",
    permutations: int = PERMUTATIONS,
    generator: torch.Generator | None = None,
) -> Accuracy:
    r"""Leave-one-out accuracy of the 1-nearest-neighbor classifier between samples (n, d) and (m, d).

    For n = m: about ½ if the distributions are the same; above if they differ, in the limit
    $1 - \int \frac{p q}{p + q}$ for densities p and q; below if samples of y lie at samples of x, as copies do.
    `alternative` says which of the two ends the p-value is for: `"greater"` for differing, `"less"` for copying.

    The answers for different points depend on each other (a pair is often each other's neighbor), so that their sum is
    not binomial.  The p-value is that of a permutation test: who is whose neighbor stays, who came from where is drawn
    again.  Equal distances are decided by lot.  At least two samples each.

    References: Lopez-Paz and Oquab, Revisiting classifier two-sample tests, 2017, §3; Henze, A multivariate two-sample
    test based on the number of nearest neighbor type coincidences, 1988 (the limit); Cover and Hart, 1967.

    >>> draw = torch.Generator().manual_seed(0)
    >>> x = torch.randn(200, 2, generator=draw)
    >>> nearest_neighbor_test(x, x + 9, generator=draw)
    Accuracy(accuracy=1.0, p_value=0.004975124378109453)
    >>> nearest_neighbor_test(x, x + 1e-6, generator=draw).accuracy
    0.0
    """
    x, y = two_samples(least=2, x=x, y=y)
    require_count("permutations", permutations)
    if alternative not in ("greater", "less"):
        raise ValueError(f"alternative is {alternative!r}; wanted 'greater' (they differ) or 'less' (y copies x).")
    (pooled,) = in_one_unit(torch.cat([as_double(x), as_double(y)]))
    members = permuted_members(len(x), len(pooled), permutations, generator, pooled)
    # In a random order, as ties go to whoever stands first.
    order = torch.randperm(len(pooled), generator=generator, device=generator.device if generator else None)
    order = order.to(pooled.device)
    neighbor = nearest(pooled[order], pooled[order], same=True)[1][:, 0]
    accuracies = (members[order] == members[order][neighbor]).double().mean(0)
    as_extreme = accuracies >= accuracies[0] if alternative == "greater" else accuracies <= accuracies[0]
    return Accuracy(accuracies[0].item(), as_extreme.double().mean().item())  # the observed one counts itself


def classifier_test(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    *,
    hidden: int = 20,
    steps: int = 200,
    generator: torch.Generator | None = None,
) -> Accuracy:
    r"""Accuracy, on samples held out, of a classifier trained to tell samples (n, d) from samples (m, d).

    Half of each set trains a network of one layer of `hidden` rectified units (0: a logistic regression), `steps`
    steps of Adam; the rest, equally many of each, is told apart.  The larger set is thinned to the smaller one.
    If both come from one distribution, each answer is right with probability ½ whatever the classifier learned, and the
    number of right ones among n' is at most as spread as Binomial(n', ½): the p-value is that one's upper tail.  The
    accuracy then is close to $N(\frac12, \frac1{4 n'})$.

    At least four samples each.  Reference: Lopez-Paz and Oquab, Revisiting classifier two-sample tests, 2017, §3.

    >>> draw = torch.Generator().manual_seed(0)
    >>> x, y = torch.randn(200, 2, generator=draw), torch.randn(200, 2, generator=draw)
    >>> classifier_test(x, y + 2, generator=draw).p_value < 1e-9
    True
    """
    x, y = two_samples(least=4, x=x, y=y)
    require_count("hidden", hidden, 0)
    require_count("steps", steps)
    fewer = min(len(x), len(y))
    half = fewer // 2
    parts = [_shuffled(rows, generator)[:fewer] for rows in (as_double(x), as_double(y))]
    train, test = torch.cat([part[:half] for part in parts]), torch.cat([part[half:] for part in parts])
    unit = train.abs().amax(0)  # of the training half alone, as all that follows; so that no square overflows
    train, test = (rows / torch.where(unit > 0, unit, 1) for rows in (train, test))
    mean, spread = train.mean(0), train.std(0).clamp(min=1e-12)
    # In float64 up to here: beside a mean of 1e9 float32 keeps nothing of a spread of 1.
    train, test = (((rows - mean) / spread).float() for rows in (train, test))
    truth = torch.arange(2, device=train.device).repeat_interleave(half).float()
    score = _trained(train, truth, hidden, steps, generator)(test)
    told_y = score > 0
    right = int((~told_y[: fewer - half]).sum() + told_y[fewer - half :].sum())
    return Accuracy(right / len(test), float(binom.sf(right - 1, len(test), 0.5)))


def _trained(rows: Tensor, truth: Tensor, hidden: int, steps: int, generator: torch.Generator | None) -> "_Scorer":
    """A classifier fitted to rows (n, d) with labels 0 and 1, by full-batch Adam on the cross-entropy."""
    scorer = _Scorer(rows.shape[1], hidden, generator, rows.device)
    optimizer = torch.optim.Adam(scorer.weights, lr=0.01, weight_decay=1e-3)
    with torch.enable_grad():
        for _ in range(steps):
            optimizer.zero_grad()
            binary_cross_entropy_with_logits(scorer(rows), truth).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
    return scorer


class _Scorer:
    """The logit that a row is of the second set: linear, or with one hidden layer."""

    def __init__(self, d: int, hidden: int, generator: torch.Generator | None, device: torch.device) -> None:
        def draw(rows: int, columns: int) -> Tensor:
            on = generator.device if generator else None
            normal: Tensor = torch.randn(rows, columns, generator=generator, device=on).to(device)
            return normal.mul_((2 / rows) ** 0.5)

        sizes = [d, hidden, 1] if hidden else [d, 1]
        self.layers = [(draw(a, b), torch.zeros(b, device=device)) for a, b in pairwise(sizes)]
        self.weights = [tensor.requires_grad_() for layer in self.layers for tensor in layer]

    def __call__(self, rows: Tensor) -> Tensor:
        for weight, bias in self.layers[:-1]:
            rows = (rows @ weight + bias).relu()
        weight, bias = self.layers[-1]
        return (rows @ weight + bias)[:, 0]


def _shuffled(rows: Tensor, generator: torch.Generator | None) -> Tensor:
    order = torch.randperm(len(rows), generator=generator, device=generator.device if generator else None)
    return rows[order.to(rows.device)]
