"""The simulated market's prices, looked up by time: what every benchmark and markout is read from."""

from __future__ import annotations

import operator
from fractions import Fraction
from typing import Final

import numpy as np
import numpy.typing as npt

from simexec.analysis.result import Rows

Column = npt.NDArray[np.int64]

NO_MID: Final = 0
"""In a column of mid-points: there was none, because a side showed nothing or the time is not covered."""


class MidPrices:
    """Mid-points over time as sums of bid and ask: whole numbers of *half quanta*, so nothing is rounded.

    Args:
        quotes: int64 (n, 5) in order of time: time, bid, bid size, ask, ask size; a side that shows nothing has
            size 0 and its price means nothing.
        until_ns: last time at which the quotes are known to hold.
    """

    def __init__(self, quotes: Rows, until_ns: int) -> None:
        self.quotes = quotes
        self.times_ns: Column = np.ascontiguousarray(quotes[:, 0])  # which every search would do again
        two_sided = (quotes[:, 2] > 0) & (quotes[:, 4] > 0)
        self.halves: Column = np.where(two_sided, quotes[:, 1] + quotes[:, 3], NO_MID)
        self.until_ns = until_ns
        self._two_sided = np.flatnonzero(two_sided)

    def last(self, time_ns: int) -> tuple[int, bool] | None:
        """Last mid-point that there was when everything of this time had happened, None if there never was one.

        Returns:
            It in half quanta, and whether it still held; if not, a side showed nothing at that time.
        """
        row = int(np.searchsorted(self.times_ns, time_ns, side="right")) - 1
        known = int(np.searchsorted(self._two_sided, row, side="right")) - 1
        if known < 0:
            return None
        found = int(self._two_sided[known])
        return int(self.halves[found]), found == row

    def before(self, times_ns: Column) -> Column:
        """Mid-points (half quanta) that held before anything of these times happened; ``NO_MID`` where none did."""
        return self._pick(np.searchsorted(self.times_ns, times_ns, side="left"))

    def after(self, times_ns: Column) -> Column:
        """Mid-points (half quanta) when everything of these times had happened; ``NO_MID`` where none held.

        Beyond ``until_ns`` none does.
        """
        found = self._pick(np.searchsorted(self.times_ns, times_ns, side="right"))
        return np.where(times_ns <= self.until_ns, found, NO_MID)

    def rows_before(self, times_ns: Column) -> npt.NDArray[np.intp]:
        """Row of ``quotes`` that held before anything of these times happened; −1 where none did."""
        return np.searchsorted(self.times_ns, times_ns, side="left") - 1

    def rows_at(self, times_ns: Column) -> npt.NDArray[np.intp]:
        """Row of ``quotes`` that held when everything of these times had happened; −1 where none did."""
        return np.searchsorted(self.times_ns, times_ns, side="right") - 1

    def time_weighted(self, start_ns: int, end_ns: int) -> Fraction | None:
        """Time-weighted mid-point in quanta; time without a mid-point is left out, None if it is all the time."""
        if end_ns <= start_ns:
            found = self.last(start_ns)
            return Fraction(found[0], 2) if found is not None and found[1] else None
        first = max(0, int(np.searchsorted(self.times_ns, start_ns, side="right")) - 1)
        last = int(np.searchsorted(self.times_ns, end_ns, side="left"))
        edges = np.clip(np.append(self.times_ns[first:last], end_ns), start_ns, end_ns)
        halves, lengths = self.halves[first:last], np.diff(edges)
        known = halves != NO_MID
        return weighted_mean(halves[known], lengths[known], 2)

    def _pick(self, after: npt.NDArray[np.intp]) -> Column:
        """Mid-points of the rows before these indices."""
        if len(self.halves) == 0:
            return np.full(after.shape, NO_MID, np.int64)
        return np.where(after > 0, self.halves[after - 1], NO_MID)


def weighted_sum(values: Column, weights: Column) -> int:
    """Sum of ``values * weights``, exact also where it does not fit 64 bits."""
    if len(values) == 0:
        return 0
    bound = float(np.abs(values).max()) * float(np.abs(weights).sum(dtype=np.float64))
    if bound < 2**62:
        return int(np.dot(values, weights))
    return sum(map(operator.mul, values.tolist(), weights.tolist()))


def weighted_mean(values: Column, weights: Column, denominator: int = 1) -> Fraction | None:
    """Mean of ``values / denominator`` by whole weights, exact; None where the weights sum to 0."""
    total = weighted_sum(np.ones_like(weights), weights)
    if total == 0:
        return None
    # Around the least value the products are small, and mostly fit 64 bits.
    base = int(values.min())
    return Fraction(weighted_sum(values - base, weights) + base * total, total * denominator)
