"""Honest submissions of one assignment, each written in another style, with the notes and marks that they deserve."""

import json
from dataclasses import dataclass, replace

from course_gan.grade.model import Limits, Status, Task
from tests.grade_class import HOMEWORK, notebook

FIVE = ("kl-divergence", "total-variation", "critic-loss", "kl-from-logits", "generator-losses")
NAMES = dict(zip(FIVE, ("kl_divergence", "tv_distance", "critic_loss", "kl_from_logits", "generator_losses")))
# Wide limits: on a busy machine nothing here is meant to reach them.
FIVE_EXERCISES = replace(HOMEWORK, tasks=tuple(Task(exercise, 2.0) for exercise in FIVE), limits=Limits())

IMPORTS = """
import torch
import torch.nn.functional as F

from course_gan.check import check
"""
PLAIN = {
    "kl-divergence": """
def kl_divergence(p, q):
    return torch.where(p > 0, p * (p / q).log(), 0).sum(-1)
""",
    "total-variation": """
def tv_distance(p, q):
    return 0.5 * (p - q).abs().sum(dim=-1)
""",
    "critic-loss": """
def critic_loss(real, fake):
    return F.softplus(-real).mean() + F.softplus(fake).mean()
""",
    "kl-from-logits": """
def kl_from_logits(a, b):
    log_p, log_q = F.log_softmax(a, dim=-1), F.log_softmax(b, dim=-1)
    return (log_p.exp() * (log_p - log_q)).sum(dim=-1)
""",
    "generator-losses": """
def generator_losses(fake):
    return -F.softplus(fake).mean(), F.softplus(-fake).mean()
""",
}
CHECKS = {exercise: f'check("{exercise}", {name})' for exercise, name in NAMES.items()}


@dataclass(frozen=True)
class Honest:
    """A submission worth all points; `notes` are what its notes must hold, one each and no more of them."""

    data: bytes
    name: str = "ada.ipynb"
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Flaw:
    """What one exercise of a partial submission looks like (no source: it is left out), and what it deserves."""

    source: str
    status: Status
    points: float
    said: str
    misconception: str | None = None
    right: int = 0  # of the cases of one trial


def cells(*sources: str, notes: tuple[str, ...] = ()) -> Honest:
    return Honest(notebook(*sources), notes=notes)


def solved(**instead: str) -> list[str]:
    """The plain solutions, one a cell, with some replaced: `solved(kl_divergence="...")`."""
    return [instead.get(NAMES[exercise], source) for exercise, source in PLAIN.items()]


def in_old_format(*sources: str) -> bytes:
    """A notebook as version 3 of the format had it, on two worksheets, each line on its own."""
    made = [
        {"cell_type": "code", "input": source.splitlines(keepends=True), "language": "python"} for source in sources
    ]
    sheets = [{"cells": [{"cell_type": "heading", "source": "Homework", "level": 1}, *made[:3]]}, {"cells": made[3:]}]
    return json.dumps({"worksheets": sheets, "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0}).encode()


def from_windows(*sources: str) -> bytes:
    """A notebook with a byte order mark, sources as lists of lines, and the line ends of Windows."""
    made = json.loads(notebook(*sources))
    for cell in made["cells"]:
        cell["source"] = [line + "\r\n" for line in cell["source"].split("\n")]
    return b"\xef\xbb\xbf" + json.dumps(made, indent=1).replace("\n", "\r\n").encode()


LOOPS = """
from math import exp, inf, log, log1p

def rows(function, p, q):
    if p.dim() > 1:
        return [rows(function, p[i], q[i]) for i in range(len(p))]
    return function([float(x) for x in p], [float(x) for x in q])

def kl_row(p, q):
    total = 0
    for a, b in zip(p, q):
        if a == 0:
            continue
        if b == 0:
            return inf
        total += a * log(a / b)
    return total

def kl_divergence(p, q):
    return rows(kl_row, p, q)

def tv_distance(p, q):
    return rows(lambda u, v: sum(abs(a - b) for a, b in zip(u, v)) / 2, p, q)

def softplus(t):
    return max(t, 0) + log1p(exp(-abs(t)))

def critic_loss(real, fake):
    loss = 0.0
    for t in real:
        loss += softplus(-t.item()) / len(real)
    for t in fake:
        loss += softplus(t.item()) / len(fake)
    return loss

def log_softmax(x):
    top = max(x)
    z = top + log(sum(exp(v - top) for v in x))
    return [v - z for v in x]

def kl_from_logits(a, b):
    def one(u, v):
        u, v = log_softmax(u), log_softmax(v)
        return sum(exp(s) * (s - t) for s, t in zip(u, v))
    return rows(one, a, b)

def generator_losses(fake):
    scores = fake.tolist()
    n = len(scores)
    return [-sum(softplus(t) for t in scores) / n, sum(softplus(-t) for t in scores) / n]
"""

NUMPY = """
import numpy as np
np.seterr(all="ignore")

def kl_divergence(p, q):
    p, q = np.asarray(p), np.asarray(q)
    return np.nansum(np.where(p > 0, p * (np.log(p) - np.log(q)), 0.0), axis=-1)

def tv_distance(p, q):
    p, q = p.numpy(), q.numpy()
    return np.abs(p - q).sum(axis=-1) / 2

def critic_loss(real, fake):
    real, fake = real.numpy(), fake.numpy()
    return np.logaddexp(0, -real).mean() + np.logaddexp(0, fake).mean()

def kl_from_logits(a, b):
    a, b = a.numpy().astype(np.float64), b.numpy().astype(np.float64)
    def ls(x):
        x = x - x.max(axis=-1, keepdims=True)
        return x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return np.sum(np.exp(ls(a)) * (ls(a) - ls(b)), axis=-1)

def generator_losses(fake):
    fake = np.array(fake)
    return np.array([-np.logaddexp(0, fake).mean(), np.logaddexp(0, -fake).mean()])
"""

SCIPY = """
from scipy.special import rel_entr, log_softmax, log_expit, softmax
import scipy.stats as st
import torch

def kl_divergence(p, q):
    return rel_entr(p.double().numpy(), q.double().numpy()).sum(-1)

def tv_distance(p, q):
    return torch.as_tensor(1 - p.double().minimum(q.double()).sum(-1).numpy())

def critic_loss(real, fake):
    return -(log_expit(real.double().numpy()).mean() + log_expit(-fake.double().numpy()).mean())

def kl_from_logits(a, b):
    a, b = a.double().numpy(), b.double().numpy()
    return (softmax(a, -1) * (log_softmax(a, -1) - log_softmax(b, -1))).sum(-1)

def generator_losses(fake):
    t = fake.double().numpy()
    return log_expit(-t).mean(), -log_expit(t).mean()
"""

GLOBAL = """
import os, random
import numpy as np
import torch
import torch.nn.functional as F
from course_gan.check import check

SEED = 1234
random.seed(SEED); np.random.seed(SEED); torch.manual_seed(SEED)
os.environ["PYTHONHASHSEED"] = str(SEED)
torch.set_default_dtype(torch.float64)
torch.set_printoptions(precision=3, sci_mode=False)
torch.set_grad_enabled(False)
torch.use_deterministic_algorithms(True)
torch.set_num_threads(2)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
"""

EINSUM = """
import torch
from torch import einsum

def kl_divergence(p, q):
    return einsum("...i,...i->...", p, (p.log() - q.log()).masked_fill(p == 0, 0))

def tv_distance(p, q):
    return einsum("...i->...", torch.abs(p - q)) / 2

@torch.compile
def log_sigmoid(t):
    return -torch.logaddexp(torch.zeros_like(t), -t)

def critic_loss(real, fake):
    ones_r, ones_f = torch.ones_like(real) / len(real), torch.ones_like(fake) / len(fake)
    return -einsum("i,i->", ones_r, log_sigmoid(real)) - einsum("i,i->", ones_f, log_sigmoid(-fake))

def kl_from_logits(a, b):
    u = a - a.logsumexp(-1, True)
    v = b - b.logsumexp(-1, True)
    return einsum("...k,...k->...", u.exp(), u - v)

def generator_losses(fake):
    weights = torch.full_like(fake, 1 / fake.numel())
    return weights @ log_sigmoid(-fake), -(weights @ log_sigmoid(fake))
"""

CLASSES = """
import functools
from functools import partial
import torch
from course_gan.check import check

def in_double(function):
    @functools.wraps(function)
    def wrapper(*tensors, **options):
        return function(*(t.to(torch.float64) for t in tensors), **options)
    return wrapper

class Divergence:
    def __init__(self, half=True):
        self.half = half

    def kl(self, p, q):
        return torch.special.xlogy(p, p).sum(-1) - torch.special.xlogy(p, q).sum(-1)

    @staticmethod
    def tv(p, q, factor):
        return factor * torch.linalg.vector_norm(p - q, ord=1, dim=-1)

    @classmethod
    def make(cls):
        return cls(half=False)

class CriticLoss:
    bce = torch.nn.BCEWithLogitsLoss()

    def __call__(self, real, fake):
        return self.bce(real, torch.ones_like(real)) + self.bce(fake, torch.zeros_like(fake))

kl_divergence = Divergence.make().kl
tv_distance = partial(Divergence.tv, factor=0.5)
critic_loss = CriticLoss()
generator_losses = lambda fake: (
    torch.nn.functional.logsigmoid(-fake).mean(),
    -torch.nn.functional.logsigmoid(fake).mean(),
)

@in_double
def kl_from_logits(a, b, *, dim=-1):
    p, q = torch.distributions.Categorical(logits=a), torch.distributions.Categorical(logits=b)
    return (p.probs * (p.logits - q.logits)).sum(dim)
"""

TYPED = """
from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import torch

if TYPE_CHECKING:
    from jaxtyping import Float

T = TypeVar("T")

class Kind(Enum):
    KL = "kl"
    TV = "tv"

class Losses(NamedTuple):
    saturating: torch.Tensor
    non_saturating: torch.Tensor

@dataclass(frozen=True)
class Pair:
    p: Float[torch.Tensor, "... n"]
    q: Float[torch.Tensor, "... n"]
    log: list[str] = field(default_factory=list, compare=False)

    def compare(self, kind: Kind) -> Float[torch.Tensor, "..."]:
        match kind, self:
            case Kind.KL, Pair(p=p, q=q):
                return torch.where((seen := p > 0), p * (torch.where(seen, p, 1).log() - q.log()), 0).sum(-1)
            case Kind.TV, _:
                return (self.p - self.q).clamp(min=0).sum(-1)
            case _:
                raise ValueError(f"{kind!r}?")
"""
TYPED_TOO = '''
def kl_divergence(p: Float[torch.Tensor, "... n"], q: NotDefinedAnywhere) -> torch.Tensor:
    """KL, by a dataclass."""
    return Pair(p, q).compare(Kind.KL)

def tv_distance(p: torch.Tensor, q: torch.Tensor, /) -> torch.Tensor:
    return Pair(p, q).compare(Kind("tv"))

def softplus(t: torch.Tensor | float) -> torch.Tensor:
    return torch.nn.functional.softplus(torch.as_tensor(t))

def critic_loss(real: torch.Tensor, fake: torch.Tensor, *rest: T) -> float:
    if (m := fake.numel()) and (n := real.numel()):
        return (softplus(-real).sum() / n + softplus(fake).sum() / m).item()
    raise AssertionError

def kl_from_logits(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    log_p: torch.Tensor
    log_p, log_q = (x.log_softmax(-1) for x in (a, b))
    return torch.nn.functional.kl_div(log_q, log_p, reduction="none", log_target=True).sum(-1)

def generator_losses(fake: torch.Tensor) -> Losses:
    return Losses(saturating=-softplus(fake).mean(), non_saturating=softplus(-fake).mean())
'''

NOISY = """
import logging, sys, warnings
from tqdm.auto import trange
from tqdm.notebook import tqdm as notebook_tqdm
logging.basicConfig(level=logging.DEBUG)

def kl_divergence(p, q):
    total = torch.zeros(p.shape[:-1], dtype=p.dtype)
    for i in notebook_tqdm(range(p.shape[-1]), desc="outcomes"):
        print("outcome", i, p[..., i], file=sys.stderr)
        warnings.warn("this is slow")
        logging.warning("still at it: %s", p)
        total += torch.where(p[..., i] > 0, p[..., i] * (p[..., i] / q[..., i]).log(), 0)
    print("x" * 100_000)
    return total
"""

GRADIENTS = """
import torch
from torch import nn

scale = nn.Parameter(torch.ones(()))
half = torch.tensor(0.5, requires_grad=True)

class LogSigmoid(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))
    def forward(self, t):
        return nn.functional.logsigmoid(self.scale * t)

log_sigmoid = LogSigmoid()

def kl_divergence(p, q):
    p = p.clone().requires_grad_()
    return scale * torch.where(p > 0, p * (p / q).log(), torch.zeros_like(p)).sum(-1)

def tv_distance(p, q):
    one = lambda u, v: half * (u - v).abs().sum()
    for _ in p.shape[:-1]:
        one = torch.vmap(one)
    return one(p, q)

def critic_loss(real, fake):
    return -log_sigmoid(real).mean() - log_sigmoid(-fake).mean()

def kl_from_logits(a, b):
    # The gradient of logsumexp is the softmax.
    a = (a - a.amax(-1, keepdim=True)).detach().requires_grad_(True)
    a.logsumexp(-1).sum().backward()
    return scale * ((a.grad * (a - b)).sum(-1) - a.logsumexp(-1) + b.logsumexp(-1))

def generator_losses(fake):
    return torch.stack([log_sigmoid(-fake).mean(), -log_sigmoid(fake).mean()])
"""

THREADS = """
import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed
import torch

lock = threading.Lock()
pool = ThreadPoolExecutor(max_workers=4)

def one(p, q):
    return torch.where(p > 0, p * (p / q).log(), 0).sum()

def kl_divergence(p, q):
    rows = list(pool.map(one, p.reshape(-1, p.shape[-1]), q.reshape(-1, q.shape[-1])))
    return torch.stack(rows).reshape(p.shape[:-1])

def tv_distance(p, q):
    total = torch.zeros(p.shape[:-1], dtype=p.dtype)
    def add(i):
        with lock:
            total.add_((p[..., i] - q[..., i]).abs() / 2)
    with ThreadPoolExecutor() as executor:
        futures = [executor.submit(add, i) for i in range(p.shape[-1])]
        for future in as_completed(futures):
            future.result()
    return total
"""
PROCESSES = """
def square(x):
    return x * x

if __name__ == "__main__":
    with multiprocessing.Pool(2) as workers:
        assert workers.map(square, [1, 2, 3]) == [1, 4, 9]
    import pickle
    class Point:
        pass
    assert isinstance(pickle.loads(pickle.dumps(Point())), Point)
"""

MAGICS = (
    """
%matplotlib inline
%config InlineBackend.figure_format = 'retina'
%load_ext autoreload
%autoreload 2
!pip install -q \\
    torch matplotlib
import matplotlib.pyplot as plt
import torch, torch.nn.functional as F
from course_gan.check import check
files = !ls
for file in files:
    print(file)
if True:
    !echo "it's (fine
""",
    "pip install scipy",
    "torch.where?",
    "?F.softplus",
    "%%time\n" + PLAIN["kl-divergence"] + "%timeit kl_divergence(torch.ones(2) / 2, torch.ones(2) / 2)\n",
    "%%capture out --no-stderr\n%%time\n" + PLAIN["total-variation"] + "print(tv_distance.__name__)",
    "%%bash\nls -la | head\necho $HOME",
    "%%html\n<b>Now the losses</b>",
    "%time softplus = F.softplus\nx = %time softplus(torch.zeros(3))\nassert x.shape == (3,)",
    PLAIN["critic-loss"].replace("F.softplus", "softplus"),
    "%%writefile helpers.py\ndef log_softmax(x):\n    return x - x.logsumexp(-1, keepdim=True)\n",
    """
from helpers import log_softmax
def kl_from_logits(a, b):
    remainder = (7
        % 3)  # why not?
    text = '''
!not a command
%nor a magic
'''
    assert remainder == 1 and len(text.split()) == 6
    return ((log_softmax(a) - log_softmax(b)) * log_softmax(a).exp()).sum(-1)
%prun -q kl_from_logits(torch.zeros(2), torch.zeros(2))
""",
    PLAIN["generator-losses"],
    """
x = torch.linspace(-3, 3, 50)
fig, (left, right) = plt.subplots(1, 2, figsize=(8, 3))
left.plot(x, [generator_losses(t[None])[0] for t in x], label=r"$\\log(1 - D)$")
right.imshow(torch.rand(4, 4))
left.legend()
plt.tight_layout()
plt.savefig("losses.png")
plt.show()
display(fig)
handle = display(fig, display_id=True)
handle.update(fig)
get_ipython().run_line_magic("timeit", "1 + 1")
assert "google.colab" not in str(get_ipython()) and "IPKernelApp" not in get_ipython().config
from IPython.display import HTML, display
display(HTML("<b>done</b>"))
""",
    *CHECKS.values(),
)

MYST = f"""---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---

# Homework 1

Some text with `code` and $x^2$.

```{{code-cell}} ipython3
{IMPORTS.strip()}
```

```{{note}}
What stands here is not run.
```

```{{code-cell}} ipython3
:tags: [exercise]

{PLAIN["kl-divergence"].strip()}
```

```python
raise RuntimeError("only shown")
```

```{{code-cell}} ipython3
---
tags: [hide-output]
---
{PLAIN["total-variation"].strip()}
%matplotlib inline
```

```{{code-cell}}
{PLAIN["critic-loss"].strip()}
```

+++ {{"tags": ["text"]}}

```{{code-cell}} ipython3
{PLAIN["kl-from-logits"]}
{PLAIN["generator-losses"]}
```

```{{code-cell}} ipython3
:tags: [check]

{chr(10).join(CHECKS.values())}
```
"""

STUBS = {
    exercise: f"def {NAMES[exercise]}({arguments}):\n    raise NotImplementedError('your turn')"
    for exercise, arguments in zip(FIVE, ("p, q", "p, q", "real, fake", "a, b", "fake"))
}

HONEST: dict[str, Honest] = {
    "plain torch, as handed out": cells(
        IMPORTS, *[part for exercise in FIVE for part in (PLAIN[exercise], CHECKS[exercise])]
    ),
    "loops over Python numbers, lists returned": cells(LOOPS, "from course_gan.check import check", *CHECKS.values()),
    "NumPy in and out": cells(NUMPY),
    "SciPy, float64 inside": cells(
        "import course_gan.check as cg", SCIPY, 'assert cg.check("critic-loss", critic_loss)'
    ),
    "global seeds, dtype and switches": cells(GLOBAL, *solved(), *CHECKS.values()),
    "einsum and a compiled helper": cells(EINSUM + IMPORTS, *CHECKS.values()),
    "classes, partial, lambda and decorator": cells(CLASSES, *CHECKS.values()),
    "annotations, dataclasses, match and walrus": cells(TYPED, TYPED_TOO, IMPORTS, *CHECKS.values()),
    "requires_grad left on": cells(GRADIENTS, "import gc\ngc.collect()"),
    "threads and processes": cells(IMPORTS, THREADS, PROCESSES, *solved()[2:], *CHECKS.values()),
    "magics, shell and plots": cells(*MAGICS),
    "output without end": cells(IMPORTS, *solved(kl_divergence=NOISY), *CHECKS.values(), "print('x' * 10**7)"),
    "helpers and functions below their use": cells(
        CHECKS["kl-divergence"],
        "@logged\ndef tv_distance(p, q):\n    return half_norm(p - q)",
        "def half_norm(x):\n    return 0.5 * x.abs().sum(-1)",
        "def logged(function):\n    return functools.wraps(function)(lambda *a: function(*a))",
        *[PLAIN[exercise] for exercise in FIVE[::-1] if exercise != "total-variation"],
        IMPORTS + "import functools",
        "\n".join(CHECKS.values()),
    ),
    "renamed where they are checked": cells(
        IMPORTS,
        *[
            source.replace(f"def {NAMES[e]}", "def my_answer") + f'check("{e}", my_answer)'
            for e, source in PLAIN.items()
        ],
        "my_answer = None",
        *[f"def {name}(*anything):\n    return 'an experiment'" for name in NAMES.values()],
    ),
    "the stub is checked, and the answer is below": cells(
        IMPORTS, *[part for e in FIVE for part in (STUBS[e], CHECKS[e], PLAIN[e])]
    ),
    "an old draft in a cell that fails": cells(
        IMPORTS,
        "def kl_divergence(p, q):\n    return p.sum(-1)\n"
        "check('kl-divergence', kl_divergence)\nassert False, 'try again'",
        *solved(),
        "check('kl-divergence', kl_divergence)",
        notes=("Code cell 2 raised AssertionError: try again",),
    ),
    "packages and files of another machine": cells(
        "import torch\nimport a_package_of_mine as pretty\nimport torch.nn.functional as F\npretty.set_theme()\n"
        + "\n".join(solved()[:3]),
        "import os\nos.chdir('/home/ada/homework')\n" + "\n".join(solved()[3:]),
        "from google.colab import drive\ndrive.mount('/content/drive')",
        notes=("Code cell 1 raised ModuleNotFoundError", "Code cell 2 raised FileNotFoundError", "Code cell 3 raised"),
    ),
    "other cells that raise": cells(
        IMPORTS,
        "1 / 0",
        "this is (not Python",
        *solved(),
        "class Odd(Exception):\n    def __str__(self):\n        return self.missing\nraise Odd",
        *CHECKS.values(),
        "answer = input('Your name: ')",
        "import sys\nsys.exit('done')",
        notes=(
            "2 raised ZeroDivisionError",
            "3 raised SyntaxError",
            "9 raised Odd.",
            "15 raised EOF",
            "16 raised System",
        ),
    ),
    "the course's own package in another cell": cells(
        IMPORTS,
        "from course_gan import divergences, plots\nplots.use_style()",
        "import course_gan.divergences\nfrom course_gan.divergences import kl",
        *solved(),
        *CHECKS.values(),
        notes=(
            "Code cell 2 raised ImportError: course_gan.divergences is not there while grading",
            "Code cell 3 raised ImportError: course_gan.divergences is not there while grading",
        ),
    ),
    "a text notebook": Honest(MYST.encode(), "ada.md"),
    "a text notebook from Windows": Honest(b"\xef\xbb\xbf" + MYST.replace("\n", "\r\n").encode(), "ada.md"),
    "the old format": Honest(in_old_format(IMPORTS, *solved(), *CHECKS.values())),
    "lists of lines from Windows": Honest(from_windows(IMPORTS, *solved(), *CHECKS.values())),
    "a hundred and fifty cells, async code among them": cells(
        IMPORTS,
        *[f"values_{n} = torch.randn(50, 50) @ torch.randn(50, 50)\nvalues_{n}.mean()" for n in range(70)],
        "import asyncio\nasync def later(value):\n    await asyncio.sleep(0.01)\n    return value",
        "answer = await later(42)\nassert answer == 42",
        *solved(),
        *[f"# {n}\n\n" for n in range(68)],
        *CHECKS.values(),
    ),
}


# The numbers of right cases are counted by hand in the lists of inputs: 13 pairs, 10 of logits, 7 of scores.
PARTIAL: dict[str, dict[str, Flaw]] = {
    "the stub, and one left out": {
        "kl-divergence": Flaw(STUBS["kl-divergence"], "not written", 0.0, "not written yet"),
        "kl-from-logits": Flaw("", "missing", 0.0, "There is no function kl_from_logits"),
    },
    "known mistakes": {
        "kl-divergence": Flaw(
            "def kl_divergence(p, q):\n    return (torch.xlogy(q, q) - torch.xlogy(q, p)).sum(-1)",
            *("not yet", 0.0, "the two arguments are swapped", "swapped", 2),  # equal ones, and ∞ both ways
        ),
        "total-variation": Flaw(
            "def tv_distance(p, q):\n    return (p - q).abs().sum(-1)",
            *("not yet", 0.0, "without the factor ½", "no half", 1),
        ),
        "generator-losses": Flaw(
            "def generator_losses(fake):\n    return F.softplus(-fake).mean(), -F.softplus(fake).mean()",
            *("not yet", 0.0, "The two are exchanged", "order"),
        ),
    },
    "right in most cases": {
        "kl-divergence": Flaw(
            "def kl_divergence(p, q):\n    return torch.where((p > 0) & (q > 0), p * (p / q).log(), 0).sum(-1)",
            *("partly right", 0.75, "left out the outcomes with q = 0", "zero in q skipped", 10),
        ),
        "critic-loss": Flaw(
            "def critic_loss(real, fake):\n    return -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()",
            *("partly right", 0.75, "logarithm is infinite", "logarithm of a sigmoid", 6),
        ),
    },
    "right without zeros, where it raises": {
        "kl-divergence": Flaw(
            "import math\n"
            "def one(p, q):\n    return sum(a * math.log(a / b) for a, b in zip(p.tolist(), q.tolist()))\n"
            "def kl_divergence(p, q):\n"
            "    found = [one(*r) for r in zip(p.reshape(-1, p.shape[-1]), q.reshape(-1, q.shape[-1]))]\n"
            "    return torch.tensor(found, dtype=p.dtype).reshape(p.shape[:-1])",
            *("partly right", 0.5, "Is an entry zero here?", None, 8),
        ),
    },
    "inputs are changed": {
        "total-variation": Flaw(
            "def tv_distance(p, q):\n    p -= q\n    return p.abs_().sum(-1) / 2",
            *("not yet", 0.0, "changes its input p"),
        ),
    },
    "nothing returned, and other parameters": {
        "critic-loss": Flaw(
            "def critic_loss(real, fake):\n    loss = F.softplus(-real).mean() + F.softplus(fake).mean()",
            *("not yet", 0.0, "Did you forget `return`?"),
        ),
        "generator-losses": Flaw(
            "def generator_losses(real, fake):\n    return -F.softplus(fake).mean(), F.softplus(-fake).mean()",
            *("not yet", 0.0, "takes other parameters than the task says"),
        ),
    },
    "the process ends in one, the next goes on": {
        "total-variation": Flaw(
            "import os\ndef tv_distance(p, q):\n    os._exit(3)", "failed", 0.0, "ended the process"
        ),
        "kl-from-logits": Flaw(
            "def kl_from_logits(a, b):\n    p, q = a.softmax(-1), b.softmax(-1)\n"
            "    return (p * (p.log() - q.log())).sum(-1)",
            *("partly right", 0.75, "logarithm of a softmax", "logarithm of softmax", 8),
        ),
    },
}


def partial(name: str) -> bytes:
    """The notebook of a partial submission: all that it does not get wrong is right."""
    sources = PLAIN | {exercise: flaw.source for exercise, flaw in PARTIAL[name].items()}
    return notebook(IMPORTS, *sources.values(), *[CHECKS[e] for e, source in sources.items() if source])
