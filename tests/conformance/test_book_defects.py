"""Defects found in other simulators' order books, each impossible here."""

from __future__ import annotations

import numpy as np
import pytest

from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.market.order_book import OrderBook, OutRow, QueuePosition

BUY, SELL = 0, 1


def fills(rows: list[OutRow], *, maker: bool) -> list[tuple[int, int, int]]:
    """Order number, price and quantity of each fill of makers or of the taker."""
    return [(row[2], row[3], row[4]) for row in rows if row[0] == at.OUT_FILL and row[6] == maker]


class OneChunk:
    """A flow of messages written by hand."""

    tick_quanta = 1

    def __init__(self, messages: list[tuple[int, ...]]) -> None:
        self.references = 100
        self._messages = messages

    def next_messages(self) -> Array | None:
        given, self._messages = self._messages, []
        return np.array(given, np.int64) if given else None

    def applied(self, time_ns: int) -> int:
        return 0


@pytest.fixture
def book() -> OrderBook:
    return OrderBook()


# --- 1: requests without an answer ---


def test_the_unfilled_remainder_of_a_market_order_never_vanishes_without_a_message(book: OrderBook) -> None:
    book.submit(1, SELL, 30, 100, owner=1, number=1)
    rows = book.submit(2, BUY, 100, 0, owner=2, number=2, flags=at.MARKET)
    assert fills(rows, maker=False) == [(2, 100, 30)]
    assert rows[-1][:6] == [at.OUT_CANCEL, 2, 2, at.NO_LIQUIDITY, 70, 0]


@pytest.mark.parametrize("flags", [0, at.MARKET, at.IOC, at.FOK, at.MAKER_ONLY, at.HIDDEN, at.MARKET | at.FOK])
@pytest.mark.parametrize("resting", [0, 30, 100, 130])
def test_every_share_of_every_order_is_answered_for(book: OrderBook, flags: int, resting: int) -> None:
    if resting:
        book.submit(1, SELL, resting, 100, owner=1, number=1)
    rows = [row for row in book.submit(2, BUY, 100, 100, owner=2, number=2, flags=flags) if row[2] == 2]
    assert sum(row[4] for row in rows) == 100


def test_a_cancel_that_comes_too_late_says_so(book: OrderBook) -> None:
    book.submit(1, SELL, 30, 100, owner=1, number=1)
    book.submit(2, BUY, 30, 100, owner=2, number=2)
    assert book.cancel(3, 1) == 0
    assert book.reduce(3, 1, 5) == 0
    assert book.replace(3, 1, 5, 100) is None


# --- 3: liquidity that fills twice ---


def test_the_same_resting_liquidity_never_fills_two_orders(book: OrderBook) -> None:
    book.submit(1, SELL, 6, 100, owner=1, number=1)
    first = book.submit(2, BUY, 6, 100, owner=2, number=2)
    second = book.submit(2, BUY, 6, 100, owner=3, number=3)
    assert fills(first, maker=False) == [(2, 100, 6)]
    assert fills(second, maker=False) == []


def test_takers_fill_no_more_than_was_there_and_only_at_prices_that_were_there(book: OrderBook) -> None:
    for number, (price, quantity) in enumerate([(100, 1), (103, 2), (109, 3)], start=1):
        book.submit(1, SELL, quantity, price, owner=1, number=number)
    rows = book.submit(2, BUY, 1_000, 0, owner=2, number=9, flags=at.MARKET)
    assert fills(rows, maker=False) == [(9, 100, 1), (9, 103, 2), (9, 109, 3)]
    assert rows[-1][4] == 994


def test_a_background_aggressor_and_ours_never_share_the_same_shares() -> None:
    market = Market("XTST", OneChunk([(2, at.LIMIT_AWAY, 0, 100, 5, SELL), (5, at.MARKET_ORDER, 1, 0, 5, BUY)]))
    market.advance(3)
    assert fills(market.book.submit(3, BUY, 4, 0, number=1, flags=at.MARKET), maker=False) == [(1, 100, 4)]
    market.advance(9)
    market.book.flush()
    assert market.book.prints.since()[:, 2].tolist() == [4, 1]


# --- 4: queue positions that are wrong ---


def test_an_order_away_from_the_touch_starts_behind_everything_at_its_price(book: OrderBook) -> None:
    book.submit(1, BUY, 10, 100, owner=1, number=1)
    book.submit(1, BUY, 70, 95, owner=1, number=2)
    book.submit(2, BUY, 5, 95, owner=2, number=3)
    assert book.queue_position(3) == QueuePosition(1, 70)


def test_a_cancel_behind_us_does_not_move_us(book: OrderBook) -> None:
    for number, quantity in ((1, 70), (2, 5), (3, 40)):
        book.submit(1, BUY, quantity, 95, owner=number, number=number)
    book.cancel(2, 3)
    assert book.queue_position(2) == QueuePosition(1, 70)


def test_our_own_order_is_not_ahead_of_itself_and_counts_once_for_the_next(book: OrderBook) -> None:
    book.submit(1, BUY, 5, 95, owner=1, number=1)
    assert book.queue_position(1) == QueuePosition(0, 0)
    assert book.depth(BUY) == [(95, 5, 1)]
    book.submit(1, BUY, 7, 95, owner=1, number=2)
    assert book.queue_position(2) == QueuePosition(1, 5)


# --- 5: trading through ---


@pytest.mark.parametrize("flags", [at.MARKET, 0])
def test_trading_through_a_resting_limit_order_fills_it(book: OrderBook, flags: int) -> None:
    book.submit(1, SELL, 5, 101, owner=1, number=1)
    book.submit(1, SELL, 50, 104, owner=2, number=2)
    rows = book.submit(2, BUY, 10, 104, owner=3, number=3, flags=flags)
    assert fills(rows, maker=True) == [(1, 101, 5), (2, 104, 5)]


def test_a_recorded_trade_through_our_limit_order_fills_it() -> None:
    market = Market("XTST", OneChunk([
        (1, at.ADD, 0, 104, 50, SELL),
        (5, at.SWEEP, at.NIL, 104, 10, BUY),
        (5, at.HIT, 0, 104, 10, SELL),
        (5, at.SWEEP_END, at.NIL, 0, 0, BUY),
    ]))  # fmt: skip
    told: list[OutRow] = []
    market.listen(told.extend)
    market.advance(2)
    market.book.submit(2, SELL, 5, 101, number=1)
    assert market.advance(9) == 5
    market.dispatch()
    assert fills(told, maker=True) == [(1, 101, 5)]


# --- 7: icebergs ---


def test_an_iceberg_fills_every_tranche_that_a_sweep_reaches(book: OrderBook) -> None:
    book.submit(1, SELL, 1_000, 100, owner=1, number=1, peak=10)
    rows = book.submit(2, BUY, 950, 100, owner=2, number=2)
    assert sum(quantity for _, _, quantity in fills(rows, maker=True)) == 950
    assert book.queue(SELL, 100) == [(1, 1, 10, 40)]


def test_an_iceberg_that_arrives_marketable_does_not_stick(book: OrderBook) -> None:
    book.submit(1, SELL, 500, 100, owner=1, number=1)
    rows = book.submit(2, BUY, 800, 100, owner=2, number=2, peak=10)
    assert fills(rows, maker=False) == [(2, 100, 500)]
    rows = book.submit(3, SELL, 400, 100, owner=1, number=3)
    assert sum(quantity for _, _, quantity in fills(rows, maker=True)) == 300
    assert book.depth(SELL) == [(100, 100, 1)]


# --- 8: fill or kill ---


def test_fill_or_kill_looks_beyond_the_top_level(book: OrderBook) -> None:
    for i in range(20):
        book.submit(1, SELL, 5, 100 + i, owner=1, number=1 + i)
    assert fills(book.submit(2, BUY, 101, 119, owner=2, number=50, flags=at.FOK), maker=False) == []
    rows = book.submit(2, BUY, 100, 119, owner=2, number=51, flags=at.FOK)
    assert sum(quantity for _, _, quantity in fills(rows, maker=False)) == 100


# --- 10: hidden orders ---


def test_a_hidden_best_bid_is_never_a_quote_of_size_zero(book: OrderBook) -> None:
    book.submit(1, BUY, 10, 101, owner=1, number=1, flags=at.HIDDEN)
    book.submit(1, BUY, 20, 100, owner=2, number=2)
    assert (book.quote().bid, book.quote().bid_size) == (100, 20)
    assert book.depth(BUY) == [(100, 20, 1)]


def test_a_side_with_hidden_orders_only_shows_nothing_and_still_trades(book: OrderBook) -> None:
    book.submit(1, BUY, 10, 101, owner=1, number=1, flags=at.HIDDEN)
    assert (book.quote().bid, book.quote().bid_size) == (None, 0)
    assert book.depth(BUY) == []
    rows = book.submit(2, SELL, 4, 0, owner=2, number=2, flags=at.MARKET)
    assert fills(rows, maker=True) == [(1, 101, 4)]
    assert book.queue_position(1) == QueuePosition(0, 0)


# --- 11: first in, first out ---


def test_orders_of_equal_times_trade_in_the_order_in_which_they_came(book: OrderBook) -> None:
    for number in range(1, 30):
        book.submit(7, SELL, 1, 100, owner=number, number=number)
    rows = book.submit(7, BUY, 29, 100, owner=99, number=99)
    assert [number for number, _, _ in fills(rows, maker=True)] == list(range(1, 30))


@pytest.mark.parametrize("gone", range(1, 6))
def test_cancelling_any_order_leaves_the_others_in_their_order(book: OrderBook, gone: int) -> None:
    for number in range(1, 6):
        book.submit(1, SELL, 1, 100, owner=number, number=number)
    book.cancel(2, gone)
    rows = book.submit(3, BUY, 9, 100, owner=99, number=99)
    assert [number for number, _, _ in fills(rows, maker=True)] == [n for n in range(1, 6) if n != gone]


def test_a_partial_fill_does_not_send_an_order_back(book: OrderBook) -> None:
    book.submit(1, SELL, 10, 100, owner=1, number=1)
    book.submit(1, SELL, 10, 100, owner=2, number=2)
    for time in range(2, 12):
        rows = book.submit(time, BUY, 1, 100, owner=9, number=90 + time)
        assert fills(rows, maker=True) == [(1, 100, 1)]


# --- 12: sweeps ---


@pytest.mark.parametrize("levels", [2, 10, 500])
def test_a_sweep_takes_every_level_it_may_and_the_book_is_not_crossed(book: OrderBook, levels: int) -> None:
    for i in range(levels):
        book.submit(1, SELL, 2, 100 + i, owner=1, number=1 + i)
    rows = book.submit(2, BUY, 2 * levels + 7, 99 + levels, owner=2, number=10_000)
    assert len(fills(rows, maker=True)) == levels
    assert book.depth(SELL) == []
    assert book.depth(BUY) == [(99 + levels, 7, 1)]
