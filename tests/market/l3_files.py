"""Small DBN and hftbacktest files, made by hand."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from simexec.market import dbn, npz

BEGIN = int(dt.datetime(2024, 3, 5, 9, 30, tzinfo=dt.UTC).timestamp()) * 10**9
BID, ASK = 100 * 10**9, 1002 * 10**8

DBN_ROWS: list[dict[str, Any]] = [
    {"action": "A", "side": "B", "order_id": 11, "price": BID, "size": 5},
    {"action": "A", "side": "A", "order_id": 12, "price": ASK, "size": 4},
    {"action": "A", "side": "A", "order_id": 13, "price": ASK, "size": 4},
    {"action": "T", "side": "B", "order_id": 99, "price": ASK, "size": 5, "flags": 0},
    {"action": "F", "side": "A", "order_id": 12, "price": ASK, "size": 4, "flags": 0, "ts_event": 3},
    {"action": "F", "side": "A", "order_id": 13, "price": ASK, "size": 1, "flags": 0, "ts_event": 3},
    {"action": "C", "side": "A", "order_id": 12, "price": ASK, "size": 4, "flags": 0, "ts_event": 3},
    {"action": "M", "side": "A", "order_id": 13, "price": ASK, "size": 3, "ts_event": 3},
    {"action": "C", "side": "B", "order_id": 11, "price": BID, "size": 2},
]
"""A session of two prices: times in ms, flags ``F_LAST`` unless said; the book at the end is 3 at 100.0 and 3 at 100.2."""


def dbn_metadata(schema: str = "mbo", symbols: dict[str, int] | None = None, version: int = 3) -> bytes:
    from databento_dbn import Metadata, Schema, SType

    day = dt.date(2024, 3, 5)
    mappings = []
    for symbol, number in (symbols or {"TEST": 7}).items():
        interval = SimpleNamespace(start_date=day, end_date=day + dt.timedelta(days=1), symbol=str(number))
        mappings.append(SimpleNamespace(raw_symbol=symbol, intervals=[interval]))
    metadata = Metadata(
        dataset="GLBX.MDP3", start=BEGIN, stype_in=SType.RAW_SYMBOL, stype_out=SType.INSTRUMENT_ID,
        schema=Schema.from_str(schema), symbols=list(symbols or {"TEST": 7}), mappings=mappings, ts_out=False, version=version,
    )  # fmt: skip
    return bytes(metadata)


def dbn_records(rows: list[dict[str, Any]]) -> bytes:
    records = np.zeros(len(rows), dbn._RECORD)
    for i, row in enumerate(rows):
        record = {"flags": dbn.F_LAST, "sequence": i + 1, "ts_event": i, "instrument_id": 7} | row
        record |= {"length": 14, "rtype": 160, "action": ord(record["action"]), "side": ord(record["side"])}
        record["ts_event"] = BEGIN + record["ts_event"] * 10**6
        record.setdefault("ts_recv", record["ts_event"] + 100_000)
        for field, value in record.items():
            records[field][i] = value
    return records.tobytes()


def write_dbn(folder: Path, rows: list[dict[str, Any]] | None = None, **metadata: Any) -> Path:
    path = folder / "test.mbo.dbn"
    path.write_bytes(dbn_metadata(**metadata) + dbn_records(DBN_ROWS if rows is None else rows))
    return path


ADD, CANCEL, MODIFY, TRADE, FILL = 10, 11, 12, 2, 13
NPZ_ROWS: list[dict[str, Any]] = [
    {"ev": ADD | npz.BUY, "order_id": 11, "px": 100.0, "qty": 5.0},
    {"ev": ADD | npz.SELL, "order_id": 12, "px": 100.2, "qty": 4.0},
    {"ev": ADD | npz.SELL, "order_id": 13, "px": 100.2, "qty": 4.0},
    {"ev": TRADE | npz.BUY, "order_id": 99, "px": 100.2, "qty": 5.0},
    {"ev": FILL | npz.SELL, "order_id": 12, "px": 100.2, "qty": 4.0, "exch_ts": 3},
    {"ev": FILL | npz.SELL, "order_id": 13, "px": 100.2, "qty": 1.0, "exch_ts": 3},
    {"ev": CANCEL | npz.SELL, "order_id": 12, "px": 100.2, "qty": 0.0, "exch_ts": 3},
    {"ev": MODIFY | npz.SELL, "order_id": 13, "px": 100.2, "qty": 3.0, "exch_ts": 3},
    {"ev": MODIFY | npz.BUY, "order_id": 11, "px": 100.0, "qty": 3.0},
]
"""The same session in hftbacktest's rows; times in ms."""


def npz_data(rows: list[dict[str, Any]]) -> np.ndarray:
    data = np.zeros(len(rows), npz.EVENT)
    for i, row in enumerate(rows):
        event = {"exch_ts": i} | row
        event["exch_ts"] = BEGIN + event["exch_ts"] * 10**6
        event.setdefault("local_ts", event["exch_ts"] + 250_000)
        if not event["ev"] & (npz.EXCH | npz.LOCAL):
            event["ev"] |= npz.EXCH | npz.LOCAL
        for field, value in event.items():
            data[field][i] = value
    return data


def write_npz(folder: Path, rows: list[dict[str, Any]] | None = None) -> Path:
    path = folder / "test.npz"
    np.savez(path, data=npz_data(NPZ_ROWS if rows is None else rows))
    return path
