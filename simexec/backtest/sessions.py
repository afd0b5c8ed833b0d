"""The trading sessions of real exchanges: holidays, early closes, lunch breaks and daylight saving included.

The days come from the package ``exchange_calendars``, the extra ``calendars`` of this one. Whatever it says of an exchange is
taken as it is: of CME Globex (``CMES``), say, it has no daily pause between the sessions. ``"24/7"`` needs no package.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from difflib import get_close_matches
from typing import Any, Final

import attrs

from simexec.errors import InputError
from simexec.sim.clock import MICROSECOND, SECOND
from simexec.venue.hours import Halt, SessionCalendar, TradingHours

ALWAYS: Final = "24/7"
"""The calendar of a market that never closes."""

_UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
# Outside these years the calendars' rules for holidays, which are pandas', are silently not applied: 1950-12-25 is a session.
_FIRST, _LAST = date(1970, 1, 1), date(2200, 12, 31)


@attrs.frozen
class Session:
    """One session of an exchange; times in ns since the run's epoch.

    Attributes:
        date: the trading day that it counts as; one that crosses midnight opens on the day before.
        open_ns: trading begins.
        close_ns: trading ends; it does not include this time.
        breaks: start and end of each pause within, such as a lunch break.
    """

    date: date
    open_ns: int
    close_ns: int
    breaks: tuple[tuple[int, int], ...] = ()


def sessions(calendar: str, start: date, end: date, epoch: datetime) -> tuple[Session, ...]:
    """The sessions of an exchange whose trading days lie from ``start`` to ``end``, both included.

    ``"24/7"`` is a single session, from midnight before ``start`` to midnight after ``end`` in the epoch's time zone: nothing
    is interrupted, and DAY orders last to its end.

    Args:
        calendar: name in ``exchange_calendars``: a market identifier code such as ``"XNYS"``, an alias such as ``"NYSE"``;
            or ``"24/7"``.
        start: the first trading day.
        end: the last one.
        epoch: when the run's clock is 0, with its time zone.

    Raises:
        InputError: the name is unknown, ``exchange_calendars`` is not installed or does not know those days, no session lies
            between them, or one opens before the epoch.
    """
    _check_days(start, end)
    if not isinstance(epoch, datetime) or epoch.utcoffset() is None:
        raise InputError(f"epoch {epoch!r} is not a datetime with a time zone; give it one, such as tzinfo=UTC")
    epoch_ns = _since_1970(epoch)
    if calendar == ALWAYS:
        first, last = (datetime.combine(day, time(), epoch.tzinfo) for day in (start, end + _DAY))
        found = [Session(start, _since_1970(first) - epoch_ns, _since_1970(last) - epoch_ns)]
    else:
        found = [session for session in _listed(calendar, start, end, epoch_ns) if start <= session.date <= end]
    if not found:
        raise InputError(f"calendar {calendar} has no session from {start} to {end}; take a longer period")
    if found[0].open_ns < 0:
        opens = _UNIX + timedelta(microseconds=(found[0].open_ns + epoch_ns) // MICROSECOND)
        raise InputError(
            f"session {found[0].date} of {calendar} opens at {opens.astimezone(epoch.tzinfo)}, before the epoch {epoch}; "
            "take an earlier epoch or a later start"
        )
    return tuple(found)


def session_calendar(calendar: str, start: date, end: date, epoch: datetime) -> SessionCalendar:
    """The same sessions as a venue takes them; breaks are halts, which end with an auction.

    Raises:
        InputError: as ``sessions``.
    """
    hours = [
        TradingHours(one.open_ns, one.close_ns, halts=[Halt(begin, end_ns) for begin, end_ns in one.breaks])
        for one in sessions(calendar, start, end, epoch)
    ]
    return SessionCalendar(hours)  # type: ignore[arg-type]  # mypy makes no sense of the converter `tuple`


def _check_days(start: date, end: date) -> None:
    for name, day in (("start", start), ("end", end)):
        if not isinstance(day, date) or isinstance(day, datetime):
            raise InputError(f"{name} {day!r} is not a date; write date(2024, 1, 31)")
        if not _FIRST <= day <= _LAST:
            raise InputError(f"{name} {day} is not between {_FIRST} and {_LAST}; holidays of other years are not known")
    if start > end:
        raise InputError(f"start {start} is after end {end}; swap them")


def _listed(calendar: str, start: date, end: date, epoch_ns: int) -> Iterator[Session]:
    """What ``exchange_calendars`` knows from ``start`` to ``end`` and maybe some days around them."""
    for row in _schedule(calendar, start, end).itertuples():
        # Timestamp.value counts nanoseconds whatever the unit of the column
        pauses = row.break_start == row.break_start  # NaT is unlike itself
        breaks = ((row.break_start.value, row.break_end.value),) if pauses else ()
        yield Session(
            row.Index.date(),
            row.open.value - epoch_ns,
            row.close.value - epoch_ns,
            tuple((begin - epoch_ns, end_ns - epoch_ns) for begin, end_ns in breaks),
        )


def _schedule(calendar: str, start: date, end: date) -> Any:
    """A table of opens, closes and breaks by trading day."""
    try:
        import exchange_calendars
    except ImportError as error:
        raise InputError(
            f"calendar {calendar!r} needs exchange_calendars; pip install 'simexec[calendars]', or use {ALWAYS!r}"
        ) from error
    known = exchange_calendars.get_calendar_names()
    if calendar not in known:
        near = get_close_matches(str(calendar).upper(), known, n=4, cutoff=0.5)
        hint = f"is it {' or '.join(near)}?" if near else "names are market identifier codes, such as XNYS, XLON, CMES"
        raise InputError(f"calendar {calendar!r} is not known to exchange_calendars; {hint}")
    # It takes no period of one day, and none that leaves its bounds.
    periods = [(start, end)] if start < end else [(start - 7 * _DAY, end), (start, end + 7 * _DAY)]
    failure: Exception | None = None
    for first, last in periods:
        try:
            with warnings.catch_warnings():  # of pandas, about the calendars' own code
                for category in (DeprecationWarning, PendingDeprecationWarning, FutureWarning):
                    warnings.simplefilter("ignore", category)
                return exchange_calendars.get_calendar(calendar, start=str(first), end=str(last)).schedule
        except exchange_calendars.errors.NoSessionsError:
            raise InputError(
                f"calendar {calendar} has no session from {start} to {end}; take a longer period"
            ) from None
        except Exception as error:
            failure = failure or error
    raise InputError(f"calendar {calendar} cannot be had from {start} to {end}: {failure}") from failure


def _since_1970(moment: datetime) -> int:
    """Nanoseconds, exactly."""
    since = moment - _UNIX
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * MICROSECOND
