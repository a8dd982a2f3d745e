"""The two futures: both are right, equally likely, and their average is a ghost that is seen as one."""

import inspect
import pickle

import pytest
import torch
from scipy import stats
from torch.testing import assert_close

from course_gan.data import VERDICTS, Batches, both_futures, conditional_mean, ghost, sides, two_futures, verdict

LEFT, RIGHT, GHOST, NEITHER = range(4)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.fixture(params=[16, 20, 24, 32, 45])
def film(request):
    return two_futures(64, seeded(), size=request.param)


def test_verdicts_are_named_in_order():
    assert VERDICTS == ("left", "right", "ghost", "neither")


def test_the_next_frame_is_one_of_the_two_futures_found_from_the_past_alone(film):
    left, right = both_futures(film.past)
    side = film.direction[:, None, None, None]
    assert_close(film.next, torch.where(side == 0, left, right), rtol=0, atol=1e-6)


def test_left_is_left_in_the_image(film):
    """The bright pixels of the left future lie to the left of those of the last frame seen, at the same height."""
    left, right = both_futures(film.past)

    def place(frames):
        bright = (frames > 0.5).double()
        ticks = torch.arange(frames.shape[-1], dtype=torch.float64)
        total = bright.sum((1, 2))
        return bright.sum(2) @ ticks / total, bright.sum(1) @ ticks / total

    (row, fork), (row_left, at_left), (row_right, at_right) = map(place, (film.past[:, -1], left[:, 0], right[:, 0]))
    reach = torch.full_like(fork, 5 * film.past.shape[-1] / 16)
    assert_close(fork - at_left, reach, rtol=0, atol=0.51)
    assert_close(at_right - fork, reach, rtol=0, atol=0.51)
    assert_close(row_left, row, rtol=0, atol=0.3)
    assert_close(row_right, row, rtol=0, atol=0.3)


def test_the_walker_comes_up_to_the_fork_and_stays_inside_the_frame(film):
    ticks = torch.arange(film.past.shape[-1], dtype=torch.float32)
    bright = (film.past > 0.5).float()
    rows = (bright.sum(3) @ ticks) / bright.sum((2, 3))
    assert (rows.diff(dim=1) < -2).all()
    area = bright.sum((2, 3))
    assert (area >= 5).all()
    # as much of the walker in every frame: none of him is cut off by the edge of the image
    assert_close(area, area[:, -1:].expand_as(area), rtol=0.35, atol=0)


def test_the_way_from_below_ends_at_the_fork(film):
    """With a third way, straight on, there would be three futures."""
    wall = torch.tensor(-0.4).expand(64, 3, film.past.shape[-1])
    assert_close(film.past[:, :, 0], wall, rtol=0, atol=0)
    assert (film.past[:, :, -1] < -0.9).any(-1).all()  # and comes from the lower edge


def test_the_two_walkers_do_not_touch(film):
    empty = conditional_mean(film.past).minimum(film.past.amin(1, keepdim=True))
    left, right = both_futures(film.past)
    assert ((left - right).clamp(min=0) * (right - left).clamp(min=0)).sum() == 0
    assert_close((left - empty).clamp(min=0).sum() > 0, torch.tensor(True))
    assert_close(sides(left, film.past), torch.tensor([[1.0, 0.0]]).expand(64, 2), rtol=0, atol=1e-5)


def test_past_does_not_tell_the_side():
    """The frames seen are the same for both sides: regrouped by their last frame, sides split evenly in every group."""
    film = two_futures(20_000, seeded())
    _, group = film.past.flatten(1).unique(dim=0, return_inverse=True)
    table = torch.zeros(int(group.max()) + 1, 2)
    table.index_put_((group, film.direction), torch.ones(len(group)), accumulate=True)
    assert len(table) == 6  # two columns, three rows of the fork
    assert stats.chi2_contingency(table.numpy()).pvalue > 1e-3
    assert stats.binomtest(int(film.direction.sum()), 20_000).pvalue > 1e-3
    assert stats.chisquare(table.sum(1).numpy()).pvalue > 1e-3


@pytest.mark.parametrize("left", [0.0, 0.2, 1.0, 1])
def test_the_chance_of_left_is_the_one_asked_for(left):
    direction = two_futures(4000, seeded(), left=left).direction
    error = (left * (1 - left) / 4000) ** 0.5
    assert abs((direction == 0).double().mean() - left) <= 4 * error


def test_the_average_of_many_next_frames_is_the_conditional_mean():
    film = two_futures(6000, seeded(1), left=0.3)
    same = (film.past == film.past[:1]).flatten(1).all(1)
    frames = film.next[same]
    mean = conditional_mean(film.past[:1], 0.3)[0]
    errors = frames.std(0) / len(frames) ** 0.5
    assert ((frames.mean(0) - mean).abs() <= 4 * errors + 1e-6).all()
    left, right = both_futures(film.past)
    assert_close(conditional_mean(film.past), (left + right) / 2)


def test_least_squares_has_its_minimum_at_the_conditional_mean():
    film = two_futures(2000, seeded(2))
    loss = lambda guess: (guess - film.next).square().mean()  # noqa: E731
    best = loss(conditional_mean(film.past))
    for guess in both_futures(film.past):
        assert loss(guess) > 1.5 * best


def test_sides_are_the_weights_of_a_mixed_frame(film):
    left, right = both_futures(film.past)
    empty = torch.minimum(left, right)
    for a, b in ((1.0, 0.0), (0.0, 1.0), (0.5, 0.5), (0.3, 0.1), (0.0, 0.0), (1.0, 1.0)):
        frame = empty + a * (left - empty) + b * (right - empty)
        assert_close(sides(frame, film.past), torch.tensor([[a, b]]).expand(64, 2), rtol=0, atol=1e-5)


def test_ghost_is_zero_for_right_frames_one_for_the_average_and_in_between_else(film):
    left, right = both_futures(film.past)
    for frame, score in ((left, 0.0), (right, 0.0), (conditional_mean(film.past), 1.0)):
        assert_close(ghost(frame, film.past), torch.full((64,), score), rtol=0, atol=1e-5)
    assert_close(ghost(conditional_mean(film.past, 0.8), film.past), torch.full((64,), 0.4), rtol=0, atol=1e-5)
    assert_close(ghost(left + right - torch.minimum(left, right), film.past), torch.ones(64))  # two walkers


def test_verdict_tells_left_right_ghost_and_neither(film):
    left, right = both_futures(film.past)
    empty = torch.minimum(left, right)
    cases = [
        (left, LEFT),
        (right, RIGHT),
        (conditional_mean(film.past), GHOST),
        (empty, NEITHER),
        (left + right - empty, GHOST),
        (empty + 0.5 * (left - empty), NEITHER),
        (empty + 0.8 * (left - empty) + 0.2 * (right - empty), LEFT),
        (empty + 0.2 * (left - empty) + 0.8 * (right - empty), RIGHT),
        (empty + 1.5 * (left - empty), NEITHER),
        (right - (left - empty), NEITHER),  # a walker on the right, and a hole on the left
        (left - (right - empty), NEITHER),
        (torch.full_like(empty, -1.0), NEITHER),
    ]
    for frame, expected in cases:
        assert (verdict(frame, film.past) == expected).all(), expected
    assert (verdict(empty + 0.8 * (left - empty), film.past, tolerance=0.1) == NEITHER).all()


def test_measures_survive_the_noise_of_a_network():
    film = two_futures(200, seeded(3))
    noise = 0.1 * torch.randn(film.next.shape, generator=seeded(4))
    assert (verdict(film.next + noise, film.past) == film.direction).all()
    assert (verdict(conditional_mean(film.past) + noise, film.past) == GHOST).all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_measures_keep_the_dtype_of_the_prediction(dtype):
    film = two_futures(8, seeded())
    frame, past = film.next.to(dtype), film.past.to(dtype)
    assert sides(frame, past).dtype == ghost(frame, past).dtype == both_futures(past)[0].dtype == dtype
    assert_close(sides(frame, past).float(), torch.eye(2)[film.direction], rtol=0, atol=0.02)
    assert (verdict(frame, past) == film.direction).all()


def test_the_measure_of_a_prediction_has_a_gradient():
    film = two_futures(2, seeded())
    frame = film.next.clone().requires_grad_()
    sides(frame, film.past).sum().backward()
    assert frame.grad.abs().sum() > 0


def test_frames_are_seeded_gray_values_of_the_size_and_length_asked_for():
    film = two_futures(5, seeded(), size=24, past=2)
    again = two_futures(5, seeded(), size=24, past=2)
    assert film.past.shape == (5, 2, 24, 24)
    for a, b in zip(film, again):
        assert_close(a, b, rtol=0, atol=0)
    assert film.past.min() == -1
    assert film.past.max() == 1
    assert two_futures(3, seeded(), past=1).past.shape == (3, 1, 16, 16)
    assert two_futures(0).past.shape == (0, 3, 16, 16)
    assert pickle.loads(pickle.dumps(two_futures))(2, seeded()).direction.shape == (2,)
    assert len(next(Batches(two_futures, 4))) == 3


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: two_futures(-1), "n is -1"),
        (lambda: two_futures(1, size=15), "size is 15"),
        (lambda: two_futures(1, past=0), "past is 0"),
        (lambda: two_futures(1, left=1.5), "left is 1.5"),
        (lambda: conditional_mean(two_futures(1).past, -0.1), "left is -0.1"),
        (lambda: verdict(two_futures(1).next, two_futures(1).past, 0.5), "tolerance is 0.5"),
        (lambda: inspect.unwrap(sides)(torch.zeros(2, 16, 16), two_futures(2).past), r"wanted \(2, 1, 16, 16\)"),
        (lambda: inspect.unwrap(both_futures)(torch.zeros(2, 3, 16, 15)), r"past has shape \(2, 3, 16, 15\)"),
        (lambda: inspect.unwrap(both_futures)(torch.zeros(2, 3, 8, 8)), "size, size"),
        (lambda: inspect.unwrap(both_futures)(two_futures(2).past.long()), "past has dtype torch.int64"),
        (lambda: inspect.unwrap(sides)(two_futures(2).next.long(), two_futures(2).past), "prediction has dtype"),
        (lambda: both_futures(torch.zeros(2, 3, 16, 16)), r"in the last frame of past\[0\] is 0; wanted some"),
        (lambda: both_futures(two_futures(2).past * torch.nan), "in the last frame of past"),
    ],
)
def test_what_makes_no_sense_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
