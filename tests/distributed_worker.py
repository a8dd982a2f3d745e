"""What each of two processes does in test_distributed.py: run every case and save what came out.

Started as a program, with the environment that torchrun would give: `python distributed_worker.py FOLDER`.
"""

import sys
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from course_gan.penalties import PENALTIES, spectral_norm_
from course_gan.train.distributed import assert_same, broadcast_, cleanup, rank, setup, sync_gradients, world

ROWS, STEPS, WEIGHT = 8, 4, 10.0  # the joined batch, of which each rank has one half


def critic(seed: int) -> nn.Module:
    """An MLP with biases, whose last bias is in no penalty, and with a spectral norm in training mode."""
    generator = torch.Generator().manual_seed(seed)
    first, middle, last = nn.Linear(3, 8), nn.Linear(8, 8), nn.Linear(8, 1)
    module = nn.Sequential(first, nn.LeakyReLU(0.2), middle, nn.Tanh(), last).double()
    with torch.no_grad():  # slopes on both sides of 1, so that the one-sided penalty takes some of them
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    spectral_norm_(middle)
    return module


def batch(step: int) -> tuple[Tensor, Tensor]:
    """The joined batch of a step: 8 real rows and 8 fake ones."""
    real, fake = torch.randn(2, ROWS, 3, generator=torch.Generator().manual_seed(step), dtype=torch.float64)
    return real, fake + 1


def alphas(step: int, first_row: int) -> torch.Generator:
    """The stream of the joined batch's α, wound forward to the first row of a rank."""
    generator = torch.Generator().manual_seed(100 + step)
    torch.rand(first_row, 1, dtype=torch.float64, generator=generator)
    return generator


def gradients(
    name: str, every: int, backwards: int, rows: slice, sync: Callable[[list[Tensor]], None]
) -> list[list[Tensor]]:
    """The gradients of a critic's first steps: Wasserstein terms, and a penalty every so many steps, times as much."""
    module = critic(0)
    parameters = list(module.parameters())
    optimizer = torch.optim.SGD(parameters, lr=0.001)
    history = []
    for step in range(STEPS):
        real, fake = (points[rows] for points in batch(step))
        terms = [module(fake).mean() - module(real).mean()]
        if step % every == 0:
            penalty = PENALTIES[name](module, real, fake, alphas(step, rows.start))
            terms.append(WEIGHT * every * penalty)
        optimizer.zero_grad()
        for term in [sum(terms)] if backwards == 1 else terms:
            term.backward()
        sync(parameters)
        history.append([parameter.grad.clone() for parameter in parameters])
        optimizer.step()
    return history


CASES = [(name, every, backwards) for name in PENALTIES for every in (1, 3) for backwards in (1, 2)]


def through_ddp(backwards: int, rows: slice, **options: bool) -> list[Tensor]:
    """The gradient of one step where DistributedDataParallel averages; autograd.grad, as everyone writes it."""
    module = critic(0).eval()  # in training mode DDP also broadcasts the vectors of the spectral norm
    wrapped = DistributedDataParallel(module, **options)
    real, fake = (points[rows] for points in batch(0))
    alpha = torch.rand(len(real), 1, dtype=torch.float64, generator=alphas(0, rows.start))
    middle = (alpha * real + (1 - alpha) * fake).requires_grad_()
    (inner,) = torch.autograd.grad(wrapped(middle).sum(), middle, create_graph=True)
    penalty = WEIGHT * (inner.norm(dim=1) - 1).square().mean()
    terms = wrapped(fake).mean() - wrapped(real).mean()
    for term in [terms + penalty] if backwards == 1 else [terms, penalty]:
        term.backward()
    return [parameter.grad.clone() for parameter in module.parameters()]


class Mixture(nn.Module):
    """Tensors of every kind that a network may hold."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        image = torch.randn(2, 3, 4, 4, generator=generator)
        self.scalar = nn.Parameter(torch.randn((), generator=generator))
        self.coarse = nn.Parameter(torch.randn(3, generator=generator).bfloat16())
        self.image = nn.Parameter(image.to(memory_format=torch.channels_last))
        self.frozen = nn.Parameter(torch.randn(3, generator=generator).double(), requires_grad=False)
        self.register_buffer("flag", torch.tensor([seed == 0, True, False]))
        self.register_buffer("count", torch.tensor(2**40 + seed))


def broadcasts() -> dict[str, object]:
    mixture, norm, other = Mixture(rank()), nn.BatchNorm1d(3), critic(rank())
    norm(torch.randn(5, 3, generator=torch.Generator().manual_seed(rank())))
    before = [{k: v.clone() for k, v in module.state_dict().items()} for module in (mixture, norm, other)]
    broadcast_(iter([mixture, norm]))
    broadcast_(other)
    broadcast_(nn.Tanh())
    after = [module.state_dict() for module in (mixture, norm, other)]
    kept = mixture.image.is_contiguous(memory_format=torch.channels_last)
    return {"before": before, "after": after, "kept memory format": kept}


def missing_gradients() -> list[Tensor | None]:
    """Gradients of parameters used by both ranks, by the second only, by none; in two dtypes; and a frozen one."""
    shapes = ((2, 3, 4, 4), (3,), (2,), (1,))
    both, second, none, half = (nn.Parameter(torch.ones(shape)) for shape in shapes)
    half.data = half.data.bfloat16()
    frozen = nn.Parameter(torch.ones(2), requires_grad=False)
    arange = torch.arange(96.0).reshape(2, 3, 4, 4)
    both.grad = (arange * (rank() + 1)).to(memory_format=torch.channels_last)
    half.grad = torch.tensor([1.0 + 2 * rank()]).bfloat16()
    second.grad = torch.tensor([1.0, 2.0, 3.0]) if rank() == 1 else None
    sync_gradients(iter([both, second, none, half, frozen]))
    sync_gradients([frozen])
    return [both.grad, second.grad, none.grad, half.grad, frozen.grad]


def refusals() -> list[str]:
    """What assert_same says of equal tensors, of another value, of another number of tensors."""
    same = [torch.arange(3), torch.tensor(float("nan")), torch.ones(2, 2)]
    differing = [torch.arange(3), torch.tensor(1.0 + 1e-7 * rank()), torch.ones(2, 2)]
    messages = []
    for tensors in (same, differing, same[: 2 + rank()]):
        try:
            assert_same(iter(tensors))
            messages.append("")
        except RuntimeError as error:
            messages.append(str(error))
    return messages


def messages_per_sync() -> int:
    """How many collective calls one sync of many parameters makes."""
    calls = []
    original = dist.all_reduce
    dist.all_reduce = lambda *args, **options: (calls.append(1), original(*args, **options))[1]
    try:
        gradients("r1", 1, 1, slice(0, ROWS), sync_gradients)
    finally:
        dist.all_reduce = original
    return len(calls) // STEPS


def main(folder: str) -> None:
    device = setup("gloo")
    assert setup("gloo") == device  # a second call does nothing
    half = ROWS // world()
    rows = slice(rank() * half, (rank() + 1) * half)
    result: dict[str, object] = {
        "identity": (rank(), world(), str(device)),
        "broadcast": broadcasts(),
        "missing": missing_gradients(),
        "refusals": refusals(),
        "messages": messages_per_sync(),
        "gradients": {case: gradients(*case, rows, sync_gradients) for case in CASES},
        "ddp": through_ddp(1, rows),
        "ddp, two backward passes": through_ddp(2, rows),
        "ddp, static graph": through_ddp(1, rows, static_graph=True),
    }
    cleanup()
    cleanup()  # a second call does nothing
    torch.save(result, Path(folder) / f"{device}-{result['identity'][0]}.pt")


if __name__ == "__main__":
    main(sys.argv[1])
