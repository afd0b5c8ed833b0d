"""Events of an execution engine: who wants to hear them, and the last of them."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeAlias

from simexec.errors import InputError
from simexec.sim import Simulation
from simexec.trading.events import Event, EventType

Handler: TypeAlias = Callable[[Event], Awaitable[object] | Generator[Any, Any, Any] | object]
"""Called with an event. A coroutine or generator that it returns becomes a process; anything else is of no account."""


class EventBus:
    """Hands events on and keeps the latest.

    Args:
        sim: the simulation.
        history: how many events are kept; None: all.

    Attributes:
        history: the latest events, oldest first.
        keeps: whether any are kept.

    Raises:
        InputError: a history below 0.
    """

    def __init__(self, sim: Simulation, history: int | None) -> None:
        if history is not None and (isinstance(history, bool) or not isinstance(history, int) or history < 0):
            raise InputError(f"history {history!r} must be a whole number of events from 0 up, or None for all")
        self._sim = sim
        self._handlers: dict[EventType, list[Handler]] = {}
        self._held: list[Event] | None = None
        self.history: deque[Event] = deque(maxlen=history)
        self.keeps = history != 0

    def on(self, kind: EventType, handler: Handler) -> None:
        """Have ``handler`` called with every event of a kind from now on, behind what happens when it is told.

        What a handler raises comes out of ``sim.run``, and other handlers of the event may then not have been called.

        Raises:
            InputError: no type of event, or a handler that cannot be called.
        """
        if kind.__class__ is not EventType:
            raise InputError(f"event type {kind!r} must be a member of EventType")
        if not callable(handler):
            raise InputError(
                f"handler {handler!r} of {kind.name} events cannot be called; give a function of one argument"
            )
        self._handlers.setdefault(kind, []).append(handler)

    def wants(self, kind: EventType) -> bool:
        """Whether an event of a kind would be kept or heard by anybody."""
        return self.keeps or kind in self._handlers

    def tell(self, event: Event) -> None:
        """Keep an event, and hand it on behind what happens now, at the same time."""
        if self._held is not None:
            self._held.append(event)
            return
        self.history.append(event)
        handlers = self._handlers.get(event.type)
        if handlers is not None:
            self._sim.call_after(0, self._hand_on, (event, tuple(handlers)))

    def hold(self) -> None:
        """Hold back what is told until ``release``, so that it follows its cause."""
        self._held = []

    def release(self, cause: Event | None) -> None:
        """Tell the cause, if there is one, and then what was held back."""
        held, self._held = self._held, None
        for event in ([] if cause is None else [cause]) + (held or []):
            self.tell(event)

    def _hand_on(self, told: tuple[Event, tuple[Handler, ...]]) -> None:
        event, handlers = told
        for handler in handlers:
            waits = handler(event)
            if inspect.iscoroutine(waits) or inspect.isgenerator(waits):
                self._sim.process(waits, name=f"handler of {event.type.name}")
