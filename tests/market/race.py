"""A race between two venues: an order sent on what was seen finds that the price has changed."""

from __future__ import annotations

import math

import attrs
import numpy as np

from simexec.market import layout as at
from simexec.market.market import Market
from simexec.market.view import MarketView
from simexec.sim import Constant, Link, Simulation, Uniform
from simexec.testing import Message, ScriptedFlow, background_order
from simexec.trading.vocabulary import OrderSide

BUY, SELL = OrderSide.BUY, OrderSide.SELL
DEEP = 10**9
"""Shares at each price of venue B: the race's own orders leave no price empty."""


@attrs.frozen
class Race:
    """What came of it: orders sent, and those that found a worse price than the one they were sent on."""

    orders: int
    late: int
    fair: float

    def standard_errors(self) -> float:
        """How far the share of late orders is from 1 - exp(-rate * delay)."""
        return (self.late / self.orders - self.fair) / math.sqrt(self.fair * (1 - self.fair) / self.orders)


def rising(rate_per_ns: float, end: int, seed: int) -> list[Message]:
    """Venue B: at the times of a Poisson process its offer goes up by a tick, at once."""
    rng = np.random.default_rng(seed)
    count = int(rate_per_ns * end + 10 * math.sqrt(rate_per_ns * end) + 10)
    times = np.rint(np.cumsum(rng.exponential(1 / rate_per_ns, count))).astype(int)
    messages = [background_order(0, SELL, 1, DEEP, 0)]
    for i, time in enumerate(times[times < end].tolist(), start=1):
        messages.append((time, at.CANCEL | at.PART, (i - 1) % 2, 0, 0, 0))  # one event: nobody sees B without an offer
        messages.append(background_order(time, SELL, 1 + i, DEEP, i % 2))
    return messages


def race(orders: int, *, rate_per_ns: float, feed: int, way: int, seed: int) -> Race:
    """Send an order to venue B whenever venue A's quote is seen to change, at the offer then seen of B.

    Args:
        orders: how many.
        rate_per_ns: at which B's quote changes.
        feed: ns until a quote of B is seen; ``way``: until an order reaches it.
        seed: of B's flow, and of A's latency.
    """
    apart, spread = 2 * (feed + way), (feed + way) // 2  # the orders' fates do not depend on one another
    start = 10 * apart
    end = start + (orders + 1) * apart
    flow_a = [background_order(start + i * apart, BUY, 10, 1, i) for i in range(orders)]
    sim = Simulation(seed=seed)
    market_a = Market("A", ScriptedFlow(flow_a))
    market_b = Market("B", ScriptedFlow(rising(rate_per_ns, end, seed)))
    for market in (market_a, market_b):
        market.couple(sim)
    view_a, view_b = MarketView(sim, market_a, Uniform(0, spread)), MarketView(sim, market_b, Constant(feed))
    fates: list[bool] = []

    def deliver(order: tuple[int, int]) -> None:
        number, price = order
        rows = market_b.book.submit(sim.now, 0, 1, price, number=number, flags=at.IOC)
        fates.append(rows[0][0] != at.OUT_FILL)

    line = Link(sim, "B", Constant(way), deliver)

    async def trade() -> None:
        for number in range(1, orders + 1):
            await view_a.changes()
            seen = view_b.quote()
            assert seen is not None
            assert seen.ask is not None
            line.send((number, seen.ask))

    sim.process(trade())
    sim.run()
    fair = -math.expm1(-rate_per_ns * (feed + way))
    return Race(len(fates), sum(fates), fair)
