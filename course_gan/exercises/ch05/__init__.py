"""The exercises of chapter 5, f-GAN, in the order of the chapter: from easy to hard, one module each."""

from course_gan.exercises.ch05 import (
    conjugate_by_sup,
    critic_step,
    density_ratio,
    f_divergence,
    generator_step,
    js_losses,
    reverse_kl_bound,
    swap,
)
from course_gan.exercises.core import Exercise

EXERCISES: tuple[Exercise, ...] = (
    swap.EXERCISE,
    f_divergence.EXERCISE,
    conjugate_by_sup.EXERCISE,
    reverse_kl_bound.EXERCISE,
    density_ratio.EXERCISE,
    js_losses.EXERCISE,
    critic_step.EXERCISE,
    generator_step.EXERCISE,
)
