"""What a venue refuses, and FIX's reason for it."""

from __future__ import annotations

from simexec.trading.instrument import Instrument
from simexec.trading.report import RejectReason
from simexec.trading.requests import NewOrder, ReplaceRequest
from simexec.trading.terms import OrderTerms, contradiction
from simexec.trading.vocabulary import OrderType, TimeInForce

# Module globals, since reading a member off its Enum runs Python code.
_MARKET, _LIMIT, _PEGGED = OrderType.MARKET, OrderType.LIMIT, OrderType.PEGGED
_GTD = TimeInForce.GTD

Refusal = tuple[RejectReason, str]


def refuse_order(order: NewOrder, instrument: Instrument, now_ns: int = 0) -> Refusal | None:
    """Why an order's own fields cannot be accepted for this instrument at this time; None if they can."""
    if order.symbol != instrument.symbol:
        return RejectReason.UNKNOWN_SYMBOL, f"symbol {order.symbol} is not traded here, only {instrument.symbol}"
    if order.quantity <= 0 or order.quantity % instrument.lot:
        return _bad_quantity(order.quantity, instrument, "quantity")
    order_type, price_ticks = order.order_type, order.price_ticks
    if order_type is _LIMIT or order_type.has_price:
        if price_ticks is None or price_ticks <= 0:
            return _bad_price(price_ticks, "limit price")
    elif price_ticks is not None:
        if order_type is not _PEGGED:
            text = f"a {order_type.name.lower()} order has no limit price"
            return RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, text
        if price_ticks <= 0:
            return _bad_price(price_ticks, "cap")
    terms, display = order.terms, order.display_quantity
    if (
        terms is None
        and (order_type is _LIMIT or order_type is _MARKET)
        and display is None
        and not (order.hidden or order.post_only or order.tif is _GTD)
    ):
        return None  # a plain order
    wrong = contradiction(order_type, order.tif, display, order.hidden, order.post_only, terms)
    if wrong is not None:
        return RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, wrong
    if display is not None and (display <= 0 or display > order.quantity or display % instrument.lot):
        return _bad_quantity(display, instrument, "display quantity", order.quantity)
    return None if terms is None else _refuse_terms(terms, order, instrument, now_ns)


def refuse_replace(
    request: ReplaceRequest, order: NewOrder, instrument: Instrument, triggered: bool = False
) -> Refusal | None:
    """Why an order cannot be changed as asked; None if it can.

    Args:
        request: what is asked for.
        order: as it came.
        instrument: that it is of.
        triggered: whether it was a stop and has been elected.
    """
    name = order.order_type.name.lower()
    if request.quantity <= 0 or request.quantity % instrument.lot:
        return _bad_quantity(request.quantity, instrument, "quantity")
    if request.price_ticks is not None:
        if request.price_ticks <= 0:
            return _bad_price(request.price_ticks, "limit price")
        if not order.order_type.has_price and order.order_type is not _PEGGED:
            return RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, f"a {name} order has no limit price"
    if request.stop_ticks is not None:
        if request.stop_ticks <= 0:
            return _bad_price(request.stop_ticks, "stop price")
        if not order.order_type.is_stop or triggered:
            state = "that was triggered " if triggered else ""
            return RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, f"a {name} order {state}has no stop price"
    return None


def _refuse_terms(terms: OrderTerms, order: NewOrder, instrument: Instrument, now_ns: int) -> Refusal | None:
    for ticks, what in ((terms.stop_ticks, "stop price"), (terms.trail_ticks, "trailing distance")):
        if ticks is not None and ticks <= 0:
            return _bad_price(ticks, what)
    if terms.expire_ns is not None and terms.expire_ns <= now_ns:
        return RejectReason.TOO_LATE_TO_ENTER, f"expiry {terms.expire_ns} ns has passed at {now_ns} ns"
    least = terms.min_quantity
    if least is not None and (least <= 0 or least > order.quantity or least % instrument.lot):
        return _bad_quantity(least, instrument, "minimum quantity", order.quantity)
    return None


def _bad_quantity(quantity: int, instrument: Instrument, what: str, most: int | None = None) -> Refusal:
    upto = "" if most is None else f" up to {most}"
    return RejectReason.INCORRECT_QUANTITY, f"{what} {quantity} is not a positive multiple of {instrument.lot}{upto}"


def _bad_price(ticks: int | None, what: str) -> Refusal:
    return RejectReason.INVALID_PRICE_INCREMENT, f"{what} {ticks} ticks is not positive"
