"""Exercise: one update of the generator."""

import copy

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, binary_cross_entropy_with_logits, softplus
from torch.optim import Optimizer

from course_gan.exercises.ch03.critic_step import step_cases
from course_gan.exercises.ch03.harness import (
    Step,
    observe_generator_step,
)
from course_gan.exercises.ch03.inputs import of_the_terms
from course_gan.exercises.core import Case, Exercise, Misconception


def generator_step(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    """Update the generator once by the non-saturating loss; the critic is frozen.

    generator turns noise (n, k) into samples (n, d); critic turns samples (n, d)
    into scores (n,), any numbers, which may be large.
    optimizer updates the generator's weights; their gradients may still hold what
    an earlier step left there, which must not count.
    z is a tensor of shape (n, k): the noise.
    The critic is as before afterwards: its weights have not changed, it got no
    gradient, its parameters ask for gradients again, and it is in training mode.
    Return nothing.
    """
    critic.requires_grad_(False)
    loss = softplus(-critic(generator(z))).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    critic.requires_grad_(True)


def by_grad(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    weights = list(generator.parameters())
    slopes = torch.autograd.grad(softplus(-critic(generator(z))).mean(), weights)
    for weight, slope in zip(weights, slopes):
        weight.grad = slope
    optimizer.step()


def against_a_copy(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    scores = copy.deepcopy(critic)(generator(z))
    optimizer.zero_grad()
    binary_cross_entropy_with_logits(scores, torch.ones_like(scores)).backward()  # type: ignore[no-untyped-call]
    optimizer.step()


def cleaned_up(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    for parameter in generator.parameters():
        parameter.grad = None
    torch.logaddexp(torch.zeros_like(z[:, 0]), -critic(generator(z))).mean().backward()  # type: ignore[no-untyped-call]
    critic.zero_grad()
    optimizer.step()


def cases(generator: torch.Generator) -> list[Case]:
    return [Case(case.inputs[1:], case.label) for case in step_cases(generator)]


def _wrong(
    loss_of: Step, *, zero: bool = True, move: bool = True, freeze: bool = True, thaw: bool = True, detach: bool = False
) -> Step:
    """A step with another loss, a function of the scores, or without some of its parts."""

    def step(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
        critic.requires_grad_(not freeze)
        if zero:
            optimizer.zero_grad()
        fake = generator(z).detach() if detach else generator(z)
        loss_of(critic(fake)).backward()  # type: ignore[attr-defined]
        if move:
            optimizer.step()
        critic.requires_grad_(thaw)

    return step


def _loss(scores: Tensor) -> Tensor:
    return softplus(-scores).mean()


def _both_move(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    rate = optimizer.param_groups[0]["lr"]
    both = torch.optim.SGD([*generator.parameters(), *critic.parameters()], rate)
    both.zero_grad()
    _loss(critic(generator(z))).backward()  # type: ignore[no-untyped-call]
    both.step()
    critic.zero_grad()


def _step_first(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    optimizer.step()
    generator_step(generator, critic, torch.optim.SGD(generator.parameters(), 0.0), z)


def _left_in_eval_mode(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    generator_step(generator, critic.eval(), optimizer, z)


def _own_optimizer(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    own = torch.optim.SGD(generator.parameters(), optimizer.param_groups[0]["lr"])
    generator_step(generator, critic, own, z)


def _stepped_twice(generator: nn.Module, critic: nn.Module, optimizer: Optimizer, z: Tensor) -> None:
    generator_step(generator, critic, optimizer, z)
    optimizer.step()


MISCONCEPTIONS = (
    Misconception(
        "critic not frozen",
        _wrong(_loss, freeze=False),
        "The generator's new weights are right, but the critic got a gradient, which its next step would add to its "
        "own: freeze it with `critic.requires_grad_(False)` before, and thaw it after.",
    ),
    Misconception(
        "critic left frozen",
        _wrong(_loss, thaw=False),
        "The critic is frozen for good, and will not learn in its next step: `critic.requires_grad_(True)` at the end.",
    ),
    Misconception(
        "critic moved too",
        _both_move,
        "The critic's weights have changed: an optimizer of both players lets the generator win by spoiling the "
        "critic.  Use the optimizer that you were given.",
    ),
    Misconception(
        "fakes detached",
        _wrong(_loss, freeze=False, detach=True),
        "The generator has not moved: its fakes were detached, so that no gradient reaches it.  Detach in the critic's "
        "step, not in this one.",
    ),
    Misconception(
        "not moved",
        _wrong(_loss, move=False),
        "The generator has not moved: `backward()` is missing, or `optimizer.step()` after it.",
    ),
    Misconception(
        "step first",
        _step_first,
        "The generator moved by what an earlier step had left in its gradients: the order is `zero_grad()`, "
        "`backward()`, and then `step()`.",
    ),
    Misconception(
        "old gradients",
        _wrong(_loss, zero=False),
        "What an earlier step left in the generator's gradients was added to yours: call `optimizer.zero_grad()` "
        "before `backward()`.",
    ),
    Misconception(
        "saturating",
        _wrong(lambda scores: -softplus(scores).mean()),
        "You descended the saturating loss, log(1 - D), which hardly moves a generator that is caught; asked for is "
        "-log D, the mean of softplus(-score).",
    ),
    Misconception(
        "the critic's side",
        _wrong(lambda scores: softplus(scores).mean()),
        "Your generator descended the critic's loss of fakes and made worse ones: a good fake has a high score, so "
        "minimize softplus(-score).",
    ),
    Misconception(
        "sign",
        _wrong(lambda scores: -softplus(-scores).mean()),
        "Your generator descended log D and made worse fakes; the loss is -log D, the mean of softplus(-score).",
    ),
    Misconception(
        "probability",
        _wrong(lambda scores: -scores.sigmoid().mean()),
        "You maximized D itself; without the logarithm the slope is D(1 - D), which dies where the critic is sure.",
    ),
    Misconception(
        "mean score",
        _wrong(lambda scores: -scores.mean()),
        "You maximized the mean score, as in chapter 8; here a fake that is believed already counts less: minimize "
        "softplus(-score).",
    ),
    Misconception(
        "squares of scores",
        _wrong(lambda scores: (scores - 1).square().mean()),
        "You pulled the scores of the fakes to 1, as the least-squares GAN does; the non-saturating loss is the mean "
        "of softplus(-score).",
    ),
    Misconception(
        "sum",
        _wrong(lambda scores: softplus(-scores).sum()),
        "The step grows with the size of the batch: take the mean of the losses.",
    ),
    Misconception(
        "logarithm of a sigmoid",
        _wrong(lambda scores: -scores.sigmoid().log().mean()),
        "Where the critic is very sure, the logarithm of its sigmoid is infinite or NaN, and so are the new weights; "
        "write -log D as softplus of minus the score.",
    ),
    Misconception(
        "sigmoid twice",
        _wrong(lambda scores: softplus(-scores.sigmoid()).mean()),
        "You applied a sigmoid before softplus, which has one inside already: hand it the raw scores.",
    ),
    Misconception(
        "critic left in eval mode",
        _left_in_eval_mode,
        "You left the critic in `eval()` mode, in which it would take its next step: call `critic.train()` again.",
    ),
    Misconception(
        "optimizer of one's own",
        _own_optimizer,
        "You made an optimizer of your own; the one that you are given has its own rates for some weights, and others "
        "remember earlier steps: call its `step()`.",
    ),
    Misconception(
        "optimizer stepped twice",
        _stepped_twice,
        "You called `optimizer.step()` twice for one gradient of the generator; once is wanted.",
    ),
    Misconception(
        "neither zeroed nor frozen",
        _wrong(_loss, zero=False, freeze=False),
        "Two things are missing: `optimizer.zero_grad()` before `backward()`, as an earlier step left gradients in the "
        "generator; and the critic, which was not frozen, got gradients.",
    ),
    Misconception(
        "neither zeroed nor thawed",
        _wrong(_loss, zero=False, thaw=False),
        "Two things are missing: `optimizer.zero_grad()` before `backward()`, as an earlier step left gradients in the "
        "generator; and `critic.requires_grad_(True)` at the end.",
    ),
    Misconception(
        "cross-entropy of probabilities",
        _wrong(lambda scores: binary_cross_entropy(scores.sigmoid(), torch.ones_like(scores))),
        "You took the sigmoid first and then a cross-entropy of probabilities: where a fake is surely caught, its "
        "gradient is lost.  Use the one that takes scores, or softplus.",
    ),
    Misconception(
        "small number added",
        _wrong(lambda scores: -(scores.sigmoid() + 1e-8).log().mean()),
        "You added a small number inside of the logarithm: where a fake is surely caught, the slope dies, which is "
        "just what the non-saturating loss is to prevent.",
    ),
    Misconception(
        "mean first",
        _wrong(lambda scores: softplus(-scores.mean())),
        "You took softplus of the mean score; each fake pays by itself, so take softplus first and the mean then.",
    ),
    Misconception(
        "half",
        _wrong(lambda scores: _loss(scores) / 2),
        "The generator's step is half as long as it should be: its loss is a mean, without a factor ½.",
    ),
    Misconception(
        "noise of one's own",
        lambda generator, critic, optimizer, z: generator_step(generator, critic, optimizer, torch.randn_like(z)),
        "You drew fresh noise; the generator's step is to use the z that it is given.",
    ),
)

EXERCISE = Exercise(
    id="generator-step",
    chapter="03-minimax-game",
    title="The generator's step",
    points=3,
    reference=generator_step,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_grad, against_a_copy, cleaned_up),
    call=observe_generator_step,
    parts=(
        "the generator's weights",
        "the critic's weights",
        "the critic's gradients",
        "the critic's state (parameters that ask for gradients, layers in training mode)",
    ),
    tolerance=of_the_terms,
)
