"""The exercises of chapter 2, Divergences, in the order of the chapter: from easy to hard, one module each."""

from course_gan.exercises.ch02 import (
    closest_gaussian,
    js_divergence,
    kl_divergence,
    kl_from_logits,
    kl_from_samples,
    kl_gaussian,
    maximum_likelihood,
    total_variation,
)
from course_gan.exercises.core import Exercise

EXERCISES: tuple[Exercise, ...] = (
    total_variation.EXERCISE,
    kl_divergence.EXERCISE,
    js_divergence.EXERCISE,
    kl_gaussian.EXERCISE,
    closest_gaussian.EXERCISE,
    maximum_likelihood.EXERCISE,
    kl_from_samples.EXERCISE,
    kl_from_logits.EXERCISE,
)
