"""What the tactics of all schedules mean: discretion, would-price, limits, and time to cross at the end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from simexec.algos import TWAP, Tactics
from simexec.algos.hand import whole_ticks
from simexec.sim import seconds
from simexec.testing import Desk, background_cancel, background_order, check_desk, make_desk
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus, TimeInForce

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def offered(*more: Any, far: int = 110, **options: Any) -> Desk:
    """A wall of 100 bid, ``far`` offered, and what follows; the clock stands where the first quote has arrived."""
    desk = make_desk(bids=[(100, [10**6])], asks=[(far, [10**6])], messages=more, closes="1m", **options)
    desk.sim.run("1ms")
    return desk


def worked(desk: Desk, quantity: int = 100, **tactics: Any) -> tuple[Order, list[Order]]:
    """An order worked in one slice of ten seconds, and its children."""
    parent = desk.work(TWAP(slices=1, duration="10s", tactics=Tactics(**tactics)), BUY, quantity)
    desk.finish()
    check_desk(desk)
    return parent, desk.manager.children(parent.order_id)


@pytest.mark.parametrize(("discretion", "taken"), [("0.04", False), ("0.05", True), ("0.08", True)])
def test_a_waiting_child_takes_what_is_offered_within_its_discretion(discretion: str, taken: bool) -> None:
    desk = offered(background_order("3s", SELL, 105, 60, 0))
    parent, children = worked(desk, cross_at_end=False, discretion=discretion)
    assert parent.filled_quantity == (60 if taken else 0)
    if taken:
        resting, taking, again = children
        assert (resting.status, taking.time_in_force, taking.filled_quantity) == (
            OrderStatus.CANCELLED, TimeInForce.IOC, 60,
        )  # fmt: skip
        assert (again.price_ticks, again.quantity) == (100, 40)  # the rest goes on waiting


def test_without_discretion_it_goes_on_waiting() -> None:
    parent, children = worked(offered(background_order("3s", SELL, 101, 60, 0)), cross_at_end=False)
    assert (parent.filled_quantity, len(children)) == (0, 1)


def test_at_the_would_price_everything_that_is_left_is_taken_not_only_the_slice() -> None:
    desk = offered(background_order("3500ms", SELL, 103, 1_000, 0))
    parent = desk.work(TWAP(slices=10, duration="10s", tactics=Tactics(would_price="1.03")), BUY, 500)
    assert (parent.status, parent.filled_quantity) == (OrderStatus.FILLED, 500)
    assert seconds(3.5) < (parent.closed_ns or 0) < seconds(3.6)
    assert parent.average_price == Decimal("1.03")


def test_a_would_price_is_looked_at_while_nothing_is_due_either() -> None:
    desk = offered(background_order("2500ms", SELL, 103, 1_000, 0), far=105)
    parent = desk.work(TWAP(slices=2, duration="10s", tactics=Tactics(would_price="1.03")), BUY, 1)
    assert (parent.status, parent.average_price) == (OrderStatus.FILLED, Decimal("1.03"))


def test_an_offer_that_is_gone_before_we_are_there_is_missed_and_not_asked_for_at_once_again() -> None:
    desk = offered(background_order("3s", SELL, 103, 50, 0), background_cancel(seconds(3) + 300_000, 0))
    parent, children = worked(desk, cross_at_end=False, discretion="0.05")
    assert parent.filled_quantity == 0
    assert len(children) <= 6
    assert all(child.is_final for child in children)


@pytest.mark.parametrize("tactics", [{"discretion": "0.10"}, {"would_price": "1.10"}, {"passive": False}])
def test_no_tactics_go_beyond_the_limit(tactics: dict[str, Any]) -> None:
    desk = offered(background_order("3s", SELL, 105, 60, 0))
    parent, children = worked(desk, limit_price="1.04", **tactics)
    assert parent.filled_quantity == 0
    assert all(child.price_ticks is not None and child.price_ticks <= 104 for child in children)


def test_a_schedule_to_the_orders_end_ends_early_enough_to_cross() -> None:
    desk = offered()
    parent = desk.work(TWAP(slices=4, tactics=Tactics(lead="500ms")), BUY, 100, end="20s")
    last = desk.manager.children(parent.order_id)[-1]
    assert (parent.status, last.time_in_force) == (OrderStatus.FILLED, TimeInForce.IOC)
    assert seconds(19.5) <= last.created_ns < seconds(19.6)


def test_without_crossing_it_waits_to_the_orders_end() -> None:
    desk = offered()
    parent = desk.work(TWAP(slices=4, tactics=Tactics(cross_at_end=False)), BUY, 100, end="20s")
    assert parent.status is OrderStatus.EXPIRED
    assert (parent.closed_ns or 0) >= seconds(20)


@pytest.mark.parametrize(
    ("price", "sign", "ticks"), [(10_050, 1, 100), (10_050, -1, 101), (10_000, 1, 100), (10_000, -1, 100)]
)
def test_a_touch_between_two_ticks_is_joined_away_from_the_market(price: int, sign: int, ticks: int) -> None:
    assert whole_ticks(price, 100, sign) == ticks
