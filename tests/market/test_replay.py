"""How recorded history meets our orders: each rule on messages made by hand."""

from __future__ import annotations

import pytest

from simexec.market import layout as at

from .replaying import BUY, SELL, Replay, W, X, Y, Z, add, add_unknown, prune, remove, sweep

# --- a sweep meets our orders ---


def test_a_sweep_through_two_prices_meets_our_better_order_before_its_second_counterparty(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 103, 10))
    replay.ours(SELL, 4, 102)
    assert replay.history(*sweep(5, BUY, (X, 100, 10), (Y, 103, 10))) == [(1, 102, 4)]
    assert replay.queue(SELL, 103) == [("Y", 4)]
    assert replay.counts() == {"GIVEN_SWEEP": 4, "LEFTOVER_MADE": 4}


def test_a_sweep_meets_our_order_at_a_better_price_than_its_first_counterparty_and_pays_that_price(
    replay: Replay,
) -> None:
    replay.history(add(1, X, SELL, 103, 10))
    replay.ours(SELL, 4, 101)
    assert replay.history(*sweep(5, BUY, (X, 103, 10))) == [(1, 101, 4)]
    replay.book.flush()
    assert replay.book.prints.since()[:, 1:5].tolist() == [[101, 4, 1, at.PRINT_OWN_MAKER], [103, 6, 1, 0]]


def test_at_one_price_the_sweep_meets_us_only_after_the_recorded_orders_before_us(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10))
    replay.ours(SELL, 4, 100)
    replay.history(add(3, Y, SELL, 100, 10))
    assert replay.history(*sweep(5, BUY, (X, 100, 7))) == []
    assert replay.history(*sweep(6, BUY, (X, 100, 3), (Y, 100, 2))) == [(1, 100, 2)]
    assert replay.queue(SELL, 100) == [("ours", 2), ("Y", 10)]
    assert replay.history(*sweep(7, BUY, (Y, 100, 8))) == [(1, 100, 2)]
    assert replay.queue(SELL, 100) == [("Y", 4)]
    assert replay.counts() == {"GIVEN_SWEEP": 4, "LEFTOVER_MADE": 4}


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_sweep_does_not_reach_our_order_beyond_its_worst_price(replay: Replay, side: int) -> None:
    sign = 1 if side == SELL else -1
    replay.history(add(1, X, side, 100, 10), add(1, Y, side, 100 + 3 * sign, 10))
    replay.ours(side, 4, 100 + 4 * sign)
    assert replay.history(*sweep(5, 1 - side, (X, 100, 10), (Y, 100 + 3 * sign, 10))) == []
    assert replay.counts() == {}


def test_a_sweep_fills_our_iceberg_peak_by_peak_as_far_as_its_priority_goes(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 103, 30))
    replay.ours(SELL, 20, 103, peak=5)
    replay.ours(SELL, 20, 101, peak=5)
    # at 101 all of it comes first; at 103 it is behind X
    assert replay.history(*sweep(5, BUY, (X, 103, 28))) == [(2, 101, 5)] * 4
    assert replay.queue(SELL, 103) == [("X", 22), ("ours", 5)]
    # X has 2 shares of history's and 20 of a leftover; a sweep of the two leaves the leftover alone
    assert replay.history(*sweep(6, BUY, (X, 103, 2))) == []
    assert replay.queue(SELL, 103) == [("X", 20), ("ours", 5)]


def test_our_hidden_order_at_a_better_price_is_met_before_the_counterparty(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 103, 10))
    replay.ours(SELL, 4, 102, flags=at.HIDDEN)
    assert replay.history(*sweep(5, BUY, (X, 103, 10))) == [(1, 102, 4)]


def test_our_hidden_order_at_the_counterpartys_price_waits_behind_it(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 103, 10))
    replay.ours(SELL, 4, 103, flags=at.HIDDEN)
    assert replay.history(*sweep(5, BUY, (X, 103, 10))) == []
    assert replay.queue(SELL, 103) == [("ours", 4)]


@pytest.mark.parametrize("side", [BUY, SELL])
def test_the_rules_are_the_same_for_both_sides(replay: Replay, side: int) -> None:
    sign = 1 if side == SELL else -1
    near, ours, far = 200, 200 + sign, 200 + 2 * sign
    replay.history(add(1, X, side, near, 10), add(1, Y, side, far, 10))
    replay.ours(side, 4, ours)
    assert replay.history(*sweep(5, 1 - side, (X, near, 10), (Y, far, 10))) == [(1, ours, 4)]
    assert replay.queue(side, far) == [("Y", 4)]


# --- hidden executions ---


def test_a_hidden_execution_inside_our_improving_limit_fills_us(replay: Replay) -> None:
    replay.history(add(1, X, BUY, 100, 10), add(1, Y, SELL, 110, 10))
    replay.ours(SELL, 30, 104)
    assert replay.history(*sweep(5, BUY, (at.NIL, 105, 25))) == [(1, 104, 25)]
    assert replay.counts() == {"GIVEN_SWEEP": 25, "HIDDEN_SPARED": 25}


def test_a_hidden_execution_at_our_price_fills_what_we_display_first(replay: Replay) -> None:
    replay.history(add(1, Y, SELL, 110, 10))
    replay.ours(SELL, 10, 105)
    assert replay.history(*sweep(5, BUY, (at.NIL, 105, 25))) == [(1, 105, 10)]
    assert replay.counts() == {"GIVEN_SWEEP": 10, "HIDDEN_SPARED": 10}
    assert replay.count(at.TRADED_HIDDEN) == 15


def test_a_hidden_execution_at_the_price_of_our_hidden_order_passes_it_by(replay: Replay) -> None:
    replay.history(add(1, Y, SELL, 110, 10))
    replay.ours(SELL, 10, 105, flags=at.HIDDEN)
    assert replay.history(*sweep(5, BUY, (at.NIL, 105, 25))) == []
    assert replay.history(*sweep(6, BUY, (at.NIL, 106, 25))) == [(1, 105, 10)]


def test_a_hidden_execution_better_than_our_limit_does_not_concern_us(replay: Replay) -> None:
    replay.history(add(1, Y, SELL, 110, 10))
    replay.ours(SELL, 10, 107)
    assert replay.history(*sweep(5, BUY, (at.NIL, 105, 25))) == []
    assert replay.counts() == {}


def test_hidden_and_displayed_executions_of_one_aggressor_are_one_incoming_order(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 110, 10))
    replay.ours(SELL, 8, 107)
    assert replay.history(*sweep(5, BUY, (at.NIL, 105, 5), (X, 110, 4))) == [(1, 107, 4)]
    assert replay.queue(SELL, 107) == [("ours", 4)]
    assert replay.queue(SELL, 110) == [("X", 10)]


# --- leftovers ---


def leave_some(replay: Replay) -> None:
    """X keeps 4 of its 10 shares at 103 although history traded them: ours at 101 were better."""
    replay.history(add(1, X, SELL, 103, 10), add(1, Y, SELL, 105, 10), add(1, Z, BUY, 95, 10))
    replay.ours(SELL, 4, 101)
    replay.history(*sweep(5, BUY, (X, 103, 10)))
    assert replay.queue(SELL, 103) == [("X", 4)]


def test_a_leftover_keeps_its_place_and_trades_before_later_orders(replay: Replay) -> None:
    leave_some(replay)
    replay.history(add(6, W, SELL, 103, 10))
    assert replay.queue(SELL, 103) == [("X", 4), ("W", 10)]
    replay.history(*sweep(7, BUY, (W, 103, 6)))
    assert replay.queue(SELL, 103) == [("W", 8)]
    assert replay.counts() == {"GIVEN_SWEEP": 4, "LEFTOVER_MADE": 8, "LEFTOVER_CONSUMED": 4}


def test_a_leftover_trades_with_us_and_is_counted_as_one(replay: Replay) -> None:
    leave_some(replay)
    assert replay.ours(BUY, 3, 103) == [(2, 103, 3)]
    assert replay.counts() == {"GIVEN_SWEEP": 4, "LEFTOVER_MADE": 4, "LEFTOVER_TAKEN": 3}


def test_history_cannot_remove_a_leftover_a_second_time(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 103, 10))
    replay.ours(SELL, 4, 101)
    replay.history(*sweep(5, BUY, (X, 103, 6)), remove(6, X, 4))
    assert replay.queue(SELL, 103) == [("X", 4)]
    assert replay.counts() == {"GIVEN_SWEEP": 4, "LEFTOVER_MADE": 4}


def test_a_leftover_that_history_crosses_later_is_cancelled_and_counted(replay: Replay) -> None:
    leave_some(replay)
    replay.history(add(8, W, BUY, 102, 5))
    assert replay.queue(SELL, 103) == [("X", 4)]
    replay.history(remove(9, W, 5), add(9, W, BUY, 103, 5))
    assert replay.queue(SELL, 103) == []
    assert replay.queue(BUY, 103) == [("W", 5)]
    assert replay.counts() == {"GIVEN_SWEEP": 4, "LEFTOVER_MADE": 4, "LEFTOVER_CANCELLED": 4}


def test_only_the_leftover_part_of_an_order_is_cancelled_when_it_is_crossed(replay: Replay) -> None:
    leave_some(replay)
    replay.history(add(6, W, SELL, 103, 10))
    replay.ours(SELL, 2, 102)
    replay.history(*sweep(7, BUY, (W, 103, 10)))  # 2 ours, 4 of X's leftover, 4 of W
    assert replay.queue(SELL, 103) == [("W", 6)]
    replay.history(add(8, X, BUY, 103, 5))
    assert replay.queue(SELL, 103) == []
    assert replay.counts()["LEFTOVER_CANCELLED"] == 6


def test_a_leftover_whose_level_leaves_the_window_is_cancelled_and_counted(replay: Replay) -> None:
    leave_some(replay)
    replay.history(add(8, W, SELL, 102, 5), prune(8, SELL, 102, 10))
    assert replay.queue(SELL, 103) == []
    assert replay.queue(SELL, 105) == []
    assert replay.counts() == {"GIVEN_SWEEP": 4, "LEFTOVER_MADE": 4, "LEFTOVER_CANCELLED": 4}


def test_we_cannot_be_behind_a_leftover_of_an_order_that_came_after_us(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 103, 10))
    replay.ours(SELL, 4, 103)
    replay.history(add(3, Y, SELL, 103, 10))
    assert replay.history(*sweep(5, BUY, (X, 103, 10), (Y, 103, 10))) == [(1, 103, 4)]
    replay.ours(SELL, 4, 103)
    assert replay.queue(SELL, 103) == [("Y", 4), ("ours", 4)]


# --- recorded orders that would cross ours ---


def test_a_recorded_order_that_crosses_ours_trades_with_it_and_rests_with_the_remainder(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 110, 10))
    replay.ours(BUY, 4, 105)
    replay.ours(BUY, 3, 104)
    assert replay.history(add(5, Y, SELL, 104, 10)) == [(1, 105, 4), (2, 104, 3)]
    assert replay.queue(SELL, 104) == [("Y", 3)]
    assert replay.counts() == {"GIVEN_ARRIVAL": 7}
    replay.history(remove(6, Y, 10))
    assert replay.counts() == {"GIVEN_ARRIVAL": 7, "CUT": 7, "CUT_MESSAGES": 1}


def test_a_recorded_order_that_we_use_up_never_rests_and_history_misses_it(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 110, 10))
    replay.ours(BUY, 40, 105)
    assert replay.history(add(5, Y, SELL, 104, 10)) == [(1, 105, 10)]
    assert replay.queue(SELL, 104) == []
    replay.history(*sweep(6, BUY, (Y, 104, 10)))
    assert replay.counts() == {"GIVEN_ARRIVAL": 10, "CUT": 10, "CUT_MESSAGES": 1, "UNFILLED": 10}


def test_quantity_of_unknown_age_that_comes_into_view_across_ours_trades_with_it(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10))
    replay.ours(BUY, 15, 105)  # takes X, and rests with 5 where the recording could not see
    assert replay.history(add_unknown(5, Y, SELL, 104, 8)) == [(1, 105, 5)]
    assert replay.queue(SELL, 104) == [("Y", 3)]
    assert replay.counts() == {"TAKEN": 10, "GIVEN_ARRIVAL": 5}


def test_our_hidden_order_is_not_crossed_either(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 110, 10))
    replay.ours(BUY, 4, 105, flags=at.HIDDEN)
    assert replay.history(add(5, Y, SELL, 105, 10)) == [(1, 105, 4)]


# --- the window ---


def test_a_level_that_leaves_the_window_loses_what_history_had_there_and_keeps_ours(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 105, 10), add(1, Z, SELL, 106, 1))
    replay.ours(SELL, 5, 105)
    replay.history(add(3, W, SELL, 105, 2))
    replay.history(prune(4, SELL, 100, 13))
    assert replay.queue(SELL, 105) == [("ours", 5)]
    assert replay.book.queue_position(1).quantity_ahead == 0
    assert replay.queue(SELL, 106) == []
    assert replay.counts() == {}


def test_what_comes_back_into_view_is_put_ahead_of_us(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10))
    replay.ours(SELL, 5, 105)
    replay.history(add_unknown(4, Y, SELL, 105, 30))
    replay.history(add_unknown(5, Y, SELL, 105, 10))
    assert replay.queue(SELL, 105) == [("Y", 40), ("ours", 5)]


def test_every_queue_of_ours_that_a_prune_moves_is_written_down(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 105, 10), add(1, Z, SELL, 106, 20))
    replay.ours(SELL, 5, 105)
    replay.ours(SELL, 5, 106)
    replay.history(prune(4, SELL, 100, 30))
    replay.book.flush()
    last = {row[1]: row[3] for row in replay.book.queues.since().tolist()}
    assert last == {1: 0, 2: 0}
