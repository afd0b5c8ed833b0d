"""How much of the half-spread our fills earned or paid."""

from __future__ import annotations

from fractions import Fraction

import attrs
import numpy as np
import numpy.typing as npt

from simexec.analysis.fill_costs import FillCosts
from simexec.analysis.quotes import weighted_sum


@attrs.frozen(kw_only=True)
class SpreadCapture:
    """Half-spread of a group of fills and the part of it that they paid; a cost is positive, so what is earned is negative.

    Fills count at whose time the best bid lay below the best offer.

    Attributes:
        quantity: shares of these fills.
        half_spread: average by shares just before them, in the quoting currency.
        cost: average price beyond the mid-point just before.
        mid: average mid-point: the base of the basis points.
    """

    quantity: int
    half_spread: Fraction
    cost: Fraction
    mid: Fraction

    @property
    def captured(self) -> float:
        """Part of the half-spread earned, the negative cost: 1 at our own touch, 0 at the mid-point, −1 at the other touch."""
        return float(-self.cost / self.half_spread)

    @property
    def half_spread_bps(self) -> float:
        """Half-spread in basis points of ``mid``."""
        return float(self.half_spread * 10_000 / self.mid)

    @property
    def cost_bps(self) -> float:
        """Cost in basis points of ``mid``."""
        return float(self.cost * 10_000 / self.mid)

    @classmethod
    def of(cls, costs: FillCosts, which: npt.NDArray[np.bool_]) -> SpreadCapture | None:
        """That of some of the fills; None if none of them counts."""
        which = which & (costs.spread > 0)
        shares = costs.facts.fills.quantity[which]
        quantity = int(shares.sum())
        if quantity == 0:
            return None

        def mean(column: npt.NDArray[np.int64]) -> Fraction:
            return Fraction(weighted_sum(column[which], shares), 2 * quantity) * costs.facts.quantum

        # The spread in quanta is the half-spread in half quanta.
        return cls(quantity=quantity, half_spread=mean(costs.spread), cost=mean(costs.cost), mid=mean(costs.mid))


def spread_capture(costs: FillCosts) -> dict[str, SpreadCapture | None]:
    """By ``fills.LIQUIDITY``."""
    maker = costs.facts.fills.maker
    groups = {"all": np.ones_like(maker), "maker": maker, "taker": ~maker}
    return {name: SpreadCapture.of(costs, which) for name, which in groups.items()}
