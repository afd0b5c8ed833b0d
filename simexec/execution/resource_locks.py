"""Locks by name, first come first served, which say who would wait for ever instead of letting them.

Why not ``sim.Resource`` or ``threading.RLock``: an owner here is a process of the simulation or a thread, both wait for one
another, and a deadlock is found at the moment of waiting, whoever takes part in it.

Everybody waits for one lock at most, and a lock has one holder, so from whom one waits there leads one path: to its holder, to
what that waits for, and so on. A wait is refused if the path comes back to who asks. A release hands over to the first who waits,
who then waits for nothing, so it closes no cycle; looking at the moment of waiting is enough.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from types import CodeType, FrameType, TracebackType
from typing import Any, Final, TypeAlias

from simexec.errors import DeadlockError, InputError, SimulationError
from simexec.sim import Event, Process, Simulation

Owner: TypeAlias = Process | threading.Thread
"""Who holds or waits: a process of the simulation, or else the thread, with everything that runs in it."""

Wake: TypeAlias = Callable[[Callable[[], None]], object]
"""Hands a callback to the simulation's own thread, from any thread."""


class _TransactionLock:
    """The name of the lock that an open transaction holds; no str, so no resource has it."""

    def __str__(self) -> str:
        return "the transaction lock"


TRANSACTION: Final = _TransactionLock()

LockName: TypeAlias = str | _TransactionLock


class _Lock:
    """Held by ``owner``, ``depth`` times over; those who wait, first come first."""

    __slots__ = ("depth", "name", "owner", "queue")

    def __init__(self, name: LockName, owner: Owner) -> None:
        self.name = name
        self.owner = owner
        self.depth = 1
        self.queue: deque[_Wait] = deque()


class _Wait:
    """One owner who waits for one lock; a process for an event, a thread for a gate that is shut."""

    __slots__ = ("granted", "lock", "news", "owner")

    def __init__(self, owner: Owner, sim: Simulation) -> None:
        self.owner = owner
        self.granted = False
        self.lock: _Lock
        self.news: Event | threading.Lock
        if isinstance(owner, Process):
            self.news = Event(sim)
        else:
            self.news = threading.Lock()
            self.news.acquire()


class ResourceLocks:
    """The locks of one context.

    Args:
        sim: the simulation whose processes take part.
        mutex: guards the table, where several threads share it; it must be re-entrant, since the collector may close a
            forgotten coroutine, which releases what it holds, at any moment. None: nothing is locked, and no thread waits.
        wake: how another thread tells a process that a lock is its own; needed where there is a mutex and processes wait.
    """

    def __init__(
        self, sim: Simulation, mutex: AbstractContextManager[Any] | None = None, wake: Wake | None = None
    ) -> None:
        self._sim = sim
        self._threaded = mutex is not None
        self._mutex = mutex or nullcontext()
        self._wake = wake
        self._locks: dict[LockName, _Lock] = {}  # those that are held
        self._waits: dict[Owner, _Wait] = {}

    def caller(self) -> Owner:
        """Who is calling: the active process of the simulation, or the thread where none is running."""
        # NOTE: the attribute, as in Link; SimPy's property costs a call for every operation.
        process = self._sim._active_proc
        if process is not None and (not self._threaded or _runs_here(_RESUMED, process)):
            return process
        return threading.current_thread()

    def holders(self) -> Mapping[LockName, str]:
        """Who holds each lock that is held, by name."""
        with self._mutex:
            return {name: lock.owner.name for name, lock in self._locks.items()}

    def waiters(self) -> Mapping[LockName, tuple[str, ...]]:
        """Who waits for each lock, the next one first; locks that nobody waits for are left out."""
        with self._mutex:
            return {
                name: tuple(wait.owner.name for wait in lock.queue) for name, lock in self._locks.items() if lock.queue
            }

    def is_held(self, name: LockName) -> bool:
        """Whether anybody holds a lock."""
        return name in self._locks

    def hold(self, name: str) -> HeldResource:
        """Hold a resource: ``async with locks.hold("AAPL"):``."""
        return HeldResource(self, name)

    async def acquire(self, name: LockName, owner: Owner) -> None:
        """Take a lock, or wait until it is handed over; one that the owner holds already is taken once more.

        An interrupted wait is withdrawn, and a lock that was handed over meanwhile goes to the next.

        Raises:
            DeadlockError: if the wait would never end.
            SimulationError: if the owner cannot wait, being neither a process nor, with a mutex, a thread other than the
                simulation's.
            InputError: if a process has to wait where there is a mutex and no ``wake``.
        """
        with self._mutex:
            if self._take(name, owner):
                return
        wait = _Wait(owner, self._sim) if self._can_wait(name, owner) else None
        with self._mutex:
            if self._take(name, owner):  # released in between
                return
            lock = self._locks[name]
            if wait is None:
                raise self._cannot_wait(lock)
            self._refuse_cycle(lock, owner)
            wait.lock = lock
            lock.queue.append(wait)
            self._waits[owner] = wait
        try:
            if isinstance(wait.news, Event):
                await wait.news
            else:
                wait.news.acquire()
        except BaseException:
            self._withdraw(wait)
            raise

    def release(self, name: LockName, owner: Owner) -> None:
        """Give back what was taken once; the first who waits has it when it was given back as often as taken.

        Raises:
            SimulationError: if the owner does not hold it.
        """
        with self._mutex:
            lock = self._locks.get(name)
            if lock is None or lock.owner is not owner:
                raise SimulationError(f"{name} was released by {owner.name}, who does not hold it")
            following = self._give_back(lock)
        self._tell(following)

    def _take(self, name: LockName, owner: Owner) -> bool:
        lock = self._locks.get(name)
        if lock is None:
            self._locks[name] = _Lock(name, owner)
            return True
        if lock.owner is owner:
            lock.depth += 1
            return True
        return False

    def _give_back(self, lock: _Lock) -> _Wait | None:
        """Undo one taking; return who has the lock from now on, if that is somebody new."""
        lock.depth -= 1
        if lock.depth:
            return None
        if not lock.queue:
            del self._locks[lock.name]
            return None
        following = lock.queue.popleft()
        del self._waits[following.owner]
        lock.owner, lock.depth, following.granted = following.owner, 1, True
        return following

    def _tell(self, following: _Wait | None) -> None:
        """Let who has been handed a lock go on; without the mutex, since ``wake`` may have locks of its own."""
        if following is None:
            return
        news = following.news
        if not isinstance(news, Event):
            news.release()
        elif self._wake is None or not self._threaded or isinstance(self.caller(), Process):
            _happen(news)
        elif not self._sim.is_closing:
            self._wake(lambda: _happen(news))

    def _withdraw(self, wait: _Wait) -> None:
        following = None
        with self._mutex:
            if wait.granted:
                following = self._give_back(wait.lock)
            else:
                wait.lock.queue.remove(wait)
                del self._waits[wait.owner]
        self._tell(following)

    def _refuse_cycle(self, lock: _Lock, owner: Owner) -> None:
        path = [(owner, lock)]
        while (holder := path[-1][1].owner) is not owner:
            wait = self._waits.get(holder)
            if wait is None:
                return
            path.append((holder, wait.lock))
        held = path[-1][1]
        steps = []
        for who, awaited in path:
            steps.append(f"{who.name} holds {held.name} and waits for {awaited.name}")
            held = awaited
        remedy = "always take resources in one order"
        if any(awaited.name is TRANSACTION for _, awaited in path):
            remedy += ", and before a transaction begins"
        raise DeadlockError(f"waiting for {lock.name} would close a cycle: {', '.join(steps)}; {remedy}")

    def _can_wait(self, name: LockName, owner: Owner) -> bool:
        if isinstance(owner, Process):
            if self._threaded and self._wake is None:
                raise InputError(
                    f"process {owner.name} must wait for {name} beside threads, and wake is None; give wake=, which hands a "
                    "callback to the simulation's thread"
                )
            return True
        return self._threaded and not _runs_here(_DRIVING, self._sim)

    def _cannot_wait(self, lock: _Lock) -> SimulationError:
        return SimulationError(
            f"{lock.name} is held by {lock.owner.name}, and what runs outside the processes of the simulation cannot wait for "
            "that; use sim.run(main()) or sim.process(...), and clean up without await when a simulation is closed"
        )


class HeldResource:
    """A resource held for the length of an ``async with``; released in any case."""

    __slots__ = ("_locks", "_name", "_owner")

    def __init__(self, locks: ResourceLocks, name: str) -> None:
        self._locks = locks
        self._name = name
        self._owner: Owner

    async def __aenter__(self) -> None:
        owner = self._locks.caller()
        await self._locks.acquire(self._name, owner)
        # Who closes a process is not that process, so it is remembered; guarded by the resource itself.
        self._owner = owner

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._locks.release(self._name, self._owner)


_RESUMED: Final = (Process._resume.__code__,)
_DRIVING: Final = (Simulation._process_events.__code__, Simulation.step.__code__, Simulation.close.__code__)


def _runs_here(codes: tuple[CodeType, ...], instance: object) -> bool:
    """Whether this thread is inside one of these methods of the instance.

    Neither the thread's id nor the current simulation tells: a simulation may be run by another thread each time, and
    ``asyncio.to_thread`` takes the context of who called it along.
    """
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code in codes and frame.f_locals["self"] is instance:
            return True
        frame = frame.f_back
    return False


def _happen(event: Event) -> None:
    if not event.env.is_closing:  # whoever waited has been closed, or will be
        event.succeed()
