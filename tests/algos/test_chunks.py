"""Chunks: one after the other, what was not filled is asked for again; and the function that does so without a parent."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.algos.chunks import Chunks, execute_large_order
from simexec.errors import InputError, OrderError
from simexec.execution import Broker, Latencies, OrderManager
from simexec.sim import Constant, Simulation, seconds
from simexec.testing import (
    Desk,
    HostileVenue,
    Hostility,
    background_order,
    check_desk,
    make_desk,
    random_flow,
)
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, EXPIRED = OrderStatus.FILLED, OrderStatus.EXPIRED


def quiet(*messages: Any, **settings: Any) -> Desk:
    desk = make_desk(**{"bids": [(100, [10**6])], "asks": [(101, [10**6])], "messages": messages, **settings})
    desk.sim.run("1ms")
    return desk


def chunks(desk: Desk, parent: Order) -> list[tuple[int, int]]:
    """Quantity and fill of each."""
    return [(child.quantity, child.filled_quantity) for child in desk.manager.children(parent.order_id)]


# --- the algorithm ---


@pytest.mark.parametrize("side", [BUY, SELL])
def test_chunks_of_one_size_follow_each_other(side: OrderSide) -> None:
    desk = quiet()
    parent = desk.work(Chunks(chunk_size=30), side, 100)
    assert chunks(desk, parent) == [(30, 30), (30, 30), (30, 30), (10, 10)]
    orders = desk.manager.children(parent.order_id)
    for earlier, later in pairwise(orders):
        assert earlier.closed_ns is not None
        assert earlier.closed_ns < later.created_ns
    assert parent.status is FILLED
    desk.finish()
    check_desk(desk)


def test_an_interval_lies_between_them() -> None:
    desk = quiet()
    parent = desk.work(Chunks(chunk_size=30, interval="2s"), BUY, 100)
    assert [round(child.created_ns / 1e9) for child in desk.manager.children(parent.order_id)] == [0, 2, 4, 6]


def test_what_a_chunk_did_not_fill_is_asked_for_again() -> None:
    desk = quiet(background_order("1s", SELL, 103, 50, 0), asks=[(101, [20])])
    parent = desk.work(Chunks(chunk_size=30), BUY, 60)
    assert chunks(desk, parent) == [(30, 20), (30, 30), (10, 10)]
    assert parent.status is FILLED
    assert desk.manager.children(parent.order_id)[1].created_ns > seconds(1), "it waited for an offer"


def test_within_its_limit_it_waits_for_what_is_offered() -> None:
    desk = quiet(background_order("3s", SELL, 99, 20, 0), asks=[(101, [20])], bids=[(90, [5])])
    parent = desk.work(Chunks(chunk_size=30, limit_price=Decimal("0.99")), BUY, 60, 100, end="5s")
    assert chunks(desk, parent) == [(30, 20)]
    assert (parent.status, parent.average_price) == (EXPIRED, Decimal("0.99"))


def test_chunks_that_fill_nothing_are_sent_ever_more_seldom() -> None:
    desk = quiet()
    desk.view.freeze("1ms", "30s")
    desk.sim.run("2ms")
    desk.send(BUY, 10**6)
    parent = desk.work(Chunks(chunk_size=30), BUY, 60, end="20s")
    sent = chunks(desk, parent)
    assert set(sent) == {(30, 0)}
    assert 20 < len(sent) < 40


def test_without_offers_nothing_is_sent() -> None:
    desk = quiet(asks=[])
    parent = desk.work(Chunks(chunk_size=30), BUY, 60, end="5s")
    assert (parent.status, chunks(desk, parent)) == (EXPIRED, [])


@pytest.mark.parametrize("seed", range(4))
def test_a_lively_market_fills_it_and_every_share_is_accounted_for(seed: int) -> None:
    desk = make_desk(
        random_flow(),
        closes="20s",
        seed=seed,
        latency="20ms",
        instrument=Instrument("TEST", "0.01", lot=1 + 9 * (seed % 2)),
    )
    parent = desk.work(Chunks(chunk_size=20), SELL if seed % 2 else BUY, 200)
    assert parent.status is FILLED
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"chunk_size": 0}, "chunk_size: must be a whole number of at least 1, not 0"),
        ({"interval": -1}, "interval: .*-1"),
    ],
)
def test_wrong_settings_are_refused_with_the_value(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Chunks(**{"chunk_size": 10, **settings})


# --- the function ---


def large(desk: Desk, quantity: int, **settings: Any) -> list[tuple[int, Decimal]]:
    fills = desk.sim.run(execute_large_order(desk.manager, "TEST", quantity, **settings))
    return [(fill.quantity, fill.price) for fill in fills]


def test_a_large_order_is_executed_in_chunks_of_a_hundred() -> None:
    desk = quiet(asks=[(101, [150]), (102, [500])])
    assert large(desk, 250) == [
        (100, Decimal("1.01")), (50, Decimal("1.01")), (50, Decimal("1.02")), (50, Decimal("1.02")),
    ]  # fmt: skip
    assert [(order.quantity, order.order_type) for order in desk.orders] == [
        (n, OrderType.MARKET) for n in (100, 100, 50)
    ]
    desk.finish()
    check_desk(desk)


def test_a_chunk_that_was_not_filled_does_not_count_as_done() -> None:
    desk = quiet(asks=[(101, [130])])
    assert large(desk, 250) == [(100, Decimal("1.01")), (30, Decimal("1.01"))]
    assert [order.quantity for order in desk.orders] == [100, 100, 100, 100, 100, 100]
    desk.finish()
    check_desk(desk)


def test_it_gives_up_after_so_many_retries_in_a_row() -> None:
    desk = quiet(asks=[])
    assert large(desk, 250, retries=0) == []
    assert len(desk.orders) == 1


def test_a_price_makes_chunks_that_do_not_rest_and_pay_no_more() -> None:
    desk = quiet(asks=[(101, [130]), (102, [500])])
    assert large(desk, 250, price=Decimal("1.01"), side=BUY) == [(100, Decimal("1.01")), (30, Decimal("1.01"))]
    assert {(order.price_ticks, order.time_in_force) for order in desk.orders} == {(101, TimeInForce.IOC)}


def test_it_sells_as_well() -> None:
    desk = quiet()
    assert large(desk, 30, chunk_size=20, side=SELL) == [(20, Decimal(1)), (10, Decimal(1))]
    assert desk.portfolio.position("TEST") == -30


def test_what_is_less_than_a_lot_is_left() -> None:
    desk = quiet(instrument=Instrument("TEST", "0.01", lot=10), asks=[(101, [30])])
    fills = large(desk, 55, chunk_size=20)
    assert sum(quantity for quantity, _ in fills) == 30
    assert {order.quantity % 10 for order in desk.orders} == {0}


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"quantity": 0}, InputError, "quantity 0"),
        ({"quantity": 2.5}, InputError, "quantity 2.5"),
        ({"quantity": 100, "chunk_size": 0}, InputError, "chunk size 0"),
        ({"quantity": 100, "retries": -1}, InputError, "retries -1"),
        ({"quantity": 100, "chunk_size": 15}, OrderError, "quantity 15 is not a multiple of TEST's lot 10"),
    ],
)
def test_wrong_arguments_are_refused_before_anything_is_sent(
    arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    desk = quiet(instrument=Instrument("TEST", "0.01", lot=10))
    with pytest.raises(error, match=words):
        large(desk, **arguments)
    assert desk.orders == []


@attrs.define
class Scripted:
    """An engine whose orders fill as told, and then not at all."""

    fills: list[int]
    orders: list[Order] = attrs.field(factory=list)

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        quantity: int,
        order_type: OrderType = OrderType.MARKET,
        price: Decimal | float | str | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
    ) -> Order:
        self.orders.append(Order(f"ord_{len(self.orders)}", Instrument(symbol, "0.01"), side, quantity))
        return self.orders[-1]

    async def execute_order(self, order: Order) -> list[Fill]:
        quantity = min(order.quantity, self.fills.pop(0) if self.fills else 0)
        parts = [quantity // 2, quantity - quantity // 2]
        return [
            Fill(f"{i}", order.order_id, order.instrument, order.side, part, 100, 0)
            for i, part in enumerate(parts)
            if part
        ]


@given(
    quantity=st.integers(1, 300),
    chunk=st.integers(1, 120),
    fills=st.lists(st.integers(0, 120), max_size=20),
    retries=st.integers(0, 3),
)
def test_with_any_engine_it_ends_with_what_was_filled_and_never_asks_for_more_than_is_left(
    quantity: int, chunk: int, fills: list[int], retries: int
) -> None:
    engine = Scripted(list(fills))
    got = Simulation().run(execute_large_order(engine, "TEST", quantity, chunk, retries=retries))
    left, missed, outcomes, expected = quantity, 0, list(fills), []
    while left and missed <= retries:
        asked = min(chunk, left)
        filled = min(asked, outcomes.pop(0) if outcomes else 0)
        expected.append(asked)
        left, missed = left - filled, 0 if filled else missed + 1
    assert [order.quantity for order in engine.orders] == expected
    assert sum(fill.quantity for fill in got) == quantity - left


# --- what an order manager is as an engine ---


def test_an_order_manager_sends_an_order_waits_for_its_end_and_returns_its_fills() -> None:
    desk = quiet(background_order("1s", SELL, 99, 20, 0), closes="5s")
    order = desk.create(BUY, 50, 99)
    fills = desk.sim.run(desk.manager.execute_order(order))
    assert (order.status, [(fill.quantity, fill.price_quanta) for fill in fills]) == (EXPIRED, [(20, 9_900)])


def test_one_that_was_sent_or_has_ended_is_not_sent_again() -> None:
    desk = quiet()
    order = desk.send(BUY, 50)
    assert len(desk.sim.run(desk.manager.execute_order(order))) == 1
    assert len(desk.sim.run(desk.manager.execute_order(order))) == 1
    assert len([entry for entry in desk.journal.entries() if entry.event == "order"]) == 1


@pytest.mark.parametrize("seed", range(10))
def test_at_a_venue_whose_reports_overtake_each_other_no_fill_is_missed(seed: int) -> None:
    sim = Simulation(seed=seed)
    instrument, broker, portfolio = Instrument("TEST", "0.01"), Broker(sim), Portfolio(10**9)
    venue = HostileVenue(
        sim,
        "ALFA",
        instrument,
        sim.rng("hostile"),
        price_quanta=10_000,
        closes_ns=seconds(60),
        hostility=Hostility(busts=0.0),
    )
    broker.connect(venue, Latencies(Constant("1ms"), Constant("1ms"), Constant("1ms")))
    manager = OrderManager(broker, portfolio, [instrument], sim=sim)
    fills = sim.run(execute_large_order(manager, "TEST", 500, 40, price="1.00"))
    assert sum(fill.quantity for fill in fills) == portfolio.position("TEST") == venue.net_quantity <= 500
    assert len({(fill.order_id, fill.exec_id) for fill in fills}) == len(fills)
