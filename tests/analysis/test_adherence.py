"""How closely the fills followed a plan."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.analysis.adherence import Adherence
from simexec.analysis.analyzer import ExecutionAnalyzer
from simexec.analysis.fills import Fills
from simexec.errors import InputError


def fills_of(*rows):
    table = np.array(rows, np.int64).reshape(-1, 2)
    zeros = np.zeros(len(table), np.int64)
    return Fills(table[:, 0], table[:, 1], zeros, zeros, zeros == 1, zeros)


def plan_of(*points):
    return np.array(points, np.int64).reshape(-1, 2)


def test_errors_of_a_straight_plan_are_weighted_by_time():
    # Due 0 to 100 over ten seconds; 50 filled at half time: the error runs 0 to 50, then 0 to 50 again.
    found = Adherence.of(plan_of((0, 0), (10, 100)), fills_of((5, 50)), 0, 10, 100)
    assert (found.mean, found.mean_absolute, found.most) == (25.0, 25.0, 50.0)
    assert found.root_mean_square == pytest.approx(math.sqrt(2500 / 3))
    assert found.fractions()["mean"] == 0.25
    assert list(found.steps.rows()) == [
        {"time_ns": 0, "due_quantity": 0.0, "filled_quantity": 0},
        {"time_ns": 5, "due_quantity": 50.0, "filled_quantity": 50},
        {"time_ns": 10, "due_quantity": 100.0, "filled_quantity": 50},
    ]


def test_an_order_that_is_ahead_of_its_plan_has_a_negative_error_whose_size_counts():
    # 50 too early all the time but for the crossing: from -50 to +50.
    found = Adherence.of(plan_of((0, 0), (10, 100)), fills_of((0, 50)), 0, 10, 100)
    assert (found.mean, found.mean_absolute, found.most) == (0.0, 25.0, 50.0)


def test_a_plan_that_repeats_a_time_steps():
    found = Adherence.of(plan_of((0, 0), (5, 0), (5, 100), (10, 100)), fills_of((5, 100)), 0, 10, 100)
    assert (found.mean, found.mean_absolute, found.root_mean_square, found.most) == (0.0, 0.0, 0.0, 0.0)


def test_before_its_first_point_nothing_is_due_and_after_its_last_all_of_it():
    found = Adherence.of(plan_of((4, 10), (6, 10)), fills_of(), 0, 10, 10)
    assert (found.mean, found.most) == (6.0, 10.0)


def test_without_a_plan_or_time_there_is_no_error():
    assert Adherence.of(plan_of(), fills_of(), 0, 10, 100) is None
    assert Adherence.of(plan_of((0, 0)), fills_of(), 5, 5, 100) is None


def test_a_plan_that_runs_backwards_is_refused():
    with pytest.raises(InputError, match="from 7 ns back to 3 ns"):
        Adherence.of(plan_of((7, 0), (3, 1)), fills_of(), 0, 10, 100)


points = st.lists(st.tuples(st.integers(-5, 40), st.integers(0, 50)), min_size=1, max_size=6).map(sorted)


@given(points, st.lists(st.tuples(st.integers(0, 30), st.integers(1, 20)), max_size=5).map(sorted))
def test_errors_are_those_of_small_steps(points, fills):
    found = Adherence.of(plan_of(*points), fills_of(*fills), 0, 30, 100)
    middles = (np.arange(30 * 400) + 0.5) / 400
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    due = np.where(middles < xs[0], 0.0, np.interp(middles, xs, ys))
    done = np.array([sum(quantity for time, quantity in fills if time <= middle) for middle in range(30)])
    error = due - done[middles.astype(int)]
    assert found.mean == pytest.approx(error.mean(), abs=1e-6)
    assert found.mean_absolute == pytest.approx(np.abs(error).mean(), abs=1e-3)
    assert found.root_mean_square == pytest.approx(np.sqrt((error**2).mean()), rel=1e-3, abs=1e-6)
    assert found.most >= np.abs(error).max() - 1e-9


def test_a_twap_has_a_plan_and_a_market_order_none(any_run):
    schedule = ExecutionAnalyzer.of(any_run).schedule
    assert (schedule is None) == (len(any_run.plan) == 0)
    if schedule is not None:
        assert abs(schedule.mean) <= schedule.mean_absolute <= schedule.root_mean_square <= schedule.most
