"""The exercises of chapter 3, The minimax game, in the order of the chapter: from easy to hard, one module each."""

from course_gan.exercises.ch03 import (
    balanced_cross_entropy,
    critic_loss,
    critic_step,
    game_value,
    generator_gradient,
    generator_losses,
    generator_step,
    training_step,
)
from course_gan.exercises.core import Exercise

EXERCISES: tuple[Exercise, ...] = (
    game_value.EXERCISE,
    critic_loss.EXERCISE,
    generator_losses.EXERCISE,
    balanced_cross_entropy.EXERCISE,
    generator_gradient.EXERCISE,
    critic_step.EXERCISE,
    generator_step.EXERCISE,
    training_step.EXERCISE,
)
