"""Exercise: a cross-entropy of a mixed batch in which both kinds count the same."""

from math import exp, log1p

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, relu, softplus

from course_gan.exercises.ch03.inputs import DOUBLE, SINGLE, of_the_terms
from course_gan.exercises.core import Case, Exercise, Misconception


def balanced_cross_entropy(scores: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy of a mixed batch, with the two kinds counting the same.

    scores is a tensor of shape (n,): the scores of real samples and fakes, in any
    order; they may be large.
    labels is a tensor of shape (n,): 1.0 for real, 0.0 for fake; both occur, as a
    rule not equally often.
    Return one number: half the mean of -log D over the real samples plus half the
    mean of -log(1 - D) over the fakes, where D is the sigmoid of the score.
    """
    real, fake = scores[labels > 0.5], scores[labels < 0.5]
    return (softplus(-real).mean() + softplus(fake).mean()) / 2


def by_loop(scores: Tensor, labels: Tensor) -> float:
    terms: tuple[list[float], list[float]] = ([], [])
    for score, label in zip(scores.tolist(), labels.tolist()):
        t = -score if label == 1 else score
        terms[int(label)].append(max(t, 0.0) + log1p(exp(-abs(t))))
    return sum(sum(kind) / len(kind) for kind in terms) / 2


def by_weights(scores: Tensor, labels: Tensor) -> Tensor:
    weight = torch.where(labels == 1, 0.5 / labels.mean(), 0.5 / (1 - labels).mean())
    return binary_cross_entropy_with_logits(scores, labels, weight=weight)


def by_positive_weight(scores: Tensor, labels: Tensor) -> Tensor:
    real, fake = labels.sum(), (1 - labels).sum()
    unscaled = binary_cross_entropy_with_logits(scores, labels, pos_weight=fake / real, reduction="sum")
    return unscaled / (2 * fake)


def cases(generator: torch.Generator) -> list[Case]:
    def draw(labels: list[float], dtype: torch.dtype = DOUBLE, scale: float = 2.0) -> tuple[Tensor, Tensor]:
        shuffled = torch.tensor(labels, dtype=DOUBLE)[torch.randperm(len(labels), generator=generator)]
        scores = scale * (torch.randn(len(labels), generator=generator, dtype=DOUBLE) + shuffled - 0.3)
        return scores.to(dtype), shuffled.to(dtype)

    first = torch.tensor([2.0, -1.0, 0.5, -3.0], dtype=DOUBLE), torch.tensor([1.0, 0.0, 0.0, 0.0], dtype=DOUBLE)
    sure = torch.tensor([-900.0, 850.0, 40.0, -60.0, 3.0], dtype=DOUBLE), torch.tensor([1.0, 0, 1, 0, 1], dtype=DOUBLE)
    return [
        Case(first, "one real, three fake"),
        Case(draw([1.0] * 4 + [0.0] * 4), "four of each kind"),
        Case(draw([1.0] * 9 + [0.0] * 3), "nine real, three fake"),
        Case(draw([1.0] * 5 + [0.0] * 20, SINGLE), "five real, twenty fake, in float32"),
        Case(sure, "a critic that is very sure"),
    ]


def _positive_weight(scores: Tensor, labels: Tensor, inverse: bool) -> Tensor:
    odds = (1 - labels).sum() / labels.sum()
    return binary_cross_entropy_with_logits(scores, labels, pos_weight=1 / odds if inverse else odds)


def _first_real(scores: Tensor, n: int) -> Tensor:
    return (softplus(-scores[:n]).mean() + softplus(scores[n:]).mean()) / 2


def _clamped(scores: Tensor, label: int) -> Tensor:
    return binary_cross_entropy(scores.sigmoid(), torch.full_like(scores, label))


MISCONCEPTIONS = (
    Misconception(
        "plain mean",
        lambda scores, labels: binary_cross_entropy_with_logits(scores, labels),
        "You averaged over the whole batch, so the kind that is more frequent counts more; each kind is to have the "
        "weight ½, whatever its number.",
    ),
    Misconception(
        "sum of the two means",
        lambda scores, labels: 2 * balanced_cross_entropy(scores, labels),
        "You added the two means, which is minus the value of the game; the cross-entropy of a fair coin's label is "
        "half of it.",
    ),
    Misconception(
        "labels swapped",
        lambda scores, labels: balanced_cross_entropy(scores, 1 - labels),
        "The labels are swapped: 1 means real, and a real sample with a high score costs little.",
    ),
    Misconception(
        "sign",
        lambda scores, labels: -balanced_cross_entropy(scores, labels),
        "You computed half of the value; a cross-entropy is minus the mean logarithm, and so never negative.",
    ),
    Misconception(
        "positive weight, not rescaled",
        lambda scores, labels: _positive_weight(scores, labels, inverse=False),
        "Your weights are in the right proportion, but `pos_weight` does not change the number that is divided by: "
        "the weights of all terms must add up to one.",
    ),
    Misconception(
        "positive weight inverted",
        lambda scores, labels: _positive_weight(scores, labels, inverse=True),
        "You weighted the real samples by real/fake, which makes the frequent kind weigh even more; it is fake/real, "
        "and then the weights must still add up to one.",
    ),
    Misconception(
        "real samples only",
        lambda scores, labels: softplus(-scores[labels > 0.5]).mean() / 2,
        "The fakes are missing; add half the mean of softplus(score) over them.",
    ),
    Misconception(
        "sums",
        lambda scores, labels: binary_cross_entropy_with_logits(scores, labels, reduction="sum") / 2,
        "You summed over the batch; each kind wants its own mean.",
    ),
    Misconception(
        "logarithm of a sigmoid",
        lambda scores, labels: (
            (-scores[labels > 0.5].sigmoid().log().mean() - (1 - scores[labels < 0.5].sigmoid()).log().mean()) / 2
        ),
        "Your formula is right, but the logarithm of a sigmoid is infinite where the sigmoid rounds to 0 or 1; use "
        "softplus, or a cross-entropy that takes scores.",
    ),
    Misconception(
        "sigmoid twice",
        lambda scores, labels: balanced_cross_entropy(scores.sigmoid(), labels),
        "You applied the sigmoid before a loss that applies it itself; hand over the raw scores.",
    ),
    Misconception(
        "fakes only",
        lambda scores, labels: softplus(scores[labels < 0.5]).mean() / 2,
        "The real samples are missing; add half the mean of softplus(-score) over them.",
    ),
    Misconception(
        "fakes taken for real",
        lambda scores, labels: (softplus(-scores[labels > 0.5]).mean() + softplus(-scores[labels < 0.5]).mean()) / 2,
        "You took -log D of the fakes, too; a fake costs -log(1 - D), softplus of its score.",
    ),
    Misconception(
        "fakes subtracted",
        lambda scores, labels: (softplus(-scores[labels > 0.5]).mean() - softplus(scores[labels < 0.5]).mean()) / 2,
        "You subtracted the fakes' half; both halves are added.",
    ),
    Misconception(
        "first ones taken for real",
        lambda scores, labels: _first_real(scores, int(labels.sum())),
        "You took the first scores for those of the real samples; the batch is mixed, and the labels say which is "
        "which.",
    ),
    Misconception(
        "labels as positions",
        lambda scores, labels: (
            (softplus(-scores[labels.long()]).mean() + softplus(scores[1 - labels.long()]).mean()) / 2
        ),
        "You used the labels as positions, so that only the first two scores were looked at; make a mask of them: "
        "`labels > 0.5`.",
    ),
    Misconception(
        "masked to zero",
        lambda scores, labels: (softplus(-scores * labels).mean() + softplus(scores * (1 - labels)).mean()) / 2,
        "You multiplied the scores by the labels: a score of zero still costs log 2.  Multiply the losses, or pick the "
        "scores.",
    ),
    Misconception(
        "weighted by the other share",
        lambda scores, labels: (
            (1 - labels).mean() * softplus(-scores[labels > 0.5]).mean()
            + labels.mean() * softplus(scores[labels < 0.5]).mean()
        ),
        "You weighted the mean of each kind with the share of the other one; the means are balanced already: half of "
        "each.",
    ),
    Misconception(
        "cross-entropy of probabilities",
        lambda scores, labels: (_clamped(scores[labels > 0.5], 1) + _clamped(scores[labels < 0.5], 0)) / 2,
        "You took the sigmoid first and then a cross-entropy of probabilities, which PyTorch cuts off at 100; use the "
        "one that takes scores, or softplus.",
    ),
    Misconception(
        "positive part",
        lambda scores, labels: (relu(-scores[labels > 0.5]).mean() + relu(scores[labels < 0.5]).mean()) / 2,
        "You took positive parts of the scores, which softplus resembles for large scores only.",
    ),
    Misconception(
        "scores cut off",
        lambda scores, labels: balanced_cross_entropy(scores.clamp(-30, 30), labels),
        "You cut the scores off; where the critic is very sure and wrong, the cross-entropy has to go on growing.",
    ),
)

EXERCISE = Exercise(
    id="balanced-cross-entropy",
    chapter="03-minimax-game",
    title="A fair coin from an unfair batch",
    points=2,
    reference=balanced_cross_entropy,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_weights, by_positive_weight),
    tolerance=of_the_terms,
)
