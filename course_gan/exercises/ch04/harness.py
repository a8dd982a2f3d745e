"""Two small networks made of plain tensors, and what is seen of them after a step; no reference is in here."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus
from torch.nn.utils import parameters_to_vector, vector_to_parameters

RATE = 0.5


def observe_discriminator_step(
    function: Callable[..., Any], critic_weights: Tensor, generator_weights: Tensor, real: Tensor, z: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The critic's weights after one step, what the generator holds, and which of all weights can still be trained."""
    critic = nn.Sequential(nn.Linear(2, 4), nn.Tanh(), nn.Linear(4, 1), nn.Flatten(0)).to(real.dtype)
    generator = nn.Linear(2, 2).to(real.dtype)
    vector_to_parameters(critic_weights.clone(), critic.parameters())
    vector_to_parameters(generator_weights.clone(), generator.parameters())
    optimizer = torch.optim.SGD(critic.parameters(), lr=RATE)
    softplus(-critic(generator(z))).mean().backward()  # type: ignore[no-untyped-call]  # the generator's last step
    for parameter in generator.parameters():
        parameter.grad = None
    function(critic, generator, optimizer, real, z)
    gradients = [torch.zeros_like(w) if w.grad is None else w.grad for w in generator.parameters()]
    held = torch.cat([parameters_to_vector(generator.parameters()), parameters_to_vector(gradients)])
    trainable = torch.tensor(
        [float(w.requires_grad) for w in (*critic.parameters(), *generator.parameters())], dtype=torch.float64
    )
    return parameters_to_vector(critic.parameters()).detach(), held.detach(), trainable
