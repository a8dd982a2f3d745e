"""Settings, optimizers and schedules."""

import copy
import dataclasses
import inspect
import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing import assert_close

from course_gan.train.optimizers import all_finite, factor, optimizer, set_rate, update
from course_gan.train.settings import Settings, as_plain, differences


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("steps", 0), ("steps", 1.5), ("batch", 0), ("critic_steps", 0), ("tick", 0), ("checkpoint", -1), ("seed", -1),
        ("optimizer", "adamw"), ("schedule", "step"), ("precision", "float16"), ("critic_rate", -1e-4),
        ("generator_rate", float("nan")), ("clip", 0.0), ("ema", 1.0), ("ema", -0.1), ("betas", (0.5, 1.0)),
        ("betas", (0.5,)), ("betas", (0.5, float("nan"))),
    ],
)  # fmt: skip
def test_settings_that_mean_nothing_are_refused_by_name(name: str, value: object) -> None:
    chosen = object.__new__(Settings)  # past the checks of types, which are there in tests only
    for key, given in {**vars(Settings(steps=10)), name: value}.items():
        object.__setattr__(chosen, key, given)
    with pytest.raises(ValueError, match=name):
        inspect.unwrap(Settings.__post_init__)(chosen)


def test_settings_cannot_be_changed_and_go_through_plain_data() -> None:
    chosen = Settings(steps=3, ema=0.9)
    with pytest.raises(dataclasses.FrozenInstanceError):
        chosen.steps = 4
    assert Settings(**as_plain(chosen)) == chosen
    assert as_plain(chosen)["betas"] == [0.5, 0.999]


def test_differences_name_each_setting() -> None:
    saved = as_plain(Settings(steps=10))
    found = differences(saved, Settings(steps=10, seed=3, ema=0.9))
    assert found == ["ema: None in the checkpoint, 0.9 now", "seed: 0 in the checkpoint, 3 now"]
    assert differences(saved, Settings(steps=10, checkpoint=7)) == []


def test_more_steps_are_the_same_run_only_with_a_constant_rate() -> None:
    assert differences(as_plain(Settings(steps=10)), Settings(steps=20)) == []
    assert differences(as_plain(Settings(steps=10)), Settings(steps=5)) == ["steps: 10 in the checkpoint, 5 now"]
    cosine = as_plain(Settings(steps=10, schedule="cosine"))
    assert differences(cosine, Settings(steps=20, schedule="cosine")) == ["steps: 10 in the checkpoint, 20 now"]


def test_a_setting_that_one_side_lacks_is_a_difference() -> None:
    saved = as_plain(Settings(steps=10))
    del saved["clip"]
    assert differences({**saved, "old": 1}, Settings(steps=10)) == [
        "clip: 'absent' in the checkpoint, None now",
        "old: 1 in the checkpoint, 'absent' now",
    ]


def test_schedules_begin_at_one_and_fall_to_zero() -> None:
    for schedule, middle in (("linear", 0.5), ("cosine", 0.5), ("constant", 1.0)):
        chosen = Settings(steps=100, schedule=schedule)
        assert factor(chosen, 0) == 1.0
        assert factor(chosen, 50) == pytest.approx(middle)
        assert factor(chosen, 100) == pytest.approx(1.0 if schedule == "constant" else 0.0)
        assert factor(chosen, 150) == factor(chosen, 100)
    assert factor(Settings(steps=100, schedule="cosine"), 25) == pytest.approx((1 + math.sqrt(0.5)) / 2)


def test_optimizers_are_the_plain_ones_in_one_kernel() -> None:
    for name, plain in (
        ("adam", lambda p: torch.optim.Adam(p, 0.01, betas=(0.3, 0.8), foreach=False)),
        ("rmsprop", lambda p: torch.optim.RMSprop(p, 0.01, alpha=0.8, foreach=False)),
        ("sgd", lambda p: torch.optim.SGD(p, 0.01, momentum=0.3, foreach=False)),
    ):
        torch.manual_seed(0)
        ours, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
        theirs.load_state_dict(ours.state_dict())
        chosen = Settings(steps=1, optimizer=name, betas=(0.3, 0.8))
        for module, updates in (
            (ours, optimizer(chosen, list(ours.parameters()), 0.01)),
            (theirs, plain(theirs.parameters())),
        ):
            group = updates.param_groups[0]
            assert group.get("fused") or group["foreach"] or module is theirs
            for number in range(3):
                updates.zero_grad()
                module(torch.full((1, 3), float(number))).square().sum().backward()
                update(updates)
        assert_close(ours.state_dict(), theirs.state_dict())


@pytest.mark.parametrize("name", ["adam", "rmsprop", "sgd"])
def test_the_short_way_is_the_optimizers_own_step_bit_for_bit(name: str) -> None:
    torch.manual_seed(0)
    ours = nn.ModuleList(nn.Linear(3, 2) for _ in range(3))
    theirs = copy.deepcopy(ours)
    chosen = Settings(steps=1, optimizer=name, betas=(0.3, 0.8))
    # Each layer has its first gradient later than the one before it, and rests in between; the rate changes.
    counts = []
    for layers, short in ((ours, True), (theirs, False)):
        updates = optimizer(chosen, list(layers.parameters()), 0.01)
        for number in range(9):
            updates.zero_grad()
            set_rate(updates, 0.01 / (1 + number))
            for layer in list(layers)[: 1 + number % 4]:
                layer(torch.full((1, 3), 1.0 + number)).square().sum().backward()
            update(updates) if short else updates.step()
            if number == 5:  # as when a run is resumed: the moments are other tensors afterwards
                updates.load_state_dict(copy.deepcopy(updates.state_dict()))
        counts.append([state["step"].item() for state in updates.state.values() if "step" in state])
    assert counts[0] == counts[1]
    for mine, plain in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, plain)


def test_the_short_way_does_not_pass_by_hooks() -> None:
    layer, calls = nn.Linear(3, 2), []
    updates = optimizer(Settings(steps=1), list(layer.parameters()), 0.01)
    updates.register_step_post_hook(lambda *_: calls.append(len(calls)))
    for _ in range(3):
        layer(torch.ones(1, 3)).sum().backward()
        update(updates)
    assert calls == [0, 1, 2]


def test_each_group_of_parameters_moves_by_its_own_numbers() -> None:
    torch.manual_seed(0)
    ours = nn.ModuleList([nn.Linear(3, 2), nn.Linear(3, 2)])
    theirs = copy.deepcopy(ours)
    for layers, short in ((ours, True), (theirs, False)):
        updates = optimizer(Settings(steps=1, betas=(0.3, 0.8)), list(layers[0].parameters()), 0.01)
        updates.add_param_group({"params": list(layers[1].parameters()), "lr": 0.1, "betas": (0.6, 0.9), "eps": 1e-3})
        for number in range(4):
            updates.zero_grad()
            sum(layer(torch.full((1, 3), 1.0 + number)).square().sum() for layer in layers).backward()
            update(updates) if short else updates.step()
    for mine, plain in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(mine, plain)


def test_a_fused_adam_alone_goes_the_short_way(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[dict[str, Any]] = []
    monkeypatch.setattr("course_gan.train.optimizers.adam", lambda *_, **numbers: taken.append(numbers))
    for make, times in ((optimizer, 2), (lambda _, values, rate: torch.optim.Adam(values, rate, foreach=True), 0)):
        layer = nn.Linear(3, 2)
        updates = make(Settings(steps=1), list(layer.parameters()), 0.01)
        layer(torch.ones(1, 3)).sum().backward()
        for _ in range(3):  # the first makes the moments
            update(updates)
        assert len(taken) == times
        taken.clear()


def test_adam_is_not_fused_where_torch_has_no_such_kernel() -> None:
    for value in (torch.zeros(2, device="meta"), torch.zeros(2, dtype=torch.complex64)):
        for values, fused in (([value], False), ([torch.zeros(2), value], False), ([torch.zeros(2)], True)):
            group = optimizer(Settings(steps=1), [one.requires_grad_() for one in values], 0.01).param_groups[0]
            assert (bool(group["fused"]), bool(group["foreach"])) == (fused, not fused)


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_all_finite_finds_one_bad_number(bad: float) -> None:
    tensors = [torch.randn(7), torch.full((2, 3), 1e30), torch.zeros(())]
    assert bool(all_finite(tensors))
    tensors[1][1, 2] = bad
    assert not bool(all_finite(tensors))


def test_numbers_of_numpy_become_plain_ones_that_a_checkpoint_can_hold() -> None:
    given = {"critic_rate": np.float64(1e-3), "generator_rate": np.float64(0.5), "ema": np.float64(0.9)}
    found = as_plain(Settings(steps=1, **given, clip=np.float64(0.1), betas=(np.float64(0.0), np.float64(0.9))))
    numbers = [found[name] for name in ("critic_rate", "generator_rate", "ema", "clip")] + found["betas"]
    assert [type(number) for number in numbers] == [float] * 6
    assert numbers == [1e-3, 0.5, 0.9, 0.1, 0.0, 0.9]
