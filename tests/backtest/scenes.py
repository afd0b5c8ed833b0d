"""Data, strategies and runs that tests of the backtest engine share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import BarArrays, QuoteArrays
from simexec.backtest.engine import UnifiedBacktestEngine
from simexec.backtest.results import BacktestResults
from simexec.backtest.trader import Trader
from simexec.execution.risk_limits import RiskLimits

MINUTE = 60 * 10**9
MARGIN = RiskLimits(allow_short=True, buying_power=False)

Columns = dict[str, Any]


def config(*symbols: str, **fields: Any) -> BacktestConfig:
    """Two days of January 2024; without limits of risk, and all points of the curve kept, unless fields say otherwise."""
    defaults: Columns = {"start_date": "2024-01-02", "end_date": "2024-01-03", "limits": MARGIN, "history": None}
    return BacktestConfig(symbols=symbols or ("AAA",), **defaults | fields)


def run(strategy: Any, loader: Any, *symbols: str, **fields: Any) -> BacktestResults:
    """A backtest in a simulation of its own, awaited under asyncio."""
    return asyncio.run(UnifiedBacktestEngine(config(*symbols, **fields)).run(strategy, loader))


def ns(text: str) -> int:
    """Nanoseconds since 1970 of a moment in UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 10**9


def bars(rows: Sequence[tuple[str, float, float, float, float, int]]) -> Columns:
    """Columns of bars from rows of start, open, high, low, close and volume."""
    columns = list(zip(*rows, strict=True)) if rows else [()] * 6
    names = ("open", "high", "low", "close", "volume")
    return {"time": np.array(columns[0], "datetime64[ns]")} | {
        name: np.array(column, float) for name, column in zip(names, columns[1:], strict=True)
    }


def flat(prices: Sequence[float], start: str = "2024-01-02T10:00", volume: int = 1000) -> Columns:
    """Minute bars whose four prices are the same."""
    times = np.datetime64(start, "ns") + np.arange(len(prices)) * np.timedelta64(1, "m")
    values = np.array(prices, float)
    return (
        {"time": times}
        | dict.fromkeys(("open", "high", "low", "close"), values)
        | {"volume": np.full(len(prices), volume)}
    )


def walk(count: int, seed: int, start: str = "2024-01-02T10:00", gaps: float = 0.0) -> Columns:
    """Minute bars of a random walk in cents; a fraction of them is left out."""
    rng = np.random.default_rng(seed)
    close = 10_000 + np.cumsum(rng.integers(-15, 16, count))
    open_ = np.concatenate([[10_000], close[:-1]]) + rng.integers(-3, 4, count)
    high, low = (
        np.maximum(open_, close) + rng.integers(0, 9, count),
        np.minimum(open_, close) - rng.integers(0, 9, count),
    )
    keep = rng.random(count) >= gaps
    times = np.datetime64(start, "ns") + np.arange(count) * np.timedelta64(1, "m")
    prices = {"open": open_, "high": high, "low": low, "close": close}
    columns: Columns = {"time": times} | {name: values / 100 for name, values in prices.items()}
    columns["volume"] = rng.integers(1, 500, count)
    return {name: values[keep] for name, values in columns.items()}


def loader_of(data: Mapping[str, Columns], stamp: str = "start", interval: str = "1m") -> BarArrays:
    """Bars by symbol."""
    return BarArrays(data, interval, stamp)


def quotes_of(rows: Sequence[tuple[str, float, int, float, int]]) -> Columns:
    """Columns of quotes from rows of time, bid, its size, ask, its size."""
    columns = list(zip(*rows, strict=True))
    names = ("bid", "bid_size", "ask", "ask_size")
    return {"time": np.array(columns[0], "datetime64[ns]")} | {
        name: np.array(column) for name, column in zip(names, columns[1:], strict=True)
    }


def trades_of(rows: Sequence[tuple[str, float, int]]) -> Columns:
    """Columns of trades from rows of time, price and quantity."""
    columns = list(zip(*rows, strict=True))
    return {
        "time": np.array(columns[0], "datetime64[ns]"),
        "price": np.array(columns[1]),
        "quantity": np.array(columns[2]),
    }


def one_quote(**columns: Any) -> QuoteArrays:
    """Quotes of AAA."""
    return QuoteArrays({"AAA": columns})


class Diary:
    """Writes down all that it is told, with the time and the position at which it is; acts as a function says."""

    def __init__(self, act: Any = None) -> None:
        self.told: list[tuple[Any, ...]] = []
        self._act = act

    def _note(self, kind: str, what: Any, trader: Trader) -> None:
        symbol = getattr(what, "symbol", trader.symbols[0])
        self.told.append((trader.now_ns, kind, symbol, trader.position(symbol), what))
        if self._act is not None:
            self._act(kind, what, trader)

    def on_start(self, trader: Trader) -> None:
        self._note("start", None, trader)

    def on_bar(self, bar: Any, trader: Trader) -> None:
        self._note("bar", bar, trader)

    def on_quote(self, quote: Any, trader: Trader) -> None:
        self._note("quote", quote, trader)

    def on_trade(self, trade: Any, trader: Trader) -> None:
        self._note("trade", trade, trader)

    def on_fill(self, fill: Any, trader: Trader) -> None:
        self._note("fill", fill, trader)

    def on_stop(self, trader: Trader) -> None:
        self._note("stop", None, trader)

    def kinds(self) -> list[str]:
        """What it was told, in order."""
        return [kind for _, kind, *_ in self.told]


class Once:
    """Calls a function with the first bar, and does nothing else."""

    def __init__(self, act: Any) -> None:
        self._act = act
        self.order: Any = None

    def on_bar(self, bar: Any, trader: Trader) -> None:
        if self.order is None:
            self.order = self._act(bar, trader)


def account(results: BacktestResults) -> dict[str, Any]:
    """Everything of results that must be the same when the same is run again."""
    return {
        "times": results.curve.times_ns.tolist(),
        "equity": results.curve.equity.tolist(),
        "exposure": results.curve.exposure.tolist(),
        "fills": [
            (one.order_id, one.exec_id, one.symbol, one.side, one.quantity, one.price_quanta, one.fee, one.time_ns)
            for one in results.fills
        ],
        "trades": results.trades,
        "figures": results.figures(),
        "stats": results.stats,
        "rows": results.rows,
    }
