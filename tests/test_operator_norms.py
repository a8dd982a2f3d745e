"""Operator norms: against matrices written out by numpy, closed forms of Toeplitz matrices, and one another."""

import inspect
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_gan.operator_norms import DENSE
from course_gan.penalties import circular_operator_norm, operator_norm, spectral_norm_


def filled(module: nn.Module, seed: int = 0) -> nn.Module:
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return module


def by_columns(layer: nn.Module, shape: tuple[int, ...]) -> float:
    """The matrix of a layer, column by column, and its largest singular value by numpy."""
    with torch.no_grad():
        offset = layer(torch.zeros(1, *shape))
        columns = [layer(axis.reshape(1, *shape)) - offset for axis in torch.eye(math.prod(shape))]
    return float(np.linalg.svd(torch.stack(columns).flatten(1).double().numpy(), compute_uv=False)[0])


CASES = {
    "linear": (lambda: nn.Linear(7, 4), (7,)),
    "linear on sequences": (lambda: nn.Linear(5, 3), (4, 5)),
    "one by one": (lambda: nn.Linear(1, 1), (1,)),
    "padded": (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 7, 7)),
    "small": (lambda: nn.Conv2d(1, 3, 3, padding=1), (1, 5, 6)),
    "strided": (lambda: nn.Conv2d(3, 4, 4, stride=2, padding=1), (3, 8, 8)),
    "grouped": (lambda: nn.Conv2d(4, 4, 3, padding=1, groups=4), (4, 6, 6)),
    "dilated": (lambda: nn.Conv1d(2, 2, 3, dilation=2), (2, 40)),
    "reflecting": (lambda: nn.Conv2d(1, 2, 3, padding=1, padding_mode="reflect"), (1, 9, 9)),
    "transposed": (lambda: nn.ConvTranspose2d(2, 3, 4, stride=2, padding=1), (2, 6, 6)),
    "average": (lambda: nn.AvgPool2d(2), (2, 8, 8)),
    "stack": (lambda: nn.Sequential(nn.Conv2d(1, 2, 3), nn.Flatten(), nn.Linear(72, 5)), (1, 8, 8)),
}


@pytest.mark.parametrize("case", CASES)
def test_the_norm_is_that_of_the_matrix(case: str) -> None:
    build, shape = CASES[case]
    layer = filled(build())
    # numpy sees float32 columns.
    assert_close(operator_norm(layer, shape), by_columns(layer, shape), rtol=2e-6, atol=0)


@pytest.mark.parametrize("length", [3, DENSE, DENSE + 1, 200])
def test_a_zero_padded_blur_has_a_closed_form(length: int) -> None:
    """The tridiagonal Toeplitz matrix [1, 2, 1] has largest eigenvalue 2 + 2 cos(π / (n + 1))."""
    layer = nn.Conv1d(1, 1, 3, padding=1)
    layer.weight.data = torch.tensor([[[1.0, 2.0, 1.0]]])
    assert_close(operator_norm(layer, (1, length)), 2 + 2 * math.cos(math.pi / (length + 1)), rtol=1e-10, atol=0)


def test_pooling_and_upsampling_have_closed_forms() -> None:
    assert_close(operator_norm(nn.AvgPool2d(2), (3, 8, 8)), 0.5)
    assert_close(operator_norm(nn.Upsample(scale_factor=2), (3, 8, 8)), 2.0)
    assert_close(operator_norm(nn.Flatten(), (3, 4, 4)), 1.0)


def test_layers_that_map_all_to_one_point_have_norm_zero() -> None:
    for length in (4, 100):
        layer = nn.Linear(length, 2)
        nn.init.zeros_(layer.weight)
        assert operator_norm(layer, (length,)) == 0


def test_the_layer_is_left_as_it_was() -> None:
    layer = spectral_norm_(filled(nn.Conv2d(1, 2, 3, padding=1)))
    layer.parametrizations.weight[0]._v.copy_(torch.ones(9) / 3)
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    here = torch.random.get_rng_state()
    first = operator_norm(layer, (1, 10, 10))
    assert first == operator_norm(layer, [1, 10, 10])  # and always the same
    assert torch.equal(torch.random.get_rng_state(), here)
    assert layer.training
    assert layer.parametrizations.weight.original.dtype == torch.float32
    assert layer.parametrizations.weight.original.requires_grad
    assert_close(layer.state_dict(), before, rtol=0, atol=0)


def test_measured_in_eval_mode() -> None:
    """In training mode each use of the weight would be another one."""
    layer = spectral_norm_(filled(nn.Linear(6, 6)))
    layer.parametrizations.weight[0]._v.copy_(torch.full((6,), 6**-0.5))
    frozen = torch.linalg.matrix_norm(layer.eval().weight, 2).item()
    assert_close(operator_norm(layer.train(), (6,)), frozen, rtol=1e-5, atol=0)
    assert abs(torch.linalg.matrix_norm(layer.weight, 2).item() / frozen - 1) > 1e-3


# ---------------------------------------------------------------- circular convolutions


@pytest.mark.parametrize(
    ("kernel", "norm"), [([1.0, 2, 1], 4.0), ([1.0, -2, 1], 4.0), ([1.0, 0, -1], 2.0), ([3.0], 3.0)]
)
def test_circular_norms_of_short_kernels(kernel: list[float], norm: float) -> None:
    assert_close(circular_operator_norm(torch.tensor([[kernel]]), 8), torch.tensor(norm))


def test_the_binomial_blur_stretches_by_sixteen() -> None:
    row = torch.tensor([1.0, 2.0, 1.0], dtype=torch.float64)
    kernel = torch.outer(row, row)[None, None]
    assert_close(circular_operator_norm(kernel, 8), torch.tensor(16.0, dtype=torch.float64))
    assert_close(torch.linalg.matrix_norm(kernel.flatten(1), 2), torch.tensor(6.0, dtype=torch.float64))


@pytest.mark.parametrize("size", [(5, 6), (3, 3), (8, 5)])
def test_circular_norm_agrees_with_the_layer(size: tuple[int, int]) -> None:
    layer = filled(nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular"))
    exact = circular_operator_norm(layer.weight.detach().double(), size)
    assert_close(operator_norm(layer, (3, *size)), exact.item(), rtol=1e-10, atol=0)


def test_circular_norm_agrees_with_a_circulant_matrix() -> None:
    kernel = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    blocks = np.zeros((2 * 9, 3 * 9))
    for out, into, shift in np.ndindex(2, 3, 4):
        for place in range(9):
            blocks[out * 9 + place, into * 9 + (place + shift) % 9] = kernel[out, into, shift]
    assert_close(circular_operator_norm(kernel, 9).item(), np.linalg.svd(blocks, compute_uv=False)[0])


def test_circular_norm_keeps_dtype_and_is_differentiable() -> None:
    kernel = torch.randn(2, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda kernel: circular_operator_norm(kernel, 7), kernel)
    assert circular_operator_norm(kernel.detach().bfloat16(), 7).dtype == torch.bfloat16


# ---------------------------------------------------------------- bad input


def test_what_is_not_affine_is_refused() -> None:
    for layer in (nn.ReLU(), nn.LeakyReLU(0.2), nn.Tanh(), nn.Sequential(nn.Linear(4, 4), nn.ReLU()), nn.LayerNorm(4)):
        with pytest.raises(ValueError, match="is not affine"):
            operator_norm(layer, (4,))


def test_a_wrong_input_shape_is_named() -> None:
    for layer, shape in ((nn.Linear(3, 2), (4,)), (nn.Conv2d(3, 2, 3), (1, 8, 8)), (nn.Embedding(3, 2), (3,))):
        with pytest.raises(ValueError, match=r"does not take an input of shape \(.*without the batch axis"):
            operator_norm(layer, shape)
    broken = nn.Linear(3, 2)
    nn.init.constant_(broken.weight, math.nan)
    with pytest.raises(ValueError, match=r"what Linear gives\[0, 0\] is nan; wanted finite numbers. Look"):
        operator_norm(broken, (3,))
    with pytest.raises(ValueError, match="a length of input_shape is 0"):
        operator_norm(nn.Linear(3, 2), (0,))
    with pytest.raises(TypeError, match="layer is a function; wanted a module"):
        inspect.unwrap(operator_norm)(lambda x: x, (3,))


def test_a_kernel_needs_channels_and_has_to_fit() -> None:
    circular = inspect.unwrap(circular_operator_norm)
    with pytest.raises(ValueError, match=r"kernel has shape \(3, 2\); wanted \(channels_out, channels_in, length\)"):
        circular(torch.ones(3, 2), 8)
    with pytest.raises(ValueError, match=r"kernel\[0, 0, 1\] is nan; wanted finite numbers"):
        circular(torch.tensor([[[1.0, math.nan]]]), 8)
    for size in (8.5, torch.tensor(8), True):
        with pytest.raises(ValueError, match=r"a length of size is .*; wanted a whole number"):
            circular(torch.ones(1, 1, 3), size)
    for size in (2, (8, 8), (2,)):
        with pytest.raises(ValueError, match=r"for a kernel of \(3,\); wanted one length for each of its 1 axes"):
            circular(torch.ones(1, 1, 3), size)
    with pytest.raises(ValueError, match="wanted one length for each of its 2 axes"):
        circular(torch.ones(1, 1, 3, 3), (8,))
    with pytest.raises(TypeError, match="kernel is a list"):
        circular([[[1.0]]], 8)


def test_what_a_stride_and_groups_do_to_the_bounds_of_spectral_normalization() -> None:
    """A transposed convolution whose patches do not meet, and a depthwise one, stretch less than their σ of 1."""
    spread = nn.ConvTranspose2d(4, 1, 2, stride=2, bias=False)
    spread.weight.data = torch.eye(4).reshape(4, 1, 2, 2)
    assert_close(operator_norm(spectral_norm_(spread), (4, 3, 3)), 0.5)
    meeting = nn.ConvTranspose2d(1, 4, 2, stride=2, bias=False)
    meeting.weight.data = torch.eye(4).reshape(1, 4, 2, 2)
    assert_close(operator_norm(spectral_norm_(meeting), (1, 3, 3)), 2.0)  # sqrt(2 · 2), the upper bound
    depthwise = nn.Conv2d(2, 2, 1, groups=2, bias=False)
    depthwise.weight.data.fill_(1.0)
    assert_close(operator_norm(spectral_norm_(depthwise), (2, 3, 3)), math.sqrt(0.5))


def test_the_shape_of_an_input_is_a_tuple() -> None:
    with pytest.raises(TypeError, match=r"input_shape is 3; wanted the lengths of one input. Pass \(3,\)"):
        inspect.unwrap(operator_norm)(nn.Linear(3, 2), 3)
