"""What it cost that passive orders were not filled.

An order that rested and ended with shares unfilled is held against what became of these shares: they were bought, or sold, by
the next fills of the whole order after its end, as many as there were, and what then is left is judged at the mid-point when
working ended. The cost is the difference to its own limit, at which they would have traded: positive if what came later was
worse. Fees are left out.

Every order is judged by itself. The same later fills may stand for the unfilled shares of several orders, as when one that
follows the touch is cancelled and sent anew many times, so these costs are not parts of the shortfall.
"""

from __future__ import annotations

from fractions import Fraction

import attrs
import numpy as np

from simexec.analysis.audit import price_quanta, resting_ns
from simexec.analysis.facts import Facts
from simexec.analysis.table import Table, integers, reals, texts
from simexec.trading.order import Order


def rested_in_vain(order: Order) -> bool:
    """Whether an order with a limit rested, and ended with shares unfilled."""
    return order.price_ticks is not None and bool(resting_ns(order)) and order.filled_quantity < order.quantity


@attrs.frozen(kw_only=True, eq=False)
class Missed:
    """Passive orders that ended unfilled.

    Attributes:
        orders: a row each: what was unfilled, how much of that later fills replaced, and the cost.
        quantity: unfilled shares of those whose cost is known.
        cost_bps: their cost by shares, in basis points of their limits; None if there are none.
    """

    orders: Table
    quantity: int
    cost_bps: float | None

    @classmethod
    def of(cls, facts: Facts) -> Missed:
        """Those of a run."""
        orders = [order for order in facts.orders if rested_in_vain(order)]
        end = facts.halves(facts.marks.end_mid)
        fills = facts.fills
        done = np.append(0, np.cumsum(fills.quantity))
        paid = [0, *np.cumsum(fills.quantity.astype(object) * fills.price_quanta).tolist()]
        found = []
        for order in orders:
            unfilled = order.quantity - order.filled_quantity
            first = int(np.searchsorted(fills.time_ns, order.closed_ns or 0, side="right"))
            start = int(done[first])
            replaced = min(unfilled, int(done[-1]) - start)
            last = int(np.searchsorted(done, start + replaced, side="right")) - 1
            notional = paid[last] - paid[first]
            if part := start + replaced - int(done[last]):
                notional += part * int(fills.price_quanta[last])
            limit = price_quanta(order) or 0
            cost = None
            if unfilled == replaced or end is not None:
                later = 2 * notional + (unfilled - replaced) * (end or 0)
                cost = facts.sign * (later - 2 * unfilled * limit)
            found.append((order, unfilled, replaced, cost, 2 * unfilled * limit))
        known = [(unfilled, cost, base) for _, unfilled, _, cost, base in found if cost is not None]
        base = sum(base for _, _, base in known)
        table = Table(
            {
                "order_id": texts(order.order_id for order, *_ in found),
                "venue": texts(order.venue for order, *_ in found),
                "acknowledged_ns": integers(order.acknowledged_ns for order, *_ in found),
                "closed_ns": integers(order.closed_ns for order, *_ in found),
                "price_quanta": integers(price_quanta(order) for order, *_ in found),
                "unfilled_quantity": integers(unfilled for _, unfilled, *_ in found),
                "replaced_quantity": integers(replaced for _, _, replaced, *_ in found),
                "cost_half_quanta": integers(cost for *_, cost, _ in found),
                "cost_bps": reals(
                    None if cost is None else float(Fraction(cost * 10_000, base)) for *_, cost, base in found
                ),
            }
        )
        cost_bps = float(Fraction(sum(cost for _, cost, _ in known) * 10_000, base)) if base else None
        return cls(orders=table, quantity=sum(unfilled for unfilled, *_ in known), cost_bps=cost_bps)
