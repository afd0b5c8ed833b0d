"""Books and background flows for tests."""

from __future__ import annotations

import pytest

from simexec.errors import InputError
from simexec.market.market import Market
from simexec.testing import (
    ScriptedFlow,
    background_cancel,
    background_market_order,
    background_order,
    background_order_away,
    book_with_orders,
    check_book,
    make_desk,
    random_flow,
)
from simexec.trading.vocabulary import OrderSide

BUY, SELL = OrderSide.BUY, OrderSide.SELL


def test_a_book_with_orders_has_them_in_the_order_of_the_list() -> None:
    book = book_with_orders(bids=[(100, [30, 5]), (99, [7])], asks=[(101, [2])], tick_quanta=100)
    assert book.depth(0) == [(10_000, 35, 2), (9_900, 7, 1)]
    assert book.depth(1) == [(10_100, 2, 1)]
    assert [row[1:3] for row in book.queue(0, 10_000)] == [(1, 30), (2, 5)]
    check_book(book)


def test_a_book_whose_orders_would_trade_is_refused() -> None:
    with pytest.raises(InputError, match="SELL 2 at 100 ticks would trade; bids must lie below asks"):
        book_with_orders(bids=[(100, [30])], asks=[(100, [2])])


@pytest.mark.parametrize("chunk", [None, 1, 2])
def test_a_scripted_flow_plays_its_messages_whatever_the_chunk(chunk: int | None) -> None:
    messages = [
        background_order("1ms", BUY, 100, 9, 0),
        background_order("1ms", SELL, 103, 9, 1),
        background_order_away("2ms", BUY, 2, 4, 2),
        background_market_order("3ms", SELL, 1),
        background_cancel("4ms", 0),
    ]
    market = Market("XTST", ScriptedFlow(messages, tick_quanta=10, chunk=chunk))
    seen = []
    for millisecond in range(1, 5):
        market.advance(millisecond * 10**6)
        seen.append(market.book.depth(0))
    assert seen == [[(1_000, 9, 1)], [(1_010, 4, 1), (1_000, 9, 1)], [(1_010, 3, 1), (1_000, 9, 1)], [(1_010, 3, 1)]]
    assert [market.flow.applied(time) for time in (0, 10**6, 10**7)] == [0, 2, 5]


def test_a_script_whose_time_goes_back_is_refused() -> None:
    with pytest.raises(InputError, match="message 1 is at 5 ns, before the one ahead of it at 6 ns"):
        ScriptedFlow([background_cancel(6, 0), background_cancel(5, 1)])


def test_an_empty_script_is_a_silent_market() -> None:
    market = Market("XTST", ScriptedFlow([]))
    assert (market.next_time, market.advance(10**9)) == (None, None)


def test_a_random_flow_is_lively_and_follows_the_seed() -> None:
    def prints(seed: int) -> bytes:
        desk = make_desk(random_flow(), closes="10s", seed=seed)
        desk.sim.run("10s")
        desk.market.book.flush()
        assert len(desk.market.book.prints) > 50
        return desk.market.book.prints.since().tobytes()

    assert prints(1) == prints(1) != prints(2)
