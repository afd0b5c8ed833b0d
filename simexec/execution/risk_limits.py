"""What risk allows: the limits of an account, as a scenario's ``risk.limits`` has them."""

from __future__ import annotations

from decimal import Decimal

from attrs import field, frozen
from attrs.converters import optional

from simexec.trading.convert import (
    FieldError,
    naming_fields,
    shown,
    to_count,
    to_decimal,
    to_decimal_from_zero,
    to_flag,
    to_positive_count,
    to_positive_decimal,
)


def to_exact_fraction(value: Decimal | str | int | float) -> Decimal:
    """An exact decimal number from 0 to 1, both included."""
    number = to_decimal(value)
    if not 0 <= number <= 1:
        raise FieldError(f"must be from 0 to 1, not {shown(value)}")
    return number


@frozen(kw_only=True, field_transformer=naming_fields)
class RiskLimits:
    """Limits of an account; each is the largest value that is still allowed, and None switches it off.

    Amounts are in the currency of the instrument that is traded, and limits that add up values do so by currency. *Open* is
    what orders without a parent may still trade. docs/risk.md has the formulas.

    Attributes:
        max_order_quantity: shares or contracts of an order that goes to a venue.
        max_order_notional: value of an order that goes to a venue, at its limit, or at the quote without one.
        max_position: shares or contracts held and open, long or short.
        max_notional: gross exposure: value of all positions, long and short, and of what is open.
        max_leverage: gross exposure as a multiple of equity. It makes the account a margin account: buying power is this
            multiple of equity, less the exposure.
        max_participation: an order without a parent, as a fraction of the volume that is expected, or was seen.
        price_collar: how far beyond the opposite best quote a limit price may be, as a fraction of it. A market order becomes an
            immediate-or-cancel order at that price.
        allow_short: whether more may be sold than is held.
        buying_power: whether an order must be covered by buying power.
        fee_reserve: reserved for fees beside the price, in the instrument's currency a share.

    Raises:
        InputError: a wrong value; the message has the field and the value.
    """

    max_order_quantity: int | None = field(default=None, converter=optional(to_positive_count))
    max_order_notional: Decimal | None = field(default=None, converter=optional(to_positive_decimal))
    max_position: int | None = field(default=None, converter=optional(to_count))
    max_notional: Decimal | None = field(default=None, converter=optional(to_decimal_from_zero))
    max_leverage: Decimal | None = field(default=None, converter=optional(to_positive_decimal))
    max_participation: Decimal | None = field(default=None, converter=optional(to_exact_fraction))
    price_collar: Decimal | None = field(default=None, converter=optional(to_exact_fraction))
    allow_short: bool = field(default=False, converter=to_flag)
    buying_power: bool = field(default=True, converter=to_flag)
    fee_reserve: Decimal = field(default=Decimal(0), converter=to_decimal_from_zero)
