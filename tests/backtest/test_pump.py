"""In which order things happen at one time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simexec.backtest.data import QuoteArrays
from simexec.backtest.trader import Trader
from simexec.errors import DataError, InputError
from simexec.execution.broker import Latencies
from simexec.sim import Constant
from simexec.trading.vocabulary import OrderSide, TimeInForce

from .scenes import MINUTE, Diary, bars, flat, loader_of, ns, quotes_of, run, trades_of, walk

DAY = ns("2024-01-02")
TEN = ns("2024-01-02T10:00") - DAY


def lines(latency: str) -> Latencies:
    return Latencies(Constant(latency), Constant(latency), Constant(latency))


def buy_first(kind: str, what: Any, trader: Trader) -> None:
    if kind == "bar" and not trader.orders(what.symbol) and trader.position(what.symbol) == 0:
        trader.buy(what.symbol, 5)


# --- several symbols ----------------------------------------------------------------------------------------------------------


def test_bars_of_one_time_are_told_in_the_order_of_the_symbols_and_times_ascend() -> None:
    data = {symbol: walk(40, seed, gaps=0.4) for seed, symbol in enumerate(("BBB", "AAA", "CCC"))}
    diary = Diary()
    results = run(diary, loader_of(data), "BBB", "AAA", "CCC")
    told = [(now, symbol) for now, kind, symbol, *_ in diary.told if kind == "bar"]
    expected = sorted(
        (int(time) - DAY + MINUTE, ("BBB", "AAA", "CCC").index(symbol))
        for symbol, columns in data.items()
        for time in columns["time"].astype(np.int64)
    )
    assert [(now, ("BBB", "AAA", "CCC").index(symbol)) for now, symbol in told] == expected
    assert results.rows == len(expected)


def test_when_the_first_bar_of_a_time_is_told_all_prices_of_that_time_are_known() -> None:
    seen = []

    def look(kind: str, what: Any, trader: Trader) -> None:
        if kind == "bar":
            seen.append(
                (
                    what.symbol,
                    trader.price("AAA"),
                    trader.price("BBB"),
                    len(trader.bars("AAA")),
                    len(trader.bars("BBB")),
                )
            )

    run(Diary(look), loader_of({"AAA": flat([10.0, 11.0]), "BBB": flat([20.0, 21.0])}), "AAA", "BBB")
    assert seen == [
        ("AAA", 10.0, 20.0, 1, 0), ("BBB", 10.0, 20.0, 1, 1), ("AAA", 11.0, 21.0, 2, 1), ("BBB", 11.0, 21.0, 2, 2),
    ]  # fmt: skip


def test_bars_of_different_lengths_are_told_when_each_ends() -> None:
    class Loader:
        def load(self, request: Any) -> Any:
            interval = {"AAA": "1m", "BBB": "5m"}[request.symbol]
            prices = flat([100.0] * 5)
            if request.symbol == "BBB":
                prices = flat([100.0])
            return loader_of({request.symbol: prices}, interval=interval).load(request)

    diary = Diary()
    run(diary, Loader(), "BBB", "AAA")
    told = [(now, symbol) for now, kind, symbol, *_ in diary.told if kind == "bar"]
    assert told == [(TEN + i * MINUTE, "AAA") for i in range(1, 5)] + [
        (TEN + 5 * MINUTE, "BBB"),
        (TEN + 5 * MINUTE, "AAA"),
    ]


# --- fills --------------------------------------------------------------------------------------------------------------------


def test_a_fill_is_told_before_the_bar_that_filled_it_and_the_position_has_it_by_then() -> None:
    diary = Diary(buy_first)
    run(diary, loader_of({"AAA": flat([10.0, 11.0, 12.0])}))
    assert [(now, kind, position) for now, kind, _, position, _ in diary.told] == [
        (0, "start", 0),
        (TEN + MINUTE, "bar", 0),
        (TEN + 2 * MINUTE, "fill", 5),
        (TEN + 2 * MINUTE, "bar", 5),
        (TEN + 3 * MINUTE, "bar", 5),
        (TEN + 3 * MINUTE + 1, "stop", 5),
    ]


def test_fills_of_all_symbols_are_told_before_any_bar_of_that_time() -> None:
    diary = Diary(buy_first)
    run(diary, loader_of({"AAA": flat([10.0, 11.0]), "BBB": flat([20.0, 21.0])}), "AAA", "BBB")
    assert diary.kinds() == ["start", "bar", "bar", "fill", "fill", "bar", "bar", "stop"]


def test_what_is_sent_on_a_fill_meets_the_next_bar_and_not_that_one() -> None:
    def act(kind: str, what: Any, trader: Trader) -> None:
        buy_first(kind, what, trader)
        if kind == "fill" and what.side is OrderSide.BUY:
            trader.sell("AAA", what.quantity)

    diary = Diary(act)
    results = run(diary, loader_of({"AAA": flat([10.0, 11.0, 12.0])}))
    assert [(float(fill.price), fill.time_ns) for fill in results.fills] == [
        (11.0, TEN + 2 * MINUTE),
        (12.0, TEN + 3 * MINUTE),
    ]
    assert diary.kinds() == ["start", "bar", "fill", "bar", "fill", "bar", "stop"]


@pytest.mark.parametrize(("latency", "bar_of_fill"), [("0s", 2), ("1ns", 3), ("59s", 3), ("60s", 3), ("61s", 4)])
def test_an_order_takes_part_in_the_first_bar_that_begins_when_it_has_arrived(latency: str, bar_of_fill: int) -> None:
    diary = Diary(buy_first)
    results = run(diary, loader_of({"AAA": flat([10.0 + i for i in range(8)])}), latencies=lines(latency))
    (fill,) = results.fills
    assert float(fill.price) == 10.0 + bar_of_fill - 1  # the open of that bar
    assert fill.time_ns == TEN + bar_of_fill * MINUTE  # and its end


def test_with_latencies_a_fill_is_seen_when_its_report_has_arrived() -> None:
    diary = Diary(buy_first)
    run(diary, loader_of({"AAA": flat([10.0 + i for i in range(6)])}), latencies=lines("20s"))
    told = [(now - TEN, kind, position) for now, kind, _, position, _ in diary.told if kind in ("bar", "fill")]
    assert (3 * MINUTE, "bar", 0) in told  # it has traded in this bar
    assert (3 * MINUTE + MINUTE // 3, "fill", 5) in told
    assert (4 * MINUTE, "bar", 5) in told


def test_a_report_that_arrives_just_when_a_row_does_is_told_before_the_row() -> None:
    quotes = quotes_of([(f"2024-01-02T10:0{i}", 9.0, 100, 10.0 + i, 100) for i in range(4)])

    def act(kind: str, what: Any, trader: Trader) -> None:
        if kind == "quote" and trader.now_ns == TEN:
            trader.buy("AAA", 5)

    diary = Diary(act)
    run(
        diary, QuoteArrays({"AAA": quotes}), latencies=lines("30s")
    )  # there half a minute later, and back at the next row
    assert diary.kinds() == ["start", "quote", "fill", "quote", "quote", "quote", "stop"]
    now, _, _, position, fill = diary.told[2]
    assert (now, position, fill.time_ns, float(fill.price)) == (TEN + MINUTE, 5, TEN + MINUTE // 2, 10.0)


# --- equity -------------------------------------------------------------------------------------------------------------------


def test_equity_of_a_time_has_its_fills_and_all_its_prices_but_not_what_the_strategy_does_then() -> None:
    data = {"AAA": flat([10.0, 10.0, 14.0]), "BBB": flat([20.0, 20.0, 30.0])}
    diary = Diary(buy_first)
    results = run(diary, loader_of(data), "AAA", "BBB", commission="0.001")
    equity = [100_000, 100_000, 100_000 - 0.15, 100_000 - 0.15 + 5 * 4 + 5 * 10]
    assert results.equity.tolist() == pytest.approx(equity, abs=1e-9)
    assert (results.curve.times_ns - TEN).tolist() == [-TEN, MINUTE, 2 * MINUTE, 3 * MINUTE]


def test_the_last_point_has_what_reports_bring_when_the_data_are_over() -> None:
    diary = Diary(buy_first)
    results = run(diary, loader_of({"AAA": flat([10.0, 10.0, 10.0])}), latencies=lines("20s"), commission="0.01")
    assert [float(fill.fee) for fill in results.fills] == [500_000]
    assert results.curve.times_ns[-1] == TEN + 3 * MINUTE
    assert results.equity[-1] == float(results.final_equity) == 100_000 - 0.5


# --- quotes and trades --------------------------------------------------------------------------------------------------------


def test_a_trade_is_told_before_a_quote_of_its_time_and_an_order_sent_then_meets_the_quote() -> None:
    quotes = quotes_of([("2024-01-02T10:00", 9.0, 50, 10.0, 50), ("2024-01-02T10:01", 9.5, 50, 10.5, 50)])
    trades = trades_of([("2024-01-02T10:01", 10.0, 7)])

    def act(kind: str, what: Any, trader: Trader) -> None:
        if kind == "trade":
            trader.buy("AAA", 5)

    diary = Diary(act)
    results = run(diary, QuoteArrays({"AAA": quotes}, {"AAA": trades}))
    assert diary.kinds() == ["start", "quote", "trade", "quote", "fill", "stop"]
    assert [float(fill.price) for fill in results.fills] == [10.5]


def test_a_position_is_valued_as_its_price_is_told() -> None:
    rows = [
        ("2024-01-02T10:00", 9.0, 50, 10.0, 50), ("2024-01-02T10:01", 9.2, 50, 0.0, 0), ("2024-01-02T10:03", 0.0, 0, 0.0, 0),
        ("2024-01-02T10:05", 12.0, 5, 13.0, 5),
    ]  # fmt: skip
    trades = trades_of([("2024-01-02T10:02", 9.9, 3), ("2024-01-02T10:04", 11.0, 3)])
    seen = []

    def act(kind: str, what: Any, trader: Trader) -> None:
        if kind == "quote" and trader.now_ns == TEN:
            trader.buy("AAA", 1)
        elif kind in ("quote", "trade"):
            seen.append((trader.price("AAA"), float(trader.equity - trader.cash)))

    run(Diary(act), QuoteArrays({"AAA": quotes_of(rows)}, {"AAA": trades}))
    assert seen == [(9.2, 9.2), (9.2, 9.2), (9.9, 9.2), (11.0, 11.0), (12.5, 12.5)]


def test_trades_alone_are_prices_too() -> None:
    quotes = quotes_of([("2024-01-02T11:00", 9.0, 50, 10.0, 50)])
    trades = trades_of([("2024-01-02T10:00", 7.0, 3), ("2024-01-02T10:01", 8.0, 3)])
    seen = []
    run(
        Diary(lambda kind, what, trader: seen.append((kind, trader.price("AAA")))),
        QuoteArrays({"AAA": quotes}, {"AAA": trades}),
    )
    assert seen == [("start", None), ("trade", 7.0), ("trade", 8.0), ("quote", 9.5), ("stop", 9.5)]


# --- what happens beside the rows ---------------------------------------------------------------------------------------------


def test_a_day_order_takes_part_in_the_bar_that_ends_at_the_close_and_expires_then() -> None:
    rows = [("2024-01-02T20:58", 10.0, 10.0, 10.0, 10.0, 3), ("2024-01-02T20:59", 11.0, 11.0, 11.0, 11.0, 3)]
    orders = []

    def act(kind: str, what: Any, trader: Trader) -> None:
        if kind == "bar" and not orders:
            orders.append(trader.buy("AAA", 5))

    diary = Diary(act)
    run(diary, loader_of({"AAA": bars(rows)}), calendar="XNYS", timezone="America/New_York")
    (order,) = orders
    assert (order.filled_quantity, order.status.name, order.closed_ns) == (
        3,
        "EXPIRED",
        ns("2024-01-02T21:00") - ns("2024-01-02T05:00"),
    )
    assert diary.kinds() == ["start", "bar", "fill", "bar", "stop"]


def test_an_order_until_a_time_takes_part_in_the_bar_that_ends_then() -> None:
    orders = []

    def act(kind: str, what: Any, trader: Trader) -> None:
        if kind == "bar" and not orders:
            orders.append(trader.buy("AAA", 5, time_in_force=TimeInForce.GTD, expire=trader.now_ns + MINUTE))

    run(Diary(act), loader_of({"AAA": flat([10.0, 11.0, 12.0], volume=3)}))
    assert (orders[0].filled_quantity, orders[0].status.name, orders[0].closed_ns) == (3, "EXPIRED", TEN + 2 * MINUTE)


def test_who_wakes_at_the_end_of_a_bar_knows_its_price_but_was_not_told_of_it() -> None:
    woken = []

    class Sleeper:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            if not woken:
                await trader.wait("1m")
                woken.append((trader.now_ns, trader.price("AAA"), len(trader.bars("AAA"))))

    run(Sleeper(), loader_of({"AAA": flat([10.0, 11.0])}))
    assert woken == [(TEN + 2 * MINUTE, 11.0, 1)]


# --- what goes wrong ----------------------------------------------------------------------------------------------------------


def test_what_a_model_says_wrong_comes_out_of_the_run() -> None:
    class Better:
        def calculate_slippage(self, order: Any, market_price: float, volume: float, spread: float) -> float:
            return -1.0

    with pytest.raises(InputError, match=r"Better answered -1\.0"):
        run(Diary(buy_first), loader_of({"AAA": flat([10.0, 11.0])}), slippage=Better())


def test_without_any_row_nothing_is_told() -> None:
    diary = Diary()
    with pytest.raises(DataError, match="there is no bar of AAA at all"):
        run(diary, loader_of({"AAA": flat([])}))
    assert diary.kinds() == []
