"""Hundreds of thousands of quotes for a figure a thousand pixels wide, with every spike kept."""

from __future__ import annotations

import attrs
import numpy as np
import numpy.typing as npt

from simexec.analysis.result import Rows

Reals = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class QuoteBand:
    """Quotes over bins of equal length; NaN where a side showed nothing, or nothing is known yet.

    Attributes:
        edge_ns: left edges of the bins and the right one of the last, n + 1.
        lowest_bid_quanta: least bid that held within each bin, however shortly.
        highest_ask_quanta: greatest ask that held within each bin.
        mid_quanta: mid-point at the end of each bin.
    """

    edge_ns: Reals
    lowest_bid_quanta: Reals
    highest_ask_quanta: Reals
    mid_quanta: Reals

    @classmethod
    def of(cls, quotes: Rows, start_ns: int, end_ns: int, bins: int) -> QuoteBand:
        """The band of quotes (``RunResult.quotes``) from a time to a later one."""
        edges = np.linspace(start_ns, end_ns, bins + 1)
        # The first row of a bin is the one that held at its left edge; the last is before its right edge.
        first = np.searchsorted(quotes[:, 0], edges[:-1], side="right") - 1
        stop = np.maximum(np.searchsorted(quotes[:, 0], edges[1:], side="left"), first + 1)
        bid = np.where(quotes[:, 2] > 0, quotes[:, 1], np.nan)
        ask = np.where(quotes[:, 4] > 0, quotes[:, 3], np.nan)
        known = stop > 0
        lowest, highest, mid = (np.full(bins, np.nan) for _ in range(3))
        if known.any():
            # A row of NaN at the end makes every stop an index; what reduceat finds between two pairs is not used.
            pairs = np.column_stack([np.maximum(first, 0), stop])[known].ravel()
            lowest[known] = np.fmin.reduceat(np.append(bid, np.nan), pairs)[::2]
            highest[known] = np.fmax.reduceat(np.append(ask, np.nan), pairs)[::2]
            mid[known] = ((bid + ask) / 2)[stop[known] - 1]
        return cls(edges, lowest, highest, mid)
