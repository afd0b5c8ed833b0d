"""Cancels of many orders at once (FIX 35=q), from the request to its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import attrs

from simexec.errors import SimulationError
from simexec.sim import Event
from simexec.trading.order import Order
from simexec.trading.report import MassCancelReport


@attrs.define(eq=False, slots=True)
class MassCancel:
    """One request to one venue.

    Attributes:
        order_id: of the request; it shares its name with the orders' so that the journal need not tell them apart.
        venue: that was asked.
        orders: whose cancel is pending because of it.
        answered: happens with the venue's ``MassCancelReport``.
        parent_id: always None.
    """

    order_id: str
    venue: str
    orders: list[Order]
    answered: Event
    parent_id: None = None


class MassCancels:
    """The mass cancels of a run.

    Args:
        released: called with every order that was not cancelled after all, when the answer has come.
    """

    def __init__(self, released: Callable[[Order], None]) -> None:
        self._released = released
        self._waiting: dict[str, MassCancel] = {}
        self._asked = 0

    def ask(self, venue: str, orders: Iterable[Order], answered: Event) -> MassCancel:
        """Note a request to a venue that concerns these orders; the cancel of each is now pending."""
        self._asked += 1
        concerned = [order for order in orders if not order.pending_cancel]
        for order in concerned:
            order.request_cancel()
        mass = MassCancel(f"mass_{self._asked}", venue, concerned, answered)
        self._waiting[mass.order_id] = mass
        return mass

    def answer(self, report: MassCancelReport) -> MassCancel:
        """Take a venue's answer: what still works has no cancel on its way any more.

        Raises:
            SimulationError: nobody asked, or the answer has come before.
        """
        mass = self._waiting.pop(report.request_id, None)
        if mass is None:
            raise SimulationError(f"a mass cancel report answers {report.request_id}, which nobody waits for here")
        for order in mass.orders:
            if order.pending_cancel:
                order.pending_cancel = False
                order.reason = report.text or order.reason
                self._released(order)
        mass.answered.succeed(report)
        return mass
