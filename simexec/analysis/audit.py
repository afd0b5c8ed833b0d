"""Every order that was sent, with the market it met and its part of the cost."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from simexec.analysis.facts import Facts
from simexec.analysis.fill_costs import FillCosts
from simexec.analysis.table import Table, integers, reals, texts
from simexec.trading.order import Order


def audit(costs: FillCosts) -> Table:
    """A row an order, in order of creation.

    The touch is the best bid and offer over the lit markets when the order was sent, as they truly were, not as they were seen
    here. ``delay_half_quanta`` and ``trading_half_quanta`` sum over all rows to the order's delay and trading cost, exactly:
    times half a quantum and the multiplier they are money.
    """
    facts = costs.facts
    orders = facts.orders
    queues = [costs.queues.get(order.order_id) for order in orders]
    shortfall, delay, trading = zip(*(_shortfall(facts, order) for order in orders), strict=True)
    bid, ask = _touch(facts)
    distance = [_distance(order, near) for order, near in zip(orders, (bid if facts.sign > 0 else ask), strict=True)]
    maker = np.zeros(len(orders), np.int64)
    np.add.at(maker, facts.fills.order[facts.fills.maker], facts.fills.quantity[facts.fills.maker])
    return Table(
        {
            "order_id": texts(order.order_id for order in orders),
            "parent_id": texts(order.parent_id for order in orders),
            "venue": texts(order.venue for order in orders),
            "order_type": texts(order.order_type.name for order in orders),
            "time_in_force": texts(order.time_in_force.name for order in orders),
            "created_ns": integers(order.created_ns for order in orders),
            "submitted_ns": integers(order.submitted_ns for order in orders),
            "acknowledged_ns": integers(order.acknowledged_ns for order in orders),
            "closed_ns": integers(order.closed_ns for order in orders),
            "resting_ns": integers(resting_ns(order) for order in orders),
            "quantity": integers(order.quantity for order in orders),
            "price_quanta": integers(price_quanta(order) for order in orders),
            "bid_price_quanta": integers(bid),
            "ask_price_quanta": integers(ask),
            "distance_ticks": reals(distance),
            "ahead_at_rest_orders": integers(None if one is None else one.orders_at_rest for one in queues),
            "ahead_at_rest_quantity": integers(None if one is None else one.quantity_at_rest for one in queues),
            "ahead_before_fill_quantity": integers(None if one is None else one.quantity_before_fill for one in queues),
            "filled_quantity": integers(order.filled_quantity for order in orders),
            "maker_quantity": maker,
            "average_price": reals(_average(facts, order) for order in orders),
            "fee_units": integers(order.fees for order in orders),
            "shortfall_half_quanta": integers(shortfall),
            "delay_half_quanta": integers(delay),
            "trading_half_quanta": integers(trading),
            "shortfall_bps": reals(_bps(facts, amount) for amount in shortfall),
            "status": texts(order.status.name for order in orders),
            "reason": texts(order.reason or None for order in orders),
        }
    )


def price_quanta(order: Order) -> int | None:
    """Its limit in quanta, None without one."""
    return None if order.price_ticks is None else order.price_ticks * order.instrument.subticks


def resting_ns(order: Order) -> int | None:
    """From its acknowledgement to its end, None of one that no venue had."""
    return None if order.acknowledged_ns is None or order.closed_ns is None else order.closed_ns - order.acknowledged_ns


def _touch(facts: Facts) -> tuple[list[int | None], list[int | None]]:
    """Best bid and offer in quanta when each order was sent; None where there was none."""
    sent = np.array([-1 if order.submitted_ns is None else order.submitted_ns for order in facts.orders], np.int64)
    sides: tuple[list[int | None], list[int | None]] = ([], [])
    for row in facts.mids.rows_at(sent).tolist():
        _, bid, bid_size, ask, ask_size = facts.mids.quotes[row].tolist() if row >= 0 else (0, 0, 0, 0, 0)
        sides[0].append(bid if bid_size else None)
        sides[1].append(ask if ask_size else None)
    return sides


def _distance(order: Order, near: int | None) -> float | None:
    """How far its limit lay behind the touch of its own side; negative inside the spread and beyond."""
    price = price_quanta(order)
    return None if price is None or near is None else order.side.sign * (near - price) / order.instrument.subticks


def _average(facts: Facts, order: Order) -> float | None:
    filled = order.filled_quantity
    return float(Fraction(order.filled_notional_quanta, filled) * facts.quantum) if filled else None


def _shortfall(facts: Facts, order: Order) -> tuple[int | None, int | None, int | None]:
    """Its fills against the decision mid, and that split at the arrival mid; in half quanta times shares."""
    decision, arrival = facts.halves(facts.marks.decision_mid), facts.halves(facts.marks.arrival_mid)
    if decision is None or order.instrument.inverse:
        return None, None, None
    filled, paid = order.filled_quantity, 2 * order.filled_notional_quanta
    whole = facts.sign * (paid - filled * decision)
    if arrival is None:
        return whole, None, None
    return whole, facts.sign * filled * (arrival - decision), facts.sign * (paid - filled * arrival)


def _bps(facts: Facts, half_quanta: int | None) -> float | None:
    """In basis points of the whole order at the decision mid."""
    decision = facts.halves(facts.marks.decision_mid)
    if half_quanta is None or not decision:
        return None
    return float(Fraction(half_quanta * 10_000, decision * facts.result.parent.quantity))
