"""What losses and penalties ask of a critic: slopes that can be trained, scores of a sample that are its own."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize
from torch.testing import assert_close

from course_gan import nets
from tests.nets_cases import CRITICS, MIXING, N, inputs, seeded


def scored(net: nn.Module, rest: list[Tensor]) -> Callable[[Tensor], Tensor]:
    """The scores as a function of the images alone, a patch critic's as their mean."""
    return lambda x: net(x, *rest).flatten(1).mean(1) if isinstance(net, nets.PatchCritic) else net(x, *rest)


def cross_influence(net: nn.Module) -> Tensor:
    """Entry (i, j): the largest |∂ score_i / ∂ x_j|."""
    x, *rest = inputs(net)
    score = scored(net, rest)
    score(x)  # fixes references
    x = x.clone().requires_grad_()
    scores = score(x)
    rows = [torch.autograd.grad(scores[i], x, retain_graph=True)[0].flatten(1).abs().amax(1) for i in range(N)]
    return torch.stack(rows)


@pytest.mark.parametrize("name", CRITICS)
def test_the_score_of_a_sample_is_its_own(name: str) -> None:
    influence = cross_influence(CRITICS[name](seeded()))
    assert (influence.diagonal() > 1e-7).all()
    assert (influence - influence.diag().diag() == 0).all()


@pytest.mark.parametrize("name", MIXING)
def test_batch_norm_and_minibatch_layers_mix_the_samples_in_training(name: str) -> None:
    influence = cross_influence(MIXING[name](seeded()))
    assert (influence - influence.diag().diag()).max() > 1e-7


@pytest.mark.parametrize("name", ["mlp-batch", "dcgan", "resnet-batch"])
def test_batch_norm_does_not_mix_in_evaluation(name: str) -> None:
    influence = cross_influence(MIXING[name](seeded()).eval())
    assert (influence - influence.diag().diag() == 0).all()


@pytest.mark.parametrize("name", [*CRITICS, *[name for name in MIXING if "std" in name or "discrimination" in name]])
def test_slopes_are_finite_nonzero_and_trainable(name: str) -> None:
    net = (CRITICS | MIXING)[name](seeded())
    x, *rest = inputs(net)
    score = scored(net, rest)
    score(x)
    slope = torch.func.grad(lambda x: score(x).sum())(x).flatten(1).norm(dim=1)
    assert slope.isfinite().all()
    assert (slope > 1e-6).all()
    slope.sum().backward()
    gradients = {key: p.grad for key, p in net.named_parameters() if p.ndim > 1}
    assert all(gradient is not None and gradient.isfinite().all() for gradient in gradients.values())
    moving = {key for key, gradient in gradients.items() if gradient is not None and gradient.abs().max() > 1e-8}
    assert moving == set(gradients)


@pytest.mark.parametrize("name", ["mlp", "mlp-softplus", "dcgan-layer", "resnet", "biggan-none", "projection-mlp"])
def test_the_gradient_of_a_penalty_agrees_with_finite_differences(name: str) -> None:
    net = CRITICS[name](seeded()).double()
    x, *rest = inputs(net, 2)
    x = x.double()

    def penalty() -> Tensor:
        return torch.func.grad(lambda x: scored(net, rest)(x).sum())(x).flatten(1).square().sum(1).mean()

    weight = max((p for p in net.parameters() if p.ndim > 1), key=lambda p: p.numel())
    direction = torch.randn(weight.shape, generator=seeded(), dtype=torch.float64)
    penalty().backward()
    expected = (weight.grad * direction).sum()
    step, values = 1e-6, []
    with torch.no_grad():
        for sign in (1, -1):
            weight.add_(sign * step * direction)
            values.append(penalty())
            weight.sub_(sign * step * direction)
    # A step of 1e-6 rounds at 1e-10 and crosses a kink of a ReLU seldom.
    assert_close((values[0] - values[1]) / (2 * step), expected, rtol=1e-3, atol=1e-8)


@pytest.mark.parametrize(
    "name", ["mlp-spectral", "dcgan-spectral", "resnet-spectral", "patch-spectral", "biggan", "projection-spectral"]
)
def test_spectral_norm_divides_every_weight(name: str) -> None:
    net = CRITICS[name](seeded())
    layers = [layer for layer in net.modules() if isinstance(layer, nn.Linear | nn.Conv2d | nn.Embedding)]
    assert all(parametrize.is_parametrized(layer, "weight") for layer in layers)
    for layer in layers:
        sigma = torch.linalg.matrix_norm(layer.weight.flatten(1), 2)
        assert_close(sigma, torch.tensor(1.0), rtol=1e-2, atol=0)


def test_trap_spectral_vectors_are_parameters() -> None:
    """u and v are buffers: clipping, optimizers and averages of parameters leave them alone."""
    net = nets.MLPCritic((2,), (8,), norm="spectral", rng=seeded())
    assert not any(key.endswith(("_u", "_v")) for key, _ in net.named_parameters())
    assert sum(key.endswith(("_u", "_v")) for key, _ in net.named_buffers()) == 4


def test_trap_spectral_norm_iterates_in_evaluation() -> None:
    net = nets.DCGANCritic(28, width=4, norm="spectral", rng=seeded())
    x = inputs(net)[0]
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.01 * torch.randn(parameter.shape, generator=seeded()))

    def vectors() -> list[Tensor]:
        return [value.clone() for key, value in net.named_buffers() if key.endswith(("_u", "_v"))]

    before = vectors()
    first, second = net.eval()(x), net(x)
    assert all(torch.equal(a, b) for a, b in zip(before, vectors()))
    assert_close(first, second, rtol=0, atol=0)
    net.train()(x)
    assert any(not torch.equal(a, b) for a, b in zip(before, vectors()))


def test_trap_penalty_with_batch_norm() -> None:
    """Under batch norm the gradient of the summed scores is not each sample's own gradient; without, it is."""

    def share_from_others(net: nn.Module) -> Tensor:
        influence = cross_influence(net)
        return (influence - influence.diag().diag()).sum() / influence.sum()

    assert share_from_others(nets.DCGANCritic(28, width=8, rng=seeded())) > 0.1
    assert share_from_others(nets.DCGANCritic(28, width=8, norm="layer", rng=seeded())) == 0


@pytest.mark.parametrize("name", ["mlp", "dcgan-none", "resnet", "biggan"])
def test_a_batch_of_one_is_scored_as_in_company(name: str) -> None:
    net = CRITICS[name](seeded()).eval()
    given = inputs(net)
    assert_close(net(*(value[:1] for value in given)), net(*given)[:1], rtol=1e-4, atol=1e-5)
