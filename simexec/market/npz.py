"""hftbacktest recordings: order-by-order feeds in its ``.npz`` files.

Format (hftbacktest 2): one array ``data`` of 64-byte rows: what happened (``ev``, flags in its high bits), when at the exchange
and when at the recorder, price and quantity as floats, order id. Where the two times are in different orders a row is
split in two, one flagged for the exchange and one for the recorder. The book follows the rows of the exchange; a row for the
recorder only says nothing new, since both halves carry both times.

Rows of one exchange time are one event.
"""

from __future__ import annotations

import zipfile
import zlib
from decimal import Decimal
from pathlib import Path
from typing import Final

import numpy as np

from simexec.errors import DataError
from simexec.market import l3
from simexec.market.l3 import L3Events, Numbers
from simexec.market.l3_recording import record
from simexec.market.recording import Recording

EVENT: Final = np.dtype(
    [
        ("ev", "<u8"), ("exch_ts", "<i8"), ("local_ts", "<i8"), ("px", "<f8"), ("qty", "<f8"), ("order_id", "<u8"),
        ("ival", "<i8"), ("fval", "<f8"),
    ]
)  # fmt: skip
"""A row of the file."""
EXCH: Final = 1 << 31
LOCAL: Final = 1 << 30
BUY: Final = 1 << 29
SELL: Final = 1 << 28
KINDS: Final = {2: l3.TRADE, 3: l3.CLEAR, 10: l3.ADD, 11: l3.CANCEL, 12: l3.MODIFY, 13: l3.FILL}
"""The kinds of events that are about an order, and what each is."""
_BY_PRICE: Final = (1, 4, 5)
_LATEST: Final = 2**62
_NANO: Final = 1e9


def read_npz(
    path: Path,
    *,
    tick: Decimal | None = None,
    lot: Decimal = Decimal(1),
    symbol: str | None = None,
    timezone: str = "UTC",
) -> Recording:
    """Read the order flow of one instrument.

    Args:
        path: the file.
        tick: the instrument's tick; None: the one that its prices suggest (``l3.guess_tick``).
        lot: sizes are counted in it.
        symbol: of the instrument; the file does not say it. None: the file's name.
        timezone: whose midnight times are counted from.

    Raises:
        DataError: the file is damaged or not order by order; the message names record and field.
    """
    data = _content(path)
    numbers = np.flatnonzero(data["ev"] & EXCH)
    if len(numbers) == 0:
        raise DataError(
            f"{path}: no row is flagged for the exchange (EXCH_EVENT); put them in order with correct_event_order"
        )
    found = data if len(numbers) == len(data) else data[numbers]
    ev = found["ev"]
    kinds = (ev & 0xFF).astype(np.int64)
    _refuse(path, numbers, np.isin(kinds, _BY_PRICE), "ev", kinds, "about an order: the file is market by price (L2)")
    table = np.zeros(256, np.int64)
    for kind, action in KINDS.items():
        table[kind] = action
    actions = table[kinds]
    _refuse(path, numbers, actions == 0, "ev", kinds, f"one of {', '.join(map(str, KINDS))}")
    sides = np.where(ev & BUY, l3.BUY, np.where(ev & SELL, l3.SELL, l3.NO_SIDE))
    for field in ("exch_ts", "local_ts"):
        _refuse(path, numbers, (found[field] < 0) | (found[field] > _LATEST), field, found[field], "a time in ns")
    prices, tick = _prices(path, numbers, found["px"], actions, tick)
    times = found["exch_ts"]
    flags = np.zeros(len(found), np.int64)
    flags[:-1][times[1:] != times[:-1]] = l3.LAST
    events = L3Events(
        source=str(path),
        symbol=symbol or path.name.removesuffix(".npz"),
        tick=tick,
        times=times,
        actions=actions,
        ids=found["order_id"],
        sides=sides,
        prices=prices,
        sizes=_sizes(path, numbers, found["qty"], actions, lot),
        flags=flags,
        arrivals=found["local_ts"],
        records=numbers + 1,
        notes={"recorder_only_rows": len(data) - len(found)},
    )
    return record(events, timezone=timezone)


def _content(path: Path) -> Numbers:
    try:
        if not zipfile.is_zipfile(path):
            path.stat()
            raise DataError(f"{path}: is no .npz file, or only a part of one; fetch the file again")
        with path.open("rb") as file:  # numpy leaves a damaged file open
            archive = np.load(file, allow_pickle=False)
            if not isinstance(archive, np.lib.npyio.NpzFile) or "data" not in archive.files:
                raise DataError(f"{path}: has no array 'data'")
            data: Numbers = archive["data"]
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: damaged: {error}; fetch the file again") from error
    if data.dtype.names != EVENT.names or data.ndim != 1:
        raise DataError(f"{path}: array 'data' has fields {data.dtype.names}; right would be {EVENT.names}")
    return np.asarray(data, EVENT)


def _prices(
    path: Path, numbers: Numbers, px: Numbers, actions: Numbers, tick: Decimal | None
) -> tuple[Numbers, Decimal]:
    """Prices in quanta, exactly, and the tick."""
    on_book = (actions == l3.ADD) | (actions == l3.MODIFY)
    needed = on_book | (actions == l3.TRADE) | (actions == l3.FILL)
    _refuse(path, numbers, needed & ~(np.abs(px) < 2**53 / _NANO), "px", px, "a price below 9 million")
    nano = np.rint(np.where(needed, px, 0.0) * _NANO).astype(np.int64)
    _refuse(path, numbers, needed & (nano / _NANO != px), "px", px, "a price of at most nine decimals")
    tick = tick or l3.guess_tick(np.unique(nano[on_book]))
    step = int(tick.scaleb(9))
    if step <= 0:
        raise DataError(f"{path}: tick {tick} must be a positive number of at most nine decimals")
    _refuse(path, numbers, on_book & (nano % step != 0), "px", px, f"a whole number of ticks of {tick}")
    return l3.to_quanta(nano, tick), tick


def _sizes(path: Path, numbers: Numbers, qty: Numbers, actions: Numbers, lot: Decimal) -> Numbers:
    """Sizes in lots, exactly; a cancel is of the whole order."""
    needed = (actions != l3.CANCEL) & (actions != l3.CLEAR)
    lots = np.where(needed, qty, 0.0) / float(lot)
    _refuse(path, numbers, ~(np.abs(lots) <= l3.LARGEST), "qty", qty, "a size below 2**40 lots")
    whole = np.rint(lots)
    wrong = np.abs(lots - whole) > 1e-9 * np.maximum(1.0, np.abs(lots))
    _refuse(path, numbers, wrong, "qty", qty, f"a whole number of lots of {lot}; name the lot")
    return whole.astype(np.int64)


def _refuse(path: Path, numbers: Numbers, wrong: Numbers, field: str, values: Numbers, right: str) -> None:
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{path}: record {numbers[row] + 1}: {field} {values[row]} must be {right}")
