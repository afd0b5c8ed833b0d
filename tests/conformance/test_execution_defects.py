"""Defects found in other simulators' execution, each impossible here: from an algorithm through the venue to the portfolio."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from simexec.algos import TWAP, Iceberg, Tactics
from simexec.errors import InputError, OrderError
from simexec.execution import Latencies
from simexec.sim import Constant, Exponential, Uniform, millis, seconds
from simexec.testing import (
    Desk,
    background_market_order,
    background_order,
    check_desk,
    make_desk,
    random_flow,
)
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, CANCELLED, REJECTED, EXPIRED = (
    OrderStatus.FILLED, OrderStatus.CANCELLED, OrderStatus.REJECTED, OrderStatus.EXPIRED,
)  # fmt: skip


def told(desk: Desk, order: Order) -> list[str]:
    """What was heard of an order, in order."""
    return [entry.event for entry in desk.journal.entries() if entry.order_id == order.order_id and entry.exec_id]


# --- 1: requests without an answer ---


def test_the_unfilled_remainder_of_a_market_order_comes_back_as_a_cancel_with_a_reason() -> None:
    desk = make_desk(asks=[(101, [30])])
    order = desk.send(BUY, 100)
    desk.finish()
    assert told(desk, order) == ["NEW", "TRADE", "CANCELED"]
    assert (order.status, order.filled_quantity, order.reason) == (CANCELLED, 30, "nothing left to trade with")
    check_desk(desk)


def test_a_failed_cancel_is_answered() -> None:
    desk = make_desk(asks=[(101, [30])])
    order = desk.send(BUY, 30, 101)
    desk.manager.cancel(order)
    desk.finish()
    assert told(desk, order) == ["NEW", "TRADE", "CANCEL_REJECTED"]
    assert not order.pending_cancel


def test_a_zero_quantity_is_an_error_at_once() -> None:
    desk = make_desk()
    with pytest.raises(OrderError, match="quantity 0"):
        desk.sim.run(desk.manager.create_order("TEST", BUY, 0))


def test_a_message_to_a_closed_venue_is_answered() -> None:
    desk = make_desk(closes="1s")
    desk.sim.run("2s")
    order = desk.send(BUY, 30, 101)
    desk.finish()
    assert (told(desk, order), order.status) == (["REJECTED"], REJECTED)


# --- 2: partial fills that reach nobody ---


def test_partial_fills_go_on_and_reach_position_and_balance() -> None:
    messages = [background_market_order(f"{second}s", SELL, 7) for second in range(1, 6)]
    desk = make_desk(messages=messages)
    order = desk.send(BUY, 30, 100)
    seen = []
    for second in range(1, 7):
        desk.sim.run(seconds(second) + millis(1))
        seen.append((order.filled_quantity, desk.portfolio.position("TEST"), desk.portfolio.cash["USD"]))
    start = desk.portfolio.initial_cash["USD"]
    assert seen == [(filled, filled, start - filled * 10**6) for filled in (7, 14, 21, 28, 30, 30)]
    assert order.status is FILLED


# --- 3: liquidity that fills twice ---


def test_two_orders_on_their_way_at_once_do_not_fill_on_the_same_liquidity() -> None:
    desk = make_desk(asks=[(101, [6])])
    orders = [desk.send(BUY, 6, 101, time_in_force=TimeInForce.IOC) for _ in range(2)]
    desk.finish()
    assert [(order.status, order.filled_quantity) for order in orders] == [(FILLED, 6), (CANCELLED, 0)]


def test_a_taker_pays_the_prices_that_were_there_level_by_level() -> None:
    desk = make_desk(asks=[(101, [1]), (103, [2]), (109, [3])])
    order = desk.send(BUY, 1_000)
    desk.finish()
    assert [(t.last_quantity, t.last_price_quanta) for t in order.trades] == [(1, 10_100), (2, 10_300), (3, 10_900)]


# --- 6: latency ---


def test_latency_does_not_round_up_to_the_next_market_event() -> None:
    desk = make_desk(
        asks=[(101, [30])], messages=[background_market_order("10s", SELL, 1)], latency="1234567ns", service=0
    )
    order = desk.send(BUY, 30, 101)
    desk.sim.run("5s")
    (trade,) = order.trades
    assert (trade.time_ns, order.acknowledged_ns) == (1_234_567, 1_234_567)
    arrived = next(entry.time_ns for entry in desk.journal.entries() if entry.event == "TRADE")
    assert arrived == 2 * 1_234_567


@pytest.mark.parametrize("seed", range(4))
def test_under_random_latency_requests_of_one_session_do_not_overtake_each_other(seed: int) -> None:
    lines = Latencies(Exponential("50ms"), Uniform(0, "1ms"), Exponential("30ms"))
    desk = make_desk(latency=lines, service=0, seed=seed)
    orders = []
    for i in range(200):
        desk.sim.run(1 + i * millis(2))
        orders.append(desk.send(BUY, 1, 100))
        desk.manager.cancel(orders[-1])
    desk.finish()
    heard = [(entry.order_id, entry.event) for entry in desk.journal.entries() if entry.exec_id]
    assert heard == [(order.order_id, event) for order in orders for event in ("NEW", "CANCELED")]


# --- 7: icebergs that stop after a tranche ---


@pytest.mark.parametrize("native", [True, False])
def test_an_iceberg_goes_on_after_its_first_tranche_until_it_is_filled(native: bool) -> None:
    desk = make_desk(messages=[background_market_order(f"{i + 1}s", SELL, 10) for i in range(10)])
    parent = desk.work(Iceberg(display_quantity=10, native=native), BUY, 100, 100)
    assert (parent.status, parent.filled_quantity) == (FILLED, 100)


def test_an_iceberg_that_arrives_marketable_takes_and_rests_with_what_is_left() -> None:
    desk = make_desk(asks=[(100, [35])], messages=[background_market_order("5s", SELL, 200)])
    parent = desk.work(Iceberg(display_quantity=10), BUY, 100, 100)
    (child,) = desk.manager.children(parent.order_id)
    assert [trade.maker for trade in child.trades] == [False] + [True] * 7
    assert parent.status is FILLED


# --- 9: TWAP ---


@pytest.mark.parametrize(("quantity", "slices"), [(10, 3), (2, 7), (1, 10), (1_000_003, 7)])
def test_twap_fills_the_last_share_of_a_quantity_that_does_not_divide(quantity: int, slices: int) -> None:
    desk = make_desk(bids=[(100, [10**7])], asks=[(101, [10**7])])
    desk.sim.run("1ms")
    parent = desk.work(TWAP(duration="10s", slices=slices, tactics=Tactics(passive=False)), BUY, quantity)
    assert (parent.status, parent.filled_quantity) == (FILLED, quantity)
    assert all(type(child.filled_quantity) is int for child in desk.manager.children(parent.order_id))


def test_twap_with_nothing_filled_never_says_that_it_is_done() -> None:
    desk = make_desk()
    parent = desk.work(TWAP(duration="10s", slices=5), BUY, 100)
    assert (parent.status, parent.filled_quantity) == (EXPIRED, 0)
    assert parent.reason == "100 of 100 were left unfilled"


@pytest.mark.parametrize("latency", ["800ms", "3s", "20s"])
def test_a_late_step_does_not_burst_twap_slices(latency: str) -> None:
    desk = make_desk(bids=[(100, [10**6])], asks=[(101, [10**6])], latency=latency, closes="10m")
    desk.sim.run("1ms")
    parent = desk.work(TWAP(duration="10s", slices=10, tactics=Tactics(passive=False)), BUY, 1_000)
    children = desk.manager.children(parent.order_id)
    assert parent.status is FILLED
    for earlier, later in pairwise(children):
        assert later.created_ns - earlier.created_ns >= 2 * Constant(latency).duration, "two slices were sent at once"
    assert sum(child.quantity for child in children) == 1_000


# --- 14: state that survives a run ---


def test_a_second_run_in_the_same_process_gives_the_same_ids_and_figures() -> None:
    def run() -> list[tuple[object, ...]]:
        desk = make_desk(random_flow(), closes="10s", latency=Exponential("5ms"), seed=9)
        desk.work(TWAP(duration="5s", slices=10, randomise_times=0.5), BUY, 60)
        desk.finish()
        return [(e.time_ns, e.event, e.order_id, e.exec_id, e.cum_quantity) for e in desk.journal.entries()]

    assert run() == run()


def test_an_unused_component_with_a_stream_of_its_own_changes_nothing() -> None:
    def run(more: bool) -> list[tuple[int, str]]:
        desk = make_desk(random_flow(), closes="10s", latency=Exponential("5ms"), seed=9)
        if more:
            desk.sim.rng("something.else").random(1_000)
        desk.work(TWAP(duration="5s", slices=10, randomise_times=0.5), BUY, 60)
        return [(entry.time_ns, entry.event) for entry in desk.journal.entries()]

    assert run(False) == run(True)


# --- 15: orders that are dropped without a word ---


def test_a_thousand_orders_at_once_are_all_answered() -> None:
    desk = make_desk()
    orders = [desk.send(BUY, 1, 100 - i % 50) for i in range(1_000)]
    desk.sim.run("1s")
    assert [order.status for order in orders] == [OrderStatus.SUBMITTED] * 1_000
    assert all(order.acknowledged_ns is not None for order in orders)
    assert desk.venue.statistics().orders == 1_000


def test_a_gateway_that_is_full_says_so_of_every_order_it_does_not_take() -> None:
    desk = make_desk(capacity=10, service="1ms")
    orders = [desk.send(BUY, 1, 100) for _ in range(1_000)]
    desk.sim.run("1s")
    refused = [order for order in orders if order.status is REJECTED]
    assert len(refused) == 990
    assert {order.reason for order in refused} == {"the gateway's queue is full (10 requests)"}


@pytest.mark.parametrize("quantity", [math.nan, -5, 1.5, True, "ten"])
def test_a_quantity_that_is_no_positive_whole_number_is_an_error(quantity: object) -> None:
    desk = make_desk()
    with pytest.raises(InputError):
        desk.sim.run(desk.manager.create_order("TEST", BUY, quantity))  # type: ignore[arg-type]
    assert desk.manager.orders() == []


@pytest.mark.parametrize("price", [math.nan, math.inf, -1, 0, 1.005])
def test_a_price_that_is_none_is_an_error(price: float) -> None:
    desk = make_desk()
    with pytest.raises(InputError):
        desk.sim.run(desk.manager.create_order("TEST", BUY, 10, OrderType.LIMIT, price))
    assert desk.manager.orders() == []


# --- 16: executions without a price ---


def test_every_execution_has_a_price_that_its_order_allows() -> None:
    desk = make_desk(random_flow(), closes="10s", seed=3)
    orders = []
    for i in range(50):
        desk.sim.run(1 + i * millis(100))
        orders.append(desk.send(BUY if i % 2 else SELL, 4, None if i % 5 == 0 else 9_999 + i % 3))
    desk.finish()
    trades = [(order, trade) for order in orders for trade in order.trades]
    assert len(trades) > 50
    for order, trade in trades:
        assert trade.last_price_quanta > 0
        assert order.price_ticks is None or order.side.sign * (order.price_ticks * 100 - trade.last_price_quanta) >= 0
        assert order.average_price is not None
    check_desk(desk)


# --- 17: ends that nobody hears of ---


@pytest.mark.parametrize("seed", range(3))
def test_whoever_waits_for_an_order_hears_of_its_end_whatever_that_is(seed: int) -> None:
    desk = make_desk(random_flow(), closes="5s", latency=Exponential("2ms"), seed=seed)
    ended: dict[str, OrderStatus] = {}
    orders: list[Order] = []

    async def strategy(order: Order) -> None:
        await desk.manager.wait_final(order)
        ended[order.order_id] = order.status

    for i in range(100):
        desk.sim.run(1 + i * millis(40))
        life = (TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK)[i % 3]
        orders.append(desk.send(BUY if i % 2 else SELL, 1 + i % 9, 9_998 + i % 5, time_in_force=life))
        desk.sim.process(strategy(orders[-1]))
        if i % 7 == 0:
            desk.manager.cancel(orders[i // 2])
    desk.finish()
    assert ended == {order.order_id: order.status for order in orders}
    assert set(ended.values()) == {FILLED, CANCELLED, EXPIRED}


def test_the_fill_that_completes_a_parent_wakes_who_waits_for_the_parent() -> None:
    desk = make_desk(messages=[background_market_order("1s", SELL, 10), background_market_order("2s", SELL, 10)])
    parent = desk.parent(BUY, 20)
    parent.submit(0)
    for _ in range(2):
        desk.send(BUY, 10, 100, parent=parent)

    async def strategy() -> tuple[int, OrderStatus]:
        await desk.manager.wait_final(parent)
        return desk.sim.now, parent.status

    assert desk.sim.run(strategy()) == (seconds(2) + 250_000, FILLED)


# --- 18: fills that come too easily ---


@pytest.mark.parametrize(("traded", "filled"), [(0, 0), (19, 0), (20, 0), (21, 1), (25, 5), (40, 5)])
def test_resting_at_the_touch_fills_only_when_the_queue_ahead_has_gone(traded: int, filled: int) -> None:
    desk = make_desk(bids=[(100, [12, 8])], messages=[background_market_order("1s", SELL, traded)] if traded else [])
    order = desk.send(BUY, 5, 100)
    desk.finish()
    assert order.filled_quantity == filled


def test_whoever_joins_behind_us_waits_behind_us() -> None:
    desk = make_desk(
        bids=[(100, [20])],
        messages=[background_order("1s", BUY, 100, 5, 0), background_market_order("2s", SELL, 24)],
    )
    order = desk.send(BUY, 10, 100)
    desk.finish()
    assert order.filled_quantity == 4
