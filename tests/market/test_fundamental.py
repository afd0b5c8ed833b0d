"""The fundamental value: the exact law of its process, its jumps, and its sameness."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simexec.errors import InputError
from simexec.market.fundamental import Fundamental
from simexec.market.levels import Array
from simexec.sim import Simulation

SECOND = 10**9


def make(seed: int = 1, name: str = "value", **changes: Any) -> Fundamental:
    settings: dict[str, Any] = {
        "start_value": 1e9,
        "mean_value": 1e9,
        "reversion_per_s": 0.1,
        "volatility": 1e5,
        "step_ns": SECOND // 10,
        "start_ns": 0,
    }
    return Fundamental(Simulation(seed=seed).rng, name, **{**settings, **changes})


def every(step: int, end: int, start: int = 0) -> Array:
    return np.arange(start, end, step, dtype=np.int64)


@pytest.mark.parametrize("step", [SECOND // 10, SECOND, 7 * SECOND])
def test_mean_variance_and_correlation_are_those_of_the_process_whatever_the_step(step: int) -> None:
    kappa, sigma, lag = 0.1, 1e5, 7
    finals, starts = [], []
    for seed in range(40):
        path = make(seed, step_ns=step).at(every(lag * SECOND, 14_000 * SECOND, 140 * SECOND)) - 1e9
        finals.append(path.var())
        starts.append((path[1:] * path[:-1]).mean() / path.var())
    variance, correlation = np.array(finals), np.array(starts)
    for found, truth in ((variance, sigma**2 / (2 * kappa)), (correlation, math.exp(-kappa * lag))):
        assert abs(found.mean() - truth) <= 4 * found.std(ddof=1) / math.sqrt(len(found)) + 1e-3 * truth


def test_it_reverts_from_its_start_to_its_mean_at_its_rate() -> None:
    times = every(10 * SECOND, 60 * SECOND)
    paths = np.array([make(seed, start_value=1e9 + 5e5).at(times) for seed in range(400)]) - 1e9
    expected = 5e5 * np.exp(-0.1 * times / SECOND)
    assert (np.abs(paths.mean(axis=0) - expected) <= 4 * np.maximum(paths.std(axis=0, ddof=1) / 20, 1)).all()


def test_without_reversion_its_variance_grows_with_time() -> None:
    ends = np.array([make(seed, reversion_per_s=0.0).at(np.array([400 * SECOND]))[0] for seed in range(1000)]) - 1e9
    assert abs(ends.var() / (1e10 * 400) - 1) <= 4 * math.sqrt(2 / 1000)


def test_jumps_come_at_their_rate_and_decay_exactly() -> None:
    quiet = {"volatility": 0.0, "jump_rate_per_s": 0.05, "jump_deviation": 1e6}
    value = make(3, **quiet)
    fine = every(SECOND // 10, 4_000 * SECOND)
    path = value.at(fine) - 1e9
    kept = math.exp(-0.1 * 0.1)
    unexplained = path[1:] - kept * path[:-1]
    jumps = np.abs(unexplained) > 5
    assert abs(jumps.sum() - 200) <= 4 * math.sqrt(200)
    calm = ~jumps
    assert np.abs(unexplained[calm]).max() <= 2, "between jumps it decays by its rate, up to rounding"


def test_a_jump_is_seen_when_it_happens() -> None:
    value = make(3, volatility=0.0, reversion_per_s=0.0, jump_rate_per_s=0.5, jump_deviation=1e6, step_ns=60 * SECOND)
    path = value.at(every(SECOND, 100 * SECOND))
    assert len(np.unique(path)) > 20, "all steps are a minute long"


def test_values_do_not_depend_on_who_asks_when() -> None:
    jumpy = {"jump_rate_per_s": 0.2, "jump_deviation": 1e6}
    times = np.sort(np.random.default_rng(1).integers(0, 900 * SECOND, 5000))
    whole = make(5, **jumpy).at(times)
    again = make(5, **jumpy)
    assert np.array_equal(np.concatenate([again.at(part) for part in np.array_split(times, 37)]), whole)
    assert np.array_equal(again.at(times[:100]), whole[:100]), "a second follower, behind the first"
    assert not np.array_equal(make(6, **jumpy).at(times), whole)


def test_jumps_have_streams_of_their_own() -> None:
    times = every(SECOND, 100 * SECOND)
    calm, jumpy = make(5).at(times), make(5, jump_rate_per_s=0.02, jump_deviation=1e7).at(times)
    moved = np.flatnonzero(calm != jumpy)
    assert len(moved)
    assert moved[0] > 0
    assert np.array_equal(calm[: moved[0]], jumpy[: moved[0]])
    assert np.array_equal(make(5, jump_rate_per_s=0.02).at(times), calm), "jumps of no size"


def test_before_its_start_it_is_its_start() -> None:
    assert make(start_ns=5 * SECOND).at(np.array([0, 5 * SECOND])).tolist() == [10**9, 10**9]
    assert len(make().at(np.empty(0, np.int64))) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reversion_per_s": -1.0}, r"reversion_per_s -1\.0 of the fundamental 'value'"),
        ({"volatility": math.nan}, "volatility nan"),
        ({"jump_rate_per_s": -0.5}, r"jump_rate_per_s -0\.5"),
        ({"jump_deviation": math.inf}, "jump_deviation inf"),
        ({"start_value": math.nan}, "nan"),
        ({"step_ns": 0}, "step 0 ns"),
    ],
)
def test_parameters_that_are_none_are_refused_with_the_value(changes: dict[str, float], words: str) -> None:
    with pytest.raises(InputError, match=words):
        make(**changes)
