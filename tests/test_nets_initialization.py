"""The weights that constructors draw are those their docstrings claim; a network that was not initialized fails."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.testing import assert_close

from course_gan import nets
from course_gan.nets import he_, initialize_, orthogonal_
from tests.nets_cases import seeded

NORMALIZATIONS = nn.modules.batchnorm._NormBase | nn.GroupNorm | nn.LayerNorm | nets.VirtualBatchNorm
WEIGHTS = nn.Linear | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding
DCGAN_LIKE: dict[str, Callable[[torch.Generator | None], nn.Module]] = {
    "dcgan-generator": lambda rng: nets.DCGANGenerator(28, width=32, rng=rng),
    "dcgan-generator-64": lambda rng: nets.DCGANGenerator(64, 3, width=16, rng=rng),
    "dcgan-generator-layer": lambda rng: nets.DCGANGenerator(28, width=32, norm="layer", rng=rng),
    "dcgan-generator-none": lambda rng: nets.DCGANGenerator(28, width=32, norm="none", rng=rng),
    "dcgan-generator-modulated": lambda rng: nets.DCGANGenerator(28, width=32, norm="self-modulated", rng=rng),
    "dcgan-critic": lambda rng: nets.DCGANCritic(32, width=32, rng=rng),
    "translator": lambda rng: nets.Translator(rng=rng),
    "patch": lambda rng: nets.PatchCritic(norm="batch", rng=rng),
}
ORTHOGONAL: dict[str, Callable[[torch.Generator | None], nn.Module]] = {
    "biggan-generator": lambda rng: nets.BigGANGenerator(width=8, rng=rng),
    "biggan-critic": lambda rng: nets.BigGANCritic(width=8, norm="none", rng=rng),
}
HE: dict[str, Callable[[torch.Generator | None], nn.Module]] = {
    "mlp-generator": lambda rng: nets.MLPGenerator(100, (1, 28, 28), (256, 256), rng=rng),
    "mlp-critic": lambda rng: nets.MLPCritic((1, 28, 28), (256, 256), activation="relu", rng=rng),
    "resnet-generator": lambda rng: nets.ResNetGenerator(width=32, rng=rng),
    "resnet-critic": lambda rng: nets.ResNetCritic(width=32, norm="layer", rng=rng),
    "bigan-encoder": lambda rng: nets.BiGANEncoder(rng=rng, activation="relu"),
    "bigan-critic": lambda rng: nets.BiGANCritic(rng=rng, activation="relu"),
}


def weights(net: nn.Module) -> dict[str, Tensor]:
    return {name: layer.weight for name, layer in net.named_modules() if isinstance(layer, WEIGHTS)}


def biases(net: nn.Module) -> dict[str, Tensor]:
    layers = {name: layer for name, layer in net.named_modules() if isinstance(layer, WEIGHTS | NORMALIZATIONS)}
    return {name: layer.bias for name, layer in layers.items() if getattr(layer, "bias", None) is not None}


def scales(net: nn.Module) -> list[Tensor]:
    layers = [layer for layer in net.modules() if isinstance(layer, NORMALIZATIONS)]
    return [layer.weight for layer in layers if layer.weight is not None]


def assert_normal(weight: Tensor, mean: float, std: float, name: str = "") -> None:
    """Mean and standard deviation within five standard errors, and the shape of a normal distribution."""
    n = weight.numel()
    assert abs(weight.mean().item() - mean) < 5 * std / math.sqrt(n), name
    assert abs(weight.std().item() / std - 1) < 5 / math.sqrt(2 * max(n - 1, 1)), name
    beyond = ((weight - mean).abs() > 2 * std).double().mean().item()  # 4.55 % of a normal, none of a uniform
    assert abs(beyond - 0.0455) < 5 * math.sqrt(0.0455 * 0.9545 / n), name


@pytest.mark.parametrize("name", DCGAN_LIKE)
@pytest.mark.parametrize("rng", [True, False])
def test_dcgan_weights_are_normal_with_deviation_two_hundredths(name: str, rng: bool) -> None:
    torch.manual_seed(0)
    net = DCGAN_LIKE[name](seeded() if rng else None)
    assert len(weights(net)) > 2
    for key, weight in weights(net).items():
        assert_normal(weight, 0.0, 0.02, key)
    assert all((bias == 0).all() for bias in biases(net).values())
    if scales(net):
        assert_normal(torch.cat(scales(net)), 1.0, 0.02)


def test_a_network_that_was_never_initialized_fails_the_test_of_its_weights() -> None:
    net = nets.DCGANGenerator(28, width=32)
    for layer in net.modules():
        if hasattr(layer, "reset_parameters"):
            layer.reset_parameters()
    with pytest.raises(AssertionError):
        assert_normal(net.ups[0].weight, 0.0, 0.02)
    assert not all((bias == 0).all() for bias in biases(net).values())
    assert (torch.cat(scales(net)) == 1).all()


def test_trap_normalization_scale_around_zero() -> None:
    """Scales from N(0, 0.02²), as some courses have it, flatten a fresh critic: its slope almost vanishes."""

    def slope(critic: nn.Module) -> Tensor:
        x = torch.randn(16, 1, 28, 28, generator=seeded()).requires_grad_()
        return torch.autograd.grad(critic(x).sum(), x)[0].flatten(1).norm(dim=1).mean()

    right, wrong = (nets.DCGANCritic(28, rng=seeded()) for _ in range(2))
    for layer in wrong.modules():
        if isinstance(layer, nn.BatchNorm2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
    assert slope(wrong) < slope(right) / 10


@pytest.mark.parametrize("name", HE)
def test_residual_and_connected_weights_are_hes(name: str) -> None:
    net = HE[name](seeded())
    for key, weight in weights(net).items():
        linear = key.endswith(("last", "skip")) or key == "project"
        gain = 1.0 if linear else math.sqrt(2)
        assert_normal(weight, 0.0, gain / math.sqrt(weight[0].numel()), key)
    assert all((bias == 0).all() for bias in biases(net).values())
    assert all((scale == 1).all() for scale in scales(net))


@pytest.mark.parametrize(
    ("activation", "gain"), [("tanh", 5 / 3), ("leaky-relu", math.sqrt(2 / 1.04)), ("softplus", 2**0.5)]
)
def test_the_gain_is_that_of_the_activation(activation: str, gain: float) -> None:
    net = nets.MLP((400, 400, 400, 9), activation, rng=seeded())
    for layer in net.hidden:
        if isinstance(layer, nn.Linear):
            assert_normal(layer.weight, 0.0, gain / 20)
    if activation != "softplus":
        assert gain == pytest.approx(nn.init.calculate_gain(activation.replace("-", "_"), 0.2))


def test_relu_layers_keep_the_mean_square_of_their_input() -> None:
    x = torch.randn(256, 512, generator=seeded(1))
    h = nets.MLP((512,) * 10, rng=seeded()).features(x)
    assert_close(h.square().mean(), torch.tensor(1.0), rtol=0.3, atol=0)


@pytest.mark.parametrize("name", ORTHOGONAL)
def test_biggan_weights_are_orthogonal(name: str) -> None:
    net = ORTHOGONAL[name](seeded())
    assert len(weights(net)) > 5
    for key, weight in weights(net).items():
        matrix = weight.detach().flatten(1)
        matrix = matrix if len(matrix) <= matrix.shape[1] else matrix.T
        assert_close(matrix @ matrix.T, torch.eye(len(matrix)), rtol=0, atol=1e-5, msg=key)
    assert all((bias == 0).all() for bias in biases(net).values())
    assert all((scale == 1).all() for scale in scales(net))


def test_orthogonal_takes_its_gain() -> None:
    weight = orthogonal_(nn.Conv2d(4, 8, 3), 3.0, rng=seeded()).weight.detach().flatten(1)
    assert_close(weight @ weight.T, 9 * torch.eye(8), rtol=0, atol=1e-5)


def test_embeddings_of_a_class_have_the_scale_of_z() -> None:
    assert_normal(nets.ConditionalGenerator(embedding=128, classes=50, rng=seeded()).embed.weight, 0.0, 1.0)


def test_projection_vectors_give_scores_of_unit_size() -> None:
    net = nets.ProjectionCritic((2,), (64, 256), classes=50, rng=seeded())
    assert_normal(net.embed.weight, 0.0, 1 / 16)


def test_conditional_normalizations_begin_near_plain_ones() -> None:
    x, c = torch.randn(64, 32, 4, 4, generator=seeded()), torch.randn(64, 20, generator=seeded(1))
    plain = nn.BatchNorm2d(32)(x)
    for layer in (nets.ConditionalBatchNorm(32, 20, rng=seeded()), nets.SelfModulatedBatchNorm(32, 20, rng=seeded())):
        difference = (layer(x, c) - plain).abs()
        assert difference.max() < 0.5
        assert difference.max() > 1e-3


def test_self_modulation_starts_as_its_docstring_says() -> None:
    layer = nets.SelfModulatedBatchNorm(64, 100, hidden=50, rng=seeded())
    assert_normal(layer.embed.weight, 0.0, math.sqrt(2 / 100))
    for last in (layer.gain, layer.bias):
        assert_normal(last.weight, 0.0, 0.02 / math.sqrt(50))
    assert all((linear.bias == 0).all() for linear in (layer.embed, layer.gain, layer.bias))


@pytest.mark.parametrize("draw", [initialize_, he_, orthogonal_])
def test_initializers_return_the_module_and_follow_the_seed(draw: Callable[..., nn.Module]) -> None:
    def drawn(seed: int) -> nn.Module:
        net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2), nn.Embedding(3, 2))
        assert draw(net, rng=seeded(seed)) is net
        return net

    first, second, other = (drawn(seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not torch.equal(first["0.weight"], other["0.weight"])
    assert (first["0.bias"] == 0).all()
    assert (first["1.bias"] == 0).all()


def test_trap_initializing_below_a_parametrization() -> None:
    """With a spectral norm `layer.weight` is computed: drawing into it changes nothing."""
    net = spectral_norm(nn.Linear(200, 200)).eval()
    before = net.weight.detach().clone()
    with torch.no_grad():
        net.weight.normal_(0.0, 0.02)
    assert torch.equal(net.weight, before)
    initialize_(net, rng=seeded())
    assert not torch.equal(net.weight, before)
    assert_normal(net.parametrizations.weight.original, 0.0, 0.02)


def test_the_same_seed_gives_the_same_weights_in_other_precisions() -> None:
    single, double = nets.MLP((5, 7, 3), rng=seeded()), None
    torch.set_default_dtype(torch.float64)
    try:
        double = nets.MLP((5, 7, 3), rng=seeded())
    finally:
        torch.set_default_dtype(torch.float32)
    assert double.last.weight.dtype == torch.float64
    assert_close(double.last.weight.float(), single.last.weight, rtol=1e-6, atol=1e-6)


def test_layers_of_other_kinds_are_left_alone() -> None:
    layer = nets.MinibatchDiscrimination(3, rng=seeded())
    before = layer.projection.detach().clone()
    initialize_(nn.Sequential(layer, nn.ReLU(), nn.PReLU()))
    assert torch.equal(layer.projection, before)


@pytest.mark.parametrize(
    "kind", [nn.BatchNorm1d, nn.BatchNorm2d, lambda n: nn.GroupNorm(1, n), nn.LayerNorm, nets.VirtualBatchNorm]
)
def test_every_kind_of_normalization_starts_by_the_rule_whatever_it_held_before(kind: Callable[..., nn.Module]) -> None:
    layer = kind(4000)
    for draw in (initialize_, he_, orthogonal_):
        nn.init.constant_(layer.weight, 7.0)
        nn.init.constant_(layer.bias, 7.0)
        draw(nn.Sequential(layer), rng=seeded())
        assert (layer.bias == 0).all()
        if draw is initialize_:
            assert_normal(layer.weight, 1.0, 0.02)
        else:
            assert (layer.weight == 1).all()


def test_initialization_works_within_apply_and_on_norms_without_weights() -> None:
    net = nn.Sequential(nn.Conv2d(3, 64, 5), nn.InstanceNorm2d(64), nn.BatchNorm2d(64, affine=False))
    net.apply(initialize_)
    assert_normal(net[0].weight, 0.0, 0.02)


@pytest.mark.parametrize("draw", [initialize_, he_, orthogonal_])
@pytest.mark.parametrize("number", [0.0, -1.0, math.nan, math.inf])
def test_a_scale_that_is_not_positive_is_refused(draw: Callable[..., nn.Module], number: float) -> None:
    with pytest.raises(ValueError, match="wanted a finite number above 0"):
        draw(nn.Linear(2, 2), number)


def test_the_minibatch_projection_keeps_distances_near_one() -> None:
    layer = nets.MinibatchDiscrimination(256, rng=seeded())
    assert_normal(layer.projection, 0.0, 1 / (5 * 16))
    closeness = layer(torch.randn(2, 256, generator=seeded(1)))[:, 256:] - 1
    assert 0.05 < closeness.mean() < 0.95
