"""The backtest engine: data, a strategy, and between them the same manager, risk, broker and models as everywhere."""

from __future__ import annotations

import inspect
import time
from collections import deque
from collections.abc import Mapping

from simexec.backtest.audience import Audience
from simexec.backtest.book_feed import BookFeed, check_length
from simexec.backtest.config import BacktestConfig
from simexec.backtest.data import UNIX, BookData, ClippedTape, DataLoader, DataRequest, MarketSource
from simexec.backtest.equity import Days, EquityCurve, LocalDays, SessionDays
from simexec.backtest.pump import Pump, TapedMarket
from simexec.backtest.results import BacktestResults
from simexec.backtest.round_trips import RoundTrips
from simexec.backtest.sessions import session_calendar
from simexec.backtest.strategy import Strategy
from simexec.backtest.trader import Trader
from simexec.errors import InputError, SimulationError
from simexec.execution.backtest_broker import BacktestBroker
from simexec.execution.circuit_breaker import ExecutionCircuitBreaker
from simexec.execution.engine import DefaultExecutionEngine
from simexec.execution.risk import RiskPortfolioContainer
from simexec.sim import Simulation, current_simulation, format_duration
from simexec.trading.events import Event, EventType
from simexec.trading.portfolio import Portfolio
from simexec.trading.report import Fill
from simexec.venue.hours import SessionCalendar


class UnifiedBacktestEngine:
    """Runs strategies on historical or synthetic data.

    ``await engine.run(strategy, loader)`` runs in the simulation that is running, or whose ``with`` block we are in; if there is
    none, in one of its own, from beginning to end before it returns, so that it can be awaited under ``asyncio`` and in a
    notebook too.

    Args:
        config: what the backtest depends on.

    Raises:
        InputError: something else than a ``BacktestConfig``.
    """

    def __init__(self, config: BacktestConfig) -> None:
        if not isinstance(config, BacktestConfig):
            raise InputError(f"config {config!r} is no BacktestConfig; give BacktestConfig(start_date=..., ...)")
        self.config = config

    async def run(self, strategy: Strategy, data_loader: DataLoader) -> BacktestResults:
        """Run a strategy once.

        Raises:
            InputError: the strategy has no method to be told by, or the data are missing or wrong.
            SimulationError: the simulation's clock has passed the start already.
            InvariantError: the account does not balance at the end.
        """
        if not callable(getattr(data_loader, "load", None)):
            raise InputError(f"data loader {data_loader!r} has no method load(request); see docs/backtest.md")
        sources = {}
        for symbol, instrument in self.config.traded.items():
            request = DataRequest(instrument, self.config.start, self.config.end, self.config.calendar)
            found = data_loader.load(request)
            sources[symbol] = await found if inspect.isawaitable(found) else found
        try:
            sim = current_simulation()
        except SimulationError:
            with Simulation(seed=self.config.seed, epoch=self.config.epoch) as own:
                results: BacktestResults = own.run(_Run(own, self.config, sources, strategy).go())
                return results
        return await _Run(sim, self.config, sources, strategy).go()


class _Run:
    """One run: its components, and what it collects."""

    def __init__(
        self, sim: Simulation, config: BacktestConfig, sources: Mapping[str, MarketSource], strategy: Strategy
    ) -> None:
        self._began = time.perf_counter()
        self._sim = sim
        self._config = config
        self._epoch_ns = round((sim.epoch - UNIX).total_seconds()) * 10**9
        self._start = round((config.start - sim.epoch).total_seconds()) * 10**9
        self._end = round((config.end - sim.epoch).total_seconds()) * 10**9
        if self._start < sim.now:
            raise SimulationError(
                f"the backtest begins {config.start}, and the clock of the simulation shows {format_duration(sim.now)} since"
                f" {sim.epoch}; run it in a simulation of its own"
            )
        traded = config.traded
        hours = None
        if config.calendar is not None:
            hours = session_calendar(config.calendar, config.start.date(), config.end.date(), sim.epoch)
        self._hours: SessionCalendar | None = hours
        self.portfolio = Portfolio(config.initial_capital, config.currency)
        risk = RiskPortfolioContainer(
            portfolio=self.portfolio, limits=config.limits, sizing=config.sizing, instruments=traded.values()
        )
        self.broker = BacktestBroker(
            self.portfolio,
            market_simulator=config.simulator(),
            instruments=traded.values(),
            latencies=config.latencies,
            hours=hours,
            sim=sim,
        )
        breaker = None
        if config.circuit_breaker is not None:
            breaker = ExecutionCircuitBreaker(config.circuit_breaker, sim=sim)
        self.engine = DefaultExecutionEngine(
            self.broker,
            risk=risk,
            circuit_breaker=breaker,
            history=config.history,
            max_order_age=config.max_order_age,
            cleanup_interval=config.cleanup_interval,
            sim=sim,
        )
        self.trader = Trader(sim, self.engine, traded, config.currency, config.zone, config.lookback)
        self.audience = Audience(sim, strategy, self.trader, self.engine)
        days: Days = LocalDays(sim.epoch, config.timezone)
        if hours is not None:
            days = SessionDays([one.close_ns for one in hours.sessions])
        self.curve = EquityCurve(config.history, days)
        self.round_trips = RoundTrips(config.history)
        self.fills: deque[Fill] = deque(maxlen=config.history)
        self.engine.on(EventType.FILL, self._filled)
        self.engine.on(EventType.BUST, self._busted)
        taped = []
        self.books: list[BookFeed] = []
        for symbol, source in sources.items():
            if isinstance(source, BookData):
                check_length(config.end - config.start)
                seen = self.engine.market(symbol)
                self.books.append(BookFeed(sim, self.broker, seen, source, self.audience, self.record))
                continue
            venue = self.broker.venue(traded[symbol])
            tape = ClippedTape(source, self._epoch_ns, self._start, self._end)
            taped.append(TapedMarket(tape, venue, self.engine.market(symbol), self.portfolio.mark))
        self.pump = Pump(sim, taped, self.audience, self.trader.remember, self.record)

    async def go(self) -> BacktestResults:
        """Run from start to end."""
        sim, manager = self._sim, self.engine.order_manager
        await sim.timeout(self._start - sim.now)
        self.record(sim.now)
        self.audience.tell("on_start")
        for feed in self.books:
            feed.start()
        await self.pump.start()
        if self.books:
            await sim.timeout(self._end - sim.now)
        await self.audience.done()
        self.audience.tell("on_stop")
        await self.audience.done()
        await manager.cancel_all(why="the backtest has ended")
        self.broker.end_run()
        await sim.timeout(0)
        for order in manager.orders():
            await manager.wait_final(order)
        await sim.timeout(0)  # the events of the last reports
        self.record(sim.now)
        self.portfolio.check()
        return BacktestResults(
            config=self._config,
            epoch=sim.epoch,
            curve=self.curve,
            account=self.curve.statistics(),
            round_trips=self.round_trips.statistics(self._config.currency),
            trades=self.round_trips.trips,
            fills=tuple(self.fills),
            events=self.engine.history,
            portfolio=self.portfolio.snapshot(sim.now),
            stats=await self.engine.get_execution_stats(),
            rows=self.pump.rows + sum(feed.rows for feed in self.books),
            seconds=time.perf_counter() - self._began,
            assumptions=_assumptions(self._config, bool(self.books)),
        )

    def record(self, now_ns: int) -> None:
        """Note what the account is worth."""
        currency, portfolio = self._config.currency, self.portfolio
        equity = exposure = 0
        for position in portfolio.positions.values():
            if position.quantity:
                value = position.market_value
                equity += value
                exposure += abs(position.cost_basis + position.unrealised)
        self.curve.add(now_ns, equity + portfolio.cash[currency], exposure)

    def _filled(self, event: Event) -> None:
        fill = event.data["fill"]
        self.round_trips.add(fill)
        self.fills.append(fill)
        self.audience.tell("on_fill", fill)

    def _busted(self, event: Event) -> None:
        self.round_trips.remove(event.data["fill"])


def _assumptions(config: BacktestConfig, has_books: bool) -> dict[str, str]:
    """What the figures rest on, in words."""
    lines = {
        "fills": "at order books, by price and time"
        if has_books
        else "from bars and quotes: orders take part in rows that begin when they have arrived or later",
        "slippage": "none" if config.slippage is None else repr(config.slippage),
        "commission": "none" if config.commission is None else repr(config.commission),
        "impact": "none" if config.impact is None else repr(config.impact),
        "participation": f"at most {config.participation} of a bar's volume or quote's size",
        "latency": "none" if config.latencies is None else repr(config.latencies),
        "sessions": "always open" if config.calendar is None else config.calendar,
        "risk": repr(config.limits) if config.limits is not None else "pays in full, sells what it has",
        "returns": f"daily, {config.periods_per_year} a year, risk-free {config.risk_free_rate} a year",
        "seed": str(config.seed),
    }
    return lines
