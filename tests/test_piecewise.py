"""ReLU and leaky ReLU with constant slopes: the same numbers, and no zeros sent back through the layers."""

import contextlib
import copy
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan import nets, penalties
from course_gan.piecewise import LeakyReLU, ReLU, constant_slopes, leaky_relu, relu


@pytest.mark.parametrize("slope", [0.0, 0.2, 1.0, -0.5])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_values_and_slopes_are_torchs_own(slope: float, dtype: torch.dtype) -> None:
    x = torch.tensor([-3.0, -0.0, 0.0, 1e-30, 2.0, -1e4, float("inf"), float("nan")], dtype=dtype, requires_grad=True)
    theirs: Callable[[Tensor], Tensor] = lambda x: nn.functional.leaky_relu(x, slope)  # noqa: E731
    for ours, torchs in ((lambda x: leaky_relu(x, slope), theirs), (relu, torch.relu)):
        with constant_slopes():
            y = ours(x)
        assert_close(y, torchs(x), rtol=0, atol=0, equal_nan=True)
        weights = torch.arange(1.0, 9.0, dtype=dtype)
        (found,) = torch.autograd.grad((y * weights)[:-1].sum(), x)
        (expected,) = torch.autograd.grad((torchs(x) * weights)[:-1].sum(), x)
        assert_close(found, expected, rtol=0, atol=0)


def test_the_second_derivative_is_not_asked_for_and_the_one_by_the_gradient_is() -> None:
    for layer in (ReLU(), LeakyReLU(0.3)):
        x, outer = torch.randn(5, requires_grad=True), torch.randn(5, requires_grad=True)
        with constant_slopes():
            (slope,) = torch.autograd.grad(layer(x), x, outer, create_graph=True)
        by_x, by_outer = torch.autograd.grad(slope.sum(), (x, outer), allow_unused=True)
        assert by_x is None
        assert_close(by_outer, torch.where(x > 0, 1.0, 0.0 if type(layer) is ReLU else 0.3))


def test_outside_of_the_context_they_are_torchs_own_nodes() -> None:
    x = torch.randn(3, requires_grad=True)
    with constant_slopes():
        assert "Bent" in LeakyReLU(0.2)(x).grad_fn.name()
        with constant_slopes():
            pass
        assert "Bent" in relu(x).grad_fn.name()
    with contextlib.suppress(ZeroDivisionError), constant_slopes():
        raise ZeroDivisionError
    assert LeakyReLU(0.2)(x).grad_fn.name() == "LeakyReluBackward0"
    assert relu(x).grad_fn.name() == "ReluBackward0"


CRITICS = {
    "points": (lambda: nets.MLPCritic((2,), (16, 16)), (2,)),
    "relu, layer norm": (lambda: nets.MLPCritic((2,), (16, 16), activation="relu", norm="layer"), (2,)),
    "images": (lambda: nets.DCGANCritic(28, width=4, norm="none"), (1, 28, 28)),
    "residual": (lambda: nets.ResNetCritic(32, width=4), (1, 32, 32)),
    "patches": (lambda: nets.PatchCritic(1, width=4, norm="none"), (1, 32, 32)),
}


@pytest.mark.parametrize("name", CRITICS)
def test_a_penalty_and_its_gradient_stay_the_same_and_layers_are_walked_once_less(name: str) -> None:
    """Against the same critic with torch's activations, which sends zeros back."""
    make, shape = CRITICS[name]
    torch.manual_seed(0)
    critic = make().double()
    real, fake = (torch.randn(4, *shape, dtype=torch.float64) for _ in range(2))
    found, expected = [], []
    for values, differentiate in ((found, penalties.gradient_norms), (expected, norms_by_torch)):
        twin = copy.deepcopy(critic)
        value = differentiate(twin, torch.cat([real, fake])).sub(1).square().mean()
        assert value > 0
        value.backward()
        values += [value.detach(), *(weight.grad for weight in twin.parameters())]
    for ours, theirs in zip(found, expected, strict=True):
        if ours is None:
            assert theirs is None or not theirs.any()
        else:
            assert_close(ours, theirs)


def norms_by_torch(critic: nn.Module, x: Tensor) -> Tensor:
    """The slope of the critic at each sample, by plain autograd."""
    x = x.clone().requires_grad_()
    (gradients,) = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    return gradients.flatten(1).norm(dim=1)


def test_a_critic_that_maps_over_its_samples_can_be_penalized() -> None:
    torch.manual_seed(0)
    critic, x = nets.MLPCritic((2,), (8, 8)).double(), torch.randn(6, 2, dtype=torch.float64)
    found = penalties.gradient_norms(lambda x: torch.func.vmap(lambda row: critic(row[None])[0])(x), x)
    expected = penalties.gradient_norms(critic, x)
    assert_close(found, expected)
    weight = critic.body[0].weight
    assert_close(torch.autograd.grad(found.sum(), weight)[0], torch.autograd.grad(expected.sum(), weight)[0])
