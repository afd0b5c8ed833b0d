"""What a market tells in passing: bars, quotes and trades, as strategies see them, with prices as plain floats."""

from __future__ import annotations

from attrs import define


@define(slots=True)
class Bar:
    """A bar. It covers its start up to, not including, its end, and is known at its end. Treated as immutable.

    Attributes:
        symbol: what traded.
        start_ns: ns since the run's epoch; ``end_ns`` likewise.
        open: in the quoting currency, as are ``high``, ``low`` and ``close``.
        volume: shares or contracts.
    """

    symbol: str
    start_ns: int
    end_ns: int
    open: float
    high: float
    low: float
    close: float
    volume: int


@define(slots=True)
class QuoteUpdate:
    """A best bid and offer. Treated as immutable.

    Attributes:
        symbol: what is quoted.
        time_ns: when it was set at its market, ns since the run's epoch.
        bid: in the quoting currency; None where nothing is shown, with size 0. ``ask`` likewise.
    """

    symbol: str
    time_ns: int
    bid: float | None
    bid_size: int
    ask: float | None
    ask_size: int


@define(slots=True)
class TradeUpdate:
    """A trade of others. Treated as immutable.

    Attributes:
        symbol: what traded.
        time_ns: when, ns since the run's epoch.
        price: in the quoting currency.
        quantity: shares or contracts.
    """

    symbol: str
    time_ns: int
    price: float
    quantity: int
