"""Writes the table [measured] of a recipe from runs, so that no figure in it was typed by hand.

    course-gan train ring --seeds 3 --out runs/ring
    python -m course_gan.recipes.record ring runs/ring

The line `see` then has to be made to agree: a test compares every range in it with the table.
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from course_gan import provenance
from course_gan.recipes.assembly import load
from course_gan.recipes.schema import FOLDER

HEAD = "\n[measured]"


def record(name: str, runs: Path) -> Path:
    """Write what the runs in `runs` (a folder a seed) have shown into the recipe's file, which is returned.

    Runs of other settings than the recipe's are refused: `--steps` or `--set` make another experiment.
    """
    recipe, file = load(name), Path(name) if name.endswith(".toml") else FOLDER / f"{name}.toml"
    told = [json.loads(path.read_text(encoding="utf-8")) for path in runs.glob("seed-*/summary.json")]
    if not told:
        raise ValueError(f"{runs} holds no finished run; wanted folders like seed-0 with a summary.json.")
    told.sort(key=lambda one: int(one["seed"]))
    for one in told:
        if one["fingerprint"] != recipe.fingerprint(one["provenance"]["device"]["kind"]):
            raise ValueError(f"Seed {one['seed']} in {runs} was not trained as {file.name} says; train it again.")
    text = file.read_text(encoding="utf-8").partition(HEAD)[0].rstrip()
    provenance.write_text(file, f"{text}\n{HEAD}\n{_table(told)}")
    load(name)
    return file


def _table(told: Sequence[dict[str, Any]]) -> str:
    first = told[0]
    lines = [f'recipe = "{first["fingerprint"]}"', f'device = "{first["provenance"]["device"]["kind"]}"']
    lines += [f"seeds = {[one['seed'] for one in told]}", "", "[measured.scores]"]
    for key in first["scores"]:
        lines.append(f"{json.dumps(key)} = [{', '.join(_number(one['scores'][key]) for one in told)}]")
    return "\n".join(lines) + "\n"


def _number(value: int | float) -> str:
    """Four digits, as many as anybody reads; a count in full."""
    return str(value) if isinstance(value, int) else str(float(f"{value:.4g}"))


if __name__ == "__main__":
    print(record(sys.argv[1], Path(sys.argv[2])))
