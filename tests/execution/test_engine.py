"""An engine takes events in: what each does, what it answers, and what is refused without anything being done."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
import pytest

from simexec.errors import InputError, OrderError, SimulationError, TransitionError
from simexec.execution import (
    Broker,
    ExecutionCircuitBreaker,
    FixedQuantity,
    Journal,
    Latencies,
    OrderManager,
    ParentExecution,
    Refusal,
    RiskLimits,
    RiskPortfolioContainer,
    event_fields,
)
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.order_fields import TermFields
from simexec.execution.parent import work
from simexec.execution.sizing import FixedNotional
from simexec.models.commission import PerShareCommissionModel
from simexec.models.slippage import FixedSlippageModel
from simexec.sim import Constant, Simulation
from simexec.testing import make_desk
from simexec.trading.events import Event, EventType, Signal
from simexec.trading.instrument import Instrument
from simexec.trading.market_data import Bar
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, PegType, TimeInForce
from simexec.venue.market_simulator import MarketSimulator

BUY, SELL = OrderSide.BUY, OrderSide.SELL
SECOND = 10**9
DOLLAR = 10**6
SHARE = Instrument("AAPL", Decimal("0.01"))
OTHER = Instrument("MSFT", Decimal("0.05"), lot=10)


@pytest.fixture
def sim() -> Iterator[Simulation]:
    with Simulation() as current:
        yield current


class Desk:
    """An engine over a broker that is fed, and the calls that a test makes of it."""

    def __init__(self, sim: Simulation, **options: Any) -> None:
        self.sim = sim
        for_broker = {name: options.pop(name) for name in ("latencies", "market_simulator") if name in options}
        instruments = options.pop("traded", None)
        self.risk = RiskPortfolioContainer(
            options.pop("capital", 1_000_000), limits=options.pop("limits", None), sizing=options.pop("sizing", None)
        )
        self.broker = BacktestBroker(self.risk.get_portfolio_state(), instruments=instruments, **for_broker)
        self.engine = DefaultExecutionEngine(self.broker, risk=self.risk, **options)
        self.portfolio = self.engine.portfolio

    def take(self, kind: Any, /, **data: Any) -> Any:
        """Take an event in now, and what it leads to at this time."""
        return self.sim.run(self._take(kind, data))

    async def _take(self, kind: Any, data: dict[str, Any]) -> Any:
        result = await self.engine.process_event({"type": kind, "data": data})
        for _ in range(10):
            await self.sim.timeout(0)
        return result

    def price(self, price: Any, symbol: str = "AAPL", **more: Any) -> None:
        self.take("MARKET_DATA", symbol=symbol, price=price, **more)

    def order(self, side: str = "BUY", quantity: int = 100, **data: Any) -> Order:
        order = self.take("ORDER", **({"symbol": "AAPL", "side": side, "quantity": quantity} | data))
        assert isinstance(order, Order)
        return order

    def state(self) -> tuple[Any, ...]:
        """All that an event could change."""
        manager = self.engine.order_manager
        orders = [attrs.asdict(order, recurse=False) for order in manager.orders()]
        return orders, self.portfolio.snapshot(0), dict(self.portfolio._marks), self.engine.history, self.stats()

    def stats(self) -> dict[str, Any]:
        stats: dict[str, Any] = self.sim.run(self.engine.get_execution_stats())
        return stats

    def refuses(self, error: type[Exception], text: str, kind: Any, /, **data: Any) -> None:
        """The event is refused, and nothing has changed."""
        before = self.state()
        with pytest.raises(error, match=text):
            self.take(kind, **data)
        assert self.state() == before


@pytest.fixture
def desk(sim: Simulation) -> Desk:
    return Desk(sim)


# --- making one ---


def test_the_specifications_stack() -> None:
    async def main() -> None:
        risk_portfolio = RiskPortfolioContainer(initial_capital=100000)
        broker = BacktestBroker(portfolio_state=risk_portfolio.get_portfolio_state())
        engine = DefaultExecutionEngine(broker=broker)
        assert engine.portfolio is risk_portfolio.get_portfolio_state()
        order_event = {"type": EventType.ORDER, "data": {"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "LIMIT", "price": 150.00}}  # fmt: skip  # noqa: E501
        order = await engine.process_event(order_event)
        await sim.timeout(1)
        await engine.process_event({"type": EventType.MARKET_DATA, "data": {"symbol": "AAPL", "price": 149.50}})
        assert (await engine.execute_order(order))[0].price == Decimal("149.50")
        stats = await engine.get_execution_stats()
        assert (
            f"{stats['metrics']['fill_rate']:.1%} {stats['execution']['avg_slippage_per_fill']:.4f}" == "100.0% 0.0000"
        )

    with Simulation() as sim:
        sim.run(main())


def test_a_broker_and_a_risk_of_different_accounts_are_refused(sim: Simulation) -> None:
    broker = BacktestBroker(Portfolio(1))
    with pytest.raises(
        InputError, match=r"broker and risk have different accounts; give the broker risk.get_portfolio_state"
    ):
        DefaultExecutionEngine(broker, risk=RiskPortfolioContainer(1))


def test_a_broker_without_an_account_needs_a_risk(sim: Simulation) -> None:
    with pytest.raises(
        InputError, match=r"Broker has no account; give risk=RiskPortfolioContainer\(initial_capital=...\)"
    ):
        DefaultExecutionEngine(Broker(sim))
    assert DefaultExecutionEngine(Broker(sim, "b"), risk=(risk := RiskPortfolioContainer(5))).portfolio is (
        risk.get_portfolio_state()
    )


@pytest.mark.parametrize("broker", [None, "BacktestBroker", Portfolio(1), BacktestBroker])
def test_something_that_is_no_broker_is_refused(sim: Simulation, broker: Any) -> None:
    with pytest.raises(InputError):
        DefaultExecutionEngine(broker, risk=RiskPortfolioContainer(1))


def test_something_that_is_no_risk_is_refused(sim: Simulation) -> None:
    portfolio = Portfolio(1)
    with pytest.raises(InputError, match=r"risk .* is no RiskPortfolioContainer; give RiskPortfolioContainer"):
        DefaultExecutionEngine(BacktestBroker(portfolio), risk=portfolio)  # type: ignore[arg-type]


def test_two_engines_cannot_share_a_broker(desk: Desk) -> None:
    with pytest.raises(InputError, match="SIM has an order manager already; make another BacktestBroker"):
        DefaultExecutionEngine(desk.broker, risk=desk.risk)
    assert len(desk.broker._listeners) == 1  # the one that was refused hears nothing


def test_without_a_risk_the_account_pays_in_full_and_sells_what_it_has(sim: Simulation) -> None:
    engine = DefaultExecutionEngine(BacktestBroker(Portfolio(1_000)))

    async def main() -> None:
        await engine.process_event({"type": "MARKET_DATA", "data": {"symbol": "AAPL", "price": 100}})
        for side, quantity, rule in (("BUY", 11, "buying_power"), ("SELL", 1, "allow_short")):
            data = {"symbol": "AAPL", "side": side, "quantity": quantity}
            order = await engine.process_event({"type": "ORDER", "data": data})
            assert order.status is OrderStatus.REJECTED
            assert order.reason.startswith(rule)

    sim.run(main())


def test_instruments_of_engine_and_broker_are_the_same(sim: Simulation) -> None:
    desk = Desk(sim, instruments=[OTHER])
    assert desk.broker.instrument("MSFT") is OTHER
    assert desk.engine.instrument("MSFT") is OTHER
    desk.refuses(
        OrderError, "symbol 'AAPL' is not traded here; known: MSFT", "ORDER", symbol="AAPL", side="BUY", quantity=1
    )
    fixed = Desk(sim, traded=[SHARE])
    assert fixed.engine.instrument("AAPL") is SHARE
    fixed.refuses(OrderError, "symbol 'MSFT' is not traded here; known: AAPL", "MARKET_DATA", symbol="MSFT", price=5)
    with pytest.raises(OrderError, match=r"MSFT.* is not traded here; known: AAPL"):
        DefaultExecutionEngine(BacktestBroker(Portfolio(1), instruments=[SHARE]), instruments=[OTHER])
    with pytest.raises(OrderError, match="is not what is traded here by that symbol"):
        DefaultExecutionEngine(
            BacktestBroker(Portfolio(1), instruments=[SHARE]), instruments=[Instrument("AAPL", Decimal("0.05"))]
        )


# --- ORDER ---


def test_an_order_event_makes_and_sends_an_order(desk: Desk) -> None:
    desk.price(150)
    order = desk.order(order_type="LIMIT", price=150.00)
    assert (order.status, order.filled_quantity, order.average_price) == (OrderStatus.FILLED, 100, 150)
    assert desk.portfolio.position("AAPL") == 100
    assert desk.portfolio.reserved["USD"] == 0
    desk.portfolio.check()


@pytest.mark.parametrize("kind", [EventType.ORDER, "ORDER", "order"])
@pytest.mark.parametrize("typed", [True, False])
def test_types_sides_and_the_like_may_be_members_or_names_in_either_case(desk: Desk, kind: Any, typed: bool) -> None:
    data = {
        "symbol": "AAPL",
        "side": BUY,
        "quantity": 10,
        "order_type": OrderType.LIMIT,
        "price": "1.50",
        "time_in_force": "gtc",
    }
    if not typed:
        data |= {"side": "buy", "order_type": "limit"}
    event = Event(kind, data) if typed and isinstance(kind, EventType) else {"type": kind, "data": data}
    order = desk.sim.run(desk.engine.process_event(event))
    assert (order.side, order.order_type, order.time_in_force) == (BUY, OrderType.LIMIT, TimeInForce.GTC)


def test_every_field_of_create_order_may_be_given(desk: Desk) -> None:
    parent = desk.engine.new_order("AAPL", BUY, 500)
    order = desk.order(
        quantity=50, order_type="ICEBERG", price="10", time_in_force="GTD", display_quantity=10, hidden=False,
        parent_id=parent.order_id, venue="SIM.AAPL", expire="1h", post_only=False, peg=None, trail=None,
    )  # fmt: skip
    assert (order.order_type, order.display_quantity, order.parent_id) == (OrderType.ICEBERG, 10, parent.order_id)
    stop = desk.order(order_type="STOP", stop_price="11")
    assert stop.stop_price == 11
    pegged = desk.order(order_type="PEGGED", peg="primary", peg_offset="-0.01", hidden=True)
    assert pegged.terms is not None
    assert (pegged.terms.peg, pegged.terms.peg_offset_ticks) == (PegType.PRIMARY, -1)


def test_an_order_that_was_made_before_is_sent_by_its_id_or_itself(desk: Desk) -> None:
    first, second = (desk.engine.new_order("AAPL", BUY, 10) for _ in range(2))
    desk.price(10)
    assert desk.take("ORDER", order_id=first.order_id) is first
    assert desk.take("ORDER", order=second) is second
    assert first.status is second.status is OrderStatus.FILLED


def test_the_fields_of_an_order_event_are_those_of_create_order_and_stand_on_the_page() -> None:
    accepted = (
        set(inspect.signature(OrderManager.create_order).parameters) - {"self", "terms"}
        | TermFields.__annotations__.keys()
    )
    assert set(event_fields._ORDER) == accepted
    page = (Path(__file__).resolve().parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
    section = page.partition("### ORDER")[2].partition("\n###")[0]
    defined = {
        name for row in re.findall(r"^\| (`.*?) \| ", section, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)
    }
    assert defined == accepted | {"order", "order_id"}


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({}, r"an ORDER event needs a 'symbol'; its data are empty"),
        ({"symbol": "AAPL", "side": "BUY"}, "an ORDER event needs a 'quantity'; its data have symbol, side"),
        ({"symbol": "AAPL", "quantity": 5}, "an ORDER event needs a 'side'"),
        ({"symbol": "AAPL", "side": "LONG", "quantity": 5}, "side 'LONG' of an ORDER event must be one of BUY, SELL"),
        ({"symbol": "AAPL", "side": 1, "quantity": 5}, "side 1 of an ORDER event must be one of BUY, SELL"),
        ({"symbol": "AAPL", "side": None, "quantity": 5}, "side None"),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5, "quantty": 5}, r"has no field 'quantty'; did you mean 'quantity'\?"),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5, 7: 5}, "has no field 7"),
        ({"symbol": 7, "side": "BUY", "quantity": 5}, "symbol 7 of an ORDER event is not a text"),
        ({"symbol": ["AAPL"], "side": "BUY", "quantity": 5}, "is not a text"),
        ({"symbol": " ", "side": "BUY", "quantity": 5}, "symbol ' ' of an ORDER event is not a text"),
        *(
            ({"symbol": "AAPL", "side": "BUY", "quantity": quantity}, "AAPL quantity")
            for quantity in (0, -5, 1.5, "5", float("nan"), None, True, 2**60)
        ),
        *(
            ({"symbol": "AAPL", "side": "BUY", "quantity": 5, "order_type": "LIMIT", "price": price}, "rice")
            for price in (0, -1, float("nan"), "high", 10.005, None)
        ),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5, "price": 10}, "a market order has no price"),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5, "order_type": "LIMT"}, "order_type 'LIMT' of an ORDER event must be"),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5, "time_in_force": "EVER"}, "time_in_force 'EVER'"),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5, "venue": "XNAS"}, "venue 'XNAS' has no line from SIM"),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5, "parent_id": "ord_9"}, "order 'ord_9' is not known"),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5, "stop_price": 9}, "a market order has no stop price"),
        ({"order_id": "ord_9"}, "order 'ord_9' is not known"),
        ({"order_id": None}, "order_id None of an ORDER event is not a text"),
        ({"order_id": "ord_1", "quantity": 5}, "an ORDER event has no field 'quantity' beside order_id"),
        ({"order": "ord_1"}, "order 'ord_1' of an ORDER event is no Order; give one, or its fields"),
    ],
)  # fmt: skip
def test_wrong_fields_of_an_order_are_refused_and_no_order_is_made(desk: Desk, data: dict[Any, Any], text: str) -> None:
    before = desk.state()
    with pytest.raises(InputError, match=text):
        desk.sim.run(desk.engine.process_event({"type": "ORDER", "data": data}))
    assert desk.state() == before


def test_an_order_is_sent_once(desk: Desk) -> None:
    order = desk.order(order_type="LIMIT", price=1)
    for data in ({"order_id": order.order_id}, {"order": order}):
        desk.refuses(OrderError, "order ord_1 is SUBMITTED and cannot be sent again; create another", "ORDER", **data)
    desk.take("CANCEL", order_id=order.order_id)
    desk.refuses(OrderError, "order ord_1 is CANCELLED and cannot be sent again", "ORDER", order=order)


def test_an_order_of_somebody_else_is_not_sent(desk: Desk) -> None:
    ours = desk.engine.new_order("AAPL", BUY, 10)
    stranger = OrderManager(sim=desk.sim).new_order("AAPL", BUY, 10)
    unknown = Order("x", SHARE, BUY, 10)
    assert stranger.order_id == ours.order_id
    desk.refuses(
        OrderError, "order ord_1 is another one here; create it by engine.create_order", "ORDER", order=stranger
    )
    desk.refuses(OrderError, "order 'x' is not known", "ORDER", order=unknown)
    for order in (stranger, unknown, "ord_1"):
        with pytest.raises(InputError):
            desk.sim.run(desk.engine.execute_order(order))  # type: ignore[arg-type]
    assert {order.status for order in (ours, stranger, unknown)} == {OrderStatus.PENDING}


def test_an_order_that_risk_refuses_is_rejected_and_returned(sim: Simulation) -> None:
    desk = Desk(sim, capital=1_000)
    desk.price(100)
    order = desk.order(quantity=11)
    assert (order.status, order.submitted_ns) == (OrderStatus.REJECTED, None)
    assert order.reason.startswith("buying_power: a buy of 11 AAPL at 100 needs 1,100.00 USD, there are 1,000.00 USD")
    assert desk.portfolio.reserved["USD"] == 0


# --- execute_order ---


def test_execute_order_waits_for_the_end_and_returns_the_fills(sim: Simulation) -> None:
    simulator = MarketSimulator(FixedSlippageModel(0.001), PerShareCommissionModel("0.01"), participation="0.5")
    desk = Desk(sim, market_simulator=simulator)

    async def feed() -> None:
        while True:
            await desk.engine.process_event(
                {"type": "MARKET_DATA", "data": {"symbol": "AAPL", "price": 10, "volume": 60}}
            )
            await sim.timeout("1s")

    async def main() -> list[Fill]:
        sim.process(feed())
        await sim.timeout(1)
        order = await desk.engine.create_order("AAPL", BUY, 100)
        assert order.status is OrderStatus.PENDING
        return await desk.engine.execute_order(order)

    fills = sim.run(main())
    assert [(fill.quantity, fill.price, fill.time_ns // SECOND) for fill in fills] == [
        (30, Decimal("10.01"), 0), (30, Decimal("10.01"), 1), (30, Decimal("10.01"), 2), (10, Decimal("10.01"), 3),
    ]  # fmt: skip
    assert sum(fill.commission for fill in fills) == 1


def test_execute_order_of_one_that_is_refused_or_cancelled_returns_what_it_has(desk: Desk) -> None:
    refused = desk.engine.new_order("AAPL", SELL, 10)
    assert desk.sim.run(desk.engine.execute_order(refused)) == []
    assert refused.status is OrderStatus.REJECTED
    resting = desk.engine.new_order("AAPL", BUY, 10, OrderType.LIMIT, 1)

    async def main() -> list[Fill]:
        executing = desk.sim.process(desk.engine.execute_order(resting))
        await desk.sim.timeout("1s")
        await desk.engine.process_event({"type": "CANCEL", "data": {"order_id": resting.order_id}})
        return await executing  # type: ignore[no-any-return]

    assert desk.sim.run(main()) == []
    assert desk.sim.run(desk.engine.execute_order(resting)) == []


def test_execute_order_without_market_data_says_what_it_waits_for(desk: Desk) -> None:
    order = desk.engine.new_order("AAPL", BUY, 10, OrderType.LIMIT, 1)
    with pytest.raises(SimulationError, match="nothing is left to happen"):
        desk.sim.run(desk.engine.execute_order(order))


def test_an_order_of_the_other_door_is_not_waited_for(desk: Desk) -> None:
    order = desk.engine.new_order("AAPL", BUY, 10)
    desk.sim.run(desk.broker.submit_order(order))
    with pytest.raises(OrderError, match=r"ord_1 was given to the broker's submit_order, so its fills are pulled"):
        desk.sim.run(desk.engine.execute_order(order))
    desk.refuses(OrderError, "order ord_1 is SUBMITTED and cannot be sent again", "ORDER", order=order)
    assert len(desk.sim.run(desk.broker.process_pending_orders({"AAPL": 10}))) == 1
    (fill,) = desk.sim.run(desk.engine.execute_order(order))
    assert (fill.quantity, desk.portfolio.position("AAPL")) == (10, 10)


# --- SIGNAL ---


@pytest.mark.parametrize("made", [True, False])
def test_a_signal_is_sized_by_risk_and_sent(sim: Simulation, made: bool) -> None:
    desk = Desk(sim, sizing=FixedQuantity(shares=100))
    desk.price(10)
    data: dict[str, Any] = {
        "symbol": "AAPL",
        "side": "buy",
        "strength": 0.5,
        "strategy": "trend",
        "metadata": {"why": 1},
    }
    if made:
        data = {"signal": Signal("AAPL", BUY, 0.5)}
    order = desk.take("SIGNAL", **data)
    assert (order.side, order.quantity, order.status) == (BUY, 50, OrderStatus.FILLED)


def test_a_signal_without_a_sizing_is_an_error_that_says_so(desk: Desk) -> None:
    text = r"the AAPL signal cannot be sized; give a sizing such as FixedQuantity\(shares=100\)"
    desk.refuses(InputError, text, "SIGNAL", symbol="AAPL", side="BUY")


def test_a_signal_that_comes_to_nothing_is_answered_by_the_refusal_and_told_as_reject(sim: Simulation) -> None:
    desk = Desk(sim, sizing=FixedNotional(amount=1_000))
    refusal = desk.take("SIGNAL", symbol="AAPL", side="BUY")
    assert isinstance(refusal, Refusal)
    assert refusal.rule == "sizing"
    assert "no price of AAPL is seen" in refusal.text
    reject = desk.engine.history[-1]
    assert reject.type is EventType.REJECT
    assert (reject.data["symbol"], reject.data["side"], reject.data["reason"]) == ("AAPL", BUY, str(refusal))
    assert desk.engine.order_manager.orders() == []


def test_a_signal_whose_order_risk_refuses_returns_the_rejected_order_and_it_is_told(sim: Simulation) -> None:
    desk = Desk(sim, capital=100, sizing=FixedQuantity(shares=100))
    desk.price(10)
    order = desk.take("SIGNAL", symbol="AAPL", side="BUY")
    assert order.status is OrderStatus.REJECTED
    kinds = [event.type.name for event in desk.engine.history]
    assert kinds == ["MARKET_DATA", "SIGNAL", "ORDER", "REJECT"]
    assert desk.engine.history[-1].data["reason"] == order.reason
    assert desk.engine.history[-2].data["order"] is order


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"side": "BUY"}, "a SIGNAL event needs a 'symbol'; its data have side"),
        ({"symbol": "AAPL"}, "a SIGNAL event needs a 'side'"),
        ({"symbol": "AAPL", "side": "BUY", "strength": 1.5}, "strength 1.5 of the AAPL signal is not between 0 and 1"),
        ({"symbol": "AAPL", "side": "BUY", "strength": float("nan")}, "strength nan"),
        ({"symbol": "AAPL", "side": "BUY", "strength": "1"}, "strength '1' of a SIGNAL event is not a number"),
        ({"symbol": "AAPL", "side": "BUY", "strength": True}, "strength True of a SIGNAL event is not a number"),
        ({"symbol": "AAPL", "side": "BUY", "metadata": 5}, "metadata 5 of a SIGNAL event is not a mapping"),
        ({"symbol": "AAPL", "side": "BUY", "strategy": 5}, "strategy 5 of a SIGNAL event is not a text"),
        ({"symbol": "AAPL", "side": "BUY", "quantity": 5}, "a SIGNAL event has no field 'quantity'"),
        ({"signal": "AAPL"}, "signal 'AAPL' of a SIGNAL event is no Signal; give one, or its fields"),
        ({"signal": None}, "signal None of a SIGNAL event is no Signal"),
        ({"signal": Signal("AAPL", BUY), "strength": 1}, "a SIGNAL event has no field 'strength' beside signal"),
    ],
)  # fmt: skip
def test_wrong_fields_of_a_signal_are_refused(sim: Simulation, data: dict[str, Any], text: str) -> None:
    Desk(sim, sizing=FixedQuantity(shares=100)).refuses(InputError, text, "SIGNAL", **data)


def test_a_signal_of_an_unknown_symbol_is_refused_where_instruments_are_fixed(sim: Simulation) -> None:
    desk = Desk(sim, traded=[SHARE], sizing=FixedQuantity(shares=100))
    desk.refuses(OrderError, "symbol 'MSFT' is not traded here; known: AAPL", "SIGNAL", symbol="MSFT", side="BUY")
    assert list(desk.risk.instruments) == []


# --- FILL ---


def test_a_fill_event_books_a_trade_that_the_broker_does_not_report(desk: Desk) -> None:
    order = desk.order(order_type="LIMIT", price=151)
    fill = desk.take(
        "FILL", order_id="ord_1", symbol="AAPL", quantity=100, price=150.25, commission=1.00, slippage=0.25
    )
    assert (fill.quantity, fill.price, fill.commission, fill.slippage) == (100, Decimal("150.25"), 1, Decimal("0.25"))
    assert (order.status, order.average_price, order.trades[0].fee) == (OrderStatus.FILLED, Decimal("150.25"), DOLLAR)
    assert desk.portfolio.cash["USD"] == (1_000_000 - 15_025 - 1) * DOLLAR
    assert desk.portfolio.reserved["USD"] == 0
    desk.portfolio.check()


def test_a_fill_event_may_come_in_the_very_moment_of_its_order(desk: Desk) -> None:
    async def main() -> Order:
        order: Order = await desk.engine.process_event(
            {
                "type": "ORDER",
                "data": {"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "LIMIT", "price": 10},
            }
        )
        await desk.engine.process_event(
            {"type": "FILL", "data": {"order_id": order.order_id, "quantity": 100, "price": 9}}
        )
        assert order.status is OrderStatus.FILLED
        return order

    order = desk.sim.run(main())
    desk.price(5)
    assert (order.filled_quantity, desk.portfolio.position("AAPL")) == (100, 100)


@pytest.mark.parametrize("parts", [[100], [60, 40], [30, 30]])
def test_what_a_fill_event_has_filled_the_venue_does_not_fill_again(desk: Desk, parts: list[int]) -> None:
    order = desk.order(order_type="LIMIT", price=10)
    for number, part in enumerate(parts):
        desk.take("FILL", order_id="ord_1", quantity=part, price=10, exec_id=f"hand-{number}")
    desk.price(9)
    assert (order.status, order.filled_quantity, order.missing_quantity) == (OrderStatus.FILLED, 100, 0)
    assert [trade.last_quantity for trade in order.trades] == [
        *parts,
        *([100 - sum(parts)] if sum(parts) < 100 else []),
    ]
    assert desk.portfolio.position("AAPL") == 100
    desk.portfolio.check()


def test_a_fill_event_waits_for_the_order_to_reach_its_venue(sim: Simulation) -> None:
    desk = Desk(sim, latencies=Latencies(*[Constant("1ms")] * 3))

    async def main() -> None:
        data = {"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "LIMIT", "price": 10}
        order = await desk.engine.process_event({"type": "ORDER", "data": data})
        fill = await desk.engine.process_event(
            {"type": "FILL", "data": {"order_id": "ord_1", "quantity": 60, "price": 9}}
        )
        assert (sim.now, fill.time_ns, order.filled_quantity) == (2_000_000, 2_000_000, 60)

    sim.run(main())


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"quantity": 5, "price": 10}, "a FILL event needs a 'order_id'"),
        ({"order_id": "ord_9", "quantity": 5, "price": 10}, "order 'ord_9' is not known"),
        ({"order_id": "ord_1", "price": 10}, "a FILL event needs a 'quantity'"),
        ({"order_id": "ord_1", "quantity": 5}, "a FILL event needs a 'price'"),
        *(
            ({"order_id": "ord_1", "quantity": quantity, "price": 10}, "quantity of a FILL event")
            for quantity in (0, -5, 1.5, "5", None)
        ),
        *(
            ({"order_id": "ord_1", "quantity": 5, "price": price}, "rice")
            for price in (0, -1, float("nan"), "high", None, 10.00001)
        ),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "commission": float("nan")}, "USD amount nan"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "commission": "1e-9"}, "USD amount 1e-9 is finer than the unit"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "slippage": -0.25}, "slippage -0.25 of a FILL event is negative"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "slippage": "much"}, "slippage of a FILL event 'much'"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "slippage": 0.00001}, "price 0.00001 is finer than"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "symbol": "MSFT"}, "a FILL event of MSFT does not fit ord_1, a BUY"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "side": "SELL"}, "does not fit ord_1, a BUY of AAPL"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "side": "UP"}, "side 'UP' of a FILL event must be one of"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "exec_id": ""}, "exec_id '' of a FILL event is not a text"),
        ({"order_id": "ord_1", "quantity": 5, "price": 10, "fee": 1}, "a FILL event has no field 'fee'"),
        ({"order_id": "ord_1", "quantity": 101, "price": 10}, "a fill of 101 does not fit ord_1, which is SUBMITTED"),
    ],
)  # fmt: skip
def test_wrong_fields_of_a_fill_are_refused(desk: Desk, data: dict[str, Any], text: str) -> None:
    desk.order(order_type="LIMIT", price=10)
    desk.refuses(InputError, text, "FILL", **data)


def test_a_fill_of_an_order_that_cannot_have_one_is_refused(desk: Desk) -> None:
    pending = desk.engine.new_order("AAPL", BUY, 10)
    desk.refuses(
        OrderError, "order ord_1 is PENDING and not at a venue", "FILL", order_id="ord_1", quantity=5, price=10
    )
    desk.sim.run(desk.broker.submit_order(pending))
    desk.refuses(OrderError, "order ord_1 is SUBMITTED and not at a venue by this engine", "FILL", order_id="ord_1", quantity=5, price=10)  # fmt: skip  # noqa: E501
    ended = desk.order(order_type="LIMIT", price=10)
    desk.take("CANCEL", order_id=ended.order_id)
    desk.refuses(OrderError, "a fill of 5 does not fit ord_2, which is CANCELLED and has 0 left", "FILL", order_id="ord_2", quantity=5, price=10)  # fmt: skip  # noqa: E501
    live = desk.order(order_type="LIMIT", price=10)
    desk.take("FILL", order_id=live.order_id, quantity=5, price=10, exec_id="mine")
    desk.refuses(OrderError, "execution mine of ord_3 was booked before", "FILL", order_id="ord_3", quantity=5, price=10, exec_id="mine")  # fmt: skip  # noqa: E501
    assert live.filled_quantity == 5


def test_a_fill_of_a_parent_that_is_worked_is_refused(desk: Desk) -> None:
    class Nobody:
        def attend(self) -> None: ...

    parent = desk.engine.new_order("AAPL", BUY, 10, OrderType.LIMIT, 10)
    assert desk.engine.order_manager.begin(parent, Nobody())  # type: ignore[arg-type]
    with pytest.raises(
        OrderError, match=r"ord_1 is SUBMITTED and not at a venue .*; send it, or take one of its children"
    ):
        desk.take("FILL", order_id="ord_1", quantity=5, price=10)


# --- CANCEL ---


def three(desk: Desk) -> list[Order]:
    for symbol in ("AAPL", "MSFT"):
        desk.price(10, symbol)
    desk.order(quantity=100)
    return [
        desk.order(order_type="LIMIT", price=1),
        desk.order("SELL", 50, order_type="LIMIT", price=20),
        desk.order(symbol="MSFT", order_type="LIMIT", price=1),
    ]


@pytest.mark.parametrize(
    ("data", "cancelled"),
    [
        ({"order_id": "ord_2"}, [0]),
        ({}, [0, 1, 2]),
        ({"symbol": "AAPL"}, [0, 1]),
        ({"side": "BUY"}, [0, 2]),
        ({"symbol": "AAPL", "side": "SELL"}, [1]),
        ({"venue": "SIM.MSFT"}, [2]),
        ({"venue": None, "symbol": "MSFT", "side": None}, [2]),
    ],
)
def test_a_cancel_event_cancels_one_order_or_those_that_match(
    desk: Desk, data: dict[str, Any], cancelled: list[int]
) -> None:
    orders = three(desk)
    assert desk.take("CANCEL", **data) is None
    expected = [OrderStatus.CANCELLED if i in cancelled else OrderStatus.SUBMITTED for i in range(3)]
    assert [order.status for order in orders] == expected
    assert desk.portfolio.reserved["USD"] == sum(order.leaves_quantity * DOLLAR for order in (orders[0], orders[2]))


def test_an_order_that_was_not_sent_is_cancelled_at_once(desk: Desk) -> None:
    order = desk.engine.new_order("AAPL", BUY, 10)
    desk.take("CANCEL", order_id=order.order_id)
    assert (order.status, order.reason) == (OrderStatus.CANCELLED, "cancelled before it was sent")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"order_id": "ord_9"}, "order 'ord_9' is not known"),
        ({"order_id": None}, "order_id None of a CANCEL event is not a text"),
        ({"order_id": 7}, "order_id 7 of a CANCEL event is not a text"),
        ({"order_id": "ord_1", "symbol": "AAPL"}, "a CANCEL event has no field 'symbol' beside order_id"),
        ({"symbol": 7}, "symbol 7 of a CANCEL event is not a text"),
        ({"side": "UP"}, "side 'UP' of a CANCEL event must be one of BUY, SELL"),
        ({"venue": "XNAS"}, "venue 'XNAS' has no line from SIM"),
        ({"oder_id": "ord_1"}, r"a CANCEL event has no field 'oder_id'; known here: side, symbol, venue"),
    ],
)
def test_wrong_fields_of_a_cancel_are_refused_and_nothing_is_cancelled(
    desk: Desk, data: dict[str, Any], text: str
) -> None:
    orders = three(desk)
    desk.refuses(InputError, text, "CANCEL", **data)
    assert {order.status for order in orders} == {OrderStatus.SUBMITTED}


def test_a_cancel_of_an_unknown_symbol_is_refused_where_instruments_are_fixed(sim: Simulation) -> None:
    desk = Desk(sim, traded=[SHARE])
    order = desk.order(order_type="LIMIT", price=1)
    desk.refuses(OrderError, "symbol 'MSFT' is not traded here; known: AAPL", "CANCEL", symbol="MSFT")
    assert order.status is OrderStatus.SUBMITTED


def test_a_cancel_of_an_order_that_has_ended_does_nothing(desk: Desk) -> None:
    desk.price(10)
    order = desk.order()
    desk.take("CANCEL", order_id=order.order_id)
    assert (order.status, order.pending_cancel) == (OrderStatus.FILLED, False)


def test_a_misspelt_key_of_the_event_itself_does_not_cancel_everything(desk: Desk) -> None:
    orders = three(desk)
    with pytest.raises(InputError, match=r"an event has no field 'dta'; did you mean 'data'\?"):
        desk.sim.run(desk.engine.process_event({"type": "CANCEL", "dta": {"order_id": "ord_1"}}))
    assert {order.status for order in orders} == {OrderStatus.SUBMITTED}


# --- MARKET_DATA ---


def test_market_data_are_seen_mark_positions_and_fill_orders(desk: Desk) -> None:
    order = desk.order(order_type="LIMIT", price=101)
    desk.price(100, volume=60)
    assert order.filled_quantity == 60
    market = desk.engine.market("AAPL")
    assert market is desk.engine.market(desk.engine.instrument("AAPL"))
    quote = market.quote()
    assert quote is not None
    assert (quote.bid, quote.ask_size, market.price()) == (1_000_000, 60, 100.0)
    desk.take("MARKET_DATA", symbol="AAPL", bid=102, bid_size=5, ask=104, ask_size=5)
    assert desk.portfolio.positions["AAPL"].mark_quanta == 1_030_000
    desk.take("MARKET_DATA", symbol="AAPL", price=103, quantity=7)
    assert market.traded_quantity() == 7


def test_a_bar_that_strategies_are_told_of_can_be_handed_in_field_by_field(desk: Desk) -> None:
    desk.sim.run("1m")
    desk.take("MARKET_DATA", **attrs.asdict(Bar("AAPL", 0, 60 * SECOND, 10, 11, 9, 10.5, 500)))
    assert desk.engine.market("AAPL").price() == 10.5


def test_what_the_other_door_hands_in_is_seen_too(desk: Desk) -> None:
    desk.sim.run(desk.broker.process_pending_orders({"AAPL": 100}))
    assert desk.engine.market("AAPL").price() == 100.0
    assert desk.order(quantity=10).status is OrderStatus.FILLED  # risk has a price


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ({"price": 10}, "a MARKET_DATA event needs a 'symbol'; its data have price"),
        ({"symbol": "", "price": 10}, "symbol '' of a MARKET_DATA event is not a text"),
        ({"symbol": "AAPL"}, "of AAPL have neither a price"),
        ({"symbol": "AAPL", "price": float("nan")}, "AAPL price nan is not a finite number"),
        ({"symbol": "AAPL", "price": -1}, "AAPL price -1 is not positive"),
        ({"symbol": "AAPL", "price": 10, "size": 5}, "'size', which does not belong"),
        ({"symbol": "AAPL", "start": 0, "open": 1, "high": 1, "low": 1, "close": 1, "volume": 1}, "SIM.AAPL has quotes and trades"),
        ({"symbol": "AAPL", "price": 10, "quantity": 5, "time_ns": 10}, "nothing is known before its time"),
    ],
)  # fmt: skip
def test_wrong_market_data_are_refused_and_nothing_is_marked_seen_or_filled(
    desk: Desk, data: dict[str, Any], text: str
) -> None:
    order = desk.order(order_type="LIMIT", price=50)
    desk.price(100)
    seen = desk.engine.market("AAPL").quote()
    desk.refuses(InputError, text, "MARKET_DATA", **data)
    assert desk.engine.market("AAPL").quote() is seen
    assert order.filled_quantity == 0


# --- TIMER ---


def test_a_timer_has_the_circuit_breaker_look_at_its_limits(sim: Simulation) -> None:
    limits = RiskLimits(allow_short=True)
    desk = Desk(sim, limits=limits, circuit_breaker=ExecutionCircuitBreaker(max_loss=500, cool_down="1s"))
    desk.price(100)
    desk.order(quantity=100)
    resting = desk.order(quantity=10, order_type="LIMIT", price=50)
    assert desk.take("TIMER") is True
    desk.price(96)
    assert desk.take("TIMER") is True
    desk.price(94)
    assert desk.take("TIMER", name="every second") is False
    assert (resting.status, resting.reason) == (OrderStatus.CANCELLED, "cancelled on request")
    refused = desk.order(quantity=1)
    assert refused.status is OrderStatus.REJECTED
    assert refused.reason.startswith("circuit_breaker: open")


def test_a_timer_without_a_breaker_lets_everything_go_on_and_is_told(desk: Desk) -> None:
    told: list[Event] = []
    desk.engine.on(EventType.TIMER, told.append)
    assert desk.take("TIMER", name="noon") is True
    assert desk.engine.history == tuple(told) == (Event(EventType.TIMER, {"name": "noon"}, 0),)


# --- other events, and no events ---


@pytest.mark.parametrize("kind", [EventType.SYSTEM, EventType.BUST, EventType.REJECT])
def test_events_of_others_are_kept_and_handed_on(desk: Desk, kind: EventType) -> None:
    told: list[Event] = []
    desk.engine.on(kind, told.append)
    assert desk.take(kind, anything="goes") is None
    assert told == [Event(kind, {"anything": "goes"}, 0)]
    assert desk.engine.history == tuple(told)


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (None, "event None has no type; give"),
        ("ORDER", "event 'ORDER' has no type"),
        ({}, r"event \{\} has no type"),
        ({"data": {}}, "has no type"),
        ({"type": "BUY"}, "event type 'BUY' is unknown; use one of SIGNAL, ORDER"),
        ({"type": None}, "event type None is unknown"),
        ({"type": BUY}, "event type <OrderSide.BUY: 'BUY'> is unknown"),
        ({"type": "ORDER", "data": None}, r"data None of an event of type ORDER is not a mapping"),
        ({"type": "ORDER", "data": [1]}, r"data \[1\] of an event of type ORDER is not a mapping"),
        ({"type": "ORDER", "data": {}, "time": 5}, "an event has no field 'time'"),
        (Event("ODER", {}), "event type 'ODER' is unknown"),  # type: ignore[arg-type]
        (Event(EventType.ORDER, None), r"data None of an event of type ORDER is not a mapping"),  # type: ignore[arg-type]
    ],
)  # fmt: skip
def test_something_that_is_no_event_is_refused(desk: Desk, event: Any, text: str) -> None:
    before = desk.state()
    with pytest.raises(InputError, match=text):
        desk.sim.run(desk.engine.process_event(event))
    assert desk.state() == before


def test_a_typed_event_whose_type_is_a_name_is_taken_all_the_same(desk: Desk) -> None:
    order = desk.sim.run(
        desk.engine.process_event(Event("order", {"symbol": "AAPL", "side": "BUY", "quantity": 1}))  # type: ignore[arg-type]
    )
    assert order.quantity == 1


def test_events_are_not_processed_without_await(desk: Desk) -> None:
    with pytest.raises(
        SimulationError, match=r"process_event_sync does not exist.* write `await engine.process_event\(event\)`"
    ):
        desk.engine.process_event_sync({"type": "TIMER"})


# --- with venues that have their own market data ---


def test_over_a_broker_with_order_books_orders_work_and_market_data_and_fills_are_refused() -> None:
    desk = make_desk(bids=[(99, [80])], asks=[(101, [60])], latency=0, service=0)
    with desk.sim:
        broker = Broker(desk.sim, "mine")
        broker.connect(desk.venue, Latencies(*[Constant(0)] * 3))
        risk = RiskPortfolioContainer(1_000_000, prices=lambda instrument: desk.view.quote())
        engine = DefaultExecutionEngine(broker, risk=risk, instruments=[desk.instrument])

        async def main() -> None:
            await desk.sim.timeout("1s")
            order = await engine.process_event(
                {"type": "ORDER", "data": {"symbol": "TEST", "side": "BUY", "quantity": 50}}
            )
            (fill,) = await engine.execute_order(order)
            assert fill.price == Decimal("1.01")
            with pytest.raises(InputError, match="market data cannot be handed to Broker, whose venues have their own"):
                await engine.process_event({"type": "MARKET_DATA", "data": {"symbol": "TEST", "price": 1}})
            data = {"symbol": "TEST", "side": "BUY", "quantity": 50, "order_type": "LIMIT", "price": "0.5"}
            resting = await engine.process_event({"type": "ORDER", "data": data})
            await desk.sim.timeout(1)
            with pytest.raises(OrderError, match="ord_2 is at XTST, which reports its trades itself"):
                await engine.process_event({"type": "FILL", "data": {"order_id": "ord_2", "quantity": 5, "price": 1}})
            assert resting.filled_quantity == 0
            assert await engine.process_event({"type": "TIMER"}) is True

        desk.sim.run(main())
        assert engine.portfolio.position("TEST") == 50


class PluginBroker:
    """A broker of somebody else, whose fills come as FILL events."""

    def __init__(self) -> None:
        self.lines: dict[str | None, Any] = {"AWAY": None}
        self.venues = ["AWAY"]
        self.sent: list[Order] = []

    def on_reports(self, deliver: Any) -> None: ...

    def choose(self, venue: str | None, instrument: Instrument | None = None) -> str:
        return "AWAY"

    def send(self, order: Order) -> None:
        self.sent.append(order)

    def send_cancel(self, order: Order) -> None: ...

    def send_replace(
        self, order: Order, quantity: int, price_ticks: int | None, stop_ticks: int | None = None
    ) -> None: ...

    def send_mass_cancel(self, venue: str, request: Any) -> None: ...


def test_fills_of_a_broker_that_reports_none_come_as_fill_events(sim: Simulation) -> None:
    broker = PluginBroker()
    engine = DefaultExecutionEngine(broker, risk=RiskPortfolioContainer(1_000_000))

    async def main() -> None:
        data = {"symbol": "AAPL", "side": "BUY", "quantity": 100, "order_type": "LIMIT", "price": 10}
        order = await engine.process_event({"type": "ORDER", "data": data})
        assert broker.sent == [order]
        for quantity, status in ((60, OrderStatus.PARTIAL), (40, OrderStatus.FILLED)):
            await engine.process_event(
                {"type": "FILL", "data": {"order_id": "ord_1", "quantity": quantity, "price": 10}}
            )
            assert order.status is status
        with pytest.raises(OrderError, match="a fill of 1 does not fit ord_1, which is FILLED and has 0 left"):
            await engine.process_event({"type": "FILL", "data": {"order_id": "ord_1", "quantity": 1, "price": 10}})

    sim.run(main())
    assert engine.portfolio.position("AAPL") == 100


# --- figures ---


def test_the_figures_of_a_run_are_those_of_its_orders(sim: Simulation) -> None:
    desk = Desk(sim, market_simulator=MarketSimulator(FixedSlippageModel(0.001), PerShareCommissionModel("0.01")))
    empty = desk.stats()
    assert (empty["metrics"]["fill_rate"], empty["execution"]["avg_slippage_per_fill"], empty["events"]) == (
        0.0,
        0.0,
        {"kept": 0},
    )
    desk.price(10)
    desk.order(quantity=100)
    desk.order("SELL", 1_000)
    desk.order(order_type="LIMIT", price=1)
    stats = desk.stats()
    assert stats["metrics"]["fill_rate"] == stats["metrics"]["rejection_rate"] == 1 / 3
    assert (stats["metrics"]["filled"], stats["metrics"]["rejected"], stats["metrics"]["working"]) == (1, 1, 1)
    assert stats["execution"]["total_commission"] == {"USD": Decimal(1)}
    assert stats["execution"]["total_slippage"] == {"USD": Decimal(1)}
    assert stats["execution"]["avg_slippage_per_fill"] == pytest.approx(0.01)
    assert stats["events"] == {"kept": len(desk.engine.history)}


def test_a_parent_that_is_worked_does_not_count_but_its_children_do(sim: Simulation) -> None:
    from simexec.algos import TWAP, Tactics

    desk = Desk(sim)
    desk.price(10)
    manager = desk.engine.order_manager
    parent = manager.new_order("AAPL", BUY, 100)
    execution = ParentExecution(sim, manager, parent, desk.engine.market("AAPL"), sim.rng("twap"), 60 * SECOND)
    sim.run(work(execution, manager, TWAP(duration="4s", slices=4, tactics=Tactics(passive=False))))
    assert parent.status is OrderStatus.FILLED
    assert desk.stats()["metrics"]["orders"] == len(manager.children(parent.order_id)) == 4
    assert desk.stats()["execution"]["volume"] == 100


def test_orders_age_are_forgotten_and_written_down_as_the_engine_was_told(sim: Simulation) -> None:
    journal = Journal()
    desk = Desk(sim, max_order_age="10s", cleanup_interval="5s", journal=journal)
    order = desk.order(order_type="LIMIT", price=1)
    sim.run("12s")
    assert order.status is OrderStatus.CANCELLED
    sim.run("30s")
    with pytest.raises(OrderError, match="order 'ord_1' is not known; it was never created here or ended long ago"):
        desk.engine.order_manager.order("ord_1")
    assert len(journal) == 4  # the order, its acknowledgement, the cancel, its answer


def test_an_order_that_is_sent_by_both_doors_is_refused_by_the_second_also_without_the_engine(desk: Desk) -> None:
    order = desk.engine.new_order("AAPL", BUY, 10, OrderType.LIMIT, 10)
    desk.sim.run(desk.broker.submit_order(order))
    with pytest.raises(TransitionError, match="order ord_1 is SUBMITTED and cannot be sent"):
        desk.engine.order_manager.submit(order)
    assert desk.broker.pending_orders == [order]
