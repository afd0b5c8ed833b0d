"""What is known of a market whose data are handed in: the latest of everything, and who waits for the next."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

from simexec.market.order_book import Quote
from simexec.market.tape import CLOSE, HIGH, LOW, OPEN, TRADE, VOLUME
from simexec.market.view import Trade, crossing_keys, reaches, whole_price
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

    Attributes:
        instrument: of which.
    """

    def __init__(self, sim: Simulation, instrument: Instrument) -> None:
        self._sim = sim
        self.instrument = instrument
        self._prices = Prices(instrument)
        self._quote: Quote | None = None
        self._bar: list[int] | None = None
        self._trade: Trade | None = None
        self._traded = self._trades = self._quotes = 0
        self._waiting: list[tuple[Event, Callable[[], Any]]] = []

    def hear(self, columns: list[int], is_bar: bool) -> None:
        """Take a row that was handed in; who waits for it is woken."""
        if is_bar:
            self._bar = columns
            self._quotes += 1
            if columns[VOLUME]:
                self._trades += 1
                self._traded += columns[VOLUME]
        elif columns[1] == TRADE:
            self._trades += 1
            self._traded += columns[3]
            self._trade = Trade(columns[0], columns[2], columns[3], 0, self._trades)
        else:
            time, _, bid, bid_size, ask, ask_size = columns
            self._quotes += 1
            self._quote = Quote(time, bid if bid_size else None, bid_size, ask if ask_size else None, ask_size)
        if self._waiting:
            self._wake()

    def quote(self) -> Quote | None:
        """The latest quote; of bars the close as bid and ask, and the volume as both sizes; None before the first."""
        bar = self._bar
        if bar is not None:
            return Quote(bar[1], bar[CLOSE], bar[VOLUME], bar[CLOSE], bar[VOLUME])
        return self._quote

    def last_trade(self) -> Trade | None:
        """The latest trade, or bar as one trade at its close; None before the first."""
        bar = self._bar
        return self._trade if bar is None else Trade(bar[1], bar[CLOSE], bar[VOLUME], 0, self._trades)

    def traded_quantity(self) -> int:
        """Sum of the quantities of all trades, or of the volumes of all bars."""
        return self._traded

    def price(self) -> float | None:
        """The price at which a position is valued: last close or trade, or middle of the quote; None before the first."""
        if self._bar is not None:
            return self._prices.of(self._bar[CLOSE])
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
        event = Event(self._sim)
        value = condition()
        if value is not None:
            event.succeed(value)
        else:
            self._waiting.append((event, condition))
        return event

    def _wake(self) -> None:
        still: list[tuple[Event, Callable[[], Any]]] = []
        for event, condition in self._waiting:
            value = condition()
            if value is None:
                still.append((event, condition))
            else:
                event.succeed(value)
        self._waiting = still
