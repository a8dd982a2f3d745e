r"""Entropic transport: Sinkhorn's iteration in the log domain, which small temperatures do not overflow."""

import torch
from jaxtyping import Float
from torch import Tensor

from course_gan.inputs import require_count, require_positive
from course_gan.transport.inputs import accurate, probabilities, require_cost

WARM = 10  # rounds at each temperature on the way down


def sinkhorn(
    cost: Float[Tensor, "n m"],
    epsilon: int | float,
    a: Float[Tensor, " n"] | None = None,
    b: Float[Tensor, " m"] | None = None,
    *,
    tolerance: float = 1e-9,
    iterations: int = 2_000,
) -> Float[Tensor, "n m"]:
    r"""The plan that minimizes $\langle \pi, C \rangle + \varepsilon \, \mathrm{KL}(\pi \| a b^\top)$.

    $$\pi_{ij} = a_i b_j \exp\frac{f_i + g_j - c_{ij}}{\varepsilon}, \qquad
      f_i \leftarrow -\varepsilon \log \sum_j b_j e^{(g_j - c_{ij}) / \varepsilon}, \quad
      g_j \leftarrow -\varepsilon \log \sum_i a_i e^{(f_i - c_{ij}) / \varepsilon}$$

    Arguments as for `optimal_plan`.  The column sums of the plan are b, and its row sums miss a by less than
    `tolerance` in total; if they do not within `iterations`, a RuntimeError says so.  Computed in float64; no gradient
    flows through the plan.  Below about 1e-7 of the range of the costs, `epsilon` is too small for float64.

    A small `epsilon` is approached from a large one by halving.  At each, a few of the updates above, and then Newton's
    method on the concave dual, as the updates alone need about 1 / epsilon rounds for each digit.

    Entropy blurs the plan, so $\langle \pi, C \rangle$ is *above* the least cost.  Two points a unit apart, against
    themselves, have distance 0 and yet $\langle \pi, C \rangle = 1 / (1 + e^{1/\varepsilon})$:

    >>> cost = torch.tensor([[0.0, 1.0], [1.0, 0.0]])
    >>> (sinkhorn(cost, 1.0) * cost).sum(), (sinkhorn(cost, 0.1) * cost).sum()
    (tensor(0.2689), tensor(4.5398e-05))

    Reference: Cuturi, Sinkhorn distances, 2013; Peyré and Cuturi, Computational Optimal Transport, 2019, §4.4; Brauer,
    Clason, Lorenz and Wirth, A Sinkhorn-Newton method for entropic optimal transport, 2017.
    """
    given = require_cost(cost)
    epsilon = float(epsilon)
    require_positive("epsilon", epsilon)
    require_positive("tolerance", tolerance)
    require_count("iterations", iterations)
    c = accurate(given.detach())
    a, b = probabilities("a", a, c.shape[0], c).detach(), probabilities("b", b, c.shape[1], c).detach()
    f = torch.zeros_like(a)
    temperature = max(epsilon, float(c.amax() - c.amin()))
    for step in range(iterations):
        if step % WARM == 0 and step > 0 and temperature > epsilon:
            temperature = max(epsilon, temperature / 2)
        g = _other_side(f, c.T, a, temperature)
        # The weights inside of the exponent: outside, a weight of 0 could meet an infinity.
        plan = ((f[:, None] + g - c) / temperature + a.log()[:, None] + b.log()).exp()
        missing = a - plan.sum(1)
        error = float(missing.abs().sum())  # the host waits for the device here
        if temperature == epsilon and error < tolerance:
            return plan.to(given)
        sinkhorn_step = _other_side(g, c, b, temperature)
        f = sinkhorn_step if step % WARM < 5 else _newton(f, g, plan, missing, sinkhorn_step, c, a, b, temperature)
    raise RuntimeError(
        f"after {iterations} iterations the row sums miss a by {error:.1e}; wanted below {tolerance:.0e}. "
        f"Raise epsilon (now {epsilon:g}), tolerance or iterations, or take optimal_plan, which needs no epsilon."
    )


def _other_side(f: Tensor, c: Tensor, weights: Tensor, temperature: float) -> Tensor:
    """The potential that makes one side's marginal right, given the other side's (n,) and costs (m, n)."""
    return -temperature * torch.logsumexp((f - c) / temperature + weights.log(), dim=1)


def _newton(
    f: Tensor,
    g: Tensor,
    plan: Tensor,
    missing: Tensor,
    otherwise: Tensor,
    c: Tensor,
    a: Tensor,
    b: Tensor,
    temperature: float,
) -> Tensor:
    r"""A Newton step for f, halved until the dual $a^\top f + b^\top g(f)$ rises; `otherwise`, if it does not.

    The dual's gradient is a less the row sums, and its second derivative
    $-(\mathrm{diag}(\pi 1) - \pi \, \mathrm{diag}(1/b) \, \pi^\top) / \varepsilon$, singular along the constants.
    """
    rows = plan.sum(1)
    curvature = torch.diag(rows) - (plan / torch.where(b > 0, b, 1)) @ plan.T
    ridge = 1e-13 * rows.amax()
    direction: Tensor = temperature * torch.linalg.solve(curvature + ridge * torch.eye(len(f)).to(f), missing)
    value, slope, length = a @ f + b @ g, missing @ direction, 1.0
    while length > 1e-3:
        further: Tensor = f + length * direction
        if a @ further + b @ _other_side(further, c.T, a, temperature) >= value + 1e-4 * length * slope:
            return further
        length /= 2
    return otherwise
