"""Bar files are read in bounded memory, and what is wrong in them is named by line and column."""

from __future__ import annotations

import gzip
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet

from simexec.errors import DataError, InputError
from simexec.market.bars import BarFile
from simexec.market.tape import CLOSE, END, OPEN, START, VOLUME, BarTape, QuoteTape, TapeCursor
from simexec.trading.instrument import Instrument

SHARE = Instrument("TEST", "0.01")
EPOCH = datetime(2024, 1, 2, tzinfo=UTC)
MINUTE = 60 * 10**9
HEADER = "time,open,high,low,close,volume"
FIRST = "2024-01-02 09:30:00,10.00,10.05,9.99,10.02,500"
SECOND = "2024-01-02 09:31:00,10.02,10.02,10.00,10.01,300"
THIRD = "2024-01-02 09:32:00,10.01,10.03,10.01,10.03,200"


def write(folder: Path, *lines: str, name: str = "bars.csv") -> Path:
    path = folder / name
    text = "\n".join([HEADER, *lines]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def read(path: Path, **options: Any) -> tuple[np.ndarray, BarFile]:
    file = BarFile(path, SHARE, **({"interval": "1m", "stamp": "start", "epoch": EPOCH} | options))
    blocks = list(file.blocks())
    return np.concatenate(blocks) if blocks else np.empty((0, 7), np.int64), file


def minute(row: np.ndarray) -> float:
    """Start of a bar, in minutes after midnight of the epoch."""
    return float(row[START] / MINUTE)


@pytest.mark.parametrize("name", ["bars.csv", "bars.csv.gz"])
def test_a_csv_file_gives_its_bars_in_quanta(tmp_path: Path, name: str) -> None:
    rows, file = read(write(tmp_path, FIRST, SECOND, name=name))
    assert rows[0].tolist() == [570 * MINUTE, 571 * MINUTE, 100_000, 100_500, 99_900, 100_200, 500]
    assert (file.report.rows, file.report.bars, file.report.volume, file.report.gaps) == (2, 2, 800, 0)


def test_a_parquet_file_gives_the_same_bars(tmp_path: Path) -> None:
    expected, _ = read(write(tmp_path, FIRST, SECOND))
    stamps = pa.array([datetime(2024, 1, 2, 9, 30), datetime(2024, 1, 2, 9, 31)])
    columns = {"t": stamps, "o": [10.0, 10.02], "h": [10.05, 10.02], "l": [9.99, 10.0], "c": [10.02, 10.01]}
    parquet.write_table(pa.table(columns | {"v": [500, 300]}), tmp_path / "bars.parquet")
    names = dict(zip(("time", "open", "high", "low", "close", "volume"), "tohlcv", strict=True))
    rows, _ = read(tmp_path / "bars.parquet", columns=names)
    assert rows.tolist() == expected.tolist()


def test_a_stamp_is_the_start_or_the_end_as_told(tmp_path: Path) -> None:
    path = write(tmp_path, FIRST)
    assert [minute(read(path, stamp=stamp)[0][0]) for stamp in ("start", "end")] == [570, 569]


def test_local_times_follow_their_zone_and_offsets_their_own(tmp_path: Path) -> None:
    summer = FIRST.replace("2024-01-02", "2024-07-02")
    assert minute(read(write(tmp_path, FIRST), timezone="America/New_York")[0][0]) == 570 + 300
    epoch = datetime(2024, 7, 2, tzinfo=ZoneInfo("America/New_York"))
    assert minute(read(write(tmp_path, summer), timezone="America/New_York", epoch=epoch)[0][0]) == 570
    for stamp, minutes in (("2024-01-02T09:30:00Z", 570), ("2024-01-02 09:30:00-05:00", 870)):
        line = FIRST.replace("2024-01-02 09:30:00", stamp)
        assert minute(read(write(tmp_path, line), timezone="Asia/Tokyo")[0][0]) == minutes


@pytest.mark.parametrize("stamp", ["2024-11-03 01:30:00", "2024-03-10 02:30:00"], ids=["twice", "never"])
def test_a_local_time_that_exists_twice_or_never_is_refused(tmp_path: Path, stamp: str) -> None:
    path = write(tmp_path, FIRST, FIRST.replace("2024-01-02 09:30:00", stamp))
    with pytest.raises(DataError, match=r"bars\.csv: line 3: column 'time': '2024-.*not a number"):
        read(path, timezone="America/New_York")


def test_numbers_are_times_of_the_stated_unit(tmp_path: Path) -> None:
    seconds = int(EPOCH.timestamp()) + 570 * 60
    for unit, scale in (("s", 1), ("ms", 1000), ("us", 10**6), ("ns", 10**9)):
        line = FIRST.replace("2024-01-02 09:30:00", str(seconds * scale))
        assert minute(read(write(tmp_path, line), time_unit=unit)[0][0]) == 570


DEFECTS = [
    ("2024-01-02 09:31:00,nan,10.02,10.00,10.01,300", "not_a_number", "open"),
    ("2024-01-02 09:31:00,10.02,,10.00,10.01,300", "not_a_number", "high"),
    ("2024-01-02 09:31:00,10.02,10.02,low,10.01,300", "not_a_number", "low"),
    ("2024-01-02 09:31:00,10.02,10.02,10.00,inf,300", "not_a_number", "close"),
    ("2024-01-02 09:31:00,-10.02,10.02,10.00,10.01,300", "not_a_number", "open"),
    ("2024-01-02 09:31:00,10.02,10.02,0,10.01,300", "not_a_number", "low"),
    ("2024-01-02 09:31:00,10.02,1e300,10.00,10.01,300", "not_a_number", "high"),
    ("2024-01-02 09:31:00,10.02,10.02,10.00,10.01,nan", "not_a_number", "volume"),
    ("2024-01-02 09:31:00,10.02,10.02,10.00,10.01,-1", "negative_volume", "volume"),
    ("2024-01-02 09:31:00,10.02,10.01,10.00,10.01,300", "inconsistent", "high"),
    ("2024-01-02 09:31:00,10.02,10.02,10.02,10.01,300", "inconsistent", "low"),
    ("yesterday,10.02,10.02,10.00,10.01,300", "not_a_number", "time"),
    ("2024-01-02 09:30:00,10.02,10.02,10.00,10.01,300", "duplicate", "time"),
    ("2024-01-02 09:29:00,10.02,10.02,10.00,10.01,300", "clock_back", "time"),
    ("2024-01-02 09:30:30,10.02,10.02,10.00,10.01,300", "overlap", "time"),
    ("2024-01-02 09:31:00,10.02,10.02,10.00,10.01,300,7", "fields", ""),
    ("", "fields", ""),
]


@pytest.mark.parametrize(("line", "kind", "column"), DEFECTS[:-1], ids=[f"{c} {k}" for _, k, c in DEFECTS[:-1]])
def test_a_defect_is_refused_by_line_and_column_or_left_out_and_counted(
    tmp_path: Path, line: str, kind: str, column: str
) -> None:
    path = write(tmp_path, FIRST, line, THIRD)
    with pytest.raises(DataError) as refused:
        read(path)
    assert "bars.csv: line 3: " in str(refused.value)
    assert kind.replace("_", " ") in str(refused.value)
    assert f"column '{column}'" in str(refused.value) or not column
    rows, file = read(path, repair=True)
    assert rows[:, OPEN].tolist() == [100_000, 100_100]
    assert dict(file.report.left_out) == {kind: 1}
    assert [(problem.line, problem.column, problem.kind) for problem in file.report.problems] == [(3, column, kind)]
    assert file.report.rows == 3


def test_an_empty_line_and_a_short_one_do_not_shift_the_lines_that_are_named(tmp_path: Path) -> None:
    path = write(tmp_path, FIRST, "2024-01-02 09:31:00,1", "", SECOND, THIRD.replace("10.03", "x"))
    rows, file = read(path, repair=True)
    assert len(rows) == 2
    assert sorted(problem.line for problem in file.report.problems) == [3, 4, 6]


def test_what_was_left_out_is_no_measure_for_the_next_bar(tmp_path: Path) -> None:
    early = "2024-01-02 09:20:00,10.02,10.02,10.00,10.01,300"
    rows, file = read(write(tmp_path, FIRST, early, early, SECOND, SECOND, THIRD), repair=True)
    assert [minute(row) for row in rows] == [570, 571, 572]
    assert dict(file.report.left_out) == {"clock_back": 2, "duplicate": 1}


def test_gaps_are_counted_and_are_no_defect(tmp_path: Path) -> None:
    _, file = read(write(tmp_path, FIRST, THIRD, THIRD.replace("09:32", "10:00")))
    assert (file.report.gaps, file.report.longest_gap_ns) == (2, 27 * MINUTE)


def test_prices_between_quanta_and_fractions_of_a_share_are_rounded(tmp_path: Path) -> None:
    rows, file = read(write(tmp_path, "2024-01-02 09:30:00,10.00004,10.05,9.99,10.00006,500.9"))
    assert rows[0, [OPEN, CLOSE, VOLUME]].tolist() == [100_000, 100_001, 500]
    assert file.report.fractional == 1


def test_a_file_can_be_read_again(tmp_path: Path) -> None:
    file = BarFile(write(tmp_path, FIRST, SECOND), SHARE, interval="1m", stamp="start")
    assert file.read().bars == file.read().bars == 2


def test_files_that_are_no_bar_files_are_refused(tmp_path: Path) -> None:
    def refusal(path: Path) -> str:
        with pytest.raises(DataError) as error:
            read(path)
        return str(error.value)

    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    (tmp_path / "bars.parquet").write_bytes(b"PAR1 no PAR1")
    whole = write(tmp_path, *[FIRST] * 50, name="cut.csv.gz").read_bytes()
    (tmp_path / "cut.csv.gz").write_bytes(whole[: len(whole) // 2])
    for name in ("empty.csv", "other.csv", "bars.parquet", "cut.csv.gz", "missing.csv", "missing.parquet"):
        assert name in refusal(tmp_path / name)
    assert "ending" in refusal(tmp_path / "bars.xls")
    assert "epoch" in refusal(write(tmp_path, FIRST.replace("2024", "2023")))


@pytest.mark.parametrize(
    "options",
    [
        {"interval": 0}, {"stamp": "middle"}, {"timezone": "Mars/Base"}, {"epoch": datetime(2024, 1, 1)},
        {"time_unit": "fortnight"}, {"columns": {"opening": "o"}},
    ],
    ids=str,
)  # fmt: skip
def test_arguments_that_make_no_sense_are_refused(tmp_path: Path, options: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        read(tmp_path / "bars.csv", **options)


MEMORY = """
import resource, sys
from simexec.market.bars import BarFile
from simexec.trading.instrument import Instrument
file = BarFile(sys.argv[1], Instrument("TEST", "0.01"), interval="1s", stamp="start", time_unit="s")
blocks = file.blocks()
next(blocks)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for block in blocks:
    pass
print(file.report.bars, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_long_file_needs_the_memory_of_a_block(tmp_path: Path, kind: str) -> None:
    """1.2 million bars, in memory 67 MB as a table of ours and more as Arrow's; a block is 2 to 6 MB."""
    from pyarrow import csv

    count = 1_200_000
    price = 10 + np.random.default_rng(1).integers(0, 100, count) / 100
    columns = {"time": np.arange(count), "open": price, "high": price + 1, "low": price - 1, "close": price}
    table = pa.table(columns | {"volume": np.arange(count) % 1000})
    path = tmp_path / f"bars.{kind}"
    if kind == "csv":
        csv.write_csv(table, path)
    else:
        parquet.write_table(table, path, row_group_size=count)
    done = subprocess.run([sys.executable, "-c", MEMORY, str(path)], capture_output=True, text=True, check=True)
    bars, kilobytes = map(int, done.stdout.split())
    assert bars == count
    assert kilobytes < 40_000


def test_a_real_months_bars_are_read_whole(data_dir: Path) -> None:
    path = data_dir / "bars" / "6EH4.XCME_1min_bars_20240101_20240131.csv.gz"
    euro = Instrument("6EH4", "0.00005", multiplier=125_000)
    file = BarFile(path, euro, interval="1m", stamp="end", columns={"time": "timestamp_utc"})
    report = file.read()
    assert (report.rows, report.bars, report.volume) == (29_996, 29_996, 4_310_578)
    assert not report.left_out
    assert report.gaps == 375


# --- tapes ---


def test_bars_in_memory_are_checked() -> None:
    tape = BarTape.of(SHARE, [("9h30m", "10.00", "10.05", "9.99", "10.02", 500)], "1m")
    assert tape.rows[0, [START, END, CLOSE]].tolist() == [570 * MINUTE, 571 * MINUTE, 100_200]
    with pytest.raises(DataError, match="bar 2"):
        BarTape(np.concatenate([tape.rows, tape.rows]))


def test_quotes_in_memory_are_checked_and_trades_come_before_quotes_of_their_time() -> None:
    quotes = ([5, 10], [9.99, 9.98], [40, 40], [10.01, float("nan")], [30, 0])
    tape = QuoteTape.of(SHARE, quotes, ([10], [10.0], [7]))
    assert tape.rows.tolist() == [
        [5, 0, 99_900, 40, 100_100, 30],
        [10, 1, 100_000, 7, 0, 0],
        [10, 0, 99_800, 40, 0, 0],
    ]
    with pytest.raises(DataError, match="row 1"):
        QuoteTape.of(SHARE, ([5], [10.02], [40], [10.01], [30]))
    with pytest.raises(DataError, match="row 2"):
        QuoteTape.of(SHARE, ([5, 4], [9.99] * 2, [40] * 2, [10.01] * 2, [30] * 2))
    with pytest.raises(InputError, match="row 1"):
        QuoteTape.of(SHARE, ([5], [float("nan")], [40], [10.01], [30]))


def test_a_cursor_goes_from_block_to_block_and_refuses_times_that_run_backwards() -> None:
    class Blocks:
        is_bars = False

        def __init__(self, *times: list[int]) -> None:
            self.times = times

        def blocks(self) -> Any:
            for times in self.times:
                yield np.array([[time, 0, 1, 1, 2, 1] for time in times])

    cursor = TapeCursor(Blocks([1, 2, 3], [3, 4]))
    seen = []
    while cursor.next_time is not None:
        rows = cursor.upto(3)
        if not len(rows):
            break
        seen.append(len(rows))
        cursor.skip(len(rows))
    assert (seen, cursor.next_time) == ([3, 1], 4)
    with pytest.raises(DataError, match="backwards"):
        TapeCursor(Blocks([5], [4])).skip(1)
