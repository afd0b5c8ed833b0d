"""A real Nasdaq day: AMZN, 2012-06-21, five levels."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from simexec.market import layout as at
from simexec.market.lobster import read_lobster
from simexec.market.market import Market
from simexec.market.recording import RecordedFlow, Recording
from simexec.testing import check_book

from .test_replay_properties import FOREVER, Request, Run, recorded_levels


@pytest.fixture(scope="module")
def amzn(data_dir: Path) -> Recording:
    return read_lobster(data_dir / "lobster" / "AMZN_2012-06-21_34200000_57600000_message_5.csv.gz")


@pytest.fixture(scope="module")
def amzn_books(data_dir: Path) -> np.ndarray:
    from pyarrow import csv

    path = data_dir / "lobster" / "AMZN_2012-06-21_34200000_57600000_orderbook_5.csv.gz"
    table = csv.read_csv(path, read_options=csv.ReadOptions(autogenerate_column_names=True))
    return np.stack([column.to_numpy() for column in table.columns], axis=1)


def test_the_real_day_holds_what_independent_counts_say(amzn: Recording) -> None:
    assert amzn.rows == amzn.top_matches == 155_935
    assert amzn.counts == {
        "new": 77_381, "partial_cancel": 450, "delete": 66_685, "execution_visible": 8_974, "execution_hidden": 2_445
    }  # fmt: skip
    assert (amzn.executed_visible, amzn.executed_hidden) == (613_248, 197_507)
    assert amzn.queue_head_executions == 8_939
    assert amzn.defects == {}


def test_the_running_kernel_shows_the_real_days_quotes_and_trades_its_shares(
    amzn: Recording, amzn_books: np.ndarray
) -> None:
    market = Market("XNAS", RecordedFlow(amzn))
    assert market.advance(FOREVER) is None
    market.book.flush()
    state = market.book.arrays.state
    assert (state[at.TRADED_SHOWN], state[at.TRADED_HIDDEN]) == (613_248, 197_507)
    assert not state[at.TAKEN : at.TRADED_SHOWN].any()
    check_book(market.book)
    times = amzn.row_times
    last = np.flatnonzero(np.diff(times, append=times[-1] + 1))
    quotes = market.book.quotes.since()
    shown = quotes[np.searchsorted(quotes[:, 0], times[last], side="right") - 1]
    assert (shown[:, 1:] == amzn_books[last][:, [2, 3, 0, 1]]).all()
    prints = market.book.prints.since()
    hidden = prints[:, 4] == at.PRINT_HIDDEN
    assert (prints[~hidden, 2].sum(), prints[hidden, 2].sum()) == (613_248, 197_507)


def test_the_real_days_whole_window_is_reproduced(amzn: Recording, amzn_books: np.ndarray) -> None:
    run = Run(RecordedFlow(amzn))
    times = amzn.row_times
    for k in range(500, amzn.rows - 1, 997):
        if times[k + 1] == times[k]:
            continue
        run.advance(int(times[k]))
        for side in range(2):
            depth = [(price, size) for price, size, _ in run.book.depth(side)]
            assert depth == list(recorded_levels(amzn_books[k].tolist(), side))


def crossed(run: Run) -> bool:
    """Whether two resting orders, hidden ones included, could trade."""
    sizes = [run.count(at.LADDER_SIZE + side) for side in range(2)]
    if 0 in sizes:
        return False
    keys = [int(run.book.arrays.ladder[side, size - 1, 0]) for side, size in enumerate(sizes)]
    return sum(keys) >= 0


@pytest.mark.parametrize("seed", [1, 2])
def test_on_the_real_day_with_our_orders_every_share_is_accounted_for_and_the_book_never_crosses(
    amzn: Recording, seed: int
) -> None:
    rng = random.Random(seed)
    times = sorted(rng.choices(amzn.row_times.tolist(), k=60))
    requests = [
        Request(
            time, 0, rng.randint(0, 1), rng.randint(1, 900), rng.choice([0, 0, 1, 1, 3, -1, -5, 20]), 1,
            rng.choice([0, 0, 0, 0, at.MARKET, at.IOC, at.HIDDEN]), rng.choice([0, 0, 50]),
        )
        for time in times
    ]  # fmt: skip
    run, again = Run(RecordedFlow(amzn)), Run(RecordedFlow(amzn))
    run.play(requests)
    stops = np.linspace(amzn.start_ns, amzn.end_ns, 1_500).astype(np.int64).tolist()
    for number, request in enumerate(requests, start=1):
        while stops and stops[0] < request.time:
            again.advance(stops.pop(0))
            assert not crossed(again)
        again.request(request, number)
        check_book(again.book)
    for each in (run, again):
        each.advance(FOREVER)
        count, (live, leftover) = each.count, each.book.background_shares()
        assert count(at.GIVEN_SWEEP) > 0
        assert count(at.TAKEN) > 0
        assert each.traded_with_the_background() == (
            count(at.TAKEN) + count(at.LEFTOVER_TAKEN) + count(at.GIVEN_SWEEP) + count(at.GIVEN_ARRIVAL)
        )
        assert count(at.LEFTOVER_MADE) == (
            count(at.LEFTOVER_TAKEN) + count(at.LEFTOVER_CONSUMED) + count(at.LEFTOVER_CANCELLED) + leftover
        )
        assert count(at.TAKEN) + count(at.GIVEN_ARRIVAL) - count(at.CUT) == amzn.final_shares - live
        assert count(at.DISPLACED) == 0
    assert [row[:8] for row in run.rows] == [row[:8] for row in again.rows]
