"""Each architecture against the same network written out with plain torch, and what its paper says of it."""

import inspect
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.testing import assert_close

from course_gan import nets
from tests.nets_cases import LABELS, normal, seeded


def outputs(net: nn.Module, layers: nn.ModuleList | nn.Sequential, *given: Tensor) -> list[Tensor]:
    """What each of the layers gives while the network runs."""
    seen: list[Tensor] = []
    handles = [layer.register_forward_hook(lambda *call: seen.append(call[2])) for layer in layers]
    net(*given)
    for handle in handles:
        handle.remove()
    return seen


def randomized(net: nn.Module) -> nn.Module:
    """All parameters at random, biases and scales too, so that each of them shows in the output."""
    generator = seeded(8)
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * 0.3)
    return net.double()


def test_an_mlp_is_a_chain_of_linear_maps_and_activations() -> None:
    net = randomized(nets.MLP((3, 5, 4, 2), "tanh"))
    x = normal(6, 3).double()
    first, _, second, _ = net.hidden
    h = torch.tanh(torch.tanh(x @ first.weight.T + first.bias) @ second.weight.T + second.bias)
    assert_close(net(x), h @ net.last.weight.T + net.last.bias)
    assert_close(net.features(x), h)


def test_the_networks_of_the_lecture_have_two_hidden_layers_of_512() -> None:
    for net in (nets.MLPGenerator(100, (1, 28, 28)).layers, nets.MLPCritic((1, 28, 28))):
        linear = [layer for layer in net.modules() if isinstance(layer, nn.Linear)]
        assert [layer.out_features for layer in linear[:-1]] == [512, 512]


def test_the_slope_of_the_critics_leaky_relu() -> None:
    for net in (nets.MLPCritic(), nets.PatchCritic()):
        slopes = [layer.negative_slope for layer in net.modules() if isinstance(layer, nn.LeakyReLU)]
        assert slopes
        assert set(slopes) == {0.2}


def test_points_are_unbounded_and_images_in_range() -> None:
    z = 1e4 * normal(8, 3)
    assert nets.MLPGenerator(3, (2,))(z).abs().max() > 100
    assert nets.MLPGenerator(3, (1, 4, 4))(z).abs().max() <= 1
    assert nets.MLPGenerator(3, (2,), output="tanh")(z).abs().max() <= 1
    labels = LABELS[[0] * 8]
    assert nets.ConditionalGenerator(3, (2,))(z, labels).abs().max() > 100
    assert nets.ConditionalGenerator(3, (1, 4, 4))(z, labels).abs().max() <= 1
    assert nets.ConditionalGenerator(3, (1, 4, 4), output="linear")(z, labels).abs().max() > 100


def test_a_critic_of_images_and_one_of_flat_vectors_are_the_same() -> None:
    images, flat = nets.MLPCritic((1, 4, 4), rng=seeded()), nets.MLPCritic((16,), rng=seeded())
    x = normal(3, 1, 4, 4)
    assert_close(images(x), flat(x.flatten(1)))


def tutorial_generator(latent: int, width: int, channels: int) -> nn.Sequential:
    """The DCGAN for 64×64 as tutorials print it: a transposed convolution from one pixel on."""
    layers: list[nn.Module] = [nn.ConvTranspose2d(latent, width * 8, 4, 1, 0, bias=False)]
    for factor in (8, 4, 2):
        layers += [nn.BatchNorm2d(width * factor), nn.ReLU()]
        layers += [nn.ConvTranspose2d(width * factor, width * factor // 2, 4, 2, 1, bias=False)]
    layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.ConvTranspose2d(width, channels, 4, 2, 1, bias=False), nn.Tanh()]
    return nn.Sequential(*layers)


def test_dcgan_is_the_network_of_the_tutorials() -> None:
    ours, theirs = randomized(nets.DCGANGenerator(64, 3, 10, 4)), tutorial_generator(10, 4, 3).double()
    with torch.no_grad():
        ours.ups[-1].bias.zero_()  # theirs has none at the end
        theirs[0].weight.copy_(ours.project.weight.T.reshape(10, 32, 4, 4))
        for i, (norm, up) in enumerate(zip(ours.norms, ours.ups)):
            theirs[1 + 3 * i].load_state_dict(norm.state_dict())
            theirs[3 + 3 * i].weight.copy_(up.weight)
    z = normal(5, 10).double()
    assert_close(ours(z), theirs(z[:, :, None, None]))
    assert_close(ours.eval()(z), theirs.eval()(z[:, :, None, None]))


def test_dcgan_has_the_parameters_of_the_tutorials_and_the_biases_at_the_ends() -> None:
    generator, critic = nets.DCGANGenerator(64, 3, 100, 64), nets.DCGANCritic(64, 3, 64)
    assert nets.count_parameters(generator) == 3_576_704 + 3
    assert nets.count_parameters(critic) == 2_765_568 + 64 + 1
    assert nets.count_parameters(tutorial_generator(100, 64, 3)) == 3_576_704


def test_the_dcgan_critic_is_its_formula() -> None:
    net = randomized(nets.DCGANCritic(28, 2, 3))
    x = normal(4, 2, 28, 28).double()
    first, second = net.downs
    norm = net.norms[1]
    h = F.leaky_relu(F.conv2d(x, first.weight, first.bias, stride=2, padding=1), 0.2)
    h = F.conv2d(h, second.weight, stride=2, padding=1)
    h = F.leaky_relu(F.batch_norm(h, None, None, norm.weight, norm.bias, training=True), 0.2)
    assert_close(net(x), h.flatten(1) @ net.last.weight[0] + net.last.bias)
    assert isinstance(net.norms[0], nn.Identity)


@pytest.mark.parametrize(
    ("size", "sides", "widths"),
    [(28, [14, 28], [8, 4]), (32, [8, 16, 32], [16, 8, 4]), (64, [8, 16, 32, 64], [32, 16, 8, 4])],
)
def test_the_sides_and_widths_of_dcgan(size: int, sides: list[int], widths: list[int]) -> None:
    net = nets.DCGANGenerator(size, width=4)
    maps = outputs(net, net.ups, normal(2, 100))
    assert [h.shape[-1] for h in maps] == sides
    assert net.widths == widths
    critic = nets.DCGANCritic(size, width=4)
    down = outputs(critic, critic.downs, normal(2, 1, size, size))
    assert [h.shape[-1] for h in down] == [net.start * 2**i for i in reversed(range(len(sides)))]


def unevenness(layer: nn.Module, channels: int) -> float:
    """How much a constant image becomes uneven under constant weights, away from the border."""
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.fill_(1.0 if parameter.ndim > 1 else 0.0)
        inside = layer(torch.ones(1, channels, 10, 10))[..., 4:-4, 4:-4]
    return ((inside.max() - inside.min()) / inside.mean()).item()


def test_no_checkerboard_is_built_into_the_up_sampling() -> None:
    assert unevenness(nn.ConvTranspose2d(4, 4, 3, stride=2, padding=1, output_padding=1), 4) > 0.5  # the wrong variant
    for net in (nets.DCGANGenerator(28, width=4), nets.DCGANGenerator(64, width=4)):
        assert all(unevenness(up, up.in_channels) == 0 for up in net.ups)
    assert unevenness(nets.UpBlock(4, 4), 4) == 0
    translator = nets.Translator(width=4)
    strided = [layer for layer in translator.modules() if isinstance(layer, nn.ConvTranspose2d)]
    assert not strided


def test_up_blocks_are_their_formula() -> None:
    block = randomized(nets.UpBlock(3, 4))
    x = normal(2, 3, 5, 6).double()
    h = F.conv2d(F.interpolate(x.relu(), scale_factor=2), block.conv1.weight, block.conv1.bias, padding=1)
    h = F.conv2d(h.relu(), block.conv2.weight, block.conv2.bias, padding=1)
    assert_close(block(x), h + F.conv2d(F.interpolate(x, scale_factor=2), block.skip.weight))


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize("first", [True, False])
def test_down_blocks_are_their_formula(down: bool, first: bool) -> None:
    block = randomized(nets.DownBlock(3, 4, nn.BatchNorm2d, down=down, first=first))
    x = normal(2, 3, 6, 8).double()
    h = x if first else F.batch_norm(x, None, None, block.norm1.weight, block.norm1.bias, training=True).relu()
    h = F.conv2d(h, block.conv1.weight, padding=1)
    h = F.batch_norm(h, None, None, block.norm2.weight, block.norm2.bias, training=True).relu()
    h = F.conv2d(h, block.conv2.weight, padding=1) + F.conv2d(x, block.skip.weight)
    assert_close(block(x), F.avg_pool2d(h, 2) if down else h)


def test_blocks_refuse_what_they_cannot_take() -> None:
    for block in (nets.UpBlock(3, 4), nets.DownBlock(3, 4), nets.ResidualBlock(3)):
        with pytest.raises(ValueError, match=r"wanted \(n, 3, height, width\)"):
            inspect.unwrap(type(block).forward)(block, normal(2, 4, 6, 6))
    for sides in ((5, 6), (6, 5)):
        with pytest.raises(ValueError, match="wanted even sides"):
            inspect.unwrap(nets.DownBlock.forward)(nets.DownBlock(3, 4), normal(2, 3, *sides))


@pytest.mark.parametrize(("size", "sides"), [(28, [14, 7, 7, 7]), (32, [16, 8, 8, 8]), (64, [32, 16, 8, 8, 8])])
def test_the_sides_of_the_residual_critics(size: int, sides: list[int]) -> None:
    critic = nets.ResNetCritic(size, width=2)
    assert [h.shape[-1] for h in outputs(critic, critic.body, normal(2, 1, size, size))] == sides
    biggan = nets.BigGANCritic(size, width=2)
    assert [h.shape[-1] for h in outputs(biggan, biggan.body, normal(2, 1, size, size), LABELS[:2])] == sides[:-1]


@pytest.mark.parametrize("build", [nets.ResNetCritic, lambda: nets.BigGANCritic(norm="none")])
def test_residual_critics_see_what_is_darker_than_gray(build: Callable[[], nn.Module]) -> None:
    """An image is no activation: a ReLU in front of the first convolution would make half of its range one gray."""
    critic, dark = build(), -normal(2, 1, 28, 28).abs()
    first = critic.body[0]
    with torch.no_grad():
        first.skip.weight.zero_()  # the shortcut sees the image in any case
        assert not torch.allclose(first(dark), first(torch.zeros_like(dark)), atol=1e-3)


def test_the_residual_critic_ends_in_relu_mean_and_a_linear_map() -> None:
    net = randomized(nets.ResNetCritic(28, width=3))
    x = normal(4, 1, 28, 28).double()
    h = net.body(x).clamp(min=0).mean((2, 3))
    assert_close(net(x), h @ net.last.weight[0] + net.last.bias)


def test_the_residual_generator_ends_in_norm_relu_convolution_tanh() -> None:
    net = randomized(nets.ResNetGenerator(28, width=3, latent=4))
    z = normal(4, 4).double()
    h = outputs(net, net.blocks, z)[-1]
    h = F.batch_norm(h, None, None, net.norm_last.weight, net.norm_last.bias, training=True).relu()
    assert_close(net(z), torch.tanh(F.conv2d(h, net.last.weight, net.last.bias, padding=1)))


@pytest.mark.parametrize("build", [nets.DCGANGenerator, nets.ResNetGenerator])
def test_self_modulation_shows_z_to_every_layer(build: type[nn.Module]) -> None:
    net = build(28, latent=8, width=4, norm="self-modulated", rng=seeded())
    plain = build(28, latent=8, width=4, rng=seeded())
    for one in (net, plain):
        nn.init.zeros_(one.project.weight)  # z cannot enter below
    with torch.no_grad():
        for layer in net.modules():
            if isinstance(layer, nets.SelfModulatedBatchNorm):
                layer.bias.weight.normal_(generator=seeded())
    z = normal(4, 8)
    assert plain.eval()(z).std(0).max() < 1e-6
    assert net.eval()(z).std(0).max() > 1e-3


@pytest.mark.parametrize(("size", "blocks"), [(28, 2), (32, 3), (64, 4)])
def test_biggan_splits_z_over_its_blocks(size: int, blocks: int) -> None:
    net = nets.BigGANGenerator(size, latent=60, width=2, rng=seeded()).eval()
    assert len(net.blocks) == blocks
    assert net.chunk * (blocks + 1) == 60
    z, labels = normal(3, 60), LABELS[:3]
    before = outputs(net, net.blocks, z, labels)
    for i in range(blocks + 1):  # chunk 0 feeds the first map, chunk i + 1 block i and what follows
        moved = z.clone()
        moved[:, i * net.chunk : (i + 1) * net.chunk] += 1
        after = outputs(net, net.blocks, moved, labels)
        changed = [not torch.equal(a, b) for a, b in zip(before, after)]
        assert changed == [block >= i - 1 for block in range(blocks)]


def test_biggan_shares_one_class_embedding_among_its_blocks() -> None:
    net = nets.BigGANGenerator(28, width=2, rng=seeded()).eval()
    assert sum(isinstance(layer, nn.Embedding) for layer in net.modules()) == 1
    seen: list[Tensor] = []
    for block in net.blocks:
        block.register_forward_pre_hook(lambda _, given: seen.append(given[1]))
    z, labels = normal(3, 60), LABELS[:3]
    net(z, labels)
    for i, condition in enumerate(seen, 1):
        assert_close(condition, torch.cat([net.embed.weight[labels], z[:, 20 * i : 20 * (i + 1)]], dim=1))
    conditional = [layer for layer in net.modules() if isinstance(layer, nets.ConditionalBatchNorm)]
    assert len(conditional) == 2 * len(net.blocks)


def test_the_biggan_critic_adds_a_projection_to_the_sum_over_pixels() -> None:
    net = randomized(nets.BigGANCritic(28, width=2, norm="none"))
    x, labels = normal(6, 1, 28, 28).double(), LABELS
    h = net.body(x).clamp(min=0).sum((2, 3))
    expected = h @ net.last.weight[0] + net.last.bias + (net.embed.weight[labels] * h).sum(1)
    assert_close(net(x, labels), expected)


def test_the_projection_critic_is_its_formula() -> None:
    net = randomized(nets.ProjectionCritic((3,), (5, 4), classes=3))
    x = normal(6, 3).double()
    phi = net.layers.features(x)
    expected = phi @ net.layers.last.weight[0] + net.layers.last.bias + (net.embed.weight[LABELS] * phi).sum(1)
    assert_close(net(x, LABELS), expected)


def test_the_conditional_generator_puts_the_class_beside_z() -> None:
    net = nets.ConditionalGenerator(3, (2,), (8,), classes=3, embedding=4, rng=seeded())
    z = normal(6, 3)
    assert_close(net(z, LABELS), net.layers(torch.cat([z, net.embed.weight[LABELS]], dim=1)))


def test_the_bigan_critic_judges_pairs() -> None:
    critic = nets.BiGANCritic(5, (1, 8, 8), (16,), rng=seeded())
    x, z = normal(6, 1, 8, 8), normal(6, 5)
    assert_close(critic(x, z), critic.layers(torch.cat([x.flatten(1), z], dim=1))[:, 0])
    assert (critic(x, z) - critic(x, z.flip(0))).abs().min() > 1e-4
    assert (critic(x, z) - critic(x.flip(0), z)).abs().min() > 1e-4
    forward = inspect.unwrap(nets.BiGANCritic.forward)
    with pytest.raises(ValueError, match="x has 6 samples and z 5"):
        forward(critic, x, z[:5])
    with pytest.raises(ValueError, match=r"wanted \(n, 5\)"):
        forward(critic, x, z[:, :4])


def test_the_bigan_triple_fits_together() -> None:
    generator, encoder, critic = nets.BiGANGenerator(), nets.BiGANEncoder(), nets.BiGANCritic()
    z = normal(4, 50)
    x = generator(z)
    assert critic(x, z).shape == critic(x, encoder(x)).shape == (4,)
    assert encoder.features(x).shape == (4, 512)
    encoder.eval()
    assert_close(encoder.layers.last(encoder.features(x)), encoder(x))
    assert encoder(1e4 * x).abs().max() > 100  # unbounded: z is normal
    with pytest.raises(ValueError, match=r"wanted \(n, 1, 28, 28\)"):
        inspect.unwrap(nets.BiGANEncoder.forward)(encoder, x.flatten(1))


@pytest.mark.parametrize("sides", [(8, 8), (28, 28), (12, 20), (64, 32)])
def test_translators_keep_the_shape(sides: tuple[int, int]) -> None:
    net = nets.Translator(3, 2, 1, rng=seeded())
    x = normal(2, 3, *sides)
    result = net(x)
    assert result.shape == x.shape
    assert result.abs().max() <= 1
    assert_close(net(x[:1]), result[:1], rtol=1e-4, atol=1e-5)  # instance norm: each image by itself, in training too


@pytest.mark.parametrize("sides", [(30, 28), (28, 29), (4, 4)])
def test_translators_refuse_sides_they_cannot_restore(sides: tuple[int, int]) -> None:
    forward = inspect.unwrap(nets.Translator.forward)
    with pytest.raises(ValueError, match="multiples of 4 and at least 8"):
        forward(nets.Translator(), normal(2, 1, *sides))
    with pytest.raises(ValueError, match=r"wanted \(n, 1, height, width\)"):
        forward(nets.Translator(), normal(2, 3, 8, 8))


def test_the_translator_is_its_paper_written_out() -> None:
    net = randomized(nets.Translator(2, 3, 2))
    x = normal(2, 2, 16, 12).double()
    kernels = iter([layer for layer in net.modules() if isinstance(layer, nn.Conv2d)])

    def convolve(h: Tensor, stride: int = 1) -> Tensor:
        layer = next(kernels)
        border = layer.kernel_size[0] // 2
        return F.conv2d(F.pad(h, (border,) * 4, mode="reflect"), layer.weight, layer.bias, stride)

    h = F.instance_norm(convolve(x)).relu()
    for _ in range(2):
        h = F.instance_norm(convolve(h, stride=2)).relu()
    for _ in range(2):
        h = h + F.instance_norm(convolve(F.instance_norm(convolve(h)).relu()))
    for _ in range(2):
        h = F.instance_norm(convolve(F.interpolate(h, scale_factor=2))).relu()
    assert_close(net(x), torch.tanh(convolve(h)))
    assert next(kernels, None) is None


def support(critic: nets.PatchCritic, side: int) -> Tensor:
    """Which pixels have an influence on the score in the middle."""
    x = normal(1, 1, side, side).double().requires_grad_()
    scores = critic.double()(x)
    middle = scores.shape[-1] // 2
    (gradient,) = torch.autograd.grad(scores[0, 0, middle, middle], x)
    return gradient[0, 0] != 0


@pytest.mark.parametrize(("layers", "field", "side"), [(1, 16, 40), (2, 34, 80), (3, 70, 160), (4, 142, 300)])
def test_a_patch_is_as_large_as_stated(layers: int, field: int, side: int) -> None:
    critic = nets.PatchCritic(1, 1, layers, norm="none", rng=seeded())
    assert critic.receptive_field == field
    seen = support(critic, side)
    assert seen.any(0).sum() == seen.any(1).sum() == field
    assert seen.sum() == field**2


def test_instance_norm_lets_the_rest_of_the_image_in() -> None:
    assert support(nets.PatchCritic(1, 2, 1, rng=seeded()), 40).sum() > 16**2


@pytest.mark.parametrize(("layers", "of_28", "of_64"), [(1, 12, 30), (2, 5, 14), (3, 1, 6)])
def test_the_table_of_patch_maps(layers: int, of_28: int, of_64: int) -> None:
    critic = nets.PatchCritic(1, 2, layers)
    row = f"| {layers} | {critic.receptive_field} | {of_28} | {of_64} |"
    assert row in (nets.PatchCritic.__doc__ or "")
    assert critic(normal(2, 1, 28, 28)).shape == (2, 1, of_28, of_28)
    assert critic(normal(2, 1, 64, 64)).shape == (2, 1, of_64, of_64)


@pytest.mark.parametrize("layers", [1, 2, 3, 4])
def test_the_smallest_image_of_a_patch_critic(layers: int) -> None:
    critic = nets.PatchCritic(1, 2, layers)
    forward = inspect.unwrap(nets.PatchCritic.forward)
    assert critic(normal(2, 1, critic.least, critic.least)).shape == (2, 1, 1, 1)
    for sides in ((critic.least - 1, 64), (64, critic.least - 1)):
        with pytest.raises(ValueError, match=f"wanted sides of at least {critic.least}"):
            forward(critic, normal(2, 1, *sides))
    with pytest.raises((ValueError, RuntimeError)):  # and torch itself cannot go further
        critic.layers(normal(2, 1, critic.least - 2, critic.least - 2))


def test_the_patch_critic_of_the_paper() -> None:
    critic = nets.PatchCritic(3, 64)
    convolutions = [layer for layer in critic.modules() if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convolutions] == [64, 128, 256, 512, 1]
    assert [layer.stride[0] for layer in convolutions] == [2, 2, 2, 1, 1]
    assert nets.PatchCritic(3, 64, 5).widths == [64, 128, 256, 512, 512, 512]
    norms = [type(layer).__name__ for layer in critic.modules() if isinstance(layer, nn.InstanceNorm2d)]
    assert len(norms) == 3


@pytest.mark.parametrize("build", [nets.MLPCritic, nets.DCGANCritic, nets.ResNetCritic])
def test_minibatch_layers_stand_before_the_last(build: type[nn.Module]) -> None:
    shape = (4, 1, 28, 28)
    for name, more in (("std", 1), ("discrimination", 50)):
        keywords = {"shape": shape[1:]} if build is nets.MLPCritic else {"size": 28, "width": 2}
        critic, plain = build(**keywords, minibatch=name), build(**keywords)
        assert critic.last.in_features == plain.last.in_features + more
        same = critic(normal(*shape)[:1].expand(shape))
        assert_close(same, same[:1].expand(4), rtol=1e-4, atol=1e-4)


def test_a_map_too_small_to_reflect_is_refused() -> None:
    with pytest.raises(ValueError, match="wanted a height and a width of at least 2"):
        nets.ResidualBlock(2)(torch.randn(1, 2, 1, 4))


def test_pixels_in_bytes_are_told_how_to_become_numbers() -> None:
    with pytest.raises(ValueError, match=r"dtype torch.uint8; .*Pass course_gan.data.to_float\(x\)"):
        inspect.unwrap(nets.MLPCritic.forward)(nets.MLPCritic((2,), (4,)), torch.zeros(3, 2, dtype=torch.uint8))
    with pytest.raises(ValueError, match="'gelu' is not an activation here"):
        nets.MLP((2, 2, 1), "gelu")
