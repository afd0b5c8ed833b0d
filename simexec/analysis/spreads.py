"""What fills cost against the mid-point at their time and some time later: spreads, impact, markouts.

A cost is positive throughout. Each figure is an average by shares, kept exact: an amount a share as a ``Fraction``,
from which basis points are rounded once. ``analysis.shortfall`` has the same measures of a single trade.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Final

import attrs
import numpy as np
import numpy.typing as npt

from simexec.analysis.fills import Fills
from simexec.analysis.quotes import NO_MID, Column, MidPrices, weighted_sum
from simexec.sim.clock import MINUTE, SECOND

MARKOUT_HORIZONS_NS: Final = (1 * SECOND, 10 * SECOND, 60 * SECOND, 5 * MINUTE)
SPREAD_HORIZON_NS: Final = 60 * SECOND
"""When the mid-point is read again for the realised spread and the impact."""


@attrs.frozen(kw_only=True)
class SpreadParts:
    """Effective spread of fills and its two parts, twice the half-spread, a share in the quoting currency.

    ``effective == realised + impact`` to the last digit. Of passive fills the effective spread is negative: earned.

    Attributes:
        horizon_ns: from the fill to the later mid-point.
        quantity: shares of the fills that have a mid-point before and another after ``horizon_ns``; others do not
            count.
        mid: average mid-point just before the fills: the base of the basis points.
        effective: what was paid beyond that mid-point.
        realised: what was paid beyond the later mid-point.
        impact: how far the mid-point moved in the direction of the order.
    """

    horizon_ns: int
    quantity: int
    mid: Fraction
    effective: Fraction
    realised: Fraction
    impact: Fraction

    @property
    def effective_bps(self) -> float:
        """Effective spread in basis points of ``mid``."""
        return float(self.effective * 10_000 / self.mid)

    @property
    def realised_bps(self) -> float:
        """Realised spread in basis points of ``mid``."""
        return float(self.realised * 10_000 / self.mid)

    @property
    def impact_bps(self) -> float:
        """Impact in basis points of ``mid``."""
        return float(self.impact * 10_000 / self.mid)


@attrs.frozen(kw_only=True)
class Markout:
    """What fills had lost some time later; positive is a loss: bought above, or sold below, the later mid-point.

    Attributes:
        horizon_ns: from the fill to the later mid-point.
        quantity: shares of the fills that have a later mid-point; others are left out.
        price: average price of these fills: the base of the basis points.
        cost: a share, in the quoting currency.
    """

    horizon_ns: int
    quantity: int
    price: Fraction
    cost: Fraction

    @property
    def cost_bps(self) -> float:
        """Cost in basis points of ``price``."""
        return float(self.cost * 10_000 / self.price)


def spread_parts(
    fills: Fills, mids: MidPrices, side_sign: int, quantum: Fraction, horizon_ns: int = SPREAD_HORIZON_NS
) -> SpreadParts | None:
    """Split the effective spread of fills; None if no fill has both mid-points.

    Args:
        fills: of one order.
        mids: of the market.
        side_sign: +1 for buys, −1 for sells.
        quantum: of prices, in the quoting currency.
        horizon_ns: when the mid-point is read again.
    """
    before, later = mids.before(fills.time_ns), mids.after(fills.time_ns + horizon_ns)
    known = (before != NO_MID) & (later != NO_MID)
    quantity = int(fills.quantity[known].sum())
    if quantity == 0:
        return None

    def mean(column: Column) -> Fraction:
        return Fraction(weighted_sum(column[known], fills.quantity[known]), quantity) * quantum

    # A price is two half quanta, so twice (price - mid) is that many whole quanta.
    return SpreadParts(
        horizon_ns=horizon_ns,
        quantity=quantity,
        mid=mean(before) / 2,
        effective=mean(side_sign * (2 * fills.price_quanta - before)),
        realised=mean(side_sign * (2 * fills.price_quanta - later)),
        impact=mean(side_sign * (later - before)),
    )


def markout_of(fills: Fills, mids: MidPrices, side_sign: int, quantum: Fraction, horizon_ns: int) -> Markout | None:
    """Markout of fills at one horizon; None if no fill has a later mid-point. Arguments as for ``spread_parts``."""
    later = mids.after(fills.time_ns + horizon_ns)
    known: npt.NDArray[np.bool_] = later != NO_MID
    quantities, prices = fills.quantity[known], fills.price_quanta[known]
    quantity = int(quantities.sum())
    if quantity == 0:
        return None
    return Markout(
        horizon_ns=horizon_ns,
        quantity=quantity,
        price=Fraction(weighted_sum(prices, quantities), quantity) * quantum,
        cost=Fraction(weighted_sum(side_sign * (2 * prices - later[known]), quantities), 2 * quantity) * quantum,
    )
