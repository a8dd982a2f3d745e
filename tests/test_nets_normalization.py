"""Conditional, self-modulated and virtual batch normalization against their formulas, written out."""

import copy
import inspect
import pickle

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan import nets
from course_gan.nets import ConditionalBatchNorm, SelfModulatedBatchNorm, VirtualBatch, VirtualBatchNorm
from course_gan.nets.normalization import IMAGE_NORMS, normalization
from tests.nets_cases import normal, seeded


def batch_norm(x: Tensor) -> Tensor:
    mean, variance = x.mean((0, 2, 3), keepdim=True), x.var((0, 2, 3), correction=0, keepdim=True)
    return (x - mean) / (variance + 1e-5).sqrt()


def test_conditional_batch_norm_is_its_formula() -> None:
    layer = ConditionalBatchNorm(3, 5).double()
    nn.init.normal_(layer.gain.weight)
    nn.init.normal_(layer.bias.weight)
    x, c = normal(4, 3, 2, 6).double(), normal(4, 5, seed=2).double()
    gain, bias = 1 + c @ layer.gain.weight.T, c @ layer.bias.weight.T
    assert_close(layer(x, c), gain[:, :, None, None] * batch_norm(x) + bias[:, :, None, None])


def test_self_modulation_is_its_formula() -> None:
    layer = SelfModulatedBatchNorm(3, 5, hidden=7).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    x, z = normal(4, 3, 2, 6).double(), normal(4, 5, seed=2).double()
    h = (z @ layer.embed.weight.T + layer.embed.bias).clamp(min=0)
    gain, bias = 1 + h @ layer.gain.weight.T + layer.gain.bias, h @ layer.bias.weight.T + layer.bias.bias
    assert_close(layer(x, z), gain[:, :, None, None] * batch_norm(x) + bias[:, :, None, None])


@pytest.mark.parametrize(
    "layer", [ConditionalBatchNorm(3, 5, rng=seeded()), SelfModulatedBatchNorm(3, 5, rng=seeded())]
)
def test_in_evaluation_running_statistics_are_used_and_stay(layer: nn.Module) -> None:
    layer = copy.deepcopy(layer)
    for _ in range(200):
        layer(3 + 2 * torch.randn(64, 3, 2, 2), torch.zeros(64, 5))
    layer.eval()
    x = torch.full((1, 3, 1, 1), 5.0)
    assert_close(layer(x, torch.zeros(1, 5)), torch.ones(1, 3, 1, 1), rtol=0, atol=0.2)
    before = copy.deepcopy(layer.state_dict())
    layer(torch.randn(8, 3, 2, 2), torch.randn(8, 5))
    assert all(torch.equal(before[key], value) for key, value in layer.state_dict().items())


@pytest.mark.parametrize("layer", [ConditionalBatchNorm(3, 5), SelfModulatedBatchNorm(3, 5)])
def test_conditional_layers_refuse_other_shapes(layer: nn.Module) -> None:
    forward = inspect.unwrap(type(layer).forward)
    x, c = normal(4, 3, 2, 2), normal(4, 5)
    for odd in (x[:, :2], x[0], x.flatten(1)):
        with pytest.raises(ValueError, match=r"wanted \(n, 3, height, width\)"):
            forward(layer, odd, c)
    with pytest.raises(ValueError, match=r"wanted \(n, 5\)"):
        forward(layer, x, c[:, :4])


def virtually_normalized(reference: Tensor, x: Tensor) -> Tensor:
    """Each row of x joined with the reference, by mean and variance of the R + 1 rows."""
    rows = []
    for row in x:
        joined = torch.cat([reference, row[None]])
        rest = (0, *range(2, x.ndim))
        mean, variance = joined.mean(rest, keepdim=True), joined.var(rest, correction=0, keepdim=True)
        rows.append(((row[None] - mean) / (variance + 1e-5).sqrt())[0])
    return torch.stack(rows)


@pytest.mark.parametrize("pixels", [(), (3, 5)])
def test_virtual_batch_norm_joins_each_sample_with_the_reference(pixels: tuple[int, ...]) -> None:
    reference, x = 3 + 2 * normal(6, 4, *pixels).double(), normal(5, 4, *pixels, seed=2).double()
    layer = VirtualBatchNorm(4, reference).double()
    layer = layer.double()
    expected = virtually_normalized(reference, x)
    assert_close(layer(x), expected, rtol=1e-6, atol=1e-6)  # the buffers were single at construction
    with torch.no_grad():
        layer.weight.copy_(torch.arange(4.0))
        layer.bias.copy_(torch.arange(4.0) + 7)
    shape = (1, 4, *(1 for _ in pixels))
    scaled = expected * torch.arange(4.0).double().view(shape) + torch.arange(4.0).double().view(shape) + 7
    assert_close(layer(x), scaled, rtol=1e-6, atol=1e-5)


def test_the_reference_is_not_the_batch() -> None:
    """Wrong variants: batch norm of the batch itself, and the reference alone without the sample."""
    reference, x = normal(4, 3), 2 + normal(5, 3, seed=2)
    result = VirtualBatchNorm(3, reference)(x)
    alone = (x - reference.mean(0)) / (reference.var(0, correction=0) + 1e-5).sqrt()
    assert (result - alone).abs().max() > 0.1
    assert (result - (x - x.mean(0)) / x.std(0)).abs().max() > 0.1


def test_the_first_batch_becomes_the_reference_and_stays_it() -> None:
    layer, reference = VirtualBatchNorm(3), normal(6, 3)
    first = layer(reference)
    assert_close(first, VirtualBatchNorm(3, reference)(reference))
    x = 5 + normal(4, 3, seed=2)
    expected = virtually_normalized(reference, x)
    for _ in range(3):
        assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)
    assert layer.count.item() == 6
    assert_close(layer.mean, reference.mean(0))


def test_virtual_samples_do_not_see_their_neighbors() -> None:
    layer, x = VirtualBatchNorm(3, normal(6, 3, 2, 2)), normal(4, 3, 2, 2, seed=2)
    assert_close(layer(x)[2:3], layer(x[2:3]))


def test_the_reference_is_saved_loaded_copied_and_pickled() -> None:
    layer, other = VirtualBatchNorm(3, normal(6, 3)), VirtualBatchNorm(3)
    x = normal(4, 3, seed=2)
    assert set(layer.state_dict()) == {"weight", "bias", "mean", "variance", "count"}
    other.load_state_dict(layer.state_dict())
    twin = copy.deepcopy(VirtualBatchNorm(3))
    for mine, theirs in zip(twin.buffers(), layer.buffers()):  # as a moving average of the weights does it
        mine.copy_(theirs)
    for copied in (other, twin, copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert_close(copied(x), layer(x), rtol=0, atol=0)


def test_loading_a_state_without_a_reference_waits_for_the_next_batch() -> None:
    layer = VirtualBatchNorm(3, normal(6, 3))
    layer.load_state_dict(VirtualBatchNorm(3).state_dict())
    x = normal(4, 3, seed=2)
    assert_close(layer(x), VirtualBatchNorm(3, x)(x))


def test_virtual_batch_norm_survives_two_backward_passes() -> None:
    layer = VirtualBatchNorm(3, normal(6, 3)).double()
    x = normal(4, 3, seed=2).double().requires_grad_()
    assert torch.autograd.gradcheck(layer, x)
    assert torch.autograd.gradgradcheck(layer, x)


def test_a_large_mean_does_not_cost_the_digits_of_the_variance() -> None:
    """The mean of squares less the square of the mean, in single precision, has nothing left of a deviation of 1."""
    reference, x = normal(8, 3, 4, 4), normal(5, 3, 4, 4, seed=2)
    wrong = (reference + 1e4).square().mean((0, 2, 3)) - (reference + 1e4).mean((0, 2, 3)).square()
    assert (wrong - reference.var((0, 2, 3), correction=0)).abs().max() > 1
    shifted = VirtualBatchNorm(3, reference + 1e4)(x + 1e4)
    assert_close(shifted, VirtualBatchNorm(3, reference)(x), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize("x", [normal(4, 2), normal(3), normal(4, 3, 2)])
def test_virtual_batch_norm_refuses_other_shapes(x: Tensor) -> None:
    with pytest.raises(ValueError, match=r"wanted \(n, 3\) or"):
        inspect.unwrap(VirtualBatchNorm.forward)(VirtualBatchNorm(3), x)
    with pytest.raises(ValueError, match=r"wanted \(n, 3\) or"):
        VirtualBatchNorm(3, reference=x)


def wrapped(reference: Tensor) -> tuple[nn.Module, VirtualBatch]:
    """Two virtual layers with a linear one before each, and the same wrapped with a reference."""
    network = nn.Sequential(nn.Linear(3, 4), VirtualBatchNorm(4), nn.Tanh(), nn.Linear(4, 5), VirtualBatchNorm(5))
    return network, VirtualBatch(network, reference)


def test_a_wrapped_network_normalizes_by_the_reference_at_each_layer() -> None:
    reference, x = normal(6, 3), normal(4, 3, seed=2)
    network, net = wrapped(reference)
    first, _, _, second, _ = network
    own = torch.tanh(nn.functional.batch_norm(first(reference), None, None, training=True))
    h = torch.tanh(virtually_normalized(first(reference), first(x)))
    assert_close(net(x), virtually_normalized(second(own), second(h)), rtol=1e-4, atol=1e-5)


def test_trap_stale_reference_statistics() -> None:
    """Statistics kept from the first pass no longer fit once the layer below has learned; sent along, they do."""
    reference, x = normal(64, 3), normal(64, 3, seed=2)
    kept = nn.Sequential(nn.Linear(3, 4), VirtualBatchNorm(4))
    kept(reference)
    sent = VirtualBatch(nn.Sequential(copy.deepcopy(kept[0]), VirtualBatchNorm(4)), reference)
    with torch.no_grad():
        kept[0].bias.add_(10)
        sent.network[0].bias.add_(10)
    assert kept(x).mean() > 1
    assert sent(x).mean().abs() < 0.5


def test_gradients_flow_through_the_reference_as_well() -> None:
    x = normal(4, 3, seed=2)
    network, net = wrapped(normal(6, 3))
    constant = copy.deepcopy(network)
    for layer in constant:
        if isinstance(layer, VirtualBatchNorm):
            layer.rows = 0
    constant(net.reference)  # keeps the first layer's reference as numbers
    through = torch.autograd.grad(
        net.network[1](torch.cat([network[0](net.reference), network[0](x)]))[6:].sum(), network[0].weight
    )
    held = torch.autograd.grad(constant[1](constant[0](x)).sum(), constant[0].weight)
    assert not torch.allclose(through[0], held[0], atol=1e-3)


def test_a_wrapped_generator_keeps_its_latent_and_its_reference_in_the_state() -> None:
    net = VirtualBatch(nets.MLPGenerator(3, (2,), (8,), norm="virtual"), normal(6, 3))
    assert net.latent == 3
    assert "reference" in net.state_dict()
    assert "reference" not in dict(net.named_parameters())


def test_who_changes_the_tensor_given_as_reference_changes_no_network() -> None:
    given = normal(5, 3)
    net = VirtualBatch(nets.MLPGenerator(3, (2,), (4,), norm="virtual", rng=seeded()), given)
    z = normal(2, 3, seed=2)
    before = net(z)
    given.zero_()
    assert torch.equal(net(z), before)


def test_wrapping_needs_virtual_layers_and_two_rows() -> None:
    with pytest.raises(ValueError, match="has 0 VirtualBatchNorm layers"):
        VirtualBatch(nets.MLPGenerator(3, (2,)), normal(6, 3))
    with pytest.raises(ValueError, match="the reference 1 rows"):
        VirtualBatch(nets.MLPGenerator(3, (2,), norm="virtual"), normal(1, 3))
    net = VirtualBatch(nets.MLPGenerator(3, (2,), norm="virtual"), normal(6, 3))
    with pytest.raises(ValueError, match=r"wanted \(n, 3\)"):
        inspect.unwrap(VirtualBatch.forward)(net, normal(6, 4))
    with pytest.raises(ValueError, match=r"x has 5 rows; wanted more than the 6 of the reference"):
        net.network.layers.hidden[1](normal(5, 512))


def test_virtual_layers_describe_themselves() -> None:
    assert "3, eps=1e-05" in repr(VirtualBatchNorm(3))


def test_normalizations_by_name() -> None:
    kinds = {"batch": nn.BatchNorm2d, "layer": nn.GroupNorm, "instance": nn.InstanceNorm2d, "virtual": VirtualBatchNorm}
    for name, kind in kinds.items():
        layers = list(nets.DCGANCritic(28, norm=name).modules())
        assert sum(isinstance(layer, kind) for layer in layers) == 1
        assert sum(isinstance(layer, kind) for layer in nets.DCGANGenerator(28, norm=name).modules()) == 2
    points = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm, "virtual": VirtualBatchNorm}
    for name, kind in points.items():
        assert sum(isinstance(layer, kind) for layer in nets.MLPCritic(norm=name).modules()) == 2


def test_layer_norm_of_images_is_over_all_that_belongs_to_one_sample() -> None:
    critic = nets.DCGANCritic(28, norm="layer", width=4)
    norm = next(layer for layer in critic.modules() if isinstance(layer, nn.GroupNorm))
    nn.init.ones_(norm.weight)
    x = normal(2, 8, 7, 7) + torch.arange(8.0)[:, None, None]  # channels of different means, which stay different
    assert_close(norm(x), nn.functional.layer_norm(x, (8, 7, 7)))


def test_instance_norm_looks_at_the_image_alone_also_in_evaluation() -> None:
    layer = normalization(IMAGE_NORMS, "instance", 3)
    layer(100 + normal(4, 3, 5, 5))  # running statistics would remember these
    x = normal(2, 3, 5, 5, seed=2)
    mean, variance = x.mean((2, 3), keepdim=True), x.var((2, 3), correction=0, keepdim=True)
    assert_close(layer.eval()(x), (x - mean) / (variance + 1e-5).sqrt())
    assert not layer.state_dict()


@pytest.mark.parametrize("layer", [ConditionalBatchNorm(3, 4), SelfModulatedBatchNorm(3, 4)])
@pytest.mark.parametrize("rows", [1, 3])
def test_every_sample_has_a_condition_of_its_own(layer: nn.Module, rows: int) -> None:
    """One row would broadcast: the class of one sample for all of them."""
    with pytest.raises(ValueError, match=rf"x has 2 samples and \w+ {rows}; wanted one row of"):
        inspect.unwrap(type(layer).forward)(layer, torch.randn(2, 3, 2, 2), torch.randn(rows, 4))


def test_virtual_layers_refuse_a_reference_without_rows_and_a_negative_eps() -> None:
    with pytest.raises(ValueError, match="eps is -1; wanted a finite number above 0"):
        VirtualBatchNorm(2, eps=-1.0)
    for reference in (torch.tensor(1.0), torch.ones(3)):
        with pytest.raises(ValueError, match=r"reference has shape .*; wanted \(R, ...\)"):
            VirtualBatch(nets.MLP((1, 2, 1), norm="virtual"), reference)
