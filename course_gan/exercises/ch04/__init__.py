"""The exercises of chapter 4, The optimal discriminator, in the order of the chapter: from easy to hard."""

from course_gan.exercises.ch04 import (
    ascend_value,
    best_discriminator,
    discriminator_step,
    frozen_gradient,
    game_value,
    jsd_estimate,
    kl_from_scores,
    unequal_shares,
)
from course_gan.exercises.core import Exercise

EXERCISES: tuple[Exercise, ...] = (
    best_discriminator.EXERCISE,
    game_value.EXERCISE,
    jsd_estimate.EXERCISE,
    kl_from_scores.EXERCISE,
    unequal_shares.EXERCISE,
    ascend_value.EXERCISE,
    discriminator_step.EXERCISE,
    frozen_gradient.EXERCISE,
)
