"""The checks find what they are for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from simexec.errors import InvariantError
from simexec.market import layout as at
from simexec.market.order_book import OrderBook
from simexec.testing import (
    Desk,
    book_with_orders,
    check_book,
    check_desk,
    check_orders,
    check_portfolio,
    check_uncrossed,
    make_desk,
)
from simexec.trading.report import ExecType
from simexec.trading.vocabulary import OrderSide, OrderStatus

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def first(book: OrderBook, side: int = 0) -> tuple[int, int]:
    """Rows of the best level of a side and of the first order there."""
    level = int(book.arrays.ladder[side, book.arrays.state[at.LADDER_SIZE + side] - 1, 1])
    return level, int(book.arrays.levels[level, at.HEAD])


def lose_a_share(book: OrderBook) -> None:
    book.arrays.orders[first(book)[1], at.SHOWN] -= 1


def break_a_link(book: OrderBook) -> None:
    book.arrays.orders[first(book)[1], at.NEXT] = at.NIL


def make_a_circle(book: OrderBook) -> None:
    row = first(book)[1]
    book.arrays.orders[row, [at.NEXT, at.PREV]] = row


def empty_an_order(book: OrderBook) -> None:
    level, row = first(book)
    book.arrays.levels[level, at.LEVEL_SHOWN] -= book.arrays.orders[row, at.SHOWN]
    book.arrays.orders[row, at.SHOWN] = 0


def move_a_price(book: OrderBook) -> None:
    book.arrays.ladder[0, 0, 0] += 50


def miscount_orders(book: OrderBook) -> None:
    book.arrays.state[at.ORDERS_LIVE] += 1


def miscount_own_orders(book: OrderBook) -> None:
    book.arrays.state[at.OWN_ORDERS] += 1


def cross(book: OrderBook) -> None:
    for side, key in ((0, 110), (1, -105)):
        level, _ = first(book, side)
        book.arrays.ladder[side, book.arrays.state[at.LADDER_SIZE + side] - 1, 0] = key
        book.arrays.levels[level, at.KEY] = key
        rows = [row for row in range(len(book.arrays.orders)) if book.arrays.orders[row, at.LEVEL] == level]
        book.arrays.orders[rows, at.KEY] = key


@pytest.mark.parametrize(
    "damage",
    [
        lose_a_share, break_a_link, make_a_circle, empty_an_order, move_a_price, miscount_orders, miscount_own_orders,
        cross,
    ],
)  # fmt: skip
def test_a_damaged_book_is_found(damage: Callable[[OrderBook], None]) -> None:
    book = book_with_orders(bids=[(100, [5, 6]), (99, [7])], asks=[(101, [8])])
    check_book(book)
    damage(book)
    with pytest.raises(InvariantError):
        check_book(book)


def test_a_crossed_book_is_found_by_its_prices() -> None:
    book = book_with_orders(bids=[(100, [5])], asks=[(101, [8])])
    check_uncrossed(book)
    cross(book)
    with pytest.raises(InvariantError, match="crossed: bid 110, ask 105"):
        check_uncrossed(book)


@pytest.fixture
def desk() -> Desk:
    """A parent with a filled child and one that expired, and an order that filled in part."""
    desk = make_desk(asks=[(101, [50])])
    parent = desk.parent(BUY, 60)
    parent.submit(0)
    desk.send(BUY, 30, 101, parent=parent)
    desk.send(BUY, 30, 99, parent=parent)
    desk.send(BUY, 30, 101)
    desk.finish()
    desk.manager.close(parent, ExecType.EXPIRED, "30 of 60 were left unfilled")
    check_desk(desk)
    return desk


def forget_an_end(desk: Desk) -> None:
    desk.orders[1].status = OrderStatus.PARTIAL


def forget_a_reason(desk: Desk) -> None:
    desk.orders[2].reason = ""


def fill_the_parent_alone(desk: Desk) -> None:
    desk.orders[0].filled_quantity += 1


def leave_a_cancel_unanswered(desk: Desk) -> None:
    desk.orders[2].pending_cancel = True


def call_it_filled(desk: Desk) -> None:
    desk.orders[2].status = OrderStatus.FILLED


@pytest.mark.parametrize(
    "damage", [forget_an_end, forget_a_reason, fill_the_parent_alone, leave_a_cancel_unanswered, call_it_filled]
)
def test_orders_that_do_not_add_up_are_found(desk: Desk, damage: Callable[[Desk], None]) -> None:
    damage(desk)
    with pytest.raises(InvariantError, match="ord_"):
        check_orders(desk.orders)


def lose_money(desk: Desk) -> None:
    desk.portfolio.cash["USD"] -= 1


def keep_a_reservation(desk: Desk) -> None:
    desk.portfolio.reserve("ord_1", 5)


def book_a_fill_of_nobody(desk: Desk) -> None:
    stranger = make_desk(asks=[(101, [50])], instrument=desk.instrument)
    order = stranger.send(BUY, 5, 101)
    stranger.finish()
    desk.portfolio.apply_fill(order.fill_of(order.trades[0]))


@pytest.mark.parametrize("damage", [lose_money, keep_a_reservation, book_a_fill_of_nobody])
def test_an_account_that_does_not_follow_from_its_orders_is_found(desk: Desk, damage: Callable[[Desk], None]) -> None:
    damage(desk)
    with pytest.raises(InvariantError):
        check_portfolio(desk.portfolio, desk.orders)
