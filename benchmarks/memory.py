"""Whether a training run needs more memory the longer it lasts."""

import gc

import psutil
import torch

from benchmarks.training import toy_networks
from course_gan import data, losses, train


def growth(steps: int = 10_000, every: int = 1_000) -> list[float]:
    """Resident memory in MB, read every `every` steps of one toy run."""
    process = psutil.Process()
    readings: list[float] = []

    def watch(step: int, run: object) -> dict[str, float]:
        if step % every == 0:
            gc.collect()
            readings.append(process.memory_info().rss / 2**20)
        return {}

    generator, critic = toy_networks()
    objective = train.GAN(generator, critic, losses.get("non-saturating"))
    points = data.ring(8).sample(20_000, torch.Generator().manual_seed(0))
    settings = train.Settings(steps=steps, batch=64, ema=0.999, tick=100)
    train.run(objective, data.Batches(points, 64), settings, progress=False, watch=watch)
    return readings
