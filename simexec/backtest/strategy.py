"""What a strategy of a backtest is: an object with any of a few methods, plain or ``async``."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Set
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from simexec.errors import InputError
from simexec.trading.capabilities import Capabilities
from simexec.trading.convert import nearest

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
_OF_DATA = ("on_bar", "on_quote", "on_trade")


def check_methods(strategy: Strategy) -> None:
    """Check that a strategy has a method to be told by, and none that looks like one and is never called.

    Raises:
        InputError: it has none, a public method ``on_...`` that is not known, or is a class rather than one of it.
    """
    if isinstance(strategy, type):
        raise InputError(f"strategy {strategy!r} is a class; give one of it, such as {strategy.__name__}()")
    has = {name for name in dir(strategy) if name.startswith("on_") and callable(getattr(strategy, name, None))}
    for name in sorted(has.difference(METHODS)):
        raise InputError(
            f"strategy {type(strategy).__name__} has a method {name}, which is never called{nearest(name, METHODS)} (a method of"
            " its own needs a name without on_)"
        )
    if not has - {"on_start", "on_stop"}:
        raise InputError(
            f"strategy {strategy!r} has none of on_bar, on_quote, on_trade and on_fill, so it would never be told anything"
        )


def check_told(strategy: Strategy, told: Set[str]) -> None:
    """Check that data bring something that a strategy looks at.

    Args:
        strategy: whose methods were checked.
        told: names of the methods of data that will be called: ``on_bar``, or ``on_quote`` and ``on_trade``.

    Raises:
        InputError: it looks at other kinds of data only.
    """
    has = [name for name in _OF_DATA if callable(getattr(strategy, name, None))]
    if has and told.isdisjoint(has):
        raise InputError(
            f"strategy {type(strategy).__name__} has {' and '.join(has)}, and its data bring {' and '.join(sorted(told))} only;"
            " give it such a method, or other data"
        )


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
