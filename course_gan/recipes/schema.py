"""What a recipe is: a file that one reads in a minute, checked word by word before anything is trained."""

import difflib
import hashlib
import inspect
import json
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from course_gan.metrics import train_classifier
from course_gan.train import Penalty, Settings

FOLDER = Path(__file__).parent
OBJECTIVES = ("gan", "bigan", "cyclegan", "classifier")
# Who runs a recipe chooses the first two, by --seeds and --device, and its data are the others.
CHOSEN = ("seed", "device", "images", "labels")
# What the data determine, or the seed: no recipe can say it.
GIVEN = ("self", "shape", "size", "channels", "classes", "rng", "generator")
# What does not change what is trained on a CPU.
WORDS = ("name", "title", "chapter", "see", "settings", "cpu", "gpu", "measured")


@dataclass(frozen=True)
class Measured:
    """What the runs of a recipe have shown: each score, a number a seed.

    `recipe` is the `fingerprint` of what was trained, so that nobody changes a recipe and keeps its old scores.
    """

    recipe: str
    device: str
    seeds: tuple[int, ...]
    scores: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Recipe:
    """One experiment: what is trained, on what, against whom, and what one should see.

    `data`, `generator`, `critic`, `encoder`, `translator` each hold a `name` and the arguments of what has that name;
    `options` those of the objective.  `cpu` and `gpu` override `settings` on a device of that kind.  `see` is in words
    what `measured` is in numbers, which `course_gan.recipes.record` writes.
    """

    name: str
    title: str
    chapter: int
    see: str
    data: dict[str, Any]
    settings: dict[str, Any]
    objective: str = "gan"
    loss: str = "non-saturating"
    smoothing: float = 0.0
    generator: dict[str, Any] = field(default_factory=dict)
    critic: dict[str, Any] = field(default_factory=dict)
    encoder: dict[str, Any] = field(default_factory=dict)
    translator: dict[str, Any] = field(default_factory=dict)
    penalties: tuple[Penalty, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    cpu: dict[str, Any] = field(default_factory=dict)
    gpu: dict[str, Any] = field(default_factory=dict)
    measured: Measured | None = None

    def sized(self, kind: str) -> dict[str, Any]:
        """The settings on a device of this kind, "cpu" or "cuda"."""
        return {**self.settings, **(self.gpu if kind == "cuda" else self.cpu)}

    def fingerprint(self, kind: str = "cpu") -> str:
        """A digest of what is trained on a device of this kind: equal for equal data, networks, losses and settings."""
        content = {key: value for key, value in asdict(self).items() if key not in WORDS} | self.sized(kind)
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:12]


def parse(name: str, content: Mapping[str, Any]) -> Recipe:
    """A recipe from the tables of its file; what it does not know, or of a wrong type, raises ValueError."""
    hints = typing.get_type_hints(Recipe)
    _known(content, [one.name for one in fields(Recipe) if one.name != "name"], f"recipe {name}")
    _complete(content, ("title", "chapter", "see", "data", "settings"), f"recipe {name}")
    plain = content.keys() - {"penalties", "measured"}
    values = {key: coerce(value, hints[key], key) for key, value in content.items() if key in plain}
    if "measured" in content:
        values["measured"] = _measured(content["measured"])
    if "penalties" in content:
        values["penalties"] = _penalties(content["penalties"])
    _one_of(values.get("objective", "gan"), OBJECTIVES, "objective")
    trained = train_classifier if values.get("objective") == "classifier" else Settings
    for table in ("settings", "cpu", "gpu"):
        values[table] = arguments(trained, values.get(table, {}), table, leave=CHOSEN, partly=table != "settings")
    return Recipe(name=name, **values)


def arguments(
    function: Callable[..., Any],
    given: Mapping[str, Any],
    where: str,
    leave: Iterable[str] = GIVEN,
    partly: bool = False,
) -> dict[str, Any]:
    """The arguments in `given`, which a table of a recipe holds, as `function` wants them; ValueError if it does not.

    `leave` are parameters that a recipe may not give; `partly` allows that some are missing.
    """
    parameters = {key: one for key, one in inspect.signature(function).parameters.items() if key not in set(leave)}
    hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    values = typed(given, {key: hints.get(key, Any) for key in parameters}, where)
    if not partly:
        _complete(given, [key for key, one in parameters.items() if one.default is one.empty], where)
    return values


def typed(given: Mapping[str, Any], kinds: Mapping[str, Any], where: str) -> dict[str, Any]:
    """The entries of a table, each of the type that `kinds` has for it; an entry that is not there is refused."""
    _known(given, kinds, where)
    return {key: coerce(value, kinds[key], f"{where}.{key}") for key, value in given.items()}


def coerce(value: object, wanted: Any, where: str) -> Any:
    """`value` from a TOML file as the type `wanted`: 1 may stand for 1.0, a list for a tuple; all else has to fit."""
    origin, inner = get_origin(wanted), get_args(wanted)
    if origin in (typing.Union, types.UnionType):
        for one in inner:
            try:
                return coerce(value, one, where)
            except ValueError:
                continue
    elif origin is Literal:
        _one_of(value, inner, where)
        return value
    elif origin in (tuple, list, Sequence) and isinstance(value, list):
        elements = inner if origin is tuple and Ellipsis not in inner else (inner or (Any,))[:1] * len(value)
        if len(elements) == len(value):
            return tuple(coerce(entry, kind, f"an entry of {where}") for entry, kind in zip(value, elements))
    elif origin in (dict, Mapping) and isinstance(value, Mapping):
        return dict(value)
    elif wanted is float and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    elif wanted is Any or type(value) is wanted:  # and not isinstance: True is no number here
        return value
    raise ValueError(f"{where} is {value!r}; wanted {_describe(wanted)}.")


def changed(content: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The tables of a recipe with some entries changed: "loss", "generator.hidden", and "batch" for settings.batch.

    A changed setting is left out of [cpu] and [gpu], so that it holds on every device.
    """
    result = {key: dict(value) if isinstance(value, Mapping) else value for key, value in content.items()}
    settings = {one.name for one in fields(Settings)} | {"epochs", "rate", "held_out", "width"}
    for key, value in changes.items():
        table, _, entry = (f"settings.{key}" if key in settings else key).rpartition(".")
        if not table:
            result[entry] = value
            continue
        if not isinstance(result.setdefault(table, {}), dict):
            raise ValueError(f"{table!r} is no table of a recipe, so there is no {key!r}. Write {table}=….")
        result[table][entry] = value
        if table == "settings":
            for size in ("cpu", "gpu"):
                result.get(size, {}).pop(entry, None)
    return result


def change(text: str) -> tuple[str, Any]:
    """One `--set key=value`: the value as TOML has it, and what is no TOML as text.

    >>> change("generator.hidden=[64, 64]"), change("loss=hinge")
    (('generator.hidden', [64, 64]), ('loss', 'hinge'))
    """
    key, equals, value = (part.strip() for part in text.partition("="))
    if not key or not equals or not value:
        raise ValueError(f"{text!r} sets nothing; wanted key=value, such as batch=64 or generator.hidden=[64,64].")
    try:
        return key, tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        return key, value


def nearest(name: str, names: Iterable[str], kind: str) -> str:
    """What to say of a name that there is not: the nearest one there is, and all of them."""
    names = list(names)
    if not names:
        return f"{name!r} is no {kind}; there are none."
    close = difflib.get_close_matches(name, names, 1, cutoff=0.5)
    guess = f"Did you mean {close[0]!r}? " if close else ""
    return f"{name!r} is no {kind}. {guess}There are: {', '.join(names)}."


def _penalties(tables: object) -> tuple[Penalty, ...]:
    if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise ValueError(f"penalties is {tables!r}; wanted tables [[penalties]] with name and weight.")
    return tuple(Penalty(**arguments(Penalty, table, "penalties")) for table in tables)


def _measured(table: object) -> Measured:
    if not isinstance(table, dict):
        raise ValueError(f"measured is {table!r}; wanted a table [measured].")
    values = arguments(Measured, table, "measured", leave=("self",))
    names, runs = values["scores"], len(values["seeds"])
    values["scores"] = {key: coerce(names[key], tuple[float, ...], f"measured.scores.{key}") for key in names}
    if not names or any(len(scores) != runs for scores in values["scores"].values()):
        raise ValueError(f"measured.scores is {names!r}; wanted a number for each of the seeds {table['seeds']}.")
    return Measured(**values)


def _known(given: Iterable[str], names: Iterable[str], where: str) -> None:
    names = list(names)
    for key in given:
        if key not in names:
            raise ValueError(nearest(key, names, f"key of {where}"))


def _complete(given: Mapping[str, Any], names: Iterable[str], where: str) -> None:
    if missing := [name for name in names if name not in given]:
        raise ValueError(f"{where} lacks {', '.join(missing)}; wanted a value for each.")


def _one_of(value: object, allowed: Sequence[Any], where: str) -> None:
    if value not in allowed:
        raise ValueError(f"{where} is {value!r}; wanted one of {', '.join(map(repr, allowed))}.")


def _describe(wanted: Any) -> str:
    plain = {int: "a whole number", float: "a number", str: "text", bool: "true or false", type(None): "nothing"}
    inner = [one for one in get_args(wanted) if one is not Ellipsis]
    if get_origin(wanted) in (typing.Union, types.UnionType):
        return " or ".join(_describe(one) for one in inner if one is not type(None))
    if get_origin(wanted) in (tuple, list, Sequence):
        return f"a list of {_describe(inner[0]).removeprefix('a ')}s" if inner else "a list"
    return "a table" if get_origin(wanted) in (dict, Mapping) else plain.get(wanted, str(wanted))
