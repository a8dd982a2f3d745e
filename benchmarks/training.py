"""One training loop against the other: the same networks, the same batch, the same number of steps.

Both sides have our networks, so that it is the loops that are compared; or the plain loop has its own, `sequential`,
which are the same functions.  Each side runs in a process of its own; all that is handed to it can be pickled.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from benchmarks.paired import Ratio, Run, compare_apart
from benchmarks.plain import Pictures, PlainGAN, PlainWGANGP, Points, dcgan_networks, endless, mlp_networks
from course_gan import data, losses, nets, train

Networks = Callable[[], tuple[nn.Module, nn.Module]]


def toy_networks() -> tuple[nn.Module, nn.Module]:
    """Two hidden layers of 128 units on both sides."""
    generator = nets.MLPGenerator(2, (2,), hidden=(128, 128), output="linear")
    return generator, nets.MLPCritic((2,), hidden=(128, 128))


def picture_networks() -> tuple[nn.Module, nn.Module]:
    """DCGAN for 28 × 28 pixels; the critic has batch normalization, as in the paper."""
    return nets.DCGANGenerator(28), nets.DCGANCritic(28)


def points() -> Tensor:
    """A ring of eight Gaussians in the plane."""
    return data.ring(8).sample(20_000, torch.Generator().manual_seed(0))


def bytes_of_pictures() -> Tensor:
    """Glyphs as a file of images has them."""
    images, _ = data.glyphs(10_000, torch.Generator().manual_seed(0), size=28)
    return ((images + 1) * 127.5).round().to(torch.uint8)


def toy(penalty: bool, steps: int, pairs: int = 7, sequential: bool = False) -> Ratio:
    """A GAN, or a WGAN with gradient penalty, on points, batch 256."""
    ours = partial(make_ours, toy_networks, points, steps, 256, penalty)
    networks = mlp_networks if sequential else toy_networks
    return compare_apart(ours, partial(make_plain, networks, 2, points, Points, steps, 256, penalty), pairs)


def pictures(
    steps: int,
    pairs: int = 7,
    sequential: bool = False,
    precision: str = "float32",
    fresh_noise: tuple[bool, bool] = (True, True),
) -> Ratio:
    """DCGAN on pictures, batch 64; `precision` is that of our side, `fresh_noise` is for ours and for the other one."""
    ours = partial(
        make_ours, picture_networks, bytes_of_pictures, steps, 64, precision=precision, fresh_noise=fresh_noise[0]
    )
    networks = dcgan_networks if sequential else picture_networks
    other = partial(make_plain, networks, 100, bytes_of_pictures, Pictures, steps, 64, fresh_noise=fresh_noise[1])
    return compare_apart(ours, other, pairs)


def make_plain(
    networks: Networks,
    latent: int,
    stored: Callable[[], Tensor],
    dataset: Callable[[Tensor], Dataset[Any]],
    steps: int,
    batch: int,
    penalty: bool = False,
    fresh_noise: bool = True,
) -> Run:
    """The loop that everyone writes; the networks go on from where they are."""
    batches = endless(dataset(stored()), batch)
    return partial((PlainWGANGP if penalty else PlainGAN)(*networks(), latent, batches, fresh_noise).run, steps)


def make_ours(
    networks: Networks,
    stored: Callable[[], Tensor],
    steps: int,
    batch: int,
    penalty: bool = False,
    **chosen: Any,
) -> Run:
    """`train.run` with `chosen` settings; the networks go on from where they are."""
    generator, critic = networks()
    loss = losses.get("wasserstein" if penalty else "non-saturating")
    penalties = [train.Penalty("gradient-penalty", 10.0)] if penalty else []
    objective = train.GAN(generator, critic, loss, penalties)
    settings = train.Settings(steps=steps, batch=batch, critic_steps=5 if penalty else 1, ema=0.999, **chosen)
    return partial(train.run, objective, data.Batches(stored(), batch), settings, progress=False)
