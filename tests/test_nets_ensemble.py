"""Networks side by side: each computes and learns what it would alone."""

import inspect

import pytest
import torch
from torch.testing import assert_close

from course_gan.losses import get
from course_gan.nets import MLP
from course_gan.nets.ensemble import CriticEnsemble, GeneratorEnsemble, MLPEnsemble, for_each


def test_members_are_the_networks_that_the_same_generator_draws_one_by_one() -> None:
    sizes, x = (3, 8, 8, 2), torch.randn(5, 4, 3)
    together = MLPEnsemble(4, sizes, rng=torch.Generator().manual_seed(0))
    draw = torch.Generator().manual_seed(0)
    alone = [MLP(sizes, "tanh", rng=draw) for _ in range(4)]
    expected = torch.stack([one(x[:, k]) for k, one in enumerate(alone)], 1)
    assert_close(together(x), expected)
    assert_close(together(x[:, :1]), torch.stack([one(x[:, 0]) for one in alone], 1))


def test_gradient_of_a_member_is_its_own_over_the_number_of_members() -> None:
    together = CriticEnsemble(3, 2, (4,), rng=torch.Generator().manual_seed(0))
    real, fake = torch.randn(6, 3, 2), torch.randn(6, 3, 2)
    get("minimax").critic(together(real), together(fake)).backward()
    for k in range(3):
        scores, fakes = together(real)[:, k], together(fake)[:, k]
        slopes = torch.autograd.grad(get("minimax").critic(scores, fakes), list(together.parameters()))
        for slope, weight in zip(slopes, together.parameters()):
            assert_close(weight.grad[k], slope[k] / 3)
            assert (slope[torch.arange(3) != k] == 0).all()


def test_without_hidden_layers_the_critics_are_linear() -> None:
    critics = CriticEnsemble(2, 3, ())
    x, y = torch.randn(2, 4, 2, 3)
    assert_close(critics(x + y) + critics(torch.zeros_like(x)), critics(x) + critics(y))


def test_generators_take_the_noise_of_all_members_in_one_row() -> None:
    generators = GeneratorEnsemble(3, 2, 1, (4,))
    assert generators.latent == 6
    z = torch.randn(5, 6)
    assert generators(z).shape == (5, 3, 1)
    changed = z.clone()
    changed[:, 2:4] += 1  # the noise of the second member
    assert ((generators(z) == generators(changed)).all(2).all(0)).tolist() == [True, False, True]


def test_wrong_shape_is_refused_with_the_wanted_one() -> None:
    with pytest.raises(ValueError, match=r"wanted \(n, 3, 2\)"):
        CriticEnsemble(3, 2)(torch.randn(5, 2, 2))
    with pytest.raises(TypeError, match="x is a list"):
        inspect.unwrap(MLPEnsemble.forward)(MLPEnsemble(3, (2, 1)), [[0.0]])


def test_noise_of_another_length_is_refused_instead_of_cut_up_into_other_rows() -> None:
    generators = GeneratorEnsemble(8, 1, 2, (4,))
    with pytest.raises(ValueError, match=r"z has shape \(16, 4\); wanted \(n, 8\)"):
        inspect.unwrap(GeneratorEnsemble.forward)(generators, torch.randn(16, 4))


def test_every_member_gets_samples_of_its_own() -> None:
    def normal(n: int, generator: torch.Generator | None) -> torch.Tensor:
        return torch.randn(n, 2, generator=generator)

    drawn = for_each(normal, 3)(4, torch.Generator().manual_seed(0))
    assert drawn.shape == (4, 3, 2)
    assert drawn.unique().numel() == 24
