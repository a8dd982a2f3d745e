"""The conjugate on a grid: against formulas, its order, what it refuses."""

import math

import pytest
import torch
from torch.testing import assert_close

from course_gan.conjugates import biconjugate_on_grid, conjugate_on_grid

U = torch.linspace(0, 4, 4001, dtype=torch.float64)


def test_conjugate_is_that_of_the_table():
    t = torch.linspace(-1, 1.5, 11, dtype=torch.float64)
    h = U[1] - U[0]
    # f'' of u log u is 1/u, and the best u is exp(t - 1) >= 0.13.
    assert_close(conjugate_on_grid(U, torch.xlogy(U, U), t), (t - 1).exp(), atol=float(h**2 / 0.13 / 8), rtol=0)
    assert_close(conjugate_on_grid(U, (U - 1) ** 2, t), t**2 / 4 + t, atol=float(h**2 * 2 / 8) + 1e-14, rtol=0)


def test_shape_is_that_of_the_slopes_and_dtype_stays():
    f = ((U - 1) ** 2).float()
    assert conjugate_on_grid(U.float(), f, torch.zeros(2, 3)).shape == (2, 3)
    assert conjugate_on_grid(U.float(), f, torch.tensor(0.5)).shape == ()
    assert conjugate_on_grid(U.float(), f, torch.zeros(2)).dtype == torch.float32


def test_infinite_values_are_never_the_best():
    f = torch.where(U <= 2, (U - 1) ** 2, math.inf)
    assert float(conjugate_on_grid(U, f, torch.tensor(100.0, dtype=U.dtype))) == 199.0


def test_biconjugate_is_below_and_bridges_what_is_not_convex():
    u = torch.linspace(0, 3, 301, dtype=torch.float64)
    f = (u - 0.5) ** 2 * (u - 2) ** 2
    back = biconjugate_on_grid(u, f, torch.linspace(-6, 18, 2401, dtype=torch.float64))
    assert bool((back <= f + 1e-12).all())
    assert back[(u > 0.5) & (u < 2)].abs().max() < 1e-12
    outside = (u < 0.5) | (u > 2)
    assert_close(back[outside], f[outside], atol=0.005**2 / 2 / 4.5 * 4, rtol=0)


@pytest.mark.parametrize(
    ("u", "f", "match"),
    [
        (torch.zeros(0), torch.zeros(0), "at least one entry"),
        (torch.zeros(2), torch.full((2,), math.inf), "at every point"),
        (torch.zeros(2), torch.tensor([0.0, -math.inf]), r"numbers or \+inf"),
        (torch.tensor([0.0, math.nan]), torch.zeros(2), "finite points"),
    ],
)
def test_what_is_no_function_on_a_grid_is_refused(u, f, match):
    with pytest.raises(ValueError, match=match):
        conjugate_on_grid(u, f, torch.zeros(1))


def test_slopes_without_end_are_refused() -> None:
    """At u = 0 they would make 0 · inf, a NaN that the maximum keeps."""
    with pytest.raises(ValueError, match=r"t\[1\] is inf; wanted finite slopes"):
        conjugate_on_grid(torch.tensor([0.0, 1.0]), torch.zeros(2), torch.tensor([0.0, torch.inf]))
