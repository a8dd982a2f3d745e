"""The moving average: its weights, its buffers, and its first steps."""

from math import comb

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_gan.train import EMA


def test_average_is_the_formula() -> None:
    module = nn.Linear(2, 2)
    average, expected = EMA(module, 0.4), {k: v.clone() for k, v in module.state_dict().items()}
    for update in range(6):
        with torch.no_grad():
            for value in module.parameters():
                value.normal_()
        average.update()
        decay = min(0.4, (1 + update) / (10 + update))
        expected = {k: decay * v + (1 - decay) * module.state_dict()[k] for k, v in expected.items()}
    assert_close(dict(average.average.state_dict()), expected)


def test_trap_average_that_starts_late() -> None:
    module = nn.Linear(1, 1, bias=False)
    nn.init.constant_(module.weight, 1.0)  # as random as any other first weight
    average = EMA(module, 0.999)
    nn.init.constant_(module.weight, 0.0)
    for _ in range(50):
        average.update()
    left = float(average.average.weight)
    assert left == pytest.approx(1 / comb(59, 9), rel=1e-4)
    assert left < 1e-9 < 0.95 < 0.999**50  # a constant decay keeps 95 % of the random weights


def test_trap_average_without_the_buffers_of_batch_normalization() -> None:
    module = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = EMA(module, 0.999)
    for _ in range(30):
        module(torch.randn(16, 2) + 5)
        average.update()
    assert torch.equal(average.average[1].running_mean, module[1].running_mean)
    assert torch.equal(average.average[1].running_var, module[1].running_var)
    assert not torch.allclose(module[1].running_mean, torch.zeros(3))  # where the wrong variant would have stayed


def test_trap_average_of_integer_buffers() -> None:
    module = nn.BatchNorm1d(3)
    average = EMA(module, 0.9)
    for count in range(1, 6):
        module(torch.randn(4, 3))
        average.update()
        assert average.average.num_batches_tracked.dtype == torch.int64
        assert int(average.average.num_batches_tracked) == count
    assert int(0.9 * 0 + 0.1 * 5) == 0  # an average of counts, cut to an integer, stays 0


def test_average_is_a_module_of_its_own_in_evaluation_mode() -> None:
    module = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5))
    average = EMA(module, 0.9).average
    assert not any(value.requires_grad for value in average.parameters())
    assert not average.training
    assert module.training
    assert all(value.requires_grad for value in module.parameters())


def test_average_of_a_module_with_parametrizations_follows_it() -> None:
    module = nn.utils.parametrizations.spectral_norm(nn.Linear(3, 3))
    average = EMA(module, 0.0)  # no memory: after an update it is the module
    with torch.no_grad():
        module.parametrizations.weight.original.normal_()
    module(torch.randn(2, 3))
    average.update()
    assert_close(average.average(torch.ones(1, 3)), module.eval()(torch.ones(1, 3)))


def test_average_goes_on_from_its_state() -> None:
    def make() -> tuple[nn.Module, EMA]:
        torch.manual_seed(0)
        module = nn.BatchNorm1d(2)
        return module, EMA(module, 0.9)

    module, straight = make()
    other_module, first = make()
    for step in range(6):
        with torch.no_grad():
            for one in (module, other_module):
                one.weight.add_(step)
                one.running_mean.add_(1)
        straight.update()
        first.update()
        if step == 2:
            state, (fresh_module, resumed) = first.state_dict(), make()
            fresh_module.load_state_dict(other_module.state_dict())
            other_module, first = fresh_module, resumed
            first.load_state_dict(state)
    assert_close(first.state_dict(), straight.state_dict(), rtol=0, atol=0)


@pytest.mark.parametrize("decay", [1.0, -0.1, float("nan")])
def test_a_decay_that_means_nothing_is_refused(decay: float) -> None:
    with pytest.raises(ValueError, match="decay"):
        EMA(nn.Linear(1, 1), decay)


def test_a_generator_without_weights_has_an_average_too() -> None:
    module = nn.BatchNorm1d(2, affine=False)
    average = EMA(module, 0.9)
    module(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))
    average.update()
    assert torch.equal(average.average.running_mean, module.running_mean)


def test_an_average_left_behind_by_its_module_is_told_and_does_not_stand_still() -> None:
    """The detached weights that were once kept stayed what they were when the module became double."""
    linear = nn.Linear(2, 2)
    average = EMA(linear, 0.9)
    average.update()
    linear.double()
    with pytest.raises(RuntimeError, match=r"the weights are torch.float64 .*average torch.float32.*after the module"):
        average.update()
