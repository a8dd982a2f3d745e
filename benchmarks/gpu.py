"""Images a second on a GPU: eager, compiled, and with the whole step captured in a CUDA graph.

The step is the algorithm of `course_gan.train.step` on data that lie on the device: one critic step, one generator
step, fused Adam.  In a captured graph nothing may be decided by the host, so here the batch is drawn on the device with
replacement, for all three ways alike.  The share of the peak is floating point operations a second over those of a
large matrix product in the same precision, measured in the same run.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.training import picture_networks, toy_networks
from course_gan import data, losses


@dataclass(frozen=True)
class Speed:
    """What one way of running reached."""

    way: str
    images: float
    flops: float
    share: float


def matrix_peak(dtype: torch.dtype, size: int = 8192, repeats: int = 20) -> float:
    """Floating point operations a second of a large square matrix product."""
    a, b = (torch.randn(size, size, device="cuda", dtype=dtype) for _ in range(2))
    return 2 * size**3 / _per_call(lambda: a @ b, repeats)


def measure(name: str, batch: int, precision: torch.dtype = torch.float32, repeats: int = 200) -> list[Speed]:
    """Speeds of the toy MLP ("toy") or of DCGAN ("pictures")."""
    rng = torch.Generator().manual_seed(0)
    if name == "toy":
        networks, stored = toy_networks, data.ring(8).sample(100_000, rng)
    else:
        networks, stored = picture_networks, data.glyphs(20_000, rng, size=28)[0]
    peak = matrix_peak(precision)
    speeds = []
    for way in ("eager", "compiled", "captured"):
        generator, critic = (player.cuda() for player in networks())
        step = make_step(generator, critic, stored.cuda(), batch, precision, compiled=way == "compiled")
        with FlopCounterMode(display=False) as counter:
            make_step(generator, critic, stored.cuda(), batch, precision, compiled=False)()
        run = captured(step) if way == "captured" else step
        per_step = _per_call(run, repeats)
        flops = counter.get_total_flops() / per_step
        speeds.append(Speed(way, batch / per_step, flops, flops / peak))
    return speeds


def make_step(
    generator: nn.Module, critic: nn.Module, stored: Tensor, batch: int, precision: torch.dtype, compiled: bool
) -> Callable[[], None]:
    """One training step without arguments and without a decision of the host."""
    loss = losses.get("non-saturating")
    latent = int(generator.latent)  # type: ignore[arg-type]
    options = {"lr": 2e-4, "betas": (0.5, 0.999), "fused": True, "capturable": True}
    critic_optimizer = torch.optim.Adam(critic.parameters(), **options)
    generator_optimizer = torch.optim.Adam(generator.parameters(), **options)
    autocast = torch.autocast("cuda", precision, enabled=precision != torch.float32)

    def critic_loss(real: Tensor, z: Tensor) -> Tensor:
        with autocast:
            with torch.no_grad():
                fake = generator(z)
            return loss.critic(critic(real).float(), critic(fake).float())

    def generator_loss(real: Tensor, z: Tensor) -> Tensor:
        with autocast:
            return loss.generator(critic(generator(z)).float(), critic(real).detach().float())

    first, second = (torch.compile(f) if compiled else f for f in (critic_loss, generator_loss))

    def step() -> None:
        rows = torch.randint(len(stored), (batch,), device=stored.device)
        real = stored[rows]
        critic_optimizer.zero_grad(set_to_none=True)
        first(real, torch.randn(batch, latent, device=stored.device)).backward()
        critic_optimizer.step()
        critic.requires_grad_(False)
        generator_optimizer.zero_grad(set_to_none=True)
        second(real, torch.randn(batch, latent, device=stored.device)).backward()
        generator_optimizer.step()
        critic.requires_grad_(True)

    return step


def captured(step: Callable[[], None]) -> Callable[[], None]:
    """The whole step as one CUDA graph, recorded once and replayed."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(5):  # cuDNN chooses its kernels and Adam makes its state before the recording
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def _per_call(call: Callable[[], object], repeats: int) -> float:
    """Seconds a call, by the device's own clock, after a warm-up that pays for compilation."""
    for _ in range(10):
        call()
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(repeats):
        call()
    torch.cuda.synchronize()
    return (time.perf_counter() - start) / repeats
