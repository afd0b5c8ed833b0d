"""How recorded history meets our orders: each rule on messages made by hand."""

from __future__ import annotations

import pytest

from simexec.market import layout as at
from simexec.market.order_book import OutRow

from .consistency import check_arrays
from .scripted import Message, ScriptedMarket

BUY, SELL = 0, 1
X, Y, Z, W = range(4)
"""References of recorded orders."""


def add(time: int, ref: int, side: int, price: int, quantity: int) -> Message:
    return (time, at.ADD, ref, price, quantity, side)


def add_unknown(time: int, ref: int, side: int, price: int, quantity: int) -> Message:
    return (time, at.ADD_HEAD, ref, price, quantity, side)


def remove(time: int, ref: int, quantity: int) -> Message:
    return (time, at.REMOVE, ref, 0, quantity, 0)


def prune(time: int, side: int, price: int, quantity: int) -> Message:
    return (time, at.PRUNE, at.NIL, price, quantity, side)


def sweep(time: int, side: int, *hits: tuple[int, int, int]) -> list[Message]:
    """A recorded aggressor of ``side`` and its counterparties: reference (NIL: hidden), price, quantity."""
    prices = [price for _, price, _ in hits]
    worst = max(prices) if side == BUY else min(prices)
    return [
        (time, at.SWEEP, at.NIL, worst, sum(quantity for _, _, quantity in hits), side),
        *((time, at.HIT, ref, price, quantity, 1 - side) for ref, price, quantity in hits),
        (time, at.SWEEP_END, at.NIL, 0, 0, side),
    ]


class Replay(ScriptedMarket):
    """Plays recorded messages; our orders get the numbers 1, 2, ...; answers are (number, price, quantity)."""

    def __init__(self) -> None:
        super().__init__()
        self.orders = 0

    def history(self, *messages: Message) -> list[tuple[int, int, int]]:
        rows = self.play(*messages)
        check_arrays(self.book.arrays)
        return self.fills(rows)

    def ours(
        self, side: int, quantity: int, price: int, *, flags: int = 0, peak: int = 0, time: int | None = None
    ) -> list[tuple[int, int, int]]:
        self.orders += 1
        now = self.count(at.TIME) if time is None else time
        rows = self.book.submit(now, side, quantity, price, number=self.orders, flags=flags, peak=peak)
        check_arrays(self.book.arrays)
        return self.fills(rows)

    def fills(self, rows: list[OutRow]) -> list[tuple[int, int, int]]:
        return [(row[2], row[3], row[4]) for row in rows if row[0] == at.OUT_FILL]

    def queue(self, side: int, price: int) -> list[tuple[str, int]]:
        """Who stands at a price, with what is displayed (of a hidden order: what is left)."""
        return [
            ("ours" if owner else "XYZW"[number], shown or reserve)
            for owner, number, shown, reserve in self.book.queue(side, price)
        ]

    def counts(self) -> dict[str, int]:
        """The departures from history that are not zero."""
        names = (
            "TAKEN LEFTOVER_TAKEN GIVEN_SWEEP GIVEN_ARRIVAL LEFTOVER_MADE LEFTOVER_CONSUMED LEFTOVER_CANCELLED "
            "CUT CUT_MESSAGES UNFILLED HIDDEN_SPARED DISPLACED"
        ).split()
        return {name: self.count(getattr(at, name)) for name in names if self.count(getattr(at, name))}


@pytest.fixture
def replay() -> Replay:
    return Replay()


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
    assert replay.queue(SELL, 100) == [("Y", 4 - 0 + 0)] or replay.queue(SELL, 100) == [("Y", 4)]
    assert replay.counts() == {"GIVEN_SWEEP": 4, "LEFTOVER_MADE": 4, "LEFTOVER_CONSUMED": 0} or replay.counts() == {
        "GIVEN_SWEEP": 4,
        "LEFTOVER_MADE": 4,
    }


def test_a_sweep_does_not_reach_our_order_beyond_its_worst_price(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(1, Y, SELL, 103, 10))
    replay.ours(SELL, 4, 104)
    assert replay.history(*sweep(5, BUY, (X, 100, 10), (Y, 103, 10))) == []
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
    check_arrays(market.book.arrays)


def test_a_recorded_order_that_meets_more_of_ours_than_the_log_holds_goes_on_where_it_stopped() -> None:
    market = ScriptedMarket(cramped=True)
    for number in range(1, 101):
        market.book.submit(2, BUY, 3, 100 + number % 50, number=number)
    market.play(add(5, X, SELL, 100, 310))
    assert len(market.told) == 100
    assert market.book.queue(SELL, 100) == [(0, X, 10, 0)]
    assert market.count(at.GIVEN_ARRIVAL) == 300
    check_arrays(market.book.arrays)


def test_a_recording_that_crosses_itself_loses_the_older_order_and_it_is_counted(replay: Replay) -> None:
    replay.history(add(1, X, SELL, 100, 10), add(2, Y, BUY, 100, 4))
    assert replay.queue(SELL, 100) == []
    assert replay.queue(BUY, 100) == [("Y", 4)]
    assert replay.counts() == {"DISPLACED": 10}
