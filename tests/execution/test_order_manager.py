"""The order manager: an order's life, parents and children, ages and memory."""

from __future__ import annotations

from decimal import Decimal

import pytest

from simexec.errors import OrderError, SimulationError, TransitionError
from simexec.execution import OrderManager
from simexec.sim import Simulation
from simexec.testing import (
    Desk,
    background_market_order,
    check_desk,
    check_orders,
    make_desk,
)
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecType, ExecutionReport, Fill
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, PegType, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL
MARKET, LIMIT, ICEBERG = OrderType.MARKET, OrderType.LIMIT, OrderType.ICEBERG
PENDING, SUBMITTED, PARTIAL, FILLED, CANCELLED, REJECTED, EXPIRED = OrderStatus


def fill_of(order: Order, quantity: int, price: str = "150", *, exec_id: str = "x1", fee: int = 0) -> Fill:
    quanta = order.instrument.to_quanta(price)
    return Fill(exec_id, order.order_id, order.instrument, order.side, quantity, quanta, 0, fee)


def seen(order: Order) -> tuple[OrderStatus, int]:
    return order.status, order.filled_quantity


# --- the specification's examples ---


def test_the_specifications_simple_order_execution() -> None:
    with Simulation() as sim:
        order_manager = OrderManager()

        async def main() -> OrderStatus:
            order = await order_manager.create_order(
                symbol="AAPL", side=OrderSide.BUY, quantity=100, order_type=OrderType.MARKET
            )
            assert order.status is PENDING
            await order_manager.submit_order(order.order_id)
            return await order_manager.get_order_status(order.order_id)

        assert sim.run(main()) is SUBMITTED


def test_the_specifications_order_lifecycle() -> None:
    with Simulation() as sim:
        order_manager = OrderManager()

        async def main() -> list[OrderStatus]:
            order = await order_manager.create_order(
                symbol="AAPL", side=OrderSide.BUY, quantity=100, order_type=OrderType.LIMIT, price=150.00
            )
            statuses = [await order_manager.get_order_status(order.order_id)]
            await order_manager.submit_order(order.order_id)
            statuses.append(await order_manager.get_order_status(order.order_id))
            for exec_id, quantity in (("x1", 40), ("x2", 60)):
                await order_manager.add_fill(order.order_id, fill_of(order, quantity, exec_id=exec_id))
                statuses.append(await order_manager.get_order_status(order.order_id))
            assert order.average_price == 150
            return statuses

        assert sim.run(main()) == [PENDING, SUBMITTED, PARTIAL, FILLED]


def test_a_manager_without_a_simulation_says_where_to_make_one() -> None:
    with pytest.raises(SimulationError, match="no current simulation"):
        OrderManager()


def test_waiting_for_the_end_of_an_order_takes_simulated_time() -> None:
    with Simulation() as sim:
        manager = OrderManager()

        async def trader() -> None:
            await sim.timeout("3s")
            await manager.add_fill("ord_1", fill_of(manager.order("ord_1"), 100))

        async def main() -> int:
            order = await manager.create_order("AAPL", BUY, 100)
            await manager.submit_order(order.order_id)
            sim.process(trader())
            assert (await manager.wait_final(order)) is order
            return sim.now

        assert sim.run(main()) == 3_000_000_000


# --- creating orders ---


@pytest.fixture
def desk() -> Desk:
    """A lot of 10, bids at 100 and asks at 101 ticks, 250 us each way and 10 us in the gateway."""
    return make_desk(
        bids=[(100, [50])], asks=[(101, [50])], instrument=Instrument("TEST", Decimal("0.01"), lot=10)
    )  # fmt: skip


def create(desk: Desk, **fields: object) -> Order:
    """Create an order that is right but for the given fields."""
    right: dict[str, object] = {"symbol": "TEST", "side": BUY, "quantity": 20, "order_type": LIMIT, "price": "1.00"}
    order: Order = desk.sim.run(desk.manager.create_order(**{**right, **fields}))  # type: ignore[arg-type]
    return order


def test_an_order_is_created_with_what_was_asked_for(desk: Desk) -> None:
    desk.sim.run("1ms")
    order = create(desk, order_type=ICEBERG, quantity=100, display_quantity=20, time_in_force=TimeInForce.GTC)
    assert (order.symbol, order.price, order.price_ticks, order.quantity) == ("TEST", Decimal("1.00"), 100, 100)
    assert (order.display_quantity, order.time_in_force, order.created_ns) == (20, TimeInForce.GTC, 1_000_000)
    assert (order.status, order.submitted_ns, order.filled_quantity) == (PENDING, None, 0)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"symbol": "AMZN"}, "'AMZN' is not traded here; known: TEST"),
        ({"quantity": 0}, "quantity 0"),
        ({"quantity": -10}, "quantity -10"),
        ({"quantity": 15}, "15 is not a multiple of TEST's lot 10"),
        ({"quantity": 20.0}, r"20\.0"),
        ({"quantity": float("nan")}, "nan"),
        ({"quantity": True}, "True"),
        ({"price": None}, "a limit order of TEST needs a price"),
        ({"price": "1.005"}, r"1\.005 is not a multiple of TEST's tick 0\.01"),
        ({"price": float("nan")}, "nan"),
        ({"price": 0}, "price 0 is not positive"),
        ({"order_type": MARKET}, r"a market order has no price, 1\.00 was given"),
        ({"order_type": ICEBERG}, "display_quantity None with a iceberg order|needs one"),
        ({"display_quantity": 10}, "display_quantity 10 with a limit order"),
        ({"order_type": ICEBERG, "display_quantity": 30}, "30 exceeds the quantity 20"),
        ({"order_type": ICEBERG, "display_quantity": 5}, "5 is not a multiple"),
        ({"parent_id": "ord_99"}, "'ord_99' is not known"),
    ],
)
def test_a_wrong_order_is_refused_with_the_value_and_leaves_nothing(
    desk: Desk, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(OrderError, match=words):
        create(desk, **fields)
    assert desk.manager.orders() == []


STOP, STOP_LIMIT, TRAILING, PEGGED = OrderType.STOP, OrderType.STOP_LIMIT, OrderType.TRAILING_STOP, OrderType.PEGGED
IOC, FOK, GTD = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.GTD


@pytest.mark.parametrize(
    ("fields", "terms"),
    [
        ({}, None),
        ({"hidden": True}, None),
        ({"order_type": STOP, "price": None, "stop_price": "1.05"}, OrderTerms(stop_ticks=105)),
        ({"order_type": STOP_LIMIT, "stop_price": "1.05"}, OrderTerms(stop_ticks=105)),
        ({"order_type": STOP_LIMIT, "stop_price": "1.05", "display_quantity": 10}, OrderTerms(stop_ticks=105)),
        ({"order_type": TRAILING, "price": None, "trail": "0.03"}, OrderTerms(trail_ticks=3)),
        (
            {"order_type": TRAILING, "price": None, "trail": 0.03, "stop_price": 1.1, "time_in_force": TimeInForce.GTC},
            OrderTerms(stop_ticks=110, trail_ticks=3),
        ),
        ({"order_type": PEGGED, "price": None, "peg": PegType.PRIMARY}, OrderTerms(peg=PegType.PRIMARY)),
        (
            {"order_type": PEGGED, "peg": PegType.MARKET, "peg_offset": Decimal("-0.02"), "display_quantity": 10},
            OrderTerms(peg=PegType.MARKET, peg_offset_ticks=-2),
        ),
        ({"order_type": PEGGED, "peg": PegType.MIDPOINT, "peg_offset": 0, "hidden": True}, OrderTerms(peg=PegType.MIDPOINT)),
        ({"time_in_force": IOC, "min_quantity": 20}, OrderTerms(min_quantity=20)),
        ({"time_in_force": GTD, "expire": "90s"}, OrderTerms(expire_ns=90_000_000_000)),
        ({"post_only": True, "price_slide": True}, OrderTerms(price_slide=True)),
    ],
)  # fmt: skip
def test_an_order_has_the_terms_that_were_asked_for(
    desk: Desk, fields: dict[str, object], terms: OrderTerms | None
) -> None:
    assert create(desk, **fields).terms == terms


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"time_in_force": "DAY"}, "time_in_force 'DAY' is no member of TimeInForce; write TimeInForce.DAY"),
        ({"order_type": STOP, "price": None}, "a stop order needs a stop price"),
        ({"order_type": STOP_LIMIT}, "a stop_limit order needs a stop price"),
        ({"order_type": STOP_LIMIT, "price": None, "stop_price": 1}, "a stop_limit order of TEST needs a price"),
        ({"order_type": STOP, "stop_price": 1}, r"a stop order has no price, 1\.00 was given"),
        ({"stop_price": "1.05"}, "a limit order has no stop price; use OrderType.STOP or STOP_LIMIT"),
        ({"order_type": STOP, "price": None, "stop_price": float("nan")}, "nan"),
        ({"order_type": STOP, "price": None, "stop_price": 0}, "price 0 is not positive"),
        ({"order_type": STOP, "price": None, "stop_price": "-1"}, "price -1 is not positive"),
        ({"order_type": STOP, "price": None, "stop_price": "1.005"}, r"1\.005 is not a multiple of TEST's tick"),
        ({"order_type": STOP, "price": None, "stop_price": 1, "hidden": True}, "a stop order never rests in the book"),
        ({"order_type": STOP_LIMIT, "stop_price": 1, "post_only": True}, "a stop_limit order cannot be post-only"),
        ({"order_type": STOP_LIMIT, "stop_price": 1, "time_in_force": IOC}, "cannot be IOC; use DAY, GTC or GTD"),
        ({"order_type": TRAILING, "price": None}, "trail None ticks with a trailing_stop order"),
        ({"order_type": TRAILING, "price": None, "trail": 0}, "price 0 is not positive"),
        ({"order_type": TRAILING, "price": None, "trail": "-0.01"}, r"-0\.01 is not positive"),
        ({"order_type": TRAILING, "price": None, "trail": float("inf")}, "inf"),
        ({"trail": "0.03"}, "trail 3 ticks with a limit order"),
        ({"order_type": PEGGED, "price": None}, "peg None with a pegged order"),
        ({"peg": PegType.PRIMARY}, "peg PRIMARY with a limit order"),
        ({"order_type": PEGGED, "price": None, "peg": "PRIMARY"}, "peg 'PRIMARY' must be a member of PegType"),
        ({"order_type": PEGGED, "peg": PegType.PRIMARY, "price": -1}, "price -1 is not positive"),
        ({"order_type": PEGGED, "peg": PegType.PRIMARY, "peg_offset": float("nan")}, "peg_offset nan"),
        ({"order_type": PEGGED, "peg": PegType.PRIMARY, "peg_offset": "0.005"}, r"0\.005 is not a multiple"),
        ({"order_type": PEGGED, "peg": PegType.PRIMARY, "post_only": True}, "a pegged order cannot be post-only"),
        ({"order_type": PEGGED, "peg": PegType.PRIMARY, "time_in_force": FOK}, "a pegged order .* cannot be FOK"),
        ({"order_type": PEGGED, "peg": PegType.MIDPOINT}, "never displayed .*; set hidden"),
        ({"peg_offset": "0.01"}, "peg offset 1 ticks with a limit order"),
        ({"time_in_force": IOC, "min_quantity": 0}, "0 is less than 1"),
        ({"time_in_force": IOC, "min_quantity": -10}, "-10 is less than 1"),
        ({"time_in_force": IOC, "min_quantity": 15}, "15 is not a multiple"),
        ({"time_in_force": IOC, "min_quantity": 30}, "min_quantity 30 exceeds the quantity 20"),
        ({"time_in_force": IOC, "min_quantity": float("nan")}, "nan"),
        ({"time_in_force": FOK, "min_quantity": 10}, "FOK, which is all or nothing; use IOC"),
        ({"order_type": STOP, "price": None, "stop_price": 1, "min_quantity": 10}, "min_quantity 10 of a stop order"),
        ({"post_only": True, "min_quantity": 10}, "post-only order, which never trades on arrival"),
        ({"time_in_force": GTD}, "GTD needs one, others have none"),
        ({"expire": "1h"}, "expiry 3600000000000 ns of an order that is DAY"),
        ({"time_in_force": GTD, "expire": 0}, "expire 0 has passed"),
        ({"time_in_force": GTD, "expire": "-1s"}, "expire: duration '-1s' is not understood"),
        ({"time_in_force": GTD, "expire": float("nan")}, "expire: nan is a float"),
        ({"price_slide": True}, "not post-only; set post_only too"),
        ({"post_only": True, "time_in_force": IOC}, r"may not rest \(IOC\)"),
        ({"hidden": True, "order_type": ICEBERG, "display_quantity": 10}, "hidden or displays a part, not both"),
        ({"order_type": MARKET, "price": None, "hidden": True}, "a market order never rests in the book"),
    ],
)  # fmt: skip
def test_terms_that_are_wrong_or_contradict_each_other_are_refused_with_the_remedy(
    desk: Desk, fields: dict[str, object], words: str
) -> None:
    with pytest.raises(OrderError, match=words):
        create(desk, **fields)
    assert desk.manager.orders() == []


def test_a_buy_stop_limit_may_have_its_limit_below_its_stop(desk: Desk) -> None:
    order = create(desk, order_type=STOP_LIMIT, stop_price="1.05", price="1.02")
    assert (order.stop_price, order.price) == (Decimal("1.05"), Decimal("1.02"))


def test_an_expiry_is_compared_with_the_present_time(desk: Desk) -> None:
    desk.sim.run("2s")
    with pytest.raises(OrderError, match="expire '2s' has passed; it is 2s since the run's epoch"):
        create(desk, time_in_force=GTD, expire="2s")
    assert create(desk, time_in_force=GTD, expire="2.001s").terms == OrderTerms(expire_ns=2_001_000_000)


def test_a_manager_without_a_broker_keeps_the_books_of_every_type() -> None:
    with Simulation() as sim:
        manager = OrderManager()

        async def main() -> OrderStatus:
            order = await manager.create_order("AAPL", SELL, 100, STOP, stop_price=149, time_in_force=GTD, expire="1s")
            await manager.submit_order(order.order_id)
            await sim.timeout("2s")
            await manager.add_fill(order.order_id, fill_of(order, 100))
            return order.status

        assert sim.run(main()) is FILLED


def test_order_ids_begin_anew_in_every_run() -> None:
    assert [create(make_desk()).order_id for _ in range(2)] == ["ord_1", "ord_1"]


@pytest.mark.parametrize("ask", ["submit_order", "cancel_order", "replace_order", "get_order_status"])
def test_an_order_that_nobody_knows_is_an_error_that_names_it(desk: Desk, ask: str) -> None:
    arguments = ("ord_7", 10) if ask == "replace_order" else ("ord_7",)
    with pytest.raises(OrderError, match="'ord_7' is not known"):
        desk.sim.run(getattr(desk.manager, ask)(*arguments))


# --- one order, there and back ---


def test_an_order_is_sent_acknowledged_and_filled_and_the_portfolio_has_it(desk: Desk) -> None:
    order = desk.send(BUY, 30, 101)
    assert (order.status, order.venue, order.submitted_ns) == (SUBMITTED, "XTST", 0)
    desk.sim.run("510us")
    assert (order.status, order.acknowledged_ns) == (SUBMITTED, None)
    desk.sim.run("511us")
    assert (order.status, order.filled_quantity, order.acknowledged_ns) == (FILLED, 30, 260_000)
    assert desk.portfolio.position("TEST") == 30
    desk.finish()
    check_desk(desk)


def test_open_orders_are_those_that_have_not_ended(desk: Desk) -> None:
    ended, resting = desk.send(BUY, 30, 101), desk.send(BUY, 10, 90)
    assert desk.manager.open_orders() == [ended, resting]
    desk.sim.run("1ms")
    assert ended.is_final
    assert desk.manager.open_orders() == desk.manager.open_orders("TEST") == [resting]
    assert desk.manager.open_orders("OTHER") == []
    desk.finish()


def test_an_order_is_sent_once(desk: Desk) -> None:
    order = desk.send(BUY, 30, 101)
    with pytest.raises(TransitionError, match="cannot be sent"):
        desk.sim.run(desk.manager.submit_order(order.order_id))


def test_an_order_to_a_venue_without_a_line_stays_pending(desk: Desk) -> None:
    order = create(desk, venue="XNAS")
    with pytest.raises(OrderError, match="venue 'XNAS' has no line from broker; connected: XTST"):
        desk.sim.run(desk.manager.submit_order(order.order_id))
    assert order.status is PENDING


def test_a_refused_order_is_rejected_with_the_venues_words() -> None:
    desk = make_desk(opens="1s")
    order = desk.send(BUY, 30, 101)
    desk.sim.run("1ms")
    assert order.status is REJECTED
    assert "XTST trades" in order.reason


# --- cancels ---


def test_a_cancel_is_pending_until_the_answer(desk: Desk) -> None:
    order = desk.send(BUY, 30, 100)
    desk.sim.run("1ms")
    desk.manager.cancel(order)
    desk.manager.cancel(order)
    assert (order.status, order.pending_cancel) == (SUBMITTED, True)
    desk.sim.run("2ms")
    assert (order.status, order.pending_cancel) == (CANCELLED, False)
    assert [entry.event for entry in desk.journal.entries()] == ["order", "NEW", "cancel", "CANCELED"]


def test_a_fill_while_a_cancel_is_on_its_way_counts_and_the_cancel_ends_the_rest() -> None:
    desk = make_desk(messages=[background_market_order("1100us", SELL, 12)])
    order = desk.send(BUY, 30, 100)
    desk.sim.run("1ms")
    desk.manager.cancel(order)
    desk.finish()
    assert seen(order) == (CANCELLED, 12)
    assert desk.portfolio.position("TEST") == 12
    check_desk(desk)


def test_a_cancel_that_comes_too_late_changes_nothing_and_is_answered() -> None:
    desk = make_desk(messages=[background_market_order("1100us", SELL, 30)])
    order = desk.send(BUY, 30, 100)
    desk.sim.run("1ms")
    desk.manager.cancel(order)
    desk.finish()
    assert seen(order) == (FILLED, 30)
    assert [entry.event for entry in desk.journal.entries()][-2:] == ["TRADE", "CANCEL_REJECTED"]
    check_desk(desk)


def test_a_fill_that_crosses_the_cancel_on_the_wire_is_not_lost() -> None:
    desk = make_desk(messages=[background_market_order("1200us", SELL, 12)], latency="250us")
    order = desk.send(BUY, 30, 100)
    desk.sim.run("1300us")
    assert order.filled_quantity == 0
    desk.manager.cancel(order)
    desk.sim.run("1460us")
    assert (order.status, order.pending_cancel) == (PARTIAL, True)
    desk.finish()
    assert seen(order) == (CANCELLED, 12)


def test_an_order_that_was_not_sent_is_cancelled_at_once(desk: Desk) -> None:
    order = create(desk)
    desk.sim.run(desk.manager.cancel_order(order.order_id))
    assert (order.status, order.reason) == (CANCELLED, "cancelled before it was sent")
    assert len(desk.journal) == 1


def test_a_cancel_after_the_end_asks_nothing(desk: Desk) -> None:
    order = desk.send(BUY, 30, 101)
    desk.sim.run("1ms")
    entries = len(desk.journal)
    desk.manager.cancel(order)
    assert (order.status, len(desk.journal)) == (FILLED, entries)


# --- replaces ---


def test_a_replace_is_in_force_when_its_answer_says_so(desk: Desk) -> None:
    order = desk.send(BUY, 30, 100)
    desk.sim.run("1ms")
    desk.sim.run(desk.manager.replace_order(order.order_id, quantity=20, price=Decimal("0.99")))
    assert (order.quantity, order.price_ticks, order.pending_replace) == (30, 100, True)
    desk.sim.run("2ms")
    assert (order.quantity, order.price_ticks, order.pending_replace) == (20, 99, False)


def test_a_fill_made_possible_by_a_raise_is_no_overfill(desk: Desk) -> None:
    order = desk.send(BUY, 30, 100)
    desk.sim.run("1ms")
    desk.sim.run(desk.manager.replace_order(order.order_id, quantity=50, price="1.01"))
    desk.finish()
    assert seen(order) == (FILLED, 50)
    check_desk(desk)


def test_a_replace_that_comes_too_late_is_answered_and_changes_nothing(desk: Desk) -> None:
    order = desk.send(BUY, 30, 101)
    desk.sim.run(desk.manager.replace_order(order.order_id, quantity=50))
    desk.sim.run("1ms")
    assert (order.status, order.quantity, order.pending_replace) == (FILLED, 30, False)
    assert order.reason == "order ord_1 has ended"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "replace of ord_1 changes nothing"),
        ({"quantity": 0}, "quantity 0"),
        ({"quantity": 25}, "not a multiple"),
        ({"price": "1.001"}, "1.001 is not a multiple"),
    ],
)
def test_a_wrong_replace_is_refused_before_it_is_sent(desk: Desk, changes: dict[str, object], words: str) -> None:
    order = desk.send(BUY, 30, 100)
    desk.sim.run("1ms")
    with pytest.raises(OrderError, match=words):
        desk.sim.run(desk.manager.replace_order(order.order_id, **changes))  # type: ignore[arg-type]
    assert not order.pending_replace


def test_a_stop_price_is_replaced_until_the_stop_is_elected() -> None:
    desk = make_desk(asks=[(101, [5]), (105, [90])], messages=[background_market_order("10ms", BUY, 6)])
    order = desk.send(BUY, 10, 104, terms=OrderTerms(stop_ticks=110))
    desk.sim.run("5ms")
    desk.sim.run(desk.manager.replace_order(order.order_id, stop_price="1.05", price="1.03"))
    desk.sim.run("20ms")
    assert (order.stop_price, order.price, order.triggered_ns) == (Decimal("1.05"), Decimal("1.03"), 10_000_000)
    with pytest.raises(OrderError, match=r"waits for no trade; stop_price 1\.2 can only be given to a stop"):
        desk.sim.run(desk.manager.replace_order(order.order_id, stop_price="1.2"))
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("terms", "changes", "words"),
    [
        (None, {"stop_price": "1.05"}, "waits for no trade"),
        (OrderTerms(stop_ticks=110), {"price": "1.05"}, r"a stop order has no price, 1\.05 was given"),
        (OrderTerms(stop_ticks=110), {"stop_price": float("nan")}, "nan"),
    ],
)
def test_an_order_is_given_no_price_that_its_type_has_not(
    desk: Desk, terms: OrderTerms | None, changes: dict[str, object], words: str
) -> None:
    order = desk.send(BUY, 30, 100 if terms is None else None, terms=terms)
    desk.sim.run("1ms")
    with pytest.raises(OrderError, match=words):
        desk.sim.run(desk.manager.replace_order(order.order_id, **changes))  # type: ignore[arg-type]
    assert not order.pending_replace


@pytest.mark.parametrize("sent", [False, True])
def test_only_a_working_order_is_replaced(desk: Desk, sent: bool) -> None:
    order = create(desk, price="1.01")
    if sent:
        desk.manager.submit(order)
        desk.sim.run("1ms")
    with pytest.raises(OrderError, match=r"is (PENDING|FILLED) and cannot be replaced"):
        desk.sim.run(desk.manager.replace_order(order.order_id, quantity=10))


# --- fills that come by hand ---


def test_a_fill_by_hand_is_booked_once_in_order_portfolio_and_parent() -> None:
    with Simulation() as sim:
        portfolio = Portfolio(100_000)
        manager = OrderManager(portfolio=portfolio)

        async def main() -> tuple[Order, Order]:
            parent = await manager.create_order("AAPL", BUY, 100)
            await manager.submit_order(parent.order_id)
            child = await manager.create_order("AAPL", BUY, 60, parent_id=parent.order_id)
            await manager.submit_order(child.order_id)
            for _ in range(2):  # the second is a duplicate
                await manager.add_fill(child.order_id, fill_of(child, 25, "10", fee=1_000))
            return parent, child

        parent, child = sim.run(main())
        assert (seen(parent), seen(child)) == ((PARTIAL, 25), (PARTIAL, 25))
        assert (child.duplicates, child.fees, parent.fees) == (1, 1_000, 1_000)
        assert portfolio.position("AAPL") == 25
        assert portfolio.cash["USD"] == (100_000 - 250) * 10**6 - 1_000


@pytest.mark.parametrize(
    ("quantity", "sent", "error", "words"),
    [
        (101, True, TransitionError, "cum 101"),
        (10, False, TransitionError, "PENDING"),
        (0, True, TransitionError, "last 0"),
    ],
)
def test_a_fill_that_cannot_be_is_refused_and_not_booked(
    quantity: int, sent: bool, error: type[Exception], words: str
) -> None:
    with Simulation() as sim:
        manager = OrderManager(portfolio=Portfolio(1_000_000))
        order = sim.run(manager.create_order("AAPL", BUY, 100))
        if sent:
            manager.submit(order)
        with pytest.raises(error, match=words):
            sim.run(manager.add_fill(order.order_id, fill_of(order, quantity)))
        assert order.filled_quantity == 0
        assert manager.portfolio is not None
        assert manager.portfolio.position("AAPL") == 0


def test_a_fill_of_another_order_is_refused() -> None:
    with Simulation() as sim:
        manager = OrderManager()
        first, second = (sim.run(manager.create_order("AAPL", BUY, 100)) for _ in range(2))
        manager.submit(second)
        with pytest.raises(OrderError, match="fill x1 is of a BUY AAPL order ord_1, not of the BUY AAPL order ord_2"):
            sim.run(manager.add_fill(second.order_id, fill_of(first, 10)))


def test_a_report_about_an_order_that_was_never_here_is_an_error(desk: Desk) -> None:
    desk.send(BUY, 10, 100)
    stranger = ExecutionReport("x1", "ord_77", ExecType.NEW, 0, 0, 10)
    with pytest.raises(SimulationError, match="report x1 is about order ord_77, which this manager never had"):
        desk.manager._books.receive([stranger])


def test_a_report_that_comes_twice_is_booked_once(desk: Desk) -> None:
    order = desk.send(BUY, 30, 101)
    desk.sim.run("1ms")
    (trade,) = order.trades
    desk.manager._books.receive([trade])
    assert (seen(order), order.duplicates) == ((FILLED, 30), 1)
    assert desk.portfolio.position("TEST") == 30


def test_a_bust_takes_the_trade_back_from_order_portfolio_and_parent(desk: Desk) -> None:
    parent = desk.parent(BUY, 60)
    parent.submit(0)
    order = desk.send(BUY, 30, 101, parent=parent)
    desk.sim.run("1ms")
    (trade,) = order.trades
    bust = ExecutionReport(
        "bust", order.order_id, ExecType.TRADE_CANCEL, 2_000_000, 0, 30, trade.last_quantity, trade.last_price_quanta,
        exec_ref_id=trade.exec_id,
    )  # fmt: skip
    desk.manager._books.receive([bust])
    assert (seen(order), seen(parent)) == ((SUBMITTED, 0), (SUBMITTED, 0))
    assert desk.portfolio.position("TEST") == 0
    desk.portfolio.check()


# --- parents and children ---


def test_a_parent_follows_its_childrens_trades(desk: Desk) -> None:
    parent = desk.parent(BUY, 60)
    parent.submit(0)
    first, second = desk.send(BUY, 20, 101, parent=parent), desk.send(BUY, 40, 101, parent=parent)
    desk.sim.run("1ms")
    assert (seen(first), seen(second), seen(parent)) == ((FILLED, 20), (PARTIAL, 30), (PARTIAL, 50))
    assert desk.manager.children(parent.order_id) == [first, second]
    assert parent.average_price == Decimal("1.01")
    assert desk.portfolio.position("TEST") == 50


def test_a_parent_whose_children_filled_it_is_filled(desk: Desk) -> None:
    parent = desk.parent(BUY, 50)
    parent.submit(0)
    desk.send(BUY, 50, 101, parent=parent)

    async def main() -> int:
        await desk.manager.wait_final(parent)
        return desk.sim.now

    assert desk.sim.run(main()) == 510_000
    check_orders(desk.manager.orders())


@pytest.mark.parametrize(("working", "room"), [([], 60), ([20], 40), ([20, 40], 0)])
def test_a_child_larger_than_what_its_parent_has_left_is_refused(desk: Desk, working: list[int], room: int) -> None:
    parent = desk.parent(BUY, 60)
    for quantity in working:
        create(desk, quantity=quantity, parent_id=parent.order_id)
    with pytest.raises(OrderError, match=f"would overfill {parent.order_id}, which has {room} left to place"):
        create(desk, quantity=room + 10, parent_id=parent.order_id)
    if room:
        assert create(desk, quantity=room, parent_id=parent.order_id).parent_id == parent.order_id


def test_what_a_child_leaves_unfilled_can_be_placed_again(desk: Desk) -> None:
    parent = desk.parent(BUY, 80)
    parent.submit(0)
    child = desk.send(BUY, 80, 101, parent=parent)
    desk.sim.run("1ms")
    assert desk.manager.unplaced(parent) == 0
    desk.manager.cancel(child)
    assert desk.manager.unplaced(parent) == 0
    desk.sim.run("2ms")
    assert desk.manager.unplaced(parent) == 30


@pytest.mark.parametrize("fields", [{"side": SELL}, {"symbol": "OTHER"}])
def test_a_child_trades_what_its_parent_trades(fields: dict[str, object]) -> None:
    with Simulation() as sim:
        manager = OrderManager()
        parent = sim.run(manager.create_order("TEST", BUY, 100))
        wanted: dict[str, object] = {"symbol": "TEST", "side": BUY, "quantity": 10, **fields}
        with pytest.raises(OrderError, match="must be a BUY of TEST"):
            sim.run(manager.create_order(**wanted, parent_id=parent.order_id))  # type: ignore[arg-type]


def test_raising_a_child_beyond_what_its_parent_has_left_is_refused(desk: Desk) -> None:
    parent = desk.parent(BUY, 60)
    parent.submit(0)
    child = desk.send(BUY, 20, 100, parent=parent)
    desk.send(BUY, 20, 100, parent=parent)
    desk.sim.run("1ms")
    with pytest.raises(OrderError, match="has 20 left to place"):
        desk.sim.run(desk.manager.replace_order(child.order_id, quantity=50))
    desk.sim.run(desk.manager.replace_order(child.order_id, quantity=40))
    desk.finish()
    check_orders([order for order in desk.manager.orders() if order is not parent])


def test_a_raise_on_its_way_is_not_left_to_place(desk: Desk) -> None:
    parent = desk.parent(BUY, 60)
    parent.submit(0)
    child = desk.send(BUY, 20, 100, parent=parent)
    desk.sim.run("1ms")
    desk.sim.run(desk.manager.replace_order(child.order_id, quantity=60))
    assert desk.manager.unplaced(parent) == 0


def test_a_child_may_be_sent_before_anything_was_done_with_its_parent(desk: Desk) -> None:
    parent = create(desk, quantity=50)
    child = desk.send(BUY, 50, 101, parent=parent)
    desk.sim.run("1ms")
    assert seen(child) == seen(parent) == (FILLED, 50)


def test_trades_of_grandchildren_reach_the_root_of_the_tree(desk: Desk) -> None:
    root = desk.parent(BUY, 50)
    branch = create(desk, quantity=50, order_type=MARKET, price=None, parent_id=root.order_id)
    root.submit(0)
    branch.submit(0)
    leaf = desk.send(BUY, 50, 101, parent=branch)
    desk.sim.run("1ms")
    assert seen(leaf) == seen(branch) == seen(root) == (FILLED, 50)


def test_a_parent_that_is_being_worked_can_be_cancelled(desk: Desk) -> None:
    parent = desk.parent(BUY, 100)
    parent.submit(0)
    child = desk.send(BUY, 30, 100, parent=parent)
    desk.sim.run("1ms")
    desk.sim.run(desk.manager.cancel_order(parent.order_id))
    desk.finish()
    assert (child.status, parent.status) == (CANCELLED, CANCELLED)


def test_a_replace_of_a_parent_that_is_being_worked_is_made_or_refused_with_a_reason(desk: Desk) -> None:
    parent = desk.parent(BUY, 100)
    parent.submit(0)
    with pytest.raises(OrderError):
        desk.sim.run(desk.manager.replace_order(parent.order_id, quantity=50))


# --- ages and memory ---


def test_an_old_order_is_asked_to_cancel_and_only_the_answer_ends_it() -> None:
    desk = make_desk(bids=[(100, [50])], max_order_age="10s", cleanup_interval="4s", latency="1s", closes="1h")
    order = desk.send(BUY, 30, 100)
    desk.sim.run("11s")
    assert (order.status, order.pending_cancel) == (SUBMITTED, False)
    desk.sim.run("13s")
    assert (order.status, order.pending_cancel) == (SUBMITTED, True)
    desk.sim.run("15s")
    assert order.status is CANCELLED


def test_an_old_order_that_fills_while_its_cancel_is_on_its_way_is_filled() -> None:
    desk = make_desk(
        messages=[background_market_order("12500ms", SELL, 30)],
        max_order_age="10s",
        cleanup_interval="4s",
        latency="1s",
    )
    order = desk.send(BUY, 30, 100)
    desk.sim.run("15s")
    assert seen(order) == (FILLED, 30)


def test_an_old_parent_is_left_to_its_algorithm_and_its_children_are_asked() -> None:
    desk = make_desk(max_order_age="10s", cleanup_interval="4s")
    parent = desk.parent(BUY, 100)
    parent.submit(0)
    child = desk.send(BUY, 30, 100, parent=parent)
    desk.sim.run("13s")
    assert (child.status, parent.status) == (CANCELLED, SUBMITTED)


def test_an_old_parent_without_children_yet_is_left_to_its_algorithm() -> None:
    desk = make_desk(max_order_age="10s", cleanup_interval="4s")
    parent = desk.parent(BUY, 100)
    parent.submit(0)
    desk.sim.run("13s")
    assert parent.status is SUBMITTED


def test_orders_that_ended_an_interval_ago_are_archived_and_forgotten(desk: Desk) -> None:
    desk = make_desk(asks=[(101, [50])], cleanup_interval="10s")
    archive: list[Order] = []
    desk.manager.on_forget(archive.append)
    ended, working = desk.send(BUY, 30, 101), desk.send(BUY, 30, 100)
    desk.sim.run("9s")
    late = desk.send(BUY, 20, 101)
    desk.sim.run("11s")
    assert (archive, desk.manager.orders()) == ([], [ended, working, late])
    desk.sim.run("21s")
    assert (archive, desk.manager.orders()) == ([ended, late], [working])
    with pytest.raises(OrderError, match="'ord_1' is not known; it was never created here or ended long ago"):
        desk.manager.order("ord_1")


def test_an_order_is_not_forgotten_while_an_answer_about_it_is_on_its_way() -> None:
    desk = make_desk(asks=[(101, [50])], cleanup_interval="1s", latency="1500ms", closes="1h")
    order = desk.send(BUY, 30, 101)
    desk.sim.run("100ms")
    desk.manager.cancel(order)
    desk.sim.run("2050ms")
    desk.send(
        BUY, 1, 99
    )  # the manager cleans up a second later: after the fill was told, before the cancel is answered
    desk.finish()
    assert seen(order) == (FILLED, 30)


def test_a_rejected_order_is_not_forgotten_while_the_answer_to_its_cancel_is_on_its_way() -> None:
    desk = make_desk(opens="1h", closes="2h", cleanup_interval="1s", latency="1500ms")
    order = desk.send(BUY, 30, 101)
    desk.sim.run("2050ms")
    desk.manager.cancel(order)  # the reject arrives at 3 s, the answer to this at 5.05 s
    desk.sim.run("3200ms")
    assert order.status is REJECTED
    desk.send(BUY, 1, 99)
    desk.finish()
    assert order.status is REJECTED


def test_a_tree_is_forgotten_when_all_of_it_has_ended(desk: Desk) -> None:
    desk = make_desk(asks=[(101, [50])], cleanup_interval="10s")
    parent = desk.parent(BUY, 60)
    parent.submit(0)
    done, working = desk.send(BUY, 50, 101, parent=parent), desk.send(BUY, 10, 101, parent=parent)
    desk.sim.run("35s")
    assert desk.manager.orders() == [parent, done, working]
    desk.manager.cancel(working)
    desk.sim.run("36s")
    desk.manager.close(parent, ExecType.EXPIRED, "10 of 60 were left unfilled")
    desk.send(BUY, 10, 99)
    desk.sim.run("60s")
    assert [order.order_id for order in desk.manager.orders()] == ["ord_4"]
    assert desk.manager.children(parent.order_id) == []


def test_the_cleaning_stops_when_nothing_is_left_so_that_a_run_can_end(desk: Desk) -> None:
    desk = make_desk(asks=[(101, [50])], cleanup_interval="10s", max_order_age="20s", closes="1h")
    desk.send(BUY, 30, 101)
    desk.send(BUY, 30, 100)
    desk.sim.run()
    assert desk.manager.orders() == []
    assert desk.sim.now == 3600 * 10**9  # the close is the last thing to happen


def test_the_cleaning_stops_when_only_a_parent_is_left_that_nobody_ends() -> None:
    desk = make_desk(max_order_age="1s", closes="1h")
    parent = desk.parent(BUY, 10)
    parent.submit(0)
    desk.send(BUY, 10, 99, parent=parent)
    desk.sim.run("1000h")
    events = desk.sim.calendar_events
    desk.sim.run("2000h")
    assert desk.sim.calendar_events - events <= 2


# --- waiting ---


def test_several_wait_for_the_end_of_one_order(desk: Desk) -> None:
    order = desk.send(BUY, 30, 101)
    ends: list[tuple[str, int]] = []

    async def wait(name: str) -> None:
        await desk.manager.wait_final(order)
        ends.append((name, desk.sim.now))

    for name in "ab":
        desk.sim.process(wait(name))
    desk.sim.run("5ms")
    desk.sim.run(wait("late"))
    assert ends == [("a", 510_000), ("b", 510_000), ("late", 5_000_000)]


def test_the_end_of_an_order_can_be_awaited_beside_a_timeout(desk: Desk) -> None:
    order = desk.send(BUY, 30, 100)

    async def main() -> bool:
        await (desk.manager.final(order) | desk.sim.timeout("2ms"))
        return order.is_final

    assert desk.sim.run(main()) is False
    assert desk.sim.now == 2_000_000


def test_reports_can_be_read_as_a_stream_by_order_and_by_parent(desk: Desk) -> None:
    parent = desk.parent(BUY, 70)
    parent.submit(0)
    of_parent = desk.manager.reports(parent.order_id)
    first = desk.send(BUY, 50, 101, parent=parent)
    of_first = desk.manager.reports(first.order_id)
    desk.send(BUY, 20, 100, parent=parent)

    async def main() -> list[str]:
        return [(await of_parent.next()).exec_type.name for _ in range(3)]

    assert desk.sim.run(main()) == ["NEW", "TRADE", "NEW"]
    assert [report.exec_type.name for report in of_first.take()] == ["NEW", "TRADE"]
