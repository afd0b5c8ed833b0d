"""Events of an execution engine: who wants to hear them, and the last of them."""

from __future__ import annotations

import inspect
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from simexec.errors import InputError
from simexec.sim import Simulation
from simexec.trading.events import Event, EventType

Handler: TypeAlias = Callable[[Event], Awaitable[object] | object]
"""Called with an event; what it returns is waited for if it can be awaited, and otherwise of no account."""


class EventBus:
    """Hands events on and keeps the latest.

    Args:
        sim: the simulation.
        history: how many events are kept; None: all.

    Attributes:
        history: the latest events, oldest first.

    Raises:
        InputError: a history below 0.
    """

    def __init__(self, sim: Simulation, history: int | None) -> None:
        if history is not None and (isinstance(history, bool) or not isinstance(history, int) or history < 0):
            raise InputError(f"history {history!r} must be a whole number of events from 0 up, or None for all")
        self._sim = sim
        self._handlers: dict[EventType, list[Handler]] = {}
        self.history: deque[Event] = deque(maxlen=history)
        self.keeps = history != 0

    def on(self, kind: EventType, handler: Handler) -> None:
        """Have ``handler`` called with every event of a kind, behind what happens when it is told; it may be ``async``."""
        if kind.__class__ is not EventType:
            raise InputError(f"event type {kind!r} must be a member of EventType")
        self._handlers.setdefault(kind, []).append(handler)

    def wants(self, kind: EventType) -> bool:
        """Whether an event of a kind would be kept or heard by anybody."""
        return self.keeps or kind in self._handlers

    def tell(self, event: Event) -> None:
        """Keep an event, and hand it on behind what happens now, at the same time."""
        self.history.append(event)
        if event.type in self._handlers:
            self._sim.call_after(0, self._hand_on, event)

    def _hand_on(self, event: Event) -> None:
        for handler in self._handlers[event.type]:
            waits = handler(event)
            if inspect.iscoroutine(waits):
                self._sim.process(waits, name=f"handler of {event.type.name}")
