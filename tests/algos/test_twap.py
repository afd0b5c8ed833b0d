"""TWAP: the schedule, what is carried over, what crosses, and what a slow line must not do."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from simexec.algos import TWAP, Tactics
from simexec.algos.schedule import cumulative_shares, lots_due
from simexec.errors import InputError, OrderError
from simexec.sim import Exponential, millis, seconds
from simexec.testing import (
    Desk,
    background_market_order,
    background_order,
    check_desk,
    make_desk,
    random_flow,
)
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, EXPIRED = OrderStatus.FILLED, OrderStatus.EXPIRED
WALL = {"bids": [(100, [10**6])], "asks": [(101, [10**6])]}


def quiet(**settings: Any) -> Desk:
    """A wall of quantity at 100 and 101 that nothing moves; the clock stands where a first quote has arrived."""
    desk = make_desk(**{**WALL, **settings})
    desk.sim.run("1ms")
    return desk


TACTICS = ("passive", "catch_up", "cross_at_end", "limit_price", "discretion", "would_price", "lead")


def twap(**settings: Any) -> TWAP:
    tactics = {name: settings.pop(name) for name in TACTICS if name in settings}
    return TWAP(**{"duration": "10s", "slices": 10, "tactics": Tactics(**tactics), **settings})


def children(desk: Desk, parent: Order) -> list[Order]:
    return desk.manager.children(parent.order_id)


def sent(desk: Desk, parent: Order) -> list[tuple[float, int]]:
    """Seconds since the start and quantity of each child."""
    return [((child.created_ns - parent.created_ns) / 1e9, child.quantity) for child in children(desk, parent)]


# --- the schedule ---


@pytest.mark.parametrize("side", [BUY, SELL])
def test_equal_slices_are_sent_at_equal_intervals(side: OrderSide) -> None:
    desk = quiet()
    parent = desk.work(twap(passive=False), side, 1_000)
    assert sent(desk, parent) == [(i, 100) for i in range(10)]
    assert (parent.status, parent.average_price) == (FILLED, Decimal("1.01") if side is BUY else Decimal("1.00"))
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(("quantity", "slices"), [(3, 10), (1, 4), (7, 100), (10, 3), (97, 13)])
def test_a_quantity_that_does_not_divide_is_worked_to_the_last_share(quantity: int, slices: int) -> None:
    desk = quiet()
    parent = desk.work(twap(slices=slices, passive=False), BUY, quantity)
    assert (parent.status, parent.filled_quantity) == (FILLED, quantity)
    assert sum(child.quantity for child in children(desk, parent)) == quantity
    assert max(child.quantity for child in children(desk, parent)) == -(-quantity // slices)


def test_slices_are_whole_lots() -> None:
    desk = quiet(instrument=Instrument("TEST", "0.01", lot=100))
    parent = desk.work(twap(slices=7, passive=False, randomise_sizes=0.8), BUY, 2_300)
    assert parent.status is FILLED
    assert {child.quantity % 100 for child in children(desk, parent)} == {0}
    desk.finish()
    check_desk(desk)


def test_random_times_lie_within_their_slices_and_sizes_within_their_bounds() -> None:
    desk = quiet(seed=5)
    parent = desk.work(twap(slices=50, passive=False, randomise_times=0.6, randomise_sizes=0.5), BUY, 100_000)
    orders = sent(desk, parent)
    interval = 10 / 50
    late = [time - i * interval for i, (time, _) in enumerate(orders)]
    assert all(0 <= delay <= 0.6 * interval for delay in late)
    assert max(late) > 0.5 * interval
    assert all(2_000 * 0.5 / 1.5 - 1 <= quantity <= 2_000 * 1.5 / 0.5 + 1 for _, quantity in orders)
    assert len({quantity for _, quantity in orders}) > 40
    assert sum(quantity for _, quantity in orders) == 100_000


def test_random_times_and_sizes_come_from_the_algorithms_own_stream() -> None:
    def run(seed: int, service: str = "10us", **settings: Any) -> list[tuple[float, int]]:
        desk = quiet(seed=seed, service=Exponential(service))
        return sent(desk, desk.work(twap(passive=False, randomise_times=0.5, randomise_sizes=0.5), BUY, 10_000))

    assert run(1) == run(1) == run(1, service="30us")
    assert run(1) != run(2)


def test_times_and_sizes_are_drawn_apart() -> None:
    def run(**settings: Any) -> list[tuple[float, int]]:
        desk = quiet(seed=3)
        return sent(desk, desk.work(twap(passive=False, **settings), BUY, 10_000))

    both = run(randomise_times=0.5, randomise_sizes=0.5)
    assert [time for time, _ in both] == [time for time, _ in run(randomise_times=0.5)]
    assert [quantity for _, quantity in both] == [quantity for _, quantity in run(randomise_sizes=0.5)]


# --- prices ---


def test_a_passive_slice_joins_the_near_touch() -> None:
    desk = quiet()
    (child,) = children(desk, desk.work(twap(slices=1, cross_at_end=False), BUY, 10))
    assert (child.order_type, child.price_ticks, child.time_in_force) == (OrderType.LIMIT, 100, TimeInForce.DAY)


def test_a_crossing_slice_takes_what_is_there() -> None:
    desk = quiet()
    (child,) = children(desk, desk.work(twap(slices=1, passive=False), BUY, 10))
    assert (child.order_type, child.price_ticks, child.filled_quantity) == (OrderType.MARKET, None, 10)


@pytest.mark.parametrize("passive", [True, False])
@pytest.mark.parametrize(("own", "of_parent"), [(None, 10_001), (10_001, None), (10_001, 10_005), (10_005, 10_001)])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_no_child_is_worse_than_either_limit(
    side: OrderSide, own: int | None, of_parent: int | None, passive: bool
) -> None:
    sign = side.sign
    desk = make_desk(random_flow(), closes="20s", seed=2)
    prices = [None if limit is None else 10_000 + sign * (limit - 10_000) for limit in (own, of_parent)]
    limit = 10_000 + sign
    algorithm = twap(slices=20, passive=passive, limit_price=None if prices[0] is None else Decimal(prices[0]) / 100)
    parent = desk.work(algorithm, side, 300, prices[1])
    of_limit = [child.price_ticks for child in children(desk, parent)]
    assert len(of_limit) >= 20
    assert all(price is not None and sign * price <= sign * limit for price in of_limit)
    paid = [trade.last_price_quanta for child in children(desk, parent) for trade in child.trades]
    assert paid
    assert all(sign * price <= sign * limit * 100 for price in paid)
    desk.finish()
    check_desk(desk)


def test_a_limit_off_the_tick_is_an_error() -> None:
    desk = quiet()
    with pytest.raises(OrderError, match=r"1\.005 is not a multiple of TEST's tick"):
        desk.work(twap(limit_price=Decimal("1.005")), BUY, 10)


# --- what was not filled ---


def test_with_catch_up_what_a_slice_did_not_fill_is_carried_over() -> None:
    desk = quiet()
    parent = desk.work(twap(slices=4, cross_at_end=False), BUY, 400)
    assert [quantity for _, quantity in sent(desk, parent)] == [100, 200, 300, 400]
    assert (parent.status, parent.reason) == (EXPIRED, "400 of 400 were left unfilled")


def test_without_catch_up_every_slice_has_its_own_quantity() -> None:
    desk = quiet()
    parent = desk.work(twap(slices=4, catch_up=False, cross_at_end=False), BUY, 400)
    assert [quantity for _, quantity in sent(desk, parent)] == [100] * 4
    assert (parent.status, parent.filled_quantity) == (EXPIRED, 0)


def test_with_catch_up_what_is_left_crosses_when_the_last_slice_ends() -> None:
    desk = quiet()
    parent = desk.work(twap(slices=4), BUY, 400)
    assert [quantity for _, quantity in sent(desk, parent)] == [100, 200, 300, 400, 400]
    assert children(desk, parent)[-1].order_type is OrderType.MARKET
    assert children(desk, parent)[-1].submitted_ns == pytest.approx(seconds(10) + millis(1.5), abs=millis(0.1))
    assert (parent.status, parent.filled_quantity) == (FILLED, 400)


def test_without_catch_up_what_is_left_crosses_when_its_slice_ends() -> None:
    desk = quiet()
    parent = desk.work(twap(slices=4, catch_up=False), BUY, 400)
    assert [quantity for _, quantity in sent(desk, parent)] == [100] * 8
    assert [child.filled_quantity for child in children(desk, parent)] == [0, 100] * 4
    assert parent.status is FILLED


def test_what_crosses_is_what_the_last_slice_did_not_fill() -> None:
    desk = quiet(bids=[(100, [1])], messages=[background_market_order("6s", SELL, 31)])
    parent = desk.work(twap(slices=2), BUY, 100)
    assert [(child.quantity, child.filled_quantity) for child in children(desk, parent)] == [
        (50, 0),
        (100, 30),
        (70, 70),
    ]
    assert parent.status is FILLED


def test_what_crosses_never_pays_more_than_the_limit() -> None:
    desk = quiet()
    parent = desk.work(twap(slices=2), BUY, 100, 100)
    crossing = children(desk, parent)[-1]
    assert (crossing.price_ticks, crossing.time_in_force, crossing.filled_quantity) == (100, TimeInForce.IOC, 0)
    assert (parent.status, parent.reason) == (EXPIRED, "100 of 100 were left unfilled")


def test_it_is_done_when_the_parent_is_filled() -> None:
    desk = quiet()
    parent = desk.work(twap(passive=False), BUY, 3)
    assert sent(desk, parent) == [(1, 1), (4, 1), (8, 1)]
    assert desk.sim.now < seconds(9)  # at once, not at the end of its slice


def test_the_parents_end_stops_the_slices_and_what_is_left_expires() -> None:
    desk = quiet()
    parent = desk.work(twap(), BUY, 1_000, end="3500ms")
    assert [round(time, 2) for time, _ in sent(desk, parent)] == [0, 1, 2, 3]
    assert (parent.status, parent.reason) == (EXPIRED, "1000 of 1000 were left unfilled")
    assert desk.sim.now < seconds(4)
    desk.finish()
    check_desk(desk)


def test_without_a_quote_a_slice_waits_for_the_first_one() -> None:
    desk = quiet(bids=[], asks=[], messages=[background_order("2500ms", BUY, 100, 5, 0)])
    parent = desk.work(twap(cross_at_end=False), BUY, 100)
    assert sent(desk, parent)[0] == (2.49925, 30)  # in the third slice, when the quote has arrived here


def test_the_close_ends_what_is_not_done() -> None:
    desk = quiet(closes="5s")
    parent = desk.work(twap(), BUY, 1_000)
    assert parent.status is EXPIRED
    desk.finish()
    check_desk(desk)


# --- slow and random lines ---


@pytest.mark.parametrize("latency", ["100ms", "600ms", "1500ms", "4s", "30s"])
@pytest.mark.parametrize("passive", [True, False])
@pytest.mark.parametrize("catch_up", [True, False])
def test_a_slow_line_never_overfills_never_bursts_and_never_hides_what_is_missing(
    latency: str, passive: bool, catch_up: bool
) -> None:
    desk = make_desk(random_flow(), closes="150s", latency=latency, view_latency=latency)
    parent = desk.work(twap(passive=passive, catch_up=catch_up), BUY, 200, end="2m")
    orders = children(desk, parent)
    targets = [lots_due(200, share, 1) for share in cumulative_shares([1.0] * 10)]
    for earlier, later in pairwise(orders):
        assert earlier.closed_ns is not None
        assert earlier.closed_ns <= later.created_ns, "two children worked at once"
    for order in orders:
        elapsed = min(9, (order.created_ns - parent.created_ns) // seconds(1))
        before = sum(
            trade.last_quantity for other in orders if other.created_ns < order.created_ns for trade in other.trades
        )
        assert before + order.quantity <= targets[elapsed], "a child ran ahead of the schedule"
    assert parent.filled_quantity <= 200
    assert (parent.status is FILLED) is (parent.filled_quantity == 200)
    if parent.status is not FILLED:
        assert parent.reason == f"{200 - parent.filled_quantity} of 200 were left unfilled"
    desk.finish()
    check_desk(desk)


def test_with_catch_up_a_slow_line_sends_nothing_after_the_duration_but_what_crosses() -> None:
    desk = quiet(latency="2s")
    parent = desk.work(twap(), BUY, 1_000)
    late = [time for time, _ in sent(desk, parent) if time >= 10]
    assert len(late) == 1
    assert (parent.status, children(desk, parent)[-1].order_type) == (FILLED, OrderType.MARKET)


@pytest.mark.parametrize("seed", range(8))
def test_a_lively_market_and_random_lines_leave_nothing_unaccounted_for(seed: int) -> None:
    desk = make_desk(
        random_flow(),
        seed=seed,
        closes="20s",
        latency=Exponential("80ms"),
        view_latency=Exponential("50ms"),
        service=Exponential("5ms"),
        servers=1 + seed % 2,
        priority=seed % 3 == 0,
    )
    algorithm = twap(slices=40, randomise_times=1.0, randomise_sizes=1.0, catch_up=seed % 2 == 0)
    parent = desk.work(algorithm, BUY if seed % 2 else SELL, 400)
    assert desk.sim.now < seconds(14)
    desk.finish()
    check_desk(desk)
    assert sum(child.filled_quantity for child in children(desk, parent)) == parent.filled_quantity <= 400


# --- wrong settings ---


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"slices": 0}, "slices: must be a whole number of at least 1, not 0"),
        ({"duration": 0}, "duration: must be longer than zero, not 0"),
        ({"randomise_times": 1.1}, "randomise_times: must be from 0 to 1, not 1.1"),
        ({"randomise_sizes": -0.1}, "randomise_sizes: must be from 0 to 1, not -0.1"),
        ({"randomise_sizes": float("nan")}, "randomise_sizes: must be a finite number, not nan"),
        ({"duration": 1.5}, "1.5"),
    ],
)
def test_wrong_settings_are_refused_with_the_value(settings: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        twap(**settings)
