"""What a router sent, what it expected of that from the quotes it saw, and what it got."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from simexec.execution.route import Leg
from simexec.execution.sweep import all_in_cost
from simexec.models.fees import MakerTakerFees
from simexec.trading.order import Order
from simexec.trading.vocabulary import OrderStatus


@attrs.define(eq=False)
class RoutedLeg:
    """A leg that became an order. Amounts are money units; a cost is positive, of a purchase and of a sale.

    Attributes:
        leg: as it was planned.
        order: what it became; what became of that is read off it.
        fees: of the venue.
        seen_ns: when it was planned.
        price_after: the best price (quanta) then seen to trade at when the order's end was heard of; None before, and where
            nothing is seen.
        fees_after: of the venue that showed it.
    """

    leg: Leg
    order: Order
    fees: MakerTakerFees
    seen_ns: int
    price_after: int | None = None
    fees_after: MakerTakerFees | None = None

    @property
    def quote_age_ns(self) -> int | None:
        """How old the quote was that it was planned on; None without one."""
        return None if self.leg.quote is None else self.seen_ns - self.leg.quote.time_ns

    @property
    def filled(self) -> int:
        """Shares that traded."""
        return self.order.filled_quantity

    @property
    def missed(self) -> int:
        """Shares that were shown and sent for and that did not trade; 0 while it works, and of an order that was refused."""
        order, leg = self.order, self.leg
        took = leg.quote is not None and leg.why != "rest" and order.is_final and not self.rejected
        return order.quantity - order.filled_quantity if took else 0

    @property
    def rejected(self) -> bool:
        """Whether it was refused, by the venue or on the way out."""
        return self.order.status is OrderStatus.REJECTED

    @property
    def expected_cost(self) -> int:
        """What the shares that traded were expected to cost all-in, the best of those seen first."""
        left, cost, maker = self.filled, 0, self.leg.why == "rest"
        for price, quantity in self.leg.levels:
            share = min(left, quantity)
            if share:
                cost += all_in_cost(self.order.instrument, self.order.side, share, price, self.fees, maker=maker)
            left -= share
        return cost

    @property
    def realised_cost(self) -> int:
        """What the shares that traded did cost all-in."""
        order = self.order
        paid = (
            order.instrument.cash_flow(order.side.sign, one.last_quantity, one.last_price_quanta)
            for one in order.trades
        )
        return order.fees - sum(paid)

    @property
    def price_cost(self) -> int:
        """What the shares that traded cost more than they were expected to; 0 where nothing in particular was expected."""
        return self.realised_cost - self.expected_cost if self.leg.levels else 0

    @property
    def missed_cost(self) -> int:
        """What the missed shares would have cost more, at the price seen when they were known to be missed, than expected."""
        order, missed = self.order, self.missed
        if not missed or self.price_after is None or self.fees_after is None:
            return 0
        after = all_in_cost(order.instrument, order.side, missed, self.price_after, self.fees_after)
        expected, left = 0, missed
        for price, quantity in reversed(self.leg.levels):  # what was missed is the worst of what was seen
            share = min(left, quantity)
            if share:
                expected += all_in_cost(order.instrument, order.side, share, price, self.fees)
            left -= share
        return after - expected

    def row(self) -> dict[str, object]:
        """As one row of a table."""
        order, leg = self.order, self.leg
        quote, buys = leg.quote, order.side.sign > 0
        return {
            "parent_id": order.parent_id,
            "order_id": order.order_id,
            "symbol": order.symbol,
            "venue": leg.venue,
            "side": order.side.name,
            "why": leg.why,
            "time_ns": self.seen_ns,
            "delay_ns": leg.delay_ns,
            "quantity": order.quantity,
            "price_ticks": order.price_ticks,
            "quote_price_quanta": None if quote is None else quote.ask if buys else quote.bid,
            "quote_size": None if quote is None else quote.ask_size if buys else quote.bid_size,
            "quote_age_ns": self.quote_age_ns,
            "status": order.status.name,
            "filled": self.filled,
            "missed": self.missed,
            "expected_cost_units": self.expected_cost,
            "realised_cost_units": self.realised_cost,
            "price_cost_units": self.price_cost,
            "missed_cost_units": self.missed_cost,
            "reason": order.reason,
        }


@attrs.frozen
class VenueRecord:
    """What a router's orders at one venue came to. Amounts are money units; a cost is positive.

    Attributes:
        legs: orders sent or refused.
        sent: shares of them; ``filled`` of these traded.
        missed: shares that were sent to take and found nothing.
        rejects: orders refused.
        expected_cost: all-in, of the shares that traded, by the quotes seen.
        realised_cost: what they did cost.
        stale_cost: what they cost more, and what missed shares would have cost more when that was known.
        mean_quote_age_ns: of the quotes that its orders were planned on; None without any.
    """

    legs: int
    sent: int
    filled: int
    missed: int
    rejects: int
    expected_cost: int
    realised_cost: int
    stale_cost: int
    mean_quote_age_ns: float | None


def summarise(legs: Iterable[RoutedLeg]) -> dict[str, VenueRecord]:
    """What legs came to, by venue, in the order of names."""
    by_venue: dict[str, list[RoutedLeg]] = {}
    for one in legs:
        by_venue.setdefault(one.leg.venue, []).append(one)
    return {venue: _record(by_venue[venue]) for venue in sorted(by_venue)}


def _record(legs: list[RoutedLeg]) -> VenueRecord:
    ages = [one.quote_age_ns for one in legs if one.quote_age_ns is not None]
    return VenueRecord(
        legs=len(legs),
        sent=sum(one.order.quantity for one in legs),
        filled=sum(one.filled for one in legs),
        missed=sum(one.missed for one in legs),
        rejects=sum(one.rejected for one in legs),
        expected_cost=sum(one.expected_cost for one in legs if one.leg.levels),
        realised_cost=sum(one.realised_cost for one in legs if one.leg.levels),
        stale_cost=sum(one.price_cost + one.missed_cost for one in legs),
        mean_quote_age_ns=sum(ages) / len(ages) if ages else None,
    )
