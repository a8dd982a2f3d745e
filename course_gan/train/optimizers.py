r"""Optimizers that update all parameters at once, and rates as a function of the step, so that resuming is exact."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer, RMSprop
from torch.optim.adam import adam

from course_gan.train.settings import Settings

# Where torch has Adam's step as one fused kernel.  (That of SGD fails when a parameter has its first gradient late.)
FUSED_DEVICES = ("cpu", "cuda")


def optimizer(settings: Settings, parameters: Sequence[Tensor], rate: float) -> Optimizer:
    """The optimizer that `settings` names, at `rate`: Adam fused where torch has that, in groups of tensors otherwise.

    Fused and plain are the same algorithm; with the default, a CPU loops over the parameters in Python.
    References: Kingma and Ba, Adam, 2015, Algorithm 1; RMSProp as in Tieleman and Hinton, Lecture 6.5, 2012.
    """
    first, second = settings.betas
    if settings.optimizer == "adam":
        fused = all(value.device.type in FUSED_DEVICES and value.is_floating_point() for value in parameters)
        kind = {"fused": True} if fused else {"foreach": True}
        return Adam(parameters, lr=rate, betas=(first, second), **kind)
    if settings.optimizer == "sgd":
        return SGD(parameters, lr=rate, momentum=first, foreach=True)
    return RMSprop(parameters, lr=rate, alpha=second, foreach=True)


@torch.no_grad()
def update(optimizer: Optimizer) -> None:
    """`optimizer.step()`; a fused Adam that has its moments, and no hooks, goes straight to the kernel.

    What `step` looks up and records on its way takes longer than the kernel itself where networks are small.
    """
    hooked = optimizer._optimizer_step_pre_hooks or optimizer._optimizer_step_post_hooks
    if hooked or not (isinstance(optimizer, Adam) and optimizer.defaults["fused"]):
        optimizer.step()
        return
    moving = [[value for value in group["params"] if value.grad is not None] for group in optimizer.param_groups]
    moments = [[optimizer.state[value] for value in values] for values in moving]
    if not all(state for states in moments for state in states):
        optimizer.step()  # which makes them
        return
    for group, values, states in zip(optimizer.param_groups, moving, moments, strict=True):
        adam(
            values,
            [value.grad for value in values],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            [state["step"] for state in states],
            fused=True,
            amsgrad=False,
            lr=group["lr"],
            beta1=group["betas"][0],
            beta2=group["betas"][1],
            eps=group["eps"],
            weight_decay=0.0,
            maximize=False,
        )


def factor(settings: Settings, step: int) -> float:
    r"""What multiplies both rates in `step` (from 0): $1$, $1-\frac{t}{T}$ or $\frac12(1+\cos\frac{\pi t}{T})$.

    T is `settings.steps`.  A function of the step and of nothing else: no scheduler has a state to save.

    >>> [factor(Settings(steps=4, schedule="linear"), step) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    if settings.schedule == "constant":
        return 1.0
    done = min(step / settings.steps, 1.0)
    return 1 - done if settings.schedule == "linear" else (1 + math.cos(math.pi * done)) / 2


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Let every group of parameters learn at `rate` from now on."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def all_finite(tensors: Sequence[Tensor]) -> Tensor:
    """Whether no tensor holds NaN or infinity, as a boolean tensor on their device: nobody waits for it here."""
    # The largest magnitude keeps what is not finite, and cannot overflow as a sum of squares would.
    norms = torch._foreach_norm([value.detach() for value in tensors], float("inf"))
    return torch.stack([norm.isfinite() for norm in norms]).all()
