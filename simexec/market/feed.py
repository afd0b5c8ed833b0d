"""One channel of a market's data on its way to a participant: when each row arrives there, and who waits for one.

Row k of time ``t_k`` arrives at ``a_k = max(a_{k-1}, t_k + L_k)``: rows never overtake one another. Nothing travels on the
calendar: the rows in transit lie in an array beside their arrivals, and what has arrived is found when somebody looks.

Only an arrival that somebody waits for becomes a calendar event. If it is in transit, its time is known; if not, the book is asked
to stop at the first message that would do (``watches``).

What would arrive while the feed is frozen arrives when that ends, in order. In an outage it is lost; rows that replace one another,
as quotes do, come to the same as if they had been frozen, since a snapshot follows. Rows that each count, as trades do, are gone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import attrs
import numpy as np
import numpy.typing as npt

from simexec.market.arrivals import ArrivalModel
from simexec.market.layout import ANY_KEY
from simexec.market.levels import Array
from simexec.sim import Simulation

_ROWS = 1024

Keys = tuple[int, int]
"""Least keys of the best bid and the best offer, one of which must be reached; ``layout.ANY_KEY``: that side does not matter."""


class Waiter(Protocol):
    """Whoever waits for something to arrive."""

    def look(self) -> bool:
        """Something that may be it has arrived; whether it was, and the wait is over."""


@attrs.frozen
class Window:
    """From ``start_ns`` (included) to ``end_ns`` (not included) nothing arrives; ``loses``: what would have is lost."""

    start_ns: int
    end_ns: int
    loses: bool


@attrs.define(eq=False)
class _Place:
    """One who waits: for which keys (None: for any row), and when the row arrives that may be it (None: it is not in transit)."""

    waiter: Waiter
    keys: Keys | None
    due: int | None = None


class Feed:
    """The rows of one channel that are on their way.

    Args:
        sim: the simulation.
        width: columns of a row; the first is the time of the market.
        times: when rows arrive.
        show: called with rows that have arrived since the last call, and their arrivals.
        want: called with what the market must stop at: least key of the best bid, of the best offer, and whether any row.
        replaces: columns that name what a row replaces, where only the last counts; None: each row counts.
        lose: called with rows that an outage has lost for good, where each counts.

    Attributes:
        arrived: rows that have been shown.
    """

    def __init__(
        self,
        sim: Simulation,
        width: int,
        times: ArrivalModel,
        show: Callable[[Array, Array], None],
        want: Callable[[int, int, bool], None],
        *,
        replaces: tuple[int, ...] | None = None,
        lose: Callable[[Array], None] | None = None,
    ) -> None:
        self.arrived = 0
        self._sim, self._times, self._show, self._want = sim, times, show, want
        self._replaces, self._lose = replaces, lose
        # In transit are rows ``_head`` to ``_tail``; up to ``_stamped`` they have arrivals, which are made when they are needed.
        self._rows = np.empty((_ROWS, width), np.int64)
        self._stamps = np.empty(_ROWS, np.int64)
        self._head = self._stamped = self._tail = 0
        self._last = 0
        self._windows: list[Window] = []
        self._places: dict[Waiter, _Place] = {}
        self._wanted = (ANY_KEY, ANY_KEY, False)

    @property
    def in_transit(self) -> int:
        """Rows that are kept because they have not arrived."""
        return self._tail - self._head

    def absorb(self, rows: Array) -> None:
        """Take rows (n, width) that the market has just written down; they are copied."""
        if self._head == self._tail:  # nothing is in transit: begin at the front again
            self._head = self._stamped = self._tail = 0
        end = self._tail + len(rows)
        if end > len(self._rows):
            self._make_room(len(rows))
            end = self._tail + len(rows)
        self._rows[self._tail : end] = rows
        self._tail = end
        if self._places:
            self._seek_all()

    def bring(self) -> None:
        """Show what has arrived by now, when all that the market has written down was absorbed."""
        self._bring()
        if self._windows and self._sim.now >= max(window.end_ns for window in self._windows):
            self._windows.clear()  # whatever was held back is here, or gone

    def _bring(self) -> None:
        if self._stamped < self._tail:
            self._stamp()
        now = self._sim.now
        if self._windows:
            self._bring_shifted(now)
            return
        head, tail = self._head, self._tail
        if head < tail and self._stamps[head] <= now:
            found = head + int(self._stamps[head:tail].searchsorted(now, "right"))
            self._head = found
            self.arrived += found - head
            self._show(self._rows[head:found], self._stamps[head:found])

    def interrupt(self, window: Window) -> None:
        """Let nothing arrive in a window, which does not begin in the past; what is in transit feels it."""
        self.bring()
        self._windows.append(window)
        for place in self._places.values():
            if place.due is not None and place.due > self._sim.now:
                place.due = None
        self._seek_all()

    # --- who waits -----------------------------------------------------------------------------------------------------

    def join(self, waiter: Waiter, keys: Keys | None = None) -> None:
        """Have ``waiter`` look whenever a row arrives: any row, or a quote that reaches one of the keys."""
        place = self._places[waiter] = _Place(waiter, keys)
        self._seek(place)
        self._ask()

    def leave(self, waiter: Waiter) -> None:
        """Forget who waited."""
        if self._places.pop(waiter, None) is not None:
            self._ask()

    def _seek_all(self) -> None:
        for place in self._places.values():
            self._seek(place)
        self._ask()

    def _seek(self, place: _Place) -> None:
        """Find the first row in transit that may be what is waited for; who knows its arrival already keeps it."""
        if place.due is not None:
            return
        if self._stamped < self._tail:
            self._stamp()
        rows, due = self._rows[self._head : self._tail], self._stamps[self._head : self._tail]
        fits = reaching(rows, place.keys)
        if self._windows:
            due, lost = shift(due, self._windows)
            if self._replaces is None:
                fits &= ~lost
        if fits.any():
            place.due = max(int(due[fits.argmax()]), self._sim.now)
            self._sim.call_at(place.due, self._arrive, (place, place.due))

    def _arrive(self, call: tuple[_Place, int]) -> None:
        place, due = call
        if self._places.get(place.waiter) is not place or place.due != due:
            return  # who waited has gone, or waits for another time
        place.due = None
        if not place.waiter.look():
            self._seek(place)
            self._ask()

    def _ask(self) -> None:
        """Have the market stop for those who wait for what has not happened yet."""
        unknown = [place.keys for place in self._places.values() if place.due is None]
        keys = [one for one in unknown if one is not None]
        wanted = (
            min((one[0] for one in keys), default=ANY_KEY),
            min((one[1] for one in keys), default=ANY_KEY),
            len(keys) < len(unknown),
        )
        if wanted != self._wanted:
            self._wanted = wanted
            self._want(*wanted)

    # --- arrivals ------------------------------------------------------------------------------------------------------

    def _stamp(self) -> None:
        """Give the new rows their arrivals."""
        first, end = self._stamped, self._tail
        times, stamps = self._rows[first:end, 0], self._stamps[first:end]
        arrivals = self._times.arrivals(times)
        if arrivals[0] < self._last:
            arrivals[0] = self._last
        np.maximum.accumulate(arrivals, out=stamps)
        self._last = int(stamps[-1])
        self._stamped = end

    def _bring_shifted(self, now: int) -> None:
        """As ``bring``, where there are windows."""
        rows, stamps = self._rows[self._head : self._tail], self._stamps[self._head : self._tail]
        due, lost = shift(stamps, self._windows)
        lost &= self._replaces is None
        arrived, gone = (due <= now) & ~lost, lost & (stamps <= now)
        here, times, missed = rows[arrived], due[arrived], rows[gone]
        self._keep(~(arrived | gone))
        if len(missed) and self._lose is not None:
            self._lose(missed)
        if len(here):
            self.arrived += len(here)
            self._show(here, times)

    def _keep(self, kept: npt.NDArray[np.bool_]) -> None:
        """Of the rows in transit, all of which have their arrivals, keep some."""
        rows, stamps = self._rows[self._head : self._tail][kept], self._stamps[self._head : self._tail][kept]
        self._head, self._stamped, self._tail = 0, len(rows), len(rows)
        self._rows[: len(rows)] = rows
        self._stamps[: len(rows)] = stamps

    def _make_room(self, more: int) -> None:
        self._bring()
        if self._windows and self._replaces is not None:
            self._keep(self._last_of_each())
        rows, stamps = self._rows[self._head : self._tail].copy(), self._stamps[self._head : self._tail].copy()
        size = len(self._stamps)
        while size < 2 * (len(rows) + more):
            size *= 2
        if size > len(self._stamps):
            self._rows, self._stamps = np.empty((size, self._rows.shape[1]), np.int64), np.empty(size, np.int64)
        self._head, self._stamped, self._tail = 0, len(rows), len(rows)
        self._rows[: len(rows)] = rows
        self._stamps[: len(rows)] = stamps

    def _last_of_each(self) -> npt.NDArray[np.bool_]:
        """Of rows that will arrive together, only the last is ever seen of those that replace one another."""
        rows = self._rows[self._head : self._tail]
        due, _ = shift(self._stamps[self._head : self._tail], self._windows)
        cells = np.column_stack([due, *(rows[:, column] for column in self._replaces or ())])
        _, last = np.unique(cells[::-1], axis=0, return_index=True)
        kept = np.zeros(len(rows), np.bool_)
        kept[len(rows) - 1 - last] = True
        return kept


def reaching(rows: Array, keys: Keys | None) -> npt.NDArray[np.bool_]:
    """Which rows are waited for: all where there are no keys; otherwise rows begin as time, bid, its size, ask, its size."""
    if keys is None:
        return np.ones(len(rows), np.bool_)
    found: npt.NDArray[np.bool_] = ((rows[:, 2] > 0) & (rows[:, 1] >= keys[0])) | (
        (rows[:, 4] > 0) & (-rows[:, 3] >= keys[1])
    )
    return found


def shift(stamps: Array, windows: list[Window]) -> tuple[Array, npt.NDArray[np.bool_]]:
    """When what is stamped so arrives at last, and which of it an outage loses: what comes to one, also when a freeze has ended."""
    due, lost = stamps.copy(), np.zeros(len(stamps), np.bool_)
    ordered = sorted(windows, key=lambda window: not window.loses)  # what comes to both at once is lost
    moved = True
    while moved:
        moved = False
        for window in ordered:
            inside = (due >= window.start_ns) & (due < window.end_ns)
            if inside.any():
                due[inside] = window.end_ns
                lost |= inside & window.loses
                moved = True
    return due, lost
