"""The main experiment of each chapter, as a file of plain values: what is trained, on what, and what one should see.

    recipe = recipes.load("ring")                                 # or a file of your own: "mine.toml"
    run = train.run(*recipes.build(recipe, seed=0, device="cpu"))

On the command line this is `course-gan train ring`.
"""

from course_gan.recipes.assembly import build, load, names
from course_gan.recipes.schema import Recipe, change, nearest
from course_gan.recipes.scores import score
from course_gan.recipes.sources import SOURCES, Source
from course_gan.recipes.training import Summary, train_seed

__all__ = [
    "SOURCES",
    "Recipe",
    "Source",
    "Summary",
    "build",
    "change",
    "load",
    "names",
    "nearest",
    "score",
    "train_seed",
]
