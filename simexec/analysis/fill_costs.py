"""Every fill against the mid-point: just before it, and some time later."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from simexec.analysis.facts import Facts
from simexec.analysis.queues import QueueAhead, queue_rows
from simexec.analysis.quotes import NO_MID, Column
from simexec.analysis.spreads import MARKOUT_HORIZONS_NS
from simexec.analysis.table import Table, integers, reals, texts
from simexec.sim.clock import format_duration

HORIZONS_NS: Final = MARKOUT_HORIZONS_NS
Reals = npt.NDArray[np.float64]


@attrs.frozen(eq=False)
class FillCosts:
    """Our fills in order of time, each with what it cost a share; a cost is positive.

    Prices are *half quanta*, in which a mid-point is a whole number. ``NO_MID`` stands where there was none.

    Attributes:
        facts: that they are from.
        mid: just before the fill.
        spread: of the best bid and offer just before it, in quanta; 0 or less where they were locked or crossed, and where
            there was no mid-point.
        cost: price beyond the mid-point; 0 where there was none.
        later: the mid-point at each of ``HORIZONS_NS`` after the fill.
        queues: by order id, of the orders that rested.
    """

    facts: Facts
    mid: Column
    spread: Column
    cost: Column
    later: Mapping[int, Column]
    queues: Mapping[str, QueueAhead]

    @classmethod
    def of(cls, facts: Facts) -> FillCosts:
        """Those of a run."""
        fills, mids = facts.fills, facts.mids
        mid = mids.before(fills.time_ns)
        known, rows = mid != NO_MID, mids.rows_before(fills.time_ns)
        spread = np.zeros(len(fills), np.int64)
        spread[known] = mids.quotes[rows[known], 3] - mids.quotes[rows[known], 1]
        return cls(
            facts,
            mid,
            spread,
            np.where(known, facts.sign * (2 * fills.price_quanta - mid), 0),
            {horizon_ns: mids.after(fills.time_ns + horizon_ns) for horizon_ns in HORIZONS_NS},
            {order.order_id: QueueAhead.of(order, rows) for order, rows in queue_rows(facts.result)},
        )

    @property
    def cost_bps(self) -> Reals:
        """Price beyond the mid-point just before, in basis points of it; NaN where there was none."""
        return _ratio(self.cost, self.mid, self.mid != NO_MID)

    def markout_bps(self, horizon_ns: int) -> Reals:
        """What each fill had lost at a horizon, in basis points of its price; NaN where there was no later mid-point."""
        later, prices = self.later[horizon_ns], 2 * self.facts.fills.price_quanta
        return _ratio(self.facts.sign * (prices - later), prices, later != NO_MID)

    def ahead(self) -> list[QueueAhead | None]:
        """Of each passive fill where its order stood, None of others and where it is not known."""
        orders, fills = self.facts.orders, self.facts.fills
        pairs = zip(fills.order.tolist(), fills.maker.tolist(), strict=True)
        return [self.queues.get(orders[place].order_id) if maker else None for place, maker in pairs]

    def table(self) -> Table:
        """A row a fill."""
        fills, known, ahead = self.facts.fills, self.mid != NO_MID, self.ahead()
        orders = [self.facts.orders[place] for place in fills.order.tolist()]
        return Table(
            {
                "time_ns": fills.time_ns,
                "order_id": texts(order.order_id for order in orders),
                "venue": texts(order.venue for order in orders),
                "quantity": fills.quantity,
                "price_quanta": fills.price_quanta,
                "fee_units": fills.fee_units,
                "maker": fills.maker,
                "mid_half_quanta": np.ma.masked_array(self.mid, mask=~known),
                "spread_quanta": np.ma.masked_array(self.spread, mask=~known),
                "cost_half_quanta": np.ma.masked_array(self.cost, mask=~known),
                "cost_bps": self.cost_bps,
                **{
                    f"markout_{format_duration(horizon_ns)}_bps": self.markout_bps(horizon_ns)
                    for horizon_ns in HORIZONS_NS
                },
                "ahead_at_rest_quantity": integers(None if one is None else one.quantity_at_rest for one in ahead),
                "ahead_at_rest_fraction": reals(None if one is None else one.fraction_at_rest for one in ahead),
            }
        )


def _ratio(costs: Column, bases: Column, known: npt.NDArray[np.bool_]) -> Reals:
    found = np.full(len(costs), np.nan)
    np.divide(10_000.0 * costs, bases, out=found, where=known)
    return found
