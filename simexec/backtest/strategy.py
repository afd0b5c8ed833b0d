"""What a strategy of a backtest is: an object with any of a few methods, plain or ``async``."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from simexec.errors import InputError
from simexec.trading.capabilities import Capabilities

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
``on_stop(trader)``. What it has not it is not told. An attribute ``requires`` says what its orders need of the venues."""

METHODS = ("on_start", "on_bar", "on_quote", "on_trade", "on_fill", "on_stop")


def check_requirements(strategy: Strategy, found: Capabilities) -> None:
    """Check that a strategy has all that it says it needs.

    Args:
        strategy: with an attribute ``requires`` of ``Capabilities``, or without one.
        found: what every venue can do.

    Raises:
        InputError: something is missing, or ``requires`` is something else.
    """
    requires = getattr(strategy, "requires", None)
    if requires is None:
        return
    if not isinstance(requires, Capabilities):
        raise InputError(
            f"requires of strategy {strategy!r} is {requires!r}; give Capabilities(order_types=[...], ...)"
        )
    lacking = requires.without(found)
    if lacking:
        raise InputError(
            f"strategy {strategy!r} requires {lacking}, which the venues of its data lack (they have {found})"
        )
