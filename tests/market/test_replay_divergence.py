"""What our orders change in a replay is followed to the last share: each case on messages made by hand."""

from __future__ import annotations

from simexec.market import layout as at
from simexec.testing import check_book

from .replaying import BUY, SELL, Replay, X, Y, Z, add, prune, remove, sweep
from .scripted import ScriptedMarket

# --- what we take is gone ---


def test_a_removal_of_what_we_took_is_cut_to_what_is_left_and_counted(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10))
    assert replay.ours(BUY, 7, 100) == [(1, 100, 7)]
    replay.history(remove(3, X, 2))
    assert replay.queue(SELL, 100) == [("X", 1)]
    assert replay.counts() == {"TAKEN": 7}
    replay.history(remove(4, X, 8))
    assert replay.queue(SELL, 100) == []
    assert replay.counts() == {"TAKEN": 7, "CUT": 7, "CUT_MESSAGES": 1}


def test_a_prune_of_what_we_took_is_counted_once(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 101, 10))
    replay.ours(BUY, 13, 101)
    replay.history(add(2, Z, SELL, 99, 5), prune(2, SELL, 99, 20))
    assert replay.counts() == {"TAKEN": 13, "CUT": 13, "CUT_MESSAGES": 1}


def test_an_execution_of_what_we_took_is_cut_and_the_sweep_does_not_trade_with_others_instead(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 101, 10))
    replay.ours(BUY, 7, 100)
    replay.history(*sweep(5, BUY, (X, 100, 10)))
    assert replay.queue(SELL, 100) == []
    assert replay.queue(SELL, 101) == [("Y", 10)]
    assert replay.counts() == {"TAKEN": 7, "CUT": 7, "CUT_MESSAGES": 1, "UNFILLED": 7}


def test_what_a_sweep_has_left_trades_with_ours_if_ours_are_first(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10))
    replay.ours(BUY, 7, 100)
    replay.ours(SELL, 5, 100)
    assert replay.queue(SELL, 100) == [("X", 3), ("ours", 5)]
    assert replay.history(*sweep(5, BUY, (X, 100, 10))) == [(2, 100, 5)]
    assert replay.counts() == {"TAKEN": 7, "GIVEN_SWEEP": 5, "CUT": 7, "CUT_MESSAGES": 1, "UNFILLED": 2}


def test_what_a_sweep_has_left_does_not_jump_over_a_recorded_order_to_ours(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 100, 10))
    replay.ours(BUY, 10, 100)
    replay.ours(SELL, 5, 100)
    assert replay.history(*sweep(5, BUY, (X, 100, 10))) == []
    assert replay.queue(SELL, 100) == [("Y", 10), ("ours", 5)]
    assert replay.counts() == {"TAKEN": 10, "CUT": 10, "CUT_MESSAGES": 1, "UNFILLED": 10}


def test_what_a_sweep_has_left_does_not_go_beyond_its_worst_price(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10))
    replay.ours(BUY, 10, 100)
    replay.ours(SELL, 5, 101)
    assert replay.history(*sweep(5, BUY, (X, 100, 10))) == []


def test_where_a_counterparty_is_gone_only_better_prices_are_sure_to_come_before_it(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 100, 10))
    replay.ours(BUY, 10, 100)
    replay.ours(SELL, 5, 99)
    replay.ours(SELL, 5, 100)
    assert replay.history(*sweep(5, BUY, (X, 100, 10), (Y, 100, 10))) == [(2, 99, 5), (3, 100, 5)]
    assert replay.queue(SELL, 100) == []
    assert replay.counts() == {
        "TAKEN": 10, "CUT": 10, "CUT_MESSAGES": 1, "GIVEN_SWEEP": 10,
    }  # fmt: skip


def test_a_sweep_is_shown_when_it_has_ended(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 103, 10))
    replay.history(*sweep(5, BUY, (X, 100, 10), (Y, 103, 4)))
    replay.book.flush()
    quotes = [row for row in replay.book.quotes.since().tolist() if row[0] == 5]
    assert quotes == [[5, at.NO_PRICE, 0, 103, 6]]


def test_a_sweep_that_fills_the_log_goes_on_where_it_stopped() -> None:
    market = ScriptedMarket(cramped=True)
    market.play(add(1, X, SELL, 200, 1_000))
    for number in range(1, 201):
        market.book.submit(2, SELL, 3, 100 + number % 50, number=number)
    told = market.play(*sweep(5, BUY, (X, 200, 650)))
    assert [row[2] for row in told] == sorted(range(1, 201), key=lambda number: (number % 50, number))
    assert market.book.queue(SELL, 200) == [(0, X, 950, 0)]
    assert market.count(at.LEFTOVER_MADE) == market.count(at.GIVEN_SWEEP) == 600
    check_book(market.book)


def test_a_recorded_order_that_meets_more_of_ours_than_the_log_holds_goes_on_where_it_stopped() -> None:
    market = ScriptedMarket(cramped=True)
    for number in range(1, 101):
        market.book.submit(2, BUY, 3, 100 + number % 50, number=number)
    market.play(add(5, X, SELL, 100, 310))
    assert len(market.told) == 100
    assert market.book.queue(SELL, 100) == [(0, X, 10, 0)]
    assert market.count(at.GIVEN_ARRIVAL) == 300
    check_book(market.book)


def test_a_recording_that_crosses_itself_loses_the_older_order_and_it_is_counted(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(2, Y, BUY, 100, 4))
    assert replay.queue(SELL, 100) == []
    assert replay.queue(BUY, 100) == [("Y", 4)]
    assert replay.counts() == {"DISPLACED": 10}
