"""An experiment for several seeds: run it on all cores, say "8 of 10" with an interval, save it with its provenance.

What a random training does once says little.  A claim about it is a share of seeds, or a mean over seeds, with an
interval; the file that holds the values also says which settings, versions, machine and commit they come from.

    outcomes = over_seeds(experiment, 10)         # experiment(seed) -> {"modes": 8, "quality": 0.97}
    outcomes.share(lambda run: run["modes"] == 8) # 8 of 10 (49–94 %)
    outcomes.save("results/ring.json")
"""

from course_gan.experiments.intervals import Interval, Share, mean_interval, median_interval, wilson
from course_gan.experiments.outcomes import Failure, Outcomes, Value, load
from course_gan.experiments.seeds import SeedsFailed, over_seeds

__all__ = [
    "Failure",
    "Interval",
    "Outcomes",
    "SeedsFailed",
    "Share",
    "Value",
    "load",
    "mean_interval",
    "median_interval",
    "over_seeds",
    "wilson",
]
