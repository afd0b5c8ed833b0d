"""The activity profile: an internal clock, its inverse, and its mean of one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import quad

from simexec.errors import InputError
from simexec.market.activity import ALWAYS_ONE, Activity, time_of, times_of

SECOND = 10**9
NEVER = 2**62
U_SHAPE = [(0, 3.0), (30 * SECOND, 1.0), (70 * SECOND, 1.0), (100 * SECOND, 2.0)]


def internal_time(activity: Activity, start: int, end: float) -> float:
    breaks = [t for t, _ in U_SHAPE if start < t < end]
    return float(quad(activity.at, start, end, points=breaks or None, epsabs=1, epsrel=1e-13)[0])


def test_the_mean_from_the_first_point_to_the_last_is_one() -> None:
    activity = Activity(U_SHAPE)
    assert internal_time(activity, 0, 100 * SECOND) == pytest.approx(100 * SECOND, rel=1e-12)
    assert activity.at(0) / activity.at(50 * SECOND) == pytest.approx(3)


def test_before_the_first_point_and_after_the_last_the_multiplier_stays() -> None:
    activity = Activity(U_SHAPE)
    assert activity.at(-SECOND) == activity.at(0)
    assert activity.at(500 * SECOND) == activity.at(100 * SECOND)


@pytest.mark.parametrize("start", [-20 * SECOND, 0, 10 * SECOND, 30 * SECOND, 99 * SECOND, 150 * SECOND])
def test_the_time_of_an_internal_time_inverts_the_integral(start: int) -> None:
    activity = Activity(U_SHAPE)
    knots = activity.knots(start)
    for ahead in (0.0, 1.0, 1e6, 3.3e9, 2.5e10, 8e10, 3e11):
        time = start + time_of(knots, ahead)
        assert internal_time(activity, start, time) == pytest.approx(ahead, rel=1e-9, abs=1)


def test_a_constant_profile_leaves_times_as_they_are() -> None:
    knots = Activity([(0, 5.0), (10 * SECOND, 5.0)]).knots(0)
    for internal in (0.0, 17.0, 3.25e9, 1e13):
        assert time_of(knots, internal) == pytest.approx(internal, rel=1e-15)
        assert time_of(ALWAYS_ONE, internal) == internal


def test_nothing_comes_while_the_multiplier_is_zero_nor_after_it_stays_there() -> None:
    activity = Activity([(0, 1.0), (SECOND, 0.0), (2 * SECOND, 0.0), (3 * SECOND, 1.0), (4 * SECOND, 0.0)])
    knots = activity.knots(0)
    internal = np.linspace(0, 4.2e9, 1001).astype(np.int64)
    times = times_of(knots, 0, internal, NEVER)
    assert not ((times > SECOND) & (times < 2 * SECOND)).any()
    assert (np.diff(times) >= 0).all()
    assert set(times[internal > 4 * SECOND + 10]) == {NEVER}
    assert math.isinf(time_of(knots, 4.1e9))


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([], "at least two points"),
        ([(0, 1.0)], "at least two points"),
        ([(0, 1.0), (0, 2.0)], r"\[0, 0\] of the activity must increase"),
        ([(5, 1.0), (3, 2.0)], r"\[5, 3\]"),
        ([(0, 1.0), (5, -2.0)], r"-2\.0"),
        ([(0, math.nan), (5, 1.0)], "nan"),
        ([(0, 0.0), (5, 0.0)], "one of them positive"),
    ],
)
def test_a_profile_that_is_none_is_refused_with_its_values(points: list[tuple[int, float]], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Activity(points)
