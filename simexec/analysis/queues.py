"""What was ahead of our orders in their queues."""

from __future__ import annotations

from collections.abc import Iterator

import attrs
import numpy as np

from simexec.analysis.fills import street_orders
from simexec.analysis.result import Rows, RunResult
from simexec.analysis.whole_market import markets_of
from simexec.trading.order import Order


@attrs.frozen
class QueueAhead:
    """Where an order stood in its queue; in shares, by what is displayed ahead of it.

    Attributes:
        orders_at_rest: orders ahead when it first rested.
        quantity_at_rest: shares ahead then.
        leaves_at_rest: its own shares then.
        quantity_before_fill: shares ahead just before its first passive fill; None without one.
    """

    orders_at_rest: int
    quantity_at_rest: int
    leaves_at_rest: int
    quantity_before_fill: int | None

    @property
    def fraction_at_rest(self) -> float:
        """Of the shares ahead and its own, the part that was ahead: 0 is the head of the queue."""
        return self.quantity_at_rest / (self.quantity_at_rest + self.leaves_at_rest)

    @classmethod
    def of(cls, order: Order, rows: Rows) -> QueueAhead:
        """That of an order, from its rows of ``MarketReport.queues``."""
        fills = [trade.time_ns for trade in order.trades if trade.maker]
        before = None
        if fills:  # what is ahead is written down after a message, so the fill's own row comes too late
            before = int(rows[max(0, int(np.searchsorted(rows[:, 0], min(fills))) - 1), 3])
        orders, quantity, leaves = rows[0, 2:5].tolist()
        return cls(orders, quantity, leaves, before)


def queue_rows(result: RunResult) -> Iterator[tuple[Order, Rows]]:
    """Every order that rested in a lit market whose queues were recorded, with its rows of ``MarketReport.queues``."""
    places = {(one.venue, one.instrument.symbol): one for one in markets_of(result.markets, result.instrument.symbol)}
    sorted_rows: dict[tuple[str, str], Rows] = {}
    for order in street_orders(result):
        place = (order.venue or "", order.symbol)
        market = places.get(place)
        number = None if market is None else market.order_numbers.get(order.order_id)
        if market is None or number is None or len(market.queues) == 0:
            continue
        if place not in sorted_rows:
            sorted_rows[place] = market.queues[np.argsort(market.queues[:, 1], kind="stable")]
        rows = sorted_rows[place]
        first, stop = np.searchsorted(rows[:, 1], [number, number + 1])
        if stop > first:
            yield order, rows[first:stop]
