"""What is asked of a venue: a new order, a cancel, a replace. Each is answered by an execution report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define

if TYPE_CHECKING:
    from simexec.trading.vocabulary import OrderType, TimeInForce


@define(slots=True)
class NewOrder:
    """A new order as it travels to a venue (FIX 35=D). Treated as immutable.

    Attributes:
        order_id: chosen by the sender, unique in the run.
        side_sign: +1 buys, −1 sells.
        quantity: shares or contracts.
        order_type: market, limit or iceberg.
        price_ticks: limit price in ticks, None of a market order.
        tif: how long it may rest.
        display_quantity: shown part of an iceberg, None of other orders.
        hidden: not shown at all; ranks behind what is displayed at its price.
        post_only: refused rather than filled when it would trade on arrival.
        symbol: what to trade.
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


@define(slots=True)
class CancelRequest:
    """Ask that an order's rest be cancelled (FIX 35=F); it may come too late. Treated as immutable."""

    order_id: str


@define(slots=True)
class ReplaceRequest:
    """Ask for another total quantity or limit price (FIX 35=G). Treated as immutable.

    Attributes:
        order_id: the order to change; it keeps its id.
        quantity: the new total, what is filled already included.
        price_ticks: the new limit price in ticks, None to keep it.
    """

    order_id: str
    quantity: int
    price_ticks: int | None = None
