"""Exercise: the critic's loss from raw scores."""

from math import exp, log1p

import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, logsigmoid, relu, softplus

from course_gan import losses
from course_gan.exercises.ch03.inputs import of_the_terms, score_pairs
from course_gan.exercises.core import Exercise, Misconception


def critic_loss(real: Tensor, fake: Tensor) -> Tensor:
    """What the critic minimizes in the minimax game: minus the value.

    real is a tensor of shape (n,): scores, any numbers, of n real samples.
    fake is a tensor of shape (m,): the scores of m fakes; m need not be n.
    The probability of "real" is the sigmoid of the score.
    Return one number, which is finite even for scores of ±300.
    """
    return losses.get("minimax").critic(real, fake)


def by_loop(real: Tensor, fake: Tensor) -> float:
    def one(t: float) -> float:
        return max(t, 0.0) + log1p(exp(-abs(t)))

    return sum(one(-s) for s in real.tolist()) / len(real) + sum(one(s) for s in fake.tolist()) / len(fake)


def by_cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    says_real = binary_cross_entropy_with_logits(real, torch.ones_like(real))
    return says_real + binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))


def by_logsigmoid(real: Tensor, fake: Tensor) -> Tensor:
    return -(logsigmoid(real).mean() + logsigmoid(-fake).mean())


def by_logaddexp(real: Tensor, fake: Tensor) -> Tensor:
    zero = real.new_zeros(())
    return torch.logaddexp(zero, -real).mean() + torch.logaddexp(zero, fake).mean()


def _clamped(scores: Tensor, label: int) -> Tensor:
    """PyTorch's cross-entropy of probabilities, whose logarithms end at -100."""
    return binary_cross_entropy(scores.sigmoid(), torch.full_like(scores, label))


def _exchanged(scores: Tensor, label: int) -> Tensor:
    return binary_cross_entropy_with_logits(torch.full_like(scores, label), scores)


MISCONCEPTIONS = (
    Misconception(
        "labels swapped",
        lambda real, fake: softplus(real).mean() + softplus(-fake).mean(),
        "The labels are swapped: your critic is rewarded for low scores of real samples.  Real means a high score: "
        "softplus(-real) and softplus(fake).",
    ),
    Misconception(
        "logarithm of a sigmoid",
        lambda real, fake: -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean(),
        "Your formula is right, but where the sigmoid rounds to 0 or 1 its logarithm is infinite; use "
        "log σ(t) = -softplus(-t) and log(1 - σ(t)) = -softplus(t).",
    ),
    Misconception(
        "small number added",
        lambda real, fake: -(real.sigmoid() + 1e-8).log().mean() - (1 - fake.sigmoid() + 1e-8).log().mean(),
        "You added a small number inside of the logarithm: the loss is finite then, but it stops growing, and its "
        "slope dies, where the critic is sure and wrong.  softplus needs no such number.",
    ),
    Misconception(
        "cross-entropy of probabilities",
        lambda real, fake: _clamped(real, 1) + _clamped(fake, 0),
        "You took the sigmoid first and then a cross-entropy of probabilities, whose logarithm PyTorch cuts off at "
        "-100; use the one that takes scores, `binary_cross_entropy_with_logits`, or softplus.",
    ),
    Misconception(
        "scores taken for probabilities",
        lambda real, fake: -real.log().mean() - (1 - fake).log().mean(),
        "You took logarithms of the scores, which may be negative; a score becomes a probability by the sigmoid.",
    ),
    Misconception(
        "sigmoid twice",
        lambda real, fake: softplus(-real.sigmoid()).mean() + softplus(fake.sigmoid()).mean(),
        "You applied a sigmoid and then a loss that applies one again: with scores from 0 to 1 the critic can never "
        "be sure.  Hand the raw scores to the loss.",
    ),
    Misconception(
        "value",
        lambda real, fake: -softplus(-real).mean() - softplus(fake).mean(),
        "You computed the value, which the critic maximizes; its loss is minus the value.",
    ),
    Misconception(
        "mean over all",
        lambda real, fake: torch.cat([softplus(-real), softplus(fake)]).mean(),
        "You averaged over all samples at once, so that each kind counts by its number (and for equal numbers "
        "everything is halved); take a mean for each kind, and add the two.",
    ),
    Misconception(
        "half",
        lambda real, fake: (softplus(-real).mean() + softplus(fake).mean()) / 2,
        "You took the mean of the two halves; the loss is their sum, so that it is exactly minus the value.",
    ),
    Misconception(
        "sums",
        lambda real, fake: softplus(-real).sum() + softplus(fake).sum(),
        "You summed over the batch; take means, or a larger batch makes larger steps.",
    ),
    Misconception(
        "fakes labeled real",
        lambda real, fake: softplus(-real).mean() + softplus(-fake).mean(),
        "You labeled the fakes real: that is what the generator wants the critic to say.  For the critic a fake costs "
        "softplus(fake).",
    ),
    Misconception(
        "the generator's loss",
        lambda real, fake: softplus(-fake).mean(),
        "That is the non-saturating loss of the generator; the critic's has a term for real samples and one for fakes.",
    ),
    Misconception(
        "real term only",
        lambda real, fake: softplus(-real).mean(),
        "The fakes are missing: with this loss the critic calls everything real.  Add the mean of softplus(fake).",
    ),
    Misconception(
        "fake term only",
        lambda real, fake: softplus(fake).mean(),
        "The real samples are missing: with this loss the critic calls everything false.  Add the mean of "
        "softplus(-real).",
    ),
    Misconception(
        "wasserstein",
        lambda real, fake: fake.mean() - real.mean(),
        "You took the difference of the mean scores: that is the loss of chapter 8, without logarithms.  Here the "
        "score goes through log σ.",
    ),
    Misconception(
        "hinge",
        lambda real, fake: relu(1 - real).mean() + relu(1 + fake).mean(),
        "That is the hinge loss, which looks like this one but has corners and stops at a margin of 1; use softplus.",
    ),
    Misconception(
        "squares",
        lambda real, fake: (real.sigmoid() - 1).square().mean() + fake.sigmoid().square().mean(),
        "You took squared differences of probabilities and labels; this game pays in logarithms.",
    ),
    Misconception(
        "squares of scores",
        lambda real, fake: (real - 1).square().mean() + fake.square().mean(),
        "You took squared differences of scores and labels, the loss of the least-squares GAN; this game pays in "
        "logarithms: softplus(-real) and softplus(fake).",
    ),
    Misconception(
        "positive part",
        lambda real, fake: relu(-real).mean() + relu(fake).mean(),
        "You took the positive part of the scores, which is softplus for large scores only; near zero, softplus is "
        "rounder.",
    ),
    Misconception(
        "fakes subtracted",
        lambda real, fake: softplus(-real).mean() - softplus(fake).mean(),
        "You subtracted the second term; the critic wants both small, so both enter the loss with a plus.",
    ),
    Misconception(
        "one minus the logarithm",
        lambda real, fake: -logsigmoid(real).mean() - (1 - logsigmoid(fake)).mean(),
        "You wrote 1 - log σ for the fakes; wanted is log(1 - σ(t)) = log σ(-t): the 1 belongs inside of the "
        "logarithm.",
    ),
    Misconception(
        "means first",
        lambda real, fake: softplus(-real.mean()) + softplus(fake.mean()),
        "You took softplus of the mean scores; each sample pays by itself: softplus first, then the mean.",
    ),
    Misconception(
        "twice the mean over all",
        lambda real, fake: 2 * torch.cat([softplus(-real), softplus(fake)]).mean(),
        "You doubled the mean over all samples, which is right only if there are as many fakes as real ones; take a "
        "mean for each kind.",
    ),
    Misconception(
        "as many of each",
        lambda real, fake: critic_loss(real[: len(fake)], fake[: len(real)]),
        "You cut the longer of the two short; take a mean over all samples of each kind.",
    ),
    Misconception(
        "scores cut off",
        lambda real, fake: critic_loss(real.clamp(-30, 30), fake.clamp(-30, 30)),
        "You cut the scores off: where the critic is very sure and wrong, the loss has to go on growing; softplus can "
        "take any score.",
    ),
    Misconception(
        "smoothed labels",
        lambda real, fake: binary_cross_entropy_with_logits(real, torch.full_like(real, 0.9)) + softplus(fake).mean(),
        "You smoothed the labels of the real samples to 0.9; the loss of the game has the label 1.",
    ),
    Misconception(
        "score and label exchanged",
        lambda real, fake: _exchanged(real, 1) + _exchanged(fake, 0),
        "You handed over label and score in the wrong order: the scores come first, `cross_entropy(scores, labels)`.",
    ),
)

EXERCISE = Exercise(
    id="critic-loss",
    chapter="03-minimax-game",
    title="The critic's loss from scores",
    points=2,
    reference=critic_loss,
    cases=score_pairs,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_cross_entropy, by_logsigmoid, by_logaddexp),
    tolerance=of_the_terms,
)
