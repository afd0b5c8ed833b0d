"""The broker of a backtest: a venue without a book for every instrument, fed with whatever market data come."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from functools import reduce
from operator import and_
from typing import Any

from simexec.errors import InputError, OrderError
from simexec.execution.broker import Broker, Latencies
from simexec.execution.market_rows import Row, row_of
from simexec.execution.pulled_orders import PulledOrders
from simexec.sim import Constant, Simulation, current_simulation
from simexec.trading.capabilities import Capabilities, capabilities
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.venue.hours import SessionCalendar, TradingHours
from simexec.venue.market_simulator import MarketSimulator
from simexec.venue.model_venue import OF_QUOTES, ModelVenue

AT_ONCE = Latencies(Constant(0), Constant(0), Constant(0))


class BacktestBroker:
    """Fills orders from market data that are handed in, and keeps no positions: these are the portfolio's.

    One mechanism, two doors. Orders that an order manager sends travel to the venue, and their reports are *pushed* back to it.
    Orders that are given to ``submit_order`` wait here until ``process_pending_orders`` *pulls* their fills; those are booked
    in the portfolio here. Both trade with the same market data at the same venue, and no order can use both doors.

    Each instrument has a venue of its own, named by the broker and its symbol (``SIM.AAPL``), opened when it is first heard of.

    Args:
        portfolio_state: the account, such as ``RiskPortfolioContainer.get_portfolio_state()`` returns.
        market_simulator: slippage, commission and the like; None: none of them.
        instruments: what may be traded; None accepts any symbol, with a tick of 0.01 and a lot of 1.
        latencies: of the lines to the venues; None: none. They do not concern what is pulled.
        hours: when the venues trade; None: always.
        sim: the simulation; None: the ambient one.
        name: as the venues know us; brokers of one simulation need names of their own.
        initial_cash: refused; the account has its own cash.

    Attributes:
        portfolio_state, market_simulator: as given.
        lines: our lines to venues.

    Raises:
        InputError: no portfolio, something else in its place, or ``initial_cash``.
    """

    def __init__(
        self,
        portfolio_state: Portfolio | None = None,
        *,
        market_simulator: MarketSimulator | None = None,
        instruments: Iterable[Instrument] | None = None,
        latencies: Latencies | None = None,
        hours: TradingHours | SessionCalendar | None = None,
        sim: Simulation | None = None,
        name: str = "SIM",
        initial_cash: object = None,
    ) -> None:
        if initial_cash is not None:
            raise InputError(
                f"initial_cash={initial_cash} was given, but a broker keeps no cash or positions of its own; give"
                " portfolio_state=RiskPortfolioContainer(initial_capital=...).get_portfolio_state()"
            )
        if not isinstance(portfolio_state, Portfolio):
            raise InputError(
                f"portfolio_state {portfolio_state!r} is no portfolio; give"
                " RiskPortfolioContainer(initial_capital=...).get_portfolio_state()"
            )
        self.portfolio_state = portfolio_state
        self.market_simulator = market_simulator or MarketSimulator()
        self._sim = sim or current_simulation()
        self._latencies = latencies or AT_ONCE
        self._hours = hours
        self._known: dict[str, Instrument] = {one.symbol: one for one in instruments or ()}
        self._accepts_any = instruments is None
        self._venues: dict[str, ModelVenue] = {}
        self._elsewhere: dict[str, str] = {}  # by symbol, names of venues that have market data of their own
        self._pulled = PulledOrders(self._sim, f"{name}.pull", portfolio_state)
        broker = Broker(self._sim, name)
        self.name = name
        self.lines = broker.lines
        self.on_reports = broker.on_reports
        self.send, self.send_cancel, self.send_replace = broker.send, broker.send_cancel, broker.send_replace
        self.send_mass_cancel, self.disconnect = broker.send_mass_cancel, broker.disconnect
        self._broker = broker

    @property
    def capabilities(self) -> Capabilities:
        """What its venues take, each of them."""
        venues: list[object] = [line.venue for line in self.lines.values()]
        return reduce(and_, map(capabilities, venues)) if venues else OF_QUOTES

    # --- venues and market data ----------------------------------------------------------------------------------------

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
        known = self._known.get(symbol)
        if known is None:
            if not self._accepts_any:
                raise OrderError(f"symbol {symbol!r} is not traded here; known: {', '.join(self._known)}")
            known = self._known[symbol] = Instrument(symbol, Decimal("0.01"))
        return known

    def venue(self, instrument: Instrument) -> ModelVenue:
        """The venue of an instrument, opened if there is none.

        Raises:
            OrderError: the instrument is not traded here, another is by its symbol, or it is traded at a venue that has market
                data of its own.
        """
        if instrument.symbol in self._elsewhere:
            raise OrderError(
                f"{instrument.symbol} is traded at {self._elsewhere[instrument.symbol]}, which has its own data"
            )
        opened = self._venues.get(instrument.symbol)
        if opened is None:
            if self._known.setdefault(instrument.symbol, instrument) != instrument or (
                not self._accepts_any and instrument.symbol not in self._known
            ):
                raise OrderError(f"{instrument} is not what {self.name} trades by that symbol")
            opened = self.market_simulator.venue(self._sim, f"{self.name}.{instrument.symbol}", instrument, self._hours)
            self._venues[instrument.symbol] = opened
            self._broker.connect(opened, self._latencies)
        return opened

    def choose(self, venue: str | None, instrument: Instrument | None = None) -> str:
        """The venue that an order for an instrument goes to: the named one, or that of the instrument.

        Raises:
            OrderError: there is no venue of this name, or none of the instrument.
        """
        if venue is None and instrument is not None:
            return self._elsewhere.get(instrument.symbol) or self.venue(instrument).name
        return self._broker.choose(venue)

    def open_elsewhere(self, instrument: Instrument, connect: Callable[[Broker], tuple[str, Instrument]]) -> None:
        """Send orders of an instrument to another venue than one of ours, such as one with an order book.

        Args:
            instrument: whose.
            connect: opens the line, and returns the venue's name and the instrument that it trades.

        Raises:
            OrderError: the venue trades another instrument by that symbol.
        """
        name, traded = connect(self._broker)
        if traded != instrument:
            raise OrderError(f"{name} trades {traded}, which is not {instrument}; make them the same")
        self._elsewhere[instrument.symbol] = name

    def push(self, instrument: Instrument, row: Row) -> None:
        """Hand in market data that have just become known: positions are marked, and orders filled.

        Raises:
            InputError: a slippage model needs the volume and the row has none, or the row does not follow the one before.
        """
        self._check_volume(instrument, row)
        venue = self.venue(instrument)
        mark = row.mark
        if mark:
            self.portfolio_state.mark(instrument.symbol, mark)
        venue.push(row.columns, is_bar=row.is_bar, anew=row.anew)

    def _check_volume(self, instrument: Instrument, row: Row) -> None:
        if not row.has_volume and self.market_simulator.needs_volume:
            model = type(self.market_simulator.slippage_model).__name__
            raise InputError(
                f"{model} needs the volume of {instrument.symbol}, and it was given a price without; give both, such as"
                " {'price': 150.25, 'volume': 1_000_000}"
            )

    # --- the door that is pulled ---------------------------------------------------------------------------------------

    async def submit_order(self, order: Order) -> str:
        """Take an order whose fills will be pulled by ``process_pending_orders``.

        Returns:
            Its order id.

        Raises:
            OrderError: an order manager has sent it to a venue, it was submitted here before, has ended, or is not traded here.
        """
        self._pulled.submit(order, self.venue(order.instrument))
        return order.order_id

    async def cancel_order(self, order_id: str) -> None:
        """Cancel what is left of an order that was submitted here.

        Raises:
            OrderError: no such order was submitted here, or it has ended.
        """
        self._pulled.cancel(order_id)

    async def process_pending_orders(self, market_prices: Mapping[str, Any]) -> list[Fill]:
        """Hand in market data, and return what they have filled of the orders that were submitted here, in order.

        Orders of symbols that have no price here go on waiting. Those that rested before trade first.

        Args:
            market_prices: by symbol a price, or more than that; see ``market_rows.row_of``.

        Raises:
            InputError: a price that is wrong, or lacks the volume that a model needs. Nothing was filled then.
        """
        rows = []
        for symbol, data in market_prices.items():
            instrument = self.instrument(symbol)
            row = row_of(instrument, data, self._sim.now)
            self._check_volume(instrument, row)
            rows.append((instrument, row))
        for instrument, row in rows:
            self._pulled.drop_ended(instrument.symbol)
            self.push(instrument, row)
            self._pulled.enter(instrument.symbol)
        return self._pulled.hand_out()

    @property
    def pending_orders(self) -> list[Order]:
        """Orders that were submitted here and have not ended, in order of submission."""
        return self._pulled.orders

    def end_run(self) -> None:
        """Expire every order that still lives."""
        self._pulled.end_run()
        for line in self.lines.values():
            line.venue.end_run()
