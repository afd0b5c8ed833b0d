"""The execution engine: takes events in, has orders made, checked, sent and followed, and tells what became of them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Unpack

from simexec.errors import InputError, OrderError, SimulationError
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.broker import Broker, OrderLines
from simexec.execution.circuit_breaker import ExecutionCircuitBreaker
from simexec.execution.engine_ear import EngineEar, is_worked
from simexec.execution.event_bus import EventBus, Handler
from simexec.execution.event_fields import Fields, check_room
from simexec.execution.guard import Guard, Refusal
from simexec.execution.journal import Journal
from simexec.execution.log import LOGGER, log
from simexec.execution.market_rows import Row, row_of
from simexec.execution.order_fields import Price, TermFields
from simexec.execution.order_manager import OrderManager
from simexec.execution.risk import RiskPortfolioContainer
from simexec.execution.seen_market import SeenMarket
from simexec.sim import Duration, Simulation, current_simulation
from simexec.sim.clock import HOUR
from simexec.trading.events import Event, EventType, Signal
from simexec.trading.instrument import Instrument
from simexec.trading.order import Order
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.trading.vocabulary import OrderSide, OrderStatus, OrderType

# Module globals, since reading a member off its Enum runs Python code.
_ORDER, _FILL, _TIMER = EventType.ORDER, EventType.FILL, EventType.TIMER
_PENDING = OrderStatus.PENDING


class DefaultExecutionEngine:
    """Orchestrates an order manager, a broker, risk, a circuit breaker and market data.

    ``process_event`` takes typed events or dictionaries such as ``{"type": EventType.ORDER, "data": {...}}``. What becomes of
    orders is told to whoever asked by ``on``: FILL, BUST, REJECT and CANCEL events.

    Args:
        broker: ``BacktestBroker``, which is fed with the market data that come here; or a ``Broker`` with lines to venues, which
            have market data of their own.
        risk: sizes signals, checks and reserves; None: an account that pays in full, and sells what it has.
        circuit_breaker: asked before risk; attached to the order manager here. It looks at the account's first currency.
        instruments: what may be traded; None: what the broker trades.
        history: how many events are kept; None: all.
        max_order_age: age at which an order is asked to cancel; None: never.
        cleanup_interval: how long ended orders are known.
        journal: where requests and reports are written down.
        sim: the simulation; None: the ambient one.

    Attributes:
        broker, risk, circuit_breaker: as given, or as made.
        order_manager: of all orders.
        portfolio: the account.
        new_order: what ``create_order`` does, without ``await``.

    Raises:
        InputError: no broker, one without an account and no risk, a risk of another account than the broker's, a broker that has
            an engine already, or instruments that it does not trade.
    """

    def __init__(
        self,
        broker: BacktestBroker | OrderLines,
        *,
        risk: RiskPortfolioContainer | None = None,
        circuit_breaker: ExecutionCircuitBreaker | None = None,
        instruments: Iterable[Instrument] | None = None,
        history: int | None = 10_000,
        max_order_age: Duration | None = None,
        cleanup_interval: Duration = HOUR,
        journal: Journal | None = None,
        sim: Simulation | None = None,
    ) -> None:
        self._sim = sim or current_simulation()
        self.broker = broker
        self.portfolio = _account(broker, risk)
        self.risk = risk or RiskPortfolioContainer(portfolio=self.portfolio)
        self.circuit_breaker = circuit_breaker
        self._bus = EventBus(self._sim, history)
        self._ear = EngineEar(self._sim, self._bus)
        self._seen: dict[str, SeenMarket] = {}
        known = None if instruments is None else list(instruments)
        if isinstance(broker, BacktestBroker):
            for one in known or ():
                broker.trade(one)
            known = broker.instruments if known is None else known
        # The ear stands behind risk, which reserves and should stand last: it refuses nothing, and hears of what does leave.
        guards: list[Guard] = [*([] if circuit_breaker is None else [circuit_breaker]), self.risk, self._ear]
        self.order_manager = OrderManager(
            broker,
            self.portfolio,
            known,
            max_order_age=max_order_age,
            cleanup_interval=cleanup_interval,
            journal=journal,
            guards=guards,
            sim=self._sim,
        )
        self.new_order = self.order_manager.new_order
        if isinstance(broker, BacktestBroker):
            broker.on_market_data(self._see)
        if circuit_breaker is not None:
            currency = next(iter(self.portfolio.initial_cash), "USD")
            circuit_breaker.attach(self.order_manager, self.risk, currency=currency)
        if self.risk.prices is None:
            self.risk.prices = lambda instrument: self.market(instrument).quote()

    # --- events --------------------------------------------------------------------------------------------------------

    async def process_event(self, event: Event | Mapping[str, Any]) -> Any:
        """Take an event in; docs/engine.md has its fields one by one.

        - SIGNAL: sized by risk and sent. ``data``: the fields of ``Signal``, or ``signal``, one that was made. Returns the order,
          which risk may have REJECTED, or the ``Refusal`` of a signal that comes to nothing.
        - ORDER: checked, made and sent. ``data``: the fields of ``OrderManager.create_order``; or ``order_id`` or ``order`` of
          one that was made here and not sent. Returns the order.
        - FILL: a trade that the broker does not report, booked. ``data``: ``order_id``, ``quantity``, ``price``, and perhaps
          ``commission``, ``slippage`` (a share), ``exec_id``, ``symbol``, ``side``. Returns the fill, when the order has reached
          its venue, which then has so much less of it.
        - CANCEL: what is left of ``order_id``, or of all orders of a ``symbol``, ``side`` or ``venue``, or of all. Returns when
          it was asked for; the answer is a report.
        - MARKET_DATA: ``symbol`` and one of the kinds of ``market_rows.row_of``. Fills that follow are told as events.
        - TIMER: the circuit breaker looks at its limits. Returns whether orders may go on.
        - BUST, REJECT and SYSTEM events are told by others; they are kept and handed on.

        The event is kept and handed on itself, before what follows from it, such as the ORDER event of a SIGNAL; but a FILL only
        as what is told of the trade.

        Raises:
            InputError: an event of an unknown type, or data that are wrong; nothing was done then.
            SimulationError: another thread runs the simulation.
        """
        if self._sim.runs_elsewhere:
            raise SimulationError(
                "an event was given to an engine by another thread than that of its simulation; hand it over by"
                " environment.submit(engine.process_event(event))"
            )
        told = Event.of(event)
        taken = Event(told.type, told.data, self._sim.now)
        kind, data, bus = taken.type, taken.data, self._bus
        if LOGGER.isEnabledFor(logging.DEBUG):
            log(logging.DEBUG, self._sim.now, "%s %s", kind.name, dict(data))
        if kind is _FILL:
            return await self._fill(data)
        if kind is _TIMER:
            bus.tell(taken)
            return await self._timer()
        step = _STEPS.get(kind)
        cause = None
        bus.hold()
        try:
            result = None if step is None else step(self, data)
            cause = taken
        finally:
            bus.release(cause)
        return result

    def process_event_sync(self, event: object) -> None:
        """Refused: an event may take simulated time, which only passes while it is awaited.

        Raises:
            SimulationError: always.
        """
        raise SimulationError(
            "process_event_sync does not exist, since an event may take simulated time; write"
            " `await engine.process_event(event)` in an async function, and run that by sim.run(...)"
        )

    def on(self, kind: EventType, handler: Handler) -> None:
        """Have ``handler`` called with every event of a kind; it may be ``async``. See ``EventBus.on``."""
        self._bus.on(kind, handler)

    @property
    def history(self) -> tuple[Event, ...]:
        """The latest events, oldest first."""
        return tuple(self._bus.history)

    def _signal(self, data: Mapping[str, Any]) -> Order | Refusal:
        fields = Fields("SIGNAL", data)
        if "signal" in data:
            signal = fields.instance("signal", Signal)
            fields.close()
            return self.follow(signal)
        signal = Signal(
            fields.text("symbol"), fields.member("side", OrderSide), fields.number("strength", 1.0), self._sim.now,
            fields.text("strategy", ""), fields.mapping("metadata"),
        )  # fmt: skip
        fields.close()
        return self.follow(signal)

    def follow(self, signal: Signal) -> Order | Refusal:
        """Have risk size a signal, and send its order; the refusal, if it comes to nothing.

        Raises:
            InputError: risk has no sizing, or the symbol is not traded here.
        """
        if signal.symbol not in self.risk.instruments:
            self.risk.instruments[signal.symbol] = self.instrument(signal.symbol)
        proposal = self.risk.size(signal)
        if isinstance(proposal, Refusal):
            log(logging.INFO, self._sim.now, "signal for %s refused: %s", signal.symbol, proposal)
            self._ear.refused(signal, proposal)
            return proposal
        order = self.new_order(signal.symbol, proposal.side, proposal.quantity)
        if self._bus.wants(_ORDER):
            self._bus.tell(Event(_ORDER, {"order": order, "signal": signal}, self._sim.now))
        self.order_manager.submit(order)
        return order

    def _order(self, data: Mapping[str, Any]) -> Order:
        fields = Fields("ORDER", data)
        if "order" in data:
            given = fields.instance("order", Order)
            fields.close()
            order = self._own(given)
        elif "order_id" in data:
            order_id = fields.text("order_id")
            fields.close()
            order = self.order_manager.order(order_id)
        else:
            made = fields.order()
            # Asked first, or an order could be made that goes nowhere.
            self.broker.choose(made.get("venue"), self.instrument(made["symbol"]))
            order = self.new_order(**made)
        if order.status is not _PENDING:
            raise OrderError(f"order {order.order_id} is {order.status.name} and cannot be sent again; create another")
        self.order_manager.submit(order)
        return order

    async def _fill(self, data: Mapping[str, Any]) -> Fill:
        fields = Fields("FILL", data)
        order = self.order_manager.order(fields.text("order_id"))
        fill = fields.fill(order, self._sim.now)
        if order.status is _PENDING or is_worked(order) or self._is_pulled(order):
            raise OrderError(
                f"order {order.order_id} is {order.status.name} and not at a venue by this engine, so a FILL event cannot be"
                " of it; send it, or take one of its children"
            )
        broker = self.broker
        if isinstance(broker, Broker):
            raise OrderError(f"order {order.order_id} is at {order.venue}, which reports its trades itself")
        if isinstance(broker, BacktestBroker):
            await self._ear.answer(order)
            fill = fields.fill(order, self._sim.now)
        check_room(order, fill)
        if isinstance(broker, BacktestBroker):
            broker.take_out(order, fill)
        await self.order_manager.add_fill(order.order_id, fill)
        return fill

    def _cancel(self, data: Mapping[str, Any]) -> None:
        fields = Fields("CANCEL", data)
        if "order_id" in data:
            order_id = fields.text("order_id")
            fields.close()
            self.order_manager.cancel(self.order_manager.order(order_id))
            return
        venue, symbol = fields.text("venue", None), fields.text("symbol", None)
        side = None if data.get("side") is None else fields.member("side", OrderSide)
        fields.close("side")
        if symbol is not None:
            self.instrument(symbol)
        self.order_manager.cancel_all(venue, side, symbol)

    def _market_data(self, data: Mapping[str, Any]) -> None:
        broker = self.broker
        if not isinstance(broker, BacktestBroker):
            raise InputError(f"market data cannot be handed to {type(broker).__name__}, whose venues have their own")
        instrument = self.instrument(Fields("MARKET_DATA", data).text("symbol"))
        broker.push(instrument, row_of(instrument, data, self._sim.now))

    async def _timer(self) -> bool:
        breaker = self.circuit_breaker
        return breaker is None or await breaker.check_circuit(breaker.metrics())

    # --- orders --------------------------------------------------------------------------------------------------------

    async def create_order(
        self,
        symbol: str,
        side: OrderSide,
        quantity: int,
        order_type: OrderType = OrderType.MARKET,
        price: Price | None = None,
        **fields: Unpack[TermFields],
    ) -> Order:
        """Create an order that is not sent yet; see ``OrderManager.create_order`` for all fields."""
        return self.new_order(symbol, side, quantity, order_type, price, **fields)

    async def execute_order(self, order: Order) -> list[Fill]:
        """Send an order, wait for its end, and return its fills in order of arrival.

        With a ``BacktestBroker`` somebody else must hand in market data meanwhile.

        Raises:
            InputError: it is no order of this engine, or its fills are pulled.
        """
        if self._is_pulled(self._own(order)):
            raise OrderError(
                f"order {order.order_id} was given to the broker's submit_order, so its fills are pulled; call"
                " process_pending_orders for them"
            )
        return await self.order_manager.execute_order(order)

    def _own(self, order: Order) -> Order:
        """The order; InputError if it is none of our order manager's."""
        if not isinstance(order, Order):
            raise InputError(f"order {order!r} is no Order; create one by engine.create_order(...)")
        if self.order_manager.order(order.order_id) is not order:
            raise OrderError(f"order {order.order_id} is another one here; create it by engine.create_order(...)")
        return order

    def _is_pulled(self, order: Order) -> bool:
        return isinstance(self.broker, BacktestBroker) and self.broker.is_pulled(order)

    async def get_execution_stats(self) -> dict[str, Any]:
        """Figures of the run so far; docs/engine.md has the definition of each.

        Returns:
            ``metrics``: counts of orders by their end, ``fill_rate``, ``rejection_rate``. ``execution``: volume, commission by
            currency, slippage. ``events``: how many are kept. Rates and averages are 0.0 where there is nothing to count.
        """
        return {**self._ear.stats.snapshot(), "events": {"kept": len(self._bus.history)}}

    # --- market data ---------------------------------------------------------------------------------------------------

    def _see(self, instrument: Instrument, row: Row) -> None:
        self.market(instrument).hear(row.columns, row.is_bar)

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol; OrderError if it is not traded here."""
        return self.order_manager.instrument(symbol)

    def market(self, of: Instrument | str) -> SeenMarket:
        """What is known of an instrument from the market data that were handed in here."""
        instrument = self.instrument(of) if isinstance(of, str) else of
        seen = self._seen.get(instrument.symbol)
        if seen is None:
            seen = self._seen[instrument.symbol] = SeenMarket(self._sim, instrument)
        return seen


_STEPS: Mapping[EventType, Callable[[DefaultExecutionEngine, Mapping[str, Any]], Any]] = {
    EventType.SIGNAL: DefaultExecutionEngine._signal,
    EventType.ORDER: DefaultExecutionEngine._order,
    EventType.CANCEL: DefaultExecutionEngine._cancel,
    EventType.MARKET_DATA: DefaultExecutionEngine._market_data,
}
"""What is done at once; FILL and TIMER may take time."""


def _account(broker: BacktestBroker | OrderLines, risk: RiskPortfolioContainer | None) -> Portfolio:
    """The one account of a broker and a risk."""
    if isinstance(broker, type) or not callable(getattr(broker, "on_reports", None)):
        raise InputError(f"broker {broker!r} is no broker; give a BacktestBroker, or a Broker with lines to venues")
    if risk is not None and not isinstance(risk, RiskPortfolioContainer):
        raise InputError(f"risk {risk!r} is no RiskPortfolioContainer; give RiskPortfolioContainer(portfolio=...)")
    of_broker = getattr(broker, "portfolio_state", None)
    of_risk = None if risk is None else risk.get_portfolio_state()
    if of_broker is not None and of_risk is not None and of_broker is not of_risk:
        raise InputError("broker and risk have different accounts; give the broker risk.get_portfolio_state()")
    account = of_broker if of_risk is None else of_risk
    if account is None:
        raise InputError(
            f"{type(broker).__name__} has no account; give risk=RiskPortfolioContainer(initial_capital=...)"
        )
    if not isinstance(account, Portfolio):
        raise InputError(
            f"the account {account!r} of the broker is no Portfolio, which risk needs to reserve in; give one"
        )
    return account
