"""The equity of an account through time, in bounded memory, with figures that no thinning touches.

A point is what the account is worth at a time, and that holds until the next point. Points may come by the million, once a
bar, so three things are kept apart: running figures, exact over all points; the close of every day, for returns; and points
to draw, of which every second is dropped when there are too many.

The latest point is held back until time goes on, because a second one at the same time replaces it.
"""

from __future__ import annotations

import copy
from array import array
from bisect import bisect_right
from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from itertools import pairwise
from typing import Final, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs
import numpy as np
import numpy.typing as npt

from simexec.backtest.performance import Drawdown, Reals, RunningDrawdown, simple_returns
from simexec.errors import InputError
from simexec.sim.clock import MICROSECOND, SECOND, whole_nanoseconds
from simexec.trading.money import parse_count

Ints = npt.NDArray[np.int64]

_LARGEST: Final = 2**63 - 1
_UNIX: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Days(Protocol):
    """What counts as a day. A point exactly at its end belongs to it, as the close of a bar does."""

    def end_after(self, time_ns: int) -> int:
        """The first end of a day that is later than a time, in ns since the run's epoch."""


@attrs.frozen
class LocalDays:
    """Days from midnight to midnight in a time zone; 23 or 25 hours long where its clocks change.

    Args:
        epoch: when the run's clock is 0, with its time zone.
        timezone: name in the tz database; whose midnights they are.

    Raises:
        InputError: the epoch has no time zone, or the name is unknown.
    """

    epoch: datetime
    timezone: str = "UTC"

    def __attrs_post_init__(self) -> None:
        """Refuse what is no time zone."""
        if not isinstance(self.epoch, datetime) or self.epoch.utcoffset() is None:
            raise InputError(
                f"epoch {self.epoch!r} is not a datetime with a time zone; give it one, such as tzinfo=UTC"
            )
        try:
            ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, TypeError, OSError):
            raise InputError(
                f"time zone {self.timezone!r} is unknown; give a name such as 'America/New_York'"
            ) from None

    def end_after(self, time_ns: int) -> int:
        """See ``Days``."""
        zone, epoch_ns = ZoneInfo(self.timezone), _since_1970(self.epoch)
        local = (_UNIX + timedelta(seconds=(epoch_ns + time_ns) // SECOND)).astimezone(zone)
        midnight = datetime.combine(local.date() + timedelta(days=1), time(), zone)
        end_ns = _since_1970(midnight) - epoch_ns
        # Where clocks went back over midnight there are two of it, and the first may be over.
        return end_ns if end_ns > time_ns else _since_1970(midnight.replace(fold=1)) - epoch_ns


def _whole_times(times: Iterable[int]) -> tuple[int, ...]:
    return tuple(map(whole_nanoseconds, times))


@attrs.frozen
class SessionDays:
    """Days that end when sessions close; what comes after the last of them counts as one more day.

    Args:
        ends_ns: closes in ns since the run's epoch, ascending.

    Raises:
        InputError: a close is not after the one before.
    """

    ends_ns: tuple[int, ...] = attrs.field(converter=_whole_times)

    def __attrs_post_init__(self) -> None:
        """Refuse closes out of order."""
        for early, late in pairwise(self.ends_ns):
            if late <= early:
                raise InputError(f"close {late} ns of a session comes after {early} ns; give closes in ascending order")

    def end_after(self, time_ns: int) -> int:
        """See ``Days``."""
        index = bisect_right(self.ends_ns, time_ns)
        return self.ends_ns[index] if index < len(self.ends_ns) else _LARGEST


@attrs.frozen
class EquityStatistics:
    """Figures of an equity curve over all its points; money in units.

    Attributes:
        points: how many there were, replaced ones not counted.
        first_ns: time of the first.
        first_equity: what the account was worth then.
        last_ns: time of the last.
        last_equity: what it was worth then.
        drawdown: the deepest as a fraction of its peak; None if equity never fell below a positive peak.
        largest_drawdown: the greatest in money; None if equity never fell.
        mean_equity: time-weighted; None of a single point.
        mean_exposure: time-weighted mean of gross exposure over equity, while equity is positive; None if it never was for
            any length of time.
        invested: fraction of the time with a position; None of a single point.
    """

    points: int
    first_ns: int
    first_equity: int
    last_ns: int
    last_equity: int
    drawdown: Drawdown | None
    largest_drawdown: Drawdown | None
    mean_equity: float | None
    mean_exposure: float | None
    invested: float | None


class EquityCurve:
    """Takes points in order of time, and keeps what is told of them afterwards.

    When ``limit`` points are kept, every second is dropped, and from then on only every second new one is kept, and so on.
    Those that remain are evenly spread over the points that came; the first and the last are always there.

    Args:
        limit: most points to keep, at least 2; None: all.
        days: whose last points are the daily closes; None keeps no closes.

    Raises:
        InputError: a limit that is no whole number of at least 2.
    """

    __slots__ = (
        "_close_equity",
        "_close_times",
        "_day_end",
        "_days",
        "_drawdown",
        "_equity",
        "_equity_time",
        "_exposure",
        "_first",
        "_fraction_time",
        "_invested_time",
        "_kept_equity",
        "_kept_exposure",
        "_kept_times",
        "_limit",
        "_points",
        "_solvent_time",
        "_stride",
        "_time",
    )

    def __init__(self, limit: int | None = None, days: Days | None = None) -> None:
        self._limit = _LARGEST if limit is None else parse_count(limit, "limit of an equity curve", least=2)
        self._days = days
        self._kept_times, self._kept_equity, self._kept_exposure = array("q"), array("q"), array("q")
        self._close_times, self._close_equity = array("q"), array("q")
        self._stride = 1
        self._points = 0  # with the latest
        self._first = (0, 0)
        self._time = self._equity = self._exposure = 0  # of the latest
        self._day_end = _LARGEST
        self._drawdown = RunningDrawdown()
        self._equity_time = self._invested_time = self._solvent_time = 0
        self._fraction_time = 0.0

    def add(self, time_ns: int, equity: int, exposure: int) -> None:
        """What the account is worth from now on. At the time of the last point, it replaces that.

        Args:
            time_ns: not before the last point.
            equity: cash plus the market value of the positions, in units.
            exposure: gross: sum of the absolute values of the positions, in units; 0 or more.

        Raises:
            InputError: the time is before the last point, or a value is no whole number, negative as exposure, or beyond 64
                bits; the curve is as before.
        """
        if not (type(time_ns) is type(equity) is type(exposure) is int):
            time_ns = whole_nanoseconds(time_ns)
            equity = parse_count(equity, "equity", least=-_LARGEST)
            exposure = parse_count(exposure, "exposure", least=0)
        if not (0 <= exposure <= _LARGEST and -_LARGEST <= equity <= _LARGEST and -_LARGEST <= time_ns < _LARGEST):
            raise InputError(
                f"equity {equity} with exposure {exposure} at {time_ns} ns is not possible: exposure is 0 or more, "
                "and all are below 2**63"
            )
        if not self._points:
            if self._days is not None:
                self._day_end = self._days.end_after(time_ns)
            self._points = 1
            self._first = time_ns, equity
        elif time_ns > self._time:
            self._book_latest(time_ns)
            self._points += 1
        elif time_ns < self._time:
            raise InputError(f"equity at {time_ns} ns comes after that at {self._time} ns; add points in order of time")
        elif self._points == 1:  # the start may be replaced too
            self._first = time_ns, equity
        self._time = time_ns
        self._equity = equity
        self._exposure = exposure

    def __len__(self) -> int:
        """Points that are kept, the last included."""
        return len(self._kept_times) + (self._points > 0)

    @property
    def times_ns(self) -> Ints:
        """Times of the kept points; a copy, as the other arrays are."""
        return self._array(self._kept_times, self._time)

    @property
    def equity(self) -> Ints:
        """Equity at the kept points, in units."""
        return self._array(self._kept_equity, self._equity)

    @property
    def exposure(self) -> Ints:
        """Gross exposure at the kept points, in units."""
        return self._array(self._kept_exposure, self._exposure)

    @property
    def close_times_ns(self) -> Ints:
        """Times of the last point of each day that has points; the day that is not over counts with its latest."""
        return self._array(self._close_times, self._time) if self._days else np.empty(0, np.int64)

    @property
    def closes(self) -> Ints:
        """Equity at ``close_times_ns``, in units."""
        return self._array(self._close_equity, self._equity) if self._days else np.empty(0, np.int64)

    def daily_returns(self) -> Reals:
        """Simple returns of the days, the first day's from the first point; see ``simple_returns``.

        Raises:
            InputError: the curve was made without days.
        """
        if self._days is None:
            raise InputError("an equity curve without days has no daily returns; give it LocalDays or SessionDays")
        return simple_returns(np.concatenate([[self._first[1]], self.closes]) if self._points else [])

    def statistics(self) -> EquityStatistics | None:
        """Figures over all points so far; None without any."""
        if not self._points:
            return None
        falls = copy.copy(self._drawdown)
        falls.add(self._time, self._equity)
        length = self._time - self._first[0]
        return EquityStatistics(
            points=self._points,
            first_ns=self._first[0],
            first_equity=self._first[1],
            last_ns=self._time,
            last_equity=self._equity,
            drawdown=falls.deepest,
            largest_drawdown=falls.largest,
            mean_equity=self._equity_time / length if length else None,
            mean_exposure=self._fraction_time / self._solvent_time if self._solvent_time else None,
            invested=self._invested_time / length if length else None,
        )

    def _array(self, kept: array[int], latest: int) -> Ints:
        return np.append(np.array(kept), latest) if self._points else np.empty(0, np.int64)

    def _book_latest(self, until_ns: int) -> None:
        """The latest point stands, and held until then."""
        if until_ns > self._day_end:
            self._close_day(until_ns)
        held, equity, exposure = until_ns - self._time, self._equity, self._exposure
        self._drawdown.add(self._time, equity)
        self._equity_time += equity * held
        if equity > 0:
            self._solvent_time += held
        if exposure:
            self._invested_time += held
            if equity > 0:
                self._fraction_time += exposure / equity * held
        if (self._points - 1) % self._stride == 0:
            self._keep()

    def _keep(self) -> None:
        """Keep the latest point, and thin if there are too many beside the one that comes."""
        self._kept_times.append(self._time)
        self._kept_equity.append(self._equity)
        self._kept_exposure.append(self._exposure)
        if len(self._kept_times) >= self._limit:
            for kept in (self._kept_times, self._kept_equity, self._kept_exposure):
                del kept[1::2]
            self._stride *= 2

    def _close_day(self, time_ns: int) -> None:
        """The latest point was the last of its day; the next one is at ``time_ns``."""
        assert self._days is not None
        self._day_end = self._days.end_after(time_ns - 1)
        self._close_times.append(self._time)
        self._close_equity.append(self._equity)


def _since_1970(moment: datetime) -> int:
    """Nanoseconds, exactly."""
    since: timedelta = moment.astimezone(UTC) - _UNIX
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * MICROSECOND
