"""The part of a tape that is wanted, on the run's clock, and what of a tape is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simexec.backtest.clipped_tape import ClippedTape
from simexec.backtest.data import DataRequest, QuoteArrays
from simexec.errors import DataError
from simexec.trading.instrument import Instrument

from .scenes import MINUTE, flat, loader_of, ns, quotes_of, walk

SHARE = Instrument("AAA", "0.01")
REQUEST = DataRequest(SHARE, datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC))


def rows_of(tape: Any) -> Any:
    return np.concatenate(list(tape.blocks()))


class Blocks:
    """A tape of somebody else."""

    def __init__(self, blocks: list[Any], is_bars: bool = True) -> None:
        self.is_bars = is_bars
        self._blocks = blocks
        self.handed_out = 0

    def blocks(self) -> Any:
        for block in self._blocks:
            self.handed_out += 1
            yield block


@given(
    cuts=st.lists(st.integers(0, 40), max_size=6),
    start=st.integers(0, 45),
    length=st.integers(0, 45),
    seed=st.integers(0, 99),
)
def test_bars_within_a_period_are_those_that_begin_and_end_in_it_however_they_are_cut_into_blocks(
    cuts: list[int], start: int, length: int, seed: int
) -> None:
    rows = rows_of(loader_of({"AAA": walk(41, seed, gaps=0.3)}).load(REQUEST))
    blocks = [part for part in np.split(rows, sorted(min(cut, len(rows)) for cut in cuts)) if len(part)]
    epoch = ns("2024-01-02T10:00")
    first, last = start * MINUTE, (start + length) * MINUTE
    tape = ClippedTape(Blocks(blocks), epoch, first, last, "AAA")
    expected = [
        [row[0] - epoch, row[1] - epoch, *row[2:]]
        for row in rows.tolist()
        if row[0] - epoch >= first and row[1] - epoch <= last
    ]
    if not expected:
        with pytest.raises(DataError, match="no bar of AAA lies within the backtest"):
            list(tape.blocks())
        return
    assert [row for block in tape.blocks() for row in block.tolist()] == expected


def test_what_comes_after_the_period_is_not_read() -> None:
    rows = rows_of(loader_of({"AAA": flat([10.0] * 30)}).load(REQUEST))
    tape = Blocks(np.split(rows, 10))
    epoch = ns("2024-01-02T10:00")
    assert len(list(ClippedTape(tape, epoch, 0, 4 * MINUTE).blocks())) == 2
    assert tape.handed_out == 3  # a block that lies behind it all says that it is over


def test_the_rows_of_a_tape_are_not_changed() -> None:
    tape = loader_of({"AAA": flat([10.0] * 3)}).load(REQUEST)
    before = rows_of(tape).tolist()
    list(ClippedTape(tape, ns("2024-01-02"), 0, 10**15).blocks())
    assert rows_of(tape).tolist() == before


GOOD = rows_of(loader_of({"AAA": flat([10.0] * 3)}).load(REQUEST))


def with_row(row: int, column: int, value: int) -> Any:
    rows = GOOD.copy()
    rows[row, column] = value
    return rows


@pytest.mark.parametrize(
    ("blocks", "message"),
    [
        ([GOOD, GOOD], r"row 4 of AAA, \[1704189600000000000, .* begins before the end of the one before"),
        ([with_row(1, 3, 5)], "rows of AAA behind row 0: bar 2, .* is inconsistent"),
        ([GOOD[:1], with_row(2, 6, -1)[1:]], "rows of AAA behind row 1: bar 2, "),
        ([GOOD[::-1]], "rows of AAA behind row 0: bar 2, .* begins before the end"),
        (
            [GOOD / 10_000],
            r"a tape of AAA handed out float64 of shape \(3, 7\); its blocks are int64 of shape \(n, 7\)",
        ),
        ([GOOD[:, :6]], r"a tape of AAA handed out int64 of shape \(3, 6\)"),
        ([GOOD[0]], r"a tape of AAA handed out int64 of shape \(7,\)"),
        ([GOOD.tolist()], "a tape of AAA handed out list"),
    ],
)
def test_rows_of_somebody_elses_tape_are_checked(blocks: list[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        list(ClippedTape(Blocks(blocks), 0, 0, 2**62, "AAA").blocks())


def test_quotes_of_somebody_elses_tape_are_checked_too() -> None:
    quotes = quotes_of([(f"2024-01-02T10:0{i}", 9.5, 5, 10.5, 6) for i in range(3)])
    rows = rows_of(QuoteArrays({"AAA": quotes}).load(REQUEST))
    assert len(list(ClippedTape(Blocks([rows], is_bars=False), 0, 0, 2**62, "AAA").blocks())) == 1
    with pytest.raises(DataError, match=r"of shape \(n, 6\)"):
        list(ClippedTape(Blocks([GOOD], is_bars=False), 0, 0, 2**62, "AAA").blocks())
    with pytest.raises(DataError, match="behind row 0: row 2, "):
        list(ClippedTape(Blocks([rows[::-1]], is_bars=False), 0, 0, 2**62, "AAA").blocks())


def test_a_tape_without_a_row_in_the_period_is_refused_with_the_first_and_last_time_of_its_data() -> None:
    rows = rows_of(loader_of({"AAA": flat([10.0] * 3)}).load(REQUEST))
    epoch, hour = ns("2024-01-02"), 60 * MINUTE
    for start, end in ((0, hour), (20 * hour, 30 * hour)):
        with pytest.raises(
            DataError, match=r"those that were read are from 2024-01-02 10:00:00 UTC to 2024-01-02 10:03:00 UTC"
        ):
            list(ClippedTape(Blocks([rows]), epoch, start, end, "AAA").blocks())
    with pytest.raises(
        DataError, match="there is no bar of AAA at all; the backtest is from 2024-01-02 00:00:00 UTC to"
    ):
        list(ClippedTape(Blocks([]), epoch, 0, hour, "AAA").blocks())
