"""The simulation: SimPy's calendar with a clock of whole nanoseconds, and what a run has one of.

Ties at one time, in order: messages of the coupled markets; what they report, market by market by name;
starting processes and interrupts; everything else in the order in which it was scheduled.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Coroutine, Generator
from contextlib import suppress
from contextvars import Token
from datetime import UTC, datetime
from heapq import heapify, heappop, heappush
from operator import attrgetter
from threading import get_ident
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import simpy
from simpy.core import BoundClass
from simpy.events import NORMAL

from simexec.errors import InputError, SimulationError
from simexec.sim.clock import Duration, format_duration, parse_duration, whole_nanoseconds
from simexec.sim.coupling import MARKET, Coupling
from simexec.sim.current import current, current_simulation
from simexec.sim.events import (
    AllOf,
    AnyOf,
    Deadline,
    Event,
    Process,
    ProcessBody,
    Timeout,
    close_body,
    exclusive_copy,
    outcome,
)
from simexec.sim.streams import seed_sequence, whole_number

if TYPE_CHECKING:
    from collections.abc import Iterable

    from simexec.protocols import CoupledMarket

__all__ = ["Simulation", "current_simulation"]

_COLLECT_AFTER: Final = 500_000
"""Objects made before Python looks for cycles while a simulation runs. A run makes many objects that stay (orders, reports,
fills) and next to no cycles; at Python's own 700 the search takes a fifth of the time."""

_STOP: Final = MARKET - 2  # the end of run(until): before everything else of its time
_REMAINDER: Final = MARKET - 1  # callbacks that the end of a run cut off


class _Stop(Exception):  # noqa: N818  # a signal to run(), never seen outside
    """The run's target has happened."""


def _stop(event: Any) -> None:
    raise _Stop


class Simulation(simpy.Environment):
    """A calendar of events, a clock, and the random streams of one run.

    ``with Simulation(seed=7) as sim:`` makes it the current simulation and closes it at the end. One that is
    not used so should be closed by ``close()`` if processes may still be waiting.

    Args:
        seed: root of all random streams, from 0 up.
        replication: number of the replication; each has streams of its own.
        epoch: the moment of time 0, with a time zone; by convention local midnight of the first trading day.
            Default 1970-01-01 UTC.

    Raises:
        InputError: for a negative seed or replication, or an epoch without time zone.
    """

    _now: int
    _queue: list[Any]
    _active_proc: Process | None

    def __init__(self, *, seed: int = 0, replication: int = 0, epoch: datetime | None = None) -> None:
        self._processes: dict[Process, None] = {}
        self._closing = False
        super().__init__(0)
        self.seed: Final = whole_number("seed", seed)
        self.replication: Final = whole_number("replication", replication, 2**32)
        if epoch is not None and epoch.tzinfo is None:
            raise InputError(f"epoch {epoch} has no time zone; give one, such as tzinfo=ZoneInfo('America/New_York')")
        self.epoch: Final = (epoch or datetime(1970, 1, 1, tzinfo=UTC)).astimezone(UTC)
        self._streams: set[str] = set()
        self._coupling = Coupling(self)
        self._running = False
        self._thread = 0  # that runs it, while it runs
        self._ids_without_event = 0
        self._tokens: list[Token[Simulation]] = []

    # NOTE: a getter in C, since every component asks for the time; half the cost of one in Python.
    now: int = property(attrgetter("_now"), doc="Time in nanoseconds since the epoch.")  # type: ignore[assignment]

    @property
    def is_closing(self) -> bool:
        """Whether ``close()`` has begun; nothing can be started or awaited any more."""
        return self._closing

    @property
    def runs_elsewhere(self) -> bool:
        """Whether another thread than the caller's is running it, which alone may then touch it and its components."""
        return self._running and self._thread != get_ident()

    @property
    def calendar_events(self) -> int:
        """Number of calendar events processed so far, the one being processed included."""
        # NOTE: every entry of the heap takes one id, so ids taken minus entries waiting is the number
        # processed, and the loop needs no counter. Reading it here takes an id too, which is remembered.
        taken = next(self._eid) - self._ids_without_event
        self._ids_without_event += 1
        return taken - len(self._queue)

    if TYPE_CHECKING:

        def process(self, body: ProcessBody, *, name: str | None = None) -> Process:
            """Start a coroutine or generator as a process, at the present time."""
            return Process(self, body, name=name)

        def timeout(self, delay: Duration, value: Any = None) -> Timeout:  # type: ignore[override]
            """Return an event that happens after ``delay``."""
            return Timeout(self, delay, value)

        def event(self) -> Event:
            """Return an event that happens when someone calls its ``succeed`` or ``fail``."""
            return Event(self)

        def all_of(self, events: Iterable[simpy.Event]) -> AllOf:
            """Return an event that happens when all of ``events`` have."""
            return AllOf(self, events)

        def any_of(self, events: Iterable[simpy.Event]) -> AnyOf:
            """Return an event that happens when one of ``events`` has."""
            return AnyOf(self, events)

    else:
        # SimPy binds only the names that it finds in the class itself, so all five are declared again.
        process = BoundClass(Process)
        timeout = BoundClass(Timeout)
        event = BoundClass(Event)
        all_of = BoundClass(AllOf)
        any_of = BoundClass(AnyOf)

    def schedule(self, event: simpy.Event, priority: int = NORMAL, delay: Duration = 0) -> None:  # type: ignore[override]
        """Put a triggered event on the calendar (SimPy's events call this).

        Raises:
            InputError: for a float or negative delay, or a priority below SimPy's ``URGENT``.
        """
        if delay.__class__ is not int or delay < 0:
            delay = parse_duration(delay)
        if priority < 0:
            raise InputError(f"priority {priority} is reserved for the simulation itself; use URGENT (0) or NORMAL (1)")
        heappush(self._queue, (self._now + delay, priority, next(self._eid), event))

    def call_at(self, time_ns: int, callback: Callable[[Any], None], payload: Any = None) -> None:
        """Call ``callback(payload)`` at ``time_ns``: one calendar event, no process.

        On the calendar it is a plain pair, which nobody can wait for and the loop knows by its class.

        Calls of one time happen in the order in which they were asked for.

        Raises:
            SimulationError: if the time has passed.
            InputError: if it is not a whole number.
        """
        if time_ns.__class__ is not int:
            time_ns = whole_nanoseconds(time_ns)
        if time_ns < self._now:
            raise SimulationError(f"a call at {time_ns} ns was asked for at {self._now} ns; it lies in the past")
        heappush(self._queue, (time_ns, NORMAL, next(self._eid), (callback, payload)))

    def call_after(self, delay_ns: int, callback: Callable[[Any], None], payload: Any = None) -> None:
        """Call ``callback(payload)`` after ``delay_ns``; as ``call_at`` otherwise."""
        if delay_ns.__class__ is not int:
            delay_ns = whole_nanoseconds(delay_ns)
        self.call_at(self._now + delay_ns, callback, payload)

    def run(self, until: Duration | simpy.Event | ProcessBody | None = None) -> Any:  # type: ignore[override]
        """Let time pass.

        Args:
            until: None: until nothing is left on the calendar and in the markets. A time (nanoseconds since
                the epoch, or a duration such as ``"16h"``): everything before that time happens, market
                messages stamped with it are applied, and the clock then shows it. An event: until it has
                happened. A coroutine or generator: runs it as a process until it ends; others keep their
                place and go on with the next call of ``run``.

        Returns:
            The value of the event or the result of the coroutine; None otherwise.

        Raises:
            SimulationError: if called by a running process or after ``close()``, if the time has passed, or
                if nothing is left that could bring the event about.
            Exception: what the coroutine or event failed with, as itself; a copy of what another process
                failed with, if nobody waits for that process.
        """
        if self._running or self._closing:
            if isinstance(until, Coroutine | Generator):
                until.close()  # or Python would warn that it was never awaited
            if self._closing:
                raise SimulationError("sim.run was called on a closed simulation; make a new Simulation")
            raise SimulationError("sim.run was called inside a running simulation; await sim.process(...) instead")
        target = self._end_of_run(until)
        if target is None:
            self._process_events()
            return None
        if target.callbacks is None:
            return outcome(target)
        target.callbacks.append(_stop)
        try:
            if self._process_events():
                return outcome(target)
        finally:
            self._forget(target)
        raise SimulationError(f"nothing is left to happen, so {target!r} never will{self._who_waits()}")

    def _process_events(self) -> bool:
        """Process events until the run's target stops it (True) or nothing is left (False)."""
        queue = self._queue
        coupling = self._coupling
        token = current.set(self)
        collect_after = gc.get_threshold()
        if 0 < collect_after[0] < _COLLECT_AFTER:
            gc.set_threshold(_COLLECT_AFTER, *collect_after[1:])
        self._running, self._thread = True, get_ident()
        callbacks: Any = ()
        event: Any = None
        # NOTE: SimPy calls step() for every event; inlined here. Measured side by side on CPython 3.11 (medians of 25
        # rounds), a process that yields timeouts runs at 1.03 times SimPy's rate (1.58 against 1.52 million/s), one
        # that awaits them at 0.83, and calls, which skip the machinery of events, at 2.5.
        try:
            while True:
                if queue:
                    if queue[0][0] >= coupling.earliest:
                        coupling.advance()
                else:
                    coupling.advance()
                    if not queue:
                        return False
                self._now, _, _, event = heappop(queue)
                if event.__class__ is tuple:  # a call
                    event[0](event[1])
                    continue
                callbacks = event.callbacks
                event.callbacks = None
                for callback in callbacks:
                    callback(event)
                if not event._ok and not hasattr(event, "_defused"):
                    raise exclusive_copy(event._value)
        except _Stop:
            # Whoever else waits for the target goes on first when the simulation is continued.
            remaining = callbacks[callbacks.index(_stop) + 1 :]
            if remaining:
                event.callbacks = remaining
                heappush(queue, (self._now, _REMAINDER, next(self._eid), event))
            return True
        finally:
            self._running = False
            self._active_proc = None
            gc.set_threshold(*collect_after)
            current.reset(token)

    def _end_of_run(self, until: Any) -> Any:
        """Return the event whose processing ends the run, or None."""
        if until is None or isinstance(until, simpy.Event):
            if until is not None and until.env is not self:
                raise SimulationError(f"{until!r} belongs to another simulation; run that one")
            return until
        if hasattr(until, "throw"):
            return self.process(until)
        if callable(until):
            raise InputError(f"sim.run was given {until!r} itself; call it, as in sim.run(main())")
        time = parse_duration(until)
        if time < self._now:
            raise SimulationError(f"cannot run until {time} ns, the clock already shows {self._now} ns")
        deadline = Deadline()
        heappush(self._queue, (time, _STOP, next(self._eid), deadline))
        return deadline

    def _forget(self, target: Any) -> None:
        """Remove the run's own marks, so that one which failed leaves nothing that would stop the next."""
        if isinstance(target, Deadline):
            self._ids_without_event += 1
            if target.callbacks is not None:
                self._queue[:] = [entry for entry in self._queue if entry[3] is not target]
                heapify(self._queue)
        elif target.callbacks is not None:
            with suppress(ValueError):
                target.callbacks.remove(_stop)

    def _who_waits(self) -> str:
        waiting = [f"{process.name} for {process.target!r}" for process in self._processes]
        if len(waiting) > 5:
            waiting[5:] = [f"{len(waiting) - 5} more"]
        return "; still waiting: " + ", ".join(waiting) if waiting else ""

    def step(self) -> None:
        """Process the next event alone, after the markets have been brought up to it.

        Raises:
            simpy.core.EmptySchedule: if nothing is left.
        """
        token = current.set(self)
        try:
            self._coupling.advance()
            if self._queue and self._queue[0][3].__class__ is tuple:
                self._now, _, _, (function, payload) = heappop(self._queue)
                function(payload)
            else:
                super().step()
        finally:
            current.reset(token)

    def couple(self, market: CoupledMarket) -> None:
        """Advance ``market`` with the calendar from now on; see ``simexec.protocols.CoupledMarket``.

        Raises:
            InputError: if a market of that name is coupled already.
        """
        self._coupling.add(market)

    @property
    def coupled(self) -> tuple[CoupledMarket, ...]:
        """The coupled markets, by name."""
        return tuple(self._coupling.markets)

    def recouple(self) -> None:
        """Look again when the coupled markets have their next messages; who changes one outside ``advance`` asks for it."""
        self._coupling.look()

    def rng(self, name: str) -> np.random.Generator:
        """Return a new generator at the start of the stream that seed, replication and ``name`` determine.

        Raises:
            InputError: if the stream was handed out before; two components would draw the same numbers.
        """
        if name in self._streams:
            raise InputError(f"random stream {name!r} is in use already; give the second component a name of its own")
        generator = np.random.Generator(np.random.PCG64(seed_sequence(self.seed, self.replication, name)))
        self._streams.add(name)
        return generator

    def close(self) -> None:
        """Close the processes that still wait, in the order of their creation, and empty the calendar.

        Their ``finally`` blocks are executed; time does not pass any more, so these must not wait. Every
        process is closed even if the clean-up of one fails. Closing twice does nothing.

        Raises:
            SimulationError: if called while the simulation runs, or if a clean-up waits for something.
            Exception: what a clean-up failed with; a ``BaseExceptionGroup`` if several did.
        """
        if self._running:
            raise SimulationError("sim.close was called inside a running simulation; call it after sim.run")
        self._closing = True
        errors: list[BaseException] = []
        for process in self._processes:
            try:
                close_body(process)
            except BaseException as error:
                errors.append(error)
        self._processes.clear()
        self._ids_without_event += len(self._queue)
        self._queue.clear()
        if len(errors) == 1:
            raise errors[0]
        if errors:
            raise BaseExceptionGroup("several processes failed in their clean-up", errors)

    def __enter__(self) -> Simulation:
        if self._closing:
            raise SimulationError("this simulation is closed; make a new one")
        self._tokens.append(current.set(self))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        current.reset(self._tokens.pop())
        try:
            self.close()
        except BaseException as closing:
            if error is None:
                raise
            error.add_note(f"closing the simulation failed too: {closing!r}")

    def __del__(self) -> None:
        # Left to the collector, a coroutine that was never started warns, and the others clean up in no
        # order.
        if getattr(self, "_processes", None) and not self._running:
            self.close()

    def __repr__(self) -> str:
        return f"<Simulation seed={self.seed} replication={self.replication} now={format_duration(self._now)}>"
