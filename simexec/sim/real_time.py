"""A simulation in real time: its calendar runs by the wall clock, and other threads may act in it."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
import simpy

from simexec.errors import InputError, SimulationError
from simexec.sim.clock import Duration, format_duration
from simexec.sim.environment import Simulation
from simexec.sim.pacer import Pacer, SystemClock, WallClock, exact_factor

if TYPE_CHECKING:
    from simexec.sim.events import Process, ProcessBody


@attrs.frozen
class RealTimeStatistics:
    """How well a simulation has kept up with the wall clock; wall time in nanoseconds unless it says otherwise.

    Medians and percentiles come from a histogram of fixed size. They are never too small, and at most 1 part in 32 too
    large; the maxima are exact. 0 where there is nothing to report.

    Attributes:
        instants: times at which the calendar had events, each paced; the time that ends a run is one as well.
        median_lateness_ns: median delay of an instant's first event behind its wall time.
        p99_lateness_ns: its 99th percentile.
        max_lateness_ns: the longest.
        injected: calls, submissions, cancellations and stops so far, those that still wait included.
        dropped: those that were never answered, since the run ended.
        median_handling_ns: median delay from an injection to its call in the simulation.
        max_handling_ns: the longest.
        drift_ns: simulated time by which what is being handled now lies behind the wall clock; 0 while nothing is due.
        elapsed_ns: time in runs so far.
    """

    instants: int
    median_lateness_ns: int
    p99_lateness_ns: int
    max_lateness_ns: int
    injected: int
    dropped: int
    median_handling_ns: int
    max_handling_ns: int
    drift_ns: int
    elapsed_ns: int


class _Stopped(Exception):  # noqa: N818  # a signal to run(), never seen outside
    """``stop`` was called."""


def _stop(_: object) -> None:
    raise _Stopped


@attrs.define(eq=False)
class _Submission:
    """A coroutine from another thread, on its way to its future."""

    body: ProcessBody
    future: Future[Any]
    process: Process | None = None


class RealTime:
    """Runs a simulation by the wall clock, and lets other threads inject calls and coroutines.

    What the calendar has for a time happens once the wall clock has passed that nanosecond, never before. So do the
    messages of coupled markets; while they alone are due, they are looked at once a millisecond at most, and what they report
    may be that late. While nothing is due the thread sleeps, and an injection wakes it. If the simulation falls behind (a
    slow callback), its clock lags and catches up; nothing is left out, and no order changes.

    Time between two runs does not pass in the simulation. While it runs, only the thread that called ``run`` may touch
    the simulation or anything in it; the methods here may be called by any thread, and by signal handlers.

    A feed's thread and the simulation's::

        real_time = RealTime(sim)
        threading.Thread(target=listen, args=(real_time,)).start()  # which calls real_time.submit(...)
        real_time.run()  # until somebody calls real_time.stop()

    Args:
        sim: the simulation; it can be run without pacing too, by its own ``run``.
        factor: wall seconds that a simulated second takes, as in SimPy's ``RealtimeEnvironment``: 1 is real time, 0.1 ten
            times as fast.
        clock: another wall clock than the computer's, for tests.

    Attributes:
        sim: the simulation.

    Raises:
        InputError: for a factor that is not a finite number above 0, or a simulation that is paced already.
    """

    def __init__(self, sim: Simulation, factor: float = 1.0, *, clock: WallClock | None = None) -> None:
        exact = exact_factor(factor)
        if any(isinstance(market, Pacer) for market in sim.coupled):
            raise InputError(f"{sim!r} has a RealTime already; use that one, or make a new Simulation")
        self.sim = sim
        self._factor = float(factor)
        self._pacer = Pacer(sim, exact, clock or SystemClock())
        self._open: dict[_Submission, None] = {}

    @property
    def factor(self) -> float:
        """Wall seconds that a simulated second takes."""
        return self._factor

    def run(self, until: Duration | simpy.Event | ProcessBody | None = None) -> Any:
        """Let time pass at the pace of the wall clock.

        A calendar without events ends nothing here, since something may be injected. So this waits where
        ``Simulation.run`` would return, or complain that nothing is left to happen.

        Args:
            until: as of ``Simulation.run``: a time, an event, or a coroutine or generator. None: until ``stop`` is called.

        Returns:
            The value of the event or the result of the coroutine; None otherwise.

        Raises:
            SimulationError: as ``Simulation.run``; and if ``stop`` ended it before the event or coroutine was done.
            Exception: as ``Simulation.run``; what an injected call raised; ``KeyboardInterrupt`` in the main thread.
        """
        sim = self.sim
        if sim._running or sim.is_closing:
            return sim.run(until)  # which says what is wrong
        self._pacer.open()
        try:
            return sim.run(until)
        except _Stopped:
            if isinstance(until, simpy.Event) or hasattr(until, "throw"):
                raise SimulationError(
                    f"the real-time run was stopped at {format_duration(sim.now)}, before {until!r} was done"
                ) from None
            return None
        finally:
            self._end()

    def _end(self) -> None:
        self._pacer.close()
        if not self._pacer.has_begun:  # wrong input: what waits goes on waiting
            return
        when = format_duration(self.sim.now)
        for submission in list(self._open):
            name = getattr(submission.body, "__name__", submission.body)
            if submission.process is None:
                submission.body.close()
                message = f"the real-time run ended at {when}, before {name!r} was started"
            else:
                message = f"the real-time run ended at {when}, before {name!r} did; its process keeps its place"
            if self._is_awaited(submission):
                submission.future.set_exception(SimulationError(message))

    def stop(self) -> None:
        """End the run, at the present time; what was due or injected before is still handled, what waits keeps its place.

        Before a run it ends the next one at its beginning; after a run it does nothing.
        """
        with suppress(SimulationError):
            self._pacer.inject(_stop, None)

    def call(self, callback: Callable[[Any], None], payload: Any = None) -> None:
        """Have ``callback(payload)`` called by the simulation's thread, at the present time; return at once.

        "Present" is the simulated time that corresponds to the wall clock now. Calls happen in the order of injection,
        behind everything that was on the calendar up to their time, as calls of ``Simulation.call_at`` do. Before the
        first run they wait for it, and happen at its beginning; what waits when a run ends is dropped, and counted.

        Raises:
            SimulationError: if the run has ended.
        """
        self._pacer.inject(callback, payload)

    def submit(self, body: ProcessBody) -> Future[Any]:
        """Run a coroutine (or generator) as a process, from the present time on (see ``call``); return its future.

        The future gets the result, or the exception, which then does not end the run. To cancel it interrupts the process,
        which may clean up; what it fails with then, other than the interrupt, comes out of ``run``. If the run ends
        first, the future fails with a ``SimulationError``.

        The future's callbacks run in the simulation's thread, which they should not hold up. Never wait for
        ``future.result()`` in that thread: it would wait for itself. A process awaits ``sim.process(...)`` instead.

        Raises:
            InputError: if ``body`` is neither, for example an ``async def`` function that was not called.
            SimulationError: if the run has ended.
        """
        if not hasattr(body, "throw"):
            raise InputError(f"{body!r} cannot be submitted; give the call of an async def or generator, as in main()")
        submission = _Submission(body, Future())
        try:
            with self._pacer.changed:  # or it could end before it is noted
                self._pacer.inject(self._start, submission)
                self._open[submission] = None
        except SimulationError:
            body.close()
            raise
        submission.future.add_done_callback(lambda future: self._cancel(submission) if future.cancelled() else None)
        return submission.future

    def _start(self, submission: _Submission) -> None:
        if submission.future.done():
            submission.body.close()
            self._is_awaited(submission)
            return
        submission.process = self.sim.process(submission.body)
        submission.process.callbacks.append(lambda event: self._finished(submission, event))

    def _finished(self, submission: _Submission, event: Any) -> None:
        if not self._is_awaited(submission):
            if submission.future.cancelled() and isinstance(event.value, simpy.Interrupt):
                event.defused = True
        elif event.ok:
            submission.future.set_result(event.value)
        else:
            if isinstance(event.value, Exception):  # Ctrl-C ends the run all the same
                event.defused = True
            submission.future.set_exception(event.value)

    def _is_awaited(self, submission: _Submission) -> bool:
        """Let go of a submission; return whether its future still takes an outcome, and must be given it."""
        if submission not in self._open:
            return False
        del self._open[submission]
        return submission.future.set_running_or_notify_cancel()

    def _cancel(self, submission: _Submission) -> None:
        with suppress(SimulationError):
            self._pacer.inject(self._interrupt, submission)

    def _interrupt(self, submission: _Submission) -> None:
        if submission.process is not None and submission.process.is_alive:
            submission.process.interrupt("its future was cancelled")

    def statistics(self) -> RealTimeStatistics:
        """Return how the runs have kept up so far, frozen."""
        pacer = self._pacer
        with pacer.changed:
            return RealTimeStatistics(
                instants=pacer.lateness.count,
                median_lateness_ns=pacer.lateness.quantile_ns(0.5),
                p99_lateness_ns=pacer.lateness.quantile_ns(0.99),
                max_lateness_ns=pacer.lateness.max_ns,
                injected=pacer.injected,
                dropped=pacer.dropped,
                median_handling_ns=pacer.handling.quantile_ns(0.5),
                max_handling_ns=pacer.handling.max_ns,
                drift_ns=pacer.drift_ns(),
                elapsed_ns=pacer.elapsed_ns(),
            )

    def __repr__(self) -> str:
        return f"<RealTime factor={self._factor:g} of {self.sim!r}>"
