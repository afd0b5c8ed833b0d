"""Adaptive: limit orders while the market is volatile, market orders while it is calm."""

from __future__ import annotations

import math
from collections import deque
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

import attrs
from attrs.converters import optional

from simexec.algos.hand import Hand, whole_ticks
from simexec.algos.tactics import Tactics
from simexec.errors import OrderError
from simexec.sim.clock import HOUR, MINUTE, SECOND
from simexec.trading.convert import (
    DURATION,
    naming_fields,
    to_duration,
    to_flag,
    to_positive_count,
    to_positive_decimal,
    to_positive_duration,
    to_rate,
)
from simexec.trading.vocabulary import OrderStatus, OrderType, TimeInForce

if TYPE_CHECKING:
    from simexec.execution.parent import ParentExecution
    from simexec.protocols import Engine
    from simexec.trading.order import Order
    from simexec.trading.report import Fill


class RealisedVolatility:
    """Volatility of the mid-price over the last ``window_ns``, as a fraction for a time of ``horizon_ns``.

    The root of the sum of squared log returns from one sample to the next, scaled to the horizon by the root of time
    (realised volatility: Andersen, Bollerslev, Diebold and Labys (2003), "Modeling and forecasting realized volatility").
    Samples closer together than quotes bounce measure the bounce.

    Args:
        window_ns: how far it looks back, as whole samples.
        sample_ns: from one sample to the next.
        horizon_ns: time for which it is stated.
    """

    def __init__(self, window_ns: int, sample_ns: int, horizon_ns: int) -> None:
        self._scale = horizon_ns / sample_ns
        self._squares: deque[float] = deque(maxlen=max(1, window_ns // sample_ns))
        self._last: float | None = None

    def add(self, mid: float) -> None:
        """Take a sample, a price above zero."""
        if self._last is not None:
            self._squares.append(math.log(mid / self._last) ** 2)
        self._last = mid

    @property
    def value(self) -> float:
        """The volatility; 0.0 before the second sample."""
        return math.sqrt(math.fsum(self._squares) / len(self._squares) * self._scale) if self._squares else 0.0


@attrs.frozen(kw_only=True, field_transformer=naming_fields)
class Adaptive:
    """Works an order in chunks, one at a time, each as the volatility at its beginning asks.

    Above the threshold a chunk rests as a limit order at the mid-price, rounded to a tick away from the market, or at the near
    touch while there is no far one. Otherwise it is a market order, sent when there is something to take. What a chunk did not fill
    is part of what is left. It measures for a window first, at most half of the time there is.

    Attributes:
        chunk_size: in whole lots.
        threshold: volatility above which it rests, as a fraction for a ``horizon``: 0.02 is 2 % a trading day.
        horizon: time for which the threshold is stated.
        window: time over which volatility is measured; see ``RealisedVolatility``.
        sample: from one sample of the mid-price to the next.
        interval: from the end of one chunk to the beginning of the next. Shorter than market data takes to arrive, the middle is
            still that of its last order.
        patience: how long a limit order rests before it is cancelled and the volatility is looked at again.
        limit_price: no child is worse than this, nor than the order's own limit.
        cross_at_end: what is left crosses the spread when the order's time is nearly over.
        lead: it does so this much before the end (at most half of the time there is).
    """

    chunk_size: int = attrs.field(converter=to_positive_count)
    threshold: float = attrs.field(default=0.02, converter=to_rate)
    horizon: int = attrs.field(default=13 * HOUR // 2, converter=to_positive_duration, metadata=DURATION)
    window: int = attrs.field(default=MINUTE, converter=to_positive_duration, metadata=DURATION)
    sample: int = attrs.field(default=SECOND, converter=to_positive_duration, metadata=DURATION)
    interval: int = attrs.field(default=SECOND, converter=to_positive_duration, metadata=DURATION)
    patience: int = attrs.field(default=10 * SECOND, converter=to_positive_duration, metadata=DURATION)
    limit_price: Decimal | None = attrs.field(default=None, converter=optional(to_positive_decimal))
    cross_at_end: bool = attrs.field(default=True, converter=to_flag)
    lead: int = attrs.field(default=SECOND, converter=to_duration, metadata=DURATION)

    async def run(self, execution: ParentExecution) -> None:
        """See ``Algorithm``."""
        sim, parent = execution.sim, execution.parent
        parent.instrument.check_quantity(self.chunk_size)
        hand = Hand(execution, Tactics(limit_price=self.limit_price, cross_at_end=self.cross_at_end, lead=self.lead))
        volatility = RealisedVolatility(self.window, self.sample, self.horizon)
        sim.process(self._measure(execution, volatility))
        await execution.until(sim.now + min(self.window, (hand.last_ns - sim.now) // 2))
        while execution.is_working and sim.now < hand.last_ns:
            if volatility.value > self.threshold:
                await self._rest(execution, hand)
            elif await hand.until_far(hand.last_ns):
                await hand.finish(self.chunk_size)
            await execution.until(min(hand.last_ns, sim.now + self.interval))
        if self.cross_at_end:
            await hand.finish(execution.unplaced)

    async def _measure(self, execution: ParentExecution, volatility: RealisedVolatility) -> None:
        """Sample the mid-price to the order's end, also while it is paused.

        A side that shows nothing leaves the mid as it was. While a child of ours is the near touch, that counts as it was before.
        Otherwise each limit order would make the market look volatile, and be followed by another.
        """
        others, instrument = None, execution.parent.instrument
        while not execution.over.triggered:
            near, far = execution.touches()
            ours = [child.price_ticks for child in execution.working]
            if near is not None and whole_ticks(near, instrument.subticks, execution.parent.side.sign) not in ours:
                others = near
            if others is not None and far is not None:
                volatility.add((others + far) / 2)
            await execution.sim.timeout(self.sample)

    async def _rest(self, execution: ParentExecution, hand: Hand) -> None:
        """Rest a chunk for as long as patience lasts; what was not filled then has been taken back."""
        instrument, sim, began = execution.parent.instrument, execution.sim, execution.sim.now
        near, far = execution.touches()
        if near is None:
            await execution.until(hand.last_ns, execution.view.changes())
            return
        price = whole_ticks(near + (near if far is None else far), 2 * instrument.subticks, execution.parent.side.sign)
        child = execution.place(self.chunk_size, execution.within_limit(price, hand.limit))
        while child is not None and not child.is_final:
            end = min(hand.last_ns, began + self.patience)
            if sim.now >= end or not execution.is_working:
                await execution.withdraw(child)
            else:
                await execution.until(end, execution.ended(child), execution.attention())


class MarketConditions(Protocol):
    """What is known of the market."""

    @property
    def volatility(self) -> float:
        """As a fraction, for whatever time the threshold is stated for."""

    @property
    def mid_price(self) -> Decimal | float | str:
        """In the instrument's currency."""


class AdaptiveExecutor:
    """Adapts one order after another to market conditions, and has it executed.

    Above the threshold an order becomes a limit order at the mid-price, rounded to a tick away from the market; otherwise a market
    order. An order that has a limit keeps to it either way: its price is no worse than that, and instead of a market order it is
    immediate-or-cancel at it.

    Args:
        engine: executes orders; an order manager does.
        threshold: volatility above which an order rests.

    Attributes:
        engine, threshold: as given.
    """

    def __init__(self, engine: Engine, threshold: float = 0.02) -> None:
        self.engine = engine
        self.threshold = to_rate(threshold)

    async def execute(self, order: Order, market_conditions: MarketConditions) -> list[Fill]:
        """Set an order's type and price, send it, and wait for its end; returns its fills.

        Raises:
            OrderError: the order was sent before, is neither a market nor a limit order, or the mid-price is no price.
            InputError: the volatility is no number of 0 or more.
        """
        if order.status is not OrderStatus.PENDING or order.order_type not in (OrderType.MARKET, OrderType.LIMIT):
            raise OrderError(
                f"order {order.order_id} is a {order.status.name} {order.order_type.name} order; only a market or limit order"
                " that was not sent yet can be adapted"
            )
        limit, sign, instrument = order.price_ticks, order.side.sign, order.instrument
        if to_rate(market_conditions.volatility) > self.threshold:
            mid = instrument.round_price(market_conditions.mid_price, -sign)
            price = whole_ticks(mid, instrument.subticks, sign)
            if price <= 0:
                raise OrderError(
                    f"mid-price {market_conditions.mid_price} leaves a buy of {order.symbol} no tick below it"
                )
            order.price_ticks = price if limit is None else sign * min(sign * price, sign * limit)
            order.order_type = OrderType.LIMIT
        elif limit is None:
            order.order_type = OrderType.MARKET
        elif order.time_in_force.may_rest:
            order.time_in_force = TimeInForce.IOC
        return await self.engine.execute_order(order)
