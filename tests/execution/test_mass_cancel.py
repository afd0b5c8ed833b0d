"""Cancels of many orders with one request."""

from __future__ import annotations

from decimal import Decimal

import pytest

from simexec.errors import OrderError, SimulationError
from simexec.execution import OrderManager
from simexec.execution.mass_cancel import MassCancels
from simexec.sim import Simulation
from simexec.testing import background_market_order, check_desk, make_desk
from simexec.trading.order import Order
from simexec.trading.report import ExecType, MassCancelReport
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

from .test_order_groups import Bench

BUY, SELL = OrderSide.BUY, OrderSide.SELL
PENDING, SUBMITTED, PARTIAL, FILLED, CANCELLED, REJECTED, EXPIRED = OrderStatus


def sent(bench: Bench, side: OrderSide = BUY) -> Order:
    order = bench.order(side)
    bench.manager.submit(order)
    bench.venue.settle()
    return order


def test_one_request_cancels_all_that_works_and_the_answer_says_how_many() -> None:
    desk = make_desk(bids=[(100, [5])], asks=[(110, [5])])
    orders = [desk.send(BUY, 10, 101), desk.send(SELL, 10, 108), desk.send(BUY, 10, 102)]
    desk.sim.run("1ms")
    answered = desk.manager.cancel_all()
    assert all(order.pending_cancel for order in orders)
    (report,) = desk.sim.run(answered).values()
    assert (report.cancelled, report.venue, report.reason) == (3, "XTST", None)
    assert [order.status for order in orders] == [CANCELLED] * 3
    events = [(e.event, e.order_id, e.quantity, e.venue) for e in desk.journal.entries()]
    assert events[6] == ("mass_cancel", "mass_1", 0, "XTST")
    assert [event[0] for event in events[7:10]] == ["CANCELED"] * 3
    assert events[10] == ("mass_canceled", "mass_1", 3, "XTST")
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("only", "left"),
    [({"side": BUY}, 1), ({"side": SELL}, 2), ({"symbol": "TEST"}, 0), ({"symbol": "AMZN"}, 3), ({"venue": "XTST"}, 0)],
)
def test_a_side_a_symbol_or_a_venue_may_be_named(only: dict[str, object], left: int) -> None:
    desk = make_desk(bids=[(100, [5])], asks=[(110, [5])])
    orders = [desk.send(BUY, 10, 101), desk.send(SELL, 10, 108), desk.send(BUY, 10, 102)]
    desk.sim.run("1ms")
    desk.sim.run(desk.manager.cancel_all(**only))  # type: ignore[arg-type]
    assert sum(not order.is_final for order in orders) == left


def test_a_venue_without_a_line_is_an_error() -> None:
    with pytest.raises(OrderError, match="venue 'XNAS' has no line"):
        make_desk().manager.cancel_all("XNAS")


def test_what_was_not_sent_and_what_is_being_worked_ends_too() -> None:
    desk = make_desk(bids=[(100, [5])])
    unsent, parent = desk.create(BUY, 10, 99), desk.parent(BUY, 50)
    parent.submit(0)
    child = desk.send(BUY, 20, 99, parent=parent)
    desk.sim.run("1ms")
    answered = desk.manager.cancel_all()
    assert (unsent.status, parent.pending_cancel) == (CANCELLED, True)
    desk.sim.run(answered)
    assert [order.status for order in (child, parent)] == [CANCELLED, CANCELLED]


def test_a_parent_whose_last_child_fills_meanwhile_has_no_cancel_pending() -> None:
    desk = make_desk(bids=[(100, [50])], messages=[background_market_order("1100us", SELL, 70)])
    parent = desk.parent(BUY, 20)
    parent.submit(0)
    child = desk.send(BUY, 20, 100, parent=parent)
    desk.sim.run("1ms")
    desk.manager.cancel_all()
    desk.finish()
    assert [(order.status, order.pending_cancel) for order in (child, parent)] == [(FILLED, False)] * 2
    check_desk(desk)


def test_a_manager_without_a_broker_cancels_at_once() -> None:
    with Simulation() as sim:
        manager = OrderManager()

        async def main() -> list[OrderStatus]:
            orders = [await manager.create_order("AAPL", side, 10, OrderType.LIMIT, Decimal(150)) for side in OrderSide]
            await manager.submit_order(orders[0].order_id)
            await manager.cancel_all()
            return [order.status for order in orders]

        assert sim.run(main()) == [CANCELLED, CANCELLED]


def test_an_order_that_fills_meanwhile_stays_filled() -> None:
    bench = Bench()
    order = sent(bench)
    bench.manager.cancel_all()
    bench.venue.trade(order.order_id, 100)
    bench.venue.settle()
    assert (order.status, order.filled_quantity) == (FILLED, 100)


def test_a_refused_mass_cancel_leaves_the_orders_and_they_can_be_cancelled_again() -> None:
    bench = Bench()
    order = sent(bench)
    answered, answer = bench.manager.cancel_all(), bench.manager.answer(order)
    bench.venue.serve(refuse=True)
    bench.venue.settle()
    assert (order.status, order.pending_cancel, answer.triggered) == (SUBMITTED, False, True)
    (report,) = bench.sim.run(answered).values()
    assert report.reason.business_code == 8
    bench.manager.cancel(order)
    bench.venue.settle()
    assert order.status is CANCELLED


def test_a_group_is_cancelled_with_the_rest() -> None:
    bench = Bench()
    group, entry, profit, loss = bench.bracket()
    bench.venue.settle()
    bench.trades(entry, 40)
    bench.manager.cancel_all()
    bench.venue.settle()
    assert [order.status for order in (entry, profit, loss)] == [CANCELLED] * 3
    assert group.orders == [entry, profit, loss]


def test_a_cancel_that_is_on_its_way_already_keeps_its_own_answer() -> None:
    bench = Bench()
    order = sent(bench)
    bench.manager.cancel(order)
    bench.manager.cancel_all()
    bench.venue.requests.rotate(1)
    bench.venue.serve(refuse=True)
    bench.venue.let_through()
    assert order.pending_cancel
    bench.venue.settle()
    assert order.status is CANCELLED


def test_an_answer_that_nobody_waits_for_is_an_error() -> None:
    with pytest.raises(SimulationError, match="answers mass_7, which nobody waits for"):
        MassCancels(Simulation(), None, None, print).answer(MassCancelReport("mass_7", 0, "XTST", 5))


def test_an_order_is_closed_once_though_its_expiry_crosses_the_mass_cancel() -> None:
    bench = Bench()
    order = sent(bench)
    bench.manager.cancel_all()
    bench.venue.end(order.order_id, ExecType.EXPIRED)
    bench.venue.settle()
    assert (order.status, order.pending_cancel) == (EXPIRED, False)
