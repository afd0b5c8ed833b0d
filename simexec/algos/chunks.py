"""Chunks: a large order in parts of one size, one after the other."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

import attrs
from attrs.converters import optional

from simexec.algos.hand import Hand
from simexec.algos.tactics import Tactics
from simexec.sim.clock import MILLISECOND, SECOND
from simexec.trading.convert import (
    DURATION,
    naming_fields,
    to_duration,
    to_positive_count,
    to_positive_decimal,
)
from simexec.trading.money import parse_count
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution
    from simexec.protocols import Engine
    from simexec.trading.report import Fill


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class Chunks:
    """Takes one chunk after the other across the spread, until nothing is left or the order's time is over.

    What a chunk did not fill is part of what is left. A chunk is sent when there is something to take within the limit; after one
    that filled nothing the next waits twice as long as the one before, from a millisecond up to a second.

    Attributes:
        chunk_size: in whole lots; the last one is smaller.
        interval: from the end of one chunk to the beginning of the next.
        limit_price: no chunk trades at a worse price, nor at one worse than the order's own limit.
    """

    chunk_size: int = attrs.field(converter=to_positive_count)
    interval: int = attrs.field(default=0, converter=to_duration, metadata=DURATION)
    limit_price: Decimal | None = attrs.field(default=None, converter=optional(to_positive_decimal))

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        execution.parent.instrument.check_quantity(self.chunk_size)
        hand, pause = Hand(execution, Tactics(limit_price=self.limit_price)), MILLISECOND
        while await hand.until_far(execution.end_ns):
            filled = await hand.finish(self.chunk_size)
            await execution.until(execution.sim.now + max(self.interval, 0 if filled else pause))
            pause = MILLISECOND if filled else min(2 * pause, SECOND)


async def execute_large_order(
    engine: Engine,
    symbol: str,
    quantity: int,
    chunk_size: int = 100,
    side: OrderSide = OrderSide.BUY,
    *,
    price: Decimal | float | str | None = None,
    retries: int = 3,
) -> list[Fill]:
    """Execute a large order in chunks, one after the other.

    A chunk counts for what it filled: what it did not fill is asked for again. It stops when all is filled, when so many chunks in
    a row as ``retries`` and one more filled nothing, or when less than a lot is left.

    Args:
        engine: makes and executes orders; an order manager does.
        symbol: what to trade.
        quantity: shares or contracts in all.
        chunk_size: of each order, the last excepted.
        side: buy or sell.
        price: no chunk trades at a worse one; None: market orders.
        retries: chunks in a row that may fill nothing before it gives up, beyond the first.

    Returns:
        Every fill, in order; their quantities add up to what was executed.

    Raises:
        InputError: a quantity, chunk size or number of retries that makes no sense.
        OrderError: what the engine says of a wrong order.
    """
    size, left = parse_count(chunk_size, "chunk size"), parse_count(quantity, "quantity")
    misses = 1 + (parse_count(retries, "number of retries") if retries else 0)
    order_type, life = (OrderType.MARKET, TimeInForce.DAY) if price is None else (OrderType.LIMIT, TimeInForce.IOC)
    fills: list[Fill] = []
    missed, chunk = 0, min(size, left)
    while chunk > 0 and missed < misses:
        order = await engine.create_order(symbol, side, chunk, order_type, price, time_in_force=life)
        filled = await engine.execute_order(order)
        fills += filled
        done = sum(fill.quantity for fill in filled)
        missed = 0 if done else missed + 1
        left -= done
        chunk = min(size, left) - min(size, left) % order.instrument.lot
    return fills
