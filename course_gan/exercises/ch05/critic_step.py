"""Exercise: one step of the critic in the row squared-hellinger."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from course_gan.exercises.ch05.harness import observe_critic_step
from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE
from course_gan.exercises.core import Case, Exercise, Misconception, Outputs, rounding
from course_gan.fdiv import F_DIVERGENCES

Step = Callable[[nn.Module, nn.Module, Optimizer, Tensor, Tensor], None]


def f_gan_critic_step(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    """Improve the critic by one step of its optimizer (row squared-hellinger).

    The bound is mean T(real) - mean f*(T(fake)), with T = 1 - exp(-v) of the
    critic's raw score v, and f*(t) = t/(1 - t).  The critic makes it large.
    critic maps points (n, d) to raw scores (n,), generator maps noise z to
    points.
    optimizer holds the critic's parameters, whose gradients may be left over
    from before.  The generator neither moves nor gets a gradient.
    Return nothing.
    """
    fake = generator(z).detach()
    loss = -F_DIVERGENCES["squared-hellinger"].lower_bound(critic(real), critic(fake))
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def without_graph(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    with torch.no_grad():
        fake = generator(z)
    for parameter in critic.parameters():
        parameter.grad = None
    t_real, t_fake = (1 - torch.exp(-critic(x)) for x in (real, fake))
    ((t_fake / (1 - t_fake)).mean() - t_real.mean()).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def by_hand(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    bound = (1 - (-critic(real)).exp()).mean() - (critic(generator(z)).exp() - 1).mean()
    parameters = list(critic.parameters())
    rate = optimizer.param_groups[0]["lr"]
    with torch.no_grad():
        for parameter, gradient in zip(parameters, torch.autograd.grad(bound, parameters)):
            parameter.add_(gradient, alpha=rate)


def with_a_frozen_generator(
    critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor
) -> None:
    generator.requires_grad_(False)
    optimizer.zero_grad()
    ((-critic(real)).exp().mean() + critic(generator(z)).exp().mean()).backward()
    optimizer.step()
    generator.requires_grad_(True)


def cases(generator: torch.Generator) -> list[Case]:
    def draw(*shape: int, dtype: torch.dtype = DOUBLE) -> Tensor:
        return (1.6 * torch.rand(*shape, generator=generator, dtype=DOUBLE) - 0.8).to(dtype)

    def case(label: str, n: int, m: int, d: int, latent: int, rate: float, dtype: torch.dtype = DOUBLE) -> Case:
        weights = draw(1, d, dtype=dtype), draw(1, dtype=dtype), draw(d, latent, dtype=dtype), draw(d, dtype=dtype)
        return Case((*weights, draw(n, d, dtype=dtype) + 1, draw(m, latent, dtype=dtype), rate), label)

    return [
        case("points on the line", 4, 4, 1, 1, 0.25),
        case("points in the plane", 6, 6, 2, 2, 0.5),
        case("more noise than data", 3, 7, 2, 3, 0.125),
        case("points in the plane, in float32", 5, 5, 2, 2, 0.25, SINGLE),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> tuple[Tensor, ...]:
    """A gradient is a mean of products with exp(±v), |v| < 5: terms of up to 100."""
    return rounding(inputs, expected, size=100.0)


def _step(
    bound: Callable[[Tensor, Tensor], Tensor], *, detach: bool = True, zero: bool = True, sign: float = -1.0
) -> Step:
    """A step with another bound, or without one of its lines."""

    def function(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
        fake = generator(z).detach() if detach else generator(z)
        loss = sign * bound(critic(real), critic(fake))
        if zero:
            optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return function


def _bound(real: Tensor, fake: Tensor) -> Tensor:
    return (1 - (-real).exp()).mean() - (fake.exp() - 1).mean()


def _nothing(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    optimizer.zero_grad()
    (-_bound(critic(real), critic(generator(z).detach()))).backward()  # type: ignore[no-untyped-call]


def _twice(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    f_gan_critic_step(critic, generator, optimizer, real, z)
    optimizer.step()


def _left_frozen(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    f_gan_critic_step(critic, generator, optimizer, real, z)
    generator.requires_grad_(False)


def _one_after_the_other(
    critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor
) -> None:
    _step(lambda real, fake: _activation(real).mean())(critic, generator, optimizer, real, z)
    _step(lambda real, fake: -fake.exp().mean())(critic, generator, optimizer, real, z)


def _old_only(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    optimizer.step()


def _own_noise(critic: nn.Module, generator: nn.Module, optimizer: Optimizer, real: Tensor, z: Tensor) -> None:
    f_gan_critic_step(critic, generator, optimizer, real, torch.randn_like(z))


def _activation(v: Tensor) -> Tensor:
    return 1 - (-v).exp()


def _conjugate(t: Tensor) -> Tensor:
    return t / (1 - t)


MISCONCEPTIONS = (
    Misconception(
        "down in place of up",
        _step(_bound, sign=1.0),
        "The critic went the wrong way: an optimizer makes its loss small, so the loss is minus the bound.",
    ),
    Misconception(
        "not detached",
        _step(_bound, detach=False),
        "The critic is right, but the generator has got gradients from it: detach the fakes, or make them under "
        "`torch.no_grad()`.",
    ),
    Misconception(
        "gradients left over",
        _step(_bound, zero=False),
        "The gradients from before were added to the new ones: call `optimizer.zero_grad()` before `backward()`.",
    ),
    Misconception(
        "no step",
        _nothing,
        "The critic has not moved.  `backward()` only computes gradients, `optimizer.step()` uses them; zeroed between "
        "the two, or with a loss that was detached, there is none to use.",
    ),
    Misconception(
        "conjugate of the raw score",
        _step(lambda real, fake: (1 - (-real).exp()).mean() - (fake / (1 - fake)).mean()),
        "You applied `f*` to the raw scores of the fakes; it takes T = 1 - exp(-v).",
    ),
    Misconception(
        "signs of the scores",
        _step(lambda real, fake: _bound(fake, real)),
        "Your critic learns to score fakes high: either real and fake are exchanged, or the activation is 1 - exp(v), "
        "which decreases; it is 1 - exp(-v), averaged over the real points.",
    ),
    Misconception(
        "no conjugate",
        _step(lambda real, fake: (1 - (-real).exp()).mean() - (1 - (-fake).exp()).mean()),
        "You subtracted the mean of T over the fakes; the bound subtracts that of `f*(T)`.",
    ),
    Misconception(
        "no activation",
        _step(lambda real, fake: real.mean() - fake.mean()),
        "You took the scores as they are, as in a Wasserstein GAN; here T = 1 - exp(-v), and `f*(T)` on the fakes.",
    ),
    Misconception(
        "sums",
        _step(lambda real, fake: (1 - (-real).exp()).sum() - (fake.exp() - 1).sum()),
        "You summed over the batch; with means the step does not grow with it.",
    ),
    Misconception(
        "generator left frozen",
        _left_frozen,
        "The critic is right, but you froze the generator with `requires_grad_(False)` and left it so: its own step "
        "would fail.  Thaw it at the end, or detach the fakes in place of that.",
    ),
    Misconception(
        "neither zeroed nor detached",
        _step(_bound, zero=False, detach=False),
        "Two lines are missing: `optimizer.zero_grad()` before `backward()`, and fakes that are detached from the "
        "generator.",
    ),
    Misconception(
        "two steps",
        _twice,
        "Your step is twice as long as it should be: `step()` was called twice, or the bound doubled.",
    ),
    Misconception(
        "one after the other",
        _one_after_the_other,
        "You took a step for the real points and then another one for the fakes; the bound is one number, with one "
        "gradient and one step.",
    ),
    Misconception(
        "no backward",
        _old_only,
        "Your step used the gradients from before only: `backward()` on your loss was not called.",
    ),
    Misconception(
        "noise of your own",
        _own_noise,
        "You drew other noise; make the fakes from the z that is given.",
    ),
    Misconception(
        "real only",
        _step(lambda real, fake: _activation(real).mean()),
        "The fakes are missing in your step (or their scores were detached, and give no gradient).",
    ),
    Misconception(
        "fake only",
        _step(lambda real, fake: -_conjugate(_activation(fake)).mean()),
        "The real points are missing in your step (or their scores were detached, or their gradient zeroed again "
        "before the step).",
    ),
    Misconception(
        "conjugate added",
        _step(lambda real, fake: _activation(real).mean() + _conjugate(_activation(fake)).mean()),
        "The mean of `f*(T)` over the fakes came with the wrong sign: the bound subtracts it, and `f*(t)` = t/(1 - t).",
    ),
    Misconception(
        "real points called fake, too",
        _step(lambda real, fake: _bound(real, real)),
        "You scored the real points a second time in place of the fakes: these are `generator(z)`.",
    ),
    Misconception(
        "fakes called real, too",
        _step(lambda real, fake: _bound(fake, fake)),
        "You scored the fakes a second time in place of the real points.",
    ),
    Misconception(
        "conjugate on both sides",
        _step(lambda real, fake: real.exp().mean() - fake.exp().mean()),
        "You applied `f*` on both sides; over the real points T itself is averaged.",
    ),
    Misconception(
        "no activation on the real side",
        _step(lambda real, fake: real.mean() - fake.exp().mean()),
        "The real scores go through the activation, too: it is the mean of T = 1 - exp(-v), not of v.",
    ),
    Misconception(
        "sign in the conjugate",
        _step(lambda real, fake: _activation(real).mean() - (_activation(fake) / (1 + _activation(fake))).mean()),
        "Your conjugate has the wrong sign in its denominator: `f*(t)` = t/(1 - t).",
    ),
    Misconception(
        "activation without one",
        _step(lambda real, fake: (-real).exp().mean() - _conjugate((-fake).exp()).mean()),
        "Your activation is exp(-v), which decreases; it is 1 - exp(-v).",
    ),
    Misconception(
        "logistic loss",
        _step(lambda real, fake: nn.functional.logsigmoid(real).mean() + nn.functional.logsigmoid(-fake).mean()),
        "This is the step of chapter 4, with log D and log(1 - D); the row squared-hellinger has T = 1 - exp(-v) and "
        "`f*(t)` = t/(1 - t).",
    ),
    Misconception(
        "halved",
        _step(lambda real, fake: _bound(real, fake) / 2),
        "Your step is half as long as it should be: the bound is the difference of two means, without a ½.",
    ),
    Misconception(
        "one mean over both",
        _step(lambda real, fake: torch.cat([_activation(real), 1 - fake.exp()]).mean()),
        "You took one mean over real points and fakes; the bound has one for each.",
    ),
    Misconception(
        "twice the mean over both",
        _step(lambda real, fake: 2 * torch.cat([_activation(real), 1 - fake.exp()]).mean()),
        "You took the mean over all points together, which is right only for as many real points as fakes; give each "
        "group a mean of its own.",
    ),
    Misconception(
        "one number of points for both",
        _step(lambda real, fake: _activation(real).mean() - fake.exp().sum() / len(real)),
        "You divided the sum over the fakes by the number of real points; each group has a mean of its own.",
    ),
    Misconception(
        "as many fakes as real points",
        _step(lambda real, fake: _bound(real[: len(fake)], fake[: len(real)])),
        "You left points out where the groups differ in size (as `zip` does); use all, and a mean for each group.",
    ),
    Misconception(
        "means of the scores",
        _step(lambda real, fake: _activation(real.mean()) - _conjugate(_activation(fake.mean()))),
        "You averaged the scores before the activation; it goes first, score by score, and then the means.",
    ),
)

EXERCISE = Exercise(
    id="f-gan-critic-step",
    chapter="05-f-gan",
    title="One step of the critic",
    points=4,
    reference=f_gan_critic_step,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(without_graph, by_hand, with_a_frozen_generator),
    call=observe_critic_step,
    tolerance=tolerance,
    parts=(
        "the critic's parameters",
        "the generator's parameters",
        "the generator's gradients",
        "the marks whether a parameter still requires a gradient",
    ),
)
