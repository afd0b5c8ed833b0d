"""How an order that is more than plain comes to the book: stops, pegs, slides, minimum quantities."""

from __future__ import annotations

from typing import Final

from simexec.market import layout as at
from simexec.market.midpoint_book import MidpointBook
from simexec.market.order_book import OutRow
from simexec.trading.report import RejectReason
from simexec.trading.requests import NewOrder
from simexec.trading.vocabulary import OrderType, PegType
from simexec.venue.book import ListedBook
from simexec.venue.connection import Working
from simexec.venue.validation import Refusal

_MARKET, _LIMIT, _PEGGED = OrderType.MARKET, OrderType.LIMIT, OrderType.PEGGED
_PEGS: Final = ((PegType.PRIMARY, at.PEG_PRIMARY), (PegType.MARKET, at.PEG_MARKET), (PegType.MIDPOINT, at.PEG_MID))


def place(book: ListedBook, now: int, working: Working, subticks: int) -> list[OutRow]:
    """Bring an order with terms to the book; its flags are completed here."""
    order, number, quantity = working.order, working.number, working.quantity
    terms, owner, peak, side = (
        order.terms,
        working.account.owner,
        order.display_quantity or 0,
        0 if order.side_sign > 0 else 1,
    )
    assert terms is not None
    if order.order_type.is_stop:
        stop = None if terms.stop_ticks is None else terms.stop_ticks * subticks
        trail = (terms.trail_ticks or 0) * subticks
        return book.submit_stop(now, side, quantity, stop, working.price, owner, number, working.flags, peak, trail)
    if order.order_type is _PEGGED:
        working.flags &= ~at.MARKET
        kind = next(kind for peg, kind in _PEGS if peg is terms.peg)
        cap = None if order.price_ticks is None else working.price
        offset = terms.peg_offset_ticks * subticks
        if terms.min_quantity is not None and isinstance(book, MidpointBook):
            return book.submit_peg(
                now, side, quantity, kind, offset, cap, owner, number, working.flags, 0, terms.min_quantity
            )
        return book.submit_peg(now, side, quantity, kind, offset, cap, owner, number, working.flags, peak)
    if terms.price_slide:
        working.flags |= at.SLIDE
    minimum = terms.min_quantity or 0
    return book.submit(now, side, quantity, working.price, owner, number, working.flags, peak, minimum)


def resting_price(rows: list[OutRow], number: int) -> int | None:
    """The price in quanta at which an order came to rest; None if it did not."""
    return next((row[3] for row in rows if row[0] == at.OUT_REST and row[2] == number), None)


def refuse_unoffered(order: NewOrder, dark: bool) -> Refusal | None:
    """Why a venue of this kind does not offer an order that is right in itself; None if it does.

    A lit book has no orders that wait with a minimum quantity. A dark pool displays nothing, and its only price is the mid: it
    takes market orders, hidden limit orders and orders pegged to the mid, each with a minimum quantity or without.
    """
    terms, words = order.terms, ""
    if not dark:
        waits = order.tif.may_rest and order.order_type is not _MARKET
        if waits and terms is not None and terms.min_quantity is not None:
            words = "here an order with a minimum quantity cannot rest; send it IOC, or to a dark pool"
    elif order.order_type is _PEGGED:
        if terms is None or terms.peg is not PegType.MIDPOINT or terms.peg_offset_ticks:
            words = "a dark pool trades at the mid only; peg to the midpoint without an offset"
        elif order.display_quantity is not None:
            words = "a dark pool displays nothing; leave the displayed quantity out"
    elif order.order_type is _LIMIT:
        if order.post_only:
            words = "in a dark pool no order can be post-only"
        elif not order.hidden and order.tif.may_rest:
            words = "a dark pool displays nothing; make the order hidden"
    elif order.order_type is not _MARKET:
        words = f"a dark pool takes no {order.order_type.name.lower()} orders"
    return (RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, words) if words else None
