"""Events of orders that processes wait for: an end, an answer."""

from __future__ import annotations

from simexec.sim import Event, Simulation
from simexec.trading.order import Order


class OrderEvents:
    """One thing that happens to orders, and who waits for it.

    Attributes:
        waiting: events that have not happened, by order id; empty while nobody waits.
    """

    __slots__ = ("_sim", "waiting")

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self.waiting: dict[str, Event] = {}

    def event(self, order: Order, happened: bool) -> Event:
        """The event of an order; it happens at once if it has."""
        event = self.waiting.get(order.order_id)
        if event is None:
            event = Event(self._sim)
            if happened:
                event.succeed(order)
            else:
                self.waiting[order.order_id] = event
        return event

    def happen(self, order: Order) -> None:
        """It has happened to this order."""
        event = self.waiting.pop(order.order_id, None)
        if event is not None:
            event.succeed(order)
