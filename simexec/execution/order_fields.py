"""Fields of an order, new or to be replaced, that must fit each other, from what a user gave."""

from __future__ import annotations

from decimal import Decimal
from typing import TypedDict

from simexec.errors import InputError, OrderError
from simexec.sim.clock import Duration, format_duration, parse_duration
from simexec.trading.instrument import Instrument
from simexec.trading.money import parse_decimal
from simexec.trading.order import Order
from simexec.trading.terms import PLAIN, OrderTerms, contradiction
from simexec.trading.vocabulary import OrderStatus, OrderType, PegType, TimeInForce

Price = Decimal | int | str | float


class TermFields(TypedDict, total=False):
    """What only some orders have, as a user gives it; ``OrderManager.create_order`` says what each means."""

    price_slide: bool
    stop_price: Price | None
    trail: Price | None
    peg: PegType | None
    peg_offset: Price | None
    min_quantity: int | None
    expire: Duration | None


_PEGGED, _PENDING = OrderType.PEGGED, OrderStatus.PENDING


def check_limit(instrument: Instrument, order_type: OrderType, price: Price | None) -> int | None:
    """The limit price in ticks, None where the type has none.

    Raises:
        OrderError: a price that the type has not, a missing one, or a wrong one.
    """
    if order_type.has_price or (order_type is _PEGGED and price is not None):
        if price is None:
            raise OrderError(f"a {order_type.name.lower()} order of {instrument.symbol} needs a price")
        return instrument.to_ticks(price)
    if price is not None:
        remedy = f"give stop_price={price}" if order_type.is_stop else "use OrderType.LIMIT"
        raise OrderError(f"a {order_type.name.lower()} order has no price, {price} was given; {remedy}")
    return None


def check_terms(
    instrument: Instrument,
    order_type: OrderType,
    quantity: int,
    time_in_force: TimeInForce,
    display_quantity: int | None,
    hidden: bool,
    post_only: bool,
    now_ns: int,
    *,
    stop_price: Price | None = None,
    trail: Price | None = None,
    peg: PegType | None = None,
    peg_offset: Price | None = None,
    min_quantity: int | None = None,
    expire: Duration | None = None,
    price_slide: bool = False,
) -> OrderTerms | None:
    """The terms of an order, None of one that has none.

    Raises:
        OrderError: a wrong value, or fields that contradict each other.
    """
    if peg is not None and not isinstance(peg, PegType):
        raise OrderError(f"peg {peg!r} must be a member of PegType")
    terms = OrderTerms(
        None if stop_price is None else instrument.to_ticks(stop_price),
        None if trail is None else instrument.to_ticks(trail),
        peg,
        0 if peg_offset is None else _offset_in_ticks(instrument, peg_offset),
        None if min_quantity is None else instrument.check_quantity(min_quantity),
        None if expire is None else _expiry(expire, now_ns),
        price_slide,
    )
    if terms.min_quantity is not None and terms.min_quantity > quantity:
        raise OrderError(f"min_quantity {min_quantity} exceeds the quantity {quantity}")
    if display_quantity is not None and instrument.check_quantity(display_quantity) > quantity:
        raise OrderError(f"display_quantity {display_quantity} exceeds the quantity {quantity}")
    wrong = contradiction(order_type, time_in_force, display_quantity, hidden, post_only, terms)
    if wrong is not None:
        raise OrderError(wrong)
    return None if terms == PLAIN else terms


def check_replace(
    order: Order, quantity: int | None, price: Price | None, stop_price: Price | None
) -> tuple[int, int | None, int | None]:
    """Total quantity, limit and stop price in ticks that a replace asks for; None of a price that stays.

    Raises:
        OrderError: nothing to change, the order has ended or was not sent, or a wrong value.
    """
    if order.status is _PENDING or order.is_final:
        raise OrderError(
            f"order {order.order_id} is {order.status.name} and cannot be replaced; only a working order can"
        )
    if quantity is None and price is None and stop_price is None:
        raise OrderError(f"replace of {order.order_id} changes nothing; give a quantity or a price")
    total = order.quantity if quantity is None else order.instrument.check_quantity(quantity)
    ticks = None if price is None else check_limit(order.instrument, order.order_type, price)
    stop_ticks = None if stop_price is None else order.instrument.to_ticks(stop_price)
    if stop_ticks is not None and (not order.order_type.is_stop or order.triggered_ns is not None):
        raise OrderError(
            f"order {order.order_id} waits for no trade; stop_price {stop_price} can only be given to a stop"
        )
    return total, ticks, stop_ticks


def _offset_in_ticks(instrument: Instrument, offset: Price) -> int:
    """A signed distance of prices in ticks."""
    try:
        number = parse_decimal(offset, f"{instrument.symbol} peg_offset")
    except InputError as error:
        raise OrderError(str(error)) from None
    if number == 0:
        return 0
    ticks = instrument.to_ticks(abs(number))
    return ticks if number > 0 else -ticks


def _expiry(expire: Duration, now_ns: int) -> int:
    try:
        expire_ns = parse_duration(expire)
    except InputError as error:
        raise OrderError(f"expire: {error}") from None
    if expire_ns <= now_ns:
        raise OrderError(f"expire {expire!r} has passed; it is {format_duration(now_ns)} since the run's epoch")
    return expire_ns
