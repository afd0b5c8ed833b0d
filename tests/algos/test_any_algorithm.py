"""What holds of every algorithm, at venues that do everything a venue may do, while its order is paused, amended and cancelled.

Reports are late, told twice and overtake each other; orders, cancels and replaces are refused; trades are busted.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from simexec.algos import (
    POV,
    TWAP,
    VWAP,
    Adaptive,
    AtMarket,
    Chunks,
    Iceberg,
    ImplementationShortfall,
    ObizhaevaWang,
    Pegger,
    Sniper,
    Tactics,
    TargetClose,
)
from simexec.algos.expected_volume import EvenVolume, UShapedVolume
from simexec.errors import OrderError
from simexec.execution import Broker, Journal, Latencies, OrderManager, ParentExecution
from simexec.execution.guard import Refusal
from simexec.execution.parent import work
from simexec.execution.route import Place
from simexec.execution.router import SmartOrderRouter
from simexec.market.consolidated import ConsolidatedView
from simexec.market.market import Market
from simexec.market.view import MarketView
from simexec.protocols import Algorithm
from simexec.sim import Exponential, Simulation, seconds
from simexec.testing import HostileVenue, Hostility, check_portfolio, random_flow
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecutionReport
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType
from simexec.venue import TradingHours

START, END, CLOSE = seconds(1), seconds(9), seconds(20)

ALGORITHMS: dict[str, Callable[[int], Algorithm]] = {
    "at_market": lambda lot: AtMarket(),
    "twap": lambda lot: TWAP(slices=8, randomise_times=0.5, randomise_sizes=0.5),
    "twap crossing": lambda lot: TWAP(slices=8, tactics=Tactics(passive=False, catch_up=False)),
    "twap with discretion": lambda lot: TWAP(
        slices=4, tactics=Tactics(discretion=Decimal("0.02"), would_price=Decimal("99.99"))
    ),
    "iceberg": lambda lot: Iceberg(display_quantity=30 * lot),
    "vwap": lambda lot: VWAP(slices=6, curve=UShapedVolume(total=2_000)),
    "pov": lambda lot: POV(rate=0.3, clip=5 * lot, cross_at_end=True),
    "target close": lambda lot: TargetClose(
        participation=0.5, slices=4, curve=EvenVolume(start="00:00:00", end="00:00:10", total=3_000)
    ),
    "shortfall": lambda lot: ImplementationShortfall(slices=6, half_life="3s"),
    "obizhaeva wang": lambda lot: ObizhaevaWang(slices=6, half_life="1s"),
    "pegger": lambda lot: Pegger(
        display_quantity=30 * lot, patience="300ms", adverse_ticks=2, chase_ticks=3, rest="20ms", cross_at_end=True
    ),
    "sniper": lambda lot: Sniper(clip=20 * lot, delay="5ms", rest="20ms"),
    "adaptive": lambda lot: Adaptive(
        chunk_size=20 * lot, window="1s", sample="100ms", interval="200ms", patience="300ms", threshold=0.0
    ),
    "chunks": lambda lot: Chunks(chunk_size=10 * lot),
    "synthetic iceberg": lambda lot: Iceberg(display_quantity=30 * lot, native=False, randomise_display=0.5),
}


class Witness:
    """A guard that lets everything pass and sees to it that no order ever has more than it may."""

    def admit(self, order: Order) -> Refusal | None:
        return None

    def amend(self, order: Order, quantity: int, price_ticks: int | None) -> Refusal | None:
        return None

    def check(self, order: Order) -> Refusal | None:
        return None

    def heard(self, order: Order, report: ExecutionReport) -> None:
        assert 0 <= order.filled_quantity <= order.quantity, f"{order} is overfilled by {report}"


class Desk:
    """A parent order at one or two hostile venues, whose quotes come from books of their own."""

    def __init__(self, seed: int, algorithm: Algorithm, venues: int, *, limit: int | None, lot: int) -> None:
        self.choose = random.Random(seed)
        self.sim = sim = Simulation(seed=seed)
        self.instrument = Instrument("TEST", "0.01", lot=lot)
        self.hours = TradingHours(0, CLOSE)
        self.broker, self.portfolio, self.journal = Broker(sim), Portfolio(10**9), Journal()
        self.venues: dict[str, HostileVenue] = {}
        self.views: dict[str, MarketView] = {}
        for name in ("ALFA", "BETA")[:venues]:
            self._connect(name)
        self.manager = OrderManager(
            self.broker, self.portfolio, [self.instrument], journal=self.journal, guards=[Witness()], sim=sim
        )
        side = self.choose.choice([OrderSide.BUY, OrderSide.SELL])
        self.parent = self.manager.create(
            self.instrument, side, 200 * lot, OrderType.MARKET if limit is None else OrderType.LIMIT, limit
        )
        self.execution = self._execution(algorithm)
        self.ends: list[int] = [END]
        sim.process(self._work(algorithm))

    def _connect(self, name: str) -> None:
        flow: Any = random_flow()(_Named(self.sim, name), self.instrument, self.hours)  # type: ignore[arg-type]
        market = Market(name, flow)
        market.couple(self.sim)
        self.views[name] = MarketView(self.sim, market, Exponential("5ms"), depth_levels=3)
        venue = HostileVenue(
            self.sim, name, self.instrument, self.sim.rng(f"hostile.{name}"), price_quanta=1_000_000, closes_ns=CLOSE,
            hostility=Hostility(),
        )  # fmt: skip
        self.venues[name] = venue
        self.broker.connect(venue, Latencies(Exponential("2ms"), Exponential("2ms"), Exponential("2ms")))

    def _execution(self, algorithm: Algorithm) -> ParentExecution:
        """Of two venues the router chooses."""
        sim, manager, router = self.sim, self.manager, None
        view: MarketView | ConsolidatedView = self.views["ALFA"]
        if len(self.venues) > 1:
            places = {"TEST": {name: Place(view) for name, view in self.views.items()}}
            router, view = (
                SmartOrderRouter(manager, self.broker, places, sim=sim),
                ConsolidatedView([*self.views.values()]),
            )
        else:
            self.parent.venue = "ALFA"
        return ParentExecution(
            sim, manager, self.parent, view, sim.rng("algorithm"), END, views=self.views, router=router
        )

    async def _work(self, algorithm: Algorithm) -> None:
        await self.sim.timeout(START)
        await work(self.execution, self.manager, algorithm)

    async def trouble(self) -> None:
        """Pause, resume, amend and cancel at random times."""
        choose, execution = self.choose, self.execution
        await self.sim.timeout(START + choose.randrange(seconds(2)))
        while not self.parent.is_final and self.sim.now < END:
            await self.sim.timeout(choose.randrange(1, seconds(1)))
            kind = choose.choice(["pause", "resume", "resume", "more", "less", "price", "end", "cancel", "nothing"])
            lot = self.instrument.lot
            try:
                if kind == "pause":
                    execution.pause()
                elif kind == "resume":
                    execution.resume()
                elif kind in ("more", "less"):
                    wanted = choose.randint(200, 400) if kind == "more" else choose.randint(1, 200)
                    self.sim.process(self._amend(quantity=wanted * lot))
                elif kind == "price" and self.parent.price_ticks is not None:
                    self.sim.process(self._amend(price=self.instrument.price_of_ticks(choose.randint(9_990, 10_010))))
                elif kind == "end":
                    self.ends.append(self.sim.now + choose.randrange(seconds(3)))
                    self.sim.process(self._amend(end=self.ends[-1]))
                elif kind == "cancel" and choose.random() < 0.3:
                    execution.cancel("enough")
                    assert self.parent.is_final or self.parent.pending_cancel
            except OrderError:
                assert self.parent.is_final or self.parent.pending_cancel

    async def _amend(self, **change: Any) -> None:
        try:
            await self.execution.amend(**change)
        except OrderError:
            return


class _Named:
    """A simulation whose random streams have a name in front."""

    def __init__(self, sim: Simulation, name: str) -> None:
        self._sim, self._name = sim, name

    def rng(self, name: str) -> np.random.Generator:
        return self._sim.rng(f"{self._name}.{name}")


def check(desk: Desk) -> None:
    parent, manager = desk.parent, desk.manager
    street = manager.street_orders(parent.order_id)
    assert parent.is_final
    assert [order for order in street if not order.is_final or order.missing_quantity] == []
    filled = sum(order.filled_quantity for order in street)
    assert parent.filled_quantity == filled <= parent.quantity
    assert sum(order.fees for order in street) == parent.fees
    for order in street:
        assert order.filled_quantity == sum(venue.filled(order.order_id) for venue in desk.venues.values())
        assert order.quantity % desk.instrument.lot == 0
    assert parent.side.sign * filled == desk.portfolio.position("TEST") == sum(
        venue.net_quantity for venue in desk.venues.values()
    )  # fmt: skip
    if parent.status is OrderStatus.FILLED:
        assert filled == parent.quantity
    else:
        assert parent.reason
    last = max(desk.ends)
    assert all(order.created_ns < last for order in street)
    check_portfolio(desk.portfolio, street)


@pytest.mark.parametrize("name", ALGORITHMS)
@pytest.mark.parametrize("seed", range(12))
def test_nothing_is_lost_overfilled_or_open_after_the_end(name: str, seed: int) -> None:
    limit = None if seed % 3 else 10_002
    lot = 100 if seed % 4 == 0 else 1
    desk = Desk(seed, ALGORITHMS[name](lot), 1 + seed % 2, limit=limit, lot=lot)
    if seed % 2:
        desk.sim.process(desk.trouble())
    desk.sim.run(CLOSE + seconds(60))
    check(desk)
