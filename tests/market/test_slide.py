"""Post-only orders that slide (Nasdaq "Post-Only", BATS "price sliding"): one tick off what they would have traded with.

Each test runs the compiled book and the naive one.
"""

from __future__ import annotations

import pytest

from simexec.market import layout as at

from .paired import BUY, SELL, Paired

SLIDING = at.MAKER_ONLY | at.SLIDE


@pytest.mark.parametrize(("side", "price"), [(BUY, 101), (SELL, 101)])
def test_an_order_that_would_trade_rests_one_tick_off(side: int, price: int) -> None:
    pair = Paired()
    pair.limit("other", 1 - side, 5, 102 if side == BUY else 100)
    assert pair.limit("mine", side, 5, 105 if side == BUY else 95, flags=SLIDING) == [("rest", "mine", price, 5)]


def test_an_order_that_would_not_trade_stays_at_its_price() -> None:
    pair = Paired()
    pair.limit("ask", SELL, 5, 102)
    assert pair.limit("mine", BUY, 5, 101, flags=SLIDING) == [("rest", "mine", 101, 5)]
    assert pair.limit("lower", BUY, 5, 90, flags=SLIDING) == [("rest", "lower", 90, 5)]


def test_hidden_orders_are_slid_off_too() -> None:
    pair = Paired()
    pair.limit("hidden", SELL, 5, 100, flags=at.HIDDEN)
    pair.limit("ask", SELL, 5, 102)
    assert pair.limit("mine", BUY, 5, 101, flags=SLIDING) == [("rest", "mine", 99, 5)]


def test_a_slid_order_rests_at_a_whole_tick_though_the_other_does_not() -> None:
    pair = Paired(tick=100)
    pair.limit("bid", BUY, 5, 10_000)
    pair.limit("ask", SELL, 5, 10_100)
    pair.peg("mid", SELL, 5, at.PEG_MID, flags=at.HIDDEN)
    assert pair.limit("mine", BUY, 5, 10_100, flags=SLIDING) == [("rest", "mine", 10_000, 5)]


def test_where_no_price_is_left_the_order_is_refused() -> None:
    pair = Paired()
    pair.limit("ask", SELL, 5, 1)
    assert pair.limit("mine", BUY, 5, 3, flags=SLIDING) == [("cancel", "mine", at.POST_ONLY, 5)]


def test_a_slid_order_does_not_move_back() -> None:
    pair = Paired()
    pair.limit("ask", SELL, 5, 102)
    pair.limit("mine", BUY, 5, 103, flags=SLIDING)
    pair.cancel("ask")
    assert pair.queue(BUY, 101) == [("mine", 5, 0)]


def test_a_replace_slides_as_well() -> None:
    pair = Paired()
    pair.limit("ask", SELL, 5, 102)
    pair.limit("mine", BUY, 5, 100)
    assert pair.replace("mine", 5, 104, flags=at.MAKER_ONLY) is None
    assert pair.queue(BUY, 100) == [("mine", 5, 0)]
    assert pair.replace("mine", 5, 104, flags=SLIDING) == [("rest", "mine", 101, 5)]
