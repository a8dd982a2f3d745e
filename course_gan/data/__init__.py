r"""What the chapters learn from: toys with known densities, drawn images, digits, real sets, and batches of them.

A sampler is a callable `(n, generator) -> tensor (n, …)`, or `-> (images, labels)`: it never runs out.
Nothing here needs a download; `load` reads real sets that are there already.
"""

from course_gan.data.batches import Batch, Batches, Source
from course_gan.data.digits import Split, digits, digits_split, stratified_split
from course_gan.data.folder import ImageFolder, image_folder
from course_gan.data.frames import VERDICTS, Futures, both_futures, conditional_mean, ghost, sides, two_futures, verdict
from course_gan.data.glyphs import GLYPHS, draw_strokes, glyphs
from course_gan.data.images import load
from course_gan.data.mixture import Mixture
from course_gan.data.pixels import to_float, to_uint8
from course_gan.data.stacked import stacked_mnist, stacked_sampler
from course_gan.data.stripes import Stripes, stripes
from course_gan.data.toy import Sampler, f_gan_mixture, grid, mixture_1d, ring, swiss_roll, two_moons
from course_gan.data.unpaired import Unpaired

__all__ = [
    "GLYPHS",
    "VERDICTS",
    "Batch",
    "Batches",
    "Futures",
    "ImageFolder",
    "Mixture",
    "Sampler",
    "Source",
    "Split",
    "Stripes",
    "Unpaired",
    "both_futures",
    "conditional_mean",
    "digits",
    "digits_split",
    "draw_strokes",
    "f_gan_mixture",
    "ghost",
    "glyphs",
    "grid",
    "image_folder",
    "load",
    "mixture_1d",
    "ring",
    "sides",
    "stacked_mnist",
    "stacked_sampler",
    "stratified_split",
    "stripes",
    "swiss_roll",
    "to_float",
    "to_uint8",
    "two_futures",
    "two_moons",
    "verdict",
]
