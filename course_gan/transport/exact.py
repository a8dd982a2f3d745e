r"""Exact transport between finitely many points: the plan by linear programming (POT), and its dual potentials."""

import warnings

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import at_least_single, require_count, require_rows
from course_gan.numerics import unit_of
from course_gan.transport.inputs import (
    accurate,
    power_mean,
    probabilities,
    require_cost,
    require_exponent,
    require_same_device,
)


def cost_matrix(x: Float[Tensor, "n d"], y: Float[Tensor, "m d"], p: int | float = 2) -> Float[Tensor, "n m"]:
    r"""$c_{ij} = |x_i - y_j|^p$, what it costs to carry a unit from $x_i$ to $y_j$ (Euclidean distance).

    `x` is (n, d), `y` is (m, d).  Distances come from differences, and not from $|x|^2 - 2xy + |y|^2$, which loses the
    small ones.  Differentiable; where two points meet, the gradient is 0.

    >>> cost_matrix(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    tensor([[25.,  1.]])
    """
    distances, dtype = _distances(x, y, p)
    return (distances if p == 1 else distances.pow(p)).to(dtype)


def optimal_plan(
    cost: Float[Tensor, "n m"],
    a: Float[Tensor, " n"] | None = None,
    b: Float[Tensor, " m"] | None = None,
    *,
    iterations: int = 1_000_000,
) -> Float[Tensor, "n m"]:
    r"""The plan of least cost, $\min_{\pi \ge 0} \sum_{ij} \pi_{ij} c_{ij}$ with row sums a and column sums b.

    `cost` is (n, m); `a` (n,) and `b` (m,) sum to one and default to equal weights.  The plan (n, m) sums to one, and
    has at most n + m - 1 entries above 0.  Solved exactly by POT's network simplex in float64 on the CPU; the dtype and
    device are those of `cost`.  No gradient flows through the plan, and none has to: the derivative of the least cost
    is the plan itself, so `(plan * cost).sum()` differentiates rightly.

    Reference: Peyré and Cuturi, Computational Optimal Transport, 2019, §3.1 and §3.5; Flamary et al., POT, 2021.

    >>> optimal_plan(torch.tensor([[0.0, 1.0, 2.0], [3.0, 1.0, 0.0]]))
    tensor([[0.3333, 0.1667, 0.0000],
            [0.0000, 0.1667, 0.3333]])
    """
    cost = require_cost(cost)
    a, b = probabilities("a", a, cost.shape[0], cost), probabilities("b", b, cost.shape[1], cost)
    return _solve(cost, a, b, iterations)[0].to(cost)


def dual_potentials(
    cost: Float[Tensor, "n m"],
    a: Float[Tensor, " n"] | None = None,
    b: Float[Tensor, " m"] | None = None,
    *,
    iterations: int = 1_000_000,
) -> tuple[Float[Tensor, " n"], Float[Tensor, " m"]]:
    r"""Potentials (f, g) that solve the dual, $\max \sum_i a_i f_i + \sum_j b_j g_j$ with $f_i + g_j \le c_{ij}$.

    Their value is the least cost (strong duality), and $f_i + g_j = c_{ij}$ wherever the plan carries something
    (complementary slackness).  Only f + g is determined, and f is returned with sum 0.  A row or column of weight 0
    gets the largest potential that the inequality allows, so it holds there, too.  For the cost |x - y|, f is a critic:
    1-Lipschitz on the points.  Arguments as for `optimal_plan`.

    Reference: Peyré and Cuturi, Computational Optimal Transport, 2019, §2.5 and §3.2 (c-transform).

    >>> f, g = dual_potentials(torch.tensor([[1.0, 3.0], [2.0, 2.0]]))
    >>> f.mean() + g.mean()
    tensor(1.5000)
    """
    cost = require_cost(cost)
    a, b = probabilities("a", a, cost.shape[0], cost), probabilities("b", b, cost.shape[1], cost)
    plan, f = _solve(cost, a, b, iterations)
    exact = accurate(cost)
    # Two c-transforms: g as large as the rows with weight allow, then f as large as every column allows.  They lower
    # the dual value nowhere, and give rows and columns without weight, of which the solver knows nothing, their due.
    g = torch.where((a > 0)[:, None], exact - f[:, None], torch.inf).amin(0)
    f = (exact - g).amin(1)
    gap = (plan * exact).sum() - (a @ f + b @ g)
    if not gap.abs() <= 1e-9 * (exact.amax() - exact.amin()):  # the host waits for the device here
        raise RuntimeError(
            f"the potentials fall short of the least cost by {gap.item():.1e}; wanted 0 up to rounding. "
            "Costs of very different size lose digits: subtract or rescale what is common to them."
        )
    middle = f.mean()
    return (f - middle).to(cost), (g + middle).to(cost)


def wasserstein(
    x: Float[Tensor, "n d"],
    y: Float[Tensor, "m d"],
    p: int | float = 2,
    x_weights: Float[Tensor, " n"] | None = None,
    y_weights: Float[Tensor, " m"] | None = None,
) -> Float[Tensor, ""]:
    r"""$W_p = (\min_\pi \sum_{ij} \pi_{ij} |x_i - y_j|^p)^{1/p}$ between points: the distance, not its p-th power.

    `x` is (n, d), `y` is (m, d); the weights, (n,) and (m,), sum to one and default to equal ones; any finite p >= 1.
    Exact, in time about cubic in n: a second for a few thousand points.  Between samples it overestimates the distance
    of their distributions, by about $n^{-1/d}$.  Differentiable in `x` and `y` (the plan is held, by the envelope
    theorem).

    Reference: Peyré and Cuturi, Computational Optimal Transport, 2019, proposition 2.2; Dudley, 1969 (the bias).

    >>> wasserstein(torch.tensor([[0.0, 0.0], [0.0, 1.0]]), torch.tensor([[3.0, 1.0], [3.0, 0.0]]))
    tensor(3.)
    """
    distances, dtype = _distances(x, y, p)
    a = probabilities("x_weights", x_weights, len(distances), distances)
    b = probabilities("y_weights", y_weights, distances.shape[1], distances)
    plan = _plan_of_distances(accurate(distances.detach()), a, b, p)
    return power_mean(accurate(distances), plan, p).to(dtype)


def _plan_of_distances(distances: Tensor, a: Tensor, b: Tensor, p: int | float) -> Tensor:
    """The optimal plan for costs that are p-th powers of distances, also where those span more than 16 digits."""

    def solve(unit: Tensor, most: float) -> tuple[Tensor, Tensor]:
        plan, _ = _solve((distances / unit).pow(p).clamp(max=most), a, b, 1_000_000)
        return plan, power_mean(distances, plan, p)

    largest = torch.where(distances.amax() > 0, distances.amax(), 1)  # as unit, so that no power overflows
    plan, length = solve(largest, 1.0)
    # Beside 1 the solver does not see a cost of 1e-16.  So where the least cost is that small, again in its own unit;
    # what costs far more than all of the plan can carry almost nothing, and is cut down to a price that forbids it.
    while length > 0 and (length / largest) ** p < 1e-9:  # the host waits for the device here
        found = min((solve(length, most) for most in (1e12, 1e6)), key=lambda pair: float(pair[1]))
        if found[1] >= length * (1 - 1e-12):
            break
        plan, length = found
    return plan


def _distances(x: object, y: object, p: object) -> tuple[Tensor, torch.dtype]:
    """Euclidean distances (n, m) in at least single precision, and the dtype of the result."""
    x, y = require_rows("x", x), require_rows("y", y)
    require_exponent(p)
    if p == torch.inf:
        raise ValueError("p is inf; wanted a finite exponent, as the largest displacement is no linear program.")
    if x.shape[1] != y.shape[1]:
        raise ValueError(f"x has {x.shape[1]} columns and y {y.shape[1]}; wanted points of one dimension.")
    require_same_device(x=x, y=y)
    dtype = torch.promote_types(x.dtype, y.dtype)
    x, y = at_least_single(x.to(dtype)), at_least_single(y.to(dtype))
    unit = unit_of(x.detach(), y.detach(), beyond=1e60 if x.dtype == torch.float64 else 1e10)
    if unit != 1:
        x, y = x / unit, y / unit
    distances = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist")
    return (distances if unit == 1 else unit * distances), dtype


def _solve(cost: Tensor, a: Tensor, b: Tensor, iterations: int) -> tuple[Tensor, Tensor]:
    """The optimal plan in float64, and the rows' potential up to a constant (meaningless where a weight is 0)."""
    require_count("iterations", iterations)
    from ot import emd  # here, as it takes a second to import and most of the book does without

    cost = accurate(cost.detach())
    least = cost.amin()
    # In units of the range of the costs, as the solver's tolerances are absolute.
    unit = cost.amax() - least
    unit = torch.where(unit > 0, unit, 1)
    host = [value.detach().cpu().double().numpy() for value in (a, b, (cost - least) / unit)]  # waits for the device
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the solver has to say is raised below
        plan, log = emd(*host, numItermax=iterations, log=True)
    if log["warning"] is not None:
        raise RuntimeError(
            f"no optimal plan for costs of shape {tuple(cost.shape)} within {iterations} iterations: "
            f"{' '.join(str(log['warning']).split())} Raise iterations, or transport fewer points."
        )
    return torch.from_numpy(plan).to(cost), torch.from_numpy(log["u"]).to(cost) * unit
