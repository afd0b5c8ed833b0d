"""Reading LOBSTER files, well-formed and not."""

from __future__ import annotations

import datetime as dt
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from simexec.errors import DataError
from simexec.market.lobster import orderbook_beside, read_lobster
from simexec.market.recording import RecordedFlow
from simexec.testing import check_book

from .history import EMPTY, START_NS, TICK, History, invent, write_files
from .test_replay_properties import FOREVER, Run

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


def crowd(orders: int) -> History:
    """A day on which ever more orders of five shares join one price a side, at the end ``orders``."""
    history = History(1)
    for i in range(orders):
        side, price = i % 2, (101 if i % 2 else 99) * TICK
        history.rows.append((START_NS + i, 1, i + 1, 5, price, 1 - 2 * side))
        asks, bids = 5 * ((i + 1) // 2), 5 * (i // 2 + 1)
        history.books.append([101 * TICK if asks else EMPTY, asks, 99 * TICK, bids])
    return history


def error(message_file: Path, orderbook_file: Path | None = None) -> str:
    """The one-line message of the refusal."""
    with pytest.raises(DataError) as caught:
        read_lobster(message_file, orderbook_file)
    text = str(caught.value)
    assert "\n" not in text
    return text


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
    kinds = ["new", "partial_cancel", "delete", "execution_visible", "execution_hidden"]
    counts = {name: sum(row[1] == kind for row in day.rows) for kind, name in enumerate(kinds, start=1)}
    assert recording.counts == {name: count for name, count in counts.items() if count}
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
    recording = read_lobster(write_files(tmp_path, crowd(6_000)))
    assert (recording.final_shares, recording.defects) == (30_000, {})


def test_halts_and_crosses_leave_the_book_alone(message_file: Path) -> None:
    orderbook = orderbook_beside(message_file)
    clean = read_lobster(message_file)

    def with_halt(lines: Lines) -> Lines:
        return [*lines[:20], [lines[19][0], "7", "0", "0", "-1", "-1"], *lines[20:]]

    rewrite(message_file, with_halt)
    rewrite(orderbook, lambda lines: [*lines[:20], lines[19], *lines[20:]])
    halted = read_lobster(message_file)
    assert halted.counts["halt"] == 1
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
    day = crowd(6_000)
    day.books[-1][1] = day.books[-1][3] = 1
    recording = read_lobster(write_files(tmp_path, day))
    run = Run(RecordedFlow(recording))
    run.advance(FOREVER)
    assert run.book.depth(0) == [(99 * TICK, 1, 1)]
    assert run.book.depth(1) == [(101 * TICK, 1, 1)]
    check_book(run.book)


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
        (4, "100", "ask price 100 must be beyond that of level 1"),
        (6, "9000000", "bid price 9000000 must be beyond that of level 1"),
        (1, "0", "must be beyond that of level 1"),
        (6, "-7", "bid price -7 must be positive"),
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
