"""Order-by-order recordings: what the pass makes of them, and how the running book follows it."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simexec.errors import DataError
from simexec.market import l3
from simexec.market import layout as at
from simexec.market.l3_recording import record
from simexec.market.market import Market
from simexec.market.recording import RecordedFlow, Recording
from simexec.testing import check_book

from .naive_l3 import NaiveBook, Row

FOREVER = 2**60
DAY_NS = 1_700_006_400 * 10**9  # midnight
LETTERS = {"A": l3.ADD, "C": l3.CANCEL, "M": l3.MODIFY, "T": l3.TRADE, "F": l3.FILL, "R": l3.CLEAR}
BUY, SELL, NONE = range(3)


def events_of(rows: list[Row], **fields: object) -> l3.L3Events:
    """Rows whose times are ns after midnight and whose prices are ticks."""
    column = {
        name: np.array([getattr(row, name) for row in rows]) for name in ("time", "order", "side", "price", "size")
    }
    return l3.L3Events(
        source="made.l3",
        symbol="X",
        tick=Decimal("0.01"),
        times=column["time"] + DAY_NS,
        actions=np.array([LETTERS[row.action] for row in rows]),
        ids=column["order"],
        sides=column["side"],
        prices=column["price"] * l3.SUBTICKS,
        sizes=column["size"],
        flags=np.array([l3.LAST if row.last else 0 for row in rows]),
        **fields,  # type: ignore[arg-type]
    )


def recorded(*rows: tuple[object, ...], **fields: object) -> Recording:
    return record(events_of([Row(*row) for row in rows], **fields))  # type: ignore[arg-type]


def play(recording: Recording, until: int = FOREVER) -> Market:
    market = Market("X", RecordedFlow(recording))
    market.listen(lambda rows: None)
    while market.advance(until) is not None:
        market.dispatch()
    market.book.flush()
    return market


def kinds(recording: Recording) -> list[tuple[int, int]]:
    """Kinds and quantities of the messages; a minus where the event goes on."""
    return [
        ((-1 if kind & at.PART else 1) * int(kind & at.KINDS), int(quantity))
        for kind, quantity in recording.messages[:, [1, 4]].tolist()
    ]


def test_a_trade_is_one_incoming_order_and_its_confirmation_takes_nothing_again() -> None:
    recording = recorded(
        (1, "A", 1, SELL, 101, 5),
        (2, "A", 2, SELL, 101, 5),
        (3, "T", 9, BUY, 101, 7, False),
        (3, "F", 1, SELL, 101, 5, False),
        (3, "F", 2, SELL, 101, 2, False),
        (3, "C", 1, SELL, 101, 5, False),
        (3, "M", 2, SELL, 101, 3),
    )
    assert kinds(recording)[2:] == [(-at.SWEEP, 7), (-at.HIT, 5), (-at.HIT, 2), (at.SWEEP_END, 0)]
    assert recording.defects == {}
    assert recording.queue_head_executions == 2
    assert play(recording).book.depth(1) == [(10_100, 3, 1)]


def test_one_aggressor_at_several_prices_is_one_order_limited_at_the_worst() -> None:
    recording = recorded(
        (1, "A", 1, SELL, 101, 5),
        (1, "A", 2, SELL, 103, 5),
        (2, "T", 9, BUY, 101, 5, False),
        (2, "F", 1, SELL, 101, 5, False),
        (2, "T", 9, BUY, 103, 1, False),
        (2, "F", 2, SELL, 103, 1, False),
        (2, "C", 1, SELL, 101, 5, False),
        (2, "C", 2, SELL, 103, 1),
    )
    sweep = recording.messages[2]
    assert (sweep[1] & at.KINDS, sweep[3], sweep[4]) == (at.SWEEP, 10_300, 6)
    market = play(recording)
    assert market.book.prints.since()[:, 1].tolist() == [10_100, 10_300]


def test_a_lower_size_keeps_the_place_and_anything_else_loses_it() -> None:
    recording = recorded(
        (1, "A", 1, BUY, 99, 5),
        (1, "A", 2, BUY, 99, 5),
        (1, "A", 3, BUY, 99, 5),
        (2, "M", 1, BUY, 99, 4),
        (3, "M", 2, BUY, 99, 6),
        (4, "M", 3, BUY, 98, 5),
        (5, "M", 3, BUY, 99, 5),
    )
    assert [shown for _, _, shown, _ in play(recording).book.queue(0, 9_900)] == [4, 6, 5]


def test_an_iceberg_shows_its_next_part_at_the_back_of_the_queue() -> None:
    recording = recorded(
        (1, "A", 1, BUY, 99, 2),
        (1, "A", 2, BUY, 99, 5),
        (2, "T", 9, SELL, 99, 1, False),
        (2, "F", 1, BUY, 99, 1, False),
        (2, "M", 1, BUY, 99, 2),
    )
    assert recording.facts["refreshes"] == 1
    assert [shown for _, _, shown, _ in play(recording).book.queue(0, 9_900)] == [5, 2]


def test_an_order_of_ours_is_filled_before_those_behind_it_and_before_an_icebergs_next_part() -> None:
    recording = recorded(
        (1, "A", 1, BUY, 99, 2),
        (3, "T", 9, SELL, 99, 3, False),
        (3, "F", 1, BUY, 99, 3, False),
        (3, "C", 1, BUY, 99, 2),
    )
    market = Market("X", RecordedFlow(recording))
    told: list[list[int]] = []
    market.listen(told.extend)
    market.advance(2)
    market.book.submit(2, 0, 1, 9_900, number=7)
    while market.advance(FOREVER) is not None:
        market.dispatch()
    assert [(row[0], row[2], row[4]) for row in told] == [(at.OUT_FILL, 7, 1)]


def test_before_an_auction_the_book_may_be_crossed_and_trading_begins_after_it() -> None:
    recording = recorded(
        (1, "A", 1, BUY, 103, 5),
        (2, "A", 2, SELL, 101, 4),
        (3, "T", 0, NONE, 102, 4, False),
        (3, "F", 1, NONE, 102, 4, False),
        (3, "F", 2, NONE, 102, 4, False),
        (3, "M", 1, BUY, 103, 1, False),
        (3, "C", 2, SELL, 101, 4),
        (4, "A", 3, SELL, 104, 4),
    )
    assert (recording.defects, recording.facts["crossed_before_auctions"], recording.facts["auctions"]) == ({}, 1, 1)
    assert recording.facts["continuous_from_ns"] == 3
    assert play(recording, 2).book.phase == at.CALL
    market = play(recording)
    assert market.book.phase == at.CONTINUOUS
    assert market.book.depth(0) == [(10_300, 1, 1)]
    check_book(market.book)


def test_orders_that_an_event_cancels_to_prevent_a_self_trade_go_before_the_order_that_crosses_them() -> None:
    recording = recorded((1, "A", 1, SELL, 101, 5), (2, "A", 2, BUY, 101, 5, False), (2, "C", 1, SELL, 101, 5))
    assert recording.defects == {}
    assert play(recording).book.depth(0) == [(10_100, 5, 1)]


def test_a_clearing_removes_all_orders_or_those_of_its_side() -> None:
    book = [(1, "A", 1, SELL, 101, 5), (1, "A", 2, BUY, 99, 5)]
    assert play(recorded(*book, (2, "R", 0, SELL, 0, 0))).book.depth(1) == []
    assert play(recorded(*book, (2, "R", 0, SELL, 0, 0))).book.depth(0) != []
    assert play(recorded(*book, (2, "R", 0, NONE, 0, 0))).book.depth(0) == []


def test_a_trade_without_fills_is_with_somebody_hidden() -> None:
    recording = recorded((1, "A", 1, SELL, 101, 5), (2, "T", 9, BUY, 100, 3))
    assert (recording.executed_visible, recording.executed_hidden) == (0, 3)
    assert play(recording).book.prints.since()[:, [1, 2, 4]].tolist() == [[10_000, 3, at.PRINT_HIDDEN]]


def test_where_a_fill_itself_takes_the_shares_nothing_need_confirm_it() -> None:
    rows = [(1, "A", 1, SELL, 101, 5), (2, "T", 9, BUY, 101, 3, False), (2, "F", 1, SELL, 101, 3)]
    assert recorded(*rows, fills_remove=True).defects == {}
    assert recorded(*rows, fills_remove=True).final_shares == 2


DEFECTS = {
    "cancel of an unknown id": ([(2, "C", 7, SELL, 101, 5)], "order id: cancels an order", [5]),
    "change of an unknown id": ([(2, "M", 7, SELL, 102, 4)], "order id: changes an order", [5, 4]),
    "fill of an unknown id": (
        [(2, "T", 9, BUY, 101, 2, False), (2, "F", 7, SELL, 101, 2)], "order id: fills an order", [5],
    ),
    "a duplicate id": ([(2, "A", 1, SELL, 102, 3)], "order id: order id is already in the book", [3]),
    "a crossed book": ([(2, "A", 2, BUY, 101, 3)], "price: order crosses the book", [3]),
    "an order that changes its side": ([(2, "M", 1, BUY, 99, 3)], "side: order changes its side", [3]),
    "a fill that nothing confirms": (
        [(2, "T", 9, BUY, 101, 2, False), (2, "F", 1, SELL, 101, 2)], "order id: no row confirms", [3],
    ),
    "time going back": ([(0, "A", 2, SELL, 102, 4)], "time: time goes back", [5, 4]),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "said", "left"), DEFECTS.values(), ids=DEFECTS.keys())
def test_a_contradiction_is_repaired_by_a_rule_counted_and_named_by_record_and_field(
    rows: list[tuple[object, ...]], said: str, left: list[int]
) -> None:
    recording = recorded((1, "A", 1, SELL, 101, 5), *rows)
    (problem,) = recording.problems
    assert sum(recording.defects.values()) == 1
    assert f"{problem.field}: {problem.what}".startswith(said)
    assert problem.line == 1 + len(rows)
    market = play(recording)
    assert [size for side in (0, 1) for _, size, _ in market.book.depth(side)] == left
    check_book(market.book)


REFUSED = {
    "no rows": ([], "is empty"),
    "an unknown side": ([(1, "A", 1, NONE, 101, 5)], "record 1: side 2"),
    "a size of nothing": ([(1, "A", 1, BUY, 101, 0)], "record 1: size 0"),
    "a negative size": ([(1, "A", 1, BUY, 101, 5), (2, "C", 1, BUY, 101, -5)], "record 2: size -5"),
    "a size beyond all": ([(1, "A", 1, BUY, 101, 2**41)], "record 1: size 2199023255552"),
    "nothing for a book": ([(1, "R", 0, NONE, 0, 0)], "no row that changes a book"),
}


@pytest.mark.parametrize(("rows", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_rows_that_mean_nothing_are_refused(rows: list[tuple[object, ...]], said: str) -> None:
    with pytest.raises(DataError, match=said):
        recorded(*rows)


def test_the_recorders_times_never_run_backwards_and_give_each_moment_its_latency() -> None:
    recording = recorded(
        (10, "A", 1, BUY, 99, 5), (20, "A", 2, BUY, 99, 5), (30, "A", 3, BUY, 99, 5),
        arrivals=np.array([50, 40, 35]) + DAY_NS,
    )  # fmt: skip
    assert recording.arrivals is not None
    assert recording.arrivals.tolist() == [50, 50, 50]
    assert recording.latencies_at(np.array([5, 10, 25, 99])).tolist() == [40, 40, 30, 20]
    with pytest.raises(DataError, match="no arrival times"):
        recorded((10, "A", 1, BUY, 99, 5)).latencies_at(np.array([1]))


@pytest.mark.parametrize(
    ("prices", "tick"),
    [
        ([10.25, 10.5, 11.0], "0.25"),
        ([1.0, 1.01, 1.05], "0.01"),
        ([100.02, 100.05], "0.01"),
        ([7.0, 12.0], "5"),
        ([], "0.01"),
    ],
)
def test_a_tick_is_guessed_from_prices(prices: list[float], tick: str) -> None:
    nano = np.rint(np.array(prices, float) * 1e9).astype(np.int64)
    differences = nano if tick != "5" else nano - 2 * 10**9
    assert l3.guess_tick(differences) == Decimal(tick)


@settings(max_examples=60)
@given(st.data())
def test_the_running_book_is_the_naive_one_after_every_event(data: st.DataObject) -> None:
    naive, rows, live, sides = NaiveBook(), [], [], {}
    expected = []
    for time in range(1, data.draw(st.integers(5, 60))):
        kind = data.draw(st.sampled_from("AAACMT")) if live else "A"
        order = live[data.draw(st.integers(0, len(live) - 1))] if live else 0
        if kind == "A":
            order, side = time, data.draw(st.integers(0, 1))
            event = [
                Row(time, "A", order, side, data.draw(st.integers(90, 99)) + 10 * side, data.draw(st.integers(1, 9)))
            ]
            live.append(order)
            sides[order] = side
        elif kind == "C":
            event = [Row(time, "C", order, sides[order], 0, naive.find(order)[1])]
        elif kind == "M":
            price = data.draw(st.integers(90, 99)) + 10 * sides[order]
            event = [Row(time, "M", order, sides[order], price, data.draw(st.integers(1, 9)))]
        else:
            side, price = naive.where[order]
            best = naive.best(side)
            assert best is not None
            queue = naive.queues[side][best]
            wanted = data.draw(st.integers(1, sum(size for _, size in queue)))
            fills, confirms, total = [], [], wanted
            for each, size in queue:
                part = min(wanted, size)
                wanted -= part
                if part:
                    fills.append(Row(time, "F", each, side, best, part, False))
                    confirms.append(
                        Row(time, "C", each, side, best, part, False)
                        if part == size or data.draw(st.booleans())
                        else Row(time, "M", each, side, best, size - part, False)
                    )
            event = [Row(time, "T", 0, 1 - side, best, total, False), *fills, *confirms]
            event[-1] = event[-1]._replace(last=True)
        naive.apply(event)
        live = [each for each in live if each in naive.where]
        rows += event
        expected.append([{price * 100: naive.sizes(side, price) for price in naive.queues[side]} for side in range(2)])
    recording = record(events_of(rows))
    assert recording.defects == {}
    assert recording.queue_head_executions == recording.counts.get("fill", 0)
    market = Market("X", RecordedFlow(recording))
    for time, books in enumerate(expected, start=1):
        market.advance(time)
        for side in range(2):
            shown = {
                price: [row[2] for row in market.book.queue(side, price)] for price, _, _ in market.book.depth(side)
            }
            assert shown == books[side]
    assert market.book.arrays.state[at.TRADED_SHOWN] == recording.executed_visible
