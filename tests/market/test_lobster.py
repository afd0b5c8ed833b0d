"""Reading LOBSTER files, well-formed and not."""

from __future__ import annotations

import datetime as dt
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from simexec.errors import DataError
from simexec.market import layout as at
from simexec.market.lobster import LobsterName, orderbook_beside, read_lobster
from simexec.market.market import Market
from simexec.market.recording import RecordedFlow, Recording

from .consistency import check_arrays
from .history import TICK, History, invent, write_files
from .test_replay_properties import FOREVER, Request, Run, recorded_levels

Lines = list[list[str]]


@pytest.fixture(scope="module")
def day() -> History:
    return invent(11, events=60, levels=2)


@pytest.fixture
def message_file(tmp_path: Path, day: History) -> Path:
    return write_files(tmp_path, day)


def rewrite(path: Path, change: Callable[[Lines], Lines | None]) -> None:
    """Change the fields of a written file."""
    lines = [line.split(",") for line in path.read_text().splitlines()]
    lines = change(lines) or lines
    path.write_text("".join(",".join(line) + "\n" for line in lines))


def error(message_file: Path, orderbook_file: Path | None = None) -> str:
    """The one-line message of the refusal."""
    with pytest.raises(DataError) as caught:
        read_lobster(message_file, orderbook_file)
    text = str(caught.value)
    assert "\n" not in text
    return text


# --- names ---


def test_the_name_tells_symbol_day_span_kind_and_levels() -> None:
    name = LobsterName.parse(Path("/somewhere/AMZN_2012-06-21_34200000_57600000_message_5.csv.gz"))
    assert name == LobsterName("AMZN", dt.date(2012, 6, 21), 34_200 * 10**9, 57_600 * 10**9, "message", 5)


@pytest.mark.parametrize(
    "wrong",
    ["AMZN.csv", "AMZN_2012-06-21_34200000_57600000_message.csv", "AMZN_2012-06-21_34200000_57600000_trades_5.csv",
     "AMZN_2012-06-21_34200000_57600000_message_5.csv.bz2"],
)  # fmt: skip
def test_a_file_of_another_name_is_refused_with_the_right_pattern(tmp_path: Path, wrong: str) -> None:
    path = tmp_path / wrong
    path.write_text("")
    assert "SYMBOL_YYYY-MM-DD_STARTms_ENDms_message_LEVELS.csv" in error(path)


def test_a_day_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "AMZN_2012-06-31_34200000_57600000_message_5.csv"
    path.write_text("")
    assert "2012-06-31 does not exist" in error(path)


@pytest.mark.parametrize("span", ["57600000_34200000", "34200000_34200000", "34200000_86400001"])
def test_a_span_that_is_not_within_a_day_is_refused(tmp_path: Path, span: str) -> None:
    path = tmp_path / f"AMZN_2012-06-21_{span}_message_5.csv"
    path.write_text("")
    assert "is not within a day" in error(path)


def test_the_order_book_file_is_found_beside_plain_or_gzipped(tmp_path: Path) -> None:
    message = tmp_path / "A_2024-03-05_34200000_57600000_message_1.csv"
    plain = tmp_path / "A_2024-03-05_34200000_57600000_orderbook_1.csv"
    zipped = plain.with_name(plain.name + ".gz")
    zipped.write_bytes(b"")
    assert orderbook_beside(message) == zipped
    plain.write_text("")
    assert orderbook_beside(message) == plain
    assert orderbook_beside(message.with_name(message.name + ".gz")) == zipped


# --- what is read ---


@pytest.mark.parametrize("levels", [1, 2, 5, 50])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_day_of_any_number_of_levels_is_read_plain_or_gzipped(tmp_path: Path, levels: int, zipped: bool) -> None:
    day = invent(3, events=200, levels=levels)
    recording = read_lobster(write_files(tmp_path, day, zipped=zipped))
    assert (recording.symbol, recording.date) == ("TEST", dt.date(2024, 3, 5))
    assert (recording.levels, recording.rows) == (levels, len(day.rows))
    assert recording.row_times.tolist() == [row[0] for row in day.rows]
    assert recording.counts == {kind: n for kind in range(1, 6) if (n := sum(row[1] == kind for row in day.rows))}
    assert recording.executed_hidden == sum(row[3] for row in day.rows if row[1] == 5)
    assert recording.executed_visible == sum(row[3] for row in day.rows if row[1] == 4)
    assert recording.defects == {}
    assert recording.rows_until(day.rows[10][0]) >= 11


def test_plain_and_gzipped_files_give_the_same_messages(tmp_path: Path, day: History) -> None:
    plain, zipped = (read_lobster(write_files(tmp_path, day, zipped=zipped)) for zipped in (False, True))
    assert plain.messages.tolist() == zipped.messages.tolist()


def test_times_are_exact_to_the_nanosecond(tmp_path: Path) -> None:
    day = invent(3, events=200, levels=2)
    rng = random.Random(1)
    times = sorted(rng.randrange(34_200 * 10**9, 57_600 * 10**9) for _ in day.rows)
    day.rows = [(time, *row[1:]) for time, row in zip(times, day.rows, strict=True)]
    assert read_lobster(write_files(tmp_path, day)).row_times.tolist() == times


def test_a_book_with_many_orders_at_few_prices_is_read(tmp_path: Path) -> None:
    day = History(5, recording=True)
    for i in range(3_000):
        day.time += 1
        away = (1 + i // 2 % 4) * TICK
        day.arrive(i % 2, 100 * TICK + (away if i % 2 else -away), 5)
    recording = read_lobster(write_files(tmp_path, day))
    assert (recording.final_shares, recording.defects) == (15_000, {})


def test_halts_and_crosses_leave_the_book_alone(message_file: Path) -> None:
    orderbook = orderbook_beside(message_file)
    clean = read_lobster(message_file)

    def with_halt(lines: Lines) -> Lines:
        return [*lines[:20], [lines[19][0], "7", "0", "0", "-1", "-1"], *lines[20:]]

    rewrite(message_file, with_halt)
    rewrite(orderbook, lambda lines: [*lines[:20], lines[19], *lines[20:]])
    halted = read_lobster(message_file)
    assert halted.counts[7] == 1
    assert halted.messages.tolist() == clean.messages.tolist()


def test_a_recording_that_contradicts_itself_is_repaired_counted_and_named_by_line(message_file: Path) -> None:
    def empty_the_best_bid(lines: Lines) -> None:
        lines[30][3] = str(int(lines[30][3]) + 7)

    rewrite(orderbook_beside(message_file), empty_the_best_bid)
    recording = read_lobster(message_file)
    assert recording.top_matches == recording.rows - 2  # it is wrong in line 31, and so is the way back
    assert [problem.line for problem in recording.problems] == [31, 32]
    assert sum(recording.defects.values()) == 2


def test_a_repair_that_removes_thousands_of_orders_at_once_is_whole(tmp_path: Path) -> None:
    day = History(1, recording=True)
    for i in range(2_000):
        day.time += 1
        day.arrive(i % 2, (99 if i % 2 == 0 else 101) * TICK, 5)
    day.books[-1][1] = day.books[-1][3] = 1
    recording = read_lobster(write_files(tmp_path, day))
    run = Run(RecordedFlow(recording))
    run.advance(FOREVER)
    assert run.book.depth(0) == [(99 * TICK, 1, 1)]
    assert run.book.depth(1) == [(101 * TICK, 1, 1)]
    check_arrays(run.book.arrays)


# --- what is refused ---


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    assert "no such file" in error(tmp_path / "A_2024-03-05_34200000_57600000_message_1.csv")


def test_a_missing_order_book_file_is_named(message_file: Path) -> None:
    orderbook = orderbook_beside(message_file)
    orderbook.unlink()
    assert f"{orderbook.name} is not beside it" in error(message_file)
    assert f"{orderbook}: no such file" in error(message_file, orderbook)


def test_a_folder_of_that_name_is_no_file(tmp_path: Path, day: History) -> None:
    message_file = write_files(tmp_path, day)
    message_file.unlink()
    message_file.mkdir()
    assert str(message_file) in error(message_file)


def test_the_order_book_file_given_first_is_refused(message_file: Path) -> None:
    assert "give the message file" in error(orderbook_beside(message_file))


@pytest.mark.parametrize(
    "other",
    ["TEST_2024-03-06_34200000_57600000_orderbook_2.csv", "ELSE_2024-03-05_34200000_57600000_orderbook_2.csv",
     "TEST_2024-03-05_34200000_57600000_orderbook_3.csv", "TEST_2024-03-05_34200000_50000000_orderbook_2.csv"],
)  # fmt: skip
def test_an_order_book_of_another_day_symbol_depth_or_span_is_refused(message_file: Path, other: str) -> None:
    path = orderbook_beside(message_file).rename(message_file.with_name(other))
    assert f"{path}: belongs to another recording than {message_file.name}" in error(message_file, path)


def test_an_order_book_of_another_length_is_refused_with_both_lengths(message_file: Path, day: History) -> None:
    rewrite(orderbook_beside(message_file), lambda lines: lines[:-1])
    text = error(message_file)
    assert f"has {len(day.rows) - 1} rows but {message_file.name} has {len(day.rows)}" in text


def test_an_order_book_of_another_width_is_refused_with_its_line(message_file: Path) -> None:
    rewrite(orderbook_beside(message_file), lambda lines: [line[:4] for line in lines])
    assert "line 1: has 4 fields, right would be 8" in error(message_file)


@pytest.mark.parametrize("which", ["message", "orderbook"])
@pytest.mark.parametrize("zipped", [False, True])
def test_an_empty_file_is_refused(tmp_path: Path, day: History, which: str, zipped: bool) -> None:
    message_file = write_files(tmp_path, day, zipped=zipped)
    path = message_file if which == "message" else orderbook_beside(message_file)
    path.write_bytes(gzip.compress(b"") if zipped else b"")
    assert f"{path}: is empty" in error(message_file)


@pytest.mark.parametrize("which", ["message", "orderbook"])
def test_a_truncated_gzip_is_refused(tmp_path: Path, which: str) -> None:
    message_file = write_files(tmp_path, invent(11, events=3_000, levels=2), zipped=True)
    path = message_file if which == "message" else orderbook_beside(message_file)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    text = error(message_file)
    assert text.startswith(f"{path}: damaged after line ")
    assert int(text.split("after line ")[1].split(":")[0]) > 100


def test_a_file_that_only_calls_itself_gzip_is_refused(tmp_path: Path, day: History) -> None:
    message_file = write_files(tmp_path, day, zipped=True)
    message_file.write_bytes(gzip.decompress(message_file.read_bytes()))
    assert text_names(error(message_file), message_file, "damaged")


def test_bytes_that_are_not_text_are_refused(message_file: Path) -> None:
    message_file.write_bytes(message_file.read_bytes()[:200] + b"\xff\xfe\x00" * 10)
    assert text_names(error(message_file), message_file, "line ")


def text_names(text: str, path: Path, what: str) -> bool:
    return text.startswith(f"{path}: ") and what in text


def test_a_row_with_five_fields_is_refused_with_its_line(message_file: Path) -> None:
    def drop(lines: Lines) -> None:
        del lines[16][5]

    rewrite(message_file, drop)
    assert error(message_file) == f"{message_file}: line 17: has 5 fields, right would be 6"


def test_time_that_goes_back_is_refused_with_its_line(message_file: Path) -> None:
    def go_back(lines: Lines) -> None:
        lines[20][0] = "34200.000000000"

    rewrite(message_file, go_back)
    assert error(message_file) == f"{message_file}: line 21: time 34200.0 must be not before the row above"


@pytest.mark.parametrize(
    ("field", "value", "what"),
    [
        (0, "nan", "time nan must be seconds after midnight"),
        (0, "inf", "time inf must be seconds after midnight"),
        (0, "-5", "time -5.0 must be seconds after midnight"),
        (0, "1e300", "time 1e+300 must be"),
        (0, "12.5", "time 12.5 must be"),
        (0, "noon", "time 'noon' is not a number"),
        (0, "", "time '' is not a number"),
        (1, "0", "type 0 must be 1 to 7"),
        (1, "8", "type 8 must be 1 to 7"),
        (1, "buy", "type 'buy' is not a whole number"),
        (2, "12x", "order id '12x' is not a whole number"),
        (3, "-10", "size -10 must be a positive number of shares"),
        (3, "0", "size 0 must be a positive number of shares"),
        (3, "10.5", "size '10.5' is not a whole number"),
        (3, "nan", "size 'nan' is not a whole number"),
        (3, "99999999999999999999", "size '99999999999999999999' is not a whole number of 64 bits"),
        (4, "-100", "price -100 must be dollars times 10,000, positive"),
        (4, "0", "price 0 must be dollars times 10,000, positive"),
        (4, "one", "price 'one' is not a whole number"),
        (5, "0", "direction 0 must be 1 (buy) or -1 (sell)"),
        (5, "2", "direction 2 must be 1 (buy) or -1 (sell)"),
        (5, "B", "direction 'B' is not a whole number"),
    ],
)
def test_a_wrong_value_is_refused_with_file_line_field_and_value(
    message_file: Path, field: int, value: str, what: str
) -> None:
    def spoil(lines: Lines) -> None:
        lines[0][1] = "1"
        lines[0][field] = value

    rewrite(message_file, spoil)
    assert error(message_file).startswith(f"{message_file}: line 1: {what}")


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        (1, "-3", "size -3 must be 0 or more shares"),
        (7, "-3", "size -3 must be 0 or more shares"),
        (2, "9000000", "must be above the best bid"),
        (4, "100", "must be"),
        (6, "9000000", "must be"),
        (0, "-7", "must be"),
        (0, "x", "column 1 'x' is not a whole number"),
        (3, "1.5", "column 4 '1.5' is not a whole number"),
    ],
)
def test_a_wrong_value_in_the_order_book_is_refused_with_its_line(
    message_file: Path, column: int, value: str, what: str
) -> None:
    orderbook = orderbook_beside(message_file)

    def spoil(lines: Lines) -> None:
        assert all(int(size) > 0 for size in lines[24][1::2])
        lines[24][column] = value

    rewrite(orderbook, spoil)
    text = error(message_file)
    assert text.startswith(f"{orderbook}: line 25: ")
    assert what in text


# --- a real day ---


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
    assert amzn.counts == {1: 77_381, 2: 450, 3: 66_685, 4: 8_974, 5: 2_445}
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
    check_arrays(market.book.arrays)
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


@pytest.mark.parametrize("seed", [1, 2])
def test_on_the_real_day_with_our_orders_every_share_is_accounted_for_and_the_book_never_crosses(
    amzn: Recording, seed: int
) -> None:
    rng = random.Random(seed)
    run = Run(RecordedFlow(amzn))
    times = sorted(rng.choice(amzn.row_times.tolist()) for _ in range(60))
    for number, time in enumerate(times, start=1):
        flags = rng.choice([0, 0, 0, 0, at.MARKET, at.IOC, at.HIDDEN])
        side, quantity, away = rng.randint(0, 1), rng.randint(1, 900), rng.choice([0, 0, 1, 1, 3, -1, -5, 20])
        run.request(Request(time, 0, side, quantity, away, 1, flags, rng.choice([0, 0, 50])), number)
    stops = np.linspace(amzn.start_ns, amzn.end_ns, 1_500).astype(np.int64).tolist()
    again = Run(RecordedFlow(amzn))
    rng = random.Random(seed)
    assert sorted(rng.choice(amzn.row_times.tolist()) for _ in range(60)) == times
    for number, time in enumerate(times, start=1):
        while stops and stops[0] < time:
            again.advance(stops.pop(0))
            check_arrays(again.book.arrays)
        flags = rng.choice([0, 0, 0, 0, at.MARKET, at.IOC, at.HIDDEN])
        side, quantity, away = rng.randint(0, 1), rng.randint(1, 900), rng.choice([0, 0, 1, 1, 3, -1, -5, 20])
        again.request(Request(time, 0, side, quantity, away, 1, flags, rng.choice([0, 0, 50])), number)
        check_arrays(again.book.arrays)
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
