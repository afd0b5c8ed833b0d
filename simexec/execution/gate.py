"""The gate: where the guards are asked, and what an order is told that they refuse."""

from __future__ import annotations

from collections.abc import Callable

from simexec.execution.guard import Guards, Refusal
from simexec.execution.own_reports import report_of_end, report_of_refused_change
from simexec.sim import Simulation
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport


class Gate:
    """Every order passes it on the way out; one that is refused gets a report as if a venue had answered.

    Args:
        sim: the simulation.
        guards: who is asked.
        receive: takes in the reports of what was refused.

    Attributes:
        is_guarded: whether anybody is asked at all.
    """

    def __init__(self, sim: Simulation, guards: Guards, receive: Callable[[list[ExecutionReport]], None]) -> None:
        self.is_guarded = len(guards) > 0
        self._sim = sim
        self._guards = guards
        self._receive = receive

    def may_begin(self, root: Order) -> bool:
        """Whether a root may begin; it is rejected if not."""
        return self._passes(root, self._guards.admit(root))

    def may_leave(self, order: Order) -> bool:
        """Whether an order may go to a venue, and begin if it is a root; it is rejected if not."""
        refusal = self._guards.admit(order) if order.parent_id is None else None
        return self._passes(order, refusal or self._guards.check(order))

    def may_change(self, order: Order, total: int, price_ticks: int | None) -> bool:
        """Whether an order may get another total quantity and limit; if not, that is reported as a refused replace."""
        refusal = self._guards.amend(order, total, price_ticks)
        if refusal is not None:
            order.request_replace(order.quantity)  # which the report answers; others may be on their way
            self._receive([report_of_refused_change(order, self._sim.now, refusal)])
        return refusal is None

    def _passes(self, order: Order, refusal: Refusal | None) -> bool:
        if refusal is not None:
            now = self._sim.now
            self._receive([report_of_end(order, ExecType.REJECTED, now, str(refusal), refusal.reason)])
        return refusal is None
