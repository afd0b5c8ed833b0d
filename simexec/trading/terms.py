"""Terms of an order that few orders have, and which of an order's fields exclude each other."""

from __future__ import annotations

from attrs import define

from simexec.trading.vocabulary import OrderType, PegType, TimeInForce

# Module globals, since reading a member off its Enum runs Python code.
_LIMIT, _ICEBERG, _STOP_LIMIT = OrderType.LIMIT, OrderType.ICEBERG, OrderType.STOP_LIMIT
_TRAILING_STOP, _PEGGED = OrderType.TRAILING_STOP, OrderType.PEGGED
_FOK, _GTD = TimeInForce.FOK, TimeInForce.GTD
_MIDPOINT = PegType.MIDPOINT


@define(slots=True, frozen=True)
class OrderTerms:
    """What stops, pegged orders, orders until a date and the like say beyond a plain order.

    They stand apart so that a plain order carries one empty field instead of seven.

    Attributes:
        stop_ticks: stop price in ticks (FIX 99); of a trailing stop the first one, None to start from the
            last trade.
        trail_ticks: distance in ticks at which a trailing stop follows the market, positive.
        peg: the price that a pegged order follows.
        peg_offset_ticks: added to that price (FIX 211): +1 is one tick higher on either side.
        min_quantity: least quantity to trade at once, or nothing trades (FIX 110); of an order that waits in a
            dark pool, the least of every execution.
        expire_ns: when an order until a time expires (FIX 126); ns since the run's epoch.
        price_slide: a post-only order that would trade rests one tick off the best opposite price instead of
            being refused.
    """

    stop_ticks: int | None = None
    trail_ticks: int | None = None
    peg: PegType | None = None
    peg_offset_ticks: int = 0
    min_quantity: int | None = None
    expire_ns: int | None = None
    price_slide: bool = False

    def describe(self) -> str:
        """Those that are set, as ``name=value``."""
        values = ((name, getattr(self, name), getattr(PLAIN, name)) for name in self.__slots__ if name[0] != "_")
        return " ".join(f"{name}={getattr(value, 'name', value)}" for name, value, plain in values if value != plain)


PLAIN = OrderTerms()
"""The terms of an order that has none."""


def contradiction(
    order_type: OrderType,
    tif: TimeInForce,
    display_quantity: int | None,
    hidden: bool,
    post_only: bool,
    terms: OrderTerms | None,
) -> str | None:
    """What in these fields excludes each other, with the remedy; None if nothing does. Values are not looked at.

    A limit price is looked at elsewhere, since venues have another reason for refusing one.
    """
    name, terms = order_type.name.lower(), terms or PLAIN
    return (
        _type_and_terms(order_type, name, terms)
        or _life(order_type, name, tif, terms)
        or _showing(order_type, name, tif, display_quantity, hidden, post_only, terms)
    )


def _type_and_terms(order_type: OrderType, name: str, terms: OrderTerms) -> str | None:
    if terms.stop_ticks is None:
        if order_type.is_stop and order_type is not _TRAILING_STOP:
            return f"a {name} order needs a stop price"
    elif not order_type.is_stop:
        return f"a {name} order has no stop price; use OrderType.STOP or STOP_LIMIT"
    if (terms.trail_ticks is None) is (order_type is _TRAILING_STOP):
        return f"trail {terms.trail_ticks} ticks with a {name} order; a trailing stop needs one, others have none"
    if (terms.peg is None) is (order_type is _PEGGED):
        given = None if terms.peg is None else terms.peg.name
        return f"peg {given} with a {name} order; a pegged order needs one, others have none"
    if terms.peg_offset_ticks and order_type is not _PEGGED:
        return f"peg offset {terms.peg_offset_ticks} ticks with a {name} order; only a pegged order has one"
    return None


def _life(order_type: OrderType, name: str, tif: TimeInForce, terms: OrderTerms) -> str | None:
    if (terms.expire_ns is None) is (tif is _GTD):
        return f"expiry {terms.expire_ns} ns of an order that is {tif.name}; GTD needs one, others have none: it is expire="
    if not tif.may_rest and (order_type.is_stop or order_type is _PEGGED):
        return f"a {name} order waits for the market and cannot be {tif.name}; use DAY, GTC or GTD"
    if terms.min_quantity is not None:
        if tif is _FOK:
            return f"min_quantity {terms.min_quantity} of an order that is FOK, which is all or nothing; use IOC"
        if order_type.is_stop or order_type is _ICEBERG:
            return f"min_quantity {terms.min_quantity} of a {name} order; use a market, limit or pegged order"
    return None


def _showing(
    order_type: OrderType,
    name: str,
    tif: TimeInForce,
    display_quantity: int | None,
    hidden: bool,
    post_only: bool,
    terms: OrderTerms,
) -> str | None:
    special = hidden or post_only or display_quantity is not None
    if special and not (order_type.has_price or order_type is _PEGGED):
        return f"a {name} order never rests in the book and cannot be an iceberg, post-only or hidden"
    if special and not tif.may_rest:
        return f"an order that may not rest ({tif.name}) cannot be post-only, hidden or an iceberg; use DAY, GTC or GTD"
    if display_quantity is None:
        if order_type is _ICEBERG:
            return "display_quantity None with an iceberg order; an iceberg needs one"
    elif order_type is _LIMIT:
        return f"display_quantity {display_quantity} with a limit order; use OrderType.ICEBERG"
    elif hidden:
        return "an order is hidden or displays a part, not both"
    if post_only and order_type not in (_LIMIT, _ICEBERG):
        return f"a {name} order cannot be post-only; only a limit order or an iceberg can"
    if post_only and terms.min_quantity is not None:
        return f"min_quantity {terms.min_quantity} of a post-only order, which never trades on arrival; leave one out"
    if terms.price_slide and not post_only:
        return "price_slide of an order that is not post-only; set post_only too"
    if terms.peg is _MIDPOINT and not hidden:
        return "an order pegged to the midpoint is never displayed (its price lies between ticks); set hidden"
    return None
