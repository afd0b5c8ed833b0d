"""Price bands: no trade outside, and the first that would be ends continuous trading.

Each test runs the compiled book and the naive one. Rules: Xetra's and Euronext's volatility interruption, CME's velocity logic: the
order that would have traded outside starts an auction.
"""

from __future__ import annotations

import pytest

from simexec.market import layout as at

from .paired import BUY, SELL, Paired


@pytest.fixture
def pair() -> Paired:
    """Offers at 100, 101 and 103, and a band to 102."""
    made = Paired()
    for price in (100, 101, 103):
        made.limit(f"ask {price}", SELL, 5, price)
    made.band(98, 102)
    return made


def test_an_order_trades_up_to_the_band_and_its_rest_is_cancelled(pair: Paired) -> None:
    assert pair.limit("sweep", BUY, 20, 110) == [
        ("fill", "ask 100", 100, 5), ("take", "sweep", 100, 5), ("fill", "ask 101", 101, 5), ("take", "sweep", 101, 5),
        ("halt", "", 103, 10), ("cancel", "sweep", at.OUT_OF_BAND, 10),
    ]  # fmt: skip
    assert pair.book.phase == at.CALL
    assert pair.leaves("ask 103") == 5


def test_a_price_on_the_bands_edge_trades(pair: Paired) -> None:
    pair.limit("edge", SELL, 5, 102)
    pair.limit("sweep", BUY, 15, 102)
    assert pair.leaves("edge") == 0
    assert pair.book.phase == at.CONTINUOUS


def test_an_order_that_would_rest_inside_its_limit_does_not_breach(pair: Paired) -> None:
    assert pair.limit("bid", BUY, 12, 102)[-1] == ("rest", "bid", 102, 2)
    assert pair.book.phase == at.CONTINUOUS


def test_the_background_breaches_a_band_too(pair: Paired) -> None:
    assert pair.background(at.MARKET_ORDER, 0, 12, BUY)[-1] == ("halt", "", 103, 2)
    assert pair.book.phase == at.CALL


def test_nothing_trades_until_the_book_is_reopened(pair: Paired) -> None:
    pair.market_order("sweep", BUY, 20)
    assert pair.limit("late", BUY, 5, 103) == [("rest", "late", 103, 5)]
    pair.band(98, 110)
    assert pair.phase(at.CONTINUOUS) == [("fill", "late", 103, 5), ("fill", "ask 103", 103, 5)]


def test_a_fill_or_kill_order_that_cannot_be_filled_inside_the_band_is_killed_without_a_halt(pair: Paired) -> None:
    assert pair.limit("kill", BUY, 11, 103, flags=at.FOK) == [("cancel", "kill", at.FILL_OR_KILL, 11)]
    assert pair.book.phase == at.CONTINUOUS


def test_a_price_outside_the_band_halts_whoever_rests_there(pair: Paired) -> None:
    """The band is looked at before the counterparty is: prevention of self-trades has no say."""
    pair.limit("mine", SELL, 5, 102, owner=7)
    pair.band(98, 101)
    events = pair.limit("sweep", BUY, 20, 102, owner=7, flags=at.STP_NEWEST)
    assert events[-2:] == [("halt", "", 102, 10), ("cancel", "sweep", at.OUT_OF_BAND, 10)]


def test_stops_that_were_elected_before_the_halt_act_after_it(pair: Paired) -> None:
    pair.stop("stop", BUY, 2, 101)
    assert [event[0] for event in pair.limit("sweep", BUY, 20, 110)][-2:] == ["halt", "cancel"]
    assert pair.leaves("stop") == 2
    pair.band(None, None)
    assert pair.phase(at.CONTINUOUS) == [
        ("trigger", "stop", 101, 2), ("fill", "ask 103", 103, 2), ("take", "stop", 103, 2),
    ]  # fmt: skip


def test_a_stop_that_would_trade_outside_the_band_halts_the_book(pair: Paired) -> None:
    pair.stop("stop", BUY, 12, 100)
    events = pair.limit("taker", BUY, 1, 100)
    assert events[-2:] == [("halt", "", 103, 3), ("cancel", "stop", at.OUT_OF_BAND, 3)]
    assert pair.book.phase == at.CALL


def test_a_peg_that_would_trade_outside_the_band_halts_the_book(pair: Paired) -> None:
    pair.peg("peg", BUY, 20, at.PEG_PRIMARY, 5, cap=105)
    events = pair.limit("bid", BUY, 1, 99)
    assert [event[0] for event in events][-2:] == ["halt", "cancel"]
    assert pair.book.phase == at.CALL


def test_a_stop_that_waits_elected_for_the_reopening_can_be_replaced(pair: Paired) -> None:
    pair.stop("stop", BUY, 2, 101, trail=5)
    pair.limit("sweep", BUY, 20, 110)
    assert pair.replace("stop", 3, flags=at.MARKET) == [("rest", "stop", 101, 3)]
    pair.band(None, None)
    assert pair.phase(at.CONTINUOUS)[0] == ("trigger", "stop", 101, 3)
