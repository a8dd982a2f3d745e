"""Exercise: one update of the critic."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, relu, softplus
from torch.optim import Optimizer

from course_gan.exercises.ch03.harness import (
    Step,
    observe_critic_step,
)
from course_gan.exercises.ch03.inputs import DOUBLE, SINGLE, draw_players, of_the_terms
from course_gan.exercises.core import Case, Exercise, Misconception


def critic_step(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    """Update the critic once, by the critic's loss of the minimax game.

    generator turns noise (n, k) into samples (n, d); critic turns samples (n, d)
    into scores (n,), any numbers, which may be large.
    optimizer updates the critic's weights; their gradients may still hold what an
    earlier step left there, which must not count.
    real is a tensor of shape (n, d): the data; z one of shape (n, k): the noise.
    Only the critic's weights change.  The generator is as before afterwards: it
    got no gradient, its parameters ask for gradients, and it is in training mode.
    Return nothing.
    """
    fake = generator(z).detach()
    loss = softplus(-critic(real)).mean() + softplus(critic(fake)).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def without_graph(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    with torch.no_grad():
        fake = generator(z)
    scores = critic(torch.cat([real, fake]))
    labels = torch.cat([torch.ones(len(real)), torch.zeros(len(fake))]).to(scores)
    for parameter in critic.parameters():
        parameter.grad = None
    (2 * binary_cross_entropy_with_logits(scores, labels)).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def in_two_halves(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    optimizer.zero_grad()
    softplus(-critic(real)).mean().backward()  # type: ignore[no-untyped-call]
    softplus(critic(generator(z).detach())).mean().backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def by_grad(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    weights = list(critic.parameters())
    loss = softplus(-critic(real)).mean() + softplus(critic(generator(z))).mean()
    for weight, slope in zip(weights, torch.autograd.grad(loss, weights)):
        weight.grad = slope
    optimizer.step()


def step_cases(generator: torch.Generator) -> list[Case]:
    """Data, noise, the weights of both players, and a rate."""

    def draw(n: int, dtype: torch.dtype = DOUBLE, rate: float = 0.5) -> tuple[object, ...]:
        real, z = (torch.randn(n, size, generator=generator, dtype=DOUBLE).to(dtype) for size in (2, 3))
        return (real + 0.5, z, *draw_players(generator, dtype), rate)

    def sure() -> tuple[object, ...]:
        # These players are odd functions: with each sample its mirror image, huge scores come with either sign.
        while True:
            real, z = (torch.randn(3, size, generator=generator, dtype=DOUBLE) for size in (2, 3))
            made_by, critic = draw_players(generator, DOUBLE, sure=3000.0)
            scores = torch.tanh(torch.cat([real, z @ made_by.T]) @ critic[:, :2].T) @ critic[:, 2]
            # All scores are huge: between 20 and 40 right ways to write the loss differ by more than rounding.
            if bool((scores.abs() > 50).all()):
                return (torch.cat([real, -real]), torch.cat([z, -z]), made_by, critic, 1e-3)

    return [
        Case(draw(8), "a batch of eight"),
        Case(draw(1), "a batch of one"),
        Case(draw(5, rate=0.1), "a batch of five, with a smaller rate"),
        Case(draw(16, SINGLE), "a batch of sixteen in float32"),
        Case(sure(), "a critic that is very sure"),
    ]


def _wrong(loss_of: Step, *, zero: bool = True, move: bool = True) -> Step:
    """A step with another loss, a function of (critic, real, fake) with a fake that is still attached."""

    def step(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
        if zero:
            optimizer.zero_grad()
        loss_of(critic, real, generator(z)).backward()  # type: ignore[attr-defined]
        if move:
            optimizer.step()

    return step


def _loss(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-critic(real)).mean() + softplus(critic(fake.detach())).mean()


def _two_updates(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    fake = generator(z).detach()
    for half in (lambda: softplus(-critic(real)), lambda: softplus(critic(fake))):
        optimizer.zero_grad()
        half().mean().backward()  # type: ignore[no-untyped-call]
        optimizer.step()


def _step_first(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    optimizer.step()
    optimizer.zero_grad()
    _loss(critic, real, generator(z)).backward()  # type: ignore[no-untyped-call]


def _generator_too(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    rate = optimizer.param_groups[0]["lr"]
    both = torch.optim.SGD([*critic.parameters(), *generator.parameters()], rate)
    both.zero_grad()
    (softplus(-critic(real)).mean() + softplus(critic(generator(z))).mean()).backward()  # type: ignore[no-untyped-call]
    both.step()
    generator.zero_grad()


def _left(change: Callable[[nn.Module], object]) -> Step:
    """The right step, after which the generator is left in another state."""

    def step(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
        critic_step(generator, critic, optimizer, real, z)
        change(generator)

    return step


def _own_optimizer(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    own = torch.optim.SGD(critic.parameters(), optimizer.param_groups[0]["lr"])
    critic_step(generator, critic, own, real, z)


def _stepped_twice(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    critic_step(generator, critic, optimizer, real, z)
    optimizer.step()


def _of_probabilities(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    says_real, says_fake = critic(real).sigmoid(), critic(fake.detach()).sigmoid()
    paid: Tensor = binary_cross_entropy(says_real, torch.ones_like(says_real))
    return paid + binary_cross_entropy(says_fake, torch.zeros_like(says_fake))


def _small_number(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    says_real, says_fake = critic(real).sigmoid(), critic(fake.detach()).sigmoid()
    loss: Tensor = -(says_real + 1e-8).log().mean() - (1 - says_fake + 1e-8).log().mean()
    return loss


def _attached(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-critic(real)).mean() + softplus(critic(fake)).mean()


MISCONCEPTIONS = (
    Misconception(
        "not detached",
        _wrong(lambda critic, real, fake: softplus(-critic(real)).mean() + softplus(critic(fake)).mean()),
        "The critic's new weights are right, but the generator got a gradient, that of the critic's loss: make the "
        "fakes under `torch.no_grad()`, or detach them.",
    ),
    Misconception(
        "old gradients",
        _wrong(_loss, zero=False),
        "What an earlier step left in the critic's gradients was added to yours: call `optimizer.zero_grad()` before "
        "`backward()`.",
    ),
    Misconception(
        "not moved",
        _wrong(_loss, move=False),
        "The critic has not moved: `backward()` is missing, or `optimizer.step()` after it.",
    ),
    Misconception(
        "step first",
        _step_first,
        "The critic moved by what an earlier step had left in its gradients: the order is `zero_grad()`, `backward()`, "
        "`step()`.",
    ),
    Misconception(
        "labels swapped",
        _wrong(lambda critic, real, fake: softplus(critic(real)).mean() + softplus(-critic(fake.detach())).mean()),
        "Your critic learned that the data are false and the fakes real: it is softplus(-score) for real samples and "
        "softplus(score) for fakes.",
    ),
    Misconception(
        "ascent of the loss",
        _wrong(lambda critic, real, fake: -_loss(critic, real, fake)),
        "The critic went the wrong way: the optimizer goes down, so hand it minus the value, softplus(-real) plus "
        "softplus(fake), with a plus.",
    ),
    Misconception(
        "half",
        _wrong(lambda critic, real, fake: _loss(critic, real, fake) / 2),
        "The step is half as long as it should be: the loss is the sum of the two means, and you averaged over all "
        "samples (or halved the sum).",
    ),
    Misconception(
        "sums",
        _wrong(lambda critic, real, fake: softplus(-critic(real)).sum() + softplus(critic(fake.detach())).sum()),
        "The step grows with the size of the batch: take the mean of each half, not the sum.",
    ),
    Misconception(
        "logarithm of a sigmoid",
        _wrong(
            lambda critic, real, fake: (
                -critic(real).sigmoid().log().mean() - (1 - critic(fake.detach()).sigmoid()).log().mean()
            )
        ),
        "Where the critic is very sure, the logarithm of its sigmoid is infinite and the weights become NaN; write the "
        "loss with softplus of the scores.",
    ),
    Misconception(
        "real half only",
        _wrong(lambda critic, real, fake: softplus(-critic(real)).mean()),
        "The critic learned from the real samples only; add softplus of the fakes' scores.",
    ),
    Misconception(
        "fake half only",
        _wrong(lambda critic, real, fake: softplus(critic(fake.detach())).mean()),
        "The critic learned from the fakes only; add softplus of minus the real samples' scores.",
    ),
    Misconception(
        "two updates",
        _two_updates,
        "You moved the critic twice, first for the real samples and then for the fakes; add both losses and move once.",
    ),
    Misconception(
        "generator moved too",
        _generator_too,
        "The generator has moved as well; in this step only the critic's weights may change: use the optimizer that "
        "you were given.",
    ),
    Misconception(
        "generator's loss",
        _wrong(lambda critic, real, fake: softplus(-critic(real)).mean() + softplus(-critic(fake.detach())).mean()),
        "You taught the critic that the fakes are real, which is the generator's wish; the critic's loss of a fake is "
        "softplus(score).",
    ),
    Misconception(
        "neither detached nor zeroed",
        _wrong(_attached, zero=False),
        "Two things are missing: `optimizer.zero_grad()` before `backward()`, as an earlier step left gradients in the "
        "critic, and `detach()` on the fakes, which left gradients in the generator.",
    ),
    Misconception(
        "generator left frozen",
        _left(lambda generator: generator.requires_grad_(False)),
        "The generator is frozen for good, and will not learn in its next step: thaw it, or detach the fakes instead.",
    ),
    Misconception(
        "generator left in eval mode",
        _left(lambda generator: generator.eval()),
        "You left the generator in `eval()` mode, in which it would take its next step: call `generator.train()` "
        "again.",
    ),
    Misconception(
        "optimizer of one's own",
        _own_optimizer,
        "You made an optimizer of your own; the one that you are given has rates of its own for some weights, and "
        "others remember earlier steps: call its `step()`.",
    ),
    Misconception(
        "optimizer stepped twice",
        _stepped_twice,
        "You called `optimizer.step()` twice for one gradient of the critic; once is wanted.",
    ),
    Misconception(
        "cross-entropy of probabilities",
        _wrong(_of_probabilities),
        "You took the sigmoid first and then a cross-entropy of probabilities: where the critic is very sure and "
        "wrong, its gradient is lost.  Use the one that takes scores, or softplus.",
    ),
    Misconception(
        "small number added",
        _wrong(_small_number),
        "You added a small number inside of the logarithm: where the critic is very sure and wrong, the slope dies.  "
        "softplus of the scores needs no such number.",
    ),
    Misconception(
        "sigmoid twice",
        _wrong(lambda critic, real, fake: _loss(lambda x: critic(x).sigmoid(), real, fake)),
        "You applied a sigmoid before a loss that has one inside already: hand it the raw scores.",
    ),
    Misconception(
        "fakes subtracted",
        _wrong(lambda critic, real, fake: softplus(-critic(real)).mean() - softplus(critic(fake.detach())).mean()),
        "You subtracted the fakes' term, so that the critic learns to give them high scores; both terms are added.",
    ),
    Misconception(
        "wasserstein",
        _wrong(lambda critic, real, fake: critic(fake.detach()).mean() - critic(real).mean()),
        "You took the difference of the mean scores, the loss of chapter 8; here the scores go through softplus.",
    ),
    Misconception(
        "hinge",
        _wrong(lambda critic, real, fake: relu(1 - critic(real)).mean() + relu(1 + critic(fake.detach())).mean()),
        "That is the hinge loss, which stops at a margin of 1; the loss of this game is made with softplus.",
    ),
    Misconception(
        "positive part",
        _wrong(lambda critic, real, fake: relu(-critic(real)).mean() + relu(critic(fake.detach())).mean()),
        "You took the positive part of the scores; softplus, which this game pays in, is a rounded one, and its slope "
        "is a probability.",
    ),
    Misconception(
        "means first",
        _wrong(lambda critic, real, fake: softplus(-critic(real).mean()) + softplus(critic(fake.detach()).mean())),
        "You took softplus of the mean scores; each sample pays by itself, so take softplus first and the mean then.",
    ),
    Misconception(
        "data twice",
        _wrong(lambda critic, real, fake: softplus(-critic(real)).mean() + softplus(critic(real)).mean()),
        "You used the data in both terms; the second one is for the fakes, `generator(z)`.",
    ),
    Misconception(
        "fakes twice",
        _wrong(lambda critic, real, fake: _loss(critic, fake.detach(), fake)),
        "You used the fakes in both terms; the first one is for the data, `real`.",
    ),
    Misconception(
        "noise of one's own",
        lambda generator, critic, optimizer, real, z: critic_step(
            generator, critic, optimizer, real, torch.randn_like(z)
        ),
        "You drew noise of your own; the step is to use the z that it is given.",
    ),
)

EXERCISE = Exercise(
    id="critic-step",
    chapter="03-minimax-game",
    title="The critic's step",
    points=3,
    reference=critic_step,
    cases=step_cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(without_graph, in_two_halves, by_grad),
    call=observe_critic_step,
    parts=(
        "the critic's weights",
        "the generator's weights",
        "the generator's gradients",
        "the generator's state (parameters that ask for gradients, layers in training mode)",
    ),
    tolerance=of_the_terms,
)
