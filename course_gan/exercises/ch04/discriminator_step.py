"""Exercise: one step of the discriminator."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from course_gan.exercises.ch02.inputs import DOUBLE, SINGLE, once_in_single
from course_gan.exercises.ch04.harness import observe_discriminator_step
from course_gan.exercises.ch04.inputs import normal
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding

CRITIC_WEIGHTS, GENERATOR_WEIGHTS = 4 * 2 + 4 + 4 + 1, 2 * 2 + 2


def discriminator_step(
    critic: nn.Module, generator: nn.Module, optimizer: torch.optim.Optimizer, real: Tensor, z: Tensor
) -> None:
    """One step of the optimizer on the critic: uphill on the value of the game.

    critic takes samples (n, 2) to raw scores (n,), and generator noise (m, 2)
    to samples (m, 2).  optimizer holds the critic's weights, which may still
    have gradients from what was done before.
    real (n, 2) are real samples; z (m, 2) is the noise to make m fake ones
    from.
    V is the mean of log D over the real samples plus the mean of log(1 - D)
    over the fake ones, where D is the logistic function of the score.
    The generator is left as it is, its weights' .grad too.  Returns nothing.
    """
    with torch.no_grad():
        fake = generator(z)
    loss = softplus(-critic(real)).mean() + softplus(critic(fake)).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def by_cross_entropy(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    critic.zero_grad()
    scores, fakes = critic(real), critic(generator(z).detach())
    binary_cross_entropy_with_logits(scores, torch.ones_like(scores)).backward()  # type: ignore[no-untyped-call]
    binary_cross_entropy_with_logits(fakes, torch.zeros_like(fakes)).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def by_gradients(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    parameters = list(critic.parameters())
    value = nn.functional.logsigmoid(critic(real)).mean() + nn.functional.logsigmoid(-critic(generator(z))).mean()
    for parameter, slope in zip(parameters, torch.autograd.grad(value, parameters)):
        parameter.grad = -slope
    optimizer.step()


def by_hand(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    """With probabilities, whose logarithms are harmless at scores as small as these, and a step without optimizer."""
    value = critic(real).sigmoid().log().mean() + (1 - critic(generator(z)).sigmoid()).log().mean()
    slopes = torch.autograd.grad(value, list(critic.parameters()))
    with torch.no_grad():
        for parameter, slope in zip(critic.parameters(), slopes):
            parameter += optimizer.param_groups[0]["lr"] * slope


def by_weights(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    scores = critic(torch.cat([real, generator(z).detach()]))
    labels = torch.cat([torch.ones(len(real)), torch.zeros(len(z))])
    weights = torch.where(labels > 0, 1 / len(real), 1 / len(z))  # in float32
    optimizer.zero_grad()
    binary_cross_entropy_with_logits(
        scores, labels.to(scores.dtype), weights.to(scores.dtype), reduction="sum"
    ).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def with_a_frozen_generator(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    generator.requires_grad_(False)
    optimizer.zero_grad()
    (softplus(-critic(real)).mean() + softplus(critic(generator(z))).mean()).backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    generator.requires_grad_(True)


def cases(generator: torch.Generator) -> list[Case]:
    def case(n: int, m: int, label: str, dtype: torch.dtype = DOUBLE) -> Case:
        weights = normal(generator, CRITIC_WEIGHTS, scale=0.8, dtype=dtype)
        maker = normal(generator, GENERATOR_WEIGHTS, dtype=dtype)
        real = normal(generator, n, 2, dtype=dtype) + torch.tensor([1.5, 0.0], dtype=dtype)
        return Case((weights, maker, real, normal(generator, m, 2, dtype=dtype)), label)

    return [
        case(6, 6, "six real and six fake samples"),
        case(1, 1, "one of each"),
        case(3, 9, "three real and nine fake samples"),
        case(20, 10, "twenty real and ten fake samples in float32", SINGLE),
        case(8, 8, "eight of each"),
    ]


def of_a_step(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """Two layers, the loss and their derivatives: some more roundings than the one sum over the samples has.

    Besides, weights of the samples such as 1/n may have been made by torch, which does so in float32.
    """
    return once_in_single([16 * allowed for allowed in rounding(inputs, expected)], expected)


def _wrong(loss: Callable[..., Tensor], *, zero: bool = True, detach: bool = True, step: bool = True) -> Any:
    """A step on another loss, a function of the scores of real and of fake samples, or a step that forgets a line."""

    def function(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
        fake = generator(z).detach() if detach else generator(z)
        value = loss(critic(real), critic(fake))
        if zero:
            optimizer.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        if step:
            optimizer.step()

    return function


def _right(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


def _both(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    discriminator_step(critic, generator, optimizer, real, z)
    softplus(-critic(generator(z))).mean().backward()  # type: ignore[no-untyped-call]


def _twice(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    discriminator_step(critic, generator, optimizer, real, z)
    optimizer.step()


def _one_after_the_other(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    _wrong(lambda real, fake: softplus(-real).mean())(critic, generator, optimizer, real, z)
    _wrong(lambda real, fake: softplus(fake).mean())(critic, generator, optimizer, real, z)


def _left_frozen(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    discriminator_step(critic, generator, optimizer, real, z)
    generator.requires_grad_(False)


def _old_only(critic: Any, generator: Any, optimizer: Any, real: Tensor, z: Tensor) -> None:
    optimizer.step()


MISCONCEPTIONS = (
    Misconception(
        "old gradients",
        _wrong(_right, zero=False),
        "Gradients from before are still in your step: call `optimizer.zero_grad()` before `backward()`.",
    ),
    Misconception(
        "not detached",
        _wrong(_right, detach=False),
        "The critic's step is right, but `backward()` went on into the generator and left gradients there, which its "
        "next step would use: detach the fakes, or make them under `torch.no_grad()`.",
    ),
    Misconception(
        "neither zeroed nor detached",
        _wrong(_right, zero=False, detach=False),
        "Two things are missing: `optimizer.zero_grad()` before `backward()`, and fakes that are detached from the "
        "generator.",
    ),
    Misconception(
        "labels exchanged",
        _wrong(lambda real, fake: _right(-real, -fake)),
        "Your step makes the critic call fakes real: the labels are exchanged.  Real samples enter V by log D.",
    ),
    Misconception(
        "downhill",
        _wrong(lambda real, fake: -_right(real, fake)),
        "Your critic walks downhill on V: an optimizer minimizes, so hand it -V.",
    ),
    Misconception(
        "one mean over both",
        _wrong(lambda real, fake: torch.cat([softplus(-real), softplus(fake)]).mean()),
        "You took one mean over all samples; V is the sum of two means, one over the real and one over the fake ones.",
    ),
    Misconception(
        "average of the two means",
        _wrong(lambda real, fake: _right(real, fake) / 2),
        "You halved the loss; V is the sum of the two means, not their average (half as large a step, with SGD).",
    ),
    Misconception(
        "sum over samples",
        _wrong(lambda real, fake: softplus(-real).sum() + softplus(fake).sum()),
        "You summed over the samples, so your step grows with the batch; take the mean of each of the two.",
    ),
    Misconception(
        "sigmoid twice",
        _wrong(lambda real, fake: _right(torch.sigmoid(real), torch.sigmoid(fake))),
        "You put a sigmoid on the scores and used a loss that takes raw scores: one of the two is enough.",
    ),
    Misconception(
        "real only",
        _wrong(lambda real, fake: softplus(-real).mean()),
        "The fakes are missing (or their scores were detached, and give no gradient): without them “real” is the right "
        "answer to everything.",
    ),
    Misconception(
        "fake only",
        _wrong(lambda real, fake: softplus(fake).mean()),
        "The real samples are missing (or their gradient was zeroed again before the step): without them “fake” is the "
        "right answer to everything.",
    ),
    Misconception(
        "fakes called real",
        _wrong(lambda real, fake: softplus(-real).mean() + softplus(-fake).mean()),
        "You rewarded the critic for calling fakes real; that is the generator's wish.  Fakes enter by log(1 - D).",
    ),
    Misconception(
        "not stepped",
        _wrong(_right, step=False),
        "The critic has not moved.  The order is `zero_grad()`, `backward()`, `step()`, each called; zeroed between "
        "the last two, or with a loss that was detached, there is no gradient to step along.",
    ),
    Misconception(
        "squares",
        _wrong(lambda real, fake: (1 - real.sigmoid()).square().mean() + fake.sigmoid().square().mean()),
        "You descended squared errors of D; the value of the game is made of logarithms.",
    ),
    Misconception(
        "generator's gradient too",
        _both,
        "The critic's step is right, but then you computed the generator's gradient as well: its turn has not come.",
    ),
    Misconception(
        "generator left frozen",
        _left_frozen,
        "The critic's step is right, but you froze the generator with `requires_grad_(False)` and left it so: it could "
        "not learn in its own step.  Thaw it at the end, or detach the fakes in place of that.",
    ),
    Misconception(
        "two steps",
        _twice,
        "Your step is twice as long as it should be: `optimizer.step()` was called twice, or the loss doubled.",
    ),
    Misconception(
        "one after the other",
        _one_after_the_other,
        "You took one step for the real samples and then another for the fakes; add the two terms up, for one step.",
    ),
    Misconception(
        "no backward",
        _old_only,
        "Your step followed the generator's loss, -log D at the fakes: either that is your loss, or `backward()` was "
        "not called, and these are the gradients from before.",
    ),
    Misconception(
        "real samples called fake, too",
        lambda c, g, o, real, z: _wrong(_right)(c, lambda _: real, o, real, z),
        "You scored the real samples a second time in place of the fakes: these are `generator(z)`.",
    ),
    Misconception(
        "noise in place of fakes",
        lambda c, g, o, real, z: _wrong(_right)(c, lambda noise: noise, o, real, z),
        "You scored the noise itself; the fakes are what the generator makes of it, `generator(z)`.",
    ),
    Misconception(
        "noise of your own",
        lambda c, g, o, real, z: _wrong(_right)(c, g, o, real, torch.randn_like(z)),
        "You drew noise of your own; make the fakes from the z that is given.",
    ),
    Misconception(
        "raw scores",
        _wrong(lambda real, fake: fake.mean() - real.mean()),
        "You averaged the raw scores, as in a Wasserstein GAN; V is made of log D and log(1 - D).",
    ),
    Misconception(
        "no logarithm",
        _wrong(lambda real, fake: fake.sigmoid().mean() - real.sigmoid().mean()),
        "You averaged D itself; V averages its logarithm, and that of 1 - D.",
    ),
    Misconception(
        "terms subtracted",
        _wrong(lambda real, fake: softplus(-real).mean() - softplus(fake).mean()),
        "The sign of the fakes is wrong: V is a sum, and so is the loss, -mean log D - mean log(1 - D).",
    ),
    Misconception(
        "logarithm of the mean",
        _wrong(lambda real, fake: -real.sigmoid().mean().log() - (-fake).sigmoid().mean().log()),
        "You took the logarithm of the mean probability; V is the mean of the logarithms.",
    ),
    Misconception(
        "twice the mean over both",
        _wrong(lambda real, fake: 2 * torch.cat([softplus(-real), softplus(fake)]).mean()),
        "You took the mean over all samples together, which is right only for as many real samples as fakes; give each "
        "group a mean of its own.",
    ),
    Misconception(
        "one number of samples for both",
        _wrong(lambda real, fake: softplus(-real).mean() + softplus(fake).sum() / len(real)),
        "You divided the sum over the fakes by the number of real samples; each group has a mean of its own.",
    ),
    Misconception(
        "as many fakes as real samples",
        _wrong(lambda real, fake: _right(real[: len(fake)], fake[: len(real)])),
        "You left samples out where the groups differ in size (as `zip` does); use all, and a mean for each group.",
    ),
)

EXERCISE = Exercise(
    id="discriminator-step",
    chapter="04-optimal-discriminator",
    title="One step of the discriminator",
    points=3,
    reference=discriminator_step,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_cross_entropy, by_gradients, by_hand, by_weights, with_a_frozen_generator),
    call=observe_discriminator_step,
    tolerance=of_a_step,
    parts=(
        "the critic's weights",
        "the generator's weights and their gradients",
        "the marks whether a weight still requires a gradient",
    ),
)
