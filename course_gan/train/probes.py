"""A question to a critic, answered by trying, once a run: may it score real and fake in one pass?"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


@torch.no_grad()
def rows_are_independent(critic: nn.Module, real: Tensor, labels: Sequence[Tensor] = ()) -> bool | None:
    """Whether the critic's score of one row stays the same, to the last bit, when the other rows change.

    If so, one pass over real and fake together gives the scores of two passes.  Batch normalization, minibatch
    discrimination and the like answer no.  The first row is scored among copies of itself and then among far
    strangers, with the same random numbers; the critic's buffers and torch's generators are left as they were.
    A critic that scores the strangers alike, as with a last layer of zeros, does not tell yet: None, ask again later.
    """
    for module in critic.modules():  # a layer that mixes rows may start with a scale of 0, and not show it now
        if isinstance(module, _BatchNorm) and (module.training or not module.track_running_stats):
            return False
    buffers = [(buffer, buffer.clone()) for buffer in critic.buffers()]
    companions = [label[:1].repeat(4, *(1,) * (label.ndim - 1)) for label in labels]
    among_copies = real[:1].repeat(4, *(1,) * (real.ndim - 1))
    among_strangers = among_copies + 3 * torch.arange(4, device=real.device).view(-1, *(1,) * (real.ndim - 1))
    scores = []
    with torch.random.fork_rng([real.device] if real.is_cuda else []):
        for rows in (among_copies, among_strangers.to(real.dtype)):
            torch.manual_seed(0)
            scores.append(critic(rows, *companions).clone())
            for buffer, value in buffers:
                buffer.copy_(value)
    among, strangers = scores
    if torch.equal(strangers, strangers[:1].expand_as(strangers)):  # the host waits for the device here, once
        return None
    return bool(torch.equal(among[0], strangers[0]))
