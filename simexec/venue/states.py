"""The states of an instrument at a venue, and which orders each of them refuses."""

from __future__ import annotations

from enum import Enum

from simexec.trading.report import RejectReason
from simexec.trading.requests import NewOrder
from simexec.trading.vocabulary import OrderType
from simexec.venue.validation import Refusal

_MARKET, _PEGGED = OrderType.MARKET, OrderType.PEGGED


class TradingState(Enum):
    """Whether an instrument trades (FIX 340, TradSesStatus, whose values these are).

    PRE_OPEN takes orders that rest without trading; OPEN trades; HALTED takes cancels only; CLOSED too.
    """

    HALTED = 1
    OPEN = 2
    CLOSED = 3
    PRE_OPEN = 4


def refuse_before_open(order: NewOrder) -> Refusal | None:
    """Why an order cannot wait for the opening auction: it needs somebody to trade with now, or a price that is not there yet."""
    terms, words = order.terms, ""
    if order.order_type is _MARKET:
        words = "a market order has no price to wait at"
    elif not order.tif.may_rest:
        words = f"an order that may not rest ({order.tif.name}) finds nothing to trade with"
    elif order.order_type is _PEGGED:
        words = "a pegged order has no reference price"
    elif order.post_only:
        words = "in an auction nobody is the maker, so no order can be post-only"
    elif terms is not None and terms.min_quantity is not None:
        words = "a minimum quantity cannot trade at once"
    if not words:
        return None
    return RejectReason.UNSUPPORTED_ORDER_CHARACTERISTIC, f"before the open {words}"
