"""The awaitable event types: what a coroutine waits for with ``await`` and a generator with ``yield``.

SimPy's ``Process`` drives its generator by ``send`` and ``throw`` alone, which coroutines have too. So
``async def`` processes need no event loop of their own, only events whose ``__await__`` yields the event
itself to the process, and this is the only file that does. Everything else (triggering, failing, interrupts,
conditions) is SimPy's.

Three things differ from SimPy on purpose:

- What cannot be waited for (an asyncio future, a bare ``yield``) throws a ``SimulationError`` into the
  process.
- A request whose ``await`` is interrupted is withdrawn, so that no forgotten request swallows the next item.
- An exception that cannot be rebuilt from its ``args`` reaches the waiting process as it is, not as a
  ``TypeError``.
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from heapq import heappush
from typing import TYPE_CHECKING, Any, TypeAlias

import simpy
from simpy.events import NORMAL, PENDING

from simexec.errors import InputError, SimulationError
from simexec.sim.clock import Duration, format_duration, parse_duration

if TYPE_CHECKING:
    from simexec.sim.environment import Simulation

ProcessBody: TypeAlias = Coroutine[Any, Any, Any] | Generator[Any, Any, Any]
"""What a process executes: the call of an ``async def``, or of a function with ``yield``."""


class Awaitable:
    """Makes a SimPy event awaitable, and its conditions (``a & b``, ``a | b``) too."""

    if TYPE_CHECKING:
        env: Any
        callbacks: Any
        _value: Any

    def __await__(self) -> Generator[Any, Any, Any]:
        if self.env._active_proc is None:
            raise _not_running(self)
        return (yield self)

    def __and__(self, other: Any) -> Condition:
        both: Any = (self, other)
        return Condition(self.env, simpy.events.Condition.all_events, both)

    def __or__(self, other: Any) -> Condition:
        both: Any = (self, other)
        return Condition(self.env, simpy.events.Condition.any_events, both)


def _not_running(event: Awaitable) -> SimulationError:
    if event.env.is_closing:
        return SimulationError(
            f"{event!r} was awaited in the clean-up of a process while the simulation closed, "
            "when time no longer passes; clean up without await, or let the process end before close()"
        )
    return SimulationError(
        f"{event!r} was awaited outside its running simulation (asyncio cannot wait for it); "
        "run the coroutine with sim.run(main()), or as a process of that simulation with sim.process(...)"
    )


class Event(Awaitable, simpy.Event):
    """Something that may happen: pending until ``succeed(value)`` or ``fail(exception)`` is called."""

    env: Simulation

    def succeed(self, value: Any = None) -> Event:
        """Let it happen now, with a value for who waits.

        Raises:
            RuntimeError: if it has happened before.
        """
        # NOTE: what SimPy's does, with the push inlined as in Timeout.
        if self._value is not PENDING:
            raise RuntimeError(f"{self} has already been triggered")
        self._ok = True
        self._value = value
        env = self.env
        heappush(env._queue, (env._now, NORMAL, next(env._eid), self))
        return self


class Timeout(Awaitable, simpy.events.Timeout):
    """Happens after ``delay`` (a duration; an int is nanoseconds) and hands over ``value``."""

    def __init__(self, env: Simulation, delay: Duration, value: Any = None) -> None:
        if delay.__class__ is not int:
            delay = parse_duration(delay)
        elif delay < 0:
            raise InputError(f"timeout of {delay} ns lies in the past; a delay is zero or more")
        # NOTE: Event.__init__ and schedule inlined; the figure stands in Simulation._process_events.
        self.env = env
        self.callbacks = []
        self._value = value
        self._delay = delay
        self._ok = True
        heappush(env._queue, (env._now + delay, NORMAL, next(env._eid), self))

    def _desc(self) -> str:
        return f"{type(self).__name__}({format_duration(self._delay)})"  # type: ignore[arg-type]


class Condition(Awaitable, simpy.events.Condition):
    """Happens when enough of its events have; the value maps the events that happened to their values."""


class AllOf(Awaitable, simpy.events.AllOf):
    """Happens when all of its events have, or fails with the first that fails."""


class AnyOf(Awaitable, simpy.events.AnyOf):
    """Happens when the first of its events does, or fails with it."""


class _Refusal:
    """Stands in for an event that failed, to throw an exception into the process that runs."""

    __slots__ = ("_defused", "_ok", "_value")

    def __init__(self, exception: BaseException) -> None:
        self._ok = False
        self._value = exception


class Process(Awaitable, simpy.events.Process):
    """A running coroutine or generator; as an event it happens when that returns, with its result.

    Raises:
        InputError: if ``body`` is neither, for example an ``async def`` function that was not called.
        SimulationError: if the simulation is closed.
    """

    env: Simulation

    def __init__(self, env: Simulation, body: ProcessBody, *, name: str | None = None) -> None:
        if not hasattr(body, "throw"):
            hint = "call it first, as in main()" if callable(body) else "give the call of an async def or generator"
            raise InputError(f"{body!r} cannot run as a process; {hint}")
        if env.is_closing:
            body.close()
            raise SimulationError("a process was started on a simulation that is closed; start it before close()")
        super().__init__(env, body)  # type: ignore[arg-type]  # SimPy uses send and throw alone
        self._name = name
        env._processes[self] = None

    @property
    def name(self) -> str:
        """The name given, or that of the function whose call this is."""
        return self._name or str(getattr(self._generator, "__name__", type(self._generator).__name__))

    def _end(self, ok: bool, value: Any) -> None:
        self._ok = ok
        self._value = value
        self._target = None  # type: ignore[assignment]  # SimPy's own does so too
        self.env._processes.pop(self, None)
        self.env.schedule(self)

    def _resume(self, event: Any) -> None:
        """Continue the body with what ``event`` brought, up to the next event that has not happened yet."""
        env = self.env
        env._active_proc = self
        body = self._generator
        while True:
            try:
                if event._ok:
                    event = body.send(event._value)
                else:
                    event._defused = True
                    event = body.throw(exclusive_copy(event._value))
            except StopIteration as stop:
                self._end(True, stop.value)
                break
            except BaseException as error:
                # This frame says nothing to who reads the traceback.
                error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
                self._end(False, _explained(error))
                break
            try:
                callbacks = event.callbacks
            except AttributeError:
                event = _Refusal(_not_an_event(event, self))
                continue
            if callbacks is not None:
                callbacks.append(self._resume)
                self._target = event
                break
        env._active_proc = None


def close_body(process: Process) -> None:
    """Close the body of a process that still waits; it executes its ``finally`` blocks.

    Raises:
        SimulationError: if it waits there.
        Exception: what they failed with otherwise.
    """
    try:
        process._generator.close()
    except RuntimeError as error:
        if not str(error).endswith("ignored GeneratorExit"):
            raise
        raise SimulationError(
            f"process {process.name!r} waits in its clean-up while the simulation closes, "
            "when time no longer passes; clean up without waiting, or let the process end before close()"
        ) from error


class Deadline:
    """The end of ``Simulation.run(until=time)``; of an event it has what the calendar's loop touches."""

    __slots__ = ("callbacks",)

    _ok = True
    _value = None

    def __init__(self) -> None:
        self.callbacks: list[Any] | None = []


def outcome(event: Any) -> Any:
    """Return the value of a processed event, or raise what it failed with, as itself."""
    if event._ok:
        return event._value
    event._defused = True
    raise event._value


def exclusive_copy(exception: BaseException) -> BaseException:
    """Return a copy with its own traceback; the original itself if its args cannot rebuild it."""
    try:
        copy = type(exception)(*exception.args)
    except Exception:
        return exception
    copy.__cause__ = exception
    return copy


_ASYNCIO_COMPLAINTS = (
    "no running event loop",
    "There is no current event loop",
    "Timeout should be used inside a task",
    "Timeout context manager should be used inside a task",
)


def _explained(error: BaseException) -> BaseException:
    """Replace the errors by which asyncio reports that it is not in charge; return every other as it is."""
    if type(error) is RuntimeError and str(error).startswith(_ASYNCIO_COMPLAINTS):
        explained = SimulationError(
            f"a process under sim.run called asyncio ({error}), whose clock does not run here; "
            "await sim.timeout(...) and the simulation's other events instead"
        )
        explained.__cause__ = error
        return explained.with_traceback(error.__traceback__)
    return error


def _not_an_event(value: Any, process: Process) -> SimulationError:
    what = f"process {process.name!r} under sim.run waits for {value!r}, which is not an event of the simulation"
    if value is None or hasattr(value, "_asyncio_future_blocking"):
        return SimulationError(
            f"{what} (a bare yield, or something of asyncio, whose clock does not run here); "
            "await sim.timeout(...) and the simulation's other events instead"
        )
    if hasattr(value, "throw"):
        value.close()
        return SimulationError(f"{what}; await the coroutine in an async def, or wait for sim.process(...) of it")
    return SimulationError(f"{what}; wait for sim.timeout(...), sim.event(), a process or a request")


class Withdrawable(Awaitable):
    """A request to a store, container or resource that leaves no trace if its ``await`` is interrupted.

    With SimPy's own requests an interrupted ``yield store.get()`` stays in the queue and takes the next item
    for nobody. A generator still needs ``with store.get() as request: item = yield request``; ``await
    store.get()`` is safe as it is.
    """

    _withdrawn = False

    if TYPE_CHECKING:
        resource: Any

    def __await__(self) -> Generator[Any, Any, Any]:
        if self.env._active_proc is None:
            raise _not_running(self)
        if self._withdrawn:
            raise SimulationError(f"{self!r} was withdrawn when its await was interrupted; make a new request")
        try:
            return (yield self)
        except GeneratorExit:
            raise
        except BaseException:
            if self.callbacks is not None:
                if self._value is PENDING:
                    self.cancel()
                else:
                    self._give_back()
                self._withdrawn = True
            raise

    def cancel(self) -> None:
        """Leave the queue; does nothing if the request was granted or withdrawn."""
        if not self._withdrawn:
            super().cancel()  # type: ignore[misc]  # SimPy's, which comes behind this class

    def _give_back(self) -> None:
        """Undo a request that was granted but whose process was interrupted before it could know."""
