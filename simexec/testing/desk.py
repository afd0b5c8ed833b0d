"""A desk: everything between an algorithm and a market, made in one call; and a participant without one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal

import attrs

from simexec.errors import InputError
from simexec.execution import Broker, Journal, Latencies, OrderManager, ParentExecution
from simexec.execution.guard import Guard
from simexec.execution.parent import work
from simexec.market.market import Flow, Market
from simexec.market.view import MarketView
from simexec.models.fees import MakerTakerFees
from simexec.protocols import Algorithm, DurationModel
from simexec.sim import Constant, Duration, Simulation, parse_duration
from simexec.testing.background import FlowFactory, Message, Queues, scripted_day
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import ExecutionReport, MassCancelReport
from simexec.trading.requests import CancelRequest, MassCancelRequest, NewOrder, ReplaceRequest
from simexec.trading.terms import OrderTerms
from simexec.trading.vocabulary import OrderSide, OrderType, SelfTradePrevention, TimeInForce
from simexec.venue import Connection, Throttle, TradingHours, Venue


@attrs.frozen(eq=False)
class Desk:
    """The live components of a small simulation, and the few calls that a test makes of them.

    Attributes:
        forgotten: orders that ended so long ago that the manager knows them no longer.
    """

    sim: Simulation
    instrument: Instrument
    hours: TradingHours
    market: Market
    venue: Venue
    broker: Broker
    portfolio: Portfolio
    journal: Journal
    manager: OrderManager
    view: MarketView
    forgotten: list[Order]

    @property
    def orders(self) -> list[Order]:
        """All orders of the run, in order of creation but for those that were forgotten, which come first."""
        return self.forgotten + self.manager.orders()

    def send(
        self,
        side: OrderSide,
        quantity: int,
        price_ticks: int | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        display_quantity: int | None = None,
        hidden: bool = False,
        post_only: bool = False,
        parent: Order | None = None,
        order_type: OrderType | None = None,
        terms: OrderTerms | None = None,
    ) -> Order:
        """Create and submit an order now; its type, if none is given, is the plainest that has these fields."""
        order = self.create(
            side, quantity, price_ticks, time_in_force=time_in_force, display_quantity=display_quantity, hidden=hidden,
            post_only=post_only, parent=parent, order_type=order_type, terms=terms,
        )  # fmt: skip
        self.manager.submit(order)
        return order

    def create(
        self,
        side: OrderSide,
        quantity: int,
        price_ticks: int | None = None,
        *,
        time_in_force: TimeInForce = TimeInForce.DAY,
        display_quantity: int | None = None,
        hidden: bool = False,
        post_only: bool = False,
        parent: Order | None = None,
        order_type: OrderType | None = None,
        terms: OrderTerms | None = None,
    ) -> Order:
        """As ``send``, but the order is not sent yet."""
        return self.manager.create(
            self.instrument, side, quantity, order_type or _order_type(price_ticks, display_quantity, terms), price_ticks,
            time_in_force, display_quantity, hidden, post_only, None if parent is None else parent.order_id, None, terms,
        )  # fmt: skip

    def parent(self, side: OrderSide, quantity: int, limit_ticks: int | None = None) -> Order:
        """Create an order for an algorithm to work; it is not sent itself."""
        order_type = OrderType.MARKET if limit_ticks is None else OrderType.LIMIT
        return self.manager.create(self.instrument, side, quantity, order_type, limit_ticks)

    def execution(self, parent: Order, end: Duration | None = None, *, stream: str = "algorithm") -> ParentExecution:
        """What an algorithm is given to work a parent, until ``end`` or the close."""
        end_ns = self.hours.close_ns if end is None else parse_duration(end)
        return ParentExecution(self.sim, self.manager, parent, self.view, self.sim.rng(stream), end_ns)

    def work(
        self,
        algorithm: Algorithm,
        side: OrderSide,
        quantity: int,
        limit_ticks: int | None = None,
        *,
        end: Duration | None = None,
    ) -> Order:
        """Have an algorithm work a new parent from now to its end; returns the parent in its final state."""
        parent = self.parent(side, quantity, limit_ticks)
        self.sim.run(work(self.execution(parent, end), self.manager, algorithm))
        return parent

    def quote_ticks(self) -> tuple[int | None, int | None]:
        """Best displayed bid and offer of the book now, in ticks."""
        quote, subticks = self.market.book.quote(), self.instrument.subticks
        return (
            None if quote.bid is None else quote.bid // subticks,
            None if quote.ask is None else quote.ask // subticks,
        )

    def finish(self, wait: Duration = "1m") -> None:
        """Run to the close and wait for the last reports, end what the close does not end, and wait again."""
        self.sim.run(max(self.hours.close_ns, self.sim.now) + parse_duration(wait))
        self.venue.end_run()
        self.sim.run(self.sim.now + parse_duration(wait))


def make_desk(
    flow: Flow | FlowFactory | None = None,
    *,
    bids: Queues = (),
    asks: Queues = (),
    messages: Sequence[Message] = (),
    seed: int = 0,
    instrument: Instrument | None = None,
    opens: Duration = 0,
    closes: Duration = "1h",
    latency: Duration | DurationModel | Latencies = "250us",
    view_latency: Duration | DurationModel = "250us",
    service: Duration | DurationModel = "10us",
    servers: int = 1,
    capacity: int | None = None,
    priority: bool = False,
    fees: MakerTakerFees | None = None,
    self_trade_prevention: SelfTradePrevention = SelfTradePrevention.OFF,
    cancel_on_disconnect: bool = True,
    throttle: Throttle | None = None,
    max_order_age: Duration | None = None,
    cleanup_interval: Duration = "24h",
    guards: Sequence[Guard] = (),
    initial_cash: Decimal | int | str = 100_000_000,
) -> Desk:
    """A simulation with one venue, a broker's lines to it, an order manager, a portfolio and a delayed view.

    The background is ``flow``, or what that makes; without one ``bids`` and ``asks`` rest from time 0, and
    ``messages`` follow. ``latency`` is that of orders, cancels and reports, ``view_latency`` that of quotes,
    ``service`` the gateway's. The other arguments are those of the components.

    Raises:
        InputError: a flow was given and bids, asks or messages too.
    """
    sim = Simulation(seed=seed)
    instrument = instrument or Instrument("TEST", Decimal("0.01"))
    hours = TradingHours(parse_duration(opens), parse_duration(closes))
    if flow is None:
        flow = scripted_day(bids, asks, messages, tick_quanta=instrument.subticks)
    elif bids or asks or messages:
        raise InputError("a desk with a flow of its own takes no bids, asks or messages; put them into the flow")
    market = Market("XTST", flow(sim, instrument, hours) if callable(flow) else flow)
    venue = Venue(
        sim,
        "XTST",
        instrument,
        market,
        hours,
        service=_duration(service),
        servers=servers,
        capacity=capacity,
        priority=priority,
        fees=fees,
        self_trade_prevention=self_trade_prevention,
        cancel_on_disconnect=cancel_on_disconnect,
        throttle=throttle,
    )
    broker = Broker(sim)
    lines = latency if isinstance(latency, Latencies) else Latencies(*[_duration(latency)] * 3)
    broker.connect(venue, lines)
    portfolio, journal = Portfolio(initial_cash, instrument.currency), Journal()
    manager = OrderManager(
        broker,
        portfolio,
        [instrument],
        max_order_age=max_order_age,
        cleanup_interval=cleanup_interval,
        journal=journal,
        guards=guards,
        sim=sim,
    )
    view = MarketView(sim, market, _duration(view_latency), stream="view")
    forgotten: list[Order] = []
    manager.on_forget(forgotten.append)
    return Desk(sim, instrument, hours, market, venue, broker, portfolio, journal, manager, view, forgotten)


def _order_type(price_ticks: int | None, display_quantity: int | None, terms: OrderTerms | None) -> OrderType:
    """What an order is: at the market without a price, an iceberg with a displayed part, or what its terms make it."""
    if terms is not None:
        if terms.peg is not None:
            return OrderType.PEGGED
        if terms.trail_ticks is not None:
            return OrderType.TRAILING_STOP
        if terms.stop_ticks is not None:
            return OrderType.STOP if price_ticks is None else OrderType.STOP_LIMIT
    if price_ticks is None:
        return OrderType.MARKET
    return OrderType.LIMIT if display_quantity is None else OrderType.ICEBERG


def _duration(latency: Duration | DurationModel) -> DurationModel:
    return Constant(latency) if isinstance(latency, int | str | timedelta) else latency


class Participant:
    """A participant wired straight to a venue's gateway: no latency, no manager; it keeps every packet of reports.

    Attributes:
        packets: time (ns) and execution reports of each packet.
        mass_cancels: answers to mass cancels.
    """

    def __init__(self, sim: Simulation, venue: Venue, name: str = "tester") -> None:
        self._sim, self._venue, self._name = sim, venue, name
        self.packets: list[tuple[int, list[ExecutionReport]]] = []
        self.mass_cancels: list[MassCancelReport] = []
        self.connection: Connection = venue.connect(name, self._keep)

    def _keep(self, packet: list[ExecutionReport | MassCancelReport]) -> None:
        self.packets.append((self._sim.now, [report for report in packet if isinstance(report, ExecutionReport)]))
        self.mass_cancels += [report for report in packet if isinstance(report, MassCancelReport)]

    @property
    def reports(self) -> list[ExecutionReport]:
        """All reports so far."""
        return [report for _, packet in self.packets for report in packet]

    def take(self) -> list[ExecutionReport]:
        """The reports since the last call."""
        reports = self.reports
        self.packets = []
        return reports

    def new(
        self,
        order_id: str,
        side: OrderSide,
        quantity: int,
        price_ticks: int | None = None,
        time_in_force: TimeInForce = TimeInForce.DAY,
        *,
        display_quantity: int | None = None,
        hidden: bool = False,
        post_only: bool = False,
        symbol: str | None = None,
        terms: OrderTerms | None = None,
    ) -> None:
        """Send a new order; its type is the plainest that has these fields."""
        order_type = _order_type(price_ticks, display_quantity, terms)
        symbol = self._venue.instrument.symbol if symbol is None else symbol
        self.request(
            NewOrder(
                order_id, side.sign, quantity, order_type, price_ticks, time_in_force, display_quantity, hidden,
                post_only, symbol, terms,
            )
        )  # fmt: skip

    def cancel(self, order_id: str) -> None:
        """Send a cancel."""
        self.request(CancelRequest(order_id))

    def replace(
        self, order_id: str, quantity: int, price_ticks: int | None = None, stop_ticks: int | None = None
    ) -> None:
        """Send a replace; the quantity is the new total."""
        self.request(ReplaceRequest(order_id, quantity, price_ticks, stop_ticks))

    def cancel_all(self, request_id: str, side: OrderSide | None = None, symbol: str | None = None) -> None:
        """Send a mass cancel."""
        self.request(MassCancelRequest(request_id, None if side is None else side.sign, symbol))

    def request(self, request: NewOrder | CancelRequest | ReplaceRequest | MassCancelRequest) -> None:
        """Send anything."""
        self._venue.enqueue(self.connection, request)
