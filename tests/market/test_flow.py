"""Background flow meets the book, and the market stops where a participant is concerned."""

from __future__ import annotations

from simexec.market import layout as at
from simexec.testing import check_book

from .scripted import ScriptedMarket, outcome

BUY, SELL = 0, 1


def test_background_orders_are_placed_by_distance_from_the_opposite_best() -> None:
    market = ScriptedMarket(tick_quanta=1)
    market.book.submit(1, SELL, 10, 110, number=1)
    market.play((2, at.LIMIT_AWAY, 0, 3, 5, BUY), (3, at.LIMIT_AWAY, 1, 1, 5, SELL))
    assert market.book.depth(BUY) == [(107, 5, 1)]
    assert market.book.depth(SELL) == [(108, 5, 1), (110, 10, 1)]


def test_where_the_opposite_side_is_empty_its_last_price_counts() -> None:
    market = ScriptedMarket()
    market.book.submit(1, SELL, 10, 110, number=1)
    market.book.cancel(2, 1)
    market.play((3, at.LIMIT_AWAY, 0, 3, 5, BUY))
    assert market.book.depth(BUY) == [(107, 5, 1)]


def test_a_far_order_of_ours_alone_on_its_side_does_not_pull_the_background_after_it() -> None:
    market = ScriptedMarket()
    market.book.submit(1, BUY, 10, 90, number=1)
    market.play((2, at.LIMIT_AWAY, 0, 20, 5, SELL))
    market.book.submit(2, SELL, 10, 200, number=2)
    market.play((3, at.CANCEL, 0, 0, 0, 0), (4, at.LIMIT_AWAY, 1, 3, 5, BUY))
    assert market.book.depth(BUY)[0] == (107, 5, 1)


def test_an_order_of_ours_that_improves_the_best_price_does() -> None:
    market = ScriptedMarket()
    market.book.submit(1, BUY, 10, 90, number=1)
    market.play((2, at.LIMIT_AWAY, 0, 20, 5, SELL))
    market.book.submit(2, SELL, 10, 105, number=2)
    market.play((4, at.LIMIT_AWAY, 1, 3, 5, BUY))
    assert market.book.depth(BUY)[0] == (102, 5, 1)


def test_a_background_order_is_never_priced_below_one_tick() -> None:
    market = ScriptedMarket(tick_quanta=100)
    market.book.submit(1, SELL, 10, 300, number=1)
    market.play((3, at.LIMIT_AWAY, 0, 900, 5, BUY))
    assert market.book.depth(BUY) == [(100, 5, 1)]


def test_a_background_market_order_fills_ours_in_its_turn_and_we_hear_of_it() -> None:
    market = ScriptedMarket()
    market.book.submit(1, SELL, 10, 110, number=1)
    market.play((2, at.LIMIT_AWAY, 0, -2, 4, BUY))  # marketable
    rows = market.play((3, at.MARKET_ORDER, 1, 0, 20, BUY))
    assert outcome(rows) == [(at.OUT_FILL, 110, 6)]
    assert outcome(market.told) == [(at.OUT_FILL, 110, 4), (at.OUT_FILL, 110, 6)]


def test_cancelling_a_background_order_that_is_gone_does_nothing() -> None:
    market = ScriptedMarket()
    market.book.submit(1, SELL, 10, 110, number=1)
    market.play((2, at.LIMIT_AWAY, 0, 5, 4, BUY))
    market.book.submit(3, SELL, 4, 100, owner=1, number=2)
    assert market.book.depth(BUY) == []
    assert market.play((4, at.CANCEL, 0, 0, 0, 0)) == []
    check_book(market.book)


def test_an_advance_stops_at_the_time_of_the_first_fill_with_all_messages_of_that_time_applied() -> None:
    market = ScriptedMarket()
    market.book.submit(1, SELL, 10, 110, number=1)
    market.flow.waiting += [
        (2, at.LIMIT_AWAY, 0, 9, 1, BUY),
        (3, at.MARKET_ORDER, 1, 0, 2, BUY),
        (3, at.LIMIT_AWAY, 2, 8, 1, BUY),
        (4, at.MARKET_ORDER, 3, 0, 3, BUY),
        (9, at.MARKET_ORDER, 4, 0, 1, BUY),
    ]
    assert market.market.advance(5) == 3
    assert market.market.next_time == 4
    assert len(market.book.depth(BUY)) == 2
    market.market.dispatch()
    assert outcome(market.told) == [(at.OUT_FILL, 110, 2)]
    assert market.market.advance(5) == 4
    market.market.dispatch()
    assert market.market.advance(5) is None
    assert market.market.next_time == 9
    assert market.market.advance(10) == 9
    market.market.dispatch()
    assert market.market.next_time is None
    assert market.book.leaves(1) == 4


def test_a_request_before_the_dispatch_of_a_fill_loses_no_row_and_repeats_none() -> None:
    market = ScriptedMarket()
    market.book.submit(1, SELL, 10, 110, number=1)
    market.flow.waiting += [(3, at.MARKET_ORDER, 1, 0, 10, BUY), (9, at.MARKET_ORDER, 2, 0, 3, BUY)]
    assert market.market.advance(5) == 3
    heard = market.book.submit(3, SELL, 5, 111, number=2)
    market.market.dispatch()
    assert outcome(heard + market.told) == [(at.OUT_FILL, 110, 10), (at.OUT_REST, 111, 5)]
    assert market.market.advance(9) == 9
    market.market.dispatch()
    assert outcome(market.told) == [(at.OUT_FILL, 111, 3)]
