"""What is asked of a venue: a new order, a cancel, a replace, a cancel of many. Each is answered by a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from simexec.trading.order import Order
    from simexec.trading.terms import OrderTerms
    from simexec.trading.vocabulary import OrderType, TimeInForce


@define(slots=True)
class NewOrder:
    """A new order as it travels to a venue (FIX 35=D). Treated as immutable.

    Attributes:
        order_id: chosen by the sender, unique in the run.
        side_sign: +1 buys, −1 sells.
        quantity: shares or contracts.
        order_type: how it meets the book.
        price_ticks: limit price in ticks, of a pegged order its cap; None without one.
        tif: how long it may rest.
        display_quantity: shown part of an iceberg, None of an order shown in full.
        hidden: not shown at all; ranks behind what is displayed at its price.
        post_only: refused rather than filled when it would trade on arrival.
        symbol: what to trade.
        terms: what stops, pegged orders and the like say beyond this, None of a plain order.
    """

    order_id: str
    side_sign: int
    quantity: int
    order_type: OrderType
    price_ticks: int | None
    tif: TimeInForce
    display_quantity: int | None = None
    hidden: bool = False
    post_only: bool = False
    symbol: str = ""
    terms: OrderTerms | None = None

    @classmethod
    def of(cls, order: Order) -> NewOrder:
        """The request that brings an order to a venue."""
        return cls(
            order.order_id, order.side.sign, order.quantity, order.order_type, order.price_ticks, order.time_in_force,
            order.display_quantity, order.hidden, order.post_only, order.instrument.symbol, order.terms,
        )  # fmt: skip


@define(slots=True)
class CancelRequest:
    """Ask that an order's rest be cancelled (FIX 35=F); it may come too late. Treated as immutable."""

    order_id: str


@define(slots=True)
class ReplaceRequest:
    """Ask for another total quantity, limit price or stop price (FIX 35=G). Treated as immutable.

    Attributes:
        order_id: the order to change; it keeps its id.
        quantity: the new total, what is filled already included.
        price_ticks: the new limit price in ticks, None to keep it.
        stop_ticks: the new stop price in ticks, None to keep it.
    """

    order_id: str
    quantity: int
    price_ticks: int | None = None
    stop_ticks: int | None = None


@define(slots=True)
class MassCancelRequest:
    """Ask that all orders of the sender, or those of a side or symbol, be cancelled (FIX 35=q). Treated as immutable.

    It is answered by CANCELED for every order that it ends, and last by a ``MassCancelReport``.

    Attributes:
        request_id: chosen by the sender, unique in the run.
        side_sign: +1 buys, −1 sells; None both.
        symbol: None all.
    """

    request_id: str
    side_sign: int | None = None
    symbol: str | None = None

    @property
    def order_id(self) -> str:
        """The request's own id, where a gateway asks which order a request is about."""
        return self.request_id
