"""Exercise: both losses of the generator from raw scores."""

from math import exp, log1p

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, logsigmoid, relu, softplus

from course_gan import losses
from course_gan.exercises.ch03.inputs import of_the_terms, score_pairs
from course_gan.exercises.core import Case, Exercise, Misconception


def generator_losses(fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both losses that a generator may minimize, from the scores of its fakes.

    fake is a tensor of shape (m,): the critic's scores of m fakes, any numbers.
    Return the pair (saturating, non-saturating): the mean of log(1 - D) and minus
    the mean of log D, where D is the sigmoid of the score.
    Both are finite even for scores of ±300.
    """
    return losses.get("minimax").generator(fake, fake), losses.get("non-saturating").generator(fake, fake)


def by_loop(fake: Tensor) -> tuple[float, float]:
    def one(t: float) -> float:
        return max(t, 0.0) + log1p(exp(-abs(t)))

    scores = fake.tolist()
    return -sum(map(one, scores)) / len(scores), sum(one(-s) for s in scores) / len(scores)


def by_logsigmoid(fake: Tensor) -> tuple[Tensor, Tensor]:
    return logsigmoid(-fake).mean(), -logsigmoid(fake).mean()


def by_cross_entropy(fake: Tensor) -> tuple[Tensor, Tensor]:
    cross_entropy = binary_cross_entropy_with_logits
    return -cross_entropy(fake, torch.zeros_like(fake)), cross_entropy(fake, torch.ones_like(fake))


def by_each_other(fake: Tensor) -> tuple[Tensor, Tensor]:
    """As log(1 - D) = log D - score."""
    non_saturating = softplus(-fake)
    return -(fake + non_saturating).mean(), non_saturating.mean()


def cases(generator: torch.Generator) -> list[Case]:
    return [Case(case.inputs[1:], case.label) for case in score_pairs(generator)]


def _clamped(scores: Tensor, label: int) -> Tensor:
    return binary_cross_entropy(scores.sigmoid(), torch.full_like(scores, label))


MISCONCEPTIONS = (
    Misconception(
        "order",
        lambda fake: (softplus(-fake).mean(), -softplus(fake).mean()),
        "The two are exchanged: the saturating loss, log(1 - D), comes first.",
    ),
    Misconception(
        "saturating with a minus",
        lambda fake: (softplus(fake).mean(), softplus(-fake).mean()),
        "Your first loss is -log(1 - D), which the critic minimizes: who descends it gets lower scores.  The generator "
        "minimizes log(1 - D) as it stands.",
    ),
    Misconception(
        "non-saturating without the minus",
        lambda fake: (-softplus(fake).mean(), -softplus(-fake).mean()),
        "Your second loss is log D, and minimizing it makes fakes that are caught; the minus sign is missing.",
    ),
    Misconception(
        "both to be maximized",
        lambda fake: (softplus(fake).mean(), -softplus(-fake).mean()),
        "Both signs are those of what the generator maximizes; a loss is minimized.",
    ),
    Misconception(
        "logarithms of a sigmoid",
        lambda fake: ((1 - fake.sigmoid()).log().mean(), -fake.sigmoid().log().mean()),
        "Your formulas are right, but where the sigmoid rounds to 0 or 1 the logarithm is infinite; use "
        "log σ(t) = -softplus(-t), log(1 - σ(t)) = -softplus(t).",
    ),
    Misconception(
        "small number added",
        lambda fake: ((1 - fake.sigmoid() + 1e-8).log().mean(), -(fake.sigmoid() + 1e-8).log().mean()),
        "You added a small number inside of the logarithms: at a score of -20 the slope of the second loss is then "
        "-0.17 where it should be -1, which is what the non-saturating loss is for.",
    ),
    Misconception(
        "scores taken for probabilities",
        lambda fake: ((1 - fake).log().mean(), -fake.log().mean()),
        "You took logarithms of scores, which may be negative; a score becomes a probability by the sigmoid.",
    ),
    Misconception(
        "sigmoid twice",
        lambda fake: (-softplus(fake.sigmoid()).mean(), softplus(-fake.sigmoid()).mean()),
        "You applied the sigmoid twice, once yourself and once inside of softplus; hand it the raw scores.",
    ),
    Misconception(
        "sums",
        lambda fake: (-softplus(fake).sum(), softplus(-fake).sum()),
        "You summed over the batch; take means, or the size of the step depends on the size of the batch.",
    ),
    Misconception(
        "no logarithm",
        lambda fake: ((1 - fake.sigmoid()).mean(), -fake.sigmoid().mean()),
        "You left out the logarithms: 1 - D and -D have the same slope, D(1 - D), which dies at both ends.",
    ),
    Misconception(
        "logarithm of the mean",
        lambda fake: ((1 - fake.sigmoid()).mean().log(), -fake.sigmoid().mean().log()),
        "You took the logarithm of the mean probability; wanted is the mean of the logarithms.",
    ),
    Misconception(
        "twice the same",
        lambda fake: (softplus(-fake).mean(), softplus(-fake).mean()),
        "Both of your losses are the non-saturating one; the first is log(1 - D), minus softplus of the score.",
    ),
    Misconception(
        "mean scores",
        lambda fake: (-fake.mean(), -fake.mean()),
        "You took minus the mean score, which is the generator's loss of chapter 8; here the score goes through log σ.",
    ),
    Misconception(
        "the critic's loss second",
        lambda fake: (-softplus(fake).mean(), softplus(fake).mean()),
        "Your second loss is minus the first, which is the critic's; the non-saturating one is -log D, the mean of "
        "softplus(-score).",
    ),
    Misconception(
        "twice the saturating",
        lambda fake: (-softplus(fake).mean(), -softplus(fake).mean()),
        "Both of your losses are the saturating one; the second is -log D, the mean of softplus(-score).",
    ),
    Misconception(
        "log D and minus log D",
        lambda fake: (logsigmoid(fake).mean(), -logsigmoid(fake).mean()),
        "Your first loss is log D; the saturating one is log(1 - D), minus softplus of the score.",
    ),
    Misconception(
        "order and sign",
        lambda fake: (softplus(-fake).mean(), softplus(fake).mean()),
        "Your first loss is the non-saturating one, and your second is what the critic minimizes; wanted are log(1 - "
        "D) and then -log D.",
    ),
    Misconception(
        "one minus the logarithm",
        lambda fake: ((1 - logsigmoid(fake)).mean(), -logsigmoid(fake).mean()),
        "Your first loss is 1 - log D; wanted is log(1 - D), which is log σ of minus the score.",
    ),
    Misconception(
        "cross-entropy of probabilities",
        lambda fake: (-_clamped(fake, 0), _clamped(fake, 1)),
        "You took the sigmoid first and then a cross-entropy of probabilities, whose logarithms end at -100; use the "
        "one that takes scores, or softplus.",
    ),
    Misconception(
        "positive part",
        lambda fake: (-relu(fake).mean(), relu(-fake).mean()),
        "You took positive parts of the scores; near zero softplus is rounder.",
    ),
    Misconception(
        "means first",
        lambda fake: (-softplus(fake.mean()), softplus(-fake.mean())),
        "You took softplus of the mean score; each fake pays by itself: softplus first and the mean then.",
    ),
    Misconception(
        "scores cut off",
        lambda fake: generator_losses(fake.clamp(-30, 30)),
        "You cut the scores off: both losses have to go on growing with the score; softplus can take any score.",
    ),
)

EXERCISE = Exercise(
    id="generator-losses",
    chapter="03-minimax-game",
    title="Two losses for one wish",
    points=2,
    reference=generator_losses,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_logsigmoid, by_cross_entropy, by_each_other),
    tolerance=of_the_terms,
)
