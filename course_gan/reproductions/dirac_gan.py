r"""The Dirac-GAN: eigenvalues at the equilibrium, and where 500 steps lead, for each way of training it.

With $f(t) = -\log(1 + e^{-t})$, $f'(0) = \frac12$ and $f''(0) = -\frac14$, the Jacobian at the equilibrium has these
eigenvalues: minimax and non-saturating $\pm i f'(0)$; WGAN $\pm i$; R1 of strength γ
$-\frac\gamma2 \pm \sqrt{\frac{\gamma^2}4 - f'(0)^2}$; instance noise of standard deviation s
$f''(0) s^2 \pm \sqrt{f''(0)^2 s^4 - f'(0)^2}$; consensus of strength γ $-\gamma f'(0)^2 \pm i f'(0)$.
"""

import cmath
from collections.abc import Mapping, Sequence

import torch

from course_gan import games
from course_gan.experiments import Outcomes
from course_gan.games import Game
from course_gan.reproductions.core import Claim, Published, Reproduction

SOURCE = "Mescheder, Geiger and Nowozin, Which training methods for GANs do actually converge?, 2018"
SLOPE, BEND = 0.5, -0.25  # f'(0), f''(0)


def _r1(strength: float) -> complex:
    return -strength / 2 + cmath.sqrt(strength**2 / 4 - SLOPE**2)


def _noise(std: float) -> complex:
    return BEND * std**2 + cmath.sqrt(BEND**2 * std**4 - SLOPE**2)


# Each method, and the eigenvalue with the larger imaginary (or else real) part in closed form.
METHODS: dict[str, tuple[Game, complex]] = {
    "minimax": (games.dirac_minimax(), SLOPE * 1j),
    "non-saturating": (games.dirac_non_saturating(), SLOPE * 1j),
    "wgan": (games.dirac_wgan(), 1j),
    "r1 0.3": (games.r1(games.dirac_minimax(), 0.3), _r1(0.3)),
    "r1 1": (games.r1(games.dirac_minimax(), 1.0), _r1(1.0)),
    "r1 2": (games.r1(games.dirac_minimax(), 2.0), _r1(2.0)),
    "instance noise 0.7": (games.instance_noise(0.7), _noise(0.7)),
    "consensus 1": (games.consensus(games.dirac_minimax(), 1.0), complex(-(SLOPE**2), SLOPE)),
}
# Methods without a Jacobian at the equilibrium: the paper shows that they do not converge.
KINKED: dict[str, Game] = {"wgan clipped 1": games.dirac_wgan(1.0), "wgan-gp 0.7": games.dirac_wgan_gp(0.7)}
CONVERGENT = ("r1 0.3", "r1 1", "r1 2", "instance noise 0.7", "consensus 1")


def run(seed: int, *, device: str = "cpu", step: float = 0.2, steps: int = 500) -> dict[str, float]:
    """Eigenvalues and, from (1, 1), the distance from the equilibrium at the end.  Nothing here is random."""
    found: dict[str, float] = {}
    start = torch.ones(2, dtype=torch.float64)
    ways = {"simultaneous": games.simultaneous(), "alternating": games.alternating()}
    for name, (game, exact) in METHODS.items():
        values = [complex(value) for value in games.eigenvalues(game).tolist()]
        largest = max(values, key=lambda value: (round(value.imag, 9), value.real))
        found |= {f"{name}: real": largest.real, f"{name}: imaginary": largest.imag}
        found[f"{name}: error"] = abs(largest - exact)
    for name, game in {**{name: game for name, (game, _) in METHODS.items()}, **KINKED}.items():
        for way, dynamics in ways.items():
            path = games.trajectory(game, dynamics, start, step, steps)
            found[f"{name}: radius, {way}"] = float(path[-1].norm())
            # What goes round forever may be near at the end by chance: the farthest point of the last fifth.
            found[f"{name}: late, {way}"] = float(path[-(steps // 5 + 1) :].norm(dim=1).max())
    return found


def check(outcomes: Outcomes) -> Sequence[Claim]:
    """Closed forms, and which methods converge."""
    found: Mapping[str, float] = {key: float(outcomes[key][0]) for key in outcomes.keys}
    # A double eigenvalue (R1 at its critical strength) is found to the root of the rounding only.
    worst = max(found[f"{name}: error"] for name in METHODS)
    near = all(found[f"{name}: late, {way}"] < 1e-2 for name in CONVERGENT for way in ("simultaneous", "alternating"))
    others = [name for name in (*METHODS, *KINKED) if name not in CONVERGENT]
    far = all(found[f"{name}: late, {way}"] > 0.1 for name in others for way in ("simultaneous", "alternating"))
    return [
        Claim(f"All eigenvalues are those of the closed forms (largest error {worst:.1e}).", worst < 1e-6),
        Claim("R1, instance noise and consensus converge, simultaneously and in turn.", near),
        Claim("Minimax, non-saturating, WGAN, clipped or with a gradient penalty, do not arrive in 500 steps.", far),
        Claim("Simultaneous minimax moves away from the equilibrium.", found["minimax: radius, simultaneous"] > 2**0.5),
    ]


DIRAC_GAN = Reproduction(
    title="Which ways of training the Dirac-GAN converge",
    citation=SOURCE,
    function=run,
    seeds=1,
    takes="seconds",
    check=check,
    published=(
        Published("unregularized: eigenvalues", "±f'(0) i, so no linear convergence", f"{SOURCE}, §2 and 3"),
        Published("WGAN and WGAN-GP: convergence", "no", f"{SOURCE}, §3.1"),
        Published("instance noise, R1, R2: convergence", "yes", f"{SOURCE}, §3.2 and 4"),
        Published("R1: critical strength", "2 |f'(0)| = 1", f"{SOURCE}, §4.1"),
    ),
    note="Strengths, step, start (1, 1) and 500 steps are those of the authors' notebook. Nothing is random: one run.",
    settings={"step": 0.2, "steps": 500},
)
