"""What holds for every network: size, initialization, seeds, gradients, dtypes, devices, saved states."""

import copy
import doctest
import importlib
import inspect
import io
import pkgutil
import re
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_gan import nets
from course_gan.nets.checks import volume
from course_gan.nets.mlp import count
from course_gan.nets.normalization import shifts
from tests.nets_cases import ALL, CRITICS, GENERATORS, MIXING, N, conditional, inputs, normal, seeded

CLASSES = {name: getattr(nets, name) for name in nets.__all__ if isinstance(getattr(nets, name), type)}
COUNTED = {name: cls for name, cls in CLASSES.items() if name != "VirtualBatch"}  # which has those of its network
PARAMETERS = re.compile(r"Parameters:\s*`([^`]+)`\s*=\s*([\d,]+)\s+for\s+`([^`]+)`")
FORMULA_NAMES = {"pairwise": pairwise, "shifts": shifts, "count": count, "volume": volume}


def total(result: torch.Tensor) -> torch.Tensor:
    """A number that every parameter moves: no sum, which a normalization would keep at 0."""
    weights = normal(*result.shape, seed=9).to(result.dtype)
    return (weights * result).sum()


def stated(cls: type) -> tuple[str, int, str]:
    """The formula, the number and the constructor that a docstring shows."""
    formula, number, call = PARAMETERS.search(cls.__doc__ or "").groups()  # type: ignore[union-attr]
    return formula, int(number.replace(",", "")), call


def formula(net: nn.Module) -> int:
    """The formula in the docstring of the network's class, with the attributes of this network."""
    return eval(" ".join(stated(type(net))[0].split()), FORMULA_NAMES | vars(net))


@pytest.mark.parametrize("module", [module.name for module in pkgutil.iter_modules(nets.__path__)])
def test_the_examples_in_the_docstrings_give_what_they_show(module: str) -> None:
    result = doctest.testmod(importlib.import_module(f"course_gan.nets.{module}"))
    assert result.failed == 0


@pytest.mark.parametrize("name", CLASSES)
def test_every_class_says_shapes_count_initialization_and_reference_and_shows_an_example(name: str) -> None:
    text = CLASSES[name].__doc__ or ""
    assert all(word in text for word in ("Parameters: ", "Initialization: ", "Reference: ", ">>> ", "(n, ", ", 20"))
    annotations = inspect.unwrap(CLASSES[name].forward).__annotations__
    assert all("Float" in str(annotations[side]) for side in (next(iter(annotations)), "return"))


@pytest.mark.parametrize("name", COUNTED)
def test_the_worked_parameter_count_of_the_docstring_is_that_of_the_built_network(name: str) -> None:
    _, number, call = stated(CLASSES[name])
    net = eval(call, CLASSES)
    assert type(net) is CLASSES[name]
    assert nets.count_parameters(net) == number == formula(net)


@pytest.mark.parametrize("name", [name for name in ALL if "wrapped" not in name and "self-mod" not in name])
def test_the_formula_of_the_docstring_counts_other_sizes_too(name: str) -> None:
    net = ALL[name](None)
    if name == "generator:dcgan-none":  # as its docstring says, the first map has biases of its own in place of norms
        assert nets.count_parameters(net) == formula(net) + net.widths[0] * net.start**2 - net.widths[0]
    elif "discrimination" in name:
        layer = net.minibatch
        assert nets.count_parameters(net) == formula(net) + nets.count_parameters(layer) + layer.kernels
    else:
        assert nets.count_parameters(net) == formula(net) + ("-std" in name)


@pytest.mark.parametrize("size", [28, 32, 64])
def test_the_formulas_hold_for_every_image_size(size: int) -> None:
    for cls in (nets.DCGANGenerator, nets.DCGANCritic, nets.ResNetGenerator, nets.ResNetCritic, nets.BigGANCritic):
        net = cls(size, 3, width=4)
        assert nets.count_parameters(net) == formula(net)
    for norm in ("none", "batch", "layer", "instance", "virtual"):
        assert nets.count_parameters(net := nets.ResNetGenerator(size, width=4, norm=norm)) == formula(net)
        assert nets.count_parameters(net := nets.ResNetCritic(size, width=4, norm=norm)) == formula(net)
        assert nets.count_parameters(net := nets.DCGANCritic(size, width=4, norm=norm)) == formula(net)
        assert nets.count_parameters(net := nets.PatchCritic(width=4, layers=4, norm=norm)) == formula(net)


@pytest.mark.parametrize("build", [nets.DCGANGenerator, nets.ResNetGenerator])
def test_self_modulation_adds_its_own_parameters_to_those_of_the_convolutions(build: type[nn.Module]) -> None:
    plain, modulated = build(28, width=4), build(28, width=4, norm="self-modulated")
    layers = [layer for layer in modulated.modules() if isinstance(layer, nets.SelfModulatedBatchNorm)]
    own = sum(formula(layer) for layer in layers)
    replaced = sum(2 * layer.channels for layer in layers)
    assert nets.count_parameters(modulated) == nets.count_parameters(plain) - replaced + own


def test_frozen_parameters_are_not_counted() -> None:
    net = nets.MLP((3, 4, 2))
    net.last.requires_grad_(False)
    assert nets.count_parameters(net) == 16


@pytest.mark.parametrize("name", ALL)
def test_a_seed_gives_the_same_network_and_leaves_the_global_generator_alone(name: str) -> None:
    torch.manual_seed(3)
    state = torch.get_rng_state()
    first = ALL[name](seeded(5)).state_dict()
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(4)
    second, other = ALL[name](seeded(5)).state_dict(), ALL[name](seeded(6)).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    changed = {key for key in first if not torch.equal(first[key], other[key])}
    assert {key for key, value in first.items() if value.ndim > 1 and "reference" not in key} <= changed


@pytest.mark.parametrize("name", ALL)
def test_without_a_generator_of_its_own_a_network_draws_from_the_global_one(name: str) -> None:
    torch.manual_seed(3)
    first, other = ALL[name](None).state_dict(), ALL[name](None).state_dict()
    torch.manual_seed(3)
    second = ALL[name](None).state_dict()
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ALL)
def test_every_parameter_gets_a_finite_nonzero_gradient(name: str) -> None:
    net = ALL[name](seeded())
    net(*inputs(net))  # a first call, which fixes references
    net.zero_grad()
    total(net(*inputs(net, 5))).backward()
    for key, parameter in net.named_parameters():
        assert parameter.grad is not None, key
        assert parameter.grad.isfinite().all(), key
        assert parameter.grad.abs().max() > 1e-7, key


@pytest.mark.parametrize("name", ALL)
def test_outputs_have_the_promised_shape(name: str) -> None:
    net = ALL[name](seeded())
    given = inputs(net)
    result = net(*given)
    if name.startswith("critic:patch"):
        assert result.shape[:2] == (N, 1)
    elif name.startswith("critic:"):
        assert result.shape == (N,)
    elif name == "translator":
        assert result.shape == given[0].shape
    elif hasattr(net, "shape") and not isinstance(net, nets.BiGANEncoder):
        assert result.shape == (N, *net.shape)
    elif hasattr(net, "size"):
        assert result.shape == (N, net.channels, net.size, net.size)
    assert result.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
@pytest.mark.parametrize("name", ALL)
def test_other_floating_dtypes_come_out_as_they_went_in(name: str, dtype: torch.dtype) -> None:
    net = ALL[name](seeded())
    expected = net.eval()(*inputs(net))
    converted = copy.deepcopy(net).to(dtype)
    given = [value.to(dtype) if value.is_floating_point() else value for value in inputs(net)]
    result = converted(*given)
    assert result.dtype == dtype
    # Single precision against double; bfloat16 keeps 8 bits through up to 15 layers, and is compared as a whole.
    if dtype == torch.float64:
        assert_close(result.float(), expected, rtol=1e-3, atol=1e-4)
    else:
        error = (result.float() - expected).norm() / expected.norm()
        assert error < 0.2


@pytest.mark.parametrize("name", ALL)
def test_networks_run_under_autocast_and_their_gradients_stay_finite(name: str) -> None:
    net = ALL[name](seeded()).eval()
    expected = net(*inputs(net))
    with torch.autocast("cpu", torch.bfloat16):
        result = net(*inputs(net))
    assert (result.float() - expected).norm() / expected.norm() < 0.2
    total(result.float()).backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in net.parameters())


@pytest.mark.parametrize("name", [name for name in ALL if "spectral" not in name and name != "critic:biggan"])
def test_networks_build_and_run_on_the_meta_device(name: str) -> None:
    """There is nothing to read on that device: a forward pass that asks the device for a value raises here."""
    with torch.device("meta"):
        net = ALL[name](None)
    net.to("meta")
    given = [value.to("meta") for value in inputs(net)]
    result = net(*given)
    assert result.is_meta
    assert result.shape == ALL[name](None)(*inputs(net)).shape


@pytest.mark.parametrize("name", ALL)
def test_a_state_survives_saving_and_strict_loading_with_weights_only(name: str) -> None:
    net = ALL[name](seeded(1))
    net(*inputs(net))
    file = io.BytesIO()
    torch.save(net.state_dict(), file)
    file.seek(0)
    other = ALL[name](seeded(2))
    other(*(value.flip(0) for value in inputs(other)))
    other.load_state_dict(torch.load(file, weights_only=True), strict=True)
    assert_close(other.eval()(*inputs(net)), net.eval()(*inputs(net)), rtol=0, atol=0)


@pytest.mark.parametrize("name", ALL)
def test_a_copy_is_independent_and_equal(name: str) -> None:
    net = ALL[name](seeded(1)).eval()
    net(*inputs(net))
    twin = copy.deepcopy(net)
    assert_close(twin(*inputs(net)), net(*inputs(net)), rtol=0, atol=0)
    with torch.no_grad():
        next(twin.parameters()).add_(1)
    assert not torch.equal(next(twin.parameters()), next(net.parameters()))


@pytest.mark.parametrize("name", [name for name in ALL if "mlp" not in name])
def test_channels_last_gives_the_same_numbers(name: str) -> None:
    net = ALL[name](seeded(1)).eval()
    expected = net(*inputs(net))
    fast = net.to(memory_format=torch.channels_last)
    given = [value.to(memory_format=torch.channels_last) if value.ndim == 4 else value for value in inputs(net)]
    assert_close(fast(*given), expected, rtol=1e-3, atol=1e-4)


def test_no_network_reads_memory_that_was_never_filled() -> None:
    torch.use_deterministic_algorithms(True)  # fills what is allocated empty with NaN
    try:
        for build in ALL.values():
            for rng in (None, seeded()):
                assert all(value.isfinite().all() for value in build(rng).state_dict().values())
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize("name", ALL)
def test_trap_batch_norm_eps(name: str) -> None:
    """BatchNorm2d(n, 0.8) sets eps, where a Keras momentum was meant."""
    wrong = nn.BatchNorm2d(4, 0.8)
    assert (wrong.eps, wrong.momentum) == (0.8, 0.1)
    for layer in ALL[name](None).modules():
        if isinstance(layer, nn.modules.batchnorm._NormBase | nn.GroupNorm | nn.LayerNorm | nets.VirtualBatchNorm):
            assert layer.eps == 1e-5
            assert getattr(layer, "momentum", 0.1) == 0.1


def test_enough_networks_have_batch_norm_for_its_trap_to_be_seen() -> None:
    built = [build(None) for build in ALL.values()]
    assert sum(any(isinstance(layer, nn.modules.batchnorm._BatchNorm) for layer in net.modules()) for net in built) > 8


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_have_a_latent_size_and_stay_in_range(name: str) -> None:
    net = GENERATORS[name](seeded())
    assert type(net.latent) is int
    result = net(*inputs(net))
    if result.ndim == 4:
        assert result.abs().max() <= 1
        assert result.std() > 1e-4


@pytest.mark.parametrize("name", GENERATORS)
def test_generators_in_evaluation_treat_each_sample_by_itself(name: str) -> None:
    net = GENERATORS[name](seeded()).eval()
    given = inputs(net)
    together = net(*given)
    for i in range(N):
        assert_close(net(*(value[i : i + 1] for value in given)), together[i : i + 1], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", GENERATORS)
def test_every_coordinate_of_z_reaches_the_sample(name: str) -> None:
    net = GENERATORS[name](seeded()).eval()
    z, *labels = inputs(net)
    net(z, *labels)
    z = z.requires_grad_()
    (gradient,) = torch.autograd.grad(total(net(z, *labels)), z)
    assert (gradient.abs() > 0).any(0).all()


@pytest.mark.parametrize("name", GENERATORS)
def test_a_wrong_latent_width_is_refused_with_the_right_one(name: str) -> None:
    net = GENERATORS[name](None)
    forward = inspect.unwrap(type(net).forward)
    for z in (normal(N, net.latent + 1), normal(net.latent), normal(N, net.latent, 1, 1)):
        with pytest.raises(ValueError, match=rf"wanted \(n, {net.latent}\)"):
            forward(net, z, *inputs(net)[1:])
    with pytest.raises(ValueError, match="floating-point"):
        forward(net, normal(N, net.latent).long(), *inputs(net)[1:])
    with pytest.raises(TypeError, match="list"):
        forward(net, [[0.0]], *inputs(net)[1:])


@pytest.mark.parametrize("name", [*CRITICS, *MIXING])
def test_images_of_another_shape_are_refused(name: str) -> None:
    net = (CRITICS | MIXING)[name](None)
    forward = inspect.unwrap(type(net).forward)
    wanted = "wanted (n, 1, height, width)" if "patch" in name else "wanted (n, 1, 28, 28)"
    others = [normal(N, 3, 28, 28), normal(1, 28, 28), normal(N, 784)]
    for x in others if "patch" in name else [*others, normal(N, 1, 28, 27)]:
        with pytest.raises(ValueError, match=re.escape(wanted)):
            forward(net, x, *inputs(net)[1:])
    with pytest.raises(ValueError, match="floating-point"):
        forward(net, (normal(N, 1, 28, 28) * 100).to(torch.uint8), *inputs(net)[1:])


@pytest.mark.parametrize("name", [name for name, build in ALL.items() if conditional(build(None))])
def test_missing_or_odd_labels_are_refused(name: str) -> None:
    net = ALL[name](None)
    forward = inspect.unwrap(type(net).forward)
    x, labels = inputs(net)
    with pytest.raises(ValueError, match=r"labels are missing.*0 to 2"):
        forward(net, x)
    with pytest.raises(ValueError, match=r"labels have dtype torch.float32.*long"):
        forward(net, x, labels.float())
    with pytest.raises(ValueError, match=r"labels have shape \(5,\)"):
        forward(net, x, labels[:5])
    with pytest.raises(ValueError, match=r"labels have shape \(6, 1\)"):
        forward(net, x, labels[:, None])
    with pytest.raises(TypeError, match="list"):
        forward(net, x, [0, 1, 2, 0, 1, 2])
    assert_close(net.eval()(x, labels.int()), net.eval()(x, labels), rtol=0, atol=0)


@pytest.mark.parametrize("name", [name for name, build in ALL.items() if conditional(build(None))])
def test_the_label_changes_the_result(name: str) -> None:
    net = ALL[name](seeded()).eval()
    x, labels = inputs(net)
    difference = (net(x, labels) - net(x, (labels + 1) % 3)).view(N, -1).abs().amax(1)
    assert (difference > 1e-4).all()


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: nets.DCGANGenerator(30), "size is 30; wanted one of 28, 32, 64"),
        (lambda: nets.DCGANCritic(27), "size is 27"),
        (lambda: nets.DCGANGenerator(28, latent=0), "latent is 0; wanted a whole number of at least 1"),
        (lambda: nets.DCGANGenerator(28, norm="bach"), "'bach' is not a normalization here; wanted one of none, batch"),
        (lambda: nets.DCGANCritic(28, norm="self-modulated"), "is not a normalization"),
        (lambda: nets.DCGANCritic(28, minibatch="both"), "'both' is not a minibatch layer"),
        (lambda: nets.ResNetCritic(norm="x"), "'x' is not a normalization"),
        (lambda: nets.ResNetGenerator(16), "size is 16"),
        (lambda: nets.BigGANGenerator(28, latent=100), "latent is 100; wanted a multiple of 3 for size 28"),
        (lambda: nets.BigGANCritic(norm="batch"), "'batch' is not a normalization"),
        (lambda: nets.BigGANCritic(size=29), "size is 29"),
        (lambda: nets.MLPGenerator(2, ()), r"shape is \(\); wanted a tuple"),
        (lambda: nets.MLPGenerator(2, (0,)), "a side of shape is 0"),
        (lambda: nets.MLPCritic((2,), (512, -1)), "a width in hidden is -1"),
        (lambda: nets.MLPCritic((2,), activation="swish"), "'swish' is not a activation|'swish' is not an activation"),
        (lambda: nets.MLPGenerator(2, output="sigmoid"), "'sigmoid' is not a"),
        (lambda: nets.MLPCritic(norm="instance"), "'instance' is not a normalization"),
        (lambda: nets.MLP((3,)), "at least two"),
        (lambda: nets.PatchCritic(layers=0), "layers is 0"),
        (lambda: nets.PatchCritic(norm="y"), "'y' is not a normalization"),
        (lambda: nets.Translator(blocks=-1), "blocks is -1"),
        (lambda: nets.ConditionalGenerator(classes=0), "classes is 0"),
        (lambda: nets.ConditionalBatchNorm(0, 3), "channels is 0"),
        (lambda: nets.SelfModulatedBatchNorm(3, 0), "latent is 0"),
        (lambda: nets.VirtualBatchNorm(0), "channels is 0"),
        (lambda: nets.MinibatchDiscrimination(3, kernels=0), "kernels is 0"),
        (lambda: nets.MinibatchStd(1), "group is 1; wanted a whole number of at least 2"),
        (lambda: nets.MinibatchStd(eps=0.0), "eps is 0"),
        (lambda: nets.UpBlock(0, 1), "inputs is 0"),
        (lambda: nets.BigGANBlock(4, 4, 0), "condition is 0"),
    ],
)
def test_odd_constructions_are_refused(build: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()  # type: ignore[operator]


@pytest.mark.parametrize("value", [2, "ab", 1.5])
def test_a_shape_that_is_no_tuple_is_refused(value: object) -> None:
    for cls in (nets.MLPCritic, nets.MLP):
        with pytest.raises(ValueError, match="wanted a tuple"):
            inspect.unwrap(cls.__init__)(cls.__new__(cls), value)


@pytest.mark.parametrize("table", [nets.GENERATORS, nets.CRITICS])
def test_the_classes_of_the_tables_are_built_by_keywords_with_defaults(table: dict[str, type[nn.Module]]) -> None:
    for cls in table.values():
        net = cls(rng=seeded())
        parameters = inspect.signature(cls).parameters
        assert all(p.default is not inspect.Parameter.empty for p in parameters.values())
        assert ("latent" in parameters) == hasattr(net, "latent")
        assert nets.count_parameters(net) < 1e6  # a laptop's
        if "shape" in parameters:
            cls(shape=[1, 8, 8], hidden=[16])  # what TOML has for tuples


def test_the_tables_hold_the_promised_names() -> None:
    assert {"mlp", "dcgan", "resnet", "biggan", "conditional-mlp"} <= set(nets.GENERATORS)
    assert {"mlp", "dcgan", "resnet", "biggan", "projection-mlp"} <= set(nets.CRITICS)
    assert all(hasattr(cls(), "latent") for cls in nets.GENERATORS.values())


@pytest.mark.parametrize("name", ["dcgan", "resnet", "biggan"])
@pytest.mark.parametrize("size", [28, 32, 64])
def test_generator_and_critic_of_a_name_fit_each_other(name: str, size: int) -> None:
    generator, critic = (table[name](size=size, channels=3, width=2) for table in (nets.GENERATORS, nets.CRITICS))
    labels = (torch.tensor([0, 9]),) if name == "biggan" else ()
    assert critic(generator(normal(2, generator.latent), *labels), *labels).shape == (2,)
