"""What our own orders have done to quotes that do not show it yet."""

from __future__ import annotations

import attrs

from simexec.execution.sweep import Levels
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderSide, OrderStatus


@attrs.define(eq=False)
class _Step:
    """An order that was sent to take, and when its end was heard of."""

    order: Order
    heard_ns: int | None = None


class Footprint:
    """Orders sent to take something, as long as the quotes of their venues are older than what became of them.

    Without it a router would take what it sees a second time while the news of the first is on its way.

    Args:
        patience_ns: a quote that has not changed so long after an order ended is believed again.
    """

    def __init__(self, patience_ns: int) -> None:
        self._patience = patience_ns
        self._steps: dict[tuple[str, str, OrderSide], list[_Step]] = {}

    def add(self, order: Order) -> None:
        """An order goes out to take what is seen at its venue."""
        assert order.venue is not None
        self._steps.setdefault((order.symbol, order.venue, order.side), []).append(_Step(order))

    def doubted_until(self, symbol: str, venue: str, side: OrderSide, seen_ns: int, now_ns: int) -> int | None:
        """Until when a quote of this time may be older than what our orders did to it; None: it is not.

        While an order is on its way, that is not known: the answer is then the soonest that it can be.
        """
        steps = self._look(symbol, venue, side, seen_ns, now_ns)
        if not steps:
            return None
        return max((now_ns if step.heard_ns is None else step.heard_ns) + self._patience for step in steps)

    def left(
        self, symbol: str, venue: str, side: OrderSide, levels: Levels, seen_ns: int, now_ns: int
    ) -> list[tuple[int, int]]:
        """What is left of levels (quanta, the best first) that were seen in a quote of the time ``seen_ns``.

        An order on its way takes its quantity, one that was filled what it got. One that was not filled found nothing
        more within its limit.
        """
        left = list(levels)
        for step in self._look(symbol, venue, side, seen_ns, now_ns):
            order = step.order
            limit = None if order.price_ticks is None else order.price_ticks * order.instrument.subticks
            missed = order.is_final and order.filled_quantity < order.quantity
            taken = order.quantity
            for i, (price, size) in enumerate(left):
                if limit is not None and side.sign * price > side.sign * limit:
                    break
                gone = size if missed else min(size, taken)
                taken -= gone
                left[i] = price, size - gone
        return [(price, size) for price, size in left if size > 0]

    def _look(self, symbol: str, venue: str, side: OrderSide, seen_ns: int, now_ns: int) -> list[_Step]:
        """Orders whose effect this quote does not show; the others are forgotten."""
        key = symbol, venue, side
        kept = []
        for step in self._steps.get(key, ()):
            order = step.order
            if order.is_final:
                step.heard_ns = now_ns if step.heard_ns is None else step.heard_ns
                nowhere = order.submitted_ns is None or order.status is OrderStatus.REJECTED
                if nowhere or seen_ns >= (order.closed_ns or 0) or now_ns >= step.heard_ns + self._patience:
                    continue
            kept.append(step)
        if key in self._steps:
            self._steps[key] = kept
        return kept
