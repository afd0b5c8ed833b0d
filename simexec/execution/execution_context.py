"""The execution context: orders at work, figures and values, changed by transactions that are seen whole or not at all."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import nullcontext
from types import TracebackType
from typing import Any, SupportsIndex

import attrs

from simexec.errors import InputError, SimulationError
from simexec.execution.context_state import (
    ContextMetrics,
    StateLayer,
    checked_amount,
    checked_text,
)
from simexec.execution.resource_locks import TRANSACTION, HeldResource, Owner, ResourceLocks, Wake
from simexec.sim import Simulation, current_simulation
from simexec.trading.money import Number, parse_count

__all__ = ["ContextMetrics", "ExecutionContext", "Transaction", "TransactionRecord"]


@attrs.frozen
class TransactionRecord:
    """What became of a transaction.

    Attributes:
        name: as it was given.
        owner: name of the process or thread.
        began_ns: time of the simulation when it began, having waited for its turn.
        ended_ns: when it was committed or rolled back.
        failure: what it was rolled back for; empty if it was committed.
    """

    name: str
    owner: str
    began_ns: int
    ended_ns: int
    failure: str

    @property
    def committed(self) -> bool:
        """Whether it was committed rather than rolled back."""
        return not self.failure


class ExecutionContext:
    """State that several processes of a simulation, or several threads, change together.

    ``async with context.transaction(name):`` groups operations. Nobody else sees a part of them; an exception or interrupt
    that leaves the block undoes all of them. One transaction is open at a time, the others wait, first come first served. One
    inside another of the same owner is a savepoint: it undoes its own part if the exception is caught outside of it. An
    operation outside any transaction is a transaction of its own, and waits for its turn as well.

    Reading never waits: outside a transaction it gives what is committed, inside what the transaction itself has written too.

    The owner of a transaction or resource is the active process of the simulation, or the thread where none is running; what
    shares a thread (tasks of asyncio, say) is one owner. A process that waits for another which needs the transaction that it
    has open itself waits for ever.

    By default nothing is locked and everything happens in one thread. With ``thread_safe``, any number of other threads may
    use the context as well: there the methods block the thread and never suspend, so that any driver, ``asyncio.run(work())``
    for one, can execute them. A process never blocks the thread of its simulation.

    Args:
        thread_safe: whether other threads than the simulation's use it too.
        sim: the simulation; None: the current one.
        wake: called in other threads with a callback, which it hands to the simulation's thread; needed if ``thread_safe`` and
            processes of the simulation have to wait.
        history: how many of the last transactions are remembered.

    Attributes:
        locks: who holds and who waits.

    Raises:
        InputError: a negative ``history``, or a ``wake`` that cannot be called.
        SimulationError: if ``sim`` is None and there is no current one.
    """

    def __init__(
        self,
        *,
        thread_safe: bool = False,
        sim: Simulation | None = None,
        wake: Wake | None = None,
        history: SupportsIndex = 1000,
    ) -> None:
        if wake is not None and not callable(wake):
            raise InputError(f"wake {wake!r} cannot be called; give a function that takes a callback")
        self._sim = sim if sim is not None else current_simulation()
        # Re-entrant, since the collector may close a forgotten coroutine, and so roll back, at any moment.
        mutex = threading.RLock() if thread_safe else None
        self._mutex = mutex or nullcontext()
        self.locks = ResourceLocks(self._sim, mutex, wake)
        self._committed = StateLayer()
        self._top = self._committed
        self._writer: Owner | None = None  # whose transaction is open
        self._commits = self._rollbacks = 0
        self._history: deque[tuple[str, str, int, int, str]] = deque(maxlen=parse_count(history, "history", 0))

    # --- reading ---

    @property
    def metrics(self) -> ContextMetrics:
        """The figures now."""
        with self._mutex:
            return self._seen().metrics(self._commits, self._rollbacks)

    @property
    def active_orders(self) -> AbstractSet[str]:
        """Ids of the active orders, in the order in which they became so; it does not change later."""
        with self._mutex:
            return self._seen().active_orders()

    def get(self, key: str, default: Any = None) -> Any:
        """The value that was set, or ``default``."""
        with self._mutex:
            return self._seen().get(key, default)

    @property
    def history(self) -> tuple[TransactionRecord, ...]:
        """The last transactions that ended, the oldest first; savepoints and single operations are not among them."""
        with self._mutex:
            ended = tuple(self._history)
        return tuple(TransactionRecord(*one) for one in ended)

    def _seen(self) -> StateLayer:
        return self._committed if self._writer is None or self._writer is not self.locks.caller() else self._top

    # --- transactions and resources ---

    def transaction(self, name: str) -> Transaction:
        """Group operations: ``async with context.transaction("execute o1"):``.

        Entering waits while another transaction is open; leaving never waits.

        Raises:
            InputError: if the name is no str, or empty.
            DeadlockError: when entering, if the wait would never end.
        """
        return Transaction(self, checked_text(name, "transaction name"))

    def resource(self, name: str) -> HeldResource:
        """Hold a resource for oneself: ``async with context.resource("AAPL"):``.

        First come, first served; who holds it may take it again. It has nothing to do with transactions, except that waiting
        for both is looked at together: take resources before a transaction begins, and always in one order.

        Raises:
            InputError: if the name is no str, or empty.
            DeadlockError: when entering, if the wait would never end.
        """
        return self.locks.hold(checked_text(name, "resource name"))

    # --- operations ---

    async def add_active_order(self, order_id: str) -> None:
        """Make an order active, and count it if no operation has named it before.

        Raises:
            InputError: if the id is no str or empty, or the order is active already.
        """
        await self._change(StateLayer.add_active_order, checked_text(order_id, "order id"))

    async def remove_active_order(self, order_id: str) -> None:
        """Make an order inactive.

        Raises:
            InputError: if the id is no str or empty, or the order is not active.
        """
        await self._change(StateLayer.remove_active_order, checked_text(order_id, "order id"))

    async def record_order(self, order_id: str) -> None:
        """Count an order, if no operation has named it before.

        Raises:
            InputError: if the id is no str or empty.
        """
        await self._change(StateLayer.record_order, checked_text(order_id, "order id"))

    async def record_fill(
        self, order_id: str, volume: SupportsIndex, commission: Number = 0, slippage: Number = 0
    ) -> None:
        """Count a fill.

        Args:
            order_id: of the order, which need not be active.
            volume: what was filled, from 1 up.
            commission: in money of any unit, the same for all; negative for a rebate.
            slippage: likewise; negative if the price was better than expected.

        Raises:
            InputError: if the id is no str or empty, the volume no whole number from 1 up, or an amount not finite.
        """
        await self._change(
            StateLayer.record_fill,
            checked_text(order_id, "order id"),
            parse_count(volume, "volume"),
            checked_amount(commission, "commission"),
            checked_amount(slippage, "slippage"),
        )

    async def record_rejection(self, order_id: str, reason: str = "") -> None:
        """Count a rejection, by its reason; give a kind rather than a sentence with figures, of which each would be kept.

        Raises:
            InputError: if the id is no str or empty, or the reason no str.
        """
        if not isinstance(reason, str):
            raise InputError(f"reason {reason!r} is not a str; give the kind of rejection, such as 'price band'")
        await self._change(StateLayer.record_rejection, checked_text(order_id, "order id"), reason)

    async def set(self, key: str, value: Any) -> None:
        """Keep a value, as it is and not copied.

        A mutable value must not be changed in place: everybody would see that at once, and no rollback would undo it. Set a
        new one instead.

        Raises:
            InputError: if the key is no str, or empty.
        """
        await self._change(StateLayer.set, checked_text(key, "key"), value)

    async def _change(self, operation: Callable[..., None], *arguments: Any) -> None:
        """Do one operation: in the transaction that its caller has open, or else as one of its own."""
        owner = self.locks.caller()
        if self._writer is owner:  # only who is the owner can make it so, or end it
            operation(self._top, *arguments)
            return
        with self._mutex:
            if not self.locks.is_held(TRANSACTION):
                operation(self._committed, *arguments)
                self._commits += 1
                return
        await self.locks.acquire(TRANSACTION, owner)
        try:
            with self._mutex:
                operation(self._committed, *arguments)
                self._commits += 1
        finally:
            self.locks.release(TRANSACTION, owner)

    # --- what a transaction asks for ---

    def _begin(self, owner: Owner) -> StateLayer:
        """Put a layer on top, for who holds the transaction lock."""
        layer = StateLayer(self._top)
        self._top, self._writer = layer, owner
        return layer

    def _end(self, layer: StateLayer, transaction: Transaction, error: BaseException | None) -> None:
        """Absorb a layer; or drop it, with what lies over it, because of an error."""
        base = layer.base
        assert base is not None
        with self._mutex:
            if error is None:
                base.absorb(layer)
            self._top = base
            if base is self._committed:
                self._writer = None
                self._commits += error is None
                self._rollbacks += error is not None
                self._history.append(transaction.record(self._sim._now, error))

    def _is_open(self, layer: StateLayer) -> bool:
        over: StateLayer | None = self._top
        while over is not None and over is not layer:
            over = over.base
        return over is layer


class Transaction:
    """One transaction, or one savepoint, for a single ``async with``."""

    __slots__ = ("_began_ns", "_context", "_layer", "_name", "_owner")

    def __init__(self, context: ExecutionContext, name: str) -> None:
        self._context = context
        self._name = name
        self._layer: StateLayer | None = None
        self._owner: Owner
        self._began_ns: int

    async def __aenter__(self) -> None:
        context = self._context
        owner = context.locks.caller()
        await context.locks.acquire(TRANSACTION, owner)
        if self._layer is not None:
            context.locks.release(TRANSACTION, owner)
            raise SimulationError(f"transaction {self._name!r} was entered twice; ask for a new one each time")
        self._owner, self._began_ns = owner, context._sim._now
        self._layer = context._begin(owner)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Nothing here waits: a process that is closed or interrupted rolls back on the spot.
        context, layer = self._context, self._layer
        assert layer is not None
        try:
            if context._top is layer:
                context._end(layer, self, error)
                return
            entangled = SimulationError(
                f"transactions of {self._owner.name} were left in another order than entered, so {self._name!r} was rolled "
                "back; tasks that share a thread are one owner, give each a thread of its own"
            )
            if context._is_open(layer):
                context._end(layer, self, entangled)
            raise entangled
        finally:
            context.locks.release(TRANSACTION, self._owner)

    def record(self, now_ns: int, error: BaseException | None) -> tuple[str, str, int, int, str]:
        """The fields of its ``TransactionRecord``; built for each transaction, and seldom looked at."""
        failure = "" if error is None else f"{type(error).__name__}: {error}"
        return self._name, self._owner.name, self._began_ns, now_ns, failure
