"""The engine as a whole: its own simulation and ambient ones, sameness, sessions, parity with other ways to run the same thing."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.backtest.data import BarArrays, DataRequest, QuoteArrays
from simexec.backtest.engine import UnifiedBacktestEngine
from simexec.backtest.trader import Trader
from simexec.errors import DataError, InputError, SimulationError
from simexec.execution.breaker_limits import BreakerLimits
from simexec.execution.broker import Broker, Latencies
from simexec.execution.order_manager import OrderManager
from simexec.execution.risk_limits import RiskLimits
from simexec.execution.sizing import FixedQuantity
from simexec.market.tape import BarTape
from simexec.models.commission import FixedCommissionModel, VolumeTieredCommissionModel
from simexec.models.fees import MakerTakerFees
from simexec.models.impact import LinearImpactModel
from simexec.models.slippage import FixedSlippageModel
from simexec.sim import Constant, Simulation
from simexec.trading.events import EventType, Signal
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce
from simexec.venue.model_venue import ModelVenue

from .scenes import MINUTE, Columns, Diary, Once, account, bars, config, flat, loader_of, ns, quotes_of, run, walk

DAY = ns("2024-01-02")
NEW_YORK = ZoneInfo("America/New_York")


class Alternating:
    """Buys with every odd bar and sells with every even one; some with limits."""

    def __init__(self) -> None:
        self.bars = 0
        self.ids: list[str] = []

    def on_bar(self, bar: Any, trader: Trader) -> None:
        self.bars += 1
        side = OrderSide.BUY if self.bars % 2 else OrderSide.SELL
        price = round(bar.close - 0.03 * side.sign, 2) if self.bars % 3 == 0 else None
        self.ids.append(trader.send(bar.symbol, side, 1 + self.bars % 7, price).order_id)


# --- where it runs ------------------------------------------------------------------------------------------------------------


def test_it_can_be_awaited_under_asyncio_among_other_things() -> None:
    async def main() -> tuple[float, float]:
        engine = UnifiedBacktestEngine(config())
        first = await engine.run(Alternating(), loader_of({"AAA": walk(30, 1)}))
        await asyncio.sleep(0)
        second = await engine.run(Alternating(), loader_of({"AAA": walk(30, 1)}))
        return float(first.final_equity), float(second.final_equity)

    first, second = asyncio.run(main())
    assert first == second != 100_000


def test_in_a_simulation_that_runs_it_takes_its_clock_and_its_streams() -> None:
    times = []

    class Clock:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            times.append((trader.now_ns, trader.time.isoformat()))

    async def main(sim: Simulation) -> Any:
        await sim.timeout("30m")
        results = await UnifiedBacktestEngine(config(seed=3)).run(Clock(), loader_of({"AAA": flat([1.0])}))
        return results, sim.now

    with Simulation(seed=99, epoch=datetime(2024, 1, 1, 18, tzinfo=NEW_YORK)) as sim:
        results, now = sim.run(main(sim))
    began = ns("2024-01-02T10:01") - ns("2024-01-01T23:00")
    assert times == [(began, "2024-01-02T10:01:00+00:00")]
    assert now == began + 2  # a nanosecond for the end of each of data and strategy
    assert results.epoch == sim.epoch
    assert results.assumptions["seed"] == "99"
    assert results.times_ns.tolist() == [DAY, ns("2024-01-02T10:01")]


def test_the_results_do_not_depend_on_where_it_runs() -> None:
    async def main() -> Any:
        return await UnifiedBacktestEngine(config()).run(Alternating(), loader_of({"AAA": walk(50, 2)}))

    alone = run(Alternating(), loader_of({"AAA": walk(50, 2)}))
    with Simulation(epoch=config().epoch) as sim:
        ambient = sim.run(main())
    assert account(alone) == account(ambient)


def test_a_simulation_whose_clock_has_passed_the_start_is_refused() -> None:
    async def main(sim: Simulation) -> None:
        await sim.timeout("1s")
        await UnifiedBacktestEngine(config()).run(Alternating(), loader_of({"AAA": flat([1.0])}))

    with (
        Simulation(epoch=config().epoch) as sim,
        pytest.raises(SimulationError, match="run it in a simulation of its own"),
    ):
        sim.run(main(sim))


def test_a_second_backtest_in_one_simulation_is_refused() -> None:
    async def main() -> None:
        for day in ("2024-01-02", "2024-01-05"):
            engine = UnifiedBacktestEngine(config(start_date=day, end_date=day))
            await engine.run(Alternating(), loader_of({"AAA": flat([1.0], f"{day}T10:00")}))

    with Simulation(epoch=config().epoch) as sim, pytest.raises(SimulationError, match="has seen a backtest before"):
        sim.run(main())


def test_a_simulation_that_is_open_but_does_not_run_says_how_to_run_it() -> None:
    with Simulation(epoch=config().epoch) as sim:
        with pytest.raises(SimulationError, match=r"sim\.run\(main\(\)\)"):
            asyncio.run(UnifiedBacktestEngine(config()).run(Alternating(), loader_of({"AAA": flat([1.0])})))
        assert sim.now == 0


def test_after_it_the_simulation_goes_on_without_it() -> None:
    async def main(sim: Simulation) -> tuple[Any, Any, int]:
        results = await UnifiedBacktestEngine(config()).run(strategy, loader_of({"AAA": walk(5, 1)}))
        before = account(results)
        await sim.timeout("30d")
        return before, account(results), strategy.bars

    strategy = Alternating()
    with Simulation(epoch=config().epoch) as sim:
        before, after, told = sim.run(main(sim))
    assert before == after
    assert told == 5


# --- sameness -----------------------------------------------------------------------------------------------------------------


def test_two_runs_of_one_engine_are_equal_to_the_order_ids_also_with_models_that_remember() -> None:
    engine = UnifiedBacktestEngine(
        config(
            "AAA",
            "BBB",
            commission=VolumeTieredCommissionModel([(50, "0.01"), (None, "0.002")]),
            impact=LinearImpactModel(0.1, 0.1, "10m"),
            slippage=FixedSlippageModel(0.0001),
            touch_fill_probability=0.5,
            participation="0.3",
            latencies=Latencies(),
            seed=4,
        )
    )
    loader = loader_of({"AAA": walk(80, 1, gaps=0.2), "BBB": walk(80, 2, gaps=0.2)})
    strategies = [Alternating(), Alternating()]
    first, second = (account(asyncio.run(engine.run(strategy, loader))) for strategy in strategies)
    assert first == second
    assert strategies[0].ids == strategies[1].ids
    assert strategies[0].ids[:3] == ["ord_1", "ord_2", "ord_3"]
    assert len(first["fills"]) > 50


def test_another_seed_changes_what_is_drawn_and_nothing_else() -> None:
    class AtTheTouch:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            trader.buy("AAA", 1, 10)

    rows = [(f"2024-01-02T10:{i:02}", 10.05, 10.1, 10.0, 10.05, 100) for i in range(30)]
    runs = [
        account(run(AtTheTouch(), loader_of({"AAA": bars(rows)}), touch_fill_probability=0.5, seed=seed))
        for seed in (1, 1, 2)
    ]
    assert runs[0] == runs[1]
    assert runs[0]["fills"] != runs[2]["fills"]
    certain = [account(run(Alternating(), loader_of({"AAA": walk(50, 1)}), seed=seed)) for seed in (1, 2)]
    assert certain[0] == certain[1]


def test_one_symbol_more_that_nobody_trades_changes_nothing_of_the_others() -> None:
    class OnlyA(Alternating):
        def on_bar(self, bar: Any, trader: Trader) -> None:
            if bar.symbol == "AAA":
                super().on_bar(bar, trader)

    data = {"AAA": walk(100, 1), "BBB": walk(100, 2)}
    one = account(run(OnlyA(), loader_of(data), "AAA", touch_fill_probability=0.5))
    two = account(run(OnlyA(), loader_of(data), "BBB", "AAA", touch_fill_probability=0.5))
    assert one["fills"] == two["fills"]
    assert one["equity"] == two["equity"]


# --- all parts are used -------------------------------------------------------------------------------------------------------


def test_slippage_commission_fees_and_participation_all_reach_the_fill() -> None:
    strategy = Once(lambda bar, trader: trader.buy("AAA", 100))
    results = run(
        strategy, loader_of({"AAA": flat([10.0, 20.0, 30.0], volume=500)}), slippage="0.001", commission="0.002",
        fees=MakerTakerFees(taker_per_share="0.01"), participation="0.1",
    )  # fmt: skip
    assert [(fill.quantity, float(fill.price), fill.fee) for fill in results.fills] == [
        (50, 20.02, 500_000 + 2_002_000), (50, 30.03, 500_000 + 3_003_000),
    ]  # fmt: skip
    assert results.fees == Decimal("6.005")


def test_lasting_impact_makes_the_next_purchase_dearer() -> None:
    class Buying:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            trader.buy("AAA", 100)

    results = run(Buying(), loader_of({"AAA": flat([10.0] * 4)}), impact=LinearImpactModel(0.0, 0.01))
    prices = [float(fill.price) for fill in results.fills]
    assert prices == sorted(prices)
    assert prices[0] < prices[1] < prices[2]


def test_the_circuit_breaker_of_the_config_stops_trading() -> None:
    class Losing:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            self.last = trader.buy("AAA", 1000)

    strategy = Losing()
    limits = BreakerLimits(max_loss=5_000, check_interval="1m")
    results = run(strategy, loader_of({"AAA": flat([10.0, 10.0, 8.0, 6.0, 4.0, 2.0])}), circuit_breaker=limits)
    assert strategy.last.status is OrderStatus.REJECTED
    assert "circuit_breaker" in strategy.last.reason
    assert results.round_trips.fills < 5


def test_orders_that_grow_old_are_cancelled() -> None:
    strategy = Once(lambda bar, trader: trader.buy("AAA", 1, 1.0))
    run(strategy, loader_of({"AAA": flat([10.0] * 10)}), max_order_age="3m", cleanup_interval="1m")
    assert strategy.order.status is OrderStatus.CANCELLED
    assert strategy.order.closed_ns == ns("2024-01-02T10:04") - DAY


def test_signals_are_sized_with_the_equity_of_the_time() -> None:
    class Wishful:
        def on_bar(self, bar: Any, trader: Trader) -> Signal:
            return Signal(bar.symbol, OrderSide.BUY, strategy="wish", time_ns=trader.now_ns)

    results = run(Wishful(), loader_of({"AAA": flat([10.0] * 3)}), sizing=FixedQuantity(shares=3))
    assert [fill.quantity for fill in results.fills] == [3, 3]


def test_brackets_are_sent_through_the_order_manager_and_the_exits_follow_the_entry() -> None:
    def bracket(bar: Any, trader: Trader) -> Any:
        make = trader.engine.new_order
        entry = make("AAA", OrderSide.BUY, 10)
        profit = make("AAA", OrderSide.SELL, 10, OrderType.LIMIT, 12)
        loss = make("AAA", OrderSide.SELL, 10, OrderType.STOP, stop_price=9)
        trader.engine.order_manager.submit_bracket(entry, profit, loss)
        return entry, profit, loss

    strategy = Once(bracket)
    rows = [("2024-01-02T10:00", 10, 10, 10, 10, 100), ("2024-01-02T10:01", 10, 10, 10, 10, 100)]
    rows += [("2024-01-02T10:02", 10, 10.5, 9.5, 10, 100), ("2024-01-02T10:03", 11, 12.5, 11, 12, 100)]
    results = run(strategy, loader_of({"AAA": bars(rows)}))
    entry, profit, loss = strategy.order
    assert (entry.status, profit.status, loss.status) == (OrderStatus.FILLED, OrderStatus.FILLED, OrderStatus.CANCELLED)
    assert [float(fill.price) for fill in results.fills] == [10.0, 12.0]


def test_events_and_stats_are_those_of_the_execution_engine() -> None:
    results = run(Alternating(), loader_of({"AAA": walk(20, 1)}))
    fills = [event for event in results.events if event.type is EventType.FILL]
    assert [event.data["fill"] for event in fills] == list(results.fills)
    metrics = results.stats["metrics"]
    assert metrics["orders"] == 20
    assert metrics["working"] == 0
    assert metrics["fills"] == len(results.fills)


def test_a_trade_that_is_busted_was_never_there() -> None:
    class Unlucky:
        fills: ClassVar[list[Any]] = []

        def on_bar(self, bar: Any, trader: Trader) -> None:
            if bar.open == 10.0:
                trader.buy("AAA", 5)
            elif bar.open == 12.0:  # the venue takes the first trade back
                fill = self.fills[0]
                report = ExecutionReport(
                    "bust-1", fill.order_id, ExecType.TRADE_CANCEL, trader.now_ns, 0, 5, fill.quantity, fill.price_quanta,
                    fill.fee, fill.maker, venue=fill.venue, exec_ref_id=fill.exec_id,
                )  # fmt: skip
                end = ExecutionReport("bust-2", fill.order_id, ExecType.CANCELED, trader.now_ns + 1, 0, 0)
                trader.engine.broker.lines["SIM.AAA"].back.send([report, end])
            elif bar.open == 13.0:
                trader.buy("AAA", 2)

        def on_fill(self, fill: Any, trader: Trader) -> None:
            self.fills.append(fill)

    results = run(Unlucky(), loader_of({"AAA": flat([10.0, 11.0, 12.0, 13.0, 14.0, 16.0])}), commission="0.01")
    assert [fill.quantity for fill in Unlucky.fills] == [5, 2]
    assert [fill.quantity for fill in results.fills] == [2]
    assert results.round_trips.fills == 1
    assert float(results.final_equity) == pytest.approx(100_000 + 2 * (16 - 14) - 0.28)
    assert [event.type for event in results.events].count(EventType.BUST) == 1


def test_every_order_has_an_end_and_the_account_balances() -> None:
    orders: list[Order] = []

    class Leaving:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            orders.append(trader.buy("AAA", 1, 1.0))
            orders.append(trader.sell("AAA", 1, 99.0, time_in_force=TimeInForce.GTC))
            orders.append(trader.buy("AAA", 1))

        def on_stop(self, trader: Trader) -> None:
            orders.append(trader.buy("AAA", 1))

    for latency in ("0s", "45s"):
        orders.clear()
        lines = Latencies(Constant(latency), Constant(latency), Constant(latency))
        results = run(Leaving(), loader_of({"AAA": flat([10.0, 11.0])}), latencies=lines)
        assert all(order.is_final for order in orders)
        assert orders[-1].status is OrderStatus.CANCELLED
        assert sum(results.portfolio.reservations.values()) == 0


# --- sessions -----------------------------------------------------------------------------------------------------------------


def in_new_york(times: Sequence[str], price: float = 10.0) -> Columns:
    """Minute bars that begin at times of New York."""
    moments = [int(datetime.fromisoformat(one).replace(tzinfo=NEW_YORK).timestamp()) * 10**9 for one in times]
    values = np.full(len(times), price)
    return (
        {"time": np.array(moments)}
        | dict.fromkeys(("open", "high", "low", "close"), values)
        | {"volume": np.full(len(times), 1000)}
    )


def at(time_ns: int, results: Any) -> str:
    return results.time(time_ns).strftime("%d %H:%M")


class EveryBar:
    """Buys one share with every bar."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields
        self.orders: list[Order] = []

    def on_bar(self, bar: Any, trader: Trader) -> None:
        self.orders.append(trader.buy("AAA", 1, **self.fields))


def sessions_of(times: Sequence[str], strategy: Any, **fields: Any) -> Any:
    period = {"start_date": times[0][:10], "end_date": times[-1][:10]}
    return run(
        strategy,
        loader_of({"AAA": in_new_york(times)}),
        calendar="XNYS",
        timezone="America/New_York",
        **period | fields,
    )


def test_nothing_trades_outside_the_session_but_bars_there_are_told_and_orders_wait_for_the_open() -> None:
    times = [
        f"2024-01-03T{clock}" for clock in ("08:00", "09:28", "09:29", "09:30", "09:31", "15:59", "16:00", "16:01")
    ]
    strategy = EveryBar()
    results = sessions_of(times, strategy)
    assert results.rows == len(times)
    assert [at(fill.time_ns, results) for fill in results.fills] == ["03 09:31"] * 3 + ["03 09:32", "03 16:00"]
    assert [order.status.name for order in strategy.orders] == ["FILLED"] * 5 + ["REJECTED"] * 3
    assert "trades" in strategy.orders[-1].reason


def test_day_orders_expire_at_the_close_and_others_go_on() -> None:
    times = [f"2024-01-0{day}T{clock}" for day in (3, 4) for clock in ("15:58", "15:59")]
    resting = {"price": 9.0}
    day, lasting = EveryBar(**resting), EveryBar(time_in_force=TimeInForce.GTC, **resting)
    results = sessions_of(times, day)
    ends = [(order.status.name, at(order.closed_ns, results)) for order in day.orders]
    # That of the last bar of a day is sent at its close, and so is one of the day after; there is none after the second.
    assert ends == [("EXPIRED", "03 16:00"), ("EXPIRED", "04 16:00"), ("EXPIRED", "04 16:00"), ("REJECTED", "04 16:00")]
    assert all("closed" in order.reason for order in day.orders[:3])
    results = sessions_of(times, lasting)
    assert [order.status.name for order in lasting.orders] == ["CANCELLED"] * 3 + ["REJECTED"]


def test_a_gtc_order_trades_on_another_day() -> None:
    times = [f"2024-01-0{day}T{clock}" for day in (3, 4) for clock in ("15:58", "15:59")]
    columns = in_new_york(times)
    columns["low"] = np.array([10.0, 10.0, 10.0, 8.5])
    strategy = Once(lambda bar, trader: trader.buy("AAA", 1, 9.0, time_in_force=TimeInForce.GTC))
    results = run(
        strategy, loader_of({"AAA": columns}), calendar="XNYS", timezone="America/New_York", start_date="2024-01-03",
        end_date="2024-01-04",
    )  # fmt: skip
    assert [at(fill.time_ns, results) for fill in results.fills] == ["04 16:00"]


def test_over_the_change_to_summer_time_the_open_stays_half_past_nine() -> None:
    days = ("2023-03-10", "2023-03-13", "2023-03-14")  # Friday, and after the change Monday and Tuesday
    times = [f"{day}T{clock}" for day in days for clock in ("08:59", "09:29", "09:30", "15:59", "16:00")]
    strategy = EveryBar()
    results = sessions_of(times, strategy)
    filled = [results.time(fill.time_ns).strftime("%d %H:%M %z") for fill in results.fills]
    opens = (
        ["10 09:31 -0500"] * 2
        + ["10 16:00 -0500"]
        + ["13 09:31 -0400"] * 4
        + ["13 16:00 -0400"]
        + ["14 09:31 -0400"] * 4
    )
    assert filled == [*opens, "14 16:00 -0400"]
    assert len(results.daily_returns) == 3


def test_an_early_close_is_one() -> None:
    times = [f"2023-11-24T{clock}" for clock in ("12:58", "12:59", "13:00", "13:01", "15:59")]
    strategy = EveryBar(price=9.0)
    results = sessions_of(times, strategy)
    assert at(strategy.orders[0].closed_ns, results) == "24 13:00"
    assert [order.status.name for order in strategy.orders] == ["EXPIRED"] + ["REJECTED"] * 4


def test_a_bar_that_is_not_all_inside_fills_nothing() -> None:
    strategy = EveryBar()
    columns = in_new_york(["2024-01-03T08:45", "2024-01-03T09:15", "2024-01-03T09:45"])
    results = run(
        strategy, BarArrays({"AAA": columns}, "30m"), calendar="XNYS", timezone="America/New_York",
        start_date="2024-01-03", end_date="2024-01-03",
    )  # fmt: skip
    assert [at(fill.time_ns, results) for fill in results.fills] == ["03 10:15"] * 2


@pytest.mark.parametrize(
    ("calendar", "zone", "day", "opens"),
    [
        ("XTKS", "Asia/Tokyo", "2024-01-05", "2024-01-05T00:00"),  # opens at 9 in Tokyo, 0 UTC
        ("XTKS", "UTC", "2024-01-05", "2024-01-05T00:00"),
        ("CMES", "UTC", "2024-01-03", "2024-01-03T00:00"),  # its session is open since 23:00 of the day before
        ("CMES", "America/Chicago", "2024-01-03", "2024-01-03T06:00"),
        ("XNYS", "Asia/Tokyo", "2024-01-04", "2024-01-03T15:00"),  # in New York it is the morning of the 3rd
        ("XLON", "Australia/Sydney", "2024-01-03", "2024-01-03T08:00"),
    ],
)
def test_sessions_are_found_whatever_the_time_zone_of_the_backtest(
    calendar: str, zone: str, day: str, opens: str
) -> None:
    strategy = EveryBar()
    loader = loader_of({"AAA": flat([10.0, 10.0], opens)})
    results = run(strategy, loader, calendar=calendar, timezone=zone, start_date=day, end_date=day)
    assert results.rows == 2
    (fill,) = results.fills
    assert fill.time_ns + results.epoch_ns == ns(opens) + 2 * MINUTE


def test_breaks_of_a_session_are_times_without_trading() -> None:
    times = ["2024-01-05T02:28", "2024-01-05T02:29", "2024-01-05T02:30", "2024-01-05T03:29", "2024-01-05T03:30"]
    strategy = EveryBar()
    columns = {**flat([10.0] * 5), "time": np.array(times, "datetime64[ns]")}
    results = run(
        strategy, loader_of({"AAA": columns}), calendar="XTKS", start_date="2024-01-05", end_date="2024-01-05"
    )
    assert [at(fill.time_ns, results) for fill in results.fills] == ["05 02:30"] + ["05 03:31"] * 3


def test_a_session_that_the_start_cuts_has_what_is_left_of_it() -> None:
    strategy = EveryBar()
    for start, filled in (("03:35", ["05 03:37"]), ("03:00", ["05 03:36", "05 03:36", "05 03:37"])):
        times = ["2024-01-05T02:59", "2024-01-05T03:00", "2024-01-05T03:01", "2024-01-05T03:35", "2024-01-05T03:36"]
        columns = {**flat([10.0] * 5), "time": np.array(times, "datetime64[ns]")}
        results = run(
            strategy,
            loader_of({"AAA": columns}),
            calendar="XTKS",
            start_date=f"2024-01-05T{start}",
            end_date="2024-01-05",
        )
        assert [at(fill.time_ns, results) for fill in results.fills] == filled


def test_a_period_without_a_session_and_an_unknown_calendar_are_refused() -> None:
    for fields, message in (
        ({"calendar": "XNYS", "start_date": "2024-01-06", "end_date": "2024-01-07"}, "has no session from 2024-01-06"),
        ({"calendar": "XNYC"}, "is not known to exchange_calendars; is it XNYS"),
    ):
        with pytest.raises(InputError, match=message):
            run(EveryBar(), loader_of({"AAA": flat([10.0])}), **fields)


def test_a_market_that_never_closes_has_days_of_the_time_zone_and_orders_that_last() -> None:
    times = np.datetime64("2024-01-05T00:00", "ns") + np.arange(3 * 24) * np.timedelta64(1, "h")  # over a weekend
    columns = {**flat([10.0] * 72), "time": times}
    results = [
        run(
            EveryBar(),
            BarArrays({"AAA": columns}, "1h"),
            calendar=calendar,
            start_date="2024-01-05",
            end_date="2024-01-07",
        )
        for calendar in ("24/7", None)
    ]
    assert len(results[0].daily_returns) == 3
    assert account(results[0]) == account(results[1])


# --- days ---------------------------------------------------------------------------------------------------------------------


def days(times: Sequence[str], **fields: Any) -> list[str]:
    """Dates of the daily closes of a run on minute bars that begin at some times, UTC."""
    columns = {**flat([10.0] * len(times)), "time": np.array(times, "datetime64[ns]")}
    results = run(EveryBar(), loader_of({"AAA": columns}), **fields)
    return [results.time(int(one)).strftime("%m-%d %H:%M") for one in results.curve.close_times_ns]


def test_days_are_of_the_time_zone_and_those_without_data_are_none() -> None:
    times = ["2024-01-02T10:00", "2024-01-03T23:59", "2024-01-04T00:00", "2024-01-08T10:00"]
    period = {"start_date": "2023-12-30", "end_date": "2024-01-12"}
    assert days(times, **period) == ["01-02 10:01", "01-04 00:00", "01-04 00:01", "01-08 10:01"]
    assert days(times, timezone="Asia/Tokyo", **period) == ["01-02 19:01", "01-04 09:01", "01-08 19:01"]


def test_with_a_calendar_days_end_at_its_closes_and_what_comes_behind_the_last_belongs_to_that() -> None:
    times = ["2024-01-02T10:00", "2024-01-02T20:59", "2024-01-02T23:00", "2024-01-03T20:59", "2024-01-03T22:00"]
    period = {"start_date": "2023-12-30", "end_date": "2024-01-03", "calendar": "XNYS", "timezone": "America/New_York"}
    assert days(times, **period) == ["01-02 16:00", "01-03 17:01"]


def test_reports_that_come_after_midnight_make_no_day_more() -> None:
    lines = Latencies(Constant("10s"), Constant("10s"), Constant("10s"))
    times = ["2024-01-02T23:59", "2024-01-03T23:58", "2024-01-03T23:59"]
    assert days(times, latencies=lines) == ["01-03 00:00", "01-04 00:00"]


# --- periods ------------------------------------------------------------------------------------------------------------------


def test_only_what_lies_between_start_and_end_is_told() -> None:
    times = ["2024-01-01T23:59", "2024-01-02T00:00", "2024-01-03T23:59", "2024-01-04T00:00"]
    columns = {**flat([10.0] * 4), "time": np.array(times, "datetime64[ns]")}
    diary = Diary()
    run(diary, loader_of({"AAA": columns}))
    assert [now for now, kind, *_ in diary.told if kind == "bar"] == [MINUTE, 48 * 60 * MINUTE]
    diary = Diary()
    run(diary, loader_of({"AAA": columns}), start_date="2024-01-02T00:01", end_date="2024-01-04T00:00:30")
    assert [now for now, kind, *_ in diary.told if kind == "bar"] == [48 * 60 * MINUTE]


def test_a_start_in_the_middle_of_a_second_is_kept_exactly() -> None:
    quotes = quotes_of([(f"2024-01-02T10:00:00.{tenth}", 9.0, 1, 10.0, 1) for tenth in range(10)])
    diary = Diary()
    run(
        diary, QuoteArrays({"AAA": quotes}), start_date="2024-01-02T10:00:00.4", end_date="2024-01-02T10:00:00.7"
    )  # fmt: skip
    told = [now for now, kind, *_ in diary.told if kind == "quote"]
    assert [(one - (ns("2024-01-02T10:00") - DAY)) // 10**8 for one in told] == [4, 5, 6, 7]


# --- parity -------------------------------------------------------------------------------------------------------------------


@given(seed=st.integers(0, 10**6))
@settings(max_examples=15)
def test_fills_are_those_of_the_same_orders_at_a_venue_that_reads_the_same_bars_from_a_tape(seed: int) -> None:
    rng = np.random.default_rng(seed)
    columns = walk(60, seed, gaps=0.2)
    loader = loader_of({"AAA": columns})
    plan = [
        (
            OrderSide.of_sign(int(rng.choice([-1, 1]))),
            int(rng.integers(1, 300)),
            int(rng.integers(-40, 41)),
            int(rng.integers(0, 3)),
        )
        for _ in range(len(columns["time"]))
    ]
    sent: list[tuple[int, Any]] = []

    class Planned:
        def __init__(self) -> None:
            self.bars = 0

        def on_bar(self, bar: Any, trader: Trader) -> None:
            side, quantity, away, kind = plan[self.bars]
            self.bars += 1
            fields: dict[str, Any] = {}
            price = round(bar.close + away / 100, 2)
            if kind == 1:
                fields["price"] = price
            elif kind == 2:
                fields |= {"order_type": OrderType.STOP, "stop_price": price}
            sent.append((trader.now_ns, (side, quantity, fields)))
            trader.send("AAA", side, quantity, **fields)

    models: dict[str, Any] = {"participation": "0.4", "touch_fill_probability": 0.5}
    results = run(Planned(), loader, slippage="0.0005", commission="0.001", fees=MakerTakerFees(maker_bps=1), **models)

    share = Instrument("AAA", Decimal("0.01"))
    with Simulation(epoch=config().epoch) as sim:
        rows = np.concatenate(list(loader.load(request(share)).blocks()))
        rows[:, :2] -= DAY
        venue = ModelVenue(
            sim, "SIM.AAA", share, BarTape(rows), None, service=Constant(0), fees=MakerTakerFees(maker_bps=1),
            commission=config(commission="0.001").commission, slippage=FixedSlippageModel(0.0005), **models,
        )  # fmt: skip
        broker = Broker(sim)
        broker.connect(venue, Latencies(Constant(0), Constant(0), Constant(0)))
        portfolio = Portfolio(100_000, "USD")
        manager = OrderManager(broker, portfolio, [share], sim=sim)

        async def main() -> list[Order]:
            orders = []
            for time_ns, (side, quantity, fields) in sent:
                await sim.timeout(time_ns - sim.now)
                fields = dict(fields)
                order_type = fields.pop("order_type", OrderType.LIMIT if "price" in fields else OrderType.MARKET)
                order = await manager.create_order("AAA", side, quantity, order_type, **fields)
                await manager.submit_order(order.order_id)
                orders.append(order)
            await sim.timeout(1)
            return orders

        orders = sim.run(main())
        portfolio.mark("AAA", int(rows[-1, 5]))
        by_tape = [
            (fill.order_id, fill.quantity, fill.price_quanta, fill.fee, fill.time_ns, fill.maker)
            for order in orders
            for fill in (order.fill_of(trade) for trade in order.trades)
        ]
        equity = portfolio.equity("USD")
    by_engine = [
        (fill.order_id, fill.quantity, fill.price_quanta, fill.fee, fill.time_ns, fill.maker) for fill in results.fills
    ]
    assert sorted(by_engine) == sorted(by_tape)
    assert results.portfolio.equity["USD"] == equity


def request(instrument: Instrument) -> DataRequest:
    return DataRequest(instrument, config().start, config().end)


def test_the_same_commands_through_the_engines_own_events_come_to_the_same() -> None:
    class ByEvents:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            data = {"symbol": "AAA", "side": "BUY", "quantity": 3, "order_type": "MARKET"}
            await trader.engine.process_event({"type": EventType.ORDER, "data": data})

    class ByTrader:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            trader.buy("AAA", 3)

    loader = loader_of({"AAA": walk(20, 3)})
    one, other = (account(run(strategy, loader)) for strategy in (ByEvents(), ByTrader()))
    assert one["fills"] == other["fills"]
    assert one["equity"] == other["equity"]


# --- what is refused ----------------------------------------------------------------------------------------------------------


def test_something_else_than_a_config_a_loader_or_data_is_refused() -> None:
    with pytest.raises(InputError, match="is no BacktestConfig"):
        UnifiedBacktestEngine({"symbols": ["AAA"]})  # type: ignore[arg-type]
    with pytest.raises(InputError, match=r"has no method load\(request\)"):
        run(EveryBar(), {"AAA": flat([1.0])})

    class Nothing:
        def load(self, request: Any) -> Any:
            return {"open": [1.0]}

    with pytest.raises(InputError, match="of AAA; it must be a Tape or BookData"):
        run(EveryBar(), Nothing())


def test_what_a_loader_raises_comes_out() -> None:
    class Broken:
        async def load(self, request: Any) -> Any:
            raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        run(EveryBar(), Broken())


def test_wrong_data_that_are_met_on_the_way_come_out_of_the_run_and_of_an_ambient_one() -> None:
    class Late:
        """The second block begins before the first has ended."""

        is_bars = True

        def load(self, request: Any) -> Any:
            return self

        def blocks(self) -> Any:
            good = np.concatenate(list(loader_of({"AAA": flat([10.0] * 3)}).load(request_of()).blocks()))
            yield good
            yield good

    def request_of() -> Any:
        return request(Instrument("AAA", Decimal("0.01")))

    with pytest.raises(DataError, match="row 4 of AAA"):
        run(EveryBar(), Late())

    async def main(sim: Simulation) -> int:
        with pytest.raises(DataError, match="row 4 of AAA"):
            await UnifiedBacktestEngine(config()).run(EveryBar(), Late())
        await sim.timeout("5d")
        return sim.now

    with Simulation(epoch=config().epoch) as sim:
        assert sim.run(main(sim)) > 0


def test_an_account_that_pays_in_full_is_the_default() -> None:
    strategy = Once(lambda bar, trader: (trader.sell("AAA", 1), trader.buy("AAA", 10_000)))
    run(strategy, loader_of({"AAA": flat([10.0])}), limits=None, initial_capital=1000)
    assert [order.status.name for order in strategy.order] == ["REJECTED", "REJECTED"]
    assert (
        run(strategy, loader_of({"AAA": flat([10.0])}), limits=RiskLimits())
        .assumptions["risk"]
        .startswith("RiskLimits(")
    )


def test_a_fixed_commission_is_paid_once_an_order_however_many_parts_it_fills_in() -> None:
    strategy = Once(lambda bar, trader: trader.buy("AAA", 250))
    results = run(strategy, loader_of({"AAA": flat([10.0] * 5, volume=100)}), commission=FixedCommissionModel(3))
    assert [fill.fee for fill in results.fills] == [3_000_000, 0, 0]


def test_neither_a_loader_nor_its_data_are_printed_when_they_are_refused() -> None:
    with pytest.raises(InputError, match=r"^data loader of type dict has no method load\(request\)"):
        run(EveryBar(), {"AAA": flat([1.0])})
    with pytest.raises(InputError, match=r"^data loader BarArrays is a class; give one of it, BarArrays\(\.\.\.\)"):
        run(EveryBar(), BarArrays)

    class Nothing:
        def load(self, request: Any) -> Any:
            return {"open": [1.0]}

    with pytest.raises(
        InputError, match=r"^data loader Nothing brought something of type dict of AAA; it must be a Tape"
    ):
        run(EveryBar(), Nothing())


def test_a_strategy_whose_data_never_call_it_is_refused_before_the_run() -> None:
    class Quotes:
        def on_start(self, trader: Trader) -> None:
            raise AssertionError("it has begun")

        def on_quote(self, quote: Any, trader: Trader) -> None: ...

    with pytest.raises(InputError, match="strategy Quotes has on_quote, and its data bring on_bar only"):
        run(Quotes(), loader_of({"AAA": flat([1.0])}))
    quotes = QuoteArrays({"AAA": quotes_of([("2024-01-02T10:00", 9.5, 5, 10.5, 6)])})
    with pytest.raises(InputError, match="has on_bar, and its data bring on_quote and on_trade only"):
        run(Once(lambda bar, trader: None), quotes)


def test_a_method_that_is_never_called_is_refused_with_the_nearest_name() -> None:
    class Misspelt:
        def on_bar(self, bar: Any, trader: Trader) -> None: ...

        def on_quotes(self, quote: Any, trader: Trader) -> None: ...

    with pytest.raises(
        InputError, match=r"Misspelt has a method on_quotes, which is never called; did you mean 'on_quote'\?"
    ):
        run(Misspelt(), loader_of({"AAA": flat([1.0])}))

    class Ticks:
        def on_bar(self, bar: Any, trader: Trader) -> None: ...

        def on_tick(self, tick: Any, trader: Trader) -> None: ...

    with pytest.raises(InputError, match="Ticks has a method on_tick, which is never called; known here: on_bar"):
        run(Ticks(), loader_of({"AAA": flat([1.0])}))


def test_bars_that_all_lie_outside_the_sessions_are_refused_and_most_of_them_noted() -> None:
    fields = {"calendar": "XNYS", "timezone": "America/New_York"}
    with pytest.raises(DataError, match=r"no bar of AAA lies within a session of XNYS, .* use interval='session'"):
        run(Diary(), loader_of({"AAA": flat([10.0] * 9, "2024-01-02T10:00")}), **fields)
    # The session opens at 14:30 UTC.
    columns = flat([10.0] * 9, "2024-01-02T14:25")
    found = run(Diary(), loader_of({"AAA": columns}), **fields)
    assert found.assumptions["outside"] == "AAA: 5 of 9 bars lie outside the sessions of XNYS, and fill nothing"
    assert "outside" not in run(Diary(), loader_of({"AAA": flat([10.0] * 9, "2024-01-02T14:26")}), **fields).assumptions


def test_ctrl_c_ends_a_run_under_asyncio_at_the_next_row() -> None:
    bars_seen = 0

    class Impatient:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            nonlocal bars_seen
            bars_seen += 1
            if bars_seen == 3:
                signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    assert before is signal.default_int_handler
    with pytest.raises(KeyboardInterrupt):
        run(Impatient(), loader_of({"AAA": flat([10.0] * 50)}))
    assert bars_seen == 3
    assert signal.getsignal(signal.SIGINT) is before


def test_the_handler_of_asyncio_is_back_behind_a_run() -> None:
    async def main() -> bool:
        before = signal.getsignal(signal.SIGINT)
        await UnifiedBacktestEngine(config()).run(EveryBar(), loader_of({"AAA": flat([10.0])}))
        return before is not signal.default_int_handler and signal.getsignal(signal.SIGINT) is before

    assert asyncio.run(main())


def test_what_a_strategy_raises_says_where_and_when() -> None:
    class Late:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            await trader.wait("30s")
            raise ZeroDivisionError

    class Now:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            raise ZeroDivisionError

    for strategy, second in ((Late(), "30"), (Now(), "00")):
        with pytest.raises(ZeroDivisionError) as caught:
            run(strategy, loader_of({"AAA": flat([10.0])}))
        assert caught.value.__notes__ == [f"in on_bar of {type(strategy).__name__}, at 2024-01-02 10:01:{second}+00:00"]
