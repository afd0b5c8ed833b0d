"""How strategies are told, what they may return, and what becomes of their errors."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest

from simexec.backtest.data import BarArrays, QuoteArrays
from simexec.backtest.engine import UnifiedBacktestEngine
from simexec.backtest.trader import Trader
from simexec.errors import InputError, OrderError, SimulationError
from simexec.execution.sizing import FixedQuantity, PercentOfEquity
from simexec.sim import Simulation
from simexec.trading.capabilities import Capabilities
from simexec.trading.events import EventType, Signal
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce

from .scenes import MINUTE, Diary, config, flat, loader_of, ns, quotes_of, run

TEN = ns("2024-01-02T10:00") - ns("2024-01-02")


def minutes(count: int) -> BarArrays:
    return loader_of({"AAA": flat([10.0 + i for i in range(count)])})


# --- async methods ------------------------------------------------------------------------------------------------------------


def test_what_comes_while_a_strategy_thinks_is_told_afterwards_in_order() -> None:
    told = []

    class Slow:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            begun = trader.now_ns - TEN
            if bar.start_ns == TEN:
                trader.buy("AAA", 1)
                await trader.wait("150s")
            told.append((begun, trader.now_ns - TEN, bar.open))

        def on_fill(self, fill: Any, trader: Trader) -> None:
            told.append((trader.now_ns - TEN, trader.now_ns - TEN, "fill"))

    run(Slow(), minutes(5))
    thought = 210 * 10**9
    assert told == [
        (MINUTE, thought, 10.0),
        (thought, thought, "fill"),  # of the second bar, told with the others
        (thought, thought, 11.0),
        (thought, thought, 12.0),
        (4 * MINUTE, 4 * MINUTE, 13.0),
        (5 * MINUTE, 5 * MINUTE, 14.0),
    ]


def test_a_strategy_may_wait_for_an_order_and_gets_its_fills() -> None:
    found = []

    class Patient:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            if not found:
                fills = await trader.execute(trader.buy("AAA", 1500))
                found.append((trader.now_ns - TEN, [(fill.quantity, float(fill.price)) for fill in fills]))

    run(Patient(), minutes(4))
    assert found == [(3 * MINUTE, [(1000, 11.0), (500, 12.0)])]


def test_every_method_may_be_async() -> None:
    called = []

    def method(name: str) -> Any:
        async def tell(self: Any, *what: Any) -> None:
            *_, trader = what
            called.append(name)
            if name == "on_quote" and len(called) == 2:
                trader.buy("AAA", 1)
            await trader.wait(0)

        return tell

    names = ("on_start", "on_quote", "on_trade", "on_fill", "on_stop")
    strategy = type("Everything", (), {name: method(name) for name in names})()
    quotes = quotes_of([(f"2024-01-02T10:0{i}", 9.0, 50, 10.0, 50) for i in range(2)])
    run(strategy, QuoteArrays({"AAA": quotes}))
    assert called == ["on_start", "on_quote", "on_fill", "on_quote", "on_stop"]


def test_what_can_be_awaited_is_awaited_even_if_it_is_no_coroutine() -> None:
    told = []

    class Lazy:
        def on_bar(self, bar: Any, trader: Trader) -> Any:
            told.append(trader.now_ns - TEN)
            return trader.wait("90s") if len(told) == 1 else None

    run(Lazy(), minutes(3))
    assert told == [MINUTE, MINUTE + 90 * 10**9, 3 * MINUTE]


# --- the end ------------------------------------------------------------------------------------------------------------------


def test_an_order_that_is_waited_for_when_the_data_end_is_cancelled_and_the_strategy_hears_of_it() -> None:
    found = []

    class Late:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            order = trader.buy("AAA", 1, 1.0)
            found.append((await trader.execute(order), order.status.name, order.reason, trader.now_ns - TEN))

        def on_stop(self, trader: Trader) -> None:
            found.append(trader.now_ns - TEN)

    run(Late(), minutes(1))
    fills, status, reason, _ = found[0]
    assert (fills, status, reason) == ([], "CANCELLED", "cancelled on request")
    assert len(found) == 2


def test_a_strategy_that_never_stops_thinking_is_stopped_at_the_end_of_the_backtest() -> None:
    woken, cleaned = [], []

    class Endless:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            try:
                while True:
                    await trader.wait("1h")
                    woken.append(trader.now_ns)
                    trader.buy("AAA", 1)
            finally:
                cleaned.append(trader.now_ns)

        def on_stop(self, trader: Trader) -> None:
            cleaned.append("stop")

    results = run(Endless(), minutes(3))
    assert [type(one) for one in cleaned] == [int, str]
    assert 48 * 60 * MINUTE <= cleaned[0] < 48 * 60 * MINUTE + 2 * MINUTE
    assert woken[0] == TEN + MINUTE + 60 * MINUTE
    assert 48 * 60 * MINUTE - 61 * MINUTE <= woken[-1] <= 48 * 60 * MINUTE
    assert results.stats["metrics"]["working"] == 0
    assert results.curve.times_ns[-1] == TEN + 3 * MINUTE


def test_what_waited_behind_it_is_not_told_then_not_even_after_an_async_on_stop() -> None:
    told = []

    class Endless:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            told.append(bar.open)
            await trader.wait("30d")

        async def on_stop(self, trader: Trader) -> None:
            await trader.wait("1s")
            told.append("stop")

    run(Endless(), minutes(3))
    assert told == [10.0, "stop"]


def test_a_strategy_that_sends_and_awaits_one_order_after_the_other_for_ever_is_stopped_too() -> None:
    class Stubborn:
        orders = 0

        async def on_bar(self, bar: Any, trader: Trader) -> None:
            while True:
                self.orders += 1
                await trader.execute(trader.buy("AAA", 1))

    strategy = Stubborn()
    results = run(strategy, minutes(3))
    assert results.round_trips.fills == 2
    assert 3 <= strategy.orders < 5_000
    assert results.stats["metrics"]["working"] == 0


def test_an_async_on_stop_is_waited_for_and_nothing_is_told_after_it() -> None:
    told = []

    class Closing:
        def on_quote(self, quote: Any, trader: Trader) -> None:
            if not told:
                trader.buy("AAA", 5)
            told.append("quote")

        def on_fill(self, fill: Any, trader: Trader) -> None:
            told.append("fill")

        async def on_stop(self, trader: Trader) -> None:
            order = trader.close("AAA")
            fills = await trader.execute(order)
            told.append(("stop", trader.position("AAA"), [fill.quantity for fill in fills]))

    quotes = quotes_of([(f"2024-01-02T10:0{i}", 9.0, 50, 10.0, 50) for i in range(2)])
    results = run(Closing(), QuoteArrays({"AAA": quotes}))
    assert told == ["quote", "fill", "quote", ("stop", 0, [5])]
    assert results.total_trades == 1
    assert float(results.final_equity) == 100_000 - 5


# --- signals ------------------------------------------------------------------------------------------------------------------


def buying(**fields: Any) -> Signal:
    return Signal("AAA", OrderSide.BUY, **fields)


@pytest.mark.parametrize(
    "answer",
    [buying(), [buying()], (one for one in [buying()]), {buying().symbol: buying()}.values()],
    ids=["one", "list", "generator", "values"],
)
def test_a_signal_or_several_are_sized_by_risk_and_sent(answer: Any) -> None:
    class Wishful:
        def on_bar(self, bar: Any, trader: Trader) -> Any:
            return answer if bar.start_ns == TEN else None

    results = run(Wishful(), minutes(3), sizing=FixedQuantity(shares=7))
    assert [fill.quantity for fill in results.fills] == [7]


def test_an_async_method_may_return_signals_and_a_generator_may_yield_them() -> None:
    class Wishful:
        async def on_bar(self, bar: Any, trader: Trader) -> Signal:
            await trader.wait("30s")
            return buying(strength=0.5)

    class Yielding:
        def on_bar(self, bar: Any, trader: Trader) -> Any:
            yield buying(strength=0.5)
            yield buying(strength=0.5)

    half = PercentOfEquity(fraction="0.01")
    assert [fill.quantity for fill in run(Wishful(), minutes(3), sizing=half).fills] == [50]
    assert [fill.quantity for fill in run(Yielding(), minutes(2), sizing=half).fills] == [50, 50]


def test_a_signal_that_comes_to_nothing_is_an_event_of_the_results_and_no_error() -> None:
    class Timid:
        def on_bar(self, bar: Any, trader: Trader) -> Signal:
            return buying(strength=0.01)

    results = run(Timid(), minutes(2), sizing=FixedQuantity(shares=10))
    assert [event.type for event in results.events] == [EventType.REJECT] * 2
    assert "less than a lot" in results.events[0].data["reason"]
    assert results.round_trips.fills == 0


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (True, "returned True; return a Signal, several, or None"),
        ("BUY", "returned 'BUY'"),
        ([buying(), 3], "returned 3 among others"),
        (buying(), "give a sizing"),
        (Signal("ZZZ", OrderSide.BUY), "'ZZZ' is not traded here"),
    ],
    ids=["bool", "text", "mixed", "no sizing", "unknown symbol"],
)
@pytest.mark.parametrize("is_async", [False, True])
def test_what_is_no_signal_is_refused(answer: Any, message: str, is_async: bool) -> None:
    class Wrong:
        def on_bar(self, bar: Any, trader: Trader) -> Any:
            return answer

    class WrongAsync:
        async def on_bar(self, bar: Any, trader: Trader) -> Any:
            return answer

    sizing = None if "sizing" in message else FixedQuantity(shares=1)
    with pytest.raises(InputError, match=message):
        run((WrongAsync if is_async else Wrong)(), minutes(2), sizing=sizing)


# --- errors -------------------------------------------------------------------------------------------------------------------


class OwnError(Exception):
    """Cannot be made again from its arguments, and has an attribute."""

    def __init__(self, code: int, *, note: str) -> None:
        super().__init__(f"{code}: {note}")
        self.code = code


def raising(method: str, is_async: bool, error: Exception) -> Any:
    def act(self: Any, *what: Any) -> None:
        raise error

    async def wait(self: Any, *what: Any) -> None:
        *_, trader = what
        await trader.wait("1s")
        raise error

    def on_bar(self: Any, bar: Any, trader: Trader) -> None:
        trader.buy("AAA", 1)

    return type("Raising", (), {"on_bar": on_bar} | {method: wait if is_async else act})()


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("method", ["on_start", "on_bar", "on_fill", "on_stop"])
def test_what_a_strategy_raises_comes_out_as_it_is(method: str, is_async: bool) -> None:
    error = OwnError(7, note="seven")
    with pytest.raises(OwnError) as caught:
        run(raising(method, is_async, error), minutes(4))
    assert caught.value is error
    assert (error.__cause__, error.__context__) == (None, None)
    assert any(entry.name in ("act", "wait") for entry in caught.traceback)


@pytest.mark.parametrize("is_async", [False, True], ids=["plain", "async"])
@pytest.mark.parametrize("method", ["on_start", "on_bar", "on_fill", "on_stop"])
def test_it_can_be_caught_where_the_backtest_is_awaited_and_the_simulation_goes_on(method: str, is_async: bool) -> None:
    error = OwnError(7, note="seven")
    calls = []
    strategy = raising(method, is_async, error)
    original = type(strategy).on_bar

    def counted(self: Any, bar: Any, trader: Trader) -> Any:
        calls.append(trader.now_ns)
        return original(self, bar, trader)

    type(strategy).on_bar = counted

    async def main(sim: Simulation) -> int:
        with pytest.raises(OwnError) as caught:
            await UnifiedBacktestEngine(config()).run(strategy, minutes(4))
        assert caught.value is error
        told = len(calls)
        await sim.timeout("1d")
        assert len(calls) == told
        return sim.now

    with Simulation(epoch=config().epoch) as sim:
        assert sim.run(main(sim)) >= 24 * 60 * MINUTE


def test_data_are_not_read_on_when_the_strategy_has_failed() -> None:
    class Blocks:
        is_bars = True
        handed_out = 0

        def load(self, request: Any) -> Any:
            self._rows = np.concatenate(list(minutes(50).load(request).blocks()))
            return self

        def blocks(self) -> Any:
            for block in np.split(self._rows, 50):
                self.handed_out += 1
                yield block

    async def main(sim: Simulation, loader: Blocks) -> None:
        with pytest.raises(OwnError):
            await UnifiedBacktestEngine(config()).run(raising("on_bar", False, OwnError(1, note="one")), loader)
        await sim.timeout("1d")

    with Simulation(epoch=config().epoch) as sim:
        loader = Blocks()
        sim.run(main(sim, loader))
    assert loader.handed_out <= 3


def test_a_wrong_order_is_an_error_where_it_is_made() -> None:
    class Wrong:
        def on_bar(self, bar: Any, trader: Trader) -> None:
            trader.buy("AAA", 1, 10.005)

    with pytest.raises(OrderError, match="is not a multiple of AAA's tick"):
        run(Wrong(), minutes(2))


def test_an_error_that_the_strategy_handles_itself_is_none() -> None:
    class Careful:
        refused = 0

        def on_bar(self, bar: Any, trader: Trader) -> None:
            try:
                trader.buy("AAA", 0)
            except OrderError:
                self.refused += 1

    strategy = Careful()
    run(strategy, minutes(3))
    assert strategy.refused == 3


def test_asyncio_in_a_strategy_is_refused_by_name() -> None:
    class Asyncio:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            await asyncio.sleep(0.01)

    with pytest.raises(SimulationError, match="asyncio"):
        run(Asyncio(), minutes(2))


def test_a_strategy_whose_clean_up_waits_is_told_so() -> None:
    class Untidy:
        async def on_bar(self, bar: Any, trader: Trader) -> None:
            try:
                await trader.wait("30d")
            finally:
                await trader.wait("1s")

    with pytest.raises(SimulationError, match="waits in its clean-up"):
        run(Untidy(), minutes(2))


# --- what a strategy is -------------------------------------------------------------------------------------------------------


def test_a_strategy_without_a_method_to_be_told_by_is_refused() -> None:
    class Deaf:
        on_bar = None

        def on_start(self, trader: Trader) -> None: ...

    for strategy in (object(), Deaf()):
        with pytest.raises(InputError, match="has none of on_bar, on_quote, on_trade and on_fill"):
            run(strategy, minutes(1))


def test_a_class_in_the_place_of_a_strategy_is_refused() -> None:
    with pytest.raises(InputError, match=r"is a class; give one of it, such as Diary\(\)"):
        run(Diary, minutes(1))


def needing(**needs: Any) -> Any:
    strategy = Diary()
    strategy.requires = Capabilities(**needs)  # type: ignore[attr-defined]
    return strategy


def test_what_a_strategy_requires_is_checked_before_anything_runs() -> None:
    quotes = QuoteArrays({"AAA": quotes_of([("2024-01-02T10:00", 9.0, 50, 10.0, 50)])})
    plain = {"order_types": [OrderType.LIMIT, OrderType.STOP], "times_in_force": TimeInForce, "features": ["replace"]}
    assert run(needing(**plain, modes=["BACKTEST_SINGLE"]), minutes(1)).rows == 1
    assert run(needing(features=["post_only"]), quotes).rows == 1
    for loader, needs, missing in (
        (minutes(1), {"features": ["post_only"]}, "features post_only"),
        (
            quotes,
            {"order_types": [OrderType.PEGGED], "features": ["price_slide"]},
            "order types PEGGED; features price_slide",
        ),
    ):
        strategy = needing(**needs)
        with pytest.raises(InputError, match=f"requires {missing}, which the venues of its data lack"):
            run(strategy, loader)
        assert strategy.told == []


def test_requirements_that_are_none_are_refused() -> None:
    strategy = Diary()
    strategy.requires = ["post_only"]  # type: ignore[attr-defined]
    with pytest.raises(InputError, match=r"is \['post_only'\]; give Capabilities"):
        run(strategy, minutes(1))


def test_what_a_strategy_has_no_method_for_it_is_not_told() -> None:
    class OnlyFills:
        fills = 0

        def on_fill(self, fill: Any, trader: Trader) -> None:
            self.fills += 1

    strategy = OnlyFills()
    assert run(strategy, minutes(3)).rows == 3
    assert strategy.fills == 0


def test_methods_of_an_instance_count_too() -> None:
    class Empty: ...

    told = []
    strategy = Empty()
    strategy.on_bar = lambda bar, trader: told.append(bar.close)  # type: ignore[attr-defined]
    run(strategy, minutes(3))
    assert told == [10.0, 11.0, 12.0]
