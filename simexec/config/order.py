"""The parent order, as configured."""

from __future__ import annotations

from decimal import Decimal

from attrs import field, frozen
from attrs.converters import optional

from simexec.sim.clock import format_duration
from simexec.trading.convert import (
    DURATION,
    NAME,
    FieldError,
    naming_fields,
    shown,
    to_duration,
    to_member,
    to_positive_count,
    to_positive_decimal,
)
from simexec.trading.vocabulary import OrderSide, OrderType


def to_side(value: OrderSide | str) -> OrderSide:
    """By name."""
    return to_member(OrderSide, value)


def to_parent_type(value: OrderType | str) -> OrderType:
    """Market or limit: how it is displayed is the algorithm's business."""
    order_type = to_member(OrderType, value)
    if order_type not in (OrderType.MARKET, OrderType.LIMIT):
        raise FieldError(f"must be market or limit, not {shown(value)} (an iceberg is an algorithm)")
    return order_type


@frozen(kw_only=True, field_transformer=naming_fields)
class OrderConfig:
    """The parent order: what is to be bought or sold, decided at ``start``.

    Attributes:
        side: ``buy`` or ``sell``.
        quantity: shares or contracts.
        order_type: ``market``, or ``limit`` with a ``limit_price`` that no child may be worse than.
        limit_price: in the instrument's currency.
        start: the decision, ns after the open.
        end: when whatever is unfilled is cancelled, ns after the open; None: at the close.
    """

    side: OrderSide = field(converter=to_side, metadata=NAME)
    quantity: int = field(converter=to_positive_count)
    order_type: OrderType = field(default=OrderType.MARKET, converter=to_parent_type, metadata=NAME)
    limit_price: Decimal | None = field(default=None, converter=optional(to_positive_decimal))
    start: int = field(default=0, converter=to_duration, metadata=DURATION)
    end: int | None = field(default=None, converter=optional(to_duration), metadata=DURATION)

    def __attrs_post_init__(self) -> None:
        if self.order_type is OrderType.LIMIT and self.limit_price is None:
            raise FieldError("a limit order needs one", ("limit_price",))
        if self.order_type is OrderType.MARKET and self.limit_price is not None:
            text = f"a market order has none, not {shown(self.limit_price)}; set order_type to limit"
            raise FieldError(text, ("limit_price",))
        if self.end is not None and self.end <= self.start:
            start, end = format_duration(self.start), format_duration(self.end)
            raise FieldError(f"must be later than start ({start}), not {end}", ("end",))
