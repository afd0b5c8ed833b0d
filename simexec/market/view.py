"""What a participant sees of a market from its own place: quotes that took their time to arrive.

Every change of the best bid and offer has its own arrival, ``a_k = max(a_{k-1}, t_k + L_k)`` with ``L_k`` from the view's own
stream, so quotes never run backwards under random latency. Nothing travels on the calendar: what is seen at a time is found in the
arrival column when somebody looks.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.market.order_book import Quote
from simexec.protocols import DurationModel


class MarketView:
    """Best bid and offer of one market, seen with latency.

    Args:
        market: what is looked at.
        latency: of each change of the quote.
        rng: the view's own stream.
        clock: the present time in ns.
    """

    def __init__(
        self, market: Market, latency: DurationModel, rng: np.random.Generator, clock: Callable[[], int]
    ) -> None:
        self._market = market
        self._latency = latency
        self._rng = rng
        self._clock = clock
        self._arrivals = np.empty(0, np.int64)
        self._rows = np.empty((0, 5), np.int64)
        self._last_arrival = 0
        market.book.watch_quotes(self._absorb)
        earlier = market.book.quotes.since()
        if len(earlier):
            self._absorb(earlier)

    def quote(self) -> Quote | None:
        """The latest quote that has arrived; None before the first. Its ``time_ns`` is the market's, not the arrival's."""
        self._market.book.flush()
        if self._forget_old() == 0:
            return None
        time, bid, bid_size, ask, ask_size = self._rows[0].tolist()
        return Quote(time, bid if bid_size else None, bid_size, ask if ask_size else None, ask_size)

    def _absorb(self, rows: Array) -> None:
        """Give new quotes their arrivals."""
        arrivals = rows[:, 0] + self._latency.sample(self._rng, len(rows))
        arrivals[0] = max(int(arrivals[0]), self._last_arrival)
        arrivals = np.maximum.accumulate(arrivals)
        self._last_arrival = int(arrivals[-1])
        self._arrivals = np.concatenate([self._arrivals, arrivals])
        self._rows = np.concatenate([self._rows, rows])
        self._forget_old()

    def _forget_old(self) -> int:
        """Keep only the latest quote that has arrived and those on their way; returns how many of the former there are."""
        found = int(np.searchsorted(self._arrivals, self._clock(), side="right"))
        if found > 1:
            self._arrivals = self._arrivals[found - 1 :]
            self._rows = self._rows[found - 1 :]
        return min(found, 1)
