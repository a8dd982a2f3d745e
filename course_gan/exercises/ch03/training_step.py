"""Exercise: one whole step of training, several updates of the critic and one of the generator."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid, softplus
from torch.optim import Optimizer

from course_gan.exercises.ch03.critic_step import critic_step
from course_gan.exercises.ch03.generator_step import generator_step
from course_gan.exercises.ch03.inputs import (
    DOUBLE,
    SINGLE,
    Step,
    draw_players,
    of_the_terms,
    plant_gradients,
    players,
    weights_of,
)
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


def observe_training_step(
    function: Step,
    reals: Tensor,
    noises: Tensor,
    generator_weight: Tensor,
    critic_weights: Tensor,
    critic_rate: float,
    generator_rate: float,
) -> tuple[Tensor, Tensor]:
    """The critic's weights and the generator's after one call."""
    generator, critic = players(generator_weight, critic_weights)
    plant_gradients(generator)
    plant_gradients(critic)
    optimizers = (
        torch.optim.SGD(generator.parameters(), generator_rate),
        torch.optim.SGD(critic.parameters(), critic_rate),
    )
    function(generator, critic, *optimizers, reals, noises)
    return weights_of(critic), weights_of(generator)


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


@_on_the_table
def _not_detached(on: Table) -> None:
    on.generator_optimizer.zero_grad()
    for real, z in zip(on.reals, on.noises):
        on.critic_optimizer.zero_grad()
        (softplus(-on.critic(real)).mean() + softplus(on.critic(on.generator(z))).mean()).backward()  # type: ignore[no-untyped-call]
        on.critic_optimizer.step()
    softplus(-on.critic(on.generator(on.noises[-1]))).mean().backward()  # type: ignore[no-untyped-call]
    on.generator_optimizer.step()


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
        _not_detached,
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
    tolerance=of_the_terms,
)
