"""Exercise: one whole step of training, several updates of the critic and one of the generator."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus
from torch.optim import Optimizer

from course_gan.exercises.ch03.critic_step import critic_step
from course_gan.exercises.ch03.generator_step import generator_step
from course_gan.exercises.ch03.harness import (
    Step,
    observe_training_step,
)
from course_gan.exercises.ch03.inputs import DOUBLE, SINGLE, draw_players, of_the_terms
from course_gan.exercises.core import Case, Exercise, Misconception


def training_step(
    generator: nn.Module,
    critic: nn.Module,
    generator_optimizer: Optimizer,
    critic_optimizer: Optimizer,
    reals: Tensor,
    noises: Tensor,
) -> None:
    """Several updates of the critic, then one of the generator.

    generator turns noise (n, k) into samples (n, d); critic turns samples (n, d)
    into scores (n,).
    Each optimizer updates the weights of its own player; gradients may still hold
    what an earlier step left there, which must not count.
    reals is a tensor of shape (rounds, n, d): a batch of data for each update of
    the critic.
    noises is a tensor of shape (rounds + 1, n, k): the noise for each update of
    the critic, and at the end that for the generator.
    The critic minimizes minus the value, the generator the non-saturating loss.
    Both can go on learning afterwards: all parameters ask for gradients.
    Return nothing.
    """
    for real, z in zip(reals, noises):
        critic_step(generator, critic, critic_optimizer, real, z)
    generator_step(generator, critic, generator_optimizer, noises[-1])


def in_one_go(
    generator: nn.Module,
    critic: nn.Module,
    generator_optimizer: Optimizer,
    critic_optimizer: Optimizer,
    reals: Tensor,
    noises: Tensor,
) -> None:
    for i in range(len(reals)):
        critic_optimizer.zero_grad()
        fake = generator(noises[i]).detach()
        (-logsigmoid(critic(reals[i])).mean() - logsigmoid(-critic(fake)).mean()).backward()  # type: ignore[no-untyped-call]
        critic_optimizer.step()
    generator_optimizer.zero_grad()
    (-logsigmoid(critic(generator(noises[len(reals)]))).mean()).backward()  # type: ignore[no-untyped-call]
    generator_optimizer.step()
    critic_optimizer.zero_grad()


def fakes_first(
    generator: nn.Module,
    critic: nn.Module,
    generator_optimizer: Optimizer,
    critic_optimizer: Optimizer,
    reals: Tensor,
    noises: Tensor,
) -> None:
    """The generator does not move meanwhile, so all fakes of the critic may be made at once."""
    with torch.no_grad():
        fakes = [generator(z) for z in noises[:-1]]
    for real, fake in zip(reals, fakes):
        weights = list(critic.parameters())
        loss = softplus(-critic(real)).mean() + softplus(critic(fake)).mean()
        for weight, slope in zip(weights, torch.autograd.grad(loss, weights)):
            weight.grad = slope
        critic_optimizer.step()
    generator_step(generator, critic, generator_optimizer, noises[-1])


def cases(generator: torch.Generator) -> list[Case]:
    def draw(rounds: int, n: int, dtype: torch.dtype = DOUBLE) -> tuple[object, ...]:
        reals = 0.5 + torch.randn(rounds, n, 2, generator=generator, dtype=DOUBLE)
        noises = torch.randn(rounds + 1, n, 3, generator=generator, dtype=DOUBLE)
        return (reals.to(dtype), noises.to(dtype), *draw_players(generator, dtype), 0.3, 0.2)

    return [
        Case(draw(1, 6), "one update of the critic"),
        Case(draw(3, 4), "three updates of the critic"),
        Case(draw(5, 8, SINGLE), "five updates in float32"),
        Case(draw(2, 1), "two updates, batches of one"),
    ]


class Table(NamedTuple):
    """What a step is given, by the names of the exercise."""

    generator: nn.Module
    critic: nn.Module
    generator_optimizer: Optimizer
    critic_optimizer: Optimizer
    reals: Tensor
    noises: Tensor


def _on_the_table(step: Callable[[Table], None]) -> Step:
    """The step as a function of six arguments."""
    return lambda *given: step(Table(*given))


@_on_the_table
def _critic_twice(on: Table) -> None:
    for real, z in zip(on.reals, on.noises):
        critic_step(on.generator, on.critic, on.critic_optimizer, real, z)
    on.generator_optimizer.zero_grad()
    on.critic_optimizer.zero_grad()
    softplus(-on.critic(on.generator(on.noises[-1]))).mean().backward()  # type: ignore[no-untyped-call]
    on.generator_optimizer.step()
    on.critic_optimizer.step()


@_on_the_table
def _in_every_round(on: Table) -> None:
    for i, real in enumerate(on.reals):
        critic_step(on.generator, on.critic, on.critic_optimizer, real, on.noises[i])
        generator_step(on.generator, on.critic, on.generator_optimizer, on.noises[-1])


@_on_the_table
def _next_noise_in_every_round(on: Table) -> None:
    for i, real in enumerate(on.reals):
        critic_step(on.generator, on.critic, on.critic_optimizer, real, on.noises[i])
        generator_step(on.generator, on.critic, on.generator_optimizer, on.noises[i + 1])


@_on_the_table
def _generator_first(on: Table) -> None:
    generator_step(on.generator, on.critic, on.generator_optimizer, on.noises[-1])
    for real, z in zip(on.reals, on.noises):
        critic_step(on.generator, on.critic, on.critic_optimizer, real, z)


@_on_the_table
def _old_gradients(on: Table) -> None:
    for real, z in zip(on.reals, on.noises):
        fake = on.generator(z).detach()
        (softplus(-on.critic(real)).mean() + softplus(on.critic(fake)).mean()).backward()  # type: ignore[no-untyped-call]
        on.critic_optimizer.step()
    softplus(-on.critic(on.generator(on.noises[-1]))).mean().backward()  # type: ignore[no-untyped-call]
    on.generator_optimizer.step()


def _not_detached(zeroed: bool) -> Step:
    """The fakes keep their graph in the critic's steps; the generator's gradients are set to zero before, or not."""

    @_on_the_table
    def step(on: Table) -> None:
        if zeroed:
            on.generator_optimizer.zero_grad()
        for real, z in zip(on.reals, on.noises):
            on.critic_optimizer.zero_grad()
            (softplus(-on.critic(real)).mean() + softplus(on.critic(on.generator(z))).mean()).backward()  # type: ignore[no-untyped-call]
            on.critic_optimizer.step()
        softplus(-on.critic(on.generator(on.noises[-1]))).mean().backward()  # type: ignore[no-untyped-call]
        on.generator_optimizer.step()

    return step


def _with(rounds: Step, last: Step, saturating: bool = False) -> Step:
    """A training step on other batches: `rounds(reals, noises)` for the critic, `last(noises)` for the generator."""

    @_on_the_table
    def step(on: Table) -> None:
        for real, z in rounds(on.reals, on.noises):  # type: ignore[attr-defined]
            critic_step(on.generator, on.critic, on.critic_optimizer, real, z)
        z = last(on.noises)
        if saturating:
            on.generator_optimizer.zero_grad()
            (-softplus(on.critic(on.generator(z))).mean()).backward()  # type: ignore[no-untyped-call]
            on.generator_optimizer.step()
        elif isinstance(z, Tensor):
            generator_step(on.generator, on.critic, on.generator_optimizer, z)

    return step


@_on_the_table
def _critic_left_frozen(on: Table) -> None:
    training_step(*on)
    on.critic.requires_grad_(False)


@_on_the_table
def _generator_left_frozen(on: Table) -> None:
    training_step(*on)
    on.generator.requires_grad_(False)


@_on_the_table
def _own_optimizers(on: Table) -> None:
    def own(player: nn.Module, given: Optimizer) -> Optimizer:
        return torch.optim.SGD(player.parameters(), given.param_groups[0]["lr"])

    of_generator, of_critic = own(on.generator, on.generator_optimizer), own(on.critic, on.critic_optimizer)
    training_step(*on._replace(generator_optimizer=of_generator, critic_optimizer=of_critic))


@_on_the_table
def _optimizers_exchanged(on: Table) -> None:
    exchanged = on._replace(generator_optimizer=on.critic_optimizer, critic_optimizer=on.generator_optimizer)
    training_step(*exchanged)


@_on_the_table
def _one_large_batch(on: Table) -> None:
    noise = on.noises[:-1].flatten(0, 1)
    critic_step(on.generator, on.critic, on.critic_optimizer, on.reals.flatten(0, 1), noise)
    generator_step(on.generator, on.critic, on.generator_optimizer, on.noises[-1])


def _critic_loss(on: Table, i: int) -> Tensor:
    fake = on.generator(on.noises[i]).detach()
    return softplus(-on.critic(on.reals[i])).mean() + softplus(on.critic(fake)).mean()


def _critic_by(zero_in: Callable[[int], bool], step_after: Callable[[int, int], bool]) -> Step:
    """The critic's gradients set to zero in some of the rounds only, and its steps taken after some of them only."""

    @_on_the_table
    def step(on: Table) -> None:
        for i in range(len(on.reals)):
            if zero_in(i):
                on.critic_optimizer.zero_grad()
            _critic_loss(on, i).backward()  # type: ignore[no-untyped-call]
            if step_after(i, len(on.reals)):
                on.critic_optimizer.step()
        generator_step(on.generator, on.critic, on.generator_optimizer, on.noises[-1])

    return step


def _generator_by(loss_of: Callable[[Tensor], Tensor], zero: bool = True, noises: slice = slice(-1, None)) -> Step:
    """The critic's rounds as they should be, and then another end."""

    @_on_the_table
    def step(on: Table) -> None:
        for real, z in zip(on.reals, on.noises):
            critic_step(on.generator, on.critic, on.critic_optimizer, real, z)
        for z in on.noises[noises]:
            if zero:
                on.generator_optimizer.zero_grad()
            loss_of(on.critic(on.generator(z))).backward()  # type: ignore[no-untyped-call]
            on.generator_optimizer.step()

    return step


@_on_the_table
def _critics_noise_in_every_round(on: Table) -> None:
    for real, z in zip(on.reals, on.noises):
        critic_step(on.generator, on.critic, on.critic_optimizer, real, z)
        generator_step(on.generator, on.critic, on.generator_optimizer, z)


MISCONCEPTIONS = (
    Misconception(
        "generator in every round",
        _in_every_round,
        "You updated the generator after every update of the critic; the critic moves several times first, and the "
        "generator once at the end.",
    ),
    Misconception(
        "generator in every round, next noise",
        _next_noise_in_every_round,
        "You updated the generator in every round, with the next noise; it moves once, at the end, with the last "
        "noise.",
    ),
    Misconception(
        "generator first",
        _generator_first,
        "You updated the generator first; it moves at the end, against the critic that has just learned.",
    ),
    Misconception(
        "critic updated once",
        _with(lambda reals, noises: [(reals[0], noises[0])], lambda noises: noises[-1]),
        "You updated the critic once; it moves once for each batch of `reals`.",
    ),
    Misconception(
        "same noise",
        _with(lambda reals, noises: [(real, noises[0]) for real in reals], lambda noises: noises[-1]),
        "You used the first noise in every update of the critic; each has its own, `noises[i]`.",
    ),
    Misconception(
        "same data",
        _with(lambda reals, noises: [(reals[0], z) for z in noises[:-1]], lambda noises: noises[-1]),
        "You used the first batch of data in every update of the critic; each has its own, `reals[i]`.",
    ),
    Misconception(
        "stale noise",
        _with(lambda reals, noises: list(zip(reals, noises)), lambda noises: noises[-2]),
        "Your generator used the noise of the critic's last update; it gets its own, `noises[-1]`.",
    ),
    Misconception(
        "noise shifted",
        _with(lambda reals, noises: list(zip(reals, noises[1:])), lambda noises: noises[0]),
        "Your generator used the first noise and the critic the others; the last one, `noises[-1]`, is the "
        "generator's.",
    ),
    Misconception(
        "critic moved with the generator",
        _critic_twice,
        "In the generator's step the critic moved too, and learned to call the fakes real: only the generator's "
        "optimizer takes a step there.",
    ),
    Misconception(
        "old gradients",
        _old_gradients,
        "No gradient was ever set to zero, so those of all earlier steps were added to the new ones: `zero_grad()` of "
        "the player's optimizer belongs before each `backward()`.",
    ),
    Misconception(
        "not detached",
        _not_detached(zeroed=True),
        "The critic's steps left gradients in the generator, which were added to its own: detach the fakes in the "
        "critic's steps, and set the generator's gradients to zero before its own step.",
    ),
    Misconception(
        "saturating",
        _with(lambda reals, noises: list(zip(reals, noises)), lambda noises: noises[-1], saturating=True),
        "Your generator descended the saturating loss, log(1 - D); asked for is the non-saturating one, -log D.",
    ),
    Misconception(
        "critic only",
        _with(lambda reals, noises: list(zip(reals, noises)), lambda noises: None),
        "The critic's weights are right, but the generator has not moved: it takes one step at the end.",
    ),
    Misconception(
        "generator only",
        _with(lambda reals, noises: [], lambda noises: noises[-1]),
        "The critic has not moved: it takes a step for each batch of `reals` before the generator takes its own.",
    ),
    Misconception(
        "critic left frozen",
        _critic_left_frozen,
        "All weights are right, but the critic is frozen for good, and the next call will fail: thaw it at the end, "
        "`critic.requires_grad_(True)`.",
    ),
    Misconception(
        "generator left frozen",
        _generator_left_frozen,
        "All weights are right, but the generator is frozen for good, and the next call will fail: thaw it, "
        "`generator.requires_grad_(True)`.",
    ),
    Misconception(
        "optimizers of one's own",
        _own_optimizers,
        "You made optimizers of your own; those that you are given have their own rates for some weights, and others "
        "remember earlier steps: call their `step()`.",
    ),
    Misconception(
        "optimizers exchanged",
        _optimizers_exchanged,
        "You used the generator's optimizer in the critic's steps and the critic's in the generator's: look at the "
        "order of the arguments.",
    ),
    Misconception(
        "one large batch",
        _one_large_batch,
        "You put all batches together and moved the critic once; it moves once for each of them, and sees each with "
        "new weights.",
    ),
    Misconception(
        "critic's gradients added up",
        _critic_by(lambda i: i == 0, lambda i, rounds: i == rounds - 1),
        "You added up the gradients of all rounds and moved the critic once; it moves in each round, by the gradient "
        "of that round alone.",
    ),
    Misconception(
        "critic zeroed once",
        _critic_by(lambda i: i == 0, lambda i, rounds: True),
        "You set the critic's gradients to zero before the first round only, so those of earlier rounds are added to "
        "the later ones: `zero_grad()` belongs into the loop.",
    ),
    Misconception(
        "critic never zeroed",
        _critic_by(lambda i: False, lambda i, rounds: True),
        "The generator's step is as it should be, but the critic's gradients were never set to zero: "
        "`critic_optimizer.zero_grad()` belongs into the loop.",
    ),
    Misconception(
        "generator not zeroed",
        _generator_by(lambda scores: softplus(-scores).mean(), zero=False),
        "The critic's weights are right, but what an earlier step left in the generator's gradients was added to its "
        "own: `generator_optimizer.zero_grad()` before its `backward()`.",
    ),
    Misconception(
        "generator not zeroed, fakes not detached",
        _not_detached(zeroed=False),
        "The critic's weights are right, but its steps left gradients in the generator, and so did an earlier call: "
        "set them to zero before the generator's own `backward()`.",
    ),
    Misconception(
        "generator downhill for the critic",
        _generator_by(lambda scores: softplus(scores).mean()),
        "The critic's weights are right, but the generator descended the critic's loss of fakes; it minimizes -log D, "
        "softplus(-score).",
    ),
    Misconception(
        "generator with every noise",
        _generator_by(lambda scores: softplus(-scores).mean(), noises=slice(None)),
        "You updated the generator once for each noise; at the end it moves once, with the last one, `noises[-1]`.",
    ),
    Misconception(
        "both in every round",
        _critics_noise_in_every_round,
        "You updated the generator in every round, with the critic's noise; it moves once, at the end, with "
        "`noises[-1]`.",
    ),
    Misconception(
        "last noise for all",
        _with(lambda reals, noises: [(real, noises[-1]) for real in reals], lambda noises: noises[-1]),
        "You used the generator's noise in the critic's updates, too; each of them has its own, `noises[i]`.",
    ),
    Misconception(
        "last round left out",
        _with(lambda reals, noises: list(zip(reals[:-1], noises)), lambda noises: noises[-1]),
        "You left out the last round of the critic; there are as many as batches in `reals`: `len(reals)`.",
    ),
    Misconception(
        "rounds backwards",
        _with(lambda reals, noises: list(zip(reals, noises))[::-1], lambda noises: noises[-1]),
        "You went through the rounds from the last to the first; `reals[0]` and `noises[0]` come first.",
    ),
)

EXERCISE = Exercise(
    id="training-step",
    chapter="03-minimax-game",
    title="A step of the whole game",
    points=4,
    reference=training_step,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(in_one_go, fakes_first),
    call=observe_training_step,
    parts=(
        "the critic's weights",
        "the generator's weights",
        "how many of the critic's parameters ask for gradients",
        "how many of the generator's parameters ask for gradients",
    ),
    tolerance=of_the_terms,
)
