"""The coupling of markets that advance in bulk to the calendar that carries everything else.

Background order flow never becomes calendar events. Between two events no process can act, so before an event
at T is processed, every coupled market applies its own messages up to T, in compiled code, and stops early
only at the first message that concerns a process. That becomes a calendar event at the message's own time t
<= T, and so on.
"""

from __future__ import annotations

from bisect import insort
from heapq import heappush
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from simexec.errors import InputError, SimulationError

if TYPE_CHECKING:
    from simexec.protocols import CoupledMarket
    from simexec.sim.environment import Simulation

FOREVER: Final = 2**63 - 1
"""Later than every message: the largest time that compiled code can hold."""

_NEVER: Final = FOREVER + 1

MARKET: Final = -1
"""Priority of what a market reports: before SimPy's ``URGENT`` (0), so before any process acts at that time.

Calendar entries of this priority have the market's name as third element, since ties between markets go by
name.
"""


class Coupling:
    """The markets of one simulation.

    Attributes:
        markets: in the order of their names.
        earliest: time of the first message of any market, later than ``FOREVER`` if there is none; the calendar's loop
            calls ``advance`` when its next event is not before that.
    """

    __slots__ = ("_reported", "_sim", "earliest", "markets")

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self.markets: list[CoupledMarket] = []
        self.earliest = _NEVER
        self._reported: set[str] = set()

    def add(self, market: CoupledMarket) -> None:
        """Couple a market; InputError if there is one of its name."""
        if any(other.name == market.name for other in self.markets):
            raise InputError(
                f"a market named {market.name!r} is coupled already; names must differ, since ties go by name"
            )
        insort(self.markets, market, key=attrgetter("name"))
        self.look()

    def look(self) -> None:
        """Find when the first message of any market comes."""
        times = [market.next_time for market in self.markets if market.next_time is not None]
        self.earliest = min(times, default=_NEVER)

    def advance(self) -> None:
        """Bring every market up to the next calendar event, or to the first time that concerns a process.

        The market that is furthest behind goes first, and no further than the next one's next message: so
        none is ahead of a time at which another finds something.

        Raises:
            SimulationError: if a market does not advance, or reports a time that it was not asked to cover.
        """
        queue = self._sim._queue
        while True:
            limit = min(queue[0][0], FOREVER) if queue else FOREVER
            behind: CoupledMarket | None = None
            earliest = limit
            for market in self.markets:
                time = market.next_time
                if time is None or time > limit:
                    continue
                if behind is None:
                    behind, earliest = market, time
                elif time < earliest:
                    behind, earliest, limit = market, time, earliest
                else:
                    limit = time
            if behind is None:
                self.look()
                return
            found = behind.advance(limit)
            following = behind.next_time
            if following is not None and following <= (limit if found is None else found):
                raise SimulationError(
                    f"market {behind.name!r} was advanced to {limit} ns but has a message at {following} ns"
                )
            if found is not None:
                self._report(behind, found, limit)

    def _report(self, market: CoupledMarket, time: int, limit: int) -> None:
        now = self._sim._now
        if not now <= time <= limit:
            raise SimulationError(f"market {market.name!r} reported {time} ns, but was asked for {now} to {limit} ns")
        if market.name not in self._reported:
            self._reported.add(market.name)
            next(self._sim._eid)  # counts the event, see Simulation.calendar_events
            heappush(self._sim._queue, (time, MARKET, market.name, (self._dispatch, market)))

    def _dispatch(self, market: CoupledMarket) -> None:
        self._reported.discard(market.name)
        market.dispatch()
        self.look()
