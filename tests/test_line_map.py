"""The mass of G(z) on the cells of a grid, of maps that rise, fold and stand still."""

import inspect
import math

import pytest
import torch
from torch.special import ndtr
from torch.testing import assert_close

from course_gan.line_map import mass_on_cells, noise_line

EDGES = torch.linspace(-8, 8, 321, dtype=torch.float64)


def test_noise_has_the_mass_of_the_normal_distribution() -> None:
    z, mass = noise_line()
    assert float(mass.sum()) == pytest.approx(1, abs=1e-14)
    # Beyond 4.5 lie 6.8e-6, which are shared out.
    assert_close(mass.cumsum(0), ndtr(z[1:]), atol=1e-5, rtol=0)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_affine_map_gives_the_normal_distribution_it_should(sign: float) -> None:
    z, mass = noise_line()
    cells = mass_on_cells(sign * 1.5 * z + 0.5, mass, EDGES)
    assert_close(cells, ndtr((EDGES - 0.5) / 1.5).diff(), atol=1e-5, rtol=0)


def test_fold_adds_up_both_branches() -> None:
    z, mass = noise_line(20_001)
    cells = mass_on_cells(z.abs(), mass, EDGES)
    expected = torch.where(EDGES[:-1] > -1e-9, 2 * ndtr(EDGES).diff(), 0)
    assert_close(cells, expected, atol=2e-5, rtol=0)


def test_constant_map_puts_everything_into_one_cell_and_what_is_outside_is_left_out() -> None:
    z, mass = noise_line(101)
    cells = mass_on_cells(torch.full_like(z, 0.01), mass, EDGES)
    assert_close(cells.sum(), torch.ones(()).double())
    assert (cells > 0).sum() == 1
    assert mass_on_cells(torch.full_like(z, 100.0), mass, EDGES).sum() == 0


def test_shapes_that_do_not_belong_together_are_refused() -> None:
    z, mass = noise_line(11)
    with pytest.raises(ValueError, match="between neighbors"):
        mass_on_cells(z[:-1], mass, EDGES)
    with pytest.raises(ValueError, match=r"edges has shape \(1, .*wanted \(e,\)"):
        inspect.unwrap(mass_on_cells)(z, mass, EDGES[None])


def test_edges_that_do_not_increase_and_a_line_without_length_are_refused() -> None:
    z, mass = noise_line(11)
    with pytest.raises(ValueError, match=r"edges\[1\] is .*; wanted numbers that increase"):
        mass_on_cells(z, mass, EDGES.flip(0))
    with pytest.raises(ValueError, match=r"x\[0\] is nan; wanted finite"):
        mass_on_cells(z * math.nan, mass, EDGES)
    for end in (0, -1.0, math.nan):
        with pytest.raises(ValueError, match=r"end is .*; wanted a finite number above 0"):
            noise_line(11, end)
