"""Precision, recall, density, coverage: scikit-learn's neighbors, planted failures, ties, memory; and the distances."""

import math
import sys

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from torch.testing import assert_close

from course_gan.metrics import density_coverage, distances, precision_recall
from course_gan.metrics.distances import nearest, row_blocks, squared_distances


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed), dtype=torch.float64)


def balls(centers: Tensor, points: Tensor, k: int) -> np.ndarray:
    """Whether each point (row) lies in each center's ball (column), by scikit-learn's neighbors."""
    radii = NearestNeighbors(n_neighbors=k + 1, algorithm="brute").fit(centers).kneighbors(centers)[0][:, -1]
    apart = np.sqrt(((points.numpy()[:, None] - centers.numpy()[None]) ** 2).sum(-1))
    return apart <= radii * (1 + 1e-9)


# ---------------------------------------------------------------- distances


@pytest.mark.parametrize("d", [1, 16, 17, 300])
def test_distances_agree_with_numpy(d: int) -> None:
    x, y = normal(20, d, 0), normal(30, d, 1)
    expected = ((x.numpy()[:, None] - y.numpy()[None]) ** 2).sum(-1)
    assert_close(squared_distances(x, y).numpy(), expected, rtol=1e-10, atol=0)


@pytest.mark.parametrize("d", [3, 64])
def test_trap_small_distances_by_the_expanded_square(d: int) -> None:
    """‖x‖² + ‖y‖² − 2 x·y gives copies a distance, and near copies a wrong or imaginary one."""
    x = normal(40, d) + 1000
    step = torch.zeros(d).double()
    step[0] = 2**-20
    near = x + step
    wrong = x.square().sum(1)[:, None] + near.square().sum(1) - 2 * x @ near.T
    assert (wrong.diagonal() / 2**-40 - 1).abs().max() > 1
    assert (x.square().sum(1)[:, None] + x.square().sum(1) - 2 * x @ x.T).diagonal().abs().max() > 0
    exact = (x - near).square().sum(1)
    assert_close(squared_distances(x, near).diagonal(), exact, rtol=1e-9, atol=0)
    assert torch.equal(squared_distances(x, x).diagonal(), torch.zeros(40).double())


@pytest.mark.parametrize("d", [2, 40])
@pytest.mark.parametrize("same", [True, False])
def test_nearest_agrees_with_scikit_learn(d: int, same: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    x = normal(50, d, 0)
    y = x if same else normal(60, d, 1)
    apart, who = NearestNeighbors(n_neighbors=5, algorithm="brute").fit(y).kneighbors(x)
    apart, who = (apart[:, 1:4], who[:, 1:4]) if same else (apart[:, :3], who[:, :3])
    for block in (distances.BLOCK, 200):
        monkeypatch.setattr(distances, "BLOCK", block)
        squares, found = nearest(x, y, 3, same=same)
        assert_close(squares.sqrt().numpy(), apart, rtol=1e-9, atol=0)
        assert np.array_equal(found.numpy(), who)


def test_a_copy_is_a_neighbor_but_a_point_is_not_its_own() -> None:
    x = torch.tensor([[0.0], [0.0], [5.0]]).double()
    squares, who = nearest(x, x, same=True)
    assert squares[:, 0].tolist() == [0, 0, 25]
    assert who[:2, 0].tolist() == [1, 0]


def test_blocks_change_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    real, fake = normal(50, 2, 0), normal(40, 2, 1) + 0.5
    whole = precision_recall(real, fake), density_coverage(real, fake)
    assert all(0 < value < 1 for value in (*whole[0], *whole[1]))
    monkeypatch.setattr(distances, "BLOCK", 200)  # four fakes at a time
    assert (precision_recall(real, fake), density_coverage(real, fake)) == whole


def test_blocks_are_small_however_many_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is flat: no block of distances holds more than BLOCK entries, for 3000 rows as for 300."""
    largest = 0
    plain = squared_distances

    def watched(x: Tensor, y: Tensor) -> Tensor:
        nonlocal largest
        largest = max(largest, len(x) * len(y))
        return plain(x, y)

    monkeypatch.setattr(distances, "BLOCK", 20_000)
    monkeypatch.setattr(distances, "squared_distances", watched)
    # By way of sys.modules, as the package has a function of the module's name.
    monkeypatch.setattr(sys.modules["course_gan.metrics.precision_recall"], "squared_distances", watched)
    precision_recall(normal(3000, 2, 0), normal(2000, 2, 1))
    density_coverage(normal(3000, 2, 0), normal(2000, 2, 1))
    assert 10_000 < largest <= 20_000
    assert [len(range(10)[rows]) for rows in row_blocks(10, 7000)] == [2, 2, 2, 2, 2]
    assert len(list(row_blocks(3, 10**9))) == 3


# ---------------------------------------------------------------- precision and recall


@pytest.mark.parametrize("d", [2, 40])
@pytest.mark.parametrize("k", [1, 3, 7])
def test_all_four_agree_with_scikit_learn(d: int, k: int) -> None:
    real, fake = normal(80, d, 0), 0.8 * normal(60, d, 1) + 0.3
    of_real, of_fake = balls(real, fake, k), balls(fake, real, k)
    precision, recall = precision_recall(real, fake, k)
    assert precision.item() == of_real.any(1).mean()
    assert recall.item() == of_fake.any(1).mean()
    density, coverage = density_coverage(real, fake, k)
    assert_close(density.item(), of_real.sum() / (k * 60), rtol=1e-12, atol=0)
    assert coverage.item() == of_real.any(0).mean()
    assert 0.1 < precision.item() < 1 or d == 40


def test_defaults_are_three_and_five_neighbors() -> None:
    real, fake = normal(50, 2, 0), normal(50, 2, 1)
    assert precision_recall(real, fake) == precision_recall(real, fake, 3) != precision_recall(real, fake, 2)
    assert density_coverage(real, fake) == density_coverage(real, fake, 5) != density_coverage(real, fake, 4)


def test_trap_precision_and_recall_swapped() -> None:
    """Inventing costs precision, dropping costs recall, never the other way round."""
    real = torch.cat([normal(200, 2, 0), normal(200, 2, 1) + 50])
    dropping = normal(400, 2, 2)
    inventing = torch.cat([normal(200, 2, 3), normal(200, 2, 4) + 50, normal(400, 2, 5) - 50])
    precision, recall = precision_recall(real, dropping)
    assert precision > 0.9
    assert 0.4 < recall < 0.55
    precision, recall = precision_recall(real, inventing)
    assert 0.4 < precision < 0.55
    assert recall > 0.9
    found = precision_recall(real, dropping)
    assert (found.precision, found.recall) == (found[0], found[1])
    swapped = precision_recall(dropping, real)
    assert (swapped.precision, swapped.recall) == (found.recall, found.precision)
    density, coverage = density_coverage(real, dropping)
    assert 0.9 < density < 1.1
    assert 0.4 < coverage < 0.55


def test_radius_is_that_of_the_kth_neighbor_itself_not_counted() -> None:
    real = torch.tensor([[0.0], [1.0], [3.0]])
    # k = 1: radii 1, 1, 2.  Counting itself as the first neighbor they would be 0, 0, 0.
    assert precision_recall(real, torch.tensor([[-1.0], [5.0]]), k=1).precision == 1
    assert precision_recall(real, torch.tensor([[-1.001], [5.001]]), k=1).precision == 0
    # k = 2: radii 3, 2, 3.
    assert precision_recall(real, torch.tensor([[-3.0], [6.0], [7.0]]), k=2).precision == pytest.approx(2 / 3)


@pytest.mark.parametrize("d", [1, 30])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_the_border_of_a_ball_belongs_to_it(d: int, offset: float) -> None:
    real = torch.zeros(2, d).double() + offset
    real[1] += 0.1
    fake = torch.zeros(2, d).double() + offset
    fake[:, :] -= 0.1
    fake[1] -= 0.01
    assert precision_recall(real, fake, k=1).precision == 0.5


@pytest.mark.parametrize("d", [2, 30])
def test_copies_have_balls_of_radius_zero_that_hold_the_copies(d: int) -> None:
    real = normal(5, d).repeat(4, 1) + 100  # every point four times: for k = 3 all radii are 0
    assert precision_recall(real, real[:7]) == (1.0, 5 / 20 * 4) or precision_recall(real, real[:7], 1)[0] == 1
    assert precision_recall(real, real[:7], k=3).precision == 1
    assert precision_recall(real[:7], real, k=3).recall == 1
    assert precision_recall(real, real[:7] + 1e-6, k=3).precision == 0
    assert density_coverage(real, real[:5], k=3) == (pytest.approx(4 / 3), 1.0)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**6), st.integers(4, 25), st.integers(4, 25), st.sampled_from([1, 3, 20]))
def test_invariant_and_swapping(seed: int, n: int, m: int, d: int) -> None:
    real, fake = normal(n, d, seed), normal(m, d, seed + 1)
    found = precision_recall(real, fake)
    assert precision_recall(real.flip(0), fake.flip(0)) == found
    assert precision_recall(fake, real) == found[::-1]
    turn = torch.linalg.qr(normal(d, d, seed))[0]
    assert precision_recall(5 * real @ turn + 3, 5 * fake @ turn + 3) == found
    assert density_coverage(5 * real @ turn + 3, 5 * fake @ turn + 3, k=2) == density_coverage(real, fake, k=2)
    assert precision_recall(real, real) == (1.0, 1.0)


def test_a_perfect_generator_has_the_density_and_the_coverage_of_the_formula() -> None:
    n, m, k, runs = 60, 40, 3, []
    for seed in range(150):
        found = density_coverage(normal(n, 2, seed), normal(m, 2, seed + 1000), k)
        runs.append([found.density.item(), found.coverage.item()])
    means, errors = torch.tensor(runs).mean(0), torch.tensor(runs).std(0) / 150**0.5
    coverage = 1 - math.prod((n - i) / (n + m - i) for i in range(1, k + 1))
    assert abs(means[0] - 1) < 4 * errors[0]
    assert abs(means[1] - coverage) < 4 * errors[1]
    assert errors[1] < 0.01


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.float16, torch.bfloat16])
def test_dtypes(dtype: torch.dtype) -> None:
    real, fake = normal(40, 20, 0).to(dtype), normal(30, 20, 1).to(dtype)
    for measure in (precision_recall, density_coverage):
        for value, exact in zip(measure(real, fake), measure(real.double(), fake.double())):
            assert value.dtype == dtype
            assert value.shape == ()
            assert_close(value.double(), exact, rtol=torch.finfo(dtype).eps, atol=0)
