"""What a participant sees of a market without a book, from its own place."""

from __future__ import annotations

import numpy as np

from simexec.market.arrivals import ArrivalModel, arrivals_of
from simexec.market.feed import Feed
from simexec.market.levels import Array
from simexec.market.order_book import Quote
from simexec.market.tape import BAR_WIDTH, CLOSE, END, VOLUME
from simexec.market.waiting import Wait
from simexec.protocols import DurationModel
from simexec.sim import Event, Simulation
from simexec.venue.model_market import ModelMarket

_QUOTE_COLUMNS = 5


class ModelView:
    """The latest quote, or the latest complete bar, with latency; what has arrived is found as ``MarketView`` does it.

    Of bars, a quote is the latest bar's close as bid and ask, since the spread is not known, and its volume as both sizes; its
    time is the bar's end.

    Args:
        sim: the simulation.
        market: what is looked at.
        latency: of each quote, or of each bar from its end on.
        rng: the view's own stream.
    """

    def __init__(
        self, sim: Simulation, market: ModelMarket, latency: DurationModel | ArrivalModel, rng: np.random.Generator
    ) -> None:
        self._sim = sim
        self._is_bars = market.is_bars
        self._shown: Quote | None = None
        self._bar: list[int] | None = None
        width = _QUOTE_COLUMNS + (BAR_WIDTH if market.is_bars else 0)
        self._feed = Feed(
            sim, width, arrivals_of(latency, rng), self._show,
            lambda buy_key, sell_key, anything: market.watch(self, anything), replaces=(),
        )  # fmt: skip
        market.observe(self._absorb)

    def quote(self) -> Quote | None:
        """The latest quote that has arrived, None before the first; its ``time_ns`` is the market's."""
        self._feed.bring()
        return self._shown

    def bar(self) -> list[int] | None:
        """The latest bar that has arrived (columns of ``market.tape``), None before the first and where there are no bars."""
        self._feed.bring()
        return self._bar

    def changes(self) -> Event:
        """The next arrival of a quote or bar; its value is the quote then seen."""
        self._feed.bring()
        start = self._feed.arrived

        def condition() -> Quote | None:
            quote = self.quote()
            return quote if self._feed.arrived > start else None

        return Wait(self._sim, condition, [(self._feed, None)]).event

    def _absorb(self, rows: Array) -> None:
        """Take what is published: as a quote, with the bar behind it where there are bars."""
        columns = [END, CLOSE, VOLUME, CLOSE, VOLUME, *range(BAR_WIDTH)] if self._is_bars else [0, 2, 3, 4, 5]
        self._feed.absorb(rows[:, columns])

    def _show(self, rows: Array, arrivals: Array) -> None:
        time, bid, bid_size, ask, ask_size, *bar = rows[-1].tolist()
        self._shown = Quote(time, bid if bid_size else None, bid_size, ask if ask_size else None, ask_size)
        self._bar = bar or None
