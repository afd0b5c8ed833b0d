"""What a venue refuses, and FIX's reason for it."""

from __future__ import annotations

from simexec.trading.instrument import Instrument
from simexec.trading.report import RejectReason
from simexec.trading.requests import NewOrder
from simexec.trading.vocabulary import OrderType

_ICEBERG = OrderType.ICEBERG

Refusal = tuple[RejectReason, str]


def refuse_order(order: NewOrder, instrument: Instrument) -> Refusal | None:
    """Why an order's own fields cannot be accepted for this instrument; None if they can."""
    if order.symbol != instrument.symbol:
        return RejectReason.UNKNOWN_SYMBOL, f"symbol {order.symbol} is not traded here, only {instrument.symbol}"
    if order.quantity <= 0 or order.quantity % instrument.lot:
        return (
            RejectReason.INCORRECT_QUANTITY,
            f"quantity {order.quantity} is not a positive multiple of {instrument.lot}",
        )
    if order.order_type.has_price:
        if order.price_ticks is None or order.price_ticks <= 0:
            return RejectReason.INVALID_PRICE_INCREMENT, f"limit price {order.price_ticks} ticks is not positive"
    elif order.price_ticks is not None:
        return RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "a market order has no limit price"
    elif order.post_only or order.hidden or order.display_quantity is not None:
        return RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "a market order cannot be an iceberg, post-only or hidden"
    if not order.tif.may_rest and (order.post_only or order.hidden or order.display_quantity is not None):
        return (
            RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC,
            f"an order that may not rest ({order.tif.name}) cannot be post-only, hidden or an iceberg",
        )
    display = order.display_quantity
    if (display is None) is (order.order_type is _ICEBERG):
        return RejectReason.INCORRECT_QUANTITY, f"display quantity {display} of a {order.order_type.name.lower()} order"
    if display is not None and (display <= 0 or display > order.quantity or display % instrument.lot):
        return (
            RejectReason.INCORRECT_QUANTITY,
            f"display quantity {display} is not a multiple of {instrument.lot} up to {order.quantity}",
        )
    if display is not None and order.hidden:
        return RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, "an order is hidden or an iceberg, not both"
    return None
