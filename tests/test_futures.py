"""The generators of chapter 1, and the count of what their frames show."""

import torch
from torch.testing import assert_close

from course_gan.data import both_futures, conditional_mean, two_futures
from course_gan.futures import CoinGenerator, JoinedGenerator, shares_by_past

PASTS = two_futures(64, torch.Generator().manual_seed(0), past=1).past.unique(dim=0)


def test_joined_generator_has_the_noise_in_its_first_columns() -> None:
    generator = JoinedGenerator(3, (1, 16, 16), (1, 16, 16), (8,), rng=torch.Generator().manual_seed(0))
    first = generator.layers.hidden[0]
    z, told = torch.randn(5, 3), PASTS[:5]
    seen = torch.cat([z, told.flatten(1)], 1)
    assert first.in_features == 3 + 256
    assert_close(generator(z, told), generator.layers(seen).reshape(-1, 1, 16, 16))
    with torch.no_grad():
        first.weight[:, :3] = 0
    assert_close(generator(z, told), generator(-z, told))


def test_loudness_multiplies_the_noise_and_nothing_else() -> None:
    made = []
    for loudness, z in ((1.0, torch.full((2, 3), 2.0)), (4.0, torch.full((2, 3), 0.5))):
        seeded = torch.Generator().manual_seed(2)
        generator = JoinedGenerator(3, (1, 16, 16), (1, 16, 16), (8,), loudness=loudness, rng=seeded)
        made.append(generator(z, PASTS[:2]))
    assert torch.equal(*made)


def test_joined_generator_ends_between_minus_one_and_one_and_is_seeded() -> None:
    made = [
        JoinedGenerator(3, (1, 16, 16), (1, 16, 16), (8,), rng=torch.Generator().manual_seed(1))(
            torch.ones(2, 3), PASTS[:2]
        )
        for _ in range(2)
    ]
    assert made[0].abs().max() <= 1
    assert torch.equal(made[0], made[1])


def test_coin_generator_sees_only_the_signs_of_its_noise() -> None:
    generator = CoinGenerator(2, (1, 16, 16), (1, 16, 16), (8, 8), rng=torch.Generator().manual_seed(0))
    told = PASTS[:1].expand(4, -1, -1, -1)
    z = torch.tensor([[0.1, -2.0], [5.0, -0.3], [-0.1, -2.0], [0.0, -1.0]])
    made = generator(z, told)
    assert torch.equal(made[0], made[1])
    assert torch.equal(made[0], made[3])  # zero counts as heads, so that no third value appears
    assert not torch.equal(made[0], made[2])


def test_shares_by_past_count_each_past_by_itself() -> None:
    def by_sign(z: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
        left, right = both_futures(past)
        return torch.where(z[:, :1, None, None] < 0, left, right)

    z = torch.tensor([[-1.0], [-2.0], [3.0], [-0.5]])
    assert_close(shares_by_past(by_sign, PASTS, z), torch.tensor([[0.75, 0.25, 0.0, 0.0]]).expand(len(PASTS), 4))
    ghosts = shares_by_past(lambda z, past: conditional_mean(past), PASTS, z)
    assert_close(ghosts[:, 2], torch.ones(len(PASTS)))


def test_one_future_a_past_looks_balanced_only_over_all_pasts() -> None:
    def by_column(z: torch.Tensor, past: torch.Tensor) -> torch.Tensor:
        left, right = both_futures(past)
        return torch.where(
            (past[:, :, :, :8].sum((1, 2, 3)) > past[:, :, :, 8:].sum((1, 2, 3)))[:, None, None, None], left, right
        )

    shares = shares_by_past(by_column, PASTS, torch.zeros(5, 1))
    assert ((shares == 0) | (shares == 1)).all()
