"""The broker's lines to venues and back."""

from __future__ import annotations

import pytest

from simexec.errors import InputError, OrderError
from simexec.execution import Broker, Latencies, OrderManager
from simexec.market.market import Market
from simexec.sim import Constant, Exponential, Simulation, Uniform, millis
from simexec.testing import Desk, ScriptedFlow, background_market_order, check_desk, make_desk, random_flow
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType
from simexec.venue import TradingHours, Venue

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def journal(desk: Desk) -> list[tuple[int, str, str]]:
    return [(entry.time_ns, entry.event, entry.order_id) for entry in desk.journal.entries()]


def test_every_kind_of_message_has_its_own_latency() -> None:
    lines = Latencies(orders=Constant("1ms"), cancels=Constant("300us"), reports=Constant("20us"))
    desk = make_desk(latency=lines, service=0)
    order = desk.send(BUY, 10, 100)
    desk.sim.run("5ms")
    desk.manager.cancel(order)
    desk.sim.run("10ms")
    assert journal(desk) == [
        (0, "order", "ord_1"),
        (1_020_000, "NEW", "ord_1"),
        (5_000_000, "cancel", "ord_1"),
        (5_320_000, "CANCELED", "ord_1"),
    ]


def test_a_cancel_never_overtakes_its_order_on_the_way() -> None:
    desk = make_desk(latency=Latencies(orders=Constant("5ms"), cancels=Constant(0)), service=0)
    order = desk.send(BUY, 10, 100)
    desk.manager.cancel(order)
    desk.finish()
    assert order.status is OrderStatus.CANCELLED
    assert [event for _, event, _ in journal(desk)] == ["order", "cancel", "NEW", "CANCELED"]


@pytest.mark.parametrize("seed", range(5))
def test_requests_and_reports_keep_their_order_under_random_latency(seed: int) -> None:
    slow = Latencies(orders=Exponential("20ms"), cancels=Uniform(0, "5ms"), reports=Exponential("10ms"))
    desk = make_desk(random_flow(), latency=slow, closes="5s", seed=seed)
    orders: list[Order] = []
    for i in range(60):
        desk.sim.run(1 + i * millis(10))
        orders.append(desk.send(BUY if i % 2 else SELL, 1 + i % 4, 9_999 + i % 3))
        if i >= 5:
            desk.manager.cancel(orders[i - 5])
    desk.finish()
    check_desk(desk)
    entries = [entry for entry in desk.journal.entries() if entry.exec_id]
    assert [entry.transact_ns for entry in entries] == sorted(entry.transact_ns for entry in entries)
    arrivals = [entry.arrived_ns for entry in entries if entry.event == "NEW"]
    assert arrivals == sorted(arrivals)
    acknowledged = [entry.order_id for entry in entries if entry.event in ("NEW", "REJECTED")]
    assert acknowledged == [order.order_id for order in orders]


def test_latency_is_not_rounded_to_the_next_market_event() -> None:
    desk = make_desk(messages=[background_market_order("1s", SELL, 1)], latency="123457ns", service="11ns")
    desk.send(BUY, 10, 100)
    desk.sim.run("2ms")
    assert journal(desk)[1] == (123_457 + 11 + 123_457, "NEW", "ord_1")


def two_venues() -> tuple[Simulation, Broker, list[Venue]]:
    sim = Simulation()
    broker, venues = Broker(sim), []
    for name in ("XNAS", "XNYS"):
        market = Market(name, ScriptedFlow([], tick_quanta=100))
        instrument = make_desk().instrument
        venue = Venue(sim, name, instrument, market, TradingHours(0, 10**9), service=Constant(0))
        broker.connect(venue)
        venues.append(venue)
    return sim, broker, venues


def test_with_several_venues_an_order_says_where_it_goes() -> None:
    sim, broker, venues = two_venues()
    manager = OrderManager(broker, sim=sim)
    lost = sim.run(manager.create_order("TEST", BUY, 10, price="1.00", order_type=OrderType.LIMIT))
    with pytest.raises(OrderError, match="venue None has no line from broker; connected: XNAS, XNYS"):
        manager.submit(lost)
    sent = sim.run(manager.create_order("TEST", BUY, 10, price="1.00", order_type=OrderType.LIMIT, venue="XNYS"))
    manager.submit(sent)
    sim.run(10**8)
    assert broker.venues == ["XNAS", "XNYS"]
    assert [venue.statistics().orders for venue in venues] == [0, 1]


def test_there_is_one_line_to_a_venue() -> None:
    _, broker, venues = two_venues()
    with pytest.raises(InputError):
        broker.connect(venues[0])


def test_dropping_a_line_cancels_what_rests_and_refuses_what_was_on_its_way() -> None:
    desk = make_desk(bids=[(100, [5])])
    resting = desk.send(BUY, 10, 100)
    desk.sim.run("1ms")
    travelling = desk.send(BUY, 10, 100)
    desk.broker.disconnect("XTST")
    desk.finish()
    assert (resting.status, travelling.status) == (OrderStatus.CANCELLED, OrderStatus.REJECTED)
    assert (resting.reason, travelling.reason) == (
        "the participant was disconnected",
        "the participant is disconnected",
    )
    check_desk(desk)


def test_dropping_a_line_that_is_not_there_is_an_error() -> None:
    with pytest.raises(OrderError, match="venue 'XNAS' has no line"):
        make_desk().broker.disconnect("XNAS")
