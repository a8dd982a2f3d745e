"""Published experiments, small enough to run again: each a module, all in one table.

To add one: write a module with a function of a seed, and put a `Reproduction` into the table.
On the command line: `course-gan reproduce --list`.
"""

from course_gan.reproductions.core import Claim, Published, Reproduction, document, reproduce
from course_gan.reproductions.dirac_gan import DIRAC_GAN
from course_gan.reproductions.fgan_univariate import FGAN_UNIVARIATE
from course_gan.reproductions.fid_bias import FID_BIAS
from course_gan.reproductions.ring_modes import RING_MODES

__all__ = ["REPRODUCTIONS", "Claim", "Published", "Reproduction", "document", "reproduce"]

REPRODUCTIONS: dict[str, Reproduction] = {
    "dirac-gan": DIRAC_GAN,
    "fid-bias": FID_BIAS,
    "fgan-univariate": FGAN_UNIVARIATE,
    "ring-modes": RING_MODES,
}
