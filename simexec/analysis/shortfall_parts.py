"""The shortfall of a worked order by parts, as far as the market had the prices that they need."""

from __future__ import annotations

from fractions import Fraction

import attrs

from simexec.analysis.shortfall import implementation_shortfall
from simexec.trading.instrument import Instrument
from simexec.trading.money import to_decimal
from simexec.trading.vocabulary import OrderSide


@attrs.frozen(kw_only=True)
class ShortfallParts:
    """Implementation shortfall in the instrument's currency, exact; None where a price that it needs does not exist.

    Attributes:
        decision_value: the whole order at the decision mid: the base of the basis points.
        delay: decision to arrival, on the filled shares.
        trading: arrival to fills.
        opportunity: decision to the end of working, on the unfilled shares.
        fees: paid, rebates deducted.
        total: their sum, known also where only its split into delay and trading is not.
    """

    decision_value: Fraction | None
    delay: Fraction | None
    trading: Fraction | None
    opportunity: Fraction | None
    fees: Fraction
    total: Fraction | None

    def amounts(self) -> dict[str, Fraction | None]:
        """The parts and the total by name."""
        return {name: getattr(self, name) for name in ("delay", "trading", "opportunity", "fees", "total")}

    def bps(self) -> dict[str, float | None]:
        """The parts and the total in basis points of ``decision_value``, each rounded once from the exact value."""
        base = self.decision_value
        return {
            name: None if base is None or amount is None else float(amount * 10_000 / base)
            for name, amount in self.amounts().items()
        }

    @classmethod
    def of(
        cls,
        instrument: Instrument,
        side: OrderSide,
        quantity: int,
        *,
        filled_quantity: int,
        notional_quanta: int,
        fee_units: int,
        decision: Fraction | None,
        arrival: Fraction | None,
        end: Fraction | None,
    ) -> ShortfallParts:
        """Split the shortfall of an order.

        Args:
            instrument: what was traded; the shortfall of an inverse one is not linear, and only its fees are given.
            side: of the order.
            quantity: the whole of it.
            filled_quantity: of it.
            notional_quanta: sum of quantity times price of its fills.
            fee_units: paid, rebates deducted, in money units.
            decision: price when it was decided, None where there was none.
            arrival: price when it reached the market.
            end: price when working it ended, at which what is unfilled is judged.
        """
        fees = Fraction(to_decimal(fee_units, instrument.currency))
        if decision is None or instrument.inverse:
            return cls(decision_value=None, delay=None, trading=None, opportunity=None, fees=fees, total=None)
        average = Fraction(notional_quanta, filled_quantity or 1) * Fraction(instrument.quantum)
        # Without an arrival or end price the decision stands in, and the parts that depend on it are left out.
        cost = implementation_shortfall(
            side,
            quantity,
            decision,
            arrival or decision,
            [(filled_quantity, average)] if filled_quantity else [],
            end or decision,
            fees,
            multiplier=instrument.multiplier,
        )
        split = arrival is not None or filled_quantity == 0
        judged = end is not None or filled_quantity == quantity
        return cls(
            decision_value=cost.decision_value,
            delay=cost.delay if split else None,
            trading=cost.trading if split else None,
            opportunity=cost.opportunity if judged else None,
            fees=cost.fees,
            total=cost.total if judged else None,
        )
