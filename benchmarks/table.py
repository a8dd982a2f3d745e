"""The tables of README.md, made from results.json, so that no figure is typed by hand."""

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- begin: made by python -m benchmarks -->", "<!-- end -->"


def write(readme: Path, results: dict[str, Any]) -> None:
    """Put the tables between the two marks of the README."""
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, found, after = rest.partition(END)
    if not found:
        raise ValueError(f"{readme} lacks the line {BEGIN!r} or {END!r}; put both where the tables are to stand.")
    readme.write_text(f"{before}{BEGIN}\n\n{tables(results)}\n\n{END}{after}", encoding="utf-8")


def tables(results: dict[str, Any]) -> str:
    """All tables as Markdown, of what has been measured."""
    made = [
        _ratios(results),
        _memory(results["memory"]) if "memory" in results else "",
        _grading(results["grading"]) if "grading" in results else "",
        _gpu(results["gpu"]) if "gpu" in results else "",
        _where(results),
    ]
    return "\n\n".join(part for part in made if part)


def _ratios(results: dict[str, Any]) -> str:
    sequential = "plain loop, its networks an `nn.Sequential`"
    against = {
        "toy-gan": ("GAN of small MLPs, batch 256, a step", "plain loop"),
        "toy-gan-sequential": ("the same", sequential),
        "toy-wgan-gp": ("WGAN-GP of small MLPs, batch 256, five critic steps", "plain loop"),
        "toy-wgan-gp-sequential": ("the same", sequential),
        "dcgan": ("DCGAN, 28 × 28, batch 64, a step", "plain loop"),
        "dcgan-sequential": ("the same", sequential),
        "dcgan-kept-noise": ("the same, ours with `fresh_noise=False`", "plain loop"),
        "dcgan-kept-noise-both": ("the same, ours with `fresh_noise=False`", "plain loop that keeps its fakes, too"),
        "dcgan-bfloat16": ("the same, ours under bfloat16 autocast", "plain loop in float32"),
        "frechet": ("`fid`, 10 000 × 512 features", "torchmetrics"),
    }
    rows = [(what, other, results[name]["ratio"]) for name, (what, other) in against.items() if name in results]
    for case in results.get("wasserstein", {}).get("ratios", []):
        rows.append((f"`wasserstein_1d`, {case['n']:,} and {case['m']:,} numbers", "scipy", case["ratio"]))
    lines = ["| what | against | the other one takes longer by | least and largest | pairs |", "|---|---|---|---|---|"]
    lines += [
        f"| {what} | {other} | **{r['median']:.2f}×** | {r['least']:.2f}–{r['largest']:.2f} | {r['pairs']} |"
        for what, other, r in rows
    ]
    return "\n".join(lines)


def _memory(result: dict[str, Any]) -> str:
    readings = result["megabytes"]
    return (
        f"Memory of one training run of {len(readings)} 000 steps, read every 1000 steps: "
        f"{', '.join(f'{reading:.1f}' for reading in readings)} MB."
    )


def _grading(result: dict[str, Any]) -> str:
    return (
        f"`course-gan grade` with {result['students']} submissions of five exercises, {result['jobs']} at a time: "
        f"{result['seconds'] / 60:.1f} minutes, **{result['seconds'] / result['starting']:.2f}×** what it takes to "
        f"start Python with torch as often; memory of the grader after each fifth of the class: "
        f"{', '.join(f'{reading:.0f}' for reading in result['megabytes'])} MB."
    )


def _gpu(result: dict[str, Any]) -> str:
    if "absent" in result:
        return f"On a GPU: {result['absent']}."
    lines = [
        f"On a GPU ({result['device']}):",
        "",
        "| networks | batch | precision | way | images a second | share of the matrix peak |",
        "|---|---|---|---|---|---|",
    ]
    for case in result["cases"]:
        speed = case["speed"]
        lines.append(
            f"| {case['name']} | {case['batch']} | {case['precision']} | {speed['way']} | {speed['images']:,.0f} "
            f"| {100 * speed['share']:.1f} % |"
        )
    return "\n".join(lines)


def _where(results: dict[str, Any]) -> str:
    places = {str(_place(result["where"])): _place(result["where"]) for result in results.values()}
    return "\n".join(f"Measured on {place}." for place in places.values())


def _place(where: dict[str, Any]) -> str:
    device, versions = where["device"], where["versions"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"{device['name']}, {device.get('cores', '?')} cores, {where['system']}, Python {where['python']}, {named}"
