"""The pacer: the wall clock as a market that is coupled to the calendar, and what other threads inject as its messages.

What a coupled market is asked is just what pacing needs: *advance up to this time, and stop early at the first time that
concerns a process*. For the wall clock, to advance is to sleep, and an injection is what concerns a process. So the
calendar's own loop paces itself, with its order of ties, its errors and its end; there is no second loop. An event costs one
more call of the coupling for each time at which there are events.

The pacer's *position* is the time before which everything has happened or lies in the calendar. It never passes the wall
clock, and no other market passes it. As everywhere in simexec, "before" is strict: what is stamped t happens once the wall
clock has passed t, the end of that nanosecond. So nothing is early, and an injection, which is stamped when it is made, is never
stamped before something that has happened.
"""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable
from fractions import Fraction
from time import perf_counter_ns
from typing import Any, Final, Protocol

import attrs

from simexec.errors import InputError, SimulationError
from simexec.sim.clock import MILLISECOND, SECOND
from simexec.sim.delays import Delays
from simexec.sim.environment import Simulation

_MARKETS_AT_MOST_EVERY_NS: Final = MILLISECOND
"""Wall time between two looks at markets while no event is due. A market whose messages follow from its book says *at once* when
it is asked for its next one, and would keep the thread busy; one with thousands of messages a second would wake it for each."""

_AT_THE_BEGINNING: Final = -1
"""Simulated time of what is injected before the run has begun."""

_LONGEST_SLEEP_NS: Final = SECOND // 2
"""On Windows a sleep hides Ctrl-C until it ends; elsewhere a signal handler that injects just before the sleep cannot wake it."""


class WallClock(Protocol):
    """Where the pacer reads the time, and how it sleeps."""

    def now_ns(self) -> int:
        """Nanoseconds since any fixed moment; never less than before."""

    def wait(self, changed: threading.Condition, timeout_ns: int) -> None:
        """Sleep until ``changed``, which the caller holds, is notified, but no longer than ``timeout_ns``."""


class SystemClock:
    """The computer's clock that never goes backwards, whatever is done to its date."""

    def now_ns(self) -> int:
        """See ``WallClock``."""
        return perf_counter_ns()

    def wait(self, changed: threading.Condition, timeout_ns: int) -> None:
        """See ``WallClock``."""
        changed.wait(timeout_ns / SECOND)


def exact_factor(factor: float) -> Fraction:
    """Return a factor as the decimal number that its user wrote: 0.1 is one tenth.

    Raises:
        InputError: if it is not a finite number above 0.
    """
    try:
        number = math.nan if isinstance(factor, bool | str | bytes) else float(factor)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not 0 < number < math.inf:
        raise InputError(
            f"factor {factor!r} is not a pace; give the wall seconds that a simulated second takes, "
            "such as 1 for real time or 0.1 for ten times as fast"
        )
    return Fraction(str(number))


@attrs.frozen
class Injection:
    """A call that another thread asks for.

    Attributes:
        time_ns: simulated time at which it was made, and is answered; or ``_AT_THE_BEGINNING``.
        wall_ns: when it was made on the wall clock.
        callback: called with ``payload``.
        payload: anything.
    """

    time_ns: int
    wall_ns: int
    callback: Callable[[Any], None]
    payload: Any


class Pacer:
    """Holds the calendar back to the wall clock; implements ``CoupledMarket``.

    Args:
        sim: the simulation, to which it couples itself for good; it is at rest while it is not open.
        factor: wall time that a unit of simulated time takes.
        clock: the wall clock.

    Attributes:
        changed: notified of every injection; who holds it sees no half of a change.
        has_begun: whether the run since ``open`` has come to its first event.
        lateness: of times at which the calendar had events.
        handling: of injections, from the call to the callback's.
        injected: injections so far.
        dropped: those that were never answered, since the run ended.
        position: see this module.
    """

    def __init__(self, sim: Simulation, factor: Fraction, clock: WallClock) -> None:
        self.name = "wall clock"
        # Reentrant: a signal handler may inject while the thread that it interrupts holds it.
        self.changed = threading.Condition(threading.RLock())
        self.has_begun = False
        self.lateness = Delays()
        self.handling = Delays()
        self.injected = 0
        self.dropped = 0
        self.position = 0
        self._sim = sim
        self._clock = clock
        self._wall_per, self._time_per = factor.as_integer_ratio()
        self._injections: deque[Injection] = deque()
        self._is_open = False
        self._is_over = False
        self._is_advancing = False
        self._wall_origin = 0
        self._time_origin = 0
        self._elapsed = 0  # in runs before this one
        self._frontier = 0  # time of what is being handled, or waited for
        self._noted = -1  # last time whose lateness was counted
        self._looked = 0  # wall time of the last look at markets alone
        self._granted = 0  # how far that one could go
        sim.couple(self)

    @property
    def next_time(self) -> int | None:
        """The position, or the next event if that is due and its lateness has not been counted; None while at rest."""
        if not self._is_open:
            return None
        head = self._sim.peek()
        return int(head) if self._noted < head < self.position else self.position

    def advance(self, until: int) -> int | None:
        """Sleep until the wall clock has passed ``until``, or to the first injection; see ``CoupledMarket.advance``."""
        head = self._sim.peek()
        with self.changed:
            self.has_begun = self._is_advancing = True
            self._is_over = False
            self._frontier = until
            is_event = until == head
            due = self._wall_at(until + 1)
            if not is_event:
                if until >= self._granted:  # otherwise a report cut the last look off
                    due = max(due, self._looked + _MARKETS_AT_MOST_EVERY_NS)
                if head < math.inf:
                    due = min(due, self._wall_at(int(head) + 1))
            while True:
                wall = self._clock.now_ns()
                present = self._time_at(wall)
                wake = due
                if self._injections:
                    first = max(self._injections[0].time_ns, self._time_origin)
                    if first > until:
                        self._pass(until, first, is_event, wall)
                        return None
                    if first < present:
                        self._frontier = first
                        self._pass(first, first + 1, first == head, wall)
                        self._noted = first
                        return first
                    wake = self._wall_at(first + 1)
                elif wall >= due:
                    self._pass(until, present, is_event, wall)
                    return None
                self._clock.wait(self.changed, min(wake - wall, _LONGEST_SLEEP_NS))

    def _pass(self, time: int, position: int, is_event: bool, wall: int) -> None:
        """Let through what is stamped ``time``; if that is of the markets alone, let them come to ``position``."""
        self._is_advancing = False
        if is_event:
            self._noted = time
            self.lateness.add(wall - self._wall_at(time))
            self.position = time + 1  # the next time with events is counted too, however late it is
        else:
            self._looked = wall
            self.position = self._granted = position

    def dispatch(self) -> None:
        """Put the first injection on the calendar, behind what is there for this time; see ``CoupledMarket.dispatch``."""
        self._sim.call_at(self._sim.now, self._hand_over)

    def _hand_over(self, _: object) -> None:
        """Answer one injection; the next one of this time is another event of the calendar."""
        now = self._sim.now
        with self.changed:
            if not self._injections or self._injections[0].time_ns > now:
                return  # the run that reported it ended before it was answered
            injection = self._injections.popleft()
            self.handling.add(self._clock.now_ns() - max(injection.wall_ns, self._wall_origin))
            if self._injections and self._injections[0].time_ns <= now:
                self._sim.call_at(now, self._hand_over)
        injection.callback(injection.payload)

    def inject(self, callback: Callable[[Any], None], payload: Any) -> None:
        """Have ``callback(payload)`` called by the simulation's thread, at the present time; returns at once.

        Raises:
            SimulationError: if the run has ended.
        """
        with self.changed:
            if self._is_over:
                raise SimulationError("the real-time run has ended, so nothing can be injected; do so while it runs")
            wall = self._clock.now_ns()
            time = self._time_at(wall) if self.has_begun else _AT_THE_BEGINNING
            self._injections.append(Injection(time, wall, callback, payload))
            self.injected += 1
            self.changed.notify()

    def open(self) -> None:
        """Pace from now on: the simulation's present time is the wall clock's."""
        with self.changed:
            self._wall_origin = self._clock.now_ns()
            self._time_origin = self._frontier = self._granted = self.position = self._sim.now
            self._looked = self._wall_origin - _MARKETS_AT_MOST_EVERY_NS
            self._noted = -1
            self._is_open = True
            self._is_advancing = self.has_begun = False
        self._sim.recouple()

    def close(self) -> None:
        """Pace no longer. If the run had begun, what was injected and still waits is dropped, and more is refused."""
        with self.changed:
            self._is_open = False
            if self.has_begun:
                self._is_over = True
                self.dropped += len(self._injections)
                self._injections.clear()
                self._elapsed += self._clock.now_ns() - self._wall_origin
        self._sim.recouple()
        if self._is_advancing and self._sim.peek() >= self.position:
            # Ctrl-C while it slept: the markets have reached the position, and so must the simulation's clock.
            self._sim.run(until=self.position)

    def elapsed_ns(self) -> int:
        """Wall time in runs so far."""
        return self._elapsed + (self._clock.now_ns() - self._wall_origin if self._is_open else 0)

    def drift_ns(self) -> int:
        """How far what is being handled lies behind the wall clock, in simulated time; 0 while nothing is due."""
        return max(0, self._time_at(self._clock.now_ns()) - self._frontier) if self._is_open else 0

    def _time_at(self, wall: int) -> int:
        """Simulated time at a wall time, rounded down."""
        return self._time_origin + (wall - self._wall_origin) * self._time_per // self._wall_per

    def _wall_at(self, time: int) -> int:
        """First wall time at which ``_time_at`` is ``time``."""
        return self._wall_origin - (self._time_origin - time) * self._wall_per // self._time_per
