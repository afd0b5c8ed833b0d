"""At market: the whole parent at once."""

from __future__ import annotations

from simexec.algos import AtMarket
from simexec.testing import check_desk, make_desk
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType, TimeInForce


def test_it_takes_what_is_there_with_one_market_order() -> None:
    desk = make_desk(asks=[(101, [30]), (102, [50])])
    parent = desk.work(AtMarket(), OrderSide.BUY, 60)
    (child,) = desk.manager.children(parent.order_id)
    assert (child.order_type, child.time_in_force) == (OrderType.MARKET, TimeInForce.IOC)
    assert (parent.status, parent.filled_quantity, parent.filled_notional_quanta) == (
        OrderStatus.FILLED, 60, 30 * 10_100 + 30 * 10_200,
    )  # fmt: skip
    check_desk(desk)


def test_what_it_does_not_find_expires_with_the_parent() -> None:
    desk = make_desk(asks=[(101, [30])])
    parent = desk.work(AtMarket(), OrderSide.BUY, 60)
    assert (parent.status, parent.reason) == (OrderStatus.EXPIRED, "30 of 60 were left unfilled")
    check_desk(desk)


def test_it_keeps_to_the_parents_limit() -> None:
    desk = make_desk(asks=[(101, [30]), (102, [50])])
    parent = desk.work(AtMarket(), OrderSide.BUY, 60, 101)
    (child,) = desk.manager.children(parent.order_id)
    assert (child.price_ticks, child.filled_quantity, parent.status) == (101, 30, OrderStatus.EXPIRED)
