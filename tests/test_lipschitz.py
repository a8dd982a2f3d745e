"""Clipping and spectral normalization: what they bound, what they leave alone, and what they refuse."""

import copy
import inspect
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import _SpectralNorm, weight_norm
from torch.testing import assert_close

from course_gan.penalties import clip_weights_, gradient_norms, operator_norm, spectral_norm_


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def filled(module: nn.Module, seed: int = 0, scale: float = 1.0) -> nn.Module:
    generator = seeded(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(scale * torch.randn(parameter.shape, generator=generator))
    return module


# ---------------------------------------------------------------- clipping


class GatedNorm(nn.Module):
    """A reader's own normalization, whose scale comes from an embedding: as in conditional batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Embedding(3, 4)
        self.shift = nn.Parameter(torch.full((4,), 5.0))


class Bilinear(nn.Module):
    """A layer with a parameter and a buffer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("table", torch.full((2,), 5.0))
        self.tensor = nn.Parameter(torch.randn(4, 2, 2))


def test_clipping_is_the_projection_onto_the_box() -> None:
    critic = filled(nn.Sequential(nn.Conv2d(1, 4, 3), nn.ConvTranspose2d(4, 4, 2), nn.Linear(4, 1), nn.Embedding(5, 2)))
    critic.append(filled(Bilinear()))
    before = [parameter.detach().clone() for parameter in critic.parameters()]
    assert clip_weights_(critic, 0.5) is None
    for parameter, old in zip(critic.parameters(), before, strict=True):
        assert_close(parameter.detach(), torch.from_numpy(np.clip(old.numpy(), -0.5, 0.5)), rtol=0, atol=0)
        assert parameter.requires_grad
        assert parameter.grad_fn is None
    assert max(old.abs().max() for old in before) > 0.5
    assert critic[-1].table.tolist() == [5.0, 5.0]
    clip_weights_(critic, 1)  # a whole number is a bound too, and this one is wider
    assert max(parameter.abs().max() for parameter in critic.parameters()) == 0.5


def test_trap_clipping_normalization_parameters() -> None:
    layers = [
        nn.BatchNorm1d(4),
        nn.BatchNorm2d(4),
        nn.LayerNorm(4),
        nn.GroupNorm(2, 4),
        nn.InstanceNorm2d(4, affine=True),
        nn.RMSNorm(4),
        GatedNorm(),
    ]
    critic = filled(nn.Sequential(nn.Linear(3, 4), nn.Sequential(*layers)))
    before = copy.deepcopy(critic.state_dict())
    clip_weights_(critic, 0.01)
    after = critic.state_dict()
    assert critic[0].weight.abs().max() <= 0.01
    assert critic[0].bias.abs().max() <= 0.01
    others = [name for name in before if not name.startswith("0.")]
    assert len(others) == 19
    for name in others:
        assert torch.equal(after[name], before[name]), name
    # The wrong variant, a loop over all parameters, switches the scales off.
    assert all(before[name].abs().max() > 0.01 for name in others if name.endswith("weight"))


def test_trap_clipping_the_vectors_of_a_spectral_norm() -> None:
    """Buffers are no parameters; and a normalized weight is refused, as the box would not bound it."""
    critic = spectral_norm_(filled(nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1))))
    critic.insert(0, filled(nn.Linear(3, 3)))
    before = copy.deepcopy(critic.state_dict())
    with pytest.raises(ValueError, match=r"critic\.1 computes its weight.*Use one or the other"):
        clip_weights_(critic, 0.01)
    for name, value in critic.state_dict().items():
        assert torch.equal(value, before[name]), name  # the plain layer before it is left as it was, too
    original = critic[1].parametrizations.weight.original
    with torch.no_grad():  # the wrong variant: the clipped original gives a weight outside of the box
        original.clamp_(-0.01, 0.01)
    assert critic[1].weight.abs().max() > 0.1


def test_other_computed_weights_are_refused_too() -> None:
    for layer in (weight_norm(nn.Linear(2, 2)), nn.utils.spectral_norm(nn.Linear(2, 2))):
        with pytest.raises(ValueError, match="critic computes its weight from other tensors"):
            clip_weights_(layer, 0.01)


def test_trap_clipping_before_the_step() -> None:
    """Clipped after the step the weights used next lie in the box; clipped before it they do not."""

    def largest_weights(after: bool) -> list[float]:
        critic = filled(nn.Sequential(nn.Linear(2, 16), nn.ReLU(), nn.Linear(16, 1)), scale=0.1)
        optimizer = torch.optim.RMSprop(critic.parameters(), lr=5e-3)
        largest = []
        for step in range(5):
            real, fake = torch.randn(2, 32, 2, generator=seeded(step))
            optimizer.zero_grad()
            (critic(fake + 1).mean() - critic(real).mean()).backward()
            if not after:
                clip_weights_(critic, 0.01)
            optimizer.step()
            if after:
                clip_weights_(critic, 0.01)
            largest.append(max(parameter.abs().max().item() for parameter in critic.parameters()))
        return largest

    assert largest_weights(after=True) == pytest.approx([0.01] * 5)
    assert min(largest_weights(after=False)) > 0.0101


@pytest.mark.parametrize("bound", [0.0, -0.01, math.nan, math.inf])
def test_the_bound_has_to_be_positive(bound: float) -> None:
    with pytest.raises(ValueError, match=r"bound is .* above 0"):
        clip_weights_(nn.Linear(1, 1), bound)


def test_only_modules_are_clipped_and_normalized() -> None:
    with pytest.raises(TypeError, match="critic is a function; wanted the module"):
        inspect.unwrap(clip_weights_)(lambda x: x, 0.01)
    with pytest.raises(TypeError, match="module is a list; wanted a torch module"):
        inspect.unwrap(spectral_norm_)([nn.Linear(1, 1)])


# ---------------------------------------------------------------- spectral normalization: the value

LAYERS = {
    "wide": lambda: nn.Linear(40, 7),
    "tall": lambda: nn.Linear(5, 60),
    "conv1d": lambda: nn.Conv1d(3, 5, 3),
    "conv2d": lambda: nn.Conv2d(3, 20, 3),
    "conv3d": lambda: nn.Conv3d(2, 3, 2),
    "transposed1d": lambda: nn.ConvTranspose1d(3, 5, 3),
    "transposed2d": lambda: nn.ConvTranspose2d(30, 2, 3),
    "transposed3d": lambda: nn.ConvTranspose3d(2, 3, 2),
    "embedding": lambda: nn.Embedding(10, 6),
}


def reshaped(layer: nn.Module, weight: Tensor) -> np.ndarray:
    """The kernel as a matrix, one row for each output channel."""
    transposed = isinstance(layer, (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d))
    rows = weight.transpose(0, 1) if transposed else weight
    return rows.detach().flatten(1).double().numpy()


@pytest.mark.parametrize("kind", LAYERS)
def test_the_first_use_has_norm_one(kind: str) -> None:
    layer = filled(LAYERS[kind](), scale=3.0)
    original = layer.weight.detach().clone()
    sigma = np.linalg.norm(reshaped(layer, original), 2)
    assert spectral_norm_(layer) is layer
    assert_close(layer.eval().weight.detach(), original / sigma, rtol=1e-5, atol=1e-6)
    assert_close(layer.train().weight.detach(), original / sigma, rtol=1e-5, atol=1e-6)


def test_numbers_worked_out_by_hand() -> None:
    layer = nn.Linear(2, 2).double()
    layer.weight.data = torch.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=torch.float64)
    spectral_norm_(layer)
    assert_close((1 / layer.weight[0, 0]).item(), 5.4649857, rtol=1e-8, atol=0)
    ones = nn.Linear(4, 3).double()
    ones.weight.data.fill_(1.0)
    assert_close((1 / spectral_norm_(ones).weight[0, 0]).item(), math.sqrt(12))


def test_power_iteration_from_the_first_axis() -> None:
    layer = nn.Linear(2, 2).double()
    layer.weight.data = torch.tensor([[1.0, 3.0], [2.0, 4.0]], dtype=torch.float64)
    spectral_norm_(layer)
    layer.parametrizations.weight[0]._v.copy_(torch.tensor([1.0, 0.0]))
    values = [(1 / layer.weight[0, 0]).item() for _ in range(3)]
    assert_close(values, [5.4037024, 5.4649845, 5.4649857], rtol=0, atol=5e-8)


def test_half_precision_weights_start_accurate() -> None:
    layer = filled(nn.Linear(12, 8)).bfloat16()
    sigma = np.linalg.norm(layer.weight.detach().double().numpy(), 2)
    original = layer.weight.detach().clone()
    assert_close(spectral_norm_(layer).eval().weight.detach().double(), original.double() / sigma, rtol=2e-2, atol=1e-3)


def test_the_gradient_goes_through_sigma() -> None:
    layer = filled(nn.Linear(6, 4)).double()
    matrix = layer.weight.detach().clone().requires_grad_()
    spectral_norm_(layer).eval()
    target = torch.randn(4, 6, generator=seeded(1), dtype=torch.float64)
    (layer.weight * target).sum().backward()
    (matrix / torch.linalg.matrix_norm(matrix, 2) * target).sum().backward()
    assert_close(layer.parametrizations.weight.original.grad, matrix.grad)


def test_every_layer_gets_one_and_calling_twice_adds_none() -> None:
    inner = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.LayerNorm(4))
    module = filled(nn.Sequential(inner, nn.Flatten(), nn.Linear(8, 4), nn.PReLU(), nn.Embedding(3, 4)))
    spectral_norm_(spectral_norm_(module), iterations=3)
    norms = [name for name, part in module.named_modules() if isinstance(part, _SpectralNorm)]
    assert norms == [f"{name}.parametrizations.weight.0" for name in ("0.0", "2", "4")]
    module.append(filled(nn.Linear(4, 4)))  # a layer that is added later gets one by a second call
    assert spectral_norm_(module)[-1].parametrizations.weight[0].n_power_iterations == 1


def test_shapes_without_numbers_get_their_norm_all_the_same() -> None:
    layer = spectral_norm_(nn.Linear(3, 2, device="meta"))
    assert layer.weight.is_meta
    assert isinstance(layer.parametrizations.weight[0], _SpectralNorm)


def test_the_start_takes_no_random_numbers() -> None:
    before = torch.random.get_rng_state()
    layers = []
    for seed in range(2):
        layer = filled(nn.Linear(7, 5))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            here = torch.random.get_rng_state()
            layers.append(spectral_norm_(layer))
            assert torch.equal(torch.random.get_rng_state(), here)
    assert not torch.equal(torch.random.get_rng_state(), before)  # nn.Linear draws from the global stream
    assert_close(layers[0].state_dict(), layers[1].state_dict(), rtol=0, atol=0)


# ---------------------------------------------------------------- spectral normalization: traps


@pytest.mark.parametrize("iterations", [1, 3])
def test_trap_power_iteration_moves_in_training_and_stands_still_in_evaluation(iterations: int) -> None:
    layer = filled(nn.Linear(20, 30))
    spectral_norm_(layer, iterations)
    norm, matrix = layer.parametrizations.weight[0], layer.parametrizations.weight.original.detach()
    start = torch.full((20,), 20**-0.5)
    norm._v.copy_(start)
    layer.eval()
    for _ in range(3):
        layer(torch.ones(1, 20))
    assert torch.equal(norm._v, start)
    layer.train()
    layer(torch.ones(1, 20))
    expected = start
    for _ in range(iterations):
        expected = nn.functional.normalize(matrix.T @ nn.functional.normalize(matrix @ expected, dim=0), dim=0)
    assert_close(norm._v, expected)
    with nn.utils.parametrize.cached():  # one use for all calls
        for _ in range(3):
            layer(torch.ones(1, 20))
    once = nn.functional.normalize(matrix @ expected, dim=0)
    for _ in range(iterations - 1):
        once = nn.functional.normalize(matrix @ nn.functional.normalize(matrix.T @ once, dim=0), dim=0)
    assert_close(norm._u, once)


def test_trap_spectral_norm_of_a_convolution_bounds_the_reshaped_kernel_only() -> None:
    blur = nn.Conv1d(1, 1, 3, padding=1, padding_mode="circular", bias=False)
    blur.weight.data = torch.tensor([[[1.0, 2.0, 1.0]]])
    assert_close(operator_norm(blur, (1, 16)), 4.0)
    assert_close((1 / spectral_norm_(blur).weight[0, 0, 0]).item(), math.sqrt(6))
    assert_close(operator_norm(blur, (1, 16)), 4 / math.sqrt(6))  # 1.63: the layer still stretches
    image = nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular", bias=False)
    image.weight.data = torch.outer(torch.tensor([1.0, 2, 1]), torch.tensor([1.0, 2, 1]))[None, None]
    assert_close(operator_norm(image, (1, 8, 8)), 16.0)
    assert_close(operator_norm(spectral_norm_(image), (1, 8, 8)), 16 / 6)
    random = spectral_norm_(filled(nn.Conv2d(3, 8, 3, padding=1)))
    assert 1.2 < operator_norm(random, (3, 8, 8)) < 3


@pytest.mark.parametrize(
    ("layer", "shared"),
    [
        (nn.Conv2d(2, 5, 3, padding=1), 9),
        (nn.Conv2d(2, 5, 4, stride=2, padding=1), 4),
        (nn.Conv1d(2, 5, 5, padding=2), 5),
        (nn.Conv2d(4, 2, 1), 1),
    ],
    ids=["3x3", "strided", "1d", "1x1"],
)
def test_the_norm_of_a_convolution_lies_between_one_and_the_root_of_its_overlap(layer: nn.Module, shared: int) -> None:
    for seed in range(3):
        normalized = spectral_norm_(copy.deepcopy(filled(layer, seed)).double())
        shape = (layer.in_channels, *[8] * (layer.weight.ndim - 2))
        assert 1 - 1e-9 <= operator_norm(normalized, shape) <= math.sqrt(shared) + 1e-9


def test_composition_multiplies_the_bounds_and_a_residual_adds_one() -> None:
    body = nn.Sequential(nn.Linear(6, 6), nn.LeakyReLU(0.2), nn.Linear(6, 6), nn.Tanh(), nn.Linear(6, 6))
    spectral_norm_(filled(body, scale=2.0).double()).eval()
    points = torch.randn(256, 6, generator=seeded(3), dtype=torch.float64)
    jacobians = torch.func.vmap(torch.func.jacrev(body))(points)
    assert torch.linalg.matrix_norm(jacobians, 2).max() <= 1 + 1e-9
    assert torch.linalg.matrix_norm(jacobians + torch.eye(6), 2).max() <= 2 + 1e-9
    assert torch.linalg.matrix_norm(jacobians + torch.eye(6), 2).max() > 1.05  # more than 1: the residual counts
    head = spectral_norm_(filled(nn.Linear(6, 1)).double()).eval()
    assert gradient_norms(lambda x: head(body(x)), points).max() <= 1 + 1e-9


# ---------------------------------------------------------------- spectral normalization: refusals


def test_a_weight_of_zeros_is_refused_before_anything_changes() -> None:
    module = nn.Sequential(filled(nn.Linear(2, 2)), nn.Linear(2, 2))
    nn.init.zeros_(module[1].weight)
    with pytest.raises(ValueError, match=r"the weight of 1 is all zeros.*0 / 0.*Initialize"):
        spectral_norm_(module)
    assert not nn.utils.parametrize.is_parametrized(module[0])
    with pytest.raises(ValueError, match="the weight of the layer is all zeros"):
        spectral_norm_(module[1])


def test_other_computed_weights_cannot_be_normalized() -> None:
    for layer in (weight_norm(nn.Linear(2, 2)), nn.utils.spectral_norm(nn.Linear(2, 2))):
        with pytest.raises(ValueError, match="the weight of 0 is computed from other tensors already"):
            spectral_norm_(nn.Sequential(layer))


@pytest.mark.parametrize("iterations", [0, -1, True])
def test_iterations_are_counted(iterations: int) -> None:
    with pytest.raises(ValueError, match=r"iterations is .* at least 1"):
        spectral_norm_(nn.Linear(2, 2), iterations)
