"""A strategy sees nothing that is stamped later than the present, and nothing that comes later changes what was before."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import Enum
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.backtest.data import BarArrays, QuoteArrays
from simexec.backtest.results import BacktestResults
from simexec.backtest.trader import Trader
from simexec.execution.broker import Latencies
from simexec.sim import Constant
from simexec.trading.vocabulary import OrderSide, OrderType
from simexec.venue.hours import SessionCalendar

from .scenes import MINUTE, Columns, Diary, bars, flat, loader_of, ns, run, walk

# --- peeking ------------------------------------------------------------------------------------------------------------------

BARS = 20
STEP = 0.37  # from bar to bar; no two bars have a price in common


def prices_of(bar: int, symbol: int = 0) -> list[float]:
    """Low, open, close and high of a bar; no other bar has any of them."""
    return [round(211.0 + STEP * bar + symbol / 100 + above, 2) for above in (0.0, 0.05, 0.1, 0.15)]


def stairs(symbol: int) -> Columns:
    """Bars whose prices, in dollars and in quanta, tell by themselves which bar they are of."""
    times = np.datetime64("2024-01-02T10:00", "ns") + np.arange(BARS) * np.timedelta64(1, "m")
    prices = np.array([prices_of(bar, symbol) for bar in range(BARS)])
    return {"time": times, "volume": np.full(BARS, 100)} | dict(
        zip(("low", "open", "close", "high"), prices.T, strict=True)
    )


def known_from(number: float, symbols: int) -> int | None:
    """The bar of which a number is a price, in dollars or in quanta; None if it is of none."""
    return KNOWN[symbols].get(round(number * 10_000) if isinstance(number, float) else number)


KNOWN = {
    symbols: {round(price * 10_000): bar for bar in range(BARS) for n in range(symbols) for price in prices_of(bar, n)}
    for symbols in (1, 2)
}


class Peeker:
    """Trades a little, and at every call looks at everything that can be reached from its trader by public names."""

    def __init__(self) -> None:
        self.calls = 0
        self.looked_at = 0
        self.numbers: list[tuple[int, str, float]] = []  # time of the call, path, value
        self.times: list[tuple[int, str, int]] = []

    def on_bar(self, bar: Any, trader: Trader) -> None:
        self._peek(bar, trader)
        trader.target(bar.symbol, self.calls % 3 * 5)
        trader.buy(bar.symbol, 1, round(bar.low - 0.5, 2))

    def on_fill(self, fill: Any, trader: Trader) -> None:
        self._peek(fill, trader)

    def on_quote(self, quote: Any, trader: Trader) -> None:
        self._peek(quote, trader)

    on_trade = on_quote

    def _peek(self, told: Any, trader: Trader) -> None:
        self.calls += 1
        shown: dict[str, Any] = {"told": told, "trader": trader, "orders": trader.orders()}
        for symbol in trader.symbols:
            market = trader.engine.market(symbol)
            shown[symbol] = [
                trader.bars(symbol), trader.price(symbol), trader.quote(symbol), trader.position(symbol), market.quote(),
                market.last_trade(), market.price(),
                [line.venue.statistics() for line in trader.engine.broker.lines.values()],
            ]  # fmt: skip
        self._walk(shown, "", trader.now_ns, set())

    def _walk(self, thing: Any, path: str, now: int, seen: set[int]) -> None:
        if isinstance(thing, bool | str | bytes | type | Enum) or thing is None:
            return
        if isinstance(thing, int | float | np.generic):
            name = path.rsplit(".", 1)[-1]
            (self.times if name.endswith("_ns") and isinstance(thing, int) else self.numbers).append((now, path, thing))
            return
        # The hours of sessions are known beforehand; a simulation's methods, which are not looked at, are no data.
        if id(thing) in seen or isinstance(thing, SessionCalendar | datetime | timedelta | ZoneInfo):
            return
        seen.add(id(thing))
        self.looked_at += 1
        if isinstance(thing, Mapping):
            for key, value in thing.items():
                self._walk(value, f"{path}.{key}", now, seen)
        elif isinstance(thing, list | tuple | set | frozenset) or type(thing).__name__ == "deque":
            for index, value in enumerate(thing):
                self._walk(value, f"{path}.{index}", now, seen)
        elif type(thing).__module__.startswith("simexec"):
            for name in dir(thing):
                if not name.startswith("_"):
                    value = getattr(thing, name, None)
                    if not callable(value) or type(value).__module__.startswith("simexec"):
                        self._walk(value, f"{path}.{name}", now, seen)


def test_nothing_that_a_peeking_strategy_can_reach_is_of_a_later_bar() -> None:
    peeker = Peeker()
    results = run(peeker, loader_of({"AAA": stairs(0), "BBB": stairs(1)}), "AAA", "BBB", lookback=1000)
    start = ns("2024-01-02T10:00") - ns("2024-01-02")
    assert peeker.calls == 2 * BARS + results.round_trips.fills
    assert results.round_trips.fills > BARS
    assert peeker.looked_at > 50 * peeker.calls  # it does get around
    assert {time for time, *_ in peeker.times} == set(range(start + MINUTE, start + (BARS + 1) * MINUTE, MINUTE))
    for now, path, time_ns in peeker.times:
        assert time_ns <= now, path
    prices = 0
    for now, path, number in peeker.numbers:
        bar = known_from(number, 2)
        assert bar is None or start + (bar + 1) * MINUTE <= now, path
        prices += bar is not None
    assert prices > 50 * peeker.calls


def test_the_search_of_the_peeking_strategy_would_find_a_later_bar() -> None:
    class Cheater(Peeker):
        def on_bar(self, bar: Any, trader: Trader) -> None:
            later = attrs.evolve(bar, close=bar.close + STEP, end_ns=bar.end_ns + MINUTE)
            trader.engine.tomorrow = [{"x": later}]  # type: ignore[attr-defined]
            super().on_bar(bar, trader)

    peeker = Cheater()
    run(peeker, loader_of({"AAA": stairs(0)}))
    assert any(time_ns > now for now, _, time_ns in peeker.times)
    start = ns("2024-01-02T10:00") - ns("2024-01-02")
    found = [(now, known_from(number, 1)) for now, path, number in peeker.numbers if "tomorrow" in path]
    assert any(bar is not None and start + (bar + 1) * MINUTE > now for now, bar in found)


def test_nothing_that_a_peeking_strategy_can_reach_is_of_a_later_quote_or_trade() -> None:
    times = np.datetime64("2024-01-02T10:00", "ns") + np.arange(BARS) * np.timedelta64(1, "m")
    bid, traded, ask, _ = np.array([prices_of(i) for i in range(BARS)]).T
    size = np.full(BARS, 30)
    quotes = {"time": times, "bid": bid, "bid_size": size, "ask": ask, "ask_size": size}
    trades = {"time": times, "price": traded, "quantity": size}

    class Buyer(Peeker):
        def on_quote(self, quote: Any, trader: Trader) -> None:
            self._peek(quote, trader)
            trader.buy("AAA", 1)

    peeker = Buyer()
    results = run(peeker, QuoteArrays({"AAA": quotes}, {"AAA": trades}))
    start = ns("2024-01-02T10:00") - ns("2024-01-02")
    assert results.rows == 2 * BARS
    assert results.round_trips.fills == BARS
    assert peeker.calls == 3 * BARS
    assert all(time_ns <= now for now, _, time_ns in peeker.times)
    found = [(now, path, known_from(number, 1)) for now, path, number in peeker.numbers]
    assert sum(row is not None for *_, row in found) > 20 * peeker.calls
    for now, path, row in found:
        assert row is None or start + row * MINUTE <= now, path


# --- causality ----------------------------------------------------------------------------------------------------------------


class Whimsical:
    """Decides by what it is told and sees, in ways that any difference would change."""

    def __init__(self) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.orders: list[tuple[Any, ...]] = []

    def on_bar(self, bar: Any, trader: Trader) -> None:
        self._look("bar", (bar.symbol, bar.open, bar.high, bar.low, bar.close, bar.volume), bar.close, trader)

    def on_quote(self, quote: Any, trader: Trader) -> None:
        told = (quote.symbol, quote.time_ns, quote.bid, quote.bid_size, quote.ask, quote.ask_size)
        self._look("quote", told, quote.bid or 100.0, trader)

    def on_trade(self, trade: Any, trader: Trader) -> None:
        self._look("trade", (trade.symbol, trade.time_ns, trade.price, trade.quantity), trade.price, trader)

    def on_fill(self, fill: Any, trader: Trader) -> None:
        told = (fill.symbol, fill.order_id, fill.quantity, fill.price_quanta, fill.fee, fill.time_ns)
        self.seen.append((trader.now_ns, "fill", told, trader.cash, trader.equity))

    def _look(self, kind: str, told: tuple[Any, ...], price: float, trader: Trader) -> None:
        symbols = [(one, trader.price(one), trader.position(one), len(trader.bars(one))) for one in trader.symbols]
        state = told, trader.cash, trader.equity, symbols
        self.seen.append((trader.now_ns, kind, state))
        choice = random.Random(repr(state))
        for order in trader.orders(told[0]):
            if choice.random() < 0.2:
                trader.cancel(order)
        side = choice.choice([OrderSide.BUY, OrderSide.SELL])
        limit = round(price + choice.choice([-0.2, -0.05, 0.0, 0.05]), 2)
        what = choice.randrange(5)
        if what == 0:
            order = trader.send(told[0], side, choice.randrange(1, 60))
        elif what == 1:
            order = trader.send(told[0], side, choice.randrange(1, 60), limit)
        elif what == 2:
            stop = round(price + side.sign * 0.1, 2)
            order = trader.send(told[0], side, choice.randrange(1, 60), order_type=OrderType.STOP, stop_price=stop)
        else:
            return
        self.orders.append((trader.now_ns, order.order_id, side, order.quantity, order.price_ticks))


def until(strategy: Whimsical, results: BacktestResults, now_ns: int) -> dict[str, Any]:
    """All that happened up to a time."""
    times, equity = results.curve.times_ns, results.curve.equity
    known = times <= now_ns
    fills = [(one.order_id, one.quantity, one.price_quanta, one.fee, one.time_ns) for one in results.fills]
    return {
        "seen": [one for one in strategy.seen if one[0] <= now_ns],
        "orders": [one for one in strategy.orders if one[0] <= now_ns],
        "fills": [one for one in fills if one[-1] <= now_ns],
        "equity": list(zip(times[known].tolist(), equity[known].tolist(), strict=True)),
        "trades": [one for one in results.trades if one.exit_ns <= now_ns],
    }


def scrambled_bars(columns: Columns, after: np.datetime64, rng: np.random.Generator) -> Columns:
    """Bars that end later are of another world."""
    later = columns["time"] + np.timedelta64(1, "m") > after
    other = dict(columns)
    count = int(later.sum())
    low = rng.integers(5_000, 15_000, count) / 100
    ends = low + np.sort(rng.integers(0, 500, (3, count)), axis=0) / 100
    for name, values in zip(("low", "open", "close", "high"), [low, ends[0], ends[1], ends[2]], strict=True):
        other[name] = columns[name].copy()
        other[name][later] = values
    other["volume"] = columns["volume"].copy()
    other["volume"][later] = rng.integers(0, 1000, count)
    return other


@given(seed=st.integers(0, 10**6), cut=st.integers(1, 60), latency=st.sampled_from(["0s", "20s", "90s"]))
@settings(max_examples=25)
def test_bars_that_end_later_change_nothing_that_was_seen_sent_filled_or_valued_before(
    seed: int, cut: int, latency: str
) -> None:
    rng = np.random.default_rng(seed)
    data = {"AAA": walk(60, seed, gaps=0.2), "BBB": walk(60, seed + 1, gaps=0.5)}
    moment = np.datetime64("2024-01-02T10:00", "ns") + cut * np.timedelta64(1, "m")
    other = {symbol: scrambled_bars(columns, moment, rng) for symbol, columns in data.items()}
    lines = Latencies(Constant(latency), Constant(latency), Constant(latency))
    told = []
    for one in (data, other):
        strategy = Whimsical()
        results = run(
            strategy, loader_of(one), "AAA", "BBB", participation="0.3", touch_fill_probability=0.5, latencies=lines,
            slippage="0.0003", commission="0.001",
        )  # fmt: skip
        told.append(until(strategy, results, int(moment.astype(np.int64)) - ns("2024-01-02")))
    assert told[0] == told[1]
    assert len(told[0]["equity"]) > 1


def test_the_comparison_of_two_worlds_would_find_a_difference() -> None:
    rng = np.random.default_rng(4)
    data = {"AAA": walk(60, 4)}
    moment = np.datetime64("2024-01-02T10:30", "ns")
    later = int(moment.astype(np.int64)) - ns("2024-01-02") + MINUTE
    told = []
    for one in (data, {"AAA": scrambled_bars(data["AAA"], moment, rng)}):
        strategy = Whimsical()
        told.append(until(strategy, run(strategy, loader_of(one)), later))
    assert told[0]["seen"] != told[1]["seen"]
    assert told[0]["seen"][:-5] == told[1]["seen"][: len(told[0]["seen"]) - 5]


@given(seed=st.integers(0, 10**6), cut=st.integers(1, 50), latency=st.sampled_from(["0s", "7s"]))
@settings(max_examples=25)
def test_quotes_and_trades_that_come_later_change_nothing_that_was_before(seed: int, cut: int, latency: str) -> None:
    rng = np.random.default_rng(seed)
    epoch = np.datetime64("2024-01-02T10:00", "ns")
    quote_times = epoch + np.sort(rng.integers(0, 60, 40)) * np.timedelta64(1, "m")
    trade_times = epoch + np.sort(rng.integers(0, 60, 25)) * np.timedelta64(1, "m")
    moment = epoch + cut * np.timedelta64(1, "m")

    def world(middle: int, seed: int) -> tuple[Columns, Columns]:
        draws = np.random.default_rng(seed)
        bid = middle + np.cumsum(draws.integers(-5, 6, 40))
        quotes = {
            "time": quote_times,
            "bid": bid / 100,
            "bid_size": draws.integers(0, 50, 40),
            "ask": (bid + draws.integers(1, 8, 40)) / 100,
            "ask_size": draws.integers(0, 50, 40),
        }
        trades = {
            "time": trade_times,
            "price": (middle + draws.integers(-9, 10, 25)) / 100,
            "quantity": draws.integers(1, 90, 25),
        }
        return quotes, trades

    mine, others = world(10_000, seed), world(20_000, seed + 1)
    spliced = tuple(
        {name: np.where(one["time"] <= moment, one[name], other[name]) for name in one}
        for one, other in zip(mine, others, strict=True)
    )
    lines = Latencies(Constant(latency), Constant(latency), Constant(latency))
    told = []
    for quotes, trades in (mine, spliced):
        strategy = Whimsical()
        results = run(
            strategy, QuoteArrays({"AAA": quotes}, {"AAA": trades}), participation="0.5", touch_fill_probability=0.5,
            latencies=lines, slippage="0.0003",
        )  # fmt: skip
        told.append(until(strategy, results, int(moment.astype(np.int64)) - ns("2024-01-02")))
    assert told[0] == told[1]


# --- a bar's own prices -------------------------------------------------------------------------------------------------------


def test_a_limit_at_the_low_of_the_bar_that_has_just_ended_is_not_filled_in_that_bar() -> None:
    rows = [(f"2024-01-02T10:{i:02}", 100.0 + i, 101.0 + i, 90.0 + i, 100.5 + i, 1000) for i in range(20)]

    class AtTheLow:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            trader.buy("AAA", 1, bar.low)
            trader.sell("AAA", 1, bar.high + 30)

    results = run(AtTheLow(), loader_of({"AAA": bars(rows)}), touch_fill_probability=1.0)
    assert results.stats["metrics"]["orders"] == 40
    assert results.round_trips.fills == 0  # each low lies below all that follow


@given(seed=st.integers(0, 10**6), seconds=st.sampled_from([0, 1, 25, 70]))
@settings(max_examples=20)
def test_every_fill_is_of_a_bar_that_began_when_its_order_was_there(seed: int, seconds: int) -> None:
    orders: dict[str, int] = {}

    class AtTheLow:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            for order in (trader.buy("AAA", 1, bar.low), trader.sell("AAA", 1, bar.high), trader.buy("AAA", 1)):
                orders[order.order_id] = trader.now_ns

    columns = walk(50, seed, gaps=0.3)
    latency = Constant(seconds * 10**9)
    results = run(
        AtTheLow(),
        loader_of({"AAA": columns}),
        touch_fill_probability=1.0,
        latencies=Latencies(latency, latency, latency),
    )
    starts = (columns["time"].astype(np.int64) - ns("2024-01-02")).tolist()
    assert results.fills
    for fill in results.fills:
        assert fill.time_ns - MINUTE in starts
        assert orders[fill.order_id] + seconds * 10**9 <= fill.time_ns - MINUTE


def test_a_bar_is_told_at_its_end_and_not_before() -> None:
    diary = Diary()
    run(diary, loader_of({"AAA": walk(30, 1, gaps=0.4), "BBB": walk(30, 2, gaps=0.4)}), "AAA", "BBB")
    told = [(now, bar) for now, kind, _, _, bar in diary.told if kind == "bar"]
    assert len(told) > 20
    assert all(bar.end_ns == now and bar.start_ns == now - MINUTE for now, bar in told)


@pytest.mark.parametrize("stamp", ["start", "end"])
def test_which_end_of_a_bar_its_time_names_decides_when_it_is_told(stamp: str) -> None:
    diary = Diary()
    run(diary, BarArrays({"AAA": flat([100.0], "2024-01-02T10:00")}, "5m", stamp))
    (now,) = [now for now, kind, *_ in diary.told if kind == "bar"]
    assert now == ns("2024-01-02T10:05" if stamp == "start" else "2024-01-02T10:00") - ns("2024-01-02")


# --- daily bars ---------------------------------------------------------------------------------------------------------------


def test_a_daily_bar_is_told_at_the_close_and_what_it_makes_one_do_trades_at_the_next_open() -> None:
    rows = [
        ("2024-01-02", 10.0, 12.0, 9.0, 11.0, 1000), ("2024-01-03", 20.0, 22.0, 19.0, 21.0, 1000),
        ("2024-01-04", 30.0, 32.0, 29.0, 31.0, 1000),
    ]  # fmt: skip
    diary = Diary(lambda kind, what, trader: trader.buy("AAA", 1) if kind == "bar" else None)
    results = run(
        diary, BarArrays({"AAA": bars(rows)}, "session"), calendar="XNYS", timezone="America/New_York",
        end_date="2024-01-04",
    )  # fmt: skip
    closes = [ns(f"2024-01-0{day}T21:00") - ns("2024-01-02T05:00") for day in (2, 3, 4)]
    assert [now for now, kind, *_ in diary.told if kind == "bar"] == closes
    assert [(fill.time_ns, float(fill.price)) for fill in results.fills] == [(closes[1], 20.0), (closes[2], 30.0)]
