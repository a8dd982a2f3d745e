r"""f-GAN's experiment on the line: a Gaussian $x = \mu + w^T z$ fitted to a mixture, by each of five divergences.

The divergence decides which Gaussian is best; the optima are known by quadrature (`OPTIMA`, to six digits), for
$p = 0.33\,N(-1, 0.0625) + 0.67\,N(2, 2)$ in variances.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch

from course_gan import recipes, train
from course_gan.divergences import gaussian_density, mixture_log_density
from course_gan.experiments import Outcomes
from course_gan.fdiv import F_DIVERGENCES
from course_gan.recipes.assembly import source
from course_gan.recipes.scores import gaussian_of
from course_gan.reproductions.core import Claim, Published, Reproduction

SOURCE = "Nowozin, Cseke and Tomioka, f-GAN: training generative neural samplers using variational divergence "
SOURCE += "minimization, 2016, §2.5 and Table 3"


class Gaussian(NamedTuple):
    """A Gaussian, and how far the mixture is from it by the divergence it belongs to."""

    divergence: float
    mean: float
    std: float


OPTIMA = {
    "kl": Gaussian(0.288093, 1.010000, 1.830444),
    "reverse-kl": Gaussian(0.250673, 1.584093, 1.629423),
    "jensen-shannon": Gaussian(0.129827, 1.312515, 1.752473),
    "jeffrey": Gaussian(0.579101, 1.324916, 1.702270),
    "pearson": Gaussian(0.661622, 0.566320, 1.926751),
}
# As the paper's table has them: the optimum found by quadrature ...
PAPER_BEST = {
    "kl": Gaussian(0.2831, 1.0100, 1.8308),
    "reverse-kl": Gaussian(0.2480, 1.5782, 1.6319),
    "jensen-shannon": Gaussian(0.1280, 1.3070, 1.7542),
    "jeffrey": Gaussian(0.5705, 1.3218, 1.7034),
    "pearson": Gaussian(0.6457, 0.5737, 1.9274),
}
# ... and what training found: the bound that the critic reached in place of the divergence.
PAPER_LEARNED = {
    "kl": Gaussian(0.2801, 1.0335, 1.8236),
    "reverse-kl": Gaussian(0.2415, 1.5624, 1.6403),
    "jensen-shannon": Gaussian(0.1226, 1.2854, 1.7659),
    "jeffrey": Gaussian(0.5151, 1.2295, 1.8087),
    "pearson": Gaussian(0.6379, 0.6157, 1.9031),
}
# Trained by the first, measured by the second, in the order of OPTIMA.
PAPER_CROSS = {
    "kl": (0.2808, 0.3423, 0.1314, 0.5447, 0.7345),
    "reverse-kl": (0.3518, 0.2414, 0.1228, 0.5794, 1.3974),
    "jensen-shannon": (0.2871, 0.2760, 0.1210, 0.5260, 0.9216),
    "jeffrey": (0.2869, 0.2975, 0.1247, 0.5236, 0.8849),
    "pearson": (0.2970, 0.5466, 0.1665, 0.7085, 0.6480),
}
TOLERANCE = 0.03  # relative, of the median over the seeds
SAMPLES = 100_000
WEIGHTS, MEANS, STDS = (0.33, 0.67), (-1.0, 2.0), (0.25, 2**0.5)


def run(seed: int, *, device: str = "cpu", steps: int = 3000, batch: int = 1024) -> dict[str, float]:
    """Mean and standard deviation of the fitted Gaussian, and the bound that the critic reaches on fresh samples."""
    found: dict[str, float] = {}
    for name in OPTIMA:
        changes = {"loss": f"f-gan:{name}", "steps": steps, "batch": batch}
        recipe = recipes.load("fgan-univariate", changes)
        rows = source(recipe)
        objective, batches, settings = recipes.build(recipe, seed, device, rows=rows)
        assert isinstance(objective, train.GAN)
        assert rows.mixture is not None
        train.run(objective, batches, settings, progress=False)
        draw = torch.Generator().manual_seed(seed)
        objective.cpu().eval()
        with torch.no_grad():
            fake = objective.generator(torch.randn(SAMPLES, objective.latent, generator=draw))
            scores = objective.critic(rows.mixture.sample(SAMPLES, draw)), objective.critic(fake)
        mean, std = gaussian_of(objective.generator)
        found |= {f"{name}: mean": mean, f"{name}: std": std}
        found[f"{name}: bound"] = float(F_DIVERGENCES[name].lower_bound(*scores))
    return found


def divergence(name: str, mean: float, std: float) -> float:
    """How far the mixture is from N(mean, std²), by quadrature."""
    x = torch.linspace(-20, 20, 40_001, dtype=torch.float64)
    mixture = mixture_log_density(x, *(torch.tensor(part, dtype=x.dtype) for part in (WEIGHTS, MEANS, STDS)))
    return float(F_DIVERGENCES[name].on_grid(mixture.exp(), gaussian_density(x, mean, std), x))


def check(outcomes: Outcomes) -> Sequence[Claim]:
    """Near the optima in the median, bounds from below, and each divergence best at what it was trained for."""

    def middle(key: str) -> float:
        return outcomes.median_interval(key).estimate

    found = {
        name: Gaussian(middle(f"{name}: bound"), middle(f"{name}: mean"), middle(f"{name}: std")) for name in OPTIMA
    }
    claims = []
    for name, best in OPTIMA.items():
        apart = max(abs(one / other - 1) for one, other in zip(found[name], best))
        bound, mean, std = found[name]
        told = f"bound {bound:.4f}, mean {mean:.3f}, standard deviation {std:.3f}"
        wanted = f"{best.divergence:.4f}, {best.mean:.3f} and {best.std:.3f}"
        text = f"{name}: in the median {told}; the optimum has {wanted}, all within {apart:.1%}."
        claims.append(Claim(text, apart < TOLERANCE))
    # On 100 000 fresh samples a bound is off by about a percent, in either direction.
    below = all(found[name].divergence < 1.01 * best.divergence for name, best in OPTIMA.items())
    claims.append(Claim("No median bound is above the least divergence by more than its sampling error.", below))
    order = sorted(found, key=lambda name: found[name].mean)
    expected = sorted(OPTIMA, key=lambda name: OPTIMA[name].mean)
    # Jensen-Shannon and Jeffrey have nearly the same optimum: their order is chance.
    same = [name for name in order if name != "jeffrey"] == [name for name in expected if name != "jeffrey"]
    claims.append(Claim(f"The means are in the order of the optima: {', '.join(order)}.", same))
    cross = {name: [divergence(name, one.mean, one.std) for one in found.values()] for name in OPTIMA}
    diagonal = all(min(row) == row[i] for i, row in enumerate(cross.values()))
    text = "Measured by each divergence, the Gaussian that was trained by it is the best of five."
    claims.append(Claim(text, diagonal))
    return claims


def published() -> tuple[Published, ...]:
    """All numbers of the paper's two tables."""
    rows = {f"{name}: best {key}": value for name, row in PAPER_BEST.items() for key, value in row._asdict().items()}
    for name, (bound, mean, std) in PAPER_LEARNED.items():
        rows |= {f"{name}: bound": bound, f"{name}: mean": mean, f"{name}: std": std}
        rows |= {f"{name}: measured by {other}": value for other, value in zip(OPTIMA, PAPER_CROSS[name])}
    return tuple(Published(what, value, SOURCE) for what, value in rows.items())


FGAN_UNIVARIATE = Reproduction(
    title="f-GAN on the line: each divergence has its own best Gaussian",
    citation=SOURCE,
    function=run,
    seeds=10,
    takes="20 minutes",
    check=check,
    published=published(),
    note="Critic (two layers of 64 tanh units), batch (1024) and what the generator can make, any Gaussian, are the "
    "paper's (its width is the length of 16 weights here, as a single one may start near 0, where the gradients nearly "
    "vanish); its step of gradient descent on both players at once is replaced by Adam with three critic steps to one "
    "and a rate that falls to 0. The paper's optima come out only if the narrow bump has the variance 0.065 instead of "
    "the printed 0.0625 (found by quadrature): the claims are about the optima for 0.0625.",
    settings={"steps": 3000, "batch": 1024},
    gpu={"steps": 20_000},
)
