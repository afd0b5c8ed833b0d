"""Databento recordings: market-by-order (MBO) files in DBN, compressed or not.

Format (Databento, DBN versions 1 to 3): metadata, then records of fixed width. The metadata are read by ``databento-dbn``;
the records have the same layout in all versions and are read in one view, since making 70,000 objects takes longer than the replay.

Rows of the snapshot stand at the time at which it was taken (``ts_recv``), not at that of the orders' entry.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import numpy as np

from simexec.errors import DataError, InputError
from simexec.market import l3
from simexec.market.l3 import L3Events, Numbers
from simexec.market.l3_recording import record
from simexec.market.recording import Recording

_MBO: Final = 160
_RECORD: Final = np.dtype(
    [
        ("length", "u1"), ("rtype", "u1"), ("publisher_id", "<u2"), ("instrument_id", "<u4"), ("ts_event", "<u8"),
        ("order_id", "<u8"), ("price", "<i8"), ("size", "<u4"), ("flags", "u1"), ("channel_id", "u1"), ("action", "u1"),
        ("side", "u1"), ("ts_recv", "<u8"), ("ts_in_delta", "<i4"), ("sequence", "<u4"),
    ]
)  # fmt: skip
_ACTIONS: Final = {"A": l3.ADD, "C": l3.CANCEL, "M": l3.MODIFY, "T": l3.TRADE, "F": l3.FILL, "R": l3.CLEAR}
_SIDES: Final = {"B": l3.BUY, "A": l3.SELL, "N": l3.NO_SIDE}
_UNDEFINED_PRICE: Final = 2**63 - 1
_UNDEFINED_TIME: Final = 2**64 - 1
_LATEST: Final = 2**62

F_LAST: Final = 128
F_SNAPSHOT: Final = 32
F_BAD_TS_RECV: Final = 8
F_MAYBE_BAD_BOOK: Final = 4


def read_dbn(
    path: Path, *, instrument: str | int | None = None, tick: Decimal | None = None, timezone: str = "UTC"
) -> Recording:
    """Read the order flow of one instrument.

    Args:
        path: the file, ``.dbn`` or ``.dbn.zst``.
        instrument: symbol or instrument id; needed only if the file has several.
        tick: the instrument's tick; None: the one that its prices suggest (``l3.guess_tick``).
        timezone: whose midnight times are counted from.

    Raises:
        DataError: the file is damaged, of another schema, or has no such instrument; the message names record and field.
        InputError: ``databento-dbn`` is not installed.
    """
    content = _content(path)
    metadata, start = _metadata(path, content)
    records, numbers = _records(path, content, start)
    chosen, symbol = _choose(path, records, _names(metadata), instrument)
    numbers, found = numbers[chosen], records[chosen]
    actions, sides = _letters(path, found, numbers, "action", _ACTIONS), _letters(path, found, numbers, "side", _SIDES)
    snapshot = found["flags"] & F_SNAPSHOT > 0
    times = np.where(snapshot, found["ts_recv"], found["ts_event"])
    _refuse(path, numbers, times > _LATEST, "ts_recv" if snapshot[0] else "ts_event", times, "a time in ns")
    prices = np.where((actions == l3.CANCEL) | (actions == l3.CLEAR), 0, found["price"])
    _refuse(path, numbers, prices == _UNDEFINED_PRICE, "price", prices, "given")
    on_book = (actions == l3.ADD) | (actions == l3.MODIFY)
    tick = tick or l3.guess_tick(np.unique(prices[on_book]))
    quanta = l3.to_quanta(prices, tick)
    step = int(tick.scaleb(9))
    _refuse(path, numbers, on_book & (prices % step != 0), "price", prices / 1e9, f"a whole number of ticks of {tick}")
    # T and R may end nothing; a snapshot is one event, whatever its flags say
    ends = found["flags"] & F_LAST > 0
    ends[:-1] &= ~snapshot[:-1]
    ends[:-1] |= snapshot[:-1] & ~snapshot[1:]
    flags = np.where(ends, l3.LAST, 0) | np.where(snapshot, l3.SNAPSHOT, 0)
    sequence = found["sequence"].astype(np.int64)
    back = np.diff(sequence, prepend=sequence[:1]) < 0
    suspect = found["flags"] & F_MAYBE_BAD_BOOK > 0
    live = ~snapshot & ~np.concatenate([[True], snapshot[:-1]])
    flags |= np.where((suspect & ~np.concatenate([[False], suspect[:-1]])) | (back & live), l3.GAP, 0)
    bad = (found["flags"] & F_BAD_TS_RECV > 0) | (found["ts_recv"] == _UNDEFINED_TIME)
    arrivals = np.where(bad & ~snapshot, times, found["ts_recv"])
    events = L3Events(
        source=str(path),
        symbol=symbol,
        tick=tick,
        times=times.astype(np.int64),
        actions=actions,
        ids=found["order_id"],
        sides=sides,
        prices=quanta,
        sizes=found["size"].astype(np.int64),
        flags=flags,
        arrivals=arrivals.astype(np.int64),
        records=numbers + 1,
        notes={
            "snapshot_rows": int(snapshot.sum()),
            "arrivals_unknown": int((bad & ~snapshot).sum()),
            "other_instruments_rows": len(records) - len(found),
        },
    )
    return record(events, timezone=timezone)


def _content(path: Path) -> bytes:
    """The file's bytes, decompressed."""
    import pyarrow as pa

    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: {'no such file' if isinstance(error, FileNotFoundError) else error.strerror}"
        ) from error
    if raw[:4] != b"\x28\xb5\x2f\xfd":
        return raw
    try:
        with pa.CompressedInputStream(pa.py_buffer(raw), "zstd") as stream:
            content: bytes = stream.read()
    except (pa.ArrowInvalid, OSError) as error:
        raise DataError(f"{path}: damaged: {error}; fetch the file again") from error
    return content


def _metadata(path: Path, content: bytes) -> tuple[Any, int]:
    """The metadata, and where the records begin."""
    try:
        import databento_dbn
    except ImportError as error:
        raise InputError(
            f"{path}: reading DBN needs databento-dbn; install it: pip install 'simexec[databento]'"
        ) from error
    if content[:3] != b"DBN" or len(content) < 8:
        raise DataError(f"{path}: is no DBN file: it begins with {content[:4]!r}, not b'DBN'")
    start = 8 + int.from_bytes(content[4:8], "little")
    try:
        metadata = databento_dbn.Metadata.decode(content[:start])
    except (databento_dbn.DBNError, ValueError) as error:
        raise DataError(f"{path}: its metadata are damaged: {error}; fetch the file again") from error
    if metadata.schema not in (None, "mbo"):
        raise DataError(f"{path}: schema is {metadata.schema!s}, and the order flow needs 'mbo'")
    return metadata, start


def _records(path: Path, content: bytes, start: int) -> tuple[Numbers, Numbers]:
    """The MBO records, and the number of each in the file."""
    width = _RECORD.itemsize
    body = memoryview(content)[start:]
    whole = len(body) // width
    records = np.frombuffer(body, _RECORD, count=whole)
    if len(body) == whole * width and (records["length"] * 4 == width).all() and (records["rtype"] == _MBO).all():
        if whole == 0:
            raise DataError(f"{path}: has no records")
        return records, np.arange(whole)
    # other records stand between them, or the file ends in the middle of one
    kept, numbers, place, number = [], [], 0, 0
    while place < len(body):
        length = 4 * body[place]
        if length == 0 or place + length > len(body):
            raise DataError(
                f"{path}: record {number + 1}: length {length} bytes, but {len(body) - place} are left;"
                " the file is truncated: fetch it again"
            )
        if body[place + 1] == _MBO:
            kept.append(bytes(body[place : place + width]))
            numbers.append(number)
        place += length
        number += 1
    if not kept:
        raise DataError(f"{path}: has no market-by-order record")
    return np.frombuffer(b"".join(kept), _RECORD), np.array(numbers)


def _names(metadata: Any) -> dict[int, str]:
    """Symbol of each instrument id that the metadata map."""
    names: dict[int, str] = {}
    for raw, intervals in metadata.mappings.items():
        for interval in intervals:
            if str(interval["symbol"]).isdecimal():
                names[int(interval["symbol"])] = raw
    return names


def _choose(path: Path, records: Numbers, names: dict[int, str], instrument: str | int | None) -> tuple[Numbers, str]:
    present = np.unique(records["instrument_id"]).tolist()
    if instrument is None and len(present) == 1:
        return np.ones(len(records), bool), names.get(present[0], str(present[0]))
    held = ", ".join(f"{names[i]} ({i})" if i in names else str(i) for i in present[:10])
    if instrument is None:
        raise DataError(f"{path}: has {len(present)} instruments, {held}; name one of them")
    wanted = [i for i in present if str(instrument) in (str(i), names.get(i))]
    if not wanted:
        raise DataError(f"{path}: has no instrument {instrument!r}; it has {held}")
    return np.isin(records["instrument_id"], wanted), names.get(wanted[0], str(wanted[0]))


def _letters(path: Path, records: Numbers, numbers: Numbers, field: str, meanings: dict[str, int]) -> Numbers:
    table = np.zeros(256, np.int64) - 1
    for letter, meaning in meanings.items():
        table[ord(letter)] = meaning
    found = table[records[field]]
    letters = np.array([chr(i) for i in range(256)])
    _refuse(path, numbers, found < 0, field, letters[records[field]], f"one of {' '.join(meanings)}")
    return found


def _refuse(path: Path, numbers: Numbers, wrong: Numbers, field: str, values: Numbers, right: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{path}: record {numbers[row] + 1}: {field} {values[row]!s} must be {right}")
