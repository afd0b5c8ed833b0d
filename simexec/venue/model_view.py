"""What a participant sees of a market without a book, from its own place."""

from __future__ import annotations

import numpy as np

from simexec.market.arrivals import ArrivalModel, arrivals_of
from simexec.market.feed import Feed, reaching
from simexec.market.layout import ANY_KEY
from simexec.market.levels import Array
from simexec.market.order_book import Quote
from simexec.market.tape import BAR_WIDTH, CLOSE, END, QUOTE, TRADE, VOLUME
from simexec.market.view import Trade, crossing_keys, reaches, whole_price
from simexec.market.waiting import Wait
from simexec.protocols import DurationModel
from simexec.sim import Event, Simulation
from simexec.trading.vocabulary import OrderSide
from simexec.venue.model_market import Mask, ModelMarket

_QUOTE_COLUMNS = 5
_TRADE_COLUMNS = 3


class ModelView:
    """Quotes and trades, or complete bars, with latency; what has arrived is found as ``MarketView`` does it.

    Of bars, a quote is the latest bar's close as bid and ask, since the spread is not known, and its volume as both sizes; its
    time is the bar's end. The bar is one trade too: its volume at its close.

    What we do adds nothing to what was traded: the venue gives us a share of the volume that the tape has. A tape of quotes
    without trades shows none, so whoever waits for one waits in vain: a volume guessed from quotes would be no volume.

    Args:
        sim: the simulation.
        market: what is looked at.
        latency: of each quote or trade, or of each bar from its end on.
        rng: the view's own stream; ``trades_rng`` that of trades, which are a channel of their own where there are no bars.
    """

    def __init__(
        self,
        sim: Simulation,
        market: ModelMarket,
        latency: DurationModel | ArrivalModel,
        rng: np.random.Generator,
        trades_rng: np.random.Generator,
    ) -> None:
        self._sim = sim
        self._market = market
        self._is_bars = market.is_bars
        self._shown: Quote | None = None
        self._bar: list[int] | None = None
        self._trade: Trade | None = None
        self._trades = self._traded = 0
        width = _QUOTE_COLUMNS + (BAR_WIDTH if market.is_bars else 0)
        self._quotes = Feed(sim, width, arrivals_of(latency, rng), self._show, self._want_quotes, replaces=())
        market.observe(self._absorb, QUOTE)
        if market.is_bars:
            self._feed_of_trades = self._quotes
        else:
            times = arrivals_of(latency, trades_rng)
            self._feed_of_trades = Feed(sim, _TRADE_COLUMNS, times, self._show_trades, self._want_trades)
            market.observe(lambda rows: self._feed_of_trades.absorb(rows[:, [0, 2, 3]]), TRADE)

    def quote(self) -> Quote | None:
        """The latest quote that has arrived, None before the first; its ``time_ns`` is the market's."""
        self._quotes.bring()
        return self._shown

    def bar(self) -> list[int] | None:
        """The latest bar that has arrived (columns of ``market.tape``), None before the first and where there are no bars."""
        self._quotes.bring()
        return self._bar

    def last_trade(self) -> Trade | None:
        """The latest trade that has arrived, None before the first; its aggressor is not known."""
        self._feed_of_trades.bring()
        return self._trade

    def traded_quantity(self) -> int:
        """Sum of the quantities of all trades, or of the volumes of all bars, that have arrived."""
        self._feed_of_trades.bring()
        return self._traded

    def changes(self) -> Event:
        """The next arrival of a quote or bar; its value is the quote then seen."""
        self._quotes.bring()
        start = self._quotes.arrived

        def condition() -> Quote | None:
            quote = self.quote()
            return quote if self._quotes.arrived > start else None

        return Wait(self._sim, condition, [(self._quotes, None)]).event

    def next_trade(self) -> Event:
        """The next arrival of a trade or bar; its value is the latest trade then seen."""
        self._feed_of_trades.bring()
        start = self._trades

        def condition() -> Trade | None:
            trade = self.last_trade()
            return trade if self._trades > start else None

        return Wait(self._sim, condition, [(self._feed_of_trades, None)]).event

    def crosses(self, price: int, side: OrderSide | None = None) -> Event:
        """The first moment at which the quote seen has come to ``price`` (quanta); see ``MarketView.crosses``."""
        keys = crossing_keys(whole_price(price), side, self.quote())

        def condition() -> Quote | None:
            quote = self.quote()
            return quote if reaches(quote, keys) else None

        return Wait(self._sim, condition, [(self._quotes, keys)]).event

    # --- channels ------------------------------------------------------------------------------------------------------

    def _rows_of_quotes(self, rows: Array) -> Array:
        """What is published as quotes, with the bar behind it where there are bars."""
        return rows[:, [END, CLOSE, VOLUME, CLOSE, VOLUME, *range(BAR_WIDTH)] if self._is_bars else [0, 2, 3, 4, 5]]

    def _absorb(self, rows: Array) -> None:
        self._quotes.absorb(self._rows_of_quotes(rows))

    def _show(self, rows: Array, arrivals: Array) -> None:
        time, bid, bid_size, ask, ask_size, *bar = rows[-1].tolist()
        self._shown = Quote(time, bid if bid_size else None, bid_size, ask if ask_size else None, ask_size)
        if bar:
            self._bar = bar
            self._show_trades(rows[:, :_TRADE_COLUMNS], arrivals)

    def _show_trades(self, rows: Array, arrivals: Array) -> None:
        self._trades += len(rows)
        self._traded += int(rows[:, 2].sum())
        time, price, quantity = rows[-1].tolist()
        self._trade = Trade(time, price, quantity, 0, self._trades)

    def _want_quotes(self, buy_key: int, sell_key: int, anything: bool) -> None:
        keys = (buy_key, sell_key)

        def wanted(rows: Array) -> Mask:
            return self._market.published(rows, QUOTE) & (anything | reaching(self._rows_of_quotes(rows), keys))

        self._market.watch(self._quotes, wanted if anything or keys != (ANY_KEY, ANY_KEY) else None)

    def _want_trades(self, buy_key: int, sell_key: int, anything: bool) -> None:
        wanted = (lambda rows: self._market.published(rows, TRADE)) if anything else None
        self._market.watch(self._feed_of_trades, wanted)
