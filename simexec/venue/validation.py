"""What a venue refuses, and FIX's reason for it."""

from __future__ import annotations

from numbers import Integral
from typing import Any

from simexec.trading.instrument import LARGEST_COUNT, Instrument
from simexec.trading.report import RejectReason
from simexec.trading.requests import NewOrder, ReplaceRequest
from simexec.trading.terms import OrderTerms, contradiction
from simexec.trading.vocabulary import OrderType, TimeInForce

# Module globals, since reading a member off its Enum runs Python code.
_MARKET, _LIMIT, _PEGGED = OrderType.MARKET, OrderType.LIMIT, OrderType.PEGGED
_GTD = TimeInForce.GTD
_UNSUPPORTED = RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC

Refusal = tuple[RejectReason, str]


def refuse_order(order: NewOrder, instrument: Instrument, now_ns: int = 0) -> Refusal | None:
    """Why an order's own fields cannot be accepted for this instrument at this time; None if they can."""
    if order.symbol != instrument.symbol:
        return RejectReason.UNKNOWN_SYMBOL, f"symbol {order.symbol} is not traded here, only {instrument.symbol}"
    quantity, order_type, price_ticks = order.quantity, order.order_type, order.price_ticks
    # NOTE: ints are told at once, since every order comes here
    if (
        (quantity.__class__ is not int and not _is_whole(quantity))
        or not 0 < quantity <= LARGEST_COUNT
        or quantity % instrument.lot
    ):
        return _bad_quantity(quantity, instrument, "quantity")
    if order.side_sign != 1 and order.side_sign != -1:
        return _UNSUPPORTED, f"side {order.side_sign} is neither 1 (buy) nor -1 (sell)"
    if order_type.__class__ is not OrderType or order.tif.__class__ is not TimeInForce:
        return _UNSUPPORTED, f"order type {order_type} or time in force {order.tif} is not known here"
    if order_type is _LIMIT or order_type.has_price:
        if not _is_price(price_ticks):
            return _bad_price(price_ticks, "limit price")
    elif price_ticks is not None:
        if order_type is not _PEGGED:
            text = f"a {order_type.name.lower()} order has no limit price"
            return _UNSUPPORTED, text
        if not _is_price(price_ticks):
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
        return _UNSUPPORTED, wrong
    if display is not None and not _is_part(display, order, instrument):
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
    quantity = request.quantity
    if not _is_whole(quantity) or not 0 < quantity <= LARGEST_COUNT or quantity % instrument.lot:
        return _bad_quantity(request.quantity, instrument, "quantity")
    if request.price_ticks is not None:
        if not _is_price(request.price_ticks):
            return _bad_price(request.price_ticks, "limit price")
        if not order.order_type.has_price and order.order_type is not _PEGGED:
            return _UNSUPPORTED, f"a {name} order has no limit price"
    if request.stop_ticks is not None:
        if not _is_price(request.stop_ticks):
            return _bad_price(request.stop_ticks, "stop price")
        if not order.order_type.is_stop or triggered:
            state = "that was triggered " if triggered else ""
            return _UNSUPPORTED, f"a {name} order {state}has no stop price"
    return None


def _refuse_terms(terms: OrderTerms, order: NewOrder, instrument: Instrument, now_ns: int) -> Refusal | None:
    for ticks, what in ((terms.stop_ticks, "stop price"), (terms.trail_ticks, "trailing distance")):
        if ticks is not None and not _is_price(ticks):
            return _bad_price(ticks, what)
    offset, expires, least = terms.peg_offset_ticks, terms.expire_ns, terms.min_quantity
    if not _is_whole(offset) or abs(offset) > LARGEST_COUNT:
        return RejectReason.INVALID_PRICE_INCREMENT, f"peg offset {offset} is not a whole number of ticks up to 2**48"
    if expires is not None:
        if not _is_whole(expires):
            return _UNSUPPORTED, f"expiry {expires} is not a whole number of ns"
        if expires <= now_ns:
            return RejectReason.TOO_LATE_TO_ENTER, f"expiry {expires} ns has passed at {now_ns} ns"
    if least is not None and not _is_part(least, order, instrument):
        return _bad_quantity(least, instrument, "minimum quantity", order.quantity)
    return None


def _is_whole(value: Any) -> bool:
    """Whether a field is a whole number: a message may come from anybody."""
    return isinstance(value, Integral)


def _is_price(ticks: Any) -> bool:
    return (ticks.__class__ is int or _is_whole(ticks)) and 0 < ticks <= LARGEST_COUNT


def _is_part(quantity: Any, order: NewOrder, instrument: Instrument) -> bool:
    return _is_whole(quantity) and 0 < quantity <= order.quantity and not quantity % instrument.lot


def _bad_quantity(quantity: int, instrument: Instrument, what: str, most: int = LARGEST_COUNT) -> Refusal:
    upto = " up to 2**48" if most == LARGEST_COUNT else f" up to {most}"
    return RejectReason.INCORRECT_QUANTITY, f"{what} {quantity} is not a positive multiple of {instrument.lot}{upto}"


def _bad_price(ticks: int | None, what: str) -> Refusal:
    if ticks is None:
        return RejectReason.INVALID_PRICE_INCREMENT, f"{what} None is no price, and this type of order needs one"
    return RejectReason.INVALID_PRICE_INCREMENT, f"{what} {ticks} ticks is not positive, whole and at most 2**48"
