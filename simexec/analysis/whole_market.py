"""The markets of one symbol as one: the best bid and offer over the lit ones, and the prints of all.

What stood at which time is known here without delay. A market whose own bid has reached its own offer is in a call; its
prices are no prices to trade at, and it is left out while that lasts. The best bid of one market may lock or cross the best
offer of another, and is taken as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from simexec.analysis.result import MarketReport, Rows, no_rows
from simexec.market import layout as at


def markets_of(markets: Iterable[MarketReport], symbol: str) -> list[MarketReport]:
    """The markets of a symbol by name: the order in which what happens at one time happens."""
    return sorted((one for one in markets if one.instrument.symbol == symbol), key=lambda one: one.name)


def best_quotes(markets: Sequence[Rows]) -> Rows:
    """Best bid and offer over markets, a row wherever they change: int64 (n, 5) as ``MarketReport.quotes``.

    Sizes are of all markets that show the best price. Of one market it is that market's own table, not a copy.

    Args:
        markets: quotes of each, in the order of ``markets_of``.
    """
    if len(markets) < 2:
        return markets[0] if markets else no_rows(5)
    order, sources = order_of_time(markets)
    whole = np.empty((len(order), 5), np.int64)
    whole[:, 0] = np.concatenate([rows[:, 0] for rows in markets])[order]
    whole[:, 1], whole[:, 3] = at.NO_PRICE, at.NO_PRICE
    whole[:, 2] = whole[:, 4] = 0
    for number, rows in enumerate(markets):
        if len(rows) == 0:
            continue
        row = np.cumsum(sources == number) - 1
        in_call = (rows[:, 2] > 0) & (rows[:, 4] > 0) & (rows[:, 1] >= rows[:, 3])
        known = (row >= 0) & ~in_call[row]
        for column, sign in ((1, 1), (3, -1)):
            price, size = rows[row, column], np.where(known, rows[row, column + 1], 0)
            best, best_size = whole[:, column], whole[:, column + 1]
            shown = size > 0
            better = shown & ((best_size == 0) | (sign * price > sign * best))
            level = shown & (best_size > 0) & (price == best) & ~better
            best_size[level] += size[level]
            best[better], best_size[better] = price[better], size[better]
    changed = np.ones(len(whole), np.bool_)
    changed[1:] = (whole[1:, 1:] != whole[:-1, 1:]).any(axis=1)
    return whole[changed]


def all_prints(markets: Sequence[Rows]) -> Rows:
    """Prints of several markets in order of time, those of one time in the order of the markets; of one its own table."""
    if len(markets) < 2:
        return markets[0] if markets else no_rows(6)
    return np.concatenate(markets)[order_of_time(markets)[0]]


def order_of_time(markets: Sequence[Rows]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """How to put the rows of all markets in order of time, and which market each is then of, by its place in the list."""
    sources = np.repeat(np.arange(len(markets)), [len(rows) for rows in markets])
    if len(markets) < 2:
        return np.arange(len(sources)), sources
    order = np.argsort(np.concatenate([rows[:, 0] for rows in markets]), kind="stable")
    return order, sources[order]
