"""Execution quality while a run goes on, from one pass over the reports.

Every report costs the same, however many came before it. At the end of an order its figures are those of the analysis of the
finished run, to the last digit; a trade that was busted counts in neither.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction

import attrs

from simexec.analysis.latency import LatencyStatistics
from simexec.analysis.live_prices import Prices
from simexec.analysis.quality import Quality, Totals
from simexec.errors import InputError
from simexec.trading.order import Order
from simexec.trading.report import ExecType, ExecutionReport

_NEW, _TRADE, _TRADE_CANCEL, _REJECTED = ExecType.NEW, ExecType.TRADE, ExecType.TRADE_CANCEL, ExecType.REJECTED


@attrs.define(eq=False, slots=True)
class _Fills:
    """What a root order has traded; its own reports follow those of its children."""

    filled: int = 0
    notional: int = 0
    fees: int = 0
    maker: int = 0
    makers: set[str] = attrs.field(factory=set)  # execution ids of passive trades, for busts do not repeat that


@attrs.define(eq=False, slots=True)
class _Requests:
    """What became of the requests of one parent's children, or of a root's own; ``split`` once there are children."""

    orders: int = 0
    split: bool = False
    rejected: int = 0
    answers_ns: list[int] = attrs.field(factory=list)
    arrived_ns: int | None = None
    acknowledged_ns: int | None = None


class LiveQuality:
    """Execution quality of every root order; an order manager's guard that admits everything.

    Where a router has split a child, the requests of the parts count from when that child is heard of itself: at its first fill,
    or at its end.

    Args:
        clock: the present time, ns.
        prices: of the market.
    """

    def __init__(self, clock: Callable[[], int], prices: Prices) -> None:
        self._clock = clock
        self._prices = prices
        self._roots: dict[str, Order] = {}
        self._fills: dict[str, _Fills] = {}
        self._requests: dict[str, _Requests] = {}  # by parent, or by root
        self._above: dict[str, str] = {}  # of every order heard of: its parent, or itself
        self._answered: set[str] = set()

    # --- what a guard is asked -------------------------------------------------------------------------------------------

    def admit(self, order: Order) -> None:
        """Admit a root order, and follow it."""
        self._roots[order.order_id] = order

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> None:
        """Admit a change."""

    def check(self, order: Order) -> None:
        """Admit what goes to a venue."""

    def heard(self, order: Order, report: ExecutionReport) -> None:
        """Take in a report that has had its effect: a venue's, or an order's own that follows from it."""
        order_id, parent_id, exec_type = order.order_id, order.parent_id, report.exec_type
        if parent_id is None:
            self._roots[order_id] = order
            if exec_type is _TRADE or exec_type is _TRADE_CANCEL:
                self._traded(self._fills.setdefault(order_id, _Fills()), report)
        key = parent_id or order_id
        requests = self._requests.get(key)
        if requests is None:
            requests = self._requests[key] = _Requests()
        if order_id not in self._above:
            self._above[order_id] = key
            requests.orders += 1
            requests.split = requests.split or parent_id is not None
        if report.arrived_ns and (requests.arrived_ns is None or report.arrived_ns < requests.arrived_ns):
            requests.arrived_ns = report.arrived_ns
        if exec_type is _NEW or exec_type is _REJECTED:
            self._answer(requests, order, report)

    def _traded(self, fills: _Fills, report: ExecutionReport) -> None:
        sign = 1
        if report.exec_type is _TRADE_CANCEL:
            sign, exec_id = -1, report.exec_ref_id
            passive = exec_id in fills.makers
            fills.makers.discard(exec_id)
        elif passive := report.maker:
            fills.makers.add(report.exec_id)
        fills.filled += sign * report.last_quantity
        fills.notional += sign * report.last_quantity * report.last_price_quanta
        fills.fees += sign * report.fee
        fills.maker += sign * report.last_quantity * passive

    def _answer(self, requests: _Requests, order: Order, report: ExecutionReport) -> None:
        if report.exec_type is _REJECTED:
            requests.rejected += 1
        elif requests.acknowledged_ns is None or report.time_ns < requests.acknowledged_ns:
            requests.acknowledged_ns = report.time_ns
        if report.arrived_ns and order.submitted_ns is not None and order.order_id not in self._answered:
            self._answered.add(order.order_id)
            requests.answers_ns.append(self._clock() - order.submitted_ns)

    # --- what it tells ---------------------------------------------------------------------------------------------------

    @property
    def roots(self) -> tuple[Order, ...]:
        """The root orders heard of, in order."""
        return tuple(self._roots.values())

    def quality(self, order_id: str) -> Quality:
        """The figures of a root order to date; until it ends, what is unfilled is judged at the mid-point now.

        Raises:
            InputError: no such root order was heard of.
        """
        root = self._roots.get(order_id)
        if root is None:
            known = ", ".join(self._roots) or "none"
            raise InputError(f"order {order_id!r} is no root order that was heard of; known: {known}")
        end_ns = self._clock() if root.closed_ns is None else root.closed_ns
        quantum = Fraction(root.instrument.quantum)

        def mid(time_ns: int | None) -> Fraction | None:
            halves = None if time_ns is None else self._prices.mid(time_ns)
            return None if halves is None else Fraction(halves, 2) * quantum

        return Quality.from_totals(
            root,
            self._totals(order_id),
            decision=mid(root.created_ns),
            arrival=mid(self._arrival_ns(order_id)),
            end=mid(end_ns),
            market_quantity=self._prices.printed(root.created_ns, end_ns),
        )

    def _totals(self, order_id: str) -> Totals:
        below = {key: found for key, found in self._requests.items() if self._root_of(key) == order_id}
        fills = self._fills.get(order_id, _Fills())
        # What was split went to no venue itself: its children did.
        parents = sum(found.split and key in self._above for key, found in below.items())
        return Totals(
            filled_quantity=fills.filled,
            maker_quantity=fills.maker,
            notional_quanta=fills.notional,
            fee_units=fills.fees,
            orders=sum(found.orders for found in below.values()) - parents,
            rejected=sum(found.rejected for found in below.values()),
            acknowledged=LatencyStatistics.of(wait for found in below.values() for wait in found.answers_ns),
        )

    def _arrival_ns(self, order_id: str) -> int | None:
        below = [found for key, found in self._requests.items() if self._root_of(key) == order_id]
        arrivals = [found.arrived_ns for found in below if found.arrived_ns is not None]
        arrivals = arrivals or [found.acknowledged_ns for found in below if found.acknowledged_ns is not None]
        return min(arrivals, default=None)

    def _root_of(self, order_id: str) -> str:
        while (above := self._above.get(order_id, order_id)) != order_id:
            order_id = above
        return order_id
