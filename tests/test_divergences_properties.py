"""What holds for every pair of distributions: the theorems of the chapter, on examples that hypothesis searches for."""

import math

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import assume, given, settings
from torch import Tensor
from torch.testing import assert_close

from course_gan.divergences import js, kl, pearson, reverse_kl, squared_hellinger, total_variation

ALL = [kl, reverse_kl, js, total_variation, squared_hellinger, pearson]
SYMMETRIC = [js, total_variation, squared_hellinger]
LOOSE = 1e-12  # rounding in float64, of sums of at most 24 terms

SEARCH = settings(deadline=None, derandomize=True, max_examples=60)

# Weights with exact zeros, ties and a range of eight decades.
weight = st.one_of(st.just(0.0), st.just(1.0), st.floats(1e-8, 1.0))


@st.composite
def distributions(draw: st.DrawFn, count: int = 2, outcomes: int | None = None) -> list[Tensor]:
    n = outcomes or draw(st.integers(1, 8))
    rows = [torch.tensor(draw(st.lists(weight, min_size=n, max_size=n)), dtype=torch.float64) for _ in range(count)]
    assume(all(bool(row.sum() > 0) for row in rows))
    return [row / row.sum() for row in rows]


def at_most(smaller: Tensor, larger: Tensor | float, slack: float = LOOSE) -> None:
    larger = torch.as_tensor(larger, dtype=torch.float64)
    assert bool((smaller <= larger + slack * (1 + larger.abs())).all()), f"{smaller} > {larger}"


@pytest.mark.parametrize("divergence", ALL)
@SEARCH
@given(pair=distributions())
def test_a_divergence_is_never_negative_beyond_rounding(divergence, pair: list[Tensor]) -> None:
    p, q = pair
    assert divergence(p, q) >= -len(p) * torch.finfo(p.dtype).eps


@pytest.mark.parametrize("divergence", ALL)
@SEARCH
@given(pair=distributions())
def test_a_divergence_is_zero_between_equals_and_only_there(divergence, pair: list[Tensor]) -> None:
    p, q = pair
    assert divergence(p, p.clone()) == 0
    gap = (p - q).abs().max()
    # Each of them is at least TV² / 2 >= gap² / 2, by the inequalities below.
    assert divergence(p, q) >= gap**2 / 2 - 1e-14


@pytest.mark.parametrize("divergence", SYMMETRIC)
@SEARCH
@given(pair=distributions())
def test_js_tv_and_hellinger_are_symmetric(divergence, pair: list[Tensor]) -> None:
    assert_close(divergence(*pair), divergence(*reversed(pair)), rtol=1e-12, atol=1e-15)


@SEARCH
@given(pair=distributions())
def test_reverse_kl_is_kl_of_the_swapped_pair(pair: list[Tensor]) -> None:
    p, q = pair
    assert_close(reverse_kl(p, q), kl(q, p), rtol=0, atol=0)


def test_kl_is_not_symmetric() -> None:
    p, q = torch.tensor([0.9, 0.1]), torch.tensor([0.5, 0.5])
    assert (kl(p, q) - kl(q, p)).abs() > 0.1


@SEARCH
@given(pair=distributions())
def test_js_is_at_most_log_two_and_log_two_for_disjoint_supports_only(pair: list[Tensor]) -> None:
    p, q = pair
    value = js(p, q)
    at_most(value, math.log(2))
    overlap = torch.minimum(p, q).sum()
    # JS <= log 2 · TV (Lin), so an overlap of 1 - TV keeps JS that far from log 2.
    at_most(value, math.log(2) * (1 - overlap))
    if overlap == 0:
        assert_close(value, torch.tensor(math.log(2), dtype=torch.float64), rtol=1e-14, atol=0)


@SEARCH
@given(pair=distributions())
def test_tv_and_hellinger_are_at_most_one(pair: list[Tensor]) -> None:
    at_most(total_variation(*pair), 1)
    at_most(squared_hellinger(*pair), 1)


@SEARCH
@given(pair=distributions())
def test_pinsker(pair: list[Tensor]) -> None:
    at_most(2 * total_variation(*pair) ** 2, kl(*pair))


@SEARCH
@given(pair=distributions())
def test_tv_lies_between_squared_hellinger_and_root_two_hellinger(pair: list[Tensor]) -> None:
    squared, tv = squared_hellinger(*pair), total_variation(*pair)
    at_most(squared, tv)
    at_most(tv, (2 * squared).sqrt())


@SEARCH
@given(pair=distributions())
def test_kl_is_at_most_the_logarithm_of_one_plus_pearson(pair: list[Tensor]) -> None:
    at_most(kl(*pair), pearson(*pair).log1p())


@SEARCH
@given(pair=distributions())
def test_jeffreys_is_at_least_eight_js(pair: list[Tensor]) -> None:
    p, q = pair
    at_most(8 * js(p, q), kl(p, q) + reverse_kl(p, q))


@SEARCH
@given(pair=distributions())
def test_squared_hellinger_is_one_minus_the_overlap_of_the_roots(pair: list[Tensor]) -> None:
    p, q = pair
    assert_close(squared_hellinger(p, q), 1 - (p * q).sqrt().sum(), rtol=0, atol=LOOSE)


@SEARCH
@given(pair=distributions())
def test_total_variation_is_the_largest_gap_over_events(pair: list[Tensor]) -> None:
    p, q = pair
    events = torch.cartesian_prod(*[torch.tensor([0.0, 1.0], dtype=torch.float64)] * len(p)).reshape(-1, len(p))
    assert_close(total_variation(p, q), (events @ (p - q)).max(), rtol=0, atol=LOOSE)


@SEARCH
@given(pair=distributions())
def test_js_is_the_mean_kl_from_the_mixture(pair: list[Tensor]) -> None:
    p, q = pair
    mixture = (p + q) / 2
    assert_close(js(p, q), (kl(p, mixture) + kl(q, mixture)) / 2, rtol=0, atol=LOOSE)


METRICS = [lambda p, q: js(p, q).sqrt(), total_variation, lambda p, q: squared_hellinger(p, q).sqrt()]


@pytest.mark.parametrize("metric", METRICS)
@SEARCH
@given(triple=distributions(count=3))
def test_root_js_tv_and_hellinger_obey_the_triangle_inequality(metric, triple: list[Tensor]) -> None:
    p, q, r = triple
    at_most(metric(p, r), metric(p, q) + metric(q, r), slack=1e-8)


@pytest.mark.parametrize("divergence", ALL)
@SEARCH
@given(four=distributions(count=4), t=st.floats(0.01, 0.99))
def test_divergences_are_jointly_convex(divergence, four: list[Tensor], t: float) -> None:
    p1, q1, p2, q2 = four
    mixed = divergence(t * p1 + (1 - t) * p2, t * q1 + (1 - t) * q2)
    at_most(mixed, t * divergence(p1, q1) + (1 - t) * divergence(p2, q2))


@pytest.mark.parametrize("divergence", ALL)
@SEARCH
@given(rows=distributions(count=6, outcomes=4), seed=st.integers(0, 2**31))
def test_a_channel_cannot_increase_a_divergence(divergence, rows: list[Tensor], seed: int) -> None:
    p, q = rows[:2]
    channel = torch.stack(rows[2:])  # channel[x] is the distribution of the output for input x
    out_p, out_q = p @ channel, q @ channel
    at_most(divergence(out_p / out_p.sum(), out_q / out_q.sum()), divergence(p, q))


@SEARCH
@given(rows=distributions(count=8, outcomes=3))
def test_kl_obeys_the_chain_rule(rows: list[Tensor]) -> None:
    p, q, *conditionals = rows
    p_given, q_given = torch.stack(conditionals[:3]), torch.stack(conditionals[3:])
    joint_p, joint_q = (p[:, None] * p_given).flatten(), (q[:, None] * q_given).flatten()
    inner = kl(p_given, q_given)
    expected = kl(p, q) + torch.where(p > 0, p * inner, 0).sum()
    assert_close(kl(joint_p, joint_q), expected, rtol=1e-9, atol=LOOSE)


@SEARCH
@given(rows=distributions(count=4, outcomes=3))
def test_kl_of_independent_pairs_adds(rows: list[Tensor]) -> None:
    p1, q1, p2, q2 = rows
    joint = kl(torch.outer(p1, p2).flatten(), torch.outer(q1, q2).flatten())
    assert_close(joint, kl(p1, q1) + kl(p2, q2), rtol=1e-9, atol=LOOSE)


@pytest.mark.parametrize("divergence", ALL)
@SEARCH
@given(pair=distributions(outcomes=6), order=st.permutations(range(6)))
def test_names_of_the_outcomes_do_not_matter(divergence, pair: list[Tensor], order: list[int]) -> None:
    p, q = pair
    assert_close(divergence(p[order], q[order]), divergence(p, q), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("divergence", ALL)
@SEARCH
@given(pair=distributions())
def test_an_outcome_that_neither_has_changes_nothing(divergence, pair: list[Tensor]) -> None:
    padded = [torch.cat([torch.zeros(2, dtype=torch.float64), row]) for row in pair]
    assert_close(divergence(*padded), divergence(*pair), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("divergence", ALL)
@SEARCH
@given(pair=distributions(), share=st.floats(0.1, 0.9))
def test_splitting_an_outcome_in_fixed_proportion_changes_nothing(divergence, pair: list[Tensor], share: float) -> None:
    split = [torch.cat([row[:1] * share, row[:1] * (1 - share), row[1:]]) for row in pair]
    assert_close(divergence(*split), divergence(*pair), rtol=1e-9, atol=LOOSE)
