"""Columns of market data in memory: of a pandas data frame, of a dictionary of arrays, of anything that has them by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from simexec.backtest.sessions import ALWAYS, sessions
from simexec.errors import DataError, InputError
from simexec.market.levels import Array
from simexec.sim.clock import DAY
from simexec.trading.instrument import LARGEST_COUNT

Reals = npt.NDArray[np.float64]

UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)

_FIRST_YEAR, _LAST_YEAR = 1678, 2261
"""Between which 64 bits hold ns since 1970."""

_A_MONTH = 30 * DAY
"""In ns more than any moment of this century in seconds, ms or us since 1970."""


def times_of(columns: Any, symbol: str) -> Array:
    """The column ``time`` in ns since 1970 UTC: ``datetime64``, whole ns, or what pandas makes of moments with a time zone.

    Raises:
        DataError: it is missing or something else; with symbol, row and value.
    """
    raw = _named(columns, "time", symbol, "; an index must be made a column of that name")
    pandas = getattr(raw, "dt", raw)  # numpy would make objects of pandas' moments with a time zone
    if getattr(pandas, "tz", None) is not None:
        raw = pandas.tz_convert(None)
    values = np.asarray(raw)
    if values.ndim == 1 and np.issubdtype(values.dtype, np.datetime64):
        years = values.astype("datetime64[Y]").astype(np.int64) + 1970
        wrong = np.isnat(values) | (years < _FIRST_YEAR) | (years > _LAST_YEAR)
        if wrong.any():
            row = int(np.argmax(wrong))
            raise DataError(f"time of {symbol} in row {row + 1} is {values[row]}; leave the row out")
        return values.astype("datetime64[ns]").astype(np.int64)
    if values.ndim == 1 and np.issubdtype(values.dtype, np.integer):
        return values.astype(np.int64)
    raise DataError(f"times of {symbol} are of type {values.dtype}; give datetime64 in UTC, or whole ns since 1970")


def check_unit(times: Array, symbol: str, start_ns: int) -> None:
    """DataError if times that end before ``start_ns`` are clearly not ns since 1970."""
    if len(times) and 0 < times[-1] < min(start_ns, _A_MONTH):
        raise DataError(
            f"time of {symbol} in row {len(times)} is {times[-1]}, which is in January 1970: whole numbers are ns since 1970;"
            " multiply seconds by 10**9"
        )


def numbers_of(columns: Any, name: str, symbol: str, length: int, *, sizes: Reals | None = None) -> Reals:
    """A column of finite numbers.

    Args:
        columns: all of them.
        name: of the column.
        symbol: for the message.
        length: how many there must be.
        sizes: where these are 0, anything may stand.

    Raises:
        DataError: it is missing, of another length or no numbers; with symbol, row and value.
    """
    try:
        values = np.asarray(_named(columns, name, symbol), np.float64)
    except (ValueError, TypeError):
        raise DataError(f"data of {symbol} have no column {name!r} of numbers") from None
    if values.shape != (length,):
        raise DataError(f"column {name!r} of {symbol} has the shape {values.shape}, and time has {length} rows")
    wrong = ~np.isfinite(values) | (np.abs(values) > LARGEST_COUNT)
    if sizes is not None:
        wrong &= sizes != 0
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{name} of {symbol} in row {row + 1} is {values[row]}; leave the row out")
    return values


def quanta_of(prices: Reals, name: str, symbol: str, quantum: float) -> Array:
    """Prices in price quanta, to the nearest.

    Raises:
        DataError: one is not positive, or beyond what can be counted; with symbol, row and value.
    """
    quanta = np.rint(prices / quantum)
    wrong = (quanta < 1) | (quanta > LARGEST_COUNT)
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(f"{name} of {symbol} in row {row + 1} is {prices[row]}, which is no price; leave the row out")
    return quanta.astype(np.int64)


def check_order(times: Array, what: str, symbol: str) -> None:
    """DataError if times run backwards."""
    back = np.flatnonzero(np.diff(times) < 0)
    if back.size:
        row = int(back[0]) + 1
        raise DataError(
            f"time of {symbol} in row {row + 1} of its {what} is {np.datetime64(int(times[row]), 'ns')}, before that of the row"
            f" above, {np.datetime64(int(times[row - 1]), 'ns')}; sort them"
        )


def session_times(times: Array, symbol: str, calendar: str | None, before: int = 0) -> tuple[Array, Array]:
    """Open and close of the session of each date, ns since 1970.

    Args:
        times: of daily bars; their dates in UTC count.
        symbol: for messages.
        calendar: of the exchange.
        before: rows that came before these, for messages.

    Raises:
        DataError: a date has no session.
        InputError: there is no calendar.
    """
    if calendar is None:
        raise InputError(
            f"daily bars of {symbol} cover sessions; give the backtest a calendar, such as 'XNYS', or {ALWAYS!r} for days"
            " from midnight to midnight UTC"
        )
    days = times // DAY
    if calendar == ALWAYS:
        return days * DAY, (days + 1) * DAY
    if not len(days):
        return times, times
    dates = [(UNIX + timedelta(days=int(day))).date() for day in days]
    known = {one.date: one for one in sessions(calendar, min(dates), max(dates), UNIX)}
    for row, day in enumerate(dates, start=before + 1):
        if day not in known:
            raise DataError(f"the bar of {symbol} in row {row}, {day}, is of no session of {calendar}; leave it out")
    found = [known[day] for day in dates]
    return np.array([one.open_ns for one in found], np.int64), np.array([one.close_ns for one in found], np.int64)


def _named(columns: Any, name: str, symbol: str, remedy: str = "") -> Any:
    try:
        return columns[name]
    except (KeyError, IndexError, ValueError, TypeError):
        raise DataError(f"data of {symbol} have no column {name!r}{remedy}") from None
