"""Minibatch discrimination and minibatch standard deviation against plain loops over the formulas."""

import inspect

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan.nets import MinibatchDiscrimination, MinibatchStd
from tests.nets_cases import normal, seeded


def discrimination_by_loops(x: Tensor, projection: Tensor) -> Tensor:
    """o(x_i)_b = sum_j exp(-|M_ib - M_jb|_1), one number at a time."""
    n, (_, kernels, dims) = len(x), projection.shape
    m = [[[x[i] @ projection[:, b, c] for c in range(dims)] for b in range(kernels)] for i in range(n)]
    o = torch.zeros(n, kernels, dtype=x.dtype)
    for i in range(n):
        for b in range(kernels):
            for j in range(n):
                distance = sum(abs(m[i][b][c] - m[j][b][c]) for c in range(dims))
                o[i, b] += torch.exp(-distance)
    return torch.cat([x, o], dim=1)


def std_by_loops(x: Tensor, group: int) -> Tensor:
    n = len(x)
    groups = n // group
    channel = torch.zeros(n, 1, *x.shape[2:], dtype=x.dtype)
    for g in range(groups):
        members = [g + groups * k for k in range(group)]
        rows = x[members]
        deviation = ((rows - rows.mean(0)).square().mean(0) + 1e-8).sqrt()
        channel[members] = deviation.mean()
    return torch.cat([x, channel], dim=1)


@pytest.mark.parametrize(("n", "features", "kernels", "dims"), [(4, 3, 2, 5), (1, 3, 2, 2), (7, 1, 3, 1)])
def test_minibatch_discrimination_is_the_formula(n: int, features: int, kernels: int, dims: int) -> None:
    layer = MinibatchDiscrimination(features, kernels, dims, rng=seeded()).double()
    x = normal(n, features).double()
    assert_close(layer(x), discrimination_by_loops(x, layer.projection.detach()))


def test_closeness_is_between_one_and_the_size_of_the_batch() -> None:
    layer = MinibatchDiscrimination(3, rng=seeded())
    x = torch.cat([torch.zeros(4, 3), 1000 * torch.eye(3)])  # four equal samples, three far from all
    o = layer(x)[:, 3:]
    assert_close(o[:4], torch.full((4, 50), 4.0), rtol=0, atol=1e-3)
    assert_close(o[4:], torch.ones(3, 50), rtol=0, atol=0.1)


@pytest.mark.parametrize("group", [None, 2, 3, 4, 6, 12])
@pytest.mark.parametrize("shape", [(12, 5), (12, 3, 4, 4)])
def test_minibatch_std_is_the_formula(group: int | None, shape: tuple[int, ...]) -> None:
    x = normal(*shape).double()
    assert_close(MinibatchStd(group)(x), std_by_loops(x, group or 12))


def test_the_spread_is_one_number_for_each_group() -> None:
    channel = MinibatchStd(4)(normal(8, 3, 5, 5))[:, 3]
    assert channel.shape == (8, 5, 5)
    assert len(channel.unique()) == 2
    assert_close(channel[0], channel[2], rtol=0, atol=0)  # members are two apart
    assert not torch.equal(channel[0], channel[1])


def test_a_collapsed_batch_is_seen() -> None:
    x = normal(8, 3, 5, 5)
    same = x[:1].expand_as(x)
    assert MinibatchStd()(same)[:, 3].max() < 1e-3
    assert MinibatchStd()(x)[:, 3].min() > 0.5


def test_a_batch_smaller_than_the_group_is_one_group() -> None:
    x = normal(3, 4)
    assert_close(MinibatchStd(8)(x), MinibatchStd()(x), rtol=0, atol=0)


def test_a_batch_that_does_not_divide_is_refused() -> None:
    with pytest.raises(ValueError, match="x has 6 samples, which do not divide into groups of 4"):
        inspect.unwrap(MinibatchStd.forward)(MinibatchStd(4), normal(6, 3))


@pytest.mark.parametrize("x", [normal(6), normal(6, 3, 4), normal(6, 3, 4, 4, 4)])
def test_other_shapes_are_refused(x: Tensor) -> None:
    with pytest.raises(ValueError, match="wanted"):
        inspect.unwrap(MinibatchStd.forward)(MinibatchStd(), x)
    with pytest.raises(ValueError, match=r"wanted \(n, 3\)"):
        inspect.unwrap(MinibatchDiscrimination.forward)(MinibatchDiscrimination(3), x)


def test_trap_minibatch_statistics_without_a_graph() -> None:
    """Rebuilt by torch.tensor([...]), the appended numbers carry no gradient to the samples."""

    def gradient(layer: nn.Module, x: Tensor) -> Tensor:
        x = x.clone().requires_grad_()
        appended = layer(x)[:, x.shape[1] :]
        return torch.autograd.grad(appended.square().sum(), x)[0]

    class Rebuilt(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            numbers = torch.tensor([[float(x.detach().std(0).mean())]] * len(x))
            return torch.cat([x, numbers], dim=1)

    x = normal(4, 3)
    assert (gradient(Rebuilt(), x) == 0).all()
    for layer in (MinibatchDiscrimination(3, rng=seeded()), MinibatchStd(), MinibatchStd(2)):
        assert (gradient(layer, x).abs() > 1e-6).all()


def test_gradients_agree_with_finite_differences_twice() -> None:
    x = normal(4, 3).double().requires_grad_()
    for layer in (MinibatchDiscrimination(3, 2, 2, rng=seeded()).double(), MinibatchStd(), MinibatchStd(2)):
        assert torch.autograd.gradcheck(layer, x)
        assert torch.autograd.gradgradcheck(layer, x)


@pytest.mark.parametrize("layer", [MinibatchDiscrimination(3, rng=seeded()), MinibatchStd()])
def test_equal_samples_give_a_finite_gradient(layer: nn.Module) -> None:
    """The root of a variance of 0 has an infinite slope; an ε under the root keeps 0 / 0 away."""
    x = torch.ones(4, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(layer(x).sum(), x)
    assert gradient.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("scale", [0.01, 400.0])  # 400² overflows in float16, and ε = 1e-8 is 0 there
def test_half_precision_computes_in_single(dtype: torch.dtype, scale: float) -> None:
    x = (normal(8, 3) * scale).to(dtype).requires_grad_()
    result = MinibatchStd()(x)
    assert result.dtype == dtype
    expected = (x.detach().float().var(0, correction=0) + 1e-8).sqrt().mean()
    assert_close(result[0, 3].float(), expected, rtol=1e-2, atol=1e-6)
    same = torch.ones(4, 3, dtype=dtype, requires_grad=True)
    (gradient,) = torch.autograd.grad(MinibatchStd()(same).sum(), same)
    assert gradient.isfinite().all()


def test_evaluation_compares_as_training_does() -> None:
    x = normal(4, 3)
    for layer in (MinibatchDiscrimination(3, rng=seeded()), MinibatchStd()):
        assert_close(layer.eval()(x), layer.train()(x), rtol=0, atol=0)


def test_the_order_of_the_batch_does_not_matter_to_the_whole_batch() -> None:
    x, order = normal(6, 3), torch.tensor([3, 1, 5, 0, 2, 4])
    for layer in (MinibatchDiscrimination(3, rng=seeded()), MinibatchStd()):
        assert_close(layer(x[order]), layer(x)[order])


def test_the_layers_describe_themselves() -> None:
    assert "group=4" in repr(MinibatchStd(4))
