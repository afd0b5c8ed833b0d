"""Implementation shortfall (Perold 1988) and the parts of a spread, exact.

The paper portfolio trades the whole order at the decision price for nothing; the real one traded what it did.
The difference is the shortfall, and it is split without a remainder:

- **delay**: the market moved between the decision and the order's arrival, on the shares that were filled;
- **trading**: the fills were worse than the arrival price, spread and impact included;
- **opportunity**: the market moved away from the decision price, on the shares that were not filled;
- **fees**.

A cost is positive for buys and sells alike. Amounts are ``Fraction``, so the parts sum to the total for every
input, and not only to rounding; basis points are floats rounded once from the exact value.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import SupportsIndex, TypeAlias

from attrs import define

from simexec.errors import InputError
from simexec.trading.money import Number, parse_count, parse_decimal
from simexec.trading.vocabulary import OrderSide

Exact: TypeAlias = Number | Fraction
"""A number taken exactly; a float stands for the shortest decimal that it prints as."""


def _exact(value: Exact, what: str) -> Fraction:
    return value if isinstance(value, Fraction) else Fraction(parse_decimal(value, what))


def _price(value: Exact, what: str) -> Fraction:
    price = _exact(value, what)
    if price <= 0:
        raise InputError(f"{what} {value} is not positive; give a price above 0")
    return price


@define(slots=True, frozen=True)
class Shortfall:
    """The cost of an order against its decision price, in the currency of the prices; positive is a cost.

    Attributes:
        quantity: of the order.
        filled_quantity: of it.
        decision_value: whole quantity at the decision price: the base of the basis points.
        delay: decision to arrival, on the filled shares.
        trading: arrival to fills.
        opportunity: decision to close, on the unfilled shares.
        fees: paid, rebates deducted.
    """

    quantity: int
    filled_quantity: int
    decision_value: Fraction
    delay: Fraction
    trading: Fraction
    opportunity: Fraction
    fees: Fraction

    @property
    def total(self) -> Fraction:
        """The whole shortfall: the sum of its parts, and paper minus real portfolio."""
        return self.delay + self.trading + self.opportunity + self.fees

    def _bps(self, amount: Fraction) -> float:
        return float(amount * 10_000 / self.decision_value)

    @property
    def delay_bps(self) -> float:
        """Delay in basis points of the decision value."""
        return self._bps(self.delay)

    @property
    def trading_bps(self) -> float:
        """Trading cost in basis points of the decision value."""
        return self._bps(self.trading)

    @property
    def opportunity_bps(self) -> float:
        """Opportunity cost in basis points of the decision value."""
        return self._bps(self.opportunity)

    @property
    def fees_bps(self) -> float:
        """Fees in basis points of the decision value."""
        return self._bps(self.fees)

    @property
    def total_bps(self) -> float:
        """Total in basis points of the decision value."""
        return self._bps(self.total)

    def bps(self) -> dict[str, float]:
        """All parts and the total in basis points, by name."""
        return {
            "delay": self.delay_bps,
            "trading": self.trading_bps,
            "opportunity": self.opportunity_bps,
            "fees": self.fees_bps,
            "total": self.total_bps,
        }


def implementation_shortfall(
    side: OrderSide,
    quantity: SupportsIndex,
    decision: Exact,
    arrival: Exact,
    fills: Iterable[tuple[SupportsIndex, Exact]],
    close: Exact | None = None,
    fees: Exact = 0,
    *,
    multiplier: Exact = 1,
) -> Shortfall:
    """Split the cost of a linear instrument's order into delay, trading, opportunity and fees.

    Args:
        side: of the order.
        quantity: of the whole order.
        decision: price when it was decided.
        arrival: price when it reached the market.
        fills: quantity and price of each trade.
        close: price at which the unfilled part is judged: at the end of the horizon, or when the order was
            cancelled. Needed only when something is unfilled.
        fees: total paid in money; a rebate is negative.
        multiplier: contract size.

    Raises:
        InputError: more filled than ordered, a quantity or price that is not positive or not a number, a
            missing ``close``.
    """
    ordered = parse_count(quantity, "order quantity")
    decided, arrived = _price(decision, "decision price"), _price(arrival, "arrival price")
    size = _price(multiplier, "multiplier")
    filled, paid = 0, Fraction(0)
    for fill_quantity, fill_price in fills:
        count = parse_count(fill_quantity, "fill quantity")
        filled += count
        paid += count * _price(fill_price, "fill price")
    if filled > ordered:
        raise InputError(f"fills of {filled} exceed the order quantity {ordered}; give the fills of this order only")
    unfilled = ordered - filled
    if close is None and unfilled:
        raise InputError(
            f"{unfilled} of {ordered} are unfilled and no close was given; give the price to judge them at"
        )
    closed = decided if close is None else _price(close, "close price")
    sign = side.sign * size
    return Shortfall(
        quantity=ordered,
        filled_quantity=filled,
        decision_value=ordered * decided * size,
        delay=sign * filled * (arrived - decided),
        trading=sign * (paid - filled * arrived),
        opportunity=sign * unfilled * (closed - decided),
        fees=_exact(fees, "fees"),
    )


def effective_spread(side: OrderSide, price: Exact, mid: Exact) -> Fraction:
    """Twice what a trade paid beyond the mid-point at its time.

    Equals realised spread plus price impact, to the last digit.

    Args:
        side: whose cost is measured: of the aggressor, or of our own order. For a passive fill it is
            negative: the spread is earned.
        price: of the trade.
        mid: mid-point of the quotes just before it.

    Raises:
        InputError: a price that is not positive or not a number.
    """
    return 2 * side.sign * (_price(price, "trade price") - _price(mid, "mid-point"))


def realised_spread(side: OrderSide, price: Exact, mid_later: Exact) -> Fraction:
    """Twice what a trade paid beyond the mid-point some time later: what its counterparty keeps.

    Raises:
        InputError: a price that is not positive or not a number.
    """
    return 2 * side.sign * (_price(price, "trade price") - _price(mid_later, "later mid-point"))


def price_impact(side: OrderSide, mid: Exact, mid_later: Exact) -> Fraction:
    """Twice the move of the mid-point in the direction of the trade.

    Raises:
        InputError: a price that is not positive or not a number.
    """
    return 2 * side.sign * (_price(mid_later, "later mid-point") - _price(mid, "mid-point"))


def markout(side: OrderSide, price: Exact, mid_later: Exact) -> Fraction:
    """What a fill lost a share against the mid-point some time later; a cost is positive.

    Of one trade the two parties' markouts are opposite: what the aggressor gains when the market follows it,
    the passive side pays as adverse selection. So give the side of the fill that is judged.

    Raises:
        InputError: a price that is not positive or not a number.
    """
    return realised_spread(side, price, mid_later) / 2
