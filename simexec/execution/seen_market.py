"""What is known of a market whose data are handed in: the latest of everything, and who waits for the next."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any, cast

from simexec.market.feed import Feed, Waiter
from simexec.market.order_book import Quote
from simexec.market.tape import CLOSE, END, HIGH, KIND, LOW, OPEN, TIME, TRADE, VOLUME
from simexec.market.view import Trade, crossing_keys, reaches, whole_price
from simexec.market.waiting import Wait
from simexec.sim import Event, Simulation
from simexec.trading.instrument import Instrument
from simexec.trading.market_data import Bar, QuoteUpdate, TradeUpdate
from simexec.trading.vocabulary import OrderSide

MarketDatum = Bar | QuoteUpdate | TradeUpdate


class Prices:
    """Turns price quanta of an instrument into floats, each rounded once."""

    __slots__ = ("_denominator", "_numerator")

    def __init__(self, instrument: Instrument) -> None:
        self._numerator, self._denominator = Fraction(instrument.quantum).as_integer_ratio()

    def of(self, quanta: int) -> float:
        """A price in the quoting currency."""
        return quanta * self._numerator / self._denominator


class SeenMarket:
    """What is known of one instrument at present; a ``View`` for algorithms, without latency of its own.

    As to a ``ModelView``, a bar in which nothing was traded is neither a quote nor a trade.

    Args:
        sim: the simulation.
        instrument: of which.

    Attributes:
        instrument: as given.
    """

    def __init__(self, sim: Simulation, instrument: Instrument) -> None:
        self._sim = sim
        self.instrument = instrument
        self._prices = Prices(instrument)
        self._quote: Quote | None = None
        self._trade: Trade | None = None
        self._close: int | None = None
        self._bar: tuple[int, int, int] | None = None  # end, close and volume of the latest with trading
        self._traded = self._trades = self._quotes = 0
        self._waiting: dict[Waiter, None] = {}

    def hear(self, columns: list[int], is_bar: bool) -> None:
        """Take a row that was handed in; who waits for it is woken."""
        if is_bar:
            time, close, volume = columns[END], columns[CLOSE], columns[VOLUME]
            self._close = close
            if not volume:
                return
            # NOTE: a quote and a trade are made of it when somebody asks, which saves a fifth of a bar's cost.
            self._bar = time, close, volume
            self._quotes += 1
            self._trades += 1
            self._traded += volume
        elif columns[KIND] == TRADE:
            self._trades += 1
            self._traded += columns[3]
            self._trade = Trade(columns[TIME], columns[2], columns[3], 0, self._trades)
        else:
            time, _, bid, bid_size, ask, ask_size = columns
            self._quotes += 1
            self._quote = Quote(time, bid if bid_size else None, bid_size, ask if ask_size else None, ask_size)
        for waiter in list(self._waiting):
            waiter.look()

    def quote(self) -> Quote | None:
        """The latest quote; of bars the close as bid and ask, and the volume as both sizes; None before the first."""
        if self._bar is None:
            return self._quote
        time, close, volume = self._bar
        return Quote(time, close, volume, close, volume)

    def last_trade(self) -> Trade | None:
        """The latest trade, or bar as one trade of its volume at its close; None before the first."""
        return self._trade if self._bar is None else Trade(*self._bar, 0, self._trades)

    def traded_quantity(self) -> int:
        """Sum of the quantities of all trades, or of the volumes of all bars."""
        return self._traded

    def price(self) -> float | None:
        """The last close, the middle of the quote or its only side, or without quotes the last trade; None before the first."""
        if self._close is not None:
            return self._prices.of(self._close)
        quote = self._quote
        sides = [] if quote is None else [side for side in (quote.bid, quote.ask) if side is not None]
        if sides:
            return self._prices.of(sum(sides)) / len(sides)
        return None if self._trade is None else self._prices.of(self._trade.price)

    def datum(self, columns: list[int], is_bar: bool) -> MarketDatum:
        """A row as strategies see it."""
        price, symbol = self._prices.of, self.instrument.symbol
        if is_bar:
            return Bar(
                symbol, columns[0], columns[1], price(columns[OPEN]), price(columns[HIGH]), price(columns[LOW]),
                price(columns[CLOSE]), columns[VOLUME],
            )  # fmt: skip
        time, kind, bid, bid_size, ask, ask_size = columns
        if kind == TRADE:
            return TradeUpdate(symbol, time, price(bid), bid_size)
        return QuoteUpdate(
            symbol, time, price(bid) if bid_size else None, bid_size, price(ask) if ask_size else None, ask_size
        )

    # --- waiting -------------------------------------------------------------------------------------------------------

    def changes(self) -> Event:
        """The next quote or bar; its value is the quote then seen."""
        start = self._quotes
        return self._wait(lambda: self.quote() if self._quotes > start else None)

    def next_trade(self) -> Event:
        """The next trade or bar with trading; its value is the trade."""
        start = self._trades
        return self._wait(lambda: self.last_trade() if self._trades > start else None)

    def crosses(self, price: int, side: OrderSide | None = None) -> Event:
        """The first moment at which the quote has come to ``price`` (quanta); see ``MarketView.crosses``."""
        keys = crossing_keys(whole_price(price), side, self.quote())
        return self._wait(lambda: quote if reaches(quote := self.quote(), keys) else None)

    def _wait(self, condition: Callable[[], Any]) -> Event:
        return Wait(self._sim, condition, [(cast(Feed, self), None)]).event  # of a feed it needs join and leave

    def join(self, waiter: Waiter, keys: object) -> None:
        """See ``Feed``: have ``waiter`` look whenever something is heard."""
        self._waiting[waiter] = None

    def leave(self, waiter: Waiter) -> None:
        """See ``Feed``: stop that."""
        self._waiting.pop(waiter, None)
