"""`python -m benchmarks [NAME …]`: measure, write results.json, and put the tables into README.md."""

import argparse
import json
import platform
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import torch

from benchmarks import table
from course_gan import provenance

FOLDER = Path(__file__).parent


def toy_gan(sequential: bool = False) -> dict[str, Any]:
    """A GAN of MLPs on points."""
    from benchmarks.training import toy

    return {"ratio": asdict(toy(penalty=False, steps=600, sequential=sequential))}


def toy_wgan_gp(sequential: bool = False) -> dict[str, Any]:
    """A WGAN with gradient penalty of MLPs on points."""
    from benchmarks.training import toy

    return {"ratio": asdict(toy(penalty=True, steps=150, sequential=sequential))}


def dcgan(**chosen: Any) -> dict[str, Any]:
    """DCGAN on small pictures."""
    from benchmarks.training import pictures

    return {"ratio": asdict(pictures(steps=40, **chosen))}


def frechet() -> dict[str, Any]:
    """The Fréchet distance of features."""
    from benchmarks.measures import frechet

    return {"ratio": asdict(frechet())}


def wasserstein() -> dict[str, Any]:
    """W1 of numbers, few and many, equally many and not."""
    from benchmarks.measures import wasserstein

    sizes = [(100, None), (100, 70), (1_000, None), (1_000, 700), (100_000, None), (100_000, 70_000)]
    return {"ratios": [{"n": n, "m": m or n, "ratio": asdict(wasserstein(n, m))} for n, m in sizes]}


def memory() -> dict[str, Any]:
    """Memory over a long run."""
    from benchmarks.memory import growth

    return {"megabytes": growth()}


def grading() -> dict[str, Any]:
    """A class of 200."""
    from benchmarks.grading import grading

    return asdict(grading())


def gpu() -> dict[str, Any]:
    """Images a second on a GPU."""
    if not torch.cuda.is_available():
        return {"absent": "no GPU where these figures were taken"}
    from benchmarks.gpu import measure

    cases = [("toy", 256, torch.float32), ("pictures", 64, torch.float32), ("pictures", 512, torch.bfloat16)]
    return {
        "device": torch.cuda.get_device_name(),
        "cases": [
            {"name": name, "batch": batch, "precision": str(dtype).removeprefix("torch."), "speed": asdict(speed)}
            for name, batch, dtype in cases
            for speed in measure(name, batch, dtype)
        ],
    }


BENCHMARKS: dict[str, Callable[[], dict[str, Any]]] = {
    "toy-gan": toy_gan,
    "toy-gan-sequential": partial(toy_gan, sequential=True),
    "toy-wgan-gp": toy_wgan_gp,
    "toy-wgan-gp-sequential": partial(toy_wgan_gp, sequential=True),
    "dcgan": dcgan,
    "dcgan-sequential": partial(dcgan, sequential=True),
    "dcgan-kept-noise": partial(dcgan, fresh_noise=(False, True)),
    "dcgan-kept-noise-both": partial(dcgan, fresh_noise=(False, False)),
    # It pays where the processor has instructions for it.
    "dcgan-bfloat16": partial(dcgan, precision="bfloat16"),
    "frechet": frechet,
    "wasserstein": wasserstein,
    "memory": memory,
    "grading": grading,
    "gpu": gpu,
}


def main() -> None:
    """Measure what was asked for, one after the other, and keep what was measured before of the rest."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; all by default")
    names = parser.parse_args().names or list(BENCHMARKS)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"{unknown[0]!r} is not a benchmark here; wanted of {', '.join(BENCHMARKS)}")
    stored = FOLDER / "results.json"
    results = json.loads(stored.read_text()) if stored.exists() else {}
    for name in names:
        print(f"{name} …", flush=True)
        found = BENCHMARKS[name]()
        results[name] = {**found, "where": where()}
        print(json.dumps(found, indent=1), flush=True)
    stored.write_text(json.dumps(results, indent=1) + "\n")
    table.write(FOLDER / "README.md", results)


def where() -> dict[str, Any]:
    """The machine and the versions."""
    return {**provenance.collect(), "threads": torch.get_num_threads(), "machine": platform.machine()}


if __name__ == "__main__":
    main()
