"""What a venue charges for a trade: maker/taker schedules."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from math import lcm
from typing import TypeAlias

from attrs import define, field

from simexec.errors import InputError
from simexec.trading.money import Number, parse_decimal, units_per

Rate: TypeAlias = tuple[int, int, int]
"""Fee as a ratio of ints: ``(per share, per unit of notional, common denominator)``."""


def _fee(value: Number) -> Decimal:
    return parse_decimal(value, "fee")


@define(slots=True, frozen=True)
class MakerTakerFees:
    """Fees a share and in basis points, one schedule for orders that rested and one for those that took.

    Both parts are added. A negative rate is a rebate, so that a maker's ``-0.002`` a share pays the maker
    0.002. The exact fee is rounded up to a whole money unit, which is against the trader for a cost and for a
    rebate alike.

    Args:
        maker_per_share: in the currency, for an order that was resting.
        taker_per_share: in the currency, for an order that traded on arrival.
        maker_bps: of the trade's notional, 1 bp = 0.0001.
        taker_bps: of the trade's notional.
        currency: of the amounts a share.

    Attributes:
        by_value: whether a fee depends on the notional at all; if not, callers may spare its computation.

    Raises:
        InputError: a rate that is not a finite number, or beyond 10,000 bp either way.
    """

    maker_per_share: Decimal = field(default=Decimal(0), converter=_fee)
    taker_per_share: Decimal = field(default=Decimal(0), converter=_fee)
    maker_bps: Decimal = field(default=Decimal(0), converter=_fee)
    taker_bps: Decimal = field(default=Decimal(0), converter=_fee)
    currency: str = "USD"
    by_value: bool = field(init=False, eq=False, repr=False)
    _maker: Rate = field(init=False, eq=False, repr=False)
    _taker: Rate = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        """Turn the decimals into ratios of ints, so that a trade's fee needs no Decimal."""
        for name, bps in (("maker_bps", self.maker_bps), ("taker_bps", self.taker_bps)):
            if abs(bps) > 10_000:
                raise InputError(f"{name} {bps} is more than the whole notional (10,000 bp); give basis points")
        object.__setattr__(self, "by_value", bool(self.maker_bps or self.taker_bps))
        object.__setattr__(self, "_maker", self._ratio(self.maker_per_share, self.maker_bps))
        object.__setattr__(self, "_taker", self._ratio(self.taker_per_share, self.taker_bps))

    def _ratio(self, per_share: Decimal, bps: Decimal) -> Rate:
        share = Fraction(per_share) * units_per(self.currency)
        notional = Fraction(bps) / 10_000
        common = lcm(share.denominator, notional.denominator)
        return int(share * common), int(notional * common), common

    def fee(self, quantity: int, notional_units: int, maker: bool) -> int:
        """Fee of one trade in money units, rounded up; a rebate is negative.

        Args:
            quantity: shares or contracts, positive.
            notional_units: value of the trade in money units, positive.
            maker: whether the order was resting.
        """
        per_share, per_notional, common = self._maker if maker else self._taker
        return -(-(quantity * per_share + notional_units * per_notional) // common)
