"""The broker of a backtest: a venue without a book for every instrument, fed with whatever market data come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import reduce
from itertools import count
from operator import and_
from typing import Any

from simexec.errors import InputError, OrderError
from simexec.execution.broker import Broker, Latencies
from simexec.execution.market_rows import Row, row_of
from simexec.execution.pulled_orders import PulledOrders
from simexec.protocols import PortfolioStateProtocol
from simexec.sim import Constant, Simulation, current_simulation
from simexec.trading.capabilities import Capabilities, capabilities
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.report import ExecutionReport, Fill
from simexec.trading.requests import CancelRequest
from simexec.venue.hours import SessionCalendar, TradingHours
from simexec.venue.market_simulator import MarketSimulator
from simexec.venue.model_connection import ModelConnection
from simexec.venue.model_venue import OF_QUOTES, ModelVenue
from simexec.venue.pushed_market import PushedMarket

AT_ONCE = Latencies(Constant(0), Constant(0), Constant(0))


class BacktestBroker:
    """Fills orders from market data that are handed in, and keeps no positions: these are the portfolio's.

    One mechanism, two doors. Orders that an order manager sends travel to the venue, and their reports are *pushed* back to it.
    Orders that are given to ``submit_order`` wait until ``process_pending_orders`` *pulls* their fills; those are booked in the
    portfolio here, and no guard is asked. Both trade with the same market data at the same venue, and no order can use both doors.

    Each instrument has a venue of its own, named by the broker and its symbol (``SIM.AAPL``), opened when it is first heard of.

    Args:
        portfolio_state: the account, such as ``RiskPortfolioContainer.get_portfolio_state()`` returns.
        market_simulator: slippage, commission and the like; None: none of them.
        instruments: what may be traded; None accepts any symbol, with a tick of 0.01 and a lot of 1.
        latencies: of the lines to the venues; None: none. They do not concern what is pulled.
        hours: when the venues trade; None: always.
        sim: the simulation; None: the ambient one.
        name: as the venues know us; None: ``SIM``, or ``SIM2`` and so on if the simulation has others.
        initial_cash: refused; the account has its own cash.

    Attributes:
        portfolio_state, market_simulator: as given; ``name`` likewise, or as it was found.
        lines: our lines to venues, those of the door that pushes.

    Raises:
        InputError: no portfolio, ``initial_cash``, something else in the place of an argument, or a name that another broker of the
            simulation has.
    """

    def __init__(
        self,
        portfolio_state: PortfolioStateProtocol | None = None,
        market_simulator: MarketSimulator | None = None,
        *,
        instruments: Iterable[Instrument] | None = None,
        latencies: Latencies | None = None,
        hours: TradingHours | SessionCalendar | None = None,
        sim: Simulation | None = None,
        name: str | None = None,
        initial_cash: object = None,
    ) -> None:
        if initial_cash is not None:
            raise InputError(
                f"initial_cash={initial_cash} was given, but a broker keeps no cash or positions of its own; give"
                " portfolio_state=RiskPortfolioContainer(initial_capital=...).get_portfolio_state()"
            )
        if not isinstance(portfolio_state, PortfolioStateProtocol):
            raise InputError(
                f"portfolio_state {portfolio_state!r} is no portfolio; give"
                " RiskPortfolioContainer(initial_capital=...).get_portfolio_state()"
            )
        for given, kind in ((market_simulator, MarketSimulator), (latencies, Latencies)):
            if given is not None and not isinstance(given, kind):
                raise InputError(f"{given!r} is no {kind.__name__}; give {kind.__name__}(...), or None")
        self.portfolio_state = portfolio_state
        self.market_simulator = market_simulator or MarketSimulator()
        self._sim = sim or current_simulation()
        self._latencies = latencies or AT_ONCE
        self._hours = hours
        self._known: dict[str, Instrument] = {}
        self._accepts_any = True
        for one in instruments or ():
            self.trade(one)
        self._accepts_any = instruments is None
        self._venues: dict[str, ModelVenue] = {}
        self._elsewhere: dict[str, str] = {}  # by symbol, names of venues that have market data of their own
        self.name = name = _named(self._sim, name)
        self._pulled = PulledOrders(self._sim, f"{name}.pull", portfolio_state)
        self._listeners: list[Callable[[Instrument, Row], None]] = []
        self._is_listened_to = False
        self._broker = broker = Broker(self._sim, name)
        self.lines = broker.lines
        self.send, self.send_cancel, self.send_replace = broker.send, broker.send_cancel, broker.send_replace
        self.send_mass_cancel, self.disconnect = broker.send_mass_cancel, broker.disconnect

    @property
    def capabilities(self) -> Capabilities:
        """What its venues take, each of them."""
        venues: list[object] = [line.venue for line in self.lines.values()]
        return reduce(and_, map(capabilities, venues)) if venues else OF_QUOTES

    def on_reports(self, deliver: Callable[[list[ExecutionReport]], None]) -> None:
        """Have ``deliver`` called with every packet of reports when it arrives here.

        Raises:
            InputError: somebody is called already; the reports of his orders would be lost.
        """
        if self._is_listened_to:
            raise InputError(f"{self.name} has an order manager already; make another BacktestBroker for the second")
        self._is_listened_to = True
        self._broker.on_reports(deliver)

    # --- instruments and venues ----------------------------------------------------------------------------------------

    @property
    def venues(self) -> list[str]:
        """Names of the venues that were opened."""
        return self._broker.venues

    @property
    def instruments(self) -> list[Instrument] | None:
        """What may be traded; None if any symbol is accepted."""
        return None if self._accepts_any else list(self._known.values())

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol.

        Raises:
            OrderError: it is not traded here.
        """
        known = self._known.get(symbol) if isinstance(symbol, str) else None
        if known is None:
            if not self._accepts_any:
                raise OrderError(f"symbol {symbol!r} is not traded here; known: {', '.join(self._known) or 'none'}")
            known = Instrument(symbol, Decimal("0.01"))
            self._known[symbol] = known
        return known

    def trade(self, instrument: Instrument) -> None:
        """Know an instrument by its symbol from now on.

        Raises:
            InputError: it is no instrument.
            OrderError: another one is known by its symbol, or no other than those that were given may be traded.
        """
        if not isinstance(instrument, Instrument):
            raise InputError(f"instrument {instrument!r} is no Instrument; give Instrument(symbol, tick)")
        known = self._known.get(instrument.symbol)
        if known is None and not self._accepts_any:
            raise OrderError(f"{instrument} is not traded here; known: {', '.join(self._known) or 'none'}")
        if known is not None and known != instrument:
            raise OrderError(f"{instrument} is not what is traded here by that symbol, which is {known}")
        self._known.setdefault(instrument.symbol, instrument)

    def _venue_of(self, instrument: Instrument) -> str:
        """Name of our venue for an instrument."""
        return f"{self.name}.{instrument.symbol}"

    def venue(self, instrument: Instrument) -> ModelVenue:
        """The venue of an instrument, opened if there is none.

        Raises:
            OrderError: the instrument is not traded here, another is by its symbol, or it is traded at a venue that has market
                data of its own.
        """
        symbol = instrument.symbol
        opened = self._venues.get(symbol)
        if opened is None or opened.instrument is not instrument:
            self.trade(instrument)
        if symbol in self._elsewhere:
            raise OrderError(f"{symbol} is traded at {self._elsewhere[symbol]}, which has its own data")
        if opened is None:
            opened = self.market_simulator.venue(self._sim, self._venue_of(instrument), instrument, self._hours)
            self._venues[symbol] = opened
            self._broker.connect(opened, self._latencies)
        return opened

    def choose(self, venue: str | None, instrument: Instrument | None = None) -> str:
        """The venue that an order for an instrument goes to: the named one, or that of the instrument.

        Raises:
            OrderError: there is no venue of this name, or none of the instrument.
        """
        if instrument is not None:
            if venue is None and instrument.symbol in self._elsewhere:
                return self._elsewhere[instrument.symbol]
            if venue in (None, self._venue_of(instrument)):
                return self.venue(instrument).name
        return self._broker.choose(venue)

    def open_elsewhere(self, instrument: Instrument, connect: Callable[[Broker], tuple[str, Instrument]]) -> None:
        """Send orders of an instrument to another venue than one of ours, such as one with an order book.

        Args:
            instrument: whose.
            connect: opens the line, and returns the venue's name and the instrument that it trades.

        Raises:
            OrderError: the venue trades another instrument by that symbol, or one of ours was opened for it before.
        """
        self.trade(instrument)
        if instrument.symbol in self._venues:
            raise OrderError(f"{instrument.symbol} is traded at {self._venues[instrument.symbol].name} already")
        name, traded = connect(self._broker)
        if traded != instrument:
            raise OrderError(f"{name} trades {traded}, which is not {instrument}; make them the same")
        self._elsewhere[instrument.symbol] = name

    # --- market data ---------------------------------------------------------------------------------------------------

    def push(self, instrument: Instrument, row: Row) -> None:
        """Hand in market data that have just become known: positions are marked, and orders filled.

        Raises:
            InputError: a model needs the volume and the row has none, the row does not follow the one before, or the instrument has
                data of the other kind, or its own. Nothing was done then.
        """
        self._check(instrument, row)
        self._push(instrument, row)

    def on_market_data(self, listener: Callable[[Instrument, Row], None]) -> None:
        """Have ``listener`` called with whatever is handed in, by either door, when it has filled orders."""
        self._listeners.append(listener)

    def _check(self, instrument: Instrument, row: Row) -> None:
        self.market_simulator.check_volume(instrument.symbol, row.has_volume)
        market = self.venue(instrument).market
        assert isinstance(market, PushedMarket)  # as the simulator makes them
        market.check(row.columns, row.is_bar, self._sim.now)

    def _push(self, instrument: Instrument, row: Row) -> None:
        self._pulled.drop_ended(instrument.symbol)
        mark = row.mark
        if mark:
            self.portfolio_state.mark(instrument.symbol, mark)
        self.venue(instrument).push(row.columns, is_bar=row.is_bar, anew=row.anew)
        for listener in self._listeners:
            listener(instrument, row)

    # --- the door that is pulled ---------------------------------------------------------------------------------------

    async def submit_order(self, order: Order) -> str:
        """Take an order whose fills will be pulled by ``process_pending_orders``.

        Returns:
            Its order id.

        Raises:
            InputError: it is no order.
            OrderError: an order manager has sent it to a venue, it was submitted here before, has ended, or is not traded here.
        """
        if not isinstance(order, Order):
            raise InputError(f"order {order!r} is no Order; create one, such as by OrderManager().create_order(...)")
        self._pulled.check(order)
        if order.submitted_ns is not None and self._is_listened_to:
            raise OrderError(
                f"order {order.order_id} is {order.status.name} and at no venue, as one is that an algorithm works; give an order"
                " that was not sent"
            )
        self._pulled.submit(order, self.venue(order.instrument))
        return order.order_id

    async def cancel_order(self, order_id: str) -> None:
        """Cancel what is left of an order that was submitted here.

        Raises:
            OrderError: no such order was submitted here, or it has ended.
        """
        self._pulled.cancel(order_id)

    async def process_pending_orders(self, market_prices: Mapping[str, Any]) -> list[Fill]:
        """Hand in market data, and return what was filled since this was called last of the orders that were submitted here.

        New orders meet a price or quote as if they arrived with it. A bar or a trade is what happened meanwhile, so it concerns the
        orders that were there: of bars those that were submitted when it began. Orders of other symbols go on waiting.

        Args:
            market_prices: by symbol a price, or more than that; see ``market_rows.row_of``.

        Raises:
            InputError: data that are wrong, see ``push``. Nothing was done with any of them then.
        """
        if not isinstance(market_prices, Mapping):
            raise InputError(f"market_prices {market_prices!r} are no mapping; give them by symbol: {{'AAPL': 150.25}}")
        rows = []
        for symbol, data in market_prices.items():
            instrument = self.instrument(symbol)
            row = row_of(instrument, data, self._sim.now)
            self._check(instrument, row)
            rows.append((instrument, row))
        for instrument, row in rows:
            if not row.is_quote:
                self._pulled.enter(instrument.symbol)
            self._push(instrument, row)
            self._pulled.enter(instrument.symbol)
        return self._pulled.hand_out()

    @property
    def pending_orders(self) -> list[Order]:
        """Orders that were submitted here and have not ended, in order of submission."""
        return self._pulled.orders

    def is_pulled(self, order: Order) -> bool:
        """Whether an order was submitted here and has not ended."""
        return self._pulled.has(order)

    # --- whatever the door ---------------------------------------------------------------------------------------------

    def take_out(self, order: Order, fill: Fill) -> None:
        """Take from an order's venue what the order has traded elsewhere, so that it does not trade here too.

        Args:
            order: that the venue has acknowledged.
            fill: which the caller books.

        Raises:
            OrderError: it is not at one of our venues, or has less left there.
        """
        line = None if self.is_pulled(order) else self.lines.get(order.venue)
        connection = None if line is None else line.connection
        working = connection.working.get(order.order_id) if isinstance(connection, ModelConnection) else None
        if working is None or fill.quantity > working.live.leaves:
            left = 0 if working is None else working.live.leaves
            raise OrderError(
                f"a fill of {fill.quantity} by hand does not fit {order.order_id}, of which {order.venue} has {left} left;"
                " its own trades it reports itself"
            )
        working.filled += fill.quantity
        working.notional += order.instrument.notional(fill.quantity, fill.price_quanta, order.side.sign)
        working.live.leaves -= fill.quantity
        if working.live.leaves == 0:  # the venue forgets it; nobody needs its answer
            self._venues[order.symbol].answer(working.line, CancelRequest(order.order_id))

    def end_run(self) -> None:
        """Expire every order that still lives."""
        self._pulled.end_run()
        for line in self.lines.values():
            line.venue.end_run()


def _named(sim: Simulation, name: str | None) -> str:
    """The name of a broker, which it takes by a random stream that nobody draws from.

    Raises:
        InputError: another broker of the simulation has it.
    """
    for tried in [name] if name is not None else ("SIM" if number == 1 else f"SIM{number}" for number in count(1)):
        try:
            sim.rng(f"broker.{tried}")
        except InputError:
            continue
        return tried
    raise InputError(f"a broker named {name!r} is in this simulation already; give the second another name")
