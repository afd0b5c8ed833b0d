"""Fields of a new order that must fit each other."""

from __future__ import annotations

from decimal import Decimal

from simexec.errors import OrderError
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderType

Price = Decimal | int | str | float

# Module globals, since reading a member off its Enum runs Python code.
_MARKET, _ICEBERG = OrderType.MARKET, OrderType.ICEBERG


def limit_in_ticks(
    instrument: Instrument, order_type: OrderType, price: Price | None, quantity: int, display_quantity: int | None
) -> int | None:
    """The limit price in ticks, None of a market order.

    Raises:
        OrderError: price and displayed quantity do not fit the type, or are wrong in themselves.
    """
    if (display_quantity is None) is (order_type is _ICEBERG):
        raise OrderError(
            f"display_quantity {display_quantity} with a {order_type.name.lower()} order;"
            " an iceberg needs one, others have none"
        )
    if display_quantity is not None and instrument.check_quantity(display_quantity) > quantity:
        raise OrderError(f"display_quantity {display_quantity} exceeds the quantity {quantity}")
    if order_type is _MARKET:
        if price is not None:
            raise OrderError(f"a market order has no price, {price} was given; use OrderType.LIMIT")
        return None
    if price is None:
        raise OrderError(f"a {order_type.name.lower()} order of {instrument.symbol} needs a price")
    return instrument.to_ticks(price)
