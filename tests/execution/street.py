"""Several venues, a desk with a line and a view to each, and a router."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import attrs

from simexec.execution import Broker, Journal, Latencies, OrderManager, ParentExecution
from simexec.execution.guard import Guard
from simexec.execution.parent import work
from simexec.execution.route import Place
from simexec.execution.router import SmartOrderRouter
from simexec.execution.router_settings import RouterSettings
from simexec.market.consolidated import ConsolidatedView
from simexec.market.market import Flow, Market
from simexec.market.midpoint import MidpointMarket, best_of
from simexec.market.sizes import GeometricSize
from simexec.market.view import MarketView
from simexec.market.zero_intelligence import ZeroIntelligence
from simexec.models.fees import MakerTakerFees
from simexec.protocols import DurationModel
from simexec.sim import Constant, Simulation
from simexec.sim.clock import HOUR, MINUTE
from simexec.testing import Message, check_orders, check_portfolio
from simexec.testing.background import Queues, scripted_day
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.vocabulary import OrderSide, OrderType, TimeInForce
from simexec.venue import Halt, TradingHours, Venue

BUY, SELL = OrderSide.BUY, OrderSide.SELL
US, MS = 1_000, 1_000_000


def fees(taker: str = "0", maker: str = "0") -> MakerTakerFees:
    return MakerTakerFees(maker_per_share=Decimal(maker), taker_per_share=Decimal(taker))


@attrs.frozen(kw_only=True)
class Corner:
    """A venue of the street: what rests there, prices in ticks, or a market that trades by itself; and how far away it is."""

    bids: Queues = ((99, [500]),)
    asks: Queues = ((101, [500]),)
    messages: Sequence[Message] = ()
    lively: bool = False
    fees: MakerTakerFees = attrs.field(factory=MakerTakerFees)
    line: DurationModel = attrs.field(factory=lambda: Constant("250us"))
    sees: DurationModel = attrs.field(factory=lambda: Constant("250us"))
    depth: int = 0
    dark: bool = False
    halts: Sequence[Halt] = ()
    rules: dict[str, Any] = attrs.field(factory=dict)


def _lively(sim: Simulation, name: str) -> ZeroIntelligence:
    return ZeroIntelligence(
        sim.rng, f"flow.{name}", start_price=100 * 100, tick_quanta=100, lot=1, limit_rates_per_s=[40.0, 30.0, 20.0],
        cancel_rate_per_s=4.0, market_rate_per_s=20.0, limit_size=GeometricSize(4), market_size=GeometricSize(5),
        start_ns=0, end_ns=10 * 10**9,
    )  # fmt: skip


class Street:
    """Corners by name, in one simulation."""

    def __init__(
        self,
        corners: dict[str, Corner],
        settings: RouterSettings | None = None,
        *,
        seed: int = 1,
        instrument: Instrument | None = None,
        guards: Sequence[Guard] = (),
    ) -> None:
        self.sim = sim = Simulation(seed=seed)
        self.instrument = instrument or Instrument("TEST", Decimal("0.01"))
        self.broker, self.portfolio, self.journal = Broker(sim), Portfolio(10**9, "USD"), Journal()
        self.venues: dict[str, Venue] = {}
        self.markets: dict[str, Market] = {}
        self.views: dict[str, MarketView] = {}
        places: dict[str, Place] = {}
        for name, corner in sorted(corners.items(), key=lambda one: one[1].dark):
            hours = TradingHours(0, HOUR, halts=list(corner.halts))
            market: Market | MidpointMarket
            if corner.dark:
                market = MidpointMarket(name, best_of(*(lit.book for lit in self.markets.values())))
            else:
                flow: Flow = scripted_day(corner.bids, corner.asks, corner.messages, tick_quanta=100)
                if corner.lively:
                    flow = _lively(sim, name)
                market = self.markets[name] = Market(name, flow)
            rules = {"service": Constant("10us")} | corner.rules
            self.venues[name] = Venue(sim, name, self.instrument, market, hours, fees=corner.fees, **rules)
            self.broker.connect(self.venues[name], Latencies(corner.line, corner.line, corner.line))
            view = None
            if isinstance(market, Market):
                view = self.views[name] = MarketView(sim, market, corner.sees, depth_levels=corner.depth)
            places[name] = Place(view, corner.fees, corner.dark)
        self.manager = OrderManager(
            self.broker, self.portfolio, [self.instrument], journal=self.journal, guards=guards, sim=sim
        )
        self.best = ConsolidatedView(list(self.views.values()))
        self.router = SmartOrderRouter(self.manager, self.broker, {"TEST": places}, settings, sim=sim)

    def order(
        self,
        side: OrderSide,
        quantity: int,
        limit: int | None = None,
        life: TimeInForce = TimeInForce.DAY,
        **fields: Any,
    ) -> Order:
        kind = OrderType.MARKET if limit is None else OrderType.LIMIT
        return self.manager.create(self.instrument, side, quantity, kind, limit, life, **fields)

    def execution(self, order: Order, end: int = MINUTE) -> ParentExecution:
        return ParentExecution(self.sim, self.manager, order, self.best, self.sim.rng(order.order_id), end)

    def route(self, order: Order, start: int = MS, end: int = MINUTE) -> Order:
        """Have the router work an order from a time on, to its end."""
        self.sim.run(max(start, self.sim.now))
        self.sim.run(work(self.execution(order, end), self.manager, self.router))
        return order

    def finish(self, at: int = HOUR + MINUTE) -> None:
        """Run on past the close, and see whether everything adds up."""
        self.sim.run(at)
        for venue in self.venues.values():
            venue.end_run()
        self.sim.run(at + MINUTE)
        check_orders(self.manager.orders())
        check_portfolio(self.portfolio, self.manager.orders())


def sent(street: Street) -> list[tuple[str, str, int, int | None]]:
    """What the router has sent so far: where, why, how much, at what limit."""
    return [(leg.leg.venue, leg.leg.why, leg.order.quantity, leg.order.price_ticks) for leg in street.router.legs]
