"""Compile whole critic losses and save what they and their eager twins give: `python compile_worker.py FILE`."""

import copy
import sys
from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_gan.penalties import PENALTIES, gradient_norms, gradient_penalty, interpolate, spectral_norm_

# The graph is captured and differentiated as for every other backend, without the minute that generating code takes.
BACKEND = "aot_eager"


def network() -> nn.Module:
    torch.manual_seed(0)
    critic = nn.Sequential(nn.Linear(3, 8), nn.LeakyReLU(0.2), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 1))
    critic[-1].weight.data *= 16  # slopes on both sides of 1, so that the one-sided penalty takes some of them
    return critic


def gradients(critic: nn.Module, loss: Callable[[], Tensor]) -> tuple[Tensor, list[Tensor]]:
    torch.manual_seed(1)  # α comes from the global stream, in compiled code as in eager
    value = loss()
    value.backward()
    return value.detach(), [parameter.grad for parameter in critic.parameters()]


def compare(critic: nn.Module, penalty: Callable[[nn.Module, Tensor, Tensor], Tensor]) -> dict[str, object]:
    real, fake = torch.randn(2, 16, 3, generator=torch.Generator().manual_seed(0))

    def loss(critic: nn.Module, weight: float) -> Tensor:
        return critic(fake).float().mean() - critic(real).float().mean() + weight * penalty(critic, real, fake)

    twins = {name: copy.deepcopy(critic) for name in ("eager", "compiled", "without penalty")}
    whole = torch.compile(lambda: loss(twins["compiled"], 10.0), fullgraph=True, backend=BACKEND)
    return {
        "eager": gradients(twins["eager"], lambda: loss(twins["eager"], 10.0)),
        "compiled": gradients(twins["compiled"], whole),
        "without penalty": gradients(twins["without penalty"], lambda: loss(twins["without penalty"], 0.0)),
    }


def in_autocast(critic: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16):
        return gradient_penalty(critic, real, fake)


def named(name: str) -> Callable[[nn.Module, Tensor, Tensor], Tensor]:
    return lambda critic, real, fake: PENALTIES[name](critic, real, fake, None)


def compiled_critic() -> dict[str, object]:
    """A critic that was compiled by itself, in an eager penalty."""
    critic = network()
    points = interpolate(torch.zeros(4, 3), torch.ones(4, 3))
    twin = torch.compile(copy.deepcopy(critic), backend=BACKEND)
    both = {"eager": critic, "compiled": twin}
    for module in both.values():
        (module(points).sum() + gradient_norms(module, points).square().sum()).backward()
    return {name: [parameter.grad for parameter in module.parameters()] for name, module in both.items()}


def main(file: str) -> None:
    flat = network()
    for parameter in flat.parameters():
        nn.init.zeros_(parameter)
    results = {name: compare(network(), named(name)) for name in PENALTIES}
    results["flat"] = compare(flat, named("gradient-penalty"))
    results["spectral norm"] = compare(spectral_norm_(network()), named("gradient-penalty"))
    results["autocast"] = compare(network(), in_autocast)
    results["compiled critic"] = compiled_critic()
    torch.save(results, file)


if __name__ == "__main__":
    main(sys.argv[1])
