"""Sorting: the same order whoever does it, and gradients through it."""

import pytest
import torch
from torch.testing import assert_close

from course_gan.numerics import argsort, ascending

DTYPES = [torch.float16, torch.bfloat16, torch.float32, torch.float64]


@pytest.mark.parametrize("dtype", DTYPES)
def test_numbers_are_sorted_with_nan_last(dtype):
    x = torch.tensor([3, -torch.inf, torch.nan, 1, torch.inf, 1], dtype=dtype)
    wanted = torch.tensor([-torch.inf, 1, 1, 3, torch.inf, torch.nan], dtype=dtype)
    assert_close(ascending(x), wanted, equal_nan=True, rtol=0, atol=0)
    assert_close(x[argsort(x)], wanted, equal_nan=True, rtol=0, atol=0)


def test_what_is_sorted_stays_as_it_was():
    x = torch.tensor([3.0, 1.0, 2.0])
    ascending(x)[0] = 7
    assert x.tolist() == [3, 1, 2]


def test_views_are_sorted_as_what_they_show():
    x = torch.arange(12.0).flip(0)
    assert ascending(x[::3]).tolist() == [2, 5, 8, 11]
    negative = torch.imag(torch.complex(x, x).conj())  # torch writes the minus down and does not store it
    assert negative.is_neg()
    assert_close(ascending(negative), -x, rtol=0, atol=0)


def test_the_gradient_goes_back_to_where_a_number_came_from():
    x = torch.tensor([3.0, 1.0, 2.0], requires_grad=True)
    (ascending(x) * torch.tensor([10.0, 20.0, 30.0])).sum().backward()
    assert x.grad.tolist() == [30, 10, 20]


def test_transforms_sort_too():
    x, weight = torch.tensor([[3.0, 1.0, 2.0], [1.0, 2.0, 3.0]]), torch.tensor([10.0, 20.0, 30.0])

    def weighted(row):
        return (ascending(row) * weight).sum()

    assert torch.func.grad(weighted)(x[0]).tolist() == [30, 10, 20]
    assert torch.func.vmap(weighted)(x).tolist() == [140, 140]
