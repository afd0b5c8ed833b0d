"""hftbacktest's L3 files, made by hand, well-formed and not."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simexec.errors import DataError
from simexec.experiments.synthetic_l3 import make_l3_file
from simexec.market import layout as at
from simexec.market import npz
from simexec.market.npz import read_npz
from simexec.testing import check_book

from .l3_files import ADD, CANCEL, NPZ_ROWS, npz_data, write_npz
from .test_l3 import play


def with_row(row: int, **fields: Any) -> list[dict[str, Any]]:
    return [*NPZ_ROWS[:row], NPZ_ROWS[row] | fields, *NPZ_ROWS[row + 1 :]]


def error(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_npz(path, **options)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text


def test_a_session_is_read_with_its_feed_latency(tmp_path: Path) -> None:
    recording = read_npz(write_npz(tmp_path), symbol="X")
    assert (recording.symbol, recording.rows, recording.defects) == ("X", 9, {})
    book = play(recording).book
    assert (book.depth(0), book.depth(1)) == ([(50_000, 3, 1)], [(50_100, 3, 1)])
    assert recording.latencies_at(recording.row_times).tolist() == [250_000] * 9


def test_of_a_row_that_is_split_in_two_the_exchanges_half_counts(tmp_path: Path) -> None:
    whole = npz_data(NPZ_ROWS)
    halves = np.repeat(whole, 2)
    halves["ev"][::2] &= ~np.uint64(npz.LOCAL)
    halves["ev"][1::2] &= ~np.uint64(npz.EXCH)
    path = tmp_path / "split.npz"
    np.savez_compressed(path, data=halves)
    split, plain = read_npz(path), read_npz(write_npz(tmp_path))
    assert split.messages.tolist() == plain.messages.tolist()
    assert split.arrivals is not None
    assert split.facts["recorder_only_rows"] == 9


def test_sizes_are_counted_in_lots_and_prices_in_ticks_exactly(tmp_path: Path) -> None:
    rows = [row | {"qty": row["qty"] / 1000} for row in NPZ_ROWS]
    path = write_npz(tmp_path, rows)
    assert "record 1: qty 0.005 must be a whole number of lots of 1" in error(path)
    recording = read_npz(path, lot=Decimal("0.001"), tick=Decimal("0.1"))
    assert recording.final_shares == 6
    assert recording.price_quanta_per_unit == 1000


REPAIRED = {
    "an unknown id": (with_row(8, order_id=55), 9, "order id"),
    "a duplicate id": (with_row(2, order_id=12), 3, "order id"),
    "a clock going back": (with_row(2, exch_ts=0), 3, "time"),
    "a cancel of what is gone": ([*NPZ_ROWS, {"ev": CANCEL | npz.SELL, "order_id": 12}], 10, "order id"),
}


@pytest.mark.parametrize(("rows", "line", "field"), REPAIRED.values(), ids=REPAIRED.keys())
def test_a_defect_is_repaired_counted_and_named(
    tmp_path: Path, rows: list[dict[str, Any]], line: int, field: str
) -> None:
    recording = read_npz(write_npz(tmp_path, rows))
    assert (recording.problems[0].line, recording.problems[0].field) == (line, field)
    play(recording)


REFUSED = {
    "market by price": (with_row(1, ev=1 | npz.SELL), "record 2: ev 1 must be about an order"),
    "an unknown kind": (with_row(1, ev=77 | npz.SELL), "record 2: ev 77 must be one of 2, 3, 10"),
    "an order without a side": (with_row(1, ev=ADD), "record 2: side 2 must be"),
    "a price that is no number": (with_row(1, px=float("nan")), "record 2: px nan must be"),
    "a price of too many decimals": (with_row(1, px=100.2 + 1e-11), "record 2: px"),
    "a size that is no number": (with_row(1, qty=float("inf")), "record 2: qty inf must be"),
    "a part of a lot": (with_row(1, qty=0.5), "record 2: qty 0.5 must be a whole number of lots of 1; name the lot"),
    "a time before all times": (with_row(1, local_ts=-1), "record 2: local_ts -1 must be a time"),
    "no row for the exchange": ([NPZ_ROWS[0] | {"ev": ADD | npz.BUY | npz.LOCAL}], "correct_event_order"),
}


@pytest.mark.parametrize(("rows", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_row_that_means_nothing_is_refused(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    assert said in error(write_npz(tmp_path, rows))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path)
    path.write_bytes(path.read_bytes()[:-200])
    assert "damaged" in error(path)
    np.savez(path, data=np.zeros(3))
    assert "array 'data' has fields None" in error(path)
    np.savez(path, other=np.zeros(3))
    assert "has no array 'data'" in error(path)
    path.write_bytes(b"")
    assert "damaged" in error(path)
    assert "no such file" in error(tmp_path / "none.npz")


def test_the_rows_are_those_of_the_installed_package() -> None:
    types = pytest.importorskip("hftbacktest.types")
    assert types.event_dtype == npz.EVENT
    assert (npz.EXCH, npz.LOCAL, npz.BUY, npz.SELL) == (
        types.EXCH_EVENT, types.LOCAL_EVENT, types.BUY_EVENT, types.SELL_EVENT
    )  # fmt: skip
    assert list(npz.KINDS) == [
        types.TRADE_EVENT, types.DEPTH_CLEAR_EVENT, types.ADD_ORDER_EVENT, types.CANCEL_ORDER_EVENT,
        types.MODIFY_ORDER_EVENT, types.FILL_EVENT,
    ]  # fmt: skip


def test_a_synthetic_file_is_whole_and_the_same_for_the_same_seed(tmp_path: Path) -> None:
    first = make_l3_file(tmp_path / "a.npz", rows=30_000, seconds=18.0, seed=4)
    again = make_l3_file(tmp_path / "b.npz", rows=30_000, seconds=18.0, seed=4)
    with np.load(first) as one, np.load(again) as two:
        assert (one["data"] == two["data"]).all()
    recording = read_npz(first)
    assert (recording.rows, recording.defects) == (30_000, {})
    assert recording.queue_head_executions == recording.counts["fill"] > 1_000
    assert recording.latencies_at(recording.row_times).max() == 250_000
    market = play(recording)
    assert market.book.arrays.state[at.TRADED_SHOWN] == recording.executed_visible
    quotes = market.book.quotes.since()
    assert (quotes[1000:, 1] < quotes[1000:, 3]).all()
    check_book(market.book)
