"""What a strategy of a backtest is: an object with any of a few methods, plain or ``async``."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

if TYPE_CHECKING:
    from simexec.backtest.trader import Trader
    from simexec.trading.events import Signal
    from simexec.trading.market_data import Bar, QuoteUpdate, TradeUpdate
    from simexec.trading.report import Fill

Answer: TypeAlias = "Signal | Iterable[Signal] | None"
"""What a strategy's method may return: signals, which risk sizes and sends; None if it has placed orders itself, or none."""


class OnBar(Protocol):
    """Who looks at bars."""

    def on_bar(self, bar: Bar, trader: Trader) -> Answer | Awaitable[Answer]:
        """A bar has ended, and is known here."""


class OnQuote(Protocol):
    """Who looks at quotes."""

    def on_quote(self, quote: QuoteUpdate, trader: Trader) -> Answer | Awaitable[Answer]:
        """A quote has arrived here."""


class OnTrade(Protocol):
    """Who looks at trades of others."""

    def on_trade(self, trade: TradeUpdate, trader: Trader) -> Answer | Awaitable[Answer]:
        """A trade has been heard of here."""


class OnFill(Protocol):
    """Who looks at his own fills."""

    def on_fill(self, fill: Fill, trader: Trader) -> Answer | Awaitable[Answer]:
        """One of our orders has traded, and the report has arrived."""


Strategy: TypeAlias = OnBar | OnQuote | OnTrade | OnFill | Any
"""Any object with one or more of ``on_bar``, ``on_quote``, ``on_trade`` and ``on_fill``, and perhaps ``on_start(trader)`` and
``on_stop(trader)``. What it has not it is not told."""

METHODS = ("on_start", "on_bar", "on_quote", "on_trade", "on_fill", "on_stop")
