"""How long a class of 200 takes to grade, beside what starting Python with torch 200 times takes alone."""

import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from course_gan import exercises
from course_gan.grade.classroom import Order, grade_class
from course_gan.grade.model import Assignment, Task

IDS = ("kl-divergence", "total-variation", "js-divergence", "critic-loss", "kl-from-logits")
RIGHT = {
    "kl_divergence": "(torch.xlogy(p, p) - torch.xlogy(p, q)).sum(-1)",
    "tv_distance": "(p - q).abs().sum(-1) / 2",
    "js_divergence": "(kl_divergence(p, (p + q) / 2) + kl_divergence(q, (p + q) / 2)) / 2",
    "critic_loss": "softplus(-p).mean() + softplus(q).mean()",
    "kl_from_logits": "(p.softmax(-1) * (p.log_softmax(-1) - q.log_softmax(-1))).sum(-1)",
}
# Each student of seven makes one of these mistakes, or none, so that mistakes are looked for as in a real class.
WRONG = {
    "kl_divergence": "(p * (p / q).log()).sum(-1)",
    "tv_distance": "(p - q).abs().sum(-1)",
    "js_divergence": "kl_divergence(p, (p + q) / 2)",
    "critic_loss": "softplus(p).mean() + softplus(q).mean()",
    "kl_from_logits": "(p.softmax(-1) * (p - q)).sum(-1)",
}


@dataclass(frozen=True)
class Graded:
    """Seconds for the class and for starting Python with torch as often, and memory in MB as the class went on."""

    students: int
    jobs: int
    seconds: float
    starting: float
    megabytes: list[float]


def grading(students: int = 200, jobs: int = 2) -> Graded:
    """Grade a class, five exercises each; then import torch as many times, as many at a time."""
    process, readings = psutil.Process(), list[float]()

    def progress(done: int, of: int) -> None:
        if done and done % (students // 5) == 0:
            readings.append(process.memory_info().rss / 2**20)

    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        handed_in = _class(place / "submissions", students)
        (place / "seed.txt").write_text("a seed for the benchmark")
        assignment = Assignment("sheet", "Sheet", tuple(Task(name, 2.0) for name in IDS))
        order = Order(handed_in, assignment, place / "seed.txt", place / "marks", jobs)
        began = time.perf_counter()
        graded = grade_class(order, progress)
        seconds = time.perf_counter() - began
    _must_be_as_planned(graded)
    return Graded(students, jobs, seconds, _starting(students, jobs), readings)


def _class(folder: Path, students: int) -> Path:
    folder.mkdir()
    for number in range(students):
        mistake = list(WRONG)[number % 7] if number % 7 < len(WRONG) else ""
        cells = ["import torch\nfrom torch.nn.functional import softplus\nfrom course_gan.check import check"]
        for name, name_of_it in zip(IDS, RIGHT):
            body = (WRONG if name_of_it == mistake else RIGHT)[name_of_it]
            cells += [f"def {name_of_it}(p, q):\n    return {body}", f'check("{name}", {name_of_it})']
        made = [{"cell_type": "code", "source": cell} for cell in cells]
        (folder / f"student{number:03d}.ipynb").write_text(json.dumps({"cells": made, "nbformat": 4}))
    return folder


def _must_be_as_planned(graded: list) -> None:  # type: ignore[type-arg]
    for number, one in enumerate(graded):
        right = sum(mark.status == "right" for mark in one.marks)
        wanted = len(IDS) - (number % 7 < len(WRONG)) - (number % 7 == 0)  # who errs in KL errs in JS
        if right != wanted:
            raise RuntimeError(f"student {number} has {right} of {len(IDS)} right: {one}")
    names = {exercises.get(name).reference.__name__ for name in IDS}
    if names != set(RIGHT):
        raise RuntimeError("the functions have other names now")


def _starting(times: int, jobs: int) -> float:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}

    def start(_: int) -> None:
        subprocess.run([sys.executable, "-c", "import torch"], check=True, env=environment)

    began = time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(start, range(times)))
    return time.perf_counter() - began
