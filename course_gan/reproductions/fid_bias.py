r"""How far from 0 the Fréchet distance is between n samples of $N(0, I_d)$ and $N(0, I_d)$ itself.

To first order in 1/n it is $\frac dn + \frac{d(d+1)}{4n}$ on average: the mean's error, and the covariance's.
"""

from collections.abc import Sequence

import torch

from course_gan import metrics
from course_gan.experiments import Outcomes
from course_gan.reproductions.core import Claim, Published, Reproduction


def run(
    seed: int, *, device: str = "cpu", dimensions: int = 64, sizes: Sequence[int] = (1000, 2000, 5000, 10_000, 20_000)
) -> dict[str, float]:
    """The distance at each sample size, beside the closed form."""
    draw = torch.Generator().manual_seed(seed)
    mean, cov = torch.zeros(dimensions, dtype=torch.float64), torch.eye(dimensions, dtype=torch.float64)
    found: dict[str, float] = {}
    for n in sizes:
        x = torch.randn(n, dimensions, generator=draw, dtype=torch.float64).to(device)
        seen = metrics.frechet_distance(x.mean(0).cpu(), x.T.cov().cpu(), mean, cov)
        found |= {f"n={n}: fid": float(seen), f"n={n}: closed form": metrics.frechet_bias(dimensions, n)}
    return found


def check(outcomes: Outcomes) -> Sequence[Claim]:
    """Each mean is that of the closed form, within what its next order and chance allow; and it falls as 1/n."""
    sizes = sorted(int(key[2:].partition(":")[0]) for key in outcomes.keys if key.endswith(": fid"))
    dimensions = outcomes.settings["dimensions"]
    claims = []
    for n in sizes:
        seen, exact = outcomes.mean_interval(f"n={n}: fid").estimate, outcomes[f"n={n}: closed form"][0]
        # The next order is a share of about d/n of the first; for few seeds chance adds a few percent.
        allowed = dimensions / n + 0.05
        text = f"n={n}: {seen:.4f} on average, {exact:.4f} by the closed form (within {allowed:.0%})."
        claims.append(Claim(text, abs(seen / exact - 1) < allowed))
    return claims


FID_BIAS = Reproduction(
    title="The Fréchet distance of a distribution from itself is not 0",
    citation="Heusel et al., GANs trained by a two time-scale update rule, 2017 (the distance); Chong and Forsyth, "
    "Effectively unbiased FID and Inception score, 2020 (its bias)",
    function=run,
    seeds=10,
    takes="seconds",
    check=check,
    published=(
        Published(
            "FID of real CIFAR-10 images from real ones",
            7.8,
            "Miyato et al., Spectral normalization for GANs, 2018, Table 2 (10 000 images against 5 000)",
        ),
    ),
    note="The published figure is for Inception features, which have 2048 dimensions and are not Gaussian; here the "
    "bias is seen where all is known, in 64 dimensions. The closed form is of first order in 1/n: it wants n far "
    "above d.",
    settings={"dimensions": 64, "sizes": (1000, 2000, 5000, 10_000, 20_000)},
)
