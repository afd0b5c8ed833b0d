"""Books and background order flows for tests: written by hand, message by message, or drawn at random."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

import numpy as np

from simexec.errors import InputError
from simexec.market import layout as at
from simexec.market.levels import Array
from simexec.market.market import Flow
from simexec.market.order_book import OrderBook
from simexec.market.sizes import GeometricSize, SizeModel
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.sim import Duration, Simulation, parse_duration
from simexec.trading.instrument import Instrument
from simexec.trading.vocabulary import OrderSide
from simexec.venue import TradingHours

Queues: TypeAlias = Sequence[tuple[int, Sequence[int]]]
"""Prices in ticks, each with the sizes of the orders that rest there, the first of the queue first."""
Message: TypeAlias = tuple[int, int, int, int, int, int]
"""A background message as ``market.layout`` has it, but with its price or distance in ticks."""
FlowFactory: TypeAlias = Callable[[Simulation, Instrument, TradingHours], Flow]

SIDES: Final = (OrderSide.BUY, OrderSide.SELL)
"""By the book's number of a side."""


def book_with_orders(bids: Queues = (), asks: Queues = (), *, tick_quanta: int = 1, owner: int = 1) -> OrderBook:
    """A book in which these orders rest, numbered 1, 2, ... as they are listed, bids first.

    Raises:
        InputError: they would trade with one another.
    """
    book = OrderBook(tick_quanta=tick_quanta)
    number = 0
    for side, queues in enumerate((bids, asks)):
        for price, sizes in queues:
            for size in sizes:
                number += 1
                rows = book.submit(0, side, size, price * tick_quanta, owner=owner, number=number)
                if rows[0][0] != at.OUT_REST:
                    raise InputError(
                        f"{SIDES[side].name} {size} at {price} ticks would trade; bids must lie below asks"
                    )
    return book


def background_order(time: Duration, side: OrderSide, price_ticks: int, quantity: int, reference: int) -> Message:
    """A background order joins its queue; it trades with participants' orders that it crosses."""
    return parse_duration(time), at.ADD, reference, price_ticks, quantity, SIDES.index(side)


def background_order_away(
    time: Duration, side: OrderSide, distance_ticks: int, quantity: int, reference: int
) -> Message:
    """A background order so many ticks from the opposite best."""
    return parse_duration(time), at.LIMIT_AWAY, reference, distance_ticks, quantity, SIDES.index(side)


def background_cancel(time: Duration, reference: int) -> Message:
    """What is left of a background order leaves."""
    return parse_duration(time), at.CANCEL, reference, 0, 0, 0


def background_market_order(time: Duration, side: OrderSide, quantity: int) -> Message:
    """A background market order; what it does not find is gone."""
    return parse_duration(time), at.MARKET_ORDER, at.NIL, 0, quantity, SIDES.index(side)


class ScriptedFlow:
    """A flow of messages written by hand; implements ``Flow``.

    Args:
        messages: in order of time.
        tick_quanta: price quanta in a tick.
        chunk: how many messages are handed out at once; None: all.

    Raises:
        InputError: time goes back.
    """

    def __init__(self, messages: Iterable[Message], *, tick_quanta: int = 1, chunk: int | None = None) -> None:
        rows = np.array(list(messages), np.int64).reshape(-1, at.MESSAGE_WIDTH)
        back = np.flatnonzero(np.diff(rows[:, 0]) < 0)
        if len(back):
            i = int(back[0]) + 1
            raise InputError(
                f"message {i} is at {rows[i, 0]} ns, before the one ahead of it at {rows[i - 1, 0]} ns; sort them"
            )
        rows[:, 3] *= tick_quanta
        self.tick_quanta = tick_quanta
        self.references = int(rows[:, 2].max(initial=-1)) + 1
        self._times = rows[:, 0].copy()
        self._chunks = [rows[i : i + (chunk or len(rows))] for i in range(0, len(rows), chunk or len(rows) or 1)]

    def next_messages(self) -> Array | None:
        """See ``Flow``."""
        return self._chunks.pop(0) if self._chunks else None

    def applied(self, time_ns: int) -> int:
        """See ``Flow``."""
        return int(np.searchsorted(self._times, time_ns, side="right"))


def scripted_day(
    bids: Queues = (), asks: Queues = (), messages: Sequence[Message] = (), *, tick_quanta: int
) -> ScriptedFlow:
    """Orders that rest from time 0, and then the messages; the former have references above those of the latter."""
    first = max((message[2] for message in messages), default=-1) + 1
    resting = [
        (side, price, size)
        for side, queues in zip(SIDES, (bids, asks), strict=True)
        for price, sizes in queues
        for size in sizes
    ]
    opening = [background_order(0, side, price, size, first + i) for i, (side, price, size) in enumerate(resting)]
    return ScriptedFlow([*opening, *messages], tick_quanta=tick_quanta)


def random_flow(
    *,
    start_price_ticks: int = 10_000,
    limit_rates_per_s: Sequence[float] = (20.0, 15.0, 10.0, 10.0, 10.0),
    cancel_rate_per_s: float = 4.0,
    market_rate_per_s: float = 10.0,
    limit_size: SizeModel | None = None,
    market_size: SizeModel | None = None,
) -> FlowFactory:
    """A lively zero-intelligence flow for a desk, from its open to its close; see ``ZeroIntelligence``."""

    def make(sim: Simulation, instrument: Instrument, hours: TradingHours) -> Flow:
        return ZeroIntelligence(
            sim.rng,
            "flow",
            start_price=start_price_ticks * instrument.subticks,
            tick_quanta=instrument.subticks,
            lot=instrument.lot,
            limit_rates_per_s=limit_rates_per_s,
            cancel_rate_per_s=cancel_rate_per_s,
            market_rate_per_s=market_rate_per_s,
            limit_size=limit_size or GeometricSize(3),
            market_size=market_size or GeometricSize(3),
            start_ns=hours.open_ns,
            end_ns=hours.close_ns,
        )

    return make
