"""Training: the step, the loop around it, the games it can play, averages, checkpoints and histories."""

from course_gan.train.bigan import BiGAN
from course_gan.train.checkpoint import load_checkpoint, save_checkpoint
from course_gan.train.cyclegan import CycleGAN
from course_gan.train.ema import EMA
from course_gan.train.gan import GAN
from course_gan.train.guard import Diverged
from course_gan.train.history import History
from course_gan.train.loop import Run, run
from course_gan.train.objective import Objective, Penalty
from course_gan.train.settings import Settings
from course_gan.train.state import State
from course_gan.train.step import descend, step

__all__ = [
    "EMA",
    "GAN",
    "BiGAN",
    "CycleGAN",
    "Diverged",
    "History",
    "Objective",
    "Penalty",
    "Run",
    "Settings",
    "State",
    "descend",
    "load_checkpoint",
    "run",
    "save_checkpoint",
    "step",
]
