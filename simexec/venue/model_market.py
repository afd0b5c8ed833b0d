"""The market of a venue without a book: its tape, coupled to the calendar, and the orders that wait for it.

Rows of the tape are no calendar events. While there are no orders they go by in blocks; otherwise each is matched, and one that
concerns an order becomes a calendar event at its own time.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from simexec.market.levels import Array
from simexec.market.tape import END, KIND, QUOTE, START, TIME, VOLUME, Tape, TapeCursor
from simexec.venue.hours import SessionCalendar, TradingHours
from simexec.venue.model_orders import ModelOrder, Outcome

Mask: TypeAlias = npt.NDArray[np.bool_]

_STEP: Final = 256
"""Rows matched, or searched for what somebody waits for, before looking again: a whole block for its first row would be waste."""


class Fills(Protocol):
    """A way to match orders with rows of a tape.

    Attributes:
        ambiguous: rows of which the order of events mattered and was not known.
        capped: orders that got less than they wanted because of the share of the volume.
    """

    ambiguous: int
    capped: int

    def pass_by(self, rows: Array) -> None:
        """Rows that go by while there is no order."""

    def apply(self, orders: Iterable[ModelOrder], row: list[int]) -> list[Outcome]:
        """What a row does to orders."""

    def arrive(self, order: ModelOrder, now: int) -> list[Outcome]:
        """What becomes at once of an order that has arrived or was changed."""


class Sessions:
    """When orders are taken, and when they may trade.

    Args:
        hours: one session or several, with their halts; None: always.

    Attributes:
        closes: times at which a session ends.
    """

    def __init__(self, hours: TradingHours | SessionCalendar | None) -> None:
        self._always = hours is None
        self._sessions = () if hours is None else (hours,) if isinstance(hours, TradingHours) else hours.sessions
        self._begins = [one.open_ns if one.pre_open_ns is None else one.pre_open_ns for one in self._sessions]
        self.closes = [session.close_ns for session in self._sessions]

    def _at(self, time_ns: int) -> TradingHours | None:
        """The session, with its pre-open, that a time lies in."""
        i = bisect_right(self._begins, time_ns) - 1
        return self._sessions[i] if i >= 0 and time_ns < self.closes[i] else None

    def takes_orders(self, time_ns: int) -> bool:
        """Whether orders are taken at a time."""
        return self._always or self._at(time_ns) is not None

    def trades(self, start_ns: int, end_ns: int) -> bool:
        """Whether all of [start, end), or the moment if they are the same, lies in trading hours and outside halts."""
        if self._always:
            return True
        session, last = self._at(start_ns), max(end_ns - 1, start_ns)
        if session is None or start_ns < session.open_ns or last >= session.close_ns:
            return False
        return all(halt.end_ns <= start_ns or last < halt.start_ns for halt in session.halts)


class ModelMarket:
    """A tape advanced in bulk; implements ``CoupledMarket``.

    Args:
        name: unique in the simulation.
        tape: bars, or quotes and trades.
        fills: matches orders with its rows.
        sessions: rows outside are seen, but nothing trades on them.
        listener: told, at their time, what became of orders.

    Attributes:
        is_bars: whether its rows are bars; ``fills`` matches orders with them.
        orders: those that live, by number.
        next_time: time at which the next row is known, None after the last.
        outside: rows that could not trade because of hours or halts, while there were orders.
    """

    def __init__(
        self, name: str, tape: Tape, fills: Fills, sessions: Sessions, listener: Callable[[list[Outcome]], None]
    ) -> None:
        self.name = name
        self.is_bars = tape.is_bars
        self.orders: dict[int, ModelOrder] = {}
        self.outside = 0
        self.fills = fills
        self._sessions = sessions
        self._cursor = TapeCursor(tape)
        self.next_time = self._cursor.next_time
        self._start, self._end = (START, END) if tape.is_bars else (TIME, TIME)
        self._listener = listener
        self._pending: list[Outcome] = []
        self._observers: list[tuple[int, Callable[[Array], None]]] = []
        self._watching: dict[object, Callable[[Array], Mask]] = {}

    def observe(self, observer: Callable[[Array], None], kind: int = QUOTE) -> None:
        """Have ``observer`` called with quotes, or trades, as soon as they are known; a bar in which there was trading is both."""
        self._observers.append((kind, observer))

    def watch(self, who: object, wanted: Callable[[Array], Mask] | None) -> None:
        """Stop at the next row of those that are wanted, so that it becomes a calendar event at its own time.

        Args:
            who: wants it; what it wanted before is forgotten.
            wanted: tells which of some rows they are; None: none.
        """
        if wanted is None:
            self._watching.pop(who, None)
        else:
            self._watching[who] = wanted

    def advance(self, until: int) -> int | None:
        """See ``CoupledMarket.advance``."""
        cursor, found = self._cursor, None
        while found is None and cursor.next_time is not None and cursor.next_time <= until:
            rows, seen = cursor.upto(until), None
            if self._watching:
                rows = rows[:_STEP]
                if len(shown := np.flatnonzero(self._is_wanted(rows))):
                    rows = rows[: shown[0] + 1]
                    seen = int(rows[-1, self._end])
            if self.orders:
                step = rows[:_STEP]
                done, found = self._match(step.tolist())
                if done < len(rows):
                    rows, seen = rows[:done], None
            else:
                self.fills.pass_by(rows)
            found = seen if found is None else found
            self._publish(rows)
            cursor.skip(len(rows))
        while found is not None and cursor.next_time == found:  # the rest of that time, whatever block it is in
            rows = cursor.upto(found)
            self._match(rows.tolist(), all_of_them=True)
            self._publish(rows)
            cursor.skip(len(rows))
        self.next_time = cursor.next_time
        return found

    def _is_wanted(self, rows: Array) -> Mask:
        found: Mask = np.logical_or.reduce([wanted(rows) for wanted in self._watching.values()])
        return found

    def published(self, rows: Array, kind: int) -> Mask:
        """Which rows are quotes, or trades; of bars those in which there was trading."""
        shown: Mask = rows[:, VOLUME] > 0 if self.is_bars else rows[:, KIND] == kind
        return shown

    def _publish(self, rows: Array) -> None:
        for kind, observer in self._observers:
            shown = rows[self.published(rows, kind)]
            if len(shown):
                observer(shown)

    def _match(self, rows: list[list[int]], *, all_of_them: bool = False) -> tuple[int, int | None]:
        """Match rows up to the first that concerns an order; returns how many, and its time."""
        for done, row in enumerate(rows, start=1):
            if not self._sessions.trades(row[self._start], row[self._end]):
                self.outside += 1
                if not self.is_bars:
                    self.fills.pass_by(np.array([row]))
                continue
            outcomes = self.fills.apply(self.orders.values(), row)
            if outcomes:
                self._pending += outcomes
                for outcome in outcomes:
                    self.forget_ended(outcome)
                if not all_of_them:
                    return done, row[self._end]
        return len(rows), None

    def forget_ended(self, outcome: Outcome) -> None:
        """Drop an order that an outcome ended."""
        if outcome.order.leaves == 0 or outcome.kind == "cancelled":
            self.orders.pop(outcome.order.number, None)

    def dispatch(self) -> None:
        """See ``CoupledMarket.dispatch``."""
        outcomes, self._pending = self._pending, []
        self._listener(outcomes)
