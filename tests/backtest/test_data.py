"""Loaders: what they bring, and what they refuse."""

from __future__ import annotations

import asyncio
import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from simexec.backtest.data import (
    BarArrays,
    BarFiles,
    BookData,
    DataRequest,
    QuoteArrays,
    ScenarioMarkets,
    since_1970,
)
from simexec.backtest.loaded_data import LoadedData
from simexec.config.load import load_scenario
from simexec.errors import ConfigError, DataError, InputError
from simexec.market.bars import BarFile
from simexec.market.tape import BarTape, QuoteTape
from simexec.trading.instrument import Instrument

from .scenes import Columns, Diary, bars, config, flat, loader_of, ns, one_quote, quotes_of, run, trades_of, walk

ROOT = Path(__file__).resolve().parents[2]
SHARE = Instrument("AAA", Decimal("0.01"))
REQUEST = DataRequest(SHARE, datetime(2024, 1, 2, tzinfo=UTC), datetime(2024, 1, 4, tzinfo=UTC))
DAILY = DataRequest(SHARE, REQUEST.start, REQUEST.end, "XNYS")
MINUTE = 60 * 10**9


def rows_of(tape: Any) -> np.ndarray[Any, Any]:
    return np.concatenate(list(tape.blocks()))


# --- bars in memory -----------------------------------------------------------------------------------------------------------


def test_bars_of_a_dictionary_become_quanta_and_times_since_1970() -> None:
    columns = bars([("2024-01-02T10:00", 10.0, 10.5, 9.75, 10.25, 300)])
    start = ns("2024-01-02T10:00")
    expected = [[start, start + MINUTE, 100_000, 105_000, 97_500, 102_500, 300]]
    assert rows_of(BarArrays({"AAA": columns}, "1m").load(REQUEST)).tolist() == expected
    columns["time"] = columns["time"] + np.timedelta64(1, "m")
    assert rows_of(BarArrays({"AAA": columns}, "1m", "end").load(REQUEST)).tolist() == expected


def test_bars_of_a_data_frame_are_those_of_its_columns_whatever_the_resolution_or_zone_of_its_times() -> None:
    columns = walk(50, 1)
    expected = rows_of(BarArrays({"AAA": columns}, "1m").load(REQUEST)).tolist()
    frame = pd.DataFrame(columns)
    for times in (
        frame["time"].astype("datetime64[s]"), frame["time"].dt.tz_localize("UTC"), frame["time"].astype(np.int64),
        frame["time"].dt.tz_localize("UTC").dt.tz_convert("America/New_York"),
        pd.DatetimeIndex(frame["time"]).tz_localize("UTC"),
    ):  # fmt: skip
        source = {name: frame[name] for name in frame} | {"time": times}
        assert rows_of(BarArrays({"AAA": source}, "1m").load(REQUEST)).tolist() == expected
    assert rows_of(BarArrays({"AAA": frame}, "1m").load(REQUEST)).tolist() == expected


def test_prices_are_rounded_to_the_nearest_quantum_and_volumes_down() -> None:
    columns = bars([("2024-01-02T10:00", 10.00004, 10.00006, 9.99996, 10.0, 1)])
    columns["volume"] = np.array([2.9])
    assert rows_of(BarArrays({"AAA": columns}, "1m").load(REQUEST))[0, 2:].tolist() == [
        100_000,
        100_001,
        100_000,
        100_000,
        2,
    ]


def test_no_bars_are_a_tape_without_rows() -> None:
    for interval, request in (("1m", REQUEST), ("session", DAILY)):
        assert list(BarArrays({"AAA": flat([])}, interval).load(request).blocks()) == []


def changed(**columns: Any) -> Columns:
    good = bars(
        [
            ("2024-01-02T10:00", 10, 11, 9, 10, 5),
            ("2024-01-02T10:01", 10, 11, 9, 10, 5),
            ("2024-01-02T10:02", 10, 11, 9, 10, 5),
        ]
    )
    return good | columns


TIMES = changed()["time"]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"close": np.array([10, np.nan, 10])}, "close of AAA in row 2 is nan; leave the row out"),
        ({"volume": np.array([5, 5, np.inf])}, "volume of AAA in row 3 is inf"),
        ({"open": np.array([10, -10, 10.0])}, "open of AAA in row 2 is -10.0, which is no price"),
        ({"low": np.array([0.00001, 9, 9])}, "low of AAA in row 1 is 1e-05, which is no price"),
        ({"high": np.array([11, 11, 9.5])}, r"bars of AAA: bar 3, \[.* 95000, .*\] .* is inconsistent"),
        ({"volume": np.array([5, -5, 5])}, "bars of AAA: bar 2, "),
        ({"open": np.array([10, 1e20, 10])}, "open of AAA in row 2 is 1e\\+20"),
        ({"close": ["a", "b", "c"]}, "data of AAA have no column 'close' of numbers"),
        ({"close": np.ones(2)}, r"column 'close' of AAA has the shape \(2,\), and time has 3 rows"),
        ({"close": np.ones((3, 2))}, r"column 'close' of AAA has the shape \(3, 2\)"),
        ({"time": TIMES[[0, 2, 1]]}, "bars of AAA: bar 3, .* begins before the end of the one before"),
        ({"time": TIMES[[0, 0, 2]]}, "bars of AAA: bar 2, .* begins before the end of the one before"),
        ({"time": np.array(["2024-01-02", "NaT", "2024-01-03"], "datetime64[ns]")}, "time of AAA in row 2 is NaT"),
        ({"time": np.array(["2024-01-02", "2500-01-01", "2600-01-01"], "datetime64[s]")}, "time of AAA in row 2 is 2500"),
        ({"time": ["2024-01-02", "2024-01-03", "2024-01-04"]}, "times of AAA are of type <U10; give datetime64 in UTC"),
        ({"time": TIMES.astype(np.int64) / 1e9}, "times of AAA are of type float64"),
        ({"time": TIMES.astype(np.int64) // 10**9}, "time of AAA in row 3 is 1704189720, which is in January 1970"),
        ({"time": TIMES.astype(np.int64) // 10**3}, "which is in January 1970: whole numbers are ns since 1970"),
    ],
)  # fmt: skip
def test_bars_that_are_none_are_refused_with_symbol_row_and_value(columns: Columns, message: str) -> None:
    with pytest.raises(DataError, match=message):
        BarArrays({"AAA": changed(**columns)}, "1m").load(REQUEST)


def test_missing_columns_and_symbols_are_refused() -> None:
    columns = changed()
    for name in ("open", "volume", "time"):
        left = {key: values for key, values in columns.items() if key != name}
        for source in (left, pd.DataFrame(left)):
            with pytest.raises(DataError, match=f"data of AAA have no column '{name}'"):
                BarArrays({"AAA": source}, "1m").load(REQUEST)
    with pytest.raises(InputError, match="no bars of 'AAA' were given; there are those of 'BBB', 'CCC'"):
        BarArrays({"BBB": columns, "CCC": columns}, "1m").load(REQUEST)
    with pytest.raises(InputError, match="there are those of none"):
        BarArrays({}, "1m").load(REQUEST)


def test_an_interval_or_stamp_that_is_none_is_refused() -> None:
    with pytest.raises(InputError, match="interval 0 have no length"):
        BarArrays({}, 0)
    with pytest.raises(InputError, match="day"):
        BarArrays({}, "day")
    with pytest.raises(InputError, match="stamp 'middle' of bars must be 'start' or 'end'"):
        BarArrays({}, "1m", "middle")


# --- daily bars ---------------------------------------------------------------------------------------------------------------


def days(*dates: str) -> Columns:
    return {**flat([10.0] * len(dates)), "time": np.array(dates, "datetime64[D]")}


def test_a_daily_bar_covers_the_session_of_its_date() -> None:
    tape = BarArrays({"AAA": days("2023-03-10", "2023-03-13", "2023-11-24")}, "session").load(DAILY)
    spans = [
        (datetime.fromtimestamp(row[0] / 1e9, UTC), datetime.fromtimestamp(row[1] / 1e9, UTC)) for row in rows_of(tape)
    ]
    assert [f"{a:%m-%d %H:%M} {b:%H:%M}" for a, b in spans] == [
        "03-10 14:30 21:00",
        "03-13 13:30 20:00",
        "11-24 14:30 18:00",
    ]


def test_a_daily_bar_of_a_market_that_never_closes_covers_the_day_in_utc() -> None:
    request = DataRequest(SHARE, REQUEST.start, REQUEST.end, "24/7")
    rows = rows_of(BarArrays({"AAA": days("2024-01-05", "2024-01-06")}, "session").load(request))
    assert rows[:, :2].tolist() == [
        [ns("2024-01-05"), ns("2024-01-06")], [ns("2024-01-06"), ns("2024-01-07")],
    ]  # fmt: skip


def test_daily_bars_need_a_calendar_and_a_session_each() -> None:
    loader = BarArrays({"AAA": days("2024-01-05", "2024-01-06")}, "session")
    with pytest.raises(
        InputError, match="daily bars of AAA cover sessions; give the backtest a calendar, such as 'XNYS'"
    ):
        loader.load(REQUEST)
    with pytest.raises(DataError, match="the bar of AAA in row 2, 2024-01-06, is of no session of XNYS; leave it out"):
        loader.load(DAILY)
    with pytest.raises(DataError, match="begins before the end of the one before"):
        BarArrays({"AAA": days("2024-01-05", "2024-01-05")}, "session").load(DAILY)


# --- files --------------------------------------------------------------------------------------------------------------------


def write(path: Path, columns: Columns, zone: str = "UTC") -> None:
    frame = pd.DataFrame(columns)
    frame["time"] = frame["time"].dt.tz_localize("UTC").dt.tz_convert(zone).dt.tz_localize(None)
    frame.to_csv(path, index=False)


def test_bars_of_files_are_those_of_arrays(tmp_path: Path) -> None:
    data = {"AAA": walk(40, 1), "BBB": walk(40, 2)}
    for symbol, columns in data.items():
        write(tmp_path / f"{symbol}.csv", columns)
    expected = run(Diary(), loader_of(data), "AAA", "BBB").figures()
    paths = {symbol: tmp_path / f"{symbol}.csv" for symbol in data}
    for given_ in (paths, str(tmp_path / "{symbol}.csv"), tmp_path / "{symbol}.csv"):
        diaries = [Diary(), Diary()]
        assert run(diaries[0], BarFiles(given_, "1m", "start"), "AAA", "BBB").figures() == expected
        run(diaries[1], loader_of(data), "AAA", "BBB")
        assert diaries[0].told == diaries[1].told


def test_options_of_files_reach_their_reader(tmp_path: Path) -> None:
    columns = walk(10, 1)
    write(tmp_path / "AAA.csv", {"moment": columns["time"], **columns}, "America/New_York")
    text = (tmp_path / "AAA.csv").read_text().replace("moment", "when")
    (tmp_path / "AAA.csv.gz").write_bytes(gzip.compress(text.encode()))
    options = {"timezone": "America/New_York", "repair": True}
    loader = BarFiles({"AAA": tmp_path / "AAA.csv.gz"}, "1m", "start", options)
    tape = loader.load(REQUEST)
    assert isinstance(tape, BarFile)
    assert rows_of(tape).tolist() == rows_of(loader_of({"AAA": columns}).load(REQUEST)).tolist()


def test_wrong_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"path 'all.csv' has no \{symbol\} in it, so every symbol would have its bars"
    ):
        BarFiles("all.csv", "1m", "start")
    with pytest.raises(InputError, match=r"options \['epoch'\] of files of bars are unknown; there are timezone"):
        BarFiles({"AAA": "a.csv"}, "1m", "start", {"epoch": REQUEST.start})
    with pytest.raises(InputError, match="no files of bars of 'AAA' were given; there are those of 'BBB'"):
        BarFiles({"BBB": "b.csv"}, "1m", "start").load(REQUEST)
    with pytest.raises(InputError, match="stamp 'x'"):
        BarFiles({"AAA": "a.csv"}, "1m", "x").load(REQUEST)
    with pytest.raises(DataError, match=r"nowhere.csv"):
        run(Diary(), BarFiles({"AAA": tmp_path / "nowhere.csv"}, "1m", "start"))
    write(tmp_path / "AAA.csv", walk(5, 1))
    text = (tmp_path / "AAA.csv").read_text().splitlines()
    (tmp_path / "AAA.csv").write_text("\n".join([*text[:4], text[4].replace(",", ",x", 1), *text[5:]]))
    with pytest.raises(DataError, match=r"AAA.csv: line 5: column 'open'"):
        run(Diary(), BarFiles({"AAA": tmp_path / "AAA.csv"}, "1m", "start"))


def lines(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(["time,open,high,low,close,volume", *rows]) + "\n")
    return path


def test_times_of_a_file_without_an_offset_are_in_the_backtests_time_zone(tmp_path: Path) -> None:
    path = lines(tmp_path / "AAA.csv", "2024-01-02 09:30,10,10,10,10,5", "2024-01-02 09:31,10,10,10,10,5")
    for options, hour in (({}, "14:30"), ({"timezone": "UTC"}, "09:30")):
        diary = Diary()
        results = run(diary, BarFiles({"AAA": path}, "1m", "start", options), timezone="America/New_York")
        bar = diary.told[1][-1]
        assert results.time(bar.start_ns).astimezone(UTC).strftime("%H:%M") == hour
    arrays = run(Diary(), loader_of({"AAA": flat([10.0], "2024-01-02T09:30")}), timezone="America/New_York")
    assert arrays.times_ns[-1] == ns("2024-01-02T09:31")


def test_a_file_of_daily_bars_is_told_as_arrays_of_them_are(tmp_path: Path) -> None:
    dates = ["2023-11-22 16:00", "2023-11-24 13:00", "2023-11-27"]
    path = lines(tmp_path / "AAA.csv", *(f"{day},10,12,9,{10 + i},{100 + i}" for i, day in enumerate(dates)))
    found = rows_of(BarFiles({"AAA": path}, "session").load(DAILY))
    columns = days(*(day[:10] for day in dates)) | {
        "open": np.full(3, 10.0), "high": np.full(3, 12.0), "low": np.full(3, 9.0), "close": np.arange(10.0, 13.0),
        "volume": np.arange(100, 103),
    }  # fmt: skip
    assert found.tolist() == rows_of(BarArrays({"AAA": columns}, "session").load(DAILY)).tolist()
    wrong = lines(tmp_path / "BBB.csv", "2023-11-22,10,11,9,10,5", "2023-11-23,10,11,9,10,5")
    with pytest.raises(DataError, match=r"the bar of AAA in row 2, 2023-11-23, is of no session of XNYS"):
        rows_of(BarFiles({"AAA": wrong}, "session").load(DAILY))
    with pytest.raises(InputError, match="give the backtest a calendar"):
        BarFiles({"AAA": path}, "session").load(REQUEST)
    with pytest.raises(InputError, match="dates, which have no time zone"):
        BarFiles({"AAA": path}, "session", options={"timezone": "UTC"})
    with pytest.raises(InputError, match="stamp None of bars must be"):
        BarFiles({"AAA": path}, "1m")


def test_what_repair_has_left_out_is_told_in_the_assumptions(tmp_path: Path) -> None:
    path = lines(
        tmp_path / "AAA.csv", "2024-01-02 09:30,10,10,10,10,5", "2024-01-02 09:30,10,10,10,10,5", "2024-01-02 09:31,x,1,1,1,5",
        "2024-01-02 09:32,10,10,10,10,5",
    )  # fmt: skip
    loader = BarFiles({"AAA": path}, "1m", "start", {"repair": True})
    results = run(Diary(), loader)
    assert results.assumptions["data"] == "AAA: 2 of 4 rows left out (duplicate 1, not a number 1)"
    assert loader.reports["AAA"].problems[0].line == 3
    config_ = config()
    loaded = asyncio.run(LoadedData.of(config_, loader))
    assert run(Diary(), loaded).assumptions["data"] == results.assumptions["data"]
    assert "data" not in run(Diary(), loader_of({"AAA": flat([10.0])})).assumptions


def test_data_outside_the_period_and_no_data_at_all_are_refused(tmp_path: Path) -> None:
    period = "from 2024-01-02 00:00:00 UTC to 2024-01-04 00:00:00 UTC"
    for start, first, last in (
        ("2023-12-31T10:00", "2023-12-31 10:00:00", "2023-12-31 10:02:00"),
        ("2024-02-01T10:00", "2024-02-01 10:00:00", "2024-02-01 10:02:00"),
    ):
        with pytest.raises(
            DataError, match=f"no bar of AAA lies within the backtest, {period}: .* {first} UTC to {last} UTC"
        ):
            run(Diary(), loader_of({"AAA": flat([10.0, 10.0], start)}))
    for nothing in (loader_of({"AAA": flat([])}), BarFiles({"AAA": lines(tmp_path / "AAA.csv")}, "1m", "start")):
        with pytest.raises(DataError, match=f"there is no bar of AAA at all; the backtest is {period}"):
            run(Diary(), nothing)
        with pytest.raises(DataError, match="there is no bar of AAA at all"):
            asyncio.run(LoadedData.of(config(), nothing))
    quotes = quotes_of([("2023-01-02T10:00", 9.5, 5, 10.5, 6)])
    with pytest.raises(DataError, match="no quote or trade of AAA"):
        run(Diary(), one_quote(**quotes))


@pytest.mark.parametrize("interval", [5, np.int64(60)])
def test_an_interval_without_a_unit_is_refused(interval: Any) -> None:
    for make in (lambda: BarArrays({}, interval), lambda: BarFiles({"AAA": "a.csv"}, interval, "start")):
        with pytest.raises(InputError, match=r"interval: .* has no unit; write '.*m' for minutes"):
            make()


def test_a_real_file_is_read_block_by_block(data_dir: Path) -> None:
    path = data_dir / "bars" / "6EH4.XCME_1min_bars_20240101_20240131.csv.gz"
    euro = Instrument("6EH4", "0.00005", multiplier=125_000)
    loader = BarFiles({"6EH4": path}, "1m", "end", {"columns": {"time": "timestamp_utc"}})
    diary = Diary()
    results = run(
        diary, loader, "6EH4", start_date="2024-01-03", end_date="2024-01-04T12:00", instruments=[euro]
    )  # fmt: skip
    told = [bar for _, kind, _, _, bar in diary.told if kind == "bar"]
    assert results.rows == len(told) > 2_000
    assert results.time(told[0].start_ns).isoformat() == "2024-01-03T00:00:00+00:00"
    assert results.time(told[-1].end_ns).isoformat() == "2024-01-04T12:00:00+00:00"


# --- quotes -------------------------------------------------------------------------------------------------------------------


def test_quotes_and_trades_are_merged_by_time_a_trade_before_a_quote() -> None:
    quotes = quotes_of([("2024-01-02T10:00", 9.5, 5, 10.5, 6), ("2024-01-02T10:01", 9.0, 5, 10.0, 6)])
    trades = trades_of([("2024-01-02T10:01", 10.25, 3)])
    rows = rows_of(QuoteArrays({"AAA": quotes}, {"AAA": trades}).load(REQUEST))
    first, second = ns("2024-01-02T10:00"), ns("2024-01-02T10:01")
    assert rows.tolist() == [
        [first, 0, 95_000, 5, 105_000, 6], [second, 1, 102_500, 3, 0, 0], [second, 0, 90_000, 5, 100_000, 6],
    ]  # fmt: skip
    assert len(rows_of(QuoteArrays({"AAA": quotes}).load(REQUEST))) == 2
    assert len(rows_of(QuoteArrays({"AAA": quotes}, {"BBB": trades}).load(REQUEST))) == 2


def test_a_side_without_size_may_have_any_price() -> None:
    quotes = quotes_of([("2024-01-02T10:00", np.nan, 0, 10.5, 6), ("2024-01-02T10:01", 9.0, 5, -1.0, 0)])
    rows = rows_of(QuoteArrays({"AAA": quotes}).load(REQUEST))
    assert rows[:, [3, 5]].tolist() == [[0, 6], [5, 0]]
    diary = Diary()
    run(diary, QuoteArrays({"AAA": quotes}))
    assert [(one.bid, one.ask) for _, kind, _, _, one in diary.told if kind == "quote"] == [(None, 10.5), (9.0, None)]


QUOTES = quotes_of([(f"2024-01-02T10:0{i}", 9.5, 5, 10.5, 6) for i in range(3)])
TRADES = trades_of([(f"2024-01-02T10:0{i}", 10.0, 5) for i in range(3)])


@pytest.mark.parametrize(
    ("quotes", "trades", "message"),
    [
        ({"bid": np.array([9.5, np.nan, 9.5])}, {}, "bid of AAA in row 2 is nan"),
        ({"bid": np.array([9.5, 11.0, 9.5])}, {}, "quotes of AAA: row 2, .* is crossed"),
        ({"ask": np.array([10.5, 10.5, -1])}, {}, "quotes of AAA: row 3, "),
        ({"bid_size": np.array([5, -5, 5])}, {}, "quotes of AAA: row 2, "),
        ({"ask_size": np.array([np.nan, 5, 5])}, {}, "ask_size of AAA in row 1 is nan"),
        ({"ask": np.ones(2)}, {}, "column 'ask' of AAA has the shape"),
        ({"time": QUOTES["time"][[0, 2, 1]]}, {}, "time of AAA in row 3 of its quotes is 2024-01-02T10:01:00.* before that"),
        ({"time": QUOTES["time"][[0, 2, 1]]}, TRADES, "time of AAA in row 3 of its quotes"),
        ({}, {"time": TRADES["time"][[1, 0, 2]]}, "time of AAA in row 2 of its trades"),
        ({}, {"price": np.array([10, 0, 10.0])}, "quotes of AAA: row 3, "),
        ({}, {"quantity": np.array([0, 5, 5])}, "quotes of AAA: row 1, "),
        ({"bid": None}, {}, "data of AAA have no column 'bid' of numbers|column 'bid' of AAA has the shape"),
    ],
)  # fmt: skip
def test_quotes_that_are_none_are_refused_with_symbol_row_and_value(
    quotes: Columns, trades: Columns, message: str
) -> None:
    loader = QuoteArrays({"AAA": QUOTES | quotes}, {"AAA": TRADES | trades} if trades else {})
    with pytest.raises(DataError, match=message):
        loader.load(REQUEST)


def test_quotes_of_an_unknown_symbol_and_without_a_column_are_refused() -> None:
    with pytest.raises(InputError, match="no quotes of 'AAA' were given; there are those of 'BBB'"):
        QuoteArrays({"BBB": QUOTES}).load(REQUEST)
    with pytest.raises(DataError, match="data of AAA have no column 'ask'"):
        QuoteArrays({"AAA": {name: QUOTES[name] for name in QUOTES if name != "ask"}}).load(REQUEST)


# --- loaders of one's own -----------------------------------------------------------------------------------------------------


class Own:
    """Asks for what it is asked for."""

    def __init__(self) -> None:
        self.requests: list[DataRequest] = []

    def load(self, request: DataRequest) -> BarTape:
        self.requests.append(request)
        price = request.instrument.to_quanta(10)
        start = since_1970(request.start) + 600 * MINUTE
        return BarTape(np.array([[start, start + MINUTE, price, price, price, price, 5]]))


class OwnAsync(Own):
    async def load(self, request: DataRequest) -> BarTape:  # type: ignore[override]
        return super().load(request)


@pytest.mark.parametrize("make", [Own, OwnAsync])
def test_a_loader_of_ones_own_plain_or_async_is_asked_once_for_each_symbol(make: type[Own]) -> None:
    loader, diary = make(), Diary()
    coin = Instrument("BBB", "0.5")
    run(
        diary, loader, "AAA", "BBB", instruments=[coin], calendar="XNYS", timezone="America/New_York",
        start_date="2024-01-03", end_date="2024-01-04",
    )  # fmt: skip
    period = (datetime(2024, 1, 3, 5, tzinfo=UTC), datetime(2024, 1, 5, 5, tzinfo=UTC))
    zone = "America/New_York"
    assert loader.requests == [DataRequest(SHARE, *period, "XNYS", zone), DataRequest(coin, *period, "XNYS", zone)]
    assert [one.symbol for one in loader.requests] == ["AAA", "BBB"]
    assert [bar.close for _, kind, _, _, bar in diary.told if kind == "bar"] == [10.0, 10.0]


def test_an_async_loader_may_use_asyncio_under_asyncio() -> None:
    import asyncio

    class Waiting(Own):
        async def load(self, request: DataRequest) -> BarTape:  # type: ignore[override]
            await asyncio.sleep(0.001)
            return super().load(request)

    assert run(Diary(), Waiting()).rows == 1


def test_tapes_of_the_market_room_are_taken_as_they_are() -> None:
    share = Instrument("AAA", "0.01")

    class Taped:
        def load(self, request: DataRequest) -> QuoteTape:
            return QuoteTape(np.array([[ns("2024-01-02T10:00"), 0, share.to_quanta(9), 5, share.to_quanta(10), 5]]))

    assert run(Diary(), Taped()).rows == 1


# --- scenarios ----------------------------------------------------------------------------------------------------------------


def test_a_scenario_brings_its_market_and_refuses_other_symbols() -> None:
    loader = ScenarioMarkets(ROOT / "scenarios" / "quickstart.yaml")
    demo = DataRequest(Instrument("DEMO", "0.01"), REQUEST.start, REQUEST.end)
    data = loader.load(demo)
    assert isinstance(data, BookData)
    assert (data.settings.venue.name, data.recording) == ("SIMX", None)
    with pytest.raises(InputError, match="the scenario 'quickstart' trades no 'AAA', but 'DEMO'"):
        loader.load(REQUEST)


def test_a_symbol_at_two_venues_of_a_scenario_is_refused() -> None:
    loader = ScenarioMarkets(ROOT / "scenarios" / "two_venues.yaml")
    symbol = loader.scenario.instrument.symbol
    with pytest.raises(InputError, match=rf"trades '{symbol}' at \w+, \w+.*; leave one of them"):
        loader.load(DataRequest(Instrument(symbol, "0.01"), REQUEST.start, REQUEST.end))


def test_a_scenario_that_is_none_and_a_recording_beside_one_that_is_loaded_are_refused(tmp_path: Path) -> None:
    (tmp_path / "wrong.yaml").write_text("nonsense: 1\n")
    with pytest.raises(ConfigError, match="nonsense"):
        ScenarioMarkets(tmp_path / "wrong.yaml")
    scenario = load_scenario(ROOT / "scenarios" / "quickstart.yaml")
    assert ScenarioMarkets(scenario).scenario is scenario
    with pytest.raises(InputError, match="replace the flow of a scenario's file"):
        ScenarioMarkets(scenario, data="messages.csv")


def test_nanoseconds_since_1970_are_exact() -> None:
    moment = datetime(2024, 3, 10, 1, 59, 59, 999_999, tzinfo=ZoneInfo("America/New_York"))
    assert since_1970(moment) == (1_710_053_999 * 10**6 + 999_999) * 1000
    assert since_1970(config().start) == ns("2024-01-02")
