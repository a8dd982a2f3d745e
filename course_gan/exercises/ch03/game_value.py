"""Exercise: the value of the game from the discriminator's probabilities."""

from math import log

import torch
from torch import Tensor

from course_gan.exercises.ch03.inputs import DOUBLE, SINGLE
from course_gan.exercises.core import Case, Exercise, Misconception


def game_value(d_real: Tensor, d_fake: Tensor) -> Tensor:
    """The value of the game on a batch, from the discriminator's probabilities.

    d_real is a tensor of shape (n,): D(x) for n real samples.
    d_fake is a tensor of shape (m,): D(G(z)) for m fakes; m need not be n.
    All are between 0 and 1, never equal to either.
    Return one number: the mean of log D over the real samples plus the mean of
    log(1 - D) over the fakes.
    """
    return d_real.log().mean() + (1 - d_fake).log().mean()


def by_loop(d_real: Tensor, d_fake: Tensor) -> float:
    real, fake = d_real.tolist(), d_fake.tolist()
    return sum(log(d) for d in real) / len(real) + sum(log(1 - d) for d in fake) / len(fake)


def by_weights(d_real: Tensor, d_fake: Tensor) -> Tensor:
    chances = torch.cat([d_real, 1 - d_fake]).double()
    weights = torch.cat([torch.full_like(d_real, 1 / len(d_real)), torch.full_like(d_fake, 1 / len(d_fake))]).double()
    return weights @ chances.log()


def cases(generator: torch.Generator) -> list[Case]:
    def draw(n: int, low: float = 0.05, high: float = 0.95, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (low + (high - low) * torch.rand(n, generator=generator, dtype=DOUBLE)).to(dtype)

    return [
        Case((torch.tensor([0.9, 0.8], dtype=DOUBLE), torch.tensor([0.1, 0.3], dtype=DOUBLE)), "two of each kind"),
        Case((draw(6), draw(6)), "six of each kind"),
        Case((draw(1), draw(1)), "one of each kind"),
        Case((draw(4, 0.5), draw(9, high=0.4)), "four real, nine fake"),
        Case((draw(11, 0.3, dtype=SINGLE), draw(5, high=0.6, dtype=SINGLE)), "eleven real, five fake, in float32"),
        Case((draw(50, 0.1, 0.2), draw(20, 0.8, 0.9)), "a tester who is mostly wrong"),
    ]


MISCONCEPTIONS = (
    Misconception(
        "roles swapped",
        lambda d_real, d_fake: (1 - d_real).log().mean() + d_fake.log().mean(),
        "You rewarded D for calling real samples false and fakes real: the logarithm of D belongs to the real samples, "
        "that of 1 - D to the fakes.",
    ),
    Misconception(
        "fakes taken for real",
        lambda d_real, d_fake: d_real.log().mean() + d_fake.log().mean(),
        "You took log D of the fakes, too; of a fake the right answer is “false”, which has the probability 1 - D.",
    ),
    Misconception(
        "mean over all",
        lambda d_real, d_fake: torch.cat([d_real, 1 - d_fake]).log().mean(),
        "You averaged over all samples at once; each term is a mean of its own, and the two are added.  (What you have "
        "is the cross-entropy with a minus sign, which is half of the value only if there are as many fakes as real "
        "samples.)",
    ),
    Misconception(
        "half",
        lambda d_real, d_fake: (d_real.log().mean() + (1 - d_fake).log().mean()) / 2,
        "You took the mean of the two terms; the value is their sum.",
    ),
    Misconception(
        "cross-entropy",
        lambda d_real, d_fake: -(d_real.log().mean() + (1 - d_fake).log().mean()),
        "You computed what the discriminator minimizes; the value is what it maximizes, without the minus sign.",
    ),
    Misconception(
        "sums",
        lambda d_real, d_fake: d_real.log().sum() + (1 - d_fake).log().sum(),
        "You summed over the batch; the value is made of expectations, which a batch estimates by its means.",
    ),
    Misconception(
        "logarithm of the mean",
        lambda d_real, d_fake: d_real.mean().log() + (1 - d_fake).mean().log(),
        "You took the logarithm of the mean probability; wanted is the mean of the logarithms, which is smaller.",
    ),
    Misconception(
        "difference",
        lambda d_real, d_fake: d_real.log().mean() - (1 - d_fake).log().mean(),
        "You subtracted the second term; D wants both large, so both enter with a plus.",
    ),
    Misconception(
        "no logarithm",
        lambda d_real, d_fake: d_real.mean() + (1 - d_fake).mean(),
        "You added mean probabilities; the value has their logarithms, so that to be sure and wrong costs much.",
    ),
    Misconception(
        "sigmoid first",
        lambda d_real, d_fake: d_real.sigmoid().log().mean() + (1 - d_fake.sigmoid()).log().mean(),
        "You applied a sigmoid, but these are probabilities already; it belongs where scores come in.",
    ),
    Misconception(
        "bits",
        lambda d_real, d_fake: d_real.log2().mean() + (1 - d_fake).log2().mean(),
        "You used the logarithm to base 2; this book's is the natural one, so that a shrug is worth -log 4 = -1.386.",
    ),
    Misconception(
        "real term only",
        lambda d_real, d_fake: d_real.log().mean(),
        "Only the real samples count in your value; add the mean of log(1 - D) over the fakes.",
    ),
    Misconception(
        "fake term only",
        lambda d_real, d_fake: (1 - d_fake).log().mean(),
        "Only the fakes count in your value; that is the generator's part of it.  Add the mean of log D over the real "
        "samples.",
    ),
    Misconception(
        "logarithm of the complement forgotten",
        lambda d_real, d_fake: d_real.log().mean() + 1 - d_fake.log().mean(),
        "You wrote 1 - log D for the fakes; wanted is log(1 - D): the 1 belongs inside of the logarithm.",
    ),
    Misconception(
        "minus log D of the fakes",
        lambda d_real, d_fake: d_real.log().mean() - d_fake.log().mean(),
        "You took -log D of the fakes; wanted is log(1 - D), which is very negative where D is near 1.",
    ),
    Misconception(
        "divided by the real ones",
        lambda d_real, d_fake: (d_real.log().sum() + (1 - d_fake).log().sum()) / len(d_real),
        "You divided both sums by the number of real samples; the sum over the fakes is divided by the number of "
        "fakes.",
    ),
    Misconception(
        "divided by the fakes",
        lambda d_real, d_fake: (d_real.log().sum() + (1 - d_fake).log().sum()) / len(d_fake),
        "You divided both sums by the number of fakes; the sum over the real samples is divided by their number.",
    ),
    Misconception(
        "as many of each",
        lambda d_real, d_fake: game_value(d_real[: len(d_fake)], d_fake[: len(d_real)]),
        "You cut the longer of the two short; each kind has a mean over all of its own samples.",
    ),
    Misconception(
        "both logarithms of both",
        lambda d_real, d_fake: game_value(d_real, d_real) + game_value(d_fake, d_fake),
        "You took log D and log(1 - D) of all samples; the first is for the real ones only, the second for the fakes "
        "only.",
    ),
)

EXERCISE = Exercise(
    id="game-value",
    chapter="03-minimax-game",
    title="The value of the game",
    points=1,
    reference=game_value,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_loop, by_weights),
)
