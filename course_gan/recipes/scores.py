"""How good a trained recipe is, in numbers that need no classifier from elsewhere.

The measures are those of `course_gan.metrics`; which of them, depends on what the data are.  Labels of generated
images are those of the nearest real image: on scikit-learn's digits that is right in 98.8 % of the real ones.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_gan import metrics
from course_gan.data import digits, ghost, load, to_float, verdict
from course_gan.recipes.schema import Recipe
from course_gan.recipes.sources import Source
from course_gan.transport import wasserstein, wasserstein_1d

Scores = dict[str, float | int]
POINTS = 2500  # as VEEGAN and PacGAN have it
IMAGES = 1000
STACKED = 10_000
REFERENCES = 5000


def score(
    recipe: Recipe, rows: Source, players: dict[str, nn.Module], generator: torch.Generator | None = None
) -> Scores:
    """The scores of trained networks, by name; `players` are "generator", "encoder", "to_b", "to_a", as there are."""
    draw = generator or torch.Generator().manual_seed(0)
    modes = {name: player.training for name, player in players.items()}
    try:
        for player in players.values():
            player.eval()
        with torch.no_grad():
            return _measure(recipe, rows)(rows, players, draw)
    finally:
        for name, player in players.items():
            player.train(modes[name])


def generate(player: nn.Module, n: int, draw: torch.Generator, *told: Tensor) -> Tensor:
    """n samples of a generator (as many as `told` has rows, if it is told something), on the CPU, in parts."""
    where = next(player.parameters()).device
    z = torch.randn(n, int(player.latent), generator=draw)  # type: ignore[arg-type]
    parts = zip(*(torch.split(tensor, 500) for tensor in (z, *told)))
    return torch.cat([player(*(tensor.to(where) for tensor in part)).float().cpu() for part in parts])


Measure = Callable[[Source, dict[str, nn.Module], torch.Generator], Scores]


def _measure(recipe: Recipe, rows: Source) -> Measure:
    """Which measure fits the data."""
    if recipe.objective == "cyclegan":
        return _translations
    if recipe.objective == "bigan":
        return _inversions
    if str(recipe.data["name"]).startswith("stacked"):
        return _stacked
    if rows.given:
        return _futures
    if len(rows.shape) == 3:
        return _images
    return _gaussian if rows.shape == (1,) and recipe.generator.get("hidden") == [] else _points


def _points(rows: Source, players: dict[str, nn.Module], draw: torch.Generator) -> Scores:
    fake = generate(players["generator"], POINTS, draw)
    real = _first(rows.real(POINTS, draw))
    if rows.shape == (1,):
        return {"wasserstein": float(wasserstein_1d(fake.flatten(), real.flatten()))}
    found = {"wasserstein": float(wasserstein(fake[:500], real[:500], p=1))}
    if rows.mixture is not None:
        captured, share = metrics.modes(fake, rows.mixture.centers, rows.mixture.stds[0])
        found |= {"modes": captured, "high quality": share}
    return found


def _gaussian(rows: Source, players: dict[str, nn.Module], draw: torch.Generator) -> Scores:
    mean, std = gaussian_of(players["generator"])
    return {**_points(rows, players, draw), "mean": mean, "standard deviation": std}


def gaussian_of(generator: nn.Module) -> tuple[float, float]:
    r"""Mean and standard deviation of what a generator on the line without hidden layer makes.

    It is linear, $x = \mu + w^T z$ with $z \sim N(0, I)$, hence $N(\mu, \|w\|^2)$: what it makes of 0 and of the unit
    vectors says all.
    """
    where, latent = next(generator.parameters()).device, int(generator.latent)  # type: ignore[arg-type]
    with torch.no_grad():
        ends: Tensor = generator(torch.cat([torch.zeros(1, latent), torch.eye(latent)]).to(where)).flatten().cpu()
    return float(ends[0]), float((ends[1:] - ends[0]).norm())


def _images(rows: Source, players: dict[str, nn.Module], draw: torch.Generator) -> Scores:
    real = rows.real(IMAGES, draw)
    images, labels = (real, None) if isinstance(real, Tensor) else (real[0], real[1])
    images = floats(images)
    told = () if labels is None else (labels,)
    fake = generate(players["generator"], len(images), draw, *told)
    precision, recall = metrics.precision_recall(images.flatten(1), fake.flatten(1))
    found = {"precision": float(precision), "recall": float(recall)}
    if labels is not None:
        found["class as asked"] = float((nearest_label(fake, images, labels) == labels).double().mean())
    return found


def _stacked(rows: Source, players: dict[str, nn.Module], draw: torch.Generator) -> Scores:
    images, labels = digits() if rows.shape[-1] == 8 else load("MNIST", limit=REFERENCES)
    fake = generate(players["generator"], STACKED, draw)
    told = [nearest_label(fake[:, channel, None], floats(images), labels) for channel in range(3)]
    found = 100 * told[0] + 10 * told[1] + told[2]
    kl, floor = metrics.mode_histogram_kl(found, 1000), metrics.mode_histogram_floor(1000, STACKED)
    # Every image has a nearest digit, noise and blots too: modes count only where precision and recall are both high.
    real = floats(_first(rows.real(IMAGES, draw)))
    precision, recall = metrics.precision_recall(real.flatten(1), fake[:IMAGES].flatten(1))
    shares = {"precision": float(precision), "recall": float(recall)}
    return {"modes of 1000": metrics.modes_hit(found, 1000), "kl": kl, "kl of a perfect sampler": floor, **shares}


def _futures(rows: Source, players: dict[str, nn.Module], draw: torch.Generator) -> Scores:
    _, past = rows.real(IMAGES, draw)
    fake = generate(players["generator"], IMAGES, draw, past)
    found = verdict(fake, past).bincount(minlength=4) / IMAGES
    shares = dict(zip(("left", "right", "ghosts", "neither"), found.tolist()))
    return {**shares, "ghost": float(ghost(fake, past).mean())}


def _inversions(rows: Source, players: dict[str, nn.Module], draw: torch.Generator) -> Scores:
    """How far G(E(x)) is from its x, compared with another x: 1 for an encoder that knows nothing."""
    images = floats(_first(rows.real(IMAGES, draw)))
    where = next(players["encoder"].parameters()).device
    there = players["generator"](players["encoder"](images.to(where))).float().cpu()
    error, other = ((there - target).abs().mean() for target in (images, images.roll(1, 0)))
    return {
        **_images(rows, players, draw),
        "reconstruction error": float(error),
        "of another image's": float(error / other),
    }


def _translations(rows: Source, players: dict[str, nn.Module], draw: torch.Generator) -> Scores:
    """The mean error on the withheld pairs either way, as a share of that of leaving the image as it is."""
    assert rows.pairs is not None
    a, b = rows.pairs
    where = next(players["to_b"].parameters()).device
    alone = (a - b).abs().mean()
    to_b, to_a = (
        (players[name](x.to(where)).cpu() - y).abs().mean() for name, x, y in (("to_b", a, b), ("to_a", b, a))
    )
    return {"error to b": float(to_b / alone), "error to a": float(to_a / alone)}


def nearest_label(images: Tensor, references: Tensor, labels: Tensor) -> Tensor:
    """The label of the nearest reference (N, …) of each image (n, …), by the distance of their pixels."""
    known = references.flatten(1)
    return torch.cat([labels[torch.cdist(part.flatten(1), known).argmin(1)] for part in torch.split(images, 1000)])


def _first(drawn: Tensor | tuple[Tensor, ...]) -> Tensor:
    return drawn if isinstance(drawn, Tensor) else drawn[0]


def floats(images: Tensor) -> Tensor:
    """Images as numbers in [-1, 1], also those that are kept as bytes."""
    return to_float(images) if images.dtype == torch.uint8 else images
