"""Batches: each row once an epoch, the same for the same seed, exact on resume, and no row for two ranks."""

import inspect
import itertools
import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from torch.testing import assert_close

from course_gan.data import Batches, Mixture, Unpaired, glyphs, ring, to_float, two_futures


def take(batches, k):
    return list(itertools.islice(batches, k))


def rows(n):
    """A source whose rows say their number."""
    return torch.arange(n, dtype=torch.float32)[:, None]


def same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second):
        assert_close(a, b, rtol=0, atol=0)


@settings(deadline=None, max_examples=40)
@given(n=st.integers(1, 40), size=st.integers(1, 10), world=st.integers(1, 4), seed=st.integers(0, 2**40))
def test_an_epoch_uses_each_row_at_most_once_over_all_ranks_and_drops_less_than_one_step(n, size, world, seed):
    if n < size * world:
        return
    ranks = [Batches(rows(n), size, seed=seed, rank=rank, world=world) for rank in range(world)]
    steps = ranks[0].steps_per_epoch
    assert n - steps * size * world < size * world
    for _ in range(2):
        seen = torch.cat([x for batches in ranks for x in take(batches, steps)]).flatten().tolist()
        assert len(seen) == len(set(seen)) == steps * size * world


@settings(deadline=None, max_examples=20)
@given(steps=st.integers(0, 25), seed=st.integers(0, 1000))
def test_the_union_over_ranks_is_the_same_for_every_world(steps, seed):
    alone = Batches(rows(50), 12, seed=seed)
    for world in (2, 3, 4):
        ranks = [Batches(rows(50), 12 // world, seed=seed, rank=rank, world=world) for rank in range(world)]
        for batches in (alone, *ranks):
            batches.load_state_dict({**batches.state_dict(), "step": steps})
        assert_close(torch.cat([next(batches) for batches in ranks]), next(alone), rtol=0, atol=0)


def test_trap_sampler_rank_is_local_rank():
    """Two machines of two processes: by their numbers on the machine, 0 1 0 1, each machine sees the same half."""

    def seen(ranks):
        return [tuple(next(Batches(rows(8), 2, rank=rank, world=4)).flatten().tolist()) for rank in ranks]

    wrong, right = seen([0, 1, 0, 1]), seen([0, 1, 2, 3])
    assert len(set(wrong)) == 2
    assert sorted(itertools.chain(*right)) == [0, 1, 2, 3, 4, 5, 6, 7]
    drawn = [next(Batches(ring(), 2, rank=rank, world=4)) for rank in range(4)]
    assert all(not torch.equal(a, b) for a, b in itertools.combinations(drawn, 2))


def test_trap_resume_compares_instead_of_assigning():
    """`topk == state["topk"]` on resume compares, and goes on from the start: every number of a state must be taken."""
    batches = Batches(rows(10), 2, seed=1)
    take(batches, 7)
    resumed = Batches(rows(10), 2, seed=1)
    resumed.load_state_dict(batches.state_dict())
    assert resumed.state_dict() == batches.state_dict()
    assert resumed.step == 7
    same(take(resumed, 9), take(batches, 9))


@pytest.mark.parametrize("done", [0, 1, 4, 5, 7, 10, 13])
@pytest.mark.parametrize(
    "source",
    [rows(11), (rows(11), torch.arange(11)), ring(), lambda n, generator: glyphs(n, generator)],
    ids=["rows", "rows and labels", "mixture", "sampler"],
)
def test_resumed_equals_uninterrupted_bit_for_bit_in_the_middle_of_an_epoch_too(source, done):
    whole = [x if isinstance(x, tuple) else (x,) for x in take(Batches(source, 2, seed=3), done + 8)]
    batches = Batches(source, 2, seed=3)
    take(batches, done)
    state = json.loads(json.dumps(batches.state_dict()))  # plain numbers, whatever they are kept in
    resumed = Batches(source, 2, seed=3)
    take(resumed, 4)  # also from a source that has been used
    resumed.load_state_dict(state)
    rest = [x if isinstance(x, tuple) else (x,) for x in take(resumed, 8)]
    for a, b in zip(rest, whole[done:], strict=True):
        same(a, b)


def test_taking_a_state_changes_nothing():
    first, second = Batches(rows(10), 3, seed=2), Batches(rows(10), 3, seed=2)
    for _ in range(8):
        second.state_dict()
        assert_close(next(first), next(second), rtol=0, atol=0)


def test_each_epoch_has_an_order_of_its_own_and_each_seed():
    batches = Batches(rows(100), 100, seed=0)
    first, second = next(batches), next(batches)
    other = next(Batches(rows(100), 100, seed=1))
    assert sorted(first.flatten().tolist()) == list(range(100))
    for a, b in ((first, second), (first, other), (second, other), (first, rows(100))):
        assert (a == b).float().mean() < 0.1
    assert batches.epoch == 2


def test_every_order_is_equally_likely():
    orders = dict.fromkeys(itertools.permutations(range(4)), 0)
    batches = Batches(rows(4), 4, seed=0)
    for _ in range(4800):
        orders[tuple(int(x) for x in next(batches).flatten())] += 1
    assert stats.chisquare(list(orders.values())).pvalue > 1e-3


def test_a_sampler_draws_anew_each_step_for_each_rank_and_seed_and_in_its_distribution():
    def uniform(n, generator):
        return torch.rand(n, 1, generator=generator, dtype=torch.float64)

    ranks = [Batches(uniform, 5, seed=seed, rank=rank, world=2) for seed in (0, 1) for rank in (0, 1)]
    drawn = torch.stack([torch.cat(take(batches, 500)) for batches in ranks]).flatten()
    assert len(drawn.unique()) == len(drawn) == 10_000
    assert stats.kstest(drawn.numpy(), "uniform").pvalue > 1e-3
    # Neighboring steps have neighboring seeds: the first numbers of each must be as independent as all others.
    firsts = drawn[::5].numpy()
    assert stats.kstest(firsts, "uniform").pvalue > 1e-3
    assert abs(stats.pearsonr(firsts[1:], firsts[:-1]).statistic) < 4 / len(firsts) ** 0.5


def test_batches_are_not_the_numbers_that_another_generator_of_the_same_seed_draws():
    """Otherwise a latent z drawn with the seed of the run would be the noise of the data: a generator could copy it."""
    drawn = next(Batches(lambda n, generator: torch.randn(n, 3, generator=generator), 4, seed=0))
    assert not torch.equal(drawn, torch.randn(4, 3, generator=torch.Generator().manual_seed(0)))
    order = next(Batches(rows(50), 50, seed=0)).flatten().long()
    assert not torch.equal(order, torch.randperm(50, generator=torch.Generator().manual_seed(0)))


def test_global_random_state_is_neither_used_nor_changed():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = take(Batches(rows(10), 3), 5) + take(Batches(ring(), 3), 5)
    assert_close(torch.get_rng_state(), before, rtol=0, atol=0)
    torch.manual_seed(2)
    same(take(Batches(rows(10), 3), 5) + take(Batches(ring(), 3), 5), first)


def test_rows_of_a_tuple_stay_together():
    x, labels = next(Batches((rows(30), torch.arange(30)), 10, seed=4))
    assert_close(x[:, 0].long(), labels, rtol=0, atol=0)
    assert labels.dtype == torch.int64


def test_bytes_become_numbers_between_minus_one_and_one_and_nothing_else_changes():
    images = torch.randint(256, (20, 3, 4, 4), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    labels, weights = torch.arange(20, dtype=torch.uint8), torch.rand(20, dtype=torch.float64)
    x, y, w = next(Batches((images, labels, weights), 20, seed=0))
    assert (x.dtype, y.dtype, w.dtype) == (torch.float32, torch.uint8, torch.float64)
    assert_close(x, to_float(images[y.long()]), rtol=0, atol=0)
    assert_close(w, weights[y.long()], rtol=0, atol=0)


def test_the_source_is_kept_as_bytes_and_is_not_changed():
    images = torch.full((4, 1, 2, 2), 7, dtype=torch.uint8)
    batches = Batches(images, 2)
    next(batches).zero_()
    assert (images == 7).all()
    assert images.data_ptr() == batches._tensors[0].data_ptr()  # resident, not copied, where it is there already


def test_bytes_of_a_sampler_become_numbers_too():
    def bytes_of(n, generator):
        return torch.randint(256, (n, 1, 2, 2), dtype=torch.uint8, generator=generator), torch.zeros(n).long()

    x, _ = next(Batches(bytes_of, 3))
    assert x.dtype == torch.float32
    assert x.min() >= -1
    assert x.max() <= 1


def test_images_come_with_channels_last_if_asked_with_the_same_values():
    images = torch.randint(256, (6, 3, 4, 4), dtype=torch.uint8)
    last, first = next(Batches(images, 4, channels_last=True)), next(Batches(images, 4))
    assert last.is_contiguous(memory_format=torch.channels_last)
    assert not last.is_contiguous()
    assert first.is_contiguous()
    assert_close(last, first, rtol=0, atol=0)
    assert next(Batches(rows(6), 4, channels_last=True)).shape == (4, 1)


def test_what_is_handed_out_carries_no_graph_of_the_source():
    assert not next(Batches(rows(4).requires_grad_(), 2)).requires_grad


def test_samplers_of_the_package_are_sources():
    past, following, direction = next(Batches(two_futures, 3))
    assert past.shape == (3, 3, 16, 16)
    assert following.shape == (3, 1, 16, 16)
    assert direction.shape == (3,)
    x = next(Batches(ring(), 5))
    assert x.shape == (5, 2)
    assert next(Batches([rows(4), rows(4)], 2))[1].shape == (2, 1)


def test_a_sampler_that_gives_one_tensor_gives_it_bare_and_a_tuple_of_one_stays_a_tuple():
    assert isinstance(next(Batches(ring(), 2)), torch.Tensor)
    assert isinstance(next(Batches((rows(4),), 2)), tuple)
    assert isinstance(next(Batches(lambda n, generator: (torch.zeros(n),), 2)), tuple)


def test_a_sampler_has_no_epochs():
    batches = Batches(ring(), 2)
    take(batches, 3)
    assert (batches.rows, batches.steps_per_epoch, batches.epoch, batches.step) == (0, 0, 0, 3)


@pytest.mark.parametrize(
    ("other", "message"),
    [
        (lambda: Batches(rows(11), 2, seed=1), "rows is 10 there and 11 here"),
        (lambda: Batches(rows(10), 3, seed=1), "rows_per_step is 2 there and 3 here"),
        (lambda: Batches(rows(10), 2, seed=2), "seed is 1 there and 2 here"),
        (lambda: Batches(rows(10), 2, seed=1, world=2), "rows_per_step is 2 there and 4 here"),
        (lambda: Batches(ring(), 2, seed=1), "rows is 10 there and 0 here"),
    ],
)
def test_the_state_of_other_batches_is_refused_and_nothing_changes(other, message):
    state = Batches(rows(10), 2, seed=1).state_dict() | {"step": 3}
    batches = other()
    with pytest.raises(ValueError, match=message):
        batches.load_state_dict(state)
    assert batches.step == 0


def test_a_run_goes_on_with_another_number_of_processes_where_the_rows_of_a_step_agree():
    one = Batches(rows(20), 4, seed=1)
    take(one, 3)
    two = [Batches(rows(20), 2, seed=1, rank=rank, world=2) for rank in (0, 1)]
    for batches in two:
        batches.load_state_dict(one.state_dict())
    assert_close(torch.cat([next(batches) for batches in two]), next(one), rtol=0, atol=0)
    with pytest.raises(ValueError, match="sampler_world is 1 there and 2 here"):
        Batches(ring(), 2, rank=0, world=2).load_state_dict(Batches(ring(), 4).state_dict())


def test_the_state_of_one_rank_serves_all():
    """So that a checkpoint written by the first process is enough."""
    ranks = [Batches(ring(), 4, seed=1, rank=rank, world=2) for rank in (0, 1)]
    for batches in ranks:
        take(batches, 5)
    assert ranks[0].state_dict() == ranks[1].state_dict()
    resumed = Batches(ring(), 4, seed=1, rank=1, world=2)
    resumed.load_state_dict(ranks[0].state_dict())
    assert_close(next(resumed), next(ranks[1]), rtol=0, atol=0)


def test_states_that_are_none_are_refused():
    load = inspect.unwrap(Batches.load_state_dict)
    with pytest.raises(ValueError, match="no step, seed"):
        load(Batches(rows(4), 2), {})
    with pytest.raises(ValueError, match="step is -1"):
        load(Batches(rows(4), 2), Batches(rows(4), 2).state_dict() | {"step": -1})


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ((rows(5), 6), {}, ValueError, "5 rows.*takes 6 for each of 1.*size at most 5"),
        ((rows(5), 2), {"world": 3}, ValueError, "takes 2 for each of 3.*at least 6"),
        ((rows(5), 0), {}, ValueError, "size is 0"),
        ((rows(5), 2), {"rank": 1}, ValueError, r"rank is 1 and world is 1.*LOCAL_RANK"),
        ((rows(5), 2), {"rank": -1}, ValueError, "rank is -1"),
        ((rows(5), 2), {"world": 0}, ValueError, "world is 0"),
        ((rows(5), 2), {"seed": -1}, ValueError, "seed is -1"),
        ((rows(5), 2), {"seed": 0.5}, ValueError, "seed is 0.5"),
        (((rows(5), rows(4)), 2), {}, ValueError, r"shapes \[\(5, 1\), \(4, 1\)\]"),
        ((torch.tensor(1.0), 1), {}, ValueError, r"shapes \[\(\)\]"),
        (((), 1), {}, ValueError, r"shapes \[\]"),
        (((rows(5), [1, 2]), 1), {}, TypeError, "holds a list"),
        (([[1.0, 2.0]], 1), {}, TypeError, "holds a list"),
        (("MNIST", 1), {}, TypeError, "The source is a str"),
        ((torch.zeros(5, 28, 28, dtype=torch.uint8), 1), {}, ValueError, r"images\[:, None\]"),
    ],
)
def test_sources_and_settings_that_make_no_sense_are_refused(arguments, options, error, message):
    batches = object.__new__(Batches)
    with pytest.raises(error, match=message):
        inspect.unwrap(Batches.__init__)(batches, *arguments, **options)


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        (lambda n, generator: torch.zeros(n + 1), r"asked for 3 rows and gave shape \(4,\)"),
        (lambda n, generator: torch.tensor(0.0), r"gave shape \(\)"),
        (lambda n, generator: (torch.zeros(n), torch.zeros(1)), r"gave shape \(1,\)"),
        (lambda n, generator: [[0.0]] * n, "gave a list"),
        (lambda n, generator: None, "gave a NoneType"),
        (lambda n, generator: {"x": torch.zeros(n)}, "gave a dict"),
        (lambda n, generator: (), "gave a tuple"),
    ],
)
def test_a_sampler_that_gives_something_else_is_named(sampler, message):
    with pytest.raises(ValueError, match=message):
        next(Batches(sampler, 3))


def test_unpaired_domains_have_lengths_and_orders_of_their_own():
    batches = Unpaired(rows(10), rows(7) + 100, 2, seed=0)
    drawn = take(batches, 15)
    a, b = torch.cat([a for a, _ in drawn]), torch.cat([b for _, b in drawn]) - 100
    assert sorted(a[:10].flatten().tolist()) == list(range(10))
    for epoch in range(5):  # of b, three batches long
        part = b[6 * epoch : 6 * epoch + 6].flatten().tolist()
        assert len(set(part)) == 6
        assert set(part) <= set(range(7))
    assert batches.step == 15


def test_trap_unpaired_domains_of_one_length_come_in_pairs():
    """With one order for both, row i of A would always come with row i of B: paired training by accident."""
    wrong = zip(Batches(rows(100), 10, seed=0), Batches(rows(100), 10, seed=0))
    assert all((a == b).all() for a, b in itertools.islice(wrong, 10))
    drawn = take(Unpaired(rows(100), rows(100), 10, seed=0), 10)
    assert torch.cat([a == b for a, b in drawn]).float().mean() < 0.1
    z_a, z_b = next(Unpaired(ring(), ring(), 10, seed=0))
    assert not torch.equal(z_a, z_b)


@pytest.mark.parametrize("done", [0, 3, 8])
def test_unpaired_resumed_equals_uninterrupted(done):
    make = lambda seed=1, n=7: Unpaired(rows(10), (rows(n), torch.arange(n)), 2, seed=seed)  # noqa: E731
    batches, resumed = make(), make()
    take(batches, done)
    resumed.load_state_dict(json.loads(json.dumps(batches.state_dict())))
    for (a, (b, label)), (a2, (b2, label2)) in zip(take(batches, 9), take(resumed, 9), strict=True):
        same((a, b, label), (a2, b2, label2))
    for other in (make(2), make(n=8)):
        with pytest.raises(ValueError, match="other batches"):
            other.load_state_dict(batches.state_dict())
        assert other.step == 0


def test_unpaired_shards_by_rank():
    ranks = [Unpaired(rows(8), rows(8), 2, rank=rank, world=2) for rank in (0, 1)]
    for domain in (0, 1):
        seen = [next(iter(b))[domain] for b in [Unpaired(rows(8), rows(8), 2, rank=r, world=2) for r in (0, 1)]]
        assert len(set(torch.cat(seen).flatten().tolist())) == 4
    assert ranks[0].world == 2
    with pytest.raises(ValueError, match="rank is 2"):
        Unpaired(rows(8), rows(8), 2, rank=2, world=2)


def test_mixtures_draw_the_same_for_every_kind_of_call():
    mixture = Mixture(torch.zeros(1, 2), 1.0)
    assert_close(next(Batches(mixture, 4)), next(Batches(mixture.sample, 4)), rtol=0, atol=0)


def test_too_few_rows_for_any_size_are_not_told_to_make_it_zero() -> None:
    for rows, world in ((0, 1), (3, 4)):
        with pytest.raises(ValueError, match=rf"too few for {world} process"):
            inspect.unwrap(Batches.__init__)(Batches.__new__(Batches), torch.zeros(rows, 2), 1, world=world)


def test_what_a_sampler_draws_has_no_graph() -> None:
    network = torch.nn.Linear(2, 2)
    batch = next(Batches(lambda n, generator: network(torch.randn(n, 2, generator=generator)), 3))
    assert isinstance(batch, torch.Tensor)
    assert not batch.requires_grad
