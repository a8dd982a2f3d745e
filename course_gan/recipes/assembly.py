"""From the text of a recipe to the three things that `train.run` wants: objective, batches, settings."""

import hashlib
import inspect
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from course_gan import data, losses, nets
from course_gan.inputs import require_count
from course_gan.recipes.futures import ToldCritic, ToldGenerator
from course_gan.recipes.schema import FOLDER, GIVEN, Recipe, arguments, changed, nearest, parse, typed
from course_gan.recipes.sources import SOURCES, Source
from course_gan.train import GAN, BiGAN, CycleGAN, Settings
from course_gan.train.distributed import rank, world

GENERATORS: dict[str, Callable[..., nn.Module]] = {**nets.GENERATORS, "told-mlp": ToldGenerator}
CRITICS: dict[str, Callable[..., nn.Module]] = {**nets.CRITICS, "told-mlp": ToldCritic, "patch": nets.PatchCritic}
ENCODERS: dict[str, Callable[..., nn.Module]] = {"bigan": nets.BiGANEncoder}
TRANSLATORS: dict[str, Callable[..., nn.Module]] = {"translator": nets.Translator}
TABLES = {"generator": GENERATORS, "critic": CRITICS, "encoder": ENCODERS, "translator": TRANSLATORS}
# Which networks an objective has, and what the recipe can say of it besides.
PLAYERS = {
    "gan": ("generator", "critic"),
    "bigan": ("generator", "encoder", "critic"),
    "cyclegan": ("translator", "critic"),
    "classifier": (),
}
GIVEN_BY_NOBODY = ("self",)
# What a network learns from the data and from the generator.
FITTED = (*GIVEN, "given")

Objective = GAN | BiGAN | CycleGAN


def names() -> list[str]:
    """The recipes that come with the package, in the order of the chapters."""
    found = [(tomllib.loads(file.read_text(encoding="utf-8"))["chapter"], file.stem) for file in FOLDER.glob("*.toml")]
    return [name for _, name in sorted(found)]


def load(name: str, changes: Mapping[str, Any] | None = None) -> Recipe:
    """The recipe of this name, or in this file (`mine.toml`), checked; `changes` are as `--set` gives them.

    >>> load("ring", {"batch": 64}).settings["batch"]
    64
    """
    file = Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    if not name.endswith(".toml") and name not in names():
        raise ValueError(nearest(name, names(), "recipe"))
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ValueError(f"There is no file {file}; wanted a recipe: {', '.join(names())}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{file} is no TOML ({error}); wanted a recipe like those of `course-gan train`.") from None
    recipe = parse(file.stem, changed(content, changes or {}))
    _check(recipe)
    return recipe


def source(recipe: Recipe) -> Source:
    """The data of a recipe."""
    function, given = _choice(SOURCES, recipe.data, "data", GIVEN_BY_NOBODY)
    drawn: Source = function(**given)
    return drawn


def settings(recipe: Recipe, seed: int = 0, device: torch.device | str = "cpu") -> Settings:
    """The settings of a recipe, of the size for this kind of device."""
    device = torch.device(device)
    return Settings(**recipe.sized(device.type), seed=seed, device=str(device))


def build(
    recipe: Recipe, seed: int = 0, device: torch.device | str = "cpu", *, rows: Source | None = None
) -> tuple[Objective, Iterator[Any], Settings]:
    """Objective, batches and settings, ready for `train.run`; the weights depend on the seed alone.

    `rows` (from `source`) saves reading the data again, where there are several seeds.
    """
    require_count("seed", seed, 0)
    if recipe.objective == "classifier":
        raise ValueError(f"{recipe.name} trains no GAN but a classifier; use course_gan.metrics.train_classifier.")
    rows = rows or source(recipe)
    chosen = settings(recipe, seed, device)
    objective = _objective(recipe, rows, torch.Generator().manual_seed(_weights_of(seed)))
    options: dict[str, Any] = {"seed": seed, "device": chosen.device, "rank": rank(), "world": world()}
    if rows.pairs is not None and isinstance(rows.rows, tuple):
        a, b = rows.rows
        return objective.to(device), data.Unpaired(a, b, chosen.batch, **options), chosen
    return objective.to(device), data.Batches(rows.rows, chosen.batch, **options), chosen


def _objective(recipe: Recipe, rows: Source, rng: torch.Generator) -> Objective:
    loss = losses.get(recipe.loss, smoothing=recipe.smoothing)

    def network(part: str) -> nn.Module:
        function, given = _choice(TABLES[part], getattr(recipe, part), part, FITTED)
        made: nn.Module = function(**given, **_fitting(function, given, rows, recipe, rng))
        return made

    if recipe.objective == "bigan":
        return BiGAN(network("generator"), network("encoder"), network("critic"), loss)
    if recipe.objective == "cyclegan":
        to_b, to_a = network("translator"), network("translator")
        return CycleGAN(to_b, to_a, network("critic"), network("critic"), loss, **recipe.options)
    return GAN(network("generator"), network("critic"), loss, recipe.penalties)


def _fitting(
    function: Callable[..., nn.Module], given: Mapping[str, Any], rows: Source, recipe: Recipe, rng: torch.Generator
) -> dict[str, Any]:
    """What the data say of a network: a parameter of one of these names gets it."""
    known: dict[str, Any] = {"shape": rows.shape, "given": rows.given, "classes": rows.classes, "rng": rng}
    if len(rows.shape) == 3:
        known |= {"channels": rows.shape[0], "size": rows.shape[-1]}
    if "latent" in recipe.generator:  # an encoder, or a critic of pairs, has the generator's
        known["latent"] = recipe.generator["latent"]
    parameters = inspect.signature(function).parameters
    return {key: value for key, value in known.items() if key in parameters and key not in given}


def _check(recipe: Recipe) -> None:
    """Find every mistake in the words of a recipe without reading data or making a network."""
    _choice(SOURCES, recipe.data, "data", GIVEN_BY_NOBODY)
    losses.get(recipe.loss, smoothing=recipe.smoothing)
    for part, table in TABLES.items():
        named = getattr(recipe, part)
        if part in PLAYERS[recipe.objective]:
            _choice(table, named, part, FITTED)
        elif named:
            raise ValueError(f"recipe {recipe.name} has a table {part}, which the objective {recipe.objective} lacks.")
    if recipe.objective != "gan" and recipe.penalties:
        raise ValueError(f"recipe {recipe.name} has penalties; wanted them for the objective gan only.")
    allowed = {"cycle": float, "identity": float} if recipe.objective == "cyclegan" else {}
    recipe.options.update(typed(recipe.options, allowed, "options"))
    if recipe.objective != "classifier":
        for kind in ("cpu", "cuda"):
            Settings(**recipe.sized(kind))


def _choice(
    table: Mapping[str, Callable[..., Any]], named: Mapping[str, Any], where: str, leave: tuple[str, ...]
) -> tuple[Callable[..., Any], dict[str, Any]]:
    """The function that a table of the recipe names, and its arguments."""
    name = named.get("name")
    if not isinstance(name, str):
        raise ValueError(f"{where} has no name; wanted one of {', '.join(table)}.")
    if name not in table:
        raise ValueError(nearest(name, table, f"name of {where}"))
    rest = {key: value for key, value in named.items() if key != "name"}
    return table[name], arguments(table[name], rest, where, leave)


def _weights_of(seed: int) -> int:
    """Another number for each seed than the one that the run's noise starts from: weights are no noise."""
    return int.from_bytes(hashlib.blake2b(f"weights/{seed}".encode(), digest_size=4).digest())
