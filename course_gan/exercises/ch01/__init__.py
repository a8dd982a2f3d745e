"""The exercises of chapter 1, Why generate?, in the order of the chapter: from easy to hard, one module each."""

from course_gan.exercises.ch01 import (
    absolute_guess,
    best_guess,
    generator_density,
    many_futures,
    one_layer,
    regression_step,
    two_boxes,
    walker_shares,
)
from course_gan.exercises.core import Exercise

EXERCISES: tuple[Exercise, ...] = (
    best_guess.EXERCISE,
    one_layer.EXERCISE,
    absolute_guess.EXERCISE,
    two_boxes.EXERCISE,
    walker_shares.EXERCISE,
    many_futures.EXERCISE,
    regression_step.EXERCISE,
    generator_density.EXERCISE,
)
