"""The loops that everyone writes: the baseline.

They are correct and not slowed down on purpose: fakes are detached, the losses take logits, activations of images work
in place, nothing is printed.  What makes them plain: a `DataLoader` that fetches item by item, Adam with its default
implementation, a critic that stays trainable in the generator's step, `.item()` after each step, and a moving average
written as a Python loop.  There are networks written as everyone writes them, too: as an `nn.Sequential`.
"""

import copy
from collections.abc import Iterator

import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms


class Points(Dataset[Tensor]):
    """Points in the plane, one at a time."""

    def __init__(self, points: Tensor) -> None:
        """Keep the points (n, 2)."""
        self.points = points

    def __len__(self) -> int:
        """How many there are."""
        return len(self.points)

    def __getitem__(self, index: int) -> Tensor:
        """One of them."""
        return self.points[index]


class Pictures(Dataset[Tensor]):
    """Gray images (n, 1, h, w) of bytes, opened and transformed one at a time, as torchvision's MNIST does it."""

    def __init__(self, images: Tensor) -> None:
        """Keep the images."""
        self.images = images[:, 0]
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])

    def __len__(self) -> int:
        """How many there are."""
        return len(self.images)

    def __getitem__(self, index: int) -> Tensor:
        """One image in [-1, 1], (1, h, w)."""
        return self.transform(Image.fromarray(self.images[index].numpy()))


def mlp_networks(width: int = 128) -> tuple[nn.Module, nn.Module]:
    """Two hidden layers on both sides, for points in the plane."""
    generator = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))
    critic = nn.Sequential(
        nn.Linear(2, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, 1),
        nn.Flatten(0),
    )
    return generator, critic


def dcgan_networks(latent: int = 100, width: int = 64) -> tuple[nn.Module, nn.Module]:
    """DCGAN for 28 × 28 pixels, convolutions from the noise to the score."""
    generator = nn.Sequential(
        nn.Unflatten(1, (latent, 1, 1)),
        nn.ConvTranspose2d(latent, 2 * width, kernel_size=7, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(2 * width, width, kernel_size=4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
        nn.ConvTranspose2d(width, 1, kernel_size=4, stride=2, padding=1),
        nn.Tanh(),
    )
    critic = nn.Sequential(
        nn.Conv2d(1, width, kernel_size=4, stride=2, padding=1),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(width, 2 * width, kernel_size=4, stride=2, padding=1, bias=False),
        nn.BatchNorm2d(2 * width),
        nn.LeakyReLU(0.2, inplace=True),
        nn.Conv2d(2 * width, 1, kernel_size=7),
        nn.Flatten(0),
    )
    return generator, critic


def endless(dataset: Dataset[Tensor], batch: int) -> Iterator[Tensor]:
    """Epoch after epoch."""
    loader = DataLoader(dataset, batch_size=batch, shuffle=True, drop_last=True)
    while True:
        yield from loader


class PlainGAN:
    """A GAN with the non-saturating loss."""

    critic_steps = 1

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        latent: int,
        batches: Iterator[Tensor],
        fresh_noise: bool = True,
        rate: float = 2e-4,
    ) -> None:
        """Take the players, the size of the noise, and the data; without fresh noise, a step has one batch of fakes."""
        self.fresh_noise = fresh_noise
        self.generator, self.critic, self.latent, self.batches = generator, critic, latent, batches
        self.average = copy.deepcopy(generator)
        self.generator_optimizer = torch.optim.Adam(generator.parameters(), lr=rate, betas=(0.5, 0.999))
        self.critic_optimizer = torch.optim.Adam(critic.parameters(), lr=rate, betas=(0.5, 0.999))
        self.critic_losses: list[float] = []
        self.generator_losses: list[float] = []

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """Binary cross-entropy: real is 1, fake is 0."""
        real_score, fake_score = self.critic(real), self.critic(fake)
        real_loss = binary_cross_entropy_with_logits(real_score, torch.ones_like(real_score))
        return real_loss + binary_cross_entropy_with_logits(fake_score, torch.zeros_like(fake_score))

    def generator_loss(self, fake: Tensor) -> Tensor:
        """Binary cross-entropy with the label flipped."""
        score = self.critic(fake)
        return binary_cross_entropy_with_logits(score, torch.ones_like(score))

    def step(self) -> None:
        """Train the critic, then the generator, then average the weights."""
        for _ in range(self.critic_steps):
            real = next(self.batches)
            fake = self.generator(torch.randn(len(real), self.latent))
            loss = self.critic_loss(real, fake.detach())
            self.critic_optimizer.zero_grad()
            loss.backward()
            self.critic_optimizer.step()
            self.critic_losses.append(loss.item())
        if self.fresh_noise:
            fake = self.generator(torch.randn(len(real), self.latent))
        loss = self.generator_loss(fake)
        self.generator_optimizer.zero_grad()
        loss.backward()
        self.generator_optimizer.step()
        self.generator_losses.append(loss.item())
        with torch.no_grad():
            for mean, value in zip(self.average.parameters(), self.generator.parameters(), strict=True):
                mean.mul_(0.999).add_(value, alpha=0.001)
            for mean, value in zip(self.average.buffers(), self.generator.buffers(), strict=True):
                mean.copy_(value)

    def run(self, steps: int) -> None:
        """Train."""
        for _ in range(steps):
            self.step()


class PlainWGANGP(PlainGAN):
    """WGAN with gradient penalty, five critic steps to one of the generator."""

    critic_steps = 5

    def critic_loss(self, real: Tensor, fake: Tensor) -> Tensor:
        """The difference of mean scores, and ten times the squared distance of the slope from one."""
        alpha = torch.rand(len(real), *[1] * (real.ndim - 1))
        between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        score = self.critic(between)
        (gradient,) = torch.autograd.grad(score, between, torch.ones_like(score), create_graph=True)
        penalty = ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()
        return self.critic(fake).mean() - self.critic(real).mean() + 10 * penalty

    def generator_loss(self, fake: Tensor) -> Tensor:
        """The mean score, to be raised."""
        return -self.critic(fake).mean()
