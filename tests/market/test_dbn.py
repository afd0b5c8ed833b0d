"""Databento MBO files, made by hand, well-formed and not."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from simexec.errors import DataError, InputError
from simexec.market import dbn
from simexec.market.dbn import read_dbn

from .l3_files import ASK, BEGIN, BID, DBN_ROWS, dbn_metadata, dbn_records, write_dbn
from .test_l3 import play

pytest.importorskip("databento_dbn")


def with_row(row: int, **fields: Any) -> list[dict[str, Any]]:
    return [*DBN_ROWS[:row], DBN_ROWS[row] | fields, *DBN_ROWS[row + 1 :]]


def error(path: Path, **options: Any) -> str:
    with pytest.raises(DataError) as caught:
        read_dbn(path, **options)
    text = str(caught.value)
    assert text.startswith(str(path))
    assert "\n" not in text
    return text


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_session_is_read_of_every_version_plain_or_compressed(tmp_path: Path, zipped: bool, version: int) -> None:
    path = write_dbn(tmp_path, version=version)
    if zipped:
        path = tmp_path / "test.mbo.dbn.zst"
        path.write_bytes(pa.compress((tmp_path / "test.mbo.dbn").read_bytes(), codec="zstd", asbytes=True))
    recording = read_dbn(path)
    assert (recording.symbol, recording.date, recording.rows) == ("TEST", dt.date(2024, 3, 5), 9)
    assert recording.defects == {}
    assert recording.start_ns == (9 * 60 + 30) * 60 * 10**9
    assert recording.price_quanta_per_unit == 500  # the two prices are 0.2 apart
    book = play(recording).book
    assert (book.depth(0), book.depth(1)) == ([(50_000, 3, 1)], [(50_100, 3, 1)])
    assert recording.latencies_at(recording.row_times).tolist() == [100_000] * 9


def test_the_tick_may_be_named(tmp_path: Path) -> None:
    from decimal import Decimal

    assert read_dbn(write_dbn(tmp_path), tick=Decimal("0.05")).price_quanta_per_unit == 2_000
    assert "record 2: price 100.2 must be a whole number of ticks of 0.25" in error(
        tmp_path / "test.mbo.dbn", tick=Decimal("0.25")
    )


def test_a_snapshot_stands_at_the_time_at_which_it_was_taken(tmp_path: Path) -> None:
    taken = BEGIN - 10**9
    shot = {"flags": dbn.F_SNAPSHOT | dbn.F_BAD_TS_RECV, "ts_recv": taken, "ts_event": -86_400_000}
    rows = [
        {"action": "R", "side": "N", "order_id": 0, "price": 2**63 - 1, "size": 0} | shot,
        {"action": "A", "side": "B", "order_id": 1, "price": BID, "size": 9} | shot,
        {"action": "A", "side": "A", "order_id": 2, "price": ASK, "size": 9} | shot,
        *({"ts_event": i} | row for i, row in enumerate(DBN_ROWS)),
    ]
    recording = read_dbn(write_dbn(tmp_path, rows))
    assert recording.start_ns == (9 * 60 + 30) * 60 * 10**9 - 10**9
    assert recording.date == dt.date(2024, 3, 5)
    assert recording.facts["snapshot_rows"] == 3
    assert recording.facts["events"] == 6
    assert recording.defects == {}


def test_of_several_instruments_one_is_named_by_symbol_or_id(tmp_path: Path) -> None:
    other = [{"instrument_id": 8, "ts_event": i} | row for i, row in enumerate(DBN_ROWS)]
    path = write_dbn(tmp_path, DBN_ROWS + other, symbols={"TEST": 7, "NEXT": 8})
    assert "has 2 instruments, TEST (7), NEXT (8); name one" in error(path)
    assert "no instrument 'MINE'; it has TEST (7), NEXT (8)" in error(path, instrument="MINE")
    for name in ("NEXT", 8, "8"):
        recording = read_dbn(path, instrument=name)
        assert (recording.symbol, recording.rows, recording.facts["other_instruments_rows"]) == ("NEXT", 9, 9)


def test_other_records_between_are_passed_over(tmp_path: Path) -> None:
    system = bytes([4, 0x17]) + bytes(14)
    path = tmp_path / "test.mbo.dbn"
    path.write_bytes(dbn_metadata() + dbn_records(DBN_ROWS[:2]) + system + dbn_records(DBN_ROWS[2:3]))
    assert read_dbn(path).rows == 3


def test_a_doubtful_time_of_arrival_is_not_used(tmp_path: Path) -> None:
    rows = with_row(2, flags=dbn.F_LAST | dbn.F_BAD_TS_RECV, ts_recv=BEGIN + 10**15)
    recording = read_dbn(write_dbn(tmp_path, rows))
    assert recording.facts["arrivals_unknown"] == 1
    assert recording.arrivals is not None
    assert recording.arrivals[-1] == recording.row_times[-1] + 100_000


REPAIRED = {
    "an unknown id": (with_row(8, order_id=55), 9, "order id", "not in the book"),
    "a duplicate id": (with_row(2, order_id=12), 3, "order id", "already in the book"),
    "a clock going back": (with_row(2, ts_event=0), 3, "time", "goes back"),
    "sequence going back": (with_row(2, sequence=1), 3, "sequence", "missing"),
    "a gap that the publisher saw": (
        with_row(2, flags=dbn.F_LAST | dbn.F_MAYBE_BAD_BOOK), 3, "sequence", "missing",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("rows", "line", "field", "what"), REPAIRED.values(), ids=REPAIRED.keys())
def test_a_defect_is_repaired_counted_and_named(
    tmp_path: Path, rows: list[dict[str, Any]], line: int, field: str, what: str
) -> None:
    recording = read_dbn(write_dbn(tmp_path, rows))
    first = recording.problems[0]
    assert (first.line, first.field) == (line, field)
    assert what in first.what
    assert sum(recording.defects.values()) == len(recording.problems) >= 1
    play(recording)


REFUSED = {
    "an unknown action": (with_row(1, action="X"), "record 2: action X must be one of"),
    "an unknown side": (with_row(1, side="X"), "record 2: side X must be one of"),
    "an order without a side": (with_row(1, side="N"), "record 2: side 2 must be"),
    "no price": (with_row(1, price=2**63 - 1), "record 2: price"),
    "a size of 0": (with_row(1, size=0), "record 2: size 0 must be positive"),
    "no rows": ([], "has no records"),
}


@pytest.mark.parametrize(("rows", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_record_that_means_nothing_is_refused(tmp_path: Path, rows: list[dict[str, Any]], said: str) -> None:
    assert said in error(write_dbn(tmp_path, rows))


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    path = write_dbn(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    assert "record 9: length 56 bytes, but 36 are left; the file is truncated" in error(path)
    path.write_bytes(pa.compress(whole, codec="zstd", asbytes=True)[:-20])
    assert "damaged" in error(path) or "truncated" in error(path)
    path.write_bytes(whole[:50])
    assert "metadata are damaged" in error(path)
    path.write_bytes(b"hello world")
    assert "is no DBN file" in error(path)
    assert "no such file" in error(tmp_path / "none.dbn")
    path.write_bytes(dbn_metadata(schema="trades") + dbn_records(DBN_ROWS))
    assert "schema is trades" in error(path)


def test_without_the_package_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_dbn(tmp_path)
    monkeypatch.setitem(sys.modules, "databento_dbn", None)
    with pytest.raises(InputError, match=r"pip install 'simexec\[databento\]'"):
        read_dbn(path)
