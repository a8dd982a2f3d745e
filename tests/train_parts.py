"""Small players and batches for the tests of training."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from course_gan import train
from course_gan.train.objective import Batch


class Generator(nn.Module):
    """z (n, 3) to points (n, 2), with labels if there are classes, batch normalization and dropout if asked for."""

    def __init__(self, classes: int = 0, norm: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.latent = 3
        self.label = nn.Embedding(classes, 3) if classes else None
        first = [nn.Linear(3, 8, bias=not norm), *([nn.BatchNorm1d(8)] if norm else [])]
        self.layers = nn.Sequential(*first, nn.ReLU(), nn.Dropout(dropout), nn.Linear(8, 2))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return self.layers(z + self.label(labels) if self.label is not None else z)


class Critic(nn.Module):
    """Points (n, 2), and labels or a code (n, 3) if asked for, to scores (n,)."""

    def __init__(self, classes: int = 0, code: int = 0, norm: bool = False, dropout: float = 0.0) -> None:
        super().__init__()
        self.label = nn.Embedding(classes, 2) if classes else None
        layers = [nn.Linear(2 + code, 8, bias=not norm), *([nn.BatchNorm1d(8)] if norm else []), nn.LeakyReLU(0.2)]
        self.layers = nn.Sequential(*layers, nn.Dropout(dropout), nn.Linear(8, 1), nn.Flatten(0))

    def forward(self, x: Tensor, other: Tensor | None = None) -> Tensor:
        if self.label is not None:
            x = x + self.label(other)
        elif other is not None:
            x = torch.cat([x, other], dim=1)
        return self.layers(x)


class Rows:
    """Endless batches, a function of their number; a tuple of `parts` tensors, or one tensor."""

    def __init__(self, size: int = 6, parts: int = 1, classes: int = 0) -> None:
        self.rows, self.parts, self.classes, self.drawn = size, parts, classes, 0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        self.drawn += 1
        random = torch.Generator().manual_seed(self.drawn)
        tensors = tuple(torch.randn(self.rows, 2, generator=random) + 2 for _ in range(self.parts))
        if self.classes:
            return (*tensors, torch.randint(self.classes, (self.rows,), generator=random))
        return tensors if self.parts > 1 else tensors[0]

    def state_dict(self) -> dict[str, int]:
        return {"drawn": self.drawn}

    def load_state_dict(self, state: dict[str, int]) -> None:
        self.drawn = state["drawn"]


def gan(
    loss: str = "non-saturating", penalties: Any = (), seed: int = 0, dtype: torch.dtype = torch.float32, **kind: Any
) -> train.GAN:
    """A GAN of small players, which start from `seed`."""
    torch.manual_seed(seed)
    classes = kind.pop("classes", 0)
    critic_norm = kind.pop("critic_norm", False)
    generator = Generator(classes, **kind).to(dtype)
    critic = Critic(classes, norm=critic_norm, dropout=kind.get("dropout", 0.0)).to(dtype)
    return train.GAN(generator, critic, loss, penalties)


def bigan(loss: str = "non-saturating", seed: int = 0) -> train.BiGAN:
    """A BiGAN of small players."""
    torch.manual_seed(seed)
    encoder = nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 3))
    return train.BiGAN(Generator(norm=True), encoder, Critic(code=3), loss)


def cyclegan(seed: int = 0, **weights: float) -> train.CycleGAN:
    """A CycleGAN of small players."""
    torch.manual_seed(seed)
    to_b, to_a = (nn.Sequential(nn.Linear(2, 8), nn.ReLU(), nn.Linear(8, 2)) for _ in range(2))
    return train.CycleGAN(to_b, to_a, Critic(), Critic(), **weights)


def settings(steps: int = 4, **others: Any) -> train.Settings:
    """Settings with visible rates."""
    return train.Settings(**{"steps": steps, "batch": 6, "critic_rate": 1e-2, "generator_rate": 1e-2, **others})


def weights(module: nn.Module) -> dict[str, Tensor]:
    """A copy of all parameters and buffers."""
    return {name: value.clone() for name, value in module.state_dict().items()}


def same(left: Any, right: Any) -> bool:
    """Whether two trees of dicts, lists and tensors are equal to the last bit."""
    if isinstance(left, Tensor):
        return isinstance(right, Tensor) and left.dtype == right.dtype and torch.equal(left, right)
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list | tuple):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) or (left != left and right != right)
