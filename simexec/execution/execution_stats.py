"""What an execution engine counts: orders that left, how they ended, and what their fills cost."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from typing import Any
from weakref import WeakKeyDictionary

from simexec.trading.money import to_decimal
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport
from simexec.trading.vocabulary import OrderStatus

_TRADE, _TRADE_CANCEL, _REJECTED = ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.REJECTED
_ENDED = tuple(status for status in OrderStatus if status.is_final)


class ExecutionStats:
    """Counts over the whole run, whatever is forgotten meanwhile; an order counts when something is first heard of it.

    Orders with a parent count, as do orders by themselves; a parent that is worked does not, since its children do.
    """

    def __init__(self) -> None:
        self._open: dict[str, bool] = {}  # by id of the orders that work: whether they have traded
        self.orders = self.orders_with_fills = self.fills = self.busts = self.volume = 0
        self._quanta: dict[str, int] = {}
        self._slippage = Decimal(0)
        self._slippage_of_fills = Decimal(0)
        self._fees: dict[str, int] = {}
        self._ends: Counter[OrderStatus] = Counter()
        self._ended: WeakKeyDictionary[Order, tuple[bool, OrderStatus]] = WeakKeyDictionary()

    def heard(self, order: Order, report: ExecutionReport) -> None:
        """Count a report that has had its effect."""
        order_id, kind = order.order_id, report.exec_type
        traded = self._open.get(order_id)
        if traded is None:
            ended = self._ended.pop(order, None)
            if ended is None:
                traded = False
                self.orders += 1
            else:  # a bust has come, or another late report
                traded, status = ended
                self._ends[status] -= 1
            self._open[order_id] = traded
        if kind is _TRADE:
            self._count(order, report, 1)
            if not traded:
                traded = self._open[order_id] = True
                self.orders_with_fills += 1
        elif kind is _TRADE_CANCEL:
            self._count(order, report, -1)
        if order.status.is_final and order.missing_quantity <= 0:
            del self._open[order_id]
            self._ended[order] = traded, order.status
            self._ends[order.status] += 1

    def _count(self, order: Order, report: ExecutionReport, sign: int) -> None:
        instrument, quantity = order.instrument, report.last_quantity
        self.fills += sign == 1
        self.busts += sign == -1
        self.volume += sign * quantity
        currency = instrument.currency
        self._fees[currency] = self._fees.get(currency, 0) + sign * report.fee
        if report.slippage_quanta:
            a_share = instrument.price_of_quanta(report.slippage_quanta)
            self._slippage += sign * quantity * a_share * instrument.multiplier
            self._slippage_of_fills += sign * a_share

    def snapshot(self) -> dict[str, Any]:
        """Figures by the specification's names; 0.0 where there is nothing to average."""
        orders, fills = self.orders, self.fills - self.busts
        rejected = self._ends[OrderStatus.REJECTED]
        return {
            "metrics": {
                "orders": orders,
                "orders_with_fills": self.orders_with_fills,
                "fill_rate": self.orders_with_fills / orders if orders else 0.0,
                "fills": self.fills,
                "busts": self.busts,
                "rejections": rejected,
                "rejection_rate": rejected / orders if orders else 0.0,
                "working": len(self._open),
                **{status.name.lower(): self._ends[status] for status in _ENDED},
            },
            "execution": {
                "volume": self.volume,
                "total_commission": {code: to_decimal(units, code) for code, units in self._fees.items()},
                "total_slippage": float(self._slippage),
                "avg_slippage_per_fill": float(self._slippage_of_fills) / fills if fills else 0.0,
                "avg_fill_size": self.volume / fills if fills else 0.0,
            },
        }
