"""The parent order and the algorithm that works it, as configured."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

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
    to_flag,
    to_fraction,
    to_member,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
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


@frozen(kw_only=True, field_transformer=naming_fields)
class TwapConfig:
    """``type: twap``: equal slices at equal intervals.

    Attributes:
        duration: from the first slice's interval to the end of the last, ns.
        slices: how many.
        randomise_times: each slice starts within this fraction of its interval, uniformly; 0: at its
            beginning.
        randomise_sizes: each slice's size varies by up to this fraction, either way; the sum stays exact.
        limit_price: no child is worse than this; None: the parent's limit.
        catch_up: whether what a slice did not fill is carried over to the next.
        cross_at_end: whether what is left when a slice (with ``catch_up``: the last one) ends crosses the
            spread.
        passive: whether children join the near touch rather than cross the spread at once.
    """

    type: ClassVar[str] = "twap"
    duration: int = field(converter=to_positive_duration, metadata=DURATION)
    slices: int = field(converter=to_positive_count)
    randomise_times: float = field(default=0.0, converter=to_fraction)
    randomise_sizes: float = field(default=0.0, converter=to_fraction)
    limit_price: Decimal | None = field(default=None, converter=optional(to_positive_decimal))
    catch_up: bool = field(default=True, converter=to_flag)
    cross_at_end: bool = field(default=True, converter=to_flag)
    passive: bool = field(default=True, converter=to_flag)

    def __attrs_post_init__(self) -> None:
        if self.slices > 1_000_000:
            raise FieldError(f"must be at most 1,000,000, not {self.slices}", ("slices",))


@frozen(kw_only=True, field_transformer=naming_fields)
class IcebergConfig:
    """``type: iceberg``: one limit order of which only a part is displayed.

    Attributes:
        display_quantity: the displayed part.
        native: whether the venue refills the display; otherwise we send a new child when the last one is
            filled.
        randomise_display: each refill of a synthetic iceberg varies by up to this fraction, either way.
        limit_price: of the children; None: the parent's limit, and for a market parent the near touch at the
            start.
        duration: after which what is left is cancelled, ns; None: at the order's end.
    """

    type: ClassVar[str] = "iceberg"
    display_quantity: int = field(converter=to_positive_count)
    native: bool = field(default=True, converter=to_flag)
    randomise_display: float = field(default=0.0, converter=to_fraction)
    limit_price: Decimal | None = field(default=None, converter=optional(to_positive_decimal))
    duration: int | None = field(default=None, converter=optional(to_positive_duration), metadata=DURATION)

    def __attrs_post_init__(self) -> None:
        if self.native and self.randomise_display > 0:
            text = f"needs native: false (the venue refills a native iceberg), not {self.randomise_display!r}"
            raise FieldError(text, ("randomise_display",))


@frozen(kw_only=True, field_transformer=naming_fields)
class MarketConfig:
    """``type: market``: the whole order at once, at the market."""

    type: ClassVar[str] = "market"


AlgorithmConfig = TwapConfig | IcebergConfig | MarketConfig
