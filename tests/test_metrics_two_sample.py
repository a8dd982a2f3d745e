"""Two-sample tests: asymptotic accuracies, calibration and power over seeds, copies, ties, determinism."""

import inspect
import math

import pytest
import scipy.integrate
import scipy.stats
import torch
from sklearn.neighbors import NearestNeighbors
from torch import Tensor
from torch.testing import assert_close

from course_gan.metrics import classifier_test, nearest_neighbor_test
from course_gan.metrics.two_sample import _Scorer


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=seeded(seed), dtype=torch.float64)


def share_below(p_values: list[float], level: float) -> float:
    return sum(p <= level for p in p_values) / len(p_values)


# ---------------------------------------------------------------- nearest neighbor


@pytest.mark.parametrize(("shift", "expected"), [(1.0, 0.6020271), (2.0, 0.7752002)])
def test_accuracy_tends_to_its_closed_form(shift: float, expected: float) -> None:
    def integrand(x: float) -> float:
        p, q = scipy.stats.norm.pdf(x), scipy.stats.norm.pdf(x, shift)
        return float(p * q / (p + q))

    assert_close(1 - scipy.integrate.quad(integrand, -10, 12)[0], expected, rtol=0, atol=5e-8)
    accuracy = nearest_neighbor_test(normal(4000, 1, 0), normal(4000, 1, 1) + shift, permutations=1).accuracy
    # Mutual neighbors triple the variance at most; four standard deviations.
    assert abs(accuracy - expected) < 4 * math.sqrt(3 * expected * (1 - expected) / 8000)


@pytest.mark.parametrize("d", [1, 3, 40])
def test_accuracy_agrees_with_scikit_learn(d: int) -> None:
    x, y = normal(40, d, 0), normal(30, d, 1) + 0.5
    pooled, who = torch.cat([x, y]), torch.arange(70) < 40
    neighbor = NearestNeighbors(n_neighbors=2, algorithm="brute").fit(pooled).kneighbors(pooled)[1][:, 1]
    expected = (who == who[neighbor]).double().mean().item()
    assert_close(nearest_neighbor_test(x, y, generator=seeded(3)).accuracy, expected, rtol=1e-12, atol=0)


def test_p_value_is_the_share_of_permutations() -> None:
    x, y = normal(12, 2, 0), normal(9, 2, 1) + 0.4
    pooled, draw = torch.cat([x, y]), seeded(5)
    labels = [torch.arange(21) < 12] + [torch.randperm(21, generator=draw) < 12 for _ in range(50)]
    apart = torch.cdist(pooled, pooled).fill_diagonal_(torch.inf)
    hits = torch.stack([(label == label[apart.argmin(1)]).sum() for label in labels])
    found = nearest_neighbor_test(x, y, permutations=50, generator=seeded(5))
    assert found.p_value == (hits >= hits[0]).double().mean().item()
    less = nearest_neighbor_test(x, y, alternative="less", permutations=50, generator=seeded(5))
    assert less.p_value == (hits <= hits[0]).double().mean().item()
    assert found.p_value + less.p_value >= 1


def test_separated_sets_score_one_and_copies_score_zero() -> None:
    x = normal(50, 3)
    far = nearest_neighbor_test(x, x + 100, permutations=99, generator=seeded())
    assert far == (1.0, 1 / 100), "never a p-value of 0"
    copied = nearest_neighbor_test(x, x.clone(), alternative="less", permutations=99, generator=seeded())
    assert copied == (0.0, 1 / 100)
    assert nearest_neighbor_test(x, x.clone(), generator=seeded()).p_value == 1


def test_ties_are_decided_by_lot_and_favor_no_set() -> None:
    """All samples equal: whoever stands first must not be everybody's neighbor."""
    same = torch.zeros(80, 1)
    accuracies = [
        nearest_neighbor_test(same[:20], same[20:], permutations=1, generator=seeded(s)).accuracy for s in range(40)
    ]
    # Everybody's neighbor is one row drawn by lot: ¼ of them right if it is of x, ¾ if of y.  By order it would be ¼.
    assert abs(sum(accuracies) / 40 - (0.25**2 + 0.75**2)) < 4 * math.sqrt(0.25 * 0.75) * 0.5 / 40**0.5
    discrete = [
        nearest_neighbor_test(
            torch.randint(4, (60, 1), generator=seeded(s)).double(),
            torch.randint(4, (60, 1), generator=seeded(s + 500)).double(),
            permutations=39,
            generator=seeded(s),
        ).p_value
        for s in range(150)
    ]
    assert share_below(discrete, 0.1) < 0.1 + 3 * math.sqrt(0.1 * 0.9 / 150)


@pytest.mark.parametrize(("n", "m", "d"), [(40, 40, 1), (25, 60, 5)])
def test_nearest_neighbor_p_value_is_calibrated(n: int, m: int, d: int) -> None:
    """The accuracy takes few values, so that p ≤ α is somewhat rarer than α; never more frequent."""
    for alternative in ("greater", "less"):
        p = [
            nearest_neighbor_test(
                normal(n, d, s), normal(m, d, s + 5000), alternative=alternative, permutations=99, generator=seeded(s)
            ).p_value
            for s in range(200)
        ]
        for level in (0.1, 0.5):
            allowed = 3 * math.sqrt(level * (1 - level) / 200)
            assert level * 0.8 - allowed < share_below(p, level) < level + allowed


def test_trap_binomial_p_value_of_the_nearest_neighbor_test() -> None:
    """Neighbors are mutual, answers depend on each other: a binomial p-value rejects too often under the null."""
    wrong, right = [], []
    for s in range(200):
        found = nearest_neighbor_test(normal(50, 1, s), normal(50, 1, s + 999), permutations=99, generator=seeded(s))
        wrong.append(float(scipy.stats.binom.sf(round(found.accuracy * 100) - 1, 100, 0.5)))
        right.append(found.p_value)
    bound = 0.05 + 3 * math.sqrt(0.05 * 0.95 / 200)
    assert share_below(wrong, 0.05) > bound
    assert share_below(right, 0.05) < bound


def test_nearest_neighbor_test_has_power() -> None:
    p = [
        nearest_neighbor_test(normal(100, 2, s), normal(100, 2, s + 99) + 1, generator=seeded(s)).p_value
        for s in range(20)
    ]
    assert share_below(p, 0.05) >= 0.8


# ---------------------------------------------------------------- classifier


@pytest.mark.parametrize("hidden", [0, 20])
def test_classifier_p_value_is_calibrated(hidden: int) -> None:
    p, accuracies = [], []
    for s in range(150):
        found = classifier_test(normal(60, 2, s), normal(60, 2, s + 999), hidden=hidden, steps=10, generator=seeded(s))
        p.append(found.p_value)
        accuracies.append(found.accuracy)
    for level in (0.1, 0.5):
        assert share_below(p, level) < level + 3 * math.sqrt(level * (1 - level) / 150)
    assert share_below(p, 0.2) > 0.08
    spread = torch.tensor(accuracies)
    # Mean ½, and a standard deviation of at most √(1 / 4n') with n' = 60; a fifth for 150 runs.
    assert abs(spread.mean().item() - 0.5) < 4 * 0.0645 / 150**0.5
    assert 0.7 * 0.0645 < spread.std().item() < 1.2 * 0.0645


def test_classifier_accuracy_reaches_bayes() -> None:
    """Held-out accuracy Φ(1/2) and Φ(1) between N(0, 1) and N(1, 1), N(2, 1)."""
    for shift, bayes in ((1.0, 0.6914625), (2.0, 0.8413447)):
        accuracy = classifier_test(normal(4000, 1, 0), normal(4000, 1, 1) + shift, generator=seeded()).accuracy
        assert abs(accuracy - bayes) < 4 * math.sqrt(bayes * (1 - bayes) / 4000)


def test_classifier_p_value_is_the_binomials_upper_tail() -> None:
    x, y = normal(50, 2, 0), normal(50, 2, 1) + 0.5
    found = classifier_test(x, y, generator=seeded())
    right = round(found.accuracy * 50)
    assert found.accuracy == right / 50
    exact = sum(math.comb(50, k) for k in range(right, 51)) / 2**50
    assert_close(found.p_value, exact, rtol=1e-10, atol=0)
    large = classifier_test(normal(1000, 2, 2), normal(1000, 2, 3), generator=seeded())
    by_normal = float(scipy.stats.norm.sf((large.accuracy - 0.5) / 0.0158114))
    assert_close(large.p_value, by_normal, rtol=0, atol=0.02)


def test_classifier_is_judged_on_samples_held_out() -> None:
    """Noise in 60 dimensions: told apart perfectly where trained, by chance elsewhere."""
    accuracies = [
        classifier_test(normal(40, 60, s), normal(40, 60, s + 99), generator=seeded(s)).accuracy for s in range(15)
    ]
    assert abs(sum(accuracies) / 15 - 0.5) < 4 * math.sqrt(0.25 / (40 * 15))


def test_the_classifier_begins_with_weights_for_rectified_units() -> None:
    (weight, bias), (last, _) = _Scorer(50, 4000, seeded(), torch.device("cpu")).layers
    # Of 200 000 and 4000 numbers the standard deviation is known to 0.2 and 1 %.
    assert_close(weight.std().item(), (2 / 50) ** 0.5, rtol=0.01, atol=0)
    assert_close(last.std().item(), (2 / 4000) ** 0.5, rtol=0.05, atol=0)
    assert not bias.any()


def test_hidden_units_see_what_a_line_does_not() -> None:
    x, y = normal(300, 2, 0), 3 * normal(300, 2, 1)
    assert classifier_test(x, y, hidden=0, generator=seeded()).p_value > 0.01
    assert classifier_test(x, y, generator=seeded()).p_value < 1e-6


def test_unequal_sets_are_thinned_so_that_guessing_the_larger_earns_nothing() -> None:
    p = [classifier_test(normal(40, 2, s), normal(400, 2, s + 99), steps=20, generator=seeded(s)) for s in range(20)]
    assert abs(sum(found.accuracy for found in p) / 20 - 0.5) < 4 * math.sqrt(0.25 / (40 * 20))
    assert all(round(found.accuracy * 40, 9).is_integer() for found in p)


def test_scale_and_offset_do_not_matter() -> None:
    x, y = normal(200, 3, 0), normal(200, 3, 1) + 1
    plain = classifier_test(x, y, generator=seeded())
    moved = classifier_test(1e-3 * x + 1000, 1e-3 * y + 1000, generator=seeded())
    assert abs(plain.accuracy - moved.accuracy) < 0.03
    assert classifier_test(torch.ones(10, 2), torch.ones(10, 2), generator=seeded()).p_value >= 0.4


@pytest.mark.parametrize("constant", [0.0, 1.0])
def test_a_feature_that_never_changes_does_not_blind_the_classifier(constant: float) -> None:
    x, y = normal(60, 2, 0), normal(60, 2, 1) + 4
    x[:, 1] = y[:, 1] = constant
    assert classifier_test(x, y, generator=seeded()).accuracy > 0.9


def test_the_order_of_the_rows_does_not_decide_what_is_trained_on() -> None:
    """Only the first half of y differs: who trains on first halves and judges by second ones sees no difference."""
    x, y = normal(200, 1, 0), normal(200, 1, 1)
    y[:100] += 8
    assert classifier_test(x, y, generator=seeded()).accuracy > 0.7
    assert classifier_test(x, torch.cat([y, y + 8]), generator=seeded()).accuracy > 0.8  # and who is thinned out


def test_an_outlier_among_the_samples_held_out_changes_nothing_for_the_others() -> None:
    x, y = normal(60, 2, 0), normal(60, 2, 1) + 4
    x[0] = 1e25
    # In about half of the runs it is held out; in the others it has the unit, and all else is 0 beside it.
    assert max(classifier_test(x, y, generator=seeded(seed)).accuracy for seed in range(6)) > 0.9


@pytest.mark.parametrize("test", [nearest_neighbor_test, classifier_test])
def test_deterministic_by_its_generator_and_leaves_the_global_one(test) -> None:  # type: ignore[no-untyped-def]
    x, y = normal(30, 2, 0).float(), normal(30, 2, 1).float()
    state = torch.get_rng_state()
    with torch.no_grad():
        first = test(x, y, generator=seeded(1))
    assert test(x, y, generator=seeded(1)) == first
    assert torch.equal(torch.get_rng_state(), state)
    assert 0 < test(x.half(), y.half()).p_value <= 1
    assert not x.requires_grad


def test_unknown_alternative_is_refused() -> None:
    with pytest.raises(ValueError, match="alternative is 'two-sided'; wanted 'greater'"):
        inspect.unwrap(nearest_neighbor_test)(normal(5, 1), normal(5, 1), alternative="two-sided")  # type: ignore[arg-type]


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 1e9), (1e200, 0.0), (1e-200, 0.0)])
def test_the_classifier_sees_samples_of_any_scale_far_from_zero(scale: float, offset: float) -> None:
    """In float32 nothing is left of them: cast before they were centered, they were told apart by chance."""
    x, y = normal(200, 2), normal(200, 2, 1) + 2
    x, y = x * scale + offset, y * scale + offset
    assert classifier_test(x, y, generator=seeded()).accuracy > 0.85
