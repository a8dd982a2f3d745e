"""Layouts of maps in memory change how fast a network is, never what it computes."""

import copy

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_gan import nets
from course_gan.nets.layout import channels_last, linear_of_map, unflatten_map

LAST = torch.channels_last
CASES = {
    "dcgan critic": lambda: nets.DCGANCritic(28, width=4),
    "dcgan critic with minibatch deviation": lambda: nets.DCGANCritic(28, width=4, minibatch="std"),
    "residual critic": lambda: nets.ResNetCritic(28, width=4),
}


@pytest.fixture
def maps():
    return torch.randn(3, 2, 4, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_a_linear_layer_gives_the_same_rows_for_maps_of_both_layouts(maps):
    layer = nn.Linear(40, 7).double()
    assert_close(linear_of_map(layer, maps.contiguous(memory_format=LAST)), layer(maps.flatten(1)))
    assert_close(linear_of_map(layer, maps), layer(maps.flatten(1)), rtol=0, atol=0)


def test_gradients_of_a_linear_layer_come_back_in_the_layout_of_the_maps(maps):
    layer = nn.Linear(40, 7).double()
    wanted = torch.autograd.grad(layer(maps.requires_grad_().flatten(1)).pow(3).sum(), [maps, *layer.parameters()])
    last = maps.detach().contiguous(memory_format=LAST).requires_grad_()
    found = torch.autograd.grad(linear_of_map(layer, last).pow(3).sum(), [last, *layer.parameters()])
    assert_close(found, wanted)
    assert channels_last(found[0])  # a gradient of the other layout makes every operation behind it slow


def test_rows_become_maps_in_the_layout_of_the_convolution(maps):
    layer = nn.Conv2d(2, 3, kernel_size=3).double()
    rows = maps.flatten(1)
    assert not channels_last(unflatten_map(rows, (2, 4, 5), layer))
    laid_out = unflatten_map(rows, (2, 4, 5), layer.to(memory_format=LAST))
    assert channels_last(laid_out)
    assert_close(laid_out, maps, rtol=0, atol=0)


@pytest.mark.parametrize("shape", [(3, 1, 4, 5), (3, 2, 4, 5)])
def test_maps_of_one_channel_count_as_channels_first(shape):
    assert not channels_last(torch.zeros(shape))
    assert channels_last(torch.zeros(shape).contiguous(memory_format=LAST)) == (shape[1] > 1)
    # A copy of one channel has the strides of either layout, as torch pleases: 1 for the channels here.
    copied = torch.zeros(shape).clone(memory_format=LAST)
    assert copied.stride(1) == 1
    assert channels_last(copied) == (shape[1] > 1)


@pytest.mark.parametrize("make", CASES.values(), ids=CASES)
def test_a_critic_scores_and_learns_the_same_in_both_layouts(make):
    critic = make().double()
    other = copy.deepcopy(critic).to(memory_format=LAST)
    x = torch.randn(4, 1, 28, 28, dtype=torch.float64)
    assert_close(other(x), critic(x))
    for net in (critic, other):
        net(x).square().sum().backward()
    for (name, ours), theirs in zip(critic.named_parameters(), other.parameters(), strict=True):
        assert_close(theirs.grad, ours.grad, msg=lambda text, name=name: f"{name}: {text}")


@pytest.mark.parametrize("make", [nets.DCGANGenerator, nets.ResNetGenerator, nets.BigGANGenerator])
def test_a_generator_makes_the_same_images_in_both_layouts(make):
    generator = make(28, width=4).double()
    other = copy.deepcopy(generator).to(memory_format=LAST)
    z = torch.randn(4, generator.latent, dtype=torch.float64)
    labels = [torch.tensor([0, 1, 2, 3])] if make is nets.BigGANGenerator else []
    assert_close(other(z, *labels), generator(z, *labels))


@pytest.mark.parametrize("make", [nets.DCGANGenerator, nets.DCGANCritic])
def test_no_operation_of_dcgan_meets_maps_of_two_layouts(make):
    """Neither forward nor backward: each normalization receives its map and its gradient with the channels last."""
    net = make(28, width=4).to(memory_format=LAST)
    met = []
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(lambda _, given, out: met.append(channels_last(given[0])))
            module.register_full_backward_hook(lambda _, grads, given: met.append(channels_last(given[0])))
    x = torch.randn(4, 1, 28, 28, requires_grad=True) if make is nets.DCGANCritic else torch.randn(4, net.latent)
    net(x).sum().backward()
    assert len(met) == 2 * sum(isinstance(module, nn.BatchNorm2d) for module in net.modules()) > 0
    assert all(met)
