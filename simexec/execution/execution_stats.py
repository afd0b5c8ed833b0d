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

_TRADE, _TRADE_CANCEL = ExecType.TRADE, ExecType.TRADE_CANCEL
_ENDED = tuple(status for status in OrderStatus if status.is_final)


class ExecutionStats:
    """Counts over the whole run, whatever is forgotten meanwhile; an order counts when something is first heard of it.

    Orders with a parent count, as do orders by themselves; a parent that is worked does not, since its children do. Of trades that
    were busted nothing is left but the count of busts.

    Attributes:
        orders: heard of; ``orders_with_fills`` those of which a trade stands.
        fills: trades; ``busts`` those among them that were taken back.
        volume: shares or contracts of the trades that stand.
    """

    def __init__(self) -> None:
        self.orders = self.orders_with_fills = self.fills = self.busts = self.volume = 0
        self._working: dict[str, bool] = {}  # by id of the orders that have not ended: whether a trade of them stands
        self._ended: WeakKeyDictionary[Order, tuple[bool, OrderStatus]] = WeakKeyDictionary()
        self._ends: Counter[OrderStatus] = Counter()
        self._fees: dict[str, int] = {}  # by currency, in units; slippage likewise
        self._slippage: dict[str, int] = {}
        self._slippage_of_fills = Decimal(0)

    def heard(self, order: Order, report: ExecutionReport) -> None:
        """Count a report that has had its effect."""
        order_id, kind = order.order_id, report.exec_type
        traded = self._working.get(order_id)
        if traded is None:
            ended = self._ended.pop(order, None)
            if ended is None:
                traded = False
                self.orders += 1
            else:  # a bust has come, or another late report
                traded, status = ended
                self._ends[status] -= 1
        if kind is _TRADE:
            self.fills += 1
            self._count(order, report, 1)
        elif kind is _TRADE_CANCEL:
            self.busts += 1
            self._count(order, report, -1)
        trades = order.filled_quantity > 0
        self.orders_with_fills += trades - traded
        if order.status.is_final and order.missing_quantity <= 0:
            self._working.pop(order_id, None)
            self._ended[order] = trades, order.status
            self._ends[order.status] += 1
        else:
            self._working[order_id] = trades

    def _count(self, order: Order, report: ExecutionReport, sign: int) -> None:
        instrument, quantity, slipped = order.instrument, report.last_quantity, report.slippage_quanta
        self.volume += sign * quantity
        currency = instrument.currency
        self._fees[currency] = self._fees.get(currency, 0) + sign * report.fee
        if slipped:
            side, price = order.side.sign, report.last_price_quanta
            base = max(1, price - side * slipped)  # what it would have been without
            cost = instrument.cash_flow(side, quantity, base) - instrument.cash_flow(side, quantity, price)
            self._slippage[currency] = self._slippage.get(currency, 0) + sign * cost
            self._slippage_of_fills += sign * instrument.price_of_quanta(slipped)

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
                "rejection_rate": rejected / orders if orders else 0.0,
                "working": len(self._working),
                **{status.name.lower(): self._ends[status] for status in _ENDED},
            },
            "execution": {
                "volume": self.volume,
                "total_commission": {code: to_decimal(units, code) for code, units in self._fees.items()},
                "total_slippage": {code: to_decimal(units, code) for code, units in self._slippage.items()},
                "avg_slippage_per_fill": float(self._slippage_of_fills) / fills if fills else 0.0,
                "avg_fill_size": self.volume / fills if fills else 0.0,
            },
        }
