"""Iceberg: native at the venue, and synthetic by one child after the other."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from simexec.algos import Iceberg
from simexec.errors import InputError, OrderError
from simexec.sim import seconds
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
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

BUY, SELL = OrderSide.BUY, OrderSide.SELL
FILLED, EXPIRED = OrderStatus.FILLED, OrderStatus.EXPIRED


def sellers(*quantities: int) -> list[tuple[int, int, int, int, int, int]]:
    """A market order each second."""
    return [background_market_order(f"{i + 1}s", SELL, quantity) for i, quantity in enumerate(quantities)]


def children(desk: Desk, parent: Order) -> list[Order]:
    return desk.manager.children(parent.order_id)


@pytest.mark.parametrize("native", [True, False])
def test_one_tranche_does_not_stop_it(native: bool) -> None:
    desk = make_desk(messages=sellers(*[10] * 10))
    parent = desk.work(Iceberg(display_quantity=10, native=native), BUY, 100, 100, end="20s")
    assert (parent.status, parent.filled_quantity) == (FILLED, 100)
    assert len(children(desk, parent)) == (1 if native else 10)
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("side", [BUY, SELL])
def test_it_never_displays_more_than_it_should(side: OrderSide, native: bool) -> None:
    messages = [background_market_order(f"{i + 1}s", side.opposite, 7) for i in range(30)]
    desk = make_desk(messages=messages)
    desk.work(Iceberg(display_quantity=12, native=native), side, 150, 100, end="1m")
    desk.market.book.flush()
    quotes = desk.market.book.quotes.since()
    displayed = quotes[:, 2 if side is BUY else 4]
    assert 0 < displayed.max() <= 12
    desk.finish()
    check_desk(desk)


def test_the_venue_refills_a_native_iceberg_within_one_sweep_and_a_synthetic_one_waits_for_us() -> None:
    filled = {}
    for native in (True, False):
        desk = make_desk(messages=sellers(45))
        filled[native] = desk.work(Iceberg(display_quantity=10, native=native), BUY, 100, 100, end="5s").filled_quantity
    assert filled == {True: 45, False: 10}


@pytest.mark.parametrize("native", [True, False])
def test_every_refill_queues_behind_those_who_were_waiting(native: bool) -> None:
    messages = [background_order("500ms", BUY, 100, 5, 0), *sellers(10, 5, 10)]
    desk = make_desk(messages=messages)
    parent = desk.work(Iceberg(display_quantity=10, native=native), BUY, 100, 100, end="2500ms")
    assert parent.filled_quantity == 10
    assert desk.market.book.depth(0) == []


def test_a_native_iceberg_is_one_order_that_displays_a_part() -> None:
    desk = make_desk()
    parent = desk.work(Iceberg(display_quantity=10), BUY, 100, 100, end="1s")
    (child,) = children(desk, parent)
    assert (child.order_type, child.quantity, child.display_quantity) == (OrderType.ICEBERG, 100, 10)


def test_an_iceberg_that_displays_everything_is_a_limit_order() -> None:
    desk = make_desk()
    parent = desk.work(Iceberg(display_quantity=100), BUY, 100, 100, end="1s")
    assert [child.order_type for child in children(desk, parent)] == [OrderType.LIMIT]


@pytest.mark.parametrize("fraction", [0.0, 0.3, 0.75, 1.0])
@pytest.mark.parametrize("lot", [1, 10])
def test_refills_of_random_size_stay_within_their_bounds(fraction: float, lot: int) -> None:
    desk = make_desk(
        messages=[background_market_order(f"{i + 1}s", SELL, 200) for i in range(150)],
        instrument=Instrument("TEST", "0.01", lot=lot),
    )
    parent = desk.work(
        Iceberg(display_quantity=50, native=False, randomise_display=fraction), BUY, 5_000, 100, end="10m"
    )
    sizes = [child.quantity for child in children(desk, parent)][:-1]
    assert parent.status is FILLED
    assert min(sizes) >= max(lot, 50 * (1 - fraction))
    assert max(sizes) <= 50 * (1 + fraction)
    assert {size % lot for size in sizes} == {0}
    if fraction == 0:
        assert set(sizes) == {50}
    else:
        assert max(sizes) - min(sizes) >= 50 * fraction
        assert np.mean(sizes) == pytest.approx(50, abs=4 * 50 * fraction / len(sizes) ** 0.5)


def test_refills_of_random_size_are_reproducible() -> None:
    def sizes(seed: int) -> list[int]:
        desk = make_desk(messages=[background_market_order(f"{i + 1}s", SELL, 200) for i in range(50)], seed=seed)
        algorithm = Iceberg(display_quantity=50, native=False, randomise_display=0.9)
        return [child.quantity for child in children(desk, desk.work(algorithm, BUY, 1_000, 100, end="10m"))]

    assert sizes(1) == sizes(1) != sizes(2)


@pytest.mark.parametrize("native", [True, False])
def test_what_is_left_at_the_end_is_cancelled_and_said(native: bool) -> None:
    desk = make_desk(messages=sellers(4))
    parent = desk.work(Iceberg(display_quantity=10, native=native, duration="3s"), BUY, 100, 100)
    assert (parent.status, parent.filled_quantity) == (EXPIRED, 4)
    assert parent.reason == "96 of 100 were left unfilled"
    assert desk.sim.now < seconds(3.01)
    assert desk.market.book.depth(0) == []
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize(
    ("own", "of_parent", "price"),
    [(None, 99, 99), ("0.98", None, 98), ("0.98", 99, 98), ("1.00", 99, 99), (None, None, 97)],
)
def test_it_rests_at_its_limit_or_the_parents_whichever_is_stricter_and_else_at_the_near_touch(
    own: str | None, of_parent: int | None, price: int
) -> None:
    desk = make_desk(bids=[(97, [5])], asks=[(105, [5])])
    algorithm = Iceberg(display_quantity=10, limit_price=None if own is None else Decimal(own))
    parent = desk.work(algorithm, BUY, 100, of_parent, end="1s")
    assert [child.price_ticks for child in children(desk, parent)] == [price]


def test_it_waits_for_a_first_quote_where_it_needs_one() -> None:
    desk = make_desk(messages=[background_order("1s", BUY, 97, 5, 0)], view_latency="5ms")
    parent = desk.work(Iceberg(display_quantity=10), BUY, 100, end="2s")
    (child,) = children(desk, parent)
    assert child.price_ticks == 97
    assert child.created_ns == seconds(1.005)


def test_it_waits_for_its_own_side_and_not_for_the_other() -> None:
    messages = [background_order("1s", SELL, 99, 5, 0), background_order("1500ms", BUY, 97, 5, 1)]
    desk = make_desk(messages=messages, view_latency="5ms")
    parent = desk.work(Iceberg(display_quantity=10), BUY, 100, end="2s")
    (child,) = children(desk, parent)
    assert (child.price_ticks, child.created_ns) == (97, seconds(1.505))


def test_without_any_quote_it_says_that_nothing_was_filled() -> None:
    desk = make_desk()
    parent = desk.work(Iceberg(display_quantity=10), BUY, 100, end="100ms")
    assert (parent.status, children(desk, parent)) == (EXPIRED, [])


def test_a_refused_tranche_ends_it_and_the_parent_says_what_is_missing() -> None:
    desk = make_desk(messages=sellers(10), opens="5s")
    parent = desk.work(Iceberg(display_quantity=10, native=False), BUY, 100, 100)
    assert [child.status for child in children(desk, parent)] == [OrderStatus.REJECTED]
    assert parent.status is EXPIRED


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("latency", ["1ms", "300ms"])
def test_a_lively_market_fills_it_and_every_share_is_accounted_for(native: bool, latency: str) -> None:
    desk = make_desk(random_flow(), closes="20s", latency=latency, seed=4)
    parent = desk.work(Iceberg(display_quantity=5, native=native), SELL, 80, 10_000)
    assert parent.filled_quantity > 0
    desk.finish()
    check_desk(desk)


@pytest.mark.parametrize("native", [True, False])
@pytest.mark.parametrize("display", [5, 15])
def test_a_display_that_is_no_whole_number_of_lots_is_an_error(native: bool, display: int) -> None:
    desk = make_desk(instrument=Instrument("TEST", "0.01", lot=10))
    with pytest.raises(OrderError, match=f"quantity {display} is not a multiple of TEST's lot 10"):
        desk.work(Iceberg(display_quantity=display, native=native), BUY, 100, 100)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"display_quantity": 0}, "display_quantity: must be a whole number of at least 1, not 0"),
        ({"native": False, "randomise_display": 1.5}, "randomise_display: must be from 0 to 1, not 1.5"),
        ({"randomise_display": 0.5}, "randomise_display: needs native: false .* not 0.5"),
        ({"duration": -1}, "duration: .*-1"),
    ],
)
def test_wrong_settings_are_refused_with_the_value(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Iceberg(**{"display_quantity": 10, **settings})
