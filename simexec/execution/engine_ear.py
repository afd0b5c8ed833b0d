"""How an engine hears what becomes of orders: a guard that refuses nothing, counts, logs, and tells events."""

from __future__ import annotations

import logging
from typing import Any

from simexec.execution.event_bus import EventBus
from simexec.execution.execution_stats import ExecutionStats
from simexec.execution.guard import Refusal
from simexec.execution.log import LOGGER, log
from simexec.execution.order_events import OrderEvents
from simexec.sim import Event as Happening
from simexec.sim import Simulation
from simexec.trading.events import Event, EventType, Signal
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport

_KINDS = {
    ExecType.TRADE: EventType.FILL,
    ExecType.TRADE_CANCEL: EventType.BUST,
    ExecType.REJECTED: EventType.REJECT,
    ExecType.CANCEL_REJECTED: EventType.REJECT,
    ExecType.CANCELED: EventType.CANCEL,
    ExecType.EXPIRED: EventType.CANCEL,
}
# By ``exec_type.code``, since a dict keyed by an enum member runs Python code to find it.
_EVENTS = tuple(_KINDS.get(exec_type) for exec_type in ExecType)
_REFUSALS = (ExecType.REJECTED, ExecType.CANCEL_REJECTED)


class EngineEar:
    """Hears every report; see ``Guard``.

    Args:
        sim: the simulation.
        bus: told an event of each trade, bust, refusal and end.

    Attributes:
        stats: what it has counted.
    """

    def __init__(self, sim: Simulation, bus: EventBus) -> None:
        self._sim = sim
        self._bus = bus
        self._answers = OrderEvents(sim)
        self.stats = ExecutionStats()

    def admit(self, order: Order) -> Refusal | None:
        """Nothing is refused."""
        return None

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        """Nothing is refused."""
        return None

    def check(self, order: Order) -> Refusal | None:
        """Nothing is refused."""
        if LOGGER.isEnabledFor(logging.DEBUG):
            log(
                logging.DEBUG, self._sim.now, "%s leaves for %s: %s %s %s", order.order_id, order.venue, order.side.name,
                order.quantity, order.symbol,
            )  # fmt: skip
        return None

    def heard(self, order: Order, report: ExecutionReport) -> None:
        """Count, log and tell."""
        if is_worked(order):  # its children are heard
            return
        self.stats.heard(order, report)
        if self._answers.waiting:
            self._answers.happen(order)
        level = logging.WARNING if report.exec_type in _REFUSALS else logging.DEBUG
        if LOGGER.isEnabledFor(level):
            self._log(level, order, report)
        kind = _EVENTS[report.exec_type.code]
        if kind is not None and self._bus.wants(kind):
            self._bus.tell(Event(kind, _data_of(kind, order, report), self._sim.now))

    def answer(self, order: Order) -> Happening:
        """An event that happens with the first report about an order; at once if it has come."""
        return self._answers.event(order, bool(order.execution_ids))

    def refused(self, signal: Signal, refusal: Refusal) -> None:
        """A signal came to nothing."""
        data = {"symbol": signal.symbol, "side": signal.side, "signal": signal, "reason": str(refusal)}
        self._bus.tell(Event(EventType.REJECT, data, self._sim.now))

    def _log(self, level: int, order: Order, report: ExecutionReport) -> None:
        price = order.instrument.price_of_quanta(report.last_price_quanta) if report.last_quantity else None
        traded = f" {report.last_quantity} at {price}" if price is not None else ""
        log(
            level, self._sim.now, "%s %s%s, %s of %s filled%s", order.order_id,
            report.exec_type.name, traded, order.filled_quantity, order.quantity, f": {report.text}" if report.text else "",
        )  # fmt: skip


def is_worked(order: Order) -> bool:
    """Whether an order is a parent that an algorithm works, or was: it is at no venue itself."""
    return order.venue is None and order.submitted_ns is not None


def _data_of(kind: EventType, order: Order, report: ExecutionReport) -> dict[str, Any]:
    data: dict[str, Any] = {"order_id": order.order_id, "symbol": order.symbol, "side": order.side, "order": order}
    if kind in (EventType.FILL, EventType.BUST):
        fill = order.fill_of(report)
        return data | {
            "quantity": fill.quantity, "price": fill.price, "commission": fill.commission, "slippage": fill.slippage, "fill": fill,
        }  # fmt: skip
    return data | {"reason": report.text, "code": report.reason, "status": order.status, "exec_type": report.exec_type}
