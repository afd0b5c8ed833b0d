"""A real futures session, order by order: ESH4, 2023-12-25, with the auction at 23:00 UTC and the hour after it."""

from __future__ import annotations

import datetime as dt
import random
from itertools import groupby
from pathlib import Path

import numpy as np
import pytest

from simexec.market import dbn
from simexec.market import layout as at
from simexec.market.market import Market
from simexec.market.recording import RecordedFlow, Recording
from simexec.testing import check_book

from .naive_l3 import OWN, NaiveBook, Row
from .test_replay_properties import Request, Run

pytest.importorskip("databento_dbn")
FOREVER = 2**60
OPEN_NS = 23 * 3600 * 10**9


@pytest.fixture(scope="module")
def es_file(data_dir: Path) -> Path:
    path = data_dir / "databento" / "esh4-glbx-mdp3-20231225.mbo.dbn.zst"
    if not path.exists():
        pytest.skip("no recording of ESH4 among the real data")
    return path


@pytest.fixture(scope="module")
def es(es_file: Path) -> Recording:
    return dbn.read_dbn(es_file)


@pytest.fixture(scope="module")
def rows(es: Recording, es_file: Path) -> list[Row]:
    """The file's records, read without the reader's own rules."""
    content = dbn._content(es_file)
    records = np.frombuffer(content, dbn._RECORD, offset=8 + int.from_bytes(content[4:8], "little"))
    quantum = 10**9 // es.price_quanta_per_unit
    midnight = int(dt.datetime(2023, 12, 25, tzinfo=dt.UTC).timestamp()) * 10**9
    found = []
    for i, record in enumerate(records.tolist()):
        _, _, _, _, event, order, price, size, flags, _, action, side, received, _, _ = record
        snapshot = bool(flags & dbn.F_SNAPSHOT)
        last = bool(flags & dbn.F_LAST) or (snapshot and not records["flags"][i + 1] & dbn.F_SNAPSHOT)
        time = (received if snapshot else event) - midnight
        found.append(Row(time, chr(action), order, "BAN".index(chr(side)), price // quantum, size, last))
    return found


def events(rows: list[Row]) -> list[list[Row]]:
    number, keyed = 0, []
    for row in rows:
        keyed.append((number, row))
        number += row.last
    return [[row for _, row in group] for _, group in groupby(keyed, key=lambda each: each[0])]


def advance(market: Market, until: int) -> list[list[int]]:
    told: list[list[int]] = []
    market.listen(told.extend)
    while market.advance(until) is not None:
        market.dispatch()
    return told


def test_the_futures_recording_holds_what_independent_counts_say(es: Recording) -> None:
    assert (es.symbol, es.date, es.rows) == ("ESH4", dt.date(2023, 12, 25), 68_792)
    assert es.counts == {"add": 29_216, "cancel": 17_999, "modify": 12_233, "trade": 2_973, "fill": 6_371}
    assert es.defects == {}  # no unknown id, no duplicate, and no crossed book outside the auction
    assert es.facts["live_orders"] == 11_217
    assert (es.facts["best_bid"], es.facts["best_ask"]) == (4810 * 400, 4810 * 400 + 100)
    assert es.facts["crossed_before_auctions"] == 891
    assert es.facts["continuous_from_ns"] == OPEN_NS


def test_of_the_fills_most_are_at_the_queues_head_and_the_others_are_explained(es: Recording) -> None:
    facts = es.facts
    assert facts["fills"] + facts["fills_of_aggressors"] + facts["fills_in_auctions"] == es.counts["fill"] == 6_371
    assert (facts["fills_in_auctions"], facts["fills_unseen"], facts["fills_of_aggressors"]) == (35, 7, 107)
    assert facts["fills_at_queue_head"] == 5_700
    assert (facts["fills_behind_cancelled"], facts["fills_behind_filled"], facts["fills_behind_other"]) == (342, 187, 0)


def test_the_running_kernel_trades_the_recorded_shares_and_leaves_nothing_behind(es: Recording) -> None:
    market = Market("XCME", RecordedFlow(es))
    assert advance(market, FOREVER) == []
    market.book.flush()
    state = market.book.arrays.state
    assert (state[at.TRADED_SHOWN], state[at.TRADED_HIDDEN]) == (es.executed_visible, es.executed_hidden)
    assert not state[at.TAKEN : at.TRADED_SHOWN].any()
    assert state[at.ORDERS_LIVE] == 11_217
    check_book(market.book)
    quotes = market.book.quotes.since()
    trading = quotes[quotes[:, 0] >= OPEN_NS][1:]
    assert (trading[:, 1] < trading[:, 3]).all()


def test_after_every_event_of_the_hour_book_and_own_queue_position_are_those_of_a_naive_book(
    es: Recording, rows: list[Row]
) -> None:
    rng = random.Random(5)
    market, naive = Market("XCME", RecordedFlow(es)), NaiveBook()
    book = market.book
    compared = positions = number = 0
    wanted = None
    together = [list(group) for _, group in groupby(events(rows), key=lambda event: event[0].time)]
    for group in together:
        time = group[0][0].time
        if OWN in naive.where and (any(naive.would_trade(event) for event in group) or rng.random() < 0.002):
            book.cancel(time - 1, number)
            naive.drop(OWN)
        for event in group:
            naive.apply(event)
        if time < OPEN_NS:
            continue
        advance(market, time)
        state = book.arrays.state
        for side in range(2):
            best = naive.best(side)
            assert (state[at.QUOTE + 2 * side], state[at.QUOTE + 2 * side + 1]) == (
                best, sum(naive.sizes(side, best or 0))
            ), time  # fmt: skip
        for side, price in naive.touched:
            assert [shown for _, _, shown, _ in book.queue(side, price)] == naive.sizes(side, price), (
                time,
                side,
                price,
            )
        naive.touched.clear()
        if compared % 2_000 == 0:
            for side in range(2):
                prices = sorted(naive.queues[side], reverse=side == 0)
                assert book.depth(side) == [
                    (price, sum(naive.sizes(side, price)), len(naive.sizes(side, price))) for price in prices
                ]
        compared += 1
        if OWN in naive.where:
            position = book.queue_position(number)
            assert (position.orders_ahead, position.quantity_ahead) == naive.ahead(), time
            positions += 1
        elif wanted is None or time > wanted:
            side = rng.randint(0, 1)
            best = naive.best(side)
            assert best is not None
            price = best - (1 - 2 * side) * rng.choice([0, 100, 100, 200, 500])
            number += 1
            book.submit(time, side, 1, price, number=number)
            naive.add(OWN, side, price, 1)
            wanted = time + 10**8
    assert compared > 30_000
    assert positions > 10_000
    assert number > 100
    assert not book.arrays.state[at.TAKEN : at.TRADED_SHOWN].any()


@pytest.mark.parametrize("seed", [1, 2])
def test_with_our_orders_in_the_session_every_share_is_accounted_for(es: Recording, seed: int) -> None:
    rng = random.Random(seed)
    times = sorted(rng.choices(es.row_times[es.row_times > OPEN_NS].tolist(), k=80))
    run = Run(RecordedFlow(es))
    run.play(
        [
            Request(
                time, 0, rng.randint(0, 1), rng.randint(1, 40), rng.choice([0, 0, 1, 1, 3, -1, -5]), 1,
                rng.choice([0, 0, 0, 0, at.MARKET, at.IOC, at.HIDDEN]), rng.choice([0, 0, 5]),
            )
            for time in times
        ]
    )  # fmt: skip
    count, (live, leftover) = run.count, run.book.background_shares()
    check_book(run.book)
    assert count(at.GIVEN_SWEEP) > 0
    assert count(at.TAKEN) > 0
    assert run.traded_with_the_background() == (
        count(at.TAKEN) + count(at.LEFTOVER_TAKEN) + count(at.GIVEN_SWEEP) + count(at.GIVEN_ARRIVAL)
    )
    assert count(at.LEFTOVER_MADE) == (
        count(at.LEFTOVER_TAKEN) + count(at.LEFTOVER_CONSUMED) + count(at.LEFTOVER_CANCELLED) + leftover
    )
    assert count(at.TAKEN) + count(at.GIVEN_ARRIVAL) - count(at.CUT) == es.final_shares - live
    assert count(at.DISPLACED) == 0
