"""What the name of a LOBSTER file says: ``AMZN_2012-06-21_34200000_57600000_message_5.csv.gz``."""

from __future__ import annotations

import datetime as dt
import re
from pathlib import Path
from typing import Final

import attrs

from simexec.errors import DataError
from simexec.sim.clock import DAY, MILLISECOND

_NAME: Final = re.compile(
    r"(?P<symbol>[^_/]+)_(?P<date>\d{4}-\d{2}-\d{2})_(?P<start>\d+)_(?P<end>\d+)"
    r"_(?P<kind>message|orderbook)_(?P<levels>\d+)\.csv(\.gz)?"
)
_PATTERN: Final = "SYMBOL_YYYY-MM-DD_START_END_message_LEVELS.csv[.gz]"


@attrs.frozen(kw_only=True)
class LobsterName:
    """The parts of a file's name.

    Attributes:
        symbol: the instrument.
        date: the trading day.
        start_ns: first recorded time of day, ns after local midnight; ``end_ns`` the last.
        kind: ``message`` or ``orderbook``.
        levels: how many price levels a side the recording covers.
    """

    symbol: str
    date: dt.date
    start_ns: int
    end_ns: int
    kind: str
    levels: int

    @classmethod
    def of_messages(cls, path: Path) -> LobsterName:
        """Read a message file's name; the file itself is not looked at.

        Raises:
            DataError: the name does not follow the pattern, or is that of an order book file.
        """
        name = cls.of(path)
        if name.kind == "orderbook":
            raise DataError(f"{path}: this is an order book file; give the message file that belongs to it")
        return name

    @classmethod
    def of(cls, path: Path) -> LobsterName:
        """Read the name of either file; DataError if it does not follow the pattern."""
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise DataError(f"{path}: the name of a message file is {_PATTERN}, which {path.name!r} is not")
        try:
            day = dt.date.fromisoformat(match["date"])
        except ValueError:
            raise DataError(f"{path}: {match['date']!r} in the file's name is not a date") from None
        start, end = int(match["start"]) * MILLISECOND, int(match["end"]) * MILLISECOND
        if not start < end <= DAY:
            span = f"{match['start']}_{match['end']}"
            raise DataError(f"{path}: {span!r} in the file's name are not two times of a day in milliseconds")
        return cls(
            symbol=match["symbol"],
            date=day,
            start_ns=start,
            end_ns=end,
            kind=match["kind"],
            levels=int(match["levels"]),
        )
