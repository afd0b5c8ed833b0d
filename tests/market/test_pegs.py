"""Pegged orders: the price that they follow, and their place in the queue.

Each test runs the compiled book and the naive one. Rules: FIX ExecInst R, P and M (primary, market and mid-price peg) with
PegOffsetValue; Nasdaq and IEX pegged orders, which get a new time whenever their price changes.
"""

from __future__ import annotations

import pytest

from simexec.market import layout as at

from .paired import BUY, SELL, Paired

PRIMARY, MARKET, MID = at.PEG_PRIMARY, at.PEG_MARKET, at.PEG_MID


@pytest.fixture
def pair() -> Paired:
    """A book of 100 to 110."""
    made = Paired()
    made.limit("bid", BUY, 50, 100)
    made.limit("ask", SELL, 50, 110)
    return made


# --- the price ---


@pytest.mark.parametrize(
    ("side", "kind", "offset", "price"),
    [
        (BUY, PRIMARY, 0, 100), (BUY, PRIMARY, -2, 98), (BUY, PRIMARY, 2, 102),
        (SELL, PRIMARY, 0, 110), (SELL, PRIMARY, -2, 108), (SELL, PRIMARY, 2, 112),
        (BUY, MARKET, -1, 109), (SELL, MARKET, 1, 101), (BUY, MID, 0, 105), (SELL, MID, 0, 105), (SELL, MID, 1, 106),
    ],
)  # fmt: skip
def test_a_peg_is_its_offset_away_from_its_reference(
    pair: Paired, side: int, kind: int, offset: int, price: int
) -> None:
    assert pair.peg("peg", side, 5, kind, offset) == [("rest", "peg", price, 5)]


@pytest.mark.parametrize(("side", "price"), [(BUY, 102), (SELL, 103)])
def test_a_mid_between_two_prices_is_rounded_away_from_the_other_side(pair: Paired, side: int, price: int) -> None:
    pair.limit("closer", SELL, 5, 105)
    assert pair.peg("peg", side, 5, MID) == [("rest", "peg", price, 5)]


def test_a_mid_lies_between_ticks_where_a_tick_has_quanta_enough() -> None:
    pair = Paired(tick=100)
    pair.limit("bid", BUY, 5, 10_000)
    pair.limit("ask", SELL, 5, 10_100)
    assert pair.peg("buy", BUY, 5, MID) == [("rest", "buy", 10_050, 5)]
    assert pair.limit("taker", SELL, 5, 10_000)[0] == ("fill", "buy", 10_050, 5)


def test_a_market_peg_without_an_offset_trades_at_once(pair: Paired) -> None:
    assert pair.peg("peg", BUY, 60, MARKET) == [
        ("fill", "ask", 110, 50), ("take", "peg", 110, 50), ("rest", "peg", 110, 10),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("side", "cap", "price"), [(BUY, 103, 103), (BUY, 107, 105), (SELL, 107, 107), (SELL, 103, 105)]
)
def test_a_peg_does_not_go_beyond_its_cap(pair: Paired, side: int, cap: int, price: int) -> None:
    assert pair.peg("peg", side, 5, MID, cap=cap) == [("rest", "peg", price, 5)]


def test_a_peg_that_reaches_its_cap_stays_there_and_comes_back(pair: Paired) -> None:
    pair.peg("peg", BUY, 5, PRIMARY, cap=102)
    pair.limit("better", BUY, 1, 105)
    assert pair.queue(BUY, 102) == [("peg", 5, 0)]
    pair.cancel("better")
    assert pair.queue(BUY, 100) == [("bid", 50, 0), ("peg", 5, 0)]


# --- following ---


def test_a_peg_follows_its_reference_up_and_down_without_a_word(pair: Paired) -> None:
    pair.peg("peg", BUY, 5, PRIMARY, -1)
    assert pair.limit("better", BUY, 1, 103) == [("rest", "better", 103, 1)]
    assert pair.queue(BUY, 102) == [("peg", 5, 0)]
    assert pair.cancel("better") == []
    assert pair.queue(BUY, 99) == [("peg", 5, 0)]


def test_a_primary_peg_never_follows_itself_or_another_peg(pair: Paired) -> None:
    pair.peg("a", BUY, 5, PRIMARY, 1)
    pair.peg("b", BUY, 5, PRIMARY, 1)
    assert pair.queue(BUY, 101) == [("a", 5, 0), ("b", 5, 0)]
    pair.limit("other", SELL, 5, 120)
    assert pair.prices(BUY) == [101, 100]


def test_a_peg_does_not_follow_hidden_orders(pair: Paired) -> None:
    pair.peg("peg", BUY, 5, PRIMARY)
    pair.limit("hidden", BUY, 5, 105, flags=at.HIDDEN)
    assert pair.queue(BUY, 100) == [("bid", 50, 0), ("peg", 5, 0)]


def test_a_peg_that_moves_goes_to_the_back_of_the_queue(pair: Paired) -> None:
    pair.peg("peg", BUY, 5, PRIMARY)
    pair.limit("late", BUY, 5, 100)
    pair.limit("better", BUY, 1, 101)
    assert pair.queue(BUY, 101) == [("better", 1, 0), ("peg", 5, 0)]
    pair.cancel("better")
    assert pair.queue(BUY, 100) == [("bid", 50, 0), ("late", 5, 0), ("peg", 5, 0)]


def test_a_peg_whose_price_stays_right_keeps_its_place(pair: Paired) -> None:
    pair.peg("peg", BUY, 5, PRIMARY)
    pair.limit("late", BUY, 5, 100)
    pair.cancel("bid")
    assert pair.queue(BUY, 100) == [("peg", 5, 0), ("late", 5, 0)]


def test_pegs_move_in_the_order_of_their_entry(pair: Paired) -> None:
    pair.peg("first", BUY, 5, PRIMARY, -1)
    pair.peg("second", BUY, 5, PRIMARY, -1)
    pair.replace("first", 4)
    pair.limit("better", BUY, 1, 103)
    assert [name for name, _, _ in pair.queue(BUY, 102)] == ["first", "second"]


def test_a_peg_waits_outside_the_book_while_it_has_no_reference() -> None:
    pair = Paired()
    assert pair.peg("peg", BUY, 5, MID) == [("rest", "peg", at.NO_PRICE, 5)]
    pair.limit("bid", BUY, 5, 100)
    assert pair.prices(BUY) == [100]
    pair.limit("ask", SELL, 5, 104)
    assert pair.prices(BUY) == [102, 100]
    pair.cancel("ask")
    assert pair.prices(BUY) == [100]
    assert pair.leaves("peg") == 5
    assert pair.cancel("peg") == []


def test_a_peg_whose_price_would_not_be_positive_waits_too() -> None:
    pair = Paired()
    pair.limit("bid", BUY, 5, 2)
    assert pair.peg("peg", BUY, 5, PRIMARY, -2) == [("rest", "peg", at.NO_PRICE, 5)]
    pair.limit("better", BUY, 5, 3)
    assert pair.prices(BUY) == [3, 2, 1]


def test_a_peg_that_would_trade_at_its_new_price_takes(pair: Paired) -> None:
    pair.peg("peg", BUY, 8, PRIMARY, 2)
    pair.limit("hidden", SELL, 5, 104, flags=at.HIDDEN)
    assert pair.limit("better", BUY, 1, 102) == [
        ("rest", "better", 102, 1), ("leave", "peg", 104, 8), ("fill", "hidden", 104, 5), ("take", "peg", 104, 5),
        ("rest", "peg", 104, 3),
    ]  # fmt: skip


def test_a_peg_that_has_acted_moves_after_those_that_have_not(pair: Paired) -> None:
    pair.limit("hidden", SELL, 1, 103, flags=at.HIDDEN)
    pair.peg("acts", BUY, 5, PRIMARY, 1)
    pair.peg("rests", BUY, 5, PRIMARY, 1)
    pair.limit("better", BUY, 1, 102)
    pair.limit("best", BUY, 1, 104)
    assert [name for name, _, _ in pair.queue(BUY, 105)] == ["rests", "acts"]


def test_two_mid_pegs_meet_at_the_mid(pair: Paired) -> None:
    pair.peg("buy", BUY, 5, MID, flags=at.HIDDEN)
    assert pair.peg("sell", SELL, 3, MID, flags=at.HIDDEN)[:2] == [("fill", "buy", 105, 3), ("take", "sell", 105, 3)]


def test_the_trade_of_a_moving_peg_elects_stops(pair: Paired) -> None:
    pair.limit("hidden", SELL, 5, 104, flags=at.HIDDEN)
    pair.stop("stop", BUY, 2, 104)
    pair.peg("peg", BUY, 3, PRIMARY, 2)
    words = [event[:2] for event in pair.limit("better", BUY, 1, 102)]
    assert words.index(("take", "peg")) < words.index(("trigger", "stop"))


def test_stops_act_before_pegs_move(pair: Paired) -> None:
    pair.peg("peg", BUY, 3, PRIMARY, -1)
    pair.limit("low", BUY, 5, 97)
    pair.stop("stop", SELL, 4, 100)
    events = pair.limit("taker", SELL, 50, 100)
    assert ("fill", "peg", 99, 3) in events
    assert events[-1] == ("take", "stop", 97, 1)


# --- what a peg is, besides ---


def test_a_hidden_peg_rests_hidden_and_a_pegged_iceberg_shows_its_peak(pair: Paired) -> None:
    pair.peg("hidden", BUY, 5, MID, flags=at.HIDDEN)
    pair.peg("iceberg", SELL, 50, PRIMARY, -2, peak=10)
    assert pair.queue(BUY, 105) == [("hidden", 0, 5)]
    assert pair.queue(SELL, 108) == [("iceberg", 10, 40)]


def test_a_pegged_iceberg_that_moves_displays_what_it_displayed_before(pair: Paired) -> None:
    pair.peg("iceberg", BUY, 50, PRIMARY, 1, peak=10)
    pair.limit("taker", SELL, 4, 101)
    assert pair.queue(BUY, 101) == [("iceberg", 6, 40)]
    pair.limit("better", BUY, 1, 102)
    assert pair.queue(BUY, 103) == [("iceberg", 6, 40)]


def test_self_trade_prevention_of_a_peg_works_when_it_moves(pair: Paired) -> None:
    pair.limit("mine", SELL, 5, 104, owner=7, flags=at.HIDDEN)
    pair.peg("peg", BUY, 8, PRIMARY, 2, owner=7, flags=at.STP_NEWEST)
    assert pair.limit("better", BUY, 1, 102)[-1] == ("cancel", "peg", at.SELF_TRADE, 8)
    assert pair.leaves("mine") == 5


# --- cancel, reduce, replace ---


def test_the_end_of_its_reference_is_told_when_a_peg_trades_on_it(pair: Paired) -> None:
    pair.limit("better", SELL, 1, 108)
    pair.limit("hidden", BUY, 2, 106, flags=at.HIDDEN)
    pair.peg("peg", SELL, 5, MARKET, 7)
    assert pair.prices(SELL) == [107, 108, 110]
    pair.limit("up", BUY, 1, 101)
    assert pair.queue(SELL, 108) == [("better", 1, 0), ("peg", 5, 0)]
    pair.cancel("up")
    assert pair.cancel("bid") == []
    assert pair.leaves("peg") == 5


def test_less_of_a_peg_keeps_its_place_and_a_new_cap_does_not(pair: Paired) -> None:
    pair.peg("peg", BUY, 5, PRIMARY)
    pair.limit("late", BUY, 5, 100)
    assert pair.replace("peg", 3) == []
    assert [name for name, _, _ in pair.queue(BUY, 100)] == ["bid", "peg", "late"]
    assert pair.replace("peg", 3, 100) == [("rest", "peg", 100, 3)]
    assert [name for name, _, _ in pair.queue(BUY, 100)] == ["bid", "late", "peg"]
    pair.limit("better", BUY, 1, 105)
    assert pair.queue(BUY, 100) == [("bid", 50, 0), ("late", 5, 0), ("peg", 3, 0)]


def test_more_of_a_peg_goes_to_the_back(pair: Paired) -> None:
    pair.peg("peg", BUY, 5, PRIMARY)
    pair.limit("late", BUY, 5, 100)
    assert pair.replace("peg", 6) == [("rest", "peg", 100, 6)]
    assert [name for name, _, _ in pair.queue(BUY, 100)] == ["bid", "late", "peg"]
