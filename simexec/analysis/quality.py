"""Execution quality in a few figures, known at any moment of an order's life."""

from __future__ import annotations

from fractions import Fraction

import attrs

from simexec.analysis.facts import Facts
from simexec.analysis.latency import LatencyStatistics
from simexec.analysis.scorecard import acknowledgements_ns
from simexec.analysis.shortfall_parts import ShortfallParts
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderStatus


@attrs.frozen(kw_only=True)
class Totals:
    """What an order's fills and requests come to.

    Attributes:
        filled_quantity: in shares; ``maker_quantity`` of it while resting.
        notional_quanta: sum of quantity times price.
        fee_units: paid, rebates deducted.
        orders: below it that were made for venues; ``rejected`` of them.
        acknowledged: how long first answers took, None before the first.
    """

    filled_quantity: int
    maker_quantity: int
    notional_quanta: int
    fee_units: int
    orders: int
    rejected: int
    acknowledged: LatencyStatistics | None


@attrs.frozen(kw_only=True)
class Quality:
    """Execution quality of one order to date. A cost is positive; None is what cannot be computed.

    Attributes:
        quantity: of the order, in force; ``filled_quantity`` of it.
        average_price: of the fills, their VWAP, in the quoting currency.
        arrival_mid: mid-point when its first order reached a venue.
        arrival_slippage_bps: average price against that.
        fill_rate: filled quantity of the quantity.
        participation: filled quantity of all that was printed since the decision, own trades included.
        maker_share: of the filled quantity, traded while resting.
        fees: paid, rebates deducted, in the instrument's currency.
        orders: sent to venues, or made to be; ``reject_rate`` the part of them that was rejected.
        acknowledged: how long first answers took, from here and back.
        shortfall: with what is unfilled judged at the last mid-point.
    """

    quantity: int
    filled_quantity: int
    average_price: Fraction | None
    arrival_mid: Fraction | None
    arrival_slippage_bps: float | None
    fill_rate: float
    participation: float | None
    maker_share: float | None
    fees: Fraction
    orders: int
    reject_rate: float | None
    acknowledged: LatencyStatistics | None
    shortfall: ShortfallParts

    @classmethod
    def of(cls, facts: Facts) -> Quality:
        """That of a finished run."""
        orders, fills, marks = facts.orders, facts.fills, facts.marks
        totals = Totals(
            filled_quantity=fills.total_quantity,
            maker_quantity=int(fills.quantity[fills.maker].sum()),
            notional_quanta=facts.notional_quanta,
            fee_units=fills.total_fee_units,
            orders=len(orders),
            rejected=sum(order.status is OrderStatus.REJECTED for order in orders),
            acknowledged=LatencyStatistics.of(acknowledgements_ns(facts).values()),
        )
        return cls.from_totals(
            facts.result.parent,
            totals,
            decision=marks.decision_mid,
            arrival=marks.arrival_mid,
            end=marks.end_mid,
            market_quantity=marks.market_quantity,
        )

    @classmethod
    def from_totals(
        cls,
        order: Order,
        totals: Totals,
        *,
        decision: Fraction | None,
        arrival: Fraction | None,
        end: Fraction | None,
        market_quantity: int | None,
    ) -> Quality:
        """That of an order.

        Args:
            order: whose instrument, side and quantity count.
            totals: of its fills and requests.
            decision: mid-point when it was decided, None where there was none.
            arrival: mid-point when its first order reached a venue.
            end: last mid-point of its working.
            market_quantity: shares printed since the decision.
        """
        filled = totals.filled_quantity
        average = Fraction(totals.notional_quanta, filled) * Fraction(order.instrument.quantum) if filled else None
        slippage = None
        if average is not None and arrival is not None:
            slippage = float(order.side.sign * (average - arrival) * 10_000 / arrival)
        shortfall = ShortfallParts.of(
            order.instrument,
            order.side,
            order.quantity,
            filled_quantity=filled,
            notional_quanta=totals.notional_quanta,
            fee_units=totals.fee_units,
            decision=decision,
            arrival=arrival,
            end=end,
        )
        return cls(
            quantity=order.quantity,
            filled_quantity=filled,
            average_price=average,
            arrival_mid=arrival,
            arrival_slippage_bps=slippage,
            fill_rate=filled / order.quantity,
            participation=filled / market_quantity if market_quantity else None,
            maker_share=totals.maker_quantity / filled if filled else None,
            fees=shortfall.fees,
            orders=totals.orders,
            reject_rate=totals.rejected / totals.orders if totals.orders else None,
            acknowledged=totals.acknowledged,
            shortfall=shortfall,
        )
