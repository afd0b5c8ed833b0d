"""Cancels of many orders at once (FIX 35=q), from the request to its answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import attrs

from simexec.errors import SimulationError
from simexec.sim import Event, Simulation
from simexec.trading.order import Order
from simexec.trading.report import MassCancelReport
from simexec.trading.requests import MassCancelRequest
from simexec.trading.vocabulary import OrderSide, OrderStatus

if TYPE_CHECKING:
    from simexec.execution.broker import OrderLines
    from simexec.execution.journal import Journal

_PENDING = OrderStatus.PENDING


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
        sim: the simulation.
        broker: the lines to venues; None: there is nobody to ask.
        journal: where requests and answers are written down.
        released: called with every order that was not cancelled after all, when the answer has come.
    """

    def __init__(
        self, sim: Simulation, broker: OrderLines | None, journal: Journal | None, released: Callable[[Order], None]
    ) -> None:
        self._sim = sim
        self._broker = broker
        self._journal = journal
        self._released = released
        self._waiting: dict[str, MassCancel] = {}
        self._asked = 0

    def send(
        self, matching: Iterable[Order], venue: str | None, side: OrderSide | None, symbol: str | None
    ) -> list[Event]:
        """Ask a venue, or each of them, to cancel what matches; the cancel of each such order is now pending.

        Returns:
            For each venue that was asked, an event that happens when it has answered.

        Raises:
            OrderError: no line to the venue.
        """
        if self._broker is None:
            return []
        answers = []
        for name in self._broker.venues if venue is None else [self._broker.choose(venue)]:
            sent = [order for order in matching if order.status is not _PENDING and order.venue == name]
            mass = self._ask(name, sent)
            if self._journal is not None:
                self._journal.note((self._sim.now, "mass_cancel", mass, 0, None))
            side_sign = None if side is None else side.sign
            self._broker.send_mass_cancel(name, MassCancelRequest(mass.order_id, side_sign, symbol))
            answers.append(mass.answered)
        return answers

    def _ask(self, venue: str, orders: Iterable[Order]) -> MassCancel:
        self._asked += 1
        concerned = [order for order in orders if not order.pending_cancel]
        for order in concerned:
            order.request_cancel()
        mass = MassCancel(f"mass_{self._asked}", venue, concerned, Event(self._sim))
        self._waiting[mass.order_id] = mass
        return mass

    def answer(self, report: MassCancelReport) -> None:
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
        if self._journal is not None:
            self._journal.note((self._sim.now, f"mass_canceled {report.text}", mass, report.cancelled, None))
