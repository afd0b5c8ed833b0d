"""What an engine tells, in which order, to whom, and what it keeps."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from simexec.errors import InputError
from simexec.execution import FixedQuantity, Latencies, RiskLimits, RiskPortfolioContainer
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.event_bus import EventBus
from simexec.execution.market_rows import row_of
from simexec.models.commission import FixedCommissionModel
from simexec.models.slippage import FixedSlippageModel
from simexec.sim import Constant, Simulation
from simexec.trading.events import Event, EventType
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport, RejectReason
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType
from simexec.venue.market_simulator import MarketSimulator

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SECOND = 10**9
FREE = RiskLimits(allow_short=True, buying_power=False)  # market orders need no price to be valued at
OUTCOMES = (EventType.FILL, EventType.BUST, EventType.REJECT, EventType.CANCEL)


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation() as current:
        yield current


def engine_of(sim: Simulation, *, latency: int = 0, **options: Any) -> DefaultExecutionEngine:
    simulator = options.pop("market_simulator", MarketSimulator())
    risk = RiskPortfolioContainer(
        options.pop("capital", 1_000_000), sizing=FixedQuantity(shares=10), limits=options.pop("limits", None)
    )
    broker = BacktestBroker(risk.get_portfolio_state(), simulator, latencies=Latencies(*[Constant(latency)] * 3))
    return DefaultExecutionEngine(broker, risk=risk, **options)


def take(engine: DefaultExecutionEngine, kind: str, /, **data: Any) -> Any:
    return engine._sim.run(engine.process_event({"type": kind, "data": data}))


def settle(sim: Simulation) -> None:
    """Let all that happens at this time happen."""
    sim.run(sim.now + 1)


def order(engine: DefaultExecutionEngine, side: str = "BUY", quantity: int = 10, **data: Any) -> Order:
    made = take(engine, "ORDER", symbol="AAPL", side=side, quantity=quantity, **data)
    assert isinstance(made, Order)
    settle(engine._sim)
    return made


def price(engine: DefaultExecutionEngine, value: Any, **more: Any) -> None:
    take(engine, "MARKET_DATA", symbol="AAPL", price=value, **more)
    settle(engine._sim)


def kinds(engine: DefaultExecutionEngine) -> list[str]:
    return [event.type.name for event in engine.history]


# --- what is told ---


def test_an_event_comes_before_what_follows_from_it(sim: Simulation) -> None:
    engine = engine_of(sim, capital=1_000)
    price(engine, 100)
    order(engine)
    order(engine, quantity=1)
    order(engine, "SELL", order_type="LIMIT", price=120)
    take(engine, "CANCEL")
    settle(sim)
    price(engine, 130)
    take(engine, "SIGNAL", symbol="AAPL", side="SELL", strength=1.0)
    settle(sim)
    assert kinds(engine) == [
        "MARKET_DATA", "ORDER", "FILL", "ORDER", "REJECT", "ORDER", "CANCEL", "CANCEL", "MARKET_DATA", "SIGNAL", "ORDER", "FILL",
    ]  # fmt: skip
    times = [event.time_ns for event in engine.history]
    assert None not in times
    assert times == sorted(times)  # type: ignore[type-var]


def test_a_fill_is_told_with_all_that_it_is(sim: Simulation) -> None:
    simulator = MarketSimulator(FixedSlippageModel(0.01), FixedCommissionModel(2))
    engine = engine_of(sim, market_simulator=simulator, latency=SECOND, limits=FREE)
    made = order(engine)
    sim.run("1500ms")
    take(engine, "MARKET_DATA", symbol="AAPL", price=100)
    sim.run("5s")
    (event,) = [one for one in engine.history if one.type is EventType.FILL]
    assert event.time_ns == 2_500_000_000  # when it was heard of
    fill = event.data["fill"]
    assert (fill.time_ns, fill.venue, fill.order_id) == (1_500_000_000, "SIM.AAPL", "ord_1")
    assert {name: event.data[name] for name in event.data if name != "fill"} == {
        "order_id": "ord_1", "symbol": "AAPL", "side": BUY, "order": made, "quantity": 10, "price": Decimal(101),
        "commission": Decimal(2), "slippage": Decimal(1),
    }  # fmt: skip


def test_each_trade_is_told_once_and_together_they_are_the_order(sim: Simulation) -> None:
    engine = engine_of(sim, limits=FREE)
    told: list[Event] = []
    engine.on(EventType.FILL, told.append)
    made = order(engine, quantity=100)
    for volume in (30, 30, 50):
        price(engine, 100, volume=volume)
    assert [event.data["quantity"] for event in told] == [30, 30, 40]
    assert [event.data["fill"] for event in told] == [made.fill_of(trade) for trade in made.trades]


def test_a_fill_by_hand_is_told_once(sim: Simulation) -> None:
    engine = engine_of(sim)
    told: list[Event] = []
    engine.on(EventType.FILL, told.append)
    order(engine, order_type="LIMIT", price=10)
    fill = take(engine, "FILL", order_id="ord_1", quantity=10, price=9, commission=1)
    settle(sim)
    assert [event.data["fill"] for event in told] == [fill]
    assert kinds(engine) == ["ORDER", "FILL"]


@pytest.mark.parametrize(
    ("end", "kind", "status", "reason"),
    [
        ("cancel", "CANCEL", OrderStatus.CANCELLED, "cancelled on request"),
        ("run", "CANCEL", OrderStatus.EXPIRED, "the simulation has ended"),
        ("venue", "REJECT", OrderStatus.REJECTED, "a pegged order follows a book, and SIM.AAPL has none"),
    ],
)
def test_every_end_without_a_fill_is_told_with_its_reason(
    sim: Simulation, end: str, kind: str, status: OrderStatus, reason: str
) -> None:
    engine = engine_of(sim)
    fields = (
        {"order_type": "PEGGED", "peg": "PRIMARY", "price": 10}
        if end == "venue"
        else {"order_type": "LIMIT", "price": 1}
    )
    made = order(engine, **fields)
    if end == "cancel":
        engine.order_manager.cancel(made)
    elif end == "run":
        engine.broker.end_run()  # type: ignore[union-attr]
    settle(sim)
    event = engine.history[-1]
    assert (event.type.name, event.data["status"], event.data["reason"]) == (kind, status, reason)
    assert (event.data["order_id"], event.data["order"], event.data["side"]) == ("ord_1", made, BUY)
    code = RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC if end == "venue" else None
    assert event.data["code"] is code


def test_a_cancel_that_comes_too_late_is_told_as_a_reject(sim: Simulation) -> None:
    engine = engine_of(sim, latency=SECOND)
    made = engine.new_order("AAPL", BUY, 10, OrderType.LIMIT, 101)
    engine.order_manager.submit(made)
    sim.run("1500ms")
    take(engine, "MARKET_DATA", symbol="AAPL", price=100)
    take(engine, "CANCEL", order_id="ord_1")
    sim.run("10s")
    assert kinds(engine) == ["MARKET_DATA", "CANCEL", "FILL", "REJECT"]
    reject = engine.history[-1].data
    assert (reject["exec_type"], reject["code"]) == (ExecType.CANCEL_REJECTED, RejectReason.TOO_LATE_TO_CANCEL)
    assert reject["reason"] == "order ord_1 has ended"


def test_a_request_to_cancel_and_its_answer_can_be_told_apart(sim: Simulation) -> None:
    engine = engine_of(sim)
    order(engine, order_type="LIMIT", price=1)
    take(engine, "CANCEL", order_id="ord_1")
    settle(sim)
    asked, done = (event.data for event in engine.history if event.type is EventType.CANCEL)
    assert asked == {"order_id": "ord_1"}
    assert done["status"] is OrderStatus.CANCELLED


def test_a_bust_is_told_with_the_fill_that_no_longer_stands(sim: Simulation) -> None:
    engine = engine_of(sim, limits=FREE)
    made = order(engine)
    price(engine, 100)
    (trade,) = made.trades
    bust = ExecutionReport(
        "bust", "ord_1", ExecType.TRADE_CANCEL, sim.now, 0, 10, trade.last_quantity, trade.last_price_quanta,
        exec_ref_id=trade.exec_id,
    )  # fmt: skip
    engine.order_manager._books.receive([bust])
    event = engine.history[-1]
    assert (event.type, event.data["quantity"], event.data["fill"].exec_id) == (EventType.BUST, 10, trade.exec_id)
    assert (made.filled_quantity, engine.portfolio.position("AAPL")) == (0, 0)
    engine.portfolio.check()


def test_an_order_that_is_pulled_is_not_told_of(sim: Simulation) -> None:
    engine = engine_of(sim)
    made = engine.new_order("AAPL", BUY, 10)
    broker = engine.broker
    assert isinstance(broker, BacktestBroker)
    sim.run(broker.submit_order(made))
    assert len(sim.run(broker.process_pending_orders({"AAPL": 100}))) == 1
    settle(sim)
    assert not [event for event in engine.history if event.type in OUTCOMES]


def test_an_event_that_is_refused_is_neither_kept_nor_told(sim: Simulation) -> None:
    engine = engine_of(sim)
    told: list[Event] = []
    for kind in EventType:
        engine.on(kind, told.append)
    for event in (
        {"type": "ORDER", "data": {"symbol": "AAPL"}},
        {"type": "MARKET_DATA", "data": {"price": 1}},
        {"type": "X"},
    ):
        with pytest.raises(InputError):
            sim.run(engine.process_event(event))
    settle(sim)
    assert (engine.history, told) == ((), [])


def test_the_time_of_an_event_is_when_it_was_taken_in(sim: Simulation) -> None:
    engine = engine_of(sim)
    sim.run("3s")
    given = Event(EventType.SYSTEM, {"halt": True}, time_ns=7)
    sim.run(engine.process_event(given))
    assert engine.history == (Event(EventType.SYSTEM, {"halt": True}, 3 * SECOND),)
    assert given.time_ns == 7


# --- handlers ---


def test_handlers_are_called_at_the_time_of_the_event_behind_what_happens_then(sim: Simulation) -> None:
    engine = engine_of(sim)
    seen: list[Any] = []
    engine.on(EventType.ORDER, lambda event: seen.append(("told", sim.now, len(seen))))

    async def main() -> None:
        await sim.timeout("2s")
        data = {"symbol": "AAPL", "side": "BUY", "quantity": 10}
        await engine.process_event({"type": "ORDER", "data": data})
        seen.append("sent")
        await sim.timeout("1s")

    sim.run(main())
    assert seen == ["sent", ("told", 2 * SECOND, 1)]


@pytest.mark.parametrize("form", ["plain", "async", "generator", "method"])
def test_a_handler_may_be_any_kind_of_function(sim: Simulation, form: str) -> None:
    engine = engine_of(sim)
    seen: list[tuple[str, int]] = []

    class Listener:
        async def hear(self, event: Event) -> None:
            await sim.timeout("1s")
            seen.append((event.type.name, sim.now))

    async def later(event: Event) -> None:
        await sim.timeout("1s")
        seen.append((event.type.name, sim.now))

    def yielding(event: Event) -> Any:
        yield sim.timeout("1s")
        seen.append((event.type.name, sim.now))

    def now(event: Event) -> str:
        seen.append((event.type.name, sim.now + SECOND))
        return "of no account"

    engine.on(EventType.SYSTEM, {"plain": now, "async": later, "generator": yielding, "method": Listener().hear}[form])
    take(engine, "SYSTEM")
    sim.run("5s")
    assert seen == [("SYSTEM", SECOND)]


def test_handlers_of_one_kind_are_called_in_the_order_in_which_they_came(sim: Simulation) -> None:
    engine = engine_of(sim)
    seen: list[int] = []
    for number in range(3):
        engine.on(EventType.SYSTEM, lambda event, number=number: seen.append(number))  # type: ignore[misc]
    take(engine, "SYSTEM")
    settle(sim)
    assert seen == [0, 1, 2]


def test_a_handler_hears_of_events_that_are_told_after_it_came(sim: Simulation) -> None:
    engine = engine_of(sim)
    seen: list[str] = []

    def outer(event: Event) -> None:
        seen.append("outer")
        engine.on(EventType.SYSTEM, lambda later: seen.append("inner"))

    engine.on(EventType.SYSTEM, outer)
    for expected in (["outer"], ["outer", "outer", "inner"]):
        take(engine, "SYSTEM")
        settle(sim)
        assert seen == expected


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_handler_raises_comes_out_of_the_run_as_itself(sim: Simulation, is_async: bool) -> None:
    class MineError(Exception):
        pass

    def now(event: Event) -> None:
        raise MineError("here", 7)

    async def later(event: Event) -> None:
        await sim.timeout("1s")
        raise MineError("here", 7)

    engine = engine_of(sim, limits=FREE)
    engine.on(EventType.FILL, later if is_async else now)
    made = engine.new_order("AAPL", BUY, 10)
    engine.order_manager.submit(made)
    take(engine, "MARKET_DATA", symbol="AAPL", price=100)
    with pytest.raises(MineError) as caught:
        sim.run("10s")
    assert caught.value.args == ("here", 7)
    assert sim.now == (SECOND if is_async else 0)
    assert (made.status, engine.portfolio.position("AAPL")) == (OrderStatus.FILLED, 10)  # all of it had been done
    sim.run("10s")
    engine.portfolio.check()


@pytest.mark.parametrize("is_async", [False, True])
def test_handlers_may_place_orders_of_which_others_are_told(sim: Simulation, is_async: bool) -> None:
    """Whoever is filled sells the same again, until ten orders have traded."""
    engine = engine_of(sim, limits=FREE)
    data = {"symbol": "AAPL", "quantity": 10}

    def answer(event: Event) -> Any:
        if len(engine.order_manager.orders()) < 10:
            side = event.data["side"].opposite.name
            return engine.process_event({"type": "ORDER", "data": data | {"side": side}})
        return None

    async def later(event: Event) -> None:
        await sim.timeout("1s")
        answering = answer(event)
        if answering is not None:
            await answering

    engine.on(EventType.FILL, later if is_async else answer)
    price(engine, 100)
    take(engine, "ORDER", **data, side="BUY")
    sim.run("1m")
    orders = engine.order_manager.orders()
    assert len(orders) == 10
    assert {one.status for one in orders} == {OrderStatus.FILLED}
    assert [one.side for one in orders] == [BUY, SELL] * 5
    assert orders[-1].submitted_ns == 1 + (9 * SECOND if is_async else 0)  # price() has let a nanosecond pass
    assert kinds(engine).count("FILL") == 10
    engine.portfolio.check()


@pytest.mark.parametrize("kind", ["FILL", None, ExecType.TRADE, Event])
def test_a_kind_that_is_no_event_type_is_refused(sim: Simulation, kind: Any) -> None:
    with pytest.raises(InputError, match=r"event type .* must be a member of EventType"):
        engine_of(sim).on(kind, print)


@pytest.mark.parametrize("handler", [None, "print", 7])
def test_a_handler_that_cannot_be_called_is_refused(sim: Simulation, handler: Any) -> None:
    with pytest.raises(
        InputError, match=r"handler .* of FILL events cannot be called; give a function of one argument"
    ):
        engine_of(sim).on(EventType.FILL, handler)


# --- history ---


@pytest.mark.parametrize(("history", "kept"), [(0, 0), (1, 1), (5, 5), (None, 20), (10_000, 20)])
def test_so_many_of_the_latest_events_are_kept_as_was_asked(sim: Simulation, history: int | None, kept: int) -> None:
    engine = engine_of(sim, history=history)
    for number in range(20):
        take(engine, "SYSTEM", number=number)
    assert [event.data["number"] for event in engine.history] == list(range(20))[20 - kept :]
    assert sim.run(engine.get_execution_stats())["events"] == {"kept": kept}


def test_ten_thousand_events_are_kept_by_default(sim: Simulation) -> None:
    engine = engine_of(sim)
    assert engine._bus.history.maxlen == 10_000


@pytest.mark.parametrize("history", [-1, 1.5, "all", True])
def test_a_history_of_another_length_is_refused(sim: Simulation, history: Any) -> None:
    with pytest.raises(InputError, match=r"history .* must be a whole number of events from 0 up, or None for all"):
        engine_of(sim, history=history)


def test_handlers_are_told_also_where_nothing_is_kept(sim: Simulation) -> None:
    engine = engine_of(sim, history=0, limits=FREE)
    told: list[Event] = []
    engine.on(EventType.FILL, told.append)
    order(engine)
    price(engine, 100)
    assert [event.type for event in told] == [EventType.FILL]
    assert engine.history == ()


def test_a_history_is_a_copy_that_later_events_do_not_change(sim: Simulation) -> None:
    engine = engine_of(sim)
    take(engine, "SYSTEM")
    before = engine.history
    take(engine, "SYSTEM")
    assert (len(before), len(engine.history)) == (1, 2)


def test_what_is_kept_and_told_changes_nothing_of_what_happens(sim: Simulation) -> None:
    ends = []
    for history in (0, None):
        with Simulation() as own:
            engine = engine_of(own, history=history)
            if history is None:
                engine.on(EventType.FILL, lambda event: None)
            for value in (100, 101, 99):
                price(engine, value)
                order(engine)
            ends.append((own.now, engine.portfolio.snapshot(own.now)))
    assert ends[0] == ends[1]


# --- the bus itself ---


def test_what_is_held_back_follows_its_cause_or_stands_alone(sim: Simulation) -> None:
    bus = EventBus(sim, None)
    cause, effect = Event(EventType.ORDER), Event(EventType.REJECT)
    bus.hold()
    bus.tell(effect)
    assert list(bus.history) == []
    bus.release(cause)
    assert list(bus.history) == [cause, effect]
    bus.hold()
    bus.tell(effect)
    bus.release(None)
    assert list(bus.history) == [cause, effect, effect]


def test_a_bus_wants_what_it_keeps_or_what_somebody_hears(sim: Simulation) -> None:
    bus = EventBus(sim, 0)
    assert not bus.wants(EventType.FILL)
    bus.on(EventType.FILL, print)
    assert bus.wants(EventType.FILL)
    assert not bus.wants(EventType.CANCEL)
    assert EventBus(sim, 1).wants(EventType.CANCEL)


def test_market_data_that_fail_in_a_model_keep_what_they_did_in_the_history(sim: Simulation) -> None:
    """A model of the user's that fails is no wrong input: the row was handed in, and fills before it stand."""

    class Failing:
        needs_volume = False

        def calculate_slippage(self, trade: Any, market_price: float, volume: float, spread: float) -> float:
            raise ZeroDivisionError

    engine = engine_of(sim, market_simulator=MarketSimulator(Failing()), limits=FREE)
    order(engine)
    with pytest.raises(ZeroDivisionError):
        take(engine, "MARKET_DATA", symbol="AAPL", price=100)
    assert kinds(engine) == ["ORDER"]
    broker = engine.broker
    assert isinstance(broker, BacktestBroker)
    with pytest.raises(ZeroDivisionError):
        broker.push(broker.instrument("AAPL"), row_of(broker.instrument("AAPL"), 101, sim.now))
    engine.portfolio.check()
