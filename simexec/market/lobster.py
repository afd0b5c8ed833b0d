"""LOBSTER recordings: reading the two files of a day and making their order flow.

Format (LOBSTER, Humboldt-Universität zu Berlin): row k of the message file is an event, row k of the order book file the book
*after* it. Times are seconds after midnight with up to nine decimals, prices dollars times 10,000, empty levels ±9,999,999,999.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any, Final

import attrs
import numpy as np

from simexec.errors import DataError
from simexec.market import anchoring
from simexec.market import layout as at
from simexec.market.arrays import BookArrays
from simexec.market.levels import Array
from simexec.market.lobster_errors import explain
from simexec.market.lobster_name import LobsterName
from simexec.market.recording import Problem, Recording

_TICK: Final = 100
_LARGEST: Final = 2**40
_EVENTS: Final = {
    1: "new",
    2: "partial_cancel",
    3: "delete",
    4: "execution_visible",
    5: "execution_hidden",
    6: "cross",
    7: "halt",
}
_COUNTERS: Final = {
    anchoring.UNKNOWN: "order is unknown and no quantity of unknown age covers it",
    anchoring.DUPLICATE: "order id is already in the book; the older order is removed",
    anchoring.MISMATCHED: "book differs from the recorded one inside the window; it is repaired",
}


def orderbook_beside(message_file: Path) -> Path:
    """The order book file that belongs to a message file: the same name with ``orderbook``, plain or gzipped."""
    name = message_file.name.replace("_message_", "_orderbook_")
    plain = message_file.with_name(name.removesuffix(".gz"))
    for candidate in (message_file.with_name(name), plain, plain.with_name(plain.name + ".gz")):
        if candidate.exists():
            return candidate
    raise DataError(f"{message_file}: its order book file {name} is not beside it; name it explicitly")


def read_lobster(message_file: Path, orderbook_file: Path | None = None) -> Recording:
    """Read a day and make its order flow.

    Raises:
        DataError: a file is missing, damaged or of another day; the message names file, line and value.
    """
    if not message_file.exists():
        raise DataError(f"{message_file}: no such file")
    name = LobsterName.of_messages(message_file)
    orderbook_file = orderbook_file or orderbook_beside(message_file)
    if not orderbook_file.exists():
        raise DataError(f"{orderbook_file}: no such file")
    other = LobsterName.of(orderbook_file)
    if attrs.evolve(other, kind="message") != name:
        raise DataError(f"{orderbook_file}: belongs to another recording than {message_file.name}")
    times, events, ids, sizes, prices, directions = _read_messages(message_file, name)
    books = _read_books(orderbook_file, name.levels)
    if len(books) != len(times):
        raise DataError(
            f"{orderbook_file}: has {len(books)} rows but {message_file.name} has {len(times)}; they must go row by row"
        )
    return _make_flow(name, message_file, times, events, ids, sizes, prices, (1 - directions) // 2, books)


def _read_table(path: Path, types: list[str]) -> list[Array]:
    import pyarrow as pa
    from pyarrow import csv

    names = [str(i) for i in range(len(types))]
    try:
        table = csv.read_csv(
            path,
            read_options=csv.ReadOptions(column_names=names),
            parse_options=csv.ParseOptions(ignore_empty_lines=False),
            convert_options=csv.ConvertOptions(
                column_types={n: pa.type_for_alias(t) for n, t in zip(names, types, strict=True)},
                null_values=[],
            ),
        )
    except (pa.ArrowInvalid, OSError, EOFError) as error:
        raise explain(path, types, error) from error
    return [table.column(n).to_numpy() for n in names]


def _read_messages(path: Path, name: LobsterName) -> list[Array]:
    seconds, events, ids, sizes, prices, directions = _read_table(path, ["float64"] + ["int64"] * 5)
    if len(seconds) == 0:
        raise DataError(f"{path}: is empty")
    _refuse(path, ~((seconds >= 0) & (seconds <= 86_400)), "time", seconds, "seconds after midnight")
    # Exact: a float64 below 86,400 is within 8e-12 s of the decimal, and times 1e9 rounds back to its nanosecond.
    times = np.rint(seconds * 1e9).astype(np.int64)
    _refuse(path, np.diff(times, prepend=times[0]) < 0, "time", seconds, "not before the row above")
    _refuse(
        path, (times < name.start_ns) | (times > name.end_ns), "time", seconds, "inside the span of the file's name"
    )
    _refuse(path, (events < 1) | (events > 7), "type", events, "1 to 7")
    book_events = events <= 5
    _refuse(path, book_events & ((sizes <= 0) | (sizes > _LARGEST)), "size", sizes, "a positive number of shares")
    _refuse(
        path, book_events & ((prices <= 0) | (prices > _LARGEST)), "price", prices, "dollars times 10,000, positive"
    )
    _refuse(path, (events <= 4) & (prices % _TICK != 0), "price", prices, f"a multiple of the tick, {_TICK}")
    _refuse(path, book_events & (np.abs(directions) != 1), "direction", directions, "1 (buy) or -1 (sell)")
    return [times, events, ids, sizes, prices, np.where(book_events, directions, 1)]


def _read_books(path: Path, depth: int) -> Array:
    columns = _read_table(path, ["int64"] * (4 * depth))
    books = np.stack(columns, axis=1) if len(columns[0]) else np.empty((0, 4 * depth), np.int64)
    _refuse(path, (books[:, 1::2] < 0).any(axis=1), "size", books[:, 1::2].min(axis=1, initial=0), "0 or more shares")
    crossed = (books[:, 0] <= books[:, 2]) & (books[:, 1] > 0) & (books[:, 3] > 0)
    _refuse(path, crossed, "best ask", books[:, 0], "above the best bid")
    for side, first, sign in (("ask", 0, 1), ("bid", 2, -1)):
        prices, filled = books[:, first::4], books[:, first + 1 :: 4] > 0
        for i in range(depth):
            _refuse(path, filled[:, i] & (prices[:, i] <= 0), f"{side} price", prices[:, i], "positive")
        for i in range(1, depth):
            outwards = filled[:, i - 1] & (sign * prices[:, i] > sign * prices[:, i - 1])
            _refuse(path, filled[:, i] & ~outwards, f"{side} price", prices[:, i], f"beyond that of level {i}")
    return np.ascontiguousarray(books)


def _refuse(path: Path, wrong: Any, field: str, values: Any, right: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{path}: line {row + 1}: {field} {values[row]} must be {right}")


def _make_flow(
    name: LobsterName, path: Path, times: Array, events: Array, ids: Array, sizes: Array, prices: Array, sides: Array,
    books: Array,
) -> Recording:  # fmt: skip
    known, refs = np.unique(ids, return_inverse=True)
    most = anchoring.room_per_row(books.shape[1])
    # Twice what a row may add: a pool that has no room for it is then more than half full, and doubles.
    book = BookArrays.empty(orders=max(4096, 2 * most), levels=max(1024, 2 * most), slots=2 * len(known) + 4096, log=64)
    progress = np.zeros(anchoring.PROGRESS_WIDTH, np.int64)
    progress[[anchoring.REFERENCES, anchoring.NAMED]] = len(known)
    problems = np.zeros((anchoring.MOST_PROBLEMS, 3), np.int64)
    windows = np.empty((len(times), 3), np.int64)
    chunk = np.empty((2 * len(times) + 16 * books.shape[1] + 4096, at.MESSAGE_WIDTH), np.int64)
    chunks = []
    while True:
        code = anchoring.anchor(
            book.state, book.orders, book.levels, book.ladder, book.slots, progress, chunk, problems, windows,
            times, events, refs, sizes, prices, sides, books, name.start_ns,
        )  # fmt: skip
        if code == at.GROW:
            book.grow()
            book.reserve_slots(int(progress[anchoring.REFERENCES]) + most)
            continue
        chunks.append(chunk[: progress[anchoring.EMITTED]].copy())
        progress[anchoring.EMITTED] = 0
        if code == at.DONE:
            break
    moved = np.ones(len(windows), bool)
    moved[1:] = (windows[1:, 1:] != windows[:-1, 1:]).any(axis=1)
    count = Counter(events.tolist())
    return Recording(
        source=str(path),
        symbol=name.symbol,
        date=name.date,
        start_ns=name.start_ns,
        end_ns=name.end_ns,
        levels=name.levels,
        price_quanta_per_unit=10_000,
        tick_quanta=_TICK,
        messages=np.concatenate(chunks) if len(chunks) > 1 else chunks[0],
        references=int(progress[anchoring.REFERENCES]),
        row_times=times,
        windows=windows[moved],
        counts={_EVENTS[int(k)]: count[k] for k in sorted(count)},
        top_matches=int(progress[anchoring.MATCHED]),
        queue_head_executions=int(progress[anchoring.HEAD_EXECUTIONS]),
        executed_visible=int(progress[anchoring.EXECUTED_SHOWN]),
        executed_hidden=int(progress[anchoring.EXECUTED_HIDDEN]),
        final_shares=int(book.levels[book.ladder[0, : book.state[at.LADDER_SIZE], 1], at.LEVEL_SHOWN].sum())
        + int(book.levels[book.ladder[1, : book.state[at.LADDER_SIZE + 1], 1], at.LEVEL_SHOWN].sum()),
        problems=tuple(
            Problem(int(row) + 1, _COUNTERS[int(kind)], int(price))
            for row, kind, price in problems[: progress[anchoring.PROBLEMS]]
        ),
        defects={_COUNTERS[k]: int(progress[k]) for k in _COUNTERS if progress[k]},
    )
