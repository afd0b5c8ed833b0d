"""Reports that we make ourselves: of fills by hand, of orders that no venue has, and of parents, which follow their children."""

from __future__ import annotations

from simexec.errors import OrderError
from simexec.execution.guard import Refusal
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport, Fill, RejectReason

_TRADE = ExecType.TRADE


def report_of_fill(order: Order, fill: Fill) -> ExecutionReport:
    """The trade that a fill by hand is; OrderError if it is of another order."""
    if (fill.order_id, fill.side, fill.instrument) != (order.order_id, order.side, order.instrument):
        raise OrderError(
            f"fill {fill.exec_id} is of a {fill.side.name} {fill.symbol} order {fill.order_id},"
            f" not of the {order.side.name} {order.symbol} order {order.order_id}"
        )
    filled = order.filled_quantity + fill.quantity
    return ExecutionReport(
        fill.exec_id, order.order_id, _TRADE, fill.time_ns, filled, order.quantity - filled, fill.quantity, fill.price_quanta,
        fill.fee, fill.maker, venue=fill.venue, slippage_quanta=fill.slippage_quanta,
    )  # fmt: skip


def report_of_end(
    order: Order, exec_type: ExecType, time_ns: int, text: str, reason: RejectReason | None = None
) -> ExecutionReport:
    """The end of an order that ends here; ``reason`` where it is refused."""
    exec_id, filled = f"{order.order_id}-{len(order.execution_ids)}-end", order.filled_quantity
    return ExecutionReport(exec_id, order.order_id, exec_type, time_ns, filled, 0, reason=reason, text=text)


def report_of_change(order: Order, time_ns: int, total: int, price_ticks: int | None = None) -> ExecutionReport:
    """Another total quantity, and limit, of an order that no venue has."""
    exec_id, filled = f"{order.order_id}-{len(order.execution_ids)}-changed", order.filled_quantity
    return ExecutionReport(
        exec_id, order.order_id, ExecType.REPLACED, time_ns, filled, total - filled, price_ticks=price_ticks
    )


def report_of_refused_change(order: Order, time_ns: int, refusal: Refusal) -> ExecutionReport:
    """The answer to a replace that a guard refuses."""
    exec_id = f"{order.order_id}-{len(order.execution_ids)}-refused"
    return ExecutionReport(
        exec_id, order.order_id, ExecType.CANCEL_REJECTED, time_ns, order.filled_quantity, order.leaves_quantity,
        reason=refusal.reason, text=str(refusal), answers_replace=True,
    )  # fmt: skip


def passed_up(parent: Order, report: ExecutionReport, time_ns: int) -> ExecutionReport:
    """What a child's trade, or the bust of one, is to its parent."""
    change = report.last_quantity if report.exec_type is _TRADE else -report.last_quantity
    filled = parent.filled_quantity + change
    return ExecutionReport(
        report.exec_id, parent.order_id, report.exec_type, time_ns, filled, parent.quantity - filled,
        report.last_quantity, report.last_price_quanta, report.fee, report.maker, venue=report.venue,
        exec_ref_id=report.exec_ref_id,
    )  # fmt: skip
