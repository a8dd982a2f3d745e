r"""Optimizers that update all parameters at once, and rates as a function of the step, so that resuming is exact."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim import SGD, Adam, Optimizer, RMSprop

from course_gan.train.settings import Settings

# Where torch has an optimizer step as one fused kernel, for Adam and SGD.
FUSED_DEVICES = ("cpu", "cuda")


def optimizer(settings: Settings, parameters: Sequence[Tensor], rate: float) -> Optimizer:
    """The optimizer that `settings` names, at `rate`: fused where torch has that, in groups of tensors otherwise.

    Fused and plain are the same algorithm; with the default, a CPU loops over the parameters in Python.
    References: Kingma and Ba, Adam, 2015, Algorithm 1; RMSProp as in Tieleman and Hinton, Lecture 6.5, 2012.
    """
    fused = all(value.device.type in FUSED_DEVICES and value.is_floating_point() for value in parameters)
    first, second = settings.betas
    kind = {"fused": True} if fused else {"foreach": True}
    if settings.optimizer == "adam":
        return Adam(parameters, lr=rate, betas=(first, second), **kind)
    if settings.optimizer == "sgd":
        return SGD(parameters, lr=rate, momentum=first, **kind)
    return RMSprop(parameters, lr=rate, alpha=second, foreach=True)


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
