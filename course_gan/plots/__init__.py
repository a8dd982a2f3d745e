"""The book's figures, one function each: every function returns the Figure and draws on given axes if asked to.

`film` returns a `Film`, to play in a page; its `.still` is a Figure.  `alt_text(figure)` says what a figure shows.
"""

from course_gan.plots.board import game_board
from course_gan.plots.boxes import moving_boxes
from course_gan.plots.clouds import samples
from course_gan.plots.critics import critic_landscape, decision_surface, gradient_field
from course_gan.plots.description import alt_text, describe, save
from course_gan.plots.discriminators import (
    Snapshot,
    four_panels,
    js_estimates,
    shares_of_outcomes,
    trained_discriminators,
    value_at_a_point,
)
from course_gan.plots.dynamics import trajectories, vector_field
from course_gan.plots.fgan import (
    gaussians_in_the_plane,
    gaussians_on_the_line,
    hull,
    learned_critics,
    misled,
    price_lists,
    supporting_lines,
)
from course_gan.plots.films import Film, film
from course_gan.plots.fits import covering_and_seeking
from course_gan.plots.game_value import generator_losses, value_as_area
from course_gan.plots.generators import futures_grid, futures_shares, push_forward, push_forward_frames
from course_gan.plots.images import image_grid
from course_gan.plots.integrands import js_through_the_middle, kl_point_by_point, kl_small_multiples
from course_gan.plots.landing import cover
from course_gan.plots.landscape_films import landscape_film
from course_gan.plots.line_films import push_forward_film
from course_gan.plots.plans import transport_matrix, transport_plan
from course_gan.plots.seeds import histories
from course_gan.plots.style import use_style
from course_gan.plots.surprise import excess_surprise

__all__ = [
    "Film",
    "Snapshot",
    "alt_text",
    "cover",
    "covering_and_seeking",
    "critic_landscape",
    "decision_surface",
    "describe",
    "excess_surprise",
    "film",
    "four_panels",
    "futures_grid",
    "futures_shares",
    "game_board",
    "gaussians_in_the_plane",
    "gaussians_on_the_line",
    "generator_losses",
    "gradient_field",
    "histories",
    "hull",
    "image_grid",
    "js_estimates",
    "js_through_the_middle",
    "kl_point_by_point",
    "kl_small_multiples",
    "landscape_film",
    "learned_critics",
    "misled",
    "moving_boxes",
    "price_lists",
    "push_forward",
    "push_forward_film",
    "push_forward_frames",
    "samples",
    "save",
    "shares_of_outcomes",
    "supporting_lines",
    "trained_discriminators",
    "trajectories",
    "transport_matrix",
    "transport_plan",
    "use_style",
    "value_as_area",
    "value_at_a_point",
    "vector_field",
]
