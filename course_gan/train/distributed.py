r"""Training on several processes: start them with `torchrun`, broadcast once, average the gradients once per phase.

Each process (rank) computes the mean gradient over its own rows of the batch.  The batch means of losses and penalties
are means over samples, so the mean of the ranks' gradients is the gradient over the joined batch, as long as all ranks
have equally many rows.  That holds after *any* number of backward passes, so it holds for penalties, lazy or not:

    loss.backward()
    sync_gradients(critic.parameters())
    optimizer.step()

torch's DistributedDataParallel averages inside the backward pass instead.  With a gradient penalty that is right only
for a single backward pass, and with `static_graph=True` it silently gives each rank another gradient.

With a single process every function here does nothing, so a script needs no second version.
"""

import hashlib
import os
from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn

from course_gan.inputs import at_least_single

__all__ = ["assert_same", "broadcast_", "cleanup", "rank", "setup", "sync_gradients", "world"]


def rank() -> int:
    """The number of this process among all, on all machines: 0 for the first, and for a single one."""
    return dist.get_rank() if _started() else 0


def world() -> int:
    """How many processes train together; 1 without `torchrun`."""
    return dist.get_world_size() if _started() else 1


def _started() -> bool:
    return dist.is_available() and dist.is_initialized()


def setup(backend: str | None = None) -> torch.device:
    """Join the processes that `torchrun` has started, and return the device of this one.

    `backend` is "nccl" (one GPU a process, the default where there is one) or "gloo" (the CPU).  Without `torchrun`, or
    when called again, it only returns the device.  `torchrun` tells each process who it is by environment variables.
    """
    backend = backend or ("nccl" if torch.cuda.is_available() else "gloo")
    device = torch.device("cpu")
    if backend == "nccl":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not _started():
        missing = [name for name in ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT") if name not in os.environ]
        if missing:
            raise ValueError(
                f"WORLD_SIZE is {os.environ['WORLD_SIZE']}, but not set: {', '.join(missing)}; wanted the environment "
                "of torchrun. Start with: torchrun --nproc-per-node 2 script.py"
            )
        dist.init_process_group(backend)
    return device


def cleanup() -> None:
    """Leave the group of processes; call it at the end."""
    if _started():
        dist.destroy_process_group()


def broadcast_(modules: nn.Module | Iterable[nn.Module]) -> None:
    """Give every process the parameters and buffers of rank 0, in place; call it once, before training.

    Buffers (running statistics, the vectors of a spectral norm) are not averaged later: they stay local to a rank.
    """
    if world() == 1:
        return
    modules = [modules] if isinstance(modules, nn.Module) else list(modules)
    tensors = [tensor for module in modules for tensor in (*module.parameters(), *module.buffers())]
    if not tensors:
        return
    # One message of bytes: it carries every dtype, also those that a backend cannot send, and every memory format.
    pieces = [_bytes(tensor) for tensor in tensors]
    flat = torch.cat(pieces)
    dist.broadcast(flat, src=0)
    with torch.no_grad():
        for tensor, piece in zip(tensors, torch.split(flat, [len(piece) for piece in pieces])):
            # A copy of the piece, as a number has to start at a multiple of its size.
            tensor.copy_(piece.clone().view(tensor.dtype).view(tensor.shape))


def sync_gradients(parameters: Iterable[Tensor]) -> None:
    r"""Replace each gradient by its mean over the processes, $\frac1W \sum_r \nabla_r$, by a single all-reduce.

    Call it between `backward()` and `step()` on every rank, with the same parameters in the same order.  A gradient
    that is None on some ranks counts as zeros there; None on all of them, it stays None, as with one process.
    """
    if world() == 1:
        return
    parameters = [parameter for parameter in parameters if parameter.requires_grad]
    if not parameters:
        return
    gradients = [torch.zeros_like(p) if p.grad is None else p.grad for p in parameters]
    present = torch.tensor([p.grad is not None for p in parameters], device=parameters[0].device, dtype=torch.float32)
    flat = torch.cat([*(at_least_single(gradient).reshape(-1) for gradient in gradients), present])
    dist.all_reduce(flat)
    sizes = [*(gradient.numel() for gradient in gradients), len(parameters)]
    *means, present = torch.split(flat / world(), sizes)
    for parameter, mean, somewhere in zip(parameters, means, present):
        if parameter.grad is not None:
            parameter.grad.copy_(mean.view_as(parameter))
        elif somewhere > 0:  # the host waits for the device here, only for parameters without a gradient
            parameter.grad = mean.view_as(parameter).to(parameter.dtype, copy=True)


def assert_same(tensors: Iterable[Tensor]) -> None:
    """Raise RuntimeError on every rank unless all ranks hold bitwise the same tensors; the host waits for the device.

    Ranks that start alike and step by the same gradients stay alike; a difference means that a gradient was not synced
    or that random numbers differ where they should not.  Call it at checkpoints.
    """
    if world() == 1:
        return
    digests: list[list[str]] = [[] for _ in range(world())]
    dist.all_gather_object(digests, [_digest(tensor) for tensor in tensors])
    for other, theirs in enumerate(digests):
        if theirs != digests[0]:
            different = [i for i, pair in enumerate(zip(digests[0], theirs)) if pair[0] != pair[1]]
            which = (
                f"tensor {different[0]} and {len(different) - 1} more differ" if different else "their number differs"
            )
            raise RuntimeError(
                f"rank {other} does not hold the tensors of rank 0: {which}; wanted the same on all ranks. "
                "Call broadcast_ before training, and sync_gradients after each backward pass, before the step."
            )


def _bytes(tensor: Tensor) -> Tensor:
    """The entries of a tensor as a flat tensor of bytes, row by row whatever its memory format."""
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8)


def _digest(tensor: Tensor) -> str:
    header = f"{tensor.dtype} {tuple(tensor.shape)} ".encode()
    return hashlib.sha256(header + _bytes(tensor).cpu().numpy().tobytes()).hexdigest()
