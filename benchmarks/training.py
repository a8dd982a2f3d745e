"""One training loop against the other: the same networks, the same batch, the same number of steps."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.paired import Ratio, compare
from benchmarks.plain import Pictures, PlainGAN, PlainWGANGP, Points, endless
from course_gan import data, losses, nets, train

Networks = Callable[[], tuple[nn.Module, nn.Module]]


def toy_networks() -> tuple[nn.Module, nn.Module]:
    """Two hidden layers of 128 units on both sides."""
    generator = nets.MLPGenerator(2, (2,), hidden=(128, 128), output="linear")
    return generator, nets.MLPCritic((2,), hidden=(128, 128))


def picture_networks() -> tuple[nn.Module, nn.Module]:
    """DCGAN for 28 × 28 pixels; the critic has batch normalization, as in the paper."""
    return nets.DCGANGenerator(28), nets.DCGANCritic(28)


def toy(penalty: bool, steps: int, pairs: int = 7) -> Ratio:
    """A GAN, or a WGAN with gradient penalty, on a ring of eight Gaussians in the plane, batch 256."""
    points = data.ring(8).sample(20_000, torch.Generator().manual_seed(0))
    return _compare(toy_networks, points, Points(points), penalty, steps, 256, pairs)


def pictures(steps: int, pairs: int = 7, precision: str = "float32") -> Ratio:
    """DCGAN on 28 × 28 pixels, batch 64; `precision` is that of our side, the plain loop's is float32."""
    images, _ = data.glyphs(10_000, torch.Generator().manual_seed(0), size=28)
    stored = ((images + 1) * 127.5).round().to(torch.uint8)
    return _compare(picture_networks, stored, Pictures(stored), False, steps, 64, pairs, precision)


def _compare(
    networks: Networks,
    stored: Tensor,
    dataset: Any,
    penalty: bool,
    steps: int,
    batch: int,
    pairs: int,
    precision: str = "float32",
) -> Ratio:
    plain = (PlainWGANGP if penalty else PlainGAN)(*networks(), endless(dataset, batch))
    ours = _ours(networks, stored, penalty, steps, batch, precision)
    return compare(ours, lambda: plain.run(steps), pairs)


def _ours(
    networks: Networks, stored: Tensor, penalty: bool, steps: int, batch: int, precision: str
) -> Callable[[], object]:
    """A call that trains for `steps` steps; the networks go on from where they are."""
    generator, critic = networks()
    loss = losses.get("wasserstein" if penalty else "non-saturating")
    penalties = [train.Penalty("gradient-penalty", 10.0)] if penalty else []
    objective = train.GAN(generator, critic, loss, penalties)
    settings = train.Settings(
        steps=steps, batch=batch, critic_steps=5 if penalty else 1, ema=0.999, precision=precision
    )
    batches = data.Batches(stored, batch)
    return lambda: train.run(objective, batches, settings, progress=False)
