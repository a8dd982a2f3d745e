"""Exercise: one step of training by squared error."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Optimizer

from course_gan.exercises.ch01.harness import STEPS, call_regression_step
from course_gan.exercises.core import ROUNDINGS_PER_TERM, Case, Exercise, Misconception, Outputs, coarsest

SINGLE, DOUBLE = torch.float32, torch.float64


def regression_step(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    """One step of training by squared error; returns the loss before the step.

    network(past) makes a guess for each row of past, of the shape of following.
    optimizer holds the parameters of the network.
    past is a tensor of shape (n, known), following of shape (n, pixels).
    The loss is the squared error summed over the pixels, and its mean over the n
    rows.  The step uses the gradient of this loss alone.
    Return the loss, a tensor of shape ().
    """
    loss: Tensor = (network(past) - following).square().sum(1).mean()
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def zeroed_afterwards(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> float:
    error = nn.functional.mse_loss(network(past), following, reduction="sum") / len(past)
    error.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    for parameter in network.parameters():
        parameter.grad = None
    return error.item()


def by_autograd(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    parameters = list(network.parameters())
    guess = network(past)
    loss: Tensor = guess.shape[1] * nn.functional.mse_loss(guess, following)
    for parameter, slope in zip(parameters, torch.autograd.grad(loss, parameters)):
        parameter.grad = slope
    optimizer.step()
    return loss


def cases(generator: torch.Generator) -> list[Case]:
    def scene(rows: int, known: int, pixels: int, rate: float, dtype: torch.dtype = DOUBLE) -> tuple[Any, ...]:
        shapes = ((rows, known), (rows, pixels), (4, known), (4,), (pixels, 4))
        tensors = (torch.randn(*shape, generator=generator, dtype=DOUBLE).to(dtype) / 2 for shape in shapes)
        return (*tensors, rate)

    return [
        Case(scene(12, 3, 2, 0.05), "four rows a step"),
        Case(scene(15, 2, 5, 0.02), "five pixels"),
        Case(scene(9, 4, 3, 0.03, SINGLE), "float32"),
        Case(scene(6, 2, 4, 0.1), "a larger rate"),
        Case(scene(6, 3, 3, 0.0), "a rate of zero: nothing moves"),
    ]


def tolerance(inputs: tuple[Any, ...], expected: Outputs) -> list[Tensor]:
    """Three steps of sums over rows, pixels and hidden units, each of numbers of the size of the loss or below."""
    past, following, *_ = inputs
    unit = ROUNDINGS_PER_TERM * torch.finfo(coarsest(inputs)).eps
    terms = STEPS * (past.numel() + following.numel() + 4)
    size = max(1.0, *(float(e.abs().max()) for e in expected))
    return [torch.full_like(e, unit * terms * size) for e in expected]


def _wrong(
    loss_of: Callable[[Tensor, Tensor], Tensor], reported: Callable[[Tensor, Tensor], Tensor] | None = None
) -> Callable[..., Any]:
    """A step down another loss, which it returns unless it reports something else."""

    def function(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
        guess = network(past)
        loss = loss_of(guess, following)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return (reported or loss_of)(guess.detach(), following)

    return function


def _loss(guess: Tensor, following: Tensor) -> Tensor:
    return (guess - following).square().sum(1).mean()


def _piling_up(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    loss = _loss(network(past), following)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.detach()


def _not_moved(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    loss = _loss(network(past), following)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def _late(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    """step() before backward(): each step uses the gradient of the batch before."""
    optimizer.step()
    optimizer.zero_grad()
    loss = _loss(network(past), following)
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.detach()


def _loss_after(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    regression_step(network, optimizer, past, following)
    with torch.no_grad():
        return _loss(network(past), following)


def _twice(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    loss = regression_step(network, optimizer, past, following)
    regression_step(network, optimizer, past, following)
    return loss


def _row_by_row(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> float:
    rows = zip(past[:, None], following[:, None])
    losses = [float(regression_step(network, optimizer, one, next_one)) for one, next_one in rows]
    return sum(losses) / len(losses)


def _own_optimizer(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    return regression_step(network, SGD(network.parameters(), optimizer.param_groups[0]["lr"]), past, following)


def _stepped_twice(network: nn.Module, optimizer: Optimizer, past: Tensor, following: Tensor) -> Tensor:
    loss = regression_step(network, optimizer, past, following)
    optimizer.step()
    return loss


MISCONCEPTIONS = (
    Misconception(
        "gradients pile up",
        _piling_up,
        "The first step is right and the later ones are not: `backward` adds to the gradients that are there already.  "
        "Call `optimizer.zero_grad()` once a step.",
    ),
    Misconception(
        "weights do not move",
        _not_moved,
        "The losses are those of a network that never changes: call `optimizer.step()` after `loss.backward()`, with "
        "no `zero_grad()` between the two.",
    ),
    Misconception(
        "step before backward",
        _late,
        "Your step uses the gradient of the batch before: call `loss.backward()` first, `optimizer.step()` after it.",
    ),
    Misconception(
        "mean over the pixels",
        _wrong(lambda g, x: (g - x).square().mean()),
        "Your loss is a mean over the pixels, too, as `mse_loss` takes it; sum over the pixels, and average over the "
        "rows only.",
    ),
    Misconception(
        "sum over the rows",
        _wrong(lambda g, x: (g - x).square().sum()),
        "Your loss is summed over the rows; take their mean, or a larger batch makes larger steps.",
    ),
    Misconception(
        "loss after the step",
        _loss_after,
        "The weights move as they should, but you return the loss after the step; return that of the guess from which "
        "the gradient came.",
    ),
    Misconception(
        "uphill",
        _wrong(lambda g, x: -_loss(g, x), _loss),
        "Your network moves uphill: the optimizer subtracts the gradient by itself, so give it the loss without a "
        "minus.",
    ),
    Misconception(
        "distance not squared",
        _wrong(lambda g, x: (g - x).norm(dim=1).mean()),
        "Your loss is the distance itself; the squared one is wanted.",
    ),
    Misconception(
        "absolute error",
        _wrong(lambda g, x: (g - x).abs().sum(1).mean()),
        "Your loss sums absolute values; their least mean is at a median, not at the mean.  Square the differences.",
    ),
    Misconception(
        "half of it",
        _wrong(lambda g, x: _loss(g, x) / 2),
        "Your loss has a factor ½; it is convenient on paper, but not asked for, and halves each step.",
    ),
    Misconception(
        "mean reported, sum trained",
        _wrong(_loss, lambda g, x: (g - x).square().mean()),
        "The weights move as they should, but the loss that you return is a mean over the pixels; return the one that "
        "was trained on.",
    ),
    Misconception(
        "mean over the pixels, sum over the rows",
        _wrong(lambda g, x: (g - x).square().mean(1).sum()),
        "You took the mean over the pixels and the sum over the rows; it is the other way round.",
    ),
    Misconception(
        "mean trained, sum reported",
        _wrong(lambda g, x: (g - x).square().mean(), _loss),
        "The loss that you return is right, but the step follows its mean over the pixels: call `backward` on the loss "
        "that you return.",
    ),
    Misconception(
        "sum over the rows trained",
        _wrong(lambda g, x: (g - x).square().sum(), _loss),
        "The loss that you return is right, but the step follows its sum over the rows: call `backward` on the loss "
        "that you return.",
    ),
    Misconception(
        "root of the loss",
        _wrong(lambda g, x: _loss(g, x).sqrt()),
        "You took a root of the loss; the mean of the squared errors itself is wanted.",
    ),
    Misconception(
        "differences summed before the square",
        _wrong(lambda g, x: (g - x).sum(1).square().mean()),
        "You summed the differences over the pixels and squared the sum, in which they cancel; square each first.",
    ),
    Misconception(
        "a step for each row",
        _row_by_row,
        "You took a step for each row; one step for the whole batch is wanted, down the mean of their losses.",
    ),
    Misconception(
        "optimizer of one's own",
        _own_optimizer,
        "You made an optimizer of your own in each call; the one that you are given remembers earlier steps (its "
        "momentum): call its `step()`.",
    ),
    Misconception(
        "optimizer stepped twice",
        _stepped_twice,
        "You called `optimizer.step()` twice for one gradient; once is wanted.",
    ),
    Misconception(
        "two steps",
        _twice,
        "Your function takes two steps a call; one is wanted.",
    ),
)

EXERCISE = Exercise(
    id="regression-step",
    chapter="01-why-generate",
    title="One step of regression",
    points=3,
    reference=regression_step,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(zeroed_afterwards, by_autograd),
    call=call_regression_step,
    parts=("loss of the first call", "loss of the second call", "loss of the third call", "weights after three calls"),
    tolerance=tolerance,
)
