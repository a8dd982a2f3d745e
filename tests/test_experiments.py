"""Experiments over seeds: independent of the processes, honest about failures, intervals as other software has them."""

import inspect
import json
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from statistics import NormalDist

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from course_gan import provenance
from course_gan.experiments import (
    Failure,
    Interval,
    Outcomes,
    SeedsFailed,
    Share,
    load,
    mean_interval,
    median_interval,
    over_seeds,
    wilson,
)
from course_gan.experiments import seeds as module


def careless(seed):
    """An experiment as people write them: it draws from every global state there is."""
    return {
        "torch": torch.randn(100).sum(),
        "numpy": np.random.rand(),  # noqa: NPY002
        "python": random.random(),
        "threads": torch.get_num_threads(),
        "odd": seed % 2 == 1,
        "curve": torch.arange(3) * seed,
    }


def square(seed, *, factor=1.0, fail=()):
    if seed in fail:
        raise ZeroDivisionError(f"seed {seed} is unlucky")
    return {"square": factor * seed**2}


# --- intervals ---------------------------------------------------------------------------------------------------


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), st.floats(0.5, 0.999))
@settings(deadline=None, max_examples=60)
def test_wilson_is_scipys(case, level):
    successes, runs = case
    expected = stats.binomtest(successes, runs).proportion_ci(level, method="wilson")
    torch.testing.assert_close(wilson(successes, runs, level), (expected.low, expected.high), rtol=1e-9, atol=1e-12)


def test_wilson_ends_at_exactly_zero_and_one_for_none_and_all():
    """The formula does so too, but for its roundings: about every second n leaves 1e-17 beyond or within."""
    for runs in range(1, 100):
        assert wilson(0, runs)[0] == 0.0
        assert wilson(runs, runs)[1] == 1.0


def test_wilson_covers_as_often_as_it_says_on_average():
    # For ten runs its coverage is a function of the true share; over all shares it averages to 95 % (within 1 %).
    bounds = [wilson(k, 10) for k in range(11)]
    shares = np.linspace(0.0005, 0.9995, 1000)
    covered = [
        sum(stats.binom.pmf(k, 10, p) for k in range(11) if bounds[k][0] <= p <= bounds[k][1]) for p in shares[::10]
    ]
    assert abs(np.mean(covered) - 0.95) < 0.01


def test_a_share_prints_as_the_book_writes_it():
    assert str(Share(8, 10)) == "8 of 10 (49–94 %)"
    assert (Share(0, 10).low, Share(10, 10).high) == (0.0, 1.0)
    assert str(Share(10, 10)) == "10 of 10 (72–100 %)"
    assert Share(8, 10).share == 0.8
    assert Share(8, 10, 0.5).low > Share(8, 10).low


@given(st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30), st.floats(0.5, 0.99))
@settings(deadline=None, max_examples=60)
def test_the_interval_of_a_mean_is_scipys(values, level):
    found = mean_interval(values, level)
    error = stats.sem(values)
    low, high = (
        (np.mean(values),) * 2 if error == 0 else stats.t.interval(level, len(values) - 1, np.mean(values), error)
    )
    torch.testing.assert_close((found.low, found.high), (float(low), float(high)), rtol=1e-9, atol=1e-9)
    assert found.runs == len(values)


@given(st.lists(st.integers(-50, 50).map(float), min_size=1, max_size=40), st.sampled_from([0.6, 0.8, 0.9, 0.95, 0.99]))
@settings(deadline=None, max_examples=60)
def test_the_interval_of_a_median_is_scipys(values, level):
    found = median_interval(values, level)
    assert found.estimate == np.median(values)
    expected = stats.quantile_test(sorted(values), p=0.5).confidence_interval(level)
    ends = (
        -math.inf if math.isnan(expected.low) else expected.low,
        math.inf if math.isnan(expected.high) else expected.high,
    )
    assert (found.low, found.high) == ends


def test_the_interval_of_a_median_covers_at_least_as_often_as_it_says():
    # Exactly: it misses if fewer than k of n values lie on one side of the median.  n = 10: [x_(2), x_(9)], 97.9 %.
    found = median_interval([float(n) for n in range(1, 11)])
    assert (found.low, found.high) == (2.0, 9.0)
    assert 1 - 2 * stats.binom.cdf(1, 10, 0.5) >= 0.95 > 1 - 2 * stats.binom.cdf(2, 10, 0.5)


def test_few_values_say_nothing_of_their_spread():
    assert mean_interval([3.0]) == Interval(3.0, -math.inf, math.inf, 1)
    assert str(mean_interval([3.0])) == "3 (1 run)"
    assert median_interval([1.0, 2.0, 3.0, 4.0, 5.0]) == Interval(3.0, -math.inf, math.inf, 5)


def test_what_is_not_finite_is_not_hidden():
    assert math.isnan(mean_interval([1.0, math.nan]).estimate)
    assert math.isnan(mean_interval([1.0, math.nan]).low)
    assert mean_interval([1.0, math.inf]).estimate == math.inf
    assert math.isnan(mean_interval([1.0, math.inf]).high)
    for values in ([math.nan, 1.0, 2.0], [1.0, math.nan, 2.0], [1.0, 2.0, math.nan]):  # sorting leaves a NaN anywhere
        assert math.isnan(median_interval(values).estimate)
        assert math.isnan(median_interval(values).low)
    assert median_interval([1.0, math.inf, math.inf]).estimate == math.inf
    assert median_interval([1.0, 2.0, math.inf]).estimate == 2.0


def test_the_mean_of_numbers_that_cancel_keeps_what_is_left():
    assert mean_interval([1e16, 1.0, -1e16]).estimate == pytest.approx(1 / 3)


def test_impossible_shares_and_levels_are_refused():
    for wrong in (lambda: Share(11, 10), lambda: Share(0, 0), lambda: Share(-1, 10), lambda: mean_interval([])):
        with pytest.raises(ValueError, match="wanted"):
            wrong()
    for level in (0.0, 1.0, 95.0, math.nan):
        with pytest.raises(ValueError, match=r"such as 0\.95"):
            wilson(1, 2, level)
    assert str(Interval(0.53149, 0.412, 0.65, 10)) == "0.531 (0.412 to 0.65, 10 runs)"


# --- over seeds --------------------------------------------------------------------------------------------------


def test_the_values_do_not_depend_on_the_number_of_processes_or_the_order_of_the_seeds():
    alone = over_seeds(careless, [5, 0, 3], jobs=1)
    together = over_seeds(careless, [0, 3, 5], jobs=2)
    assert alone.runs == together.runs
    assert list(alone.runs) == list(together.runs) == [0, 3, 5]
    assert together["threads"] == [1, 1, 1]
    assert together["curve"][2] == [0.0, 5.0, 10.0]
    assert len({run["torch"] for run in alone.runs.values()}) == 3
    assert alone.runs[3] == over_seeds(careless, [3], jobs=1).runs[3]


def test_functions_that_only_this_process_has_run_in_others_too():
    offset = 10
    assert over_seeds(lambda seed: {"x": seed + offset}, 2, jobs=2)["x"] == [10, 11]


@pytest.mark.parametrize("fails", [False, True])
def test_the_callers_random_states_and_threads_are_left_alone(fails):
    # Not through over_seeds: beartype, which checks types in the tests, itself draws from Python's random numbers.
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].copy()  # noqa: NPY002
    torch.set_num_threads(3)
    try:
        with pytest.raises(KeyError) if fails else nullcontext(), module._alone(4):
            assert torch.get_num_threads() == 1
            torch.rand(1), random.random(), np.random.rand()  # noqa: NPY002
            if fails:
                raise KeyError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(1)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert (np.random.get_state()[1] == before[2]).all()  # noqa: NPY002


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_seed_that_raises_stops_no_other_and_is_not_forgotten(jobs):
    unlucky = partial(square, fail=(1, 2))
    with pytest.raises(SeedsFailed, match=r"2 of 4 seeds failed: \[1, 2\].*Seed 1 raised ZeroDivisionError") as raised:
        over_seeds(unlucky, 4, jobs=jobs)
    outcomes = over_seeds(unlucky, 4, jobs=jobs, errors="record")
    assert raised.value.outcomes.runs == outcomes.runs == {0: {"square": 0.0}, 3: {"square": 9.0}}
    assert outcomes.seeds == [0, 1, 2, 3]
    failure = outcomes.failures[2]
    assert failure.error == "ZeroDivisionError: seed 2 is unlucky"
    assert "in square" in failure.traceback
    assert "seeds.py" not in failure.traceback
    assert str(provenance.PACKAGE.parent) not in failure.traceback
    # A run that crashed did not succeed: 2 of 4 and not 2 of 2.
    assert outcomes.share(lambda run: True) == Share(2, 4)
    assert outcomes.mean_interval("square").runs == 2


def test_one_seed_that_raises_is_enough():
    with pytest.raises(SeedsFailed, match=r"1 of 3 seeds failed: \[1\]"):
        over_seeds(partial(square, fail=(1,)), 3, jobs=1)


def test_other_processes_compute_with_one_thread_and_may_write_into_what_they_are_given():
    def experiment(seed, numbers):
        numbers += seed  # joblib would send a large array as a file that can only be read
        return {"sum": numbers[0], "threads": int(os.environ["OMP_NUM_THREADS"])}

    found = over_seeds(partial(experiment, numbers=np.zeros(10**6)), [3, 4], jobs=2, settings={})
    assert found["sum"] == [3, 4]
    assert found["threads"] == [1, 1]


def test_the_settings_recorded_are_those_that_ran():
    outcomes = over_seeds(partial(square, factor=2.0), 2, jobs=1)
    assert (outcomes.name, outcomes.settings) == ("square", {"factor": 2.0})
    named = over_seeds(partial(square, factor=2.0), 2, jobs=1, name="other", settings={"steps": 5})
    assert (named.name, named.settings) == ("other", {"steps": 5})
    assert over_seeds(square, [2], jobs=1).settings == {}


@pytest.mark.parametrize(
    ("returned", "complaint"),
    [
        (3, "wanted a dict"),
        ({1: 2}, "wanted names"),
        ({"a": "text"}, "'a' as str"),
        ({"a": torch.ones(2, 2)}, "'a' as list"),
        ({"a": 1j}, "'a' as complex"),
        ({"a": [1, "b"]}, "'a' as list"),
    ],
)
def test_what_is_no_number_is_refused_with_its_name(returned, complaint):
    outcomes = over_seeds(lambda seed: returned, 1, jobs=1, errors="record")
    assert complaint in outcomes.failures[0].error
    assert outcomes.failures[0].error.startswith("TypeError")


def test_seeds_that_return_other_names_are_refused():
    with pytest.raises(ValueError, match=r"Seed 1 returned \['b'\] and seed 0 \['a'\]"):
        over_seeds(lambda seed: {"ab"[seed]: 1}, 2, jobs=1)


@pytest.mark.parametrize("seeds", [0, -1, [], [1, 1], [-1], [1.5], ["1"], [True], [2**32], True])
def test_what_is_no_seed_is_refused(seeds):
    with pytest.raises(ValueError, match="wanted"):
        inspect.unwrap(over_seeds)(square, seeds)
    with pytest.raises(ValueError, match="'raise' or 'record'"):
        inspect.unwrap(over_seeds)(square, 1, errors="ignore")
    with pytest.raises(ValueError, match="jobs is 0"):
        inspect.unwrap(over_seeds)(square, 1, jobs=0)


def test_an_experiment_that_cannot_travel_says_what_to_do():
    lock = threading.Lock()
    with pytest.raises(ValueError, match="pass jobs=1"):
        over_seeds(lambda seed: {"locked": lock.locked()}, 2, jobs=2)


def test_ctrl_c_ends_all_processes(tmp_path):
    script = tmp_path / "slow.py"
    script.write_text(
        "import os, time\nfrom course_gan.experiments import over_seeds\n"
        "def slow(seed):\n    open(f'started-{os.getpid()}', 'w').close()\n    time.sleep(60)\n    return {}\n"
        "over_seeds(slow, 4, jobs=2)\n",
        encoding="utf-8",
    )
    environment = os.environ | {"PYTHONPATH": str(provenance.PACKAGE.parent)}
    run = subprocess.Popen([sys.executable, script], cwd=tmp_path, env=environment, start_new_session=True)
    try:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("started-*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        os.killpg(run.pid, signal.SIGINT)
        assert run.wait(20) != 0
        workers = [int(path.name.partition("-")[2]) for path in tmp_path.glob("started-*")]
        assert workers
        while any(alive(worker) for worker in workers) and time.monotonic() < deadline + 20:
            time.sleep(0.05)
        assert not any(alive(worker) for worker in workers)
    finally:
        run.kill()


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    # A dead child that nobody has asked after still has its number.
    return "\nState:\tZ" not in open(f"/proc/{process}/status").read() if sys.platform == "linux" else True


def test_progress_is_for_screens_only(monkeypatch, capsys):
    over_seeds(square, 2, jobs=1)
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    over_seeds(square, 2, jobs=1)
    shown = capsys.readouterr().err
    assert "1 of 2 seeds done" in shown
    assert shown.endswith("\r" + " " * 40 + "\r")
    over_seeds(square, 2, jobs=1, progress=False)
    assert capsys.readouterr().err == ""


# --- outcomes ----------------------------------------------------------------------------------------------------


def test_what_is_saved_comes_back_with_what_json_has_no_number_for(tmp_path):
    runs = {
        0: {"modes": 8, "loss": math.inf, "good": True, "curve": [1.0, math.inf]},
        3: {"modes": 7, "loss": 0.1 + 0.2, "good": False, "curve": [-math.inf, 0.0]},
    }
    saved = Outcomes("ring", runs, {5: Failure("E: e", "Traceback")}, {"steps": 10}, 1.5, provenance.collect())
    saved.save(tmp_path / "deep" / "ring.json")
    back = load(tmp_path / "deep" / "ring.json")
    assert back == saved
    assert isinstance(back["modes"][0], int)
    assert back["good"] == [True, False]
    Outcomes("x", {0: {"loss": math.nan}}).save(tmp_path / "nan.json")
    assert math.isnan(Outcomes.load(str(tmp_path / "nan.json"))["loss"][0])


def test_the_file_says_all_that_is_needed_to_run_it_again(tmp_path):
    over_seeds(partial(square, factor=2.0), [4, 2], jobs=1).save(tmp_path / "x.json")
    found = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert found["seeds"] == [2, 4]
    assert found["settings"] == {"factor": 2.0}
    assert found["seconds"] >= 0
    assert set(found["provenance"]) == {"code", "device", "python", "source", "system", "time", "versions"}
    assert found["provenance"]["source"] == provenance.source()


@pytest.mark.parametrize("content", [None, "{", "[]", "{}", '{"runs": 3, "seeds": [], "failures": []}', "3"])
def test_what_is_no_file_of_outcomes_is_named(tmp_path, content):
    if content is not None:
        (tmp_path / "x.json").write_text(content, encoding="utf-8")
    with pytest.raises(ValueError, match=r"x\.json.*Outcomes\.save"):
        load(tmp_path / "x.json")


def test_claims_are_counted_by_name_or_by_function():
    outcomes = Outcomes("x", {seed: {"all": seed > 1, "modes": seed, "curve": [1.0]} for seed in range(5)})
    assert outcomes.share("all") == Share(3, 5)
    assert outcomes.share(lambda run: run["modes"] >= 4) == Share(1, 5)
    assert outcomes.share("all", level=0.5).level == 0.5
    assert outcomes.mean_interval("modes").estimate == 2
    assert outcomes.median_interval("modes", level=0.5).estimate == 2
    assert outcomes.keys == ["all", "modes", "curve"]
    with pytest.raises(ValueError, match="not yes or no"):
        outcomes.share("modes")
    with pytest.raises(ValueError, match="all, modes, curve"):
        outcomes.mean_interval("mode")
    with pytest.raises(ValueError, match="curves"):
        outcomes.median_interval("curve")


def test_the_intervals_of_outcomes_are_those_of_their_values_at_the_level_asked_for():
    outcomes = Outcomes("x", {seed: {"time": 2.0**seed} for seed in range(8)})
    for level in (0.5, 0.95):
        assert outcomes.mean_interval("time", level) == mean_interval(outcomes["time"], level)
        assert outcomes.median_interval("time", level) == median_interval(outcomes["time"], level)


# --- going on ----------------------------------------------------------------------------------------------------


def test_an_interrupted_experiment_goes_on_where_it_was(tmp_path):
    kept, calls = tmp_path / "kept.json", []

    def interrupted(seed, stop=2):
        calls.append(seed)
        if seed == stop:
            raise KeyboardInterrupt
        return {"x": seed}

    with pytest.raises(KeyboardInterrupt):
        over_seeds(interrupted, 4, jobs=1, keep=kept, settings={"sizes": (1, 2)})
    assert calls == [0, 1, 2]
    going_on = partial(interrupted, stop=None)
    done = over_seeds(going_on, 4, jobs=1, keep=kept, settings={"sizes": (1, 2)})
    assert calls == [0, 1, 2, 2, 3]
    assert done["x"] == [0, 1, 2, 3]
    assert load(kept).runs == done.runs
    # Fewer seeds than were kept: only those asked for count.
    assert over_seeds(going_on, 2, jobs=1, keep=kept, settings={"sizes": (1, 2)})["x"] == [0, 1]
    assert calls == [0, 1, 2, 2, 3]


@pytest.mark.parametrize("change", ["settings", "code", "name"])
def test_runs_of_other_code_or_settings_are_not_mixed_in(tmp_path, monkeypatch, change):
    kept = tmp_path / "kept.json"
    over_seeds(lambda seed: {"x": 1}, 2, jobs=1, keep=kept, settings={"steps": 1}, name="a")
    if change == "code":
        monkeypatch.setattr(provenance, "source", lambda: "another")
    name, steps = ("b" if change == "name" else "a"), (2 if change == "settings" else 1)
    again = over_seeds(lambda seed: {"x": 2}, 2, jobs=1, keep=kept, settings={"steps": steps}, name=name)
    assert again["x"] == [2, 2]


@pytest.mark.parametrize("key", ["source", "versions", "python", "system", "device"])
def test_runs_of_another_machine_or_version_are_not_mixed_in(tmp_path, monkeypatch, key):
    kept, collect = tmp_path / "kept.json", provenance.collect
    for value, changed, expected in ((1, {}, 1), (2, {"time": "another"}, 1), (3, {key: "another"}, 3)):
        monkeypatch.setattr(provenance, "collect", lambda device, changed=changed: collect(device) | changed)
        found = over_seeds(lambda seed, value=value: {"x": value}, 2, jobs=1, keep=kept, settings={}, name="a")
        assert found["x"] == [expected] * 2


def test_the_seconds_are_those_of_all_calls_together(tmp_path):
    kept = tmp_path / "kept.json"
    replace(over_seeds(square, 1, jobs=1, keep=kept), seconds=1000.0).save(kept)
    assert 1000 <= over_seeds(square, 2, jobs=1, keep=kept).seconds < 2000
    assert load(kept).seconds >= 1000


def test_failures_are_in_the_order_of_their_seeds_whichever_came_first():
    outcomes = Outcomes("x", {})
    for seed in (2, 0, 1):
        outcomes = module._with(outcomes, seed, {}, Failure("E", "Traceback"), 0.0)
    assert list(outcomes.failures) == [0, 1, 2]


def test_failed_runs_are_run_again(tmp_path):
    kept = tmp_path / "kept.json"
    over_seeds(partial(square, fail=(0,)), 2, jobs=1, keep=kept, settings={}, errors="record")
    assert over_seeds(square, 2, jobs=1, keep=kept, settings={})["square"] == [0.0, 1.0]


def test_the_quantile_is_the_two_sided_one():
    assert math.isclose(
        module.over_seeds(square, 1, jobs=1).share(lambda run: True).low, 1 / (1 + NormalDist().inv_cdf(0.975) ** 2)
    )


@pytest.mark.parametrize("unit", [1e-300, 1e-200, 1e200, 1e307])
def test_intervals_go_with_the_unit_however_large_or_small(unit):
    values = [1.0, 2.0, 4.0, 3.0, 7.0, 5.0, 6.0, 9.0]
    for interval in (mean_interval, median_interval):
        plain, scaled = interval(values), interval([value * unit for value in values])
        for end in ("estimate", "low", "high"):
            assert getattr(scaled, end) / unit == pytest.approx(getattr(plain, end))
    assert median_interval([1e308, 1.5e308]).estimate == pytest.approx(1.25e308)


def test_values_are_numbers_from_any_iterable():
    assert mean_interval(iter([1.0, 3.0])).estimate == 2
    assert inspect.unwrap(median_interval)(torch.tensor([1.0, 3.0])).estimate == 2
    for wrong in (None, torch.ones(2, 2), "ab", [10**400]):
        for interval in (mean_interval, median_interval):
            with pytest.raises(TypeError, match=r"values is a .*; wanted numbers, one a run"):
                inspect.unwrap(interval)(wrong)
