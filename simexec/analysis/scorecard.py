"""How each venue served the order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np

from simexec.analysis.facts import Facts
from simexec.analysis.fills import Fills
from simexec.analysis.latency import LatencyStatistics, request_times
from simexec.analysis.quotes import MidPrices
from simexec.analysis.spreads import MARKOUT_HORIZONS_NS, markout_of, spread_parts
from simexec.analysis.table import Array, Table, integers, reals, texts
from simexec.sim.clock import format_duration
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderStatus

_MARKOUTS: Final = {f"markout_{format_duration(horizon_ns)}_bps": horizon_ns for horizon_ns in MARKOUT_HORIZONS_NS}
_COLUMNS: Final[dict[str, Callable[[Iterable[Any]], Array]]] = {
    "venue": texts,
    "orders": integers,
    "quantity": integers,
    "filled_quantity": integers,
    "fill_share": reals,
    "fill_rate": reals,
    "rejected": integers,
    "reject_rate": reals,
    "ack_median_ns": reals,
    "ack_p90_ns": integers,
    "ack_p99_ns": integers,
    "maker_share": reals,
    "effective_bps": reals,
    **dict.fromkeys(_MARKOUTS, reals),
    "fee_units": integers,
}


def acknowledgements_ns(facts: Facts) -> dict[str, int]:
    """By order id, how long its first answer took: from its leaving here to the answer's arrival here.

    Orders that a gateway or throttle turned away before it began to work on them have none.
    """
    return {
        times.order_id: times.received_ns - times.sent_ns
        for times in request_times(facts.entries)
        if times.request == "order"
    }


def scorecard(facts: Facts) -> Table:
    """A row a venue that an order was sent to, by name; figures as in ``docs/tca.md``, costs positive."""
    sent = [order for order in facts.orders if order.venue is not None and order.submitted_ns is not None]
    acknowledged = acknowledgements_ns(facts)
    venues = sorted({order.venue for order in sent if order.venue is not None})
    rows = [_row(facts, venue, sent, acknowledged) for venue in venues]
    return Table({name: make(row[name] for row in rows) for name, make in _COLUMNS.items()})


def _row(facts: Facts, venue: str, sent: Sequence[Order], acknowledged: dict[str, int]) -> dict[str, Any]:
    here = [order for order in sent if order.venue == venue]
    at_venue = np.array([order.venue == venue for order in facts.orders], np.bool_)
    fills: Fills = facts.fills.those(at_venue[facts.fills.order])
    quantity, filled, total = sum(order.quantity for order in here), fills.total_quantity, facts.fills.total_quantity
    rejected = sum(order.status is OrderStatus.REJECTED for order in here)
    waits = LatencyStatistics.of(acknowledged[order.order_id] for order in here if order.order_id in acknowledged)
    mids: MidPrices = facts.mids
    spread = spread_parts(fills, mids, facts.sign, facts.quantum)
    markouts = {
        name: markout_of(fills, mids, facts.sign, facts.quantum, horizon_ns) for name, horizon_ns in _MARKOUTS.items()
    }
    return {
        "venue": venue,
        "orders": len(here),
        "quantity": quantity,
        "filled_quantity": filled,
        "fill_share": filled / total if total else None,
        "fill_rate": filled / quantity,
        "rejected": rejected,
        "reject_rate": rejected / len(here),
        "ack_median_ns": None if waits is None else waits.median_ns,
        "ack_p90_ns": None if waits is None else waits.p90_ns,
        "ack_p99_ns": None if waits is None else waits.p99_ns,
        "maker_share": int(fills.quantity[fills.maker].sum()) / filled if filled else None,
        "effective_bps": None if spread is None else spread.effective_bps,
        **{name: None if found is None else found.cost_bps for name, found in markouts.items()},
        "fee_units": fills.total_fee_units,
    }
