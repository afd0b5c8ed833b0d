"""Fills and orders that cost far more than the others.

The measure is the modified z-score of Iglewicz and Hoaglin (1993), "How to detect and handle outliers": the distance from the
median over 1.4826 times the median absolute deviation, which for normal figures is the standard deviation. Where that is 0,
since more than half of the figures are alike, 1.2533 times the mean absolute deviation stands in for it, as they propose.
Only what cost more than the median can be an outlier here.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from simexec.analysis.fill_costs import FillCosts, Reals
from simexec.analysis.table import Table, integers, texts

THRESHOLD: Final = 3.5
"""A score beyond this is an outlier; their proposal."""
LEAST: Final = 8
"""Fewer figures than this say nothing of what is usual."""


def modified_z(values: Reals) -> Reals | None:
    """Modified z-scores, NaN of NaN; None if there are fewer than ``LEAST`` figures, or all are alike."""
    known = values[~np.isnan(values)]
    if len(known) < LEAST:
        return None
    median = np.median(known)
    deviations = np.abs(known - median)
    scale = 1.4826 * float(np.median(deviations)) or 1.2533 * float(deviations.mean())
    return (values - median) / scale if scale else None


def outlying_fills(costs: FillCosts) -> Table:
    """Fills whose cost against the mid-point just before is an outlier, each with what is remarkable about it."""
    fills = costs.facts.fills
    bps = costs.cost_bps
    z = modified_z(bps)
    rows = np.flatnonzero(z > THRESHOLD) if z is not None else np.empty(0, np.intp)
    scores = np.zeros(0) if z is None else z[rows]
    usual = float(np.median(costs.spread[costs.spread > 0])) if (costs.spread > 0).any() else 0.0
    return Table(
        {
            "time_ns": fills.time_ns[rows],
            "order_id": texts(costs.facts.orders[place].order_id for place in fills.order[rows].tolist()),
            "quantity": fills.quantity[rows],
            "price_quanta": fills.price_quanta[rows],
            "cost_bps": bps[rows],
            "z_score": scores,
            "reason": texts(_why_fill(costs, int(row), usual) for row in rows),
        }
    )


def _why_fill(costs: FillCosts, row: int, usual_spread: float) -> str:
    reasons = []
    spread = int(costs.spread[row])
    if costs.cost[row] > max(0, spread):  # the cost is in half quanta, the half-spread then the spread
        reasons.append("beyond the touch")
    if spread > 2 * usual_spread:
        reasons.append(f"spread {spread / usual_spread:.1f} times the usual")
    return "; ".join(reasons) or "at a touch that is far for this order"


def outlying_orders(costs: FillCosts) -> Table:
    """Orders whose average price against the mid-point when they were sent is an outlier, each with where that came from."""
    facts = costs.facts
    orders = [order for order in facts.orders if order.filled_quantity and order.submitted_ns is not None]
    sent = facts.mids.after(np.array([order.submitted_ns for order in orders], np.int64))
    paid = np.array([2 * order.filled_notional_quanta / order.filled_quantity for order in orders], np.float64)
    bps = np.full(len(orders), np.nan)
    np.divide(facts.sign * 10_000.0 * (paid - sent), sent, out=bps, where=sent > 0)
    z = modified_z(bps)
    rows = np.flatnonzero(z > THRESHOLD) if z is not None else np.empty(0, np.intp)
    scores = np.zeros(0) if z is None else z[rows]
    found = [orders[row] for row in rows]
    share: dict[str, tuple[int, int]] = {}
    for place, quantity, cost in zip(
        facts.fills.order.tolist(), facts.fills.quantity.tolist(), costs.cost.tolist(), strict=True
    ):
        had = share.get(facts.orders[place].order_id, (0, 0))
        share[facts.orders[place].order_id] = (had[0] + quantity, had[1] + quantity * cost)
    reasons = []
    for order, row in zip(found, rows.tolist(), strict=True):
        quantity, cost = share[order.order_id]
        whole = facts.sign * (paid[row] - sent[row])
        at_fill = cost / quantity / whole
        reasons.append(
            f"{100 * at_fill:.0f} % paid at the fills, {100 * (1 - at_fill):.0f} % the market's move from sending to filling"
        )
    return Table(
        {
            "order_id": texts(order.order_id for order in found),
            "filled_quantity": integers(order.filled_quantity for order in found),
            "cost_bps": bps[rows],
            "z_score": scores,
            "reason": texts(reasons),
        }
    )
