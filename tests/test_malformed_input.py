"""Wrong input, from the command line: exit code 2, one line with the place and the value, nothing left behind."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simexec import cli

from .market.l3_files import DBN_ROWS, NPZ_ROWS, write_dbn, write_npz

ROOT = Path(__file__).resolve().parent.parent
NAME = "TEST_2020-01-02_34200000_57600000_{}_1.csv"
MESSAGES = ["34200.1,1,11,100,1000000,1", "34200.2,1,12,100,1000200,-1", "34200.3,2,11,40,1000000,1"]
BOOKS = ["9999999999,0,1000000,100", "1000200,100,1000000,100", "1000200,100,1000000,60"]


def write(folder: Path, messages: list[str], books: list[str], book_name: str = NAME) -> Path:
    (folder / book_name.format("orderbook")).write_text("\n".join(books) + "\n")
    file = folder / NAME.format("message")
    file.write_text("\n".join(messages) + "\n")
    return file


def with_row(row: str) -> Callable[[Path], Path]:
    return lambda folder: write(folder, [MESSAGES[0], row, MESSAGES[2]], BOOKS)


def truncated(folder: Path) -> Path:
    file = write(folder, MESSAGES * 500, BOOKS)
    zipped = file.with_name(file.name + ".gz")
    zipped.write_bytes(gzip.compress(file.read_bytes())[:-20])
    file.unlink()
    return zipped


def of_another_day(folder: Path) -> Path:
    return write(folder, MESSAGES, BOOKS, NAME.replace("2020-01-02", "2020-01-03"))


DATA = {
    "a truncated gzip": (truncated, ["message_1.csv.gz", "damaged"]),
    "five fields": (with_row("34200.2,1,12,100,1000200"), ["message_1.csv", "line 2", "5 fields"]),
    "time going back": (with_row("34200.05,1,12,100,1000200,-1"), ["message_1.csv", "line 2", "time", "34200.05"]),
    "a negative size": (with_row("34200.2,1,12,-7,1000200,-1"), ["message_1.csv", "line 2", "size", "-7"]),
    "no number": (with_row("34200.2,1,12,many,1000200,-1"), ["message_1.csv", "line 2", "size", "'many'"]),
    "a book of another day": (of_another_day, ["orderbook_1.csv"]),
    "a shorter book": (lambda folder: write(folder, MESSAGES, BOOKS[:2]), ["orderbook_1.csv", "2 rows", "3"]),
    "no file": (lambda folder: folder / NAME.format("message"), ["message_1.csv"]),
}


@pytest.mark.parametrize(("make", "words"), DATA.values(), ids=DATA.keys())
def test_malformed_data_are_refused(
    make: Callable[[Path], Path], words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    data = make(tmp_path)
    code = cli.main(["run", str(ROOT / "scenarios" / "quickstart.yaml"), "--data", str(data), "--out", str(out)])
    refused(code, words, out, capsys)


def cut(path: Path, count: int) -> Path:
    path.write_bytes(path.read_bytes()[:-count])
    return path


def changed(rows: list[dict[str, Any]], row: int, **fields: object) -> list[dict[str, Any]]:
    return [*rows[:row], rows[row] | fields, *rows[row + 1 :]]


ORDERS: dict[str, tuple[Callable[[Path], Path], list[str], list[str]]] = {
    "DBN, truncated": (lambda folder: cut(write_dbn(folder), 20), [], ["test.mbo.dbn", "record 9", "truncated"]),
    "DBN, a gap": (
        lambda folder: write_dbn(folder, changed(DBN_ROWS, 2, flags=128 + 4)), [],
        ["problems found", "record 3", "sequence", "missing"],
    ),
    "DBN, an unknown id": (
        lambda folder: write_dbn(folder, changed(DBN_ROWS, 8, order_id=55)), [],
        ["problems found", "record 9", "order id", "not in the book"],
    ),
    "DBN, a duplicate id": (
        lambda folder: write_dbn(folder, changed(DBN_ROWS, 2, order_id=12)), [],
        ["problems found", "record 3", "order id", "already in the book"],
    ),
    "DBN, a wrong symbol": (
        lambda folder: write_dbn(folder), ["--symbol", "OTHER"], ["test.mbo.dbn", "no instrument 'OTHER'", "TEST (7)"],
    ),
    "DBN, a clock going back": (
        lambda folder: write_dbn(folder, changed(DBN_ROWS, 2, ts_event=0)), [],
        ["problems found", "record 3", "time", "goes back"],
    ),
    "npz, truncated": (lambda folder: cut(write_npz(folder), 200), [], ["test.npz", "damaged"]),
    "npz, an unknown id": (
        lambda folder: write_npz(folder, changed(NPZ_ROWS, 8, order_id=55)), [],
        ["problems found", "record 9", "order id", "not in the book"],
    ),
    "npz, a duplicate id": (
        lambda folder: write_npz(folder, changed(NPZ_ROWS, 2, order_id=12)), [],
        ["problems found", "record 3", "order id", "already in the book"],
    ),
    "npz, a wrong symbol": (
        lambda folder: write_npz(folder), ["--symbol", "OTHER"], ["test.npz", "'test'", "'OTHER'"],
    ),
    "npz, a clock going back": (
        lambda folder: write_npz(folder, changed(NPZ_ROWS, 2, exch_ts=0)), [],
        ["problems found", "record 3", "time", "goes back"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "options", "words"), ORDERS.values(), ids=ORDERS.keys())
def test_a_malformed_order_by_order_recording_is_refused_or_its_defects_are_named(
    make: Callable[[Path], Path],
    options: list[str],
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("databento_dbn")
    code = cli.main(["data", "check", str(make(tmp_path)), *options])
    said = capsys.readouterr()
    assert code == 2
    (line,) = said.err.splitlines()
    assert line.startswith("simexec: error: ")
    assert "Traceback" not in line
    assert all(word in line + said.out for word in words), line + said.out


UTC = "session={open: '09:30', close: '09:40', timezone: UTC}"

REPLAYS: dict[str, tuple[Callable[[Path], Path], list[str], list[str]]] = {
    "DBN, truncated": (lambda folder: cut(write_dbn(folder), 20), [UTC], ["test.mbo.dbn", "record 9", "truncated"]),
    "DBN, a wrong symbol": (
        lambda folder: write_dbn(folder), [UTC, "instrument.symbol=OTHER"], ["test.mbo.dbn", "'OTHER'", "TEST (7)"],
    ),
    "DBN, another tick": (
        lambda folder: write_dbn(folder), [UTC, "instrument.tick=0.25"], ["test.mbo.dbn", "record", "price", "0.25"],
    ),
    "DBN, too many defects": (
        lambda folder: write_dbn(folder, changed(DBN_ROWS, 8, order_id=55)), [UTC], ["test.mbo.dbn", "1 of 9 rows"],
    ),
    "DBN, another part of the day": (
        lambda folder: write_dbn(folder), ["session={open: '11:00', close: '12:00', timezone: UTC}"],
        ["test.mbo.dbn", "9:30:00", "11:00:00", "session.open"],
    ),
    "DBN, an order that begins too late": (
        lambda folder: write_dbn(folder), [UTC, "order.start=11m"], ["order.start", "11m"],
    ),
    "npz, damaged": (lambda folder: cut(write_npz(folder), 200), [UTC], ["test.npz", "damaged"]),
    "npz, a switch without a model": (
        lambda folder: write_npz(folder), [UTC, "flow.switch='09:35'"], ["flow.then", "switch"],
    ),
    "npz, a time zone that is none": (
        lambda folder: write_npz(folder), ["session.timezone=Mars"], ["'Mars'", "time zone"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("make", "overrides", "words"), REPLAYS.values(), ids=REPLAYS.keys())
def test_a_recording_that_cannot_be_replayed_is_refused(
    make: Callable[[Path], Path],
    overrides: list[str],
    words: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("databento_dbn")
    out = tmp_path / "out"
    small = ["algorithm={type: market}", "order={side: buy, quantity: 2, start: 1m}", *overrides]
    sets = [word for override in small for word in ("--set", override)]
    arguments = ["--data", str(make(tmp_path)), *sets, "--out", str(out)]
    refused(cli.main(["run", str(ROOT / "scenarios" / "quickstart.yaml"), *arguments]), words, out, capsys)


MARKETS = {
    "an unknown venue": ("venue: {name: DARK, matching: midpoint}", "reference: [BETE]", ["reference", "'BETE'", "'BETA'"]),
    "a duplicate market": ("venue: {name: ALFA}", "", ["venue.name", "ALFA trades DEMO already"]),
    "a halt outside the session": (
        "session: {halts: [{start: '17:00', end: '17:05'}]}", "", ["session.halts.0.start", "17:00:00", "16:00:00"],
    ),
    "an outage that ends before it begins": (
        "venue: {name: X, incidents: [{type: outage, start: '10:00', end: '09:00'}]}", "",
        ["venue.incidents.0.end", "09:00:00", "10:00:00"],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("section", "inner", "words"), MARKETS.values(), ids=MARKETS.keys())
def test_a_market_that_contradicts_the_others_is_refused_with_its_line(
    section: str, inner: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    if inner:
        section = section.replace("}", f", {inner}}}")
    flow = "{type: dark}" if "midpoint" in section else "{type: zero_intelligence, start_price: 100}"
    venue = "" if section.startswith("venue") else "\n    venue: {name: X}"
    text = (ROOT / "scenarios" / "two_venues.yaml").read_text()
    entry = f"  - {section}{venue}\n    flow: {flow}\n\norder:"
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("\norder:", f"\n{entry}", 1))
    line = file.read_text()[: file.read_text().index(section)].count("\n") + 1
    refused(cli.main(["run", str(file)]), [f"mine.yaml:{line}", "markets.2.", *words], tmp_path / "out", capsys)


FIELDS = {
    "an unknown key": ("algorithm.slicez=3", ["algorithm.slicez", "did you mean 'slices'"]),
    "quantity 0": ("order.quantity=0", ["order.quantity", "0"]),
    "a negative quantity": ("order.quantity=-5", ["order.quantity", "-5"]),
    "a price off tick": ("algorithm.tactics.limit_price=100.005", ["algorithm.tactics.limit_price", "100.005", "0.01"]),
    "a limit that is no number": ("algorithm.tactics.limit_price=.nan", ["algorithm.tactics.limit_price", "nan"]),
    "an infinite latency": ("links.orders=.inf", ["links.orders", "inf"]),
    "a list for a number": ("algorithm.slices=[1]", ["algorithm.slices", "[1]"]),
}


@pytest.mark.parametrize(("override", "words"), FIELDS.values(), ids=FIELDS.keys())
def test_a_wrong_field_is_refused(
    override: str, words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    code = cli.main(["run", str(ROOT / "scenarios" / "quickstart.yaml"), "--set", override, "--out", str(out)])
    refused(code, words, out, capsys)


def test_an_unknown_key_in_a_file_is_refused_with_its_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "mine.yaml"
    text = (ROOT / "scenarios" / "quickstart.yaml").read_text().replace("  slices: 20", "  slises: 20")
    file.write_text(text)
    line = text.splitlines().index("  slises: 20") + 1
    refused(cli.main(["run", str(file)]), [f"mine.yaml:{line}", "slises", "slices"], tmp_path / "out", capsys)


def test_a_scenario_that_is_not_there_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused(cli.main(["run", str(tmp_path / "none.yaml")]), ["none.yaml"], tmp_path / "out", capsys)


def refused(code: int, words: list[str], out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = capsys.readouterr()
    assert code == 2
    assert said.out == ""
    (line,) = [line for line in said.err.splitlines() if "compiling" not in line]
    assert line.startswith("simexec: error: ")
    assert "Traceback" not in line
    assert all(word in line for word in words), line
    assert not out.exists()
