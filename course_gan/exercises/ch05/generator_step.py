"""Exercise: one step of the generator in the row squared-hellinger."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_gan.exercises.ch05.harness import observe_generator_step
from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding
from course_gan.fdiv import F_DIVERGENCES

Step = Callable[[nn.Module, nn.Module, Optimizer, Optimizer, Tensor], None]


def f_gan_generator_step(
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


def _left_frozen(
    critic: nn.Module, generator: nn.Module, critic_optimizer: Optimizer, generator_optimizer: Optimizer, z: Tensor
) -> None:
    f_gan_generator_step(critic, generator, critic_optimizer, generator_optimizer, z)
    critic.requires_grad_(False)


def _twice(
    critic: nn.Module, generator: nn.Module, critic_optimizer: Optimizer, generator_optimizer: Optimizer, z: Tensor
) -> None:
    f_gan_generator_step(critic, generator, critic_optimizer, generator_optimizer, z)
    generator_optimizer.step()


def _old_only(
    critic: nn.Module, generator: nn.Module, critic_optimizer: Optimizer, generator_optimizer: Optimizer, z: Tensor
) -> None:
    generator_optimizer.step()


def _own_noise(
    critic: nn.Module, generator: nn.Module, critic_optimizer: Optimizer, generator_optimizer: Optimizer, z: Tensor
) -> None:
    f_gan_generator_step(critic, generator, critic_optimizer, generator_optimizer, torch.randn_like(z))


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
        "The generator has not moved.  Here the gradient has to flow through the critic into the generator: no "
        "`detach()`, no `no_grad()`; then `backward()`, and the step of the generator's optimizer, with no "
        "`zero_grad()` between the two.",
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
        "The generator looked for low scores: either the activation is 1 - exp(v), which decreases, in place of "
        "1 - exp(-v), or the loss is mean T; a high score means real, and the loss is -mean `f*(T)`.",
    ),
    Misconception(
        "sum",
        _step(lambda v: -(v.exp() - 1).sum()),
        "You summed over the fakes; with a mean the step does not grow with the batch.",
    ),
    Misconception(
        "critic left frozen",
        _left_frozen,
        "The generator is right, but you froze the critic with `requires_grad_(False)` and left it so: its own step "
        "would fail.  Thaw it at the end.",
    ),
    Misconception(
        "critic moved, too, with old gradients",
        _step(_loss, zero=False, players=(True, True)),
        "Both players moved, and with gradients from before: clear the generator's, call `backward()`, and step the "
        "generator's optimizer only.",
    ),
    Misconception(
        "two steps",
        _twice,
        "Your step is twice as long as it should be: `step()` was called twice, the loss doubled, or the rate of the "
        "critic's optimizer used.",
    ),
    Misconception(
        "no backward",
        _old_only,
        "The generator moved along gradients from before only: `backward()` on your loss was not called.",
    ),
    Misconception(
        "noise of your own",
        _own_noise,
        "You drew noise yourself; the fakes are made from the z that is given.",
    ),
    Misconception(
        "halved",
        _step(lambda v: _loss(v) / 2),
        "Your step is half as long as it should be: the loss is -mean `f*(T(fake))`, without a ½.",
    ),
    Misconception(
        "mean of the scores",
        _step(lambda v: -(v.mean().exp() - 1)),
        "You averaged the scores before the activation; it goes first, score by score, and then the mean.",
    ),
    Misconception(
        "whole bound with the fakes as real",
        _step(lambda v: (1 - (-v).exp()).mean() + _loss(v)),
        "You took T over the fakes as well; only -mean `f*(T(fake))` depends on them, mean T is over real points.",
    ),
    Misconception(
        "low scores wanted",
        _step(lambda v: v.mean()),
        "You made the raw score of the fakes small; the generator wants it large, and its loss is -mean `f*(T)`, with "
        "T = 1 - exp(-v).",
    ),
    Misconception(
        "sign in the conjugate",
        _step(lambda v: -((1 - (-v).exp()) / (2 - (-v).exp())).mean()),
        "Your conjugate is t/(1 + t), with the wrong sign below the line: `f*(t)` = t/(1 - t).",
    ),
    Misconception(
        "logistic, non-saturating",
        _step(lambda v: -nn.functional.logsigmoid(v).mean()),
        "This is the non-saturating loss of chapter 3, -mean log D; here the loss is -mean `f*(T)`, with "
        "T = 1 - exp(-v) and `f*(t)` = t/(1 - t).",
    ),
    Misconception(
        "logistic, saturating",
        _step(lambda v: nn.functional.logsigmoid(-v).mean()),
        "This is the loss of the first GAN, mean log(1 - D); here it is -mean `f*(T)`, with T = 1 - exp(-v) and "
        "`f*(t)` = t/(1 - t).",
    ),
)

EXERCISE = Exercise(
    id="f-gan-generator-step",
    chapter="05-f-gan",
    title="One step of the generator",
    points=4,
    reference=f_gan_generator_step,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(with_a_frozen_critic, by_hand),
    call=observe_generator_step,
    tolerance=tolerance,
    parts=(
        "the generator's parameters",
        "the critic's parameters",
        "the marks whether a parameter still requires a gradient",
    ),
)
