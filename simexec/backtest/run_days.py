"""When the venues of a backtest trade, and what counts as its days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from attrs import frozen

from simexec.backtest.array_columns import UNIX
from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import since_1970
from simexec.backtest.equity import Days, LocalDays, SessionDays
from simexec.backtest.sessions import ALWAYS, sessions
from simexec.errors import DataError, InputError
from simexec.market.levels import Array
from simexec.market.tape import END, START, Tape
from simexec.venue.hours import Halt, SessionCalendar, TradingHours

_DAY: Final = timedelta(days=1)


def hours_of(config: BacktestConfig, epoch_ns: int) -> SessionCalendar | None:
    """The sessions within a backtest, None if it has no calendar or one that never closes.

    Between sessions orders are taken for the next one, as brokers do: otherwise nobody who decides at the close could trade at
    the next open. A session that the start cuts begins there.

    Args:
        config: with calendar, start and end.
        epoch_ns: when the run's clock is 0, ns since 1970.

    Raises:
        InputError: see ``sessions``; or there is no session between start and end.
    """
    if config.calendar is None or config.calendar == ALWAYS:
        return None
    start, end = since_1970(config.start), since_1970(config.end)
    # A session may open on the day before its date, and time zones shift dates by one.
    first = max(config.start.date() - _DAY, UNIX.date())
    listed = sessions(config.calendar, first, config.end.date() + _DAY, UNIX)
    found = [one for one in listed if one.close_ns > start and one.open_ns < end]
    if not found:
        raise InputError(
            f"calendar {config.calendar} has no session from {config.start} to {config.end}; take a longer period"
        )
    hours, closed = [], start
    for one in found:
        opens = max(one.open_ns, start)
        halts = [Halt(max(begin, opens) - epoch_ns, until - epoch_ns) for begin, until in one.breaks if until > opens]
        pre_open = closed - epoch_ns if closed < opens else None
        hours.append(TradingHours(opens - epoch_ns, one.close_ns - epoch_ns, pre_open, halts))
        closed = one.close_ns
    return SessionCalendar(hours)  # type: ignore[arg-type]  # mypy makes no sense of the converter `tuple`


_AHEAD: Final = 16
"""Blocks that are read ahead in search of a bar within a session, before anything is told."""


class SessionBars:
    """Bars on the run's own clock, counted by whether they lie within a session; a ``Tape``.

    Args:
        tape: of bars.
        hours: the sessions.
        calendar: their name, for the message.
        symbol: of the bars.

    Attributes:
        is_bars: True.
        symbol: as given.
        bars: that were handed out; ``inside``: those of them that lie within one session, and can fill orders.
    """

    is_bars: Final = True

    def __init__(self, tape: Tape, hours: SessionCalendar, calendar: str | None, symbol: str) -> None:
        self.symbol = symbol
        self.bars = self.inside = 0
        self._tape = tape
        self._calendar = calendar
        self._opens = np.array([one.open_ns for one in hours.sessions], np.int64)
        self._closes = np.array([one.close_ns for one in hours.sessions], np.int64)

    def blocks(self) -> Iterator[Array]:
        """See ``Tape``.

        Raises:
            DataError: no bar lies within a session.
        """
        ahead: list[Array] = []
        for block in self._tape.blocks():
            at = np.searchsorted(self._opens, block[:, START], "right") - 1
            self.inside += int(np.count_nonzero((at >= 0) & (block[:, END] <= self._closes[at])))
            self.bars += len(block)
            ahead.append(block)
            if self.inside or len(ahead) >= _AHEAD:
                yield from ahead
                ahead = []
        if not self.inside:
            raise DataError(
                f"no bar of {self.symbol} lies within a session of {self._calendar}, so no order could fill; mind the bars' time"
                " zone and stamp, and for daily bars use interval='session'"
            )
        yield from ahead


@frozen
class _DaysOfRows:
    """Days of which the first has all that comes before its rows, so that no day is without data.

    Args:
        days: of the calendar or time zone.
        first_ns: time of the first row.
    """

    days: Days
    first_ns: int

    def end_after(self, time_ns: int) -> int:
        """See ``Days``."""
        return self.days.end_after(max(time_ns, self.first_ns - 1))


def days_of(config: BacktestConfig, epoch: datetime, hours: SessionCalendar | None, first_ns: int | None) -> Days:
    """What counts as a day: from close to close of the calendar's sessions, without one from midnight to midnight.

    Args:
        config: with the time zone.
        epoch: when the run's clock is 0.
        hours: of the venues.
        first_ns: time of the first row, ns since the epoch; None without any.
    """
    days: Days = LocalDays(epoch, config.timezone)
    if hours is not None:
        # What comes behind the last close belongs to its day.
        days = SessionDays([one.close_ns for one in hours.sessions[:-1]])
    return days if first_ns is None else _DaysOfRows(days, first_ns)
