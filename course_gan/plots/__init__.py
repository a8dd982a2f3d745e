"""The book's figures, one function each: every function returns the Figure and draws on given axes if asked to."""

from course_gan.plots.boxes import moving_boxes
from course_gan.plots.fits import covering_and_seeking
from course_gan.plots.integrands import js_through_the_middle, kl_point_by_point, kl_small_multiples
from course_gan.plots.landing import cover
from course_gan.plots.style import use_style
from course_gan.plots.surprise import excess_surprise

__all__ = [
    "cover",
    "covering_and_seeking",
    "excess_surprise",
    "js_through_the_middle",
    "kl_point_by_point",
    "kl_small_multiples",
    "moving_boxes",
    "use_style",
]
