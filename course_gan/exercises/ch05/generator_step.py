"""Exercise: one step of the generator in the row squared-hellinger."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE, numbers, players
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding
from course_gan.fdiv import F_DIVERGENCES

Step = Callable[[nn.Module, nn.Module, Optimizer, Optimizer, Tensor], None]


def generator_step(
    critic: nn.Module, generator: nn.Module, critic_optimizer: Optimizer, generator_optimizer: Optimizer, z: Tensor
) -> None:
    """Improve the generator by one step of its optimizer (row squared-hellinger).

    The generator makes the bound small, of which -mean f*(T(fake)) is its part,
    with T = 1 - exp(-v) of the critic's raw score v, and f*(t) = t/(1 - t).
    critic maps points (n, d) to raw scores (n,), generator maps noise z to
    points.
    Each optimizer holds the parameters of its player, whose gradients may be
    left over from before.  The critic does not move.
    Return nothing.
    """
    loss = -F_DIVERGENCES["squared-hellinger"].conjugate_of_activation(critic(generator(z))).mean()
    generator_optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    generator_optimizer.step()


def call(
    function: Step,
    critic_weight: Tensor,
    critic_bias: Tensor,
    generator_weight: Tensor,
    generator_bias: Tensor,
    z: Tensor,
    rate: float,
) -> tuple[Tensor, Tensor]:
    """The generator's parameters after the step, and the critic's."""
    critic, generator = players(critic_weight, critic_bias, generator_weight, generator_bias)
    optimizers = SGD(critic.parameters(), lr=2 * rate), SGD(generator.parameters(), lr=rate)
    for parameter in (*critic.parameters(), *generator.parameters()):
        parameter.grad = torch.ones_like(parameter)  # left over from before
    function(critic, generator, *optimizers, z)
    return numbers(generator), numbers(critic)


def with_a_frozen_critic(
    critic: nn.Module, generator: nn.Module, critic_optimizer: Optimizer, generator_optimizer: Optimizer, z: Tensor
) -> None:
    critic.requires_grad_(False)
    generator_optimizer.zero_grad()
    t = 1 - torch.exp(-critic(generator(z)))
    (-(t / (1 - t)).mean()).backward()  # type: ignore[no-untyped-call]
    generator_optimizer.step()
    critic.requires_grad_(True)


def by_hand(
    critic: nn.Module, generator: nn.Module, critic_optimizer: Optimizer, generator_optimizer: Optimizer, z: Tensor
) -> None:
    parameters = list(generator.parameters())
    slopes = torch.autograd.grad(critic(generator(z)).expm1().mean(), parameters)
    with torch.no_grad():
        for parameter, slope in zip(parameters, slopes):
            parameter.add_(slope, alpha=generator_optimizer.param_groups[0]["lr"])


def cases(generator: torch.Generator) -> list[Case]:
    def draw(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (1.6 * torch.rand(*shape, generator=generator, dtype=DOUBLE) - 0.8).to(dtype)

    def case(label: str, n: int, d: int, latent: int, rate: float, dtype: torch.dtype = DOUBLE) -> Case:
        weights = draw(1, d, dtype=dtype), draw(1, dtype=dtype), draw(d, latent, dtype=dtype), draw(d, dtype=dtype)
        return Case((*weights, draw(n, latent, dtype=dtype), rate), label)

    return [
        case("points on the line", 4, 1, 1, 0.25),
        case("points in the plane", 6, 2, 2, 0.5),
        case("noise of three numbers", 7, 2, 3, 0.125),
        case("points in the plane, in float32", 5, 2, 2, 0.25, SINGLE),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """A gradient is a mean of products with exp(±v), |v| < 5: terms of up to 100."""
    return rounding(inputs, expected, size=100.0)


def _step(
    loss_of: Callable[[Tensor], Tensor],
    *,
    zero: bool = True,
    detach: bool = False,
    players: tuple[bool, bool] = (False, True),
) -> Step:
    """A step with another loss, or with another set of players that move."""

    def function(
        critic: nn.Module, generator: nn.Module, critic_optimizer: Optimizer, generator_optimizer: Optimizer, z: Tensor
    ) -> None:
        if zero:
            critic_optimizer.zero_grad()
            generator_optimizer.zero_grad()
        fake = generator(z)
        loss_of(critic(fake.detach() if detach else fake)).backward()  # type: ignore[no-untyped-call]
        for optimizer, moves in zip((critic_optimizer, generator_optimizer), players):
            if moves:
                optimizer.step()

    return function


def _loss(v: Tensor) -> Tensor:
    return -(v.exp() - 1).mean()


MISCONCEPTIONS = (
    Misconception(
        "critic moved, too",
        _step(_loss, players=(True, True)),
        "The generator is right, but the critic moved with it, and to please the generator: step the generator's "
        "optimizer only.",
    ),
    Misconception(
        "critic in place of the generator",
        _step(_loss, players=(True, False)),
        "The critic moved and the generator did not: it is the generator's optimizer that has to step.",
    ),
    Misconception(
        "up in place of down",
        _step(lambda v: -_loss(v)),
        "The generator went the wrong way: its loss is -mean `f*(T(fake))`, its part of the bound, and an "
        "optimizer makes its loss small.",
    ),
    Misconception(
        "gradients left over",
        _step(_loss, zero=False),
        "Gradients from before were added to the generator's new ones: call `generator_optimizer.zero_grad()` "
        "before `backward()`.",
    ),
    Misconception(
        "detached",
        _step(_loss, detach=True),
        "The generator has not moved: the fakes were detached, as in the critic's step, and here the gradient has "
        "to flow through the critic into the generator.",
    ),
    Misconception(
        "heuristic",
        _step(lambda v: -(1 - (-v).exp()).mean()),
        "This maximizes mean T(fake), the heuristic against saturation; the step of the game minimizes the bound, "
        "-mean `f*(T(fake))`.",
    ),
    Misconception(
        "raw score",
        _step(lambda v: -v.mean()),
        "You maximized the raw score, as in a Wasserstein GAN; its loss here is -mean `f*(T)`, T = 1 - exp(-v).",
    ),
    Misconception(
        "conjugate of the raw score",
        _step(lambda v: -(v / (1 - v)).mean()),
        "You applied `f*` to the critic's raw scores; it takes T = 1 - exp(-v).",
    ),
    Misconception(
        "activation upside down",
        _step(lambda v: -((-v).exp() - 1).mean()),
        "Your activation is 1 - exp(v), so the generator looked for low scores; it is "
        "1 - exp(-v), with which a high one means real.",
    ),
    Misconception(
        "sum",
        _step(lambda v: -(v.exp() - 1).sum()),
        "You summed over the fakes; with a mean the step does not grow with the batch.",
    ),
)

EXERCISE = Exercise(
    id="f-gan-generator-step",
    chapter="05-f-gan",
    title="One step of the generator",
    points=4,
    reference=generator_step,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(with_a_frozen_critic, by_hand),
    call=call,
    tolerance=tolerance,
)
