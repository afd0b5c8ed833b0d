"""What the name of a LOBSTER message file says: ``AMZN_2012-06-21_34200000_57600000_message_5.csv.gz``."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from attrs import frozen

from simexec.errors import DataError
from simexec.sim.clock import DAY, MILLISECOND

_NAME = re.compile(
    r"(?P<symbol>[^_/]+)_(?P<date>\d{4}-\d{2}-\d{2})_(?P<open>\d+)_(?P<close>\d+)"
    r"_(?P<kind>message|orderbook)_(?P<levels>\d+)\.csv(\.gz)?"
)
_PATTERN = "SYMBOL_YYYY-MM-DD_START_END_message_LEVELS.csv[.gz]"


@frozen(kw_only=True)
class DataName:
    """The parts of a message file's name.

    Attributes:
        symbol: the instrument.
        date: the trading day.
        open: first recorded time of day, ns after local midnight.
        close: last recorded time of day, ns after local midnight.
        levels: how many price levels a side the recording covers.
    """

    symbol: str
    date: date
    open: int
    close: int
    levels: int


def parse_data_name(path: Path) -> DataName:
    """Read a message file's name; the file itself is not looked at.

    Raises:
        DataError: the name does not follow the pattern, or is that of an order book file.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        raise DataError(f"{path}: the name of a message file is {_PATTERN}, which {path.name!r} is not")
    if match["kind"] == "orderbook":
        raise DataError(f"{path}: this is an order book file; give the message file that belongs to it")
    try:
        day = date.fromisoformat(match["date"])
    except ValueError:
        raise DataError(f"{path}: {match['date']!r} in the file's name is not a date") from None
    opens, closes = int(match["open"]) * MILLISECOND, int(match["close"]) * MILLISECOND
    if not opens < closes <= DAY:
        span = f"{match['open']}_{match['close']}"
        raise DataError(f"{path}: {span!r} in the file's name are not two times of a day in milliseconds")
    return DataName(symbol=match["symbol"], date=day, open=opens, close=closes, levels=int(match["levels"]))
