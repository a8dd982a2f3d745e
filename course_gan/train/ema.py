r"""A moving average of a generator's weights, sensible in short runs, with the buffers copied."""

import copy

import torch
from torch import Tensor, nn


class EMA:
    r"""Exponential moving average of the weights of `module`: $\bar\theta \leftarrow d_t \bar\theta + (1-d_t)\theta$.

    The decay ramps up, $d_t = \min(d, \frac{1+t}{10+t})$ after t updates, so that the first weights, which are random,
    are soon forgotten: of them is left $\prod_{s<t} \frac{1+s}{10+s} = 1/\binom{t+9}{9}$ after t updates, below 1e-9
    after 50 (a constant decay of 0.999 would keep 95 %).  Buffers, such as the statistics of batch normalization, are
    copied: they belong to the weights of now, and counters have no average.

    `average` is a module like `module`, in evaluation mode, whose parameters take no gradient.
    Reference: Yazıcı et al., The unusual effectiveness of averaging in GAN training, 2019, §3 (the average); the ramp
    is that of TensorFlow's `ExponentialMovingAverage(num_updates)`.

    >>> linear = nn.Linear(1, 1, bias=False)
    >>> average = EMA(linear, decay=0.9)
    >>> with torch.no_grad():
    ...     _ = linear.weight.zero_()
    >>> average.update()
    >>> bool(average.average.weight.abs() < 0.11)
    True
    """

    average: nn.Module

    def __init__(self, module: nn.Module, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay is {decay!r}; wanted a number of [0, 1), such as 0.999.")
        self.decay = decay
        self.updates = 0
        self.average = copy.deepcopy(module).eval().requires_grad_(False)
        # Found once: walking through a module takes longer than averaging a small one.
        self._averaged: list[Tensor] = [value for value in self.average.parameters() if value.is_floating_point()]
        # The parameters themselves: what `detach` gives would stay behind when the module is moved or made double.
        self._live: list[Tensor] = [value for value in module.parameters() if value.is_floating_point()]
        self._buffers = list(zip(self.average.buffers(), module.buffers(), strict=True))

    @torch.no_grad()
    def update(self) -> None:
        """Take the weights of now into the average."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        if self._averaged:  # all weights by a few kernels, not one for each; there may be none
            try:
                torch._foreach_lerp_(self._averaged, self._live, 1 - decay)
            except RuntimeError as error:
                there, here = self._live[0], self._averaged[0]
                raise RuntimeError(
                    f"the weights are {there.dtype} on {there.device} and their average {here.dtype} on {here.device}; "
                    "wanted them alike. Make the EMA after the module is moved."
                ) from error
        for copied, live in self._buffers:
            copied.copy_(live)

    def state_dict(self) -> dict[str, Tensor | int]:
        """The average's parameters and buffers, and the number of updates as `updates`."""
        return {**self.average.state_dict(), "updates": self.updates}

    def load_state_dict(self, state: dict[str, Tensor | int]) -> None:
        """Go on from what `state_dict` returned."""
        values = dict(state)
        self.updates = int(values.pop("updates"))
        self.average.load_state_dict(values)
