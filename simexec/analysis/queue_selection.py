"""Whether passive fills were worse the deeper they stood in the queue.

An order at the head of a queue is filled by any trade; one at its end by large ones, which know more. So markouts rise with
the place in the queue (Moallemi and Yuan 2016, "A model for queue position valuation in a limit order book").
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from simexec.analysis.fill_costs import HORIZONS_NS, FillCosts
from simexec.analysis.quotes import NO_MID, weighted_sum
from simexec.analysis.table import Table, integers, reals, texts
from simexec.sim.clock import format_duration

FRACTIONS: Final = (0.0, 0.25, 0.5, 0.75, 1.0)
"""Upper ends of the buckets of the fraction of the queue that was ahead when the order first rested."""
QUANTITIES: Final = (0, 100, 1_000, 10_000)
"""Upper ends of the buckets of the shares that were ahead then; the last bucket has none."""


def queue_selection(costs: FillCosts) -> Table:
    """Markouts of passive fills by bucket, averaged by shares; a cost is positive, so a positive one is adverse selection.

    A bucket holds what is above ``above`` and up to ``up_to``. Only orders in lit markets count whose queue was recorded.
    """
    fills, ahead = costs.facts.fills, costs.ahead()
    fraction = np.array([np.nan if one is None else one.fraction_at_rest for one in ahead], np.float64)
    quantity = np.array([np.nan if one is None else one.quantity_at_rest for one in ahead], np.float64)
    buckets = [
        ("fraction_ahead", low, high, (fraction > low) & (fraction <= high))
        for low, high in zip((-np.inf, *FRACTIONS), FRACTIONS, strict=False)
    ]
    buckets += [
        ("quantity_ahead", low, high, (quantity > low) & (quantity <= high))
        for low, high in zip((-np.inf, *QUANTITIES), (*QUANTITIES, np.inf), strict=True)
    ]
    return Table(
        {
            "by": texts(name for name, *_ in buckets),
            "above": reals(None if np.isinf(low) else low for _, low, *_ in buckets),
            "up_to": reals(None if np.isinf(high) else high for _, _, high, _ in buckets),
            "fills": integers(int(which.sum()) for *_, which in buckets),
            "quantity": integers(int(fills.quantity[which].sum()) for *_, which in buckets),
            **{
                f"markout_{format_duration(horizon_ns)}_bps": reals(
                    _markout(costs, which, horizon_ns) for *_, which in buckets
                )
                for horizon_ns in HORIZONS_NS
            },
        }
    )


def _markout(costs: FillCosts, which: npt.NDArray[np.bool_], horizon_ns: int) -> float | None:
    fills, later = costs.facts.fills, costs.later[horizon_ns]
    which = which & (later != NO_MID)
    shares, prices = fills.quantity[which], 2 * fills.price_quanta[which]
    if not len(shares):
        return None
    return 10_000 * weighted_sum(costs.facts.sign * (prices - later[which]), shares) / weighted_sum(prices, shares)
