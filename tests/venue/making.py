"""Venues for tests: a scripted background, and rules as a test needs them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import attrs

from simexec.market.levels import Array
from simexec.market.market import Market
from simexec.sim import Constant, Duration, Simulation, parse_duration
from simexec.testing import Participant
from simexec.testing.background import Message, Queues, scripted_day
from simexec.trading.instrument import Instrument
from simexec.trading.report import ExecType, ExecutionReport
from simexec.venue import SessionCalendar, TradingHours, Venue

MS = 1_000_000
"""Nanoseconds in a millisecond."""


@attrs.frozen(eq=False)
class Scene:
    """A venue, its first book, and two participants."""

    sim: Simulation
    venue: Venue
    market: Market
    alice: Participant
    bob: Participant

    def at(self, time: Duration, action: Any, *arguments: Any, **more: Any) -> None:
        """Have something done at a time."""
        self.sim.call_at(parse_duration(time), lambda _: action(*arguments, **more))

    def run(self, until: Duration) -> None:
        self.sim.run(parse_duration(until))

    @property
    def last(self) -> int | None:
        """Price of the last trade in quanta."""
        return self.market.book.last_price


def make_market(
    name: str, bids: Queues = (), asks: Queues = (), messages: Sequence[Message] = (), *, tick_quanta: int = 100
) -> Market:
    """A market whose background rests from time 0, and then does what the messages say (references from 0)."""
    return Market(name, scripted_day(bids, asks, messages, tick_quanta=tick_quanta))


def make_scene(
    bids: Queues = ((100, [50]), (99, [80])),
    asks: Queues = ((101, [30, 20]), (102, [70])),
    messages: Sequence[Message] = (),
    *,
    hours: TradingHours | SessionCalendar | None = None,
    service: Duration = 0,
    **rules: Any,
) -> Scene:
    """XTST trades TEST from 0 to one hour unless ``hours`` says more; ``rules`` are those of ``Venue``."""
    sim = Simulation()
    market = make_market("XTST", bids, asks, messages)
    venue = Venue(
        sim,
        "XTST",
        Instrument("TEST", Decimal("0.01")),
        market,
        hours or TradingHours(0, parse_duration("1h")),
        service=Constant(service),
        **rules,
    )
    return Scene(sim, venue, market, Participant(sim, venue, "alice"), Participant(sim, venue, "bob"))


def story(reports: Sequence[ExecutionReport]) -> list[tuple[str, ExecType, int, int]]:
    """Order, what happened, cumulative and leaves quantity."""
    return [(r.order_id, r.exec_type, r.cum_quantity, r.leaves_quantity) for r in reports]


def fills(reports: Sequence[ExecutionReport]) -> list[tuple[int, str, int, int]]:
    """Time, order, quantity and price in ticks of every trade."""
    return [
        (r.time_ns, r.order_id, r.last_quantity, r.last_price_quanta // 100)
        for r in reports
        if r.exec_type is ExecType.TRADE
    ]


def prints(scene: Scene) -> Array:
    """Every trade of the first book: time, price, quantity, aggressor's sign, flags, trade number."""
    scene.market.book.flush()
    return scene.market.book.prints.since()
