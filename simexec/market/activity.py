"""How busy a market is through the day: a multiplier of the rates at which orders arrive.

An arrival process of rate ``r m(t)`` is one of rate ``r`` on a clock that runs ``m(t)`` times as fast. So arrivals are drawn on
that internal clock and mapped to the time of day by its exact inverse: another profile moves the same arrivals, it does not draw
new ones.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt
from numba import njit

from simexec.errors import InputError
from simexec.market.levels import Array

Floats: TypeAlias = npt.NDArray[np.float64]


@njit(cache=True)
def time_of(knots: Floats, internal: float) -> float:
    """Time at which the internal clock shows ``internal``, both in ns since the start; infinite if it never does.

    ``knots`` has rows of time, multiplier and internal time; between two of them the multiplier is linear, after the last
    it stays.
    """
    low, high = 0, knots.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if knots[middle, 2] <= internal:
            low = middle
        else:
            high = middle
    ahead, speed = internal - knots[low, 2], knots[low, 1]
    slope = 0.0
    if low + 1 < knots.shape[0]:
        slope = (knots[low + 1, 1] - speed) / (knots[low + 1, 0] - knots[low, 0])
    # ahead = speed x + slope x**2 / 2; this form of its root loses no digits when the slope is small
    root = speed + math.sqrt(max(0.0, speed * speed + 2.0 * slope * ahead))
    if ahead <= 0.0:
        return knots[low, 0]
    if root <= 0.0:
        return math.inf
    return knots[low, 0] + 2.0 * ahead / root


@njit(cache=True)
def times_of(knots: Floats, start: int, internal: Array, never: int) -> Array:
    """``time_of`` for many internal times since ``start``, as whole ns; ``never`` for those that never come."""
    found = np.empty_like(internal)
    for i in range(len(internal)):
        time = time_of(knots, float(internal[i] - start))
        found[i] = never if time >= never - start else start + int(time)
    return found


class Activity:
    """A multiplier of arrival rates, linear between points of time and constant before the first and after the last.

    It is scaled so that its mean from the first point to the last is 1: rates stay means over that time, whatever its shape.

    Args:
        points: times (ns) in increasing order, each with a multiplier from 0 up; at least two.

    Raises:
        InputError: there are fewer than two points, times do not increase, a multiplier is negative or not finite, or all are 0.
    """

    def __init__(self, points: Sequence[tuple[int, float]]) -> None:
        if len(points) < 2:
            raise InputError(f"activity {list(points)} needs at least two points, each a time and a multiplier")
        times = [int(time) for time, _ in points]
        values = np.array([value for _, value in points], np.float64)
        if any(after <= before for before, after in itertools.pairwise(times)):
            raise InputError(f"times {times} of the activity must increase")
        if not np.isfinite(values).all() or (values < 0).any() or values.sum() == 0:
            raise InputError(
                f"multipliers {values.tolist()} of the activity must be numbers from 0 up, one of them positive"
            )
        widths = np.diff(np.array(times, np.float64))
        mean = float((widths * (values[1:] + values[:-1]) / 2).sum() / widths.sum())
        self._times = times
        self._values = values / mean

    def at(self, time_ns: int) -> float:
        """The multiplier at a time."""
        return float(np.interp(time_ns, np.array(self._times, np.float64), self._values))

    def knots(self, start_ns: int) -> Floats:
        """Rows of time, multiplier and internal time, in ns since ``start_ns``, for ``time_of``."""
        later = [
            (time - start_ns, value) for time, value in zip(self._times, self._values, strict=True) if time > start_ns
        ]
        rows = np.array([(0.0, self.at(start_ns)), *later], np.float64)
        elapsed = np.cumsum(np.diff(rows[:, 0]) * (rows[1:, 1] + rows[:-1, 1]) / 2)
        return np.column_stack([rows, np.concatenate([[0.0], elapsed])])


ALWAYS_ONE: Final[Floats] = np.array([[0.0, 1.0, 0.0]])
"""The knots of a clock that runs as time does."""
