"""Exercise: the density ratio that a critic's raw scores stand for."""

from collections.abc import Callable

import torch
from torch import Tensor

from course_gan.exercises.ch05.inputs import DOUBLE, SINGLE, scores
from course_gan.exercises.core import Case, Exercise, Misconception
from course_gan.fdiv import F_DIVERGENCES


def density_ratio(v: Tensor, name: str) -> Tensor:
    """The ratio p/q that raw scores v stand for, if the critic is the best one.

    The critic was trained for the row `name`: "kl", "reverse-kl", "pearson",
    "squared-hellinger", "jensen-shannon" or "gan", with the table's activation
    g_f.
    v is a tensor of any shape, with entries between -1 and 1.
    Return a tensor of that shape.
    """
    ratios: dict[str, Callable[[Tensor], Tensor]] = {
        "kl": lambda v: (v - 1).exp(),
        "reverse-kl": torch.exp,
        "pearson": lambda v: 1 + v / 2,
        "squared-hellinger": lambda v: (2 * v).exp(),
        "jensen-shannon": torch.exp,
        "gan": torch.exp,
    }
    return ratios[name](v)


def by_slope_of_the_conjugate(v: Tensor, name: str) -> Tensor:
    row = F_DIVERGENCES[name]
    t = row.activation(v.double()).detach().requires_grad_()
    (slope,) = torch.autograd.grad(row.conjugate(t).sum(), t)
    return slope


def by_solving(v: Tensor, name: str) -> Tensor:
    """Bisection for f'(u) = g_f(v)."""
    row, t = F_DIVERGENCES[name], F_DIVERGENCES[name].activation(v.double())
    low, high = torch.full_like(t, 1e-3), torch.full_like(t, 1e2)
    for _ in range(80):
        middle = (low * high).sqrt()
        below = row.derivative(middle) < t
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low * high).sqrt()


def cases(generator: torch.Generator) -> list[Case]:
    names = ("pearson", "kl", "reverse-kl", "squared-hellinger", "jensen-shannon", "gan")

    def draw(dtype: torch.dtype) -> Tensor:
        """Of both signs and away from 0, where many a wrong answer is right."""
        return torch.cat([scores(generator, 3, -0.95, -0.1, dtype), scores(generator, 2, 0.75, 0.95, dtype)])

    return [Case((draw(SINGLE if name == "kl" else DOUBLE), name), f"scores of {name}") for name in names] + [
        Case((scores(generator, 6, 0.1, 0.6).reshape(2, 3), "jensen-shannon"), "scores of shape (2, 3)")
    ]


INVERSES: dict[str, Callable[[Tensor], Tensor]] = {
    "kl": lambda t: (t - 1).exp(),
    "reverse-kl": lambda t: -1 / t,
    "pearson": lambda t: 1 + t / 2,
    "squared-hellinger": lambda t: (1 - t) ** -2,
    "jensen-shannon": lambda t: t.exp() / (2 - t.exp()),
    "gan": lambda t: t.exp() / (1 - t.exp()),
}


def _in_rows(**wrong: Callable[[Tensor], Tensor]) -> Callable[[Tensor, str], Tensor]:
    """Wrong in these rows, right in the others; names with `_` for the hyphen."""

    def function(v: Tensor, name: str) -> Tensor:
        row = wrong.get(name.replace("-", "_"))
        return row(v) if row else density_ratio(v, name)

    return function


def _slope_of_the_composition(v: Tensor, name: str) -> Tensor:
    leaf = v.detach().clone().requires_grad_()
    (slope,) = torch.autograd.grad(F_DIVERGENCES[name].conjugate_of_activation(leaf).sum(), leaf)
    return slope


MISCONCEPTIONS = (
    Misconception(
        "no activation",
        lambda v, name: INVERSES[name](v),
        "You solved f'(u) = v; the critic's function is T = g_f(v), so solve f'(u) = g_f(v).",
    ),
    Misconception(
        "always the exponential",
        lambda v, name: v.exp(),
        "You took exp(v) for every row; that is right where v is the logarithm of the ratio (reverse-kl, "
        "jensen-shannon, gan), and the other rows have another f'.",
    ),
    Misconception(
        "turned over",
        lambda v, name: 1 / density_ratio(v, name),
        "This is q/p; wanted is p/q, which is large where the score is.",
    ),
    Misconception(
        "logarithm",
        lambda v, name: density_ratio(v, name).log(),
        "This is the logarithm of the ratio; wanted is the ratio.",
    ),
    Misconception(
        "probability",
        lambda v, name: density_ratio(v, name) / (1 + density_ratio(v, name)),
        "This is p/(p + q), the probability of being real; wanted is the ratio p/q.",
    ),
    Misconception(
        "T itself",
        lambda v, name: F_DIVERGENCES[name].activation(v),
        "You returned T = g_f(v); it equals f'(p/q), and you still have to solve for p/q.",
    ),
    Misconception(
        "conjugate",
        lambda v, name: F_DIVERGENCES[name].conjugate_of_activation(v),
        "You returned `f*(T)`; the ratio is the slope of `f*` at T.",
    ),
    Misconception(
        "f' of the score",
        lambda v, name: F_DIVERGENCES[name].derivative(v.exp()),
        "You applied f' where its inverse is wanted: T = f'(u) is known, and u is asked for.",
    ),
    Misconception(
        "kl as a logarithm",
        _in_rows(kl=torch.exp),
        "In the row kl you took v for the logarithm of the ratio; there f'(u) is 1 + log u, with the 1.",
    ),
    Misconception(
        "kl with the wrong sign",
        _in_rows(kl=lambda v: (v + 1).exp()),
        "In the row kl the 1 has the wrong sign: 1 + log u = v gives log u = v - 1.",
    ),
    Misconception(
        "pearson without one",
        _in_rows(pearson=lambda v: v / 2),
        "In the row pearson the 1 is missing: f'(u) is 2 (u - 1), so u - 1 is v/2.",
    ),
    Misconception(
        "pearson without the factor",
        _in_rows(pearson=lambda v: 1 + v),
        "In the row pearson a factor is missing: f'(u) is 2 (u - 1), so u - 1 is v/2.",
    ),
    Misconception(
        "pearson not solved",
        _in_rows(pearson=lambda v: 2 * (v - 1)),
        "In the row pearson you returned f'(v) = 2 (v - 1); solve 2 (u - 1) = v for u.",
    ),
    Misconception(
        "pearson as a logarithm",
        _in_rows(pearson=torch.exp),
        "In the row pearson there is no exponential: f'(u) = 2 (u - 1), and the activation is v itself.",
    ),
    Misconception(
        "kl and pearson as logarithms",
        _in_rows(kl=torch.exp, pearson=torch.exp),
        "In the rows kl and pearson you took v for the logarithm of the ratio; solve 1 + log u = v, and 2 (u - 1) = v.",
    ),
    Misconception(
        "kl and squared-hellinger as logarithms",
        _in_rows(kl=torch.exp, squared_hellinger=torch.exp),
        "In the rows kl and squared-hellinger you took v for the logarithm of the ratio; solve 1 + log u = v, and "
        "1 - 1/√u = 1 - exp(-v).",
    ),
    Misconception(
        "squared-hellinger, root not undone",
        _in_rows(squared_hellinger=torch.exp),
        "In the row squared-hellinger exp(v) is √u; square it.",
    ),
    Misconception(
        "squared-hellinger, half",
        _in_rows(squared_hellinger=lambda v: (v / 2).exp()),
        "In the row squared-hellinger √u is exp(v), so u is its square, and not its root.",
    ),
    Misconception(
        "squared-hellinger upside down",
        _in_rows(squared_hellinger=lambda v: (-2 * v).exp()),
        "In the row squared-hellinger your ratio is upside down: 1/√u is exp(-v).",
    ),
    Misconception(
        "squared-hellinger without activation",
        _in_rows(squared_hellinger=INVERSES["squared-hellinger"]),
        "In the row squared-hellinger you solved f'(u) = v; put T = 1 - exp(-v) there.",
    ),
    Misconception(
        "reverse-kl without activation",
        _in_rows(reverse_kl=INVERSES["reverse-kl"]),
        "In the row reverse-kl you solved f'(u) = v; put T = -exp(-v) there.",
    ),
    Misconception(
        "reverse-kl upside down",
        _in_rows(reverse_kl=lambda v: (-v).exp()),
        "In the row reverse-kl your ratio is upside down: f'(u) = -1/u, and so 1/u is exp(-v).",
    ),
    Misconception(
        "gan upside down",
        _in_rows(gan=lambda v: (-v).exp()),
        "In the row gan your ratio is upside down: u/(1 + u) = 1/(1 + exp(-v)), and so u grows with v.",
    ),
    Misconception(
        "gan, probability",
        _in_rows(gan=torch.sigmoid),
        "In the row gan you returned u/(1 + u), the probability of being real; solve for u.",
    ),
    Misconception(
        "jensen-shannon, probability",
        _in_rows(jensen_shannon=torch.sigmoid),
        "In the row jensen-shannon you returned u/(1 + u), the probability of being real; solve for u.",
    ),
    Misconception(
        "both probabilities",
        _in_rows(gan=torch.sigmoid, jensen_shannon=torch.sigmoid),
        "In the rows gan and jensen-shannon you returned u/(1 + u), the probability of being real; solve for u.",
    ),
    Misconception(
        "jensen-shannon, two",
        _in_rows(jensen_shannon=lambda v: 2 * v.exp()),
        "In the row jensen-shannon log 2 stands on both sides, in f'(u) and in the activation, and drops out.",
    ),
    Misconception(
        "derivative of the composition",
        _slope_of_the_composition,
        "You differentiated `f*(g_f(v))` with respect to v; the ratio is the slope of `f*` with respect to its own "
        "argument, T = g_f(v).",
    ),
)

EXERCISE = Exercise(
    id="ratio-from-scores",
    chapter="05-f-gan",
    title="What a critic knows",
    points=3,
    reference=density_ratio,
    cases=cases,
    misconceptions=MISCONCEPTIONS,
    alternatives=(by_slope_of_the_conjugate, by_solving),
)
